"""What a statement assumes: which assumptions are respected, and how."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from xentlib.proof.core.subject import axes_of, functions_of, symbols_of
from xentlib.proof.core.symbols import SIZE, D, K, N, c, d, k, n
from xentlib.proof.core.unfold import Defined, definition, unfold

LARGEST = 50
"""The largest size at which a statement is tried."""


def check_given(given: Any) -> tuple[Any, ...]:
    """Return assumptions as a tuple, after checking that each is of a kind that is respected.

    Parameters
    ----------
    given : relation or sequence of relations
        ``K >= 2``, equations whose left side is to be replaced by the right side, or
        ``Ne(a, b)``: two numbers that differ.

    Returns
    -------
    tuple
        The assumptions.

    Raises
    ------
    TypeError
        If an assumption is of another kind: it would be printed, but not respected.
    ValueError
        If an equation replaces a number, a size, or something by what contains it, if the left side
        of one equation stands in that of another, if two are about one undefined function, or if one
        says of it something else than what it or its derivative is.
    """
    assumptions = tuple(given) if isinstance(given, Sequence) else (given,)
    for a in assumptions:
        if is_bound(a) and a.lts > LARGEST:
            message = f"{a} leaves only sizes that are too large to try with numbers, up to {LARGEST} is fine"
            raise ValueError(message)
        if not isinstance(a, sp.Eq | sp.Ne) and not is_bound(a):
            message = f"an assumption is a bound such as K >= 2, an equation or Ne(a, b), not {a}"
            raise TypeError(message)
    equations = [a for a in assumptions if isinstance(a, sp.Eq)]
    for known in equations:
        others = [other.lhs for other in equations if other is not known]
        if known.lhs.is_number:
            message = f"the left side of {known} is to be replaced, so it cannot be a number"
            raise ValueError(message)
        if unfold(known.rhs).has(unfold(known.lhs)) or any(lhs.has(known.lhs) for lhs in others):
            message = f"{known} is circular, or what it replaces stands in another assumption: {equations}"
            raise ValueError(message)
        if known.lhs in SIZE.values():
            message = f"a size is fixed by sizes={{{known.lhs}: {known.rhs}}}, not by the assumption {known}"
            raise ValueError(message)
        functions = {applied.func for applied in known.lhs.atoms(AppliedUndef)}
        if functions and not _is_of_one_variable(known.lhs):
            # No number could satisfy it, and that it can be satisfied at all would be nobody's to say.
            message = (
                f"an equation about a function says what f(x), or a derivative of it, is, unlike {known}"
            )
            raise ValueError(message)
        if any(functions & {applied.func for applied in lhs.atoms(AppliedUndef)} for lhs in others):
            message = f"{known} and another assumption are about one function, and may contradict each other"
            raise ValueError(message)
    return assumptions


def _is_of_one_variable(of_function: Any) -> bool:
    """Return whether what is assumed of an undefined function is about f(x) or a derivative of it."""
    applied = of_function.expr if isinstance(of_function, sp.Derivative) else of_function
    return isinstance(applied, AppliedUndef) and len(applied.args) == 1 and applied.args[0].is_Symbol


def is_bound(assumption: Any) -> bool:
    """Return whether an assumption says how large a size is at least, such as K >= 2."""
    return (
        isinstance(assumption, sp.Ge | sp.Le)
        and assumption.gts in SIZE.values()
        and assumption.lts.is_Integer
    )


_SIGNS = {"positive": sp.Gt, "negative": sp.Lt, "nonnegative": sp.Ge, "nonpositive": sp.Le, "nonzero": sp.Ne}


def of_symbols(statement: Any, given: Iterable[Any] = ()) -> list[Any]:
    """Return what symbols, arrays (but the labels) and functions are assumed to be, beside real.

    Parameters
    ----------
    statement : Basic
        A statement.
    given : iterable of relations
        Assumptions, whose symbols count too.

    Returns
    -------
    list of Basic
        Such as ``t > 0``; what is said of an array holds for each of its elements.

    Raises
    ------
    ValueError
        If a symbol is assumed to be what neither the numbers nor the line of the proof would heed.

    Examples
    --------
    >>> of_symbols(sp.Symbol("t", positive=True) + sp.Symbol("s", real=True))
    [t > 0]
    """
    subject = sp.Tuple(statement, *given)
    axes = axes_of(subject)
    elements = [array[tuple(map(_index_of, ends))] for array, ends in axes.items() if array != c]
    labels = {array.label for array in axes}
    scalars = sorted(symbols_of(subject) - labels - {*SIZE, *SIZE.values()}, key=str)
    found = []
    for symbol in (*scalars, *elements, *functions_of(subject)):
        _check_heeded(symbol)
        sign = next((kind for kind in _SIGNS if getattr(symbol, f"is_{kind}")), None)
        if symbol.is_integer:
            found.append(sp.Contains(symbol, sp.S.Integers, evaluate=False))
        if sign is not None:
            found.append(_SIGNS[sign](symbol, 0, evaluate=False))
    return found


def _index_of(ends: Iterable[Any]) -> sp.Basic:
    """Return the index that stands for all places on an axis."""
    usual = {K: k, N: n, D: d}
    return next((usual[end] for end in ends if end in usual), sp.Symbol("i", integer=True, positive=True))


_HEEDED = ("real", "integer", *_SIGNS)


def _check_heeded(symbol: Any) -> None:
    assumed = {kind: True for kind in _HEEDED if getattr(symbol, f"is_{kind}")}
    plain = sp.Symbol("_", **assumed)
    more = {kind for kind, known in symbol.assumptions0.items() if plain.assumptions0.get(kind) != known}
    if more:
        message = (
            f"{symbol} is assumed to be {sorted(more)}, which the numbers that try a statement do not heed: "
            f"of {sorted(_HEEDED)} there is what is needed"
        )
        raise ValueError(message)


def after_differentiation(statement: Any, given: Iterable[Any]) -> list[Any]:
    """Return the equations that are used only after derivatives have been taken, as if they were not given.

    Parameters
    ----------
    statement : Basic
        A statement.
    given : iterable of relations
        Assumptions.

    Returns
    -------
    list of Eq
        Those that would change a derivative of the statement if they held in a neighbourhood of the point
        and not only there, since they are about what it is taken with respect to.

    Examples
    --------
    >>> from xentlib.proof import i, j, p, y, z
    >>> after_differentiation(sp.Eq(sp.Derivative(y[i] * z[i], z[j]), p[j]), [sp.Eq(y[i], p[i])])
    [Eq(y[i], p[i])]
    """
    variables = {getattr(variable, "base", variable) for variable in _moved_in(statement)}
    moving = {getattr(variable, "label", variable) for variable in variables}
    equations = [a for a in given if isinstance(a, sp.Eq)]
    return [a for a in equations if symbols_of(a) & moving and not _is_slope_of_function(a.lhs)]


def _is_slope_of_function(expr: Any) -> bool:
    return isinstance(expr, sp.Derivative) and isinstance(expr.expr, AppliedUndef)


def _moved_in(expr: Any) -> set[Any]:
    """Return by what derivatives are taken, and for what a number is put in."""
    if isinstance(expr, Defined):
        return _moved_in(definition(expr)[0])
    own: set[Any] = set(expr.variables) if isinstance(expr, sp.Derivative | sp.Subs) else set()
    return own.union(*map(_moved_in, expr.args)) if isinstance(expr, sp.Basic) else own


def smallest(size: sp.Symbol, given: Iterable[Any]) -> int:
    """Return the smallest value of a size that the assumptions allow.

    Parameters
    ----------
    size : Symbol
        K, N or D.
    given : iterable of relations
        The assumptions.

    Returns
    -------
    int
        1 or more.
    """
    bounds = [int(a.lts) for a in given if isinstance(a, sp.Ge | sp.Le) and a.gts == size]
    return max([1, *bounds])


def is_hypothesis(known: Any) -> bool:
    """Return whether an equation is about an undefined function, so that no number satisfies it."""
    return isinstance(known, sp.Eq) and bool(known.lhs.atoms(AppliedUndef))
