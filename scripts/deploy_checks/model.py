"""Rendered manifests as the checks look at them."""
from collections import namedtuple

Finding = namedtuple("Finding", "check where message")
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod", "ReplicaSet")
LONG_RUNNING = ("Deployment", "StatefulSet", "DaemonSet")


def at(value, *path, default=None):
    """value[path[0]][path[1]]…, or the default where one is missing."""
    for step in path:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return default
    return default if value is None else value


def name_of(doc):
    return at(doc, "metadata", "name", default="")


def namespace_of(doc):
    return at(doc, "metadata", "namespace", default="")


def where(doc):
    return f"{doc.get('kind')}/{name_of(doc)}"


class Workload:
    """A Deployment, Job, …: where its pods are described."""

    def __init__(self, doc):
        self.doc, self.kind, self.name, self.namespace = doc, doc["kind"], name_of(doc), namespace_of(doc)
        template = doc if self.kind == "Pod" else at(doc, "spec", "template")
        if self.kind == "CronJob":
            template = at(doc, "spec", "jobTemplate", "spec", "template")
        self.template = template or {}
        self.pod = at(self.template, "spec", default={})
        self.labels = at(self.template, "metadata", "labels", default={})
        self.containers = at(self.pod, "containers", default=[])
        self.init_containers = at(self.pod, "initContainers", default=[])
        self.where = where(doc)

    @property
    def all_containers(self):
        return self.init_containers + self.containers

    def ports(self):
        """(name, number) of every container port."""
        return [(p.get("name"), p.get("containerPort")) for c in self.all_containers for p in c.get("ports") or []]

    def volume(self, name):
        for v in at(self.pod, "volumes", default=[]):
            if v.get("name") == name:
                return v
        for claim in at(self.doc, "spec", "volumeClaimTemplates", default=[]):
            if name_of(claim) == name:
                return {"name": name, "persistentVolumeClaim": {"claimName": name}}
        return None


class Tree:
    """All documents of one rendering, and what is looked up in them."""

    def __init__(self, documents, label="", operators=()):
        """operators: the API groups of custom resources that this tree may use."""
        self.documents, self.label, self.operators = documents, label, set(operators)
        self.workloads = [Workload(d) for d in documents if d.get("kind") in WORKLOADS]

    def of(self, *kinds):
        return [d for d in self.documents if d.get("kind") in kinds]

    def find(self, kind, name, namespace=None):
        for d in self.documents:
            if d.get("kind") == kind and name_of(d) == name and namespace in (None, namespace_of(d)):
                return d
        return None

    def selected(self, selector, namespace):
        return [w for w in self.workloads if w.namespace == namespace and matches(selector, w.labels)]

    def files(self, workload, container):
        """path -> text of the ConfigMap files that the container mounts."""
        out = {}
        for mount in container.get("volumeMounts") or []:
            volume = workload.volume(mount["name"]) or {}
            for source in [volume] + at(volume, "projected", "sources", default=[]):
                config = source.get("configMap")
                found = config and self.find("ConfigMap", config.get("name"), workload.namespace)
                if not found:
                    continue
                data, items = found.get("data") or {}, config.get("items")
                named = {i["path"]: data.get(i["key"], "") for i in items} if items else data
                for file, text in named.items():
                    if "subPath" not in mount:
                        out[mount["mountPath"].rstrip("/") + "/" + file] = text
                    elif mount["subPath"] == file:
                        out[mount["mountPath"]] = text
        return out

    def environment(self, workload, container):
        """name -> literal value, from envFrom ConfigMaps and env; None where the value comes from elsewhere."""
        out = {}
        for source in container.get("envFrom") or []:
            config = at(source, "configMapRef", "name")
            if config:
                found = self.find("ConfigMap", config, workload.namespace)
                for key, value in ((found or {}).get("data") or {}).items():
                    out[source.get("prefix", "") + key] = value
        for variable in container.get("env") or []:
            out[variable.get("name")] = variable.get("value")
        return out


def matches(selector, labels):
    """A LabelSelector against labels; the empty selector matches all, None matches nothing."""
    if selector is None:
        return False
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for rule in selector.get("matchExpressions") or []:
        key, operator, values = rule["key"], rule["operator"], rule.get("values") or []
        holds = {"In": labels.get(key) in values, "NotIn": labels.get(key) not in values, "Exists": key in labels,
                 "DoesNotExist": key not in labels}[operator]
        if not holds:
            return False
    return True


def command_text(tree, workload, container, argv):
    """The words of a command, and the text of a mounted script that it runs."""
    words = [str(w) for w in argv or []]
    files = tree.files(workload, container)
    return "\n".join([" ".join(words)] + [files[w] for w in words if w in files])
