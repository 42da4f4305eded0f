"""What every step of the week needs: the client, its callers, the catalogue, and the people by their numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, time, timedelta
from typing import Any

from core.domain.resources.local_time import instant
from core.identity.demo_accounts import AGENT_KEY
from ops.demo_week import plan
from ops.demo_week.catalogue import Catalogue
from ops.demo_week.client import Client

AGENT = f"Token {AGENT_KEY}"
SEARCHED_DAYS = 10
"""Enough to find a week's workdays."""


@dataclass(frozen=True, slots=True)
class Callers:
    """What each sends as `Authorization`."""

    staff: str
    user: str
    client: str


@dataclass(frozen=True, slots=True)
class Scene:
    client: Client
    callers: Callers
    catalogue: Catalogue
    today: date
    people: dict[str, int] = field(default_factory=dict)
    """Numbers by phone."""

    def post(self, path: str, body: object, who: str) -> Any:
        """What was made, or None where it was refused."""
        return self.client.change("POST", path, body, who)

    def workday(self, number: int) -> date:
        """Of those after today, from 1."""
        ahead = [self.today + timedelta(days=days) for days in range(1, SEARCHED_DAYS)]
        return [day for day in ahead if day.weekday() <= plan.FRIDAY][number - 1]

    def times(self, day: date, at: str, minutes: int) -> dict[str, str]:
        """The marketplace's two instants of a local time."""
        starts = instant(day, time.fromisoformat(at), self.catalogue.zone)
        assert starts is not None  # noqa: S101 - no zone's clocks skip an hour of the working day
        return {"start_time": starts.isoformat(), "end_time": (starts + timedelta(minutes=minutes)).isoformat()}

    def for_(self, person: plan.Person) -> dict[str, int]:
        return {"user_id": self.people[person.phone]}
