"""Alert rules, the dashboard and Prometheus' configuration: valid, about metrics that exist, and each alert explained."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from core.metrics.definitions import ALL
from ops.processes import APPLICATION, METRICS_PORT
from tests.support.metrics import names_in_expression, rules
from tests.support.pages import ROOT

FOLDER = ROOT / "ops" / "prometheus"
CASES = Path(__file__).with_name("alert_cases.yml")
DASHBOARD = ROOT / "ops" / "grafana" / "dashboards" / "holdfast.json"
RULES = rules()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
METRICS = {metric.name: metric for metric in ALL}
EACH = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
_SELECTOR = re.compile(r"(\bholdfast_\w+)\{([^}]*)\}")


def promtool(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *words], cwd=FOLDER, capture_output=True, text=True, check=False)


def test_promtool_accepts_configuration_and_rules() -> None:
    checked = promtool("check", "config", "prometheus.yml")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_promtool_accepts_the_configuration_for_kubernetes(tmp_path: Path) -> None:
    """Debian builds it without Kubernetes' discovery, so a list of targets stands in its place."""
    told = yaml.safe_load((FOLDER / "kubernetes.yml").read_text())
    (job,) = told["scrape_configs"]
    assert job.pop("kubernetes_sd_configs") == [{"role": "pod", "namespaces": {"names": ["holdfast"]}}]
    job["static_configs"] = [{"targets": ["127.0.0.1:9464"]}]
    told["rule_files"] = [str(FOLDER / name) for name in told["rule_files"]]
    (tmp_path / "kubernetes.yml").write_text(yaml.safe_dump(told))
    checked = promtool("check", "config", str(tmp_path / "kubernetes.yml"))
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_both_configurations_give_a_process_the_label_that_the_rules_ask_for() -> None:
    for name in ("prometheus.yml", "kubernetes.yml"):
        (job,) = yaml.safe_load((FOLDER / name).read_text())["scrape_configs"]
        assert job["job_name"] == "holdfast"
        assert "process" in {one.get("target_label") for one in job["relabel_configs"]}


def test_the_rules_fire_and_stay_silent_as_the_cases_say() -> None:
    checked = promtool("test", "rules", str(CASES))
    assert checked.returncode == 0, checked.stdout + checked.stderr


@EACH
def test_a_rule_has_cases_in_which_it_fires_and_in_which_it_does_not(rule: dict[str, Any]) -> None:
    tests = [case for one in yaml.safe_load(CASES.read_text())["tests"] for case in one["alert_rule_test"]]
    fires = {bool(case.get("exp_alerts")) for case in tests if case["alertname"] == rule["alert"]}
    assert fires == {True, False}


@EACH
def test_an_alert_is_explained_where_it_links_to(rule: dict[str, Any]) -> None:
    name = rule["alert"]
    assert rule["annotations"]["runbook"] == f"docs/operations.md#{name.lower()}"
    _, found, text = OPERATIONS.partition(f"\n### {name}\n")
    assert found
    assert len(text.split("\n### ")[0].split()) > 10, "what it means, and what to do"
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["summary"]


def test_no_explanation_is_left_of_a_rule_that_is_gone() -> None:
    assert set(re.findall(r"^### (Holdfast\w+)$", OPERATIONS, re.MULTILINE)) == {rule["alert"] for rule in RULES}


@EACH
def test_a_rule_is_about_metrics_and_labels_that_exist(rule: dict[str, Any]) -> None:
    check_expression(rule["expr"])


def expressions() -> Iterator[str]:
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"]


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_a_panel_is_about_metrics_and_labels_that_exist(expression: str) -> None:
    assert names_in_expression(expression) or "up{" in expression
    check_expression(expression)


def test_the_dashboard_shows_every_metric() -> None:
    shown = {name for expression in expressions() for name in names_in_expression(expression)}
    assert set(METRICS) - shown == set()


def test_an_expression_about_an_unknown_metric_is_found() -> None:
    with pytest.raises(AssertionError):
        check_expression("max(holdfast_lane_lags_seconds)")
    with pytest.raises(AssertionError):
        check_expression('holdfast_holds{status="lapsed"}')


def check_expression(expression: str) -> None:
    """PromQL that names only metrics that are defined, with labels that they have."""
    assert names_in_expression(expression) <= set(METRICS)
    for name, matchers in _SELECTOR.findall(expression):
        (base,) = names_in_expression(name)
        labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
        assert labels <= {*METRICS[base].labels, "job", "process", "instance"}


def test_prometheus_scrapes_every_process_that_serves_metrics() -> None:
    (job,) = yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"]
    (found,) = job["dns_sd_configs"]
    assert sorted(found["names"]) == sorted(process.name for process in APPLICATION if process.has_metrics)
    assert found["port"] == METRICS_PORT
