"""Softmax and its relatives: what they accept and refuse, and bounds on their errors.

The bounds are reasoned, not measured. With u half the spacing of floats at 1, and gaps between
logits that are exact: exp is right to 5u (NumPy's float32 kernel, 2.5 units in the last place),
a pairwise sum of up to 1000 terms adds 26u, and 1 + r, a division, log1p and a subtraction of
numbers of unlike sign take the rest. Nothing cancels, so that gives 40u for softmax and
log_softmax, whatever the gap; a product of two of these, with expm1, is right to 90u.
"""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest

import xentlib
from xentlib.softmax import log_softmax, logsumexp, softmax, softmax_jacobian

ALL = [logsumexp, log_softmax, softmax, softmax_jacobian]
ROWWISE = [log_softmax, softmax, softmax_jacobian]
Z = np.random.default_rng(7).normal(scale=3, size=(4, 3, 5))


def half_spacing(dtype: Any) -> float:
    return float(np.finfo(dtype).eps) / 2


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
    u, tiny = half_spacing(dtype), float(np.finfo(dtype).tiny)
    total, log_p, p = exact(z)
    assert relative(softmax(z), p, tiny) <= 40 * u
    assert relative(log_softmax(z), log_p, tiny) <= 40 * u
    # The maximum is 0 here, so log-sum-exp is log1p(r) alone.
    assert relative([logsumexp(z)], [total], tiny) <= 40 * u


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
    assert relative(softmax_jacobian(z), expected, tiny) <= 90 * half_spacing(dtype)


@pytest.mark.parametrize("shift", [-1000.3, -7.1, 0.1, 123.4, 1e6])
def test_rounded_gaps_cost_their_rounding_and_no_more(shift: float) -> None:
    z = Z[0, 0] + shift
    u, tiny = half_spacing(float), float(np.finfo(float).tiny)
    total, log_p, p = exact(z)
    # exp turns the error u g of a gap into a relative error of the same size.
    bound = (40 + float(np.ptp(z))) * u
    assert relative(softmax(z), p, tiny) <= bound
    assert relative(log_softmax(z), log_p, tiny) <= bound
    # The maximum and log1p(r) may cancel: the error is relative to the larger.
    assert abs(float(mpmath.mpf(float(logsumexp(z))) - total)) <= bound * max(1.0, abs(z).max())


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


def test_rows_do_not_touch_each_other() -> None:
    for place in np.ndindex(Z.shape[:-1]):
        for function in ALL:
            assert np.array_equal(function(Z)[place], function(Z[place]))


@pytest.mark.parametrize("shift", [-512.0, -1.0, 2.0, 1024.0])
def test_shift_invariance_is_exact_where_the_shift_is(shift: float) -> None:
    z = np.round(Z * 1024) / 1024
    for function in ROWWISE:
        assert np.array_equal(function(z + shift), function(z))
    assert np.abs(logsumexp(z + shift) - logsumexp(z) - shift).max() <= 2 * np.spacing(1024.0 + 16)


def test_permutation() -> None:
    order = [3, 0, 4, 1, 2]
    u = half_spacing(float)
    # The sums are taken in another order.
    assert np.abs(softmax(Z[..., order]) / softmax(Z)[..., order] - 1).max() <= 20 * u
    assert np.abs(log_softmax(Z[..., order]) / log_softmax(Z)[..., order] - 1).max() <= 20 * u
    permuted = softmax_jacobian(Z)[..., order, :][..., order]
    assert np.abs(softmax_jacobian(Z[..., order]) / permuted - 1).max() <= 40 * u


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
        (3.0, ValueError, "the single number 3.0: wrap it in a list"),
        ([], ValueError, r"at least one class, but their shape is \(0,\)"),
        (np.zeros((2, 0)), ValueError, r"at least one class, but their shape is \(2, 0\)"),
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
    for function in ROWWISE:
        with pytest.raises(ValueError, match=r"every class of the row \(1,\) has the logit -inf"):
            function(z)


def test_a_gap_beyond_the_largest_float_is_said_to_overflow() -> None:
    with pytest.warns(RuntimeWarning, match="overflow"):
        assert log_softmax([1e308, -1e308])[1] == -np.inf


# --- The package ---------------------------------------------------------------------------------------


def test_the_package_exports_these_functions() -> None:
    assert [getattr(xentlib, name) for name in xentlib.__all__[1:]] == [
        log_softmax,
        logsumexp,
        softmax,
        softmax_jacobian,
    ]


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    assert xentlib.__version__ == project["project"]["version"]
