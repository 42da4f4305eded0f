"""`holdfast parked`: list, replay or drop commands and payments that were given up on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

import typer

from ops.cli.console import note, print_json, print_json_line, print_table
from ops.cli.errors import CommandError, expected
from ops.cli.help_texts import REPAIR, examples
from ops.cli.parked_work import Yes, each, replay_each
from ops.cli.store_access import database, read_settings
from ops.cli.times import Since, Until, shown

if TYPE_CHECKING:
    from core.store.connections.database import Connection
    from core.store.inbox.parked import ParkedFilter

commands = typer.Typer(
    help="Parked commands, payments and deliveries: list, show, replay, drop.",
    no_args_is_help=True,
    rich_help_panel=REPAIR,
)

LIMIT_MAX = 100_000
PAYMENT_COLUMNS = ("id", "booking", "state", "amount (minor)", "tries", "parked (UTC)", "next try (UTC)", "problem")
DELIVERY_COLUMNS = ("id", "sender", "receiver", "booking", "type", "tries", "parked (UTC)", "last answer")
COMMAND_COLUMNS = ("id", "type", "contract", "owner", "parked (UTC)", "why", "since then")
What = Annotated[
    Literal["commands", "payments", "deliveries"],
    typer.Argument(metavar="commands|payments|deliveries", help="Of which kind."),
]
Ids = Annotated[list[UUID] | None, typer.Argument(metavar="[ID...]", help="Their ids; or --all.")]
Type = Annotated[str | None, typer.Option("--type", help="Of commands, as place.", show_default=False)]
Sender = Annotated[str | None, typer.Option("--sender", help="Of deliveries, as webhooks.", show_default=False)]
Contract = Annotated[str | None, typer.Option("--contract", help="Of commands, as agent.", show_default=False)]
All = Annotated[bool, typer.Option("--all", help="All that match the filters.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
Json = Annotated[bool, typer.Option("--json", help="For programs.")]


@commands.command(
    "list",
    epilog=examples(
        "holdfast parked list commands",
        "holdfast parked list payments --json",
        "holdfast parked list deliveries --sender webhooks",
        "holdfast parked list commands --everything --since 2030-01-01",
    ),
)
def list_(
    what: What,
    *,
    type_: Type = None,
    contract: Contract = None,
    sender: Sender = None,
    since: Since = None,
    until: Until = None,
    everything: Annotated[bool, typer.Option("--everything", help="Also those that were replayed or dropped.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=LIMIT_MAX, help="How many at most.")] = 100,
    as_json: Json = False,
) -> None:
    """List what was given up on, oldest first."""
    from core.store.deliveries.parked import ParkedDeliveries, parked_deliveries  # noqa: PLC0415 - a command imports what it needs
    from core.store.inbox.parked import ParkedFilter, parked_commands  # noqa: PLC0415 - as above
    from core.store.payments.parked import parked_payments  # noqa: PLC0415 - as above

    found: list[Any]
    with database(read_settings(), "parked") as connection:
        if what == "payments":
            found = list(parked_payments(connection, limit))
        elif what == "deliveries":
            found = list(parked_deliveries(connection, ParkedDeliveries(sender, None, since, until), limit))
        else:
            wanted = ParkedFilter(type_, contract, since, until, everything)
            found = list(parked_commands(connection, wanted, limit))
    if as_json:
        for one in found:
            print_json_line(one)
        return
    if what == "payments":
        print_table(PAYMENT_COLUMNS, [_payment_row(one) for one in found])
    elif what == "deliveries":
        print_table(DELIVERY_COLUMNS, [_delivery_row(one) for one in found])
    else:
        print_table(COMMAND_COLUMNS, [_command_row(one) for one in found])
    note(f"{len(found)} {what}." if len(found) < limit else f"The first {limit}: --limit shows more.")


@commands.command(epilog=examples("holdfast parked show commands 2f0c7a52-9d0c-4a51-8b3e-0a8f5a1f9f3e"))
def show(what: What, id_: Annotated[UUID, typer.Argument(metavar="ID")]) -> None:
    """Show all that is kept of one, as JSON. A command's body may hold personal data."""
    import msgspec  # noqa: PLC0415 - as above

    from core.store.deliveries.parked import show_delivery  # noqa: PLC0415 - as above
    from core.store.inbox.parked import NotParkedError, parked_command  # noqa: PLC0415 - as above
    from core.store.lists.commands import everything_about  # noqa: PLC0415 - as above
    from core.store.payments.parked import find_payment  # noqa: PLC0415 - as above

    with database(read_settings(), "parked") as connection:
        if what == "payments":
            payment = find_payment(connection, id_)
            if payment is None:
                raise CommandError(f"There is no payment {id_}.")
            print_json(payment)
            return
        if what == "deliveries":
            delivery = show_delivery(connection, id_)
            if delivery is None:
                raise CommandError(f"There is no delivery {id_}.")
            print_json(msgspec.json.decode(delivery))
            return
        with expected(NotParkedError):
            parked_command(connection, id_)
        print_json(msgspec.json.decode(everything_about(connection, id_) or "{}"))


@commands.command(
    epilog=examples(
        "holdfast parked replay commands 2f0c7a52-9d0c-4a51-8b3e-0a8f5a1f9f3e",
        "holdfast parked replay commands --all --type place --dry-run",
        "holdfast parked replay payments --all --yes",
        "holdfast parked replay deliveries --all --sender webhooks",
        note="Remove the cause first: what fails again is parked again.",
    )
)
def replay(
    what: What,
    ids: Ids = None,
    *,
    all_: All = False,
    type_: Type = None,
    contract: Contract = None,
    sender: Sender = None,
    since: Since = None,
    until: Until = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> int:
    """Try again what was given up on.

    A command is sent again as a new one, whose id is printed; the old answer stays and links to it. A payment is tried
    at once, and Stripe is asked first what it knows, so nothing is charged or refunded twice. A delivery is sent again
    under its id, by which its receiver knows it.
    """
    from core.store.inbox.parked import ParkedFilter  # noqa: PLC0415 - as above

    with database(read_settings(), "parked") as connection:
        wanted = ParkedFilter(type_, contract, since, until)
        chosen = _chosen(connection, what, ids or [], wanted, all_=all_, sender=sender)
        if what == "deliveries":
            return _deliveries(connection, chosen, "replay", dry_run=dry_run, yes=yes, as_json=as_json)
        if what == "commands":
            return replay_each(connection, chosen, dry_run=dry_run, yes=yes, as_json=as_json, what="parked commands")
        return _payments(connection, chosen, "replay", dry_run=dry_run, yes=yes, as_json=as_json)


@commands.command(
    epilog=examples(
        "holdfast parked drop commands 2f0c7a52-9d0c-4a51-8b3e-0a8f5a1f9f3e",
        "holdfast parked drop commands --all --type canary --yes",
        note="Outcomes stay as they are. A dropped payment is not tried any more: look after its money at Stripe.",
    )
)
def drop(
    what: What,
    ids: Ids = None,
    *,
    all_: All = False,
    type_: Type = None,
    contract: Contract = None,
    sender: Sender = None,
    since: Since = None,
    until: Until = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> int:
    """Decide that nothing is to be done: they are no longer listed or tried."""
    from core.store.inbox.parked import NotParkedError, ParkedFilter, parked_command  # noqa: PLC0415 - as above
    from core.store.inbox.parked import drop as drop_command  # noqa: PLC0415 - as above
    from ops.operator_identity import operator  # noqa: PLC0415 - as above

    author = operator()
    with database(read_settings(), "parked") as connection:
        wanted = ParkedFilter(type_, contract, since, until)
        chosen = _chosen(connection, what, ids or [], wanted, all_=all_, sender=sender)
        if what == "deliveries":
            return _deliveries(connection, chosen, "drop", dry_run=dry_run, yes=yes, as_json=as_json)
        if what == "payments":
            return _payments(connection, chosen, "drop", dry_run=dry_run, yes=yes, as_json=as_json)

        def one(id_: UUID) -> str:
            if dry_run:
                refusal = parked_command(connection, id_).refusal
                if refusal is not None:
                    raise NotParkedError(refusal)
                return "would be dropped"
            drop_command(connection, id_, author)
            return "dropped"

        question = None if yes or dry_run else f"Drop {len(chosen)} parked commands?"
        return each(chosen, one, NotParkedError, question=question, as_json=as_json)


def _payments(
    connection: Connection, ids: list[UUID], verb: Literal["replay", "drop"], *, dry_run: bool, yes: bool, as_json: bool
) -> int:
    from core.store.payments import parked  # noqa: PLC0415 - as above
    from ops.operator_identity import operator  # noqa: PLC0415 - as above

    author = operator()
    act = parked.replay_payment if verb == "replay" else parked.drop_payment
    done = "due now: Stripe is asked first" if verb == "replay" else "dropped: it is not tried any more"

    def one(id_: UUID) -> str:
        if not dry_run:
            act(connection, id_, author)
            return done
        found = parked.find_payment(connection, id_)
        if found is None or found.parked_at is None:
            raise parked.PaymentNotParkedError(f"The payment {id_} is not parked")
        return f"would be {done}"

    question = None if yes or dry_run else f"{verb.capitalize()} {len(ids)} parked payments?"
    return each(ids, one, parked.PaymentNotParkedError, question=question, as_json=as_json)


def _deliveries(
    connection: Connection, ids: list[UUID], verb: Literal["replay", "drop"], *, dry_run: bool, yes: bool, as_json: bool
) -> int:
    from core.store.deliveries import parked  # noqa: PLC0415 - as above
    from ops.operator_identity import operator  # noqa: PLC0415 - as above

    author = operator()
    act = parked.replay_delivery if verb == "replay" else parked.drop_delivery
    done = "due now" if verb == "replay" else "dropped: it is not sent any more"

    def one(id_: UUID) -> str:
        if dry_run:
            parked.parked_delivery(connection, id_)
            return f"would be {done}"
        act(connection, id_, author)
        return done

    question = None if yes or dry_run else f"{verb.capitalize()} {len(ids)} parked deliveries?"
    return each(ids, one, parked.DeliveryNotParkedError, question=question, as_json=as_json)


def _chosen(
    connection: Connection, what: str, ids: list[UUID], wanted: ParkedFilter, *, all_: bool, sender: str | None
) -> list[UUID]:
    """The given ids, or all that match the filters, oldest first."""
    from core.store.deliveries.parked import ParkedDeliveries, parked_deliveries  # noqa: PLC0415 - as above
    from core.store.inbox.parked import parked_commands  # noqa: PLC0415 - as above
    from core.store.payments.parked import parked_payments  # noqa: PLC0415 - as above

    if bool(ids) is all_:
        raise CommandError("Name the ids, or say --all.", exit_code=2)
    if ids:
        return ids
    if what == "payments":
        return [one.id for one in parked_payments(connection, LIMIT_MAX)]
    if what == "deliveries":
        of_deliveries = ParkedDeliveries(sender, None, wanted.since, wanted.until)
        return [one.id for one in parked_deliveries(connection, of_deliveries, LIMIT_MAX)]
    return [one.id for one in parked_commands(connection, wanted, LIMIT_MAX)]


def _payment_row(one: Any) -> tuple[object, ...]:
    amount = f"{one.amount_minor} {one.currency}"
    return one.id, one.booking_id, one.state, amount, one.tries, shown(one.parked_at), shown(one.due_at), one.problem


def _delivery_row(one: Any) -> tuple[object, ...]:
    parked = shown(one.done_at)
    return one.id, one.sender, one.receiver, one.booking_id, one.type, one.attempts, parked, one.answer


def _command_row(one: Any) -> tuple[object, ...]:
    then = f"replayed as {one.replayed_as}" if one.replayed_as else "dropped" if one.dropped_at else None
    return one.id, one.type, one.contract, one.owner, shown(one.parked_at), one.why, then
