"""Celery's own tools looking at our worker and steering it."""
import json
import re
import signal
import subprocess
import sys
import time

from rival import app, ours
from local import wait_for
from stage import HERE

LIMIT = 15
NODE = "ours@here"


def inspect():
    return app.control.inspect(destination=[NODE], timeout=5, limit=1)


def ask(question, *arguments):
    """Our worker's answer."""
    answer = getattr(inspect(), question)(*arguments)
    assert answer and set(answer) == {NODE}, (question, answer)
    return answer[NODE]


def test_inspect_sees_a_worker_of_its_own(stage):
    worker = stage.worker(queues="celery,other", concurrency=2)
    assert ask("ping") == {"ok": "pong"}
    stats = ask("stats")
    assert stats["pid"] == worker.process.pid and stats["pool"]["max-concurrency"] == 2, stats
    assert stats["broker"]["transport"] == "redis" and stats["broker"]["port"] == stage.port, stats["broker"]
    assert [q["name"] for q in ask("active_queues")] == ["celery", "other"]
    registered = ask("registered")
    assert "test.add" in registered and any(r.startswith("test.limited [rate_limit=5/s") for r in registered), registered
    assert isinstance(ask("conf"), dict) and ask("clock")["clock"] > 0
    assert ask("active") == ask("reserved") == ask("scheduled") == ask("revoked") == []


def test_inspect_sees_what_the_worker_does(stage):
    stage.worker(concurrency=2)  # one that is busy takes nothing more, not even for later
    running = ours("test.sleep").apply_async((4,))
    later = ours("test.add").apply_async((1, 1), countdown=30)
    gone = ours("test.add").apply_async((1, 1), countdown=30)
    gone.revoke()
    wait_for(lambda: ask("active") and ask("scheduled"), LIMIT, "nothing is active")
    active = ask("active")[0]
    assert active["id"] == running.id and active["name"] == "test.sleep" and active["args"] == [4], active
    assert active["hostname"] == NODE and time.time() - active["time_start"] < 30, active
    assert later.id in [s["request"]["id"] for s in ask("scheduled")]
    assert gone.id in ask("revoked")
    state, info = ask("query_task", [running.id])[running.id]
    assert state == "active" and info["id"] == running.id, (state, info)
    running.revoke(terminate=True)


def test_the_command_line_tools_work(stage):
    stage.worker()
    assert "pong" in stage.celery("inspect", "ping", "-d", NODE)
    assert "test.add" in stage.celery("inspect", "registered", "-d", NODE)
    told = json.loads(stage.celery("inspect", "stats", "-d", NODE, "--json"))
    assert told[NODE]["pool"]["max-concurrency"] == 2, told
    assert "1 node online" in stage.celery("status")
    assert "new rate limit set" in stage.celery("control", "rate_limit", "test.add", "10/m", "-d", NODE)


def test_control_changes_the_worker(stage):
    worker = stage.worker()
    control = app.control

    def ordered(method, *arguments, **more):
        answer = getattr(control, method)(*arguments, destination=[NODE], reply=True, timeout=5, limit=1, **more)
        assert len(answer) == 1, (method, answer)
        return answer[0][NODE]

    assert "ok" in ordered("add_consumer", "other")
    assert ours("test.other").apply_async(("x",), queue="other").get(LIMIT) == "x"
    assert "ok" in ordered("cancel_consumer", "other")
    assert [q["name"] for q in ask("active_queues")] == ["celery"]
    assert "ok" in ordered("rate_limit", "test.add", "2/s")
    begin = time.monotonic()
    for one in [ours("test.add").apply_async((i, i)) for i in range(4)]:
        one.get(LIMIT)
    assert time.monotonic() - begin > 0.9, "four at two a second take more than a second"
    assert "error" in ordered("rate_limit", "no.such", "2/s")
    assert "ok" in ordered("time_limit", "test.stubborn", soft=None, hard=1)
    slow = ours("test.stubborn").apply_async((3,))
    assert "TimeLimitExceeded" in repr(slow.get(LIMIT, propagate=False))
    assert "ok" in ordered("pool_grow", 2) and ask("stats")["pool"]["max-concurrency"] == 4
    assert "ok" in ordered("pool_shrink", 3) and ask("stats")["pool"]["max-concurrency"] == 1
    control.shutdown(destination=[NODE])
    wait_for(lambda: not worker.is_running(), LIMIT, "it goes on")
    assert worker.process.returncode == 0, worker.log


def test_events_tell_a_whole_life(stage):
    dump = subprocess.Popen([sys.executable, "-m", "celery", "-A", "rival", "events", "--dump"], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, cwd=stage.folder, start_new_session=True,
                            env={"PYTHONPATH": HERE, "BROKER": stage.url, "PATH": "/usr/bin:/bin",
                                 "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"})
    try:
        wait_for(lambda: int(stage.cli("PUBSUB", "NUMPAT")) > 0, LIMIT, "celery events does not listen")
        worker = stage.worker(task_events="true")
        well = ours("test.add").apply_async((1, 2))
        badly = ours("test.fail").apply_async(("x",))
        again = ours("test.flaky").apply_async(("x",))
        for one in (well, badly, again):
            one.get(LIMIT, propagate=False)
        time.sleep(2.5)  # a heartbeat
        worker.end(signal.SIGTERM)
        time.sleep(0.5)
    finally:
        dump.terminate()
        text = dump.communicate(timeout=10)[0]
    for word in ("started", "heartbeat", "shutdown"):
        assert re.search(rf"{NODE} \[.*\] (worker )?{word}", text), (word, text)
    for kind in ("received", "started", "succeeded", "failed", "retried"):
        assert f"task {kind}" in text, (kind, text)
    for one in (well, badly, again):
        assert one.id in text, text


def test_events_can_be_switched_on_and_off(stage):
    stage.worker()
    switched = app.control.enable_events(destination=[NODE], reply=True, timeout=5, limit=1)
    assert "ok" in switched[0][NODE], switched
    seen = []
    with app.connection() as connection:
        receiver = app.events.Receiver(connection, handlers={"*": seen.append})
        sent = ours("test.add").apply_async((1, 2), countdown=1)
        try:
            receiver.capture(limit=12, timeout=3, wakeup=False)
        except OSError:
            pass  # fewer within the time
    sent.get(LIMIT)
    kinds = {e["type"] for e in seen if e.get("uuid") == sent.id or e["type"].startswith("worker")}
    assert {"task-started", "task-succeeded"} <= kinds, [e["type"] for e in seen]
    off = app.control.disable_events(destination=[NODE], reply=True, timeout=5, limit=1)
    assert "ok" in off[0][NODE], off
