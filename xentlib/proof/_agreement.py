"""`agree`: two ways to compute give the same numbers."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from typing import Any

import sympy as sp
from sympy.core.relational import Relational

from xentlib.proof._claims import (
    Claim,
    announce,
    assumed,
    assumptions,
    check_id,
    describe,
    plain,
)
from xentlib.proof._entries import Entries
from xentlib.proof._latex import to_latex
from xentlib.proof._names import check_names
from xentlib.proof._sampling import ENOUGH
from xentlib.proof._trying import try_out
from xentlib.proof.core.decide import same
from xentlib.proof.core.problem import VerificationError, read


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
        What the agreement is evidence for.
    left, right : callable
        Two ways to compute the same array from a point. One that `entries` made is one side of the
        statement; the line says which, or that neither was taken from the statement.
    points : iterable
        Each is an array, or a tuple of arguments; 20 or more.
    rtol, atol : float
        The tolerance: ``abs(left - right) <= atol + rtol * abs(right)`` in every entry. One of
        them is more than 0, and rtol is less than 1.

    Raises
    ------
    VerificationError
        If the statement is false at some numbers, or what `entries` computes is no side of it; at the first
        point where shapes differ, where there is no entry, where an entry is not finite, or where the
        error is too large.
    TypeError
        If the statement is none, or a side is not made of floats or integers.
    ValueError
        If there is a float in the statement, no tolerance below 1, no point, or but one way to compute.

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
    problem = read(statement, provable=False)
    check_names(problem)
    _check_different(claim_id, statement, left, right)
    if not (0 <= rtol < 1 and 0 <= atol < math.inf and rtol + atol > 0):
        message = (
            f"{claim_id}: a tolerance is needed, rtol (below 1) or atol above 0, not {rtol=} and {atol=}"
        )
        raise ValueError(message)
    # Else it could show a formula that has nothing to do with the two sides, and is wrong.
    witness = try_out(statement, problem.given, {}).witness
    if witness is not None:
        message = f"{claim_id}: {statement} is false at {describe(statement, witness, plain)}"
        raise VerificationError(message)
    subject = _compared(claim_id, statement, left, right)
    worst, different = 0.0, set()
    for point in points:
        arguments = point if isinstance(point, tuple) else (point,)
        # Copies: a side that writes into its argument would change the point for the other.
        a = _numbers(claim_id, "left", left(*copy.deepcopy(arguments)))
        b = _numbers(claim_id, "right", right(*copy.deepcopy(arguments)))
        worst = max(worst, _error(claim_id, a, b, rtol, atol, arguments))
        different.add(tuple(_as_floats(argument) for argument in arguments))
    count = len(different)
    if count == 0:
        message = f"{claim_id}: no point was given to check at"
        raise ValueError(message)
    tolerance = " ".join(f"{n} {v:g}".replace("e-0", "e-") for n, v in (("rtol", rtol), ("atol", atol)) if v)
    claim = Claim(
        claim_id, "agreement", "numeric", to_latex(statement), assumptions(statement, problem.given, {}),
        points=count, tolerance=tolerance, error=float(f"{worst:.1e}"),
    )  # fmt: skip
    few = "" if count >= ENOUGH else f" at {count} point{'s' if count > 1 else ''} (fewer than {ENOUGH})"
    announce(
        claim,
        "✓",
        lambda printer: (
            f"{subject}{few}, in every entry, to within {tolerance}"
            f"{assumed(statement, problem.given, printer, ', where ')}"
        ),
        statement,
    )


def _check_different(claim_id: str, statement: Any, left: Any, right: Any) -> None:
    same_sides = statement.args[0] == statement.args[1]
    if same_sides or left == right:
        what = f"sides of {statement} are the same" if same_sides else "sides are the same function"
        message = f"{claim_id}: both {what}, which agrees with itself"
        raise ValueError(message)
    if all(isinstance(side, Entries) for side in (left, right)):
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
            return f"agrees with the {name} side"
    return "two computations agree"


def _as_floats(argument: Any) -> bytes:
    """Return what is the same for 1 and 1.0, and for 0.0 and -0.0."""
    import numpy as np

    array = np.asarray(argument)
    return (array.astype(np.float64) + 0.0).tobytes() if array.dtype.kind in "fiub" else array.tobytes()


def _numbers(claim_id: str, name: str, side: Any) -> Any:
    """Return a side as a new array, which the other side cannot change, of at least double precision."""
    import numpy as np

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
