"""The documented table of transitions, walked over HTTP: what each verb answers in each state, and to whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from tests.support.clients.market_bookings import BOOKINGS, at_once, made, pass_time, wait_status, wish
from tests.support.clients.marketplace import Market, Person

VERBS = ("confirm", "complete", "no-show", "cancel")
ONWARD = {
    # the marketplace document, "Valid Transitions"
    "draft": "canceled, pending_payment",
    "pending_payment": "canceled, confirmed",
    "confirmed": "canceled, completed, in_progress, no_show",
    "in_progress": "completed, no_show",
    "completed": "nothing else",
    "canceled": "nothing else",
    "no_show": "nothing else",
}


class Walk:
    """A practitioner, a client, and bookings of theirs in every state."""

    def __init__(self, market: Market) -> None:
        self.market, self.practitioner, self.person = market, market.practitioner(), market.person()
        self.free, self.priced = market.service(self.practitioner), market.service(self.practitioner, price_cents=5000)
        self._hours = iter([(hour, day) for day in range(4) for hour in range(9, 17)])

    def booked(self, service: int | None = None) -> int:
        hour, day = next(self._hours)
        body = wish(service or self.free, self.practitioner, hour, day)
        return int(made(self.person.client.post(BOOKINGS, json=body))["id"])

    def drafted(self) -> int:
        package = self.market.service(
            self.practitioner, booking_type="package", service_ids=[self.free] * 2, price_cents=0
        )
        bought = made(self.person.client.post(f"{BOOKINGS}create-package/", json={"service_id": package}))
        return int(bought["child_bookings"][0]["id"])

    def begun(self) -> int:
        booking = self.booked()
        pass_time(self.market, booking)
        wait_status(self.person.client, booking, "in_progress")
        return booking

    def after(self, verb: str, of: Callable[[], int]) -> int:
        booking = of()
        assert self.say(booking, verb, self.practitioner).status_code == 200
        return booking

    def say(self, booking: int, verb: str, who: Person) -> httpx.Response:
        return who.client.post(f"{BOOKINGS}{booking}/{verb}/")

    def shown(self, booking: int) -> Any:
        return self.person.client.get(f"{BOOKINGS}{booking}/").json()

    def practitioner_sees(self, booking: int) -> Any:
        return self.practitioner.client.get(f"{BOOKINGS}{booking}/").json()


def test_every_verb_in_every_state_does_what_the_table_says_or_names_what_may_follow(market: Market) -> None:
    walk = Walk(market)
    states: dict[str, tuple[Callable[[], int], dict[str, str]]] = {
        "draft": (walk.drafted, {"cancel": "canceled"}),
        "pending_payment": (lambda: walk.booked(walk.priced), {"cancel": "canceled"}),
        "confirmed": (walk.booked, {"confirm": "confirmed", "cancel": "canceled"}),
        "in_progress": (walk.begun, {"complete": "completed", "no-show": "no_show"}),
        "completed": (lambda: walk.after("complete", walk.begun), {"complete": "completed"}),
        "canceled": (lambda: walk.after("cancel", walk.booked), {}),
        "no_show": (lambda: walk.after("no-show", walk.begun), {"no-show": "no_show"}),
    }
    special = {("pending_payment", "confirm"): "unpaid"} | {("confirmed", verb): "not_begun" for verb in VERBS[1:3]}
    for state, (make, allowed) in states.items():
        booking = make()
        shown = walk.shown(booking)
        assert (shown["status"], shown["can_be_canceled"]) == (state, "cancel" in allowed)
        for verb in VERBS:
            if verb in allowed:
                continue
            refused = walk.say(booking, verb, walk.practitioner)
            code = special.get((state, verb), "invalid_transition")
            assert (refused.status_code, refused.json()["code"]) == (409, code), (state, verb)
            if code == "invalid_transition":
                assert refused.json()["detail"] == f"This booking is {state} and may become {ONWARD[state]}"
        assert walk.shown(booking) == shown, "what is refused changes nothing"
        for n, (verb, becomes) in enumerate(allowed.items()):
            one = booking if n == 0 and len(allowed) == 1 else make()
            done = walk.say(one, verb, walk.practitioner)
            assert (done.status_code, walk.shown(one)["status"]) == (200, becomes), (state, verb)
            wanted = (
                {"success": True, "message": "Booking canceled"} if verb == "cancel" else walk.practitioner_sees(one)
            )
            assert done.json() == wanted, "the documented body: all of the booking, or that it is canceled"


def test_only_the_practitioner_and_staff_say_how_it_went(market: Market) -> None:
    walk = Walk(market)
    booking, other = walk.begun(), walk.begun()
    for verb in ("complete", "no-show"):
        assert walk.say(booking, verb, walk.person).status_code == 403
        assert walk.say(booking, verb, market.person()).status_code == 404
    assert walk.say(booking, "complete", walk.practitioner).json()["status"] == "completed"
    assert market.desk.post(f"{BOOKINGS}{other}/no-show/").json()["status"] == "no_show"


def test_a_confirmed_booking_is_completed_or_missed_in_one_step_once_it_has_begun(market: Market) -> None:
    """Before the clock comes by: passing through in_progress within the command."""
    walk = Walk(market)
    bookings = [walk.booked() for _ in range(4)]
    pass_time(market, *bookings)
    verbs = ("complete", "no-show") * 2
    answers = at_once(
        market, [(walk.practitioner, f"{BOOKINGS}{one}/{verb}/", {}) for one, verb in zip(bookings, verbs, strict=True)]
    )
    assert [answer.json()["status"] for answer in answers] == ["completed", "no_show"] * 2
