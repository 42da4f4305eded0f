"""Links to calendars: who has the token reads. What is kept of a token is its hash."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from core.calendars.subscriptions import LINKS_PER_USER_MAX, HeldLink, LinkKind, LinkRole
from core.store.connections.database import AsyncConnection
from core.store.connections.queries import fetch_all_as, fetch_one, find_as, find_one

_ROLE_HOLDS = """u.is_active AND u.anonymised_at IS NULL AND CASE k.role
    WHEN 'staff' THEN u.is_staff OR u.is_superuser
    WHEN 'practitioner' THEN u.is_practitioner AND EXISTS (
        SELECT FROM practitioner p WHERE p.id = k.subject_id AND p.user_id = u.id AND p.is_active)
    ELSE true END"""
_LIVE = f"calendar_link k JOIN user_account u ON u.id = k.user_id AND k.ended_at IS NULL AND {_ROLE_HOLDS}"
SQL_BY_TOKEN = f"""
SELECT k.id, k.kind, k.role, k.subject_id, k.names, k.label FROM {_LIVE} WHERE k.token_hash = %(hash)s
"""
_COLUMNS = "k.id, k.kind, k.subject_id, k.names, k.label, k.created_at, k.rotated_at"
SQL_LISTED = f"SELECT {_COLUMNS} FROM {_LIVE} WHERE k.user_id = %(user_id)s ORDER BY k.id LIMIT {LINKS_PER_USER_MAX}"
SQL_ONE = f"SELECT {_COLUMNS} FROM {_LIVE} WHERE k.user_id = %(user_id)s AND k.id = %(id)s FOR NO KEY UPDATE OF k"
SQL_LOCK_USER = "SELECT FROM user_account WHERE id = %(user_id)s FOR NO KEY UPDATE"
SQL_COUNT = f"SELECT count(*) FROM {_LIVE} WHERE k.user_id = %(user_id)s"
SQL_INSERT = """
INSERT INTO calendar_link (token_hash, user_id, role, kind, subject_id, names, label)
VALUES (%(hash)s, %(user_id)s, %(role)s, %(kind)s, %(subject_id)s, %(names)s, %(label)s) RETURNING id
"""
SQL_ROTATE = "UPDATE calendar_link SET token_hash = %(hash)s, rotated_at = clock_timestamp() WHERE id = %(id)s"
SQL_END = "UPDATE calendar_link SET ended_at = clock_timestamp() WHERE id = %(id)s AND ended_at IS NULL"
SQL_END_WITH_ROLE = f"""
UPDATE calendar_link k SET ended_at = clock_timestamp() FROM user_account u
WHERE u.id = k.user_id AND k.user_id = %(user_id)s AND k.ended_at IS NULL AND NOT ({_ROLE_HOLDS})
"""
SQL_SUBJECTS = {
    LinkKind.PRACTITIONER: "SELECT name FROM practitioner WHERE id = %s",
    LinkKind.ROOM: "SELECT name FROM room WHERE id = %s",
    LinkKind.CATEGORY: "SELECT name FROM category WHERE id = %s",
}


class NewLink(Struct, frozen=True):
    user_id: int
    role: LinkRole
    kind: LinkKind
    subject_id: int | None
    names: bool
    label: str


class LinkRecord(Struct, frozen=True):
    """A link that holds, as its maker sees it."""

    id: int
    kind: str
    subject_id: int | None
    names: bool
    label: str
    created_at: datetime
    rotated_at: datetime | None


async def by_hash(connection: AsyncConnection, token_hash: bytes) -> HeldLink | None:
    """None for a token that is unknown, replaced or revoked, and where its maker lost the role: all alike."""
    found = await find_one(connection, SQL_BY_TOKEN, {"hash": token_hash})
    return None if found is None else HeldLink(found[0], LinkKind(found[1]), LinkRole(found[2]), *found[3:])


async def listed(connection: AsyncConnection, user_id: int) -> list[LinkRecord]:
    return await fetch_all_as(connection, LinkRecord, SQL_LISTED, {"user_id": user_id})


async def locked(connection: AsyncConnection, user_id: int, link_id: int) -> LinkRecord | None:
    """One of somebody's own that holds, held until the end of the transaction."""
    return await find_as(connection, LinkRecord, SQL_ONE, {"user_id": user_id, "id": link_id})


async def make(connection: AsyncConnection, new: NewLink, token_hash: bytes) -> int | None:
    """Its id; None if there are `LINKS_PER_USER_MAX` already. Within a transaction: the maker's row is locked."""
    await connection.execute(SQL_LOCK_USER, {"user_id": new.user_id})
    if (await fetch_one(connection, SQL_COUNT, {"user_id": new.user_id}))[0] >= LINKS_PER_USER_MAX:
        return None
    values = {
        "hash": token_hash,
        "user_id": new.user_id,
        "role": new.role.value,
        "kind": new.kind.value,
        "subject_id": new.subject_id,
        "names": new.names,
        "label": new.label,
    }
    return int((await fetch_one(connection, SQL_INSERT, values))[0])


async def rotate(connection: AsyncConnection, link_id: int, token_hash: bytes) -> None:
    """The token before it reads nothing from now on."""
    await connection.execute(SQL_ROTATE, {"id": link_id, "hash": token_hash})


async def end(connection: AsyncConnection, link_id: int) -> None:
    await connection.execute(SQL_END, {"id": link_id})


async def end_with_role(connection: AsyncConnection, user_id: int) -> None:
    """For good: a role that is given back does not bring back what was read by links of before."""
    await connection.execute(SQL_END_WITH_ROLE, {"user_id": user_id})


async def subject_name(connection: AsyncConnection, kind: LinkKind, subject_id: int) -> str | None:
    """The name of a practitioner, room or category; None if there is none with this id."""
    found = await find_one(connection, SQL_SUBJECTS[kind], (subject_id,))
    return None if found is None else str(found[0])
