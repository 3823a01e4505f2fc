"""Statements that are false, empty or not what is shown, and were once accepted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

from xentlib.proof import (
    D,
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
    p,
    product_over,
    prove,
    refute,
    s,
    sum_over,
    x,
    y,
    z,
)
from xentlib.proof._sampling import ENOUGH, points
from xentlib.proof._trying import UndefinedError
from xentlib.proof.core.problem import Given
from xentlib.proof.core.unfold import unfold

t = sp.Symbol("t", positive=True)
u = sp.Symbol("u", real=True)
f = sp.Function("f", real=True)
g = sp.Function("g", positive=True)
q = sp.IndexedBase("q", positive=True)


def eq(left: Any, right: Any) -> sp.Eq:
    return sp.Eq(left, right, evaluate=False)


ONE = eq(sum_over(k, y[k]), 1)


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
        (eq(f(u) ** 2, -1), r"says what f\(x\), or a derivative"),
        (eq(f(u) + u, 0), r"says what f\(x\), or a derivative"),
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


@pytest.mark.parametrize(
    ("statement", "given"),
    [
        (sp.Gt(sp.exp(s * sp.log(2 - K) + s), 0, evaluate=False), ()),
        (eq(sp.log(5 - K) - sp.log(5 - K) ** 2 / sp.log(5 - K) + x[i], x[i]), ()),  # K up to 4 would do
        (eq((x[i] ** 2 - x[j] ** 2) / (x[i] - x[j]), x[i] + x[j]), ()),
        (eq(sp.log(-t) * 0 * x[i] + x[i] + sp.log(-t), sp.log(-t) + x[i]), ()),
    ],
    ids=str,
)
def test_a_statement_has_values_at_every_size(statement: Any, given: Any) -> None:
    """Some have values where K = 1 only, or up to K = 4, or there only not."""
    with pytest.raises((VerificationError, ValueError)):
        prove("a", statement, given=given)


@pytest.mark.parametrize(
    "given",
    [
        [eq(y[i], 1), eq(y[i] ** 2, 2)],
        eq(sum_over(k, x[k] ** 2), -1),
        eq(sum_over(k, sp.exp(x[k])), 0),
        [sp.Ne(x[i], x[j]), eq(x[i], x[j])],
        eq(g(t), -t),  # g is positive
        eq(sp.Derivative(f(u), u), sp.log(-(u**2) - 1)),
        eq(sum_over(k, q[k]), -1),  # q is positive
    ],
    ids=str,
)
def test_assumptions_that_nothing_satisfies(given: Any) -> None:
    with pytest.raises((UndefinedError, ValueError), match=r"could not be tried|circular|another assumption"):
        prove("a", sp.Ge(x[i] ** 2 + t * x[j] ** 2, 0, evaluate=False), given=given)


def test_an_equation_holds_at_the_point_after_differentiation(capsys: pytest.CaptureFixture[str]) -> None:
    """If y moved with z as p does, there would be another term."""
    slope = eq(sp.Derivative(sum_over(k, y[k] * z[k]), z[j]), p[j])
    prove("a", slope, given=eq(y[j], p[j]))
    assert "where y[j] = p[j] (at the point, after differentiation)\n" in capsys.readouterr().out
    prove("a", eq(sp.Derivative(f(u) ** 2, u), 2 * u * sp.Derivative(f(u), u)), given=eq(f(u), u))
    assert "f(u) = u (at the point, after differentiation)\n" in capsys.readouterr().out
    prove("a", eq(sp.Derivative(-sum_over(k, y[k] * sp.log(p[k])), z[j]), p[j] - y[j]), given=ONE)
    assert "after differentiation" not in capsys.readouterr().out


def test_the_line_says_what_symbols_are_assumed_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    prove("a", sp.Gt(t**3 + t, 0, evaluate=False))
    assert "where t > 0\n" in capsys.readouterr().out
    prove("a", sp.Gt(sum_over(k, q[k]) * g(u), 0, evaluate=False))
    assert "where q[k] > 0 and g(u) > 0\n" in capsys.readouterr().out
    derive(sp.log(t**2), 2 * sp.log(t))
    assert capsys.readouterr().out.endswith("\nwhere t > 0\n")


def test_what_symbols_are_assumed_to_be_is_heeded_or_refused() -> None:
    even = sp.Symbol("a", even=True)
    with pytest.raises(ValueError, match=r"a is assumed to be \['even'"):
        prove("a", eq((even + 1) ** 2, even**2 + 2 * even + 1))


@pytest.mark.parametrize("less", [t, -t], ids=["never", "always"])
def test_an_equivalence_of_what_is_never_true_or_always(less: Any) -> None:
    sides = [sp.Lt(a, b, evaluate=False) for a, b in ((u + less, u), (sp.exp(u + less), sp.exp(u)))]
    with pytest.raises(UndefinedError, match="never true, or never false"):
        prove("a", sp.Equivalent(*sides, evaluate=False), increasing=sp.exp)


def test_numbers_are_drawn_where_the_equations_hold() -> None:
    """Once all of b was 0 there, and K at most 4."""
    b = sp.IndexedBase("b", real=True)
    zero, mean = eq(sum_over(k, b[k]), 0), eq(sum_over(k, y[k] * b[k]), t)
    seen = set()
    for given in ([zero], [zero, mean], [eq(sum_over(k, b[k] * y[k]), 1), zero]):
        at = list(points(eq(b[i], y[i]), Given(tuple(given)), {}))
        assert len(at) >= ENOUGH
        assert sum(any(number != 0 for number in v[b]) for v in at if v[K] > 1) > len(at) / 2
        seen |= {v[K] for v in at}
    assert seen >= {2, 3, 4, 5}


def test_entries_in_an_agreement_are_a_side_of_its_statement(capsys: pytest.CaptureFixture[str]) -> None:
    at = np.random.default_rng(0).normal(size=(20, 4))
    statement = eq(sum_over(k, p[k]), 1)
    with pytest.raises(VerificationError, match=r"the entries of p\[i\] are no side of Eq"):
        agree("a", statement, lambda z: np.exp(z) / np.exp(z).sum(), entries(p[i], i), points=at, rtol=1e-14)
    agree("a", statement, lambda z: z.sum(), lambda z: sum(z), points=at, rtol=1e-12)
    assert "two computations agree, in every entry," in capsys.readouterr().out
    agree("a", statement, lambda z: 1.0, entries(sum_over(l, p[l])), points=at, rtol=1e-14)
    assert "agrees with the left side, in every entry," in capsys.readouterr().out
    agree("a", statement, lambda z: 1.0, lambda z: 1.0 + 0 * z.sum(), points=[at[0]] * 20, rtol=1e-12)
    assert "at 1 point (fewer than 20)," in capsys.readouterr().out


def test_no_part_of_a_list_is_lost() -> None:
    holds = sp.Gt(p[i], 0)
    with pytest.raises(TypeError, match="And drops the parts"):
        prove("a", sp.And(holds, sp.Lt(t, 1), sp.Gt(t, 0)))  # the last is lost: SymPy knows that t > 0
    with pytest.raises(VerificationError, match="part 2: SymPy made it True"):
        prove("a", [holds, t > 0])
    with pytest.raises(VerificationError, match="part 1: SymPy made it False"):
        prove("a", [t < 0, holds])
    with pytest.raises(ValueError, match="at least two different statements"):
        prove("a", [holds, holds])
    with pytest.raises(TypeError, match="part 2 of the list is no statement"):
        prove("a", [holds, p[i]])
    with pytest.raises(TypeError, match="evidence for a statement"):
        agree("a", sp.And(holds, t < 1), lambda z: z, lambda z: 1.0 * z, points=[[1.0]], rtol=1e-9)


def test_what_is_put_for_a_variable_of_a_quantity_is_not_ignored() -> None:
    """The formula would keep its t."""
    scaled = Quantity("r", lambda i: t * x[i])
    with pytest.raises(ValueError, match=r"r\[i\] was made of .*, and nothing else can be put there"):
        prove("a", eq(scaled[i].subs(t, 1), x[i] * t))


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
