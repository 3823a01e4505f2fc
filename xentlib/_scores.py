"""Two proper scores besides the logarithm, as losses of labels: Brier's and the spherical one.

Brier's loss is made of the probabilities p of softmax, the spherical one of the shares t^2 / sum(t^2)
of squares, which are softmax of the doubled logits: p_y / ||p|| is the root of the label's share.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import array_api_compat
from numpy.typing import ArrayLike

from xentlib import _arrays, _checks
from xentlib._arrays import Array
from xentlib._softmax import Shifted, jacobian_of, shifted


def _of_rows(
    function: Callable[..., Any], logits: Any, labels: Any, axis: int, *, keep: bool = False
) -> Array:
    """Return a function of the logits and of where the label is, row by row; nan for one out of range."""
    found, (labels,) = _arrays.logit_rows(logits, labels, axis=axis)
    _checks.check_row_labels(found, labels, found.values.shape[-1])
    _checks.check_logits(found)

    def row(xp: Any, z: Any, y: Any) -> Any:
        own, parts = _arrays.one_hot_mask(xp, y, z.shape[-1]), shifted(xp, z)
        known = xp.any(own, axis=-1, keepdims=True)
        return function(xp, own, parts._replace(rest=xp.where(known, parts.rest, math.nan)))

    return found.compute(row, labels, keep=keep)


# --- Brier -----------------------------------------------------------------------------------------


def softmax_brier_loss(logits: ArrayLike, labels: ArrayLike, *, axis: int = -1) -> Array:
    r"""Return the Brier score of softmax of the logits for labels, row by row.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf masks a class.
    labels : array_like
        Integers 0, ..., K - 1 of shape ``(...)``.
    axis : int
        The class axis.

    Returns
    -------
    array
        From 0 to 2, in the dtype of the logits, without the class axis.

    Raises
    ------
    TypeError
        If the logits are not real numbers, or the labels are not integers.
    ValueError
        If a logit is nan or +inf, all classes are masked, a shape does not fit, or a label is out
        of range.

    Notes
    -----
    With the one-hot target y,

    .. math:: \ell(z, y) = \sum_{k=1}^K (p_k - y_k)^2

    where :math:`1 - p` of the label is the sum of the other probabilities: 8 eps, also for confident
    predictions, until the squares underflow. Brier's sum is over all classes: for two of them it is
    twice the square of one probability's error. The mean over the classes is K times less.

    References
    ----------
    G. W. Brier, Verification of forecasts expressed in terms of probability, Monthly Weather Review 78
    (1950), doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.

    Examples
    --------
    >>> import numpy as np
    >>> softmax_brier_loss([[np.log(3.0), 0.0], [40.0, 0.0]], [1, 0])
    array([1.12500000e+00, 3.60970278e-35])
    """
    return _of_rows(_brier, logits, labels, axis)


def _brier(xp: Any, own: Any, parts: Shifted) -> Any:
    return _if_label(xp, parts, _arrays.entry_at(xp, own, parts.without_own(xp)), own)[..., 0]


def _if_label(xp: Any, parts: Shifted, others: Any, own: Any) -> Any:
    """Return the square of the others' sum and the sum of their squares, as a part of the total's square."""
    p = xp.where(own, 0.0, parts.terms) / (1 + parts.rest)
    q = others / (1 + parts.rest)
    return q * q + xp.sum(p * p, axis=-1, keepdims=True)


def softmax_brier_loss_grad(logits: ArrayLike, labels: ArrayLike, *, axis: int = -1) -> Array:
    r"""Return the gradient of `softmax_brier_loss` with respect to the logits.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf masks a class.
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
        If the logits are not real numbers, or the labels are not integers.
    ValueError
        If a logit is nan or +inf, all classes are masked, a shape does not fit, or a label is out
        of range.

    Notes
    -----
    .. math:: \frac{\partial \ell}{\partial z_i} = 2 p_i d_i, \qquad
        d_i = u_i - \sum_{k=1}^K p_k u_k, \qquad u = p - y

    The u are taken relative to that of the largest logit, at class a, so that the terms of a confident
    prediction are small, right or wrong. They may cancel: the error is at most 8 eps of
    :math:`2 p_i D_i` with :math:`D_i = |u_i - u_a| + \sum_k p_k |u_k - u_a|`. At the label the entry is
    :math:`-2 p_y \ell`, with 8 eps of itself.

    References
    ----------
    The proof is the claim ``brier-loss-gradient`` of the book's chapter on proper scores.

    Examples
    --------
    A sure prediction has hardly a gradient, right or wrong:

    >>> softmax_brier_loss_grad([[20.0, 0.0], [20.0, 0.0]], [0, 1])
    array([[-1.69934169e-17,  1.69934169e-17],
           [ 8.24461444e-09, -8.24461444e-09]])
    """
    return _of_rows(lambda xp, own, parts: _deviations(xp, own, parts).slope, logits, labels, axis, keep=True)


class _Deviations(NamedTuple):
    """What the derivatives are made of."""

    p: Any
    loss: Any
    d: Any
    """u - sum(p u), for u = p - y."""

    @property
    def slope(self) -> Any:
        """The gradient."""
        return 2 * self.p * self.d


def _deviations(xp: Any, own: Any, parts: Shifted) -> _Deviations:
    total, others = 1 + parts.rest, parts.without_own(xp)
    p, q = parts.terms / total, others / total
    # u less that of the largest logit, in each of three cases without cancellation.
    largest = xp.any(own & parts.first, axis=-1, keepdims=True)
    of_label = _arrays.entry_at(xp, own, others)
    if_right = p + of_label / total
    if_wrong = xp.where(own, -(q + 1 / total), _below_largest(xp, parts))
    u = xp.where(parts.first, 0.0, xp.where(largest, if_right, if_wrong))
    loss = _if_label(xp, parts, of_label, own)
    return _Deviations(p, loss, xp.where(own, -loss, u - xp.sum(p * u, axis=-1, keepdims=True)))


def _below_largest(xp: Any, parts: Shifted) -> Any:
    """Return each probability less the largest one."""
    return xp.expm1(parts.gaps) / (1 + parts.rest)


def softmax_brier_loss_hess(logits: ArrayLike, labels: ArrayLike, *, axis: int = -1) -> Array:
    r"""Return the Hessian of `softmax_brier_loss` with respect to the logits, row by row.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf masks a class.
    labels : array_like
        Integers 0, ..., K - 1 of shape ``(...)``.
    axis : int
        The class axis.

    Returns
    -------
    array
        In the dtype of the logits, shape ``(..., K, K)``: the batch axes in their order first.

    Raises
    ------
    TypeError
        If the logits are not real numbers, or the labels are not integers.
    ValueError
        If a logit is nan or +inf, all classes are masked, a shape does not fit, or a label is out
        of range.

    Notes
    -----
    With d as in `softmax_brier_loss_grad`,

    .. math::

       \frac{\partial^2 \ell}{\partial z_i \, \partial z_j}
       = 2 p_i \bigl(\delta_{ij} (d_i + p_i) - p_j (d_i + d_j + p_i + p_j - s)\bigr), \qquad
       s = \sum_{k=1}^K p_k^2

    The loss is not convex. On the diagonal that is :math:`2 p_i (d_i (1 - 2 p_i) + p_i \ell_i)`, where
    :math:`\ell_i` is the loss of the label i; and at the largest logit
    :math:`p_a - s = \sum_k p_k (p_a - p_k)`. The terms may cancel: the error is at most 12 eps of the sum
    of their absolute values, where D from `softmax_brier_loss_grad` stands for d, and
    :math:`p_i + p_j + s` for the last three terms.

    References
    ----------
    The proof is the claim ``brier-loss-hessian`` of the book's chapter on proper scores.

    Examples
    --------
    >>> softmax_brier_loss_hess([0.0, 2.0], 0)
    array([[-0.23762834,  0.23762834],
           [ 0.23762834, -0.23762834]])
    """
    return _of_rows(_brier_hessian, logits, labels, axis)


def _brier_hessian(xp: Any, own: Any, parts: Shifted) -> Any:
    p, loss, d = _deviations(xp, own, parts)
    total, others = 1 + parts.rest, parts.without_own(xp)
    same = xp.eye(p.shape[-1], dtype=xp.bool, device=array_api_compat.device(p))
    # The loss that each class would have as the label: squares of all others, but for the largest none lost.
    squares = p * p
    small = xp.sum(xp.where(parts.first, 0.0, squares), axis=-1, keepdims=True)
    whole = small + _arrays.entry_at(xp, parts.first, squares)
    if_each = (others / total) ** 2 + xp.where(parts.first, small, whole - squares)
    diagonal = d * (others / total - p) + p * xp.where(own, loss, if_each)
    # p_i + p_j - s; with the class of the largest logit, p_a - s is small where p_a is next to 1.
    excess = -xp.sum(p * xp.where(parts.first, 0.0, _below_largest(xp, parts)), axis=-1, keepdims=True)
    rows, columns = p[..., :, None], p[..., None, :]
    both = rows + columns - whole[..., None]
    both = xp.where(parts.first[..., None, :], rows + excess[..., None], both)
    both = xp.where(parts.first[..., :, None], columns + excess[..., None], both)
    pairs = -columns * (d[..., :, None] + d[..., None, :] + both)
    return 2 * rows * xp.where(same, diagonal[..., None, :], pairs)


# --- Spherical -------------------------------------------------------------------------------------


def softmax_spherical_loss(logits: ArrayLike, labels: ArrayLike, *, axis: int = -1) -> Array:
    r"""Return 1 less the spherical score of softmax of the logits for labels, row by row.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf masks a class.
    labels : array_like
        Integers 0, ..., K - 1 of shape ``(...)``.
    axis : int
        The class axis.

    Returns
    -------
    array
        From 0 to 1, in the dtype of the logits, without the class axis; 1 where the label is masked.

    Raises
    ------
    TypeError
        If the logits are not real numbers, or the labels are not integers.
    ValueError
        If a logit is nan or +inf, all classes are masked, a shape does not fit, or a label is out
        of range.

    Notes
    -----
    .. math::

       \ell(z, y) = 1 - \frac{p_y}{\lVert p \rVert} = 1 - \sqrt{\pi_y}
       = \frac{1 - \pi_y}{1 + \sqrt{\pi_y}}, \qquad \pi = \operatorname{softmax}(2 z)

    The last form is computed, where :math:`1 - \pi_y` is the sum of the others: 8 eps, also for confident
    predictions, until the squares underflow. It is half of `generalized_cross_entropy` of the doubled
    logits with q = 1/2.

    References
    ----------
    T. Gneiting and A. E. Raftery, Strictly proper scoring rules, prediction, and estimation, J. American
    Statistical Association 102 (2007), doi:10.1198/016214506000001437.

    Examples
    --------
    >>> import numpy as np
    >>> softmax_spherical_loss([[np.log(3.0), 0.0], [40.0, 0.0]], [1, 0])
    array([6.83772234e-01, 9.02425694e-36])
    """
    return _of_rows(_spherical, logits, labels, axis)


def _squared(xp: Any, parts: Shifted) -> Shifted:
    """Return the squares of the terms, which are those of the doubled logits, with their sum."""
    squares = parts.terms * parts.terms
    rest = xp.sum(xp.where(parts.first, 0.0, squares), axis=-1, keepdims=True)
    return parts._replace(terms=squares, rest=rest + 0 * parts.rest)  # nan stays


class _Share(NamedTuple):
    squares: Shifted
    root: Any
    """p / ||p|| of the label."""
    slope: Any
    """The shares of the squares, less 1 at the label."""


def _share(xp: Any, own: Any, parts: Shifted) -> _Share:
    squares = _squared(xp, parts)
    total = 1 + squares.rest
    root = _arrays.entry_at(xp, own, parts.terms) / xp.sqrt(total)
    return _Share(squares, root, xp.where(own, -squares.without_own(xp), squares.terms) / total)


def _spherical(xp: Any, own: Any, parts: Shifted) -> Any:
    _, root, slope = _share(xp, own, parts)
    return (0 - _arrays.entry_at(xp, own, slope) / (1 + root))[..., 0]  # no -0


def softmax_spherical_loss_grad(logits: ArrayLike, labels: ArrayLike, *, axis: int = -1) -> Array:
    r"""Return the gradient of `softmax_spherical_loss` with respect to the logits.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf masks a class.
    labels : array_like
        Integers 0, ..., K - 1 of shape ``(...)``.
    axis : int
        The class axis.

    Returns
    -------
    array
        In the shape and dtype of the logits; 0 where the label is masked.

    Raises
    ------
    TypeError
        If the logits are not real numbers, or the labels are not integers.
    ValueError
        If a logit is nan or +inf, all classes are masked, a shape does not fit, or a label is out
        of range.

    Notes
    -----
    .. math:: \frac{\partial \ell}{\partial z_i} = \sqrt{\pi_y} \, (\pi_i - \delta_{iy}),
        \qquad \pi = \operatorname{softmax}(2 z)

    :math:`\pi_y - 1` is minus the sum of the others: 8 eps of each entry.

    References
    ----------
    The proof is the claim ``spherical-gradient`` of the book's chapter on proper scores.

    Examples
    --------
    >>> import numpy as np
    >>> softmax_spherical_loss_grad([np.log(3.0), 0.0], 1)
    array([ 0.28460499, -0.28460499])
    """
    return _of_rows(_spherical_gradient, logits, labels, axis, keep=True)


def _spherical_gradient(xp: Any, own: Any, parts: Shifted) -> Any:
    _, root, slope = _share(xp, own, parts)
    return root * slope


def softmax_spherical_loss_hess(logits: ArrayLike, labels: ArrayLike, *, axis: int = -1) -> Array:
    r"""Return the Hessian of `softmax_spherical_loss` with respect to the logits, row by row.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf masks a class.
    labels : array_like
        Integers 0, ..., K - 1 of shape ``(...)``.
    axis : int
        The class axis.

    Returns
    -------
    array
        In the dtype of the logits, shape ``(..., K, K)``: the batch axes in their order first.

    Raises
    ------
    TypeError
        If the logits are not real numbers, or the labels are not integers.
    ValueError
        If a logit is nan or +inf, all classes are masked, a shape does not fit, or a label is out
        of range.

    Notes
    -----
    .. math::

       \frac{\partial^2 \ell}{\partial z_i \, \partial z_j} = \sqrt{\pi_y} \, \bigl(
       2 \pi_i (\delta_{ij} - \pi_j) - (\pi_i - \delta_{iy}) (\pi_j - \delta_{jy}) \bigr)

    with :math:`\pi` as in `softmax_spherical_loss_grad`. The loss is not convex. An entry is a difference;
    the error is at most 12 eps of the sum of the two products' sizes.

    References
    ----------
    The proof is the claim ``spherical-hessian`` of the book's chapter on proper scores.

    Examples
    --------
    Negative along the diagonal: no curvature of a convex function.

    >>> import numpy as np
    >>> softmax_spherical_loss_hess([np.log(3.0), 0.0], 1)
    array([[-0.19922349,  0.19922349],
           [ 0.19922349, -0.19922349]])
    """
    return _of_rows(_spherical_hessian, logits, labels, axis)


def _spherical_hessian(xp: Any, own: Any, parts: Shifted) -> Any:
    squares, root, slope = _share(xp, own, parts)
    twice = 2 * jacobian_of(xp, squares)
    return root[..., None] * (twice - slope[..., :, None] * slope[..., None, :])
