"""The same mistakes in compose files."""
import os
import re

import yaml

from . import compose_watching
from .data import REDIS_IMAGE
from .model import Finding, at
from .pods import DATABASE_IMAGE, MIGRATION
from .secrets import literal


def words(value):
    return " ".join(map(str, value)) if isinstance(value, list) else str(value or "")


def image_of(service):
    """As it stands when nobody names another one."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(service.get("image", "")))


def environment(service):
    given = service.get("environment") or {}
    if isinstance(given, dict):
        return {k: "" if v is None else str(v) for k, v in given.items()}
    return dict(entry.partition("=")[::2] for entry in given)


def mounts(service):
    """(source, target, read only) of every volume."""
    for v in service.get("volumes") or []:
        if isinstance(v, dict):
            yield str(v.get("source", "")), v.get("target", ""), bool(v.get("read_only"))
        else:
            parts = v.split(":")
            if len(parts) > 1:
                yield parts[0], parts[1], "ro" in parts[2:]


def mounted_text(folder, service):
    out = []
    for source, _, _ in mounts(service):
        path = os.path.join(folder, source)
        if source.startswith(".") and os.path.isfile(path):
            with open(path, encoding="utf-8", errors="replace") as file:
                out.append(file.read())
    return "\n".join(out)


def lint(path, facts):
    with open(path, encoding="utf-8") as file:
        compose = yaml.safe_load(file) or {}
    folder, strict = os.path.dirname(os.path.abspath(path)), ".prod" in os.path.basename(path)
    services = compose.get("services") or {}
    for name, service in services.items():
        for finding in of_service(folder, name, service, services, strict):
            yield finding


def of_service(folder, name, service, services, strict):
    image, command = image_of(service), words(service.get("command"))
    text = mounted_text(folder, service) + "\n" + "\n".join(re.findall(r"--([a-z-]+ +[^- ][^ ]*)", command))
    for key, value in environment(service).items():
        reason = literal(key, value)
        if reason:
            yield Finding("secret", name, reason)
    if image and not service.get("build") and (image.endswith(":latest") or not re.search(r"[:@$]", image.split("/")[-1])):
        yield Finding("images", name, f"{image} is whatever was pushed last")
    if DATABASE_IMAGE.search(image) and service.get("entrypoint"):
        yield Finding("database-entrypoint", name, "it replaces the database image's entrypoint: use command")
    if strict and (DATABASE_IMAGE.search(image) or REDIS_IMAGE.search(image)) and service.get("ports"):
        yield Finding("published-data", name, "the database or Redis is published to the host's network")
    if strict and not (at(service, "deploy", "resources", "limits", "memory") or service.get("mem_limit")):
        yield Finding("limits", name, "it has no limit of memory")
    if MIGRATION.search(command + words(service.get("entrypoint"))) and re.search(r"&&|;|pricing-web|gunicorn|uvicorn", command):
        yield Finding("migrations", name, "it migrates at every start, and every replica does: a service of its own runs once")
    yield from of_redis(name, service, image, command, text, services)
    yield from compose_watching.of_service(name, image, command, compose_watching.Mounted(folder, mounts(service)))


def of_redis(name, service, image, command, text, services):
    if not REDIS_IMAGE.search(image):
        return
    probe = words(at(service, "healthcheck", "test"))
    if re.search(r"(redis|valkey)-cli\b.*\bping\b", probe, re.I) and "PONG" not in probe:
        yield Finding("redis-probe", name, "the health check takes NOAUTH for an answer")
    if "sentinel" in command:
        for host in re.findall(r"^[^#\n]*sentinel monitor \S+ (\S+)", text, re.M):
            if not re.fullmatch(r"[\d.]+", host) and not re.search(r"resolve-hostnames yes", text):
                yield Finding("sentinel-names", name, f"it watches {host} by name without resolve-hostnames yes")
        path = next((w for w in command.split() if w.endswith(".conf")), "")
        if any(target == path and (read_only or source.startswith(".")) for source, target, read_only in mounts(service)):
            yield Finding("sentinel-config", name, f"Sentinel cannot replace {path}, which is mounted as a file")
        return
    brokers = {re.sub(r"^\w+://([^@/]*@)?", "", v).split(":")[0] for s in services.values()
               for k, v in environment(s).items() if k == "PRICING_REDIS_HOST" or "BROKER_URL" in k}
    if name in brokers or "broker" in name:
        policies = set(re.findall(r"^\s*maxmemory-policy +(\S+)", text, re.M))
        if policies and policies != {"noeviction"}:
            yield Finding("broker-eviction", name, f"the broker's maxmemory-policy is {', '.join(policies)}")
