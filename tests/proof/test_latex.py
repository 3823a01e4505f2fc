"""What is printed must be what was checked: the exact LaTeX of expressions that could be misread."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sympy as sp

from xentlib.proof import K, N, delta, i, j, k, lse, n, p, product_over, sum_over, to_latex, z
from xentlib.proof import c as labels

c = sp.Symbol("c", real=True)

y = sp.IndexedBase("y", real=True)
X = sp.IndexedBase("X", real=True)
x = sp.Symbol("x", real=True)
f = sp.Function("f")
CROSS_ENTROPY = -sum_over(k, y[k] * sp.log(p[k]))
TOTAL = r"\sum_{k=1}^{K} y_{k}"

EXACT = [
    (p[i] * (delta(i, j) - p[j]), r"p_{i} \left(\delta_{ij} - p_{j}\right)"),
    (sp.Derivative(p[i], z[j]), r"\frac{\partial p_{i}}{\partial z_{j}}"),
    (sp.Derivative(lse, z[i], z[j]), r"\frac{\partial^{2} A}{\partial z_{i}\,\partial z_{j}}"),
    (sp.Derivative(lse, z[i], z[i]), r"\frac{\partial^{2} A}{\partial z_{i}^{2}}"),
    (sp.Derivative(f(x), x), r"\frac{\mathrm{d} f{\left(x \right)}}{\mathrm{d} x}"),
    (
        sp.Derivative(CROSS_ENTROPY, z[j]),
        r"\frac{\partial}{\partial z_{j}} \left(- \sum_{k=1}^{K} y_{k} \log p_{k}\right)",
    ),
    (sp.Derivative(x + c, x), r"\frac{\mathrm{d}}{\mathrm{d} x} \left(c + x\right)"),
    (sp.Derivative(sp.log(sum_over(k, y[k])), y[j]), rf"\frac{{\partial}}{{\partial y_{{j}}}} \log {TOTAL}"),
    (p[i] * sp.Derivative(lse, z[j]), r"p_{i} \frac{\partial A}{\partial z_{j}}"),
    (p[i] / p[j], r"\frac{p_{i}}{p_{j}}"),
    (sp.exp(-z[i]) * sp.exp(z[j]), r"e^{- z_{i}} e^{z_{j}}"),
    (sp.exp(-z[i]) / x, r"\frac{e^{- z_{i}}}{x}"),
    (CROSS_ENTROPY / N, r"- \frac{\sum_{k=1}^{K} y_{k} \log p_{k}}{N}"),
    (sp.log(p[i]) ** 2, r"\log^{2} p_{i}"),
    (sp.log(p[i] / p[j]), r"\log \left(\frac{p_{i}}{p_{j}}\right)"),
    (p[i] ** 2, r"p_{i}^{2}"),
    (lse**2 - 1, r"A^{2} - 1"),
    (x - (y[i] + z[i]), r"x - y_{i} - z_{i}"),
    (sp.Add(x, sp.Mul(-1, c + 1, evaluate=False), evaluate=False), r"x - \left(1 + c\right)"),
    (-x - 1, "- 1 - x"),
    (x - sum_over(k, y[k]), rf"x - {TOTAL}"),
    # What a reader would otherwise take into the logarithm, the sum or the derivative.
    (2 * sp.log(p[i]) * y[i], r"2 y_{i} \log p_{i}"),
    (sp.log(p[i]) * y[i] / p[j], r"\frac{y_{i} \log p_{i}}{p_{j}}"),
    (sp.log(p[i]) * (1 - y[i]), r"\left(1 - y_{i}\right) \log p_{i}"),
    (sp.log(p[i]) * sp.log(p[j]), r"\left(\log p_{i}\right) \log p_{j}"),
    (sp.log(x) * sum_over(k, y[k]), rf"\left(\log x\right) {TOTAL}"),
    (sum_over(k, y[k]) * sum_over(n, y[n]), rf"\left({TOTAL}\right) \sum_{{n=1}}^{{N}} y_{{n}}"),
    (sum_over(k, y[k] + z[k]), r"\sum_{k=1}^{K} \left(y_{k} + z_{k}\right)"),
    (sum_over(k, y[k]) + x, rf"\left({TOTAL}\right) + x"),
    (
        sp.log(sum_over(k, y[k])) + sum_over(k, z[k]),
        rf"\left(\log {TOTAL}\right) + \sum_{{k=1}}^{{K}} z_{{k}}",
    ),
    (sum_over(k, y[k]) ** 2, rf"\left({TOTAL}\right)^{{2}}"),
    (2 * 3**x, r"2 \cdot 3^{x}"),
    (2 * sp.sqrt(2) * x, r"2 \sqrt{2} x"),
    (sp.Mul(-1, x + 1, evaluate=False), r"- \left(1 + x\right)"),
    # Subscripts that would run together.
    (X[n, k], "X_{nk}"),
    (z[1], "z_{1}"),
    (X[1, 12], "X_{1,12}"),
    (X[n, i + 1], "X_{n,1 + i}"),
    (delta(i, 1), r"\delta_{1,i}"),
    (delta(i, j) ** x, r"\delta_{ij}^{x}"),
    (p[12], "p_{12}"),
    (p[n, labels[n]], "p_{nc_{n}}"),
    (X[n, labels[n]], "X_{nc_{n}}"),
    (z[labels[1]], "z_{c_{1}}"),
    (delta(k, labels[n]), r"\delta_{kc_{n}}"),
    (X[labels[n], 12], "X_{c_{n},12}"),
    (product_over(n, p[n, labels[n]]), r"\prod_{n=1}^{N} p_{nc_{n}}"),
    (product_over(n, y[n] + 1), r"\prod_{n=1}^{N} \left(1 + y_{n}\right)"),
    (
        product_over(n, y[n]) * sum_over(k, y[k]),
        rf"\left(\prod_{{n=1}}^{{N}} y_{{n}}\right) {TOTAL}",
    ),
    (sp.log(product_over(n, y[n])), r"\log \prod_{n=1}^{N} y_{n}"),
    (x * product_over(n, y[n]), r"x \prod_{n=1}^{N} y_{n}"),
    (sum_over(n, sum_over(k, X[n, k])), r"\sum_{\substack{1 \leq k \leq K\\1 \leq n \leq N}} X_{nk}"),
    # Statements.
    (sp.Ge(p[i], y[i]), r"p_{i} \geq y_{i}"),
    (sp.Le(p[i], y[i]), r"p_{i} \leq y_{i}"),
    (sp.Ne(y[i], y[j]), r"y_{i} \neq y_{j}"),
    (sp.And(p[i] >= 0, p[i] <= 1), r"p_{i} \geq 0,\qquad p_{i} \leq 1"),
    (K >= 2, r"K \geq 2"),
    (sp.Eq(sum_over(k, p[k]), 1), r"\sum_{k=1}^{K} p_{k} = 1"),
    (sp.And(p[i] > 0, p[i] < 1), r"0 < p_{i} < 1"),
    (sp.And(p[i] > 0, z[i] < 1), r"p_{i} > 0,\qquad z_{i} < 1"),
    (sp.And(p[i] > 0, p[j] > 0, p[i] < 1), r"p_{i} > 0,\qquad p_{j} > 0,\qquad p_{i} < 1"),
    (
        sp.Equivalent(p[i] > p[j], z[i] > z[j]),
        r"z_{i} > z_{j} \quad\Longleftrightarrow\quad p_{i} > p_{j}",
    ),
]


@pytest.mark.parametrize(("expr", "latex"), EXACT, ids=[latex for _, latex in EXACT])
def test_exact_latex(expr: Any, latex: str) -> None:
    assert to_latex(expr) == latex


@pytest.mark.parametrize("expr", [expr for expr, _ in EXACT], ids=str)
def test_braces_and_delimiters_are_balanced_and_known_to_katex(expr: Any) -> None:
    latex = to_latex(expr)
    assert latex.count("{") == latex.count("}")
    assert latex.count(r"\left(") == latex.count(r"\right)")
    names = set(re.findall(r"\\([A-Za-z]+)", latex))
    assert names <= {
        "left", "right", "frac", "partial", "mathrm", "delta", "sum", "prod", "log", "sqrt", "cdot",
        "geq", "leq", "neq", "qquad", "quad", "Longleftrightarrow", "substack",
    }  # fmt: skip
