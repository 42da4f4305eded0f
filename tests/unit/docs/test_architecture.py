"""docs/architecture.md names what there is: each process with its queues, each table, each room."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ops.processes import APPLICATION, Process

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
MIGRATIONS = "".join(one.read_text() for one in (ROOT / "core" / "store" / "migrations" / "versions").glob("*.py"))
TABLES = sorted(set(re.findall(r"CREATE TABLE (\w+)(?! PARTITION OF)\b", MIGRATIONS)))


@pytest.mark.parametrize("process", APPLICATION, ids=lambda process: process.name)
def test_a_process_is_named_with_its_queues(process: Process) -> None:
    queues = ", ".join(f"`{queue}`" for queue in process.queues)
    assert f"| `{process.name}` | {queues}".rstrip() in PAGE


@pytest.mark.parametrize("table", TABLES)
def test_a_table_is_named(table: str) -> None:
    assert f"`{table}`" in PAGE


@pytest.mark.parametrize("part", ["api", "core"])
def test_a_room_is_named(part: str) -> None:
    rooms = {one.parent.name for one in (ROOT / part).glob("*/__init__.py")}
    assert rooms == {room for room in rooms if f"{room}/" in PAGE}


def test_a_module_that_the_drawings_name_exists() -> None:
    drawn = set(re.findall(r"[\w/]+\.py", "".join(re.findall(r"^```$(.+?)^```$", PAGE, re.MULTILINE | re.DOTALL))))
    assert len(drawn) > 10
    modules = {
        path.as_posix() for part in ("api", "core", "workers", "notifier") for path in (ROOT / part).rglob("*.py")
    }
    assert {name for name in drawn if not any(module.endswith(f"/{name}") for module in modules)} == set()


def test_all_tables_were_looked_for() -> None:
    assert {"inbox", "outcome", "booking", "claim", "user_account", "payment"} <= set(TABLES)
