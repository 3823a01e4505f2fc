"""Losses, gradients and Hessians: accuracy as promised, differences, the proofs, and what is refused.

Against exact values the bounds are those of the docstrings; two results that are each right to 4 eps
differ by 8, and entries of a Hessian by 16.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import oracle
import pytest
import sympy as sp
from oracle import assert_within

from xentlib import (
    _kernel,
    cross_entropy,
    log_softmax,
    mean_cross_entropy,
    one_hot,
    sigmoid_cross_entropy,
    sigmoid_cross_entropy_grad,
    sigmoid_cross_entropy_hess,
    sigmoid_cross_entropy_hvp,
    softmax,
    softmax_cross_entropy,
    softmax_cross_entropy_grad,
    softmax_cross_entropy_hess,
    softmax_cross_entropy_hvp,
    softmax_cross_entropy_value_and_grad,
)
from xentlib.differences import gradient, hessian, jacobian
from xentlib.proof import entries, i, j, k, lse, sum_over, z

DRAW = np.random.default_rng(7)
Z = DRAW.normal(scale=3, size=(4, 3, 5))
LABELS = DRAW.integers(5, size=(4, 3))
Y = softmax(DRAW.normal(size=(4, 3, 5)))
V = DRAW.normal(size=Z.shape)
X = DRAW.normal(scale=3, size=(4, 3))
T = DRAW.uniform(size=X.shape)
W = np.array([0.5, 0.0, 3.0, 1.0, 9.1])

SOFTMAX = [
    softmax_cross_entropy,
    softmax_cross_entropy_grad,
    softmax_cross_entropy_hess,
    softmax_cross_entropy_hvp,
]
SIGMOID = [
    sigmoid_cross_entropy,
    sigmoid_cross_entropy_grad,
    sigmoid_cross_entropy_hess,
    sigmoid_cross_entropy_hvp,
]


def call(function: Any, logits: Any, target: Any, vector: Any = None, **options: Any) -> Any:
    """Return the function of logits and target; a Hessian-vector product also takes a vector."""
    if not function.__name__.endswith("hvp"):
        return function(logits, target, **options)
    return function(logits, target, np.ones(np.shape(logits)) if vector is None else vector, **options)


# --- Accuracy against mpmath: softmax -----------------------------------------------------------


def rows(gap: float, dtype: Any) -> tuple[Any, Any]:
    """Return logits of which one is above the others by about the gap, and labels: half of them it."""
    draw = np.random.default_rng(int(gap))
    z = draw.uniform(-0.5, 0.5, size=(12, 6)) * max(1.0, gap / 10) - 3
    z[:, 2] += gap
    return z.astype(dtype), np.where(np.arange(12) % 2, 2, draw.integers(6, size=12))


GAPS = pytest.mark.parametrize("gap", [0.0, 1.0, 10.0, 20.0, 37.0, 40.0, 100.0, 300.0, 700.0])
FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@pytest.mark.accuracy
@GAPS
@FLOATS
def test_relative_error_with_labels(dtype: Any, gap: float) -> None:
    z, labels = rows(gap, dtype)
    assert_within(softmax_cross_entropy(z, labels), oracle.softmax_cross_entropy(z, labels), eps=4)
    assert_within(softmax_cross_entropy_grad(z, labels), oracle.softmax_cross_entropy_grad(z, labels), eps=4)


@pytest.mark.accuracy
@GAPS
@FLOATS
@pytest.mark.parametrize("epsilon", [0.0, 1e-12, 0.1, 1.0])
def test_error_with_distributions(dtype: Any, gap: float, epsilon: float) -> None:
    z, labels = rows(gap, dtype)
    y = ((1 - epsilon) * np.eye(6)[labels] + epsilon / 6).astype(dtype)
    assert_within(softmax_cross_entropy(z, y), oracle.softmax_cross_entropy(z, y), eps=4)
    # The gradient is a difference: relative to the sizes of what is subtracted, as promised.
    assert_within(softmax_cross_entropy_grad(z, y), oracle.softmax_cross_entropy_grad(z, y), eps=6)


@pytest.mark.accuracy
@GAPS
@FLOATS
def test_error_of_the_second_derivatives(dtype: Any, gap: float) -> None:
    z, labels = rows(gap, dtype)
    vector = np.random.default_rng(1).normal(size=z.shape).astype(dtype)
    assert_within(softmax_cross_entropy_hess(z, labels), oracle.softmax_cross_entropy_hess(z, labels), eps=8)
    expected = oracle.softmax_cross_entropy_hvp(z, labels, vector)
    assert_within(softmax_cross_entropy_hvp(z, labels, vector), expected, eps=8)


@pytest.mark.accuracy
def test_the_usual_forms_lose_what_these_keep() -> None:
    z = np.array([40.0, 0.0])
    tail = math.exp(-40.0)  # within 1e-17 of what it stands for
    assert_within(softmax(z), np.array([1.0, tail]), eps=4)
    assert -np.log(softmax(z)[0]) == softmax(z)[0] - 1 == 0.0
    assert_within(softmax_cross_entropy(z, 0), tail, eps=4)
    assert_within(softmax_cross_entropy_grad(z, 0), np.array([-tail, tail]), eps=4)
    assert_within(softmax_cross_entropy_hess(z, 0), tail * np.array([[1, -1], [-1, 1]]), eps=4)


@pytest.mark.accuracy
def test_half_precision_is_one_rounding() -> None:
    z, label = np.array([3.0, -2.5, 0.125, 8.0], np.float16), 0
    assert_within(softmax_cross_entropy(z, label), oracle.softmax_cross_entropy(z, label), eps=0.501)
    assert_within(
        softmax_cross_entropy_grad(z, label), oracle.softmax_cross_entropy_grad(z, label), eps=0.501
    )


# --- Accuracy against mpmath: sigmoid -----------------------------------------------------------


@pytest.mark.accuracy
@GAPS
@FLOATS
@pytest.mark.parametrize("target", [0.0, 0.25, 0.999, 1.0])
def test_error_of_sigmoid_losses(dtype: Any, gap: float, target: float) -> None:
    x = (np.random.default_rng(3).uniform(-0.5, 0.5, size=20) + gap * np.tile([-1, 1], 10)).astype(dtype)
    t, two = dtype(target), np.full_like(x, 2)
    for function in SIGMOID:
        expected = call(getattr(oracle, function.__name__), x, t, two)
        assert_within(call(function, x, t, two), expected, eps=4)


# --- Accuracy against mpmath: weights ------------------------------------------------------------

WEIGHTS = pytest.mark.parametrize(
    "weight", [np.array([0.5, 0.0, 3.0, 1.0, 9.1, 1e-3]), np.full(6, 0.1)], ids=["uneven", "even"]
)


@pytest.mark.accuracy
@GAPS
@FLOATS
@WEIGHTS
def test_relative_error_with_class_weights(dtype: Any, gap: float, weight: Any) -> None:
    z, labels = rows(gap, dtype)
    vector = np.random.default_rng(1).normal(size=z.shape).astype(dtype)
    y = (np.eye(6)[labels] * 0.9 + 0.1 / 6).astype(dtype)
    for target, limit in ((labels, 4), (y, 6)):
        for function in SOFTMAX:
            expected = call(getattr(oracle, function.__name__), z, target, vector, class_weight=weight)
            eps = {"softmax_cross_entropy": 4, "softmax_cross_entropy_grad": limit}.get(function.__name__, 8)
            assert_within(call(function, z, target, vector, class_weight=weight), expected, eps=eps)
        loss, gradient = softmax_cross_entropy_value_and_grad(z, target, class_weight=weight)
        assert_within(loss, oracle.softmax_cross_entropy(z, target, class_weight=weight), eps=4)
        expected = oracle.softmax_cross_entropy_grad(z, target, class_weight=weight)
        assert_within(gradient, expected, eps=limit)


@pytest.mark.accuracy
@GAPS
@FLOATS
@pytest.mark.parametrize("target", [0.0, 0.25, 0.999, 1.0])
@pytest.mark.parametrize("weight", [0.0, 1e-3, 9.1, np.geomspace(0.1, 100, 20)], ids=str)
def test_error_of_sigmoid_losses_with_a_positive_weight(
    dtype: Any, gap: float, target: float, weight: Any
) -> None:
    x = (np.random.default_rng(3).uniform(-0.5, 0.5, size=20) + gap * np.tile([-1, 1], 10)).astype(dtype)
    t, two = dtype(target), np.full_like(x, 2)
    for function in SIGMOID:
        expected = call(getattr(oracle, function.__name__), x, t, two, pos_weight=weight)
        eps = 4 if function in SIGMOID[:2] else 6
        assert_within(call(function, x, t, two, pos_weight=weight), expected, eps=eps)


@pytest.mark.accuracy
def test_a_weighted_target_is_a_target_of_another_mass() -> None:
    grad = softmax(Z) * (Y * W).sum(-1, keepdims=True) - Y * W
    assert_within(softmax_cross_entropy_grad(Z, Y, class_weight=W), grad, eps=8, scale=10)
    of_labels = softmax_cross_entropy(Z, LABELS) * W[LABELS]
    assert_within(softmax_cross_entropy(Z, LABELS, class_weight=W), of_labels, eps=8)
    for target in (LABELS, Y):
        mass = (W[LABELS] if target is LABELS else (Y * W).sum(-1))[..., None]
        hess = softmax_cross_entropy_hess(Z, target, class_weight=W)
        assert_within(hess, softmax_cross_entropy_hess(Z, target) * mass[..., None], eps=16)
        expected = softmax_cross_entropy_hvp(Z, target, V) * mass
        assert_within(softmax_cross_entropy_hvp(Z, target, V, class_weight=W), expected, eps=16)


@pytest.mark.accuracy
def test_the_weighted_mean_divides_by_the_weights_of_the_labels() -> None:
    loss = softmax_cross_entropy(Z, LABELS, class_weight=W)
    mean = mean_cross_entropy(Z, LABELS, class_weight=W)
    assert_within(loss.sum() / W[LABELS].sum(), mean, eps=16)


@pytest.mark.accuracy
def test_weights_of_1_change_nothing() -> None:
    for target in (LABELS, Y):
        for function in SOFTMAX:
            expected = call(function, Z, target, V)
            found = call(function, Z, target, V, class_weight=np.ones(5))
            assert_within(found, expected, eps=8, scale=1 + np.abs(expected))
    for function in SIGMOID:
        expected = call(function, X, T, X)
        for one in (1, True, 1.0, np.ones(3), np.float32(1)):
            assert_within(call(function, X, T, X, pos_weight=one), expected, eps=8)


@pytest.mark.accuracy
@pytest.mark.parametrize("weight", [4.0, [4.0, 0.5, 0.0]], ids=str)
def test_a_positive_weight_is_a_class_weight_of_two_classes(weight: Any) -> None:
    for column in range(3):
        x, t, w = X[:, column], T[:, column], np.broadcast_to(weight, 3)[column]
        two, target = np.stack([x, np.zeros_like(x)], axis=-1), np.stack([t, 1 - t], axis=-1)
        expected = softmax_cross_entropy(two, target, class_weight=[w, 1.0])
        assert_within(sigmoid_cross_entropy(X, T, pos_weight=weight)[:, column], expected, eps=8)
        found = sigmoid_cross_entropy_grad(X, T, pos_weight=weight)[:, column, None] * [1, -1]
        expected = softmax_cross_entropy_grad(two, target, class_weight=[w, 1.0])
        # The two bounds added up, relative to the sizes of what is subtracted.
        yes = 1 / (1 + np.exp(-x))
        scale = (1 - t) * yes + w * t * (1 - yes)
        assert_within(found, expected, eps=10, scale=scale[:, None])


def test_a_weight_of_0_times_an_infinite_loss_is_0() -> None:
    z = [[0.0, -np.inf], [0.0, 0.0]]
    for target in ([1, 1], [[0.0, 1.0], [0.0, 1.0]]):
        assert softmax_cross_entropy(z, target, class_weight=[1, 0]).tolist() == [0.0, 0.0]
        assert softmax_cross_entropy(z, target, class_weight=[0, 1])[0] == np.inf
        loss, gradient = softmax_cross_entropy_value_and_grad(z, target, class_weight=[1, 0])
        assert loss.tolist() == [0.0, 0.0]
        assert not gradient.any()
    assert softmax_cross_entropy(z, [1, 1], class_weight=[0, 0]).tolist() == [0.0, 0.0]
    for function in (sigmoid_cross_entropy, sigmoid_cross_entropy_grad):
        assert function([-np.inf, -np.inf, np.inf], [1, 0, 1], pos_weight=0.0).tolist() == [0.0, 0.0, 0.0]
    assert sigmoid_cross_entropy([-np.inf, np.inf], [1, 0], pos_weight=2.0).tolist() == [np.inf, np.inf]
    assert sigmoid_cross_entropy_grad([-np.inf, np.inf], [1, 0], pos_weight=2.0).tolist() == [-2.0, 1.0]


def test_what_the_dtype_cannot_hold_is_infinite() -> None:
    z = np.array([[0.0, 0.0], [0.0, -200.0]], np.float32)
    loss, gradient = softmax_cross_entropy_value_and_grad(z, [0, 0], class_weight=[1e39, 1.0])
    assert loss.tolist() == [np.inf, 0.0]
    assert gradient[0].tolist() == [-np.inf, np.inf]
    assert not np.isnan(gradient).any()


@pytest.mark.parametrize("function", SOFTMAX)
@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
def test_axis_with_weights(function: Any, axis: int) -> None:
    keeps = function in (softmax_cross_entropy_grad, softmax_cross_entropy_hvp)
    moved = [np.moveaxis(array, -1, axis) for array in (Z, Y, V)]
    for target, moved_target in ((LABELS, LABELS), (Y, moved[1])):
        expected = call(function, Z, target, V, class_weight=W)
        found = call(function, moved[0], moved_target, moved[2], axis=axis, class_weight=W)
        assert np.array_equal(found, np.moveaxis(expected, -1, axis) if keeps else expected)


@pytest.mark.parametrize("function", SOFTMAX)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.longdouble, np.float64, np.int8])
def test_weights_of_any_dtype_leave_that_of_the_logits(function: Any, dtype: Any) -> None:
    weight = np.array([1, 2, 4, 0, 1], dtype)
    for logits in (np.float16, np.float32, np.longdouble, np.float64):
        z, vector = Z.astype(logits), V.astype(logits)
        for target in (LABELS, Y):
            found = call(function, z, target, vector, class_weight=weight)
            assert found.dtype == logits
            assert np.array_equal(found, call(function, z, target, vector, class_weight=weight.tolist()))


# --- Derivatives --------------------------------------------------------------------------------

# A fourth-order difference errs by h^4 f'''''/30, with f''''' below 1, and by the rounding of values
# below 16; a second difference by the square root of that. In eps of 1:
FIRST, SECOND = 1e-11 * 2**52, 1e-7 * 2**52
POINTS = [Z[0, 0], Z[1, 1], np.zeros(5), np.array([20.0, 0.0, 0.0, 1.0, -3.0])]
TARGETS = [0, 3, Y[0, 0], np.array([0.5, 0.0, 0.5, 0.0, 0.0])]


@pytest.mark.accuracy(eps=2**20)  # above FIRST times the largest entry
@pytest.mark.parametrize("target", TARGETS, ids=str)
@pytest.mark.parametrize("point", POINTS, ids=str)
def test_first_derivatives_against_differences(point: Any, target: Any) -> None:
    grad = softmax_cross_entropy_grad(point, target)
    hess = softmax_cross_entropy_hess(point, target)
    assert_within(gradient(lambda a: softmax_cross_entropy(a, target), point), grad, eps=FIRST, scale=1)
    assert_within(jacobian(lambda a: softmax_cross_entropy_grad(a, target), point), hess, eps=FIRST, scale=1)


@pytest.mark.accuracy(eps=2**34)  # above SECOND times the largest entry
@pytest.mark.parametrize("target", TARGETS, ids=str)
@pytest.mark.parametrize("point", POINTS, ids=str)
def test_second_derivatives_against_differences(point: Any, target: Any) -> None:
    hess = softmax_cross_entropy_hess(point, target)
    assert_within(hessian(lambda a: softmax_cross_entropy(a, target), point), hess, eps=SECOND, scale=1)


@pytest.mark.accuracy(eps=2**20)  # above FIRST times the derivative
@pytest.mark.parametrize("point", [-20.0, -1.0, 0.0, 0.3, 15.0])
@pytest.mark.parametrize("target", [0.0, 0.3, 1.0])
def test_sigmoid_against_differences(point: float, target: float) -> None:
    grad, hess = sigmoid_cross_entropy_grad(point, target), sigmoid_cross_entropy_hess(point, target)
    assert_within(gradient(lambda a: sigmoid_cross_entropy(a, target), point), grad, eps=FIRST, scale=1)
    assert_within(gradient(lambda a: sigmoid_cross_entropy_grad(a, target), point), hess, eps=FIRST, scale=1)


@pytest.mark.accuracy(eps=2**20)  # above FIRST times the largest entry
@pytest.mark.parametrize("target", TARGETS, ids=str)
@pytest.mark.parametrize("point", POINTS, ids=str)
def test_weighted_derivatives_against_differences(point: Any, target: Any) -> None:
    grad = softmax_cross_entropy_grad(point, target, class_weight=W)
    hess = softmax_cross_entropy_hess(point, target, class_weight=W)
    mass = W[target] if np.ndim(target) == 0 else target @ W
    found = gradient(lambda a: softmax_cross_entropy(a, target, class_weight=W), point)
    assert_within(found, grad, eps=FIRST, scale=mass)
    found = jacobian(lambda a: softmax_cross_entropy_grad(a, target, class_weight=W), point)
    assert_within(found, hess, eps=FIRST, scale=mass)


@pytest.mark.accuracy(eps=2**20)  # above FIRST times the derivative
@pytest.mark.parametrize("point", [-20.0, -1.0, 0.0, 0.3, 15.0])
@pytest.mark.parametrize("target", [0.0, 0.3, 1.0])
def test_positive_weights_against_differences(point: float, target: float) -> None:
    grad = sigmoid_cross_entropy_grad(point, target, pos_weight=9.1)
    hess = sigmoid_cross_entropy_hess(point, target, pos_weight=9.1)
    found = gradient(lambda a: sigmoid_cross_entropy(a, target, pos_weight=9.1), point)
    assert_within(found, grad, eps=FIRST, scale=9.1)
    found = gradient(lambda a: sigmoid_cross_entropy_grad(a, target, pos_weight=9.1), point)
    assert_within(found, hess, eps=FIRST, scale=9.1)


y = sp.IndexedBase("y", real=True)
LOSS = sum_over(k, y[k] * (lse - z[k]))


@pytest.mark.accuracy
@pytest.mark.parametrize("target", [np.eye(3)[1], np.array([0.25, 0.0, 0.75])], ids=str)
@pytest.mark.parametrize("point", [[0.0, 0.0, 0.0], [1.0, -2.0, 0.5], [30.0, 0.0, -1.0]], ids=str)
def test_all_entries_against_the_symbols(point: list[float], target: Any) -> None:
    """The formula as it stands on paper, in many digits, with derivatives by the evaluator."""
    for function, symbols, places in (
        (softmax_cross_entropy, LOSS, ()),
        (softmax_cross_entropy_grad, sp.Derivative(LOSS, z[i]), (i,)),
        (softmax_cross_entropy_hess, sp.Derivative(LOSS, z[i], z[j]), (i, j)),
    ):
        expected = entries(symbols, *places, of=[z, y])(point, target)
        # Only the gradient for a target that is not sure is a difference, of numbers below 1.
        difference = function is softmax_cross_entropy_grad and max(target) < 1
        assert_within(
            function(point, target), expected, eps=8, scale=0.75 + np.abs(expected) if difference else None
        )


@pytest.mark.accuracy
def test_sums_of_derivatives() -> None:
    for target in (LABELS, Y):
        grad, hess = (f(Z, target) for f in (softmax_cross_entropy_grad, softmax_cross_entropy_hess))
        # Sums of five numbers below 1, each right to 6 eps of its terms, or below 1/4 and right to 8.
        assert_within(grad.sum(axis=-1), np.zeros(LABELS.shape), eps=12, scale=1)
        assert_within(hess.sum(axis=-1), np.zeros(Z.shape), eps=8, scale=1)
        assert not softmax_cross_entropy_hvp(Z, target, np.full(Z.shape, 3.7)).any()
        assert_within(hess, np.swapaxes(hess, -1, -2), eps=8)
        lowest = np.linalg.eigvalsh(hess)[..., 0]
        assert_within(np.minimum(lowest, 0), np.zeros(LABELS.shape), eps=8, scale=1)


@pytest.mark.accuracy
def test_a_target_need_not_sum_to_1_exactly() -> None:
    z, y, less = Z[0, 0], Y[0, 0], 1 - 1e-8
    assert_within(softmax_cross_entropy(z, y * less), softmax_cross_entropy(z, y) * less, eps=8)
    grad = softmax(z) * (y * less).sum() - y * less
    assert_within(softmax_cross_entropy_grad(z, y * less), grad, eps=8, scale=1)
    hess = softmax_cross_entropy_hess(z, y) * less
    assert_within(softmax_cross_entropy_hess(z, y * less), hess, eps=16)
    product = softmax_cross_entropy_hvp(z, y, V[0, 0]) * less
    assert_within(softmax_cross_entropy_hvp(z, y * less, V[0, 0]), product, eps=16)


@pytest.mark.accuracy(eps=2**10)  # which the vector makes less
def test_the_product_is_that_of_the_hessian() -> None:
    for target in (LABELS, Y):
        expected = (softmax_cross_entropy_hess(Z, target) @ V[..., None])[..., 0]
        size = (np.abs(softmax_cross_entropy_hess(Z, target)) @ np.abs(V)[..., None])[..., 0]
        # 8 eps of each, of numbers that cancel.
        assert_within(softmax_cross_entropy_hvp(Z, target, V), expected, eps=16, scale=size)
    expected = sigmoid_cross_entropy_hess(X, T) * X
    assert_within(sigmoid_cross_entropy_hvp(X, T, X), expected, eps=4)


# --- Identities ---------------------------------------------------------------------------------


@pytest.mark.accuracy
def test_a_label_is_the_distribution_that_is_sure_of_it() -> None:
    for function in SOFTMAX:
        labels = call(function, Z, LABELS, V)
        assert_within(call(function, Z, one_hot(LABELS, 5), V), labels, eps=8)


@pytest.mark.accuracy(eps=2**10)  # an error of a probability counts as much as the target says
def test_the_loss_is_the_cross_entropy_of_the_softmax() -> None:
    # Of a probability that is right to 4 eps, the logarithm is right to 4 eps of 1.
    loss = softmax_cross_entropy(Z, Y)
    assert_within(cross_entropy(Y, softmax(Z)), loss, eps=8, scale=1 + loss)
    for label in range(5):
        labels = np.full(LABELS.shape, label)
        assert_within(softmax_cross_entropy(Z, labels), -log_softmax(Z)[..., label], eps=8)


@pytest.mark.accuracy
def test_two_classes_are_one_logit() -> None:
    two = np.stack([X, np.zeros_like(X)], axis=-1)
    target = np.stack([T, 1 - T], axis=-1)
    # The two bounds added up.
    assert_within(softmax_cross_entropy(two, target), sigmoid_cross_entropy(X, T), eps=8)
    signs = np.array([1, -1])
    grad = sigmoid_cross_entropy_grad(X, T)[..., None] * signs
    assert_within(softmax_cross_entropy_grad(two, target), grad, eps=10, scale=1)
    hess = sigmoid_cross_entropy_hess(X, T)[..., None, None] * np.outer(signs, signs)
    assert_within(softmax_cross_entropy_hess(two, target), hess, eps=12)


@pytest.mark.parametrize("function", SOFTMAX)
@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
def test_axis(function: Any, axis: int) -> None:
    keeps = function in (softmax_cross_entropy_grad, softmax_cross_entropy_hvp)
    moved = [np.moveaxis(array, -1, axis) for array in (Z, Y, V)]
    for target, moved_target in ((LABELS, LABELS), (Y, moved[1])):
        expected = call(function, Z, target, V)
        found = call(function, moved[0], moved_target, moved[2], axis=axis)
        assert np.array_equal(found, np.moveaxis(expected, -1, axis) if keeps else expected)


@pytest.mark.accuracy
@pytest.mark.parametrize("target", [LABELS, Y], ids=["labels", "distributions"])
@pytest.mark.parametrize("function", SOFTMAX)
def test_blocks_of_rows_are_the_whole(monkeypatch: pytest.MonkeyPatch, function: Any, target: Any) -> None:
    whole = call(function, Z, target, V)
    monkeypatch.setattr(_kernel, "BLOCK", 88)
    # Sums may be taken in another order: each result is within its bound.
    assert_within(call(function, Z, target, V), whole, eps=16, scale=1 + np.abs(whole))


@pytest.mark.accuracy
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("axis", [-1, 0])
@pytest.mark.parametrize("target", [LABELS, Y], ids=["labels", "distributions"])
def test_value_and_gradient_in_one_call(target: Any, axis: int, dtype: Any) -> None:
    z = Z.astype(dtype)
    given = target if target is LABELS else np.moveaxis(target, -1, axis)
    loss, gradient = softmax_cross_entropy_value_and_grad(np.moveaxis(z, -1, axis), given, axis=axis)
    assert_within(loss, oracle.softmax_cross_entropy(z, target), eps=4)
    exact = oracle.softmax_cross_entropy_grad(z, target)
    assert_within(np.moveaxis(gradient, axis, -1), exact, eps=4 if target is LABELS else 6)


def test_arguments_may_be_named() -> None:
    assert softmax_cross_entropy(target=0, logits=[0.0, 0.0]) == softmax_cross_entropy([0.0, 0.0], 0)


def test_one_class() -> None:
    assert softmax_cross_entropy([3.0], 0) == softmax_cross_entropy([3.0], [1.0]) == 0.0
    assert softmax_cross_entropy_grad([3.0], 0).tolist() == [0.0]
    assert softmax_cross_entropy_hess([3.0], 0).tolist() == [[0.0]]
    assert softmax_cross_entropy_hvp([3.0], 0, [2.0]).tolist() == [0.0]


# --- The rules for infinities -------------------------------------------------------------------


def test_a_class_that_is_ruled_out() -> None:
    z, rest = np.array([1.0, -np.inf, 2.0]), np.array([1.0, 2.0])
    for target, rest_target in ((2, 1), ([0.25, 0.0, 0.75], [0.25, 0.75])):
        assert softmax_cross_entropy(z, target) == softmax_cross_entropy(rest, rest_target)
        grad = softmax_cross_entropy_grad(z, target)
        assert np.array_equal(grad[[0, 2]], softmax_cross_entropy_grad(rest, rest_target))
        assert grad[1] == 0.0
        hess = softmax_cross_entropy_hess(z, target)
        assert np.array_equal(hess[np.ix_([0, 2], [0, 2])], softmax_cross_entropy_hess(rest, rest_target))
        assert not hess[1].any()
        assert not hess[:, 1].any()
        product = softmax_cross_entropy_hvp(z, target, [1.0, 1e300, 3.0])
        assert np.array_equal(product[[0, 2]], softmax_cross_entropy_hvp(rest, rest_target, [1.0, 3.0]))
        assert product[1] == 0.0


def test_a_ruled_out_class_that_occurs_costs_infinitely_much() -> None:
    z = [0.0, -np.inf]
    assert softmax_cross_entropy(z, 1) == softmax_cross_entropy(z, [0.5, 0.5]) == np.inf
    assert softmax_cross_entropy_grad(z, 1).tolist() == [1.0, -1.0]
    assert softmax_cross_entropy_grad(z, [0.5, 0.5]).tolist() == [0.5, -0.5]


@pytest.mark.parametrize("dtype", [np.float64, np.longdouble])
def test_a_gap_beyond_the_largest_float(dtype: Any) -> None:
    largest = np.finfo(dtype).max
    z = np.array([largest, -largest])
    for target in (0, [1.0, 0.0]):
        assert softmax_cross_entropy(z, target) == 0.0
        assert softmax_cross_entropy_grad(z, target).tolist() == [0.0, 0.0]
    assert softmax_cross_entropy(z, 1) == softmax_cross_entropy(z, [0.5, 0.5]) == np.inf


def test_sure_logits() -> None:
    x, t = [np.inf, np.inf, -np.inf, -np.inf, np.inf], [1.0, 0.0, 0.0, 1.0, 0.5]
    assert sigmoid_cross_entropy(x, t).tolist() == [0.0, np.inf, 0.0, np.inf, np.inf]
    assert sigmoid_cross_entropy_grad(x, t).tolist() == [0.0, 1.0, 0.0, -1.0, 0.5]
    assert sigmoid_cross_entropy_hess(x, t).tolist() == [0.0] * 5


@pytest.mark.accuracy
def test_losses_that_underflow_do_so_gradually() -> None:
    z, labels = np.array([[700.0, 0.0], [740.0, 0.0], [800.0, 0.0]]), [0, 0, 0]
    tails = np.array([math.exp(-700), math.exp(-740), 0.0])
    assert_within(softmax_cross_entropy(z, labels), tails, eps=4)
    assert_within(softmax_cross_entropy_grad(z, labels), np.stack([-tails, tails], axis=-1), eps=4)


# --- What is accepted ---------------------------------------------------------------------------


@pytest.mark.accuracy
@pytest.mark.parametrize("function", SOFTMAX)
@pytest.mark.parametrize(
    "dtype", [np.float16, np.float32, np.longdouble, np.float64, bool, np.int8, np.uint64]
)
def test_dtypes_of_logits(function: Any, dtype: Any) -> None:
    z, vector = np.array([[0, 1, 1], [1, 0, 0]], dtype), np.array([[2, 0, 1], [0, 2, 0]], dtype)
    expected = dtype if np.issubdtype(dtype, np.floating) else np.float64
    for target in ([0, 1], np.full((2, 3), 1 / 3)):
        result = call(function, z, target, vector)
        wide = call(function, z.astype(float), target, vector.astype(float))
        # Half precision is computed wider and rounded once; the widest is compared with float64.
        limit, unit = 1 if dtype is np.float16 else 4, np.float64 if dtype is np.longdouble else expected
        assert_within(result, wide, limit, scale=1 + np.abs(wide), dtype=expected, of=unit)


@pytest.mark.accuracy
@pytest.mark.parametrize("function", SOFTMAX)
@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64, np.uint64])
def test_dtypes_of_labels(function: Any, dtype: Any) -> None:
    assert np.array_equal(call(function, Z, LABELS.astype(dtype), V), call(function, Z, LABELS, V))
    wide = np.zeros((1, 300))
    found = call(softmax_cross_entropy, wide, np.array([127], dtype))
    assert_within(found, np.array([math.log(300)]), eps=4)


@pytest.mark.accuracy
@pytest.mark.parametrize("function", SOFTMAX)
def test_lists_and_odd_memory(function: Any) -> None:
    for target in (LABELS, Y):
        expected = call(function, Z, target, V)
        odd = (
            (Z.tolist(), target.tolist(), V.tolist()),
            (Z.astype(">f8"), target.astype(target.dtype.newbyteorder(">")), V.astype(">f8")),
            tuple(np.repeat(array, 2, axis=0)[::2] for array in (Z, target, V)),
            tuple(map(np.asfortranarray, (Z, target, V))),
        )
        for arguments in odd:
            # Sums may be taken in another order.
            assert_within(call(function, *arguments), expected, eps=8, scale=1 + np.abs(expected))


@pytest.mark.parametrize("function", SOFTMAX + SIGMOID)
def test_inputs_are_neither_changed_nor_returned(function: Any) -> None:
    arguments = [array.copy() for array in ((Z, LABELS, V) if function in SOFTMAX else (X, T, X))]
    for array in arguments:
        array.flags.writeable = False
    copies = [array.copy() for array in arguments]
    result = call(function, *arguments)
    assert all(map(np.array_equal, arguments, copies))
    assert not any(np.shares_memory(result, array) for array in arguments)
    assert result.flags.writeable


@pytest.mark.parametrize("function", SOFTMAX)
def test_shapes(function: Any) -> None:
    tails = dict(zip(SOFTMAX, [(), (5,), (5, 5), (5,)], strict=True))
    for batch in ((), (1,), (0,), (2, 0, 3), (4, 3)):
        z = np.zeros((*batch, 5))
        assert call(function, z, np.zeros(batch, int)).shape == (*batch, *tails[function])
        assert call(function, z, np.full(z.shape, 0.2)).shape == (*batch, *tails[function])


@pytest.mark.parametrize("function", SIGMOID)
@pytest.mark.parametrize("shape", [(), (0,), (2, 3), (2, 0, 3)])
def test_sigmoid_shapes_and_targets(function: Any, shape: tuple[int, ...]) -> None:
    x = np.zeros(shape, np.float32)
    for target in (np.ones(shape), 1, True, np.ones(shape, bool), np.ones(shape, int)):
        result = call(function, x, target)
        assert result.shape == shape
        assert result.dtype == np.float32


# --- What is refused ----------------------------------------------------------------------------


SQUARE = np.zeros((2, 3))


@pytest.mark.parametrize("function", SOFTMAX)
@pytest.mark.parametrize(
    ("logits", "target", "error", "message"),
    [
        (SQUARE, [0, 3], ValueError, r"labels in target must be from 0 to 2, but the value at 1 is 3"),
        (SQUARE, [0, -1], ValueError, r"labels in target must be from 0 to 2, but the value at 1 is -1"),
        (SQUARE[0], 3, ValueError, "labels in target must be from 0 to 2, but the value is 3$"),
        (SQUARE, [0.0, 1.0], TypeError, r"integers of shape \(2,\), .* holds float64 in shape \(2,\)"),
        (SQUARE, [[0, 0, 1]] * 2, TypeError, r"real numbers of shape \(2, 3\), but holds int64"),
        (SQUARE, [True, False], TypeError, r"but holds bool in shape \(2,\)"),
        (SQUARE, ["a", "b"], TypeError, r"but holds <U1 in shape \(2,\)"),
        (SQUARE, [0, 1, 2], ValueError, r"but holds int64 in shape \(3,\)"),
        (SQUARE, [[0], [1]], ValueError, r"but holds int64 in shape \(2, 1\)"),
        (SQUARE, 0, ValueError, r"but holds int64 in shape \(\)"),
        (SQUARE, [[0.5, 0.5]] * 2, ValueError, r"but holds float64 in shape \(2, 2\)"),
        (SQUARE, [[1.0, 0, 0]], ValueError, r"but holds float64 in shape \(1, 3\)"),
        (SQUARE, [[1.0, 0, 0], [1.5, -0.5, 0]], ValueError, r"target .* the entry at \(1, 1\) .* is -0.5"),
        (SQUARE, [[1.0, 0, 0], [np.nan, 1, 0]], ValueError, r"target .* the entry at \(1, 0\) .* is nan"),
        (SQUARE, [[1.0, 0, 0], [0.5, 0, 0.4]], ValueError, r"target .* the row at 1 sums to 0.9"),
        ([[0.0, np.nan]], [0], ValueError, r"the logit at \(0, 1\) \(class axis last\) is nan"),
        ([[0.0, np.inf]], [0], ValueError, r"the logit at \(0, 1\) \(class axis last\) is inf"),
        ([[0.0], [-np.inf]], [0, 0], ValueError, r"every class of the row at 1 is masked"),
        ([["a"]], [0], TypeError, "logits must be real numbers, but their dtype is <U1"),
        (np.zeros((2, 0)), [0, 0], ValueError, r"at least one class, but the shape is \(2, 0\)"),
        (1.0, 0, ValueError, "logits must have a class axis, which the single number 1.0 has not"),
    ],
    ids=str,
)
def test_what_softmax_losses_refuse(
    function: Any, logits: Any, target: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call(function, logits, target)


@pytest.mark.parametrize(
    ("vector", "error", "message"),
    [
        ([1.0, 1.0], ValueError, r"vector has shape \(2,\), but must have \(2, 3\), the shape of the logits"),
        (np.ones((1, 3)), ValueError, r"vector has shape \(1, 3\), but must have \(2, 3\)"),
        ([[0, 0, 0], [0, np.inf, 0]], ValueError, r"vector must be finite, but the value at \(1, 1\) is inf"),
        (np.full((2, 3), 1j), TypeError, "vector must be real numbers, but their dtype is complex128"),
    ],
    ids=str,
)
def test_vectors_that_are_refused(vector: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        softmax_cross_entropy_hvp(SQUARE, [0, 1], vector)
    with pytest.raises(error, match=message):
        sigmoid_cross_entropy_hvp(SQUARE, SQUARE, vector)


@pytest.mark.parametrize("function", SOFTMAX)
def test_an_axis_that_does_not_exist(function: Any) -> None:
    with pytest.raises(np.exceptions.AxisError, match="axis 2 is out of bounds"):
        call(function, SQUARE, [0, 1], axis=2)


@pytest.mark.parametrize("function", SIGMOID)
@pytest.mark.parametrize(
    ("x", "target", "error", "message"),
    [
        ([0.0, np.nan], 1.0, ValueError, r"logits must be numbers, but the value at 1 is nan"),
        ([0.0, 0.0], [0.0, 1.5], ValueError, r"target must lie between 0 and 1, but the value at 1 is 1.5"),
        ([0.0, 0.0], [0.0, -0.5], ValueError, r"target must lie between 0 and 1, but the value at 1 is -0.5"),
        (
            [0.0, 0.0],
            [0.0, np.nan],
            ValueError,
            r"target must lie between 0 and 1, but the value at 1 is nan",
        ),
        ([0.0, 0.0], 2, ValueError, "target must lie between 0 and 1, but the value is 2.0"),
        (np.zeros(3), np.zeros((3, 1)), ValueError, r"target has shape \(3, 1\), but must have \(3,\)"),
        (np.zeros(3), np.zeros(1), ValueError, r"target has shape \(1,\), .* or be one number"),
        ([1j], 1.0, TypeError, "logits must be real numbers, but their dtype is complex128"),
        ([0.0], ["a"], TypeError, "target must be real numbers, but their dtype is <U1"),
    ],
    ids=str,
)
def test_what_sigmoid_losses_refuse(
    function: Any, x: Any, target: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call(function, x, target)


@pytest.mark.parametrize("function", [*SOFTMAX, softmax_cross_entropy_value_and_grad])
@pytest.mark.parametrize("target", [[0, 1], [[1.0, 0.0, 0.0]] * 2], ids=["labels", "distributions"])
@pytest.mark.parametrize(
    ("weight", "error", "message"),
    [
        ([1.0, 1.0], ValueError, r"class_weight has shape \(2,\), but must have \(3,\), one weight each"),
        (1.0, ValueError, r"class_weight has shape \(\), but must have \(3,\)"),
        (SQUARE, ValueError, r"class_weight has shape \(2, 3\), but must have \(3,\)"),
        ([1, -1, 1], ValueError, "class_weight must be finite and not negative, but the value at 1 is -1.0"),
        ([1, 1, np.nan], ValueError, "class_weight must be .* not negative, but the value at 2 is nan"),
        ([np.inf, 1, 1], ValueError, "class_weight must be finite .* the value at 0 is inf"),
        ("abc", TypeError, "class_weight must be real numbers"),
        ([1j, 1, 1], TypeError, "class_weight must be real numbers, but their dtype is complex128"),
    ],
    ids=str,
)
def test_class_weights_that_are_refused(
    function: Any, target: Any, weight: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call(function, SQUARE, target, class_weight=weight)


@pytest.mark.parametrize("function", SIGMOID)
@pytest.mark.parametrize(
    ("weight", "error", "message"),
    [
        ([1.0, 1.0], ValueError, r"pos_weight has shape \(2,\), but must have \(3,\), one weight each"),
        (SQUARE, ValueError, r"pos_weight has shape \(2, 3\), but must have \(3,\)"),
        (-1, ValueError, "pos_weight must be finite and not negative, but the value is -1.0"),
        ([1, np.inf, 1], ValueError, "pos_weight must be finite and not negative, but the value at 1 is inf"),
        ("a", TypeError, "pos_weight must be real numbers"),
    ],
    ids=str,
)
def test_positive_weights_that_are_refused(
    function: Any, weight: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call(function, SQUARE, SQUARE, pos_weight=weight)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_loss_of_a_sure_answer_is_0_and_not_minus_0(dtype: Any) -> None:
    for logits, label, row in (([800.0, 0.0], 0, [1, 0]), ([800.0], 0, [1]), ([0.0, -math.inf], 0, [1, 0])):
        for target in (label, np.array(row, dtype)):
            loss = softmax_cross_entropy(np.array(logits, dtype), target)
            assert loss == 0
            assert math.copysign(1, loss) == 1
