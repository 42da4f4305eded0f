"""The mutants of the rules: what is changed, and what is left alone."""

from __future__ import annotations

import ast

import pytest

from ops.embedded.environment import ROOT
from tests.mutants.equivalent import EQUIVALENT, Equivalent
from tests.mutants.mutator import mutants_of, mutated


@pytest.mark.parametrize(
    ("source", "becomes"),
    [
        ("x = a < b", ["a <= b"]),
        ("x = a <= b < c", ["a < b < c", "a <= b <= c"]),
        ("x = a is None", ["a is not None"]),
        ("x = a and b", ["a or b"]),
        ("x = a - b", ["a + b"]),
        ("x = not a", ["a"]),
        ("x = True", ["False"]),
        ("x = 3", ["4"]),
        ("if a.b: pass", ["not a.b"]),
        ("def f(): return a", ["None"]),
    ],
)
def test_a_mutant_differs_at_one_place(source: str, becomes: list[str]) -> None:
    assert [one.becomes for one in mutants_of(source)] == becomes


@pytest.mark.parametrize(
    "source",
    ["x: Literal[1]", "class A(B, frozen=True): pass", "@d(eq=False)\ndef f(): pass", "x = 'text'", "x = None"],
)
def test_what_decides_nothing_is_left_alone(source: str) -> None:
    assert mutants_of(source) == []


def test_each_number_is_its_own_change_of_the_whole_module() -> None:
    source = "x = a < b\ny = a < b"
    changed = [ast.unparse(mutated(source, one.number)) for one in mutants_of(source)]
    assert changed == ["x = a <= b\ny = a < b", "x = a < b\ny = a <= b"]


def test_every_module_of_the_rules_can_be_changed_and_compiled() -> None:
    for path in (ROOT / "core/domain").rglob("*.py"):
        source = path.read_text()
        if found := mutants_of(source):
            compile(mutated(source, found[-1].number), str(path), "exec")


@pytest.mark.parametrize("one", EQUIVALENT, ids=lambda one: f"{one.path}: {one.was}")
def test_what_is_called_equivalent_is_still_there(one: Equivalent) -> None:
    found = mutants_of((ROOT / one.path).read_text())
    assert (one.was, one.becomes) in {(mutant.was, mutant.becomes) for mutant in found}
    assert one.reason
