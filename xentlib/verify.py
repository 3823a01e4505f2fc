"""The verbs of the book: `derive` and `prove` for algebra, `agree` for numbers, `refute` for errors.

A proof that cannot fail is no proof. So `prove` also alters its statement in every way that a
hurried author would (a sign, a factor of two, a lost term, swapped indices) and demands that
each alteration which changes the meaning is caught at concrete numbers.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Sequence
from itertools import islice, pairwise, product
from typing import Any

import numpy as np
import sympy as sp

from xentlib.alterations import alterations
from xentlib.claims import Claim, VerificationError, announce, check_id, show
from xentlib.induction import why_not_by_induction
from xentlib.printing import to_latex
from xentlib.signs import is_nonnegative, is_positive
from xentlib.symbolic import SIZE, rename, residue, unfold
from xentlib.witnesses import (
    UndefinedError,
    Values,
    check_given,
    check_point,
    counterexample,
    describe,
    points,
    sizes_of,
    smallest,
    symbols_of,
    truth,
)

__all__ = ["Claim", "VerificationError", "agree", "derive", "prove", "refute"]


def _level(statement: Any, at: Values) -> str:
    if at:
        return "fixed K"
    return "every K" if sizes_of(statement) else "exact"


def _assumptions(statement: Any, given: Sequence[Any], at: Values) -> list[str]:
    symbols = symbols_of(statement)
    ranges: dict[sp.Symbol, list[sp.Symbol]] = {}
    for index in SIZE:
        if index in symbols:
            ranges.setdefault(SIZE[index], []).append(index)
    result = [
        rf"{', '.join(map(to_latex, indices))} \in \{{1, \dots, {to_latex(size)}\}}"
        for size, indices in ranges.items()
    ]
    result += [f"{to_latex(size)} = {value}" for size, value in at.items()]
    return result + [to_latex(assumption) for assumption in given]


# --- Proof -----------------------------------------------------------------------------------


def _why_not(statement: Any, given: Sequence[Any], by: Any) -> str | None:
    """Return None if a statement is proved, else what stands in the way."""
    if isinstance(statement, sp.Eq) and by in SIZE.values():
        return why_not_by_induction(statement.lhs, statement.rhs, by, _equations(given))
    if isinstance(statement, sp.Eq):
        left = residue(statement.lhs - statement.rhs, _equations(given))
        return None if left == 0 else f"left side - right side = {left}"
    if isinstance(statement, sp.Gt | sp.Lt | sp.Ge | sp.Le):
        return _why_not_ordered(statement, given, by)
    if isinstance(statement, sp.And):
        return next(filter(None, (_why_not(part, given, by) for part in statement.args)), None)
    return _why_not_equivalent(statement, by)


def _equations(given: Sequence[Any]) -> list[Any]:
    return [a for a in given if isinstance(a, sp.Eq)]


def _why_not_ordered(statement: Any, given: Sequence[Any], by: Any) -> str | None:
    """Show that the greater side exceeds the other by what has the wanted sign."""
    difference = statement.gts - statement.lts
    if by is not None:
        left = residue(difference - by, _equations(given))
        if left != 0:
            return f"greater side - smaller side - ({by}) = {left}"
    excess = difference if by is None else by
    several = [size for size in SIZE.values() if smallest(size, given) >= 2]
    if isinstance(statement, sp.Ge | sp.Le):
        return None if is_nonnegative(excess, several=several) else f"no proof that {excess} is not negative"
    distinct = [a.args for a in given if isinstance(a, sp.Ne)]
    if is_positive(excess, several=several, distinct=distinct):
        return None
    return f"no proof that {excess} is positive"


def _check_form(statement: Any, by: Any) -> None:
    for part in statement.args if isinstance(statement, sp.And) else (statement,):
        if isinstance(part, bool) or part in (sp.true, sp.false):
            continue
        if isinstance(part, sp.Eq):
            fits = by is None or by in SIZE.values()
        elif isinstance(part, sp.Gt | sp.Lt | sp.Ge | sp.Le):
            fits = by is None or isinstance(by, sp.Expr)
        else:
            fits = _is_equivalence(part) and callable(by)
        if not fits:
            message = (
                "prove takes an equation (with by=a size, if by induction), an inequality (with by=an "
                "expression for the difference), several of these joined by And, or an Equivalent of two "
                f"strict inequalities with by=an increasing function; this is a {type(part).__name__} "
                f"with by={by}"
            )
            raise TypeError(message)


def _is_equivalence(statement: Any) -> bool:
    parts = statement.args if isinstance(statement, sp.Equivalent) else ()
    return len(parts) == 2 and all(isinstance(part, sp.Gt | sp.Lt) for part in parts)


def _why_not_equivalent(statement: sp.Equivalent, by: Any) -> str | None:
    r"""Show a < b <=> c < d by (d - c) = factor * (g(b) - g(a)), g increasing, factor positive."""
    increasing = False
    for one, other in (statement.args, statement.args[::-1]):
        x = sp.Dummy("x", positive=True) if all(map(is_positive, one.args)) else sp.Dummy("x", real=True)
        # Positive is also finite: where g has a pole, as tan has, its derivative is not shown positive.
        if not sp.diff(by(x), x).is_positive:
            continue
        increasing = True
        factor = (other.gts - other.lts) / (by(one.gts) - by(one.lts))
        if is_positive(factor):
            return None
    if not increasing:
        return f"{by} is not shown to be increasing"
    return f"neither side's gap is shown to be a positive multiple of the other's gap under {by}"


def _shows_nothing(statement: Any, given: Sequence[Any]) -> str | None:
    """Return why a statement would be no achievement to prove, None if it would be one."""
    if isinstance(statement, bool) or statement in (sp.true, sp.false):
        return f"SymPy made it {statement} before it could be checked (evaluate=False prevents that)"
    if isinstance(statement, sp.And):
        return next(filter(None, (_shows_nothing(part, given) for part in statement.args)), None)
    if _is_equivalence(statement):
        gaps = {_apart(part.gts - part.lts) for part in statement.args}
        return "it is a tautology, its sides are the same" if len(gaps) == 1 else None
    difference = _apart(statement.lhs - statement.rhs)
    rules = {_apart(known.lhs): _apart(known.rhs) for known in given if isinstance(known, sp.Eq)}
    if difference == 0:
        return "it is a tautology, its sides are the same"
    return "it only repeats what is given" if difference.xreplace(rules) == 0 else None


def _apart(expr: sp.Expr) -> sp.Expr:
    """Return an expression in which the names of quantities and of bound indices do not matter."""
    return rename(unfold(expr))


def _first_reason(statement: Any, given: Sequence[Any], by: Any, at: Values) -> str | None:
    """Return None if a statement is proved, at each place of the indices where a size is fixed."""
    indices = sorted((s for s in symbols_of(statement) if SIZE.get(s) in at), key=str)
    for place in product(*(range(1, at[SIZE[index]] + 1) for index in indices)):
        numbers = {**at, **dict(zip(indices, place, strict=True))}
        key = _fixed(by, numbers) if isinstance(by, sp.Expr) and by not in SIZE.values() else by
        reason = _why_not(_fixed(statement, numbers), given, key)
        if reason is not None:
            return reason
    return None


def _fixed(statement: Any, numbers: Values) -> Any:
    """Put numbers for sizes and indices in a statement and inside its named quantities."""
    if isinstance(statement, sp.Expr):
        return unfold(statement).xreplace({s: sp.Integer(number) for s, number in numbers.items()})
    return statement.func(*(_fixed(part, numbers) for part in statement.args), evaluate=False)


def prove(
    claim_id: str,
    statement: Any,
    *,
    given: Any = (),
    by: Any = None,
    at: Values | None = None,
) -> None:
    """Prove a statement exactly, and refute its alterations.

    Parameters
    ----------
    claim_id : str
        The permanent ID: lower case and hyphens.
    statement : Eq, Gt, Lt, Ge, Le, And or Equivalent
        What is claimed, for every size K, all indices in their ranges and all real values.
    given : relation or sequence of relations
        Assumptions, such as ``K >= 2``, or equations whose left side is to be replaced, or
        ``Ne(a, b)`` for two numbers that differ.
    by : callable, Expr or Symbol
        The key to the proof. For an Equivalent of two inequalities: the increasing function that
        leads from one to the other, such as ``sp.exp``. For an inequality: an expression equal to
        the greater side less the smaller, whose sign can be seen, such as a sum of squares. For an
        equation: the size, such as N, over which to prove it by induction.
    at : mapping
        Sizes to fix, such as ``{K: 2}``, if the statement is not about every K.

    Raises
    ------
    VerificationError
        If the statement is a tautology, if it is not proved, if numbers contradict it, if there
        are no numbers to try it at, or if an alteration that changes its meaning cannot be
        refuted.
    TypeError, ValueError
        If the statement, an assumption or the ID has not the form above.

    Notes
    -----
    Equations are decided by `xentlib.symbolic.residue` or by induction, inequalities by
    `xentlib.signs`. Alterations are refuted by numbers alone
    (`xentlib.evaluation.evaluate`, 30 digits and more); one that no number refutes must itself be
    provable, which shows that it means the same. Only with >= and <= it may stay open, for many an
    altered bound is true, but weaker.

    Examples
    --------
    >>> from xentlib.symbolic import k, p, sum_over
    >>> prove("softmax-sum", sp.Eq(sum_over(k, p[k]), 1))
    ✓ softmax-sum: proved for every K; 5 altered statements refuted
    Eq(Sum(p[k], (k, 1, K)), 1)
    """
    check_id(claim_id)
    known = check_given(given)
    sizes = _check_sizes(at or {}, known)
    _check_form(statement, by)
    nothing = _shows_nothing(statement, known)
    if nothing is not None:
        message = f"{claim_id}: there is nothing to prove in {statement}: {nothing}"
        raise VerificationError(message)
    reason = _first_reason(statement, known, by, sizes)
    witness = counterexample(statement, known, sizes)
    if reason is not None or witness is not None:
        message = f"{claim_id} is not proved: {reason or 'the numbers contradict the algebra'}"
        if witness is not None:
            message += f"; false at {describe(statement, witness, str, known)}"
        raise VerificationError(message)
    refuted = _count_refuted(claim_id, statement, known, by, sizes)
    level = _level(statement, sizes)
    claim = Claim(
        claim_id, "proof", level, to_latex(statement), _assumptions(statement, known, sizes), refuted=refuted
    )
    announce(
        claim,
        "✓",
        f"{_scope(statement, level, known, sizes)}; {refuted} altered "
        f"statement{'s' if refuted > 1 else ''} refuted",
        statement,
    )


def _scope(statement: Any, level: str, given: Sequence[Any], at: Values) -> str:
    if level == "fixed K":
        return "proved for " + ", ".join(f"${size} = {value}$" for size, value in at.items())
    if level == "exact":
        return "proved"
    bounds = {a.gts: to_latex(a) for a in given if isinstance(a, sp.Ge | sp.Le)}
    names = [f"${bounds.get(size, to_latex(size))}$" for size in sizes_of(statement)]
    return f"proved for every {', '.join(names[:-1])}{' and ' if names[1:] else ''}{names[-1]}"


def _check_sizes(at: Values, given: Sequence[Any]) -> Values:
    for size, value in at.items():
        if size not in SIZE.values() or not isinstance(value, int) or value < smallest(size, given):
            message = f"at= fixes sizes, such as {{K: 2}}, as the assumptions allow, not {size} = {value!r}"
            raise ValueError(message)
    return at


def _count_refuted(claim_id: str, statement: Any, given: Sequence[Any], by: Any, at: Values) -> int:
    """Refute the altered statements by numbers, or prove that they mean the same."""
    refuted = 0
    parts = statement.args if isinstance(statement, sp.And) else (statement,)
    weak = any(isinstance(part, sp.Ge | sp.Le) for part in parts)
    for kind, altered in alterations(statement):
        try:
            if counterexample(altered, given, at) is not None:
                refuted += 1
                continue
        except UndefinedError:
            continue  # it says nothing, so it is neither true nor false
        if weak and kind != "reversed":
            continue  # it may be true and hard to prove, such as a weaker bound
        # What holds both ways is an equation, and should say so.
        if weak or _first_reason(altered, given, by, at) is not None:
            if counterexample(altered, given, at, patience=20) is None:
                message = f"{claim_id}: the alteration '{kind}', {altered}, cannot be refuted"
                raise VerificationError(message)
            refuted += 1
    if refuted == 0:
        message = f"{claim_id}: no alteration could be refuted, so the proof shows nothing"
        raise VerificationError(message)
    return refuted


# --- Derivation ------------------------------------------------------------------------------


def derive(*lines: Any, given: Any = ()) -> None:
    """Show a chain of equal expressions after proving each equal to the one before.

    Parameters
    ----------
    *lines : Expr
        At least two expressions, in the order of the derivation.
    given : Eq or sequence of Eq
        Equations whose left side is to be replaced.

    Raises
    ------
    VerificationError
        If two neighbours are not proved equal (the message names them and the residue), if
        numbers contradict it, or if they look the same.
    ValueError
        If there are fewer than two lines.

    Examples
    --------
    >>> from xentlib.symbolic import i, j, p, z
    >>> derive(p[i] / p[j], sp.exp(z[i]) / sp.exp(z[j]))
    p[i]/p[j]
     = exp(z[i])*exp(-z[j])
    """
    if len(lines) < 2:
        message = f"a derivation has at least two lines, this one has {len(lines)}"
        raise ValueError(message)
    known = check_given(given)
    expressions = [sp.sympify(line) for line in lines]
    for number, (before, after) in enumerate(pairwise(expressions), start=2):
        if to_latex(before) == to_latex(after):
            message = f"lines {number - 1} and {number} are the same: {before}"
            raise VerificationError(message)
        step = sp.Eq(before, after, evaluate=False)
        reason = _why_not(step, known, None)
        witness = counterexample(step, known, {})
        if reason is not None or witness is not None:
            message = (
                f"line {number}, {after}, does not follow from {before}: {reason or 'numbers contradict it'}"
            )
            if witness is not None:
                message += f"; they differ at {describe(step, witness, str, known)}"
            raise VerificationError(message)
    plain = "\n = ".join(map(str, expressions))
    first, *others = map(to_latex, expressions)
    body = r" \\[0.6em]".join(f"\n&= {line}" for line in others)
    show(plain, f"$$\n\\begin{{aligned}}\n{first} {body.lstrip()}\n\\end{{aligned}}\n$$")


# --- Agreement -------------------------------------------------------------------------------


def agree(
    claim_id: str,
    statement: Any,
    left: Callable[..., Any],
    right: Callable[..., Any],
    *,
    at: Iterable[Any],
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
        Two ways to compute the same array from a point.
    at : iterable
        The points; each is an array, or a tuple of arguments.
    rtol, atol : float
        The tolerance: ``abs(left - right) <= atol + rtol * abs(right)`` in every entry. One of
        them is more than 0, and rtol is less than 1.

    Raises
    ------
    VerificationError
        If the statement is false at some numbers; at the first point where shapes differ, where
        there is no entry, where an entry is not finite, or where the error is too large.
    TypeError
        If a side is not made of floats or integers.
    ValueError
        If there is no tolerance below 1, no point, or but one way to compute.

    Examples
    --------
    >>> from xentlib.symbolic import k, p, sum_over
    >>> from xentlib.softmax import softmax
    >>> points = np.random.default_rng(0).normal(size=(5, 3))
    >>> agree("sum-in-floats", sp.Eq(sum_over(k, p[k]), 1),
    ...       lambda z: softmax(z).sum(), lambda z: 1.0, at=points, rtol=1e-15)
    ✓ sum-in-floats: agrees at 5 points, every entry, to within rtol 1e-15
    Eq(Sum(p[k], (k, 1, K)), 1)
    """
    check_id(claim_id)
    if left == right:
        message = f"{claim_id}: both sides are the same function, which agrees with itself"
        raise ValueError(message)
    if not (0 <= rtol < 1 and 0 <= atol < math.inf and rtol + atol > 0):
        message = (
            f"{claim_id}: a tolerance is needed, rtol (below 1) or atol above 0, not {rtol=} and {atol=}"
        )
        raise ValueError(message)
    # Else it could show a formula that has nothing to do with the two sides, and is wrong.
    witness = counterexample(statement, (), {}) if isinstance(statement, sp.Basic) else None
    if witness is not None:
        message = f"{claim_id}: {statement} is false at {describe(statement, witness, str)}"
        raise VerificationError(message)
    worst, count = 0.0, 0
    for point in at:
        arguments = point if isinstance(point, tuple) else (point,)
        # Copies: a side that writes into its argument would change the point for the other.
        a = _numbers(claim_id, "left", left(*copy.deepcopy(arguments)))
        b = _numbers(claim_id, "right", right(*copy.deepcopy(arguments)))
        worst = max(worst, _error(claim_id, a, b, rtol, atol, arguments))
        count += 1
    if count == 0:
        message = f"{claim_id}: no point was given to check at"
        raise ValueError(message)
    tolerance = " ".join(f"{n} {v:g}".replace("e-0", "e-") for n, v in (("rtol", rtol), ("atol", atol)) if v)
    claim = Claim(
        claim_id, "agreement", "numeric", to_latex(statement), [],
        tolerance=tolerance, points=count, error=float(f"{worst:.1e}"),
    )  # fmt: skip
    announce(claim, "✓", f"agrees at {count} points, every entry, to within {tolerance}", statement)


def _numbers(claim_id: str, name: str, side: Any) -> Any:
    """Return a side as a new array, which the other side cannot change, of at least double precision."""
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


# --- Refutation ------------------------------------------------------------------------------


def refute(claim_id: str, statement: Any, *, given: Any = (), at: Values | None = None) -> None:
    """Show that a statement is wrong, with the numbers at which it fails.

    Parameters
    ----------
    claim_id : str
        The permanent ID: lower case and hyphens.
    statement : Eq, Gt, Lt or Equivalent
        The wrong statement.
    given : relation or sequence of relations
        Assumptions that the numbers have to respect.
    at : mapping
        The values to use, for every symbol and array of the statement; if left out, small
        numbers are searched.

    Raises
    ------
    VerificationError
        If the statement is false at none of the numbers tried, or if these break an assumption.
    TypeError, ValueError
        If the numbers are no point of the statement: one is missing, or not real and finite, or
        an index is out of its range.

    Examples
    --------
    >>> from xentlib.symbolic import K, k, s, sum_over, z
    >>> total = sum_over(k, z[k])
    >>> shifted = sum_over(k, z[k] + s)
    >>> refute("sum-keeps-shift", sp.Eq(shifted, total + s), at={K: 2, z: [1, 3], s: 1})
    ✗ sum-keeps-shift: refuted at K = 2, z = (1, 3), s = 1, where the sides are 6 and 5
    Eq(Sum(s + z[k], (k, 1, K)), s + Sum(z[k], (k, 1, K)))
    """
    check_id(claim_id)
    if not isinstance(statement, sp.Basic) or not statement.args:
        message = f"{claim_id}: SymPy made the statement {statement}; evaluate=False prevents that"
        raise TypeError(message)
    known = check_given(given)
    candidates = (
        list(islice(points(statement, known, {}), 500)) if at is None else [check_point(statement, at)]
    )
    allowed = [values for values in candidates if all(truth(a, {**values}) for a in known)]
    witness = next((values for values in allowed if truth(statement, values) is False), None)
    if witness is None:
        message = (
            f"{claim_id}: {statement} is false at none of the {len(candidates)} points tried, of which "
            f"{len(allowed)} respect the assumptions, so it is not refuted"
        )
        raise VerificationError(message)
    where = describe(statement, witness, to_latex)
    level = "fixed K" if _level(statement, {}) == "every K" else "exact"
    claim = Claim(
        claim_id, "refutation", level, to_latex(statement), [to_latex(a) for a in known], witness=where
    )
    announce(claim, "✗", f"refuted at {where}", statement)
