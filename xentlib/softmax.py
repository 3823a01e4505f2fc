"""Softmax and its relatives on arrays of logits, accurate also for confident predictions.

The largest logit is left out of every sum: with :math:`m = \\max_k z_k` at class :math:`a` and
:math:`r = \\sum_{k \\ne a} e^{z_k - m}`, log-sum-exp is :math:`m + \\log(1 + r)`. The usual form
:math:`m + \\log(\\sum_k e^{z_k - m})` rounds the 1 and the :math:`r` together and loses
:math:`r`, the probability of all other classes, once it is below the precision of 1.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

__all__ = ["log_softmax", "logsumexp", "softmax", "softmax_jacobian"]

Array = np.ndarray[Any, np.dtype[Any]]


class _Shifted(NamedTuple):
    """Logits less their maximum, with the class axis last."""

    maximum: Array
    gaps: Array
    exponentials: Array
    rest: Array
    """The sum of the exponentials without that of (the first) largest logit."""
    dtype: np.dtype[Any]


def _shift(logits: Any, axis: int) -> _Shifted:
    z = np.asarray(logits)
    if z.dtype.kind in "biu":
        z = z.astype(np.float64)
    if z.dtype.kind != "f":
        message = f"logits must be real numbers, but their dtype is {z.dtype}"
        raise TypeError(message)
    if z.ndim == 0:
        message = f"logits must have a class axis, but are the single number {z}: wrap it in a list"
        raise ValueError(message)
    dtype = z.dtype.newbyteorder("=")
    z = np.moveaxis(z, axis, -1).astype(np.float32 if dtype.itemsize < 4 else dtype, copy=False)
    if z.shape[-1] == 0:
        message = f"logits must have at least one class, but their shape is {np.shape(logits)}"
        raise ValueError(message)
    bad = np.isnan(z) | np.isposinf(z)
    if bad.any():
        place = tuple(map(int, np.argwhere(bad)[0]))
        message = (
            f"logits must be finite, or -inf for a class that is ruled out, but the logit at "
            f"{place} (class axis last) is {z[place]}"
        )
        raise ValueError(message)
    largest = np.argmax(z, axis=-1, keepdims=True)
    maximum = np.take_along_axis(z, largest, axis=-1)
    gaps = z - np.where(np.isneginf(maximum), 0, maximum)
    exponentials = np.exp(gaps)
    others = exponentials.copy()
    np.put_along_axis(others, largest, 0, axis=-1)
    return _Shifted(maximum, gaps, exponentials, others.sum(axis=-1, keepdims=True), dtype)


def _require_a_class(shifted: _Shifted) -> _Shifted:
    ruled_out = np.isneginf(shifted.maximum[..., 0])
    if ruled_out.any():
        row = tuple(map(int, np.argwhere(ruled_out)[0]))
        message = (
            f"every class of the row {row} has the logit -inf, so no probabilities exist: "
            "leave at least one class finite"
        )
        raise ValueError(message)
    return shifted


def logsumexp(logits: Any, /, *, axis: int = -1) -> Array:
    r"""Return the logarithm of the sum of the exponentials of the logits.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``. Booleans and integers are taken as float64.
    axis : int
        The class axis.

    Returns
    -------
    ndarray
        Nats, in the dtype of the logits, without the class axis; -inf where all logits are -inf.

    Raises
    ------
    TypeError
        If the logits are not real numbers.
    ValueError
        If a logit is nan or +inf, or if there is no class.

    Notes
    -----
    .. math:: A(z) = \log \sum_{k=1}^K e^{z_k} = m + \log(1 + r), \qquad m = \max_k z_k

    where r sums :math:`e^{z_k - m}` over all classes but one that attains the maximum. Only
    where m and log(1 + r) cancel, that is near A = 0, is the relative accuracy of A that of
    the larger one. Source: P. Blanchard, D. J. Higham and N. J. Higham, Accurately computing the
    log-sum-exp and softmax functions, IMA J. Numer. Anal. 41 (2021), doi:10.1093/imanum/draa038.

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
    shifted = _shift(logits, axis)
    result = shifted.maximum + np.log1p(shifted.rest)
    return result[..., 0].astype(shifted.dtype)


def log_softmax(logits: Any, /, *, axis: int = -1) -> Array:
    r"""Return the logarithms of the probabilities that softmax gives to the classes.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf rules a class out. Booleans and integers are
        taken as float64.
    axis : int
        The class axis.

    Returns
    -------
    ndarray
        Nats, in the shape and dtype of the logits; -inf for a class that is ruled out.

    Raises
    ------
    TypeError
        If the logits are not real numbers.
    ValueError
        If a logit is nan or +inf, if there is no class, or if all classes are ruled out.

    Notes
    -----
    .. math:: \log p_i = z_i - \log \sum_{k=1}^K e^{z_k} = (z_i - m) - \log(1 + r)

    with m and r as in `logsumexp`. Both terms are at most 0, so nothing cancels. Source: as
    in `logsumexp`.

    Examples
    --------
    The logarithm of the rounded probability is 0; the true one is minus exp(-40).

    >>> float(np.log(softmax([40.0, 0.0])[0])) + 0.0
    0.0
    >>> float(log_softmax([40.0, 0.0])[0])
    -4.248354255291589e-18
    """
    shifted = _require_a_class(_shift(logits, axis))
    result = shifted.gaps - np.log1p(shifted.rest)
    return np.moveaxis(result, -1, axis).astype(shifted.dtype)


def softmax(logits: Any, /, *, axis: int = -1) -> Array:
    r"""Return the probabilities that softmax gives to the classes.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf rules a class out. Booleans and integers are
        taken as float64.
    axis : int
        The class axis.

    Returns
    -------
    ndarray
        Probabilities in the shape and dtype of the logits, with sum 1 along the class axis.

    Raises
    ------
    TypeError
        If the logits are not real numbers.
    ValueError
        If a logit is nan or +inf, if there is no class, or if all classes are ruled out.

    Notes
    -----
    .. math:: p_i = \frac{e^{z_i}}{\sum_{k=1}^K e^{z_k}} = \frac{e^{z_i - m}}{1 + r}

    with m and r as in `logsumexp`. Source: J. S. Bridle, Training stochastic model recognition
    algorithms as networks can lead to maximum mutual information estimation of parameters,
    NeurIPS 2 (1990), which named the function.

    Examples
    --------
    >>> softmax([0.0, np.log(3.0)])
    array([0.25, 0.75])
    >>> softmax([1000.0, 1000.0])
    array([0.5, 0.5])
    """
    shifted = _require_a_class(_shift(logits, axis))
    result: Array = shifted.exponentials / (1 + shifted.rest)
    return np.moveaxis(result, -1, axis).astype(shifted.dtype)


def softmax_jacobian(logits: Any, /, *, axis: int = -1) -> Array:
    r"""Return the derivatives of the probabilities with respect to the logits.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf rules a class out. Booleans and integers are
        taken as float64.
    axis : int
        The class axis.

    Returns
    -------
    ndarray
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

    On the diagonal :math:`1 - p_i` is computed as :math:`-(e^{\log p_i} - 1)` by ``expm1``,
    which keeps it when :math:`p_i` rounds to 1. The proof is the claim ``softmax-jacobian`` of
    the chapter on softmax.

    Examples
    --------
    >>> softmax_jacobian([0.0, np.log(3.0)])
    array([[ 0.1875, -0.1875],
           [-0.1875,  0.1875]])
    """
    shifted = _require_a_class(_shift(logits, axis))
    p = shifted.exponentials / (1 + shifted.rest)
    log_p = shifted.gaps - np.log1p(shifted.rest)
    jacobian: Array = -p[..., :, None] * p[..., None, :]
    diagonal = np.arange(p.shape[-1])
    jacobian[..., diagonal, diagonal] = -p * np.expm1(log_p)
    return jacobian.astype(shifted.dtype)
