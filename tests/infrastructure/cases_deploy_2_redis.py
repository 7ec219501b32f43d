"""The cluster's own Redis and Sentinel configuration, started by its own scripts under TLS with the certificates that
scripts/make-secrets.sh makes, through a failover and a cold start."""
import glob
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time

from cases_deploy_3_postgres import secrets
from local import free_ports

HERE = os.path.dirname(os.path.abspath(__file__))
FILES = os.path.realpath(os.path.join(HERE, "..", "..", "infrastructure", "k8s", "base", "redis"))
PASSWORD = "a-password-of-this-test"
CERTIFICATES = secrets()["pricing-redis-tls"]


def ask(port, *commands, timeout_s=2.0, password=PASSWORD, authority=CERTIFICATES["ca.crt"], name="localhost"):
    """The answers of a server to commands, after logging in. Its certificate must be of the authority and have the name."""
    trust = ssl.create_default_context(cadata=authority)
    with socket.create_connection(("127.0.0.1", port), timeout_s) as plain, trust.wrap_socket(plain, server_hostname=name) as s:
        stream = s.makefile("rwb")
        for words in (("AUTH", password),) + commands:
            stream.write(b"*%d\r\n" % len(words))
            for w in words:
                w = str(w).encode()
                stream.write(b"$%d\r\n%s\r\n" % (len(w), w))
        stream.flush()
        answers = [read(stream) for _ in range(len(commands) + 1)]
    return answers[1:]


def read(stream):
    line = stream.readline()
    if not line:
        raise OSError("the connection was closed")
    kind, rest = line[:1], line[1:].strip()
    if kind == b"$":
        return None if rest == b"-1" else stream.read(int(rest) + 2)[:-2].decode()
    if kind == b"*":
        return None if rest == b"-1" else [read(stream) for _ in range(int(rest))]
    return int(rest) if kind == b":" else rest.decode()


def wait_for(what, limit_s, message):
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        try:
            if what():
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError(message() if callable(message) else message)


class Stage:
    """Three servers and three sentinels; `localhost` is their name, so that names have to be resolved."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="pricing-redis-")
        ports = free_ports(6)
        self.servers, self.sentinels = ports[:3], ports[3:]
        self.configuration = os.path.join(self.folder, "configuration")
        shutil.copytree(FILES, self.configuration)
        for name in ("redis.conf", "sentinel.conf"):
            with open(os.path.join(self.configuration, name), "a", encoding="utf-8") as out:
                out.write("bind 127.0.0.1 -::1\n")
        self.password = os.path.join(self.folder, "password")
        with open(self.password, "w", encoding="utf-8") as out:
            out.write(PASSWORD)
        self.tls = os.path.join(self.folder, "tls")
        os.mkdir(self.tls)
        for name, text in CERTIFICATES.items():
            with open(os.path.join(self.tls, name), "w", encoding="utf-8") as out:
                out.write(text)
        self.processes = {}
        return self

    def __exit__(self, *_):
        for p in self.processes.values():
            p.kill()
            p.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, port):
        """What the init container does, then what the container does."""
        is_server = port in self.servers
        data = os.path.join(self.folder, str(port))
        os.makedirs(data, exist_ok=True)
        environment = {**os.environ, "SELF": "localhost", "PORT": str(port), "FIRST": "localhost", "DATA": data,
                       "FIRST_PORT": str(self.servers[0]), "PASSWORD_FILE": self.password, "TLS": self.tls,
                       "SENTINELS": " ".join(f"localhost:{p}" for p in self.sentinels), "CONFIGURATION": self.configuration}
        script, file = ("prepare-redis.sh", "redis.conf") if is_server else ("prepare-sentinel.sh", "sentinel.conf")
        done = subprocess.run(["/bin/sh", os.path.join(FILES, script)], env=environment, capture_output=True, text=True,
                              timeout=60, check=False)
        assert done.returncode == 0, done
        with open(os.path.join(data, "log"), "ab") as log:
            self.processes[port] = subprocess.Popen(
                ["redis-server", os.path.join(data, file)] + ([] if is_server else ["--sentinel"]), stdout=log, stderr=log)
        return done.stdout.strip()

    def start_cache(self, port):
        """The other Redis: its configuration names the mounted files, which lie elsewhere here."""
        with open(os.path.join(FILES, "cache.conf"), encoding="utf-8") as file:
            text = file.read().replace("tls-port 6379", f"tls-port {port}").replace("/run/secrets/redis-tls", self.tls)
        path = os.path.join(self.folder, "cache.conf")
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        with open(os.path.join(self.folder, "cache.log"), "wb") as log:
            self.processes[port] = subprocess.Popen(["redis-server", path, "--requirepass", PASSWORD, "--dir", self.folder],
                                                    stdout=log, stderr=log)

    def renew(self, certificates, *names):
        """As the kubelet replaces a mounted secret; of `names` only."""
        for name in names or certificates:
            with open(os.path.join(self.tls, name), "w", encoding="utf-8") as out:
                out.write(certificates[name])

    def watch(self, port):
        """The container beside it, which has the certificate taken."""
        is_sentinel = port in self.sentinels
        environment = {**os.environ, "TLS": self.tls, "PASSWORD_FILE": self.password, "EVERY_S": "0.1", "APART_S": "0",
                       "SELF": f"pod-{self.sentinels.index(port) if is_sentinel else 0}"}
        with open(os.path.join(self.folder, f"certificate.{port}.log"), "wb") as log:
            self.processes[f"certificate {port}"] = subprocess.Popen(
                ["/bin/sh", os.path.join(FILES, "take-certificate.sh"), "sentinel" if is_sentinel else "server", str(port)],
                env=environment, stdout=log, stderr=log)
        wait_for(lambda: self.said(port), 10, "nobody looks after it")

    def said(self, port):
        """What the container beside this one has said."""
        with open(os.path.join(self.folder, f"certificate.{port}.log"), encoding="utf-8") as file:
            return file.read()

    def kill(self, port):
        p = self.processes.pop(port)
        p.send_signal(signal.SIGKILL)
        p.wait()

    def master(self):
        """As a client finds it: the first sentinel that answers, believed when that server says so too."""
        for port in self.sentinels:
            try:
                found = ask(port, ("SENTINEL", "get-master-addr-by-name", "pricing"))[0]
                if found and ask(int(found[1]), ("ROLE",))[0][0] == "master":
                    return found[0], int(found[1])
            except OSError:
                continue
        return None

    def settled(self):
        """Every sentinel knows the others and both replicas, which follow."""
        for port in self.sentinels:
            state = ask(port, ("SENTINEL", "master", "pricing"))[0]
            state = dict(zip(state[::2], state[1::2]))
            if state["num-slaves"] != "2" or state["num-other-sentinels"] != "2" or state["flags"] != "master":
                return False
        role = ask(self.master()[1], ("ROLE",))[0]
        return len(role[2]) == 2

    def logs(self):
        out = []
        for path in sorted(glob.glob(os.path.join(self.folder, "*", "log"))):
            with open(path, encoding="utf-8", errors="replace") as file:
                out.append(f"== {path}\n{file.read()[-1500:]}")
        return "\n".join(out)


class Writer(threading.Thread):
    """Writes one key after another; a key counts when a replica has confirmed it."""

    def __init__(self, stage):
        super().__init__(daemon=True)
        self.stage, self.kept, self.longest_gap_s, self.stopping = stage, [], 0.0, False

    def run(self):
        number, last = 0, time.monotonic()
        while not self.stopping:
            number += 1
            try:
                where = self.stage.master()
                answer = where and ask(where[1], ("SET", f"key:{number}", number), ("WAIT", 1, 300))
                if answer and answer[0] == "OK" and answer[1] >= 1:
                    self.longest_gap_s = max(self.longest_gap_s, time.monotonic() - last)
                    last = time.monotonic()
                    self.kept.append(number)
            except (OSError, TypeError):
                pass
            time.sleep(0.01)


def test_sentinel_fails_over_and_the_old_master_follows(stage):
    with Stage() as s:
        for port in s.servers + s.sentinels:
            s.start(port)
        wait_for(s.settled, 30, s.logs)
        assert s.master() == ("localhost", s.servers[0]), "a name was announced as an address"

        writer = Writer(s)
        writer.start()
        wait_for(lambda: len(writer.kept) > 50, 15, s.logs)
        s.kill(s.servers[0])
        wait_for(lambda: (s.master() or ("", 0))[1] in s.servers[1:], 30, s.logs)
        before = len(writer.kept)
        wait_for(lambda: len(writer.kept) > before + 50, 15, s.logs)
        promoted = s.master()

        # The pod that comes back is told by a sentinel whom to follow; it never serves as a second master.
        said = s.start(s.servers[0])
        assert said.endswith(f"replicaof localhost {promoted[1]}"), said
        wait_for(s.settled, 30, s.logs)
        writer.stopping = True
        writer.join(10)
        missing = [k for k in writer.kept if ask(promoted[1], ("GET", f"key:{k}"))[0] != str(k)]
        assert not missing, f"{len(missing)} of {len(writer.kept)} confirmed writes are lost"
        print(f"        {len(writer.kept)} confirmed writes, none lost; the longest wait was {writer.longest_gap_s:.1f} s")

        # Everything ends at once, as in a power cut: who was master is master again, with its data.
        for port in s.servers + s.sentinels:
            s.kill(port)
        for port in s.sentinels:
            s.start(port)
        for port in s.servers:
            s.start(port)
        wait_for(s.settled, 40, s.logs)
        assert s.master() == promoted
        assert ask(promoted[1], ("GET", f"key:{writer.kept[0]}"))[0] == str(writer.kept[0])


def test_a_changed_password_reaches_servers_and_sentinels(stage):
    """A new password in the secret, then every pod begins anew: roles and data stay."""
    with Stage() as s:
        for port in s.servers + s.sentinels:
            s.start(port)
        wait_for(s.settled, 30, s.logs)
        ask(s.master()[1], ("SET", "kept", "yes"), ("WAIT", 2, 2000))
        for port in s.servers + s.sentinels:
            s.kill(port)
        with open(s.password, "w", encoding="utf-8") as out:
            out.write("another-password-of-this-test")
        for port in s.sentinels + s.servers:
            s.start(port)
        found = []

        def settled_anew():
            found[:] = [ask(s.servers[0], ("GET", "kept"), ("ROLE",), password="another-password-of-this-test")]
            return found[0][1][0] == "master" and len(found[0][1][2]) == 2
        wait_for(settled_anew, 30, s.logs)
        assert found[0][0] == "yes", found
        for port in s.sentinels:
            state = ask(port, ("SENTINEL", "master", "pricing"), password="another-password-of-this-test")[0]
            assert dict(zip(state[::2], state[1::2]))["flags"] == "master", state
        refused = ask(s.servers[0], ("GET", "kept"))[0]
        assert refused.startswith("NOAUTH"), refused


def test_a_master_without_replicas_refuses_writes(stage):
    with Stage() as s:
        s.start(s.servers[0])
        wait_for(lambda: ask(s.servers[0], ("PING",))[0] == "PONG", 10, s.logs)
        assert ask(s.servers[0], ("SET", "key", 1))[0].startswith("NOREPLICAS")
        policy = ask(s.servers[0], ("CONFIG", "GET", "maxmemory-policy"), ("CONFIG", "GET", "appendonly"))
        assert policy == [["maxmemory-policy", "noeviction"], ["appendonly", "yes"]], policy


def test_the_probe_takes_no_refusal_for_an_answer(stage):
    with Stage() as s:
        s.start(s.servers[0])
        wait_for(lambda: ask(s.servers[0], ("PING",))[0] == "PONG", 10, s.logs)
        with open(os.path.join(FILES, "answers.sh"), encoding="utf-8") as file:
            script = file.read()
        for password, status in ((PASSWORD, 0), ("wrong", 1)):
            with open(s.password, "w", encoding="utf-8") as out:
                out.write(password)
            here = script.replace("/run/secrets/redis/password", s.password).replace("/run/secrets/redis-tls", s.tls)
            done = subprocess.run(["/bin/sh", "-c", here, "answers.sh", str(s.servers[0])], timeout=10, check=False)
            assert done.returncode == status, (password, done)


def test_nothing_is_said_in_clear_text_or_to_strangers(stage):
    """Servers, sentinels and the cache: a wrong authority, a wrong name and no TLS at all are refused; so is a replica that
    does not know the authority."""
    other = secrets()["pricing-redis-tls"]
    with Stage() as s:
        for port in s.servers + s.sentinels:
            s.start(port)
        cache = free_ports(1)[0]
        s.start_cache(cache)
        wait_for(s.settled, 30, s.logs)
        wait_for(lambda: ask(cache, ("PING",)) == ["PONG"], 10, s.logs)
        for port in (s.servers[0], s.servers[1], s.sentinels[0], cache):
            assert ask(port, ("PING",)) == ["PONG"]
            for wrong in ({"authority": other["ca.crt"]}, {"name": "redis.example.com"}):
                try:
                    ask(port, ("PING",), **wrong)
                    raise AssertionError(f"{port} was trusted with {sorted(wrong)}")
                except ssl.SSLCertVerificationError:
                    pass
            with socket.create_connection(("127.0.0.1", port), 2) as plain:
                plain.sendall(b"PING\r\n")
                try:
                    assert not plain.recv(100).startswith(b"+PONG"), "it answers without TLS"
                except OSError:
                    pass
        # A name for each server that clients and sentinels look for.
        for name in [f"pricing-redis-{i}.pricing-redis" for i in range(3)] + ["pricing-redis-cache", "pricing-redis-sentinel"] + \
                [f"pricing-redis-sentinel-{i}.pricing-redis-sentinel" for i in range(3)]:
            assert ask(s.servers[0], ("PING",), name=name) == ["PONG"], name

        s.kill(s.servers[2])
        with open(os.path.join(s.tls, "ca.crt"), "w", encoding="utf-8") as out:
            out.write(other["ca.crt"])
        s.start(s.servers[2])
        time.sleep(3)
        assert ask(s.servers[2], ("ROLE",))[0][3] != "connected", "a replica follows a master that it cannot know"


def test_a_renewed_certificate_is_served_without_a_restart(stage):
    """Servers and the cache go on with their connections; a sentinel ends once, and begins with the new one."""
    renewed = secrets()["pricing-redis-tls"]
    with Stage() as s:
        cache = free_ports(1)[0]
        for port in s.servers + s.sentinels:
            s.start(port)
        s.start_cache(cache)
        wait_for(s.settled, 30, s.logs)
        wait_for(lambda: ask(cache, ("PING",)) == ["PONG"], 10, s.logs)
        master, watched = s.master()[1], (*s.servers, s.sentinels[2], cache)
        for port in watched:
            s.watch(port)
        old = ssl.create_default_context(cadata=CERTIFICATES["ca.crt"])
        with socket.create_connection(("127.0.0.1", master), 2) as plain, old.wrap_socket(plain, server_hostname="localhost") as kept:
            # Half of it, as long as the other half is on its way: refused, and nothing changes.
            s.renew(renewed, "tls.crt")
            wait_for(lambda: "does not take" in s.said(master), 10, s.logs)
            assert ask(master, ("PING",)) == ["PONG"]
            wait_for(lambda: s.processes[s.sentinels[2]].poll() is not None, 10, "the sentinel does not end")
            s.renew(renewed)
            for port in (*s.servers, cache):
                wait_for(lambda port=port: ask(port, ("PING",), authority=renewed["ca.crt"]) == ["PONG"], 10, s.logs)
                assert s.processes[port].poll() is None
            stream = kept.makefile("rwb")
            stream.write(f"AUTH {PASSWORD}\r\nPING\r\n".encode())
            stream.flush()
            assert [read(stream), read(stream)] == ["OK", "PONG"], "a connection that was there has ended"
        assert s.processes[s.sentinels[0]].poll() is None, "nobody looks after this one here"
        for port in s.sentinels:  # what the kubelet does, here to the others too
            if s.processes[port].poll() is None:
                s.kill(port)
            s.start(port)
            wait_for(lambda port=port: ask(port, ("PING",), authority=renewed["ca.crt"]) == ["PONG"], 10, s.logs)
        # Replicas find their master again, whose authority is another now.
        ask(master, ("CLIENT", "KILL", "TYPE", "replica"), authority=renewed["ca.crt"])
        wait_for(lambda: len(ask(master, ("ROLE",), authority=renewed["ca.crt"])[0][2]) == 2, 30, s.logs)
