"""Settings: read once from the environment, typed, and passed in.

Every setting is declared here and nowhere else. A missing or unusable one stops the start
with one sentence that names it (`SettingsError`).
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import time

from core.configuration import values
from core.configuration.one_setting import (
    SettingsError,
    is_needed,
    noted,
    read_flag,
    read_optional,
    read_plain,
    read_required,
    read_secret,
    read_value,
)
from core.configuration.recorded_settings import Reading, RecordedEnvironment
from core.configuration.secret_settings import ALL, OWNER, SecretFileError, asked, asked_one_by_one
from core.domain.values import Policy
from core.wakeup.keys import Keys

__all__ = [
    "OAuthClient",
    "Settings",
    "SettingsError",
    "Stripe",
    "Traces",
    "from_environment",
    "owner_database_url",
    "readings",
]

DEMO_SECRET = "demo-only-secret-never-use-it-outside-the-embedded-stack"  # noqa: S105 - refused outside the demo
STRIPE_API = "https://api.stripe.com"
DEMO_FLOWER_PASSWORD = "flower"  # noqa: S105 - refused outside the demo
DEMO_STRIPE_KEY = "sk_test_localstripe"
FIRST_LANES = 2
"""Of a new database, unless told."""
SECRET_MIN_CHARS = 32
"""A shorter HMAC key than the digest weakens HS256 (RFC 7518, 3.2)."""
CORES_EACH = 2
API_PROCESSES_MOST = 4
"""Unless told: each has some fifteen connections to PostgreSQL."""


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """Our registration with a sign-in provider."""

    client_id: str
    client_secret: str


@dataclass(frozen=True, slots=True)
class Stripe:
    """Our account with Stripe, or with a stand-in for it."""

    secret_key: str
    webhook_secret: str
    publishable_key: str
    api_base: str
    method_types: tuple[str, ...]
    """How people may pay, in Stripe's words."""
    background_per_s: int
    """Calls that nobody waits for, over all workers: cancellations after a mass of holds has lapsed, and looks."""


@dataclass(frozen=True, slots=True)
class Traces:
    """Where spans are sent by OTLP, of how many requests, and as whose."""

    endpoint: str
    """Of the collector, with the path for traces."""
    headers: tuple[tuple[str, str], ...]
    """Sent along; a collector's key is a secret."""
    certificate: str | None
    """A file with the certificates that the collector's is checked against; None: the system's."""
    service_name: str | None
    """None: `holdfast-` and the process's name."""
    resource: tuple[tuple[str, str], ...]
    """Attributes of all spans."""
    ratio: float
    """The share of requests that are traced, from 0 to 1."""
    parent_based: bool
    """Whether the decision of a caller that may make one is followed."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One process's view of its environment. Durations end in `_s`, sizes in `_bytes`."""

    database_url: str
    redis_url: str
    redis_keys: Keys
    """Redis names with this installation's prefix: two installations may share one Redis."""
    demo: bool
    """The embedded demo: default secrets, demo accounts and open doors are allowed only here."""
    demo_week: bool
    """Whether `make run` books a week of the demo."""
    secret_key: str
    secret_key_previous: str | None
    """Still verifies what it signed, so that a new secret logs nobody out."""
    public_url: str
    allowed_origins: frozenset[str]
    trusted_proxies: tuple[str, ...]
    time_zone: str
    """Written down by the first `migrate`; afterwards the database's counts (`core.store.installation`)."""
    time_zone_is_set: bool
    phone_region: str | None
    allow_past: bool
    books_unknown_services: bool
    """Whether a name that no service has books the desk; otherwise it is refused."""
    public_writes: bool
    agent_initial_password: str | None
    """What people that agents make known get, and may do nothing with but change it; None: no password."""
    lanes: int | None
    """How many lanes the next `migrate` gives the database. None: those that it has; `FIRST_LANES` at first."""
    api_bind: str
    api_processes: int
    """One for each two cores, but at most four, unless told."""
    notifier_host: str
    notifier_port: int
    flower: bool
    """Whether there is a Flower: outside the demo only where it is asked for."""
    flower_host: str
    flower_port: int
    flower_user: str
    flower_password: str
    log_level: str
    metrics_host: str
    metrics_port: int | None
    """Where this process serves its metrics to Prometheus; None: nowhere. Whoever reaches the port may read them."""
    metrics_postgresql: bool
    """Whether the sweeps worker also serves PostgreSQL's own numbers."""
    backup_every_h: int
    backup_at: time
    """A time of day in UTC at which a backup is taken; the others are whole intervals away from it."""
    backups_kept: int
    health_socket: str
    """Where the process answers its health checks; "": nowhere. See `core/health_socket.py`."""
    anonymous_writes_per_minute: int
    body_within_s: int
    """From the first piece of a request's body to its last."""
    undecided_per_user: int
    """Writes of one person that one API process has accepted and that are not decided yet."""
    registrations_per_hour: int
    """From one address."""
    webhooks_loopback: bool
    """Whether webhooks may be sent to this machine itself, without TLS too."""
    smtp_url: str | None
    """`smtp://user:password@host:587` (STARTTLS where offered) or `smtps://`; `?tls=unverified` takes any certificate.

    None: no mail outside the demo.
    """
    mail_from: str
    bounce_mailbox: str | None
    """`imaps://host/FOLDER`, to which undeliverable mails come back; read as the user of `smtp_url`. None: nowhere."""
    mails: bool
    """Whether guests and practitioners get mails about bookings. In the demo they are kept and shown to staff."""
    mail_templates: str | None
    """A folder with templates that replace ours, file by file."""
    mail_given_addresses: bool
    """Whether an address that somebody else gave is mailed too, once its reader has agreed."""
    mails_per_address: int
    """Of one day (UTC)."""
    mails_per_caller: int
    """Of one day (UTC) that the requests of one caller bring about."""
    language: str
    """Of mails, for everybody who has chosen none."""
    reminders_s: tuple[int, ...]
    """How long before its start a booking is reminded of; the longest first."""
    google: OAuthClient | None
    google_issuer: str
    github: OAuthClient | None
    github_url: str
    github_api_url: str
    hold_s: int
    hold_extension_s: int
    max_holds_per_user: int
    refund_notice_hours: int
    offer_s: int
    payment_look_s: int
    webhook_timeout_s: int
    """For the whole answer to one webhook."""
    delivery_retry_s: int
    """How long a delivery is tried before it is parked. The pauses between two attempts are parts of it."""
    busy_poll_s: int
    """How long after a calendar's busy times were fetched they are fetched again."""
    busy_kept_days: int
    """How long the last known busy times of a calendar that fails stay closed."""
    stripe: Stripe | None
    """None: nothing can be paid here."""
    payment_success_url: str
    payment_cancel_url: str
    """Where a payer's browser is sent back to."""
    traces: Traces | None
    """None: nothing is traced, and nothing of OpenTelemetry is imported."""

    @property
    def pays_at_stand_in(self) -> bool:
        """Whether the demo's own stand-in takes the payments, where nothing is charged."""
        return self.demo and self.stripe is not None and self.stripe.api_base != STRIPE_API

    @property
    def policy(self) -> Policy:
        """What of this the rules need; `Policy` says what each means."""
        return Policy(
            allow_past=self.allow_past,
            books_unknown_services=self.books_unknown_services,
            hold_s=self.hold_s,
            hold_extension_s=self.hold_extension_s,
            max_holds_per_user=self.max_holds_per_user,
            refund_notice_s=self.refund_notice_hours * 3600,
            offer_s=self.offer_s,
            payment_look_s=self.payment_look_s,
        )


def _api_processes(cores: int) -> int:
    """As many as use what PostgreSQL and the lanes leave of a machine that has them all."""
    return max(1, min(cores // CORES_EACH, API_PROCESSES_MOST))


def from_environment(environ: Mapping[str, str] | None = None, asks: Collection[str] = ALL) -> Settings:
    """Read all settings, and of the secrets those that are asked for: the others are left empty.

    Raises `SettingsError`, naming the first that cannot be used.
    """
    return _read(_asked(environ, asks))


def _read(env: Mapping[str, str]) -> Settings:
    """A secret that is asked for stands in `env`, empty or not; no other does."""
    demo = read_flag(env, "HOLDFAST_DEMO", default=False)
    flower = read_flag(env, "HOLDFAST_FLOWER", default=demo)
    public_url = read_value(env, "HOLDFAST_PUBLIC_URL", values.origin_url, "http://localhost:8000")
    return Settings(
        database_url=read_required(env, "DATABASE_URL", values.postgres_url) if "DATABASE_URL" in env else "",
        redis_url=read_required(env, "REDIS_URL", values.redis_url) if "REDIS_URL" in env else "",
        redis_keys=read_value(env, "HOLDFAST_REDIS_PREFIX", values.redis_keys, ""),
        demo=demo,
        demo_week=read_flag(env, "HOLDFAST_DEMO_WEEK", default=demo),
        secret_key=_secret_key(env, demo=demo) if "HOLDFAST_SECRET_KEY" in env else "",
        secret_key_previous=_secret_before(env, "HOLDFAST_SECRET_KEY_PREVIOUS", demo=demo),
        public_url=public_url,
        allowed_origins=read_value(env, "HOLDFAST_ALLOWED_ORIGINS", values.origins, ""),
        trusted_proxies=read_value(env, "HOLDFAST_TRUSTED_PROXIES", values.networks, "127.0.0.1,::1"),
        time_zone=read_value(env, "HOLDFAST_TIME_ZONE", values.zone, "UTC"),
        time_zone_is_set=bool(env.get("HOLDFAST_TIME_ZONE", "").strip()),
        phone_region=read_value(env, "HOLDFAST_PHONE_REGION", values.region, ""),
        allow_past=read_flag(env, "HOLDFAST_ALLOW_PAST", default=demo),
        books_unknown_services=read_value(
            env, "HOLDFAST_UNKNOWN_SERVICES", values.books_desk, "desk" if demo else "refuse"
        ),
        public_writes=read_flag(env, "HOLDFAST_PUBLIC_WRITES", default=demo),
        agent_initial_password=read_value(
            env, "HOLDFAST_AGENT_INITIAL_PASSWORD", values.initial_password, "", is_secret=True
        ),
        lanes=read_optional(env, "HOLDFAST_LANES", values.whole(1, 1024)),
        api_bind=read_value(env, "HOLDFAST_API_BIND", str, "127.0.0.1:8001"),
        api_processes=read_value(
            env, "HOLDFAST_API_PROCESSES", values.whole(1, 64), str(_api_processes(os.cpu_count() or 1))
        ),
        notifier_host=read_value(env, "HOLDFAST_NOTIFIER_HOST", str, "127.0.0.1"),
        notifier_port=read_value(env, "HOLDFAST_NOTIFIER_PORT", values.whole(1, 65535), "8002"),
        flower=flower,
        flower_host=read_value(env, "HOLDFAST_FLOWER_HOST", str, "127.0.0.1"),
        flower_port=read_value(env, "HOLDFAST_FLOWER_PORT", values.whole(1, 65535), "5555"),
        flower_user=read_value(env, "HOLDFAST_FLOWER_USER", str, "flower"),
        flower_password=_flower_password(env, demo=demo, needed=flower),
        backup_every_h=read_value(env, "HOLDFAST_BACKUP_EVERY_HOURS", values.whole(1, 31 * 24), "24"),
        backup_at=read_value(env, "HOLDFAST_BACKUP_AT", values.time_of_day, "03:00"),
        backups_kept=read_value(env, "HOLDFAST_BACKUPS_KEPT", values.whole(1, 10_000), "7"),
        health_socket=read_value(env, "HOLDFAST_HEALTH_SOCKET", str, ""),
        log_level=read_value(env, "HOLDFAST_LOG_LEVEL", values.level, "INFO"),
        metrics_host=read_value(env, "HOLDFAST_METRICS_HOST", str, "127.0.0.1"),
        metrics_port=read_value(env, "HOLDFAST_METRICS_PORT", values.port_or_none, ""),
        metrics_postgresql=read_flag(env, "HOLDFAST_METRICS_POSTGRESQL", default=False),
        anonymous_writes_per_minute=read_value(
            env, "HOLDFAST_ANONYMOUS_WRITES_PER_MINUTE", values.whole(1, 1_000_000), "6000" if demo else "60"
        ),
        body_within_s=read_value(env, "HOLDFAST_BODY_WITHIN_SECONDS", values.whole(1, 3_600), "60"),
        undecided_per_user=read_value(
            env, "HOLDFAST_UNDECIDED_PER_USER", values.whole(1, 1_000_000), "1000" if demo else "100"
        ),
        registrations_per_hour=read_value(
            env, "HOLDFAST_REGISTRATIONS_PER_HOUR", values.whole(1, 1_000_000), "2000" if demo else "30"
        ),
        webhooks_loopback=read_flag(env, "HOLDFAST_WEBHOOKS_LOOPBACK", default=demo),
        smtp_url=read_value(env, "HOLDFAST_SMTP_URL", values.smtp_url, ""),
        mail_from=read_value(env, "HOLDFAST_MAIL_FROM", str, "Holdfast <no-reply@localhost>"),
        bounce_mailbox=_bounce_mailbox(env),
        mails=_mails(env, demo=demo),
        mail_templates=read_optional(env, "HOLDFAST_MAIL_TEMPLATES", values.folder),
        mail_given_addresses=read_flag(env, "HOLDFAST_MAIL_GIVEN_ADDRESSES", default=False),
        mails_per_address=read_value(env, "HOLDFAST_MAILS_PER_ADDRESS", values.whole(1, 10_000), "20"),
        mails_per_caller=read_value(env, "HOLDFAST_MAILS_PER_CALLER", values.whole(1, 10_000_000), "5000"),
        language=read_value(env, "HOLDFAST_LANGUAGE", values.language, "en"),
        reminders_s=read_value(env, "HOLDFAST_REMINDERS", values.durations_before, "24h"),
        google=_oauth_client(env, "HOLDFAST_GOOGLE", demo=demo),
        google_issuer=read_value(env, "HOLDFAST_GOOGLE_ISSUER", values.origin_url, "https://accounts.google.com"),
        github=_oauth_client(env, "HOLDFAST_GITHUB", demo=demo),
        github_url=read_value(env, "HOLDFAST_GITHUB_URL", values.origin_url, "https://github.com"),
        github_api_url=read_value(env, "HOLDFAST_GITHUB_API_URL", values.origin_url, "https://api.github.com"),
        hold_s=read_value(env, "HOLDFAST_HOLD_SECONDS", values.whole(1, 7 * 24 * 3600), "1800"),
        hold_extension_s=read_value(env, "HOLDFAST_HOLD_EXTENSION_SECONDS", values.whole(0, 7 * 24 * 3600), "1800"),
        max_holds_per_user=read_value(env, "HOLDFAST_MAX_HOLDS_PER_USER", values.whole(0, 1000), "5"),
        refund_notice_hours=read_value(env, "HOLDFAST_REFUND_NOTICE_HOURS", values.whole(0, 10_000), "24"),
        offer_s=read_value(env, "HOLDFAST_OFFER_SECONDS", values.whole(1, 30 * 24 * 3600), "43200"),
        payment_look_s=read_value(env, "HOLDFAST_PAYMENT_LOOK_SECONDS", values.whole(1, 24 * 3600), "120"),
        webhook_timeout_s=read_value(env, "HOLDFAST_WEBHOOK_TIMEOUT_SECONDS", values.whole(1, 60), "15"),
        delivery_retry_s=read_value(env, "HOLDFAST_DELIVERY_RETRY_SECONDS", values.whole(1, 30 * 24 * 3600), "259200"),
        busy_poll_s=read_value(env, "HOLDFAST_BUSY_POLL_SECONDS", values.whole(1, 7 * 24 * 3600), "900"),
        busy_kept_days=read_value(env, "HOLDFAST_BUSY_KEPT_DAYS", values.whole(1, 400), "14"),
        stripe=_stripe(env, demo=demo),
        payment_success_url=read_value(
            env, "STRIPE_CALLBACK_SUCCESS_URL", values.http_url, f"{public_url}/payment/success"
        ),
        payment_cancel_url=read_value(
            env, "STRIPE_CALLBACK_CANCEL_URL", values.http_url, f"{public_url}/payment/cancel"
        ),
        traces=_traces(env),
    )


def readings(environ: Mapping[str, str]) -> list[Reading]:
    """Every setting as a start reads it, also those that cannot be used."""
    found: dict[str, Reading] = {}
    own, files = asked_one_by_one(environ)
    for reads_all in (False, True):
        env = RecordedEnvironment(own, files, reads_all=reads_all)
        _read(env)
        _owner_database_url(env)
        found = env.readings | found
    return [found[name] for name in env.readings]


def is_demo(environ: Mapping[str, str] | None = None) -> bool:
    """Whether these are the demo's settings, before anything else of them is looked at. Raises `SettingsError`."""
    return read_flag(os.environ if environ is None else environ, "HOLDFAST_DEMO", default=False)


def owner_database_url(environ: Mapping[str, str] | None = None) -> str | None:
    """A superuser's address of the same database, for `migrate` alone: it hands all over to DATABASE_URL's role."""
    return _owner_database_url(_asked(environ, {OWNER}))


def _owner_database_url(env: Mapping[str, str]) -> str | None:
    return read_value(env, OWNER, values.owner_url, "")


def _asked(environ: Mapping[str, str] | None, asks: Collection[str]) -> Mapping[str, str]:
    try:
        return asked(os.environ if environ is None else environ, asks)
    except SecretFileError as problem:
        raise SettingsError(str(problem)) from None


def _secret_key(env: Mapping[str, str], *, demo: bool) -> str:
    return read_secret(env, "HOLDFAST_SECRET_KEY", DEMO_SECRET, demo=demo, least=SECRET_MIN_CHARS)


def _flower_password(env: Mapping[str, str], *, demo: bool, needed: bool) -> str:
    """Flower alone asks for it."""
    if "HOLDFAST_FLOWER_PASSWORD" not in env or not is_needed(env, "HOLDFAST_FLOWER", needed):
        return ""
    return read_secret(env, "HOLDFAST_FLOWER_PASSWORD", DEMO_FLOWER_PASSWORD, demo=demo, least=12)


def _secret_before(env: Mapping[str, str], name: str, *, demo: bool) -> str | None:
    """A retired secret verifies like a present one, so it is held to the same rules where it is set."""
    if not read_plain(env, name, is_secret=True):
        return None
    return read_secret(env, name, DEMO_SECRET, demo=demo, least=SECRET_MIN_CHARS)


def _mails(env: Mapping[str, str], *, demo: bool) -> bool:
    """Off unless it is said: a release must not begin to write to an installation's guests. The demo keeps its mails."""
    name, server = "HOLDFAST_MAILS", "HOLDFAST_SMTP_URL"

    def read() -> bool:
        is_on = read_flag(env, name, default=demo)
        if is_on and not demo and not env.get(server, server).strip():
            raise SettingsError(f"{name} is on, but {server} is empty. Set it to your mail server, or turn {name} off.")
        return is_on

    return noted(env, name, read, default="on" if demo else "off", otherwise=lambda: demo)


def _bounce_mailbox(env: Mapping[str, str]) -> str | None:
    """Whoever asks for the mail server's address signs in at the mailbox with its user and password."""
    name, server = "HOLDFAST_BOUNCE_MAILBOX", "HOLDFAST_SMTP_URL"

    mailbox = read_value(env, name, values.imap_url, "")
    if mailbox and server in env and not values.names_a_user(env[server]):
        raise SettingsError(
            f"{name} is set, but {server} names no user and password to sign in with. Write them into {server}, or "
            f"leave {name} empty."
        )
    return mailbox


def _oauth_client(env: Mapping[str, str], prefix: str, *, demo: bool) -> OAuthClient | None:
    """Both halves of a registration, or None where neither is set, or the secret is not asked for."""
    id_name, secret_name = f"{prefix}_CLIENT_ID", f"{prefix}_CLIENT_SECRET"
    client_id = read_plain(env, id_name)
    if secret_name not in env or not is_needed(env, id_name, bool(client_id)):
        return None
    secret = read_secret(env, secret_name, "", demo=demo, least=8, issuer="the provider", beside=id_name)
    return OAuthClient(client_id, secret)


def _stripe(env: Mapping[str, str], *, demo: bool) -> Stripe | None:
    """An account, or None where no key is set. Without the webhook's secret nobody's event could be believed: who
    receives events asks for it.
    """
    key, webhook = "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"
    if not is_needed(env, key, bool(read_plain(env, key, is_secret=True))):
        return None
    return Stripe(
        secret_key=_stripe_key(env, key, demo=demo),
        webhook_secret=read_secret(env, webhook, "", demo=demo, least=8, issuer="Stripe", beside=key)
        if webhook in env
        else "",
        publishable_key=read_plain(env, "STRIPE_PUBLISHABLE_KEY"),
        api_base=read_value(env, "STRIPE_API_BASE", values.origin_url, STRIPE_API),
        method_types=read_value(env, "HOLDFAST_PAYMENT_METHOD_TYPES", values.words, "card"),
        background_per_s=read_value(env, "HOLDFAST_STRIPE_BACKGROUND_PER_SECOND", values.whole(1, 1000), "10"),
    )


def _stripe_key(env: Mapping[str, str], name: str, *, demo: bool) -> str:
    def read() -> str:
        key = read_secret(env, name, DEMO_STRIPE_KEY, demo=demo, least=8, issuer="Stripe")
        if values.PLACEHOLDER in key:
            raise SettingsError(f"{name} still holds a placeholder. Set it to your account's, or leave it empty.")
        return key

    return noted(env, name, read, default="", otherwise=str, is_secret=True)


TRACES_PATH = "/v1/traces"
TRACES_RATIO = "0.1"
"""Unless told."""


def _traces(env: Mapping[str, str]) -> Traces | None:
    """By OpenTelemetry's own names. None where no endpoint is set, or where it is switched off."""
    name = "OTEL_EXPORTER_OTLP_ENDPOINT"
    base = read_optional(env, name, values.origin_url)
    endpoint = read_optional(env, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", values.http_url) or (
        base and base + TRACES_PATH
    )
    is_disabled = read_flag(env, "OTEL_SDK_DISABLED", default=False)
    if not is_needed(env, name, endpoint is not None and not is_disabled):
        return None
    read_value(env, "OTEL_EXPORTER_OTLP_PROTOCOL", values.otlp_protocol, values.OTLP_PROTOCOL)
    parent_based, sampler = read_value(env, "OTEL_TRACES_SAMPLER", values.sampler, f"{values.PARENT_BASED}traceidratio")
    ratio = read_value(env, "OTEL_TRACES_SAMPLER_ARG", values.share, TRACES_RATIO)
    return Traces(
        endpoint=endpoint or "",
        headers=read_value(env, "OTEL_EXPORTER_OTLP_HEADERS", values.pairs, "", is_secret=True),
        certificate=read_optional(env, "OTEL_EXPORTER_OTLP_CERTIFICATE", values.readable_file),
        service_name=read_optional(env, "OTEL_SERVICE_NAME", str),
        resource=read_value(env, "OTEL_RESOURCE_ATTRIBUTES", values.pairs, ""),
        ratio={"always_on": 1.0, "always_off": 0.0}.get(sampler, ratio),
        parent_based=parent_based,
    )
