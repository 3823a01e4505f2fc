"""Algebra with sums over a symbolic number of classes: what SymPy lacks to prove for every K.

`residual` decides equality while K stays a symbol.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import permutations
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from xentlib.proof._quantities import unfold
from xentlib.proof._symbols import SIZE, delta, outermost, size_of


def rename(expr: Any) -> Any:
    """Give equal sums in an unfolded expression equal bound indices, and do nothing else.

    Parameters
    ----------
    expr : Expr
        An expression from `unfold`.

    Returns
    -------
    Expr
        The same, with its sums in the form in which `collapse` leaves sums.

    Examples
    --------
    >>> from xentlib.proof import k, l, sum_over, z
    >>> rename(unfold(sum_over(k, z[k]))) == rename(unfold(sum_over(l, z[l])))
    True
    """
    if not expr.args or isinstance(expr, sp.Indexed):
        return expr
    if isinstance(expr, sp.Sum | sp.Product):
        term, limits = outermost(expr)
        return _named(expr.func, rename(term), *limits)
    return expr.func(*map(rename, expr.args))


def differentiate(expr: Any) -> Any:
    """Carry out the derivatives in an unfolded expression, and nothing else.

    Parameters
    ----------
    expr : Basic
        An expression from `unfold`.

    Returns
    -------
    Basic
        The same without `Derivative`, except of undefined functions; sums stay sums.

    Examples
    --------
    >>> from xentlib.proof import i, j, z
    >>> differentiate(sp.Derivative(sp.exp(z[i]), z[j]))
    exp(z[i])*KroneckerDelta(i, j)
    """
    if not expr.args or isinstance(expr, sp.Indexed):
        return expr
    if isinstance(expr, sp.Derivative):
        return sp.diff(differentiate(expr.expr), *expr.variable_count)
    return expr.func(*map(differentiate, expr.args))


def collapse(expr: Any, ranges: Mapping[sp.Symbol, sp.Expr] = SIZE) -> Any:
    r"""Simplify sums by rules that hold for every size.

    Parameters
    ----------
    expr : Expr
        An expression without `Defined` entries (see `unfold`).
    ranges : mapping
        The size of the range of each index that may stand free in the expression.

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
        term, (index, first, last) = outermost(expr)
        if first.is_Integer and last.is_Integer:
            members = map(sp.Integer, range(int(first), int(last) + 1))
            return collapse(sp.Add(*(term.xreplace({index: m}) for m in members)), ranges)
        terms = sp.Add.make_args(_expand(collapse(term, {**ranges, index: last})))
        return sp.Add(*(_sum_of_product(t, index, first, last, ranges) for t in terms))
    return expr.func(*(collapse(argument, ranges) for argument in expr.args))


def _expand(expr: sp.Expr) -> sp.Expr:
    """Multiply out; by itself SymPy would also make a Product of the exponential of a Sum."""
    return sp.expand(expr, power_exp=False).replace(
        sp.exp, lambda exponent: sp.Mul(*map(sp.exp, sp.Add.make_args(sp.expand(exponent))))
    )


def _sum_of_product(
    term: sp.Expr, index: sp.Symbol, first: sp.Expr, last: sp.Expr, ranges: Mapping[sp.Symbol, sp.Expr]
) -> sp.Expr:
    constant, rest = term.as_independent(index, as_Add=False)
    factor, limits = _flattened(rest)
    limits.append((index, first, last))
    indices = {bound for bound, _, _ in limits}
    if any(first.free_symbols & indices or last.free_symbols & indices for _, first, last in limits):
        return constant * _one_sum(rest, index, first, last, ranges)
    # Finite sums may change places: of all orders the one that looks simplest is kept.
    orders = [_nested(factor, order, ranges) for order in permutations(limits)]
    return constant * min(orders, key=lambda sums: (sums.count(sp.Sum), sp.default_sort_key(sums)))


def _flattened(term: sp.Expr) -> tuple[sp.Expr, list[Any]]:
    """Move the factors outside of sums into them: what is summed, and over which indices."""
    factors, limits = [], []
    for factor in sp.Mul.make_args(term):
        base, power = factor.as_base_exp() if isinstance(factor, sp.Pow) else (factor, sp.S.One)
        if not (isinstance(base, sp.Sum) and power.is_Integer and 1 <= power <= 2):
            factors.append(factor)
            continue
        for _ in range(int(power)):
            inner, (old, first, last) = outermost(base)
            new = sp.Dummy(old.name, integer=True, positive=True)
            below, more = _flattened(inner.xreplace({old: new}))
            factors.append(below)
            limits += [*more, (new, first, last)]
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
        if first == 1 and isinstance(factor, delta) and index in factor.args:
            (other,) = set(factor.args) - {index}
            known = other.is_Integer and other >= 1 and (last - other).is_nonnegative
            if not other.has(index) and (known or size_of(other, ranges) == last):
                return constant * (rest / factor).xreplace({index: other})
    return constant * _named(sp.Sum, rest, index, first, last)


def _named(kind: Any, term: sp.Expr, index: sp.Symbol, first: sp.Expr, last: sp.Expr) -> sp.Expr:
    """Return a sum or product whose index is the same in equal ones, and that of no other in the term."""
    bound = sp.Dummy("k", integer=True, positive=True, dummy_index=_depth(term) + 1)
    return kind(term.xreplace({index: bound}), (bound, first, last))


def _depth(expr: sp.Basic) -> int:
    """Return how deep sums and products are nested."""
    below = max(map(_depth, expr.args), default=0)
    return below + (len(expr.limits) if isinstance(expr, sp.Sum | sp.Product) else 0)


def cases(expr: sp.Expr, rules: Mapping[sp.Expr, sp.Expr]) -> list[sp.Expr]:
    """Apply what is given and split on whether two free indices are equal, until no delta is left.

    Parameters
    ----------
    expr : Expr
        An expression from `carry_out`.
    rules : mapping
        What replaces what.

    Returns
    -------
    list of Expr
        The collapsed expression in each case.
    """
    plain = collapse(expr)
    expr = plain.xreplace(rules)
    if expr != plain:
        # A rule may bring in sums, so that bound indices are named apart anew.
        expr = collapse(unfold(expr))
    for d in sorted(expr.atoms(delta), key=sp.default_sort_key):
        kept, gone = sorted(d.args, key=lambda a: (a.is_Symbol, sp.default_sort_key(a)))
        if not d.atoms(sp.Dummy):
            equal, distinct = expr.xreplace({gone: kept}), expr.xreplace({d: sp.S.Zero})
            return [*cases(equal, rules), *cases(distinct, rules)]
    return [expr]


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
        if isinstance(e, sp.exp):
            factor, atom = e.exp.as_coeff_Mul()
            if not factor.is_Integer:
                factor, atom = sp.S.One, e.exp
            return name(sp.exp(atom), positive=_is_real(e.exp)) ** factor
        if not e.args or isinstance(e, sp.Indexed):
            return e
        return e.func(*map(walk, e.args))

    rational = walk(_expand(expr))
    return rational, {symbol: atom for atom, symbol in names.items()}


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
    exp(Sum(z[_n], (_n, 1, N)))
    """
    return sp.Add(*map(_carried_out, sp.Add.make_args(sp.sympify(expr))))


@cache
def _carried_out(term: sp.Expr) -> sp.Expr:
    # The derivatives of a statement stand in most of its alterations too, often as one side of it.
    return differentiate(_without_products(unfold(term)))


def _without_products(expr: sp.Expr) -> sp.Expr:
    """Write a product of positive factors as the exponential of the sum of their logarithms."""
    if not expr.has(sp.Product):
        return expr
    if isinstance(expr, sp.Product):
        factor, limits = outermost(expr)
        plain = _without_products(factor)
        if not to_rational(plain)[0].is_positive:
            message = (
                f"the algebra takes products of positive factors only, and {factor} is not shown to be one"
            )
            raise ValueError(message)
        return sp.exp(sp.Sum(_log(plain), limits))
    if isinstance(expr, sp.log):
        return _log(_without_products(expr.args[0]))
    return expr.func(*map(_without_products, expr.args))


def _log(expr: sp.Expr) -> sp.Expr:
    """Return the logarithm of a product, factor by factor as far as the factors are positive."""
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


def residual(expr: Any, given: Iterable[sp.Eq] = ()) -> sp.Expr:
    """Return 0 if an expression is 0 for every size, every index and all values.

    Parameters
    ----------
    expr : Expr
        The expression; named quantities are unfolded, derivatives carried out.
    given : iterable of Eq
        Assumptions: wherever the left side stands, it is replaced by the right side.

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
    rules = {collapse(carry_out(known.lhs)): carry_out(known.rhs) for known in given}
    # What is a number anyway, as the sum of p[k] is 1, must not replace that number everywhere.
    rules = {known: value for known, value in rules.items() if not known.is_number}
    for case in cases(carry_out(expr), rules):
        rational, names = to_rational(case)
        left = sp.cancel(sp.together(sp.expand(sp.expand_log(rational))))
        if left != 0:
            return left.xreplace(names)
    return sp.S.Zero
