"""`holdfast config`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ops.cli.console import note, print_json, print_table
from ops.cli.help_texts import LOOK, examples
from ops.cli.store_access import Data, read_environment

if TYPE_CHECKING:
    from core.configuration.recorded_settings import Reading

commands = typer.Typer()

DOT_ENV = Path(".env")
MIGRATE = "migrate"
DOT_ENV_MAX_BYTES = 1_000_000
OURS = ("HOLDFAST_", "STRIPE_")
OF_OTHERS = {
    *("HOLDFAST_URL", "HOLDFAST_TOKEN"),
    *("HOLDFAST_SITE", "HOLDFAST_BIND", "HOLDFAST_TRUSTS", "HOLDFAST_API", "HOLDFAST_NOTIFIER"),
    *("HOLDFAST_FLOWER_IS_ON", "HOLDFAST_ANSWER_TIMEOUT"),
    *("HOLDFAST_HTTP_PORT", "HOLDFAST_HTTPS_PORT", "HOLDFAST_CERTIFICATES"),
}
"""Of `holdfast import`, which is a client of the API, and of the front door."""


def _process(raw: str) -> str:
    from ops.processes import APPLICATION  # noqa: PLC0415 - the help needs none of it

    if raw not in (names := [*(process.name for process in APPLICATION), MIGRATE]):
        raise typer.BadParameter(f"there is no {raw!r}, only {', '.join(names)}")
    return raw


def _secrets_of_others(name: str | None) -> frozenset[str]:
    from core.configuration import secret_settings  # noqa: PLC0415 - as above
    from ops.processes import APPLICATION  # noqa: PLC0415 - as above

    if name is None:
        return frozenset()
    own = {process.name: process.secrets for process in APPLICATION} | {MIGRATE: secret_settings.MIGRATE}
    return secret_settings.EVERY - own[name]


@commands.command(
    rich_help_panel=LOOK,
    epilog=examples(
        "holdfast config",
        "holdfast config --json",
        "docker compose exec lanes holdfast config --process lanes",
        "holdfast config --data /var/lib/holdfast",
        note="Secrets are never shown, not even inside addresses. From .env: the variable has the value of the .env of "
        "this folder; from file: NAME_FILE names it. Exit code 1: a start would stop at a setting.",
    ),
)
def config(
    *,
    process: Annotated[
        str | None,
        typer.Option(
            parser=_process,
            metavar="NAME",
            show_default=False,
            help="Without the secrets that this process is not given: api, lanes, ..., migrate.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object, for programs.")] = False,
    data: Data = None,
) -> int:
    """Show each setting as the processes read it in this environment, and where its value came from.

    A setting that cannot be used is shown with the sentence that a start prints, without its value.
    """
    from core.settings import readings  # noqa: PLC0415 - the help needs none of it

    dot_env = _dot_env(DOT_ENV)
    found = [one for one in readings(read_environment(data)) if one.name not in _secrets_of_others(process)]
    stopping = [one for one in found if one.stops_a_start]
    told = _told_beside(found, dot_env)
    if as_json:
        settings = [_as_json(one, _source(one, dot_env)) for one in found]
        print_json({"is_usable": not stopping, "settings": settings, **told})
    else:
        rows = [(one.name, _value(one), _source(one, dot_env), _to_know(one)) for one in found]
        print_table(("setting", "value", "from", "to know"), rows)
        _note(told, stopping)
    return 1 if stopping else 0


def _as_json(one: Reading, source: str | None) -> dict[str, Any]:
    return {
        "name": one.name,
        "value": one.shown,
        "from": source,
        "is_set": one.is_set,
        "is_secret": one.is_secret,
        "problem": one.problem if one.stops_a_start else None,
        "needs": one.needs,
    }


def _value(one: Reading) -> str | None:
    has_one = one.is_set or bool(one.default)
    return one.shown or ("(not shown)" if has_one else None)


def _source(one: Reading, dot_env: Mapping[str, str]) -> str | None:
    """None: it has no value."""
    if one.is_from_file:
        return "file"
    if not one.is_set:
        return "default" if one.default else None
    if os.environ.get(one.name, "").strip() != one.raw:
        return "data folder"
    return ".env" if dot_env.get(one.name) == one.raw else "environment"


def _to_know(one: Reading) -> str:
    if one.stops_a_start:
        return one.problem or ""
    return f"of use with {one.needs}" if one.needs else ""


def _told_beside(found: Sequence[Reading], dot_env: Mapping[str, str]) -> dict[str, list[str]]:
    """Names in which a person may be mistaken: what .env alone has, and what no process reads."""
    from core.configuration.secret_settings import EVERY, FILE  # noqa: PLC0415 - as above

    raw = {one.name: one.raw for one in found}
    files = {name + FILE for name in EVERY}
    ours = {name for name, value in os.environ.items() if name.startswith(OURS) and value.strip()}
    return {
        "only_in_dot_env": sorted(name for name in raw.keys() & dot_env.keys() if dot_env[name] and not raw[name]),
        "other_in_dot_env": sorted(
            name for name in raw.keys() & dot_env.keys() if dot_env[name] and raw[name] not in {"", dot_env[name]}
        ),
        "read_by_none": sorted(ours - raw.keys() - files - OF_OTHERS),
    }


def _note(told: Mapping[str, list[str]], stopping: Sequence[Reading]) -> None:
    if told["only_in_dot_env"]:
        note(
            f"In .env, but not in this environment: {', '.join(told['only_in_dot_env'])}. Compose reads that file; a shell "
            "does by: set -a; . ./.env; set +a"
        )
    if told["other_in_dot_env"]:
        note(f"In .env with another value, which does not count here: {', '.join(told['other_in_dot_env'])}.")
    if told["read_by_none"]:
        note(f"No process reads {', '.join(told['read_by_none'])}. Are the names right?")
    if stopping:
        note(f"{len(stopping)} cannot be used: a start stops at the first of them.")
    if without := _start_without(stopping):
        note(f"Not given these, and started without: {', '.join(without)}. --process NAME shows one of them.")


def _start_without(stopping: Sequence[Reading]) -> list[str]:
    """The processes that are given none of these: in a container only its own secrets are set."""
    from core.configuration.secret_settings import EVERY  # noqa: PLC0415 - as above
    from ops.processes import APPLICATION  # noqa: PLC0415 - as above

    if not stopping or any(one.is_set or one.name not in EVERY for one in stopping):
        return []
    return [process.name for process in APPLICATION if not process.secrets & {one.name for one in stopping}]


def _dot_env(path: Path) -> dict[str, str]:
    """Its assignments, as Compose and shells read them; empty if there is no such file."""
    try:
        with path.open(encoding="utf-8", errors="replace") as opened:
            lines = opened.read(DOT_ENV_MAX_BYTES).splitlines()
    except OSError:
        return {}
    pairs = [line.strip().removeprefix("export ").partition("=") for line in lines if not line.lstrip().startswith("#")]
    return {name.strip(): _unquoted(value.strip()) for name, sign, value in pairs if sign}


def _unquoted(value: str) -> str:
    for quote in ("'", '"'):
        if value.startswith(quote) and (end := value.find(quote, 1)) > 0:
            return value[1:end].strip()
    return value.partition(" #")[0].strip()
