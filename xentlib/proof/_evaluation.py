"""The numbers behind the symbols: values of symbolic expressions, in as many digits as needed.

The evaluator shares nothing with the algebra of `residual` but the definitions: it adds
sums term by term and takes derivatives numerically, so that an error in the algebra shows up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from sympy.core.function import AppliedUndef

from xentlib.proof._quantities import Defined, definition, unfold
from xentlib.proof._symbols import SIZE, delta, outermost, size_of, z


def digits(numbers: Any) -> int:
    """Return how many digits to compute with at a point of given coordinates.

    Parameters
    ----------
    numbers : iterable
        The coordinates: numbers and sequences of numbers.

    Returns
    -------
    int
        30, and 2 for each unit of the largest coordinate.

    Notes
    -----
    At 50 digits a reference for a gap of 100 has only 6 right ones, since exp(-100) is small
    beside 1; it takes 44 digits to hold both.

    Examples
    --------
    >>> digits([1.5, [0.0, -100.0]])
    230
    """
    flat = np.array([float(x) for number in numbers for x in np.ravel(np.asarray(number, dtype=object))])
    if not np.isfinite(flat).all():
        message = f"a point must have finite coordinates, not {flat}"
        raise ValueError(message)
    return 30 + 2 * int(np.abs(flat).max(initial=0))


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
    IndexError
        If an index is not one of 1, 2, ... up to the length of its array.
    ArithmeticError
        If the expression is not a real number: 1/0, or the logarithm of a negative number.

    Notes
    -----
    Sums are added up term by term and derivatives are taken numerically, so that a wrong rule
    in `collapse` or in SymPy's differentiation shows up as a disagreement. Two numbers count as
    equal if they agree in half of the digits.

    Examples
    --------
    >>> from xentlib.proof import K, i, p
    >>> float(evaluate(p[i], {K: 2, i: 1, z: [0, 0]}))
    0.5
    """
    if expr in values:
        return values[expr]
    if isinstance(expr, Defined):
        formula, stands_for = definition(expr)
        own = {dummy: evaluate(symbol, values) for dummy, symbol in stands_for.items()}
        return evaluate(formula, {**values, **own})
    if isinstance(expr, sp.Indexed) and expr.base in values:
        element = values[expr.base]
        for place in _places(expr, values):
            element = element[place]
        return mpmath.mpf(element)
    if isinstance(expr, sp.Sum | sp.Product):
        term, (index, first, last) = outermost(expr)
        members = range(_whole(evaluate(first, values)), _whole(evaluate(last, values)) + 1)
        combine = mpmath.fsum if isinstance(expr, sp.Sum) else mpmath.fprod
        return combine(evaluate(term, {**values, index: member}) for member in members)
    if isinstance(expr, sp.Derivative):
        return _differentiate_numerically(expr, values)
    if isinstance(expr, sp.Number | sp.NumberSymbol):
        return mpmath.mpf(expr.p) / expr.q if expr.is_Rational else expr._to_mpmath(mpmath.mp.prec)
    function = _FUNCTIONS.get(expr.func)
    if function is None:
        message = f"cannot evaluate {expr} of type {expr.func.__name__}: give its value in `values`"
        raise TypeError(message)
    return function(*(evaluate(argument, values) for argument in expr.args))


def _whole(number: Any) -> int:
    if not mpmath.isint(number):
        message = f"a sum or a product runs from one whole number to another, not to {number}"
        raise ValueError(message)
    return int(number)


def _places(element: sp.Indexed, values: Mapping[Any, Any]) -> tuple[int, ...]:
    """Return where an element stands in its array, counted from 0."""
    places = []
    array = values[element.base]
    for index in element.indices:
        place = evaluate(index, values)
        if place not in range(1, len(array) + 1):
            message = f"{element} does not exist where {index} = {place}: there are {len(array)}, from 1"
            raise IndexError(message)
        places.append(int(place) - 1)
        array = array[places[-1]]
    return tuple(places)


def _power(base: Any, exponent: Any) -> Any:
    # What counts as 0 has no inverse: rounding would make 1/(a - a) some large number.
    if (base <= 0 and not mpmath.isint(exponent)) or (exponent < 0 and _equal(base, 0)):
        message = f"{base} to the power {exponent} is not a real number"
        raise ArithmeticError(message)
    return mpmath.power(base, exponent)


def _log(number: Any) -> Any:
    if not number > 0:
        message = f"the logarithm of {number} is not a real number"
        raise ArithmeticError(message)
    return mpmath.log(number)


def _equal(a: Any, b: Any) -> bool:
    half = mpmath.mpf(10) ** -(mpmath.mp.dps // 2)
    return bool(mpmath.almosteq(a, b, rel_eps=half, abs_eps=half))


_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    sp.Add: lambda *terms: mpmath.fsum(terms),
    sp.Mul: lambda *factors: mpmath.fprod(factors),
    sp.Pow: _power,
    sp.exp: mpmath.exp,
    sp.log: _log,
    sp.Abs: abs,
    sp.erf: mpmath.erf,
    sp.tanh: mpmath.tanh,
    delta: lambda a, b: mpmath.mpf(a == b),
    sp.Eq: _equal,
    sp.Ne: lambda a, b: not _equal(a, b),
    sp.Gt: lambda a, b: a > b,
    sp.Lt: lambda a, b: a < b,
    sp.Ge: lambda a, b: a >= b or _equal(a, b),
    sp.Le: lambda a, b: a <= b or _equal(a, b),
    sp.And: lambda *parts: all(parts),
    sp.Equivalent: lambda *parts: len(set(map(bool, parts))) == 1,
}


def _differentiate_numerically(expr: sp.Derivative, values: Mapping[Any, Any]) -> Any:
    if expr.atoms(AppliedUndef):
        message = f"cannot evaluate {expr}: the function is not defined"
        raise TypeError(message)
    (variable, order), *others = expr.variable_count
    inner = sp.Derivative(expr.expr, *others) if others else expr.expr

    def moved(x: Any) -> Any:
        if not isinstance(variable, sp.Indexed):
            return evaluate(inner, {**values, variable: x})
        array = np.array(values[variable.base], dtype=object)
        array[_places(variable, values)] = x
        return evaluate(inner, {**values, variable.base: array})

    return mpmath.diff(moved, evaluate(variable, values), int(order))


def sizes_of_axes(array: sp.IndexedBase, unfolded: Any) -> list[set[Any]]:
    """Return what each axis of an array must reach, as the indices tell that it stands with.

    Parameters
    ----------
    array : IndexedBase
        The array.
    unfolded : Basic
        An expression or a statement that uses it, from `unfold`.

    Returns
    -------
    list of set of Expr
        For each axis sizes such as K, and numbers; an index of unknown range stands for itself.

    Examples
    --------
    >>> from xentlib.proof import K, N, n, p
    >>> sizes_of_axes(z, unfold(p[n, 2])) == [{N}, {K, 2}]
    True
    """
    limits = SIZE | {i: last for bound in unfolded.atoms(sp.Sum, sp.Product) for i, _, last in bound.limits}
    elements = [element for element in unfolded.atoms(sp.Indexed) if element.base == array]

    def end(index: Any) -> Any:
        last = size_of(index, limits) or index
        while last in limits:  # the last value of one index is another index
            last = limits[last]
        return last

    return [set(map(end, axis)) for axis in zip(*(element.indices for element in elements), strict=True)]


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
        The arrays that the function takes, in this order. Their axes have the sizes of the indices
        with which the expression uses them: of ``x[n, d]`` the first is N, the second D.

    Returns
    -------
    callable
        From arrays of numbers to a float64 array; each entry is rounded once (see `digits`).

    Examples
    --------
    >>> from xentlib.proof import i, p
    >>> entries(p[i], i)([0.0, 0.0])
    array([0.5, 0.5])
    """

    unfolded = unfold(expr)
    axes = {array: sizes_of_axes(array, unfolded) for array in of}

    def function(*arrays: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
        inputs = [np.asarray(array, dtype=np.float64) for array in arrays]
        sizes = {
            size: length
            for array, numbers in zip(of, inputs, strict=True)
            for ends, length in zip(axes[array], numbers.shape, strict=True)
            for size in ends
            if size in SIZE.values()
        }
        values = {**dict(zip(of, inputs, strict=True)), **sizes}
        shape = [values[SIZE[index]] for index in indices]
        result = np.empty(shape)
        with mpmath.workdps(digits(inputs)):
            for place in product(*map(range, shape)):
                at = {index: m + 1 for index, m in zip(indices, place, strict=True)}
                result[place] = float(evaluate(expr, {**values, **at}))
        return result

    return function
