"""The linter: it finds every mistake of broken/, and none in what we deploy."""
import contextlib
import glob
import io
import os
import re
import subprocess
import sys
import tempfile

import lint_deploy
from deploy_checks import kubectl, reach
from deploy_checks.facts import Facts
from deploy_checks.model import Tree, at, name_of, namespace_of

HERE = os.path.dirname(os.path.abspath(__file__))
BROKEN = os.path.join(HERE, "broken")
K8S = lint_deploy.K8S
FACTS = Facts()
# What operations.md calls mistakes that others make, as far as manifests can hold them.
CHECKS_WITH_EXAMPLES = {
    "env-order", "database-entrypoint", "sentinel-names", "sentinel-config", "redis-probe", "broker-eviction",
    "broker-durability", "shared-block-storage", "storage-class", "autoscaler-metric", "autoscaler-target",
    "autoscaler-conflict", "policy-labels", "policy-port", "default-deny", "ingress-backend", "ingress-tls", "selector",
    "service-port", "probes", "migrations", "rules-unread", "metric", "retention", "dashboard", "dashboards-unread",
    "images", "secret", "security-context", "pod-security", "limits", "service-accounts", "budget", "shutdown", "settings",
    "references", "custom-resources", "pipefail", "wal-archive", "published-data"}


def expected_of(folder):
    for path in sorted(glob.glob(os.path.join(folder, "*.yaml")) + glob.glob(os.path.join(folder, "*compose*.yml"))):
        with open(path, encoding="utf-8") as file:
            found = re.match(r"# check: (\S+)", file.readline())
            if found:
                return found.group(1)
    raise AssertionError(f"{folder} does not say which check it is for")


def test_every_mistake_is_caught(stage):
    missed, examples = [], set()
    for folder in sorted(glob.glob(os.path.join(BROKEN, "*"))):
        check = expected_of(folder)
        examples.add(check)
        found = {f.check for f in lint_deploy.lint_path(folder, FACTS)}
        if check not in found:
            missed.append(f"{os.path.basename(folder)}: wanted {check}, found {sorted(found)}")
    assert not missed, "\n".join(missed)
    assert examples == CHECKS_WITH_EXAMPLES, examples ^ CHECKS_WITH_EXAMPLES


def test_the_command_line_fails_on_a_mistake_and_names_it(stage):
    command = [sys.executable, os.path.join(kubectl.REPOSITORY, "scripts", "lint_deploy.py")]
    done = subprocess.run(command + [os.path.join(BROKEN, "database-command")], capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode == 1 and "database-entrypoint  StatefulSet/postgres" in done.stdout, done
    done = subprocess.run(command + ["/nowhere.yaml"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and "nowhere" in done.stderr, done


def test_our_overlays_are_clean_and_reach_what_is_meant(stage):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        count = lint_deploy.lint_everything(FACTS)
    assert count == 0, printed.getvalue()


def with_component(name, base="base"):
    """A Tree of base and one component, rendered from outside the tree."""
    component = os.path.join(K8S, "components", name)
    with tempfile.TemporaryDirectory() as folder:
        def relative(path):
            return os.path.relpath(path, os.path.realpath(folder))
        with open(os.path.join(folder, "kustomization.yaml"), "w", encoding="utf-8") as out:
            out.write(f"namespace: pricing-agent\nresources:\n  - {relative(os.path.join(K8S, base))}\n"
                      f"components:\n  - {relative(component)}\n")
        rendered = kubectl.documents(kubectl.kustomize(folder))
    cluster = kubectl.documents(kubectl.kustomize(os.path.join(K8S, "cluster")))
    return Tree(cluster + rendered, name, lint_deploy.operators(component))


def components():
    return sorted(os.path.basename(os.path.dirname(p)) for p in glob.glob(os.path.join(K8S, "components/*/kustomization.yaml")))


def test_every_component_is_clean(stage):
    wrong = []
    for name in components():
        if name == "process" or (name == "backup" and not FACTS.knows_setting("PRICING_BACKUP_LOCATION")):
            continue  # part of the base; what this source does not know yet
        wrong += [f"{name}: {f.check} {f.where}: {f.message}" for f in lint_deploy.lint_tree(with_component(name), FACTS)]
    assert not wrong, "\n".join(wrong)


def test_a_plain_apply_meets_no_custom_resource(stage):
    for name in ("pricing-agent", "pricing-agent-staging", "pricing-agent-monitoring"):
        tree = lint_deploy.load(os.path.join(K8S, "overlays", name))
        assert not tree.operators, name
        for d in tree.documents:
            group = d["apiVersion"].rpartition("/")[0]
            assert group in lint_deploy.pods.BUILT_IN, (name, d["kind"], group)


def test_the_guides_bounds_hold(stage):
    tree = lint_deploy.load(os.path.join(K8S, "overlays", "pricing-agent"))
    bounds = {"pricing-web": (3, 20, {"cpu": 70, "memory": 80}), "pricing-ml": (2, 10, {"cpu": 70}),
              "pricing-worker": (3, 15, {"cpu": 70})}
    for name, (least, most, targets) in bounds.items():
        for colour in ("-blue", "-green") if name != "pricing-worker" else ("",):
            spec = tree.find("HorizontalPodAutoscaler", name + colour)["spec"]
            found = {m["resource"]["name"]: m["resource"]["target"]["averageUtilization"] for m in spec["metrics"]}
            assert (spec["minReplicas"], spec["maxReplicas"], found) == (least, most, targets), (name, spec)
            resources = tree.find("Deployment", name + colour)["spec"]["template"]["spec"]["containers"][0]["resources"]
            assert resources == {"requests": {"cpu": "250m", "memory": "512Mi"},
                                 "limits": {"cpu": "500m", "memory": "1Gi"}}, (name, resources)
    spec = with_component("gpu").find("HorizontalPodAutoscaler", "pricing-ml-gpu-blue")["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (1, 5)
    keda = with_component("keda")
    spec = keda.find("ScaledObject", "pricing-worker")["spec"]
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (3, 15)
    assert not keda.find("HorizontalPodAutoscaler", "pricing-worker")


def test_one_colour_serves_and_the_other_is_the_preview(stage):
    tree = lint_deploy.load(os.path.join(K8S, "overlays", "pricing-agent"))
    active = tree.find("Service", "pricing-web")["spec"]["selector"]
    preview = tree.find("Service", "pricing-web-preview")["spec"]["selector"]
    assert {active["colour"], preview["colour"]} == {"blue", "green"}
    for service in (active, preview):
        assert [w.name for w in tree.selected({"matchLabels": service}, "pricing-agent")] == [f"pricing-web-{service['colour']}"]
    # What `-l colour!=green` leaves alone while green serves.
    labelled = sorted((d["kind"], name_of(d)) for d in tree.documents if at(d, "metadata", "labels", "colour") == "green")
    assert labelled == [("Deployment", "pricing-ml-green"), ("Deployment", "pricing-web-green"),
                        ("HorizontalPodAutoscaler", "pricing-ml-green"), ("HorizontalPodAutoscaler", "pricing-web-green"),
                        ("Service", "pricing-ml-green")], labelled
    green = with_component("green-serves")
    assert green.find("Service", "pricing-web")["spec"]["selector"]["colour"] == "green"
    assert green.find("Service", "pricing-web-preview")["spec"]["selector"]["colour"] == "blue"
    for colour in ("blue", "green"):
        container = tree.find("Deployment", f"pricing-web-{colour}")["spec"]["template"]["spec"]["containers"][0]
        assert {"name": "PRICING_ML_URL", "value": "https://pricing-ml-$(COLOUR):8443"} in container["env"]


def test_a_release_changes_one_colour_and_its_own_job(stage):
    """The kustomization that README.md gives to deploy.sh, with green serving and v0.2.0 going to blue."""
    with open(os.path.join(K8S, "README.md"), encoding="utf-8") as file:
        example = re.search(r"```yaml\n(.*?)```", file.read(), re.S).group(1)
    with tempfile.TemporaryDirectory() as folder:
        root = os.path.relpath(K8S, os.path.realpath(folder))
        with open(os.path.join(folder, "kustomization.yaml"), "w", encoding="utf-8") as out:
            out.write(example.replace("../infrastructure/k8s", root))
        tree = Tree(kubectl.documents(kubectl.kustomize(folder)))

    def image(name, kind="Deployment"):
        return tree.find(kind, name)["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image("pricing-web-blue").endswith("/web@sha256:" + "1" * 64)
    assert image("pricing-ml-blue").endswith("/ml@sha256:" + "2" * 64)
    assert image("pricing-web-green").endswith("/web:v0.1.0") and image("pricing-ml-green").endswith("/ml:v0.1.0")
    assert image("pricing-worker").endswith("/worker@sha256:" + "3" * 64)
    assert image("pricing-migrate-v0-2-0", "Job").endswith("/worker@sha256:" + "3" * 64)
    assert not tree.find("Job", "pricing-migrate-v0-1-0")
    assert tree.find("Service", "pricing-web")["spec"]["selector"]["colour"] == "green"


def worlds():
    trees = [lint_deploy.load(f) for f in lint_deploy.overlays() if not lint_deploy.operators(f)]
    return [Tree([d for d in t.documents if namespace_of(d)]) for t in trees]


def test_a_hole_and_a_cut_in_the_policies_are_noticed(stage):
    trees = worlds()
    assert not list(reach.compare(trees, FACTS))
    product = next(t for t in trees if t.workloads[0].namespace == "pricing-agent")

    hole = {"kind": "NetworkPolicy", "metadata": {"name": "hole", "namespace": "pricing-agent"},
            "spec": {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "pricing-postgres"}},
                     "policyTypes": ["Ingress"], "ingress": [{}]}}
    product.documents.append(hole)
    found = {(f.where, f.message) for f in reach.compare(trees, FACTS)}
    assert ("stranger", "can reach pricing-agent/pricing-postgres:5432, which is not meant") in found, found
    product.documents.remove(hole)

    cut = product.find("NetworkPolicy", "pricing-redis")
    product.documents.remove(cut)
    found = {(f.where, f.message) for f in reach.compare(trees, FACTS)}
    assert ("pricing-agent/pricing-worker", "cannot reach pricing-agent/pricing-redis:6379, which is meant") in found, found
    product.documents.append(cut)


def test_mtls_is_asked_of_every_pod_in_the_mesh(stage):
    istio = with_component("istio")
    assert all(w.labels.get("sidecar.istio.io/inject") == "true" for w in istio.workloads if w.kind != "Job")
    assert {at(p, "spec", "mtls", "mode") for p in istio.of("PeerAuthentication")} == {"STRICT"}
    linkerd = with_component("linkerd")
    for w in linkerd.workloads:
        if w.kind != "Job":
            annotations = at(w.template, "metadata", "annotations", default={})
            assert annotations.get("config.linkerd.io/default-inbound-policy") == "all-authenticated", w.where


def test_the_firewall_blocks_and_does_not_only_watch(stage):
    for ingress in lint_deploy.load(os.path.join(K8S, "overlays", "pricing-agent")).of("Ingress"):
        notes = ingress["metadata"]["annotations"]
        assert notes["nginx.ingress.kubernetes.io/enable-modsecurity"] == "true", name_of(ingress)
        assert notes["nginx.ingress.kubernetes.io/enable-owasp-core-rules"] == "true", name_of(ingress)
        assert "SecRuleEngine On" in notes["nginx.ingress.kubernetes.io/modsecurity-snippet"], name_of(ingress)
