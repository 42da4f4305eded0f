"""`holdfast doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ops.cli.console import console, print_json, print_table
from ops.cli.help_texts import LOOK, examples
from ops.cli.store_access import read_settings

if TYPE_CHECKING:
    from core.doctor.findings import Examination

commands = typer.Typer()


@commands.command(
    rich_help_panel=LOOK,
    epilog=examples(
        "holdfast doctor",
        "holdfast doctor --json",
        note="Exit code 1: something is wrong. Warnings alone are 0. What lies outside (mail, Stripe) is asked for two "
        "seconds at most, and only warns.",
    ),
)
def doctor(
    *, as_json: Annotated[bool, typer.Option("--json", help="As one JSON object, for programs.")] = False
) -> int:
    """Look at PostgreSQL, Redis, mail and Stripe, and say what is wrong and what to do about it.

    Nothing is changed. migrate looks at the same, and each process when it starts, except for mail and Stripe.
    """
    from core.doctor.examination import examine_all  # noqa: PLC0415 - the help needs none of it

    found = examine_all(read_settings())
    if as_json:
        print_json(
            {"is_well": found.is_well, "findings": found.findings, "passed": found.passed, "skipped": found.skipped}
        )
    else:
        print_table(("check", "result", "what to know"), _rows(found))
        console().print(_verdict(found))
    return 0 if found.is_well else 1


def _rows(found: Examination) -> list[tuple[str, str, str]]:
    """In the order of the tables of checks."""
    from core.doctor.examination import CHECKS  # noqa: PLC0415 - as above

    rows = dict.fromkeys(found.passed, ("ok", ""))
    rows |= {name: ("not asked", why) for name, why in found.skipped.items()}
    rows |= {one.check: (one.severity, f"{one.text} {one.detail}".strip()) for one in found.findings}
    return [(check.name, *rows[check.name]) for check in CHECKS]


def _verdict(found: Examination) -> str:
    wrong = sum(one.severity != "warning" for one in found.findings)
    warnings = len(found.findings) - wrong
    also = f", {warnings} to know" if warnings else ""
    return f"{wrong} wrong{also}." if wrong else f"Nothing is wrong{also}."
