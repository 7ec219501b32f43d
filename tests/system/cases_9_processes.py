"""Processes that die, hang, start beside each other and stop."""
import os
import signal
import subprocess
import time

from product import Product, free_product_port


def wait_for(what, limit_s, text):
    begin = time.monotonic()
    while time.monotonic() - begin < limit_s:
        try:
            if what():
                return
        except (OSError, AssertionError):
            pass
        time.sleep(0.1)
    raise AssertionError(text)


def test_each_killed_process_comes_back_and_nothing_is_lost(product):
    rows = product.sql("select count(*) from price_observations")
    for name in ("pricing-web", "pricing-ml", "pricing-worker", "pricing-beat"):
        before = product.pid_of(name)
        os.kill(before, signal.SIGKILL)
        wait_for(lambda: product.pid_of(name) != before, 10, f"{name} did not come back")
    wait_for(lambda: product.client().get("/health/ready").status == 200, 20, "not ready again")
    assert product.admin().get("/api/v1/overview").status == 200
    assert product.sql("select count(*) from price_observations") == rows


def test_benchmarks_answer_while_the_prediction_service_hangs(product):
    with open(os.path.join(product.dir, "demo", "sample_proposal.csv"), "rb") as f:
        body = f.read()
    hung = product.pid_of("pricing-ml")
    os.kill(hung, signal.SIGSTOP)
    try:
        answer = product.admin().call("POST", "/api/v1/verdicts/file?file_name=sample_proposal.csv", body=body,
                                      headers={"Content-Type": "text/csv"})
        assert answer.status in (200, 201), answer
        assert answer.json["model_available"] is False and answer.json["notice"], answer.json["notice"]
        assert any(l["source"] == "benchmark" for l in answer.json["lines"])
        assert product.client().get("/health/live").status == 200
    finally:
        os.kill(hung, signal.SIGCONT)


def test_a_second_copy_runs_beside_the_first_and_leaves_nothing(product):
    second = Product()
    try:
        second.start()
        assert second.password and second.password != product.password
        assert second.admin().get("/api/v1/overview").status == 200
        assert second.client().post("/api/v1/auth/login",
                                    {"email": product.email, "password": product.password}).status == 401
        assert product.admin().get("/api/v1/overview").status == 200

        second.stop(signal.SIGINT)
        assert second.process.returncode == 130, second.process.returncode
        assert not second.processes(), second.processes()

        second.start()
        assert second.started_in_s < 15, f"the second start took {second.started_in_s:.1f} s"
        assert second.password, "the password is remembered by the test from the first start"
        second.kill()
        wait_for(lambda: not second.processes(), 15, f"left after kill -9: {second.processes()}")

        second.start()
        second.stop(signal.SIGTERM)
        assert second.process.returncode == 143, second.process.returncode
        assert not second.processes(), second.processes()
    finally:
        second.remove()


def test_a_folder_or_port_in_use_is_refused_with_a_reason(product):
    for port, folder, words in ((free_product_port(), product.dir, "already running"),
                                (product.port, product.dir + "-other", "is in use")):
        refused = subprocess.run([product.command()[0], "--port", str(port), "--dir", folder], capture_output=True,
                                 text=True, timeout=60)
        assert refused.returncode == 1 and words in refused.stderr, refused
    assert product.client().get("/health/ready").status == 200
