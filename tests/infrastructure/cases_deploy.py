"""scripts/deploy.sh: whatever fails, and wherever it is killed, a colour that is well serves."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "deploy"))
from stages import DEPLOY, DIGESTS, Cluster, Load, Machine, REPOSITORY  # noqa: E402

from deploy_checks import kubectl  # noqa: E402


# --- a cluster ---------------------------------------------------------------------------------------------------------
def test_a_release_goes_to_the_idle_colour_and_gets_the_traffic(stage):
    with Cluster() as cluster:
        run = cluster.deploy("-t", "v2.0.0")
        assert run.status == 0, run
        assert cluster.serving() == ("green", "v2.0.0") and cluster.replicas("green") == [3, 3], cluster.state
        assert cluster.replicas("blue") == [0, 0] and cluster.workers() == {"v2.0.0"}
        assert cluster.state["services"]["pricing-web-preview"] == "blue"
        assert "pricing-migrate-v2-0-0" in cluster.state["jobs"] and len(cluster.state["jobs"]) == 2, "migration and backup"
        assert cluster.record["step"] == "idle" and cluster.record["colours"]["green"]["state"] == "good"
        audit = run.audit
        assert (audit["result"], audit["from"], audit["to"], audit["tag"], audit["actor"], audit["unverified"]) == (
            "done", "blue", "green", "v2.0.0", "tester@here", False), audit
        assert set(audit["digests"].values()) == {DIGESTS["v2.0.0"]} and set(audit["digests"]) == {"web", "ml", "worker"}

        run = cluster.deploy("--rollback")
        assert run.status == 0 and cluster.serving() == ("blue", "v1.0.0") and cluster.workers() == {"v1.0.0"}, run
        assert cluster.replicas("green") == [0, 0]


def test_a_rollback_never_goes_to_the_colour_that_failed(stage):
    with Cluster() as cluster:
        assert cluster.deploy("-t", "v2.0.0").status == 0
        run = cluster.deploy("-t", "v6.6.6", DEPLOY_READY_TIMEOUT_S="3")
        assert run.status == 1 and run.audit["result"] == "failed", run
        assert cluster.serving() == ("green", "v2.0.0") and cluster.replicas("blue") == [0, 0]
        assert cluster.workers() == {"v2.0.0"}, "the workers go back with it"
        run = cluster.deploy("--rollback")
        assert run.status == 1 and "which failed" in run.audit["reason"], run
        assert cluster.serving() == ("green", "v2.0.0")
        # Nor back to the one that a person has left.
        assert cluster.deploy("-t", "v3.0.0").status == 0 and cluster.deploy("--rollback").status == 0
        assert cluster.serving() == ("green", "v2.0.0")
        assert cluster.deploy("--rollback").status == 1 and cluster.serving() == ("green", "v2.0.0")


def test_a_failing_migration_stops_before_anything_is_installed(stage):
    with Cluster() as cluster:
        before = cluster.state["deployments"]
        run = cluster.deploy("-t", "v2.0.0", FAKE_BAD_MIGRATION="worker")
        assert run.status == 1 and run.audit["reason"] == "the migration failed", run
        assert cluster.state["deployments"] == before
        # What the idle colour held before is still good: a first release has none.
        run = cluster.deploy("-t", "v2.0.0")
        assert run.status == 0 and cluster.serving() == ("green", "v2.0.0"), run


def test_a_spent_budget_refuses_unless_forced(stage):
    with Cluster() as cluster:
        cluster.prometheus.allowed = 0
        before = cluster.state["deployments"]
        run = cluster.deploy("-t", "v2.0.0")
        assert run.status == 1 and run.audit["result"] == "refused" and cluster.state["deployments"] == before, run
        assert 'min(slo:deploy_allowed:bool{namespace="pricing-agent"})' in cluster.prometheus.asked
        run = cluster.deploy("-t", "v2.0.0", "--force")
        assert run.status == 0 and run.audit["forced"] and cluster.serving() == ("green", "v2.0.0"), run


def test_a_release_that_burns_the_budget_is_rolled_back(stage):
    with Cluster() as cluster:
        cluster.prometheus.burn = lambda: 99 if cluster.state["services"]["pricing-web"] == "green" else 0.2
        run = cluster.deploy("-t", "v2.0.0", DEPLOY_WATCH_S="5")
        assert run.status == 3 and run.audit["result"] == "rolled-back" and "burns at 99" in run.audit["reason"], run
        assert 'max(slo:burn_rate:5m{namespace="pricing-agent"})' in cluster.prometheus.asked
        assert cluster.serving() == ("blue", "v1.0.0") and cluster.replicas("green") == [0, 0]
        assert cluster.workers() == {"v1.0.0"}
        assert cluster.deploy("--rollback").status == 1, "green failed"
        # What burned before is not the release's doing.
        cluster.prometheus.burn = 99
        run = cluster.deploy("-t", "v2.0.0", DEPLOY_WATCH_S="1")
        assert run.status == 0 and cluster.serving() == ("green", "v2.0.0"), run


def test_only_what_is_signed_is_deployed(stage):
    with Cluster() as cluster:
        before = cluster.state
        run = cluster.deploy("-t", "v9.9.9")
        assert run.status == 1 and "could not be verified" in run.audit["reason"], run
        assert cluster.state["deployments"] == before["deployments"]
        cluster.tool("skopeo", f"echo {DIGESTS['v3.0.0']}")
        run = cluster.deploy("-t", "v9.9.9", "--allow-unverified")
        assert run.status == 0 and run.audit["unverified"] and cluster.serving()[1] == "v3.0.0", run
        assert cluster.deploy("-t", "latest").status == 2, "production takes a version"


def test_one_at_a_time(stage):
    with Cluster() as cluster:
        def hold(seconds, host="elsewhere", pid=1):
            state = cluster.state
            lock = {"owner": "x", "actor": "other@elsewhere", "host": host, "pid": pid, "started": "1",
                    "until": int(time.time()) + seconds}
            state["version"] += 1
            state["leases"]["pricing-deploy"] = {"metadata": {"name": "pricing-deploy", "resourceVersion": str(state["version"]),
                                                              "annotations": {"pricing-agent/lock": json.dumps(lock)}}}
            cluster.store(state)
        hold(60)
        run = cluster.deploy("-t", "v2.0.0")
        assert run.status == 1 and "other@elsewhere" in run.audit["reason"] and cluster.serving() == ("blue", "v1.0.0"), run
        hold(-1)  # expired
        assert cluster.deploy("-t", "v2.0.0").status == 0 and cluster.serving() == ("green", "v2.0.0")
        with open("/proc/sys/kernel/random/boot_id", encoding="utf-8") as file:
            hold(600, file.read().strip(), 2 ** 22 + 1)  # of this machine, and the process has ended
        assert cluster.deploy("-t", "v3.0.0").status == 0 and cluster.serving() == ("blue", "v3.0.0")


def test_a_run_that_lost_its_lock_touches_nothing_more(stage):
    with Cluster() as cluster:
        def steal():
            state = cluster.state
            lease = state["leases"]["pricing-deploy"]
            lease["metadata"]["annotations"]["pricing-agent/lock"] = '{"owner": "thief", "until": 99999999999}'
            cluster.store(state)
            return 1
        cluster.prometheus.allowed = steal
        run = cluster.deploy("-t", "v2.0.0")
        assert run.status == 1 and "lock was lost" in run.audit["reason"], run
        assert cluster.serving() == ("blue", "v1.0.0") and cluster.replicas("green") == [0, 0]
        lock = json.loads(cluster.state["leases"]["pricing-deploy"]["metadata"]["annotations"]["pricing-agent/lock"])
        assert lock["owner"] == "thief"


def killed_at_changes(action, prepare, check, every=1):
    """Kills deploy.sh before each change (or every third, ...) that it makes to the cluster; then another run."""
    number, steps = 0, []
    while True:
        number += every
        with Cluster() as cluster:
            prepare(cluster)
            open(cluster.trace, "w", encoding="utf-8").close()
            run = cluster.deploy(*action, FAKE_TRACE=cluster.trace, FAKE_KILL_AT=str(number))
            if run.status != -9:
                assert run.status == 0, run
                return steps
            with open(cluster.trace, encoding="utf-8") as file:
                steps.append(file.read().splitlines()[-1])
            at = f"killed before: {steps[-1]}"
            cluster.serving()  # something well has the traffic
            check(cluster, at)


def test_a_deployment_killed_anywhere_is_finished_by_the_next(stage):
    def again(cluster, at):
        run = cluster.deploy("-t", "v2.0.0")
        assert run.status == 0, (at, run)
        assert cluster.serving() == ("green", "v2.0.0") and cluster.replicas("blue") == [0, 0], (at, cluster.state)
        assert cluster.record["step"] == "idle" and cluster.workers() == {"v2.0.0"}, (at, cluster.record)
    steps = killed_at_changes(("-t", "v2.0.0", "--no-backup"), lambda _: None, again)
    assert len(steps) > 14 and sum("patch" in s for s in steps) == 2 and sum("scale" in s for s in steps) == 4, steps


def test_a_deployment_killed_anywhere_is_undone_by_a_rollback(stage):
    def undo(cluster, at):
        run = cluster.deploy("--rollback")
        assert cluster.serving() == ("blue", "v1.0.0") and cluster.replicas("green") == [0, 0], (at, run, cluster.state)
        assert cluster.workers() == {"v1.0.0"}, at
    killed_at_changes(("-t", "v2.0.0", "--no-backup"), lambda _: None, undo, every=3)


def test_a_rollback_killed_anywhere_is_finished_by_the_next(stage):
    def again(cluster, at):
        run = cluster.deploy("--rollback")
        # Before its switch it is undone, and returning is a new wish; green is still good then.
        if cluster.serving()[0] == "green":
            assert run.audit["reason"] == "the deployment that was under way is undone", (at, run)
            assert cluster.deploy("--rollback").status == 0, at
        assert cluster.serving() == ("blue", "v1.0.0") and cluster.record["step"] == "idle", (at, cluster.record)
    killed_at_changes(("--rollback",), lambda cluster: cluster.deploy("-t", "v2.0.0", "--no-backup"), again, every=3)


def test_a_dry_run_changes_nothing_in_the_cluster(stage):
    with Cluster() as cluster:
        before, nowhere = cluster.state, os.path.join(cluster.folder, "read-only")
        os.mkdir(nowhere)
        for name in ("mktemp", "mkdir", "mv", "cp", "rm", "ln", "tee", "touch", "setpriv", "setsid", "nginx", "install", "dd"):
            cluster.tool(name, f"echo {name} \"$@\" >> {cluster.trace}; exit 1")
        for action in (("-t", "v2.0.0"), ("-t", "v9.9.9", "--allow-unverified"), ("-t", "v2.0.0", "--force", "--no-backup")):
            cluster.tool("skopeo", f"echo {DIGESTS['v3.0.0']}")
            run = cluster.deploy(*action, "--dry-run", FAKE_READ_ONLY="1", FAKE_TRACE=cluster.trace, TMPDIR=nowhere,
                                 DEPLOY_AUDIT_FILE=os.path.join(nowhere, "audit"))
            assert run.status == 0 and run.audit["result"] == "planned" and run.audit["dry_run"], run
        assert not os.path.exists(cluster.trace), open(cluster.trace, encoding="utf-8").read()
        assert cluster.state == before and not os.listdir(nowhere)
        with open(cluster.state_file, encoding="utf-8") as file:
            assert json.load(file) == before


def test_what_a_dry_run_shows_renders_to_one_colour(stage):
    with Cluster() as cluster:
        shown = cluster.deploy("-t", "v2.0.0", "--dry-run").log
    text = shown[shown.index("resources:\n"):]
    text = text[:re.search(r"^\d\d:", text, re.M).start()].replace("../infrastructure", "INFRASTRUCTURE")
    with tempfile.TemporaryDirectory() as folder:
        below = os.path.relpath(os.path.join(REPOSITORY, "infrastructure"), os.path.realpath(folder))
        with open(os.path.join(folder, "kustomization.yaml"), "w", encoding="utf-8") as out:
            out.write(text.replace("INFRASTRUCTURE", below))
        documents = kubectl.documents(kubectl.kustomize(folder))
    images = {(d["kind"], d["metadata"]["name"]): d["spec"]["template"]["spec"]["containers"][0]["image"]
              for d in documents if d["kind"] in ("Deployment", "Job")}
    new = DIGESTS["v2.0.0"]
    for name in (("Deployment", "pricing-web-green"), ("Deployment", "pricing-ml-green"), ("Deployment", "pricing-worker"),
                 ("Deployment", "pricing-beat"), ("Job", "pricing-migrate-v2-0-0")):
        assert images[name].endswith("@" + new), (name, images)
    assert new not in images[("Deployment", "pricing-web-blue")]


# --- one machine with a real proxy ---------------------------------------------------------------------------------------
def test_no_request_fails_through_deployments_and_rollbacks(stage):
    with Machine(broken="unready", sick="sick") as machine:
        assert machine.deploy("-t", "v1").status == 0 and machine.answer() == "v1 blue"
        with Load(machine.url) as load:
            assert machine.deploy("-t", "v2").status == 0 and machine.answer() == "v2 green"
            assert machine.deploy("--rollback").status == 0 and machine.answer() == "v1 blue"
            for bad, reason in (("broken", "green is not ready within 3 s"),
                                ("sick", "smoke test: / does not answer 200 on the preview")):
                run = machine.deploy("-t", bad, DEPLOY_READY_TIMEOUT_S="3" if bad == "broken" else "60")
                assert run.status == 1 and run.audit["reason"] == reason and machine.answer() == "v1 blue", run
            machine.prometheus.burn = lambda: 50 if machine.answer().startswith("v3") else 0
            run = machine.deploy("-t", "v3", DEPLOY_WATCH_S="5")
            assert run.status == 3 and machine.answer() == "v1 blue", run
        assert load.count > 100 and not load.failed, (load.count, load.failed)
        assert set(machine.processes()) == {"blue", "nginx"}


def test_a_release_must_be_what_its_sums_say(stage):
    with Machine() as machine:
        folder = os.path.join(machine.folder, "releases", "v2")
        key, public = os.path.join(machine.folder, "key"), os.path.join(machine.folder, "public")

        def sign():
            subprocess.run("sha256sum start > SHA256SUMS && openssl dgst -sha256 -sign ../../key -out SHA256SUMS.sig SHA256SUMS",
                           shell=True, cwd=folder, check=True)
        subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key], check=True)
        subprocess.run(["openssl", "ec", "-in", key, "-pubout", "-out", public], check=True, capture_output=True)
        run = machine.deploy("-t", "v2", name="production")
        assert run.status == 1 and "signature" in run.audit["reason"], run
        sign()
        run = machine.deploy("-t", "v2", name="production", DEPLOY_RELEASE_KEY=public)
        assert run.status == 0 and run.audit["unverified"] is False and run.audit["digests"]["release"], run
        with open(os.path.join(folder, "start"), "a", encoding="utf-8") as out:
            out.write("# changed\n")
        run = machine.deploy("-t", "v2", name="production", DEPLOY_RELEASE_KEY=public)
        assert run.status == 1 and "SHA256SUMS" in run.audit["reason"], run
        subprocess.run("sha256sum start > SHA256SUMS", shell=True, cwd=folder, check=True)
        run = machine.deploy("-t", "v2", name="production", DEPLOY_RELEASE_KEY=public)
        assert run.status == 1 and "signature" in run.audit["reason"], run


def test_killed_anywhere_on_one_machine(stage):
    """Before each command that changes a file or a process."""
    tools = ("mv", "ln", "nginx", "setsid")
    with Machine() as machine:
        folder, counter = os.path.join(machine.folder, "bin"), os.path.join(machine.folder, "count")
        os.mkdir(folder)
        for name in tools:
            with open(os.path.join(folder, name), "w", encoding="utf-8") as out:
                out.write(f"""#!/bin/sh
case "$*" in *lock.json*) exec {shutil.which(name)} "$@" ;; esac
echo "{name} $*" >>{counter}
if [ "$(wc -l <{counter})" = "${{FAKE_KILL_AT:-0}}" ]; then kill -KILL "$FAKE_VICTIM"; exit 1; fi
exec {shutil.which(name)} "$@"
""")
            os.chmod(os.path.join(folder, name), 0o755)
        path = f"{folder}:{os.environ['PATH']}"
        assert machine.deploy("-t", "v1").status == 0
        tags, number, killed = ["v2", "v3"], 0, []
        while True:
            number += 1
            tag = tags[number % 2]
            open(counter, "w", encoding="utf-8").close()
            # The shell becomes deploy.sh and keeps its number.
            run = subprocess.run(["sh", "-c", 'FAKE_VICTIM=$$ exec "$0" "$@"', DEPLOY, "-e", "staging", "-t", tag],
                                 env={**machine.environment, "PATH": path, "FAKE_KILL_AT": str(number)}, capture_output=True,
                                 text=True, timeout=600, check=False)
            if run.returncode != -9:
                assert run.returncode == 0, run
                break
            with open(counter, encoding="utf-8") as file:
                killed.append(file.read().splitlines()[-1])
            machine.answer()
            run = machine.deploy("-t", tag)
            assert run.status == 0 and machine.answer().startswith(tag + " "), (killed[-1], run)
            colour = machine.answer().split()[1]
            assert set(machine.processes()) == {colour, "nginx"} and machine.record["step"] == "idle", (killed[-1], run)
        assert len(killed) > 9 and any("setsid" in k for k in killed) and any("nginx" in k for k in killed), killed


def test_a_dry_run_changes_nothing_on_this_machine(stage):
    with Machine() as machine:
        assert machine.deploy("-t", "v1").status == 0 and machine.deploy("-t", "v2").status == 0
        folder = os.path.join(machine.folder, "bin")
        os.mkdir(folder)
        for name in ("mktemp", "mkdir", "mv", "cp", "rm", "ln", "tee", "touch", "setsid", "setpriv", "nginx", "kill", "install"):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as out:
                out.write("#!/bin/sh\nexit 99\n")
            os.chmod(os.path.join(folder, name), 0o755)
        before, running = machine.files(), machine.processes()
        for action in (("-t", "v3"), ("--rollback",), ("-t", "v3", "--no-backup", "--skip-tests")):
            run = machine.deploy(*action, "--dry-run", PATH=f"{folder}:{os.environ['PATH']}",
                                 DEPLOY_AUDIT_FILE=os.path.join(machine.folder, "audit"))
            assert run.status == 0 and run.audit["dry_run"], run
        assert machine.files() == before and machine.processes() == running
        # Even the state's folder is not made.
        with Machine() as fresh:
            before = fresh.files()
            assert fresh.deploy("-t", "v1", "--dry-run").status == 0 and fresh.files() == before


def test_a_wrong_command_line_says_what_to_do(stage):
    for arguments in ((), ("-e", "moon", "-t", "v1"), ("-e", "staging"), ("-e", "staging", "-t", "a/b"), ("-e", "staging", "-t"),
                      ("-e", "staging", "-t", "v1", "--fast")):
        done = subprocess.run([DEPLOY, *arguments], capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 2 and done.stderr and not done.stdout, (arguments, done)
    done = subprocess.run([DEPLOY, "--help"], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0 and "--no-backup" in done.stdout
