"""Named quantities by their formulas, sums by one rule of naming, and a substitution that captures nothing.

The index of a sum is a name without a meaning outside. So that equal sums are equal, it is a dummy with the
number of sums that are nested in it, plus one (`closed`). Whoever goes into a sum puts another dummy in its
place, which stands nowhere else in it (`opened`), and closes the sum again. No dummy of the first kind is
ever free, so that nothing which is put into a sum can be caught by its index.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from typing import Any

import sympy as sp
from sympy.concrete.expr_with_limits import ExprWithLimits

from xentlib.proof.core.symbols import SIZE, outermost


class Defined(sp.Function):  # type: ignore[misc]
    """An entry of a named quantity, which stands for a formula of its indices."""

    formula: Callable[..., sp.Expr]
    inputs: int
    of: Sequence[Any]

    def _eval_is_extended_real(self) -> bool:
        return True


def substitute(expr: Any, new: Mapping[Any, Any]) -> Any:
    """Put something else for parts of an expression, of which no index of a sum catches anything.

    Parameters
    ----------
    expr : Basic
        An expression or a statement.
    new : mapping
        What is put for what.

    Returns
    -------
    Basic
        The expression with all of it replaced at once; indices that are bound are left alone.

    Raises
    ------
    ValueError
        If something is put into a derivative that changes with the variable of the derivative, or for it.

    Examples
    --------
    >>> from xentlib.proof import k, s, sum_over, z
    >>> substitute(sum_over(k, s * z[k]), {s: z[k]})
    Sum(z[_k]*z[k], (_k, 1, K))
    """
    if not new:
        return expr
    if expr in new:
        return new[expr]
    if not expr.args:
        return expr
    if isinstance(expr, sp.Indexed):
        return expr.func(expr.base, *(substitute(index, new) for index in expr.indices))
    if isinstance(expr, sp.Sum | sp.Product):
        return _into_total(expr, new)
    if isinstance(expr, sp.Subs):
        return _into_subs(expr, new)
    if isinstance(expr, sp.Derivative):
        _check_derivative(expr, new)
    return expr.func(*(substitute(part, new) for part in expr.args))


def _into_total(total: sp.Sum | sp.Product, new: Mapping[Any, Any]) -> Any:
    term, (index, first, last) = outermost(total)
    ends = (substitute(first, new), substitute(last, new))
    inner = {old: to for old, to in new.items() if index not in _free(old)}
    caught = any(index in _free(to) for to in inner.values())
    if not caught and not any(map(height, (*inner, *inner.values()))):
        return total.func(substitute(term, inner), (index, *ends))
    term, index, _, _ = opened(total, frozenset().union(*map(_free, inner.values())))
    return closed(total.func, substitute(term, inner), index, *ends)


def _into_subs(expr: sp.Subs, new: Mapping[Any, Any]) -> sp.Subs:
    term, variables, point = expr.args
    inner = {old: to for old, to in new.items() if not _free(old) & set(variables)}
    if any(_free(to) & set(variables) for to in inner.values()):
        apart = {x: sp.Dummy(x.name, **x.assumptions0) for x in variables}
        term, variables = substitute(term, apart), apart.values()
    parts = substitute(term, inner), tuple(variables), [substitute(a, new) for a in point]
    check_one_after_the_other(*parts)
    return sp.Subs(*parts)


def _check_derivative(expr: sp.Derivative, new: Mapping[Any, Any]) -> None:
    """Raise unless a derivative of what is put in is what is put into the derivative."""
    for variable in {variable for variable, _ in expr.variable_count}:
        names = variable.is_Symbol or isinstance(variable, sp.Indexed)
        to = new.get(variable, variable)
        other = [old for old in new if old != variable and variable in _free(new[old]) - _free(old)]
        if not names or not (to.is_Symbol or isinstance(to, sp.Indexed)) or other:
            message = f"in {expr} nothing can be put for {other or variable} before it is carried out"
            raise ValueError(message)
        if to != variable and to in _free(expr):
            message = f"in {expr} there is {to} already, which cannot stand for {variable} too"
            raise ValueError(message)


def _free(expr: Any) -> Any:
    return expr.free_symbols


@cache
def height(expr: Any) -> int:
    """Return how deep sums and products are nested.

    Parameters
    ----------
    expr : Basic
        An expression.

    Returns
    -------
    int
        0 if there are none.

    Examples
    --------
    >>> from xentlib.proof import j, k, sum_over, z
    >>> height(z[j]), height(sum_over(k, z[k] * sum_over(j, z[j])))
    (0, 2)
    """
    below = max(map(height, expr.args), default=0)
    return below + (len(expr.limits) if isinstance(expr, sp.Sum | sp.Product) else 0)


def _dummies(name: str) -> list[sp.Dummy]:
    return [sp.Dummy(name, integer=True, positive=True, dummy_index=number) for number in range(100)]


_BOUND = _dummies("k")
_FREE = _dummies("t")


def opened(
    total: sp.Sum | sp.Product, avoid: Collection[Any] = ()
) -> tuple[sp.Expr, sp.Dummy, sp.Expr, sp.Expr]:
    """Go into a sum or a product.

    Parameters
    ----------
    total : Sum or Product
        The outermost of several is opened.
    avoid : collection of Symbol
        What its index is not to be.

    Returns
    -------
    tuple
        The term, its index, which stands nowhere else in it, and the first and last value of that.
    """
    term, (old, first, last) = outermost(total)
    taken = {*total.free_symbols, *avoid}
    index = next(dummy for dummy in _FREE if dummy not in taken)
    return substitute(term, {old: index}), index, first, last


def closed(kind: Any, term: sp.Expr, index: sp.Symbol, first: sp.Expr, last: sp.Expr) -> sp.Expr:
    """Return a sum or a product, the same for equal ones.

    Parameters
    ----------
    kind : type
        Sum or Product.
    term : Expr
        What is added or multiplied.
    index : Symbol
        Over what.
    first, last : Expr
        From where to where.

    Returns
    -------
    Sum or Product
        With an index of which the number tells how deep sums are nested in it.

    Examples
    --------
    >>> from xentlib.proof import K, j, k, z
    >>> closed(sp.Sum, z[k], k, 1, K) == closed(sp.Sum, z[j], j, 1, K)
    True
    """
    bound = _BOUND[height(term) + 1]
    if index != bound:
        if bound in term.free_symbols:
            message = f"{term} is to be added up, but has an index of a sum that is none of its own"
            raise ValueError(message)
        term = substitute(term, {index: bound})
    return kind(term, (bound, first, last))


@cache
def _general(head: type[Defined], count: int) -> tuple[tuple[sp.Dummy, ...], sp.Expr]:
    """Return the formula of a quantity at any indices; what it reads from outside may change later."""
    places = tuple(sp.Dummy("k", integer=True, positive=True) for _ in range(count))
    return places, sp.sympify(head.formula(*places))


@cache
def definition(entry: Defined) -> tuple[sp.Expr, dict[sp.Symbol, sp.Expr]]:
    """Return the formula of an entry, with dummies for the indices, and what they stand for.

    Parameters
    ----------
    entry : Defined
        An entry such as ``p[k]``.

    Returns
    -------
    tuple of Expr and dict
        The formula, and the index that each dummy is for: a formula that sums over k would capture the k
        of ``q[k]``.

    Raises
    ------
    ValueError
        If the formula at these indices is not what it is at any indices: if it decides, in Python, by
        what they are.
    """
    if entry.args[: entry.inputs] != tuple(entry.of):
        if entry.has(sp.Dummy):
            message = (
                f"{entry.func.__name__} was differentiated before its formula was known: write Derivative "
                "and leave it as it stands, for the proof carries it out, not diff() or doit()"
            )
            raise ValueError(message)
        message = (
            f"{entry} was made of {list(entry.of)}, in its formula, and nothing else can be put there: "
            f"put {list(entry.args[: entry.inputs])} into the formula of another quantity"
        )
        raise ValueError(message)
    indices = entry.args[entry.inputs :]
    places, formula = _general(entry.func, len(indices))
    _check_one_formula(entry, indices)
    return formula, dict(zip(places, indices, strict=True))


def _check_one_formula(entry: Defined, indices: Sequence[sp.Expr]) -> None:
    """Raise unless a formula at some indices is the one for any indices, with these put in."""
    labels = {array.label for index in indices for array in index.atoms(sp.IndexedBase)}
    symbols = {s for index in indices for s in index.atoms(sp.Symbol)} - labels
    apart = {s: sp.Dummy(s.name, **s.assumptions0) for s in symbols}
    at = [substitute(index, apart) for index in indices]
    places = [sp.Dummy(integer=True, positive=True) for _ in indices]
    general = sp.sympify(entry.formula(*places))
    if sp.sympify(entry.formula(*at)) != substitute(general, dict(zip(places, at, strict=True))):
        message = (
            f"the formula of {entry.func.__name__} at {', '.join(map(str, indices))} is not the one at other "
            "indices: it decides in Python, which the algebra cannot see; delta(i, j) says that two indices "
            "are equal"
        )
        raise ValueError(message)


@cache
def unfold(expr: Any) -> Any:
    """Replace every named quantity by its formula, and name bound indices by one rule.

    Parameters
    ----------
    expr : Basic
        An expression or a statement.

    Returns
    -------
    Basic
        The same without `Defined` entries; equal sums have equal indices.

    Raises
    ------
    TypeError
        If the expression binds an index by other means, such as an integral.
    ValueError
        If a sum or a product does not start at 1 or later.

    Examples
    --------
    >>> from xentlib.proof import i, l, k, p, sum_over, z
    >>> unfold(p[i]).has(Defined)
    False
    >>> unfold(sum_over(k, z[k])) == unfold(sum_over(l, z[l]))
    True
    """
    if isinstance(expr, Defined):
        formula, stands_for = definition(expr)
        return substitute(unfold(formula), {place: unfold(index) for place, index in stands_for.items()})
    if isinstance(expr, sp.Sum | sp.Product):
        return _unfolded_total(expr)
    if isinstance(expr, sp.Subs):
        return _unfolded_at_point(expr)
    if isinstance(expr, ExprWithLimits):
        message = f"the algebra keeps apart the bound indices of sums and products only, not of {expr}"
        raise TypeError(message)
    if not expr.args or isinstance(expr, sp.Indexed):
        return expr
    parts = map(unfold, expr.args)
    if isinstance(expr, sp.Expr | sp.Tuple):
        return expr.func(*parts)
    # A statement is left as it stands: SymPy would decide some relations on the spot.
    return expr.func(*parts, evaluate=False)


def _unfolded_total(total: sp.Sum | sp.Product) -> sp.Expr:
    term, (index, first, last) = outermost(total)
    if first.is_infinite or last.is_infinite:
        message = f"sums and products have finitely many terms, not as in {total}"
        raise ValueError(message)
    if not first.is_positive:
        message = f"sums and products start at 1 or later, this one does not: {total}"
        raise ValueError(message)
    if not all(unfold(end).is_integer for end in (first, last)):
        message = f"sums and products run from one whole number to another, which is not seen of {total}"
        raise ValueError(message)
    if not isinstance(index, sp.Symbol) or index in SIZE.values():
        message = f"a sum runs over an index, not over {index} as in {total}"
        raise ValueError(message)
    if index in _BOUND:
        term, index, _, _ = opened(total)
    return closed(total.func, unfold(term), index, unfold(first), unfold(last))


def check_one_after_the_other(term: Any, variables: Any, point: Any) -> None:
    """Raise if numbers are put in one after the other, which SymPy would write as if it were at once.

    Raises
    ------
    ValueError
        If one is put into nothing but what one is put into already, or if one holds the variable of another.
    """
    if isinstance(term, sp.Subs) or any(number.has(*variables) for number in point if len(variables) > 1):
        message = (
            f"of {variables} and {point} one is put in after the other, which Subs writes as if it were at "
            "once: put in one of them by hand"
        )
        raise ValueError(message)


def _unfolded_at_point(expr: sp.Subs) -> sp.Subs:
    """Name the variables apart for which a point is put in, after checking that they can be there."""
    term, variables, point = expr.args
    plain = unfold(term)
    check_one_after_the_other(plain, variables, point)
    new: list[sp.Dummy] = []
    for variable, number in zip(variables, point, strict=True):
        if not isinstance(variable, sp.Symbol) or variable in (*SIZE, *SIZE.values()):
            message = f"a number is put in for a variable that is no index, no size and no array: {expr}"
            raise ValueError(message)
        lacking = [
            a
            for a in ("positive", "negative", "nonnegative", "nonpositive", "nonzero", "integer")
            if getattr(variable, f"is_{a}") and not getattr(number, f"is_{a}")
        ]
        if number.is_real is False or number.has(sp.I):
            lacking.append("real")
        if lacking:
            message = f"{variable} is assumed to be {lacking[0]}, so that {number} cannot be put in: {expr}"
            raise ValueError(message)
        depth = len(plain.atoms(sp.Subs))
        new.append(sp.Dummy("x", **variable.assumptions0, dummy_index=-100 * depth - len(new) - 1))
    apart = substitute(plain, dict(zip(variables, new, strict=True)))
    return sp.Subs(apart, new, [*map(unfold, point)])
