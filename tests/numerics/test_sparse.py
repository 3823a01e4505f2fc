"""Sparsemax, entmax and their losses: accuracy as promised, differences, limits, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import array_api_compat.numpy
import numpy as np
import oracle
import pytest
from oracle import assert_within

import xentlib
from xentlib import (
    _arrays,
    entmax,
    entmax_loss,
    entmax_loss_grad,
    entmax_loss_hess,
    softmax,
    softmax_cross_entropy,
    softmax_cross_entropy_grad,
    softmax_cross_entropy_hess,
    sparsemax,
    sparsemax_loss,
    sparsemax_loss_grad,
    sparsemax_loss_hess,
)
from xentlib.differences import gradient, jacobian

SPARSEMAX: list[Callable[..., Any]] = [sparsemax_loss, sparsemax_loss_grad, sparsemax_loss_hess]
ENTMAX: list[Callable[..., Any]] = [entmax_loss, entmax_loss_grad, entmax_loss_hess]
FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64])
GAPS = pytest.mark.parametrize("gap", [0.0, 0.3, 0.9, 1.5, 10.0, 100.0, 700.0])
OFFSETS = pytest.mark.parametrize("offset", [0.0, 1e4, -1e4])
ALPHAS = pytest.mark.parametrize("alpha", [0.2, 0.5, 0.999, 1.001, 1.25, 1.5, 1.75])


def rows(gap: float, dtype: Any, offset: float = 0.0) -> tuple[Any, Any]:
    draw = np.random.default_rng(int(10 * gap))
    z = draw.uniform(-0.5, 0.5, size=(6, 4)) * max(0.4, gap / 10)
    z[:, 2] += gap
    return (z + offset).astype(dtype), np.where(np.arange(6) % 2, 2, draw.integers(4, size=6))


def distributions(dtype: Any) -> Any:
    """Return some, with zeros, that are exact in both dtypes."""
    y = np.array([[1, 0, 0, 0], [0, 0.5, 0.5, 0], [0.25, 0.25, 0.25, 0.25], [0, 0.125, 0.75, 0.125]])
    return y[[0, 1, 2, 3, 1, 2]].astype(dtype)


# --- Accuracy -----------------------------------------------------------------------------------


@pytest.mark.accuracy
@FLOATS
@GAPS
@OFFSETS
def test_error_of_sparsemax(dtype: Any, gap: float, offset: float) -> None:
    z, labels = rows(gap, dtype, offset)
    assert_within(sparsemax(z), oracle.sparsemax(z), eps=4)
    for function in SPARSEMAX:
        expected = getattr(oracle, function.__name__)
        assert_within(function(z, labels), expected(z, labels), eps=4)
    for function, exact in (
        (sparsemax_loss, oracle.sparsemax_loss),
        (sparsemax_loss_grad, oracle.sparsemax_loss_grad),
    ):
        y = distributions(dtype)
        assert_within(function(z, y), exact(z, y), eps=4)


@pytest.mark.accuracy
@FLOATS
@GAPS
@ALPHAS
def test_error_of_entmax(dtype: Any, gap: float, alpha: float) -> None:
    z, labels = rows(gap, dtype, 3.0)
    assert_within(entmax(z, alpha=alpha), oracle.entmax(z, alpha=alpha), eps=4)
    for function in ENTMAX:
        expected = getattr(oracle, function.__name__)(z, labels, alpha=alpha)
        assert_within(function(z, labels, alpha=alpha), expected, eps=12 if function is entmax_loss else 4)
    for function in ENTMAX[:2]:
        y = distributions(dtype)
        expected = getattr(oracle, function.__name__)(z, y, alpha=alpha)
        assert_within(function(z, y, alpha=alpha), expected, eps=4)


@pytest.mark.accuracy
@FLOATS
@pytest.mark.parametrize("offset", [1e4, -1e4])
@pytest.mark.parametrize("alpha", [0.5, 1.5])
def test_error_of_entmax_far_from_0(dtype: Any, offset: float, alpha: float) -> None:
    z, labels = rows(1.5, dtype, offset)
    assert_within(entmax(z, alpha=alpha), oracle.entmax(z, alpha=alpha), eps=4)
    expected = oracle.entmax_loss(z, labels, alpha=alpha)
    assert_within(entmax_loss(z, labels, alpha=alpha), expected, eps=4)


@pytest.mark.accuracy(eps=2**10)  # a power of what is below 1 shows less
@FLOATS
@pytest.mark.parametrize("gap", [0.0, 0.1, 0.2])
@pytest.mark.parametrize("alpha", [2.5, 4.0, 20.0])
def test_above_2_the_error_is_that_of_a_power(dtype: Any, gap: float, alpha: float) -> None:
    z, _ = rows(gap, dtype)
    with np.errstate(invalid="ignore"):  # a nan that is planted: some releases of NumPy warn of its cast
        found = (oracle._numbers(entmax(z, alpha=alpha)) ** (alpha - 1)).astype(np.float64)
    expected = (oracle.entmax(z, alpha=alpha).values ** (alpha - 1)).astype(np.float64)
    # The result is rounded once more, in its own dtype.
    assert_within(found, expected, eps=5 * (alpha - 1), scale=1, of=dtype, dtype=np.float64)


@pytest.mark.accuracy(eps=2**14)  # above 4 eps of 1 in a probability of a thousandth
def test_of_many_classes() -> None:
    z = np.random.default_rng(0).normal(size=(1, 20_000)).astype(np.float32) / 1000
    assert_within(sparsemax(z), oracle.sparsemax(z), eps=4)
    assert_within(sparsemax(z.astype(np.float64)), oracle.sparsemax(z.astype(np.float64)), eps=4)


class Traced:
    """NumPy as a library of which the values are unknown; it counts how often it exponentiates."""

    def __init__(self) -> None:
        self.count = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(array_api_compat.numpy, name)

    def exp(self, array: Any) -> Any:
        self.count += 1
        return np.exp(array)


@pytest.mark.accuracy
@pytest.mark.parametrize("classes", [2, 5, 30, 1000])
@pytest.mark.parametrize("alpha", [0.05, 0.5, 1.001, 1.5, 1.75, 1.95, 2.5, 4.0, 20.0])
def test_a_few_steps_are_enough_where_no_value_is_known(
    alpha: float, classes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = np.random.default_rng(classes)
    shape = (20, classes)
    z = np.concatenate(
        [
            draw.normal(size=shape),
            draw.normal(size=shape) / 10,
            -(10 ** draw.uniform(-12, 1, size=shape)),
            np.where(
                draw.uniform(size=shape) < draw.uniform(size=(20, 1)), 0.0, draw.uniform(-3, 0, (20, 1))
            ),
        ]
    )
    z = np.concatenate([z, z / abs(alpha - 1)])  # where the gaps of the last classes are
    expected = entmax(z, alpha=alpha)
    traced = Traced()
    monkeypatch.setattr(_arrays, "together", lambda *a: (traced, [np.asarray(b) for b in a]))
    with np.errstate(under="ignore", over="ignore"):
        found = entmax(z, alpha=alpha)
    # Which are unrolled: a library that compiles takes its time for each.
    assert traced.count <= 30 + 4 * math.ceil(math.log2(classes))
    if alpha < 2:
        assert_within(found, expected, eps=8, scale=1)
        assert_within(found.sum(axis=-1), np.ones(len(z)), eps=4 * (classes**0.5 + 1))
    else:
        power = alpha - 1
        assert_within(found**power, expected**power, eps=10 * power, scale=1)


# --- Derivatives --------------------------------------------------------------------------------

FIRST = 1e-9 * 2**52
"""What a fourth-order difference errs by, in eps of 1, where no class is about to enter the support."""


@pytest.mark.accuracy(eps=2**26)  # above FIRST times the largest entry
@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.25, 1.5, 2.0, 2.5])
@pytest.mark.parametrize("label", [0, 2])
@pytest.mark.parametrize("point", [[0.1, 0.0, 0.0], [0.4, -0.1, -2.5], [0.2, 0.0, -0.7]], ids=str)
def test_against_differences(point: list[float], label: int, alpha: float) -> None:
    z = np.array(point)
    slopes = entmax_loss_grad(z, label, alpha=alpha)
    hess = entmax_loss_hess(z, label, alpha=alpha)
    assert_within(gradient(lambda a: entmax_loss(a, label, alpha=alpha), z), slopes, eps=FIRST, scale=1)
    assert_within(jacobian(lambda a: entmax_loss_grad(a, label, alpha=alpha), z), hess, eps=FIRST, scale=1)
    assert_within(jacobian(lambda a: entmax(a, alpha=alpha), z), hess, eps=FIRST, scale=1)


# --- Identities and limits ----------------------------------------------------------------------

DRAW = np.random.default_rng(7)
Z = DRAW.normal(size=(4, 3, 5))
LABELS = DRAW.integers(5, size=(4, 3))
Y = softmax(DRAW.normal(size=Z.shape))


def test_sparsemax_in_fractions() -> None:
    assert sparsemax([1.0, 0.75, 0.0]).tolist() == [0.625, 0.375, 0.0]
    assert sparsemax([0.5, 0.5, 0.0, -1.0]).tolist() == [0.5, 0.5, 0.0, 0.0]
    z = [Fraction(n, 8) for n in (8, 7, 2, 0)]
    threshold = (z[0] + z[1] - 1) / 2
    expected = [float(max(a - threshold, Fraction(0))) for a in z]
    assert sparsemax([float(a) for a in z]).tolist() == expected


@pytest.mark.accuracy
def test_alpha_1_is_softmax_and_cross_entropy() -> None:
    assert np.array_equal(entmax(Z, alpha=1), softmax(Z))
    assert_within(entmax_loss(Z, LABELS, alpha=1), softmax_cross_entropy(Z, LABELS), eps=8)
    found = entmax_loss_grad(Z, LABELS, alpha=1)
    assert_within(found, softmax_cross_entropy_grad(Z, LABELS), eps=8)
    assert_within(entmax_loss_hess(Z, LABELS, alpha=1), softmax_cross_entropy_hess(Z, LABELS), eps=16)
    divergence = softmax_cross_entropy(Z, Y) - xentlib.entropy(Y)
    assert_within(entmax_loss(Z, Y, alpha=1), divergence, eps=16, scale=softmax_cross_entropy(Z, Y))


@pytest.mark.accuracy
def test_alpha_2_is_sparsemax() -> None:
    assert np.array_equal(entmax(Z, alpha=2), sparsemax(Z))
    for function, other in zip(ENTMAX, SPARSEMAX, strict=True):
        assert np.array_equal(function(Z, LABELS, alpha=2), other(Z, LABELS))
        assert np.array_equal(function(Z, Y, alpha=2), other(Z, Y))
    p, label = sparsemax([1.0, 0.75, 0.0]), 1
    by_hand = p @ [1.0, 0.75, 0.0] - p @ p / 2 + 0.5 - 0.75
    assert_within(sparsemax_loss([1.0, 0.75, 0.0], label), by_hand, eps=4)


@pytest.mark.accuracy
@pytest.mark.parametrize("alpha", [0.5, 1.5, 2.0, 3.0])
def test_sums_and_shifts(alpha: float) -> None:
    z = np.round(Z * 64) / 64
    assert_within(entmax(z, alpha=alpha).sum(axis=-1), np.ones(LABELS.shape), eps=8)
    for function in (entmax_loss, entmax_loss_grad):
        assert np.array_equal(function(z + 1e4, LABELS, alpha=alpha), function(z, LABELS, alpha=alpha))
    hess = entmax_loss_hess(z, LABELS, alpha=alpha)
    assert_within(hess.sum(axis=-1), np.zeros(Z.shape), eps=8, scale=np.abs(hess).sum(axis=-1) + 1e-9)
    assert np.linalg.eigvalsh(hess).min() > -1e-14
    order = np.argsort(z, axis=-1)
    assert (np.diff(np.take_along_axis(entmax(z, alpha=alpha), order, axis=-1), axis=-1) >= 0).all()


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
@pytest.mark.parametrize("alpha", [1.0, 1.5, 2.0])
def test_axis(axis: int, alpha: float) -> None:
    moved, y = np.moveaxis(Z, -1, axis), np.moveaxis(Y, -1, axis)
    assert np.array_equal(
        entmax(moved, alpha=alpha, axis=axis), np.moveaxis(entmax(Z, alpha=alpha), -1, axis)
    )
    assert np.array_equal(entmax_loss(moved, y, alpha=alpha, axis=axis), entmax_loss(Z, Y, alpha=alpha))
    found = entmax_loss_grad(moved, LABELS, alpha=alpha, axis=axis)
    assert np.array_equal(found, np.moveaxis(entmax_loss_grad(Z, LABELS, alpha=alpha), -1, axis))
    found = entmax_loss_hess(moved, LABELS, alpha=alpha, axis=axis)
    assert np.array_equal(found, entmax_loss_hess(Z, LABELS, alpha=alpha))


@pytest.mark.parametrize("alpha", [1.5, 2.0, 3.0])
def test_a_margin_ends_the_loss(alpha: float) -> None:
    margin = 1 / (alpha - 1)
    z = [margin, 0.0, -5.0]
    assert entmax(z, alpha=alpha).tolist() == [1, 0, 0]
    assert entmax_loss(z, 0, alpha=alpha) == 0
    assert entmax_loss_grad(z, 0, alpha=alpha).tolist() == [0, 0, 0]
    assert not entmax_loss_hess(z, 0, alpha=alpha).any()
    assert entmax_loss([margin - 0.01, 0.0, -5.0], 0, alpha=alpha) > 0
    assert entmax_loss([1024.0, 0.0], 1, alpha=alpha) == 1024


@pytest.mark.accuracy
@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.5, 2.0])
def test_classes_that_are_ruled_out_and_one_class(alpha: float) -> None:
    z = np.array([1.0, -np.inf, 0.5])
    p = entmax(z, alpha=alpha)
    assert p[1] == 0
    assert_within(p[[0, 2]], entmax(z[[0, 2]], alpha=alpha), eps=8)
    assert_within(entmax_loss(z, 2, alpha=alpha), entmax_loss(z[[0, 2]], 1, alpha=alpha), eps=8, scale=1)
    assert entmax_loss(z, 1, alpha=alpha) == math.inf
    assert entmax_loss(z, [0.5, 0.0, 0.5], alpha=alpha) < 1
    assert_within(entmax_loss_grad(z, 1, alpha=alpha), p - np.array([0, 1, 0]), eps=8)
    assert not entmax_loss_hess(z, 2, alpha=alpha)[1].any()
    assert entmax([3.0], alpha=alpha).tolist() == [1]
    assert entmax_loss([3.0], 0, alpha=alpha) == 0
    assert entmax_loss_hess([3.0], 0, alpha=alpha).tolist() == [[0]]


@pytest.mark.parametrize("alpha", [0.5, 1.5, 2.0, 60.0])
def test_logits_that_are_farther_apart_than_the_largest_number(alpha: float) -> None:
    z = [-1e308, 0.0, 1e308]
    assert np.abs(entmax(z, alpha=alpha) - [0, 0, 1]).max() < 1e-100
    assert entmax_loss(z, 0, alpha=alpha) == math.inf
    assert np.isfinite(entmax_loss_hess(z, 0, alpha=alpha)).all()
    assert 0 <= entmax_loss(z, 2, alpha=alpha) < 1e-30


@pytest.mark.accuracy
def test_ties_of_many_classes_for_a_large_alpha() -> None:
    assert_within(entmax(np.zeros(1000), alpha=200.0), np.full(1000, 1e-3), eps=16)


def test_dtypes_and_empty_batches() -> None:
    for dtype in (np.float16, np.float32, np.float64):
        assert sparsemax(Z.astype(dtype)).dtype == dtype
        assert entmax_loss(Z.astype(dtype), LABELS).dtype == dtype
    assert sparsemax([1, 2]).tolist() == [0, 1]
    assert entmax_loss_hess(np.zeros((0, 3)), np.zeros(0, int)).shape == (0, 3, 3)
    assert entmax(np.zeros((0, 3))).shape == (0, 3)


# --- Refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [*SPARSEMAX, *ENTMAX])
def test_what_the_losses_refuse(function: Any) -> None:
    with pytest.raises(ValueError, match="labels in target must be from 0 to 2"):
        function(np.zeros((2, 3)), [0, 3])
    with pytest.raises(ValueError, match="target must be distributions"):
        function(np.zeros((2, 3)), np.ones((2, 3)))
    with pytest.raises(TypeError, match=r"but holds float64 in shape \(2,\)"):
        function(np.zeros((2, 3)), np.zeros(2))
    with pytest.raises(xentlib.InvalidLogitsError):
        function([0.0, np.nan], 0)
    with pytest.raises(xentlib.InvalidLogitsError):
        function([-np.inf, -np.inf], 0)


@pytest.mark.parametrize("alpha", [1.0, 1.5, 2.0])
def test_what_entmax_refuses(alpha: float) -> None:
    for bad in ([0.0, np.nan], [0.0, np.inf], [-np.inf, -np.inf]):
        with pytest.raises(xentlib.InvalidLogitsError):
            entmax(bad, alpha=alpha)
    with pytest.raises(ValueError, match="at least one class"):
        entmax(np.zeros((2, 0)), alpha=alpha)
    with pytest.raises(TypeError, match="logits must be real numbers"):
        entmax([1j], alpha=alpha)


@pytest.mark.parametrize("function", [entmax, *ENTMAX])
def test_what_alpha_is_refused(function: Any) -> None:
    target = () if function is entmax else (0,)
    for bad in (0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="alpha must be finite and above 0"):
            function([0.0, 1.0], *target, alpha=bad)
    with pytest.raises(TypeError, match="alpha must be one real number"):
        function([0.0, 1.0], *target, alpha=[1.5])


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.5, 2.0])
def test_what_is_bad_gives_nan_elsewhere(alpha: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_arrays, "together", lambda *a: (array_api_compat.numpy, [np.asarray(b) for b in a]))
    z = np.array([[0.0, 0.5], [0.0, np.nan], [-np.inf, -np.inf], [0.0, np.inf]])
    with np.errstate(invalid="ignore"):
        found = entmax(z, alpha=alpha)
    assert np.isfinite(found[0]).all()
    assert np.isnan(found[1:]).all()
    for function in ENTMAX:
        with np.errstate(invalid="ignore"):
            found = function(z, np.array([0, 0, 0, 0]), alpha=alpha)
        assert np.isfinite(found[0]).all()
        assert np.isnan(found[1:]).all()
        found = function(np.zeros((2, 2)), np.array([0, 2]), alpha=alpha)
        assert np.isfinite(found[0]).all()
        assert np.isnan(found[1]).all()
