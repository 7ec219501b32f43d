"""Secrets belong into the cluster, never into the tree."""
import re

from .model import Finding, where

DEFAULT = re.compile(r"^(admin\d*|password\d*|passw0rd|postgres|changeme|change-me|secret|redis|root|test|example|"
                     r"pricing\w*|letmein|12345\d*|guest)$", re.I)
SENSITIVE = re.compile(r"(PASSWORD|PASSWD|SECRET|TOKEN|API_KEY|PRIVATE_KEY|ACCESS_KEY)(_?KEY)?$", re.I)
URL = re.compile(r"\w+://[^\s:/@$]*:([^\s@/$]+)@")
KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")


def literal(name, value):
    """Why this name with this value is a secret in the tree, or None."""
    value = str(value or "")
    if SENSITIVE.search(name) and value and not value.startswith(("/", "$")) and value.lower() not in ("true", "false"):
        return f"{name} has a value that anybody can read" + (", and a default one" if DEFAULT.match(value) else "")
    fallback = re.match(r"^\$\{\w+:?-([^}]+)\}$", value)
    if SENSITIVE.search(name) and fallback:
        return f"{name} falls back to a password that is in the tree"
    if URL.search(value):
        return f"{name} has a password in its address"
    return None


def committed(tree, facts):
    for d in tree.of("Secret"):
        if d.get("data") or d.get("stringData"):
            yield Finding("secret", where(d), "a secret with its value is in the tree")
    for d in tree.of("ConfigMap"):
        for key, value in (d.get("data") or {}).items():
            if KEY.search(value) or URL.search(value):
                yield Finding("secret", where(d), f"{key} holds a password or a private key")
            elif "\n" not in value and literal(key, value):
                yield Finding("secret", where(d), literal(key, value))
            for option in re.findall(r"^\s*(?:requirepass|masterauth|admin_password)\s*=?\s*(\S+)", value, re.M):
                if not option.startswith(("$", '"$')):
                    yield Finding("secret", where(d), f"{key} holds a password")
    for w in tree.workloads:
        for c in w.all_containers:
            for variable in c.get("env") or []:
                reason = literal(variable.get("name", ""), variable.get("value"))
                if reason:
                    yield Finding("secret", w.where, reason)
            for word in (c.get("command") or []) + (c.get("args") or []):
                if re.search(r"--(requirepass|password|admin-password)[= ](?!\$)\S", str(word)):
                    yield Finding("secret", w.where, "a command line holds a password")


CHECKS = (committed,)
