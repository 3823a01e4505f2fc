"""Derivatives by differences: evidence for a formula that uses nothing of the formula."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["gradient", "hessian", "jacobian"]

Array = np.ndarray[Any, np.dtype[np.float64]]


def _copy(value: Any) -> Array:
    """Return real numbers as a new array: a function may use its own for the next value."""
    if np.iscomplexobj(value):
        message = f"the function must be real, but its value is {value}"
        raise TypeError(message)
    return np.array(value, dtype=np.float64)


def jacobian(function: Callable[[Array], Any], at: Any, /, *, step: float = 1e-3) -> Array:
    r"""Return all partial derivatives of an array-valued function by fourth-order differences.

    Parameters
    ----------
    function : callable
        From a float64 array shaped like `at` to an array of any fixed shape.
    at : array_like
        The point.
    step : float
        The distance h between evaluations; about 1e-3 of the scale on which the function bends.

    Returns
    -------
    ndarray
        Of float64, shaped like the value, then like the point: entry ``[..., i]`` is the
        derivative with respect to coordinate ``i``.

    Raises
    ------
    TypeError
        If a value is complex.
    ValueError
        If the point, or a value near it, is not finite.

    Notes
    -----
    .. math:: f'(x) \approx \frac{f(x-2h) - 8f(x-h) + 8f(x+h) - f(x+2h)}{12h}

    The error is :math:`h^4 f^{(5)}/30` plus rounding of about :math:`\varepsilon/h`: at the
    default step about 1e-13 for functions of the size of 1.

    References
    ----------
    B. Fornberg, Generation of finite difference formulas on arbitrarily spaced grids, Mathematics of
    Computation 51 (1988), doi:10.1090/S0025-5718-1988-0935077-0.

    Examples
    --------
    >>> jacobian(lambda x: x**2, [1.0, 3.0]).round(9) + 0.0
    array([[2., 0.],
           [0., 6.]])
    """
    point = np.array(at, dtype=np.float64)
    if not np.isfinite(point).all():
        message = f"the point must be finite, but is {point}"
        raise ValueError(message)
    columns = []
    for place in np.ndindex(point.shape):
        values = []
        for shift in (-2, -1, 1, 2):
            moved = point.copy()
            moved[place] += shift * step
            values.append(_copy(function(moved)))
        before2, before, after, after2 = values
        columns.append((before2 - 8 * before + 8 * after - after2) / (12 * step))
    if not columns:
        return np.zeros((*np.shape(function(point)), *point.shape))
    result = np.stack(columns, axis=-1).reshape((*columns[0].shape, *point.shape))
    if not np.isfinite(result).all():
        message = f"the function is not finite within {2 * step} of the point {point}"
        raise ValueError(message)
    return result


def gradient(function: Callable[[Array], Any], at: Any, /, *, step: float = 1e-3) -> Array:
    """Return all partial derivatives of a scalar function by fourth-order differences.

    Parameters
    ----------
    function : callable
        From a float64 array shaped like `at` to one number.
    at : array_like
        The point.
    step : float
        The distance between evaluations, as in `jacobian`.

    Returns
    -------
    ndarray
        Of float64, shaped like the point.

    Raises
    ------
    TypeError
        If a value is complex.
    ValueError
        If the function returns more than one number, or something is not finite.

    Notes
    -----
    The formula and its error are those of `jacobian`.

    References
    ----------
    B. Fornberg, Generation of finite difference formulas on arbitrarily spaced grids, Mathematics of
    Computation 51 (1988), doi:10.1090/S0025-5718-1988-0935077-0.

    Examples
    --------
    >>> gradient(lambda x: (x**3).sum(), [1.0, 2.0]).round(9)
    array([ 3., 12.])
    """

    def scalar(x: Array) -> Array:
        value = _copy(function(x))
        if value.shape != ():
            message = (
                f"gradient needs a function with one value, this one has shape {value.shape}: use jacobian"
            )
            raise ValueError(message)
        return value

    return jacobian(scalar, at, step=step)


def hessian(function: Callable[[Array], Any], at: Any, /, *, step: float = 1e-2) -> Array:
    """Return all second partial derivatives of a scalar function by differences of differences.

    Parameters
    ----------
    function : callable
        From a float64 array shaped like `at` to one number.
    at : array_like
        The point.
    step : float
        The distance between evaluations, as in `jacobian`.

    Returns
    -------
    ndarray
        Of float64, shaped like the point twice over.

    Raises
    ------
    TypeError
        If a value is complex.
    ValueError
        If the function returns more than one number, or something is not finite.

    Notes
    -----
    Rounding costs about eps/step**2, hence the larger step: the error is about 1e-9 for
    functions of the size of 1. The formula is that of `jacobian`, applied twice.

    References
    ----------
    B. Fornberg, Generation of finite difference formulas on arbitrarily spaced grids, Mathematics of
    Computation 51 (1988), doi:10.1090/S0025-5718-1988-0935077-0.

    Examples
    --------
    >>> hessian(lambda x: x[0] ** 2 * x[1], [1.0, 2.0]).round(6) + 0.0
    array([[4., 2.],
           [2., 0.]])
    """
    return jacobian(lambda x: gradient(function, x, step=step), at, step=step)
