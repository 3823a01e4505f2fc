"""Priors: the adjusted loss and shifted probabilities, as accurate as promised; what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import oracle
import pytest
from oracle import assert_within

from xentlib import (
    logit_adjusted_cross_entropy,
    logit_adjusted_cross_entropy_grad,
    logit_adjusted_cross_entropy_hess,
    shift_prior,
    softmax,
    softmax_cross_entropy,
    softmax_cross_entropy_grad,
    softmax_cross_entropy_hess,
)
from xentlib.differences import gradient, hessian, jacobian

DRAW = np.random.default_rng(7)
Z = DRAW.normal(scale=3, size=(4, 3, 5))
LABELS = DRAW.integers(5, size=(4, 3))
Y = oracle.distributions(DRAW.normal(size=(4, 3, 5)))
PRIOR = np.array([0.5, 0.3, 0.15, 0.04, 0.01])
TINY = np.array([1.0, 1e-300, 3e-200, 7e-100, 5e-324])
FLAT = np.full(5, 0.2)

ADJUSTED: list[Any] = [
    logit_adjusted_cross_entropy,
    logit_adjusted_cross_entropy_grad,
    logit_adjusted_cross_entropy_hess,
]
PLAIN: list[Any] = [softmax_cross_entropy, softmax_cross_entropy_grad, softmax_cross_entropy_hess]

GAPS = pytest.mark.parametrize("gap", [0.0, 1.0, 10.0, 20.0, 37.0, 40.0, 100.0, 300.0, 700.0])
FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64])


# --- Accuracy -----------------------------------------------------------------------------------


def rows(gap: float, dtype: Any) -> tuple[Any, Any]:
    """Return logits of which one is above the others by about the gap, and labels: half of them it."""
    draw = np.random.default_rng(int(gap))
    z = draw.uniform(-0.5, 0.5, size=(12, 5)) * max(1.0, gap / 10) - 3
    z[:, 2] += gap
    return z.astype(dtype), np.where(np.arange(12) % 2, 2, draw.integers(5, size=12))


@pytest.mark.accuracy
@GAPS
@FLOATS
@pytest.mark.parametrize("prior", [PRIOR, TINY, PRIOR.astype(np.float32)], ids=["plain", "tiny", "single"])
def test_relative_error_with_labels(dtype: Any, gap: float, prior: Any) -> None:
    z, labels = rows(gap, dtype)
    for function, eps in zip(ADJUSTED, (8, 8, 16), strict=True):
        assert_within(function(z, labels, prior), getattr(oracle, function.__name__)(z, labels, prior), eps)


@pytest.mark.accuracy
@GAPS
@FLOATS
@pytest.mark.parametrize("tau", [0.0, 0.5, 1.7, 4.0])
def test_relative_error_at_other_strengths(dtype: Any, gap: float, tau: float) -> None:
    z, labels = rows(gap, dtype)
    more = max(0.0, tau - 1)
    for function, eps in zip(ADJUSTED, (8 + 4 * more, 8 + 4 * more, 16 + 8 * more), strict=True):
        expected = getattr(oracle, function.__name__)(z, labels, PRIOR, tau=tau)
        assert_within(function(z, labels, PRIOR, tau=tau), expected, eps)


@pytest.mark.accuracy
@GAPS
@FLOATS
def test_error_with_distributions(dtype: Any, gap: float) -> None:
    z, labels = rows(gap, dtype)
    y = (0.9 * np.eye(5)[labels] + 0.1 / 5).astype(dtype)
    for function, eps in zip(ADJUSTED, (8, 8, 16), strict=True):
        assert_within(function(z, y, PRIOR), getattr(oracle, function.__name__)(z, y, PRIOR), eps)


@pytest.mark.accuracy
def test_logits_beside_which_the_logarithm_would_be_rounded_away() -> None:
    z = np.array([[1e17, 1e17, 1e17 - 16, 0.0, -1e308], [-1e308, 1e308, 1e308, 1e308, -1e308]])
    assert 1e17 + np.log(0.3) == 1e17
    for labels in ([0, 1], [1, 3], [2, 2]):
        for function, eps in zip(ADJUSTED, (8, 8, 16), strict=True):
            expected = getattr(oracle, function.__name__)(z, labels, PRIOR)
            assert_within(function(z, labels, PRIOR), expected, eps)


@pytest.mark.accuracy(eps=2**12)  # above what the sum may lose
def test_the_sum_of_logits_and_logarithms_loses_what_this_keeps() -> None:
    prior, z = np.array([1.0, 1e-300]), np.array([0.0, 680.0])  # log(1e-300) is about -690.8
    exact = oracle.logit_adjusted_cross_entropy(z, 0, prior)
    assert_within(logit_adjusted_cross_entropy(z, 0, prior), exact, eps=8)
    sums = softmax_cross_entropy(z + np.log(prior), 0)
    assert oracle.error_in_eps(sums, exact) > 30
    assert_within(sums, exact, eps=1000)


@pytest.mark.accuracy
@FLOATS
def test_error_of_shifted_probabilities(dtype: Any) -> None:
    draw = np.random.default_rng(3)
    for spread in (0, 1, 10, 20):
        p = oracle.distributions(draw.normal(scale=max(spread, 1), size=(8, 5)), dtype)
        old = oracle.distributions(draw.normal(scale=spread, size=5))
        new = oracle.distributions(draw.normal(scale=spread, size=5))
        assert_within(shift_prior(p, old, new), oracle.shift_prior(p, old, new), eps=4)


@pytest.mark.accuracy
def test_quotients_by_the_smallest_number_do_not_overflow() -> None:
    p, new = np.array([0.25, 0.75]), np.array([0.5, 0.5])
    for old in ([1.0, 5e-324], [1.0, 1e-310], [1.0, 1e-200]):
        assert_within(shift_prior(p, old, new), oracle.shift_prior(p, old, new), eps=4)


# --- Derivatives --------------------------------------------------------------------------------

# As in test_cross_entropy.py.
FIRST, SECOND = 1e-11 * 2**52, 1e-7 * 2**52


@pytest.mark.accuracy(eps=2**20)  # above FIRST times the largest entry
@pytest.mark.parametrize("target", [0, 3, Y[0, 0]], ids=str)
@pytest.mark.parametrize("tau", [0.0, 1.0, 1.5])
def test_first_derivatives_against_differences(target: Any, tau: float) -> None:
    for point in (Z[0, 0], np.zeros(5)):
        value, slope, curvature = (
            lambda a, f=function: f(a, target, PRIOR, tau=tau) for function in ADJUSTED
        )
        assert_within(gradient(value, point), slope(point), eps=FIRST, scale=1)
        assert_within(jacobian(slope, point), curvature(point), eps=FIRST, scale=1)


@pytest.mark.accuracy(eps=2**34)  # above SECOND times the largest entry
def test_second_derivatives_against_differences() -> None:
    found = hessian(lambda a: logit_adjusted_cross_entropy(a, 3, PRIOR), Z[0, 0])
    assert_within(found, logit_adjusted_cross_entropy_hess(Z[0, 0], 3, PRIOR), eps=SECOND, scale=1)


# --- Identities and limits ----------------------------------------------------------------------


@pytest.mark.accuracy
@pytest.mark.parametrize("target", [LABELS, Y], ids=["labels", "distributions"])
def test_equal_priors_and_no_strength_are_the_plain_loss(target: Any) -> None:
    for adjusted, plain in zip(ADJUSTED, PLAIN, strict=True):
        size = np.abs(plain(Z, target)) + 1
        assert_within(adjusted(Z, target, FLAT), plain(Z, target), eps=12, scale=size)
        assert_within(adjusted(Z, target, PRIOR, tau=0.0), plain(Z, target), eps=12, scale=size)


@pytest.mark.accuracy
def test_a_prior_of_0_masks_as_a_logit_of_minus_infinity_does() -> None:
    prior = np.array([0.5, 0.0, 0.25, 0.25, 0.0])
    masked = np.where(prior > 0, Z, -np.inf)
    for function in ADJUSTED:
        for tau in (0.0, 1.0, 2.0):
            found, expected = function(Z, Y, prior, tau=tau), function(masked, Y, prior, tau=tau)
            assert np.array_equal(found, expected)
    kept = np.array([0, 2, 3])
    assert_within(
        logit_adjusted_cross_entropy(Z, np.zeros((4, 3), int), prior),
        logit_adjusted_cross_entropy(Z[..., kept], np.zeros((4, 3), int), prior[kept]),
        eps=16,
    )
    assert np.isposinf(logit_adjusted_cross_entropy(Z, np.ones((4, 3), int), prior)).all()
    assert np.isposinf(logit_adjusted_cross_entropy(Z, Y, prior)).all()
    assert not logit_adjusted_cross_entropy_grad(Z, np.zeros((4, 3), int), prior)[..., [1, 4]].any()
    assert not logit_adjusted_cross_entropy_hess(Z, np.zeros((4, 3), int), prior)[..., 1, :].any()


@pytest.mark.accuracy
def test_other_axes_shapes_and_dtypes() -> None:
    for function in ADJUSTED[:2]:
        moved = function(np.moveaxis(Z, -1, 0), LABELS, PRIOR, axis=0)
        moved = moved if moved.ndim == 2 else np.moveaxis(moved, 0, -1)
        assert_within(moved, function(Z, LABELS, PRIOR), eps=0)
        assert function(np.zeros((0, 5)), np.zeros(0, int), PRIOR).shape[0] == 0
        assert function(Z.astype(np.float16), LABELS, PRIOR).dtype == np.float16
        assert function([0, 1], 0, [0.5, 0.5]).dtype == np.float64
    back = shift_prior(np.moveaxis(Y, -1, 0), PRIOR, FLAT, axis=0)
    assert_within(np.moveaxis(back, 0, -1), shift_prior(Y, PRIOR, FLAT), eps=0)
    assert shift_prior(Y.astype(np.float32), PRIOR, FLAT).dtype == np.float32


@pytest.mark.accuracy
def test_a_shift_and_back() -> None:
    there = shift_prior(Y, PRIOR, FLAT)
    assert_within(shift_prior(there, FLAT, PRIOR), Y, eps=16)
    assert_within(shift_prior(Y, PRIOR, PRIOR), Y, eps=4)
    # Of logits it is an addition; sums of logits and logarithms below 16 round by 4 eps each.
    shifted = softmax(np.log(Y) + np.log(FLAT) - np.log(PRIOR))
    assert_within(there, shifted, eps=32)


def test_classes_that_come_or_go() -> None:
    p = np.array([0.5, 0.5, 0.0])
    assert shift_prior(p, [0.5, 0.5, 0.0], [0.25, 0.25, 0.5]).tolist() == [0.5, 0.5, 0.0]
    assert shift_prior(p, [0.5, 0.25, 0.25], [0.0, 0.5, 0.5]).tolist() == [0.0, 1.0, 0.0]


def test_integers_are_taken() -> None:
    one, whole = [1, 0, 0, 0, 0], np.eye(5)[0]
    for function in ADJUSTED:
        assert np.array_equal(function(Z, LABELS, one), function(Z, LABELS, whole))
    assert np.array_equal(shift_prior(Y, FLAT, one), shift_prior(Y, FLAT, whole))
    assert shift_prior(one, one, FLAT).tolist() == whole.tolist()


# --- What is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "tau", "error", "message"),
    [
        (
            (Z, LABELS, [0.5, 0.5]),
            1.0,
            ValueError,
            r"prior has shape \(2,\), but must have \(5,\), one number",
        ),
        (
            (Z, LABELS, [5, 4, 3, 2, 1]),
            1.0,
            ValueError,
            "prior must be dist.* sums to 15.0: divide it by its sum",
        ),
        ((Z, LABELS, PRIOR * 100), 1.0, ValueError, "prior must be distributions, .* divide it by its sum"),
        ((Z, LABELS, PRIOR - 0.02), 1.0, ValueError, "prior must be distributions, finite and at least 0"),
        ((Z, LABELS, PRIOR), -0.5, ValueError, "tau must be finite and at least 0, but is -0.5"),
        ((Z, LABELS, PRIOR), np.inf, ValueError, "tau must be finite and at least 0, but is inf"),
        ((Z, LABELS, PRIOR), np.nan, ValueError, "tau must be finite and at least 0, but is nan"),
        ((Z, LABELS, PRIOR), "1", TypeError, "tau must be one real number, but is '1' of type str"),
        ((Z, LABELS + 5, PRIOR), 1.0, ValueError, "labels in target must be from 0 to 4"),
        ((Z, LABELS[0], PRIOR), 1.0, ValueError, r"target must be labels, integers of shape \(4, 3\)"),
        ((Z * np.nan, LABELS, PRIOR), 1.0, ValueError, "nan"),
        (([[0.0, 1.0], [-np.inf, 1.0]], [0, 0], [1.0, 0.0]), 1.0, ValueError, "leaves none to the row at 1$"),
    ],
    ids=str,
)
def test_what_the_losses_refuse(arguments: Any, tau: Any, error: type[Exception], message: str) -> None:
    for function in ADJUSTED:
        with pytest.raises(error, match=message):
            function(*arguments, tau=tau)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            (Y * 1j, FLAT, FLAT),
            TypeError,
            "probabilities must be real numbers, but their dtype is complex128",
        ),
        ((0.5, FLAT, FLAT), ValueError, "probabilities must have a class axis"),
        (
            ([0.5, 0.6], [0.5, 0.5], [0.5, 0.5]),
            ValueError,
            "probabilities must be distributions, .* sums to 1.1",
        ),
        (
            (Y, FLAT[:4], FLAT),
            ValueError,
            r"old has shape \(4,\), but must have \(5,\), one number for each class",
        ),
        ((Y, FLAT, FLAT * 2), ValueError, "new must be distributions, .* sums to 2"),
        ((Y, FLAT * 1j, FLAT), TypeError, "old must be real numbers, but their dtype is complex128"),
        (([0.5, 0.5], [1.0, 0.0], [0.5, 0.5]), ValueError, r"old must be positive .* at 1 .* which is 0.5$"),
        (([[1.0, 0.0]], [0.5, 0.5], [0.0, 1.0]), ValueError, "leaves none to the row at 0$"),
    ],
    ids=str,
)
def test_what_shift_prior_refuses(arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        shift_prior(*arguments)
