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


def _of_spread(z, _, v):
    p = xentlib.softmax(z.astype(np.float64))
    w = v - np.take_along_axis(v, z.argmax(-1)[..., None], -1)
    return p * (np.abs(w) + (p * np.abs(w)).sum(-1, keepdims=True))


def _of_sigmoids(x, t):
    return (1 - t) * xentlib.sigmoid(x) + t * xentlib.sigmoid(-x)


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
    "sigmoid loss": Case(xentlib.sigmoid_cross_entropy, "x t", 8),
    "sigmoid gradient": Case(xentlib.sigmoid_cross_entropy_grad, "x t", 8, _of_sigmoids),
    "sigmoid Hessian": Case(xentlib.sigmoid_cross_entropy_hess, "x t", 8),
    "sigmoid Hessian times a vector": Case(xentlib.sigmoid_cross_entropy_hvp, "x t v", 8),
    "soft Dice loss": Case(xentlib.soft_dice_loss, "x t", 8),
    "soft Dice gradient": Case(xentlib.soft_dice_loss_grad, "x t", 16, _of_dice_gradient),
    "soft Dice Hessian": Case(xentlib.soft_dice_loss_hess, "x t", 32, _of_dice_hessian),
    "smooth_labels": Case(lambda y: xentlib.smooth_labels(y, 0.1), "y", 8),
}

REGIMES = ["plain", "offset", "confident", "far", "ties", "masked"]
# One class, no sample, several batch axes; nothing has its classes along an axis 0 that may be empty.
OTHERS = [(3, 1), (0, 5), (2, 0, 5), (2, 3, 5)]
ROWWISE = [name for name in CASES if "axis 0" not in name]


def inputs(regime, dtype, shape=(6, 5)):
    """Return the arguments of the cases by name."""
    spread, offset = {"offset": (3, 1e4), "far": (300, 0)}.get(regime, (3, 0))
    z = logits(shape, dtype, spread=spread, offset=offset)
    if regime == "confident":
        z[:, 2] += 60
    if regime == "ties":
        z = np.round(z / 4)
    x = z.copy()
    if regime == "masked":
        z[np.arange(6), np.arange(6) % 5] = -np.inf
    return {
        "z": z,
        "x": x,
        "labels": labels(shape),
        "y": distributions(shape, dtype),
        "q": distributions(shape, dtype, seed=3),
        "t": np.random.default_rng(4).random(shape).astype(dtype),
        "v": logits(shape, dtype, seed=5),
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
