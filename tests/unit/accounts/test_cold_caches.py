"""Caches answer nobody before they are filled for the first time."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from api.accounts.access.live_credentials import LookupCache
from api.accounts.oauth import google
from api.accounts.oauth.google import Google
from core.settings import OAuthClient

ROOT = Path(__file__).parents[3]
CLOCKS = {"monotonic", "perf_counter", "time"}
ISSUER = "https://issuer.example"
METADATA = {"issuer": ISSUER, "authorization_endpoint": "a", "token_endpoint": "t", "jwks_uri": "j"}

Ask = Callable[[], Awaitable[object]]


class SlowSource:
    """Answers once it is released."""

    def __init__(self) -> None:
        self.let_go = asyncio.Event()
        self.asked = asyncio.Event()

    async def answer(self, *_: Any, **__: Any) -> object:
        self.asked.set()
        await self.let_go.wait()
        return METADATA


class _Pool:
    @asynccontextmanager
    async def connection(self) -> AsyncIterator[None]:
        yield None


def remembered(source: SlowSource, _patch: pytest.MonkeyPatch) -> Ask:
    known: LookupCache[object] = LookupCache(_Pool())  # type: ignore[arg-type]
    return lambda: known.ask("key", source.answer)


def discovered(source: SlowSource, patch: pytest.MonkeyPatch) -> Ask:
    patch.setattr(google, "fetch_json", source.answer)
    provider = Google(OAuthClient("id", "secret"), ISSUER)
    return lambda: provider._discover(None)


@pytest.mark.parametrize("make", [remembered, discovered])
async def test_a_caller_that_asks_while_the_first_waits_waits_too(
    make: Callable[[SlowSource, pytest.MonkeyPatch], Ask], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = SlowSource()
    ask = make(source, monkeypatch)
    asking = [asyncio.ensure_future(ask()) for _ in range(16)]
    await source.asked.wait()
    asking.append(asyncio.ensure_future(ask()))
    for _ in range(3):
        await asyncio.sleep(0)
    assert not any(one.done() for one in asking)
    source.let_go.set()
    assert await asyncio.gather(*asking) == [METADATA] * 17


def _read_clocks(function: ast.AsyncFunctionDef) -> Iterator[int]:
    """Lines that store a time on `self` before an await: the time says "read", and nothing was read yet."""
    last_await = max(
        (one.lineno for one in ast.walk(function) if isinstance(one, ast.Await | ast.AsyncWith)), default=0
    )
    failing = {
        id(one) for handler in ast.walk(function) if isinstance(handler, ast.ExceptHandler) for one in ast.walk(handler)
    }
    for one in ast.walk(function):
        if not isinstance(one, ast.Assign) or id(one) in failing or one.lineno >= last_await:
            continue
        on_self = any(isinstance(target, ast.Attribute) for target in one.targets)
        called = {
            call.func.attr
            for call in ast.walk(one.value)
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
        }
        if on_self and called & CLOCKS:
            yield one.lineno


def test_nothing_is_marked_as_read_before_it_is_read() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for part in ("api", "core", "notifier", "workers")
        for path in (ROOT / part).rglob("*.py")
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.AsyncFunctionDef)
        for line in _read_clocks(function)
    ]
    assert found == []
