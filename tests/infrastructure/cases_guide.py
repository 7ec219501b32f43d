"""docs/guide.md: every command in it is run, in the way that the mark before its block says."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import cases_terraform
import yaml
from deploy_checks import kubectl
from local import free_product_port
from private_product import Product
from recorded_cluster import RecordedCluster

REPOSITORY = kubectl.REPOSITORY
GUIDE = os.path.join(REPOSITORY, "docs/guide.md")
CHAPTERS = ["Architecture Overview", "Quick Start", "Docker Configuration", "Kubernetes Deployment", "CI/CD Pipeline",
            "Infrastructure as Code", "Monitoring and Observability", "Operational Scripts", "Security Configuration",
            "Blue-Green Deployment", "Scaling Configuration", "Backup and Recovery", "Development Workflow", "Troubleshooting",
            "Additional Resources", "Contributing", "Support"]
# What a dry run adds to a script so that nothing changes; tests cannot run themselves, so those are asked for help.
ADDED = {"./scripts/deploy.sh": "--dry-run", "./scripts/setup-dev-environment.sh": "--dry-run",
         "./scripts/dev/run-tests.sh": "--help", "./scripts/dev/run-linting.sh": "--help"}
NOTE = 'printf "%s\\t%s\\t%s\\n" "$(basename "$0")" "$PWD" "$*" >>"$NOTED"\n'


def text():
    with open(GUIDE, encoding="utf-8") as file:
        return file.read()


def blocks():
    """(line, language, mark, content) of every fenced block; the mark is the comment on the line above."""
    lines, out, at = text().splitlines(), [], 0
    while at < len(lines):
        fence = re.match(r"( *)```(\w*)$", lines[at])
        if not fence:
            at += 1
            continue
        mark = re.match(r" *<!-- (.*) -->$", lines[at - 1])
        end = at + 1
        while lines[end].strip() != "```":
            end += 1
        content = "\n".join(line[len(fence[1]):] for line in lines[at + 1:end])
        out.append((at + 1, fence[2], mark[1] if mark else "", content))
        at = end + 1
    return out


def marked(mark):
    found = [(line, content) for line, language, of, content in blocks() if language == "bash" and of == mark]
    assert found, f"no block is marked '{mark}'"
    return found


def runs(line, script, environment, limit_s=900):
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=REPOSITORY, env={**os.environ, **environment},
                          capture_output=True, text=True, timeout=limit_s, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"docs/guide.md:{line} ends with {done.returncode}:\n{script}\n--- said\n{done.stdout[-2000:]}{done.stderr[-3000:]}"
    return done.stdout


def test_the_chapters_of_the_guide_are_the_agreed_ones(_=None):
    assert re.findall(r"(?m)^## (.*)$", text()) == CHAPTERS


def test_every_block_of_commands_says_how_it_is_run(_=None):
    for line, language, mark, content in blocks():
        if language == "bash":
            assert mark in ("run: local", "run: recorded", "run: dry") or re.match(r"not run: \w.{10,}", mark), (line, mark)
            assert mark == "run: recorded" or "kubectl" not in content or mark.startswith("not run: port-forward"), line
        else:
            assert language in ("", "yaml"), (line, language)


def test_links_of_the_guide_lead_somewhere(_=None):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text()):
        assert os.path.exists(os.path.join(REPOSITORY, "docs", target)), target


def test_paths_that_the_guide_names_exist(_=None):
    missing = [p for p in re.findall(r"`((?:scripts|infrastructure|tests|bench|\.github|\.vscode|\.devcontainer)[\w./*-]*)`", text())
               if "*" not in p and not os.path.exists(os.path.join(REPOSITORY, p))]
    assert not missing, missing
    for name in ("docker-compose.yml", "docker-compose.prod.yml"):
        assert os.path.exists(os.path.join(REPOSITORY, name)), name


def test_kubectl_commands_of_the_guide_against_a_recorded_cluster(_=None):
    with tempfile.TemporaryDirectory() as folder, RecordedCluster(folder) as cluster:
        for line, content in marked("run: recorded"):
            before = len(cluster.written) + len(cluster.executed)
            said = runs(line, content, {"KUBECONFIG": cluster.kubeconfig}, 120)
            changes = len(cluster.written) + len(cluster.executed) - before
            assert said.strip() or "get events" in content, f"docs/guide.md:{line} says nothing"
            assert changes or not re.search(r"kubectl (apply|create|exec)", content), f"docs/guide.md:{line} changed nothing"
        secrets = {key[2:] for key in cluster.objects if key[1] == "secrets"}
        for namespace in ("pricing-agent", "pricing-agent-staging"):
            assert (namespace, "pricing-identity") in secrets, secrets
        # What exec asks for goes to the container that has it.
        assert {name for _, name, _ in cluster.executed} == {"pricing-postgres-0"}, cluster.executed
        grafana = cluster.objects[("v1", "services", "pricing-agent-monitoring", "grafana")]
        assert 3000 in [p["port"] for p in grafana["spec"]["ports"]], "the guide forwards svc/grafana 3000"


def shims(folder, *names):
    """Programs that only note how they were called."""
    for name in names:
        with open(os.path.join(folder, name), "w", encoding="utf-8") as out:
            out.write("#!/bin/bash\n" + NOTE)
        os.chmod(out.name, 0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}", "NOTED": os.path.join(folder, "noted")}


def signs_everything(folder):
    """A cosign that finds every image signed: there is no registry to ask."""
    with open(os.path.join(folder, "cosign"), "w", encoding="utf-8") as out:
        out.write('#!/bin/bash\nprintf \'[{"critical":{"image":{"docker-manifest-digest":"sha256:%064d"}}}]\' 1\n')
    os.chmod(out.name, 0o755)


def noted(folder):
    try:
        with open(os.path.join(folder, "noted"), encoding="utf-8") as file:
            return [line.rstrip("\n").split("\t") for line in file]
    except FileNotFoundError:
        return []


def changes_nothing(script):
    """The script with what it needs to leave everything as it is."""
    out = []
    for line in script.splitlines():
        added = ADDED.get(line.strip().split(" ")[0])
        out.append(line if not added or added in line else f"{line} {added}")
    return "\n".join(out)


def check_terraform(folder, words):
    assert os.path.samefile(folder, cases_terraform.ROOT), folder
    assert words[0] in ("init", "plan", "apply"), words
    for word in words[1:]:
        assert word.startswith("-var-file=") and os.path.exists(os.path.join(folder, word.partition("=")[2])), words
    assert words[0] == "init" or len(words) == 2, words


def check_compose(folder, words):
    assert words[0] == "compose" and words[-2:] == ["up", "-d"], words
    file = words[2] if words[1] == "-f" else "docker-compose.yml"
    assert os.path.exists(os.path.join(folder, file)), f"{file} is not there"
    done = subprocess.run([sys.executable, "scripts/lint_deploy.py", file], cwd=folder, capture_output=True, text=True, timeout=120,
                          check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_commands_of_the_guide_that_change_things_run_dry(_=None):
    with tempfile.TemporaryDirectory() as folder, RecordedCluster(folder) as cluster:
        environment = {**shims(folder, "terraform", "docker", "apt-get", "sudo"), "KUBECONFIG": cluster.kubeconfig}
        signs_everything(folder)
        for line, content in marked("run: dry"):
            runs(line, changes_nothing(content), environment, 300)
        assert not cluster.written and not cluster.executed, (cluster.written, cluster.executed)
        called = noted(folder)
        assert {"terraform", "docker"} <= {name for name, *_ in called}, called
        for name, where, words in called:
            assert name in ("terraform", "docker"), f"a dry run called {name} {words}"
            {"terraform": check_terraform, "docker": check_compose}[name](where, words.split(" "))
    terraform = cases_terraform.prepared()
    if terraform:
        cases_terraform.passes_validation(terraform)


def test_commands_of_the_guide_on_this_machine(stage):
    report = os.path.join(REPOSITORY, "health-report.json")
    had_report, done = os.path.exists(report), {}
    with Product(stage) as product:
        web = product.start_all()
        environment = {**product.environment, "PRICING_CTL": os.path.join(product.binaries, "pricing-ctl"),
                       "PRICING_BACKUP_LOCATION": os.path.join(product.folder, "backups")}
        restored = os.path.join(product.folder, "restored")
        try:
            for line, content in marked("run: local"):
                if content in done:
                    continue
                done[content] = line
                script = re.sub(r"https://(staging\.)?pricing-agent\.com", web, content).replace("./restored", restored)
                server = ["./scripts/dev/run-dev-server.sh", "--stop-after-ready", "--dir", os.path.join(product.folder, "dev"),
                          "--port", str(free_product_port())]
                runs(line, script.replace(server[0], " ".join(server)), environment)
            assert os.path.exists(report) and os.path.isdir(restored)
        finally:
            if not had_report and os.path.exists(report):
                os.remove(report)
            stop_restored(restored)


def stop_restored(folder):
    """The server that a restore leaves running, for a look."""
    for path, _, files in os.walk(folder):
        if "postmaster.pid" in files:
            with open(os.path.join(path, "postmaster.pid"), encoding="utf-8") as file:
                os.kill(int(file.readline()), 2)


def test_the_sizes_in_the_guide_are_those_of_the_manifests(_=None):
    told = [content for _, language, _, content in blocks() if language == "yaml"]
    rendered = kubectl.documents(kubectl.kustomize(os.path.join(REPOSITORY, "infrastructure/k8s/overlays/pricing-agent")))
    found = {(d["kind"], d["metadata"]["name"]): d["spec"] for d in rendered if "spec" in d}
    compared = 0
    for part in re.split(r"\n\n", told[0]):
        name = re.match(r"# (\S+?)(?:,|$)", part, re.M)[1]
        says = yaml.safe_load(part)
        for colour in ("",) if name == "pricing-worker" else ("-blue", "-green"):
            spec = found[("HorizontalPodAutoscaler", name + colour)]
            has = {"minReplicas": spec["minReplicas"], "maxReplicas": spec["maxReplicas"]}
            for metric in spec["metrics"]:
                kind = {"cpu": "CPU", "memory": "Memory"}[metric["resource"]["name"]]
                has[f"target{kind}UtilizationPercentage"] = metric["resource"]["target"]["averageUtilization"]
            assert {k: has[k] for k in says} == says, (name, has, says)
            compared += 1
    assert compared == 5, compared
    resources = yaml.safe_load(told[1])["resources"]
    for name in ("pricing-web-blue", "pricing-ml-blue", "pricing-worker", "pricing-beat"):
        container = found[("Deployment", name)]["template"]["spec"]["containers"][0]
        assert container["resources"] == resources, (name, container["resources"])


def test_what_is_needed_to_run_the_guide_is_here(_=None):
    for program in ("bash", "jq", "openssl", "base64"):
        assert shutil.which(program), f"{program} is missing: scripts/dev/install-packages.sh test"


def test_the_description_of_the_api_is_that_of_the_services(stage):
    done = subprocess.run(["scripts/dev/dump-openapi.sh", "--check"], cwd=REPOSITORY, capture_output=True, text=True, timeout=120,
                          check=False, env={**os.environ, "PRICING_BINARIES": stage.binaries})
    assert done.returncode == 0, done.stderr[-3000:]


def test_editors_and_containers_of_developers_are_described_soundly(_=None):
    def read(path):
        with open(os.path.join(REPOSITORY, path), encoding="utf-8") as file:
            return json.load(file)
    container = read(".devcontainer/devcontainer.json")
    assert os.path.exists(os.path.join(REPOSITORY, ".devcontainer", container["build"]["dockerfile"]))
    wanted, offered = container["customizations"]["vscode"]["extensions"], read(".vscode/extensions.json")["recommendations"]
    assert set(wanted) <= set(offered), set(wanted) - set(offered)
    read(".vscode/settings.json")
    for script in re.findall(r"scripts/[\w/.-]+", container["postCreateCommand"] + str(read(".vscode/tasks.json"))):
        assert os.access(os.path.join(REPOSITORY, script), os.X_OK), script
