#!/usr/bin/python3
"""Tasks lost or done twice while workers die and Redis fails over: bench/celery_million.py [--tasks 1000000]

Two workers, one of them killed with -9 every three seconds; a master with AOF, its replica and three Sentinels, the
master killed with -9 twice. Each task sets one byte of a file, its side effect, which a second run finds set: that is
its idempotency key. Prints tasks, side effects missing, runs beyond one, results stored. Bounded by ten minutes."""
import argparse
import os
import signal
import struct
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(HERE, "../tests/celery"), os.path.join(HERE, "../tests/support")]
from cases import end_cleanly_at_signals  # noqa: E402
from local import wait_for  # noqa: E402
from stage import REPOSITORY, Process, Sentinels, Stage  # noqa: E402

LIMIT_S = 600
KILL_EVERY_S = 3


class Effects:
    """8 bytes: how often tasks ran; then one byte each."""

    def __init__(self, path, tasks):
        self.path, self.tasks = path, tasks
        with open(path, "wb") as f:
            f.truncate(8 + tasks)

    def read(self):
        """(runs, side effects)"""
        with open(self.path, "rb") as f:
            return struct.unpack("<q", f.read(8))[0], f.read().count(1)


def workers(stage, sentinels, number):
    settings = stage.settings(node=f"w{number}@here", mingle="false", visibility_timeout_s=5, sweep_every_s=1, concurrency=1)
    settings["PRICING_REDIS_SENTINELS"] = ",".join(f"127.0.0.1:{p}" for p in sentinels.watchers)
    return Process(stage, f"worker{number}", [os.path.join(stage.binaries, "celery_test_worker")], settings)


def fail_over(stage, sentinels):
    """Kills the master; the seconds until another leads. The old one comes back as its replica."""
    wait_for(sentinels.is_settled, 60, "the replica does not follow")
    begin, old = time.monotonic(), sentinels.master()
    sentinels.servers[old].kill()
    wait_for(lambda: sentinels.master() != old, 60, "no failover")
    new = sentinels.master()
    wait_for(lambda: "role:master" in stage.cli("INFO", "replication", port=new), 30, "the replica does not lead")
    took = time.monotonic() - begin
    sentinels.start(old, replica_of=new)
    return took


def measure(stage, tasks):
    sentinels = Sentinels(stage)
    effects = Effects(os.path.join(stage.folder, "effects"), tasks)
    master = sentinels.master()
    stage.port = master
    begin = time.monotonic()
    stage.client("enqueue", "test.effect", tasks, 500, effects.path, json_out=False, limit_s=300)
    wait_for(lambda: stage.cli("WAIT", 1, 5000, port=master) == "1", 60, "the replica is behind")
    print(f"{tasks} tasks sent in {time.monotonic() - begin:.1f} s", flush=True)
    running = {n: workers(stage, sentinels, n) for n in range(2)}
    killed, failovers, next_kill = 0, [], time.monotonic() + KILL_EVERY_S
    begin = time.monotonic()

    def finished(port):
        return (stage.answers(port) and stage.cli("LLEN", "celery", port=port, check=False) == "0" and
                stage.cli("HLEN", "unacked", port=port, check=False) == "0")
    while time.monotonic() - begin < LIMIT_S:
        time.sleep(0.2)
        share = effects.read()[1] / tasks
        if share >= 1 and finished(sentinels.master()):
            break
        if time.monotonic() >= next_kill and share < 1:
            number = killed % 2
            running[number].kill()
            killed += 1
            running[number] = workers(stage, sentinels, number)
            next_kill = time.monotonic() + KILL_EVERY_S
        if len(failovers) < 2 and share >= (0.25, 0.6)[len(failovers)]:
            failovers.append(fail_over(stage, sentinels))
    took = time.monotonic() - begin
    runs, done = effects.read()
    master = sentinels.master()
    waiting = {k: stage.cli(c, k, port=master) for c, k in (("LLEN", "celery"), ("HLEN", "unacked"), ("ZCARD", "unacked_index"),
                                                            ("HLEN", "celery-parked"))}
    keys = stage.cli("EVAL", "return #redis.call('KEYS', 'celery-task-meta-*')", 0, port=sentinels.master())
    for worker in running.values():
        worker.end(signal.SIGTERM)
    print(f"workers killed {killed}, failovers {len(failovers)} "
          f"({', '.join(f'{f:.1f} s' for f in failovers)}), {took:.0f} s, {tasks / took:.0f} tasks/s")
    if took >= LIMIT_S:
        print(f"not through within {LIMIT_S} s; still waiting: {waiting}")
    print(f"side effects {done} of {tasks}: lost {tasks - done} (must 0); "
          f"runs {runs}, of which {runs - done} found the effect there")
    print(f"results stored {keys}: missing {tasks - int(keys)} (must 0); dead letters "
          f"{stage.cli('LLEN', 'celery-dead-letter', port=sentinels.master())}")
    return 0 if done == tasks and int(keys) == tasks and len(failovers) == 2 else 1


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--tasks", type=int, default=1_000_000)
    options.add_argument("--binaries", default=os.path.join(REPOSITORY, "build/release/bin"))
    options = options.parse_args()
    end_cleanly_at_signals()
    stage = Stage(options.binaries)
    os.environ["BROKER"] = stage.url
    try:
        return measure(stage, options.tasks)
    finally:
        stage.remove()


if __name__ == "__main__":
    sys.exit(main())
