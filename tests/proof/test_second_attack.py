"""A second attack: attempts to have accepted what is false, empty or misprinted. All are refused in words.

A quarter of them is tried at hand, all in continuous integration.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import sympy as sp
from deep import sample
from sympy import (
    Derivative,
    Equivalent,
    Function,
    Heaviside,
    Max,
    Ne,
    Piecewise,
    Rational,
    Subs,
    Symbol,
    exp,
    log,
)

from xentlib.proof import (
    K,
    N,
    Quantity,
    VerificationError,
    agree,
    c,
    delta,
    derive,
    e,
    entries,
    i,
    j,
    k,
    l,
    lse,
    m,
    n,
    named,
    p,
    prove,
    refute,
    s,
    say,
    sum_over,
    theorem,
    x,
    y,
    z,
)

a, b, r = sp.symbols("a b r", real=True)
u, w = sp.symbols("u w", positive=True)
f = Function("f", real=True)
g = Function("g", positive=True)
q = sp.IndexedBase("q", positive=True)
ONE = sum_over(k, p[k])
THIRD = Rational(1, 3)
BEYOND = Max(0, n - 13)  # 0 at all indices that numbers try
LATE = Piecewise((3, n < 14), (1, True))
ATTEMPTS: dict[str, Callable[[], Any]] = {}


def eq(left: Any, right: Any) -> Any:
    return sp.Eq(left, right, evaluate=False)


def gt(left: Any, right: Any) -> Any:
    return sp.Gt(left, right, evaluate=False)


def lt(left: Any, right: Any) -> Any:
    return sp.Lt(left, right, evaluate=False)


def ge(left: Any, right: Any) -> Any:
    return sp.Ge(left, right, evaluate=False)


def late(verb: Callable[..., Any], name: str, *arguments: Any, **keys: Any) -> None:
    assert name not in ATTEMPTS, name
    ATTEMPTS[name] = lambda: verb(*arguments, **keys)


def proved(name: str, statement: Any, **keys: Any) -> None:
    late(prove, name, "a", statement, **keys)


def refuted(name: str, statement: Any, **keys: Any) -> None:
    late(refute, name, "a", statement, **keys)


def lazily(name: str, attempt: Callable[[], Any]) -> None:
    assert name not in ATTEMPTS, name
    ATTEMPTS[name] = attempt


def prove_about(name: str, of: Any = None) -> None:
    thing = Symbol(name, real=True) if of is None else Function(name, real=True)(of)
    prove("a", eq(b * sum_over(k, p[k]) * thing, b * thing))


# --- what was accepted once ---------------------------------------------------------------------------------

inner = sp.Sum(sp.Sum(delta(k, 3) * exp(a * k), (k, 1, m)), (m, LATE, 3))
outer = sp.Sum(exp(3 * a), (m, LATE, 3))
proved("pick: delta(k, 3) in k = 1..m for m up to 3", eq(inner, outer))
late(derive, "pick: the same in a derivation", inner, outer)
proved("pick: the same as a bound", ge(inner + b**2, outer), certificate=b**2)
proved(
    "pick: the same with K = 2",
    eq(
        sp.Sum(sp.Sum(delta(k, 2) * exp(a * k), (k, 1, m)), (m, Piecewise((2, n < 14), (1, True)), K)),
        sp.Sum(exp(2 * a), (m, Piecewise((2, n < 14), (1, True)), K)),
    ),
    sizes={K: 2},
)
at_b = named("q", Subs(a**2, a, b))
proved("Subs of a quantity that is a Subs", eq(Subs(at_b, b, a), Subs(at_b, b, a + BEYOND)))
proved("the same with a sum", eq(Subs(at_b, b, a) * ONE, Subs(at_b, b, a + BEYOND)))
proved("the same as a bound", ge(Subs(at_b, b, a) + b**2, Subs(at_b, b, a + BEYOND)), certificate=b**2)
late(derive, "the same in a derivation", Subs(at_b, b, a), Subs(at_b, b, a + BEYOND))
refuted("refuted truth: 10**100 (s^2 - 2) = 0", eq(10**100 * (s**2 - 2), 0), given=eq(s**2, 2))
refuted("refuted truth: 10**100 (s^2 - 2) < 1", lt(10**100 * (s**2 - 2), 1), given=eq(s**2, 2))
refuted("refuted truth: 10**34 (exp(2s) - 4) = 0", eq(10**34 * (exp(2 * s) - 4), 0), given=eq(exp(s), 2))
refuted("refuted truth: sign(exp(s) - 2) = 0", eq(sp.sign(exp(s) - 2), 0), given=eq(exp(2 * s), 4))
refuted(
    "refuted truth: exp(10**34 (exp(s) - 2)) = 1", eq(exp(10**34 * (exp(s) - 2)), 1), given=eq(exp(2 * s), 4)
)
refuted(
    "refuted truth: of a sum that is 1",
    eq(10**90 * (sum_over(k, y[k]) ** 2 - 1), 0),
    given=eq(sum_over(k, y[k]), 1),
)
shifted = named("h", Subs(Derivative(a**3, a), a, b))
rows = Quantity("h", lambda at: Subs(s * z[at], s, r))
proved(
    "Subs of a Subs under a sum",
    eq(sum_over(k, Subs(shifted, b, z[k])), sum_over(k, Subs(shifted, b, z[k] + BEYOND))),
)
proved(
    "Subs of a Subs with an index",
    eq(sum_over(k, Subs(rows[k], r, a)), sum_over(k, Subs(rows[k], r, a + BEYOND))),
)
proved(
    "slope of a Subs of a Subs",
    eq(Derivative(Subs(shifted, b, a), a) * ONE, Derivative(Subs(shifted, b, a + BEYOND), a)),
)
refuted("refuted truth: sign(a^2 b^2 - 1) = 0", eq(sp.sign(a**2 * b**2 - 1), 0), given=eq(a * b, 1))
refuted(
    "refuted truth: sign(sum of exp(z) - 1) = 0", eq(sp.sign(sum_over(k, exp(z[k])) - 1), 0), given=eq(lse, 0)
)
refuted(
    "refuted truth: sign(...) of 10**60 (s^2 - 2) + a = a", eq((s**2 - 2) * 10**60 + a, a), given=eq(s**2, 2)
)
bound = sp.Dummy("k", integer=True, positive=True, dummy_index=1)
proved("a symbol that is an index of the core", eq(sum_over(k, z[k] * bound), bound * sum_over(k, z[k])))
refuted("assumed y[i] = p[i], for one i that is not shown", eq(sum_over(k, y[k]), 1), given=eq(y[i], p[i]))
refuted("the same: sum of y - p", eq(sum_over(k, y[k] - p[k]), 0), given=eq(y[i], p[i]))
refuted(
    "assumed sum over k of y[n, k] = 1, for one n that is not shown",
    eq(sum_over(n, sum_over(k, y[n, k])), N),
    given=eq(sum_over(k, y[n, k]), 1),
)
refuted("labels that are no labels", ge(sp.IndexedBase("c", real=True)[n], 1))
proved("Euler's gamma prints as a variable", ge(sp.EulerGamma + a**2, 0))
proved("the golden ratio prints as a variable", gt(sp.GoldenRatio * exp(a), 0))
proved("Catalan's G prints as a variable", gt(sp.Catalan * exp(a), 0))
for word in ("log", "exp", "max", "min", "sign", "sin"):
    sym = Symbol(rf"\mathrm{{{word}}}", real=True)
    proved(
        f"\\mathrm{{{word}}} (a + b) = \\mathrm{{{word}}} a + \\mathrm{{{word}}} b",
        eq(sym * (a + b), sym * a + sym * b),
    )
for word in ("log", "exp", "max", "erf", "sign"):
    fun = Function(rf"\mathrm{{{word}}}", real=True)
    proved(f"the function \\mathrm{{{word}}}", eq(fun(a) * ONE, fun(a)))
for word in ("Max", "Min", "Abs", "Log", "Exp"):
    fun = Function(word, real=True)
    proved(f"the function {word}", eq(fun(a) * ONE, fun(a)))
for name in (
    r"\mathrm{e}",
    r"\operatorname{e}",
    r"\mathrm{K}",
    r"\mathrm{i}",
    r"\mathrm{p}",
    r"\mathrm{A}",
    r"\mathrm{\pi}",
    r"\mathrm{\delta}",
    r"\operatorname{d}",
    r"\operatorname{K}",
    r"\mathrm{if}",
    r"\mathrm{otherwise}",
    r"\mathrm{not}",
    r"a_{\mathrm{n}}",
    r"a_{\mathbf{k}}",
    r"\operatorname{a b}",
    r"\mathrm{a b}",
):
    proved(
        f"looks like something else: {name}",
        eq(b * ONE * Symbol(name, real=True), b * Symbol(name, real=True)),
    )
for name in (
    "a}",
    "{a",
    "a{",
    "}a{",
    "{a}{",
    "a^{*}}",
    r"\bar{a",
    r"\mathrm",
    r"\bar{}a",
    "a_{1",
    "a\n\n",
    "\\mathrm{a\n\n}",
):
    lazily(
        f"breaks LaTeX: {name!r}",
        partial(prove_about, name),
    )
proved("a^2 at a = b, b = r prints for b^2", eq(Subs(a**2, (a, b), (b, r)) * ONE, b**2))
for words in (
    "\u237b",
    "\U0001f5f8",
    "\U0001f5f9",
    "&amp;check;",
    r"$\unicode{x2713}$",
    '$\\char"2713$',
    r"$\surd$",
    r"\[ a=b \]",
    r"\begin{equation}a=b\end{equation}",
    r"\begin{align}a=b\end{align}",
    "```{math}\na=b\n```",
    ":::{math}\na=b\n:::",
    r"$\displaystyle a=b$",
    "**Theorem: Shift.** For every $K$",
    "`softmax`: proved for every $K$",
    "- [x] proved",
    "<img src='check.png'>",
    "\u2715",
):
    late(say, f"words: {words!r}", words)
late(theorem, "words: a title of two paragraphs", "x", "A\n\nB", "words")


# agreements
def softmax(logits: Any) -> Any:
    return np.exp(logits) / np.exp(logits).sum()


RNG = np.random.default_rng(0)
FOUR = list(RNG.normal(size=(20, 4)))
PAIRS = [(RNG.normal(size=3), RNG.normal(size=3)) for _ in range(20)]


def agreed(
    name: str, statement: Any, left: Any, right: Any, points: Any = FOUR, before: Any = None, **keys: Any
) -> None:
    def attempt() -> None:
        if before is not None:
            before()
        agree("a", statement, left, right, points=points, **({"rtol": 1e-9} | keys))

    lazily(name, attempt)


HALF = sum_over(k, p[k] - Rational(1, 2))
agreed(
    "agreement at K = 4 about what is proved for K = 2",
    eq(HALF, 0),
    lambda z: -1.0,
    entries(HALF),
    before=lambda: prove("b", eq(HALF, 0), sizes={K: 2}),
)
MEAN = sum_over(k, y[k] * lse)
agreed(
    "agreement where what is given does not hold",
    eq(MEAN, lse),
    lambda y, z: y.sum() * np.log(np.exp(z).sum()),
    entries(MEAN, of=[y, z]),
    PAIRS,
    before=lambda: prove("b", eq(MEAN, lse), given=eq(sum_over(k, y[k]), 1)),
)
agreed("points that are not finite", eq(ONE, 1), lambda z: 1.0, lambda z: 1, [[np.nan], [np.inf]])
agreed(
    "points without a number",
    eq(ONE, 1),
    lambda z: 1.0,
    lambda z: 1,
    [np.zeros((size, 0)) for size in range(20)],
)
agreed("points that are texts", eq(ONE, 1), lambda z: 1.0, lambda z: 1, "123")
lazily("points of=[x, x]", lambda: entries(x[k], k, of=[x, x]))

# What once ended in an error of another kind.
proved("z[i + 1]", gt(exp(z[i + 1]), 0))
proved("z[2 i]", gt(exp(z[2 * i]), 0))
proved("z[i j]", eq(z[i * j] * ONE, z[i * j]))
proved("z[i - 1]", eq(z[i - 1] * ONE, z[i - 1]))
proved("z[K - 1]", eq(z[K - 1] * ONE, z[K - 1]))
proved("z[k + 1] in a sum up to K", eq(sp.Sum(z[k + 1], (k, 1, K)), sp.Sum(z[l + 1], (l, 1, K)) * ONE))
proved("slope by the label of an array", eq(Derivative(z[i] * ONE, Symbol("z", real=True)), 0))
refuted("at None", eq(s, 7), at={s: None})
refuted("at [None, 1]", eq(sum_over(k, z[k]), 100), at={K: 2, z: [None, 1]})
refuted("at a ragged array", eq(sum_over(n, sum_over(k, z[n, k])), 99), at={K: 2, N: 2, z: [[1, 2], [3]]})
lazily("entries of another array", lambda: entries(x[k], k, of=[z]))

# --- what was refused from the first on -------------------------------------------------------------------

proved("pick from n to 3", eq(sp.Sum(sp.Sum(delta(k, 3), (k, 1, m)), (m, n, 3)), sp.Sum(1, (m, n, 3))))
proved("pick 2 in 1..n", eq(sp.Sum(delta(k, 2), (k, 1, n)), 1), given=N >= 2)
proved("pick j in 1..i", eq(sp.Sum(exp(a * k) * delta(k, j), (k, 1, i)), exp(a * j)))
proved("pick 1 in 2..K", eq(sp.Sum(exp(a * k) * delta(k, 1), (k, 2, K)), exp(a)))
proved("pick N in 1..K", eq(sp.Sum(exp(a * k) * delta(k, N), (k, 1, K)), exp(a * N)))
proved("pick n in 1..K", eq(sp.Sum(exp(a * k) * delta(k, n), (k, 1, K)), exp(a * n)))
proved("pick c[n] in 1..N", eq(sp.Sum(exp(a * m) * delta(m, c[n]), (m, 1, N)), exp(a * c[n])))
proved("nested picks 2", eq(sp.Sum(sp.Sum(delta(k, 2), (k, 1, m)), (m, 1, N)), N), given=N >= 2)
proved(
    "nested picks m in 1..n", eq(sp.Sum(sp.Sum(delta(k, m) * z[k], (k, 1, n)), (m, 1, N)), sum_over(m, z[m]))
)
proved("count up to a case", eq(sp.Sum(exp(a), (k, 1, Piecewise((K, K < 14), (1, True)))), K * exp(a)))
proved("count from a case", eq(sp.Sum(exp(a), (k, Piecewise((1, K < 14), (K + 7, True)), K)), K * exp(a)))
proved("count from a maximum", eq(sp.Sum(exp(a), (k, Max(1, K - 14), K)), K * exp(a)))
proved("count up to a minimum", eq(sp.Sum(exp(a), (k, 1, sp.Min(K, 13))), K * exp(a)))
proved("count up to a delta", eq(sp.Sum(exp(a), (k, 1, K + delta(K, 14))), K * exp(a)))
proved("count K - 2", eq(sp.Sum(a, (k, 1, K - 2)), a * (K - 2)))
proved("count j..i", eq(sp.Sum(a, (k, j, i)), a * (i - j + 1)))
proved("empty from 14 on", eq(sp.Sum(exp(a * k), (k, 1, Max(0, N - 13))) * ONE, 0))
proved("positive, empty from 14 on", gt(sp.Sum(exp(a * k), (k, 1, Max(1, 14 - K))), 0))
proved("positive, up to a case", gt(sp.Sum(exp(a * k), (k, 1, Piecewise((2, N < 14), (0, True)))), 0))
proved("positive with a late sum", gt(u + sp.Sum(-exp(a * k), (k, 1, Piecewise((0, N < 14), (2, True)))), 0))
proved("positive (k, 2, K)", gt(sp.Sum(p[k], (k, 2, K)), 0))
proved("positive (k, 3, K), K >= 2", gt(sp.Sum(p[k], (k, 3, K)), 0), given=K >= 2)
proved("a case from K = 14 on", eq(Piecewise((1, K < 14), (2, True)) * exp(a), exp(a)))
proved("a case at K = 14", eq(Piecewise((1, sp.Eq(K, 14)), (0, True)) * ONE, 0))
proved("a case in a sum from 14 on", eq(sum_over(k, Piecewise((1, k > 13), (0, True)) * p[k]), 0))
proved("max(K, 13) = 13", eq(Max(K, 13) * ONE, 13))
proved("a case at a = 1/3", eq(Piecewise((1, eq(a, THIRD)), (0, True)) * ONE, 0))
proved("a case at a <= 1/3 <= a", eq(Piecewise((1, sp.And(a >= THIRD, a <= THIRD)), (0, True)) * ONE, 0))
proved("a case at a = b", eq(Piecewise((1, eq(a, b)), (0, True)) * ONE, 0))
proved("a case at exp(a) = exp(b)", eq(Piecewise((1, eq(exp(a), exp(b))), (0, True)) * ONE, 0))
proved("a case at i = j", eq(Piecewise((1, i < j), (1, i > j), (2, True)) * ONE, 1))
proved("sign^2 = 1", eq(sp.sign(a - THIRD) ** 2 * ONE, 1))
proved("two steps", eq(Heaviside(a, 1) + Heaviside(-a, 1), 1 + 0 * b))
proved("|a - 1/3| > 0", gt(sp.Abs(a - THIRD) * exp(b), 0))
proved("max of a - 1/3 and 1/3 - a > 0", gt(Max(a - THIRD, THIRD - a), 0))
proved("(a - 1/3)^2 > 0", gt((a - THIRD) ** 2 * u, 0))
proved("a case that is 0 at 1/3 is positive", gt(Piecewise((1, a < THIRD), (1, a > THIRD), (0, True)), 0))
proved("a case that is -1 at 1/3", ge(-Piecewise((0, a < THIRD), (0, a > THIRD), (1, True)), 0))
proved("certificate exp(log(a))", gt(a, 0), certificate=exp(log(a)))
proved("certificate exp(log(a - b))", gt(a - b, 0), certificate=exp(log(a - b)))
proved("certificate exp(log((a - 1/3)^2))", gt((a - THIRD) ** 2, 0), certificate=exp(log((a - THIRD) ** 2)))
proved("certificate exp(log |a - 1/3|)", gt(sp.Abs(a - THIRD), 0), certificate=exp(log(sp.Abs(a - THIRD))))
proved("certificate 1/x^-2", gt((a - THIRD) ** 2, 0), certificate=1 / (a - THIRD) ** -2)
proved("certificate exp(log((14 - K) u))", gt((14 - K) * u, 0), certificate=exp(log((14 - K) * u)))
proved(
    "certificate exp(log(a^2 + 200 - K^2))", gt(a**2 + 200 - K**2, 0), certificate=exp(log(a**2 + 200 - K**2))
)
proved("certificate of a case", gt(LATE - 2 + u, 0), certificate=exp(log(LATE - 2 + u)))
proved("certificate root squared", ge(a * b, 0), certificate=sp.sqrt(a * b) ** 2)
proved("certificate (a - b)^2", ge(a, b), certificate=(a - b) ** 2)
proved("certificate a^2/a", ge(a, 0), certificate=a**2 / a)
proved("certificate |a| sign(a)", ge(a, 0), certificate=sp.Abs(a) * sp.sign(a) ** 3)
proved(
    "certificate of a free index",
    ge(sum_over(k, z[k] ** 2 * p[k]) - z[k] ** 2, 0),
    certificate=sum_over(k, p[k] * (z[k] - z[k]) ** 2),
)
proved("(a^2)^b", eq((a**2) ** b * ONE, a ** (2 * b)))
proved("log a^2", eq(log(a**2) * ONE, 2 * log(a)))
proved("log a b", eq(log(a * b) * ONE, log(a) + log(b)))
proved("root of a square", eq(sp.sqrt(a**2 + b) * ONE, a), given=eq(b, 0))
proved("0^(a^2) a = 0 is not seen", eq(0 ** (a**2) * ONE, 0))
proved("slope of a^(3/2) at 0", eq(Subs(Derivative(a ** Rational(3, 2), a), a, 0) + b, b))
proved("slope of |a|^3", eq(Derivative(sp.Abs(a) ** 3, a), 3 * a * sp.Abs(a)), given=Ne(a, b))
proved("f' of f(u) = u", eq(Derivative(f(u), u) * ONE, 1), given=eq(f(u), u))
proved("f'' of f'(u) = 2u", eq(Derivative(f(u), u, u) * ONE, 2), given=eq(Derivative(f(u), u), 2 * u))
proved("slope of f at 0", eq(Subs(Derivative(f(a), a), a, 0) * ONE, 0))
proved("f'(2b)", eq(Subs(Derivative(f(a), a), a, 2 * b) * ONE, Derivative(f(2 * b), b)))
proved(
    "slope at 0 inside a delta",
    eq(
        delta(i, j) * Subs(delta(i, j) * Subs(Derivative(f(a), a), a, b), b, 0),
        delta(i, j) * Subs(delta(i, j) * Subs(Derivative(f(a), a), a, b), b, BEYOND),
    ),
)
proved("Hessian without a delta", eq(Derivative(lse, z[i], z[j]), -p[i] * p[j]))
proved("slope by the index of the sum", eq(Derivative(sum_over(k, z[k] ** 2), z[k]), sum_over(k, 2 * z[k])))
proved("slope in a sum", eq(sum_over(k, Derivative(p[k], z[k])), 0))
proved(
    "slope in a sum, twice",
    eq(sum_over(j, Derivative(sum_over(k, z[k] * z[j]), z[j])), sum_over(j, sum_over(k, z[k]))),
)
picked = Quantity("q", lambda at: sum_over(k, z[k] * delta(k, at)))
gaps = Quantity("w", lambda at: sum_over(k, sp.Abs(z[k] - z[at])))
proved(
    "capture: a quantity that sums over k, at k",
    eq(sum_over(k, picked[k] * y[k]), sum_over(k, z[k]) * sum_over(k, y[k])),
)
proved("capture: absolute values in a quantity", eq(sum_over(k, gaps[k]), 0))
proved("capture: absolute values, free", eq(gaps[i], sum_over(j, sp.Abs(z[j] - z[j]))))
proved("capture: maximum of sums", eq(sum_over(k, Max(z[k], s)), Max(sum_over(k, z[k]), K * s)))
proved("capture: maximum outside", eq(Max(sum_over(k, z[k]), s) * ONE, sum_over(k, Max(z[k], s))))
proved(
    "capture: a case that is a sum",
    eq(Piecewise((sum_over(k, z[k] ** 2), eq(s, sum_over(j, z[j]))), (0, True)), 0),
)
proved(
    "capture: a case under a sum",
    eq(sum_over(i, Piecewise((z[i] - s, eq(s, sum_over(j, z[j]))), (0, True))), 0),
)
proved("capture: where a kink turns", gt(sp.Abs(s - sum_over(i, z[i])) + sum_over(i, (z[i] - s) ** 2), 0))
proved("capture: sign of a kink", ge(sum_over(i, z[i]) * sp.Abs(s - sum_over(i, z[i])), 0))
proved("capture: Subs", eq(Subs(sum_over(k, z[k] * s), s, z[k]), sum_over(k, z[k] ** 2)))
proved(
    "capture: Subs in a sum", eq(sum_over(k, Subs(sum_over(j, z[j] * s), s, z[k])), sum_over(k, z[k] ** 2))
)
proved("capture: Subs that swaps", eq(Subs(a - b, (a, b), (b, a)) * ONE, a - b))
proved("capture: slope at b", eq(Subs(Derivative(a**2 * b, a), a, b) * ONE, 3 * b**2))
proved("capture: given at k", eq(sum_over(k, y[k] * z[k]), z[i]), given=eq(y[k], delta(k, i)))
proved(
    "capture: given with a bound index",
    eq(sum_over(i, y[k] * z[i]), sum_over(i, z[i] ** 2)),
    given=eq(y[k], z[i]),
)
proved("capture: given i = j in a sum", eq(sum_over(i, z[i] * z[j]), sum_over(i, z[i] ** 2)), given=eq(i, j))
proved("given c[n] = 1, used at m", eq(z[c[m]] * ONE, z[1]), given=eq(c[n], 1))
proved("given c[n] = 1, used in a sum", eq(sum_over(n, z[c[n]]), N * z[1]), given=eq(c[n], 1))
proved("labels that are equal", eq(delta(c[n], c[m]) * ONE, delta(n, m)))
proved("labels, the sum over n", eq(sum_over(n, delta(c[n], k)), 1))
proved("delta by way of a third", eq((1 - delta(i, j)) * (1 - delta(j, k)) * ONE, 1 - delta(i, k)))
proved("delta, another pair differs", eq(delta(i, j) * ONE, 0), given=Ne(z[i], z[l]))
proved("a floor of p", ge(1 - p[i] - p[j], 0), given=Ne(i, k))
proved("p[i] > p[j] since they differ", gt(p[i] - p[j], 0), given=Ne(i, j))
proved("sum of 1 - p > 0 at K = 1", gt(sum_over(k, 1 - p[k]), 0))
proved("sum of p^2 < 1 at K = 1", lt(sum_over(k, p[k] ** 2), 1))
proved("induction: a case from 14 on", eq(sum_over(n, Piecewise((1, n < 14), (2, True))), N), induction=N)
proved("induction: a case of N", eq(Piecewise((1, N < 14), (2, True)) * ONE, 1), induction=N)
proved("induction: |N - 20|", eq(sp.Abs(N - 20) * ONE, 20 - N), induction=N)
proved("induction: sign(20 - N)", eq(sp.sign(20 - N) * ONE, 1), induction=N)
proved("induction: delta(n, K)", eq(sum_over(n, delta(n, K)), 1), induction=N)
proved("induction: max(n, 3)", eq(sum_over(n, Max(n, 3)), N * (N + 1) / 2), induction=N)
proved("induction: given at 1", eq(sum_over(n, y[n]), N), induction=N, given=eq(y[1], 1))
proved("induction: 2^N", eq(2**N, N + 1), induction=N)
for name, more in {"14 - K": 14 - K, "(r - 1/3)^2": (r - THIRD) ** 2}.items():
    proved(
        f"equivalence with a factor {name}",
        Equivalent(lt(a, b), lt(exp(a) * more, exp(b) * more), evaluate=False),
        increasing=exp,
    )
proved(
    "equivalence: squares", Equivalent(lt(a, b), lt(a**2, b**2), evaluate=False), increasing=lambda t: t**2
)
proved(
    "equivalence: log of squares",
    Equivalent(lt(a, b), lt(log(a**2), log(b**2)), evaluate=False),
    increasing=log,
)
proved("sum over a size", eq(sp.Sum(K, (K, 1, N)), N * (N + 1) / 2))
proved("z[1/2]", eq(z[Rational(1, 2)] * ONE, z[Rational(1, 2)]))
proved("a plain feature e", gt(e * exp(a), 0))
half = Quantity("w", lambda at: 0.5 * z[at])
proved("float in a quantity", eq(half[i] * ONE, half[i]))
proved("float in a name", eq(named("w", sp.Float(2) * a) * ONE, 2 * a))
proved("float in what is given", eq(ONE * a, a), given=Ne(a, 0.5))
proved("float in a certificate", ge(a**2, 0), certificate=1.0 * a**2)
proved("float in sizes", eq(ONE * a, a), sizes={K: 2.0})
proved("float in a limit", eq(sp.Sum(a, (k, 1, 2.0)), 2 * a))
proved("float in Subs", eq(Subs(a * b, a, 0.5) * 2, b))
proved("float in a bound", eq(ONE / (K - 1), 1 / (K - 1)), given=sp.Ge(K, 2.0))
proved("given a > 0", gt(a, 0), given=a > 0)
proved("given K <= 5", eq(a * ONE, a), given=K <= 5)
proved("a prime symbol", eq(Symbol("h", prime=True) * ONE, Symbol("h", prime=True)))
lazily("an ID with a line", lambda: prove("a\n", eq(a * ONE, a)))
lazily("an ID with another digit", lambda: prove("a-\u0661", eq(a * ONE, a)))
for name in (
    "z_1",
    "z_{1}",
    "ab",
    "2a",
    "sum",
    r"\sum",
    r"\infty",
    "a|b",
    "a,b",
    "\u0430",
    "a\u0301",
    "a%",
    "a$",
    "a&b",
    "a_k",
    "K_k",
    "a_{n}",
    "pi",
    r"\left(a\right)",
    "f(a)",
):
    lazily(
        f"named {name!r}",
        partial(prove_about, name),
    )
for name in ("log", "exp", "sign", "arg", "A", "p"):
    lazily(
        f"function {name}",
        partial(prove_about, name, of=a),
    )
nothing = (exp(a) + 1) ** 2 - exp(2 * a) - 2 * exp(a) - 1
refuted("refuted: f of noise", eq(f(nothing), f(0)))
refuted("refuted: f of noise made large", eq(f(10**30 * nothing), f(0)))
refuted("refuted: f of what is 0", eq(f(ONE - 1), f(0)))
refuted("refuted: a step at what is 0", eq(Heaviside(exp(s) - 2, 1), 1), given=eq(exp(2 * s), 4))
refuted(
    "refuted: a case at what is 0", eq(Piecewise((1, eq(exp(s), 2)), (0, True)), 1), given=eq(exp(2 * s), 4)
)
refuted(
    "refuted: 1e-60 is not apart",
    ge(sp.Abs(a - b), Rational(1, 10**50)),
    given=Ne(a, b),
    at={a: 0, b: Rational(1, 10**60)},
)
refuted("refuted: off by 1e-40", lt(10**60 * (a - 1), 1), given=eq(a, 1), at={a: 1 + Rational(1, 10**40)})
for name, value in {
    "true": True,
    "nan": float("nan"),
    "inf": float("inf"),
    "a name": "s",
    "oo": sp.oo,
    "I": sp.I,
}.items():
    refuted(f"at {name}", eq(s, 7), at={s: value})
for name, at in {
    "K = 2.5": {K: Rational(5, 2), z: [1, 2]},
    "K = 0": {K: 0, z: []},
    "a short array": {K: 3, z: [1, 2]},
    "a long array": {K: 2, z: [1, 2, 3]},
    "a text": {K: 2, z: "12"},
    "two axes": {K: 2, z: np.ones((2, 2))},
    "no K": {z: [1, 2]},
}.items():
    refuted(f"at {name}", eq(sum_over(k, z[k]), 100), at=at)
refuted("a label of no class", eq(sum_over(n, z[c[n]]), 100), at={K: 2, N: 1, c: [3], z: [1, 2]})
agreed("truth values", eq(ONE, 1), lambda z: True, lambda z: 1)
agreed("masked entries", eq(ONE, 1), lambda z: np.ma.masked_array([5.0], [True]), lambda z: np.array([1.0]))
agreed("another shape", eq(ONE, 1), lambda z: [[1.0]], lambda z: [1.0])
agreed("the entries of another index", eq(p[i], exp(z[i] - lse)), softmax, entries(p[j], j))
agreed(
    "about what is false",
    eq(sum_over(k, p[k] ** 2), 1),
    lambda z: 1.0,
    entries(sp.Integer(1)),
    [[float(t)] for t in range(20)],
)
for words in ("\u2713", "&check;", "&#10003;", "$$", r"\ding{51}", "\u2705"):
    late(say, f"words {words!r}", words)


@pytest.mark.parametrize("name", sample(list(ATTEMPTS)))
def test_it_is_refused(name: str) -> None:
    with pytest.raises((VerificationError, TypeError, ValueError)):
        ATTEMPTS[name]()


TWO = eq(a, sum_over(n, delta(n, 2)))
PAIR = sp.IndexedBase("C", positive=True)


@pytest.mark.parametrize(
    ("statement", "given", "said"),
    [
        (eq(a * b, b), [TWO, N >= 2], "and N ≥ 2"),
        (eq(a * ONE, 1), [TWO, N >= 2], "and N ≥ 2"),
        (gt(PAIR[i, j] * exp(z[i]), 0), [], "where C[k, l] > 0"),
        (gt(sum_over(n, sum_over(m, PAIR[m, n])), 0), [], "where C[n, m] > 0"),
        (gt(sum_over(k, g(k)), 0), [], "where g(k) > 0"),
    ],
    ids=str,
)
def test_what_was_not_said_is_said(
    statement: Any, given: list[Any], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    prove("a", statement, given=given)
    assert said in capsys.readouterr().out
