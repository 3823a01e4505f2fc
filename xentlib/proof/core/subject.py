"""What an expression or a statement is about: its symbols, its sizes, how far its arrays reach."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import product
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from xentlib.proof.core.symbols import SIZE, K, c, outermost, size_of
from xentlib.proof.core.unfold import Defined, definition, substitute


@cache
def symbols_of(expr: Any) -> frozenset[Any]:
    """Return the free symbols of an expression with those inside its named quantities.

    Parameters
    ----------
    expr : Basic
        An expression or a statement.

    Returns
    -------
    frozenset of Symbol
        Sizes, indices, variables and the labels of arrays.

    Examples
    --------
    >>> from xentlib.proof import K, i, p, z
    >>> symbols_of(p[i]) == {K, i, z.label}
    True
    """
    if isinstance(expr, sp.Symbol):
        return frozenset({expr})
    if isinstance(expr, Defined):
        formula, stands_for = definition(expr)
        return (symbols_of(formula) - stands_for.keys()).union(*map(symbols_of, stands_for.values()))
    if isinstance(expr, sp.Sum | sp.Product):
        term, (index, first, last) = outermost(expr)
        return (symbols_of(term) - {index}) | symbols_of(first) | symbols_of(last)
    if isinstance(expr, sp.Subs):
        term, variables, point = expr.args
        return (symbols_of(term) - set(variables)) | symbols_of(point)
    # Altered statements share most parts, so that it pays to keep what was found.
    return frozenset().union(*map(symbols_of, expr.args)) if isinstance(expr, sp.Basic) else frozenset()


def sizes_of(statement: Any) -> list[sp.Symbol]:
    """Return the sizes that a statement is about, also by its indices and labels.

    Parameters
    ----------
    statement : Basic
        An expression or a statement.

    Returns
    -------
    list of Symbol
        Of K, N and D those that play a role.
    """
    symbols = symbols_of(statement)
    used = symbols | {SIZE[index] for index in symbols & SIZE.keys()} | ({K} if c.label in symbols else set())
    return [size for size in dict.fromkeys(SIZE.values()) if size in used]


def axes_of(expr: Any) -> dict[sp.IndexedBase, list[set[sp.Expr]]]:
    """Return what each axis of each array must reach, as the indices tell that it stands with.

    Parameters
    ----------
    expr : Basic
        An expression or a statement.

    Returns
    -------
    dict
        For each array, by name, and each of its axes sizes such as K, and numbers; an index of unknown
        range stands for itself.

    Examples
    --------
    >>> from xentlib.proof import K, N, n, p, z
    >>> axes_of(p[n, 2]) == {z: [{N}, {K, 2}]}
    True
    """
    uses: dict[Any, list[list[Any]]] = {}
    for array, indices in _uses(expr):
        if isinstance(array, sp.IndexedBase):
            uses.setdefault(array, []).append([size_of(index) or index for index in indices])
            if len(uses[array][0]) != len(indices):
                message = f"{array} has {len(indices)} indices here and {len(uses[array][0])} there"
                raise ValueError(message)
    return {array: list(map(set, zip(*uses[array], strict=True))) for array in sorted(uses, key=str)}


def functions_of(expr: Any) -> list[sp.Expr]:
    """Return the undefined functions that an expression uses, with their arguments, by name."""
    return sorted((f(*at) for f, at in _uses(expr) if not isinstance(f, sp.IndexedBase)), key=str)


@cache
def _uses(expr: Any) -> frozenset[tuple[Any, tuple[sp.Expr, ...]]]:
    """Return the arrays and undefined functions with their indices: of a bound one in an array the end."""
    if isinstance(expr, Defined):
        formula, stands_for = definition(expr)
        inside = {(used, tuple(substitute(a, stands_for) for a in at)) for used, at in _uses(formula)}
        return frozenset(inside).union(*map(_uses, stands_for.values()))
    if isinstance(expr, sp.Sum | sp.Product):
        term, (index, first, last) = outermost(expr)
        inside = {
            (used, tuple(last if a == index and isinstance(used, sp.IndexedBase) else a for a in at))
            for used, at in _uses(term)
        }
        return _uses(first) | _uses(last) | inside
    if isinstance(expr, sp.Subs):
        term, variables, point = expr.args
        at_point = dict(zip(variables, point, strict=True))
        inside = {(used, tuple(substitute(a, at_point) for a in at)) for used, at in _uses(term)}
        return _uses(point) | inside
    parts = frozenset().union(*map(_uses, expr.args)) if isinstance(expr, sp.Basic) else frozenset()
    if isinstance(expr, sp.Indexed):
        return parts | {(expr.base, expr.indices)}
    return parts | {(expr.func, expr.args)} if isinstance(expr, AppliedUndef) else parts


def places(indices: Iterable[sp.Symbol], sizes: Mapping[sp.Symbol, int]) -> Iterator[dict[sp.Symbol, int]]:
    """Yield every place of indices in their ranges.

    Parameters
    ----------
    indices : iterable of Symbol
        Some of those in `SIZE`.
    sizes : mapping
        The size of each range.

    Yields
    ------
    dict
        A number for each index, the last changing first.

    Examples
    --------
    >>> from xentlib.proof import K, i, j
    >>> list(places([i, j], {K: 2}))
    [{i: 1, j: 1}, {i: 1, j: 2}, {i: 2, j: 1}, {i: 2, j: 2}]
    """
    ranges = {index: range(1, sizes[SIZE[index]] + 1) for index in indices}
    return (dict(zip(ranges, place, strict=True)) for place in product(*ranges.values()))
