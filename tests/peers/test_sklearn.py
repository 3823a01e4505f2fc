"""scikit-learn: losses and gradients, and the conventions of log_loss."""

from __future__ import annotations

import numpy as np
import pytest
from comparing import DTYPES, SHAPES, bound, distance, labels, logits

import xentlib
from xentlib import MeanCrossEntropy, mean_cross_entropy, mean_cross_entropy_value_and_grad

metrics = pytest.importorskip("sklearn.metrics", exc_type=ImportError)
calibration = pytest.importorskip("sklearn.calibration", exc_type=ImportError)
# The losses of its classifiers; private, so that a release may move them.
losses = pytest.importorskip("sklearn._loss", exc_type=ImportError)

every_dtype = pytest.mark.parametrize("dtype", DTYPES)
every_shape = pytest.mark.parametrize("shape", SHAPES)


# --- Values -----------------------------------------------------------------------------------------


@every_shape
@every_dtype
def test_multinomial_loss(dtype, shape):
    z, target = logits(shape, dtype), labels(shape)
    loss, gradient = losses.HalfMultinomialLoss(n_classes=shape[-1]).loss_gradient(target.astype(dtype), z)
    assert distance(loss, xentlib.softmax_cross_entropy(z, target), scale=1) <= bound(z)
    # p - y cancels at the label: relative to p + y.
    scale = xentlib.softmax(z) + np.eye(shape[-1])[target]
    assert distance(gradient, xentlib.softmax_cross_entropy_grad(z, target), scale) <= bound(z)


@every_shape
@every_dtype
def test_its_hessian_is_the_diagonal(dtype, shape):
    z, target = logits(shape, dtype)[:2], labels(shape)[:2]
    _, found = losses.HalfMultinomialLoss(n_classes=shape[-1]).gradient_hessian(target.astype(dtype), z)
    diagonal = np.diagonal(xentlib.softmax_cross_entropy_hess(z, target), axis1=-2, axis2=-1)
    assert distance(found, diagonal, scale=xentlib.softmax(z)) <= 2 * bound(z)  # p (1 - p)


@every_shape
@every_dtype
def test_weighted_mean(dtype, shape):
    z, target = logits(shape, dtype), labels(shape)
    weight = np.random.default_rng(4).random(shape[0])
    loss, gradient = losses.HalfMultinomialLoss(n_classes=shape[-1]).loss_gradient(
        target.astype(dtype), z, sample_weight=weight.astype(dtype)
    )
    ours, our_gradient = mean_cross_entropy_value_and_grad(z, target, sample_weight=weight)
    # The weights are rounded too, and a mean of losses below 20 is taken.
    assert abs(loss.sum() / weight.sum() - ours) <= 20 * bound(z) * np.finfo(dtype).eps
    scale = (xentlib.softmax(z) + np.eye(shape[-1])[target]) / weight.sum()
    found = (gradient / weight.sum()).astype(dtype)
    assert distance(found, our_gradient, scale) <= 2 + bound(z)


@every_shape
@every_dtype
def test_binomial_loss(dtype, shape):
    x = logits(shape, dtype).ravel()
    t = np.random.default_rng(4).random(x.shape).astype(dtype)
    loss, gradient = losses.HalfBinomialLoss().loss_gradient(t, x)
    assert distance(loss, xentlib.sigmoid_cross_entropy(x, t), scale=1) <= bound(x[:1]) + 2 * np.abs(x).max()
    assert distance(gradient, xentlib.sigmoid_cross_entropy_grad(x, t), scale=1) <= 8


@every_shape
def test_log_loss(shape):
    z, target = logits(shape, np.float64), labels(shape)
    p = xentlib.softmax(z)
    weight = np.random.default_rng(4).random(shape[0])
    found = metrics.log_loss(target, p, labels=range(shape[-1]), sample_weight=weight)
    # The logarithm of a probability with an error of 4 eps; then means in float64.
    expected = mean_cross_entropy(z, target, sample_weight=weight)
    assert abs(found - expected) <= (bound(z) + shape[0] * expected) * 2.0**-52


@every_shape
def test_brier_score(shape):
    """Over all classes; for two of them it is halved, unless `scale_by_half` says otherwise."""
    z, target = logits(shape, np.float64), labels(shape)
    p, expected = xentlib.softmax(z), xentlib.softmax_brier_loss(z, target).mean()
    for half in (False, True, "auto"):
        if shape[-1] == 2:
            found = metrics.brier_score_loss(target, p[:, 1], scale_by_half=half, pos_label=1)
        else:
            found = metrics.brier_score_loss(target, p, scale_by_half=half, labels=range(shape[-1]))
        halved = half is True or (half == "auto" and shape[-1] == 2)
        # Each p errs by 4 eps of at most 1, p - y by as much, and a mean is taken.
        size = 16 + shape[0] + shape[-1] ** 0.5
        assert abs(found * (1 + halved) - expected) <= size * expected * 2.0**-52


def test_log_loss_of_a_stream():
    z, target = logits((20, 10), np.float64), labels((20, 10))
    parts = MeanCrossEntropy(), MeanCrossEntropy()
    parts[0].update(z[:7], target[:7])
    parts[1].update(z[7:], target[7:])
    found = metrics.log_loss(target, xentlib.softmax(z), labels=range(10))
    assert abs(found - parts[0].merge(parts[1]).value) <= (bound(z) + 20 * found) * 2.0**-52


@pytest.mark.parametrize("bins", [1, 5, 15])
@every_dtype
def test_calibration_curve(dtype, bins):
    draw = np.random.default_rng(5)
    q = draw.uniform(size=500).astype(dtype)
    y = draw.uniform(size=500) < q
    frequency, forecast = calibration.calibration_curve(y, q, n_bins=bins)
    ours = xentlib.calibration_curve(q, y, bins)
    full = ours.samples > 0
    assert distance(np.asarray(frequency, float), ours.frequency[full]) <= 2
    # It adds up one after another, in float64.
    assert distance(np.asarray(forecast, float), ours.forecast[full]) <= 500


# --- Conventions ------------------------------------------------------------------------------------


def test_log_loss_takes_labels_first_and_probabilities_second():
    assert metrics.log_loss([0, 1], [[0.9, 0.1], [0.2, 0.8]]) == pytest.approx(
        mean_cross_entropy(np.log([[0.9, 0.1], [0.2, 0.8]]), [0, 1]), rel=1e-14, abs=0
    )
    with pytest.raises(ValueError, match="greater than 1"):
        metrics.log_loss([0, 1], [[3.0, -1.0], [0.0, 2.0]])


@pytest.mark.parametrize("dtype", DTYPES)
def test_log_loss_clips_probabilities_at_eps(dtype):
    # So a certain and wrong prediction costs -log(eps), not inf, and a certain and right one is not free.
    eps = float(np.finfo(dtype).eps)
    certain = np.eye(2, dtype=dtype)
    assert metrics.log_loss([1, 0], certain) == pytest.approx(-np.log(eps), rel=1e-6, abs=0)
    right = metrics.log_loss([0, 1], certain)
    assert right == pytest.approx(eps, rel=1e-6, abs=0)
    with np.errstate(divide="ignore"):
        z = np.log(certain)
    assert mean_cross_entropy(z, [1, 0]) == np.inf
    assert mean_cross_entropy(z, [0, 1]) == 0


def test_log_loss_is_a_mean_over_the_sum_of_the_weights():
    p, weight = np.array([[0.9, 0.1], [0.2, 0.8]]), [1, 3]
    assert metrics.log_loss([0, 1], p, sample_weight=weight) == pytest.approx(
        mean_cross_entropy(np.log(p), [0, 1], sample_weight=weight), rel=1e-14, abs=0
    )
    total = metrics.log_loss([0, 1], p, sample_weight=weight, normalize=False)
    assert total == pytest.approx(
        4 * mean_cross_entropy(np.log(p), [0, 1], sample_weight=weight), rel=1e-14, abs=0
    )


def test_the_multinomial_loss_takes_logits_and_labels_as_floats():
    loss = losses.HalfMultinomialLoss(n_classes=2)
    assert loss.loss(np.array([1.0]), np.zeros((1, 2))) == pytest.approx(np.log(2), rel=1e-15, abs=0)
    with pytest.raises(TypeError, match="target"):
        xentlib.softmax_cross_entropy(np.zeros((1, 2)), np.array([1.0]))


def test_a_confident_prediction_costs_0_but_the_other_classes_keep_their_gradient():
    z = np.array([[40.0, 0.0, 0.0]])
    loss, gradient = losses.HalfMultinomialLoss(n_classes=3).loss_gradient(np.array([0.0]), z)
    assert loss == 0
    assert gradient[0, 0] == 0
    ours = xentlib.softmax_cross_entropy_grad(z, [0])
    assert distance(gradient[:, 1:], ours[:, 1:]) <= bound(z)
    assert ours[0, 0] == pytest.approx(-2 * np.exp(-40.0), rel=4 * 2.0**-52, abs=0)


def test_the_binomial_loss_keeps_confident_predictions():
    x, t = np.array([40.0]), np.array([1.0])
    loss, gradient = losses.HalfBinomialLoss().loss_gradient(t, x)
    assert distance(loss, xentlib.sigmoid_cross_entropy(x, t)) <= 8
    assert distance(gradient, xentlib.sigmoid_cross_entropy_grad(x, t)) <= 8


def test_the_calibration_curve_closes_its_bins_above_and_drops_empty_ones():
    q, y = [0.2, 0.4, 0.5], [0, 1, 1]
    frequency, forecast = calibration.calibration_curve(y, q, n_bins=2)
    assert frequency.tolist() == [pytest.approx(2 / 3, rel=1e-15, abs=0)]
    assert len(forecast) == 1
    assert xentlib.calibration_curve(q, y, 2).samples.tolist() == [2, 1]
    # Its edges are those of linspace, of which the fourth of ten is above 0.3.
    frequency, _ = calibration.calibration_curve([1, 0], [0.3, 0.35], n_bins=10)
    assert frequency.tolist() == [1, 0]
    assert xentlib.calibration_curve([0.3, 0.35], [1, 0], 10).samples.max() == 2


def test_quantile_bins_are_those_of_equal_mass():
    draw = np.random.default_rng(6)
    q = draw.permutation(np.arange(1, 101) / 128)
    y = draw.uniform(size=100) < q
    frequency, forecast = calibration.calibration_curve(y, q, n_bins=5, strategy="quantile")
    ours = xentlib.calibration_curve(q, y, xentlib.equal_mass_edges(q, 5))
    assert ours.samples.tolist() == [20] * 5
    assert distance(frequency, ours.frequency) <= 2
    assert distance(forecast, ours.forecast) <= 100


# --- Losses of the margin ---------------------------------------------------------------------------


@every_shape
def test_hinge_loss_is_a_mean_over_decisions(shape):
    z, target = logits(shape, np.float64), labels(shape)
    if shape[-1] > 2:
        found = metrics.hinge_loss(target, z, labels=range(shape[-1]))
        expected = xentlib.multiclass_hinge_loss(z, target).mean()
        assert found == pytest.approx(expected, rel=1e-14, abs=0)
    t = np.arange(shape[0]) % 2
    found = metrics.hinge_loss(t, z[:, 0])
    assert found == pytest.approx(xentlib.hinge_loss(z[:, 0], t).mean(), rel=1e-14, abs=0)
