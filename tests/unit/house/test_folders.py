"""A folder says what it is for and can be taken in at a glance; a module tells a whole story under a name of its own."""

from __future__ import annotations

import ast
import sys
from itertools import combinations
from pathlib import Path

import pytest

from tests.support.pages import ROOT

CODE = ("api", "core", "notifier", "ops", "workers")
MODULES = {
    path.relative_to(ROOT): path.read_text()
    for folder in (*CODE, "tests")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "node_modules" not in path.parts
}
FOLDERS = sorted({path.parent for path in MODULES})
MODULES_MAX = 20
LINES_MIN = 30

LARGE_FOLDERS = {"core/store/migrations/versions": "one file a step of the schema, in the order of its numbers"}

SHORT_MODULES = {
    "ops/operator_identity.py": "who is at the command line, for every command that changes something",
    "api/calendars/routes.py": "each package's routes stand in its routes.py",
    "api/contracts/agent/routes.py": "the same",
    "api/contracts/appointments/users/routes.py": "the same",
    "api/contracts/calendar/examples.py": "each contract's printed examples stand in its examples.py",
    "api/contracts/calendar/pagination.py": "shared by three lists of the contract",
    "api/contracts/calendar/routes.py": "each package's routes stand in its routes.py",
    "api/contracts/rooms/examples.py": "each contract's printed examples stand in its examples.py",
    "api/contracts/rooms/routes.py": "each package's routes stand in its routes.py",
    "core/domain/ids.py": "the port that the domain gets fresh ids through",
    "core/doctor/examination.py": "the whole, with what lies outside: the starts load the next one alone",
    "core/doctor/mail_templates.py": "loads Jinja, which no start needs",
    "core/doctor/stores.py": "what every start looks at, without Stripe's SDK",
    "core/ended_tasks.py": "used by the API, the notifier and the command line",
    "core/identity/credentials/websocket_tickets.py": "each kind of credential has a module",
    "core/origins.py": "asked by the API and by the notifier",
    "core/store/migrations/env.py": "Alembic looks for it here",
    "core/store/sql/lost_races.py": "used by every statement that counts its rows",
    "core/wire/answers.py": "the envelope of every contract's answers",
    "core/wire/contracts/shapes.py": "chooses among the contracts' modules, so it is none of them",
    "core/wire/engine.py": "answers of the engine's own commands, which no contract has",
    "ops/cli/__main__.py": "Python looks for it here",
    "ops/demo.py": "joins what the store and identity load for the demo",
    "ops/embedded/launch.py": "run as a program by its path, in each child",
    "ops/flower_app.py": "Celery looks for Flower's application here",
    "ops/flower_conf.py": "Flower reads it as a file",
}
"""Modules of fewer than 30 lines, each with the reason why it stands alone. The table may only shrink."""

ALIKE = {
    ("feed", "feeds"): "core/store has the one feed, core/wire what each of the feeds says",
    ("feeds", "needs"): "two words that happen to rhyme",
    ("own_booking", "own_bookings"): "one booking on a path where contracts meet; the calendar's list of them",
}
"""Names that look alike, with the reason why both stay."""

_ENDINGS = (
    "ations",
    "ation",
    "ings",
    "ing",
    "ments",
    "ment",
    "ures",
    "ure",
    "ies",
    "ers",
    "er",
    "ed",
    "es",
    "e",
    "s",
    "y",
)


def name_of(folder: Path) -> str:
    return folder.as_posix()


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_a_folder_says_what_it_is_for(folder: Path) -> None:
    text = MODULES.get(folder / "__init__.py", "")
    assert ast.get_docstring(ast.parse(text)), f"say in the docstring of {folder}/__init__.py what belongs there"


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_a_folder_can_be_taken_in_at_a_glance(folder: Path) -> None:
    modules = [path for path in MODULES if path.parent == folder and path.name != "__init__.py"]
    assert (len(modules) > MODULES_MAX) == (name_of(folder) in LARGE_FOLDERS)


def test_a_short_module_has_a_reason() -> None:
    short = {
        path.as_posix()
        for path, text in MODULES.items()
        if path.parts[0] in CODE and path.name != "__init__.py" and "versions" not in path.parts
        if len(text.splitlines()) < LINES_MIN
    }
    assert short - set(SHORT_MODULES) == set(), "merge it into where it belongs, or say why it stands alone"
    assert set(SHORT_MODULES) - short == set(), "stale: take the line out"


def test_no_two_names_look_alike() -> None:
    alike: set[tuple[str, str]] = set()
    for tree in ("api", "core", "notifier", "ops", "workers"):
        names = {path.stem for path in MODULES if path.parts[0] == tree} - {"__init__", "__main__"}
        alike |= {pair for pair in combinations(sorted(names), 2) if look_alike(*pair)}
    assert alike - set(ALIKE) == set(), "a newcomer will open the wrong one"
    assert set(ALIKE) - alike == set(), "stale: take the line out"


@pytest.mark.parametrize(("one", "other"), [("feed", "feeds"), ("closures", "closing"), ("payments", "paying")])
def test_names_that_look_alike_are_found(one: str, other: str) -> None:
    assert look_alike(one, other)


def look_alike(one: str, other: str) -> bool:
    """Whether two names differ by a letter, or are forms of one word."""
    return _differ_by_a_letter(one, other) or _root(one) == _root(other)


def _differ_by_a_letter(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    if len(short) == len(long):
        return sum(a != b for a, b in zip(short, long, strict=True)) == 1
    return any(long[:n] + long[n + 1 :] == short for n in range(len(long)))


def _root(name: str) -> str:
    return "_".join(_stem(word) for word in name.split("_"))


def _stem(word: str) -> str:
    found = [ending for ending in _ENDINGS if word.endswith(ending) and len(word) - len(ending) >= 3]
    return word.removesuffix(max(found, key=len, default=""))


def test_no_module_beside_a_program_hides_one_of_pythons_own() -> None:
    """Python puts a program's folder before its own modules: `ops/operator.py` kept `ops/audit.py` from starting."""
    programs = {path.parent for path, text in MODULES.items() if '__name__ == "__main__"' in text}
    hidden = [
        path
        for path in MODULES
        if path.parent in programs and path.stem in sys.stdlib_module_names and not path.stem.startswith("__")
    ]
    assert hidden == []
    assert {Path("ops")} <= programs
