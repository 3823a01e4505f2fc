"""The search for numbers that refute a statement, and the count of those that did not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from itertools import chain, islice
from typing import Any, NamedTuple

import sympy as sp

from xentlib.proof._evaluation import Arbitrary, Point, Series, digits_at, truth
from xentlib.proof._sampling import ENOUGH, far_points, points
from xentlib.proof._witness import holds
from xentlib.proof.core.problem import Given, VerificationError
from xentlib.proof.core.subject import axes_of, symbols_of
from xentlib.proof.core.symbols import SIZE, Values

SPARSE = 7
"""Of so many points one is tried first, where another statement is expected to be refuted."""


PASSES = 60
"""How often new numbers are drawn while there are too few points, at most."""


IDLE = 8
"""After so many times at which no new point was found there seem to be no more."""


class UndefinedError(VerificationError):
    """There is no point at which both sides of a statement are numbers."""


class Trial(NamedTuple):
    """What came of trying a statement at numbers."""

    witness: Values | None
    """A point at which it is false."""
    points: int = 0
    """At how many different points it is true."""
    digits: int = 0
    """To how many digits at least two numbers agreed that are called equal."""


def try_out(statement: Any, given: Given, at: Values, like: Any = None) -> Trial:
    """Try a statement at all small sizes and some larger ones, at 20 points or more where there are any.

    Parameters
    ----------
    statement : Basic
        A statement.
    given : Given
        Assumptions, which the points respect.
    at : mapping
        Sizes that are fixed.
    like : Basic
        What has the symbols of this statement, at whose points it is tried, where that has been tried
        too: what was found there serves again. The statement itself if left out.

    Returns
    -------
    Trial
        The first point at which it is false, or how many were tried.

    Raises
    ------
    UndefinedError
        If no numbers respect the assumptions; if at some sizes there are such, but at none of them do
        both sides have values; or if one side of an equivalence is never true, or never false.

    Examples
    --------
    >>> from xentlib.proof import i, p
    >>> try_out(sp.Eq(p[i], 0), Given(), {}).witness is None
    False
    """
    return _trial(statement, given, tuple(at.items()), _model(statement, like))


def _model(statement: Any, like: Any) -> Any:
    """Return at whose points a statement is tried: of `like`, if that has its symbols and as large arrays."""
    if like is None:
        return statement
    axes, ours = axes_of(like), axes_of(statement)
    fits = symbols_of(statement) <= symbols_of(like) and all(
        all(ends <= known for ends, known in zip(own, axes.get(array, []), strict=True))
        for array, own in ours.items()
    )
    return like if fits else statement


# What is proved is also agreed with.
@cache
def _trial(statement: Any, given: Given, fixed: tuple[Any, ...], like: Any) -> Trial:
    at, seen, latest = dict(fixed), _Seen({}, {}, set()), 0
    for seed in range(PASSES):
        before = len(seen.digits)
        witness = None
        if before < ENOUGH:
            witness = _try_at(_points_of(like, given, fixed, seed), statement, given, seen)
        for sizes in [sizes for sizes, defined in seen.sizes.items() if not defined]:
            witness = witness or _try_at(
                points(statement, given, {**at, **dict(sizes)}, seed), statement, given, seen
            )
        if witness is not None:
            return Trial(witness)
        found = len(seen.digits)
        latest = seed if found > before else latest
        if all(seen.sizes.values()) if found >= ENOUGH else seed - latest == IDLE:
            break
    _check_tried(statement, seen)
    witness = _far_witness(statement, given, at)
    if witness is not None:
        return Trial(witness)
    return Trial(None, len(seen.digits), min(seen.digits.values()))


def _far_witness(statement: Any, given: Given, at: Values) -> Values | None:
    """Return a point far off at which a statement is false; raise if at some large size nothing is tried.

    What stops at a size beyond the usual ones, such as log(6 - K), would else say nothing from there on.
    """
    for sizes, there in far_points(statement, given, at):
        seen = _Seen({}, {}, set())
        for values in there:
            witness = _try_at([values], statement, given, seen)
            if witness is not None:
                return witness
            if seen.digits:
                break
        if not seen.digits:
            where = ", ".join(f"{size} = {number}" for size, number in sizes.items())
            what = "for which it has a meaning" if seen.sizes else "that respect what is assumed"
            message = f"{statement} could not be tried: no numbers were found {what} where {where}"
            raise UndefinedError(message)
    return None


class _Seen(NamedTuple):
    digits: dict[Any, int]
    """In how many digits two numbers count as equal, of each point at which a statement is true."""
    sizes: dict[Any, bool]
    """Whether it had values, of the sizes at which numbers respect what is assumed."""
    sides: set[tuple[int, bool]]
    """Which sides of an equivalence were true, and which were false."""


def _try_at(candidates: Iterable[Values], statement: Any, given: Given, seen: _Seen) -> Values | None:
    """Return the first point at which a statement is false, and note what was seen on the way."""
    for values in candidates:
        found = holds(statement, values, given)
        if found is False:
            return values
        sizes = tuple((s, int(number)) for s, number in values.items() if s in SIZE.values())
        seen.sizes[sizes] = seen.sizes.get(sizes, False) or found is True
        if found:
            seen.digits[_coordinates(list(values.values()))] = digits_at(values) // 2
            seen.sides.update(_truths(statement, values))
    return None


def _coordinates(values: Any) -> Any:
    """Return what two points that are the same have in common, as the key of a dict.

    Rounded, for the last digits of a number that was solved for depend on where the search began.
    """
    if isinstance(values, list | tuple | Series):
        return tuple(map(_coordinates, values))
    return str(values) if isinstance(values, Arbitrary) else float(values)


def _truths(statement: Any, values: Values) -> set[tuple[int, bool]]:
    """Return which sides of an equivalence are true at a point, and which are false."""
    parts = statement.args if isinstance(statement, sp.Equivalent) else ()
    return {(side, bool(truth(part, values))) for side, part in enumerate(parts)}


def _check_tried(statement: Any, seen: _Seen) -> None:
    if not seen.sizes:
        message = f"{statement} could not be tried: no numbers were found that respect what is assumed"
        raise UndefinedError(message)
    without = [sizes for sizes, defined in seen.sizes.items() if not defined]
    if without:
        where = ", ".join(f"{size} = {number}" for size, number in without[0])
        message = f"{statement} could not be tried: no numbers were found for which it has a meaning" + (
            f" where {where}; if it has none there, assume a bound such as K >= 2" if where else ""
        )
        raise UndefinedError(message)
    if isinstance(statement, sp.Equivalent) and len(seen.sides) < 2 * len(statement.args):
        message = f"{statement} says little: a side of it was never true, or never false, at any point tried"
        raise UndefinedError(message)


class _Points:
    """The points of a statement: each is drawn when it is first asked for, and kept with what is found."""

    def __init__(self, drawn: Iterator[Values]) -> None:
        self._kept: list[Point] = []
        self._drawn = drawn

    def __iter__(self) -> Iterator[Point]:
        yield from self._kept
        for values in self._drawn:
            self._kept.append(Point(values, {}))
            yield self._kept[-1]


# Of few statements at a time, for the numbers found at each point are kept with it.
@lru_cache(maxsize=4)
def _points_of(statement: Any, given: Given, at: tuple[Any, ...], seed: int) -> _Points:
    return _Points(points(statement, given, dict(at), seed))


def counterexample(
    statement: Any, given: Given, at: Values, patience: int = 1, like: Any = None
) -> Values | None:
    """Return a point at which a statement is false, or None if none of the points is one.

    Parameters
    ----------
    statement : Basic
        A statement.
    given : Given
        Assumptions, which the points respect.
    at : mapping
        Sizes that are fixed.
    patience : int
        How many times as many points to try as usual.
    like : Basic
        As for `try_out`.

    Returns
    -------
    dict or None
        The point.

    Raises
    ------
    UndefinedError
        If there was no point at which the statement could be tried.
    """
    tried, fixed = False, tuple(at.items())
    model = _model(statement, like)
    seeds = (_points_of(model, given, fixed, seed) for seed in range(patience))
    for values in chain.from_iterable(seeds):
        found = holds(statement, values, given)
        if found is False:
            return values
        tried = tried or found is True
    if not tried:
        message = f"{statement} could not be tried: no numbers were found for which it has a meaning"
        raise UndefinedError(message)
    return None


def is_false_at_some(statement: Any, given: Given, at: Values, like: Any) -> bool:
    """Return whether a statement is false at one of a few points, taken from all those of another.

    Parameters
    ----------
    statement : Basic
        A statement.
    given : Given
        Assumptions, which the points respect.
    at : mapping
        Sizes that are fixed.
    like : Basic
        The other statement.

    Returns
    -------
    bool
        If not, nothing is known.
    """
    every = _points_of(_model(statement, like), given, tuple(at.items()), 0)
    return any(holds(statement, values, given) is False for values in islice(every, 0, None, SPARSE))
