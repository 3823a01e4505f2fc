"""The signs that the book relies on, and the ones that must not be claimed."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp

from xentlib.proof import K, N, delta, i, j, k, l, n, p, product_over, sum_over, z
from xentlib.proof._evaluation import evaluate
from xentlib.proof._trying import counterexample
from xentlib.proof.core.problem import NOTHING
from xentlib.proof.core.signs import is_nonnegative, is_positive, touches_zero_at
from xentlib.proof.core.unfold import unfold

q = sp.IndexedBase("q", positive=True)
v = sp.IndexedBase("v", real=True)
y = sp.IndexedBase("y", real=True)
x = sp.Symbol("x", real=True)
t = sp.Symbol("t", positive=True)


def ne(a: Any, b: Any) -> Any:
    return sp.Ne(a, b, evaluate=False)


# --- is_positive ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expr",
    [
        p[i],
        sum_over(k, sp.exp(z[k])),
        sum_over(k, sum_over(l, sp.exp(z[k] - y[l]))),
        sp.Sum(sp.exp(z[k]), (k, 1, i)),
        sum_over(k, sp.exp(z[k])) - sp.exp(z[i]) + 1,
        1 + p[i] * p[j],
        1 - p[i] + p[i] ** 2,
    ],
    ids=str,
)
def test_what_is_shown_positive_is_positive(expr: Any) -> None:
    assert is_positive(expr)
    assert counterexample(sp.Gt(expr, 0, evaluate=False), NOTHING, {}) is None


def test_positive_only_for_two_classes_or_more() -> None:
    for expr in (1 - p[i], sum_over(k, sp.exp(z[k])) - sp.exp(z[i]), p[i] * (1 - p[i])):
        assert not is_positive(expr)
        assert not is_positive(expr, several=[N])
        assert is_positive(expr, several=[K])


@pytest.mark.parametrize(
    "expr",
    [
        sp.Sum(sp.exp(z[k]), (k, 2, K)),  # empty if K = 1
        sp.Sum(sp.exp(z[k]), (k, 1, K - 1)),
        sum_over(k, sp.Sum(sp.exp(z[l]), (l, 2, k))),
        p[i] - p[j],
        1 - p[i] - p[j],  # negative if i = j and p[i] > 1/2
        z[i] ** 2,
        sum_over(k, z[k] ** 2),
        sum_over(k, delta(k, i) * z[k]),
        1 + sum_over(n, sp.exp(z[n])) - sp.exp(z[i]),  # i runs over the classes, not over the samples
        p[i] - sp.Rational(1, 10**9),
        sp.log(p[i]),
        x,
    ],
    ids=str,
)
def test_what_may_not_be_positive_is_not_shown(expr: Any) -> None:
    assert not is_positive(expr)
    assert not is_positive(-expr) or expr.has(sp.log)


def test_a_maximum_of_three_terms_is_below_the_sum_only_if_they_differ() -> None:
    total = sum_over(k, sp.exp(z[k]))
    assert not is_positive(total - sp.exp(z[i]) - sp.exp(z[j]), several=[K])


@pytest.mark.parametrize(
    "expr",
    [
        sum_over(k, p[k] * (v[k] - v[i]) ** 2),
        sum_over(k, sum_over(l, (1 - delta(k, l)) * q[k] * (v[k] + v[l]) ** 2)),
        sum_over(k, q[k] * (p[k] / q[k] - 1 - sp.log(p[k] / q[k]))),
        1 - p[i],
        -sp.log(p[i]),
        t - 1 - sp.log(t),
        t * sp.log(t) - t + 1,
        (2 * p[i] - 1) ** 2,
    ],
    ids=str,
)
def test_what_is_shown_not_to_be_negative_is_not(expr: Any) -> None:
    assert is_nonnegative(expr)
    assert not is_positive(expr)
    assert counterexample(sp.Ge(expr, 0, evaluate=False), NOTHING, {}) is None


@pytest.mark.parametrize(
    "expr",
    [
        sum_over(k, v[k]),
        sum_over(k, v[k]) - v[i],
        sp.exp(t) * (sum_over(k, v[k]) - v[i]),
        sum_over(k, v[k] * (v[k] - v[i]) ** 2),
        sum_over(k, (1 - 2 * delta(k, i)) * q[k]),
        sum_over(k, q[k] * (p[k] / q[k] - 1 - 2 * sp.log(p[k] / q[k]))),
        p[i] - sp.Rational(1, 2),
        sp.log(p[i]),
        sp.log(v[i]),
        t - 2 - sp.log(t),
        1 + sp.log(t) - t,
        (t - 1) ** 3,
        v[i] ** 3,
        1 / x,
        delta(i, j) - delta(i, k),
    ],
    ids=str,
)
def test_what_may_be_negative_is_not_shown(expr: Any) -> None:
    assert not is_nonnegative(expr)


def test_two_distinct_numbers_make_a_sum_positive() -> None:
    spread = sum_over(k, sum_over(l, p[k] * p[l] * (v[k] - v[l]) ** 2))
    gap = sum_over(k, y[k] * 0 + q[k] * (p[k] / q[k] - 1 - sp.log(p[k] / q[k])))
    assert is_positive(spread, distinct=[ne(v[i], v[j])])
    assert is_positive(gap, distinct=[ne(p[i], q[i])])
    assert is_positive(gap, distinct=[ne(q[i], p[i])])
    for wrong in ([ne(p[i], v[i])], [ne(p[i], q[j])], [ne(v[i], v[j])], [ne(v[n], v[i])]):
        assert not is_positive(gap, distinct=wrong)
    assert not is_positive(spread, distinct=[ne(v[i], v[i] + p[j])])
    assert not is_positive(sum_over(k, v[k] * (v[k] - v[i]) ** 2), distinct=[ne(v[i], v[j])])


def test_where_a_convex_function_touches_zero() -> None:
    assert touches_zero_at(t - 1 - sp.log(t)) == (t, 1)
    assert touches_zero_at(2 * t - 2 - 2 * sp.log(t)) == (t, 1)
    for expr in (t - sp.log(t), sp.log(t) - t + 1, x - 1 - sp.log(x), t * q[i] - 1 - sp.log(t)):
        assert touches_zero_at(expr) is None


def test_one_positive_term_is_not_enough_where_others_may_be_negative() -> None:
    """The product is a square, and the term at k = j is positive; yet the terms may cancel."""
    signed = (2 * delta(k, j) - 1) * (v[k] - v[i]) ** 2
    square = sum_over(k, signed) * sum_over(k, 2 * signed)
    at = {K: 3, i: 1, j: 2, v: [0, 1, -1]}
    assert is_nonnegative(square)
    assert evaluate(square, at) == 0
    assert not is_positive(square, distinct=[ne(v[i], v[j])])


def test_a_convex_function_is_of_one_number_and_not_of_the_members_of_a_sum() -> None:
    """If q[1] and q[2] were one number, the last part would vanish."""
    spread = 2 * sp.Sum(q[k] ** 2, (k, 1, 2)) - sp.Sum(q[k], (k, 1, 2)) ** 2
    gap = sp.Sum(q[k] - 1 - sp.log(q[k]), (k, 1, 2)) - 5 * spread
    assert touches_zero_at(unfold(gap)) is None
    assert not is_nonnegative(gap)


def test_what_jumps_is_not_convex() -> None:
    for jump in (delta(t, 5), sp.Abs(t - 1)):
        assert touches_zero_at(t - 1 - sp.log(t) - 9 * jump) is None
        assert not is_nonnegative(t - 1 - sp.log(t) - 9 * jump)


def test_a_logarithm_has_the_sign_of_what_is_beyond_1() -> None:
    assert is_positive(sp.log(1 + sp.exp(x)))
    assert is_positive(-sp.log(p[i]), several=[K])
    assert is_nonnegative(sp.log(1 + x**2))
    assert is_nonnegative(-2 * sp.log(p[i]))
    for expr in (-sp.log(1 + t), sp.log(t), sp.log(p[i]), sp.log(x**2), x * sp.log(1 + t)):
        assert not is_nonnegative(expr)


@pytest.mark.parametrize(
    ("expr", "distinct"),
    [
        ((x**2 - 1) ** 2, [ne(x, 1)]),  # x may be -1
        ((x**2 - t**2) ** 2, [ne(x, t)]),
        ((x - t) ** 2, [ne(x, x)]),
        (sum_over(k, delta(k, i) * (v[k] - v[l]) ** 2), [ne(v[i], v[j])]),
        (sum_over(k, (v[k] - v[l]) ** 2 * (1 - delta(k, i))), [ne(v[i], v[l])]),
        (sp.Sum((v[k] - v[l]) ** 2, (k, 1, i)), [ne(v[j], v[l])]),  # j may be beyond i
        (sp.Sum((v[k] - v[l]) ** 2, (k, 2, K)), [ne(v[j], v[l])]),  # j may be 1
        (sum_over(n, (v[n] - v[l]) ** 2), [ne(v[j], v[l])]),  # j is a class
        (sum_over(k, (v[k] - v[l]) ** 3), [ne(v[j], v[l])]),
    ],
    ids=str,
)
def test_distinct_numbers_that_do_not_help(expr: Any, distinct: Any) -> None:
    assert not is_positive(expr, distinct=distinct)


def test_a_product_of_positive_factors_is_positive() -> None:
    assert is_positive(product_over(n, q[n]))
    assert is_nonnegative(product_over(n, q[n]) * v[i] ** 2)
    with pytest.raises(ValueError, match="products of positive factors only"):
        is_positive(product_over(n, v[n]))


def test_one_positive_part_of_a_sum_without_negative_parts_is_enough() -> None:
    assert is_positive((x - t) ** 2 + v[i] ** 2, distinct=[ne(x, t)])
    assert not is_positive((x - t) ** 2 + v[i], distinct=[ne(x, t)])
    assert not is_positive((x - t) ** 2 + v[i] ** 2, distinct=[ne(x, v[i])])


def test_high_powers_are_not_factored() -> None:
    """It took a minute and more."""
    x = sp.Symbol("x", real=True)
    assert not is_nonnegative(sp.log(1 + sp.exp(x)) - sp.Max(0, x) - 1000 * sp.Max(0, N - 16))
    assert is_positive(sp.exp(1000 * x) + 1)
