#!/usr/bin/env python3
"""Finds mistakes in manifests and compose files that a schema does not see.

  scripts/lint_deploy.py                  everything in the tree: overlays, components, compose files, reachability
  scripts/lint_deploy.py PATH...          a kustomization, a folder of manifests, a manifest or a compose file
  scripts/lint_deploy.py --render         writes what is generated: the list of monitoring files, the plain manifests
  scripts/lint_deploy.py --matrix         prints who can reach whom
  scripts/lint_deploy.py --fetch-kubectl  fetches a kubectl into tests/infrastructure/tools

Prints one line a finding, "check  where: what", and ends with 1 when there is one, with 2 when it could not look.
"""
import argparse
import glob
import os
import sys

import yaml

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from deploy_checks import compose, data, generated, kubectl, network, pods, reach, scaling, secrets, watching  # noqa: E402
from deploy_checks.facts import Facts  # noqa: E402
from deploy_checks.model import Tree, namespace_of  # noqa: E402

K8S = os.path.join(kubectl.REPOSITORY, "infrastructure", "k8s")
CHECKS = pods.CHECKS + data.CHECKS + scaling.CHECKS + network.CHECKS + watching.CHECKS + secrets.CHECKS
KUSTOMIZATION = ("kustomization.yaml", "kustomization.yml", "Kustomization")


def lint_tree(tree, facts):
    return [finding for check in CHECKS for finding in check(tree, facts)]


def operators(folder):
    """The API groups of custom resources that a kustomization declares to need, in its annotation "operators"."""
    with open(os.path.join(folder, "kustomization.yaml"), encoding="utf-8") as file:
        declared = yaml.safe_load(file)
    return ((declared.get("metadata") or {}).get("annotations") or {}).get("operators", "").split()


def load(path):
    """A Tree of a kustomization, of a folder of manifests, or of one file."""
    if os.path.isdir(path) and any(os.path.exists(os.path.join(path, k)) for k in KUSTOMIZATION):
        return Tree(kubectl.documents(kubectl.kustomize(path)), path, operators(path))
    files = sorted(glob.glob(os.path.join(path, "*.y*ml"))) if os.path.isdir(path) else [path]
    documents = []
    for file in files:
        with open(file, encoding="utf-8") as text:
            documents += kubectl.documents(text.read())
    return Tree(documents, path)


def lint_path(path, facts):
    """Findings of a folder or a file, whatever it holds."""
    files = [path] if os.path.isfile(path) else glob.glob(os.path.join(path, "*compose*.y*ml"))
    composed = [f for f in files if "compose" in os.path.basename(f)]
    if composed:
        return [finding for f in composed for finding in compose.lint(f, facts)]
    return lint_tree(load(path), facts)


def overlays():
    return sorted(f for f in glob.glob(os.path.join(K8S, "overlays", "*")) if os.path.isdir(f))


def report(label, findings):
    found = sorted(set(findings))
    for f in found:
        print(f"{label}: {f.check}  {f.where}: {f.message}")
    return len(found)


def lint_everything(facts):
    count, world = 0, []
    for folder in overlays():
        tree = load(folder)
        count += report(os.path.relpath(folder, kubectl.REPOSITORY), lint_tree(tree, facts))
        if not tree.operators:
            world.append(Tree([d for d in tree.documents if namespace_of(d)], folder))
    count += report("reachability", reach.compare([t for t in world if t.workloads], facts))
    count += report("generated", generated.stale())
    for path in sorted(glob.glob(os.path.join(kubectl.REPOSITORY, "docker-compose*.yml"))):
        count += report(os.path.basename(path), compose.lint(path, facts))
    return count


def print_matrix(facts):
    trees = [load(f) for f in overlays() if not operators(f)]
    found = reach.matrix(trees, facts.reachability["outside"])
    for source in sorted(found):
        print(f"{source}: [{', '.join(sorted(found[source]))}]")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("paths", nargs="*")
    options.add_argument("--render", action="store_true")
    options.add_argument("--matrix", action="store_true")
    options.add_argument("--fetch-kubectl", action="store_true")
    options = options.parse_args()
    try:
        if options.fetch_kubectl:
            print(kubectl.fetch())
            return 0
        if options.render:
            generated.write()
            return 0
        facts = Facts()
        if options.matrix:
            print_matrix(facts)
            return 0
        if options.paths:
            count = sum(report(os.path.normpath(p), lint_path(p, facts)) for p in options.paths)
        else:
            count = lint_everything(facts)
    except (kubectl.RenderError, OSError, yaml.YAMLError) as e:
        print(f"lint_deploy.py: {e}", file=sys.stderr)
        return 2
    print(f"{count} findings")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
