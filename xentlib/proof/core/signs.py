"""What is positive, or not negative, for every number of classes and all values.

A sum of squares is not negative, a logarithm lies below its tangent: the few rules from which
the inequalities of the book follow once an equation has brought them into the right form.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import sympy as sp

from xentlib.proof.core.algebra import carry_out, cases, collapse, to_rational
from xentlib.proof.core.kinks import KINKS, first_gap
from xentlib.proof.core.symbols import SIZE, delta, size_of
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
    if _in_all_cases(_without_logarithm(plain), "is_positive", several, distinct):
        return True
    lowest = _minimum(plain)
    if lowest is not None and lowest[2].is_positive:
        return True
    if isinstance(plain, sp.Add) and any(_in_all_cases(a, "is_positive", several) for a in plain.args):
        return all(_is_nonnegative(a, several) for a in plain.args)
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
    if _has_sign(expr, "is_nonnegative"):
        return True
    if isinstance(expr, sp.Sum):
        return _is_nonnegative(_any_member(expr), several)
    if isinstance(expr, sp.Mul):
        rest = [factor for factor in expr.args if not _is_nonnegative(factor, several)]
        if not rest or (len(rest) < len(expr.args) and _is_nonnegative(sp.Mul(*rest), several)):
            return True
        # Two negative factors; of -a the factors are no help.
        single = not expr.as_coeff_Mul()[1].is_Mul
        if not single and len(rest) % 2 == 0 and all(_is_nonnegative(-factor, several) for factor in rest):
            return True
    if isinstance(expr, sp.Pow) and expr.exp.is_Integer and expr.exp.is_positive:
        return bool(expr.exp.is_even and expr.base.is_real) or _is_nonnegative(expr.base, several)
    if isinstance(expr, sp.Add) and (
        all(_is_nonnegative(term, several) for term in expr.args)
        or isinstance(1 - expr, delta)
        or _has_no_negative_minimum(expr)
    ):
        return True
    return _in_all_cases(_without_logarithm(expr), "is_nonnegative", several)


def _any_member(total: sp.Sum) -> sp.Expr:
    """Return what a sum adds up, at an index of which the range is known if that of the sum is."""
    term, index, first, last = opened(total)
    free = (a for a in SIZE if SIZE[a] == last and a not in term.free_symbols)
    return substitute(term, {index: next(free, index)}) if first == 1 else term


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
    lowest = _minimum(expr)
    return None if lowest is None or lowest[2] != 0 else lowest[:2]


def _has_no_negative_minimum(expr: sp.Expr) -> bool:
    lowest = _minimum(expr)
    return lowest is not None and bool(lowest[2].is_nonnegative)


def _minimum(expr: sp.Expr) -> tuple[sp.Expr, sp.Expr, sp.Expr] | None:
    """Return the variable of a convex function, where it is lowest, and what it is there."""
    for inner in _variables(expr):
        positive = to_rational(inner)[0].is_positive
        x = sp.Dummy("x", positive=True) if positive else sp.Dummy("x", real=True)
        function = substitute(expr, {inner: x, 1 / inner: 1 / x})
        # No other symbol, not even a bound one: the variable may stand for another member of a sum.
        if function.atoms(sp.Symbol) != {x} or function.has(*KINKS) or not _is_convex(function, x):
            continue
        for point in sp.solve(sp.diff(function, x), x):
            if point.is_positive if positive else point.is_real:
                return inner, point, function.subs(x, point)
    return None


def _is_convex(function: sp.Expr, x: sp.Symbol) -> bool:
    bend = sp.diff(function, x, 2)
    return bool(bend.is_positive) or _in_all_cases(bend, "is_positive", ())


def _variables(expr: sp.Expr) -> Iterator[sp.Expr]:
    """Yield the numbers that an expression could be a function of."""
    labels = {array.label for array in expr.atoms(sp.IndexedBase)}
    own = expr.atoms(sp.Indexed) | (expr.atoms(sp.Symbol) - labels)
    if len(own) == 1:
        yield from (x for x in own if x.is_real and not x.is_integer)
    for logarithm in sorted(expr.atoms(sp.log), key=sp.default_sort_key):
        if to_rational(logarithm.args[0])[0].is_positive:
            yield logarithm.args[0]


def _in_all_cases(
    expr: sp.Expr, sign: str, several: Collection[sp.Symbol], distinct: Sequence[sp.Ne] = ()
) -> bool:
    return all(_case_is(case, sign, several) for case in _cases(carry_out(expr), distinct))


def _cases(expr: sp.Expr, distinct: Sequence[sp.Ne]) -> Iterator[sp.Expr]:
    """Yield the cases of an expression; where a kink turns at b: b, b + d and b - d with d > 0."""
    plain = collapse(expr)
    turn = _turn(plain)
    if turn is None:
        yield from cases(plain, {}, distinct)
        return
    symbol, place = turn
    for apart in (sp.Dummy("x", positive=True), -sp.Dummy("x", positive=True), sp.S.Zero):
        yield from _cases(substitute(plain, {symbol: place + apart}), distinct)


def _turn(expr: sp.Expr) -> tuple[sp.Symbol, sp.Expr] | None:
    """Return a real symbol of which nothing else is known, and where a kink turns."""
    gap = first_gap(expr)
    if gap is None:
        return None
    gap = sp.expand(gap)
    moved = {x for slope in expr.atoms(sp.Derivative) for x in slope.variables}
    for symbol in sorted(gap.free_symbols - moved, key=str):
        factor = gap.coeff(symbol)
        rest = sp.expand(gap - symbol * factor)
        if (
            symbol == sp.Symbol(symbol.name, real=True)
            and factor.is_number
            and factor != 0
            and not rest.has(symbol)
        ):
            return symbol, -rest / factor
    return None


def _case_is(expr: sp.Expr, sign: str, several: Collection[sp.Symbol]) -> bool:
    power = _exponential(expr)
    expr = _with_large_exponentials(expr)
    splits: list[dict[sp.Expr, sp.Expr]] = [{}]
    for total in expr.atoms(sp.Sum):
        term, index, first, size = opened(total)
        if first == 1 and to_rational(total)[0].is_positive:
            rest = sp.Dummy(positive=True) if size in several else sp.Dummy(nonnegative=True)
            free = expr.free_symbols | {a for a in expr.atoms(sp.Indexed) if not a.atoms(sp.Dummy)}
            own = sorted((a for a in free if size_of(a) == size), key=sp.default_sort_key)
            splits += [{total: substitute(term, {index: a}) + rest} for a in own]
    for split in splits:
        rational, _ = to_rational(substitute(expr, split))
        if not _has_high_powers(rational):
            rational = sp.factor(sp.cancel(sp.together(rational)))
        if _has_sign(rational, sign):
            return True
    return power is not None and _case_is(power - 1, sign, several)


def factored(expr: sp.Expr) -> sp.Expr:
    """Return an expression with its factors told apart, but as it is where that would take long."""
    return expr if _has_high_powers(expr) else sp.factor(expr)


def _has_high_powers(expr: sp.Expr) -> bool:
    """Return whether it would take long to factor an expression, or to have SymPy tell its sign."""
    powers = [power.exp for power in expr.atoms(sp.Pow)]
    counts = [term for e in expr.atoms(sp.exp) for term in sp.Add.make_args(e.exp)]
    numbers = (number.as_coeff_Mul()[0] for number in (*powers, *counts))
    return any(number.is_Integer and abs(number) > _HIGH for number in numbers)


def _has_sign(expr: sp.Expr, sign: str) -> bool:
    """Return what SymPy says of a sign, but of sums with high powers what follows from their terms."""
    if not (expr.has(sp.Add) and _has_high_powers(expr)):
        return bool(getattr(expr, sign))
    if expr.is_Add:
        parts = [_has_sign(term, sign) for term in expr.args]
        return all(_has_sign(term, "is_nonnegative") for term in expr.args) and any(parts)
    factors = expr.args if expr.is_Mul else [expr.base] if expr.is_Pow else []
    return bool(factors) and all(_has_sign(factor, sign) for factor in factors)


_HIGH = 30


def _with_large_exponentials(expr: sp.Expr) -> sp.Expr:
    """Write the exponential of a positive number as 1 and a positive number."""
    above = {
        x: 1 + sp.Dummy(positive=True) for x in expr.atoms(sp.Dummy) if x.is_positive and not x.is_integer
    }

    def factor(exponent: sp.Expr) -> sp.Expr:
        count, x = exponent.as_coeff_Mul()
        return above[x] ** count if x in above else sp.exp(exponent)

    if not above:
        return expr
    return expr.replace(sp.exp, lambda power: sp.Mul(*map(factor, sp.Add.make_args(power))))


def _exponential(expr: sp.Expr) -> sp.Expr | None:
    """Return exp of an expression, which is above 1 where that is above 0; None if no logarithms go by it."""
    logarithms, rest = sp.S.One, sp.S.Zero
    for term in sp.Add.make_args(expr):
        count, logarithm = term.as_coeff_Mul()
        # For the factors of a high power nobody waits.
        is_small = count.is_Integer and abs(count) <= 9
        if is_small and isinstance(logarithm, sp.log) and _case_is(logarithm.args[0], "is_positive", ()):
            logarithms *= logarithm.args[0] ** count
        else:
            rest += term
    return None if logarithms == 1 or rest.has(sp.log) else logarithms * sp.exp(rest)
