"""What the checks know about the product: read from the sources, so that it cannot go stale."""
import glob
import os
import re

import yaml

from .kubectl import REPOSITORY

INTENT = os.path.join(REPOSITORY, "infrastructure", "k8s", "intent")
# Prefixes of what the exporters beside PostgreSQL and Redis, the kubelets and the monitoring stack export.
FOREIGN = ("pg_", "redis_", "kube_", "container_", "kubelet_", "node_", "prometheus_", "alertmanager_", "loki_",
           "probe_", "process_", "go_")


def read(*path):
    with open(os.path.join(REPOSITORY, *path), encoding="utf-8") as file:
        return file.read()


def sources(*patterns):
    for pattern in patterns:
        for path in glob.glob(os.path.join(REPOSITORY, pattern), recursive=True):
            yield read(path)


class Facts:
    def __init__(self):
        code = list(sources("src/**/*.hpp", "src/**/*.cpp", "apps/*.cpp", "apps/*.hpp"))
        self.version = re.search(r"VERSION (\d+\.\d+\.\d+)", read("CMakeLists.txt")).group(1)
        self.metrics = {m for text in code for m in re.findall(r'"(pricing_[a-z0-9_]+)"', text)}
        self.settings = self._settings(code)
        intent = yaml.safe_load(read("infrastructure", "k8s", "intent", "images.yml"))
        self.ours = tuple(intent["ours"])
        self.images = {f"{name}:v{self.version}{variant}" for name, variants in intent["ours"].items() for variant in variants}
        self.images |= {f"{name}:{tag}" for name, tag in intent["others"].items()}
        self.secrets = set(yaml.safe_load(read("infrastructure", "k8s", "intent", "secrets.yml")))
        self.reachability = yaml.safe_load(read("infrastructure", "k8s", "intent", "reachability.yml"))

    @staticmethod
    def _settings(code):
        """PRICING_<SECTION>_<NAME> of every described struct that is read as a section."""
        structs, out = {}, {"PRICING_CONFIG", "PRICING_LOG_LEVEL"}
        for text in code:
            spaces = re.findall(r"namespace pricing::(\w+)", text)
            for name, members in re.findall(r"BOOST_DESCRIBE_STRUCT\((\w+), \(\),\s*\(([^)]*)\)\)", text):
                fields = [m.strip() for m in members.split(",")]
                structs.setdefault(name, set()).update(fields)
                if spaces:
                    structs.setdefault(f"{spaces[0]}::{name}", set()).update(fields)
        for text in code:
            for kind, section in re.findall(r'read<([\w:]+)>\("(\w+)"\)', text):
                for field in structs.get(kind, structs.get(kind.split("::")[-1], ())):
                    out.add(f"PRICING_{section}_{field}".upper())
        return out

    def is_ours(self, image):
        return image.split("@")[0].rpartition(":")[0] in self.ours

    def inside(self):
        """(namespace, name) of our own pods in any namespace, as reachability.yml has them."""
        from .reach import intended
        names = {x.rpartition(":")[0] for to in intended(self.reachability).values() for x in to}
        names |= set(intended(self.reachability))
        return {tuple(n.split("/")) for n in names if "/" in n}

    def exported(self, metric):
        base = re.sub(r"_(bucket|sum|count|total)$", "", metric)
        return metric in self.metrics or base in self.metrics or metric == "up" or metric.startswith(FOREIGN)

    def knows_setting(self, name):
        return name in self.settings or (name.endswith("_FILE") and name[:-5] in self.settings)
