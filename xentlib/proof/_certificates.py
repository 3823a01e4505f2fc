"""Certificates for the usual inequalities: guesses only, each of which the core has to accept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import mpmath
import sympy as sp

from xentlib.proof._evaluation import digits_at, evaluate
from xentlib.proof._sampling import points
from xentlib.proof.core.decide import STOPS, why_not
from xentlib.proof.core.problem import ORDERED, Problem, read
from xentlib.proof.core.signs import factored
from xentlib.proof.core.subject import symbols_of
from xentlib.proof.core.symbols import SIZE, Values
from xentlib.proof.core.unfold import Defined, definition, opened, substitute, unfold


def why_not_even(problem: Problem) -> str | None:
    """Return None if a statement is proved, also with a certificate that is found here.

    Parameters
    ----------
    problem : Problem
        The statement and what helps to prove it.

    Returns
    -------
    str or None
        What stands in the way of the first part that is not proved.

    Examples
    --------
    >>> from xentlib.proof import K, k, lse, p, sum_over, z
    >>> from xentlib.proof.core.problem import read
    >>> mean = sum_over(k, p[k] * z[k])
    >>> why_not(read(sum_over(k, p[k] * z[k] ** 2) >= mean**2)) is None
    False
    >>> why_not_even(read(sum_over(k, p[k] * z[k] ** 2) >= mean**2))
    """
    for part in problem.parts:
        alone = problem.altered(part)
        reason = why_not(alone)
        if reason is not None and isinstance(part, ORDERED) and problem.key.certificate is None:
            reason = None if _has_certificate(alone) else reason
        if reason is not None:
            return reason
    return None


def _has_certificate(problem: Problem) -> bool:
    gap = problem.statement.gts - problem.statement.lts
    place = _a_place(problem)
    try:
        guesses = certificates(problem.statement)
        return any(_may_equal(guess, gap, place) and _is_accepted(problem, guess) for guess in guesses)
    except STOPS:
        return False  # the search for guesses proves nothing, nor does its end


def _a_place(problem: Problem) -> Values | None:
    """Return a point where the sums have as many terms as there are."""
    some = [*islice(points(problem.statement, problem.given, problem.sizes), 20)]
    return max(some, key=lambda values: sum(values.get(size, 0) for size in SIZE.values()), default=None)


def _may_equal(guess: sp.Expr, gap: sp.Expr, place: Values | None) -> bool:
    """Return whether a guess is the gap at one point, which is seen far sooner than that it is anywhere."""
    if place is None:
        return True
    try:
        with mpmath.workdps(digits_at(place)):
            one, other = evaluate(guess, place), evaluate(gap, place)
            return bool(abs(one - other) <= _CLOSE * (1 + abs(other)))
    except (ArithmeticError, TypeError):
        return True


_CLOSE = mpmath.mpf(10) ** -9


def _is_accepted(problem: Problem, certificate: sp.Expr) -> bool:
    try:
        key = replace(problem.key, certificate=certificate)
        attempt = read(problem.statement, problem.given.relations, key=key, sizes=problem.sizes)
        return why_not(attempt) is None
    except (TypeError, ValueError):
        return False  # a guess that means nothing


def certificates(inequality: sp.Rel) -> Iterator[sp.Expr]:
    """Yield what the greater side less the smaller may be equal to, in a form of which the sign is seen."""
    gap = inequality.gts - inequality.lts
    for form in dict.fromkeys((_without_names(gap), unfold(gap))):
        yield factored(form)
        yield from _gaps_below_tangents(form)
        yield from _sums_of_squares(form)
        yield from _termwise(form)
        yield from _completed_squares(form)


def _without_names(expr: sp.Expr) -> sp.Expr:
    """Return an expression with the quantities that have no index written out, and the others left."""
    names = {e: definition(e)[0] for e in expr.atoms(Defined) if len(e.args) == e.inputs}
    written = substitute(expr, names)
    # In what is put in at a place a name may stay.
    return expr if written == expr else _without_names(written)


def _sums_as_they_stand(expr: sp.Expr) -> Iterator[tuple[sp.Expr, sp.Expr, sp.Expr]]:
    for term in sp.Add.make_args(expr):
        coefficient, total = term.as_independent(sp.Sum, as_Add=False)
        if isinstance(total, sp.Sum):
            member, index, first, last = opened(total, symbols_of(coefficient))
            yield first, last, coefficient * substitute(member, {index: _AT})


def _sums(expr: sp.Expr) -> dict[tuple[sp.Expr, sp.Expr], sp.Expr]:
    """Return by their ranges what the sums in an expression add up, at the index `_AT`."""
    found: dict[tuple[sp.Expr, sp.Expr], sp.Expr] = {}
    for first, last, member in _sums_as_they_stand(sp.expand(expr)):
        found[first, last] = found.get((first, last), sp.S.Zero) + member
    return found


_AT = sp.Dummy("k", integer=True, positive=True)


def _over(term: sp.Expr, first: sp.Expr, last: sp.Expr) -> sp.Expr:
    return sp.Sum(term, (_AT, first, last))


def _gaps_below_tangents(gap: sp.Expr) -> Iterator[sp.Expr]:
    """Yield sums of w (r - 1 - log r): Gibbs' inequality, Jensen's for the logarithm, and their kin."""
    for (first, last), member in _sums(gap).items():
        terms = sp.Add.make_args(sp.expand(sp.expand_log(sp.expand(member), force=True)))
        weights = {_without_logs(term): None for term in terms if term.has(sp.log)}
        # Of a logit that of its exponential, for z is log exp z.
        weights |= {abs(term.as_coeff_Mul()[0]): None for term in terms if term.as_coeff_Mul()[1].is_Indexed}
        weights |= {_of_logit(term): None for term in terms if term.atoms(sp.Indexed)}
        for weight in weights:
            shares = [term / weight for term in terms if _is_multiple(term, weight)]
            ratio = sp.exp(-sp.Add(*shares))
            of_weights, of_both = _over(weight, first, last), _over(weight * ratio, first, last)
            for scale in (sp.S.One, of_weights / of_both, 1 / of_both, 1 / last):
                r = ratio * scale
                certificate = _over(weight * (r - 1 - sp.log(r)), first, last)
                yield certificate
                if first == 1:
                    yield certificate + of_weights * sp.log(last)


def _without_logs(term: sp.Expr) -> sp.Expr:
    factors = [factor for factor in sp.Mul.make_args(term) if not factor.has(sp.log)]
    return sp.Mul(*(abs(factor) if factor.is_Rational else factor for factor in factors))


def _of_logit(term: sp.Expr) -> sp.Expr:
    """Return the factors of a term but for a number that may be negative, which stands alone."""
    logits = [f for f in sp.Mul.make_args(term) if f.is_Indexed and f.has(_AT) and not f.is_nonnegative]
    return abs(term / logits[0]) if len(logits) == 1 and not (term / logits[0]).is_Add else sp.S.One


def _is_multiple(term: sp.Expr, weight: sp.Expr) -> bool:
    own, wanted = term.as_powers_dict(), weight.as_powers_dict()
    return all(base.is_number or own.get(base, 0) == power for base, power in wanted.items())


def _sums_of_squares(gap: sp.Expr) -> Iterator[sp.Expr]:
    """Yield sums of w (a - m)^2: variances, and Cauchy's inequality for two sums of squares."""
    expanded = [(*ends, sp.expand(member)) for ends, member in _sums(gap).items()]
    for first, last, member in (*_sums_as_they_stand(gap), *expanded):
        for term in sp.Add.make_args(member):
            for square in (f for f in sp.Mul.make_args(term) if f.is_Pow and f.exp == 2 and f.has(_AT)):
                a, weight = square.base, term / square
                of_weights, of_both = _over(weight, first, last), _over(weight * a, first, last)
                for middle in (of_both, of_both / of_weights, 1 / last, _over(a, first, last) / last):
                    yield _over(weight * (a - middle) ** 2, first, last)
            roots = [f.base for f in sp.Mul.make_args(term) if f.is_Pow and f.exp == sp.S.Half and f.has(_AT)]
            if len(roots) == 2:
                yield _over((sp.sqrt(roots[0]) - sp.sqrt(roots[1])) ** 2, first, last) / 2
    for term in sp.Add.make_args(sp.expand(gap)):
        pair = [factor for factor in sp.Mul.make_args(term) if isinstance(factor, sp.Sum)]
        if len(pair) == 2:
            yield from _lagrange(*pair)


def _lagrange(one: sp.Sum, other: sp.Sum) -> Iterator[sp.Expr]:
    """Yield half the sum of the squares of a[k] b[l] - a[l] b[k], which is Lagrange's identity."""
    (f, x, *_), (g, y, *_) = opened(one), opened(other)
    u, v = sp.Dummy("k", integer=True, positive=True), sp.Dummy("l", integer=True, positive=True)
    a, b = (sp.sqrt(term) for term in (f, g))

    def at(term: sp.Expr, index: sp.Symbol, place: sp.Symbol) -> sp.Expr:
        return substitute(term, {index: place})

    a, b = (root.replace(sp.Abs, lambda inner: inner) for root in (a, b))
    cross = (at(a, x, u) * at(b, y, v) - at(a, x, v) * at(b, y, u)) ** 2
    yield sp.Sum(sp.Sum(cross, (u, *one.limits[-1][1:])), (v, *one.limits[-1][1:])) / 2


def _termwise(gap: sp.Expr) -> Iterator[sp.Expr]:
    """Yield the expression with all its sums over one range in one, and factored inside."""
    sums = _sums(gap)
    for (first, last), member in sums.items():
        rest = sp.expand(gap) - sp.Add(
            *(term for term in sp.Add.make_args(sp.expand(gap)) if term.has(sp.Sum))
        )
        if len(sums) == 1:
            yield _over(factored(member), first, last) + rest
            # A number may be the sum of what is added up: of probabilities, 1.
            for share in sorted(member.atoms(sp.Indexed, Defined), key=sp.default_sort_key):
                yield _over(factored(member + rest * share), first, last)


def _completed_squares(gap: sp.Expr) -> Iterator[sp.Expr]:
    """Yield a quadratic as a multiple of a square, and what is left."""
    plain = sp.expand(gap)
    variables = plain.free_symbols | plain.atoms(sp.Indexed, Defined, sp.exp)
    for x in sorted((v for v in variables if not v.is_integer), key=sp.default_sort_key):
        stand_in = sp.Dummy("x", real=True)
        quadratic = substitute(plain, {x: stand_in})
        if quadratic.is_polynomial(stand_in) and sp.degree(quadratic, stand_in) == 2:
            a, b, c = (quadratic.coeff(stand_in, power) for power in (2, 1, 0))
            yield a * (x + b / (2 * a)) ** 2 + factored(c - b**2 / (4 * a))
