"""How the book prints mathematics: SymPy's LaTeX in the order in which people write it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import sympy as sp
from sympy.printing.latex import LatexPrinter

from xentlib.proof.core.symbols import indices_in_latex, outermost


class _Printer(LatexPrinter):  # type: ignore[misc]
    """Positive terms first, sums last in a product, every derivative in logits partial."""

    def _print_Indexed(self, expr: sp.Indexed) -> str:
        name = self.doprint(expr.base)
        # TeX takes one subscript only, unless braces close the name.
        braced = f"{{{name}}}" if "_" in name else name
        return f"{braced}_{{{indices_in_latex(expr.indices, self)}}}"

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
        total = expr.expr.has(sp.Sum, sp.Product)
        if expr.expr.is_Mul or expr.expr.is_Add or body.startswith("-") or (total and expr.expr.is_Pow):
            return rf"\frac{{{above}}}{{{below}}} {_in_parentheses(body)}"
        return rf"\frac{{{above}}}{{{below}}} {body}" if total else rf"\frac{{{above} {body}}}{{{below}}}"

    def _print_Subs(self, expr: sp.Subs) -> str:
        term, variables, point = expr.args
        # Brackets, for a bar alone would not say where that begins which is taken at a point.
        at = ",".join(f"{self.doprint(x)}={self.doprint(a)}" for x, a in zip(variables, point, strict=True))
        return rf"\left[{self.doprint(term)}\right]_{{{at}}}"

    def _print_log(self, expr: sp.log, exp: str | None = None) -> str:
        (argument,) = expr.args
        body = self.doprint(argument)
        if argument.is_Add or argument.is_Mul or argument.is_Pow or body.startswith("-"):
            body = _in_parentheses(body)
        return rf"\log {body}" if exp is None else rf"\log^{{{exp}}} {body}"

    def _print_Sum(self, expr: sp.Sum) -> str:
        return self._total(r"\sum", expr)

    def _print_Product(self, expr: sp.Product) -> str:
        return self._total(r"\prod", expr)

    def _total(self, sign: str, expr: sp.Sum | sp.Product) -> str:
        if len(expr.limits) > 1 and not _depends_on_order(expr.limits):
            return str(super()._print_Sum(expr) if sign == r"\sum" else super()._print_Product(expr))
        part, limits = outermost(expr)
        index, first, last = map(self.doprint, limits)
        body = self.doprint(part)
        return rf"{sign}_{{{index}={first}}}^{{{last}}} {_in_parentheses(body) if part.is_Add else body}"

    def _print_Pow(self, expr: sp.Pow) -> str:
        # SymPy has ways of its own for powers of 1/2 and of -1, one with small parentheses, one without end.
        if expr.exp.is_Rational and expr.exp.is_negative:
            return self._print_Mul(expr)
        if isinstance(expr.base, sp.Subs):
            # A number above the place would look like the upper one of two between which is evaluated.
            return f"{_in_parentheses(self.doprint(expr.base))}^{{{self.doprint(expr.exp)}}}"
        return str(super()._print_Pow(expr))

    def _print_Add(self, expr: sp.Add, order: Any = None) -> str:
        text, terms = "", in_order(expr)
        for place, (negative, size) in enumerate(terms):
            body = self.doprint(size)
            # Without parentheses a sum would seem to swallow the terms after it.
            if place < len(terms) - 1 and _is_open(body):
                above, below = fraction(size)
                whole = len(above) < 2 or below
                body = _in_parentheses(body) if whole else self._product(above, closed=True)
            elif size.is_Add or (body.startswith("-") and (place or negative)):
                body = _in_parentheses(body)
            sign = "-" if negative else "+"
            text += f" {sign} {body}" if place else body if sign == "+" else f"- {body}"
        return text

    def _print_Mul(self, expr: sp.Expr) -> str:
        negative, size = sign_and_size(expr)
        if negative:
            body = self.doprint(size)
            return f"- {_in_parentheses(body)}" if size.is_Add or body.startswith("-") else f"- {body}"
        above, below = fraction(expr)
        if below:
            return rf"\frac{{{self._product(above)}}}{{{self._product(below)}}}"
        return self._product(above)

    def _product(self, factors: list[sp.Expr], *, closed: bool = False) -> str:
        """Print factors side by side, numbers first; what follows may be kept out of a sum at the end."""
        if len(factors) < 2:
            return "".join(map(self.doprint, factors)) or "1"
        numbers = [factor for factor in factors if factor.is_Rational]
        others = sorted((f for f in factors if not f.is_Rational), key=place_of_factor)
        text = ""
        for place, factor in enumerate([*numbers, *others], start=1):
            word = str(self.doprint(factor))
            swallows = place < len(factors) and (
                isinstance(factor, sp.Derivative) or word.startswith((r"\log", r"\sum", r"\prod"))
            )
            # It would seem to swallow the factors after it, or to take a minus for a difference.
            if factor.is_Add or swallows or (closed and _is_open(word)) or word.startswith("-"):
                word = _in_parentheses(word)
            joined = r" \cdot " if word[0].isdigit() or (factor.is_Rational and place > 1) else " "
            text += joined + word if text else word
        return text

    def _print_And(self, expr: sp.And) -> str:
        above = {part.gts: part.lts for part in expr.args if isinstance(part, sp.Gt)}
        below = {part.lts: part.gts for part in expr.args if isinstance(part, sp.Lt)}
        if len(expr.args) == 2 and len(above) == 1 and above.keys() == below.keys():
            ((middle, low),) = above.items()
            return f"{self.doprint(low)} < {self.doprint(middle)} < {self.doprint(below[middle])}"
        return r",\qquad ".join(map(self.doprint, sorted(expr.args, key=sp.default_sort_key)))

    def _print_Equivalent(self, expr: sp.Equivalent, altchar: Any = None) -> str:
        return r" \quad\Longleftrightarrow\quad ".join(map(self.doprint, equivalents(expr)))


def _in_parentheses(text: str) -> str:
    return rf"\left({text}\right)"


def _depends_on_order(limits: Sequence[sp.Tuple]) -> bool:
    """Return whether limits in one list would not tell which of them is the inner one."""
    indices = [index for index, _, _ in limits]
    outer = [(inner, outer) for place, (inner, _, _) in enumerate(limits) for outer in limits[place + 1 :]]
    return len(set(indices)) < len(indices) or any(limit.has(index) for index, limit in outer)


def sign_and_size(expr: sp.Expr) -> tuple[bool, sp.Expr]:
    """Return whether an expression begins with a minus, and what follows it."""
    if expr.is_Rational:
        return bool(expr.is_negative), abs(expr)
    factors = _factors(expr)
    first = next((place for place, factor in enumerate(factors) if factor.is_Rational), None)
    if len(factors) < 2 or first is None or not factors[first].is_negative:
        return False, expr
    number = [] if factors[first] == -1 else [-factors[first]]
    return True, sp.Mul(*factors[:first], *number, *factors[first + 1 :], evaluate=False)


def _factors(expr: sp.Expr) -> list[sp.Expr]:
    """Return the factors of a product, and of the products in it."""
    return [inner for factor in expr.args for inner in _factors(factor)] if expr.is_Mul else [expr]


def fraction(expr: sp.Expr) -> tuple[list[sp.Expr], list[sp.Expr]]:
    """Return what stands above and below the line: powers of negative exponent below, as people write."""
    above, below = [], []
    for factor in _factors(expr):
        base, exponent = _base_and_exponent(factor)
        if factor.is_Rational:
            above += [sp.Integer(factor.p)] if factor.p != 1 or factor.q == 1 else []
            below += [sp.Integer(factor.q)] if factor.q != 1 else []
        elif exponent == -1:
            below.append(base)
        elif exponent.is_number and exponent.is_negative:
            below.append(sp.Pow(base, -exponent, evaluate=False))
        else:
            above.append(factor)
    return above, below


def _base_and_exponent(factor: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    # SymPy's own way would turn 1/2 to the power -3 into 2 to the power 3.
    if factor.is_Pow:
        base, exponent = factor.args
        return base, exponent
    return (sp.E, factor.args[0]) if isinstance(factor, sp.exp) else (factor, sp.S.One)


def _is_open(text: str) -> bool:
    """Return whether a formula has a sum or a product outside of all braces and parentheses."""
    depth = 0
    for token in re.findall(r"\\left(?![a-z])|\\right(?![a-z])|\\sum|\\prod|\\?[{}]", text):
        if depth == 0 and token in (r"\sum", r"\prod"):
            return True
        depth += (token in (r"\left", "{")) - (token in (r"\right", "}"))
    return False


def in_order(total: sp.Add) -> list[tuple[bool, sp.Expr]]:
    """Return the terms of a sum as people write them: whether a minus is before each, and what follows it."""
    terms = sorted(((*sign_and_size(term), term) for term in total.args), key=_place_of_term)
    return [(negative, size) for negative, size, _ in terms]


def _place_of_term(term: tuple[bool, sp.Expr, sp.Expr]) -> Any:
    negative, _, whole = term
    kinds = (whole.is_number, whole.has(sp.KroneckerDelta), whole.has(sp.Indexed, sp.Function))
    return negative, [not kind for kind in kinds], sp.default_sort_key(whole)


def equivalents(statement: sp.Equivalent) -> list[Any]:
    """Return the sides of an equivalence, the simpler first."""
    return sorted(statement.args, key=lambda part: (part.has(sp.Function), sp.default_sort_key(part)))


def place_of_factor(factor: sp.Expr) -> Any:
    """Return what factors are sorted by."""
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
