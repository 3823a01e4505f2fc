"""Sigmoid and its relatives: what they accept and refuse, and 4 eps of each result, as the docstrings say."""

from __future__ import annotations

from typing import Any

import numpy as np
import oracle
import pytest
from oracle import assert_within

from xentlib import log_sigmoid, log_softmax, logsumexp, sigmoid, softmax, softplus

ELEMENTWISE = [sigmoid, log_sigmoid, softplus]


@pytest.mark.accuracy
@pytest.mark.parametrize("gap", [0.0, 0.1, 10.0, 20.0, 40.0, 100.0, 700.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_relative_error_of_single_logits(dtype: Any, gap: float) -> None:
    x = (np.random.default_rng(4).uniform(-0.5, 0.5, size=60) + gap * np.tile([-1, 1], 30)).astype(dtype)
    for function in ELEMENTWISE:
        assert_within(function(x), getattr(oracle, function.__name__)(x), eps=4)


@pytest.mark.parametrize("function", ELEMENTWISE)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3, 4)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_single_logits_keep_shape_and_dtype(function: Any, shape: tuple[int, ...], dtype: Any) -> None:
    result = function(np.zeros(shape, dtype))
    assert result.shape == shape
    assert result.dtype == dtype


def test_single_logits_at_infinity() -> None:
    ends = [-np.inf, np.inf]
    assert sigmoid(ends).tolist() == [0.0, 1.0]
    assert log_sigmoid(ends).tolist() == [-np.inf, 0.0]
    assert softplus(ends).tolist() == [0.0, np.inf]


@pytest.mark.parametrize("function", ELEMENTWISE)
def test_single_logits_of_all_kinds(function: Any) -> None:
    x = np.array([[-2.0, 0.0], [1.0, 3.0]])
    expected = function(x)
    assert np.array_equal(function(x.tolist()), expected)
    assert np.array_equal(function(x.astype(">f8")), expected)
    assert np.array_equal(function(x.astype(np.int8)), expected)
    assert np.array_equal(function(x.T), expected.T)
    assert np.array_equal(function([False, True]), function([0.0, 1.0]))
    with pytest.raises(ValueError, match=r"x must be numbers, but the value at \(1, 0\) is nan"):
        function([[0.0, 0.0], [np.nan, 0.0]])
    with pytest.raises(TypeError, match="x must be real numbers, but their dtype is complex128"):
        function(1j)


@pytest.mark.accuracy
def test_single_logits_are_rows_of_two() -> None:
    x = np.linspace(-50, 50, 41)
    rows = np.stack([x, np.zeros_like(x)], axis=-1)
    # Each is right to 4 eps.
    assert_within(np.stack([sigmoid(x), sigmoid(-x)], axis=-1), softmax(rows), eps=8)
    assert_within(np.stack([log_sigmoid(x), log_sigmoid(-x)], axis=-1), log_softmax(rows), eps=8)
    assert_within(softplus(x), logsumexp(rows), eps=8)
    assert np.array_equal(softplus(x), -log_sigmoid(-x))
