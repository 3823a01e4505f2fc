"""A name means one thing: what would print like something else is refused."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp

from xentlib.proof import (  # fmt: skip
    A,
    K,
    N,
    Quantity,
    W,
    c,
    d,
    delta,
    e,
    i,
    j,
    k,
    lse,
    n,
    named,
    p,
    s,
    softmax_of,
    sum_over,
    t,
    v,
    x,
    y,
    z,
)
from xentlib.proof._names import check_names
from xentlib.proof.core.problem import Given, Problem

q = sp.IndexedBase("q", positive=True)
f = sp.Function("f")
twice = Quantity("p", softmax_of(lambda a: 2 * z[a]))
mean = named("mu", sum_over(k, p[k] * v[k]))
H = sp.Function("H")


def eq(left: Any, right: Any) -> sp.Eq:
    return sp.Eq(left, right, evaluate=False)


ALIKE = [
    (eq(p[i], twice[i]), "both print p_"),
    (eq(mean, named("mu", sum_over(k, z[k]))), "both print"),
    (eq(q[i], Quantity("q", lambda a: z[a] ** 2)[i]), "both print q_"),
    (eq(q[i], sp.IndexedBase("q", real=True)[j]), "both print q_"),
    (eq(sp.Symbol("a", positive=True), sp.Symbol("a", real=True)), "both print a"),
    (eq(f(s), sp.Symbol("f") * (s + 1)), "both print f"),
    (eq(sp.Symbol("pi"), sp.pi), r"\\pi, but is not what the book means|both print"),
    (eq(sum_over(k, sp.Symbol("lambda") * y[k]), named("lambda", s + t)), "both print"),
    # An entry, or a value, of something else.
    (eq(sp.Symbol("z_1", real=True), z[1]), "z_1 prints as z_.1., like an entry of z"),
    (eq(sp.Symbol("z_i"), t), "like an entry of z"),
    (eq(sp.Symbol("p_i"), p[i]), "like an entry of p"),
    (eq(sp.Symbol("p_{i}"), p[i]), "like an entry of p"),
    (eq(named("q_1", s + t), q[1]), "like an entry of q"),
    (eq(named("A_n", s + t), t), "like an entry of A"),
    (eq(sp.Symbol("delta_ij"), t), "like an entry of"),
    (eq(Quantity("q_k", lambda a: z[a])[i], q[i]), "like an entry of q"),
    (eq(named("H(y)", s + t), sp.Symbol("H") * sp.Symbol("y")), "like H times what stands in brackets"),
    (eq(named("H(s)", t + s), H(s)), "like H times what stands in brackets"),
    # The book's own.
    (eq(sp.Symbol("K"), t), "but is not what the book means"),
    (eq(sp.Symbol("N", positive=True), t), "but is not what the book means"),
    (eq(named("D", s + t), t), "but is not what the book means"),
    (eq(sp.Symbol("i", real=True), t), "but is not what the book means"),
    (eq(y[sp.Symbol("k", integer=True)], t), "but is not what the book means"),
    (eq(sum_over(k, y[k]), sp.Dummy("k")), "but is not what the book means"),
    (eq(sp.Function("K")(s), t), "but is not what the book means"),
    (eq(named("delta", s + t), t), "like Kronecker's delta"),
    (eq(sp.IndexedBase("delta")[i, j], t), "like Kronecker's delta"),
    (eq(e**t, sp.exp(t)), "e prints as e, but is not what"),
    (eq(sp.IndexedBase("p")[i], t), "but is not a softmax"),
    (eq(sp.Symbol("p"), t), "but is not a softmax"),
    (eq(Quantity("p", lambda a: z[a] / sum_over(k, z[k]))[i], t), "but is not a softmax"),
    (eq(Quantity("p", lambda a: sp.exp(z[a]) / sum_over(k, sp.exp(2 * z[k])))[i], t), "but is not a softmax"),
    (eq(Quantity("p", lambda a: sp.exp(z[a]) / sum_over(n, sp.exp(z[n])))[i], t), "but is not a softmax"),
    (eq(named("p", s + t), t), "but is not a softmax"),
    (eq(named("A", sum_over(k, z[k])), t), "but is not a log-sum-exp"),
    (eq(named("A", sp.log(sum_over(k, z[k]))), t), "but is not a log-sum-exp"),
    (eq(sp.Symbol("A"), t), "but is not a log-sum-exp"),
    (eq(sp.Derivative(twice[i], z[j]), 2 * twice[i] * (delta(i, j) - twice[j])), "of the z by"),
    # Not the look of one name.
    *[
        (eq(sp.Symbol(name), t), "more than one name")
        for name in ("ab", "x + y", "x__2", "2", "1/2", "a b", "-a", r"\frac{a}{b}", r"\log", "a,b", "Sum")
    ],
    (eq(named("a + b", s + t), t), "more than one name"),
    (eq(sp.Function("log")(s), t), "like a function that has that name already"),
    (eq(sp.Function("tanh")(s), t), "like a function that has that name already"),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "message"), ALIKE, ids=lambda value: str(value)[:60])
def test_what_would_print_like_something_else_is_refused(statement: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_names(Problem(statement))


def test_assumptions_share_the_names_of_the_statement() -> None:
    free, statement = sp.IndexedBase("q", real=True), sp.Gt(sum_over(k, q[k]), 0, evaluate=False)
    with pytest.raises(ValueError, match=r"\(IndexedBase, positive, real\) and q\[k\] \(IndexedBase, real\)"):
        check_names(Problem(statement, Given((eq(sum_over(k, free[k]), 1),))))
    with pytest.raises(ValueError, match="both print q_"):
        check_names(Problem(statement, Given((eq(sum_over(k, free[k]), 1),))))


FINE = [
    eq(p[i], z[i]),
    eq(p[n, c[n]], z[n, 1] - A[n]),
    eq(sp.Derivative(lse, z[i], z[j]), p[i] * (delta(i, j) - p[j])),
    # A second definition of the same, by another variable.
    eq(mean, named("mu", sum_over(j, p[j] * v[j]))),
    eq(p[i], Quantity("p", softmax_of(lambda a: z[a]))[i]),
    # Softmax of other logits, as chapters have it.
    eq(twice[i], sp.exp(2 * z[i])),
    eq(sp.Derivative(Quantity("p", softmax_of(lambda a: z[a] + t * v[a]))[i], t), 0),
    eq(Quantity("p", softmax_of(lambda m, a: sum_over(d, x[m, d] * W[d, a])))[n, i], x[n, e]),
    eq(named("A", sp.log(sum_over(k, sp.exp(2 * z[k])))), t),
    # Counts of a class beside the number of samples, a loss and its value at something.
    eq(sum_over(k, Quantity("N", lambda a: sum_over(n, delta(a, c[n])))[k]), N),
    eq(named("L_w", s + t), named("L", s * t)),
    eq(named("H(y)", s + t), named("H(y, q)", s * t)),
    eq(named(r"\operatorname{KL}(y \,\|\, q)", sum_over(k, y[k] * q[k])), y[k] * q[k]),
    eq(sp.Symbol("beta") * Quantity("ytilde", lambda a: 2 * y[a])[i], named("vbar", s + t)),
    eq(named("Fhat", s + t), named("varphi", s * t)),
    eq(sp.exp(t) * W[e, j], sp.E * sp.pi),
    eq(sp.Derivative(f(s), s), sp.tanh(s)),
    sp.And(K >= 2, N >= 2),
]


@pytest.mark.parametrize("statement", FINE, ids=str)
def test_what_can_mean_one_thing_only_is_let_pass(statement: Any) -> None:
    check_names(Problem(statement))
