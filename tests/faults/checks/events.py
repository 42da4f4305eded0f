"""Events and tables tell one story, and everybody who listens hears it once and in order."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

from msgspec import Struct

from tests.faults.checks.facts import Facts
from tests.faults.checks.finding import Finding, some

NEWS = ("booking_created", "booking_updated", "booking_deleted")
"""What the admin feed and webhooks tell of bookings."""


def positions(facts: Facts) -> Finding:
    """Dense: each batch begins where the last ended, and has the events that it says."""
    numbered = [one for one in facts.batches if one.first_position is not None]
    ends = [(one.first_position or 0) + one.events for one in numbered]
    begins = [one.first_position or 0 for one in numbered]
    return Finding(
        "positions have no hole",
        len(numbered),
        "batches",
        [
            *some((one.id for one in facts.batches if one.first_position is None), "batches have no position"),
            *some(
                (one.id for one in facts.batches if one.rows != one.events), "batches have other events than they say"
            ),
            *some(
                (b for end, b in zip(ends, begins[1:], strict=False) if end != b), "batches leave a hole before them"
            ),
            *some(
                [] if not ends or ends[-1] == facts.head + 1 else [facts.head], "feed's head is not the last event's"
            ),
        ],
    )


def finals(facts: Facts) -> Finding:
    """One final event each; of a failed command too."""
    told = Counter(one.command_id for one in facts.events if one.is_final)
    silent = [one.id for one in facts.outcomes if told[one.id] != 1]
    wrong = some(silent, "outcomes have not exactly one final event")
    return Finding("each outcome is told once", len(facts.outcomes), "outcomes", wrong)


def stories(facts: Facts) -> Finding:
    """The versions that a booking's events tell are those it went through, ending with what the table says.

    A delete tells of the version that the cancellation before it made. The demo's own booking has no command.
    """
    by_command = {one.id for one in facts.outcomes}
    own = [one for one in facts.bookings if one.command_id in by_command]
    made: defaultdict[int, list[int]] = defaultdict(list)
    gone: defaultdict[int, list[int]] = defaultdict(list)
    created = Counter(one.booking_id for one in facts.events if one.type == "booking_created")
    for event in facts.events:
        if event.type in NEWS and event.booking_id is not None and event.booking_version is not None:
            (gone if event.type == "booking_deleted" else made)[event.booking_id].append(event.booking_version)
    return Finding(
        "events and tables tell the same",
        len(own),
        "bookings",
        [
            *some((b.id for b in own if created[b.id] != 1), "bookings were not told once as made"),
            *some((b.id for b in own if max(made[b.id], default=0) != b.version), "bookings are not as last told"),
            *some(
                (b.id for b in own if made[b.id] != sorted(set(made[b.id]))), "bookings' versions are not told in order"
            ),
            *some((b.id for b in own if len(gone[b.id]) != b.is_deleted), "bookings were not told once as deleted"),
        ],
    )


class Heard(Struct, frozen=True):
    """One message of a feed, as a listener noted it."""

    listener: str
    feed: str
    """`admin`, or `commands:OWNER`."""
    type: str
    epoch: str
    number: int
    booking_id: int | None = None


def feeds(facts: Facts, heard: Sequence[Heard], reloads_max: int) -> Finding:
    """From its first message on each listener has each event of its feed, once and in order. A reload leaves out what the
    client then reads from the tables."""
    by_listener: defaultdict[str, list[Heard]] = defaultdict(list)
    for one in heard:
        by_listener[one.listener].append(one)
    wrong: list[str] = []
    for name, messages in sorted(by_listener.items()):
        wrong += [f"{name}: {one}" for one in _of_listener(facts, messages, reloads_max)]
    return Finding("each feed client heard each event once", len(heard), "messages", wrong)


def _of_listener(facts: Facts, messages: Sequence[Heard], reloads_max: int) -> list[str]:
    numbers = [one.number for one in messages if one.type != "reload"]
    if not numbers:
        return ["heard nothing"]
    skipped, last = [], numbers[0] - 1
    for one in messages:
        if one.type == "reload":
            skipped.append((last, one.number))
        last = max(last, one.number)
    wanted = [
        position
        for position in _positions_of(facts, messages[0].feed)
        if position >= numbers[0] and not any(low < position <= high for low, high in skipped)
    ]
    times, known = Counter(numbers), set(wanted)
    return [
        *some((position for position in wanted if not times[position]), "events were never heard"),
        *some((number for number, n in times.items() if n > 1), "events were heard more than once"),
        *some((number for number in times if number not in known), "messages have no event"),
        *some((b for a, b in pairwise(numbers) if b < a), "messages came after a later one"),
        *([f"told to reload {len(skipped)} times"] if len(skipped) > reloads_max else []),
    ]


def _positions_of(facts: Facts, feed: str) -> list[int]:
    kind, _, owner = feed.partition(":")
    found = [one for one in facts.events if one.position is not None]
    if kind == "admin":
        return [one.position or 0 for one in found if one.type in NEWS]
    return [one.position or 0 for one in found if one.is_final and one.owner == owner]


def webhooks(facts: Facts, heard: Mapping[str, Sequence[str]], after: int, dead: frozenset[str]) -> Finding:
    """Each living endpoint has at least once each event since `after`, by the deliveries' ids that it noted."""
    wanted = {e.position for e in facts.events if e.type in NEWS and e.position is not None and e.position > after}
    counted, wrong = 0, []
    for receiver, name in facts.endpoints.items():
        if name in dead:
            continue
        own = [one for one in facts.deliveries if one.receiver == receiver and one.type in NEWS]
        arrived, planned = set(heard.get(name, ())), {one.position for one in own}
        counted += len(arrived)
        wrong += some(wanted - planned, f"events were not planned for {name}")
        wrong += some((one.id for one in own if one.id not in arrived), f"messages never reached {name}")
    return Finding("each endpoint heard each event", counted, "messages", wrong)


def leftovers(facts: Facts, dead: frozenset[str]) -> Finding:
    """But for live holds, and messages to dead endpoints."""
    waiting = [
        f"delivery {one.id}"
        for one in facts.deliveries
        if one.state in {"waiting", "parked"} and facts.endpoints.get(one.receiver) not in dead
    ]
    failed = [one.id for one in facts.outcomes if one.status == "failed"]
    return Finding(
        "nothing is left unfinished",
        len(facts.outcomes),
        "outcomes",
        [
            *some((f"{id_} ({type_})" for id_, type_ in facts.inbox.items()), "commands are undecided"),
            *some(waiting, "messages still wait"),
            *some(facts.payments_open, "payments are under way"),
            *some(failed, "commands were given up on"),
            *([f"{facts.parked} commands are parked"] if facts.parked else []),
        ],
    )
