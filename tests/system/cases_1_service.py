"""Health, sign-in, bad input: what every client meets first."""
import json
import os
import socket
import subprocess

from product import REPOSITORY


def test_health_and_metrics_answer_without_a_session(product):
    for port in (product.port, product.port + 1):
        for path in ("/health/live", "/health/ready"):
            client = product.client()
            client.port = port
            answer = client.get(path)
            assert answer.status == 200, (port, path, answer)
    metrics = product.client().get("/metrics")
    assert metrics.status == 200 and b"# TYPE" in metrics.body, metrics
    for offset in (1101, 1102):
        client = product.client()
        client.port = product.port + offset
        assert client.get("/metrics").status == 200


def test_the_administrator_signs_in_with_the_printed_password(product):
    answer = product.client().post("/api/v1/auth/login", {"email": product.email, "password": product.password})
    assert answer.status == 200, answer
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("pricing_session=") and "HttpOnly" in cookie and "SameSite=Lax" in cookie, cookie
    assert answer.json["role"] == "admin"
    assert product.password not in answer.body.decode()


def test_the_password_is_kept_as_a_hash_only(product):
    assert product.password not in product.sql("select string_agg(password_hash, ' ') from users")
    assert product.sql("select count(*) from users where password_hash like '$argon2id$%'") == \
        product.sql("select count(*) from users")


def test_a_wrong_password_and_an_unknown_person_look_the_same(product):
    wrong = product.client().post("/api/v1/auth/login", {"email": product.email, "password": "not the password"})
    unknown = product.client().post("/api/v1/auth/login", {"email": "nobody@example.com", "password": "not the password"})
    assert wrong.status == unknown.status == 401, (wrong, unknown)
    a, b = wrong.json, unknown.json
    assert (a["code"], a["message"]) == (b["code"], b["message"]), (a, b)
    assert wrong.headers["Content-Type"].startswith("application/problem+json")


def test_a_write_without_the_csrf_token_is_refused(product):
    admin = product.admin()
    admin.csrf = None
    answer = admin.post("/api/v1/users", {"email": "x@example.com", "name": "X", "role": "viewer"})
    assert answer.status == 403, answer


def test_bad_input_is_answered_with_a_problem_not_with_a_failure(product):
    admin = product.admin()
    cases = [
        ("POST", "/api/v1/users", b"{", 400, 422),
        ("POST", "/api/v1/users", b"[]", 400, 422),
        ("POST", "/api/v1/users", json.dumps({"email": 7}).encode(), 400, 422),
        ("POST", "/api/v1/users", b'{"email":"' + b"a" * 2_000_000 + b'"}', 413, 413),
        ("POST", "/api/v1/users", b"\xff\xfe\x00", 400, 422),
        ("GET", "/api/v1/items/not-a-number", None, 400, 422),
        ("GET", "/api/v1/items/999999999", None, 404, 404),
        ("GET", "/api/v1/items?limit=0", None, 400, 422),
        ("GET", "/api/v1/items?limit=201", None, 400, 422),
        ("GET", "/api/v1/items?cursor=%00%ff", None, 400, 422),
        ("GET", "/api/v1/nothing", None, 404, 404),
        ("DELETE", "/api/v1/overview", None, 405, 405),
        ("POST", "/api/v1/verdicts", json.dumps({"lines": []}).encode(), 200, 422),
    ]
    for method, path, body, low, high in cases:
        headers = {"Content-Type": "application/json"} if body is not None else None
        answer = admin.call(method, path, body=body, headers=headers)
        assert low <= answer.status <= high, (method, path, answer)
        if answer.status >= 400:
            problem = answer.json
            assert problem["code"] and problem["message"] and problem["request_id"], problem
            assert "sql" not in problem["message"].lower() and "/src/" not in problem["message"], problem


def test_garbage_on_the_wire_closes_one_connection_and_no_more(product):
    for garbage in (b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/9.9\r\n\r\n", b"A" * 100_000 + b"\r\n\r\n",
                    b"GET / HTTP/1.1\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
                    b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", product.port), timeout=15) as s:
            try:
                s.sendall(garbage)
                s.shutdown(socket.SHUT_WR)
                while s.recv(65536):
                    pass
            except (ConnectionResetError, BrokenPipeError):
                pass
        assert product.client().get("/health/live").status == 200, garbage[:40]


def test_every_answer_names_its_request(product):
    first, second = product.client().get("/api/v1/overview"), product.client().get("/api/v1/overview")
    assert first.json["request_id"] != second.json["request_id"]


def test_the_pages_come_with_a_strict_policy(product):
    page = product.client().get("/", headers={"Accept": "text/html"})
    assert page.status == 200 and b"<div id=" in page.body, page
    policy = page.headers["Content-Security-Policy"]
    assert "unsafe-inline" not in policy.split("script-src")[-1].split(";")[0], policy


def test_database_schema_sql_is_what_the_migrations_make(product):
    done = subprocess.run([os.path.join(REPOSITORY, "scripts/dev/dump-schema.sh"), "--check"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
