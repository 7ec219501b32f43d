"""Finds and runs black box tests: functions test_* of the files cases_*.py beside a runner, in order."""
import glob
import importlib
import os
import signal
import sys
import time
import traceback
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr


class Stopped(BaseException):
    pass


class NotAskedFor(Exception):
    """Raised by a case that runs only where somebody names what it needs; says what that is."""


def _stop_at_signal(number, _frame):
    raise Stopped(f"signal {number}")


def end_cleanly_at_signals():
    signal.signal(signal.SIGTERM, _stop_at_signal)
    signal.signal(signal.SIGINT, _stop_at_signal)


def modules_of(folder):
    return [os.path.basename(path)[:-3] for path in sorted(glob.glob(os.path.join(folder, "cases_*.py")))]


class Results:
    def __init__(self, suite, before=lambda: None):
        self.suite, self.before, self.all, self.not_asked_for = suite, before, [], []

    def run(self, module, name, case, *arguments):
        """True when the case passed."""
        begin = time.monotonic()
        failure = None
        try:
            self.before()
            case(*arguments)
        except NotAskedFor as reason:
            self.not_asked_for.append((module, name, str(reason)))
            print(f"not asked for  {name}: {reason}", flush=True)
            return True
        except Exception:
            failure = traceback.format_exc()
        seconds = time.monotonic() - begin
        self.all.append((module, name, seconds, failure))
        print(f"{'FAILED' if failure else 'ok    '}  {name} ({seconds:.1f} s)", flush=True)
        if failure:
            print(failure, flush=True)
        return failure is None

    def run_all(self, folder, word, *arguments):
        for name in modules_of(folder):
            self.run_module(folder, name, word, *arguments)

    def run_module(self, folder, module_name, word, *arguments):
        sys.path.insert(0, folder)
        module = importlib.import_module(module_name)
        for name, value in list(vars(module).items()):
            if name.startswith("test_") and callable(value) and word in name:
                self.run(module.__name__, name, value, *arguments)

    def add_report(self, module, path, status):
        """Takes over what another process wrote with write_junit; one that ended badly without a failure is one."""
        found_failure = False
        if os.path.exists(path):
            for case in ElementTree.parse(path).getroot().iter("testcase"):
                failure, skipped = case.find("failure"), case.find("skipped")
                found_failure = found_failure or failure is not None
                if skipped is not None:
                    reason = skipped.get("message").removeprefix("not asked for: ")
                    self.not_asked_for.append((case.get("classname"), case.get("name"), reason))
                else:
                    self.all.append((case.get("classname"), case.get("name"), float(case.get("time")),
                                     None if failure is None else failure.text))
        if status != 0 and not found_failure:
            self.all.append((module, "runner", 0.0, f"it ended with status {status}"))

    @property
    def failed(self):
        return [r for r in self.all if r[3]]

    def write_junit(self, path):
        suite, tests, failures = quoteattr(self.suite), len(self.all) + len(self.not_asked_for), len(self.failed)
        with open(path, "w", encoding="utf-8") as out:
            out.write('<?xml version="1.0" encoding="UTF-8"?>\n')
            out.write(f'<testsuites tests="{tests}" failures="{failures}"><testsuite name={suite} '
                      f'tests="{tests}" failures="{failures}">\n')
            for module, name, seconds, failure in self.all:
                out.write(f"<testcase classname={quoteattr(module)} name={quoteattr(name)} time=\"{seconds:.3f}\">")
                if failure:
                    message = quoteattr(failure.strip().splitlines()[-1][:300])
                    out.write(f"<failure message={message}>{escape(failure)}</failure>")
                out.write("</testcase>\n")
            for module, name, reason in self.not_asked_for:
                out.write(f"<testcase classname={quoteattr(module)} name={quoteattr(name)} time=\"0\">"
                          f"<skipped message={quoteattr('not asked for: ' + reason)}/></testcase>\n")
            out.write("</testsuite></testsuites>\n")

    def summary(self):
        """Prints it; the exit status."""
        others = f", {len(self.not_asked_for)} not asked for" if self.not_asked_for else ""
        print(f"{self.suite}: {len(self.all) - len(self.failed)} of {len(self.all)} passed{others}")
        return 1 if self.failed or not self.all else 0
