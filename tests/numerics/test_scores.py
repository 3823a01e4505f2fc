"""The Brier and the spherical loss: accuracy as promised, differences, limits, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import oracle
import pytest
from oracle import assert_within

from xentlib import (
    generalized_cross_entropy,
    generalized_cross_entropy_grad,
    generalized_cross_entropy_hess,
    softmax_brier_loss,
    softmax_brier_loss_grad,
    softmax_brier_loss_hess,
    softmax_spherical_loss,
    softmax_spherical_loss_grad,
    softmax_spherical_loss_hess,
)
from xentlib.differences import gradient, jacobian

GAPS = pytest.mark.parametrize("gap", [0.0, 1.0, 10.0, 20.0, 37.0, 40.0, 100.0, 360.0, 700.0])
FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64])

BRIER = [softmax_brier_loss, softmax_brier_loss_grad, softmax_brier_loss_hess]
SPHERICAL = [softmax_spherical_loss, softmax_spherical_loss_grad, softmax_spherical_loss_hess]
BOTH = pytest.mark.parametrize("functions", [BRIER, SPHERICAL], ids=["brier", "spherical"])
GENERALIZED = [generalized_cross_entropy, generalized_cross_entropy_grad, generalized_cross_entropy_hess]
BOUNDS = (8, 8, 12)


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
@BOTH
def test_error(functions: Any, dtype: Any, gap: float) -> None:
    z, labels = rows(gap, dtype)
    for function, eps in zip(functions, BOUNDS, strict=True):
        assert_within(function(z, labels), getattr(oracle, function.__name__)(z, labels), eps=eps)


@pytest.mark.accuracy
@FLOATS
@BOTH
def test_error_with_ties(functions: Any, dtype: Any) -> None:
    z = np.array([[0, 0, 0, 0], [5, 5, -5, 0], [3, 3, 3, -40], [0, -1e-4, 1e-4, -20]], dtype)
    for label in range(4):
        labels = np.full(4, label)
        for function, eps in zip(functions, BOUNDS, strict=True):
            assert_within(function(z, labels), getattr(oracle, function.__name__)(z, labels), eps=eps)


@pytest.mark.accuracy
def test_a_sure_prediction_keeps_its_digits() -> None:
    z, tail = np.array([40.0, 0.0]), math.exp(-40.0)
    assert_within(softmax_brier_loss(z, 0), 2 * tail**2, eps=8)
    assert_within(softmax_brier_loss_grad(z, 0), np.array([-4 * tail**2, 4 * tail**2]), eps=8)
    assert_within(softmax_spherical_loss(z, 0), tail**2 / 2, eps=8)
    assert_within(softmax_spherical_loss_grad(z, 0), np.array([-(tail**2), tail**2]), eps=8)
    # A sure one that is wrong: of 2 - 4 p + 2 p^2 and of 1 - p / ||p||, with p next to 0.
    assert_within(softmax_brier_loss(z, 1), 2.0, eps=8)
    assert_within(softmax_brier_loss_grad(z, 1), np.array([4 * tail, -4 * tail]), eps=8)
    assert_within(softmax_spherical_loss_grad(z, 1), np.array([tail, -tail]), eps=8)


# --- Derivatives ----------------------------------------------------------------------------------

# A fourth-order difference errs by h^4 f'''''/30, and by the rounding of values below 2. In eps of 1:
FIRST = 1e-11 * 2**52
POINTS = [np.random.default_rng(3).normal(scale=0.5, size=6), np.zeros(6), np.array([8.0, 0, 0, 1, -3, 2])]


@pytest.mark.accuracy(eps=2**22)  # above FIRST times the largest entry
@pytest.mark.parametrize("point", POINTS, ids=str)
@pytest.mark.parametrize("label", [0, 3])
@BOTH
def test_derivatives_against_differences(functions: Any, point: Any, label: int) -> None:
    value, grad, hess = (lambda z, f=f: f(z, label) for f in functions)
    assert_within(gradient(value, point), grad(point), eps=FIRST, scale=1)
    assert_within(jacobian(grad, point), hess(point), eps=FIRST, scale=1)


# --- Limits ---------------------------------------------------------------------------------------

Z, LABELS = rows(1.0, np.float64)


@pytest.mark.accuracy
def test_the_spherical_loss_is_generalized_cross_entropy_of_doubled_logits() -> None:
    for order, (function, other) in enumerate(zip(SPHERICAL, GENERALIZED, strict=True)):
        expected = 2.0 ** (order - 1) * other(2 * Z, LABELS, q=0.5)
        scale = None if order < 2 else oracle.softmax_spherical_loss_hess(Z, LABELS).scale
        assert_within(function(Z, LABELS), expected, eps=24, scale=scale)


@pytest.mark.accuracy
@BOTH
def test_masked_classes(functions: Any) -> None:
    z = np.array([[1.0, -np.inf, 2.0], [0.0, 0.0, -np.inf]])
    labels = np.array([1, 0])
    for function, eps in zip(functions, BOUNDS, strict=True):
        assert_within(function(z, labels), getattr(oracle, function.__name__)(z, labels), eps=eps)


def test_a_label_that_is_ruled_out_and_one_class_alone() -> None:
    z = [1.0, -np.inf, -np.inf]
    assert softmax_brier_loss(z, 1) == 2
    assert softmax_spherical_loss(z, 1) == 1
    for function in (*BRIER[1:], *SPHERICAL[1:]):
        assert not function(z, 1).any()
    for function in (*BRIER, *SPHERICAL):
        assert not np.any(function([[3.0]], [0]))
    # Further apart than the largest number.
    far = [1.7e308, -1.7e308]
    assert [float(f(far, 0)) for f in (softmax_brier_loss, softmax_spherical_loss)] == [0, 0]
    assert [float(f(far, 1)) for f in (softmax_brier_loss, softmax_spherical_loss)] == [2, 1]


@pytest.mark.accuracy
@BOTH
def test_axis_dtype_and_shape(functions: Any) -> None:
    z = np.random.default_rng(5).normal(size=(2, 6, 3)).astype(np.float32)
    labels = np.random.default_rng(6).integers(6, size=(2, 3))
    last = np.moveaxis(z, 1, -1)
    value, grad, hess = (function(z, labels, axis=1) for function in functions)
    assert value.dtype == grad.dtype == hess.dtype == np.float32
    for found, function in ((value, functions[0]), (np.moveaxis(grad, 1, -1), functions[1])):
        assert_within(found, function(last, labels), eps=0)
    assert_within(hess, functions[2](last, labels), eps=0)
    assert functions[1](z[:0], labels[:0], axis=1).shape == (0, 6, 3)
    assert functions[0]([3, 1], 0).dtype == np.float64


# --- Refusals -------------------------------------------------------------------------------------


@BOTH
def test_bad_logits_and_labels_are_refused(functions: Any) -> None:
    for function in functions:
        with pytest.raises(ValueError, match="labels must be from 0 to 5, but the value at 0 is 6"):
            function(Z[:1], [6])
        with pytest.raises(TypeError, match="labels must be integers, but their dtype is float64"):
            function(Z, np.eye(6)[LABELS])
        with pytest.raises(ValueError, match=r"labels has shape \(7,\), but must have \(8,\)"):
            function(Z, LABELS[1:])
        with pytest.raises(ValueError, match="nan"):
            function(np.full((8, 6), np.nan), LABELS)
        with pytest.raises(ValueError, match="masked"):
            function(np.full((8, 6), -np.inf), LABELS)


def test_no_loss_is_minus_0() -> None:
    for function in (softmax_brier_loss, softmax_spherical_loss):
        for z in ([3.0], [1e4, 0.0], [0.0, -np.inf]):
            assert not np.signbit(function(z, 0))
