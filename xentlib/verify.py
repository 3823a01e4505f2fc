"""The verbs of the book: `derive` and `prove` for algebra, `agree` for numbers, `refute` for errors.

A proof that cannot fail is no proof. So `prove` also alters its statement in every way that a
hurried author would (a sign, a factor of two, a lost term, swapped indices) and demands that
each alteration which changes the meaning is caught at concrete numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations, islice, product
from random import Random
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from sympy.core.function import AppliedUndef

from xentlib.evaluation import evaluate
from xentlib.printing import to_latex
from xentlib.symbolic import SIZE, Defined, K, differentiate, is_positive, residue, unfold

__all__ = ["Claim", "VerificationError", "agree", "derive", "prove", "refute"]

Values = Mapping[Any, Any]
DIGITS = 30


class VerificationError(AssertionError):
    """A claim did not hold; the message gives the residue or the witness."""


@dataclass(frozen=True)
class Claim:
    """A record of the ledger, as it is stored in the metadata of a notebook's output.

    Attributes
    ----------
    id : str
        The permanent name: lower case, digits and hyphens.
    kind : str
        ``proof``, ``agreement`` or ``refutation``.
    level : str
        ``every K``, ``fixed K``, ``exact`` (K plays no role) or ``numeric``.
    statement : str
        LaTeX, printed from the object that was checked.
    assumptions : list of str
        LaTeX.
    tolerance : str or None
        Of an agreement.
    points : int or None
        How many points an agreement was checked at.
    refuted : int or None
        How many altered statements a proof refuted.
    witness : str or None
        LaTeX: the values at which a refuted statement fails.
    error : float or None
        The largest error of an agreement in units of its tolerance; depends on the machine.
    """

    id: str
    kind: str
    level: str
    statement: str
    assumptions: list[str]
    tolerance: str | None = None
    points: int | None = None
    refuted: int | None = None
    witness: str | None = None
    error: float | None = None


def _claim_id(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", text):
        message = f"a claim's ID is lower-case words and digits joined by hyphens, not {text!r}"
        raise ValueError(message)
    return text


def _show(plain: str, markdown: str, metadata: dict[str, Any] | None = None) -> None:
    """Show a result where the cell stands; outside a notebook, print it."""
    try:
        from IPython.core.getipython import get_ipython
        from IPython.display import display
    except ImportError:
        print(plain)
        return
    if get_ipython() is None:
        print(plain)
    else:
        data = {"text/plain": plain, "text/markdown": markdown}
        display(data, raw=True, metadata=metadata or {})


def _announce(claim: Claim, mark: str, verdict: str, statement: Any) -> None:
    words = verdict.replace("$", "").replace("\\", "")
    plain = f"{mark} {claim.id}: {words}\n{statement}"
    markdown = f"$$\n{claim.statement}\n$$\n\n{mark} `{claim.id}`: {verdict}"
    _show(plain, markdown, {"claim": asdict(claim)})


# --- What a statement assumes, and numbers that respect it -----------------------------------


def _symbols(statement: Any) -> set[Any]:
    """Return the free symbols of a statement with those inside its named quantities."""
    return set(unfold(statement).free_symbols)


def _level(statement: Any, at: Values) -> str:
    if K in at:
        return "fixed K"
    sizes = set(SIZE.values())
    return "every K" if _symbols(statement) & (sizes | set(SIZE)) else "exact"


def _assumptions(statement: Any, given: Sequence[Any], at: Values) -> list[str]:
    symbols = _symbols(statement)
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


def _smallest_size(given: Sequence[Any]) -> int:
    bounds = [a.rhs for a in given if isinstance(a, sp.Ge) and a.lhs == K]
    return int(max(bounds, default=1))


def _points(statement: Any, given: Sequence[Any], at: Values) -> Iterator[dict[Any, Any]]:
    """Yield values for every free symbol, at all small sizes and index places, seeded."""
    random = Random(str(statement))
    symbols = _symbols(statement)
    indices = sorted((s for s in SIZE if s in symbols), key=str)
    arrays = sorted(unfold(statement).atoms(sp.IndexedBase), key=str)
    labels = {array.label for array in arrays}
    scalars = [s for s in symbols if isinstance(s, sp.Symbol)]
    scalars = sorted(
        {s for s in scalars if s not in SIZE and s not in SIZE.values() and s not in labels}, key=str
    )
    scalars += sorted(unfold(statement).atoms(AppliedUndef), key=str)
    smallest = _smallest_size(given)
    sizes = [at[K]] if K in at else range(smallest, 5)
    for _ in range(3):
        for size in sizes:
            for places in product(range(1, size + 1), repeat=len(indices)):
                values: dict[Any, Any] = dict.fromkeys(SIZE.values(), size)
                values |= dict(zip(indices, places, strict=True))
                values |= {array: _random_array(array, size, random) for array in arrays}
                values |= {s: _random_number(s, random) for s in scalars}
                yield values


def _random_number(symbol: Any, random: Random) -> mpmath.mpf:
    low = 1 if symbol.is_positive else -4000
    return mpmath.mpf(random.randint(low, 4000)) / 1000


def _random_array(array: sp.IndexedBase, size: int, random: Random) -> list[mpmath.mpf]:
    return [_random_number(array[0], random) for _ in range(size)]


def _counterexample(statement: Any, given: Sequence[Any], at: Values) -> Values | None:
    """Return values at which a statement is false, or None if none of the points is one."""
    if statement.atoms(AppliedUndef):
        statement = _with_hypotheses(statement, given)
    with mpmath.workdps(DIGITS):
        return next((v for v in _points(statement, given, at) if _is_false(statement, v)), None)


def _is_false(statement: Any, values: Values) -> bool:
    try:
        return not evaluate(statement, values)
    except ZeroDivisionError:
        return False  # the statement says nothing here


def _with_hypotheses(statement: Any, given: Sequence[Any]) -> Any:
    """Carry out derivatives of undefined functions as the hypotheses say."""
    rules = {known.lhs: known.rhs for known in given if isinstance(known, sp.Eq)}
    sides = [differentiate(unfold(side)).xreplace(rules) for side in statement.args]
    return statement.func(*sides, evaluate=False)


# --- Proof -----------------------------------------------------------------------------------


def _why_not(statement: Any, given: Sequence[Any], by: Any) -> str | None:
    """Return None if a statement is proved, else what stands in the way."""
    known = [a for a in given if isinstance(a, sp.Eq)]
    several = [K] if _smallest_size(given) >= 2 else []
    if isinstance(statement, sp.Eq):
        left = residue(statement.lhs - statement.rhs, known)
        return None if left == 0 else f"left side - right side = {left}"
    if isinstance(statement, sp.Gt | sp.Lt):
        difference = statement.gts - statement.lts
        if is_positive(difference, several=several):
            return None
        return f"no proof that {difference} is positive"
    if isinstance(statement, sp.And):
        return next(filter(None, (_why_not(part, given, by) for part in statement.args)), None)
    if isinstance(statement, sp.Equivalent) and by is not None:
        return _why_not_equivalent(statement, by)
    message = (
        "prove takes an equation, a strict inequality, several of these joined by And, or an Equivalent of "
        f"two strict inequalities with by=an increasing function; this is a {type(statement).__name__}"
    )
    raise TypeError(message)


def _why_not_equivalent(statement: sp.Equivalent, by: Any) -> str | None:
    r"""Show a < b <=> c < d by (d - c) = factor * (g(b) - g(a)), g increasing, factor positive."""
    x = sp.Dummy("x", real=True)
    if not sp.diff(by(x), x).is_positive:
        return f"{by} is not shown to be increasing"
    first, second = statement.args
    for one, other in ((first, second), (second, first)):
        factor = (other.gts - other.lts) / (by(one.gts) - by(one.lts))
        if is_positive(factor):
            return None
    return f"neither side's gap is shown to be a positive multiple of the other's gap under {by}"


def _is_tautology(statement: Any) -> bool:
    if statement in (sp.true, sp.false):
        return True
    if not isinstance(statement, sp.Eq):
        return False
    left, right = (unfold(side).as_dummy() for side in statement.args)
    return bool(left == right)


def _fixed(statement: Any, at: Values) -> Any:
    """Return a statement with sizes fixed; those inside its named quantities too."""
    if isinstance(statement, sp.Expr):
        return unfold(statement).xreplace({size: sp.sympify(value) for size, value in at.items()})
    return statement.func(*(_fixed(part, at) for part in statement.args), evaluate=False)


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
    statement : Eq, Gt, Lt, And or Equivalent
        What is claimed, for every size K, all indices in their ranges and all real values.
    given : relation or sequence of relations
        Assumptions, such as ``K >= 2``, or equations whose left side is to be replaced.
    by : callable
        For an Equivalent of two inequalities: the increasing function that leads from one
        to the other, such as ``sp.exp``.
    at : mapping
        Sizes to fix, such as ``{K: 2}``, if the statement is not about every K.

    Raises
    ------
    VerificationError
        If the statement is a tautology, if it is not proved, if numbers contradict it, or if
        an alteration that changes its meaning cannot be refuted.
    TypeError, ValueError
        If the statement or the ID has not the form above.

    Notes
    -----
    Equations are decided by `xentlib.symbolic.residue`, inequalities by
    `xentlib.symbolic.is_positive`. Alterations are refuted by numbers alone
    (`xentlib.evaluation.evaluate`, 30 digits); one that no number refutes must itself be
    provable, which shows that it means the same.

    Examples
    --------
    >>> from xentlib.symbolic import k, p, sum_over
    >>> prove("softmax-sum", sp.Eq(sum_over(k, p[k]), 1))
    ✓ softmax-sum: proved for every K; 4 altered statements refuted
    Eq(Sum(p[k], (k, 1, K)), 1)
    """
    _claim_id(claim_id)
    if _is_tautology(statement):
        message = f"{claim_id}: {statement} is a tautology, its sides are the same: nothing to prove"
        raise VerificationError(message)
    given = tuple(given) if isinstance(given, Sequence) else (given,)
    at = at or {}
    reason = _why_not(_fixed(statement, at), given, by)
    witness = _counterexample(statement, given, at)
    if reason is not None or witness is not None:
        message = f"{claim_id} is not proved: {reason or 'the numbers contradict the algebra'}"
        if witness is not None:
            message += f"; false at {_describe(statement, witness, str)}"
        raise VerificationError(message)
    refuted = 0
    for name, altered in _alterations(statement):
        if _counterexample(altered, given, at) is not None:
            refuted += 1
        elif not _still_holds(_fixed(altered, at), given, by):
            message = f"{claim_id}: the alteration '{name}', {altered}, cannot be refuted"
            raise VerificationError(message)
    if refuted == 0:
        message = f"{claim_id}: no alteration could be refuted, so the proof shows nothing"
        raise VerificationError(message)
    level = _level(statement, at)
    claim = Claim(
        claim_id, "proof", level, to_latex(statement), _assumptions(statement, given, at), refuted=refuted
    )
    scope = {"every K": "proved for every $K$", "exact": "proved"}.get(level, f"proved for $K = {at.get(K)}$")
    _announce(claim, "✓", f"{scope}; {refuted} altered statements refuted", statement)


def _still_holds(altered: Any, given: Sequence[Any], by: Any) -> bool:
    return altered != sp.false and (altered == sp.true or _why_not(altered, given, by) is None)


# --- Alterations -----------------------------------------------------------------------------


def _alterations(statement: Any) -> Iterator[tuple[str, Any]]:
    """Yield the statements that a slip of the pen would have made of this one, each once."""
    seen = {statement}
    for name, altered in _raw_alterations(statement):
        if altered not in seen:
            seen.add(altered)
            yield name, altered


def _raw_alterations(statement: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(statement, sp.Gt | sp.Lt):
        opposite = sp.Lt if isinstance(statement, sp.Gt) else sp.Gt
        yield "reversed", opposite(statement.lhs, statement.rhs, evaluate=False)
        yield "bound tightened", sp.Gt(statement.gts - statement.lts, sp.Rational(1, 8), evaluate=False)
        return
    if isinstance(statement, sp.And):
        for part in statement.args:
            yield from _raw_alterations(part)
        return
    if isinstance(statement, sp.Equivalent):
        for place, part in enumerate(statement.args):
            other = statement.args[1 - place]
            reverse = sp.Lt if isinstance(part, sp.Gt) else sp.Gt
            yield "reversed", sp.Equivalent(reverse(*part.args, evaluate=False), other, evaluate=False)
            for name, altered in _altered_sides(part):
                yield name, sp.Equivalent(altered, other, evaluate=False)
        return
    yield from _altered_sides(statement)


def _altered_sides(relation: Any) -> Iterator[tuple[str, Any]]:
    for place in (0, 1):
        for name, altered in _altered_expressions(relation.args[place]):
            sides = [altered, relation.args[1]] if place == 0 else [relation.args[0], altered]
            yield name, relation.func(*sides, evaluate=False)


def _altered_expressions(expr: sp.Expr) -> Iterator[tuple[str, sp.Expr]]:
    yield "sign flipped", -expr
    yield "factor of two", 2 * expr
    if expr.is_number:
        yield "off by one", expr + 1
    yield from _altered_inside(expr)


def _altered_inside(expr: Any) -> Iterator[tuple[str, Any]]:
    indices = sorted((s for s in expr.free_symbols if s in SIZE), key=str)
    for a, b in combinations(indices, 2):
        yield "indices swapped", expr.xreplace({a: b, b: a})
    if isinstance(expr, sp.Add):
        for term in expr.args:
            yield "sign flipped", expr - 2 * term
            yield "factor of two", expr + term
            yield "term dropped", expr - term
    if isinstance(expr, sp.exp):
        yield "sign flipped", sp.exp(-expr.exp)
        yield "factor of two", sp.exp(2 * expr.exp)
    if isinstance(expr, sp.Sum):
        ((index, first, last),) = expr.limits
        yield "first term left out", sp.Sum(expr.function, (index, first + 1, last))
    if isinstance(expr, sp.Sum | sp.Derivative):
        for name, inside in _altered_inside(expr.args[0]):
            yield name, expr.func(inside, *expr.args[1:])
    elif not isinstance(expr, sp.Indexed | Defined | sp.KroneckerDelta | AppliedUndef):
        for place, argument in enumerate(expr.args):
            if isinstance(argument, sp.Expr):
                for name, inside in _altered_inside(argument):
                    yield name, expr.func(*expr.args[:place], inside, *expr.args[place + 1 :])


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
        If two neighbours are not proved equal (the message names them and the residue), or
        look the same.
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
    known = tuple(given) if isinstance(given, Sequence) else (given,)
    expressions = [sp.sympify(line) for line in lines]
    for number, (before, after) in enumerate(zip(expressions, expressions[1:], strict=False), start=1):
        if before == after:
            message = f"lines {number} and {number + 1} are the same: {before}"
            raise VerificationError(message)
        left = residue(before - after, known)
        if left != 0:
            message = f"line {number + 1}, {after}, does not follow from {before}: they differ by {left}"
            raise VerificationError(message)
    plain = "\n = ".join(map(str, expressions))
    first, *others = map(to_latex, expressions)
    body = r" \\[0.6em]".join(f"\n&= {line}" for line in others)
    _show(plain, f"$$\n\\begin{{aligned}}\n{first} {body.lstrip()}\n\\end{{aligned}}\n$$")


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
        The tolerance: ``abs(left - right) <= atol + rtol * abs(right)`` in every entry.

    Raises
    ------
    VerificationError
        At the first point where shapes differ, a value is nan, or the error is too large.
    ValueError
        If there is no tolerance, no point, or but one way to compute.

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
    _claim_id(claim_id)
    if left is right:
        message = f"{claim_id}: both sides are the same function, which agrees with itself"
        raise ValueError(message)
    if not (rtol > 0 or atol > 0):
        message = f"{claim_id}: a tolerance is needed, rtol or atol above 0"
        raise ValueError(message)
    worst, points = 0.0, 0
    for point in at:
        arguments = point if isinstance(point, tuple) else (point,)
        worst = max(worst, _error(claim_id, left(*arguments), right(*arguments), rtol, atol, arguments))
        points += 1
    if points == 0:
        message = f"{claim_id}: no point was given to check at"
        raise ValueError(message)
    tolerance = " ".join(f"{n} {v:g}".replace("e-0", "e-") for n, v in (("rtol", rtol), ("atol", atol)) if v)
    claim = Claim(
        claim_id, "agreement", "numeric", to_latex(statement), [],
        tolerance=tolerance, points=points, error=float(f"{worst:.1e}"),
    )  # fmt: skip
    _announce(claim, "✓", f"agrees at {points} points, every entry, to within {tolerance}", statement)


def _error(claim_id: str, left: Any, right: Any, rtol: float, atol: float, point: Any) -> float:
    """Return the largest error in units of the tolerance; shapes first, then nan, then size."""
    a, b = np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64)
    if a.shape != b.shape:
        message = f"{claim_id}: the left side has shape {a.shape}, the right side {b.shape}"
        raise VerificationError(message)
    for side, value in (("left", a), ("right", b)):
        if np.isnan(value).any():
            message = f"{claim_id}: the {side} side is nan at {np.argwhere(np.isnan(value))[0]}, point {point}"
            raise VerificationError(message)
    same = a == b
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(same, 0.0, np.abs(a - b) / (atol + rtol * np.abs(b)))
    worst = float(ratio.max(initial=0.0))
    if not worst <= 1:
        place = np.unravel_index(int(np.argmax(np.where(np.isnan(ratio), np.inf, ratio))), ratio.shape)
        message = (
            f"{claim_id}: entry {tuple(map(int, place))} is {a[place]!r} on the left and {b[place]!r} on the "
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
        If the statement holds at all numbers tried.

    Examples
    --------
    >>> from xentlib.symbolic import K, c, k, sum_over, z
    >>> total = sum_over(k, z[k])
    >>> shifted = sum_over(k, z[k] + c)
    >>> refute("sum-keeps-shift", sp.Eq(shifted, total + c), at={K: 2, z: [1, 3], c: 1})
    ✗ sum-keeps-shift: refuted at K = 2, z = (1, 3), c = 1, where the sides are 6 and 5
    Eq(Sum(c + z[k], (k, 1, K)), c + Sum(z[k], (k, 1, K)))
    """
    _claim_id(claim_id)
    given = tuple(given) if isinstance(given, Sequence) else (given,)
    if at is None:
        candidates = list(islice(_points(statement, given, {}), 500))
    else:
        candidates = [dict(at)]
    with mpmath.workdps(DIGITS):
        witness = next((values for values in candidates if _is_false(statement, values)), None)
    if witness is None:
        message = f"{claim_id}: {statement} holds at all {len(candidates)} points tried, so it is not refuted"
        raise VerificationError(message)
    where = _describe(statement, witness, to_latex)
    level = "fixed K" if _level(statement, {}) == "every K" else "exact"
    claim = Claim(
        claim_id, "refutation", level, to_latex(statement), [to_latex(a) for a in given], witness=where
    )
    _announce(claim, "✗", f"refuted at {where}", statement)


def _describe(statement: Any, values: Values, printer: Callable[[Any], str]) -> str:
    """Return the values that a statement uses, and what its sides are there."""
    math = "${}$".format if printer is to_latex else str
    used = _symbols(statement)
    names = [s for s in values if s in used or getattr(s, "label", None) in used]
    parts = [math(f"{printer(s)} = {_number(values[s])}") for s in names]
    with mpmath.workdps(DIGITS):
        sides = [_number(evaluate(side, values)) for side in statement.args]
    return f"{', '.join(parts)}, where the sides are {math(sides[0])} and {math(sides[1])}"


def _number(value: Any) -> str:
    if isinstance(value, list | tuple | np.ndarray):
        return f"({', '.join(map(_number, value))})"
    if isinstance(value, bool):
        return str(value).lower()
    return str(mpmath.nstr(mpmath.mpf(value), 5, strip_zeros=True)).removesuffix(".0")
