"""What people and programs do meanwhile: book, pay, cancel, send bulks and listen, each on a thread of its own."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any, Self

from tests.support.clients.bulks import PATH as BULKS
from tests.support.clients.bulks import SQL_SERVICES, rows_for
from tests.support.clients.callers import execute
from tests.support.clients.http_client import ADMIN, agent_booking
from tests.support.clients.marketplace import BASE
from tests.support.payments.payer import StripeServer
from tests.support.wait import wait_until
from tests.upgrade.caller import Caller, Journal, LostError, Plain
from tests.upgrade.fleet import Fleet
from tests.upgrade.follower import FEEDS, Follower

RIVALS = 3
"""Commands, sent one after the other, for one slot: the first must have it."""
PACE_S = 0.05
"""Between two requests of one client: a steady day, not a benchmark."""
ROWS = 20
HOURS = range(9, 17)
FIRST_DAY = date(2100, 1, 4)
OFTEN = 0.4
"""How often what was bought is cancelled, a key is sent, somebody has rivals."""
PERSON = {"email": "user@example.com", "password": "123456Long"}
PRACTITIONER = 5
"""The demo's client: here they give hours and workshops."""
PAID_WITHIN_S = 60.0
GOES_ON_WITHIN_S = 90.0


class Things:
    """A room, somebody's hours and workshops, a calendar, services for bulks: made by the API that is there at first."""

    def __init__(self, fleet: Fleet) -> None:
        with Plain(base_url=fleet.api_urls()[0], timeout=35.0) as client:
            self.person, self.desk = _log_in(client, PERSON), _log_in(client, ADMIN)
            client.headers.update(self.desk)
            self.room = _made(client, "/api/admin/rooms/", {"name": "A room", "price_per_slot": 50.0, "capacity": 9})
            week = [{"weekday": day, "start": "09:00", "end": "17:00"} for day in range(7)]
            practitioner = {"user_id": PRACTITIONER, "horizon_days": 3660, "hours": week}
            self.practitioner = _made(client, f"{BASE}/practitioners/", practitioner)
            given = {"duration_minutes": 60, "practitioner_ids": [self.practitioner]}
            self.hour = _made(client, f"{BASE}/services/", {**given, "name": "An hour", "price_cents": 5000})
            self.workshop = _made(client, f"{BASE}/services/", {**given, "name": "A group", "booking_type": "group"})
            self.category = _made(client, "/api/admin/categories/", {"name": "Side by side"})
        execute(fleet, SQL_SERVICES.replace("%(prefix)s", "'Bulk'").replace("%(count)s", str(ROWS)))
        self.services = [f"Bulk {number}" for number in range(ROWS)]


def _log_in(client: Plain, body: Mapping[str, str]) -> dict[str, str]:
    answer = client.post("/api/login/", json=body)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access']}"}


def _made(client: Plain, path: str, body: dict[str, Any]) -> int:
    answer = client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


class Voices:
    """One thread's clients, and its chances."""

    def __init__(self, fleet: Fleet, journal: Journal, things: Things, seed: int) -> None:
        self.person = Caller(fleet.api_urls, journal, things.person)
        self.desk = Caller(fleet.api_urls, journal, things.desk)
        self._chance = random.Random(seed)  # noqa: S311 - a test's

    def often(self) -> bool:
        return self._chance.random() < OFTEN

    def close(self) -> None:
        self.person.close()
        self.desk.close()


class Traffic:
    """Everybody, until the block ends. What a story raises, `until` and `stop` raise."""

    def __init__(self, fleet: Fleet, stripe: StripeServer, seed: int) -> None:
        self.journal = Journal()
        self.things = Things(fleet)
        self.followers = [Follower(fleet, words, self.things.desk, self.journal) for words in FEEDS]
        self._fleet, self._stripe, self._seed = fleet, stripe, seed
        self._over, self._deaf = threading.Event(), threading.Event()
        self._numbers, self._bulks = count(), count()
        self._acting: list[Future[None]] = []

    def __enter__(self) -> Self:
        stories = (self._book, self._book, self._rent, self._buy, self._take_seats, self._take_slots, self._send_bulks)
        self._pool = ThreadPoolExecutor(len(stories) + len(self.followers))
        self._listening = [self._pool.submit(follower.follow, self._deaf) for follower in self.followers]
        for follower in self.followers:
            assert follower.ready.wait(GOES_ON_WITHIN_S), f"nobody lets us listen to {follower.words.path}"
        self._acting = [self._pool.submit(self._act, story, n) for n, story in enumerate(stories)]
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._deaf.set()
        self._pool.shutdown()

    def stop(self) -> None:
        """Begin nothing new, finish what was begun, and wait until everybody has heard of it."""
        self._over.set()
        for story in self._acting:
            story.result()
        wait_until(lambda: execute(self._fleet, SQL_UNDECIDED) == [(0,)], "everything is decided", GOES_ON_WITHIN_S)
        wait_until(self._all_is_told, "what was decided is told")
        self._deaf.set()
        for follower in self._listening:
            follower.result()

    def _all_is_told(self) -> bool:
        for follower in self.followers:
            ((last,),) = execute(self._fleet, follower.words.last)
            if follower.position < last:
                return False
        return True

    def until(self, more: int = 25) -> None:
        """Wait until so many more commands are accepted and everything that is measured has made progress."""
        wanted = len(self.journal.accepted) + more
        before = {what: len(self.journal.marks[what]) for what in MEASURED}

        def goes_on() -> bool:
            for story in self._acting:
                if story.done():
                    story.result()
            went = all(len(self.journal.marks[what]) > number for what, number in before.items())
            return went and len(self.journal.accepted) >= wanted

        wait_until(goes_on, f"{more} more commands are accepted, and all goes on", GOES_ON_WITHIN_S)

    def _act(self, story: Callable[[Voices], None], number: int) -> None:
        voices = Voices(self._fleet, self.journal, self.things, self._seed + number)
        try:
            while not self._over.is_set():
                try:
                    story(voices)
                except LostError:
                    continue  # nobody was promised anything
                self._over.wait(PACE_S)
        finally:
            voices.close()

    # Stories: each ends what it begins, so that it can be asked what became of it.

    def _book(self, voices: Voices) -> None:
        """A slot alone, or with rivals; waited for or not; with a key or without."""
        body = agent_booking()
        prefer = "wait=5" if voices.often() else "respond-async"
        for _ in range(RIVALS if voices.often() else 1):
            voices.desk.accept("agent", "POST", "/api/agent/booking/create/", body, prefer=prefer, keyed=voices.often())

    def _rent(self, voices: Voices) -> None:
        number = next(self._numbers)
        hour = HOURS[number % len(HOURS)]
        body = {
            "room_id": self.things.room,
            "booking_date": (FIRST_DAY + timedelta(days=number // len(HOURS))).isoformat(),
            "start_time": f"{hour:02}:00:00",
            "end_time": f"{hour + 1:02}:00:00",
            "guest_count": 5,
        }
        made = voices.person.command("rooms", "POST", "/api/bookings/", body, keyed=voices.often())
        assert made.status == 201, made
        one = f"/api/bookings/{made.body['id']}/"
        self._pay(voices.person, made.body["id"], 100.0, one)
        if voices.often():
            voices.person.command("rooms", "DELETE", one)

    def _buy(self, voices: Voices) -> None:
        body = {"practitioner_id": self.things.practitioner, "service_id": self.things.hour, **self._hour()}
        made = voices.person.command("market", "POST", f"{BASE}/bookings/", body, keyed=voices.often())
        assert made.status == 201, made
        one = f"{BASE}/bookings/{made.body['id']}/"
        self._pay(voices.person, made.body["id"], 50.0, one)
        if voices.often():
            voices.person.command("market", "POST", f"{one}cancel/")

    def _take_seats(self, voices: Voices) -> None:
        """Staff give a workshop, somebody takes a seat, and may give it up."""
        given = {"service_id": self.things.workshop, "practitioner_id": self.things.practitioner, "capacity": 2}
        session = voices.desk.command("market", "POST", f"{BASE}/sessions/", {**given, **self._hour()})
        assert session.status == 201, session
        body = {"service_id": self.things.workshop, "service_session_id": session.body["id"]}
        made = voices.person.command("market", "POST", f"{BASE}/bookings/", body, keyed=voices.often())
        assert made.status == 201, made
        if voices.often():
            voices.person.command("market", "POST", f"{BASE}/bookings/{made.body['id']}/cancel/")

    def _take_slots(self, voices: Voices) -> None:
        """Staff put a time slot on offer, somebody takes it."""
        body = {**self._hour(), "category": self.things.category}
        slot = voices.desk.command("calendar", "POST", "/api/admin/timeslots/", body, keyed=voices.often())
        assert slot.status == 201, slot
        made = voices.person.command("calendar", "POST", "/api/bookings/", {"time_slot": slot.body["id"]})
        assert made.status == 201, made

    def _send_bulks(self, voices: Voices) -> None:
        number = next(self._bulks)
        rows = rows_for(self.things.services, (number + 1) * ROWS)[number * ROWS :]
        answer = voices.desk.send("POST", BULKS, rows)
        assert answer.status_code == 202, answer.text
        batch = f"{BULKS}{answer.json()['batch_id']}/"
        wait_until(lambda: voices.desk.get(batch)["status"] == "finished", f"{batch} is finished", GOES_ON_WITHIN_S)
        assert voices.desk.get(batch)["counts"]["succeeded"] == ROWS
        self.journal.mark("bulks")

    # What they share.

    def _pay(self, caller: Caller, booking: int, amount: float, path: str) -> None:
        wanted = {"booking_id": booking, "amount": amount, "currency": "usd"}
        intent = caller.command("payments", "POST", "/api/payment-intent/", wanted)
        assert intent.status == 201, intent
        self.journal.mark("intents")
        self._stripe.send_webhooks_to(self._fleet.api_urls()[0])
        self._stripe.pay(intent.body["client_secret"])
        wait_until(lambda: caller.get(path)["status"] == "confirmed", f"{path} is confirmed", PAID_WITHIN_S)

    def _hour(self) -> dict[str, str]:
        """One that nobody else asks for, far enough ahead to give it up for nothing."""
        number = next(self._numbers)
        midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        starts = midnight + timedelta(days=40 + number // len(HOURS), hours=HOURS[number % len(HOURS)])
        ends = starts + timedelta(hours=1)
        return {"start_time": starts.strftime("%Y-%m-%dT%H:%M:%SZ"), "end_time": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}


SQL_UNDECIDED = "SELECT count(*) FROM inbox WHERE awaits IS NULL"
MEASURED = ("accepted", "intents", "told", "bulks")
"""What must not be silent for longer than the start of a process."""
