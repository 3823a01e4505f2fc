"""Proof by induction over the number of samples, classes or features.

Two sequences are equal if they start equal and grow alike. Here it is the way to prove the first
rules about products; the algebra of `residual` then takes these rules for granted.
"""

from __future__ import annotations

import sympy as sp

from xentlib.proof.core.algebra import residual
from xentlib.proof.core.problem import Given
from xentlib.proof.core.signs import is_positive
from xentlib.proof.core.symbols import SIZE, outermost
from xentlib.proof.core.unfold import closed, opened, substitute, unfold


def why_not_by_induction(left: sp.Expr, right: sp.Expr, size: sp.Symbol, given: Given) -> str | None:
    """Return None if two expressions are proved equal for each value 1, 2, ... of a size.

    Parameters
    ----------
    left, right : Expr
        Expressions with sums and products up to the size.
    size : Symbol
        Such as N.
    given : Given
        Assumptions, as for `residual`.

    Returns
    -------
    str or None
        What stands in the way.

    Raises
    ------
    ValueError
        If there is a derivative, if a sum or product has other limits than 1 (or 2) and the size, if a
        product up to the size stands in a sum whose index it uses, or if an index up to the size or an
        assumption about it is meant for this size only, and not for the next.

    Notes
    -----
    The sides are equal at size 1, and from one size to the next both grow by the same amount,
    or both by the same factor from a positive value. Nothing is known of a product but its last
    factor, so the proof does not use what it shows.

    Examples
    --------
    >>> from xentlib.proof import N, n, sum_over
    >>> why_not_by_induction(sum_over(n, n), N * (N + 1) / 2, N, Given())
    >>> why_not_by_induction(sum_over(n, n), N**2, N, Given())
    'from N to N + 1, left side - right side grows by -N'
    """
    known = Given(given.rules)
    _check_form(sp.Tuple(left, right), known, size)
    difference = residual(_at_one(left - right, size), known)
    if difference != 0:
        return f"at {size} = 1, left side - right side = {difference}"
    products: dict[sp.Expr, sp.Symbol] = {}
    before, after = (
        [change(unfold(side), size, products) for side in (left, right)] for change in (_named, _grown)
    )
    growth = residual(after[0] - before[0] - (after[1] - before[1]), known)
    if growth == 0:
        return None
    if is_positive(before[1]) and residual(after[0] * before[1] - after[1] * before[0], known) == 0:
        return None
    return f"from {size} to {size} + 1, left side - right side grows by {growth}"


def _check_form(sides: sp.Tuple, known: Given, size: sp.Symbol) -> None:
    plain = unfold(sides)
    changing = {size, *(index for index in SIZE if SIZE[index] == size)}
    own = plain.free_symbols & (changing - {size})
    own |= {symbol for a in known.rules for symbol in unfold(a).free_symbols & changing}
    if own:
        message = f"{own} may not be fixed or assumed in an induction, which goes on to the next {size}"
        raise ValueError(message)
    if plain.has(sp.Derivative):
        message = "induction takes no derivatives, to which a product would seem constant: carry them out"
        raise ValueError(message)
    for total in plain.atoms(sp.Sum, sp.Product):
        for _, first, last in total.limits:
            if first.has(size) or (last.has(size) and (last != size or first not in (1, 2))):
                message = f"induction takes sums and products from 1 or 2 to {size}, not {total}"
                raise ValueError(message)


def _at_one(expr: sp.Expr, size: sp.Symbol) -> sp.Expr:
    """Return what an expression is at size 1, where a product has one factor."""
    single = substitute(unfold(expr), {size: sp.S.One})
    return single.replace(
        lambda e: isinstance(e, sp.Product) and outermost(e)[1][1:] == (1, 1),
        lambda e: substitute(outermost(e)[0], {outermost(e)[1][0]: sp.S.One}),
    )


def _named(expr: sp.Expr, size: sp.Symbol, products: dict[sp.Expr, sp.Symbol]) -> sp.Expr:
    """Put a symbol for each product up to the size."""
    if isinstance(expr, sp.Product) and outermost(expr)[1][2] == size:
        factor = outermost(expr)[0]
        if not is_positive(factor):
            message = (
                f"induction takes products of positive factors only, and {factor} is not shown to be one"
            )
            raise ValueError(message)
        if expr.atoms(sp.Dummy) & expr.free_symbols - set(products.values()):
            message = f"induction takes no product that changes with the index of a sum around it: {expr}"
            raise ValueError(message)
        return products.setdefault(expr, sp.Dummy("P", positive=True))
    if not expr.args or isinstance(expr, sp.Indexed):
        return expr
    if isinstance(expr, sp.Sum | sp.Product):
        term, index, first, last = opened(expr)
        return closed(expr.func, _named(term, size, products), index, first, last)
    return expr.func(*(_named(a, size, products) if isinstance(a, sp.Expr) else a for a in expr.args))


def _grown(expr: sp.Expr, size: sp.Symbol, products: dict[sp.Expr, sp.Symbol]) -> sp.Expr:
    """Return what an expression is one size further, with the last terms and factors split off."""
    if not expr.args or isinstance(expr, sp.Indexed):
        return substitute(expr, {size: size + 1})
    if isinstance(expr, sp.Sum | sp.Product):
        term, index, first, last = opened(expr)
        if last != size:
            return closed(expr.func, _grown(term, size, products), index, first, last)
        further = _grown(term, size, products)
        rest = _named(closed(expr.func, further, index, first, size), size, products)
        newest = substitute(further, {index: size + 1})
        return rest + newest if isinstance(expr, sp.Sum) else rest * newest
    return expr.func(*(_grown(a, size, products) for a in expr.args))
