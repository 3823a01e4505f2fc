"""Algebra with sums over a symbolic number of classes: what SymPy lacks to prove for every K.

First the symbols and the named quantities that the chapters write with, then a procedure that
decides equality (`residue`) and shows positivity (`is_positive`) while K stays a symbol.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import sympy as sp

__all__ = [
    "SIZE",
    "Defined",
    "K",
    "N",
    "Quantity",
    "c",
    "collapse",
    "delta",
    "differentiate",
    "i",
    "is_positive",
    "j",
    "k",
    "l",
    "lse",
    "n",
    "p",
    "residue",
    "sum_over",
    "unfold",
    "z",
]

K = sp.Symbol("K", integer=True, positive=True)
N = sp.Symbol("N", integer=True, positive=True)
i, j, k, l, n = sp.symbols("i j k l n", integer=True, positive=True)  # noqa: E741
c = sp.Symbol("c", real=True)
z = sp.IndexedBase("z", real=True)
delta = sp.KroneckerDelta

SIZE: dict[sp.Symbol, sp.Symbol] = {i: K, j: K, k: K, l: K, n: N}
"""The size of the range 1, 2, ... that each index runs over."""


def sum_over(index: sp.Symbol, term: Any) -> sp.Sum:
    r"""Return the sum of `term` over the whole range of `index`.

    Parameters
    ----------
    index : Symbol
        One of the indices in `SIZE`: ``i, j, k, l`` run over the classes, ``n`` over the samples.
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
        indices = "".join(map(printer.doprint, self.args[self.inputs :]))
        name = sp.latex(sp.Symbol(type(self).__name__))
        text = f"{name}_{{{indices}}}" if indices else name
        return text if exp is None else f"{text}^{{{exp}}}"


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

    def __init__(
        self, name: str, formula: Callable[..., sp.Expr], of: Sequence[sp.IndexedBase]
    ) -> None:
        body = {"formula": staticmethod(formula), "inputs": len(of)}
        self._head = type(name, (Defined,), body)
        self._of = tuple(of)

    def __getitem__(self, index: Any) -> sp.Expr:
        """Return the entry at one index or at a tuple of indices."""
        indices = index if isinstance(index, tuple) else (index,)
        return self._head(*self._of, *indices)


p = Quantity("p", lambda index: sp.exp(z[index]) / sum_over(k, sp.exp(z[k])), of=[z])
"""Softmax of the logits z: p[i] = exp(z[i]) / sum over k of exp(z[k])."""

lse = Quantity("A", lambda: sp.log(sum_over(k, sp.exp(z[k]))), of=[z])[()]
"""Log-sum-exp of the logits z, printed A: log of the sum over k of exp(z[k])."""


def unfold(expr: Any) -> Any:
    """Replace every named quantity by its formula, and name bound indices apart.

    Parameters
    ----------
    expr : Basic
        An expression or a statement.

    Returns
    -------
    Basic
        The same without `Defined` entries; no two sums share an index.

    Examples
    --------
    >>> unfold(p[i]).has(Defined)
    False
    """
    if isinstance(expr, Defined):
        return unfold(expr.formula(*expr.args[expr.inputs :]))
    if isinstance(expr, sp.Sum):
        (old, low, high) = expr.limits[0]
        new = sp.Dummy(old.name, integer=True, positive=True)
        body = unfold(expr.func(expr.function, *expr.limits[1:]) if expr.limits[1:] else expr.function)
        return sp.Sum(body.xreplace({old: new}), (new, low, high))
    if not expr.args or isinstance(expr, sp.Indexed):
        return expr
    parts = map(unfold, expr.args)
    if isinstance(expr, sp.Expr):
        return expr.func(*parts)
    # A statement is left as it stands: SymPy would decide some relations on the spot.
    return expr.func(*parts, evaluate=False)


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


def collapse(expr: Any) -> Any:
    r"""Simplify sums by the three rules that hold for every size.

    Parameters
    ----------
    expr : Expr
        An expression without `Defined` entries (see `unfold`).

    Returns
    -------
    Expr
        The same number, with constants moved out of the sums,
        :math:`\sum_k a_k \delta_{kj} = a_j`, and :math:`\sum_k 1 = K`; a sum of a known
        number of terms is written out.

    Notes
    -----
    Every index stands for a number in its own range, so the middle rule needs no condition
    ``1 <= j <= K``; SymPy's own summation keeps that condition as a Piecewise.

    Examples
    --------
    >>> collapse(sum_over(k, c * z[k] * delta(k, j)))
    c*z[j]
    >>> collapse(sum_over(k, c))
    K*c
    """
    if not expr.args or isinstance(expr, sp.Indexed):
        return expr
    if isinstance(expr, sp.Sum):
        ((index, first, size),) = expr.limits
        if size.is_Integer:
            members = range(int(first), int(size) + 1)
            return collapse(sp.Add(*(expr.function.xreplace({index: sp.Integer(m)}) for m in members)))
        if first != 1:
            return sp.Sum(collapse(expr.function), (index, first, size))
        terms = sp.Add.make_args(sp.expand(collapse(expr.function)))
        return sp.Add(*(_sum_of_product(term, index, size) for term in terms))
    return expr.func(*map(collapse, expr.args))


def _sum_of_product(term: sp.Expr, index: sp.Symbol, size: sp.Expr) -> sp.Expr:
    constant, rest = term.as_independent(index, as_Add=False)
    if rest == 1:
        return constant * size
    for factor in sp.Mul.make_args(rest):
        if isinstance(factor, delta) and index in factor.args:
            (other,) = set(factor.args) - {index}
            return constant * (rest / factor).xreplace({index: other})
    bound = sp.Dummy("k", integer=True, positive=True, dummy_index=_depth(rest) + 1)
    return constant * sp.Sum(rest.xreplace({index: bound}), (bound, 1, size))


def _depth(expr: sp.Basic) -> int:
    """Return how deep sums are nested: equal sums then get equal bound indices."""
    below = max(map(_depth, expr.args), default=0)
    return below + isinstance(expr, sp.Sum)


def _cases(expr: sp.Expr, given: Iterable[sp.Eq] = ()) -> list[sp.Expr]:
    """Apply what is given and split on whether two free indices are equal, until no delta is left."""
    expr = collapse(expr).xreplace({collapse(unfold(known.lhs)): known.rhs for known in given})
    deltas = sorted(expr.atoms(delta), key=sp.default_sort_key)
    for d in deltas:
        kept, gone = sorted(d.args, key=lambda a: (a.is_Symbol, sp.default_sort_key(a)))
        if not d.atoms(sp.Dummy):
            equal, distinct = expr.xreplace({gone: kept}), expr.xreplace({d: sp.S.Zero})
            return [*_cases(equal, given), *_cases(distinct, given)]
    return [expr]


def _to_rational(expr: sp.Expr) -> tuple[sp.Expr, dict[sp.Symbol, sp.Expr]]:
    """Put a symbol for each sum and each exponential: what is left is a rational function."""
    names: dict[sp.Expr, sp.Symbol] = {}

    def name(atom: sp.Expr, positive: bool) -> sp.Symbol:
        if atom not in names:
            names[atom] = sp.Dummy(positive=True) if positive else sp.Dummy(real=True)
        return names[atom]

    def walk(e: sp.Expr) -> sp.Expr:
        if isinstance(e, sp.Sum):
            return name(e, positive=bool(e.function.is_positive))
        if isinstance(e, sp.exp):
            factor, atom = e.exp.as_coeff_Mul()
            if not factor.is_Integer:
                factor, atom = sp.S.One, e.exp
            return name(sp.exp(atom), positive=True) ** factor
        if not e.args or isinstance(e, sp.Indexed):
            return e
        return e.func(*map(walk, e.args))

    rational = walk(sp.expand(expr))
    return rational, {symbol: atom for atom, symbol in names.items()}


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
    for case in _cases(differentiate(unfold(sp.sympify(expr))), tuple(given)):
        rational, names = _to_rational(case)
        left = sp.cancel(sp.together(sp.expand(sp.expand_log(rational))))
        if left != 0:
            return left.xreplace(names)
    return sp.S.Zero


def is_positive(expr: Any, *, several: Collection[sp.Symbol] = ()) -> bool:
    r"""Return whether an expression is shown to be positive for every size and all values.

    Parameters
    ----------
    expr : Expr
        The expression; named quantities are unfolded, derivatives carried out.
    several : collection of Symbol
        The sizes that are known to be at least 2.

    Returns
    -------
    bool
        True is a proof; False only says that none was found.

    Notes
    -----
    A sum of positive terms is positive, and it is more than any one of its terms if there is
    another: :math:`\sum_k a_k = a_i + r` with :math:`r > 0`.

    Examples
    --------
    >>> is_positive(p[i])
    True
    >>> is_positive(1 - p[i]), is_positive(1 - p[i], several=[K])
    (False, True)
    """
    cases = _cases(differentiate(unfold(sp.sympify(expr))))
    return all(_case_is_positive(case, several) for case in cases)


def _case_is_positive(expr: sp.Expr, several: Collection[sp.Symbol]) -> bool:
    splits: list[dict[sp.Expr, sp.Expr]] = [{}]
    for total in expr.atoms(sp.Sum):
        ((index, first, size),) = total.limits
        if first == 1 and total.function.is_positive:
            rest = sp.Dummy(positive=True) if size in several else sp.Dummy(nonnegative=True)
            own = [a for a in expr.free_symbols if SIZE.get(a) == size]
            splits += [{total: total.function.xreplace({index: a}) + rest} for a in own]
    for split in splits:
        rational, _ = _to_rational(expr.xreplace(split))
        if sp.factor(sp.cancel(sp.together(rational))).is_positive:
            return True
    return False
