"""Every metric in one place: its name, type, meaning, labels, and the process that serves it.

Names follow Prometheus' conventions: the prefix, the base unit, `_total` for what only grows. Labels have few values
and never an id: routes by their templates, types of commands, names of states. docs/metrics.md is the table for people,
and a test compares the two with what a running stack serves.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Kind(StrEnum):
    """Prometheus' type of a metric."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Served(StrEnum):
    """The processes that serve it."""

    API = "api"
    LANES = "lanes"
    SWEEPS = "sweeps"
    PAYMENTS = "payments"
    DELIVERIES = "deliveries"
    NOTIFIER = "notifier"


class Metric(Struct, frozen=True):
    name: str
    """As it is served; a histogram's samples add `_bucket`, `_sum` and `_count`."""
    kind: Kind
    what: str
    served_by: tuple[Served, ...]
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """A histogram's upper bounds, without infinity."""


COUNTER, GAUGE, HISTOGRAM = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM
_API, _LANES, _SWEEPS, _PAYMENTS, _DELIVERIES, _NOTIFIER = ((one,) for one in Served)

WAITS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Up to the longest wait of a request."""
BATCHES_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Up to the longest transaction allowed."""
BATCH_COMMANDS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0)
"""Up to a full batch."""

HTTP_SECONDS = Metric(
    "holdfast_http_request_duration_seconds",
    HISTOGRAM,
    "Time from a request's head to its answer",
    _API,
    ("method", "route", "status"),
    WAITS_S,
)
OUTCOMES_AWAITED = Metric(
    "holdfast_http_outcomes_awaited", GAUGE, "Commands whose outcome a request waits for now", _API
)
COMMITS_IN_DOUBT = Metric(
    "holdfast_http_commits_in_doubt", GAUGE, "Commits that hang at PostgreSQL; at eight a process writes nothing", _API
)
MAILS = Metric("holdfast_mails_total", COUNTER, "Mails by result: sent, failed or dropped", _API, ("outcome",))
MAILS_WAITING = Metric("holdfast_mails_waiting", GAUGE, "Mails that wait to be sent", _API)

_POOLED = (Served.API, Served.PAYMENTS, Served.DELIVERIES, Served.NOTIFIER)
POOL_CONNECTIONS = Metric(
    "holdfast_pool_connections", GAUGE, "Connections of a pool to PostgreSQL: used or idle", _POOLED, ("pool", "state")
)
POOL_WAITING = Metric(
    "holdfast_pool_waiting", GAUGE, "Requests and jobs that wait for a connection of a pool", _POOLED, ("pool",)
)

DECIDED = Metric(
    "holdfast_commands_decided_total",
    COUNTER,
    "Commands that were answered, by type and outcome; failed is parked",
    _LANES,
    ("command", "outcome"),
)
WAIT_SECONDS = Metric(
    "holdfast_command_wait_seconds",
    HISTOGRAM,
    "Time from a command's acceptance to its decision, by who sent it",
    _LANES,
    ("sender",),
    WAITS_S,
)
BATCH_SIZE = Metric("holdfast_batch_commands", HISTOGRAM, "Commands decided in one visit", _LANES, (), BATCH_COMMANDS)
BATCH_SECONDS = Metric(
    "holdfast_batch_duration_seconds", HISTOGRAM, "Time of a visit that decided something", _LANES, (), BATCHES_S
)
VISITS_FAILED = Metric(
    "holdfast_visits_failed_total", COUNTER, "Visits that ended because the database failed; they are repeated", _LANES
)
PAYMENTS_CHANGED = Metric(
    "holdfast_payments_changed_total", COUNTER, "Payments that came into a state", _LANES, ("state",)
)

PAYMENT_JOB_SECONDS = Metric(
    "holdfast_payment_job_duration_seconds",
    HISTOGRAM,
    "Time of what was done at Stripe, by the payment's state and how it ended",
    _PAYMENTS,
    ("job", "outcome"),
    WAITS_S,
)

DELIVERY_SECONDS = Metric(
    "holdfast_delivery_duration_seconds",
    HISTOGRAM,
    "Time of an attempt to deliver, by sender and what the delivery was afterwards",
    _DELIVERIES,
    ("sender", "state"),
    WAITS_S,
)
DELIVERY_DELAY = Metric(
    "holdfast_delivery_delay_seconds",
    HISTOGRAM,
    "Time from what a delivery tells to its arrival, of those that arrived at the first attempt",
    _DELIVERIES,
    ("sender",),
    WAITS_S,
)

SOCKETS = Metric("holdfast_sockets", GAUGE, "WebSockets that are open", _NOTIFIER, ("feed",))
SOCKETS_CLOSED = Metric(
    "holdfast_sockets_closed_total", COUNTER, "WebSockets that were closed, by close code", _NOTIFIER, ("code",)
)
SOCKETS_REFUSED = Metric(
    "holdfast_sockets_refused_total", COUNTER, "Handshakes that were refused, by error code", _NOTIFIER, ("code",)
)
SLOW_CLIENTS = Metric(
    "holdfast_slow_clients_total", COUNTER, "WebSockets closed because their clients read too slowly", _NOTIFIER
)
FEED_DELIVERED = Metric(
    "holdfast_feed_delivered_position", GAUGE, "Number of the last event that a notifier delivered", _NOTIFIER
)

DATABASE_UP = Metric(
    "holdfast_database_up", GAUGE, "1 if the sweeps worker could read its metrics from PostgreSQL", _SWEEPS
)
REDIS_UP = Metric("holdfast_redis_up", GAUGE, "1 if Redis answered the sweeps worker", _SWEEPS)
CANARY_AGE = Metric(
    "holdfast_canary_age_seconds", GAUGE, "Age of the last canary that came to a stage", _SWEEPS, ("stage",)
)
LANE_LAG = Metric(
    "holdfast_lane_lag_seconds", GAUGE, "Age of the oldest command that a lane should have decided", _SWEEPS
)
INBOX_COMMANDS = Metric(
    "holdfast_inbox_commands", GAUGE, "Commands in the inbox by class, counted up to 100,000", _SWEEPS, ("class",)
)
PUT_OFF = Metric(
    "holdfast_commands_put_off", GAUGE, "Commands that the database refuses while it decides others", _SWEEPS
)
FOR_NEWER = Metric(
    "holdfast_commands_for_newer_workers", GAUGE, "Commands that wait for a worker of a newer release", _SWEEPS
)
HOLDS = Metric("holdfast_holds", GAUGE, "Holds: standing, or lapsed and not expired yet", _SWEEPS, ("state",))
PAYMENTS_DUE = Metric("holdfast_payments", GAUGE, "Payments that are not settled, by state", _SWEEPS, ("state",))
PAYMENTS_LAG = Metric(
    "holdfast_payments_lag_seconds", GAUGE, "How late the payments workers are with what people wait for", _SWEEPS
)
PAYMENTS_PARKED = Metric("holdfast_payments_parked", GAUGE, "Payments that are parked and need a person", _SWEEPS)
PAYMENTS_DIFFERING = Metric("holdfast_payments_differing", GAUGE, "Payments that differ from Stripe's books", _SWEEPS)
CIRCUIT_OPEN = Metric(
    "holdfast_payments_circuit_open", GAUGE, "1 while Stripe does not answer and is left alone", _SWEEPS
)
DELIVERIES_WAITING = Metric(
    "holdfast_deliveries_waiting", GAUGE, "Deliveries that wait, counted up to 100,000", _SWEEPS, ("sender",)
)
DELIVERIES_OLDEST = Metric(
    "holdfast_deliveries_oldest_seconds", GAUGE, "Age of the oldest delivery that waits", _SWEEPS, ("sender",)
)
DELIVERIES_PARKED = Metric(
    "holdfast_deliveries_parked", GAUGE, "Deliveries that are parked and need a person", _SWEEPS, ("sender",)
)
DELIVERIES_LAG = Metric(
    "holdfast_deliveries_lag_seconds", GAUGE, "How late the delivery workers are with what is due", _SWEEPS
)
PLANNER_LAG = Metric(
    "holdfast_deliveries_unplanned_events", GAUGE, "Events that a sender has not planned yet", _SWEEPS, ("sender",)
)
DELIVERIES_MISSED = Metric(
    "holdfast_deliveries_missed_events",
    GAUGE,
    "Events that were deleted before a sender planned them, in all",
    _SWEEPS,
    ("sender",),
)
BUSY_CALENDARS = Metric(
    "holdfast_busy_calendars", GAUGE, "Calendars that resources follow, by how they do", _SWEEPS, ("state",)
)
FEED_HEAD = Metric("holdfast_feed_head_position", GAUGE, "Number of the last event in the feed", _SWEEPS)
RELAY_LAG = Metric("holdfast_relay_lag_seconds", GAUGE, "Age of the oldest event that has no position yet", _SWEEPS)
RETENTION_LAG = Metric(
    "holdfast_retention_lag_seconds", GAUGE, "How long ago the oldest remaining row should have been deleted", _SWEEPS
)
ROWS_DELETED = Metric(
    "holdfast_retention_rows_deleted_total", COUNTER, "Rows that were deleted because of their age", _SWEEPS, ("table",)
)

PG_DEAD_ROWS = Metric(
    "holdfast_postgresql_dead_rows", GAUGE, "Dead rows of a table that vacuum has not removed", _SWEEPS, ("table",)
)
PG_LIVE_ROWS = Metric(
    "holdfast_postgresql_live_rows", GAUGE, "Rows of a table, as PostgreSQL estimates them", _SWEEPS, ("table",)
)
PG_TABLE_BYTES = Metric(
    "holdfast_postgresql_table_bytes", GAUGE, "Size of a table with its indexes", _SWEEPS, ("table",)
)
PG_DATABASE_BYTES = Metric("holdfast_postgresql_database_bytes", GAUGE, "Size of the database", _SWEEPS)
PG_OLDEST_TRANSACTION = Metric(
    "holdfast_postgresql_oldest_transaction_seconds", GAUGE, "Age of the oldest open transaction", _SWEEPS
)
PG_CONNECTIONS = Metric("holdfast_postgresql_connections", GAUGE, "Connections of all clients to the server", _SWEEPS)
PG_CONNECTIONS_MAX = Metric(
    "holdfast_postgresql_connections_max", GAUGE, "Connections that the server accepts", _SWEEPS
)
PG_STANDBYS = Metric("holdfast_postgresql_standbys", GAUGE, "Standbys that stream now", _SWEEPS)
PG_WAL_RETAINED = Metric(
    "holdfast_postgresql_wal_retained_bytes",
    GAUGE,
    "Write-ahead log kept for the replication slot furthest behind",
    _SWEEPS,
)
PG_REPLAY_LAG = Metric(
    "holdfast_postgresql_replay_lag_bytes",
    GAUGE,
    "Write-ahead log that the standby furthest behind has not replayed",
    _SWEEPS,
)

STATE = (
    CANARY_AGE,
    LANE_LAG,
    INBOX_COMMANDS,
    PUT_OFF,
    FOR_NEWER,
    HOLDS,
    PAYMENTS_DUE,
    PAYMENTS_LAG,
    PAYMENTS_PARKED,
    PAYMENTS_DIFFERING,
    CIRCUIT_OPEN,
    DELIVERIES_WAITING,
    DELIVERIES_OLDEST,
    DELIVERIES_PARKED,
    DELIVERIES_LAG,
    PLANNER_LAG,
    DELIVERIES_MISSED,
    BUSY_CALENDARS,
    FEED_HEAD,
    RELAY_LAG,
    RETENTION_LAG,
)
"""Read from PostgreSQL by `core.metrics.system_state`."""
POSTGRESQL = (
    PG_DEAD_ROWS,
    PG_LIVE_ROWS,
    PG_TABLE_BYTES,
    PG_DATABASE_BYTES,
    PG_OLDEST_TRANSACTION,
    PG_CONNECTIONS,
    PG_CONNECTIONS_MAX,
    PG_STANDBYS,
    PG_WAL_RETAINED,
    PG_REPLAY_LAG,
)
"""PostgreSQL's own numbers: only with `HOLDFAST_METRICS_POSTGRESQL`."""
ALL = (
    HTTP_SECONDS,
    OUTCOMES_AWAITED,
    COMMITS_IN_DOUBT,
    MAILS,
    MAILS_WAITING,
    POOL_CONNECTIONS,
    POOL_WAITING,
    DECIDED,
    WAIT_SECONDS,
    BATCH_SIZE,
    BATCH_SECONDS,
    VISITS_FAILED,
    PAYMENTS_CHANGED,
    PAYMENT_JOB_SECONDS,
    DELIVERY_SECONDS,
    DELIVERY_DELAY,
    SOCKETS,
    SOCKETS_CLOSED,
    SOCKETS_REFUSED,
    SLOW_CLIENTS,
    FEED_DELIVERED,
    DATABASE_UP,
    REDIS_UP,
    ROWS_DELETED,
    *STATE,
    *POSTGRESQL,
)
