"""Compose files: what Prometheus, Loki and Grafana are mounted must be what they read."""
import glob
import os
import re

from .model import Finding, at
from .watching import dashboard, parsed


class Mounted:
    """Paths of a container as paths of the checkout; None where nothing of it is mounted."""

    def __init__(self, folder, mounts):
        self.pairs = sorted(((target.rstrip("/"), os.path.normpath(os.path.join(folder, source)))
                             for source, target, _ in mounts if source.startswith(".")), reverse=True)

    def here(self, path):
        for target, source in self.pairs:
            if path == target or path.startswith(target + "/"):
                return source + path[len(target):]
        return None

    def text(self, path):
        place = path and self.here(path)
        if not place or not os.path.isfile(place):
            return None
        with open(place, encoding="utf-8") as file:
            return file.read()


def option(command, name, default):
    found = re.search(rf"--?{re.escape(name)}[= ](\S+)", command)
    return found.group(1) if found else default


def of_service(name, image, command, mounted):
    if re.search(r"(^|/)prometheus(:|@|$)", image):
        yield from prometheus(name, command, mounted)
    elif re.search(r"(^|/)loki(:|@|$)", image):
        config = parsed(mounted.text(option(command, "config.file", "/etc/loki/local-config.yaml")) or "")
        on = at(config, "compactor", "retention_enabled")
        if not at(config, "limits_config", "retention_period") or on is not True:
            yield Finding("retention", name, "logs are kept for ever")
    elif re.search(r"(^|/)grafana(-oss)?(:|@|$)", image):
        yield from grafana(name, mounted)


def prometheus(name, command, mounted):
    path = option(command, "config.file", "/etc/prometheus/prometheus.yml")
    config = parsed(mounted.text(path) or "")
    if "--storage.tsdb.retention" not in command:
        yield Finding("retention", name, "Prometheus is given no retention")
    for pattern in at(config, "rule_files", default=[]):
        place = mounted.here(os.path.normpath(os.path.join(os.path.dirname(path), pattern)))
        if not place or not glob.glob(place):
            yield Finding("rules-unread", name, f"nothing is mounted where rule_files says: {pattern}")


def grafana(name, mounted):
    folder = mounted.here("/etc/grafana/provisioning/dashboards")
    for file in glob.glob(os.path.join(folder, "*.y*ml")) if folder else []:
        with open(file, encoding="utf-8") as text:
            providers = at(parsed(text.read()), "providers", default=[])
        for provider in providers:
            place = mounted.here(at(provider, "options", "path", default=""))
            boards = glob.glob(os.path.join(place, "*.json")) if place else []
            if not boards:
                yield Finding("dashboards-unread", name, f"{os.path.basename(file)} names a folder without dashboards")
            for board in boards:
                with open(board, encoding="utf-8") as text:
                    yield from dashboard(name, os.path.basename(board), text.read())
