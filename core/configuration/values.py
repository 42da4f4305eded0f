"""The forms of settings: one function for each, which returns the value or raises ValueError with the reason.

No reason shows what may be a password.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import time
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from core.client_addresses import network
from core.domain.resources.time_zones import is_zone
from core.passwords import PASSWORD_MAX_CHARS
from core.text_forms import COUNTRY, PREFIX, SETTING
from core.wakeup.keys import Keys

PLACEHOLDER = "change-me"
"""The placeholder of `.env.example` for a secret; a start with it is refused."""
REDIS_TLS_FILES = frozenset({"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"})
REDIS_TLS_WORDS = REDIS_TLS_FILES | {"ssl_cert_reqs", "ssl_check_hostname"}
"""The query parameters that REDIS_URL may have."""
SAMPLERS = ("always_on", "always_off", "traceidratio")
"""Each also as `parentbased_...`."""
PARENT_BASED = "parentbased_"
OTLP_PROTOCOL = "http/protobuf"
_SHARE = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,18})?")
_PAIR_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""Fit for a header (RFC 9110, 5.6.2)."""
_TIME_OF_DAY = re.compile("([01][0-9]|2[0-3]):[0-5][0-9]")
_WHOLE = re.compile("-?[0-9]{1,18}")
"""Python reads digits of all scripts, and gives up on very many."""


def initial_password(raw: str) -> str | None:
    if len(raw) > PASSWORD_MAX_CHARS:
        raise ValueError(f"it is longer than the {PASSWORD_MAX_CHARS} characters that a password may have")
    return raw or None


def _address(raw: str) -> SplitResult:
    """Python's own message would repeat the password."""
    try:
        return urlsplit(raw)
    except ValueError:
        raise ValueError("it is not an address that can be read") from None


def otlp_protocol(raw: str) -> str:
    if raw != OTLP_PROTOCOL:
        raise ValueError(f"Holdfast speaks {OTLP_PROTOCOL} only, as a rule on port 4318")
    return raw


def sampler(raw: str) -> tuple[bool, str]:
    """Whether it follows its caller's decision, and how it decides without one."""
    own = raw.removeprefix(PARENT_BASED)
    if own not in SAMPLERS:
        raise ValueError(f"it is none of {', '.join(SAMPLERS)}, each also with {PARENT_BASED} before it")
    return raw != own, own


def share(raw: str) -> float:
    number = float(raw) if _SHARE.fullmatch(raw) else None
    if number is None or number > 1:
        raise ValueError("it is not a number from 0 to 1 such as 0.1")
    return number


def pairs(raw: str) -> tuple[tuple[str, str], ...]:
    """`name=value,name=value`, as OpenTelemetry writes them: values may be percent-encoded."""
    pairs = [word.partition("=") for word in words(raw)]
    for name, equals, value in pairs:
        if not _PAIR_NAME.fullmatch(name.strip()) or not equals or not SETTING.fits(unquote(value)):
            raise ValueError("it is not written as name=value,name=value")
    return tuple((name.strip(), unquote(value.strip())) for name, _, value in pairs)


def readable_file(raw: str) -> str:
    if not os.access(raw, os.R_OK):
        raise ValueError("it names a file that cannot be read")
    return raw


def folder(raw: str) -> str:
    if not os.path.isdir(raw) or not os.access(raw, os.R_OK | os.X_OK):  # noqa: PTH112 - a text is kept
        raise ValueError("it names no folder that can be read")
    return raw


IMAP_FOLDER = re.compile(r"/?[A-Za-z0-9 ._%/-]{0,200}\Z")
BEFORE_MAX = 5
"""Reminders of one booking."""
BEFORE_MAX_S = 60 * 86_400
_BEFORE = re.compile(r"([0-9]{1,4})([mhd])")
_SECONDS = {"m": 60, "h": 3_600, "d": 86_400}
LANGUAGES = frozenset({"ar", "de", "en"})
"""Those that mails are written in (`core/mails/catalogues/`)."""


def language(raw: str) -> str:
    if raw not in LANGUAGES:
        raise ValueError(f"it is not one of {', '.join(sorted(LANGUAGES))}")
    return raw


def http_url(raw: str) -> str:
    parts = _address(raw)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise ValueError("it is not an http:// or https:// address")
    return raw


def _check_filled_in(raw: str) -> None:
    if PLACEHOLDER in raw:
        raise ValueError("it still holds the placeholder password of .env.example")


def smtp_url(raw: str) -> str | None:
    if raw == "":
        return None
    parts = _address(raw)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise ValueError("it is not an smtp:// or smtps:// address")
    if parts.query not in {"", "tls=unverified"} or parts.path not in {"", "/"}:
        raise ValueError("nothing but ?tls=unverified may follow its host and port")
    _check_filled_in(raw)
    return raw


def imap_url(raw: str) -> str | None:
    if raw == "":
        return None
    parts = _address(raw)
    if parts.scheme not in {"imap", "imaps"} or not parts.hostname:
        raise ValueError("it is not an imaps:// or imap:// address")
    if parts.username is not None:
        raise ValueError("the mailbox is opened as HOLDFAST_SMTP_URL's user: leave user and password out here")
    if parts.query or parts.fragment or not IMAP_FOLDER.match(parts.path):
        raise ValueError("nothing but a folder's name, such as /INBOX, may follow its host and port")
    return raw


def names_a_user(url: str) -> bool:
    parts = _address(url)
    return bool(parts.username and parts.password)


def postgres_url(raw: str) -> str:
    if not raw.startswith(("postgresql://", "postgres://")):
        raise ValueError("it does not start with postgresql://")
    _check_filled_in(raw)
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


def redis_url(raw: str) -> str:
    if raw.startswith("valkey://"):
        raw = raw.replace("valkey://", "redis://", 1)  # kombu does not know valkey://
    if not raw.startswith(("redis://", "rediss://")):
        raise ValueError("it does not start with redis:// or rediss://")
    _check_filled_in(raw)
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


def redis_keys(raw: str) -> Keys:
    if not PREFIX.fits(raw):
        raise ValueError("it is not at most 64 letters, digits, dots, hyphens and underscores")
    return Keys(f"{raw}:" if raw else "")


def origin_url(raw: str) -> str:
    return http_url(raw).rstrip("/")


def words(raw: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in raw.split(",") if word.strip())


def durations_before(raw: str) -> tuple[int, ...]:
    """`24h, 30m`: seconds, the longest first; `off`: none."""
    if raw.strip() == "off":
        return ()
    found = [_BEFORE.fullmatch(word) for word in words(raw)]
    seconds = {int(one[1]) * _SECONDS[one[2]] for one in found if one}
    if None in found or not 0 < len(seconds) <= BEFORE_MAX or not 0 < min(seconds) <= max(seconds) <= BEFORE_MAX_S:
        raise ValueError(f"it is neither off nor one to {BEFORE_MAX} times such as 24h or 2d, 30m, up to 60d")
    return tuple(sorted(seconds, reverse=True))


def networks(raw: str) -> tuple[str, ...]:
    named = words(raw)
    for word in named:
        try:
            network(word)
        except ValueError:
            raise ValueError("it is not a list of networks such as 10.0.0.0/8, 192.0.2.7, fd00::/8") from None
    return named


def origins(raw: str) -> frozenset[str]:
    return frozenset(origin_url(word) for word in words(raw))


def zone(raw: str) -> str:
    if not is_zone(raw):
        raise ValueError("it is not an IANA time zone such as Europe/Berlin")
    return raw


def time_of_day(raw: str) -> time:
    if not _TIME_OF_DAY.fullmatch(raw):
        raise ValueError("it is not a time of day such as 03:00")
    return time.fromisoformat(raw)


def region(raw: str) -> str | None:
    if raw == "":
        return None
    if not COUNTRY.fits(raw):
        raise ValueError("it is not a two-letter country code such as EG")
    return raw.upper()


def books_desk(raw: str) -> bool:
    if raw not in {"desk", "refuse"}:
        raise ValueError("it is neither desk nor refuse")
    return raw == "desk"


def level(raw: str) -> str:
    if raw.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise ValueError("it is none of DEBUG, INFO, WARNING, ERROR")
    return raw.upper()


def whole(least: int, most: int) -> Callable[[str], int]:
    def parse(raw: str) -> int:
        number = int(raw) if _WHOLE.fullmatch(raw) else None
        if number is None or not least <= number <= most:
            raise ValueError(f"it is not a whole number from {least} to {most}")
        return number

    return parse


def port_or_none(raw: str) -> int | None:
    return whole(1, 65535)(raw) if raw else None


def owner_url(raw: str) -> str | None:
    return postgres_url(raw) if raw else None
