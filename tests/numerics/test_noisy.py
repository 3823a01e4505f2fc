"""Losses for noisy labels: accuracy as promised, differences, limits, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import oracle
import pytest
from oracle import assert_within

from xentlib import (
    forward_corrected_cross_entropy,
    forward_corrected_cross_entropy_grad,
    forward_corrected_cross_entropy_hess,
    generalized_cross_entropy,
    generalized_cross_entropy_grad,
    generalized_cross_entropy_hess,
    softmax_cross_entropy,
    softmax_cross_entropy_grad,
    softmax_cross_entropy_hess,
)
from xentlib.differences import gradient, jacobian

GAPS = pytest.mark.parametrize("gap", [0.0, 1.0, 10.0, 37.0, 40.0, 100.0, 700.0])
FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64])
QS = pytest.mark.parametrize("q", [1e-6, 0.3, 0.7, 1.0])

UNIFORM = np.full((6, 6), 0.08) + 0.52 * np.eye(6)
SOME = np.random.default_rng(2).dirichlet(np.full(6, 0.3), size=6)
NOISES = pytest.mark.parametrize(
    "noise", [UNIFORM, SOME, np.eye(6), np.roll(np.eye(6), 1, axis=0)], ids=["uniform", "some", "no", "shift"]
)

GENERALIZED = [generalized_cross_entropy, generalized_cross_entropy_grad, generalized_cross_entropy_hess]
CORRECTED = [
    forward_corrected_cross_entropy,
    forward_corrected_cross_entropy_grad,
    forward_corrected_cross_entropy_hess,
]
PLAIN = [softmax_cross_entropy, softmax_cross_entropy_grad, softmax_cross_entropy_hess]


def rows(gap: float, dtype: Any) -> tuple[Any, Any]:
    """Return logits of which one is above the others by about the gap, and labels: half of them it."""
    draw = np.random.default_rng(int(gap))
    z = draw.uniform(-0.5, 0.5, size=(8, 6)) * max(1.0, gap / 10) - 3
    z[:, 2] += gap
    return z.astype(dtype), np.where(np.arange(8) % 2, 2, draw.integers(6, size=8))


# --- Accuracy against mpmath ----------------------------------------------------------------------


@pytest.mark.accuracy
@GAPS
@FLOATS
@QS
def test_error_of_generalized_cross_entropy(dtype: Any, gap: float, q: float) -> None:
    z, labels = rows(gap, dtype)
    for function, eps in zip(GENERALIZED, (4, 8, 12), strict=True):
        expected = getattr(oracle, function.__name__)(z, labels, q=q)
        assert_within(function(z, labels, q=q), expected, eps=eps)


@pytest.mark.accuracy
@GAPS
@FLOATS
@NOISES
def test_error_of_the_corrected_loss(dtype: Any, gap: float, noise: Any) -> None:
    z, labels = rows(gap, dtype)
    for function, eps in zip(CORRECTED, (6, 12, 12), strict=True):
        expected = getattr(oracle, function.__name__)(z, labels, noise.astype(dtype))
        assert_within(function(z, labels, noise.astype(dtype)), expected, eps=eps)


@pytest.mark.accuracy
def test_a_sure_prediction_keeps_its_digits() -> None:
    z, tail = np.array([40.0, 0.0]), math.exp(-40.0)
    assert_within(generalized_cross_entropy(z, 0, q=0.5), tail, eps=4)
    assert_within(generalized_cross_entropy_grad(z, 0, q=0.5), np.array([-tail, tail]), eps=8)
    assert_within(forward_corrected_cross_entropy(z, 0, np.eye(2)), tail, eps=6)
    # Of a label that is wrong in one of ten cases the gradient is the tail, too: (0.9 - 0.1) / 0.9 of it.
    noise = np.array([[0.9, 0.1], [0.1, 0.9]])
    small = tail * 0.8 / 0.9
    assert_within(forward_corrected_cross_entropy_grad(z, 0, noise), np.array([-small, small]), eps=12)


# --- Derivatives ----------------------------------------------------------------------------------

# A fourth-order difference errs by h^4 f'''''/30, and by the rounding of values below 8. In eps of 1:
FIRST = 1e-11 * 2**52
POINTS = [np.random.default_rng(3).normal(scale=2, size=6), np.zeros(6), np.array([8.0, 0, 0, 1, -3, 2])]


@pytest.mark.accuracy(eps=2**22)  # above FIRST times the largest entry
@pytest.mark.parametrize("point", POINTS, ids=str)
@pytest.mark.parametrize("label", [0, 3])
@QS
def test_generalized_derivatives_against_differences(point: Any, label: int, q: float) -> None:
    value, grad, hess = (lambda z, f=f: f(z, label, q=q) for f in GENERALIZED)
    assert_within(gradient(value, point), grad(point), eps=FIRST, scale=1)
    assert_within(jacobian(grad, point), hess(point), eps=FIRST, scale=1)


@pytest.mark.accuracy(eps=2**22)  # above FIRST times the largest entry
@pytest.mark.parametrize("point", POINTS, ids=str)
@pytest.mark.parametrize("label", [0, 3])
@NOISES
def test_corrected_derivatives_against_differences(point: Any, label: int, noise: Any) -> None:
    value, grad, hess = (lambda z, f=f: f(z, label, noise) for f in CORRECTED)
    assert_within(gradient(value, point), grad(point), eps=FIRST, scale=1)
    assert_within(jacobian(grad, point), hess(point), eps=FIRST, scale=1)


# --- Limits ---------------------------------------------------------------------------------------

Z, LABELS = rows(1.0, np.float64)


@pytest.mark.accuracy
def test_no_noise_is_cross_entropy() -> None:
    for corrected, plain in zip(CORRECTED, PLAIN, strict=True):
        # The Hessian of a label that is sure: the posterior is, too.
        expected = plain(Z, LABELS)
        assert_within(corrected(Z, LABELS, np.eye(6, dtype=int)), expected, eps=16)


@pytest.mark.accuracy
def test_q_next_to_0_is_cross_entropy() -> None:
    for bounded, plain in zip(GENERALIZED, PLAIN, strict=True):
        assert_within(bounded(Z, LABELS, q=1e-300), plain(Z, LABELS), eps=16)


@pytest.mark.accuracy
def test_q_of_1_is_the_probability_of_a_mistake() -> None:
    own = np.eye(6)[LABELS]
    mistake = (oracle.softmax(Z).values * (1 - own)).sum(axis=-1).astype(float)
    assert_within(generalized_cross_entropy(Z, LABELS, q=1), mistake, eps=8)
    of_label = oracle.softmax_jacobian(Z).values[np.arange(8), LABELS].astype(float)
    assert_within(generalized_cross_entropy_grad(Z, LABELS, q=1.0), -of_label, eps=16)


@pytest.mark.accuracy
def test_masked_classes() -> None:
    z = np.array([[1.0, -np.inf, 2.0], [0.0, 0.0, -np.inf]])
    labels = np.array([1, 0])
    for function in GENERALIZED:
        expected = getattr(oracle, function.__name__)(z, labels, q=0.5)
        assert_within(function(z, labels, q=0.5), expected, eps=12)
    assert generalized_cross_entropy(z, labels, q=0.5)[0] == 2
    assert not generalized_cross_entropy_grad(z, labels, q=0.5)[0].any()
    noise = np.full((3, 3), 0.1) + 0.7 * np.eye(3)
    for corrected in CORRECTED:
        expected = getattr(oracle, corrected.__name__)(z, labels, noise)
        assert_within(corrected(z, labels, noise), expected, eps=12)


def test_a_label_that_no_class_explains() -> None:
    z = np.array([[1.0, -np.inf, 2.0], [0.0, 0.0, 0.0]])
    loss, grad, hess = (function(z, [1, 1], np.eye(3)) for function in CORRECTED)
    assert np.isinf(loss).tolist() == [True, False]
    assert np.isnan(grad).all(axis=-1).tolist() == [True, False]
    assert np.isnan(hess).all(axis=(-1, -2)).tolist() == [True, False]


@pytest.mark.accuracy
def test_axis_dtype_and_shape() -> None:
    z = np.random.default_rng(5).normal(size=(2, 6, 3)).astype(np.float32)
    labels = np.random.default_rng(6).integers(6, size=(2, 3))
    last = np.moveaxis(z, 1, -1)
    for functions, arguments in ((GENERALIZED, ()), (CORRECTED, (UNIFORM,))):
        value, grad, hess = (function(z, labels, *arguments, axis=1) for function in functions)
        assert value.dtype == grad.dtype == hess.dtype == np.float32
        for found, function in ((value, functions[0]), (np.moveaxis(grad, 1, -1), functions[1])):
            assert_within(found, function(last, labels, *arguments), eps=0)
        assert_within(hess, functions[2](last, labels, *arguments), eps=0)
        assert functions[1](z[:0], labels[:0], *arguments, axis=1).shape == (0, 6, 3)
    assert generalized_cross_entropy([3, 1], 0).dtype == np.float64
    one = forward_corrected_cross_entropy([[5.0]], [0], [[1.0]])
    assert one.tolist() == [0.0]


# --- Refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize("q", [0.0, -1.0, 1.5, np.nan, np.inf])
def test_q_must_be_above_0_and_at_most_1(q: float) -> None:
    for function in GENERALIZED:
        with pytest.raises(ValueError, match=r"q must be (finite and above 0|at most 1), but is"):
            function(Z, LABELS, q=q)


@pytest.mark.parametrize("q", ["0.7", True, [0.7]])
def test_q_must_be_a_number(q: Any) -> None:
    with pytest.raises(TypeError, match="q must be one real number"):
        generalized_cross_entropy(Z, LABELS, q=q)


@pytest.mark.parametrize("functions", [GENERALIZED, CORRECTED], ids=["generalized", "corrected"])
def test_bad_logits_and_labels_are_refused(functions: Any) -> None:
    more = (UNIFORM,) if functions is CORRECTED else ()
    for function in functions:
        with pytest.raises(ValueError, match="labels must be from 0 to 5, but the value at 0 is 6"):
            function(Z[:1], [6], *more)
        with pytest.raises(TypeError, match="labels must be integers, but their dtype is float64"):
            function(Z, np.eye(6)[LABELS], *more)
        with pytest.raises(ValueError, match=r"labels has shape \(7,\), but must have \(8,\)"):
            function(Z, LABELS[1:], *more)
        with pytest.raises(ValueError, match="nan"):
            function(np.full((8, 6), np.nan), LABELS, *more)


def test_bad_noise_is_refused() -> None:
    for function in CORRECTED:
        with pytest.raises(ValueError, match=r"noise has shape \(5, 5\), but must have \(6, 6\)"):
            function(Z, LABELS, np.eye(5))
        with pytest.raises(ValueError, match="noise must be distributions, each with sum 1"):
            function(Z, LABELS, 2 * np.eye(6))
        with pytest.raises(ValueError, match="noise must be distributions, finite and at least 0"):
            function(Z, LABELS, 2 * np.eye(6) - np.roll(np.eye(6), 1, axis=0))
        with pytest.raises(TypeError, match="noise must be real numbers"):
            function(Z, LABELS, np.eye(6) * 1j)
