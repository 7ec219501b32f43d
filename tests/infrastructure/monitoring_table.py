"""What the monitoring files say, for tests and scrape_check.py: metrics and labels that PromQL names, the table of
known metrics, rules, dashboards."""
import glob
import json
import os
import re

import yaml

REPOSITORY = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
MONITORING = os.path.join(REPOSITORY, "infrastructure/monitoring")
TOKEN = re.compile(r"""\s+|#[^\n]*|(?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?P<range>\[[^\]]*\])"""
                   r"""|(?P<number>\d[\w.]*)|(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)|(?P<other>=~|!~|!=|==|>=|<=|.)""", re.S)
GROUPING = {"by", "without", "on", "ignoring", "group_left", "group_right"}
WORDS = {"and", "or", "unless", "bool", "offset", "inf", "nan", "start", "end"}


def read_yaml(path):
    with open(path, encoding="utf-8") as file:
        return yaml.safe_load(file)


def named(expression):
    """({metric: labels it is selected by}, labels that results are grouped by) of a PromQL expression."""
    tokens = [(m.lastgroup, m[0]) for m in TOKEN.finditer(expression) if m.lastgroup]
    metrics, grouped, i = {}, set(), 0
    while i < len(tokens):
        kind, text = tokens[i]
        following = tokens[i + 1][1] if i + 1 < len(tokens) else ""
        i += 1
        if kind != "name":
            continue
        if text in GROUPING and following == "(":
            i += 1
            while tokens[i][1] != ")":
                if tokens[i][0] == "name":
                    grouped.add(tokens[i][1])
                i += 1
        elif text.lower() in WORDS or text in GROUPING or (following == "(") or \
                (following in ("by", "without") and i + 1 < len(tokens) and tokens[i + 1][1] == "("):
            continue
        else:
            labels = metrics.setdefault(text, set())
            if following == "{":
                i += 1
                while tokens[i][1] != "}":
                    if tokens[i][0] == "name":
                        labels.add(tokens[i][1])
                    i += 1
    return metrics, grouped


class Table:
    """infrastructure/monitoring/metrics.yml"""

    def __init__(self):
        content = read_yaml(os.path.join(MONITORING, "metrics.yml"))
        self.target_labels = set(content["target_labels"])
        self.processes = content["processes"]
        self.exporters = content["exporters"]
        self.sources = {}  # metric as named in the table: (who exports it, entry)
        for who, metrics in self.processes.items():
            for name, entry in metrics.items():
                self.sources[name] = (who, entry)
        for who, exporter in self.exporters.items():
            for name, entry in exporter["metrics"].items():
                self.sources[name] = (who, entry)

    def find(self, series):
        """(who, name, entry, labels) of the metric a series belongs to, or None."""
        parts = [(series[:-len(s)], s) for s in ("_bucket", "_count", "_sum") if series.endswith(s)]
        for name, suffix in [(series, "")] + parts:
            if name in self.sources:
                who, entry = self.sources[name]
                if (entry["type"] == "histogram") == bool(suffix):
                    return who, name, entry, set(entry.get("labels", [])) | ({"le"} if suffix == "_bucket" else set())
        return None


def rule_files():
    return sorted(glob.glob(os.path.join(MONITORING, "prometheus/rules/*.yml")))


def rules():
    for path in rule_files():
        for group in read_yaml(path)["groups"]:
            for rule in group["rules"]:
                yield os.path.basename(path), rule


def dashboards():
    for path in sorted(glob.glob(os.path.join(MONITORING, "grafana/dashboards/*.json"))):
        with open(path, encoding="utf-8") as file:
            yield os.path.basename(path), json.load(file)


def panels(dashboard):
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])


def dashboard_queries(dashboard, window="5m"):
    """(panel's title, PromQL) with the variables filled in, as Grafana does for "All"."""
    for panel in panels(dashboard):
        for target in panel.get("targets", []):
            if target["datasource"]["type"] == "prometheus":
                yield panel["title"], filled(target["expr"], window)
    for annotation in dashboard["annotations"]["list"]:
        yield "annotation " + annotation["name"], filled(annotation["expr"], window)


def filled(expression, window="5m"):
    return expression.replace("$__rate_interval", window).replace("$namespace", ".*")
