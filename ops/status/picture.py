"""The overview as a person reads it in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ops.status.overview import (
    Decisions,
    Deliveries,
    Feed,
    Inbox,
    Lanes,
    Overview,
    PartState,
    Payments,
    ProcessState,
    Sockets,
)

UP, DOWN, UNKNOWN = Text("up", "green"), Text("down", "bold red"), Text("unknown", "yellow")
LANES_SHOWN_MAX = 8
"""Those that wait longest."""
WORKERS_SHOWN_MAX = 6

PARTS = ("part", "state", "answers in", "")
PROCESSES = ("process", "state", "how many", "seen by")
WORK = ("work", "now", "")
MINUTE_S = 60
HOUR_S = 3_600

Told = TypeVar("Told")
Row = tuple[str, Text, str]
"""Subject, its state in a word, and the rest."""


def picture(overview: Overview, *, is_short: bool = False) -> RenderableType:
    """`is_short` leaves out lines, parts that are up and Celery's queues, for terminals of 24 rows."""
    parts = [one for one in overview.parts if not (is_short and one.is_up)]
    tables = (
        _table(PARTS, map(_part_row, parts), is_short=is_short),
        _table(PROCESSES, map(_process_row, overview.processes), is_short=is_short),
        _table(WORK, [one for one in _work_rows(overview) if not (is_short and one[0] == "queues")], is_short=is_short),
    )
    shown = [table for table in tables if table.row_count]
    spaced = shown if is_short else [one for table in shown for one in (Text(), table)]
    return Group(_headline(overview), *_problems(overview), *spaced)


def _headline(overview: Overview) -> Text:
    return Text.assemble(_verdict(overview), f"   Holdfast {overview.version}, {overview.at:%Y-%m-%d %H:%M:%S} UTC")


def _verdict(overview: Overview) -> tuple[str, str]:
    """Text and style."""
    if overview.is_ready is None:
        return "The API does not say whether bookings get through", "bold yellow"
    if not overview.is_ready:
        return "Bookings do not get through", "bold red"
    if overview.maintenance_since is not None:
        return "Nobody can book, for maintenance", "bold yellow"
    return "Bookings get through", "bold green"


def _problems(overview: Overview) -> Iterator[Text]:
    for state, style, parts in (("down", "red", overview.down), ("degraded", "yellow", overview.degraded)):
        for name, reason in parts.items():
            yield Text.assemble((f"{state}: ", style), f"{name}: {reason}" if reason else name)
    if overview.maintenance_since is not None:
        yield Text(f"maintenance: since {overview.maintenance_since:%Y-%m-%d %H:%M:%S} UTC", "yellow")


def _table(columns: Iterable[str], rows: Iterable[Iterable[str | Text]], *, is_short: bool) -> Table:
    table = Table(box=None if is_short else box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(_printable(cell)) for cell in row))
    return table


def _printable(cell: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in cell)


def _state(is_up: bool | None) -> Text:  # noqa: FBT001 - one of three values, not a switch
    return {True: UP, False: DOWN, None: UNKNOWN}[is_up]


def _part_row(part: PartState) -> tuple[str | Text, ...]:
    took = "" if part.took_ms is None else f"{part.took_ms:.0f} ms"
    return part.name, _state(part.is_up), took, part.problem or part.detail or ""


def _process_row(process: ProcessState) -> tuple[str | Text, ...]:
    count = "" if process.count is None else str(process.count)
    return process.name, _state(process.is_up), count, ": ".join(filter(None, (process.seen, _named(process.workers))))


def _named(workers: tuple[str, ...]) -> str:
    """Without their host where all are on one."""
    hosts = {worker.partition("@")[2] for worker in workers}
    shown = [worker.partition("@")[0] if len(hosts) == 1 else worker for worker in workers[:WORKERS_SHOWN_MAX]]
    left = len(workers) - len(shown)
    return ", ".join(shown) + (f" and {left} more" if left else "")


def _work_rows(overview: Overview) -> tuple[Row, ...]:
    return (
        _row("decisions", overview.decisions, lambda one: f"{one.per_second:.1f} a second", _decisions),
        _row("inbox", overview.inbox, lambda one: f"{sum(one.by_class.values())} waiting", _inbox),
        _row("lanes", overview.lanes, lambda one: f"{_age(one.lag_s)} behind", _lanes),
        _row("queues", overview.queues, lambda one: f"{sum(one.values())} waiting", _counts),
        _row("feed", overview.feed, lambda one: f"{_age(one.relay_lag_s)} behind", _feed),
        _row("holds", overview.holds, lambda one: f"{one.standing} standing", lambda one: f"{one.lapsed} lapsed"),
        _row("payments", overview.payments, lambda one: f"{sum(one.by_state.values())} under way", _payments),
        _row("deliveries", overview.deliveries, lambda one: f"{sum(one.waiting.values())} waiting", _deliveries),
        _row("sockets", overview.sockets, lambda one: f"{one.open} open", _sockets),
        _row("retention", overview.retention_lag_s, lambda late_s: f"{_age(late_s)} behind", lambda _: ""),
    )


def _row(subject: str, told: Told | None, now: Callable[[Told], str], rest: Callable[[Told], str]) -> Row:
    """A figure that no part gave is unknown, not zero."""
    return (subject, UNKNOWN, "") if told is None else (subject, Text(_printable(now(told))), rest(told))


def _decisions(one: Decisions) -> str:
    counts = {"succeeded": one.succeeded, "rejected": one.rejected, "failed": one.failed}
    return f"{_counts(counts)}, in {one.within_s:g} s"


def _inbox(one: Inbox) -> str:
    more = {"put off": one.put_off, "for newer workers": one.for_newer_workers}
    return _counts({**one.by_class, **{name: count for name, count in more.items() if count}})


def _lanes(one: Lanes) -> str:
    """The slowest first."""
    slowest = sorted(one.waiting, key=lambda lane: (-(lane.lag_s or 0.0), lane.lane))
    shown = [
        f"{lane.lane} ({lane.waiting}{'' if lane.lag_s is None else f', {_age(lane.lag_s)}'})"
        for lane in slowest[:LANES_SHOWN_MAX]
    ]
    left = len(slowest) - len(shown)
    which = f": {', '.join(shown)}" if shown else ""
    return f"{len(slowest)} of {one.count} have commands waiting{which}{f' and {left} more' if left else ''}"


def _feed(one: Feed) -> str:
    heard = {"lanes": one.lanes_canary_age_s, "notifier": one.notifier_canary_age_s}
    canaries = ", ".join(f"{stage} {'never' if age is None else f'{_age(age)} ago'}" for stage, age in heard.items())
    delivered = "" if one.delivered is None else f", delivered up to {one.delivered}"
    return f"at {one.position}{delivered}; last canary: {canaries}"


def _payments(one: Payments) -> str:
    states = _counts({state: count for state, count in one.by_state.items() if count})
    told = (
        states,
        f"{_age(one.lag_s)} behind",
        f"{one.parked} parked",
        f"{one.differing} differing",
        "Stripe does not answer" if one.stripe_is_left_alone else "",
    )
    return ", ".join(filter(None, told))


def _deliveries(one: Deliveries) -> str:
    told = (
        _counts(one.waiting),
        f"{_age(one.lag_s)} behind",
        f"{one.parked} parked",
        f"{one.unplanned_events} events not planned" if one.unplanned_events else "",
        f"{one.missed_events} events missed" if one.missed_events else "",
        f"{one.busy_calendars} calendars followed" if one.busy_calendars else "",
        f"{one.busy_calendars_failing} of them failing" if one.busy_calendars_failing else "",
    )
    return ", ".join(filter(None, told))


def _sockets(one: Sockets) -> str:
    return f"{_counts(one.by_feed)}, {one.slow_clients_closed} closed as too slow"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _age(seconds: float) -> str:
    if seconds < MINUTE_S:
        return f"{seconds:.1f} s"
    return f"{seconds / MINUTE_S:.0f} min" if seconds < HOUR_S else f"{seconds / HOUR_S:.0f} h"
