"""What the pages' files must not have: markup made of text, foreign hosts, scripts and styles within a page."""

from __future__ import annotations

import re

import pytest

from ops.pages import sources
from tests.support.pages import ROOT

FILES = {name: content.decode() for name, content in sources().items()}
OURS = {name: text for name, text in FILES.items() if not name.startswith("vendor/")}
SCRIPTS = {name: text for name, text in OURS.items() if name.endswith(".js")}
PAGES = {name: text for name, text in OURS.items() if name.endswith(".html")}
MARKUP_OF_TEXT = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|document\.write|createContextualFragment"
    r"|DOMParser|srcdoc|\beval\b|new Function|\{\s*html:"  # the last is @event-calendar's content as markup
)
FOREIGN = re.compile(r"https?://(?!www\.w3\.org/)[\w.-]+")
ALLOWED_HOSTS = {"pay/": {"https://js.stripe.com"}}
CATALOGUES = ("de", "ar")


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_makes_no_markup_of_text(name: str) -> None:
    assert MARKUP_OF_TEXT.findall(SCRIPTS[name]) == []


@pytest.mark.parametrize("sample", ["node.innerHTML = name", "content: { html: name }", "dangerouslySetInnerHTML=${x}"])
def test_markup_made_of_text_is_found(sample: str) -> None:
    assert MARKUP_OF_TEXT.search(sample)


@pytest.mark.parametrize("name", OURS)
def test_nothing_names_a_foreign_host(name: str) -> None:
    allowed = {host for folder, hosts in ALLOWED_HOSTS.items() if name.startswith(folder) for host in hosts}
    assert set(FOREIGN.findall(OURS[name])) <= allowed


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_no_script_or_style_within(name: str) -> None:
    page = PAGES[name]
    assert re.findall(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page) == []
    assert '<html lang="en" dir="ltr">' in page
    assert '<meta name="viewport"' in page
    assert '<div id="app">' in page


def test_a_page_is_served_for_every_html_file_and_no_other() -> None:
    door = (ROOT / "ops" / "Caddyfile").read_text()
    assert {f"pages/{name}" for name in re.findall(r"try_files /(\w+\.html)", door)} == set(PAGES)


@pytest.mark.parametrize("name", [name for name in OURS if name.endswith(".css")])
def test_a_style_sheet_knows_no_left_and_right(name: str) -> None:
    """Arabic is read from right to left: directions are logical."""
    assert re.findall(r"\b(?:margin|padding|border)-(?:left|right)\b|\b(?:left|right)\s*:", OURS[name]) == []


@pytest.mark.parametrize("name", [name for name in OURS if name.endswith(".css") and "tokens" not in name])
def test_colours_stand_in_the_tokens_alone(name: str) -> None:
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b|\brgb\(|\bhsl\(|light-dark\(", OURS[name]) == []
