"""Points on the surface that assumed equations describe: random numbers, of which some are solved for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import mpmath
import sympy as sp

from xentlib.proof._evaluation import digits_at, evaluate, truth, with_element
from xentlib.proof.core.subject import axes_of, symbols_of
from xentlib.proof.core.symbols import SIZE, c

_FAR = 100
"""How large the numbers may be that are solved for: each costs as many digits."""

_PATIENCE = 20
"""How often an equation is evaluated, for each number that is solved for, before the search is given up."""


def adjust(equations: Sequence[sp.Eq], values: dict[Any, Any], random: Random) -> bool:
    """Change a point so that equations hold there.

    Parameters
    ----------
    equations : sequence of Eq
        Such as ``c[1] = 3`` or: the sum of ``y[k]`` is 1.
    values : dict
        The point. As few of its numbers as there are equations are changed, but where a positive array
        is to have a given sum all of it is scaled.
    random : Random
        Chooses what is solved for.

    Returns
    -------
    bool
        Whether all equations hold now.

    Examples
    --------
    >>> from xentlib.proof import K, k, sum_over, v
    >>> point = {K: 3, v: [mpmath.mpf(n) for n in (1, 2, 3)]}
    >>> adjust([sp.Eq(sum_over(k, v[k]), 0)], point, Random(0))
    True
    >>> sum(point[v])
    mpf('0.0')
    """
    for equation in equations:
        if isinstance(equation.lhs, sp.Indexed):
            _set(equation.lhs, equation.rhs, values)
        elif not _holds(equation, values):
            _scale(equation, values)
    for _ in range(3):
        if all(_holds(equation, values) for equation in equations):
            return True
        _solve(equations, values, random)
    return all(_holds(equation, values) for equation in equations)


def _holds(equation: sp.Eq, values: dict[Any, Any]) -> bool | None:
    """Return whether an equation holds in all digits: where a square is 1e-16, its root is far from 0."""
    return truth(equation, values, times=2)


def _set(element: sp.Indexed, to: sp.Expr, values: dict[Any, Any]) -> None:
    with mpmath.workdps(2 * digits_at(values)):
        steps = [int(evaluate(index, values)) - 1 for index in element.indices]
        try:
            number = evaluate(to, values)
        except ArithmeticError:
            return  # the right side is no number here, so that nothing can equal it
    if abs(number) <= _FAR:
        values[element.base] = with_element(values[element.base], steps, number)


def _scale(equation: sp.Eq, values: dict[Any, Any]) -> None:
    """Scale arrays that must stay positive, so that a sum of their elements becomes what it should be."""
    with mpmath.workdps(2 * digits_at(values)):
        try:
            factor = evaluate(equation.rhs, values) / evaluate(equation.lhs, values)
        except ArithmeticError:
            return
        if 0 < factor <= _FAR:
            for array in axes_of(equation.lhs):
                if array.is_nonnegative and not array.is_integer:
                    values[array] = _times(factor, values[array])


def _times(factor: Any, numbers: Any) -> Any:
    return [_times(factor, part) for part in numbers] if isinstance(numbers, list) else numbers * factor


def _solve(equations: Sequence[sp.Eq], values: dict[Any, Any], random: Random) -> None:
    """Solve for one number of each equation that does not hold, the others as they are."""
    open_ones = [equation for equation in equations if not truth(equation, values)]
    unknowns: list[Any] = []
    for equation in open_ones:
        free = [number for number in _numbers(equation, values) if number not in unknowns]
        if not free:
            return
        unknowns.append(random.choice(free))

    tries = iter(range(_PATIENCE * (len(unknowns) + 1)))

    def residuals(*numbers: Any) -> list[Any]:
        if max(map(abs, numbers)) > _FAR or next(tries, None) is None:
            message = "the search has left the numbers that are cheap to compute with, or takes too long"
            raise ArithmeticError(message)
        moved = _moved(values, unknowns, numbers)
        return [evaluate(a.lhs, moved) - evaluate(a.rhs, moved) for a in open_ones]

    with mpmath.workdps(2 * digits_at(values)):
        start = [_at(values, *unknown) for unknown in unknowns]
        try:
            found = mpmath.findroot(residuals, start, solver="mdnewton", verify=False)
        except (ArithmeticError, ValueError, TypeError):
            return  # no root near this start (of a singular matrix mpmath may make a TypeError)
        values |= _moved(values, unknowns, list(found))


def _numbers(equation: sp.Eq, values: dict[Any, Any]) -> Iterator[tuple[Any, tuple[int, ...]]]:
    """Yield what an equation could be solved for: elements of its arrays, and its scalars."""
    arrays = [array for array in axes_of(equation) if array != c]
    for array in arrays:
        yield from ((array, place) for place in _places(values[array]))
    labels = {array.label for array in axes_of(equation)}
    scalars = symbols_of(equation) - labels - {*SIZE, *SIZE.values()}
    yield from ((scalar, ()) for scalar in sorted(scalars, key=str))


def _places(array: Any) -> Iterator[tuple[int, ...]]:
    """Yield each place in an array, counted from 0."""
    if not isinstance(array, list):
        yield ()
        return
    for first, part in enumerate(array):
        yield from ((first, *others) for others in _places(part))


def _at(values: dict[Any, Any], symbol: Any, place: tuple[int, ...]) -> Any:
    number = values[symbol]
    for step in place:
        number = number[step]
    return mpmath.mpf(number)


def _moved(values: dict[Any, Any], unknowns: Sequence[Any], numbers: Sequence[Any]) -> dict[Any, Any]:
    moved = dict(values)
    for (symbol, place), number in zip(unknowns, numbers, strict=True):
        moved[symbol] = with_element(moved[symbol], place, number)
    return moved
