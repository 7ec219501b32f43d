"""A private Redis, our worker and a real Celery around it, for one case after the other."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

from local import free_port, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.realpath(os.path.join(HERE, "..", ".."))


class Process:
    """Of ours: ended by its id, never left behind."""

    def __init__(self, stage, name, command, environment=None):
        self.log_path = os.path.join(stage.folder, f"{name}-{len(stage.processes)}.log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=stage.folder,
                                            env={**os.environ, **(environment or {})}, start_new_session=True)
        stage.processes.append(self)

    @property
    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def is_running(self):
        return self.process.poll() is None

    def send(self, number):
        self.process.send_signal(number)

    def end(self, number=signal.SIGTERM, limit_s=20):
        """The exit status."""
        if self.is_running():
            self.send(number)
        try:
            return self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.process.args[0]} did not end:\n{self.log[-2000:]}") from None

    def kill(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


class Stage:
    def __init__(self, binaries):
        self.binaries = binaries
        self.folder = tempfile.mkdtemp(prefix="pricing-celery-")
        self.processes = []
        self.port = free_port()
        self.redis = None
        self.start_redis()

    def start_redis(self):
        self.redis = Process(self, "redis", ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1",
                                             "--dir", self.folder, "--appendonly", "yes", "--save", ""])
        wait_for(self.answers, 10, lambda: "Redis did not start:\n" + self.redis.log)

    def answers(self, port=None):
        return self.cli("PING", port=port, check=False) == "PONG"

    def cli(self, *words, port=None, check=True):
        done = subprocess.run(["redis-cli", "-h", "127.0.0.1", "-p", str(port or self.port), "--raw", *map(str, words)],
                              capture_output=True, text=True, timeout=20, check=False)
        assert not check or done.returncode == 0, done
        return done.stdout.strip("\n")

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"

    def settings(self, **more):
        out = {"PRICING_REDIS_HOST": "127.0.0.1", "PRICING_REDIS_PORT": str(self.port), "PRICING_LOG_LEVEL": "info"}
        out.update({"PRICING_CELERY_" + name.upper(): str(value) for name, value in more.items()})
        return out

    def worker(self, name="ours", ready=True, **more):
        """Our worker, consuming."""
        more = {"node": f"{name}@here", "mingle": "false", **more}
        process = Process(self, name, [os.path.join(self.binaries, "celery_test_worker")], self.settings(**more))
        if ready:
            wait_for(lambda: self.pings(more["node"]), 15, lambda: "our worker does not answer:\n" + process.log)
        return process

    def rival(self, name="rival", queues="celery", options=(), **environment):
        """A worker of the real Celery with the tasks of rival.py."""
        command = [sys.executable, "-m", "celery", "-A", "rival", "worker", "-n", f"{name}@here", "-Q", queues, "-l",
                   "info", "--without-mingle", "--without-gossip", *options]
        environment = {"PYTHONPATH": HERE, "BROKER": self.url, "C_FORCE_ROOT": "1", "PYTHONDONTWRITEBYTECODE": "1",
                       **environment}
        process = Process(self, name, command, environment)
        wait_for(lambda: self.pings(f"{name}@here"), 30, lambda: "Celery does not answer:\n" + process.log)
        return process

    def pings(self, node):
        from rival import app
        try:
            return app.control.ping(destination=[node], timeout=0.5, limit=1)
        except app.connection().connection_errors:
            return None  # a pooled connection to a Redis that was restarted

    def client(self, *words, json_out=True, limit_s=60, **more):
        """What our client prints, as JSON."""
        done = subprocess.run([os.path.join(self.binaries, "celery_test_client"), *map(str, words)], capture_output=True,
                              text=True, timeout=limit_s, check=False, env={**os.environ, **self.settings(**more)})
        assert done.returncode == 0, done
        return json.loads(done.stdout) if json_out and done.stdout.strip() else done.stdout

    def celery(self, *words):
        """What a command of the real Celery prints."""
        done = subprocess.run([sys.executable, "-m", "celery", "-A", "rival", *words], capture_output=True, text=True,
                              timeout=60, check=False, cwd=self.folder,
                              env={**os.environ, "PYTHONPATH": HERE, "BROKER": self.url, "PYTHONDONTWRITEBYTECODE": "1"})
        assert done.returncode == 0, done
        return done.stdout

    def dead_letters(self):
        return [json.loads(m) for m in self.cli("LRANGE", "celery-dead-letter", 0, -1).splitlines()]

    def clear(self):
        """Between cases: no process but Redis, no key."""
        for process in self.processes:
            if process is not self.redis:
                process.kill()
        self.processes = [self.redis]
        if not self.redis.is_running():
            self.start_redis()
        self.cli("FLUSHALL")

    def remove(self):
        for process in self.processes:
            process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Sentinels:
    """A master with a replica and three sentinels."""

    def __init__(self, stage):
        self.stage, self.ports, self.servers = stage, [free_port() for _ in range(2)], {}
        for port in self.ports:
            self.start(port, replica_of=None if port == self.ports[0] else self.ports[0])
        self.watchers = []
        for number in range(3):
            port = free_port()
            path = os.path.join(stage.folder, f"sentinel{number}.conf")
            with open(path, "w", encoding="ascii") as f:
                f.write(f"port {port}\nbind 127.0.0.1\nsentinel monitor mymaster 127.0.0.1 {self.ports[0]} 2\n"
                        "sentinel down-after-milliseconds mymaster 800\nsentinel failover-timeout mymaster 3000\n")
            Process(stage, f"sentinel{number}", ["redis-server", path, "--sentinel"])
            self.watchers.append(port)
        for port in self.watchers:
            wait_for(lambda p=port: stage.answers(p), 10, "a sentinel does not answer")
        wait_for(lambda: all("num-other-sentinels\n2" in stage.cli("SENTINEL", "MASTER", "mymaster", port=p)
                             for p in self.watchers), 20, "the sentinels do not find each other")
        wait_for(lambda: "master_link_status:up" in stage.cli("INFO", "replication", port=self.ports[1]), 20, "no replica")

    def start(self, port, replica_of=None):
        folder = os.path.join(self.stage.folder, str(port))
        os.makedirs(folder, exist_ok=True)
        more = ["--replicaof", "127.0.0.1", str(replica_of)] if replica_of else []
        self.servers[port] = Process(self.stage, f"redis{port}", [
            "redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--appendonly", "yes",
            "--save", "", "--repl-diskless-sync-delay", "0", *more])
        wait_for(lambda: self.stage.answers(port), 60, "a server does not answer")

    def master(self, watcher=0):
        words = self.stage.cli("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster", port=self.watchers[watcher]).split()
        return int(words[1])

    def is_settled(self):
        """Do all name one master, and does its replica follow?"""
        masters = {self.master(w) for w in range(len(self.watchers))}
        if len(masters) != 1:
            return False
        replica = next(p for p in self.ports if p not in masters)
        leads, follows = (self.stage.cli("INFO", "replication", port=p, check=False) for p in (*masters, replica))
        return "role:master" in leads and "role:slave" in follows and "master_link_status:up" in follows
