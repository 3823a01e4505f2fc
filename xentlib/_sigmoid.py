"""Sigmoid and its relatives, accurate also next to 0 and 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from xentlib import _arrays, _checks
from xentlib._arrays import Array


def _elementwise(function: Callable[..., Any], x: Any) -> Array:
    xp, (array,) = _arrays.together(x)
    array = _arrays.real(xp, array, "x")
    if xp is np:
        _checks.check_no_nan(array, "x")
    return _arrays.elementwise(xp, function, array)


def small_exponential(xp: Any, x: Any) -> Any:
    """Return exp(-|x|), with the right derivative at 0, where |x| has none."""
    return xp.exp(xp.where(x >= 0, -x, x))


def sigmoid(x: ArrayLike, /) -> Array:
    r"""Return the logistic function of each number.

    Parameters
    ----------
    x : array_like
        Real numbers of any shape, also -inf and inf; otherwise the conventions of
        `xentlib`.

    Returns
    -------
    array
        Probabilities, in the shape and dtype of x.

    Raises
    ------
    TypeError
        If x does not hold real numbers.
    ValueError
        If a number is nan.

    Notes
    -----
    .. math:: \sigma(x) = \frac{1}{1 + e^{-x}} = \frac{e^x}{1 + e^x}

    The form whose exponential cannot overflow is taken. Accuracy: 4 eps.

    References
    ----------
    D. R. Cox, The regression analysis of binary sequences, J. Royal Statistical Society B 20 (1958),
    doi:10.1111/j.2517-6161.1958.tb00292.x.

    Examples
    --------
    The complement of a probability next to 1 is the sigmoid of the opposite:

    >>> float(1 - sigmoid(40.0)), float(sigmoid(-40.0))
    (0.0, 4.248354255291589e-18)
    """
    return _elementwise(plain_sigmoid, x)


def plain_sigmoid(xp: Any, x: Any) -> Any:
    """Return the sigmoid of numbers that are not checked."""
    e = small_exponential(xp, x)
    return xp.where(x >= 0, 1.0, e) / (1 + e)


def of_both_answers(xp: Any, x: Any) -> tuple[Any, Any, Any]:
    """Return sigmoid(x) and sigmoid(-x), both times 1 + exp(-|x|), and that exponential."""
    e = small_exponential(xp, x)
    return xp.where(x >= 0, 1.0, e), xp.where(x >= 0, e, 1.0), e


def softplus(x: ArrayLike, /) -> Array:
    r"""Return log(1 + exp(x)) of each number.

    Parameters
    ----------
    x : array_like
        Real numbers of any shape, also -inf and inf; otherwise the conventions of
        `xentlib`.

    Returns
    -------
    array
        Nats, in the shape and dtype of x.

    Raises
    ------
    TypeError
        If x does not hold real numbers.
    ValueError
        If a number is nan.

    Notes
    -----
    .. math:: \log(1 + e^x) = \max(x, 0) + \log(1 + e^{-|x|})

    Both terms are at least 0. Accuracy: 4 eps.

    References
    ----------
    C. Dugas, Y. Bengio, F. Belisle, C. Nadeau and R. Garcia, Incorporating second-order functional
    knowledge for better option pricing, NeurIPS 13 (2000).

    Examples
    --------
    >>> float(softplus(-40.0)), float(np.log(1 + np.exp(-40.0)))
    (4.248354255291589e-18, 0.0)
    """
    return _elementwise(plain_softplus, x)


def plain_softplus(xp: Any, x: Any) -> Any:
    """Return log(1 + exp(x)) of numbers that are not checked."""
    return xp.where(x >= 0, x, 0.0) + xp.log1p(small_exponential(xp, x))


def log_sigmoid(x: ArrayLike, /) -> Array:
    r"""Return the logarithm of the logistic function of each number.

    Parameters
    ----------
    x : array_like
        Real numbers of any shape, also -inf and inf; otherwise the conventions of
        `xentlib`.

    Returns
    -------
    array
        Nats, in the shape and dtype of x.

    Raises
    ------
    TypeError
        If x does not hold real numbers.
    ValueError
        If a number is nan.

    Notes
    -----
    .. math:: \log \sigma(x) = -\log(1 + e^{-x})

    It is minus `softplus` at -x, with its accuracy.

    References
    ----------
    M. Maechler, Accurately computing ``log(1 - exp(-|a|))``, vignette of the R package Rmpfr (2012).

    Examples
    --------
    >>> float(log_sigmoid(40.0)), float(np.log(sigmoid(40.0)))
    (-4.248354255291589e-18, 0.0)
    """
    return _elementwise(lambda xp, x: -plain_softplus(xp, -x), x)
