"""A real Prometheus that scrapes a stack every second and evaluates ops/prometheus/alerts.yml, without its waits."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ops.embedded.child import Program
from ops.ports import free_ports
from ops.probes import get
from tests.support.pages import ROOT
from tests.support.processes.servers import Server
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

RULES = ROOT / "ops" / "prometheus" / "alerts.yml"
EVERY = "1s"


class PrometheusServer(Server):
    def __init__(self, folder: Path, stack: Stack) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{port}"
        program = shutil.which("prometheus")
        assert program is not None, "the tests need Prometheus: apt-get update && apt-get install --yes prometheus"
        (folder / "alerts.yml").write_text(impatient(RULES.read_text()))
        (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration(stack.metrics_targets)))
        words = (
            program,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=warn",
        )
        super().__init__(
            Program("prometheus", words, {}, folder, folder / "prometheus.log"),
            lambda: get(f"{self.url}/-/ready").status == 200,
        )

    def firing(self) -> set[str]:
        """The names of the alerts that fire now."""
        body: Any = get(f"{self.url}/api/v1/alerts").body
        return {one["labels"]["alertname"] for one in body["data"]["alerts"] if one["state"] == "firing"}

    def wait_firing(self, *alerts: str, within_s: float = 120.0) -> None:
        wait_until(lambda: set(alerts) <= self.firing(), f"{', '.join(alerts)} fire", within_s)

    def wait_scraped(self) -> None:
        """Until every target has answered."""

        def all_are_up() -> bool:
            body: Any = get(f"{self.url}/api/v1/targets").body
            return all(one["health"] == "up" for one in body["data"]["activeTargets"])

        wait_until(all_are_up, "Prometheus has scraped every process")


def impatient(rules: str) -> str:
    """The rules as they are, but that each fires at once, and rates look back a minute only."""
    assert re.search(r"^        for: ", rules, re.MULTILINE)
    return re.sub(r"\[(5|15)m\]", "[1m]", re.sub(r"^        for: \w+$", "        for: 0s", rules, flags=re.MULTILINE))


def configuration(targets: Mapping[str, str]) -> dict[str, Any]:
    groups = [
        {"targets": [address], "labels": {"process": instance.rsplit("-", 1)[0]}}
        for instance, address in sorted(targets.items())
    ]
    return {
        "global": {"scrape_interval": EVERY, "scrape_timeout": EVERY, "evaluation_interval": EVERY},
        "rule_files": ["alerts.yml"],
        "scrape_configs": [{"job_name": "holdfast", "static_configs": groups}],
    }
