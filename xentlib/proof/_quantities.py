"""Named quantities: printed by their name, proved by their formula."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache, wraps
from inspect import signature
from itertools import product
from typing import Any

import sympy as sp
from sympy.concrete.expr_with_limits import ExprWithLimits
from sympy.core.function import AppliedUndef

from xentlib.proof._symbols import SIZE, K, c, indices_in_latex, k, outermost, size_of, sum_over, z


class Defined(sp.Function):  # type: ignore[misc]
    """An entry of a `Quantity`: printed by its name, proved by its formula."""

    formula: Callable[..., sp.Expr]
    inputs: int
    of: Sequence[Any]

    def _eval_is_extended_real(self) -> bool:
        return True

    def _sympystr(self, printer: Any) -> str:
        indices = self.args[self.inputs :]
        name = type(self).__name__
        return f"{name}[{', '.join(map(printer.doprint, indices))}]" if indices else name

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        indices = indices_in_latex(self.args[self.inputs :], printer)
        name = sp.latex(sp.Symbol(type(self).__name__))
        # TeX takes one subscript only, unless braces close the name.
        braced = f"{{{name}}}" if "_" in name else name
        text = f"{braced}_{{{indices}}}" if indices else name
        return text if exp is None else f"{text}^{{{exp}}}"


class Quantity:
    """A named quantity with a formula, indexed as on paper: ``p[i]``.

    Parameters
    ----------
    name : str
        What is printed.
    formula : callable
        From the indices to the expression that defines the entry.

    Raises
    ------
    ValueError
        If the formula decides in Python, by ``if``, what it is at some indices: the algebra, which calls
        it with symbols, would not see it.

    References
    ----------
    A. Meurer et al., SymPy: symbolic computing in Python, PeerJ Computer Science 3 (2017),
    doi:10.7717/peerj-cs.103.

    Examples
    --------
    >>> from xentlib.proof import j, z
    >>> square = Quantity("s", lambda i: z[i] ** 2)
    >>> square[j]
    s[j]
    >>> unfold(square[j])
    z[j]**2
    """

    def __init__(self, name: str, formula: Any) -> None:
        if not callable(formula):
            message = f"the formula of {name} is a function of its indices, not {formula!r}"
            raise TypeError(message)
        count = len(signature(formula).parameters)
        _check_expression(name, formula(*(sp.Dummy(integer=True, positive=True) for _ in range(count))))
        index = sp.Dummy("k", integer=True, positive=True)
        for at in product((sp.S.One, sp.Integer(2), index), repeat=count):
            _check_one_formula(name, formula, at)
        formula = _frozen(name, formula)
        # SymPy keeps a derivative only with respect to what it sees among the arguments.
        self._of = _depends_on(formula)
        self._head = type(
            name, (Defined,), {"formula": staticmethod(formula), "inputs": len(self._of), "of": self._of}
        )

    def __getitem__(self, index: Any) -> sp.Expr:
        """Return the entry at one index or at a tuple of indices."""
        indices = index if isinstance(index, tuple) else (index,)
        return self._head(*self._of, *indices)


def _check_expression(name: str, found: Any) -> None:
    if isinstance(found, str) or not isinstance(sp.sympify(found), sp.Expr):
        message = f"the formula of {name} returns {found!r}, which is no expression"
        raise TypeError(message)


def _frozen(name: str, formula: Callable[..., sp.Expr]) -> Callable[..., sp.Expr]:
    """Return a formula that stays what it was when it was first asked for so many indices.

    Else what it reads from outside could change between two uses of one name.
    """

    @cache
    def general(count: int) -> tuple[tuple[sp.Symbol, ...], sp.Expr]:
        places = tuple(sp.Dummy(integer=True, positive=True) for _ in range(count))
        return places, sp.sympify(formula(*places))

    @wraps(formula)
    def frozen(*at: sp.Expr) -> sp.Expr:
        _check_one_formula(name, formula, at)
        places, found = general(len(at))
        return found.xreplace(dict(zip(places, map(sp.sympify, at), strict=True)))

    return frozen


def _depends_on(formula: Callable[..., sp.Expr]) -> list[Any]:
    """Return the arrays and the variables, but no size and no index, that a formula is made of."""
    stand_ins = [sp.Dummy(integer=True, positive=True) for _ in signature(formula).parameters]
    plain = unfold(sp.sympify(formula(*stand_ins)))
    arrays = plain.atoms(sp.IndexedBase)
    named = plain.free_symbols & plain.atoms(sp.Symbol)
    named -= {array.label for array in arrays} | {*SIZE, *SIZE.values(), *stand_ins}
    return sorted(arrays | named, key=str)


def named(name: str, expression: Any) -> sp.Expr:
    """Return an expression under a name: printed by it, proved by the expression.

    Parameters
    ----------
    name : str
        What is printed.
    expression : Expr
        What it stands for.

    Returns
    -------
    Expr
        An entry of a `Quantity` without an index.

    References
    ----------
    A. Meurer et al., SymPy: symbolic computing in Python, PeerJ Computer Science 3 (2017),
    doi:10.7717/peerj-cs.103.

    Examples
    --------
    >>> total = named("S", sum_over(k, z[k]))
    >>> total
    S
    >>> unfold(total)
    Sum(z[_k], (_k, 1, K))
    """
    return Quantity(name, lambda: expression)[()]


def softmax_of(score: Callable[..., sp.Expr]) -> Callable[..., sp.Expr]:
    """Return the formula of the softmax of a score, over the last index of the score.

    Parameters
    ----------
    score : callable
        From the indices, the class last, to the score.

    Returns
    -------
    callable
        From the indices to the probability, for a `Quantity`.

    References
    ----------
    J. S. Bridle, Training stochastic model recognition algorithms as networks can lead to maximum
    mutual information estimation of parameters, NeurIPS 2 (1990).

    Examples
    --------
    >>> from xentlib.proof import j, z
    >>> cold = Quantity("q", softmax_of(lambda i: 2 * z[i]))
    >>> unfold(cold[j])
    exp(2*z[j])/Sum(exp(2*z[_k]), (_k, 1, K))
    """

    @wraps(score)
    def formula(*at: sp.Expr) -> sp.Expr:
        return sp.exp(score(*at)) / sum_over(k, sp.exp(score(*at[:-1], k)))

    return formula


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

    Raises
    ------
    ValueError
        If the formula at these indices is not what it is at any indices: if it decides, in Python, by
        what they are.

    Notes
    -----
    Without stand-ins a formula that sums over k would capture the k of ``q[k]``.

    Examples
    --------
    >>> q = Quantity("q", lambda index: sum_over(k, z[k] - z[index]))
    >>> definition(q[k])
    (Sum(-z[_k] + z[k], (k, 1, K)), {_k: k})
    """
    if entry.args[: entry.inputs] != tuple(entry.of):
        message = (
            f"{entry} was made of {list(entry.of)}, in its formula, and nothing else can be put there: "
            f"put {list(entry.args[: entry.inputs])} into the formula of another quantity"
        )
        raise ValueError(message)
    indices = entry.args[entry.inputs :]
    labels = {array.label for index in indices for array in index.atoms(sp.IndexedBase)}
    symbols = {s for index in indices for s in index.atoms(sp.Symbol)} - labels
    stand_in = {s: sp.Dummy(s.name, **s.assumptions0) for s in symbols}
    at = [index.xreplace(stand_in) for index in indices]
    formula = sp.sympify(entry.formula(*at))
    _check_one_formula(type(entry).__name__, entry.formula, at)
    return formula, {dummy: s for s, dummy in stand_in.items()}


def _check_one_formula(name: str, formula: Callable[..., sp.Expr], at: Sequence[sp.Expr]) -> None:
    """Raise unless a formula at some indices is the one for any indices, with these put in."""
    places = [sp.Dummy(integer=True, positive=True) for _ in at]
    general = sp.sympify(formula(*places)).xreplace(dict(zip(places, at, strict=True)))
    if sp.sympify(formula(*at)) != general:
        message = (
            f"the formula of {name} at {', '.join(map(str, at))} is not the one at other indices: it decides "
            "in Python, which the algebra cannot see; delta(i, j) says that two indices are equal"
        )
        raise ValueError(message)


# What is checked of a statement is checked of the same unfolded one.
@lru_cache(maxsize=256)
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
    >>> from xentlib.proof import i, p
    >>> unfold(p[i]).has(Defined)
    False
    """
    return _unfolded(expr)


def _unfolded(expr: Any) -> Any:
    if isinstance(expr, Defined):
        formula, stands_for = definition(expr)
        return _unfolded(formula).xreplace(stands_for)
    if isinstance(expr, sp.Sum | sp.Product):
        term, (old, first, last) = outermost(expr)
        if first.is_infinite or last.is_infinite:
            message = f"sums and products have finitely many terms, not as in {expr}"
            raise ValueError(message)
        if not first.is_positive:
            message = f"sums and products start at 1 or later, this one does not: {expr}"
            raise ValueError(message)
        new = sp.Dummy(old.name, integer=True, positive=True)
        return expr.func(_unfolded(term).xreplace({old: new}), (new, first, last))
    if isinstance(expr, sp.Subs):
        return _unfolded_at_point(expr)
    if isinstance(expr, ExprWithLimits):
        message = f"the algebra keeps apart the bound indices of sums and products only, not of {expr}"
        raise TypeError(message)
    if not expr.args or isinstance(expr, sp.Indexed):
        return expr
    parts = map(_unfolded, expr.args)
    if isinstance(expr, sp.Expr | sp.Tuple):
        return expr.func(*parts)
    # A statement is left as it stands: SymPy would decide some relations on the spot.
    return expr.func(*parts, evaluate=False)


def _unfolded_at_point(expr: sp.Subs) -> sp.Subs:
    """Name the variables apart for which a point is put in, after checking that they can be there."""
    term, variables, point = expr.args
    new = []
    for variable, number in zip(variables, point, strict=True):
        if not isinstance(variable, sp.Symbol) or variable in (*SIZE, *SIZE.values()):
            message = f"a number is put in for a variable that is no index, no size and no array: {expr}"
            raise ValueError(message)
        lacking = [
            a
            for a in ("positive", "negative", "nonnegative", "nonpositive", "nonzero", "integer")
            if getattr(variable, f"is_{a}") and not getattr(number, f"is_{a}")
        ]
        if number.is_real is False or number.has(sp.I):
            lacking.append("real")
        if lacking:
            message = f"{variable} is assumed to be {lacking[0]}, so that {number} cannot be put in: {expr}"
            raise ValueError(message)
        new.append(sp.Dummy(variable.name, **variable.assumptions0))
    apart = _unfolded(term).xreplace(dict(zip(variables, new, strict=True)))
    return sp.Subs(apart, new, [*map(_unfolded, point)])


p = Quantity("p", softmax_of(lambda *at: z[at]))
"""Softmax of the logits z: p[i] = exp(z[i]) / sum over k of exp(z[k]); p[n, i] for sample n."""

A = Quantity("A", lambda *at: sp.log(sum_over(k, sp.exp(z[(*at, k)]))))
"""Log-sum-exp of the logits z: A[()] = log of the sum over k of exp(z[k]); A[n] for sample n."""

lse = A[()]
"""Log-sum-exp of the logits of one sample, printed A."""


@cache
def symbols_of(expr: Any) -> frozenset[Any]:
    """Return the free symbols of an expression with those inside its named quantities.

    Parameters
    ----------
    expr : Basic
        An expression or a statement.

    Returns
    -------
    frozenset of Symbol
        Sizes, indices, variables and the labels of arrays.

    Examples
    --------
    >>> from xentlib.proof import K, i, p
    >>> symbols_of(p[i]) == {K, i, z.label}
    True
    """
    if isinstance(expr, sp.Symbol):
        return frozenset({expr})
    if isinstance(expr, Defined):
        formula, stands_for = definition(expr)
        return (symbols_of(formula) - stands_for.keys()) | frozenset(stands_for.values())
    if isinstance(expr, sp.Sum | sp.Product):
        term, (index, first, last) = outermost(expr)
        return (symbols_of(term) - {index}) | symbols_of(first) | symbols_of(last)
    if isinstance(expr, sp.Subs):
        term, variables, point = expr.args
        return (symbols_of(term) - set(variables)) | symbols_of(point)
    # Altered statements share most parts, so that it pays to keep what was found.
    return frozenset().union(*map(symbols_of, expr.args)) if isinstance(expr, sp.Basic) else frozenset()


def sizes_of(statement: Any) -> list[sp.Symbol]:
    """Return the sizes that a statement is about, also by its indices and labels.

    Parameters
    ----------
    statement : Basic
        An expression or a statement.

    Returns
    -------
    list of Symbol
        Of K, N and D those that play a role.
    """
    symbols = symbols_of(statement)
    used = symbols | {SIZE[index] for index in symbols & SIZE.keys()} | ({K} if c.label in symbols else set())
    return [size for size in dict.fromkeys(SIZE.values()) if size in used]


def axes_of(expr: Any) -> dict[sp.IndexedBase, list[set[sp.Expr]]]:
    """Return what each axis of each array must reach, as the indices tell that it stands with.

    Parameters
    ----------
    expr : Basic
        An expression or a statement.

    Returns
    -------
    dict
        For each array, by name, and each of its axes sizes such as K, and numbers; an index of unknown
        range stands for itself.

    Examples
    --------
    >>> from xentlib.proof import K, N, n, p
    >>> axes_of(p[n, 2]) == {z: [{N}, {K, 2}]}
    True
    """
    uses: dict[Any, list[list[Any]]] = {}
    for array, indices in _uses(expr):
        if isinstance(array, sp.IndexedBase):
            uses.setdefault(array, []).append([size_of(index) or index for index in indices])
            if len(uses[array][0]) != len(indices):
                message = f"{array} has {len(indices)} indices here and {len(uses[array][0])} there"
                raise ValueError(message)
    return {array: list(map(set, zip(*uses[array], strict=True))) for array in sorted(uses, key=str)}


def functions_of(expr: Any) -> list[sp.Expr]:
    """Return the undefined functions that an expression uses, with their arguments, by name."""
    return sorted((f(*at) for f, at in _uses(expr) if not isinstance(f, sp.IndexedBase)), key=str)


@cache
def _uses(expr: Any) -> frozenset[tuple[Any, tuple[sp.Expr, ...]]]:
    """Return the arrays and undefined functions with their indices; the end stands for a bound one."""
    if isinstance(expr, Defined):
        formula, stands_for = definition(expr)
        return frozenset((used, tuple(a.xreplace(stands_for) for a in at)) for used, at in _uses(formula))
    if isinstance(expr, sp.Sum | sp.Product):
        term, (index, first, last) = outermost(expr)
        inside = {(used, tuple(last if a == index else a for a in at)) for used, at in _uses(term)}
        return _uses(first) | _uses(last) | inside
    parts = frozenset().union(*map(_uses, expr.args)) if isinstance(expr, sp.Basic) else frozenset()
    if isinstance(expr, sp.Indexed):
        return parts | {(expr.base, expr.indices)}
    return parts | {(expr.func, expr.args)} if isinstance(expr, AppliedUndef) else parts


def places(indices: Iterable[sp.Symbol], sizes: Mapping[sp.Symbol, int]) -> Iterator[dict[sp.Symbol, int]]:
    """Yield every place of indices in their ranges.

    Parameters
    ----------
    indices : iterable of Symbol
        Some of those in `SIZE`.
    sizes : mapping
        The size of each range.

    Yields
    ------
    dict
        A number for each index, the last changing first.

    Examples
    --------
    >>> from xentlib.proof import K, i, j
    >>> list(places([i, j], {K: 2}))
    [{i: 1, j: 1}, {i: 1, j: 2}, {i: 2, j: 1}, {i: 2, j: 2}]
    """
    ranges = {index: range(1, sizes[SIZE[index]] + 1) for index in indices}
    return (dict(zip(ranges, place, strict=True)) for place in product(*ranges.values()))
