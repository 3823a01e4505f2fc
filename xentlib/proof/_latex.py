"""How the book prints mathematics: SymPy's LaTeX in the order in which people write it."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.printing.latex import LatexPrinter

from xentlib.proof._symbols import indices_in_latex


class _Printer(LatexPrinter):  # type: ignore[misc]
    """Positive terms first, sums last in a product, every derivative in logits partial."""

    def _print_Indexed(self, expr: sp.Indexed) -> str:
        return f"{self.doprint(expr.base)}_{{{indices_in_latex(expr.indices, self)}}}"

    def _print_KroneckerDelta(self, expr: sp.KroneckerDelta, exp: str | None = None) -> str:
        text = rf"\delta_{{{indices_in_latex(expr.args, self)}}}"
        return text if exp is None else f"{text}^{{{exp}}}"

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
        if expr.expr.is_Mul or expr.expr.is_Add or expr.expr.has(sp.Sum, sp.Product):
            if expr.expr.is_Mul or expr.expr.is_Add:
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
        text = ""
        for place, term in enumerate(terms):
            negative = term.could_extract_minus_sign()
            size = -term if negative else term
            body = self.doprint(size)
            # Without parentheses a sum would seem to swallow the terms after it.
            if size.is_Add or (place < len(terms) - 1 and _ends_in_a_sum(size)):
                body = rf"\left({body}\right)"
            sign = "-" if negative else "+"
            text += f" {sign} {body}" if place else body if sign == "+" else f"- {body}"
        return text

    def _print_Mul(self, expr: sp.Mul) -> str:
        coefficient, rest = expr.as_coeff_Mul()
        if coefficient.is_negative:
            body = self.doprint(-expr)
            return rf"- \left({body}\right)" if (-expr).is_Add else f"- {body}"
        numerator, denominator = sp.fraction(expr, exact=True)
        if denominator != 1:
            return rf"\frac{{{self.doprint(numerator)}}}{{{self.doprint(denominator)}}}"
        *factors, last = sorted(sp.Mul.make_args(rest), key=_rank_of_factor)
        words = [
            self._factor(factor, open_ended=sp.Sum | sp.Product | sp.Derivative | sp.log)
            for factor in factors
        ]
        words.append(self._factor(last, open_ended=()))
        if coefficient != 1:
            times = [r"\cdot"] if words[0][0].isdigit() else []
            words = [self.doprint(coefficient), *times, *words]
        return " ".join(words)

    def _factor(self, factor: sp.Expr, open_ended: Any) -> str:
        """Print a factor, in parentheses if it would seem to swallow the factors after it."""
        text = str(self.doprint(factor))
        return rf"\left({text}\right)" if factor.is_Add or isinstance(factor, open_ended) else text

    def _print_And(self, expr: sp.And) -> str:
        above = {part.gts: part.lts for part in expr.args if isinstance(part, sp.Gt)}
        below = {part.lts: part.gts for part in expr.args if isinstance(part, sp.Lt)}
        if len(expr.args) == 2 and len(above) == 1 and above.keys() == below.keys():
            ((middle, low),) = above.items()
            return f"{self.doprint(low)} < {self.doprint(middle)} < {self.doprint(below[middle])}"
        return r",\qquad ".join(map(self.doprint, sorted(expr.args, key=sp.default_sort_key)))

    def _print_Equivalent(self, expr: sp.Equivalent, altchar: Any = None) -> str:
        parts = sorted(expr.args, key=lambda part: (part.has(sp.Function), sp.default_sort_key(part)))
        return r" \quad\Longleftrightarrow\quad ".join(map(self.doprint, parts))


def _ends_in_a_sum(expr: sp.Expr) -> bool:
    if isinstance(expr, sp.log):
        return isinstance(expr.args[0], sp.Sum)
    return isinstance(expr, sp.Sum)


def _rank_of_term(term: sp.Expr) -> Any:
    kinds = (term.is_number, term.has(sp.KroneckerDelta), term.has(sp.Indexed, sp.Function))
    return [not kind for kind in kinds], sp.default_sort_key(term)


def _rank_of_factor(factor: sp.Expr) -> Any:
    return (
        factor.has(sp.log, sp.Sum, sp.Product),
        factor.is_Add,
        factor.has(sp.Derivative),
        sp.default_sort_key(factor),
    )


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

    References
    ----------
    What KaTeX reads: https://katex.org/docs/supported.

    Examples
    --------
    >>> from xentlib.proof import delta, i, j, p
    >>> print(to_latex(p[i] * (delta(i, j) - p[j])))
    p_{i} \left(\delta_{ij} - p_{j}\right)
    """
    return str(_Printer().doprint(expr))
