"""Losses of the margin: the errors their docstrings allow, their bends and ends, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import oracle
import pytest
from oracle import assert_within

from xentlib import (
    exponential_loss,
    exponential_loss_grad,
    exponential_loss_hess,
    hinge_loss,
    hinge_loss_grad,
    multiclass_hinge_loss,
    multiclass_hinge_loss_grad,
    squared_hinge_loss,
    squared_hinge_loss_grad,
    squared_hinge_loss_hess,
)
from xentlib.differences import gradient, jacobian

SQUARED = (squared_hinge_loss, squared_hinge_loss_grad, squared_hinge_loss_hess)
EXPONENTIAL = (exponential_loss, exponential_loss_grad, exponential_loss_hess)
SINGLE = (hinge_loss, hinge_loss_grad, *SQUARED, *EXPONENTIAL)
ROWS = (multiclass_hinge_loss, multiclass_hinge_loss_grad)
FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64])
DRAW = np.random.default_rng(8)
X = DRAW.normal(scale=2, size=24)
HARD, SOFT = DRAW.integers(2, size=24), DRAW.uniform(size=24)
Z, LABELS = DRAW.normal(scale=2, size=(9, 5)), DRAW.integers(5, size=9)


# --- Accuracy against mpmath ----------------------------------------------------------------------


@pytest.mark.accuracy
@FLOATS
@pytest.mark.parametrize("gap", [0.0, 1.0, 10.0, 37.0, 80.0, 100.0, 700.0, 800.0])
def test_errors_of_single_logits(dtype: Any, gap: float) -> None:
    draw = np.random.default_rng(4)
    # Also next to the bends, where little is left of 1.
    near = 1 + draw.uniform(-1, 1, size=8) * np.finfo(dtype).eps ** np.linspace(0, 1, 8)
    x = np.concatenate([draw.uniform(-0.5, 0.5, size=16) + gap, near])
    x = (x * np.tile([-1, 1], 12)).astype(dtype)
    # The exponential of some soft target is more than the largest number, and 0.01 of it is not.
    for target in (
        (np.arange(24) // 2 % 2, np.full(24, 0.25), SOFT) if gap < 88 else (np.arange(24) // 2 % 2,)
    ):
        t = np.asarray(target).astype(dtype)
        for function in SINGLE:
            expected = getattr(oracle, function.__name__)(x, t)
            assert_within(function(x, t), expected, eps=4)


@pytest.mark.accuracy
@FLOATS
@pytest.mark.parametrize("offset", [0.0, -1e4, 1e30])
@pytest.mark.parametrize("gap", [0.0, 1.0, 40.0, 700.0])
def test_errors_of_rows(dtype: Any, gap: float, offset: float) -> None:
    z = np.random.default_rng(5).uniform(-0.5, 0.5, size=(12, 5)) + offset
    z[:, 2] += gap
    for labels in (np.arange(12) % 5, np.full(12, 2)):
        for function in ROWS:
            expected = getattr(oracle, function.__name__)(z.astype(dtype), labels)
            assert_within(function(z.astype(dtype), labels), expected, eps=4)


@pytest.mark.accuracy
@FLOATS
def test_what_1_leaves_of_a_difference_keeps_its_digits(dtype: Any) -> None:
    eps = np.finfo(dtype).eps
    # 0.7 - (-0.3) is 1 to the last digit of the difference, but not to the last of the logits.
    z = np.array(
        [[0.7, -0.3, -9.0], [1 + 3 * eps, 4 * eps, 0.0], [0.1, -0.9, -0.9], [0.6, -0.4, -0.5]], dtype
    )
    for function in ROWS:
        expected = getattr(oracle, function.__name__)(z, np.zeros(4, int))
        assert_within(function(z, np.zeros(4, int)), expected, eps=4)


@pytest.mark.accuracy
def test_two_classes_are_one_logit() -> None:
    z = np.stack([np.zeros(24), X], axis=-1)
    assert_within(multiclass_hinge_loss(z, HARD), hinge_loss(X, HARD), eps=4)
    slope = hinge_loss_grad(X, HARD)
    assert_within(multiclass_hinge_loss_grad(z, HARD), np.stack([-slope, slope], axis=-1), eps=0)


# --- Derivatives ----------------------------------------------------------------------------------

# A fourth-order difference errs by h^4 f'''''/30 and by the rounding of values below 50. In eps of 1:
FIRST = 1e-9 * 2**52


@pytest.mark.accuracy(eps=2**26)  # above FIRST times the largest entry
@pytest.mark.parametrize("target", [HARD, SOFT], ids=["labels", "soft"])
def test_derivatives_against_differences(target: Any) -> None:
    assert np.abs(np.abs(X) - 1).min() > 0.01  # no bend is near
    for value, grad in ((hinge_loss, hinge_loss_grad), SQUARED[:2], EXPONENTIAL[:2]):
        slopes = gradient(lambda a, f=value: f(a, target).sum(), X)  # type: ignore[misc]
        assert_within(slopes, grad(X, target), eps=FIRST, scale=1 + np.abs(grad(X, target)))
    for grad, hess in (SQUARED[1:], EXPONENTIAL[1:]):
        bend = np.diagonal(jacobian(lambda a, f=grad: f(a, target), X))  # type: ignore[misc]
        assert_within(bend, hess(X, target), eps=FIRST, scale=1 + np.abs(hess(X, target)))


@pytest.mark.accuracy(eps=2**26)  # above FIRST
@pytest.mark.parametrize("label", range(5))
def test_rows_against_differences(label: int) -> None:
    for row in Z:
        slopes = gradient(lambda a: multiclass_hinge_loss(a, label), row)
        assert_within(slopes, multiclass_hinge_loss_grad(row, label), eps=FIRST, scale=1)


# --- Bends, ends and shapes -------------------------------------------------------------------------


def test_at_a_bend_the_term_counts_0() -> None:
    assert hinge_loss_grad([1.0, -1.0, 1.0, -1.0], [1, 1, 0, 0]).tolist() == [0, -1, 1, 0]
    assert squared_hinge_loss_hess([1.0, -1.0, 1.0, -1.0], [1, 1, 0, 0]).tolist() == [0, 2, 2, 0]
    assert squared_hinge_loss_grad([1.0, -1.0], [1, 0]).tolist() == [0, 0]
    assert multiclass_hinge_loss_grad([1.0, 0.0, 0.0], 0).tolist() == [0, 0, 0]
    assert multiclass_hinge_loss_grad([0.5, 0.0, 0.0, -1.0], 0).tolist() == [-1, 0.5, 0.5, 0]


def test_infinite_logits() -> None:
    for function in (hinge_loss, squared_hinge_loss, exponential_loss):
        assert function([np.inf, -np.inf, np.inf, -np.inf], [1, 1, 0, 0]).tolist() == [0, np.inf, np.inf, 0]
        assert function([np.inf, -np.inf], 0.5).tolist() == [np.inf, np.inf]
    assert hinge_loss_grad([np.inf, -np.inf], [1, 1]).tolist() == [0, -1]
    assert squared_hinge_loss_grad([np.inf, -np.inf], [1, 1]).tolist() == [0, -np.inf]
    assert exponential_loss_grad([-800.0, 800.0, 800.0], [1, 1, 0]).tolist() == [-np.inf, 0, np.inf]


def test_masked_classes() -> None:
    z = [[1.0, -np.inf, 0.5], [1.0, -np.inf, 0.5], [1.0, -np.inf, -np.inf]]
    assert multiclass_hinge_loss(z, [0, 1, 0]).tolist() == [0.5, np.inf, 0]
    assert multiclass_hinge_loss_grad(z, [0, 1, 0]).tolist() == [[-1, 0, 1], [1, -1, 0], [0, 0, 0]]
    assert multiclass_hinge_loss([[5.0]], [0]).tolist() == [0]
    assert multiclass_hinge_loss_grad([[5.0]], [0]).tolist() == [[0]]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_shapes_and_dtypes(dtype: Any) -> None:
    for function in SINGLE:
        found = function(X.astype(dtype).reshape(2, 3, 4), HARD.reshape(2, 3, 4))
        assert found.shape == (2, 3, 4)
        assert found.dtype == dtype
        assert np.array_equal(function(X, 1.0), function(X, np.ones(24, bool)))
    z = Z[:8].reshape(2, 4, 5).astype(dtype)
    labels = LABELS[:8].reshape(2, 4)
    loss, grad = (function(z, labels) for function in ROWS)
    assert (loss.shape, grad.shape, loss.dtype, grad.dtype) == ((2, 4), z.shape, dtype, dtype)
    moved = np.moveaxis(z, -1, 1)
    assert np.array_equal(multiclass_hinge_loss(moved, labels, axis=1), loss)
    assert np.array_equal(np.moveaxis(multiclass_hinge_loss_grad(moved, labels, axis=1), 1, -1), grad)
    assert multiclass_hinge_loss_grad(z[:0], labels[:0]).shape == (0, 4, 5)


# --- Refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", SINGLE)
def test_bad_single_logits_are_refused(function: Any) -> None:
    with pytest.raises(ValueError, match="logits must be numbers, but the value at 1 is nan"):
        function([0.0, np.nan], [0, 1])
    with pytest.raises(ValueError, match=r"target must lie between 0 and 1, but the value at 0 is -1.0"):
        function([0.0, 1.0], [-1, 1])
    with pytest.raises(ValueError, match=r"target has shape \(3,\), but must have \(2,\)"):
        function([0.0, 1.0], [0, 1, 1])
    with pytest.raises(TypeError, match="logits must be real numbers, but their dtype is complex128"):
        function([1j], [0])


@pytest.mark.parametrize("function", ROWS)
def test_bad_rows_are_refused(function: Any) -> None:
    with pytest.raises(ValueError, match="labels must be from 0 to 4, but the value at 0 is 5"):
        function(Z[:1], [5])
    with pytest.raises(TypeError, match="labels must be integers, but their dtype is float64"):
        function(Z, np.eye(5)[LABELS])
    with pytest.raises(ValueError, match=r"labels has shape \(8,\), but must have \(9,\)"):
        function(Z, LABELS[1:])
    with pytest.raises(ValueError, match="nan"):
        function(np.full((9, 5), np.nan), LABELS)
    with pytest.raises(ValueError, match="inf"):
        function(np.full((9, 5), -np.inf), LABELS)
