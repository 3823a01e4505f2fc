"""Altered statements: what a slip of the pen would have made of a statement."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import combinations
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from xentlib.proof.core.subject import symbols_of
from xentlib.proof.core.symbols import SIZE, outermost
from xentlib.proof.core.unfold import Defined


def mutations(statement: Any) -> Iterator[tuple[str, Any]]:
    """Yield altered statements, each once.

    Parameters
    ----------
    statement : Eq, Gt, Lt, Ge, Le, And or Equivalent
        What is to be altered: a sign, a factor, a term, an index, the start of a sum.

    Yields
    ------
    tuple of str and Basic
        The kind of the alteration, and the altered statement.

    Examples
    --------
    >>> from xentlib.proof import i, p, z
    >>> for kind, altered in mutations(sp.Gt(p[i], z[i])):
    ...     print(kind, altered, sep=": ")
    reversed: p[i] < z[i]
    bound tightened: p[i] - z[i] > 1/8
    """
    seen = {statement}
    for kind, altered in _altered(statement):
        # True and False have no parts; what divides by zero says nothing about numbers.
        if altered.args and altered not in seen and not altered.has(sp.zoo, sp.nan):
            seen.add(altered)
            yield kind, altered


def _altered(statement: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(statement, sp.Gt | sp.Lt | sp.Ge | sp.Le):
        yield "reversed", _reversed(statement)
        yield "bound tightened", sp.Gt(statement.gts - statement.lts, sp.Rational(1, 8), evaluate=False)
        if isinstance(statement, sp.Ge | sp.Le):
            yield from _altered_sides(statement)
    elif isinstance(statement, sp.And):
        for part in statement.args:
            yield from _altered(part)
    elif isinstance(statement, sp.Equivalent):
        for part, other in (statement.args, statement.args[::-1]):
            for kind, altered in (("reversed", _reversed(part)), *_altered_sides(part)):
                yield kind, sp.Equivalent(altered, other, evaluate=False)
    else:
        yield from _altered_sides(statement)


def _reversed(relation: Any) -> Any:
    opposite = {sp.Gt: sp.Lt, sp.Lt: sp.Gt, sp.Ge: sp.Le, sp.Le: sp.Ge}[relation.func]
    return opposite(*relation.args, evaluate=False)


def _altered_sides(relation: Any) -> Iterator[tuple[str, Any]]:
    left, right = relation.args
    indices = {s for s in symbols_of(relation) if s in SIZE}
    for kind, altered in _altered_side(left, indices):
        yield kind, relation.func(altered, right, evaluate=False)
    for kind, altered in _altered_side(right, indices):
        yield kind, relation.func(left, altered, evaluate=False)


def _altered_side(expr: sp.Expr, indices: Collection[sp.Symbol]) -> Iterator[tuple[str, sp.Expr]]:
    yield "sign flipped", -expr
    yield "factor of two", 2 * expr
    if expr.is_number:
        yield "off by one", expr + 1
    yield from _altered_inside(expr, indices)


def _altered_inside(expr: Any, indices: Collection[sp.Symbol]) -> Iterator[tuple[str, Any]]:
    yield from _altered_indices(expr, indices)
    if isinstance(expr, sp.Indexed | Defined | sp.KroneckerDelta | AppliedUndef):
        return
    yield from _altered_parts(expr)
    # The limits of a sum or product and the variables of a derivative are no expressions: they stay.
    for place, argument in enumerate(expr.args):
        if isinstance(argument, sp.Expr):
            for kind, inside in _altered_inside(argument, indices):
                yield kind, expr.func(*expr.args[:place], inside, *expr.args[place + 1 :])


def _altered_indices(expr: Any, indices: Collection[sp.Symbol]) -> Iterator[tuple[str, Any]]:
    own = sorted((s for s in symbols_of(expr) if s in indices), key=str)
    for a, b in combinations(own, 2):
        yield "indices swapped", expr.xreplace({a: b, b: a})
    if isinstance(expr, sp.Indexed | Defined):
        for a in own:
            for b in sorted((s for s in indices if s != a and SIZE[s] == SIZE[a]), key=str):
                yield "index changed", expr.xreplace({a: b})


def _altered_parts(expr: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(expr, sp.Add):
        for term in expr.args:
            yield "sign flipped", expr - 2 * term
            yield "factor of two", expr + term
            yield "term dropped", expr - term
    if isinstance(expr, sp.exp):
        yield "sign flipped", sp.exp(-expr.exp)
        yield "factor of two", sp.exp(2 * expr.exp)
    if isinstance(expr, sp.Sum | sp.Product):
        term, (index, first, last) = outermost(expr)
        part = "term" if isinstance(expr, sp.Sum) else "factor"
        yield f"first {part} left out", expr.func(term, (index, first + 1, last))
