"""A fourth attack: what names, orders of evaluation and ends of sums let through. All is refused in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from deep import sample
from sympy import (
    Abs,
    Add,
    Derivative,
    Equivalent,
    Function,
    Heaviside,
    Max,
    Mul,
    Piecewise,
    Rational,
    Subs,
    Sum,
    exp,
    log,
    sqrt,
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
    entries,
    i,
    j,
    k,
    l,
    n,
    named,
    p,
    product_over,
    prove,
    refute,
    say,
    sum_over,
    theorem,
    y,
    z,
)

a, b, r = sp.symbols("a b r", real=True)
u = sp.Symbol("u", positive=True)
f = Function("f", real=True)
ONE = sum_over(k, p[k])
ATTEMPTS: dict[str, Callable[[], Any]] = {}


def eq(left: Any, right: Any) -> Any:
    return sp.Eq(left, right, evaluate=False)


def ge(left: Any, right: Any) -> Any:
    return sp.Ge(left, right, evaluate=False)


def gt(left: Any, right: Any) -> Any:
    return sp.Gt(left, right, evaluate=False)


def late(verb: Callable[..., Any], name: str, *arguments: Any, **keys: Any) -> None:
    assert name not in ATTEMPTS, name
    ATTEMPTS[name] = lambda: verb(*arguments, **keys)


def proved(name: str, statement: Any, **keys: Any) -> None:
    late(prove, name, "a", statement, **keys)


def agreed_after(first: Any, statement: Any, size: int) -> None:
    """Agree about a statement after another is proved in which nothing is left of its names."""
    prove("b", first)
    rows = [np.ones(size) * number for number in range(20)]
    agree("a", statement, lambda z: 1.0, entries(sp.S.One, of=[z]), points=rows, rtol=1e-9)


def inverse(far: int) -> Any:
    """Return a quantity that has no value at one place."""
    return Quantity("h", lambda at: 1 / (at - far))


def straight(far: int) -> Any:
    return Quantity("g", lambda at: at - far)


def logarithm(far: int) -> Any:
    return Quantity("h", lambda at: log(far - at))


# --- what cancels when names are written out ----------------------------------------------------------------

for far in (14, 25, 37):
    under, over = named("h", 1 / (K - far)), named("g", K - far)
    high, low = named("h", log(far - K)), named("g", log(far - K) * a)
    for name, statement in {
        "a logarithm": eq(exp(high) * a, (far - K) * a),
        "an inverse": eq(under * over * ONE, 1),
        "a root": eq(named("h", sqrt(far - K)) ** 2 * ONE, far - K),
        "a bound": ge(under * over * u, 0),
        "a strict bound": gt(under * over * u, 0),
        "a difference": eq(high * a - low + b * ONE, b),
        "a quotient": eq(named("h", a * (K - far)) / over * ONE, a),
        "an exponent": eq(exp(under * over * a) * ONE, exp(a)),
        "a place that is put in": eq(Subs(r**2 * ONE, r, under * over), 1),
        "a derivative": eq(Derivative(under * over * a**2, a) * ONE, 2 * a),
        "a case": eq(Piecewise((under * over, a > 0), (1, True)) * ONE, 1),
        "a name in a name": eq(named("q", under * over) * ONE, 1),
        "cases that end": eq(
            named("h", Piecewise((1, far > K))) - named("g", Piecewise((1, far > K))) + a * ONE, a
        ),
        "a slope that is none": eq(
            named("h", Derivative(Abs(a - far), a)) - named("g", Derivative(Abs(a - far), a)) + b * ONE, b
        ),
        "a sum as it stands": eq(Add(1 / (K - far), -1 / (K - far), ONE, evaluate=False), 1),
        "a product as it stands": eq(Mul(K - far, 1 / (K - far), ONE, evaluate=False), 1),
        "a sum as it stands in a sum": eq(
            Sum(Add(1 / (k - far), -1 / (k - far), p[k], evaluate=False), (k, 1, K)), 1
        ),
        "an entry": eq(inverse(far)[i] * straight(far)[i] * ONE, 1),
        "the entry of a label": eq(inverse(far)[c[n]] * straight(far)[c[n]] * ONE, 1),
        "the entry of a size": eq(inverse(far)[K] * straight(far)[K] * ONE, 1),
        "the entries of a sum": eq(sum_over(k, inverse(far)[k] * straight(far)[k]), K),
        "the entries of a double sum": eq(
            sum_over(k, sum_over(l, inverse(far)[k] * straight(far)[k] * p[l])), K
        ),
        "entries in a name": eq(named("q", inverse(far)[i] * straight(far)[i]) * ONE, 1),
        "logarithms of entries": eq(sum_over(n, exp(logarithm(far)[n])), far * N - N * (N + 1) / 2),
        "a product of entries": eq(
            product_over(n, exp(logarithm(far)[n]) ** 2), product_over(n, (n - far) ** 2)
        ),
        "a sum at a place": eq(
            Subs(Sum(1 / (r - k), (k, 1, K)), r, k + far) * ONE, Subs(Sum(1 / (r - l), (l, 1, K)), r, k + far)
        ),
    }.items():
        proved(f"names: {name} {far}", statement)
        if isinstance(statement, sp.Eq):
            late(derive, f"names: {name} {far}, derived", statement.lhs, statement.rhs)
            # SymPy would add up, and show, another one.
            if "as it stands" not in name:
                proved(
                    f"names: {name} {far}, as a bound",
                    ge(statement.lhs + b**2, statement.rhs),
                    certificate=b**2,
                )
            proved(f"names: {name} {far}, in a list", [statement, gt(exp(a) * ONE, 0)])
    proved(
        f"names: by induction {far}",
        eq(sum_over(n, exp(logarithm(far)[n])), far * N - N * (N + 1) / 2),
        induction=N,
    )
    proved(f"names: a certificate {far}", ge(a**2, 0), certificate=a**2 * under * over)
    proved(
        f"names: an equivalence {far}",
        Equivalent(sp.Lt(a, b), sp.Lt(exp(a) * under * over, exp(b) * under * over), evaluate=False),
        increasing=exp,
    )
    late(agreed_after, f"names: an agreement {far}", eq(ONE, 1), eq(under * over * ONE, 1), far)

# --- sums that do not end at a whole number -----------------------------------------------------------------

half = Rational(1, 2)
for far in (14, 25, 37):
    for name, end in {
        "from some size on": Piecewise((K, far > K), (K + half, True)),
        "far below": Piecewise((K, far > K), (half, True)),
        "at a place": Piecewise((i, i < far), (i + half, True)),
        "at a label": Piecewise((c[n], c[n] < far), (c[n] + half, True)),
        "in a name": named("h", Piecewise((K, far > K), (K + half, True))),
        "by a step": K + Heaviside(K - far, 1) / 2,
        "by a maximum": Max(K, (3 * K - far) / 2),
        "by a delta": K + delta(K, far) / 2,
    }.items():
        proved(f"ends: {name} {far}", eq(Sum(a, (k, 1, end)), a * end))
        proved(f"ends: {name} {far}, a bound", gt(Sum(u, (k, 1, end)), 0))
        proved(f"ends: {name} {far}, a product", eq(sp.Product(u, (k, 1, end)), u**end))
        proved(
            f"ends: {name} {far}, of a function", eq(Sum(a * f(k), (k, 1, end)), a * Sum(f(k), (k, 1, end)))
        )
    start = Max(1, (K - far + 1) / 2)
    proved(f"starts: {far}", eq(Sum(a * p[k], (k, start, K)), a * Sum(p[k], (k, start, K))))

# --- words, agreements, and what takes long -----------------------------------------------------------------

WORDS = (
    r"$\sqrt{\,}$ `softmax-sum`$:$ proved for every $K$", r"$\sqrt{\ }$", r"$\sqrt{\quad}$",
    r"$\sqrt {\;}$", r"$\sqrt{{}}$", r"$\sqrt{\text{ }}$", r"$\sqrt{\mathrm{}}$", r"$\sqrt\,$",
    r"$\sqrt{\hat{ }}$", "`a`(:)", "`a`; : proved", "\xd7 `shift` \u2013 refuted at one point: $K = 2$",
    "**\u03a4heorem: Shift.** For every $K$", "**1 Theorem: Shift.** For", "**A theorem: Shift.** For",
    r"**$\text{Theorem: Shift}$.** For every $K$", r"$\mathbf{Theorem: Shift.}$", "**T**heorem: a",
    "**Th\xe9or\xe8me: Shift.**", "**Shift.** For every $K$:", "***", "* a", "    code", "[a]: #b",
    "[^1]: note", "% comment", "{{a}}", "__b__", "*Shift.*", r"$\operatorname{a\,b}$",
)  # fmt: skip
for words in WORDS:
    late(say, f"words {words!r}", words)
    late(theorem, f"a title {words!r}", "x", words, "For every $K$,")

TOTAL = eq(sum_over(k, z[k]), sum_over(k, z[k] * ONE))
SMALL = [np.random.default_rng(seed).normal(size=3) * 1e-6 for seed in range(20)]
ROWS = [np.ones(4) * number for number in range(20)]


def agreed(
    name: str, statement: Any, left: Any, right: Any, points: Any, *, given: Any = (), **keys: Any
) -> None:
    sizes = keys.pop("sizes", None)

    def attempt() -> None:
        if given or sizes:
            prove("b", statement, given=given, sizes=sizes)
        agree("a", statement, left, right, points=points, **keys)

    ATTEMPTS[f"agree: {name}"] = attempt


for factor in (-7, 0, 2, 100):
    for atol in (1e-3, 5e-4):
        agreed(
            f"{factor} times what is small, to {atol}",
            TOTAL,
            entries(sum_over(k, z[k])),
            lambda z, factor=factor: factor * z.sum(),
            SMALL,
            atol=atol,
        )
TWO = eq(sum_over(k, ONE), 2)
agreed("sizes of nothing", TWO, lambda z: 4.0, lambda z: 4, ROWS, sizes={K: 2}, rtol=1e-9)
agreed("given of nothing", eq(a * ONE, 3), lambda z: 5.0, lambda z: 5, ROWS, given=eq(a, 3), rtol=1e-9)
agreed("the side of no array", ge(exp(z[i]) * ONE, 0), entries(sp.S.Zero), lambda z: 0.0, ROWS, rtol=1e-9)
late(refute, "nothing is refuted", "a", None)
late(prove, "nothing is proved", "a", None)
ATTEMPTS |= {
    "an entry at nothing": lambda: p[None],
    "a sum of nothing": lambda: sum_over(k, None),
    "a sum of a list": lambda: sum_over(k, [1]),
    "a product of a text": lambda: product_over(n, "x"),
}
proved("a step far away", ge(1 - Heaviside(a - 10**6, 5), 0))
proved("a root of a large square", eq(sqrt((a + 10**14) ** 2), a + 10**14))
cube = z[i] * z[j] * z[k]
proved("many places", eq(cube * sum_over(l, p[l]), cube), sizes={K: 50})


@pytest.mark.parametrize("name", sample(list(ATTEMPTS)))
def test_it_is_refused(name: str) -> None:
    with pytest.raises((VerificationError, TypeError, ValueError)):
        ATTEMPTS[name]()


@pytest.mark.parametrize(
    "statement",
    [
        eq(sum_over(k, Quantity("q", lambda at: 1 / at)[k] * k), K),
        eq(named("h", log(K)) * ONE, log(K)),
        eq(named("h", 1 / K) * named("g", K) * ONE, 1),
        eq(Subs(Sum(1 / (r + k), (k, 1, K)), r, k) * ONE, Sum(1 / (k + l), (l, 1, K))),
        eq(Sum(a, (k, 1, c[n])), a * c[n]),
        eq(Sum(a, (k, 1, K + N)), a * (K + N)),
    ],
    ids=str,
)
def test_names_that_have_values_are_written_out(statement: Any, capsys: pytest.CaptureFixture[str]) -> None:
    prove("a", statement)
    assert "proved" in capsys.readouterr().out


def test_what_is_given_of_a_function_is_refuted_at_one_place(capsys: pytest.CaptureFixture[str]) -> None:
    slope = Derivative(f(a), a)
    refute("a", eq(Derivative(f(a), a, 2), f(a)), given=eq(slope, f(a)))
    assert "of functions at this one place" in capsys.readouterr().out


def test_code_that_is_0_agrees_with_what_is_0(capsys: pytest.CaptureFixture[str]) -> None:
    centred = sum_over(k, y[k] - sum_over(l, y[l]) / K)
    agree(
        "a",
        eq(centred, 0),
        lambda y: (y - y.mean()).sum(),
        entries(centred, of=[y]),
        points=ROWS,
        atol=1e-9,
    )
    assert "agrees with the left side" in capsys.readouterr().out
