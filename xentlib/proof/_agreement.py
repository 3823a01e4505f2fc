"""`agree`: two ways to compute give the same numbers."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from numbers import Real
from typing import Any, NoReturn

import sympy as sp
from sympy.core.relational import Relational

from xentlib.proof._certificates import why_not_even
from xentlib.proof._claims import (
    Claim,
    announce,
    assumed,
    assumptions,
    check_id,
    describe,
    plain,
    proved,
)
from xentlib.proof._entries import Entries, computed_entries
from xentlib.proof._latex import to_latex
from xentlib.proof._names import check_names
from xentlib.proof._sampling import ENOUGH, why_not_assumed
from xentlib.proof._trying import try_out
from xentlib.proof.core.decide import same, shows_nothing, why_no_value
from xentlib.proof.core.problem import Problem, VerificationError, read
from xentlib.proof.core.subject import axes_of

BESIDE = "two computations agree"
"""What is said where neither side of the statement is compared."""

_LEFT_OF_0 = 1e-20
"""What many digits may leave of a number that is 0."""

LOOSEST = 1e-3
"""The largest tolerance: what differs by more does not agree."""


def agree(
    claim_id: str,
    statement: Any,
    left: Callable[..., Any],
    right: Callable[..., Any],
    *,
    points: Iterable[Any],
    rtol: float = 0.0,
    atol: float = 0.0,
) -> None:
    """Check that two ways to compute give the same numbers, entry by entry.

    Parameters
    ----------
    claim_id : str
        The permanent ID: lower case and hyphens.
    statement : Basic
        What the agreement is evidence for. It is proved: in the same session by `prove`, of which it takes
        over what is assumed, or else on the spot.
    left, right : callable
        Two ways to compute the same array from a point. One that `entries` made is one side of the
        statement; the line says which, or that neither was taken from the statement.
    points : iterable
        Each is an array, or a tuple of arguments; 20 or more.
    rtol, atol : float
        The tolerance: ``abs(left - right) <= atol + rtol * abs(right)`` in every entry. One of
        them is more than 0, and none is more than 0.001.

    Raises
    ------
    VerificationError
        If the statement is not proved, or what `entries` computes is no side of it; at the first
        point where shapes differ, where there is no entry, where an entry is not finite, or where the
        error is too large.
    TypeError
        If the statement is none, or a side or a point is not made of finite real numbers.
    ValueError
        If there is a float in the statement, no tolerance or too large a one, no point or one where the
        statement's assumptions do not hold, or but one way to compute.

    References
    ----------
    J. R. Rice, Numerical Methods, Software, and Analysis (1983), on errors relative and absolute.

    Examples
    --------
    >>> from xentlib.proof import entries, k, p, sum_over
    >>> import numpy as np
    >>> from xentlib import softmax
    >>> points = np.random.default_rng(0).normal(size=(20, 3))
    >>> sum_of_all = sum_over(k, p[k])
    >>> agree("sum-in-floats", sp.Eq(sum_of_all, 1),
    ...       lambda z: softmax(z).sum(), entries(sum_of_all), points=points, rtol=1e-15)
    ✓ sum-in-floats: agrees with the left side, in every entry, to within rtol 1e-15
    Eq(Sum(p[k], (k, 1, K)), 1)
    """
    check_id(claim_id)
    if not isinstance(statement, Relational | sp.Equivalent):
        message = (
            f"{claim_id}: an agreement is evidence for a statement, such as an equation, but this is "
            f"{statement!r} (evaluate=False keeps SymPy from deciding a statement)"
        )
        raise TypeError(message)
    if not (0 <= rtol <= LOOSEST and 0 <= atol <= LOOSEST and rtol + atol > 0):
        message = (
            f"{claim_id}: a tolerance is needed, rtol or atol above 0 and none above {LOOSEST}, "
            f"not {rtol=} and {atol=}"
        )
        raise ValueError(message)
    _check_callable(claim_id, left, right, points)
    _check_different(claim_id, left, right)
    subject = _compared(claim_id, statement, left, right)
    problem = _stated(statement)
    check_names(problem)
    nothing = shows_nothing(problem)
    # That code computes what a name is defined to be is worth an agreement.
    if nothing is not None and (subject == BESIDE or statement.args[0] == statement.args[1]):
        message = f"{claim_id}: there is nothing to have evidence for in {statement}: {nothing}"
        raise VerificationError(message)
    if proved(statement) is None:
        _check_proved(claim_id, problem)
    # What was proved may have had other names, by which nothing cancelled.
    no_value = why_no_value(problem)
    if no_value is not None:
        message = f"{claim_id}: there is no evidence for {statement}: {no_value}"
        raise VerificationError(message)
    worst, different, seen = 0.0, set(), 0.0
    formula = next((side for side in (left, right) if isinstance(side, Entries)), None)
    if formula is None and (problem.given.rules or problem.sizes):
        message = (
            f"{claim_id}: whether points are such as {statement} assumes cannot be told, unless entries() "
            "computes one side"
        )
        raise ValueError(message)
    for point in points:
        arguments = point if isinstance(point, tuple) and point else (point,)
        different.add(tuple(_as_floats(claim_id, argument) for argument in arguments))
        if formula is not None:
            _check_assumed(claim_id, problem, formula, arguments)
        # Copies: a side that writes into its argument would change the point for the other.
        with computed_entries() as computed:
            a = _numbers(claim_id, "left", left(*copy.deepcopy(arguments)))
            by_left = len(computed)
            b = _numbers(claim_id, "right", right(*copy.deepcopy(arguments)))
        if 0 < by_left < len(computed):
            _refuse_entries(claim_id)
        worst = max(worst, _error(claim_id, a, b, rtol, atol, arguments))
        seen = max(seen, float(abs(a if left is formula else b).max()))
    count = len(different)
    if count == 0:
        message = f"{claim_id}: no point was given to check at"
        raise ValueError(message)
    if _LEFT_OF_0 < seen <= atol:
        message = f"{claim_id}: no number that is compared is larger than atol = {atol}, so that 0 would do"
        raise ValueError(message)
    # Written in full, for rounded it could be less than what was allowed.
    said = (f"{name} {float(value)!r}" for name, value in (("rtol", rtol), ("atol", atol)) if value)
    tolerance = " ".join(said).replace("e-0", "e-")
    assumed_too = assumptions(statement, problem.given, problem.sizes)
    claim = Claim(
        claim_id, "agreement", "numeric", to_latex(statement), assumed_too,
        points=count, tolerance=tolerance, error=float(f"{worst:.1e}"),
    )  # fmt: skip
    few = "" if count >= ENOUGH else f" at {count} point{'s' if count > 1 else ''} (fewer than {ENOUGH})"
    announce(
        claim,
        "✓",
        lambda printer: (
            f"{subject}{few}, in every entry, to within {tolerance}"
            f"{''.join(f', for {printer(sp.Eq(size, n))}' for size, n in problem.sizes.items())}"
            f"{assumed(statement, problem.given, printer, ', where ', bounds=True)}"
        ),
        statement,
    )


def _check_callable(claim_id: str, left: Any, right: Any, points: Any) -> None:
    ordered = isinstance(points, Iterable) and not isinstance(points, Mapping | Set | str)
    if not (callable(left) and callable(right) and ordered):
        message = (
            f"{claim_id}: two functions are compared at the points of a sequence, not {left!r} and {right!r} "
            f"at {points!r}"
        )
        raise TypeError(message)


def _stated(statement: Any) -> Problem:
    """Read a statement with what was assumed where it was proved, maybe by other names."""
    known = proved(statement)
    if known is None:
        return read(statement)
    return read(statement, known.given.relations, sizes=known.sizes, provable=False)


def _check_proved(claim_id: str, problem: Problem) -> None:
    """Prove a statement that was not proved before; raise if it is not proved.

    Else it could show a formula that is wrong, or has nothing to do with what is compared.
    """
    statement = problem.statement
    witness = try_out(statement, problem.given, {}).witness
    if witness is not None:
        message = f"{claim_id}: {statement} is false at {describe(statement, witness, plain)}"
        raise VerificationError(message)
    reason = why_not_even(problem)
    if reason is not None:
        message = (
            f"{claim_id}: an agreement is evidence for what is proved: prove {statement} first, in this "
            f"notebook and with all that helps ({reason})"
        )
        raise VerificationError(message)


def _check_different(claim_id: str, left: Any, right: Any) -> None:
    if left == right:
        message = f"{claim_id}: both sides are the same function, which agrees with itself"
        raise ValueError(message)
    if all(isinstance(side, Entries) for side in (left, right)):
        _refuse_entries(claim_id)


def _refuse_entries(claim_id: str) -> NoReturn:
    message = f"{claim_id}: both sides are entries of formulas, and no code is compared: use prove"
    raise ValueError(message)


def _compared(claim_id: str, statement: Any, left: Any, right: Any) -> str:
    """Return what an agreement is between: a side of the statement, or two computations beside it."""
    sides = {"left": statement.args[0], "right": statement.args[1]}
    for computed in (left, right):
        if isinstance(computed, Entries):
            name = next((name for name, side in sides.items() if same(computed.expr, side)), None)
            if name is None:
                message = f"{claim_id}: the entries of {computed.expr} are no side of {statement}"
                raise VerificationError(message)
            if not isinstance(statement, sp.Eq) and not computed.expr.free_symbols:
                message = (
                    f"{claim_id}: {computed.expr} is no evidence for {statement}: compare the other side"
                )
                raise ValueError(message)
            return f"agrees with the {name} side"
    return BESIDE


def _as_floats(claim_id: str, argument: Any) -> tuple[Any, bytes]:
    """Return what is the same for two equal arrays of numbers, such as 1 and 1.0, or 0.0 and -0.0."""
    import numpy as np

    # Of a masked array it would be forgotten which numbers are none.
    array = np.asarray(None if isinstance(argument, np.ma.MaskedArray) else argument)
    try:
        real = array.dtype.kind in "fiub" or all(isinstance(number, Real) for number in array.flat)
        numbers = array.astype(np.float64) if real else None
    except OverflowError:
        numbers = None
    if numbers is None or not (numbers.size and np.isfinite(numbers).all()):
        message = (
            f"{claim_id}: a point is an array of finite real numbers, or a tuple of such arrays, "
            f"not {argument!r}"
        )
        raise TypeError(message)
    return array.shape, (numbers + 0.0).tobytes()


def _check_assumed(claim_id: str, problem: Problem, formula: Entries, arguments: Sequence[Any]) -> None:
    """Raise if a point is none that the statement is about."""
    said = sp.Tuple(problem.statement, *problem.given.relations)
    stray = [array for array in formula.of if array not in axes_of(said)]
    if stray:
        message = f"{claim_id}: of= names {stray}, which do not stand in {problem.statement}"
        raise ValueError(message)
    point = formula.at(arguments, said)
    at = {s: value if isinstance(value, int) else value.tolist() for s, value in point.items()}
    false = why_not_assumed(at, problem.given, problem.sizes)
    if false is not None:
        message = f"{claim_id}: the statement assumes {false}, but not so at the point {arguments}"
        raise ValueError(message)


def _numbers(claim_id: str, name: str, side: Any) -> Any:
    """Return a side as a new array, which the other side cannot change, of at least double precision."""
    import numpy as np

    if isinstance(side, np.ma.MaskedArray):
        message = f"{claim_id}: the {name} side is masked: {side}"
        raise TypeError(message)
    array = np.asarray(side)
    if array.dtype.kind not in "fiu":
        message = f"{claim_id}: the {name} side must be floats or integers, but its dtype is {array.dtype}"
        raise TypeError(message)
    if array.dtype.kind in "iu" and (np.abs(array.astype(np.float64)) >= 2.0**53).any():
        message = f"{claim_id}: the {name} side has integers that float64 would round: {array}"
        raise TypeError(message)
    return array.astype(np.result_type(array, np.float64))


def _error(claim_id: str, a: Any, b: Any, rtol: float, atol: float, point: Any) -> float:
    """Return the largest error in units of the tolerance; shapes first, then what is not finite."""
    import numpy as np

    if a.shape != b.shape:
        message = f"{claim_id}: the left side has shape {a.shape}, the right side {b.shape}"
        raise VerificationError(message)
    if a.size == 0:
        message = f"{claim_id}: there is no entry to compare, the shape is {a.shape}, at the point {point}"
        raise VerificationError(message)
    for side, value in (("left", a), ("right", b)):
        if not np.isfinite(value).all():
            place = tuple(map(int, np.argwhere(~np.isfinite(value))[0]))
            message = f"{claim_id}: the {side} side is {value[place]} at {place}, at the point {point}"
            raise VerificationError(message)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        # Two equal entries agree also where the tolerance is 0.
        ratio = np.where(a == b, 0.0, np.abs(a - b) / (atol + rtol * np.abs(b)))
    worst = float(ratio.max())
    if not worst <= 1:
        place = tuple(map(int, np.unravel_index(np.argmax(ratio), ratio.shape)))
        message = (
            f"{claim_id}: entry {place} is {a[place]} on the left and {b[place]} on the "
            f"right, {worst:.3g} times the tolerance (rtol {rtol}, atol {atol}), at the point {point}"
        )
        raise VerificationError(message)
    return worst
