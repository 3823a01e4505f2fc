"""How statements read in Coq: every form once, and what has no counterpart."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp

from xentlib.proof import (
    A,
    K,
    Quantity,
    W,
    c,
    d,
    delta,
    i,
    j,
    k,
    l,
    lse,
    m,
    n,
    named,
    p,
    s,
    softmax_of,
    sum_over,
    t,
    v,
    z,
)
from xentlib.proof._coq import UnprintableError, to_coq
from xentlib.proof.core.problem import read

q, y = (sp.IndexedBase(name, positive=True) for name in "qy")
T = sp.Symbol("T", positive=True)
colder = Quantity("q", softmax_of(lambda a: z[a] / T))


def in_coq(statement: Any, given: Any = (), **sizes: Any) -> tuple[str, list[str], str]:
    """Return the letters, what is assumed of them, and what is claimed."""
    problem = read(statement, given, provable=False, **sizes)
    letters, _, body = to_coq(problem.statement, problem.given, problem.sizes).partition(",\n  ")
    *assumed, claimed = body.split(" ->\n  ")
    return letters, assumed, claimed


@pytest.mark.parametrize(
    ("term", "text"),
    [
        (p[i], "softmax K z i"),
        (p[n, k], "softmax K (z n) k"),
        (lse, "lse K z"),
        (A[n], "lse K (z n)"),
        (colder[i], "softmax K (fun k => z k / T) i"),
        (z[i] - (s - 1), "1 + z i - s"),
        (z[i] - 2 * (s - 1) * t, "z i - t * (2 * s - 2)"),
        (-(s + t), "- s - t"),
        (-s * t, "- (s * t)"),
        (s / (t * T), "s / (T * t)"),
        (s / T**2, "s / T ^ 2"),
        (sp.Rational(-2, 3) * s, "- (2 * s / 3)"),
        ((s + t) ** 2, "(s + t) ^ 2"),
        ((-s) ** 3, "- s ^ 3"),
        (T**s, "Rpower T s"),
        (sp.sqrt(T), "sqrt T"),
        (sp.exp(-s) * sp.E, "exp 1 * exp (- s)"),
        (sp.log(T * t**2), "ln (T * t ^ 2)"),
        (sp.Max(0, s), "Rmax 0 s"),
        (sp.Abs(s), "Rabs s"),
        (sp.tanh(s), "tanh s"),
        (sp.pi * s, "PI * s"),
        (K * s, "INR K * s"),
        (delta(i, c[n]), "delta i (c n)"),
        (sum_over(k, sum_over(l, z[k] * v[l])), "sum K (fun k => sum K (fun l => v l * z k))"),
        (sum_over(k, z[k]) * s, "s * sum K (fun k => z k)"),
        (sp.Subs(t**2, t, s + 1), "let t := 1 + s in t ^ 2"),
        (named("g", s**2) + 1, "1 + s ^ 2"),
        (Quantity("h", lambda a: T * sp.exp(z[a]))[i], "T * exp (z i)"),
    ],
)
def test_a_term(term: sp.Expr, text: str) -> None:
    problem = read(sp.Eq(term, 17, evaluate=False), provable=False)
    assert to_coq(problem.statement, problem.given, problem.sizes).rsplit("\n  ", 1)[1] in (
        f"{text} = 17",
        f"17 = {text}",
    )


def test_letters_and_what_is_assumed_of_them() -> None:
    letters, assumed, claimed = in_coq(
        sp.Gt(sum_over(n, T * y[c[n]] * q[c[n]]), T),
        [K >= 3, sp.Ne(T, 2), sp.Eq(sum_over(k, q[k]), 1)],
    )
    assert letters == "forall (K : nat) (N : nat) (c : nat -> nat) (q : nat -> R) (y : nat -> R) (T : R)"
    assert assumed == [
        "(3 <= K)%nat",
        "(1 <= N)%nat",
        "(forall n, (1 <= n <= N)%nat -> (1 <= c n <= K)%nat)",
        "(forall k, (1 <= k <= K)%nat -> 0 < q k)",
        "(forall k, (1 <= k <= K)%nat -> 0 < y k)",
        "0 < T",
        "T <> 2",
        "sum K (fun k => q k) = 1",
    ]
    assert claimed == "T < sum N (fun n => T * q (c n) * y (c n))"


def test_a_size_that_is_fixed() -> None:
    _, assumed, _ = in_coq(sp.Eq(p[1], 1 / (1 + sp.exp(z[2] - z[1]))), sizes={K: 2})
    assert assumed == ["K = 2%nat"]


def test_indices_that_differ() -> None:
    _, assumed, _ = in_coq(sp.Eq(delta(i, j) * z[i], 0, evaluate=False), sp.Ne(i, j))
    assert assumed[-1] == "i <> j"


@pytest.mark.parametrize(
    ("statement", "claimed"),
    [
        (sp.Eq(sp.Derivative(p[i], z[j]), p[i]), "is_partial (fun z => softmax K z i) z j (softmax K z i)"),
        (
            sp.Eq(sp.Derivative(A[n], z[m, j]), p[m, j] * delta(m, n)),
            "is_partial2 (fun z => lse K (z n)) z m j (softmax K (z m) j * delta m n)",
        ),
        (sp.Eq(sp.Derivative(t**2, t), 2 * t), "is_derive (fun t => t ^ 2) t (2 * t)"),
        (
            sp.Eq(sp.Derivative(lse, z[i], z[j]), p[i]),
            "(forall z, ex_partial (fun z => lse K z) z i) /\\\n  "
            "is_partial (fun z => partial (fun z => lse K z) z i) z j (softmax K z i)",
        ),
        (
            sp.Gt(sp.Derivative(t**4, (t, 2)), 0),
            "(forall t, ex_derive (fun t => t ^ 4) t) /\\\n  "
            "ex_derive (fun t => Derive (fun t => t ^ 4) t) t /\\\n  "
            "0 < Derive (fun t => Derive (fun t => t ^ 4) t) t",
        ),
        (
            sp.Eq(sum_over(k, v[k] * sp.Derivative(p[k], z[j])), p[j]),
            "(forall k, (1 <= k <= K)%nat -> ex_partial (fun z => softmax K z k) z j) /\\\n  "
            "sum K (fun k => v k * partial (fun z => softmax K z k) z j) = softmax K z j",
        ),
        (
            sp.Eq(sp.Derivative(sum_over(d, W[d, k] * z[d]), W[d, k]), z[d]),
            "is_partial2 (fun W => sum D (fun d => W d k * z d)) W d k (z d)",
        ),
        ([sp.Gt(p[i], 0), sp.Lt(p[i], 1)], "0 < softmax K z i /\\\n  softmax K z i < 1"),
        (
            sp.Equivalent(sp.Lt(z[i], z[j]), sp.Lt(p[i], p[j])),
            "(z i < z j) <-> (softmax K z i < softmax K z j)",
        ),
    ],
)
def test_a_statement(statement: Any, claimed: str) -> None:
    assert in_coq(statement)[2] == claimed


def test_a_slope_inside_of_a_sum_exists_at_each_of_its_indices_only() -> None:
    # The lower slope of a second one stands inside of the sum, too.
    _, _, claimed = in_coq(sp.Ge(sum_over(k, sp.Derivative(t**4 * z[k] ** 2, (t, 2))), 0))
    first, second, _ = claimed.split(" /\\\n  ")
    assert first == "(forall k, (1 <= k <= K)%nat -> (forall t, ex_derive (fun t => t ^ 4 * z k ^ 2) t))"
    assert second.startswith("(forall k, (1 <= k <= K)%nat -> ex_derive (fun t => Derive")


def test_letters_that_mean_something_in_coq_get_another_name() -> None:
    r, total = sp.Symbol("R", real=True), sp.Symbol("sum", real=True)
    letters, _, claimed = in_coq(sp.Eq(r * total, total * r + 1, evaluate=False))
    assert letters == "forall (R1 sum1 : R)"
    assert claimed == "R1 * sum1 = 1 + R1 * sum1"


def test_a_bound_index_catches_no_free_one() -> None:
    inner = Quantity("w", lambda a: sum_over(k, z[k] * v[a]))
    _, _, claimed = in_coq(sp.Eq(sum_over(k, inner[k] * z[k]), s))
    assert claimed == "sum K (fun k => sum K (fun i => v k * z i) * z k) = s"


@pytest.mark.parametrize(
    ("statement", "given", "message"),
    [
        (sp.Eq(sp.sign(s), 1), (), "sign"),
        (sp.Eq(sp.Sum(z[k], (k, 2, K)), s), K >= 2, "a sum from 2"),
        (sp.Eq(sp.Subs(sp.Derivative(t**2, t), t, s), 2 * s), (), "a slope at a place"),
        (sp.Eq(z[1] + z[2], s), (), "how far z reaches"),
        (sp.Eq(sp.Symbol("b", integer=True), s), (), "b, which is neither"),
    ],
)
def test_what_has_no_counterpart(statement: Any, given: Any, message: str) -> None:
    problem = read(statement, given, provable=False)
    with pytest.raises(UnprintableError, match=message):
        to_coq(problem.statement, problem.given, problem.sizes)


def test_what_is_assumed_of_a_function_has_no_counterpart() -> None:
    f = sp.Function("f", real=True)
    x = sp.Symbol("x", positive=True)
    problem = read(sp.Eq(sp.Derivative(f(x) - sp.log(x), x), 0), sp.Eq(sp.Derivative(f(x), x), 1 / x))
    with pytest.raises(UnprintableError, match="of a function"):
        to_coq(problem.statement, problem.given, problem.sizes)
