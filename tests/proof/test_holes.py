"""Classes of holes: what was once proved, refuted or agreed with though it is false, each with its neighbours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sympy as sp
from sympy import Equivalent, Piecewise, Rational, exp, log

from xentlib.proof import Quantity, VerificationError, i, j, k, l, prove, s, sum_over, v, y, z
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


def test_what_is_put_into_a_sum_stays_what_it_is() -> None:
    total = unfold(sum_over(k, s * z[k]))
    (bound, *_), *_ = total.limits
    for inside in (z[k], z[bound], sum_over(k, z[k]), unfold(sum_over(k, z[k] * sum_over(l, v[l])))):
        assert substitute(total, {s: inside}).free_symbols >= inside.free_symbols
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
