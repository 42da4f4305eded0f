"""Which lane a command belongs to: a partition key, hashed in Python or by the statement that writes the command."""

from __future__ import annotations

import zlib
from datetime import date

from msgspec import Struct

from core.domain.names import folded


class ServicePartition(Struct, frozen=True):
    """A day at the resource of a service: its own, or the desk."""

    service_name: str
    day: date


class RoomPartition(Struct, frozen=True):
    """A room's day. An unknown room leads to the desk, and the lane refuses the command."""

    room_id: int
    day: date


PartitionKey = str | ServicePartition | RoomPartition
"""A key itself, or what the statement that writes the command looks it up by, so that it is never out of date."""


def partition_key(resource_id: int, day: date) -> str:
    return f"{resource_id}:{day.isoformat()}"


class PartitionRow(Struct, frozen=True):
    """A partition key as a statement gets it: its CRC (`slot_crc`), or what `SQL_PARTITION_CRC` computes that from."""

    slot_crc: int | None = None
    service_key: str | None = None
    room_id: int | None = None
    day: date | None = None


def partition_row(key: PartitionKey) -> PartitionRow:
    match key:
        case ServicePartition(service_name, day):
            return PartitionRow(service_key=folded(service_name), day=day)
        case RoomPartition(room_id, day):
            return PartitionRow(room_id=room_id, day=day)
        case _:
            return PartitionRow(slot_crc=zlib.crc32(key.encode()))


PARTITION_COLUMNS = "slot_crc bigint, service_key text, room_id bigint, day text"
SQL_PARTITION_CRC = """coalesce(n.slot_crc, crc32(convert_to(concat(coalesce(
    (SELECT resource_id FROM service WHERE name_folded = n.service_key AND is_named AND is_active ORDER BY id LIMIT 1),
    (SELECT resource_id FROM room WHERE id = n.room_id),
    (SELECT id FROM resource WHERE kind = 'desk')), ':', n.day), 'UTF8')))"""
"""The CRC of a partition key, as `partition_key` and `zlib.crc32` compute it in Python, from a row `n` with `PARTITION_COLUMNS`."""
