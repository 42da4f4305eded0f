"""Mutants that change nothing that anybody could notice: by operator and line, each with its reason."""

from __future__ import annotations

import re

from msgspec import Struct

OPERATORS = re.compile(
    r"core/(ReplaceComparisonOperator_.*|ReplaceAndWithOr|ReplaceOrWithAnd|ReplaceTrueWithFalse|ReplaceFalseWithTrue"
    r"|NumberReplacer|AddNot|ReplaceUnaryOperator_Delete_Not|ReplaceBinaryOperator_(Add_Sub|Sub_Add|Mul_Div|FloorDiv_Mul))"
)
"""Comparisons, booleans, arithmetic, constants. The other operators of the tool mostly make what cannot be run."""


class Equivalent(Struct, frozen=True):
    operator: str
    line: str
    """Both are regular expressions."""
    reason: str

    def holds(self, operator: str, line: str) -> bool:
        return re.search(self.operator, operator) is not None and re.search(self.line, line) is not None


EQUIVALENT = (
    Equivalent("TrueWithFalse", r"frozen=True", "that nothing changes a value, mypy and convention hold"),
    Equivalent("TrueWithFalse", r"omit_defaults=True", "the same value, written with its defaults"),
    Equivalent("TrueWithFalse", r"kw_only=True|gc=True|cache_hash=True|forbid_unknown_fields", "how a value is made"),
    Equivalent("NumberReplacer", r"_MAX\b|_MOST\b|STEP_", "bounds of work: one more or less decides nothing"),
)


def is_equivalent(operator: str, line: str) -> bool:
    return any(one.holds(operator, line) for one in EQUIVALENT)
