"""Softmax and its relatives: what they accept and refuse, and bounds on their errors.

The bounds are those that the docstrings promise, in units of eps, the spacing of floats at 1: 4 for
softmax and log_softmax, whatever the gap, for nothing cancels; 4 for log-sum-exp, relative to
the larger of it and log(1 + r), which may cancel; 8 for a product of two such numbers.
"""

from __future__ import annotations

import math
import sys
from typing import Any

import mpmath
import numpy as np
import pytest
from accuracy import error_in_eps, exact_row

from xentlib import log_sigmoid, log_softmax, logsumexp, sigmoid, softmax, softmax_jacobian, softplus

ALL = [logsumexp, log_softmax, softmax, softmax_jacobian]
ELEMENTWISE = [sigmoid, log_sigmoid, softplus]
PROMISED = {logsumexp: 4, log_softmax: 4, softmax: 4, softmax_jacobian: 8}
ROWWISE = [log_softmax, softmax, softmax_jacobian]
softmax_module = sys.modules[softmax.__module__]
Z = np.random.default_rng(7).normal(scale=3, size=(4, 3, 5))


def eps(dtype: Any) -> float:
    return float(np.finfo(dtype).eps)


def half_spacing(dtype: Any) -> float:
    return eps(dtype) / 2


# --- Accuracy against mpmath --------------------------------------------------------------------


def logits(classes: int, gap: float, dtype: Any) -> Any:
    """Return logits between 0 and -gap, on a grid on which all differences are exact."""
    inner = np.random.default_rng(classes).uniform(0, 1, size=max(0, classes - 2))
    fractions = np.concatenate([[0.0], inner, [1.0]])[:classes]
    return (-np.round(fractions * gap * 64) / 64).astype(dtype)


def exact(z: Any) -> tuple[mpmath.mpf, list[mpmath.mpf], list[mpmath.mpf]]:
    """Return log-sum-exp, the log-probabilities and the probabilities of one row.

    A gap of g takes g / log 10 digits to hold 1 and exp(-g) together, and as many again for what
    is left of their difference.
    """
    finite = [float(a) for a in z]
    with mpmath.workdps(40 + int(2 * (max(finite) - min(finite)) / math.log(10))):
        exps = [mpmath.exp(mpmath.mpf(a)) for a in finite]
        total = mpmath.fsum(exps)
        log_p = [mpmath.log(e / total) if len(exps) > 1 else mpmath.mpf(0) for e in exps]
        return mpmath.log(total), log_p, [e / total for e in exps]


def relative(found: Any, expected: Any, tiny: float) -> float:
    """Return the largest relative error; below the normal numbers, in units of the smallest of them."""
    with mpmath.workdps(40):
        errors = [
            abs(mpmath.mpf(float(a)) - b) / max(abs(b), mpmath.mpf(tiny))
            for a, b in zip(np.ravel(found), expected, strict=True)
        ]
    return float(max(errors))


CASES = [
    *((np.float64, gap) for gap in (0.0, 0.5, 1.0, 5.0, 17.0, 37.0, 40.0, 100.0, 300.0, 700.0)),
    *((np.float32, gap) for gap in (0.0, 0.5, 1.0, 5.0, 17.0, 40.0, 80.0)),
]


@pytest.mark.parametrize("classes", [1, 2, 10, 1000])
@pytest.mark.parametrize(("dtype", "gap"), CASES)
def test_relative_error(dtype: Any, gap: float, classes: int) -> None:
    z = logits(classes, gap, dtype)
    tiny = float(np.finfo(dtype).tiny)
    total, log_p, p = exact(z)
    assert relative(softmax(z), p, tiny) <= 4 * eps(dtype)
    assert relative(log_softmax(z), log_p, tiny) <= 4 * eps(dtype)
    # The maximum is 0 here, so log-sum-exp is log1p(r) alone.
    assert relative([logsumexp(z)], [total], tiny) <= 4 * eps(dtype)


@pytest.mark.parametrize("classes", [1, 2, 10])
@pytest.mark.parametrize(("dtype", "gap"), CASES)
def test_relative_error_of_each_entry_of_the_jacobian(dtype: Any, gap: float, classes: int) -> None:
    z = logits(classes, gap, dtype)
    _, _, p = exact(z)
    with mpmath.workdps(40 + int(2 * gap / math.log(10))):
        # 1 - p is the sum of the others, without cancellation.
        expected = [
            p[a] * mpmath.fsum(p[:a] + p[a + 1 :]) if a == b else -p[a] * p[b]
            for a in range(classes)
            for b in range(classes)
        ]
    tiny = float(np.finfo(dtype).tiny)
    assert relative(softmax_jacobian(z), expected, tiny) <= 8 * eps(dtype)


@pytest.mark.parametrize("temperature", [1.0, 0.5, 0.7, 3.0])
@pytest.mark.parametrize("spread", [1.0, 30.0, 1000.0])
@pytest.mark.parametrize("shift", [-1e4, -1000.3, -7.1, 0.1, 123.4, 1e4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gaps_that_round_cost_nothing(dtype: Any, shift: float, spread: float, temperature: float) -> None:
    z = (np.random.default_rng(3).uniform(-spread, 0, size=10) + shift).astype(dtype)
    row, tiny = exact_row(z, temperature), float(np.finfo(dtype).tiny)
    assert relative(softmax(z, temperature=temperature), row.p, tiny) <= 4 * eps(dtype)
    assert relative(log_softmax(z, temperature=temperature), row.log_p, tiny) <= 4 * eps(dtype)
    found = logsumexp(z, temperature=temperature)
    assert error_in_eps(found, [row.total], dtype, [row.scale]) <= 4


def test_log_sum_exp_near_0_is_as_good_as_its_terms() -> None:
    for draw in np.random.default_rng(2).normal(scale=0.01, size=(20, 8)):
        z = draw - math.log(8)
        row = exact_row(z)
        assert error_in_eps(logsumexp(z), [row.total], float, [row.scale]) <= 4
        assert row.scale <= math.log(8) + 0.1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_hundred_thousand_classes(dtype: Any) -> None:
    z = np.random.default_rng(5).normal(size=100_000).astype(dtype)
    with mpmath.workdps(30):
        exps = [mpmath.exp(mpmath.mpf(float(a))) for a in z]
        total = mpmath.fsum(exps)
        p = [e / total for e in exps[::50]]
        log_p = [mpmath.log(a) for a in p]
        log_total = mpmath.log(total)
    assert error_in_eps(softmax(z)[::50], p, dtype) <= 4
    assert error_in_eps(log_softmax(z)[::50], log_p, dtype) <= 4
    assert error_in_eps(logsumexp(z), [log_total], dtype) <= 4


@pytest.mark.parametrize("gap", [0.0, 0.1, 10.0, 20.0, 40.0, 100.0, 700.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_relative_error_of_single_logits(dtype: Any, gap: float) -> None:
    x = (np.random.default_rng(4).uniform(-0.5, 0.5, size=60) + gap * np.tile([-1, 1], 30)).astype(dtype)
    with mpmath.workdps(60 + int(gap)):
        p = [1 / (1 + mpmath.exp(-mpmath.mpf(float(a)))) for a in x]
        logs = [mpmath.log(a) for a in p]
        opposite = [mpmath.log(1 + mpmath.exp(mpmath.mpf(float(a)))) for a in x]
    assert error_in_eps(sigmoid(x), p, dtype) <= 4
    assert error_in_eps(log_sigmoid(x), logs, dtype) <= 4
    assert error_in_eps(softplus(x), opposite, dtype) <= 4


def test_the_usual_forms_lose_what_these_keep() -> None:
    z = np.array([40.0, 0.0])
    tail = math.exp(-40.0)
    assert np.log(softmax(z)[0]) == 0.0
    assert math.isclose(log_softmax(z)[0], -tail, rel_tol=1e-15)
    assert 1 - softmax(z)[0] == 0.0
    assert math.isclose(softmax_jacobian(z)[0, 0], tail, rel_tol=1e-15)
    with np.errstate(over="ignore"):
        assert np.log(np.exp([800.0, 0.0]).sum()) == np.inf
    assert logsumexp([800.0, 0.0]) == 800.0


def test_half_precision_is_one_rounding_of_the_exact_value() -> None:
    z = np.array([3.0, -2.5, 0.125, 8.0], dtype=np.float16)
    total, log_p, p = exact(z)
    # float32 inside adds 1e-3 of a rounding; below 2^-14 the spacing is 2^-24.
    u = half_spacing(np.float16) * 1.01
    tiny = 2.0**-14
    assert relative(softmax(z), p, tiny) <= u
    assert relative(log_softmax(z), log_p, tiny) <= u
    assert relative([logsumexp(z)], [total], tiny) <= u


def test_many_classes_do_not_overflow_half_precision() -> None:
    assert logsumexp(np.zeros(100_000, dtype=np.float16)) == np.float16(math.log(100_000))


# --- Identities -----------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
def test_axis(axis: int) -> None:
    last = np.moveaxis(Z, axis, -1)
    assert np.array_equal(logsumexp(Z, axis=axis), logsumexp(last))
    assert np.array_equal(softmax(Z, axis=axis), np.moveaxis(softmax(last), -1, axis))
    assert np.array_equal(log_softmax(Z, axis=axis), np.moveaxis(log_softmax(last), -1, axis))
    assert np.array_equal(softmax_jacobian(Z, axis=axis), softmax_jacobian(last))
    assert logsumexp(Z, axis=axis).shape == last.shape[:-1]
    assert softmax(Z, axis=axis).shape == log_softmax(Z, axis=axis).shape == Z.shape
    assert softmax_jacobian(Z, axis=axis).shape == (*last.shape, last.shape[-1])


def twice(function: Any) -> dict[str, float]:
    """Return the tolerance between two results that both keep their bound, the largest |z| being 16."""
    return {
        "rtol": 2 * PROMISED[function] * eps(float),
        "atol": 8 * eps(float) * 16 * (function is logsumexp),
    }


def test_rows_do_not_touch_each_other() -> None:
    for place in np.ndindex(Z.shape[:-1]):
        for function in ALL:
            # Sums may be taken in another order: each is within its bound.
            assert np.allclose(function(Z)[place], function(Z[place]), **twice(function))


@pytest.mark.parametrize("shift", [-512.0, -1.0, 2.0, 1024.0])
def test_shift_invariance(shift: float) -> None:
    z = np.round(Z * 1024) / 1024  # the shift is exact
    for function in ROWWISE:
        assert np.allclose(function(z + shift), function(z), **twice(function))
    assert np.abs(logsumexp(z + shift) - logsumexp(z) - shift).max() <= 2 * np.spacing(1024.0 + 16)


def test_permutation() -> None:
    order = [3, 0, 4, 1, 2]
    for function in (softmax, log_softmax):
        assert np.allclose(function(Z[..., order]), function(Z)[..., order], **twice(function))
    permuted = softmax_jacobian(Z)[..., order, :][..., order]
    assert np.allclose(softmax_jacobian(Z[..., order]), permuted, **twice(softmax_jacobian))


def test_temperature_divides_the_logits() -> None:
    for function in (logsumexp, softmax, log_softmax):
        assert np.allclose(function(Z, temperature=0.25), function(Z * 4), **twice(function))
        assert np.array_equal(function(Z, temperature=1), function(Z))
    assert softmax(Z, temperature=1e300) == pytest.approx(np.full(Z.shape, 0.2), rel=4 * eps(float))
    assert softmax([0.0, 1.0], temperature=1e-320).tolist() == [0.0, 1.0]


def test_the_functions_agree_with_each_other() -> None:
    u = half_spacing(float)
    assert np.abs(softmax(Z).sum(axis=-1) - 1).max() <= 10 * u
    assert np.abs(np.exp(log_softmax(Z)) / softmax(Z) - 1).max() <= (20 + np.ptp(Z)) * u
    largest = np.abs(Z).max()
    assert np.abs(Z - logsumexp(Z)[..., None] - log_softmax(Z)).max() <= 10 * u * largest
    assert np.array_equal(softmax_jacobian(Z), np.swapaxes(softmax_jacobian(Z), -1, -2))
    assert np.abs(softmax_jacobian(Z).sum(axis=-1)).max() <= 10 * u


def test_one_class() -> None:
    assert softmax([3.0]).tolist() == [1.0]
    assert log_softmax([3.0]).tolist() == [0.0]
    assert logsumexp([3.0]) == 3.0
    assert softmax_jacobian([3.0]).tolist() == [[0.0]]


def test_ties() -> None:
    assert softmax([1000.0, 1000.0]).tolist() == [0.5, 0.5]
    assert softmax([2.0, 2.0, 2.0, 2.0]).tolist() == [0.25] * 4
    assert logsumexp([1000.0, 1000.0]) == 1000.0 + math.log(2.0)


# --- What is accepted ------------------------------------------------------------------------------


@pytest.mark.parametrize("function", ALL)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_floats_keep_their_dtype(function: Any, dtype: Any) -> None:
    assert function(np.zeros((2, 3), dtype)).dtype == dtype
    assert function(np.zeros(3, dtype)).dtype == dtype


@pytest.mark.parametrize("function", ALL)
@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint8, np.int64, np.uint64])
def test_booleans_and_integers_are_taken_as_float64(function: Any, dtype: Any) -> None:
    z = np.array([0, 1, 1], dtype)
    assert function(z).dtype == np.float64
    assert np.array_equal(function(z), function([0.0, 1.0, 1.0]))


def test_small_integers_do_not_wrap() -> None:
    """In int8, -128 - 127 is 1; in uint8, 0 - 255 is 1."""
    assert softmax(np.array([-128, 127], np.int8))[0] == softmax([-128.0, 127.0])[0] < 1e-100
    assert softmax(np.array([0, 255], np.uint8))[0] == softmax([0.0, 255.0])[0] < 1e-100


@pytest.mark.parametrize("function", ALL)
def test_lists_and_odd_memory(function: Any) -> None:
    expected = function(Z)
    assert np.array_equal(function(Z.tolist()), expected)
    swapped = function(Z.astype(">f8"))
    assert np.array_equal(swapped, expected)
    assert swapped.dtype.isnative
    assert np.array_equal(function(np.repeat(Z, 2, axis=-1)[..., ::2]), expected)
    assert np.array_equal(function(Z[::-1])[::-1], expected)
    assert np.allclose(function(np.asfortranarray(Z)), expected, rtol=20 * half_spacing(float), atol=0)


@pytest.mark.parametrize("function", ALL)
def test_the_input_is_neither_changed_nor_returned(function: Any) -> None:
    z = Z.copy()
    z.flags.writeable = False
    result = function(z)
    assert np.array_equal(z, Z)
    assert not np.shares_memory(result, z)
    assert result.flags.writeable or result.ndim == 0


def test_an_empty_batch() -> None:
    z = np.zeros((0, 3))
    assert logsumexp(z).shape == (0,)
    assert softmax(z).shape == log_softmax(z).shape == (0, 3)
    assert softmax_jacobian(z).shape == (0, 3, 3)


def test_a_class_that_is_ruled_out() -> None:
    z = [1.0, -np.inf, 2.0]
    rest = [1.0, 2.0]
    assert softmax(z)[1] == 0.0
    assert log_softmax(z)[1] == -np.inf
    assert logsumexp(z) == logsumexp(rest)
    assert np.array_equal(softmax(z)[[0, 2]], softmax(rest))
    assert np.array_equal(log_softmax(z)[[0, 2]], log_softmax(rest))
    for function in (logsumexp, softmax, log_softmax):
        # Another path: masked classes keep their place there too.
        warm, alone = function(z, temperature=3.0), function(rest, temperature=3.0)
        assert np.array_equal(warm if function is logsumexp else warm[[0, 2]], alone)
    jacobian = softmax_jacobian(z)
    assert not jacobian[1].any()
    assert not jacobian[:, 1].any()
    assert np.array_equal(jacobian[np.ix_([0, 2], [0, 2])], softmax_jacobian(rest))


# --- What is refused, with a message that names it ---------------------------------------------------


@pytest.mark.parametrize("function", ALL)
@pytest.mark.parametrize(
    ("z", "error", "message"),
    [
        ([1.0, np.nan], ValueError, r"ruled out, but the logit at \(1,\) \(class axis last\) is nan"),
        ([[0.0, 0.0], [np.inf, 0.0]], ValueError, r"the logit at \(1, 0\) \(class axis last\) is inf"),
        ([1j, 0.0], TypeError, "real numbers, but their dtype is complex128"),
        (["1", "2"], TypeError, "real numbers, but their dtype is <U1"),
        ([None, 1.0], TypeError, "real numbers, but their dtype is object"),
        (np.array(["2020-01-01"], "M8[D]"), TypeError, "real numbers, but their dtype is datetime64"),
        (3.0, ValueError, "the single number 3.0 has not: wrap it in a list"),
        ([], ValueError, r"at least one class, but the shape is \(0,\)"),
        (np.zeros((2, 0)), ValueError, r"at least one class, but the shape is \(2, 0\)"),
    ],
    ids=str,
)
def test_what_is_refused(function: Any, z: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        function(z)


@pytest.mark.parametrize("function", ALL)
def test_an_axis_that_does_not_exist(function: Any) -> None:
    with pytest.raises(np.exceptions.AxisError, match="axis 3 is out of bounds for array of dimension 3"):
        function(Z, axis=3)


def test_all_classes_ruled_out() -> None:
    z = [[0.0, 1.0], [-np.inf, -np.inf]]
    assert logsumexp(z).tolist() == [logsumexp([0.0, 1.0]), -np.inf]
    assert logsumexp(z, temperature=2.0).tolist() == [logsumexp([0.0, 0.5]), -np.inf]
    for function in ROWWISE:
        with pytest.raises(ValueError, match=r"every class of the row \(1,\) has the logit -inf"):
            function(z)


def test_a_gap_beyond_the_largest_float_rules_the_class_out() -> None:
    assert log_softmax([1e308, -1e308]).tolist() == [0.0, -np.inf]
    assert softmax([1e308, -1e308]).tolist() == [1.0, 0.0]
    assert log_softmax([1e308, -1e308], temperature=0.5).tolist() == [0.0, -np.inf]


@pytest.mark.parametrize("function", [logsumexp, softmax, log_softmax])
@pytest.mark.parametrize(
    ("temperature", "error", "message"),
    [
        (0.0, ValueError, "temperature must be finite and above 0, but is 0.0"),
        (-1, ValueError, "temperature must be finite and above 0, but is -1"),
        (np.inf, ValueError, "temperature must be finite and above 0, but is inf"),
        (np.nan, ValueError, "temperature must be finite and above 0, but is nan"),
        ([1.0, 2.0], TypeError, r"temperature must be one real number, but is \[1.0, 2.0\] of type list"),
        (True, TypeError, "temperature must be one real number, but is True of type bool"),
    ],
    ids=str,
)
def test_temperatures_that_are_refused(
    function: Any, temperature: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        function(Z, temperature=temperature)


def test_subnormal_logits_and_results() -> None:
    assert softmax([5e-324, 0.0]).tolist() == [0.5, 0.5]
    assert logsumexp([5e-324]) == 5e-324
    least = np.float64(5e-324)
    with mpmath.workdps(700):
        found, expected = softmax([0.0, -744.0])[1], mpmath.exp(-744) / (1 + mpmath.exp(-744))
    assert abs(found - float(expected)) <= 4 * least
    assert 0 < found < np.finfo(float).tiny


def test_masked_rows_below_others_are_found_in_their_place() -> None:
    z = np.zeros((2, 3, 4))
    z[1, 2] = -np.inf
    with pytest.raises(ValueError, match=r"every class of the row \(1, 2\)"):
        softmax(z)
    z[1, 0, 3] = np.nan
    with pytest.raises(ValueError, match=r"the logit at \(1, 0, 3\) \(class axis last\) is nan"):
        softmax(z, temperature=2.0)


# --- Single logits ----------------------------------------------------------------------------------


@pytest.mark.parametrize("function", ELEMENTWISE)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3, 4)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_single_logits_keep_shape_and_dtype(function: Any, shape: tuple[int, ...], dtype: Any) -> None:
    result = function(np.zeros(shape, dtype))
    assert result.shape == shape
    assert result.dtype == dtype


def test_single_logits_at_infinity() -> None:
    ends = [-np.inf, np.inf]
    assert sigmoid(ends).tolist() == [0.0, 1.0]
    assert log_sigmoid(ends).tolist() == [-np.inf, 0.0]
    assert softplus(ends).tolist() == [0.0, np.inf]


@pytest.mark.parametrize("function", ELEMENTWISE)
def test_single_logits_of_all_kinds(function: Any) -> None:
    x = np.array([[-2.0, 0.0], [1.0, 3.0]])
    expected = function(x)
    assert np.array_equal(function(x.tolist()), expected)
    assert np.array_equal(function(x.astype(">f8")), expected)
    assert np.array_equal(function(x.astype(np.int8)), expected)
    assert np.array_equal(function(x.T), expected.T)
    assert np.array_equal(function([False, True]), function([0.0, 1.0]))
    with pytest.raises(ValueError, match=r"x must be numbers, but the one at \(1, 0\) is nan"):
        function([[0.0, 0.0], [np.nan, 0.0]])
    with pytest.raises(TypeError, match="x must be real numbers, but their dtype is complex128"):
        function(1j)


def test_single_logits_are_rows_of_two() -> None:
    x = np.linspace(-50, 50, 41)
    rows = np.stack([x, np.zeros_like(x)], axis=-1)
    assert np.allclose(sigmoid(x), softmax(rows)[:, 0], rtol=8 * eps(float), atol=0)
    assert np.allclose(log_sigmoid(x), log_softmax(rows)[:, 0], rtol=8 * eps(float), atol=0)
    assert np.allclose(softplus(x), logsumexp(rows), rtol=8 * eps(float), atol=0)
    assert np.array_equal(softplus(x), -log_sigmoid(-x))


# --- The package ---------------------------------------------------------------------------------------
