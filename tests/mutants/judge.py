"""Runs the fast tests against one mutant, in a forked process that imports the mutant instead of the module."""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType

import hypothesis  # noqa: F401 - imported once, before the forks
import pytest

from ops.embedded.environment import ROOT
from tests.mutants.mutator import mutated

TESTS = ("tests/unit/domain", "tests/unit/payments", "tests/property")
TIMEOUT_S = 300
"""For a mutant that never ends: it counts as killed."""


class Instead(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from a changed tree."""

    def __init__(self, name: str, path: Path, tree: ast.Module) -> None:
        self._name, self._path = name, path
        self._code: CodeType = compile(tree, str(path), "exec")

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,  # noqa: ARG002 - importlib's
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, origin=str(self._path))

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = str(self._path)
        exec(self._code, module.__dict__)  # noqa: S102 - our own module, changed at one place


def lives(path: Path, number: int) -> bool:
    """Do all tests pass with this mutant of the module?"""
    child = os.fork()
    if child == 0:
        _run_tests(path, number)
    _, status = os.waitpid(child, 0)
    return status == 0


def unmutated_passes() -> bool:
    child = os.fork()
    if child == 0:
        _run_tests(None, 0)
    return os.waitpid(child, 0)[1] == 0


def _run_tests(path: Path | None, number: int) -> None:
    code = 1
    try:
        signal.alarm(TIMEOUT_S)
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        if path is not None:
            sys.meta_path.insert(0, Instead(name_of(path), path, mutated(path.read_text(), number)))
        code = int(pytest.main(["-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", *TESTS]))
    finally:
        os._exit(code)


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)
