"""Settings one by one, as a start reads them, and beyond where a start would stop: for `holdfast config`.

There is no second list of settings: the readers of `core/settings.py` note down what they read. A value is shown
without its secrets; one that cannot be used is not shown at all, as nobody knows what it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct

HIDDEN = "***"
SHOWN_PARAMETERS = frozenset(
    [
        "sslmode",
        "sslrootcert",
        "sslcert",
        "sslkey",
        "sslnegotiation",
        "channel_binding",
        "connect_timeout",
        "target_session_attrs",
        "host",
        "port",
        "application_name",
        "ssl_ca_certs",
        "ssl_certfile",
        "ssl_keyfile",
        "ssl_cert_reqs",
        "ssl_check_hostname",
    ]
)
"""Parameters of addresses that are shown; the value of any other may be a secret."""
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s,<>]*")


class Reading(Struct, frozen=True):
    """A setting as it was read."""

    name: str
    raw: str
    """As it is set, secrets included; empty if it is not set."""
    default: str | None
    """The default; None if it has to be set."""
    is_secret: bool
    problem: str | None
    """The sentence that a start prints, unless it does not need the setting."""
    needs: str | None = None
    """It is read only if this other one is set, and that one is not."""
    is_from_file: bool = False
    """A secret: its value comes from the file that `NAME_FILE` names."""

    @property
    def is_set(self) -> bool:
        return self.raw != ""

    @property
    def stops_a_start(self) -> bool:
        return self.problem is not None and self.needs is None

    @property
    def shown(self) -> str | None:
        """The value in force, without secrets; None if there is none, or none that may be shown."""
        if self.problem is not None or (self.is_secret and self.is_set):
            return None
        return without_secrets(self.raw or (None if self.is_secret else self.default) or "") or None


class RecordedEnvironment(dict[str, str]):
    """An environment that notes what is read from it, and goes on where a start stops."""

    def __init__(self, values: Mapping[str, str], files: Mapping[str, str | None], *, reads_all: bool) -> None:
        super().__init__(values)
        self.files = files
        """The secrets that come from files, each with the sentence why its file cannot be used, or None."""
        self.readings: dict[str, Reading] = {}
        self.reads_all = reads_all
        """Includes settings that are read only if another one is set."""
        self.needs: str | None = None

    def note(self, name: str, default: str | None, problem: str | None, *, is_secret: bool) -> None:
        """The first reading counts, unless a later one finds a problem."""
        if name not in self.readings or problem is not None:
            raw = self.get(name, "").strip()
            self.readings[name] = Reading(name, raw, default, is_secret, problem, self.needs, name in self.files)


def without_secrets(text: str) -> str:
    """A text whose addresses show neither passwords nor unknown parameters."""
    return _ADDRESS.sub(lambda found: _address(found[0]), text)


def _address(raw: str) -> str:
    """Hidden from its scheme on if a password may have ended up in another part: `redis://:a#b@host`."""
    try:
        parts = urlsplit(raw)
        parameters = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return f"{raw.partition('://')[0]}://{HIDDEN}"
    account, at, place = parts.netloc.rpartition("@")
    if parts.fragment or "@" in account + place + parts.path + parts.query:
        return f"{parts.scheme}://{HIDDEN}"
    name, colon, _ = account.partition(":")
    shown = f"{name}:{HIDDEN}@" if colon else f"{HIDDEN}@" if at else ""
    told = "&".join(_parameter(*one) for one in parameters)
    return f"{parts.scheme}://{shown}{place}{parts.path}" + (f"?{told}" if parts.query else "")


def _parameter(name: str, value: str) -> str:
    return f"{name}={value}" if name in SHOWN_PARAMETERS else HIDDEN
