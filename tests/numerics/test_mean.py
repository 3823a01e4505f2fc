"""Means over batches: exact values, gradients by differences, weights, bad input.

Losses come in float64, right to 4 eps of the dtype of the logits, as are the gradients.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import oracle
import pytest
from oracle import assert_within

from xentlib import (
    LogSumExp,
    MeanCrossEntropy,
    calibration_curve,
    chance_calibration_error,
    equal_mass_edges,
    fit_temperature,
    linear_cross_entropy_value_and_grad,
    mean_cross_entropy,
    mean_cross_entropy_value_and_grad,
)
from xentlib import _kernel as kernel
from xentlib.differences import gradient as difference

DTYPES = [np.float32, np.float64]
RNG = np.random.default_rng(11)
Z = RNG.normal(scale=2, size=(6, 4))
Y = np.array([0, 1, 2, 3, 1, 1])
P = RNG.dirichlet(np.ones(4), size=6)
V = np.array([1.0, 0.0, 2.5, 0.3, 1.0, 4.0])
W = np.array([2.0, 1.0, 0.5, 3.0])


# --- Exact values ----------------------------------------------------------------------------------


CASES = [
    *((d, k, g, 0.0) for d in DTYPES for k in (2, 10, 500) for g in (0.0, 0.5, 5.0, 10.0, 17.0, 20.0)),
    *((d, k, g, 0.0) for d in DTYPES for k in (2, 10) for g in (37.0, 40.0, 85.0, 100.0)),
    *((np.float64, k, g, 0.0) for k in (2, 10) for g in (360.0, 700.0, 740.0, 5e3)),
    *((d, 64, g, o) for d in DTYPES for g in (3.0, 30.0) for o in (-1e4, -3.0, 60.0, 1e4)),
]


@pytest.mark.accuracy
@pytest.mark.parametrize(("dtype", "classes", "gap", "offset"), CASES)
def test_loss_and_gradient_within_4_eps(dtype: Any, classes: int, gap: float, offset: float) -> None:
    rng = np.random.default_rng(classes)
    inner = rng.uniform(size=(2, classes - 1))
    # Spread over the gap, and one class far above all others; each with a right and a wrong label.
    rows = offset - gap * np.concatenate([[np.append(0, inner[0])], [np.append(0, 1 - inner[1] / 99)]])
    rows[:, -1] = offset - gap
    z = np.repeat(rows, 2, axis=0).astype(dtype)
    labels = np.array([0, classes - 1] * 2)
    losses, gradients = oracle.softmax_cross_entropy(z, labels), oracle.softmax_cross_entropy_grad(z, labels)
    for i, (row, label) in enumerate(zip(z, labels, strict=True)):
        loss, gradient = mean_cross_entropy_value_and_grad(row[None], [label])
        assert_within(loss, losses.at(i), eps=4, dtype=float, of=dtype)
        assert_within(gradient[0], gradients.at(i), eps=4)
        assert mean_cross_entropy(row[None], [label]) == loss
    _, gradient = mean_cross_entropy_value_and_grad(z, labels)
    assert_within(gradient, oracle.mean_cross_entropy_value_and_grad(z, labels)[1], eps=4)


@pytest.mark.accuracy
@pytest.mark.parametrize("dtype", DTYPES)
def test_very_many_classes(dtype: Any) -> None:
    z = np.random.default_rng(12).normal(scale=3, size=(2, 100_000))
    z = (np.round(256 * z) / 256).astype(dtype)  # of equal logits the oracle takes one exponential
    z[1, 5] = 50
    loss, gradient = mean_cross_entropy_value_and_grad(z, [3, 5])
    some, y = np.ix_([0, 1], [3, 5, 0, 255, 256, 99_999]), np.eye(2, 6)
    log_p, p = oracle.log_softmax(z).values[some], oracle.softmax(z).values[some]
    assert_within(loss, -(log_p[0, 0] + log_p[1, 1]) / 2, eps=4, of=dtype)
    assert_within(gradient[some], (p - y) / 2, eps=4, dtype=dtype)


@pytest.mark.accuracy
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("gap", [0.5, 5.0, 20.0, 600.0])
def test_distributions_within_the_stated_bound(dtype: Any, gap: float) -> None:
    draw = np.random.default_rng(13)
    z = (-gap * draw.uniform(size=(5, 6))).astype(dtype)
    y = draw.dirichlet(np.ones(6), size=5).astype(dtype)
    for i in range(5):
        loss, gradient = mean_cross_entropy_value_and_grad(z[[i]], y[[i]])
        expected, of_logits = oracle.mean_cross_entropy_value_and_grad(z[[i]], y[[i]])
        assert_within(loss, expected, eps=4, of=dtype)
        assert_within(gradient, of_logits, eps=4)


@pytest.mark.accuracy
def test_the_mean_of_many_float32_losses_is_taken_in_float64() -> None:
    z = np.zeros((200_000, 3), np.float32)
    # One rounding of each loss to float32, which a sum in float32 would exceed.
    assert_within(mean_cross_entropy(z, np.zeros(200_000, int)), math.log(3), eps=0.8, of=np.float32)


# --- The definition, with weights, ignored labels and smoothing ------------------------------------


OPTIONS = [
    (target, v, w, ignored, s)
    for target in (Y, P)
    for v in (None, V)
    for w in (None, W)
    for ignored in (None, 1, -100)
    for s in (0.0, 0.1, 1.0)
    if target is Y or ignored is None
]


@pytest.mark.accuracy
@pytest.mark.parametrize(("target", "v", "w", "ignored", "s"), OPTIONS)
def test_the_definition(target: Any, v: Any, w: Any, ignored: Any, s: float) -> None:
    if ignored == -100:
        target = np.where(np.arange(6) == 2, -100, target)
    options = {"sample_weight": v, "class_weight": w, "ignore_index": ignored, "label_smoothing": s}
    for dtype in DTYPES:
        z = Z.astype(dtype)
        expected, of_logits = oracle.mean_cross_entropy_value_and_grad(
            z, target, sample_weight=v, class_weight=w, ignore_index=ignored, label_smoothing=s
        )
        loss, gradient = mean_cross_entropy_value_and_grad(z, target, **options)
        # 4 eps of a sample, and what rounding targets and weights to the dtype adds.
        assert_within(loss, expected, eps=6, of=dtype)
        assert_within(gradient, of_logits, eps=6)
        assert mean_cross_entropy(z, target, **options) == loss


@pytest.mark.accuracy(eps=2**20)  # above the bound of a difference
@pytest.mark.parametrize(("target", "v", "w", "ignored", "s"), OPTIONS[::2])
def test_gradient_by_differences(target: Any, v: Any, w: Any, ignored: Any, s: float) -> None:
    options = {"sample_weight": v, "class_weight": w, "ignore_index": ignored, "label_smoothing": s}
    target = np.where(target == -100, 0, target)
    if ignored == -100:
        target[2] = -100
    loss, found = mean_cross_entropy_value_and_grad(Z, target, **options)
    assert mean_cross_entropy(Z, target, **options) == loss
    expected = difference(lambda z: mean_cross_entropy(z, target, **options), Z)
    # In eps of 1: h^4/30 of fifth derivatives below 1, and the rounding of losses below 8 over h.
    assert_within(found, expected, eps=1e-11 * 2**52, scale=1)


@pytest.mark.accuracy
def test_weights_of_very_different_size() -> None:
    # The share of the second sample over its total is below the smallest float32.
    z = np.array([[0.0, 1.0, 2.0], [43.0, 42.0, 30.0]], np.float32)
    v = [1.0, 1e-30]
    loss, gradient = mean_cross_entropy_value_and_grad(z, [1, 1], sample_weight=v)
    expected, of_logits = oracle.mean_cross_entropy_value_and_grad(z, [1, 1], sample_weight=v)
    assert_within(loss, expected, eps=4, of=np.float32)
    assert_within(gradient, of_logits, eps=6)  # rounded once more, for the weight


@pytest.mark.accuracy
def test_infinite_losses_and_weights_of_zero() -> None:
    z = np.array([[0.0, -np.inf, 1.0], [0.0, 1.0, 2.0]])
    loss, gradient = mean_cross_entropy_value_and_grad(z, [1, 0])
    assert loss == np.inf
    assert_within(gradient, oracle.mean_cross_entropy_value_and_grad(z, [1, 0])[1], eps=4)
    assert gradient[0, 1] == -0.5  # p - 1, of one of two samples
    only, of_only = mean_cross_entropy_value_and_grad(z[1:], [0])
    for options in ({"sample_weight": [0, 1]}, {"ignore_index": 1}, {"class_weight": [1, 0, 1]}):
        loss, gradient = mean_cross_entropy_value_and_grad(z, [1, 0], **options)
        assert loss == only
        assert not gradient[0].any()
        assert_within(gradient[1:], of_only, eps=4)
    # A distribution that gives nothing to the class ruled out; one that does.
    y = np.array([[0.5, 0.0, 0.5], [1.0, 0.0, 0.0]])
    loss, gradient = mean_cross_entropy_value_and_grad(z, y)
    expected, of_logits = oracle.mean_cross_entropy_value_and_grad(z, y)
    assert_within(loss, expected, eps=4)
    assert_within(gradient, of_logits, eps=4)
    assert gradient[0, 1] == 0
    assert mean_cross_entropy(z, y[:, [0, 2, 1]]) == np.inf
    assert mean_cross_entropy(z, [0, 0], label_smoothing=0.1) == np.inf


@pytest.mark.parametrize("offset", [0.0, -1e4, 1e4])
def test_far_labels(offset: float) -> None:
    z = np.array([[0.0, -1000.0, -400.0]]) + offset
    assert mean_cross_entropy(z, [1]) == 1000
    loss, gradient = mean_cross_entropy_value_and_grad(z, [2])
    assert loss == 400
    assert gradient[0, 0] == 1
    assert gradient[0, 2] == -1


def test_one_class_has_no_loss() -> None:
    loss, gradient = mean_cross_entropy_value_and_grad([[3.0], [1e5]], [0, 0])
    assert loss == 0
    assert np.array_equal(gradient, [[0], [0]])
    assert mean_cross_entropy([[3.0]], [[1.0]]) == 0


# --- What does not matter --------------------------------------------------------------------------

KINDS = [
    {"target": lambda n, k: np.arange(n) % k},
    {"target": lambda n, k: np.arange(n) % k, "label_smoothing": 0.2},
    {"target": lambda n, k: np.arange(n) % k, "ignore_index": 1},
    {"target": lambda n, k: np.full((n, k), 1 / k)},
]


@pytest.mark.accuracy
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1000, 5), (40, 300), (6, 9000)])
def test_blocks_threads_and_out(
    kind: dict[str, Any], dtype: Any, shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    z = np.random.default_rng(2).normal(scale=3, size=shape).astype(dtype)
    z[::9] += 1000
    kept, options = z.copy(), dict(kind)
    target = options.pop("target")(*shape)
    whole_loss, whole = mean_cross_entropy_value_and_grad(z, target, **options)
    monkeypatch.setattr(kernel, "BLOCK", 2**13)
    loss, gradient = mean_cross_entropy_value_and_grad(z, target, **options)
    # Sums may be taken in another order; with distributions the gradient is a difference.
    assert_within(loss, whole_loss, eps=4, of=dtype)
    assert_within(gradient, whole, eps=8, scale=np.abs(whole) + 0.5 / shape[0])
    for threads in (2, 3, 100):
        again, of_threads = mean_cross_entropy_value_and_grad(z, target, threads=threads, **options)
        assert again == loss
        assert np.array_equal(of_threads, gradient)
        assert mean_cross_entropy(z, target, threads=threads, **options) == loss
    out = np.full_like(z, np.nan)
    assert mean_cross_entropy_value_and_grad(z, target, out=out, **options)[1] is out
    assert np.array_equal(out, gradient)
    assert np.array_equal(z, kept)
    again, over = mean_cross_entropy_value_and_grad(z, target, out=z, threads=2, **options)
    assert over is z
    assert again == loss
    assert np.array_equal(z, gradient)


def frozen(a: Any) -> Any:
    a = np.array(a)
    a.flags.writeable = False
    return a


FORMS = {
    "list": lambda a: a.tolist(),
    "columns first": np.asfortranarray,
    "every other": lambda a: np.repeat(a, 2, axis=0)[::2],
    "backwards": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
    "read-only": frozen,
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("target", [Y, P], ids=["labels", "distributions"])
def test_forms_of_input(form: str, target: Any) -> None:
    expected = mean_cross_entropy_value_and_grad(Z, target, sample_weight=V)
    change: Any = FORMS[form]
    z, t = change(Z), (change(target) if target.ndim == 2 else change(target[:, None]))
    if target.ndim == 1:
        t = [a[0] for a in t] if form == "list" else t[:, 0]
    loss, gradient = mean_cross_entropy_value_and_grad(z, t, sample_weight=list(V))
    assert loss == expected[0]
    assert np.array_equal(gradient, expected[1])
    assert gradient.dtype == np.float64
    assert gradient.dtype.isnative


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.uint64, np.bool_])
def test_integer_logits_and_labels(dtype: Any) -> None:
    z = np.array([[1, 0, 1], [1, 1, 1]], dtype)
    found = mean_cross_entropy_value_and_grad(z, [0, 1])
    expected = mean_cross_entropy_value_and_grad(z.astype(float), [0, 1])
    assert found[0] == expected[0]
    assert np.array_equal(found[1], expected[1])
    assert found[1].dtype == np.float64
    if dtype is not np.bool_:
        assert mean_cross_entropy(z, np.array([0, 1], dtype)) == found[0]
        assert mean_cross_entropy(z, np.array([0, 1], dtype), ignore_index=-1) == found[0]


@pytest.mark.accuracy
def test_float16_is_computed_in_float32_and_rounded_once() -> None:
    z = Z.astype(np.float16)
    loss, gradient = mean_cross_entropy_value_and_grad(z, Y)
    wide = mean_cross_entropy_value_and_grad(z.astype(np.float32), Y)
    assert loss == wide[0]
    assert np.array_equal(gradient, wide[1].astype(np.float16))
    out = np.empty_like(z)
    assert mean_cross_entropy_value_and_grad(z, Y, out=out)[1] is out
    assert np.array_equal(out, gradient)
    p = P.astype(np.float16)
    assert_within(mean_cross_entropy(z, p), oracle.mean_cross_entropy(z, p), eps=4, of=np.float32)


def test_more_batch_axes() -> None:
    z, y, p, v = Z.reshape(2, 3, 4), Y.reshape(2, 3), P.reshape(2, 3, 4), V.reshape(2, 3)
    for target, flat in ((y, Y), (p, P)):
        loss, gradient = mean_cross_entropy_value_and_grad(z, target, sample_weight=v)
        expected = mean_cross_entropy_value_and_grad(Z, flat, sample_weight=V)
        assert loss == expected[0]
        assert np.array_equal(gradient, expected[1].reshape(2, 3, 4))
    assert mean_cross_entropy(Z[0], np.int64(1)) == mean_cross_entropy(Z[:1], [1])


# --- Bad input -------------------------------------------------------------------------------------

LATE = np.zeros((2, 3, 4))
LATE[1, 2, 3] = np.nan
OVERLAP = np.zeros((7, 4))
BAD: list[tuple[Any, Any, dict[str, Any], type[Exception], str]] = [
    # logits
    (
        Z.astype(complex),
        Y,
        {},
        TypeError,
        "logits must be real numbers, but their dtype is complex",
    ),
    ([["a"]], [0], {}, TypeError, "logits must be real numbers"),
    (Z.astype(object), Y, {}, TypeError, "their dtype is object"),
    (1.0, 0, {}, ValueError, r"logits must have a class axis, which the single number 1.0 has not"),
    (np.zeros((3, 0)), Y[:3], {}, ValueError, r"the shape is \(3, 0\)"),
    ([[0.0, 1.0], [np.nan, 0.0]], [0, 0], {}, ValueError, r"the logit at \(1, 0\) .* is nan"),
    ([[0.0, 1.0], [2.0, np.inf]], [0, 0], {}, ValueError, r"the logit at \(1, 1\) .* is inf"),
    (
        [[0.0, 1.0], [2.0, np.inf]],
        [0, 5],
        {"ignore_index": 5},
        ValueError,
        r"the logit at \(1, 1\) .* is inf",
    ),
    ([[0.0, 1.0], [np.nan, 0.0]], [[1.0, 0.0]] * 2, {}, ValueError, r"the logit at \(1, 0\) .* is nan"),
    ([[0.0, 1.0], [-np.inf, -np.inf]], [0, 0], {}, ValueError, "every class of the row at 1 is masked"),
    (LATE, np.zeros((2, 3), int), {}, ValueError, r"the logit at \(1, 2, 3\) .* is nan"),
    # targets
    (Z, [0, 1, 2, 3, 1, 4], {}, ValueError, "labels in target must be from 0 to 3, but the value at 5 is 4"),
    (
        Z,
        [0, -1, 2, 3, 1, 4],
        {},
        ValueError,
        "labels in target must be from 0 to 3, but the value at 1 is -1",
    ),
    (
        Z,
        [0, -1, 2, 3, 9, 4],
        {"ignore_index": -1},
        ValueError,
        "labels in target must be from 0 to 3, but the value at 4 is 9",
    ),
    (
        Z,
        np.array([0, 2**64 - 1, 0, 0, 0, 0], np.uint64),
        {},
        ValueError,
        "the value at 1 is 18446744073709551615",
    ),
    (Z, np.array([0, 2**32, 0, 0, 0, 0]), {}, ValueError, "the value at 1 is 4294967296"),
    (LATE, np.full((2, 3), 7), {}, ValueError, r"the value at \(0, 0\) is 7"),
    (
        Z,
        Y.astype(float),
        {},
        TypeError,
        r"target must be labels, integers of shape \(6,\), .* holds float64 in shape \(6,\)",
    ),
    (Z, Y > 1, {}, TypeError, "holds bool in shape"),
    (
        Z,
        np.eye(4, dtype=int)[Y],
        {},
        TypeError,
        "or distributions, real numbers of shape .6, 4., but holds int64 in shape .6, 4.",
    ),
    (Z, Y[:5], {}, ValueError, r"holds int64 in shape \(5,\)"),
    (Z, Y[:, None], {}, ValueError, r"shape \(6, 1\)"),
    (Z, P[:, :3], {}, ValueError, r"shape \(6, 3\)"),
    (Z, P.astype(complex), {}, TypeError, "holds complex128 in shape"),
    (Z, ["a"] * 6, {}, TypeError, "holds <U1 in shape"),
    (Z, -P, {}, ValueError, r"at least 0, but the entry at \(0, 0\) .* is -"),
    (Z, np.where(P[4, 2] == P, np.nan, P), {}, ValueError, r"the entry at \(4, 2\) .* is nan"),
    (Z, np.where(P[4, 2] == P, np.inf, P), {}, ValueError, "the entry at .4, 2. .* is inf"),
    (Z, 2 * P, {}, ValueError, r"sum 1 within 1.5e-08, but the row at 0 sums to [12]"),
    (Z, P + 1e-8, {}, ValueError, "the row at 0 sums to 1.00000004"),
    (LATE, np.full((2, 3, 4), 0.3), {}, ValueError, r"the row at \(0, 0\) sums to 1.2"),
    # weights
    (Z, Y, {"class_weight": W[:3]}, ValueError, r"class_weight has shape \(3,\), but must have \(4,\)"),
    (
        Z,
        Y,
        {"class_weight": -W},
        ValueError,
        r"class_weight must be finite and not negative, but the value at 0 is -2.0",
    ),
    (Z, Y, {"class_weight": [1, 1, np.nan, 1]}, ValueError, "class_weight .* the value at 2 is nan"),
    (Z, Y, {"class_weight": [0, 0, 0, 0]}, ValueError, "class_weight must not be all zero"),
    (Z, Y, {"class_weight": "abcd"}, TypeError, "class_weight must be real numbers"),
    (Z, Y, {"sample_weight": V[:5]}, ValueError, r"sample_weight has shape \(5,\), but must have \(6,\)"),
    (Z, Y, {"sample_weight": [1, 1, 1, -1, 1, 1]}, ValueError, "sample_weight .* the value at 3 is -1.0"),
    (Z, Y, {"sample_weight": [1, 1, 1, np.inf, 1, 1]}, ValueError, "sample_weight .* the value at 3 is inf"),
    (Z, Y, {"sample_weight": np.zeros(6)}, ValueError, "sample_weight must not be all zero"),
    (Z, Y, {"sample_weight": V * 1j}, TypeError, "sample_weight must be real numbers"),
    # nothing left
    (np.zeros((0, 4)), np.zeros(0, int), {}, ValueError, "no mean over nothing: the batch is empty"),
    (np.zeros((0, 4)), np.zeros((0, 4)), {}, ValueError, "no mean over nothing: the batch is empty"),
    (np.zeros((0, 4)), np.zeros((0, 4)), {"class_weight": W}, ValueError, "the batch is empty"),
    (Z, np.full(6, -100), {"ignore_index": -100}, ValueError, "samples that are not ignored sum to 0"),
    (Z, Y, {"ignore_index": 1, "sample_weight": [0, 1, 0, 0, 1, 1]}, ValueError, "sum to 0"),
    (Z, np.ones(6, int), {"class_weight": [1, 0, 1, 1]}, ValueError, "sum to 0"),
    # options
    (Z, P, {"ignore_index": 1}, ValueError, "ignore_index needs labels"),
    (Z, Y, {"ignore_index": 1.5}, TypeError, "(threads|ignore_index) must be an integer, but is"),
    (Z, Y, {"label_smoothing": -0.1}, ValueError, "label_smoothing must lie between 0 and 1, but is -0.1"),
    (Z, Y, {"label_smoothing": 1.1}, ValueError, "label_smoothing must lie between 0 and 1, but is 1.1"),
    (Z, Y, {"label_smoothing": math.nan}, ValueError, "label_smoothing must lie between 0 and 1, but is nan"),
    (Z, Y, {"threads": 0}, ValueError, "threads must be at least 1, but is 0"),
    (Z, Y, {"threads": 1.5}, TypeError, "(threads|ignore_index) must be an integer, but is"),
]
BAD_OUT: list[tuple[Any, Any, type[Exception], str]] = [
    (Z, [[0.0] * 4] * 6, TypeError, "out must be an array of float64, but is of list"),
    (Z, np.zeros((6, 4), np.float32), TypeError, "out must be an array of float64, but is of float32"),
    (Z, np.zeros((6, 4), ">f8"), TypeError, "but is of >f8"),
    (Z, np.zeros((4, 6)), ValueError, r"of shape \(6, 4\), but has shape \(4, 6\)"),
    (Z, np.zeros((4, 6)).T, ValueError, r"and strides \(8, 48\)"),
    (Z, frozen(Z), ValueError, "is not writeable"),
    (OVERLAP[1:], OVERLAP[:-1], ValueError, "out must be the logits themselves or share no memory"),
    (Z, P, ValueError, "out must be the logits themselves or share no memory"),
]


@pytest.mark.parametrize("function", [mean_cross_entropy, mean_cross_entropy_value_and_grad])
@pytest.mark.parametrize(("logits", "target", "options", "kind", "message"), BAD)
def test_bad_input(
    function: Any, logits: Any, target: Any, options: dict[str, Any], kind: Any, message: str
) -> None:
    with pytest.raises(kind, match=message):
        function(logits, target, **options)


# A stream has no threads, and its parts may be empty.
@pytest.mark.parametrize(
    ("logits", "target", "options", "kind", "message"),
    [
        case
        for case in BAD
        if "threads" not in case[2] and not re.search("nothing:|sum to 0$|is empty", case[4])
    ],
)
def test_bad_input_of_a_stream(
    logits: Any, target: Any, options: dict[str, Any], kind: Any, message: str
) -> None:
    options = dict(options)
    v = options.pop("sample_weight", None)
    with pytest.raises(kind, match=message):
        MeanCrossEntropy(**options).update(logits, target, sample_weight=v)


@pytest.mark.parametrize(("logits", "out", "kind", "message"), BAD_OUT)
def test_bad_out(logits: Any, out: Any, kind: Any, message: str) -> None:
    kept = np.array(out)
    target = out if out is P else Y
    with pytest.raises(kind, match=message):
        mean_cross_entropy_value_and_grad(logits, target, out=out)
    assert np.array_equal(out, kept)


def test_the_widest_floats_are_refused() -> None:
    if np.dtype(np.longdouble).itemsize <= 8:
        pytest.skip("here the widest float is float64")
    with pytest.raises(TypeError, match="at most 64 bits"):
        mean_cross_entropy(Z.astype(np.longdouble), Y)


class Tensor:
    """What PyTorch's tensors do that require a gradient, or are bfloat16 or on another device."""

    def __init__(self, error: type[Exception]) -> None:
        self.error = error

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise self.error


@pytest.mark.parametrize("error", [TypeError, RuntimeError])
def test_what_numpy_cannot_read_is_refused_in_words(error: type[Exception]) -> None:
    bad: Any = Tensor(error)
    calls: list[tuple[str, Callable[[], Any]]] = [
        ("logits", lambda: mean_cross_entropy(bad, Y)),
        ("target", lambda: mean_cross_entropy(Z, bad)),
        ("class_weight", lambda: mean_cross_entropy(Z, Y, class_weight=bad)),
        ("sample_weight", lambda: mean_cross_entropy(Z, Y, sample_weight=bad)),
        ("logits", lambda: LogSumExp().update(bad)),
        ("inputs", lambda: linear_cross_entropy_value_and_grad(bad, Z, Y)),
        ("weight", lambda: linear_cross_entropy_value_and_grad(Z, bad, Y)),
        ("bias", lambda: linear_cross_entropy_value_and_grad(Z, Z, Y, bias=bad)),
        ("target", lambda: linear_cross_entropy_value_and_grad(Z, Z, bad)),
        ("logits", lambda: fit_temperature(bad, Y)),
        ("target", lambda: fit_temperature(Z, bad)),
        ("forecasts", lambda: calibration_curve(bad, [0], 1)),
        ("outcomes", lambda: calibration_curve([0.5], bad, 1)),
        ("forecasts", lambda: equal_mass_edges(bad, 1)),
        ("forecasts", lambda: chance_calibration_error(bad, 1, draws=1, rng=0)),
    ]
    for name, call in calls:
        message = rf"{name} must be what NumPy can read, .* of PyTorch pass {name}\.detach\(\)\.cpu\(\)"
        with pytest.raises(TypeError, match=message) as refused:
            call()
        assert isinstance(refused.value.__cause__, error)
