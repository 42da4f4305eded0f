"""The planted bugs: small changes of the code, the faults whose run must find them, and the check that does."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

NO_CONSTRAINT = "ALTER TABLE claim DROP CONSTRAINT claim_no_overlap"
WORKERS_KILLED, BEFORE_COMMIT = "all lane workers killed", "lane workers killed before commit"
CRASH, TERMINATED, NOTIFIERS = (
    "PostgreSQL crashes with promises",
    "PostgreSQL's sessions terminated",
    "both notifiers killed",
)
CUT = "connections cut"
ONE_OUTCOME, SAME_ANSWER, ONE_KEY = (
    "acknowledged commands have one outcome",
    "answers are the outcomes",
    "a key means one command",
)
FEEDS, FINALS, HOLES = "each feed client heard each event once", "each outcome is told once", "positions have no hole"
LINEAR, OVERLAPS, SEATS = "answers are linearizable", "no two at one time", "no seat over capacity"


class Change(Struct, frozen=True):
    """One place in one file."""

    file: str
    before: str
    """Stands there exactly once."""
    after: str


class PlantedBug(Struct, frozen=True):
    name: str
    found_by: str
    """How the check's name begins."""
    faults: tuple[str, ...]
    """Its run must contain them."""
    changes: tuple[Change, ...] = ()
    sql: tuple[str, ...] = ()
    """Done to the database before anybody connects."""
    load_s: float = 10.0
    """How long clients work at least."""
    words: str = ""
    """What the check must say, where several bugs of one run are found by one check."""
    is_in_short: bool = False
    """Whether `make test` runs it, together with the others of the short form."""

    def plant(self, tree: Path) -> None:
        """Raises AssertionError if the code is not what the bug was made for."""
        for change in self.changes:
            file = tree / change.file
            text = file.read_text()
            assert text.count(change.before) == 1, f"{self.name}: {change.file} has changed, adapt the planted bug"
            file.write_text(text.replace(change.before, change.after))


TOLD = "entry = (one.envelope.id.bytes, one.outcome.http_status, one.outcome.body)"
LANE_SERVER, FEED, COUNTS = "workers/lane_server.py", "core/store/feed.py", "core/domain/marketplace/counts.py"
SOURCE, OUTCOMES = "notifier/source.py", "core/store/inbox/outcomes.py"

BUGS: tuple[PlantedBug, ...] = (
    PlantedBug(
        "no constraint, and nobody looks at what is taken",
        OVERLAPS,
        (WORKERS_KILLED,),
        (
            Change(
                "core/store/claims.py",
                "FROM w JOIN claim c ON c.resource_id = w.resource_id AND c.during && w.during WHERE c.closure_id IS NULL",
                "FROM w JOIN claim c ON c.resource_id = w.resource_id AND c.during && w.during WHERE false",
            ),
        ),
        (NO_CONSTRAINT,),
    ),
    PlantedBug(
        "no constraint and no lane lock, and races are not noticed",
        ONE_OUTCOME,
        (WORKERS_KILLED,),
        (
            Change(
                "core/store/inbox/lane_batches.py",
                "AS l (lane) WHERE pg_try_advisory_xact_lock(%s, lane)",
                "AS l (lane) WHERE %s::integer > 0",
            ),
            Change("core/store/sql/lost_races.py", "CASE WHEN count(*) <> %s THEN", "CASE WHEN count(*) < 0 * %s THEN"),
        ),
        (NO_CONSTRAINT,),
        load_s=25.0,
    ),
    PlantedBug(
        "the notifier tells each 40th message twice",
        FEEDS,
        (NOTIFIERS,),
        (
            Change(
                "notifier/hub.py",
                "                if subscriber.offer(message.number, message.payload):\n",
                "                if message.number % 40 == 0:\n"
                "                    subscriber.offer(message.number, message.payload)\n"
                "                if subscriber.offer(message.number, message.payload):\n",
            ),
        ),
        is_in_short=True,
        words="more than once",
    ),
    PlantedBug(
        "the relay swallows each 20th batch",
        FINALS,
        (WORKERS_KILLED,),
        (
            Change(
                FEED,
                '    with RoundTrip(connection) as trip:\n        trip.execute("BEGIN")\n',
                '    connection.execute("DELETE FROM event_batch WHERE first_position IS NULL AND id % 20 = 0")\n'
                '    with RoundTrip(connection) as trip:\n        trip.execute("BEGIN")\n',
            ),
        ),
    ),
    PlantedBug(
        "an outcome is told twice",
        FINALS,
        (WORKERS_KILLED,),
        (
            Change(
                "core/store/feed_events.py",
                "    all_rows = _with_progress(rows)\n",
                "    all_rows = [*_with_progress(rows), *([rows[-1]] if rows[-1].command_id.int % 20 == 0 else [])]\n",
            ),
        ),
    ),
    PlantedBug(
        "a position is skipped",
        HOLES,
        (NOTIFIERS,),
        (
            Change(
                FEED,
                "UPDATE feed SET last_position = last_position + (SELECT",
                "UPDATE feed SET last_position = last_position + (mod(last_position, 7) = 0)::integer + (SELECT",
            ),
        ),
        is_in_short=True,
    ),
    PlantedBug(
        "the feed skips a message after an outage",
        FEEDS,
        (TERMINATED, TERMINATED),
        (
            Change(
                SOURCE,
                "            told = wanted(page.events, self._hub.wants)\n",
                "            told = wanted(page.events, self._hub.wants)\n"
                '            if told and getattr(self, "_skips", False):\n'
                "                told, self._skips = told[1:], False\n",
            ),
            Change(
                SOURCE,
                "                await asyncio.sleep(pause_s)\n",
                "                self._skips = True\n                await asyncio.sleep(pause_s)\n",
            ),
        ),
        words="never heard",
    ),
    PlantedBug(
        "an idempotency key is ignored",
        ONE_KEY,
        (CUT,),
        (
            Change(
                "api/commands/commands.py", "self._inbox.accept(new, key_of(req), ", "self._inbox.accept(new, None, "
            ),
        ),
    ),
    PlantedBug(
        "a key older than two seconds is new",
        ONE_KEY,
        (CUT,),
        (Change("core/store/inbox/acceptance.py", "interval '{IDEMPOTENCY_HOURS} hours'", "interval '2 seconds'"),),
        is_in_short=True,
    ),
    PlantedBug(
        "each refund is asked for twice",
        "money balances",
        (WORKERS_KILLED,),
        (
            Change(
                "core/payments/stripe.py",
                'lambda: self._refunds.create(params, {"idempotency_key": order.key})',
                'lambda: [self._refunds.create(params, {"idempotency_key": f"{order.key}{n}"}) for n in range(2)][1]',
            ),
        ),
        load_s=20.0,
        words="asked for again",
    ),
    PlantedBug(
        "half the money goes back",
        "money balances",
        (WORKERS_KILLED,),
        (
            Change(
                "core/payments/stripe.py",
                '"amount": order.amount_minor,\n            "metadata": {PAYMENT_METADATA: str(order.payment_id), REFUND',
                '"amount": order.amount_minor // 2,\n            "metadata": {PAYMENT_METADATA: str(order.payment_id), REFUND',
            ),
        ),
        load_s=20.0,
        words="differ",
    ),
    PlantedBug(
        "a seat is not given back",
        SEATS,
        (WORKERS_KILLED,),
        (
            Change(
                COUNTS,
                "+= (becomes in KEEPS_SEAT) - (was in KEEPS_SEAT)",
                "+= max(0, (becomes in KEEPS_SEAT) - (was in KEEPS_SEAT))",
            ),
        ),
        words="count their seats wrong",
    ),
    PlantedBug(
        "a credit is not given back",
        "credits add up",
        (WORKERS_KILLED,),
        (Change(COUNTS, "                self.credits[id_] += 1\n", "                pass\n"),),
    ),
    PlantedBug(
        "a hold expires a minute late",
        "holds end in time",
        (WORKERS_KILLED,),
        (
            Change(
                "core/store/bookings/due.py",
                'WHERE {lapsed("b")}',
                """WHERE {lapsed("b", "clock_timestamp() - interval '60 seconds'")}""",
            ),
        ),
        load_s=45.0,
    ),
    PlantedBug(
        "an inbox row is deleted undecided",
        ONE_OUTCOME,
        (WORKERS_KILLED,),
        (
            Change(
                OUTCOMES,
                "SELECT {_MOVED}, {_ANSWER}, %s FROM found\n",
                "SELECT {_MOVED}, {_ANSWER}, %s FROM found WHERE mod(seq, 40) <> 0\n",
            ),
        ),
    ),
    PlantedBug(
        "each tenth answer is not its outcome",
        SAME_ANSWER,
        (WORKERS_KILLED,),
        (
            Change(
                LANE_SERVER,
                TOLD,
                "entry = (one.envelope.id.bytes, one.outcome.http_status, "
                "b'{\"id\": 1}' if one.envelope.id.int % 10 == 0 else one.outcome.body)",
            ),
        ),
    ),
    PlantedBug(
        "each 25th refusal is heard as a server's error",
        "no server error",
        (WORKERS_KILLED,),
        (
            Change(
                LANE_SERVER,
                TOLD,
                "status = one.outcome.http_status\n"
                "                entry = (one.envelope.id.bytes, 500 if status == 409 and one.envelope.id.int % 25 == 0 "
                "else status, one.outcome.body)",
            ),
        ),
    ),
    PlantedBug(
        "a read is stale after an acknowledged booking",
        LINEAR,
        (WORKERS_KILLED,),
        (
            Change(
                "api/reads/kept_answers.py",
                "return self.minute == _minute(found) and self.made_of == found.raw",
                "return self.minute == _minute(found)",
            ),
        ),
    ),
    PlantedBug(
        "outcomes are told before the commit",
        SAME_ANSWER,
        (BEFORE_COMMIT,) * 4,
        (
            Change(
                "core/engine/lane.py",
                "        save(self._connection, decided, loaded.now,",
                '        getattr(self, "tell", list)(decided)\n        save(self._connection, decided, loaded.now,',
            ),
            Change(
                LANE_SERVER,
                "                traces=spans.is_on(),\n            )\n",
                "                traces=spans.is_on(),\n            )\n"
                "            self._visits.tell = lambda decided: self._tell(VisitResult(decided=decided))\n",
            ),
        ),
    ),
    PlantedBug(
        "synchronous_commit is off in the inbox",
        ONE_OUTCOME,
        (CRASH, CRASH, CRASH),
        (
            Change(
                "api/commands/inbox_writer.py",
                "connect_as(self._connection_class, self._url, API_LIMITS, ",
                'connect_as(self._connection_class, self._url, {**API_LIMITS, "synchronous_commit": "off"}, ',
            ),
        ),
    ),
    PlantedBug(
        "each tenth webhook message is not planned",
        "each endpoint heard each event",
        (WORKERS_KILLED,),
        (
            Change(
                "core/deliveries/planner.py",
                "        planned = sender.plan(connection, events) if events else []\n",
                "        planned = sender.plan(connection, [one for one in events if one.number % 10]) if events else []\n",
            ),
        ),
    ),
)
