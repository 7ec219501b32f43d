"""Services, ingresses and network policies: what they name must be there."""
from .model import Finding, at, matches, name_of, namespace_of, where


def ports_of(workloads, port):
    """The numbers that a target port means on these workloads."""
    return {number for w in workloads for name, number in w.ports() if port in (name, number)}


def services(tree, facts):
    for s in tree.of("Service"):
        selector = at(s, "spec", "selector")
        if not selector:
            continue
        chosen = tree.selected({"matchLabels": selector}, namespace_of(s))
        if not chosen:
            yield Finding("selector", where(s), "the service leads to no pod")
            continue
        for p in at(s, "spec", "ports", default=[]):
            wanted = p.get("targetPort", p.get("port"))
            for w in chosen:
                if not ports_of([w], wanted):
                    yield Finding("service-port", where(s), f"{w.where} has no port {wanted}")


def backend(tree, doc, namespace, name, port):
    service = tree.find("Service", name, namespace)
    if not service:
        elsewhere = any(name_of(s) == name for s in tree.of("Service"))
        reason = "lives in another namespace" if elsewhere else "is not there"
        return Finding("ingress-backend", where(doc), f"service {name} {reason}")
    if port not in {x for p in at(service, "spec", "ports", default=[]) for x in (p.get("port"), p.get("name"))}:
        return Finding("ingress-backend", where(doc), f"service {name} has no port {port}")
    return None


def ingresses(tree, facts):
    for d in tree.of("Ingress"):
        secure = {h for t in at(d, "spec", "tls", default=[]) for h in t.get("hosts") or []}
        for rule in at(d, "spec", "rules", default=[]):
            if rule.get("host") not in secure:
                yield Finding("ingress-tls", where(d), f"host {rule.get('host')} is served without TLS")
            for path in at(rule, "http", "paths", default=[]):
                service = at(path, "backend", "service", default={})
                port = at(service, "port", "name") or at(service, "port", "number")
                found = backend(tree, d, namespace_of(d), service.get("name"), port)
                if found:
                    yield found
    for d in tree.of("HTTPRoute"):
        for rule in at(d, "spec", "rules", default=[]):
            for ref in rule.get("backendRefs") or []:
                found = backend(tree, d, ref.get("namespace", namespace_of(d)), ref.get("name"), ref.get("port"))
                if found:
                    yield found


def known_outside(facts):
    """(namespace, labels) of pods that are not ours, which policies may name."""
    return [(o.get("namespace"), o["labels"]) for o in facts.reachability["outside"].values() if "labels" in o]


def policies(tree, facts):
    """A policy that selects a label which nobody carries allows nothing, silently; a default-deny then cuts the line."""
    namespaces = {w.namespace for w in tree.workloads}
    denied = set()
    for p in tree.of("NetworkPolicy"):
        space = namespace_of(p)
        own = at(p, "spec", "podSelector", default={})
        if not own and not at(p, "spec", "ingress") and not at(p, "spec", "egress"):
            denied |= {(space, t) for t in at(p, "spec", "policyTypes", default=[])}
        chosen = tree.selected(own, space)
        if own and not chosen:
            yield Finding("policy-labels", where(p), f"no pod carries {own}")
        for direction, side in (("ingress", "from"), ("egress", "to")):
            for rule in at(p, "spec", direction, default=[]):
                for peer in rule.get(side) or []:
                    if "ipBlock" not in peer and not peer_exists(tree, facts, peer, space):
                        yield Finding("policy-labels", where(p), f"{direction}: no pod is meant by {peer}")
                if direction == "ingress" and own:
                    for q in rule.get("ports") or []:
                        if not ports_of(chosen, q.get("port")) and q.get("port") != 4143:
                            yield Finding("policy-port", where(p), f"no selected pod has port {q.get('port')}")
    if tree.of("NetworkPolicy"):
        for space in namespaces:
            for kind in ("Ingress", "Egress"):
                if (space, kind) not in denied:
                    yield Finding("default-deny", space or tree.label, f"{kind.lower()} is not denied by default")


def peer_exists(tree, facts, peer, space):
    pods = peer.get("podSelector", {})
    if "namespaceSelector" not in peer:
        return bool(tree.selected(pods, space))
    candidates = known_outside(facts) + [(w.namespace, w.labels) for w in tree.workloads]
    candidates += [(n, {"app.kubernetes.io/name": app}) for n, app in facts.inside()]
    return any(matches(peer["namespaceSelector"], {"kubernetes.io/metadata.name": n}) and matches(pods, labels)
               for n, labels in candidates if n)


def monitors(tree, facts):
    for d in tree.of("PodMonitor"):
        chosen = tree.selected(at(d, "spec", "selector"), namespace_of(d))
        if not chosen:
            yield Finding("selector", where(d), "the monitor finds no pod")
        for endpoint in at(d, "spec", "podMetricsEndpoints", default=[]):
            if chosen and not ports_of(chosen, endpoint.get("port")):
                yield Finding("service-port", where(d), f"no pod has port {endpoint.get('port')}")


CHECKS = (services, ingresses, policies, monitors)
