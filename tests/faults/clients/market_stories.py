"""What people do with rooms, hours, seats, credits and time slots, and how they pay."""

from __future__ import annotations

import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import suppress

from tests.faults.clients.orders import SEATS
from tests.faults.clients.scene import Scene, id_of, instant_hour, workday_hour
from tests.support.payments.stripe_standin.server import PUBLISHABLE_KEY

BASE = "/api/v1/drf"
BOOKINGS = f"{BASE}/bookings/"
CARD = "4242424242424242"
PAID_WITHIN_S = 15.0


def rooms(scene: Scene) -> None:
    """Held, and then paid, cancelled or left to lapse."""
    day, hour = workday_hour(scene.own())
    span = {"start_time": f"{hour:02}:00:00", "end_time": f"{hour + 1:02}:00:00"}
    body = {"room_id": scene.things.room, "booking_date": day, **span, "guest_count": 2}
    booking = id_of(scene.post("rooms", "hold", "/api/bookings/", body, scene.person))
    if booking is None:
        return
    if scene.often(0.7):
        _pay(scene, booking, 100.0, f"/api/bookings/{booking}/")
    if scene.often(0.5):
        scene.send("DELETE", "rooms", "cancel", f"/api/bookings/{booking}/", None, scene.person)


def hours(scene: Scene) -> None:
    """Bought, paid, moved, given up."""
    body = {"practitioner_id": scene.things.practitioner, "service_id": scene.things.hour}
    made = scene.post("hours", "buy", BOOKINGS, {**body, **instant_hour(scene.own())}, scene.person)
    booking = id_of(made)
    if booking is None:
        return
    path = f"{BOOKINGS}{booking}/"
    if scene.often(0.7):
        _pay(scene, booking, 50.0, path)
    if scene.often(0.4):
        scene.post("hours", "move", f"{path}reschedule/", instant_hour(8_000 + scene.own()), scene.person)
    if scene.often(0.5):
        scene.post("hours", "cancel", f"{path}cancel/", None, scene.person)


def seats(scene: Scene) -> None:
    """All want a seat of the same session."""
    session = scene.things.sessions[scene.meeting() // 2 % len(scene.things.sessions)]
    subject = f"seats:{SEATS}:{session}"
    if scene.often(0.25):
        path = f"{BASE}/sessions/{session}/"
        scene.read("seats", subject, path, lambda body: str(body["seats_taken"]), scene.person)
        return
    body = {"service_id": scene.things.workshop, "service_session_id": session}
    made = scene.post("seats", "take", BOOKINGS, body, scene.person, subject=subject)
    booking = id_of(made)
    if booking is not None and scene.often(0.8):
        path = f"{BOOKINGS}{booking}/cancel/"
        scene.post("seats", "give_up", path, None, scene.person, subject=subject)


def credits_(scene: Scene) -> None:
    """A bundle of credits is bought for nothing; they pay for hours, some of which are given up."""
    bundle = {"service_id": scene.things.bundle}
    if id_of(scene.post("credits", "bundle", f"{BOOKINGS}create-bundle/", bundle, scene.person)) is None:
        return
    body = {"practitioner_id": scene.things.practitioner, "service_id": scene.things.free_hour}
    for _ in range(4):
        made = scene.post("credits", "use", BOOKINGS, {**body, **instant_hour(16_000 + scene.own())}, scene.person)
        booking = id_of(made)
        if booking is not None and scene.often(0.4):
            scene.post("credits", "cancel", f"{BOOKINGS}{booking}/cancel/", None, scene.person)


def time_slots(scene: Scene) -> None:
    """Staff put a time slot on offer, and several want it."""
    category = scene.chance.choice(scene.things.categories)
    body = {**instant_hour(scene.own()), "category": category}
    slot = id_of(scene.post("calendar", "offer", "/api/admin/timeslots/", body, scene.desk))
    if slot is None:
        return
    booking = id_of(scene.post("calendar", "take", "/api/bookings/", {"time_slot": slot}, scene.person))
    scene.post("calendar", "rival", "/api/bookings/", {"time_slot": slot}, scene.desk)
    if booking is not None and scene.often():
        scene.send("DELETE", "calendar", "cancel", f"/api/bookings/{booking}/", None, scene.person)


def _pay(scene: Scene, booking: int, amount: float, path: str) -> None:
    """As the payer's browser does; then they look until the booking is confirmed, or do not mind."""
    body = {"booking_id": booking, "amount": amount, "currency": "usd"}
    intent = scene.post("payments", "intent", "/api/payment-intent/", body, scene.person, prefer="wait=10")
    if intent is None or intent.status >= 300 or "client_secret" not in intent.body:
        return
    _confirm(scene.stripe_url, intent.body["client_secret"])
    until = time.monotonic() + PAID_WITHIN_S
    while time.monotonic() < until and not scene.caller.over.is_set():
        read = scene.read("payments", "", path, lambda found: str(found["status"]), scene.person)
        if read is not None and read.status == 200 and read.body["seen"] == "confirmed":
            return
        time.sleep(0.2)


def _confirm(stripe_url: str, secret: str) -> None:
    id_ = secret.split("_secret_", maxsplit=1)[0]
    month = {"exp_month": "3", "exp_year": "29", "cvc": "333"}
    form = {"client_secret": secret, "payment_method_data[type]": "card", "payment_method_data[card][number]": CARD}
    form |= {f"payment_method_data[card][{name}]": value for name, value in month.items()}
    request = urllib.request.Request(  # noqa: S310 - the stand-in's address
        f"{stripe_url}/v1/payment_intents/{id_}/confirm",
        urllib.parse.urlencode(form).encode(),
        {"Authorization": f"Bearer {PUBLISHABLE_KEY}"},
    )
    with suppress(urllib.error.URLError):  # a refusal: the intent was cancelled meanwhile
        urllib.request.urlopen(request, timeout=15.0).close()  # noqa: S310 - as above
