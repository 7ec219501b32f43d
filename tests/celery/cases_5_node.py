"""celery-node, a client in another language; its packages come with npm ci."""
import json
import os
import subprocess

from stage import HERE

NODE = os.path.join(HERE, "node")


def call(stage, task, *arguments):
    done = subprocess.run(["node", "client.js", stage.url, task, *map(json.dumps, arguments)], cwd=NODE, text=True,
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == 0 and done.stdout, done
    return json.loads(done.stdout.splitlines()[-1])


def test_a_node_client_calls_our_worker(stage):
    if not os.path.exists(os.path.join(NODE, "node_modules")):
        subprocess.run(["npm", "ci", "--silent"], cwd=NODE, timeout=300, check=True)
    stage.worker()
    assert call(stage, "test.add", 20, 3) == {"result": 23}
    assert call(stage, "test.total", [1, 2, 3]) == {"result": 6}
    assert "error" in call(stage, "test.fail", "as asked")
