"""The part of a command's weight that only the database knows, for the statement that accepts it.

Most commands load nothing else, and cost one comparison.
"""

from __future__ import annotations

from core.domain.weights import ALSO_LOADED, HEAVIEST, AlsoLoaded

_LOOKED_AT = 10_000
"""At most so many rows are counted: that is far more than a batch."""


def _types(*of: AlsoLoaded) -> str:
    tags = sorted(str(kind.__struct_config__.tag) for kind, beside in ALSO_LOADED.items() if beside in of)
    return ", ".join(f"'{tag}'" for tag in tags)


_PARTS = """(SELECT count(*) FROM marketplace_booking f WHERE f.parent_id IN (
    SELECT coalesce(m.parent_id, m.booking_id) FROM marketplace_booking m WHERE m.booking_id = ANY({bookings})))"""
_NAMED = """CASE WHEN n.body->'booking_ids' IS NULL THEN ARRAY[(n.body->>'booking_id')::bigint]
             ELSE ARRAY(SELECT json_array_elements_text(n.body->'booking_ids')::bigint) END"""
_PAID = "ARRAY(SELECT booking_id FROM payment WHERE id = (n.body->>'payment_id')::uuid)"
_DAYS = """tstzrange(((n.body->>'first_day')::date - interval '1 day') AT TIME ZONE 'UTC',
                   ((n.body->>'last_day')::date + interval '2 days') AT TIME ZONE 'UTC')"""
"""Wide enough for the days of any zone."""
_SLOTS = """SELECT FROM category k JOIN time_slot s ON s.category_id = k.id AND s.deleted_at IS NULL
             AND tstzrange(s.starts_at, s.ends_at) && {during} WHERE k.resource_id = {resource}"""
_CLOSED = f"""(SELECT count(*) FROM (
    SELECT FROM claim c WHERE c.resource_id = (n.body->>'resource_id')::bigint AND c.during && {_DAYS}
    UNION ALL {_SLOTS.format(during=_DAYS, resource="(n.body->>'resource_id')::bigint")} LIMIT {_LOOKED_AT}) AS inside)"""
_REOPENED = f"""(SELECT count(*) FROM closure c CROSS JOIN LATERAL (
    {_SLOTS.format(during="c.during", resource="c.resource_id")} LIMIT {_LOOKED_AT}) AS inside
    WHERE c.id = (n.body->>'closure_id')::bigint)"""

SQL_WEIGHT = f"""least(n.weight + CASE
    WHEN n.type IN ({_types(AlsoLoaded.NOTHING)}) THEN 0
    WHEN n.type IN ({_types(AlsoLoaded.PURCHASES)}) THEN {_PARTS.format(bookings=_NAMED)}
    WHEN n.type IN ({_types(AlsoLoaded.PURCHASE_PAID)}) THEN {_PARTS.format(bookings=_PAID)}
    WHEN n.type IN ({_types(AlsoLoaded.TIME_CLOSED)}) THEN {_CLOSED}
    WHEN n.type IN ({_types(AlsoLoaded.TIME_REOPENED)}) THEN {_REOPENED}
    ELSE 0 END, {HEAVIEST})"""
"""Of a row `n` with `type`, `body` and its own `weight`."""
