"""Whether a statement is false at a point, beyond doubt: what rounding may have made is no witness."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from xentlib.proof._evaluation import digits_at, surely, truth
from xentlib.proof.core.algebra import carry_out, collapse, residual
from xentlib.proof.core.problem import NOTHING, Given
from xentlib.proof.core.symbols import SIZE, Values
from xentlib.proof.core.unfold import substitute, unfold


def holds(statement: Any, values: Values, given: Given = NOTHING) -> bool | None:
    """Return whether a statement is true at a point; False is beyond doubt, True is not.

    Parameters
    ----------
    statement : Basic
        A statement.
    values : mapping
        The point.
    given : Given
        What is assumed: where numbers were solved for, the point is known to half of its digits only.

    Returns
    -------
    bool or None
        None if a side has no value there, or if it cannot be told in as many digits as there are.

    Examples
    --------
    >>> from xentlib.proof import K, s, k, p, sum_over, z
    >>> point = {K: 2, s: mpmath.mpf(40), z: [mpmath.mpf(1), mpmath.mpf(3)]}
    >>> holds(sp.Gt(1 + sp.exp(-sp.exp(s)), 1, evaluate=False), point)
    >>> holds(sp.Gt(sum_over(k, p[k]), 1, evaluate=False), point)
    False
    """
    found = truth(statement, values)
    return found if found is not False else _sure(statement, values, given)


def _sure(statement: Any, values: Values, given: Given) -> bool | None:
    if isinstance(statement, sp.And):
        found = {_sure(part, values, given) for part in statement.args}
        return False if False in found else None if None in found else True
    if isinstance(statement, sp.Equivalent):
        sides = [_sure(part, values, given) for part in statement.args]
        return None if None in sides else len(set(sides)) == 1
    margin = mpmath.mpf(10) ** -(digits_at(values) // 2) if given.rules else 0
    found_ = surely(statement, values, margin)
    if found_ is None and _are_equal(statement.lhs - statement.rhs, values, given):
        return isinstance(statement, sp.Eq | sp.Ge | sp.Le)
    return found_


def _are_equal(gap: sp.Expr, values: Values, given: Given) -> bool:
    """Return whether two numbers are shown to be equal, which no interval can show, by the algebra.

    Numbers that were solved for are not known exactly: then it is shown for all that respect what is assumed.
    """
    whole = {s: sp.Integer(int(number)) for s, number in values.items() if s in _WHOLE}
    try:
        plain = collapse(substitute(carry_out(gap), whole))
        if given.rules:
            fixed = (sp.Eq(substitute(unfold(a.lhs), whole), a.rhs, evaluate=False) for a in given.rules)
            return bool(residual(plain, Given(tuple(fixed))) == 0)
        # Labels first, for they stand at the places of other arrays.
        for _ in range(2):
            plain = substitute(plain, {e: _entry(e, values) for e in plain.atoms(sp.Indexed) if _is_known(e)})
        others = {s: v for s, v in values.items() if isinstance(s, sp.Symbol) and s not in _WHOLE}
        return bool(residual(substitute(plain, {s: _exact(v) for s, v in others.items()})) == 0)
    except (ArithmeticError, IndexError, TypeError, ValueError):
        return False


_WHOLE = {*SIZE, *SIZE.values()}


def _is_known(entry: sp.Indexed) -> bool:
    return all(index.is_Integer for index in entry.indices)


def _entry(entry: sp.Indexed, values: Values) -> Any:
    part = values[entry.base]
    for index in entry.indices:
        part = part[int(index) - 1]
    return _exact(part)


def _exact(number: Any) -> sp.Expr:
    """Return a number of mpmath as the fraction that it is."""
    sign, man, exp, _ = mpmath.mpf(number)._mpf_
    return sp.Integer((-1) ** sign * int(man)) * sp.Integer(2) ** exp
