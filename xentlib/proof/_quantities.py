"""Named quantities: printed by their name, proved by their formula."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import signature
from itertools import product
from typing import Any

import sympy as sp

from xentlib.proof.core.symbols import SIZE, indices_in_latex, k, sum_over, z
from xentlib.proof.core.unfold import Defined, definition, unfold


class Entry(Defined):
    """An entry of a `Quantity`: printed by its name, proved by its formula."""

    @property
    def _diff_wrt(self) -> bool:
        """Of SymPy's question by what a derivative may be taken."""
        message = (
            f"{self} is a formula of {', '.join(map(str, self.of))}, and no variable to take a derivative "
            'by: take an array such as IndexedBase("q", positive=True)'
        )
        raise ValueError(message)

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
        if exp is not None and "^" in text:
            text = rf"\left({text}\right)"
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
        # SymPy keeps a derivative only with respect to what it sees among the arguments.
        self._of = _depends_on(formula)
        self._head = type(
            name, (Entry,), {"formula": staticmethod(formula), "inputs": len(self._of), "of": self._of}
        )
        index = sp.Dummy("k", integer=True, positive=True)
        for at in product((sp.S.One, sp.Integer(2), index), repeat=count):
            definition(self[at])

    def _sympy_(self) -> sp.Expr:
        """Refuse to be an expression, as SymPy asks it to be in an equation."""
        name = self._head.__name__
        message = f"{name} is a quantity, of which a formula uses entries such as {name}[i]"
        raise TypeError(message)

    def __getitem__(self, index: Any) -> sp.Expr:
        """Return the entry at one index or at a tuple of indices."""
        indices = [sp.sympify(at) for at in (index if isinstance(index, tuple) else (index,))]
        if not all(isinstance(at, sp.Expr) for at in indices):
            message = (
                f"the entries of {self._head.__name__} stand at indices such as i or 1, not at {index!r}"
            )
            raise TypeError(message)
        return self._head(*self._of, *indices)


def _check_expression(name: str, found: Any) -> None:
    if isinstance(found, str) or not isinstance(sp.sympify(found), sp.Expr):
        message = f"the formula of {name} returns {found!r}, which is no expression"
        raise TypeError(message)


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


p = Quantity("p", softmax_of(lambda *at: z[at]))
"""Softmax of the logits z: p[i] = exp(z[i]) / sum over k of exp(z[k]); p[n, i] for sample n."""

A = Quantity("A", lambda *at: sp.log(sum_over(k, sp.exp(z[(*at, k)]))))
"""Log-sum-exp of the logits z: A[()] = log of the sum over k of exp(z[k]); A[n] for sample n."""

lse = A[()]
"""Log-sum-exp of the logits of one sample, printed A."""
