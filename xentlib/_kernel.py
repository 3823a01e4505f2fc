"""The fast NumPy core: exponentials of rows of logits and their sums, block by block.

A row is a sample, the last axis its classes. The reasons for the shape of the code, each measured:

- A block of rows (`BLOCK` bytes) and its exponentials stay in the cache: the logits come from memory
  once, and the results go there once. Exponentials stand where the result will, if there is one.
- Blocks are shared among the cores. A smaller block would fit the nearer cache, but what Python does
  for each block would weigh more, and only one thread at a time can do that.
- Exponentials are taken once and without a shift; their sums tell afterwards whether that was
  safe. A shift costs two passes, and rounding z - max costs up to gap/4 units in the last place.
- Sums are small matrix products (few classes) or `einsum` (many), in pieces of 256 bytes that are
  added in float64: ``sum(axis=1)`` takes two to eight times as long.
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
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from xentlib import _threads

__all__ = [
    "BLOCK",
    "InvalidLogitsError",
    "Losses",
    "Terms",
    "blocks",
    "each_block",
    "exponentials",
    "label_losses",
    "label_rows",
    "largest_and_rest",
    "log_softmax_rows",
    "logsumexp_rows",
    "lost_in_difference",
    "places",
    "row_sums",
    "scale_rows",
    "scratch_for",
    "soft_losses",
    "soft_rows",
    "softmax_rows",
]

Array = np.ndarray[Any, np.dtype[Any]]

# Linux's allocator hands freed memory back to the system, to take it anew in the next call, until it has
# seen an array as large being freed: a gradient at 8192 x 10 takes 0.36 of the
# time since. This is the largest that counts; nothing is written in it.
np.empty(2**25 - 2**16, np.uint8)

BLOCK = 2**21
"""Bytes of logits in a block: what a block costs whatever its size is then 2 % of the whole."""

_WORTH_THREADS = 2**21
"""Bytes of logits of which it is worth to wake other threads."""

_SMALL = 1e-150
"""A label's term below this is rare, and the quotient by it might overflow."""

_PIECE = 256
"""Bytes of terms that are added one to another."""

_SLICE, _FEW = 128, 16
"""Rows at a time, and classes at most, whose sums the linear-algebra library takes."""


def at_place(place: tuple[int, ...]) -> str:
    """Return a place for a message, after a blank.

    Parameters
    ----------
    place : tuple of int
        Where something stands in an array; a single number stands nowhere.

    Returns
    -------
    str
        Such as " at (0, 2)".
    """
    return "" if not place else f" at {place[0] if len(place) == 1 else place}"


class InvalidLogitsError(ValueError):
    """Logits of which there is no softmax: one is nan or +inf, or every class of a row is masked.

    Parameters
    ----------
    place : tuple of int
        The first such logit, the class last; without the class, the first row that is masked.
    value : float
        That logit; -inf for a row that is masked.

    References
    ----------
    What nan and infinity stand for: IEEE Standard for Floating-Point Arithmetic, IEEE 754-2019,
    doi:10.1109/IEEESTD.2019.8766229.
    """

    def __init__(self, place: tuple[int, ...], value: float) -> None:
        self.place, self.value = place, value
        if value == -math.inf:
            message = (
                f"every class of the row{at_place(place)} is masked, its logits are -inf, so no "
                "probabilities exist: leave at least one class finite"
            )
        else:
            message = (
                f"logits must be finite, or -inf for a masked class, but the logit{at_place(place)} "
                f"(class axis last) is {value}"
            )
        super().__init__(message)

    def within(self, batch: tuple[int, ...], row: int = 0, column: int = 0) -> InvalidLogitsError:
        """Return the error with its place in the array of which the rows were a part.

        Parameters
        ----------
        batch : tuple of int
            The shape of the whole, without its class axis.
        row, column : int
            Where the part began.

        Returns
        -------
        InvalidLogitsError
            To be raised instead.
        """
        first, *classes = self.place
        place = tuple(map(int, np.unravel_index(first + row, batch)))
        return InvalidLogitsError((*place, *(each + column for each in classes)), self.value)


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
    rows, step = shape[0], _rows_in_block(shape[1], itemsize)
    return [slice(start, min(start + step, rows)) for start in range(0, rows, step)]


def _rows_in_block(classes: int, itemsize: int) -> int:
    rows = max(1, BLOCK // (classes * itemsize))
    return rows - rows % _SLICE if rows > _SLICE else rows


def lost_in_difference(a: Any, b: Any, difference: Any) -> Any:
    """Return what rounding lost in a difference of floats, itself a float.

    Parameters
    ----------
    a, b : array
        Of any library.
    difference : array
        The rounded a - b.

    Returns
    -------
    array
        a - b - difference, exactly; nan where a number is infinite.

    References
    ----------
    The two-sum of D. E. Knuth, The Art of Computer Programming, volume 2, 3rd edition (1997), 4.2.2,
    theorem B: no step of it rounds.
    """
    back = difference - a
    return (a - (difference - back)) - (b + back)


def each_block(
    z: Array,
    of_block: Callable[[slice, Array], None],
    result: Array | None = None,
    threads: int | None = None,
) -> None:
    """Call a function for each block of rows, on several cores where that gains.

    Parameters
    ----------
    z : ndarray
        Logits, shape ``(n, K)``.
    of_block : callable
        Of the block and of the room for its exponentials. It writes nothing that another block's
        call reads or writes.
    result : ndarray, optional
        Of the shape and dtype of the logits, written in the end: unless it is the logits themselves it
        is the room, for what needs no memory of its own leaves more of the cache to the rest.
    threads : int, optional
        At most as many; None for as many as gain.

    Raises
    ------
    Exception
        Of the errors, that of the first block.
    """
    if threads is None:
        threads = 1 if z.nbytes < _WORTH_THREADS else _threads.cores()

    parts = blocks(z.shape, z.itemsize)

    def work(mine: Iterator[slice]) -> None:
        own = result is None or np.may_share_memory(result, z)
        room: Any = scratch_for(z) if own else result
        with np.errstate(all="ignore"):
            for rows in mine:
                of_block(rows, room if own else room[rows])

    _threads.share(work, parts, threads)


def scratch_for(z: Array) -> Array:
    """Return an array that holds any one block of the logits.

    Parameters
    ----------
    z : ndarray
        Logits, shape ``(n, K)``.

    Returns
    -------
    ndarray
        Of the width and dtype of the logits, with any content.
    """
    rows, classes = z.shape
    return np.empty((min(_rows_in_block(classes, z.itemsize), rows), classes), z.dtype)


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
    A term that is not much larger than eps of the sum may be lost whenever it is added, so few are
    added to any one number: pieces of 256 bytes, then the sums of these. For terms of one sign the
    relative error is below 3 eps at worst, where many terms are lost beside two large ones.
    """
    rows, classes = terms.shape
    if classes <= _FEW:
        # Slices this small stay on one thread in the linear-algebra library.
        sums = np.empty(rows, terms.dtype)
        ones, whole = np.ones(classes, terms.dtype), rows - rows % _SLICE
        if whole:
            slices = terms[:whole].reshape(-1, _SLICE, classes)
            np.matmul(slices, ones, out=sums[:whole].reshape(-1, _SLICE))
        if whole < rows:
            np.matmul(terms[whole:], ones, out=sums[whole:])
        return sums.astype(np.float64, copy=False)
    while terms.shape[1] > _PIECE // terms.itemsize:
        terms = _piece_sums(terms)
    total: Array = np.einsum("ij->i", terms).astype(np.float64, copy=False)
    return total


def _piece_sums(terms: Array) -> Array:
    """Return the sums of pieces of the rows, in float64."""
    rows, classes = terms.shape
    piece = _PIECE // terms.itemsize
    count = classes // piece
    whole = count * piece
    sums = np.empty((rows, count + (whole < classes)))
    sums[:, :count] = np.einsum("ijk->ij", terms[:, :whole].reshape(rows, count, piece))
    if whole < classes:
        sums[:, count] = np.einsum("ij->i", terms[:, whole:])
    return sums


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
    z: Array, rows: slice, scratch: Array, place: Array | None = None, *, masked: bool = False
) -> Terms:
    """Return the exponentials of a block's logits and their sums, one term of each row taken out.

    Parameters
    ----------
    z : ndarray
        Logits, shape ``(n, K)``; -inf masks a class.
    rows : slice
        The block.
    scratch : ndarray
        From `scratch_for`. It holds the exponentials, unless a shift was needed: those are in
        a new array of float64.
    place : ndarray, optional
        From `places`: the terms to take out.
    masked : bool
        Whether a row may be all -inf; its terms, and their sums, are then 0.

    Returns
    -------
    Terms
        Of this block.

    Raises
    ------
    InvalidLogitsError
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
    terms, shift = _shifted(block, rows.start, masked)
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


def _shifted(block: Array, start: int, masked: bool) -> tuple[Array, Array]:
    """Return exp(z - max) in float64, and the maxima."""
    largest = block.argmax(axis=1)  # the first nan counts as the largest
    z = block.astype(np.float64, copy=False)
    top = z[np.arange(len(z)), largest]
    bad = np.isnan(top) | np.isposinf(top)
    if bad.any():
        row = int(bad.argmax())
        raise InvalidLogitsError((start + row, int(largest[row])), float(top[row]))
    dead = np.isneginf(top)
    if dead.any() and not masked:
        raise InvalidLogitsError((start + int(dead.argmax()),), -np.inf)
    shift = np.where(dead, 0.0, top)[:, None]
    gap = z - shift
    terms = np.exp(gap)
    if block.dtype == np.float64:
        lost = lost_in_difference(z, shift, gap)
        lost[~np.isfinite(lost)] = 0  # a class masked, or a gap beyond the largest number
        terms += terms * lost
    return terms, top


class Losses(NamedTuple):
    """The cross-entropies of a block of rows, and what their gradients are made of."""

    loss: Array
    """Nats, of float64, shape ``(n,)``."""
    terms: Array
    """The exponentials of the logits, without those at `place`."""
    place: Array
    """Where the term stands that was taken out of each row, as from `places`."""
    own: Array
    """The terms taken out, of float64."""
    rest: Array
    """The sums of the other terms, of float64."""


def label_losses(z: Array, labels: Array, rows: slice, scratch: Array) -> Losses:
    r"""Return the losses of a block under labels; the terms taken out are those of the labels.

    Parameters
    ----------
    z : ndarray
        Logits, shape ``(n, K)``; -inf masks a class.
    labels : ndarray
        Of intp, shape ``(n,)``.
    rows : slice
        The block.
    scratch : ndarray
        From `scratch_for`.

    Returns
    -------
    Losses
        Infinite where the label is masked.

    Raises
    ------
    InvalidLogitsError
        If a logit is nan or +inf, or a row is all -inf.

    Notes
    -----
    .. math:: \ell = \log \Bigl(1 + \sum_{k \ne y} e^{z_k} \Big/ e^{z_y}\Bigr), \qquad
        p_y - 1 = - \sum_{k \ne y} p_k
    """
    block = z[rows]
    place = places(labels[rows], block.shape[1])
    terms, shift, own, rest = exponentials(z, rows, scratch, place)
    loss = np.log1p(rest / own)
    if np.minimum.reduce(own) < _SMALL:
        far = own < _SMALL
        logit = block.reshape(-1).take(place[far])
        loss[far] = np.log(own[far] + rest[far]) + (0 if shift is None else shift[far]) - logit
    return Losses(loss, terms, place, own, rest)


def soft_losses(z: Array, target: Array, rows: slice, scratch: Array) -> Losses:
    r"""Return the losses of a block under distributions; the terms taken out are the largest.

    Parameters
    ----------
    z : ndarray
        Logits, shape ``(n, K)``; -inf masks a class.
    target : ndarray
        The block's targets, in the dtype of the logits; they need not sum to 1.
    rows : slice
        The block.
    scratch : ndarray
        From `scratch_for`.

    Returns
    -------
    Losses
        Infinite where a class that the target holds possible is masked.

    Raises
    ------
    InvalidLogitsError
        If a logit is nan or +inf, or a row is all -inf.

    Notes
    -----
    .. math:: \ell = \sum_k y_k \bigl((m - z_k) + \log(1 + r)\bigr), \qquad
        m = \max_k z_k, \quad r = \sum_{k \ne a} e^{z_k - m}

    All terms are at least 0, so nothing cancels.
    """
    block = z[rows]
    place, top = _largest(block)
    terms, _, own, rest = exponentials(z, rows, scratch, place)
    surprisal = top[:, None] - block
    _with_rows(np.add, surprisal, np.log1p(rest / own), surprisal)
    surprisal *= target
    loss = row_sums(surprisal)
    if np.isnan(loss).any():
        surprisal[target == 0] = 0  # 0 times infinity: a class that is masked, and that the target excludes
        loss = row_sums(surprisal)
    return Losses(loss, terms, place, own, rest)


def label_rows(z: Array, labels: Array, gradient: Array | None = None) -> Array:
    """Return the cross-entropy of each row under its label.

    Parameters
    ----------
    z : ndarray
        Logits, shape ``(n, K)``; -inf masks a class.
    labels : ndarray
        Of intp, shape ``(n,)``.
    gradient : ndarray, optional
        For the gradient: of the shape and dtype of the logits, C-contiguous; it may be `z` itself.

    Returns
    -------
    ndarray
        Nats, shape ``(n,)``, in the dtype of the logits. It and each entry of the gradient are
        within 4 eps of their values.

    Raises
    ------
    InvalidLogitsError
        If a logit is nan or +inf, or a row is all -inf.

    Examples
    --------
    >>> label_rows(np.array([[40.0, 0.0]]), np.array([0]))
    array([4.24835426e-18])
    """
    result = np.empty(len(z), z.dtype)

    def of_block(rows: slice, room: Array) -> None:
        found = label_losses(z, labels, rows, room)
        result[rows] = found.loss
        if gradient is not None:
            total, part = found.own + found.rest, gradient[rows]
            scale_rows(found.terms, 1 / total, part)
            part.reshape(-1)[found.place] = 0 - found.rest / total

    each_block(z, of_block, gradient)
    return result


def soft_rows(z: Array, target: Array) -> Array:
    """Return the cross-entropy of each row under its distribution.

    Parameters
    ----------
    z : ndarray
        Logits, shape ``(n, K)``; -inf masks a class.
    target : ndarray
        Distributions, of the same shape and dtype.

    Returns
    -------
    ndarray
        Nats, shape ``(n,)``, in the dtype of the logits, each within 4 eps of its value.

    Raises
    ------
    InvalidLogitsError
        If a logit is nan or +inf, or a row is all -inf.

    Examples
    --------
    >>> soft_rows(np.array([[40.0, 0.0]]), np.array([[1.0, 0.0]]))
    array([4.24835426e-18])
    """
    result = np.empty(len(z), z.dtype)

    def of_block(rows: slice, room: Array) -> None:
        result[rows] = soft_losses(z, target[rows], rows, room).loss

    each_block(z, of_block)
    return result


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


def largest_and_rest(z: Array, threads: int | None = None) -> tuple[Array, Array]:
    """Return the maximum m of each row and the sum of exp(z - m) over the other classes.

    Parameters
    ----------
    z : ndarray
        Logits, shape ``(n, K)``; -inf masks a class.
    threads : int, optional
        As in `each_block`.

    Returns
    -------
    maximum : ndarray
        Of float64, shape ``(n,)``; -inf for a row that is all -inf.
    rest : ndarray
        Of float64, shape ``(n,)``; 0 for a row that is all -inf.

    Raises
    ------
    InvalidLogitsError
        If a logit is nan or +inf.
    """
    maximum, rest = np.empty(len(z)), np.empty(len(z))

    def of_block(rows: slice, room: Array) -> None:
        place, maximum[rows] = _largest(z[rows])
        found = exponentials(z, rows, room, place, masked=True)
        # The largest of K terms is no small number, unless all of them are 0.
        np.divide(found.rest, np.maximum(found.own, 1e-300), out=rest[rows])

    each_block(z, of_block, threads=threads)
    return maximum, rest


def _largest(block: Array) -> tuple[Array, Array]:
    place = places(block.argmax(axis=1), block.shape[1])
    return place, block.reshape(-1).take(place)


def logsumexp_rows(z: Array) -> Array:
    r"""Return the log-sum-exp of each row.

    Parameters
    ----------
    z : ndarray
        Logits, shape ``(n, K)``; -inf masks a class.

    Returns
    -------
    ndarray
        Nats, shape ``(n,)``, in the dtype of the logits; -inf for a row that is all -inf.

    Raises
    ------
    InvalidLogitsError
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
    # Of a subnormal number it is that number; on some processors NumPy tells of an underflow.
    with np.errstate(under="ignore"):
        result: Array = (maximum + np.log1p(rest)).astype(z.dtype)
    return result


def softmax_rows(z: Array, out: Array | None = None) -> Array:
    """Return the softmax of each row.

    Parameters
    ----------
    z : ndarray
        Logits, shape ``(n, K)``; -inf masks a class.
    out : ndarray, optional
        For the result: of the same shape and dtype, C-contiguous; it may be `z` itself.

    Returns
    -------
    ndarray
        Probabilities, `out` if that was given. Each is within 4 eps of its value or, below the
        normal numbers, within 4 times the smallest number.

    Raises
    ------
    InvalidLogitsError
        If a logit is nan or +inf, or a row is all -inf; `out` may then be written in part.

    Examples
    --------
    >>> softmax_rows(np.array([[1000.0, 1000.0], [0.0, -np.inf]]))
    array([[0.5, 0.5],
           [1. , 0. ]])
    """
    result = np.empty_like(z) if out is None else out

    def of_block(rows: slice, room: Array) -> None:
        found = exponentials(z, rows, room)
        # Not times 1 / total, which is up to an eighth faster: a certain class has 1, not 1 - eps.
        _with_rows(np.divide, found.terms, found.rest, result[rows])

    each_block(z, of_block, result)
    return result


def log_softmax_rows(z: Array, out: Array | None = None) -> Array:
    r"""Return the logarithm of the softmax of each row.

    Parameters
    ----------
    z : ndarray
        Logits, shape ``(n, K)``; -inf masks a class.
    out : ndarray, optional
        As in `softmax_rows`.

    Returns
    -------
    ndarray
        Nats, `out` if that was given. Each is within 4 eps of its value.

    Raises
    ------
    InvalidLogitsError
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

    def of_block(rows: slice, room: Array) -> None:
        place, top = _largest(z[rows])
        found = exponentials(z, rows, room, place)
        gap = room[: len(top)]  # the exponentials are no longer needed
        _with_rows(np.subtract, z[rows], top, gap)
        _with_rows(np.subtract, gap, np.log1p(found.rest / found.own), result[rows])

    each_block(z, of_block, result)
    return result
