"""A third attack: attempts of a reader who knew the code. All are refused in words, and soon.

A quarter of them is tried at hand, all in continuous integration.
"""

from __future__ import annotations

from collections.abc import Callable
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
    IndexedBase,
    Max,
    Min,
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
    entries,
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
    product_over,
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
h = Function("h", nonnegative=True)
q = IndexedBase("q", positive=True)
ONE = sum_over(k, p[k])
ATTEMPTS: dict[str, Callable[[], Any]] = {}


def eq(left: Any, right: Any) -> Any:
    return sp.Eq(left, right, evaluate=False)


def gt(left: Any, right: Any) -> Any:
    return sp.Gt(left, right, evaluate=False)


def lt(left: Any, right: Any) -> Any:
    return sp.Lt(left, right, evaluate=False)


def ge(left: Any, right: Any) -> Any:
    return sp.Ge(left, right, evaluate=False)


def lazily(name: str, attempt: Callable[[], Any]) -> None:
    assert name not in ATTEMPTS, name
    ATTEMPTS[name] = attempt


def late(verb: Callable[..., Any], name: str, *arguments: Any, **keys: Any) -> None:
    lazily(name, lambda: verb(*arguments, **keys))


def proved(name: str, statement: Any, **keys: Any) -> None:
    late(prove, name, "a", statement, **keys)


def refuted(name: str, statement: Any, **keys: Any) -> None:
    late(refute, name, "a", statement, **keys)


# --- what has no value at one size, at one index, or from some size on ------------------------------------

for far in (14, 20, 37):
    below, beyond = far - K, K - far
    for name, statement in {
        "1/a at": eq(Subs(1 / a, a, beyond) * beyond, 1),
        "1/a^2 at": gt(Subs(1 / a**2, a, beyond), 0),
        "log at": eq(exp(Subs(log(a), a, below)), below),
        "exp log at": gt(exp(Subs(log(a) * b, a, below)), 0),
        "1/a at, in a name": eq(named("h", Subs(1 / a, a, beyond)) * beyond, 1),
        "1/(a - K) at": eq(Subs(1 / (a - K), a, far) * below, 1),
        "b/(a b - K b) at": eq(Subs(b / (a * b - K * b), a, far) * below, 1),
        "a slope of log at": eq(Subs(Derivative(log(a), a), a, beyond) * beyond, 1),
        "a slope of log at minus K": eq(Subs(Derivative(log(a), a), a, -K) * K * far, -far),
        "a slope of a root at": eq(Subs(Derivative(sp.sqrt(a), a), a, (K - far) ** 2) * beyond * 2 * ONE, 1),
        "1/a at, in a sum": eq(sum_over(n, Subs(1 / a, a, n - far) * (n - far)), N),
        "1/a at, in two sums": eq(sum_over(n, Subs(1 / a, a, n - far)), sum_over(n, 1 / (n - far)) * ONE),
        "a power at": eq(Subs(a**b, a, below) ** 2, Subs(a ** (2 * b), a, below)),
        "1/(a - b) at": eq(Subs(1 / (a - b), (a, b), (K, far)) * beyond, 1),
        "a square over a^2 at": ge(Subs((a + 1) ** 2 / a**2, a, beyond), 0),
        "a sign at": gt(Subs(u, u, below) * exp(b), 0),
        "a place": eq((n**2 - far**2) / (n - far), n + far),
        "a logarithm of a place": eq(log(u * (far - n)), log(u) + log(far - n)),
        "a square of a place": gt(exp(a) / (n - far) ** 2, 0),
        "a root of a place": eq(sp.sqrt(far - n) + (far - n) * ONE, far - n + sp.sqrt(far - n)),
        "a label": eq((c[n] ** 2 - far**2) / (c[n] - far), c[n] + far),
        "two places": eq(((i + j) ** 2 - 4 * far**2) / (i + j - 2 * far), i + j + 2 * far),
        "a power of 0": eq(0 ** (far - n) * ONE, 0 ** (far - n)),
        "a power of 0 at": eq(Subs(a ** (far - n), a, 0) * ONE, Subs(a ** (far - n), a, 0)),
        "a root of -1": eq((-1) ** (Max(0, beyond) / 2) * ONE, (-1) ** (Max(0, beyond) / 2)),
        "an equivalence": Equivalent(
            lt(a, b), lt(*(exp(side) * Subs(1 / r**2, r, beyond) for side in (a, b))), evaluate=False
        ),
    }.items():
        keys = {"increasing": exp} if isinstance(statement, Equivalent) else {}
        proved(f"no value: {name} {far}", statement, **keys)
    for name, given in {"b": eq(b, beyond), "b + a": eq(a + b, beyond), "K >= 2": K >= 2}.items():
        divisor = {"b": b, "b + a": a + b, "K >= 2": Subs(a, a, beyond)}[name]
        statement = eq(Subs(1 / r, r, divisor) * divisor * ONE, 1)
        proved(f"no value: given {name} {far}", eq(Subs(1 / r, r, beyond) * beyond, 1), given=given)
        if name != "K >= 2":
            proved(
                f"no value: divided by what is given {name} {far}", eq(beyond / divisor * ONE, 1), given=given
            )
    late(derive, f"no value: a derivation {far}", Subs(1 / a, a, beyond) * beyond, ONE, sp.S.One)
    proved(f"no value: a certificate {far}", ge(a**2, 0), certificate=a**2 * Subs(1 / r, r, beyond) * beyond)
    proved(f"a fixed size {far}", eq(Subs(1 / a, a, beyond) * beyond * b, b), sizes={K: far})
proved("no value: an empty sum below", eq(sp.Sum(a * p[k], (k, 2, K)) / sp.Sum(p[k], (k, 2, K)), a))

# --- what is true of functions with a sign ------------------------------------------------------------------


def at_logits(value: Any) -> Any:
    return Quantity("v", lambda at: value(z[at] + 1))[i]


for name, value in {"positive": g, "not negative": h}.items():
    slope = Derivative(value(a), a) ** 2
    for what, statement in {
        "at b": ge(value(a) + Subs(value(a) + slope, a, b), 0),
        "at 2 b": ge(value(a) + Subs(value(a) + slope, a, 2 * b), 0),
        "at a + 1": ge(Subs(value(a), a, a + 1) + slope, 0),
        "at 5": ge(Subs(value(a), a, 5) + value(a) + slope, 0),
        "at a log-sum-exp": ge(Subs(value(a), a, lse) + value(a) + slope, 0),
        "at 0": ge(Subs(slope + value(a), a, 0) + value(a), 0),
        "in a sum over a": ge(sp.Sum(value(a), (a, 1, K)) + value(a) + slope, 0),
        "in a sum": ge(sum_over(n, value(n)) + value(n) + slope, 0),
        "in a sum at logits": ge(sum_over(k, value(z[k])) + slope, 0),
        "in a product": ge(product_over(n, value(n)) + value(n) + slope, 0),
        "in a name": ge(value(named("v", a + b)) + slope, 0),
        "in a quantity": ge(at_logits(value) + slope, 0),
        "elsewhere": ge(value(b) + slope, 0),
    }.items():
        refuted(f"a truth: {name} {what}", statement)
    for what, statement, given in (
        ("and its slope is 0", ge(value(a) + value(b), 0), eq(Derivative(value(a), a), 0)),
        ("and its slope is 1", ge(value(w) + value(u), 0), eq(Derivative(value(u), u), 1)),
        ("and bent", ge(value(2 * u), -value(u)), eq(Derivative(value(u), u, u), -5)),
        ("and known at u", ge(value(w), -value(u) / 10**6), eq(value(u), u)),
        ("and known at u, in a sum", ge(sum_over(k, value(z[k])) + value(u), 0), eq(value(u), u)),
        ("and a square", ge(value(-a), 0), eq(value(a), a**2)),
        ("and a square, at b", ge(Subs(value(a), a, b), 0), eq(value(a), a**2)),
    ):
        refuted(f"a truth: {name} {what}", statement, given=given)
    refuted(f"a truth: {name} by its own number", ge(value(a), 0), at={a: 1, value(a): -1})
whole = Function("h", integer=True)
proved("a slope of what is whole", eq(Derivative(whole(a) ** 2, a), 2 * whole(a) * Derivative(whole(a), a)))
refuted("a slope of what is whole is 0", eq(Derivative(whole(a), a), 0))
proved("a slope of what is whole is given", eq(b * whole(a), a * b), given=eq(Derivative(whole(a), a), 1))
for power in (10, 90):
    for name, statement in {
        "exp of little": gt(exp(-exp(a * power)), 0),
        "less than 1": lt(1 - exp(-power * a**2) * exp(-1 - power), 1),
        "tanh": lt(sp.tanh(power * a), 1),
        "erf": lt(sp.erf(power * a), 1),
        "not 1": Ne(exp(-power * a**2) + 1, 1, evaluate=False),
        "a sign": eq(sp.sign(exp(-exp(power * a))), 1),
        "erf is odd": eq(10**power * (sp.erf(a) + sp.erf(-a)), 0),
        "tanh by exp": eq(10**power * (sp.tanh(a) - (exp(2 * a) - 1) / (exp(2 * a) + 1)), 0),
        "a softplus": eq(10**power * (log(1 + exp(a)) - log(1 + exp(-a)) - a), 0),
        "a root": eq(10**power * (sp.sqrt(3 + 2 * sp.sqrt(2)) - 1 - sp.sqrt(2)) * a, 0),
        "the sign of a root": eq(sp.sign(sp.sqrt(3 + 2 * sp.sqrt(2)) - 1 - sp.sqrt(2)) * a, 0),
        "the slope of tanh": eq(10**power * (Derivative(sp.tanh(a), a) - 1 + sp.tanh(a) ** 2), 0),
        "a step": ge(Heaviside(10**power * (log(exp(a) + exp(b)) - a - log(1 + exp(b - a))), 1), 1),
        "a case": eq(Piecewise((1, eq(10**power * (log(6 * u) - log(2 * u) - log(3)), 0)), (0, True)), 1),
        "a maximum": eq(Max(10**power * (exp(a) * exp(b) - exp(a + b)), 0), 0),
    }.items():
        refuted(f"a truth: {name} {power}", statement)

# --- bounds that break far off ------------------------------------------------------------------------------

for far in (20, 1000):
    little = Rational(1, 10**9)
    for name, statement in {
        "a square": gt((a - far) ** 2 - Rational(1, 3), 0),
        "exp above its tangent": gt(exp(a / far) - a / far * sp.E - little, 0),
        "exp above its tangent at 0": ge(exp(a / far) - 1 - a / far, little),
        "u - 1 - log u": gt(u / far - 1 - log(u / far), 0),
        "u - 1 - log u with a gap": ge(u / far - 1 - log(u / far), little),
        "a quartic": gt((a - far) ** 4 + (a - far) ** 2 - Rational(1, 100), 0),
        "a cosine": gt(exp(a - far) + exp(far - a) - 2, 0),
        "an absolute value": gt(sp.Abs(a - far), 0),
        "a maximum": gt(Max(a - far, far - a), 0),
        "a sum of places": ge(far * sum_over(k, q[k]), sum_over(k, k * q[k])),
    }.items():
        proved(f"late: {name} {far}", statement)
    for name, statement, given in (
        ("a square", gt((a - far) ** 2, 0), Ne(a, b)),
        ("a sum of squares", gt(sum_over(k, (z[k] - a) ** 2), 0), Ne(z[i], b)),
        ("weighted squares", gt(sum_over(k, (z[k] - z[i]) ** 2 * (k - far) ** 2), 0), Ne(z[i], z[j])),
        ("weighted samples", gt(sum_over(n, (x[n] - x[m]) ** 2 * (n - far) ** 2), 0), Ne(x[o], x[m])),
        ("a weighted square", gt((z[i] - z[j]) ** 2 * (i - far) ** 2, 0), Ne(z[i], z[j])),
        ("places", gt((i - j) ** 2 * (i + j - 2 * far) ** 2, 0), Ne(i, j)),
        ("a product of squares", gt((a - b) ** 2 * (a + b - far) ** 2, 0), Ne(a, b)),
        ("K", ge(far + u, K), K >= 2),
        ("a product", ge((K - 2) * (far - K) * exp(a), 0), K >= 2),
        ("a cube", ge(far * K**2 * exp(a), (K - 1) ** 3 * exp(a)), K >= 2),
        ("strictly", gt((K - 2) * exp(a), 0), K >= 2),
        ("strictly, of two", gt((K - 2) * exp(a) + (N - 3) ** 2, 0), [K >= 2, N >= 3]),
        ("a delta", gt(1 - delta(K, far) + 0 * a, 0), K >= 2),
        ("a weighted delta", ge(u - delta(K, far) * u * 2, 0), K >= 2),
        ("an odd power", gt((far - K) ** 3 * u, 0), K >= 2),
        ("an even power", gt((far - K) ** (2 * K) * u, 0), K >= 2),
        ("an absolute value", gt(sp.Abs(K - far) * u, 0), K >= 2),
        ("a maximum", gt(Max(far - K, 0) * u, 0), K >= 2),
        ("a minimum", ge(far, Min(K, far) + Max(K - far, 0)), K >= 2),
        ("cases", gt(Piecewise((1, far > K), (0, True)) * u, 0), K >= 2),
        ("a step", gt(Heaviside(far - K, 1) * u, 0), K >= 2),
        ("a sign", gt(sp.sign(far - K) * u, -u), K >= 2),
        ("an index", ge((far - i) * u, 0), K >= 2),
        ("an index below K", gt((K - i) * u, 0), K >= 2),
        ("two probabilities", gt(1 - p[i] - p[j], 0), K >= 3),
        ("a part of a probability", gt(1 - p[i] - p[j] / far, 0), K >= 2),
        ("a negative factor", ge(p[i] * (far - K) + 1, 0), K >= 2),
        ("a negative sum", ge(sum_over(k, (far - K) * p[k]), 0), K >= 2),
        ("a sum from 2", gt(sp.Sum(p[k], (k, 2, K)) * u, 0), [K >= 1, N >= 2]),
        ("a logarithm", gt(log(far) - log(K) + u, 0), K >= 2),
        ("a logarithm at the bound", gt(log(K) - log(2), 0), K >= 2),
        ("an exponential", gt(exp(far - K) - exp(-K), 1), K >= 2),
        ("a root", gt(sp.sqrt((K - far) ** 2) * u, 0), K >= 2),
        ("an inverse", gt(1 / K - Rational(1, far), 0), K >= 2),
        ("a high power", ge(sp.S.One, 1 / (K - 1) + 1 / K**far), K >= 2),
        ("two sizes", ge(u * (far + K - N), 0), [K >= 2, N >= 2]),
    ):  # fmt: skip
        proved(f"late, where something is given: {name} {far}", statement, given=given)
    for name, statement in {
        "a minimum": eq(sum_over(n, Min(n, far)), N * (N + 1) / 2),
        "a delta": eq(sum_over(n, delta(n, far)), 0),
        "a delta of the size": eq(delta(N, far) * N, 0),
        "a step": eq(sum_over(n, Heaviside(far - n, 1)), N),
        "a product of cases": eq(product_over(n, Piecewise((1, n < far), (2, True))), 1),
        "an absolute value": eq(sum_over(n, sp.Abs(n - far)), far * N - N * (N + 1) / 2),
        "a quotient": eq(sum_over(n, (n - far) * a / (n - far) + delta(n, far) * a), N * a),
    }.items():
        proved(f"late, by induction: {name} {far}", statement, induction=N)

# --- agreements ---------------------------------------------------------------------------------------------

FOURS = list(np.random.default_rng(0).normal(size=(20, 4)))
ONES = [[float(number)] for number in range(20)]


def pairs() -> list[Any]:
    return [tuple(np.random.default_rng(seed).normal(size=(2, 3))) for seed in range(20)]


def agreed(
    name: str,
    statement: Any,
    left: Any,
    right: Any,
    points: Any = FOURS,
    *,
    before: Any = None,
    **assumed: Any,
) -> None:
    def attempt() -> None:
        if before is not None:
            prove("b", before, **assumed)
        agree("a", statement, left, right, points=points, rtol=1e-9)

    lazily(f"agree: {name}", attempt)


HALF = eq(sum_over(k, p[k] - Rational(1, 2)), 0)
TWO = eq(sum_over(k, sp.S.One), 2)
PAIR = eq(p[1] + p[2], 1)
LOGITS = eq(z[1] + z[2], sum_over(k, z[k]))
JUST_ONE = eq(ONE + delta(K, 1), 1)
agreed("K = 4 of K = 2", HALF, lambda z: 0.0, entries(sp.S.Zero, of=[z]), before=HALF, sizes={K: 2})
agreed("an array of nothing", TWO, lambda z: 2.0, entries(sp.S(2), of=[z]), before=TWO, sizes={K: 2})
agreed(
    "K = 4 of two probabilities", PAIR, lambda z: 1.0, entries(sp.S.One, of=[z]), before=PAIR, sizes={K: 2}
)
agreed(
    "K = 4 of two logits",
    LOGITS,
    lambda z: z[0] + z[1],
    entries(z[1] + z[2]),
    before=LOGITS,
    sizes={K: 2},
)
agreed(
    "a sum that is not 1",
    eq(sum_over(k, y[k] * lse) / lse, 1),
    lambda y, z: 1.0,
    entries(sp.S.One, of=[y, z]),
    pairs(),
    before=eq(sum_over(k, y[k] * lse) / lse, 1),
    given=eq(sum_over(k, y[k]), 1),
)
agreed(
    "K = 1 of K >= 2",
    eq(ONE, 1),
    lambda z: 1.0,
    entries(sp.S.One, of=[z]),
    ONES,
    before=eq(ONE, 1),
    given=K >= 2,
)
agreed(
    "K = 1 of a delta",
    JUST_ONE,
    lambda z: 1.0,
    entries(sp.S.One, of=[z]),
    ONES,
    before=JUST_ONE,
    given=K >= 2,
)
for name in ("z_1", "K", "ab", r"\sum_k p_k^2", "p_i^2", "i", "2a", "a|b", r"\mathrm{log}", "2"):
    agreed(f"misprinted {name}", eq(named(name, ONE), 1), lambda z: 1.0, lambda z: 1, before=eq(ONE, 1))
    agreed(f"misprinted {name}, not proved", eq(named(name, exp(z[i]) * ONE), exp(z[i])), len, lambda z: 4)
agreed(
    "a name that hides the index of a sum",
    eq(sp.Sum(named("h", z[k] ** 2) * ONE, (k, 1, K)), sum_over(k, z[k] ** 2)),
    lambda z: (z**2).sum(),
    lambda z: np.dot(z, z),
    before=eq(sum_over(k, z[k] ** 2 * ONE), sum_over(k, z[k] ** 2)),
)
agreed("1 is 2", eq(ONE, named("2", sp.S.One)), lambda z: 1.0, lambda z: 1, before=eq(ONE, 1))
agreed("the name of an index", eq(sum_over(k, z[k]), sum_over(j, z[j])), lambda z: z.sum(), np.sum)
agreed("another name", eq(a, named("h", a)), lambda z: z.sum(), np.sum)
agreed("how large a size is", ge(K, 1), lambda z: 1.0, lambda z: 1)
agreed("a dict of points", eq(ONE, 1), lambda z: 1.0, lambda z: 1.0, {1.0: 2, 2.0: 3})
agreed("a set of points", eq(ONE, 1), lambda z: 1.0, lambda z: 1.0, {1.0, 2.0})
agreed("a point that is too large", eq(ONE, 1), lambda z: 1.0, lambda z: 1.0, [[10**400]])
agreed("a point of nothing", eq(ONE, 1), lambda z: 1.0, lambda z: 1.0, [[None]])
agreed("a ragged point", eq(ONE, 1), lambda z: 1.0, lambda z: 1.0, [[[1], [1, 2]]])
agreed("no arguments", eq(ONE, 1), lambda *z: 1.0, lambda *z: 1.0, [()])
agreed("entries in a function", eq(ONE, 1), lambda z: entries(ONE)(z), entries(ONE))
agreed("entries by their method", eq(ONE, 1), entries(ONE).__call__, entries(ONE))
for name, attempt in {
    "of one index twice": lambda: entries(p[i], i, i),
    "at a symbol": lambda: entries(p[i], Symbol("h")),
    "at a size": lambda: entries(p[i], K),
    "of samples without an array": lambda: entries(z[k], n)([0.0]),
    "of nothing": lambda: entries(None),
    "of a statement": lambda: entries(a > b),
    "of a text": lambda: entries("p"),
    "that have no value": lambda: entries(log(z[i]), i)([-1.0]),
    "in too many digits": lambda: entries(p[i], i)([1e6, 0.0]),
}.items():
    lazily(f"entries {name}", attempt)

# --- names and words ----------------------------------------------------------------------------------------

for word in (
    "Var",
    "E",
    "Cov",
    "KL",
    "softmax",
    "H",
    "argmax",
    "logsumexp",
    "sigmoid",
    "tr",
    "Pr",
    "P",
    "D",
    "grad",
):
    for kind in (r"\mathrm", r"\operatorname", r"\mathbf"):
        operator = Symbol(f"{kind}{{{word}}}", real=True)
        proved(f"{kind} {word} of a sum", eq(operator * (a + b), operator * a + operator * b))
for word in ("softmax", "relu", "Var", "f'", r"\nabla", "KL"):
    proved(f"a function {word}", eq(Function(word, real=True)(a) * ONE, Function(word, real=True)(a)))
for name, one, other in (
    ("an upright s", s, Symbol(r"\mathrm{s}", real=True)),
    ("a bold z", z[i], IndexedBase(r"\mathbf{z}", real=True)[i]),
    ("an upright z", z[i], IndexedBase(r"\mathrm{z}", real=True)[i]),
    ("a bold q", q[i], IndexedBase(r"\mathbf{q}", real=True)[i]),
    ("a script a", a, Symbol(r"\mathcal{a}", real=True)),
    ("a capital beta", Symbol("B", real=True), Symbol("Beta", real=True)),
    ("two spellings", Symbol("lam" + "da", real=True), Symbol("lambda", real=True)),
    ("a script K", K + a, Symbol(r"\mathcal{K}", real=True)),
    ("a slope by its mark", f(a), Symbol("f'", real=True)),
):
    proved(f"beside each other: {name}", eq((one + other) * ONE, one + other))
proved(
    "an upright label",
    eq(IndexedBase(r"\mathrm{c}", real=True)[n] * ONE, IndexedBase(r"\mathrm{c}", real=True)[n]),
)
dashed = Function("f'", real=True)
proved("f' is no slope", eq(dashed(a) * ONE, 2 * f(a)), given=eq(dashed(a), 2 * f(a)))
WORDS = (
    "&radic; `softmax`&colon; proved", "&Sqrt; done", "&tick; x", r"$\@char{10003}$", "\u2613 `a`",
    "\u2716 x", "\u2a2f", "\U0001f5d9 a", "\U0001d5eb", "**_Theorem: Shift._**", "** Theorem: Shift**",
    "**\u200bTheorem: S.**", "**&nbsp;Theorem: S.**", "Theorem\n===", "Theorem\n---",
    "`softmax`:&nbsp;proved for every $K$", r"\(a=b\)", r"$\sqrt{}$ `softmax`", "&lt;b&gt;", "<?x ?>",
    "{math}`a=b`", "$\n$a=b$\n$", "+++", "(thm-shift)=\n", "{proof}`a`", "<\u200bdiv>", r"$\Large a=b$",
    r"$\textstyle\ooalign{}$", r"$\htmlClass{theorem}{a}$", "\u23b7 x", "\U0001f197 proved",
    "\uaa9c `softmax`", "\uff36", r"$\textsf{\symbol{51}}$", "- [x] proved", "> Theorem",
    "Theorem: Shift. For every", "a\n\nb", "__Proved__", "*Proved.*", "| a |", "\u221a `a`",
)  # fmt: skip
for words in WORDS:
    late(say, f"words {words!r}", words)
    late(theorem, f"a title {words!r}", "x", words, "For every $K$,")
late(theorem, "a title with an emphasised end", "x", "Shift. __Proved.__ `a`", "w")

# --- what is none, and what takes long ----------------------------------------------------------------------


def nested(function: Callable[[Any], Any], depth: int, start: Any = a) -> Any:
    for _ in range(depth):
        start = function(start)
    return start


for depth in (7, 20, 60):
    for name, function, start in (
        ("tanh", sp.tanh, a),
        ("a maximum", lambda number: Max(number * 2, b, evaluate=False), a),
        ("log(1 + u)", lambda number: log(1 + number), u),
    ):
        deep = nested(function, min(depth, 20) if name == "a maximum" else depth, start)
        proved(f"{name} {depth} deep", eq(deep * ONE, deep))
far_away = IndexedBase("h", real=True)[3 * 10**6]
long = sp.Sum(y[1] * exp(a * k), (k, 1, 10**6))
proved("a sum of a million", eq(long * ONE, long))
proved("an array of millions", eq(far_away * (a + b), far_away * a + far_away * b))
refuted("a sum of many", eq(sp.Sum(1, (k, 1, 10**8)), 7))
refuted("a sum to a power", eq(sp.Sum(a * k, (k, 1, K**9)), 7))
refuted("an array that is a dict", eq(z[1], 5), at={z: {1: 2}})
refuted("a set of numbers", eq(z[1], 5), at={z: {1}})
for name, statement in {
    "sets": eq(sp.S.Reals, sp.S.Integers),
    "truths": eq(sp.true, sp.false),
    "statements": eq(a > b, b < a),
    "matrices": eq(sp.MatrixSymbol("M", 2, 2), sp.MatrixSymbol("Q", 2, 2)),
    "functions": eq(sp.Lambda(a, a), sp.Lambda(b, b)),
    "pairs": eq(sp.Tuple(a, b), sp.Tuple(a, b * ONE)),
    "infinity": eq(sp.oo * ONE, sp.oo),
    "less than infinity": lt(a, sp.oo),
    "no number": eq(sp.zoo + ONE, sp.zoo),
    "nothing": None,
    "a text": "a = b",
}.items():
    proved(f"a statement about {name}", statement)
for name, given in {
    "truths": Ne(sp.true, a > b, evaluate=False),
    "statements": eq(a > b, b > r),
    "sets": eq(sp.S.Reals, sp.S.Integers),
    "no number": eq(a, sp.zoo),
    "a bound without end": ge(K, sp.oo),
    "a text": "K >= 2",
    "a list in a list": [[K >= 2]],
}.items():
    proved(f"given is {name}", eq(ONE, 1), given=given)


@pytest.mark.parametrize("name", sample(list(ATTEMPTS)))
def test_it_is_refused(name: str) -> None:
    with pytest.raises((VerificationError, TypeError, ValueError)):
        ATTEMPTS[name]()


@pytest.mark.parametrize(
    ("statement", "given"),
    [
        (eq((K - 37) / sp.sqrt(K) * ONE * sp.sqrt(K), K - 37), []),
        (eq(sp.Sum(a * p[k], (k, 2, K)) / sp.Sum(p[k], (k, 2, K)), a), K >= 2),
        (eq(log(n) * ONE + 1 / (n + 1), log(n) + 1 / (n + 1)), []),
        (eq(Subs(1 / a, a, K) * K * ONE, 1), []),
        (eq(Derivative(log(g(a)), a), Derivative(g(a), a) / g(a)), []),
        (eq(sp.sqrt(K) * sp.sqrt(K - 1) * ONE, sp.sqrt(K * (K - 1))), K >= 2),
        (eq(sp.Sum(a, (k, 1, i)), a * i), []),
        (eq(sum_over(l, nested(sp.tanh, 3, z[l])) * ONE, sum_over(l, nested(sp.tanh, 3, z[l]))), []),
    ],
    ids=str,
)
def test_what_has_a_value_is_proved(statement: Any, given: Any, capsys: pytest.CaptureFixture[str]) -> None:
    prove("a", statement, given=given)
    assert "proved" in capsys.readouterr().out


def test_a_positive_function_may_fall(capsys: pytest.CaptureFixture[str]) -> None:
    refute("a", gt(Derivative(g(a), a) + g(b), 0))
    refute("a", gt(Derivative(g(a), a) - Subs(g(a), a, 5), 0))
    assert "assumed is g(5) > 0 and g(a) > 0" in capsys.readouterr().out


def test_code_may_be_compared_with_a_definition(capsys: pytest.CaptureFixture[str]) -> None:
    warm = Quantity("q", lambda at: exp(2 * z[at]) / sum_over(k, exp(2 * z[k])))

    def by_hand(logits: Any) -> Any:
        return np.exp(2 * logits) / np.exp(2 * logits).sum()

    statement = eq(warm[i], exp(2 * z[i]) / sum_over(k, exp(2 * z[k])))
    agree("a", statement, by_hand, entries(warm[i], i), points=FOURS, rtol=1e-12)
    assert "agrees with the left side" in capsys.readouterr().out
