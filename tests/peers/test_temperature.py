"""The fitted temperature beside scikit-learn's, and beside SciPy's minimum of PyTorch's loss."""

from __future__ import annotations

import numpy as np
import pytest
from comparing import DTYPES, SHAPES, logits

import xentlib

every_dtype = pytest.mark.parametrize("dtype", DTYPES)
every_shape = pytest.mark.parametrize("shape", SHAPES)


def held_out(shape, dtype):
    """Return logits and labels that are drawn from softmax at the temperature 2."""
    z = logits((400, shape[-1]), dtype)
    draw = np.random.default_rng(1)
    return z, (z / 2 + draw.gumbel(size=z.shape)).argmax(axis=-1)


@every_shape
@every_dtype
def test_scikit_learn(dtype, shape):
    # Private, so that a release may move it.
    calibration = pytest.importorskip("sklearn.calibration", exc_type=ImportError)
    z, target = held_out(shape, dtype)
    found = 1 / float(calibration._TemperatureScaling().fit(z, target).beta_)
    ours = xentlib.fit_temperature(z, target)
    # Where the loss is compared, and not its slope, half of the digits are there, and in float32 its
    # own rounding is seen in the third digit.
    assert abs(found / ours - 1) <= {np.float32: 1e-2, np.float64: 1e-6}[dtype]


@every_dtype
def test_scikit_learn_takes_one_score_for_two_logits(dtype):
    calibration = pytest.importorskip("sklearn.calibration", exc_type=ImportError)
    z, target = held_out((20, 2), dtype)
    score = z[:, 1] - z[:, 0]
    # It makes (-x, x) of x, so that its temperature is twice ours of the logits (0, x).
    found = 1 / float(calibration._TemperatureScaling().fit(score, target).beta_)
    ours = xentlib.fit_temperature(np.stack([0 * score, score], axis=1), target)
    assert abs(found / (2 * ours) - 1) <= {np.float32: 1e-2, np.float64: 1e-6}[dtype]


def test_scikit_learn_as_it_is_called():
    calibration = pytest.importorskip("sklearn.calibration", exc_type=ImportError)
    linear_model = pytest.importorskip("sklearn.linear_model", exc_type=ImportError)
    frozen = pytest.importorskip("sklearn.frozen", exc_type=ImportError)
    draw = np.random.default_rng(2)
    x = draw.normal(size=(700, 8))
    target = (x @ draw.normal(size=(8, 4)) + 2 * draw.gumbel(size=(700, 4))).argmax(axis=1)
    model = linear_model.LogisticRegression(C=100).fit(x[:60], target[:60])
    fitted = calibration.CalibratedClassifierCV(frozen.FrozenEstimator(model), method="temperature")
    fitted.fit(x[60:], target[60:])
    z = model.decision_function(x[60:])
    ours = xentlib.softmax(z, temperature=xentlib.fit_temperature(z, target[60:]))
    assert np.abs(fitted.predict_proba(x[60:]) - ours).max() <= 1e-6


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_scikit_learn_looks_no_further_than_exp_10(scale):
    calibration = pytest.importorskip("sklearn.calibration", exc_type=ImportError)
    z, target = held_out((20, 10), np.float64)
    found = 1 / float(calibration._TemperatureScaling().fit(scale * z, target).beta_)
    assert abs(np.log(found)) < 10.001
    ours = xentlib.fit_temperature(scale * z, target)
    assert abs(ours / (scale * xentlib.fit_temperature(z, target)) - 1) < 1e-13


@every_shape
@every_dtype
def test_the_minimum_of_the_loss_of_torch(dtype, shape):
    torch = pytest.importorskip("torch", exc_type=ImportError)
    optimize = pytest.importorskip("scipy.optimize", exc_type=ImportError)
    z, target = held_out(shape, dtype)
    values, labels = torch.asarray(z, dtype=torch.float64), torch.asarray(target)

    def slope(log_heat):
        beta = torch.tensor(np.exp(-log_heat), dtype=torch.float64, requires_grad=True)
        torch.nn.functional.cross_entropy(beta * values, labels).backward()
        return float(beta.grad)

    def loss(log_heat):
        return float(torch.nn.functional.cross_entropy(values / np.exp(log_heat), labels))

    ours = xentlib.fit_temperature(z, target)
    by_value = optimize.minimize_scalar(loss, bounds=(-5, 5), options={"xatol": 1e-12})
    assert abs(np.exp(by_value.x) / ours - 1) <= 1e-6
    by_slope = optimize.brentq(slope, -5, 5, xtol=1e-15, rtol=1e-15)
    assert abs(np.exp(by_slope) / ours - 1) <= 1e-12
