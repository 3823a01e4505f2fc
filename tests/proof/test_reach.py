"""Logarithms, deltas in functions, powers, kinks, derivatives at a point; and false neighbours of each."""

from __future__ import annotations

from random import Random
from typing import Any

import mpmath
import pytest
import sympy as sp
from deep import seeds
from sympy import Derivative, exp, log

from xentlib.proof import (
    A,
    K,
    N,
    Quantity,
    VerificationError,
    delta,
    i,
    j,
    k,
    l,
    lse,
    m,
    n,
    named,
    o,
    p,
    prove,
    s,
    sum_over,
    v,
    y,
    z,
)
from xentlib.proof._evaluation import evaluate
from xentlib.proof.core.algebra import residual
from xentlib.proof.core.decide import why_not
from xentlib.proof.core.problem import Given, Problem, read

a, b = sp.symbols("a b", real=True)
t, u = sp.symbols("t u", positive=True)
g = sp.Symbol("gamma", positive=True)
h = sp.Symbol("h", real=True)


def eq(left: Any, right: Any) -> sp.Eq:
    return sp.Eq(left, right, evaluate=False)


def sigmoid(a: Any) -> Any:
    return 1 / (1 + exp(-a))


def softplus(a: Any) -> Any:
    return log(1 + exp(a))


def smoothed(target: Any, other: Any) -> Any:
    return (1 - t) * delta(target, other) + t / K


def focal(at: Any) -> Any:
    return -((1 - p[at]) ** g) * log(p[at])


beta = sp.Symbol("beta", real=True)


def cold(at: Any) -> Any:
    return exp(beta * z[at]) / sum_over(l, exp(beta * z[l]))


def cold_teacher(at: Any) -> Any:
    return exp(beta * v[at]) / sum_over(l, exp(beta * v[l]))


divergence = sum_over(k, cold_teacher(k) * (log(cold_teacher(k)) - log(cold(k))))


TRUE: list[tuple[Any, dict[str, Any]]] = [
    # logarithms
    (eq(log(1 - sigmoid(a)), -softplus(a)), {}),
    (eq(softplus(a) - softplus(-a), a), {}),
    (eq(-s * log(sigmoid(a)) - (1 - s) * log(1 - sigmoid(a)), softplus(a) - s * a), {}),
    (eq(log(sigmoid(a) / (1 - sigmoid(a))), a), {}),
    (eq(log(exp(a) * (1 + exp(-a))), a + softplus(-a)), {}),
    (eq(sum_over(k, log(1 - sigmoid(z[k]))), -sum_over(k, softplus(z[k]))), {}),
    (
        eq(log(p[i] / (1 - p[i])), z[i] - log(sum_over(k, exp(z[k])) - exp(z[i]))),
        {"given": K >= 2},
    ),
    # a delta inside a function
    (
        eq(
            sum_over(k, smoothed(k, i) * log(smoothed(k, i))),
            (1 - t + t / K) * log(1 - t + t / K) + (K - 1) * t / K * log(t / K),
        ),
        {},
    ),
    (
        eq(sum_over(k, exp(s * delta(k, j) + z[k])), sum_over(k, exp(z[k])) + exp(z[j]) * (exp(s) - 1)),
        {},
    ),
    (
        eq(
            sum_over(k, exp(a * delta(k, i) + b * delta(k, j))),
            K - 2 + exp(a) + exp(b) + delta(i, j) * (exp(a) - 1) * (exp(b) - 1),
        ),
        {},
    ),
    # powers
    (
        eq(
            Derivative(focal(i), z[j]),
            (1 - p[i]) ** (g - 1) * (g * p[i] * log(p[i]) - (1 - p[i])) * (delta(i, j) - p[j]),
        ),
        {"given": K >= 2},
    ),
    (eq(p[i] ** g, exp(g * z[i]) / sum_over(k, exp(z[k])) ** g), {}),
    (eq(sum_over(k, p[k] ** g), sum_over(k, exp(g * z[k])) / exp(g * lse)), {}),
    (eq(Derivative(t**h, t), h * t**h / t), {}),
    (eq((t * u) ** (h - 1) * t * u, t**h * u**h), {}),
    (eq(log(t**h * u), h * log(t) + log(u)), {}),
    # signs
    (eq(softplus(a), sp.Max(a, 0) + log(1 + exp(-sp.Abs(a)))), {}),
    (
        eq(sum_over(k, sp.Max(z[k], 0) + log(1 + exp(-sp.Abs(z[k])))), sum_over(k, softplus(z[k]))),
        {},
    ),
    (eq(sp.Max(a, b), (a + b + sp.Abs(a - b)) / 2), {}),
    (eq(sp.Min(a, b) + sp.Max(a, b), a + b), {}),
    (eq(-sp.Max(a, b), sp.Min(-a, -b)), {}),
    (eq(a * sp.sign(a), sp.Abs(a)), {}),
    (eq(sp.sign(a) ** 2, 1), {"given": sp.Ne(a, 0)}),
    (eq(sp.Abs(a * sp.Abs(b)), sp.Max(a * b, -a * b)), {}),
    (eq(sp.Piecewise((a, a > 0), (0, True)), sp.Max(a, 0)), {}),
    (eq(Derivative(sp.Abs(a), a), sp.sign(a)), {"given": sp.Ne(a, 0)}),
    (eq(Derivative(sp.Max(0, 1 - s * a), a), -s * (1 + sp.sign(1 - s * a)) / 2), {"given": sp.Ne(s * a, 1)}),
    (eq(Derivative(sp.Abs(z[i]), z[i]), sp.sign(z[i])), {"given": sp.Ne(z[i], 0)}),
    (eq(Derivative(a * sp.Abs(a), a, a), 2 * sp.sign(a)), {"given": sp.Ne(a, 0)}),
    (sp.Gt(softplus(a), sp.Max(a, 0)), {"certificate": log(1 + exp(-sp.Abs(a)))}),
    # derivatives at a point
    (eq(sp.Subs(cold(i), beta, 0), 1 / K), {}),
    (eq(sp.Subs(Derivative(cold(i), beta), beta, 0), (z[i] - sum_over(k, z[k]) / K) / K), {}),
    (eq(sp.Subs(Derivative(divergence, beta), beta, 0), 0), {}),
    (
        eq(
            sp.Subs(Derivative(divergence, beta, beta), beta, 0),
            sum_over(k, (z[k] - v[k]) ** 2) / K - (sum_over(k, z[k] - v[k]) / K) ** 2,
        ),
        {},
    ),
    (eq(sp.Subs(Derivative(a**3, a), a, b + 1), 3 * (b + 1) ** 2), {}),
    (eq(Derivative(sp.Subs(Derivative(a**2 * b, a), a, b), b), 4 * b), {}),
    # log-sum-exp of log-sum-exps
    (eq(log(sum_over(n, exp(A[n]))), log(sum_over(n, sum_over(k, exp(z[n, k]))))), {}),
    (
        eq(
            log(exp(named("M", log(exp(a) + exp(b)))) + exp(s)),
            log(exp(a) + exp(named("R", log(exp(b) + exp(s))))),
        ),
        {},
    ),
    # three indices of samples
    (
        eq(
            Derivative(-log(exp(z[n, n]) / sum_over(m, exp(z[n, m]))), z[n, o]),
            exp(z[n, o]) / sum_over(m, exp(z[n, m])) - delta(n, o),
        ),
        {},
    ),
]


@pytest.mark.parametrize(("statement", "keys"), TRUE, ids=[str(statement) for statement, _ in TRUE])
def test_true_statements(statement: Any, keys: Any) -> None:
    prove("a", statement, **keys)


FALSE: list[Any] = [
    # A logarithm is split at positive factors only.
    eq(log(a * b), log(a) + log(b)),
    eq(log(a**2), 2 * log(a)),
    eq(log(a**2 * t), 2 * log(a) + log(t)),
    eq(log((a - b) * (b - a)), log(a - b) + log(b - a)),
    eq(log((a - b) ** 2), 2 * log(b - a)),
    eq(log(a / b), log(a) - log(b)),
    eq(log(a / b), log(b / a)),
    eq(log(-1 / a), log(-a)),
    eq(log(1 + exp(a)), a),
    eq(log(1 - sigmoid(a)), softplus(a)),
    eq(softplus(a) - softplus(-a), -a),
    eq(log(sum_over(k, z[k]) * t), log(t) + sum_over(k, log(z[k]))),
    eq(log(2 * a + 2), log(2) + log(a)),
    eq(log(sp.Rational(4, 9)), log(2) - log(3)),
    eq(log(6), 2 * log(2)),
    # A delta inside a function stands for 0 and 1 only, at one place of its own range.
    eq(sum_over(k, exp(delta(k, j))), K * exp(1)),
    eq(sum_over(k, exp(delta(k, j))), K - 1),
    eq(sum_over(k, exp(delta(k, n))), K - 1 + exp(1)),
    eq(sp.Sum(exp(delta(k, j)), (k, 2, K)), K - 2 + exp(1)),
    eq(sum_over(k, exp(a * delta(k, i) + b * delta(k, j))), K - 2 + exp(a) + exp(b)),
    eq(sum_over(k, exp(z[k] * delta(k, j))), K - 1 + exp(z[k])),
    eq(sum_over(k, log(t + delta(k, j))), (K - 1) * log(t) - log(t + 1)),
    # Where delta is 0 the term may have no value at the place that delta picks.
    eq(sum_over(k, 1 / (z[k] - z[j] + delta(k, j))), 1 + sum_over(k, 1 / (z[k] - z[j]))),
    eq(sum_over(k, log(delta(k, j) + z[k])), sum_over(k, log(z[k])) + log(1 + z[j]) - log(z[j])),
    # A power is split at positive factors only.
    eq((a * b) ** h, a**h * b**h),
    eq((a**2) ** h, a ** (2 * h)),
    eq((a**2 * t) ** h, a ** (2 * h) * t**h),
    eq((a - b) ** h, (b - a) ** h),
    eq(t ** (h - 1), t**h * t),
    eq(t ** (h + 1), t**h + t),
    eq(t ** (2 * h), 2 * t**h),
    eq((t + u) ** h, t**h + u**h),
    eq((-2) ** K, 2**K),
    eq((-1) ** K, -((-1) ** (K - 2))),
    eq(sum_over(k, p[k] ** g), 1),
    eq(p[i] ** g, exp(g * z[i]) / sum_over(k, exp(g * z[k]))),
    eq(Derivative(t**h, t), h * t ** (h - 2)),
    eq(Derivative(t**h, h), h * t ** (h - 1)),
    eq(Derivative(focal(i), z[j]), (1 - p[i]) ** (g - 1) * (delta(i, j) - p[j])),
    # Signs, the boundary included.
    eq(sp.Abs(a), a),
    eq(sp.Abs(a), -a),
    eq(sp.Abs(a + b), sp.Abs(a) + sp.Abs(b)),
    eq(sp.Abs(a - 1), sp.Abs(a) - 1),
    eq(sp.sign(a) ** 2, 1),  # not at 0
    eq(sp.sign(a), sp.Abs(a) / a + delta(i, j)),
    eq(sp.sign(a) * sp.sign(a - 1), sp.sign(a**2 - a)),
    eq(sp.Max(a, b), a),
    eq(sp.Max(a, b, 0), sp.Max(a, b)),
    eq(sp.Max(a, b) * sp.Min(a, b), a),
    eq(sp.Max(2 * a, b), 2 * sp.Max(a, b)),
    eq(sp.Max(s * a, s * b), s * sp.Max(a, b)),
    eq(sp.Piecewise((1, a > 0), (0, True)), sp.Piecewise((1, a >= 0), (0, True))),
    eq(sp.Piecewise((1, a > 0), (-1, True)), sp.sign(a)),
    eq(sp.Heaviside(a), (1 + sp.sign(a)) / 2 + sp.Piecewise((1, sp.Eq(a, 0)), (0, True))),
    eq(softplus(a), sp.Max(a, 0) + log(1 + exp(sp.Abs(a)))),
    eq(softplus(a), a + log(1 + exp(-sp.Abs(a)))),
    eq(sum_over(k, sp.Abs(z[k])), sp.Abs(sum_over(k, z[k]))),
    eq(sum_over(k, sp.Abs(z[k])), sum_over(k, z[k])),
    eq(sum_over(k, sp.Max(z[k], 0)), sum_over(k, sp.Max(z[k], 0) + z[k] - z[i])),
    # A derivative has no value at a kink, and where it has one the rules need not give it.
    eq(Derivative(sp.Abs(a), a), sp.sign(a)),
    eq(Derivative(sp.Abs(a) - sp.Max(a, 0) - sp.Max(-a, 0), a), 1 - sp.sign(a) ** 2),
    eq(Derivative(sp.Max(a, b), a), (1 + sp.sign(a - b)) / 2),
    eq(Derivative(sp.sign(a), a), 0),
    eq(Derivative(sum_over(k, sp.Abs(z[k])), z[j]), sp.sign(z[j])),
    eq(Derivative(sp.Piecewise((1, a > 0), (0, True)), a), 0),
    eq(sp.Subs(Derivative(sp.Abs(a), a), a, 0), 0),
    # A derivative at a point is not the derivative of the value there.
    eq(sp.Subs(Derivative(a**2, a), a, b), 2 * a),
    eq(sp.Subs(Derivative(cold(i), beta), beta, 0), 0),
    eq(sp.Subs(cold(i), beta, 0), p[i]),
    eq(sp.Subs(cold(i), beta, 1), 1 / K),
    eq(sp.Subs(a / (a**2 + a), a, 0), 0),
    eq(sp.Subs(Derivative(divergence, beta, beta), beta, 0), sum_over(k, (z[k] - v[k]) ** 2) / K),
    eq(Derivative(sp.Subs(a**2 * b, a, b), b), b**2),
    eq(sum_over(k, sp.Subs(a * z[k], a, z[k])), sum_over(k, z[k]) ** 2),
]


@pytest.mark.parametrize("statement", FALSE, ids=str)
def test_false_neighbours_are_refused_by_the_algebra_alone(statement: Any) -> None:
    assert why_not(read(statement)) is not None


@pytest.mark.parametrize(
    ("statement", "given"),
    [
        (eq(Derivative(sp.Abs(a), a), sp.sign(a)), sp.Ne(b, 0)),
        (eq(Derivative(sp.Abs(a), a), sp.sign(a)), sp.Ne(a**2, 1)),
        (eq(Derivative(sp.Max(a, b), a), (1 + sp.sign(a - b)) / 2), sp.Ne(a, -b)),
        (eq(Derivative(sp.Max(a, b, 0), a), (1 + sp.sign(a)) / 2), sp.Ne(a, 0)),
        (eq(Derivative(sum_over(k, sp.Abs(z[k])), z[j]), sp.sign(z[j])), sp.Ne(z[j], 0)),
        (eq(Derivative(sp.Abs(z[i]), z[j]), sp.sign(z[i])), sp.Ne(z[i], 0)),
        (eq(sp.sign(a) ** 2, 1), sp.Ne(b, 0)),
        (eq(Derivative(sp.Abs(a - 1) * a, a), sp.sign(a - 1)), sp.Ne(a, 1)),
    ],
    ids=str,
)
def test_what_differs_must_be_what_decides(statement: Any, given: Any) -> None:
    assert why_not(read(statement, given)) is not None


@pytest.mark.parametrize(
    "expr", [sp.Abs(a), sp.Max(a, 0), sp.sign(a), sp.Min(a, 2 * a), a * sp.sign(a)], ids=str
)
def test_a_derivative_at_a_kink_has_no_number(expr: Any) -> None:
    with pytest.raises(ArithmeticError, match="bends or jumps"):
        evaluate(Derivative(expr, a), {a: mpmath.mpf(0)})
    assert evaluate(Derivative(expr, a), {a: mpmath.mpf(2)}) in (0, 1)
    with pytest.raises(ArithmeticError, match="bends or jumps"):
        evaluate(Derivative(sp.Abs(a), a, a), {a: mpmath.mpf(0)})


@pytest.mark.parametrize(
    ("expr", "number"),
    [
        (sp.Max(a, 1, b), 2),
        (sp.Min(a, 1, b), -1),
        (sp.sign(b), -1),
        (sp.sign(a - 2), 0),
        (sp.Heaviside(a - 2), sp.Rational(1, 2)),
        (sp.Heaviside(a), 1),
        (sp.Piecewise((5, a < 1), (7, sp.Or(b > 0, a > 1)), (9, True)), 7),
        (sp.Piecewise((5, a < 1), (9, True)), 9),
        (sp.Subs(Derivative(a**3 * b, a), a, a + b), -3),
        (sp.Subs(sum_over(k, a**k), a, b), 0),
        (Derivative(a * sp.Abs(a), a), 4),
    ],
    ids=str,
)
def test_numbers(expr: Any, number: Any) -> None:
    value = evaluate(expr, {a: mpmath.mpf(2), b: mpmath.mpf(-1), K: 2})
    assert abs(value - number) < 1e-10


@pytest.mark.parametrize(
    "expr",
    [sp.I, sp.zoo, sp.oo, sp.nan, 1 + sp.I * a, sp.Piecewise((1, a > 5)), sp.Subs(1 / a, a, b - b * 1)],
    ids=str,
)
def test_what_is_no_real_number(expr: Any) -> None:
    with pytest.raises(ArithmeticError):
        evaluate(expr, {a: mpmath.mpf(2), b: mpmath.mpf(0)})


@pytest.mark.parametrize(
    ("expr", "message"),
    [
        (sp.Subs(t**2, t, 0), "assumed to be positive"),
        (sp.Subs(sp.Abs(t), t, a), "assumed to be positive"),
        (sp.Subs(a**2, a, sp.I), "assumed to be real"),
        (sp.Subs(z[k], k, 2), "no index, no size"),
        (sp.Subs(sum_over(k, 1), K, 0), "no index, no size"),
    ],
    ids=str,
)
def test_what_cannot_be_put_in(expr: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        prove("a", eq(expr, a))


def test_a_logarithm_that_is_only_named_shows_nothing() -> None:
    for left, right in ((lse, log(sum_over(k, exp(z[k])))), (named("L", log(t)), named("M", log(t)))):
        with pytest.raises(VerificationError, match="tautology"):
            prove("a", eq(left, right))
    q = Quantity("q", lambda index: log(sum_over(k, exp(z[k] - z[index]))))
    with pytest.raises(VerificationError, match="tautology"):
        prove("a", eq(sum_over(k, q[k]), sum_over(i, log(sum_over(j, exp(z[j] - z[i]))))))


@pytest.mark.parametrize(
    ("statement", "given", "sizes"),
    [
        (eq(y[1] * z[1] + y[2] * z[2], z[2] + y[1] * (z[1] - z[2])), eq(sum_over(k, y[k]), 1), {K: 2}),
        (eq(sum_over(k, y[k] * log(p[k])), sum_over(k, y[k] * z[k]) - lse), eq(sum_over(k, y[k]), 1), {K: 3}),
        (eq(y[1] ** 2 - y[2] ** 2, y[1] - y[2]), eq(sum_over(k, y[k]), 1), {K: 2}),
        (eq(y[i] + sum_over(k, p[k]), p[i] + 1), eq(y[i], p[i]), {K: 2}),
    ],
    ids=str,
)
def test_what_is_given_is_written_out_for_a_fixed_size(statement: Any, given: Any, sizes: Any) -> None:
    prove("a", statement, given=given, sizes=sizes)


@pytest.mark.parametrize(
    ("statement", "given", "sizes"),
    [
        (eq(y[1], y[2]), eq(sum_over(k, y[k]), 1), {K: 2}),
        (eq(y[1] + y[2], 1), eq(sum_over(k, y[k]), 1), {K: 3}),
        (eq(y[1] + y[2], 1), eq(sum_over(k, y[k]), 1), {}),
        (eq(y[1] + s, s), eq(y[j], 0), {K: 2}),  # it is 0 at one place only
        (eq(y[i] + y[j], 2 * s), eq(y[j], s), {K: 2}),
        (eq(a, b), eq(a + b, 1), {}),
    ],
    ids=str,
)
def test_what_is_given_at_one_place_or_size_is_not_at_others(statement: Any, given: Any, sizes: Any) -> None:
    assert why_not(Problem(statement, Given((given,)), sizes=sizes)) is not None


NO_VALUE = [
    sp.Gt(exp(s * log(2 - K) + s), 0, evaluate=False),
    sp.Ge(sp.sqrt(2 - K) + exp(s), 0, evaluate=False),
    eq(sum_over(k, p[k]) * log(2 - K), log(2 - K)),
    eq(sum_over(k, p[k]) / (K - 1), 1 / (K - 1)),
    eq(sum_over(k, p[k]) * (N - K) ** s, (N - K) ** s),
]


@pytest.mark.parametrize("statement", NO_VALUE, ids=str)
def test_what_has_no_value_for_some_size_is_not_proved(statement: Any) -> None:
    assert "is not shown to have a real value" in str(why_not(read(statement)))


def test_what_has_a_value_for_the_sizes_that_are_assumed() -> None:
    prove("a", NO_VALUE[3], given=K >= 2)
    prove("a", eq(sum_over(k, p[k]) * log(K) / N, log(K) / N))


def test_functions_of_numbers_stand_for_undefined_functions() -> None:
    f = sp.Function("f", real=True)
    value = evaluate(Derivative(f(a) * a, a) + f(b), {a: mpmath.mpf(2), b: mpmath.mpf(3), f: lambda u: u**2})
    assert abs(value - 21) < 1e-10
    with pytest.raises(TypeError, match="the function is not defined"):
        evaluate(Derivative(f(a), a), {a: mpmath.mpf(2)})


# --- A fuzz: what the algebra takes for 0 is 0 wherever it has a value ------------------------------


def random_part(random: Random, depth: int) -> Any:
    leaves = [a, b, t, z[i], z[j], sp.Integer(random.randint(-2, 2)), delta(i, j), p[i]]
    if depth == 0:
        return random.choice(leaves)
    one, other = random_part(random, depth - 1), random_part(random, depth - 1)
    return random.choice(
        [
            lambda: one + other,
            lambda: one * other,
            lambda: one - other,
            lambda: log(one * other),
            lambda: log(1 + exp(one)),
            lambda: sp.Abs(one),
            lambda: sp.Max(one, other),
            lambda: sp.sign(one),
            lambda: exp(one) / (1 + exp(other)),
            lambda: sum_over(k, log(t + exp(one * delta(k, i)))),
            lambda: sum_over(k, sp.Max(z[k] + one, 0)),
            lambda: sp.Subs(one * beta**2 + beta * other, beta, other),
        ]
    )()


def in_other_words(random: Random, expr: Any) -> Any:
    """Return what is often, but not always, the same."""
    return random.choice(
        [
            lambda: sp.expand_log(expr, force=True),
            lambda: expr.replace(sp.Abs, lambda x: sp.Max(x, -x)),
            lambda: expr.replace(sp.Abs, lambda x: x * sp.sign(x)),
            lambda: expr.replace(sp.sign, lambda x: sp.Abs(x) / x),
            lambda: expr.replace(sp.Abs, lambda x: x),
            lambda: expr.replace(sp.Max, lambda *x: (x[0] + x[-1] + sp.Abs(x[0] - x[-1])) / 2),
            lambda: expr.replace(log, lambda x: -log(1 / x)),
            lambda: expr.replace(log, lambda x: log(x**2) / 2),
            lambda: expr.replace(sp.sign, lambda x: sp.Integer(1)),
            lambda: sp.expand(expr),
            lambda: sp.powsimp(sp.expand(expr), force=True),
        ]
    )()


@pytest.mark.parametrize("seed", seeds(50, 400))
def test_fuzz(seed: int) -> None:
    random = Random(seed)
    expr = random_part(random, random.randint(1, 3))
    other = in_other_words(random, expr)
    try:
        if expr == other or residual(expr - other) != 0:
            return
    except ValueError:
        return  # SymPy itself refuses the maximum of what need not be real
    with mpmath.workdps(40):
        for size in (1, 2, 3):
            for _ in range(8):
                at: dict[Any, Any] = {K: size, i: random.randint(1, size), j: random.randint(1, size)}
                at |= {a: random.randint(-2, 2), b: random.randint(-2, 2), t: random.randint(1, 3)}
                at[z] = [mpmath.mpf(random.randint(-2, 2)) for _ in range(size)]
                try:
                    one, two = evaluate(expr, at), evaluate(other, at)
                except ArithmeticError:
                    continue
                assert mpmath.almosteq(one, two, rel_eps=1e-15, abs_eps=1e-15), f"{expr}, {other} at {at}"


def test_a_derivative_of_an_undefined_function() -> None:
    """The Savage form of a proper score, and the chain rule; the numbers try a random cubic."""
    f, r = sp.Function("f", real=True), sp.Symbol("r", real=True)
    score = f(a) + (r - a) * sp.Derivative(f(a), a)
    prove("a", eq(sp.Derivative(score, a), (r - a) * sp.Derivative(f(a), a, a)))
    with pytest.raises(VerificationError, match="false at"):
        prove("a", eq(sp.Derivative(score, a), (r - a) * sp.Derivative(f(a), a)))
    positive = sp.Function("g", positive=True)
    slope = sp.Derivative(sp.log(positive(a)), a)
    prove("a", eq(slope, sp.Derivative(positive(a), a) / positive(a)))


def test_what_sums_to_zero_ignores_a_shift() -> None:
    shifted = eq(sum_over(k, v[k] * (z[k] + s)), sum_over(k, v[k] * z[k]))
    prove("a", shifted, given=eq(sum_over(k, v[k]), 0))
    with pytest.raises(VerificationError):
        prove("a", shifted)
