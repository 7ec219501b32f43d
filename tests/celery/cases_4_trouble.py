"""Messages that are none, a Redis that goes away, workers that end often: nothing is lost, nothing is harmed."""
import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter

import redis
from rival import app, end_subscriptions, ours
from local import wait_for
from stage import Process, Sentinels

LIMIT = 30
SHORT = {"visibility_timeout_s": 2, "sweep_every_s": 1}


def message(body=b"[[1, 2], {}, {}]", **changes):
    """As kombu writes it; changes in headers, or of whole members."""
    properties = {"correlation_id": "m", "reply_to": "r", "delivery_mode": 2, "priority": 0, "body_encoding": "base64",
                  "delivery_info": {"exchange": "", "routing_key": "celery"}, "delivery_tag": os.urandom(8).hex()}
    whole = {"body": base64.b64encode(body).decode(), "content-encoding": "utf-8", "content-type": "application/json",
             "headers": {"lang": "py", "task": "test.add", "id": os.urandom(8).hex(), "retries": 0, "root_id": None},
             "properties": properties}
    for name, value in changes.items():
        name = name.replace("_", "-")
        if name in whole:
            whole[name] = value
        else:
            whole["headers"][name] = value
    return json.dumps(whole)


def test_what_cannot_be_run_is_set_aside_with_its_reason(stage):
    worker = stage.worker(message_mb_max=1)
    bad = {
        "no JSON": "garbage \x01 {",
        "an array": "[1, 2, 3]",
        "no properties": json.dumps({"body": "x"}),
        "pickle": message(b"\x80\x04.", content_type="application/x-python-serialize"),
        "yaml": message(b"a: 1", content_type="application/x-yaml"),
        "too large": message(b'[["' + b"x" * 1_500_000 + b'"], {}, {}]'),
        "not base64": json.dumps({**json.loads(message()), "body": "!!!"}),
        "body no JSON": message(b"\xff\xfe"),
        "body too deep": message(b"[" * 5000 + b"]" * 5000),
        "packed bomb": message(__import__("zlib").compress(b" " * 50_000_000), compression="application/x-gzip"),
        "packed badly": message(b"not zlib", compression="application/x-gzip"),
    }
    for text in bad.values():
        stage.cli("LPUSH", "celery", text) if len(text) < 100_000 else push_large(stage, text)
    wait_for(lambda: len(stage.dead_letters()) == len(bad), LIMIT,
             lambda: f"{[d['reason'] for d in stage.dead_letters()]}\n{worker.log[-1500:]}")
    letters = stage.dead_letters()
    for name, text in bad.items():
        letter = [d for d in letters if d["message"] == text]
        assert len(letter) == 1 and len(letter[0]["reason"]) > 10 and letter[0]["queue"] == "celery", (name, letter)
    assert any("pickle" in d["reason"] or "python-serialize" in d["reason"] for d in letters), letters
    assert stage.cli("HLEN", "unacked") == "0"
    assert ours("test.add").apply_async((1, 2)).get(LIMIT) == 3, "the worker is harmed"


def push_large(stage, text):
    import redis
    redis.Redis(port=stage.port).lpush("celery", text)


def test_an_unknown_task_fails_for_its_caller(stage):
    stage.worker()
    unknown = ours("no.such.task").apply_async((1,))
    error = unknown.get(LIMIT, propagate=False)
    assert unknown.state == "FAILURE" and type(error).__name__ == "NotRegistered", error
    expired = ours("test.add").apply_async((1, 2), expires=-5)
    wait_for(lambda: expired.state == "REVOKED", LIMIT, lambda: expired.state)


def test_a_message_that_kills_its_workers_is_set_aside(stage):
    poison = ours("test.sleep").apply_async((60,))
    for i in range(3):
        worker = stage.worker(name=f"victim{i}", deliveries_max=3, **SHORT)
        wait_for(lambda i=i: (app.control.inspect([f"victim{i}@here"], timeout=1, limit=1).active() or
                              {"": []}).popitem()[1], LIMIT, "it is not taken")
        worker.kill()
    stage.worker(name="last", deliveries_max=3, **SHORT)
    letter = wait_for(stage.dead_letters, LIMIT, "it is delivered again and again")[0]
    assert poison.id in letter["message"], letter
    assert ours("test.add").apply_async((1, 2)).get(LIMIT) == 3


def test_redis_restarts_under_load(stage):
    path = os.path.join(stage.folder, "restarted")
    end_subscriptions()  # and no new ones: the tasks are sent by a process of its own
    send = "for i in range(3000): ours('test.count').apply_async((sys.argv[1], str(i)), task_id=f'c{i}')"
    subprocess.run([sys.executable, "-c", f"import os, sys\nfrom rival import ours\n{send}\nos._exit(0)", path],
                   env={**os.environ, "PYTHONPATH": os.path.dirname(__file__)}, check=True, timeout=LIMIT)
    worker = stage.worker(ready=False, **SHORT)
    wait_for(lambda: os.path.exists(path), LIMIT, "it runs nothing")
    for _ in range(3):
        stage.redis.end(signal.SIGTERM)
        time.sleep(0.5)
        stage.start_redis()
        time.sleep(0.15)
    assert worker.is_running(), worker.log

    def done():
        return stage.cli("LLEN", "celery") == "0" and stage.cli("HLEN", "unacked") == "0"
    wait_for(done, LIMIT, "the worker is deaf after a restart of Redis")
    with open(path, encoding="ascii") as f:
        ran = Counter(f.read().split())
    assert set(ran) == {str(i) for i in range(3000)}, "lost"
    kept = redis.Redis(port=stage.port).mget(f"celery-task-meta-c{i}" for i in range(3000))
    states = Counter(json.loads(meta)["status"] if meta else "no result" for meta in kept)
    assert states == Counter({"SUCCESS": 3000}), states


def test_a_worker_over_its_memory_limit_drains_and_ends(stage):
    worker = stage.worker(ready=False, memory_mb_max=1)
    wait_for(lambda: not worker.is_running(), LIMIT, "it goes on")
    assert worker.process.returncode == 75, worker.log
    waiting = ours("test.add").apply_async((1, 2))
    assert stage.cli("HLEN", "unacked") == "0"
    stage.worker(name="next")
    assert waiting.get(LIMIT) == 3


def test_a_failover_of_the_master_loses_no_result(stage):
    there = Sentinels(stage)
    sentinels = ",".join(f"127.0.0.1:{p}" for p in there.watchers)
    path = os.path.join(stage.folder, "failed over")
    settings = {"PRICING_REDIS_SENTINELS": sentinels}
    worker = Process(stage, "ours", [os.path.join(stage.binaries, "celery_test_worker")],
                     {**stage.settings(node="ours@here", mingle="false", **SHORT), **settings})
    first = there.master()
    count = 2000
    with app.connection_for_write(f"redis://127.0.0.1:{first}/0") as connection:
        for i in range(count):
            ours("test.count").apply_async((path, str(i)), connection=connection, task_id=f"f{i}")
    wait_for(lambda: stage.cli("WAIT", 1, 2000, port=first) == "1", 10, "the replica is behind")
    there.servers[first].kill()
    wait_for(lambda: there.master() != first, 30, "no failover")
    second = there.master()

    def done():
        return stage.cli("LLEN", "celery", port=second) == "0" and stage.cli("HLEN", "unacked", port=second) == "0"
    wait_for(lambda: stage.answers(second) and done(), 40, lambda: "not done\n" + worker.log[-1500:])
    with open(path, encoding="ascii") as f:
        ran = Counter(f.read().split())
    assert set(ran) == {str(i) for i in range(count)}, "lost"
    stored = [f"celery-task-meta-f{i}" for i in range(count)]
    assert stage.cli("EXISTS", *stored, port=second) == str(count)
    there.start(first)
    assert worker.end(signal.SIGTERM) == 0, worker.log
