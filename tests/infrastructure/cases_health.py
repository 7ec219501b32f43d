"""Health pages of every process, and the health monitor's verdict when parts of the system are away."""
import json
import os
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import xml.etree.ElementTree as ElementTree

from local import wait_for
from private_product import REPOSITORY, Product, get

MONITOR = os.path.join(REPOSITORY, "scripts/health_monitor")
ALL = {"live", "ready", "database", "cache", "queue", "ml", "certificates", "latency", "version"}


def monitor(stage, url, *words, status=None, command=(MONITOR,)):
    """The report as JSON: standard output holds nothing else."""
    binary = os.path.join(getattr(stage, "binaries", os.path.join(REPOSITORY, "build/release/bin")), "pricing-ctl")
    done = subprocess.run([*command, "--url", url, "--environment", "test", "--output-format", "json", *words],
                          capture_output=True, text=True, timeout=120, check=False, env={**os.environ, "PRICING_CTL": binary})
    report = json.loads(done.stdout)
    assert {c["name"] for c in report["checks"]} == ALL, report
    assert status is None or done.returncode == status, done
    return report


def failing(report):
    return {c["name"] for c in report["checks"] if c["status"] == "fail"}


def test_every_process_has_health_pages_and_metrics(stage):
    with Product(stage) as product:
        for name in ("pricing-web", "pricing-ml", "pricing-worker", "pricing-beat"):
            url = product.start(name)
            product.await_ready(name, url)
            for page in ("live", "ready", "startup"):
                status, body = get(f"{url}/health/{page}")
                assert status == 200 and json.loads(body)["status"], (name, page, status, body)
            status, body = get(url + "/metrics")
            assert status == 200 and "# TYPE " in body, (name, status)


def test_the_monitor_names_each_dependency_that_is_away(stage):
    with Product(stage) as product:
        web = product.start_all()
        report = monitor(stage, web, "--fail-on-unhealthy", status=0)
        assert report["verdict"] == "healthy" and not failing(report), report

        product.kill("pricing-ml")
        time.sleep(1.1)  # the page of components is looked at once a second
        report = monitor(stage, web, "--fail-on-unhealthy", status=1)
        assert report["verdict"] == "unhealthy" and failing(report) == {"ml"}, report
        product.kill("pricing-worker")
        time.sleep(1.1)
        assert failing(monitor(stage, web)) == {"ml", "queue"}
        product.kill_server("redis")
        time.sleep(1.1)
        assert failing(monitor(stage, web)) == {"ml", "queue", "cache", "ready"}
        product.kill_server("postgres")
        time.sleep(1.1)
        report = monitor(stage, web, status=0)  # it has reported; only --fail-on-unhealthy makes that a failure
        assert failing(report) == {"ml", "queue", "cache", "ready", "database"}, report
        product.kill("pricing-web")
        assert failing(monitor(stage, web, "--fail-on-unhealthy", status=1)) == ALL - {"certificates"}


class Oddity:
    """A server that accepts and does what it is told to with each connection."""

    def __init__(self, act, context=None):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port, self.act, self.context = self.socket.getsockname()[1], act, context
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                one, _ = self.socket.accept()
            except OSError:
                return
            try:
                with (self.context.wrap_socket(one, server_side=True) if self.context else one) as peer:
                    peer.settimeout(5)
                    self.act(peer)
            except (OSError, ssl.SSLError):
                pass

    def close(self):
        self.socket.close()


def answer(body, head="HTTP/1.1 200 OK\r\nConnection: close\r\n"):
    def act(peer):
        peer.recv(4096)
        peer.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return act


def test_the_report_is_valid_whatever_the_server_does(stage):
    def endless(peer):
        peer.recv(4096)
        peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            peer.sendall(b"x" * 65536)

    oddities = {
        "closes": lambda peer: None,
        "says nothing": lambda peer: time.sleep(3),
        "garbage": lambda peer: peer.sendall(os.urandom(5000)),
        "no HTTP": lambda peer: peer.sendall(b"220 mail.example.com ESMTP\r\n"),
        "endless": endless,
        "not JSON": answer(b"<html>\xff\xfe\x00 \"quotes\" </html>"),
        "JSON of others": answer(b'{"status": {"deep": [1, 2, "\\ud800"]}}'),
        "deep JSON": answer(b"[" * 100_000),
        "redirects for ever": answer(b"", "HTTP/1.1 302 Found\r\nLocation: /health/live\r\nConnection: close\r\n"),
        "redirects to a file": answer(b"", "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nConnection: close\r\n"),
    }
    for name, act in oddities.items():
        server = Oddity(act)
        report = monitor(stage, f"http://127.0.0.1:{server.port}", "--timeout", "1", "--fail-on-unhealthy", status=1)
        server.close()
        assert report["verdict"] == "unhealthy" and "live" in failing(report), (name, report)
    for url in ("http://127.0.0.1:1", "http://no.such.host.invalid", "ftp://127.0.0.1/", "not a URL", "", "http://[::bad"):
        assert monitor(stage, url, "--fail-on-unhealthy", status=1)["verdict"] == "unhealthy", url


def certificate(folder, days, names="IP:127.0.0.1"):
    key, path = os.path.join(folder, "key.pem"), os.path.join(folder, f"cert{days}.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", path, "-subj",
                    "/CN=test", "-addext", f"subjectAltName={names}", "-days", str(days)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, key)
    return path, context


def test_certificates_are_checked(stage):
    alive = answer(b'{"status":"alive"}')
    with tempfile.TemporaryDirectory() as folder:
        for days, wanted in ((3, "fail"), (20, "warn"), (300, "pass")):
            path, context = certificate(folder, days)
            server = Oddity(alive, context)
            url = f"https://127.0.0.1:{server.port}"
            trusted = {c["name"]: c for c in monitor(stage, url, "--ca-file", path)["checks"]}
            assert trusted["certificates"]["status"] == wanted and trusted["live"]["status"] == "pass", trusted
            assert days - 1.5 < trusted["certificates"]["value"] <= days, trusted
            strange = monitor(stage, url)
            assert {"certificates", "live"} <= failing(strange), strange
            server.close()
        path, context = certificate(folder, 90, "DNS:elsewhere.example")
        server = Oddity(alive, context)
        assert "certificates" in failing(monitor(stage, f"https://127.0.0.1:{server.port}", "--ca-file", path))
        server.close()
        plain = Oddity(alive)
        assert "certificates" in failing(monitor(stage, f"https://127.0.0.1:{plain.port}", "--timeout", "2"))
        plain.close()


def test_reports_go_to_files_and_the_guides_command_line_works(stage):
    python = ("python3", os.path.join(REPOSITORY, "scripts/health_monitor.py"))
    monitor(stage, "http://127.0.0.1:1", status=0, command=python)
    binary = os.path.join(getattr(stage, "binaries", os.path.join(REPOSITORY, "build/release/bin")), "pricing-ctl")
    with tempfile.TemporaryDirectory() as folder:
        def run(*words):
            return subprocess.run([*python, "--url", "http://127.0.0.1:1", "--environment", "staging", *words],
                                  capture_output=True, text=True, timeout=60, check=False,
                                  env={**os.environ, "PRICING_CTL": binary})
        path = os.path.join(folder, "report")
        done = run("--output-format", "json", "--output-file", path)
        assert done.returncode == 0 and done.stdout == "", done
        with open(path, encoding="utf-8") as f:
            assert json.load(f)["environment"] == "staging"
        run("--output-format", "junit", "--output-file", path)
        suite = ElementTree.parse(path).getroot()
        assert suite.get("tests") == str(len(ALL)) and int(suite.get("failures")) == len(ALL) - 1, suite.attrib
        done = run("--output-format", "json", "--output-file", os.path.join(folder, "no/such/folder"))
        assert done.returncode == 1 and json.loads(done.stdout)["verdict"] == "unhealthy", done
        assert run("--output-format", "yaml").returncode == 2


def test_a_rollout_loses_no_request(stage):
    """Two processes behind a balancer that believes their readiness; each is replaced in turn."""
    with Product(stage) as product:
        webs = {}

        def start(name):
            url = product.start(name, "pricing-web", PRICING_HTTP_SHUTDOWN_DELAY_S="2", PRICING_HTTP_THREADS="2")
            product.await_ready(name, url)
            webs[name] = url

        start("web-a")
        start("web-b")
        stopping, failures, served = threading.Event(), [], [0]

        def drive():
            turn = 0
            ready, looked = {}, 0.0
            while not stopping.is_set():
                if time.monotonic() - looked > 0.25:
                    ready = {n: u for n, u in dict(webs).items() if get(u + "/health/ready")[0] == 200}
                    looked = time.monotonic()
                turn += 1
                name, url = sorted(ready.items())[turn % len(ready)]
                status, body = get(url + "/health/live")
                served[0] += 1
                if status != 200:
                    failures.append((name, status, body))

        drivers = [threading.Thread(target=drive) for _ in range(4)]
        for one in drivers:
            one.start()
        try:
            for old, new in (("web-a", "web-c"), ("web-b", "web-d")):
                start(new)
                process, url = product.processes[old], webs[old]
                process.send_signal(signal.SIGTERM)
                wait_for(lambda u=url: get(u + "/health/ready")[0] == 503, 1.5, "it stays ready")
                assert process.wait(30) == 0
                del webs[old]
        finally:
            stopping.set()
            for one in drivers:
                one.join()
        assert not failures and served[0] > 100, (served, failures[:5])
