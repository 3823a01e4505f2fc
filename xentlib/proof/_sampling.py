"""Numbers that respect what a statement assumes, and the search for those that refute it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from itertools import product
from random import Random
from typing import Any, NamedTuple

import mpmath
import numpy as np
import sympy as sp

from xentlib.proof._assumptions import is_hypothesis, smallest, with_hypotheses
from xentlib.proof._evaluation import digits, evaluate, with_element
from xentlib.proof._quantities import axes_of, functions_of, places, sizes_of, symbols_of
from xentlib.proof._symbols import SIZE, K, Values, c


class VerificationError(AssertionError):
    """A claim did not hold; the message gives the residual or the witness.

    References
    ----------
    I. Lakatos, Proofs and Refutations (1976), on what a counterexample is good for.
    """


class UndefinedError(VerificationError):
    """There is no point at which both sides of a statement are numbers."""


class _Unknowns(NamedTuple):
    """What a statement and its assumptions need numbers for, in the order in which they are drawn."""

    sizes: list[Any]
    indices: list[Any]
    axes: dict[Any, list[set[Any]]]
    """Of each array, what its axes reach to."""
    scalars: list[Any]
    equations: list[Any]
    distinct: list[Any]


def _unknowns(statement: Any, given: Sequence[Any]) -> _Unknowns:
    equations = [a for a in given if isinstance(a, sp.Eq) and not is_hypothesis(a)]
    distinct = [a for a in given if isinstance(a, sp.Ne)]
    subject = sp.Tuple(statement, *equations, *distinct)
    symbols, axes = symbols_of(subject), axes_of(subject)
    scalars = symbols - _WHOLE - {array.label for array in axes}
    return _Unknowns(
        sizes=sizes_of(subject),
        indices=sorted(symbols & SIZE.keys(), key=str),
        axes=axes,
        scalars=sorted(scalars, key=str) + functions_of(subject),
        equations=equations,
        distinct=distinct,
    )


def points(statement: Any, given: Sequence[Any], at: Values, patience: int = 1) -> Iterator[dict[Any, Any]]:
    """Yield values for every free symbol, at all small sizes and index places, seeded.

    Parameters
    ----------
    statement : Basic
        What the values are for.
    given : sequence of relations
        Assumptions, which the values respect.
    at : mapping
        Sizes that are fixed.
    patience : int
        How many times as many points as usual.

    Yields
    ------
    dict
        Values for `evaluate`.
    """
    unknowns = _unknowns(statement, given)
    random = Random(str(statement))
    combinations = [
        (sizes, place)
        for sizes in _small_sizes(unknowns.sizes, given, at)
        for place in places(unknowns.indices, sizes)
    ]
    # Where there are few combinations, more numbers are tried with each.
    rounds = patience * (1 + 25 // len(combinations))
    # Last come 0 and 1 and -1, where much is equal that else would differ by chance.
    for spread, (sizes, place) in product([1, 2, 4] * rounds + [0] * rounds, combinations):
        values = {**sizes, **place, **_drawn(unknowns, sizes, random, spread)}
        for equation in unknowns.equations:
            values |= _adjusted(equation, values)
        if _respects(values, unknowns):
            yield values


def _small_sizes(sizes: Sequence[Any], given: Sequence[Any], at: Values) -> Iterator[dict[Any, int]]:
    # Fewer of each where there are several: their combinations are all tried.
    count = {1: 4, 2: 3}.get(len(sizes), 2)
    first = {size: smallest(size, given) for size in sizes}
    choices = [[at[size]] if size in at else range(first[size], first[size] + count) for size in sizes]
    return (dict(zip(sizes, chosen, strict=True)) for chosen in product(*choices))


def _drawn(unknowns: _Unknowns, sizes: Values, random: Random, spread: int) -> dict[Any, Any]:
    """Return numbers for the arrays and the scalars."""
    draw = partial(_random_number, random=random, spread=spread)
    values = {a: _random_array(a, _shape(axes, sizes), draw) for a, axes in unknowns.axes.items()}
    if c in values:
        values[c] = [random.randint(1, sizes[K]) for _ in values[c]]
    return values | {s: draw(s) for s in unknowns.scalars}


def _shape(axes: Sequence[set[Any]], sizes: Values) -> list[int]:
    """Return how long an array must be on axes that reach to given sizes and numbers."""

    def length(end: sp.Expr) -> int:
        known = end.free_symbols <= sizes.keys()
        return int(evaluate(end, sizes)) if known else max([1, *sizes.values()])

    return [max(map(length, ends)) for ends in axes]


def _random_array(array: Any, shape: Sequence[int], draw: Callable[[Any], mpmath.mpf]) -> Any:
    return [_random_array(array, shape[1:], draw) for _ in range(shape[0])] if shape else draw(array)


def _random_number(symbol: Any, random: Random, spread: int) -> mpmath.mpf:
    """Return a number between -4 and 4 times the spread, whole or with three decimals."""
    scale = 1 if symbol.is_integer or not spread else 1000
    largest = 4 * spread * scale or 1
    while True:
        number = mpmath.mpf(random.randint(-largest, largest)) / scale
        if _fits(symbol, number):
            return number


def _fits(symbol: Any, number: Any) -> bool:
    """Return whether a number is what a symbol, or each element of an array, is assumed to be."""
    return all(holds(number) for holds in _conditions(symbol))


@cache
def _conditions(symbol: Any) -> list[Callable[[Any], bool]]:
    conditions = {
        "integer": mpmath.isint,
        "positive": lambda number: number > 0,
        "negative": lambda number: number < 0,
        "nonnegative": lambda number: number >= 0,
        "nonpositive": lambda number: number <= 0,
        "nonzero": lambda number: number != 0,
    }
    return [holds for assumed, holds in conditions.items() if getattr(symbol, f"is_{assumed}")]


def _respects(values: Values, unknowns: _Unknowns) -> bool:
    # What an equation sets, such as c[1] = 7, may be nothing that its array can hold.
    return all(_fits_all(array, values[array], values.get(K)) for array in unknowns.axes) and all(
        truth(known, values) for known in (*unknowns.equations, *unknowns.distinct)
    )


def _fits_all(array: Any, numbers: Any, classes: int | None) -> bool:
    """Return whether an array holds what its elements are assumed to be, labels no more than K."""
    if isinstance(numbers, list):
        return all(_fits_all(array, part, classes) for part in numbers)
    return _fits(array, numbers) and not (array == c and classes and numbers > classes)


def _adjusted(equation: sp.Eq, values: Values) -> dict[Any, Any]:
    """Return the arrays of an equation such as c[1] = 3 or sum of y[k] = 1, changed so that it holds."""
    left = equation.lhs
    if isinstance(left, sp.Indexed) and len(left.indices) == 1:
        step = int(evaluate(left.indices[0], values)) - 1
        return {left.base: with_element(values[left.base], [step], evaluate(equation.rhs, values))}
    with mpmath.workdps(2 * digits_at(values)):
        total = evaluate(left, values)
        factor = evaluate(equation.rhs, values) / total if total else mpmath.mpf(0)
        arrays = left.atoms(sp.IndexedBase)
        return {a: _times(factor, values[a]) for a in arrays if factor > 0 or not a.is_nonnegative}


def _times(factor: Any, numbers: Any) -> Any:
    return [_times(factor, part) for part in numbers] if isinstance(numbers, list) else numbers * factor


def truth(statement: Any, values: Values) -> bool | None:
    """Return whether a statement holds at a point, None if a side is not a number there.

    Parameters
    ----------
    statement : Basic
        A statement.
    values : mapping
        The point, as for `evaluate`.

    Returns
    -------
    bool or None
        By as many digits as `digits` says.
    """
    with mpmath.workdps(digits_at(values)):
        try:
            return bool(evaluate(statement, values))
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
    return digits(value for s, value in values.items() if s not in _WHOLE)


_WHOLE = {*SIZE, *SIZE.values()}


def counterexample(statement: Any, given: Sequence[Any], at: Values, patience: int = 1) -> Values | None:
    """Return a point at which a statement is false, or None if none of the points is one.

    Parameters
    ----------
    statement : Basic
        A statement.
    given : sequence of relations
        Assumptions, which the points respect.
    at : mapping
        Sizes that are fixed.
    patience : int
        How many times as many points to try as usual.

    Returns
    -------
    dict or None
        The point.

    Raises
    ------
    UndefinedError
        If there was no point at which the statement could be tried.
    """
    return _counterexample(statement, tuple(given), tuple(at.items()), patience)


# What is proved is also derived and agreed with, or is an alteration of something else.
@cache
def _counterexample(
    statement: Any, given: tuple[Any, ...], at: tuple[Any, ...], patience: int
) -> Values | None:
    tried = False
    checked = with_hypotheses(statement, given)
    for values in points(checked, given, dict(at), patience):
        holds = truth(checked, values)
        if holds is False:
            return values
        tried = tried or holds is True
    if not tried:
        message = f"{statement} could not be tried: no numbers were found for which it has a meaning"
        raise UndefinedError(message)
    return None


def check_point(statement: Any, at: Values) -> dict[Any, Any]:
    """Return a point that the author gives, exactly, after checking that a statement has a meaning there.

    Parameters
    ----------
    statement : Basic
        A statement.
    at : mapping
        The point: a real number or an array for every symbol and array of the statement.

    Returns
    -------
    dict
        The point in mpmath's numbers.

    Raises
    ------
    TypeError
        If a symbol or array of the statement has no value.
    ValueError
        If a value is not real and finite, or not what its symbol is assumed to be, or if an
        index or an array does not fit its size.
    """
    arrays = axes_of(statement).keys()
    needed = symbols_of(statement) - {array.label for array in arrays} | arrays
    if needed - at.keys():
        message = f"{statement} needs values for {sorted(needed - at.keys(), key=str)}"
        raise TypeError(message)
    numbers = {s: _real(s, value) for s, value in at.items()}
    with mpmath.workdps(digits_at(numbers)):
        point = {s: _exact(s, value) for s, value in numbers.items()}
    _check_ranges(statement, at, point)
    return point


def _check_ranges(statement: Any, at: Values, point: Values) -> None:
    sizes = {s: int(value) for s, value in point.items() if s in SIZE.values()}
    if c in point and not _fits_all(c, point[c], sizes.get(K)):
        message = f"labels are classes 1, ..., K = {sizes[K]}, so they cannot be {at[c]}"
        raise ValueError(message)
    for index, size in SIZE.items():
        if size in sizes and index in point and point[index] > sizes[size]:
            message = f"{index} runs from 1 to {size} = {sizes[size]}, so it cannot be {at[index]}"
            raise ValueError(message)
    for array, axes in axes_of(statement).items():
        shape, needed = np.shape(point[array]), tuple(_shape(axes, sizes))
        if shape != needed:
            message = f"{array} has the shape {shape}, {statement} needs {needed}"
            raise ValueError(message)


def _real(symbol: Any, value: Any) -> Any:
    if isinstance(value, list | tuple | np.ndarray):
        return [_real(symbol, part) for part in value]
    number = sp.sympify(value)
    if not (number.is_number and number.is_real and number.is_finite):
        message = f"a point has real and finite coordinates, so {symbol} cannot be {value}"
        raise ValueError(message)
    return number


def _exact(symbol: Any, number: Any) -> Any:
    if isinstance(number, list):
        return [_exact(symbol, part) for part in number]
    exact = evaluate(number, {})
    if not _fits(symbol, exact):
        message = f"{symbol} is assumed to be {_assumed(symbol)}, so it cannot be {number}"
        raise ValueError(message)
    return exact


def _assumed(symbol: Any) -> str:
    sign = next((s for s in ("positive", "negative", "nonnegative") if getattr(symbol, f"is_{s}")), "real")
    return f"{sign} and whole" if symbol.is_integer else sign
