"""Induction accepts what grows alike from an equal start, and nothing that changes its meaning on the way."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sympy as sp

from xentlib.proof import D, K, N, c, delta, k, m, n, p, product_over, sum_over
from xentlib.proof._trying import counterexample
from xentlib.proof.core.induction import why_not_by_induction
from xentlib.proof.core.problem import NOTHING, Given

q = sp.IndexedBase("q", positive=True)
y = sp.IndexedBase("y", real=True)
t = sp.Symbol("t", positive=True)
x = sp.Symbol("x", real=True)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (sum_over(n, n), N * (N + 1) / 2),
        (sum_over(n, n**3), (N * (N + 1) / 2) ** 2),
        (sum_over(n, sp.Sum(1, (m, 1, n))), N * (N + 1) / 2),
        (sum_over(n, sum_over(m, y[n] * y[m])), sum_over(n, y[n]) ** 2),
        (sp.Sum(y[n], (n, 2, N)), sum_over(n, y[n]) - y[1]),
        (sum_over(n, t**n), (t ** (N + 1) - t) / (t - 1)),
        (sp.log(product_over(n, q[n])), sum_over(n, sp.log(q[n]))),
        (sp.log(product_over(n, p[n, c[n]])), sum_over(n, sp.log(p[n, c[n]]))),
        (product_over(n, t * q[n]), t**N * product_over(m, q[m])),
        (product_over(n, sp.exp(y[n])), sp.exp(sum_over(n, y[n]))),
        (product_over(n, q[n] / q[n + 1]), q[1] / q[N + 1]),
        (q[1] * sp.Product(q[n], (n, 2, N)), product_over(n, q[n])),
        (sum_over(k, sum_over(n, y[n])), K * sum_over(n, y[n])),
    ],
    ids=str,
)
def test_what_starts_equal_and_grows_alike_is_equal(left: Any, right: Any) -> None:
    assert why_not_by_induction(left, right, N, NOTHING) is None
    if not left.has(q[N + 1], q[n + 1]):
        assert counterexample(sp.Eq(left, right, evaluate=False), NOTHING, {}) is None


@pytest.mark.parametrize(
    ("left", "right", "reason"),
    [
        (sum_over(n, n), N * (N + 1) / 2 + 1, "at N = 1, .* = -1"),
        (sum_over(n, n), N**2, r"from N to N \+ 1, .* grows by -N"),
        (sum_over(n, N), N * (N + 1) / 2, "grows by N"),
        (product_over(n, q[n] + 1), product_over(n, q[n]) + N, "from N to N"),
        (product_over(n, q[n]), q[1] ** N, "from N to N"),
        (sp.log(product_over(n, q[n])), 2 * sum_over(n, sp.log(q[n])), "at N = 1"),
        (sp.log(product_over(n, q[n])), N * sp.log(q[1]), "from N to N"),
        (sum_over(n, y[n] - y[N]), sum_over(n, y[n]) - N * y[1], "from N to N"),
        (sum_over(n, y[n]) * (y[N] - y[1]), sp.S.Zero, "from N to N"),
        (y[N], y[1], r"grows by y\[N \+ 1\] - y\[N\]"),
        (p[N, c[N]], p[1, c[1]], "from N to N"),
        (product_over(n, q[n]) * x, product_over(n, 2 * q[n]) * x / 2, "from N to N"),
    ],
    ids=str,
)
def test_what_starts_or_grows_differently_is_not(left: Any, right: Any, reason: str) -> None:
    found = why_not_by_induction(left, right, N, NOTHING)
    assert found is not None
    assert re.search(reason, found)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (sp.Sum(x, (n, 1, N - 1)), sp.S.Zero),  # it does grow
        (sp.Sum(x, (n, 1, 2 * N)), 2 * x),
        (sp.Sum(y[n], (n, N, N)), y[N]),
        (sp.Sum(y[n], (n, 3, N)), sum_over(n, y[n]) - y[1]),  # y[2] is in neither, and not in the step
        (sp.Sum(y[n], (n, 6, N)), sp.Sum(y[n], (n, 7, N))),  # equal up to N = 5
    ],
    ids=str,
)
def test_a_sum_that_grows_otherwise_is_refused(left: Any, right: Any) -> None:
    with pytest.raises(ValueError, match="induction takes sums and products from 1 or 2 to N, not Sum"):
        why_not_by_induction(left, right, N, NOTHING)


def test_an_index_or_assumption_that_is_meant_for_one_size_is_refused() -> None:
    """The new n = N + 1 is not among those for which the step assumes the equation."""
    total = sum_over(m, delta(m, n))
    with pytest.raises(ValueError, match=r"\{n\} may not be fixed or assumed in an induction"):
        why_not_by_induction(total**2, 3 * sum_over(m, delta(m, n)) - 2 * delta(1, n), N, NOTHING)
    one = sp.Eq(sum_over(n, y[n]), 1)
    with pytest.raises(ValueError, match=r"\{N\} may not be fixed or assumed in an induction"):
        why_not_by_induction(
            sum_over(n, y[n]) ** 2, sum_over(n, y[n] ** 2 + 2 * y[n]) - 2 * y[1], N, Given((one,))
        )
    first = sp.Eq(sum_over(k, y[k]), 1)  # of another size
    assert why_not_by_induction(sum_over(n, sum_over(k, y[k])), N, N, Given((first,))) is None


def test_a_product_that_changes_within_a_sum_is_refused() -> None:
    """One symbol for all q[k]^N would make the mean of the powers the power of the mean."""
    powers, mean = sum_over(k, product_over(n, q[k])), sum_over(k, q[k]) / K
    assert counterexample(sp.Eq(powers, K * mean**N), NOTHING, {}) is not None
    with pytest.raises(ValueError, match="no product that changes with the index of a sum around it"):
        why_not_by_induction(powers, K * mean**N, N, NOTHING)


def test_factors_must_be_positive() -> None:
    with pytest.raises(ValueError, match="induction takes products of positive factors only"):
        why_not_by_induction(product_over(n, y[n]) ** 2, product_over(n, y[n] ** 2), N, NOTHING)


def test_other_sizes_stay_as_they_are() -> None:
    assert why_not_by_induction(sum_over(k, k), K * (K + 1) / 2, K, NOTHING) is None
    assert why_not_by_induction(D * sum_over(k, D), K * D**2, K, NOTHING) is None
    assert why_not_by_induction(sum_over(k, k), N * (K + 1) / 2, K, NOTHING) is not None
