"""statsmodels: the likelihood of its proportional-odds model, and its derivative by the score."""

from __future__ import annotations

import numpy as np
import pytest
from comparing import distance

import xentlib

ordinal_model = pytest.importorskip("statsmodels.miscmodels.ordinal_model", exc_type=ImportError)

THRESHOLDS = np.array([-2.0, -0.5, 0.25, 3.0])


def model(spread):
    """Return its model of 60 scores, parameters that put our thresholds into it, scores and labels."""
    draw = np.random.default_rng(0)
    x, labels = draw.normal(scale=spread, size=60), np.arange(60) % 5
    theirs = ordinal_model.OrderedModel(labels, x[:, None], distr="logit")
    # Its parameters are the first threshold and the logarithms of the steps to the others.
    return theirs, np.concatenate([[1.0], THRESHOLDS[:1], np.log(np.diff(THRESHOLDS))]), x, labels


@pytest.mark.parametrize("spread", [0.1, 1.0, 4.0])
def test_likelihood(spread):
    theirs, parameters, x, labels = model(spread)
    ours = xentlib.ordinal_cross_entropy(THRESHOLDS - x[:, None], labels)
    # It subtracts two sigmoids and adds 1e-20 to the difference: what both cost is relative to p.
    assert distance(-theirs.loglikeobs(parameters), ours, scale=1 + np.exp(ours)) <= 32


def test_what_it_adds_to_the_probability_caps_the_loss():
    theirs, parameters, x, labels = model(4.0)
    x, labels = np.append(x, [60.0]), np.append(labels, [0])
    theirs = ordinal_model.OrderedModel(labels, x[:, None], distr="logit")
    assert abs(theirs.loglikeobs(parameters)[-1] - np.log(1e-20)) <= 1e-5
    assert xentlib.ordinal_cross_entropy(THRESHOLDS - 60.0, 0) == 62.0


@pytest.mark.parametrize("spread", [0.1, 1.0, 4.0])
def test_derivative_by_the_score(spread):
    theirs, parameters, x, labels = model(spread)
    grad = xentlib.ordinal_cross_entropy_grad(THRESHOLDS - x[:, None], labels)
    # In g = theta - x the score has the minus, and the loss another.
    ours = grad.sum(axis=-1) * x
    p = np.exp(-xentlib.ordinal_cross_entropy(THRESHOLDS - x[:, None], labels))
    found = theirs.score_obs_(parameters)[:, 0]
    assert distance(found, ours, scale=(1 + np.abs(x)) / p) <= 32
