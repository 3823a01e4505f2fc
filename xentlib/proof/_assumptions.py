"""What a statement assumes, in the words of its line: of its symbols, and when what is given enters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from xentlib.proof.core.problem import NOTHING, SIGNS, Given
from xentlib.proof.core.subject import axes_of, functions_of, symbols_of
from xentlib.proof.core.symbols import SIZE, D, K, N, c, d, e, k, l, m, n
from xentlib.proof.core.unfold import Defined, definition


def of_symbols(statement: Any, given: Given = NOTHING) -> list[Any]:
    """Return what symbols, arrays (but the labels) and functions are assumed to be, beside real.

    Parameters
    ----------
    statement : Basic
        A statement.
    given : Given
        Assumptions, whose symbols count too.

    Returns
    -------
    list of Basic
        Such as ``t > 0``; what is said of an array holds for each of its elements.

    Examples
    --------
    >>> of_symbols(sp.Symbol("t", positive=True) + sp.Symbol("s", real=True))
    [t > 0]
    """
    subject = sp.Tuple(statement, *given.relations)
    axes = axes_of(subject)
    elements = [array[tuple(indices_of(ends))] for array, ends in axes.items() if array != c]
    labels = {array.label for array in axes}
    scalars = sorted(symbols_of(subject) - labels - {*SIZE, *SIZE.values()}, key=str)
    found = []
    for symbol in (*scalars, *elements, *functions_of(subject)):
        sign = next((kind for kind in SIGNS if getattr(symbol, f"is_{kind}")), None)
        if symbol.is_integer:
            found.append(sp.Contains(symbol, sp.S.Integers, evaluate=False))
        if sign is not None:
            found.append(SIGNS[sign](symbol, 0, evaluate=False))
    return found


def indices_of(axes: Iterable[Iterable[Any]]) -> list[sp.Symbol]:
    """Return indices that stand for all places of an array, each for one axis.

    Parameters
    ----------
    axes : iterable
        How far each axis reaches, as `axes_of` says.

    Returns
    -------
    list of Symbol
        Such as k for classes.

    Examples
    --------
    >>> indices_of([{N}, {K, 2}])
    [n, k]
    """
    found: list[sp.Symbol] = []
    for ends in axes:
        usual = {K: (k, l), N: (n, m), D: (d, e)}
        any_place = sp.Symbol("i", integer=True, positive=True)
        own = [index for end in ends for index in usual.get(end, ())]
        found.append(next((index for index in (*own, any_place) if index not in found), any_place))
    return found


def after_differentiation(statement: Any, given: Given) -> list[Any]:
    """Return the equations that are used only after derivatives have been taken, as if they were not given.

    Parameters
    ----------
    statement : Basic
        A statement.
    given : Given
        Assumptions.

    Returns
    -------
    list of Eq
        Those that would change a derivative of the statement if they held in a neighbourhood of the point
        and not only there, since they are about what it is taken with respect to.

    Examples
    --------
    >>> from xentlib.proof import i, j, p, y, z
    >>> after_differentiation(sp.Eq(sp.Derivative(y[i] * z[i], z[j]), p[j]), Given((sp.Eq(y[i], p[i]),)))
    [Eq(y[i], p[i])]
    """
    variables = {getattr(variable, "base", variable) for variable in _moved_in(statement)}
    moving = {getattr(variable, "label", variable) for variable in variables}
    return [a for a in given.rules if symbols_of(a) & moving and not _is_slope_of_function(a.lhs)]


def _is_slope_of_function(expr: Any) -> bool:
    return isinstance(expr, sp.Derivative) and isinstance(expr.expr, AppliedUndef)


def _moved_in(expr: Any) -> set[Any]:
    """Return by what derivatives are taken, and for what a number is put in."""
    if isinstance(expr, Defined):
        return _moved_in(definition(expr)[0])
    own: set[Any] = set(expr.variables) if isinstance(expr, sp.Derivative | sp.Subs) else set()
    return own.union(*map(_moved_in, expr.args)) if isinstance(expr, sp.Basic) else own
