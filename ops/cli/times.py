"""Times as options give them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer


def _moment(raw: str) -> datetime:
    try:
        found = datetime.fromisoformat(raw)
    except ValueError:
        raise typer.BadParameter(
            "it is neither a day such as 2030-01-31 nor a time such as 2030-01-31T12:00Z"
        ) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


Since = Annotated[
    datetime | None, typer.Option("--since", parser=_moment, metavar="TIME", help="A day (UTC) or a time: from it on.")
]
Until = Annotated[
    datetime | None, typer.Option("--until", parser=_moment, metavar="TIME", help="A day (UTC) or a time: before it.")
]


def shown(moment: datetime | None) -> str:
    """In UTC, to the second."""
    return "-" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
