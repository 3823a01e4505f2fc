"""SciPy: values, finite differences, and the conventions in which it differs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from comparing import DTYPES, SHAPES, bound, distance, distributions, labels, logits

import xentlib
from xentlib import LogSumExp

HERE = Path(__file__).parent

special = pytest.importorskip("scipy.special", exc_type=ImportError)
optimize = pytest.importorskip("scipy.optimize", exc_type=ImportError)
stats = pytest.importorskip("scipy.stats", exc_type=ImportError)

every_dtype = pytest.mark.parametrize("dtype", DTYPES)
every_shape = pytest.mark.parametrize("shape", SHAPES)


# --- Values -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [0.0, 100.0])
@every_shape
@every_dtype
def test_softmax(dtype, shape, offset):
    z = logits(shape, dtype, offset=offset)
    assert distance(special.softmax(z, axis=-1), xentlib.softmax(z)) <= bound(z)
    assert distance(special.log_softmax(z, axis=-1), xentlib.log_softmax(z), scale=1) <= bound(z)
    assert distance(special.logsumexp(z, axis=-1), xentlib.logsumexp(z), scale=1) <= bound(z)


@every_shape
@every_dtype
def test_logsumexp_of_a_stream(dtype, shape):
    z = logits(shape, dtype)
    parts = LogSumExp(), LogSumExp()
    for part, block in zip(parts, np.array_split(z, 2, axis=-1), strict=True):
        part.update(block)
    found = parts[0].merge(parts[1]).value
    assert distance(found.astype(dtype), special.logsumexp(z, axis=-1), scale=1) <= bound(z)


@every_shape
@every_dtype
def test_sigmoid(dtype, shape):
    x = logits(shape, dtype, spread=20.0)
    # Both take the exponential of -|x| itself: 4 eps each.
    assert distance(special.expit(x), xentlib.sigmoid(x)) <= 8
    assert distance(special.log_expit(x), xentlib.log_sigmoid(x)) <= 8
    assert distance(special.softplus(x), xentlib.softplus(x)) <= 8


@every_shape
@every_dtype
def test_losses(dtype, shape):
    z, target, y = logits(shape, dtype), labels(shape), distributions(shape, dtype)
    log_p = special.log_softmax(z, axis=-1)
    of_labels = -np.take_along_axis(log_p, target[:, None], -1)[:, 0]
    assert distance(of_labels, xentlib.softmax_cross_entropy(z, target), scale=1) <= bound(z)
    assert distance(-(y * log_p).sum(-1), xentlib.softmax_cross_entropy(z, y), scale=1) <= bound(z)
    t = special.expit(logits(shape, dtype, seed=4))
    usual = special.softplus(z) - t * z
    assert distance(usual, xentlib.sigmoid_cross_entropy(z, t), scale=1) <= bound(z)


@every_shape
def test_information(shape):
    p, q = (distributions(shape, np.float64, seed=seed) for seed in (2, 3))
    # A term's logarithm is right to 2 eps, the sums to sqrt(K) of that of the terms, all at most log K.
    limit = 8 + shape[-1] ** 0.5
    assert distance(special.entr(p).sum(-1), xentlib.entropy(p)) <= limit
    # It divides by the sum once more: an eps of p, and near p = 1 one of 1 in the logarithm.
    assert distance(stats.entropy(p, axis=-1, base=2), xentlib.entropy(p, base=2), scale=1) <= limit
    # The terms of rel_entr cancel, and do not see that the sums of p and q are an eps from 1.
    terms = special.rel_entr(p, q)
    scale = 1 + np.abs(terms).sum(-1)
    assert distance(terms.sum(-1), xentlib.kl_divergence(p, q), scale) <= limit
    assert distance(stats.entropy(p, q, axis=-1), xentlib.kl_divergence(p, q), scale) <= limit


def test_gradient_and_hessian_by_differences():
    z, target = logits((4,), np.float64), 1

    def gradient(z):
        return xentlib.softmax_cross_entropy_grad(z, target)

    # Half the digits of each, for a one-sided difference with the step sqrt(eps).
    found = optimize.approx_fprime(z, lambda z: xentlib.softmax_cross_entropy(z, target))
    np.testing.assert_allclose(found, gradient(z), rtol=0, atol=1e-7, strict=True)
    found, expected = optimize.approx_fprime(z, gradient), xentlib.softmax_cross_entropy_hess(z, target)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-7, strict=True)


# --- Conventions ------------------------------------------------------------------------------------

P, Q = np.array([0.5, 0.5]), np.array([0.25, 0.75])


def test_rel_entr_is_the_summand_of_kl_divergence():
    assert special.rel_entr(P, Q).sum() == pytest.approx(xentlib.kl_divergence(P, Q), rel=1e-14, abs=0)


def test_kl_div_is_another_summand_with_the_same_sum():
    # It adds q - p, as xentlib does within: no term is negative, and the sum over a distribution is kept.
    summand = special.rel_entr(P, Q) - P + Q
    np.testing.assert_allclose(special.kl_div(P, Q), summand, rtol=1e-14, atol=0, strict=True)
    assert special.kl_div(P, Q).sum() == pytest.approx(xentlib.kl_divergence(P, Q), rel=1e-14, abs=0)
    assert special.kl_div(2 * P, Q).sum() != pytest.approx(special.rel_entr(2 * P, Q).sum(), rel=1e-3, abs=0)


def test_the_true_distribution_comes_first():
    assert stats.entropy(P, Q) == pytest.approx(xentlib.kl_divergence(P, Q), rel=1e-14, abs=0)
    assert stats.entropy(P, Q) != pytest.approx(xentlib.kl_divergence(Q, P), rel=1e-3, abs=0)


def test_stats_entropy_normalises_what_xentlib_refuses():
    assert stats.entropy([1, 3]) == pytest.approx(xentlib.entropy([0.25, 0.75]), rel=1e-15, abs=0)
    with pytest.raises(ValueError, match="sum"):
        xentlib.entropy([1.0, 3.0])


def test_entr_of_a_negative_number_is_minus_infinity():
    assert special.entr(-0.5) == -np.inf
    with pytest.raises(ValueError, match="p must be distributions"):
        xentlib.entropy([1.5, -0.5])


def test_the_class_axis_must_be_named_lest_all_entries_are_one_distribution():
    z = np.zeros((2, 3))
    assert special.softmax(z)[0, 0] == pytest.approx(1 / 6, rel=1e-15, abs=0)
    assert special.logsumexp(z).shape == ()
    assert xentlib.softmax(z)[0, 0] == pytest.approx(1 / 3, rel=1e-15, abs=0)


def test_small_integers_wrap():
    z = np.array([1, 3], np.uint8)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(special.softmax(z), [np.nan, 0])
        np.testing.assert_array_equal(special.log_softmax(z), [-np.inf, -np.inf])
    np.testing.assert_array_equal(xentlib.softmax(z), xentlib.softmax([1.0, 3.0]))


@pytest.mark.parametrize(("dtype", "gap"), [(np.float32, 17), (np.float64, 37)])
def test_a_confident_prediction_has_log_probability_0(dtype, gap):
    z = np.array([gap, 0], dtype)
    assert special.log_softmax(z)[0] == 0
    assert special.log_softmax(z - np.array([1, 0], dtype))[0] < 0
    assert xentlib.log_softmax(z)[0] == pytest.approx(-np.exp(-float(gap)), rel=1e-6, abs=0)


def test_logsumexp_keeps_a_confident_prediction():
    assert special.logsumexp([0.0, -40.0]) == xentlib.logsumexp([0.0, -40.0]) == np.exp(-40.0)


def test_rows_of_minus_infinity():
    z = [-np.inf, -np.inf]
    assert special.logsumexp(z) == xentlib.logsumexp(z) == -np.inf
    with np.errstate(invalid="ignore"):
        assert np.isnan(special.softmax(z)).all()
    with pytest.raises(ValueError, match="-inf"):
        xentlib.softmax(z)


def test_plus_infinity_and_nan():
    with np.errstate(invalid="ignore"):
        assert np.isnan(special.softmax([0, np.inf])).all()
    assert special.logsumexp([0, np.inf]) == np.inf
    assert np.isnan(special.softmax([0, np.nan])).all()
    for value in (np.inf, np.nan):
        with pytest.raises(ValueError, match="logits must be finite"):
            xentlib.softmax([0, value])


# --- SciPy's own tests, on xentlib ------------------------------------------------------------------

SKIPPED = {"xentlib has no weights within log-sum-exp, and no signs", "xentlib has no complex numbers"}


def test_scipys_own_tests_pass_on_xentlib(tmp_path):
    """What applies passes; the rest is skipped for one of the named reasons."""
    found = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider",
            "-p", "scipy_on_xentlib", "--pyargs", "scipy.special.tests.test_logsumexp",
        ],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (HERE, HERE.parents[1])))},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout
    reasons = set(re.findall(r"^SKIPPED .*?: (.*)$", found.stdout, re.MULTILINE))
    assert reasons == SKIPPED
    assert int(re.findall(r"(\d+) passed", found.stdout)[0]) >= 31  # so many are about what xentlib has
