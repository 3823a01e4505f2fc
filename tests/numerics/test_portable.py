"""The portable source, on NumPy's arrays as if they were another library's.

What other libraries do with it is tested where they are installed; here it must keep the promises, in
float32 too, which NumPy's own path computes in float64.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import array_api_compat.numpy
import numpy as np
import oracle
import pytest
from oracle import assert_within

import xentlib
from xentlib import _arrays

FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64])
ROWWISE = [xentlib.logsumexp, xentlib.softmax, xentlib.log_softmax]


@pytest.fixture(autouse=True)
def _not_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take this namespace, which is not NumPy's own module, for every array."""

    def together(*values: Any) -> tuple[Any, list[Any]]:
        return array_api_compat.numpy, [np.asarray(value) for value in values]

    monkeypatch.setattr(_arrays, "together", together)


def rows(spread: float, dtype: Any) -> tuple[Any, Any]:
    draw = np.random.default_rng(int(spread))
    z = draw.uniform(-spread, 0, size=(12, 6)) + draw.choice([0.0, 1e4], size=(12, 1))
    z = z.astype(dtype)
    return z, np.where(np.arange(12) % 2, z.argmax(axis=1), draw.integers(6, size=12))


@pytest.mark.accuracy
@FLOATS
@pytest.mark.parametrize("spread", [0.0, 1.0, 20.0, 60.0, 100.0, 700.0, 1000.0])
@pytest.mark.parametrize("temperature", [1.0, 0.7, 4.0])
def test_error_of_softmax(dtype: Any, spread: float, temperature: float) -> None:
    z, _ = rows(spread, dtype)
    temperature = float(dtype(temperature))  # a library rounds it to the dtype
    for function in ROWWISE:
        expected = getattr(oracle, function.__name__)(z, temperature=temperature)
        assert_within(function(z, temperature=temperature), expected, eps=4)


@pytest.mark.accuracy
@FLOATS
@pytest.mark.parametrize("spread", [0.0, 1.0, 20.0, 60.0, 100.0, 700.0, 1000.0])
def test_error_of_the_loss_and_its_derivatives(dtype: Any, spread: float) -> None:
    z, labels = rows(spread, dtype)
    y = (np.eye(6, dtype=dtype)[labels] + dtype(0.125)) / dtype(1.75)
    vector = np.random.default_rng(1).normal(size=z.shape).astype(dtype)
    for target, limit in ((labels, 4), (y, 6)):
        assert_losses(z, target, {"": 4, "_grad": limit, "_hess": 8})
        product = xentlib.softmax_cross_entropy_hvp(z, target, vector)
        assert_within(product, oracle.softmax_cross_entropy_hvp(z, target, vector), eps=8)


def assert_losses(
    z: Any, target: Any, limits: Mapping[str, float], kind: str = "softmax", **weight: Any
) -> None:
    for end, eps in limits.items():
        name = f"{kind}_cross_entropy{end}"
        expected = getattr(oracle, name)(z, target, **weight)
        assert_within(getattr(xentlib, name)(z, target, **weight), expected, eps)


@pytest.mark.accuracy
@FLOATS
@pytest.mark.parametrize("gap", [0.0, 10.0, 40.0, 100.0, 700.0])
def test_info_nce_of_exact_products(dtype: Any, gap: float) -> None:
    draw, one = np.random.default_rng(3), np.eye(4, dtype=dtype)
    s = (draw.uniform(-0.5, 0.5, size=(4, 4)) + gap * np.diag([1, 1, -1, -1])).astype(dtype)
    assert_within(xentlib.info_nce_loss(s, one), oracle.softmax_cross_entropy(s, np.arange(4)), eps=4)
    slopes = oracle.softmax_cross_entropy_grad(s, np.arange(4))
    assert_within(xentlib.info_nce_loss_grad(s, one)[0], slopes, eps=6)
    of_keys = oracle.Exact(slopes.values.T, slopes.scale.T, slopes.dtype)
    assert_within(xentlib.info_nce_loss_grad(one, s.T)[1], of_keys, eps=6)
    half = dtype(0.5)
    assert_within(
        xentlib.info_nce_loss(half * s, one, temperature=0.5),
        oracle.softmax_cross_entropy(s, np.arange(4)),
        eps=4,
    )


@pytest.mark.accuracy
@FLOATS
@pytest.mark.parametrize("gap", [0.0, 10.0, 40.0, 100.0, 700.0])
def test_single_logits(dtype: Any, gap: float) -> None:
    x = (np.random.default_rng(3).uniform(-0.5, 0.5, size=20) + gap * np.tile([-1, 1], 10)).astype(dtype)
    for name in ("sigmoid", "log_sigmoid", "softplus"):
        assert_within(getattr(xentlib, name)(x), getattr(oracle, name)(x), eps=4)
    assert_losses(x, np.tile([0, 0, 1, 1], 5), {"": 4, "_grad": 4, "_hess": 4}, "sigmoid")


@pytest.mark.accuracy
@FLOATS
@pytest.mark.parametrize("spread", [0.0, 1.0, 20.0, 60.0, 100.0, 700.0, 1000.0])
def test_error_with_class_weights(dtype: Any, spread: float) -> None:
    z, labels = rows(spread, dtype)
    y = (np.eye(6, dtype=dtype)[labels] + dtype(0.125)) / dtype(1.75)
    vector = np.random.default_rng(1).normal(size=z.shape).astype(dtype)
    weight = np.array([0.5, 0.0, 3.0, 1.0, 9.1, 1e-3], dtype)  # of the logits' dtype, as it is computed in
    for target, limit in ((labels, 4), (y, 6)):
        assert_losses(z, target, {"": 4, "_grad": limit, "_hess": 8}, class_weight=weight)
        product = xentlib.softmax_cross_entropy_hvp(z, target, vector, class_weight=weight)
        expected = oracle.softmax_cross_entropy_hvp(z, target, vector, class_weight=weight)
        assert_within(product, expected, eps=8)


@pytest.mark.accuracy
@FLOATS
@pytest.mark.parametrize("gap", [0.0, 10.0, 40.0, 100.0, 700.0])
def test_error_with_a_positive_weight(dtype: Any, gap: float) -> None:
    x = (np.random.default_rng(3).uniform(-0.5, 0.5, size=20) + gap * np.tile([-1, 1], 10)).astype(dtype)
    target = np.tile([0, 0, 1, 1], 5)
    for weight in (9.1, np.geomspace(0.1, 100, 20)):
        limits = {"": 4, "_grad": 4, "_hess": 6}
        rounded = np.asarray(weight, dtype)
        assert_losses(x, target, limits, "sigmoid", pos_weight=rounded)


PRIOR = np.array([8, 4, 2, 1, 1, 0], np.float32) / np.float32(16)
NOISE = np.full((6, 6), 0.0625) + 0.625 * np.eye(6)


@pytest.mark.accuracy
@FLOATS
@pytest.mark.parametrize("spread", [0.0, 1.0, 20.0, 60.0, 100.0, 700.0, 1000.0])
def test_error_of_losses_for_labels(dtype: Any, spread: float) -> None:
    z, labels = rows(spread, dtype)
    for name, options, limits in (
        ("generalized", {"q": 0.75}, (4, 8, 12)),
        ("forward_corrected", {"noise": NOISE}, (6, 12, 12)),
        ("logit_adjusted", {"prior": PRIOR}, (8, 8, 16)),
        ("logit_adjusted", {"prior": PRIOR, "tau": 1.5}, (10, 10, 20)),
    ):
        for end, eps in zip(("", "_grad", "_hess"), limits, strict=True):
            function = f"{name}_cross_entropy{end}"
            expected = getattr(oracle, function)(z, labels, **options)
            assert_within(getattr(xentlib, function)(z, labels, **options), expected, eps)
    for name in ("softmax_brier_loss", "softmax_spherical_loss"):
        for end, eps in zip(("", "_grad", "_hess"), (8, 8, 12), strict=True):
            expected = getattr(oracle, name + end)(z, labels)
            assert_within(getattr(xentlib, name + end)(z, labels), expected, eps)


@pytest.mark.accuracy
@FLOATS
@pytest.mark.parametrize("gap", [0.0, 1e-3, 1.0, 20.0, 100.0, 700.0])
def test_error_of_ordered_classes(dtype: Any, gap: float) -> None:
    steps = np.random.default_rng(3).uniform(0.5, 1.5, size=(12, 3)) * gap + 2.0**-12
    z, grades = (np.cumsum(steps, axis=1) - 1.5 * gap).astype(dtype), np.arange(12) % 4
    assert_losses(z, grades, {"": 4, "_grad": 4, "_hess": 4}, "ordinal")


@pytest.mark.accuracy
@FLOATS
@pytest.mark.parametrize("spread", [0.0, 1.0, 20.0, 100.0, 700.0])
@pytest.mark.parametrize("smooth", [0.0, 1.0])
def test_error_of_the_overlap(dtype: Any, spread: float, smooth: float) -> None:
    draw = np.random.default_rng(3)
    x = draw.uniform(-spread, spread, size=(8, 5)).astype(dtype)
    for target in (draw.integers(2, size=x.shape), draw.random(x.shape).astype(dtype)):
        for end, eps in (("", 4), ("_grad", 8), ("_hess", 16)):
            expected = getattr(oracle, f"soft_dice_loss{end}")(x, target, smooth=smooth)
            found = getattr(xentlib, f"soft_dice_loss{end}")(x, target, smooth=smooth)
            assert_within(found, expected, eps)


SINGLE_MARGINS = (
    *("hinge_loss", "hinge_loss_grad", "squared_hinge_loss", "squared_hinge_loss_grad"),
    *("squared_hinge_loss_hess", "exponential_loss", "exponential_loss_grad", "exponential_loss_hess"),
)
ROW_MARGINS = ("multiclass_hinge_loss", "multiclass_hinge_loss_grad")


@pytest.mark.accuracy
@FLOATS
@pytest.mark.parametrize("gap", [0.0, 1.0, 40.0])
def test_error_of_margins(dtype: Any, gap: float) -> None:
    x = (np.random.default_rng(3).uniform(-0.5, 0.5, size=20) + gap * np.tile([-1, 1], 10)).astype(dtype)
    for name in SINGLE_MARGINS:
        for target in (np.tile([0, 0, 1, 1], 5), np.linspace(0, 1, 20).astype(dtype)):
            assert_within(getattr(xentlib, name)(x, target), getattr(oracle, name)(x, target), eps=4)
    z, labels = rows(gap, dtype)
    for name in ROW_MARGINS:
        assert_within(getattr(xentlib, name)(z, labels), getattr(oracle, name)(z, labels), eps=4)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_margins_of_what_would_be_refused_are_nan() -> None:
    x = np.array([0.0, np.nan])
    for name in SINGLE_MARGINS:
        for target in (0.0, 0.5, 1.0):
            found = getattr(xentlib, name)(x, np.full(2, target))
            assert np.isnan(found).tolist() == [False, True]
    z = np.array([[0.0, 1.0], [0.0, np.nan], [np.nan, 0.0], [np.inf, 0.0], [0.0, np.inf], [-np.inf, -np.inf]])
    labels = np.array([0, 0, 0, 0, 0, 0])
    for name in ROW_MARGINS:
        found = getattr(xentlib, name)(z, labels)
        assert np.isfinite(found[0]).all()
        assert np.isnan(found[1:]).all()
        for bad in (-1, 2, 7):
            assert np.isnan(getattr(xentlib, name)(z[:1], np.array([bad]))).all()


@pytest.mark.accuracy
@FLOATS
def test_error_of_another_prior(dtype: Any) -> None:
    p = oracle.distributions(rows(20.0, np.float64)[0], dtype)
    old = np.array([8, 4, 1, 1, 1, 1], np.float32) / np.float32(16)
    assert_within(xentlib.shift_prior(p, old, PRIOR), oracle.shift_prior(p, old, PRIOR), eps=4)


def test_weights_of_a_known_shape() -> None:
    z = np.zeros((2, 3))
    with pytest.raises(ValueError, match=r"class_weight has shape \(2,\), but must have \(3,\)"):
        xentlib.softmax_cross_entropy(z, np.array([0, 1]), class_weight=np.ones(2))
    with pytest.raises(ValueError, match=r"pos_weight has shape \(2,\), but must have \(3,\)"):
        xentlib.sigmoid_cross_entropy(z, z, pos_weight=np.ones(2))
    bad = np.array([1.0, np.nan, 1.0])
    assert np.isnan(xentlib.softmax_cross_entropy(z, np.array([0, 1]), class_weight=bad)).all()
    assert np.isnan(xentlib.sigmoid_cross_entropy(z, z, pos_weight=bad)).any()


MASKED = np.array([[1.0, -np.inf, 2.0], [0.0, 0.0, -np.inf], [-np.inf, -np.inf, 5.0]])
TARGETS = [
    np.array([0, 1, 2]),
    np.array([1, 2, 0]),
    np.array([[0.5, 0.0, 0.5], [0.5, 0.25, 0.25], [0.0, 0.0, 1.0]]),
]


@pytest.mark.accuracy
@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_classes_that_are_ruled_out(target: Any) -> None:
    for function in ROWWISE:
        for temperature in (1.0, 2.0):
            expected = getattr(oracle, function.__name__)(MASKED, temperature=temperature)
            assert_within(function(MASKED, temperature=temperature), expected, eps=4)
    assert_losses(MASKED, target, {"": 4, "_grad": 6, "_hess": 8})


def test_no_class_has_no_probabilities() -> None:
    z = np.array([[0.0, 0.0], [-np.inf, -np.inf]])
    for temperature in (1.0, 0.5):
        assert_within(xentlib.logsumexp(z, temperature=temperature), [math.log(2), -np.inf], eps=4)
        for function in (xentlib.softmax, xentlib.log_softmax):
            found = function(z, temperature=temperature)
            assert np.isfinite(found[0]).all()
            assert np.isnan(found[1]).all()
    assert np.isnan(xentlib.softmax_cross_entropy(z, np.array([0, 0]))).tolist() == [False, True]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_logits_that_are_not_numbers_give_nan(bad: float) -> None:
    z = np.array([[0.0, 0.0], [0.0, bad]])
    for function in (*ROWWISE, xentlib.softmax_jacobian):
        found = function(z)
        assert np.isfinite(found[0]).all()
        if function is xentlib.logsumexp and bad == np.inf:
            assert found[1] == np.inf
        else:
            assert np.isnan(found[1]).all()
    for target in (np.array([0, 1]), np.full((2, 2), 0.5)):
        assert np.isnan(xentlib.softmax_cross_entropy(z, target)).tolist() == [False, True]
    assert np.isnan(xentlib.sigmoid([np.nan]))


@pytest.mark.parametrize("label", [-1, 3, -100])
def test_labels_out_of_range_give_nan(label: int) -> None:
    z, labels = np.zeros((2, 3)), np.array([0, label])
    assert np.isnan(xentlib.softmax_cross_entropy(z, labels)).tolist() == [False, True]
    for function in (xentlib.softmax_cross_entropy_grad, xentlib.softmax_cross_entropy_hess):
        found = function(z, labels)
        assert np.isfinite(found[0]).all()
        assert np.isnan(found[1]).all()
    assert np.isnan(xentlib.one_hot(labels, 3)).tolist() == [[False] * 3, [True] * 3]


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
def test_values_that_would_be_refused_give_nan() -> None:
    z, labels = np.array([[0.0, 1.0], [0.0, 1.0]]), np.array([0, 7])
    for name, arguments in (
        ("softmax_focal_loss", ()),
        ("generalized_cross_entropy", ()),
        ("forward_corrected_cross_entropy", (np.eye(2) * 0.75 + 0.125,)),
        ("logit_adjusted_cross_entropy", (np.array([0.5, 0.5]),)),
        ("ordinal_cross_entropy", ()),
        ("softmax_brier_loss", ()),
        ("softmax_spherical_loss", ()),
    ):
        for end in ("", "_grad", "_hess"):
            function = getattr(xentlib, f"{name}{end}")
            found = function(z, labels, *arguments)
            assert np.isfinite(found[0]).all()
            assert np.isnan(found[1]).all()
            found = function(np.array([[0.0, 1.0], [0.0, np.nan]]), np.array([0, 0]), *arguments)
            assert np.isfinite(found[0]).all()
            assert np.isnan(found[1]).all()
    assert np.isnan(xentlib.ordinal_cross_entropy(z[:, ::-1], np.array([0, 1]))).all()
    for function in (xentlib.soft_dice_loss, xentlib.soft_dice_loss_grad, xentlib.soft_dice_loss_hess):
        found = function(np.array([[0.0, 1.0], [0.0, np.nan]]), np.eye(2))
        assert np.isfinite(found[0]).all()
        assert np.isnan(found[1]).all()
    unknown = xentlib.shift_prior(z * 0 + 0.5, np.array([1.0, 0.0]), np.array([0.5, 0.5]))
    assert np.isnan(unknown).all()


def test_what_is_known_without_values_is_checked() -> None:
    z = np.zeros((2, 3))
    with pytest.raises(TypeError, match=r"but holds float64 in shape \(2,\)"):
        xentlib.softmax_cross_entropy(z, np.zeros(2))
    with pytest.raises(ValueError, match=r"but holds int64 in shape \(3,\)"):
        xentlib.softmax_cross_entropy(z, np.zeros(3, np.int64))
    with pytest.raises(ValueError, match=r"q has shape \(3,\), but must have \(2, 3\)"):
        xentlib.kl_divergence(z, z[0])
    with pytest.raises(ValueError, match=r"target has shape \(3,\), but must have \(2, 3\)"):
        xentlib.sigmoid_cross_entropy(z, z[0])
    with pytest.raises(TypeError, match="logits must be real numbers"):
        xentlib.softmax(np.array([1j]))


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_distributions(monkeypatch: pytest.MonkeyPatch, axis: int) -> None:
    p = np.array([[0.5, 0.5, 0.0], [0.25, 0.25, 0.5], [0.0, 1.0, 0.0]])
    q = np.array([[0.25, 0.75, 0.0], [0.25, 0.25, 0.5], [0.5, 0.0, 0.5]])
    p, q = np.moveaxis(p, 1, axis), np.moveaxis(q, 1, axis)

    def results() -> list[Any]:
        two = (xentlib.cross_entropy, xentlib.kl_divergence)
        one = (xentlib.entropy, xentlib.perplexity)
        smooth = xentlib.smooth_labels(p, 0.3, axis=axis)
        return [*(f(p, axis=axis) for f in one), *(f(p, q, axis=axis) for f in two), smooth]

    found = results()
    monkeypatch.undo()
    assert all(map(np.array_equal, found, results()))


@pytest.mark.accuracy
def test_half_precision_is_computed_in_single_precision() -> None:
    z = np.array([3.0, -2.5, 0.125, 8.0], np.float16)
    assert_within(xentlib.softmax(z), oracle.softmax(z), eps=0.51)
    assert xentlib.softmax(np.array([1, 2])).dtype == np.float64
