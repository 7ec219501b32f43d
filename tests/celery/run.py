"""Runs the interoperation tests with the Celery of the Python that runs this:
python3 tests/celery/run.py [--filter WORD] [--junit FILE] [--binaries build/release/bin]"""
import argparse
import gc
import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "support")]
from cases import Results, end_cleanly_at_signals  # noqa: E402
from stage import REPOSITORY, Stage  # noqa: E402


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--filter", default="")
    options.add_argument("--junit")
    options.add_argument("--binaries", default=os.path.join(REPOSITORY, "build/release/bin"))
    options = options.parse_args()
    end_cleanly_at_signals()
    # A result of Celery unsubscribes when it is destroyed; the collector may do that while redis-py holds the lock that
    # this needs, for ever. So garbage is collected between the cases only.
    gc.disable()
    stage = Stage(options.binaries)

    def before():
        gc.collect()
        stage.clear()

    results = Results("celery", before=before)
    os.environ["BROKER"] = stage.url
    try:
        import celery
        print(f"Celery {celery.__version__}")
        results.run_all(HERE, options.filter, stage)
    finally:
        stage.remove()
        if options.junit:
            results.write_junit(options.junit)
    return results.summary()


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # results of Celery look for their Redis when they are destroyed
