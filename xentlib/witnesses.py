"""Numbers that respect what a statement assumes, and the search for those that refute it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from random import Random
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from sympy.core.function import AppliedUndef

from xentlib.claims import VerificationError
from xentlib.evaluation import digits, evaluate
from xentlib.printing import to_latex
from xentlib.symbolic import SIZE, K, N, differentiate, unfold

__all__ = [
    "UndefinedError",
    "check_given",
    "check_point",
    "counterexample",
    "describe",
    "points",
    "smallest",
    "symbols_of",
    "truth",
]

Values = Mapping[Any, Any]


class UndefinedError(VerificationError):
    """There is no point at which both sides of a statement are numbers."""


def symbols_of(statement: Any) -> set[Any]:
    """Return the free symbols of a statement with those inside its named quantities.

    Parameters
    ----------
    statement : Basic
        An expression or a statement.

    Returns
    -------
    set of Symbol
        Sizes, indices, variables and the labels of arrays, but no `Dummy`.
    """
    unfolded = unfold(statement)
    # SymPy does not count the index j of a derivative with respect to z[j] as free.
    variables = [v for d in unfolded.atoms(sp.Derivative) for v in d.variables]
    free = unfolded.free_symbols.union(*(v.free_symbols for v in variables))
    return {s for s in free if isinstance(s, sp.Symbol) and not isinstance(s, sp.Dummy)}


# --- What is given ---------------------------------------------------------------------------


def check_given(given: Any) -> tuple[Any, ...]:
    """Return assumptions as a tuple, after checking that each is of a kind that is respected.

    Parameters
    ----------
    given : relation or sequence of relations
        ``K >= 2``, or equations whose left side is to be replaced by the right side.

    Returns
    -------
    tuple
        The assumptions.

    Raises
    ------
    TypeError
        If an assumption is of another kind: it would be printed, but not respected.
    ValueError
        If an equation replaces a number, or something by what contains it, or if the left side
        of one equation stands in that of another.
    """
    assumptions = tuple(given) if isinstance(given, Sequence) else (given,)
    for a in assumptions:
        if not isinstance(a, sp.Eq) and not (
            isinstance(a, sp.Ge | sp.Le) and a.gts in SIZE.values() and a.lts.is_Integer
        ):
            message = f"an assumption is a bound such as K >= 2 or an equation, not {a}"
            raise TypeError(message)
    equations = [a for a in assumptions if isinstance(a, sp.Eq)]
    for known in equations:
        others = [other.lhs for other in equations if other is not known]
        if known.lhs.is_number:
            message = f"the left side of {known} is to be replaced, so it cannot be a number"
            raise ValueError(message)
        if unfold(known.rhs).has(unfold(known.lhs)) or any(lhs.has(known.lhs) for lhs in others):
            message = f"{known} is circular, or what it replaces stands in another assumption: {equations}"
            raise ValueError(message)
    return assumptions


def smallest(size: sp.Symbol, given: Iterable[Any]) -> int:
    """Return the smallest value of a size that the assumptions allow.

    Parameters
    ----------
    size : Symbol
        K or N.
    given : iterable of relations
        The assumptions.

    Returns
    -------
    int
        1 or more.
    """
    bounds = [int(a.lts) for a in given if isinstance(a, sp.Ge | sp.Le) and a.gts == size]
    return max([1, *bounds])


def _is_hypothesis(known: Any) -> bool:
    """Return whether an equation is about an undefined function, so that no number satisfies it."""
    return isinstance(known, sp.Eq) and bool(known.lhs.atoms(AppliedUndef))


def _with_hypotheses(statement: Any, given: Iterable[Any]) -> Any:
    """Carry out derivatives of undefined functions as the hypotheses say."""
    rules = {known.lhs: known.rhs for known in given if _is_hypothesis(known)}
    if not rules:
        return statement
    sides = [differentiate(unfold(side)).xreplace(rules) for side in statement.args]
    return statement.func(*sides, evaluate=False)


# --- Points ----------------------------------------------------------------------------------


def points(statement: Any, given: Sequence[Any], at: Values) -> Iterator[dict[Any, Any]]:
    """Yield values for every free symbol, at all small sizes and index places, seeded.

    Parameters
    ----------
    statement : Basic
        What the values are for.
    given : sequence of relations
        Assumptions, which the values respect.
    at : mapping
        Sizes that are fixed.

    Yields
    ------
    dict
        Values for `xentlib.evaluation.evaluate`.
    """
    random = Random(str(statement))
    unfolded = unfold(statement)
    symbols = symbols_of(statement)
    indices = sorted((s for s in symbols if s in SIZE), key=str)
    sizes = [size for size in (K, N) if size in symbols or size in {SIZE[index] for index in indices}]
    arrays = sorted(unfolded.atoms(sp.IndexedBase), key=str)
    scalars = sorted(symbols - {*SIZE, *SIZE.values(), *(array.label for array in arrays)}, key=str)
    scalars += sorted(unfolded.atoms(AppliedUndef), key=str)
    constraints = [a for a in given if isinstance(a, sp.Eq) and not _is_hypothesis(a)]
    lengths = [[at[s]] if s in at else range(smallest(s, given), smallest(s, given) + 4) for s in sizes]
    for spread in (1, 2, 4):
        draw = partial(_random_number, random=random, spread=spread)
        for length in product(*lengths):
            size = dict(zip(sizes, length, strict=True))
            for place in product(*(range(1, size[SIZE[index]] + 1) for index in indices)):
                values: dict[Any, Any] = {**size, **dict(zip(indices, place, strict=True))}
                values |= {
                    array: _random_array(array, _shape(array, unfolded, size), draw) for array in arrays
                }
                values |= {s: draw(s) for s in scalars}
                for constraint in constraints:
                    values |= _scaled(constraint, values)
                if all(truth(constraint, values) for constraint in constraints):
                    yield values


def _shape(array: sp.IndexedBase, unfolded: Any, size: Values) -> list[int]:
    """Return how long an array must be on each axis for the indices that it has."""
    limits = SIZE | {index: last for total in unfolded.atoms(sp.Sum) for index, _, last in total.limits}
    elements = [element for element in unfolded.atoms(sp.Indexed) if element.base == array]

    def length(index: sp.Expr) -> int:
        last = index if index.is_Integer else limits.get(index, K)
        while last in limits:  # the last value of one index is another index
            last = limits[last]
        return int(evaluate(last, size)) if last.free_symbols <= size.keys() else max([1, *size.values()])

    return [max(map(length, axis)) for axis in zip(*(e.indices for e in elements), strict=True)]


def _random_array(array: sp.IndexedBase, shape: Sequence[int], draw: Callable[[Any], mpmath.mpf]) -> Any:
    if not shape:
        return draw(array[0])
    return [_random_array(array, shape[1:], draw) for _ in range(shape[0])]


def _random_number(symbol: Any, random: Random, spread: int) -> mpmath.mpf:
    """Return a number between -4 and 4 times the spread, whole or with three decimals."""
    scale = 1 if symbol.is_integer else 1000
    while True:
        number = mpmath.mpf(random.randint(-4 * spread * scale, 4 * spread * scale)) / scale
        if _fits(symbol, number):
            return number


def _fits(symbol: Any, number: Any) -> bool:
    """Return whether a number is what a symbol is assumed to be."""
    return not (
        (symbol.is_integer and not mpmath.isint(number))
        or (symbol.is_positive and not number > 0)
        or (symbol.is_negative and not number < 0)
        or (symbol.is_nonnegative and not number >= 0)
    )


def _scaled(constraint: sp.Eq, values: Values) -> dict[Any, Any]:
    """Return the arrays of an equation such as sum of y[k] = 1, scaled so that it holds."""
    arrays = constraint.lhs.atoms(sp.IndexedBase)

    def scaled(array: Any) -> Any:
        return [scaled(part) for part in array] if isinstance(array, list) else array * factor

    with mpmath.workdps(2 * _digits(values)):
        total = evaluate(constraint.lhs, values)
        factor = evaluate(constraint.rhs, values) / total if total else mpmath.mpf(0)
        return {a: scaled(values[a]) for a in arrays if factor > 0 or not a[0].is_nonnegative}


# --- Truth at a point ------------------------------------------------------------------------


def truth(statement: Any, values: Values) -> bool | None:
    """Return whether a statement holds at a point, None if a side is not a number there.

    Parameters
    ----------
    statement : Basic
        A statement.
    values : mapping
        The point, as for `xentlib.evaluation.evaluate`.

    Returns
    -------
    bool or None
        By as many digits as `xentlib.evaluation.digits` says.
    """
    with mpmath.workdps(_digits(values)):
        try:
            return bool(evaluate(statement, values))
        except ArithmeticError:
            return None


def _digits(values: Values) -> int:
    return digits(v for s, v in values.items() if s not in SIZE and s not in SIZE.values())


def counterexample(statement: Any, given: Sequence[Any], at: Values) -> Values | None:
    """Return a point at which a statement is false, or None if none of the points is one.

    Parameters
    ----------
    statement : Basic
        A statement.
    given : sequence of relations
        Assumptions, which the points respect.
    at : mapping
        Sizes that are fixed.

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
    checked = _with_hypotheses(statement, given)
    for values in points(checked, given, at):
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
    with mpmath.workdps(_digits(numbers)):
        point = {s: _exact(s, value) for s, value in numbers.items()}
    size = {s: int(v) for s, v in point.items() if s in SIZE.values()}
    for s, value in point.items():
        if s in SIZE and value > size.get(SIZE[s], value):
            message = f"{s} runs from 1 to {SIZE[s]} = {size[SIZE[s]]}, so it cannot be {at[s]}"
            raise ValueError(message)
        if s in arrays and np.shape(value) != tuple(_shape(s, unfolded, size)):
            message = (
                f"{s} has the shape {np.shape(value)}, {statement} needs {tuple(_shape(s, unfolded, size))}"
            )
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


def describe(statement: Any, values: Values, printer: Callable[[Any], str], given: Sequence[Any] = ()) -> str:
    """Return the values that a statement uses, and what its sides are there.

    Parameters
    ----------
    statement : Basic
        A statement.
    values : mapping
        The point.
    printer : callable
        ``str``, or `xentlib.printing.to_latex` for formulas between dollar signs.
    given : sequence of relations
        Assumptions that say what an undefined function's derivative is.

    Returns
    -------
    str
        Such as ``K = 1, z = (0), where the sides are 1 and 2``.
    """
    math = "${}$".format if printer is to_latex else str
    used = symbols_of(statement)
    names = [
        s
        for s in values
        if s in used or getattr(s, "label", None) in used or s in statement.atoms(AppliedUndef)
    ]
    parts = [math(f"{printer(s)} = {_number(values[s])}") for s in names]
    with mpmath.workdps(_digits(values)):
        sides = [_number(evaluate(side, values)) for side in _with_hypotheses(statement, given).args]
    return f"{', '.join(parts)}, where the sides are {math(sides[0])} and {math(sides[1])}"


def _number(value: Any) -> str:
    if isinstance(value, list):
        return f"({', '.join(map(_number, value))})"
    if isinstance(value, bool):
        return str(value).lower()
    with mpmath.workdps(15):
        # Unary plus rounds: Python refuses to write out an integer of 4300 digits.
        return str(mpmath.nstr(+mpmath.mpf(value), 5, strip_zeros=True)).removesuffix(".0")
