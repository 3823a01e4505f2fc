"""The numbers behind the symbols: values of symbolic expressions, in as many digits as needed.

The evaluator shares nothing with the algebra in `xentlib.symbolic` but the definitions: it adds
sums term by term and takes derivatives numerically, so that an error in the algebra shows up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from xentlib.symbolic import SIZE, Defined, K, delta, z

__all__ = ["entries", "evaluate"]


def evaluate(expr: Any, values: Mapping[Any, Any]) -> Any:
    """Return the number, or the truth value, of an expression at given values.

    Parameters
    ----------
    expr : Basic
        An expression or a statement, with named quantities, sums and derivatives.
    values : mapping
        From symbols (sizes, indices, variables) to numbers and from indexed arrays to sequences.

    Returns
    -------
    mpf or bool
        At mpmath's current precision.

    Raises
    ------
    TypeError
        If the expression holds something that this evaluator does not know.

    Notes
    -----
    Sums are added up term by term and derivatives are taken numerically, so that a wrong rule
    in `collapse` or in SymPy's differentiation shows up as a disagreement.

    Examples
    --------
    >>> float(evaluate(p[i], {K: 2, i: 1, z: [0, 0]}))
    0.5
    """
    if expr in values:
        return values[expr]
    if isinstance(expr, Defined):
        return evaluate(expr.formula(*expr.args[expr.inputs :]), values)
    if isinstance(expr, sp.Indexed):
        element = values[expr.base]
        for index in expr.indices:
            element = element[int(evaluate(index, values)) - 1]
        return mpmath.mpf(element)
    if isinstance(expr, sp.Sum):
        ((index, low, high),) = expr.limits
        bounds = range(int(low), int(evaluate(high, values)) + 1)
        return mpmath.fsum(evaluate(expr.function, {**values, index: m}) for m in bounds)
    if isinstance(expr, sp.Derivative):
        return _differentiate_numerically(expr, values)
    if isinstance(expr, sp.Number | sp.NumberSymbol):
        return mpmath.mpf(expr.p) / expr.q if expr.is_Rational else expr._to_mpmath(mpmath.mp.prec)
    function = _FUNCTIONS.get(expr.func)
    if function is None:
        message = f"cannot evaluate {expr} of type {expr.func.__name__}: give its value in `values`"
        raise TypeError(message)
    return function(*(evaluate(argument, values) for argument in expr.args))


_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    sp.Add: lambda *terms: mpmath.fsum(terms),
    sp.Mul: lambda *factors: mpmath.fprod(factors),
    sp.Pow: lambda base, exponent: mpmath.power(base, exponent),
    sp.exp: mpmath.exp,
    sp.log: mpmath.log,
    delta: lambda a, b: mpmath.mpf(a == b),
    sp.Eq: lambda a, b: mpmath.almosteq(a, b, rel_eps=mpmath.mpf(10) ** -15, abs_eps=mpmath.mpf(10) ** -15),
    sp.Gt: lambda a, b: a > b,
    sp.Lt: lambda a, b: a < b,
    sp.Ge: lambda a, b: a >= b,
    sp.Le: lambda a, b: a <= b,
    sp.And: lambda *parts: all(parts),
    sp.Equivalent: lambda *parts: len(set(map(bool, parts))) == 1,
}


def _differentiate_numerically(expr: sp.Derivative, values: Mapping[Any, Any]) -> Any:
    (variable, order), *others = expr.variable_count
    inner = sp.Derivative(expr.expr, *others) if others else expr.expr

    def moved(x: Any) -> Any:
        if not isinstance(variable, sp.Indexed):
            return evaluate(inner, {**values, variable: x})
        where = tuple(int(evaluate(index, values)) - 1 for index in variable.indices)
        array = np.array(values[variable.base], dtype=object)
        array[where] = x
        return evaluate(inner, {**values, variable.base: array})

    return mpmath.diff(moved, evaluate(variable, values), int(order))


def entries(
    expr: Any, *indices: sp.Symbol, of: Sequence[sp.IndexedBase] = (z,)
) -> Callable[..., np.ndarray[Any, np.dtype[np.float64]]]:
    """Return a function that computes every entry of a symbolic array in many digits.

    Parameters
    ----------
    expr : Expr
        The entry at the given indices, such as ``p[i]``.
    *indices : Symbol
        One for each axis of the result; none for a scalar.
    of : sequence of IndexedBase
        The arrays that the function takes, in this order; the last axis of the first has size K.

    Returns
    -------
    callable
        From arrays of numbers to a float64 array, each entry the correctly rounded value.

    Notes
    -----
    The digits grow with the spread of the input (30 + 2 spread / log 10): at 50 digits a
    reference for a gap of 100 has only 6 right ones, since exp(-100) is small beside 1.

    Examples
    --------
    >>> entries(p[i], i)([0.0, 0.0])
    array([0.5, 0.5])
    """

    def function(*arrays: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
        inputs = [np.asarray(array, dtype=np.float64) for array in arrays]
        spread = max(float(np.ptp(array)) for array in inputs)
        values = dict(zip(of, inputs, strict=True)) | {K: inputs[0].shape[-1]}
        shape = [int(values[SIZE[index]]) for index in indices]
        result = np.empty(shape)
        with mpmath.workdps(30 + int(2 * spread / np.log(10))):
            for place in product(*map(range, shape)):
                at = {index: m + 1 for index, m in zip(indices, place, strict=True)}
                result[place] = float(evaluate(expr, {**values, **at}))
        return result

    return function
