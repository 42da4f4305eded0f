"""Agent keys: for call centres and other systems that book for people by phone number.

A key belongs to the installation, not to the person who made it: it outlives that account, and ends
when staff revoke it. It is shown once; what is kept is its hash and its first characters.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network

from msgspec import Struct

from core.identity.principals import How, Principal, PrincipalKind, hash_token, new_token
from core.store.connections.database import AsyncConnection
from core.store.connections.queries import find_as, find_one

Network = IPv4Network | IPv6Network

PREFIX = "hfa_"
"""Says what it is where one is found in a log or a repository."""
HINT_CHARS = len(PREFIX) + 6
KEYS_MAX = 1_000
"""Live ones."""
NETWORKS_MAX = 64
WRITES_PER_MINUTE_DEFAULT = 6_000
WRITES_PER_MINUTE_MAX = 1_000_000


class AgentKey(Struct, frozen=True):
    """A live key, as a request needs it."""

    id: int
    networks: Sequence[Network]
    writes_per_minute: int
    epoch: int

    def may_come_from(self, address: str) -> bool:
        if not self.networks:
            return True
        try:
            one = ipaddress.ip_address(address)
        except ValueError:
            return False
        plain = (one.ipv4_mapped if isinstance(one, ipaddress.IPv6Address) else None) or one
        return any(plain in network for network in self.networks)

    @property
    def principal(self) -> Principal:
        return Principal(PrincipalKind.AGENT, key_id=self.id, how=How.TOKEN, auth_epoch=self.epoch)


class NewKey(Struct, frozen=True):
    name: str
    networks: Sequence[Network] = ()
    writes_per_minute: int = WRITES_PER_MINUTE_DEFAULT


SQL_MAKE = """
INSERT INTO agent_key (name, hint, token_hash, networks, writes_per_minute, created_by)
SELECT %(name)s, %(hint)s, %(hash)s, %(networks)s::cidr[], %(writes_per_minute)s, %(by)s
WHERE (SELECT count(*) FROM agent_key WHERE revoked_at IS NULL) < %(most)s
RETURNING id
"""
SQL_HOLDING = """
SELECT id, networks, writes_per_minute, epoch FROM agent_key WHERE token_hash = %(hash)s AND revoked_at IS NULL
"""
SQL_CHANGE = """
UPDATE agent_key
SET name = %(name)s, writes_per_minute = %(writes_per_minute)s, networks = %(networks)s::cidr[],
    epoch = epoch + (networks IS DISTINCT FROM %(networks)s::cidr[])::integer
WHERE id = %(id)s AND revoked_at IS NULL
"""
SQL_REVOKE = """
UPDATE agent_key SET revoked_at = clock_timestamp(), revoked_by = %(by)s WHERE id = %(id)s AND revoked_at IS NULL
"""


async def make(connection: AsyncConnection, new: NewKey, by: int | None) -> tuple[int, str] | None:
    """(id, the key in clear for the only time), or None if there are already `KEYS_MAX`."""
    token = PREFIX + new_token()
    parameters = {
        "name": new.name,
        "hint": token[:HINT_CHARS],
        "hash": hash_token(token),
        "networks": [str(network) for network in new.networks],
        "writes_per_minute": new.writes_per_minute,
        "by": by,
        "most": KEYS_MAX,
    }
    row = await find_one(connection, SQL_MAKE, parameters)
    return None if row is None else (int(row[0]), token)


async def by_token(connection: AsyncConnection, token: str) -> AgentKey | None:
    return await find_as(connection, AgentKey, SQL_HOLDING, {"hash": hash_token(token)})


async def change(connection: AsyncConnection, key_id: int, new: NewKey) -> bool:
    """False for a key that is revoked or never was. A new address list ends the key's sockets."""
    parameters = {
        "id": key_id,
        "name": new.name,
        "networks": [str(network) for network in new.networks],
        "writes_per_minute": new.writes_per_minute,
    }
    return (await connection.execute(SQL_CHANGE, parameters)).rowcount == 1


async def revoke(connection: AsyncConnection, key_id: int, by: int | None) -> bool:
    """False for a key that is already revoked or never existed."""
    return (await connection.execute(SQL_REVOKE, {"id": key_id, "by": by})).rowcount == 1
