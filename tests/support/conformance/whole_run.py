"""Asks `tests.support.conformance.completeness` when a whole run has ended: what is described and was never served fails it.

A plugin of every run (tests/conftest.py). A run of some tests alone is asked nothing: what it left
out may be what the others serve. A run with failures is asked too, or one failing test would hide
for days what no test serves.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.conformance import feeds
from tests.support.conformance.answers import conformance
from tests.support.conformance.completeness import never_served

NARROWING = ("keyword", "markexpr", "deselect", "ignore", "ignore_glob", "lf", "stepwise")
"""pytest's options that leave tests out, as its configuration calls them."""
ONLY_LOOKING = ("collectonly", "setuponly", "setupplan", "showfixtures", "show_fixtures_per_test", "cacheshow")
"""Those with which no test runs."""
TOLD_NOTHING = "a process of this run ended without telling what it heard"

_missing = pytest.StashKey[list[str]]()
_silent = pytest.StashKey[list[str]]()


def is_whole(config: pytest.Config) -> bool:
    """Whether every test there is was asked for: by no argument, as by those that name all of them."""
    if any(getattr(config.option, name, None) for name in (*NARROWING, *ONLY_LOOKING)):
        return False
    asked = [(config.invocation_params.dir / argument).resolve() for argument in config.args]
    everything = [(config.rootpath / folder).resolve() for folder in config.getini("testpaths")]
    return all(any(folder.is_relative_to(one) for one in asked) for folder in everything)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    config = session.config
    if hasattr(config, "workeroutput"):
        heard = {"answers": conformance().heard(), "feeds": sorted(feeds.heard().facts)}
        config.workeroutput["heard"] = heard  # to the process that started this one
    elif exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) and is_whole(config):
        config.stash[_missing] = missing(config)
        if config.stash[_missing]:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def missing(config: pytest.Config) -> list[str]:
    """In a line each."""
    return [*config.stash.get(_silent, []), *never_served(conformance(), feeds.heard().facts)]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """One of xdist's workers has ended."""
    heard = getattr(node, "workeroutput", {}).get("heard")
    if heard is None:
        node.config.stash.setdefault(_silent, []).append(TOLD_NOTHING)
    else:
        conformance().hear(heard["answers"])
        feeds.heard().facts.update(heard["feeds"])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    lines = terminalreporter.config.stash.get(_missing, None)
    if lines == []:
        terminalreporter.write_line("all that is described was served")
    for line in lines or ():
        terminalreporter.write_line(f"described, but never served: {line}", red=True)
