"""settle.py FOLDER: an image as `buildah push IMAGE dir:FOLDER` wrote it loses what only tells which build made it.

The container it was made in, that container's host name, the parent among cached layers and the words of the history: of
two builds of one commit these are all that differs. The layers stay as they are. Prints the digest of the manifest."""
import hashlib
import json
import os
import sys


def settled(config):
    """The same image without the names of what it was built in."""
    kept = {key: config[key] for key in ("architecture", "os", "created", "rootfs")}
    kept["config"] = {key: value for key, value in config["config"].items() if key not in ("Hostname", "Image") and value}
    # One entry for each layer: an image that is built on this one needs them.
    kept["history"] = [{"created": config["created"], "created_by": "COPY"} for _ in config["rootfs"]["diff_ids"]]
    return kept


def settle(folder):
    path = os.path.join(folder, "manifest.json")
    with open(path, encoding="utf-8") as file:
        manifest = json.load(file)
    old = os.path.join(folder, manifest["config"]["digest"].removeprefix("sha256:"))
    with open(old, encoding="utf-8") as file:
        text = json.dumps(settled(json.load(file)), sort_keys=True, separators=(",", ":")).encode()
    os.remove(old)
    digest = hashlib.sha256(text).hexdigest()
    with open(os.path.join(folder, digest), "wb") as file:
        file.write(text)
    manifest["config"].update(digest="sha256:" + digest, size=len(text))
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
    with open(path, "wb") as file:
        file.write(text)
    return "sha256:" + hashlib.sha256(text).hexdigest()


if __name__ == "__main__":
    print(settle(sys.argv[1]))
