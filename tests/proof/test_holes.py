"""Classes of holes: what was once proved, refuted or agreed with though it is false, and its neighbours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sympy as sp
from sympy import Derivative, Equivalent, Float, IndexedBase, Piecewise, Rational, Symbol, exp, log

from xentlib.proof import (
    K,
    Quantity,
    VerificationError,
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
    v,
    y,
    z,
)
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


# --- the door: what is not exact, or speaks of what there is not --------------------------------------

a, r = sp.symbols("a r", real=True)
w = sp.Symbol("w", positive=True)
h = sp.Symbol("h", integer=True)
ONE = sum_over(k, p[k])
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
    with pytest.raises(AssertionError, match="none of its own"):
        substitute(total, {s: z[bound]})
    twice = substitute(unfold(sum_over(k, sum_over(l, s + z[k] * z[l]))), {s: unfold(sum_over(j, v[j]))})
    assert unfold(twice) == unfold(sum_over(k, sum_over(l, sum_over(j, v[j]) + z[k] * z[l])))


def test_a_sum_that_would_catch_a_stray_index_is_not_made() -> None:
    total = unfold(sum_over(k, z[k]))
    (bound, first, last), *_ = total.limits
    with pytest.raises(AssertionError, match="none of its own"):
        closed(sp.Sum, z[bound] * v[i], i, first, last)


@pytest.mark.parametrize("name", ATTEMPTS)
def test_refused(name: str) -> None:
    with pytest.raises((VerificationError, ValueError, TypeError)) as caught:
        ATTEMPTS[name]()
    assert "xentlib" in str(caught.traceback[-1].path)
