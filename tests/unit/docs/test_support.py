"""Rules that the tests themselves keep. Helpers stand in tests/support: no test module is another's library."""

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


def test_a_page_is_waited_for_by_a_function() -> None:
    """Playwright looks again at anything else by `eval`, which our policy refuses unless it is true at the first look."""
    awaited = [
        (f"{path.relative_to(ROOT)}:{node.lineno}", ast.unparse(node.args[0]).strip("'\""))
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "wait_for_function"
    ]
    assert len(awaited) >= 4
    assert [place for place, script in awaited if "=>" not in script] == []
