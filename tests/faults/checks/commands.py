"""Commands: each acknowledged one has one outcome, and whoever heard an answer heard that one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from tests.faults.checks.facts import Facts, Outcome
from tests.faults.checks.finding import Finding, some
from tests.faults.history.operations import ACCEPTED, UNAVAILABLE, Operation, final_answer
from tests.faults.history.records import Asked

ONLY_FOR_THE_CALLER = frozenset({"client_secret"})
"""Fields that an answer has and its stored outcome has not: nobody keeps them (`Commands.reveal_with`)."""
UNKNOWN_SHARE_MAX = 0.05
UNKNOWN_AT_EACH_FAULT = 8
"""Requests under way when a connection is cut: a few for each client thread."""


def acknowledged(operations: Sequence[Operation], facts: Facts) -> Finding:
    decided = Counter(one.id for one in facts.outcomes)
    ids = {id_ for one in operations for id_ in one.commands}
    return Finding(
        "acknowledged commands have one outcome",
        len(ids),
        "commands",
        [
            *some((id_ for id_ in ids if not decided[id_] and id_ not in facts.inbox), "were lost"),
            *some((id_ for id_ in ids if not decided[id_] and id_ in facts.inbox), "are still undecided"),
            *some((id_ for id_ in ids if decided[id_] > 1), "were decided more than once"),
        ],
    )


def answers(history: Sequence[Asked], facts: Facts) -> Finding:
    """Direct answers and polls, word for word."""
    outcomes = {one.id: one for one in facts.outcomes}
    heard, wrong = 0, []
    for asked in history:
        answer, outcome = final_answer(asked), outcomes.get(asked.command)
        if answer is None or outcome is None:
            continue
        heard += 1
        if answer.status != outcome.http_status or not _is_same(answer.body, outcome.response):
            wrong.append(f"{asked.command} ({asked.story} {asked.action}): {answer.status}, not {outcome.http_status}")
    return Finding("answers are the outcomes", heard, "answers", some(wrong, "answers differ from their outcomes"))


def _is_same(heard: Any, kept: Any) -> bool:
    if isinstance(heard, Mapping) and isinstance(kept, Mapping):
        hidden = ONLY_FOR_THE_CALLER - kept.keys()
        return {name: one for name, one in heard.items() if name not in hidden} == kept
    return bool(heard == kept)


def repeated(operations: Sequence[Operation], facts: Facts) -> Finding:
    """Each key of a client stands for one command and at most one booking, however often it was sent."""
    keyed = [one for one in operations if one.key]
    by_tag: defaultdict[str, list[Outcome]] = defaultdict(list)
    for outcome in facts.outcomes:
        if isinstance(outcome.body, dict) and outcome.body.get("notes"):
            by_tag[outcome.body["notes"]].append(outcome)
    places = [one for one in keyed if by_tag[one.name]]
    return Finding(
        "a key means one command",
        len(keyed),
        "keys",
        [
            *some((one.name for one in keyed if len(one.commands) > 1), "keys were answered with several commands"),
            *some(
                (one.name for one in keyed if len({a.status for a in one.answers}) > 1),
                "keys were answered differently",
            ),
            *some((one.name for one in places if len(by_tag[one.name]) > 1), "keys made several commands"),
        ],
    )


def bulks(history: Sequence[Asked], facts: Facts) -> Finding:
    """Each accepted batch is there, and each of its rows has one outcome."""
    sent = [one for one in history if one.story == "bulks" and one.status == ACCEPTED]
    ids = {one.body["batch_id"] for one in sent}
    lost = ids - facts.bulks.keys()
    uneven = [id_ for id_ in ids & facts.bulks.keys() if facts.bulks[id_][0] != facts.bulks[id_][1]]
    several = len(ids) - len({one.operation for one in sent})
    return Finding(
        "bulks are decided whole",
        len(ids),
        "batches",
        [
            *some(lost, "were lost"),
            *some(uneven, "have not one outcome for each row"),
            *([f"{several} were accepted twice under one key"] if several > 0 else []),
        ],
        may_be_nothing=True,
    )


def server_errors(history: Sequence[Asked]) -> Finding:
    """503 says what to do next; nothing else of the kind is ever answered."""
    answered = [one for one in history if one.status]
    bad = [f"{one.path}: {one.status}" for one in answered if one.status >= 500 and one.status != UNAVAILABLE]
    bare = [one.path for one in answered if one.status in {429, UNAVAILABLE} and not one.has_retry_after]
    return Finding(
        "no server error",
        len(answered),
        "answers",
        [*some(bad, "answers are a server's error"), *some(bare, "refusals do not say when to come again")],
    )


def refused_requests(history: Sequence[Asked]) -> Finding:
    """Clients send nothing malformed: what is refused is refused for a reason of the house's rules."""
    sent = [one for one in history if one.status and not one.is_poll]
    bad = [f"{one.story} {one.action} {one.status}: {one.body}" for one in sent if one.status in {401, 403, 405, 422}]
    return Finding("no well-formed request is called malformed", len(sent), "requests", some(bad, "were refused"))


def unknown(operations: Sequence[Operation], faults: int) -> Finding:
    """A connection cut before the answer leaves its client in doubt. That is no fault, as long as it is rare."""
    doubtful = sum(one.is_unknown for one in operations)
    most = UNKNOWN_AT_EACH_FAULT * faults + int(UNKNOWN_SHARE_MAX * len(operations))
    wrong = [f"{doubtful} operations were never known to their clients, more than {most}"] if doubtful > most else []
    return Finding(f"{doubtful} of no known end, at most {most}", len(operations), "operations", wrong)
