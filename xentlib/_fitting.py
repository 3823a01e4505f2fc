"""The temperature that fits held-out samples best, on NumPy."""

from __future__ import annotations

import math
import sys
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from xentlib import _arrays, _checks
from xentlib._arrays import Array
from xentlib._kernel import at_place, blocks
from xentlib._softmax import shifted
from xentlib._targets import as_distributions

_CLOSE = 2.0**-40
"""A step of Newton's method that is relatively as small is the last: its square is far below eps."""


def fit_temperature(logits: ArrayLike, target: ArrayLike) -> float:
    r"""Return the temperature at which the mean cross-entropy of a batch is smallest.

    Parameters
    ----------
    logits : array_like
        Shape ``(..., K)``, with at least one batch axis and two classes, of samples that were not trained
        on; -inf masks a class. NumPy alone, as for means. Classes are last: of PyTorch's ``(N, C, H, W)``
        pass ``np.moveaxis(logits, 1, -1)``. Probabilities passed as they are, without the log, are taken
        for logits.
    target : array_like
        Labels, shape ``(...)``, or distributions, shape ``(..., K)``; see the conventions of `xentlib`.
        There is no ignore_index: of labels c pass ``logits[c != -100]`` and ``c[c != -100]``.

    Returns
    -------
    float
        Above 0. The logits are to be divided by it, as the argument ``temperature`` of `softmax` does.

    Raises
    ------
    TypeError
        If the logits are not real numbers of at most 64 bits, or the target's dtype does not fit its
        shape.
    ValueError
        If there is no batch axis, or one class alone, a logit is nan or +inf, all classes are masked, a
        shape does not fit, a label is out of range, a row of the target is not a distribution, or there
        are no samples; and where no temperature is best. That is so where every target is on largest
        logits, for the loss then falls as T goes to 0, where the logits of the targets are on average
        not above the mean logits, for it then falls as T grows, where the logits of each row are equal,
        and where a target is masked.

    Notes
    -----
    .. math:: T = \operatorname*{argmin}_{T > 0} \frac1N \sum_{n=1}^N
        \Bigl( \log \sum_{k=1}^K e^{z_{nk} / T} - \frac{z_{n c_n}}{T} \Bigr)

    The loss is convex in :math:`\beta = 1/T`. Where its slope is 0, the expected logit is on average the
    logit of the target. That root is found by Newton's method for :math:`\log \beta`, kept between two
    bounds that hold for all data:

    .. math:: \frac{|S_0|}{\frac1N \sum_n R_n^2 / 4} \le \beta \le \frac{K - 1}{e \, m}

    with the slope :math:`S_0` at :math:`\beta = 0`, the range :math:`R_n` of the logits of a row, and the
    mean distance m of the targets' logits from the largest.

    Accuracy: with the variance V of the logits over T, and S the sum of the mean distances of the expected
    and of the targets' logits from the largest, over T, the error is at most :math:`4 (1 + S/V)` eps of
    T, with the eps of float64. S/V is what a relative change of the slope's two terms does to T. Where the
    slope at 0 cannot be told from 0, T is refused.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, On calibration of modern neural networks, ICML (2017),
    arXiv:1706.04599. The proofs are the claims ``temperature-fit-slope`` and ``temperature-fit-convex`` of
    the book.

    Examples
    --------
    Logits that claim odds of 9 to 1, and are right three times of four, so that the odds should be 3 to 1:

    >>> import numpy as np
    >>> sure = np.tile([np.log(9.0), 0.0], (4, 1))
    >>> print(f"{fit_temperature(sure, [0, 0, 0, 1]):.12f}")
    2.000000000000

    A binary network has one logit x. Beside a column of zeros it is the logit of class 1:

    >>> x = np.full(4, np.log(9.0))
    >>> print(f"{fit_temperature(np.stack([0 * x, x], axis=1), [1, 1, 1, 0]):.12f}")
    2.000000000000
    """
    given = _arrays.on_numpy(logits, "logits")
    found, (read,) = _arrays.logit_rows(given, _arrays.on_numpy(target, "target"))
    if not found.batch or given.shape[-1] == 1:
        message = (
            f"logits must have a batch axis and at least two classes, but have shape {given.shape}: of one "
            "sample pass logits[None]; of one logit a sample, x of shape (N,), pass "
            "np.stack([0 * x, x], axis=1), and integer labels 0 and 1"
        )
        raise ValueError(message)
    matrix = found.matrix()
    if matrix is None:
        message = f"logits must be real numbers of at most 64 bits, but their dtype is {given.dtype}"
        raise TypeError(message)
    y: Array = _checks.check_target(found, read)
    _checks.check_logits(found)
    if len(matrix) == 0:
        message = "no temperature fits nothing: the batch is empty"
        raise ValueError(message)
    y = y.reshape((len(matrix), *y.shape[len(found.batch) :]))
    _check_possible(matrix, y, found.batch)
    data, exponent = _informative(matrix, y)
    scaled = _root(data, *_bounds(data))
    size = exponent + math.log2(scaled)
    result = math.ldexp(scaled, exponent) if size < sys.float_info.max_exp else math.inf
    if not sys.float_info.min <= result < math.inf:
        message = f"logits must have a temperature among the normal numbers, but theirs is {result}"
        raise ValueError(message)
    return result


class _Data(NamedTuple):
    """Rows of which the logits are not all equal, scaled so that the largest range is about 1."""

    z: Array
    mass: Array
    """The sum of each row's target, which is 1 but for rounding."""
    distance: float
    """How far the targets' logits are below the largest, summed."""


def _check_possible(z: Array, target: Array, batch: tuple[int, ...]) -> None:
    """Refuse a target that is masked."""
    masked = np.isneginf(z)
    if not masked.any():
        return
    wanted = as_distributions(np, target, z.shape[1], np.float64) > 0
    impossible = (masked & wanted).any(axis=-1)
    if impossible.any():
        (row,) = _checks.first_place(impossible)
        place = tuple(map(int, np.unravel_index(row, batch)))
        message = (
            f"the target{at_place(place)} must be on classes that are not masked: its loss is infinite at "
            "every temperature"
        )
        raise ValueError(message)


def _informative(matrix: Array, target: Array) -> tuple[_Data, int]:
    """Return the rows that depend on the temperature, divided by a power of two, and its exponent."""
    low = np.where(np.isneginf(matrix), np.inf, matrix).min(axis=1).astype(np.float64)
    spread = matrix.max(axis=1).astype(np.float64) / 4 - low / 4  # which cannot overflow
    useful = spread > 0
    if not useful.any():
        message = "no temperature is best: the logits of each row are equal, and the loss is always the same"
        raise ValueError(message)
    exponent = math.frexp(float(spread.max()))[1] + 2
    z = np.ldexp(matrix[useful].astype(np.float64), -exponent)
    mass: list[float] = []
    wanted: list[float] = []
    for rows in _parts(z):
        y = as_distributions(np, target[useful][rows], z.shape[1], np.float64)
        gaps = np.where(y > 0, z[rows] - z[rows].max(axis=1, keepdims=True), 0.0)
        mass += y.sum(axis=1, dtype=np.float64).tolist()
        wanted += (y * gaps).sum(axis=1, dtype=np.float64).tolist()
    return _Data(z, np.array(mass), -math.fsum(wanted)), exponent


def _parts(z: Array) -> list[slice]:
    return blocks(z.shape, z.itemsize)


def _bounds(data: _Data) -> tuple[float, float]:
    """Return two numbers that the temperature lies between; refuse data of which it is 0 or infinite."""
    uniform: list[float] = []
    squares: list[float] = []
    for rows in _parts(data.z):
        masked = np.isneginf(data.z[rows])
        gaps = np.where(masked, 0.0, data.z[rows] - data.z[rows].max(axis=1, keepdims=True))
        uniform += (data.mass[rows] * (gaps.sum(axis=1) / (~masked).sum(axis=1))).tolist()
        squares += (data.mass[rows] * gaps.min(axis=1) ** 2 / 4).tolist()
    distance = data.distance
    if not distance > 0:
        message = (
            "no temperature above 0 is best: every target is the largest logit of its row, so the loss falls "
            "for ever as T goes to 0: fit on samples that were not trained on, and on enough of them"
        )
        raise ValueError(message)
    slope = math.fsum(uniform) + distance
    # 1 - 1 = 0 is not to be taken for a slope because of rounding.
    if not slope < -4 * sys.float_info.epsilon * (distance - math.fsum(uniform)):
        message = (
            "no finite temperature is best: the logits of the targets are on average not above the mean "
            "logits of their rows, so the loss falls as T grows: are labels or classes mixed up?"
        )
        raise ValueError(message)
    coldest = math.e * distance / (len(data.z) * (data.z.shape[1] - 1))
    # Sums of y may be a little above 1, and all of this is rounded.
    return coldest / 2, 2 * math.fsum(squares) / -slope


def _slope_and_curvature(data: _Data, temperature: float) -> tuple[float, float]:
    """Return the slope and the curvature of the summed loss at log beta = -log T, as Newton takes them."""
    slopes = [data.distance / temperature]
    curvatures: list[float] = []
    for rows in _parts(data.z):
        with np.errstate(over="ignore", under="ignore"):
            parts = shifted(np, data.z[rows], temperature)
            share = data.mass[rows] / (1 + parts.rest[:, 0])
            # Of a class with no probability the gap may be infinite, or nearly so.
            gaps = np.where(parts.terms > 0, parts.gaps, 0.0)
            weighted = (parts.terms * gaps).sum(axis=1)
            mean = weighted / (1 + parts.rest[:, 0])
            slopes += (share * weighted).tolist()
            curvatures += (share * (parts.terms * (gaps - mean[:, None]) ** 2).sum(axis=1)).tolist()
    return math.fsum(slopes), math.fsum(curvatures)


def _root(data: _Data, low: float, high: float) -> float:
    """Return the temperature between two at which the slope is 0."""
    heat, last = math.sqrt(low) * math.sqrt(high), math.inf
    while True:
        slope, curvature = _slope_and_curvature(data, heat)
        step = slope / curvature if curvature > 0 else math.copysign(math.inf, slope)
        if abs(step) < _CLOSE:
            return heat * math.exp(step)
        # Too cold: the expected logits are above those of the targets.
        low, high = (heat, high) if slope > 0 else (low, heat)
        following = heat * math.exp(min(step, 700.0))
        if not low < following < high or abs(step) > last / 2:
            following = math.sqrt(low) * math.sqrt(high)
            if not low < following < high:
                return following  # two neighbours among the floats
            step = math.log(following / heat)
        heat, last = following, abs(step)
