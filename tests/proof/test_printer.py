"""What is printed is read back, by a reader that knows nothing of the printer: see `reading`."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
import sympy as sp
from deep import seeds
from readback import fault

from xentlib.proof import (  # fmt: skip
    K,
    N,
    Quantity,
    c,
    d,
    delta,
    i,
    j,
    k,
    lse,
    n,
    named,
    p,
    product_over,
    sum_over,
    t,
    to_latex,
    v,
    y,
    z,
)

a = sp.Symbol("a", positive=True)
x = sp.Symbol("x", real=True)
f, g = sp.Function("f"), sp.Function("g")
q = sp.IndexedBase("q", positive=True)
X = sp.IndexedBase("X", real=True)
H = named("H(y)", -sum_over(k, q[k] * sp.log(q[k])))
mu = named("mu", sum_over(k, q[k] * z[k]))
B = Quantity("B_q", lambda i: z[i] * q[i])
Y = Quantity("Y", lambda n, i: X[n, i] * q[i])


def mul(*factors: Any) -> sp.Expr:
    return sp.Mul(*factors, evaluate=False)


def add(*terms: Any) -> sp.Expr:
    return sp.Add(*terms, evaluate=False)


def power(base: Any, exponent: Any) -> sp.Expr:
    return sp.Pow(base, exponent, evaluate=False)


TOTAL = sum_over(k, y[k])

# Each was printed so that it said something else, or nothing, or was not printed at all.
MENDED = [
    (mul(p[i], -p[j], sum_over(k, p[k])), r"- p_{i} p_{j} \sum_{k=1}^{K} p_{k}"),
    (mul(2, -3, x), r"2 \cdot \left(-3\right) x"),
    (mul(x, 12, a, 2), r"12 \cdot 2 a x"),
    (mul(x, -3, a), r"- 3 a x"),
    (mul(-1, -1, x), r"- \left(- x\right)"),
    (mul(-2, -1, x), r"- 2 \cdot \left(-1\right) x"),
    (mul(mul(a, x), mul(x, -2)), r"- 2 a x x"),
    (mul(mul(a, TOTAL), x), r"a x \sum_{k=1}^{K} y_{k}"),
    (mul(sp.Rational(7, 5), -2, x), r"\frac{7 \cdot \left(-2\right) x}{5}"),
    (mul(0, -3), r"0 \cdot \left(-3\right)"),
    (mul(2, 3**x, 5**x), r"2 \cdot 3^{x} \cdot 5^{x}"),
    (power(x, mul(-1, -1)), r"x^{- \left(-1\right)}"),
    (add(a, mul(x, -3)), r"a - 3 x"),
    (add(1, mul(-1, -2, x)), r"1 - \left(- 2 x\right)"),
    (add(mul(mul(-1, a), -1), x), r"x - \left(- a\right)"),
    (mul(sp.log(a) ** 2, sp.log(q[i])), r"\left(\log^{2} a\right) \log q_{i}"),
    (sp.log(mul(-3, -2), evaluate=False), r"\log \left(- 3 \cdot \left(-2\right)\right)"),
    (power(power(sp.Rational(1, 2), -3), x), r"\left(\frac{1}{\left(\frac{1}{2}\right)^{3}}\right)^{x}"),
    (power(-1, -2), r"\frac{1}{\left(-1\right)^{2}}"),
    (sp.Derivative(sp.Integer(-3), x), r"\frac{\mathrm{d}}{\mathrm{d} x} \left(-3\right)"),
    (
        sp.Derivative(TOTAL**2, y[j]),
        r"\frac{\partial}{\partial y_{j}} \left(\left(\sum_{k=1}^{K} y_{k}\right)^{2}\right)",
    ),
    (sp.Sum(z[k], (k, 1, 2), (k, 1, K)), r"\sum_{k=1}^{K} \sum_{k=1}^{2} z_{k}"),
    (sp.Sum(z[k] * i, (k, 1, j), (j, 1, k)), r"\sum_{j=1}^{k} \sum_{k=1}^{j} i z_{k}"),
    (z[i * j], r"z_{\left(i j\right)}"),
    (B[i], r"{B_{q}}_{i}"),
    (B[i] ** 2, r"{B_{q}}_{i}^{2}"),
]


@pytest.mark.parametrize(("expr", "latex"), MENDED, ids=[latex for _, latex in MENDED])
def test_what_was_misprinted(expr: Any, latex: str) -> None:
    assert to_latex(expr) == latex
    assert fault(expr, latex) == ""


LOSS = -sum_over(k, y[k] * sp.log(p[k]))

# A statement, what stands in its LaTeX, and what a printer in error would have put there.
PLANTED = [
    (LOSS, "- ", ""),
    (x - a - z[i], "- z", "+ z"),
    (p[i] * (delta(i, j) - p[j]), r"\left(\delta_{ij} - p_{j}\right)", r"\delta_{ij} - p_{j}"),
    (sum_over(k, y[k] + z[k]), r"\left(y_{k} + z_{k}\right)", "y_{k} + z_{k}"),
    (TOTAL**2, r"\left(\sum_{k=1}^{K} y_{k}\right)^{2}", r"\sum_{k=1}^{K} y_{k}^{2}"),
    (sp.log(q[i] * a), r"\left(a q_{i}\right)", "a q_{i}"),
    (sp.log(a) ** 2, r"\log^{2} a", r"\log a^{2}"),
    (sp.exp(x + a), "e^{a + x}", "e^{a} + x"),
    (X[n, k], "X_{nk}", "X_{kn}"),
    (Y[n, 2], "Y_{n,2}", "Y_{2,n}"),
    (X[n, 12], "X_{n,12}", "X_{n12}"),
    (Y[n, c[n]], "Y_{nc_{n}}", "Y_{nc_{1}}"),
    (sp.Derivative(p[i], z[j]), r"\partial z_{j}", r"\partial z_{i}"),
    (sp.Derivative(lse, z[i], z[j]), r"\partial^{2} A", r"\partial A"),
    (sp.Derivative(lse, z[i], z[i]), r"z_{i}^{2}", r"z_{i}\,\partial z_{j}"),
    (sp.Derivative(x**2 + a, x), r"\left(a + x^{2}\right)", "a + x^{2}"),
    (sum_over(k, y[k] ** 2), "=1}^{K}", "=2}^{K}"),
    (sum_over(k, y[k] ** 2), "^{K}", "^{K - 1}"),
    (product_over(n, X[n, k]), r"\prod", r"\sum"),
    (sum_over(n, sum_over(k, X[n, k])), r"1 \leq n \leq N", r"1 \leq n \leq K"),
    (sp.exp(-z[i]), "- z", "z"),
    (a**-x, "- x", "x"),
    (a**x, "a^{x}", "x^{a}"),
    (sp.sqrt(a), r"\sqrt{a}", r"\sqrt[3]{a}"),
    (p[i] / q[j], r"\frac{p_{i}}{q_{j}}", r"\frac{q_{j}}{p_{i}}"),
    (p[i] / q[j], r"\frac{p_{i}}{q_{j}}", "p_{i} q_{j}"),
    (delta(i, j) * a, r"\delta_{ij}", r"\delta_{ik}"),
    (f(x) * a, r"f{\left(x \right)}", r"f{\left(a \right)}"),
    (sp.Subs(sp.Derivative(f(x), x), x, p[i]), "x=p_{i}", "x=2 p_{i}"),
    (a * sp.Subs(sp.Derivative(x**3, x), x, z[i] + 1), "x^{3}", "x^{2}"),
    (abs(z[i] - 4), r"\left|{z_{i} - 4}\right|", r"\left(z_{i} - 4\right)"),
    (sp.Max(a, x), r"\max\left(a, x\right)", r"\max\left(a, 2 x\right)"),
    (lse * mu, "A", r"\mu"),
    (sp.Lt(p[i], q[i]), "<", r"\leq"),
    (sp.Le(p[i], q[i]), r"\leq", "<"),
    (sp.Ge(p[i], q[i]), r"\geq", r"\leq"),
    (sp.Eq(p[i], q[i]), "=", r"\neq"),
    (sp.Eq(p[i], q[i]), "q_{i}", "q_{j}"),
    (sp.And(p[i] > 0, p[i] < 1), "0 < p_{i} < 1", "1 < p_{i} < 0"),
    (sp.And(p[i] > 0, z[i] < 1), "z_{i} < 1", "z_{i} > 1"),
    (sp.Equivalent(p[i] > p[j], z[i] > z[j]), "z_{i} > z_{j}", "z_{j} > z_{i}"),
    (sp.Equivalent(p[i] > p[j], z[i] > z[j]), r"\quad\Longleftrightarrow\quad", r",\qquad "),
]


@pytest.mark.parametrize(("expr", "right", "wrong"), PLANTED)
def test_a_planted_error_is_noticed(expr: Any, right: str, wrong: str) -> None:
    latex = to_latex(expr)
    assert fault(expr, latex) == ""
    assert right in latex
    assert fault(expr, latex.replace(right, wrong, 1))


@pytest.mark.parametrize(
    ("expr", "latex"),
    [
        (sp.log(a) * x, r"\log a x"),
        (sp.log(a) * x, r"\log a \cdot x"),
        (sp.log(a + 1) * x, r"\log \left(a + 1\right) x"),
        (sp.log(a) ** 2, r"\log \left(a\right)^{2}"),
        (-sp.log(a) * x, r"x \log - a"),
        (2 * sp.Integer(3) * x, "2 3 x"),
        (2 * x, "x 2"),
        (sp.Derivative(x + a, x) * a, r"\frac{\mathrm{d}}{\mathrm{d} x} \left(a + x\right) a"),
        (sp.Derivative((x + a) ** 2, x), r"\frac{\mathrm{d}}{\mathrm{d} x} \left(a + x\right)^{2}"),
        ((p[i] / p[j]) ** 2, r"\frac{p_{i}}{p_{j}}^{2}"),
        (sp.Sum(z[k], (k, 1, 2), (k, 1, K)), r"\sum_{\substack{1 \leq k \leq 2\\1 \leq k \leq K}} z_{k}"),
        (z[1] + sp.Symbol("z_1", real=True), "z_{1} + z_{1}"),
        (TOTAL + sp.Symbol("k", real=True), r"\left(\sum_{k=1}^{K} y_{k}\right) + k"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(expr: Any, latex: str) -> None:
    assert fault(expr, latex).startswith("Ambiguous")


NAMES = [
    x, a, t, K, N, lse, H, mu, p[i], p[j], z[i], z[k], z[2], z[i * j], q[k], q[i], q[c[n]], B[i], B[1], v[d],
    X[n, k], Y[n, c[n]], Y[n, 1], Y[i, j + 1], delta(i, j), delta(i, k), f(x), g(x), sp.pi, sp.E,
    *map(sp.Integer, (0, 1, 2, 3, 12, -1, -2, -3)), sp.Rational(1, 2), sp.Rational(-2, 3), sp.Rational(7, 5),
]  # fmt: skip
EXPONENTS = [-1, 2, -2, 3, *map(sp.Rational, ("1/2", "-1/2", "1/3", "2/3", "-3/2")), x, -x, K, z[i]]


def grown(random: Random, depth: int) -> Any:
    """Return a random expression, which SymPy does not simplify."""
    if depth == 0 or random.random() < 0.1:
        return random.choice(NAMES)

    def part() -> Any:
        return grown(random, depth - 1)

    def several() -> list[Any]:
        return [part() for _ in range(random.choice([2, 2, 3]))]

    forms = [
        lambda: add(*several()),
        lambda: add(*several()),
        lambda: add(part(), mul(-1, part())),
        lambda: mul(*several()),
        lambda: mul(*several()),
        lambda: mul(-1, part()),
        lambda: mul(part(), power(part(), -1)),
        lambda: power(part(), random.choice(EXPONENTS)),
        lambda: power(part(), part()),
        lambda: random.choice([sp.exp, sp.log, sp.Abs, sp.tanh, sp.erf])(part(), evaluate=False),
        lambda: sp.log(part(), evaluate=False),
        lambda: random.choice([f, g])(part()),
        lambda: random.choice([sum_over, product_over])(random.choice([k, n]), part()),
        lambda: sum_over(k, sum_over(i, part())),
        lambda: sp.Sum(part(), (k, random.choice([1, 2]), random.choice([3, i, K - 1, K + 1]))),
        lambda: sp.Derivative(part(), random.choice([x, a, z[i], z[j], z[2], q[k], X[n, k]])),
        lambda: sp.Derivative(lse, z[i], random.choice([z[i], z[j]])),
        lambda: put(part(), random.choice([[x], [a], [x, a]]), part),
    ]
    return random.choice(forms)()


def put(expr: Any, variables: list[Any], part: Any) -> Any:
    """Return a value at a place, of which SymPy would merge two."""
    return expr if expr.has(sp.Subs) else sp.Subs(expr, variables, [part() for _ in variables])


def stated(random: Random) -> Any:
    """Return a random statement."""

    def relation() -> Any:
        kind = random.choice([sp.Eq, sp.Ne, sp.Lt, sp.Gt, sp.Le, sp.Ge])
        return kind(grown(random, 1), grown(random, 1), evaluate=False)

    join = random.choice([None, None, sp.And, sp.Equivalent])
    return relation() if join is None else join(relation(), relation(), evaluate=False)


# What no verb takes, or no number evaluates.
BEYOND = ("NaN", "Infinity", "ImaginaryUnit")


@pytest.mark.parametrize("seed", seeds(4, 16))
def test_random_trees_are_read_back(seed: int) -> None:
    random = Random(seed)
    read = 0
    for number in range(50):
        expr = stated(random) if number % 5 == 0 else grown(random, 3 if number % 10 == 1 else 2)
        if any(word in sp.srepr(expr) for word in BEYOND):
            continue
        latex = to_latex(expr)
        found = fault(expr, latex)
        assert not found or found.startswith("no numbers"), f"{sp.srepr(expr)}\n{found}"
        read += not found
    assert read > 25
