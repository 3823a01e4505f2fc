"""Properties that hold for all inputs, tried on inputs that hypothesis makes up, the same each time.

Two results that are each within 4 eps of the same number differ by 8 eps at most; a Hessian's
entries by 16.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from oracle import assert_within

from xentlib import (
    cross_entropy,
    entropy,
    kl_divergence,
    log_sigmoid,
    log_softmax,
    logsumexp,
    one_hot,
    perplexity,
    sigmoid,
    sigmoid_cross_entropy,
    sigmoid_cross_entropy_grad,
    smooth_labels,
    softmax,
    softmax_cross_entropy,
    softmax_cross_entropy_grad,
    softmax_cross_entropy_hess,
    softmax_cross_entropy_hvp,
    softmax_jacobian,
    softplus,
)

settings.register_profile("same", derandomize=True, deadline=None, max_examples=80, database=None)
settings.load_profile("same")

EPS = float(np.finfo(float).eps)
LIMIT = 1000.0

# Multiples of 1/64: sums and halves of such numbers are exact.
NUMBERS = st.integers(int(-64 * LIMIT), int(64 * LIMIT)).map(lambda n: n / 64) | st.floats(-LIMIT, LIMIT)
GRID = st.integers(int(-64 * LIMIT), int(64 * LIMIT)).map(lambda n: n / 64)
# Most rows that are made up are wide; these are also close, where probabilities are alike.
CLOSE = st.floats(-3, 3)


@st.composite
def matrices(draw: Any, elements: Any = NUMBERS | CLOSE, count: int = 1, rows: int = 4) -> Any:
    """Return arrays of one shape (N, K)."""
    shape = (draw(st.integers(0, rows)), draw(st.integers(1, 8)))
    arrays = [draw(hnp.arrays(float, shape, elements=elements)) for _ in range(count)]
    return arrays[0] if count == 1 else arrays


@st.composite
def batches(draw: Any) -> Any:
    """Return logits, labels and distributions that fit them, and vectors."""
    z, w, v = draw(matrices(count=3))
    labels = draw(hnp.arrays(np.int64, len(z), elements=st.integers(0, z.shape[1] - 1)))
    return z, labels, oracle.distributions(w / 100), v


def size(total: Any) -> Any:
    """Return what log-sum-exp's error is relative to: the larger of it and the logarithm of at most 8."""
    return np.maximum(np.abs(total), np.log(8))


# --- Softmax and log-sum-exp --------------------------------------------------------------------


@pytest.mark.accuracy
@given(matrices(GRID), GRID)
def test_a_shift_changes_no_probability(z: Any, shift: float) -> None:
    assert_within(softmax(z + shift), softmax(z), eps=8)
    assert_within(log_softmax(z + shift), log_softmax(z), eps=8)
    assert_within(logsumexp(z + shift), logsumexp(z) + shift, eps=8, scale=4 * LIMIT)
    assert_within(softmax_jacobian(z + shift), softmax_jacobian(z), eps=16)


@pytest.mark.accuracy
@given(matrices(), st.randoms(use_true_random=False))
def test_the_order_of_classes_does_not_matter(z: Any, random: Any) -> None:
    order = random.sample(range(z.shape[1]), z.shape[1])
    assert_within(softmax(z[:, order]), softmax(z)[:, order], eps=8)
    assert_within(log_softmax(z[:, order]), log_softmax(z)[:, order], eps=8)
    assert_within(logsumexp(z[:, order]), logsumexp(z), eps=8, scale=size(logsumexp(z)))


@pytest.mark.accuracy
@given(matrices(), st.sampled_from([0.25, 0.5, 2.0, 4.0]), st.floats(0.01, 100))
def test_temperature_scales_the_logits(z: Any, scale: float, temperature: float) -> None:
    for function in (softmax, log_softmax):
        assert_within(function(scale * z, temperature=scale), function(z), eps=8)
        expected = function(z, temperature=temperature)
        assert_within(function(scale * z, temperature=scale * temperature), expected, eps=8)
    largest = np.abs(z).max(initial=1) / temperature + np.log(8)
    found = logsumexp(z, temperature=temperature)
    assert_within(found, logsumexp(z / temperature), eps=8, scale=largest)


@given(matrices(), st.floats(0.1, 10), st.floats(1.0, 10))
def test_a_higher_temperature_is_more_even(z: Any, temperature: float, factor: float) -> None:
    cold, warm = (softmax(z, temperature=t).max(axis=-1) for t in (temperature, factor * temperature))
    assert (warm <= cold * (1 + 8 * EPS)).all()


@given(matrices())
def test_log_sum_exp_is_between_the_maximum_and_log_of_k_above(z: Any) -> None:
    largest, found = z.max(axis=-1, initial=-np.inf), logsumexp(z)
    slack = 4 * EPS * (np.abs(largest) + np.log(8))
    assert (found >= largest - slack).all()
    assert (found <= largest + np.log(z.shape[1]) + slack).all()


@given(matrices(count=2), st.floats(0, 1))
def test_log_sum_exp_and_the_loss_are_convex(pair: Any, share: float) -> None:
    a, b = pair
    between = share * a + (1 - share) * b
    slack = 16 * EPS * LIMIT
    assert (logsumexp(between) <= share * logsumexp(a) + (1 - share) * logsumexp(b) + slack).all()
    labels = np.zeros(len(a), int)
    ends = share * softmax_cross_entropy(a, labels) + (1 - share) * softmax_cross_entropy(b, labels)
    assert (softmax_cross_entropy(between, labels) <= ends + 2 * slack).all()


@pytest.mark.accuracy
@given(matrices(), st.integers(0, 8), st.integers(0, 8))
def test_log_sum_exp_merges_in_any_grouping(z: Any, first: int, second: int) -> None:
    cuts = sorted({0, min(first, z.shape[1]), min(second, z.shape[1]), z.shape[1]})
    parts = [logsumexp(z[:, a:b]) for a, b in pairwise(cuts)]
    scale = np.abs(z).max(initial=1) + np.log(8)
    assert_within(logsumexp(np.stack(parts, axis=-1)), logsumexp(z), eps=16, scale=scale)


@pytest.mark.accuracy
@given(matrices())
def test_probabilities(z: Any) -> None:
    p = softmax(z)
    assert ((p >= 0) & (p <= 1)).all()
    assert_within(p.sum(axis=-1), np.ones(len(z)), eps=8)
    assert (np.take_along_axis(p, z.argmax(axis=-1)[:, None], -1)[:, 0] == p.max(axis=-1, initial=0)).all()


@given(matrices())
def test_no_logarithm_of_a_probability_is_above_0(z: Any) -> None:
    assert (log_softmax(z) <= 0).all()


@pytest.mark.accuracy
@given(matrices())
def test_the_jacobian_is_symmetric_and_its_rows_sum_to_0(z: Any) -> None:
    found = softmax_jacobian(z)
    assert_within(found, np.swapaxes(found, -1, -2), eps=16)
    assert_within(found.sum(axis=-1), np.zeros(z.shape), eps=16, scale=np.abs(found).max(axis=-1, initial=0))


@pytest.mark.accuracy
@given(matrices(), matrices())
def test_blocks_are_the_whole(a: Any, b: Any) -> None:
    width = min(a.shape[1], b.shape[1])
    a, b = a[:, :width], b[:, :width]
    for function in (softmax, log_softmax):
        assert_within(function(np.concatenate([a, b])), np.concatenate([function(a), function(b)]), eps=8)


@pytest.mark.accuracy
@given(matrices(st.floats(-100, 100, width=32)))
def test_single_precision_is_double_precision_rounded(z: Any) -> None:
    single = z.astype(np.float32)
    for function in (softmax, log_softmax):
        assert_within(function(single), function(z), eps=4.01, dtype=np.float32)


# --- Single logits ------------------------------------------------------------------------------


@pytest.mark.accuracy
@given(hnp.arrays(float, st.integers(0, 8), elements=NUMBERS | CLOSE))
def test_sigmoid_and_its_relatives(x: Any) -> None:
    assert_within(sigmoid(x) + sigmoid(-x), np.ones(x.shape), eps=8)
    assert_within(softplus(x) - softplus(-x), x, eps=8, scale=np.abs(x) + 1)
    assert np.array_equal(log_sigmoid(x), -softplus(-x))
    assert_within(np.exp(log_sigmoid(x)), sigmoid(x), eps=8 + LIMIT)
    order = np.sort(x)
    assert (np.diff(sigmoid(order)) >= -8 * EPS * sigmoid(order)[1:]).all()


@pytest.mark.accuracy
@given(matrices(), st.floats(0, 1))
def test_sigmoid_cross_entropy_is_that_of_two_classes(x: Any, target: float) -> None:
    two = np.stack([x, np.zeros_like(x)], axis=-1)
    y = np.broadcast_to([target, 1 - target], two.shape)
    assert_within(sigmoid_cross_entropy(x, target), softmax_cross_entropy(two, y), eps=8)
    grad = sigmoid_cross_entropy_grad(x, target)
    # 4 eps and 6 of what is subtracted, and 1 - target is rounded.
    p = oracle.distributions(two)
    terms = 2 * (p[..., 0] * (1 - target) + p[..., 1] * target)
    both = np.stack([grad, -grad], axis=-1)
    assert_within(softmax_cross_entropy_grad(two, y), both, eps=8, scale=terms[..., None])
    assert (sigmoid_cross_entropy(x, target) >= 0).all()


# --- Losses -------------------------------------------------------------------------------------


@pytest.mark.accuracy
@given(batches())
def test_losses(batch: Any) -> None:
    z, labels, y, _ = batch
    loss = softmax_cross_entropy(z, labels)
    assert (loss >= 0).all()
    own = np.take_along_axis(z, labels[:, None], axis=-1)[:, 0]
    assert_within(loss, logsumexp(z) - own, eps=8, scale=2 * np.abs(z).max(initial=1) + np.log(8))
    assert_within(softmax_cross_entropy(z, one_hot(labels, z.shape[1])), loss, eps=8)
    # Gibbs: no prediction costs less than the truth.
    assert (softmax_cross_entropy(z, y) >= entropy(y) * (1 - 8 * EPS)).all()


@pytest.mark.accuracy
@given(batches())
def test_the_loss_is_linear_in_the_target(batch: Any) -> None:
    z, labels, y, _ = batch
    sure = one_hot(labels, z.shape[1])
    half = (softmax_cross_entropy(z, labels) + softmax_cross_entropy(z, y)) / 2
    assert_within(softmax_cross_entropy(z, (sure + y) / 2), half, eps=12)
    even = np.full(z.shape, 1 / z.shape[1])
    smooth = 0.75 * softmax_cross_entropy(z, labels) + 0.25 * softmax_cross_entropy(z, even)
    assert_within(softmax_cross_entropy(z, smooth_labels(sure, 0.25)), smooth, eps=12)


@pytest.mark.accuracy
@given(batches())
def test_gradients_sum_to_0(batch: Any) -> None:
    z, labels, y, _ = batch
    for target in (labels, y):
        grad = softmax_cross_entropy_grad(z, target)
        assert_within(grad.sum(axis=-1), np.zeros(len(z)), eps=20, scale=1.0)
        assert (np.abs(grad) <= 1 + 8 * EPS).all()
    # For a label also where the gradient is tiny.
    grad = softmax_cross_entropy_grad(z, labels)
    assert_within(grad.sum(axis=-1), np.zeros(len(z)), eps=12, scale=np.abs(grad).max(axis=-1, initial=0))


@pytest.mark.accuracy
@given(batches())
def test_hessians(batch: Any) -> None:
    z, labels, y, v = batch
    for target in (labels, y):
        hess = softmax_cross_entropy_hess(z, target)
        assert_within(
            hess.sum(axis=-1), np.zeros(z.shape), eps=20, scale=np.abs(hess).max(axis=-1, initial=0)
        )
        assert (np.linalg.eigvalsh(hess) >= -16 * EPS).all()
        assert not softmax_cross_entropy_hvp(z, target, np.ones(z.shape)).any()
        product = softmax_cross_entropy_hvp(z, target, v)
        terms = (np.abs(hess) @ np.abs(v)[..., None])[..., 0]
        # 8 eps of each, and sums of eight terms.
        assert_within(product, (hess @ v[..., None])[..., 0], eps=40, scale=terms)


# --- Distributions ------------------------------------------------------------------------------


@pytest.mark.accuracy(eps=2**10)  # the entropy may be the smaller of the terms
# Half of the rows are close: elsewhere errors of the entropy, which is small there, are found by chance.
@given(matrices(count=2) | matrices(CLOSE, count=2))
def test_gibbs(pair: Any) -> None:
    p, q = map(oracle.distributions, pair)
    divergence = kl_divergence(p, q)
    assert (divergence >= 0).all()
    assert ((divergence == 0) <= (np.abs(p - q) <= 1e-150).all(axis=-1)).all()
    assert not kl_divergence(p, p).any()
    finite = np.isfinite(divergence)
    p, q = p[finite], q[finite]
    total = cross_entropy(p, q)
    # 4 eps and twice 8 of numbers that total bounds; of rounded distributions the sums are not quite 1.
    assert_within(total - entropy(p), divergence[finite], eps=16, scale=total + 1)


@given(matrices())
def test_entropies_lie_between_0_and_log_of_k(z: Any) -> None:
    p, most = oracle.distributions(z), np.log(z.shape[1])
    assert (entropy(p) >= 0).all()
    assert (entropy(p) <= most * (1 + 8 * EPS)).all()
    assert (perplexity(p) <= z.shape[1] * (1 + 16 * EPS)).all()
    assert (perplexity(p) >= 1).all()


@given(matrices(count=2), st.floats(0, 1))
def test_entropy_is_concave_and_divergence_convex(pair: Any, share: float) -> None:
    p, q = map(oracle.distributions, pair)
    mixed = share * p + (1 - share) * q
    slack = 32 * EPS
    assert (entropy(mixed) >= share * entropy(p) + (1 - share) * entropy(q) - slack).all()
    even = np.full(p.shape, 1 / p.shape[1])
    ends = share * kl_divergence(p, even) + (1 - share) * kl_divergence(q, even)
    assert (kl_divergence(mixed, even) <= ends + slack).all()


@pytest.mark.accuracy
@pytest.mark.parametrize("function", [softmax, log_softmax, logsumexp])
@given(z=matrices())
def test_a_class_that_is_ruled_out_changes_nothing(function: Any, z: Any) -> None:
    more = np.concatenate([z, np.full((len(z), 1), -np.inf)], axis=-1)
    found = function(more)
    kept = found if function is logsumexp else found[:, :-1]
    assert_within(kept, function(z), eps=8, scale=size(kept) if function is logsumexp else None)
