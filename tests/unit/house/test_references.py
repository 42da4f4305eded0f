"""References lead somewhere: a page that is named exists, and so does every file that a page names."""

from __future__ import annotations

import re

import pytest

from tests.support.pages import ROOT, names_in, paths_in, symbols_in, texts

PAGES = {path: text for path, text in texts().items() if path.endswith(".md")}
CODE = {path: text for path, text in texts().items() if path.endswith((".py", ".sql", ".html", ".lua", ".yml"))}
_PAGE = re.compile(r"""(?<![\w/.'-])(?<!(?<!"")")[\w./-]*\w\.md\b""")  # a name alone in quotes is code's
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
ROOMS = ("api/", "core/", "notifier/", "ops/", "workers/", "tests/", "docs/")


def test_a_page_that_the_code_names_exists() -> None:
    named = {(path, page) for path, text in CODE.items() for page in _PAGE.findall(text)}
    assert {(path, page) for path, page in named if not (ROOT / page).exists()} == set()


@pytest.mark.parametrize("path", PAGES)
def test_what_a_page_names_exists(path: str) -> None:
    folder = (ROOT / path).parent
    named = {one for one in paths_in(PAGES[path]) if one.startswith(ROOMS)} | set(_PAGE.findall(PAGES[path]))
    missing = {one for one in named if not any((place / one).exists() for place in (ROOT, folder, ROOT / "docs"))}
    missing |= {f"{file}::{name}" for file, name in symbols_in(PAGES[path]) if name not in names_in(file)}
    assert missing | {one for one in _LINK.findall(PAGES[path]) if not (folder / one).exists()} == set()
