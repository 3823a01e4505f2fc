"""Targets: labels and distributions."""

from __future__ import annotations

import math
from typing import Any

import array_api_compat
import numpy as np

from xentlib import _arrays


def distributions(xp: Any, z: Any, target: Any) -> Any:
    """Return the target as distributions: a label is one with a single 1."""
    if not xp.isdtype(target.dtype, "integral"):
        return target
    # Not by comparing with K, which the dtype of the labels may not hold.
    mask = _arrays.one_hot_mask(xp, target, z.shape[-1])
    return xp.where(xp.any(mask, axis=-1, keepdims=True), xp.astype(mask, z.dtype), math.nan)


def one_hot(labels: Any, classes: int, /) -> Any:
    r"""Return the distribution that gives probability 1 to the label, for each label.

    Parameters
    ----------
    labels : array_like
        Integers 0, ..., K - 1 of any shape.
    classes : int
        Their number K.

    Returns
    -------
    array
        In the library's default real dtype (float64 in NumPy), shape ``(..., K)``.

    Raises
    ------
    TypeError
        If the labels or the number of classes are not integers.
    ValueError
        If a label is out of range, or there is no class.

    Notes
    -----
    .. math:: y_k = \delta_{k, \mathrm{label}}

    Negative labels do not count from the end. In arrays of other libraries than NumPy, a label
    out of range gives nan.

    Examples
    --------
    >>> one_hot([0, 2], 3)
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    xp, (array,) = _arrays.together(labels)
    if not xp.isdtype(array.dtype, "integral"):
        message = f"labels must be integers, but their dtype is {array.dtype}"
        raise TypeError(message)
    if isinstance(classes, bool) or not isinstance(classes, int | np.integer):
        message = f"classes must be an integer, but is {classes!r}"
        raise TypeError(message)
    if classes < 1:
        message = f"classes must be at least 1, but is {classes}"
        raise ValueError(message)
    if xp is np:
        _arrays.check_labels(array, int(classes), "labels")
    like = xp.zeros((int(classes),), dtype=_arrays.default_dtype(xp), device=array_api_compat.device(array))
    return distributions(xp, like, array)


def smooth_labels(target: Any, epsilon: float, /, *, axis: int = -1) -> Any:
    r"""Return distributions mixed with the uniform one.

    Parameters
    ----------
    target : array_like
        Distributions, shape ``(..., K)``; of labels, take `one_hot` first.
    epsilon : float
        The weight of the uniform distribution, from 0 to 1.
    axis : int
        The class axis.

    Returns
    -------
    array
        In the shape and dtype of the target.

    Raises
    ------
    TypeError
        If the target does not hold real numbers, or epsilon is not a number.
    ValueError
        If a row of the target is not a distribution, or epsilon is not between 0 and 1.

    Notes
    -----
    .. math:: (1 - \epsilon) y_k + \frac{\epsilon}{K}

    Source: C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens and Z. Wojna, Rethinking the Inception
    architecture for computer vision, CVPR (2016).

    Examples
    --------
    >>> smooth_labels(one_hot([0, 2], 4), 0.2)
    array([[0.85, 0.05, 0.05, 0.05],
           [0.05, 0.05, 0.85, 0.05]])
    """
    xp, (array,) = _arrays.together(target)
    if xp.isdtype(array.dtype, "integral"):
        message = f"target must be distributions, real numbers, but holds {array.dtype}: take one_hot first"
        raise TypeError(message)
    weight = _arrays.number(epsilon, "epsilon")
    if not 0 <= weight <= 1:
        message = f"epsilon must lie between 0 and 1, but is {epsilon}"
        raise ValueError(message)
    found = _arrays.rows(xp, array, axis, "target")
    if xp is np:
        _arrays.check_distributions(found.values, "target")
    share = weight / array.shape[axis]
    return found.compute(lambda xp, y: (1 - weight) * y + share, keep=True)
