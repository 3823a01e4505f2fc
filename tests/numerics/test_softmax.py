"""Softmax and its relatives: what they accept and refuse, and bounds on their errors.

The bounds are those that the docstrings promise, in units of eps, the spacing of floats at 1: 4 for
softmax and log_softmax, whatever the gap, for nothing cancels; 4 for log-sum-exp, relative to
the larger of it and log(1 + r), which may cancel; 8 for a product of two such numbers.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import oracle
import pytest
from oracle import assert_within

from xentlib import log_softmax, logsumexp, softmax, softmax_jacobian

ALL = [logsumexp, log_softmax, softmax, softmax_jacobian]
PROMISED = {logsumexp: 4, log_softmax: 4, softmax: 4, softmax_jacobian: 8}
ROWWISE = [log_softmax, softmax, softmax_jacobian]
Z = np.random.default_rng(7).normal(scale=3, size=(4, 3, 5))


# --- Accuracy against mpmath --------------------------------------------------------------------


def logits(classes: int, gap: float, dtype: Any) -> Any:
    """Return logits between 0 and -gap, on a grid on which all differences are exact."""
    inner = np.random.default_rng(classes).uniform(0, 1, size=max(0, classes - 2))
    fractions = np.concatenate([[0.0], inner, [1.0]])[:classes]
    return (-np.round(fractions * gap * 64) / 64).astype(dtype)


CASES = [
    *((np.float64, gap) for gap in (0.0, 0.5, 1.0, 5.0, 17.0, 37.0, 40.0, 100.0, 300.0, 700.0)),
    *((np.float32, gap) for gap in (0.0, 0.5, 1.0, 5.0, 17.0, 40.0, 80.0)),
]


@pytest.mark.accuracy
@pytest.mark.parametrize("classes", [1, 2, 10, 1000])
@pytest.mark.parametrize(("dtype", "gap"), CASES)
def test_relative_error(dtype: Any, gap: float, classes: int) -> None:
    z = logits(classes, gap, dtype)
    assert_within(softmax(z), oracle.softmax(z), eps=4)
    assert_within(log_softmax(z), oracle.log_softmax(z), eps=4)
    # The maximum is 0 here, so log-sum-exp is log1p(r) alone.
    total = oracle.logsumexp(z)
    assert_within(logsumexp(z), total, eps=4, scale=total.values)


@pytest.mark.accuracy
@pytest.mark.parametrize("classes", [1, 2, 10])
@pytest.mark.parametrize(("dtype", "gap"), CASES)
def test_relative_error_of_each_entry_of_the_jacobian(dtype: Any, gap: float, classes: int) -> None:
    z = logits(classes, gap, dtype)
    assert_within(softmax_jacobian(z), oracle.softmax_jacobian(z), eps=8)


@pytest.mark.accuracy
@pytest.mark.parametrize("temperature", [1.0, 0.5, 0.7, 3.0])
@pytest.mark.parametrize("spread", [1.0, 30.0, 1000.0])
@pytest.mark.parametrize("shift", [-1e4, -1000.3, -7.1, 0.1, 123.4, 1e4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gaps_that_round_cost_nothing(dtype: Any, shift: float, spread: float, temperature: float) -> None:
    z = (np.random.default_rng(3).uniform(-spread, 0, size=10) + shift).astype(dtype)
    for function in (softmax, log_softmax, logsumexp):
        expected = getattr(oracle, function.__name__)(z, temperature=temperature)
        assert_within(function(z, temperature=temperature), expected, eps=4)


@pytest.mark.accuracy(eps=2**14)  # of a sum near 0, where the bound is of log 8
def test_log_sum_exp_near_0_is_as_good_as_its_terms() -> None:
    z = np.random.default_rng(2).normal(scale=0.01, size=(20, 8)) - math.log(8)
    expected = oracle.logsumexp(z)
    assert_within(logsumexp(z), expected, eps=4)
    assert (expected.scale <= math.log(8) + 0.1).all()


@pytest.mark.accuracy
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_hundred_thousand_classes(dtype: Any) -> None:
    z = np.random.default_rng(5).normal(size=100_000)
    z = (np.round(256 * z) / 256).astype(dtype)  # of equal logits the oracle takes one exponential
    some = np.append(np.arange(0, z.size, 50), [z.argmin(), z.argmax(), z.size - 1])
    assert_within(softmax(z)[some], oracle.softmax(z).at(some), eps=4)
    assert_within(log_softmax(z)[some], oracle.log_softmax(z).at(some), eps=4)
    assert_within(logsumexp(z), oracle.logsumexp(z), eps=4)


@pytest.mark.accuracy
def test_the_usual_forms_lose_what_these_keep() -> None:
    z = np.array([40.0, 0.0])
    tail = math.exp(-40.0)  # within 1e-17 of what it stands for
    assert_within(softmax(z), np.array([1.0, tail]), eps=4)
    assert np.log(softmax(z)[0]) == 0.0
    assert_within(log_softmax(z), np.array([-tail, -40.0]), eps=4)
    assert 1 - softmax(z)[0] == 0.0
    assert_within(softmax_jacobian(z), tail * np.array([[1, -1], [-1, 1]]), eps=4)
    with np.errstate(over="ignore"):
        assert np.log(np.exp([800.0, 0.0]).sum()) == np.inf
    assert logsumexp([800.0, 0.0]) == 800.0


@pytest.mark.accuracy
def test_half_precision_is_one_rounding_of_the_exact_value() -> None:
    z = np.array([3.0, -2.5, 0.125, 8.0], dtype=np.float16)
    # float32 inside adds 1e-3 of a rounding.
    for function in (softmax, log_softmax, logsumexp):
        assert_within(function(z), getattr(oracle, function.__name__)(z), eps=0.505)


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


def assert_close(function: Any, found: Any, expected: Any) -> None:
    """Refuse results of a function that do not both keep their bound, the largest |z| being 16."""
    scale = 16 + np.abs(expected) if function is logsumexp else None
    assert_within(found, expected, eps=2 * PROMISED[function], scale=scale)


@pytest.mark.accuracy
def test_rows_do_not_touch_each_other() -> None:
    for place in np.ndindex(Z.shape[:-1]):
        for function in ALL:
            # Sums may be taken in another order: each is within its bound.
            assert_close(function, function(Z)[place], function(Z[place]))


@pytest.mark.accuracy
@pytest.mark.parametrize("shift", [-512.0, -1.0, 2.0, 1024.0])
def test_shift_invariance(shift: float) -> None:
    z = np.round(Z * 1024) / 1024  # the shift is exact
    for function in ROWWISE:
        assert_close(function, function(z + shift), function(z))
    # Roundings of a number of the size of the shift or of Z.
    assert_within(logsumexp(z + shift), logsumexp(z) + shift, eps=2, scale=max(abs(shift), 16))


@pytest.mark.accuracy
def test_permutation() -> None:
    order = [3, 0, 4, 1, 2]
    for function in (softmax, log_softmax):
        assert_close(function, function(Z[..., order]), function(Z)[..., order])
    permuted = softmax_jacobian(Z)[..., order, :][..., order]
    assert_close(softmax_jacobian, softmax_jacobian(Z[..., order]), permuted)


@pytest.mark.accuracy
def test_temperature_divides_the_logits() -> None:
    for function in (logsumexp, softmax, log_softmax):
        assert_close(function, function(Z, temperature=0.25), function(Z * 4))
        assert np.array_equal(function(Z, temperature=1), function(Z))
    assert_within(softmax(Z, temperature=1e300), np.full(Z.shape, 0.2), eps=4)
    assert softmax([0.0, 1.0], temperature=1e-320).tolist() == [0.0, 1.0]


@pytest.mark.accuracy
def test_the_functions_agree_with_each_other() -> None:
    # Sums of five numbers below 1, each right to 4 eps of itself.
    assert_within(softmax(Z).sum(axis=-1), np.ones(Z.shape[:-1]), eps=5)
    assert_within(softmax_jacobian(Z).sum(axis=-1), np.zeros(Z.shape), eps=5, scale=1)
    # A logarithm below the spread of Z is right to half an eps of that.
    assert_within(np.exp(log_softmax(Z)), softmax(Z), eps=10 + np.ptp(Z) / 2)
    assert_within(Z - logsumexp(Z)[..., None], log_softmax(Z), eps=5, scale=np.abs(Z).max())
    assert np.array_equal(softmax_jacobian(Z), np.swapaxes(softmax_jacobian(Z), -1, -2))


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


@pytest.mark.accuracy
@pytest.mark.parametrize("function", ALL)
def test_lists_and_odd_memory(function: Any) -> None:
    expected = function(Z)
    assert np.array_equal(function(Z.tolist()), expected)
    swapped = function(Z.astype(">f8"))
    assert np.array_equal(swapped, expected)
    assert swapped.dtype.isnative
    assert np.array_equal(function(np.repeat(Z, 2, axis=-1)[..., ::2]), expected)
    assert np.array_equal(function(Z[::-1])[::-1], expected)
    # Sums may be taken in another order.
    assert_within(function(np.asfortranarray(Z)), expected, eps=10)


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
        ([1.0, np.nan], ValueError, r"masked class, but the logit at 1 \(class axis last\) is nan"),
        ([1j, 0.0], TypeError, "real numbers, but their dtype is complex128"),
        (["1", "2"], TypeError, "real numbers, but their dtype is <U1"),
        ([None, 1.0], TypeError, "real numbers, but their dtype is object"),
        (np.array(["2020-01-01"], "M8[D]"), TypeError, "real numbers, but their dtype is datetime64"),
        (3.0, ValueError, "the single number 3.0 has not: wrap it in a list"),
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
        with pytest.raises(ValueError, match=r"every class of the row at 1 is masked"):
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
        (np.array(2.0), TypeError, r"ndarray: of an array of one number pass float\(temperature\)"),
    ],
    ids=str,
)
def test_temperatures_that_are_refused(
    function: Any, temperature: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        function(Z, temperature=temperature)


@pytest.mark.accuracy
def test_subnormal_logits_and_results() -> None:
    assert softmax([5e-324, 0.0]).tolist() == [0.5, 0.5]
    assert logsumexp([5e-324]) == 5e-324
    z = [0.0, -744.0]
    assert_within(softmax(z), oracle.softmax(z), eps=4)
    assert 0 < softmax(z)[1] < np.finfo(float).tiny


def test_masked_rows_below_others_are_found_in_their_place() -> None:
    z = np.zeros((2, 3, 4))
    z[1, 2] = -np.inf
    with pytest.raises(ValueError, match=r"every class of the row at \(1, 2\)"):
        softmax(z)
    z[1, 0, 3] = np.nan
    with pytest.raises(ValueError, match=r"the logit at \(1, 0, 3\) \(class axis last\) is nan"):
        softmax(z, temperature=2.0)
