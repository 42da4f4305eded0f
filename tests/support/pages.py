"""The repository as text: what its pages name, and every text in it."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
_SYMBOL = re.compile(r"`([\w./-]+\.py)::([\w.]+)`")
_PATH = re.compile(r"`([\w.-]+(?:/[\w.-]*)+|[\w-]+\.(?:py|md|toml|yml|lock)|Makefile)`")


FOLDERS = ("api", "core", "notifier", "ops", "workers", "tests", "docs")
_TEXTS = frozenset({".py", ".md", ".sql", ".toml", ".yml", ".html", ".js", ".json", ".sh", ".txt", ""})
_NOT_OURS = re.compile(
    r"__pycache__|node_modules|/swagger_ui/|/fixtures/|package-lock|^CHANGELOG\.md$|/versions/\d{4}_"
)


@cache
def texts() -> dict[str, str]:
    """Every text of the repository that we may still change, by its path: released migrations and the log stay."""
    files = [path for path in ROOT.iterdir() if path.is_file() and not path.name.startswith(".")]
    files += [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    named = {path.relative_to(ROOT).as_posix(): path for path in files if path.suffix in _TEXTS}
    return {name: path.read_text() for name, path in sorted(named.items()) if not _NOT_OURS.search(name)}


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


def blocks(text: str, language: str = "bash") -> list[str]:
    """The fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)\n```$", text, re.MULTILINE | re.DOTALL)


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
