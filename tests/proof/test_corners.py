"""What is met seldom: numbers that cannot be told, and statements that stop the algebra half-way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest import mock

import mpmath
import pytest
import sympy as sp
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from sympy import Derivative, Function, Max, Rational, Subs, Symbol, exp, log, sqrt
from traitlets.config import Config

from xentlib.proof import (
    K,
    VerificationError,
    delta,
    derive,
    i,
    j,
    k,
    n,
    named,
    p,
    prove,
    refute,
    s,
    say,
    sum_over,
    t,
    theorem,
    to_latex,
    y,
    z,
)
from xentlib.proof._evaluation import Arbitrary, evaluate, surely
from xentlib.proof._sampling import points
from xentlib.proof.core.algebra import residual
from xentlib.proof.core.problem import NOTHING, Given, read
from xentlib.proof.core.unfold import substitute

a, b = sp.symbols("a b", real=True)
f = Function("f", real=True)
whole = Symbol("r", integer=True)


def eq(left: Any, right: Any) -> Any:
    return sp.Eq(left, right, evaluate=False)


def greater(left: Any, right: Any) -> Any:
    return sp.Gt(left, right, evaluate=False)


# --- what intervals can tell -----------------------------------------------------------------------------

# By rounding it is not quite 1.
ONE = (sqrt(2) * a + 1) ** 2 - 2 * a**2 - 2 * sqrt(2) * a


@pytest.mark.parametrize(
    ("statement", "at", "told"),
    [
        (greater(sp.pi * a, 3), {a: 1}, True),
        (greater(sp.pi * a, Rational(22, 7)), {a: 1}, False),
        (greater(log(a - 1), 0), {a: 1}, None),
        (greater(log(a - 2), 0), {a: 1}, None),
        (greater(1 / (a - 1), 0), {a: 1}, None),
        (greater((a - 1) ** -2, 0), {a: 1}, None),
        (greater(a ** (10**13), 0), {a: 2}, None),
        (greater(b**ONE, 0), {a: 1, b: -1}, None),
        (greater(b ** (a + 2), 0), {a: 1, b: -1}, False),
    ],
    ids=["pi", "not pi", "log 0", "log of -1", "1/0", "0 to the -2", "too large", "(-1)^1.0", "(-1)^3"],
)
def test_intervals_tell_or_do_not(statement: Any, at: dict[Any, Any], told: bool | None) -> None:
    assert surely(statement, at) is told


def test_a_function_without_a_formula_is_asked_for_its_values_alone() -> None:
    some = Arbitrary(lambda place: mpmath.mpf(2), 1)
    assert evaluate(f(a), {a: 1, f: some}) == 2
    with pytest.raises(ArithmeticError, match="nothing is known of how this function changes"):
        evaluate(Derivative(f(a), a), {a: 1, f: some})
    assert evaluate(f(a) + 1, {a: 1, f(a): mpmath.mpf(3)}) == 4


def test_a_derivative_is_taken_a_given_number_of_times() -> None:
    with pytest.raises(ValueError, match="a given number of times"):
        evaluate(Derivative(a**2, (a, n)), {a: 1, n: 1})


# --- points ----------------------------------------------------------------------------------------------


def test_a_surface_that_has_no_point_is_passed_over() -> None:
    statement = eq(Max(a, log(b)), log(b))
    found = list(points(statement, NOTHING, {}))
    assert found
    assert all(values.keys() == {a, b} for values in found)
    # Where b is positive the surface is met.
    assert any(values[b] > 0 and abs(values[a] - mpmath.log(values[b])) < 1e-20 for values in found)


def test_what_is_given_may_have_no_value_at_a_point() -> None:
    found = list(points(eq(y[1], 1), Given((eq(y[1], 1 / a),)), {}))
    assert found
    assert all(values[a] != 0 for values in found)


def test_few_points_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    prove("a", eq(sum_over(k, k), 3), sizes={K: 2})
    assert "tried at 1 point, all that there are" in capsys.readouterr().out


def test_of_the_places_of_long_arrays_some_are_drawn() -> None:
    slope = eq(Derivative(p[i], z[j]), p[i] * (delta(i, j) - p[j]))
    found = list(points(slope, Given((K >= 50,)), {}))
    assert 100 <= len(found) <= 300
    assert len({(values[i], values[j]) for values in found}) > 90
    assert min(values[K] for values in found) >= 50


def test_a_point_is_not_too_far_away_to_compute_at() -> None:
    with pytest.raises(ValueError, match="it would take 2000030 digits"):
        refute("a", sp.Lt(exp(s), 5, evaluate=False), at={s: 10**6})
    refute("a", sp.Lt(exp(s), 5, evaluate=False), at={s: 1000})


# --- names -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (sp.EulerGamma, "looks like a variable, but is a number"),
        (Symbol("g(t)", real=True), "like the value of a function"),
        (Symbol(r"a_{\mathrm{n}}", real=True), "as if it changed with the index n"),
        (Symbol(r"a_{\bar{n}}", real=True), "as if it changed with the index n"),
        (Symbol(r"\operatorname{u v}", real=True), "looks like two names"),
        (Symbol(r"\mathrm{u\,v}", real=True), "looks like two names"),
    ],
    ids=str,
)
def test_names_that_look_like_other_things(thing: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        prove("a", eq((a + thing) ** 2, a**2 + 2 * a * thing + thing**2))


def test_words_stand_for_themselves() -> None:
    name = Symbol(r"a_{\mathrm{max}}", real=True)
    prove("a", eq((b + name) ** 2, b**2 + 2 * b * name + name**2))


# --- what is decided -------------------------------------------------------------------------------------


def test_whole_numbers_are_assumed_so(capsys: pytest.CaptureFixture[str]) -> None:
    prove("a", eq((a + whole) ** 2, a**2 + 2 * a * whole + whole**2))
    assert "where Contains(r, Integers)" in capsys.readouterr().out


def test_what_stops_sympy_is_told() -> None:
    with (
        mock.patch("xentlib.proof.core.decide.residual", side_effect=NotImplementedError("no algorithm")),
        pytest.raises(VerificationError, match="SymPy stops at it: NotImplementedError, no algorithm"),
    ):
        prove("a", eq((a + 1) ** 2, a**2 + 2 * a + 1))


def test_a_step_that_is_not_seen_to_be_false_does_not_follow_either() -> None:
    nested = sqrt(5 + 2 * sqrt(6))
    with pytest.raises(VerificationError, match="does not follow from") as told:
        derive(a * nested, a * (sqrt(2) + sqrt(3)), (sqrt(2) + sqrt(3)) * a)
    assert "differ at" not in str(told.value)


def test_bounds_of_two_ranges_are_not_guessed() -> None:
    with pytest.raises(VerificationError, match="false at"):
        prove("a", sp.Ge(sum_over(k, z[k]) + sum_over(n, y[n]), 0, evaluate=False))


def test_a_delta_picks_from_a_case() -> None:
    """Once without end: SymPy puts the delta back into the case."""
    total = sum_over(k, sp.Piecewise((z[k] * delta(k, i), z[k] > 0), (0, True)))
    assert residual(total - sp.Piecewise((z[i], z[i] > 0), (0, True))) == 0
    assert residual(total - sp.Piecewise((z[j], z[j] > 0), (0, True))) != 0


def test_a_rule_that_cannot_be_solved_replaces_what_it_names() -> None:
    rule = eq(z[1] * z[2] + y[1] * y[2], 0)
    assert residual(z[1] * z[2] + y[1] * y[2], Given((rule,))) == 0
    assert residual(z[1] * z[2] - y[1] * y[2], Given((rule,))) != 0


def test_no_power_with_an_exponent_that_may_not_be_real_is_taken_apart() -> None:
    power = (exp(a) * exp(b)) ** log(z[1])
    assert residual(power - power) == 0
    assert residual((s * t) ** log(z[1]) - s ** log(z[1]) * t ** log(z[1])) != 0


@pytest.mark.parametrize("large", [3, 10])
def test_what_sizes_are_at_least_counts_for_signs(large: int) -> None:
    prove("a", sp.Ge(K * a**2, large * a**2, evaluate=False), given=large <= K)
    with pytest.raises(VerificationError):
        prove("a", sp.Ge(K * a**2, (large + 1) * a**2, evaluate=False), given=large <= K)
    prove("a", greater(K**2, K), given=large <= K)
    with pytest.raises(VerificationError):
        prove("a", greater(K**2, large * K), given=large <= K)


def test_a_bound_of_a_size_is_not_taken_for_the_end_of_a_sum() -> None:
    # There are K terms, K and not its excess.
    with pytest.raises(VerificationError):
        prove("a", sp.Ge(K - sum_over(k, 1), 1, evaluate=False), given=K >= 2)
    with pytest.raises(VerificationError):
        prove("a", greater(sum_over(k, a**2), K * a**2), given=K >= 2)


@pytest.mark.parametrize("statement", [K >= 2, K > 1, 2 * K >= 3])
def test_that_a_size_is_large_is_no_result(statement: Any) -> None:
    with pytest.raises(VerificationError, match="nothing to prove"):
        prove("a", statement, given=K >= 2)


@pytest.mark.parametrize("place", [b, z[i]], ids=str)
def test_the_search_for_a_certificate_ends(place: Any) -> None:
    """Once it went on for ever where a quantity stands in a value at a place."""
    with pytest.raises(VerificationError, match="is not proved"):
        prove("a", sp.Ge(Subs(named("h", a**2) + b, a, place), 0, evaluate=False))


def test_what_stops_the_search_for_a_certificate_is_no_proof() -> None:
    with (
        mock.patch("xentlib.proof._certificates.certificates", side_effect=RecursionError),
        pytest.raises(VerificationError, match="is not proved"),
    ):
        prove("a", sp.Ge(a, b, evaluate=False))


# --- what is put into what -------------------------------------------------------------------------------


def test_a_number_put_in_is_not_caught_by_the_place_that_it_is_put_into() -> None:
    slope = Subs(Derivative(f(a * t), t), t, 1)
    moved = substitute(slope, {a: t})
    assert moved.doit() == Subs(Derivative(f(a * s), s), s, 1).subs(a, t).doit()
    assert t in moved.free_symbols


def test_two_variables_of_a_derivative_stay_two() -> None:
    with pytest.raises(ValueError, match="there is b already, which cannot stand for a too"):
        substitute(Derivative(f(a, b), a), {a: b})


def test_a_derivative_at_a_point_stays_one() -> None:
    prove("a", eq(Derivative(f(2 * a), a), 2 * Subs(Derivative(f(b), b), b, 2 * a)))


def test_a_sum_runs_over_an_index() -> None:
    with pytest.raises(ValueError, match="a sum runs over an index, not over K"):
        read(eq(sp.Sum(a * K, (K, 1, 3)), 6 * a))


# --- functions of an index -------------------------------------------------------------------------------


def test_what_is_assumed_of_a_function_is_assumed_at_every_place(capsys: pytest.CaptureFixture[str]) -> None:
    g = Function("g", positive=True)
    prove("a", greater(sum_over(k, g(k)), 0))
    assert "where g(k) > 0" in capsys.readouterr().out


# --- what is shown ---------------------------------------------------------------------------------------


@pytest.fixture
def notebook() -> Iterator[None]:
    # It would open a database of what was typed, and leave it to the collector to close it.
    shell = InteractiveShell.instance(config=Config(HistoryManager={"enabled": False}))
    with mock.patch("IPython.core.getipython.get_ipython", return_value=shell):
        yield
    InteractiveShell.clear_instance()


@pytest.mark.usefixtures("notebook")
def test_a_notebook_stores_the_record_of_what_it_shows() -> None:
    with capture_output() as shown:
        theorem("t", "Shares", "For every $K$,")
        prove("shares", eq(sum_over(k, p[k]), 1))
        say("That is all.")
    head, claim, words = shown.outputs
    assert head.metadata["theorem"] == {"id": "t", "title": "Shares", "words": "For every $K$,"}
    assert claim.metadata["claim"]["id"] == "shares"
    assert claim.metadata["claim"]["level"] == "every K"
    assert "✓ `shares`: proved for every $K$" in claim.data["text/markdown"]
    assert words.data["text/markdown"] == "That is all."


@pytest.mark.parametrize(
    ("expr", "latex"),
    [
        (b * Subs(a + 1, a, 0), r"b \left[1 + a\right]_{a=0}"),
        (log(Subs(a + 1, a, 0)), r"\log \left[1 + a\right]_{a=0}"),
        (Subs(a * b, a, t) ** 2, r"\left(\left[a b\right]_{a=t}\right)^{2}"),
        (Subs(a**b, (a, b), (0, 1)), r"\left[a^{b}\right]_{a=0,b=1}"),
        (a * sum_over(k, z[k]) + b, r"a \left(\sum_{k=1}^{K} z_{k}\right) + b"),
        (sp.Product(z[k], (k, 1, K)) + b, r"\left(\prod_{k=1}^{K} z_{k}\right) + b"),
        (a * log(sum_over(k, z[k] ** 2)) + b, r"a \left(\log \sum_{k=1}^{K} z_{k}^{2}\right) + b"),
        (exp(sum_over(k, z[k])) + b, r"e^{\sum_{k=1}^{K} z_{k}} + b"),
        (sum_over(k, z[k]) / a + b, r"\frac{\sum_{k=1}^{K} z_{k}}{a} + b"),
    ],
    ids=str,
)
def test_no_sum_and_no_place_seems_to_take_in_what_stands_beside_it(expr: Any, latex: str) -> None:
    assert to_latex(expr) == latex
