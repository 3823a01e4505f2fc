"""JAX: xentlib on its arrays, plain and compiled, through its differentiation, and its own functions.

Nearly all is compiled as a whole: JAX compiles each operation otherwise, which takes longer.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from comparing import (
    CASES,
    DTYPES,
    REGIMES,
    SHAPES,
    bound,
    distance,
    inputs,
    labels,
    logits,
    same_as_numpy,
)

import xentlib

jax = pytest.importorskip("jax", exc_type=ImportError)
jnp = pytest.importorskip("jax.numpy", exc_type=ImportError)

every_dtype = pytest.mark.parametrize("dtype", DTYPES)
every_shape = pytest.mark.parametrize("shape", SHAPES)
every_regime = pytest.mark.parametrize("regime", REGIMES)


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


@cache
def gradient(function, argument=0):
    return jax.jit(jax.grad(lambda *arguments: function(*arguments).sum(), argument))


jit = cache(jax.jit)


# --- xentlib on its arrays --------------------------------------------------------------------------


@every_regime
@every_dtype
@pytest.mark.parametrize("name", CASES)
def test_same_as_numpy_when_compiled(name, dtype, regime):
    # On processors XLA counts numbers below the normal ones as 0.
    result, _ = same_as_numpy(name, regime, dtype, jnp.asarray, np.asarray, jit, flushed=True)
    assert isinstance(result, jax.Array)


@pytest.mark.parametrize("name", CASES)
def test_same_as_numpy(name):
    result, _ = same_as_numpy(name, "confident", np.float32, jnp.asarray, np.asarray, flushed=True)
    assert isinstance(result, jax.Array)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32"])
def test_labels_of_any_integer_dtype(dtype):
    z, target = logits((2, 300), np.float64), np.array([0, 100], dtype)
    for function in (xentlib.softmax_cross_entropy, xentlib.softmax_cross_entropy_grad):
        assert distance(jit(function)(jnp.asarray(z), jnp.asarray(target)), function(z, target)) <= 8


@pytest.mark.parametrize("name", CASES)
def test_the_device_is_kept(name):
    # conftest.py asks for two.
    device = jax.devices()[1]
    given = inputs("plain", np.float32)
    arguments = (jax.device_put(given[a], device) for a in CASES[name].arguments.split())
    assert jit(CASES[name].function)(*arguments).devices() == {device}


def test_vmap():
    given = inputs("plain", np.float64)
    result = jax.jit(jax.vmap(xentlib.softmax_cross_entropy))(given["z"], given["labels"])
    assert distance(result, xentlib.softmax_cross_entropy(given["z"], given["labels"])) <= 8


def test_a_numpy_target_goes_with_jax_logits():
    given = inputs("plain", np.float64)
    for target in (given["labels"], given["labels"].tolist(), given["y"]):
        result = xentlib.softmax_cross_entropy(jnp.asarray(given["z"]), target)
        assert isinstance(result, jax.Array)
        assert distance(result, xentlib.softmax_cross_entropy(given["z"], target)) <= 8


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_computed_wider_and_rounded_once(dtype):
    z = jnp.asarray(inputs("plain", np.float32)["z"]).astype(dtype)
    for function in (xentlib.softmax, xentlib.log_softmax, xentlib.logsumexp, xentlib.softplus):
        expected = jit(function)(z.astype("float64"))
        found = jit(function)(z)
        assert found.dtype == dtype
        # Half an eps, and the error of float32, which is none in this dtype.
        limit = 0.51 * float(jnp.finfo(dtype).eps) * abs(expected)
        assert (abs(found.astype("float64") - expected) <= limit).all()


def test_without_float64_integer_logits_become_float32():
    with jax.enable_x64(False):
        result = jit(xentlib.softmax)(jnp.asarray([1, 3], dtype="uint8"))
        assert result.dtype == np.float32
        assert distance(result, xentlib.softmax([1, 3])) <= 5  # one rounding more
        given = inputs("plain", np.float32)
        found = jit(xentlib.softmax_cross_entropy)(given["z"], jnp.asarray(given["labels"]))
        assert found.dtype == np.float32


# --- xentlib through its differentiation ------------------------------------------------------------


@every_regime
@every_dtype
def test_grad_gives_the_gradients(dtype, regime):
    given = inputs(regime, dtype)
    z, target = given["z"], given["labels"]
    found = np.asarray(gradient(xentlib.softmax_cross_entropy)(z, jnp.asarray(target)))
    if regime == "masked":  # a label that is ruled out has an infinite loss and no gradient
        fine = np.isfinite(np.take_along_axis(z, target[:, None], -1)[:, 0])
        found, z, target = found[fine], z[fine], target[fine]
    # Each entry is a quotient of sums of 5 terms with few roundings, none of which cancels.
    assert distance(found, xentlib.softmax_cross_entropy_grad(z, target), flushed=True) <= 16


@every_regime
@every_dtype
def test_grad_of_logsumexp_is_softmax(dtype, regime):
    z = inputs(regime, dtype)["z"]
    assert distance(gradient(xentlib.logsumexp)(jnp.asarray(z)), xentlib.softmax(z), flushed=True) <= 16


@pytest.mark.parametrize("regime", ["plain", "offset", "confident", "ties"])
@every_dtype
def test_grad_gives_the_gradients_for_distributions(dtype, regime):
    given = inputs(regime, dtype)
    z, y = given["z"], given["y"]
    found = gradient(xentlib.softmax_cross_entropy)(jnp.asarray(z), jnp.asarray(y))
    assert distance(found, xentlib.softmax_cross_entropy_grad(z, y), xentlib.softmax(z) + y) <= 16


@pytest.mark.parametrize("regime", ["plain", "confident", "far", "ties"])
@every_dtype
def test_grad_gives_the_sigmoid_gradient(dtype, regime):
    given = inputs(regime, dtype)
    x = given["x"]
    for t in (given["t"], np.round(given["t"])):
        found = gradient(xentlib.sigmoid_cross_entropy)(jnp.asarray(x), jnp.asarray(t))
        # Where the slope -t or 1 - t is not 0 it cancels against that of the logarithm.
        assert distance(found, xentlib.sigmoid_cross_entropy_grad(x, t), scale=1) <= 8


@every_dtype
def test_grad_gives_the_derivatives_of_divergences(dtype):
    given = inputs("plain", dtype)
    p, q = given["y"], given["q"]
    a, b = jnp.asarray(p), jnp.asarray(q)
    log_ratio = np.log(p / q)
    # Those of the sum of p log(p/q) - p + q, whose terms are at least 0.
    assert distance(gradient(xentlib.kl_divergence)(a, b), log_ratio, 1 + abs(log_ratio)) <= 16
    assert distance(gradient(xentlib.kl_divergence, 1)(a, b), 1 - p / q, 1 + p / q) <= 16
    assert distance(gradient(xentlib.entropy)(a), -np.log(p) - 1, 1 - np.log(p)) <= 16


@pytest.mark.parametrize("jacobian", [jax.jacfwd, jax.jacrev])
def test_the_jacobian(jacobian):
    for regime in ("plain", "confident", "masked"):
        z = inputs(regime, np.float64)["z"]
        found = jax.jit(jax.vmap(jacobian(xentlib.softmax)))(jnp.asarray(z))
        assert distance(found, xentlib.softmax_jacobian(z)) <= 32


hessian = jax.jit(jax.vmap(jax.hessian(xentlib.softmax_cross_entropy)))


@jax.jit
@jax.vmap
def product(z, t, v):
    return jax.jvp(lambda z: jax.grad(xentlib.softmax_cross_entropy)(z, t), (z,), (v,))[1]


@pytest.mark.parametrize("regime", ["plain", "offset", "confident", "ties", "masked"])
def test_hessian_is_the_hessian(regime):
    given = inputs(regime, np.float64)
    z, target, y, v = (given[name] for name in ("z", "labels", "y", "v"))
    if regime == "masked":
        target = np.nanargmax(z, axis=-1)
        y = xentlib.softmax(z)
    p = xentlib.softmax(z)
    for of in (target, y):
        # Entries are sums of a few products, of size p_i at most.
        found = hessian(jnp.asarray(z), jnp.asarray(of))
        assert distance(found, xentlib.softmax_cross_entropy_hess(z, of), p[..., None]) <= 32
        found = product(jnp.asarray(z), jnp.asarray(of), jnp.asarray(v))
        scale = p * (np.abs(v) + np.abs(v).max(-1, keepdims=True))
        assert distance(found, xentlib.softmax_cross_entropy_hvp(z, of, v), scale) <= 32


def test_hessian_of_the_sigmoid_loss_is_diagonal():
    given = inputs("confident", np.float64)
    x, t = given["x"][0], given["t"][0]
    found = jax.jit(jax.hessian(lambda x: xentlib.sigmoid_cross_entropy(x, jnp.asarray(t)).sum()))(
        jnp.asarray(x)
    )
    assert distance(found, np.diag(xentlib.sigmoid_cross_entropy_hess(x, t))) <= 16


# --- Its functions ----------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [0.0, 100.0])
@every_shape
@every_dtype
def test_values(dtype, shape, offset):
    z = logits(shape, dtype, offset=offset)
    x = jnp.asarray(z)
    assert distance(jax.nn.softmax(x), xentlib.softmax(z), flushed=True) <= bound(z)
    assert distance(jax.nn.log_softmax(x), xentlib.log_softmax(z), scale=1) <= bound(z)
    assert distance(jax.nn.logsumexp(x, axis=-1), xentlib.logsumexp(z), scale=1) <= bound(z)


@every_shape
@every_dtype
def test_sigmoid(dtype, shape):
    x = logits(shape, dtype, spread=10.0)
    assert distance(jax.nn.sigmoid(jnp.asarray(x)), xentlib.sigmoid(x)) <= 8
    assert distance(jax.nn.softplus(jnp.asarray(x)), xentlib.softplus(x)) <= 8
    assert distance(jax.nn.log_sigmoid(jnp.asarray(x)), xentlib.log_sigmoid(x)) <= 8


@every_shape
@every_dtype
def test_gradients_of_its_log_softmax(dtype, shape):
    z, target = logits(shape, dtype), labels(shape)

    def loss(z):
        return -jnp.take_along_axis(jax.nn.log_softmax(z), target[:, None], -1)[:, 0]

    scale = xentlib.softmax(z) + np.eye(shape[-1])[target]
    assert distance(loss(z), xentlib.softmax_cross_entropy(z, target), scale=1) <= bound(z)
    assert distance(gradient(loss)(z), xentlib.softmax_cross_entropy_grad(z, target), scale) <= bound(z)
    theirs = jax.jit(jax.vmap(jax.hessian(lambda z: -jax.nn.log_softmax(z)[0])))(z[:2, :10])
    expected = xentlib.softmax_cross_entropy_hess(z[:2, :10], [0, 0])
    assert distance(theirs, expected, scale=1) <= bound(z)


# --- Conventions ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dtype", "gap"), [("float32", 17), ("float64", 37)])
def test_a_confident_prediction_has_log_probability_0_and_no_gradient(dtype, gap):
    def theirs(z):
        return -jax.nn.log_softmax(z)[0]

    def ours(z):
        return xentlib.softmax_cross_entropy(z, 0)

    z = jnp.asarray([gap, 0], dtype=dtype)
    assert theirs(z) == 0
    assert theirs(z - jnp.asarray([1, 0], dtype=dtype)) > 0
    assert gradient(theirs)(z)[0] == 0
    assert float(jit(ours)(z)) == pytest.approx(math.exp(-gap), rel=1e-6, abs=0)
    assert float(gradient(ours)(z)[0]) == pytest.approx(-math.exp(-gap), rel=1e-6, abs=0)


def test_small_integers_wrap():
    z = jnp.asarray([1, 3], dtype="uint8")
    np.testing.assert_array_equal(jax.nn.softmax(z), [np.nan, 0])
    assert distance(jit(xentlib.softmax)(z), xentlib.softmax([1, 3])) <= 8


def test_masked_logits_of_a_distribution():
    z, y = jnp.asarray([0.0, 1.0, -jnp.inf]), jnp.asarray([0.5, 0.5, 0.0])

    def theirs(z):
        return -(y * jax.nn.log_softmax(z)).sum()

    # 0 times infinity: the loss is nan, though the gradient is right.
    assert jnp.isnan(theirs(z))
    expected = xentlib.softmax_cross_entropy_grad(np.asarray(z), np.asarray(y))
    assert distance(gradient(theirs)(z), expected, scale=1) <= 8
    expected_loss = xentlib.softmax_cross_entropy([0.0, 1.0], [0.5, 0.5])
    assert distance(jit(xentlib.softmax_cross_entropy)(z, y), expected_loss) <= 8
    assert distance(gradient(xentlib.softmax_cross_entropy)(z, y), expected, scale=1) <= 8


def test_rows_of_minus_infinity_and_plus_infinity_are_nan():
    for row in ([-jnp.inf, -jnp.inf], [0.0, jnp.inf], [0.0, jnp.nan]):
        z = jnp.asarray(row)
        assert jnp.isnan(jax.nn.softmax(z)).all()
        assert jnp.isnan(jit(xentlib.softmax)(z)).all()
    z = jnp.asarray([-jnp.inf, -jnp.inf])
    assert jax.nn.logsumexp(z) == jit(xentlib.logsumexp)(z) == -jnp.inf


def test_one_hot_of_a_label_out_of_range_is_0():
    wrong = jnp.asarray([0, 5, -1])
    np.testing.assert_array_equal(jax.nn.one_hot(wrong, 3)[1:], np.zeros((2, 3)))
    assert jnp.isnan(xentlib.one_hot(wrong, 3)[1:]).all()
    with pytest.raises(ValueError, match="5"):
        xentlib.one_hot(np.asarray(wrong), 3)
