"""Only the cases of the workflows: python3 tests/infrastructure/workflows_test.py [--filter WORD]"""
import argparse
import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "support")]
import cases_workflows  # noqa: E402
from cases import Results  # noqa: E402

if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--filter", default="")
    options = options.parse_args()
    results = Results("workflows")
    for name, case in list(vars(cases_workflows).items()):
        if name.startswith("test_") and options.filter in name:
            results.run("cases_workflows", name, case)
    sys.exit(results.summary())
