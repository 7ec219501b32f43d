"""The running product, from outside: processes through run-dev-server.sh, HTTP through http.client."""
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

from local import free_product_port

REPOSITORY = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
START_LIMIT_S = 600  # the first start may build


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:400]!r}"


class Client:
    """One person: a cookie and a CSRF token after login."""

    def __init__(self, port):
        self.port, self.cookie, self.csrf, self.session = port, None, None, None

    def call(self, method, path, body=None, headers=None, timeout=40):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        sent = {"Accept": "application/json"}
        if self.cookie:
            sent["Cookie"] = self.cookie
        if self.csrf:
            sent["X-CSRF-Token"] = self.csrf
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        sent.update(headers or {})
        try:
            connection.request(method, path, body=body, headers=sent)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def get(self, path, **more):
        return self.call("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.call("POST", path, body=body if body is not None else {}, **more)

    def login(self, email, password):
        answer = self.post("/api/v1/auth/login", {"email": email, "password": password})
        assert answer.status == 200, f"login as {email}: {answer}"
        self.cookie = answer.headers["Set-Cookie"].split(";")[0]
        self.session = answer.json
        self.csrf = self.session["csrf_token"]
        return self


class Product:
    def __init__(self, folder=None, port=None, extra=()):
        self.own_folder = folder is None
        self.folder = folder or tempfile.mkdtemp(prefix="pricing-system-")
        os.chmod(self.folder, 0o755)
        self.dir = os.path.join(self.folder, "var")
        self.port = port or free_product_port()
        self.extra = list(extra)
        self.process = None
        self.email = self.password = None
        self.started_in_s = None
        self.members = {}

    def command(self, *more):
        return [os.path.join(REPOSITORY, "scripts/dev/run-dev-server.sh"), "--port", str(self.port), "--dir", self.dir,
                *self.extra, *more]

    def start(self):
        begin = time.monotonic()
        self.log = open(os.path.join(self.folder, "server.log"), "ab")
        before = self.log.tell()
        environment = dict(os.environ, PRICING_IDENTITY_RATE_SESSION_PER_HOUR="1000000",
                           PRICING_IDENTITY_RATE_USER_PER_HOUR="1000000", PRICING_IDENTITY_RATE_ML_PER_MINUTE="100000",
                           PRICING_IDENTITY_RATE_BULK_PER_HOUR="100000",
                           PRICING_IDENTITY_RATE_ANONYMOUS_PER_HOUR="100000", PRICING_WORKER_LEASE_S="6")
        self.process = subprocess.Popen(self.command(), stdout=self.log, stderr=subprocess.STDOUT,
                                        stdin=subprocess.DEVNULL, start_new_session=True, env=environment)
        ready = os.path.join(self.dir, "ready")
        while True:
            # The file of an earlier start may still be there: only one that is younger than this start counts.
            text = self.output(before)
            if "Ready after" in text and os.path.exists(ready):
                break
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}:\n{text[-3000:]}")
            if time.monotonic() - begin > START_LIMIT_S:
                self.kill()
                raise AssertionError(f"the server was not ready in time:\n{text[-3000:]}")
            time.sleep(0.05)
        self.started_in_s = time.monotonic() - begin
        found = re.search(r"password\W+(?:\w+\W+)?(\S{10,})\s*$", text, re.IGNORECASE | re.MULTILINE)
        email = re.search(r"[\w.+-]+@[\w.-]+\w", text)
        if found and email:
            self.email, self.password = email.group(0), found.group(1)
        return self

    def output(self, begin=0):
        with open(os.path.join(self.folder, "server.log"), "rb") as log:
            log.seek(begin)
            return log.read().decode(errors="replace")

    def stop(self, sign=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(sign)
            self.process.wait(40)

    def kill(self):
        self.process.kill()
        self.process.wait(10)

    def remove(self):
        self.stop()
        if self.own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def processes(self):
        """{pid: command line} of everything alive that belongs to this folder."""
        found = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    line = f.read().replace(b"\0", b" ").decode(errors="replace")
                with open(f"/proc/{pid}/environ", "rb") as f:
                    surroundings = f.read()
            except OSError:
                continue
            if int(pid) != os.getpid() and (self.dir in line or self.dir.encode() + b"/" in surroundings):
                found[int(pid)] = line.strip()
        return found

    def pid_of(self, name):
        pids = [pid for pid, line in self.processes().items() if os.path.basename(line.split(" ")[0]) == name]
        assert len(pids) == 1, f"{name}: {pids}"
        return pids[0]

    def client(self):
        return Client(self.port)

    def admin(self):
        assert self.email, f"no administrator was printed at the first start:\n{self.output()[-1500:]}"
        return self.client().login(self.email, self.password)

    def member(self, role):
        """A signed-in person with this role; made once."""
        if role not in self.members:
            email = f"{role}.{self.port}@example.com"
            made = self.admin().post("/api/v1/users", {"email": email, "name": f"A {role}", "role": role})
            assert made.status in (200, 201), made
            self.members[role] = self.client().login(email, made.json["generated_password"])
        return self.members[role]

    def sql(self, query):
        sockets = re.search(r"PGHOST='([^']+)'", open(os.path.join(self.dir, "environment")).read()).group(1)
        return subprocess.run(["psql", "-h", sockets, "-U", "postgres", "-d", "pricing", "-XqAt", "-v",
                               "ON_ERROR_STOP=1", "-c", query], check=True, capture_output=True, text=True).stdout.strip()

    def ctl(self, *arguments, check=True):
        script = 'set -a; source "$1"; set +a; shift; exec "$@"'
        return subprocess.run(["bash", "-c", script, "-", os.path.join(self.dir, "environment"),
                               os.path.join(REPOSITORY, "build/release/bin/pricing-ctl"), *arguments],
                              check=check, capture_output=True, text=True)
