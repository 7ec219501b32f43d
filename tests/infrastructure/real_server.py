"""A real Kubernetes API server with its controller manager, where PRICING_TEST_KUBECONFIG names one, and nodes of ours.

The server is a throwaway: on loopback, without nodes; namespaces, pods and all else are made in it and left there. It
admits as a real one does (types, defaults, PodSecurity, priorities, quotas), its controllers make pods, endpoints and
jobs; only what a node does is ours: Nodes binds pods to one and says that they run.
"""
import json
import os
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import yaml
from cases import NotAskedFor
from deploy_checks import kubectl
from local import free_port, wait_for

VARIABLE = "PRICING_TEST_KUBECONFIG"


def kubeconfig():
    """Its path; NotAskedFor where none is named, AssertionError where it is of a cluster that is not for this."""
    path = os.environ.get(VARIABLE)
    if not path:
        raise NotAskedFor(f"{VARIABLE} names no API server")
    with open(path, encoding="utf-8") as file:
        for cluster in yaml.safe_load(file)["clusters"]:
            host = urllib.parse.urlsplit(cluster["cluster"]["server"]).hostname
            assert host in ("127.0.0.1", "::1", "localhost"), f"{VARIABLE}: {host} is no throwaway on this machine"
    return path


def run(*arguments, given=None, limit_s=120):
    """kubectl against the server: (status, standard output, standard error)."""
    done = subprocess.run([kubectl.find(), *arguments], input=given, capture_output=True, text=True, timeout=limit_s, check=False,
                          env={**os.environ, "KUBECONFIG": kubeconfig()})
    return done.returncode, done.stdout, done.stderr


def said(*arguments, given=None):
    status, out, err = run(*arguments, given=given)
    assert status == 0, f"kubectl {' '.join(arguments)}: {err[-3000:]}"
    return out


def read(*arguments):
    return json.loads(said("get", "-o", "json", *arguments))


def stream(documents):
    return yaml.safe_dump_all(documents)


def apply(documents, *options):
    """Server-side, unknown fields and warnings refused: what kubectl says against it, "" when nothing."""
    status, _, err = run("apply", "--server-side", "--force-conflicts", "--validate=strict", "--warnings-as-errors",
                         *options, "-f", "-", given=stream(documents), limit_s=300)
    return "" if status == 0 else err or f"kubectl ended with {status}"


class Api:
    """The server without its authentication, by `kubectl proxy`, for what asks often."""

    def __enter__(self):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.proxy = subprocess.Popen([kubectl.find(), "proxy", f"--port={port}"], stdout=subprocess.DEVNULL,
                                      env={**os.environ, "KUBECONFIG": kubeconfig()})

        def listens():
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", port)) == 0
        wait_for(listens, 20, "kubectl proxy does not listen")
        return self

    def __exit__(self, *_):
        self.proxy.terminate()
        self.proxy.wait()

    def ask(self, method, path, body=None, kind="application/json"):
        """The answer; None where the thing is not there or has changed meanwhile."""
        request = urllib.request.Request(self.url + path, method=method, headers={"Content-Type": kind},
                                         data=None if body is None else json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            assert error.code in (404, 409), (method, path, error.code, error.read()[-500:])
            return None

    def status(self, path, body):
        return self.ask("PATCH", path + "/status", {"status": body}, "application/merge-patch+json")


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class Nodes(Api):
    """One node: every pod is bound to it and runs; those of jobs are done at once. A pod with an image of `bad` is never
    ready (of a job: fails)."""

    def __init__(self):
        self.bad, self.ended, self.problem = set(), threading.Event(), None

    def __enter__(self):
        super().__enter__()
        self.ask("POST", "/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}})
        self.thread = threading.Thread(target=self.go)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
        self.ask("DELETE", "/api/v1/nodes/node-1")
        super().__exit__()

    def go(self):
        try:
            while not self.ended.wait(0.3):
                self.status("/api/v1/nodes/node-1", {
                    "allocatable": {"cpu": "64", "memory": "256Gi", "pods": "500"},
                    "capacity": {"cpu": "64", "memory": "256Gi", "pods": "500"},
                    "conditions": [{"type": "Ready", "status": "True", "reason": "Here", "message": "",
                                    "lastHeartbeatTime": now(), "lastTransitionTime": now()}]})
                for pod in self.ask("GET", "/api/v1/pods")["items"]:
                    self.look_after(pod)
        except Exception as problem:  # told by the test that waits for what does not come
            self.problem = problem

    def look_after(self, pod):
        meta, spec = pod["metadata"], pod["spec"]
        path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
        if meta.get("deletionTimestamp"):
            self.ask("DELETE", path, {"gracePeriodSeconds": 0})
        elif not spec.get("nodeName"):
            self.ask("POST", path + "/binding", {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": meta["name"]},
                                                 "target": {"apiVersion": "v1", "kind": "Node", "name": "node-1"}})
        elif pod["status"].get("phase") == "Pending":
            bad = any(b in c["image"] for c in spec["containers"] for b in self.bad)
            self.status(path, self.job(spec, bad) if spec["restartPolicy"] != "Always" else self.service(spec, not bad))

    @staticmethod
    def job(spec, bad):
        ended = {"exitCode": int(bad), "reason": "Error" if bad else "Completed", "startedAt": now(), "finishedAt": now()}
        return {"phase": "Failed" if bad else "Succeeded", "startTime": now(), "containerStatuses": [
            {"name": c["name"], "image": c["image"], "imageID": "", "ready": False, "restartCount": 0, "state": {"terminated": ended}}
            for c in spec["containers"]]}

    @staticmethod
    def service(spec, ready):
        address = "10.9.%d.%d" % divmod(int.from_bytes(os.urandom(2), "big"), 256)
        return {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "startTime": now(),
                "conditions": [{"type": name, "status": str(ready), "lastTransitionTime": now()}
                               for name in ("Ready", "ContainersReady", "Initialized", "PodScheduled")],
                "containerStatuses": [{"name": c["name"], "image": c["image"], "imageID": "", "ready": ready, "started": True,
                                       "restartCount": 0, "state": {"running": {"startedAt": now()}}} for c in spec["containers"]]}
