"""The real Celery's side: an application with tasks of its own and the names of ours."""
import os
import time

from celery import Celery

app = Celery("rival", broker=os.environ["BROKER"], backend=os.environ["BROKER"])
app.conf.update(
    task_default_queue="celery",
    broker_transport_options={"visibility_timeout": int(os.environ.get("VISIBILITY", "3600"))},
    task_acks_late=os.environ.get("ACKS_LATE") == "1",
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    result_expires=600,
    task_routes={"py.*": {"queue": "py"}, "test.other": {"queue": "other"}},
)


@app.task(name="py.add")
def py_add(x, y):
    return x + y


@app.task(name="py.total")
def py_total(numbers):
    return sum(numbers)


@app.task(name="py.fail")
def py_fail(text):
    raise ValueError(text)


def ours(name):
    """A task that our worker runs, as a Celery client without its code sees it."""
    return app.signature(name)


def end_subscriptions():
    """Before Redis is restarted: redis-py 6 subscribes anew under a lock that it holds already, and stands still."""
    results = app.backend.result_consumer
    results.stop()
    results._pubsub = None


# Names of ours that a Celery worker serves as well, when both share a queue.
@app.task(name="test.sleep")
def sleep(seconds):
    time.sleep(seconds)
    return "slept"


@app.task(name="test.count")
def count(key, id):
    with open(key, "a", encoding="ascii") as f:
        f.write(id + "\n")
