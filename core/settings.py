"""Settings: read once from the environment, typed, and passed in.

Every setting is declared here and nowhere else. A missing or unusable one stops the start
with one sentence that names it (`SettingsError`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import time
from typing import TypeVar
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from core.client_addresses import network
from core.domain.resources.time_zones import is_zone
from core.domain.values import Policy
from core.passwords import PASSWORD_MAX_CHARS
from core.recorded_settings import Reading, RecordedEnvironment
from core.secret_settings import ALL, OWNER, SecretFileError, asked, asked_one_by_one
from core.text_forms import COUNTRY, PREFIX, SETTING
from core.wakeup.keys import Keys

T = TypeVar("T")

DEMO_SECRET = "demo-only-secret-never-use-it-outside-the-embedded-stack"  # noqa: S105 - refused outside the demo
DEMO_FLOWER_PASSWORD = "flower"  # noqa: S105 - refused outside the demo
DEMO_STRIPE_KEY = "sk_test_localstripe"
FIRST_LANES = 2
"""Of a new database, unless told."""
SECRET_MIN_CHARS = 32
"""A shorter HMAC key than the digest weakens HS256 (RFC 7518, 3.2)."""
CORES_EACH = 2
API_PROCESSES_MOST = 4
"""Unless told: each has some fifteen connections to PostgreSQL."""

REDIS_TLS_FILES = frozenset({"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"})
REDIS_TLS_WORDS = REDIS_TLS_FILES | {"ssl_cert_reqs", "ssl_check_hostname"}
"""The query parameters that REDIS_URL may have."""

PLACEHOLDER = "change-me"
"""What `.env.example` puts where a secret belongs; a start with it is refused."""


class SettingsError(Exception):
    """A setting is missing or unusable; the message names it and says what to do."""


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
    smtp_url: str | None
    """`smtp://user:password@host:587` (STARTTLS where offered) or `smtps://`; `?tls=unverified` takes any certificate.

    None: no mail outside the demo.
    """
    mail_from: str
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
    stripe: Stripe | None
    """None: nothing can be paid here."""
    payment_success_url: str
    payment_cancel_url: str
    """Where a payer's browser is sent back to."""
    traces: Traces | None
    """None: nothing is traced, and nothing of OpenTelemetry is imported."""

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
    demo = _flag(env, "HOLDFAST_DEMO", default=False)
    flower = _flag(env, "HOLDFAST_FLOWER", default=demo)
    public_url = _value(env, "HOLDFAST_PUBLIC_URL", _origin_url, "http://localhost:8000")
    return Settings(
        database_url=_required(env, "DATABASE_URL", _postgres_url) if "DATABASE_URL" in env else "",
        redis_url=_required(env, "REDIS_URL", _redis_url) if "REDIS_URL" in env else "",
        redis_keys=_value(env, "HOLDFAST_REDIS_PREFIX", _redis_keys, ""),
        demo=demo,
        secret_key=_secret_key(env, demo=demo) if "HOLDFAST_SECRET_KEY" in env else "",
        secret_key_previous=_secret_before(env, "HOLDFAST_SECRET_KEY_PREVIOUS", demo=demo),
        public_url=public_url,
        allowed_origins=_value(env, "HOLDFAST_ALLOWED_ORIGINS", _origins, ""),
        trusted_proxies=_value(env, "HOLDFAST_TRUSTED_PROXIES", _networks, "127.0.0.1,::1"),
        time_zone=_value(env, "HOLDFAST_TIME_ZONE", _zone, "UTC"),
        time_zone_is_set=bool(env.get("HOLDFAST_TIME_ZONE", "").strip()),
        phone_region=_value(env, "HOLDFAST_PHONE_REGION", _region, ""),
        allow_past=_flag(env, "HOLDFAST_ALLOW_PAST", default=demo),
        books_unknown_services=_value(env, "HOLDFAST_UNKNOWN_SERVICES", _desk, "desk" if demo else "refuse"),
        public_writes=_flag(env, "HOLDFAST_PUBLIC_WRITES", default=demo),
        agent_initial_password=_value(env, "HOLDFAST_AGENT_INITIAL_PASSWORD", _initial_password, "", is_secret=True),
        lanes=_optional(env, "HOLDFAST_LANES", _whole(1, 1024)),
        api_bind=_value(env, "HOLDFAST_API_BIND", str, "127.0.0.1:8001"),
        api_processes=_value(env, "HOLDFAST_API_PROCESSES", _whole(1, 64), str(_api_processes(os.cpu_count() or 1))),
        notifier_host=_value(env, "HOLDFAST_NOTIFIER_HOST", str, "127.0.0.1"),
        notifier_port=_value(env, "HOLDFAST_NOTIFIER_PORT", _whole(1, 65535), "8002"),
        flower=flower,
        flower_host=_value(env, "HOLDFAST_FLOWER_HOST", str, "127.0.0.1"),
        flower_port=_value(env, "HOLDFAST_FLOWER_PORT", _whole(1, 65535), "5555"),
        flower_user=_value(env, "HOLDFAST_FLOWER_USER", str, "flower"),
        flower_password=_flower_password(env, demo=demo, needed=flower),
        backup_every_h=_value(env, "HOLDFAST_BACKUP_EVERY_HOURS", _whole(1, 31 * 24), "24"),
        backup_at=_value(env, "HOLDFAST_BACKUP_AT", _time_of_day, "03:00"),
        backups_kept=_value(env, "HOLDFAST_BACKUPS_KEPT", _whole(1, 10_000), "7"),
        health_socket=_value(env, "HOLDFAST_HEALTH_SOCKET", str, ""),
        log_level=_value(env, "HOLDFAST_LOG_LEVEL", _level, "INFO"),
        metrics_host=_value(env, "HOLDFAST_METRICS_HOST", str, "127.0.0.1"),
        metrics_port=_value(env, "HOLDFAST_METRICS_PORT", _port_or_none, ""),
        metrics_postgresql=_flag(env, "HOLDFAST_METRICS_POSTGRESQL", default=False),
        anonymous_writes_per_minute=_value(
            env, "HOLDFAST_ANONYMOUS_WRITES_PER_MINUTE", _whole(1, 1_000_000), "6000" if demo else "60"
        ),
        body_within_s=_value(env, "HOLDFAST_BODY_WITHIN_SECONDS", _whole(1, 3_600), "60"),
        undecided_per_user=_value(env, "HOLDFAST_UNDECIDED_PER_USER", _whole(1, 1_000_000), "1000" if demo else "100"),
        registrations_per_hour=_value(
            env, "HOLDFAST_REGISTRATIONS_PER_HOUR", _whole(1, 1_000_000), "2000" if demo else "30"
        ),
        smtp_url=_value(env, "HOLDFAST_SMTP_URL", _smtp_url, ""),
        mail_from=_value(env, "HOLDFAST_MAIL_FROM", str, "Holdfast <no-reply@localhost>"),
        google=_oauth_client(env, "HOLDFAST_GOOGLE", demo=demo),
        google_issuer=_value(env, "HOLDFAST_GOOGLE_ISSUER", _origin_url, "https://accounts.google.com"),
        github=_oauth_client(env, "HOLDFAST_GITHUB", demo=demo),
        github_url=_value(env, "HOLDFAST_GITHUB_URL", _origin_url, "https://github.com"),
        github_api_url=_value(env, "HOLDFAST_GITHUB_API_URL", _origin_url, "https://api.github.com"),
        hold_s=_value(env, "HOLDFAST_HOLD_SECONDS", _whole(1, 7 * 24 * 3600), "1800"),
        hold_extension_s=_value(env, "HOLDFAST_HOLD_EXTENSION_SECONDS", _whole(0, 7 * 24 * 3600), "1800"),
        max_holds_per_user=_value(env, "HOLDFAST_MAX_HOLDS_PER_USER", _whole(0, 1000), "5"),
        refund_notice_hours=_value(env, "HOLDFAST_REFUND_NOTICE_HOURS", _whole(0, 10_000), "24"),
        offer_s=_value(env, "HOLDFAST_OFFER_SECONDS", _whole(1, 30 * 24 * 3600), "43200"),
        payment_look_s=_value(env, "HOLDFAST_PAYMENT_LOOK_SECONDS", _whole(1, 24 * 3600), "120"),
        stripe=_stripe(env, demo=demo),
        payment_success_url=_value(env, "STRIPE_CALLBACK_SUCCESS_URL", _http_url, f"{public_url}/payment/success"),
        payment_cancel_url=_value(env, "STRIPE_CALLBACK_CANCEL_URL", _http_url, f"{public_url}/payment/cancel"),
        traces=_traces(env),
    )


def readings(environ: Mapping[str, str]) -> list[Reading]:
    """Every setting as a start reads it, also those that cannot be used."""
    found: dict[str, Reading] = {}
    values, files = asked_one_by_one(environ)
    for reads_all in (False, True):
        env = RecordedEnvironment(values, files, reads_all=reads_all)
        _read(env)
        _owner_database_url(env)
        found = env.readings | found
    return [found[name] for name in env.readings]


def is_demo(environ: Mapping[str, str] | None = None) -> bool:
    """Whether these are the demo's settings, before anything else of them is looked at. Raises `SettingsError`."""
    return _flag(os.environ if environ is None else environ, "HOLDFAST_DEMO", default=False)


def owner_database_url(environ: Mapping[str, str] | None = None) -> str | None:
    """A superuser's address of the same database, for `migrate` alone: it hands all over to DATABASE_URL's role."""
    return _owner_database_url(_asked(environ, {OWNER}))


def _owner_database_url(env: Mapping[str, str]) -> str | None:
    return _value(env, OWNER, _owner_url, "")


def _asked(environ: Mapping[str, str] | None, asks: Collection[str]) -> Mapping[str, str]:
    try:
        return asked(os.environ if environ is None else environ, asks)
    except SecretFileError as problem:
        raise SettingsError(str(problem)) from None


def _owner_url(raw: str) -> str | None:
    return _postgres_url(raw) if raw else None


def _noted(
    env: Mapping[str, str],
    name: str,
    read: Callable[[], T],
    *,
    default: str | None,
    otherwise: Callable[[], T],
    is_secret: bool = False,
) -> T:
    """The one way to a setting. Where it is only recorded, `otherwise` takes the place of a value that cannot be used."""
    if not isinstance(env, RecordedEnvironment):
        return read()
    if unusable := env.files.get(name):
        env.note(name, default, unusable, is_secret=is_secret)
        return otherwise()
    try:
        value = read()
    except SettingsError as problem:
        env.note(name, default, str(problem), is_secret=is_secret)
        return otherwise()
    env.note(name, default, None, is_secret=is_secret)
    return value


def _is_needed(env: Mapping[str, str], name: str, needed: bool) -> bool:  # noqa: FBT001 - the other half of a pair
    """Whether to read what is of use only together with `name`. A recorder reads it all the same, and says so."""
    if not isinstance(env, RecordedEnvironment) or not env.reads_all:
        return needed
    env.needs = None if needed else name
    return True


def _plain(env: Mapping[str, str], name: str, *, is_secret: bool = False) -> str:
    return _noted(env, name, lambda: env.get(name, "").strip(), default="", otherwise=str, is_secret=is_secret)


def _required(env: Mapping[str, str], name: str, parse: Callable[[str], str]) -> str:
    def read() -> str:
        raw = env.get(name, "").strip()
        if not raw:
            raise SettingsError(f"{name} is not set. Set it in the environment or in .env and start again.")
        return _parsed(name, raw, parse)

    return _noted(env, name, read, default=None, otherwise=str)


def _value(env: Mapping[str, str], name: str, parse: Callable[[str], T], default: str, *, is_secret: bool = False) -> T:
    def read() -> T:
        return _parsed(name, env.get(name, "").strip() or default, parse)

    return _noted(env, name, read, default=default, otherwise=lambda: parse(default), is_secret=is_secret)


def _optional(env: Mapping[str, str], name: str, parse: Callable[[str], T]) -> T | None:
    def read() -> T | None:
        raw = env.get(name, "").strip()
        return _parsed(name, raw, parse) if raw else None

    return _noted(env, name, read, default="", otherwise=lambda: None)


def _parsed(name: str, raw: str, parse: Callable[[str], T]) -> T:
    if not SETTING.fits(raw):
        raise SettingsError(f"{SETTING.sentence(name, raw)}. Correct it and start again.")
    try:
        return parse(raw)
    except ValueError as problem:
        raise SettingsError(f"{name} cannot be used: {problem}. Correct it and start again.") from None


def _flag(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    def read() -> bool:
        raw = env.get(name, "").strip().lower()
        if raw == "":
            return default
        if raw in {"1", "true", "yes", "on"}:
            return True
        if raw in {"0", "false", "no", "off"}:
            return False
        raise SettingsError(f"{name} cannot be used: it is neither on nor off. Correct it and start again.")

    return _noted(env, name, read, default="on" if default else "off", otherwise=lambda: default)


def _secret(
    env: Mapping[str, str],
    name: str,
    demo_default: str,
    *,
    demo: bool,
    least: int,
    issuer: str | None = None,
    beside: str | None = None,
) -> str:
    """A secret may take its default in the demo only; its value never enters a message. We choose it, or an issuer does.

    `beside` names the setting that makes this one necessary, where there is no default even for the demo.
    """

    def read() -> str:
        raw = env.get(name, "").strip()
        if demo and beside and not raw:
            raise SettingsError(f"{name} is not set, but {beside} is. Set both or neither.")
        if demo:
            return raw or demo_default
        remedy = f"the one that {issuer} gave you" if issuer else f"a random value of at least {least} characters"
        if not raw:
            raise SettingsError(f"{name} is not set. Set it to {remedy}.")
        if raw == demo_default or PLACEHOLDER in raw:
            raise SettingsError(f"{name} still has a default value. Set it to {remedy}.")
        if len(raw) < least:
            raise SettingsError(f"{name} is too short. Set it to {remedy}.")
        return raw

    default = demo_default if demo else None
    return _noted(env, name, read, default=default, otherwise=lambda: demo_default, is_secret=True)


def _secret_key(env: Mapping[str, str], *, demo: bool) -> str:
    return _secret(env, "HOLDFAST_SECRET_KEY", DEMO_SECRET, demo=demo, least=SECRET_MIN_CHARS)


def _flower_password(env: Mapping[str, str], *, demo: bool, needed: bool) -> str:
    """Flower alone asks for it."""
    if "HOLDFAST_FLOWER_PASSWORD" not in env or not _is_needed(env, "HOLDFAST_FLOWER", needed):
        return ""
    return _secret(env, "HOLDFAST_FLOWER_PASSWORD", DEMO_FLOWER_PASSWORD, demo=demo, least=12)


def _secret_before(env: Mapping[str, str], name: str, *, demo: bool) -> str | None:
    """A retired secret verifies like a present one, so it is held to the same rules where it is set."""
    if not _plain(env, name, is_secret=True):
        return None
    return _secret(env, name, DEMO_SECRET, demo=demo, least=SECRET_MIN_CHARS)


def _oauth_client(env: Mapping[str, str], prefix: str, *, demo: bool) -> OAuthClient | None:
    """Both halves of a registration, or None where neither is set, or the secret is not asked for."""
    id_name, secret_name = f"{prefix}_CLIENT_ID", f"{prefix}_CLIENT_SECRET"
    client_id = _plain(env, id_name)
    if secret_name not in env or not _is_needed(env, id_name, bool(client_id)):
        return None
    secret = _secret(env, secret_name, "", demo=demo, least=8, issuer="the provider", beside=id_name)
    return OAuthClient(client_id, secret)


def _initial_password(raw: str) -> str | None:
    if len(raw) > PASSWORD_MAX_CHARS:
        raise ValueError(f"it is longer than the {PASSWORD_MAX_CHARS} characters that a password may have")
    return raw or None


def _stripe(env: Mapping[str, str], *, demo: bool) -> Stripe | None:
    """An account, or None where no key is set. Without the webhook's secret nobody's event could be believed: who
    receives events asks for it.
    """
    key, webhook = "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"
    if not _is_needed(env, key, bool(_plain(env, key, is_secret=True))):
        return None
    return Stripe(
        secret_key=_stripe_key(env, key, demo=demo),
        webhook_secret=_secret(env, webhook, "", demo=demo, least=8, issuer="Stripe", beside=key)
        if webhook in env
        else "",
        publishable_key=_plain(env, "STRIPE_PUBLISHABLE_KEY"),
        api_base=_value(env, "STRIPE_API_BASE", _origin_url, "https://api.stripe.com"),
        method_types=_value(env, "HOLDFAST_PAYMENT_METHOD_TYPES", _words, "card"),
        background_per_s=_value(env, "HOLDFAST_STRIPE_BACKGROUND_PER_SECOND", _whole(1, 1000), "10"),
    )


def _stripe_key(env: Mapping[str, str], name: str, *, demo: bool) -> str:
    def read() -> str:
        key = _secret(env, name, DEMO_STRIPE_KEY, demo=demo, least=8, issuer="Stripe")
        if PLACEHOLDER in key:
            raise SettingsError(f"{name} still holds a placeholder. Set it to your account's, or leave it empty.")
        return key

    return _noted(env, name, read, default="", otherwise=str, is_secret=True)


def _address(raw: str) -> SplitResult:
    """Python's own message would repeat the password."""
    try:
        return urlsplit(raw)
    except ValueError:
        raise ValueError("it is not an address that can be read") from None


TRACES_PATH = "/v1/traces"
TRACES_RATIO = "0.1"
"""Unless told."""
SAMPLERS = ("always_on", "always_off", "traceidratio")
"""Each also as `parentbased_...`."""
_PARENT_BASED = "parentbased_"


def _traces(env: Mapping[str, str]) -> Traces | None:
    """By OpenTelemetry's own names. None where no endpoint is set, or where it is switched off."""
    name = "OTEL_EXPORTER_OTLP_ENDPOINT"
    base = _optional(env, name, _origin_url)
    endpoint = _optional(env, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", _http_url) or (base and base + TRACES_PATH)
    is_disabled = _flag(env, "OTEL_SDK_DISABLED", default=False)
    if not _is_needed(env, name, endpoint is not None and not is_disabled):
        return None
    _value(env, "OTEL_EXPORTER_OTLP_PROTOCOL", _otlp_protocol, OTLP_PROTOCOL)
    parent_based, sampler = _value(env, "OTEL_TRACES_SAMPLER", _sampler, f"{_PARENT_BASED}traceidratio")
    ratio = _value(env, "OTEL_TRACES_SAMPLER_ARG", _share, TRACES_RATIO)
    return Traces(
        endpoint=endpoint or "",
        headers=_value(env, "OTEL_EXPORTER_OTLP_HEADERS", _pairs, "", is_secret=True),
        certificate=_optional(env, "OTEL_EXPORTER_OTLP_CERTIFICATE", _readable_file),
        service_name=_optional(env, "OTEL_SERVICE_NAME", str),
        resource=_value(env, "OTEL_RESOURCE_ATTRIBUTES", _pairs, ""),
        ratio={"always_on": 1.0, "always_off": 0.0}.get(sampler, ratio),
        parent_based=parent_based,
    )


OTLP_PROTOCOL = "http/protobuf"


def _otlp_protocol(raw: str) -> str:
    if raw != OTLP_PROTOCOL:
        raise ValueError(f"Holdfast speaks {OTLP_PROTOCOL} only, as a rule on port 4318")
    return raw


def _sampler(raw: str) -> tuple[bool, str]:
    """Whether it follows its caller, and how it decides itself."""
    own = raw.removeprefix(_PARENT_BASED)
    if own not in SAMPLERS:
        raise ValueError(f"it is none of {', '.join(SAMPLERS)}, each also with {_PARENT_BASED} before it")
    return raw != own, own


def _share(raw: str) -> float:
    number = float(raw) if _SHARE.fullmatch(raw) else None
    if number is None or number > 1:
        raise ValueError("it is not a number from 0 to 1 such as 0.1")
    return number


_SHARE = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,18})?")


def _pairs(raw: str) -> tuple[tuple[str, str], ...]:
    """`name=value,name=value`, as OpenTelemetry writes them: values may be percent-encoded."""
    pairs = [word.partition("=") for word in _words(raw)]
    for name, equals, value in pairs:
        if not _PAIR_NAME.fullmatch(name.strip()) or not equals or not SETTING.fits(unquote(value)):
            raise ValueError("it is not written as name=value,name=value")
    return tuple((name.strip(), unquote(value.strip())) for name, _, value in pairs)


_PAIR_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""Fit for a header (RFC 9110, 5.6.2)."""


def _readable_file(raw: str) -> str:
    if not os.access(raw, os.R_OK):
        raise ValueError("it names a file that cannot be read")
    return raw


def _http_url(raw: str) -> str:
    parts = _address(raw)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise ValueError("it is not an http:// or https:// address")
    return raw


def _smtp_url(raw: str) -> str | None:
    if raw == "":
        return None
    parts = _address(raw)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise ValueError("it is not an smtp:// or smtps:// address")
    if parts.query not in {"", "tls=unverified"} or parts.path not in {"", "/"}:
        raise ValueError("nothing but ?tls=unverified may follow its host and port")
    if PLACEHOLDER in raw:
        raise ValueError("it still holds the placeholder password of .env.example")
    return raw


def _postgres_url(raw: str) -> str:
    if not raw.startswith(("postgresql://", "postgres://")):
        raise ValueError("it does not start with postgresql://")
    if PLACEHOLDER in raw:
        raise ValueError("it still holds the placeholder password of .env.example")
    if not _is_read_by_libpq(raw):
        raise ValueError(
            "libpq cannot read it. Write % in a password as %25, / as %2F, @ as %40 and a blank as %20, give the port as a "
            "number, and no parameter that libpq does not know"
        )
    return raw.replace("postgres://", "postgresql://", 1)


def _is_read_by_libpq(url: str) -> bool:
    """Asked here, because what libpq says of an address repeats parts of it, which may be of the password."""
    from psycopg import ProgrammingError  # noqa: PLC0415 - Flower has no database
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415 - as above

    try:
        ports = str(conninfo_to_dict(url).get("port", ""))
    except ProgrammingError:
        return False
    return all(port.isdecimal() for port in ports.split(",") if port)


def _redis_url(raw: str) -> str:
    if raw.startswith("valkey://"):
        raw = raw.replace("valkey://", "redis://", 1)  # kombu knows no valkey://
    if not raw.startswith(("redis://", "rediss://")):
        raise ValueError("it does not start with redis:// or rediss://")
    if PLACEHOLDER in raw:
        raise ValueError("it still holds the placeholder password of .env.example")
    redis_tls(raw)
    return raw


def redis_tls(url: str) -> dict[str, str | bool] | None:
    """The TLS options of a `rediss://` address, by the names that redis-py and kombu share; None for `redis://`.

    Certificates are checked unless the address says `ssl_cert_reqs=none`. Raises ValueError.
    """
    parts = _address(url)
    told = dict(parse_qsl(parts.query, keep_blank_values=True))
    if "@" in parts.path + parts.query + parts.fragment:
        raise ValueError(
            "its password holds characters that an address cannot have: write / as %2F, ? as %3F, # as %23"
        )
    if unknown := sorted(told.keys() - REDIS_TLS_WORDS):
        raise ValueError(f"{unknown[0]} is not one of its parameters: {', '.join(sorted(REDIS_TLS_WORDS))}")
    if parts.scheme != "rediss":
        if told:
            raise ValueError(f"{min(told)} is for TLS only; begin the address with rediss://")
        return None
    if (wanted := told.get("ssl_cert_reqs", "required")) not in {"none", "optional", "required"}:
        raise ValueError("ssl_cert_reqs is not one of none, optional, required")
    if (check := told.pop("ssl_check_hostname", "true").lower()) not in {"true", "false"}:
        raise ValueError("ssl_check_hostname is neither true nor false")
    for name in REDIS_TLS_FILES & told.keys():
        if not os.access(told[name], os.R_OK):
            raise ValueError(f"{name} names {told[name]}, which cannot be read")
    return {"ssl_cert_reqs": wanted, "ssl_check_hostname": check == "true" and wanted != "none", **told}


def _redis_keys(raw: str) -> Keys:
    if not PREFIX.fits(raw):
        raise ValueError("it is not at most 64 letters, digits, dots, hyphens and underscores")
    return Keys(f"{raw}:" if raw else "")


def _origin_url(raw: str) -> str:
    parts = _address(raw)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise ValueError("it is not an http:// or https:// address")
    return raw.rstrip("/")


def _words(raw: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in raw.split(",") if word.strip())


def _networks(raw: str) -> tuple[str, ...]:
    words = _words(raw)
    for word in words:
        try:
            network(word)
        except ValueError:
            raise ValueError("it is not a list of networks such as 10.0.0.0/8, 192.0.2.7, fd00::/8") from None
    return words


def _origins(raw: str) -> frozenset[str]:
    return frozenset(_origin_url(word) for word in _words(raw))


def _zone(raw: str) -> str:
    if not is_zone(raw):
        raise ValueError("it is not an IANA time zone such as Europe/Berlin")
    return raw


def _time_of_day(raw: str) -> time:
    if not _TIME_OF_DAY.fullmatch(raw):
        raise ValueError("it is not a time of day such as 03:00")
    return time.fromisoformat(raw)


def _region(raw: str) -> str | None:
    if raw == "":
        return None
    if not COUNTRY.fits(raw):
        raise ValueError("it is not a two-letter country code such as EG")
    return raw.upper()


def _desk(raw: str) -> bool:
    if raw not in {"desk", "refuse"}:
        raise ValueError("it is neither desk nor refuse")
    return raw == "desk"


def _level(raw: str) -> str:
    if raw.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise ValueError("it is none of DEBUG, INFO, WARNING, ERROR")
    return raw.upper()


_TIME_OF_DAY = re.compile("([01][0-9]|2[0-3]):[0-5][0-9]")
_WHOLE = re.compile("-?[0-9]{1,18}")
"""Python reads digits of all scripts, and gives up on very many."""


def _whole(least: int, most: int) -> Callable[[str], int]:
    def parse(raw: str) -> int:
        number = int(raw) if _WHOLE.fullmatch(raw) else None
        if number is None or not least <= number <= most:
            raise ValueError(f"it is not a whole number from {least} to {most}")
        return number

    return parse


def _port_or_none(raw: str) -> int | None:
    return _whole(1, 65535)(raw) if raw else None
