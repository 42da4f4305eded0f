"""What Flower lacks: a limit of failed sign-ins, and security headers as strict as ours.

Flower 2.1 compares a password as often as anybody likes. Its `_xsrf` cookie, readable by scripts, is for its sign-in
by OAuth and for buttons that stop workers, of which we have neither.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from math import ceil
from typing import Any

from flower import urls
from flower.views import BaseHandler
from tornado.web import HTTPError

from core.client_addresses import Addresses, subscriber_of
from core.settings import Settings
from core.wire.errors import in_seconds

FAILURES_MAX = 10
"""Of one address (an IPv6 network) within the window; then even the right password is refused."""
WINDOW_S = 300.0
ADDRESSES_MAX = 10_000
"""Beyond that, the address whose last failure is the oldest is forgotten."""
TOO_MANY = 429
HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
"""The policy for its scripts comes from the front door (ops/Caddyfile), which has it for Flower's files too."""


class Failures:
    """How often each address failed since its window began."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._by_address: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait_s(self, address: str) -> int:
        """0 if another try may be made."""
        count, began = self._by_address.get(address, (0, 0.0))
        left_s = began + WINDOW_S - self._clock()
        return max(1, ceil(left_s)) if count >= FAILURES_MAX and left_s > 0 else 0

    def add(self, address: str) -> None:
        now = self._clock()
        count, began = self._by_address.pop(address, (0, now))
        self._by_address[address] = (count + 1, began) if now < began + WINDOW_S else (1, now)
        if len(self._by_address) > ADDRESSES_MAX:
            self._by_address.popitem(last=False)


def install(settings: Settings) -> None:
    """Called from Flower's configuration, before it makes its application."""
    addresses, failures = Addresses(settings.trusted_proxies), Failures()
    set_default_headers, get_current_user = BaseHandler.set_default_headers, BaseHandler.get_current_user

    def headers(self: Any) -> None:
        set_default_headers(self)
        self.clear_header("Server")
        for name, value in HEADERS.items():
            self.set_header(name, value)

    def user(self: Any) -> Any:
        address = subscriber_of(addresses.of(self.request.remote_ip, self.request.headers.get_list("X-Forwarded-For")))
        if wait_s := failures.wait_s(address):
            raise TooManyFailuresError(wait_s)
        try:
            return get_current_user(self)
        except HTTPError:
            if self.request.headers.get("Authorization"):
                failures.add(address)
            raise

    BaseHandler.set_default_headers = headers
    BaseHandler.get_current_user = user
    for kind in (BaseHandler, *_descendants(BaseHandler)):
        if "write_error" in vars(kind):
            kind.write_error = _telling_how_long(kind.write_error)
    urls.settings["xsrf_cookie_kwargs"] = {
        "httponly": True,
        "samesite": "Strict",
        "secure": settings.public_url.startswith("https://"),
    }


class TooManyFailuresError(HTTPError):
    def __init__(self, wait_s: int) -> None:
        super().__init__(TOO_MANY, reason="Too Many Requests")
        self.wait_s = wait_s


def _telling_how_long(write_error: Callable[..., None]) -> Callable[..., None]:
    def counted(self: Any, status_code: int, **how: Any) -> None:
        problem = how.get("exc_info", (None, None))[1]
        if not isinstance(problem, TooManyFailuresError):
            write_error(self, status_code, **how)
            return
        self.set_header("Retry-After", str(problem.wait_s))
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.finish(f"Too many failed sign-ins. Try again {in_seconds(problem.wait_s)}")

    return counted


def _descendants(kind: type[Any]) -> list[type[Any]]:
    return [one for child in kind.__subclasses__() for one in (child, *_descendants(child))]
