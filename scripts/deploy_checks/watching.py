"""Prometheus, Loki and Grafana: what they are given must be what they read."""
import fnmatch
import json
import os

import yaml

from .model import Finding, at
from .scaling import query_metrics


def parsed(text):
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


def is_rules(text):
    groups = at(parsed(text) or {}, "groups") if "groups:" in text else None
    return isinstance(groups, list) and any("rules" in g for g in groups if isinstance(g, dict))


def prometheus(tree, facts):
    for w in tree.workloads:
        for c in w.containers:
            files = tree.files(w, c)
            for path, text in files.items():
                config = parsed(text) if os.path.basename(path).startswith("prometheus.y") else None
                if isinstance(config, dict):
                    yield from rules_are_read(tree, w, path, config, files)
                    words = " ".join(map(str, c.get("args") or []))
                    if "--storage.tsdb.retention" not in words:
                        yield Finding("retention", w.where, "Prometheus is given no retention")


def rules_are_read(tree, w, path, config, files):
    patterns = [os.path.normpath(os.path.join(os.path.dirname(path), p)) for p in config.get("rule_files") or []]
    read = {f for f in files if any(fnmatch.fnmatch(f, p) for p in patterns)}
    for d in tree.of("ConfigMap"):
        for file, text in (d.get("data") or {}).items():
            if is_rules(text) and not any(text == files[f] for f in read):
                yield Finding("rules-unread", w.where, f"{file} of {d['metadata']['name']} is in no folder of rule_files")


def dashboards(tree, facts):
    for d in tree.of("ConfigMap"):
        for file, text in (d.get("data") or {}).items():
            if file.endswith(".json") and "panels" in text:
                yield from dashboard(f"ConfigMap/{d['metadata']['name']}", file, text)
    for w in tree.workloads:
        for c in w.containers:
            for path, text in tree.files(w, c).items():
                for provider in at(parsed(text) or {}, "providers", default=[]) if "providers:" in text else []:
                    folder = at(provider, "options", "path", default="")
                    if folder not in {m["mountPath"] for m in c.get("volumeMounts") or []}:
                        yield Finding("dashboards-unread", w.where, f"{path} names {folder}, where nothing is mounted")


def dashboard(place, file, text):
    try:
        board = json.loads(text)
    except ValueError as e:
        yield Finding("dashboard", place, f"{file} is no JSON: {e}")
        return
    if "dashboard" in board:
        yield Finding("dashboard", place, f"{file} is wrapped as the HTTP API wants it, which provisioning rejects")
    elif not board.get("title") or not board.get("uid") or not board.get("panels"):
        yield Finding("dashboard", place, f"{file} has no title, uid or panels")


def loki(tree, facts):
    for d in tree.of("ConfigMap"):
        for file, text in (d.get("data") or {}).items():
            config = parsed(text) if "schema_config" in text or "limits_config" in text else None
            if not isinstance(config, dict):
                continue
            kept, on = at(config, "limits_config", "retention_period"), at(config, "compactor", "retention_enabled")
            if not kept or on is not True or not at(config, "compactor", "delete_request_store"):
                yield Finding("retention", f"ConfigMap/{d['metadata']['name']}", f"{file}: logs are kept for ever")


def every_metric(tree, facts):
    """Rules that ask for a metric of ours which no process exports never fire."""
    for d in tree.of("ConfigMap"):
        for file, text in (d.get("data") or {}).items():
            rules = [r for g in parsed(text)["groups"] for r in g.get("rules") or []] if is_rules(text) else []
            recorded = {r["record"] for r in rules if "record" in r}
            asked = {m for r in rules for m in query_metrics(str(r.get("expr", ""))) if m.startswith("pricing_")}
            for name in sorted(asked - recorded):
                if ":" not in name and not facts.exported(name):
                    yield Finding("metric", f"ConfigMap/{d['metadata']['name']}", f"{file}: no process exports {name}")


def size(tree, facts):
    """kubectl apply keeps a copy of an object in an annotation, which may have 256 KB."""
    for d in tree.documents:
        if len(json.dumps(d, default=str)) > 250_000:
            yield Finding("too-large", f"{d['kind']}/{at(d, 'metadata', 'name')}", "kubectl apply cannot keep its annotation")


CHECKS = (size, prometheus, dashboards, loki, every_metric)
