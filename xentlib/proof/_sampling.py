"""Numbers that respect what a statement assumes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from functools import cache, partial
from itertools import chain, cycle, islice, product
from numbers import Rational, Real
from random import Random
from typing import Any, NamedTuple

import mpmath
import sympy as sp
from sympy.core.function import AppliedUndef

from xentlib.proof._constraints import adjust
from xentlib.proof._evaluation import MOST_DIGITS, Arbitrary, Series, digits_at, evaluate, truth, with_element
from xentlib.proof.core.kinks import KINKS, gaps_of
from xentlib.proof.core.problem import Given
from xentlib.proof.core.subject import axes_of, functions_of, places, sizes_of, symbols_of
from xentlib.proof.core.symbols import SIZE, D, K, N, Values, c
from xentlib.proof.core.unfold import unfold

ENOUGH = 20
"""At so many points at least a claim is to be tried, where there are so many."""


class _Unknowns(NamedTuple):
    """What a statement and its assumptions need numbers for, in the order in which they are drawn."""

    sizes: list[Any]
    indices: list[Any]
    axes: dict[Any, list[set[Any]]]
    """Of each array, what its axes reach to."""
    scalars: list[Any]
    equations: Sequence[Any]
    distinct: Sequence[Any]
    hypotheses: Sequence[Any]
    """What is said of undefined functions or of their derivatives."""
    differentiated: list[Any]
    """What derivatives are taken of, of the undefined functions of which nothing is said."""
    arbitrary: list[Any]
    """The other undefined functions."""


def _unknowns(statement: Any, given: Given) -> _Unknowns:
    subject = sp.Tuple(statement, *given.rules, *given.distinct)
    known = {applied.func for a in given.hypotheses for applied in a.lhs.atoms(AppliedUndef)}
    functions = functions_of(subject)
    # To unfold takes long, and is in vain where there are no such functions.
    slopes = unfold(subject).atoms(sp.Derivative) if functions else ()
    under = {f.func for slope in slopes for f in slope.atoms(AppliedUndef)} - known
    if any(f.func in under and len(f.args) > 1 for f in functions):
        message = f"no numbers try derivatives of undefined functions of several variables: {statement}"
        raise ValueError(message)
    symbols, axes = symbols_of(subject), axes_of(subject)
    scalars = symbols - {*SIZE, *SIZE.values()} - {array.label for array in axes}
    return _Unknowns(
        sizes=sizes_of(subject),
        indices=sorted(symbols & SIZE.keys(), key=str),
        axes=axes,
        scalars=sorted(scalars, key=str),
        equations=given.equations,
        distinct=given.distinct,
        hypotheses=given.hypotheses,
        differentiated=[a for a in functions if a.func in under],
        arbitrary=[a for a in functions if a.func not in known | under],
    )


def points(statement: Any, given: Given, at: Values, seed: int = 0) -> Iterator[dict[Any, Any]]:
    """Yield values for every free symbol, at all small sizes and index places and some larger, seeded.

    Parameters
    ----------
    statement : Basic
        What the values are for.
    given : Given
        Assumptions, which the values respect.
    at : mapping
        Sizes that are fixed.
    seed : int
        Others for other numbers.

    Yields
    ------
    dict
        Values for `evaluate`.
    """
    unknowns = _unknowns(statement, given)
    random = Random(f"{statement}{seed or ''}")
    near, far = _sizes_to_try(unknowns, given, at)
    combinations = [(sizes, place) for sizes in near for place in places(unknowns.indices, sizes)]
    if len(combinations) > _MOST:
        combinations = random.sample(combinations, _MOST // 10)
    # Where there are few combinations, more numbers are tried with each.
    passes = math.ceil(ENOUGH / len(combinations))
    drawn = zip(cycle([1, 2, 1, 4]), combinations * passes)
    # Last come 0 and 1 and -1, where much is equal that else would differ by chance.
    tried = chain(drawn, product([0], combinations * math.ceil(passes / 3)))
    larger = ((spread, (sizes, _a_place(unknowns, sizes, random))) for spread in (1, 2, 0) for sizes in far)
    for spread, (sizes, place) in chain(tried, larger):
        values = _point(unknowns, sizes, place, random, spread)
        if values is not None:
            yield values
    for turn in _turns(statement):
        for sizes, place in islice(cycle(combinations), _ON_SURFACES):
            # Of small whole numbers sums are exact, so that what jumps at 0 is seen there.
            values = _point(unknowns, sizes, place, random, 0)
            if values is not None and _moved(turn, values, unknowns):
                yield values


_MOST = 1000
"""Of more places than these, where sizes are large, a tenth of that number is drawn."""

_ON_SURFACES = 8
"""How many points are drawn where a difference is 0 at which something bends or jumps."""


def _turns(statement: Any) -> list[tuple[Any, Any]]:
    """Return numbers, each with what it is where something in a statement bends or jumps."""
    plain = unfold(statement)
    bound = {index for total in plain.atoms(sp.Sum, sp.Product) for index, _, _ in total.limits}
    found = []
    for kink in sorted(plain.atoms(*KINKS), key=sp.default_sort_key):
        for gap in gaps_of(kink) if not kink.free_symbols & bound else ():
            labels = {array.label for array in gap.atoms(sp.IndexedBase)}
            for number in sorted(gap.atoms(sp.Symbol, sp.Indexed) - labels, key=sp.default_sort_key):
                factor = gap.coeff(number)
                rest = sp.expand(gap - number * factor)
                inside = getattr(number, "base", number)
                if not number.is_integer and factor.is_number and factor != 0 and not rest.has(inside):
                    found.append((number, -rest / factor))
                    break
    return found


def _moved(turn: tuple[Any, Any], values: dict[Any, Any], unknowns: _Unknowns) -> bool:
    """Change a number at a point to what it is where something turns; return whether it may be that."""
    number, place = turn
    try:
        with mpmath.workdps(digits_at(values)):
            new = evaluate(place, values)
    except (ArithmeticError, TypeError):
        return False
    if abs(new) > _FAR_UP:
        return False  # there it would take too many digits to compute
    whole, indices = (number.base, number.indices) if isinstance(number, sp.Indexed) else (number, ())
    if whole not in values:
        return False  # it is what something else is put in for
    steps = [int(evaluate(index, values)) - 1 for index in indices]
    values[whole] = with_element(values[whole], steps, new)
    return _respects(values, unknowns)


def _point(
    unknowns: _Unknowns, sizes: Values, place: Values, random: Random, spread: int, *, alike: bool = False
) -> dict[Any, Any] | None:
    """Return random numbers that respect what is assumed, None if these do not."""
    values = {**sizes, **place, **_drawn(unknowns, sizes, random, spread, alike=alike)}
    values |= {a.func: _arbitrary(a, random, spread) for a in unknowns.arbitrary}
    values |= {_function_in(a).func: _series(a, values, random, spread) for a in unknowns.hypotheses}
    values |= {a.func: _cubic(a, random, spread) for a in unknowns.differentiated}
    return values if adjust(unknowns.equations, values, random) and _respects(values, unknowns) else None


def _sizes_to_try(
    unknowns: _Unknowns, given: Given, at: Values
) -> tuple[list[dict[Any, int]], list[dict[Any, int]]]:
    """Return the small sizes, to be tried at every place of the indices, and larger ones for a few places."""
    sizes = unknowns.sizes
    first = {size: at.get(size, given.least(size)) for size in sizes}
    # Fewer of each where there are several: their combinations are all tried.
    count = {1: 4, 2: 3}.get(len(sizes), 2)
    if not (unknowns.axes or unknowns.scalars or unknowns.indices or unknowns.arbitrary):
        count = {1: 24, 2: 5}.get(len(sizes), 3)  # the sizes are all that can change
    choices = [[at[size]] if size in at else range(first[size], first[size] + count) for size in sizes]
    near = [dict(zip(sizes, chosen, strict=True)) for chosen in product(*choices)]
    further = {K: 4, N: 4, D: 4} if len(sizes) == 1 else {K: 4, N: 2, D: 1}
    distant = {size: at.get(size, first[size] + further[size]) for size in sizes}
    return near, [] if distant in near else [distant] * 3


def far_points(
    statement: Any, given: Given, at: Values
) -> Iterator[tuple[dict[Any, int], Iterator[dict[Any, Any]]]]:
    """Yield points at sizes of which one is far larger than those that are usually tried.

    Parameters
    ----------
    statement : Basic
        What the points are for.
    given : Given
        Assumptions, which the points respect.
    at : mapping
        Sizes that are fixed.

    Yields
    ------
    tuple of dict and iterator
        The sizes that are not fixed, and points there.
    """
    unknowns = _unknowns(statement, given)
    free = [size for size in unknowns.sizes if size not in at]
    for far in free:
        sizes = {size: given.least(size) + (_FURTHER if size == far else 1) for size in free}
        yield sizes, _points_at(unknowns, {**at, **sizes}, Random(f"{statement} {far}"))


def _points_at(unknowns: _Unknowns, sizes: Values, random: Random) -> Iterator[dict[Any, Any]]:
    for number in range(80):
        # That many random numbers are hardly ever all positive, as a logarithm may need: then equal ones.
        place, alike = _a_place(unknowns, sizes, random), number >= 8
        values = _point(unknowns, sizes, place, random, (1, 2, 0, 4)[number % 4], alike=alike)
        if values is not None:
            yield values


_FURTHER = 11


def _a_place(unknowns: _Unknowns, sizes: Values, random: Random) -> dict[Any, int]:
    return {index: random.randint(1, sizes[SIZE[index]]) for index in unknowns.indices}


def _drawn(
    unknowns: _Unknowns, sizes: Values, random: Random, spread: int, *, alike: bool = False
) -> dict[Any, Any]:
    """Return numbers for the arrays, which may be alike in each of them, and for the scalars."""
    draw = partial(_random_number, random=random, spread=spread)
    for_arrays = cache(draw) if alike else draw
    values = {a: _random_array(a, _shape(axes, sizes), for_arrays) for a, axes in unknowns.axes.items()}
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
    relations = (*unknowns.equations, *unknowns.distinct, *unknowns.hypotheses)
    functions = [_function_in(a) for a in unknowns.hypotheses]
    return (
        all(_fits_all(array, values[array], values.get(K)) for array in unknowns.axes)
        and all(_fits(symbol, values[symbol]) for symbol in unknowns.scalars)
        and all(_fits(applied, values[applied.func].derivatives[0]) for applied in functions)
        and all(_fits_there(applied, values) for applied in unknowns.differentiated)
        and all(truth(known, values, 2 if known in unknowns.equations else 1) for known in relations)
    )


def _function_in(hypothesis: Any) -> Any:
    """Return the f(x) of what is assumed of it or of a derivative of it."""
    return hypothesis.lhs.expr if isinstance(hypothesis.lhs, sp.Derivative) else hypothesis.lhs


def _fits_there(applied: Any, values: Values) -> bool:
    with mpmath.workdps(digits_at(values)):
        try:
            return _fits(applied, evaluate(applied, values))
        except ArithmeticError:
            return False
        except TypeError:
            return True  # under a sum it stands for many numbers, each of which is looked at there


def _arbitrary(applied: Any, random: Random, spread: int) -> Arbitrary:
    seed = random.random()
    return Arbitrary(
        lambda place: _random_number(applied, Random(f"{seed} {place}"), spread), 4 * spread or 1
    )


def _cubic(applied: Any, random: Random, spread: int) -> Series:
    any_number = sp.Symbol("_", real=True)
    derivatives = tuple(_random_number(any_number, random, spread) for _ in range(4))
    return Series(mpmath.mpf(0), derivatives, partial(_fits, applied))


_FAR_UP = 1000
"""How large what an assumption says of a function may be: each unit costs two digits."""


def _series(hypothesis: Any, values: Values, random: Random, spread: int) -> Series:
    """Return a function of which an assumption holds at the point; all else about it is random."""
    applied = _function_in(hypothesis)
    order = sum(count for _, count in getattr(hypothesis.lhs, "variable_count", ()))
    drawn = [_random_number(applied, random, spread)]
    drawn += [_random_number(sp.Symbol("_", real=True), random, spread) for _ in range(order + 1)]
    center, fits = values[applied.args[0]], partial(_fits, applied)
    with mpmath.workdps(2 * digits_at(values)):
        try:
            sought = evaluate(hypothesis.rhs, {**values, applied.func: Series(center, tuple(drawn), fits)})
        except ArithmeticError:
            sought = _FAR_UP + 1
    if abs(sought) > _FAR_UP:
        # There is no such function, or its numbers cost too many digits: the point will not do.
        return Series(center, tuple(drawn), fits)
    return Series(center, (*drawn[:order], sought, *drawn[order + 1 :]), fits)


def _fits_all(array: Any, numbers: Any, classes: int | None) -> bool:
    """Return whether an array holds what its elements are assumed to be, labels no more than K."""
    if isinstance(numbers, list):
        return all(_fits_all(array, part, classes) for part in numbers)
    return _fits(array, numbers) and not (array == c and classes and numbers > classes)


def why_not_assumed(at: Values, given: Given, sizes: Values) -> str | None:
    """Return what is assumed and does not hold at a point of floats, None if all of it does.

    Parameters
    ----------
    at : mapping
        Arrays as nested lists, and the sizes that they have.
    given : Given
        Assumptions; one that has indices is to hold at all their places.
    sizes : mapping
        Sizes that are fixed.

    Returns
    -------
    str or None
        In words. An equation counts as true if its sides differ by rounding alone; what is said of
        numbers that the point has not is not looked at.
    """
    for size, length in ((size, length) for size, length in at.items() if size in SIZE.values()):
        if sizes.get(size, length) != length:
            return f"{size} = {sizes[size]}"
        if length < given.least(size):
            return f"{size} ≥ {given.least(size)}"
    for array in (array for array in at if isinstance(array, sp.IndexedBase)):
        if not _fits_all(array, at[array], at.get(K)):
            upto = " and at most K" if array == c else ""
            return f"that the entries of {array} are {_assumed(array)}{upto}"
    for relation in (*given.equations, *given.distinct):
        indices = [index for index in SIZE if index in symbols_of(relation)]
        known = {*at, *indices, *(getattr(array, "label", array) for array in at)}
        if symbols_of(relation) <= known:
            for place in places(indices, at):
                if not _holds_in_floats(relation, {**at, **place}):
                    return str(relation)
    return None


_ROUNDING = 1e-9
"""How far apart, of their size, two numbers may be that floats make of equal ones."""


def _holds_in_floats(relation: Any, at: Values) -> bool | None:
    if not isinstance(relation, sp.Eq):
        return truth(relation, at)
    with mpmath.workdps(digits_at(at)):
        left, right = (evaluate(side, at) for side in relation.args)
        return bool(abs(left - right) <= _ROUNDING * max(1, abs(left), abs(right)))


def check_point(statement: Any, at: Any) -> dict[Any, Any]:
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
        If a value is not real and finite, too large to compute with, or not what its symbol is assumed
        to be, or if an index or an array does not fit its size.
    """
    if not isinstance(at, Mapping):
        message = f"at= is a dict of values, such as {{K: 2, z: [1, 3]}}, not {at!r}"
        raise TypeError(message)
    arrays = axes_of(statement).keys()
    needed = symbols_of(statement) - {array.label for array in arrays} | arrays
    if needed - at.keys():
        message = f"{statement} needs values for {sorted(needed - at.keys(), key=str)}"
        raise TypeError(message)
    unknown = [s for s in at if not isinstance(s, sp.Symbol | sp.IndexedBase | AppliedUndef)]
    if unknown:
        message = f"values are given for symbols and arrays, not for {unknown}"
        raise TypeError(message)
    numbers = {s: _real(s, value) for s, value in at.items()}
    if digits_at(numbers) > MOST_DIGITS:
        message = f"it would take {digits_at(numbers)} digits to compute at {at}: take smaller coordinates"
        raise ValueError(message)
    with mpmath.workdps(digits_at(numbers)):
        point = {s: _exact(s, value) for s, value in numbers.items()}
        _check_functions(point)
    _check_ranges(statement, at, point)
    return point


def _check_functions(point: Values) -> None:
    """Raise if one function is given two values for one argument."""
    found: dict[Any, tuple[Any, Any]] = {}
    for applied in (s for s in point if isinstance(s, AppliedUndef)):
        arguments = tuple(mpmath.nstr(evaluate(argument, point), 12) for argument in applied.args)
        other, value = found.setdefault((applied.func, arguments), (applied, point[applied]))
        if value != point[applied]:
            message = f"{other} and {applied} have one argument there, and cannot be two numbers"
            raise ValueError(message)


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
        shape, needed = _shape_of(point[array]), tuple(_shape(axes, sizes))
        if shape != needed:
            message = f"{array} has the shape {shape}, {statement} needs {needed}"
            raise ValueError(message)


def _shape_of(array: Any) -> tuple[int, ...]:
    if not isinstance(array, list):
        return ()
    rows = {_shape_of(row) for row in array}
    if len(rows) > 1:
        message = f"the rows of an array have one length, not as in {array}"
        raise ValueError(message)
    return (len(array), *(rows.pop() if rows else ()))


def _real(symbol: Any, value: Any) -> Any:
    if hasattr(value, "__iter__") and not isinstance(value, str | bytes):
        if not isinstance(symbol, sp.IndexedBase) or isinstance(value, Mapping | Set):
            what = "a list of numbers" if isinstance(symbol, sp.IndexedBase) else "one number"
            message = f"{symbol} is {what}, not {value!r}"
            raise TypeError(message)
        return [_real(symbol, part) for part in value]
    # A float is the decimal that it prints as, also one of fewer bits, and in a text.
    is_rounded = isinstance(value, Real) and not isinstance(value, Rational) and math.isfinite(value)
    try:
        number = sp.sympify(str(value) if is_rounded else value, rational=True)
    except (sp.SympifyError, AttributeError):
        number = None
    if not (isinstance(number, sp.Expr) and number.is_number and number.is_real and number.is_finite):
        message = f"a point has real and finite coordinates, so {symbol} cannot be {value!r}"
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
