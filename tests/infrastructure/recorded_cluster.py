"""A Kubernetes API server's answers, recorded: enough for the kubectl commands of docs/guide.md, and no cluster.

    with RecordedCluster(folder) as cluster:
        subprocess.run(["kubectl", "get", "pods"], env={**os.environ, "KUBECONFIG": cluster.kubeconfig})

It holds what the overlays render, as if all of it had come up: each workload has a pod that is ready. It takes what is
applied and gives it back, and knows nothing of admission, controllers or schemas (cases_deploy_4_schemas.py holds every
document against those). `exec` is answered and noted in `executed`, not run: there is no container.
"""
import base64
import hashlib
import http.server
import json
import os
import struct
import threading
import urllib.parse

import yaml

from deploy_checks import kubectl

# kind: (group/version, plural, namespaced, short names)
KINDS = {
    "Namespace": ("v1", "namespaces", False, ["ns"]), "Node": ("v1", "nodes", False, ["no"]),
    "Pod": ("v1", "pods", True, ["po"]), "Service": ("v1", "services", True, ["svc"]),
    "Secret": ("v1", "secrets", True, []), "ConfigMap": ("v1", "configmaps", True, ["cm"]),
    "ServiceAccount": ("v1", "serviceaccounts", True, ["sa"]), "Event": ("v1", "events", True, ["ev"]),
    "PersistentVolumeClaim": ("v1", "persistentvolumeclaims", True, ["pvc"]),
    "Deployment": ("apps/v1", "deployments", True, ["deploy"]), "StatefulSet": ("apps/v1", "statefulsets", True, ["sts"]),
    "ReplicaSet": ("apps/v1", "replicasets", True, ["rs"]), "DaemonSet": ("apps/v1", "daemonsets", True, ["ds"]),
    "Job": ("batch/v1", "jobs", True, []), "CronJob": ("batch/v1", "cronjobs", True, ["cj"]),
    "HorizontalPodAutoscaler": ("autoscaling/v2", "horizontalpodautoscalers", True, ["hpa"]),
    "PodDisruptionBudget": ("policy/v1", "poddisruptionbudgets", True, ["pdb"]),
    "Ingress": ("networking.k8s.io/v1", "ingresses", True, ["ing"]),
    "NetworkPolicy": ("networking.k8s.io/v1", "networkpolicies", True, ["netpol"]),
    "EndpointSlice": ("discovery.k8s.io/v1", "endpointslices", True, []),
    "Role": ("rbac.authorization.k8s.io/v1", "roles", True, []),
    "RoleBinding": ("rbac.authorization.k8s.io/v1", "rolebindings", True, []),
    "ClusterRole": ("rbac.authorization.k8s.io/v1", "clusterroles", False, []),
    "ClusterRoleBinding": ("rbac.authorization.k8s.io/v1", "clusterrolebindings", False, []),
    "PriorityClass": ("scheduling.k8s.io/v1", "priorityclasses", False, ["pc"]),
    "StorageClass": ("storage.k8s.io/v1", "storageclasses", False, ["sc"]),
    "Lease": ("coordination.k8s.io/v1", "leases", True, []),
    "NodeMetrics": ("metrics.k8s.io/v1beta1", "nodes", False, []), "PodMetrics": ("metrics.k8s.io/v1beta1", "pods", True, []),
}
IN_ALL = {"Pod", "Service", "Deployment", "StatefulSet", "ReplicaSet", "DaemonSet", "Job", "CronJob", "HorizontalPodAutoscaler"}
SCALED = {"Deployment", "StatefulSet", "ReplicaSet"}
WHEN = "2026-01-01T00:00:00Z"


def read_resources(overlays):
    """What the overlays make, come up: status of each workload, and one pod."""
    found = []
    for overlay in overlays:
        found += kubectl.documents(kubectl.kustomize(os.path.join(kubectl.REPOSITORY, "infrastructure/k8s", overlay)))
    pods = [as_it_runs(d) for d in found if d["kind"] in SCALED]
    # What scripts/deploy.sh writes down: blue serves, green served well before it.
    record = {"step": "idle", "colours": {"blue": {"state": "good", "tag": "v0.2.0"}, "green": {"state": "good", "tag": "v0.1.0"}}}
    records = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "pricing-release", "namespace": namespace},
                "data": {"record": json.dumps(record)}} for namespace in ("pricing-agent", "pricing-agent-staging")]
    return found + pods + records + [
        {"apiVersion": "metrics.k8s.io/v1beta1", "kind": "PodMetrics", "timestamp": WHEN, "window": "15s",
         "metadata": {key: p["metadata"][key] for key in ("name", "namespace", "labels")},
         "containers": [{"name": "main", "usage": {"cpu": "50m", "memory": "60Mi"}}]} for p in pods] + [
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"},
         "status": {"allocatable": {"cpu": "4", "memory": "16Gi"}, "conditions": [{"type": "Ready", "status": "True"}]}},
        {"apiVersion": "metrics.k8s.io/v1beta1", "kind": "NodeMetrics", "metadata": {"name": "node-1"}, "timestamp": WHEN,
         "window": "15s", "usage": {"cpu": "400m", "memory": "2Gi"}}]


def as_it_runs(workload):
    """Gives the workload its status; the pod of it."""
    spec, meta = workload["spec"], workload["metadata"]
    replicas = spec.setdefault("replicas", 1)
    meta["generation"] = 1
    workload["status"] = {"observedGeneration": 1, "replicas": replicas, "updatedReplicas": replicas, "readyReplicas": replicas,
                          "availableReplicas": replicas, "currentRevision": "1", "updateRevision": "1"}
    template = spec["template"]
    containers = template["spec"]["containers"]
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": meta["name"] + "-0", "namespace": meta["namespace"], "labels": template["metadata"]["labels"]},
            "spec": {**template["spec"], "nodeName": "node-1"},
            "status": {"phase": "Running", "podIP": "10.0.0.10", "startTime": WHEN,
                       "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": WHEN}],
                       "containerStatuses": [{"name": c["name"], "ready": True, "started": True, "restartCount": 0,
                                              "image": c["image"], "imageID": "", "state": {"running": {"startedAt": WHEN}}}
                                             for c in containers]}}


def merged(into, patch):
    """A JSON merge patch; lists are replaced, which is enough for what the guide changes."""
    if not isinstance(patch, dict) or not isinstance(into, dict):
        return patch
    out = dict(into)
    for name, value in patch.items():
        if name.startswith("$"):
            continue
        if value is None:
            out.pop(name, None)
        else:
            out[name] = merged(out.get(name), value)
    return out


class RecordedCluster:
    def __init__(self, folder, overlays=("cluster", "overlays/pricing-agent", "overlays/pricing-agent-staging",
                                         "overlays/pricing-agent-monitoring")):
        self.folder, self.overlays = folder, overlays
        self.objects, self.written, self.executed, self.lock = {}, [], [], threading.Lock()
        self.kubeconfig = os.path.join(folder, "kubeconfig")

    def __enter__(self):
        for document in read_resources(self.overlays):
            self.put(document)
        cluster = self

        class Handler(Answers):
            recorded = cluster

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        with open(self.kubeconfig, "w", encoding="utf-8") as out:
            yaml.safe_dump({"apiVersion": "v1", "kind": "Config", "current-context": "recorded",
                            "clusters": [{"name": "recorded",
                                          "cluster": {"server": f"http://127.0.0.1:{self.server.server_port}"}}],
                            "users": [{"name": "nobody", "user": {}}],
                            "contexts": [{"name": "recorded", "context": {"cluster": "recorded", "user": "nobody"}}]}, out)
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def put(self, document, namespace=None):
        version, plural, namespaced, _ = KINDS[document["kind"]]
        meta = document["metadata"]
        if namespaced:
            meta.setdefault("namespace", namespace or "default")
        key = (version, plural, meta.get("namespace", "") if namespaced else "", meta["name"])
        meta.setdefault("creationTimestamp", WHEN)
        meta.setdefault("uid", hashlib.md5(repr(key).encode()).hexdigest())
        meta["resourceVersion"] = str(len(self.written) + 1)
        self.objects[key] = document
        return document


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    recorded = None

    def log_message(self, *_):
        pass

    def send(self, value, status=200):
        body = value.encode() if isinstance(value, str) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if isinstance(value, str) else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, status, reason):
        self.send({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": f"{self.path}: {reason}",
                   "reason": reason, "code": status}, status)

    def body(self):
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return yaml.safe_load(raw) if raw else {}

    def place(self):
        """(version, plural, namespace, name, subresource) of the path; None when it is none of a resource."""
        parts = [urllib.parse.unquote(p) for p in self.url.path.strip("/").split("/")]
        if parts[:1] == ["api"]:
            version, rest = parts[1], parts[2:]
        elif parts[:1] == ["apis"] and len(parts) > 3:
            version, rest = "/".join(parts[1:3]), parts[3:]
        else:
            return None
        namespace = ""
        if rest[:1] == ["namespaces"] and len(rest) > 2:
            namespace, rest = rest[1], rest[2:]
        rest += [""] * 3
        return version, rest[0], namespace, rest[1], "/".join(r for r in rest[2:] if r)

    def discovery(self):
        path = self.url.path.rstrip("/")
        if path == "/version":
            return {"major": "1", "minor": "33", "gitVersion": "v1.33.0"}
        if path == "/api":
            return {"kind": "APIVersions", "versions": ["v1"]}
        groups = sorted({v for v, *_ in KINDS.values() if "/" in v})
        if path == "/apis":
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [
                {"name": g.split("/")[0], "versions": [{"groupVersion": g, "version": g.split("/")[1]}],
                 "preferredVersion": {"groupVersion": g, "version": g.split("/")[1]}} for g in groups]}
        if path == "/openapi/v3":
            return {"paths": {("apis/" if "/" in v else "api/") + v: {"serverRelativeURL": "/openapi/v3/" + v}
                              for v in groups + ["v1"]}}
        if path.startswith("/openapi/v3/"):
            return self.patches_of(path[len("/openapi/v3/"):])
        version = path.removeprefix("/apis/").removeprefix("/api/")
        resources = []
        for kind, (of, plural, namespaced, short) in KINDS.items():
            if of == version:
                common = {"namespaced": namespaced, "kind": kind}
                resources.append({"name": plural, "singularName": kind.lower(), "shortNames": short, **common,
                                  "categories": ["all"] if kind in IN_ALL else [],
                                  "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"]})
                if kind in SCALED:
                    resources.append({"name": plural + "/scale", "namespaced": True, "group": "autoscaling", "version": "v1",
                                      "kind": "Scale", "singularName": "", "verbs": ["get", "patch", "update"]})
        return {"kind": "APIResourceList", "groupVersion": version, "resources": resources} if resources else None

    @staticmethod
    def patches_of(version):
        """That a patch may ask for validation; the types themselves are checked elsewhere."""
        group, _, number = version.rpartition("/")
        paths = {}
        for kind, (of, plural, _, _) in KINDS.items():
            if of == version:
                paths[f"/{plural}/{{name}}"] = {"patch": {
                    "parameters": [{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}],
                    "responses": {"200": {"description": "OK"}},
                    "x-kubernetes-group-version-kind": {"group": group, "version": number, "kind": kind}}}
        return {"openapi": "3.0.0", "info": {"title": "recorded", "version": "1"}, "paths": paths}

    def selected(self, version, plural, namespace):
        query = urllib.parse.parse_qs(self.url.query)
        labels = [c.partition("=") for c in query.get("labelSelector", [""])[0].split(",") if c]
        fields = [c.partition("=") for c in query.get("fieldSelector", [""])[0].split(",") if c]
        for key, document in sorted(self.recorded.objects.items()):
            if key[:2] != (version, plural) or (namespace and key[2] != namespace):
                continue
            has = document["metadata"].get("labels") or {}
            good = all((has.get(n.rstrip("!")) != v.lstrip("=")) if n.endswith("!") else has.get(n) == v.lstrip("=")
                       for n, _, v in labels)
            good = good and all(n != "metadata.name" or document["metadata"]["name"] == v for n, _, v in fields)
            if good:
                yield document

    def do_GET(self):
        self.url = urllib.parse.urlsplit(self.path)
        found = self.discovery()
        if found:
            return self.send(found)
        if self.url.path in ("/readyz", "/livez"):
            return self.send("ok")
        place = self.place()
        if not place:
            return self.refuse(404, "NotFound")
        version, plural, namespace, name, sub = place
        kinds = [k for k, v in KINDS.items() if v[:2] == (version, plural)]
        if not kinds:
            return self.refuse(404, "NotFound")
        if sub == "exec":
            return self.execute(namespace, name)
        if name:
            document = self.recorded.objects.get((version, plural, namespace, name))
            if not document:
                return self.refuse(404, "NotFound")
            if sub == "log":
                return self.send('{"level":"info","message":"recorded"}\n')
            return self.send(self.scale(document) if sub == "scale" else document)
        items = list(self.selected(version, plural, namespace))
        if "watch=" in self.url.query:
            return self.watch(kinds[0], version, items)
        self.send({"kind": kinds[0] + "List", "apiVersion": version, "metadata": {"resourceVersion": "1"}, "items": items})

    def watch(self, kind, version, items):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        events = [{"type": "ADDED", "object": d} for d in items]
        events.append({"type": "BOOKMARK", "object": {"kind": kind, "apiVersion": version, "metadata": {
            "resourceVersion": "1", "annotations": {"k8s.io/initial-events-end": "true"}}}})
        for event in events:
            self.wfile.write(json.dumps(event).encode() + b"\n")
        self.close_connection = True

    @staticmethod
    def scale(document):
        return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": document["metadata"],
                "spec": {"replicas": document["spec"].get("replicas", 1)}, "status": {"replicas": 1, "selector": ""}}

    def change(self, make):
        """Writes what make(old) returns, unless it is asked to try only."""
        self.url = urllib.parse.urlsplit(self.path)
        given, place = self.body(), self.place()
        if not place:
            return self.refuse(404, "NotFound")
        version, plural, namespace, name, sub = place
        key = (version, plural, namespace, name or given.get("metadata", {}).get("name", ""))
        old = self.recorded.objects.get(key)
        document, status = make(given, old, sub)
        if document is None:
            return self.refuse(status, {404: "NotFound", 409: "AlreadyExists"}[status])
        with self.recorded.lock:
            if "dryRun=All" not in self.url.query:
                self.recorded.written.append((self.command, *key, sub))
                self.recorded.put(document, namespace)
        self.send(self.scale(document) if sub == "scale" else document, status)

    def do_POST(self):
        if "/exec" in self.path:
            self.refuse(400, "BadRequest")  # SPDY; clients have spoken WebSocket since 1.31
        elif "selfsubjectaccessreviews" in self.path:
            self.send({**self.body(), "status": {"allowed": True}}, 201)
        else:
            self.change(lambda given, old, _: (None, 409) if old else (given, 201))

    def do_PUT(self):
        self.change(lambda given, old, sub: (merged(old, {"spec": given["spec"]}) if sub == "scale" else given, 200))

    def do_PATCH(self):
        serverside = "apply-patch" in self.headers.get("Content-Type", "")

        def patched(given, old, _):
            if old is None:
                return (given, 201) if serverside else (None, 404)
            if isinstance(given, list):  # JSON patch of single values
                for step in given:
                    parts, change = step["path"].strip("/").split("/"), step.get("value")
                    for part in reversed(parts):
                        change = {part.replace("~1", "/"): change}
                    old = merged(old, change)
                return old, 200
            return merged(old, given), 200
        self.change(patched)

    def do_DELETE(self):
        self.url = urllib.parse.urlsplit(self.path)
        self.body()
        gone = self.recorded.objects.pop(self.place()[:4], None)
        if not gone:
            return self.refuse(404, "NotFound")
        self.recorded.written.append(("DELETE", *self.place()[:4], ""))
        return self.send({"kind": "Status", "apiVersion": "v1", "status": "Success"})

    def execute(self, namespace, name):
        """WebSocket, protocol v5.channel.k8s.io: one frame of standard output, one that says it went well, end."""
        query = urllib.parse.parse_qs(self.url.query)
        self.recorded.executed.append((namespace, name, query.get("command", [])))
        magic = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(magic.encode()).digest()).decode())
        self.send_header("Sec-WebSocket-Protocol", "v5.channel.k8s.io")
        self.end_headers()
        good = json.dumps({"metadata": {}, "status": "Success"}).encode()
        for payload in (b"\x01recorded\n", b"\x03" + good):
            self.wfile.write(struct.pack("!BB", 0x82, len(payload)) + payload)
        self.wfile.write(struct.pack("!BBH", 0x88, 2, 1000))
        self.close_connection = True
