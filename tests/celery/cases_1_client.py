"""Celery as the client of our worker, and our client beside it."""
import os
import time

from celery import chain, chord, group
from celery.exceptions import TaskRevokedError
from celery.result import AsyncResult
from rival import app, ours, py_add, py_fail, py_total
from local import wait_for

LIMIT = 15  # seconds; no case comes near it


def add(*args):
    return ours("test.add").clone(args)


def python(signature):
    """Routes are known to the client only: who sends the next of a chain needs to be told the queue."""
    return signature.set(queue="py")


def test_a_call_returns_its_result(stage):
    stage.worker()
    assert add(2, 3).delay().get(LIMIT) == 5
    assert ours("test.add").apply_async(kwargs={"x": 20, "y": 3}).get(LIMIT) == 23


def test_a_failure_says_what_was_wrong(stage):
    stage.worker()
    failed = ours("test.fail").apply_async(("no such unit",))
    error = failed.get(LIMIT, propagate=False)
    assert failed.state == "FAILURE" and "no such unit" in str(error), (failed.state, error)
    wrong = add("x", 3).delay()
    assert "x" in str(wrong.get(LIMIT, propagate=False)) and wrong.state == "FAILURE"


def test_retries_end_with_a_result_or_with_the_last_error(stage):
    stage.worker()
    assert ours("test.flaky").apply_async(("later",)).get(LIMIT) == 2
    hopeless = ours("test.hopeless").apply_async(("never",))
    assert "never" in str(hopeless.get(LIMIT, propagate=False)) and hopeless.state == "FAILURE"


def test_a_countdown_is_waited_for(stage):
    stage.worker()
    begin = time.monotonic()
    later = add(1, 1).apply_async(countdown=1.5)
    assert later.get(LIMIT) == 2 and time.monotonic() - begin >= 1.4


def test_an_eta_far_away_is_parked_and_survives_the_worker(stage):
    worker = stage.worker(eta_hold_s=1)
    later = add(1, 1).apply_async(countdown=4)
    wait_for(lambda: stage.cli("LLEN", "celery") == "0", 5, "the message was not taken")
    worker.kill()
    stage.worker(eta_hold_s=1, visibility_timeout_s=2, sweep_every_s=1)
    assert later.get(LIMIT) == 2


def test_an_expired_task_is_revoked(stage):
    gone = add(1, 1).apply_async(expires=0.2)
    time.sleep(0.4)
    stage.worker()
    try:
        gone.get(LIMIT)
        raise AssertionError("it ran")
    except TaskRevokedError:
        assert gone.state == "REVOKED"


def test_an_ignored_result_is_not_kept(stage):
    stage.worker()
    path = os.path.join(stage.folder, "ignored")
    ignored = ours("test.count").apply_async((path, "1"), ignore_result=True)
    wait_for(lambda: os.path.exists(path), LIMIT, "it did not run")
    assert add(1, 1).delay().get(LIMIT) == 2
    assert stage.cli("EXISTS", f"celery-task-meta-{ignored.id}") == "0"


def test_links_follow_success_and_failure(stage):
    stage.worker()
    follower = add(10)
    follower.set(task_id="linked")
    assert add(1, 2).apply_async(link=follower).get(LIMIT) == 3
    assert AsyncResult("linked", app=app).get(LIMIT) == 13
    errback = ours("test.on_error")
    errback.set(task_id="errback")
    failed = ours("test.fail").apply_async(("broken",), link_error=errback)
    assert AsyncResult("errback", app=app).get(LIMIT) == failed.id


def test_chains_groups_and_chords_of_ours(stage):
    stage.worker()
    assert chain(add(1, 2), add(10), add(100)).delay().get(LIMIT) == 113
    assert sorted(group(add(i, i) for i in range(20)).delay().get(timeout=LIMIT)) == [2 * i for i in range(20)]
    assert chord((add(i, 1) for i in range(10)), ours("test.total")).delay().get(LIMIT) == 55
    nested = chain(add(1, 1), group(add(10), add(20)), ours("test.total"), add(1000))
    assert nested.delay().get(LIMIT) == 1034


def test_a_chord_fails_with_its_part(stage):
    stage.worker()
    failed = chord([add(1, 1), ours("test.fail").clone(("bad part",))], ours("test.total")).delay()
    error = failed.get(LIMIT, propagate=False)
    assert failed.state == "FAILURE" and "bad part" in str(error), error


def test_parts_in_two_languages_make_one_canvas(stage):
    stage.worker()
    stage.rival(queues="py")
    assert chain(add(1, 2), python(py_add.s(10)), add(100), python(py_add.s(1000))).delay().get(LIMIT) == 1113
    mixed = [add(1, 1), python(py_add.s(10, 10)), add(100, 100), python(py_add.s(1000, 1000))]
    assert chord(mixed, ours("test.total")).delay().get(LIMIT) == 2222
    assert chord(mixed, python(py_total.s())).delay().get(LIMIT) == 2222
    inner = chain(python(py_add.s(1, 1)), add(3))
    assert chord([inner, add(10, 10)], python(py_total.s())).delay().get(LIMIT) == 25
    broken = chord([add(1, 1), python(py_fail.s("in Python"))], ours("test.total")).delay()
    assert "in Python" in str(broken.get(LIMIT, propagate=False)) and broken.state == "FAILURE"


def test_our_client_calls_a_celery_worker(stage):
    stage.rival(queues="py,celery")
    done = stage.client("send", "py.add", "[20, 3]", queues="py")
    assert done["state"] == "SUCCESS" and done["result"] == 23, done
    failed = stage.client("send", "py.fail", '["as asked"]', queues="py")
    assert failed["state"] == "FAILURE" and "as asked" in str(failed["result"]), failed


def test_our_client_composes_for_both(stage):
    stage.worker(queues="celery")
    stage.rival(queues="py")
    assert stage.client("chain")["result"] == 112
    assert stage.client("chord")["result"] == 2 + 111 + 1001


def test_the_most_urgent_comes_first(stage):
    path = os.path.join(stage.folder, "order")
    sent = [ours("test.count").apply_async((path, f"{p}.{i}"), priority=p) for i in range(3) for p in (9, 6, 3, 0)]
    stage.worker(concurrency=1, prefetch_ms=0, batch_max=1)
    for one in sent:
        one.get(LIMIT)
    with open(path, encoding="ascii") as f:
        assert f.read().split() == [f"{p}.{i}" for p in (0, 3, 6, 9) for i in range(3)]


def test_other_queues_other_protocols_and_packed_bodies(stage):
    stage.worker(queues="celery,other")
    assert ours("test.other").apply_async(("x",), queue="other").get(LIMIT) == "x"
    for compression in ("zlib", "bzip2"):
        assert add(1, 2).apply_async(compression=compression).get(LIMIT) == 3, compression
    app.conf.task_protocol = 1
    try:
        assert add(4, 5).delay().get(LIMIT) == 9
    finally:
        app.conf.task_protocol = 2


def test_time_limits_end_a_task(stage):
    stage.worker(hard_limit_grace_s=10)
    slow = ours("test.stubborn").apply_async((3,), time_limit=1)
    error = slow.get(LIMIT, propagate=False)
    assert slow.state == "FAILURE" and "TimeLimitExceeded" in repr(error), error
    soft = ours("test.sleep").apply_async((20,), soft_time_limit=1)
    assert soft.get(LIMIT, propagate=False) is not None and soft.state == "FAILURE", soft.state


def test_a_revoked_task_does_not_run_or_ends(stage):
    stage.worker()
    path = os.path.join(stage.folder, "revoked")
    waiting = ours("test.count").apply_async((path, "1"), countdown=2)
    waiting.revoke()
    running = ours("test.sleep").apply_async((30,))
    wait_for(lambda: running.state in ("STARTED", "PROGRESS"), LIMIT, lambda: f"it is {running.state}")
    running.revoke(terminate=True)
    for one in (waiting, running):
        try:
            one.get(LIMIT)
            raise AssertionError("it ended well")
        except TaskRevokedError:
            assert one.state == "REVOKED"
    assert not os.path.exists(path)


def test_a_thousand_calls_lose_nothing(stage):
    stage.worker()
    sums = group(add(i, 1) for i in range(1000)).delay().get(timeout=60)
    assert sums == [i + 1 for i in range(1000)]
