"""A private link, subscribed to by a program that people use: vdirsyncer, as a process, over HTTP."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from icalendar import Calendar, Event

from tests.integration.calendars.conftest import booked

CONFIG = """
[general]
status_path = "{folder}/status/"

[pair bookings]
a = "holdfast"
b = "here"
collections = null
conflict_resolution = "a wins"

[storage holdfast]
type = "http"
url = "{url}"

[storage here]
type = "filesystem"
path = "{folder}/here/"
fileext = ".ics"
"""
MOST_S = 120.0


class Subscriber:
    """A calendar on somebody's machine: a folder with a file for each entry."""

    def __init__(self, folder: Path, url: str) -> None:
        self._config, self._here = folder / "config", folder / "here"
        self._config.write_text(CONFIG.format(folder=folder, url=url))
        self._here.mkdir()
        assert self._run("discover").returncode == 0

    def sync(self) -> list[Event]:
        done = self._run("sync")
        assert done.returncode == 0, done.stderr
        files = sorted(self._here.glob("*.ics"))
        return [event for file in files for event in Calendar.from_ical(file.read_bytes()).events]

    def is_refused(self) -> bool:
        return self._run("sync").returncode != 0

    def _run(self, what: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "vdirsyncer", "--config", str(self._config), what]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=MOST_S, env={**os.environ, "NO_COLOR": "1"}
        )


@pytest.fixture
def link(guest: httpx.Client) -> str:
    answer = guest.post("/api/calendar-links/", json={"kind": "user", "names": True})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"]["url"])


def test_a_subscriber_follows_a_booking_until_it_is_cancelled_and_its_link_until_it_is_revoked(
    guest: httpx.Client, room: int, link: str, tmp_path: Path
) -> None:
    made = booked(guest, room)
    subscriber = Subscriber(tmp_path, link)
    (first,) = subscriber.sync()
    assert (str(first["SUMMARY"]), str(first["STATUS"])) == ("The Blue, Room; 1", "CONFIRMED")

    assert isinstance(first.start, datetime)
    later = first.start.replace(hour=15)
    body = {"start_time": later.strftime("%Y-%m-%dT%H:%M")}
    assert guest.post(f"/api/bookings/{made['id']}/move/", json=body).status_code == 200
    (moved,) = subscriber.sync()
    assert moved.start == later
    assert int(str(moved["SEQUENCE"])) > int(str(first["SEQUENCE"]))

    assert guest.delete(f"/api/bookings/{made['id']}/").status_code == 200
    (cancelled,) = subscriber.sync()
    assert (cancelled.start, str(cancelled["STATUS"])) == (moved.start, "CANCELLED")

    (listed,) = guest.get("/api/calendar-links/").json()["data"]
    assert guest.delete(f"/api/calendar-links/{listed['id']}/").status_code == 200
    assert subscriber.is_refused()
