"""How to pay for a demo room from the terminal: lines that work when pasted together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from core import demo
from ops import probes
from ops.embedded.localstripe import SECRET_KEY

ROOM = 1
FIRST_DAY = 7
DAYS_TRIED = 60


def lines(port: int, base: str, stripe_port: int) -> list[str]:
    """Log in, hold a room, get an intent, pay it as the payer's browser would, look at the booking."""
    day, starts, ends, price = free_slot(port)
    user = demo.USER
    stripe = f"http://127.0.0.1:{stripe_port}/v1/payment_intents/$INTENT"
    json = "-H 'Content-Type: application/json'"
    return [
        """field() { python3 -c "import json, sys; print(json.load(sys.stdin)['$1'])"; }""",
        f"""TOKEN=$(curl -s {base}/api/login/ {json} -d '{{"email": "{user.email}", "password": "{user.password}"}}' | field access)""",
        f"""BOOKING=$(curl -s {base}/api/bookings/ -H "Authorization: Bearer $TOKEN" {json} -d '{{"room_id": {ROOM}, "booking_date": "{day}", "start_time": "{starts}", "end_time": "{ends}"}}' | field id)""",
        f"""INTENT=$(curl -s {base}/api/payment-intent/ -H "Authorization: Bearer $TOKEN" {json} -d "{{\\"booking_id\\": $BOOKING, \\"amount\\": {price:.2f}, \\"currency\\": \\"usd\\"}}" | field payment_intent_id)""",
        f"curl -s -o /dev/null {stripe} -u {SECRET_KEY}: -d payment_method=pm_card_visa",
        f"curl -s -o /dev/null -X POST {stripe}/confirm -u {SECRET_KEY}: && sleep 3",
        f"""curl -s {base}/api/bookings/$BOOKING/ -H "Authorization: Bearer $TOKEN" """.strip(),
    ]


def free_slot(port: int) -> tuple[str, str, str, float]:
    """(date, start, end, price) of the first free slot of the demo's room from next week on."""
    today = datetime.now(UTC).date()
    for days in range(FIRST_DAY, FIRST_DAY + DAYS_TRIED):
        day = (today + timedelta(days=days)).isoformat()
        body = probes.get(f"http://127.0.0.1:{port}/api/rooms/{ROOM}/availability/?date={day}").body
        slots: list[dict[str, Any]] = body.get("slots", []) if isinstance(body, dict) else []
        for slot in slots:
            if slot["is_available"]:
                return day, slot["start_time"], slot["end_time"], float(body["price_per_slot"])
    return (today + timedelta(days=FIRST_DAY)).isoformat(), "09:00:00", "09:30:00", 50.0
