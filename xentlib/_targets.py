"""Targets: labels and distributions, and what makes one of the other."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from xentlib import _arrays, _checks
from xentlib._arrays import Array


def as_distributions(xp: Any, target: Any, num_classes: int, dtype: Any) -> Any:
    """Return the target as distributions, the class axis last: a label is one with a single 1."""
    if not _arrays.is_integral(xp, target):
        return target
    # Not by comparing with K, which the dtype of the labels may not hold.
    mask = _arrays.one_hot_mask(xp, target, num_classes)
    return xp.where(xp.any(mask, axis=-1, keepdims=True), xp.astype(mask, dtype), math.nan)


def one_hot(labels: ArrayLike, num_classes: int) -> Array:
    r"""Return the distribution that gives probability 1 to the label, for each label.

    Parameters
    ----------
    labels : array_like
        Integers 0, ..., K - 1 of any shape.
    num_classes : int
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

    References
    ----------
    D. B. Suits, Use of dummy variables in regression equations, J. American Statistical Association
    52 (1957).

    Examples
    --------
    >>> one_hot([0, 2], 3)
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    xp, (array,) = _arrays.together(labels)
    _checks.check_label_dtype(xp, array, "labels")
    classes = _checks.count(num_classes, "num_classes")
    if xp is np:
        _checks.check_labels(array, classes, "labels")
    result: Array = as_distributions(xp, array, classes, _arrays.default_dtype(xp))
    return result


def smooth_labels(target: ArrayLike, label_smoothing: float, *, axis: int = -1) -> Array:
    r"""Return distributions mixed with the uniform one.

    Parameters
    ----------
    target : array_like
        Distributions, shape ``(..., K)``; of labels, take `one_hot` first.
    label_smoothing : float
        The weight s of the uniform distribution, from 0 to 1.
    axis : int
        The class axis.

    Returns
    -------
    array
        In the shape and dtype of the target.

    Raises
    ------
    TypeError
        If the target does not hold real numbers, or the weight is not a number.
    ValueError
        If a row of the target is not a distribution, or the weight is not between 0 and 1.

    Notes
    -----
    .. math:: (1 - s) y_k + \frac{s}{K}

    References
    ----------
    C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens and Z. Wojna, Rethinking the Inception
    architecture for computer vision, CVPR (2016), doi:10.1109/CVPR.2016.308.

    Examples
    --------
    >>> smooth_labels(one_hot([0, 2], 4), 0.2)
    array([[0.85, 0.05, 0.05, 0.05],
           [0.05, 0.05, 0.85, 0.05]])
    """
    xp, (array,) = _arrays.together(target)
    if _arrays.is_integral(xp, array):
        message = f"target must be distributions, real numbers, but holds {array.dtype}: take one_hot first"
        raise TypeError(message)
    weight = _checks.share(label_smoothing, "label_smoothing")
    found = _arrays.rows(xp, array, axis, "target")
    if xp is np:
        _checks.check_distributions(found.values, "target")
    each = weight / found.values.shape[-1]
    return found.compute(lambda xp, y: (1 - weight) * y + each, keep=True)
