"""The verbs are seen to reject: every slip, every artefact of evaluation, every empty check."""

from __future__ import annotations

import itertools
import json
import math
import os
import subprocess
import sys
from collections import Counter
from typing import Any

import mpmath
import nbclient
import nbformat
import numpy as np
import pytest
import sympy as sp

from xentlib import softmax
from xentlib.proof import (
    K,
    N,
    Quantity,
    VerificationError,
    _agreement,
    _verbs,
    agree,
    delta,
    derive,
    entries,
    i,
    j,
    k,
    l,
    lse,
    m,
    n,
    p,
    product_over,
    prove,
    refute,
    sum_over,
    theorem,
    z,
)
from xentlib.proof import c as labels
from xentlib.proof._claims import Claim
from xentlib.proof._evaluation import evaluate, truth
from xentlib.proof._mutations import mutations
from xentlib.proof._sampling import check_point, points
from xentlib.proof._trying import UndefinedError, counterexample
from xentlib.proof.core import decide
from xentlib.proof.core.algebra import residual
from xentlib.proof.core.problem import NOTHING, Given

c = sp.Symbol("c", real=True)

y = sp.IndexedBase("y", real=True)
q = sp.IndexedBase("q", positive=True)
w = sp.IndexedBase("w", negative=True)
X = sp.IndexedBase("X", real=True)
x = sp.Symbol("x", real=True)
t = sp.Symbol("t", positive=True)
f = sp.Function("f", real=True)
g = sp.Function("g", real=True)

CROSS_ENTROPY = -sum_over(k, y[k] * sp.log(p[k]))
ELEMENT = Quantity("q", lambda a: sum_over(k, z[k] * delta(k, a)))
HIDDEN = Quantity(
    "H",
    lambda: sum_over(k, sp.Sum(sp.exp(z[l]), (l, 1, k))) - sum_over(k, (K + 1 - k) * sp.exp(z[k])),
)  # 0, but no rule relates the ranges
FIRST = sp.Sum(sp.exp(z[k]), (k, 2, K))  # empty if K = 1


def eq(left: Any, right: Any) -> sp.Eq:
    """Return an equation that SymPy does not decide on the spot."""
    return sp.Eq(left, right, evaluate=False)


@pytest.fixture
def records(monkeypatch: pytest.MonkeyPatch) -> list[Claim]:
    """Collect the records instead of showing them."""
    found: list[Claim] = []
    for module in (_verbs, _agreement):
        monkeypatch.setattr(module, "announce", lambda claim, *_: found.append(claim))
    return found


# --- prove accepts what is true --------------------------------------------------------------------

MAIN: dict[str, tuple[Any, dict[str, Any], int, set[str]]] = {
    "sum": (
        eq(sum_over(k, p[k]), 1), {}, 5,
        {"sign flipped", "factor of two", "first term left out"},
    ),
    "jacobian": (
        eq(sp.Derivative(p[i], z[j]), p[i] * (delta(i, j) - p[j])), {}, 13,
        {"sign flipped", "factor of two", "term dropped", "index changed"},
    ),
    "log-sum-exp": (
        eq(sp.Derivative(lse, z[j]), p[j]), {}, 4,
        {"sign flipped", "factor of two"},
    ),
    "gradient": (
        eq(sp.Derivative(CROSS_ENTROPY, z[j]), p[j] * sum_over(k, y[k]) - y[j]), {}, 12,
        {"sign flipped", "factor of two", "term dropped", "first term left out"},
    ),
    "order": (
        sp.Equivalent(p[i] > p[j], z[i] > z[j]), {"increasing": sp.exp}, 14,
        {"reversed", "sign flipped", "factor of two", "index changed"},
    ),
    "interval": (
        [p[i] > 0, p[i] < 1], {"given": K >= 2}, 4,
        {"reversed", "bound tightened"},
    ),
}  # fmt: skip


def _one(statement: Any) -> Any:
    return sp.And(*statement, evaluate=False) if isinstance(statement, list) else statement


@pytest.mark.parametrize("name", MAIN)
def test_main_statements(name: str, records: list[Claim]) -> None:
    statement, options, refuted, kinds = MAIN[name]
    prove(name, statement, **options)
    (claim,) = records
    assert (claim.id, claim.kind, claim.level, claim.refuted) == (name, "proof", "every K", refuted)
    assert kinds <= {kind for kind, _ in mutations(_one(statement))}


def test_the_number_of_alterations_does_not_depend_on_the_hash_seed() -> None:
    source = (
        "import sympy as sp; from xentlib.proof import *; from xentlib.proof import _verbs\n"
        "_verbs.announce = lambda claim, *_: print(claim)\n"
        "y = sp.IndexedBase('y', real=True)\n"
        "prove('a', sp.Eq(sp.Derivative(p[i], z[j]), p[i] * (delta(i, j) - p[j])))\n"
        "prove('b', sp.Eq(sp.Derivative(-sum_over(k, y[k] * sp.log(p[k])), z[j]),"
        " p[j] * sum_over(k, y[k]) - y[j]))\n"
        "prove('c', sp.Equivalent(p[i] > p[j], z[i] > z[j]), increasing=sp.exp)\n"
        "refute('d', sp.Eq(p[i], z[i]))\n"
    )
    outputs = [
        subprocess.run(
            [sys.executable, "-c", source], env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONUTF8": "1"},
            capture_output=True, check=True, encoding="utf-8",
        ).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert outputs[0] == outputs[1]
    assert "refuted=13" in outputs[0]


@pytest.mark.parametrize(
    ("statement", "options", "level", "assumptions"),
    [
        (eq(sum_over(n, c * (c + 1)), 2 * c**2 + 2 * c), {"sizes": {N: 2}}, "fixed K", ["N = 2"]),
        (eq(sum_over(n, sum_over(k, y[k])), N * sum_over(k, y[k])), {}, "every K", []),
        (
            eq(sp.Derivative(sum_over(n, sp.log(sum_over(k, sp.exp(X[n, k])))), X[n, j]),
               sp.exp(X[n, j]) / sum_over(k, sp.exp(X[n, k]))),
            {}, "every K", [r"j \in \{1, \dots, K\}", r"n \in \{1, \dots, N\}"],
        ),
        (eq(p[1], 1 / (1 + sp.exp(z[2] - z[1]))), {"sizes": {K: 2}}, "fixed K", ["K = 2"]),
        (
            eq(sum_over(k, delta(k, j) * z[k]), z[j]), {"sizes": {K: 2}}, "fixed K",
            [r"j \in \{1, \dots, K\}", "K = 2"],
        ),
        (sp.Lt(p[i], 1), {"given": K >= 2}, "every K", [r"i \in \{1, \dots, K\}", r"K \geq 2"]),
        (sp.Lt(p[i], 1), {"given": [K >= 7]}, "every K", [r"i \in \{1, \dots, K\}", r"K \geq 7"]),
        (eq((x + t) ** 2, x**2 + 2 * t * x + t**2), {}, "exact", ["t > 0"]),
        (
            eq(sp.Derivative(f(x) ** 2, x), 2 * f(x) * g(x)),
            {"given": eq(sp.Derivative(f(x), x), g(x))}, "exact",
            [r"\frac{\mathrm{d} f{\left(x \right)}}{\mathrm{d} x} = g{\left(x \right)}"],
        ),
        (
            eq(sp.Derivative(CROSS_ENTROPY, z[j]), p[j] - y[j]), {"given": eq(sum_over(k, y[k]), 1)},
            "every K", [r"j \in \{1, \dots, K\}", r"\sum_{k=1}^{K} y_{k} = 1"],
        ),
        (
            eq(sum_over(k, sum_over(l, q[k] * q[l])), 1), {"given": eq(sum_over(k, q[k]), 1)},
            "every K", ["q_{k} > 0", r"\sum_{k=1}^{K} q_{k} = 1"],
        ),
    ],
    ids=str,
)  # fmt: skip
def test_levels_and_assumptions(
    statement: Any, options: dict[str, Any], level: str, assumptions: list[str], records: list[Claim]
) -> None:
    prove("a", statement, **options)
    assert records[0].level == level
    assert records[0].assumptions == assumptions


# --- prove rejects what is false -------------------------------------------------------------------

SLIPS = {
    "wrong sign": eq(sp.Derivative(lse, z[j]), -p[j]),
    "wrong sign inside": eq(sp.Derivative(p[i], z[j]), p[i] * (delta(i, j) + p[j])),
    "index slip": eq(sp.Derivative(CROSS_ENTROPY, z[j]), p[j] * sum_over(k, y[k]) - y[i]),
    "indices swapped": eq(sp.Derivative(p[i], z[j]), p[j] * (delta(i, j) - p[j])),
    "delta forgotten": eq(sp.Derivative(p[i], z[j]), p[i] * (1 - p[j])),
    "factor 1.0005": eq(sp.Derivative(lse, z[j]), sp.Rational(10005, 10000) * p[j]),
    "factor 1 + 1e-9": eq(sp.Derivative(lse, z[j]), (1 + sp.Rational(1, 10**9)) * p[j]),
    "offset 1e-12": eq(sum_over(k, p[k]), 1 + sp.Rational(1, 10**12)),
    "p - y without an assumption": eq(sp.Derivative(CROSS_ENTROPY, z[j]), p[j] - y[j]),
    "two sizes": eq(sum_over(k, z[k] * delta(k, n)), z[n]),
    "K for N": eq(sum_over(n, sum_over(k, y[k])), K * sum_over(k, y[k])),
    "wrong for K = 1": eq(sum_over(k, delta(k, 2)), 1),
    "capture in a formula": eq(ELEMENT[k], sum_over(k, z[k])),
    "capture in a sum": eq(
        sum_over(k, sp.exp(sum_over(l, 1 / (9 + z[k] + y[l])))),
        sum_over(k, sp.exp(sum_over(l, 1 / (9 + z[l] + y[k])))),
    ),
    "empty sum": sp.Gt(FIRST, 0),
    "empty sum cancelled": eq((FIRST + c * FIRST) / FIRST, 2 + c),
    "1 if K = 1": sp.Lt(p[i], 1),
    "too large": sp.Gt(p[i], p[j]),
    "one part of two": [p[i] > 0, p[i] < sp.Rational(1, 2)],
    "order reversed": sp.Equivalent(p[i] > p[j], z[j] > z[i]),
    "logarithms of negative numbers": eq(sp.log(x**2), 2 * sp.log(x) + 1),
    "a root of a square": eq(sp.sqrt(sum_over(k, z[k]) ** 2), sum_over(k, z[k])),
}  # fmt: skip


@pytest.mark.parametrize("name", SLIPS)
def test_slips_are_rejected(name: str) -> None:
    options = {"increasing": sp.exp} if isinstance(SLIPS[name], sp.Equivalent) else {}
    with pytest.raises(VerificationError, match=r"^a is not proved: .*; false at .*, where the sides are"):
        prove("a", SLIPS[name], **options)


@pytest.mark.parametrize("name", ["jacobian", "gradient", "log-sum-exp", "sum"])
def test_the_message_names_the_residue_and_the_witness(name: str) -> None:
    left, right = MAIN[name][0].args
    with pytest.raises(VerificationError, match=r"left side - right side = (?!0;).+; false at K = \d"):
        prove("a", eq(left, right + sp.Rational(1, 7)))


def test_true_but_beyond_the_algebra_is_rejected() -> None:
    """Twice the sum over k < l, and the sum over all k != l: no rule relates the ranges."""
    below = sum_over(l, sp.Sum(sp.exp(z[k] * z[l]), (k, 1, l)))
    above = sum_over(k, sum_over(l, sp.exp(z[k] * z[l]))) - below + sum_over(k, sp.exp(z[k] ** 2))
    with pytest.raises(VerificationError, match=r"^a is not proved: left side - right side = [^;]*$"):
        prove("a", eq(below, above))


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        (eq(sum_over(k, z[k]), sum_over(l, z[l])), "a tautology"),
        (eq(sum_over(k, sum_over(l, z[k] * y[l])), sum_over(l, sum_over(k, z[l] * y[k]))), "a tautology"),
        (eq(sum_over(k, z[k]) - sum_over(l, z[l]), 0), "a tautology"),
        (eq(c + sum_over(k, z[k]), sum_over(l, z[l]) + c), "a tautology"),
        (eq(p[i], sp.exp(z[i]) / sum_over(l, sp.exp(z[l]))), "a tautology"),
        (eq(lse, sp.log(sum_over(j, sp.exp(z[j])))), "a tautology"),
        (eq(2 * p[i], p[i] + p[i]), "a tautology"),
        (sp.Equivalent(p[i] > p[j], sp.Gt(p[i] - p[j], 0, evaluate=False), evaluate=False), "a tautology"),
        ([eq(sum_over(k, z[k]), sum_over(l, z[l])), p[i] > 0], "a tautology"),
        (sp.Ge(sum_over(k, z[k]), sum_over(l, z[l]), evaluate=False), "a tautology"),
        (sp.Le(p[i], sp.exp(z[i]) / sum_over(l, sp.exp(z[l])), evaluate=False), "a tautology"),
        (sp.Eq(c, c), "SymPy made it True"),
        (sp.Eq(1, 2), "SymPy made it False"),
        (sp.Equivalent(p[i] > p[j], p[j] < p[i]), "SymPy made it True"),
        (p[i] == p[j], "SymPy made it False"),
    ],
    ids=str,
)
def test_nothing_to_prove(statement: Any, reason: str) -> None:
    with pytest.raises(VerificationError, match=f"nothing to prove in .*: .*{reason}"):
        prove("a", statement, increasing=(lambda v: v) if isinstance(statement, sp.Equivalent) else None)


@pytest.mark.parametrize(
    "statement",
    [
        sp.Ne(p[i], p[j]),
        sp.Or(p[i] > 0, p[i] < 1),
        sp.Equivalent(eq(p[i], p[j]), eq(z[i], z[j])),
        sp.Equivalent(p[i] >= p[j], z[i] >= z[j]),
        sp.Equivalent(p[i] > p[j], z[i] > z[j], sp.exp(z[i]) > sp.exp(z[j])),
        p[i] <= 1,  # increasing=exp is no expression for the difference
        eq(p[i], 1),  # nor a size to prove it over
        p[i],
    ],
    ids=str,
)
def test_statements_of_another_form_are_refused(statement: Any) -> None:
    with pytest.raises(
        TypeError, match=rf"prove takes an equation.* this is a {type(statement).__name__} with increasing="
    ):
        prove("a", statement, increasing=sp.exp)


def test_an_equivalence_needs_an_increasing_function() -> None:
    statement = sp.Equivalent(p[i] > p[j], z[i] > z[j])
    with pytest.raises(TypeError, match="with increasing=an increasing function"):
        prove("a", statement)
    of_reals = sp.Equivalent(z[i] > z[j], 2 * z[i] > 2 * z[j])
    for key in (lambda v: -v, lambda v: v**3, sp.tan, lambda v: -1 / v, sp.log, sp.sin):
        with pytest.raises(VerificationError, match="not shown to be increasing"):
            prove("a", of_reals, increasing=key)
    prove("a", statement, increasing=sp.log)  # it increases where numbers are positive, as p[i] is
    prove("a", sp.Equivalent(p[i] > p[j], 1 / p[i] < 1 / p[j]), increasing=lambda v: -1 / v)
    with pytest.raises(VerificationError, match="neither side's gap is shown"):
        prove("a", statement, increasing=lambda v: v)


def test_an_alteration_that_means_the_same_must_be_proved(
    monkeypatch: pytest.MonkeyPatch, records: list[Claim]
) -> None:
    monkeypatch.setattr(_verbs, "mutations", lambda s: [("other words", eq(sum_over(k, 2 * p[k]), 2))])
    with pytest.raises(VerificationError, match="no alteration could be refuted, so the proof shows nothing"):
        prove("a", eq(sum_over(k, p[k]), 1))
    unprovable = eq(sum_over(l, sp.Sum(1, (k, 1, l))), K * (K + 1) / 2)
    monkeypatch.setattr(_verbs, "mutations", lambda s: [("other words", unprovable)])
    with pytest.raises(VerificationError, match=r"the alteration 'other words', .* cannot be refuted"):
        prove("a", eq(sum_over(k, p[k]), 1))
    assert not records


def test_an_alteration_without_a_meaning_does_not_count(
    monkeypatch: pytest.MonkeyPatch, records: list[Claim]
) -> None:
    nowhere = eq(sp.log(-sp.exp(c)), 1)
    monkeypatch.setattr(_verbs, "mutations", lambda s: [("no meaning", nowhere), ("flip", eq(lse, -lse))])
    prove("a", eq(sp.log(p[i]), z[i] - lse))
    assert records[0].refuted == 1


def test_the_numbers_contradict_a_wrong_algebra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decide, "residual", lambda *_: sp.S.Zero)
    with pytest.raises(VerificationError, match="the numbers contradict the algebra; false at K = 1"):
        prove("a", eq(sp.Derivative(lse, z[j]), 2 * p[j]))
    with pytest.raises(VerificationError, match="numbers contradict it; they differ at K = 1"):
        derive(sp.Derivative(lse, z[j]), 2 * p[j])


def test_a_statement_that_no_number_can_try_is_not_proved() -> None:
    nowhere = sp.log(-sp.exp(c))
    with pytest.raises(UndefinedError, match="could not be tried"):
        prove("a", eq((nowhere + 1) ** 2, nowhere**2 + 2 * nowhere + 1))


def test_what_has_no_meaning_at_some_places_is_tried_at_the_others(records: list[Claim]) -> None:
    """The slip 1/(z[j] - z[j]) says nothing, and neither does 1/(z[i] - z[j]) where i = j."""
    prove("a", eq((z[i] ** 2 - z[j] ** 2) / (z[i] - z[j]), z[i] + z[j]), given=K >= 2)
    assert records[0].refuted
    assert records[0].refuted > 10


def test_a_division_by_what_vanishes_for_every_k_is_not_proved() -> None:
    zero = sum_over(k, p[k]) - 1
    with pytest.raises(UndefinedError, match="could not be tried"):
        prove("a", eq((c * zero + zero**2) / zero**2, c / zero + 1))


# --- What is given ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (K <= 3, TypeError, "not K <= 3"),
        (K > 1, TypeError, "such as K >= 2"),
        (K >= N, TypeError, "such as K >= 2"),
        (z[i] > 0, TypeError, "such as K >= 2"),
        (sp.true, TypeError, "not True"),
        (eq(f(x), f(x) + 1), ValueError, "circular"),
        ([eq(sp.Derivative(f(x), x), 1), eq(sp.Derivative(f(x), x), 2)], ValueError, "stands in another"),
        ([eq(f(x), x), eq(sp.Derivative(f(x), x), 5)], ValueError, "stands in another"),
        (eq(1, sum_over(k, y[k])), ValueError, "cannot be a number"),
        (eq(1, 2), ValueError, "cannot be a number"),
        (
            [eq(sp.Derivative(f(x), x), 1), eq(sp.Derivative(f(x), (x, 2)), 5)],
            ValueError,
            "are about one function, and may contradict each other",
        ),
    ],
    ids=str,
)
def test_assumptions_that_would_not_be_respected_are_refused(
    given: Any, error: type[Exception], message: str
) -> None:
    for verb in (
        lambda: prove("a", eq(sp.Derivative(lse, z[j]), p[j]), given=given),
        lambda: refute("a", eq(sp.Derivative(lse, z[j]), -p[j]), given=given),
        lambda: derive(sp.Derivative(lse, z[j]), p[j], given=given),
    ):
        with pytest.raises(error, match=message):
            verb()


def test_a_statement_that_repeats_what_is_given_is_no_proof() -> None:
    known = eq(sp.Derivative(f(x), x), 2 * x)
    for statement in (known, eq(2 * x, known.lhs), eq(3 * known.lhs, 6 * x)):
        with pytest.raises(VerificationError, match="only repeats what is given"):
            prove("a", statement, given=known)


def test_an_assumption_about_n_does_not_help_k() -> None:
    with pytest.raises(VerificationError, match="false at K = 1"):
        prove("a", sp.Lt(p[i], 1), given=N >= 2)


def test_a_sum_that_cannot_be_1_leaves_nothing_to_try() -> None:
    with pytest.raises(UndefinedError):
        prove("a", eq(sum_over(k, -q[k]) ** 2, 1), given=eq(sum_over(k, q[k]), -1))


@pytest.mark.parametrize(
    ("statement", "given"),
    [
        (eq((q[1] + x) ** 2, x**2 - 2 * x + 1), eq(q[1], -1)),  # q is positive
        (eq((sum_over(k, w[k]) + x) ** 2, x**2 + 2 * x + 1), eq(sum_over(k, w[k]), 1)),  # w is negative
        (eq((labels[1] + x) ** 2, x**2 + 18 * x + 81), eq(labels[1], 9)),  # with K up to 7
        (sp.Gt(sum_over(k, (z[k] - z[l]) ** 2), 0), [sp.Ne(z[i], z[l]), eq(z[i], z[l])]),
        (sp.Gt(sum_over(k, (z[k] - z[l]) ** 2), 0), sp.Ne(p[i], sp.exp(z[i]) / sum_over(l, sp.exp(z[l])))),
    ],
    ids=str,
)
def test_what_is_given_and_never_holds_leaves_nothing_to_try(statement: Any, given: Any) -> None:
    with pytest.raises(UndefinedError, match="could not be tried"):
        prove("a", statement, given=given)


def test_two_given_that_never_hold_together_by_their_size() -> None:
    with pytest.raises(ValueError, match=r"sizes= fixes sizes, .* as the assumptions allow, not K = 1"):
        prove("a", eq(p[i], 1), given=K >= 2, sizes={K: 1})
    with pytest.raises(UndefinedError):
        prove("a", sp.Gt(sum_over(k, (z[k] - z[l]) ** 2), 0), given=sp.Ne(z[i], z[l]), sizes={K: 1})


def test_a_sum_that_is_a_number_anyway_replaces_no_number() -> None:
    known = eq(sum_over(k, p[k]), x)
    assert residual(sum_over(k, y[k]) * (x - 1), Given((known,))) != 0
    with pytest.raises(VerificationError, match="left side - right side"):
        prove("a", eq(sum_over(k, y[k]) * x, sum_over(k, y[k]) * x**2), given=known)


@pytest.mark.parametrize("at", [{c: 2}, {i: 1}, {K: 0}, {K: 2.0}, {K: sp.Integer(2)}])
def test_at_fixes_sizes_only(at: Any) -> None:
    with pytest.raises(ValueError, match="sizes= fixes sizes"):
        prove("a", eq(sum_over(k, p[k]), 1), sizes=at)


# --- Points ----------------------------------------------------------------------------------------


def test_points_meet_all_small_sizes_and_places() -> None:
    statement = eq(delta(i, j) * z[i], sum_over(n, y[n]))
    found = Counter((v[K], v[N], v[i], v[j]) for v in points(statement, NOTHING, {}))
    small = {at: times for at, times in found.items() if at[0] < 5}
    assert set(small) == {
        (a, b, *place)
        for a in range(1, 4)
        for b in range(1, 4)
        for place in itertools.product(range(1, a + 1), repeat=2)
    }
    assert set(small.values()) == {2}
    assert {at[:2] for at in found.keys() - small.keys()} == {(5, 3)}
    for v in itertools.islice(points(statement, NOTHING, {}), 50):
        assert (len(v[z]), len(v[y])) == (v[K], v[N])


def test_points_are_seeded_by_the_statement() -> None:
    one, two = eq(p[i], z[i]), eq(p[i], 2 * z[i])
    assert list(points(one, NOTHING, {})) == list(points(one, NOTHING, {}))
    assert next(points(one, NOTHING, {})) != next(points(two, NOTHING, {}))


def test_points_respect_what_symbols_are_assumed_to_be() -> None:
    m = sp.Symbol("m", integer=True)
    low, high = sp.Symbol("low", negative=True), sp.Symbol("high", nonnegative=True)
    for v in itertools.islice(points(eq(m + low, high + t + q[1]), NOTHING, {}), 20):
        assert mpmath.isint(v[m])
        assert v[low] < 0 <= v[high]
        assert v[t] > 0
        assert v[q][0] > 0


def test_points_respect_sizes_and_sums() -> None:
    assert {v[K] for v in points(eq(p[i], 1), Given((K >= 7,)), {})} == {7, 8, 9, 10, 11}
    assert {v[K] for v in points(eq(p[i], 1), NOTHING, {K: 6})} == {6}
    known = eq(sum_over(k, q[k]), 1)
    tried = list(points(eq(sum_over(k, q[k]), c), Given((known,)), {}))
    assert len(tried) == 37  # few combinations of sizes and places, so more numbers for each
    assert all(abs(sum(v[q]) - 1) < 1e-14 and min(v[q]) > 0 for v in tried)


def test_points_end_with_small_whole_numbers_that_are_often_equal() -> None:
    last = list(points(eq(x * t, z[1]), NOTHING, {}))[-1]
    assert last[x] in (-1, 0, 1)
    assert last[t] == 1
    assert last[z][0] in (-1, 0, 1)
    assert counterexample(sp.Gt((x - z[1]) ** 2, 0), NOTHING, {}) is not None
    assert counterexample(sp.Gt(sum_over(k, (z[k] - z[1]) ** 2), 0), Given((K >= 2,)), {K: 2}) is not None


def test_points_lie_near_and_far() -> None:
    sizes = [max(map(abs, map(float, v[z]))) for v in points(eq(p[i], x), NOTHING, {})]
    assert any(1 < size <= 4 for size in sizes)
    assert any(4 < size <= 8 for size in sizes)
    assert any(8 < size <= 16 for size in sizes)
    assert max(sizes) <= 16
    assert sum(size <= 1 for size in sizes) >= len(sizes) / 4


def test_points_keep_labels_to_the_classes() -> None:
    statement = eq(sum_over(n, z[labels[n]]), 1)
    found = list(points(statement, NOTHING, {}))
    assert all(1 <= label <= v[K] and len(v[labels]) == v[N] for v in found for label in v[labels])
    assert {v[labels][0] for v in points(statement, Given((eq(labels[1], 3), K >= 3)), {})} == {3}
    assert not list(points(statement, Given((eq(labels[1], 3),)), {K: 2}))


def test_a_negative_symbol_stays_negative_and_one_that_is_not_0_is_not() -> None:
    low, some = sp.Symbol("a", nonpositive=True), sp.Symbol("b", nonzero=True)
    for statement in (sp.Le(low, 0, evaluate=False), sp.Ne(some, 0, evaluate=False)):
        with pytest.raises(VerificationError, match="false at none"):
            refute("a", statement)


def test_points_give_arrays_the_shape_of_their_indices() -> None:
    statement = eq(sum_over(n, sum_over(k, X[n, k])), X[1, 2] + sum_over(l, sp.Sum(y[k], (k, 1, l))))
    for v in points(statement, Given((K >= 2,)), {}):
        assert np.shape(v[X]) == (v[N], v[K])
        assert len(v[y]) == v[K]


def test_a_point_outside_an_array_is_an_error_and_no_witness() -> None:
    for index in (i - 1, i + 1):
        with pytest.raises(IndexError, match="does not exist"):
            refute("a", eq(z[index], 7))


def test_truth_is_none_where_a_side_is_no_real_number() -> None:
    for statement in (eq(1 / c, 0), eq(sp.log(c), 0), eq(sp.sqrt(c - 1), 0)):
        assert truth(statement, {c: mpmath.mpf(0)}) is None
    with pytest.raises(UndefinedError):
        counterexample(eq(sp.log(-t), 0), NOTHING, {})


def test_a_division_by_what_is_only_rounded_to_more_than_0_is_undefined() -> None:
    """The algebra does not see that HIDDEN is 0, and the numbers find something like 1e-40."""
    with pytest.raises(UndefinedError, match="could not be tried"):
        prove("a", eq((x * HIDDEN[()] + t * HIDDEN[()]) / HIDDEN[()], x + t))
    with pytest.raises(UndefinedError, match="could not be tried"):
        derive((x * HIDDEN[()] + t * HIDDEN[()]) / HIDDEN[()], x + t)


# --- derive ------------------------------------------------------------------------------------------


def test_derive_shows_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    derive(sp.Derivative(lse, z[j]), sp.exp(z[j]) / sum_over(k, sp.exp(z[k])), p[j])
    assert capsys.readouterr().out == (
        "Derivative(A, z[j])\n = exp(z[j])/Sum(exp(z[k]), (k, 1, K))\n = p[j]\n"
    )


@pytest.mark.parametrize("wrong", [-p[j], p[j] * sp.Rational(10005, 10000), p[i], p[j] + 1])
def test_derive_names_the_line_that_does_not_follow(wrong: Any) -> None:
    with pytest.raises(
        VerificationError, match=r"^line 3, .*does not follow from p\[j\]: .*they differ at K = "
    ):
        derive(sp.Derivative(lse, z[j]), p[j], wrong)


def test_derive_refuses_lines_that_look_the_same() -> None:
    other = Quantity("p", lambda a: 1 * sp.exp(z[a]) / sum_over(l, sp.exp(z[l])))
    for again in (p[j], other[j]):
        with pytest.raises(VerificationError, match="lines 1 and 2 are the same"):
            derive(p[j], again)
    with pytest.raises(ValueError, match="at least two lines, this one has 1"):
        derive(p[j])


def test_derive_uses_what_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    derive(sp.Derivative(f(x) ** 2, x), 2 * x * f(x), given=eq(sp.Derivative(f(x), x), x))
    assert " = 2*x*f(x)" in capsys.readouterr().out
    with pytest.raises(VerificationError, match="line 2"):
        derive(sp.Derivative(f(x) ** 2, x), 2 * f(x), given=eq(sp.Derivative(f(x), x), x))


# --- agree -------------------------------------------------------------------------------------------

ROWS = np.random.default_rng(3).normal(size=(5, 3))
STATEMENT = eq(sum_over(k, p[k]), 1)


def right(v: Any) -> Any:
    """Return softmax by its formula."""
    return np.exp(v) / np.exp(v).sum()


def test_agree_records_points_and_error(records: list[Claim]) -> None:
    agree("a", STATEMENT, softmax, right, points=ROWS, rtol=1e-15)
    (claim,) = records
    assert (claim.kind, claim.level, claim.points, claim.tolerance) == (
        "agreement",
        "numeric",
        5,
        "rtol 1e-15",
    )
    assert claim.error is not None
    assert 0 <= claim.error <= 1
    agree("b", STATEMENT, lambda a, b: a + b, lambda a, b: b + a, points=[(1.0, 2.0)], rtol=1e-9, atol=1e-12)
    assert records[1].tolerance == "rtol 1e-9 atol 1e-12"
    assert records[1].error == 0.0


def test_agree_takes_equal_zeros_and_integers(records: list[Claim]) -> None:
    agree("a", STATEMENT, lambda v: np.array([0, 2]), lambda v: [0.0, 2.0], points=[1], rtol=1e-15)
    assert records[0].error == 0.0


DISAGREEMENTS: dict[str, tuple[Any, Any, str]] = {
    "wrong sign": (softmax, lambda v: -right(v), r"entry \(0,\) is"),
    "factor 1.0005": (softmax, lambda v: right(v) * 1.0005, "times the tolerance"),
    "factor 1 + 1e-12": (softmax, lambda v: right(v) * (1 + 1e-12), "times the tolerance"),
    "another entry": (softmax, lambda v: np.roll(right(v), 1), r"entry \(\d,\)"),
    "one entry": (softmax, lambda v: right(v) + np.array([0, 0, 1e-9]), r"entry \(2,\)"),
    "nan on the left": (lambda v: v * np.nan, right, r"the left side is nan at \(0,\), at the point"),
    "nan on the right": (softmax, lambda v: v * np.nan, r"the right side is nan at \(0,\)"),
    "nan on both": (lambda v: v * np.nan, lambda v: v * np.nan, "the left side is nan"),
    "inf on both": (lambda v: v + np.inf, lambda v: v + np.inf, "the left side is inf"),
    "column against row": (lambda v: softmax(v)[:, None], right, r"shape \(3, 1\), the right side \(3,\)"),
    "number against row": (lambda v: 1.0, lambda v: np.ones(3), r"shape \(\), the right side \(3,\)"),
    "no entries": (lambda v: v[:0], lambda v: v[:0] + 1, "there is no entry to compare"),
    "0 against something": (lambda v: v * 0, lambda v: v, "times the tolerance"),
    "something against 0": (lambda v: v, lambda v: v * 0, "inf times the tolerance"),
    "overflow": (lambda v: v * 0 - 1.7e308, lambda v: v * 0 + 1.7e308, "times the tolerance"),
}


@pytest.mark.parametrize("name", DISAGREEMENTS)
def test_disagreements_are_seen(name: str, records: list[Claim]) -> None:
    one, other, message = DISAGREEMENTS[name]
    with pytest.raises(VerificationError, match=message):
        agree("a", STATEMENT, one, other, points=ROWS, rtol=1e-14)
    assert not records


def test_agree_is_exact_about_its_tolerance(records: list[Claim]) -> None:
    for tolerance in ({"rtol": 1e-9}, {"atol": 2e-9}, {"rtol": 5e-10, "atol": 1e-9}):
        agree("a", STATEMENT, lambda v: 2 + 1.9e-9, lambda v: 2.0, points=[1], **tolerance)
        with pytest.raises(
            VerificationError, match=r"is 2\.0000000021 on the left .* 1\.05 times the tolerance"
        ):
            agree("a", STATEMENT, lambda v: 2 + 2.1e-9, lambda v: 2.0, points=[1], **tolerance)
    assert [claim.error for claim in records] == [0.95] * 3


def test_agree_looks_at_every_point() -> None:
    with pytest.raises(VerificationError, match=r"is 3\.0 on the left and 4\.0 on the right"):
        agree("a", STATEMENT, lambda v: v, lambda v: v + (v == 3), points=[1.0, 2.0, 3.0], rtol=1e-9)


@pytest.mark.parametrize(
    "values", [np.array([1j]), ["1.0"], [True], [None], [2**53], [-(2**60)], [10**30]], ids=str
)
def test_agree_refuses_what_float64_would_change(values: Any) -> None:
    with pytest.raises(TypeError, match="a: the left side"):
        agree("a", STATEMENT, lambda v: values, lambda v: [1.0], points=[1], rtol=1e-9)
    with pytest.raises(TypeError, match="a: the right side"):
        agree("a", STATEMENT, lambda v: [1.0], lambda v: values, points=[1], rtol=1e-9)


@pytest.mark.skipif(np.finfo(np.longdouble).eps == np.finfo(float).eps, reason="long double is double here")
def test_agree_does_not_round_to_double() -> None:
    one = np.longdouble(1)
    with pytest.raises(VerificationError, match="times the tolerance"):
        agree(
            "a", STATEMENT, lambda v: one + np.finfo(np.longdouble).eps, lambda v: one, points=[1], rtol=1e-25
        )


@pytest.mark.parametrize(
    "tolerance",
    [
        {},
        {"rtol": 0.0},
        {"rtol": math.inf},
        {"atol": math.inf},
        {"rtol": math.nan},
        {"rtol": 1e-9, "atol": math.nan},
        {"rtol": -1e-9, "atol": 1.0},
        {"rtol": 1.0},
    ],
    ids=str,
)
def test_agree_needs_a_tolerance(tolerance: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="a tolerance is needed"):
        agree("a", STATEMENT, softmax, right, points=ROWS, **tolerance)


def test_agree_needs_points_and_two_functions() -> None:
    with pytest.raises(ValueError, match="no point was given"):
        agree("a", STATEMENT, softmax, right, points=[], rtol=1e-9)
    with pytest.raises(ValueError, match="same function"):
        agree("a", STATEMENT, softmax, softmax, points=ROWS, rtol=1e-9)
    with pytest.raises(ValueError, match="same function"):
        agree("a", STATEMENT, ROWS.sum, ROWS.sum, points=[0], rtol=1e-9)


def test_a_side_cannot_change_the_point_or_the_other_side() -> None:
    def rude(v: Any) -> Any:
        v[:] = 0
        return v.sum()

    with pytest.raises(VerificationError, match="times the tolerance"):
        agree("a", STATEMENT, rude, lambda v: 2 * v.sum(), points=[np.ones(3)], rtol=1e-9)
    buffer = np.zeros(3)
    with pytest.raises(VerificationError, match="times the tolerance"):
        agree(
            "a", STATEMENT, lambda v: np.add(v, 1, out=buffer), lambda v: np.add(v, 2, out=buffer),
            points=[np.ones(3)], rtol=1e-9,
        )  # fmt: skip


# --- refute ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SLIPS)
def test_what_prove_rejects_refute_accepts(name: str, records: list[Claim]) -> None:
    refute("a", SLIPS[name])
    assert records[0].kind == "refutation"
    assert records[0].witness


@pytest.mark.parametrize("name", MAIN)
def test_what_prove_accepts_refute_rejects(name: str) -> None:
    statement, options, *_ = MAIN[name]
    with pytest.raises(VerificationError, match="false at none of the"):
        refute("a", statement, given=options.get("given", ()))


@pytest.mark.parametrize("gap", [10, 40, 100, 1000, 3000])
def test_true_statements_are_not_refuted_by_rounding(gap: int) -> None:
    at = {K: 2, i: 1, j: 2, z: [gap, 0]}
    total = sum_over(k, sp.exp(z[k]))
    for statement in (
        sp.Lt(p[i], 1),
        sp.Gt(p[j], 0),
        eq(total - sp.exp(z[i]), 1),
        eq(1 - p[i], p[j]),
        eq(sp.log(total) - sp.log(1 + sp.exp(-z[i])), z[i]),
        sp.Gt(lse, z[i]),
        eq(sp.Derivative(p[i], z[i]), p[i] * p[j]),
    ):
        with pytest.raises(VerificationError, match="false at none"):
            refute("a", statement, at=at)


@pytest.mark.parametrize("gap", [10, 40, 100, 1000, 3000])
def test_false_statements_about_tiny_numbers_are_refuted(gap: int, records: list[Claim]) -> None:
    at = {K: 2, i: 1, j: 2, z: [gap, 0]}
    statements = [eq(1 - p[i], 2 * p[j]), eq(p[j], 0), eq(p[i], 1), sp.Lt(p[j], 0), sp.Gt(p[i], 1)]
    for statement in statements:
        refute("a", statement, at=at)
    assert len(records) == len(statements)


@pytest.mark.parametrize(
    ("statement", "at", "error", "message"),
    [
        (eq(sum_over(k, 1), K), {K: 2.5}, ValueError, "K is assumed to be positive and whole, .* be 5/2"),
        (eq(z[i], z[1]), {K: 2, i: 0, z: [1, 2]}, ValueError, "i is assumed to be positive and whole"),
        (eq(z[i], z[1]), {K: 2, i: 3, z: [1, 2]}, ValueError, "i runs from 1 to K = 2, so it cannot be 3"),
        (
            eq(sum_over(k, z[k]), 1),
            {K: 2, z: [1, 2, 3]},
            ValueError,
            r"z has the shape \(3,\), .* needs \(2,\)",
        ),
        (eq(sum_over(k, z[k]), 1), {K: 3, z: [1, 2]}, ValueError, r"z has the shape \(2,\)"),
        (eq(c, 1), {c: math.nan}, ValueError, "real and finite coordinates, so c cannot be nan"),
        (eq(c, 1), {c: math.inf}, ValueError, "c cannot be inf"),
        (eq(c, 1), {c: 1j}, ValueError, "c cannot be 1j"),
        (eq(t, 1), {t: -1}, ValueError, "t is assumed to be positive, so it cannot be -1"),
        (eq(q[1], 1), {q: [-1]}, ValueError, "q is assumed to be positive"),
        (
            eq(sum_over(k, delta(k, labels[1])), 1),
            {K: 2, labels: [7]},
            ValueError,
            r"labels are classes 1, \.\.\., K = 2, so they cannot be \[7\]",
        ),
        (sp.Ge(sum_over(k, p[k]), 1), {K: 3, z: [0.822, 0.674, -7.322]}, VerificationError, "false at none"),
        (sp.Le(sum_over(k, p[k]), 1), {K: 3, z: [0.822, 0.674, -7.322]}, VerificationError, "false at none"),
        (eq(c, z[1]), {c: 1}, TypeError, r"needs values for \[z\]"),
        (eq(c, z[1]), {z: [1]}, TypeError, r"needs values for \[c\]"),
        (eq(p[i], 2), {K: 1, z: [0]}, TypeError, r"needs values for \[i\]"),
        (sp.Eq(1, 2), {}, TypeError, "SymPy made it False"),
        (False, {}, TypeError, "SymPy made it False"),
        (eq(sp.Derivative(f(x), x), 1), {x: 1}, TypeError, "the function is not defined"),
        (eq(1 / c, 0), {c: 0}, VerificationError, "false at none"),
        (eq(sp.log(c), 0), {c: -1}, VerificationError, "false at none"),
        (eq(sp.log(c), 0), {c: 0}, VerificationError, "false at none"),
    ],
    ids=str,
)
def test_points_that_show_nothing(
    statement: Any, at: dict[Any, Any], error: type[Exception], message: str, records: list[Claim]
) -> None:
    with pytest.raises(error, match=message):
        refute("a", statement, at=at)
    assert not records


def test_a_witness_must_respect_what_is_given(records: list[Claim]) -> None:
    with pytest.raises(VerificationError, match="1 points tried, of which 0 respect the assumptions"):
        refute("a", sp.Lt(p[i], 1), given=K >= 2, at={K: 1, i: 1, z: [0]})
    refute("a", sp.Lt(p[i], 1), at={K: 1, i: 1, z: [0]})
    assert records[0].witness == "$K = 1$, $i = 1$, $z = (0)$, where the sides are $1$ and $1$"
    refute("b", eq(p[i], 1), given=K >= 2)
    assert records[1].assumptions == [r"i \in \{1, \dots, K\}", r"K \geq 2"]
    assert str(records[1].witness).startswith("$K = 2$")


def test_witnesses_may_be_exact_numbers(records: list[Claim]) -> None:
    at = {K: 2, i: 1, z: (sp.log(2), 0)}
    with pytest.raises(VerificationError, match="false at none"):
        refute("a", eq(p[i], sp.Rational(2, 3)), at=at)
    refute("a", eq(p[i], sp.Rational(3, 4)), at=at)
    assert str(records[0].witness).endswith("the sides are $0.66667$ and $0.75$")
    assert check_point(eq(c, 1), {c: np.float64(0.5)})[c] == 0.5
    with mpmath.workdps(30):
        assert check_point(eq(c, 1), {c: sp.Rational(1, 3)})[c] == mpmath.mpf(1) / 3


def test_refute_takes_the_first_false_part(records: list[Claim]) -> None:
    refute("a", [p[i] > 0, p[i] < sp.Rational(1, 4)])
    refute("b", sp.Equivalent(p[i] > p[j], z[i] < z[j]))
    assert "false" in str(records[1].witness)


# --- IDs and records -----------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", ["", "A", "a b", "a_b", "-a", "a-", "a--b", "ä", "a\n"])
def test_ids(bad: str) -> None:
    for verb in (
        lambda: prove(bad, STATEMENT),
        lambda: agree(bad, STATEMENT, softmax, right, points=ROWS, rtol=1e-9),
        lambda: refute(bad, eq(p[i], z[i])),
    ):
        with pytest.raises(ValueError, match="a claim's ID is lower-case words"):
            verb()


KEYS = [
    "id",
    "kind",
    "level",
    "statement",
    "assumptions",
    "points",
    "digits",
    "tolerance",
    "refuted",
    "witness",
    "error",
    "coq",
]


def test_a_theorem_in_a_notebook() -> None:
    cells = [
        "import sympy as sp\nfrom xentlib.proof import *\ns = sp.Eq(sum_over(k, p[k]), 1)\n"
        "theorem('sum', 'The sum is $1$', r'For all $z \\in \\mathbb{R}^K$,')\n"
        "prove('one', s)\n"
        "say('and **no** more.')",
        "check = lambda name: agree(name, s, lambda v: 1.0, lambda v: 1, points=[[0.0]], rtol=1e-15)\n"
        "check('two')\ncheck('two')",
        "prove('one', s)\nprove('other', s)",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(book, kernel_name="python3", timeout=60).execute()
    first, second, third = (cell["outputs"] for cell in book["cells"])
    head, statement, words = first
    record = {"id": "sum", "title": "The sum is $1$", "words": r"For all $z \in \mathbb{R}^K$,"}
    assert head["metadata"] == {"theorem": record}
    assert head["data"]["text/markdown"] == r"**Theorem: The sum is $1$.** For all $z \in \mathbb{R}^K$,"
    assert words["metadata"] == {"words": True}
    assert words["data"]["text/markdown"] == "and **no** more."
    assert statement["data"]["text/markdown"].startswith("$$\n")
    # An agreement does not display again what a proof displayed, however often its cell is run; a proof does.
    for output in second:
        assert output["data"]["text/markdown"].startswith("✓ `two`: two computations agree at 1 point (")
        assert output["data"]["text/markdown"].endswith("; the statement is that of `one`")
    assert all(output["data"]["text/markdown"].startswith("$$\n") for output in third)


def test_a_theorem_has_a_name_of_the_form_of_a_claim() -> None:
    with pytest.raises(ValueError, match="lower-case words"):
        theorem("The sum", "The sum", "For all logits,")


def test_records_in_a_notebook() -> None:
    setup = (
        "import sympy as sp\n"
        "from xentlib import softmax\n"
        "from xentlib.proof import *\n"
        "s = sp.Eq(sum_over(k, p[k]), 1)\n"
    )
    cells = [
        setup + "print('before')\nprove('one', s)\nprint('after')",
        "other = sp.Eq(1, sum_over(k, p[k]))\n"
        "agree('two', other, lambda v: softmax(v).sum(), lambda v: 1.0, points=[[0.0, 1.0]], rtol=1e-15)",
        "refute('three', sp.Eq(p[i], z[i]))\n1 + 1",
        "derive(sp.Derivative(lse, z[j]), p[j])",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(book, kernel_name="python3", timeout=60).execute()
    first, second, third, fourth = (cell["outputs"] for cell in book["cells"])
    assert [output["output_type"] for output in first] == ["stream", "display_data", "stream"]
    for outputs, name, kind in (
        (first[1:2], "one", "proof"),
        (second, "two", "agreement"),
        (third[:1], "three", "refutation"),
    ):
        (output,) = outputs
        assert set(output["data"]) == {"text/plain", "text/markdown"}
        claim = output["metadata"]["claim"]
        assert list(claim) == KEYS
        assert (claim["id"], claim["kind"]) == (name, kind)
        assert json.loads(json.dumps(claim)) == claim
        assert output["data"]["text/markdown"].startswith(f"$$\n{claim['statement']}\n$$\n\n")
        assert f"`{name}`" in output["data"]["text/markdown"]
        assert "the statement is that of" not in output["data"]["text/markdown"]
    assert first[1]["data"]["text/plain"].splitlines() == [
        "✓ one: proved for every K",
        "Eq(Sum(p[k], (k, 1, K)), 1)",
    ]
    (shown,) = fourth
    assert "claim" not in shown["metadata"]
    assert shown["data"]["text/markdown"] == (
        "$$\n\\begin{aligned}\n\\frac{\\partial A}{\\partial z_{j}} &= p_{j}\n\\end{aligned}\n$$"
    )


def test_without_ipython_the_result_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = "✓ a: proved for every K\nEq(Sum(p[k], (k, 1, K)), 1)\n"
    prove("a", STATEMENT)
    assert capsys.readouterr().out == expected
    monkeypatch.setitem(sys.modules, "IPython.display", None)
    prove("a", STATEMENT)
    assert capsys.readouterr().out == expected


# --- Alterations -----------------------------------------------------------------------------------------


def test_alterations_of_a_sum_and_of_a_derivative() -> None:
    found = [(kind, str(altered)) for kind, altered in mutations(MAIN["jacobian"][0])]
    assert ("term dropped", "Eq(Derivative(p[i], z[j]), -p[i]*p[j])") in found
    assert ("indices swapped", str(eq(sp.Derivative(p[i], z[j]), p[i] * (delta(i, j) - p[i])))) in found
    assert ("index changed", str(eq(sp.Derivative(p[i], z[j]), p[j] * (delta(i, j) - p[j])))) in found
    assert ("indices swapped", "Eq(Derivative(p[j], z[i]), (-p[j] + KroneckerDelta(i, j))*p[i])") in found
    assert len(found) == len(set(found))
    assert MAIN["jacobian"][0] not in [altered for _, altered in mutations(MAIN["jacobian"][0])]


@pytest.mark.parametrize(
    ("statement", "alterations"),
    [
        (
            eq(sp.exp(z[i]), y[j]),
            {
                "sign flipped: Eq(-exp(z[i]), y[j])",
                "factor of two: Eq(2*exp(z[i]), y[j])",
                "index changed: Eq(exp(z[j]), y[j])",
                "sign flipped: Eq(exp(-z[i]), y[j])",
                "factor of two: Eq(exp(2*z[i]), y[j])",
                "sign flipped: Eq(exp(z[i]), -y[j])",
                "factor of two: Eq(exp(z[i]), 2*y[j])",
                "index changed: Eq(exp(z[i]), y[i])",
            },
        ),
        (
            eq(sum_over(k, y[k]) + z[1], 3),
            {
                "sign flipped: Eq(-z[1] - Sum(y[k], (k, 1, K)), 3)",
                "factor of two: Eq(2*z[1] + 2*Sum(y[k], (k, 1, K)), 3)",
                "sign flipped: Eq(-z[1] + Sum(y[k], (k, 1, K)), 3)",
                "factor of two: Eq(2*z[1] + Sum(y[k], (k, 1, K)), 3)",
                "term dropped: Eq(Sum(y[k], (k, 1, K)), 3)",
                "sign flipped: Eq(z[1] - Sum(y[k], (k, 1, K)), 3)",
                "factor of two: Eq(z[1] + 2*Sum(y[k], (k, 1, K)), 3)",
                "term dropped: Eq(z[1], 3)",
                "first term left out: Eq(z[1] + Sum(y[k], (k, 2, K)), 3)",
                "sign flipped: Eq(z[1] + Sum(y[k], (k, 1, K)), -3)",
                "factor of two: Eq(z[1] + Sum(y[k], (k, 1, K)), 6)",
                "off by one: Eq(z[1] + Sum(y[k], (k, 1, K)), 4)",
            },
        ),
        (
            eq(product_over(n, X[n]), y[1]),
            {
                "sign flipped: Eq(-Product(X[n], (n, 1, N)), y[1])",
                "factor of two: Eq(2*Product(X[n], (n, 1, N)), y[1])",
                "first factor left out: Eq(Product(X[n], (n, 2, N)), y[1])",
                "sign flipped: Eq(Product(X[n], (n, 1, N)), -y[1])",
                "factor of two: Eq(Product(X[n], (n, 1, N)), 2*y[1])",
            },
        ),
        (
            sp.Ge(z[1], y[1], evaluate=False),
            {
                "reversed: z[1] <= y[1]",
                "bound tightened: -y[1] + z[1] > 1/8",
                "sign flipped: -z[1] >= y[1]",
                "factor of two: 2*z[1] >= y[1]",
                "sign flipped: z[1] >= -y[1]",
                "factor of two: z[1] >= 2*y[1]",
            },
        ),
        (
            sp.Equivalent(sp.Gt(z[1], z[2]), sp.Lt(y[1], y[2]), evaluate=False),
            {
                f"{kind}: {sp.Equivalent(one, other, evaluate=False)}"
                for kind, one, other in (
                    ("reversed", sp.Lt(z[1], z[2]), sp.Lt(y[1], y[2])),
                    ("sign flipped", sp.Gt(-z[1], z[2]), sp.Lt(y[1], y[2])),
                    ("factor of two", sp.Gt(2 * z[1], z[2]), sp.Lt(y[1], y[2])),
                    ("sign flipped", sp.Gt(z[1], -z[2]), sp.Lt(y[1], y[2])),
                    ("factor of two", sp.Gt(z[1], 2 * z[2]), sp.Lt(y[1], y[2])),
                    ("reversed", sp.Gt(z[1], z[2]), sp.Gt(y[1], y[2])),
                    ("sign flipped", sp.Gt(z[1], z[2]), sp.Lt(-y[1], y[2])),
                    ("factor of two", sp.Gt(z[1], z[2]), sp.Lt(2 * y[1], y[2])),
                    ("sign flipped", sp.Gt(z[1], z[2]), sp.Lt(y[1], -y[2])),
                    ("factor of two", sp.Gt(z[1], z[2]), sp.Lt(y[1], 2 * y[2])),
                )
            },
        ),
        (
            sp.And(sp.Eq(z[1], y[1]), sp.Gt(z[2], y[2]), evaluate=False),
            {
                "sign flipped: Eq(-z[1], y[1])",
                "factor of two: Eq(2*z[1], y[1])",
                "sign flipped: Eq(z[1], -y[1])",
                "factor of two: Eq(z[1], 2*y[1])",
                "reversed: z[2] < y[2]",
                "bound tightened: -y[2] + z[2] > 1/8",
            },
        ),
    ],
    ids=["an exponential", "a sum", "a product", "an inequality", "an equivalence", "a list"],
)
def test_every_alteration(statement: Any, alterations: set[str]) -> None:
    assert {f"{kind}: {altered}" for kind, altered in mutations(statement)} == alterations


def test_alterations_are_statements() -> None:
    """Dropping the 1 of 1/(1 - 1 + c) leaves sense; what divides by zero is left out."""
    for _, altered in mutations(eq(1 / (1 + c), p[i] + 1 / sp.Add(c, -1))):
        assert altered.args
        assert not altered.has(sp.zoo, sp.nan)
    kinds = [kind for kind, _ in mutations(eq(sp.Add(1, 1, evaluate=False) ** -1, c))]
    assert "sign flipped" in kinds


def test_most_alterations_of_the_main_statements_are_false_somewhere() -> None:
    for statement, options, *_ in MAIN.values():
        given = options.get("given", ())
        given = given if isinstance(given, tuple) else (given,)
        found = [counterexample(altered, Given(given), {}) for _, altered in mutations(_one(statement))]
        assert sum(witness is not None for witness in found) >= 0.8 * len(found)


def test_the_evaluator_is_independent_of_the_algebra() -> None:
    """The numbers of a derivative come from differences, so a wrong rule of SymPy's would show."""
    with mpmath.workdps(40):
        at = {K: 3, i: 1, j: 2, z: [mpmath.mpf(a) for a in (1, 2, 3)]}
        slope = evaluate(sp.Derivative(p[i], z[j]), at)
        assert mpmath.almosteq(slope, -evaluate(p[i], at) * evaluate(p[j], at), rel_eps=mpmath.mpf(10) ** -35)


def test_agree_refuses_to_show_a_false_statement():
    wrong = sp.Eq(p[i], 7)
    with pytest.raises(VerificationError, match=r"Eq\(p\[i\], 7\) is false at K = 1, i = 1"):
        agree("seven", wrong, softmax, entries(p[i], i), points=[[0.0, 1.0]], rtol=1e-14)


def test_the_line_of_a_proof_says_for_which_sizes(capsys):
    prove("range", [p[i] > 0, p[i] < 1], given=K >= 2)
    assert "range: proved for every K ≥ 2\n" in capsys.readouterr().out


# --- Certificates, distinct numbers, labels, products ----------------------------------------------------

GIBBS = sum_over(k, p[k] * sp.log(p[k])) - sum_over(k, p[k] * sp.log(q[k]))
GAPS = sum_over(k, p[k] * (q[k] / p[k] - 1 - sp.log(q[k] / p[k])))
SUMS = [eq(sum_over(k, q[k]), 1)]
SPREAD = K * sum_over(k, z[k] ** 2) - sum_over(k, z[k]) ** 2
SQUARES = sum_over(k, sum_over(l, (z[k] - z[l]) ** 2)) / 2


@pytest.mark.parametrize(
    ("statement", "options"),
    [
        (GIBBS >= 0, {"given": SUMS, "certificate": GAPS}),
        (sp.Le(0, GIBBS), {"given": SUMS, "certificate": GAPS}),
        (GIBBS > 0, {"given": [*SUMS, sp.Ne(p[i], q[i])], "certificate": GAPS}),
        (SPREAD >= 0, {"certificate": SQUARES}),
        (SPREAD > 0, {"given": sp.Ne(z[i], z[j]), "certificate": SQUARES}),
        (SPREAD >= 0, {"certificate": SQUARES, "sizes": {K: 2}}),
        ([p[i] >= 0, p[i] <= 1], {}),
        (-sp.log(p[i]) > 0, {"given": K >= 2}),
    ],
    ids=str,
)
def test_inequalities_with_a_certificate(statement: Any, options: Any, records: list[Claim]) -> None:
    prove("a", statement, **options)
    assert records[0].refuted


@pytest.mark.parametrize(
    ("statement", "options", "reason"),
    [
        (GIBBS >= 0, {"given": SUMS, "certificate": 2 * GAPS}, "greater side - smaller side - "),
        (GIBBS >= 0, {"given": SUMS, "certificate": -GAPS}, "greater side - smaller side - "),
        # If q sums to more.
        (GIBBS >= 0, {"certificate": GAPS}, "greater side - smaller side - .*; false at"),
        (
            GIBBS >= 0,
            {"given": SUMS, "certificate": sum_over(k, p[k] * (q[k] / p[k] - sp.log(q[k] / p[k])))},
            "greater side - smaller side - ",
        ),
        (GIBBS >= 0, {"given": SUMS, "certificate": GIBBS}, "no proof that .* is not negative"),
        (GIBBS > 0, {"given": SUMS, "certificate": GAPS}, "no proof that .* is positive; false at K = 1"),
        (GIBBS > 0, {"given": [*SUMS, sp.Ne(p[i], q[j])], "certificate": GAPS}, "no proof that .* positive"),
        (-GIBBS >= 0, {"given": SUMS, "certificate": -GAPS}, "no proof that .* is not negative; false at"),
        (SPREAD >= 0, {"certificate": SQUARES * 2}, "greater side - smaller side - "),
        (SPREAD >= 0, {"certificate": SQUARES - z[i] ** 2}, "greater side - smaller side - "),
        (SPREAD > 0, {"certificate": SQUARES}, "no proof that .* is positive; false at K = 1"),
        # If all are equal.
        (SPREAD > 0, {"given": K >= 2, "certificate": SQUARES}, "no proof that .* is positive"),
        (SPREAD >= 0, {"certificate": 2 * SQUARES, "sizes": {K: 2}}, "greater side - smaller side - "),
        ([SPREAD >= 0, 2 * SPREAD >= 0], {"certificate": SQUARES}, "greater side - smaller side - "),
        (sp.Gt(sp.Sum(sp.exp(z[k]), (k, 3, K)), 0), {"given": K >= 2}, "no proof .*; false at K = 2"),
    ],
    ids=str,
)  # fmt: skip
def test_a_certificate_that_is_slightly_wrong_is_rejected(
    statement: Any, options: Any, reason: str, records: list[Claim]
) -> None:
    with pytest.raises(VerificationError, match=f"^a is not proved: {reason}"):
        prove("a", statement, **options)
    assert not records


def test_what_holds_both_ways_is_an_equation_and_no_inequality() -> None:
    for statement in (sp.Ge(sum_over(k, p[k]), 1), [sum_over(k, p[k]) <= 1, p[i] > 0]):
        with pytest.raises(VerificationError, match=r"the alteration 'reversed', .* cannot be refuted"):
            prove("a", statement)


def test_alterations_of_weak_inequalities_may_be_true() -> None:
    kinds = Counter(kind for kind, _ in mutations(SPREAD >= 0))
    assert kinds["reversed"] == kinds["bound tightened"] == 1
    assert {"sign flipped", "factor of two", "first term left out", "off by one"} <= kinds.keys()
    assert str(dict(mutations(p[i] <= 1))["reversed"]) == "p[i] >= 1"


@pytest.mark.parametrize(
    ("statement", "options"),
    [
        (eq(sum_over(n, sum_over(k, delta(k, labels[n]) * X[n, k])), sum_over(n, X[n, labels[n]])), {}),
        (
            eq(sum_over(k, sum_over(n, delta(k, labels[n])) * z[k]), sum_over(n, z[labels[n]])), {},
        ),
        (eq(sp.Derivative(-sp.log(p[n, labels[n]]), z[n, j]), p[n, j] - delta(j, labels[n])), {}),
        (
            eq(sp.log(product_over(n, p[n, labels[n]])), sum_over(n, sp.log(p[n, labels[n]]))),
            {"induction": N},
        ),
        (eq(product_over(n, q[n]) ** 2, product_over(n, q[n] ** 2)), {}),
        (
            sp.Equivalent(
                product_over(n, p[n, labels[n]]) < product_over(n, q[n, labels[n]]),
                -sum_over(n, sp.log(q[n, labels[n]])) / N < -sum_over(n, sp.log(p[n, labels[n]])) / N,
            ),
            {"increasing": sp.log},
        ),
    ],
    ids=str,
)  # fmt: skip
def test_labels_and_products(statement: Any, options: Any, records: list[Claim]) -> None:
    prove("a", statement, **options)
    assert records[0].refuted


@pytest.mark.parametrize(
    ("statement", "options"),
    [
        (eq(sum_over(n, sum_over(m, delta(labels[n], labels[m]))), N), {}),  # only if all differ
        (eq(delta(labels[n], labels[m]), delta(n, m)), {}),
        (eq(sum_over(m, delta(m, labels[n])), 1), {}),  # labels are classes, not samples
        (eq(sum_over(n, delta(k, labels[n])), N), {}),
        (eq(sum_over(k, sum_over(n, delta(k, labels[n])) ** 2), N), {}),
        (
            eq(sp.log(product_over(n, p[n, labels[n]])), 2 * sum_over(n, sp.log(p[n, labels[n]]))),
            {"induction": N},
        ),
        (eq(product_over(n, q[n] + 1), product_over(n, q[n]) + 1), {}),
        (sp.Equivalent(z[i] > z[j], sp.log(sp.Abs(z[i])) > sp.log(sp.Abs(z[j]))), {"increasing": sp.log}),
    ],
    ids=str,
)
def test_false_statements_about_labels_and_products(statement: Any, options: Any) -> None:
    with pytest.raises(VerificationError, match=r"^a is not proved: .*; false at"):
        prove("a", statement, **options)


def test_a_logarithm_of_what_may_be_negative_leads_to_no_equivalence() -> None:
    with pytest.raises(VerificationError, match="log is not shown to be increasing"):
        prove("a", sp.Equivalent(z[i] > z[j], sp.log(z[i]) > sp.log(z[j])), increasing=sp.log)
    with pytest.raises(ValueError, match="products of positive factors only"):
        prove("a", eq(product_over(n, y[n]) ** 2, product_over(n, y[n] ** 2)))


def test_an_inequality_between_products_is_refuted_by_numbers(records: list[Claim]) -> None:
    refute("a", product_over(n, q[n]) > sum_over(n, q[n]))
    refute("b", sp.Ge(sum_over(k, (z[k] - z[l]) ** 2), 1), given=sp.Ne(z[i], z[l]))
    assert len(records) == 2
    with pytest.raises(VerificationError, match="false at none"):
        refute("c", sp.Gt(sum_over(k, (z[k] - z[l]) ** 2), 0), given=sp.Ne(z[i], z[l]))
