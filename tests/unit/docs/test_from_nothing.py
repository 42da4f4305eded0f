"""README.md's ways to start Holdfast name what is really there, where a test cannot start them."""

from __future__ import annotations

import re
import shlex

import pytest

from core.configuration.secret_settings import EVERY
from core.settings import SettingsError, from_environment
from ops.cli import application
from ops.cli.records.configuration import OF_OTHERS
from ops.processes import APPLICATION, FLOWER, OPTIONAL
from tests.support import documented
from tests.support.pages import ROOT, blocks, sections
from tests.support.processes.compose import SECRETS_SCRIPT, load

SERVICES = load()["services"]
EXAMPLE = (ROOT / "ops" / "managed.env.example").read_text()
SET = dict(re.findall(r"^([A-Z_]+)='?(.*?)'?$", EXAMPLE, re.MULTILINE))
FRONT_DOOR = set(re.findall(r"\{\$([A-Z_]+)", (ROOT / "ops" / "Caddyfile").read_text()))
OWN = {name for process in APPLICATION for name in process.settings}
OPERATIONS = sections((ROOT / "docs" / "operations.md").read_text())["Managed PostgreSQL and Redis"]
NEEDED = [process.name for process in APPLICATION if process is not FLOWER]
COMMANDS = {name for name, _ in application.GROUPS if name} | {
    command.name or str(getattr(command.callback, "__name__", ""))
    for _, group in application.GROUPS
    for command in group.registered_commands
}


def test_every_example_of_the_readme_is_tried() -> None:
    """Those of the other sections are `make run` and `make test`."""
    tried = [*documented.EXAMPLES, *blocks(documented.FROM_NOTHING)]
    assert [block for block in blocks((ROOT / "README.md").read_text()) if block not in tried] == blocks(
        documented.README["Two commands"]
    )


def test_the_examples_ask_the_address_that_the_reader_names() -> None:
    for block in documented.EXAMPLES:
        assert "localhost" not in block.replace("URL=${HOLDFAST_URL:-http://localhost:8000}\n", "", 1)


def test_composes_way_names_its_services_and_a_program_of_the_image() -> None:
    setting_up, terminal = blocks(documented.COMPOSE)
    found = re.search(r"docker compose exec -T (\w+) (\w+) \"\$@\"", terminal)
    assert found is not None
    service, program = found.groups()
    assert service in SERVICES
    assert f"/opt/venv/bin/{program} " in (ROOT / "Dockerfile").read_text()
    assert set(re.findall(r"--scale (\w+)=", setting_up)) <= {process.name for process in APPLICATION}
    assert re.search(r"^HOLDFAST_PUBLIC_URL=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    copied, made, *_ = setting_up.splitlines()
    assert copied.startswith("cp .env.example .env ")
    assert made.startswith(f"sh {SECRETS_SCRIPT} ")
    assert "cat secrets/stripe_secret_key" in terminal
    assert "STRIPE_SECRET_KEY_FILE=./secrets/stripe_secret_key" in (ROOT / ".env.example").read_text()


def test_the_managed_way_starts_every_process_that_bookings_and_payments_need() -> None:
    _, starting = blocks(documented.MANAGED)
    loop = re.search(r"^for process in ([a-z ]+); do", starting, re.MULTILINE)
    assert loop is not None
    assert sorted(loop[1].split()) == sorted(NEEDED)
    units = re.findall(r"holdfast@(\w+)", blocks(OPERATIONS)[0])
    assert sorted(units) == sorted(NEEDED)
    longest_s = max(process.stop_timeout_s for process in APPLICATION)
    found = re.search(r"^TimeoutStopSec=(\d+)$", OPERATIONS, re.MULTILINE)
    assert found is not None
    assert int(found[1]) >= longest_s


def test_every_command_of_holdfast_that_the_section_prints_exists() -> None:
    printed = re.findall(r"(?:^|\| |do )holdfast ([a-z]+)", "\n".join(blocks(documented.FROM_NOTHING)), re.MULTILINE)
    assert {"migrate", "start", "doctor", "admin"} <= set(printed) <= COMMANDS


def test_the_example_of_the_settings_sets_what_something_reads() -> None:
    assert set(SET) <= (set(OPTIONAL) | EVERY) | OWN | FRONT_DOOR
    assert set(SET) & FRONT_DOOR - set(OPTIONAL) <= OF_OTHERS, "holdfast config would call them unknown"
    assert SET["HOLDFAST_API"] == SET["HOLDFAST_API_BIND"]
    assert SET["HOLDFAST_NOTIFIER"] == f"127.0.0.1:{SET['HOLDFAST_NOTIFIER_PORT']}"
    assert shlex.split(EXAMPLE, comments=True), "a shell reads it"


@pytest.mark.parametrize("name", [name for name, value in SET.items() if "change-me" in value])
def test_what_is_not_filled_in_is_refused_by_its_name(name: str) -> None:
    filled = {other: value.replace("change-me", "0123456789" * 4) for other, value in SET.items()}
    with pytest.raises(SettingsError, match=name):
        from_environment({**filled, name: SET[name]})
