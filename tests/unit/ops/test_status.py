"""`holdfast status` says what parts said: nothing is made up for one that is silent, and none holds up the others."""

from __future__ import annotations

import io
import json
import re
import threading
import time
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from rich.console import Console

from core.store.deliveries.senders_state import DeliveriesState, SenderState
from core.store.installation import Maintenance
from core.store.measurements import Measurements
from core.store.pulse import Pulse
from core.store.running_state import Decided, RunningState, WaitingLane
from ops.cli import main
from ops.status.asked_parts import NO_ANSWER, Part, Reply, begin_all
from ops.status.overview import Overview
from ops.status.picture import picture
from ops.status.socket_metrics import SocketState, together
from ops.status.sources import Readyz, RedisState, Replies
from ops.status.summary import overview
from tests.support.pages import ROOT

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SCHEMA = ROOT / "docs" / "status.schema.json"
PICTURE = (ROOT / "docs" / "status.svg").read_text()
SILENT: Reply[Any] = Reply(problem=NO_ANSWER)
NOBODY = Replies(SILENT, SILENT, SILENT, SILENT, None)
QUEUES = {"lanes": 0, "relay": 0, "payments": 0, "sweeps": 0}
WORKERS = {"lanes-1@one": ("lanes",), "payments@one": ("payments",), "sweeps@one": ("relay", "sweeps")}
FRESH = Pulse(1.0, 1.5, 0.2)
STALE = Pulse(60.0, 60.0, 0.0)
SENT = DeliveriesState((SenderState("webhooks", 3, 1, 7, 0, 5.0),), 2.0, {"followed": 2, "failing": 1, "waiting": 0})
MEASURED = Measurements(FRESH, {"interactive": 3, "bulk": 2}, 4, 1, {"open": 5, "queued": 0}, 0, 17, 0.3, SENT)


def database(pulse: Pulse = FRESH, lanes: tuple[WaitingLane, ...] = (), **sessions: int) -> Reply[RunningState]:
    return Reply(
        RunningState(
            measurements=replace(MEASURED, pulse=pulse),
            maintenance=None,
            lanes=8,
            waiting_lanes=lanes,
            decided=Decided(10.0, 40, 4, 1),
            feed_epoch="abc",
            sessions={f"holdfast {name.replace('_', ' ')}": count for name, count in sessions.items()},
            server_version="18.1",
            connections=20,
            connections_max=200,
        ),
        took_s=0.01,
    )


def redis(api_processes: int) -> Reply[RedisState]:
    return Reply(RedisState("Valkey 9", "1M", api_processes, QUEUES), took_s=0.001)


READY = Reply(Readyz("ready", [], [], {}), took_s=0.02)
NOTIFIERS = Reply(SocketState(2, {"/ws/commands": 3}, 0, 16), took_s=0.01)
WHOLE = Replies(database(notifier_feed=2), redis(2), Reply(WORKERS, took_s=1.0), READY, NOTIFIERS)


def said(replies: Replies) -> Overview:
    return overview(replies, AT, "1.2.3")


def shown(replies: Replies) -> str:
    console = Console(file=io.StringIO(), width=300, record=True)
    console.print(picture(said(replies)))
    return console.export_text()


SEEN: dict[str, tuple[str, Replies, tuple[bool | None, int | None]]] = {
    "api, at Redis": ("api", WHOLE, (True, 2)),
    "api, by its answer": ("api", replace(NOBODY, api=READY), (True, None)),
    "api, by its sessions": ("api", replace(NOBODY, database=database(inbox=1)), (True, None)),
    "api, nowhere": ("api", replace(NOBODY, redis=redis(0)), (False, 0)),
    "api, nobody knows": ("api", NOBODY, (None, None)),
    "lanes, answering": ("lanes", WHOLE, (True, 1)),
    "lanes, without Redis": ("lanes", replace(NOBODY, database=database(lane=2)), (True, None)),
    "lanes, none answers": ("lanes", replace(WHOLE, workers=Reply({"sweeps@one": ("sweeps",)})), (False, 0)),
    "lanes, none answers but sessions stay": (
        "lanes",
        replace(WHOLE, workers=Reply({}), database=database(lane=2)),
        (None, None),
    ),
    "lanes, nobody knows": ("lanes", replace(NOBODY, database=database()), (None, None)),
    "beat, by its canaries": ("beat", WHOLE, (True, None)),
    "beat, silent": ("beat", replace(WHOLE, database=database(STALE)), (False, 0)),
    "beat, behind a lane that stands": (
        "beat",
        replace(WHOLE, database=database(replace(STALE, canary_waits=True))),
        (None, None),
    ),
    "beat, without sweeps to hear it": (
        "beat",
        replace(WHOLE, database=database(STALE), workers=SILENT),
        (None, None),
    ),
    "beat, nobody knows": ("beat", replace(WHOLE, database=SILENT), (None, None)),
    "notifier, reading": ("notifier", WHOLE, (True, 2)),
    "notifier, by its metrics": ("notifier", replace(NOBODY, notifiers=NOTIFIERS), (True, 2)),
    "notifier, nowhere": ("notifier", replace(NOBODY, database=database()), (False, 0)),
    "notifier, nobody knows": ("notifier", NOBODY, (None, None)),
}
"""By a name: a process, what was said, and whether it is up and how many there are."""


@pytest.mark.parametrize(("process", "replies", "expected"), SEEN.values(), ids=SEEN)
def test_a_process_is_up_down_or_unknown(
    process: str, replies: Replies, expected: tuple[bool | None, int | None]
) -> None:
    (found,) = (one for one in said(replies).processes if one.name == process)
    assert (found.is_up, found.count) == expected


def test_figures_that_nobody_told_are_unknown_and_not_zero() -> None:
    silent = said(NOBODY)
    works = ("decisions", "inbox", "lanes", "queues", "feed", "holds", "payments", "deliveries")
    figures = (*works, "retention_lag_s", "sockets")
    assert [getattr(silent, name) for name in figures] == [None] * len(figures)
    assert silent.is_ready is None
    assert silent.down == dict.fromkeys(("postgresql", "redis", "api"), NO_ANSWER)
    lines = shown(NOBODY).splitlines()
    work = lines[next(number for number, line in enumerate(lines) if line.startswith("work ")) + 2 :]
    assert [line.split()[1:] for line in work if line.strip()] == [["unknown"]] * len(figures)


def test_a_whole_installation_is_told_in_figures() -> None:
    text = " ".join(shown(WHOLE).split())
    for words in (
        "Bookings get through Holdfast 1.2.3, 2026-03-01 12:00:00 UTC",
        "postgresql up 10 ms 18.1, 20 of 200 connections",
        "lanes up 1 answering through Redis: lanes-1",
        "decisions 4.5 a second succeeded 40, rejected 4, failed 1, in 10 s",
        "inbox 5 waiting interactive 3, bulk 2",
        "feed 0.3 s behind at abc-17, delivered up to 16; last canary: lanes 1.0 s ago, notifier 1.5 s ago",
        "holds 4 standing 1 lapsed",
        "deliveries 3 waiting webhooks 3, 2.0 s behind, 1 parked, 7 events not planned",
        "payments 5 under way open 5, 0.0 s behind, 0 parked, 0 differing",
        "sockets 3 open /ws/commands 3, 0 closed as too slow",
    ):
        assert words in text


def test_what_is_down_stands_at_the_top_with_its_reason() -> None:
    not_ready = Readyz("not ready", ["lanes"], ["payments"], {"lanes": "a command waits", "payments": "Stripe is away"})
    first, *problems = shown(replace(WHOLE, api=Reply(not_ready))).splitlines()[:3]
    assert first.startswith("Bookings do not get through")
    assert [line.strip() for line in problems] == ["down: lanes: a command waits", "degraded: payments: Stripe is away"]


def test_maintenance_is_not_told_as_if_people_could_book() -> None:
    state = database().value
    assert state is not None
    stopped = replace(WHOLE, database=Reply(replace(state, maintenance=Maintenance(AT, None, 60))))
    first, second, *_ = shown(stopped).splitlines()
    assert first.startswith("Nobody can book, for maintenance")
    assert second.strip() == "maintenance: since 2026-03-01 12:00:00 UTC"


def test_the_readyz_of_an_earlier_release_is_understood() -> None:
    assert msgspec.convert({"status": "not ready", "down": ["lanes"], "canary_age_s": None}, Readyz).reasons == {}


def test_without_the_api_its_judgement_is_made_from_what_it_would_have_looked_at() -> None:
    down = said(replace(WHOLE, api=Reply(problem="nobody answers"), database=database(STALE))).down
    assert down == {"api": "nobody answers", "sweeps": "no canary was sent lately: beat or the sweeps stand still"}


def test_many_lanes_and_workers_are_shown_in_part_the_slowest_first() -> None:
    lanes = tuple(WaitingLane(number, 1, float(number)) for number in range(12))
    workers = {f"lanes@host{number}": ("lanes",) for number in range(9)}
    text = shown(replace(WHOLE, database=database(lanes=lanes), workers=Reply(workers)))
    assert "12 of 8 have commands waiting: 11 (1, 11.0 s), 10 (1, 10.0 s)" in text
    assert "and 4 more" in text
    assert "lanes@host0, lanes@host1" in text, "on several hosts each is named"
    assert "and 3 more" in text


def test_a_small_terminal_has_room_for_the_short_picture() -> None:
    feeds = {"/ws/admin/bookings": 1_000, "/ws/calendar": 1_000, "/ws/commands": 1_000}
    busy = said(replace(WHOLE, notifiers=Reply(SocketState(2, feeds, 0, 16)), redis=SILENT))
    console = Console(file=io.StringIO(), width=80, height=24)
    assert len(console.render_lines(picture(busy))) > 24
    lines = ["".join(one.text for one in line) for line in console.render_lines(picture(busy, is_short=True))]
    assert len(lines) <= 24
    assert [line.split()[0] for line in lines if NO_ANSWER in line] == ["redis"], "of the parts those that are not up"


def test_a_worker_cannot_write_to_the_terminal() -> None:
    assert "\x1b" not in shown(replace(WHOLE, workers=Reply({"lanes\x1b[2J@one": ("lanes",)})))


def test_sockets_are_added_up_and_the_slowest_notifier_counts() -> None:
    states = [SocketState(1, {"/a": 2, "/b": 0}, 1, 9), SocketState(1, {"/a": 1}, 2, 7), SocketState(1, {}, 0, None)]
    assert together(states) == SocketState(3, {"/a": 3, "/b": 0}, 3, 7)


def test_a_part_that_hangs_holds_up_nobody_and_is_asked_once() -> None:
    go_on, asked = threading.Event(), []

    def hang() -> int:
        asked.append(1)
        go_on.wait(30)
        return 7

    hanging, quick = Part("hanging", hang), Part("quick", lambda: 1)
    for _ in range(2):
        until = begin_all((hanging, quick), 0.05)
        assert (hanging.reply(until), quick.reply(until).value) == (SILENT, 1)
    assert time.monotonic() < until + 5
    assert asked == [1]
    go_on.set()
    assert hanging.reply(time.monotonic() + 30).value == 7


def test_whatever_a_library_raises_is_the_parts_own_problem() -> None:
    def fail() -> int:
        raise KeyError

    broken = Part("broken", fail)
    assert broken.reply(begin_all((broken,), 30)).problem == "KeyError"


def test_the_json_is_as_its_schema_says() -> None:
    """Programs read it: what is there stays, and what is added is added to the page's schema."""
    written = json.loads(SCHEMA.read_text())
    made = json.loads(json.dumps(msgspec.json.schema(Overview)))
    assert written == made, f"write it anew: {json.dumps(made)}"


def test_the_picture_in_the_docs_shows_what_the_command_shows() -> None:
    texts = {
        " ".join(text.replace("&#160;", " ").split()) for text in re.findall(r"<text[^>]*>([^<]*)</text>", PICTURE)
    }
    drawn = {text.split("  ")[0] for text in texts}
    lines = [re.split(r"\s{2,}", line.strip())[0] for line in shown(WHOLE).splitlines() if line[:1].isalpha()]
    wanted = set(lines[1:])
    assert len(wanted) > 15
    assert {one for one in wanted if not any(text.startswith(one) for text in drawn)} == set()


def test_the_picture_names_no_machine_and_loads_nothing() -> None:
    for word in ("/home", "/root", "/usr", "127.0.0.1", "localhost", "@import", "url(http", "@font-face", "lanes-1@"):
        assert word not in PICTURE


@pytest.mark.parametrize(
    ("words", "sentence"),
    {
        "--metrics notifier": "it is not HOST:PORT such as notifier:9464",
        "--metrics notifier:0": "it is not HOST:PORT such as notifier:9464",
        "--api api:8001": "it is not the beginning of a URL such as http://api:8001",
        "--api http://user:word@api": "it is not the beginning of a URL such as http://api:8001",
        "--every 0": "0 is not in the range 1<=x<=60",
    }.items(),
)
def test_wrong_options_are_named(words: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", *words.split()]) == 2
    assert sentence in capsys.readouterr().err


def test_a_folder_without_a_stack_is_said(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--data", str(tmp_path)]) == 1
    assert "is no data folder of Holdfast" in capsys.readouterr().err
    (tmp_path / "holdfast-data").touch()
    assert main(["status", "--data", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"holdfast: Holdfast does not run on {tmp_path}. holdfast run starts it.\n"
