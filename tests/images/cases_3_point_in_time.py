"""The cluster's PostgreSQL (its configuration, roles, TLS and archive) with TimescaleDB, and its backup jobs out of the image: copied,
verified, restored to a moment between two writes, and the copy started by the server's own image. Prices lie in a hypertable."""
import base64
import json
import os
import subprocess
import time

import yaml
from containers import REPOSITORY
from local import wait_for

CONFIGURATION = os.path.join(REPOSITORY, "infrastructure/k8s/base/postgres")
SERVER, JOB = 70, 10001  # the users of the pods
PRICES = """insert into price_observations (organization_id, item_id, observed_on, kind, price, currency, upload_id, source_row, row_key)
select 1, i % 50, date '2019-01-01' + i % 2500, 1, 10 + i % 97, 'USD', 1, i, i from generate_series(1, 20000) i"""
LATER = PRICES.replace("2019", "2027").replace("2500", "300").replace("generate_series(1, 20000)", "generate_series(20001, 20100)")
COUNT = "select count(*), (select count(*) from show_chunks('price_observations')) from price_observations"


class Database:
    """With `with`: the server runs, beside it what seals its log, as in the pod of components/backup."""

    def __init__(self, stage):
        self.stage, self.folder = stage, os.path.join(stage.folder, "point-in-time")
        self.name = f"pricing-point-in-time-{os.getpid()}"
        os.mkdir(self.folder)
        done = subprocess.run([os.path.join(REPOSITORY, "scripts/make-secrets.sh")], capture_output=True, text=True, timeout=60, check=True)
        for secret in filter(None, yaml.safe_load_all(done.stdout)):
            folder = self.make("secrets/" + secret["metadata"]["name"], 0)
            for key, value in secret["data"].items():
                path = os.path.join(folder, key)
                with open(path, "wb") as file:
                    file.write(base64.b64decode(value))
                # PostgreSQL's key is root's and its group's only, as the pod's fsGroup makes it; jobs have other groups.
                os.chown(path, 0, SERVER)
                os.chmod(path, 0o640 if key == "tls.key" else 0o644)

    def make(self, name, owner):
        path = os.path.join(self.folder, name)
        os.makedirs(path, exist_ok=True)
        os.chown(path, owner, owner)
        return path

    def mount(self, secret, path):
        return f"--volume={self.folder}/secrets/{secret}:/run/secrets/{path}:ro"

    def start(self, role, image, *words, user=SERVER, options=()):
        done = self.stage.podman("run", "--detach", f"--name={self.name}-{role}", f"--network={self.name}", "--no-healthcheck", "--read-only",
                                 "--read-only-tmpfs=false", "--cap-drop=all", "--security-opt=no-new-privileges", f"--user={user}:{user}",
                                 *options, self.stage.image(image), *words)
        assert done.returncode == 0, done

    def end(self, *roles):
        for role in roles:
            self.stage.podman("rm", "--force", "--volumes", "--time=20", f"{self.name}-{role}")

    def start_server(self, data, archive):
        self.start("server", "postgres", "postgres", "-c", "config_file=/etc/postgresql/postgresql.conf", "-c",
                   "hba_file=/etc/postgresql/pg_hba.conf", "-c", "ident_file=/etc/postgresql/pg_ident.conf", options=(
                       "--network-alias=pricing-postgres", "--shm-size=512m", "--tmpfs=/tmp", f"--volume={self.make('run', SERVER)}:/var/run/postgresql",
                       "--env=PGDATA=/var/lib/postgresql/data/pgdata", "--env=POSTGRES_PASSWORD_FILE=/run/secrets/postgres/postgres_password",
                       "--env=POSTGRES_INITDB_ARGS=--data-checksums --encoding=UTF8 --locale=C.UTF-8",
                       f"--volume={data}:/var/lib/postgresql/data", f"--volume={archive}:/var/lib/postgresql/archive",
                       f"--volume={CONFIGURATION}:/etc/postgresql:ro",
                       f"--volume={CONFIGURATION}/roles.sh:/docker-entrypoint-initdb.d/100-roles.sh:ro",
                       self.mount("pricing-postgres", "postgres"), self.mount("pricing-postgres-tls", "postgres-tls")))
        wait_for(lambda: self.stage.podman("exec", f"{self.name}-server", "pg_isready", "--quiet", "--host=127.0.0.1").returncode == 0, 90,
                 lambda: self.logs("server"))

    def __enter__(self):
        try:
            done = self.stage.podman("network", "create", self.name)
            assert done.returncode == 0, done
            archive = self.make("archive", SERVER)
            self.make("backups", JOB)
            # A bucket in the cluster, where what seals the log writes and what cleans up deletes.
            os.chmod(self.make("sealed/production/wal", SERVER), 0o777)
            self.start_server(self.make("data", SERVER), archive)
            self.start("archive", "backup", "wal", "ship", "/var/lib/postgresql/archive", options=(
                f"--volume={archive}:/var/lib/postgresql/archive", f"--volume={self.folder}/sealed:/sealed", "--tmpfs=/tmp",
                "--env=PRICING_BACKUP_WAL_LOCATION=/sealed", "--env=PRICING_BACKUP_ENVIRONMENT=production",
                "--env=PRICING_BACKUP_KEY_FILE=/run/secrets/pricing/backup/key", self.mount("pricing-backup", "pricing/backup")))
            return self
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        self.end("restored", "archive", "server")
        self.stage.podman("network", "rm", "--force", self.name)

    def logs(self, role):
        done = self.stage.podman("logs", f"{self.name}-{role}")
        return done.stdout[-2000:] + done.stderr[-2000:]

    def sql(self, text):
        done = self.stage.podman("exec", f"{self.name}-server", "psql", "--username=postgres", "--dbname=pricing", "-XAtqc", text)
        assert done.returncode == 0, (text, done)
        return done.stdout.strip()

    def as_the_product(self, text):
        """Over the network, by TLS and the password of the services."""
        with open(os.path.join(self.folder, "secrets/pricing-database/url"), encoding="utf-8") as file:
            url = file.read()
        done = self.stage.podman("run", "--rm", "--no-healthcheck", f"--network={self.name}", self.mount("pricing-postgres-tls", "pricing/database-ca"),
                                 "--user=70:70", "--entrypoint=psql", self.stage.image("postgres"), url, "-XAtqc", text)
        assert done.returncode == 0, done
        return done.stdout.strip()

    def job(self):
        """How a backup's job runs."""
        return [f"--network={self.name}", "--tmpfs=/tmp", f"--volume={self.folder}/backups:/backups", f"--volume={self.folder}/sealed:/sealed",
                "--env=PRICING_BACKUP_LOCATION=/backups", "--env=PRICING_BACKUP_WAL_LOCATION=/sealed",
                "--env=PRICING_BACKUP_KEY_FILE=/run/secrets/pricing/backup/key",
                "--env=PRICING_BACKUP_DATABASE_URL_FILE=/run/secrets/pricing/backup/database_url",
                self.mount("pricing-backup", "pricing/backup"), self.mount("pricing-postgres-tls", "pricing/database-ca")]

    def backup(self, operation, *words):
        begin = time.monotonic()
        done = self.stage.run("backup", "backup", "--environment", "production", "--output-format", "json", "--operation", operation, *words,
                              options=self.job())
        assert done.returncode == 0, (operation, done)
        print(f"    {operation}: {time.monotonic() - begin:.1f} s")
        return json.loads(done.stdout)

    def is_sealed(self, segment):
        return any(segment in file for _, _, files in os.walk(os.path.join(self.folder, "sealed")) for file in files)


class Restored:
    """With `with`: a copy as of `target`, recovered by the image; asked by another container over its socket."""

    def __init__(self, database, name, target):
        self.database, self.stage, self.folder = database, database.stage, database.make(name, JOB)
        self.target = target

    def __enter__(self):
        begin = time.monotonic()
        # It is told twice to go on: to end the server, and to leave when that has ended.
        script = ("pricing-ctl backup --environment production --operation restore --backup-type database --output-format json "
                  f"--target-time {self.target} --target-folder /restored/copy && read -r pid && kill -INT $pid && read -r _")
        self.process = subprocess.Popen(
            ["podman", "run", "--rm", "--interactive", f"--name={self.database.name}-restored", "--no-healthcheck", "--read-only",
             "--read-only-tmpfs=false", "--cap-drop=all", "--security-opt=no-new-privileges", *self.database.job(),
             f"--volume={self.folder}:/restored", "--entrypoint=/bin/sh", self.stage.image("backup"), "-c", script],
            env=self.stage.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()[-3000:]
        self.said = json.loads(line)
        print(f"    restore: {time.monotonic() - begin:.1f} s, to {self.said['recovered_until']}")
        return self

    def sql(self, text):
        done = self.stage.podman("run", "--rm", "--no-healthcheck", "--network=none", f"--user={JOB}:{JOB}", f"--volume={self.folder}:/restored",
                                 "--entrypoint=psql", self.stage.image("postgres"), self.said["url"], "-XAtqc", text)
        assert done.returncode == 0, (text, done)
        return done.stdout.strip()

    def data(self):
        return os.path.join(self.folder, "copy/database/data")

    def __exit__(self, *_):
        try:
            self.process.stdin.write(f"{self.said['pid']}\n")
            self.process.stdin.flush()
            wait_for(lambda: not os.path.exists(os.path.join(self.data(), "postmaster.pid")), 60, "the restored server does not end")
            self.process.communicate("\n", timeout=30)
        finally:
            self.database.end("restored")


def test_a_moment_of_a_hypertable_is_restored(stage):
    with Database(stage) as database:
        migrated = stage.run("worker", "migrate", options=[
            f"--network={database.name}", "--tmpfs=/tmp", "--entrypoint=pricing-ctl",
            "--env=PRICING_POSTGRES_OWNER_URL_FILE=/run/secrets/pricing/database-owner/url",
            database.mount("pricing-database-owner", "pricing/database-owner"), database.mount("pricing-postgres-tls", "pricing/database-ca")])
        assert migrated.returncode == 0, migrated
        database.sql("insert into organizations (name, slug) values ('One', 'one'); " + PRICES)
        assert database.sql("select hypertable_name from timescaledb_information.hypertables") == "price_observations"
        rows, chunks = map(int, database.sql(COUNT).split("|"))
        assert rows == 20000 and chunks >= 7, (rows, chunks)

        made = database.backup("backup", "--backup-type", "database")
        copied = [t for t in made["database"]["tables"] if t["table"].startswith("_timescaledb_internal._hyper_")]
        assert len(copied) == chunks and sum(t["rows"] for t in copied) == rows, copied

        # Chunks come and go after the copy: the log has to make and to remove them again.
        database.sql(LATER)
        then = database.sql(COUNT)
        assert int(then.split("|")[0]) == 20100 and int(then.split("|")[1]) > chunks, then
        time.sleep(1.1)
        between = database.sql("select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
        time.sleep(1.1)
        database.sql("select drop_chunks('price_observations', date '2021-01-01'); delete from price_observations where item_id = 7")
        now = database.sql(COUNT)
        last = database.sql("select pg_walfile_name(pg_current_wal_lsn())")
        database.sql("select pg_switch_wal()")
        wait_for(lambda: database.is_sealed(last), 90, lambda: database.logs("archive"))
        assert database.backup("verify")["rows"] >= rows, "compared with the moment of the copy"

        version = database.sql("select extversion from pg_extension where extname = 'timescaledb'")
        # Log that is there and cannot be read is no end of the log.
        refused = stage.run("backup", "backup", "--environment", "production", "--operation", "restore", "--backup-type", "database",
                            "--target-time", "latest", "--target-folder", "/tmp/copy", options=database.job())
        assert refused.returncode == 1 and "cannot be read" in refused.stderr, refused
        subprocess.run(["chmod", "-R", "a+r", os.path.join(database.folder, "sealed")], check=True)
        with Restored(database, "latest", "latest") as copy:
            assert copy.sql(COUNT) == now, (copy.sql(COUNT), now)
        with Restored(database, "between", between) as copy:
            assert copy.said["recovered_until"] < between, copy.said
            assert copy.sql(COUNT) == then, (copy.sql(COUNT), then)
            assert copy.sql("select extversion from pg_extension where extname = 'timescaledb'") == version
            # A copy acts for nobody: it tells nobody of itself, and jobs that change or drop chunks wait for the real server.
            assert copy.sql("show timescaledb.telemetry_level") == "off"
            assert copy.sql("select count(*) from pg_stat_activity where backend_type like '%Scheduler%'") == "0"

        # Moved into place, it is the product's database: the same roles, and a hypertable that takes new years.
        stage.podman("stop", "--time=20", f"{database.name}-archive")
        ended = stage.podman("inspect", "--format={{.State.ExitCode}}", f"{database.name}-archive").stdout.strip()
        assert ended == "0", f"it had to be killed ({ended}) and would hold its pod up"
        database.end("archive", "server")
        place = database.make("moved", SERVER)
        os.rename(copy.data(), os.path.join(place, "pgdata"))
        subprocess.run(["chown", "-R", f"{SERVER}:{SERVER}", place], check=True)
        database.start_server(place, database.make("new-archive", SERVER))
        assert database.sql(COUNT) == then
        database.sql(LATER.replace("2027", "2031").replace("(20001, 20100)", "(30001, 30100)"))
        assert int(database.sql(COUNT).split("|")[0]) == 20200
        assert database.as_the_product("select current_user || ' reads ' || count(*) from organizations").startswith("pricing_app reads ")
