"""The fitted temperature: exact roots, closed forms, the law of scale, and what has no temperature."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import oracle
import pytest
from oracle import assert_within

import xentlib
from xentlib import _kernel as kernel
from xentlib import fit_temperature, mean_cross_entropy, softmax

FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def rows(classes: int, gap: float, dtype: Any, offset: float = 0.0) -> tuple[Any, Any]:
    """Return logits of which one is above the others by about the gap, and labels, some of them it."""
    draw = np.random.default_rng(classes + int(gap))
    z = draw.normal(size=(12, classes)) * max(1.0, gap / 10) + offset
    z[:, 0] += gap
    z = z.astype(dtype)
    labels = np.where(np.arange(12) % 4, z.argmax(axis=1), draw.integers(classes, size=12))
    labels[0] = z[0].argmin()
    return z, labels


# --- Exact values ----------------------------------------------------------------------------------


@pytest.mark.accuracy
@FLOATS
@pytest.mark.parametrize("classes", [2, 3, 30])
@pytest.mark.parametrize("gap", [0.0, 1.0, 10.0, 37.0, 700.0])
def test_labels_within_the_stated_bound(dtype: Any, classes: int, gap: float) -> None:
    z, labels = rows(classes, gap, dtype)
    assert_within(fit_temperature(z, labels), oracle.fit_temperature(z, labels), eps=4)


@pytest.mark.accuracy
@pytest.mark.parametrize("offset", [-1e4, 60.0, 1e4])
def test_an_offset_is_only_its_rounding(offset: float) -> None:
    z, labels = rows(5, 10.0, np.float64, offset)
    assert_within(fit_temperature(z, labels), oracle.fit_temperature(z, labels), eps=4)


@pytest.mark.accuracy
@FLOATS
@pytest.mark.parametrize("classes", [2, 6])
def test_distributions_within_the_stated_bound(dtype: Any, classes: int) -> None:
    z, _ = rows(classes, 3.0, dtype)
    y = np.random.default_rng(1).dirichlet(np.ones(classes), size=12)
    y = (0.7 * y + 0.3 * oracle.distributions(z)).astype(dtype)
    assert_within(fit_temperature(z, y), oracle.fit_temperature(z, y), eps=4)


@pytest.mark.accuracy
def test_masked_classes() -> None:
    z, labels = rows(6, 3.0, np.float64)
    masked = np.random.default_rng(2).random(z.shape) < 0.3
    masked[np.arange(12), labels] = False
    z[masked] = -np.inf
    assert_within(fit_temperature(z, labels), oracle.fit_temperature(z, labels), eps=4)


@pytest.mark.accuracy
def test_two_classes_with_one_gap_have_a_closed_form() -> None:
    # A share a of right answers stands for the odds a / (1 - a), and the logits claim the gap.
    for gap, right, wrong in [(math.log(9), 3, 1), (1e-3, 2, 1), (30.0, 1000, 1), (700.0, 51, 49)]:
        z = np.tile([gap, 0.0], (right + wrong, 1))
        labels = np.repeat([0, 1], [right, wrong])
        expected = gap / math.log(right / wrong)
        assert_within(fit_temperature(z, labels), expected, eps=4 * conditioning(z / expected, labels))


def conditioning(z: Any, labels: Any) -> float:
    exact = oracle.fit_temperature(z, labels)
    return float(exact.scale / exact.values)


@pytest.mark.accuracy
def test_more_rows_than_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    z, labels = rows(10, 3.0, np.float64)
    expected = oracle.fit_temperature(z, labels)
    monkeypatch.setattr(kernel, "BLOCK", 7 * 80)
    assert_within(fit_temperature(z, labels), expected, eps=4)


# --- Properties ------------------------------------------------------------------------------------

Z, LABELS = rows(4, 3.0, np.float64)
FITTED = fit_temperature(Z, LABELS)


@pytest.mark.accuracy
@pytest.mark.parametrize("exponent", [-1030, -600, -3, 1, 600, 1020])
def test_logits_times_a_power_of_two(exponent: int) -> None:
    # To the last bit, but where the logits are subnormal and rounded.
    z = np.ldexp(Z, exponent)
    expected = math.ldexp(FITTED, exponent)
    if exponent == -1030:
        with pytest.raises(ValueError, match="logits must have a temperature among the normal numbers, but"):
            fit_temperature(z, LABELS)
    else:
        assert_within(fit_temperature(z, LABELS), expected, eps=0)


@pytest.mark.accuracy
@pytest.mark.parametrize("factor", [0.3, 7.0])
def test_logits_times_a_number(factor: float) -> None:
    assert_within(fit_temperature(factor * Z, LABELS), factor * FITTED, eps=16 * conditioning(Z, LABELS))


@pytest.mark.accuracy(eps=2**10)  # the slope is flatter than the temperature is right
def test_at_the_temperature_the_expected_logit_is_that_of_the_label() -> None:
    expected = (softmax(Z, temperature=FITTED) * Z).sum(axis=1).mean()
    assert_within(expected, Z[np.arange(12), LABELS].mean(), eps=32)


def test_no_other_temperature_has_a_smaller_loss() -> None:
    best = mean_cross_entropy(Z / FITTED, LABELS)
    for factor in (0.5, 0.9, 0.999, 1.001, 1.1, 2):
        assert mean_cross_entropy(Z / (FITTED * factor), LABELS) > best


@pytest.mark.accuracy
def test_what_does_not_matter() -> None:
    # The order and the shape of the samples, another offset of each row, and rows of equal logits.
    bound = 8 * conditioning(Z, LABELS)
    back = np.arange(12)[::-1]
    assert_within(fit_temperature(Z[back], LABELS[back]), FITTED, eps=bound)
    assert_within(fit_temperature(Z.reshape(3, 4, 4), LABELS.reshape(3, 4)), FITTED, eps=0)
    flat = np.concatenate([np.full((5, 4), 1e300), Z])
    assert_within(fit_temperature(flat, np.append([0, 1, 2, 3, 3], LABELS)), FITTED, eps=bound)
    assert_within(fit_temperature(Z, np.eye(4)[LABELS]), FITTED, eps=bound)
    assert fit_temperature(Z.tolist(), LABELS.tolist()) == FITTED
    assert isinstance(fit_temperature(Z.astype(np.float16), LABELS), float)


@pytest.mark.accuracy
def test_integers_and_large_logits() -> None:
    z = np.array([[3, 0], [3, 0], [3, 0], [0, 3]])
    assert_within(fit_temperature(z, [0, 0, 1, 1]), 3 / math.log(3), eps=16)
    large = np.array([[1e308, -1e308], [1e308, -1e308], [1e308, -1e308], [1e308, -1e308]])
    half = np.array([0, 0, 0, 1])
    assert_within(fit_temperature(large / 8, half), 2.5e307 / math.log(3), eps=16)
    with pytest.raises(ValueError, match="temperature among the normal numbers, but theirs is inf"):
        fit_temperature(large, half)


@pytest.mark.accuracy
def test_ranges_of_very_different_size() -> None:
    z = np.array([[1e-200, 0.0], [5.0, 0.0], [5.0, 0.0], [5.0, 0.0], [1e200, 0.0]])
    labels = np.array([1, 0, 0, 1, 0])
    assert_within(fit_temperature(z, labels), oracle.fit_temperature(z, labels), eps=4)


# --- What has no temperature ------------------------------------------------------------------------


def test_targets_on_the_largest_logits_are_refused() -> None:
    for target in (Z.argmax(axis=1), np.eye(4)[Z.argmax(axis=1)]):
        with pytest.raises(ValueError, match="every target is the largest logit of its row, so the loss"):
            fit_temperature(Z, target)
    with pytest.raises(ValueError, match="every target is the largest logit"):
        fit_temperature([[1.0, 1.0, 0.0]], [1])


def test_targets_below_the_mean_logit_are_refused() -> None:
    for target in (Z.argmin(axis=1), np.full((12, 4), 0.25)):
        with pytest.raises(ValueError, match="loss falls as T grows: are labels or classes mixed up"):
            fit_temperature(Z, target)
    with pytest.raises(ValueError, match="loss falls as T grows"):
        fit_temperature([[0.1, 0.7, 0.4], [0.1, 0.4, 0.7]], [0, 2])  # exactly the mean, but for rounding


def test_equal_logits_are_refused() -> None:
    for z in (np.zeros((2, 3)), np.array([[0, -np.inf], [-np.inf, 7]])):
        with pytest.raises(ValueError, match="the logits of each row are equal, and the loss is always the"):
            fit_temperature(z, [0, 1] if z.shape[1] == 2 else [0, 0])


def test_masked_targets_are_refused() -> None:
    z = np.where([[0, 0, 1], [0, 1, 0]], -np.inf, 1.0)
    with pytest.raises(ValueError, match=r"the target at 1 must be on classes that are not masked"):
        fit_temperature(z, [0, 1])
    with pytest.raises(ValueError, match=r"the target at \(0, 1\) must be on classes that are not masked"):
        fit_temperature(z[None], np.full((1, 2, 3), [[0.5, 0.5, 0], [0, 0.5, 0.5]]))


def test_what_is_no_batch_is_refused() -> None:
    with pytest.raises(ValueError, match="the batch is empty"):
        fit_temperature(np.zeros((0, 3)), np.zeros(0, int))
    with pytest.raises(xentlib.InvalidLogitsError, match="nan"):
        fit_temperature([[0.0, np.nan]], [0])
    with pytest.raises(xentlib.InvalidLogitsError, match="every class of the row at 0 is masked"):
        fit_temperature([[-np.inf, -np.inf], [0.0, 1.0]], [0, 0])
    with pytest.raises(ValueError, match="labels in target must be from 0 to 3, but the value at 11 is 4"):
        fit_temperature(Z, np.append(LABELS[:-1], 4))
    with pytest.raises(TypeError, match="target must be labels, integers"):
        fit_temperature(Z, LABELS.astype(float))
    with pytest.raises(ValueError, match="target must be distributions, each with sum 1"):
        fit_temperature(Z, 2 * np.eye(4)[LABELS])
    with pytest.raises(TypeError, match="logits must be real numbers"):
        fit_temperature(Z * 1j, LABELS)


# --- One logit a sample ------------------------------------------------------------------------------


@pytest.mark.accuracy
def test_one_logit_a_sample_beside_a_column_of_zeros() -> None:
    x = np.array([-3.0, 2.0, 1.0, -1.0, 4.0, 0.5])
    labels = np.array([0, 1, 0, 0, 1, 1])
    z = np.stack([0 * x, x], axis=1)
    assert_within(fit_temperature(z, labels), oracle.fit_temperature(z, labels), eps=4)


@pytest.mark.parametrize(
    ("shape", "target"),
    [((4,), [0.0, 1, 1, 0]), ((4,), [0.0, 1, 0, 0]), ((4,), [0, 1, 1, 0]), ((4, 1), [0, 1, 1, 0])],
    ids=str,
)
def test_one_logit_a_sample_alone_is_refused(shape: tuple[int, ...], target: Any) -> None:
    for y in (np.array(target), np.reshape(target, shape)):
        with pytest.raises(
            ValueError, match=r"two classes, but have shape \(4,.*\): .* np.stack\(\[0 \* x, x\]"
        ):
            fit_temperature(np.arange(4.0).reshape(shape), y)
