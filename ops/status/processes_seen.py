"""Which processes run, by the evidence of each kind: there is no list of them, and they may be on many machines."""

from __future__ import annotations

from collections.abc import Mapping

from core.store.pulse import CANARY_FRESH_S
from core.store.running_state import RunningState
from ops.status.overview import ProcessState
from ops.status.sources import Replies

API_SESSIONS = ("holdfast api", "holdfast inbox")
WORKER_SESSIONS = {
    "lanes": "holdfast lane",
    "sweeps": "holdfast relay",
    "payments": "holdfast payments",
    "deliveries": "holdfast deliveries",
}
NOTIFIER_SESSION = "holdfast notifier feed"
"""Names of sessions in PostgreSQL. Each notifier has one for the feed."""


def processes_seen(replies: Replies) -> tuple[ProcessState, ...]:
    """In the order of ops/processes.py, without Flower, which nothing needs."""
    workers = {name: _workers(name, session, replies) for name, session in WORKER_SESSIONS.items()}
    beat = _beat(replies.database.value, sweeps_run=workers["sweeps"].is_up is True)
    workers_seen = (workers[name] for name in ("lanes", "payments", "deliveries", "sweeps"))
    return (_api(replies), *workers_seen, beat, _notifier(replies))


def _api(replies: Replies) -> ProcessState:
    """Each API process waits for outcomes on a channel of its own at Redis."""
    redis = replies.redis.value
    if redis is not None and redis.api_processes:
        return ProcessState("api", True, redis.api_processes, "waiting for outcomes at Redis")
    if replies.api.value is not None:
        return ProcessState("api", True, None, "/readyz answers")
    if any(_sessions(replies).get(name) for name in API_SESSIONS):
        return ProcessState("api", True, None, "sessions in PostgreSQL")
    return _unseen("api", knows=redis is not None)


def _workers(name: str, session: str, replies: Replies) -> ProcessState:
    """Workers answer through Redis and say which queues they consume. Without Redis there are their sessions; one that
    has a session and does not answer hangs, or is too busy to answer in time.
    """
    workers = replies.workers.value
    found = tuple(worker for worker, queues in (workers or {}).items() if name in queues)
    if found:
        return ProcessState(name, True, len(found), "answering through Redis", found)
    if not _sessions(replies).get(session):
        return _unseen(name, knows=workers is not None)
    if workers is None:
        return ProcessState(name, True, None, "sessions in PostgreSQL")
    return ProcessState(name, None, None, "sessions in PostgreSQL, though none answers through Redis")


def _beat(database: RunningState | None, *, sweeps_run: bool) -> ProcessState:
    """It answers no questions. Its canaries are seen; without a sweeps worker there are none, whatever beat does."""
    pulse = None if database is None else database.measurements.pulse
    age_s = None if pulse is None else pulse.lanes_canary_age_s
    if age_s is not None and age_s <= CANARY_FRESH_S:
        return ProcessState("beat", True, None, "its canaries come")
    return _unseen("beat", knows=pulse is not None and sweeps_run and not pulse.canary_waits)


def _notifier(replies: Replies) -> ProcessState:
    count = _sessions(replies).get(NOTIFIER_SESSION)
    if count:
        return ProcessState("notifier", True, count, "reading the feed in PostgreSQL")
    if replies.sockets is not None:
        return ProcessState("notifier", True, replies.sockets.notifiers, "serving metrics")
    return _unseen("notifier", knows=replies.database.value is not None)


def _sessions(replies: Replies) -> Mapping[str, int]:
    database = replies.database.value
    return {} if database is None else database.sessions


def _unseen(name: str, *, knows: bool) -> ProcessState:
    return ProcessState(name, False, 0, None) if knows else ProcessState(name, None, None, None)
