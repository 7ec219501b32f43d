"""Containers: what confines them, what they may use, how they are watched, and how they end."""
import re

from .model import Finding, LONG_RUNNING, at, command_text, matches, namespace_of, where

DATABASE_IMAGE = re.compile(r"(^|/)(postgres|postgis|timescaledb(-ha)?|mysql|mariadb|mongo)(:|@|$)|/timescaledb")
MIGRATION = re.compile(r"pricing-ctl\W+migrate|manage\.py\W+migrate|alembic\W+upgrade|flyway\W+migrate")
BUILT_IN = {"", "apps", "batch", "autoscaling", "policy", "networking.k8s.io", "rbac.authorization.k8s.io",
            "scheduling.k8s.io", "storage.k8s.io", "coordination.k8s.io", "admissionregistration.k8s.io",
            "apiextensions.k8s.io", "discovery.k8s.io", "node.k8s.io", "certificates.k8s.io",
            "apiregistration.k8s.io", "kustomize.config.k8s.io"}


def env_order(tree, facts):
    """$(VAR) is replaced only by what stands above it; else it stays as it is written."""
    for w in tree.workloads:
        for c in w.all_containers:
            known = set(tree.environment(w, dict(c, env=[])))
            opaque = any("secretRef" in s for s in c.get("envFrom") or [])
            for variable in c.get("env") or []:
                for used in references(str(variable.get("value") or "")):
                    if used not in known and not opaque:
                        yield Finding("env-order", w.where, f"{variable['name']} uses $({used}), which is not defined above it")
                known.add(variable["name"])
            for word in (c.get("command") or []) + (c.get("args") or []):
                for used in references(str(word)):
                    if used not in known and not opaque:
                        yield Finding("env-order", w.where, f"$({used}) in a command is defined nowhere")


def references(text):
    return re.findall(r"(?<!\$)\$\(([A-Za-z_][A-Za-z0-9_]*)\)", text)


def database_entrypoint(tree, facts):
    """A command instead of arguments skips the entrypoint, which makes the cluster and runs the init scripts."""
    for w in tree.workloads:
        for c in w.containers:
            if w.kind in LONG_RUNNING and DATABASE_IMAGE.search(c.get("image", "")) and c.get("command"):
                yield Finding("database-entrypoint", w.where,
                              f"container {c['name']} replaces the database image's entrypoint: use args")


def migrations(tree, facts):
    """Every replica would run them at once; a Job runs them once a release."""
    for w in tree.workloads:
        if w.kind not in LONG_RUNNING:
            continue
        for c in w.all_containers:
            hooks = [at(c, "lifecycle", hook, "exec", "command", default=[]) for hook in ("postStart", "preStop")]
            for words in [(c.get("command") or []) + (c.get("args") or [])] + hooks:
                if MIGRATION.search(command_text(tree, w, c, words)):
                    yield Finding("migrations", w.where, f"container {c['name']} migrates the database in every replica")


def probes(tree, facts):
    for w in tree.workloads:
        if w.kind not in LONG_RUNNING or not w.containers:
            continue
        main = w.containers[0]
        for kind in ("readinessProbe", "livenessProbe"):
            if not main.get(kind):
                yield Finding("probes", w.where, f"container {main['name']} has no {kind}")
        names = {n for n, _ in w.ports()} | {p for _, p in w.ports()}
        for c in w.containers:
            live, ready = (at(c, kind, "httpGet", "path") for kind in ("livenessProbe", "readinessProbe"))
            ours = facts.is_ours(c.get("image", ""))
            if live and live.rstrip("/") in ("/health/ready", "/ready", "/readyz", "/health"):
                yield Finding("probes", w.where, f"liveness asks {live}: when a dependency blinks, every pod is restarted")
            elif live and live == ready and ours:
                yield Finding("probes", w.where, f"one path, {live}, for liveness and readiness")
            for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
                port = at(c, kind, "httpGet", "port") or at(c, kind, "tcpSocket", "port")
                if port and port not in names:
                    yield Finding("probes", w.where, f"{kind} asks port {port}, which no container has")
            address = tree.environment(w, c).get("PRICING_HTTP_ADDRESS")
            if ours and live and address not in ("0.0.0.0", "::"):
                yield Finding("probes", w.where, "the process listens on loopback only: set PRICING_HTTP_ADDRESS=0.0.0.0")


def confined(tree, facts):
    """What restricted Pod Security asks for, and a read-only root."""
    for w in tree.workloads:
        pod = at(w.pod, "securityContext", default={})
        for flag in ("hostNetwork", "hostPID", "hostIPC"):
            if w.pod.get(flag):
                yield Finding("security-context", w.where, f"{flag} is on")
        for volume in at(w.pod, "volumes", default=[]):
            if "hostPath" in volume:
                yield Finding("security-context", w.where, f"volume {volume['name']} is a folder of the node")
        for c in w.all_containers:
            own = c.get("securityContext") or {}
            missing = []
            if not own.get("runAsNonRoot", pod.get("runAsNonRoot")):
                missing.append("runAsNonRoot")
            seccomp = at(own, "seccompProfile", "type", default=at(pod, "seccompProfile", "type"))
            if seccomp not in ("RuntimeDefault", "Localhost"):
                missing.append("seccompProfile")
            if own.get("allowPrivilegeEscalation") is not False:
                missing.append("allowPrivilegeEscalation: false")
            if own.get("readOnlyRootFilesystem") is not True:
                missing.append("readOnlyRootFilesystem")
            if at(own, "capabilities", "drop", default=[]) != ["ALL"] or at(own, "capabilities", "add"):
                missing.append("capabilities: drop ALL")
            if own.get("privileged") or own.get("runAsUser", pod.get("runAsUser")) == 0:
                missing.append("a user that is not root")
            if missing:
                yield Finding("security-context", w.where, f"container {c['name']} lacks {', '.join(missing)}")


def limits(tree, facts):
    for w in tree.workloads:
        for c in w.all_containers:
            for side in ("requests", "limits"):
                for what in ("cpu", "memory"):
                    if at(c, "resources", side, what) is None:
                        yield Finding("limits", w.where, f"container {c['name']} has no {side} of {what}")


def service_accounts(tree, facts):
    """Each has its own, and its token only where a role is bound to it."""
    bound = {s["name"] for b in tree.of("RoleBinding", "ClusterRoleBinding") for s in b.get("subjects") or []}
    for w in tree.workloads:
        account = w.pod.get("serviceAccountName", "default")
        if account == "default":
            yield Finding("service-accounts", w.where, "it runs as the namespace's default account")
        elif not tree.find("ServiceAccount", account, w.namespace):
            yield Finding("service-accounts", w.where, f"account {account} is not there")
        if w.pod.get("automountServiceAccountToken") is not False and account not in bound:
            yield Finding("service-accounts", w.where, "it gets a token for the API server and needs none")
    for role in tree.of("Role", "ClusterRole"):
        for rule in role.get("rules") or []:
            if "*" in rule.get("verbs", []) + rule.get("resources", []) or "secrets" in rule.get("resources", []):
                yield Finding("service-accounts", where(role), "the role allows everything, or reading secrets")


def shutdown(tree, facts):
    """A pod goes on serving until the proxies know, then ends what is in flight, all within its grace."""
    for w in tree.workloads:
        if w.kind != "Deployment":
            continue
        grace = w.pod.get("terminationGracePeriodSeconds", 30)
        served = [s for s in tree.of("Service") if namespace_of(s) == w.namespace and at(s, "spec", "selector")
                  and matches({"matchLabels": s["spec"]["selector"]}, w.labels)]
        for c in w.containers:
            if not facts.is_ours(c.get("image", "")):
                continue
            environment = tree.environment(w, c)
            delay = int(environment.get("PRICING_HTTP_SHUTDOWN_DELAY_S") or 0)
            delay += int(at(c, "lifecycle", "preStop", "sleep", "seconds", default=0))
            drain = int(environment.get("PRICING_HTTP_DRAIN_TIMEOUT_S") or 20)
            if served and delay == 0:
                yield Finding("shutdown", w.where, "it stops at once, while proxies still send it requests")
            if served and delay + drain >= grace:
                yield Finding("shutdown", w.where, f"{delay} s and {drain} s of draining do not fit into {grace} s of grace")


def settings(tree, facts):
    for w in tree.workloads:
        for c in w.all_containers:
            for name in tree.environment(w, c):
                if name.startswith("PRICING_") and not facts.knows_setting(name):
                    yield Finding("settings", w.where, f"no process reads {name}")


def references_exist(tree, facts):
    """ConfigMaps, claims, priority classes, and secrets by the list of what the operator has to make."""
    made = {at(e, "spec", "target", "name", default=at(e, "metadata", "name")) for e in tree.of("ExternalSecret")}
    made |= {at(c, "spec", "secretName") for c in tree.of("Certificate")}
    for w in tree.workloads:
        wanted = []
        for volume in at(w.pod, "volumes", default=[]):
            for source in [volume] + at(volume, "projected", "sources", default=[]):
                wanted += [("ConfigMap", at(source, "configMap", "name")), ("Secret", at(source, "secret", "secretName")),
                           ("PersistentVolumeClaim", at(source, "persistentVolumeClaim", "claimName"))]
        for c in w.all_containers:
            for source in c.get("envFrom") or []:
                wanted += [("ConfigMap", at(source, "configMapRef", "name")), ("Secret", at(source, "secretRef", "name"))]
            for variable in c.get("env") or []:
                wanted += [("ConfigMap", at(variable, "valueFrom", "configMapKeyRef", "name")),
                           ("Secret", at(variable, "valueFrom", "secretKeyRef", "name"))]
            mounted = {m["name"] for m in c.get("volumeMounts") or []}
            for name in sorted(mounted):
                if not w.volume(name):
                    yield Finding("references", w.where, f"container {c['name']} mounts volume {name}, which is not there")
            for mount in c.get("volumeMounts") or []:
                config = tree.find("ConfigMap", at(w.volume(mount["name"]) or {}, "configMap", "name"), w.namespace)
                if config and config.get("data") and mount.get("subPath", next(iter(config["data"]))) not in config["data"]:
                    yield Finding("references", w.where, f"{where(config)} has no file {mount['subPath']}")
        wanted.append(("PriorityClass", w.pod.get("priorityClassName")))
        for kind, name in wanted:
            if not name or (kind == "Secret" and (name in facts.secrets or name in made)):
                continue
            if not tree.find(kind, name, None if kind == "PriorityClass" else w.namespace):
                yield Finding("references", w.where, f"{kind} {name} is not there")


def images(tree, facts):
    """A tag that nothing pushes is found out at the first pull; a moving one changes by itself."""
    for w in tree.workloads:
        for c in w.all_containers:
            image = c.get("image", "")
            if image.split("@")[0] not in facts.images:
                yield Finding("images", w.where, f"{image} is pushed by nobody that intent/images.yml knows")


def custom_resources(tree, facts):
    """A plain apply stops at the first kind that the cluster does not know."""
    for d in tree.documents:
        group = d.get("apiVersion", "").rpartition("/")[0]
        if group not in BUILT_IN and group not in tree.operators:
            yield Finding("custom-resources", where(d), f"{group} is not part of Kubernetes and no operator is declared")


def restricted(tree, facts):
    for d in tree.of("Namespace"):
        if at(d, "metadata", "labels", "pod-security.kubernetes.io/enforce") != "restricted":
            yield Finding("pod-security", where(d), "the namespace does not enforce restricted Pod Security")


CHECKS = (env_order, database_entrypoint, migrations, probes, confined, limits, service_accounts, shutdown, settings,
          references_exist, images, custom_resources, restricted)
