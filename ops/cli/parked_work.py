"""What `holdfast parked` and `holdfast commands` share: acting on many things one after another, each by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from ops.cli.console import note, print_json_line

if TYPE_CHECKING:
    from core.store.connections.database import Connection

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]

TOLD_EVERY = 100
"""How often the progress of many is told."""


def replay_each(
    connection: Connection, ids: Sequence[UUID], *, dry_run: bool, yes: bool, as_json: bool, what: str = "commands"
) -> int:
    """Replay parked commands, in the order given. The exit code: 1 if any could not be."""
    from core.store.inbox.parked import NotParkedError, parked_command, replay  # noqa: PLC0415 - as in the commands
    from ops.operator_identity import operator  # noqa: PLC0415 - as above

    author = operator()

    def one(id_: UUID) -> str:
        if not dry_run:
            return f"replayed as {replay(connection, id_, author)}"
        found = parked_command(connection, id_)
        if found.refusal is not None:
            raise NotParkedError(found.refusal)
        return f"would be replayed ({found.type}, parked by {found.why})"

    question = f"Replay {len(ids)} {what}? Each is sent again as its sender sent it."
    return each(ids, one, NotParkedError, question=None if yes or dry_run else question, as_json=as_json)


def each(
    ids: Sequence[UUID],
    act: Callable[[UUID], str],
    refusal: type[Exception],
    *,
    question: str | None,
    as_json: bool,
) -> int:
    """Act on each, in a transaction of its own, so that what is done stays done. 1 if any was refused."""
    if question is not None and ids:
        typer.confirm(question, abort=True, err=True)
    refused = 0
    for number, id_ in enumerate(ids, 1):
        try:
            done = act(id_)
        except refusal as problem:
            refused += 1
            _tell(id_, str(problem), as_json=as_json, is_refused=True)
        else:
            _tell(id_, done, as_json=as_json, is_refused=False)
        if number % TOLD_EVERY == 0:
            note(f"{number} of {len(ids)}")
    if len(ids) > 1:
        note(f"{len(ids) - refused} done, {refused} refused.")
    return 1 if refused else 0


def _tell(id_: UUID, words: str, *, as_json: bool, is_refused: bool) -> None:
    if as_json:
        print_json_line({"id": str(id_), "refused" if is_refused else "done": words})
    elif is_refused:
        note(f"{words}.")
    else:
        print(f"{id_} {words}")
