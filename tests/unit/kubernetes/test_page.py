"""What docs/operations.md prints under "Kubernetes" fits what is there; the command that makes a trial's secrets is run."""

from __future__ import annotations

import base64
import itertools
import re
import shlex
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import yaml

from core.configuration.secret_settings import FILE
from core.configuration.values import PLACEHOLDER
from core.settings import from_environment, owner_database_url
from ops.processes import APPLICATION, LANES
from tests.support.pages import ROOT, sections
from tests.support.processes.kubernetes import (
    KUBECTL,
    MANAGED,
    TRIAL,
    config_map,
    container_of,
    environment_of,
    named,
    of_kind,
    secrets_of,
    workloads,
)

PAGE = sections((ROOT / "docs" / "operations.md").read_text())["Kubernetes"]
COMMANDS = [line for block in re.findall(r"```bash\n(.+?)```", PAGE, re.DOTALL) for line in block.splitlines()]
DEPTH = {"create": 3, "rollout": 2}
"""How many words name a command, where it is not one."""
KINDS = {"deployment": "Deployment", "job": "Job", "service": "Service"}


def words(command: str) -> list[str]:
    return shlex.split(command, comments=True)


def paths() -> Iterator[str]:
    for command in map(words, COMMANDS):
        yield from (value for name, value in itertools.pairwise(command) if name in {"--filename", "--kustomize"})


def test_what_is_applied_is_there() -> None:
    applied = set(paths())
    assert {f"ops/kubernetes/overlays/{one}" for one in (MANAGED, TRIAL)} <= applied
    assert all((ROOT / path).exists() for path in applied)


def test_what_is_waited_for_and_opened_is_there() -> None:
    for kind, name in re.findall(r"\b(deployment|job|service)/([a-z-]+)", "\n".join(COMMANDS)):
        assert named(MANAGED, KINDS[kind], name)
    port = named(TRIAL, "Service", "front-door")["spec"]["ports"][0]["port"]
    assert config_map(TRIAL, "settings")["HOLDFAST_PUBLIC_URL"] == f"http://localhost:{port}"
    assert f"port-forward service/front-door {port}" in "\n".join(COMMANDS)


def test_kubectl_knows_every_command_and_option() -> None:
    """Its help says so, without a cluster."""
    everywhere = _help("options")
    printed = [line.rpartition("| ")[2] for line in COMMANDS if "kubectl" in line]
    assert len(printed) > 10
    for command in printed:
        _, *said = words(command.replace("--namespace holdfast ", ""))
        verbs = said[: DEPTH.get(said[0], 1)]
        known = _help(*verbs, "--help") + everywhere
        options = {word.partition("=")[0] for word in said if word.startswith("--") and word != "--"}
        assert {option for option in options if f"{option}=" not in known} == set(), command


@cache
def _help(*asked: str) -> str:
    return subprocess.run([KUBECTL, *asked], capture_output=True, text=True, check=True).stdout


def test_the_trials_secrets_are_made_as_printed(tmp_path: Path) -> None:
    """The printed line, with a kubectl that prints the Secret instead of sending it."""
    (line,) = [one for one in COMMANDS if "secrets.env.example |" in one]
    (tmp_path / "kubectl").write_text(
        f'#!/bin/sh\nexec {shlex.quote(str(KUBECTL))} "$@" --dry-run=client --output=yaml\n'
    )
    (tmp_path / "kubectl").chmod(0o755)
    made = subprocess.run(
        ["bash", "-c", f"PATH={shlex.quote(str(tmp_path))}:$PATH; {line}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    secret = yaml.safe_load(made.stdout)
    values = {name: base64.b64decode(value).decode() for name, value in secret["data"].items()}
    mounted = {key for one in workloads(TRIAL) for key in secrets_of(one)}
    assert set(values) == mounted
    assert not any(PLACEHOLDER in value for value in values.values())
    assert len({values["POSTGRES_PASSWORD"], values["VALKEY_PASSWORD"], values["HOLDFAST_SECRET_KEY"]}) == 3
    assert values["POSTGRES_PASSWORD"] in values["HOLDFAST_OWNER_DATABASE_URL"]
    assert values["POSTGRES_PASSWORD"] not in values["DATABASE_URL"]
    assert values["VALKEY_PASSWORD"] in values["REDIS_URL"]
    assert owner_database_url(values)
    for process in APPLICATION:
        environment = environment_of(TRIAL, container_of(named(TRIAL, "Deployment", process.name)))
        plain = {name: value for name, value in environment.items() if not name.endswith(FILE)}
        assert from_environment({**plain, **{name: values[name] for name in process.secrets}}, process.secrets)


def test_the_page_says_how_lanes_are_scaled() -> None:
    (scaled,) = of_kind(MANAGED, "ScaledObject")
    spec = scaled["spec"]
    (trigger,) = spec["triggers"]
    assert trigger["metadata"]["targetQueryValue"] == "2"
    assert "Above two seconds" in PAGE
    assert f"fewer than {spec['minReplicaCount']} (`minReplicaCount`)" in PAGE
    assert f"more than {spec['maxReplicaCount']} (`maxReplicaCount`)" in PAGE
    assert f"every {spec['pollingInterval']} seconds" in PAGE
    assert spec["minReplicaCount"] >= LANES.count
    for one in of_kind(MANAGED, "HorizontalPodAutoscaler"):
        assert f"between {one['spec']['minReplicas']} and {one['spec']['maxReplicas']} each" in PAGE
