"""Softmax and its relatives on arrays of logits, accurate also for confident predictions.

The largest logit is left out of every sum: with :math:`m = \\max_k z_k` at class :math:`a` and
:math:`r = \\sum_{k \\ne a} e^{z_k - m}`, log-sum-exp is :math:`m + \\log(1 + r)`. The usual form
:math:`m + \\log(\\sum_k e^{z_k - m})` rounds the 1 and the :math:`r` together and loses
:math:`r`, the probability of all other classes, once it is below the precision of 1.

Rounding :math:`z_k - m` is the other loss: at a gap of 700 it costs 256 units in the last place
of the exponential. Its rounding error is a float too, and is put back.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, cast

import array_api_compat
from numpy.typing import ArrayLike

from xentlib import _arrays, _checks
from xentlib._arrays import Array
from xentlib._kernel import (
    InvalidLogitsError,
    log_softmax_rows,
    logsumexp_rows,
    lost_in_difference,
    softmax_rows,
)

FAR = -(2.0**14)
"""Below this gap, exp is 0 in every dtype, and corrections of the gap are of no use."""


class Shifted(NamedTuple):
    """Logits less their maximum, with the class axis last."""

    maximum: Any
    gaps: Any
    """z - max: 0 for a class that is masked, that no derivative may meet an infinity."""
    masked: Any
    first: Any
    """Where the first largest logit is: one place in each row."""
    terms: Any
    """The exponentials: 1 for the first largest logit, 0 for a class that is masked."""
    rest: Any
    """The sum of the terms without that of the first largest logit."""

    def without_own(self, xp: Any) -> Any:
        """Return, for each class, the sum of the terms of all other classes."""
        # No term but the first can be more than half of the total, so that little cancels.
        return xp.where(self.first, self.rest, 1 + self.rest - self.terms)


def shifted(xp: Any, z: Any, temperature: float = 1.0) -> Shifted:
    """Return what softmax and its relatives are made of; rows of -inf alone give nan."""
    parts = _parts(xp, z, temperature)
    no_class = xp.all(parts.masked, axis=-1, keepdims=True)
    return parts._replace(rest=xp.where(no_class, math.nan, parts.rest))


def _parts(xp: Any, z: Any, temperature: float) -> Shifted:
    first = _arrays.one_hot_mask(xp, xp.argmax(z, axis=-1), z.shape[-1])
    masked = z == -math.inf
    constant = first | masked
    # The maximum is a sum and its own gap a constant: so derivatives are right of every order, with
    # ties too, and no library's differentiation subtracts 1 from 1 for a confident prediction.
    top = _arrays.entry_at(xp, first & ~masked, z)
    gaps = xp.where(constant, 0.0, z - top)
    lost = lost_in_gap(xp, z, top, gaps, constant)
    if temperature != 1.0:
        gaps, lost = _divide(xp, gaps, lost, temperature)
    # exp(gap + lost). The product of exp(gap) and lost could be subnormal, which XLA makes 0.
    terms = xp.where(masked, 0.0, xp.exp(gaps) * (1 + lost))
    rest = xp.sum(xp.where(first, 0.0, terms), axis=-1, keepdims=True)
    rest = rest + 0 * top  # nan for a maximum that is nan or +inf
    return Shifted(top / temperature, gaps, masked, first, terms, rest)


def lost_in_gap(xp: Any, z: Any, top: Any, gaps: Any, constant: Any) -> Any:
    """Return what rounding lost in z - top, where that is of any use."""
    near = xp.where(constant | (gaps < FAR), top, z)
    return lost_in_difference(near, top, near - top)


def _divide(xp: Any, gaps: Any, lost: Any, temperature: float) -> tuple[Any, Any]:
    """Return (gaps + lost) / temperature as a rounded quotient and what that lost.

    What is left of a division, gaps - quotient * divisor, is a float; the product is taken exactly.
    """
    divisor = as_held(xp, temperature, gaps)
    quotient = gaps / divisor
    near = quotient > FAR
    q = xp.where(near, quotient, 0.0)
    product = q * divisor
    left = (gaps - product) - lost_in_product(xp, q, divisor, product)
    return quotient, xp.where(near, (left + lost) / divisor, 0.0)


def as_held(xp: Any, number: float, array: Any) -> float:
    """Return a number as the library rounds it where it meets the array."""
    return _rounded(number, _digits(xp, array))


def lost_in_product(xp: Any, a: Any, b: float, product: Any) -> Any:
    """Return a b - product exactly: halves of the digits multiply without rounding (Dekker, 1971)."""
    digits = _digits(xp, a)
    half = -(-digits // 2)
    scaled = a * (2.0**half + 1)
    a_high = scaled - (scaled - a)
    b_high = _rounded(b, digits // 2)
    a_low, b_low = a - a_high, b - b_high
    return ((a_high * b_high - product) + a_low * b_high + a_high * b_low) + a_low * b_low


def _digits(xp: Any, array: Any) -> int:
    return 1 - int(math.log2(float(xp.finfo(array.dtype).eps)))


def _rounded(number: float, digits: int) -> float:
    """Return a number with as many binary digits."""
    mantissa, exponent = math.frexp(number)
    return math.ldexp(round(mantissa * 2**digits), exponent - digits) if digits < 53 else number


Axis = int | tuple[int, ...] | None
"""The axis of the classes, or several axes of them; None for all."""


def logsumexp(
    logits: ArrayLike, *, axis: Axis = -1, keepdims: bool = False, temperature: float = 1.0
) -> Array:
    r"""Return the logarithm of the sum of the exponentials of the logits.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``, where K may be 0; see the conventions of `xentlib`.
    axis : int, tuple of int or None
        The class axis, or several: the classes are then all along them; None for all axes.
    keepdims : bool
        Whether the class axes stay, each of length 1.
    temperature : float
        Divides the logits.

    Returns
    -------
    array
        Nats, in the dtype of the logits, without the class axis; -inf where all logits are -inf or
        there are none, inf where one is +inf.

    Raises
    ------
    TypeError
        If the logits are not real numbers, or the temperature is not a number.
    ValueError
        If a logit is nan, or the temperature is not positive.

    Notes
    -----
    .. math:: A(z) = \log \sum_{k=1}^K e^{z_k / T} = \frac{m}{T} + \log(1 + r), \qquad m = \max_k z_k

    where r sums :math:`e^{(z_k - m)/T}` over all classes but one that attains the maximum.

    Accuracy: the error is at most that of rounding A and 4 eps log(1 + r). That is 4 eps of A but
    where m < 0 cancels against the logarithm: near A = 0 the function is ill-conditioned, and the
    error is at most 4 eps log K.

    References
    ----------
    P. Blanchard, D. J. Higham and N. J. Higham, Accurately computing the log-sum-exp and softmax
    functions, IMA J. Numerical Analysis 41 (2021), doi:10.1093/imanum/draa038.

    Examples
    --------
    The textbook form overflows, this one does not.

    >>> import numpy as np
    >>> z = np.array([1000.0, 1000.0])
    >>> with np.errstate(over="ignore"):
    ...     float(np.log(np.exp(z).sum()))
    inf
    >>> float(logsumexp(z))
    1000.6931471805599
    """
    temperature = _checks.positive_number(temperature, "temperature")
    if not isinstance(axis, int):
        result = _arrays.over_axes(lambda z: _logsumexp_of_last(z, -1, temperature), logits, axis)
    else:
        result = _logsumexp_of_last(logits, axis, temperature)
    return cast(Array, _arrays.kept_dims(result, logits, axis)) if keepdims else result


def _logsumexp_of_last(logits: Any, axis: int, temperature: float) -> Array:
    found = _arrays.logit_rows(logits, axis=axis, no_class=True)[0]
    if found.values.shape[-1] == 0:
        return cast(Array, found.xp.sum(found.values, axis=-1) - math.inf)
    z = found.matrix()
    if z is not None and temperature == 1:
        try:
            return found.by_kernel(logsumexp_rows, z)
        except InvalidLogitsError as error:
            if error.value != math.inf:
                raise
    _checks.check_logits(found, all_infinite=True)
    return found.compute(lambda xp, z: _logsumexp(xp, z, temperature))


def _logsumexp(xp: Any, z: Any, temperature: float) -> Any:
    infinite = z == math.inf
    parts = _parts(xp, xp.where(infinite, 0.0, z), temperature)
    result = (parts.maximum + xp.log1p(parts.rest))[..., 0]
    result = xp.where(xp.any(infinite, axis=-1) & (result == result), math.inf, result)  # but nan stays
    return xp.where(xp.all(parts.masked, axis=-1), -math.inf, result)


def log_softmax(logits: ArrayLike, *, axis: Axis = -1, temperature: float = 1.0) -> Array:
    r"""Return the logarithms of the probabilities that softmax gives to the classes.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``, where K may be 0; see the conventions of `xentlib`.
    axis : int, tuple of int or None
        The class axis, or several: the classes are then all along them; None for all axes.
    temperature : float
        Divides the logits.

    Returns
    -------
    array
        Nats, in the shape and dtype of the logits; -inf for a class that is masked.

    Raises
    ------
    TypeError
        If the logits are not real numbers, or the temperature is not a number.
    ValueError
        If a logit is nan or +inf, all classes are masked, or the temperature is not positive.

    Notes
    -----
    .. math:: \log p_i = \frac{z_i}{T} - \log \sum_{k=1}^K e^{z_k/T} = \frac{z_i - m}{T} - \log(1 + r)

    with m and r as in `logsumexp`. Both terms are at most 0, so nothing cancels, and the relative
    error is at most 4 eps.

    References
    ----------
    P. Blanchard, D. J. Higham and N. J. Higham, Accurately computing the log-sum-exp and softmax
    functions, IMA J. Numerical Analysis 41 (2021), doi:10.1093/imanum/draa038.

    Examples
    --------
    The logarithm of the rounded probability is 0; the true one is minus exp(-40).

    >>> import numpy as np
    >>> print(f"{np.log(softmax([40.0, 0.0])[0]):.9g}, {log_softmax([40.0, 0.0])[0]:.9g}")
    0, -4.24835426e-18
    """
    temperature = _checks.positive_number(temperature, "temperature")
    if not isinstance(axis, int):
        return cast(Array, _arrays.over_axes(lambda z: log_softmax(z, temperature=temperature), logits, axis))
    found = _arrays.logit_rows(logits, axis=axis, no_class=True)[0]
    if found.values.shape[-1] == 0:
        return found.copy()
    z = found.matrix()
    if z is not None and temperature == 1:
        return found.by_kernel(log_softmax_rows, z)
    _checks.check_logits(found)
    return found.compute(lambda xp, z: _log_softmax(xp, z, temperature), keep=True)


def _log_softmax(xp: Any, z: Any, temperature: float) -> Any:
    parts = shifted(xp, z, temperature)
    return xp.where(parts.masked, -math.inf, parts.gaps) - xp.log1p(parts.rest)


def softmax(logits: ArrayLike, *, axis: Axis = -1, temperature: float = 1.0) -> Array:
    r"""Return the probabilities that softmax gives to the classes.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``, where K may be 0; see the conventions of `xentlib`.
    axis : int, tuple of int or None
        The class axis, or several: the classes are then all along them; None for all axes.
    temperature : float
        Divides the logits: above 1 it evens the probabilities out, towards 0 it leaves the largest.

    Returns
    -------
    array
        Probabilities in the shape and dtype of the logits, with sum 1, but for rounding.

    Raises
    ------
    TypeError
        If the logits are not real numbers, or the temperature is not a number.
    ValueError
        If a logit is nan or +inf, all classes are masked, or the temperature is not positive.

    Notes
    -----
    .. math:: p_i = \frac{e^{z_i/T}}{\sum_{k=1}^K e^{z_k/T}} = \frac{e^{(z_i - m)/T}}{1 + r}

    with m and r as in `logsumexp`. Accuracy: 4 eps of each probability, the smallest included, down
    to the normal numbers; below them 4 times the smallest subnormal number. The formula alone does not
    reach that: what z - m loses to rounding is put back, :math:`e^{d + e} = e^d (1 + e)`, and so is what
    the division by T loses; and few terms are added to any one number. The source says how.

    References
    ----------
    J. S. Bridle, Training stochastic model recognition algorithms as networks can lead to maximum
    mutual information estimation of parameters, NeurIPS 2 (1990).

    Examples
    --------
    >>> import numpy as np
    >>> softmax([0.0, np.log(3.0)])
    array([0.25, 0.75])
    >>> softmax([1000.0, 1000.0])
    array([0.5, 0.5])
    >>> softmax([0.0, np.log(3.0)], temperature=0.5)
    array([0.1, 0.9])
    """
    temperature = _checks.positive_number(temperature, "temperature")
    if not isinstance(axis, int):
        return cast(Array, _arrays.over_axes(lambda z: softmax(z, temperature=temperature), logits, axis))
    found = _arrays.logit_rows(logits, axis=axis, no_class=True)[0]
    if found.values.shape[-1] == 0:
        return found.copy()
    z = found.matrix()
    if z is not None and temperature == 1:
        return found.by_kernel(softmax_rows, z)
    _checks.check_logits(found)
    return found.compute(lambda xp, z: _softmax(xp, z, temperature), keep=True)


def _softmax(xp: Any, z: Any, temperature: float) -> Any:
    parts = shifted(xp, z, temperature)
    return parts.terms / (1 + parts.rest)


def softmax_jacobian(logits: ArrayLike, *, axis: int = -1) -> Array:
    r"""Return the derivatives of the probabilities with respect to the logits.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; see the conventions of `xentlib`.
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
        If a logit is nan or +inf, if there is no class, or if all classes are masked.

    Notes
    -----
    .. math:: \frac{\partial p_i}{\partial z_j} = p_i (\delta_{ij} - p_j)

    On the diagonal :math:`1 - p_i` is the sum of the other probabilities, which keeps it when
    :math:`p_i` rounds to 1. An entry is a product of two such numbers: 8 eps, twice the error of
    softmax, and 4 eps for NumPy's float32, which is computed in float64.

    References
    ----------
    The proof is the claim ``softmax-jacobian`` of the book's chapter on softmax.

    Examples
    --------
    >>> import numpy as np
    >>> softmax_jacobian([0.0, np.log(3.0)])
    array([[ 0.1875, -0.1875],
           [-0.1875,  0.1875]])
    """
    found = _arrays.logit_rows(logits, axis=axis)[0]
    _checks.check_logits(found)
    return found.compute(lambda xp, z: jacobian_of(xp, shifted(xp, z)))


def jacobian_of(xp: Any, parts: Shifted) -> Any:
    """Return the Jacobians of softmax of shifted logits."""
    total = 1 + parts.rest
    p, others = parts.terms / total, parts.without_own(xp) / total
    diagonal = xp.eye(p.shape[-1], dtype=xp.bool, device=array_api_compat.device(p))
    return p[..., :, None] * xp.where(diagonal, others[..., None, :], -p[..., None, :])
