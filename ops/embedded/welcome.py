"""What `make run` prints once the stack is ready: addresses, demo accounts, and commands that work when pasted."""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlencode

from core import release
from core.identity import demo_accounts
from core.identity.superusers import Superuser, superusers
from core.settings import Settings, from_environment
from core.store.connections.database import API_LIMITS, connect_async
from ops import probes
from ops.embedded.localstripe import SECRET_KEY
from ops.embedded.programs import Programs

HOLDFAST = ".venv/bin/holdfast"
FIRST_DAY = 7
DAYS_TRIED = 60
EXAMPLE_SERVICE = "Legal Consultation"
EXAMPLE_PHONE = "2025550123"
EXAMPLE_ROOM = 1


def ready(programs: Programs, seconds: float) -> None:
    settings = from_environment(programs.environment())
    base = settings.public_url
    flower = f"{settings.flower_user} / {settings.flower_password}"
    lines = [
        "",
        f"Holdfast {release.words()} is ready after {seconds:.1f} s.",
        "",
        f"  API        {base}/api/docs/",
        f"  WebSocket  {base.replace('http', 'ws', 1)}/ws/admin/bookings/",
        *([f"  Flower     {base}/flower/   ({flower})"] if settings.flower else []),
        f"  Health     {base}/readyz",
        f"  Metrics    {programs.data_folder.metrics_targets} (where Prometheus finds them)",
        *(
            [f"  Mails      {base}/api/admin/mails/ (kept for staff to read, not sent)"]
            if settings.demo and settings.mails
            else []
        ),
        f"  Data       {programs.data_folder.folder}",
        "",
    ]
    if settings.demo:
        lines += exposure_warning(programs.listen_addresses)
        lines += [
            "Demo accounts:",
            *map(_account, demo_accounts.ACCOUNTS),
            "",
            f"Demo agent key: {demo_accounts.AGENT_KEY}",
            "",
        ]
    else:
        lines += next_steps(programs, settings)
    if settings.public_writes:
        lines += ["Take a booking:", "", _curl(programs.port, base), ""]
    if settings.demo and programs.has_own_stripe:
        pay = payment_lines(programs.port, base, programs.inner["stripe"])
        lines += ["Pay for a room (at localstripe, with a card that is never declined):", "", *pay, ""]
    lines.append("Ctrl-C stops it; the next start finds everything as it was.")
    print("\n".join(lines), flush=True)


def next_steps(programs: Programs, settings: Settings) -> list[str]:
    """What an installation outside the demo lacks, for the first bookings to be taken and paid."""
    lines = []
    if not asyncio.run(_superusers(settings)):
        folder = shlex.quote(str(programs.data_folder.folder))
        lines += [
            "Nobody can sign in yet. Make the first superuser:",
            "",
            f"  {HOLDFAST} admin create --data {folder}",
            "",
        ]
    if settings.stripe is None:
        lines += ["Nothing can be paid: STRIPE_SECRET_KEY is not set (docs/payments.md).", ""]
    return lines


async def _superusers(settings: Settings) -> list[Superuser]:
    async with await connect_async(settings.database_url, API_LIMITS, "holdfast start") as connection:
        return await superusers(connection)


def exposure_warning(addresses: Sequence[str]) -> list[str]:
    """A warning where the front door listens beyond this machine."""
    beyond = [address for address in addresses if not ip_address(address).is_loopback]
    if not beyond:
        return []
    return [
        f"Other machines reach this at {', '.join(beyond)}, and everybody knows the passwords and the key below.",
        "Use it in a network that you trust only.",
        "",
    ]


def _account(account: demo_accounts.Account) -> str:
    if account.is_superuser:
        role = "superuser"
    elif account.is_staff:
        role = "staff"
    else:
        role = "practitioner" if account.is_practitioner else "user"
    return f"  {account.username:<22} {account.password:<12} {role} (id {account.id})"


def _curl(port: int, base: str) -> str:
    day, time = free_slot(port)
    body = json.dumps(
        {
            "phone": EXAMPLE_PHONE,
            "first_name": "John",
            "service_name": EXAMPLE_SERVICE,
            "booking_date": day,
            "booking_time": time,
        }
    )
    return f"  curl -X POST {base}/api/agent/booking/create/ \\\n    -H 'Content-Type: application/json' \\\n    -d '{body}'"


def free_slot(port: int) -> tuple[str, str]:
    """A date and a time that can be booked now: the first offered from next week on."""
    today = datetime.now(UTC).date()
    for days in range(FIRST_DAY, FIRST_DAY + DAYS_TRIED):
        day = (today + timedelta(days=days)).isoformat()
        query = urlencode({"date": day, "service": EXAMPLE_SERVICE})
        body = probes.get(f"http://127.0.0.1:{port}/api/booking/smart-available-slots/?{query}").body
        slots: list[dict[str, Any]] = body.get("available_slots", []) if isinstance(body, dict) else []
        if slots:
            return day, str(slots[0]["time"])
    return (today + timedelta(days=FIRST_DAY)).isoformat(), "10:00"


def payment_lines(port: int, base: str, stripe_port: int) -> list[str]:
    """Log in, hold a room, get an intent, pay it as the payer's browser would, look at the booking."""
    day, starts, ends, price = free_room_slot(port)
    user = demo_accounts.USER
    stripe = f"http://127.0.0.1:{stripe_port}/v1/payment_intents/$INTENT"
    json = "-H 'Content-Type: application/json'"
    return [
        """field() { python3 -c "import json, sys; print(json.load(sys.stdin)['$1'])"; }""",
        f"""TOKEN=$(curl -s {base}/api/login/ {json} -d '{{"email": "{user.email}", "password": "{user.password}"}}' | field access)""",
        f"""BOOKING=$(curl -s {base}/api/bookings/ -H "Authorization: Bearer $TOKEN" {json} -d '{{"room_id": {EXAMPLE_ROOM}, "booking_date": "{day}", "start_time": "{starts}", "end_time": "{ends}"}}' | field id)""",
        f"""INTENT=$(curl -s {base}/api/payment-intent/ -H "Authorization: Bearer $TOKEN" {json} -d "{{\\"booking_id\\": $BOOKING, \\"amount\\": {price:.2f}, \\"currency\\": \\"usd\\"}}" | field payment_intent_id)""",
        f"curl -s -o /dev/null {stripe} -u {SECRET_KEY}: -d payment_method=pm_card_visa",
        f"curl -s -o /dev/null -X POST {stripe}/confirm -u {SECRET_KEY}: && sleep 3",
        f"""curl -s {base}/api/bookings/$BOOKING/ -H "Authorization: Bearer $TOKEN" """.strip(),
    ]


def free_room_slot(port: int) -> tuple[str, str, str, float]:
    """(date, start, end, price) of the first free slot of the demo's room from next week on."""
    today = datetime.now(UTC).date()
    for days in range(FIRST_DAY, FIRST_DAY + DAYS_TRIED):
        day = (today + timedelta(days=days)).isoformat()
        body = probes.get(f"http://127.0.0.1:{port}/api/rooms/{EXAMPLE_ROOM}/availability/?date={day}").body
        slots: list[dict[str, Any]] = body.get("slots", []) if isinstance(body, dict) else []
        for slot in slots:
            if slot["is_available"]:
                return day, slot["start_time"], slot["end_time"], float(body["price_per_slot"])
    return (today + timedelta(days=FIRST_DAY)).isoformat(), "09:00:00", "09:30:00", 50.0
