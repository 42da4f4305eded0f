"""The one list of where personal data is kept, whose it is, and what becomes of it when the account is deleted.

Erasure empties what the list names, export reads it out to its person, and a test compares the list with the
schema: each column of text or JSON stands here or in `NOT_PERSONAL`.

Conditions are SQL on the table, which is called `t`; `%(id)s` is the person. A practitioner's rows are found by
`PRACTITIONER`, which keeps its `user_id`.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Fate(StrEnum):
    """What becomes of a column when its person leaves."""

    EMPTIED = "emptied"
    REPLACED = "replaced"
    DELETED = "deleted with its row"
    KEPT = "kept"


class Field(Struct, frozen=True):
    """A column, or one path of a JSON column, that can hold personal data."""

    column: str
    fate: Fate
    value: str = "''"
    """The SQL expression that takes its place."""
    path: tuple[str, ...] = ()
    """Within a JSON column. What is emptied there is removed: empty is these fields' default."""
    only: str = ""
    """A condition: other rows keep it."""
    why: str = ""
    """Why it is kept."""
    is_exported: bool = True
    """False: it says something of somebody else, in whose export it stands, if in any."""


class Rows(Struct, frozen=True, kw_only=True):
    """Rows of one table that say something of a person."""

    name: str
    """A key of the export and a step of the erasure: it stays."""
    table: str
    whose: str
    find: str
    fields: tuple[Field, ...] = ()
    key: str = "t.id"
    """A whole number that steps and pages are ordered by."""
    also: str = ""
    """Columns that the export shows too; they are not personal data by themselves."""
    is_exported: bool = True
    exported_if: str = "true"
    is_deleted: bool = False
    """Whole rows are deleted."""
    at_once: bool = False
    """In the transaction that deletes the account: what logs people in, or shows them in lists."""


EMPTIED, REPLACED, DELETED, KEPT = Fate

PRACTITIONER = "(SELECT p.id FROM practitioner p WHERE p.user_id = %(id)s)"
_SERVICES = f"""(SELECT s.id FROM service s WHERE s.owner_id = {PRACTITIONER}
    UNION SELECT s.id FROM service s JOIN service_practitioner g ON g.service_id = s.id
        JOIN practitioner p ON p.id = g.practitioner_id
    WHERE p.user_id = %(id)s AND s.owner_id IS NULL AND p.name <> '' AND position(lower(p.name) IN lower(s.name)) > 0
        AND NOT EXISTS (SELECT FROM service_practitioner o WHERE o.service_id = s.id AND o.practitioner_id <> p.id))"""
"""What they keep, and what staff named after them and only they give. So their own name is replaced last."""
_OF_SERVICES = f"(SELECT m.booking_id FROM marketplace_booking m WHERE m.service_id IN {_SERVICES})"
_GIVEN = f"(SELECT m.booking_id FROM marketplace_booking m WHERE m.practitioner_id = {PRACTITIONER})"
_RESOURCES = f"""(SELECT p.resource_id FROM practitioner p WHERE p.user_id = %(id)s
    UNION ALL SELECT lr.resource_id FROM location_room lr JOIN location l ON l.id = lr.location_id
    WHERE l.owner_id = {PRACTITIONER})"""
FORMER_SERVICE = "'Former service'"
TYPED_NAME = "'Removed service name'"
REASON = "the account was deleted"
"""Of the cancellations that follow."""
BOOKKEEPING = "Bookkeeping: the provider's own number of a payment, by which it is found in its books and ours"
BY_ID_ONLY = "An account's number. It names nobody once the account is anonymised"


def _each(columns: str, fate: Fate, value: str = "''", why: str = "") -> tuple[Field, ...]:
    return tuple(Field(column, fate, value, why=why) for column in columns.split())


def _in_details(names: str) -> tuple[Field, ...]:
    return tuple(Field("details", EMPTIED, path=(name,)) for name in names.split())


def _reason_of_cancellation(only: str) -> Field:
    return Field("details", EMPTIED, path=("cancellation", "reason"), only=only)


def _sign_in(name: str, table: str, columns: str, also: str = "", *, exported: bool = True, key: str = "t.id") -> Rows:
    return Rows(
        name=name,
        table=table,
        whose="the person",
        find="t.user_id = %(id)s",
        key=key,
        at_once=True,
        is_deleted=True,
        is_exported=exported,
        fields=_each(columns, DELETED),
        also=also,
    )


def _kept(name: str, table: str, whose: str, *fields: tuple[Field, ...]) -> Rows:
    """Rows that no step touches."""
    return Rows(name=name, table=table, whose=whose, find="false", is_exported=False, fields=sum(fields, ()))


ACCOUNT = Rows(
    name="account",
    table="user_account",
    whose="the person",
    find="t.id = %(id)s",
    at_once=True,
    also="date_joined is_active is_staff is_superuser is_practitioner reminders practitioner_reminders",
    fields=(
        *_each("username username_key", REPLACED, "'deleted-' || t.id"),
        *_each("phone", EMPTIED),
        *_each("phone_key email email_key", EMPTIED, "NULL"),
        *_each("contact_email first_name last_name gender country", EMPTIED),
        *_each("country_code email_verified_at last_login language", EMPTIED, "NULL"),
    ),
)
SECRETS = Rows(
    name="password_and_search",
    table="user_account",
    whose="the person",
    find="t.id = %(id)s",
    at_once=True,
    is_exported=False,
    fields=(Field("password_hash", EMPTIED, "NULL"), Field("words", EMPTIED)),
)
"""The password's hash, and the names again as the search reads them, which a trigger writes. Nobody is shown either."""

WHEN = "(extract(epoch FROM t.created_at) * 1000000)::bigint"
SIGN_INS = (
    _sign_in("sign_ins", "login_session", "address user_agent", "created_at expires_at ended_at", key=WHEN),
    _sign_in("sign_in_secrets", "login_session", "csrf_secret", exported=False),
    _sign_in("api_tokens", "api_token", "", "created_at revoked_at"),
    _sign_in("calendar_links", "calendar_link", "label", "kind subject_id names created_at ended_at"),
    _sign_in("tickets", "ws_ticket", "", exported=False, key="t.user_id"),
    _sign_in("password_resets", "password_reset", "email_key", exported=False, key="t.user_id"),
    _sign_in("providers", "social_account", "provider subject email", "linked_at"),
    _sign_in("earlier_phones", "earlier_phone", "phone_key", "until", key=WHEN.replace("created_at", "until")),
)

BOOKINGS = Rows(
    name="bookings",
    table="booking",
    whose="the client",
    find="t.user_id = %(id)s",
    also=(
        "public_uuid contract starts_at ends_at duration_minutes status payment_status price_minor currency created_at"
        " updated_at deleted_at"
    ),
    fields=(
        Field("notes", EMPTIED),
        # A name that no service has is what a caller typed.
        Field(
            "service_name",
            REPLACED,
            f"CASE WHEN t.service_id IS NULL AND t.contract IN ('appointments', 'agent') THEN {TYPED_NAME}"
            " ELSE t.service_name END",
        ),
        *_in_details("title description client_notes meeting_url meeting_id timezone"),
        _reason_of_cancellation(f"t.details #>> '{{cancellation,reason}}' IS DISTINCT FROM '{REASON}'"),
    ),
)
BOOKINGS_GIVEN = Rows(
    name="bookings_given",
    table="booking",
    whose="the practitioner",
    find=f"t.id IN {_GIVEN}",
    also="starts_at ends_at status",
    fields=(
        *_in_details("meeting_url meeting_id"),
        _reason_of_cancellation("t.details #>> '{cancellation,by}' = 'practitioner'"),
    ),
)
BOOKINGS_OF_SERVICES = Rows(
    name="bookings_of_services",
    table="booking",
    whose="the practitioner",
    find=f"t.id IN {_OF_SERVICES}",
    is_exported=False,
    fields=(Field("service_name", REPLACED, FORMER_SERVICE),),
)
MARKETPLACE = (
    Rows(
        name="search_words",
        table="marketplace_booking",
        whose="the client",
        find="t.user_id = %(id)s",
        key="t.booking_id",
        is_exported=False,
        fields=(Field("words", EMPTIED),),
    ),
    Rows(
        name="search_words_of_services",
        table="marketplace_booking",
        whose="the practitioner",
        find=f"t.service_id IN {_SERVICES}",
        key="t.booking_id",
        is_exported=False,
        fields=(Field("words", REPLACED, f"lower({FORMER_SERVICE})"),),
    ),
    Rows(
        name="notes",
        table="booking_note",
        whose="the client",
        find="t.booking_id IN (SELECT b.id FROM booking b WHERE b.user_id = %(id)s)",
        fields=(Field("content", EMPTIED),),
        also="booking_id created_at",
        exported_if="NOT t.is_private",
    ),
    Rows(
        name="notes_written",
        table="booking_note",
        whose="the author",
        find="""t.author_id = %(id)s AND NOT EXISTS (
            SELECT FROM booking b WHERE b.id = t.booking_id AND b.user_id = %(id)s)""",
        fields=(
            Field(
                "content", KEPT, why="It belongs to the client's booking, and goes with the client", is_exported=False
            ),
        ),
        also="booking_id is_private created_at",
    ),
    Rows(
        name="waiting",
        table="waiting_place",
        whose="the client",
        find="t.user_id = %(id)s AND t.booking_id IS NULL",
        is_deleted=True,
        also="session_id created_at",
    ),
    Rows(
        name="credits",
        table="credit",
        whose="the client",
        find="t.user_id = %(id)s",
        key="t.booking_id",
        also="granted balance expires_at",
    ),
    Rows(
        name="payments",
        table="payment",
        whose="the client",
        find="t.booking_id IN (SELECT b.id FROM booking b WHERE b.user_id = %(id)s)",
        key="t.booking_id * 1000 + t.attempt",
        fields=(
            *_each("intent_id refund_id", KEPT, why=BOOKKEEPING),
            Field("decline", KEPT, why="The provider's code, from a list of its own"),
        ),
        also="booking_id amount_minor currency state received_minor refunded_minor created_at",
    ),
    Rows(
        name="sessions",
        table="service_session",
        whose="the practitioner",
        find=f"t.practitioner_id = {PRACTITIONER}",
        fields=(Field("title", EMPTIED), Field("meeting_url", EMPTIED)),
        also="service_id starts_at ends_at",
    ),
    Rows(
        name="closures",
        table="closure",
        whose="the practitioner",
        find=f"t.resource_id IN {_RESOURCES}",
        fields=(Field("reason", EMPTIED),),
        also="first_day last_day",
    ),
    Rows(
        name="resources",
        table="resource",
        whose="the practitioner",
        find=f"t.id IN {_RESOURCES}",
        fields=(Field("name", REPLACED, "'Former ' || t.kind"),),
    ),
    Rows(
        name="locations",
        table="location",
        whose="the practitioner",
        find=f"t.owner_id = {PRACTITIONER}",
        fields=(Field("name", REPLACED, "'Former location'"), Field("address", EMPTIED)),
    ),
    Rows(
        name="services",
        table="service",
        whose="the practitioner",
        find=f"t.id IN {_SERVICES}",
        fields=(
            Field("name", REPLACED, "'Former service ' || t.id"),
            *_each("name_key name_folded", REPLACED, "'former service ' || t.id"),
            Field("description", EMPTIED),
        ),
    ),
    Rows(
        name="practitioner",
        table="practitioner",
        whose="the practitioner",
        find="t.user_id = %(id)s",
        fields=(
            Field("name", REPLACED, "'Former practitioner'"),
            *_each("name_key name_folded", REPLACED, "'former practitioner'"),
            Field("bio", EMPTIED),
            *_each("hours breaks", REPLACED, "'[]'"),
        ),
    ),
)
"""In this order: what is found by the practitioner's name comes before the name itself."""

AUDIT = (
    Rows(
        name="audit_log",
        table="audit_person",
        whose="the person who made a change, and the one it is about",
        find="t.user_id = %(id)s",
        is_deleted=True,
        also="at",
        fields=_each("address request_id before after", DELETED),
    ),
    Rows(
        name="audit_log_of_services",
        table="audit_person",
        whose="the practitioner",
        find=f"""t.user_id IS NULL AND t.entry_id IN (
            SELECT a.id FROM audit_entry a WHERE a.subject IN (SELECT 'service:' || s.id FROM {_SERVICES} AS s))""",
        is_exported=False,
        is_deleted=True,
    ),
)
"""Before the services themselves, which it finds by their practitioner."""

WORDS = "What this answer said about a person was removed"
REMOVED = "anonymised"
"""The code of an answer whose words were removed."""
_REMOVED = f"""json_build_object(
        'success', t.status = 'succeeded', 'message', '{WORDS}', 'error', '{WORDS}', 'detail', '{WORDS}',
        'code', '{REMOVED}', 'status', t.http_status, 'errors', '[]'::json)"""
COMMANDS = Rows(
    name="commands",
    table="outcome",
    whose="whom the command names, and whose booking or session it touched",
    find="t.about && ARRAY['user:' || %(id)s]",
    is_exported=False,
    fields=(
        Field("body", EMPTIED, "'{}'"),
        Field("response", REPLACED, _REMOVED),
        Field("about", EMPTIED, "NULL"),
        Field("request_id", EMPTIED),
        *_each("owner actor", KEPT, why=BY_ID_ONLY),
    ),
)
"""Found by the names in `about`, earlier phone numbers too: see `core.identity.personal_data.erasure`."""

IDEMPOTENCY = Rows(
    name="idempotency_keys",
    table="idempotency_key",
    whose="the sender",
    find="t.scope = 'user:' || %(id)s",
    at_once=True,
    is_exported=False,
    is_deleted=True,
    fields=_each("scope key", DELETED),
)
MAILS = (
    Rows(
        name="guest_links",
        table="guest_link",
        whose="the client",
        find="t.booking_id IN (SELECT b.id FROM booking b WHERE b.user_id = %(id)s)",
        at_once=True,
        is_exported=False,
        is_deleted=True,
    ),
    Rows(
        name="mail_addresses",
        table="mail_address",
        whose="the person",
        find="t.user_id = %(id)s AND t.refused_at IS NULL",
        at_once=True,
        is_exported=False,
        is_deleted=True,
        fields=_each("bounce", DELETED),
    ),
    Rows(
        name="kept_mails",
        table="kept_mail",
        whose="the person",
        find="t.user_id = %(id)s",
        at_once=True,
        is_exported=False,
        is_deleted=True,
        fields=_each("subject text html calendar", DELETED),
    ),
)
"""An address that wants no mails is remembered, by its hash alone: nobody writes to it when somebody gives it again."""
BUSY_CALENDARS = Rows(
    name="busy_calendars",
    table="busy_calendar",
    whose="the practitioner",
    find=f"t.resource_id IN {_RESOURCES}",
    at_once=True,
    fields=(Field("sealed_url", EMPTIED, is_exported=False), *_each("host label", EMPTIED)),
    also="created_at fetched_at",
)
"""Without a URL it is followed no more: the worker ends its closures, and deletes the row."""
STEPPED = (BOOKINGS, BOOKINGS_GIVEN, BOOKINGS_OF_SERVICES, *AUDIT, *MARKETPLACE)
WHEN_LEAVING = (ACCOUNT, SECRETS, *SIGN_INS, *MAILS, BUSY_CALENDARS, IDEMPOTENCY)
ELSEWHERE = (
    _kept(
        "inbox",
        "inbox",
        "whom the command names",
        _each(
            "body actor owner request_id address",
            KEPT,
            why="Undecided: emptied as an outcome, before the deletion is finished",
        ),
    ),
    _kept(
        "audit_entries",
        "audit_entry",
        "the person who made a change",
        _each("actor", KEPT, why="An account's number, or the operator's account on the host"),
        _each("subject also", KEPT, why=BY_ID_ONLY),
        _each("before after", KEPT, why="Numbers and states: what says something of a person is in audit_person"),
        _each("address request_id", KEPT, why="Of a machine or host; gone after 400 days"),
    ),
    _kept(
        "events",
        "event",
        "whose booking it is about",
        _each("owner actor", KEPT, why=BY_ID_ONLY),
        _each("data", KEPT, why="Numbers, states and the engine's own words: what people write is not in it"),
        _each("request_id", KEPT, why="Names a request; gone after 7 days"),
    ),
    _kept(
        "deletions",
        "erasure",
        "the person who leaves",
        _each("names phones", KEPT, why="Commands are found by them until the deletion is finished"),
        _each("actor", KEPT, why=BY_ID_ONLY),
        _each("request_id", KEPT, why="Names a request; gone with the row"),
    ),
    _kept(
        "agent_keys",
        "agent_key",
        "the house",
        _each("name", KEPT, why="Names a machine, which stays when the person who made its key leaves"),
        _each("networks", KEPT, why="Of a machine"),
    ),
    _kept(
        "embedding",
        "embedding_origin",
        "the house",
        _each("origin", KEPT, why="Of another's web site, which stays when the person who named it leaves"),
    ),
    _kept(
        "webhooks",
        "webhook_endpoint",
        "the house",
        _each("url description", KEPT, why="Of another's server, which stays when the person who named it leaves"),
    ),
    _kept(
        "busy_calendars_of_the_house",
        "busy_calendar",
        "the house",
        _each("sealed_url host label", KEPT, why="The house's resource follows it, whoever named it"),
    ),
    _kept(
        "agent_key_uses",
        "agent_key_use",
        "the house",
        _each("last_address", KEPT, why="Of a machine; gone after 400 days"),
    ),
    _kept(
        "mail_counts",
        "mail_count",
        "who gets mails, or brings them about",
        _each("who", KEPT, why="The hash of an address, or an account's number; gone after two days"),
    ),
    _kept("bulks", "bulk", "the sender", _each("owner", KEPT, why=BY_ID_ONLY)),
)
"""What no step empties, with the reason."""

LISTED: tuple[Rows, ...] = (*WHEN_LEAVING, *STEPPED, COMMANDS, *ELSEWHERE)

NOT_PERSONAL: dict[str, str] = {
    "alembic_version": "version_num",
    "agent_key": "hint",
    "audit_entry": "actor_kind action",
    "booking": "contract status payment_status currency",
    "booking_settings": "",
    "booking_tally": "listed_as",
    "booking_tally_change": "listed_as",
    "bounce_mailbox": "mailbox problem",
    "bulk": "mode",
    "busy_calendar": "answer etag last_modified",
    "calendar_link": "role kind",
    "canary": "stage",
    "category": "name name_key name_folded",
    "database_restore": "holdfast schema_before known_epoch",
    "delivery": "sender receiver type epoch data state answer detail",
    "delivery_ahead": "sender receiver key type data",
    "delivery_attempt": "verdict answer detail",
    "delivery_cursor": "sender epoch missed_why",
    "delivery_receiver": "sender receiver",
    "delivery_run": "sender receivers",
    "erasure": "step",
    "event": "type contract traceparent",
    "feed": "epoch origin",
    "inbox": "type contract reply_to traceparent",
    "installation": "serves_from tzdata time_zone maintenance_message",
    "location": "zone",
    "marketplace_booking": "kind status payment_status",
    "oauth_attempt": "provider code_verifier nonce next_path",
    "outcome": "type contract status",
    "parked_command": "why",
    "payment": "currency state refund_reason problem traceparent",
    "payments_gate": "problem",
    "resource": "kind zone",
    "restore_finding": "intent_id kind currency",
    "room": "name description amenities currency",
    "service": "currency kind",
    "stripe_event": "id type",
    "webhook_endpoint": "event_types sealed_secret sealed_previous disabled_why",
    "wall_time_move": "tzdata kind zone problem",
    "zone_rules": "zone",
    "user_tally": "gender_key country_code",
    "user_tally_change": "gender_key country_code",
}
"""Columns without personal data: our own words and states, names of rooms and categories, machines' errors, sign-ins
that belong to nobody yet, and totals. Columns that PostgreSQL generates follow those that they are made from."""

NOT_PERSONAL_IN_DETAILS = frozenset({"type", "kind", "ends", "by"})
"""Text in a booking's `details` that names nobody: `by` is a role."""
