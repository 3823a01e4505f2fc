"""Classes of holes: what was once proved, refuted or agreed with though it is false, and its neighbours."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import mpmath
import pytest
import sympy as sp
from deep import seeds
from sympy import (
    Derivative,
    Equivalent,
    Float,
    Function,
    Heaviside,
    IndexedBase,
    Max,
    Min,
    Piecewise,
    Rational,
    Symbol,
    erf,
    exp,
    log,
    sign,
    tanh,
)

from xentlib.proof import (
    K,
    Quantity,
    VerificationError,
    delta,
    derive,
    i,
    j,
    k,
    l,
    named,
    p,
    prove,
    refute,
    s,
    sum_over,
    t,
    v,
    y,
    z,
)
from xentlib.proof._arithmetic import INTERVALS, interval_digits
from xentlib.proof._evaluation import Point, evaluate, function_of, number_there
from xentlib.proof.core.unfold import closed, substitute, unfold

ATTEMPTS: dict[str, Callable[[], Any]] = {}
TINY = Rational(1, 1024)


def eq(a: Any, b: Any) -> Any:
    return sp.Eq(a, b, evaluate=False)


def lt(a: Any, b: Any) -> Any:
    return sp.Lt(a, b, evaluate=False)


def gt(a: Any, b: Any) -> Any:
    return sp.Gt(a, b, evaluate=False)


def attempt(name: str, verb: Callable[..., Any], *arguments: Any, **keys: Any) -> None:
    """Note what has to be refused, in words of ours."""
    assert name not in ATTEMPTS
    ATTEMPTS[name] = lambda: verb("a", *arguments, **keys)


# --- capture: what is put into a sum is caught by its index -----------------------------------------

spread = sum_over(i, sum_over(j, log(1 + s**2 * (z[i] - z[j]) ** 2)))
zero_where = Piecewise((spread, eq(s, sum_over(k, v[k]) + TINY)), (0, True))
attempt("capture in a case", prove, eq(zero_where, 0))
attempt("capture in a case of three sums", prove, eq(sum_over(l, zero_where * v[l]), 0))

U = Quantity("U", lambda a: exp(z[a]) + TINY * sum_over(l, exp(z[l])))
V = Quantity("V", lambda a: exp(y[a]) + TINY * sum_over(l, exp(y[l])))
for index in (i, k, l):
    attempt(
        f"capture by the key, of {index}",
        prove,
        Equivalent(lt(z[index], y[index]), lt(U[index], V[index]), evaluate=False),
        increasing=lambda x: exp(x) + TINY * sum_over(k, exp(x)),
    )


# --- numbers: what rounding makes is no witness -----------------------------------------------------

f = Function("f", real=True)
a, r = sp.symbols("a r", real=True)
ONE = sum_over(k, p[k])
for truth_ in (
    lt(1 / (1 + exp(-(a**3))), 1),
    gt(log(1 + exp(-(a**3))), 0),
    gt(1 + exp(-exp(s**2)), 1),
    gt(exp(-exp(s**2)), 0),
    lt(tanh(a**3), 1),
    lt(erf(a**3), 1),
    sp.Ne(exp(-exp(s**2)), 0, evaluate=False),
    eq(sign(ONE - 1), 0),
    eq(Heaviside(ONE - 1, 5), 5),
    eq(Max(ONE, 1) - Min(ONE, 1), 0),
    eq(Piecewise((1, lt(ONE, 1)), (0, True)), 0),
    eq(Piecewise((1, sp.Ne(ONE, 1, evaluate=False)), (0, True)), 0),
    eq(delta(sum_over(k, p[k] * a), a), 1),
    eq(f(a), f(a * ONE)),
    eq(Derivative(exp(exp(a)), a), exp(a) * exp(exp(a))),
    eq(Derivative(exp(exp(a)), a, a), exp(a) * exp(exp(a)) * (1 + exp(a))),
):
    attempt(f"refuted: {truth_}", refute, truth_)
attempt(
    "a function of two values",
    refute,
    eq(f(a), f(a * ONE)),
    at={K: 2, z: [1, 2], a: 1, f(a): 1, f(a * ONE): 2},
)


@pytest.mark.parametrize(
    ("statement", "witness"),
    [
        (sp.Le(a, 2, evaluate=False), {a: "2.000001"}),
        (sp.Le(a, 2, evaluate=False), {a: "2.00000000000001"}),
        (gt(a**2, 0), {a: 0}),
        (gt(sum_over(k, p[k]), 1), {K: 2, z: [1, 3]}),
        (sp.Ne(exp(2 * a), exp(a) ** 2 * sum_over(k, p[k]), evaluate=False), {a: 3, K: 2, z: [1, 3]}),
    ],
    ids=str,
)
def test_a_witness_is_written_out(statement: Any, witness: Any, capsys: pytest.CaptureFixture[str]) -> None:
    refute("a", statement, at=witness)
    assert f"a = {witness.get(a, '')}" in capsys.readouterr().out + "a = "


def test_what_is_only_about_a_number_is_written_so(capsys: pytest.CaptureFixture[str]) -> None:
    refute("a", eq(a, 1), at={a: Rational(1, 3)})
    assert "a ≈ 0.33333, where" in capsys.readouterr().out


b = sp.Symbol("b", real=True)


def random_part(random: Random, depth: int) -> Any:
    """Return a random expression."""
    if depth == 0:
        return random.choice(
            [a, b, t, s, z[i], z[j], p[i], sp.Integer(random.randint(-2, 2)), K, Rational(2, 3)]
        )
    one, two = random_part(random, depth - 1), random_part(random, depth - 1)
    return random.choice(
        [
            lambda: one + two, lambda: one * two, lambda: one - two, lambda: one**2, lambda: one**-1,
            lambda: exp(one), lambda: log(1 + exp(one)), lambda: tanh(one), lambda: erf(one),
            lambda: log(one**2 + 1),
            lambda: sp.Abs(one), lambda: Max(one, two + 1), lambda: (one**2 + 2) ** (two / 3),
            lambda: sum_over(k, z[k] * one), lambda: exp(one * z[1]) / (1 + exp(two)), lambda: one**K,
            lambda: sp.Subs(a * b + one, a, two),
        ]
    )()  # fmt: skip


@pytest.mark.parametrize("seed", seeds(40, 400))
def test_intervals_hold_the_number(seed: int) -> None:
    random = Random(seed)
    expr = random_part(random, random.randint(1, 3))
    at: dict[Any, Any] = {K: 3, i: 1, j: random.randint(1, 2), z: [mpmath.mpf(n) / 7 for n in (-9, 2, 5)]}
    at |= {s: mpmath.mpf(random.randint(-9, 9)) / 3, t: mpmath.mpf(2), b: mpmath.mpf(random.randint(-2, 2))}
    at |= {a: mpmath.mpf(random.randint(-2, 2))}
    for slope in (expr, Derivative(expr, a), Derivative(expr, z[1], 2)):
        with mpmath.workdps(60), interval_digits(40):
            try:
                number = evaluate(slope, at)
                held = function_of(slope, INTERVALS)(Point({x: number_there(n) for x, n in at.items()}, {}))
            except ArithmeticError:
                continue
            low, high = (
                mpmath.make_mpf(end)
                for end in (held._mpi_ if hasattr(held, "_mpi_") else (mpmath.mpf(held)._mpf_,) * 2)
            )
            assert low - mpmath.mpf(10) ** -30 <= number <= high + mpmath.mpf(10) ** -30
            assert high - low <= mpmath.mpf(10) ** -20 * (1 + abs(number))


# --- the door: what is not exact, or speaks of what there is not --------------------------------------

w = sp.Symbol("w", positive=True)
h = sp.Symbol("h", integer=True)
q = IndexedBase("q", positive=True)
GAP = sum_over(k, q[k] * log(q[k] / p[k]))


def ge(one: Any, two: Any) -> Any:
    return sp.Ge(one, two, evaluate=False)


seventh = (a - Rational(1, 7)) ** 2
attempt(
    "float in a certificate",
    prove,
    ge(seventh, Rational(1, 10**20)),
    certificate=(1.0 * a - Float(1) / 7) ** 2,
)
attempt("float as a factor of it", prove, ge(GAP, Rational(1, 10**17)), certificate=1.0 * GAP)
attempt(
    "float inside a quantity of it", prove, ge(seventh, 0), certificate=named("g", (a - Float(1) / 7) ** 2)
)
attempt(
    "float in the key",
    prove,
    Equivalent(lt(z[k], y[k]), lt(exp(z[k]), exp(y[k])), evaluate=False),
    increasing=lambda x: exp(1.0 * x),
)
attempt("float in an assumption", prove, eq((1 + s) * a * ONE, a), given=eq(s, Float("1e-40")))
attempt("float in an unequal pair", prove, eq(s * ONE, s), given=sp.Ne(s, 0.5))
attempt(
    "float in a derivation's assumption",
    lambda _, *lines, **k: derive(*lines, **k),
    a * s,
    a,
    given=eq(s, Float(1 + 2**-52)),
)
attempt("float in a statement that is refuted", refute, eq(a, 0.1))
attempt("a symbol that is zero", prove, eq(Symbol("u", zero=True) * ONE, 0))
for place in (0, -1, Rational(1, 2)):
    attempt(f"an entry {place}", prove, eq(z[place] * ONE, z[place]))
    attempt(f"an entry {place} of a softmax", prove, eq(p[place] * ONE, p[place]))
attempt("an index of no range", prove, eq(z[h] * ONE, z[h]))
attempt("a sum over a size", lambda _: sum_over(K, 1))
attempt("a quantity without an index", lambda _: sp.Eq(p, 1))
attempt("a derivative by a probability", lambda _: Derivative(log(p[i]), p[i]))
attempt(
    "a key that returns words", prove, Equivalent(lt(a, r), lt(2 * a, 2 * r), evaluate=False), increasing=str
)
attempt(
    "a key that returns nothing",
    prove,
    Equivalent(lt(a, r), lt(2 * a, 2 * r), evaluate=False),
    increasing=print,
)


def test_of_two_bounds_the_greater_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    prove("a", eq(sum_over(k, p[k]), 1), given=[K >= 5, K >= 2])
    assert "proved for every K ≥ 5\n" in capsys.readouterr().out


def test_what_is_put_into_a_sum_stays_what_it_is() -> None:
    total = unfold(sum_over(k, s * z[k]))
    (bound, *_), *_ = total.limits
    for inside in (z[k], sum_over(k, z[k]), unfold(sum_over(k, z[k] * sum_over(l, v[l])))):
        assert substitute(total, {s: inside}).free_symbols >= inside.free_symbols
    with pytest.raises(ValueError, match="none of its own"):
        substitute(total, {s: z[bound]})
    twice = substitute(unfold(sum_over(k, sum_over(l, s + z[k] * z[l]))), {s: unfold(sum_over(j, v[j]))})
    assert unfold(twice) == unfold(sum_over(k, sum_over(l, sum_over(j, v[j]) + z[k] * z[l])))


def test_a_sum_that_would_catch_a_stray_index_is_not_made() -> None:
    total = unfold(sum_over(k, z[k]))
    (bound, first, last), *_ = total.limits
    with pytest.raises(ValueError, match="none of its own"):
        closed(sp.Sum, z[bound] * v[i], i, first, last)


@pytest.mark.parametrize("name", ATTEMPTS)
def test_refused(name: str) -> None:
    with pytest.raises((VerificationError, ValueError, TypeError)) as caught:
        ATTEMPTS[name]()
    assert "xentlib" in str(caught.traceback[-1].path)
