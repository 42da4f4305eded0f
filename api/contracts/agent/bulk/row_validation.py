"""What a bulk's rows ask for, validated as single calls are before the inbox: fields and formats."""

from __future__ import annotations

from collections.abc import AsyncIterator

from msgspec import Raw, Struct

from api.contracts.agent.bulk.row_splitter import Row
from api.contracts.agent.new_booking import AgentBooking, place_command
from api.http.bodies import parse_json
from api.http.errors import Problem, body_of
from core.domain.commands import Place
from core.store.inbox.bulk import BulkRefusal


class ValidatedRows(Struct, frozen=True):
    """A body's rows, counted from 1: each either asks for a place or is refused."""

    places: dict[int, Place]
    refusals: list[BulkRefusal]

    @property
    def rows(self) -> int:
        return len(self.places) + len(self.refusals)


async def validate_rows(rows: AsyncIterator[Row], region: str | None, most: int) -> ValidatedRows:
    """Raises Problem 400 for a body with more than `most` rows, or none."""
    validated = ValidatedRows({}, [])
    async for row in rows:
        number = validated.rows + 1
        if number > most:
            raise Problem(400, "too_many_rows", f"At most {most} rows may be sent at once; nothing was accepted")
        place = _validate_row(row, region)
        if isinstance(place, Problem):
            validated.refusals.append(BulkRefusal(number, place.status, Raw(body_of(place))))
        else:
            validated.places[number] = place
    if validated.rows == 0:
        raise Problem(400, "empty_body", "The body has no rows")
    return validated


def _validate_row(row: Row, region: str | None) -> Place | Problem:
    if isinstance(row, Problem):
        return row
    try:
        return place_command(parse_json(row, AgentBooking), region)
    except Problem as problem:
        return problem
