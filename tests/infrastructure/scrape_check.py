#!/usr/bin/env python3
"""Starts a real Prometheus with our scrape configuration and rules, lets it scrape running processes and the exporters of
infrastructure/monitoring/metrics.yml, and tells which metrics and labels are missing, which rules fail and which dashboard
queries return nothing.

  scrape_check.py --environment var/environment --email ADMIN --password PASSWORD [--seconds 240] [--json FILE]
  scrape_check.py --web URL --ml URL --worker URL --beat URL --postgres CONNINFO --redis SOCKET_OR_URL ...

--environment is the file that scripts/dev/run-dev-server.sh writes. With an administrator's name it signs in, asks for
prices and predictions, runs a job and has a periodic one come due, for some series exist only after that. What needs a
cluster (kube-state-metrics, cAdvisor, kubelet) or is no Debian package (Alloy) is served from samples written by hand in
monitoring/samples, and the report says so. Exit status 1 when anything is missing or empty. Loopback only.
"""
import argparse
import contextlib
import http.server
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import yaml

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from monitoring_table import MONITORING, Table, dashboard_queries, dashboards, named, read_yaml, rule_files  # noqa: E402

SAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "monitoring/samples")
# What the check itself brings about, so that its series must be there.
CAUSED = {"a job", "a task", "a periodic job was due", "an address with https is probed"}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def fetch(url, body=None, headers=None, method=None, timeout=20):
    """(status, text); an answer of any status is an answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **(headers or {})}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.read().decode()


class Programs:
    """What was started here, ended in the reverse order."""

    def __init__(self, folder):
        self.folder, self.running = folder, []

    def start(self, name, *arguments, environment=None):
        if not shutil.which(name):
            raise SystemExit(f"{name} is not installed: scripts/dev/install-packages.sh test")
        log = open(os.path.join(self.folder, name + ".log"), "w", encoding="utf-8")
        self.running.append((name, subprocess.Popen([name, *arguments], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                                    env={**os.environ, **(environment or {})})))

    def check(self):
        for name, process in self.running:
            if process.poll() is not None:
                with open(os.path.join(self.folder, name + ".log"), encoding="utf-8") as log:
                    raise SystemExit(f"{name} ended:\n{log.read()[-2000:]}")

    def stop(self):
        for _, process in reversed(self.running):
            process.terminate()
        for _, process in reversed(self.running):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Sample(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = os.path.join(SAMPLES, self.path.strip("/").split("/")[0] + ".prom")
        body = open(path, "rb").read() if os.path.isfile(path) else b"ok\n"
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving(context=None):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sample)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


def own_certificate(folder):
    key, certificate = os.path.join(folder, "key.pem"), os.path.join(folder, "certificate.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
                    "-days", "90", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
                   check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate


def configuration(folder, where):
    """Our prometheus.yml with other addresses: jobs, paths, parameters and relabelling stay."""
    content = read_yaml(os.path.join(MONITORING, "prometheus/prometheus.yml"))
    content["global"].update(scrape_interval="2s", evaluation_interval="2s", scrape_timeout="2s")
    content["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [where["unused-alertmanager"]]}]}]}
    jobs = []
    for job in content["scrape_configs"]:
        name = job["job_name"]
        if name not in where:
            continue
        job.pop("scrape_interval", None)
        if name == "alloy":
            job["metrics_path"] = "/alloy"
        for kind in [k for k in job if k.endswith("_sd_configs")]:
            del job[kind]
        targets = where[name]
        job["static_configs"] = targets if isinstance(targets[0], dict) else [{"targets": targets}]
        for step in job.get("relabel_configs", []):
            if step.get("target_label") == "__address__":
                # Looked up once: a YAML alias is one list for two jobs.
                step["replacement"] = where.get(step["replacement"], step["replacement"])
        jobs.append(job)
    for name in ("kube-state-metrics", "cadvisor", "kubelet"):
        jobs.append({"job_name": name, "metrics_path": "/" + name, "honor_labels": True,
                     "static_configs": [{"targets": where["samples"]}]})
    content["scrape_configs"] = jobs
    os.mkdir(os.path.join(folder, "rules"))
    for path in rule_files():
        rules = read_yaml(path)
        for group in rules["groups"]:
            group["interval"] = "2s"
        with open(os.path.join(folder, "rules", os.path.basename(path)), "w", encoding="utf-8") as file:
            yaml.safe_dump(rules, file)
    with open(os.path.join(folder, "prometheus.yml"), "w", encoding="utf-8") as file:
        yaml.safe_dump(content, file)


def use_the_product(options, trouble):
    """Requests, predictions, a job and a periodic job, once; further requests are made by ask()."""
    answer = fetch(options.web + "/api/v1/auth/token", {"email": options.email, "password": options.password})
    if answer[0] != 200:
        raise SystemExit(f"signing in as {options.email}: {answer}")
    token = {"Authorization": "Bearer " + json.loads(answer[1])["access_token"]}
    for path, body in (("/api/v1/models/price-items", {}), ("/api/v1/alerts/evaluate", {}),
                       ("/api/v1/schedules", {"name": "scrape check", "kind": "evaluate_alerts",
                                              "rule": "* * * * *"})):
        status, text = fetch(options.web + path, body, token)
        if status >= 400 and status != 409:
            trouble.append(f"POST {path}: {status} {text[:300]}")
    return token


def remove_schedule(options, token):
    status, text = fetch(options.web + "/api/v1/schedules", headers=token)
    for schedule in json.loads(text)["data"] if status == 200 else []:
        if schedule["name"] == "scrape check":
            fetch(f"{options.web}/api/v1/schedules/{schedule['id']}", headers=token, method="DELETE")


def ask(options, token):
    for path in ("/", "/api/v1/items?limit=5", "/api/v1/overview", "/api/v1/suppliers?limit=5"):
        fetch(options.web + path, headers=token)
    line = {"description": "Concrete", "unit": "m3", "quantity": "10", "prices": []}
    fetch(options.ml + "/api/v1/predictions/price", {"line": line}, token)


class Prometheus:
    def __init__(self, port):
        self.base = f"http://127.0.0.1:{port}"

    def get(self, path, **parameters):
        status, text = fetch(f"{self.base}/api/v1/{path}?{urllib.parse.urlencode(parameters)}", timeout=60)
        answer = json.loads(text)
        if status != 200 or answer["status"] != "success":
            raise RuntimeError(f"{path} {parameters}: {answer.get('error')}")
        return answer["data"]

    def query(self, expression):
        return self.get("query", query=expression)["result"]


def missing_metrics(prometheus, table, signed_in):
    """[(what is wrong)], [(what only appears later)]"""
    wrong, later = [], []
    owners = {name: [job] for job, metrics in table.processes.items() for name in metrics if job != "every"}
    owners.update({name: [j for j in table.processes if j != "every"] for name in table.processes["every"]})
    sampled = [who for who, exporter in table.exporters.items() if "package" not in exporter]
    for name, (who, entry) in table.sources.items():
        jobs = owners.get(name, [None])
        for job in jobs:
            series = name + ("_bucket" if entry["type"] == "histogram" else "")
            found = prometheus.get("series", **{"match[]": series + (f'{{job="{job}"}}' if job else "")})
            place = f"{job or who}: {series}"
            if not found:
                waits = entry.get("after")
                (later if waits and (waits not in CAUSED or not signed_in) else wrong).append(
                    place + (f" (after: {waits})" if waits else " is not exported"))
                continue
            lacking = {label for label in entry.get("labels", []) if not any(label in one for one in found)}
            # Labels without a value are not kept; a sample says nothing about labels.
            lacking -= {"reason", "slot_name", "client_addr"} if who in sampled or who == "postgres" else set()
            if lacking and who not in sampled:
                wrong.append(f"{place} has no label {', '.join(sorted(lacking))}")
    return wrong, later


def empty_queries(prometheus, table, signed_in):
    wrong, later, count = [], [], 0
    for file, dashboard in dashboards():
        for title, expression in dashboard_queries(dashboard, window="1m"):
            count += 1
            if prometheus.query(expression):
                continue
            waits = {entry["after"] for series in named(expression)[0] if (found := table.find(series))
                     for entry in [found[2]] if entry.get("after")}
            excused = waits and (not signed_in or not waits <= CAUSED)
            (later if excused else wrong).append(
                f"{file}: {title}: {expression}" + (f" (after: {', '.join(waits)})" if waits else ""))
    return wrong, later, count


def read_environment(options):
    values = {}
    with open(options.environment, encoding="utf-8") as file:
        for line in file:
            for name, quoted, bare in re.findall(r"(\w+)=(?:'([^']*)'|(\S+))", line):
                values[name] = quoted or bare
    for name, variable in (("web", "PRICING_HTTP_PORT"), ("ml", "PRICING_ML_PORT"),
                           ("worker", "PRICING_WORKER_METRICS_PORT"), ("beat", "PRICING_BEAT_METRICS_PORT")):
        if not getattr(options, name):
            setattr(options, name, "http://127.0.0.1:" + values[variable])
    options.postgres = options.postgres or (
        f"host={values['PGHOST']} user=postgres dbname={values['PGDATABASE']} sslmode=disable")
    options.redis = options.redis or values["PRICING_REDIS_SOCKET"]


def check(options, folder, programs):
    context, certificate = own_certificate(folder)
    ports = {name: free_port() for name in ("prometheus", "alertmanager", "node", "postgres", "redis", "blackbox")}
    at = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
    processes = {"pricing-web": options.web, "pricing-ml": options.ml, "pricing-worker": options.worker,
                 "pricing-beat": options.beat}
    redis = "unix://" + options.redis if options.redis.startswith("/") else options.redis
    with serving() as samples, serving(context) as secure, \
            open(os.path.join(folder, "blackbox.yml"), "w", encoding="utf-8") as blackbox:
        modules = read_yaml(os.path.join(MONITORING, "blackbox/blackbox.yml"))
        modules["modules"]["https_2xx"]["http"]["tls_config"] = {"ca_file": certificate}
        yaml.safe_dump(modules, blackbox)
        blackbox.flush()
        where = {name: [url.removeprefix("http://")] for name, url in processes.items()}
        where.update({
            "postgres": [at["postgres"]], "node": [at["node"]], "prometheus": [at["prometheus"]],
            "alertmanager": [at["alertmanager"]],
            # The private server of a developer's machine is broker and cache in one.
            "redis": [{"targets": [redis], "labels": {"purpose": "broker"}}],
            "blackbox-ready": [url + "/health/ready" for url in processes.values()],
            "blackbox-public": [f"https://localhost:{secure}/"],
            "redis-exporter:9121": at["redis"], "blackbox-exporter:9115": at["blackbox"],
            "samples": [f"127.0.0.1:{samples}"], "unused-alertmanager": at["alertmanager"]})
        where["alloy"] = where["samples"]
        configuration(folder, where)
        programs.start("prometheus-node-exporter", "--web.listen-address=" + at["node"])
        programs.start("prometheus-postgres-exporter", "--web.listen-address=" + at["postgres"],
                       environment={"DATA_SOURCE_NAME": options.postgres})
        programs.start("prometheus-redis-exporter", "-web.listen-address", at["redis"], "-redis.addr", redis)
        programs.start("prometheus-blackbox-exporter", "--web.listen-address=" + at["blackbox"], "--config.file=" + blackbox.name)
        # With nowhere to send: what our configuration names is not for a trial.
        quiet = os.path.join(folder, "alertmanager.yml")
        with open(quiet, "w", encoding="utf-8") as file:
            yaml.safe_dump({"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}, file)
        programs.start("prometheus-alertmanager", "--config.file=" + quiet,
                       "--storage.path=" + os.path.join(folder, "alertmanager"),
                       "--web.listen-address=" + at["alertmanager"], "--cluster.listen-address=")
        programs.start("prometheus", "--config.file=" + os.path.join(folder, "prometheus.yml"),
                       "--storage.tsdb.path=" + os.path.join(folder, "data"), "--web.listen-address=" + at["prometheus"])
        return watch(options, Prometheus(ports["prometheus"]), programs)


def watch(options, prometheus, programs):
    table, trouble, begin = Table(), [], time.monotonic()
    token = use_the_product(options, trouble) if options.email else {}
    try:
        while True:
            programs.check()
            time.sleep(5)
            try:
                ask(options, token)
                wrong, later = missing_metrics(prometheus, table, bool(token))
                empty, empty_later, queries = empty_queries(prometheus, table, bool(token))
                rules = [r for g in prometheus.get("rules")["groups"] for r in g["rules"]]
                failing = [f"{r['name']}: {r['lastError']}" for r in rules if r.get("lastError")]
                targets = prometheus.get("targets")["activeTargets"]
                down = [f"{t['labels']['job']} {t['scrapeUrl']}: {t['lastError']}" for t in targets
                        if t["health"] == "down"]
                firing = sorted({a["labels"]["alertname"] for a in prometheus.get("alerts")["alerts"]
                                 if a["state"] == "firing"})
                report = {"seconds": round(time.monotonic() - begin), "targets": len(targets), "targets_down": down,
                          "rules": len(rules), "rules_failing": failing,
                          "metrics": len(table.sources), "metrics_missing": wrong, "metrics_later": later,
                          "queries": queries, "queries_empty": empty, "queries_later": empty_later, "trouble": trouble,
                          "alerts_firing": firing,
                          "from_samples": sorted(w for w, e in table.exporters.items() if "package" not in e)}
            except (OSError, RuntimeError) as why:  # Prometheus begins, or the product is away
                report = {"trouble": trouble + [str(why)]}
            bad = any(report.get(k) for k in ("targets_down", "rules_failing", "metrics_missing", "queries_empty",
                                              "trouble"))
            if not bad or time.monotonic() - begin > options.seconds:
                return report, bad
    finally:
        if token:
            remove_schedule(options, token)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--environment")
    for name in ("web", "ml", "worker", "beat", "postgres", "redis", "email", "password", "json"):
        options.add_argument("--" + name)
    options.add_argument("--seconds", type=int, default=240)
    options = options.parse_args()
    if options.environment:
        read_environment(options)
    lacking = [n for n in ("web", "ml", "worker", "beat", "postgres", "redis") if not getattr(options, n)]
    if lacking:
        raise SystemExit("give --environment, or also: --" + " --".join(lacking))
    with tempfile.TemporaryDirectory() as folder:
        programs = Programs(folder)
        try:
            report, bad = check(options, folder, programs)
        finally:
            programs.stop()
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=2)
    for name, value in report.items():
        if isinstance(value, list):
            print(f"{name}: {len(value)}" + "".join(f"\n  {line}" for line in value))
        else:
            print(f"{name}: {value}")
    print("FAILED" if bad else "ok")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
