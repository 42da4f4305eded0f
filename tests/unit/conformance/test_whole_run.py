"""Which runs are asked for what was never served, and that they fail for it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ops.embedded.environment import ROOT
from tests.support.conformance.whole_run import TOLD_NOTHING, is_whole, missing, pytest_testnodedown

ALL_HEARD = """
from tests.support.conformance import feeds
from tests.support.conformance.answers import conformance
from tests.support.conformance.everything_served import all_answers, all_facts

def test_hears_nearly_all():
    conformance().hear(all_answers().heard())
    feeds.heard().facts.update(all_facts() - {"close 1013"})
"""
SAYS_NOTHING = "def test_hears_nothing(): pass"


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """One whose tests hear all that is described but for a close code."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeini("[pytest]\ntestpaths = checks\naddopts = -p tests.support.conformance.whole_run")
    folder = pytester.mkdir("checks")
    (folder / "test_all.py").write_text(ALL_HEARD)
    (folder / "test_nothing.py").write_text(SAYS_NOTHING)
    return pytester


@pytest.mark.parametrize("arguments", [(), ("checks",), (".",), ("-x",), ("-n", "2"), ("checks/../checks", "-v")])
def test_a_run_of_all_tests_is_whole(project: pytest.Pytester, arguments: tuple[str, ...]) -> None:
    assert is_whole(project.parseconfig(*arguments))


@pytest.mark.parametrize(
    "arguments",
    [
        ("checks/test_all.py",), ("checks/test_all.py", "checks/test_nothing.py"), ("checks/test_all.py::test_hears_nearly_all",),
        ("-k", "all"), ("-m", "slow"), ("--deselect", "checks/test_all.py"), ("--ignore", "checks/test_all.py"),
        ("--ignore-glob", "*_all.py"), ("--lf",), ("--sw",),
        ("--collect-only",), ("--setup-plan",), ("--fixtures",),
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_run_of_some_tests_is_not(project: pytest.Pytester, arguments: tuple[str, ...]) -> None:
    assert not is_whole(project.parseconfig(*arguments))


def test_a_whole_run_that_did_not_hear_something_fails_and_names_it(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All else is heard, in another process than the one that asks."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # schemathesis's takes seconds, in each process
    done = project.runpytest_subprocess("-q", "-p", "xdist", "-n", "1")
    done.stdout.fnmatch_lines(["described, but never served: close 1013"])
    done.assert_outcomes(passed=2)
    assert done.ret == 1
    assert done.stdout.str().count("never served") == 1


def test_a_failing_test_does_not_hide_what_was_never_served(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    project.makepyfile(**{"checks/test_wrong": "def test_fails(): raise AssertionError"})
    done = project.runpytest_subprocess("-q")
    done.assert_outcomes(passed=2, failed=1)
    done.stdout.fnmatch_lines(["described, but never served: close 1013"])


def test_a_process_that_ends_without_telling_what_it_heard_is_told_itself(project: pytest.Pytester) -> None:
    config = project.parseconfig()
    pytest_testnodedown(SimpleNamespace(config=config))
    assert missing(config)[0] == TOLD_NOTHING
    assert TOLD_NOTHING not in missing(project.parseconfig())
