"""Which web pages may act with their visitor's cookies."""

from __future__ import annotations

from urllib.parse import urlsplit

from core.settings import Settings


def origin_allowed(settings: Settings, origin: str | None, host: str | None) -> bool:
    """Whether a request with this `Origin` comes from our own pages or a configured origin.

    No `Origin` is allowed: browsers send it with every write across origins (Fetch, 3.1), and
    other clients hold no cookies of others. `host` is the `Host` header that came along: a
    page served under the same name is ours whatever HOLDFAST_PUBLIC_URL says.
    """
    if origin is None:
        return True
    if origin in settings.allowed_origins or origin == settings.public_url:
        return True
    parts = urlsplit(origin)
    return parts.scheme in {"http", "https"} and host is not None and parts.netloc.lower() == host.lower()
