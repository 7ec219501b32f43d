"""The images, as far as they can be checked without building one: what goes in, what it weighs, that it runs alone."""
import glob
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time

REPOSITORY = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
FOLDER = os.path.join(REPOSITORY, "infrastructure", "docker")
LIMITS_MB = {"web": 80, "ml": 150, "worker": 150, "ctl": 150, "backup": 150}
STAGES = {"Dockerfile.backup": ["build", "server", "backup"], "Dockerfile.web": ["build", "web"], "Dockerfile.ml": ["build", "gpu", "cpu"],
          "Dockerfile.worker": ["build", "ctl", "worker"]}


def dockerfiles():
    for name in sorted(STAGES):
        with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
            yield name, file.read()


def stages_of(text):
    """{name: instructions}, in order."""
    parts = re.split(r"^FROM \S+ AS (\w+)\n", text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def compile_probe(folder):
    probe = os.path.join(folder, "pricing-probe")
    subprocess.run(["g++", "-std=c++20", "-O1", "-Wall", "-Wextra", "-Werror", "-o", probe, os.path.join(FOLDER, "probe.cpp")],
                   check=True)
    return probe


def test_the_dockerfiles_share_their_build_and_end_in_the_application(stage):
    heads = set()
    for name, text in dockerfiles():
        stages = stages_of(text)
        assert list(stages) == STAGES[name], (name, list(stages))
        heads.add(text[text.index("ARG BASE"):text.index("\nFROM ", text.index(" AS build"))])
        for image, body in list(stages.items())[1:]:
            if image == "server":
                continue  # the server's own image, which only lends its programs
            assert re.search(r"^USER 10001:10001$", body, re.M), (name, image)
            assert re.search(r'^ENTRYPOINT \["pricing-\w+"\]$', body, re.M), (name, image)
            assert image in ("ctl", "backup") or re.search(r'^HEALTHCHECK .* CMD \["pricing-probe", "\d+", "/health/live"\]$', body, re.M), image
            assert "RUN" not in body, "it has no shell"
            for label in ("title", "description", "source", "licenses", "version", "revision"):
                assert f"org.opencontainers.image.{label}=" in body, (name, image, label)
    assert len(heads) == 1, "building all would compile more than once"


def test_each_image_runs_alone_and_is_small(stage):
    """The root folder of each image, made of the binaries at hand, entered with nothing else in sight."""
    with tempfile.TemporaryDirectory() as folder:
        binaries, ui, roots = (os.path.join(folder, n) for n in ("binaries", "ui", "roots"))
        os.mkdir(binaries)
        os.makedirs(os.path.join(ui, "api-docs"))
        compile_probe(binaries)
        for binary in glob.glob(os.path.join(stage.binaries, "pricing-*")):
            shutil.copy(binary, binaries)
        environment = {**os.environ, "BINARIES": binaries, "UI": ui, "ROOTS": roots, "SOURCE_DATE_EPOCH": "1700000000"}
        subprocess.run([os.path.join(FOLDER, "build.sh"), "roots"], cwd=REPOSITORY, env=environment, check=True, timeout=300)
        enter = ["chroot"] if os.geteuid() == 0 else ["unshare", "-r", "chroot"]
        for image, limit in LIMITS_MB.items():
            root, size, newest = os.path.join(roots, image), 0, 0
            for below, folders, files in os.walk(root):
                for name in folders + files:
                    found = os.lstat(os.path.join(below, name))
                    newest = max(newest, found.st_mtime)
                    size += found.st_size if name in files else 0
            print(f"    {image}: {size / 1e6:.1f} MB")
            assert size < limit * 1e6, (image, size)
            assert newest == 1700000000, "two builds would differ"
            names = {f for _, _, files in os.walk(root) for f in files}
            if image == "backup":  # PostgreSQL runs restore_command in a shell
                names -= {"sh"}
            assert not names & {"sh", "bash", "dash", "g++", "cc1plus", "curl", "apt-get"}, image
            for program in os.listdir(os.path.join(root, "usr/local/bin")):
                done = subprocess.run([*enter, root, "/lib64/ld-linux-x86-64.so.2", "--list", "/usr/local/bin/" + program],
                                      capture_output=True, text=True, timeout=60, check=False)
                assert done.returncode == 0 and "not found" not in done.stdout, (image, program, done)
        done = subprocess.run([*enter, os.path.join(roots, "ctl"), "/usr/local/bin/pricing-ctl", "config"], capture_output=True,
                              text=True, timeout=60, check=False, env={"PRICING_HTTP_PORT": "8123", "PATH": os.environ["PATH"]})
        assert done.returncode == 0 and "http.port = 8123" in done.stdout, done
        assert os.path.exists(os.path.join(roots, "worker/usr/share/pricing/migrations"))


def test_the_probe_tells_well_from_unwell(stage):
    def serve(answer):
        server = socket.create_server(("127.0.0.1", 0))

        def go():
            connection, _ = server.accept()
            connection.recv(1000)
            for part in answer:
                connection.sendall(part)
                time.sleep(0.05)
            if not answer:
                time.sleep(4)
            connection.close()
            server.close()
        threading.Thread(target=go, daemon=True).start()
        return str(server.getsockname()[1])

    with tempfile.TemporaryDirectory() as folder:
        probe = compile_probe(folder)

        def asks(*arguments):
            return subprocess.run([probe, *arguments], capture_output=True, timeout=20, check=False).returncode
        assert asks(serve([b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"]), "/health/live") == 0
        assert asks(serve([b"HTTP/1", b".1 2", b"00 OK\r\n\r\n"]), "/") == 0, "in pieces"
        for answer in ([b"HTTP/1.1 503 Service Unavailable\r\n\r\n"], [b"HTTP/1.1 2"], [b"nonsense 200 of another kind"], []):
            assert asks(serve(answer), "/health/live") == 1, answer
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            assert asks(str(nobody.getsockname()[1]), "/health/live") == 1
        assert asks() == 2 and asks("1", "/" + "x" * 2000) != 0


def test_the_context_leaves_out_what_git_ignores(stage):
    with open(os.path.join(REPOSITORY, ".dockerignore"), encoding="utf-8") as file:
        lines = [line for line in file.read().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*", "everything is left out first"
    for wanted in (line[1:] for line in lines if line.startswith("!")):
        assert wanted == "prebuilt" or os.path.exists(os.path.join(REPOSITORY, wanted)), wanted
        assert wanted not in ("var", "build", ".git"), wanted


def test_what_tells_one_build_from_the_next_leaves_the_image(stage):
    """Two builds as buildah writes them: other containers, host names, parents and histories around one layer."""
    digests = set()
    with tempfile.TemporaryDirectory() as folder:
        for build in ("one", "two"):
            image = os.path.join(folder, build)
            os.mkdir(image)
            config = json.dumps({
                "created": "2026-01-01T00:00:00Z", "container": build, "container_config": {"Hostname": build}, "parent": build,
                "config": {"Hostname": build, "User": "10001:10001", "Env": ["PATH=/usr/local/bin"], "Volumes": None},
                "architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "1" * 64]},
                "history": [{"created_by": "ARG", "comment": "FROM " + build, "empty_layer": True}, {"created_by": "COPY"}]}).encode()
            name = hashlib.sha256(config).hexdigest()
            with open(os.path.join(image, name), "wb") as file:
                file.write(config)
            with open(os.path.join(image, "manifest.json"), "w", encoding="utf-8") as file:
                json.dump({"schemaVersion": 2, "config": {"digest": "sha256:" + name, "size": len(config)}, "layers": []}, file)
            done = subprocess.run(["python3", os.path.join(FOLDER, "settle.py"), image], capture_output=True, text=True, timeout=30,
                                  check=True)
            digests.add(done.stdout.strip())
            with open(os.path.join(image, "manifest.json"), "rb") as file:
                text = file.read()
            assert done.stdout.strip() == "sha256:" + hashlib.sha256(text).hexdigest()
            with open(os.path.join(image, json.loads(text)["config"]["digest"].removeprefix("sha256:")), encoding="utf-8") as file:
                kept = json.load(file)
            assert kept["config"] == {"User": "10001:10001", "Env": ["PATH=/usr/local/bin"]}, kept
            assert len(kept["history"]) == 1, "an image built on this one counts its layers by it"
    assert len(digests) == 1, digests


def test_building_needs_a_name_it_knows(stage):
    script = os.path.join(REPOSITORY, "scripts", "build-images.sh")
    done = subprocess.run([script, "webb"], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode != 0 and "webb" in done.stderr, done
    done = subprocess.run([script, "--help"], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0 and "--prebuilt" in done.stdout, done
