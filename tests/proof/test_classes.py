"""What an agreement may say, what a name shows, and what is said where nothing can be decided."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any
from unittest import mock

import numpy as np
import pytest
import sympy as sp
from sympy import Derivative, Function, IndexedBase, Rational, Symbol, exp, log, sign

from xentlib.proof import (
    K,
    N,
    Quantity,
    VerificationError,
    _claims,
    agree,
    delta,
    entries,
    i,
    j,
    k,
    lse,
    m,
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
from xentlib.proof.core.algebra import residual

a = Symbol("a", real=True)


def eq(left: Any, right: Any) -> Any:
    return sp.Eq(left, right, evaluate=False)


# --- an agreement is tied to what is proved --------------------------------------------------------------

POINTS = [[float(number), 0.5] for number in range(20)]
SOFTMAX = entries(p[i], i)


def comparing(statement: Any, left: Any, right: Any = SOFTMAX, **changes: Any) -> Callable[[], None]:
    """Return an attempt to agree."""
    return lambda: agree("a", statement, left, right, **{"points": POINTS, "rtol": 1e-9, **changes})


def by_numpy(logits: Any) -> Any:
    powers = np.exp(np.asarray(logits, dtype=float))
    return powers / powers.sum()


IS_SOFTMAX = eq(p[i], exp(z[i]) / sum_over(k, exp(z[k])))
COMPARED = {
    "an unrelated bound": comparing(sp.Lt(z[i], 17, evaluate=False), by_numpy),
    "another bound": comparing(sp.Lt(lse, 20, evaluate=False), by_numpy),
    "false at K = 7": comparing(eq(p[i], exp(z[i] - lse) + delta(K, 7)), by_numpy),
    "false at K = 7, with any sides": comparing(eq(delta(K, 7) * a, 0), lambda z: 1.0, lambda z: 1.0),
    "false nowhere that is tried": comparing(sp.Ne(a, Rational(1, 7)), lambda z: 1.0, lambda z: 1.0),
    "false in the last digits": comparing(eq(exp(-1000 - a**2), 0), lambda z: 0.0, lambda z: 0.0),
    "entries of another side": comparing(eq(sum_over(k, p[k]), 1), by_numpy),
    "an absolute tolerance of any size": comparing(IS_SOFTMAX, lambda z: by_numpy(z) + 3, rtol=0, atol=1e300),
    "a relative tolerance of nearly 1": comparing(IS_SOFTMAX, lambda z: by_numpy(z) / 2, rtol=0.999),
    "a tolerance above a thousandth": comparing(IS_SOFTMAX, by_numpy, rtol=0.0011),
    "points that are no numbers": comparing(IS_SOFTMAX, by_numpy, points=[{"z": 1}] * 20),
    "a point that is infinite": comparing(IS_SOFTMAX, by_numpy, points=[*POINTS, [0.0, np.inf]]),
    "a point without a number": comparing(IS_SOFTMAX, by_numpy, points=[[], *POINTS]),
    "a point with a masked number": comparing(
        IS_SOFTMAX, by_numpy, points=[np.ma.masked_array([1.0, 2.0], [True, False]), *POINTS]
    ),
    "a masked side": comparing(
        IS_SOFTMAX, lambda logits: np.ma.masked_array(by_numpy(logits), [True, False])
    ),
    "a point in words": comparing(IS_SOFTMAX, by_numpy, points=[["1", "2"], *POINTS]),
    "no function": comparing(IS_SOFTMAX, 1),
    "no sequence of points": comparing(IS_SOFTMAX, by_numpy, points=3),
    "a target that is too long": comparing(
        eq(Derivative(-sum_over(k, y[k] * log(p[k])), z[j]), p[j] * sum_over(k, y[k]) - y[j]),
        lambda z, y: by_numpy(z) * np.sum(y[:2]) - y[:2],
        entries(p[j] * sum_over(k, y[k]) - y[j], j, of=(z, y)),
        points=[(point, [0.5, 0.5, 9.0]) for point in POINTS],
    ),
}


@pytest.mark.parametrize("attempt", COMPARED.values(), ids=COMPARED.keys())
def test_what_is_not_compared_does_not_agree(attempt: Callable[[], None]) -> None:
    with pytest.raises((VerificationError, TypeError, ValueError)):
        attempt()


def test_what_entries_are_of_is_named_once() -> None:
    with pytest.raises(ValueError, match="each array once"):
        entries(z[i] + y[i], i, of=[z, y, z])


SHARES = IndexedBase("r", positive=True)
TOTAL = sum_over(k, SHARES[k])


@pytest.mark.parametrize(
    ("statement", "assumed", "point", "words"),
    [
        (eq(2 * log(SHARES[i]), log(SHARES[i] ** 2)), {}, [0.5, -0.5], "entries of r are positive"),
        (eq(sum_over(k, K * SHARES[k]), K), {"given": eq(TOTAL, 1)}, [0.5, 0.6], "assumes Eq"),
        (eq(TOTAL, SHARES[1] + SHARES[2]), {"sizes": {K: 2}}, [0.5, 0.6, 0.7], "assumes K = 2"),
        (
            sp.Ge(K * TOTAL, 2 * TOTAL, evaluate=False),
            {"given": K >= 2, "certificate": (K - 2) * TOTAL},
            [1.0],
            "assumes K ≥ 2",
        ),
        (eq(SHARES[n] * delta(n, m), 0), {"given": sp.Ne(n, m)}, [1.0, 1.0], "assumes Ne"),
    ],
    ids=["a sign", "a sum", "a size", "a bound", "an index"],
)
def test_points_are_what_the_proof_assumed(
    statement: Any, assumed: dict[str, Any], point: Any, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    prove("a", statement, **assumed)
    indices = sorted(statement.lhs.free_symbols & {i, n, m}, key=str)
    formula = entries(statement.lhs, *indices, of=(SHARES,))
    with pytest.raises(ValueError, match=words):
        agree("b", statement, formula, lambda r: formula(r), points=[point], rtol=1e-9)


def test_equal_points_count_once(capsys: pytest.CaptureFixture[str]) -> None:
    equal = [[Fraction(1, 2), 0], [0.5, 0.0], np.array([0.5, -0.0]), [Fraction(2, 4), 0]]
    comparing(IS_SOFTMAX, by_numpy, points=equal)()
    assert "at 1 point (fewer than 20)" in capsys.readouterr().out


def test_a_tolerance_is_written_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    comparing(IS_SOFTMAX, by_numpy, rtol=1.00000049e-9)()
    assert "rtol 1.00000049e-9" in capsys.readouterr().out


def test_an_agreement_assumes_what_the_proof_assumed(capsys: pytest.CaptureFixture[str]) -> None:
    shares = IndexedBase("r", positive=True)
    statement = eq(sum_over(k, shares[k] * p[i]), p[i])
    with pytest.raises(VerificationError, match="false at"):
        comparing(statement, by_numpy)()
    prove("shares", statement, given=eq(sum_over(k, shares[k]), 1))
    comparing(statement, by_numpy)()
    assert capsys.readouterr().out.count("where r[k] > 0 and Sum(r[k], (k, 1, K)) = 1") == 2


# --- names that show on what they depend -----------------------------------------------------------------


def named_so(name: str) -> Any:
    thing = Symbol(name, real=True)
    return lambda: prove("a", eq(sum_over(i, p[i]) * thing + a, thing + a))


def quantity_named(name: str) -> Any:
    thing = Quantity(name, lambda m: z[m] ** 2)[j]
    return lambda: prove("a", eq(sum_over(k, p[k]) * thing, thing))


LOOKS = ("q_i", "M_ij", "zbar_k", "w(k)", "f(a)", "b__alpha", "\\left w", "q_a")
ONES = sum_over(k, p[k])
b_k, f_k = IndexedBase("b_k", real=True), Function("f_k", real=True)
MISNAMED = {
    **{name: named_so(name) for name in LOOKS},
    "a function f_k": lambda: prove("a", eq(ONES * f_k(a), f_k(a))),
    "a quantity q_k": quantity_named("q_k"),
    "a quantity q_{k}": quantity_named("q_{k}"),
    "named b_k": lambda: prove("a", eq(ONES * named("b_k", z[1]), z[1])),
    "an array q_k": lambda: prove("a", eq(ONES * b_k[j], b_k[j])),
    "a name that hides the index of the sum": lambda: prove(
        "a", eq(sum_over(i, named("L", -log(p[i]))), K * lse - sum_over(k, z[k]))
    ),
    "a quantity that hides one of two": lambda: prove(
        "a", eq(sum_over(i, Quantity("L", lambda m: z[m] * p[i])[j]), z[j])
    ),
}


@pytest.mark.parametrize("attempt", MISNAMED.values(), ids=MISNAMED.keys())
def test_a_name_that_would_be_read_otherwise_is_refused(attempt: Callable[[], None]) -> None:
    with pytest.raises(ValueError, match=r"prints as|changes with"):
        attempt()


@pytest.mark.parametrize(
    ("expr", "latex"),
    [
        (IndexedBase("q_a", real=True)[j], "{q_{a}}_{j}"),
        (Quantity("q^*", lambda m: z[m])[i] ** 2, r"\left(q^{*}_{i}\right)^{2}"),
        (Quantity("q_0", lambda m: z[m])[i] ** 2, r"{q_{0}}_{i}^{2}"),
    ],
    ids=str,
)
def test_tex_has_one_subscript_and_one_superscript(expr: Any, latex: str) -> None:
    assert to_latex(expr) == latex


@pytest.mark.parametrize(
    "words",
    [
        "✓ `a`: proved for every $K$",
        "$$1 = 2$$",
        "&check; proved",
        r"$\checkmark$ proved",
        "✔ proved",
        "`softmax`: proved for every $K$",
        "**Theorem: Shift.** For every",
        "🗸",
        "🗹",
        r"$\surd$",
        r"\[ a = b \]",
        "&amp;check; proved",
        "<img src='check.svg'> proved",
        "`softmax` : proved",
        "__Theorem: Shift.__ For every",
        "## Theorem",
        "~~~\na = b\n~~~",
    ],
)
def test_words_do_not_look_like_a_claim(words: str) -> None:
    with pytest.raises(ValueError, match="could be taken for what was checked"):
        say(words)
    with pytest.raises(ValueError, match="could be taken for what was checked"):
        theorem("t", "Title", words)
    with pytest.raises(ValueError, match="could be taken for what was checked"):
        theorem("t", words, "For every $K$,")


@pytest.mark.parametrize(
    "title", ["Title.\n\n$1 = 2$", "Title\r$1 = 2$", "Title\u2028$1 = 2$", "Title.** $1 = 2$", ""]
)
def test_a_title_is_one_line(title: str) -> None:
    with pytest.raises(ValueError, match=r"one line|could be taken for"):
        theorem("t", title, "For every $K$,")


def test_a_statement_that_only_looks_alike_is_displayed() -> None:
    one, other = (Quantity("q", lambda m, n=number: n * z[m])[i] for number in (2, 3))
    lines = []
    for number, thing in ((2, one), (3, other)):
        with mock.patch.object(_claims, "show", lambda text, markdown, metadata: lines.append(markdown)):
            agree("a", eq(thing * ONES, thing), lambda z, n=number: n * np.asarray(z), entries(thing, i),
                  points=POINTS, atol=1e-9)  # fmt: skip
    assert all("q_{i}" in line for line in lines)


# --- what cannot be decided says so in words ---------------------------------------------------------------

f = Function("f")(s)
IN_WORDS = {
    "a derivative that SymPy has taken": (lambda: eq(sp.diff(-log(p[i]), z[j]), p[j]), "write Derivative"),
    "the same by doit": (lambda: eq(Derivative(-log(p[i]), z[j]).doit(), p[j]), "write Derivative"),
    "a delta with a range": (lambda: eq(delta(i, j, (1, 3)), delta(i, j)), "a statement is made of"),
    "a limit": (lambda: eq(sp.Limit(s / t, t, 1), s), "a statement is made of"),
    "a matrix": (lambda: eq(sp.MatrixSymbol("M", 2, 2)[0, 0], s), "a statement is made of"),
    "a floor": (lambda: eq(sp.floor(s) * ONES, s), "a statement is made of"),
    "a slope at a jump": (
        lambda: eq(Derivative(s * ONES + delta(s, Rational(1, 7)), s), 1), "jumps where s moves",
    ),
    "a slope of a sign": (
        lambda: eq(sign(s - 5) * Derivative(f, s), Derivative(f, s)), "not proved",
    ),
    "a function without numbers": (lambda: eq(sp.gamma(K + 1), K * sp.gamma(K)), "cannot evaluate"),
}  # fmt: skip


@pytest.mark.parametrize(("statement", "words"), IN_WORDS.values(), ids=IN_WORDS.keys())
def test_what_is_out_of_reach_is_said_in_words(statement: Callable[[], Any], words: str) -> None:
    with pytest.raises((VerificationError, TypeError, ValueError), match=words):
        prove("a", statement())


def test_help_of_another_kind_is_refused_in_words() -> None:
    sizes: Any = [K]
    with pytest.raises(TypeError, match="sizes= is a dict"):
        prove("a", eq(ONES, 1), sizes=sizes)
    point: Any = "z"
    with pytest.raises(TypeError, match="at= is a dict"):
        refute("a", eq(ONES, 2), at=point)


@pytest.mark.parametrize(
    ("point", "words"),
    [
        ({s: None}, "s cannot be None"),
        ({s: [1, 2]}, "s is one number"),
        ({s: {1: 2}}, "s is one number"),
        ({s: ""}, "s cannot be ''"),
        ({s: abs}, "s cannot be"),
        ({s: 1j}, "s cannot be"),
        ({s: float("nan")}, "s cannot be nan"),
    ],
    ids=str,
)
def test_what_is_no_number_is_told_so(point: dict[Any, Any], words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        refute("a", eq(s, 7), at=point)


def test_rows_of_two_lengths_are_no_array() -> None:
    statement = eq(sum_over(n, sum_over(k, z[n, k])), 100)
    with pytest.raises(ValueError, match="rows of an array have one length"):
        refute("a", statement, at={K: 2, N: 2, z: [[1, 2], [3]]})
    with pytest.raises(ValueError, match="rows of an array have one length"):
        refute("a", statement, at={K: 2, N: 2, z: [[1, 2], [3, 4, 5]]})


@pytest.mark.parametrize(
    "tenth", [0.1, np.float32(0.1), np.float16(0.1), "0.1", Fraction(1, 10), Rational(1, 10)]
)
def test_a_float_of_few_bits_is_the_decimal_that_it_prints_as(tenth: Any) -> None:
    with pytest.raises(VerificationError, match="not refuted"):
        refute("a", eq(10 * s, 1), at={s: tenth})


def test_an_id_is_a_text() -> None:
    number: Any = 5
    with pytest.raises(ValueError, match="lower-case words"):
        prove(number, eq(ONES, 1))


# --- points that were solved for are known to half of their digits ----------------------------------------

SOLVED = {
    "a sum, enlarged": (eq(10**90 * (sum_over(k, y[k]) ** 2 - 1), 0), eq(sum_over(k, y[k]), 1)),
    "a steep function": (eq(exp((exp(s) - 2) * 10**34), 1), eq(exp(2 * s), 4)),
    "a sign": (eq(sign(exp(s) - 2), 0), eq(exp(2 * s), 4)),
    "a condition": (eq(sp.Piecewise((1, exp(s) >= 2), (0, True)), 1), eq(exp(2 * s), 4)),
}


@pytest.mark.parametrize(("statement", "given"), SOLVED.values(), ids=SOLVED.keys())
def test_what_is_true_where_it_is_given_is_not_refuted(statement: Any, given: Any) -> None:
    with pytest.raises(VerificationError, match=r"not refuted|cannot be told"):
        refute("a", statement, given=given)


def test_what_is_false_where_it_is_given_is_refuted(capsys: pytest.CaptureFixture[str]) -> None:
    refute("a", eq(exp(3 * s), 9), given=eq(exp(s), 2))
    assert "where the sides are 8 and 9" in capsys.readouterr().out


def test_all_entries_are_not_written_as_the_diagonal(capsys: pytest.CaptureFixture[str]) -> None:
    table = IndexedBase("T", positive=True)
    prove("a", sp.Gt(sum_over(i, sum_over(j, table[i, j])), 0, evaluate=False))
    assert "where T[k, l] > 0" in capsys.readouterr().out


# --- what is put in one after the other --------------------------------------------------------------------

LATER = sp.Max(0, n - 13)  # nothing for all sizes that numbers try
cube = named("h", sp.Subs(Derivative(a**3, a), a, t))
product = Quantity("h", lambda m: sp.Subs(s * z[m], s, t))
slope_of_f = named("h", sp.Subs(Derivative(f.func(a), a), a, t))
NESTED: dict[str, Callable[[], Any]] = {
    "a slope": lambda: eq(
        Derivative(sp.Subs(cube, t, a), a) * ONES, Derivative(sp.Subs(cube, t, a + LATER), a)
    ),
    "an index": lambda: eq(
        sum_over(k, sp.Subs(product[k], t, a)), sum_over(k, sp.Subs(product[k], t, a + LATER))
    ),
    "a function": lambda: eq(sp.Subs(slope_of_f, t, a) * ONES, sp.Subs(slope_of_f, t, a + LATER)),
    "two of SymPy's": lambda: eq(sp.Subs(sp.Subs(s * z[1], s, t), t, a) * ONES, t * z[1]),
}


@pytest.mark.parametrize("statement", NESTED.values(), ids=NESTED.keys())
def test_what_is_put_in_twice_is_not_proved(statement: Callable[[], Any]) -> None:
    with pytest.raises(
        (VerificationError, ValueError), match=r"one is put in after the other|not proved|nothing"
    ):
        prove("a", statement())


# --- found by a second attack -------------------------------------------------------------------------------

LATE = sp.Piecewise((3, n < 14), (1, True))  # numbers try indices up to 12
up_to_m = sp.Sum(sp.Sum(delta(k, 3) * exp(a * k), (k, 1, m)), (m, LATE, 3))
up_to_3 = sp.Sum(exp(3 * a), (m, LATE, 3))
array, maximum = Symbol("z", real=True), Function("Max", real=True)(a)
SECOND: dict[str, Callable[[], Any]] = {
    "a delta in a range that need not reach it": lambda: prove("a", eq(up_to_m, up_to_3)),
    "a slope by the name of an array": lambda: prove("a", eq(Derivative(z[i] * ONES, array), 0)),
    "an entry that is not there": lambda: prove("a", sp.Gt(exp(z[i + 1]), 0, evaluate=False)),
    "an index that is assumed alone": lambda: refute("a", eq(sum_over(k, y[k]), 1), given=eq(y[i], p[i])),
    "labels that are none": lambda: refute("a", sp.Ge(IndexedBase("c", real=True)[n], 1)),
    "entries of another array": lambda: entries(y[k], k, of=[z]),
    "a number that looks like a variable": lambda: prove("a", sp.Ge(sp.EulerGamma + a**2, 0)),
    **{f"the name {name}": named_so(name) for name in (
        r"\mathrm{log}", r"\mathrm{e}", r"\operatorname{K}", r"\mathrm{p}", r"\mathrm{if}", "a}", "{a",
        r"\bar{a", r"\mathrm", r"\bar{}a", "a_{1", "a\n\n",
    )},
    "a function Max": lambda: prove("a", eq(ONES * maximum, maximum)),
}  # fmt: skip


@pytest.mark.parametrize("attempt", SECOND.values(), ids=SECOND.keys())
def test_the_second_attack_is_refused(attempt: Callable[[], None]) -> None:
    with pytest.raises((VerificationError, ValueError)):
        attempt()


def test_a_delta_beyond_the_end_of_a_range_picks_nothing() -> None:
    inner = sp.Sum(sp.Sum(delta(k, 3), (k, 1, m)), (m, n, 3))
    assert residual(inner - sp.Sum(1, (m, n, 3))) != 0


def test_a_bound_of_a_size_that_the_statement_lacks_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    count = sum_over(n, delta(n, 2))
    prove("a", eq(t * s, s), given=[eq(t, count), N >= 2])
    assert "N ≥ 2" in capsys.readouterr().out


def test_an_agreement_says_for_which_size_it_was_proved(capsys: pytest.CaptureFixture[str]) -> None:
    halves = sum_over(k, p[k] - Rational(1, 2))
    prove("halves", eq(halves, 0), sizes={K: 2})
    agree("a", eq(halves, 0), lambda z: 0.0, entries(halves), points=POINTS, atol=1e-9)
    assert "to within atol 1e-9, for K = 2" in capsys.readouterr().out
