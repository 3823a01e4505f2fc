"""Calibration: exact values by fractions, edges and ties, what chance makes, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import oracle
import pytest
from oracle import assert_within

from xentlib import (
    calibration_curve,
    chance_calibration_error,
    debiased_squared_calibration_error,
    equal_mass_edges,
    expected_calibration_error,
    maximum_calibration_error,
    squared_calibration_error,
)

DRAW = np.random.default_rng(21)
ERRORS = {
    expected_calibration_error: 2,
    maximum_calibration_error: 2,
    squared_calibration_error: 4,
    debiased_squared_calibration_error: 8,
}


def sample(kind: str, dtype: Any, size: int = 36) -> tuple[Any, Any]:
    """Return forecasts and outcomes: drawn from them, always or never right, or on the edges of bins."""
    draw = np.random.default_rng(5)
    q = draw.uniform(size=size).astype(dtype)
    if kind == "on edges":
        q = (draw.integers(11, size=size) / 10).astype(dtype)
    if kind == "sure":
        q = draw.integers(2, size=size).astype(dtype)
    if kind == "next to 0":
        q = (q * 1e-30).astype(dtype)
    y = draw.uniform(size=size) < (q > 0.5 if kind == "bold" else q)
    return q, y


@pytest.mark.accuracy(eps=2**12)  # what is subtracted may be larger than what is left
@pytest.mark.parametrize("function", ERRORS)
@pytest.mark.parametrize("bins", [1, 2, 10, 15, 500, [0.0, 0.1, 0.35, 1.0]], ids=str)
@pytest.mark.parametrize("kind", ["drawn", "bold", "on edges", "next to 0", "sure"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_errors_are_those_of_the_docstrings(dtype: Any, kind: str, bins: Any, function: Any) -> None:
    q, y = sample(kind, dtype)
    expected = getattr(oracle, function.__name__)(q, y, bins)
    assert_within(function(q, y, bins), expected, eps=ERRORS[function])


@pytest.mark.accuracy
@pytest.mark.parametrize("bins", [1, 2, 10, [0.0, 0.1, 0.35, 1.0]], ids=str)
@pytest.mark.parametrize("kind", ["drawn", "bold", "on edges", "next to 0"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_curve(dtype: Any, kind: str, bins: Any) -> None:
    q, y = sample(kind, dtype)
    found = calibration_curve(q, y, bins)
    forecast, frequency, count = oracle.calibration_curve(q, y, bins)
    full = found.samples > 0
    assert_within(found.forecast[full], forecast, eps=1)
    assert_within(found.frequency[full], frequency, eps=1)
    assert found.samples[full].tolist() == count
    assert np.isnan(found.forecast[~full]).all()
    assert np.isnan(found.frequency[~full]).all()


@pytest.mark.accuracy
def test_calibrated_up_to_the_last_digit_is_told_from_calibrated() -> None:
    third = 1 / 3  # a little below
    exact = oracle.expected_calibration_error([third] * 3, [1, 0, 0], 1)
    assert 0 < exact.values < 2e-17
    assert_within(expected_calibration_error([third] * 3, [1, 0, 0], 1), exact, eps=2)
    assert expected_calibration_error([0.5, 0.5], [1, 0], 1) == 0


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("bins", [3, 5, 10, 15, 100])
def test_an_edge_belongs_to_the_bin_above_and_1_to_the_last(bins: int, dtype: Any) -> None:
    q = (np.arange(bins + 1) / bins).astype(dtype)
    assert calibration_curve(q, np.zeros(bins + 1), bins).samples.tolist() == [1] * (bins - 1) + [2]
    assert calibration_curve([0.0, 1.0], [0, 1], bins).samples.sum() == 2


def test_bins_may_be_edges_of_a_part_of_the_forecasts() -> None:
    q, y = [0.5, 0.7, 1.0], [0, 1, 1]
    assert calibration_curve(q, y, [0.5, 0.75, 1.0]).samples.tolist() == [2, 1]
    assert calibration_curve(q, y, np.array([0, 1])).samples.tolist() == [3]


def test_edges_of_equal_mass() -> None:
    q = DRAW.permutation(np.arange(1, 24) / 32)
    edges = equal_mass_edges(q, 5)
    assert edges.tolist() == [0, *np.sort(q)[[4, 9, 13, 18]], 1]
    assert calibration_curve(q, q > 1, edges).samples.tolist() == [4, 5, 4, 5, 5]
    assert equal_mass_edges(q, 1).tolist() == [0, 1]
    assert calibration_curve(q, q > 1, equal_mass_edges(q, 23)).samples.tolist() == [1] * 23
    single = q.astype(np.float32)
    assert calibration_curve(single, q > 1, equal_mass_edges(single, 5)).samples.tolist() == [4, 5, 4, 5, 5]


def test_equal_forecasts_stay_together() -> None:
    assert equal_mass_edges([0.5] * 4, 3).tolist() == [0, 0.5, 1]
    assert equal_mass_edges([0.0, 0.0, 0.0, 1.0], 4).tolist() == [0, 1]
    assert equal_mass_edges([1.0, 1.0, 0.25], 3).tolist() == [0, 1]
    assert calibration_curve([1.0, 1.0, 0.25], [1, 1, 0], [0, 1]).samples.tolist() == [3]


@pytest.mark.accuracy(eps=2**9)  # N eps of the values, of which the largest is spoilt
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bins", [1, 10, [0.0, 0.1, 0.35, 1.0]], ids=str)
def test_chance_draws_outcomes(bins: Any, dtype: Any) -> None:
    q = np.random.default_rng(2).uniform(size=40).astype(dtype)
    found = chance_calibration_error(q, bins, draws=30, rng=7)
    assert found.shape == (30,)
    edges = np.asarray(bins if np.ndim(bins) else np.linspace(0, 1, bins + 1))
    order = np.argsort(np.searchsorted(edges, q, side="right"), kind="stable")
    uniform = np.random.default_rng(7).random((30, 40))
    expected = [expected_calibration_error(q[order], row < q[order], bins) for row in uniform]
    assert_within(found, expected, eps=40, dtype=np.float64)


def test_chance_in_pieces_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    q = DRAW.uniform(size=50)
    whole = chance_calibration_error(q, 5, draws=20, rng=1)
    monkeypatch.setattr("xentlib._calibration._AT_ONCE", 120)
    assert np.array_equal(chance_calibration_error(q, 5, draws=20, rng=1), whole)
    assert np.array_equal(chance_calibration_error(q, 5, draws=20, rng=np.random.default_rng(1)), whole)
    assert not np.array_equal(chance_calibration_error(q, 5, draws=20, rng=2), whole)
    assert not chance_calibration_error([0.0, 1.0], 5, draws=3, rng=1).any()


def test_of_calibrated_forecasts_the_debiased_error_is_0_on_average() -> None:
    # Over all outcomes, with their probabilities: whatever the bins, and though the forecasts differ.
    q = np.array([0.1, 0.3, 0.45, 0.8])
    for bins in ([0, 1], [0, 0.4, 1]):
        mean = plug_in = 0.0
        for number in range(16):
            y = np.array([number >> place & 1 for place in range(4)])
            share = float(np.prod(np.where(y == 1, q, 1 - q)))
            mean += share * debiased_squared_calibration_error(q, y, bins)
            plug_in += share * squared_calibration_error(q, y, bins)
        assert abs(mean) < 1e-16
        assert plug_in > 0.04


@pytest.mark.parametrize("function", [calibration_curve, *ERRORS])
def test_what_is_refused(function: Any) -> None:
    q, y = [0.2, 0.5, 0.9], [0, 1, 1]
    for bad in (-0.1, 1.5, np.nan, np.inf):
        with pytest.raises(ValueError, match=rf"forecasts must lie between 0 and 1, .* at 1 is {bad}"):
            function([0.2, bad, 0.9], y, 2)
    for bad in (2, -1, 0.5, np.nan):
        with pytest.raises(ValueError, match=rf"outcomes must be 0 or 1, but the value at 2 is {bad}"):
            function(q, [0, 1, bad], 2)
    with pytest.raises(TypeError, match="outcomes must be 0 or 1, but their dtype is <U3"):
        function(q, ["yes", "no", "no"], 2)
    with pytest.raises(TypeError, match="forecasts must be real numbers, but their dtype is complex128"):
        function(np.array(q) * 1j, y, 2)
    with pytest.raises(ValueError, match=r"outcomes has shape \(2,\), but must have \(3,\)"):
        function(q, y[:2], 2)
    with pytest.raises(ValueError, match=r"one axis, .* but have shape \(1, 3\): .* one column at a time"):
        function([q], [y], 2)
    with pytest.raises(ValueError, match=r"values and indices that PyTorch's max returns\? Take the first"):
        function((np.array(q), np.array([0, 1, 1])), y, 2)
    with pytest.raises(ValueError, match="at least one sample"):
        function([], [], 2)
    for bins in (0, -1):
        with pytest.raises(ValueError, match="bins must be at least 1"):
            function(q, y, bins)
    for number in (2.0, True, None):
        with pytest.raises(TypeError, match="bins must be an integer"):
            function(q, y, number)
    for edges in ([0, 0.5, 0.5, 1], [1, 0], [0, np.nan, 1]):
        with pytest.raises(ValueError, match="the edges of the bins must increase in float64"):
            function(q, y, edges)
    for edges in ([0.3, 1], [0, 0.8]):
        with pytest.raises(ValueError, match="the bins must hold every forecast, but reach from"):
            function(q, y, edges)
    for array in (np.ones(1), np.array([[0, 1]])):
        with pytest.raises(ValueError, match="a number of bins or at least two edges, but have shape"):
            function(q, y, array)


def test_what_the_other_two_refuse() -> None:
    with pytest.raises(ValueError, match="bins must be at most 2, the number of forecasts, but is 3"):
        equal_mass_edges([0.1, 0.2], 3)
    with pytest.raises(ValueError, match="forecasts must lie between 0 and 1"):
        equal_mass_edges([0.1, 2.0], 1)
    with pytest.raises(TypeError, match="bins must be an integer"):
        equal_mass_edges([0.1, 0.2], 1.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="draws must be at least 1, but is 0"):
        chance_calibration_error([0.5], 1, draws=0, rng=0)
    with pytest.raises(ValueError, match="forecasts must lie between 0 and 1"):
        chance_calibration_error([np.nan], 1, draws=1, rng=0)


@pytest.mark.parametrize("function", ERRORS)
def test_a_bin_with_one_sample_counts_only_without_the_correction(function: Any) -> None:
    assert (function([0.1, 0.9], [1, 0], 2) == 0) == (function is debiased_squared_calibration_error)


@pytest.mark.parametrize("function", [calibration_curve, *ERRORS])
def test_inputs_are_left_alone_and_lists_and_booleans_are_taken(function: Any) -> None:
    q, y = DRAW.uniform(size=9), DRAW.integers(2, size=9)
    before = q.copy(), y.copy()
    found = function(q, y, 3)
    assert np.array_equal(q, before[0])
    assert np.array_equal(y, before[1])
    assert np.array_equal(function((0.2, 0.9), (0, 1), 2), function([0.2, 0.9], [0, 1], 2))
    for outcomes in (y.tolist(), y == 1, y.astype(float), y.astype(np.uint8)):
        assert np.array_equal(function(q.tolist(), outcomes, 3), found)
