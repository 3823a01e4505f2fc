"""Numbers that respect what a statement assumes, and the search for those that refute it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product
from random import Random
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from sympy.core.function import AppliedUndef

from xentlib.proof._assumptions import is_hypothesis, smallest, with_hypotheses
from xentlib.proof._evaluation import digits, evaluate, sizes_of_axes
from xentlib.proof._quantities import sizes_of, symbols_of, unfold
from xentlib.proof._symbols import SIZE, K, Values, c


class VerificationError(AssertionError):
    """A claim did not hold; the message gives the residual or the witness."""


class UndefinedError(VerificationError):
    """There is no point at which both sides of a statement are numbers."""


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
    random = Random(str(statement))
    constraints = [a for a in given if isinstance(a, sp.Eq) and not is_hypothesis(a)]
    distinct = [a for a in given if isinstance(a, sp.Ne)]
    subject = sp.Tuple(statement, *constraints, *distinct)
    unfolded = unfold(subject)
    symbols = symbols_of(subject)
    indices = sorted((s for s in symbols if s in SIZE), key=str)
    arrays = sorted(unfolded.atoms(sp.IndexedBase), key=str)
    axes = {array: sizes_of_axes(array, unfolded) for array in arrays}
    element = {array: array[0] for array in arrays}
    sizes = sizes_of(subject)
    scalars = sorted(symbols - {*SIZE, *SIZE.values(), *(array.label for array in arrays)}, key=str)
    scalars += sorted(unfolded.atoms(AppliedUndef), key=str)
    # Fewer lengths for each of several sizes: their combinations are all tried.
    many = {0: 1, 1: 4, 2: 3}.get(len(sizes), 2)
    lengths = [[at[s]] if s in at else range(smallest(s, given), smallest(s, given) + many) for s in sizes]
    combinations = [
        (size, dict(zip(indices, place, strict=True)))
        for size in (dict(zip(sizes, length, strict=True)) for length in product(*lengths))
        for place in product(*(range(1, size[SIZE[index]] + 1) for index in indices))
    ]
    # Where there are few combinations, more numbers are tried with each.
    rounds = patience * (1 + 25 // len(combinations))
    # Last come 0 and 1 and -1, where much is equal that else would differ by chance.
    for spread, (size, places) in product([1, 2, 4] * rounds + [0] * rounds, combinations):
        draw = partial(_random_number, random=random, spread=spread)
        values: dict[Any, Any] = {**size, **places}
        values |= {a: _random_array(element[a], _shape(axes[a], size), draw) for a in arrays}
        if c in arrays:
            values[c] = [random.randint(1, size[K]) for _ in values[c]]
        values |= {s: draw(s) for s in scalars}
        for constraint in constraints:
            values |= _scaled(constraint, values)
        # What an equation sets, such as c[1] = 7, may be nothing that its array can hold.
        held = all(_fits_all(element[a], values[a], size.get(K)) for a in arrays)
        if held and all(truth(known, values) for known in (*constraints, *distinct)):
            yield values


def _shape(axes: Sequence[set[Any]], size: Values) -> list[int]:
    """Return how long an array must be on axes that reach to given sizes and numbers."""

    def length(end: sp.Expr) -> int:
        known = end.free_symbols <= size.keys()
        return int(evaluate(end, size)) if known else max([1, *size.values()])

    return [max(map(length, ends)) for ends in axes]


def _random_array(element: sp.Indexed, shape: Sequence[int], draw: Callable[[Any], mpmath.mpf]) -> Any:
    if not shape:
        return draw(element)
    return [_random_array(element, shape[1:], draw) for _ in range(shape[0])]


def _random_number(symbol: Any, random: Random, spread: int) -> mpmath.mpf:
    """Return a number between -4 and 4 times the spread, whole or with three decimals."""
    scale = 1 if symbol.is_integer or not spread else 1000
    largest = 4 * spread * scale or 1
    while True:
        number = mpmath.mpf(random.randint(-largest, largest)) / scale
        if _fits(symbol, number):
            return number


def _fits(symbol: Any, number: Any) -> bool:
    """Return whether a number is what a symbol is assumed to be."""
    return not (
        (symbol.is_integer and not mpmath.isint(number))
        or (symbol.is_positive and not number > 0)
        or (symbol.is_negative and not number < 0)
        or (symbol.is_nonnegative and not number >= 0)
        or (symbol.is_nonpositive and not number <= 0)
        or (symbol.is_nonzero and not number)
    )


def _fits_all(element: sp.Indexed, numbers: Any, classes: int | None) -> bool:
    """Return whether an array holds what its elements are assumed to be, labels no more than K."""
    if isinstance(numbers, list):
        return all(_fits_all(element, number, classes) for number in numbers)
    return _fits(element, numbers) and not (element.base == c and classes and numbers > classes)


def _scaled(constraint: sp.Eq, values: Values) -> dict[Any, Any]:
    """Return the arrays of an equation such as sum of y[k] = 1 or c[1] = 3, changed so that it holds."""
    if isinstance(constraint.lhs, sp.Indexed) and len(constraint.lhs.indices) == 1:
        return _with_entry(constraint, values)
    arrays = constraint.lhs.atoms(sp.IndexedBase)

    def scaled(array: Any) -> Any:
        return [scaled(part) for part in array] if isinstance(array, list) else array * factor

    with mpmath.workdps(2 * digits_at(values)):
        total = evaluate(constraint.lhs, values)
        factor = evaluate(constraint.rhs, values) / total if total else mpmath.mpf(0)
        return {a: scaled(values[a]) for a in arrays if factor > 0 or not a[0].is_nonnegative}


def _with_entry(constraint: sp.Eq, values: Values) -> dict[Any, Any]:
    """Return the array of an equation such as c[1] = 3 with this entry."""
    array, place = constraint.lhs.base, evaluate(constraint.lhs.indices[0], values)
    entries = list(values[array])
    entries[int(place) - 1] = evaluate(constraint.rhs, values)
    return {array: entries}


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
    return digits(v for s, v in values.items() if s not in SIZE and s not in SIZE.values())


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
    tried = False
    checked = with_hypotheses(statement, given)
    for values in points(checked, given, at, patience):
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
    unfolded = unfold(statement)
    arrays = unfolded.atoms(sp.IndexedBase)
    missing = symbols_of(statement) - {array.label for array in arrays} - at.keys() | (arrays - at.keys())
    if missing:
        message = f"{statement} needs values for {sorted(missing, key=str)}"
        raise TypeError(message)
    numbers = {s: _real(s, value) for s, value in at.items()}
    with mpmath.workdps(digits_at(numbers)):
        point = {s: _exact(s, value) for s, value in numbers.items()}
    size = {s: int(v) for s, v in point.items() if s in SIZE.values()}
    for s, value in point.items():
        if s == c and not _fits_all(c[0], value, size.get(K)):
            message = f"labels are classes 1, ..., K = {size[K]}, so they cannot be {at[s]}"
            raise ValueError(message)
        if s in SIZE and value > size.get(SIZE[s], value):
            message = f"{s} runs from 1 to {SIZE[s]} = {size[SIZE[s]]}, so it cannot be {at[s]}"
            raise ValueError(message)
        if s in arrays:
            shape = tuple(_shape(sizes_of_axes(s, unfolded), size))
            if np.shape(value) != shape:
                message = f"{s} has the shape {np.shape(value)}, {statement} needs {shape}"
                raise ValueError(message)
    return point


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
    element = symbol[0] if isinstance(symbol, sp.IndexedBase) else symbol
    if not _fits(element, exact):
        message = f"{symbol} is assumed to be {_assumed(element)}, so it cannot be {number}"
        raise ValueError(message)
    return exact


def _assumed(symbol: Any) -> str:
    sign = next((s for s in ("positive", "negative", "nonnegative") if getattr(symbol, f"is_{s}")), "real")
    return f"{sign} and whole" if symbol.is_integer else sign
