"""Where scripts/deploy.sh is tried: a recorded cluster behind a kubectl of ours, and two releases behind a real nginx."""
import hashlib
import http.server
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from local import free_ports

HERE = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.realpath(os.path.join(HERE, "..", "..", ".."))
DEPLOY = os.path.join(REPOSITORY, "scripts", "deploy.sh")
DIGESTS = {tag: "sha256:" + hashlib.sha256(tag.encode()).hexdigest() for tag in ("v1.0.0", "v2.0.0", "v3.0.0", "v6.6.6")}
FAST = {"DEPLOY_WATCH_S": "0", "DEPLOY_WATCH_EVERY_S": "0.1", "DEPLOY_OLD_COLOUR_STAYS_S": "0",
        "DEPLOY_READY_TIMEOUT_S": "60", "DEPLOY_MIGRATE_TIMEOUT_S": "60", "DEPLOY_ACTOR": "tester@here"}


class Run:
    """What one run of deploy.sh said."""

    def __init__(self, done):
        self.status, self.log = done.returncode, done.stderr
        lines = done.stdout.strip().splitlines()
        self.audit = json.loads(lines[-1]) if lines else {}
        assert len(lines) <= 1, done.stdout

    def __repr__(self):
        return f"status {self.status}\n{self.audit}\n{self.log}"


class Prometheus:
    """Answers the two questions of a deployment; None is no data."""

    def __init__(self):
        self.allowed, self.burn, self.asked = None, None, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)["query"][0]
                outer.asked.append(query)
                value = outer.allowed if "deploy_allowed" in query else outer.burn
                value = value() if callable(value) else value
                result = [] if value is None else [{"metric": {}, "value": [0, str(value)]}]
                body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


class Stage:
    def __init__(self, environment):
        self.folder = tempfile.mkdtemp(prefix="deploy-test-")
        self.prometheus = Prometheus()
        self.environment = {**{k: v for k, v in os.environ.items() if not k.startswith(("DEPLOY_", "FAKE_"))}, **FAST,
                            "DEPLOY_PROMETHEUS_URL": self.prometheus.url, **environment}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.prometheus.server.shutdown()
        self.prometheus.server.server_close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def deploy(self, *arguments, name="production", **more):
        return Run(subprocess.run([DEPLOY, "-e", name, *arguments], env={**self.environment, **more}, capture_output=True,
                                  text=True, timeout=600, check=False))


class Cluster(Stage):
    """v1.0.0 serves as blue; green is empty."""

    def __init__(self):
        super().__init__({"DEPLOY_DRIVER": "kubectl"})
        tools = os.path.join(self.folder, "bin")
        os.mkdir(tools)
        shutil.copy(os.path.join(HERE, "kubectl"), tools)
        self.tool("cosign", "case \"$*\" in\n" + "".join(
            f"*/*:{tag}) printf '[{{\"critical\":{{\"image\":{{\"docker-manifest-digest\":\"{digest}\"}}}}}}]' ;;\n"
            for tag, digest in DIGESTS.items()) + "*) exit 1 ;;\nesac")
        self.state_file, self.trace = os.path.join(self.folder, "state"), os.path.join(self.folder, "trace")
        self.environment.update({"PATH": f"{tools}:{os.environ['PATH']}", "FAKE_STATE": self.state_file})
        images = {f"pricing-{p}-{c}": {"image": f"ghcr.io/pricing-agent/{p}@{DIGESTS['v1.0.0']}", "replicas": 3 if c == "blue" else 0}
                  for p in ("web", "ml") for c in ("blue", "green")}
        images.update({n: {"image": f"ghcr.io/pricing-agent/worker@{DIGESTS['v1.0.0']}", "replicas": 2}
                       for n in ("pricing-worker", "pricing-worker-priority", "pricing-beat")})
        self.store({"version": 1, "deployments": images, "services": {"pricing-web": "blue", "pricing-web-preview": "green"},
                    "configmaps": {}, "leases": {}, "jobs": {}, "cronjob": True, "bad": [DIGESTS["v6.6.6"]]})

    def tool(self, name, text):
        path = os.path.join(self.folder, "bin", name)
        with open(path, "w", encoding="utf-8") as out:
            out.write("#!/bin/sh\n" + text + "\n")
        os.chmod(path, 0o755)

    @property
    def state(self):
        with open(self.state_file, encoding="utf-8") as file:
            return json.load(file)

    def store(self, state):
        with open(self.state_file, "w", encoding="utf-8") as out:
            json.dump(state, out)

    @property
    def record(self):
        return json.loads(self.state["configmaps"]["pricing-release"]["data"]["record"])

    def serving(self):
        """(colour, tag) of what has the traffic; it must be up and well."""
        state = self.state
        colour = state["services"]["pricing-web"]
        out = set()
        for process in ("web", "ml"):
            found = state["deployments"][f"pricing-{process}-{colour}"]
            assert found["replicas"] >= 1, (process, colour, state)
            digest = found["image"].partition("@")[2]
            assert digest not in state["bad"], found
            out.add(next(t for t, d in DIGESTS.items() if d == digest))
        assert len(out) == 1, out
        return colour, out.pop()

    def replicas(self, colour):
        return [self.state["deployments"][f"pricing-{p}-{colour}"]["replicas"] for p in ("web", "ml")]

    def workers(self):
        images = {v["image"] for k, v in self.state["deployments"].items() if "worker" in k or "beat" in k}
        return {t for t, d in DIGESTS.items() if any(d in i for i in images)}


class Machine(Stage):
    """Release folders behind nginx."""

    def __init__(self, **releases):
        ports = free_ports(4)
        super().__init__({"DEPLOY_DRIVER": "local"})
        self.url, names = f"http://127.0.0.1:{ports[0]}", ("PROXY", "PREVIEW", "BLUE", "GREEN")
        self.environment.update({f"DEPLOY_{n}_PORT": str(p) for n, p in zip(names, ports)})
        self.environment.update({"DEPLOY_LOCAL_ROOT": self.folder, "DEPLOY_STOP_TIMEOUT_S": "5"})
        for tag, fault in {"v1": "", "v2": "", "v3": "", **releases}.items():
            self.release(tag, fault)

    def release(self, tag, fault=""):
        folder = os.path.join(self.folder, "releases", tag)
        os.makedirs(folder)
        with open(os.path.join(folder, "start"), "w", encoding="utf-8") as out:
            out.write(f"#!/bin/sh\nexec {sys.executable} {os.path.join(HERE, 'server.py')} {tag} {fault}\n")
        os.chmod(os.path.join(folder, "start"), 0o755)

    def __exit__(self, *_):
        for name, pid in self.processes().items():
            # The proxy's workers end with it only when it is asked.
            os.kill(pid, signal.SIGTERM if name == "nginx" else signal.SIGKILL)
        self.wait_gone()
        super().__exit__()

    def processes(self):
        out = {}
        for name in ("blue", "green", "nginx"):
            try:
                with open(os.path.join(self.folder, "run", f"{name}.pid"), encoding="utf-8") as file:
                    pid = int(file.read() or 0)
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    if b"server.py" in file.read() or name == "nginx":
                        out[name] = pid
            except (OSError, ValueError):
                continue
        return out

    def wait_gone(self):
        deadline = time.monotonic() + 5
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.05)

    def deploy(self, *arguments, name="staging", **more):
        return super().deploy(*arguments, name=name, **more)

    @property
    def record(self):
        with open(os.path.join(self.folder, "state", "record.json"), encoding="utf-8") as file:
            return json.load(file)

    def answer(self):
        with urllib.request.urlopen(self.url + "/", timeout=5) as response:
            return response.read().decode()

    def files(self):
        """Every file with its content and times: what a dry run may not change."""
        out = {}
        for folder, _, names in os.walk(self.folder):
            out[folder] = os.stat(folder).st_mtime_ns
            for n in names:
                path = os.path.join(folder, n)
                with open(path, "rb") as file:
                    out[path] = (os.lstat(path).st_mtime_ns, file.read())
        return out


class Load:
    """Requests all the time, each on a connection of its own; remembers those that failed."""

    def __init__(self, url, rate=50):
        self.url, self.rate, self.failed, self.count, self.ended = url, rate, [], 0, False

    def __enter__(self):
        self.thread = threading.Thread(target=self.go)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended = True
        self.thread.join()

    def go(self):
        while not self.ended:
            self.count += 1
            try:
                with urllib.request.urlopen(self.url + "/", timeout=5) as response:
                    response.read()
            except (OSError, urllib.error.URLError) as error:
                self.failed.append(repr(error))
            time.sleep(1 / self.rate)
