"""Optax: its losses, their gradients, and their conventions."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from comparing import DTYPES, SHAPES, bound, distance, distributions, labels, logits

import xentlib
from xentlib import mean_cross_entropy_value_and_grad

jax = pytest.importorskip("jax", exc_type=ImportError)
jnp = pytest.importorskip("jax.numpy", exc_type=ImportError)
optax = pytest.importorskip("optax", exc_type=ImportError)

every_dtype = pytest.mark.parametrize("dtype", DTYPES)
every_shape = pytest.mark.parametrize("shape", SHAPES)


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


def gradient(function, z, *others):
    return _compiled(function)(z, *others)


@cache
def _compiled(function):
    return jax.jit(jax.grad(lambda *arguments: function(*arguments).sum()))


# Compiled as a whole: JAX compiles each operation otherwise, which takes longer.
loss_of_xentlib = jax.jit(xentlib.softmax_cross_entropy)


# --- Values and gradients ---------------------------------------------------------------------------


@every_shape
@every_dtype
def test_losses_of_labels(dtype, shape):
    z, target = logits(shape, dtype), labels(shape)
    loss = jax.jit(optax.softmax_cross_entropy_with_integer_labels)
    scale = xentlib.softmax(z) + np.eye(shape[-1])[target]
    arguments = jnp.asarray(z), jnp.asarray(target)
    assert distance(loss(*arguments), xentlib.softmax_cross_entropy(z, target), scale=1) <= bound(z)
    assert distance(
        gradient(loss, *arguments), xentlib.softmax_cross_entropy_grad(z, target), scale
    ) <= bound(z)


@every_shape
@every_dtype
def test_losses_of_distributions(dtype, shape):
    z, y = logits(shape, dtype), distributions(shape, dtype)
    arguments = jnp.asarray(z), jnp.asarray(y)
    for loss in map(jax.jit, (optax.softmax_cross_entropy, optax.safe_softmax_cross_entropy)):
        assert distance(loss(*arguments), xentlib.softmax_cross_entropy(z, y), scale=1) <= bound(z)
        found = gradient(loss, *arguments)
        assert distance(found, xentlib.softmax_cross_entropy_grad(z, y), xentlib.softmax(z) + y) <= bound(z)


@every_shape
@every_dtype
def test_sigmoid_losses(dtype, shape):
    z = logits(shape, dtype)
    t = np.random.default_rng(4).random(shape).astype(dtype)
    arguments = jnp.asarray(z), jnp.asarray(t)
    loss = jax.jit(optax.sigmoid_binary_cross_entropy)
    assert distance(loss(*arguments), xentlib.sigmoid_cross_entropy(z, t), scale=1) <= 8 + 2 * np.abs(z).max()
    assert distance(gradient(loss, *arguments), xentlib.sigmoid_cross_entropy_grad(z, t), scale=1) <= 8


@every_shape
@every_dtype
@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_sigmoid_focal_losses(dtype, shape, gamma):
    x = logits(shape, dtype)
    t = np.random.default_rng(4).integers(2, size=shape).astype(dtype)
    options = {"gamma": gamma, "alpha": 0.25}
    loss = _focal(gamma)
    arguments = jnp.asarray(x), jnp.asarray(t)
    # The power is the exponential of a logarithm there, which is rounded.
    limit = 20 + 8 * gamma + 2 * gamma * float(np.abs(x).max())
    assert distance(loss(*arguments), xentlib.sigmoid_focal_loss(x, t, **options)) <= limit
    expected = xentlib.sigmoid_focal_loss_grad(x, t, **options)
    assert distance(gradient(loss, *arguments), expected) <= 2 * limit


@cache
def _focal(gamma):
    return jax.jit(lambda x, t: optax.sigmoid_focal_loss(x, t, gamma=gamma, alpha=0.25))


def test_soft_targets_of_the_focal_loss_are_no_expectation():
    """The power is that of the mean of 1 - p, here of one half whatever p is."""
    x, t = np.array([2.0]), np.array([0.5])
    found = optax.sigmoid_focal_loss(jnp.asarray(x), jnp.asarray(t), gamma=2.0)
    assert distance(found, 0.25 * xentlib.sigmoid_cross_entropy(x, t)) <= 16
    ours = xentlib.sigmoid_focal_loss(x, t)
    assert ours[0] > 1.5 * float(found[0])
    yes, no = (optax.sigmoid_focal_loss(jnp.asarray(x), y, gamma=2.0) for y in (1.0, 0.0))
    assert distance((yes + no) / 2, ours) <= 32


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_gradients_of_saturated_logits_are_finite(gamma):
    """They were nan up to Optax 0.2.4, for gamma below 1."""
    x = jnp.asarray([1e3, -1e3])
    for loss in (optax.sigmoid_focal_loss, xentlib.sigmoid_focal_loss):
        found = jax.grad(lambda x, loss=loss: loss(x, jnp.asarray([1.0, 0.0]), gamma=gamma).sum())(x)
        assert found.tolist() == [0, 0]


@every_dtype
@pytest.mark.parametrize("temperature", [1.0, 0.25])
def test_ntxent_is_cross_entropy_without_oneself(dtype, temperature):
    """Optax takes both views in one array, makes lengths 1 by itself, and returns the mean."""
    rng = np.random.default_rng(5)
    views = rng.normal(size=(2, 6, 4))
    both = (views / np.linalg.norm(views, axis=-1, keepdims=True)).reshape(12, 4).astype(dtype)
    pairs = jnp.tile(jnp.arange(6), 2)
    found = optax.losses.ntxent(jnp.asarray(3 * both), pairs, temperature)
    s = both.astype(np.float64) @ both.T / temperature
    np.fill_diagonal(s, -np.inf)
    expected = xentlib.softmax_cross_entropy(s, np.roll(np.arange(12), 6)).mean()
    assert distance(found, expected, scale=1) <= 16 + 8 / temperature
    # InfoNCE has half of the keys, and is less for that.
    q, k = both[:6], both[6:]
    one_way = [xentlib.info_nce_loss(*operands, temperature=temperature) for operands in ((q, k), (k, q))]
    assert np.mean(one_way) < expected - 0.1


@every_dtype
def test_ntxent_of_more_than_two_views_leaves_out_the_other_positives(dtype):
    """The denominator of a pair has that pair and the negatives alone."""
    both = np.eye(5, dtype=dtype)[[0, 0, 0, 1, 2]]
    found = optax.losses.ntxent(jnp.asarray(both), jnp.asarray([0, 0, 0, 1, 2]), 1.0)
    assert distance(found, xentlib.softmax_cross_entropy([1.0, 0.0, 0.0], 0), scale=1) <= 16


@every_shape
@every_dtype
def test_mean_with_weights(dtype, shape):
    z, target = logits(shape, dtype), labels(shape)
    weight = np.random.default_rng(4).random(shape[0]).astype(dtype)

    def mean(z):
        each = optax.softmax_cross_entropy_with_integer_labels(z, jnp.asarray(target))
        return (each * weight).sum() / weight.sum()

    loss, found = jax.jit(jax.value_and_grad(mean))(jnp.asarray(z))
    ours, expected = mean_cross_entropy_value_and_grad(z, target, sample_weight=weight)
    # The loss is below 20, and the N losses are added in the dtype of the logits.
    assert abs(float(loss) - ours) <= (bound(z) + 20 * shape[0] ** 0.5) * np.finfo(dtype).eps
    assert distance(found, expected, np.abs(expected).max()) <= 2 * bound(z)


@every_dtype
def test_kl_divergence_takes_log_q_first(dtype):
    p, q = distributions((20, 10), dtype), distributions((20, 10), dtype, seed=3)
    found = optax.kl_divergence(jnp.log(jnp.asarray(q)), jnp.asarray(p))
    # Its terms cancel, and rounding log q costs half an eps of it, weighted by p.
    assert distance(found, xentlib.kl_divergence(p, q), scale=1) <= 8 + np.abs(np.log(q)).max()


# --- Conventions ------------------------------------------------------------------------------------


def test_losses_are_not_reduced():
    z, target = logits((2, 3, 5), np.float64), labels((2, 3, 5))
    found = optax.softmax_cross_entropy_with_integer_labels(jnp.asarray(z), jnp.asarray(target))
    assert found.shape == xentlib.softmax_cross_entropy(z, target).shape == (2, 3)


def test_labels_count_from_the_end_or_give_nan():
    z = jnp.asarray([[0.0, 1.0]])
    found = optax.softmax_cross_entropy_with_integer_labels(z, jnp.asarray([-1]))
    assert found == pytest.approx(xentlib.softmax_cross_entropy([0.0, 1.0], 1), rel=1e-15, abs=0)
    assert jnp.isnan(optax.softmax_cross_entropy_with_integer_labels(z, jnp.asarray([2]))).all()
    # xentlib cannot look at values that may be traced: both give nan. In NumPy's arrays both are refused.
    for label in (-1, 2):
        assert jnp.isnan(loss_of_xentlib(z, jnp.asarray([label]))).all()
        with pytest.raises(ValueError, match=str(label)):
            xentlib.softmax_cross_entropy(np.asarray(z), [label])


def test_smooth_labels_mixes_with_the_uniform_distribution():
    y = np.eye(3)
    found = optax.smooth_labels(jnp.asarray(y), 0.1)
    assert distance(found, xentlib.smooth_labels(y, 0.1)) <= 8
    assert found[0, 0] == pytest.approx(0.9 + 0.1 / 3, rel=1e-15, abs=0)


@pytest.mark.parametrize(("dtype", "gap"), [("float32", 17), ("float64", 37)])
def test_a_confident_prediction_costs_0(dtype, gap):
    z, target = jnp.asarray([[gap, 0]], dtype=dtype), jnp.asarray([0])
    found = optax.softmax_cross_entropy_with_integer_labels(z, target)
    assert found == 0
    assert found.dtype == dtype
    ours = loss_of_xentlib(z, target)
    assert float(ours[0]) == pytest.approx(math.exp(-gap), rel=1e-6, abs=0)


def test_the_sigmoid_loss_keeps_confident_predictions():
    found = optax.sigmoid_binary_cross_entropy(jnp.asarray([40.0, -40.0]), jnp.asarray([1.0, 0.0]))
    assert distance(found, xentlib.sigmoid_cross_entropy([40.0, -40.0], [1.0, 0.0])) <= 8


def test_masked_logits_need_the_safe_loss():
    z, y = jnp.asarray([[0.0, 1.0, -jnp.inf]]), jnp.asarray([[0.5, 0.5, 0.0]])
    expected = xentlib.softmax_cross_entropy(np.asarray(z), np.asarray(y))
    assert jnp.isnan(optax.softmax_cross_entropy(z, y)).all()
    assert distance(optax.safe_softmax_cross_entropy(z, y), expected) <= 8
    assert distance(loss_of_xentlib(z, y), expected) <= 8


# --- Sparsemax --------------------------------------------------------------------------------------


@every_shape
@every_dtype
def test_sparsemax(dtype, shape):
    z, target = logits(shape, dtype), labels(shape)
    found = jax.jit(jax.vmap(optax.projections.projection_simplex))(jnp.asarray(z))
    # With float64 enabled it answers in that for float32, too.
    assert distance(np.asarray(found, dtype), xentlib.sparsemax(z), scale=1) <= bound(z)
    found = jax.jit(optax.losses.multiclass_sparsemax_loss)(jnp.asarray(z), jnp.asarray(target))
    expected = xentlib.sparsemax_loss(z, target)
    assert distance(np.asarray(found, dtype), expected, scale=1 + expected) <= bound(z)


@every_dtype
def test_sparsemax_of_two_classes_is_one_logit(dtype):
    x = logits((50,), dtype)
    two = np.stack([x, 0 * x], axis=-1)
    for answer in (0, 1):
        expected = xentlib.sparsemax_loss(two, np.full(len(x), 1 - answer))
        found = optax.losses.sparsemax_loss(jnp.asarray(x), jnp.full(len(x), answer))
        # Its logit counts from -1 to 1 where that of sparsemax, less a second logit of 0, does.
        assert distance(found, expected, scale=1 + expected) <= 16


# --- Losses of the margin ---------------------------------------------------------------------------


@every_shape
@every_dtype
def test_hinge_losses(dtype, shape):
    z, target = logits(shape, dtype), labels(shape)
    t = np.random.default_rng(4).integers(2, size=shape)
    # Its labels are -1 and 1.
    arguments = jnp.asarray(z), jnp.asarray((2 * t - 1).astype(dtype))
    assert distance(optax.losses.hinge_loss(*arguments), xentlib.hinge_loss(z, t)) <= 4
    assert distance(gradient(optax.losses.hinge_loss, *arguments), xentlib.hinge_loss_grad(z, t)) == 0
    arguments = jnp.asarray(z), jnp.asarray(target)
    loss = optax.losses.multiclass_hinge_loss
    # What it subtracts is rounded before 1 is added.
    found = np.asarray(loss(*arguments)).astype(dtype)  # its one-hot labels are of float64
    assert distance(found, xentlib.multiclass_hinge_loss(z, target), scale=1) <= bound(z)
    assert distance(gradient(loss, *arguments), xentlib.multiclass_hinge_loss_grad(z, target), scale=1) <= 4


def test_at_the_bend_its_slope_is_half():
    assert jax.grad(optax.losses.hinge_loss)(1.0, 1.0) == -0.5
    assert xentlib.hinge_loss_grad(1.0, 1) == 0
    assert jax.grad(lambda x: xentlib.hinge_loss(x, jnp.asarray(1.0)))(jnp.asarray(1.0)) == 0
