"""Logits, the functions that every array library is handed to, and the distances between results.

Distances are in eps, the spacing of the dtype's numbers at 1, times a scale: the exact value for
a relative error (an eps is then one or two units in the last place), 1 for an absolute one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from oracle import error_in_eps

import xentlib

DTYPES = [np.float32, np.float64]
SHAPES = [(20, 2), (20, 10), (5, 1000)]


def logits(shape, dtype, *, spread=3.0, offset=0.0, seed=0):
    return (np.random.default_rng(seed).normal(scale=spread, size=shape) + offset).astype(dtype)


def labels(shape, seed=1):
    return np.random.default_rng(seed).integers(shape[-1], size=shape[:-1])


def distributions(shape, dtype, seed=2):
    return xentlib.softmax(logits(shape, np.float64, spread=2.0, seed=seed)).astype(dtype)


def bound(z):
    """Return how far a textbook implementation may be from xentlib, in eps.

    Rounding z - max or z - A(z) costs up to half an eps of a number below 2 max|z|: absolutely, and
    relatively once the exponential is taken. A sum of K terms of one sign adds sqrt(K) (the
    probabilistic bound of Higham and Mary, SIAM J. Sci. Comput. 41, 2019); exp, log and a division
    add at most 4, and xentlib errs by at most 4.
    """
    return 2 * float(np.abs(z).max()) + z.shape[-1] ** 0.5 + 8


def distance(found, expected, scale=None, *, flushed=False):
    """Return the largest difference in eps of the dtype found, by the rule of the tests' oracle.

    It is relative unless there is a scale; `flushed` allows numbers below the normal ones to be 0.
    """
    found, expected = np.asarray(found), np.asarray(expected, np.float64)
    assert found.shape == expected.shape
    if flushed:
        info = np.finfo(found.dtype)
        # What rounds to the smallest normal number may have been just below it.
        below = np.abs(expected) <= float(info.tiny) * (1 + 8 * float(info.eps))
        expected = np.where((found == 0) & below, 0, expected)
    return error_in_eps(found, expected, scale=scale, dtype=found.dtype)


# --- Every function, for arrays of every library ----------------------------------------------------


class Case(NamedTuple):
    """A function, the names of its arguments, and how far two of its results may be apart.

    The limit is twice the bound in the function's docstring: one for each result.
    """

    function: Callable[..., Any]
    arguments: str
    limit: float
    scale: Callable[..., Any] | None = None


def _of_both_terms(z, y):
    p = xentlib.softmax(z.astype(np.float64))
    return p * (1 - y) + y * (1 - p)


def _of_weighted_terms(z, y, w):
    p, y = xentlib.softmax(z.astype(np.float64)), y * w.astype(np.float64)
    return p * (y.sum(-1, keepdims=True) - y) + y * (1 - p)


def _of_spread(z, _, v):
    p = xentlib.softmax(z.astype(np.float64))
    w = v - np.take_along_axis(v, z.argmax(-1)[..., None], -1)
    return p * (np.abs(w) + (p * np.abs(w)).sum(-1, keepdims=True))


def _of_weighted_spread(z, labels, v, w):
    return _of_spread(z, labels, v) * w[labels][..., None].astype(np.float64)


def _of_sigmoids(x, t, w=1.0):
    return (1 - t) * xentlib.sigmoid(x) + w * t * xentlib.sigmoid(-x)


def _weighted(name):
    """Return a softmax loss, or a derivative, whose last argument is the class weights."""

    def call(*arguments):
        return getattr(xentlib, name)(*arguments[:-1], class_weight=arguments[-1])

    return call


def _with_positive_weight(name):
    def call(*arguments):
        return getattr(xentlib, name)(*arguments[:-1], pos_weight=arguments[-1])

    return call


def _of_focal_terms(z, labels):
    """Return the sum of the absolute terms of the Hessian for gamma 2.

    XLA makes a term below the normal numbers 0, also beside one above them: no less than tiny / eps.
    """
    least = float(np.finfo(z.dtype).tiny / np.finfo(z.dtype).eps)
    z = z.astype(np.float64)
    slope = xentlib.softmax_cross_entropy_grad(z, labels)
    q = -np.take_along_axis(slope, labels[..., None], -1)[..., None]
    loss = xentlib.softmax_cross_entropy(z, labels)[..., None, None]
    p = np.exp(-loss)
    with np.errstate(invalid="ignore"):
        p_loss = np.where(p == 0, 0.0, p * loss)
    pairs = np.abs(slope[..., :, None] * slope[..., None, :])
    first = q * (q + 2 * p_loss) * np.abs(xentlib.softmax_jacobian(z))
    return least + first + 2 * (p * q * 2 + q * p_loss + p * p_loss) * pairs


def _of_both_answers(function):
    def size(x, t):
        yes, no = (np.abs(function(x.astype(np.float64), y, alpha=0.25)) for y in (1.0, 0.0))
        return t * yes + (1 - t) * no

    return size


def _of_both_sides(function):
    """Return the sum of the sizes of what yes and no contribute."""

    def size(x, t):
        x = x.astype(np.float64)
        return np.abs(t * function(x, 1.0)) + np.abs((1 - t) * function(x, 0.0))

    return size


def _beyond(function):
    """Return a function that may exceed the largest number, of which NumPy warns under array-api-strict."""

    def call(*arguments):
        with np.errstate(over="ignore"):
            return function(*arguments)

    return call


def _of_sigmoid_terms(x, t):
    """Return the same for single logits, with alpha 0.25."""
    x = x.astype(np.float64)

    def size(x):
        p, q, loss = xentlib.sigmoid(x), xentlib.sigmoid(-x), xentlib.softplus(-x)
        return p * q**2 * (q * (5 + 2 * loss) + 4 * p * loss)

    return t * size(x) / 4 + (1 - t) * size(-x) * 3 / 4


def _of_sparse_loss(alpha):
    """Return the sum of the absolute terms of the loss and, for sparsemax, L + sum |p - y|; and eps."""

    def size(z, y):
        eps = float(np.finfo(z.dtype).eps)
        z, y = z.astype(np.float64), y.astype(np.float64) if y.ndim == z.ndim else np.eye(z.shape[-1])[y]
        y = y / y.sum(-1, keepdims=True)
        p = xentlib.entmax(z, alpha=alpha)
        if alpha == 2:
            return eps + xentlib.sparsemax_loss(z, y) + np.abs(p - y).sum(-1)
        with np.errstate(invalid="ignore"):
            costs = np.where(y == 0, 0, y * (z.max(-1, keepdims=True) - z)).sum(-1)
        terms = (1 - p.max(-1) ** (alpha - 1)) / (alpha - 1) + (1 - (p**alpha).sum(-1)) / alpha
        return eps + costs + terms + (1 - (y**alpha).sum(-1)) / (alpha * (alpha - 1))

    return size


def _of_sparse_slopes(alpha):
    def size(z, _):
        p = xentlib.entmax(z.astype(np.float64), alpha=alpha)
        some = np.where(p > 0, p, 1.0)
        s = np.where(p > 0, some ** (2 - alpha), 0)
        size = s * (1 - np.log(some)) + np.where(p > 0, abs(2 - alpha) * some ** (3 - 2 * alpha), 0)
        total = s.sum(-1)[..., None, None]
        pairs = size[..., :, None] * s[..., None, :] + s[..., :, None] * size[..., None, :]
        pairs = pairs + s[..., :, None] * s[..., None, :] * size.sum(-1)[..., None, None] / total
        # A class that is about to be ruled out may count or not: p errs by 4 eps.
        least = 4 * float(np.finfo(z.dtype).eps) * abs(2 - alpha)
        return least + 2 * np.eye(z.shape[-1]) * size[..., None] + 2 * pairs / total

    return size


NOISE = np.full((5, 5), 0.0625) + 0.6875 * np.eye(5)


def _noise(z):
    return NOISE if z.shape[-1] == 5 else np.eye(z.shape[-1])


def _of_generalized_hessian(z, labels):
    p, y = xentlib.softmax(z.astype(np.float64)), np.eye(z.shape[-1])[labels]
    weight = (p * y).sum(-1)[..., None, None] ** 0.75
    slope = np.abs(xentlib.softmax_cross_entropy_grad(z.astype(np.float64), labels))
    jacobian = np.abs(xentlib.softmax_jacobian(z.astype(np.float64)))
    return weight * (jacobian + 0.75 * slope[..., :, None] * slope[..., None, :])


def _posterior(z, labels):
    joint = xentlib.softmax(z.astype(np.float64)) * _noise(z).T[labels]
    return joint / joint.sum(-1, keepdims=True)


def _of_corrected_gradient(z, labels):
    p, shares = xentlib.softmax(z.astype(np.float64)), _noise(z).T[labels]
    far = np.abs(shares - np.take_along_axis(shares, z.argmax(-1)[..., None], -1))
    size = far + (p * far).sum(-1, keepdims=True)
    return p * size / (p * shares).sum(-1, keepdims=True)


def _of_corrected_hessian(z, labels):
    r = _posterior(z, labels)
    of_r = r[..., :, None] * (np.eye(z.shape[-1]) + r[..., None, :])
    return np.abs(xentlib.softmax_jacobian(z.astype(np.float64))) + of_r


def _prior(z):
    """Return frequencies like 1, 1/2, 1/3 and so on, which every dtype here holds exactly."""
    frequencies = 1 / np.arange(1, z.shape[-1] + 1)
    return (frequencies / frequencies.sum()).astype(np.float32)


def _of_overlap(x, t):
    p = xentlib.sigmoid(x.astype(np.float64))
    loss, size = xentlib.soft_dice_loss(x, t)[..., None], (p + t).sum(-1, keepdims=True)
    return p * xentlib.sigmoid(-x) / size, np.abs(1 - 2 * t) * (1 - loss) + 2 * t * loss, p, loss


def _of_dice_gradient(x, t):
    part, pull, _, _ = _of_overlap(x, t)
    return part * pull


def _of_dice_hessian(x, t):
    part, pull, p, loss = _of_overlap(x, t)
    both = t[..., :, None] + t[..., None, :]
    shared = np.abs(both - 1) * (1 - loss[..., None]) + both * loss[..., None]
    alone = part * np.abs(1 - 2 * p) * pull
    return 2 * part[..., :, None] * part[..., None, :] * shared + np.eye(x.shape[-1]) * alone[..., None]


def _of_products(q, k):
    """Return a fourth of the bound in eps: what products and sums add to the 8 eps of two results."""
    sizes = (np.abs(q)[:, None, :] * np.abs(k)[None, :, :]).astype(np.float64).sum(-1)
    return (6 + len(q) / 2 + (q.shape[1] + 2) * sizes.max()) / 4


def _of_info_nce(q, k):
    return xentlib.info_nce_loss(q.astype(np.float64), k.astype(np.float64)) * _of_products(q, k)


def _of_info_nce_gradient(of_keys):
    def size(q, k):
        q, k = q.astype(np.float64), k.astype(np.float64)
        slopes = np.abs(xentlib.softmax_cross_entropy_grad(q @ k.T, np.arange(len(q))))
        terms = slopes.T @ np.abs(q) if of_keys else slopes @ np.abs(k)
        return terms * _of_products(q, k)

    return size


def _of_brier_gradient(z, labels):
    """Return 2 p (|w_i| + sum p |w|), where w is p - y less that of the largest logit."""
    z = z.astype(np.float64)
    p, w = xentlib.softmax(z), xentlib.softmax_cross_entropy_grad(z, labels)
    far = np.abs(w - np.take_along_axis(w, z.argmax(-1)[..., None], -1))
    return 2 * p * (far + (p * far).sum(-1, keepdims=True))


def _of_brier_hessian(z, labels):
    least = float(np.finfo(z.dtype).tiny / np.finfo(z.dtype).eps)
    z = z.astype(np.float64)
    p, size = xentlib.softmax(z), _of_brier_gradient(z, labels)
    square = (p * p).sum(-1, keepdims=True)
    mine = xentlib.softmax_cross_entropy_hess(z, labels).diagonal(axis1=-2, axis2=-1)
    others = mine / np.where(p == 0, 1, p)
    both = p[..., :, None] + p[..., None, :] + square[..., None]
    with_p = size[..., :, None] * p[..., None, :]
    pairs = with_p + np.swapaxes(with_p, -1, -2) + 2 * p[..., :, None] * p[..., None, :] * both
    diagonal = size + 2 * p * p * (others**2 + square - p * p)
    return least + np.where(np.eye(z.shape[-1]) == 1, diagonal[..., None, :], pairs)


def _of_spherical_hessian(z, labels):
    least = float(np.finfo(z.dtype).tiny / np.finfo(z.dtype).eps)
    z = 2 * z.astype(np.float64)
    slope = np.abs(xentlib.softmax_cross_entropy_grad(z, labels))
    root = np.exp(-xentlib.softmax_cross_entropy(z, labels) / 2)[..., None, None]
    jacobian = np.abs(xentlib.softmax_jacobian(z))
    return least + root * (2 * jacobian + slope[..., :, None] * slope[..., None, :])


CASES = {
    # Near 0 the error is relative to log K.
    "logsumexp": Case(
        xentlib.logsumexp, "z", 8, lambda z: np.abs(xentlib.logsumexp(z)) + math.log(z.shape[-1])
    ),
    "softmax": Case(xentlib.softmax, "z", 8),
    "softmax along axis 0": Case(lambda z: xentlib.softmax(z, axis=0), "z", 8),
    "softmax at a temperature": Case(lambda z: xentlib.softmax(z, temperature=0.75), "z", 8),
    "log_softmax": Case(xentlib.log_softmax, "z", 8),
    "softmax_jacobian": Case(xentlib.softmax_jacobian, "z", 16),
    "sigmoid": Case(xentlib.sigmoid, "x", 8),
    "log_sigmoid": Case(xentlib.log_sigmoid, "x", 8),
    "softplus": Case(xentlib.softplus, "x", 8),
    "entropy": Case(xentlib.entropy, "y", 8),
    "perplexity": Case(xentlib.perplexity, "y", 2 * (2 + 4 * math.log(5))),
    "cross_entropy": Case(xentlib.cross_entropy, "y q", 8),
    "kl_divergence": Case(xentlib.kl_divergence, "y q", 16),
    "loss of labels": Case(xentlib.softmax_cross_entropy, "z labels", 8),
    "loss of distributions": Case(xentlib.softmax_cross_entropy, "z y", 8),
    "gradient for labels": Case(xentlib.softmax_cross_entropy_grad, "z labels", 8),
    "gradient for distributions": Case(xentlib.softmax_cross_entropy_grad, "z y", 12, _of_both_terms),
    "Hessian": Case(xentlib.softmax_cross_entropy_hess, "z labels", 16),
    "Hessian times a vector": Case(xentlib.softmax_cross_entropy_hvp, "z labels v", 16, _of_spread),
    "generalized loss": Case(lambda z, y: xentlib.generalized_cross_entropy(z, y, q=0.75), "z labels", 8),
    "generalized gradient": Case(
        lambda z, y: xentlib.generalized_cross_entropy_grad(z, y, q=0.75), "z labels", 16
    ),
    "generalized Hessian": Case(
        lambda z, y: xentlib.generalized_cross_entropy_hess(z, y, q=0.75),
        "z labels",
        24,
        _of_generalized_hessian,
    ),
    "corrected loss": Case(
        lambda z, y: xentlib.forward_corrected_cross_entropy(z, y, _noise(z)), "z labels", 12
    ),
    "corrected gradient": Case(
        lambda z, y: xentlib.forward_corrected_cross_entropy_grad(z, y, _noise(z)),
        "z labels",
        24,
        _of_corrected_gradient,
    ),
    "corrected Hessian": Case(
        lambda z, y: xentlib.forward_corrected_cross_entropy_hess(z, y, _noise(z)),
        "z labels",
        24,
        _of_corrected_hessian,
    ),
    "adjusted loss": Case(
        lambda z, labels: xentlib.logit_adjusted_cross_entropy(z, labels, _prior(z)), "z labels", 16
    ),
    "adjusted gradient": Case(
        lambda z, labels: xentlib.logit_adjusted_cross_entropy_grad(z, labels, _prior(z), tau=1.5),
        "z labels",
        20,
    ),
    "adjusted Hessian": Case(
        lambda z, labels: xentlib.logit_adjusted_cross_entropy_hess(z, labels, _prior(z)), "z labels", 32
    ),
    "sigmoid loss": Case(xentlib.sigmoid_cross_entropy, "x t", 8),
    "sigmoid gradient": Case(xentlib.sigmoid_cross_entropy_grad, "x t", 8, _of_sigmoids),
    "sigmoid Hessian": Case(xentlib.sigmoid_cross_entropy_hess, "x t", 8),
    "sigmoid Hessian times a vector": Case(xentlib.sigmoid_cross_entropy_hvp, "x t v", 8),
    "weighted loss of labels": Case(_weighted("softmax_cross_entropy"), "z labels w", 8),
    "weighted loss of distributions": Case(_weighted("softmax_cross_entropy"), "z y w", 8),
    "weighted gradient for labels": Case(_weighted("softmax_cross_entropy_grad"), "z labels w", 8),
    "weighted gradient for distributions": Case(
        _weighted("softmax_cross_entropy_grad"), "z y w", 12, _of_weighted_terms
    ),
    "weighted Hessian": Case(_weighted("softmax_cross_entropy_hess"), "z labels w", 16),
    "weighted Hessian times a vector": Case(
        _weighted("softmax_cross_entropy_hvp"), "z labels v w", 16, _of_weighted_spread
    ),
    "weighted sigmoid loss": Case(_with_positive_weight("sigmoid_cross_entropy"), "x t w", 8),
    "weighted sigmoid gradient": Case(
        _with_positive_weight("sigmoid_cross_entropy_grad"), "x t w", 8, _of_sigmoids
    ),
    "weighted sigmoid Hessian": Case(_with_positive_weight("sigmoid_cross_entropy_hess"), "x t w", 12),
    "weighted sigmoid Hessian times a vector": Case(
        _with_positive_weight("sigmoid_cross_entropy_hvp"), "x t v w", 12
    ),
    "focal loss": Case(xentlib.softmax_focal_loss, "z labels", 24),
    "focal loss, gamma 0.5": Case(lambda z, y: xentlib.softmax_focal_loss(z, y, gamma=0.5), "z labels", 12),
    "focal gradient": Case(xentlib.softmax_focal_loss_grad, "z labels", 32),
    "focal Hessian": Case(xentlib.softmax_focal_loss_hess, "z labels", 40, _of_focal_terms),
    "sigmoid focal loss": Case(lambda x, t: xentlib.sigmoid_focal_loss(x, t, alpha=0.25), "x t", 24),
    "sigmoid focal gradient": Case(
        lambda x, t: xentlib.sigmoid_focal_loss_grad(x, t, alpha=0.25),
        "x t",
        32,
        _of_both_answers(xentlib.sigmoid_focal_loss_grad),
    ),
    "sigmoid focal Hessian": Case(
        lambda x, t: xentlib.sigmoid_focal_loss_hess(x, t, alpha=0.25), "x t", 40, _of_sigmoid_terms
    ),
    "shift_prior": Case(lambda y: xentlib.shift_prior(y, _prior(y), _prior(y)[::-1].copy()), "y", 8),
    "ordinal loss": Case(xentlib.ordinal_cross_entropy, "g grades", 8),
    "ordinal gradient": Case(xentlib.ordinal_cross_entropy_grad, "g grades", 8),
    "ordinal Hessian": Case(xentlib.ordinal_cross_entropy_hess, "g grades", 8),
    "soft Dice loss": Case(xentlib.soft_dice_loss, "x t", 8),
    "soft Dice gradient": Case(xentlib.soft_dice_loss_grad, "x t", 16, _of_dice_gradient),
    "soft Dice Hessian": Case(xentlib.soft_dice_loss_hess, "x t", 32, _of_dice_hessian),
    "InfoNCE": Case(xentlib.info_nce_loss, "x v", 8, _of_info_nce),
    "InfoNCE, gradient of queries": Case(
        lambda q, k: xentlib.info_nce_loss_grad(q, k)[0], "x v", 8, _of_info_nce_gradient(False)
    ),
    "InfoNCE, gradient of keys": Case(
        lambda q, k: xentlib.info_nce_loss_grad(q, k)[1], "x v", 8, _of_info_nce_gradient(True)
    ),
    "sparsemax": Case(xentlib.sparsemax, "z", 8, lambda z: 1),
    "sparsemax loss": Case(xentlib.sparsemax_loss, "z labels", 8, _of_sparse_loss(2)),
    "sparsemax loss of distributions": Case(xentlib.sparsemax_loss, "z y", 8, _of_sparse_loss(2)),
    "sparsemax gradient": Case(xentlib.sparsemax_loss_grad, "z labels", 8, lambda z, y: 1),
    "sparsemax Hessian": Case(xentlib.sparsemax_loss_hess, "z labels", 8, _of_sparse_slopes(2)),
    "entmax": Case(xentlib.entmax, "z", 8, lambda z: 1),
    "entmax, alpha 0.5": Case(lambda z: xentlib.entmax(z, alpha=0.5), "z", 8, lambda z: 1),
    # Twice the 5 (alpha - 1) eps of the power.
    "entmax, alpha 3": Case(lambda z: xentlib.entmax(z, alpha=3.0) ** 2, "z", 20, lambda z: 1),
    "entmax loss": Case(xentlib.entmax_loss, "z labels", 8, _of_sparse_loss(1.5)),
    "entmax loss of distributions": Case(xentlib.entmax_loss, "z y", 8, _of_sparse_loss(1.5)),
    "entmax gradient": Case(xentlib.entmax_loss_grad, "z y", 8, lambda z, y: 1),
    "entmax Hessian": Case(xentlib.entmax_loss_hess, "z labels", 8, _of_sparse_slopes(1.5)),
    "hinge": Case(xentlib.hinge_loss, "x t", 8),
    "hinge slope": Case(xentlib.hinge_loss_grad, "x t", 8, _of_both_sides(xentlib.hinge_loss_grad)),
    "squared hinge": Case(xentlib.squared_hinge_loss, "x t", 8),
    "squared hinge slope": Case(
        xentlib.squared_hinge_loss_grad, "x t", 8, _of_both_sides(xentlib.squared_hinge_loss_grad)
    ),
    "squared hinge curvature": Case(xentlib.squared_hinge_loss_hess, "x t", 8),
    "exponential loss": Case(_beyond(xentlib.exponential_loss), "x t", 8),
    "exponential slope": Case(
        _beyond(xentlib.exponential_loss_grad), "x t", 8, _of_both_sides(xentlib.exponential_loss_grad)
    ),
    "exponential curvature": Case(_beyond(xentlib.exponential_loss_hess), "x t", 8),
    "multiclass hinge": Case(xentlib.multiclass_hinge_loss, "z labels", 8),
    "multiclass hinge slope": Case(xentlib.multiclass_hinge_loss_grad, "z labels", 8),
    "Brier loss": Case(xentlib.softmax_brier_loss, "z labels", 16),
    "Brier gradient": Case(xentlib.softmax_brier_loss_grad, "z labels", 16, _of_brier_gradient),
    "Brier Hessian": Case(xentlib.softmax_brier_loss_hess, "z labels", 24, _of_brier_hessian),
    "spherical loss": Case(xentlib.softmax_spherical_loss, "z labels", 16),
    "spherical gradient": Case(xentlib.softmax_spherical_loss_grad, "z labels", 16),
    "spherical Hessian": Case(xentlib.softmax_spherical_loss_hess, "z labels", 24, _of_spherical_hessian),
    "smooth_labels": Case(lambda y: xentlib.smooth_labels(y, 0.1), "y", 8),
}

REGIMES = ["plain", "offset", "confident", "far", "ties", "masked"]
# One class, no sample, several batch axes; nothing has its classes along an axis 0 that may be empty, and
# nothing is a batch of pairs.
OTHERS = [(3, 1), (0, 5), (2, 0, 5), (2, 3, 5)]
ROWWISE = [name for name in CASES if "axis 0" not in name and "InfoNCE" not in name]


def inputs(regime, dtype, shape=(6, 5)):
    """Return the arguments of the cases by name."""
    spread, offset = {"offset": (3, 1e4), "far": (300, 0)}.get(regime, (3, 0))
    z = logits(shape, dtype, spread=spread, offset=offset)
    if regime == "confident":
        z[:, 2] += 60
    if regime == "ties":
        z = np.round(z / 4)
    x = z.copy()
    g = (np.sort(z, axis=-1) + np.arange(shape[-1]) / 4).astype(dtype)
    if regime == "masked":
        z[np.arange(6), np.arange(6) % 5] = -np.inf
        g[:3, 0], g[2:, -1] = -np.inf, np.inf
    return {
        "z": z,
        "x": x,
        "labels": labels(shape),
        "y": distributions(shape, dtype),
        "q": distributions(shape, dtype, seed=3),
        "t": np.random.default_rng(4).random(shape).astype(dtype),
        "v": logits(shape, dtype, seed=5),
        # Not above 1: what is below the normal numbers without a weight errs by the weight times as much.
        "w": np.random.default_rng(6).random(shape[-1]).astype(dtype),
        "g": g,
        "grades": np.random.default_rng(6).integers(shape[-1] + 1, size=shape[:-1]),
    }


def same_as_numpy(
    name, regime, dtype, make, read, wrap=lambda function: function, *, shape=(6, 5), flushed=False
):
    """Check a case with arrays of a library, and return the result and the first argument.

    `make` turns NumPy's arrays into the library's and `read` does the opposite; `wrap` compiles.
    """
    case, given = CASES[name], inputs(regime, dtype, shape)
    arguments = [given[argument] for argument in case.arguments.split()]
    theirs = [make(argument) for argument in arguments]
    result = wrap(case.function)(*theirs)
    assert result.dtype == theirs[0].dtype
    found = read(result)
    assert found.dtype == dtype
    scale = None if case.scale is None else case.scale(*arguments)
    assert distance(found, case.function(*arguments), scale, flushed=flushed) <= case.limit
    for argument, their in zip(arguments, theirs, strict=True):
        np.testing.assert_array_equal(read(their), argument)  # nothing was modified
    return result, theirs[0]
