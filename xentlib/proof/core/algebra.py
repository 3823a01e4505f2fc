"""Algebra with sums over a symbolic number of classes: what SymPy lacks to prove for every K.

`residual` decides equality while K stays a symbol.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import permutations
from typing import Any

import sympy as sp
from sympy.concrete.expr_with_limits import ExprWithLimits
from sympy.core.function import AppliedUndef
from sympy.functions.elementary.hyperbolic import HyperbolicFunction

from xentlib.proof.core.kinks import by_sign, first_gap
from xentlib.proof.core.problem import NOTHING, Given
from xentlib.proof.core.symbols import SIZE, delta, size_of
from xentlib.proof.core.unfold import check_one_after_the_other, closed, opened, substitute, unfold


def differentiate(expr: Any) -> Any:
    """Carry out the derivatives in an unfolded expression, also those at a point, and nothing else.

    Parameters
    ----------
    expr : Basic
        An expression from `unfold`.

    Returns
    -------
    Basic
        The same without `Derivative` and `Subs`, except of undefined functions; sums stay sums.

    Examples
    --------
    >>> from xentlib.proof import i, j, z
    >>> differentiate(sp.Derivative(sp.exp(z[i]), z[j]))
    exp(z[i])*KroneckerDelta(i, j)
    """
    if not expr.args or isinstance(expr, sp.Indexed):
        return expr
    if isinstance(expr, sp.Derivative):
        return unfold(sp.diff(differentiate(expr.expr), *expr.variable_count))
    if isinstance(expr, sp.Sum | sp.Product):
        term, index, first, last = opened(expr)
        return closed(expr.func, differentiate(term), index, first, last)
    parts = [*map(differentiate, expr.args)]
    if isinstance(expr, sp.Subs) and not parts[0].has(sp.Derivative):
        term, variables, point = parts
        return substitute(term, dict(zip(variables, point, strict=True)))
    if isinstance(expr, sp.Subs):
        check_one_after_the_other(*parts)
    return expr.func(*parts)


def collapse(expr: Any, ranges: Mapping[sp.Symbol, sp.Expr] = SIZE) -> Any:
    r"""Simplify sums by rules that hold for every size.

    Parameters
    ----------
    expr : Expr
        An expression without `Defined` entries (see `unfold`).
    ranges : mapping
        The size of the range of each index that may stand free in the expression; of a size, its least value.

    Returns
    -------
    Expr
        The same number, with constants moved out of the sums,
        :math:`\sum_k a_k \delta_{kj} = a_j`, and :math:`\sum_k 1 = K`; a sum of a known
        number of terms is written out, and sums over several indices stand in one order.

    Notes
    -----
    An index stands for a number in its own range. So the middle rule needs no condition
    ``1 <= j <= K`` where that is the range of j, and is not applied where it is not; SymPy's
    own summation keeps that condition as a Piecewise.

    Examples
    --------
    >>> from xentlib.proof import K, delta, j, k, s, sum_over, z
    >>> collapse(sum_over(k, s * z[k] * delta(k, j)))
    s*z[j]
    >>> collapse(sum_over(k, s))
    K*s
    """
    if not expr.args or isinstance(expr, sp.Indexed):
        return expr
    if isinstance(expr, sp.Sum):
        term, index, first, last = opened(expr)
        if first.is_Integer and last.is_Integer:
            members = map(sp.Integer, range(int(first), int(last) + 1))
            return collapse(sp.Add(*(substitute(term, {index: m}) for m in members)), ranges)
        terms = sp.Add.make_args(_expand(collapse(term, {**ranges, index: last})))
        return sp.Add(*(_sum_of_product(t, index, first, last, ranges) for t in terms))
    parts = [collapse(argument, ranges) for argument in expr.args]
    if isinstance(expr, sp.log):
        return _log(*parts)
    if isinstance(expr, sp.Pow) and not parts[1].is_number:
        return _power(*parts)
    return expr.func(*parts)


def _expand(expr: sp.Expr) -> sp.Expr:
    """Multiply out; by itself SymPy would also make a Product of the exponential of a Sum."""
    return sp.expand(expr, power_exp=False).replace(
        sp.exp, lambda exponent: sp.Mul(*map(sp.exp, sp.Add.make_args(sp.expand(exponent))))
    )


def _sum_of_product(
    term: sp.Expr, index: sp.Symbol, first: sp.Expr, last: sp.Expr, ranges: Mapping[sp.Symbol, sp.Expr]
) -> sp.Expr:
    constant, rest = term.as_independent(index, as_Add=False)
    found = next((d for d in _deltas_inside(rest, index) if _picks(d, index, first, last, ranges)), None)
    if found is not None:
        without = substitute(rest, {found: sp.S.Zero})
        # At the place that delta picks, this one too must have a value: it is added there and taken away.
        if _always_real(without):
            (place,) = set(found.args) - {index}
            only = substitute(substitute(rest, {found: sp.S.One}) - without, {index: place})
            return constant * collapse(sp.Sum(without, (index, first, last)) + only, ranges)
    factor, limits = _flattened(rest, {*rest.free_symbols, index})
    limits.append((index, first, last))
    indices = {bound for bound, _, _ in limits}
    if any(first.free_symbols & indices or last.free_symbols & indices for _, first, last in limits):
        return constant * _one_sum(rest, index, first, last, ranges)
    # Finite sums may change places: of all orders the one that looks simplest is kept.
    several = permutations(limits) if len(limits) <= _FEW else [limits]
    orders = [_nested(factor, order, ranges) for order in several]
    return constant * min(orders, key=lambda sums: (sums.count(sp.Sum), sp.default_sort_key(sums)))


_FEW = 5
"""Of how many sums all orders are looked at."""


def _deltas_inside(term: sp.Expr, index: sp.Symbol) -> list[sp.Expr]:
    """Return the deltas of an index that stand inside functions and are no factors."""
    inside = [factor for factor in sp.Mul.make_args(term) if not isinstance(factor, delta)]
    return sorted(
        {d for f in inside for d in f.atoms(delta) if index in d.args and d.free_symbols <= f.free_symbols},
        key=sp.default_sort_key,
    )


def _picks(
    d: sp.Expr, index: sp.Symbol, first: sp.Expr, last: sp.Expr, ranges: Mapping[sp.Symbol, sp.Expr]
) -> bool:
    """Return whether a delta is 1 at exactly one place of the range of an index."""
    (other,) = set(d.args) - {index}
    # Of an index the range ends there at most, which says nothing of what it is at least.
    least = ranges.get(last, last) if last in SIZE.values() else last
    known = other.is_Integer and other >= 1 and (least - other).is_nonnegative
    return bool(first == 1 and not other.has(index) and (known or size_of(other, ranges) == last))


def _always_real(expr: sp.Expr) -> bool:
    """Return whether an expression is shown to have a real value whatever its symbols are."""
    if isinstance(expr, sp.log):
        if not to_rational(expr.args[0])[0].is_positive:
            return False
    elif isinstance(expr, sp.Pow):
        base, power = to_rational(expr.base)[0], expr.exp
        if not (base.is_positive or (power.is_Integer and (power >= 0 or base.is_nonzero))):
            return False
    elif not isinstance(
        expr, sp.Add | sp.Mul | sp.exp | sp.Sum | sp.Tuple | sp.Indexed | sp.Symbol | sp.Rational | delta
    ):
        return False
    return isinstance(expr, sp.Indexed | delta) or all(map(_always_real, expr.args))


def _flattened(term: sp.Expr, taken: set[Any]) -> tuple[sp.Expr, list[Any]]:
    """Move the factors outside of sums into them: what is summed, and over which indices."""
    factors, limits = [], []
    for factor in sp.Mul.make_args(term):
        base, power = factor.as_base_exp() if isinstance(factor, sp.Pow) else (factor, sp.S.One)
        if not (isinstance(base, sp.Sum) and power.is_Integer and 1 <= power <= 2):
            factors.append(factor)
            continue
        for _ in range(int(power)):
            inner, index, first, last = opened(base, taken)
            taken.add(index)
            below, more = _flattened(inner, taken)
            factors.append(below)
            limits += [*more, (index, first, last)]
    return sp.Mul(*factors), limits


def _nested(factor: sp.Expr, limits: Sequence[Any], ranges: Mapping[sp.Symbol, sp.Expr]) -> sp.Expr:
    """Sum over several indices, the innermost first, with constants moved out of each sum."""
    total = factor
    for place, limit in enumerate(limits):
        outer = {index: last for index, _, last in limits[place + 1 :]}
        index, first, last = limit
        total = _one_sum(total, index, first, last, {**ranges, **outer})
    return total


def _one_sum(
    term: sp.Expr, index: sp.Symbol, first: sp.Expr, last: sp.Expr, ranges: Mapping[sp.Symbol, sp.Expr]
) -> sp.Expr:
    constant, rest = term.as_independent(index, as_Add=False)
    count = last - first + 1
    if rest == 1 and count.is_nonnegative:
        return constant * count
    for factor in sp.Mul.make_args(rest):
        if isinstance(factor, delta) and index in factor.args and _picks(factor, index, first, last, ranges):
            (other,) = set(factor.args) - {index}
            return constant * substitute(rest / factor, {index: other})
    return constant * closed(sp.Sum, rest, index, first, last)


def cases(
    expr: sp.Expr,
    rules: Mapping[sp.Expr, sp.Expr],
    distinct: Sequence[sp.Ne] = (),
    ranges: Mapping[sp.Symbol, sp.Expr] = SIZE,
) -> list[sp.Expr]:
    """Apply what is given and split into cases until no delta, absolute value or maximum is left.

    Parameters
    ----------
    expr : Expr
        An expression from `carry_out`.
    rules : mapping
        What replaces what.
    distinct : sequence of Ne
        What is known to differ.
    ranges : mapping
        As for `collapse`.

    Returns
    -------
    list of Expr
        The collapsed expression in each case: two free indices equal or not, two numbers equal or one
        of them greater. The cases cover everything.
    """
    plain = collapse(expr, ranges)
    expr = substitute(plain, rules)
    if expr != plain:
        expr = collapse(expr, ranges)
    for kept, gone in sorted(_pairs_of_indices(expr), key=sp.default_sort_key):
        apart = {delta(kept, gone): sp.S.Zero}
        for a, b in ((kept, gone), (gone, kept)):
            apart |= {sp.Eq(a, b): sp.false, sp.Ne(a, b): sp.true}
        # What is known to differ must not be found equal further on, by way of a third index.
        found = cases(substitute(expr, apart), rules, [*distinct, sp.Ne(kept, gone)], ranges)
        known = [substitute(ne, {gone: kept}) for ne in distinct]
        if sp.false not in known:
            found = [*cases(substitute(expr, {gone: kept}), rules, known, ranges), *found]
        return found
    gap = first_gap(expr)
    if gap is None:
        return [expr]
    return [case for e in by_sign(expr, gap, distinct) for case in cases(e, rules, distinct, ranges)]


def _pairs_of_indices(expr: sp.Expr) -> set[tuple[sp.Expr, sp.Expr]]:
    """Return which free indices a delta or a condition compares, the one that stays first."""
    compared = expr.atoms(delta) | {r for r in expr.atoms(sp.Eq, sp.Ne) if all(a.is_integer for a in r.args)}
    pairs = (sorted(d.args, key=lambda a: (a.is_Symbol, sp.default_sort_key(a))) for d in compared)
    return {(a, b) for a, b in pairs if not (a.atoms(sp.Dummy) | b.atoms(sp.Dummy))}


def to_rational(expr: sp.Expr) -> tuple[sp.Expr, dict[sp.Symbol, sp.Expr]]:
    """Put a symbol for each sum and each exponential: what is left is a rational function.

    Parameters
    ----------
    expr : Expr
        A collapsed expression.

    Returns
    -------
    tuple of Expr and dict
        The rational function, and what each symbol stands for.
    """
    names: dict[sp.Expr, sp.Symbol] = {}

    def name(atom: sp.Expr, *, positive: bool | None) -> sp.Symbol:
        if atom not in names:
            real = True if positive else atom.is_real
            names[atom] = sp.Dummy(positive=positive or None, real=real)
        return names[atom]

    def walk(e: sp.Expr) -> sp.Expr:
        if isinstance(e, sp.Sum):
            return name(e, positive=_is_positive_sum(e))
        if isinstance(e, ExprWithLimits | sp.Subs | sp.Derivative):
            return name(e, positive=None)
        if isinstance(e, sp.Pow) and not e.exp.is_number:
            whole, power = _shifted(e)
            least = lowest[e.base, power]
            base = walk(e.base)
            positive = base.is_positive and _is_real(e.exp)
            return name(e.base ** (power + least), positive=positive) * base ** (whole - least)
        if isinstance(e, sp.exp):
            factor, atom = e.exp.as_coeff_Mul()
            if not factor.is_Integer:
                factor, atom = sp.S.One, e.exp
            return name(sp.exp(atom), positive=_is_real(e.exp)) ** factor
        if not e.args or isinstance(e, sp.Indexed):
            return e
        return e.func(*map(walk, e.args))

    expanded = _expand(expr)
    # Of b**(g - 1) and b**g the lower is named and the other is b times it, which holds at b = 0 too.
    lowest: dict[Any, sp.Expr] = {}
    for e in expanded.atoms(sp.Pow):
        if not e.exp.is_number:
            whole, power = _shifted(e)
            lowest[e.base, power] = min(whole, lowest.get((e.base, power), whole))
    rational = walk(expanded)
    return rational, {symbol: atom for atom, symbol in names.items()}


def _shifted(power: sp.Pow) -> tuple[sp.Expr, sp.Expr]:
    """Split the exponent into a whole number and the rest."""
    constant, rest = sp.expand(power.exp).as_coeff_Add()
    whole = sp.floor(constant)
    return whole, rest + constant - whole


def _is_real(expr: sp.Expr) -> bool:
    """Return whether an expression is a real number wherever it has a value."""
    leaves = expr.atoms(sp.Indexed, AppliedUndef)
    labels = {leaf.base.label for leaf in leaves if isinstance(leaf, sp.Indexed)}
    return all(a.is_extended_real for a in leaves | (expr.atoms(sp.Symbol) - labels))


def _is_positive_sum(total: sp.Sum) -> bool:
    """Return whether a sum has at least one term and positive terms only."""
    has_terms = all((last - first).is_nonnegative for _, first, last in total.limits)
    return bool(has_terms and to_rational(total.function)[0].is_positive)


def carry_out(expr: Any) -> sp.Expr:
    """Unfold named quantities, make exponentials of products, and carry out derivatives.

    Parameters
    ----------
    expr : Expr
        An expression.

    Returns
    -------
    Expr
        What `cases` and `collapse` work on.

    Examples
    --------
    >>> from xentlib.proof import n, product_over, z
    >>> carry_out(product_over(n, sp.exp(z[n])))
    exp(Sum(z[_k], (_k, 1, N)))
    """
    return sp.Add(*map(_carried_out, sp.Add.make_args(sp.sympify(expr))))


@cache
def _carried_out(term: sp.Expr) -> sp.Expr:
    # The derivatives of a statement stand in most of its alterations too, often as one side of it.
    plain = unfold(term).replace(lambda e: isinstance(e, HyperbolicFunction), lambda e: e.rewrite(sp.exp))
    return differentiate(_without_products(plain))


def _without_products(expr: sp.Expr) -> sp.Expr:
    """Write a product of positive factors as the exponential of the sum of their logarithms."""
    if not expr.has(sp.Product):
        return expr
    if isinstance(expr, sp.Product):
        factor, index, first, last = opened(expr)
        plain = _without_products(factor)
        if not to_rational(plain)[0].is_positive:
            message = (
                f"the algebra takes products of positive factors only, and {factor} is not shown to be one"
            )
            raise ValueError(message)
        return sp.exp(closed(sp.Sum, _log_of_factors(plain), index, first, last))
    if isinstance(expr, sp.Sum):
        term, index, first, last = opened(expr)
        return closed(sp.Sum, _without_products(term), index, first, last)
    if isinstance(expr, sp.log):
        return _log_of_factors(_without_products(expr.args[0]))
    return expr.func(*map(_without_products, expr.args))


def _log_of_factors(expr: sp.Expr) -> sp.Expr:
    """Return the logarithm factor by factor as it stands, as far as the factors are positive."""
    total, rest = sp.S.Zero, sp.S.One
    for factor in sp.Mul.make_args(expr):
        base, power = factor.as_base_exp()
        if isinstance(factor, sp.exp):
            total += factor.exp
        elif to_rational(base)[0].is_positive:
            total += power * sp.log(base)
        else:
            rest *= factor
    return total if rest == 1 else total + sp.log(rest)


@cache
def _log(expr: sp.Expr) -> sp.Expr:
    """Return the logarithm of a product, factor by factor as far as the factors are positive.

    If the product has a real logarithm and all factors but one are positive, so is that one.
    """
    if not expr.args or isinstance(expr, sp.Indexed | sp.Sum):
        return sp.log(expr)
    total, others = sp.S.Zero, []
    for base, power in _factors(expr):
        if isinstance(base, sp.exp):
            total += power * base.exp
        elif base.is_Rational and base.is_positive:
            total += power * sp.Add(*(e * sp.log(prime) for prime, e in sp.factorrat(base).items()))
        elif to_rational(base)[0].is_positive:
            total += power * sp.log(base)
        else:
            others.append((base, power))
    return total + _log_of_unknown(others)


def _log_of_unknown(factors: Sequence[tuple[sp.Expr, sp.Expr]]) -> sp.Expr:
    """Return the logarithm of a product of which only the whole is known to be positive."""
    sign = sp.Mul(*(base**power for base, power in factors if base.is_number))
    unknown = [(base, power) for base, power in factors if not base.is_number]
    if len(unknown) == 1 and sign in (1, -1) and unknown[0][1].is_odd:
        ((base, power),) = unknown
        return power * sp.log(sign * base)
    # Of the product and its inverse always the same is taken.
    first = min(unknown, default=(sign, sp.S.One), key=lambda pair: sp.default_sort_key(pair[0]))
    turn = sp.S.One if first[1].is_positive else sp.S.NegativeOne
    return turn * sp.log(sp.Mul(*(base ** (turn * power) for base, power in factors)))


@cache
def _power(base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
    """Return the power of a product: of positive factors by their logarithms, of the rest as it stands."""
    if not _is_real(exponent):
        return base**exponent
    total, rest = sp.S.Zero, sp.S.One
    for factor, power in _factors(base):
        if isinstance(factor, sp.exp) or to_rational(factor)[0].is_positive:
            total += power * _log(factor)
        else:
            rest *= factor**power
    return sp.exp(sp.expand(exponent * total)) * rest ** sp.expand(exponent)


def _factors(expr: sp.Expr) -> list[tuple[sp.Expr, sp.Expr]]:
    """Return the factors of an expression, each with its whole power."""
    rational, names = to_rational(expr)
    factored = sp.factor(sp.cancel(sp.together(rational)))
    pairs = [
        (f.base, f.exp) if isinstance(f, sp.Pow) and f.exp.is_Integer else (f, sp.S.One)
        for f in sp.Mul.make_args(factored)
    ]
    return [(substitute(base, names), power) for base, power in pairs]


def residual(expr: Any, given: Given = NOTHING) -> sp.Expr:
    """Return 0 if an expression is 0 for every size, every index and all values.

    Parameters
    ----------
    expr : Expr
        The expression; named quantities are unfolded, derivatives carried out.
    given : Given
        Assumptions: wherever the left side of an equation stands, it is replaced by the right side;
        the sides of Ne differ.

    Returns
    -------
    Expr
        0, or what is left of the first case (two indices equal, or not) that does not vanish.

    Notes
    -----
    A sum that no rule of `collapse` removes becomes a symbol of its own, and so does each
    exponential. If the rational function of these symbols vanishes, the expression vanishes
    whatever the sums are: the answer 0 is a proof. Any other answer is only a failure to prove.

    Examples
    --------
    >>> from xentlib.proof import delta, i, j, k, p, sum_over, z
    >>> residual(sum_over(k, p[k]) - 1)
    0
    >>> residual(sp.Derivative(p[i], z[j]) - p[i] * (delta(i, j) - p[j]))
    0
    """
    rules = rules_of(given)
    ranges = {**SIZE, **{size: sp.Integer(least) for size, least in given.bounds.items()}}
    for case in cases(carry_out(expr), rules, given.distinct, ranges):
        left = _left(case)
        if left != 0 and case.has(sp.Sum):
            left = _left(_without_vanishing_sums(case))
        if left != 0:
            return left
    return sp.S.Zero


def rules_of(given: Given) -> dict[sp.Expr, sp.Expr]:
    """Return what the equations among assumptions put for what."""
    rules = dict(_rule(collapse(carry_out(known.lhs)), carry_out(known.rhs)) for known in given.rules)
    # What is a number anyway, as the sum of p[k] is 1, must not replace that number everywhere.
    return {known: value for known, value in rules.items() if not known.is_number}


def _rule(left: sp.Expr, right: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """Return what replaces what: an equation between a few numbers is solved for the last of them."""
    terms = sp.Add.make_args(left)
    if len(terms) == 1 or left.has(sp.Sum):
        return left, right
    for term in sorted(terms, key=sp.default_sort_key, reverse=True):
        factor, last = term.as_coeff_Mul()
        rest = left - term
        if isinstance(last, sp.Indexed | sp.Symbol) and not (rest.has(last) or right.has(last)):
            return last, (right - rest) / factor
    return left, right


def _left(case: sp.Expr) -> sp.Expr:
    """Return what a case is as one fraction in lowest terms."""
    rational, names = to_rational(case)
    if _vanishes(rational):
        return sp.S.Zero
    return substitute(sp.cancel(sp.together(sp.expand(sp.expand_log(rational)))), names)


def _vanishes(rational: sp.Expr) -> bool:
    """Return whether a rational function is seen to be 0, sooner than by multiplying it out."""
    names: dict[sp.Expr, sp.Symbol] = {}

    def walk(e: sp.Expr) -> sp.Expr:
        if isinstance(e, sp.Add | sp.Mul) or (isinstance(e, sp.Pow) and e.exp.is_Integer):
            return e.func(*map(walk, e.args))
        return e if e.is_Rational else names.setdefault(e, sp.Dummy())

    above, below = sp.fraction(sp.together(walk(rational)))
    polynomials = sp.ring(list(names.values()) or [sp.Dummy()], sp.QQ)[0]
    return bool(polynomials.from_expr(above) == 0 and polynomials.from_expr(below) != 0)


def _without_vanishing_sums(expr: sp.Expr) -> sp.Expr:
    """Leave out the sums over one range of which the terms, added up, are each shown to be 0."""
    kept: list[sp.Expr] = []
    members: dict[Any, list[sp.Expr]] = {}
    member_index = sp.Dummy("k", integer=True, positive=True)
    for term in sp.Add.make_args(_expand(expr)):
        coefficient, total = term.as_independent(sp.Sum, as_Add=False)
        if isinstance(total, sp.Sum):
            member, index, first, last = opened(total, coefficient.free_symbols)
            inside = coefficient * substitute(member, {index: member_index})
            members.setdefault((first, last), []).append(inside)
        else:
            kept.append(term)
    for (first, last), parts in members.items():
        whole = sp.Add(*parts)
        if len(parts) == 1 or residual(whole) != 0:
            kept.append(sp.Sum(whole, (member_index, first, last)))
    return collapse(sp.Add(*kept))
