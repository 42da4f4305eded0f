"""Origins that staff name: brought into one form, or refused with what to write instead."""

from __future__ import annotations

import re

import pytest

from core.embedding_origins import ORIGIN_MAX_CHARS, BadOriginError, embedding_origin, frame_ancestors

SOURCE = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?\Z")
"""What may stand in a policy without ending its directive."""


@pytest.mark.parametrize(
    ("sent", "usual"),
    [
        ("https://www.example.com", "https://www.example.com"),
        ("HTTPS://WWW.Example.COM/", "https://www.example.com"),
        ("https://example.com:443", "https://example.com"),
        ("https://example.com:8443/", "https://example.com:8443"),
        ("https://bücher.example.com", "https://xn--bcher-kva.example.com"),
    ],
)
def test_an_origin_is_brought_into_its_usual_form(sent: str, usual: str) -> None:
    assert embedding_origin(sent, is_demo=False) == usual
    assert SOURCE.match(usual)


@pytest.mark.parametrize(
    "sent",
    [
        "http://www.example.com",
        "https://*.example.com",
        "https://*",
        "*",
        "null",
        "https://localhost:3000",
        "http://127.0.0.1",
        "https://192.0.2.1",
        "https://[2001:db8::1]",
        "https://example",
        "https://www.example.com/shop",
        "https://www.example.com?x",
        "https://www.example.com#x",
        "https://user@www.example.com",
        "https://www.example.com:0",
        "https://www.example.com:",
        "https://www.example.com:99999",
        "https://www.example.com;script-src",
        "https://www.example.com https://other.example.com",
        "https://a_b.example.com",
        "https://-a.example.com",
        "https://www..example.com",
        "ftp://www.example.com",
        "",
        f"https://{'a.' * ORIGIN_MAX_CHARS}example.com",
    ],
)
def test_what_is_no_origin_of_others_is_refused_with_a_sentence(sent: str) -> None:
    with pytest.raises(BadOriginError, match=r"[a-z]{3}"):
        embedding_origin(sent, is_demo=False)


@pytest.mark.parametrize("sent", ["http://localhost:3000", "https://localhost", "http://127.0.0.1:8080"])
def test_the_demo_takes_pages_of_this_machine_too(sent: str) -> None:
    assert embedding_origin(sent, is_demo=True) == sent


@pytest.mark.parametrize("sent", ["http://www.example.com", "ftp://localhost", "http://192.0.2.1", "http://[::1]"])
def test_the_demo_takes_nothing_else(sent: str) -> None:
    with pytest.raises(BadOriginError):
        embedding_origin(sent, is_demo=True)


def test_while_nothing_is_allowed_nobody_may_frame() -> None:
    assert frame_ancestors([]) == "'none'"
    assert frame_ancestors(["https://a.example", "https://b.example"]) == "https://a.example https://b.example"
