"""What is deployed, given to a real API server: real_server.py says which. Without one these cases are "not asked for"."""
import copy
import functools
import json
import os
import sys
import tempfile

import lint_deploy
from cases_deploy_1_lint import K8S, components, with_component
from deploy_checks import kubectl
from deploy_checks.model import Workload, at, name_of, namespace_of, where
from local import wait_for
from real_server import VARIABLE, Nodes, apply, kubeconfig, read, run, said

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "deploy"))
from stages import DIGESTS, FAST, Stage  # noqa: E402

NEEDED_FIRST = ("Namespace", "PriorityClass", "StorageClass", "ServiceAccount")


@functools.lru_cache
def trees():
    """name -> documents of every overlay, and of the base with each component; what they need is made in the server."""
    kubeconfig()
    found = {os.path.basename(f): lint_deploy.load(f).documents for f in lint_deploy.overlays()}
    for name in components():
        if name != "process":  # part of the base
            found["component " + name] = with_component(name).documents
    for documents in found.values():
        first = [d for d in documents if d["kind"] in NEEDED_FIRST]
        for kinds in (NEEDED_FIRST[:1], NEEDED_FIRST[1:]):
            refused = apply([d for d in first if d["kind"] in kinds])
            assert not refused, refused
    return found


def test_the_server_knows_every_kind_that_is_used(stage):
    served = {tuple(line.split()[-3::2]) for line in said("api-resources", "--no-headers").splitlines()}
    used = {(d["apiVersion"], d["kind"]) for documents in trees().values() for d in documents}
    assert used <= served, f"not validated, as the server does not know them: {sorted(used - served)}"


def test_the_server_takes_every_document(stage):
    wrong = []
    for name, documents in trees().items():
        refused = apply(documents, "--dry-run=server")
        if refused:
            wrong.append(f"{name}: {refused}")
    assert not wrong, "\n".join(wrong)


def pod_of(document):
    """What the document's controller would make of its template, under a name of its own."""
    w = Workload(document)
    pod = copy.deepcopy(w.template["spec"])
    for claim in at(document, "spec", "volumeClaimTemplates", default=[]):
        pod.setdefault("volumes", []).append({"name": name_of(claim), "persistentVolumeClaim": {"claimName": name_of(claim)}})
    meta = at(w.template, "metadata", default={})
    return {"apiVersion": "v1", "kind": "Pod", "spec": pod,
            "metadata": {"name": f"judged-{w.kind.lower()}-{w.name}", "namespace": w.namespace, "labels": meta.get("labels") or {},
                         "annotations": meta.get("annotations") or {}}}


def test_restricted_pod_security_takes_every_pod(stage):
    wrong, judged = [], 0
    for name, documents in trees().items():
        pods = [pod_of(d) for d in documents if d["kind"] in lint_deploy.pods.LONG_RUNNING + ("Job", "CronJob")]
        judged += len(pods)
        refused = apply(pods, "--dry-run=server")
        if refused:
            wrong.append(f"{name}: {refused}")
    assert not wrong, "\n".join(wrong)
    assert judged > 100, judged
    for namespace in {namespace_of(d) for documents in trees().values() for d in documents} - {""}:
        assert read("namespace", namespace)["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
        # That the server does judge.
        refused = apply([{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "free", "namespace": namespace},
                          "spec": {"containers": [{"name": "free", "image": "free", "securityContext": {"privileged": True}}]}}],
                        "--dry-run=server")
        assert 'violates PodSecurity "restricted:latest"' in refused, refused


def install(overlay):
    refused = apply(lint_deploy.load(os.path.join(K8S, "overlays", overlay)).documents)
    assert not refused, refused


def unmade(namespace):
    """Workloads of a namespace whose controller has not made all pods, and what it says about it."""
    missing = []
    for item in read("deployments,statefulsets,daemonsets,jobs", "-n", namespace)["items"]:
        status, kind = item.get("status", {}), item["kind"]
        wanted = {"Job": 1, "DaemonSet": status.get("desiredNumberScheduled", 1)}.get(kind, at(item, "spec", "replicas", default=1))
        made = {"DaemonSet": "currentNumberScheduled", "Job": "succeeded"}.get(kind, "readyReplicas")
        if status.get(made, 0) < wanted:
            missing.append(f"{kind}/{name_of(item)}: {status.get(made, 0)} of {wanted}")
    if not missing:
        return ""
    told = [e["message"] for e in read("events", "-n", namespace, "--field-selector", "reason=FailedCreate")["items"]]
    return "\n".join([namespace] + missing + told)


def test_controllers_make_every_pod(stage):
    trees()
    with Nodes() as nodes:
        for overlay in ("pricing-agent", "pricing-agent-staging", "pricing-agent-monitoring"):
            install(overlay)
            said("scale", "-n", overlay, "--replicas=1", "deployment", "--all")
            wait_for(lambda: not unmade(overlay), 120, lambda: f"{unmade(overlay)}\n{nodes.problem}")


def endpoints(service):
    slices = read("endpointslices", "-n", "pricing-agent", "-l", "kubernetes.io/service-name=" + service)["items"]
    return {at(e, "targetRef", "name") for s in slices for e in s.get("endpoints") or [] if at(e, "conditions", "ready")}


def selector():
    return read("service", "-n", "pricing-agent", "pricing-web")["spec"]["selector"]["colour"]


class Real(Stage):
    """deploy.sh with the real kubectl and the real server; v1.0.0 serves as blue."""

    def __init__(self, nodes):
        tools = tempfile.mkdtemp(prefix="deploy-test-tools-")
        os.symlink(os.path.join(os.path.dirname(os.path.abspath(__file__)), "deploy", "forwarding"), os.path.join(tools, "kubectl"))
        super().__init__({"DEPLOY_DRIVER": "kubectl", "KUBECONFIG": kubeconfig(), "REAL_KUBECTL": kubectl.find(), "API": nodes.url,
                          "PATH": f"{tools}:{os.environ['PATH']}"})
        with open(os.path.join(tools, "cosign"), "w", encoding="utf-8") as out:
            out.write("#!/bin/sh\ncase \"$*\" in\n" + "".join(
                f"*/*:{tag}) printf '[{{\"critical\":{{\"image\":{{\"docker-manifest-digest\":\"{digest}\"}}}}}}]' ;;\n"
                for tag, digest in DIGESTS.items()) + "*) exit 1 ;;\nesac\n")
        os.chmod(out.name, 0o755)

    @staticmethod
    def images(*names):
        items = [read("deployment", "-n", "pricing-agent", name) for name in names]
        return [i["spec"]["template"]["spec"]["containers"][0]["image"].partition("@")[2] for i in items]

    def serves(self, colour, tag):
        """That this colour has the traffic, alone, with pods that are ready."""
        assert selector() == colour
        wait_for(lambda: endpoints("pricing-web"), 30, "nothing serves")
        assert all(e.startswith(f"pricing-web-{colour}-") for e in endpoints("pricing-web")), endpoints("pricing-web")
        wait_for(lambda: not endpoints("pricing-web-preview"), 30, lambda: f"{endpoints('pricing-web-preview')} still run")
        found = self.images(f"pricing-web-{colour}", f"pricing-ml-{colour}", "pricing-worker", "pricing-worker-priority",
                            "pricing-beat")
        assert set(found) == {DIGESTS[tag]}, (found, DIGESTS[tag])


def test_releases_switch_and_go_back(stage):
    trees()
    with Nodes() as nodes:
        install("pricing-agent")
        said("scale", "-n", "pricing-agent", "--replicas=3", "deployment/pricing-web-blue", "deployment/pricing-ml-blue")
        said("scale", "-n", "pricing-agent", "--replicas=0", "deployment/pricing-web-green", "deployment/pricing-ml-green")
        said("delete", "-n", "pricing-agent", "--ignore-not-found", "configmap/pricing-release", "lease/pricing-deploy")
        run("delete", "-n", "pricing-agent", "job", "--all")
        with Real(nodes) as real:
            before = read("deployments,services,configmaps,leases,jobs", "-n", "pricing-agent")
            planned = real.deploy("-t", "v1.0.0", "--dry-run")
            assert planned.status == 0 and planned.audit["result"] == "planned", planned
            after = read("deployments,services,configmaps,leases,jobs", "-n", "pricing-agent")
            assert [d["spec"] for d in before["items"] if "spec" in d] == [d["spec"] for d in after["items"] if "spec" in d]

            first = real.deploy("-t", "v1.0.0", "--no-backup")
            assert first.status == 0, first
            real.serves("green", "v1.0.0")
            second = real.deploy("-t", "v2.0.0", "--no-backup")
            assert second.status == 0, second
            real.serves("blue", "v2.0.0")
            back = real.deploy("--rollback")
            assert back.status == 0, back
            real.serves("green", "v1.0.0")

            nodes.bad.add("web@" + DIGESTS["v6.6.6"])
            bad = real.deploy("-t", "v6.6.6", "--no-backup", DEPLOY_READY_TIMEOUT_S="5")
            assert bad.status == 1 and "did not become ready" in bad.audit["reason"], bad
            real.serves("green", "v1.0.0")
            real.prometheus.burn = lambda: 0 if selector() == "green" else 99
            burning = real.deploy("-t", "v3.0.0", "--no-backup", DEPLOY_WATCH_S="20")
            assert burning.status == 3 and burning.audit["result"] == "rolled-back", burning
            real.serves("green", "v1.0.0")
            assert json.loads(read("configmap", "-n", "pricing-agent", "pricing-release")["data"]["record"])["step"] == "idle"
        assert not nodes.problem, nodes.problem


def test_only_a_throwaway_on_this_machine_is_asked(stage):
    """Always: a mistyped variable must not write into a cluster that somebody uses."""
    named = os.environ.pop(VARIABLE, None)
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "kubeconfig")
            for address, taken in (("https://10.0.0.1:6443", False), ("https://cluster.example", False),
                                   ("https://127.0.0.1.example:6443", False), ("https://127.0.0.1:6443", True)):
                with open(path, "w", encoding="utf-8") as out:
                    out.write(f"clusters:\n  - cluster: {{server: '{address}'}}\n")
                os.environ[VARIABLE] = path
                try:
                    assert kubeconfig() == path and taken, address
                except AssertionError as refused:
                    assert not taken and "no throwaway" in str(refused), address
    finally:
        os.environ.pop(VARIABLE, None)
        if named:
            os.environ[VARIABLE] = named
