"""Helpers of the tests stand in tests/support: no test module is another's library."""

from __future__ import annotations

import ast

from ops.embedded.environment import ROOT


def test_no_test_imports_a_test() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {node.module}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").rpartition(".")[2].startswith("test_")
    ]
    assert found == []
