"""The losses of ordered classes: accuracy as promised, differences, two classes, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import oracle
import pytest
from oracle import assert_within

from xentlib import (
    ordinal_cross_entropy,
    ordinal_cross_entropy_grad,
    ordinal_cross_entropy_hess,
    sigmoid,
    sigmoid_cross_entropy,
    sigmoid_cross_entropy_grad,
    sigmoid_cross_entropy_hess,
)
from xentlib.differences import gradient, hessian, jacobian

FUNCTIONS = [ordinal_cross_entropy, ordinal_cross_entropy_grad, ordinal_cross_entropy_hess]
TAILS = dict(zip(FUNCTIONS, [(), (3,), (3, 3)], strict=True))
DRAW = np.random.default_rng(7)
G = np.sort(DRAW.normal(scale=3, size=(4, 2, 3)))
LABELS = DRAW.integers(4, size=(4, 2))


def rows(gap: float, dtype: Any, offset: float) -> tuple[Any, Any]:
    """Return cumulative logits that increase by about the gap, somewhere about the offset, and labels."""
    draw = np.random.default_rng(3)
    z = draw.uniform(-0.5, 0.5, size=(12, 1)) + offset
    z = (z + gap * np.cumsum(draw.uniform(0.5, 1.5, size=(12, 3)), axis=-1)).astype(dtype)
    for k in (1, 2):  # what rounding made equal is as near as can be
        z[:, k] = np.maximum(z[:, k], np.nextafter(z[:, k - 1], dtype(np.inf)))
    return z, np.arange(12) % 4


@pytest.mark.accuracy
@pytest.mark.parametrize("offset", [0.0, -30.0, 30.0, -900.0, 900.0])
@pytest.mark.parametrize("gap", [0.0, 1e-6, 0.1, 0.7, 5.0, 40.0, 300.0, 700.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_relative_error(dtype: Any, gap: float, offset: float) -> None:
    z, labels = rows(gap, dtype, offset)
    for function in FUNCTIONS:
        assert_within(function(z, labels), getattr(oracle, function.__name__)(z, labels), eps=4)


@pytest.mark.accuracy
def test_the_difference_of_sigmoids_loses_what_this_keeps() -> None:
    z = [40.0, 41.0]
    with np.errstate(divide="ignore", invalid="ignore"):
        assert -np.log(1 - sigmoid(z[1])) == np.inf
        assert -np.log(np.diff(sigmoid(z)))[0] == np.inf
    assert_within(ordinal_cross_entropy(z, 1), 40 - math.log(-math.expm1(-1.0)), eps=4)
    assert_within(ordinal_cross_entropy(z, 2), 41.0, eps=4)


# A fourth-order difference errs by h^4 f'''''/30 and by the rounding of values; a second difference by the
# square root of that. In eps of 1:
FIRST, SECOND = 1e-11 * 2**52, 1e-7 * 2**52


@pytest.mark.accuracy(eps=2**20)  # above FIRST times the largest entry
@pytest.mark.parametrize("label", range(4))
@pytest.mark.parametrize("point", [[-1.0, 0.0, 1.5], [-0.7, 0.3, 6.0], [-9.0, -8.0, 12.0]], ids=str)
def test_first_derivatives_against_differences(point: list[float], label: int) -> None:
    grad, hess = ordinal_cross_entropy_grad(point, label), ordinal_cross_entropy_hess(point, label)
    assert_within(gradient(lambda a: ordinal_cross_entropy(a, label), point), grad, eps=FIRST, scale=1)
    assert_within(jacobian(lambda a: ordinal_cross_entropy_grad(a, label), point), hess, eps=FIRST, scale=1)


@pytest.mark.accuracy(eps=2**34)  # above SECOND times the largest entry
@pytest.mark.parametrize("label", range(4))
def test_second_derivatives_against_differences(label: int) -> None:
    point = [-1.0, 0.0, 1.5]
    found = hessian(lambda a: ordinal_cross_entropy(a, label), point)
    assert_within(found, ordinal_cross_entropy_hess(point, label), eps=SECOND, scale=1)


@pytest.mark.accuracy
def test_two_classes_are_one_logit() -> None:
    x, labels = np.linspace(-50, 50, 21), np.arange(21) % 2
    logits = x[:, None]
    # The lower class is the answer yes. Each is right to 4 eps.
    assert_within(ordinal_cross_entropy(logits, labels), sigmoid_cross_entropy(x, 1 - labels), eps=8)
    grad = ordinal_cross_entropy_grad(logits, labels)[:, 0]
    assert_within(grad, sigmoid_cross_entropy_grad(x, 1 - labels), eps=8)
    hess = ordinal_cross_entropy_hess(logits, labels)[:, 0, 0]
    assert_within(hess, sigmoid_cross_entropy_hess(x, 1 - labels), eps=8)


@pytest.mark.accuracy
def test_the_probabilities_sum_to_1() -> None:
    # Where no class is improbable, an error of any loss shows in the sum.
    z = G / 16 + np.array([-1.0, 0.0, 1.0])
    losses = np.stack([ordinal_cross_entropy(z, np.full(LABELS.shape, label)) for label in range(4)])
    # A probability errs by 4 eps times its loss, and by an eps of exp: together by 4 log(4) + 1.
    assert_within(np.exp(-losses).sum(axis=0), np.ones(LABELS.shape), eps=7)


@pytest.mark.accuracy(eps=2**10)  # the sum of the entries leaves out what two of them share
def test_the_derivative_by_the_score() -> None:
    # g = theta - x: the larger of the two entries cancels in the sum.
    by_score = -ordinal_cross_entropy_grad(G[0, 0], 1).sum()
    upper, lower = G[0, 0, 1], G[0, 0, 0]
    assert_within(by_score, sigmoid(-upper) - sigmoid(lower), eps=64, scale=1)


def test_infinite_logits() -> None:
    z = [-np.inf, 0.0, np.inf]
    assert [float(ordinal_cross_entropy(z, label)) for label in (0, 3)] == [np.inf, np.inf]
    assert ordinal_cross_entropy([-np.inf, np.inf], 1) == 0.0
    assert ordinal_cross_entropy_grad(z, 0).tolist() == [-1.0, 0.0, 0.0]
    assert ordinal_cross_entropy_grad(z, 1).tolist() == [0.0, -0.5, 0.0]
    assert ordinal_cross_entropy_grad(z, 3).tolist() == [0.0, 0.0, 1.0]
    assert ordinal_cross_entropy_hess([-np.inf, np.inf], 1).tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_logits_that_are_next_to_one_another() -> None:
    tiny = np.nextafter(0.0, 1.0)
    assert_within(ordinal_cross_entropy([0.0, tiny], 1), 2 * math.log(2) - math.log(tiny), eps=4)
    assert ordinal_cross_entropy_grad([0.0, tiny], 1).tolist() == [np.inf, -np.inf]
    assert ordinal_cross_entropy_hess([0.0, tiny], 1).tolist() == [[np.inf, -np.inf], [-np.inf, np.inf]]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_shapes_and_dtypes(function: Any, dtype: Any) -> None:
    for batch in ((), (1,), (0,), (2, 0, 3), (4, 3)):
        z = np.broadcast_to(np.arange(3), (*batch, 3)).astype(dtype)
        for labels in (np.zeros(batch, np.int8), np.full(batch, 3, np.uint64)):
            result = function(z, labels)
            assert result.shape == (*batch, *TAILS[function])
            assert result.dtype == dtype
    assert function([0, 1, 2], 3).dtype == np.float64


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
def test_axis(function: Any, axis: int) -> None:
    moved, expected = np.moveaxis(G, -1, axis), function(G, LABELS)
    if function is ordinal_cross_entropy_grad:
        expected = np.moveaxis(expected, -1, axis)
    assert np.array_equal(function(moved, LABELS, axis=axis), expected)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_inputs_are_not_changed(function: Any) -> None:
    z, labels = G.copy(), LABELS.copy()
    z.flags.writeable = labels.flags.writeable = False
    assert not np.shares_memory(function(z, labels), z)
    assert np.array_equal(function(z.tolist(), labels.tolist()), function(z.astype(">f8"), labels))


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    ("logits", "labels", "error", "message"),
    [
        ([1.0, 1.0], 0, ValueError, r"logits must increase .* at 1 \(class axis last\) is 1.0, after 1.0"),
        ([[0.0, 1.0, 2.0], [0.0, 3.0, 2.0]], [0, 0], ValueError, r"at \(1, 2\) .* is 2.0, after 3.0"),
        ([-np.inf, -np.inf], 1, ValueError, r"increase .* is -inf, after -inf"),
        ([[0.0], [np.nan]], [0, 0], ValueError, r"logits must be numbers, but the value at \(1, 0\) is nan"),
        ([0.0, 1.0], 3, ValueError, r"labels must be from 0 to 2, but the value is 3"),
        ([0.0, 1.0], -1, ValueError, r"labels must be from 0 to 2, but the value is -1"),
        ([0.0, 1.0], 1.0, TypeError, "labels must be integers, but their dtype is float64"),
        ([0.0, 1.0], True, TypeError, "labels must be integers, but their dtype is bool"),
        ([0.0, 1.0], [1], ValueError, r"labels has shape \(1,\), but must have \(\), one label for each"),
        (["a"], 0, TypeError, "logits must be real numbers, but their dtype is <U1"),
        (np.zeros((2, 0)), [0, 0], ValueError, r"at least one class, but the shape is \(2, 0\)"),
        (1.0, 0, ValueError, "logits must have a class axis"),
    ],
    ids=str,
)
def test_what_is_refused(
    function: Any, logits: Any, labels: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        function(logits, labels)
