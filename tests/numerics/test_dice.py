"""The soft Dice loss: the errors its docstrings allow, its ends, differences, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import oracle
import pytest
from oracle import assert_within

from xentlib import sigmoid, soft_dice_loss, soft_dice_loss_grad, soft_dice_loss_hess
from xentlib.differences import gradient, hessian, jacobian

DRAW = np.random.default_rng(11)
X = DRAW.normal(scale=2, size=(3, 2, 6))
MASK = DRAW.integers(2, size=X.shape)
SOFT = DRAW.uniform(size=X.shape)
ALL = {soft_dice_loss: 4, soft_dice_loss_grad: 8, soft_dice_loss_hess: 16}


@pytest.mark.accuracy
@pytest.mark.parametrize("smooth", [0.0, 1e-5])
@pytest.mark.parametrize("gap", [0.0, 0.1, 10.0, 40.0, 100.0, 700.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_errors_are_those_of_the_docstrings(dtype: Any, gap: float, smooth: float) -> None:
    draw = np.random.default_rng(4)
    signs = np.array([[-1, 1] * 3, [-1] * 6, [1] * 6, [1] + [-1] * 5])
    x = (draw.uniform(-0.5, 0.5, size=(4, 6)) + gap * signs).astype(dtype)
    right, some = signs > 0, draw.integers(2, size=x.shape)
    for target in (right, ~right, some, np.zeros(x.shape), np.ones(x.shape), draw.uniform(size=x.shape)):
        t = target.astype(dtype)
        for function, eps in ALL.items():
            expected = getattr(oracle, function.__name__)(x, t, smooth=smooth)
            assert_within(function(x, t, smooth=smooth), expected, eps=eps)


def test_of_a_sure_mask_the_loss_keeps_its_digits() -> None:
    assert float(soft_dice_loss([50.0, -50.0], [1, 0])) == pytest.approx(np.exp(-50.0), rel=1e-15, abs=0)


# A fourth-order difference errs by h^4 f'''''/30 and by rounding, a second one by more. In eps of 1:
FIRST, SECOND = 1e-11 * 2**52, 1e-7 * 2**52


@pytest.mark.accuracy(eps=2**24)  # above FIRST times the largest entry
@pytest.mark.parametrize(
    ("target", "smooth"),
    [(MASK[0, 0], 0.0), (MASK[0, 0], 1.0), (SOFT[0, 0], 0.0), (np.zeros(6), 1.0), (np.ones(6), 0.0)],
    ids=str,
)
def test_derivatives_against_differences(target: Any, smooth: float) -> None:
    for point in (X[0, 0], np.zeros(6), 3 * X[1, 1]):
        grad = soft_dice_loss_grad(point, target, smooth=smooth)
        hess = soft_dice_loss_hess(point, target, smooth=smooth)
        found = gradient(lambda a: soft_dice_loss(a, target, smooth=smooth), point)
        assert_within(found, grad, eps=FIRST, scale=1)
        found = jacobian(lambda a: soft_dice_loss_grad(a, target, smooth=smooth), point)
        assert_within(found, hess, eps=FIRST, scale=1)


@pytest.mark.accuracy(eps=2**38)  # above SECOND times the largest entry
@pytest.mark.parametrize("target", [MASK[0, 0], SOFT[0, 0]], ids=str)
def test_second_derivatives_against_differences(target: Any) -> None:
    hess = soft_dice_loss_hess(X[0, 0], target)
    assert_within(hessian(lambda a: soft_dice_loss(a, target), X[0, 0]), hess, eps=SECOND, scale=1)


@pytest.mark.accuracy(eps=2**10)  # 16 eps of 1, of a loss that may be small
@pytest.mark.parametrize("smooth", [0.0, 0.5])
def test_the_definition(smooth: float) -> None:
    p = sigmoid(X)
    dice = (2 * (p * SOFT).sum(-1) + smooth) / (p.sum(-1) + SOFT.sum(-1) + smooth)
    assert_within(soft_dice_loss(X, SOFT, smooth=smooth), 1 - dice, eps=16, scale=1)


def test_an_empty_mask() -> None:
    empty = np.zeros(3)
    for x in ([2.0, -1.0, -30.0], [-800.0] * 3, [-np.inf] * 3):
        assert float(soft_dice_loss(x, empty)) == 1
        assert not soft_dice_loss_grad(x, empty).any()
        assert not soft_dice_loss_hess(x, empty).any()
    assert float(soft_dice_loss([-np.inf] * 3, empty, smooth=1.0)) == 0
    assert float(soft_dice_loss([0.0] * 2, [0, 0], smooth=1.0)) == 0.5
    assert (soft_dice_loss_grad([0.0] * 2, [0, 0], smooth=1.0) > 0).all()


def test_sure_answers() -> None:
    x, t = [np.inf, -np.inf, np.inf], [1, 0, 1]
    assert float(soft_dice_loss(x, t)) == 0
    assert float(soft_dice_loss([-np.inf, np.inf], [1, 0])) == 1
    for function in (soft_dice_loss_grad, soft_dice_loss_hess):
        assert not function(x, t).any()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_shapes_and_dtypes(dtype: Any) -> None:
    x, t = X.astype(dtype), MASK
    assert soft_dice_loss(x, t).shape == (3, 2)
    assert soft_dice_loss_grad(x, t).shape == x.shape
    assert soft_dice_loss_hess(x, t).shape == (3, 2, 6, 6)
    assert {function(x, t).dtype for function in ALL} == {np.dtype(dtype)}
    for axis in (0, 1, -2):
        moved, mask = np.moveaxis(x, -1, axis), np.moveaxis(t, -1, axis)
        assert np.array_equal(soft_dice_loss(moved, mask, axis=axis), soft_dice_loss(x, t))
        expected = np.moveaxis(soft_dice_loss_grad(x, t), -1, axis)
        assert np.array_equal(soft_dice_loss_grad(moved, mask, axis=axis), expected)
        assert np.array_equal(soft_dice_loss_hess(moved, mask, axis=axis), soft_dice_loss_hess(x, t))
    assert soft_dice_loss(np.zeros((0, 3), dtype), np.zeros((0, 3))).shape == (0,)
    assert np.array_equal(soft_dice_loss(X.tolist(), (MASK == 1).tolist()), soft_dice_loss(X, MASK))


@pytest.mark.parametrize("function", ALL)
def test_what_is_refused(function: Any) -> None:
    x, t = np.zeros((2, 3)), np.zeros((2, 3))
    with pytest.raises(ValueError, match=r"logits must be numbers, but the value at \(1, 0\) is nan"):
        function([[0.0], [np.nan]], [[0.0], [0.0]])
    with pytest.raises(ValueError, match=r"target must lie between 0 and 1, but the value at 0 is 2.0"):
        function([0.0], [2.0])
    with pytest.raises(ValueError, match=r"target has shape \(3,\), but must have \(2, 3\), the shape of"):
        function(x, t[0])
    with pytest.raises(ValueError, match=r"logits must have an axis of pixels"):
        function(0.0, 1.0)
    with pytest.raises(ValueError, match=r"at least one pixel, but the shape is \(2, 0\)"):
        function(x[:, :0], t[:, :0])
    for smooth in (-1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match="smooth must be finite and at least 0"):
            function(x, t, smooth=smooth)
    with pytest.raises(TypeError, match="smooth must be one real number"):
        function(x, t, smooth=[1.0])
    with pytest.raises(TypeError, match="logits must be real numbers, but their dtype is complex128"):
        function(x * 1j, t)
    with pytest.raises(np.exceptions.AxisError):
        function(x, t, axis=2)
