"""A calendar for lanes driven by hand: two categories of one hall, and who asks for its slots."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from core.domain.commands import Actor, ActorKind, BookSlot, Command, OfferSlot, PersonById
from core.store.inbox.acceptance import NewCommand
from tests.support.engine.lanes import Pipeline, new
from tests.support.notifier import STAFF, USER, populate

TEN = datetime(2025, 10, 20, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
HALL = 50
CATEGORIES = """
INSERT INTO resource (id, kind, name, zone) VALUES (50, 'category', 'Hall', 'Europe/Berlin');
INSERT INTO category (id, name, name_key, resource_id) VALUES (1, 'Cat 1', 'cat 1', 50), (2, 'Cat 2', 'cat 2', 50);
INSERT INTO user_account (id, username, username_key, first_name) VALUES (3, 'clara', 'clara', 'Clara');
"""
CLARA = 3


def with_calendar(pipeline: Pipeline) -> Pipeline:
    populate(pipeline)
    pipeline.connection.execute(CATEGORIES)
    return pipeline


def by_staff(command: Command) -> NewCommand:
    return new(command, contract="calendar", actor=Actor(ActorKind.STAFF, STAFF))


def by_user(command: Command, user_id: int = USER) -> NewCommand:
    return new(command, contract="calendar", actor=Actor(ActorKind.USER, user_id))


def book(slot_id: int, user_id: int = USER) -> NewCommand:
    return by_user(BookSlot(slot_id, PersonById(user_id)), user_id)


def run(pipeline: Pipeline, *commands: NewCommand) -> list[str]:
    """Decide them; each one's status or refusal."""
    ids = pipeline.put(*commands)
    pipeline.worker().visit_until_done()
    return pipeline.codes(ids)


def slot_at(pipeline: Pipeline, start: datetime, category: int = 1) -> int:
    """Offer an hour; its id."""
    assert run(pipeline, by_staff(OfferSlot(category, start, start + HOUR))) == ["succeeded"]
    (slot_id,) = pipeline.row("SELECT max(id) FROM time_slot")
    return int(slot_id)
