"""What is positive, or not negative, for every number of classes and all values.

A sum of squares is not negative, a logarithm lies below its tangent: the few rules from which
the inequalities of the book follow once an equation has brought them into the right form.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import sympy as sp

from xentlib.proof.core.algebra import carry_out, cases, to_rational
from xentlib.proof.core.symbols import SIZE, delta
from xentlib.proof.core.unfold import opened, substitute, unfold


def is_positive(expr: Any, *, several: Collection[sp.Symbol] = (), distinct: Sequence[sp.Ne] = ()) -> bool:
    r"""Return whether an expression is shown to be positive for every size and all values.

    Parameters
    ----------
    expr : Expr
        The expression.
    several : collection of Symbol
        The sizes that are known to be at least 2.
    distinct : sequence of Ne
        What is known to differ.

    Returns
    -------
    bool
        True is a proof; False only says that none was found.

    Notes
    -----
    A sum of positive terms is positive, and it is more than any one of its terms if there is
    another: :math:`\sum_k a_k = a_i + r` with :math:`r > 0`. A sum without negative terms is
    positive if one term is, such as the square of the difference of two distinct numbers. And
    :math:`\log x` has the sign of :math:`x - 1`.

    Examples
    --------
    >>> from xentlib.proof import K, i, j, k, l, p, sum_over, z
    >>> is_positive(p[i])
    True
    >>> is_positive(1 - p[i]), is_positive(1 - p[i], several=[K])
    (False, True)
    >>> is_positive(sum_over(k, sum_over(l, (z[k] - z[l]) ** 2)), distinct=[sp.Ne(z[i], z[j])])
    True
    """
    plain = unfold(expr)
    if _in_all_cases(_without_logarithm(plain), "is_positive", several):
        return True
    return bool(distinct) and is_nonnegative(plain) and _is_positive_where(plain, distinct)


def is_nonnegative(expr: Any, *, several: Collection[sp.Symbol] = ()) -> bool:
    r"""Return whether an expression is shown not to be negative, part by part as it stands.

    Parameters
    ----------
    expr : Expr
        Sums, products and squares of what is not negative; nothing is multiplied out.
    several : collection of Symbol
        The sizes that are known to be at least 2.

    Returns
    -------
    bool
        True is a proof; False only says that none was found.

    Notes
    -----
    An expression in one variable x is not negative if it is convex and there is a point where
    both it and its derivative are 0, such as :math:`x - 1 - \log x` at 1.

    Examples
    --------
    >>> from xentlib.proof import i, k, p, sum_over, z
    >>> is_nonnegative(sum_over(k, p[k] * (z[k] - z[i]) ** 2))
    True
    >>> x = sp.Symbol("x", positive=True)
    >>> is_nonnegative(x - 1 - sp.log(x)), is_nonnegative(x - 2 - sp.log(x))
    (True, False)
    """
    return _is_nonnegative(unfold(expr), several)


def _is_nonnegative(expr: sp.Expr, several: Collection[sp.Symbol]) -> bool:
    if expr.is_nonnegative:
        return True
    if isinstance(expr, sp.Sum):
        return _is_nonnegative(opened(expr)[0], several)
    if isinstance(expr, sp.Mul) and all(_is_nonnegative(factor, several) for factor in expr.args):
        return True
    if isinstance(expr, sp.Pow) and expr.exp.is_Integer and expr.exp.is_positive:
        return bool(expr.exp.is_even and expr.base.is_real) or _is_nonnegative(expr.base, several)
    if isinstance(expr, sp.Add) and (
        all(_is_nonnegative(term, several) for term in expr.args)
        or isinstance(1 - expr, delta)
        or touches_zero_at(expr) is not None
    ):
        return True
    return _in_all_cases(_without_logarithm(expr), "is_nonnegative", several)


def _without_logarithm(expr: sp.Expr) -> sp.Expr:
    """Return x - 1 for the logarithm of a positive x, which has the same sign, else what came."""
    coefficient, logarithm = expr.as_coeff_Mul()
    if isinstance(logarithm, sp.log) and _in_all_cases(logarithm.args[0], "is_positive", ()):
        return coefficient * (logarithm.args[0] - 1)
    return expr


def _is_positive_where(expr: sp.Expr, distinct: Sequence[sp.Ne]) -> bool:
    """Return whether a part of what is not negative is positive since two numbers differ."""
    if isinstance(expr, sp.Sum):
        term, index, first, last = opened(expr)
        own = {s for known in distinct for side in known.args for s in unfold(side).free_symbols}
        members = [a for a in own if first == 1 and SIZE.get(a) == last]
        # The other terms must not be negative, which of their sum may be known in other ways.
        return _is_nonnegative(term, ()) and any(
            _is_positive_where(substitute(term, {index: a}), distinct) for a in members
        )
    if isinstance(expr, sp.Mul):
        return all(_is_positive_where(factor, distinct) for factor in expr.args)
    if isinstance(expr, sp.Pow) and expr.exp.is_Integer and expr.exp.is_positive and expr.exp.is_even:
        return _differ(expr.base, sp.S.Zero, distinct)
    if isinstance(expr, sp.Add):
        touch = touches_zero_at(expr)
        if touch is not None:
            return _differ(*touch, distinct)
        if all(map(is_nonnegative, expr.args)) and any(_is_positive_where(a, distinct) for a in expr.args):
            return True
    return _in_all_cases(expr, "is_positive", ())


def _differ(a: sp.Expr, b: sp.Expr, distinct: Sequence[sp.Ne]) -> bool:
    """Return whether a - b is a nonzero multiple of the difference of two distinct numbers."""
    for x, y in (known.args for known in distinct):
        ratio = sp.cancel(sp.together(to_rational((a - b) / unfold(x - y))[0]))
        if ratio.is_positive or ratio.is_negative:
            return True
    return False


def touches_zero_at(expr: sp.Expr) -> tuple[sp.Expr, sp.Expr] | None:
    r"""Return where a convex function of one variable has its minimum 0, None if it is not shown to.

    Parameters
    ----------
    expr : Expr
        Such as :math:`x - 1 - \log x`, where x may be any positive expression.

    Returns
    -------
    tuple of Expr or None
        The variable and its value there. Everywhere else the function is positive.

    Examples
    --------
    >>> from xentlib.proof import i, p, z
    >>> x, y = sp.symbols("x y", positive=True)
    >>> touches_zero_at(x / y - 1 - sp.log(x / y))
    (x/y, 1)
    """
    for inner in _variables(expr):
        x = sp.Dummy("x", positive=True)
        function = substitute(expr, {inner: x, 1 / inner: 1 / x})
        # No other symbol, not even a bound one: the variable may stand for another member of a sum.
        if function.atoms(sp.Symbol) != {x} or not sp.diff(function, x, 2).is_positive:
            continue
        for point in sp.solve(sp.diff(function, x), x):
            if point.is_positive and function.subs(x, point) == 0:
                return inner, point
    return None


def _variables(expr: sp.Expr) -> Iterator[sp.Expr]:
    """Yield the positive expressions that an expression could be a function of."""
    for logarithm in sorted(expr.atoms(sp.log), key=sp.default_sort_key):
        if to_rational(logarithm.args[0])[0].is_positive:
            yield logarithm.args[0]


def _in_all_cases(expr: sp.Expr, sign: str, several: Collection[sp.Symbol]) -> bool:
    return all(_case_is(case, sign, several) for case in cases(carry_out(expr), {}))


def _case_is(expr: sp.Expr, sign: str, several: Collection[sp.Symbol]) -> bool:
    splits: list[dict[sp.Expr, sp.Expr]] = [{}]
    for total in expr.atoms(sp.Sum):
        term, index, first, size = opened(total)
        if first == 1 and to_rational(total)[0].is_positive:
            rest = sp.Dummy(positive=True) if size in several else sp.Dummy(nonnegative=True)
            own = [a for a in expr.free_symbols if SIZE.get(a) == size]
            splits += [{total: substitute(term, {index: a}) + rest} for a in own]
    for split in splits:
        rational, _ = to_rational(substitute(expr, split))
        if getattr(sp.factor(sp.cancel(sp.together(rational))), sign):
            return True
    return False
