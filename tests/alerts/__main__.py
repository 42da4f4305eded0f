"""`python -m tests.alerts`: fires every alert, one cause after another; ends with 1 if one does not fire."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import yaml

from tests.alerts.causes import CAUSES, Cause
from tests.alerts.scene import Scene, scene
from tests.support.processes.prometheus import RULES
from tests.support.wait import wait_until

CALM_WITHIN_S = 120.0
"""Rates look back one minute."""


def main() -> int:
    options = _options()
    wanted = {one for one in options.only.split(",") if one}
    rules = {rule["alert"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]}
    caused = {alert for alerts, _ in CAUSES for alert in alerts}
    if caused != rules or not wanted <= rules:
        print(f"no cause, or no rule: {sorted((caused ^ rules) | (wanted - rules))}")
        return 1
    with TemporaryDirectory(prefix="holdfast-alerts-") as name, scene(Path(name)) as whole:
        return _fire_all(whole, wanted or rules)


def _fire_all(whole: Scene, wanted: set[str]) -> int:
    silent: list[str] = []
    for alerts, cause in CAUSES:
        if wanted & set(alerts):
            _calm(whole, set(alerts))
            silent += _fire(whole, alerts, cause)
    print(
        f"{len(silent)} of {len(wanted)} alerts stayed silent" if silent else f"{len(wanted)} alerts fired", flush=True
    )
    return 1 if silent else 0


def _calm(whole: Scene, alerts: set[str]) -> None:
    """What is about to fire does not fire yet."""
    wait_until(lambda: not alerts & whole.prometheus.firing(), f"{sorted(alerts)} are silent", CALM_WITHIN_S)


def _fire(whole: Scene, alerts: tuple[str, ...], cause: Cause) -> list[str]:
    began = time.monotonic()
    try:
        with cause(whole):
            whole.prometheus.wait_firing(*alerts)
            beside = sorted(whole.prometheus.firing() - set(alerts))
            seconds = time.monotonic() - began
    except (AssertionError, TimeoutError, httpx.HTTPError) as problem:
        print(f"{', '.join(alerts)}: {problem}\n{whole.stack.logs()}", flush=True)
        return list(alerts)
    words = f" (and {', '.join(beside)})" if beside else ""
    print(f"{', '.join(alerts):<48} {cause.__name__.replace('_', ' '):<40} {seconds:5.1f} s{words}", flush=True)
    return []


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.alerts", description=__doc__)
    parser.add_argument("--only", default="", help="names of alerts, separated by commas; else all of them")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
