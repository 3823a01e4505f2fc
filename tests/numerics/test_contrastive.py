"""InfoNCE: the errors its docstrings allow, cross-entropy itself, differences, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import oracle
import pytest
from oracle import assert_within

from xentlib import (
    info_nce_loss,
    info_nce_loss_grad,
    linear_cross_entropy_value_and_grad,
    softmax_cross_entropy,
    softmax_cross_entropy_grad,
)
from xentlib.differences import gradient as difference

DRAW = np.random.default_rng(12)
Q, K = DRAW.normal(size=(5, 3)), DRAW.normal(size=(7, 3))
HEATS = pytest.mark.parametrize("temperature", [1.0, 0.07, 3.0])


@pytest.mark.accuracy(eps=2**14)  # small temperatures magnify what the products round
@HEATS
@pytest.mark.parametrize("size", [0.0, 1.0, 8.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_errors_are_those_of_the_docstrings(dtype: Any, size: float, temperature: float) -> None:
    q, k = (size * Q).astype(dtype), K.astype(dtype)
    expected = oracle.info_nce_loss(q, k, temperature=temperature)
    assert_within(info_nce_loss(q, k, temperature=temperature), expected, eps=1)
    of_both = oracle.info_nce_loss_grad(q, k, temperature=temperature)
    for found, exact in zip(info_nce_loss_grad(q, k, temperature=temperature), of_both, strict=True):
        assert_within(found, exact, eps=1)


@pytest.mark.accuracy
@pytest.mark.parametrize("gap", [0.0, 0.3, 37.0, 100.1, 700.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_of_exact_products_it_is_cross_entropy(dtype: Any, gap: float) -> None:
    """One operand is the identity matrix: no product is rounded."""
    s = (DRAW.uniform(-0.5, 0.5, size=(6, 6)) + gap * np.diag([1, 1, 1, -1, -1, -1])).astype(dtype)
    one, labels = np.eye(6, dtype=dtype), np.arange(6)
    slopes = oracle.softmax_cross_entropy_grad(s, labels)
    expected = oracle.softmax_cross_entropy(s, labels)
    for q, k in ((s, one), (one, s.T)):
        assert_within(info_nce_loss(q, k), expected, eps=4)
    assert_within(info_nce_loss_grad(s, one)[0], slopes, eps=6)
    of_keys = oracle.Exact(slopes.values.T, slopes.scale.T, slopes.dtype)
    assert_within(info_nce_loss_grad(one, s.T)[1], of_keys, eps=6)


@pytest.mark.accuracy(eps=2**24)  # a fourth-order difference, of entries below 10
@pytest.mark.parametrize("temperature", [1.0, 0.5, 3.0])
def test_gradients_against_differences(temperature: float) -> None:
    found = info_nce_loss_grad(Q, K, temperature=temperature)
    sums: list[tuple[Any, Any]] = [
        (lambda a: info_nce_loss(a, K, temperature=temperature).sum(), Q),
        (lambda a: info_nce_loss(Q, a, temperature=temperature).sum(), K),
    ]
    for gradient, (function, at) in zip(found, sums, strict=True):
        # In eps of 1: h^4/30 of a fifth derivative, which grows as 1 / T^5.
        bound = 1e-11 * max(1, temperature**-5) * 2**52
        assert_within(gradient, difference(function, at), eps=bound, scale=1)


@pytest.mark.accuracy
def test_of_equal_similarities_it_is_the_logarithm_of_their_number() -> None:
    for rows in (Q, 0 * Q):
        same = np.broadcast_to(K[0], (5, 3))
        # Products of up to 3 that are equal, whatever they round to.
        assert_within(info_nce_loss(rows, same), np.full(5, np.log(5)), eps=4)


@pytest.mark.accuracy(eps=2**10)  # above the errors of two products
def test_other_ways_to_the_same_numbers() -> None:
    """All labels 0, as in MoCo: the own key first. And a linear layer, whose weights are the keys over T."""
    heat, labels = 0.25, np.arange(5)
    loss = info_nce_loss(Q, K, temperature=heat)
    s = Q @ K.T / heat
    assert_within(loss, softmax_cross_entropy(s, labels), eps=128)
    others = s[np.arange(7) != labels[:, None]].reshape(5, 6)
    first = np.concatenate([s[labels, labels][:, None], others], axis=1)
    assert_within(loss, softmax_cross_entropy(first, np.zeros(5, int)), eps=128)
    mean, (d_q, d_k, _) = linear_cross_entropy_value_and_grad(Q, K / heat, labels)
    of_q, of_k = info_nce_loss_grad(Q, K, temperature=heat)
    assert_within(mean, loss.mean(), eps=128)
    assert_within(d_q, of_q / 5, eps=128, scale=1)
    assert_within(d_k / heat, of_k / 5, eps=128, scale=1)
    assert_within(of_q, softmax_cross_entropy_grad(s, labels) @ K / heat, eps=128, scale=1)


def test_one_key_costs_nothing() -> None:
    assert info_nce_loss(Q[:1], K[:1]).tolist() == [0]
    for gradient in info_nce_loss_grad(Q[:1], K[:1]):
        assert not gradient.any()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_shapes_and_dtypes(dtype: Any) -> None:
    q, k = Q.astype(dtype), K.astype(dtype)
    assert info_nce_loss(q, k).shape == (5,)
    assert [g.shape for g in info_nce_loss_grad(q, k)] == [(5, 3), (7, 3)]
    found = [info_nce_loss(q, k), *info_nce_loss_grad(q, k)]
    assert {a.dtype for a in found} == {np.dtype(dtype)}
    mixed = [info_nce_loss(q, K), *info_nce_loss_grad(q, K)]
    assert {a.dtype for a in mixed} == {np.result_type(dtype, np.float64)}


def test_lists_and_integers() -> None:
    found = info_nce_loss([[0, 1], [1, 0]], [[0, 2], [2, 0]])
    assert found.dtype == np.float64
    assert np.array_equal(found, info_nce_loss(np.eye(2), 2 * np.eye(2)))


@pytest.mark.parametrize("function", [info_nce_loss, info_nce_loss_grad])
def test_what_is_refused(function: Any) -> None:
    for q, k in ((Q, K[:4]), (Q, K[:, :2]), (Q[0], K), (Q[:0], K), (Q[:, :0], K[:, :0]), (Q, K[None])):
        with pytest.raises(ValueError, match=r"queries must have shape \(N, D\) and keys \(M, D\)"):
            function(q, k)
    with pytest.raises(ValueError, match=r"the shapes are \(5, 3\) and \(4, 3\)"):
        function(Q, K[:4])
    bad = np.where(np.arange(5)[:, None] == 2, np.nan, Q)
    with pytest.raises(ValueError, match=r"queries must be finite, but the value at \(2, 0\) is nan"):
        function(bad, K)
    with pytest.raises(ValueError, match=r"keys must be finite, but the value at \(2, 0\) is nan"):
        function(Q, bad)
    with pytest.raises(ValueError, match=r"the logit at \(0, 0\) .* is inf"):
        function(np.full((1, 1), 1e200), np.full((1, 1), 1e200))
    for heat in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match="temperature must be finite and above 0"):
            function(Q, K, temperature=heat)
    with pytest.raises(TypeError, match="temperature must be one real number"):
        function(Q, K, temperature=np.ones(5))
    with pytest.raises(TypeError, match="keys must be real numbers, but their dtype is complex128"):
        function(Q, K * 1j)
