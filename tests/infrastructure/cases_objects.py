"""Uploads, models and exports in buckets, with credentials that are lent: against moto_server, which the Python package
moto brings."""
import contextlib
import datetime
import http.server
import json
import os
import shutil
import subprocess
import threading

from cases_backup import manage
from local import free_port, wait_for
from private_product import Product, get

TOKEN = "a-token-of-this-test"


class Lender(http.server.BaseHTTPRequestHandler):
    """What EKS runs beside each pod."""
    asked = []

    def do_GET(self):
        self.asked.append(self.headers["Authorization"])
        good = self.headers["Authorization"] == TOKEN
        until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
        body = json.dumps({"AccessKeyId": "a", "SecretAccessKey": "b", "Token": "c",
                           "Expiration": until.strftime("%Y-%m-%dT%H:%M:%SZ")}).encode()
        self.send_response(200 if good else 403)
        self.end_headers()
        self.wfile.write(body if good else b"")

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def buckets():
    """(address of the store, settings of a process that uses it)."""
    server = shutil.which("moto_server")
    assert server, "moto_server is not installed: pip install 'moto[server]'"
    port = free_port()
    lender = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Lender)
    threading.Thread(target=lender.serve_forever, daemon=True).start()
    moto = subprocess.Popen([server, "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                            start_new_session=True)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: get(url + "/moto-api/")[0] == 200, 60, "moto_server does not answer")
        for kind in ("uploads", "models", "exports"):
            subprocess.run(["curl", "-fsS", "-X", "PUT", f"{url}/pricing-{kind}"], check=True, capture_output=True)
        yield url, {"PRICING_STORAGE_ROOT": "s3://pricing-{folder}", "AWS_ENDPOINT_URL": url,
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{lender.server_address[1]}/v1/credentials"}
    finally:
        moto.kill()
        moto.wait()
        lender.shutdown()


def listed(url, kind):
    return get(f"{url}/pricing-{kind}?list-type=2")[1].count("<Key>")


def test_the_product_keeps_its_objects_in_buckets(stage):
    with buckets() as (url, settings), Product(stage) as product:
        token = os.path.join(product.folder, "token")
        with open(token, "w", encoding="utf-8") as out:
            out.write(TOKEN)
        settings["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = token
        product.environment.update(settings)
        product.ctl("user", "bootstrap", "--organization", "Test", "--email", "a@example.com")
        file = os.path.join(product.folder, "prices.csv")
        with open(file, "w", encoding="utf-8") as out:
            out.write("Date,Item,Unit,Quantity,Unit Price,Supplier,Event\n")
            for n in range(200):
                out.write(f"2024-03-{n % 28 + 1:02},Guardrail,LF,10,{20 + n % 7}.50,North Shore Paving,E{n}\n")
        product.ctl("import", "--yes", file)
        assert listed(url, "uploads") == 1 and listed(url, "exports") == 0
        assert Lender.asked and set(Lender.asked) == {TOKEN}

        worker = product.start("pricing-worker")
        product.await_ready("pricing-worker", worker)
        organization = product.sql("select id from organizations")
        task = product.sql(f"insert into jobs (organization_id, kind, payload) values ({organization}, 'export', "
                           "'{\"dataset\": \"prices\", \"format\": \"csv\"}') returning task_id")
        wait_for(lambda: product.sql(f"select state from jobs where task_id = '{task}' and finished_at is not null"), 60,
                 lambda: product.log("pricing-worker"))
        assert product.sql(f"select state from jobs where task_id = '{task}'") == "succeeded", product.log("pricing-worker")
        assert listed(url, "exports") == 1

        for name in ("one", "two"):
            subprocess.run(["curl", "-fsS", "-X", "PUT", "--data-binary", name * 1000, f"{url}/pricing-models/models/ab/{name}"],
                           check=True, capture_output=True)
        made = manage(product, "backup", "--backup-type", "models")
        assert [(s["name"], s["files"]) for s in made["streams"]] == [("models", 2)], made
        assert manage(product, "verify")["files"] == 2

        with open(token, "w", encoding="utf-8") as out:
            out.write("another")
        with open(file, "a", encoding="utf-8") as out:  # the same bytes again would need no bucket
            out.write("2024-04-01,Guardrail,LF,10,21.50,North Shore Paving,E200\n")
        done = product.run([os.path.join(product.binaries, "pricing-ctl"), "import", "--yes", file])
        assert done.returncode == 1 and "no credentials" in done.stdout + done.stderr, done
