"""Whether a statement is proved: the way from its form to the algebra that decides it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import sympy as sp

from xentlib.proof.core.algebra import differentiate, residual, rules_of
from xentlib.proof.core.induction import why_not_by_induction
from xentlib.proof.core.kinks import why_no_derivative
from xentlib.proof.core.problem import (
    ORDERED,
    Given,
    Key,
    Problem,
    applied,
    decided,
    indices_of,
    is_bound,
    is_decided,
    is_equivalence,
)
from xentlib.proof.core.signs import factored, is_nonnegative, is_positive
from xentlib.proof.core.subject import places
from xentlib.proof.core.symbols import SIZE, Values, c, outermost
from xentlib.proof.core.unfold import Defined, definition, substitute, unfold

STOPS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    NotImplementedError,
    RecursionError,
    sp.PolynomialError,
)
"""What SymPy raises where it cannot go on; what is ours to refuse is a TypeError or a ValueError."""


def why_not(problem: Problem) -> str | None:
    """Return None if a statement is proved, else what stands in the way.

    Parameters
    ----------
    problem : Problem
        The statement and what helps to prove it.

    Returns
    -------
    str or None
        The reason; it says nothing about whether the statement is true.

    Examples
    --------
    >>> from xentlib.proof import k, p, sum_over
    >>> from xentlib.proof.core.problem import read
    >>> why_not(read(sp.Eq(sum_over(k, p[k]), 1)))
    >>> why_not(read(sp.Eq(sum_over(k, p[k]), 2)))
    'left side - right side = -1'
    """
    return _first_reason(problem, _why_not)


def why_no_value(problem: Problem) -> str | None:
    """Return what in a statement may have no value, or no derivative, at some size or index, else None."""
    return _first_reason(problem, _why_no_value)


def _first_reason(problem: Problem, find: Callable[[Any, Given, Key], str | None]) -> str | None:
    for fixed in _at_each_place(problem):
        for part in fixed.parts:
            try:
                reason = find(part, fixed.given, fixed.key)
            except STOPS as error:
                reason = f"SymPy stops at it: {type(error).__name__}, {error}"
            if reason is not None:
                return reason
    return None


def _at_each_place(problem: Problem) -> Iterator[Problem]:
    """Yield a problem at each place of the indices of which the range is fixed."""
    if not problem.sizes:
        yield problem
        return
    for place in places(indices_of(problem), problem.sizes):
        numbers = {**problem.sizes, **place}
        known = (a if is_bound(a) else _fixed(a, numbers) for a in problem.given.relations)
        certificate = problem.key.certificate
        if certificate is not None:
            certificate = _fixed(certificate, numbers)
        yield Problem(
            _fixed(problem.statement, numbers),
            Given(tuple(known)),
            replace(problem.key, certificate=certificate),
        )


def _fixed(statement: Any, numbers: Values) -> Any:
    """Put numbers for sizes and indices in a statement and inside its named quantities."""
    if isinstance(statement, sp.Expr):
        return substitute(unfold(statement), {s: sp.Integer(number) for s, number in numbers.items()})
    return statement.func(*(_fixed(part, numbers) for part in statement.args), evaluate=False)


def _why_not(statement: Any, given: Given, key: Key) -> str | None:
    no_value = _why_no_value(statement, given, key)
    if no_value is not None:
        return no_value
    if isinstance(statement, sp.Eq) and key.induction is not None:
        return why_not_by_induction(statement.lhs, statement.rhs, key.induction, given)
    if isinstance(statement, sp.Eq):
        left = residual(statement.lhs - statement.rhs, given)
        return None if left == 0 else f"left side - right side = {left}"
    if isinstance(statement, ORDERED):
        return _why_not_ordered(statement, given, key.certificate)
    return _why_not_equivalent(statement, key.increasing)


def _why_no_value(statement: Any, given: Given, key: Key) -> str | None:
    subject = sp.Tuple(*statement.args, *(() if key.certificate is None else [key.certificate]))
    whole = {size: size + given.least(size) - 1 for size in SIZE.values()} | {index: index for index in SIZE}
    known = rules_of(given)
    for part, ranges in _with_ranges(subject, whole):
        if part == subject or isinstance(part, sp.Derivative):
            no_derivative = why_no_derivative(part, given.distinct)
            if no_derivative is not None:
                return no_derivative
        for value in dict.fromkeys((part, _put(part, known))):
            if isinstance(value, sp.log | sp.Pow) and not _is_fine(value, ranges):
                return f"{part} is not shown to have a real value for every size and index that may be"
            if not value.args and value.has(sp.nan, sp.zoo, sp.oo, sp.I):
                return f"{part} has no real value: {value}"
        if isinstance(part, sp.Piecewise) and part.args[-1][1] != sp.true:
            return f"{part} has no value where none of its conditions holds: end it with (..., True)"
    return None


def _with_ranges(expr: Any, whole: Mapping[Any, sp.Expr]) -> Iterator[tuple[Any, Any]]:
    """Yield each part with what its sizes and indices are, written by numbers from 1 on.

    Names are gone into one by one and nothing is built anew before it is looked at, for SymPy would let what
    has no value cancel: 1/a of one name and a of another.
    """
    yield (unfold(expr) if isinstance(expr, sp.log | sp.Pow) else expr), whole
    if isinstance(expr, Defined):
        formula, stands_for = definition(expr)
        places = {place: substitute(index, whole) for place, index in stands_for.items()}
        yield from _with_ranges(formula, {**whole, **places})
    elif isinstance(expr, sp.Sum | sp.Product):
        # A sum takes its index through its whole range, so that there, too, each value is needed.
        term, (index, first, last) = outermost(expr)
        from_one = _any_place(expr)
        start = from_one + first - 1 if first.is_Integer else from_one
        yield from _with_ranges(term, {**whole, index: start})
        yield from _with_ranges(sp.Tuple(first, last), whole)
    elif isinstance(expr, sp.Subs):
        term, variables, point = expr.args
        # What is put in keeps its indices, also where a sum inside has one of that name.
        apart = {s: sp.Dummy(s.name, **s.assumptions0) for s in point.free_symbols & whole.keys()}
        at = {x: substitute(unfold(number), apart) for x, number in zip(variables, point, strict=True)}
        inner = {**whole, **{dummy: whole[s] for s, dummy in apart.items()}}
        # The function needs a value where it is taken, and so does its derivative.
        for form in dict.fromkeys((term, differentiate(unfold(term)))):
            yield from ((_put(part, at), ranges) for part, ranges in _with_ranges(form, inner))
        yield from _with_ranges(point, whole)
    elif not isinstance(expr, sp.Indexed):
        for part in expr.args:
            yield from _with_ranges(part, whole)


@cache
def _any_place(total: sp.Sum | sp.Product) -> sp.Dummy:
    return sp.Dummy(integer=True, positive=True)


def _put(part: Any, at: Mapping[Any, Any]) -> Any:
    """Put what a variable stands for in a part of which only the value counts."""
    if not isinstance(part, sp.log | sp.Pow) or not part.has(*at):
        return part
    plain = differentiate(unfold(part))
    slopes = {slope: sp.Dummy(real=True) for slope in plain.atoms(sp.Derivative, sp.Subs)}
    return substitute(substitute(plain, slopes), at)


def _is_fine(part: sp.Expr, whole: Mapping[sp.Symbol, sp.Expr]) -> bool:
    """Return whether a logarithm or a power has a value, as far as the factors made of sizes tell."""
    base, exponent = part.args[0], part.args[1] if part.is_Pow else sp.S.Half
    if not (part.free_symbols & whole.keys() or any(map(_is_label, part.atoms(sp.Indexed)))):
        return True
    is_whole = part.is_Pow and exponent.is_integer
    if is_whole and substitute(exponent, whole).is_nonnegative:
        return True
    factors = sp.Mul.make_args(sp.factor_terms(sp.factor(base) if base.is_polynomial() else base))
    own = [f for f in factors if _symbols_but_labels(f) <= whole.keys()]
    others = sp.Mul(*(f for f in factors if f not in own))
    if any(_may_be_empty(factor, whole) for factor in factors):
        return False
    if not others.is_number:
        # It may be that another factor makes up for a sign, but not for a 0.
        of_sizes = substitute(sp.expand(sp.Mul(*own)), whole)
        needs_sign = not is_whole and others.is_nonnegative
        return bool(of_sizes.is_positive if needs_sign else of_sizes.is_nonzero)
    value = substitute(sp.expand(base), whole)
    return bool(value.is_nonzero if is_whole else value.is_positive)


def _is_label(entry: sp.Indexed) -> bool:
    return bool(entry.base == c)


def _symbols_but_labels(expr: sp.Expr) -> set[Any]:
    labels = filter(_is_label, expr.atoms(sp.Indexed))
    return set(substitute(expr, dict.fromkeys(labels, sp.S.One)).free_symbols)


def _may_be_empty(factor: sp.Expr, whole: Mapping[sp.Symbol, sp.Expr]) -> bool:
    """Return whether a factor is a sum, which without a term would be 0."""
    base = factor.as_base_exp()[0]
    ends = [end for _, *end in base.limits] if isinstance(base, sp.Sum) else []
    return any(not substitute(last - first, whole).is_nonnegative for first, last in ends)


_HELP = "; certificate= takes an expression equal to it of which the sign is seen, such as a sum of squares"


def _why_not_ordered(statement: Any, given: Given, certificate: Any) -> str | None:
    """Show that the greater side exceeds the other by what has the wanted sign."""
    difference = statement.gts - statement.lts
    if certificate is not None:
        left = residual(difference - certificate, given)
        if left != 0:
            return f"greater side - smaller side - ({certificate}) = {left}"
    excess = difference if certificate is None else certificate
    help_ = _HELP if certificate is None else ""
    forms = [excess]
    if given.bounds:
        more = {s: sp.Dummy(integer=True, positive=True) + n - 1 for s, n in given.bounds.items()}
        forms.append(factored(_lifted(unfold(excess), more)))
    if isinstance(statement, sp.Ge | sp.Le):
        shown = any(is_nonnegative(form, several=given.several) for form in forms)
        return None if shown else f"no proof that {excess} is not negative{help_}"
    if any(is_positive(form, several=given.several, distinct=given.distinct) for form in forms):
        return None
    return f"no proof that {excess} is positive{help_}"


def _lifted(expr: sp.Expr, more: Mapping[sp.Symbol, sp.Expr]) -> sp.Expr:
    """Return an expression with sizes, but in sums, written as their bound and what they exceed that by.

    Nothing is said of the excess but that it is whole and not negative, not even that a sum ends there.
    """
    if not expr.args or isinstance(expr, sp.Sum | sp.Product | sp.Indexed):
        return more.get(expr, expr)
    return expr.func(*(_lifted(part, more) for part in expr.args))


def _why_not_equivalent(statement: sp.Equivalent, increasing: Callable[[Any], Any]) -> str | None:
    r"""Show a < b <=> c < d by (d - c) = factor * (g(b) - g(a)), g increasing, factor positive."""
    shown = False
    for one, other in (statement.args, statement.args[::-1]):
        x = sp.Dummy("x", positive=True) if all(map(is_positive, one.args)) else sp.Dummy("x", real=True)
        # Positive is also finite: where g has a pole, as tan has, its derivative is not shown positive.
        # Called once, so that it cannot be one function here and another there.
        function = unfold(applied(increasing, x))
        # What jumps may fall there, and grow everywhere else.
        jumps = function.atoms(sp.Function) - function.atoms(sp.exp, sp.log, sp.tanh, sp.erf)
        if jumps or not sp.diff(function, x).is_positive:
            continue
        shown = True
        greater, smaller = (substitute(function, {x: side}) for side in (one.gts, one.lts))
        factor = (other.gts - other.lts) / (greater - smaller)
        if is_positive(factor):
            return None
    if not shown:
        return f"{increasing} is not shown to be increasing"
    return f"neither side's gap is shown to be a positive multiple of the other's gap under {increasing}"


def shows_nothing(problem: Problem) -> str | None:
    """Return why a statement would be no achievement to prove, None if it would be one."""
    return next(filter(None, (_says_nothing(part, problem.given) for part in problem.parts)), None)


def _says_nothing(statement: Any, given: Given) -> str | None:
    if is_decided(statement):
        return decided(statement)
    if is_equivalence(statement):
        gaps = {_apart(part.gts - part.lts) for part in statement.args}
        return "it is a tautology, its sides are the same" if len(gaps) == 1 else None
    difference = _apart(statement.lhs - statement.rhs)
    about = difference.free_symbols
    sized = isinstance(statement, ORDERED) and about and about <= {*SIZE.values()}
    if sized and difference.is_polynomial(*about) and sp.Poly(difference, *about).total_degree() == 1:
        return "it only says how large a size is"
    rules = {_apart(known.lhs): _apart(known.rhs) for known in given.rules}
    if difference == 0:
        return "it is a tautology, its sides are the same"
    try:
        repeats = substitute(difference, rules) == 0
    except ValueError:
        return None  # derivatives are carried out before what is given is put in
    return "it only repeats what is given" if repeats else None


def same(one: Any, other: Any) -> bool:
    """Return whether two expressions are the same but for the names of quantities and of bound indices."""
    return bool(_apart(sp.sympify(one)) == _apart(sp.sympify(other)))


def _apart(expr: sp.Expr) -> sp.Expr:
    """Return an expression in which the names of quantities and of bound indices do not matter."""
    return unfold(_with_opaque_logarithms(expr))


_opaque = sp.Function("opaque_log", real=True)


def _with_opaque_logarithms(expr: Any) -> Any:
    """Unfold quantities, but keep exp(A) apart from what A is the logarithm of, which is a result."""
    if isinstance(expr, Defined):
        formula, stands_for = definition(expr)
        return substitute(unfold(_with_opaque_logarithms(formula)), stands_for)
    if not expr.args or isinstance(expr, sp.Indexed):
        return expr
    parts = [*map(_with_opaque_logarithms, expr.args)]
    if isinstance(expr, sp.log):
        return _opaque(*parts)
    return expr.func(*parts)
