"""TorchMetrics: its calibration errors, with their bins, and hinge losses, which are of probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from comparing import labels, logits

import xentlib

torch = pytest.importorskip("torch", exc_type=ImportError)
metrics = pytest.importorskip("torchmetrics.functional.classification", exc_type=ImportError)
# Its debiased error is not public.
private = pytest.importorskip(
    "torchmetrics.functional.classification.calibration_error", exc_type=ImportError
)

# --- Calibration errors ----------------------------------------------------------------------------

NORMS = {
    "l1": xentlib.expected_calibration_error,
    "l2": lambda *sample: np.sqrt(xentlib.squared_calibration_error(*sample)),
    "max": xentlib.maximum_calibration_error,
}
DRAW = np.random.default_rng(5)
Q = DRAW.uniform(size=400)
Y = (DRAW.uniform(size=400) < Q**2).astype(int)
P = DRAW.dirichlet(np.ones(4), size=400)
C = np.array([DRAW.choice(4, p=row) for row in P])


@pytest.mark.parametrize("bins", [1, 2, 10, 15])
@pytest.mark.parametrize("norm", NORMS)
def test_of_yes_or_no(norm, bins):
    found = metrics.binary_calibration_error(torch.tensor(Q), torch.tensor(Y), n_bins=bins, norm=norm)
    # It counts in the dtype of the forecasts, and adds up one after another.
    assert float(found) == pytest.approx(NORMS[norm](Q, Y, bins), rel=400 * 2.0**-52, abs=0)


@pytest.mark.parametrize("bins", [5, 15])
@pytest.mark.parametrize("norm", NORMS)
def test_of_the_top_label(norm, bins):
    found = metrics.multiclass_calibration_error(
        torch.tensor(P), torch.tensor(C), num_classes=4, n_bins=bins, norm=norm
    )
    # It computes in float32, whatever comes.
    top, right = P.max(axis=1).astype(np.float32), P.argmax(axis=1) == C
    assert float(found) == pytest.approx(NORMS[norm](top, right, bins), rel=400 * 2.0**-23, abs=0)


def test_debiased_where_the_forecasts_of_a_bin_are_equal():
    q = np.round(Q, 1) * 0.96 + 0.02
    bins = 20
    found = private._ce_compute(torch.tensor(q), torch.tensor(Y), bins, norm="l2", debias=True)
    assert float(found) ** 2 == pytest.approx(
        xentlib.debiased_squared_calibration_error(q, Y, bins), rel=400 * 2.0**-52, abs=0
    )
    # With forecasts that differ it subtracts the variance of the outcomes instead of that of the errors.
    found = float(private._ce_compute(torch.tensor(Q), torch.tensor(Y), 2, norm="l2", debias=True)) ** 2
    curve = xentlib.calibration_curve(Q, Y, 2)
    spread = curve.frequency * (1 - curve.frequency) / (curve.samples - 1)
    expected = (curve.samples / 400 * ((curve.forecast - curve.frequency) ** 2 - spread)).sum()
    assert found == pytest.approx(expected, rel=400 * 2.0**-52, abs=0)
    assert found < xentlib.debiased_squared_calibration_error(Q, Y, 2)


def test_a_forecast_of_1_has_a_bin_of_its_own_there():
    q, y = [0.95, 1.0], [1, 0]
    found = metrics.binary_calibration_error(torch.tensor(q), torch.tensor(y), n_bins=10, norm="l1")
    assert float(found) == pytest.approx((0.05 + 1) / 2, rel=1e-6, abs=0)
    assert xentlib.expected_calibration_error(q, y, 10) == pytest.approx(0.475, rel=1e-15, abs=0)


def test_yes_or_no_is_not_the_top_label_of_two_classes():
    q, y = [0.05, 0.05], [0, 0]
    binary = metrics.binary_calibration_error(torch.tensor(q), torch.tensor(y), n_bins=10)
    assert float(binary) == pytest.approx(0.05, rel=1e-6, abs=0)
    two = torch.tensor([[0.6, 0.4], [0.4, 0.6]], dtype=torch.float64)
    top = metrics.multiclass_calibration_error(two, torch.tensor([0, 0]), num_classes=2, n_bins=10)
    yes = metrics.binary_calibration_error(two[:, 1].contiguous(), torch.tensor([0, 0]), n_bins=10)
    assert float(top) == pytest.approx(0.1, rel=1e-6, abs=0)  # confidence 0.6 twice, right once
    assert float(yes) == pytest.approx(0.5, rel=1e-15, abs=0)  # forecasts 0.4 and 0.6, and no yes


# --- Losses of the margin ---------------------------------------------------------------------------


@pytest.mark.parametrize("squared", [False, True])
def test_hinge_losses_within_0_and_1_are_means(squared):
    z = np.random.default_rng(5).random((20, 5))
    t, target = np.arange(20) % 2, labels((20, 5))
    binary = xentlib.squared_hinge_loss if squared else xentlib.hinge_loss
    found = metrics.binary_hinge_loss(torch.tensor(z[:, 0]), torch.tensor(t), squared=squared)
    assert found.item() == pytest.approx(binary(z[:, 0], t).mean(), rel=1e-14, abs=0)
    found = metrics.multiclass_hinge_loss(torch.tensor(z), torch.tensor(target), 5)
    assert found.item() == pytest.approx(xentlib.multiclass_hinge_loss(z, target).mean(), rel=1e-14, abs=0)


def test_logits_outside_of_0_and_1_go_through_sigmoid_or_softmax_first():
    z, target = logits((20, 5), np.float64), labels((20, 5))
    t = np.arange(20) % 2
    found = metrics.binary_hinge_loss(torch.tensor(z[:, 0]), torch.tensor(t))
    expected = xentlib.hinge_loss(xentlib.sigmoid(z[:, 0]), t).mean()
    assert found.item() == pytest.approx(expected, rel=1e-14, abs=0)
    found = metrics.multiclass_hinge_loss(torch.tensor(z), torch.tensor(target), 5)
    expected = xentlib.multiclass_hinge_loss(xentlib.softmax(z), target).mean()
    assert found.item() == pytest.approx(expected, rel=1e-14, abs=0)
