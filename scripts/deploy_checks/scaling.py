"""Autoscalers and disruption budgets."""
import re

from .model import Finding, at, matches, name_of, namespace_of, where


def target(tree, doc, path=("spec", "scaleTargetRef")):
    ref = at(doc, *path, default={})
    kind = ref.get("kind", "Deployment")
    return next((w for w in tree.workloads if w.kind == kind and w.name == ref.get("name") and
                 w.namespace == namespace_of(doc)), None)


def query_metrics(query):
    """Metric names of a PromQL expression: words before { or [ or an operator that are no function, label or keyword."""
    bare = re.sub(r'"[^"]*"', '""', query)
    bare = re.sub(r"\{[^}]*\}", "{}", bare)
    bare = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    words = re.findall(r"[a-zA-Z_:][a-zA-Z0-9_:]*(?!\s*\()\b", re.sub(r"[a-zA-Z_]+\s*\(", "(", bare))
    return {w for w in words if w not in ("and", "or", "unless", "bool", "offset", "inf", "nan") and len(w) > 2 and
            not re.fullmatch(r"[smhdwy]|ms", w)}


def autoscalers(tree, facts):
    seen = {}
    for doc in tree.of("HorizontalPodAutoscaler", "ScaledObject"):
        found = target(tree, doc)
        if not found:
            yield Finding("autoscaler-target", where(doc), "what it scales is not there")
            continue
        key = (found.namespace, found.kind, found.name)
        if key in seen:
            yield Finding("autoscaler-target", where(doc), f"{seen[key]} scales the same {found.kind}")
        seen[key] = where(doc)
        replicas = at(found.doc, "spec", "replicas")
        if replicas is not None:
            yield Finding("autoscaler-target", found.where, f"replicas: {replicas} is set back at every apply")
        if doc["kind"] == "ScaledObject":
            yield from keda(doc, facts)
            continue
        for metric in at(doc, "spec", "metrics", default=[]):
            kind = metric.get("type")
            if kind == "Resource":
                what = at(metric, "resource", "name")
                for c in found.containers:
                    if at(c, "resources", "requests", what) is None:
                        yield Finding("autoscaler-metric", where(doc), f"{what} of {c['name']} has no request to be a share of")
            elif kind in ("Pods", "Object", "External"):
                name = at(metric, kind.lower(), "metric", "name", default="")
                adapter = any("metrics.k8s.io" in name_of(d) for d in tree.of("APIService"))
                if not facts.exported(name) or not adapter:
                    yield Finding("autoscaler-metric", where(doc), f"nobody serves the metric {name}")


def keda(doc, facts):
    for trigger in at(doc, "spec", "triggers", default=[]):
        for name in query_metrics(at(trigger, "metadata", "query", default="")):
            if not facts.exported(name):
                yield Finding("autoscaler-metric", where(doc), f"nobody exports {name}")


def vertical(tree, facts):
    """Two autoscalers turning the same knob chase each other."""
    horizontal = {(namespace_of(d), at(d, "spec", "scaleTargetRef", "name")) for d in
                  tree.of("HorizontalPodAutoscaler", "ScaledObject")}
    for doc in tree.of("VerticalPodAutoscaler"):
        name = at(doc, "spec", "targetRef", "name")
        if not target(tree, doc, ("spec", "targetRef")):
            yield Finding("autoscaler-target", where(doc), "what it scales is not there")
        mode = at(doc, "spec", "updatePolicy", "updateMode", default="Auto")
        if mode != "Off" and (namespace_of(doc), name) in horizontal:
            yield Finding("autoscaler-conflict", where(doc), f"{name} is scaled by the number of pods too")


def expected(tree, w):
    """The fewest pods that a workload has when all is well."""
    for doc in tree.of("HorizontalPodAutoscaler", "ScaledObject"):
        if target(tree, doc) is w:
            return at(doc, "spec", "minReplicas", default=at(doc, "spec", "minReplicaCount", default=1))
    return at(w.doc, "spec", "replicas", default=1)


def amount(value, of):
    if isinstance(value, str) and value.endswith("%"):
        return -(-of * int(value[:-1]) // 100)
    return int(value)


def budgets(tree, facts):
    for doc in tree.of("PodDisruptionBudget"):
        chosen = [w for w in tree.workloads if w.kind in ("Deployment", "StatefulSet") and w.namespace == namespace_of(doc)
                  and matches(at(doc, "spec", "selector"), w.labels)]
        if not chosen:
            yield Finding("selector", where(doc), "the budget is about no pod")
            continue
        pods = sum(expected(tree, w) for w in chosen)
        least, most = at(doc, "spec", "minAvailable"), at(doc, "spec", "maxUnavailable")
        allowed = amount(most, pods) if most is not None else pods - amount(least if least is not None else 1, pods)
        if allowed < 1:
            yield Finding("budget", where(doc), f"of {pods} pods none may ever be evicted: no node can be drained")


CHECKS = (autoscalers, vertical, budgets)
