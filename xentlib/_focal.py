"""Focal loss on logits, for softmax and for sigmoid, with its gradients and Hessians.

With p the probability of what happened, q = 1 - p and l = -log p, everything is made of q, l and
r = p l / q, which lies between 0 and 1: q is the sum of the other probabilities, and r has a limit of
1 for a confident prediction, where l and q both underflow.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from xentlib import _arrays, _checks
from xentlib._arrays import Array
from xentlib._sigmoid import of_both_answers, small_exponential
from xentlib._softmax import FAR, Shifted, jacobian_of, lost_in_gap, shifted


def _power(xp: Any, q: Any, gamma: float) -> Any:
    """Return q ** gamma, with a derivative that is finite where q is 0."""
    if gamma == 0:
        return 1 + 0 * q  # nan stays
    if xp is np:
        return q**gamma
    # The derivative has q ** (gamma - 1), infinite there, and what it is multiplied with is 0.
    lost = q < float(xp.finfo(q.dtype).smallest_normal)
    return xp.where(lost, 0.0, xp.where(lost, 1.0, q) ** gamma)


# --- Softmax ---------------------------------------------------------------------------------------


class _Labelled(NamedTuple):
    """What a focal loss is made of, each with a last axis of length 1 or that of the classes."""

    p: Any
    """The probability of the label."""
    q: Any
    """That of all other classes."""
    loss: Any
    """Cross-entropy."""
    ratio: Any
    """p loss / q"""
    own: Any
    """Where the label is."""
    shares: Any
    """The probabilities of the others, given that it is not the label; -1 for the label."""


def _labelled(xp: Any, z: Any, labels: Any, parts: Shifted) -> _Labelled:
    own = _arrays.one_hot_mask(xp, labels, z.shape[-1])
    total, others = 1 + parts.rest, parts.without_own(xp)
    mine, gap, rest = (_arrays.entry_at(xp, own, values) for values in (parts.terms, parts.gaps, others))
    rest = xp.where(xp.any(own, axis=-1, keepdims=True), rest, math.nan)  # a label out of range
    masked = xp.any(own & parts.masked, axis=-1, keepdims=True)
    loss = xp.log1p(parts.rest) - gap
    sure = rest < float(xp.finfo(z.dtype).smallest_normal)
    some = xp.where(sure, 1.0, rest)
    # p may be below the normal numbers where p times the loss is not: by halves.
    half = xp.exp(gap / 2)
    own_logit = _arrays.entry_at(xp, own & ~parts.masked, z)
    lost = lost_in_gap(xp, own_logit, parts.maximum, gap, masked)
    # Beyond the largest number the loss is infinite, and 0 times it is nan.
    far = masked | (gap < FAR)
    product = xp.where(far, 0.0, half * (half * xp.where(far, 0.0, loss)) * (1 + lost))
    ratio = xp.where(sure, 1.0, product / some)
    shares = xp.where(own, -1.0, xp.where(sure, 0.0, parts.terms / some))
    return _Labelled(mine / total, rest / total, xp.where(masked, math.inf, loss), ratio, own, shares)


def _of_rows(
    function: Callable[..., Any], logits: Any, labels: Any, gamma: Any, axis: int, *, keep: bool = False
) -> Array:
    """Return a function of the logits, the labels and gamma, row by row; `keep` puts the class axis back."""
    gamma = _checks.number_from_0(gamma, "gamma")
    found, (labels,) = _arrays.logit_rows(logits, labels, axis=axis)
    _checks.check_row_labels(found, labels, found.values.shape[-1])
    _checks.check_logits(found)
    return found.compute(lambda xp, z, y: function(xp, z, y, gamma), labels, keep=keep)


def softmax_focal_loss(logits: ArrayLike, labels: ArrayLike, *, gamma: float = 2.0, axis: int = -1) -> Array:
    r"""Return the focal loss of softmax of the logits under the labels, row by row.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf masks a class.
    labels : array_like
        Integers of shape ``(...)``; see the conventions of `xentlib`. Distributions are refused.
    gamma : float
        At least 0; with 0 it is `softmax_cross_entropy`.
    axis : int
        The class axis.

    Returns
    -------
    array
        In the dtype of the logits, without the class axis; inf where the class of the label is masked.

    Raises
    ------
    TypeError
        If the logits are not real numbers, the labels no integers, or gamma is not a number.
    ValueError
        If a logit is nan or +inf, all classes are masked, a shape does not fit, a label is out
        of range, or gamma is negative or not finite.

    Notes
    -----
    .. math:: L(z, y) = -(1 - p_y)^\gamma \log p_y

    :math:`1 - p_y` is the sum of the other probabilities, which keeps its digits when :math:`p_y`
    rounds to 1: :math:`4 (1 + \gamma)` eps, also for confident predictions, until the loss underflows.
    Arrays of other libraries can be differentiated there, for every gamma: the derivative of the power
    is infinite at 0 where gamma is below 1, and is not asked for.

    References
    ----------
    T.-Y. Lin, P. Goyal, R. Girshick, K. He and P. Dollar, Focal loss for dense object detection, ICCV
    (2017), doi:10.1109/ICCV.2017.324.

    Examples
    --------
    A sure and right prediction counts for less than in cross-entropy, a wrong one as much:

    >>> softmax_focal_loss([[20.0, 0.0], [0.0, 20.0]], [0, 0])
    array([8.75651072e-27, 1.99999999e+01])
    """
    return _of_rows(_loss, logits, labels, gamma, axis)


def _loss(xp: Any, z: Any, labels: Any, gamma: float) -> Any:
    parts = _labelled(xp, z, labels, shifted(xp, z))
    return (_power(xp, parts.q, gamma) * parts.loss)[..., 0]


def softmax_focal_loss_grad(
    logits: ArrayLike, labels: ArrayLike, *, gamma: float = 2.0, axis: int = -1
) -> Array:
    r"""Return the gradient of `softmax_focal_loss` with respect to the logits.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf masks a class.
    labels : array_like
        As in `softmax_focal_loss`.
    gamma : float
        At least 0.
    axis : int
        The class axis.

    Returns
    -------
    array
        In the shape and dtype of the logits.

    Raises
    ------
    TypeError
        If the logits are not real numbers, the labels no integers, or gamma is not a number.
    ValueError
        If a logit is nan or +inf, all classes are masked, a shape does not fit, a label is out
        of range, or gamma is negative or not finite.

    Notes
    -----
    .. math::

       \frac{\partial L}{\partial z_i} = (1 - p_y)^\gamma (1 + \gamma r) (p_i - \delta_{iy}), \qquad
       r = \frac{-p_y \log p_y}{1 - p_y}

    r lies between 0 and 1, the limit for a confident prediction. :math:`p_y - 1` is minus the sum of
    the other probabilities. Accuracy: :math:`4 (2 + \gamma)` eps of each entry.

    References
    ----------
    The proof is the claim ``focal-gradient`` of the book's chapter on focal loss.

    Examples
    --------
    >>> softmax_focal_loss_grad([20.0, 0.0], 0)
    array([-2.62695321e-26,  2.62695321e-26])
    """
    return _of_rows(_gradient, logits, labels, gamma, axis, keep=True)


def _factor(xp: Any, parts: _Labelled, gamma: float) -> Any:
    return _power(xp, parts.q, gamma) * (1 + gamma * parts.ratio)


def _gradient(xp: Any, z: Any, labels: Any, gamma: float) -> Any:
    rows = shifted(xp, z)
    parts = _labelled(xp, z, labels, rows)
    p = rows.terms / (1 + rows.rest)
    return _factor(xp, parts, gamma) * xp.where(parts.own, -parts.q, p)


def softmax_focal_loss_hess(
    logits: ArrayLike, labels: ArrayLike, *, gamma: float = 2.0, axis: int = -1
) -> Array:
    r"""Return the Hessian of `softmax_focal_loss` with respect to the logits, row by row.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf masks a class.
    labels : array_like
        As in `softmax_focal_loss`.
    gamma : float
        At least 0.
    axis : int
        The class axis.

    Returns
    -------
    array
        In the dtype of the logits, shape ``(..., K, K)``: the batch axes in their order first.

    Raises
    ------
    TypeError
        If the logits are not real numbers, the labels no integers, or gamma is not a number.
    ValueError
        If a logit is nan or +inf, all classes are masked, a shape does not fit, a label is out
        of range, or gamma is negative or not finite.

    Notes
    -----
    .. math::

       \frac{\partial^2 L}{\partial z_i \, \partial z_j} = (1 - p_y)^\gamma \Bigl( (1 + \gamma r)
       \, p_i (\delta_{ij} - p_j) + \gamma \frac{p_y}{1 - p_y} \bigl(2 + \log p_y + (\gamma - 1) r\bigr)
       (p_i - \delta_{iy}) (p_j - \delta_{jy}) \Bigr)

    with r as in `softmax_focal_loss_grad`. It has negative eigenvalues where :math:`p_y` is small. The
    terms may cancel: the error is at most :math:`4 (3 + \gamma)` eps of the sum of their absolute
    values, those in the inner bracket one by one.

    References
    ----------
    The proof is the claim ``focal-hessian`` of the book's chapter on focal loss.

    Examples
    --------
    >>> softmax_focal_loss_hess([0.0, 4.0], 0)
    array([[-0.04670326,  0.04670326],
           [ 0.04670326, -0.04670326]])
    """
    return _of_rows(_hessian, logits, labels, gamma, axis)


def _hessian(xp: Any, z: Any, labels: Any, gamma: float) -> Any:
    rows = shifted(xp, z)
    parts = _labelled(xp, z, labels, rows)
    first = _factor(xp, parts, gamma)[..., None] * jacobian_of(xp, rows)
    if gamma == 0:
        return first
    # p log p, which is 0 where p is.
    bracket = parts.p * (2 + (gamma - 1) * parts.ratio) - parts.q * parts.ratio
    factor = gamma * _power(xp, parts.q, gamma) * parts.q * bracket
    return first + factor[..., None] * (parts.shares[..., :, None] * parts.shares[..., None, :])


# --- Sigmoid ---------------------------------------------------------------------------------------


def _of_logits(
    function: Callable[..., Any], logits: Any, target: Any, gamma: Any, alpha: Any, *, odd: bool = False
) -> Array:
    """Return the expectation of a function of single logits, element by element, under the target.

    The function is that of the answer yes; that of no is the function of the opposite logit, or minus
    that if it is `odd`, as a first derivative is.
    """
    gamma = _checks.number_from_0(gamma, "gamma")
    alpha = None if alpha is None else _checks.share(alpha, "alpha")
    xp, (x, t) = _arrays.together(logits, target)
    x, t = _checks.logits_and_probabilities(xp, x, t)

    def expected(xp: Any, x: Any, t: Any) -> Any:
        yes, no = (t, 1 - t) if alpha is None else (alpha * t, (1 - alpha) * (1 - t))
        # What counts 0 must not be infinite.
        a = function(xp, xp.where((yes == 0) & (x == -math.inf), 0.0, x), gamma)
        b = function(xp, xp.where((no == 0) & (x == math.inf), 0.0, -x), gamma)
        return yes * a - no * b if odd else yes * a + no * b

    return _arrays.elementwise(xp, expected, x, xp.broadcast_to(t, x.shape))


class _Single(NamedTuple):
    p: Any
    q: Any
    loss: Any
    ratio: Any


def _single(xp: Any, x: Any) -> _Single:
    """Return p = sigmoid(x), q = sigmoid(-x), -log p and p (-log p) / q."""
    yes, no, e = of_both_answers(xp, x)
    half = small_exponential(xp, x / 2)
    up, log = x >= 0, xp.log1p(e)
    some = xp.where(e > 0, e, 1.0)
    far = xp.where(up | (half == 0), 0.0, -x)
    ratio = xp.where(up, xp.where(e > 0, log / some, 1.0), half * (half * (far + log)))
    return _Single(yes / (1 + e), no / (1 + e), xp.where(up, 0.0, -x) + log, ratio)


def sigmoid_focal_loss(
    logits: ArrayLike, target: ArrayLike, *, gamma: float = 2.0, alpha: float | None = None
) -> Array:
    r"""Return the focal loss of sigmoid of each logit under its target.

    Parameters
    ----------
    logits : array_like
        Real numbers of any shape, also -inf and inf.
    target : array_like
        Probabilities that the answer is yes, 0 to 1, in the shape of the logits, or one number;
        booleans and integers 0 and 1 too.
    gamma : float
        At least 0; with 0, and without alpha, it is `sigmoid_cross_entropy`.
    alpha : float, optional
        The weight of the answer yes, from 0 to 1; that of no is 1 - alpha. By default both are 1.

    Returns
    -------
    array
        In the shape and dtype of the logits.

    Raises
    ------
    TypeError
        If the logits or the target do not hold real numbers, or gamma or alpha is not a number.
    ValueError
        If a logit is nan, a target or alpha is not between 0 and 1, gamma is negative or not finite,
        or the shapes differ.

    Notes
    -----
    .. math:: L(x, t) = -t \alpha (1 - p)^\gamma \log p - (1 - t) (1 - \alpha) \, p^\gamma \log (1 - p),
        \qquad p = \sigma(x)

    A target between 0 and 1 has the loss that is expected if t is the probability of yes; so does
    Keras' CategoricalFocalCrossentropy. torchvision, Optax and Keras' BinaryFocalCrossentropy multiply
    cross-entropy by the power of :math:`t (1 - p) + (1 - t) p` there, which is another function; they
    agree for targets of 0 and 1. Nothing cancels: :math:`4 (1 + \gamma)` eps, also for confident
    predictions, and derivatives of other libraries' arrays are finite there.

    References
    ----------
    T.-Y. Lin, P. Goyal, R. Girshick, K. He and P. Dollar, Focal loss for dense object detection, ICCV
    (2017), doi:10.1109/ICCV.2017.324.

    Examples
    --------
    >>> sigmoid_focal_loss([20.0, 0.0, -20.0], 1, gamma=1.0)
    array([4.24835424e-18, 3.46573590e-01, 2.00000000e+01])
    """
    return _of_logits(_binary_loss, logits, target, gamma, alpha)


def _binary_loss(xp: Any, x: Any, gamma: float) -> Any:
    parts = _single(xp, x)
    return _power(xp, parts.q, gamma) * parts.loss


def sigmoid_focal_loss_grad(
    logits: ArrayLike, target: ArrayLike, *, gamma: float = 2.0, alpha: float | None = None
) -> Array:
    r"""Return the derivative of `sigmoid_focal_loss` with respect to each logit.

    Parameters
    ----------
    logits : array_like
        Real numbers of any shape, also -inf and inf.
    target : array_like
        As in `sigmoid_focal_loss`.
    gamma : float
        At least 0.
    alpha : float, optional
        As in `sigmoid_focal_loss`.

    Returns
    -------
    array
        In the shape and dtype of the logits.

    Raises
    ------
    TypeError
        If the logits or the target do not hold real numbers, or gamma or alpha is not a number.
    ValueError
        If a logit is nan, a target or alpha is not between 0 and 1, gamma is negative or not finite,
        or the shapes differ.

    Notes
    -----
    For the target 1, with :math:`p = \sigma(x)`,

    .. math:: \frac{\partial L}{\partial x} = -\alpha (1 - p)^{\gamma + 1} (1 + \gamma r), \qquad
        r = \frac{-p \log p}{1 - p}

    and for the target 0 minus that of the opposite logit, with :math:`1 - \alpha`. For a target of 0 or 1
    the error is at most :math:`4 (2 + \gamma)` eps. Otherwise two terms may cancel, and it is relative to
    the sum of their absolute values.

    References
    ----------
    The proof is the claim ``focal-gradient`` of the book's chapter on focal loss, for two classes.

    Examples
    --------
    >>> sigmoid_focal_loss_grad([20.0, 0.0], 1.0)
    array([-2.62695321e-26, -2.98286795e-01])
    """
    return _of_logits(_binary_gradient, logits, target, gamma, alpha, odd=True)


def _binary_gradient(xp: Any, x: Any, gamma: float) -> Any:
    parts = _single(xp, x)
    return -_power(xp, parts.q, gamma) * (1 + gamma * parts.ratio) * parts.q


def sigmoid_focal_loss_hess(
    logits: ArrayLike, target: ArrayLike, *, gamma: float = 2.0, alpha: float | None = None
) -> Array:
    r"""Return the second derivative of `sigmoid_focal_loss` with respect to each logit.

    Parameters
    ----------
    logits : array_like
        Real numbers of any shape, also -inf and inf.
    target : array_like
        As in `sigmoid_focal_loss`.
    gamma : float
        At least 0.
    alpha : float, optional
        As in `sigmoid_focal_loss`.

    Returns
    -------
    array
        In the shape and dtype of the logits: the diagonal of the Hessian, the rest of which is 0.

    Raises
    ------
    TypeError
        If the logits or the target do not hold real numbers, or gamma or alpha is not a number.
    ValueError
        If a logit is nan, a target or alpha is not between 0 and 1, gamma is negative or not finite,
        or the shapes differ.

    Notes
    -----
    For the target 1, with :math:`p = \sigma(x)` and r as in `sigmoid_focal_loss_grad`,

    .. math:: \frac{\partial^2 L}{\partial x^2} = \alpha \, p \, (1 - p)^{\gamma + 1}
        (1 + 2 \gamma + \gamma \log p + \gamma^2 r)

    which is negative for small p; for the target 0 that of the opposite logit, with :math:`1 - \alpha`.
    The terms may cancel: the error is at most :math:`4 (3 + \gamma)` eps of the sum of their absolute
    values.

    References
    ----------
    The proof is the claim ``focal-curvature`` of the book's chapter on focal loss.

    Examples
    --------
    >>> sigmoid_focal_loss_hess([0.0, -4.0], 1.0)
    array([ 0.3991434 , -0.04670326])
    """
    return _of_logits(_binary_curvature, logits, target, gamma, alpha)


def _binary_curvature(xp: Any, x: Any, gamma: float) -> Any:
    parts = _single(xp, x)
    # p log p, which is 0 where p is.
    bracket = parts.p * (1 + 2 * gamma + gamma**2 * parts.ratio) - gamma * parts.q * parts.ratio
    return _power(xp, parts.q, gamma) * parts.q * bracket
