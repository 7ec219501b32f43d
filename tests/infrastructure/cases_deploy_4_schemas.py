"""Every document against the types of Kubernetes and of the operators: wrong types, and fields that nobody knows, which
an API server drops or refuses."""
import glob
import json
import os
import shutil
import subprocess

import lint_deploy
from cases_deploy_1_lint import components, with_component
from deploy_checks import kubectl

CHECKED = os.path.join(kubectl.TOOLS, "node_modules", ".checked")
OPERATORS = {"keda.sh": "keda", "gateway.networking.k8s.io": "gateway-api", "cert-manager.io": "cert-manager",
             "external-secrets.io": "external-secrets", "security.istio.io": "istio", "autoscaling.k8s.io": "autoscaler",
             "monitoring.coreos.com": "prometheus-operator"}


def install():
    if not os.path.exists(os.path.join(kubectl.TOOLS, "node_modules", "typescript")):
        subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=kubectl.TOOLS, timeout=300, check=True)


def typed(documents):
    """TypeScript in which each document is a literal of its kind: a literal may have no field that its type lacks."""
    kinds, lines = {}, []
    for number, d in enumerate(documents):
        operator = OPERATORS.get(d["apiVersion"].partition("/")[0])
        package = f"@kubernetes-models/{operator}" if operator else "kubernetes-models"
        key = (f"{package}/{d['apiVersion']}/{d['kind']}", d["kind"])
        kind = kinds.setdefault(key, f"Kind{len(kinds)}")
        lines.append(f"export const d{number}: {kind} = {json.dumps(d, default=str)};")
    imports = [f"import type {{I{kind} as {name}}} from '{path}';" for (path, kind), name in kinds.items()]
    return "\n".join(imports + lines) + "\n"


def complaints(files):
    """What the compiler says about name -> documents, by name."""
    install()
    shutil.rmtree(CHECKED, ignore_errors=True)
    os.makedirs(CHECKED)
    with open(os.path.join(CHECKED, "package.json"), "w", encoding="utf-8") as out:
        out.write('{"type": "module"}')
    for name, documents in files.items():
        with open(os.path.join(CHECKED, name + ".ts"), "w", encoding="utf-8") as out:
            out.write(typed(documents))
    done = subprocess.run(["node", os.path.join(kubectl.TOOLS, "node_modules/typescript/bin/tsc"), "--noEmit", "--skipLibCheck",
                           "--module", "nodenext", "--moduleResolution", "nodenext", "--target", "es2022"]
                          + sorted(os.path.basename(f) for f in glob.glob(os.path.join(CHECKED, "*.ts"))),
                          cwd=CHECKED, capture_output=True, text=True, timeout=600, check=False)
    return [line[:400] for line in done.stdout.splitlines()] + done.stderr.splitlines()


def test_every_document_is_of_its_kind(stage):
    files = {os.path.basename(f): lint_deploy.load(f).documents for f in lint_deploy.overlays()}
    for name in components():
        if name != "process":
            files["component-" + name] = with_component(name).documents
    assert len(files) > 10
    wrong = complaints(files)
    assert not wrong, "\n".join(wrong[:20])


def test_an_unknown_field_and_a_wrong_type_are_noticed(stage):
    def deployment(container):
        return [{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"},
                 "spec": {"selector": {}, "template": {"spec": {"containers": [container]}}}}]
    wrong = complaints({"field": deployment({"name": "x", "imagee": "y"}),
                        "type": deployment({"name": "x", "ports": [{"containerPort": "http"}]}),
                        "fine": deployment({"name": "x", "image": "y"})})
    assert any(w.startswith("field.ts") and "imagee" in w for w in wrong), wrong
    assert any(w.startswith("type.ts") for w in wrong), wrong
    assert not any(w.startswith("fine.ts") for w in wrong), wrong
