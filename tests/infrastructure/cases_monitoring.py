"""Monitoring: rules, alerts, their runbooks and tests, routes, dashboards; all of it speaks of metrics that exist."""
import contextlib
import glob
import os
import re
import subprocess
import sys
import tempfile

import yaml

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from monitoring_table import (MONITORING, REPOSITORY, Table, dashboard_queries, dashboards,  # noqa: E402
                              named, panels, read_yaml, rule_files, rules)

TESTS = os.path.join(REPOSITORY, "tests/infrastructure/monitoring")
RUNBOOKS = os.path.join(REPOSITORY, "docs/runbooks")
PROMETHEUS = os.path.join(MONITORING, "prometheus/prometheus.yml")
ALERTMANAGER = os.path.join(MONITORING, "alertmanager/alertmanager.yml")
LOKI_FILES = ("**/loki*.yml", "**/loki*.yaml")
POD_NAME_LABEL = "__meta_kubernetes_pod_label_app_kubernetes_io_name"


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


def alerts():
    return {(rule["alert"], rule["labels"].get("burn_rate"), rule["labels"].get("slo")): rule
            for _, rule in rules() if "alert" in rule}


def infrastructure_files(*patterns):
    folder = os.path.join(REPOSITORY, "infrastructure")
    return sorted({path for p in patterns for path in glob.glob(os.path.join(folder, p), recursive=True)})


# --- Prometheus -------------------------------------------------------------------------------------------------------
def test_prometheus_takes_its_configuration(stage):
    assert "SUCCESS" in run("promtool", "check", "config", PROMETHEUS)


def prometheus_files():
    """Every configuration of Prometheus in the tree: for compose here, for a cluster in infrastructure/k8s."""
    found = [p for p in infrastructure_files("**/*.yml", "**/*.yaml")
             if re.search(r"^scrape_configs:", open(p, encoding="utf-8").read(), re.M)]
    return [p for p in found if "promtail" not in p]


def test_prometheus_reads_every_rule_file(stage):
    """A folder of rules that nobody reads looks the same as one without trouble."""
    folder = os.path.dirname(PROMETHEUS)
    patterns = read_yaml(PROMETHEUS)["rule_files"]
    read = {path for pattern in patterns for path in glob.glob(os.path.join(folder, pattern))}
    assert read == set(rule_files()), read ^ set(rule_files())
    kustomization = read_yaml(os.path.join(MONITORING, "kustomization.yaml"))
    maps = {m["name"]: m["files"] for m in kustomization["configMapGenerator"]}
    assert sorted(maps["prometheus-rules"]) == [os.path.relpath(p, MONITORING) for p in rule_files()]
    assert sorted(maps["grafana-dashboards"]) == sorted(f"grafana/dashboards/{name}" for name, _ in dashboards())
    for files in maps.values():
        for file in files:
            assert os.path.isfile(os.path.join(MONITORING, file)), file
    for path in prometheus_files():
        assert any(p.endswith("rules/*.yml") for p in read_yaml(path)["rule_files"]), path


def test_the_jobs_that_rules_name_are_scraped(stage):
    """In each configuration; a cluster names its jobs after the label of the pods."""
    wanted = {m for _, rule in rules() for m in re.findall(r'(?<![a-z])job="([^"]+)"', rule["expr"])}
    assert wanted >= {"pricing-web", "pricing-ml", "pricing-worker", "pricing-beat", "prometheus"}, wanted
    for path in prometheus_files():
        jobs = read_yaml(path)["scrape_configs"]
        have = {job["job_name"] for job in jobs}
        by_label = any(step.get("target_label") == "job" and step["source_labels"] == [POD_NAME_LABEL]
                       for job in jobs for step in job.get("relabel_configs", []))
        missing = {j for j in wanted - have if not (by_label and not j.startswith("blackbox"))}
        assert not missing, (path, missing)


def test_measurements_are_kept_as_long_as_the_budget_counts(stage):
    days = int(read_yaml(os.path.join(REPOSITORY, "infrastructure/slo.yml"))["period"].rstrip("d"))
    files = infrastructure_files("**/*.yml", "**/*.yaml") + glob.glob(os.path.join(REPOSITORY, "docker-compose*.yml"))
    for path in files:
        text = open(path, encoding="utf-8").read()
        for kept in re.findall(r"^[^#\n]*storage\.tsdb\.retention\.time=(\d+)d", text, re.M):
            assert int(kept) > days, f"{path}: Prometheus keeps {kept} days, the budget counts over {days}"


def test_rules_pass_their_unit_tests(stage):
    tests = sorted(glob.glob(os.path.join(TESTS, "*.test.yml")))
    tested = {os.path.basename(f) for t in tests for f in read_yaml(t)["rule_files"]}
    assert tested == {os.path.basename(p) for p in rule_files()}, "a rule file without tests"
    run("promtool", "test", "rules", *tests)


def alert_tests():
    """{(alert, burn rate, slo): [labels of the alerts expected to fire, of each look]}"""
    out = {}
    for path in glob.glob(os.path.join(TESTS, "*.test.yml")):
        for case in read_yaml(path)["tests"]:
            for look in case["promql_expr_test"]:
                found = re.match(r'ALERTS\{alertname="(\w+)",alertstate="firing"(?:,burn_rate="([\d.]+)")?\}$',
                                 look["expr"])
                if found:
                    slo = case["name"].split(",")[0] if found[2] else None
                    expected = [dict(re.findall(r'(\w+)="([^"]*)"', s["labels"])) for s in look.get("exp_samples", [])]
                    out.setdefault((found[1], found[2], slo), []).append(expected)
    return out


def test_every_alert_has_a_firing_and_a_silent_test(stage):
    tests = alert_tests()
    for key, rule in alerts().items():
        looks = tests.get(key, [])
        assert any(looks), f"{key} is never seen firing"
        assert any(not expected for expected in looks), f"{key} is never seen silent"
        # A text about a label that the alert does not have reads "about  for".
        used = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))
        for expected in looks:
            for labels in expected:
                assert used <= set(labels), f"{key}: the text names {used - set(labels)}, which the alert does not have"


def test_every_alert_has_a_severity_a_text_and_a_runbook(stage):
    names = {rule["alert"] for rule in alerts().values()}
    for rule in alerts().values():
        name = rule["alert"]
        assert rule["labels"]["severity"] in ("page", "ticket") or name == "Watchdog", name
        assert rule["labels"]["service"] and rule["annotations"]["summary"] and rule["annotations"]["description"], name
        assert rule["annotations"]["runbook"] == f"docs/runbooks/{name}.md", name
        text = open(os.path.join(REPOSITORY, rule["annotations"]["runbook"]), encoding="utf-8").read()
        assert text.startswith(f"# {name}\n"), name
        for part in ("**Means.**", "**Look.**", "**Do.**"):
            assert part in text, f"{name}: no {part}"
        for link in re.findall(r"docs/runbooks/(\w+)\.md", text):
            assert link in names, f"{name} refers to {link}"
    kept = {os.path.basename(p)[:-3] for p in glob.glob(os.path.join(RUNBOOKS, "*.md"))} - {"README"}
    assert kept == names, f"runbooks without an alert: {kept - names}"


# --- SLO --------------------------------------------------------------------------------------------------------------
def generate_slo(*arguments):
    return subprocess.run([sys.executable, os.path.join(REPOSITORY, "scripts/generate_slo.py"), *arguments],
                          capture_output=True, text=True, timeout=60)


def test_the_slo_rules_are_those_of_the_source(stage):
    done = generate_slo("--check")
    assert done.returncode == 0, done.stderr


def test_a_changed_objective_is_noticed_and_reaches_every_rule(stage):
    source = read_yaml(os.path.join(REPOSITORY, "infrastructure/slo.yml"))
    source["slos"][0]["objective"] = 0.995
    with changed(source) as (path, out):
        assert generate_slo("--check", "--source", path).returncode == 1
        assert generate_slo("--source", path, "--out", out).returncode == 0
        made = [r["expr"] for g in read_yaml(out)["groups"] for r in g["rules"] if r["labels"]["slo"] == "availability"]
    assert any("> 0.072 " in e for e in made) and not any("0.0144" in e for e in made), made


def test_a_wrong_slo_file_is_refused_with_a_reason(stage):
    good = read_yaml(os.path.join(REPOSITORY, "infrastructure/slo.yml"))
    mistakes = ((lambda s: s["slos"][0].update(objective=99.9), "share"),
                (lambda s: s["slos"][0].update(objective=0.9), "more than all"),
                (lambda s: s["slos"][0].pop("bad"), "bad"),
                (lambda s: s["slos"][1].update(name="availability"), "unique"),
                (lambda s: s["burn_rates"][0].update(short="2h"), "short window"),
                (lambda s: s["burn_rates"][0].update(long="an hour"), "duration"),
                (lambda s: s.pop("period"), "period"))
    for change, reason in mistakes:
        source = yaml.safe_load(yaml.safe_dump(good))
        change(source)
        with changed(source) as (path, out):
            done = generate_slo("--source", path, "--out", out)
            assert done.returncode == 2 and reason in done.stderr, (reason, done.stderr)
            assert "Traceback" not in done.stderr, done.stderr
            assert not os.path.exists(out)


@contextlib.contextmanager
def changed(source):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "slo.yml")
        with open(path, "w", encoding="utf-8") as file:
            yaml.safe_dump(source, file)
        yield path, os.path.join(folder, "rules.yml")


def test_the_promised_burn_rates_are_there(stage):
    source = read_yaml(os.path.join(REPOSITORY, "infrastructure/slo.yml"))
    assert [b["factor"] for b in source["burn_rates"]] == [14.4, 6, 3, 1]
    assert {s["name"]: s["objective"] for s in source["slos"]}["availability"] == 0.999


# --- Alertmanager -----------------------------------------------------------------------------------------------------
def test_alertmanager_takes_its_configuration(stage):
    assert "SUCCESS" in run("amtool", "check-config", ALERTMANAGER)


def test_alerts_reach_whom_they_shall(stage):
    for labels, receivers in ((["severity=page", "namespace=pricing-agent"], "on-call,slack"),
                              (["severity=page"], "on-call,slack"),
                              (["severity=ticket", "namespace=pricing-agent"], "slack"),
                              (["severity=page", "namespace=pricing-agent-staging"], "slack"),
                              (["alertname=Watchdog", "severity=none"], "heartbeat")):
        run("amtool", "config", "routes", "test", "--config.file", ALERTMANAGER, f"--verify.receivers={receivers}",
            *labels)


def test_alertmanager_holds_no_secret(stage):
    content = read_yaml(ALERTMANAGER)
    assert content["global"]["slack_api_url_file"].startswith("/etc/alertmanager/secrets/")
    text = yaml.safe_dump(content)
    for inline in ("slack_api_url:", "api_url:", "routing_key:", "service_key:", "credentials:", "password:"):
        assert not re.search(rf"\b{inline}", text), inline


def test_inhibition_names_alerts_that_exist(stage):
    names = {rule["alert"] for rule in alerts().values()}
    for rule in read_yaml(ALERTMANAGER)["inhibit_rules"]:
        for matcher in rule["source_matchers"] + rule["target_matchers"]:
            found = re.fullmatch(r'alertname=~?"(.+)"', matcher)
            for pattern in found[1].split("|") if found else []:
                assert any(re.fullmatch(pattern, name) for name in names), pattern


# --- Loki and agents --------------------------------------------------------------------------------------------------
def test_retention_of_logs_is_on(stage):
    files = [p for p in infrastructure_files(*LOKI_FILES) if "schema_config" in open(p, encoding="utf-8").read()]
    assert files
    for path in files:
        content = read_yaml(path)
        compactor, limits = content["compactor"], content["limits_config"]
        assert compactor["retention_enabled"] is True, path
        assert compactor["delete_request_store"] == content["schema_config"]["configs"][-1]["object_store"], path
        assert compactor["working_directory"].startswith("/"), path
        assert re.fullmatch(r"\d+h", limits["retention_period"]) and int(limits["retention_period"][:-1]) >= 24, path
        # Only an index of 24 hours can be compacted, and only what is compacted can be deleted.
        assert all(c["index"]["period"] == "24h" for c in content["schema_config"]["configs"]), path


def test_agents_send_to_loki_and_keep_labels_few(stage):
    for path in infrastructure_files("**/*.alloy"):
        text = open(path, encoding="utf-8").read()
        assert text.count("{") == text.count("}") and "http://loki:3100/loki/api/v1/push" in text, path
        assert not re.search(r"(request_id|organization|user)\s*=", text), f"{path}: a label of many values"
    promtail = read_yaml(os.path.join(MONITORING, "promtail/promtail.yml"))
    assert promtail["clients"][0]["url"] == "http://loki:3100/loki/api/v1/push"


# --- dashboards -------------------------------------------------------------------------------------------------------
def test_dashboards_can_be_provisioned(stage):
    """Grafana's file provider wants the dashboard itself, not the {"dashboard": …} of its HTTP interface."""
    provisioning = os.path.join(MONITORING, "grafana/provisioning")
    listed = read_yaml(os.path.join(provisioning, "datasources/datasources.yml"))["datasources"]
    sources = {s["uid"]: s["type"] for s in listed}
    provider = read_yaml(os.path.join(provisioning, "dashboards/dashboards.yml"))["providers"][0]
    assert provider["type"] == "file" and provider["options"]["path"].startswith("/")
    seen = {}
    for name, dashboard in dashboards():
        assert "dashboard" not in dashboard and "__inputs" not in dashboard and dashboard.get("id") is None, name
        assert dashboard["title"] and dashboard["schemaVersion"] >= 36 and dashboard["panels"], name
        assert re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", dashboard["uid"]) and dashboard["uid"] not in seen, name
        seen[dashboard["uid"]] = dashboard["title"]
        ids = [p["id"] for p in panels(dashboard)]
        assert len(set(ids)) == len(ids), f"{name}: two panels with one id"
        for panel in panels(dashboard):
            if panel["type"] == "row":
                continue
            assert panel["title"] and panel["targets"], (name, panel["id"])
            for target in panel["targets"] + [panel] if panel["type"] != "logs" else panel["targets"]:
                assert sources.get(target["datasource"]["uid"]) == target["datasource"]["type"], (name, panel["title"])
            box = panel["gridPos"]
            assert box["x"] + box["w"] <= 24, (name, panel["title"])
    assert set(seen.values()) == {"Overview", "ML Service", "Infrastructure"}
    for name, dashboard in dashboards():
        for link in dashboard["links"]:
            assert link["url"].removeprefix("/d/") in seen, (name, link["url"])


def test_panels_do_not_overlap(stage):
    for name, dashboard in dashboards():
        taken = set()
        for panel in dashboard["panels"]:
            box = panel["gridPos"]
            cells = {(x, y) for x in range(box["x"], box["x"] + box["w"]) for y in range(box["y"], box["y"] + box["h"])}
            assert not cells & taken, (name, panel["title"])
            taken |= cells


# --- every metric exists ----------------------------------------------------------------------------------------------
def expressions():
    for file, rule in rules():
        yield f"{file}: {rule.get('alert') or rule['record']}", rule["expr"]
    for name, dashboard in dashboards():
        for title, expression in dashboard_queries(dashboard):
            yield f"{name}: {title}", expression


def recorded():
    """{name: labels} of recording rules: what they group by, what they add, what goes through."""
    out = {}
    for _, rule in rules():
        if "record" in rule:
            _, grouped = named(rule["expr"])
            out.setdefault(rule["record"], set()).update(grouped | set(rule.get("labels", {})))
    for name in out:
        if name.startswith("slo:") or name == "job:http_errors:ratio5m":
            out[name] |= {"namespace"} | ({"job"} if name.startswith("job:") else set())
    return out


def test_every_metric_and_label_is_known(stage):
    table, made, used = Table(), recorded(), set()
    for where, expression in expressions():
        metrics, grouped = named(expression)
        possible = set(table.target_labels)
        for series, selected in metrics.items():
            if ":" in series:
                assert series in made, f"{where}: nobody records {series}"
                labels = made[series]
            else:
                found = table.find(series)
                assert found, f"{where}: nobody exports {series}, see infrastructure/monitoring/metrics.yml"
                used.add(found[1])
                labels = found[3]
            known = labels | table.target_labels
            assert selected <= known, f"{where}: {series} has no label {selected - known}"
            possible |= labels
        assert grouped <= possible, f"{where}: nothing there has the label {grouped - possible}"
    assert not set(table.sources) - used, f"in metrics.yml, used by nobody: {set(table.sources) - used}"


def test_our_metrics_are_those_of_the_sources(stage):
    """The table against the names in the code, so that a renamed metric fails here and not at night."""
    text = "".join(open(p, encoding="utf-8").read() for folder in ("src", "apps")
                   for p in glob.glob(os.path.join(REPOSITORY, folder, "**/*.cpp"), recursive=True))
    code = set(re.findall(r'"(pricing_[a-z0-9_]+)"', text))
    for who, metrics in Table().processes.items():
        for name in metrics:
            assert name in code, f"{who}: no source registers {name}"
            for label in metrics[name].get("labels", []):
                assert f'{{"{label}", ' in text, f"{name}: no source sets the label {label}"


def test_the_reader_of_promql_finds_names(stage):
    """What the checks above rest on."""
    metrics, grouped = named('sum by (job, le) (rate(a_bucket{x="y{z",job=~"b"}[5m])) / on (job) group_left (v) c > bool 0.5'
                             ' or d offset 5m')
    assert metrics == {"a_bucket": {"x", "job"}, "c": set(), "d": set()}, metrics
    assert grouped == {"job", "le", "v"}, grouped
    metrics, grouped = named("topk(10, max without (cpu) (e{f!='g'})) unless on (h) i:j:k # l")
    assert metrics == {"e": {"f"}, "i:j:k": set()} and grouped == {"cpu", "h"}, (metrics, grouped)
