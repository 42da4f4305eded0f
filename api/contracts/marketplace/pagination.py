"""Lists in the marketplace's style: `count`, `next`, `previous`, `results`, by `page` and `page_size`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import falcon.asgi
from falcon.uri import encode_value
from msgspec import Meta, Struct

from core.store.lists.pages import COUNT_EXACT_TO

PAGE_SIZE_DEFAULT = 20
PAGE_SIZE_MAX = 100
PAGE_MAX = 100_000


class Paged(Struct, frozen=True, kw_only=True):
    """The query parameters that every list takes."""

    page: Annotated[int, Meta(ge=1, le=PAGE_MAX)] = 1
    page_size: Annotated[int, Meta(ge=1, le=PAGE_SIZE_MAX)] = PAGE_SIZE_DEFAULT

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.page_size


class PageBody(Struct, frozen=True, kw_only=True):
    """What every list answers; each names the type of its `results`."""

    count: int
    count_exact: bool
    """False: there are more than `count`."""
    next: str | None
    previous: str | None


def page_fields(
    req: falcon.asgi.Request, public_url: str, paged: Paged, count: int, results: Sequence[Any]
) -> dict[str, Any]:
    """The fields of a `PageBody`. `count` is up to `COUNT_LIMIT`; later pages can still be read."""
    more = paged.offset + paged.page_size < count or (count > COUNT_EXACT_TO and len(results) == paged.page_size)
    return {
        "count": min(count, COUNT_EXACT_TO),
        "count_exact": count <= COUNT_EXACT_TO,
        "next": _address(req, public_url, paged.page + 1) if more else None,
        "previous": _address(req, public_url, paged.page - 1) if paged.page > 1 else None,
        "results": results,
    }


def _address(req: falcon.asgi.Request, public_url: str, number: int) -> str:
    """The same request for another page, at the public address."""
    asked = {name: value for name, value in req.params.items() if name != "page"}
    pairs = [(name, one) for name, sent in asked.items() for one in (sent if isinstance(sent, list) else [sent])]
    text = "&".join(f"{encode_value(name)}={encode_value(str(value))}" for name, value in (*pairs, ("page", number)))
    return f"{public_url}{req.path}/?{text}"
