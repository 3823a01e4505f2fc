"""How the book prints mathematics: SymPy's LaTeX in the order in which people write it."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.printing.latex import LatexPrinter

__all__ = ["to_latex"]


class _Printer(LatexPrinter):  # type: ignore[misc]
    """Positive terms first, sums last in a product, every derivative in logits partial."""

    def _print_Indexed(self, expr: sp.Indexed) -> str:
        indices = "".join(map(self.doprint, expr.indices))
        return f"{self.doprint(expr.base)}_{{{indices}}}"

    def _print_KroneckerDelta(self, expr: sp.KroneckerDelta, exp: str | None = None) -> str:
        return rf"\delta_{{{''.join(map(self.doprint, expr.args))}}}"

    def _print_Derivative(self, expr: sp.Derivative) -> str:
        partial = any(isinstance(variable, sp.Indexed) for variable, _ in expr.variable_count)
        d = r"\partial" if partial else r"\mathrm{d}"
        order = sum(count for _, count in expr.variable_count)
        above = d + (f"^{{{order}}}" if order > 1 else "")
        below = r"\,".join(
            rf"{d} {self.doprint(variable)}" + (f"^{{{count}}}" if count > 1 else "")
            for variable, count in expr.variable_count
        )
        body = self.doprint(expr.expr)
        if expr.expr.is_Mul or expr.expr.is_Add or expr.expr.has(sp.Sum):
            if expr.expr.is_Add:
                body = rf"\left({body}\right)"
            return rf"\frac{{{above}}}{{{below}}} {body}"
        return rf"\frac{{{above} {body}}}{{{below}}}"

    def _print_log(self, expr: sp.log, exp: str | None = None) -> str:
        (argument,) = expr.args
        body = self.doprint(argument)
        if argument.is_Add or argument.is_Mul or argument.is_Pow:
            body = rf"\left({body}\right)"
        return rf"\log {body}" if exp is None else rf"\log^{{{exp}}} {body}"

    def _print_Add(self, expr: sp.Add, order: Any = None) -> str:
        terms = sorted(expr.args, key=lambda t: (t.could_extract_minus_sign(), _rank_of_term(t)))
        first, *others = terms
        text = self.doprint(first)
        for term in others:
            if term.could_extract_minus_sign():
                positive = -term
                body = self.doprint(positive)
                text += rf" - \left({body}\right)" if positive.is_Add else f" - {body}"
            else:
                text += f" + {self.doprint(term)}"
        return text

    def _print_Mul(self, expr: sp.Mul) -> str:
        if expr.as_numer_denom()[1] != 1 or any(f.is_number for f in expr.args):
            return str(super()._print_Mul(expr))
        factors = sorted(expr.args, key=_rank_of_factor)
        return " ".join(
            rf"\left({self.doprint(f)}\right)"
            if f.is_Add or (isinstance(f, sp.Sum | sp.Derivative) and f is not factors[-1])
            else self.doprint(f)
            for f in factors
        )

    def _print_And(self, expr: sp.And) -> str:
        return r",\qquad ".join(map(self.doprint, sorted(expr.args, key=sp.default_sort_key)))

    def _print_Equivalent(self, expr: sp.Equivalent, altchar: Any = None) -> str:
        parts = sorted(expr.args, key=lambda part: (part.has(sp.Function), sp.default_sort_key(part)))
        return r" \quad\Longleftrightarrow\quad ".join(map(self.doprint, parts))


def _rank_of_term(term: sp.Expr) -> Any:
    kinds = (term.is_number, term.has(sp.KroneckerDelta), term.has(sp.Indexed, sp.Function))
    return [not kind for kind in kinds], sp.default_sort_key(term)


def _rank_of_factor(factor: sp.Expr) -> Any:
    return factor.is_Add, factor.has(sp.log, sp.Sum), factor.has(sp.Derivative), sp.default_sort_key(factor)


def to_latex(expr: Any) -> str:
    r"""Return an expression or a statement as LaTeX, without delimiters.

    Parameters
    ----------
    expr : Basic
        What is to be printed.

    Returns
    -------
    str
        LaTeX for KaTeX, MathJax or TeX.

    Examples
    --------
    >>> from xentlib.symbolic import delta, i, j, p
    >>> print(to_latex(p[i] * (delta(i, j) - p[j])))
    p_{i} \left(\delta_{ij} - p_{j}\right)
    """
    return str(_Printer().doprint(expr))
