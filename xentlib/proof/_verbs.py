"""The verbs of the book: `derive` and `prove` for algebra, `agree` for numbers, `refute` for errors.

A proof that cannot fail is no proof. So `prove` also alters its statement in every way that a
hurried author would (a sign, a factor of two, a lost term, swapped indices) and demands that
each alteration which changes the meaning is caught at concrete numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, islice, pairwise
from typing import Any

import sympy as sp
from sympy.core.relational import Relational

from xentlib.proof._certificates import why_not_even
from xentlib.proof._claims import (
    Claim,
    Printer,
    announce,
    assumed,
    assumptions,
    check_id,
    describe,
    in_dollars,
    plain,
    remember,
    show,
)
from xentlib.proof._coq import UnprintableError, to_coq
from xentlib.proof._evaluation import truth
from xentlib.proof._latex import to_latex
from xentlib.proof._mutations import mutations
from xentlib.proof._names import check_names
from xentlib.proof._sampling import ENOUGH, check_point, points
from xentlib.proof._trying import (
    Trial,
    UndefinedError,
    counterexample,
    is_false_at_some,
    try_out,
)
from xentlib.proof._witness import holds
from xentlib.proof.core.decide import shows_nothing, why_no_value, why_not
from xentlib.proof.core.problem import (
    Given,
    Key,
    Problem,
    VerificationError,
    decided,
    is_bound,
    is_decided,
    read,
)
from xentlib.proof.core.subject import sizes_of, symbols_of
from xentlib.proof.core.symbols import SIZE, Values


def _level(statement: Any, sizes: Values) -> str:
    if sizes:
        return "fixed K"
    return "every K" if sizes_of(statement) else "exact"


def prove(
    claim_id: str,
    statement: Any,
    *,
    given: Any = (),
    certificate: Any = None,
    increasing: Callable[[Any], Any] | None = None,
    induction: sp.Symbol | None = None,
    sizes: Values | None = None,
) -> None:
    """Prove a statement exactly, and refute its alterations.

    Parameters
    ----------
    claim_id : str
        The permanent ID: lower case and hyphens.
    statement : Eq, Gt, Lt, Ge, Le, Equivalent or list of these but the last
        What is claimed, for every size K, all indices in their ranges and all real values; of a list
        every member (SymPy's And would drop what it decides by itself).
    given : relation or sequence of relations
        Assumptions, such as ``K >= 2``, or equations whose left side is to be replaced, or
        ``Ne(a, b)`` for two numbers that differ.
    certificate : Expr
        For an inequality: an expression equal to the greater side less the smaller, whose sign can
        be seen, such as a sum of squares.
    increasing : callable
        For an Equivalent of two inequalities: the increasing function that leads from one to the
        other, such as ``sp.exp``.
    induction : Symbol
        For an equation: the size, such as N, over which to prove it by induction.
    sizes : mapping
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
    Equations are decided by `residual` or by induction, inequalities by
    `is_positive`. Alterations are refuted by numbers alone
    (`evaluate`, 30 digits and more); one that no number refutes must itself be
    provable, which shows that it means the same. Only with >= and <= it may stay open, for many an
    altered bound is true, but weaker.

    References
    ----------
    R. A. DeMillo, R. J. Lipton and F. G. Sayward, Hints on test data selection, Computer 11 (1978),
    doi:10.1109/C-M.1978.218136, for altered statements that must be noticed; A. Meurer et al., SymPy:
    symbolic computing in Python, PeerJ Computer Science 3 (2017), doi:10.7717/peerj-cs.103.

    Examples
    --------
    >>> from xentlib.proof import k, p, sum_over
    >>> prove("softmax-sum", sp.Eq(sum_over(k, p[k]), 1))
    ✓ softmax-sum: proved for every K
    Eq(Sum(p[k], (k, 1, K)), 1)
    """
    check_id(claim_id)
    problem = read(statement, given, key=Key(certificate, increasing, induction), sizes=sizes)
    statement, known, fixed = problem.statement, problem.given, problem.sizes
    nothing = shows_nothing(problem)
    if nothing is not None:
        message = f"{claim_id}: there is nothing to prove in {statement}: {nothing}"
        raise VerificationError(message)
    check_names(problem)
    reason = why_not(problem)
    trial = try_out(statement, known, fixed)
    witness = trial.witness
    if reason is not None and witness is None:
        reason = why_not_even(problem)
    if reason is not None or witness is not None:
        message = f"{claim_id} is not proved: {reason or 'the numbers contradict the algebra'}"
        if witness is not None:
            message += f"; false at {describe(statement, witness, plain)}"
        raise VerificationError(message)
    refuted = _count_refuted(claim_id, problem)
    remember(problem)
    level = _level(statement, fixed)
    claim = Claim(
        claim_id, "proof", level, to_latex(statement), assumptions(statement, known, fixed),
        points=trial.points, digits=trial.digits, refuted=refuted, coq=_in_coq(problem),
    )  # fmt: skip
    announce(
        claim,
        "✓",
        lambda printer: (
            f"{_scope(statement, level, known, fixed, printer)}"
            f"{assumed(statement, known, printer, ', where ')}{_few(trial)}"
        ),
        statement,
    )


def _in_coq(problem: Problem) -> str | None:
    try:
        return to_coq(problem.statement, problem.given, problem.sizes)
    except UnprintableError:
        return None


def _few(trial: Trial) -> str:
    """Return at how many points a statement was tried if they were few, for one must know that."""
    if trial.points >= ENOUGH:
        return ""
    return f"; tried at {trial.points} point{'s' if trial.points > 1 else ''}, all that there are"


def _scope(statement: Any, level: str, given: Given, sizes: Values, printer: Printer) -> str:
    if level == "fixed K":
        return "proved for " + ", ".join(printer(sp.Eq(size, value)) for size, value in sizes.items())
    if level == "exact":
        return "proved"
    sizes_said = {size: sp.Ge(size, least, evaluate=False) for size, least in given.bounds.items()}
    names = [printer(sizes_said.get(size, size)) for size in sizes_of(statement)]
    return f"proved for every {', '.join(names[:-1])}{' and ' if names[1:] else ''}{names[-1]}"


def _count_refuted(claim_id: str, problem: Problem) -> int:
    """Refute the altered statements by numbers, or prove that they mean the same."""
    refuted = 0
    statement, given, sizes = problem.statement, problem.given, problem.sizes
    weak = any(isinstance(part, sp.Ge | sp.Le) for part in problem.parts)
    for kind, altered in mutations(statement):
        # A weaker bound may be true and hard to prove; what holds both ways should be an equation.
        must_fall = not weak or kind == "reversed"
        if is_false_at_some(altered, given, sizes, statement):
            refuted += 1
            continue
        # What means the same is proved sooner than tried at all points.
        if not weak and why_not(problem.altered(altered)) is None:
            continue
        try:
            witness = counterexample(altered, given, sizes, patience=3, like=statement)
        except UndefinedError:
            continue  # it says nothing, so it is neither true nor false
        if witness is None and must_fall and why_no_value(problem.altered(altered)) is None:
            witness = counterexample(altered, given, sizes, patience=60, like=statement)
            if witness is None:
                message = f"{claim_id}: the alteration '{kind}', {altered}, cannot be refuted"
                raise VerificationError(message)
        refuted += witness is not None
    if refuted == 0:
        message = f"{claim_id}: no alteration could be refuted, so the proof shows nothing"
        raise VerificationError(message)
    return refuted


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
        If two neighbours are not proved equal (the message names them and the residual), if
        numbers contradict it, or if they look the same.
    ValueError
        If there are fewer than two lines.

    References
    ----------
    A. Meurer et al., SymPy: symbolic computing in Python, PeerJ Computer Science 3 (2017),
    doi:10.7717/peerj-cs.103.

    Examples
    --------
    >>> from xentlib.proof import i, j, p, z
    >>> derive(p[i] / p[j], sp.exp(z[i]) / sp.exp(z[j]))
    p[i]/p[j]
     = exp(z[i])*exp(-z[j])
    """
    if len(lines) < 2:
        message = f"a derivation has at least two lines, this one has {len(lines)}"
        raise ValueError(message)
    expressions = [sp.sympify(line) for line in lines]
    if not all(isinstance(line, sp.Expr) for line in expressions):
        message = f"the lines of a derivation are expressions, not {expressions}"
        raise TypeError(message)
    problem = read(sp.Tuple(*expressions), given)
    known = problem.given
    check_names(problem)
    for number, (before, after) in enumerate(pairwise(expressions), start=2):
        if to_latex(before) == to_latex(after):
            message = f"lines {number - 1} and {number} are the same: {before}"
            raise VerificationError(message)
        step = sp.Eq(before, after, evaluate=False)
        reason = why_not(problem.altered(step))
        witness = try_out(step, known, {}, like=sp.Tuple(*expressions)).witness
        if reason is not None or witness is not None:
            message = (
                f"line {number}, {after}, does not follow from {before}: {reason or 'numbers contradict it'}"
            )
            if witness is not None:
                message += f"; they differ at {describe(step, witness, plain)}"
            raise VerificationError(message)
    lines_of_text = "\n = ".join(map(str, expressions))
    first, *others = map(to_latex, expressions)
    body = r" \\[0.6em]".join(f"\n&= {line}" for line in others)
    chain = f"$$\n\\begin{{aligned}}\n{first} {body.lstrip()}\n\\end{{aligned}}\n$$"
    subject = sp.Tuple(*expressions)
    text, markdown = (
        assumed(subject, known, printer, "where ", bounds=True) for printer in (plain, in_dollars)
    )
    show(f"{lines_of_text}\n{text}".rstrip(), f"{chain}\n\n{markdown}".rstrip())


_SEEDS = 25
"""How often numbers are drawn in the search for a witness."""


_UNSURE = 3
"""At how many points a statement may seem false for want of digits, before it is not refuted."""


def refute(claim_id: str, statement: Any, *, given: Any = (), at: Values | None = None) -> None:
    """Show that a statement is wrong, with the numbers at which it fails.

    Parameters
    ----------
    claim_id : str
        The permanent ID: lower case and hyphens.
    statement : Eq, Gt, Lt, Equivalent or list of these but the last
        The wrong statement; of a list some member is wrong.
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

    References
    ----------
    F. Johansson et al., mpmath: a Python library for arbitrary-precision floating-point arithmetic,
    https://mpmath.org.

    Examples
    --------
    >>> from xentlib.proof import K, k, s, sum_over, z
    >>> total = sum_over(k, z[k])
    >>> shifted = sum_over(k, z[k] + s)
    >>> refute("sum-keeps-shift", sp.Eq(shifted, total + s), at={K: 2, z: [1, 3], s: 1})
    ✗ sum-keeps-shift: refuted at one point: K = 2, z = (1, 3), s = 1, where the sides are 6 and 5
    Eq(Sum(s + z[k], (k, 1, K)), s + Sum(z[k], (k, 1, K)))
    """
    check_id(claim_id)
    problem = read(statement, given, provable=False)
    statement, known = problem.statement, problem.given
    if is_decided(statement):
        message = f"{claim_id}: {decided(statement)}"
        raise TypeError(message)
    if not isinstance(statement, Relational | sp.And | sp.Equivalent):
        message = f"{claim_id}: what is refuted is a statement, such as an equation, not {statement}"
        raise TypeError(message)
    check_names(problem)
    hidden = symbols_of(sp.Tuple(*known.rules)) & SIZE.keys() - symbols_of(statement)
    if hidden:
        message = (
            f"{claim_id}: {sorted(map(str, hidden))} stand in the assumptions alone, which then hold at one "
            "place: assume it of sums, or of numbers"
        )
        raise ValueError(message)
    drawn = chain.from_iterable(points(statement, known, {}, seed) for seed in range(_SEEDS))
    candidates = islice(drawn, 250) if at is None else [check_point(statement, at)]
    tried, allowed, unsure = [], [], 0
    for witness in candidates:
        if unsure == _UNSURE:
            message = (
                f"{claim_id}: {statement} seems false at some points, but whether it is cannot be told in as "
                "many digits as there are"
            )
            raise VerificationError(message)
        tried.append(witness)
        if all(truth(a, witness, times=2) for a in known.relations if not is_bound(a) or a.gts in witness):
            allowed.append(witness)
            found = holds(statement, witness, known)
            if found is False:
                break
            unsure += found is None and truth(statement, witness) is False
    else:
        message = (
            f"{claim_id}: {statement} is false at none of the {len(tried)} points tried, of which "
            f"{len(allowed)} respect the assumptions, so it is not refuted"
        )
        raise VerificationError(message)
    level = "fixed K" if _level(statement, {}) == "every K" else "exact"
    claim = Claim(
        claim_id, "refutation", level, to_latex(statement), assumptions(statement, known, {}),
        points=1, witness=describe(statement, witness, in_dollars),
    )  # fmt: skip
    announce(
        claim,
        "✗",
        lambda printer: (
            f"refuted at one point: {describe(statement, witness, printer)}"
            f"{assumed(statement, known, printer, '; assumed is ')}"
            f"{', of functions at this one place' if known.hypotheses else ''}"
        ),
        statement,
    )
