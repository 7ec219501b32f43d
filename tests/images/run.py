"""Runs the built images: python3 tests/images/run.py [--registry NAME] [--tag TAG] [--filter WORD] [--junit FILE]
Needs podman with runc and netavark, buildah, docker-compose, g++, and root."""
import argparse
import os
import re
import shutil
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.realpath(os.path.join(HERE, "..", ".."))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "support"), os.path.join(HERE, "..", "system")]
from cases import Results, end_cleanly_at_signals  # noqa: E402
from containers import Stage  # noqa: E402


def main():
    with open(os.path.join(REPOSITORY, "CMakeLists.txt"), encoding="utf-8") as file:
        version = re.search(r"^project\(pricing_agent VERSION ([\d.]+)", file.read(), re.M).group(1)
    options = argparse.ArgumentParser()
    options.add_argument("--registry", default="localhost/pricing-agent", help="as given to scripts/build-images.sh")
    options.add_argument("--tag", default="v" + version)
    options.add_argument("--filter", default="")
    options.add_argument("--junit")
    options = options.parse_args()
    missing = [c for c in ("podman", "buildah", "runc", "docker-compose", "g++") if not shutil.which(c)]
    if missing:
        sys.exit(f"tests/images needs {', '.join(missing)}: apt-get install podman buildah runc netavark aardvark-dns docker-compose")
    end_cleanly_at_signals()
    results = Results("images")
    with Stage(options.registry, options.tag) as stage:
        try:
            results.run_all(HERE, options.filter, stage)
        finally:
            if options.junit:
                results.write_junit(options.junit)
    return results.summary()


if __name__ == "__main__":
    sys.exit(main())
