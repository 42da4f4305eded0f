"""The secret settings: their names, which process is given which, and how the value of each comes from a file.

`NAME` holds the value itself, `NAME_FILE` names a file that holds it. A process asks for its own secrets only: those
of the others it neither reads nor keeps, whatever stands in its environment.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from stat import S_ISREG

from core.text_forms import SETTING

FILE = "_FILE"
SECRET_FILE_MAX_BYTES = 65_536
ONLY_AS_A_FILE = "only-as-a-file"
"""What docker-compose.yml puts in the place of a secret that stands in .env itself, where it would reach no container."""

DATABASE = "DATABASE_URL"
OWNER = "HOLDFAST_OWNER_DATABASE_URL"
"""The superuser's, which `migrate` alone is given."""
STORES = frozenset({DATABASE, "REDIS_URL"})
SIGNING = frozenset({"HOLDFAST_SECRET_KEY", "HOLDFAST_SECRET_KEY_PREVIOUS"})
OUTSIDE = frozenset({"STRIPE_SECRET_KEY", "HOLDFAST_SMTP_URL"})
"""Keys to services outside, such as Stripe."""
TRACES = frozenset({"OTEL_EXPORTER_OTLP_HEADERS"})
"""As a rule the collector's key."""

API = (
    STORES
    | SIGNING
    | OUTSIDE
    | TRACES
    | {"STRIPE_WEBHOOK_SECRET", "HOLDFAST_GOOGLE_CLIENT_SECRET", "HOLDFAST_GITHUB_CLIENT_SECRET"}
)
LANES = STORES | TRACES | {"HOLDFAST_AGENT_INITIAL_PASSWORD"}
SWEEPS = STORES | TRACES
PAYMENTS = STORES | TRACES | {"STRIPE_SECRET_KEY"}
DELIVERIES = STORES | SIGNING | TRACES | {"HOLDFAST_SMTP_URL"}
BEAT = STORES
WORKERS = LANES | SWEEPS | PAYMENTS | BEAT
"""All Celery workers start by one module; each is given what its own queues need."""
NOTIFIER = STORES | SIGNING | TRACES
FLOWER = frozenset({"REDIS_URL", "HOLDFAST_FLOWER_PASSWORD"})
BACKUP = frozenset({DATABASE})
MIGRATE = STORES | OUTSIDE | {OWNER}
"""It also checks the services outside, as `holdfast doctor` does."""
ALL = API | WORKERS | NOTIFIER | FLOWER
EVERY = ALL | MIGRATE


class SecretFileError(Exception):
    """A file that should hold a secret cannot be used; the message names its setting and never its content."""


def asked(environ: Mapping[str, str], asks: Collection[str]) -> dict[str, str]:
    """The environment with these secrets alone, each from its file if one is named; "" for one that is not set.

    Raises SecretFileError.
    """
    return {**without_others(environ, ()), **{name: secret(environ, name) for name in sorted(asks)}}


def asked_one_by_one(environ: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str | None]]:
    """The environment with every secret, and those that come from files, each with its problem or None."""
    values = without_others(environ, ())
    files: dict[str, str | None] = {}
    for name in sorted(EVERY):
        if environ.get(name + FILE, "").strip():
            files[name] = None
        try:
            values[name] = secret(environ, name)
        except SecretFileError as problem:
            values[name], files[name] = "", str(problem)
    return values, files


def without_others(environ: Mapping[str, str], own: Collection[str]) -> dict[str, str]:
    """The environment of a process that is given its own secrets only, as they are or by their files."""
    return {name: one for name, one in environ.items() if name.removesuffix(FILE) not in EVERY - set(own)}


def of_worker(argv: Sequence[str]) -> frozenset[str]:
    """What a Celery worker asks for, by the queues on its command line: the deliveries' demands a signing key."""
    queues = dict(pairwise(argv)).get("-Q", "").split(",")
    return WORKERS | DELIVERIES if "deliveries" in queues else WORKERS


def with_whole_paths(environ: Mapping[str, str]) -> dict[str, str]:
    """The same files, for a process that starts in another folder."""
    files = {name + FILE for name in EVERY}
    return {name: str(Path(one).absolute()) if name in files and one else one for name, one in environ.items()}


def is_set(environ: Mapping[str, str], name: str) -> bool:
    return any(environ.get(one, "").strip() for one in (name, name + FILE))


def given(environ: Mapping[str, str]) -> frozenset[str]:
    """The secrets that are set, and those of the stores: what a command line asks for in any container."""
    return STORES | {name for name in ALL if is_set(environ, name)}


def secret(environ: Mapping[str, str], name: str) -> str:
    """The value of `NAME`, or what stands in the file that `NAME_FILE` names; "" if neither is set."""
    value, path = environ.get(name, "").strip(), environ.get(name + FILE, "").strip()
    if value == ONLY_AS_A_FILE:
        raise SecretFileError(
            f"{name} stands in .env, but in compose secrets are files. Run sh ops/compose/secrets.sh, which moves it, and "
            "start again."
        )
    if not path:
        return value
    if value:
        raise SecretFileError(f"{name} and {name}{FILE} are both set. Set one of them and start again.")
    return _read(name, path)


def _read(name: str, path: str) -> str:
    # The secret itself may stand where its file belongs, so only what is surely a path is shown.
    file = f"{name}{FILE} names {path if path.startswith('/') and SETTING.fits(path) else 'a file'}"
    try:
        content = _content(path)
    except OSError as problem:
        reason = problem.strerror or "it is no file"
        raise SecretFileError(
            f"{file}, which cannot be read: {reason}. Let user id {os.geteuid()} read it and start again."
        ) from None
    if content is None:
        raise SecretFileError(f"{file}, which is larger than {SECRET_FILE_MAX_BYTES:,} bytes. Name the right one.")
    try:
        value = content.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        value = "\0"
    if not SETTING.fits(value):
        raise SecretFileError(f"{file}, which is not one line of text. Put the secret alone into it and start again.")
    if not value.strip():
        raise SecretFileError(f"{file}, which is empty. Put the secret into it, or leave {name}{FILE} empty.")
    return value


def _content(path: str) -> bytes | None:
    """None if it is too large. A pipe or a device is refused: some processes read their settings more than once."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        if not S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "it is no file")
        content = os.read(descriptor, SECRET_FILE_MAX_BYTES + 1)
    finally:
        os.close(descriptor)
    return content if len(content) <= SECRET_FILE_MAX_BYTES else None
