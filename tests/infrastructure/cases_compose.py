"""docker-compose.yml and docker-compose.prod.yml: what they name exists, and nothing is open that should not be."""
import os
import re
import socket
import subprocess
import tempfile
import time

import lint_deploy
import yaml
from deploy_checks import compose
from deploy_checks.facts import Facts

REPOSITORY = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
FILES = ("docker-compose.yml", "docker-compose.prod.yml")
OURS = {"pricing-web", "pricing-ml", "pricing-worker", "pricing-worker-priority", "pricing-beat", "pricing-migrate"}
DATA = {"postgres", "redis-broker", "redis-cache"}
MONITORING = {"prometheus", "alertmanager", "grafana", "loki", "alloy", "node-exporter", "blackbox-exporter",
              "postgres-exporter", "redis-exporter"}
SECRETS = "${PRICING_SECRETS:-./var/compose/secrets}/"


def services(name):
    with open(os.path.join(REPOSITORY, name), encoding="utf-8") as file:
        return yaml.safe_load(file)["services"]


def text(*path):
    with open(os.path.join(REPOSITORY, *path), encoding="utf-8") as file:
        return file.read()


def test_compose_itself_accepts_both_files(stage):
    environment = {**os.environ, "TAG": "v0.1.0", "COMPOSE_PROFILES": "monitoring,tools,ctl"}
    for name in FILES:
        done = subprocess.run(["docker-compose", "-f", name, "config"], cwd=REPOSITORY, env=environment, capture_output=True,
                              text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        resolved = yaml.safe_load(done.stdout)["services"]
        assert OURS | DATA <= set(resolved), set(resolved)


def test_production_is_the_release_of_this_checkout_unless_told(stage):
    version = re.search(r"^project\(pricing_agent VERSION ([\d.]+)", text("CMakeLists.txt"), re.M).group(1)
    ours = [s["image"] for n, s in services(FILES[1]).items() if n.startswith("pricing-")]
    assert ours and all(i.endswith(":${TAG:-v" + version + "}") for i in ours), (version, ours)


def test_both_stacks_are_complete_and_clean(stage):
    facts = Facts()
    for name in FILES:
        found = services(name)
        assert OURS | DATA | MONITORING <= set(found), name
        assert {n for n, s in found.items() if s.get("profiles") == ["monitoring"]} == MONITORING, name
        findings = [f"{f.check} {f.where}: {f.message}" for f in lint_deploy.lint_path(os.path.join(REPOSITORY, name), facts)]
        assert not findings, findings
        for service, settings in found.items():
            for setting in compose.environment(settings):
                assert not setting.startswith("PRICING_") or facts.knows_setting(setting), (service, setting)
    assert {"pgadmin", "redis-commander"} <= set(services(FILES[0]))


def test_nothing_is_published_beyond_this_machine(stage):
    for name in FILES:
        for service, settings in services(name).items():
            for port in settings.get("ports", []):
                assert re.sub(r"\$\{\w+:-(.*?)\}", r"\1", port).startswith("127.0.0.1:"), (name, service, port)
            assert not (service in DATA and settings.get("ports")), (name, service)


def test_our_processes_are_confined(stage):
    for name in FILES:
        for service in OURS:
            settings = services(name)[service]
            assert settings["read_only"] and settings["cap_drop"] == ["ALL"] and settings["tmpfs"] == ["/tmp"], service
            assert settings["security_opt"] == ["no-new-privileges:true"], service
            if service != "pricing-migrate":
                wanted = settings["depends_on"]["pricing-migrate"]
                assert wanted == {"condition": "service_completed_successfully"}, service


def test_what_prometheus_scrapes_is_a_service(stage):
    scraped = set()
    for job in yaml.safe_load(text("infrastructure/monitoring/prometheus/prometheus.yml"))["scrape_configs"]:
        for found in job.get("dns_sd_configs", []):
            scraped |= set(found["names"])
        for found in job.get("static_configs", []):
            scraped |= {re.sub(r"^\w+://", "", t).split("/")[0].split(":")[0] for t in found["targets"]}
        scraped |= {r["replacement"].split(":")[0] for r in job.get("relabel_configs", []) if "replacement" in r}
    for name in FILES:
        found = services(name)
        assert scraped - {"localhost"} <= set(found), scraped - set(found)
        assert found["pricing-worker-priority"]["networks"]["default"]["aliases"] == ["pricing-worker"]
        assert "--storage.tsdb.retention.time=45d" in found["prometheus"]["command"]


def test_versions_are_those_of_the_cluster(stage):
    wanted = yaml.safe_load(text("infrastructure/k8s/intent/images.yml"))["others"]
    for name in FILES:
        for service, settings in services(name).items():
            image, _, version = compose.image_of(settings).rpartition(":")
            if image in wanted:
                assert version == wanted[image], (name, service, version)


def test_every_mounted_file_exists_and_every_secret_is_made(stage):
    with tempfile.TemporaryDirectory() as folder:
        made = os.path.join(folder, "secrets")
        script = os.path.join(REPOSITORY, "scripts", "make-compose-secrets.sh")
        environment = {k: v for k, v in os.environ.items() if "_TOKEN" not in k and "SLACK" not in k}
        subprocess.run([script, made], check=True, capture_output=True, env=environment)
        assert os.stat(made).st_mode & 0o777 == 0o700
        before = {p: text(made, p) for p in ("postgres/app_password", "redis/password")}
        subprocess.run([script, made], check=True, capture_output=True, env=environment)
        assert before == {p: text(made, p) for p in before}, "a password that a database knows is kept"
        assert before["redis/password"] in text(made, "redis/auth.conf")
        assert before["postgres/app_password"] in text(made, "database/url")
        for name in FILES:
            for service, settings in services(name).items():
                targets = {}
                for mount in settings.get("volumes", []):
                    secret = mount.startswith(SECRETS)
                    source, target, mode = (mount.replace(SECRETS, made + "/") + ":").split(":")[:3]
                    if secret:
                        assert os.path.isdir(source) and mode == "ro", mount
                        targets[target] = source
                    elif source.startswith("./"):
                        assert os.path.exists(os.path.join(REPOSITORY, source)) and mode == "ro", mount
                # Whatever an environment variable names as a file is among what is mounted.
                for key, value in compose.environment(settings).items():
                    if key.endswith("_FILE"):
                        held = os.path.join(targets.get(os.path.dirname(value), "/nowhere"), os.path.basename(value))
                        assert os.path.exists(held), (service, key, value)
    ignored = subprocess.run(["git", "check-ignore", "-q", "var/compose/secrets/redis/password"], cwd=REPOSITORY, check=False)
    assert ignored.returncode == 0, "the secrets' folder must be ignored"


def test_redis_starts_with_these_files_and_its_probe_tells(stage):
    """A real server with each file; the probe fails without the password, where redis-cli itself would not."""
    probe = text("infrastructure/k8s/base/redis/answers.sh")
    for name, policy, durable in (("broker", "noeviction", "yes"), ("cache", "allkeys-lru", "no")):
        with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
            free.close()
            for file, content in (("password", "s3cret"), ("auth.conf", "requirepass s3cret\n"), ("wrong", "other")):
                with open(os.path.join(folder, file), "w", encoding="utf-8") as out:
                    out.write(content)
            config = os.path.join(folder, "redis.conf")
            with open(config, "w", encoding="utf-8") as out:
                out.write(text(f"infrastructure/docker/redis/{name}.conf").replace("/run/secrets/redis", folder)
                          .replace("port 6379", f"port {port}\nbind 127.0.0.1").replace("dir /data", f"dir {folder}"))

            def probe_says(password, folder=folder, port=port):
                script = probe.replace("/run/secrets/redis/password", os.path.join(folder, password))
                return subprocess.run(["sh", "-c", script, "sh", port], check=False, timeout=20).returncode
            with subprocess.Popen(["redis-server", config], stdout=subprocess.DEVNULL) as server:
                try:
                    deadline = time.monotonic() + 20
                    while probe_says("password") != 0:
                        assert time.monotonic() < deadline and server.poll() is None, name
                        time.sleep(0.1)
                    assert probe_says("wrong") != 0
                    asked = subprocess.run(["redis-cli", "-p", port, "config", "get", "maxmemory-policy"], capture_output=True,
                                           text=True, env={**os.environ, "REDISCLI_AUTH": "s3cret"}, timeout=20, check=True)
                    assert policy in asked.stdout, asked
                    asked = subprocess.run(["redis-cli", "-p", port, "config", "get", "appendonly"], capture_output=True,
                                           text=True, env={**os.environ, "REDISCLI_AUTH": "s3cret"}, timeout=20, check=True)
                    assert durable in asked.stdout.split(), asked
                finally:
                    server.terminate()
