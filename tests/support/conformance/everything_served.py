"""The record of a run in which everything that is described was served."""

from __future__ import annotations

from tests.support.conformance.answers import Conformance
from tests.support.conformance.completeness import every_field
from tests.support.conformance.description import description, feeds

Facts = set[str]


def all_answers() -> Conformance:
    """As if every answer that is described had been heard."""
    answers = Conformance()
    for one in answers.operations():
        for status, answer in one.described["responses"].items():
            content = answer.get("content", {})
            fields = {field.pointer for body in content.values() for field in every_field(body["schema"])}
            one.heard[int(status)] = {*content, *answer.get("x-codes", ()), *fields}
    codes = description()["components"]["schemas"]["ErrorBody"]["properties"]["code"]["enum"]
    answers.undescribed = {404: set(codes)}
    return answers


def all_facts() -> Facts:
    """As if all feeds had said all that they may."""
    refusals = [feeds()["x-unknown-path"]]
    errors = feeds()["components"]["schemas"]["ErrorBody"]["properties"]["code"]["enum"]
    facts = {f"error {code}" for code in errors}
    for channel in feeds()["channels"].values():
        facts |= {f"{channel['address']} {word}" for word in channel["messages"]}
        facts |= {f"close {one['code']}" for one in channel["x-close-codes"]}
        refusals += channel["x-handshake-refusals"]
    return facts | {f"refusal {one['status']} {one['code']}" for one in refusals}
