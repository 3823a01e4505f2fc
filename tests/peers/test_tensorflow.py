"""TensorFlow and Keras: losses, gradients, and their conventions."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from comparing import DTYPES, SHAPES, bound, distance, distributions, labels, logits

import xentlib
from xentlib import mean_cross_entropy, mean_cross_entropy_value_and_grad

tf = pytest.importorskip("tensorflow", exc_type=ImportError)
keras = pytest.importorskip("keras", exc_type=ImportError)

every_dtype = pytest.mark.parametrize("dtype", DTYPES)
every_shape = pytest.mark.parametrize("shape", SHAPES)


def with_gradient(function, z):
    x = tf.constant(z)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = function(x)
    return loss.numpy(), tape.gradient(loss, x).numpy()


# --- Values and gradients ---------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [0.0, 100.0])
@every_shape
@every_dtype
def test_values(dtype, shape, offset):
    z = logits(shape, dtype, offset=offset)
    assert distance(tf.nn.softmax(z), xentlib.softmax(z)) <= bound(z)
    assert distance(tf.nn.log_softmax(z), xentlib.log_softmax(z), scale=1) <= bound(z)
    assert distance(tf.reduce_logsumexp(z, axis=-1), xentlib.logsumexp(z), scale=1) <= bound(z)


@every_shape
@every_dtype
def test_losses(dtype, shape):
    z, target, y = logits(shape, dtype), labels(shape), distributions(shape, dtype)
    loss, found = with_gradient(
        lambda z: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=target, logits=z), z
    )
    scale = xentlib.softmax(z) + np.eye(shape[-1])[target]
    assert distance(loss, xentlib.softmax_cross_entropy(z, target), scale=1) <= bound(z)
    assert distance(found, xentlib.softmax_cross_entropy_grad(z, target), scale) <= bound(z)
    loss, found = with_gradient(lambda z: tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=z), z)
    assert distance(loss, xentlib.softmax_cross_entropy(z, y), scale=1) <= bound(z)
    assert distance(found, xentlib.softmax_cross_entropy_grad(z, y), xentlib.softmax(z) + y) <= bound(z)


@every_shape
@every_dtype
def test_sigmoid_losses(dtype, shape):
    z = logits(shape, dtype)
    t = np.random.default_rng(4).random(shape).astype(dtype)
    loss, found = with_gradient(lambda z: tf.nn.sigmoid_cross_entropy_with_logits(labels=t, logits=z), z)
    assert distance(loss, xentlib.sigmoid_cross_entropy(z, t), scale=1) <= 8 + 2 * np.abs(z).max()
    assert distance(found, xentlib.sigmoid_cross_entropy_grad(z, t), scale=1) <= 8


@every_shape
@every_dtype
def test_positive_weights(dtype, shape):
    z = logits(shape, dtype)
    t = np.random.default_rng(4).random(shape).astype(dtype)
    for w in (dtype(9), np.random.default_rng(6).uniform(0, 9, shape[-1]).astype(dtype)):
        loss, found = with_gradient(
            lambda z, w=w: tf.nn.weighted_cross_entropy_with_logits(labels=t, logits=z, pos_weight=w), z
        )
        limit = 9 * (8 + 2 * np.abs(z).max())
        assert distance(loss, xentlib.sigmoid_cross_entropy(z, t, pos_weight=w), scale=1) <= limit
        expected = xentlib.sigmoid_cross_entropy_grad(z, t, pos_weight=w)
        assert distance(found, expected, scale=1) <= 9 * 8


@every_shape
@every_dtype
def test_soft_dice(dtype, shape):
    """Keras takes probabilities, and adds its epsilon of 1e-7 to the denominator alone."""
    x = logits(shape, dtype)
    t = np.random.default_rng(4).integers(2, size=shape).astype(dtype)
    t[:, 0] = 1
    loss, found = with_gradient(lambda x: keras.losses.dice(t, tf.sigmoid(x), axis=-1), x)
    # The overlap is at most 1, and what it is divided by at least 1; and the sums are those of this dtype.
    near = 1e-7 + bound(x) * float(np.finfo(dtype).eps)
    np.testing.assert_allclose(loss, xentlib.soft_dice_loss(x, t), rtol=0, atol=near, strict=True)
    np.testing.assert_allclose(found, xentlib.soft_dice_loss_grad(x, t), rtol=0, atol=near, strict=True)


@every_shape
def test_keras_means(shape):
    z, target = logits(shape, np.float32), labels(shape)
    losses = keras.losses
    eps = float(np.finfo(np.float32).eps)
    for loss, y, smoothing in (
        (losses.SparseCategoricalCrossentropy(from_logits=True), target, 0.0),
        (
            losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
            np.eye(shape[-1], dtype=np.float32)[target],
            0.1,
        ),
    ):
        value, found = with_gradient(lambda z, loss=loss, y=y: loss(y, z), z)
        ours, expected = mean_cross_entropy_value_and_grad(z, y, label_smoothing=smoothing)
        # The loss is below 20, and the N losses are added in the dtype of the logits.
        assert abs(value - ours) <= (bound(z) + 20 * shape[0] ** 0.5) * eps
        assert distance(found, expected, np.abs(expected).max()) <= 2 * bound(z)


@every_shape
@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_keras_focal_losses(shape, gamma):
    """Keras clips probabilities to 1e-7 and 1 - 1e-7 and takes 1 - p: right absolutely, not relatively."""
    z, target = logits(shape, np.float32, spread=1.5), labels(shape)
    eps = float(np.finfo(np.float32).eps)
    loss = keras.losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=gamma, from_logits=True, reduction=None)
    found, slopes = with_gradient(lambda z: loss(np.eye(shape[-1], dtype=np.float32)[target], z), z)
    np.testing.assert_allclose(
        found, xentlib.softmax_focal_loss(z, target, gamma=gamma), rtol=100 * eps, atol=20 * eps, strict=True
    )
    expected = xentlib.softmax_focal_loss_grad(z, target, gamma=gamma)
    np.testing.assert_allclose(slopes, expected, rtol=100 * eps, atol=20 * eps, strict=True)
    # Binary: the mean over the last axis.
    t = np.random.default_rng(4).integers(2, size=shape).astype(np.float32)
    found = keras.losses.binary_focal_crossentropy(
        t, z, gamma=gamma, alpha=0.25, apply_class_balancing=True, from_logits=True
    )
    expected = xentlib.sigmoid_focal_loss(z, t, gamma=gamma, alpha=0.25).mean(axis=-1)
    np.testing.assert_allclose(found, expected, rtol=100 * eps, atol=20 * eps, strict=True)


# --- Conventions ------------------------------------------------------------------------------------

Z, TARGET = logits((2, 3), np.float32), np.array([0, 2])


def test_keras_takes_the_target_first_and_probabilities_unless_told():
    found = keras.losses.SparseCategoricalCrossentropy()(TARGET, xentlib.softmax(Z))
    assert found.numpy() == pytest.approx(mean_cross_entropy(Z, TARGET), rel=1e-6, abs=0)


def test_keras_finds_no_overlap_where_there_is_no_mask():
    empty = np.zeros((1, 4), np.float32)
    for x in (np.full((1, 4), -np.inf, np.float32), np.zeros((1, 4), np.float32)):
        found = keras.losses.dice(empty, xentlib.sigmoid(x), axis=-1)
        assert found.numpy().tolist() == xentlib.soft_dice_loss(x, empty).tolist() == [1.0]


def test_keras_clips_probabilities():
    certain = np.eye(2, dtype=np.float32)
    found = keras.losses.CategoricalCrossentropy()(certain, certain[::-1].copy())
    assert found.numpy() == pytest.approx(-np.log(1e-7), rel=1e-6, abs=0)


def test_keras_focal_losses_of_soft_targets():
    """The categorical one is an expectation over the labels, the binary one is not."""
    y = np.array([[0.25, 0.75]], np.float32)
    x = np.array([[1.0, -0.5]], np.float32)
    loss = keras.losses.CategoricalFocalCrossentropy(alpha=1.0, from_logits=True)
    expected = sum(y[0, k] * xentlib.softmax_focal_loss(x, [k])[0] for k in (0, 1))
    assert loss(y, x).numpy() == pytest.approx(expected, rel=1e-5, abs=0)
    assert keras.losses.CategoricalFocalCrossentropy(from_logits=True)(y, x).numpy() == pytest.approx(
        expected / 4, rel=1e-5, abs=0
    )
    found = keras.losses.binary_focal_crossentropy(y[:, 1:], x[:, :1], from_logits=True).numpy()
    p = xentlib.sigmoid(x[0, 0])
    mixed = (0.75 * (1 - p) + 0.25 * p) ** 2 * xentlib.sigmoid_cross_entropy(x[0, 0], y[0, 1])
    assert found == pytest.approx(mixed, rel=1e-5, abs=0)


def test_keras_smoothing_mixes_with_the_uniform_distribution():
    y = np.eye(3, dtype=np.float32)[TARGET]
    found = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)(y, Z)
    expected = xentlib.softmax_cross_entropy(Z, xentlib.smooth_labels(y, 0.1)).mean()
    assert found.numpy() == pytest.approx(expected, rel=1e-6, abs=0)


def test_a_weighted_keras_mean_divides_by_the_number_of_samples():
    weight = np.array([1.0, 3.0], np.float32)
    found = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(TARGET, Z, sample_weight=weight)
    ours = mean_cross_entropy(Z, TARGET, sample_weight=weight)
    assert found.numpy() == pytest.approx(ours * weight.sum() / 2, rel=1e-6, abs=0)


def test_keras_means_over_ignored_labels_alone_are_0():
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    assert loss(TARGET, Z).numpy() == pytest.approx(
        mean_cross_entropy(Z, TARGET, ignore_index=0), rel=1e-6, abs=0
    )
    assert loss(np.array([0, 0]), Z).numpy() == 0
    with pytest.raises(ValueError, match="no mean over nothing"):
        mean_cross_entropy(Z, [0, 0], ignore_index=0)


def test_labels_out_of_range_are_refused():
    with pytest.raises(tf.errors.InvalidArgumentError, match="outside"):
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[3, 0], logits=Z)


def test_distributions_need_not_sum_to_1():
    found = tf.nn.softmax_cross_entropy_with_logits(labels=[[2.0, 0.0]], logits=[[1.0, 0.0]])
    assert found.numpy()[0] == pytest.approx(
        2 * xentlib.softmax_cross_entropy([1.0, 0.0], 0), rel=1e-6, abs=0
    )
    with pytest.raises(ValueError, match="sum"):
        xentlib.softmax_cross_entropy([1.0, 0.0], [2.0, 0.0])


@pytest.mark.parametrize(("dtype", "gap"), [(np.float32, 17), (np.float64, 37)])
def test_a_confident_prediction_costs_0_and_has_no_gradient(dtype, gap):
    def loss(z):
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[0], logits=z)

    z = np.array([[gap, 0]], dtype)
    value, found = with_gradient(loss, z)
    assert value == 0
    assert found[0, 0] == 0
    assert loss(z - np.array([1, 0], dtype)).numpy() > 0


def test_masked_logits():
    z, y = np.array([[0.0, 1.0, -np.inf]]), np.array([[0.5, 0.5, 0.0]])
    value, found = with_gradient(lambda z: tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=z), z)
    assert np.isnan(value)
    assert distance(found, xentlib.softmax_cross_entropy_grad(z, y), scale=1) <= 8


# --- Losses for noisy labels ------------------------------------------------------------------------


@pytest.mark.parametrize("q", [0.25, 0.75])
@every_shape
def test_generalized_cross_entropy(shape, q):
    z, target = logits(shape, np.float32), labels(shape)
    loss = keras.losses.categorical_generalized_cross_entropy
    value, found = with_gradient(lambda z: loss(target, tf.nn.softmax(z), q), z)
    # It takes probabilities, and 1 - p^q cancels: absolutely, times 1/q.
    ours = xentlib.generalized_cross_entropy(z, target, q=q)
    assert distance(value, ours, scale=1 / q) <= bound(z)
    expected = xentlib.generalized_cross_entropy_grad(z, target, q=q)
    assert distance(found, expected, scale=1) <= bound(z)


def test_keras_loses_the_loss_of_a_confident_prediction():
    z, target = np.array([[20.0, 0.0]], np.float32), np.array([0])
    loss = keras.losses.categorical_generalized_cross_entropy
    assert loss(target, tf.nn.softmax(z), 0.75).numpy() == 0
    assert xentlib.generalized_cross_entropy(z, target, q=0.75) > 2e-9


# --- Losses of the margin ---------------------------------------------------------------------------


@every_shape
def test_hinge_losses(shape):
    x = logits(shape, np.float32)
    t = np.random.default_rng(4).integers(2, size=shape)
    for name in ("hinge", "squared_hinge"):
        # The mean over the last axis; labels 0 and 1 become -1 and 1.
        value, found = with_gradient(partial(getattr(keras.losses, name), t), x)
        expected = getattr(xentlib, f"{name}_loss")(x.astype(np.float64), t).mean(axis=-1)
        assert distance(value, expected) <= 8 + shape[-1] ** 0.5
        expected = getattr(xentlib, f"{name}_loss_grad")(x.astype(np.float64), t) / shape[-1]
        assert distance(found, expected) <= 8
    z, target = logits(shape, np.float32), labels(shape)
    z[:, 0] += 1 + np.abs(z).max()  # the best of the others, or the label, is above 0
    target[::2] = 0
    z[::2, 1] = np.abs(z[::2, 1])
    value = keras.losses.categorical_hinge(np.eye(shape[-1], dtype=np.float32)[target], z)
    assert distance(value, xentlib.multiclass_hinge_loss(z, target), scale=1) <= bound(z)


def test_the_categorical_hinge_of_keras_counts_a_logit_of_0_among_the_others():
    z = np.array([[-2.0, -3.0, -5.0]], np.float32)
    value = keras.losses.categorical_hinge(np.array([[1.0, 0.0, 0.0]], np.float32), z)
    assert value.numpy().tolist() == [3.0]
    assert xentlib.multiclass_hinge_loss(z, [0]).tolist() == [0.0]
    assert xentlib.multiclass_hinge_loss(np.append(z, [[0.0]], axis=1), [0]).tolist() == [3.0]


def test_at_the_bend_its_slope_is_1():
    _, found = with_gradient(lambda x: keras.losses.hinge(np.array([[1.0]], np.float32), x), np.ones((1, 1)))
    assert found.tolist() == [[-1.0]]
