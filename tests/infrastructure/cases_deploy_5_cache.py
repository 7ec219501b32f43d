"""pricing-web with two Redis: what may be evicted is in the one, sessions and queues in the other."""
import http.client
import os
import shutil
import socket
import subprocess
import tempfile
import time


class Pair:
    """Two Redis on sockets and a pricing-web that knows both, or the first only. No database: nobody signs in here."""

    def __init__(self, stage, both=True):
        self.binaries, self.both = stage.binaries, both

    def __enter__(self):
        self.folder, self.processes = tempfile.mkdtemp(prefix="pricing-cache-"), {}
        try:
            self.prepare()
            return self
        except BaseException:
            self.__exit__()
            raise

    def prepare(self):
        for name in ("redis", "cache"):
            self.start(name, ["redis-server", "--port", "0", "--unixsocket", self.path(name), "--save", "", "--dir",
                              self.folder])
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        environment = {"PRICING_HTTP_PORT": str(self.port), "PRICING_REDIS_SOCKET": self.path("redis"),
                       "PRICING_IDENTITY_SECRET": "0" * 64, "PRICING_STORAGE_ROOT": self.path("objects"),
                       "PRICING_POSTGRES_URL": f"host={self.folder} user=nobody dbname=none"}
        if self.both:
            environment["PRICING_CACHE_SOCKET"] = self.path("cache")
        self.start("web", [os.path.join(self.binaries, "pricing-web")], environment)
        end = time.monotonic() + 20
        while self.get("/health/live") != 200:
            with open(self.path("web.log"), encoding="utf-8", errors="replace") as log:
                assert time.monotonic() < end and self.processes["web"].poll() is None, log.read()
            time.sleep(0.05)

    def __exit__(self, *_):
        for p in self.processes.values():
            p.kill()
            p.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, name, command, environment=None):
        with open(self.path(name + ".log"), "wb") as log:
            self.processes[name] = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **(environment or {})})

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def sign_in(self):
        """Status, and whether the request was counted. There is no database, so nobody gets in; counting comes before."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("POST", "/api/v1/auth/login", '{"email": "a@example.com", "password": "none"}',
                               {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.getheader("RateLimit-Remaining") is not None
        finally:
            connection.close()

    def counters(self, name):
        done = subprocess.run(["redis-cli", "-s", self.path(name), "keys", "rate:*"], capture_output=True, text=True, timeout=10,
                              check=True)
        return done.stdout.split()


def test_counters_of_rate_limits_are_where_they_may_be_evicted(stage):
    with Pair(stage) as pair:
        status, counted = pair.sign_in()
        assert counted and status not in (0, 404, 429), status
        assert pair.counters("cache") and not pair.counters("redis")
        # Without it nobody is counted and nobody is turned away for that.
        pair.processes["cache"].kill()
        pair.processes["cache"].wait()
        assert pair.sign_in() == (status, False)


def test_one_redis_is_both_where_no_other_is_named(stage):
    with Pair(stage, both=False) as pair:
        assert pair.sign_in()[1]
        assert pair.counters("redis") and not pair.counters("cache")
