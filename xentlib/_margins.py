"""Losses of the margin: hinge, squared hinge and exponential of one logit, and the hinge of rows.

The margin of the answer yes is the logit, that of no is minus the logit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from numpy.typing import ArrayLike

from xentlib import _arrays, _checks
from xentlib._arrays import Array
from xentlib._kernel import lost_in_difference

# --- Single logits ---------------------------------------------------------------------------------


def _of_margins(function: Callable[..., Any], logits: Any, target: Any, *, odd: bool = False) -> Array:
    """Return the mean of a function of the margin under the target, element by element.

    For the answer no that is the function of the opposite logit, or minus that if it is `odd`, as a first
    derivative is.
    """
    xp, (x, t) = _arrays.together(logits, target)
    x, t = _checks.logits_and_probabilities(xp, x, t)

    def expected(xp: Any, x: Any, t: Any) -> Any:
        # What counts 0 must not be infinite.
        yes = t * function(xp, xp.where(t == 0, 0.0, x))
        no = (1 - t) * function(xp, xp.where(t == 1, 0.0, -x))
        return yes - no if odd else yes + no

    return _arrays.elementwise(xp, expected, x, xp.broadcast_to(t, x.shape))


def _short(xp: Any, m: Any) -> Any:
    """Return how much the margin is short of 1; the derivative at 1 is 0, and nan stays."""
    return xp.where(m >= 1, 0.0, 1 - m)


def _is_short(xp: Any, m: Any) -> Any:
    """Return 1 where it is, 0 where it is not."""
    return xp.where(xp.isnan(m), math.nan, xp.astype(m < 1, m.dtype))


def hinge_loss(logits: ArrayLike, target: ArrayLike) -> Array:
    r"""Return the hinge loss of each logit under its target.

    Parameters
    ----------
    logits : array_like
        Real numbers of any shape, also -inf and inf.
    target : array_like
        Probabilities that the answer is yes, 0 to 1, in the shape of the logits, or one number;
        booleans and integers 0 and 1 too. Of labels -1 and 1, pass (label + 1) / 2.

    Returns
    -------
    array
        In the shape and dtype of the logits; at least 0.

    Raises
    ------
    TypeError
        If the logits or the target do not hold real numbers.
    ValueError
        If a logit is nan, a target is not between 0 and 1, or a shape does not fit.

    Notes
    -----
    .. math:: \ell(x, t) = t \max(0, 1 - x) + (1 - t) \max(0, 1 + x)

    Beyond a margin of 1 the loss is 0. Both terms are at least 0: 4 eps. There is no Hessian: the second
    derivative is 0 but at -1 and 1, where there is none.

    References
    ----------
    C. Cortes and V. Vapnik, Support-vector networks, Machine Learning 20 (1995), doi:10.1007/BF00994018.

    Examples
    --------
    The first is beyond the margin, the second right but inside of it, the third wrong:

    >>> hinge_loss([3.0, 0.25, -2.0], [1, 1, 1])
    array([0.  , 0.75, 3.  ])
    """
    return _of_margins(_short, logits, target)


def hinge_loss_grad(logits: ArrayLike, target: ArrayLike) -> Array:
    r"""Return the subgradient of `hinge_loss` with respect to each logit.

    Parameters
    ----------
    logits : array_like
        Real numbers of any shape, also -inf and inf.
    target : array_like
        As in `hinge_loss`.

    Returns
    -------
    array
        In the shape and dtype of the logits.

    Raises
    ------
    TypeError
        If the logits or the target do not hold real numbers.
    ValueError
        If a logit is nan, a target is not between 0 and 1, or a shape does not fit.

    Notes
    -----
    .. math:: g(x, t) = (1 - t) [x > -1] - t [x < 1]

    At the two bends, where any number between the slopes of both sides is a subgradient, it is that of
    the side beyond the margin: the term counts 0. That of automatic differentiation depends on how the
    maximum is written: that of `hinge_loss` has 0 there, too; ``maximum`` has 1/2 in JAX.
    Accuracy: 4 eps of the sum of the terms' sizes, which cancel in 1 - 2 t between the bends.

    References
    ----------
    The proof is the claim ``hinge-slope`` of the book's chapter on margins. C. Cortes and V. Vapnik,
    Support-vector networks, Machine Learning 20 (1995), doi:10.1007/BF00994018.

    Examples
    --------
    >>> hinge_loss_grad([3.0, 1.0, 0.25, -2.0], [1, 1, 1, 1])
    array([ 0.,  0., -1., -1.])
    """
    return _of_margins(lambda xp, m: -_is_short(xp, m), logits, target, odd=True)


def squared_hinge_loss(logits: ArrayLike, target: ArrayLike) -> Array:
    r"""Return the squared hinge loss of each logit under its target.

    Parameters
    ----------
    logits : array_like
        Real numbers of any shape, also -inf and inf.
    target : array_like
        Probabilities that the answer is yes, 0 to 1, in the shape of the logits, or one number;
        booleans and integers 0 and 1 too. Of labels -1 and 1, pass (label + 1) / 2.

    Returns
    -------
    array
        In the shape and dtype of the logits; at least 0.

    Raises
    ------
    TypeError
        If the logits or the target do not hold real numbers.
    ValueError
        If a logit is nan, a target is not between 0 and 1, or a shape does not fit.

    Notes
    -----
    .. math:: \ell(x, t) = t \max(0, 1 - x)^2 + (1 - t) \max(0, 1 + x)^2

    Both terms are at least 0: 4 eps. Logits that minimise its mean tell the probability p of yes, as
    those of `hinge_loss` do not: x = 2 p - 1.

    References
    ----------
    T. Zhang, Statistical behavior and consistency of classification methods based on convex risk
    minimization, Annals of Statistics 32 (2004), doi:10.1214/aos/1079120130.

    Examples
    --------
    >>> squared_hinge_loss([3.0, 0.25, -2.0], [1, 1, 1])
    array([0.    , 0.5625, 9.    ])
    """
    return _of_margins(lambda xp, m: _short(xp, m) ** 2, logits, target)


def squared_hinge_loss_grad(logits: ArrayLike, target: ArrayLike) -> Array:
    r"""Return the derivative of `squared_hinge_loss` with respect to each logit.

    Parameters
    ----------
    logits : array_like
        Real numbers of any shape, also -inf and inf.
    target : array_like
        As in `squared_hinge_loss`.

    Returns
    -------
    array
        In the shape and dtype of the logits.

    Raises
    ------
    TypeError
        If the logits or the target do not hold real numbers.
    ValueError
        If a logit is nan, a target is not between 0 and 1, or a shape does not fit.

    Notes
    -----
    .. math:: \frac{\partial \ell}{\partial x} = 2 (1 - t) \max(0, 1 + x) - 2 t \max(0, 1 - x)

    It exists everywhere. Accuracy: 4 eps of the sum of the terms' sizes; for a target of 0 or 1 one of them
    is 0.

    References
    ----------
    The proof is the claim ``squared-hinge-slope`` of the book's chapter on margins.

    Examples
    --------
    >>> squared_hinge_loss_grad([3.0, 0.25, -2.0], [1, 1, 1])
    array([ 0. , -1.5, -6. ])
    """
    return _of_margins(lambda xp, m: -2 * _short(xp, m), logits, target, odd=True)


def squared_hinge_loss_hess(logits: ArrayLike, target: ArrayLike) -> Array:
    r"""Return the second derivative of `squared_hinge_loss` with respect to each logit.

    Parameters
    ----------
    logits : array_like
        Real numbers of any shape, also -inf and inf.
    target : array_like
        As in `squared_hinge_loss`.

    Returns
    -------
    array
        In the shape and dtype of the logits: the diagonal of the Hessian, the rest of which is 0.

    Raises
    ------
    TypeError
        If the logits or the target do not hold real numbers.
    ValueError
        If a logit is nan, a target is not between 0 and 1, or a shape does not fit.

    Notes
    -----
    .. math:: \frac{\partial^2 \ell}{\partial x^2} = 2 (1 - t) [x > -1] + 2 t [x < 1]

    At -1 and 1, where the first derivative bends, it is that of the side beyond the margin, where the
    term counts 0. Accuracy: 4 eps.

    References
    ----------
    T. Zhang, Statistical behavior and consistency of classification methods based on convex risk
    minimization, Annals of Statistics 32 (2004), doi:10.1214/aos/1079120130.

    Examples
    --------
    >>> squared_hinge_loss_hess([3.0, 0.25, -2.0], [1, 1, 1])
    array([0., 2., 2.])
    """
    return _of_margins(lambda xp, m: 2 * _is_short(xp, m), logits, target)


def exponential_loss(logits: ArrayLike, target: ArrayLike) -> Array:
    r"""Return the exponential loss of each logit under its target, which boosting minimises.

    Parameters
    ----------
    logits : array_like
        Real numbers of any shape, also -inf and inf.
    target : array_like
        Probabilities that the answer is yes, 0 to 1, in the shape of the logits, or one number;
        booleans and integers 0 and 1 too. Of labels -1 and 1, pass (label + 1) / 2.

    Returns
    -------
    array
        In the shape and dtype of the logits; at least 0.

    Raises
    ------
    TypeError
        If the logits or the target do not hold real numbers.
    ValueError
        If a logit is nan, a target is not between 0 and 1, or a shape does not fit.

    Notes
    -----
    .. math:: \ell(x, t) = t \, e^{-x} + (1 - t) \, e^x

    Both terms are at least 0: 4 eps. A term whose exponential is more than the largest number of the
    dtype that is computed in is infinite, unless its weight is 0. Logits that minimise its mean are half
    the log-odds: the probability is ``sigmoid(2 * logits)``.

    References
    ----------
    J. Friedman, T. Hastie and R. Tibshirani, Additive logistic regression: a statistical view of boosting,
    Annals of Statistics 28 (2000), doi:10.1214/aos/1016218223.

    Examples
    --------
    >>> exponential_loss([3.0, 0.0, -2.0], [1, 1, 1])
    array([0.04978707, 1.        , 7.3890561 ])
    """
    return _of_margins(_exponential, logits, target)


def _exponential(xp: Any, m: Any) -> Any:
    return xp.exp(-m)


def exponential_loss_grad(logits: ArrayLike, target: ArrayLike) -> Array:
    r"""Return the derivative of `exponential_loss` with respect to each logit.

    Parameters
    ----------
    logits : array_like
        Real numbers of any shape, also -inf and inf.
    target : array_like
        As in `exponential_loss`.

    Returns
    -------
    array
        In the shape and dtype of the logits.

    Raises
    ------
    TypeError
        If the logits or the target do not hold real numbers.
    ValueError
        If a logit is nan, a target is not between 0 and 1, or a shape does not fit.

    Notes
    -----
    .. math:: \frac{\partial \ell}{\partial x} = (1 - t) \, e^x - t \, e^{-x}

    Accuracy: 4 eps of the sum of the terms' sizes; for a target of 0 or 1 one of them is 0.

    References
    ----------
    The proof is the claim ``exponential-slope`` of the book's chapter on margins.

    Examples
    --------
    >>> exponential_loss_grad([3.0, 0.0, -2.0], [1, 1, 1])
    array([-0.04978707, -1.        , -7.3890561 ])
    """
    return _of_margins(lambda xp, m: -_exponential(xp, m), logits, target, odd=True)


def exponential_loss_hess(logits: ArrayLike, target: ArrayLike) -> Array:
    r"""Return the second derivative of `exponential_loss` with respect to each logit.

    Parameters
    ----------
    logits : array_like
        Real numbers of any shape, also -inf and inf.
    target : array_like
        As in `exponential_loss`.

    Returns
    -------
    array
        In the shape and dtype of the logits: the diagonal of the Hessian, the rest of which is 0.

    Raises
    ------
    TypeError
        If the logits or the target do not hold real numbers.
    ValueError
        If a logit is nan, a target is not between 0 and 1, or a shape does not fit.

    Notes
    -----
    .. math:: \frac{\partial^2 \ell}{\partial x^2} = t \, e^{-x} + (1 - t) \, e^x

    It is the loss itself, with its accuracy.

    References
    ----------
    J. Friedman, T. Hastie and R. Tibshirani, Additive logistic regression: a statistical view of boosting,
    Annals of Statistics 28 (2000), doi:10.1214/aos/1016218223.

    Examples
    --------
    >>> exponential_loss_hess([3.0, 0.0, -2.0], [1, 1, 1])
    array([0.04978707, 1.        , 7.3890561 ])
    """
    return _of_margins(_exponential, logits, target)


# --- Rows ------------------------------------------------------------------------------------------


def _of_rows(
    function: Callable[..., Any], logits: Any, labels: Any, axis: int, *, keep: bool = False
) -> Array:
    """Return a function of the logits and the labels, row by row; `keep` puts the class axis back."""
    found, (labels,) = _arrays.logit_rows(logits, labels, axis=axis)
    _checks.check_row_labels(found, labels, found.values.shape[-1])
    _checks.check_logits(found)
    return found.compute(function, labels, keep=keep)


def _against_the_best(xp: Any, z: Any, labels: Any) -> tuple[Any, Any, Any]:
    """Return 1 + the largest other logit - the own one, where the own one is, and the largest other one.

    What rounding loses in the difference is put back: it may be all that 1 leaves.
    """
    own = _arrays.one_hot_mask(xp, labels, z.shape[-1])
    best = xp.max(xp.where(own, -math.inf, z), axis=-1, keepdims=True)
    mine = _arrays.entry_at(xp, own, z)
    gap = best - mine
    usual = xp.isfinite(gap)
    a, b = xp.where(usual, best, 0.0), xp.where(usual, mine, 0.0)
    short = (1 + gap) + lost_in_difference(a, b, a - b)
    known = xp.any(own, axis=-1, keepdims=True) & (best < math.inf) & (mine < math.inf)
    return xp.where(known, short, math.nan), own, best


def multiclass_hinge_loss(logits: ArrayLike, labels: ArrayLike, *, axis: int = -1) -> Array:
    r"""Return the hinge loss of rows of logits, by Crammer and Singer.

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
        In the dtype of the logits, without the class axis; at least 0, and inf where the label is masked.

    Raises
    ------
    TypeError
        If the logits are not real numbers or the labels are not integers.
    ValueError
        If a logit is nan or +inf, all classes are masked, a shape does not fit, or a label is out of range.

    Notes
    -----
    .. math:: \ell(z, y) = \max\bigl(0,\; 1 + \max_{k \ne y} z_k - z_y\bigr)

    The best of the other classes alone counts. A class without others costs 0. Accuracy: 4 eps, also where
    the difference is next to -1: what it loses to rounding is put back. There is no Hessian: the loss is
    linear but where it bends, and there is none there.

    Weston and Watkins sum over the other classes instead of taking the largest, and so does PyTorch's
    ``multi_margin_loss``, which divides by K besides. Keras's ``categorical_hinge`` takes the maximum of
    the others and 0, which differs from this one if the logits of all others are negative.

    References
    ----------
    K. Crammer and Y. Singer, On the algorithmic implementation of multiclass kernel-based vector machines,
    J. Machine Learning Research 2 (2001), https://www.jmlr.org/papers/v2/crammer01a.html.

    Examples
    --------
    Beyond the margin; right, but inside of it; wrong:

    >>> multiclass_hinge_loss([[3.0, 1.0, 0.0], [3.0, 2.75, 0.0], [3.0, 4.0, 0.0]], [0, 0, 0])
    array([0.  , 0.75, 2.  ])
    """
    return _of_rows(_row_loss, logits, labels, axis)


def _row_loss(xp: Any, z: Any, labels: Any) -> Any:
    short, _, _ = _against_the_best(xp, z, labels)
    return xp.where(short <= 0, 0.0, short)[..., 0]


def multiclass_hinge_loss_grad(logits: ArrayLike, labels: ArrayLike, *, axis: int = -1) -> Array:
    r"""Return the subgradient of `multiclass_hinge_loss` with respect to the logits.

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
        If the logits are not real numbers or the labels are not integers.
    ValueError
        If a logit is nan or +inf, all classes are masked, a shape does not fit, or a label is out of range.

    Notes
    -----
    Where the loss is 0, all entries are 0, also at the bend :math:`z_y = 1 + \max_{k \ne y} z_k`. Elsewhere
    the entry of the label is -1 and that of the best other class 1. If there are several best ones, they
    share the 1 equally: of all subgradients the one that prefers none. Accuracy: 4 eps.

    References
    ----------
    The proof is the claim ``multiclass-hinge-slope`` of the book's chapter on margins.
    K. Crammer and Y. Singer, On the algorithmic implementation of multiclass kernel-based vector machines,
    J. Machine Learning Research 2 (2001), https://www.jmlr.org/papers/v2/crammer01a.html.

    Examples
    --------
    >>> multiclass_hinge_loss_grad([[3.0, 1.0, 0.0], [3.0, 2.75, 0.0], [3.0, 4.0, 4.0]], [0, 0, 0])
    array([[ 0. ,  0. ,  0. ],
           [-1. ,  1. ,  0. ],
           [-1. ,  0.5,  0.5]])
    """
    return _of_rows(_row_slope, logits, labels, axis, keep=True)


def _row_slope(xp: Any, z: Any, labels: Any) -> Any:
    short, own, best = _against_the_best(xp, z, labels)
    first = xp.astype((z == best) & ~own, z.dtype)
    count = xp.sum(first, axis=-1, keepdims=True)
    slope = xp.where(own, -1.0, first / xp.where(count == 0, 1.0, count))
    return xp.where(xp.isnan(short), math.nan, xp.where(short > 0, slope, 0.0))
