"""PyTorch: xentlib on its tensors and through its differentiation, its own losses, its conventions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from comparing import (
    CASES,
    DTYPES,
    OTHERS,
    REGIMES,
    ROWWISE,
    SHAPES,
    bound,
    distance,
    distributions,
    inputs,
    labels,
    logits,
    same_as_numpy,
)

import xentlib as typed
from xentlib import linear_cross_entropy_value_and_grad, mean_cross_entropy_value_and_grad

xentlib: Any = typed  # its types speak of NumPy

torch = pytest.importorskip("torch", exc_type=ImportError)
functional = pytest.importorskip("torch.nn.functional", exc_type=ImportError)

every_dtype = pytest.mark.parametrize("dtype", DTYPES)
every_shape = pytest.mark.parametrize("shape", SHAPES)
every_regime = pytest.mark.parametrize("regime", REGIMES)


def leaf(array):
    return torch.tensor(array, requires_grad=True)


def gradient(loss, z):
    return torch.autograd.grad(loss.sum(), z)[0].numpy()


# --- xentlib on tensors -----------------------------------------------------------------------------


def test_what_numpy_cannot_read_is_refused_in_words():
    z = torch.ones(4, 3)
    for tensor in (z.requires_grad_(), z.detach().bfloat16(), z.to("meta")):
        with pytest.raises(TypeError, match=r"logits must be .* pass logits.detach\(\).cpu\(\).numpy\(\)"):
            xentlib.fit_temperature(tensor, [0, 1, 2, 0])
        with pytest.raises(
            TypeError, match=r"forecasts must be .* pass forecasts.detach\(\).cpu\(\).numpy\(\)"
        ):
            xentlib.expected_calibration_error(tensor[:, 0], [0, 1, 1, 0], 2)
    with pytest.raises(ValueError, match="values and indices that PyTorch's max returns"):
        xentlib.expected_calibration_error(z.softmax(dim=1).max(dim=1), [0, 1, 1, 0], 2)
    with pytest.raises(TypeError, match=r"pass float\(temperature\)"):
        xentlib.softmax(z, temperature=torch.tensor(2.0))


def test_integers_as_priors():
    z, labels, prior = torch.ones(2, 3), torch.tensor([0, 1]), torch.tensor([1, 0, 0])
    found = xentlib.logit_adjusted_cross_entropy(z, labels, prior)
    assert found.tolist() == [0.0, math.inf]


@every_regime
@every_dtype
@pytest.mark.parametrize("name", CASES)
def test_same_as_numpy(name, dtype, regime):
    result, given = same_as_numpy(name, regime, dtype, torch.tensor, lambda tensor: tensor.numpy())
    assert isinstance(result, torch.Tensor)
    assert result.device == given.device


@pytest.mark.parametrize("shape", OTHERS)
@pytest.mark.parametrize("name", ROWWISE)
def test_other_shapes(name, shape):
    same_as_numpy(name, "plain", np.float64, torch.tensor, lambda tensor: tensor.numpy(), shape=shape)


@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8, torch.int32])
def test_labels_of_any_integer_dtype(dtype):
    z, target = logits((2, 300), np.float64), torch.tensor([0, 100], dtype=dtype)
    for function in (xentlib.softmax_cross_entropy, xentlib.softmax_cross_entropy_grad):
        assert distance(function(torch.tensor(z), target).numpy(), function(z, [0, 100])) <= 8


@pytest.mark.parametrize("name", CASES)
def test_the_device_is_kept(name):
    # The device "meta" has shapes and no values: what moved to another device, or asked for a value, fails.
    given = inputs("plain", np.float32)
    arguments = (torch.tensor(given[a], device="meta") for a in CASES[name].arguments.split())
    result = CASES[name].function(*arguments)
    assert result.device.type == "meta"
    assert result.dtype == torch.float32


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_wider_and_rounded_once(dtype):
    z = torch.tensor(inputs("plain", np.float32)["z"]).to(dtype)
    for function in (xentlib.softmax, xentlib.log_softmax, xentlib.logsumexp, xentlib.softplus):
        expected = function(z.double())
        found = function(z)
        assert found.dtype == dtype
        # Half an eps, and the error of float32, which is none in this dtype.
        assert ((found.double() - expected).abs() <= 0.51 * torch.finfo(dtype).eps * expected.abs()).all()


def test_a_numpy_target_goes_with_tensor_logits():
    given = inputs("plain", np.float64)
    for target in (given["labels"], given["labels"].tolist(), given["y"]):
        result = xentlib.softmax_cross_entropy(torch.tensor(given["z"]), target)
        assert isinstance(result, torch.Tensor)
        assert distance(result.numpy(), xentlib.softmax_cross_entropy(given["z"], target)) <= 8


def test_integer_logits_become_the_default_dtype():
    result = xentlib.softmax(torch.tensor([1, 3], dtype=torch.uint8))
    assert result.dtype == torch.get_default_dtype()
    assert distance(result.numpy(), xentlib.softmax([1, 3])) <= 5  # one rounding more


# --- xentlib through autograd -----------------------------------------------------------------------


@every_regime
@every_dtype
def test_autograd_gives_the_ordinal_gradients(dtype, regime):
    given = inputs(regime, dtype)
    g, grades = given["g"], given["grades"]
    x = leaf(g)
    loss = xentlib.ordinal_cross_entropy(x, torch.tensor(grades))
    found = gradient(loss, x)
    expected = xentlib.ordinal_cross_entropy_grad(g, grades)
    # exp(-d) rounds d, half an eps of it; without the correction that the gradient itself makes.
    spread = float(np.ptp(g[np.isfinite(g)]))
    assert distance(found, expected) <= 16 + spread
    assert np.isfinite(found).all()


@every_dtype
@pytest.mark.parametrize("temperature", [1.0, 0.25])
def test_contrastive_losses_and_their_gradients_by_autograd(dtype, temperature):
    """As it is written with PyTorch; and InfoNCE of xentlib, differentiated there."""
    given = inputs("plain", dtype)
    q, k = given["x"], given["v"]
    own = xentlib.info_nce_loss_grad(q, k, temperature=temperature)

    def written(queries, keys):
        return functional.cross_entropy(queries @ keys.T / temperature, torch.arange(6), reduction="none")

    # Products of up to 20 in 5 terms, each rounded, over the temperature.
    limit = 5 * 20 / temperature
    for function in (written, lambda a, b: xentlib.info_nce_loss(a, b, temperature=temperature)):
        queries, keys = leaf(q), leaf(k)
        loss = function(queries, keys)
        assert (
            distance(loss.detach().numpy(), xentlib.info_nce_loss(q, k, temperature=temperature), 1) <= limit
        )
        for found, expected in zip(torch.autograd.grad(loss.sum(), (queries, keys)), own, strict=True):
            assert distance(found.numpy(), expected, np.abs(expected).max()) <= limit


def test_the_definition_of_the_ordinal_loss_by_autograd():
    given = inputs("plain", np.float64)
    g, grades = given["g"], given["grades"]
    x = leaf(g)
    ends = torch.ones_like(x[:, :1])
    of_classes = torch.diff(torch.cat([0 * ends, torch.sigmoid(x), ends], dim=-1))
    loss = -torch.log(of_classes.gather(-1, torch.tensor(grades)[:, None])[:, 0])
    # The difference of two sigmoids errs by an eps of 1.
    odds = np.exp(loss.detach().numpy())
    assert distance(loss.detach().numpy(), xentlib.ordinal_cross_entropy(g, grades), scale=odds) <= 8
    found, expected = gradient(loss, x), xentlib.ordinal_cross_entropy_grad(g, grades)
    assert distance(found, expected, scale=odds[:, None] ** 2) <= 8


def by_definition(score):
    """Return Brier's or the spherical loss as one writes it, with its cancellations."""

    def loss(z, target):
        p = torch.softmax(z, dim=-1)
        y = torch.nn.functional.one_hot(target, z.shape[-1])
        if score == "brier":
            return ((p - y) ** 2).sum(dim=-1)
        return 1 - (p * y).sum(dim=-1) / torch.linalg.vector_norm(p, dim=-1)

    return loss


@every_dtype
@pytest.mark.parametrize("score", ["brier", "spherical"])
def test_the_definitions_of_the_scores(dtype, score):
    """Their errors are relative to 1: what is below is subtracted from it."""
    given = inputs("plain", dtype)
    z, target = leaf(given["z"]), torch.tensor(given["labels"])
    theirs = by_definition(score)
    loss = getattr(xentlib, f"softmax_{score}_loss")
    grad, hess = (getattr(xentlib, f"softmax_{score}_loss_{order}") for order in ("grad", "hess"))
    arguments = given["z"], given["labels"]
    assert distance(theirs(z, target).detach().numpy(), loss(*arguments), scale=1) <= 2 * bound(given["z"])
    found = gradient(theirs(z, target), z)
    assert distance(found, grad(*arguments), scale=1) <= 2 * bound(given["z"])
    for row in range(2):
        found = torch.autograd.functional.hessian(lambda a, n=row: theirs(a, target[n]), z[row].detach())
        assert distance(found.numpy(), hess(*(a[row] for a in arguments)), scale=1) <= 4 * bound(given["z"])


@every_dtype
@every_regime
@pytest.mark.parametrize("score", ["brier", "spherical"])
def test_autograd_gives_the_gradients_of_the_scores(dtype, regime, score):
    given = inputs(regime, dtype)
    z, target = leaf(given["z"]), torch.tensor(given["labels"])
    found = gradient(getattr(xentlib, f"softmax_{score}_loss")(z, target), z)
    expected = getattr(xentlib, f"softmax_{score}_loss_grad")(given["z"], given["labels"])
    # exp rounds its argument, and what is differentiated is made of terms up to the size of the loss.
    loss = getattr(xentlib, f"softmax_{score}_loss")(given["z"].astype(np.float64), given["labels"])
    assert np.isfinite(found).all()
    assert distance(found, expected, scale=loss[:, None]) <= 64


@every_regime
@every_dtype
def test_autograd_gives_the_gradients(dtype, regime):
    given = inputs(regime, dtype)
    z, target = given["z"], given["labels"]
    x = leaf(z)
    found = gradient(xentlib.softmax_cross_entropy(x, torch.tensor(target)), x)
    if regime == "masked":  # a label that is ruled out has an infinite loss and no gradient
        fine = np.isfinite(np.take_along_axis(z, target[:, None], -1)[:, 0])
        found, z, target = found[fine], z[fine], target[fine]
    # Each entry is a quotient of sums of 5 terms with few roundings, none of which cancels.
    assert distance(found, xentlib.softmax_cross_entropy_grad(z, target)) <= 16


@every_regime
@every_dtype
def test_autograd_gives_softmax_from_logsumexp(dtype, regime):
    given = inputs(regime, dtype)
    x = leaf(given["z"])
    assert distance(gradient(xentlib.logsumexp(x), x), xentlib.softmax(given["z"])) <= 16


@every_dtype
@pytest.mark.parametrize("regime", ["plain", "offset", "confident", "ties"])
def test_autograd_gives_the_gradients_for_distributions(dtype, regime):
    given = inputs(regime, dtype)
    z, y = given["z"], given["y"]
    x = leaf(z)
    found = gradient(xentlib.softmax_cross_entropy(x, torch.tensor(y)), x)
    scale = xentlib.softmax(z) + y
    assert distance(found, xentlib.softmax_cross_entropy_grad(z, y), scale) <= 16


@every_dtype
@pytest.mark.parametrize("regime", ["plain", "confident", "far", "ties"])
def test_autograd_gives_the_sigmoid_gradient(dtype, regime):
    given = inputs(regime, dtype)
    for t in (given["t"], np.round(given["t"])):
        x = leaf(given["x"])
        found = gradient(xentlib.sigmoid_cross_entropy(x, torch.tensor(t)), x)
        # Where the slope -t or 1 - t is not 0 it cancels against that of the logarithm.
        assert distance(found, xentlib.sigmoid_cross_entropy_grad(given["x"], t), scale=1) <= 8


@every_dtype
@pytest.mark.parametrize("smooth", [0.0, 1.0])
def test_autograd_gives_the_soft_dice_gradient(dtype, smooth):
    """Of the definition as one writes it, and of xentlib's form."""
    z = logits((6, 5), dtype)
    t = np.random.default_rng(4).random((6, 5)).astype(dtype)
    t[0] = 0
    expected = xentlib.soft_dice_loss_grad(z, t, smooth=smooth)
    x, mask = leaf(z), torch.tensor(t)
    p = torch.sigmoid(x)
    total = p.sum(-1) + mask.sum(-1) + smooth
    loss = 1 - (2 * (p * mask).sum(-1) + smooth) / total
    # Twice a share of the total, each right to some eps: absolutely, for 1 - D cancels.
    assert distance(loss.detach(), xentlib.soft_dice_loss(z, t, smooth=smooth), scale=1) <= 16
    assert distance(gradient(loss, x), expected, scale=1) <= 32
    x = leaf(z)
    assert distance(gradient(xentlib.soft_dice_loss(x, mask, smooth=smooth), x), expected, scale=1) <= 32


def test_autograd_keeps_the_sigmoid_gradient_of_confident_predictions():
    x = leaf(np.array([40.0, -40.0]))
    found = gradient(xentlib.sigmoid_cross_entropy(x, torch.tensor([1.0, 0.0], dtype=torch.float64)), x)
    assert distance(found, xentlib.sigmoid_cross_entropy_grad([40.0, -40.0], [1.0, 0.0])) <= 8


@every_dtype
@pytest.mark.parametrize("regime", ["plain", "confident", "far", "ties"])
def test_autograd_gives_the_weighted_gradients(dtype, regime):
    given = inputs(regime, dtype)
    w = given["w"]
    x = leaf(given["z"])
    loss = xentlib.softmax_cross_entropy(x, torch.tensor(given["labels"]), class_weight=torch.tensor(w))
    expected = xentlib.softmax_cross_entropy_grad(given["z"], given["labels"], class_weight=w)
    assert distance(gradient(loss, x), expected) <= 20
    x = leaf(given["x"])
    loss = xentlib.sigmoid_cross_entropy(x, torch.tensor(given["t"]), pos_weight=torch.tensor(w))
    expected = xentlib.sigmoid_cross_entropy_grad(given["x"], given["t"], pos_weight=w)
    assert distance(gradient(loss, x), expected, scale=1) <= 8


def test_weights_may_be_numpys():
    given = inputs("plain", np.float32)
    for w in (given["w"], given["w"].tolist(), given["w"].astype(np.float64)):
        found = xentlib.softmax_cross_entropy(torch.tensor(given["z"]), given["labels"], class_weight=w)
        assert found.dtype == torch.float32
        expected = xentlib.softmax_cross_entropy(given["z"], given["labels"], class_weight=w)
        assert distance(found.numpy(), expected) <= 8
    found = xentlib.sigmoid_cross_entropy(torch.tensor(given["x"]), 1.0, pos_weight=9.1)
    assert found.dtype == torch.float32
    assert distance(found.numpy(), xentlib.sigmoid_cross_entropy(given["x"], 1.0, pos_weight=9.1)) <= 8


@every_dtype
def test_autograd_gives_the_derivatives_of_divergences(dtype):
    given = inputs("plain", dtype)
    p, q = given["y"], given["q"]
    a, b = leaf(p), leaf(q)
    # Those of the sum of p log(p/q) - p + q, whose terms are at least 0.
    assert (
        distance(gradient(xentlib.kl_divergence(a, b), a), np.log(p / q), scale=1 + abs(np.log(p / q))) <= 16
    )
    assert distance(gradient(xentlib.kl_divergence(a, b), b), 1 - p / q, scale=1 + p / q) <= 16
    assert distance(gradient(xentlib.entropy(a), a), -np.log(p) - 1, scale=1 - np.log(p)) <= 16


def test_second_derivatives():
    given = inputs("confident", np.float64)
    z, target, v = given["z"][0], given["labels"][0], given["v"][0]

    def loss(x):
        return xentlib.softmax_cross_entropy(x, torch.tensor(target))

    hessian = torch.autograd.functional.hessian(loss, torch.tensor(z)).numpy()
    scale = xentlib.softmax(z)
    assert distance(hessian, xentlib.softmax_cross_entropy_hess(z, target), scale) <= 32
    _, product = torch.autograd.functional.hvp(loss, torch.tensor(z), torch.tensor(v))
    scale = scale * (np.abs(v) + np.abs(v).max())
    assert distance(product.numpy(), xentlib.softmax_cross_entropy_hvp(z, target, v), scale) <= 32


def test_gradcheck():
    z = leaf(inputs("plain", np.float64)["z"])
    y = torch.tensor(inputs("plain", np.float64)["y"])
    for function in (
        lambda z: xentlib.softmax(z, temperature=0.7),
        lambda z: xentlib.softmax_cross_entropy(z, y),
        lambda z: xentlib.logit_adjusted_cross_entropy(z, y, np.array([0.4, 0.3, 0.2, 0.05, 0.05]), tau=1.5),
        xentlib.softmax_jacobian,
        xentlib.log_sigmoid,
    ):
        assert torch.autograd.gradcheck(function, z)
        assert torch.autograd.gradgradcheck(function, z)


# --- Its functions ----------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [0.0, 100.0])
@every_shape
@every_dtype
def test_values(dtype, shape, offset):
    z = logits(shape, dtype, offset=offset)
    x = torch.tensor(z)
    assert distance(torch.softmax(x, -1), xentlib.softmax(z)) <= bound(z)
    assert distance(torch.log_softmax(x, -1), xentlib.log_softmax(z), scale=1) <= bound(z)
    assert distance(torch.logsumexp(x, -1), xentlib.logsumexp(z), scale=1) <= bound(z)
    assert distance(torch.sigmoid(x), xentlib.sigmoid(z)) <= 8


@every_shape
@every_dtype
def test_sigmoid_losses(dtype, shape):
    z = logits(shape, dtype)
    t = np.random.default_rng(4).random(shape).astype(dtype)
    x = leaf(z)
    loss = functional.binary_cross_entropy_with_logits(x, torch.tensor(t), reduction="none")
    limit = 8 + 2 * np.abs(z).max()  # it cancels: relative to the logit
    assert distance(loss.detach(), xentlib.sigmoid_cross_entropy(z, t), scale=1) <= limit
    assert distance(gradient(loss, x), xentlib.sigmoid_cross_entropy_grad(z, t), scale=1) <= 8
    assert distance(functional.logsigmoid(x).detach(), xentlib.log_sigmoid(z), scale=1) <= limit


@every_shape
@every_dtype
def test_positive_weights(dtype, shape):
    """A number, or one for each entry of the last axis, as in `BCEWithLogitsLoss`."""
    z = logits(shape, dtype)
    t = np.random.default_rng(4).random(shape).astype(dtype)
    for w in (dtype(9), np.random.default_rng(6).uniform(0, 9, shape[-1]).astype(dtype)):
        x = leaf(z)
        loss = functional.binary_cross_entropy_with_logits(
            x, torch.tensor(t), pos_weight=torch.tensor(w), reduction="none"
        )
        limit = 9 * (8 + 2 * np.abs(z).max())  # it cancels: relative to the logit
        assert distance(loss.detach(), xentlib.sigmoid_cross_entropy(z, t, pos_weight=w), scale=1) <= limit
        expected = xentlib.sigmoid_cross_entropy_grad(z, t, pos_weight=w)
        assert distance(gradient(loss, x), expected, scale=1) <= 9 * 8


@every_shape
@every_dtype
def test_class_weights_without_reduction(dtype, shape):
    z = logits(shape, dtype)
    weight = np.random.default_rng(6).uniform(0, 9, shape[-1]).astype(dtype)
    for target in (labels(shape), distributions(shape, dtype)):
        x = leaf(z)
        loss = functional.cross_entropy(
            x, torch.tensor(target), weight=torch.tensor(weight), reduction="none"
        )
        ours = xentlib.softmax_cross_entropy(z, target, class_weight=weight)
        assert distance(loss.detach(), ours, scale=1) <= 9 * bound(z)
        y = target if target.ndim == 2 else np.eye(shape[-1])[target]
        scale = xentlib.softmax(z) * (y * weight).sum(-1, keepdims=True) + y * weight
        expected = xentlib.softmax_cross_entropy_grad(z, target, class_weight=weight)
        assert distance(gradient(loss, x), expected, scale) <= bound(z)


@every_shape
@every_dtype
def test_losses_without_reduction(dtype, shape):
    z = logits(shape, dtype)
    for target in (labels(shape), distributions(shape, dtype)):
        x = leaf(z)
        loss = functional.cross_entropy(x, torch.tensor(target), reduction="none")
        assert distance(loss.detach(), xentlib.softmax_cross_entropy(z, target), scale=1) <= bound(z)
        y = target if target.ndim == 2 else np.eye(shape[-1])[target]
        expected = xentlib.softmax_cross_entropy_grad(z, target)
        assert distance(gradient(loss, x), expected, scale=xentlib.softmax(z) + y) <= bound(z)


@every_shape
@every_dtype
def test_the_adjusted_loss_is_that_of_the_sum(dtype, shape):
    # PyTorch has no such loss: those who publish one add tau log pi to the logits before its cross-entropy.
    z, tau = logits(shape, dtype), 1.5
    frequencies = 1 / np.arange(1, shape[-1] + 1)
    prior = (frequencies / frequencies.sum()).astype(dtype)
    added = (tau * np.log(prior)).astype(dtype)
    for target in (labels(shape), distributions(shape, dtype)):
        x = leaf(z)
        loss = functional.cross_entropy(x + torch.tensor(added), torch.tensor(target), reduction="none")
        expected = xentlib.logit_adjusted_cross_entropy(z, target, prior, tau=tau)
        # Beside the bound for logits that are a sum, that sum is rounded.
        limit = 2 * bound(z + added)
        assert distance(loss.detach(), expected, scale=1) <= limit
        y = target if target.ndim == 2 else np.eye(shape[-1])[target]
        expected = xentlib.logit_adjusted_cross_entropy_grad(z, target, prior, tau=tau)
        assert distance(gradient(loss, x), expected, scale=xentlib.softmax(z + added) + y) <= limit


def mean(z, target, **options):
    """Return PyTorch's mean loss and its gradient."""
    x = leaf(z)
    loss = functional.cross_entropy(x, torch.tensor(target), **options)
    loss.backward()
    return loss.item(), x.grad.numpy()


def agree(theirs, ours, z, factor=1.0):
    """Check a mean loss and its gradient, relative to the largest entry."""
    eps = float(np.finfo(z.dtype).eps)
    # The loss is below 20, and PyTorch adds the N losses in the dtype of the logits.
    assert abs(theirs[0] - factor * ours[0]) <= (bound(z) + 20 * len(z) ** 0.5) * eps
    scale = factor * np.abs(ours[1]).max()
    assert distance(theirs[1], factor * ours[1].astype(np.float64), scale) <= 2 * bound(z)


@every_shape
@every_dtype
def test_means(dtype, shape):
    z, target, y = logits(shape, dtype), labels(shape), distributions(shape, dtype)
    weight = np.random.default_rng(6).uniform(0.5, 2, shape[-1]).astype(dtype)
    w = torch.tensor(weight)
    ours = mean_cross_entropy_value_and_grad
    agree(mean(z, target), ours(z, target), z)
    agree(mean(z, y), ours(z, y), z)
    agree(mean(z, target, weight=w), ours(z, target, class_weight=weight), z)
    agree(mean(z, target, label_smoothing=0.1), ours(z, target, label_smoothing=0.1), z)
    agree(mean(z, y, label_smoothing=0.1), ours(z, y, label_smoothing=0.1), z)
    some = np.where(np.arange(len(z)) % 3 == 0, -100, target)
    agree(mean(z, some), ours(z, some, ignore_index=-100), z)
    agree(mean(z, some, weight=w), ours(z, some, class_weight=weight, ignore_index=-100), z)


@pytest.mark.parametrize("memory", [7_000_000, 2**27], ids=["chunks of classes", "chunks of rows"])
@every_dtype
def test_linear_head(dtype, memory):
    samples, features, classes = 300, 16, 1000
    x = logits((samples, features), dtype, spread=1.0)
    weight, bias = logits((classes, features), dtype, spread=0.5, seed=1), logits((classes,), dtype, seed=2)
    target = labels((samples, classes))
    tensors = [leaf(array) for array in (x, weight, bias)]
    loss = functional.cross_entropy(functional.linear(*tensors), torch.tensor(target))
    found = torch.autograd.grad(loss, tensors)
    ours, gradients = linear_cross_entropy_value_and_grad(x, weight, target, bias, memory=memory)
    z = x @ weight.T + bias
    # Both err by the roundings of the products: their logits by those of 17 terms, their sums over rows or
    # classes by the square root of the number of these, relative to the sizes of what is added.
    eps, of_logits = float(np.finfo(dtype).eps), 2 * (bound(z) + 17 * float(np.abs(z).max()))
    assert abs(loss.item() - ours) <= of_logits * eps
    size = np.abs(xentlib.softmax(z) - np.eye(classes)[target]) / samples
    scales = size @ np.abs(weight), size.T @ np.abs(x), size.sum(axis=0)
    for theirs, our, scale in zip(found, gradients, scales, strict=True):
        assert distance(theirs.numpy(), our, scale) <= of_logits + classes**0.5


# --- Conventions ------------------------------------------------------------------------------------

Z, TARGET, WEIGHT = logits((4, 3), np.float64), np.array([0, 1, 2, 1]), np.array([1.0, 2.0, 4.0])


def test_logits_come_first_and_are_reduced_to_a_mean():
    found = functional.cross_entropy(torch.tensor(Z), torch.tensor(TARGET)).item()
    assert found == pytest.approx(xentlib.softmax_cross_entropy(Z, TARGET).mean(), rel=1e-14, abs=0)


def test_the_classes_are_on_axis_1_not_on_the_last():
    z = logits((2, 3, 4), np.float64)
    target = np.array([[0, 1, 2, 0], [1, 2, 0, 1]])
    found = functional.cross_entropy(torch.tensor(z), torch.tensor(target), reduction="none")
    assert distance(found, xentlib.softmax_cross_entropy(z, target, axis=1), scale=1) <= bound(z)


def test_a_weighted_mean_divides_by_the_weights_of_the_labels():
    each = xentlib.softmax_cross_entropy(Z, TARGET) * WEIGHT[TARGET]
    found, _ = mean(Z, TARGET, weight=torch.tensor(WEIGHT))
    assert found == pytest.approx(each.sum() / WEIGHT[TARGET].sum(), rel=1e-14, abs=0)
    assert found == pytest.approx(
        mean_cross_entropy_value_and_grad(Z, TARGET, class_weight=WEIGHT)[0], rel=1e-14, abs=0
    )


def test_with_weights_and_smoothing_it_divides_by_the_weights_of_the_unsmoothed_labels():
    # xentlib divides by the sum of what the losses are multiplied with, the smoothed targets included.
    theirs = mean(Z, TARGET, weight=torch.tensor(WEIGHT), label_smoothing=0.1)
    ours = mean_cross_entropy_value_and_grad(Z, TARGET, class_weight=WEIGHT, label_smoothing=0.1)
    smooth = xentlib.smooth_labels(xentlib.one_hot(TARGET, 3), 0.1)
    agree(theirs, ours, Z, factor=(smooth @ WEIGHT).sum() / WEIGHT[TARGET].sum())
    assert theirs[0] != pytest.approx(ours[0], rel=1e-3, abs=0)


def test_the_weighted_mean_over_distributions_divides_by_their_number():
    y = distributions((4, 3), np.float64)
    theirs = mean(Z, y, weight=torch.tensor(WEIGHT))
    ours = mean_cross_entropy_value_and_grad(Z, y, class_weight=WEIGHT)
    agree(theirs, ours, Z, factor=(y @ WEIGHT).sum() / len(y))
    assert theirs[0] != pytest.approx(ours[0], rel=1e-3, abs=0)


def test_label_smoothing_mixes_with_the_uniform_distribution():
    smooth = xentlib.smooth_labels(xentlib.one_hot(TARGET, 3), 0.1)
    expected = 0.9 * np.eye(3)[TARGET] + 0.1 / 3
    np.testing.assert_allclose(smooth, expected, rtol=1e-15, atol=0, strict=True)
    assert mean(Z, TARGET, label_smoothing=0.1)[0] == pytest.approx(mean(Z, smooth)[0], rel=1e-14, abs=0)


def test_the_mean_over_ignored_labels_alone_is_nan():
    nothing = np.full(4, -100)
    assert math.isnan(mean(Z, nothing)[0])
    with pytest.raises(ValueError, match="no mean over nothing"):
        mean_cross_entropy_value_and_grad(Z, nothing, ignore_index=-100)


def test_minus_100_is_ignored_by_default():
    assert mean(Z, [-100, 1, 2, 1])[0] == pytest.approx(mean(Z[1:], TARGET[1:])[0], rel=1e-14, abs=0)
    with pytest.raises(ValueError, match="-100"):
        mean_cross_entropy_value_and_grad(Z, [-100, 1, 2, 1])


def test_labels_out_of_range_are_refused():
    with pytest.raises(IndexError, match="out of bounds"):
        functional.cross_entropy(torch.tensor(Z), torch.tensor([0, 1, 2, 3]))
    # xentlib on tensors cannot look at values, which may be on another device: it gives nan.
    result = xentlib.softmax_cross_entropy(torch.tensor(Z), torch.tensor([0, -1, 2, 3]))
    np.testing.assert_array_equal(result.isnan(), [False, True, False, True])


@pytest.mark.parametrize(("dtype", "gap"), [(torch.float32, 17), (torch.float64, 37)])
def test_a_confident_prediction_costs_0_and_has_no_gradient(dtype, gap):
    z = torch.tensor([[gap, 0.0]], dtype=dtype, requires_grad=True)
    target = torch.tensor([0])
    loss = functional.cross_entropy(z, target)
    assert loss == 0
    assert gradient(loss, z)[0, 0] == 0
    assert functional.cross_entropy(z - torch.tensor([1, 0]), target) > 0
    loss = xentlib.softmax_cross_entropy(z, target)
    assert loss.item() == pytest.approx(math.exp(-gap), rel=1e-6, abs=0)
    assert gradient(loss, z)[0, 0] == pytest.approx(-math.exp(-gap), rel=1e-6, abs=0)


def test_a_confident_binary_prediction_costs_0_or_has_no_gradient():
    x = torch.tensor([-20.0, 20.0], requires_grad=True)
    t = torch.tensor([0.0, 1.0])
    loss = functional.binary_cross_entropy_with_logits(x, t, reduction="none")
    assert loss[0] == 0
    assert gradient(loss, x)[1] == 0
    loss = xentlib.sigmoid_cross_entropy(x, t)
    assert loss[0].item() == pytest.approx(math.exp(-20), rel=1e-6, abs=0)
    assert gradient(loss, x)[1] == pytest.approx(-math.exp(-20), rel=1e-6, abs=0)


def test_softplus_is_the_identity_above_20():
    x = torch.tensor([21.0], dtype=torch.float64)
    assert functional.softplus(x) == x
    assert xentlib.softplus(x) - x == pytest.approx(math.exp(-21), rel=1e-5, abs=0)


def test_the_loss_of_probabilities_is_capped_at_100():
    loss = functional.binary_cross_entropy(
        torch.tensor([0.0, 1.0]), torch.tensor([1.0, 0.0]), reduction="none"
    )
    np.testing.assert_array_equal(loss, [100, 100])
    loss = xentlib.sigmoid_cross_entropy(torch.tensor([-math.inf, math.inf]), torch.tensor([1.0, 0.0]))
    np.testing.assert_array_equal(loss, [math.inf, math.inf])


def test_masked_logits():
    z = np.array([[0.0, 1.0, -np.inf]])
    y = np.array([[0.5, 0.5, 0.0]])
    # 0 times infinity: the loss is nan, though the gradient is right.
    loss, found = mean(z, y)
    assert math.isnan(loss)
    assert distance(found, xentlib.softmax_cross_entropy_grad(z, y), scale=1) <= bound(z[:, :2])
    x = leaf(z)
    loss = xentlib.softmax_cross_entropy(x, torch.tensor(y))
    assert distance(loss.detach(), xentlib.softmax_cross_entropy(z, y)) <= 8
    assert distance(gradient(loss, x), xentlib.softmax_cross_entropy_grad(z, y), scale=1) <= 8


def test_smoothing_a_masked_class_costs_infinity():
    z = np.array([[0.0, 1.0, -np.inf]])
    assert mean(z, [0], label_smoothing=0.1)[0] == math.inf
    assert mean_cross_entropy_value_and_grad(z, [0], label_smoothing=0.1)[0] == math.inf


def test_rows_of_minus_infinity_and_plus_infinity_are_nan():
    for row in ([-math.inf, -math.inf], [0.0, math.inf], [0.0, math.nan]):
        x = torch.tensor(row)
        assert torch.softmax(x, 0).isnan().all()
        assert xentlib.softmax(x).isnan().all()
    x = torch.tensor([-math.inf, -math.inf])
    assert torch.logsumexp(x, 0) == xentlib.logsumexp(x) == -math.inf


def test_integers_have_no_softmax():
    with pytest.raises(NotImplementedError, match="not implemented for"):
        torch.softmax(torch.tensor([1, 3]), 0)


def test_kl_div_takes_log_q_first_and_divides_by_the_number_of_entries():
    p, q = distributions((4, 3), np.float64), distributions((4, 3), np.float64, seed=3)
    arguments = torch.tensor(np.log(q)), torch.tensor(p)
    each = xentlib.kl_divergence(p, q)
    by_entries = pytest.warns(UserWarning, match="batchmean")
    with by_entries:
        assert functional.kl_div(*arguments).item() == pytest.approx(each.sum() / p.size, rel=1e-13, abs=0)
    found = functional.kl_div(*arguments, reduction="batchmean").item()
    assert found == pytest.approx(each.mean(), rel=1e-13, abs=0)


def test_entropy_of_a_categorical():
    p = torch.distributions.Categorical(logits=torch.tensor(Z)).entropy()
    assert distance(p, xentlib.entropy(xentlib.softmax(Z)), scale=1) <= bound(Z)


# --- Losses for noisy labels ------------------------------------------------------------------------


@every_shape
@every_dtype
def test_the_corrected_loss_is_nll_of_the_noisy_probabilities(dtype, shape):
    # PyTorch has no such loss; this is its definition, differentiated.
    z, target = logits(shape, dtype), labels(shape)
    noise = np.full((shape[-1],) * 2, 0.25 / shape[-1]) + 0.75 * np.eye(shape[-1])
    x = leaf(z)
    mixed = torch.softmax(x, -1) @ torch.tensor(noise.astype(dtype))
    loss = functional.nll_loss(torch.log(mixed), torch.tensor(target), reduction="none")
    ours = xentlib.forward_corrected_cross_entropy(z, target, noise)
    # What the product rounds is relative to P; so is the logarithm's absolute error.
    assert distance(loss.detach(), ours, scale=1) <= bound(z) + shape[-1] ** 0.5
    expected = xentlib.forward_corrected_cross_entropy_grad(z, target, noise)
    posterior = xentlib.softmax(z) - expected
    limit = 2 * bound(z) + 2 * shape[-1] ** 0.5
    assert distance(gradient(loss, x), expected, scale=xentlib.softmax(z) + posterior) <= limit


@pytest.mark.parametrize("regime", ["plain", "offset", "confident", "ties"])
@every_dtype
def test_autograd_gives_the_gradients_for_noisy_labels(dtype, regime):
    given = inputs(regime, dtype)
    z, target = given["z"], given["labels"]
    noise = np.full((5, 5), 0.0625) + 0.6875 * np.eye(5)
    x = leaf(z)
    found = gradient(xentlib.generalized_cross_entropy(x, torch.tensor(target), q=0.75), x)
    assert distance(found, xentlib.generalized_cross_entropy_grad(z, target, q=0.75), scale=1) <= 16
    found = gradient(xentlib.forward_corrected_cross_entropy(x, torch.tensor(target), noise), x)
    expected = xentlib.forward_corrected_cross_entropy_grad(z, target, noise)
    assert distance(found, expected, scale=1) <= 16


# --- Losses of the margin ---------------------------------------------------------------------------


@every_shape
@every_dtype
def test_the_multi_margin_loss_sums_and_divides_by_the_number_of_classes(dtype, shape):
    z, target = logits(shape, dtype), labels(shape)
    loss = functional.multi_margin_loss(torch.tensor(z), torch.tensor(target), reduction="none")
    own = np.take_along_axis(z, target[:, None], -1).astype(np.float64)
    terms = np.maximum(0, 1 + z - own) * (np.arange(shape[-1]) != target[:, None])
    assert distance(loss, terms.sum(-1) / shape[-1], scale=1) <= bound(z)
    # The largest term is the loss of Crammer and Singer: with two classes the whole, but for the 2.
    assert distance(xentlib.multiclass_hinge_loss(z, target).astype(dtype), terms.max(-1), scale=1) <= bound(
        z
    )


@pytest.mark.parametrize("regime", ["plain", "offset", "confident", "masked"])
@every_dtype
def test_autograd_gives_the_gradients_of_margins(dtype, regime):
    given = inputs(regime, dtype)
    x, z, t = leaf(given["x"]), leaf(given["z"]), torch.tensor(np.round(given["t"]))
    for name in ("hinge_loss", "squared_hinge_loss", "exponential_loss"):
        if regime != "offset":
            found = gradient(getattr(xentlib, name)(x, t), x)
            assert distance(found, getattr(xentlib, f"{name}_grad")(given["x"], np.round(given["t"]))) <= 8
    found = gradient(xentlib.multiclass_hinge_loss(z, torch.tensor(given["labels"])), z)
    assert distance(found, xentlib.multiclass_hinge_loss_grad(given["z"], given["labels"])) <= 8


def test_the_slope_at_the_bend_depends_on_how_the_maximum_is_written():
    zero = torch.zeros(())
    ways = (torch.relu, lambda short: torch.maximum(short, zero), lambda short: torch.clamp(short, min=0))
    slopes = []
    for way in ways:
        m = torch.tensor(1.0, requires_grad=True)
        way(1 - m).backward()
        slopes.append(m.grad.item())
    assert slopes == [0, -0.5, -1]
    m = torch.tensor(1.0, requires_grad=True)
    xentlib.hinge_loss(m, torch.tensor(1.0)).backward()
    assert m.grad.item() == 0
