"""Losses for labels of which some are wrong: bounded, and corrected by the noise, with their derivatives."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import array_api_compat
import numpy as np
from numpy.typing import ArrayLike

from xentlib import _arrays, _checks
from xentlib._arrays import Array
from xentlib._softmax import FAR, Shifted, as_held, jacobian_of, lost_in_gap, lost_in_product, shifted


def _labelled(logits: Any, labels: Any, axis: int, *others: Any) -> tuple[_arrays.Rows, Any, list[Any]]:
    """Return the logits as rows, the labels and the others; refuse what are no logits or no labels."""
    found, (labels, *rest) = _arrays.logit_rows(logits, labels, *others, axis=axis)
    _checks.check_row_labels(found, labels, found.values.shape[-1])
    _checks.check_logits(found)
    return found, labels, rest


# --- Generalized cross-entropy ---------------------------------------------------------------------


def _power(q: Any) -> float:
    result = _checks.positive_number(q, "q")
    if result > 1:
        message = f"q must be at most 1, but is {q}"
        raise ValueError(message)
    return result


def generalized_cross_entropy(
    logits: ArrayLike, labels: ArrayLike, *, q: float = 0.7, axis: int = -1
) -> Array:
    r"""Return the generalized cross-entropy of softmax of the logits for labels, row by row.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf masks a class.
    labels : array_like
        Integers 0, ..., K - 1 of shape ``(...)``.
    q : float
        Above 0 and at most 1: near 0 the loss is cross-entropy, at 1 it is 1 less the probability of the
        label, half of the mean absolute error.
    axis : int
        The class axis.

    Returns
    -------
    array
        In the dtype of the logits, without the class axis; between 0 and 1/q, which it is where the label
        is masked.

    Raises
    ------
    TypeError
        If the logits are not real numbers, the labels are not integers, or q is not a number.
    ValueError
        If a logit is nan or +inf, all classes are masked, a shape does not fit, a label is out
        of range, or q is not above 0 and at most 1.

    Notes
    -----
    .. math:: \ell_q(z, y) = \frac{1 - p_y^q}{q} = -\frac{\operatorname{expm1}(-q \ell)}{q}

    with the cross-entropy :math:`\ell = -\log p_y`. The second form is computed: 4 eps, also for confident
    predictions, where :math:`1 - p_y^q` cancels, and for q next to 0, where the loss is that of
    `softmax_cross_entropy`.

    References
    ----------
    Z. Zhang and M. R. Sabuncu, Generalized cross entropy loss for training deep neural networks with
    noisy labels, NeurIPS 31 (2018), arXiv:1805.07836.

    Examples
    --------
    >>> import numpy as np
    >>> generalized_cross_entropy([[np.log(3.0), 0.0], [40.0, 0.0]], [1, 0], q=0.5)
    array([1.00000000e+00, 4.24835426e-18])
    """
    exponent = _power(q)
    found, labels, _ = _labelled(logits, labels, axis)
    return found.compute(lambda xp, z, label: _bounded_loss(xp, z, label, exponent), labels)


def _bounded_loss(xp: Any, z: Any, labels: Any, q: float) -> Any:
    parts, own = shifted(xp, z), _arrays.one_hot_mask(xp, labels, z.shape[-1])
    loss = xp.log1p(parts.rest) - _arrays.entry_at(xp, own, parts.gaps)
    # Where q times the loss is below the rounding of 1 the two losses are one, and it may underflow.
    bounded = q * loss > float(xp.finfo(z.dtype).eps) ** 2
    result = xp.where(bounded, -xp.expm1(-q * xp.where(bounded, loss, 1.0)) / q, loss)
    result = xp.where(_at(xp, own, parts.masked), 1 / q, result)
    return xp.where(xp.any(own, axis=-1), result[..., 0], math.nan)


def _at(xp: Any, own: Any, condition: Any) -> Any:
    return xp.any(own & condition, axis=-1, keepdims=True)


def generalized_cross_entropy_grad(
    logits: ArrayLike, labels: ArrayLike, *, q: float = 0.7, axis: int = -1
) -> Array:
    r"""Return the gradient of `generalized_cross_entropy` with respect to the logits.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf masks a class.
    labels : array_like
        Integers 0, ..., K - 1 of shape ``(...)``.
    q : float
        Above 0 and at most 1.
    axis : int
        The class axis.

    Returns
    -------
    array
        In the shape and dtype of the logits; 0 where the label is masked.

    Raises
    ------
    TypeError
        If the logits are not real numbers, the labels are not integers, or q is not a number.
    ValueError
        If a logit is nan or +inf, all classes are masked, a shape does not fit, a label is out
        of range, or q is not above 0 and at most 1.

    Notes
    -----
    .. math:: \frac{\partial \ell_q}{\partial z_i} = p_y^q \, (p_i - \delta_{iy})

    The gradient of cross-entropy, times a factor that is small where the label looks improbable. Accuracy:
    8 eps of each entry, the smallest included: what the exponent :math:`q \log p_y` loses to rounding is
    put back, as in `softmax`.

    References
    ----------
    The proof is the claim ``generalized-cross-entropy-gradient`` of the book's chapter on noisy labels.
    Z. Zhang and M. R. Sabuncu, Generalized cross entropy loss for training deep neural networks with
    noisy labels, NeurIPS 31 (2018), arXiv:1805.07836.

    Examples
    --------
    >>> import numpy as np
    >>> generalized_cross_entropy_grad([np.log(3.0), 0.0], 1, q=0.5)
    array([ 0.375, -0.375])
    """
    exponent = _power(q)
    found, labels, _ = _labelled(logits, labels, axis)
    return found.compute(lambda xp, z, label: _bounded_gradient(xp, z, label, exponent), labels, keep=True)


def _bounded_gradient(xp: Any, z: Any, labels: Any, q: float) -> Any:
    parts, own = shifted(xp, z), _arrays.one_hot_mask(xp, labels, z.shape[-1])
    return _weight(xp, z, parts, own, q) * _slope(xp, parts, own)


def _slope(xp: Any, parts: Shifted, own: Any) -> Any:
    """Return p - 1 at the label and p elsewhere, without cancellation."""
    return xp.where(own, -parts.without_own(xp), parts.terms) / (1 + parts.rest)


def _weight(xp: Any, z: Any, parts: Shifted, own: Any, q: float) -> Any:
    """Return the power q of the label's probability, nan for a label that is out of range."""
    top = parts.maximum
    logit = _arrays.entry_at(xp, own & ~parts.masked, z)
    gap = logit - top
    near = gap > FAR
    gap_near, factor = xp.where(near, gap, 0.0), as_held(xp, q, z)
    exponent = gap_near * factor
    left = lost_in_product(xp, gap_near, factor, exponent)
    left = left + factor * lost_in_gap(xp, logit, top, gap, ~near)
    # The power of 1 + rest, not exp of a logarithm, whose rounding would be magnified.
    power = xp.exp(exponent) * (1 + left) / (1 + parts.rest) ** q
    power = xp.where(near & ~_at(xp, own, parts.masked), power, 0.0)
    return xp.where(xp.any(own, axis=-1, keepdims=True), power, math.nan)


def generalized_cross_entropy_hess(
    logits: ArrayLike, labels: ArrayLike, *, q: float = 0.7, axis: int = -1
) -> Array:
    r"""Return the Hessian of `generalized_cross_entropy` with respect to the logits, row by row.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf masks a class.
    labels : array_like
        Integers 0, ..., K - 1 of shape ``(...)``.
    q : float
        Above 0 and at most 1.
    axis : int
        The class axis.

    Returns
    -------
    array
        In the dtype of the logits, shape ``(..., K, K)``: the batch axes in their order first.

    Raises
    ------
    TypeError
        If the logits are not real numbers, the labels are not integers, or q is not a number.
    ValueError
        If a logit is nan or +inf, all classes are masked, a shape does not fit, a label is out
        of range, or q is not above 0 and at most 1.

    Notes
    -----
    .. math::

       \frac{\partial^2 \ell_q}{\partial z_i \, \partial z_j}
       = p_y^q \bigl( p_i (\delta_{ij} - p_j) - q (p_i - \delta_{iy}) (p_j - \delta_{jy}) \bigr)

    The loss is not convex. An entry is a difference; the error is at most 12 eps of the sum of the two
    products' sizes, :math:`p_y^q (|p_i (\delta_{ij} - p_j)| + q |(p_i - \delta_{iy}) (p_j - \delta_{jy})|)`.

    References
    ----------
    The proof is the claim ``generalized-cross-entropy-hessian`` of the book's chapter on noisy labels.
    Z. Zhang and M. R. Sabuncu, Generalized cross entropy loss for training deep neural networks with
    noisy labels, NeurIPS 31 (2018), arXiv:1805.07836.

    Examples
    --------
    Negative along the diagonal: no curvature of a convex function.

    >>> import numpy as np
    >>> generalized_cross_entropy_hess([np.log(3.0), 0.0], 1, q=0.5)
    array([[-0.046875,  0.046875],
           [ 0.046875, -0.046875]])
    """
    exponent = _power(q)
    found, labels, _ = _labelled(logits, labels, axis)
    return found.compute(lambda xp, z, label: _bounded_hessian(xp, z, label, exponent), labels)


def _bounded_hessian(xp: Any, z: Any, labels: Any, q: float) -> Any:
    parts, own = shifted(xp, z), _arrays.one_hot_mask(xp, labels, z.shape[-1])
    weight, slope = _weight(xp, z, parts, own, q), _slope(xp, parts, own)
    return weight[..., None] * (jacobian_of(xp, parts) - q * slope[..., :, None] * slope[..., None, :])


# --- Forward correction ----------------------------------------------------------------------------


def _noisy(logits: Any, labels: Any, noise: Any, axis: int) -> tuple[_arrays.Rows, Any, Any]:
    """Return the logits as rows, the labels, and the columns of the noise, a row for each label."""
    found, labels, (noise,) = _labelled(logits, labels, axis, noise)
    xp, classes = found.xp, found.values.shape[-1]
    noise = _arrays.real(xp, noise, "noise")
    if tuple(noise.shape) != (classes, classes):
        _arrays.refuse_shape("noise", noise.shape, (classes, classes), "a row for each true class")
    if xp is np:
        _checks.check_distributions(noise, "noise")
    return found, labels, xp.astype(noise, _arrays.wide_dtype(xp, found.values.dtype)).T


def forward_corrected_cross_entropy(
    logits: ArrayLike, labels: ArrayLike, noise: ArrayLike, *, axis: int = -1
) -> Array:
    r"""Return the cross-entropy of labels that a known noise has changed, row by row.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``, those of the true classes; -inf masks a class.
    labels : array_like
        Noisy labels, integers 0, ..., K - 1 of shape ``(...)``.
    noise : array_like
        Shape ``(K, K)``: ``noise[k, j]`` is the probability that class k is labelled j. Each row is a
        distribution.
    axis : int
        The class axis of the logits.

    Returns
    -------
    array
        Nats, in the dtype of the logits, without the class axis; inf where no class that is possible has
        the label.

    Raises
    ------
    TypeError
        If logits or noise are not real numbers, or the labels are not integers.
    ValueError
        If a logit is nan or +inf, all classes are masked, a shape does not fit, a label is out
        of range, or a row of the noise is not a distribution.

    Notes
    -----
    .. math:: \ell(z, y) = -\log P, \qquad P = \sum_{k=1}^K T_{ky} p_k

    P is the probability of the noisy label, and :math:`1 - P = \sum_k (1 - T_{ky}) p_k`; the logarithm is
    taken of the smaller one of the two. Of a P that may underflow it is taken term by term. 6 eps; for the
    noise that changes nothing, the loss is `softmax_cross_entropy`.

    References
    ----------
    G. Patrini, A. Rozza, A. Krishna Menon, R. Nock and L. Qu, Making deep neural networks robust to label
    noise: a loss correction approach, CVPR (2017), doi:10.1109/CVPR.2017.240.

    Examples
    --------
    Of ten labels one is wrong. The loss of a prediction that is sure and right is that of the noise:

    >>> noise = [[0.9, 0.1], [0.1, 0.9]]
    >>> forward_corrected_cross_entropy([[40.0, 0.0], [40.0, 0.0]], [0, 1], noise)
    array([0.10536052, 2.30258509])
    """
    found, labels, columns = _noisy(logits, labels, noise, axis)
    return found.compute(lambda xp, z, label: _corrected_loss(xp, z, label, columns), labels)


class _Explained(NamedTuple):
    """How the classes explain a noisy label, with the class axis last."""

    shares: Any
    """The probabilities of the label, given each class: a column of the noise."""
    best: Any
    """Where the class is that explains it best: one place in each row."""
    terms: Any
    """p times the share, relative to that class."""
    rest: Any
    """The sum of the terms without that class."""
    possible: Any
    """Whether there is such a class."""
    gap: Any
    """The logit of the best class less the maximum, at most 0."""
    share: Any
    """The share of the best class."""

    def probability(self, xp: Any, parts: Shifted) -> Any:
        """Return P, which may underflow."""
        top = _arrays.entry_at(xp, self.best, parts.terms)
        return top * self.share * (1 + self.rest) / (1 + parts.rest)


def _explained(xp: Any, z: Any, labels: Any, parts: Shifted, columns: Any) -> _Explained:
    classes = z.shape[-1]
    every = xp.arange(classes, device=array_api_compat.device(labels))
    index = xp.astype(labels, every.dtype, copy=False)
    known = (index >= 0) & (index < classes)
    flat = xp.reshape(xp.where(known, index, 0), (math.prod(index.shape),))
    shares = xp.reshape(xp.take(columns, flat, axis=0), z.shape)
    able = (shares > 0) & ~parts.masked
    scores = xp.where(able, parts.gaps + xp.log(xp.where(able, shares, 1.0)), -math.inf)
    best = _arrays.one_hot_mask(xp, xp.argmax(scores, axis=-1), classes)
    possible = _at(xp, best, able)
    share, logit, gap = (_arrays.entry_at(xp, best & able, values) for values in (shares, z, parts.gaps))
    share = xp.where(possible, share, 1.0)
    constant = best | ~able
    difference = xp.where(constant, 0.0, z - logit)
    lost = lost_in_gap(xp, z, logit, difference, constant)
    # The root of the exponential twice: the whole could underflow, or overflow, before the quotient of the
    # shares makes up for it. The best class has the largest product of the two.
    root = xp.exp(difference / 2)
    terms = root * shares / share * root * (1 + lost)
    terms = xp.where(able, xp.where(best, 1.0, terms), 0.0)
    rest = xp.sum(xp.where(best, 0.0, terms), axis=-1, keepdims=True)
    rest = xp.where(known[..., None], rest, math.nan)
    return _Explained(shares, best, terms, rest, possible, gap, share)


def _corrected_loss(xp: Any, z: Any, labels: Any, columns: Any) -> Any:
    parts = shifted(xp, z)
    found = _explained(xp, z, labels, parts, columns)
    probability = found.probability(xp, parts)
    no = xp.sum(parts.terms * (1 - found.shares), axis=-1, keepdims=True) / (1 + parts.rest)
    likely, far = no < 0.5, probability < 2.0**-30
    by_no = -xp.log1p(-xp.where(likely, no, 0.0))
    by_yes = -xp.log(xp.where(likely | far, 1.0, probability))
    # Far away the first three are so large that the last one cancels nothing.
    by_terms = (xp.log1p(parts.rest) - found.gap - xp.log(found.share)) - xp.log1p(found.rest)
    loss = xp.where(likely, by_no, xp.where(far, by_terms, by_yes)) + 0 * found.rest
    return xp.where(found.possible, loss, math.inf)[..., 0]


def forward_corrected_cross_entropy_grad(
    logits: ArrayLike, labels: ArrayLike, noise: ArrayLike, *, axis: int = -1
) -> Array:
    r"""Return the gradient of `forward_corrected_cross_entropy` with respect to the logits.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``, those of the true classes; -inf masks a class.
    labels : array_like
        Noisy labels, integers 0, ..., K - 1 of shape ``(...)``.
    noise : array_like
        Shape ``(K, K)``: ``noise[k, j]`` is the probability that class k is labelled j. Each row is a
        distribution.
    axis : int
        The class axis of the logits.

    Returns
    -------
    array
        In the shape and dtype of the logits; nan where the loss is inf, for there is no class to blame.

    Raises
    ------
    TypeError
        If logits or noise are not real numbers, or the labels are not integers.
    ValueError
        If a logit is nan or +inf, all classes are masked, a shape does not fit, a label is out
        of range, or a row of the noise is not a distribution.

    Notes
    -----
    .. math::

       \frac{\partial \ell}{\partial z_i} = p_i - r_i = \frac{p_i}{P} \sum_{k=1}^K p_k (T_{ky} - T_{iy}),
       \qquad r_i = \frac{T_{iy} p_i}{P}

    where r is the distribution of the true class, given the noisy label. Where the two nearly agree, the sum
    is computed, relative to the class a of the largest logit. The error is at most
    :math:`12 \varepsilon (p_i / P) (|T_{iy} - T_{ay}| + \sum_k p_k |T_{ky} - T_{ay}|)`, and of
    :math:`p_i + r_i` where P is below the smallest normal number.

    References
    ----------
    The proof is the claim ``forward-corrected-gradient`` of the book's chapter on noisy labels.
    G. Patrini, A. Rozza, A. Krishna Menon, R. Nock and L. Qu, Making deep neural networks robust to label
    noise: a loss correction approach, CVPR (2017), doi:10.1109/CVPR.2017.240.

    Examples
    --------
    A prediction that is sure does not change because of one label that may be wrong:

    >>> noise = [[0.9, 0.1], [0.1, 0.9]]
    >>> forward_corrected_cross_entropy_grad([[0.0, 0.0], [40.0, 0.0]], [1, 1], noise)
    array([[ 4.0000000e-01, -4.0000000e-01],
           [ 3.3986834e-17, -3.3986834e-17]])
    """
    found, labels, columns = _noisy(logits, labels, noise, axis)
    return found.compute(lambda xp, z, label: _corrected_gradient(xp, z, label, columns), labels, keep=True)


def _corrected_gradient(xp: Any, z: Any, labels: Any, columns: Any) -> Any:
    parts = shifted(xp, z)
    found = _explained(xp, z, labels, parts, columns)
    total = 1 + parts.rest
    p, r = parts.terms / total, found.terms / (1 + found.rest)
    shares, probability = found.shares, found.probability(xp, parts)
    usual = probability > float(xp.finfo(z.dtype).smallest_normal)
    whole = xp.where(usual, probability, 1.0)
    at_top = _arrays.entry_at(xp, parts.first, shares)
    # p T / P is r, also where p is below the normal numbers and r is not.
    more = (shares >= at_top) & (shares > 0)
    by_r = r * ((shares - at_top) / xp.where(more, shares, 1.0))
    mean = xp.sum(xp.where(more, by_r, p * ((shares - at_top) / whole)), axis=-1, keepdims=True)
    near = usual & (2 * shares > probability) & (shares < 2 * probability)
    by_sum = p * ((at_top - shares) / whole + mean)
    return xp.where(found.possible, xp.where(near, by_sum, p - r), math.nan)


def forward_corrected_cross_entropy_hess(
    logits: ArrayLike, labels: ArrayLike, noise: ArrayLike, *, axis: int = -1
) -> Array:
    r"""Return the Hessian of `forward_corrected_cross_entropy` with respect to the logits, row by row.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``, those of the true classes; -inf masks a class.
    labels : array_like
        Noisy labels, integers 0, ..., K - 1 of shape ``(...)``.
    noise : array_like
        Shape ``(K, K)``: ``noise[k, j]`` is the probability that class k is labelled j. Each row is a
        distribution.
    axis : int
        The class axis of the logits.

    Returns
    -------
    array
        In the dtype of the logits, shape ``(..., K, K)``: the batch axes in their order first; nan where
        the loss is inf.

    Raises
    ------
    TypeError
        If logits or noise are not real numbers, or the labels are not integers.
    ValueError
        If a logit is nan or +inf, all classes are masked, a shape does not fit, a label is out
        of range, or a row of the noise is not a distribution.

    Notes
    -----
    .. math::

       \frac{\partial^2 \ell}{\partial z_i \, \partial z_j}
       = p_i (\delta_{ij} - p_j) - r_i (\delta_{ij} - r_j), \qquad r_i = \frac{T_{iy} p_i}{P}

    The curvature of cross-entropy less the same of the distribution of the true class, given the label: the
    loss is not convex. The error is at most 12 eps of the sum of the two terms' sizes.

    References
    ----------
    The proof is the claim ``forward-corrected-hessian`` of the book's chapter on noisy labels.
    G. Patrini, A. Rozza, A. Krishna Menon, R. Nock and L. Qu, Making deep neural networks robust to label
    noise: a loss correction approach, CVPR (2017), doi:10.1109/CVPR.2017.240.

    Examples
    --------
    >>> noise = [[0.9, 0.1], [0.1, 0.9]]
    >>> forward_corrected_cross_entropy_hess([0.0, 0.0], 1, noise)
    array([[ 0.16, -0.16],
           [-0.16,  0.16]])
    """
    found, labels, columns = _noisy(logits, labels, noise, axis)
    return found.compute(lambda xp, z, label: _corrected_hessian(xp, z, label, columns), labels)


def _corrected_hessian(xp: Any, z: Any, labels: Any, columns: Any) -> Any:
    parts = shifted(xp, z)
    found = _explained(xp, z, labels, parts, columns)
    total = 1 + found.rest
    r = found.terms / total
    # No term but the best one can be more than about half of the total.
    others = xp.where(found.best, found.rest, 1 + found.rest - found.terms) / total
    diagonal = xp.eye(z.shape[-1], dtype=xp.bool, device=array_api_compat.device(z))
    of_r = r[..., :, None] * xp.where(diagonal, others[..., None, :], -r[..., None, :])
    return xp.where(found.possible[..., None], jacobian_of(xp, parts) - of_r, math.nan)
