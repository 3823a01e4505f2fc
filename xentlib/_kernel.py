"""The fast NumPy core: exponentials of rows of logits and their sums, block by block.

A row is a sample, the last axis its classes. The reasons for the shape of the code, each measured:

- A block of rows (`BLOCK` bytes) and its exponentials stay in the second-level cache: the logits
  come from memory once, and the results go there once.
- Exponentials are taken once and without a shift; their sums tell afterwards whether that was
  safe. A shift costs two passes, and rounding z - max costs up to gap/4 units in the last place.
- Sums are small matrix products (few classes) or `einsum` (many), in pieces of at most 256 terms
  that are added in float64: ``sum(axis=1)`` takes two to eight times as long.
- What a row has one of (a term, a sum, a logarithm) is computed in float64.
- The term that the answer is about (the largest, or the label's) is taken out before the sum:
  the logarithm of its probability is -log1p(rest / term), accurate also next to 0.
- Rows that need a shift are computed in float64, where z - max is exact enough for float32;
  for float64 itself the rounding error e of d = z - max is recovered: exp(d + e) = exp(d)(1 + e).

All functions take C-contiguous arrays of shape ``(n, K)``, K >= 1, of float32 or float64 in native
byte order, and leave other input to their callers.
"""

from __future__ import annotations

import math
import threading
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

__all__ = [
    "BLOCK",
    "BadRow",
    "Terms",
    "blocks",
    "exponentials",
    "largest_and_rest",
    "log_softmax_rows",
    "logsumexp_rows",
    "places",
    "row_sums",
    "scale_rows",
    "scratch_for",
    "softmax_rows",
]

Array = np.ndarray[Any, np.dtype[Any]]

BLOCK = 2**20
"""Bytes of logits in a block: as many as the second-level cache holds."""

_PIECE = 256
_SLICE = 128
_FEW = 64


class BadRow(ValueError):
    """A row that has no softmax: a logit is nan or +inf, or all are -inf.

    Parameters
    ----------
    row : int or tuple of int
        The first such row.
    column : int or None
        Its first class whose logit is nan or +inf; None if all its logits are -inf.
    value : float
        That logit.
    """

    def __init__(self, row: int | tuple[int, ...], column: int | None, value: float) -> None:
        self.row, self.column, self.value = row, column, value
        if column is None:
            message = (
                f"every class of row {row} has the logit -inf, so no probabilities exist: "
                "leave at least one class finite"
            )
        else:
            message = (
                "logits must be finite, or -inf for a class that is ruled out, but the logit of "
                f"row {row}, class {column} is {value}"
            )
        super().__init__(message)


def blocks(shape: tuple[int, ...], itemsize: int) -> list[slice]:
    """Cut the rows of an array into blocks of about `BLOCK` bytes.

    Parameters
    ----------
    shape : tuple of int
        Rows and classes.
    itemsize : int
        Bytes of a logit.

    Returns
    -------
    list of slice
        At least a row each; whole slices of 128 rows if there are several.
    """
    rows, classes = shape
    step = max(1, BLOCK // (classes * itemsize))
    if step > _SLICE:
        step -= step % _SLICE
    return [slice(start, min(start + step, rows)) for start in range(0, rows, step)]


_kept = threading.local()


def scratch_for(z: Array) -> Array:
    """Return an array that holds any one block of the logits.

    Parameters
    ----------
    z : ndarray
        Logits, shape ``(n, K)``.

    Returns
    -------
    ndarray
        Of the width and dtype of the logits, with any content. The next call in this thread
        may return the same memory: fresh pages cost more than all that is computed in them.
    """
    classes = z.shape[1]
    rows = max(1, min(BLOCK // (classes * z.itemsize), len(z)))
    size = rows * classes * z.itemsize
    if size > BLOCK:
        return np.empty((rows, classes), z.dtype)
    if not hasattr(_kept, "memory"):
        _kept.memory = np.empty(BLOCK, np.uint8)
    scratch: Array = _kept.memory[:size].view(z.dtype).reshape(rows, classes)
    return scratch


@lru_cache(maxsize=64)
def _ones(count: int, dtype: np.dtype[Any]) -> Array:
    return np.ones(count, dtype)


@lru_cache(maxsize=4)
def _largest_total(dtype: np.dtype[Any]) -> float:
    return math.sqrt(np.finfo(dtype).max)


def row_sums(terms: Array) -> Array:
    """Return the sum of each row.

    Parameters
    ----------
    terms : ndarray
        Shape ``(n, K)``.

    Returns
    -------
    ndarray
        Of float64, shape ``(n,)``.

    Notes
    -----
    At most 256 terms are added in the dtype of the terms, in many partial sums: for terms of
    one sign the relative error is at most 128 eps if all roundings conspire, and below 1 eps in
    practice.
    """
    rows, classes = terms.shape
    if classes < _FEW:
        # Slices this small stay on one thread in the linear-algebra library.
        sums = np.empty(rows, terms.dtype)
        ones, whole = _ones(classes, terms.dtype), rows - rows % _SLICE
        if whole:
            slices = terms[:whole].reshape(-1, _SLICE, classes)
            np.matmul(slices, ones, out=sums[:whole].reshape(-1, _SLICE))
        if whole < rows:
            np.matmul(terms[whole:], ones, out=sums[whole:])
        return sums.astype(np.float64, copy=False)
    whole = classes - classes % _PIECE
    total: Array = np.einsum("ij->i", terms[:, whole:]).astype(np.float64, copy=False)
    if whole:
        pieces = np.einsum("ijk->ij", terms[:, :whole].reshape(rows, -1, _PIECE))
        total += pieces.sum(axis=1, dtype=np.float64)
    return total


class Terms(NamedTuple):
    """What softmax and its logarithm are made of, for a block of rows."""

    terms: Array
    """exp(z - shift), with 0 in the place of the term taken out."""
    shift: Array | None
    """Of float64, shape ``(n,)``, in nats; None is 0."""
    own: Array
    """The terms taken out, of float64; 0 if none were."""
    rest: Array
    """The sums of the other terms, of float64."""


def exponentials(
    z: Array, rows: slice, scratch: Array, place: Array | None = None, *, ruled_out: bool = False
) -> Terms:
    """Return the exponentials of a block's logits and their sums, one term of each row taken out.

    Parameters
    ----------
    z : ndarray
        Logits, shape ``(n, K)``; -inf rules a class out.
    rows : slice
        The block.
    scratch : ndarray
        From `scratch_for`. It holds the exponentials, unless a shift was needed: those are in
        a new array of float64.
    place : ndarray, optional
        From `places`: the terms to take out.
    ruled_out : bool
        Whether a row may be all -inf; its terms, and their sums, are then 0.

    Returns
    -------
    Terms
        Of this block.

    Raises
    ------
    BadRow
        If a logit is nan or +inf, or a row is all -inf and must not be.

    Notes
    -----
    Without a shift all is well if every total lies between 1/4 and the square root of the
    largest number: a term below the normal numbers is then a probability that (nearly) is below
    them as well, and in float64 no quotient of a total and a normal term overflows.
    """
    block = z[rows]
    terms = np.exp(block, out=scratch[: len(block)])
    own, rest = _take_out(terms, block, place)
    total = own + rest
    # Written so that nan fails it.
    if np.minimum.reduce(total) >= 0.25 and np.maximum.reduce(total) <= _largest_total(z.dtype):
        return Terms(terms, None, own, rest)
    terms, shift = _shifted(block, rows.start, ruled_out)
    return Terms(terms, shift, *_take_out(terms, block, place))


def _take_out(terms: Array, block: Array, place: Array | None) -> tuple[Array, Array]:
    if place is None:
        return np.zeros(len(terms)), row_sums(terms)
    flat = terms.reshape(-1)
    if flat.dtype == np.float64:
        own = flat.take(place)
    else:  # anew in float64, for the float32 exponential is the less accurate one
        own = np.exp(block.reshape(-1).take(place), dtype=np.float64)
    flat[place] = 0
    return own, row_sums(terms)


def _shifted(block: Array, start: int, ruled_out: bool) -> tuple[Array, Array]:
    """Return exp(z - max) in float64, and the maxima."""
    largest = block.argmax(axis=1)  # the first nan counts as the largest
    z = block.astype(np.float64, copy=False)
    top = z[np.arange(len(z)), largest]
    bad = np.isnan(top) | np.isposinf(top)
    if bad.any():
        row = int(bad.argmax())
        raise BadRow(start + row, int(largest[row]), float(top[row]))
    dead = np.isneginf(top)
    if dead.any() and not ruled_out:
        raise BadRow(start + int(dead.argmax()), None, -np.inf)
    shift = np.where(dead, 0.0, top)[:, None]
    gap = z - shift
    terms = np.exp(gap)
    if block.dtype == np.float64:
        # What rounding the gap lost, by Knuth's sum of two numbers.
        back = gap - z
        lost = (z - (gap - back)) - (shift + back)
        lost[~np.isfinite(lost)] = 0  # a class ruled out, or a gap beyond the largest number
        terms += terms * lost
    return terms, top


def places(own: Array, classes: int) -> Array:
    """Return where the entries of the given classes stand in the flattened rows.

    Parameters
    ----------
    own : ndarray
        One class a row, of intp.
    classes : int
        The length of a row.

    Returns
    -------
    ndarray
        Of intp, one a row.
    """
    place = np.arange(0, len(own) * classes, classes)
    place += own
    return place


def scale_rows(terms: Array, factor: Array, out: Array) -> None:
    """Write each row times its factor to `out`.

    Parameters
    ----------
    terms : ndarray
        Shape ``(n, K)``.
    factor : ndarray
        Shape ``(n,)``.
    out : ndarray
        Shape ``(n, K)``; it may be `terms`.
    """
    _with_rows(np.multiply, terms, factor, out)


def _with_rows(operation: np.ufunc, terms: Array, value: Array, out: Array) -> None:
    column = value.astype(terms.dtype, copy=False)[:, None]
    if 64 <= terms.shape[1] < 8192 and terms.dtype == out.dtype:
        # Else NumPy fills a buffer of 8192, the default, with the one value of each row.
        old = np.setbufsize(16)
        try:
            operation(terms, column, out=out)
        finally:
            np.setbufsize(old)
    else:
        operation(terms, column, out=out, casting="same_kind")


def largest_and_rest(z: Array) -> tuple[Array, Array]:
    """Return the maximum m of each row and the sum of exp(z - m) over the other classes.

    Parameters
    ----------
    z : ndarray
        Logits, shape ``(n, K)``; -inf rules a class out.

    Returns
    -------
    maximum : ndarray
        Of float64, shape ``(n,)``; -inf for a row that is all -inf.
    rest : ndarray
        Of float64, shape ``(n,)``; 0 for a row that is all -inf.

    Raises
    ------
    BadRow
        If a logit is nan or +inf.
    """
    maximum, rest = np.empty(len(z)), np.empty(len(z))
    scratch = scratch_for(z)
    with np.errstate(all="ignore"):
        for rows in blocks(z.shape, z.itemsize):
            place, maximum[rows] = _largest(z[rows])
            found = exponentials(z, rows, scratch, place, ruled_out=True)
            # The largest of K terms is no small number, unless all of them are 0.
            np.divide(found.rest, np.maximum(found.own, 1e-300), out=rest[rows])
    return maximum, rest


def _largest(block: Array) -> tuple[Array, Array]:
    place = places(block.argmax(axis=1), block.shape[1])
    return place, block.reshape(-1).take(place)


def logsumexp_rows(z: Array) -> Array:
    r"""Return the log-sum-exp of each row.

    Parameters
    ----------
    z : ndarray
        Logits, shape ``(n, K)``; -inf rules a class out.

    Returns
    -------
    ndarray
        Nats, shape ``(n,)``, in the dtype of the logits; -inf for a row that is all -inf.

    Raises
    ------
    BadRow
        If a logit is nan or +inf.

    Notes
    -----
    .. math:: A(z) = m + \log(1 + r), \qquad m = \max_k z_k, \quad r = \sum_{k \ne a} e^{z_k - m}

    The error is at most :math:`\tfrac12\varepsilon|A| + 4\varepsilon\log(1 + r)`: more than
    4 eps of A only where m < 0 cancels against the logarithm, A being near 0.

    Examples
    --------
    >>> logsumexp_rows(np.array([[0.0, -40.0]]))
    array([4.24835426e-18])
    """
    maximum, rest = largest_and_rest(z)
    result: Array = (maximum + np.log1p(rest)).astype(z.dtype)
    return result


def softmax_rows(z: Array, out: Array | None = None) -> Array:
    """Return the softmax of each row.

    Parameters
    ----------
    z : ndarray
        Logits, shape ``(n, K)``; -inf rules a class out.
    out : ndarray, optional
        For the result: of the same shape and dtype, C-contiguous; it may be `z` itself.

    Returns
    -------
    ndarray
        Probabilities, `out` if that was given. Each is within 4 eps of its value or, below the
        normal numbers, within 4 times the smallest number.

    Raises
    ------
    BadRow
        If a logit is nan or +inf, or a row is all -inf; `out` may then be written in part.

    Examples
    --------
    >>> softmax_rows(np.array([[1000.0, 1000.0], [0.0, -np.inf]]))
    array([[0.5, 0.5],
           [1. , 0. ]])
    """
    result = np.empty_like(z) if out is None else out
    scratch = scratch_for(z)
    with np.errstate(all="ignore"):
        for rows in blocks(z.shape, z.itemsize):
            found = exponentials(z, rows, scratch)
            scale_rows(found.terms, 1 / found.rest, result[rows])
    return result


def log_softmax_rows(z: Array, out: Array | None = None) -> Array:
    r"""Return the logarithm of the softmax of each row.

    Parameters
    ----------
    z : ndarray
        Logits, shape ``(n, K)``; -inf rules a class out.
    out : ndarray, optional
        As in `softmax_rows`.

    Returns
    -------
    ndarray
        Nats, `out` if that was given. Each is within 4 eps of its value.

    Raises
    ------
    BadRow
        If a logit is nan or +inf, or a row is all -inf; `out` may then be written in part.

    Notes
    -----
    .. math:: \log p_i = (z_i - m) - \log(1 + r)

    with m and r as in `logsumexp_rows`: both are at most 0, so nothing cancels.

    Examples
    --------
    >>> log_softmax_rows(np.array([[40.0, 0.0]]))
    array([[-4.24835426e-18, -4.00000000e+01]])
    """
    result = np.empty_like(z) if out is None else out
    scratch = scratch_for(z)
    with np.errstate(all="ignore"):
        for rows in blocks(z.shape, z.itemsize):
            place, top = _largest(z[rows])
            found = exponentials(z, rows, scratch, place)
            gap = scratch[: len(top)]  # the exponentials are no longer needed
            _with_rows(np.subtract, z[rows], top, gap)
            _with_rows(np.subtract, gap, np.log1p(found.rest / found.own), result[rows])
    return result
