"""The numbers behind the symbols: values of symbolic expressions, in as many digits as needed.

The evaluator shares nothing with the algebra of `residual` but the definitions: it adds
sums term by term and takes derivatives numerically, so that an error in the algebra shows up.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from itertools import product
from typing import Any, NamedTuple

import mpmath
import numpy as np
import sympy as sp
from sympy.core.function import AppliedUndef

from xentlib.proof.core.kinks import KINKS
from xentlib.proof.core.subject import axes_of, symbols_of
from xentlib.proof.core.symbols import SIZE, Values, c, delta, outermost, z
from xentlib.proof.core.unfold import Defined, definition


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
    flat = list(_flat(numbers))
    if not all(map(math.isfinite, flat)):
        message = f"a point must have finite coordinates, not {np.array(flat)}"
        raise ValueError(message)
    return 30 + 2 * int(max(map(abs, flat), default=0))


def _flat(numbers: Iterable[Any]) -> Iterator[float]:
    for number in numbers:
        if isinstance(number, list | tuple | np.ndarray):
            yield from _flat(number)
        else:
            yield float(number)


def evaluate(expr: Any, values: Mapping[Any, Any]) -> Any:
    """Return the number, or the truth value, of an expression at given values.

    Parameters
    ----------
    expr : Basic
        An expression or a statement, with named quantities, sums and derivatives.
    values : mapping
        From symbols (sizes, indices, variables) to numbers, from indexed arrays to sequences, and from
        undefined functions to functions of numbers.

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
    return _function(expr)(values if isinstance(values, Point) else Point(values, {}))


def truth(statement: Any, values: Values, times: int = 1) -> bool | None:
    """Return whether a statement holds at a point, None if a side is not a number there.

    Parameters
    ----------
    statement : Basic
        A statement.
    values : mapping
        The point, as for `evaluate`.
    times : int
        How many times as many digits as usual.

    Returns
    -------
    bool or None
        By as many digits as `digits` says.
    """
    with mpmath.workdps(times * digits_at(values)):
        # What was found in fewer digits does not serve.
        at = values if times == 1 else Point(values, {})
        try:
            return bool(evaluate(statement, at))
        except ArithmeticError:
            return None


def digits_at(values: Values) -> int:
    """Return how many digits to compute with at a point, of which sizes and indices are no coordinates.

    Parameters
    ----------
    values : mapping
        The point.

    Returns
    -------
    int
        See `digits`.
    """
    if isinstance(values, Point) and values.digits:
        return values.digits
    number = digits(value for s, value in values.items() if s not in _WHOLE)
    if isinstance(values, Point):
        values.digits = number  # many statements are tried there
    return number


_WHOLE = {*SIZE, *SIZE.values()}


class Point(dict[Any, Any]):
    """Values, and the numbers found there so far: one entry stands in many terms of many sums.

    What is tried at the same point, such as the alterations of a statement, shares what was found.
    """

    def __init__(self, values: Mapping[Any, Any], found: dict[Any, Any]) -> None:
        super().__init__(values)
        self.found = found
        self.digits = 0
        """See `digits_at`; 0 as long as nobody has asked."""


_Function = Callable[[Point], Any]
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
    if isinstance(expr, sp.Subs):
        return _remembering(expr, _at_point(expr))
    if isinstance(expr, sp.Piecewise):
        return _by_condition(expr)
    if expr in _UNREAL:
        return _unreal(expr)
    if isinstance(expr, sp.Indexed):
        return _element(expr)
    if isinstance(expr, AppliedUndef):
        return _applied(expr)
    if isinstance(expr, sp.Integer):
        number = mpmath.make_mpf(mpmath.libmp.from_int(expr.p))  # all of its digits
        return lambda at: number
    if expr in (sp.true, sp.false):
        return lambda at: bool(expr)
    if isinstance(expr, sp.Rational):
        return lambda at: mpmath.mpf(expr.p) / expr.q
    if isinstance(expr, sp.Number | sp.NumberSymbol):
        return lambda at: expr._to_mpmath(mpmath.mp.prec)
    if isinstance(expr, AppliedUndef):
        return _applied(expr)
    if expr.func not in _FUNCTIONS:
        return _given(expr)
    arguments = [_function(argument) for argument in expr.args]
    short = _short(expr, arguments)
    if short is not None:
        return short
    function = _FUNCTIONS[expr.func]
    return lambda at: function(*[argument(at) for argument in arguments])


def _short(expr: Any, arguments: Sequence[_Function]) -> _Function | None:
    """Return a faster function for what stands in most formulas: two terms or factors, -x, 1/x and x**2."""
    if len(arguments) == 1:
        (only,) = arguments
        function = _FUNCTIONS[expr.func]
        return lambda at: function(only(at))
    if len(arguments) != 2:
        return None
    one, other = arguments
    if isinstance(expr, sp.Add):
        return lambda at: one(at) + other(at)
    if isinstance(expr, sp.Mul):
        return (lambda at: -other(at)) if expr.args[0] == -1 else lambda at: one(at) * other(at)
    if isinstance(expr, sp.Pow) and expr.exp == -1:
        return lambda at: _inverse(one(at))
    if isinstance(expr, sp.Pow) and expr.exp.is_Integer and expr.exp.is_positive:
        power = int(expr.exp)
        return lambda at: mpmath.mpf(one(at)) ** power
    return None


def _inverse(number: Any) -> Any:
    # What counts as 0 has no inverse: rounding would make 1/(a - a) some large number.
    if abs(number) <= _tolerance(mpmath.mp.dps):
        message = f"{number} to the power -1.0 is not a real number"
        raise ArithmeticError(message)
    return 1 / mpmath.mpf(number)


def _remembering(expr: Any, function: _Function) -> _Function:
    """Return a function that is called once for the same values of the symbols of its expression."""
    # At one point all but the indices stay what they are; a variable that moves has another `found`.
    symbols = [s for s in symbols_of(expr) if s.is_integer and s not in _SAME]

    def number(at: Point) -> Any:
        key = (function, *[at.get(symbol) for symbol in symbols])
        found = at.found
        if key not in found:
            found[key] = function(at)
        return found[key]

    return number


_SAME = {*SIZE.values(), c.label}


def _given(expr: Any) -> _Function:
    def number(at: Point) -> Any:
        value = at.get(expr)
        if value is None:
            message = f"cannot evaluate {expr} of type {expr.func.__name__}: give its value in `values`"
            raise TypeError(message)
        return value

    return number


class Series(NamedTuple):
    """A function that a statement leaves undefined: what is known of it near a point."""

    center: Any
    derivatives: tuple[Any, ...]
    """At the center, that of order 0 first."""

    def __call__(self, x: Any) -> Any:
        step = x - self.center
        return mpmath.fsum(d * step**n / math.factorial(n) for n, d in enumerate(self.derivatives))


class Arbitrary:
    """A function of which a statement knows nothing: some number for each argument, and always the same."""

    def __init__(self, draw: Callable[[str], Any], largest: float) -> None:
        self.found: dict[tuple[str, ...], Any] = {}
        """The arguments that were asked for, and what the function is there."""
        self._draw, self._largest = draw, float(largest)

    def __call__(self, *arguments: Any) -> Any:
        # In so many digits that two ways to compute an argument do not make two of it.
        place = tuple(mpmath.nstr(argument, 12) for argument in arguments)
        if place not in self.found:
            self.found[place] = self._draw(" ".join(place))
        return self.found[place]

    def __copy__(self) -> Arbitrary:
        """Return the same function, of which nothing has been asked for yet."""
        return Arbitrary(self._draw, self._largest)

    def __float__(self) -> float:
        """Return the largest number that it can be, by which the digits are chosen."""
        return self._largest

    def __repr__(self) -> str:
        return f"Arbitrary({self._draw('')})"


def _applied(expr: AppliedUndef) -> _Function:
    given, arguments = _given(expr), [_function(argument) for argument in expr.args]

    def number(at: Point) -> Any:
        function = at.get(expr.func)
        return given(at) if function is None else function(*(argument(at) for argument in arguments))

    return number


def _entry(entry: Defined) -> _Function:
    formula, stands_for = definition(entry)
    function = _function(formula)
    places = {place: _function(index) for place, index in stands_for.items()}

    def number(at: Point) -> Any:
        inner = Point(at, at.found)
        for place, index in places.items():
            inner[place] = index(at)
        return function(inner)

    return number


def _at_point(expr: sp.Subs) -> _Function:
    term, variables, point = expr.args
    function, numbers = _function(term), {x: _function(a) for x, a in zip(variables, point, strict=True)}

    def number(at: Point) -> Any:
        values = {variable: value(at) for variable, value in numbers.items()}
        found = at.found.setdefault((expr, *values.values(), mpmath.mp.prec), {})
        return function(Point({**at, **values}, found))

    return number


def _by_condition(expr: sp.Piecewise) -> _Function:
    parts = [(_function(value), _function(condition)) for value, condition in expr.args]

    def number(at: Point) -> Any:
        for value, condition in parts:
            if condition(at):
                return value(at)
        message = f"{expr} has no value where none of its conditions holds"
        raise ArithmeticError(message)

    return number


def _unreal(expr: Any) -> _Function:
    def number(at: Point) -> Any:
        message = f"{expr} is not a real number"
        raise ArithmeticError(message)

    return number


_UNREAL = {sp.I, sp.zoo, sp.oo, -sp.oo, sp.nan}


def _total(total: sp.Sum | sp.Product) -> _Function:
    part, (index, first, last) = outermost(total)
    combine = mpmath.fsum if isinstance(total, sp.Sum) else _product
    member, start, end = map(_function, (part, first, last))

    remembers = index.is_integer and index not in _SAME

    def number(at: Point) -> Any:
        inner = Point(at, at.found)
        members = []
        for inner[index] in range(_whole(start(at)), _whole(end(at)) + 1):
            inner.found = at.found if remembers else {}
            members.append(member(inner))
        return combine(members)

    return number


def _whole(number: Any) -> int:
    if not mpmath.isint(number):
        message = f"a sum or a product runs from one whole number to another, not to {number}"
        raise ValueError(message)
    return int(number)


def _element(element: sp.Indexed) -> _Function:
    base, given = element.base, _given(element)
    indices = [(index, _function(index)) for index in element.indices]

    def number(at: Point) -> Any:
        part = at.get(base)
        if part is None:
            return given(at)
        for index, function in indices:
            place = function(at)
            if not 1 <= place <= len(part) or place != int(place):
                message = f"{element} does not exist where {index} = {place}: there are {len(part)}, from 1"
                raise IndexError(message)
            part = part[int(place) - 1]
        return part if isinstance(part, mpmath.mpf) else mpmath.mpf(part)

    return number


def _slope(expr: sp.Derivative) -> _Function:
    functions = {applied.func for applied in expr.atoms(AppliedUndef)}
    inner = _function(expr.expr)
    bends = _holds(expr.expr, KINKS)
    counts = [count for _, count in expr.variable_count]
    if not all(count.is_Integer for count in counts):
        message = f"a derivative is taken a given number of times, not as in {expr}"
        raise ValueError(message)
    places, order = [_place(variable) for variable, _ in expr.variable_count], int(sum(counts))
    # By one variable r of the differences, each of which goes one step up or down, go down.
    steps = [[(n - 2 * r, (-1) ** r * math.comb(n, r)) for r in range(n + 1)] for n in map(int, counts)]
    corners = [tuple(zip(*corner, strict=True)) for corner in product(*steps)]

    def number(at: Point) -> Any:
        if not functions <= at.keys():
            message = f"cannot evaluate {expr}: the function is not defined"
            raise TypeError(message)
        variables = [place(at) for place in places]

        def difference(shift: int) -> Any:
            moved = (
                (
                    math.prod(weights),
                    _moved(at, variables, [n * shift + s for n, s in zip(counts, ss, strict=True)], h),
                )
                for ss, weights in corners
            )
            return mpmath.fsum(weight * inner(there) for weight, there in moved) / (2 * h) ** order

        # The error is of the order of the step's square; each division by the step loses its digits.
        step = mpmath.mp.dps
        with mpmath.workdps((order + 2) * step):
            h = mpmath.mpf(10) ** -step
            slope = difference(0)
            if bends:
                _check_slope(slope, [difference(shift) for shift in (-2, 2)], step)
        return +slope  # rounded to the digits that are asked for

    return number


@cache
def _holds(expr: Any, kinds: tuple[type, ...]) -> bool:
    """Return whether something of given kinds is in an expression or in a formula of its quantities."""
    parts = definition(expr)[:1] if isinstance(expr, Defined) else expr.args
    return isinstance(expr, kinds) or any(_holds(part, kinds) for part in parts if isinstance(part, sp.Basic))


def _place(variable: Any) -> Callable[[Point], tuple[Any, ...]]:
    """Return the function from a point to a symbol, or to an array and the place in it, counted from 0."""
    if not isinstance(variable, sp.Indexed):
        return lambda at: (variable,)
    base, indices, element = variable.base, [*map(_function, variable.indices)], _function(variable)

    def place(at: Point) -> tuple[Any, ...]:
        element(at)  # raises where there is none
        return base, *(int(index(at)) - 1 for index in indices)

    return place


def _moved(at: Point, places: Sequence[tuple[Any, ...]], signs: Sequence[int], h: Any) -> Point:
    """Return a point at which numbers are larger or smaller by h, each as often as its place stands here."""
    total: dict[tuple[Any, ...], int] = {}
    for place, sign in zip(places, signs, strict=True):
        total[place] = total.get(place, 0) + sign
    # Other derivatives look there too: what they find is kept, as long as this point is.
    moved = Point(at, at.found.setdefault((frozenset(total.items()), mpmath.mp.prec), {}))
    for (whole, *steps), times in total.items():
        if times:
            here = moved[whole]
            for place in steps:
                here = here[place]
            moved[whole] = with_element(moved[whole], steps, mpmath.mpf(here) + times * h)
    return moved


def _check_slope(slope: Any, beside: Sequence[Any], digits: int) -> None:
    """Raise unless a derivative is the same beside its point; at a jump its differences are huge."""
    small = mpmath.mpf(10) ** -(digits // 4)
    if abs(slope) > 1 / small**2 or any(abs(other - slope) > small * (1 + abs(slope)) for other in beside):
        message = "a derivative has no value where its function bends or jumps"
        raise ArithmeticError(message)


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


def _product(factors: Sequence[Any]) -> Any:
    return math.prod(factors[1:], start=factors[0]) if factors else mpmath.mp.one


_HUGE = 10**12
"""An exponential of a larger number costs more time and memory than there is."""


def _check_size(exponent: Any) -> None:
    if abs(exponent) > _HUGE:
        message = f"the exponential of {mpmath.nstr(exponent, 5)} is too large to compute"
        raise ArithmeticError(message)


def _power(base: Any, exponent: Any) -> Any:
    _check_size(exponent * (abs(mpmath.mag(base)) + 1) if base else exponent)
    vanishes = exponent < 0 and abs(base) <= _tolerance(mpmath.mp.dps)
    if vanishes or (base <= 0 and not mpmath.isint(exponent)):
        message = f"{base} to the power {exponent} is not a real number"
        raise ArithmeticError(message)
    return mpmath.power(base, exponent)


# Where one element of an array moves, for a derivative, the exponentials of the others stay.
@lru_cache(maxsize=10_000)
def _exp(number: Any, precision: int) -> Any:
    _check_size(number)
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
    sp.Mul: lambda *factors: math.prod(factors[1:], start=factors[0]),
    sp.Pow: _power,
    sp.exp: lambda x: _exp(x, mpmath.mp.prec),
    sp.log: _log,
    sp.Abs: abs,
    sp.Max: max,
    sp.Min: min,
    sp.sign: lambda x: mpmath.mpf(mpmath.sign(x)),
    sp.Heaviside: lambda x, at_zero: mpmath.mpf(x > 0) if x else at_zero,
    sp.erf: mpmath.erf,
    sp.tanh: mpmath.tanh,
    delta: lambda a, b: mpmath.mp.one if a == b else mpmath.mp.zero,
    sp.Eq: _equal,
    sp.Ne: lambda a, b: not _equal(a, b),
    sp.Gt: lambda a, b: a > b,
    sp.Lt: lambda a, b: a < b,
    sp.Ge: lambda a, b: a >= b or _equal(a, b),
    sp.Le: lambda a, b: a <= b or _equal(a, b),
    sp.And: lambda *parts: all(parts),
    sp.Or: lambda *parts: any(parts),
    sp.Equivalent: lambda *parts: len(set(map(bool, parts))) == 1,
}


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

    Raises
    ------
    TypeError
        If `of` is one array and not a sequence of them.

    References
    ----------
    F. Johansson et al., mpmath: a Python library for arbitrary-precision floating-point arithmetic,
    https://mpmath.org.

    Examples
    --------
    >>> from xentlib.proof import i, p
    >>> entries(p[i], i)([0.0, 0.0])
    array([0.5, 0.5])
    """
    if isinstance(of, sp.IndexedBase):
        message = f"of= names the arrays in a sequence, such as of=[{of}], not {of} alone"
        raise TypeError(message)
    return Entries(sp.sympify(expr), indices, tuple(of))


class Entries:
    """From arrays of numbers to the entries of a symbolic array."""

    def __init__(self, expr: sp.Expr, indices: Sequence[sp.Symbol], of: Sequence[sp.IndexedBase]) -> None:
        self.expr = expr
        self._indices, self._of = indices, of
        self._axes, self._number = axes_of(expr), _function(expr)

    def __call__(self, *arrays: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
        inputs = [np.asarray(array, dtype=np.float64) for array in arrays]
        sizes = {
            size: length
            for array, numbers in zip(self._of, inputs, strict=True)
            for ends, length in zip(self._axes.get(array, ()), numbers.shape, strict=True)
            for size in ends
            if size in SIZE.values()
        }
        values = {**dict(zip(self._of, inputs, strict=True)), **sizes}
        shape = [values[SIZE[index]] for index in self._indices]
        result = np.empty(shape)
        with mpmath.workdps(digits(inputs)):
            found: dict[Any, Any] = {}
            for place in product(*map(range, shape)):
                at = {index: m + 1 for index, m in zip(self._indices, place, strict=True)}
                result[place] = float(self._number(Point({**values, **at}, found)))
        return result
