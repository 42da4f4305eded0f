"""What a story has at hand: whose thread it is, its caller, its chances, and subjects at which clients meet."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.faults.clients.caller import Caller, Wish
from tests.faults.clients.orders import Orders, Things
from tests.faults.history.operations import Answer

MEET_S = 1.5
"""For so long all clients of a story want the same thing; then the next."""
FIRST_DAY = date(2100, 1, 4)
"""A Monday."""
HOURS = range(9, 17)
WORKDAYS = 5


class Scene:
    def __init__(self, orders: Orders, number: int, caller: Caller) -> None:
        assert orders.things is not None
        self.things: Things = orders.things
        self.caller = caller
        self.chance = random.Random(f"{orders.seed} {orders.name} {number}")  # noqa: S311 - a test's
        self.person = orders.people[number]
        self.stripe_url = orders.stripe_url
        self._orders, self._number = orders, number
        self._count = 0

    @property
    def desk(self) -> str:
        """One member of staff or the other."""
        return self.chance.choice(self._orders.desk)

    def often(self, share: float = 0.5) -> bool:
        return self.chance.random() < share

    def meeting(self) -> int:
        """The number of what all clients want now."""
        return int((time.time() - self._orders.began_wall) / MEET_S)

    def own(self) -> int:
        """A number that no other thread of any client process has: of at most four processes of sixteen threads."""
        self._count += 1
        return (self._count * 64 + self._orders.number * 16 + self._number) % 8_000

    def prefer(self) -> str:
        return self.chance.choice(("wait=5", "wait=5", "respond-async", "wait=1"))

    def post(self, story: str, action: str, path: str, body: Any, by: str, **more: Any) -> Answer | None:
        return self.send("POST", story, action, path, body, by, **more)

    def send(self, method: str, story: str, action: str, path: str, body: Any, by: str, **more: Any) -> Answer | None:
        given: dict[str, Any] = {"prefer": self.prefer(), "is_keyed": self.often(), **more}
        operation = given.pop("operation", "")
        return self.caller.do(Wish(story, action, method, path, body, by=by, **given), operation)

    def read(self, story: str, subject: str, path: str, see: Callable[[Any], str], by: str = "") -> Answer | None:
        return self.caller.do(Wish(story, "read", "GET", path, subject=subject, by=by, see=see))


def workday_hour(number: int) -> tuple[str, int]:
    """(day, hour), a place of its own for each number."""
    weeks, rest = divmod(number // len(HOURS), WORKDAYS)
    return (FIRST_DAY + timedelta(weeks=weeks, days=rest)).isoformat(), HOURS[number % len(HOURS)]


def instant_hour(number: int) -> dict[str, str]:
    """An hour far enough ahead to give it up for nothing."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    starts = midnight + timedelta(days=60 + number // len(HOURS) % 3000, hours=HOURS[number % len(HOURS)])
    ends = starts + timedelta(hours=1)
    return {"start_time": starts.strftime("%Y-%m-%dT%H:%M:%SZ"), "end_time": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}


def id_of(answer: Answer | None, name: str = "id") -> int | None:
    """Of what a successful command made."""
    if answer is None or answer.status >= 300 or not isinstance(answer.body, dict):
        return None
    found = answer.body.get(name)
    return found if isinstance(found, int) else None
