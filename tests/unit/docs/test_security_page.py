"""SECURITY.md names every secret that a setting holds, and points at what is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import FIGURE

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "SECURITY.md").read_text()
SETTINGS = (ROOT / "core" / "settings.py").read_text()
NAMES = sorted(set(re.findall(r'"((?:HOLDFAST_|STRIPE_|OTEL_)?[A-Z][A-Z_]*)"', SETTINGS)))
PREFIXES = re.findall(r'_oauth_client\(env, "(\w+)"', SETTINGS)
_SECRET = re.compile(r"SECRET|PASSWORD|KEY|TOKEN|^DATABASE_URL$|_DATABASE_URL$|^REDIS_URL$|SMTP_URL$|OTLP_HEADERS$")
SECRETS = [*(name for name in NAMES if _SECRET.search(name)), *(f"{prefix}_CLIENT_SECRET" for prefix in PREFIXES)]


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_named_with_how_to_change_it(name: str) -> None:
    part = PAGE.partition("## Change a secret")[2]
    assert f"`{name}`" in part


def test_the_secrets_are_found(record_property: Any) -> None:
    known = {"HOLDFAST_SECRET_KEY", "DATABASE_URL", "REDIS_URL", "STRIPE_WEBHOOK_SECRET", "HOLDFAST_SMTP_URL"}
    assert known | {"HOLDFAST_GOOGLE_CLIENT_SECRET", "HOLDFAST_FLOWER_PASSWORD"} <= set(SECRETS)
    record_property(FIGURE, f"{len(SECRETS)} settings with secrets are named in SECURITY.md")


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:docs|core|api)/[\w/.-]+)`", PAGE))))
def test_what_the_page_points_at_is_there(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("table", sorted(set(re.findall(r"^\| [^|]+ \| ((?:`\w+`(?:, )?)+) \|", PAGE, re.MULTILINE))))
def test_the_tables_of_privacy_are_there(table: str) -> None:
    made = "".join(one.read_text() for one in (ROOT / "core/store/migrations/versions").glob("*.py"))
    assert [name for name in re.findall(r"`(\w+)`", table) if f"CREATE TABLE {name} (" not in made] == []
