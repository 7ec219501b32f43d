"""The cluster's own PostgreSQL configuration, roles and archive, on a server of this machine, with the secrets that
scripts/make-secrets.sh makes."""
import base64
import glob
import gzip
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.realpath(os.path.join(HERE, "..", ".."))
FILES = os.path.join(REPOSITORY, "infrastructure", "k8s", "base", "postgres")


def secrets(*options):
    done = subprocess.run([os.path.join(REPOSITORY, "scripts", "make-secrets.sh"), *options], capture_output=True, text=True,
                          timeout=60, check=True)
    return {d["metadata"]["name"]: {k: base64.b64decode(v).decode() for k, v in d["data"].items()}
            for d in yaml.safe_load_all(done.stdout) if d}


def test_secrets_are_new_each_time_and_all_that_is_asked_for(stage):
    with open(os.path.join(REPOSITORY, "infrastructure/k8s/intent/secrets.yml"), encoding="utf-8") as file:
        wanted = yaml.safe_load(file)
    os.environ.update(SLACK_WEBHOOK_URL="https://example.com/x", PAGERDUTY_ROUTING_KEY="k", HEARTBEAT_TOKEN="t")
    made = {**secrets("--self-signed"), **secrets("--monitoring")}
    assert {k: sorted(v) for k, v in made.items()} == {k: sorted(v) for k, v in wanted.items()}
    again = secrets()
    for name, values in again.items():
        assert all(made[name][key] != value for key, value in values.items()), f"{name} is the same twice"


class Server:
    """As the image's entrypoint makes it: initdb, roles.sh on a server that listens on its socket only, then the server."""

    def __init__(self, *options):
        self.options = options

    def __enter__(self):
        self.bin = max(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: int(p.split("/")[4]))
        self.user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        self.folder = tempfile.mkdtemp(prefix="pricing-pg-", dir="/tmp")
        self.secrets, self.process = None, None
        try:
            self.prepare()
            return self
        except BaseException:
            self.__exit__()
            raise

    def prepare(self):
        self.secrets = self.secrets or secrets()
        for part in ("run", "archive", "etc"):
            os.mkdir(os.path.join(self.folder, part))
        for name, text in {**self.secrets["pricing-postgres"], **self.secrets["pricing-postgres-tls"]}.items():
            self.write(name, text, 0o600)
        for name in ("postgresql.conf", "pg_hba.conf", "pg_ident.conf", "roles.sh", "archive-wal.sh", "take-certificate.sh"):
            with open(os.path.join(FILES, name), encoding="utf-8") as file:
                self.write("etc/" + name, self.here(name, file.read()))
        if os.getuid() == 0:
            subprocess.run(["chown", "-R", "postgres", self.folder], check=True)
        self.make_data()
        self.start("-c", "listen_addresses=127.0.0.1", "-c", f"port={self.port()}", *self.options)

    def make_data(self):
        self.run([os.path.join(self.bin, "initdb"), "-D", self.path("data"), "-U", "postgres", "-A", "peer", "-E", "UTF8",
                  "--locale=C.UTF-8", "--no-sync"])
        self.start("-c", "listen_addresses=")
        self.run(["/bin/sh", self.path("etc/roles.sh")], PGHOST=self.path("run"))
        self.stop()

    def __exit__(self, *_):
        if self.process:
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text, mode=0o644):
        with open(self.path(name), "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(self.path(name), mode)

    def here(self, name, text):
        """The container's paths are this folder's; TimescaleDB may not be installed here, and memory is scarce."""
        for old, new in (("/run/secrets/postgres-tls/", ""), ("/run/secrets/postgres/", ""), ("/etc/postgresql/", "etc/"),
                         ("/var/lib/postgresql/archive", "archive")):
            text = text.replace(old, self.path(new))
        if name == "postgresql.conf":
            text = "".join(line for line in text.splitlines(True) if "timescaledb" not in line)
            text = text.replace("'1GB'", "'64MB'").replace("'2GB'", "'64MB'")
        if self.user != "postgres":  # who the socket's other side is
            text = text.replace("postgres                       peer", "postgres peer map=monitor")
            if name == "pg_ident.conf":
                text += f"monitor {self.user} postgres\nmonitor {self.user} pricing_monitor\n"
        return text

    def port(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.chosen = s.getsockname()[1]
        return self.chosen

    def prefix(self):
        if os.getuid() != 0:
            return []
        return ["setpriv", "--reuid=postgres", f"--regid={pwd.getpwnam('postgres').pw_gid}", "--clear-groups"]

    def run(self, words, check=True, **environment):
        done = subprocess.run(self.prefix() + words, capture_output=True, text=True, timeout=60, check=False, cwd="/",
                              env={**os.environ, "PGCONNECT_TIMEOUT": "5", "HOME": self.folder, **environment})
        assert not check or done.returncode == 0, done
        return done

    def start(self, *options):
        with open(self.path("log"), "ab") as log:
            self.process = subprocess.Popen(
                self.prefix() + [os.path.join(self.bin, "postgres"), "-D", self.path("data"), "-c",
                          f"config_file={self.path('etc/postgresql.conf')}", "-c", f"hba_file={self.path('etc/pg_hba.conf')}",
                          "-c", f"ident_file={self.path('etc/pg_ident.conf')}", "-k", self.path("run"), *options],
                stdout=log, stderr=log, cwd="/", env={**os.environ, "WAL_ARCHIVE": self.path("archive"), "HOME": self.folder})
        end = time.monotonic() + 30
        while self.psql("user=postgres dbname=postgres", "select 1").returncode != 0:
            with open(self.path("log"), encoding="utf-8") as file:
                assert time.monotonic() < end and self.process.poll() is None, file.read()
            time.sleep(0.05)

    def stop(self, how=signal.SIGINT):
        self.process.send_signal(how)
        self.process.wait(60)
        self.process = None

    def psql(self, connection, sql):
        """Over the socket unless the connection names a host."""
        where = "" if "host" in connection else f"host={self.path('run')} "
        port = f"port={self.chosen} " if hasattr(self, "chosen") else ""
        return self.run(["psql", where + port + connection, "-XAtqc", sql], check=False)

    def over_tls(self, role, password, mode="verify-full", ca="ca.crt"):
        return self.psql(f"host=pricing-postgres hostaddr=127.0.0.1 dbname=pricing user={role} password={password} "
                         f"sslmode={mode} sslrootcert={self.path(ca)}", "select current_user || ' ' || ssl from pg_stat_ssl "
                         "where pid = pg_backend_pid()")


def test_only_tls_with_a_password_comes_in_over_the_network(stage):
    with Server() as s:
        passwords = s.secrets["pricing-postgres"]
        for role, key in (("pricing_app", "app_password"), ("pricing_owner", "owner_password"),
                          ("pricing_backup", "backup_password")):
            done = s.over_tls(role, passwords[key])
            assert done.stdout.strip() == f"{role} true", done
        # The link that the services are given is the same.
        assert f"password={passwords['app_password']}" in s.secrets["pricing-database"]["url"]

        s.write("other.crt", secrets()["pricing-postgres-tls"]["ca.crt"])
        refused = {"a wrong password": s.over_tls("pricing_app", "wrong"),
                   "no TLS": s.over_tls("pricing_app", passwords["app_password"], "disable"),
                   "another authority": s.over_tls("pricing_app", passwords["app_password"], ca="other.crt"),
                   "the superuser": s.over_tls("postgres", passwords["postgres_password"])}
        for what, done in refused.items():
            assert done.returncode != 0, f"{what} was let in: {done}"

        assert s.psql("user=pricing_monitor dbname=pricing", "select count(*) > 0 from pg_stat_activity").stdout.strip() == "t"
        assert s.psql("user=pricing_app dbname=pricing", "select 1").returncode != 0, "no password was asked for"
        assert s.psql("user=postgres dbname=pricing", "select rolbypassrls from pg_roles where rolname = 'pricing_backup'"
                      ).stdout.strip() == "t", "a backup would sum no row of any organization"
        rights = s.psql("user=postgres dbname=pricing", "select rolsuper, rolbypassrls, rolcreaterole from pg_roles "
                                                        "where rolname = 'pricing_app'").stdout.strip()
        assert rights == "f|f|f", rights


def test_a_renewed_certificate_is_served_without_a_restart(stage):
    with Server() as s:
        password, renewed = s.secrets["pricing-postgres"]["app_password"], secrets()["pricing-postgres-tls"]
        s.write("old.crt", s.secrets["pricing-postgres-tls"]["ca.crt"])
        where = (f"host=pricing-postgres hostaddr=127.0.0.1 port={s.chosen} dbname=pricing user=pricing_app password={password} "
                 f"sslmode=verify-full sslrootcert={s.path('old.crt')}")
        session = subprocess.Popen(s.prefix() + ["psql", where, "-XAtq"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                   cwd="/", env={**os.environ, "HOME": s.folder})
        session.stdin.write("select 'here';\n")
        session.stdin.flush()
        assert session.stdout.readline() == "here\n"
        with open(s.path("certificate.log"), "wb") as log:
            beside = subprocess.Popen(s.prefix() + ["/bin/sh", s.path("etc/take-certificate.sh")], stdout=log, stderr=log, cwd="/", env={
                **os.environ, "TLS": s.folder, "EVERY_S": "0.1", "PGHOST": s.path("run"), "PGPORT": str(s.chosen), "HOME": s.folder})

        def becomes(ca, message):
            end = time.monotonic() + 10
            while s.over_tls("pricing_app", password, ca=ca).returncode != 0:
                with open(s.path("log"), encoding="utf-8") as file:
                    assert time.monotonic() < end, f"{message}: {file.read()[-2000:]}"
                time.sleep(0.1)
        try:
            def replace(name):  # by its owner, and at once, as the kubelet does
                s.write(name + ".new", renewed[name], 0o600)
                if os.getuid() == 0:
                    shutil.chown(s.path(name + ".new"), "postgres")
                os.rename(s.path(name + ".new"), s.path(name))
            replace("tls.crt")  # the key is still the old one's: refused
            time.sleep(0.5)
            becomes("old.crt", "half a certificate was taken")
            replace("tls.key")
            replace("ca.crt")
            becomes("ca.crt", "the new one is not served")
            assert s.over_tls("pricing_app", password, ca="old.crt").returncode != 0
            out, _ = session.communicate("select 'still here';\n", timeout=10)
            assert out.strip() == "still here", out
            beside.terminate()
            assert beside.wait(5) == 0, "it would hold the pod up"
        finally:
            for process in (session, beside):
                process.kill()
                process.wait()


def test_the_log_is_archived_whole_and_once(stage):
    with Server() as s:
        for _ in range(2):
            s.psql("user=postgres dbname=pricing", "create table if not exists t(i int); insert into t values (1); "
                                                   "select pg_switch_wal()")
        end = time.monotonic() + 20
        while len(glob.glob(s.path("archive/0*.gz"))) < 2:
            with open(s.path("log"), encoding="utf-8") as file:
                assert time.monotonic() < end, file.read()
            time.sleep(0.1)
        kept = sorted(glob.glob(s.path("archive/0*.gz")))[0]
        with gzip.open(kept) as file:
            segment = file.read()
        assert len(segment) == 16 * 1024 * 1024

        # Handed over again after a crash: the same is well; another of this name is refused and replaces nothing.
        name = os.path.basename(kept)[:-3]
        s.write("same", "")
        with open(s.path("same"), "wb") as out:
            out.write(segment)
        with open(s.path("other"), "wb") as out:
            out.write(b"x" + segment[1:])
        for file in ("same", "other"):
            os.chmod(s.path(file), 0o644)
        archive = ["/bin/sh", s.path("etc/archive-wal.sh")]
        assert s.run(archive + [s.path("same"), name], check=False, WAL_ARCHIVE=s.path("archive")).returncode == 0
        assert s.run(archive + [s.path("other"), name], check=False, WAL_ARCHIVE=s.path("archive")).returncode != 0
        # A full disk leaves nothing that looks like a segment, and says so.
        full = s.run(archive + [s.path("same"), "full"], check=False, WAL_ARCHIVE="/dev/null")
        assert full.returncode != 0
        with gzip.open(kept) as file:
            assert file.read() == segment
        assert not glob.glob(s.path("archive/.*.[0-9]*"))


class Standby(Server):
    """A copy of another server, made by the component's own script."""

    def __init__(self, primary):
        super().__init__()
        self.primary = primary

    def prepare(self):
        self.secrets = self.primary.secrets
        super().prepare()

    def make_data(self):
        script = os.path.join(FILES, "..", "..", "components", "postgres-standby", "start-standby.sh")
        with open(script, encoding="utf-8") as file:
            self.write("etc/start-standby.sh", file.read())
        self.run(["/bin/sh", self.path("etc/start-standby.sh")], PGDATA=self.path("data"), AUTHORITY=self.path("ca.crt"),
                 PASSWORD_FILE=self.path("backup_password"), PATH=self.bin + ":" + os.environ["PATH"],
                 PRIMARY=f"host=pricing-postgres hostaddr=127.0.0.1 port={self.primary.chosen}")


def test_a_promoted_standby_has_every_acknowledged_commit(stage):
    with Server("-c", "synchronous_standby_names=standby") as primary:
        primary.psql("user=postgres dbname=pricing", "set synchronous_commit = local; create table acknowledged(i int)")
        with Standby(primary) as standby:
            wait = "select count(*) from pg_stat_replication where sync_state = 'sync'"
            end = time.monotonic() + 20
            while primary.psql("user=postgres dbname=pricing", wait).stdout.strip() != "1":
                assert time.monotonic() < end, "the standby does not confirm"
                time.sleep(0.1)
            acknowledged = 0
            writer = subprocess.Popen(
                standby.prefix() + ["psql", f"host={primary.path('run')} port={primary.chosen} user=postgres dbname=pricing",
                                    "-XAtq"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/",
                env={**os.environ, "HOME": primary.folder})
            begun = time.monotonic()
            while time.monotonic() - begun < 2:
                writer.stdin.write(f"insert into acknowledged values ({acknowledged + 1}) returning i;\n")
                writer.stdin.flush()
                acknowledged = int(writer.stdout.readline())
            primary.stop(signal.SIGQUIT)  # at once, without a checkpoint
            writer.kill()
            writer.wait()
            lost_at = time.monotonic()
            standby.run([os.path.join(standby.bin, "pg_ctl"), "promote", "-D", standby.path("data")])
            done = standby.psql("user=postgres dbname=pricing", "insert into acknowledged values (0); "
                                "select count(*), max(i) from acknowledged where i > 0")
            took_s = time.monotonic() - lost_at
            assert done.stdout.strip() == f"{acknowledged}|{acknowledged}", (acknowledged, done)
            print(f"        {acknowledged} acknowledged commits, none lost; writable again {took_s:.1f} s after the loss")
