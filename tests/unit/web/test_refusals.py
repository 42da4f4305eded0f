"""Whatever the API refuses on the pages of somebody who books is said in their language."""

from __future__ import annotations

import re

import pytest

from api.http.error_codes import all_codes
from tests.support.conformance.description import operations
from tests.support.pages import ROOT

WEB = ROOT / "web"
PAGES = ("book", "embed", "pay", "manage", "lib")
"""Whose words are translated: the booking page, the page that pays, `/b/TOKEN/`, and what they share."""
ASKED_ELSEWHERE = {
    "/api/auth/logout/": "The account's button, on every page: nothing is refused that somebody could mend",
    "/api/commands/{command_id}/": "A command's answer is the answer of what was asked",
}
NOT_BY_A_PAGE = frozenset({
    "address_not_allowed",  # of agent keys
    "malformed_json",  # what a script of ours writes is JSON
    "not_json",
    "unsupported_media_type",
    "body_too_large",  # its fields are bounded
    "bad_request",
    "unstorable",
    "invalid_idempotency_key",  # a random UUID
    "unknown_outcome",  # followed until it is known
    "unavailable",  # an outage: `Unreachable`
    "provider_unavailable",
})  # fmt: skip
_STEP = re.compile(r"\$\{[^}]*\}")
_PATH = re.compile(r"""["`](/api/[^"`?]*)""")
REFUSALS = (WEB / "lib" / "refusals.js").read_text()
WORDS = frozenset(re.findall(r"^  (\w+): \(\) =>", REFUSALS.partition("const FIELDS")[0], re.MULTILINE))
FIELDS = frozenset(re.findall(r"^  (\w+): \(\) =>", REFUSALS.partition("const FIELDS")[2], re.MULTILINE))


def asked() -> set[str]:
    """The paths that the pages ask, with `*` where they put something in."""
    scripts = [path.read_text() for page in PAGES for path in sorted((WEB / page).glob("*.js"))]
    found = {_STEP.sub("*", path) for script in scripts for path in _PATH.findall(script)}
    return {path for path in found if not path.endswith(".ics")}


def is_asked(path: str, by: str) -> bool:
    return re.fullmatch(re.escape(by).replace(r"\*", "[^/]+"), re.sub(r"\{\w+\}", "1", path)) is not None


def codes_of(path: str) -> set[str]:
    """By which codes the routes of a path that is asked refuse."""
    return {
        code
        for _, template, described in operations()
        if is_asked(template, path) and template not in ASKED_ELSEWHERE
        for answer in described["responses"].values()
        for code in answer.get("x-codes", ())
    }


ASKED = sorted(asked())


def test_the_pages_ask_the_api() -> None:
    assert len(ASKED) > 15
    templates = [path for _, path, _ in operations()]
    assert [path for path in ASKED if not any(is_asked(one, path) for one in templates)] == []


@pytest.mark.parametrize("path", ASKED)
def test_every_refusal_that_somebody_may_meet_has_words(path: str) -> None:
    assert codes_of(path) - WORDS - NOT_BY_A_PAGE == set()


def test_words_are_of_codes_that_the_api_has() -> None:
    assert set(all_codes()) >= WORDS
    assert not WORDS & NOT_BY_A_PAGE


def test_every_field_that_somebody_fills_in_says_what_to_write() -> None:
    """As the pages ask which of the API's problems stands beside a field of theirs."""
    scripts = [path.read_text() for page in PAGES for path in sorted((WEB / page).glob("*.js"))]
    shown = {name for script in scripts for name in re.findall(r'\bof\("(\w+)"\)', script)}
    assert len(shown) > 6
    assert shown <= FIELDS
