"""The evaluator against closed forms: it is the witness, so it must not share the algebra's errors."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp

from xentlib.proof import (
    K,
    N,
    Quantity,
    d,
    delta,
    e,
    entries,
    i,
    j,
    k,
    l,
    lse,
    n,
    p,
    product_over,
    sum_over,
    y,
    z,
)
from xentlib.proof import c as labels
from xentlib.proof._evaluation import digits, evaluate

c = sp.Symbol("c", real=True)

x = sp.Symbol("x", real=True)
X = sp.IndexedBase("X", real=True)
W = sp.IndexedBase("W", real=True)
FOUR = [mpmath.mpf(a) / 10 for a in (3, -12, 25, 0)]
AT: dict[Any, Any] = {
    K: 4,
    N: 2,
    i: 1,
    j: 3,
    z: FOUR,
    c: mpmath.mpf(2),
    X: [FOUR, FOUR[::-1]],
    n: 2,
    labels: [3, 4],
}


@pytest.fixture(autouse=True)
def fifty_digits() -> Any:
    with mpmath.workdps(50):
        yield


def exps() -> list[mpmath.mpf]:
    return [mpmath.exp(a) for a in FOUR]


TOTAL = sum_over(k, sp.exp(c))
CLOSED_FORMS = [
    (sum_over(k, c), lambda: 8),
    (sum_over(k, k**2), lambda: 30),
    (sp.Sum(z[k], (k, 2, K)), lambda: sum(FOUR[1:])),
    (sp.Sum(z[k], (k, 3, 2)), lambda: 0),
    (sum_over(k, sum_over(l, z[k] * z[l])), lambda: sum(FOUR) ** 2),
    (sum_over(l, sp.Sum(z[k], (k, 1, l))), lambda: 4 * FOUR[0] + 3 * FOUR[1] + 2 * FOUR[2] + FOUR[3]),
    (sum_over(k, delta(k, j) * z[k]), lambda: FOUR[2]),
    (delta(i, j), lambda: 0),
    (p[i], lambda: exps()[0] / sum(exps())),
    (lse, lambda: mpmath.log(sum(exps()))),
    (X[n, j], lambda: FOUR[1]),
    (sum_over(n, X[n, i]), lambda: FOUR[0] + FOUR[3]),
    (sp.Rational(1, 3), lambda: mpmath.mpf(1) / 3),
    (sp.pi * sp.E, lambda: mpmath.pi * mpmath.e),
    (sp.Abs(-c), lambda: 2),
    (sp.Abs(z[2]), lambda: -FOUR[1]),
    (sp.sqrt(c) ** 3, lambda: mpmath.sqrt(8)),
    ((-c) ** 3, lambda: -8),
    (sp.log(c) - sp.exp(-c), lambda: mpmath.log(2) - mpmath.exp(-2)),
    (sp.Float(0.5), lambda: mpmath.mpf("0.5")),
    (sp.Derivative(lse, z[j]), lambda: exps()[2] / sum(exps())),
    (sp.Derivative(p[i], z[i]), lambda: exps()[0] / sum(exps()) * (1 - exps()[0] / sum(exps()))),
    (sp.Derivative(c**3 * x, c, c), lambda: 12 * mpmath.mpf("0.5")),
    # Both differences meet at one point, where the higher order needs more digits.
    (sp.Derivative(TOTAL, (c, 2)) / sp.Derivative(TOTAL, (c, 4)), lambda: 1),
    (sp.Derivative(TOTAL, (c, 4)) / sp.Derivative(TOTAL, (c, 2)), lambda: 1),
    (sp.Derivative(lse, z[i], z[j]), lambda: -exps()[0] * exps()[2] / sum(exps()) ** 2),
    (sp.Derivative(X[1, 3] ** 2 * X[2, 2], X[1, j]), lambda: 2 * FOUR[2] * FOUR[2]),
    (sum_over(k, sp.Derivative(sp.exp(z[k]), z[k])), lambda: sum(exps())),
    (product_over(k, z[k] - 1), lambda: mpmath.fprod(a - 1 for a in FOUR)),
    (sp.Product(z[k], (k, 3, 2)), lambda: 1),
    (product_over(n, product_over(k, X[n, k] + 2)), lambda: mpmath.fprod(a + 2 for a in FOUR) ** 2),
    (sum_over(n, X[n, labels[n]]), lambda: FOUR[2] + FOUR[0]),
    (sum_over(n, delta(k, labels[n])).xreplace({k: j}), lambda: 1),
    (p[labels[n]], lambda: exps()[3] / sum(exps())),
    (sp.erf(c), lambda: mpmath.erf(2)),
    (sp.tanh(c), lambda: mpmath.tanh(2)),
    (sp.Derivative(sp.tanh(c), c), lambda: 1 - mpmath.tanh(2) ** 2),
    (sp.Derivative(product_over(k, z[k] + 2), z[j]), lambda: mpmath.fprod(FOUR[m] + 2 for m in (0, 1, 3))),
]


@pytest.mark.parametrize(("expr", "expected"), CLOSED_FORMS, ids=[str(expr) for expr, _ in CLOSED_FORMS])
def test_closed_forms(expr: Any, expected: Any) -> None:
    value = evaluate(expr, {**AT, x: mpmath.mpf("0.5")})
    # A second difference loses a third of the digits at most.
    assert mpmath.almosteq(value, expected(), rel_eps=mpmath.mpf(10) ** -45, abs_eps=mpmath.mpf(10) ** -45)


@pytest.mark.parametrize(
    ("statement", "holds"),
    [
        (sp.Eq(c, 2, evaluate=False), True),
        (sp.Eq(c, 2 + sp.Rational(1, 10**20), evaluate=False), False),
        (sp.Eq(c, 2 + sp.Rational(1, 10**30), evaluate=False), True),  # half of 50 digits
        (c > 2, False),
        (c >= 2, True),
        (c < 2, False),
        (c <= 2, True),
        (sp.Ne(c, 3), True),
        (sp.Ne(c, 2 + sp.Rational(1, 10**30), evaluate=False), False),  # equal in half of the digits
        (sp.Ge(c, 2 + sp.Rational(1, 10**30), evaluate=False), True),  # as rounding may leave it
        (sp.Le(c, 2 - sp.Rational(1, 10**30), evaluate=False), True),
        (sp.Ge(c, 2 + sp.Rational(1, 10**20), evaluate=False), False),
        (sp.Le(c, 2 - sp.Rational(1, 10**20), evaluate=False), False),
        (sp.And(c > 1, c < 3), True),
        (sp.And(c > 1, c < 2), False),
        (sp.Equivalent(c > 1, z[1] > 0), True),
        (sp.Equivalent(c > 1, z[1] < 0), False),
    ],
    ids=str,
)
def test_truth_values(statement: Any, holds: bool) -> None:
    assert evaluate(statement, AT) is holds


def test_a_formula_does_not_capture_the_index_it_is_given() -> None:
    q = Quantity("q", lambda index: sum_over(k, z[k] * delta(k, index)))
    assert evaluate(q[k], {**AT, k: 2}) == FOUR[1]
    assert evaluate(sum_over(k, k * q[k]), AT) == sum(m * a for m, a in enumerate(FOUR, start=1))


@pytest.mark.parametrize(
    ("expr", "error", "message"),
    [
        (sp.sin(c), TypeError, r"cannot evaluate sin\(c\) of type sin: give its value"),
        (x, TypeError, "cannot evaluate x of type Symbol"),
        (p[l], TypeError, "cannot evaluate l of type Symbol"),
        (sum_over(k, l * z[k]), TypeError, "cannot evaluate l of type Symbol"),
        (sp.IndexedBase("w")[i], TypeError, r"cannot evaluate w\[i\] of type Indexed"),
        (sp.Derivative(sp.Function("f")(c), c), TypeError, "the function is not defined"),
        (z[j + 2], IndexError, r"z\[j \+ 2\] does not exist where j \+ 2 = 5"),
        (z[i - 1], IndexError, r"i - 1 = 0"),
        (z[c / 4], IndexError, r"c/4 = 0.5"),
        (sp.Derivative(lse, z[j + 2]), IndexError, "does not exist"),
        (sp.Sum(z[k], (k, 1, c / 4)), ValueError, "not to 0.5"),
        (1 / (c - 2), ArithmeticError, "0.0 to the power -1.0 is not a real number"),
        (1 / (c - 2 + sp.Rational(1, 10**40)), ArithmeticError, "to the power -1.0 is not a real number"),
        (sp.log(c - 2), ArithmeticError, "the logarithm of 0"),
        (sp.Product(z[k], (k, 1, c / 4)), ValueError, "not to 0.5"),
        (X[n, labels[n] + 1], IndexError, r"does not exist where c\[n\] \+ 1 = 5"),
        (sp.log(-c), ArithmeticError, "the logarithm of -2"),
        (sp.sqrt(1 - c), ArithmeticError, "-1.0 to the power 0.5 is not a real number"),
    ],
    ids=str,
)
def test_what_has_no_value(expr: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        evaluate(expr, AT)


def test_digits_grow_with_the_largest_coordinate() -> None:
    assert digits([]) == 30
    assert digits([0.5, [1.0, -3.0], np.array([[2.5]])]) == 36
    assert digits([mpmath.mpf(-100)]) == 230


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_digits_need_finite_coordinates(bad: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        digits([[1.0, bad]])


# --- entries -----------------------------------------------------------------------------------


@pytest.mark.parametrize("gap", [0.0, 1.0, 40.0, 300.0, 700.0])
def test_entries_are_rounded_once(gap: float) -> None:
    """At a gap g and K = 2 the smaller probability is 1 / (1 + e^g), the larger its rest."""
    tail = mpmath.mpf(1) / (1 + mpmath.exp(mpmath.mpf(gap)))
    assert entries(p[i], i)([gap, 0.0])[1] == float(tail)
    # 50 digits are too few from here on: log(1 + x) by its series.
    exact = -float(mpmath.log1p(mpmath.exp(-mpmath.mpf(gap))))
    assert entries(sp.log(p[i]), i)([gap, 0.0])[0] == exact
    assert entries(sp.log(p[i]), i)([gap - 350.0, -350.0])[0] == exact


def test_entries_of_one_logit_need_digits_too() -> None:
    assert entries(sp.log(1 + sp.exp(-z[i])), i)([50.0])[0] == math.log1p(math.exp(-50.0))


def test_entries_have_an_axis_for_each_index() -> None:
    assert entries(sum_over(k, z[k]))([1.0, 2.0]).shape == ()
    jacobian = entries(sp.Derivative(p[i], z[j]), i, j)([0.0, math.log(3.0)])
    assert np.array_equal(jacobian.round(15), [[0.1875, -0.1875], [-0.1875, 0.1875]])
    rows = entries(sum_over(k, X[n, k]), n, of=[X])([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    assert np.array_equal(rows, [3.0, 7.0, 11.0])
    weighted = entries(z[i] * X[i, j], i, j, of=[z, X])([2.0, 3.0], [[1.0, 0.0], [0.0, 1.0]])
    assert np.array_equal(weighted, [[2.0, 0.0], [0.0, 3.0]])


def test_entries_have_axes_of_samples_and_of_features() -> None:
    inputs, weights = [[1.0, 2.0, 0.0], [3.0, 4.0, 5.0]], [[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]]
    logits = entries(sum_over(d, X[n, d] * W[d, k]), n, k, of=[X, W])(inputs, weights)
    assert np.array_equal(logits, np.array(inputs) @ np.array(weights))
    gram = entries(sum_over(n, X[n, d] * X[n, e]) / N, d, e, of=[X])(inputs)
    assert np.array_equal(gram, np.array(inputs).T @ np.array(inputs) / 2)
    chosen = entries(X[n, labels[n]], n, of=[X, labels])(inputs, [3, 1])
    assert np.array_equal(chosen, [0.0, 3.0])


def test_entries_need_finite_arrays_and_all_of_them() -> None:
    with pytest.raises(ValueError, match="finite"):
        entries(p[i], i)([0.0, -math.inf])
    with pytest.raises(TypeError, match="but 2 came"):
        entries(p[i], i)([0.0], [0.0])


def test_entries_need_arrays_of_one_size() -> None:
    loss = entries(sum_over(k, y[k] * sp.log(p[k])), of=(z, y))
    with pytest.raises(ValueError, match="y came with 3 entries where K = 2"):
        loss([0.0, 1.0], [1.0, 0.0, 0.0])
    with pytest.raises(ValueError, match=r"z has 1 indices .* the shape \(1, 2\)"):
        loss([[0.0, 1.0]], [1.0, 0.0])
    with pytest.raises(ValueError, match="number 3 stands in"):
        entries(z[3])([0.0, 1.0])


def test_entries_of_an_array_alone_are_refused() -> None:
    with pytest.raises(TypeError, match=r"such as of=\[z\], not z alone"):
        entries(p[i], i, of=z)
