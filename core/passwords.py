"""Password hashes: argon2id, in a bounded pool beside the event loop.

Parameters are OWASP's (Password Storage Cheat Sheet: 19 MiB, 2 passes, 1 lane), within RFC 9106:
one lane keeps a login to one core. A hash made with others is replaced at its owner's next login.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

PASSWORD_MIN_CHARS = 8
PASSWORD_MAX_CHARS = 256
"""argon2 digests its whole input first: a limit keeps a request from choosing the cost."""

HASHING_THREADS = 1
"""Hashes at once in one process. argon2 lets go of the GIL, so this is how much of the machine
logins may take from bookings; waiting logins queue."""
WAITING_MAX = 256
"""Logins waiting for their turn in one process: about five seconds of hashing."""
WAITING_PER_ADDRESS_MAX = 64
"""Logins of one address among them. Addresses take turns, so a crowd from one delays each other by one login; while
all places are taken, a newcomer gets that of the newest login of the largest crowd."""
HASHING_NICENESS = 10
"""Hashing threads give way to the event loop when both want the core."""

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)


def hash_password(password: str) -> str:
    """The encoded hash to store. Takes about 20 ms of a core: not for the event loop."""
    return _hasher.hash(password)


@lru_cache(maxsize=1)
def hash_shared_password(password: str) -> str:
    """One hash for all accounts that are given the same password, made once a process.

    Their salts need not differ: a salt hides that two people chose the same password, and here
    everybody knows it. Such an account can do nothing before its owner has set another.
    """
    return hash_password(password)


@lru_cache(maxsize=1)
def _hash_of_nobody() -> str:
    return _hasher.hash("nobody has this password")


def verify_password(stored: str | None, password: str) -> bool:
    """Takes equally long for an unknown user or one without a password (`stored` is None)."""
    try:
        matches = _hasher.verify(stored or _hash_of_nobody(), password)
    except (VerificationError, InvalidHashError):
        return False
    return matches and stored is not None


def needs_rehash(stored: str) -> bool:
    return _hasher.check_needs_rehash(stored)


class TooManyWaitingError(Exception):
    """More logins wait than can be served soon."""


class FairQueue:
    """A bounded number at once; the others wait. Addresses take turns; logins of one address keep their order."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._there: Counter[str] = Counter()
        """By address: who waits or has a turn."""
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        """By address; the next one comes first."""

    async def take(self, address: str) -> None:
        """Raises `TooManyWaitingError`. Give the turn back afterwards."""
        if self._there[address] >= WAITING_PER_ADDRESS_MAX:
            raise TooManyWaitingError
        if self._there.total() >= WAITING_MAX and not self._make_room(address):
            raise TooManyWaitingError
        self._there[address] += 1
        if self._free:
            self._free -= 1
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(address, deque()).append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if not mine.done() or mine.cancelled():
                self._leave(address)
            elif mine.exception() is None:
                self.give_back(address)  # it was handed over at the same moment
            raise

    def give_back(self, address: str) -> None:
        self._leave(address)
        while self._waiting:
            following, queue = self._waiting.popitem(last=False)
            one = queue.popleft()
            if queue:
                self._waiting[following] = queue
            if not one.done():
                one.set_result(None)
                return
        self._free += 1

    def _make_room(self, address: str) -> bool:
        """Whether the newest login of the largest crowd gave up its place: a few addresses may not take them all."""
        crowd = max(self._waiting, key=lambda one: len(self._waiting[one]), default=address)
        if self._there[crowd] <= self._there[address] + 1:
            return False
        newest = self._waiting[crowd].pop()
        if not self._waiting[crowd]:
            del self._waiting[crowd]
        if not newest.done():  # else its client hung up, and it leaves by itself
            newest.set_exception(TooManyWaitingError())
            self._leave(crowd)
        return True

    def _leave(self, address: str) -> None:
        self._there[address] -= 1
        if not self._there[address]:
            del self._there[address]


class Passwords:
    """Hashes and verifies off the event loop, a bounded number at a time."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(HASHING_THREADS, "argon2", initializer=_give_way)
        self._turns = FairQueue(HASHING_THREADS)

    @contextlib.asynccontextmanager
    async def turn(self, address: str = "") -> AsyncIterator[None]:
        """One's turn to verify. What counts failures does it inside, so that guesses sent at once
        are still counted one by one. Raises `TooManyWaitingError`.
        """
        await self._turns.take(address)
        try:
            yield
        finally:
            self._turns.give_back(address)

    async def verify(self, stored: str | None, password: str) -> bool:
        """Call it within `turn()`."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, verify_password, stored, password)

    async def hash(self, password: str, address: str = "") -> str:
        """Takes a turn of its own."""
        async with self.turn(address):
            return await asyncio.get_running_loop().run_in_executor(self._pool, hash_password, password)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _give_way() -> None:
    _hash_of_nobody()  # before the first login, so that the first unknown user takes no longer
    with contextlib.suppress(OSError, AttributeError):  # niceness of one thread is Linux's
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), HASHING_NICENESS)
