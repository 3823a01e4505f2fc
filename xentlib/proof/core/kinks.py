"""Absolute values, maxima and signs: what they are where a difference is positive, zero or negative."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp
from sympy.core.relational import Relational

from xentlib.proof.core.unfold import substitute, unfold

KINKS = (sp.Abs, sp.Max, sp.Min, sp.sign, sp.Heaviside, sp.Piecewise, sp.DiracDelta)
"""The functions that bend or jump."""

_JUMPS = (sp.sign, sp.Heaviside, sp.Piecewise, sp.DiracDelta)


def gaps_of(kink: sp.Expr) -> list[sp.Expr]:
    """Return the differences at whose zeros a function bends or jumps.

    Parameters
    ----------
    kink : Expr
        One of `KINKS`.

    Returns
    -------
    list of Expr
        One, or for a maximum of several numbers one for each pair of them.

    Examples
    --------
    >>> a, b = sp.symbols("a b", real=True)
    >>> gaps_of(sp.Abs(a)), gaps_of(sp.Max(a, b))
    ([a], [a - b])
    """
    if isinstance(kink, sp.Max | sp.Min):
        numbers = sorted(kink.args, key=sp.default_sort_key)
        return [a - b for place, a in enumerate(numbers) for b in numbers[place + 1 :]]
    if isinstance(kink, sp.Piecewise):
        conditions = [condition for _, condition in kink.args]
        relations = {r for condition in conditions for r in condition.atoms(Relational)}
        return [r.lhs - r.rhs for r in sorted(relations, key=sp.default_sort_key)]
    return [kink.args[0]]


def first_gap(expr: sp.Expr) -> sp.Expr | None:
    """Return a difference whose sign decides what a kink is, None if there is none outside of sums.

    Parameters
    ----------
    expr : Expr
        A collapsed expression.

    Returns
    -------
    Expr or None
        Of the innermost kinks the first whose difference has no index of a sum.
    """
    if not expr.has(*KINKS):
        return None
    bound = {index for total in expr.atoms(sp.Sum, sp.Product) for index, _, _ in total.limits}
    for kink in sorted(expr.atoms(*KINKS), key=sp.default_sort_key):
        inner = any(argument.has(*KINKS) for argument in kink.args)
        if not inner and not kink.free_symbols & bound and gaps_of(kink):
            return gaps_of(kink)[0]
    return None


def by_sign(expr: sp.Expr, gap: sp.Expr, distinct: Sequence[sp.Ne]) -> list[sp.Expr]:
    """Return what an expression is where a difference is positive, where it is negative, and between.

    Parameters
    ----------
    expr : Expr
        The expression.
    gap : Expr
        The difference.
    distinct : sequence of Ne
        What is known to differ.

    Returns
    -------
    list of Expr
        The expression in cases that cover everything. What only bends needs none for 0: both of its
        sides hold there.
    """
    signs = [1, -1]
    if expr.has(*_JUMPS) and not differs(gap, distinct):
        signs.append(0)
    return [_resolved(expr, gap, sign) for sign in signs]


def differs(gap: sp.Expr, distinct: Sequence[sp.Ne]) -> bool:
    """Return whether a difference is a multiple of one that is known not to be 0."""
    return any(
        _sign_of_ratio(gap, unfold(a) - unfold(b)) is not None for a, b in (known.args for known in distinct)
    )


def _sign_of_ratio(a: sp.Expr, b: sp.Expr) -> int | None:
    """Return 1 or -1 if a is a positive or a negative multiple of b."""
    if a == b:
        return 1
    ratio = sp.cancel(sp.together(a / b)) if b != 0 else sp.nan
    return 1 if ratio.is_positive else -1 if ratio.is_negative else None


def _resolved(expr: sp.Expr, gap: sp.Expr, sign: int) -> sp.Expr:
    values = {}
    for kink in expr.atoms(*KINKS):
        value = _value(kink, gap, sign)
        if value is not None:
            values[kink] = value
    result = substitute(expr, values)
    if sign != 0:
        return result
    # Where the difference is 0, one of its symbols is what the others say.
    labels = {array.label for array in expr.atoms(sp.IndexedBase)}
    # Nothing can be put into a derivative that is not carried out.
    moved = {x for slope in result.atoms(sp.Derivative) for x in slope.variables}
    for symbol in sorted(gap.free_symbols - labels - moved, key=str):
        factor, rest = gap.coeff(symbol), sp.expand(gap - symbol * gap.coeff(symbol))
        if factor.is_number and not factor.is_zero and not rest.has(symbol):
            return substitute(result, {symbol: -rest / factor})
    return result


def _value(kink: sp.Expr, gap: sp.Expr, sign: int) -> sp.Expr | None:
    """Return what a kink is where a difference has a given sign, None if that does not decide it."""
    if isinstance(kink, sp.Max | sp.Min):
        return _extreme(kink, gap, sign)
    if isinstance(kink, sp.Piecewise):
        relations = {r: _truth(r, gap, sign) for part in kink.args for r in part[1].atoms(Relational)}
        known = {r: truth for r, truth in relations.items() if truth is not None}
        return substitute(kink, known) if known else None
    turn = _sign_of_ratio(kink.args[0], gap)
    if turn is None:
        return None
    if isinstance(kink, sp.Abs):
        return sign * turn * kink.args[0]
    if isinstance(kink, sp.sign):
        return sp.Integer(sign * turn)
    if sign == 0:
        return None if isinstance(kink, sp.DiracDelta) else kink.func(0, *kink.args[1:])
    return sp.S.Zero if isinstance(kink, sp.DiracDelta) else sp.Integer(sign * turn > 0)


def _extreme(kink: sp.Expr, gap: sp.Expr, sign: int) -> sp.Expr | None:
    numbers = sorted(kink.args, key=sp.default_sort_key)
    for place, a in enumerate(numbers):
        for b in numbers[place + 1 :]:
            turn = _sign_of_ratio(a - b, gap)
            if turn is not None:
                greater, smaller = (a, b) if sign * turn >= 0 else (b, a)
                gone = smaller if isinstance(kink, sp.Max) else greater
                return kink.func(*(number for number in numbers if number != gone))
    return None


def _truth(relation: Any, gap: sp.Expr, sign: int) -> Any:
    turn = _sign_of_ratio(relation.lhs - relation.rhs, gap)
    return None if turn is None else relation.func(sp.Integer(sign * turn), sp.S.Zero)


def why_no_derivative(expr: Any, distinct: Sequence[sp.Ne]) -> str | None:
    """Return why a derivative may have no value, None if it has one or there is none.

    Parameters
    ----------
    expr : Basic
        An expression or a statement.
    distinct : sequence of Ne
        What is known to differ.

    Returns
    -------
    str or None
        The difference that must not be 0 where the derivative is taken.

    Notes
    -----
    Where a difference is not 0 it keeps its sign nearby, and the formula with it. Where it is 0
    the rules of SymPy would still give a number, 0 for the absolute value.
    """
    plain = unfold(expr)
    for derivative in plain.atoms(sp.Derivative):
        moved = {x.base if isinstance(x, sp.Indexed) else x for x in derivative.variables}
        # What is put in for a variable may move it: outer ones come first.
        for inner in sp.preorder_traversal(derivative.expr):
            if isinstance(inner, sp.Subs):
                pairs = zip(inner.variables, inner.point, strict=True)
                moved |= {variable for variable, number in pairs if number.has(*moved)}
        for kink in derivative.expr.atoms(*KINKS):
            if not kink.has(*moved):
                continue
            for gap in gaps_of(kink):
                if not differs(gap, distinct):
                    return f"a derivative need not exist where {gap} = 0, which given=Ne({gap}, 0) excludes"
    return None
