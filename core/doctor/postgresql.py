"""The checks of PostgreSQL, our role in it and the database."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Sequence

import psycopg
from msgspec import Struct

from core.doctor.findings import Check, Details, Examination, Severity, examined, found_by, not_asked, together, when
from core.domain.resources.time_zones import TZDATA_VERSION
from core.identity.demo_accounts import holds_demo
from core.settings import Settings
from core.store.connections.database import API_LIMITS, connect
from core.store.connections.reasons import PostgresReason, reason_of
from core.store.maintenance.restore import is_marked
from core.store.maintenance.server_facts import DatabaseFacts, read_server_facts

OLDEST_POSTGRESQL = 18
"""Its `crc32()` finds a command's lane in the statement that writes it, and `transaction_timeout` frees a lane."""
CLOCK_FAR_S = 30.0
"""With more, a token may have expired by one clock before it is valid by the other."""
CLOCK_NEAR_S = 1.0
NAMED_MAX = 3
"""Names of a list in a sentence; the rest are counted."""
VERIFYING = ("verify-ca", "verify-full")


class Database(Struct, frozen=True):
    """What the checks look at."""

    facts: DatabaseFacts
    settings: Settings
    holds_demo: bool = False
    is_half_restored: bool = False


REMEDIES = {
    PostgresReason.PASSWORD_REFUSED: "correct the role and password in DATABASE_URL, or the role's password there",
    PostgresReason.HOST_REFUSED: "let this host in by pg_hba.conf or the provider's access list",
    PostgresReason.NO_DATABASE: "create the database, or correct its name in DATABASE_URL",
    PostgresReason.FULL: "raise max_connections, or end what holds them",
    PostgresReason.NOT_RUNNING: "start PostgreSQL, or correct the host and port in DATABASE_URL",
    PostgresReason.UNKNOWN_HOST: "correct the host in DATABASE_URL, or the name server",
    PostgresReason.NO_ANSWER: "look for a firewall between, and whether the server is overloaded",
    PostgresReason.CERTIFICATE: "name its authority in DATABASE_URL (sslrootcert=), or give the server a certificate for its host name",
    PostgresReason.STARTING: "wait a moment, and read its log if it lasts",
    PostgresReason.TOO_OLD: f"upgrade it to PostgreSQL {OLDEST_POSTGRESQL} or newer",
    PostgresReason.RIGHTS: "grant the role CONNECT on the database, and make it the database's owner",
    PostgresReason.READ_ONLY: "name the primary in DATABASE_URL",
    PostgresReason.BUSY: "look for a slow statement",
    PostgresReason.LOST: "read PostgreSQL's log, and the pooler's",
}
"""Remedies for a server that cannot be asked."""

ANSWERS = Check[Database](
    "postgresql", Severity.ERROR, "PostgreSQL cannot be used, as {reason}", "{remedy}", lambda _: None
)


def _few(words: Sequence[str]) -> str:
    left = len(words) - NAMED_MAX
    return ", ".join(words[:NAMED_MAX]) + (f" and {left} more" if left > 0 else "")


def _pooled(one: Database) -> Details | None:
    return when(one.facts.shares_sessions)


def _extensions(one: Database) -> Details | None:
    """What the first `migrate` will add is no fault yet."""
    missing, absent = one.facts.missing_extensions, one.facts.unavailable_extensions
    if absent:
        names = ", ".join(absent)
        return {
            "names": names,
            "remedy": "install PostgreSQL's contrib modules on its server, then run holdfast migrate",
        }
    is_migrated = one.facts.schema_mismatch is None
    return when(is_migrated and bool(missing), names=", ".join(missing), remedy="have the database's owner create them")


def _rights(one: Database) -> Details | None:
    missing = one.facts.missing_rights
    return when(bool(missing), role=one.facts.role, rights=_few(missing))


def _schema(one: Database) -> Details | None:
    """The reason also says what to do."""
    reason, _, do = (one.facts.schema_mismatch or "").partition(": ")
    remedy = "run holdfast migrate" if "migrate" in do else do
    return when(bool(reason), reason=reason, remedy=remedy)


def _clock(one: Database, least_s: float, most_s: float) -> Details | None:
    by_s = abs(one.facts.ahead_s)
    way = "ahead of" if one.facts.ahead_s > 0 else "behind"
    return when(least_s < by_s <= most_s, by_s=f"{by_s:.1f}", way=way)


def is_public(host: str) -> bool:
    """Whether an address is beyond private networks and this machine."""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return False


def _plain(one: Database) -> Details | None:
    return when(not one.facts.is_encrypted and is_public(one.facts.host))


def _unverified(one: Database) -> Details | None:
    return when(one.facts.is_encrypted and one.facts.sslmode not in VERIFYING, mode=one.facts.sslmode or "prefer")


def _zone(one: Database) -> Details | None:
    kept, wanted = one.facts.time_zone, one.settings.time_zone
    return when(kept is not None and one.settings.time_zone_is_set and kept != wanted, kept=kept, wanted=wanted)


def _rules(one: Database) -> Details | None:
    kept = one.facts.tzdata
    return when(kept is not None and kept != TZDATA_VERSION, kept=kept, here=TZDATA_VERSION)


DATABASE = (
    Check[Database](
        "postgresql-version",
        Severity.REFUSAL,
        "DATABASE_URL names PostgreSQL {found}, and Holdfast needs PostgreSQL {oldest} or newer",
        "upgrade it, or name another",
        lambda one: when(one.facts.version < OLDEST_POSTGRESQL, found=one.facts.version, oldest=OLDEST_POSTGRESQL),
    ),
    Check[Database](
        "pooler",
        Severity.REFUSAL,
        "DATABASE_URL names a pooler that gives each transaction another session, and Holdfast needs session pooling",
        "set pool_mode = session for it, or name PostgreSQL itself",
        _pooled,
    ),
)
"""Faults beside which nothing else can be asked."""

CHECKS = (
    Check[Database](
        "restore",
        Severity.REFUSAL,
        "DATABASE_URL names a database into which a restore is under way, or did not finish",
        'run holdfast restore with --replace again (docs/operations.md, "Backup and restore")',
        lambda one: when(one.is_half_restored),
    ),
    Check[Database](
        "demo-data",
        Severity.REFUSAL,
        "DATABASE_URL names a database that holds the demo, whose passwords and agent key everybody knows",
        "name an empty one (with make run: another folder with DATA=), or start the demo on it with HOLDFAST_DEMO=1",
        lambda one: when(one.holds_demo and not one.settings.demo),
    ),
    Check[Database](
        "read-only",
        Severity.ERROR,
        "The database takes no writes, as it is a standby or default_transaction_read_only is on",
        "name the primary in DATABASE_URL, or turn the setting off",
        lambda one: when(one.facts.is_read_only),
    ),
    Check[Database](
        "encoding",
        Severity.ERROR,
        "The database's encoding is {encoding}, which cannot hold every name",
        "create a database with ENCODING 'UTF8' and name that one",
        lambda one: when(one.facts.encoding != "UTF8", encoding=one.facts.encoding),
    ),
    Check[Database]("extensions", Severity.ERROR, "The database lacks {names}", "{remedy}", _extensions),
    Check[Database](
        "rights",
        Severity.ERROR,
        "The role {role} lacks {rights}",
        "make it the owner of the database and of all that is in it, or run holdfast migrate with HOLDFAST_OWNER_DATABASE_URL",
        _rights,
    ),
    Check[Database](
        "superuser",
        Severity.WARNING,
        "The role {role} is a superuser, who may do more on that server than Holdfast needs",
        "give DATABASE_URL a role that only owns its database (docs/operations.md)",
        lambda one: when(one.facts.is_superuser, role=one.facts.role),
    ),
    Check[Database](
        "schema",
        Severity.ERROR,
        "The processes wait, as {reason}",
        "{remedy}",
        _schema,
    ),
    Check[Database](
        "fsync",
        Severity.ERROR,
        "PostgreSQL's fsync is {value}, so a power failure can destroy the database",
        "turn it on and reload PostgreSQL's configuration",
        lambda one: when(one.facts.fsync != "on", value=one.facts.fsync),
    ),
    Check[Database](
        "synchronous-commit",
        Severity.ERROR,
        "PostgreSQL's synchronous_commit is {value}, so a crash loses commands that clients were told are accepted",
        "turn it on for this role, database or server",
        lambda one: when(one.facts.synchronous_commit == "off", value=one.facts.synchronous_commit),
    ),
    Check[Database](
        "full-page-writes",
        Severity.WARNING,
        "PostgreSQL's full_page_writes is {value}, so a crash can leave half-written pages",
        "turn it on, unless the file system writes pages whole",
        lambda one: when(one.facts.full_page_writes != "on", value=one.facts.full_page_writes),
    ),
    Check[Database](
        "database-log",
        Severity.WARNING,
        "PostgreSQL's own log would hold personal data, by {settings}",
        'set for the role what docs/operations.md lists ("PostgreSQL\'s log")',
        lambda one: when(bool(one.facts.log_settings), settings=_few(one.facts.log_settings)),
    ),
    Check[Database](
        "clock",
        Severity.ERROR,
        "This machine's clock is {by_s} s {way} the database's, so sign-ins end too early or too late",
        "let NTP set both clocks",
        lambda one: _clock(one, CLOCK_FAR_S, float("inf")),
    ),
    Check[Database](
        "clock-drift",
        Severity.WARNING,
        "This machine's clock is {by_s} s {way} the database's",
        "let NTP set both clocks",
        lambda one: _clock(one, CLOCK_NEAR_S, CLOCK_FAR_S),
    ),
    Check[Database](
        "database-encryption",
        Severity.WARNING,
        "The connection to PostgreSQL leaves the private network unencrypted",
        "add sslmode=verify-full to DATABASE_URL",
        _plain,
    ),
    Check[Database](
        "database-certificate",
        Severity.WARNING,
        "Nobody checks PostgreSQL's certificate (sslmode={mode}), so another server could pose as it",
        "add sslmode=verify-full to DATABASE_URL, with sslrootcert= or sslrootcert=system",
        _unverified,
    ),
    Check[Database](
        "time-zone",
        Severity.WARNING,
        "HOLDFAST_TIME_ZONE is {wanted}, but the database keeps {kept}, which counts",
        "change the setting, or the database with holdfast time-zone set {wanted}",
        _zone,
    ),
    Check[Database](
        "time-zone-rules",
        Severity.WARNING,
        "This process has the time-zone rules of tzdata {here}, the database keeps those of {kept}",
        "run holdfast migrate of this release once all processes are of it",
        _rules,
    ),
    Check[Database](
        "zones-listed",
        Severity.WARNING,
        "Resources are in {zones}, which tzdata does not list",
        "give them a listed zone (docs/operations.md, Time zones)",
        lambda one: when(bool(one.facts.unlisted_zones), zones=_few(one.facts.unlisted_zones)),
    ),
)

TABLE = (ANSWERS, *DATABASE, *CHECKS)


def examine_database(settings: Settings) -> Examination:
    """Asks the database of DATABASE_URL; takes as long as a connection may take."""
    try:
        facts = read_server_facts(settings.database_url, OLDEST_POSTGRESQL, time.time)
        one = _database(settings, facts)
    except psycopg.Error as problem:
        reason = reason_of(problem)
        finding = found_by(ANSWERS, {"reason": reason.value, "remedy": REMEDIES[reason]}, str(problem).strip())
        left = not_asked((*DATABASE, *CHECKS), "PostgreSQL cannot be used")
        return together([Examination((finding,), (), {}), left])
    answers, first = Examination((), (ANSWERS.name,), {}), examined(DATABASE, one)
    if first.findings:
        return together([answers, first, not_asked(CHECKS, f"see {first.findings[0].check}")])
    return together([answers, first, examined(CHECKS, one)])


def _database(settings: Settings, facts: DatabaseFacts) -> Database:
    """With what its rows say. If the role may not read them, the check of rights says so."""
    if facts.version < OLDEST_POSTGRESQL or facts.shares_sessions:
        return Database(facts, settings)
    with connect(settings.database_url, API_LIMITS, "holdfast doctor") as connection:
        try:
            is_half_restored = is_marked(connection)
            demo = not settings.demo and not is_half_restored and holds_demo(connection)
        except psycopg.errors.InsufficientPrivilege:
            return Database(facts, settings)
    return Database(facts, settings, demo, is_half_restored)
