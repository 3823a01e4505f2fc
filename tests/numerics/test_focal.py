"""Focal losses and their derivatives: accuracy as promised, differences, limits, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import array_api_compat.numpy
import numpy as np
import oracle
import pytest
from oracle import assert_within

import xentlib
from xentlib import (
    _arrays,
    sigmoid_cross_entropy,
    sigmoid_cross_entropy_grad,
    sigmoid_focal_loss,
    sigmoid_focal_loss_grad,
    sigmoid_focal_loss_hess,
    softmax_cross_entropy,
    softmax_cross_entropy_grad,
    softmax_focal_loss,
    softmax_focal_loss_grad,
    softmax_focal_loss_hess,
    softmax_jacobian,
)
from xentlib.differences import gradient, jacobian

SOFTMAX: list[Callable[..., Any]] = [softmax_focal_loss, softmax_focal_loss_grad, softmax_focal_loss_hess]
SIGMOID: list[Callable[..., Any]] = [sigmoid_focal_loss, sigmoid_focal_loss_grad, sigmoid_focal_loss_hess]
FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64])
GAPS = pytest.mark.parametrize("gap", [0.0, 1.0, 10.0, 40.0, 100.0, 300.0, 700.0])
GAMMAS = pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0, 2.0, 5.0])
PORTABLE = pytest.mark.parametrize("portable", [False, True])


def allowed(function: Any, gamma: float) -> float:
    """Return the bound of the docstring."""
    return 4 * (1 + [*SOFTMAX, *SIGMOID].index(function) % 3 + gamma)


@pytest.fixture(name="portable")
def _portable(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take NumPy's arrays as if they were another library's, where that is asked for."""

    def together(*values: Any) -> tuple[Any, list[Any]]:
        return array_api_compat.numpy, [np.asarray(value) for value in values]

    if request.param:
        monkeypatch.setattr(_arrays, "together", together)


def rows(gap: float, dtype: Any) -> tuple[Any, Any]:
    draw = np.random.default_rng(int(gap))
    z = draw.uniform(-0.5, 0.5, size=(8, 4)) * max(1.0, gap / 10) - 3
    z[:, 2] += gap
    return z.astype(dtype), np.where(np.arange(8) % 2, 2, draw.integers(4, size=8))


# --- Accuracy -----------------------------------------------------------------------------------


@pytest.mark.accuracy
@FLOATS
@GAPS
@GAMMAS
@pytest.mark.parametrize("portable", [False, True], indirect=True)
def test_error_of_softmax(dtype: Any, gap: float, gamma: float, portable: None) -> None:
    z, labels = rows(gap, dtype)
    for function in SOFTMAX:
        expected = getattr(oracle, function.__name__)(z, labels, gamma=gamma)
        assert_within(function(z, labels, gamma=gamma), expected, eps=allowed(function, gamma))


@pytest.mark.accuracy
@FLOATS
@GAPS
@GAMMAS
@pytest.mark.parametrize("target", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("alpha", [None, 0.25])
def test_error_of_sigmoid(dtype: Any, gap: float, gamma: float, target: float, alpha: Any) -> None:
    x = (np.random.default_rng(3).uniform(-0.5, 0.5, size=6) + gap * np.tile([-1, 1], 3)).astype(dtype)
    options = {"gamma": gamma, "alpha": alpha}
    for function in SIGMOID:
        expected = getattr(oracle, function.__name__)(x, dtype(target), **options)
        assert_within(function(x, dtype(target), **options), expected, eps=allowed(function, gamma))


# --- Derivatives --------------------------------------------------------------------------------

FIRST = 1e-10 * 2**52
"""What a fourth-order difference errs by, in eps of 1."""


@pytest.mark.accuracy(eps=2**24)  # above FIRST times the largest entry
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
@pytest.mark.parametrize("label", [0, 2])
@pytest.mark.parametrize("point", [[0.0, 0.0, 0.0], [1.0, -2.0, 0.5], [6.0, 0.0, -1.0]], ids=str)
def test_softmax_against_differences(point: list[float], label: int, gamma: float) -> None:
    z = np.array(point)
    options: dict[str, Any] = {"gamma": gamma}
    slopes = softmax_focal_loss_grad(z, label, **options)
    hess = softmax_focal_loss_hess(z, label, **options)
    assert_within(gradient(lambda a: softmax_focal_loss(a, label, **options), z), slopes, eps=FIRST, scale=1)
    found = jacobian(lambda a: softmax_focal_loss_grad(a, label, **options), z)
    assert_within(found, hess, eps=FIRST, scale=1)


@pytest.mark.accuracy(eps=2**24)
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
@pytest.mark.parametrize("point", [-6.0, -1.0, 0.0, 0.3, 5.0])
@pytest.mark.parametrize("target", [0.0, 0.3, 1.0])
def test_sigmoid_against_differences(point: float, target: float, gamma: float) -> None:
    options: dict[str, Any] = {"gamma": gamma, "alpha": 0.75}
    slope = sigmoid_focal_loss_grad(point, target, **options)
    curvature = sigmoid_focal_loss_hess(point, target, **options)
    found = gradient(lambda a: sigmoid_focal_loss(a, target, **options), point)
    assert_within(found, slope, eps=FIRST, scale=1)
    found = gradient(lambda a: sigmoid_focal_loss_grad(a, target, **options), point)
    assert_within(found, curvature, eps=FIRST, scale=1)


# --- Identities and limits ----------------------------------------------------------------------

DRAW = np.random.default_rng(7)
Z = DRAW.normal(scale=3, size=(4, 3, 5))
LABELS = DRAW.integers(5, size=(4, 3))
X = DRAW.normal(scale=3, size=(4, 3))
T = DRAW.uniform(size=X.shape)


@pytest.mark.accuracy
def test_gamma_0_is_cross_entropy() -> None:
    # Two results that are right to 4 eps, or to 6 or 8.
    assert_within(softmax_focal_loss(Z, LABELS, gamma=0), softmax_cross_entropy(Z, LABELS), eps=8)
    found = softmax_focal_loss_grad(Z, LABELS, gamma=0)
    assert_within(found, softmax_cross_entropy_grad(Z, LABELS), eps=8)
    assert np.array_equal(softmax_focal_loss_hess(Z, LABELS, gamma=0), softmax_jacobian(Z))
    assert_within(sigmoid_focal_loss(X, T, gamma=0), sigmoid_cross_entropy(X, T), eps=8)
    assert_within(sigmoid_focal_loss_grad(X, T, gamma=0), sigmoid_cross_entropy_grad(X, T), eps=8, scale=1)


@pytest.mark.accuracy
def test_two_classes_are_one_logit() -> None:
    two = np.stack([X, np.zeros_like(X)], axis=-1)
    for answer in (0, 1):
        labels = np.full(X.shape, 1 - answer)
        assert_within(softmax_focal_loss(two, labels), sigmoid_focal_loss(X, answer), eps=24)
        slope, curvature = sigmoid_focal_loss_grad(X, answer), sigmoid_focal_loss_hess(X, answer)
        # All entries are those of one logit, but for their signs.
        signs = np.array([1.0, -1.0])
        found = softmax_focal_loss_grad(two, labels)
        assert_within(found, slope[..., None] * signs, eps=32)
        terms = oracle.softmax_focal_loss_hess(two, labels).scale
        found = softmax_focal_loss_hess(two, labels)
        assert_within(found, curvature[..., None, None] * np.outer(signs, signs), eps=16, scale=terms)


@pytest.mark.accuracy
def test_a_target_between_is_an_expectation_and_alpha_a_weight() -> None:
    for function in SIGMOID:
        yes, no = function(X, 1), function(X, 0)
        # Products and one sum of the same numbers.
        for alpha, weights in ((None, (T, 1 - T)), (0.25, (0.25 * T, 0.75 * (1 - T)))):
            terms = weights[0] * yes, weights[1] * no
            sizes = abs(terms[0]) + abs(terms[1])
            assert_within(function(X, T, alpha=alpha), terms[0] + terms[1], eps=4, scale=sizes)


@pytest.mark.accuracy
def test_sums_of_derivatives() -> None:
    slopes, hess = softmax_focal_loss_grad(Z, LABELS), softmax_focal_loss_hess(Z, LABELS)
    # What is left is small beside the terms of the sums.
    sizes = np.abs(slopes).sum(axis=-1)
    assert_within(slopes.sum(axis=-1), np.zeros(LABELS.shape), eps=8, scale=sizes)
    terms = oracle.softmax_focal_loss_hess(Z, LABELS).scale.sum(axis=-1)
    assert_within(hess.sum(axis=-1), np.zeros(Z.shape), eps=8, scale=terms)
    assert np.array_equal(hess, np.swapaxes(hess, -1, -2))
    assert (np.linalg.eigvalsh(hess)[..., 0] < -0.01).any()  # not convex


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
def test_axis(axis: int) -> None:
    moved = np.moveaxis(Z, -1, axis)
    assert np.array_equal(softmax_focal_loss(moved, LABELS, axis=axis), softmax_focal_loss(Z, LABELS))
    found = softmax_focal_loss_grad(moved, LABELS, axis=axis)
    assert np.array_equal(found, np.moveaxis(softmax_focal_loss_grad(Z, LABELS), -1, axis))
    found = softmax_focal_loss_hess(moved, LABELS, axis=axis)
    assert np.array_equal(found, softmax_focal_loss_hess(Z, LABELS))


@GAMMAS
@PORTABLE
def test_saturated_logits(gamma: float, portable: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where p is 1 in every digit there is nothing left; where it is 0, what cross-entropy has."""
    if portable:
        monkeypatch.setattr(
            _arrays, "together", lambda *a: (array_api_compat.numpy, [np.asarray(b) for b in a])
        )
    z, labels = np.array([[1e4, 0.0], [0.0, 1e4], [0.0, -np.inf]]), np.array([0, 0, 0])
    assert softmax_focal_loss(z, labels, gamma=gamma).tolist() == [0.0, 1e4, 0.0]
    assert softmax_focal_loss_grad(z, labels, gamma=gamma).tolist() == [[0, 0], [-1, 1], [0, 0]]
    assert not softmax_focal_loss_hess(z, labels, gamma=gamma).any()
    x = np.array([1e4, -1e4, np.inf, -np.inf])
    assert sigmoid_focal_loss(x, 1, gamma=gamma).tolist() == [0, 1e4, 0, np.inf]
    assert sigmoid_focal_loss(x, 0, gamma=gamma).tolist() == [1e4, 0, np.inf, 0]
    assert sigmoid_focal_loss_grad(x, 1, gamma=gamma).tolist() == [0, -1, 0, -1]
    assert sigmoid_focal_loss_grad(x, 0, gamma=gamma).tolist() == [1, 0, 1, 0]
    for target in (0, 1):
        assert not sigmoid_focal_loss_hess(x, target, gamma=gamma).any()


def test_classes_that_are_ruled_out_and_one_class() -> None:
    z = np.array([1.0, -np.inf, 2.0])
    assert softmax_focal_loss(z, 2) == softmax_focal_loss(z[[0, 2]], 1)
    assert softmax_focal_loss(z, 1) == math.inf
    slopes = softmax_focal_loss_grad(z, 2)
    assert slopes[1] == 0
    assert np.array_equal(slopes[[0, 2]], softmax_focal_loss_grad(z[[0, 2]], 1))
    assert not softmax_focal_loss_hess(z, 2)[1].any()
    p = xentlib.softmax(z)
    assert_within(softmax_focal_loss_grad(z, 1), p - np.array([0, 1, 0]), eps=8)
    assert np.isfinite(softmax_focal_loss_hess(z, 1)).all()
    assert softmax_focal_loss([3.0], 0) == 0
    assert softmax_focal_loss_grad([3.0], 0).tolist() == [0]
    assert softmax_focal_loss_hess([3.0], 0).tolist() == [[0]]


def test_dtypes_and_empty_batches() -> None:
    for dtype in (np.float16, np.float32, np.float64):
        assert softmax_focal_loss_grad(Z.astype(dtype), LABELS).dtype == dtype
        assert sigmoid_focal_loss(X.astype(dtype), T).dtype == dtype
    assert softmax_focal_loss([1, 2], 0).dtype == np.float64
    assert softmax_focal_loss_hess(np.zeros((0, 3)), np.zeros(0, int)).shape == (0, 3, 3)


def test_logits_that_are_farther_apart_than_the_largest_number() -> None:
    z = [-1e308, 0.0, 1e308]
    assert softmax_focal_loss(z, 0) == math.inf
    assert softmax_focal_loss_grad(z, 0).tolist() == [-1.0, 0.0, 1.0]
    assert not softmax_focal_loss_hess(z, 0).any()
    assert softmax_focal_loss_grad(z, 2).tolist() == [0.0, 0.0, 0.0]


# --- Refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize("function", SOFTMAX)
def test_what_softmax_refuses(function: Any) -> None:
    with pytest.raises(TypeError, match="labels must be integers, but their dtype is float64"):
        function(np.zeros((2, 3)), np.full((2, 3), 1 / 3))
    with pytest.raises(ValueError, match=r"labels has shape \(3,\), but must have \(2,\)"):
        function(np.zeros((2, 3)), [0, 1, 2])
    with pytest.raises(ValueError, match="labels must be from 0 to 2"):
        function(np.zeros((2, 3)), [0, 3])
    with pytest.raises(xentlib.InvalidLogitsError):
        function([0.0, np.nan], 0)
    with pytest.raises(xentlib.InvalidLogitsError):
        function([-np.inf, -np.inf], 0)


@pytest.mark.parametrize("function", SIGMOID)
def test_what_sigmoid_refuses(function: Any) -> None:
    with pytest.raises(ValueError, match="logits must be numbers"):
        function([np.nan], 1)
    with pytest.raises(ValueError, match="target must lie between 0 and 1"):
        function([0.0], 1.5)
    with pytest.raises(ValueError, match=r"target has shape \(3,\), but must have \(2,\)"):
        function([0.0, 1.0], [0, 1, 1])
    with pytest.raises(TypeError, match="logits must be real numbers"):
        function([1j], 1)
    with pytest.raises(ValueError, match="alpha must lie between 0 and 1, but is 2"):
        function([0.0], 1, alpha=2)


@pytest.mark.parametrize("function", [*SOFTMAX, *SIGMOID])
def test_what_gamma_is_refused(function: Any) -> None:
    for bad in (-0.5, math.inf, math.nan):
        with pytest.raises(ValueError, match="gamma must be finite and at least 0"):
            function([0.0, 1.0], 1 if function in SOFTMAX else [1, 1], gamma=bad)
    with pytest.raises(TypeError, match="gamma must be one real number"):
        function([0.0, 1.0], 1 if function in SOFTMAX else [1, 1], gamma=[1.0])


def test_labels_out_of_range_give_nan_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_arrays, "together", lambda *a: (array_api_compat.numpy, [np.asarray(b) for b in a]))
    z, labels = np.zeros((2, 3)), np.array([0, 3])
    for function in SOFTMAX:
        found = function(z, labels)
        assert np.isfinite(found[0]).all()
        assert np.isnan(found[1]).all()
    assert np.isnan(sigmoid_focal_loss(np.array([np.nan]), np.array([1.0]))).all()
