"""Checks and findings: what a check asks, how bad a fault is, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from itertools import chain
from typing import Any, Generic, TypeVar

from msgspec import Struct

Facts = TypeVar("Facts")


class Severity(StrEnum):
    REFUSAL = "refusal"
    """Holdfast cannot work: no process starts, nor does `migrate`."""
    ERROR = "error"
    """`doctor` fails. Processes start, and wait or work at a risk."""
    WARNING = "warning"
    """Worth knowing."""


Details = Mapping[str, Any]
"""What is filled into a check's sentence and remedy."""
FINE: None = None


class Check(Struct, Generic[Facts], frozen=True):
    """One row of a table. `fault` gives the details of the fault, or `FINE`."""

    name: str
    severity: Severity
    sentence: str
    """What is wrong, without a full stop."""
    remedy: str
    """What to do, in the imperative, without a full stop."""
    fault: Callable[[Facts], Details | None]


class Finding(Struct, frozen=True):
    """What one check found."""

    check: str
    severity: Severity
    problem: str
    remedy: str
    detail: str = ""
    """What the server or a library said of it, for the operator alone: it may name hosts and roles."""

    @property
    def text(self) -> str:
        """`problem: remedy.`, as it is logged and printed."""
        return f"{self.problem}: {self.remedy}."


class Examination(Struct, frozen=True):
    """What was looked at and what was found, in the order of the tables."""

    findings: tuple[Finding, ...]
    passed: tuple[str, ...]
    skipped: Mapping[str, str]
    """Why a check could not be asked, by check."""

    @property
    def refusal(self) -> Finding | None:
        return next((one for one in self.findings if one.severity is Severity.REFUSAL), None)

    @property
    def is_well(self) -> bool:
        """Warnings do no harm."""
        return all(one.severity is Severity.WARNING for one in self.findings)


def examined(checks: Iterable[Check[Facts]], facts: Facts) -> Examination:
    """All checks of one table."""
    found, passed = [], []
    for check in checks:
        details = check.fault(facts)
        if details is FINE:
            passed.append(check.name)
        else:
            found.append(found_by(check, details))
    return Examination(tuple(found), tuple(passed), {})


def found_by(check: Check[Any], details: Details, detail: str = "") -> Finding:
    """The finding of a check that has found a fault."""
    return Finding(check.name, check.severity, check.sentence.format(**details), check.remedy.format(**details), detail)


def not_asked(checks: Iterable[Check[Any]], why: str) -> Examination:
    """The same with none of the checks asked."""
    return Examination((), (), {check.name: why for check in checks})


def together(parts: Iterable[Examination]) -> Examination:
    several = list(parts)
    return Examination(
        tuple(chain.from_iterable(part.findings for part in several)),
        tuple(chain.from_iterable(part.passed for part in several)),
        {name: why for part in several for name, why in part.skipped.items()},
    )


def when(is_wrong: bool, **details: Any) -> Details | None:  # noqa: FBT001 - reads like the sentence that it makes
    """The details if something is wrong."""
    return details if is_wrong else FINE
