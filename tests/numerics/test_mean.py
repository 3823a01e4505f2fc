"""Means over batches: exact values, gradients by differences, weights, streams, linear heads, bad input."""

from __future__ import annotations

import functools
import math
import re
from typing import Any

import mpmath
import numpy as np
import pytest

from xentlib import (
    LogSumExp,
    MeanCrossEntropy,
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


def eps_of(dtype: Any) -> float:
    return float(np.finfo(dtype).eps)


# --- Exact values ----------------------------------------------------------------------------------


def exact_row(row: Any, label: int) -> tuple[mpmath.mpf, list[mpmath.mpf]]:
    """Return the loss and its gradient, p - 1 as minus the sum of the others."""
    z = [float(a) for a in row]
    with mpmath.workdps(40 + int(2 * (max(z) - min(z)) / math.log(10))):
        terms = [mpmath.exp(mpmath.mpf(a) - mpmath.mpf(z[label])) for a in z]
        rest = mpmath.fsum(terms[:label] + terms[label + 1 :])
        gradient = [t / (1 + rest) for t in terms]
        gradient[label] = -rest / (1 + rest)
        return mpmath.log1p(rest), gradient


def error(found: Any, exact: Any, dtype: Any) -> float:
    """Return the error in eps; below the normal numbers, in units of the smallest number."""
    info = np.finfo(dtype)
    with mpmath.workdps(60):
        unit = max(abs(exact) * float(info.eps), mpmath.mpf(float(info.smallest_subnormal)))
        return float(abs(mpmath.mpf(float(found)) - exact) / unit)


CASES = [
    *((d, k, g, 0.0) for d in DTYPES for k in (2, 10, 500) for g in (0.0, 0.5, 5.0, 10.0, 17.0, 20.0)),
    *((d, k, g, 0.0) for d in DTYPES for k in (2, 10) for g in (37.0, 40.0, 85.0, 100.0)),
    *((np.float64, k, g, 0.0) for k in (2, 10) for g in (360.0, 700.0, 740.0, 5e3)),
    *((d, 64, g, o) for d in DTYPES for g in (3.0, 30.0) for o in (-1e4, -3.0, 60.0, 1e4)),
]


@pytest.mark.parametrize(("dtype", "classes", "gap", "offset"), CASES)
def test_loss_and_gradient_within_4_eps(dtype: Any, classes: int, gap: float, offset: float) -> None:
    rng = np.random.default_rng(classes)
    inner = rng.uniform(size=(2, classes - 1))
    # Spread over the gap, and one class far above all others; each with a right and a wrong label.
    rows = offset - gap * np.concatenate([[np.append(0, inner[0])], [np.append(0, 1 - inner[1] / 99)]])
    rows[:, -1] = offset - gap
    z = np.repeat(rows, 2, axis=0).astype(dtype)
    labels = np.array([0, classes - 1] * 2)
    _, gradient = mean_cross_entropy_value_and_grad(z, labels)
    gradient *= dtype(4)  # exact: the mean is over four samples
    for i, (row, label) in enumerate(zip(z, labels, strict=True)):
        loss, expected = exact_row(row, label)
        found, alone = mean_cross_entropy_value_and_grad(row[None], [label])
        assert error(found, loss, dtype) <= 4
        assert mean_cross_entropy(row[None], [label]) == found
        assert max(error(*pair, dtype) for pair in zip(alone[0], expected, strict=True)) <= 4
        if min(abs(e) for e in expected) > 8 * np.finfo(dtype).tiny:
            assert max(error(*pair, dtype) for pair in zip(gradient[i], expected, strict=True)) <= 4


@pytest.mark.parametrize("dtype", DTYPES)
def test_very_many_classes(dtype: Any) -> None:
    z = RNG.normal(scale=3, size=(2, 100_000)).astype(dtype)
    z[1, 5] = 50
    loss, gradient = mean_cross_entropy_value_and_grad(z, [3, 5])
    wide = z.astype(np.float64)
    rest = [math.fsum(np.exp(np.delete(a, y) - a[y])) for a, y in zip(wide, (3, 5), strict=True)]
    assert loss == pytest.approx((math.log1p(rest[0]) + math.log1p(rest[1])) / 2, rel=4 * eps_of(dtype))
    for i, y in enumerate((3, 5)):
        p = np.exp(wide[i] - wide[i, y]) / (1 + rest[i])
        p[y] = -rest[i] / (1 + rest[i])
        bound = 4 + 64 * (dtype is np.float64)  # here the reference rounds gaps of up to 64
        assert np.allclose(gradient[i] * dtype(2), p, rtol=bound * eps_of(dtype), atol=0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("gap", [0.5, 5.0, 20.0, 600.0])
def test_distributions_within_the_stated_bound(dtype: Any, gap: float) -> None:
    z = (-gap * RNG.uniform(size=(5, 6))).astype(dtype)
    y = RNG.dirichlet(np.ones(6), size=5).astype(dtype)
    for row, target in zip(z, y, strict=True):
        found, gradient = mean_cross_entropy_value_and_grad(row[None], target[None])
        losses = [exact_row(row, k)[0] for k in range(6)]
        with mpmath.workdps(60):
            loss = mpmath.fsum(mpmath.mpf(float(t)) * a for t, a in zip(target, losses, strict=True))
            mass = mpmath.fsum(map(float, target))
            p = [mass * mpmath.exp(-a) for a in losses]
        assert error(found, loss, dtype) <= 4
        for g, q, t in zip(gradient[0], p, map(float, target), strict=True):
            assert abs(mpmath.mpf(float(g)) - (q - t)) <= 4 * eps_of(dtype) * (q + t)


def test_the_mean_of_many_float32_losses_is_taken_in_float64() -> None:
    z = np.zeros((200_000, 3), np.float32)
    assert mean_cross_entropy(z, np.zeros(200_000, int)) == pytest.approx(math.log(3), rel=1e-7)


# --- The definition, with weights, ignored labels and smoothing ------------------------------------


def simple(z: Any, target: Any, v: Any = None, w: Any = None, ignored: Any = None, s: float = 0.0) -> Any:
    """Return the weighted mean and its gradient as the module defines them, in the widest dtype."""
    z = np.asarray(z, np.longdouble)
    target = np.asarray(target)
    v = np.ones(len(z)) if v is None else np.asarray(v)
    w = np.ones(z.shape[1]) if w is None else np.asarray(w)
    y = np.asarray(target, np.longdouble)
    if target.ndim == 1:
        v = np.where(target == ignored, 0, v)
        y = np.eye(z.shape[1])[np.where(target == ignored, 0, target)]
    y = ((1 - s) * y + s / z.shape[1]) * w
    total = np.log(np.exp(z).sum(axis=1, keepdims=True))
    weight = (v[:, None] * y).sum()
    loss = (v[:, None] * y * (total - z)).sum() / weight
    gradient = v[:, None] * (np.exp(z - total) * y.sum(axis=1, keepdims=True) - y) / weight
    return float(loss), gradient.astype(np.float64)


OPTIONS = [
    (target, v, w, ignored, s)
    for target in (Y, P)
    for v in (None, V)
    for w in (None, W)
    for ignored in (None, 1, -100)
    for s in (0.0, 0.1, 1.0)
    if target is Y or ignored is None
]


@pytest.mark.parametrize(("target", "v", "w", "ignored", "s"), OPTIONS)
def test_the_definition(target: Any, v: Any, w: Any, ignored: Any, s: float) -> None:
    if ignored == -100:
        target = np.where(np.arange(6) == 2, -100, target)
    options = {"sample_weight": v, "class_weight": w, "ignore_label": ignored, "smoothing": s}
    expected = simple(Z, target, v, w, ignored, s)
    loss, gradient = mean_cross_entropy_value_and_grad(Z, target, **options)
    assert loss == pytest.approx(expected[0], rel=1e-14)
    assert np.allclose(gradient, expected[1], rtol=1e-13, atol=1e-16)
    assert mean_cross_entropy(Z, target, **options) == loss
    narrow, of_narrow = mean_cross_entropy_value_and_grad(Z.astype(np.float32), target, **options)
    assert narrow == pytest.approx(loss, rel=1e-6)
    assert of_narrow.dtype == np.float32
    assert np.allclose(of_narrow, gradient, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("target", "v", "w", "ignored", "s"), OPTIONS[::2])
def test_gradient_by_differences(target: Any, v: Any, w: Any, ignored: Any, s: float) -> None:
    options = {"sample_weight": v, "class_weight": w, "ignore_label": ignored, "smoothing": s}
    target = np.where(target == -100, 0, target)
    if ignored == -100:
        target[2] = -100
    found = mean_cross_entropy_value_and_grad(Z, target, **options)[1]
    expected = difference(lambda z: mean_cross_entropy(z, target, **options), Z)
    assert np.allclose(found, expected, rtol=0, atol=1e-11)


def test_weights_of_very_different_size() -> None:
    # The share of the second sample over its total is below the smallest float32.
    z = np.array([[0.0, 1.0, 2.0], [43.0, 42.0, 30.0]], np.float32)
    v = [1.0, 1e-30]
    loss, gradient = mean_cross_entropy_value_and_grad(z, [1, 1], sample_weight=v)
    expected = simple(z, [1, 1], v)
    assert loss == pytest.approx(expected[0], rel=1e-6)
    assert np.allclose(gradient, expected[1], rtol=1e-6, atol=0)


def test_infinite_losses_and_weights_of_zero() -> None:
    z = np.array([[0.0, -np.inf, 1.0], [0.0, 1.0, 2.0]])
    loss, gradient = mean_cross_entropy_value_and_grad(z, [1, 0])
    assert loss == np.inf
    assert gradient[0, 1] == -0.5  # p - 1, of one of two samples
    only = mean_cross_entropy(z[1:], [0])
    for options in ({"sample_weight": [0, 1]}, {"ignore_label": 1}, {"class_weight": [1, 0, 1]}):
        loss, gradient = mean_cross_entropy_value_and_grad(z, [1, 0], **options)
        assert loss == only
        assert not gradient[0].any()
    # A distribution that gives nothing to the class ruled out; one that does.
    y = np.array([[0.5, 0.0, 0.5], [1.0, 0.0, 0.0]])
    expected = (mean_cross_entropy(z[:1, [0, 2]], y[:1, [0, 2]]) + only) / 2
    loss, gradient = mean_cross_entropy_value_and_grad(z, y)
    assert loss == pytest.approx(expected, rel=1e-15)
    assert gradient[0, 1] == 0
    assert mean_cross_entropy(z, y[:, [0, 2, 1]]) == np.inf
    assert mean_cross_entropy(z, [0, 0], smoothing=0.1) == np.inf


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
    {"target": lambda n, k: np.arange(n) % k, "smoothing": 0.2},
    {"target": lambda n, k: np.arange(n) % k, "ignore_label": 1},
    {"target": lambda n, k: np.full((n, k), 1 / k)},
]


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
    eps = eps_of(dtype)
    assert loss == pytest.approx(whole_loss, rel=4 * eps)
    assert np.allclose(gradient, whole, rtol=8 * eps, atol=4 * eps / shape[0])
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
        assert mean_cross_entropy(z, np.array([0, 1], dtype), ignore_label=-1) == found[0]


def test_float16_is_computed_in_float32_and_rounded_once() -> None:
    z = Z.astype(np.float16)
    loss, gradient = mean_cross_entropy_value_and_grad(z, Y)
    wide = mean_cross_entropy_value_and_grad(z.astype(np.float32), Y)
    assert loss == wide[0]
    assert np.array_equal(gradient, wide[1].astype(np.float16))
    out = np.empty_like(z)
    assert mean_cross_entropy_value_and_grad(z, Y, out=out)[1] is out
    assert np.array_equal(out, gradient)
    assert mean_cross_entropy(z, P.astype(np.float16)) == pytest.approx(simple(z, P)[0], rel=1e-3)


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
        "logits must be real numbers of at most 64 bits, but the dtype is complex",
    ),
    ([["a"]], [0], {}, TypeError, "logits must be real numbers"),
    (Z.astype(object), Y, {}, TypeError, "the dtype is object"),
    (1.0, 0, {}, ValueError, r"logits must have an axis of at least one class, but the shape is \(\)"),
    (np.zeros((3, 0)), Y[:3], {}, ValueError, r"the shape is \(3, 0\)"),
    ([[0.0, 1.0], [np.nan, 0.0]], [0, 0], {}, ValueError, "logit of row 1, class 0 is nan"),
    ([[0.0, 1.0], [2.0, np.inf]], [0, 0], {}, ValueError, "logit of row 1, class 1 is inf"),
    ([[0.0, 1.0], [2.0, np.inf]], [0, 5], {"ignore_label": 5}, ValueError, "row 1, class 1 is inf"),
    ([[0.0, 1.0], [np.nan, 0.0]], [[1.0, 0.0]] * 2, {}, ValueError, "row 1, class 0 is nan"),
    ([[0.0, 1.0], [-np.inf, -np.inf]], [0, 0], {}, ValueError, "every class of row 1 has the logit -inf"),
    (LATE, np.zeros((2, 3), int), {}, ValueError, r"logit of row \(1, 2\), class 3 is nan"),
    # targets
    (Z, [0, 1, 2, 3, 1, 4], {}, ValueError, "labels must be from 0 to 3, but the label at 5 is 4"),
    (Z, [0, -1, 2, 3, 1, 4], {}, ValueError, "labels must be from 0 to 3, but the label at 1 is -1"),
    (
        Z,
        [0, -1, 2, 3, 9, 4],
        {"ignore_label": -1},
        ValueError,
        "or the ignored label -1, but the label at 4 is 9",
    ),
    (
        Z,
        np.array([0, 2**64 - 1, 0, 0, 0, 0], np.uint64),
        {},
        ValueError,
        "the label at 1 is 18446744073709551615",
    ),
    (Z, np.array([0, 2**32, 0, 0, 0, 0]), {}, ValueError, "the label at 1 is 4294967296"),
    (LATE, np.full((2, 3), 7), {}, ValueError, r"the label at \(0, 0\) is 7"),
    (
        Z,
        Y.astype(float),
        {},
        TypeError,
        r"target must be labels \(integers of shape \(6,\)\).*float64 and shape \(6,\)",
    ),
    (Z, Y > 1, {}, TypeError, "has dtype bool"),
    (Z, np.eye(4, dtype=int)[Y], {}, TypeError, "distributions .floating point.*int64 and shape .6, 4."),
    (Z, Y[:5], {}, ValueError, r"has dtype int64 and shape \(5,\)"),
    (Z, Y[:, None], {}, ValueError, r"shape \(6, 1\)"),
    (Z, P[:, :3], {}, ValueError, r"shape \(6, 3\)"),
    (Z, P.astype(complex), {}, TypeError, "has dtype complex128"),
    (Z, ["a"] * 6, {}, TypeError, "has dtype <U1"),
    (Z, -P, {}, ValueError, r"probabilities must not be negative, but the one at \(0, 0\) is -"),
    (Z, np.where(P[4, 2] == P, np.nan, P), {}, ValueError, r"the one at \(4, 2\) is nan"),
    (Z, np.where(P[4, 2] == P, np.inf, P), {}, ValueError, "the one at 4 sums to inf"),
    (Z, 2 * P, {}, ValueError, r"must sum to 1 \(within 1.5e-08\), but the one at 0 sums to [12]"),
    (Z, P + 1e-8, {}, ValueError, "the one at 0 sums to 1.00000004"),
    (LATE, np.full((2, 3, 4), 0.3), {}, ValueError, r"the one at \(0, 0\) sums to 1.2"),
    # weights
    (Z, Y, {"class_weight": W[:3]}, ValueError, r"class_weight must have shape \(4,\), but has \(3,\)"),
    (
        Z,
        Y,
        {"class_weight": -W},
        ValueError,
        r"class_weight must be finite and not negative, but is -2.0 at 0",
    ),
    (Z, Y, {"class_weight": [1, 1, np.nan, 1]}, ValueError, "class_weight .* is nan at 2"),
    (Z, Y, {"class_weight": [0, 0, 0, 0]}, ValueError, "class_weight must not be all zero"),
    (Z, Y, {"class_weight": "abcd"}, TypeError, "class_weight must be real numbers"),
    (Z, Y, {"sample_weight": V[:5]}, ValueError, r"sample_weight must have shape \(6,\), but has \(5,\)"),
    (Z, Y, {"sample_weight": [1, 1, 1, -1, 1, 1]}, ValueError, "sample_weight .* is -1.0 at 3"),
    (Z, Y, {"sample_weight": [1, 1, 1, np.inf, 1, 1]}, ValueError, "sample_weight .* is inf at 3"),
    (Z, Y, {"sample_weight": np.zeros(6)}, ValueError, "sample_weight must not be all zero"),
    (Z, Y, {"sample_weight": V * 1j}, TypeError, "sample_weight must be real numbers"),
    # nothing left
    (np.zeros((0, 4)), np.zeros(0, int), {}, ValueError, "no mean over nothing: the batch is empty"),
    (np.zeros((0, 4)), np.zeros((0, 4)), {}, ValueError, "no mean over nothing: the batch is empty"),
    (np.zeros((0, 4)), np.zeros((0, 4)), {"class_weight": W}, ValueError, "the batch is empty"),
    (Z, np.full(6, -100), {"ignore_label": -100}, ValueError, "samples that are not ignored sum to 0"),
    (Z, Y, {"ignore_label": 1, "sample_weight": [0, 1, 0, 0, 1, 1]}, ValueError, "sum to 0"),
    (Z, np.ones(6, int), {"class_weight": [1, 0, 1, 1]}, ValueError, "sum to 0"),
    # options
    (Z, P, {"ignore_label": 1}, ValueError, "ignore_label needs labels"),
    (Z, Y, {"ignore_label": 1.5}, TypeError, "cannot be interpreted as an integer"),
    (Z, Y, {"smoothing": -0.1}, ValueError, "smoothing must be from 0 to 1, but is -0.1"),
    (Z, Y, {"smoothing": 1.1}, ValueError, "smoothing must be from 0 to 1, but is 1.1"),
    (Z, Y, {"smoothing": math.nan}, ValueError, "smoothing must be from 0 to 1, but is nan"),
    (Z, Y, {"threads": 0}, ValueError, "threads must be at least 1, but is 0"),
    (Z, Y, {"threads": 1.5}, TypeError, "cannot be interpreted as an integer"),
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
    for z, t in ((Z.astype(np.longdouble), Y), (Z, P.astype(np.longdouble))):
        with pytest.raises(TypeError, match="at most 64 bits"):
            mean_cross_entropy(z, t)


# --- Streams ---------------------------------------------------------------------------------------


def stream_of(*pieces: Any) -> LogSumExp:
    stream = LogSumExp()
    for piece in pieces:
        stream.update(piece)
    return stream


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("offset", [0.0, -1e4, 1e4])
@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_stream_of_classes(dtype: Any, offset: float, scale: float) -> None:
    z = (np.random.default_rng(6).normal(scale=scale, size=(5, 30)) + offset).astype(dtype)
    pieces = np.split(z, [1, 4, 20], axis=1)
    exact = np.array([max(map(float, row)) + float(exact_row(row, int(row.argmax()))[0]) for row in z])
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
        assert stream.value.dtype == np.float64
        assert np.allclose(stream.value, exact, rtol=4 * eps_of(dtype), atol=0)


def test_merging_classes_keeps_what_is_next_to_0() -> None:
    pieces = [[0.0]], [[-300.3, -300.0]], [[-301.1]]
    one = functools.reduce(LogSumExp.merge, map(stream_of, pieces))
    other = stream_of(pieces[1]).merge(stream_of(pieces[2])).merge(stream_of(pieces[0]))
    expected = exact_row(np.concatenate(pieces, axis=1)[0], 0)[0]
    for stream in (one, other):
        assert error(stream.value[0], expected, np.float64) <= 6


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
    with pytest.raises(ValueError, match="row 1, class 0 is nan"):
        stream_of([[0.0], [np.nan]])
    with pytest.raises(ValueError, match=re.escape("row (1, 2), class 3 is nan")):
        stream_of(LATE)
    with pytest.raises(TypeError, match="logits must be real numbers"):
        stream_of([["a"]])


@pytest.mark.parametrize(
    "options", [{}, {"class_weight": W}, {"smoothing": 0.1, "class_weight": W}, {"ignore_label": 1}]
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
        assert stream.value == pytest.approx(whole, rel=1e-15)
    assert left.weight == pytest.approx(right.weight, rel=1e-15)
    assert parts[1].weight == 0
    with pytest.raises(ValueError, match="no sample of positive weight has come yet"):
        _ = parts[1].value
    left.update(Z, Y)
    assert left.weight > right.weight


# --- A linear layer before the loss ----------------------------------------------------------------


def linear_simple(x: Any, w: Any, y: Any, b: Any) -> tuple[float, list[Any]]:
    z = x @ w.T + (0 if b is None else b)
    loss, g = simple(z, y)
    return loss, [g @ w, g.T @ x, g.sum(axis=0)]


def least(rows: int, features: int, itemsize: int, chunk: int) -> int:
    """Return the memory in which as many classes fit."""
    return 3 * kernel.BLOCK + rows * (features + chunk) * itemsize


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    "memory", ["rows at once", "rows in chunks", "classes, 1", "classes, 7", "classes, all"]
)
def test_linear(dtype: Any, bias: bool, memory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(8)
    n, d, k = 600, 8, 50
    x, w, b = rng.normal(size=(n, d)), rng.normal(size=(k, d)), rng.normal(size=k) if bias else None
    y = rng.integers(0, k, n)
    item = np.dtype(dtype).itemsize
    monkeypatch.setattr(kernel, "BLOCK", 2**12)
    monkeypatch.setattr("xentlib._linear._SLAB", 64)
    bytes_ = {
        "rows at once": 2**27,
        "rows in chunks": 3 * 2**12 + 64 * item + 520 * k * item,
        "classes, 1": least(n, d, item, 1),
        "classes, 7": least(n, d, item, 7),
        "classes, all": least(n, d, item, 12),
    }[memory]
    narrow = [None if a is None else a.astype(dtype) for a in (x, w, b)]
    loss, found = linear_cross_entropy_value_and_grad(narrow[0], narrow[1], y, narrow[2], memory=bytes_)
    expected_loss, expected = linear_simple(x, w, y, b)
    eps = eps_of(dtype)
    assert loss == pytest.approx(expected_loss, rel=20 * eps)
    assert (found[2] is None) == (not bias)
    for a, e in zip(found[: 2 + bias], expected, strict=False):
        assert a.dtype == dtype
        assert a.shape == e.shape
        assert np.allclose(a, e, rtol=0, atol=60 * eps * np.abs(e).max())


@pytest.mark.parametrize("memory", [2**27, least(3, 2, 8, 2)])
def test_linear_gradients_by_differences(memory: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "BLOCK", 2**8 if memory < 2**27 else 2**19)
    memory = min(memory, least(3, 2, 8, 2)) if memory < 2**27 else memory
    x, w, b = RNG.normal(size=(3, 2)), RNG.normal(size=(5, 2)), RNG.normal(size=5)
    y = [4, 0, 4]
    _, found = linear_cross_entropy_value_and_grad(x, w, y, b, memory=memory)
    places: list[tuple[Any, Any]] = [
        (lambda a: linear_cross_entropy_value_and_grad(a, w, y, b)[0], x),
        (lambda a: linear_cross_entropy_value_and_grad(x, a, y, b)[0], w),
        (lambda a: linear_cross_entropy_value_and_grad(x, w, y, a)[0], b),
    ]
    for (function, at), gradient in zip(places, found, strict=True):
        assert np.allclose(gradient, difference(function, at), rtol=0, atol=1e-11)


@pytest.mark.parametrize("chunk", [None, 1])
def test_linear_keeps_confident_predictions(chunk: int | None) -> None:
    x = np.eye(4)
    w = 0.3 + np.diag([60.1, 61.7, 62.9, 63.3])  # gaps that round
    memory = 2**27 if chunk is None else least(4, 4, 8, chunk)
    y = np.arange(4)
    loss, (_, d_w, d_b) = linear_cross_entropy_value_and_grad(x, w, y, np.zeros(4), memory=memory)
    rows = [exact_row(row, label) for label, row in enumerate(w)]
    assert error(loss * 4, mpmath.fsum(row[0] for row in rows), np.float64) <= 4
    for label, row in enumerate(rows):  # here the gradient of the weights is that of the logits
        assert error(d_w[label, label] * 4, row[1][label], np.float64) <= 4
        alone, _ = linear_cross_entropy_value_and_grad(x[[label]], w, [label], memory=memory)
        assert error(alone, row[0], np.float64) <= 4
    assert d_b is not None
    assert abs(d_b).max() < 1e-25


@pytest.mark.parametrize("chunk", [None, 1])
def test_linear_with_a_class_ruled_out(chunk: int | None) -> None:
    memory = 2**27 if chunk is None else least(6, 4, 8, chunk)
    b = np.array([0.0, 0.1, -np.inf])
    w = Z[:3]
    y = [0, 1, 0, 1, 0, 1]
    loss, found = linear_cross_entropy_value_and_grad(Z, w, y, b, memory=memory)
    expected_loss, expected = linear_cross_entropy_value_and_grad(Z, w[:2], y, b[:2])
    assert loss == pytest.approx(expected_loss, rel=1e-14)
    assert np.allclose(found[0], expected[0], rtol=1e-12, atol=1e-16)
    assert not found[1][2].any()
    alone = linear_cross_entropy_value_and_grad(Z, w[:1], [0] * 6, memory=memory)
    assert alone[0] == 0
    assert not alone[1][0].any()


BAD_LINEAR: list[tuple[dict[str, Any], type[Exception], str]] = [
    (
        {"inputs": Z * 1j},
        TypeError,
        "inputs must be real numbers of at most 64 bits, but the dtype is complex128",
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
        r"target must be labels, integers of shape \(6,\), but the dtype is float64",
    ),
    ({"target": Y[:5]}, ValueError, r"target must have shape \(6,\), but has \(5,\)"),
    ({"target": Y + 2}, ValueError, "labels must be from 0 to 4, but the label at 3 is 5"),
    ({"target": Y - 1}, ValueError, "labels must be from 0 to 4, but the label at 0 is -1"),
    ({"memory": 10_000}, ValueError, r"memory must be at least \d+ bytes for 6 rows of 4, but is 10000"),
]
BAD_VALUES: list[tuple[dict[str, Any], str]] = [
    ({"inputs": np.where(np.arange(6)[:, None] == 4, np.nan, Z)}, "logit of row 4, class 0 is nan"),
    ({"bias": np.array([0, 0, 0, np.inf, 0])}, "logit of row 0, class 3 is inf"),
    ({"bias": np.array([np.inf, 0, 0, 0, 0])}, "logit of row 0, class 0 is inf"),
    ({"bias": np.full(5, -np.inf)}, "every class of row 0 has the logit -inf"),
    (
        {"inputs": 1e200 * np.ones((6, 4)), "weight": 1e200 * np.ones((5, 4))},
        "logit of row 0, class 0 is inf",
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
    with pytest.raises(ValueError, match="logit of row 590, class 0 is nan"):
        linear_cross_entropy_value_and_grad(x, np.ones((3, 2)), np.zeros(600, int), memory=memory)
