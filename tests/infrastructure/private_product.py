"""The product on private servers of its own, for cases that stop parts of it, back it up and restore it."""
import os
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request

from local import free_port, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.realpath(os.path.join(HERE, "..", ".."))

SERVERS = """set -euo pipefail
cd "$1"
source scripts/dev/common.sh
source scripts/dev/private-servers.sh
trap 'private_servers_stop; exit 0' TERM INT
trap private_servers_stop EXIT
private_servers_start "$2" >&2
export PRICING_POSTGRES_URL="host=$postgres_socket_dir user=pricing_app dbname=pricing"
export PRICING_POSTGRES_OWNER_URL="host=$postgres_socket_dir user=pricing_owner dbname=pricing"
export PRICING_REDIS_SOCKET=$redis_socket
env | grep '^PRICING_'
echo "postgres=$postgres_pid"
echo "redis=$redis_pid"
echo "cluster=$(realpath "$2/postgres")"
echo ready
exec >&-
while true; do sleep 3600 & wait $! || true; done
"""


def get(url, timeout_s=5):
    """Status and body; (0, reason) when nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=timeout_s) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()
    except OSError as e:
        return 0, str(e)


class Product:
    """With `with`: PostgreSQL and Redis run, the schema is there; processes are started one by one."""

    def __init__(self, stage=None):
        self.binaries = getattr(stage, "binaries", os.path.join(REPOSITORY, "build/release/bin"))
        self.folder = tempfile.mkdtemp(prefix="pricing-infra-")
        os.chmod(self.folder, 0o755)
        self.environment, self.pids, self.processes = {}, {}, {}
        self.servers = None

    def __enter__(self):
        try:
            self.start_servers()
            self.environment.update({
                "PRICING_STORAGE_ROOT": os.path.join(self.folder, "objects"),
                "PRICING_IDENTITY_SECRET": "0" * 64, "PRICING_LOG_LEVEL": "info",
                "PRICING_BACKUP_MANIFESTS": os.path.join(self.folder, "k8s"),
                "PRICING_BACKUP_TERRAFORM": os.path.join(self.folder, "terraform")})
            for name, files in (("objects/models/ab", 3), ("k8s/base", 4), ("terraform", 2)):
                os.makedirs(os.path.join(self.folder, name))
                for number in range(files):
                    with open(os.path.join(self.folder, name, f"file{number}"), "wb") as f:
                        f.write(os.urandom(20_000))
            self.ctl("migrate", "--folder", os.path.join(REPOSITORY, "migrations"))
            return self
        except BaseException:
            self.remove()
            raise

    def __exit__(self, *_):
        self.remove()

    def start_servers(self):
        with open(os.path.join(self.folder, "servers.log"), "ab") as log:
            self.servers = subprocess.Popen(["bash", "-c", SERVERS, "-", REPOSITORY, os.path.join(self.folder, "var")],
                                            stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True)
        for line in self.servers.stdout:
            name, _, value = line.strip().partition("=")
            if name == "ready":
                return
            (self.environment if name.startswith("PRICING_") else self.pids)[name] = value
        raise AssertionError("the private servers did not start:\n" + self.log("servers"))

    def stop_servers(self):
        if self.servers:
            self.servers.send_signal(signal.SIGTERM)
            self.servers.wait(60)
            self.servers.stdout.close()
            self.servers = None

    def log(self, name):
        with open(os.path.join(self.folder, name + ".log"), encoding="utf-8", errors="replace") as f:
            return f.read()[-3000:]

    def start(self, name, binary=None, **environment):
        """A process of ours, not waited for; the base of its URL."""
        binary, port = binary or name, free_port()
        variable = {"pricing-worker": "PRICING_WORKER_METRICS_PORT", "pricing-beat": "PRICING_BEAT_METRICS_PORT"}
        more = {variable.get(binary, "PRICING_HTTP_PORT"): str(port), **environment}
        with open(os.path.join(self.folder, name + ".log"), "ab") as log:
            self.processes[name] = subprocess.Popen([os.path.join(self.binaries, binary)], stdout=log, stderr=log,
                                                    env={**os.environ, **self.environment, **more}, cwd=self.folder,
                                                    start_new_session=True)
        return f"http://127.0.0.1:{port}"

    def await_ready(self, name, url, limit_s=60):
        wait_for(lambda: get(url + "/health/ready")[0] == 200, limit_s,
                 lambda: f"{name} is not ready: {get(url + '/health/ready')}\n{self.log(name)}")

    def start_all(self):
        """The URL of pricing-web, with every dependency well."""
        ml = self.start("pricing-ml")
        web = self.start("pricing-web", PRICING_ML_URL=ml)
        worker = self.start("pricing-worker")
        for name, url in (("pricing-ml", ml), ("pricing-web", web), ("pricing-worker", worker)):
            self.await_ready(name, url)
        return web

    def kill(self, name):
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def kill_server(self, name):
        os.kill(int(self.pids[name]), signal.SIGKILL)

    def sql(self, text, database="pricing", url=None):
        url = url or self.environment["PRICING_BACKUP_DATABASE_URL"]
        done = subprocess.run(["psql", url, "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", text], capture_output=True, text=True,
                              timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def run(self, command, limit_s=300, **environment):
        return subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=False, cwd=self.folder,
                              env={**os.environ, **self.environment, "PRICING_CTL": os.path.join(self.binaries, "pricing-ctl"),
                                   **environment})

    def ctl(self, *words, **environment):
        done = self.run([os.path.join(self.binaries, "pricing-ctl"), *map(str, words)], **environment)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def remove(self):
        for process in self.processes.values():
            process.kill()
            process.wait()
        cluster = self.pids.get("cluster", "")
        self.stop_servers()
        shutil.rmtree(self.folder, ignore_errors=True)
        if cluster.startswith("/var/tmp/pricing-agent-"):
            shutil.rmtree(cluster, ignore_errors=True)
            shutil.rmtree(cluster + "-wal", ignore_errors=True)
