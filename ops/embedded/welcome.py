"""What a person is told once the stack is ready: where, who, and a command that works when pasted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlencode

from core import demo
from core.settings import from_environment
from ops import probes
from ops.embedded import payment_example
from ops.embedded.programs import Programs

FIRST_DAY = 7
DAYS_TRIED = 60
EXAMPLE_SERVICE = "Legal Consultation"
EXAMPLE_PHONE = "2025550123"


def ready(programs: Programs, seconds: float) -> None:
    settings = from_environment(programs.environment())
    base = settings.public_url
    flower = f"{settings.flower_user} / {settings.flower_password}"
    lines = [
        "",
        f"Holdfast is ready after {seconds:.1f} s.",
        "",
        f"  API        {base}/api/docs/",
        f"  WebSocket  {base.replace('http', 'ws', 1)}/ws/admin/bookings/",
        *([f"  Flower     {base}/flower/   ({flower})"] if settings.flower else []),
        f"  Health     {base}/readyz",
        f"  Data       {programs.installation.folder}",
        "",
    ]
    if settings.demo:
        lines += exposure_warning(programs.doors)
        lines += ["Demo accounts:", *map(_account, demo.ACCOUNTS), "", f"Demo agent key: {demo.AGENT_KEY}", ""]
    if settings.public_writes:
        lines += ["Take a booking:", "", _curl(programs.port, base), ""]
    if settings.demo and programs.has_own_stripe:
        pay = payment_example.lines(programs.port, base, programs.inner["stripe"])
        lines += ["Pay for a room (at localstripe, with a card that is never declined):", "", *pay, ""]
    lines.append("Ctrl-C stops it; the next start finds everything as it was.")
    print("\n".join(lines), flush=True)


def exposure_warning(doors: Sequence[str]) -> list[str]:
    """A warning where the front door listens beyond this machine."""
    beyond = [door for door in doors if not ip_address(door).is_loopback]
    if not beyond:
        return []
    return [
        f"Other machines reach this at {', '.join(beyond)}, and everybody knows the passwords and the key below.",
        "Use it in a network that you trust only.",
        "",
    ]


def _account(account: demo.Account) -> str:
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
