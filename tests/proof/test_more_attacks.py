"""A second hundred attempts to have accepted what is false, empty or not what is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy import Derivative, Dummy, Heaviside, Max, Ne, Piecewise, Subs, Symbol, exp, log

from xentlib.proof import (
    A,
    K,
    N,
    Quantity,
    VerificationError,
    W,
    agree,
    c,
    d,
    delta,
    derive,
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
    product_over,
    prove,
    refute,
    s,
    sum_over,
    v,
    x,
    y,
    z,
)

a, b, r = sp.symbols("a b r", real=True)
t, u = sp.symbols("t u", positive=True)
f = sp.Function("f", real=True)
g = sp.Function("g", positive=True)
q = sp.IndexedBase("q", positive=True)
ONE = sum_over(k, p[k])


def eq(left: Any, right: Any) -> sp.Eq:
    return sp.Eq(left, right, evaluate=False)


def gt(left: Any, right: Any) -> sp.Gt:
    return sp.Gt(left, right, evaluate=False)


def ge(left: Any, right: Any) -> sp.Ge:
    return sp.Ge(left, right, evaluate=False)


def same(expr: Any) -> sp.Eq:
    """Return a statement that is true wherever an expression has a value."""
    return eq(ONE * expr, expr)


def equivalent(less: Any, more: Any, lower: Any, upper: Any) -> Any:
    sides = (sp.Lt(one, other, evaluate=False) for one, other in ((less, more), (lower, upper)))
    return sp.Equivalent(*sides, evaluate=False)


def jumps(number: Any) -> Any:
    return Piecewise((number, number < 1000), (number - 5, True))


def by_kind(number: Any) -> Any:
    return number if isinstance(number, Dummy) else -(number**3)


def proving(statement: Callable[[], Any], **keys: Any) -> Callable[[], None]:
    return lambda: prove("a", statement(), **keys)


REFUSED: dict[str, Callable[[], Any]] = {
    # No value from some size on, which the small sizes do not show.
    "log of 6 - K and a square": proving(lambda: same(log((a**2 + 1) * (6 - K)))),
    "log of 1000 - K and a square": proving(lambda: same(log((a**2 + 1) * (1000 - K)))),
    "1/(K - 6) hidden by a factor": proving(lambda: same(1 / (K * exp(a) - 6 * exp(a)))),
    "1/(K - 1000) hidden by a factor": proving(lambda: same(1 / (K * exp(a) - 1000 * exp(a)))),
    "sum of log(6 - k)": proving(lambda: same(sum_over(k, log(6 - k)))),
    "sum of log(1000 - k)": proving(lambda: same(sum_over(k, log(1000 - k)))),
    "sum of 1/(6 - k)": proving(lambda: same(sum_over(k, 1 / (6 - k)))),
    "sum of 1/(6 - n)": proving(lambda: same(sum_over(n, 1 / (6 - n)))),
    "sum of log of u(6 - k)": proving(lambda: same(sum_over(k, log(u * (6 - k))))),
    "log of what K makes negative": proving(lambda: same(log(6 - K - a**2))),
    "root of 6 - K": proving(lambda: same(sp.sqrt(u * (6 - K)))),
    "log of 9 - K - N with a factor": proving(lambda: same(log(u * (3 - N) + u * (6 - K)))),
    "positive where K < 6 only": proving(lambda: gt(exp(a * sum_over(k, log(6 - k))), 0)),
    "positive where u(6 - K) is": proving(lambda: gt(exp(a * log(u * (6 - K))), 0)),
    "power of 1 - K": proving(lambda: same((1 - K) ** (s**2))),
    "power of 1/(K - 6)": proving(lambda: same(u ** (1 / (K - 6)))),
    "no value at K = 6": proving(lambda: same(log(u * (1 - delta(K, 6))))),
    "log of a sign": proving(lambda: same(log(sp.sign(6 - K)))),
    "1/max(6 - K, 0)": proving(lambda: same(1 / Max(6 - K, 0))),
    "cases that end": proving(lambda: same(Piecewise((a, K < 6)))),
    "cases that end, no number": proving(lambda: same(Piecewise((1, K < 6)))),
    "empty up to K = 5": proving(lambda: same(sp.Sum(z[k], (k, 6, K)))),
    "empty up to K = 6": proving(lambda: same(sp.Sum(z[k], (k, 1, K - 6)))),
    "count of an empty sum": proving(lambda: eq(sp.Sum(1, (k, 6, K)), K - 5)),
    # False from K = 6 on.
    "delta of K and 6": proving(lambda: eq(ONE + delta(K, 6), 1)),
    "delta of K and 600": proving(lambda: eq(ONE + delta(K, 600), 1)),
    "roots 1 to 5": proving(lambda: eq(ONE + sp.prod(K - number for number in range(1, 6)), 1)),
    "less than 0 from 6 on": proving(lambda: ge(a**2 * (6 - K), 0)),
    "a sign that turns": proving(lambda: ge(sp.sign(6 - K) * a**2, 0)),
    "cases by K": proving(lambda: ge(Piecewise((1, K < 6), (-1, True)) * a**2, 0)),
    "induction with roots": proving(
        lambda: eq(sum_over(k, k) + sp.prod(K - number for number in range(6)), K * (K + 1) / 2), induction=K
    ),
    "induction with delta": proving(
        lambda: eq(sum_over(n, x[n]) + delta(N, 6), sum_over(n, x[n])), induction=N
    ),
    "induction from 6": proving(lambda: eq(sp.Sum(1, (n, 6, N)), N - 5), induction=N),
    "induction, absolute values": proving(
        lambda: eq(sum_over(n, sp.Abs(x[n])), sp.Abs(sum_over(n, x[n]))), induction=N
    ),
    "binomial": proving(lambda: eq(ONE * sp.binomial(K, 2), K * (K - 1) / 2)),
    "remainder": proving(lambda: same(sp.Mod(K, 2))),
    # Places that there are not.
    "p[2] where K = 1": proving(lambda: gt(p[2], 0)),
    "a slope by z[2] where K = 1": proving(lambda: eq(Derivative(lse, z[2]), p[2])),
    "p[3] where K = 2": proving(lambda: gt(p[3], 0), sizes={K: 2}),
    "z[7] where K = 2": proving(lambda: same(z[7]), sizes={K: 2}),
    "y[2] in what is given": proving(lambda: same(y[i]), given=eq(y[2], 1)),
    "p[2] in a derivation": lambda: derive(p[2], exp(z[2] - lse)),
    "a bound too large to try": proving(lambda: eq(ONE, 1), given=K >= 10**6),
    "a size too large to try": proving(lambda: eq(ONE, 1), sizes={K: 10**6}),
    "a size that is true": proving(lambda: eq(ONE, 1), sizes={K: True}),
    # Derivatives by what does not move.
    "by an index": proving(lambda: eq(Derivative(i**2 * a, i), 2 * i * a)),
    "by a size": proving(lambda: eq(Derivative(ONE * K**2, K), 2 * K)),
    "by a label": proving(lambda: eq(Derivative(c[n] ** 2, c[m]), 2 * c[n] * delta(n, m))),
    "by a whole number": proving(
        lambda: eq(Derivative(Symbol("h", integer=True) ** 2, Symbol("h", integer=True)), 2 * a)
    ),
    "K times": proving(lambda: eq(Derivative(exp(a), (a, K)), exp(a))),
    "a kink moved by what is put in": proving(
        lambda: eq(Derivative(Subs(sp.Abs(a), a, b), b), sp.sign(b))
    ),
    "a kink in a kink's place": proving(lambda: eq(Derivative(Subs(Subs(sp.Abs(a), a, r), r, b), b), 1)),
    "a kink far off": proving(lambda: eq(Derivative(jumps(a), a), 1)),
    "a kink under a sum": proving(
        lambda: eq(Derivative(sum_over(k, sp.Abs(z[k] - 1000)), z[j]), sp.sign(z[j] - 1000)),
        given=Ne(z[j], 1000),
    ),
    "a power at 0": proving(lambda: eq(Subs(Derivative(a**K, a), a, 0), delta(K, 1))),
    # Increasing functions that are not.
    "a jump far off": proving(lambda: equivalent(a, b, jumps(a), jumps(b)), increasing=jumps),
    "another function for numbers": proving(
        lambda: equivalent(a, b, by_kind(a), by_kind(b)), increasing=by_kind
    ),
    "a pole": proving(lambda: equivalent(a, b, 1 / (9 - a), 1 / (9 - b)), increasing=lambda x: 1 / (9 - x)),
    "no function": proving(lambda: equivalent(a, b, exp(a), exp(b)), increasing=lambda x: None),
    "a factor that turns": proving(
        lambda: equivalent(a, b, exp(a) * (6 - K), exp(b) * (6 - K)), increasing=exp
    ),
    # Given what nothing satisfies, or only at some sizes.
    "1/K is whole": proving(
        lambda: same(Symbol("h", integer=True, positive=True)),
        given=eq(K * Symbol("h", integer=True, positive=True), 1),
    ),
    "positive and 6 - K": proving(lambda: same(q[i]), given=eq(q[i], 6 - K)),
    "a sum that is one term": proving(lambda: same(q[i]), given=eq(sum_over(k, q[k]), q[i])),
    "p is 1": proving(lambda: same(p[i]), given=eq(p[i], 1)),
    "p is 2": proving(lambda: same(p[i]), given=eq(p[i], 2)),
    "different, with equal exponentials": proving(
        lambda: same(a), given=[Ne(a, b), eq(exp(a), exp(b) * ONE)]
    ),
    "a product 1, another 0": proving(lambda: same(a), given=[eq(a * b, 1), eq(a * b**2, 0)]),
    "a maximum below": proving(lambda: same(a), given=eq(Max(a, 0), -1)),
    "squares that are equal": proving(lambda: eq(a * ONE, b), given=eq(a**2, b**2)),
    "given at one place": proving(
        lambda: eq(sum_over(k, y[k] * z[k]), sum_over(k, p[k] * z[k])), given=eq(y[k], p[k])
    ),
    "given at one row": proving(
        lambda: eq(sum_over(d, sum_over(k, W[d, k])), sum_over(d, x[d])),
        given=eq(sum_over(k, W[d, k]), x[d]),
    ),
    "a free index becomes bound": proving(
        lambda: eq(sum_over(k, y[i] * z[k]), sum_over(k, p[k] * z[k])), given=eq(y[i], p[k])
    ),
    "a second derivative of what is given": proving(
        lambda: eq(Derivative(f(a), a, a), 2 + 0 * a), given=eq(f(a), a**2)
    ),
    "the slope elsewhere": proving(lambda: eq(f(a) + a, 2 * a), given=eq(f(b), b)),
    # Inequalities.
    "a certificate of another variable": proving(lambda: ge(a, 0), certificate=u),
    "always equal": proving(lambda: ge(ONE, 1)),
    "strict at K = 1": proving(lambda: gt(1 - p[i], 0)),
    "different at other places": proving(
        lambda: gt(sum_over(k, sum_over(l, (z[k] - z[l]) ** 2)), 0), given=Ne(z[n], z[m])
    ),
    "a sum without terms": proving(lambda: gt(sp.Sum(q[k], (k, 6, K)), 0)),
    # Undefined functions.
    "of several variables": proving(lambda: eq(Derivative(f(a, b) * a, a), f(a, b))),
    "refuted: of equal numbers": lambda: refute("a", eq(f(z[i]) * delta(i, j), f(z[j]) * delta(i, j))),
    "refuted: under a sum": lambda: refute("a", eq(sum_over(k, f(z[k])), sum_over(l, f(z[l])))),
    "refuted: of what is 1": lambda: refute("a", eq(f(a * ONE), f(a))),
    "refuted: of 2": lambda: refute("a", eq(f(2), f(1 + ONE))),
    "refuted: of equal variables": lambda: refute("a", eq(f(a), f(b)), given=eq(a, b)),
    # Refuted for want of digits, or no statement.
    "refuted: cosh and sinh": lambda: refute(
        "a", eq((exp(100 * a) + exp(-100 * a)) ** 2 - (exp(100 * a) - exp(-100 * a)) ** 2, 4)
    ),
    "refuted: 1 + exp(-1000 s) > 1": lambda: refute("a", gt(1 + exp(-1000 * s), 1)),
    "refuted: the same at a point": lambda: refute("a", gt(1 + exp(-1000 * s), 1), at={s: 4}),
    "refuted: a root of 1e-18": lambda: refute("a", eq(v[i], 0 * s), given=eq(sum_over(k, v[k] ** 2), 0)),
    "refuted: an expression": lambda: refute("a", s * x[1]),
    "refuted: a condition": lambda: refute("a", sp.Xor(gt(a, b), gt(b, a))),
    "refuted: an unknown name": lambda: refute("a", eq(a, b), at={a: 1, b: 2, "x": 5}),
    # Names that are something else.
    **{
        f"named {name}": proving(lambda name=name: same(named(name, a * b)))  # type: ignore[misc]
        for name in (
            r"\tanh(a)", r"\max(a, b)", r"\operatorname{sign}(a)", r"\operatorname{erf}", r"\min", r"\ln(a)",
            r"\infty", r"\pm", r"\emptyset", r"\sin", r"\le", r"\cdot", r"\exists", r"\mathrm{d}", "q^{-1}",
        )
    },
    "theta beside Heaviside": proving(lambda: same(Symbol("theta", real=True) * Heaviside(a))),
    # Quantities that are no formula.
    "formula: no function": lambda: Quantity("w", 5),
    "formula: nothing": lambda: Quantity("w", lambda index: None),
    "formula: a text": lambda: Quantity("w", lambda index: "z"),
    "one array, two shapes": proving(lambda: eq(z[i, j], z[i])),
    "A of a number": proving(lambda: same(A[a] + z[i])),
    # What is too large to compute, or endless.
    "exp of exp of exp": proving(lambda: same(exp(exp(exp(exp(a) + 9))))),
    "endless sum": proving(lambda: eq(sp.Sum(z[k], (k, 1, sp.oo)), a)),
    "a line that is an equation": lambda: derive(eq(a, b), eq(b, a)),
}  # fmt: skip


@pytest.mark.parametrize("attempt", REFUSED.values(), ids=REFUSED.keys())
def test_refused(attempt: Callable[[], Any]) -> None:
    with pytest.raises((VerificationError, ValueError, TypeError)) as caught:
        attempt()
    assert type(caught.value) is not TypeError or "xentlib" in str(caught.traceback[-1].path)


HOLDS: dict[str, tuple[Callable[[], Any], str]] = {
    "what is put in moves what is given": (
        proving(lambda: eq(Subs(y[i] * a, a, 2), 2 * a * ONE), given=eq(y[i], a)),
        "where y[i] = a (at the point, after differentiation)",
    ),
    "so does a slope at a point": (
        proving(lambda: eq(Subs(Derivative(y[i] * a, a), a, 2) * ONE, y[i]), given=eq(y[i], a)),
        "(at the point, after differentiation)",
    ),
    "a slope is given": (
        proving(
            lambda: eq(Derivative(sum_over(k, y[k] * z[k]), z[j]), p[j]),
            given=eq(Derivative(y[j] * z[j], z[j]), p[j]),
        ),
        "(at the point, after differentiation)",
    ),
    "a derivation with a bound": (
        lambda: derive(ONE / (K - 1), 1 / (K - 1), given=K >= 2),
        "where K ≥ 2",
    ),
    "given to all digits": (
        proving(lambda: eq(sum_over(k, y[i] * z[k]), p[j] * sum_over(k, z[k])), given=eq(y[i], p[j])),
        "y[i] = p[j]",
    ),
    "a function under a sum": (
        proving(lambda: eq(Derivative(sum_over(k, f(z[k])), z[j]), Derivative(f(z[j]), z[j]))),
        "every K",
    ),
    "a function of what is 1": (proving(lambda: eq(f(a * ONE), f(a))), "every K"),
    "a function that grows": (proving(lambda: same(g(a)), given=eq(g(a), exp(a))), "g(a) = exp(a)"),
    "an absolute value is given": (proving(lambda: same(sp.Abs(a)), given=eq(sp.Abs(a), b)), "Abs(a) = b"),
    "exponentials are given": (
        proving(
            lambda: eq(
                Derivative(sum_over(k, q[k] * exp(z[k] * s)), s), sum_over(k, q[k] * z[k] * exp(z[k] * s))
            ),
            given=eq(q[i], exp(s)),
        ),
        "q[i] = exp(s) (at the point",
    ),
    "twelve derivatives": (proving(lambda: eq(Derivative(exp(a), (a, 12)), exp(a) * ONE)), "every K"),
    "K from 7 on": (proving(lambda: same((K - 6) ** s), given=K >= 7), "every K ≥ 7"),
    "sum from 2 of 1/(k - 1)": (
        proving(lambda: same(sp.Sum(1 / (k - 1), (k, 2, K))), given=K >= 3),
        "every K ≥ 3",
    ),
    "p[2] from K = 2 on": (proving(lambda: gt(p[2], 0), given=K >= 2), "every K ≥ 2"),
    "nested products": (
        proving(lambda: eq(product_over(n, sp.Product(2, (m, 1, n))), 2 ** (N * (N + 1) / 2)), induction=N),
        "every N",
    ),
    "a kink that does not move": (
        proving(lambda: eq(Derivative(Subs(s * sp.Abs(a), a, b), s), sp.Abs(b))),
        "proved",
    ),
    "refuted with a bound on what plays no role": (lambda: refute("a", eq(a, b), given=K >= 2), "refuted"),
    "refuted with a function": (lambda: refute("a", eq(f(a), f(b))), "f("),
    "three sizes": (
        proving(lambda: eq(sum_over(n, sum_over(d, x[n, d] * ONE)), sum_over(n, sum_over(d, x[n, d])))),
        "every K, N and D",
    ),
}


@pytest.mark.parametrize(("attempt", "line"), HOLDS.values(), ids=HOLDS.keys())
def test_holds_and_says_when(
    attempt: Callable[[], Any], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    attempt()
    assert line in capsys.readouterr().out


def test_a_quantity_stays_what_it_was() -> None:
    factor = [1]
    changing = Quantity("w", lambda index: factor[0] * z[index])
    factor[0] = 2
    with pytest.raises(VerificationError, match="false at"):
        prove("a", eq(changing[i] * ONE, 2 * z[i]))
    prove("a", eq(changing[i] * ONE, z[i]))


def softmax(logits: Any) -> Any:
    return np.exp(logits) / np.exp(logits).sum()


POINTS = list(np.random.default_rng(0).normal(size=(20, 3)))
FORMULA = eq(p[i], exp(z[i]) / sum_over(k, exp(z[k])))


@pytest.mark.parametrize(
    ("statement", "left", "right", "message"),
    [
        (FORMULA, entries(p[i], i), entries(p[i], i), "no code is compared"),
        (eq(a, a), lambda z: z, lambda z: z + 0, "are the same"),
        (FORMULA, softmax, entries(p[j], j), "no side of"),
        (FORMULA, softmax, entries(p[i], i, j), "shape"),
        (FORMULA, softmax, entries(p[1]), "no side of"),
        (eq(p[i], 2 * p[i]), softmax, entries(p[i], i), "is false at"),
        (FORMULA, lambda z: softmax(z)[::-1], entries(p[i], i), "times the tolerance"),
        (FORMULA, lambda z: softmax(z) + 0j, entries(p[i], i), "must be floats"),
    ],
    ids=["formulas only", "a = a", "another index", "two axes", "one class", "false", "reversed", "complex"],
)
def test_what_is_no_agreement(statement: Any, left: Any, right: Any, message: str) -> None:
    with pytest.raises((VerificationError, ValueError, TypeError), match=message):
        agree("a", statement, left, right, points=POINTS, rtol=1e-9)


def test_one_point_in_many_dtypes_is_one_point(capsys: pytest.CaptureFixture[str]) -> None:
    one = [np.array([1], dtype=kind) for kind in (np.float64, np.float32, np.int64, np.int8, np.uint8)]
    agree("a", eq(ONE, 1), lambda z: 1.0, entries(ONE), points=[*one, [0.0], [-0.0]], rtol=1e-9)
    assert "at 2 points (fewer than 20)" in capsys.readouterr().out
