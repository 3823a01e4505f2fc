"""Class frequencies that change: probabilities under another prior, and the loss that allows for it.

The loss is that of the logits :math:`s_k = z_k + \\tau \\log \\pi_k`, but these sums are never rounded. A
logarithm of -700 has an error of 6e-14, which its exponential shows as 300 eps. So each logarithm is a
pair of floats; :math:`z_k - \\max z` comes first, then the pairs are added to it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from xentlib import _arrays, _checks
from xentlib._arrays import Array
from xentlib._cross_entropy import gradient_of, hessian_of, loss_of
from xentlib._kernel import at_place, lost_in_difference
from xentlib._softmax import Shifted, as_held, lost_in_product
from xentlib._targets import as_distributions

# --- What is prepared once ------------------------------------------------------------------------


class _Offsets(NamedTuple):
    """The logarithms tau log pi as pairs of floats, one for each class."""

    high: Any
    low: Any
    """What the rounding of `high` has lost."""
    possible: Any
    """Whether the prior is above 0."""


def _offsets(xp: Any, prior: Any, tau: float) -> _Offsets:
    possible = prior > 0
    pi = xp.where(possible, prior, 1.0)
    high = xp.log(pi)
    # pi exp(-high) - 1, with a root that neither overflows nor is subnormal.
    root = xp.exp(high / 2)
    low = (pi / root - root) / root
    if tau != 1.0:
        factor = as_held(xp, tau, high)
        product = high * factor
        low = lost_in_product(xp, high, factor, product) + low * factor
        high = product
    return _Offsets(high, low, possible)


def _vector(xp: Any, values: Any, num_classes: int, name: str) -> Any:
    """Return a distribution over the classes, one for all rows."""
    values = _arrays.real(xp, values, name)
    if tuple(values.shape) != (num_classes,):
        _arrays.refuse_shape(name, values.shape, (num_classes,), "one number for each class")
    if xp is np:
        _checks.check_distributions(values, name)
    return values


def _loss_function(
    function: Callable[..., Any], logits: Any, target: Any, prior: Any, tau: Any, axis: int
) -> tuple[_arrays.Rows, Callable[..., Any], Any]:
    """Return the rows, what computes the function of them, and the target."""
    found, (target, prior) = _arrays.logit_rows(logits, target, prior, axis=axis)
    xp, strength = found.xp, _checks.number_from_0(tau, "tau")
    target = _checks.check_target(found, target)
    prior = _vector(xp, prior, found.values.shape[-1], "prior")
    _checks.check_logits(found)
    if xp is np:
        _check_something_possible(found.values, prior)
    offsets = _offsets(xp, xp.astype(prior, _arrays.wide_dtype(xp, found.values.dtype)), strength)

    def on_rows(xp: Any, z: Any, target: Any) -> Any:
        return function(xp, _adjusted(xp, z, offsets), as_distributions(xp, target, z.shape[-1], z.dtype))

    return found, on_rows, target


def _check_something_possible(z: Array, prior: Array) -> None:
    """Refuse rows of which every class is ruled out by its logit or by the prior."""
    if prior.all():
        return  # the logits have been checked
    nothing = np.isneginf(z[..., prior > 0]).all(axis=-1)
    if nothing.any():
        place = at_place(_checks.first_place(nothing))
        message = f"prior must leave a class that the logits leave, but it leaves none to the row{place}"
        raise ValueError(message)


# --- Formulas -------------------------------------------------------------------------------------


def _adjusted(xp: Any, z: Any, offsets: _Offsets) -> Shifted:
    """Return z + tau log pi less their maximum."""
    masked = (z == -math.inf) | ~offsets.possible
    # The differences of the logits first: they lose nothing, however large the logits are.
    largest = _arrays.one_hot_mask(xp, xp.argmax(xp.where(masked, -math.inf, z), axis=-1), z.shape[-1])
    top = _arrays.entry_at(xp, largest & ~masked, z)
    far = xp.where(masked, 0.0, z - top) == -math.inf  # beyond the largest number
    near = xp.where(masked | far, top, z)
    gaps = near - top
    total = gaps + offsets.high
    lost = lost_in_difference(gaps, -offsets.high, total) + lost_in_difference(near, top, gaps) + offsets.low
    # Then what they are together, less the largest of it.
    allowed = xp.where(masked | far, -math.inf, total)
    first = _arrays.one_hot_mask(xp, xp.argmax(allowed, axis=-1), z.shape[-1])
    best = _arrays.entry_at(xp, first, total)
    lost = lost - _arrays.entry_at(xp, first, lost)
    gaps = total - best
    lost = xp.where(first, 0.0, lost + lost_in_difference(total, best, gaps))
    gaps = xp.where(first | masked, 0.0, xp.where(far, -math.inf, gaps))
    terms = xp.where(masked, 0.0, xp.exp(gaps) * (1 + lost))
    rest = xp.sum(xp.where(first, 0.0, terms), axis=-1, keepdims=True)
    rest = xp.where(xp.all(masked, axis=-1, keepdims=True), math.nan, rest + 0 * top)
    return Shifted(top + best, xp.where(masked, 0.0, gaps + lost), masked, first, terms, rest)


def logit_adjusted_cross_entropy(
    logits: ArrayLike, target: ArrayLike, prior: ArrayLike, *, tau: float = 1.0, axis: int = -1
) -> Array:
    r"""Return the cross-entropy of softmax of the logits plus tau times the logarithm of the prior.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf masks a class.
    target : array_like
        Labels, integers of shape ``(...)``, or distributions, real numbers of shape ``(..., K)``; see
        the conventions of `xentlib`.
    prior : array_like
        The frequencies of the classes in training, a distribution of shape ``(K,)``. A class of prior
        0 is masked, as if its logit were -inf, for every tau.
    tau : float
        How much is added, at least 0: 1 for the whole prior, 0 for none.
    axis : int
        The class axis.

    Returns
    -------
    array
        Nats, in the dtype of the logits, without the class axis; inf where a class that the target
        holds possible is masked, by its logit or by the prior.

    Raises
    ------
    TypeError
        If the logits or the prior are not real numbers, tau is not a number, or the target's dtype does
        not fit its shape.
    ValueError
        If a logit is nan or +inf, all classes are masked, a shape does not fit, a label is out
        of range, the prior or a row of the target is not a distribution, or tau is negative.

    Notes
    -----
    .. math:: \ell(z, y) = -\sum_{k=1}^K y_k \log p_k,
        \qquad p_k = \frac{\pi_k^\tau e^{z_k}}{\sum_{c=1}^K \pi_c^\tau e^{z_c}}

    Only ratios of the :math:`\pi_k` matter; the class counts divided by their sum will do. At test time
    softmax of the logits alone stands for classes that are equally frequent (for tau = 1).

    Accuracy: 8 eps, and 4 eps more for each unit by which tau is above 1, also where the prior is tiny
    and where the logits are so large that their sum with its logarithm would be rounded. Other libraries
    than NumPy round the prior to the dtype of the logits first.

    References
    ----------
    A. K. Menon, S. Jayasumana, A. S. Rawat, H. Jain, A. Veit and S. Kumar, Long-tail learning via logit
    adjustment, ICLR (2021), arXiv:2007.07314. For tau = 1 it is the balanced softmax of J. Ren et al.,
    Balanced meta-softmax for long-tailed visual recognition, NeurIPS 33 (2020), arXiv:2007.10740. The
    proofs are the claims ``adjusted-gradient`` and ``adjusted-optimum`` of the book.

    Examples
    --------
    Equal logits stand for the prior, and the rare class costs more:

    >>> logit_adjusted_cross_entropy([[0.0, 0.0], [0.0, 0.0]], [0, 1], [0.75, 0.25])
    array([0.28768207, 1.38629436])
    >>> logit_adjusted_cross_entropy([0.0, 1000.0], 0, [1.0, 0.0])
    np.float64(0.0)
    """
    found, function, target = _loss_function(loss_of, logits, target, prior, tau, axis)
    return found.compute(function, target)


def logit_adjusted_cross_entropy_grad(
    logits: ArrayLike, target: ArrayLike, prior: ArrayLike, *, tau: float = 1.0, axis: int = -1
) -> Array:
    r"""Return the gradient of `logit_adjusted_cross_entropy` with respect to the logits.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf masks a class.
    target : array_like
        As in `logit_adjusted_cross_entropy`.
    prior : array_like
        As in `logit_adjusted_cross_entropy`.
    tau : float
        How much is added, at least 0.
    axis : int
        The class axis.

    Returns
    -------
    array
        In the shape and dtype of the logits.

    Raises
    ------
    TypeError
        If the logits or the prior are not real numbers, tau is not a number, or the target's dtype does
        not fit its shape.
    ValueError
        If a logit is nan or +inf, all classes are masked, a shape does not fit, a label is out
        of range, the prior or a row of the target is not a distribution, or tau is negative.

    Notes
    -----
    .. math:: \frac{\partial \ell}{\partial z_i} = p_i \sum_{k=1}^K y_k - y_i,
        \qquad p_i = \frac{\pi_i^\tau e^{z_i}}{\sum_{c=1}^K \pi_c^\tau e^{z_c}}

    Computed as `softmax_cross_entropy_grad` is. For labels 8 eps of each entry, and 4 eps more for each
    unit by which tau is above 1; for distributions as many eps of the sum of the two terms' sizes.

    References
    ----------
    The proof is the claim ``adjusted-gradient`` of the book's chapter on logit adjustment.

    Examples
    --------
    >>> logit_adjusted_cross_entropy_grad([0.0, 0.0], 1, [0.75, 0.25])
    array([ 0.75, -0.75])
    """
    found, function, target = _loss_function(gradient_of, logits, target, prior, tau, axis)
    return found.compute(function, target, keep=True)


def logit_adjusted_cross_entropy_hess(
    logits: ArrayLike, target: ArrayLike, prior: ArrayLike, *, tau: float = 1.0, axis: int = -1
) -> Array:
    r"""Return the Hessian of `logit_adjusted_cross_entropy` with respect to the logits, row by row.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf masks a class.
    target : array_like
        As in `logit_adjusted_cross_entropy`.
    prior : array_like
        As in `logit_adjusted_cross_entropy`.
    tau : float
        How much is added, at least 0.
    axis : int
        The class axis.

    Returns
    -------
    array
        In the dtype of the logits, shape ``(..., K, K)``: the batch axes in their order first.

    Raises
    ------
    TypeError
        If the logits or the prior are not real numbers, tau is not a number, or the target's dtype does
        not fit its shape.
    ValueError
        If a logit is nan or +inf, all classes are masked, a shape does not fit, a label is out
        of range, the prior or a row of the target is not a distribution, or tau is negative.

    Notes
    -----
    .. math:: \frac{\partial^2 \ell}{\partial z_i \, \partial z_j} = p_i (\delta_{ij} - p_j) \sum_{k=1}^K y_k

    with p as in `logit_adjusted_cross_entropy_grad`. Accuracy: 16 eps, and 8 eps more for each unit by
    which tau is above 1.

    References
    ----------
    The proof is the claim ``cross-entropy-hessian`` of the book's chapter on curvature: what is added to
    the logits is a constant.

    Examples
    --------
    >>> logit_adjusted_cross_entropy_hess([0.0, 0.0], 1, [0.75, 0.25])
    array([[ 0.1875, -0.1875],
           [-0.1875,  0.1875]])
    """
    found, function, target = _loss_function(hessian_of, logits, target, prior, tau, axis)
    return found.compute(function, target)


def shift_prior(probabilities: ArrayLike, old: ArrayLike, new: ArrayLike, *, axis: int = -1) -> Array:
    r"""Return the probabilities of the classes after their frequencies have changed.

    Parameters
    ----------
    probabilities : array_like
        Distributions, shape ``(..., K)``, right where the classes have the frequencies `old`.
    old : array_like
        The frequencies of the classes where the probabilities come from, a distribution of shape
        ``(K,)``.
    new : array_like
        Those where they go, a distribution of shape ``(K,)``.
    axis : int
        The class axis.

    Returns
    -------
    array
        In the shape and dtype of the probabilities.

    Raises
    ------
    TypeError
        If one of the three does not hold real numbers.
    ValueError
        If one of the three is not a distribution, a shape does not fit, a class of which `old` is 0 has a
        positive probability, or `new` is 0 for all classes that have one.

    Notes
    -----
    .. math:: p'_k = \frac{p_k \pi'_k / \pi_k}{\sum_{c=1}^K p_c \pi'_c / \pi_c}

    It holds where the inputs of one class are distributed as before (prior shift). To go back, swap
    `old` and `new`: this is right where `new` is positive. For logits it is one line,
    ``logits + np.log(new) - np.log(old)``.

    Accuracy: 4 eps, where numbers and products are not below the normal numbers.

    References
    ----------
    M. Saerens, P. Latinne and C. Decaestecker, Adjusting the outputs of a classifier to new a priori
    probabilities: a simple procedure, Neural Computation 14 (2002), doi:10.1162/089976602753284446. The
    proof is the claim ``prior-shift`` of the book's chapter on logit adjustment.

    Examples
    --------
    A test that was tried on as many ill as healthy people says 90 percent; one in a hundred is ill.

    >>> shift_prior([0.9, 0.1], [0.5, 0.5], [0.01, 0.99])
    array([0.08333333, 0.91666667])
    """
    xp, (p, before, after) = _arrays.together(probabilities, old, new)
    found = _arrays.rows(xp, p, axis, "probabilities")
    before = _vector(xp, before, found.values.shape[-1], "old")
    after = _vector(xp, after, found.values.shape[-1], "new")
    if xp is np:
        _checks.check_distributions(found.values, "probabilities")
        _check_shift(found.values, before, after)
    dtype = _arrays.wide_dtype(xp, found.values.dtype)
    # A power of 2 that keeps the quotient by a subnormal number below the largest one.
    power = 0.5 / float(xp.finfo(dtype).eps)
    known, before = before > 0, xp.astype(before, dtype)
    ratio = xp.where(known, xp.astype(after, dtype) / xp.where(known, before * power, 1.0), math.nan)

    def shifted_rows(xp: Any, p: Any) -> Any:
        weights = xp.where(p == 0, 0.0, p * ratio)
        return weights / xp.sum(weights, axis=-1, keepdims=True)

    return found.compute(shifted_rows, keep=True)


def _check_shift(p: Array, before: Array, after: Array) -> None:
    unknown = (p > 0) & (before == 0)
    if unknown.any():
        place = _checks.first_place(unknown)
        message = (
            f"old must be positive where probabilities are, but is 0 for the probability"
            f"{at_place(place)} (class axis last), which is {p[place]}"
        )
        raise ValueError(message)
    nothing = ~((p > 0) & (after > 0)).any(axis=-1)
    if nothing.any():
        row = at_place(_checks.first_place(nothing))
        message = f"new must leave a class that the probabilities leave, but it leaves none to the row{row}"
        raise ValueError(message)
