"""The package entmax: sparsemax, entmax and their losses, with PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
from comparing import DTYPES, SHAPES, bound, distance, labels, logits

import xentlib

torch = pytest.importorskip("torch", exc_type=ImportError)
theirs = pytest.importorskip("entmax", exc_type=ImportError)

every_dtype = pytest.mark.parametrize("dtype", DTYPES)
every_shape = pytest.mark.parametrize("shape", SHAPES)


@every_shape
@every_dtype
def test_probabilities(dtype, shape):
    z = logits(shape, dtype)
    x = torch.tensor(z)
    assert distance(theirs.sparsemax(x), xentlib.sparsemax(z), scale=1) <= bound(z)
    # It has the threshold from a difference of mean squares: under the root, and p is a square.
    assert distance(theirs.entmax15(x), xentlib.entmax(z, alpha=1.5), scale=1) <= 8 * bound(z)
    # It is documented for alpha above 1, and right below.
    for alpha in (0.5, 0.9, 1.25, 1.5, 1.75, 2.0):
        found = theirs.entmax_bisect(x, alpha=alpha)
        assert distance(found, xentlib.entmax(z, alpha=alpha), scale=1) <= bound(z) / abs(alpha - 1)


@every_shape
@every_dtype
def test_losses_and_gradients(dtype, shape):
    z, target = logits(shape, dtype), labels(shape)
    ours = {
        theirs.sparsemax_loss: 2.0,
        theirs.entmax15_loss: 1.5,
        theirs.entmax_bisect_loss: 1.5,
    }
    for function, alpha in ours.items():
        x = torch.tensor(z, requires_grad=True)
        found = function(x, torch.tensor(target))
        found.sum().backward()
        expected = xentlib.entmax_loss(z, target, alpha=alpha)
        # Their loss is made of the logits themselves.
        assert distance(found.detach(), expected, scale=1 + np.abs(z).max()) <= 8 * bound(z)
        slopes = xentlib.entmax_loss_grad(z, target, alpha=alpha)
        assert distance(x.grad, slopes, scale=1) <= 8 * bound(z)


@every_dtype
def test_the_jacobian(dtype):
    z = logits((10, 5), dtype, spread=1.0)
    for alpha in (1.25, 1.5):
        for row in z:
            found = torch.autograd.functional.jacobian(
                lambda x, alpha=alpha: theirs.entmax_bisect(x, alpha=alpha), torch.tensor(row)
            )
            expected = xentlib.entmax_loss_hess(row, 0, alpha=alpha)
            assert distance(found, expected, scale=1) <= 2 * bound(z) / (alpha - 1)


def test_alpha_1_gives_equal_probabilities_there_and_softmax_here():
    z = np.array([0.0, 1.0, 3.0])
    found = theirs.entmax_bisect(torch.tensor(z), alpha=1.0)
    assert distance(found, np.full(3, 1 / 3)) <= 4
    assert distance(xentlib.entmax(z, alpha=1.0), xentlib.softmax(z)) == 0


def test_automatic_differentiation_of_ours():
    z = logits((6, 5), np.float64, spread=1.0)
    for alpha in (0.5, 1.5, 2.0, 3.0):
        x = torch.tensor(z, requires_grad=True)
        xentlib.entmax_loss(x, torch.zeros(6, dtype=torch.int64), alpha=alpha).sum().backward()
        slopes = xentlib.entmax_loss_grad(z, np.zeros(6, int), alpha=alpha)
        assert distance(x.grad, slopes, scale=1) <= 32
        for row in z:
            found = torch.autograd.functional.jacobian(
                lambda x, alpha=alpha: xentlib.entmax(x, alpha=alpha), torch.tensor(row)
            )
            assert distance(found, xentlib.entmax_loss_hess(row, 0, alpha=alpha), scale=1) <= 64
