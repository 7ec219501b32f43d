"""Background work, from outside: tasks, queues, schedules, and a worker that dies in the middle."""
import os
import signal

from cases_9_processes import wait_for


def schedule_of(admin, kind):
    return next(s for s in admin.get("/api/v1/schedules").json["data"] if s["kind"] == kind)


def run_now(admin, kind):
    """Starts a job by its schedule; its id."""
    answer = admin.post(f"/api/v1/schedules/{schedule_of(admin, kind)['id']}/run")
    assert answer.status in (200, 201, 202), answer
    return newest(admin, kind)["id"]


def newest(admin, kind):
    return admin.get(f"/api/v1/jobs?kind={kind}&limit=1").json["data"][0]


def job(admin, number):
    answer = admin.get(f"/api/v1/jobs/{number}")
    assert answer.status == 200, answer
    return answer.json


def ends(admin, number, limit_s=60):
    wait_for(lambda: job(admin, number)["state"] not in ("queued", "running"), limit_s, f"job {number} did not end")
    return job(admin, number)


def test_every_task_is_described(product):
    schema = product.admin().get("/api/v1/tasks/schema").json
    assert schema["tasks"]["pricing.import"]["queue"] == "priority", schema["tasks"]
    for task in schema["tasks"].values():
        for side in ("input", "output"):
            name = task[side]["$ref"].removeprefix("#/components/schemas/")
            assert schema["components"]["schemas"][name]["type"] == "object", task


def test_the_queues_are_shown_with_what_waits(product):
    queues = product.admin().get("/api/v1/tasks/queues").json
    assert {"priority", "default", "ml"} <= {q["name"] for q in queues["queues"]}, queues
    assert queues["dead_letters"] == 0, queues


def test_a_task_leaves_its_result(product):
    admin = product.admin()
    done = ends(admin, run_now(admin, "refresh_market"))
    assert done["state"] == "succeeded" and done["result"]["observations"] > 0, done


def test_a_worker_killed_in_the_middle_leaves_its_job_to_the_next(product):
    admin = product.admin()
    number = run_now(admin, "train")
    wait_for(lambda: job(admin, number)["state"] == "running", 30, "the training did not begin")
    os.kill(product.pid_of("pricing-worker"), signal.SIGKILL)
    done = ends(admin, number, 90)
    assert done["state"] == "succeeded" and done["attempts"] == 2, done


def test_a_running_job_is_stopped_on_demand(product):
    admin = product.admin()
    number = run_now(admin, "train")
    wait_for(lambda: job(admin, number)["state"] == "running", 30, "the training did not begin")
    assert admin.post(f"/api/v1/jobs/{number}/revoke").status == 202
    assert ends(admin, number)["state"] == "revoked"
    again = admin.post(f"/api/v1/jobs/{number}/retry")
    assert again.status == 202, again
    assert ends(admin, number)["state"] == "succeeded"
