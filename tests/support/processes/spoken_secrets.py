"""Holds every log of every stack that a test starts free of secrets.

What is secret is learned where it is said: passwords, tokens, keys, cookies and tickets of every request and answer of
this process, whatever route they belong to, and the secrets in a stack's settings. A stack that closes reads its logs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import fields
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from core.settings import Settings

CHARS_MIN = 12
"""Shorter ones are words that a log may well hold ("admin")."""
_SECRET_NAMES = re.compile(r"pass(word)?|token|secret|^(access|refresh|ticket|key|code_verifier)$|csrf", re.IGNORECASE)
_NO_SECRETS = re.compile(r"_(type|id|url|expires?\w*|at)$|^(token_type|public\w*|publishable\w*)", re.IGNORECASE)
_SHAPES = {
    "a signed token": re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}"),
    "a key of Stripe's": re.compile(r"\b(sk|rk)_(test|live)_\w+|whsec_\w+|pi_\w+_secret_\w+"),
    "a password in an address": re.compile(r"\w+://[^/\s:@\"]*:(?!\[blank\]@|\*+@)[^@\s/\"]+@"),
}
_SHOWN_MAIL = re.compile(r"^--- mail to .*?^---$", re.DOTALL | re.MULTILINE)
"""The demo shows mails where it was started, with the links in them."""
_TOKEN = re.compile(r"[\w-]{43}")
"""256 bits: those of links are parts of paths."""
_LINK = re.compile(r"https?://[^\s\"<>]*?/([\w-]{43})(?![\w-])")
"""One that an answer tells, as links to calendars, and those in mails that the demo keeps."""
_WORD = re.compile(rf"[\w.~-]{{{CHARS_MIN},}}")

_spoken: dict[str, str] = {}
"""What it is, by the secret."""


def listen(response: httpx.Response) -> None:
    """Remember the secrets of one exchange."""
    request = response.request
    for header in (request.headers, response.headers):
        _remember_headers(header)
    _remember(dict(parse_qsl(request.url.query.decode(errors="replace"))))
    for token in _TOKEN.findall(request.url.path):
        _learn("a token in a path", token)
    with suppress(httpx.RequestNotRead):
        _remember_body(request.headers, request.content)
    with suppress(httpx.ResponseNotRead):
        _remember_body(response.headers, response.content)


def _remember_headers(headers: httpx.Headers) -> None:
    if "Authorization" in headers:
        _learn("Authorization", headers["Authorization"].partition(" ")[2])
    if "X-API-Key" in headers:
        _learn("X-API-Key", headers["X-API-Key"])
    for header in (*headers.get_list("Cookie"), *headers.get_list("Set-Cookie")):
        with suppress(CookieError):
            for name, morsel in SimpleCookie(header).items():
                _learn(f"cookie {name}", morsel.value)


def _remember_body(headers: httpx.Headers, body: bytes) -> None:
    media = headers.get("Content-Type", "")
    with suppress(ValueError):
        if "json" in media:
            _remember(json.loads(body))
        elif "urlencoded" in media:
            _remember(dict(parse_qsl(body.decode())))


def _remember(value: Any) -> None:
    for name, secret in _named(value):
        for token in _LINK.findall(secret):
            _learn("a token in a link", token)
        if _SECRET_NAMES.search(name) and not _NO_SECRETS.search(name):
            _learn(name, secret)


def _named(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, str):
                yield str(name), inner
            else:
                yield from _named(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _named(inner)


def _learn(name: str, secret: str) -> None:
    if len(secret) >= CHARS_MIN and _WORD.fullmatch(secret):
        _spoken.setdefault(secret, name)


def of_settings(settings: Settings) -> Mapping[str, str]:
    """The secrets that a stack was configured with, also those in its addresses."""
    found: dict[str, str] = {}
    for name, value in _settings_texts(settings):
        is_secret = _SECRET_NAMES.search(name) and not _NO_SECRETS.search(name)
        secret = urlsplit(value).password if "://" in value else value if is_secret else None
        if secret and len(secret) >= CHARS_MIN:
            found[secret] = name
    return found


def _settings_texts(settings: Any) -> Iterator[tuple[str, str]]:
    for field in fields(settings):
        value = getattr(settings, field.name)
        if isinstance(value, str):
            yield field.name, value
        elif hasattr(value, "__dataclass_fields__"):
            yield from _settings_texts(value)


def found_in(text: str, configured: Mapping[str, str]) -> set[str]:
    """What a log gives away, by its name; never the secret itself, which would then stand in the tests' output."""
    text = _SHOWN_MAIL.sub("", text)
    named = {what for what, shape in _SHAPES.items() if shape.search(text)}
    named |= {_spoken[word] for word in _spoken.keys() & {*_WORD.findall(text)}}
    return named | {name for secret, name in configured.items() if secret in text}


def check_logs(logs: Mapping[str, Path], settings: Settings) -> None:
    """Raise AssertionError if a log holds a secret."""
    configured = of_settings(settings)
    given_away = {
        name: found for name, log in logs.items() if (found := found_in(log.read_text(errors="replace"), configured))
    }
    assert not given_away, f"secrets stand in logs: {given_away}"
