"""A linear layer before the loss: exact values, gradients by differences, any memory, bad input."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import oracle
import pytest
from oracle import assert_within

from xentlib import _kernel as kernel
from xentlib import linear_cross_entropy_value_and_grad
from xentlib.differences import gradient as difference

DTYPES = [np.float32, np.float64]
Z = np.random.default_rng(11).normal(scale=2, size=(6, 4))
Y = np.array([0, 1, 2, 3, 1, 1])
W = np.array([2.0, 1.0, 0.5, 3.0])


@functools.cache
def example(bias: bool) -> tuple[Any, ...]:
    """Return the arguments, and the loss and the gradients that they should give."""
    rng = np.random.default_rng(8)
    n, d, k = 600, 8, 50
    x, w, b = rng.normal(size=(n, d)), rng.normal(size=(k, d)), rng.normal(size=k) if bias else None
    y = rng.integers(0, k, n)
    loss, gradient = oracle.mean_cross_entropy_value_and_grad(x @ w.T + (0 if b is None else b), y)
    g = gradient.values.astype(float)
    return (x, w, b, y), loss, [g @ w, g.T @ x, g.sum(axis=0)]


def least(rows: int, features: int, itemsize: int, chunk: int) -> int:
    """Return the memory in which as many classes fit."""
    return 3 * kernel.BLOCK + rows * (features + chunk) * itemsize


@pytest.mark.accuracy
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    "memory", ["rows at once", "rows in chunks", "classes, 1", "classes, 7", "classes, all"]
)
def test_linear(dtype: Any, bias: bool, memory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (x, w, b, y), expected_loss, expected = example(bias)
    (n, d), k, item = x.shape, len(w), np.dtype(dtype).itemsize
    monkeypatch.setattr(kernel, "BLOCK", 2**12)
    monkeypatch.setattr("xentlib._linear._SLAB", 64)
    bytes_ = {
        "rows at once": 2**27,
        "rows in chunks": 3 * 2**12 + 64 * item + 520 * k * item,
        "classes, 1": least(n, d, item, 1),
        "classes, 7": least(n, d, item, 7),
        "classes, all": least(n, d, item, 12),
    }[memory]
    narrow: list[Any] = [None if a is None else a.astype(dtype) for a in (x, w, b)]
    loss, found = linear_cross_entropy_value_and_grad(narrow[0], narrow[1], y, narrow[2], memory=bytes_)
    # Logits below 16 carry the errors of sums of eight products, and the sums of the gradients add theirs.
    assert_within(loss, expected_loss, eps=20, of=dtype)
    assert (found[2] is None) == (not bias)
    for a, e in zip(found[: 2 + bias], expected, strict=False):
        assert_within(a, e, eps=60, scale=np.abs(e).max(), dtype=dtype)


@pytest.mark.accuracy(eps=2**20)  # above the bound of a difference
@pytest.mark.parametrize("memory", [2**27, least(3, 2, 8, 2)])
def test_linear_gradients_by_differences(memory: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "BLOCK", 2**8 if memory < 2**27 else 2**19)
    memory = min(memory, least(3, 2, 8, 2)) if memory < 2**27 else memory
    rng = np.random.default_rng(14)
    x, w, b = rng.normal(size=(3, 2)), rng.normal(size=(5, 2)), rng.normal(size=5)
    y = [4, 0, 4]
    _, found = linear_cross_entropy_value_and_grad(x, w, y, b, memory=memory)
    places: list[tuple[Any, Any]] = [
        (lambda a: linear_cross_entropy_value_and_grad(a, w, y, b)[0], x),
        (lambda a: linear_cross_entropy_value_and_grad(x, a, y, b)[0], w),
        (lambda a: linear_cross_entropy_value_and_grad(x, w, y, a)[0], b),
    ]
    for (function, at), gradient in zip(places, found, strict=True):
        # In eps of 1: h^4/30 of fifth derivatives below 10, and the rounding of losses below 8 over h.
        assert_within(gradient, difference(function, at), eps=1e-11 * 2**52, scale=1)


@pytest.mark.accuracy
@pytest.mark.parametrize("chunk", [None, 1])
def test_linear_keeps_confident_predictions(chunk: int | None) -> None:
    x = np.eye(4)
    w = 0.3 + np.diag([60.1, 61.7, 62.9, 63.3])  # gaps that round
    memory = 2**27 if chunk is None else least(4, 4, 8, chunk)
    y = np.arange(4)
    loss, (d_x, d_w, d_b) = linear_cross_entropy_value_and_grad(x, w, y, np.zeros(4), memory=memory)
    # Here the logits are the weights, and so are their gradients.
    expected, of_logits = oracle.mean_cross_entropy_value_and_grad(w, y)
    assert_within(loss, expected, eps=4)
    assert_within(np.diag(d_w), of_logits.at((y, y)), eps=4)
    # Others than the label's are exponentials of gaps below 64, which round.
    g = of_logits.values
    assert_within(d_b, g.sum(axis=0), eps=32, scale=np.abs(g).sum(axis=0))
    assert_within(d_x, g @ w, eps=32, scale=np.abs(g) @ w)
    for label, row in enumerate(w):
        alone, _ = linear_cross_entropy_value_and_grad(x[[label]], w, [label], memory=memory)
        assert_within(alone, oracle.softmax_cross_entropy(row, label), eps=4)


@pytest.mark.accuracy
@pytest.mark.parametrize("chunk", [None, 1])
def test_linear_with_a_class_ruled_out(chunk: int | None) -> None:
    memory = 2**27 if chunk is None else least(6, 4, 8, chunk)
    b = np.array([0.0, 0.1, -np.inf])
    w = Z[:3]
    y = [0, 1, 0, 1, 0, 1]
    found: Any
    expected: Any
    loss, found = linear_cross_entropy_value_and_grad(Z, w, y, b, memory=memory)
    expected_loss, expected = linear_cross_entropy_value_and_grad(Z, w[:2], y, b[:2])
    # Other chunks: other errors of the products, as above.
    assert_within(loss, expected_loss, eps=20)
    for a, e in zip(found, expected, strict=True):
        kept = a if a is found[0] else a[:2]
        assert_within(kept, e, eps=60, scale=np.abs(e).max())
    assert not found[1][2].any()
    assert found[2][2] == 0
    alone = linear_cross_entropy_value_and_grad(Z, w[:1], [0] * 6, memory=memory)
    assert alone[0] == 0
    assert not alone[1][0].any()


BAD_LINEAR: list[tuple[dict[str, Any], type[Exception], str]] = [
    (
        {"inputs": Z * 1j},
        TypeError,
        "inputs must be real numbers of at most 64 bits, but their dtype is complex128",
    ),
    ({"weight": np.full((5, 4), "a")}, TypeError, "weight must be real numbers"),
    ({"bias": np.full(5, None)}, TypeError, "bias must be real numbers"),
    ({"inputs": Z[:, :3]}, ValueError, r"the shapes are inputs \(6, 3\), weight \(5, 4\), bias \(5,\)"),
    ({"inputs": Z[0]}, ValueError, r"inputs must have shape \(N, D\).*inputs \(4,\)"),
    ({"weight": np.zeros((0, 4)), "bias": np.zeros(0)}, ValueError, r"weight \(0, 4\)"),
    ({"inputs": np.zeros((6, 0)), "weight": np.zeros((5, 0))}, ValueError, r"inputs \(6, 0\)"),
    ({"bias": np.zeros(4)}, ValueError, r"bias \(4,\)"),
    ({"inputs": np.zeros((0, 4)), "target": np.zeros(0, int)}, ValueError, "no mean over nothing"),
    (
        {"target": Y.astype(float)},
        TypeError,
        r"target must be labels, integers of shape \(6,\), but its dtype is float64",
    ),
    ({"target": Y[:5]}, ValueError, r"target has shape \(5,\), but must have \(6,\)"),
    ({"target": Y + 2}, ValueError, "labels in target must be from 0 to 4, but the value at 3 is 5"),
    ({"target": Y - 1}, ValueError, "labels in target must be from 0 to 4, but the value at 0 is -1"),
    ({"memory": 10_000}, ValueError, r"memory must be at least \d+ bytes for 6 rows of 4, but is 10000"),
]
BAD_VALUES: list[tuple[dict[str, Any], str]] = [
    ({"inputs": np.where(np.arange(6)[:, None] == 4, np.nan, Z)}, r"the logit at \(4, 0\) .* is nan"),
    ({"bias": np.array([0, 0, 0, np.inf, 0])}, r"the logit at \(0, 3\) .* is inf"),
    ({"bias": np.array([np.inf, 0, 0, 0, 0])}, r"the logit at \(0, 0\) .* is inf"),
    ({"bias": np.full(5, -np.inf)}, "every class of the row at 0 is masked"),
    (
        {"inputs": 1e200 * np.ones((6, 4)), "weight": 1e200 * np.ones((5, 4))},
        r"the logit at \(0, 0\) .* is inf",
    ),
]
GOOD = {"inputs": Z, "weight": np.vstack([W, Z[:4]]), "target": Y, "bias": np.zeros(5)}


@pytest.mark.parametrize(("change", "kind", "message"), BAD_LINEAR)
def test_bad_linear(change: dict[str, Any], kind: Any, message: str) -> None:
    with pytest.raises(kind, match=message):
        call_linear(**{**GOOD, **change})


@pytest.mark.parametrize(("change", "message"), BAD_VALUES)
@pytest.mark.parametrize("memory", [2**27, least(6, 4, 8, 2)])
def test_bad_linear_values(change: dict[str, Any], message: str, memory: int) -> None:
    with pytest.raises(ValueError, match=message):
        call_linear(**{**GOOD, **change, "memory": memory})


def call_linear(inputs: Any, weight: Any, target: Any, bias: Any, memory: int = 2**27) -> Any:
    return linear_cross_entropy_value_and_grad(inputs, weight, target, bias, memory=memory)


def test_bad_linear_rows_are_counted_over_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "BLOCK", 2**8)
    monkeypatch.setattr("xentlib._linear._SLAB", 2)
    x = np.zeros((600, 2))
    x[590, 1] = np.nan
    memory = 3 * 2**8 + 2 * 8 + 512 * 3 * 8
    with pytest.raises(ValueError, match=r"the logit at \(590, 0\) .* is nan"):
        linear_cross_entropy_value_and_grad(x, np.ones((3, 2)), np.zeros(600, int), memory=memory)
