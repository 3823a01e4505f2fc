"""Algebra with sums over a symbolic number of classes: what SymPy lacks to prove for every K.

First the symbols and the named quantities that the chapters write with, then a procedure that
decides equality (`residue`) while K stays a symbol.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import permutations
from typing import Any

import sympy as sp
from sympy.concrete.expr_with_limits import ExprWithLimits
from sympy.core.function import AppliedUndef

__all__ = [
    "SIZE",
    "A",
    "D",
    "Defined",
    "K",
    "N",
    "Quantity",
    "c",
    "carry_out",
    "cases",
    "collapse",
    "d",
    "definition",
    "delta",
    "differentiate",
    "e",
    "i",
    "indices_in_latex",
    "j",
    "k",
    "l",
    "lse",
    "m",
    "n",
    "outermost",
    "p",
    "product_over",
    "rename",
    "residue",
    "s",
    "size_of",
    "sum_over",
    "to_rational",
    "unfold",
    "z",
]

K = sp.Symbol("K", integer=True, positive=True)
N = sp.Symbol("N", integer=True, positive=True)
D = sp.Symbol("D", integer=True, positive=True)
i, j, k, l = sp.symbols("i j k l", integer=True, positive=True)  # noqa: E741
m, n = sp.symbols("m n", integer=True, positive=True)
d, e = sp.symbols("d e", integer=True, positive=True)
s = sp.Symbol("s", real=True)
z = sp.IndexedBase("z", real=True)
delta = sp.KroneckerDelta

SIZE: dict[sp.Symbol, sp.Symbol] = {i: K, j: K, k: K, l: K, m: N, n: N, d: D, e: D}
"""The size of the range 1, 2, ... that each index runs over: classes, samples, features."""

c = sp.IndexedBase("c", integer=True, positive=True)
"""The labels: c[n] is the class of sample n, one of 1, ..., K."""


def sum_over(index: sp.Symbol, term: Any) -> sp.Sum:
    r"""Return the sum of `term` over the whole range of `index`.

    Parameters
    ----------
    index : Symbol
        One of the indices in `SIZE`: ``i, j, k, l`` run over the classes, ``m, n`` over the
        samples, ``d, e`` over the features.
    term : Expr
        The summand.

    Returns
    -------
    Sum
        :math:`\sum_{k=1}^{K}` of the term, unevaluated.

    Examples
    --------
    >>> sum_over(k, z[k])
    Sum(z[k], (k, 1, K))
    """
    return sp.Sum(term, (index, 1, SIZE[index]))


def product_over(index: sp.Symbol, factor: Any) -> sp.Product:
    r"""Return the product of `factor` over the whole range of `index`.

    Parameters
    ----------
    index : Symbol
        One of the indices in `SIZE`.
    factor : Expr
        The factor; the algebra asks that it is positive.

    Returns
    -------
    Product
        :math:`\prod_{n=1}^{N}` of the factor, unevaluated.

    Examples
    --------
    >>> product_over(n, p[n, c[n]])
    Product(p[n, c[n]], (n, 1, N))
    """
    return sp.Product(factor, (index, 1, SIZE[index]))


def size_of(index: sp.Expr, ranges: Mapping[sp.Symbol, sp.Expr] = SIZE) -> sp.Expr | None:
    """Return the size of the range of an index, None if it is not known.

    Parameters
    ----------
    index : Expr
        A symbol or a label ``c[n]``.
    ranges : mapping
        The sizes of the symbols.

    Returns
    -------
    Expr or None
        Such as K.

    Examples
    --------
    >>> size_of(i), size_of(c[n])
    (K, K)
    """
    if isinstance(index, sp.Indexed) and index.base == c:
        return K
    return ranges.get(index)


class Defined(sp.Function):  # type: ignore[misc]
    """An entry of a `Quantity`: printed by its name, proved by its formula."""

    formula: Callable[..., sp.Expr]
    inputs: int

    def _eval_is_extended_real(self) -> bool:
        return True

    def _sympystr(self, printer: Any) -> str:
        indices = self.args[self.inputs :]
        name = type(self).__name__
        return f"{name}[{', '.join(map(printer.doprint, indices))}]" if indices else name

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        indices = indices_in_latex(self.args[self.inputs :], printer)
        name = sp.latex(sp.Symbol(type(self).__name__))
        text = f"{name}_{{{indices}}}" if indices else name
        return text if exp is None else f"{text}^{{{exp}}}"


def indices_in_latex(indices: Sequence[sp.Expr], printer: Any) -> str:
    """Return a subscript: ij and nc_n, but 1,12 and i,k+1, which would be misread without a comma.

    Parameters
    ----------
    indices : sequence of Expr
        One or more indices.
    printer : LatexPrinter
        What prints each.

    Returns
    -------
    str
        LaTeX.
    """
    comma = "" if all(index.is_Symbol or isinstance(index, sp.Indexed) for index in indices) else ","
    return comma.join(map(printer.doprint, indices))


class Quantity:
    """A named quantity with a formula, indexed as on paper: ``p[i]``.

    Parameters
    ----------
    name : str
        What is printed.
    formula : callable
        From the indices to the expression that defines the entry.
    of : sequence of IndexedBase
        The arrays that the formula depends on; derivatives with respect to them are kept.

    Examples
    --------
    >>> square = Quantity("s", lambda i: z[i] ** 2, of=[z])
    >>> square[j]
    s[j]
    >>> unfold(square[j])
    z[j]**2
    """

    def __init__(self, name: str, formula: Callable[..., sp.Expr], of: Sequence[sp.IndexedBase]) -> None:
        body = {"formula": staticmethod(formula), "inputs": len(of)}
        self._head = type(name, (Defined,), body)
        self._of = tuple(of)

    def __getitem__(self, index: Any) -> sp.Expr:
        """Return the entry at one index or at a tuple of indices."""
        indices = index if isinstance(index, tuple) else (index,)
        return self._head(*self._of, *indices)


p = Quantity("p", lambda *at: sp.exp(z[at]) / sum_over(k, sp.exp(z[(*at[:-1], k)])), of=[z])
"""Softmax of the logits z: p[i] = exp(z[i]) / sum over k of exp(z[k]); p[n, i] for sample n."""

A = Quantity("A", lambda *at: sp.log(sum_over(k, sp.exp(z[(*at, k)]))), of=[z])
"""Log-sum-exp of the logits z: A[()] = log of the sum over k of exp(z[k]); A[n] for sample n."""

lse = A[()]
"""Log-sum-exp of the logits of one sample, printed A."""


@cache
def definition(entry: Defined) -> tuple[sp.Expr, dict[sp.Symbol, sp.Symbol]]:
    """Return the formula of an entry, with stand-ins for the indices, and what they stand for.

    Parameters
    ----------
    entry : Defined
        An entry such as ``p[k]``.

    Returns
    -------
    tuple of Expr and dict
        The formula, and the symbol of the entry that each stand-in is for.

    Notes
    -----
    Without stand-ins a formula that sums over k would capture the k of ``q[k]``.

    Examples
    --------
    >>> q = Quantity("q", lambda index: sum_over(k, z[k] - z[index]), of=[z])
    >>> definition(q[k])
    (Sum(-z[_k] + z[k], (k, 1, K)), {_k: k})
    """
    indices = entry.args[entry.inputs :]
    labels = {array.label for index in indices for array in index.atoms(sp.IndexedBase)}
    symbols = {s for index in indices for s in index.atoms(sp.Symbol)} - labels
    stand_in = {s: sp.Dummy(s.name, **s.assumptions0) for s in symbols}
    formula = entry.formula(*(index.xreplace(stand_in) for index in indices))
    return sp.sympify(formula), {dummy: s for s, dummy in stand_in.items()}


def outermost(total: sp.Sum | sp.Product) -> tuple[sp.Expr, tuple[sp.Symbol, sp.Expr, sp.Expr]]:
    """Split a sum or a product, which may be a double one, into what is added last and over what.

    Parameters
    ----------
    total : Sum or Product
        SymPy makes one Sum with several limits, the inner first, of nested sums.

    Returns
    -------
    tuple
        The summand of the outermost sum, and its index, first and last value.

    Examples
    --------
    >>> outermost(sum_over(j, sum_over(i, z[i] * z[j])))
    (Sum(z[i]*z[j], (i, 1, K)), (j, 1, K))
    """
    *inner, limits = total.limits
    return (total.func(total.function, *inner) if inner else total.function), tuple(limits)


def unfold(expr: Any) -> Any:
    """Replace every named quantity by its formula, and name bound indices apart.

    Parameters
    ----------
    expr : Basic
        An expression or a statement.

    Returns
    -------
    Basic
        The same without `Defined` entries; no two sums or products share an index.

    Raises
    ------
    TypeError
        If the expression binds an index by other means, such as an integral.
    ValueError
        If a sum or a product does not start at 1 or later.

    Examples
    --------
    >>> unfold(p[i]).has(Defined)
    False
    """
    if isinstance(expr, Defined):
        formula, stands_for = definition(expr)
        return unfold(formula).xreplace(stands_for)
    if isinstance(expr, sp.Sum | sp.Product):
        term, (old, first, last) = outermost(expr)
        if not first.is_positive:
            message = f"sums and products start at 1 or later, this one does not: {expr}"
            raise ValueError(message)
        new = sp.Dummy(old.name, integer=True, positive=True)
        return expr.func(unfold(term).xreplace({old: new}), (new, first, last))
    if isinstance(expr, ExprWithLimits):
        message = f"the algebra keeps apart the bound indices of sums and products only, not of {expr}"
        raise TypeError(message)
    if not expr.args or isinstance(expr, sp.Indexed):
        return expr
    parts = map(unfold, expr.args)
    if isinstance(expr, sp.Expr):
        return expr.func(*parts)
    # A statement is left as it stands: SymPy would decide some relations on the spot.
    return expr.func(*parts, evaluate=False)


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
    # A rule may bring in sums, so that bound indices are named apart anew.
    expr = collapse(unfold(collapse(expr).xreplace(rules)))
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
    >>> carry_out(product_over(n, sp.exp(z[n])))
    exp(Sum(z[_n], (_n, 1, N)))
    """
    return differentiate(_without_products(unfold(sp.sympify(expr))))


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


def residue(expr: Any, given: Iterable[sp.Eq] = ()) -> sp.Expr:
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
    >>> residue(sum_over(k, p[k]) - 1)
    0
    >>> residue(sp.Derivative(p[i], z[j]) - p[i] * (delta(i, j) - p[j]))
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
