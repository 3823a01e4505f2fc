"""The algebra against numbers: each rule at K = 1..6, and statements made to break it."""

from __future__ import annotations

from itertools import product
from random import Random
from typing import Any

import mpmath
import pytest
import sympy as sp
from deep import seeds

from xentlib.proof import SIZE, K, N, Quantity, delta, i, j, k, l, lse, m, n, p, product_over, sum_over, z
from xentlib.proof import c as labels
from xentlib.proof._evaluation import evaluate
from xentlib.proof.core.algebra import collapse, differentiate, residual
from xentlib.proof.core.problem import Given
from xentlib.proof.core.subject import symbols_of
from xentlib.proof.core.symbols import outermost
from xentlib.proof.core.unfold import Defined, definition, unfold

c = sp.Symbol("c", real=True)

y = sp.IndexedBase("y", real=True)
x = sp.Symbol("x", real=True)
t = sp.Symbol("t", positive=True)


def values(size: int, places: dict[Any, int], seed: int, samples: int = 2) -> dict[Any, Any]:
    """Return a point with all sizes, given places of the indices and random coordinates."""
    random = Random(seed)

    def array() -> list[mpmath.mpf]:
        return [mpmath.mpf(random.randint(-2000, 2000)) / 1000 for _ in range(size)]

    return {K: size, N: samples, z: array(), y: array(), c: mpmath.mpf("0.7"), **places}


def assert_same(left: Any, right: Any, sizes: Any = range(1, 7)) -> None:
    """Check that two expressions have the same value at all sizes and places, to 25 digits."""
    free = sorted((symbols_of(left) | symbols_of(right)) & set(SIZE), key=str)
    with mpmath.workdps(40):
        for size in sizes:
            for place in product(*(range(1, (size if SIZE[s] == K else 2) + 1) for s in free)):
                at = values(size, dict(zip(free, place, strict=True)), seed=size)
                a, b = evaluate(left, at), evaluate(right, at)
                assert mpmath.almosteq(a, b, rel_eps=mpmath.mpf(10) ** -25, abs_eps=mpmath.mpf(10) ** -25), (
                    f"{left} = {a}, {right} = {b} at {at}"
                )


# --- Each rule keeps the number ---------------------------------------------------------------

EXPRESSIONS = [
    sum_over(k, c),
    sum_over(k, c * z[k] + 3),
    sum_over(k, z[k] * delta(k, j)),
    sum_over(k, z[k] * y[i] * delta(k, j) * delta(k, i)),
    sum_over(k, delta(k, 1) * z[k]),
    sum_over(k, delta(k, n) * z[k]),
    sum_over(k, sp.exp(z[k] * delta(k, j))),
    sum_over(k, sum_over(l, z[k] * y[l])),
    sum_over(k, sum_over(l, delta(k, l) * z[k] * y[l])),
    sum_over(n, sum_over(k, z[k])),
    sum_over(n, sum_over(k, delta(k, n))),
    sum_over(k, sum_over(n, delta(k, n) * z[k])),
    sum_over(k, sp.exp(sum_over(l, z[l] * z[k]))),
    sum_over(k, sp.exp(sum_over(l, 1 / (5 + z[k] + y[l])))),
    sum_over(k, sp.Sum(z[l], (l, 1, k))),
    sp.Sum(z[i] * z[j], (i, 1, j), (j, 1, K)),
    sp.Sum(z[k], (k, 2, K)),
    sp.Sum(c, (k, 2, K)),
    sp.Sum(delta(k, j) * z[k], (k, 2, K)),
    sp.Sum(z[k], (k, 1, K - 1)),
    sp.Sum(c, (k, 1, K - 1)),
    sp.Sum(delta(k, j), (k, 1, K - 1)),
    sp.Sum(c, (k, 1, K - 2)),
    sum_over(k, (z[k] + y[k]) * (1 + delta(k, i))),
    (1 + delta(i, j)) ** 2,
    sum_over(k, p[k] * sp.log(p[k])),
    sum_over(k, p[k]) ** 2 * lse,
    sum_over(i, p[i]) * p[i],
    sp.Derivative(p[i], z[j]),
    sp.Derivative(lse, z[i], z[j]),
    sp.Derivative(lse, z[i], z[i]),
    sp.Derivative(lse, z[1]),
    sp.Derivative(z[i] * sp.Derivative(p[i], z[j]), z[i]),
    sp.Derivative(c**2 * p[i], c),
    sum_over(k, sp.Derivative(p[k], z[k])),
    sum_over(j, sp.Derivative(sum_over(k, y[k] * sp.log(p[k])), z[j])),
    sp.Derivative(sum_over(k, sp.exp(z[k] * y[k])), y[j]),
]


@pytest.mark.parametrize("expr", EXPRESSIONS, ids=str)
def test_unfolding_differentiating_and_collapsing_keep_the_number(expr: Any) -> None:
    unfolded = unfold(expr)
    derived = differentiate(unfolded)
    collapsed = collapse(derived)
    assert not unfolded.has(Defined)
    assert not derived.has(sp.Derivative)
    small = range(1, 5)
    assert_same(expr, unfolded, small)
    assert_same(expr, derived, small)
    assert_same(expr, collapsed, small)
    # `cases` collapses again only what a rule has changed.
    assert collapse(unfold(collapsed)) == collapsed


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (sum_over(k, c), K * c),
        (sum_over(k, c * z[k] * delta(k, j)), c * z[j]),
        (sum_over(k, delta(k, 1)), sp.Integer(1)),
        (sum_over(k, delta(k, i) * delta(k, j)), delta(i, j)),
        (sum_over(k, sum_over(l, delta(k, l))), K),
        (sum_over(n, sum_over(k, c)), K * N * c),
        (sp.Sum(c, (k, 2, K)), c * (K - 1)),
        (sp.Sum(z[k], (k, 2, 4)), z[2] + z[3] + z[4]),
    ],
    ids=str,
)
def test_rules_of_collapse(before: Any, after: Any) -> None:
    assert sp.expand(collapse(unfold(before)) - after) == 0
    if not before.has(sp.Sum(z[k], (k, 2, 4))):
        assert_same(before, after)


@pytest.mark.parametrize(
    "total",
    [
        sum_over(k, delta(k, n) * z[k]),  # n may be more than K
        sum_over(k, delta(k, 2)),  # K may be 1
        sum_over(k, delta(k, sp.Symbol("m", integer=True))),  # m may be anything
        sp.Sum(delta(k, j), (k, 2, K)),  # j may be 1
        sp.Sum(delta(k, j), (k, 1, K - 1)),  # j may be K
    ],
    ids=str,
)
def test_a_delta_out_of_reach_is_not_collapsed(total: Any) -> None:
    assert collapse(unfold(total)).has(delta)


def test_equal_sums_get_equal_indices_and_nested_ones_different_indices() -> None:
    assert collapse(unfold(sum_over(k, sp.exp(z[k])))) == collapse(unfold(sum_over(l, sp.exp(z[l]))))
    nested = collapse(unfold(sum_over(k, sp.exp(sum_over(l, sp.exp(z[k] * y[l]))))))
    _, (outer, _, _) = outermost(nested)
    inner = next(s for s in nested.function.atoms(sp.Sum)).limits[0][0]
    assert outer != inner


def test_outermost_of_a_double_sum() -> None:
    double = sp.Sum(z[i] * z[j], (i, 1, j), (j, 1, K))
    assert outermost(double) == (sp.Sum(z[i] * z[j], (i, 1, j)), (j, 1, K))
    assert outermost(sum_over(k, z[k])) == (z[k], (k, 1, K))


# --- Definitions ------------------------------------------------------------------------------


def test_a_formula_does_not_capture_the_index_it_is_given() -> None:
    q = Quantity("q", lambda index: sum_over(k, z[k] * delta(k, index) + z[index]))
    assert residual(q[k] - z[k] - K * z[k]) == 0
    assert residual(sum_over(k, q[k]) - (K + 1) * sum_over(l, z[l])) == 0
    assert_same(q[k], (K + 1) * z[k])
    assert_same(sum_over(k, q[k] * q[k]), sum_over(l, (K + 1) ** 2 * z[l] ** 2), range(1, 4))


def test_a_quantity_of_a_variable_and_of_an_element() -> None:
    warm = Quantity("q", lambda index, scale: sp.exp(z[index] / scale) / sum_over(k, sp.exp(z[k] / scale)))
    assert residual(sum_over(k, warm[k, t]) - 1) == 0
    assert residual(warm[i, 1] - p[i]) == 0
    assert residual(warm[i, 2] - p[i]) != 0
    shifted = Quantity("s", lambda value: value + 1)
    assert residual(shifted[z[k]] - z[k] - 1) == 0
    assert [*definition(shifted[z[k]])[1].values()] == [z[k]]


def test_a_quantity_prints_its_name() -> None:
    assert str(p[i]) == "p[i]"
    assert str(lse) == "A"
    assert sp.latex(p[i] ** 2) == "p_{i}^{2}"
    assert p[i].is_extended_real


def test_two_quantities_of_one_name_differ() -> None:
    one = Quantity("q", lambda index: z[index])
    two = Quantity("q", lambda index: 2 * z[index])
    assert one[i] != two[i]
    assert residual(one[i] - two[i]) != 0


def test_unfold_refuses_what_it_cannot_keep_apart() -> None:
    with pytest.raises(TypeError, match="Integral"):
        unfold(sp.Integral(x, (x, 0, 1)))
    with pytest.raises(ValueError, match="sums and products start at 1"):
        unfold(sp.Sum(z[k], (k, 0, K)))


# --- residual: what is true vanishes, what is false does not ------------------------------------

TRUE = [
    sum_over(k, p[k]) - 1,
    sp.Derivative(p[i], z[j]) - p[i] * (delta(i, j) - p[j]),
    sp.Derivative(lse, z[j]) - p[j],
    sp.Derivative(lse, z[i], z[j]) - p[i] * (delta(i, j) - p[j]),
    sp.Derivative(-sum_over(k, y[k] * sp.log(p[k])), z[j]) - p[j] * sum_over(k, y[k]) + y[j],
    sp.log(p[i]) - z[i] + lse,
    sp.log(p[i] / p[j]) - z[i] + z[j],
    p[i] / p[j] - sp.exp(z[i] - z[j]),
    sum_over(j, p[i] * (delta(i, j) - p[j])),
    sum_over(j, sum_over(i, p[i] * p[j])) - 1,
    sp.exp(sum_over(k, z[k] + y[k])) - sp.exp(sum_over(l, z[l])) * sp.exp(sum_over(l, y[l])),
    sum_over(n, sum_over(k, y[k])) - N * sum_over(k, y[k]),
    sum_over(k, sum_over(l, (z[k] - z[l]) ** 2))
    - 2 * K * sum_over(k, z[k] ** 2)
    + 2 * sum_over(k, z[k]) ** 2,
    sp.log(sp.exp(x) * t) - x - sp.log(t),
    2 ** (c + 1) - 2 * 2**c,
]


@pytest.mark.parametrize("expr", TRUE, ids=str)
def test_what_is_true_has_residue_0(expr: Any) -> None:
    assert residual(expr) == 0
    assert_same(expr, sp.S.Zero, range(1, 5) if not expr.has(t, x) else [])


@pytest.mark.parametrize("expr", [e for e in TRUE if isinstance(e, sp.Add)], ids=str)
def test_a_factor_on_one_term_is_seen(expr: Any) -> None:
    term = expr.args[-1]
    assert residual(expr + term * sp.Rational(1, 10**9)) != 0
    assert residual(expr + term * sp.Rational(5, 10**4)) != 0


FALSE = [
    sum_over(k, z[k] * delta(k, n)) - z[n],  # two sizes
    sum_over(n, sum_over(k, delta(k, n))) - N,
    sum_over(n, sum_over(k, y[k])) - K * sum_over(k, y[k]),
    sum_over(k, delta(k, 2)) - 1,
    # A bound index of an inner sum captured by the outer one makes these two equal.
    sum_over(k, sp.exp(sum_over(l, 1 / (z[k] + y[l])))) - sum_over(k, sp.exp(sum_over(l, 1 / (z[l] + y[k])))),
    sum_over(k, sum_over(l, sp.exp(z[k] * y[l]))) - sum_over(k, K * sp.exp(z[k] * y[k])),
    sum_over(k, sp.exp(z[k] * delta(k, j))) - sp.exp(z[j]),
    sp.exp(sum_over(k, z[k])) - sp.exp(K * z[i]),
    sum_over(k, z[k]) ** 2 - sum_over(k, z[k] ** 2),
    sp.log(x * c) - sp.log(x) - sp.log(c),  # not if both are negative
    sp.log(x**2) - 2 * sp.log(x),
    sp.log(sum_over(k, z[k]) ** 2) - 2 * sp.log(sum_over(k, z[k])),
    sp.sqrt(sum_over(k, z[k]) ** 2) - sum_over(k, z[k]),
    sp.sqrt(sum_over(k, sp.log(z[k])) ** 2) - sp.Abs(sum_over(k, sp.log(z[k]))),  # not real
    sp.log(sp.Sum(sp.exp(z[k]), (k, 2, K)) * c) - sp.log(sp.Sum(sp.exp(z[k]), (k, 2, K))) - sp.log(c),
    sp.Derivative(p[i], z[j]) - p[i] * (1 - p[j]),  # right if i = j only
    sp.Derivative(p[i], z[j]) + p[i] * p[j],  # right if i != j only
    sp.Derivative(lse, z[2]) - p[2],  # there is no second class if K = 1
]


@pytest.mark.parametrize("expr", FALSE, ids=str)
def test_what_is_false_keeps_a_residue(expr: Any) -> None:
    assert residual(expr) != 0


def test_given_equations_are_applied() -> None:
    f = sp.Function("f")
    known = sp.Eq(sp.Derivative(f(x), x), f(x))
    assert residual(sp.Derivative(f(x) ** 2, x) - 2 * f(x) ** 2, Given((known,))) == 0
    assert residual(sp.Derivative(f(x) ** 2, x) - 2 * f(x) ** 2) != 0
    one = sp.Eq(sum_over(l, y[l]), 1)
    assert residual(sum_over(k, y[k] * p[j]) - p[j], Given((one,))) == 0
    many = sp.Eq(f(x), sum_over(k, z[k]))  # its k is not the k of a sum around it
    assert (
        residual(
            sum_over(k, f(x) * sp.exp(z[k])) - sum_over(l, z[l]) * sum_over(k, sp.exp(z[k])), Given((many,))
        )
        == 0
    )


def test_a_rule_that_brings_in_a_sum_captures_no_index() -> None:
    """With the depth of the inner sum its index changes, and must not become that of the outer."""
    f = sp.Function("f", real=True)
    known = sp.Eq(f(x), sum_over(k, sp.exp(z[k])))
    one = sum_over(k, sp.exp(sum_over(l, 1 / (9 + z[k] + y[l] + f(x)))))
    two = sum_over(k, sp.exp(sum_over(l, 1 / (9 + z[l] + y[k] + f(x)))))
    assert residual(one - two, Given((known,))) != 0
    assert residual(one - one.xreplace({f(x): known.rhs}), Given((known,))) == 0


# --- Labels and products -------------------------------------------------------------------------

X = sp.IndexedBase("X", real=True)
q = sp.IndexedBase("q", positive=True)


@pytest.mark.parametrize(
    "expr",
    [
        sum_over(n, sum_over(k, delta(k, labels[n]) * X[n, k])) - sum_over(n, X[n, labels[n]]),
        sum_over(k, sum_over(n, delta(k, labels[n]) * z[k])) - sum_over(n, z[labels[n]]),
        sum_over(n, sum_over(k, delta(k, labels[n]))) - N,
        sum_over(k, delta(k, labels[n]) * sum_over(n, delta(k, labels[n])))
        - sum_over(m, delta(labels[n], labels[m])),
        sp.Derivative(sum_over(n, z[labels[n]]), z[j]) - sum_over(n, delta(j, labels[n])),
        sp.Derivative(product_over(n, sp.exp(y[n])), y[m]) - product_over(n, sp.exp(y[n])),
        product_over(n, q[n]) ** 2 - product_over(n, q[n] ** 2),
        product_over(n, product_over(m, q[n] * q[m])) - product_over(n, q[n]) ** (2 * N),
        sp.log(product_over(n, q[n]) * x) - sum_over(n, sp.log(q[n])) - sp.log(x),
        sp.Derivative(product_over(n, q[n]), q[m]) - product_over(n, q[n]) / q[m],
    ],
    ids=str,
)
def test_what_is_true_of_labels_and_products(expr: Any) -> None:
    assert residual(expr) == 0


@pytest.mark.parametrize(
    "expr",
    [
        sum_over(m, delta(m, labels[n])) - 1,  # a label is no sample
        sum_over(n, delta(k, labels[n]) * y[n]) - sum_over(n, y[n]),
        sum_over(n, delta(n, labels[n])) - 1,
        delta(labels[n], labels[m]) - delta(n, m),
        sum_over(k, sum_over(n, delta(k, labels[n])) ** 2) - N,
        sum_over(k, sum_over(n, delta(k, labels[n]) * z[k])) - N * z[labels[m]],
        sum_over(k, product_over(n, q[k] * q[n])) - sum_over(k, q[k]) * product_over(n, q[n]),
        sum_over(k, product_over(n, q[k])) ** 2 - K * sum_over(k, product_over(n, q[k] ** 2)),
        product_over(n, q[n]) - q[1] * product_over(n, q[n]),
    ],
    ids=str,
)
def test_what_is_false_of_labels_and_products(expr: Any) -> None:
    assert residual(expr) != 0


def test_a_product_of_what_may_be_negative_is_refused() -> None:
    for factor in (y[n], q[n] - 1, y[n] ** 2):
        with pytest.raises(ValueError, match="products of positive factors only"):
            residual(product_over(n, factor))


def test_a_double_sum_of_positive_terms_is_positive_and_one_from_3_may_be_empty() -> None:
    assert residual(sp.log(sum_over(k, q[k]) * x) - sp.log(sum_over(k, q[k])) - sp.log(x)) == 0
    late = sp.Sum(q[k], (k, 3, K))
    assert residual(sp.log(late * x) - sp.log(late) - sp.log(x)) != 0


# --- Sums that change places ---------------------------------------------------------------------


def random_nest(random: Random, bound: list[sp.Symbol]) -> Any:
    """Return a product that uses some of the indices, and deltas between them."""
    of_classes = [*(s for s in bound if SIZE[s] == K), i]
    of_samples = [s for s in bound if SIZE[s] == N]
    factors = [z[random.choice(of_classes)], y[random.choice(of_classes)]]
    if of_samples:
        factors.append(labels[random.choice(of_samples)])
        factors.append(delta(random.choice(of_classes), labels[random.choice(of_samples)]))
    if random.random() < 0.5:
        factors.append(delta(*random.choices(of_classes, k=2)))
    if random.random() < 0.5:
        factors.append(sp.exp(z[random.choice(of_classes)] * y[random.choice(of_classes)] / 8))
    return sp.Mul(*random.sample(factors, k=random.randint(1, len(factors))))


def nested(term: Any, order: list[sp.Symbol]) -> Any:
    """Return the sum of a term over several indices, the innermost first."""
    for index in order:
        term = sum_over(index, term)
    return term


@pytest.mark.parametrize("seed", seeds(30, 200))
def test_sums_over_several_indices_may_change_places(seed: int) -> None:
    random = Random(seed)
    order = random.sample([j, k, l, m, n], k=random.randint(2, 4))
    term = random_nest(random, order)
    one, other = nested(term, order), nested(term, random.sample(order, k=len(order)))
    assert residual(one - other) == 0
    factor = residual(one - sp.Rational(10005, 10000) * other)
    with mpmath.workdps(40):
        point = {**values(3, {i: 1}, seed), labels: [3, 1]}
        value = evaluate(one, point)
        assert mpmath.almosteq(value, evaluate(other, point), abs_eps=mpmath.mpf(10) ** -25)
        assert mpmath.almosteq(value, evaluate(collapse(unfold(one)), point), abs_eps=mpmath.mpf(10) ** -25)
        assert (factor == 0) == (value == 0)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (sum_over(k, sp.Sum(z[l] * y[k], (l, 1, k))), sum_over(l, sp.Sum(z[l] * y[k], (k, 1, l)))),
        (sum_over(k, sp.Sum(z[k] * y[l], (l, 2, K))), sp.Sum(z[l] * sum_over(k, y[k]), (l, 2, K))),
        (sum_over(k, sp.Sum(z[l], (l, 2, K))), sp.Sum(sum_over(k, z[k]), (l, 2, K))),
        (sum_over(k, z[k] * sp.Sum(delta(l, k) * y[l], (l, 2, K))), sum_over(k, z[k] * y[k])),
        (sum_over(k, sp.Sum(delta(l, i) * z[l], (l, 1, k))), K * z[i]),
        (sum_over(k, sp.Sum(z[l], (l, 1, k)) ** 2), sum_over(k, sp.Sum(z[l] ** 2, (l, 1, k)))),
        (sum_over(k, sum_over(l, z[k] * y[l]) ** 2), sum_over(k, z[k] ** 2 * sum_over(l, y[l] ** 2))),
        (sum_over(n, sum_over(m, X[n, m] * y[m])), sum_over(n, sum_over(m, X[m, n] * y[m]))),
        (sum_over(n, sum_over(k, X[n, k])), sum_over(n, sum_over(k, X[k, n]))),
    ],
    ids=str,
)
def test_sums_with_other_ranges_do_not_change_places(one: Any, other: Any) -> None:
    assert residual(one - other) != 0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            sum_over(k, z[k] * sum_over(l, y[l] * sum_over(k, z[k]))),
            sum_over(k, z[k]) ** 2 * sum_over(l, y[l]),
        ),
        (sum_over(k, sum_over(k, z[k])), K * sum_over(k, z[k])),
        (sum_over(k, sum_over(l, z[k] * y[l]) ** 2), sum_over(k, z[k] ** 2) * sum_over(k, y[k]) ** 2),
        (sum_over(k, sum_over(l, z[l] * y[k]) ** 3), sum_over(l, z[l]) ** 3 * sum_over(k, y[k] ** 3)),
        (
            sum_over(k, sum_over(l, z[k] * delta(k, l) * sp.Sum(y[i], (i, 1, l)))),
            sum_over(k, z[k] * sp.Sum(y[i], (i, 1, k))),
        ),
    ],
    ids=str,
)
def test_an_index_may_be_used_twice(one: Any, other: Any) -> None:
    assert residual(one - other) == 0
    assert_same(one, other, range(1, 4))


def test_symbols_are_told_apart_by_what_they_are_assumed_to_be() -> None:
    """What is remembered of an expression is not taken for one that only looks the same."""
    other, label = sp.Symbol("K", integer=True), sp.Symbol("i", real=True)
    assert symbols_of(sum_over(k, z[k])) == {K, z.label}
    assert symbols_of(other * sp.Sum(z[k], (k, 1, 2))) == {other, z.label}
    assert symbols_of(i + x) == {i, x}
    assert symbols_of(label + x) == {label, x}
    named = [Quantity("Q", formula) for formula in (lambda a: z[a], lambda a: y[a])]
    assert [symbols_of(quantity[i]) for quantity in named] == [{i, z.label}, {i, y.label}]
    assert symbols_of(sum_over(k, named[0][k])) == {K, z.label}


# --- A fuzz of both directions -------------------------------------------------------------------


def random_term(random: Random, indices: list[sp.Symbol]) -> Any:
    a, b = random.choice(indices), random.choice(indices)
    elements = [z[a], y[a], sp.exp(z[a]), p[a], sp.exp(z[a] - y[b]), delta(a, b), z[a] * y[b]]
    others = [sp.exp(z[a] * y[b]), c, sp.Integer(random.randint(-2, 3)), sp.log(p[a]), lse, K, p[a] ** 2]
    return random.choice([*elements, *others])


def random_expression(random: Random, indices: list[sp.Symbol], depth: int) -> Any:
    if depth == 0:
        return random_term(random, indices)
    kind = random.random()
    if kind < 0.3:
        return random_expression(random, indices, depth - 1) + random_expression(random, indices, depth - 1)
    if kind < 0.55:
        return random_expression(random, indices, depth - 1) * random_expression(random, indices, depth - 1)
    bound = next((s for s in (k, l) if s not in indices), None)
    if kind < 0.9 and bound is not None:
        return sum_over(bound, random_expression(random, [*indices, bound], depth - 1))
    return sp.Derivative(random_expression(random, indices, depth - 1), z[indices[0]])


def rearranged(random: Random, expr: Any) -> Any:
    """Return the same in other words: indices renamed, sums split, products multiplied out."""
    if isinstance(expr, sp.Sum):
        term, (index, first, last) = outermost(expr)
        term = rearranged(random, term)
        name = sp.Symbol(f"{index}_", integer=True, positive=True)
        if term.is_Add and random.random() < 0.5:
            return sp.Add(*(sp.Sum(part, (index, first, last)) for part in term.args))
        return sp.Sum(term.xreplace({index: name}), (name, first, last))
    if isinstance(expr, sp.Add | sp.Mul):
        parts = expr.func(*(rearranged(random, part) for part in expr.args))
        return sp.expand(parts) if random.random() < 0.5 else parts
    return expr


def is_zero(expr: Any, seed: int) -> bool:
    """Return whether an expression vanishes at all places for K = 2..6, by numbers alone."""
    with mpmath.workdps(40):
        return all(
            abs(evaluate(expr, values(size, {i: a, j: b}, seed))) < mpmath.mpf(10) ** -20
            for size in range(2, 7 if not expr.has(sp.Derivative) else 4)
            for a, b in ((1, 1), (1, 2), (2, 1))
        )


@pytest.mark.parametrize("seed", seeds(30, 200))
def test_fuzz(seed: int) -> None:
    random = Random(seed)
    expr = random_expression(random, [i, j], random.randint(2, 4))
    other = rearranged(random, expr)
    assert is_zero(expr - other, seed)
    assert residual(expr - other) == 0
    factor = residual(expr * sp.Rational(10005, 10000) - other)
    assert (factor == 0) == is_zero(expr, seed), f"{expr} times 1.0005 leaves {factor}"
