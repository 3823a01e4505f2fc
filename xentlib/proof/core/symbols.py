"""The symbols that the chapters write with, and sums and products over their ranges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sympy as sp

Values = Mapping[Any, Any]
"""What symbols and arrays stand for at a point: numbers and nested lists of them."""

K = sp.Symbol("K", integer=True, positive=True)
N = sp.Symbol("N", integer=True, positive=True)
D = sp.Symbol("D", integer=True, positive=True)
i, j, k, l = sp.symbols("i j k l", integer=True, positive=True)  # noqa: E741
m, n, o = sp.symbols("m n o", integer=True, positive=True)
d, e = sp.symbols("d e", integer=True, positive=True)
s = sp.Symbol("s", real=True)
t = sp.Symbol("t", real=True)
v, x, y, z, W = (sp.IndexedBase(name, real=True) for name in ("v", "x", "y", "z", "W"))
delta = sp.KroneckerDelta

SIZE: dict[sp.Symbol, sp.Symbol] = {i: K, j: K, k: K, l: K, m: N, n: N, o: N, d: D, e: D}
"""The size of the range 1, 2, ... that each index runs over: classes, samples, features."""

c = sp.IndexedBase("c", integer=True, positive=True)
"""The labels: c[n] is the class of sample n, one of 1, ..., K."""


def sum_over(index: sp.Symbol, term: Any) -> sp.Sum:
    r"""Return the sum of `term` over the whole range of `index`.

    Parameters
    ----------
    index : Symbol
        One of the indices in `SIZE`: ``i, j, k, l`` run over the classes, ``m, n, o`` over the
        samples, ``d, e`` over the features.
    term : Expr
        The summand.

    Returns
    -------
    Sum
        :math:`\sum_{k=1}^{K}` of the term, unevaluated.

    Raises
    ------
    ValueError
        If the index is none of those.

    References
    ----------
    A. Meurer et al., SymPy: symbolic computing in Python, PeerJ Computer Science 3 (2017),
    doi:10.7717/peerj-cs.103.

    Examples
    --------
    >>> sum_over(k, z[k])
    Sum(z[k], (k, 1, K))
    """
    return sp.Sum(_expression(term), (index, 1, _range_of(index)))


def product_over(index: sp.Symbol, factor: Any) -> sp.Product:
    r"""Return the product of `factor` over the whole range of `index`.

    Parameters
    ----------
    index : Symbol
        One of the indices in `SIZE`.
    factor : Expr
        The factor; the algebra asks that it is positive.

    Returns
    -------
    Product
        :math:`\prod_{n=1}^{N}` of the factor, unevaluated.

    Raises
    ------
    ValueError
        If the index is none of those.

    References
    ----------
    A. Meurer et al., SymPy: symbolic computing in Python, PeerJ Computer Science 3 (2017),
    doi:10.7717/peerj-cs.103.

    Examples
    --------
    >>> product_over(n, x[n])
    Product(x[n], (n, 1, N))
    """
    return sp.Product(_expression(factor), (index, 1, _range_of(index)))


def _expression(term: Any) -> sp.Expr:
    made = sp.sympify(term) if not isinstance(term, str) else term
    if not isinstance(made, sp.Expr):
        message = f"what is added or multiplied is an expression, not {term!r}"
        raise TypeError(message)
    return made


def _range_of(index: sp.Symbol) -> sp.Symbol:
    if index not in SIZE:
        message = (
            f"{index} is no index of which the range is known: {', '.join(map(str, SIZE))} are "
            "(of classes, samples and features); for another, write Sum(term, (index, 1, last))"
        )
        raise ValueError(message)
    return SIZE[index]


def size_of(index: sp.Expr, ranges: Mapping[sp.Symbol, sp.Expr] = SIZE) -> sp.Expr | None:
    """Return the size of the range of an index, None if it is not known.

    Parameters
    ----------
    index : Expr
        A symbol or a label ``c[n]``.
    ranges : mapping
        The sizes of the symbols.

    Returns
    -------
    Expr or None
        Such as K.

    Examples
    --------
    >>> size_of(i), size_of(c[n])
    (K, K)
    """
    if isinstance(index, sp.Indexed) and index.base == c:
        return K
    return ranges.get(index)


def indices_in_latex(indices: Sequence[sp.Expr], printer: Any) -> str:
    """Return a subscript: ij and nc_n, but 1,12 and i,k+1, which would be misread without a comma.

    Parameters
    ----------
    indices : sequence of Expr
        One or more indices.
    printer : LatexPrinter
        What prints each.

    Returns
    -------
    str
        LaTeX.
    """
    comma = "" if all(map(_stands_alone, indices)) else ","
    text = comma.join(map(printer.doprint, indices))
    # The one index i times j would look like the two indices ij.
    product = len(indices) == 1 and indices[0].is_Mul and all(map(_stands_alone, indices[0].args))
    return rf"\left({text}\right)" if product else text


def _stands_alone(index: sp.Expr) -> bool:
    return bool(index.is_Symbol) or isinstance(index, sp.Indexed)


def outermost(total: sp.Sum | sp.Product) -> tuple[sp.Expr, tuple[sp.Symbol, sp.Expr, sp.Expr]]:
    """Split a sum or a product, which may be a double one, into what is added last and over what.

    Parameters
    ----------
    total : Sum or Product
        SymPy makes one Sum with several limits, the inner first, of nested sums.

    Returns
    -------
    tuple
        The summand of the outermost sum, and its index, first and last value.

    Examples
    --------
    >>> outermost(sum_over(j, sum_over(i, z[i] * z[j])))
    (Sum(z[i]*z[j], (i, 1, K)), (j, 1, K))
    """
    *inner, limits = total.limits
    return (total.func(total.function, *inner) if inner else total.function), tuple(limits)
