"""The pages by a real front door: what may be kept and for how long, compressed, and under which policy."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.support.processes.front_door import front_door

PATHS = ["/", "/book", "/book/", "/book/pay/", "/b/a-token/", "/admin/"]


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Nobody is behind it."""
    with front_door(tmp_path_factory.mktemp("caddy"), is_impatient=True) as one:
        yield one.url


def loaded_by(page: str) -> list[str]:
    """The paths of what a page loads."""
    return re.findall(r'(?:src|href)="(/web/[^"]+)"', page)


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_asked_for_anew_and_answered_briefly_if_it_is_the_same(door: str, path: str) -> None:
    first = httpx.get(door + path)
    assert first.status_code == 200
    assert first.headers["Content-Type"] == "text/html; charset=utf-8"
    assert first.headers["Cache-Control"] == "no-cache"
    again = httpx.get(door + path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", PATHS)
def test_a_page_has_a_policy_without_a_hole(door: str, path: str) -> None:
    answer = httpx.get(door + path)
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "'self'" in policy
    for needed in ("default-src 'none'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"):
        assert needed in policy.split("; ")
    assert ("stripe" in policy) == (path == "/book/pay/"), "Stripe's hosts on the page that pays alone"
    assert ("require-trusted-types-for 'script'" in policy) == (path != "/book/pay/")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"


def test_what_a_page_loads_is_there_and_kept_for_ever(door: str) -> None:
    paths = loaded_by(httpx.get(f"{door}/book/").text)
    assert len(paths) > 5
    for path in paths:
        answer = httpx.get(door + path)
        assert answer.status_code == 200, path
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["Content-Encoding"] == "gzip"
        plain = httpx.get(door + path, headers={"Accept-Encoding": "identity"})
        assert "Content-Encoding" not in plain.headers
        assert plain.content == answer.content
        assert plain.headers["ETag"] != answer.headers["ETag"]


@pytest.mark.parametrize(
    "path",
    ["/web/", "/web/0000000000000000/lib/ui.js", "/web/../pages/index.html", "/web/%2e%2e/pages/index.html", "/pages/"],
)
def test_nothing_else_of_the_folder_is_served(door: str, path: str) -> None:
    """It is the API's to answer, which is away here."""
    assert httpx.get(door + path).status_code == 503


def test_what_writes_goes_to_the_api(door: str) -> None:
    assert httpx.post(f"{door}/book/").status_code == 503


def test_pages_are_served_while_the_api_is_away(door: str) -> None:
    assert httpx.get(f"{door}/api/site/").status_code == 503
    assert httpx.get(f"{door}/").status_code == 200
