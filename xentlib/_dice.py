"""The soft Dice loss of binary masks on logits, with gradient and Hessian: one for all pixels together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import array_api_compat
from numpy.typing import ArrayLike

from xentlib import _arrays, _checks
from xentlib._arrays import Array
from xentlib._sigmoid import of_both_answers


class _Overlap(NamedTuple):
    """Pixels have the last axis; what a mask has one of keeps it, with length 1."""

    size: Any
    """Sum p + sum t + smooth; 1 where this is 0, for all that is divided by it is 0 there."""
    dice: Any
    loss: Any
    """1 - dice, without the subtraction."""
    slope: Any
    """The derivative of p: p (1 - p)."""
    bend: Any
    """1 - 2 p."""


def _overlap(xp: Any, x: Any, t: Any, smooth: float) -> _Overlap:
    yes, no, e = of_both_answers(xp, x)
    yes, no = yes / (1 + e), no / (1 + e)
    wrong = xp.sum(yes * (1 - t), axis=-1, keepdims=True) + xp.sum(no * t, axis=-1, keepdims=True)
    right = 2 * xp.sum(yes * t, axis=-1, keepdims=True) + smooth
    size = wrong + right
    # Nothing there, and nothing left of what is predicted: 1, as it is for all p > 0.
    empty = size == 0
    size = xp.where(empty, 1.0, size)
    loss = xp.where(empty, 1.0, wrong / size)
    bend = -xp.expm1(xp.where(x >= 0, -x, x)) / (1 + e)
    return _Overlap(size, right / size, loss, e / ((1 + e) * (1 + e)), xp.where(x >= 0, -bend, bend))


def _soft_dice(
    function: Callable[..., Any], logits: Any, target: Any, smooth: float, axis: int, *, keep: bool = False
) -> Array:
    """Return a function of the overlap and the target, the pixels last."""
    constant = _checks.number_from_0(smooth, "smooth")
    xp, (x, t) = _arrays.together(logits, target)
    if x.ndim == 0:
        message = f"logits must have an axis of pixels, which the number {x} has not: wrap it in a list"
        raise ValueError(message)
    x, t = _checks.logits_and_probabilities(xp, x, t, one=False)
    found = _arrays.rows(xp, x, axis, "logits", no_class=True)
    if found.values.shape[-1] == 0:
        message = f"logits must have at least one pixel, but the shape is {found.shape}"
        raise ValueError(message)
    t = _arrays.class_axis_last(xp, t, axis)
    return found.compute(lambda xp, x, t: function(xp, _overlap(xp, x, t, constant), t), t, keep=keep)


def soft_dice_loss(logits: ArrayLike, target: ArrayLike, *, smooth: float = 0.0, axis: int = -1) -> Array:
    r"""Return the soft Dice loss of the sigmoids of the logits: 1 minus their overlap with the target.

    Parameters
    ----------
    logits : array_like
        Real numbers, also -inf and inf, one for each pixel; shape ``(..., N)`` for N pixels.
    target : array_like
        0 or 1, or anything between, in the shape of the logits.
    smooth : float
        What is added to numerator and denominator of the overlap, at least 0.
    axis : int
        The axis of the pixels: an image or a batch whose pixels count together is reshaped to one axis.

    Returns
    -------
    array
        From 0 to 1, in the dtype of the logits, without the axis of the pixels.

    Raises
    ------
    TypeError
        If the logits or the target do not hold real numbers, or `smooth` is no real number.
    ValueError
        If a logit is nan, a target is not between 0 and 1, the shapes differ, there is no pixel, or
        `smooth` is negative or not finite.

    Notes
    -----
    With p the sigmoid of the logits x, and s for `smooth`,

    .. math::

       \ell(x, t) = 1 - \frac{2 \sum_n p_n t_n + s}{\sum_n p_n + \sum_n t_n + s}
       = \frac{\sum_n p_n (1 - t_n) + \sum_n (1 - p_n) t_n}{\sum_n p_n + \sum_n t_n + s}

    All terms of the second form, which is computed, are at least 0: 4 eps, also where the overlap is next
    to 1. An empty target (all t = 0) has the loss :math:`\sum_n p_n / (\sum_n p_n + s)`. Without s it is 1
    for all logits, also where all p are 0, and its gradient is 0: nothing is learned from it. With s > 0
    it falls to 0 as p does.

    Milletari et al. have :math:`\sum_n p_n^2 + \sum_n t_n^2` in the denominator and no s; that is another
    loss, for which there is no function here. `smooth` stands in both places, so that an empty
    mask found empty costs 0; Keras adds 1e-7 to the denominator alone.

    References
    ----------
    F. Milletari, N. Navab and S.-A. Ahmadi, V-Net: fully convolutional neural networks for volumetric
    medical image segmentation, 3DV (2016), doi:10.1109/3DV.2016.79. L. R. Dice, Measures of the amount of
    ecologic association between species, Ecology 26 (1945), doi:10.2307/1932409.

    Examples
    --------
    >>> float(soft_dice_loss([0.0, 0.0], [1, 0]))
    0.5
    >>> float(soft_dice_loss([40.0, -40.0], [1, 0]))
    4.248354255291589e-18
    """
    return _soft_dice(lambda xp, overlap, t: overlap.loss[..., 0], logits, target, smooth, axis)


def soft_dice_loss_grad(
    logits: ArrayLike, target: ArrayLike, *, smooth: float = 0.0, axis: int = -1
) -> Array:
    r"""Return the gradient of `soft_dice_loss` with respect to the logits.

    Parameters
    ----------
    logits : array_like
        As in `soft_dice_loss`.
    target : array_like
        0 or 1, or anything between, in the shape of the logits.
    smooth : float
        What is added to numerator and denominator of the overlap, at least 0.
    axis : int
        The axis of the pixels.

    Returns
    -------
    array
        In the shape and dtype of the logits.

    Raises
    ------
    TypeError
        If the logits or the target do not hold real numbers, or `smooth` is no real number.
    ValueError
        If a logit is nan, a target is not between 0 and 1, the shapes differ, there is no pixel, or
        `smooth` is negative or not finite.

    Notes
    -----
    With :math:`F = 1 - \ell`, the overlap, and :math:`S = \sum_n p_n + \sum_n t_n + s`,

    .. math::

       \frac{\partial \ell}{\partial x_n} = p_n (1 - p_n) \frac{F - 2 t_n}{S}
       = p_n (1 - p_n) \frac{(1 - 2 t_n) F - 2 t_n \ell}{S}

    The second form is computed. For a target of 0 or 1 its terms have one sign: 8 eps. Otherwise they may
    cancel: the error is at most :math:`8 \varepsilon p_n (1 - p_n) (|1 - 2 t_n| F + 2 t_n \ell) / S`.

    References
    ----------
    The proof is the claim ``dice-gradient`` of the book, with respect to p. F. Milletari, N. Navab and
    S.-A. Ahmadi, V-Net (2016), doi:10.1109/3DV.2016.79, have the gradient of their form.

    Examples
    --------
    A pixel of the mask is pulled up, one beside it is pushed down:

    >>> soft_dice_loss_grad([0.0, 0.0], [1, 0])
    array([-0.1875,  0.0625])
    """
    return _soft_dice(_gradient, logits, target, smooth, axis, keep=True)


def _pull(overlap: _Overlap, t: Any) -> Any:
    """Return (F - 2 t) / S, of terms with one sign where t is 0 or 1."""
    return ((1 - 2 * t) * overlap.dice - 2 * t * overlap.loss) / overlap.size


def _gradient(xp: Any, overlap: _Overlap, t: Any) -> Any:
    return overlap.slope * _pull(overlap, t)


def soft_dice_loss_hess(
    logits: ArrayLike, target: ArrayLike, *, smooth: float = 0.0, axis: int = -1
) -> Array:
    r"""Return the Hessian of `soft_dice_loss` with respect to the logits: N rows of N, not a diagonal.

    Parameters
    ----------
    logits : array_like
        As in `soft_dice_loss`.
    target : array_like
        0 or 1, or anything between, in the shape of the logits.
    smooth : float
        What is added to numerator and denominator of the overlap, at least 0.
    axis : int
        The axis of the pixels.

    Returns
    -------
    array
        In the dtype of the logits, shape ``(..., N, N)``: the batch axes in their order first.

    Raises
    ------
    TypeError
        If the logits or the target do not hold real numbers, or `smooth` is no real number.
    ValueError
        If a logit is nan, a target is not between 0 and 1, the shapes differ, there is no pixel, or
        `smooth` is negative or not finite.

    Notes
    -----
    With F and S as in `soft_dice_loss_grad`, and :math:`v_n = p_n (1 - p_n)`,

    .. math::

       \frac{\partial^2 \ell}{\partial x_n \, \partial x_m} = 2 \frac{v_n}{S} \frac{v_m}{S} (t_n + t_m - F)
       + \delta_{nm} v_n (1 - 2 p_n) \frac{F - 2 t_n}{S}

    where :math:`t_n + t_m - F = (t_n + t_m - 1) F + (t_n + t_m) \ell`. Off the diagonal and for targets of
    0 and 1: 16 eps. Otherwise terms may cancel: the error is at most 16 eps of the sum of their absolute
    values. The loss is not convex.

    References
    ----------
    The proof is the claim ``dice-hessian`` of the book, with respect to p.

    Examples
    --------
    >>> soft_dice_loss_hess([0.0, 0.0], [1, 0])
    array([[ 0.046875,  0.015625],
           [ 0.015625, -0.015625]])
    """
    return _soft_dice(_hessian, logits, target, smooth, axis)


def _hessian(xp: Any, overlap: _Overlap, t: Any) -> Any:
    both = t[..., :, None] + t[..., None, :]
    shared = (both - 1) * overlap.dice[..., None] + both * overlap.loss[..., None]
    # Each by the size, the square of which may underflow.
    part = overlap.slope / overlap.size
    product = 2 * part[..., :, None] * part[..., None, :] * shared
    alone = overlap.slope * overlap.bend * _pull(overlap, t)
    diagonal = xp.eye(t.shape[-1], dtype=xp.bool, device=array_api_compat.device(t))
    return product + xp.where(diagonal, alone[..., None, :], 0.0)
