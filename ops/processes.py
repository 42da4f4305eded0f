"""The one definition of Holdfast's processes.

The embedded stack starts them from here; docker-compose.yml, ops/kubernetes/ and the tests are compared with it.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from enum import IntEnum

from core.configuration import secret_settings

METRICS_PORT = 9464
"""In compose, of each process that has metrics: on the inner network, never published."""
METRICS_SETTINGS = {"HOLDFAST_METRICS_HOST": "0.0.0.0", "HOLDFAST_METRICS_PORT": str(METRICS_PORT)}  # noqa: S104 - a container's own


class Stage(IntEnum):
    """Processes stop from the highest stage down, those of one stage together."""

    STORES = 0
    PIPELINE = 1
    FRONT = 2
    """What clients talk to. The front door stops with the API: it still carries out the API's last answers."""


@dataclass(frozen=True, slots=True)
class Process:
    """One kind of long-running process; `count` of them run in the embedded stack."""

    name: str
    what: str
    """One phrase, shown while it starts."""
    argv: tuple[str, ...]
    """As in compose; the first word is looked up in the virtual environment by `ops.embedded.environment`."""
    stage: Stage
    queues: tuple[str, ...] = ()
    port: int | None = None
    """Where it listens in compose; the embedded stack chooses free ports."""
    has_metrics: bool = False
    """Whether it serves metrics: in compose on `METRICS_PORT`, in the embedded stack on a free port an instance."""
    settings: dict[str, str] = field(default_factory=dict)
    """Environment that only this process gets in compose, beside `OPTIONAL`; empty: the person's choice."""
    secrets: frozenset[str] = frozenset()
    """The secret settings that it is given, as files in compose and Kubernetes (`core.configuration.secret_settings`)."""
    health: tuple[str, ...] = ()
    """The command whose success means that work gets through this process."""
    count: int = 1
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 10.0

    def instances(self) -> tuple[str, ...]:
        """`lanes` becomes `lanes-1`, `lanes-2`; a single process keeps its name."""
        if self.count == 1:
            return (self.name,)
        return tuple(f"{self.name}-{number}" for number in range(1, self.count + 1))

    def command(self, instance: str) -> tuple[str, ...]:
        """The command line of one instance: Celery's node names must differ on one host."""
        return tuple(word.replace(f"{self.name}@%h", f"{instance}@%h") for word in self.argv)


def metrics_of(instance: str) -> str:
    """The name of its port for metrics among the embedded stack's."""
    return f"metrics-{instance}"


REQUIRED = ("DATABASE_URL", "REDIS_URL", "HOLDFAST_SECRET_KEY")
"""What a process that asks for it refuses to start without outside the demo. All three are secrets."""

OPTIONAL = (
    "HOLDFAST_PUBLIC_URL",
    "HOLDFAST_ALLOWED_ORIGINS",
    "HOLDFAST_TRUSTED_PROXIES",
    "HOLDFAST_TIME_ZONE",
    "HOLDFAST_PHONE_REGION",
    "HOLDFAST_ALLOW_PAST",
    "HOLDFAST_UNKNOWN_SERVICES",
    "HOLDFAST_PUBLIC_WRITES",
    "HOLDFAST_LANES",
    "HOLDFAST_REDIS_PREFIX",
    "HOLDFAST_FLOWER",
    "HOLDFAST_FLOWER_USER",
    "HOLDFAST_LOG_LEVEL",
    "HOLDFAST_ANONYMOUS_WRITES_PER_MINUTE",
    "HOLDFAST_UNDECIDED_PER_USER",
    "HOLDFAST_BODY_WITHIN_SECONDS",
    "HOLDFAST_REGISTRATIONS_PER_HOUR",
    "HOLDFAST_WEBHOOKS_LOOPBACK",
    "HOLDFAST_MAIL_FROM",
    "HOLDFAST_BOUNCE_MAILBOX",
    "HOLDFAST_MAILS",
    "HOLDFAST_LANGUAGE",
    "HOLDFAST_REMINDERS",
    "HOLDFAST_MAIL_TEMPLATES",
    "HOLDFAST_MAIL_GIVEN_ADDRESSES",
    "HOLDFAST_MAILS_PER_ADDRESS",
    "HOLDFAST_MAILS_PER_CALLER",
    "HOLDFAST_HOLD_SECONDS",
    "HOLDFAST_HOLD_EXTENSION_SECONDS",
    "HOLDFAST_MAX_HOLDS_PER_USER",
    "HOLDFAST_REFUND_NOTICE_HOURS",
    "HOLDFAST_OFFER_SECONDS",
    "STRIPE_PUBLISHABLE_KEY",
    "STRIPE_API_BASE",
    "STRIPE_CALLBACK_SUCCESS_URL",
    "STRIPE_CALLBACK_CANCEL_URL",
    "HOLDFAST_PAYMENT_METHOD_TYPES",
    "HOLDFAST_PAYMENT_LOOK_SECONDS",
    "HOLDFAST_STRIPE_BACKGROUND_PER_SECOND",
    "HOLDFAST_DELIVERY_RETRY_SECONDS",
    "HOLDFAST_WEBHOOK_TIMEOUT_SECONDS",
    "HOLDFAST_BUSY_POLL_SECONDS",
    "HOLDFAST_BUSY_KEPT_DAYS",
    "HOLDFAST_GOOGLE_CLIENT_ID",
    "HOLDFAST_GOOGLE_ISSUER",
    "HOLDFAST_GITHUB_CLIENT_ID",
    "HOLDFAST_GITHUB_URL",
    "HOLDFAST_GITHUB_API_URL",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_SERVICE_NAME",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
    "OTEL_SDK_DISABLED",
)
"""Given to every application process; empty means the default of core/settings.py. Secrets go by `Process.secrets`."""

HEALTH_SOCKET = "/tmp/health.sock"  # noqa: S108 - of a container, whose /tmp is its own
"""Where a process without HTTP answers its health checks in a container; elsewhere none asks."""
_SOCKET = {"HOLDFAST_HEALTH_SOCKET": HEALTH_SOCKET}
_PROBE = ("python", "-I", "-S", "ops/health_probe.py")

_WORKER = ("python", "-m", "workers", "worker")
_QUIET = ("--without-gossip", "--without-mingle", "--loglevel=INFO")

MIGRATE = ("python", "-m", "ops.cli", "migrate")
"""One shot, before all others."""
MIGRATE_SECRETS = secret_settings.MIGRATE

API = Process(
    "api",
    "HTTP API (Falcon on gunicorn)",
    ("gunicorn", "-c", "api/server/gunicorn_conf.py", "api.app:from_environment()"),
    Stage.FRONT,
    port=8001,
    has_metrics=True,
    settings={"HOLDFAST_API_BIND": "0.0.0.0:8001", "HOLDFAST_API_PROCESSES": "", **METRICS_SETTINGS},
    secrets=secret_settings.API,
    health=(*_PROBE, "http://127.0.0.1:8001/readyz"),
    stop_timeout_s=15.0,  # longer than gunicorn's graceful_timeout
)
LANES = Process(
    "lanes",
    "lane worker (Celery, prefork)",
    (*_WORKER, "-Q", "lanes", "-P", "prefork", "-c", "1", "-n", "lanes@%h", *_QUIET),
    Stage.PIPELINE,
    queues=("lanes",),
    has_metrics=True,
    settings={**METRICS_SETTINGS, **_SOCKET},
    secrets=secret_settings.LANES,
    health=(*_PROBE, HEALTH_SOCKET),
    count=2,  # so that one stopped worker leaves another
    stop_timeout_s=15.0,
)
SWEEPS = Process(
    "sweeps",
    "sweeps and relay (Celery, threads)",
    (*_WORKER, "-Q", "sweeps,relay", "-P", "threads", "-c", "8", "-n", "sweeps@%h", *_QUIET),
    Stage.PIPELINE,
    queues=("sweeps", "relay"),
    has_metrics=True,
    settings={**METRICS_SETTINGS, "HOLDFAST_METRICS_POSTGRESQL": "", **_SOCKET},
    secrets=secret_settings.SWEEPS,
    health=(*_PROBE, HEALTH_SOCKET),
    stop_timeout_s=15.0,
)
PAYMENTS = Process(
    "payments",
    "payments worker (Celery, threads)",
    # One server a process: the calls to Stripe run on threads of its own.
    (*_WORKER, "-Q", "payments", "-P", "threads", "-c", "1", "-n", "payments@%h", *_QUIET),
    Stage.PIPELINE,
    queues=("payments",),
    has_metrics=True,
    settings={**METRICS_SETTINGS, **_SOCKET},
    secrets=secret_settings.PAYMENTS,
    health=(*_PROBE, HEALTH_SOCKET),
    stop_timeout_s=30.0,  # longer than a call to Stripe takes at worst
)
DELIVERIES = Process(
    "deliveries",
    "delivery worker (Celery, threads)",
    # One server a process: what it sends runs on threads of its own.
    (*_WORKER, "-Q", "deliveries", "-P", "threads", "-c", "1", "-n", "deliveries@%h", *_QUIET),
    Stage.PIPELINE,
    queues=("deliveries",),
    has_metrics=True,
    settings={**METRICS_SETTINGS, **_SOCKET},
    secrets=secret_settings.DELIVERIES,
    health=(*_PROBE, HEALTH_SOCKET),
    stop_timeout_s=30.0,  # what is under way is finished
)
BEAT = Process(
    "beat",
    "clock of the sweeps (Celery beat)",
    # The schedule is all intervals of seconds: nothing is worth remembering in a file.
    ("python", "-m", "workers", "beat", "-S", "celery.beat:Scheduler", "--pidfile=", "--loglevel=INFO"),
    Stage.PIPELINE,
    settings=_SOCKET,
    secrets=secret_settings.BEAT,
    health=(*_PROBE, HEALTH_SOCKET),
)
NOTIFIER = Process(
    "notifier",
    "WebSocket notifier",
    ("python", "-m", "notifier"),
    Stage.PIPELINE,
    port=8002,
    has_metrics=True,
    settings={"HOLDFAST_NOTIFIER_HOST": "0.0.0.0", "HOLDFAST_NOTIFIER_PORT": "8002", **METRICS_SETTINGS, **_SOCKET},  # noqa: S104 - as above
    secrets=secret_settings.NOTIFIER,
    health=(*_PROBE, HEALTH_SOCKET),
)
FLOWER = Process(
    "flower",
    "Flower, a view of Celery",
    ("celery", "--quiet", "-A", "ops.flower_app", "flower", "--conf=ops/flower_conf.py"),
    Stage.FRONT,
    port=5555,
    settings={"HOLDFAST_FLOWER_HOST": "0.0.0.0", "HOLDFAST_FLOWER_PORT": "5555"},  # noqa: S104 - a container's own
    secrets=secret_settings.FLOWER,
    health=(*_PROBE, "http://127.0.0.1:5555/flower/healthcheck"),
    stop_signal=signal.SIGKILL,  # it keeps nothing, and on SIGTERM waits for its event thread for ever
    stop_timeout_s=2.0,
)

APPLICATION = (API, LANES, PAYMENTS, DELIVERIES, SWEEPS, BEAT, NOTIFIER, FLOWER)
"""What runs our code. The stores and the front door are others' programs: see `ops.store_settings`."""

BACKUPS_FOLDER = "/backups"
BACKUP = Process(
    "backup",
    "backups by a schedule",
    ("python", "-m", "ops.cli", "keep-backups", BACKUPS_FOLDER),
    Stage.PIPELINE,
    settings={
        "HOLDFAST_BACKUP_EVERY_HOURS": "",
        "HOLDFAST_BACKUP_AT": "",
        "HOLDFAST_BACKUPS_KEPT": "",
        "HOLDFAST_LOG_LEVEL": "",
        **_SOCKET,
    },
    secrets=secret_settings.BACKUP,
    health=(*_PROBE, HEALTH_SOCKET),
)
"""In compose; in Kubernetes a CronJob says when (`BACKUP_ONCE`). The embedded stack is backed up by whoever runs it,
managed stores by who manages them."""
BACKUP_ONCE = (*BACKUP.argv[:-1], "--once", BACKUPS_FOLDER)

PIPELINE = (API, LANES, SWEEPS, BEAT, NOTIFIER)
"""What a booking needs, as far as it is free."""
