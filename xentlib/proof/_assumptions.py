"""What a statement assumes: which assumptions are respected, and how."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from xentlib.proof._normal_form import differentiate
from xentlib.proof._quantities import unfold
from xentlib.proof._symbols import SIZE


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
        if not isinstance(a, sp.Eq | sp.Ne) and not (
            isinstance(a, sp.Ge | sp.Le) and a.gts in SIZE.values() and a.lts.is_Integer
        ):
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
        if functions and not isinstance(known.lhs, AppliedUndef | sp.Derivative):
            # No number could satisfy it, and that it can be satisfied at all would be nobody's to say.
            message = f"an equation about a function says what it, or its derivative, is, unlike {known}"
            raise ValueError(message)
        if any(functions & {applied.func for applied in lhs.atoms(AppliedUndef)} for lhs in others):
            message = f"{known} and another assumption are about one function, and may contradict each other"
            raise ValueError(message)
    return assumptions


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


def with_hypotheses(statement: Any, given: Iterable[Any]) -> Any:
    """Carry out derivatives of undefined functions as the hypotheses say."""
    rules = {known.lhs: known.rhs for known in given if is_hypothesis(known)}
    if not rules:
        return statement
    sides = [differentiate(unfold(side)).xreplace(rules) for side in statement.args]
    return statement.func(*sides, evaluate=False)
