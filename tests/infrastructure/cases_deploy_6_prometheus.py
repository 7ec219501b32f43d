"""The cluster's own Prometheus configuration, by Prometheus's own checker."""
import os
import subprocess
import tempfile

import lint_deploy
import yaml

CONFIGURATION = os.path.join(lint_deploy.K8S, "base-monitoring", "config", "prometheus.yml")


def test_the_clusters_prometheus_takes_its_configuration(stage):
    with open(CONFIGURATION, encoding="utf-8") as file:
        configuration = yaml.safe_load(file)
    with tempfile.TemporaryDirectory() as folder:
        token = os.path.join(folder, "token")
        with open(token, "w", encoding="utf-8") as out:
            out.write("x")
        for job in configuration["scrape_configs"]:
            # Debian builds Prometheus without the discovery of Kubernetes; its options are few and the rest is what is checked.
            found = job.pop("kubernetes_sd_configs", None)
            if found:
                assert {d["role"] for d in found} <= {"pod", "node"}
                job["static_configs"] = [{"targets": ["127.0.0.1:1"]}]
            if "authorization" in job:
                job["authorization"] = {"credentials_file": token}
        configuration["rule_files"] = [os.path.join(lint_deploy.K8S, "..", "monitoring", "prometheus", "rules", "*.yml")]
        path = os.path.join(folder, "prometheus.yml")
        with open(path, "w", encoding="utf-8") as out:
            yaml.safe_dump(configuration, out)
        done = subprocess.run(["promtool", "check", "config", path], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done


def test_jobs_are_the_pods_that_rules_name(stage):
    """The job of a target is its pod's name label, so a rule about pricing-web finds both colours."""
    with open(CONFIGURATION, encoding="utf-8") as file:
        jobs = {j["job_name"]: j for j in yaml.safe_load(file)["scrape_configs"]}
    assert {"blackbox-public", "blackbox-ready"} <= set(jobs)
    targets = {r.get("target_label"): r["source_labels"] for r in jobs["pods"]["relabel_configs"] if "target_label" in r}
    assert targets["job"] == ["__meta_kubernetes_pod_label_app_kubernetes_io_name"]
    assert {"job", "namespace", "pod", "colour", "purpose"} == set(targets)
    for folder in ("pricing-agent", "pricing-agent-staging"):
        tree = lint_deploy.load(os.path.join(lint_deploy.K8S, "overlays", folder))
        scraped = {w.labels["app.kubernetes.io/name"] for w in tree.workloads if {"probe", "metrics"} & {n for n, _ in w.ports()}
                   and w.labels.get("app.kubernetes.io/part-of") == "pricing-agent"}
        assert scraped == {"pricing-web", "pricing-ml", "pricing-worker", "pricing-beat", "pricing-postgres", "pricing-redis",
                           "pricing-redis-cache"}, scraped
