"""TorchMetrics: its hinge losses, which are of probabilities where the logits are none."""

from __future__ import annotations

import numpy as np
import pytest
from comparing import labels, logits

import xentlib

torch = pytest.importorskip("torch", exc_type=ImportError)
classification = pytest.importorskip("torchmetrics.functional.classification", exc_type=ImportError)


# --- Losses of the margin ---------------------------------------------------------------------------


@pytest.mark.parametrize("squared", [False, True])
def test_hinge_losses_within_0_and_1_are_means(squared):
    z = np.random.default_rng(5).random((20, 5))
    t, target = np.arange(20) % 2, labels((20, 5))
    binary = xentlib.squared_hinge_loss if squared else xentlib.hinge_loss
    found = classification.binary_hinge_loss(torch.tensor(z[:, 0]), torch.tensor(t), squared=squared)
    assert found.item() == pytest.approx(binary(z[:, 0], t).mean(), rel=1e-14, abs=0)
    found = classification.multiclass_hinge_loss(torch.tensor(z), torch.tensor(target), 5)
    assert found.item() == pytest.approx(xentlib.multiclass_hinge_loss(z, target).mean(), rel=1e-14, abs=0)


def test_logits_outside_of_0_and_1_go_through_sigmoid_or_softmax_first():
    z, target = logits((20, 5), np.float64), labels((20, 5))
    t = np.arange(20) % 2
    found = classification.binary_hinge_loss(torch.tensor(z[:, 0]), torch.tensor(t))
    expected = xentlib.hinge_loss(xentlib.sigmoid(z[:, 0]), t).mean()
    assert found.item() == pytest.approx(expected, rel=1e-14, abs=0)
    found = classification.multiclass_hinge_loss(torch.tensor(z), torch.tensor(target), 5)
    expected = xentlib.multiclass_hinge_loss(xentlib.softmax(z), target).mean()
    assert found.item() == pytest.approx(expected, rel=1e-14, abs=0)
