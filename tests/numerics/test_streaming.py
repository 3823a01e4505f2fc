"""Accumulators: what comes in pieces, in any order and grouping, is the whole."""

from __future__ import annotations

import functools
import re
from typing import Any

import numpy as np
import oracle
import pytest
from oracle import assert_within

from xentlib import LogSumExp, MeanCrossEntropy, mean_cross_entropy

DTYPES = [np.float32, np.float64]
Z = np.random.default_rng(11).normal(scale=2, size=(6, 4))
Y = np.array([0, 1, 2, 3, 1, 1])
V = np.array([1.0, 0.0, 2.5, 0.3, 1.0, 4.0])
W = np.array([2.0, 1.0, 0.5, 3.0])
LATE = np.zeros((2, 3, 4))
LATE[1, 2, 3] = np.nan


def stream_of(*pieces: Any) -> LogSumExp:
    stream = LogSumExp()
    for piece in pieces:
        stream.update(piece)
    return stream


@pytest.mark.accuracy(eps=2**35)  # in eps of float64, which holds what float32 logits give
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("offset", [0.0, -1e4, 1e4])
@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_stream_of_classes(dtype: Any, offset: float, scale: float) -> None:
    z = (np.random.default_rng(6).normal(scale=scale, size=(5, 30)) + offset).astype(dtype)
    pieces = np.split(z, [1, 4, 20], axis=1)
    expected = oracle.logsumexp(z)
    streams = [stream_of(piece) for piece in pieces]
    orders = [
        stream_of(*pieces),
        stream_of(*reversed(pieces)),
        functools.reduce(LogSumExp.merge, streams),
        functools.reduce(lambda a, b: b.merge(a), streams),
        streams[0].merge(streams[1]).merge(streams[2].merge(streams[3])),
        LogSumExp().merge(stream_of(z)).merge(LogSumExp()),
    ]
    for stream in orders:
        assert_within(stream.value, expected, eps=4, scale=expected.values, dtype=float, of=dtype)


@pytest.mark.accuracy
def test_stream_of_one_row_without_a_batch() -> None:
    stream = stream_of([1.0, 3.0], [2.0], [-np.inf])
    assert stream.value.shape == ()
    assert_within(stream.value, oracle.logsumexp(np.array([1.0, 3.0, 2.0])), eps=4)


@pytest.mark.accuracy
def test_merging_classes_keeps_what_is_next_to_0() -> None:
    pieces = [[0.0]], [[-300.3, -300.0]], [[-301.1]]
    one = functools.reduce(LogSumExp.merge, map(stream_of, pieces))
    other = stream_of(pieces[1]).merge(stream_of(pieces[2])).merge(stream_of(pieces[0]))
    expected = oracle.logsumexp(np.concatenate(pieces, axis=1))
    for stream in (one, other):
        # 2 eps for each merge, and as much for the sums and the logarithm.
        assert_within(stream.value, expected, eps=6)


def test_stream_with_classes_ruled_out() -> None:
    none = np.full((2, 3), -np.inf)
    stream = stream_of(none)
    assert np.array_equal(stream.value, [-np.inf, -np.inf])
    assert np.array_equal(stream.merge(stream).value, [-np.inf, -np.inf])
    for joined in (stream_of(none, Z[:2]), stream_of(Z[:2], none), stream.merge(stream_of(Z[:2]))):
        assert np.array_equal(joined.value, stream_of(Z[:2]).value)


def test_merging_leaves_the_operands_alone() -> None:
    one, other = stream_of(Z), stream_of(Z + 1)
    before = one.value.copy(), other.value.copy()
    one.merge(other).update(Z)
    assert np.array_equal(one.value, before[0])
    assert np.array_equal(other.value, before[1])


def test_stream_of_more_axes_and_bad_streams() -> None:
    assert stream_of(Z.reshape(2, 3, 4)).value.shape == (2, 3)
    assert stream_of(Z[0]).value.shape == ()
    with pytest.raises(ValueError, match="no logits yet"):
        _ = LogSumExp().value
    with pytest.raises(ValueError, match=re.escape("the batch axes must stay (6,), but are (5,)")):
        stream_of(Z, Z[:5])
    with pytest.raises(ValueError, match=re.escape("the batch axes must stay (6,), but are (5,)")):
        stream_of(Z).merge(stream_of(Z[:5]))
    with pytest.raises(ValueError, match=r"the logit at \(1, 0\) .* is nan"):
        stream_of([[0.0], [np.nan]])
    with pytest.raises(ValueError, match=r"the logit at \(1, 2, 3\) .* is nan"):
        stream_of(LATE)
    with pytest.raises(TypeError, match="logits must be real numbers"):
        stream_of([["a"]])


@pytest.mark.accuracy
@pytest.mark.parametrize(
    "options", [{}, {"class_weight": W}, {"label_smoothing": 0.1, "class_weight": W}, {"ignore_index": 1}]
)
def test_stream_of_batches(options: dict[str, Any]) -> None:
    whole = mean_cross_entropy(Z, Y, sample_weight=V, **options)
    parts = []
    for rows in (slice(0, 1), slice(1, 1), slice(1, 3), slice(3, 6)):
        part = MeanCrossEntropy(**options)
        weight = V[rows] if V[rows].any() else None
        part.update(Z[rows], Y[rows], sample_weight=weight)
        parts.append(part)
    left = functools.reduce(MeanCrossEntropy.merge, parts)
    right = functools.reduce(lambda a, b: b.merge(a), reversed(parts))
    for stream in (left, right):
        assert_within(stream.value, whole, eps=4)  # one for each of the four
    assert_within(left.weight, right.weight, eps=4)
    assert parts[1].weight == 0
    with pytest.raises(ValueError, match="no sample of positive weight has come yet"):
        _ = parts[1].value
    left.update(Z, Y)
    assert left.weight > right.weight


def test_a_piece_without_a_class_adds_nothing() -> None:
    stream = LogSumExp()
    stream.update(np.zeros((2, 0)))
    assert stream.value.tolist() == [-np.inf, -np.inf]
    stream.update([[1.0], [2.0]])
    stream.update(np.zeros((2, 0)))
    assert stream.value.tolist() == [1.0, 2.0]
