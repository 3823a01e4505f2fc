"""Cross-entropy of ordered classes: cumulative logits, whose differences of sigmoids are the probabilities.

With a and b the cumulative logits above and below the class, and d = a - b > 0,

    sigma(a) - sigma(b) = sigma(a) sigma(-b) (1 - exp(-d)),

so that the loss is a sum of three terms that are not negative, and its derivatives are sums of terms of one
sign: nothing cancels, however close together a and b are and however far from 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from xentlib import _arrays, _checks
from xentlib._arrays import Array
from xentlib._kernel import lost_in_difference
from xentlib._sigmoid import plain_sigmoid, plain_softplus

_NEAR = 1.5
"""The gap below which 1 - exp(-d) is taken before its logarithm.

At log(2) both forms are equally good. Up to here the first loses little, the other terms of the loss being
larger; and XLA's log1p of float64 loses up to 120 eps from -0.45 to -0.3 (measured in JAX 0.10).
"""


class _Bounds(NamedTuple):
    """What bounds each class: its cumulative logits, 0 where there is none, and how far they are apart."""

    is_upper: Any
    """Where the cumulative logit above the class stands, if there is one."""
    is_lower: Any
    lowest: Any
    """Whether there is none below."""
    highest: Any
    upper: Any
    lower: Any
    gap: Any
    """inf where one of the two is missing."""
    wrong: Any
    """Where the answer is nan: cumulative logits that do not increase, or a label that is none."""


def _bounds(xp: Any, z: Any, labels: Any) -> _Bounds:
    count = z.shape[-1]
    # K places for K classes, not by comparing with K - 1, which the dtype of the labels may not hold.
    own = _arrays.one_hot_mask(xp, labels, count + 1)
    is_upper, is_lower = own[..., :-1], own[..., 1:]
    lowest, highest = own[..., 0], own[..., -1]
    upper = xp.sum(xp.where(is_upper, z, 0.0), axis=-1)
    lower = xp.sum(xp.where(is_lower, z, 0.0), axis=-1)
    gap = xp.where(lowest | highest, math.inf, upper - lower)
    grows = xp.all(z[..., 1:] > z[..., :-1], axis=-1) & ~xp.any(xp.isnan(z), axis=-1)
    wrong = ~(grows & xp.any(own, axis=-1))
    return _Bounds(is_upper, is_lower, lowest, highest, upper, lower, gap, wrong)


def _odds_of_gap(xp: Any, of: _Bounds) -> tuple[Any, Any]:
    """Return 1 / (exp(d) - 1) and 1 / (1 - exp(-d)), the first 0 where d is infinite."""
    finite = of.gap < math.inf
    upper, lower = xp.where(finite, of.upper, 1.0), xp.where(finite, of.lower, 0.0)
    gap = upper - lower
    # exp(-d) with what rounding lost in d, which is up to half an eps of d.
    small = xp.exp(-gap) * (1 - lost_in_difference(upper, lower, gap))
    whole = -1 / xp.expm1(-gap)
    return xp.where(finite, small * whole, 0.0), xp.where(finite, whole, 1.0)


def _ordinal(
    function: Callable[..., Any], logits: Any, labels: Any, axis: int, *, keep: bool = False
) -> Array:
    """Return a function of rows of cumulative logits and of labels, both checked."""
    found, (labels,) = _arrays.logit_rows(logits, labels, axis=axis)
    _checks.check_row_labels(found, labels, found.values.shape[-1] + 1)
    if found.xp is np:
        _checks.check_no_nan(found.values, "logits")
        _checks.check_increasing(found.values, "cumulative logits")
    return found.compute(function, labels, keep=keep)


def ordinal_cross_entropy(logits: ArrayLike, labels: ArrayLike, *, axis: int = -1) -> Array:
    r"""Return the cross-entropy of ordered classes with cumulative logits, row by row.

    Parameters
    ----------
    logits : array_like
        The K - 1 cumulative logits of K classes, shape ``(..., K - 1)``: real numbers that increase
        strictly along the class axis. The first may be -inf and the last inf.
    labels : array_like
        Integers 0, ..., K - 1 of shape ``(...)``.
    axis : int
        The class axis.

    Returns
    -------
    array
        Nats, in the dtype of the logits, without the class axis.

    Raises
    ------
    TypeError
        If the logits are not real numbers or the labels not integers.
    ValueError
        If a logit is nan, the logits of a row do not increase, a label is out of range, or the shapes do
        not fit. In arrays of other libraries than NumPy, such logits and labels give nan.

    Notes
    -----
    The cumulative logit :math:`g_k` is the logit of the probability that the class is k or lower; with
    :math:`g_{-1} = -\infty`, :math:`g_{K-1} = \infty` and :math:`d = g_y - g_{y-1}`,

    .. math::

       \ell(g, y) = -\log\bigl(\sigma(g_y) - \sigma(g_{y-1})\bigr)
       = \log(1 + e^{-g_y}) + \log(1 + e^{g_{y-1}}) - \log(1 - e^{-d})

    All terms of the second form are at least 0: 4 eps, also for gaps d that are tiny. The proportional-odds
    model has one score x for each row and K - 1 increasing thresholds for all rows,
    :math:`g_k = \theta_k - x`. Its derivatives are those of `ordinal_cross_entropy_grad`, summed:
    by :math:`\theta_k` over the rows, and by x over the classes with the sign changed.

    References
    ----------
    The proofs are the claims ``sigmoid-difference`` and ``ordinal-loss`` of the book's chapter on
    ordered classes. P. McCullagh, Regression models for ordinal data, J. Royal Statistical Society B
    42 (1980), doi:10.1111/j.2517-6161.1980.tb01109.x.

    Examples
    --------
    Three thresholds, four classes; the class in the middle is between 0 and 1e-12:

    >>> ordinal_cross_entropy([[-1.0, 0.0, 1.0], [-1.0, 0.0, 1e-12]], [0, 2])
    array([ 1.31326169, 29.01731548])
    """
    return _ordinal(_loss, logits, labels, axis)


def _loss(xp: Any, z: Any, labels: Any) -> Any:
    of = _bounds(xp, z, labels)
    # Each form of log(1 - exp(-d)) where it is accurate; where it is not taken, no derivative meets 1/0.
    near = of.gap < _NEAR
    small, large = xp.where(near, of.gap, _NEAR), xp.where(near, _NEAR, of.gap)
    log_of_gap = xp.where(near, xp.log(-xp.expm1(-small)), xp.log1p(-xp.exp(-large)))
    terms = (
        xp.where(of.highest, 0.0, plain_softplus(xp, -of.upper))
        + xp.where(of.lowest, 0.0, plain_softplus(xp, of.lower))
        - xp.where(of.lowest | of.highest, 0.0, log_of_gap)
    )
    return xp.where(of.wrong, math.nan, terms)


def ordinal_cross_entropy_grad(logits: ArrayLike, labels: ArrayLike, *, axis: int = -1) -> Array:
    r"""Return the gradient of `ordinal_cross_entropy` with respect to the cumulative logits.

    Parameters
    ----------
    logits : array_like
        The K - 1 cumulative logits, as in `ordinal_cross_entropy`.
    labels : array_like
        Integers 0, ..., K - 1 of shape ``(...)``.
    axis : int
        The class axis.

    Returns
    -------
    array
        In the shape and dtype of the logits.

    Raises
    ------
    TypeError
        If the logits are not real numbers or the labels not integers.
    ValueError
        As for `ordinal_cross_entropy`.

    Notes
    -----
    .. math::

       \frac{\partial \ell}{\partial g_y} = -\sigma(-g_y) - \frac{1}{e^d - 1}, \qquad
       \frac{\partial \ell}{\partial g_{y-1}} = \sigma(g_{y-1}) + \frac{1}{e^d - 1}, \qquad d = g_y - g_{y-1}

    Of the two, the lowest class has only the first, the highest only the second, both without the
    fraction; all other entries are 0. The terms of each have one sign: 4 eps. With
    :math:`g_k = \theta_k - x` these are the derivatives by :math:`\theta_k`, and that by x is minus their
    sum, :math:`\sigma(-g_y) - \sigma(g_{y-1})`: the fraction drops out.

    References
    ----------
    The proof is the claim ``ordinal-gradient`` of the book's chapter on ordered classes. P. McCullagh,
    Regression models for ordinal data, J. Royal Statistical Society B 42 (1980),
    doi:10.1111/j.2517-6161.1980.tb01109.x.

    Examples
    --------
    >>> ordinal_cross_entropy_grad([0.0, np.log(2.0)], 1)
    array([ 1.5       , -1.33333333])
    """
    return _ordinal(_gradient, logits, labels, axis, keep=True)


def _gradient(xp: Any, z: Any, labels: Any) -> Any:
    of = _bounds(xp, z, labels)
    odds, _ = _odds_of_gap(xp, of)
    up, down = plain_sigmoid(xp, -of.upper) + odds, plain_sigmoid(xp, of.lower) + odds
    entries = xp.where(of.is_lower, down[..., None], 0.0) - xp.where(of.is_upper, up[..., None], 0.0)
    return xp.where(of.wrong[..., None], math.nan, entries)


def ordinal_cross_entropy_hess(logits: ArrayLike, labels: ArrayLike, *, axis: int = -1) -> Array:
    r"""Return the Hessian of `ordinal_cross_entropy` with respect to the cumulative logits, row by row.

    Parameters
    ----------
    logits : array_like
        The K - 1 cumulative logits, as in `ordinal_cross_entropy`.
    labels : array_like
        Integers 0, ..., K - 1 of shape ``(...)``.
    axis : int
        The class axis.

    Returns
    -------
    array
        In the dtype of the logits, shape ``(..., K - 1, K - 1)``: the batch axes in their order first.

    Raises
    ------
    TypeError
        If the logits are not real numbers or the labels not integers.
    ValueError
        As for `ordinal_cross_entropy`.

    Notes
    -----
    With :math:`d = g_y - g_{y-1}` and :math:`s = e^d / (e^d - 1)^2`,

    .. math::

       \frac{\partial^2 \ell}{\partial g_y^2} = \sigma(g_y) \sigma(-g_y) + s, \qquad
       \frac{\partial^2 \ell}{\partial g_{y-1}^2} = \sigma(g_{y-1}) \sigma(-g_{y-1}) + s, \qquad
       \frac{\partial^2 \ell}{\partial g_y \, \partial g_{y-1}} = -s

    The lowest and the highest class have one of the squares, without s; all other entries are 0. It is
    positive semidefinite, so the loss is convex in the cumulative logits, and in scores and thresholds
    together. Accuracy: 4 eps.

    References
    ----------
    The proof is the claim ``ordinal-hessian`` of the book's chapter on ordered classes. J. W. Pratt,
    Concavity of the log likelihood, J. American Statistical Association 76 (1981),
    doi:10.1080/01621459.1981.10477613.

    Examples
    --------
    >>> ordinal_cross_entropy_hess([0.0, np.log(2.0)], 1)
    array([[ 2.25      , -2.        ],
           [-2.        ,  2.22222222]])
    """
    return _ordinal(_hessian, logits, labels, axis)


def _hessian(xp: Any, z: Any, labels: Any) -> Any:
    of = _bounds(xp, z, labels)
    odds, whole = _odds_of_gap(xp, of)
    shared = odds * whole

    def square(logit: Any) -> Any:
        return plain_sigmoid(xp, logit) * plain_sigmoid(xp, -logit) + shared

    def block(rows: Any, columns: Any, value: Any) -> Any:
        return xp.where(rows[..., :, None] & columns[..., None, :], value[..., None, None], 0.0)

    entries = (
        block(of.is_upper, of.is_upper, square(of.upper))
        + block(of.is_lower, of.is_lower, square(of.lower))
        - block(of.is_upper, of.is_lower, shared)
        - block(of.is_lower, of.is_upper, shared)
    )
    return xp.where(of.wrong[..., None, None], math.nan, entries)
