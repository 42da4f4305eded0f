"""What the pages about the code name: files, and symbols in them."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
_SYMBOL = re.compile(r"`([\w./-]+\.py)::([\w.]+)`")
_PATH = re.compile(r"`([\w.-]+(?:/[\w.-]*)+|[\w-]+\.(?:py|md|toml|yml|lock)|Makefile)`")


def symbols_in(text: str) -> list[tuple[str, str]]:
    """Each `path.py::name` of a page."""
    return _SYMBOL.findall(text)


def paths_in(text: str) -> list[str]:
    """Each path in backticks: with a slash, or a file at the root."""
    return [path for path in _PATH.findall(text) if not path.startswith("/")]


def sections(text: str) -> dict[str, str]:
    """The text under each heading of the second level, by its title."""
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@cache
def names_in(path: str) -> frozenset[str]:
    """What a module defines: functions, classes, constants, and `Class.member`."""
    return frozenset(_names(ast.parse((ROOT / path).read_text()).body))


def _names(body: list[ast.stmt]) -> set[str]:
    names: set[str] = set()
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(name)
            case ast.ClassDef(name=name):
                names |= {name, *(f"{name}.{inner}" for inner in _names(node.body))}
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.Assign():
                names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
            case _:
                pass
    return names
