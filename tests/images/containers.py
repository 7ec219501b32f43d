"""Podman and compose as the cases need them: limits that this machine can keep, and health without systemd's timers."""
import json
import os
import resource
import shutil
import subprocess
import tempfile
import threading
import time

from local import free_port, wait_for

REPOSITORY = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
CONFIGURATION = """[containers]
default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]
[network]
network_backend = "netavark"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


def most(what, enough):
    limit = resource.getrlimit(what)[1]
    return enough if limit == resource.RLIM_INFINITY else min(enough, limit)


class Stage:
    def __init__(self, registry, tag):
        self.registry, self.tag = registry, tag
        # Not in a folder that others enter: what podman's service can do, root can do.
        self.folder = tempfile.mkdtemp(prefix="pricing-images-")
        os.chmod(self.folder, 0o711)
        path = os.path.join(self.folder, "containers.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(CONFIGURATION.format(files=most(resource.RLIMIT_NOFILE, 20000), processes=most(resource.RLIMIT_NPROC, 16000)))
        self.environment = {**os.environ, "CONTAINERS_CONF": path, "DISABLE_HC_SYSTEMD": "true"}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def image(self, name):
        """ml-gpu is a variant of ml's tag."""
        return f"{self.registry}/{name.removesuffix('-gpu')}:{self.tag}" + ("-gpu" if name.endswith("-gpu") else "")

    def inspect(self, name):
        done = self.podman("image", "inspect", self.image(name))
        assert done.returncode == 0, f"{self.image(name)} is not here; scripts/build-images.sh makes it: {done.stderr}"
        return json.loads(done.stdout)[0]

    def podman(self, *words, limit_s=120):
        return subprocess.run(["podman", *words], env=self.environment, capture_output=True, text=True, timeout=limit_s, check=False)

    def run(self, name, *words, options=(), limit_s=300):
        """One container as the manifests confine it: no capability, nothing of the image can be changed."""
        return self.podman("run", "--rm", f"--timeout={limit_s}", "--no-healthcheck", "--read-only", "--read-only-tmpfs=false",
                           "--cap-drop=all", "--security-opt=no-new-privileges", *options, self.image(name), *words, limit_s=limit_s + 20)


class Compose:
    """With `with`: one compose file is up, every service that has a health check is well."""

    def __init__(self, stage, file):
        self.stage, self.file = stage, file
        self.folder = os.path.join(stage.folder, os.path.basename(file))
        os.mkdir(self.folder)
        self.project = f"pricing-images-{os.getpid()}-{len(os.listdir(stage.folder))}"
        self.port = free_port()
        socket = os.path.join(self.folder, "podman.sock")
        self.secrets = os.path.join(self.folder, "secrets")
        self.environment = {**stage.environment, "DOCKER_HOST": "unix://" + socket, "COMPOSE_PROJECT_NAME": self.project,
                            "REGISTRY": stage.registry, "TAG": stage.tag, "POSTGRES_IMAGE": stage.image("postgres"),
                            "REDIS_IMAGE": stage.image("redis"), "PRICING_SECRETS": self.secrets,
                            "PRICING_PUBLISH": f"127.0.0.1:{self.port}", "COMPOSE_HTTP_TIMEOUT": "300"}
        self.log = open(os.path.join(self.folder, "podman.log"), "wb")
        self.service = subprocess.Popen(["podman", "system", "service", "--time=0", "unix://" + socket], stdout=self.log,
                                        stderr=self.log, env=self.environment)
        self.over = threading.Event()
        self.doctor = threading.Thread(target=self.ask_for_health, daemon=True)

    def ask_for_health(self):
        """What systemd's timers would do, where there is systemd."""
        while not self.over.wait(1):
            for name in self.containers("--filter", "status=running"):
                self.stage.podman("healthcheck", "run", name)

    def containers(self, *filters):
        done = self.stage.podman("ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={self.project}", *filters)
        return done.stdout.split()

    def compose(self, *words, limit_s=600):
        done = subprocess.run(["docker-compose", "-f", self.file, *words], cwd=REPOSITORY, env=self.environment, text=True,
                              capture_output=True, timeout=limit_s, check=False)
        assert done.returncode == 0, f"docker-compose {' '.join(words)}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}\n{self.logs()}"
        return done.stdout

    def logs(self):
        out = ""
        for name in self.containers():
            out += self.stage.podman("ps", "--all", "--filter", f"id={name}", "--format", "{{.Names}} {{.Status}}").stdout
            out += self.stage.podman("logs", "--tail", "5", name).stdout[-800:]
        return out

    def ctl(self, *words, options=(), limit_s=600):
        return self.compose("run", "--rm", "-T", *options, "pricing-ctl", *words, limit_s=limit_s)

    def __enter__(self):
        try:
            wait_for(lambda: os.path.exists(os.path.join(self.folder, "podman.sock")), 30, "podman's service did not start")
            script = os.path.join(REPOSITORY, "scripts", "make-compose-secrets.sh")
            subprocess.run([script, self.secrets], check=True, capture_output=True, timeout=60)
            self.doctor.start()
            begin = time.monotonic()
            self.compose("up", "--detach", "--no-build")
            wait_for(self.is_well, 180, lambda: f"the stack is not well:\n{self.logs()}")
            print(f"    {self.file}: {len(self.containers())} containers well after {time.monotonic() - begin:.0f} s")
            return self
        except BaseException:
            self.__exit__()
            raise

    def is_well(self):
        """Of what compose started: each one that has a health check says it is healthy."""
        states = json.loads(self.stage.podman("inspect", *self.containers()).stdout)
        for found in states:
            health = found["State"].get("Health") or found["State"].get("Healthcheck") or {}
            if (found["Config"].get("Healthcheck") or {}).get("Test", ["NONE"])[0] == "NONE":
                continue
            if health.get("Status") != "healthy":
                return False
        return bool(states)

    def __exit__(self, *_):
        self.over.set()
        if self.doctor.is_alive():
            self.doctor.join(30)
        # Without podman's service, which the same signal may have ended.
        mine = f"label=com.docker.compose.project={self.project}"
        self.stage.podman("rm", "--force", "--volumes", "--time=10", *self.containers())
        self.stage.podman("network", "rm", "--force", self.project + "_default")
        volumes = self.stage.podman("volume", "ls", "--quiet", "--filter", mine).stdout.split()
        if volumes:
            self.stage.podman("volume", "rm", *volumes)
        self.service.terminate()
        self.service.wait(30)
        self.log.close()
