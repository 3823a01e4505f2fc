"""Statements that are false, empty or not what is shown, and were once accepted."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp

from xentlib.proof import (
    D,
    K,
    N,
    Quantity,
    agree,
    c,
    delta,
    derive,
    i,
    k,
    n,
    p,
    product_over,
    prove,
    refute,
    sum_over,
    x,
    z,
)
from xentlib.proof._quantities import unfold

t = sp.Symbol("t", positive=True)
u = sp.Symbol("u", real=True)
f = sp.Function("f", real=True)


def eq(left: Any, right: Any) -> sp.Eq:
    return sp.Eq(left, right, evaluate=False)


def test_a_derivative_of_a_product_is_no_constant_to_induction() -> None:
    """False at N = 3, where the numbers do not reach if K, N and D all occur."""
    power = sp.Product(t, (n, 2, N))
    claim = eq(K * D * sp.Derivative(power, t), K * D * (power - 1) / (t - 1))
    with pytest.raises(ValueError, match="induction takes no derivatives"):
        prove("a", claim, induction=N)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([eq(f(u), u), eq(f(2), 5)], "about one function, and may contradict"),
        ([eq(f(u), u), eq(sp.Derivative(f(t), t), 2)], "about one function, and may contradict"),
        (eq(f(u) ** 2, -1), "says what it, or its derivative, is"),
        (eq(f(u) + u, 0), "says what it, or its derivative, is"),
        (eq(K, 3), r"a size is fixed by sizes={K: 3}"),
    ],
    ids=str,
)
def test_assumptions_that_nothing_need_satisfy(given: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        prove("a", x[i] >= 0, given=given)


def test_a_float_shows_fewer_digits_than_it_has() -> None:
    bound = sp.Lt(p[i], sp.Float("1.0000000000000002"), evaluate=False)
    with pytest.raises(ValueError, match="a statement is exact"):
        prove("a", bound)
    with pytest.raises(ValueError, match="a statement is exact"):
        derive(p[i], 1.5 * p[i])
    with pytest.raises(ValueError, match="a statement is exact"):
        refute("a", bound)
    with pytest.raises(ValueError, match="a statement is exact"):
        agree("a", bound, lambda z: z, lambda z: 1.0 * z, points=[[1.0]], rtol=1e-9)


@pytest.mark.parametrize("statement", ["P = NP", p[i], False, True, None, sp.true, 1.0], ids=str)
def test_what_is_no_statement_is_nothing_to_agree_about(statement: Any) -> None:
    with pytest.raises(TypeError, match="evidence for a statement"):
        agree("a", statement, lambda z: z, lambda z: 1.0 * z, points=[[1.0]], rtol=1e-9)


def test_what_still_holds() -> None:
    logarithms = eq(sp.log(product_over(n, p[n, c[n]])), sum_over(n, sp.log(p[n, c[n]])))
    prove("a", logarithms, induction=N)
    prove(
        "a",
        eq(sp.Derivative(f(u), u), 2 * u + sum_over(k, p[k]) - 1),
        given=eq(sp.Derivative(f(u), u), 2 * u),
    )


@pytest.mark.parametrize(
    "formula",
    [
        lambda a: 1 if a == 1 else 0,
        lambda a: z[a] if a.is_Symbol else -z[a],
        lambda a, b: 1 if a == b else z[a],
        lambda a, b: z[a] if (a, b) == (1, 2) else z[b],
    ],
)
def test_a_formula_that_decides_in_python(formula: Any) -> None:
    """Symbols and numbers would see different formulas."""
    with pytest.raises(ValueError, match="decides in Python"):
        Quantity("q", formula)


def test_a_formula_that_decides_at_one_place_only() -> None:
    seventh = Quantity("q", lambda a: z[a] if a == 7 else 0 * z[a])
    shifted = Quantity("q", lambda a: z[a] if isinstance(a, sp.Add) else 2 * z[a])
    for entry in (seventh[7], shifted[i + 1]):
        with pytest.raises(ValueError, match="decides in Python"):
            unfold(entry)
    pair = Quantity("d", lambda a, b: delta(a, b) * z[a])
    assert [unfold(entry) for entry in (pair[1, 1], pair[1, 2], pair[i, i])] == [z[1], 0, z[i]]
