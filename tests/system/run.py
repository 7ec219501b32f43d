"""Runs the system tests: python3 tests/system/run.py [--filter WORD] [--junit FILE] [--keep]"""
import argparse
import glob
import importlib
import os
import signal
import sys
import time
import traceback
from xml.sax.saxutils import escape, quoteattr

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from product import Product  # noqa: E402


class Stopped(BaseException):
    pass


def stop_at_signal(number, _frame):
    raise Stopped(f"signal {number}")


def cases(word):
    here = os.path.dirname(os.path.abspath(__file__))
    for path in sorted(glob.glob(os.path.join(here, "cases_*.py"))):
        module = importlib.import_module(os.path.basename(path)[:-3])
        for name, value in list(vars(module).items()):
            if name.startswith("test_") and callable(value) and word in name:
                yield module.__name__, name, value


def run(case, product):
    begin = time.monotonic()
    try:
        case(product)
        return time.monotonic() - begin, None
    except Exception:
        return time.monotonic() - begin, traceback.format_exc()


def junit(path, results):
    failures = sum(1 for r in results if r[3])
    with open(path, "w", encoding="utf-8") as out:
        out.write('<?xml version="1.0" encoding="UTF-8"?>\n')
        out.write(f'<testsuites tests="{len(results)}" failures="{failures}"><testsuite name="system" '
                  f'tests="{len(results)}" failures="{failures}">\n')
        for module, name, seconds, failure in results:
            out.write(f"<testcase classname={quoteattr(module)} name={quoteattr(name)} time=\"{seconds:.3f}\">")
            if failure:
                out.write(f"<failure message={quoteattr(failure.strip().splitlines()[-1][:300])}>{escape(failure)}</failure>")
            out.write("</testcase>\n")
        out.write("</testsuite></testsuites>\n")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--filter", default="")
    options.add_argument("--junit")
    options.add_argument("--keep", action="store_true", help="leave the product's folder for a look")
    options = options.parse_args()
    signal.signal(signal.SIGTERM, stop_at_signal)
    signal.signal(signal.SIGINT, stop_at_signal)

    results = []
    product = Product()
    try:
        begin = time.monotonic()
        try:
            product.start()
            results.append(("start", "the_product_starts_in_an_empty_folder", time.monotonic() - begin, None))
        except AssertionError:
            results.append(("start", "the_product_starts_in_an_empty_folder", time.monotonic() - begin,
                            traceback.format_exc()))
            print(results[-1][3])
        if results[-1][3] is None:
            for module, name, case in cases(options.filter):
                seconds, failure = run(case, product)
                results.append((module, name, seconds, failure))
                print(f"{'FAILED' if failure else 'ok    '}  {name} ({seconds:.1f} s)", flush=True)
                if failure:
                    print(failure, flush=True)
    finally:
        if options.keep:
            product.own_folder = False
            print(f"kept: {product.folder}")
        product.remove()
        if options.junit:
            junit(options.junit, results)
    failed = [r for r in results if r[3]]
    print(f"system: {len(results) - len(failed)} of {len(results)} passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
