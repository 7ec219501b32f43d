"""Runs the system tests: python3 tests/system/run.py [--filter WORD] [--junit FILE] [--keep]"""
import argparse
import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "support")]
from cases import Results, end_cleanly_at_signals  # noqa: E402
from product import Product  # noqa: E402


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--filter", default="")
    options.add_argument("--junit")
    options.add_argument("--keep", action="store_true", help="leave the product's folder for a look")
    options = options.parse_args()
    end_cleanly_at_signals()
    results = Results("system")
    product = Product()
    try:
        if results.run("start", "the_product_starts_in_an_empty_folder", product.start):
            results.run_all(HERE, options.filter, product)
    finally:
        if options.keep:
            product.own_folder = False
            print(f"kept: {product.folder}")
        product.remove()
        if options.junit:
            results.write_junit(options.junit)
    return results.summary()


if __name__ == "__main__":
    sys.exit(main())
