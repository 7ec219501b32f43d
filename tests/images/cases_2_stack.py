"""The compose files, brought up from images of this machine: sign in, load, train, judge, through the published port."""
import glob
import json
import os
import re
import time
import urllib.request

from cases_3_main_job import load
from containers import Compose
from local import wait_for
from product import Client


def sample(stack):
    folder = os.path.join(stack.folder, "demo")
    if not os.path.isdir(folder):
        os.mkdir(folder)
        os.chmod(folder, 0o777)
        stack.ctl("demo-data", "--out", "/demo", options=("--volume", f"{folder}:/demo"))
    return folder


def small_history(stack, rows=20_000):
    """The newest rows of the sample's price history: enough to train on, and soon loaded."""
    with open(glob.glob(os.path.join(sample(stack), "price_history*.csv"))[0], "rb") as file:
        head, *lines = file.read().splitlines(keepends=True)
    return head + b"".join(lines[-rows:])


def finished(admin, job):
    def ended():
        now = admin.get(f"/api/v1/jobs/{job}").json
        return now if now["state"] not in ("queued", "running") else None
    return wait_for(ended, 300, f"job {job} did not end")


def main_job(stack):
    email = "admin@example.com"
    text = stack.ctl("user", "bootstrap", "--email", email)
    password = re.search(r"password\W+(?:\w+\W+)?(\S{10,})\s*$", text, re.I | re.M).group(1)
    admin = Client(stack.port).login(email, password)
    upload = load(admin, "history.csv", small_history(stack))
    assert upload["loaded"] > 15_000, upload
    asked = admin.post("/api/v1/models/train")
    assert asked.status in (200, 201, 202), asked
    trained = finished(admin, asked.json["job_id"])
    assert trained["state"] == "succeeded", trained
    with open(os.path.join(sample(stack), "sample_proposal.csv"), "rb") as file:
        verdict = admin.call("POST", "/api/v1/verdicts/file?file_name=sample_proposal.csv", body=file.read(),
                             headers={"Content-Type": "text/csv"})
    assert verdict.status in (200, 201), verdict
    priced = [line for line in verdict.json["lines"] if line["source"] != "none"]
    assert len(verdict.json["lines"]) == 40 and len(priced) >= 20, verdict
    assert any(q["verdict"] in ("high", "very_high") for line in priced for q in line["quotes"]), "nothing was found to be dear"
    return admin


def page(stack, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{stack.port}{path}", timeout=20) as answer:
        return answer.read().decode()


def backup_and_verify(stage, stack):
    """By the image that the cluster's jobs name, as the role that copies, into a folder; verify restores it inside."""
    kept, secrets = os.path.join(stack.folder, "backups"), os.path.join(stack.folder, "backup-secrets")
    for folder in (kept, secrets):
        os.mkdir(folder)
        os.chmod(folder, 0o777)
    with open(os.path.join(stack.secrets, "postgres", "backup_password"), encoding="utf-8") as file:
        url = f"host=postgres dbname=pricing user=pricing_backup password={file.read()}"
    for name, content in (("key", "5" * 64), ("database_url", url)):
        with open(os.path.join(secrets, name), "w", encoding="utf-8") as file:
            file.write(content)
    options = ["--network", stack.project + "_default", "--tmpfs=/tmp", f"--volume={kept}:/backups",
               f"--volume={secrets}:/run/secrets/pricing/backup:ro", "--env=PRICING_BACKUP_LOCATION=/backups",
               "--env=PRICING_BACKUP_KEY_FILE=/run/secrets/pricing/backup/key",
               "--env=PRICING_BACKUP_DATABASE_URL_FILE=/run/secrets/pricing/backup/database_url"]
    for operation in (("backup", "--backup-type", "database"), ("verify",)):
        begin = time.monotonic()
        done = stage.run("backup", "backup", "--environment", "test", "--output-format", "json", "--operation", *operation,
                         options=options)
        assert done.returncode == 0, (operation, done)
        print(f"    {operation[0]} out of the image: {time.monotonic() - begin:.1f} s")
    report = json.loads(done.stdout)
    assert report, done


def journey(stage, file):
    with Compose(stage, file) as stack:
        begin = time.monotonic()
        main_job(stack)
        print(f"    {file}: signed in, loaded, trained and judged in {time.monotonic() - begin:.0f} s")
        assert "swagger-ui" in page(stack, "/api/docs") and "<div id=" in page(stack, "/")
        # pricing-ml is published by nobody: asked from beside it.
        docs = stage.podman("run", "--rm", "--no-healthcheck", "--network", stack.project + "_default", "--entrypoint",
                            "/bin/sh", stage.image("postgres"), "-c",
                            "perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(\"pricing-ml:8001\") or die; "
                            "print $s \"GET /api/docs/ HTTP/1.1\\r\\nHost: pricing-ml\\r\\nConnection: close\\r\\n\\r\\n\"; print <$s>'")
        assert " 200 " in docs.stdout.splitlines()[0] and "swagger-ui" in docs.stdout, docs
        backup_and_verify(stage, stack)


def test_the_development_stack_does_the_main_job(stage):
    journey(stage, "docker-compose.yml")


def test_the_production_stack_does_the_main_job(stage):
    journey(stage, "docker-compose.prod.yml")
