"""One change at one place of a module: a comparison, and/or, arithmetic, a number, true/false, a condition, an answer.

Left alone is what decides nothing: annotations, decorators, how a class is made, and texts.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from copy import deepcopy

from msgspec import Struct

UNTOUCHED = frozenset({"annotation", "returns", "decorator_list", "type_params"})
COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.FloorDiv,
}


class Mutant(Struct, frozen=True):
    number: int
    """Its place among the mutants of its module."""
    row: int
    was: str
    becomes: str


def mutants_of(source: str) -> list[Mutant]:
    return [
        Mutant(number, node.lineno, ast.unparse(node), ast.unparse(new))
        for number, (_, node, new) in enumerate(_changes(ast.parse(source)))
    ]


def mutated(source: str, number: int) -> ast.Module:
    """The module with its mutant of that number."""
    tree = ast.parse(source)
    for at, (parent, node, new) in enumerate(_changes(tree)):
        if at == number:
            _put(parent, node, new)
            return ast.fix_missing_locations(tree)
    raise IndexError(number)


def _changes(parent: ast.AST) -> Iterator[tuple[ast.AST, ast.expr, ast.expr]]:
    for field, value in ast.iter_fields(parent):
        if field in UNTOUCHED or (isinstance(parent, ast.ClassDef) and field in {"bases", "keywords"}):
            continue
        for node in value if isinstance(value, list) else [value]:
            if isinstance(node, ast.expr):
                for new in (*_variants(node), *_opposites(parent, field, node)):
                    yield parent, node, ast.copy_location(new, node)
            if isinstance(node, ast.AST):
                yield from _changes(node)


def _variants(node: ast.expr) -> Iterator[ast.expr]:
    match node:
        case ast.Compare(ops=ops):
            for at, one in enumerate(ops):
                new = deepcopy(node)
                new.ops[at] = COMPARISONS[type(one)]()
                yield new
        case ast.BoolOp(op=op, values=values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
            yield ast.BinOp(left, ARITHMETIC[type(op)](), right)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield ast.Constant(value + 1)
        case _:
            pass


def _opposites(parent: ast.AST, field: str, node: ast.expr) -> Iterator[ast.expr]:
    """Of a condition that is a plain value, and of an answer."""
    if field in {"test", "ifs"} and isinstance(node, ast.Name | ast.Attribute | ast.Call):
        yield ast.UnaryOp(ast.Not(), node)
    if isinstance(parent, ast.Return) and not (isinstance(node, ast.Constant) and node.value is None):
        yield ast.Constant(None)


def _put(parent: ast.AST, node: ast.expr, new: ast.expr) -> None:
    for field, value in ast.iter_fields(parent):
        if value is node:
            setattr(parent, field, new)
        elif isinstance(value, list):
            setattr(parent, field, [new if one is node else one for one in value])
