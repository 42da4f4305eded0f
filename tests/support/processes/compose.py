"""docker-compose.yml as a value: read, with its variables filled in as Compose does."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from core.release import VERSION
from tests.support.processes.deployed import Deployed

ROOT = Path(__file__).parents[3]
_VARIABLE = re.compile(r"\$\$|\$\{(?P<name>[A-Z_]+)(?:(?P<sign>:-|:\?|:\+)(?P<rest>[^}]*))?\}")
SECRETS_SCRIPT = Path("ops/compose/secrets.sh")
MOUNTED = "/run/secrets/"

FILLED = {"HOLDFAST_PUBLIC_URL": "https://booking.example.com", "HOLDFAST_VERSION": VERSION}
"""A filled-in .env: what compose refuses to start without."""
WITH_FLOWER = {**FILLED, "HOLDFAST_FLOWER": "1"}
PASSWORDS = {
    "POSTGRES_PASSWORD": "a-password-of-the-tests",
    "HOLDFAST_DATABASE_PASSWORD": "a-database-password-of-the-tests",
    "VALKEY_PASSWORD": "another-password-of-the-tests",
    "HOLDFAST_SECRET_KEY": "a-secret-of-the-tests-that-guards-nothing",
    "HOLDFAST_FLOWER_PASSWORD": "a-flower-of-the-tests",
}
"""As an .env of an earlier release has them; without it they are random."""


class MissingVariable(Exception):  # noqa: N818 - what Compose reports
    pass


def load(variables: Mapping[str, str] = FILLED) -> dict[str, Any]:
    """The file's content. Raises MissingVariable for a `:?` without a value."""
    raw = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    filled: dict[str, Any] = _filled(raw, variables)
    return filled


def make_secrets(checkout: Path, dot_env: str = "") -> subprocess.CompletedProcess[str]:
    """Run the script that makes them, in a folder that stands for the checkout."""
    script = checkout / SECRETS_SCRIPT
    script.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / SECRETS_SCRIPT, script)
    if dot_env:
        (checkout / ".env").write_text(dot_env)
    argv = ["sh", str(SECRETS_SCRIPT)]
    return subprocess.run(argv, cwd=checkout, capture_output=True, text=True, timeout=60, check=False)


def secrets_of(service: Mapping[str, Any], secrets: Mapping[str, Any], checkout: Path) -> dict[str, Path]:
    """Where the files of its secrets lie, by their paths in its container."""
    return {MOUNTED + name: checkout / secrets[name]["file"] for name in service.get("secrets", [])}


def copied_into_the_image() -> list[str]:
    """The folders of this checkout that the Dockerfile copies."""
    copied = re.findall(r"^COPY (\w+) \w+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert copied
    return copied


def deployed(service: Mapping[str, Any]) -> Deployed:
    """A service in the shape that every deployment is compared in."""
    return Deployed(
        command=tuple(service["command"]),
        environment=environment_of(service),
        ports=tuple(int(port) for port in service.get("expose", [])),
        checks=frozenset({tuple(service["healthcheck"]["test"][1:])}),
        stop_timeout_s=float(service["stop_grace_period"].removesuffix("s")),
    )


def environment_of(service: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in service.get("environment", {}).items()}


def bytes_of(size: str) -> int:
    """`512m` as Docker reads it."""
    unit = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}[size[-1]]
    return int(size[:-1]) * unit


def _filled(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(one, variables) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, variables) for one in value]
    return _interpolated(value, variables) if isinstance(value, str) else value


def _interpolated(text: str, variables: Mapping[str, str]) -> str:
    def value_of(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        value = variables.get(match["name"], "")
        if value and match["sign"] == ":+":
            return match["rest"]
        if value or match["sign"] is None:
            return value
        if match["sign"] == ":+":
            return ""
        if match["sign"] == ":?":
            raise MissingVariable(match["name"])
        return match["rest"]

    return _VARIABLE.sub(value_of, text)
