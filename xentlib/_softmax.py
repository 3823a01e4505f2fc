"""Softmax and its relatives on arrays of logits, accurate also for confident predictions.

The largest logit is left out of every sum: with :math:`m = \\max_k z_k` at class :math:`a` and
:math:`r = \\sum_{k \\ne a} e^{z_k - m}`, log-sum-exp is :math:`m + \\log(1 + r)`. The usual form
:math:`m + \\log(\\sum_k e^{z_k - m})` rounds the 1 and the :math:`r` together and loses
:math:`r`, the probability of all other classes, once it is below the precision of 1.

Rounding :math:`z_k - m` is the other loss: at a gap of 700 it costs 256 units in the last place
of the exponential. Its rounding error is a float too, and is put back.

Conventions of all functions on logits: NumPy arrays, lists and numbers, and arrays of any library
that follows the Array API standard (PyTorch, JAX, Dask, CuPy, array-api-strict), which keep their
library, dtype and device and can be differentiated. A logit of -inf rules its class out. Lists,
numbers and NumPy arrays with nan or +inf are refused; in arrays of other libraries, whose values may
be unknown yet, they give nan, as does softmax of a row of -inf alone. Integers and booleans become
the library's default real dtype (float64 in NumPy). No input is ever modified.

Accuracy is stated in eps, the spacing of the dtype's numbers at 1, relative to the result; below the normal
numbers, relative to the smallest of them. It holds for gaps that are not floats too, and was
measured over offsets to 1e4, gaps to the underflow of exp, and up to 1e5 classes. Two things are the
libraries' own: XLA on CPU (JAX) makes subnormal numbers 0, also inside of sums, and a library that adds
up 1e5 terms one after another, as on some graphics processors, errs by its sum.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import array_api_compat
import numpy as np

from xentlib import _arrays
from xentlib._kernel import BadRow, log_softmax_rows, logsumexp_rows, softmax_rows

_FAR = -(2.0**14)
"""Below this gap, exp is 0 in every dtype, and corrections of the gap are of no use."""


class _Shifted(NamedTuple):
    """Logits less their maximum, with the class axis last."""

    maximum: Any
    gaps: Any
    """z - max: 0 for a class that is ruled out, that no derivative may meet an infinity."""
    ruled_out: Any
    first: Any
    """Where the first largest logit is: one place in each row."""
    terms: Any
    """The exponentials: 1 for the first largest logit, 0 for a class that is ruled out."""
    rest: Any
    """The sum of the terms without that of the first largest logit."""

    def without_own(self, xp: Any) -> Any:
        """Return, for each class, the sum of the terms of all other classes."""
        # No term but the first can be more than half of the total, so that little cancels.
        return xp.where(self.first, self.rest, 1 + self.rest - self.terms)


def _shift(xp: Any, z: Any, temperature: float = 1.0) -> _Shifted:
    """Return what softmax and its relatives are made of; rows of -inf alone give nan."""
    parts = _parts(xp, z, temperature)
    no_class = xp.all(parts.ruled_out, axis=-1, keepdims=True)
    return parts._replace(rest=xp.where(no_class, math.nan, parts.rest))


def _parts(xp: Any, z: Any, temperature: float) -> _Shifted:
    first = _arrays.one_hot_mask(xp, xp.argmax(z, axis=-1), z.shape[-1])
    ruled_out = z == -math.inf
    constant = first | ruled_out
    # The maximum is a sum and its own gap a constant: so derivatives are right of every order, with
    # ties too, and no library's differentiation subtracts 1 from 1 for a confident prediction.
    top = xp.sum(xp.where(first & ~ruled_out, z, 0.0), axis=-1, keepdims=True)
    gaps = xp.where(constant, 0.0, z - top)
    lost = _lost_in_subtraction(xp, z, top, gaps, constant)
    if temperature != 1.0:
        gaps, lost = _divide(xp, gaps, lost, temperature)
    # exp(gap + lost). The product of exp(gap) and lost could be subnormal, which XLA makes 0.
    terms = xp.where(ruled_out, 0.0, xp.exp(gaps) * (1 + lost))
    rest = xp.sum(xp.where(first, 0.0, terms), axis=-1, keepdims=True)
    rest = rest + 0 * top  # nan for a maximum that is nan or +inf
    return _Shifted(top / temperature, gaps, ruled_out, first, terms, rest)


def _lost_in_subtraction(xp: Any, z: Any, top: Any, gaps: Any, constant: Any) -> Any:
    """Return z - top less its rounded value: Knuth's two-sum, in which no step rounds."""
    near = xp.where(constant | (gaps < _FAR), top, z)
    difference = near - top
    back = difference - near
    return (near - (difference - back)) - (top + back)


def _divide(xp: Any, gaps: Any, lost: Any, temperature: float) -> tuple[Any, Any]:
    """Return (gaps + lost) / temperature as a rounded value and what that lost."""
    bits = 1 - int(math.log2(float(xp.finfo(gaps.dtype).eps)))
    divisor = _round_to(temperature, bits)
    quotient = gaps / divisor
    near = quotient > _FAR
    q = xp.where(near, quotient, 0.0)
    # Dekker's product: halves of the digits multiply without rounding.
    high_divisor = _round_to(divisor, bits // 2)
    low_divisor = divisor - high_divisor
    scaled = q * (2.0 ** -(-bits // 2) + 1)
    high = scaled - (scaled - q)
    low = q - high
    product = q * divisor
    error = ((high * high_divisor - product) + high * low_divisor + low * high_divisor) + low * low_divisor
    return quotient, xp.where(near, ((gaps - product) - error + lost) / divisor, 0.0)


def _round_to(number: float, bits: int) -> float:
    mantissa, exponent = math.frexp(number)
    return math.ldexp(round(mantissa * 2**bits), exponent - bits) if bits < 53 else number


def _by_kernel(kernel: Callable[[Any], Any], found: _arrays.Rows, temperature: float) -> Any:
    """Return the fast NumPy kernel's result, or None where the portable source has to serve."""
    z = found.values
    if found.xp is not np or z.dtype.itemsize > 8 or temperature != 1:
        return None
    dtype = z.dtype.newbyteorder("=")
    matrix = z.reshape((math.prod(z.shape[:-1]), z.shape[-1]))
    try:
        result = kernel(np.ascontiguousarray(matrix, np.promote_types(dtype, np.float32)))
    except BadRow:
        return None  # what is refused is said with its place in the whole array
    shape = z.shape[:-1] if result.ndim == 1 else z.shape
    return result.astype(dtype, copy=False).reshape(shape)[()]


def logsumexp(logits: Any, /, *, axis: int = -1, temperature: float = 1.0) -> Any:
    r"""Return the logarithm of the sum of the exponentials of the logits.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; see the conventions of `xentlib.softmax`.
    axis : int
        The class axis.
    temperature : float
        Divides the logits.

    Returns
    -------
    array
        Nats, in the dtype of the logits, without the class axis; -inf where all logits are -inf.

    Raises
    ------
    TypeError
        If the logits are not real numbers, or the temperature is not a number.
    ValueError
        If a logit is nan or +inf, there is no class, or the temperature is not positive.

    Notes
    -----
    .. math:: A(z) = \log \sum_{k=1}^K e^{z_k / T} = \frac{m}{T} + \log(1 + r), \qquad m = \max_k z_k

    where r sums :math:`e^{(z_k - m)/T}` over all classes but one that attains the maximum.

    Accuracy: the error is at most that of rounding A and 4 eps log(1 + r). That is 4 eps of A but
    where m < 0 cancels against the logarithm: near A = 0 the function is ill-conditioned, and the
    error is at most 4 eps log K. Source: P. Blanchard, D. J. Higham and N. J. Higham, Accurately
    computing the log-sum-exp and softmax functions, IMA J. Numer. Anal. 41 (2021),
    doi:10.1093/imanum/draa038.

    Examples
    --------
    The textbook form overflows, this one does not.

    >>> z = np.array([1000.0, 1000.0])
    >>> with np.errstate(over="ignore"):
    ...     float(np.log(np.exp(z).sum()))
    inf
    >>> float(logsumexp(z))
    1000.6931471805599
    """
    temperature = _arrays.positive_number(temperature, "temperature")
    found = _arrays.logit_rows(logits, axis=axis)[0]
    fast = _by_kernel(logsumexp_rows, found, temperature)
    if fast is not None:
        return fast
    _arrays.check_logits(found, all_masked=True)
    return found.compute(lambda xp, z: _logsumexp(xp, z, temperature))


def _logsumexp(xp: Any, z: Any, temperature: float) -> Any:
    parts = _parts(xp, z, temperature)
    result = (parts.maximum + xp.log1p(parts.rest))[..., 0]
    return xp.where(xp.all(parts.ruled_out, axis=-1), -math.inf, result)


def log_softmax(logits: Any, /, *, axis: int = -1, temperature: float = 1.0) -> Any:
    r"""Return the logarithms of the probabilities that softmax gives to the classes.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; see the conventions of `xentlib.softmax`.
    axis : int
        The class axis.
    temperature : float
        Divides the logits.

    Returns
    -------
    array
        Nats, in the shape and dtype of the logits; -inf for a class that is ruled out.

    Raises
    ------
    TypeError
        If the logits are not real numbers, or the temperature is not a number.
    ValueError
        If a logit is nan or +inf, there is no class, all classes are ruled out, or the
        temperature is not positive.

    Notes
    -----
    .. math:: \log p_i = \frac{z_i}{T} - \log \sum_{k=1}^K e^{z_k/T} = \frac{z_i - m}{T} - \log(1 + r)

    with m and r as in `logsumexp`. Both terms are at most 0, so nothing cancels, and the relative
    error is at most 4 eps. Source: as in `logsumexp`.

    Examples
    --------
    The logarithm of the rounded probability is 0; the true one is minus exp(-40).

    >>> print(f"{np.log(softmax([40.0, 0.0])[0]):.9g}, {log_softmax([40.0, 0.0])[0]:.9g}")
    0, -4.24835426e-18
    """
    temperature = _arrays.positive_number(temperature, "temperature")
    found = _arrays.logit_rows(logits, axis=axis)[0]
    fast = _by_kernel(log_softmax_rows, found, temperature)
    if fast is not None:
        return _arrays.class_axis_to(np, fast, axis)
    _arrays.check_logits(found)
    return found.compute(lambda xp, z: _log_softmax(xp, z, temperature), keep=True)


def _log_softmax(xp: Any, z: Any, temperature: float) -> Any:
    parts = _shift(xp, z, temperature)
    return xp.where(parts.ruled_out, -math.inf, parts.gaps) - xp.log1p(parts.rest)


def softmax(logits: Any, /, *, axis: int = -1, temperature: float = 1.0) -> Any:
    r"""Return the probabilities that softmax gives to the classes.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; see the conventions of `xentlib.softmax`.
    axis : int
        The class axis.
    temperature : float
        Divides the logits: above 1 it evens the probabilities out, towards 0 it leaves the largest.

    Returns
    -------
    array
        Probabilities in the shape and dtype of the logits, with sum 1 along the class axis.

    Raises
    ------
    TypeError
        If the logits are not real numbers, or the temperature is not a number.
    ValueError
        If a logit is nan or +inf, there is no class, all classes are ruled out, or the
        temperature is not positive.

    Notes
    -----
    .. math:: p_i = \frac{e^{z_i/T}}{\sum_{k=1}^K e^{z_k/T}} = \frac{e^{(z_i - m)/T}}{1 + r}

    with m and r as in `logsumexp`. Accuracy: 4 eps of each probability, the smallest included, down
    to the normal numbers; below them 4 of the smallest number. Source: J. S. Bridle, Training
    stochastic model recognition algorithms as networks can lead to maximum mutual information
    estimation of parameters, NeurIPS 2 (1990), which named the function.

    Examples
    --------
    >>> softmax([0.0, np.log(3.0)])
    array([0.25, 0.75])
    >>> softmax([1000.0, 1000.0])
    array([0.5, 0.5])
    >>> softmax([0.0, np.log(3.0)], temperature=0.5)
    array([0.1, 0.9])
    """
    temperature = _arrays.positive_number(temperature, "temperature")
    found = _arrays.logit_rows(logits, axis=axis)[0]
    fast = _by_kernel(softmax_rows, found, temperature)
    if fast is not None:
        return _arrays.class_axis_to(np, fast, axis)
    _arrays.check_logits(found)
    return found.compute(lambda xp, z: _softmax(xp, z, temperature), keep=True)


def _softmax(xp: Any, z: Any, temperature: float) -> Any:
    parts = _shift(xp, z, temperature)
    return parts.terms / (1 + parts.rest)


def softmax_jacobian(logits: Any, /, *, axis: int = -1) -> Any:
    r"""Return the derivatives of the probabilities with respect to the logits.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; see the conventions of `xentlib.softmax`.
    axis : int
        The class axis.

    Returns
    -------
    array
        In the dtype of the logits, shape ``(..., K, K)``: the batch axes in their order, then
        the class of the probability, then the class of the logit.

    Raises
    ------
    TypeError
        If the logits are not real numbers.
    ValueError
        If a logit is nan or +inf, if there is no class, or if all classes are ruled out.

    Notes
    -----
    .. math:: \frac{\partial p_i}{\partial z_j} = p_i (\delta_{ij} - p_j)

    On the diagonal :math:`1 - p_i` is the sum of the other probabilities, which keeps it when
    :math:`p_i` rounds to 1. An entry is a product of two such numbers: 8 eps, twice the error of
    softmax, and 4 eps for NumPy's float32, which is computed in float64. The proof is the claim
    ``softmax-jacobian`` of the chapter on softmax.

    Examples
    --------
    >>> softmax_jacobian([0.0, np.log(3.0)])
    array([[ 0.1875, -0.1875],
           [-0.1875,  0.1875]])
    """
    found = _arrays.logit_rows(logits, axis=axis)[0]
    _arrays.check_logits(found)
    return found.compute(_jacobian_of_rows)


def _jacobian_of_rows(xp: Any, z: Any) -> Any:
    parts = _shift(xp, z)
    total = 1 + parts.rest
    p, others = parts.terms / total, parts.without_own(xp) / total
    diagonal = xp.eye(z.shape[-1], dtype=xp.bool, device=array_api_compat.device(z))
    return p[..., :, None] * xp.where(diagonal, others[..., None, :], -p[..., None, :])
