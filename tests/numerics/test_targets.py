"""Targets: labels as distributions, and smoothed; what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import oracle
import pytest
from oracle import assert_within

from xentlib import one_hot, smooth_labels

Y = oracle.distributions(np.random.default_rng(7).normal(size=(4, 3, 5)))


def test_one_hot() -> None:
    assert one_hot(2, 3).tolist() == [0.0, 0.0, 1.0]
    assert one_hot(np.array([[0], [1]], np.uint8), 2).tolist() == [[[1.0, 0.0]], [[0.0, 1.0]]]
    assert one_hot(np.zeros((0, 2), int), 3).shape == (0, 2, 3)
    assert one_hot([1], np.int64(2)).dtype == np.float64  # type: ignore[arg-type]


@pytest.mark.accuracy
def test_smooth_labels() -> None:
    assert np.array_equal(smooth_labels(Y, 0.0), Y)
    # One rounding of an entry, and those of a sum of five.
    assert_within(smooth_labels(Y, 1), np.full(Y.shape, 0.2), eps=1)
    assert_within(smooth_labels(Y, 0.3).sum(axis=-1), np.ones(Y.shape[:-1]), eps=4)
    assert smooth_labels(Y.astype(np.float32), 0.3).dtype == np.float32
    moved = smooth_labels(np.moveaxis(Y, -1, 0), 0.3, axis=0)
    assert np.array_equal(np.moveaxis(moved, 0, -1), smooth_labels(Y, 0.3))


@pytest.mark.parametrize(
    ("labels", "classes", "error", "message"),
    [
        ([0, 3], 3, ValueError, r"labels must be from 0 to 2, but the value at 1 is 3"),
        ([[-1]], 3, ValueError, r"labels must be from 0 to 2, but the value at \(0, 0\) is -1"),
        ([0.0], 3, TypeError, "labels must be integers, but their dtype is float64"),
        ([True], 3, TypeError, "labels must be integers, but their dtype is bool"),
        ([0], 0, ValueError, "classes must be at least 1, but is 0"),
        ([0], 2.0, TypeError, "classes must be an integer, but is 2.0"),
        ([0], True, TypeError, "classes must be an integer, but is True"),
    ],
    ids=str,
)
def test_what_one_hot_refuses(labels: Any, classes: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        one_hot(labels, classes)


@pytest.mark.parametrize(
    ("target", "epsilon", "error", "message"),
    [
        ([0, 1], 0.1, TypeError, "target must be distributions, real numbers, but holds int64: take one_hot"),
        ([0.5, 0.6], 0.1, ValueError, r"target must be distributions, .* the row sums to 1.1"),
        ([1.0], -0.1, ValueError, "label_smoothing must lie between 0 and 1, but is -0.1"),
        ([1.0], 1.1, ValueError, "label_smoothing must lie between 0 and 1, but is 1.1"),
        ([1.0], np.nan, ValueError, "label_smoothing must lie between 0 and 1, but is nan"),
        ([1.0], [0.1], TypeError, r"label_smoothing must be one real number, but is \[0.1\] of type list"),
        (1.0, 0.1, ValueError, "target must have a class axis, which the single number 1.0 has not"),
    ],
    ids=str,
)
def test_what_smooth_labels_refuses(target: Any, epsilon: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        smooth_labels(target, epsilon)
