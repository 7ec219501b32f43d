"""Who can reach whom, computed from the network policies and the pods' labels, against what is meant.

A policy that selects a pod isolates it in the directions that it names; traffic passes when neither side is isolated
against it, or some policy of that side allows it. intent/reachability.yml holds what is meant.
"""
import ipaddress

from .model import Finding, at, matches, namespace_of

POD_ADDRESS = ipaddress.ip_address("10.64.0.1")  # an ipBlock may mean pods too, with networks such as AWS's


class Node:
    def __init__(self, name, namespace, labels, ports, address):
        self.name, self.namespace, self.labels, self.ports = name, namespace, labels, ports
        self.address = ipaddress.ip_address(address) if address else POD_ADDRESS
        self.is_pod = address is None
        self.egress, self.ingress = None, None  # lists of rules once isolated


def nodes(trees, outside):
    out = {}
    for tree in trees:
        for w in tree.workloads:
            name = f"{w.namespace}/{w.labels.get('app.kubernetes.io/name', w.name)}"
            variants = out.setdefault(name, [])
            variants.append(Node(name, w.namespace, w.labels, {p for _, p in w.ports()}, None))
    for name, o in outside.items():
        out[name] = [Node(name, o.get("namespace"), o.get("labels", {}), set(o.get("ports", [])), o.get("address"))]
    return out


def isolate(all_nodes, trees):
    for tree in trees:
        for p in tree.of("NetworkPolicy"):
            for node in (n for variants in all_nodes.values() for n in variants):
                if node.namespace != namespace_of(p) or not node.is_pod:
                    continue
                if not matches(at(p, "spec", "podSelector", default={}), node.labels):
                    continue
                types = at(p, "spec", "policyTypes", default=["Ingress"])
                if "Ingress" in types:
                    node.ingress = (node.ingress or []) + at(p, "spec", "ingress", default=[])
                if "Egress" in types:
                    node.egress = (node.egress or []) + at(p, "spec", "egress", default=[])


def allows(rules, side, space, other, port, ports_by_name):
    if rules is None:
        return True
    for rule in rules:
        if rule.get("ports") and not any(q.get("port") in (None, port) or port == ports_by_name.get(q.get("port"))
                                         for q in rule["ports"]):
            continue
        if not rule.get(side) or any(means(peer, space, other) for peer in rule[side]):
            return True
    return False


def means(peer, space, node):
    if "ipBlock" in peer:
        block = peer["ipBlock"]
        inside = node.address in ipaddress.ip_network(block["cidr"])
        return inside and not any(node.address in ipaddress.ip_network(e) for e in block.get("except") or [])
    if not node.is_pod:
        return False
    if "namespaceSelector" in peer:
        if not matches(peer["namespaceSelector"], {"kubernetes.io/metadata.name": node.namespace}):
            return False
    elif node.namespace != space:
        return False
    return matches(peer.get("podSelector", {}), node.labels)


def passes(a, b, port):
    return (allows(a.egress, "to", a.namespace, b, port, {}) and allows(b.ingress, "from", b.namespace, a, port, {}))


def matrix(trees, outside):
    """{source: {"destination:port"}} without pairs of outsiders."""
    everything = nodes(trees, outside)
    isolate(everything, trees)
    out = {}
    for source, from_variants in everything.items():
        for destination, to_variants in everything.items():
            if source in outside and destination in outside:
                continue
            for port in sorted({p for n in to_variants for p in n.ports}):
                pairs = [(a, b) for a in from_variants for b in to_variants if port in b.ports]
                if any(passes(a, b, port) for a, b in pairs):
                    out.setdefault(source, set()).add(f"{destination}:{port}")
    return out


def intended(intent):
    """The file's short form, spelled out: `same_for` repeats the product's part for each namespace."""
    out = {}
    for namespace in intent["product"]["namespaces"]:
        for source, destinations in intent["product"]["reaches"].items():
            for d in destinations:
                # A name without a namespace is the product's own; one of `outside` stays as it is.
                here = source if source in intent["outside"] or "/" in source else f"{namespace}/{source}"
                there = d if d.rpartition(":")[0] in intent["outside"] or "/" in d else f"{namespace}/{d}"
                out.setdefault(here, set()).add(there)
    for source, destinations in intent["monitoring"]["reaches"].items():
        out.setdefault(source, set()).update(destinations)
    return out


def compare(trees, facts):
    found, meant = matrix(trees, facts.reachability["outside"]), intended(facts.reachability)
    for source in sorted(set(found) | set(meant)):
        for d in sorted(found.get(source, set()) - meant.get(source, set())):
            yield Finding("reachability", source, f"can reach {d}, which is not meant")
        for d in sorted(meant.get(source, set()) - found.get(source, set())):
            yield Finding("reachability", source, f"cannot reach {d}, which is meant")
