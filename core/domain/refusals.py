"""The way out of a rule: a refusal is what happened, not an error of the program."""

from __future__ import annotations

from core.domain.bookings.status import Status
from core.domain.events import CommandRefused, Refusal


class Refused(Exception):  # noqa: N818 - a way out of a rule, not an error
    """Raised by a rule, turned by `decide` into the command's one event."""

    def __init__(
        self, refusal: Refusal, present: Status | None = None, *, part: str = "", names: tuple[str, ...] = ()
    ) -> None:
        super().__init__(refusal)
        self.event = CommandRefused(refusal, present, part, names=names)
