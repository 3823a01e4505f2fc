"""A fuzz where statements are decided case by case: what is proved is true on the surfaces of the cases, too.

Statements are drawn with kinks inside and around sums, with sums put into sums, with assumptions and with
certificates; what the core accepts is computed at small whole numbers, where much is equal that else would
differ, and at the places where something bends or jumps.

    python tests/proof/test_surfaces.py 3600

goes on for as many seconds.
"""

from __future__ import annotations

import sys
import time
from random import Random
from typing import Any

import mpmath
import pytest
import sympy as sp
from deep import seeds
from sympy import Abs, Max, Min, Piecewise, Rational, exp, log, sign

from xentlib.proof import K, Quantity, delta, i, j, k, l, named, p, s, sum_over, v, z
from xentlib.proof._certificates import why_not_even
from xentlib.proof._sampling import points
from xentlib.proof._trying import counterexample
from xentlib.proof._witness import holds
from xentlib.proof.core.problem import Key, Problem, VerificationError, read
from xentlib.proof.core.signs import is_nonnegative, is_positive

a, b = sp.symbols("a b", real=True)
u = sp.Symbol("u", positive=True)
q = sp.IndexedBase("q", positive=True)
TINY = Rational(1, 1024)
NUMBERS = [a, b, s, u, z[i], z[j], v[i], q[i], p[i], p[j], Rational(1, 2), sp.Integer(2), sp.Integer(-1), K]


def part(random: Random, depth: int) -> Any:
    """Return a random expression."""
    if depth == 0:
        return random.choice(NUMBERS)
    one, two, index = part(random, depth - 1), part(random, depth - 1), random.choice([k, l])
    free = random.choice([a, s, z[i], v[j]])
    return random.choice(
        [
            lambda: one + two, lambda: one - two, lambda: one * two, lambda: one**2, lambda: -one,
            lambda: exp(one), lambda: log(1 + exp(one)), lambda: 1 / (1 + exp(one)), lambda: log(1 + one**2),
            lambda: Abs(one), lambda: Max(one, two), lambda: Min(one, two), lambda: sign(one),
            lambda: Piecewise((one, sp.Eq(free, sum_over(index, v[index]) + TINY)), (two, True)),
            lambda: Piecewise((one, free <= two), (one + free - two, True)),
            lambda: Piecewise((one, sp.Eq(i, j)), (two, True)), lambda: delta(i, j) * one,
            lambda: sum_over(index, z[index] * one), lambda: sum_over(index, p[index] * one) ** 2,
            lambda: sum_over(index, delta(index, i) * one * z[index]),
            lambda: sum_over(k, sum_over(l, one * (z[k] - z[l]) ** 2)),
            lambda: sum_over(index, q[index] * log(q[index] / p[index])),
            lambda: sum_over(index, exp(z[index] - one)),
            lambda: sum_over(index, Quantity("g", lambda m: one * z[m] - sum_over(k, v[k] * p[m]))[index]),
            lambda: named("h", sum_over(k, p[k] * one)), lambda: sp.Subs(a * one + a**2, a, two),
        ]
    )()  # fmt: skip


def otherwise(random: Random, expr: Any) -> Any:
    """Return what is often, but not always, the same."""
    extra = random.choice(
        [TINY, delta(i, j), sign(a) ** 2 - 1, Piecewise((1, sp.Eq(a, s)), (0, True)), z[i] - z[j]]
    )
    return random.choice(
        [
            lambda: sp.expand(expr), lambda: expr.subs(i, j), lambda: expr.subs(a, s), lambda: expr + extra,
            lambda: expr.replace(Abs, lambda x: x * sign(x)), lambda: expr.replace(Abs, lambda x: x),
            lambda: expr.replace(Max, lambda *x: x[0]), lambda: sp.factor(expr), lambda: expr + extra - extra,
            lambda: expr.replace(Max, lambda *x: (x[0] + x[-1] + Abs(x[0] - x[-1])) / 2),
            lambda: expr * sum_over(l, p[l]), lambda: expr + (a - s) * extra,
            lambda: expr * (1 + delta(i, j)) / 2,
        ]
    )()  # fmt: skip


def statement(random: Random) -> tuple[Any, Any, Any]:
    """Return a statement, what is given, and a certificate."""
    expr = part(random, random.choice([1, 1, 2]))
    given = random.choice(
        [
            (), (), (), sp.Ne(i, j), sp.Ne(z[i], z[j]), sp.Ne(a, s), K >= 2,
            sp.Eq(a, s + sum_over(k, v[k])), sp.Eq(sum_over(k, q[k]), 1),
        ]
    )  # fmt: skip
    kind = random.randrange(4)
    if kind == 0:
        return sp.Eq(expr, otherwise(random, expr), evaluate=False), given, None
    relation = random.choice([sp.Ge, sp.Gt, sp.Le, sp.Lt])
    other = random.choice([sp.Integer(0), sp.Integer(1), part(random, 1), otherwise(random, expr)])
    certificate = None if kind < 3 else otherwise(random, expr - other)
    return relation(expr, other, evaluate=False), given, certificate


def proved(seed: int) -> Problem | None:
    """Return what the core accepts of a random statement."""
    try:
        claim, given, certificate = statement(Random(seed))
        problem = read(claim, given, key=Key(certificate))
        return problem if why_not_even(problem) is None else None
    except (TypeError, ValueError, VerificationError, ZeroDivisionError):
        return None


def false_at(problem: Problem, seed: int) -> Any:
    """Return a point at which a statement is false, None if none was found."""
    try:
        found = counterexample(problem.statement, problem.given, {}, patience=2)
    except (TypeError, ValueError, VerificationError, ArithmeticError):
        return None
    # The whole numbers that are put in below heed nothing that is given.
    if found is not None or problem.given.rules or problem.given.distinct:
        return found
    random = Random(seed)
    for point in points(problem.statement, problem.given, {}, seed):
        for number in point:
            if number in (a, s, b):
                point[number] = mpmath.mpf(random.randint(-1, 1))
        if holds(problem.statement, point, problem.given) is False:
            return point
    return None


@pytest.mark.parametrize("seed", seeds(60, 600))
def test_what_is_proved_is_true_on_the_surfaces(seed: int) -> None:
    problem = proved(seed)
    assert problem is None or false_at(problem, seed) is None, problem


def check_sign(seed: int) -> None:
    """Raise if the sign that an expression is shown to have is not the one that it has at some point."""
    random = Random(seed)
    expr = part(random, random.choice([1, 1, 2]))
    try:
        shown = sp.Gt if is_positive(expr) else sp.Ge if is_nonnegative(expr) else None
    except (TypeError, ValueError, NotImplementedError, RecursionError):
        return
    if shown is not None:
        claim = shown(expr, 0, evaluate=False)
        assert false_at(read(claim, provable=False), seed) is None, claim


@pytest.mark.parametrize("seed", seeds(60, 600))
def test_what_has_a_sign_has_it_at_whole_numbers(seed: int) -> None:
    check_sign(seed)


def test_a_case_that_is_decided_ends_the_search() -> None:
    """Once the name of the array was taken for the number that turns, without end."""
    inner = Piecewise((-1, s <= z[i]), (s - z[i] - 1, True))
    assert not is_positive(Piecewise((inner, a <= s**2), (a + inner - s**2, True)))


def test_much_is_proved() -> None:
    """Else the fuzz would show nothing."""
    assert sum(proved(seed) is not None for seed in range(60)) >= 5


FALSE = [
    sp.Eq(Piecewise((sum_over(k, log(1 + s**2 * (z[k] - z[i]) ** 2)), sp.Eq(s, a + TINY)), (0, True)), 0),
    sp.Eq(Abs(a - 3), a - 3 + Piecewise((1, sp.Eq(a, 3)), (0, True))),
    sp.Ne(Piecewise((1, sp.Eq(z[i], s + TINY)), (0, True)), 1),
    sp.Ge(sign(a - sum_over(k, v[k])) ** 2, 1),
]


@pytest.mark.parametrize("claim", FALSE, ids=str)
def test_numbers_see_what_is_false_on_a_surface_alone(claim: Any) -> None:
    assert counterexample(claim, read(claim, provable=False).given, {}) is not None


if __name__ == "__main__":
    seconds, first = float(sys.argv[1]), int(sys.argv[2]) if sys.argv[2:] else 10**6
    end, seed, accepted = time.monotonic() + seconds, first, 0
    while time.monotonic() < end:
        problem = proved(seed)
        accepted += problem is not None
        witness = problem and false_at(problem, seed)
        if witness:
            print(f"seed {seed}: {problem} is false at {witness}", flush=True)
        try:
            check_sign(seed)
        except AssertionError as error:
            print(f"seed {seed}: {error}", flush=True)
        seed += 1
    print(f"{seed - first} statements drawn, {accepted} proved")
