"""Sparse probabilities: sparsemax and entmax of logits, their losses, gradients and Hessians.

All is computed from the gaps g = z - max z. With b = alpha - 1 and p = exp(-c) of the largest logit,

    p_k = exp(-c) (1 + b g_k exp(b c)) ** (1 / b),

or 0 where the base is not positive; the one unknown c lies between 0 and log K. For sparsemax, b = 1, it
is found by sorting, otherwise by Newton's method on a function that is convex or concave, from the side
on which no step goes too far: nothing has to be halved or guarded. Two more Newton steps then take back
what a long sum has lost; and as their derivative is that of the root, results can be differentiated.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import array_api_compat
import numpy as np
from numpy.typing import ArrayLike

from xentlib import _arrays, _checks
from xentlib._arrays import Array
from xentlib._cross_entropy import gradient_of, hessian_of, loss_of
from xentlib._softmax import shifted, softmax
from xentlib._targets import as_distributions


class _Sparse(NamedTuple):
    """Sparse probabilities and what they are made of, with the class axis last."""

    gaps: Any
    """z - max: 0 for a class that is masked, that no derivative may meet an infinity."""
    masked: Any
    support: Any
    """Where the probability is positive."""
    p: Any
    c: Any
    """Minus the logarithm of the largest probability; for sparsemax the threshold, below the maximum."""


def _gaps(xp: Any, z: Any) -> tuple[Any, Any, Any]:
    """Return z - max, the masked classes, and 0 for each row, or nan for a row that is refused."""
    masked = z == -math.inf
    first = _arrays.one_hot_mask(xp, xp.argmax(z, axis=-1), z.shape[-1])
    top = _arrays.entry_at(xp, first & ~masked, z)
    nothing = xp.where(xp.all(masked, axis=-1, keepdims=True), math.nan, 0 * top)
    return xp.where(first | masked, 0.0, z - top), masked, nothing


def _sum(xp: Any, values: Any) -> Any:
    return xp.sum(values, axis=-1, keepdims=True)


# --- The probabilities ----------------------------------------------------------------------------


def _sparsemax(xp: Any, z: Any) -> _Sparse:
    gaps, masked, nothing = _gaps(xp, z)
    # No class that is 1 below the largest gets anything: its gap may as well be 1.
    near = xp.where(masked | (gaps < -1), -1.0, gaps)
    falling = -xp.sort(-near, axis=-1)
    count = xp.arange(1, z.shape[-1] + 1, dtype=z.dtype, device=array_api_compat.device(z))
    inside = 1 + count * falling > xp.cumulative_sum(falling, axis=-1)
    lowest = xp.min(xp.where(inside, falling, 0.0), axis=-1, keepdims=True)
    support = near >= lowest
    size = _sum(xp, xp.astype(support, z.dtype))
    threshold = (_sum(xp, xp.where(support, near, 0.0)) - 1) / size
    threshold = threshold + (_sum(xp, xp.where(support, near - threshold, 0.0)) - 1) / size + nothing
    p = near - threshold
    return _Sparse(gaps, masked, support, xp.where(support & ~(p < 0), p, 0 + 0 * threshold), threshold)


def _entmax(xp: Any, z: Any, beta: float) -> _Sparse:
    """Return the probabilities for an alpha = 1 + beta that is neither 1 nor 2."""
    gaps, masked, nothing = _gaps(xp, z)
    constant = masked | (gaps == 0)
    slopes = beta * xp.where(constant, -1.0, gaps)

    def logarithms(c: Any) -> tuple[Any, Any]:
        """Return the logarithms of the probabilities, 0 where there are none, and where there are any."""
        part = xp.where(constant, 0.0, slopes * xp.exp(beta * c))
        # Of an infinite part, which beta < 0 may have, the logarithm is -inf; its derivative must not be.
        inside = ~masked & (part > -1) & (part < math.inf)
        return xp.where(inside, xp.log1p(xp.where(inside, part, 0.0)) / beta - c, 0.0), inside

    if beta < 1:
        c = _by_norm(xp, xp.where(masked, -beta * math.inf, beta * gaps), beta)
    else:
        c = _by_support(xp, xp.where(masked, -math.inf, gaps), beta)
    c = _fixed(xp, c)
    # For large beta the sum is steep where a class enters, and a tangent there leads far away.
    most = (1024 if beta <= 1 else 4) * float(xp.finfo(z.dtype).eps)
    for _ in range(2):  # the first gives the first derivatives, both the second ones
        logs, inside = logarithms(c)
        fall = _sum(xp, xp.where(inside, xp.exp((1 - beta) * logs - beta * c), 0.0))
        move = (_sum(xp, xp.where(inside, xp.exp(logs), 0.0)) - 1) / xp.where(fall == 0, 1.0, fall)
        c = c + xp.where(xp.abs(move) <= most, move, 0.0)
    logs, inside = logarithms(c)
    p = xp.where(inside, xp.exp(logs), 0.0) + nothing
    return _Sparse(gaps, masked, inside, p, c)


def _by_norm(xp: Any, slopes: Any, beta: float) -> Any:
    """Return the c at which the sum is 1, for beta below 1; of a masked class the slope is -beta inf.

    With u = exp(-beta c), the sum to the power beta is the norm of the u + beta g_k of order 1 / beta: in
    u it is convex for beta > 0, concave for beta < 0, and between u = 1 and the root above or below its
    tangents, so that Newton's steps from there never pass the root. One is enough if all logits are
    equal, and for beta near 0, where the logarithm of the sum is linear in c.
    """
    most = math.log(slopes.shape[-1])
    c = _sum(xp, xp.zeros_like(slopes))
    # The slope is at most K ** beta: as often as it may halve, and until the digits have doubled enough.
    for _ in range(6 + math.ceil(max(beta, 0.0) * most / math.log(2))):
        part = slopes * xp.exp(beta * c)
        inside = part > -1
        part = xp.where(inside, part, 0.0)
        ratios = xp.where(inside, xp.exp(xp.log1p(part) / beta), 0.0)  # to the largest probability
        total = _sum(xp, ratios)
        rise = total / _sum(xp, ratios / (1 + part))
        excess = c - xp.log(xp.where(total > 1, total, 1.0))
        after = c - xp.log1p(rise * xp.expm1(beta * excess)) / beta
        after = xp.where(after < most, after, most)  # rounding alone leads beyond
        if xp is np and not (after != c).any():
            break
        c = after
    return c


def _by_support(xp: Any, gaps: Any, beta: float) -> Any:
    """Return the c at which the sum is 1, for beta above 1; a class that is masked has the gap -inf.

    Where a class enters, the sum is steep. So the last class that has a probability q is looked for, in
    sorted order; in q, the others (q ** beta + beta (g_k - g)) ** (1 / beta) are norms, and convex.
    """
    classes = gaps.shape[-1]
    # No class that is 1 / beta below the largest gets anything.
    near = xp.where(beta * gaps < -1, -2 / beta, gaps)
    falling, every = -xp.sort(-near, axis=-1), xp.arange(classes, device=array_api_compat.device(gaps))

    def above(g: Any) -> tuple[Any, Any]:
        """Return the logarithms of the probabilities if a class with the gap g had 0, and who has any."""
        more = near > g
        return xp.log(beta * xp.where(more, near - g, 1.0)) / beta, more

    last = 0 * xp.argmax(near, axis=-1, keepdims=True)
    beyond = last + classes
    for _ in range(math.ceil(math.log2(classes))):
        middle = (last + beyond) // 2
        logs, more = above(_arrays.entry_at(xp, every == middle, falling))
        inside = _sum(xp, xp.where(more, xp.exp(logs), 0.0)) < 1
        last, beyond = xp.where(inside, middle, last), xp.where(inside, beyond, middle)
    lowest = _arrays.entry_at(xp, every == last, falling)
    (logs, more), some = above(lowest), near >= lowest
    q = 1 / _sum(xp, xp.astype(some, gaps.dtype))
    for _ in range(6 + math.ceil(math.log2(classes))):
        own = xp.log(xp.where(q > 0, q, float(xp.finfo(gaps.dtype).smallest_normal)))
        each = xp.where(more, _log_of_sum(xp, beta * own, beta * logs) / beta, own)
        total = _sum(xp, xp.where(some, xp.exp(each), 0.0))
        slope = _sum(xp, xp.where(some, xp.exp((beta - 1) * (own - each)), 0.0))
        after = q - (total - 1) / slope
        after = xp.where(after > 0, after, 0 * q)
        if xp is np and not (after != q).any():
            break
        q = after
    return -xp.max(xp.where(some, each, -math.inf), axis=-1, keepdims=True)


def _log_of_sum(xp: Any, a: Any, b: Any) -> Any:
    """Return log(exp(a) + exp(b)) of finite numbers."""
    return xp.where(a > b, a, b) + xp.log1p(xp.exp(-xp.abs(a - b)))


def _fixed(xp: Any, c: Any) -> Any:
    """Return the same numbers, a little rounded, that are constants to differentiation."""
    if xp is np:
        return c
    info = xp.finfo(c.dtype)
    scale = 4 / float(info.eps)
    whole = xp.astype(xp.where(xp.isnan(c), 0.0, c * scale), xp.int64 if info.bits > 32 else xp.int32)
    return xp.astype(whole, c.dtype) / scale


def sparsemax(logits: ArrayLike, *, axis: int = -1) -> Array:
    r"""Return the distribution that is nearest to the logits: probabilities of which many are 0.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf masks a class.
    axis : int
        The class axis.

    Returns
    -------
    array
        Probabilities in the shape and dtype of the logits, with sum 1, but for rounding.

    Raises
    ------
    TypeError
        If the logits are not real numbers.
    ValueError
        If a logit is nan or +inf, if there is no class, or if all classes are masked.

    Notes
    -----
    .. math:: p_k = \max(z_k - \tau, 0), \qquad \sum_{k=1}^K p_k = 1

    The threshold :math:`\tau` is the largest of :math:`(z_{(1)} + \dots + z_{(k)} - 1) / k`, where the
    logits are sorted from the largest on. Logits that are moved together give the same; but they have no
    temperature that a scale would not change. Accuracy: 4 eps of 1, for each probability.

    References
    ----------
    A. F. T. Martins and R. F. Astudillo, From softmax to sparsemax: a sparse model of attention and
    multi-label classification, ICML (2016), arXiv:1602.02068.

    Examples
    --------
    >>> sparsemax([1.0, 0.75, 0.0])
    array([0.625, 0.375, 0.   ])
    >>> sparsemax([1e4, 1e4 - 1, 0.0])
    array([1., 0., 0.])
    """
    return entmax(logits, alpha=2.0, axis=axis)


def entmax(logits: ArrayLike, *, alpha: float = 1.5, axis: int = -1) -> Array:
    r"""Return the probabilities of entmax, which leads from softmax to sparsemax and beyond.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf masks a class.
    alpha : float
        Above 0: 1 is `softmax`, 2 is `sparsemax`. Probabilities may be 0 where it is above 1.
    axis : int
        The class axis.

    Returns
    -------
    array
        Probabilities in the shape and dtype of the logits, with sum 1, but for rounding.

    Raises
    ------
    TypeError
        If the logits are not real numbers, or alpha is not a number.
    ValueError
        If a logit is nan or +inf, there is no class, all classes are masked, or alpha is not positive.

    Notes
    -----
    .. math:: p_k = \max\bigl((\alpha - 1) z_k - \tau, 0\bigr)^{1 / (\alpha - 1)}, \qquad \sum_{k=1}^K p_k = 1

    It maximises :math:`\sum_k p_k z_k` plus the Tsallis entropy
    :math:`(1 - \sum_k p_k^\alpha) / (\alpha (\alpha - 1))`. The largest probability is found by Newton's
    method, in at most 14 steps for five classes and 42 for 1e5, and all powers are computed each time;
    near alpha = 1 nothing cancels. Accuracy: 4 eps of 1, for each probability, and that of softmax for
    alpha = 1. Above alpha = 2 the power has no finite slope at 0: there :math:`p_k^{\alpha - 1}` errs by
    :math:`5 (\alpha - 1)` eps of 1.

    References
    ----------
    B. Peters, V. Niculae and A. F. T. Martins, Sparse sequence-to-sequence models, ACL (2019),
    doi:10.18653/v1/P19-1146.

    Examples
    --------
    >>> for alpha in (1, 1.5, 2):
    ...     print(entmax([1.0, 0.0, -1.0], alpha=alpha).round(4))
    [0.6652 0.2447 0.09  ]
    [0.8307 0.1693 0.    ]
    [1. 0. 0.]
    """
    alpha = _checks.positive_number(alpha, "alpha")
    if alpha == 1:
        _arrays.logit_rows(logits, axis=axis)  # which refuses what has no class
        return softmax(logits, axis=axis)
    found = _arrays.logit_rows(logits, axis=axis)[0]
    _checks.check_logits(found)
    return found.compute(lambda xp, z: _parts(xp, z, alpha).p, keep=True)


def _parts(xp: Any, z: Any, alpha: float) -> _Sparse:
    return _sparsemax(xp, z) if alpha == 2 else _entmax(xp, z, alpha - 1)


# --- The losses -----------------------------------------------------------------------------------


def _of_rows(
    function: Callable[..., Any], logits: Any, target: Any, alpha: Any, axis: int, *, keep: bool = False
) -> Array:
    """Return a function of the logits, of the target as distributions, and of alpha, row by row."""
    alpha = _checks.positive_number(alpha, "alpha")
    found, (target,) = _arrays.logit_rows(logits, target, axis=axis)
    target = _checks.check_target(found, target)
    _checks.check_logits(found)

    def of_distributions(xp: Any, z: Any, target: Any) -> Any:
        return function(xp, z, as_distributions(xp, target, z.shape[-1], z.dtype), alpha)

    return found.compute(of_distributions, target, keep=keep)


def _sparsemax_loss(xp: Any, z: Any, y: Any) -> Any:
    parts = _sparsemax(xp, z)
    below = parts.c - parts.gaps
    # 0 times a gap beyond the largest number is 0.
    below = xp.where((y == 0) | ~(below > 0), 0.0, below)
    terms = (y - parts.p) ** 2 / 2 + y * below
    return xp.sum(xp.where(parts.masked & (y != 0), math.inf, terms), axis=-1)


def _loss(xp: Any, z: Any, y: Any, alpha: float) -> Any:
    """Return the Fenchel-Young loss; every term is at least 0 but the last."""
    if alpha == 1:
        return loss_of(xp, shifted(xp, z), y) + _negative_entropy(xp, y, alpha)
    if alpha == 2:
        return _sparsemax_loss(xp, z, y)
    beta = alpha - 1
    parts = _entmax(xp, z, beta)
    gaps = xp.where((y == 0) & (parts.gaps == -math.inf), 0.0, parts.gaps)
    costs = xp.sum(xp.where(parts.masked & (y != 0), math.inf, -y * gaps), axis=-1)
    # 1 less the sum of p ** alpha, in which the largest p and 1 would cancel.
    first = _arrays.one_hot_mask(xp, xp.argmax(parts.p, axis=-1), z.shape[-1])
    powers = xp.where(first | ~(parts.p > 0), 0 * parts.p, xp.where(parts.p > 0, parts.p, 1.0) ** alpha)
    spread = (-xp.expm1(-alpha * parts.c[..., 0]) - xp.sum(powers, axis=-1)) / alpha
    loss = (costs + _negative_entropy(xp, y, alpha)) - xp.expm1(-beta * parts.c[..., 0]) / beta - spread
    return xp.where(loss < 0, 0 * spread, loss)


def _negative_entropy(xp: Any, y: Any, alpha: float) -> Any:
    """Return minus the Tsallis entropy of a target, which is 0 for a label; to derivatives a constant."""
    some = xp.where(y > 0, y, 1.0)
    if alpha == 1:
        return xp.sum(y * xp.log(some), axis=-1)
    powers = xp.where(y > 0, some * xp.expm1((alpha - 1) * xp.log(some)), 0.0)
    return xp.sum(powers, axis=-1) / (alpha * (alpha - 1))


def _gradient(xp: Any, z: Any, y: Any, alpha: float) -> Any:
    return gradient_of(xp, shifted(xp, z), y) if alpha == 1 else _parts(xp, z, alpha).p - y


def _hessian(xp: Any, z: Any, y: Any, alpha: float) -> Any:
    if alpha == 1:
        return hessian_of(xp, shifted(xp, z), y)
    parts = _parts(xp, z, alpha)
    if alpha == 2:
        s = xp.astype(parts.support, z.dtype) + 0 * parts.c
    else:
        some = parts.support & (parts.p > 0)
        s = xp.where(some, xp.where(some, parts.p, 1.0) ** (2 - alpha), 0 * parts.p)
    total = _sum(xp, s)
    first = _arrays.one_hot_mask(xp, xp.argmax(s, axis=-1), z.shape[-1])
    rest = _sum(xp, xp.where(first, 0.0, s))
    others = xp.where(first, rest, _arrays.entry_at(xp, first, s) + (rest - s))
    diagonal = xp.eye(z.shape[-1], dtype=xp.bool, device=array_api_compat.device(z))
    shares = (s + 0 * _sum(xp, y)) / total
    return 0 + shares[..., :, None] * xp.where(diagonal, others[..., None, :], -s[..., None, :])  # no -0


def sparsemax_loss(logits: ArrayLike, target: ArrayLike, *, axis: int = -1) -> Array:
    r"""Return the loss that belongs to sparsemax, row by row.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf masks a class.
    target : array_like
        Labels, integers of shape ``(...)``, or distributions, real numbers of shape ``(..., K)``; see
        the conventions of `xentlib`.
    axis : int
        The class axis.

    Returns
    -------
    array
        In the dtype of the logits, without the class axis; inf where a class that the target holds
        possible is masked.

    Raises
    ------
    TypeError
        If the logits are not real numbers, or the target's dtype does not fit its shape.
    ValueError
        If a logit is nan or +inf, all classes are masked, a shape does not fit, a label is out
        of range, or a row of the target is not a distribution.

    Notes
    -----
    .. math::

       L(z, y) = \tfrac12 \sum_k (y_k - p_k)^2 + \sum_k y_k \max(\tau - z_k, 0)
       = \sum_k p_k z_k - \tfrac12 \sum_k p_k^2 + \tfrac12 \sum_k y_k^2 - \sum_k y_k z_k

    with p and :math:`\tau` of `sparsemax`. The first form is computed: no term is negative. The loss is 0
    for a label whose logit is at least 1 above all others. Accuracy: 4 eps of
    :math:`L + \sum_k |p_k - y_k|`, and never better than 4 eps of eps.

    References
    ----------
    A. F. T. Martins and R. F. Astudillo, From softmax to sparsemax: a sparse model of attention and
    multi-label classification, ICML (2016), arXiv:1602.02068.

    Examples
    --------
    >>> sparsemax_loss([[1.0, 0.75, 0.0], [1.0, 0.0, -3.0]], [0, 0])
    array([0.140625, 0.      ])
    >>> sparsemax_loss([1.0, 0.75, 0.0], [0.625, 0.375, 0.0])
    np.float64(0.0)
    """
    return entmax_loss(logits, target, alpha=2.0, axis=axis)


def sparsemax_loss_grad(logits: ArrayLike, target: ArrayLike, *, axis: int = -1) -> Array:
    r"""Return the gradient of `sparsemax_loss` with respect to the logits.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf masks a class.
    target : array_like
        As in `sparsemax_loss`.
    axis : int
        The class axis.

    Returns
    -------
    array
        In the shape and dtype of the logits.

    Raises
    ------
    TypeError
        If the logits are not real numbers, or the target's dtype does not fit its shape.
    ValueError
        If a logit is nan or +inf, all classes are masked, a shape does not fit, a label is out
        of range, or a row of the target is not a distribution.

    Notes
    -----
    .. math:: \frac{\partial L}{\partial z_i} = p_i - y_i

    with p of `sparsemax`; there is no kink. Accuracy: 4 eps of 1, for each entry.

    References
    ----------
    The proof is the claim ``sparsemax-loss-gradient`` of the book's chapter on sparse probabilities.

    Examples
    --------
    >>> sparsemax_loss_grad([1.0, 0.75, 0.0], 0)
    array([-0.375,  0.375,  0.   ])
    """
    return entmax_loss_grad(logits, target, alpha=2.0, axis=axis)


def sparsemax_loss_hess(logits: ArrayLike, target: ArrayLike, *, axis: int = -1) -> Array:
    r"""Return the Hessian of `sparsemax_loss` with respect to the logits, row by row.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf masks a class.
    target : array_like
        As in `sparsemax_loss`.
    axis : int
        The class axis.

    Returns
    -------
    array
        In the dtype of the logits, shape ``(..., K, K)``: the batch axes in their order first.

    Raises
    ------
    TypeError
        If the logits are not real numbers, or the target's dtype does not fit its shape.
    ValueError
        If a logit is nan or +inf, all classes are masked, a shape does not fit, a label is out
        of range, or a row of the target is not a distribution.

    Notes
    -----
    Between the classes whose probability is positive, n in number,

    .. math:: \frac{\partial^2 L}{\partial z_i \, \partial z_j} = \delta_{ij} - \frac{1}{n}

    and 0 for all others. It is also the Jacobian of sparsemax. Where a class joins them, the Hessian
    jumps; there it is that of the smaller set. Accuracy: 4 eps, unless a probability that is not 0 is
    within 4 eps of it, so that rounding decides whether the class counts.

    References
    ----------
    A. F. T. Martins and R. F. Astudillo, From softmax to sparsemax: a sparse model of attention and
    multi-label classification, ICML (2016), arXiv:1602.02068.

    Examples
    --------
    >>> sparsemax_loss_hess([1.0, 0.75, 0.0], 0)
    array([[ 0.5, -0.5,  0. ],
           [-0.5,  0.5,  0. ],
           [ 0. ,  0. ,  0. ]])
    """
    return entmax_loss_hess(logits, target, alpha=2.0, axis=axis)


def entmax_loss(logits: ArrayLike, target: ArrayLike, *, alpha: float = 1.5, axis: int = -1) -> Array:
    r"""Return the Fenchel-Young loss that belongs to entmax, row by row.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf masks a class.
    target : array_like
        Labels, integers of shape ``(...)``, or distributions, real numbers of shape ``(..., K)``; see
        the conventions of `xentlib`.
    alpha : float
        Above 0: for 1 it is cross-entropy less the entropy of the target, for 2 `sparsemax_loss`.
    axis : int
        The class axis.

    Returns
    -------
    array
        In the dtype of the logits, without the class axis; inf where a class that the target holds
        possible is masked.

    Raises
    ------
    TypeError
        If the logits are not real numbers, the target's dtype does not fit its shape, or alpha is not a
        number.
    ValueError
        If a logit is nan or +inf, all classes are masked, a shape does not fit, a label is out
        of range, a row of the target is not a distribution, or alpha is not positive.

    Notes
    -----
    With p of `entmax`, m its largest probability, and the Tsallis entropy H,

    .. math::

       L(z, y) = \sum_k p_k z_k + H(p) - H(y) - \sum_k y_k z_k
       = \sum_k y_k (\max z - z_k) - H(y) + \frac{1 - m^{\alpha - 1}}{\alpha - 1}
       - \frac{1 - \sum_k p_k^\alpha}{\alpha}, \qquad H(p) = \frac{1 - \sum_k p_k^\alpha}{\alpha (\alpha - 1)}

    The last form is computed. The error is at most 12 eps of the sum of the absolute values of its terms,
    where that is above eps; for labels and alpha = 1 it is that of `softmax_cross_entropy`, and for
    alpha = 2 that of `sparsemax_loss`.

    References
    ----------
    M. Blondel, A. F. T. Martins and V. Niculae, Learning with Fenchel-Young losses, J. Machine Learning
    Research 21 (2020), arXiv:1901.02324.

    Examples
    --------
    >>> for alpha in (1, 1.5, 2):
    ...     print(f"{entmax_loss([1.0, 0.0, -1.0], 0, alpha=alpha):.4f}")
    0.4076
    0.0617
    0.0000
    """
    return _of_rows(_loss, logits, target, alpha, axis)


def entmax_loss_grad(logits: ArrayLike, target: ArrayLike, *, alpha: float = 1.5, axis: int = -1) -> Array:
    r"""Return the gradient of `entmax_loss` with respect to the logits.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf masks a class.
    target : array_like
        As in `entmax_loss`.
    alpha : float
        Above 0.
    axis : int
        The class axis.

    Returns
    -------
    array
        In the shape and dtype of the logits.

    Raises
    ------
    TypeError
        If the logits are not real numbers, the target's dtype does not fit its shape, or alpha is not a
        number.
    ValueError
        If a logit is nan or +inf, all classes are masked, a shape does not fit, a label is out
        of range, a row of the target is not a distribution, or alpha is not positive.

    Notes
    -----
    .. math:: \frac{\partial L}{\partial z_i} = p_i - y_i

    with p of `entmax`, and its accuracy; for alpha = 1 that of `softmax_cross_entropy_grad`.

    References
    ----------
    The proof is the claim ``entmax-loss-gradient`` of the book's chapter on sparse probabilities.

    Examples
    --------
    >>> entmax_loss_grad([1.0, 0.0, -1.0], 0).round(4)
    array([-0.1693,  0.1693,  0.    ])
    """
    return _of_rows(_gradient, logits, target, alpha, axis, keep=True)


def entmax_loss_hess(logits: ArrayLike, target: ArrayLike, *, alpha: float = 1.5, axis: int = -1) -> Array:
    r"""Return the Hessian of `entmax_loss` with respect to the logits, row by row.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf masks a class.
    target : array_like
        As in `entmax_loss`.
    alpha : float
        Above 0.
    axis : int
        The class axis.

    Returns
    -------
    array
        In the dtype of the logits, shape ``(..., K, K)``: the batch axes in their order first.

    Raises
    ------
    TypeError
        If the logits are not real numbers, the target's dtype does not fit its shape, or alpha is not a
        number.
    ValueError
        If a logit is nan or +inf, all classes are masked, a shape does not fit, a label is out
        of range, a row of the target is not a distribution, or alpha is not positive.

    Notes
    -----
    With :math:`s_k = p_k^{2 - \alpha}` for the classes whose probability is positive, and 0 for others,

    .. math::

       \frac{\partial^2 L}{\partial z_i \, \partial z_j}
       = s_i \Bigl(\delta_{ij} - \frac{s_j}{\sum_k s_k}\Bigr)

    It is also the Jacobian of entmax. Accuracy: what errors of 4 eps of
    :math:`s_k (1 - \log p_k) + |2 - \alpha| \, p_k^{3 - 2 \alpha}` in each :math:`s_k` make of it. Between
    alpha = 1.5 and 2 that is much where a small probability is about to be 0.

    References
    ----------
    The proof is the claim ``entmax-slope`` of the book's chapter on sparse probabilities.

    Examples
    --------
    >>> entmax_loss_hess([1.0, 0.0, -1.0], 0).round(4)
    array([[ 0.2835, -0.2835,  0.    ],
           [-0.2835,  0.2835,  0.    ],
           [ 0.    ,  0.    ,  0.    ]])
    """
    return _of_rows(_hessian, logits, target, alpha, axis)
