"""PostgreSQL, Redis and volumes."""
import re

from .model import Finding, LONG_RUNNING, at, command_text, matches, name_of, namespace_of, where

REDIS_IMAGE = re.compile(r"(^|/)(redis|valkey|keydb)(:|@|$|/)")
BLOCK = re.compile(r"ebs\.csi\.aws\.com|kubernetes\.io/(aws-ebs|gce-pd|azure-disk)|pd\.csi\.storage\.gke\.io|"
                   r"disk\.csi\.azure\.com|rancher\.io/local-path|cinder\.csi|kubernetes\.io/no-provisioner")
SHARED_MODES = {"ReadWriteMany", "ReadOnlyMany"}
ADDRESS = re.compile(r"^\d+\.\d+\.\d+\.\d+$")


def claims(tree):
    """(where, spec) of every claim and claim template."""
    for d in tree.of("PersistentVolumeClaim"):
        yield where(d), d.get("spec") or {}
    for w in tree.workloads:
        for template in at(w.doc, "spec", "volumeClaimTemplates", default=[]):
            yield w.where, template.get("spec") or {}
        for volume in at(w.pod, "volumes", default=[]):
            spec = at(volume, "ephemeral", "volumeClaimTemplate", "spec")
            if spec:
                yield w.where, spec


def storage(tree, facts):
    for place, spec in claims(tree):
        name = spec.get("storageClassName")
        found = name and tree.find("StorageClass", name)
        if not found:
            yield Finding("storage-class", place, f"storage class {name or '(none named)'} is not there")
        elif SHARED_MODES & set(spec.get("accessModes") or []) and BLOCK.search(found.get("provisioner", "")):
            yield Finding("shared-block-storage", place,
                          f"{', '.join(spec['accessModes'])} on {found['provisioner']}, which one node mounts")


def redis_words(w, container):
    return " ".join(str(x) for x in (container.get("command") or []) + (container.get("args") or []))


def configuration(tree, w, container):
    """All that configures a Redis or Sentinel here: mounted files of the whole pod, and arguments as lines."""
    text = [t for c in w.all_containers for t in tree.files(w, c).values()]
    text += re.findall(r"--([a-z-]+ +[^- ][^ ]*)", redis_words(w, container))
    return "\n".join(text)


def sentinel(tree, facts):
    for w in tree.workloads:
        for c in w.containers:
            words = redis_words(w, c)
            is_sentinel = re.search(r"redis-sentinel|valkey-sentinel|--sentinel\b", words)
            if not is_sentinel:
                continue
            text = configuration(tree, w, c)
            for host in re.findall(r'^[^#\n]*sentinel monitor \S+ (\S+)', text, re.M):
                if not ADDRESS.match(host) and not re.search(r"^[^#\n]*resolve-hostnames yes", text, re.M):
                    yield Finding("sentinel-names", w.where, f"it watches {host} by name without resolve-hostnames yes")
            path = next((x for x in words.split() if x.endswith(".conf")), None)
            mounts = sorted(c.get("volumeMounts") or [], key=lambda m: -len(m["mountPath"]))
            holder = next((m for m in mounts if path and (path + "/").startswith(m["mountPath"].rstrip("/") + "/")), None)
            volume = (holder and w.volume(holder["name"])) or {}
            if not path or not holder or holder.get("readOnly") or "configMap" in volume or "secret" in volume:
                yield Finding("sentinel-config", w.where, f"Sentinel cannot rewrite {path or 'its configuration'}")


def redis_probe(tree, facts):
    """redis-cli ends with 0 when it is answered NOAUTH or LOADING: its answer must be read."""
    for w in tree.workloads:
        for c in w.containers:
            for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
                text = command_text(tree, w, c, at(c, kind, "exec", "command"))
                if re.search(r"(redis|valkey)-cli\b[^\n]*\bping\b", text, re.I) and "PONG" not in text:
                    yield Finding("redis-probe", w.where, f"{kind} of {c['name']} takes NOAUTH for an answer")


def broker_services(tree):
    """Names of the services that processes take task messages and sessions from."""
    out = set()
    for w in tree.workloads:
        for c in w.all_containers:
            for key, value in tree.environment(w, c).items():
                if value and (key in ("PRICING_REDIS_HOST", "PRICING_REDIS_SENTINELS") or "BROKER_URL" in key):
                    hosts = re.sub(r"^\w+://([^@/]*@)?", "", value)
                    out |= {h.split(":")[0].split(".")[-1 if "SENTINELS" in key else 0] for h in hosts.split(",")}
    return out


def broker(tree, facts):
    """What is evicted from a broker is a task that nobody runs and a session that nobody ended."""
    names = broker_services(tree)
    for w in tree.workloads:
        if w.kind not in LONG_RUNNING:
            continue
        for c in w.containers:
            if not REDIS_IMAGE.search(c.get("image", "")) or "sentinel" in redis_words(w, c):
                continue
            serves = [name_of(s) for s in tree.of("Service") if namespace_of(s) == w.namespace and
                      at(s, "spec", "selector") and matches({"matchLabels": s["spec"]["selector"]}, w.labels)]
            if w.labels.get("purpose") != "broker" and "broker" not in w.name and not names & set(serves):
                continue
            text = configuration(tree, w, c)
            policies = re.findall(r"^\s*maxmemory-policy +(\S+)", text, re.M)
            if not policies or set(policies) != {"noeviction"}:
                yield Finding("broker-eviction", w.where, f"the broker's maxmemory-policy is {', '.join(policies) or 'not set'}")
            if not re.search(r"^\s*appendonly +yes", text, re.M):
                yield Finding("broker-durability", w.where, "what the broker accepted is lost with the pod: appendonly is not on")


def headless(tree, facts):
    for w in tree.workloads:
        if w.kind == "StatefulSet":
            service = tree.find("Service", at(w.doc, "spec", "serviceName", default=""), w.namespace)
            if not service:
                yield Finding("references", w.where, "its serviceName is no service")


def pipes(tree, facts):
    """In a pipe only the last word's status counts, unless pipefail is on: half a dump looks like a whole one."""
    for w in tree.workloads:
        for c in w.all_containers:
            text = command_text(tree, w, c, (c.get("command") or []) + (c.get("args") or []))
            if re.search(r"\b(pg_dump|pg_dumpall|pg_basebackup)\b[^\n|]*\|[^|]", text) and "pipefail" not in text:
                yield Finding("pipefail", w.where, f"container {c['name']} pipes a dump without pipefail")


def archiving(tree, facts):
    for w in tree.workloads:
        for c in w.containers:
            text = "\n".join(tree.files(w, c).values())
            if re.search(r"^\s*wal_level\s*=", text, re.M) and not re.search(r"^\s*archive_mode\s*=\s*'?on", text, re.M):
                yield Finding("wal-archive", w.where, "PostgreSQL archives nothing: archive_mode is not on")


CHECKS = (storage, sentinel, redis_probe, broker, headless, pipes, archiving)
