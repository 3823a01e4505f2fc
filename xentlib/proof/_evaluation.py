"""The numbers behind the symbols: values of symbolic expressions, in as many digits as needed.

The evaluator shares nothing with the algebra of `residual` but the definitions: it adds
sums term by term and takes derivatives numerically, so that an error in the algebra shows up.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, lru_cache
from itertools import product
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from sympy.core.function import AppliedUndef

from xentlib.proof._quantities import Defined, definition, symbols_of, unfold
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
    return _function(expr)(_Point(values, {}))


class _Point(dict[Any, Any]):
    """Values, and the numbers found there so far: one entry stands in many terms of many sums."""

    def __init__(self, values: Mapping[Any, Any], found: dict[Any, Any]) -> None:
        super().__init__(values)
        self.found = found


_Function = Callable[[_Point], Any]
"""From a point to the number, or the truth value, of one expression there."""


@cache
def _function(expr: Any) -> _Function:
    """Return the function that an expression is of its point; altered statements share most of theirs."""
    if isinstance(expr, Defined):
        return _remembering(expr, _entry(expr))
    if isinstance(expr, sp.Sum | sp.Product):
        return _remembering(expr, _total(expr))
    if isinstance(expr, sp.Derivative):
        return _remembering(expr, _slope(expr))
    if isinstance(expr, sp.Indexed):
        return _element(expr)
    if isinstance(expr, sp.Integer):
        number = mpmath.mpf(expr.p, prec=mpmath.inf)
        return lambda at: number
    if isinstance(expr, sp.Rational):
        return lambda at: mpmath.mpf(expr.p) / expr.q
    if isinstance(expr, sp.Number | sp.NumberSymbol):
        return lambda at: expr._to_mpmath(mpmath.mp.prec)
    if expr.func not in _FUNCTIONS:
        return _given(expr)
    function, arguments = _FUNCTIONS[expr.func], [_function(argument) for argument in expr.args]
    return lambda at: function(*[argument(at) for argument in arguments])


def _remembering(expr: Any, function: _Function) -> _Function:
    """Return a function that is called once for the same values of the symbols of its expression."""
    symbols = symbols_of(expr)

    def number(at: _Point) -> Any:
        key = (function, *[at.get(symbol) for symbol in symbols])
        if key not in at.found:
            at.found[key] = function(at)
        return at.found[key]

    return number


def _given(expr: Any) -> _Function:
    def number(at: _Point) -> Any:
        if expr not in at:
            message = f"cannot evaluate {expr} of type {expr.func.__name__}: give its value in `values`"
            raise TypeError(message)
        return at[expr]

    return number


def _entry(entry: Defined) -> _Function:
    formula, stands_for = definition(entry)
    number = _function(formula)
    return lambda at: number(_Point({**at, **{s: at[index] for s, index in stands_for.items()}}, at.found))


def _total(total: sp.Sum | sp.Product) -> _Function:
    part, (index, first, last) = outermost(total)
    combine = mpmath.fsum if isinstance(total, sp.Sum) else _product
    member, start, end = map(_function, (part, first, last))

    def number(at: _Point) -> Any:
        inner = _Point(at, at.found)
        members = []
        for inner[index] in range(_whole(start(at)), _whole(end(at)) + 1):
            members.append(member(inner))
        return combine(members)

    return number


def _whole(number: Any) -> int:
    if not mpmath.isint(number):
        message = f"a sum or a product runs from one whole number to another, not to {number}"
        raise ValueError(message)
    return int(number)


def _element(element: sp.Indexed) -> _Function:
    given, place = _given(element), _place(element)

    def number(at: _Point) -> Any:
        if element.base not in at:
            return given(at)
        part = at[element.base]
        for step in place(at):
            part = part[step]
        return mpmath.mpf(part)

    return number


def _place(element: sp.Indexed) -> Callable[[_Point], list[int]]:
    """Return the function from a point to where an element stands in its array, counted from 0."""
    functions = [_function(index) for index in element.indices]

    def steps(at: _Point) -> list[int]:
        result: list[int] = []
        array = at[element.base]
        for axis, function in enumerate(functions):
            number = function(at)
            if not (1 <= number <= len(array) and mpmath.isint(number)):
                message = (
                    f"{element} does not exist where {element.indices[axis]} = {number}: "
                    f"there are {len(array)}, from 1"
                )
                raise IndexError(message)
            result.append(int(number) - 1)
            array = array[result[-1]]
        return result

    return steps


def _slope(expr: sp.Derivative) -> _Function:
    if expr.atoms(AppliedUndef):

        def undefined(at: _Point) -> Any:
            message = f"cannot evaluate {expr}: the function is not defined"
            raise TypeError(message)

        return undefined
    (variable, order), *others = expr.variable_count
    inner = _function(sp.Derivative(expr.expr, *others) if others else expr.expr)
    value = _function(variable)
    in_array = isinstance(variable, sp.Indexed)
    moving, place = (variable.base, _place(variable)) if in_array else (variable, lambda at: [])

    def number(at: _Point) -> Any:
        steps = place(at)

        def moved(x: Any) -> Any:
            # Differences for other derivatives, of which this may be one of many, are taken there too.
            found = at.found.setdefault((moving, *steps, x, mpmath.mp.prec), {})
            return inner(_Point({**at, moving: with_element(at[moving], steps, x)}, found))

        return mpmath.diff(moved, value(at), int(order))

    return number


def with_element(array: Any, steps: Sequence[int], number: Any) -> Any:
    """Return an array with another number at one place.

    Parameters
    ----------
    array : sequence or number
        Sequences of sequences of numbers.
    steps : sequence of int
        The place, counted from 0 on each axis; empty for a number.
    number : mpf
        What is to stand there.

    Returns
    -------
    list or mpf
        A new array; the one that came is not changed.

    Examples
    --------
    >>> with_element([[1, 2], [3, 4]], [1, 0], 7)
    [[1, 2], [7, 4]]
    """
    if not steps:
        return number
    first, *others = steps
    return [*array[:first], with_element(array[first], others, number), *array[first + 1 :]]


def _product(factors: Iterable[Any]) -> Any:
    return math.prod(factors, start=mpmath.mp.one)


def _power(base: Any, exponent: Any) -> Any:
    # What counts as 0 has no inverse: rounding would make 1/(a - a) some large number.
    vanishes = exponent < 0 and abs(base) <= _tolerance(mpmath.mp.dps)
    if vanishes or (base <= 0 and not mpmath.isint(exponent)):
        message = f"{base} to the power {exponent} is not a real number"
        raise ArithmeticError(message)
    return mpmath.power(base, exponent)


@lru_cache(maxsize=10_000)
def _exp(number: Any, precision: int) -> Any:
    return mpmath.exp(number)


def _log(number: Any) -> Any:
    if not number > 0:
        message = f"the logarithm of {number} is not a real number"
        raise ArithmeticError(message)
    return mpmath.log(number)


def _equal(a: Any, b: Any) -> bool:
    half = _tolerance(mpmath.mp.dps)
    return bool(mpmath.almosteq(a, b, rel_eps=half, abs_eps=half))


@cache
def _tolerance(digits: int) -> Any:
    """Return what is small beside 1 in half of the digits."""
    return mpmath.mpf(10) ** -(digits // 2)


_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    sp.Add: lambda *terms: mpmath.fsum(terms),
    sp.Mul: lambda *factors: _product(factors),
    sp.Pow: _power,
    sp.exp: lambda x: _exp(x, mpmath.mp.prec),
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

    unfolded, number = unfold(expr), _function(expr)
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
            found: dict[Any, Any] = {}
            for place in product(*map(range, shape)):
                at = {index: m + 1 for index, m in zip(indices, place, strict=True)}
                result[place] = float(number(_Point({**values, **at}, found)))
        return result

    return function
