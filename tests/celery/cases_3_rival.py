"""A Celery worker and ours on the same queue; either may die in the middle."""
import os
import signal
import time
from collections import Counter

from rival import app, ours
from local import wait_for

LIMIT = 30
SHORT = {"visibility_timeout_s": 2, "sweep_every_s": 1}


def runs(path):
    """How often each id ran."""
    if not os.path.exists(path):
        return Counter()
    with open(path, encoding="ascii") as f:
        return Counter(f.read().split())


def test_two_kinds_of_worker_share_a_queue(stage):
    stage.worker(concurrency=1, batch_max=1, prefetch_ms=0)
    stage.rival(options=("-P", "solo"))
    path = os.path.join(stage.folder, "shared")
    sent = [ours("test.count").apply_async((path, str(i))) for i in range(300)]
    sent += [ours("test.sleep").apply_async((0.05,)) for _ in range(40)]
    for one in sent:
        one.get(LIMIT)
    assert runs(path) == Counter({str(i): 1 for i in range(300)})
    totals = [s["total"] for s in app.control.inspect(timeout=2).stats().values()]
    assert len(totals) == 2 and all(sum(t.values()) > 0 for t in totals), totals


def killed_in_the_middle(stage, victim, successor):
    """Nothing of what a killed worker held is lost."""
    held = [ours("test.sleep").apply_async((1,)) for _ in range(2)]
    wait_for(lambda: stage.cli("HLEN", "unacked") != "0", LIMIT, "nothing was taken")
    time.sleep(0.3)
    victim.kill()
    assert stage.cli("HLEN", "unacked") != "0", "it was done already"
    time.sleep(2.2)  # Celery looks for what is lost at its start and then every hundred seconds
    successor()
    for one in held:
        assert one.get(LIMIT) == "slept"
    wait_for(lambda: stage.cli("HLEN", "unacked") == "0", LIMIT, "something stays reserved")


def test_a_celery_worker_takes_over_from_ours(stage):
    victim = stage.worker(**SHORT)
    killed_in_the_middle(stage, victim, lambda: stage.rival(options=("-P", "solo"), VISIBILITY="2", ACKS_LATE="1"))


def test_ours_takes_over_from_a_celery_worker(stage):
    victim = stage.rival(options=("-P", "solo"), ACKS_LATE="1")
    killed_in_the_middle(stage, victim, lambda: stage.worker(**SHORT))


def test_nobody_who_died_while_sweeping_keeps_others_from_it(stage):
    """kombu's lock lasts five minutes, however its holder ended."""
    stage.cli("SET", "unacked_mutex", "of one who was killed", "PX", 300_000, "NX")
    killed_in_the_middle(stage, stage.worker(**SHORT), lambda: stage.worker(name="second", **SHORT))


def test_ours_takes_over_from_ours_at_once_for_many(stage):
    path = os.path.join(stage.folder, "many")
    victim = stage.worker(**SHORT)
    sent = [ours("test.count").apply_async((path, str(i))) for i in range(2000)]
    wait_for(lambda: len(runs(path)) > 100, LIMIT, "it does not begin")
    victim.kill()
    stage.worker(name="second", **SHORT)
    for one in sent:
        one.get(LIMIT)
    again = {i: n for i, n in runs(path).items() if n > 1}
    assert len(runs(path)) == 2000 and len(again) <= 256, f"{len(again)} ran twice"


def test_a_long_task_is_not_taken_for_lost(stage):
    """Celery runs it again after each visibility timeout; a reservation of ours is renewed while it is held."""
    for name in ("one", "two"):
        stage.worker(name=name, concurrency=1, **SHORT)
    long = ours("test.sleep").apply_async((6,))
    assert long.get(LIMIT) == "slept"
    total = sum(sum(s["total"].values()) for s in app.control.inspect(timeout=2).stats().values())
    assert total == 1, total


def test_a_warm_shutdown_ends_what_runs_and_leaves_the_rest(stage):
    worker = stage.worker(concurrency=1)
    running = ours("test.sleep").apply_async((1.5,))
    wait_for(lambda: running.state == "PROGRESS", LIMIT, "it does not begin")
    waiting = ours("test.add").apply_async((1, 1))
    assert worker.end(signal.SIGTERM) == 0
    assert running.get(LIMIT) == "slept" and waiting.state == "PENDING"
    assert stage.cli("LLEN", "celery") == "1" and stage.cli("HLEN", "unacked") == "0"
    stage.worker(name="next")
    assert waiting.get(LIMIT) == 2


def test_a_cold_shutdown_gives_back_what_runs(stage):
    worker = stage.worker(concurrency=1)
    running = ours("test.sleep").apply_async((60,))
    wait_for(lambda: running.state == "PROGRESS", LIMIT, "it does not begin")
    begin = time.monotonic()
    worker.end(signal.SIGQUIT)
    assert time.monotonic() - begin < 5
    assert stage.cli("LLEN", "celery") == "1" and stage.cli("HLEN", "unacked") == "0", "it is lost or still reserved"


def test_early_acknowledgement_runs_at_most_once(stage):
    worker = stage.worker(**SHORT)
    early = ours("test.early").apply_async((30,))
    wait_for(lambda: early.state == "PROGRESS", LIMIT, "it does not begin")
    worker.kill()
    stage.worker(name="second", **SHORT)
    time.sleep(3.5)
    assert app.control.inspect(timeout=2).active() == {"second@here": []} and stage.cli("LLEN", "celery") == "0"
