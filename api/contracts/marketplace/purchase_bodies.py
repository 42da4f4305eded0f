"""What is sent to buy in the marketplace: the bodies of `purchase_requests`, and when they want it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Protocol

from msgspec import UNSET, Meta, Struct, UnsetType

from api.contracts.marketplace.fields import LongText, Moment, Spanned, ends_later, span
from api.http.fields import Id, ZoneText, text
from api.http.forms import Rule, Rules, missing
from core.text_forms import TEXT
from core.wire.errors import FieldProblem

TIME_OR_SESSION: Mapping[str, Any] = {
    "oneOf": [{"required": ["start_time", "end_time"]}, {"required": ["service_session_id"]}],
    "dependentRequired": {"start_time": ["end_time"], "end_time": ["start_time"]},
}
"""Either a time of its own, or a session that has one."""


class Timed(Spanned, Protocol):
    @property
    def service_session_id(self) -> int | UnsetType | None: ...


def _without_session(name: str) -> Rule:
    """The rule: a body without a session must have this field."""

    def rule(body: Timed) -> Iterator[FieldProblem]:
        if body.service_session_id in (UNSET, None) and getattr(body, name) is UNSET:
            yield FieldProblem(name, missing(name))

    return rule


def _not_both(body: Timed) -> Iterator[FieldProblem]:
    if body.service_session_id is not UNSET and not (body.start_time is UNSET and body.end_time is UNSET):
        yield FieldProblem("service_session_id", "A session has its own time: send one or the other")


_TIMES: Rules = (_without_session("start_time"), _without_session("end_time"), ends_later)
TIME_OR_SESSION_RULES: Rules = (*_TIMES, _not_both)

PARTS_MAX = 100
COURSE_SESSIONS_MAX = 200
Title = Annotated[str, text(TEXT, most=200)]


class PurchaseFields(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What any purchase may say. Only staff may name another than themselves as `user_id`."""

    service_id: Id
    title: Title = ""
    description: LongText = ""
    client_notes: LongText = ""
    timezone: ZoneText = "UTC"
    user_id: Id | None = None


class NewMarketBooking(PurchaseFields, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A session: with this practitioner, or with any who is free (null). A seat of a workshop's session
    has that session's practitioner and times, which may be left out.
    """

    practitioner_id: Id | UnsetType | None = UNSET
    start_time: Moment | UnsetType = UNSET
    end_time: Moment | UnsetType = UNSET
    location_id: Id | None = None
    service_session_id: Id | None = None
    use_credits: bool = True
    """Matching credits pay, the soonest to expire first."""

    json_schema: ClassVar[Mapping[str, Any]] = {
        "anyOf": [
            {"required": ["practitioner_id", "start_time", "end_time"]},
            {"required": ["service_session_id"], "properties": {"service_session_id": {"type": "integer"}}},
        ]
    }
    rules: ClassVar[Rules] = (_without_session("practitioner_id"), *_TIMES)


class PackagePart(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When one of a package's services is to be; of a workshop, in which session. `index` counts its services from 0."""

    index: Annotated[int, Meta(ge=0, lt=PARTS_MAX)]
    start_time: Moment | UnsetType = UNSET
    end_time: Moment | UnsetType = UNSET
    practitioner_id: Id | None = None
    location_id: Id | None = None
    service_session_id: Id | UnsetType = UNSET

    json_schema: ClassVar[Mapping[str, Any]] = TIME_OR_SESSION
    rules: ClassVar[Rules] = TIME_OR_SESSION_RULES


class NewPackage(PurchaseFields, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What `schedule` leaves out is scheduled later, by rescheduling the child booking."""

    schedule: Annotated[list[PackagePart], Meta(max_length=PARTS_MAX)] = []


class NewBundle(PurchaseFields, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class NewCourse(PurchaseFields, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


def time_or_session(sent: Timed) -> tuple[datetime, datetime] | int:
    """(start, end), or the id of the session that was named instead."""
    session_id = sent.service_session_id
    return session_id if isinstance(session_id, int) else sent_span(sent)


def sent_span(sent: Spanned) -> tuple[datetime, datetime]:
    starts, ends = sent.start_time, sent.end_time
    assert isinstance(starts, datetime) and isinstance(ends, datetime)  # noqa: S101, PT018 - the bodies' rules hold
    return span(starts, ends)
