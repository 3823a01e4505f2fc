"""The exact values that results are compared with, and the one rule of comparison.

A function here takes what xentlib's function of its name takes, with the class axis last, and returns
what that one should return, from the definition or from a closed form that test_oracle.py checks against
it. Nothing here needs xentlib, or a form that avoids cancellation: numbers have 60 digits, and as many
more as logits are spread over.
"""

from __future__ import annotations

import functools
import math
from fractions import Fraction
from typing import Any, NamedTuple

import mpmath
import numpy as np

EXACT = mpmath.mp.clone()  # a precision of its own: that of mpmath is everybody's
EXACT.dps = 60
ZERO, ONE = EXACT.mpf(0), EXACT.mpf(1)

_numbers = np.frompyfunc(lambda a: EXACT.mpf(float(a)), 1, 1)
_exp = np.frompyfunc(EXACT.exp, 1, 1)
_log = np.frompyfunc(EXACT.log, 1, 1)
_surprisal = np.frompyfunc(lambda p, log_q: -p * log_q if p else ZERO, 2, 1)
_excess = np.frompyfunc(lambda p, q: _surprisal(p, EXACT.log(q)) - _surprisal(p, EXACT.log(p)) - p + q, 2, 1)


# --- The rule of comparison -----------------------------------------------------------------------


class Exact(NamedTuple):
    """What a result should be."""

    values: Any
    scale: Any
    """What its error is relative to."""
    dtype: Any
    """What it must come in."""

    def at(self, index: Any) -> Exact:
        """Return what the entries at an index of the result should be."""
        return Exact(self.values[index], self.scale[index], self.dtype)


def assert_within(
    found: Any, expected: Any, eps: float, *, scale: Any = None, dtype: Any = None, of: Any = None
) -> None:
    """Refuse a result that is further off than so many eps; the rest is as in `error_in_eps`."""
    errors = _errors(found, expected, scale, dtype, of)
    worst = errors.max(initial=0.0)
    if not worst <= eps:
        at = np.unravel_index(int(errors.argmax()), errors.shape)
        values = np.asarray(expected.values if isinstance(expected, Exact) else expected)
        place, value = tuple(map(int, at)), np.asarray(found)[at]
        message = f"{worst:.3g} eps at {place}, where {eps:g} are allowed: {value} instead of {values[at]}"
        raise AssertionError(message)


def error_in_eps(found: Any, expected: Any, *, scale: Any = None, dtype: Any = None, of: Any = None) -> float:
    """Return the largest error in eps, the spacing of the result's dtype at 1; nan is infinitely wrong.

    Errors are relative to `scale`, by default that of an `Exact` or else the expected values, but below
    the normal numbers to the smallest of these. The result must have the shape of what is expected, and
    its dtype unless `dtype` names another. `of` names the dtype whose eps counts, where a result is wider
    than what it was computed in.
    """
    return float(_errors(found, expected, scale, dtype, of).max(initial=0.0))


def _errors(found: Any, expected: Any, scale: Any, dtype: Any, of: Any) -> Any:
    if not isinstance(expected, Exact):
        values = np.asarray(expected)
        expected = Exact(values, values, values.dtype if values.dtype.kind == "f" else np.float64)
    found, values, dtype = np.asarray(found), np.asarray(expected.values), np.dtype(dtype or expected.dtype)
    assert found.dtype == dtype, f"the dtype is {found.dtype} instead of {dtype}"
    assert found.shape == values.shape, f"the shape is {found.shape} instead of {values.shape}"
    info = np.finfo(of or dtype)
    # Not in the dtype of the result, in which errors would be rounded.
    wide = object if values.dtype == object else np.promote_types(dtype, np.float64)
    found, values = found.astype(wide), values.astype(wide)
    with np.errstate(all="ignore"):
        # Of two objects the larger is found by comparing: nan must come second not to be lost.
        size = np.maximum(float(info.tiny), np.abs(expected.scale if scale is None else scale))
        errors = np.array(np.abs(found - values) / size, np.float64)
        errors /= float(info.eps)
        # Where both are infinite the difference is nan, too.
        lost = np.isnan(errors)
        errors[lost] = np.where(found[lost] == values[lost], 0.0, math.inf)
    return errors


# --- Softmax --------------------------------------------------------------------------------------


class _Rows(NamedTuple):
    log_total: Any
    log_p: Any
    p: Any
    others: Any
    """1 - p"""
    dtype: Any


def _rows(z: Any, temperature: float = 1.0) -> _Rows:
    z = np.asarray(z)
    z = z if z.dtype.kind == "f" else z.astype(np.float64)
    return _rows_of(z.tobytes(), z.dtype, z.shape, float(temperature))


@functools.lru_cache(maxsize=16)  # a test asks for several functions of the same rows
def _rows_of(content: bytes, dtype: Any, shape: tuple[int, ...], temperature: float) -> _Rows:
    rows = [_row(row, temperature) for row in np.frombuffer(content, dtype).reshape(-1, shape[-1])]
    log_total, *of_classes = (np.stack(part) for part in zip(*rows, strict=True))
    log_p, p, others = (part.reshape(shape) for part in of_classes)
    return _Rows(log_total.reshape(shape[:-1]), log_p, p, others, dtype)


def _row(z: Any, temperature: float) -> tuple[Any, Any, Any, Any]:
    distinct, place, counts = np.unique(z, return_inverse=True, return_counts=True)
    finite = distinct[np.isfinite(distinct)].astype(np.float64)
    # 1 and exp(-spread) are told apart in spread / log 10 digits. Nobody asks for less than 1e-324.
    with EXACT.workdps(EXACT.dps + int(min(np.ptp(finite) / temperature / math.log(10), 400.0))):
        scaled = _numbers(distinct) / EXACT.mpf(temperature)
        terms = _exp(scaled)
        total = (terms * counts).sum()
        p = terms / total
        # Of a class alone log p is 0, not what rounding leaves.
        log_p = np.where(p == 1, ZERO, scaled - EXACT.log(total))
        return np.array(EXACT.log(total), object), log_p[place], p[place], (1 - p)[place]


def logsumexp(z: Any, *, temperature: float = 1.0) -> Exact:
    """The error is relative to the larger of A and log(1 + r), which may cancel."""
    rows = _rows(z, temperature)
    scale = np.maximum(np.abs(rows.log_total), -rows.log_p.max(axis=-1))
    return Exact(rows.log_total, scale, rows.dtype)


def log_softmax(z: Any, *, temperature: float = 1.0) -> Exact:
    rows = _rows(z, temperature)
    return Exact(rows.log_p, rows.log_p, rows.dtype)


def softmax(z: Any, *, temperature: float = 1.0) -> Exact:
    rows = _rows(z, temperature)
    return Exact(rows.p, rows.p, rows.dtype)


def softmax_jacobian(z: Any) -> Exact:
    rows = _rows(z)
    same = np.eye(rows.p.shape[-1], dtype=bool)
    values = rows.p[..., :, None] * np.where(same, rows.others[..., None, :], -rows.p[..., None, :])
    return Exact(values, values, rows.dtype)


# --- Losses ---------------------------------------------------------------------------------------


def _distributions(target: Any, classes: int) -> Any:
    target = np.asarray(target)
    if target.dtype == object:
        return target
    if target.dtype.kind in "iu":
        return np.where(target[..., None] == np.arange(classes), ONE, ZERO)
    return _numbers(target)


def _weighted(target: Any, classes: int, class_weight: Any) -> Any:
    y = _distributions(target, classes)
    return y if class_weight is None else y * _numbers(class_weight)


def _with_weight(exact: Exact, weight: Any) -> Exact:
    """What is below the normal numbers without the weight errs by the weight times the smallest number."""
    if weight is None:
        return exact
    floor = float(np.finfo(exact.dtype).tiny) * max(1.0, float(np.max(np.asarray(weight), initial=0)))
    return exact._replace(scale=np.maximum(np.abs(exact.scale), floor))


def softmax_cross_entropy(z: Any, target: Any, *, class_weight: Any = None) -> Exact:
    rows = _rows(z)
    values = _surprisal(_weighted(target, rows.p.shape[-1], class_weight), rows.log_p).sum(axis=-1)
    return _with_weight(Exact(values, values, rows.dtype), class_weight)


def softmax_cross_entropy_grad(z: Any, target: Any, *, class_weight: Any = None) -> Exact:
    """The error is relative to the size of what is subtracted; for a label one of the two is 0."""
    rows = _rows(z)
    y = _weighted(target, rows.p.shape[-1], class_weight)
    plus, minus = rows.p * (y.sum(axis=-1, keepdims=True) - y), y * rows.others
    return _with_weight(Exact(plus - minus, plus + minus, rows.dtype), class_weight)


def softmax_cross_entropy_hess(z: Any, target: Any, *, class_weight: Any = None) -> Exact:
    of_sure, rows = softmax_jacobian(z), _rows(z)
    mass = np.asarray(_weighted(target, rows.p.shape[-1], class_weight).sum(axis=-1), object)[..., None, None]
    return _with_weight(Exact(of_sure.values * mass, of_sure.scale * mass, rows.dtype), class_weight)


def softmax_cross_entropy_hvp(z: Any, target: Any, vector: Any, *, class_weight: Any = None) -> Exact:
    """The error is relative to p (|u| + sum p |u|), where u is 0 at the largest logit."""
    rows = _rows(z)
    mass = _weighted(target, rows.p.shape[-1], class_weight).sum(axis=-1, keepdims=True)
    v = _numbers(vector)
    u = v - np.take_along_axis(v, np.expand_dims(np.argmax(z, axis=-1), -1), axis=-1)
    mean, size = ((rows.p * a).sum(axis=-1, keepdims=True) for a in (u, np.abs(u)))
    exact = Exact(mass * rows.p * (u - mean), mass * rows.p * (np.abs(u) + size), rows.dtype)
    return _with_weight(exact, class_weight)


# --- Focal loss -----------------------------------------------------------------------------------


def _of_label(values: Any, labels: Any) -> Any:
    return np.take_along_axis(values, np.asarray(labels)[..., None], axis=-1)


def _focal_parts(z: Any, labels: Any, gamma: float) -> tuple[Any, ...]:
    """Return p, 1 - p, -log p and -p log p / (1 - p) of the label, the power, and p - y."""
    rows = _rows(z)
    own = np.asarray(labels)[..., None] == np.arange(rows.p.shape[-1])
    p, q, loss = (_of_label(a, labels) for a in (rows.p, rows.others, -rows.log_p))
    # Of a class alone the limit.
    ratio = np.where(q == 0, ONE, np.where(p == 0, ZERO, p * loss) / np.where(q == 0, ONE, q))
    return p, q, loss, ratio, q ** EXACT.mpf(gamma), np.where(own, -rows.others, rows.p)


def softmax_focal_loss(z: Any, labels: Any, *, gamma: float = 2.0) -> Exact:
    _, _, loss, _, power, _ = _focal_parts(z, labels, gamma)
    values = (power * loss)[..., 0]
    return Exact(values, values, _rows(z).dtype)


def softmax_focal_loss_grad(z: Any, labels: Any, *, gamma: float = 2.0) -> Exact:
    _, _, _, ratio, power, slope = _focal_parts(z, labels, gamma)
    values = power * (1 + EXACT.mpf(gamma) * ratio) * slope
    return Exact(values, values, _rows(z).dtype)


def softmax_focal_loss_hess(z: Any, labels: Any, *, gamma: float = 2.0) -> Exact:
    """The error is relative to the sum of the absolute terms."""
    p, q, loss, ratio, power, slope = (a[..., None] for a in _focal_parts(z, labels, gamma))
    g, jacobian = EXACT.mpf(gamma), softmax_jacobian(z).values
    first = power * (1 + g * ratio) * jacobian
    weight = power * g * np.where(q == 0, ZERO, p / np.where(q == 0, ONE, q))
    pairs = slope * np.swapaxes(slope, -1, -2)
    some = np.where(p == 0, ZERO, loss)  # p log p is 0 there
    values = first + weight * (2 - some + (g - 1) * ratio) * pairs
    scale = np.abs(first) + weight * (2 + some + abs(g - 1) * ratio) * np.abs(pairs)
    return Exact(values, scale, _rows(z).dtype)


def _labelled(z: Any, labels: Any) -> tuple[_Rows, Any, Any]:
    rows = _rows(z)
    y = _distributions(np.asarray(labels), rows.p.shape[-1])
    return rows, y, rows.p * (1 - y) - y * rows.others


def _digits_for(rows: _Rows) -> int:
    """Return the digits in which 1 and 1 less the smallest probability are told apart."""
    return EXACT.dps + int(min(float(-np.min(rows.log_p)) / math.log(10), 400.0))


def _label_power(rows: _Rows, y: Any, q: Any) -> Any:
    log_p = np.where(y == 1, rows.log_p, ZERO).sum(axis=-1)
    return np.asarray(_exp(EXACT.mpf(q) * np.asarray(log_p, object)), object)


def generalized_cross_entropy(z: Any, labels: Any, *, q: float = 0.7) -> Exact:
    rows, y, _ = _labelled(z, labels)
    with EXACT.workdps(_digits_for(rows)):
        values = (1 - _label_power(rows, y, q)) / EXACT.mpf(q)
    return Exact(values, values, rows.dtype)


def generalized_cross_entropy_grad(z: Any, labels: Any, *, q: float = 0.7) -> Exact:
    rows, y, slope = _labelled(z, labels)
    values = _label_power(rows, y, q)[..., None] * slope
    return Exact(values, values, rows.dtype)


def generalized_cross_entropy_hess(z: Any, labels: Any, *, q: float = 0.7) -> Exact:
    """The error is relative to the sizes of the two products that are subtracted."""
    rows, y, slope = _labelled(z, labels)
    weight = _label_power(rows, y, q)[..., None, None]
    plus = weight * softmax_jacobian(z).values
    minus = weight * EXACT.mpf(q) * slope[..., :, None] * slope[..., None, :]
    return Exact(plus - minus, np.abs(plus) + np.abs(minus), rows.dtype)


# --- Scores ---------------------------------------------------------------------------------------


def softmax_brier_loss(z: Any, labels: Any) -> Exact:
    rows, y, _ = _labelled(z, labels)
    values = np.where(y == 1, rows.others**2, rows.p**2).sum(axis=-1)
    return Exact(np.asarray(values, object), np.asarray(values, object), rows.dtype)


def _of_largest(z: Any, values: Any) -> Any:
    first = np.expand_dims(np.argmax(np.asarray(z), axis=-1), -1)
    return np.take_along_axis(values, first, axis=-1)


def _brier_sizes(z: Any, rows: _Rows, u: Any) -> Any:
    """Return |u_i - u_a| + sum p |u - u_a|, where a has the largest logit."""
    far = np.abs(u - _of_largest(z, u))
    return far + (rows.p * far).sum(axis=-1, keepdims=True)


def softmax_brier_loss_grad(z: Any, labels: Any) -> Exact:
    """The error is relative to 2 p D, see `_brier_sizes`; at the label it is to the value."""
    rows, y, _ = _labelled(z, labels)
    with EXACT.workdps(2 * _digits_for(rows)):
        u = np.where(y == 1, -rows.others, rows.p)
        values = 2 * rows.p * (u - (rows.p * u).sum(axis=-1, keepdims=True))
        scale = np.where(y == 1, np.abs(values), 2 * rows.p * _brier_sizes(z, rows, u))
    return Exact(values, scale, rows.dtype)


def softmax_brier_loss_hess(z: Any, labels: Any) -> Exact:
    """The error is relative to the sum of the terms' sizes, each without cancellation."""
    rows, y, _ = _labelled(z, labels)
    jacobian, p = softmax_jacobian(z).values, rows.p
    same = np.eye(p.shape[-1], dtype=bool)
    with EXACT.workdps(2 * _digits_for(rows)):
        u, squares = np.where(y == 1, -rows.others, p), p * p
        pulled = (u[..., None] * jacobian).sum(axis=-2)
        # The derivative of 2 J u, by the product rule.
        first = np.swapaxes(jacobian, -1, -2) @ jacobian
        mean = (p * u).sum(axis=-1, keepdims=True)[..., None]
        second = jacobian * (u[..., :, None] - mean) - p[..., :, None] * pulled[..., None, :]
        values = 2 * (first + second)
        size, whole = _brier_sizes(z, rows, u), squares.sum(axis=-1, keepdims=True)
        mine = rows.others**2 + whole - squares
        diagonal = 2 * p * (size + p * mine)
        both = p[..., :, None] + p[..., None, :] + whole[..., None]
        pairs = 2 * p[..., :, None] * p[..., None, :] * (size[..., :, None] + size[..., None, :] + both)
        scale = np.where(same, diagonal[..., None, :], pairs)
    return Exact(values, scale, rows.dtype)


def _root_of_share(z: Any, labels: Any) -> tuple[_Rows, Any, Any]:
    """Return softmax of the doubled logits, p / ||p|| of the label, and the gradient of minus its log."""
    rows, _, _ = _labelled(z, labels)
    twice, y, slope = _labelled(2 * np.asarray(z), labels)
    with EXACT.workdps(2 * _digits_for(rows)):
        norm = np.frompyfunc(EXACT.sqrt, 1, 1)((rows.p * rows.p).sum(axis=-1))
        root = np.where(y == 1, rows.p, ZERO).sum(axis=-1) / norm
    return twice, np.asarray(root, object), slope


def softmax_spherical_loss(z: Any, labels: Any) -> Exact:
    rows, root, _ = _root_of_share(z, labels)
    with EXACT.workdps(_digits_for(rows)):
        values = np.asarray(1 - root, object)
    return Exact(values, values, rows.dtype)


def softmax_spherical_loss_grad(z: Any, labels: Any) -> Exact:
    rows, root, slope = _root_of_share(z, labels)
    values = root[..., None] * slope
    return Exact(values, values, rows.dtype)


def softmax_spherical_loss_hess(z: Any, labels: Any) -> Exact:
    """The error is relative to the sizes of the two products that are subtracted."""
    rows, root, slope = _root_of_share(z, labels)
    plus = root[..., None, None] * 2 * softmax_jacobian(2 * np.asarray(z)).values
    minus = root[..., None, None] * slope[..., :, None] * slope[..., None, :]
    return Exact(plus - minus, np.abs(plus) + np.abs(minus), rows.dtype)


class _Posterior(NamedTuple):
    shares: Any
    """The label's column of the noise."""
    probability: Any
    r: Any
    others: Any
    """1 - r"""


def _posterior(rows: _Rows, labels: Any, noise: Any) -> _Posterior:
    shares = _numbers(np.asarray(noise))[:, np.asarray(labels)]
    shares = np.moveaxis(shares, 0, -1)
    with EXACT.workdps(_digits_for(rows)):
        joint = _exp(rows.log_p) * shares
        probability = joint.sum(axis=-1, keepdims=True)
        r = joint / probability
        return _Posterior(shares, probability, r, 1 - r)


def forward_corrected_cross_entropy(z: Any, labels: Any, noise: Any) -> Exact:
    rows = _rows(z)
    with EXACT.workdps(_digits_for(rows)):
        values = -_log(_posterior(rows, labels, noise).probability)[..., 0]
    return Exact(values, values, rows.dtype)


def forward_corrected_cross_entropy_grad(z: Any, labels: Any, noise: Any) -> Exact:
    """The error is relative to the sizes of what p_k (T_ky - T_iy) are made of: T less that of the largest z.

    Where P, the probability of the label, is below the normal numbers, it is relative to p + r.
    """
    rows = _rows(z)
    shares, probability, r, _ = _posterior(rows, labels, noise)
    first = np.expand_dims(np.argmax(np.asarray(z), axis=-1), -1)
    more = shares - np.take_along_axis(shares, first, axis=-1)
    far = np.abs(more)
    with EXACT.workdps(_digits_for(rows)):
        values = rows.p * ((rows.p * more).sum(axis=-1, keepdims=True) - more) / probability
    scale = rows.p * (far + (rows.p * far).sum(axis=-1, keepdims=True)) / probability
    scale = np.where(probability > float(np.finfo(rows.dtype).tiny), scale, rows.p + r)
    return Exact(values, scale, rows.dtype)


def forward_corrected_cross_entropy_hess(z: Any, labels: Any, noise: Any) -> Exact:
    """The error is relative to the sizes of the two Jacobians that are subtracted."""
    rows, plus = _rows(z), softmax_jacobian(z).values
    _, _, r, others = _posterior(rows, labels, noise)
    same = np.eye(r.shape[-1], dtype=bool)
    minus = r[..., :, None] * np.where(same, others[..., None, :], -r[..., None, :])
    return Exact(plus - minus, np.abs(plus) + np.abs(minus), rows.dtype)


# --- Contrastive losses: the keys of a batch as classes ------------------------------------------------


class _Pairs(NamedTuple):
    losses: Any
    slopes: Any
    """p - y over T"""
    queries: Any
    keys: Any
    rounding: Any
    """Of each row, in eps: what its products add to the relative error of the loss and of the slopes."""
    dtype: Any


def _pairs(queries: Any, keys: Any, temperature: float) -> _Pairs:
    dtype = np.result_type(np.asarray(queries), np.asarray(keys))
    dtype = dtype if dtype.kind == "f" else np.dtype(np.float64)
    q, k, heat = _numbers(queries), _numbers(keys), EXACT.mpf(temperature)
    rows, width = q.shape
    sums = (np.abs(q)[:, None, :] * np.abs(k)[None, :, :]).sum(axis=-1).max(axis=-1)
    # As in _row: so many digits tell 1 and exp(-gap) apart.
    with EXACT.workdps(EXACT.dps + int(min(2 * float(sums.max() / heat) / math.log(10), 800.0))):
        s = (q[:, None, :] * k[None, :, :]).sum(axis=-1) / heat
        terms = _exp(s - s.max(axis=-1, keepdims=True))
        p = terms / terms.sum(axis=-1, keepdims=True)
        losses = -_log(np.diagonal(p))
        slopes = (p - np.where(np.eye(rows, len(k), dtype=bool), ONE, ZERO)) / heat
    # Narrower numbers are multiplied in float64.
    rounding = (width + 2) * sums / heat if dtype.itemsize >= 8 else 0 * sums
    return _Pairs(losses, slopes, q, k, rounding, dtype)


def info_nce_loss(queries: Any, keys: Any, *, temperature: float = 1.0) -> Exact:
    """An error of 1 eps is the bound: 4 and what the products add."""
    pairs = _pairs(queries, keys, temperature)
    return Exact(pairs.losses, pairs.losses * (4 + pairs.rounding), pairs.dtype)


def info_nce_loss_grad(queries: Any, keys: Any, *, temperature: float = 1.0) -> tuple[Exact, Exact]:
    """The same, relative to the absolute terms: 6, half of their number, and what the products add."""
    pairs = _pairs(queries, keys, temperature)
    found = []
    for slopes, others in ((pairs.slopes, pairs.keys), (pairs.slopes.T, pairs.queries)):
        values, sizes = slopes @ others, np.abs(slopes) @ np.abs(others)
        bound = 6 + EXACT.mpf(len(others)) / 2 + pairs.rounding.max()
        found.append(Exact(values, sizes * bound, pairs.dtype))
    return found[0], found[1]


# --- Priors ---------------------------------------------------------------------------------------


def _adjusted_rows(z: Any, prior: Any, tau: float) -> _Rows:
    z, prior = np.asarray(z), np.asarray(prior)
    z = z if z.dtype.kind == "f" else z.astype(np.float64)
    return _adjusted_rows_of(z.tobytes(), z.dtype, z.shape, tuple(map(float, prior)), float(tau))


@functools.lru_cache(maxsize=4)
def _adjusted_rows_of(content: bytes, dtype: Any, shape: Any, prior: Any, tau: float) -> _Rows:
    rows = [_adjusted_row(row, prior, tau) for row in np.frombuffer(content, dtype).reshape(-1, shape[-1])]
    log_total, *of_classes = (np.stack(part) for part in zip(*rows, strict=True))
    log_p, p, others = (part.reshape(shape) for part in of_classes)
    return _Rows(log_total.reshape(shape[:-1]), log_p, p, others, dtype)


def _adjusted_row(z: Any, prior: Any, tau: float) -> tuple[Any, Any, Any, Any]:
    # As in _row; and of logits of 1e308 sums in 60 digits would leave nothing of the logarithms.
    size = np.abs(z[np.isfinite(z)]).max(initial=1.0)
    spread = float(size) / math.log(10) - min(tau * math.log10(min(filter(None, prior))), 0.0)
    digits = math.log10(max(size, 1.0)) + min(2 * spread, 400.0)
    with EXACT.workdps(EXACT.dps + int(digits)):
        # A prior of 0 rules the class out, for tau = 0 too.
        logs = [EXACT.log(pi) * EXACT.mpf(tau) if pi else EXACT.mpf("-inf") for pi in prior]
        scores = _numbers(z) + np.array(logs, object)
        scores, top = scores - max(scores), max(scores)
        terms = _exp(scores)
        total = terms.sum()
        p = terms / total
        log_p = np.where(p == 1, ZERO, scores - EXACT.log(total))
        return np.array(top + EXACT.log(total), object), log_p, p, 1 - p


def logit_adjusted_cross_entropy(z: Any, target: Any, prior: Any, *, tau: float = 1.0) -> Exact:
    rows = _adjusted_rows(z, prior, tau)
    values = _surprisal(_distributions(target, rows.p.shape[-1]), rows.log_p).sum(axis=-1)
    return Exact(values, values, rows.dtype)


def logit_adjusted_cross_entropy_grad(z: Any, target: Any, prior: Any, *, tau: float = 1.0) -> Exact:
    """The error is relative to the size of what is subtracted; for a label one of the two is 0."""
    rows = _adjusted_rows(z, prior, tau)
    y = _distributions(target, rows.p.shape[-1])
    plus, minus = rows.p * (y.sum(axis=-1, keepdims=True) - y), y * rows.others
    return Exact(plus - minus, plus + minus, rows.dtype)


def logit_adjusted_cross_entropy_hess(z: Any, target: Any, prior: Any, *, tau: float = 1.0) -> Exact:
    rows = _adjusted_rows(z, prior, tau)
    same = np.eye(rows.p.shape[-1], dtype=bool)
    values = rows.p[..., :, None] * np.where(same, rows.others[..., None, :], -rows.p[..., None, :])
    mass = np.asarray(_distributions(target, rows.p.shape[-1]).sum(axis=-1), object)[..., None, None]
    return Exact(values * mass, values * mass, rows.dtype)


def shift_prior(p: Any, old: Any, new: Any) -> Exact:
    before = np.where(np.asarray(old) == 0, ONE, _numbers(old))
    weights = _numbers(p) * _numbers(new) / before
    values = weights / weights.sum(axis=-1, keepdims=True)
    return Exact(values, values, np.asarray(p).dtype)


# --- Sparse probabilities ---------------------------------------------------------------------------


class _SparseRow(NamedTuple):
    p: Any
    m: Any
    """The largest probability."""
    s: Any
    """p ** (2 - alpha) where p is positive."""
    gaps: Any


def _sparse_rows(z: Any, alpha: float) -> tuple[_SparseRow, Any]:
    z = np.asarray(z)
    z = z if z.dtype.kind == "f" else z.astype(np.float64)
    return _sparse_rows_of(z.tobytes(), z.dtype, z.shape, float(alpha)), z.dtype


@functools.lru_cache(maxsize=8)
def _sparse_rows_of(content: bytes, dtype: Any, shape: Any, alpha: float) -> _SparseRow:
    rows = [_sparse_row(row, alpha) for row in np.frombuffer(content, dtype).reshape(-1, shape[-1])]
    p, m, s, gaps = (np.stack(part) for part in zip(*rows, strict=True))
    return _SparseRow(p.reshape(shape), m.reshape(shape[:-1]), s.reshape(shape), gaps.reshape(shape))


def _sparse_row(z: Any, alpha: float) -> tuple[Any, ...]:
    """Find the largest probability m, for which the others sum to 1 - m, between 1/K and 1."""
    beta = EXACT.mpf(alpha) - 1
    gaps = _numbers(z) - EXACT.mpf(float(z.max()))
    # For beta > 0 no other class can have any; what the others get need not be computed.
    some = np.flatnonzero(np.isfinite(z) & ((beta <= 0) | (gaps * max(beta, 0) > -1)))
    g, counts = np.unique(gaps[some], return_counts=True)
    m = _threshold(g, counts, beta)
    base = m**beta + beta * gaps[some]
    p, s = np.full(z.shape, ZERO), np.full(z.shape, ZERO)
    for place, k in enumerate(some):
        if beta == 0:
            p[k] = m * EXACT.exp(gaps[k])
        elif base[place] > 0:
            p[k] = base[place] ** (1 / beta)
        s[k] = p[k] ** (1 - beta) if p[k] > 0 else ZERO
    return p, np.array(m, object), s, gaps


def _threshold(g: Any, counts: Any, beta: Any) -> Any:
    if beta == 0:
        return 1 / (_exp(g) * counts).sum()
    if beta == 1:
        # Of as many classes as get the largest threshold.
        total = size = ZERO
        best = EXACT.mpf("-inf")
        for gap, count in zip(g[::-1], counts[::-1], strict=True):
            total, size = total + gap * int(count), size + int(count)
            best = max(best, (total - 1) / size)
        return -best
    low, high = 1 / EXACT.mpf(int(counts.sum())), ONE
    m = high
    for _ in range(400):
        base = m**beta + beta * g
        inside = base > 0
        p = np.array([b ** (1 / beta) for b in base[inside]], object)
        excess = (p * counts[inside]).sum() - 1
        low, high = (m, high) if excess <= 0 else (low, m)
        slope = (p ** (1 - beta) * counts[inside]).sum() * m ** (beta - 1)
        after = m - excess / slope
        after = after if low < after < high else (low + high) / 2
        if abs(after - m) < EXACT.mpf(10) ** (8 - EXACT.dps) or excess == 0:
            return after if excess else m
        m = after
    message = f"no convergence for {g} and {beta}"
    raise AssertionError(message)


def sparsemax(z: Any) -> Exact:
    return entmax(z, alpha=2.0)


def entmax(z: Any, *, alpha: float = 1.5) -> Exact:
    """The error is relative to 1."""
    rows, dtype = _sparse_rows(z, alpha)
    return Exact(rows.p, np.full(rows.p.shape, ONE), dtype)


def _tsallis(p: Any, alpha: float) -> Any:
    a = EXACT.mpf(alpha)
    if a == 1:
        return _surprisal(p, _log(np.where(p == 0, ONE, p))).sum(axis=-1)
    return (1 - (np.where(p == 0, ZERO, np.where(p == 0, ONE, p) ** a)).sum(axis=-1)) / (a * (a - 1))


def entmax_loss(z: Any, target: Any, *, alpha: float = 1.5) -> Exact:
    """The error is relative to the absolute terms, or for sparsemax to L + sum |p - y|, and to eps."""
    rows, dtype = _sparse_rows(z, alpha)
    y, a = _distributions(target, rows.p.shape[-1]), EXACT.mpf(alpha)
    costs = np.where(y == 0, ZERO, -y * np.where(y == 0, ZERO, rows.gaps)).sum(axis=-1)
    won = np.where(rows.p == 0, ZERO, rows.p * np.where(rows.p == 0, ZERO, rows.gaps)).sum(axis=-1)
    own, theirs = _tsallis(rows.p, alpha), _tsallis(y, alpha)
    values = costs + won + own - theirs
    if a == 2:
        scale = values + np.abs(rows.p - y).sum(axis=-1)
    elif a == 1:
        scale = costs - _log(rows.m) + theirs
    else:
        scale = costs + theirs + (1 - rows.m ** (a - 1)) / (a - 1) + own * abs(a - 1)
    return Exact(values, np.abs(scale) + float(np.finfo(dtype).eps), dtype)


def entmax_loss_grad(z: Any, target: Any, *, alpha: float = 1.5) -> Exact:
    rows, dtype = _sparse_rows(z, alpha)
    values = rows.p - _distributions(target, rows.p.shape[-1])
    return Exact(values, np.full(values.shape, ONE), dtype)


def entmax_loss_hess(z: Any, target: Any, *, alpha: float = 1.5) -> Exact:
    """The error is what errors of s (1 - log p) + |2 - alpha| p ** (3 - 2 alpha) in each s make of it."""
    rows, dtype = _sparse_rows(z, alpha)
    s, a = rows.s, EXACT.mpf(alpha)
    some = np.where(rows.p == 0, ONE, rows.p)
    size = np.where(rows.p == 0, ZERO, some ** (3 - 2 * a))
    size = s * (1 - _log(some)) + abs(2 - a) * size + np.asarray(target)[..., None] * 0
    same, total = np.eye(s.shape[-1], dtype=bool), s.sum(axis=-1)[..., None, None]
    values = np.where(same, s[..., None], ZERO) - s[..., :, None] * s[..., None, :] / total
    pairs = size[..., :, None] * s[..., None, :] + s[..., :, None] * size[..., None, :]
    pairs = pairs + s[..., :, None] * s[..., None, :] * size.sum(axis=-1)[..., None, None] / total
    scale = np.abs(values) + np.where(same, size[..., None], ZERO) + pairs / total
    return Exact(values, scale, dtype)


def sparsemax_loss(z: Any, target: Any) -> Exact:
    return entmax_loss(z, target, alpha=2.0)


def sparsemax_loss_grad(z: Any, target: Any) -> Exact:
    return entmax_loss_grad(z, target, alpha=2.0)


def sparsemax_loss_hess(z: Any, target: Any) -> Exact:
    return entmax_loss_hess(z, target, alpha=2.0)


# --- Single logits: two classes, of which the other has the logit 0 -------------------------------


def _pair(x: Any) -> Any:
    x = np.asarray(x)
    return np.stack([x, np.zeros_like(x)], axis=-1)


def _pair_of_target(t: Any, x: Any, pos_weight: Any) -> Any:
    t = _numbers(np.broadcast_to(t, np.shape(x)))
    yes = t if pos_weight is None else t * _numbers(pos_weight)
    return np.stack([np.asarray(yes, object), np.asarray(1 - t, object)], axis=-1)


def sigmoid(x: Any) -> Exact:
    values, _, dtype = softmax(_pair(x))
    return Exact(values[..., 0], values[..., 0], dtype)


def log_sigmoid(x: Any) -> Exact:
    values, _, dtype = log_softmax(_pair(x))
    return Exact(values[..., 0], values[..., 0], dtype)


def softplus(x: Any) -> Exact:
    values, _, dtype = logsumexp(_pair(x))
    return Exact(values, values, dtype)


def sigmoid_cross_entropy(x: Any, target: Any, *, pos_weight: Any = None) -> Exact:
    exact = softmax_cross_entropy(_pair(x), _pair_of_target(target, x, pos_weight))
    return _with_weight(exact, pos_weight)


def sigmoid_cross_entropy_grad(x: Any, target: Any, *, pos_weight: Any = None) -> Exact:
    values, scale, dtype = softmax_cross_entropy_grad(_pair(x), _pair_of_target(target, x, pos_weight))
    return _with_weight(Exact(values[..., 0], scale[..., 0], dtype), pos_weight)


def sigmoid_cross_entropy_hess(x: Any, target: Any, *, pos_weight: Any = None) -> Exact:
    values, _, dtype = softmax_cross_entropy_hess(_pair(x), _pair_of_target(target, x, pos_weight))
    return _with_weight(Exact(values[..., 0, 0], values[..., 0, 0], dtype), pos_weight)


def sigmoid_cross_entropy_hvp(x: Any, target: Any, vector: Any, *, pos_weight: Any = None) -> Exact:
    values, _, dtype = sigmoid_cross_entropy_hess(x, target, pos_weight=pos_weight)
    product = values * _numbers(vector)
    largest = None if pos_weight is None else np.max(pos_weight) * np.max(np.abs(vector), initial=0)
    return _with_weight(Exact(product, product, dtype), largest)


def _expected_focal(of: Any, x: Any, target: Any, gamma: float, alpha: Any, entry: Any) -> Exact:
    t = _numbers(np.broadcast_to(target, np.shape(x)))
    a = None if alpha is None else EXACT.mpf(float(alpha))
    yes, no = (t, 1 - t) if a is None else (a * t, (1 - a) * (1 - t))
    labels = np.zeros(np.shape(x), int)
    parts = [of(_pair(x), labels + k, gamma=gamma) for k in (0, 1)]
    terms, sizes = (
        [
            np.where(w == 0, ZERO, w * values[(..., *entry)])
            for w, values in zip((yes, no), of_both, strict=True)
        ]
        for of_both in ([part.values for part in parts], [np.abs(part.scale) for part in parts])
    )
    return Exact(terms[0] + terms[1], sizes[0] + sizes[1], parts[0].dtype)


def sigmoid_focal_loss(x: Any, target: Any, *, gamma: float = 2.0, alpha: Any = None) -> Exact:
    return _expected_focal(softmax_focal_loss, x, target, gamma, alpha, ())


def sigmoid_focal_loss_grad(x: Any, target: Any, *, gamma: float = 2.0, alpha: Any = None) -> Exact:
    return _expected_focal(softmax_focal_loss_grad, x, target, gamma, alpha, (0,))


def sigmoid_focal_loss_hess(x: Any, target: Any, *, gamma: float = 2.0, alpha: Any = None) -> Exact:
    return _expected_focal(softmax_focal_loss_hess, x, target, gamma, alpha, (0, 0))


# --- Margins --------------------------------------------------------------------------------------


def _expected_margin(of_margin: Any, x: Any, target: Any, *, odd: bool = False) -> Exact:
    """Return the mean under the target; the error is relative to the sum of the sizes.

    Infinite is what the dtype does not hold.
    """
    x = np.asarray(x)
    dtype = x.dtype if x.dtype.kind == "f" else np.dtype(np.float64)
    t, m = _numbers(np.broadcast_to(target, x.shape)), _numbers(x)
    largest = EXACT.mpf(float(np.finfo(dtype).max)) if dtype.itemsize <= 8 else EXACT.inf
    weighted = np.frompyfunc(lambda w, a: w * of_margin(a) if w else ZERO, 2, 1)
    held = np.frompyfunc(lambda a: a if abs(a) <= largest else EXACT.sign(a) * EXACT.inf, 1, 1)
    yes, no = weighted(t, m), weighted(1 - t, -m)
    values, scale = yes - no if odd else yes + no, np.abs(yes) + np.abs(no)
    return Exact(held(values), held(scale), dtype)


def _short(m: Any) -> Any:
    return max(ZERO, 1 - m)


def hinge_loss(x: Any, target: Any) -> Exact:
    return _expected_margin(_short, x, target)


def hinge_loss_grad(x: Any, target: Any) -> Exact:
    return _expected_margin(lambda m: -ONE if m < 1 else ZERO, x, target, odd=True)


def squared_hinge_loss(x: Any, target: Any) -> Exact:
    return _expected_margin(lambda m: _short(m) ** 2, x, target)


def squared_hinge_loss_grad(x: Any, target: Any) -> Exact:
    return _expected_margin(lambda m: -2 * _short(m), x, target, odd=True)


def squared_hinge_loss_hess(x: Any, target: Any) -> Exact:
    return _expected_margin(lambda m: 2 * ONE if m < 1 else ZERO, x, target)


def exponential_loss(x: Any, target: Any) -> Exact:
    return _expected_margin(lambda m: EXACT.exp(-m), x, target)


def exponential_loss_grad(x: Any, target: Any) -> Exact:
    return _expected_margin(lambda m: -EXACT.exp(-m), x, target, odd=True)


def exponential_loss_hess(x: Any, target: Any) -> Exact:
    return exponential_loss(x, target)


def multiclass_hinge_loss(z: Any, labels: Any) -> Exact:
    return _of_best_other(z, labels, (), lambda short, _, __: max(ZERO, short))


def multiclass_hinge_loss_grad(z: Any, labels: Any) -> Exact:
    def slopes(short: Any, row: Any, label: int) -> Any:
        if not short > 0:
            return [ZERO] * len(row)
        largest = max(a for k, a in enumerate(row) if k != label)
        best = [k != label and a == largest for k, a in enumerate(row)]
        return [-ONE if k == label else ONE * best[k] / sum(best) for k in range(len(row))]

    return _of_best_other(z, labels, np.shape(z)[-1:], slopes)


def _of_best_other(z: Any, labels: Any, shape: tuple[int, ...], of_row: Any) -> Exact:
    z, labels = np.asarray(z), np.asarray(labels)
    z = z if z.dtype.kind == "f" else z.astype(np.float64)
    values = np.full((*labels.shape, *shape), ZERO)
    for place in np.ndindex(labels.shape):
        row, label = list(_numbers(z[place])), int(labels[place])
        best = max((a for k, a in enumerate(row) if k != label), default=-EXACT.inf)
        # 60 digits would do, but for logits of 1e308; none of them is so large that 1 is lost in 700.
        with EXACT.workdps(700):
            values[place] = of_row(1 + best - row[label], row, label)
    return Exact(values, values, z.dtype)


# --- Ordered classes ------------------------------------------------------------------------------


def _ordinal(z: Any, labels: Any, shape: tuple[int, ...], of_row: Any) -> Exact:
    z, labels = np.asarray(z), np.asarray(labels)
    z = z if z.dtype.kind == "f" else z.astype(np.float64)
    values = np.full((*labels.shape, *shape), ZERO)
    for place in np.ndindex(labels.shape):
        label = int(labels[place])
        ends = [EXACT.mpf("-inf"), *_numbers(z[place]), EXACT.mpf("inf")][label : label + 2]
        # So many digits tell sigmoids apart that are next to 1 or to one another.
        sizes = [abs(a) / math.log(10) for a in ends if EXACT.isfinite(a)]
        gap = min(ends[1] - ends[0], ONE)
        with EXACT.workdps(EXACT.dps + int(2 * min(max(sizes, default=ZERO), 3000) - EXACT.log10(gap))):
            lower, upper = (1 / (1 + EXACT.exp(-a)) for a in ends)
            of_row(values[place] if shape else values, place, label, upper, lower)
    return Exact(values, values, z.dtype)


def ordinal_cross_entropy(z: Any, labels: Any) -> Exact:
    def loss(values: Any, place: Any, _: int, upper: Any, lower: Any) -> None:
        values[place] = -EXACT.log(upper - lower)

    return _ordinal(z, labels, (), loss)


def ordinal_cross_entropy_grad(z: Any, labels: Any) -> Exact:
    classes = np.shape(z)[-1]

    def slopes(row: Any, _: Any, label: int, upper: Any, lower: Any) -> None:
        if label < classes:
            row[label] = -upper * (1 - upper) / (upper - lower)
        if label > 0:
            row[label - 1] = lower * (1 - lower) / (upper - lower)

    return _ordinal(z, labels, (classes,), slopes)


def ordinal_cross_entropy_hess(z: Any, labels: Any) -> Exact:
    classes = np.shape(z)[-1]

    def curvatures(row: Any, _: Any, label: int, upper: Any, lower: Any) -> None:
        p = upper - lower
        ups, lows = upper * (1 - upper) / p, lower * (1 - lower) / p
        if label < classes:
            row[label, label] = ups * ups - ups * (1 - 2 * upper)
        if label > 0:
            row[label - 1, label - 1] = lows * lows + lows * (1 - 2 * lower)
        if 0 < label < classes:
            row[label, label - 1] = row[label - 1, label] = -ups * lows

    return _ordinal(z, labels, (classes, classes), curvatures)


# --- Masks: the pixels along the last axis ----------------------------------------------------------


def _digits(x: Any) -> int:
    """Return the digits in which 1 and exp(-|x|) are told apart; nobody asks for less than 1e-324."""
    finite = np.abs(np.asarray(x, np.float64)[np.isfinite(x)])
    return EXACT.dps + int(min(finite.max(initial=0.0) / math.log(10), 400.0))


def _mask(x: Any, target: Any, smooth: float) -> tuple[Any, ...]:
    """Return p, 1 - p, the target, the overlap D and the denominator."""
    x, t = np.asarray(x, np.float64), np.asarray(target, np.float64)
    return _mask_of(x.tobytes(), t.tobytes(), x.shape, float(smooth))


@functools.lru_cache(maxsize=4)  # loss, gradient and Hessian of the same masks
def _mask_of(x: bytes, target: bytes, shape: tuple[int, ...], smooth: float) -> tuple[Any, ...]:
    logits, t = (_numbers(np.frombuffer(content).reshape(shape)) for content in (x, target))
    p, constant = ONE / (1 + _exp(-logits)), EXACT.mpf(smooth)
    top = 2 * (p * t).sum(axis=-1, keepdims=True) + constant
    size = (p + t).sum(axis=-1, keepdims=True) + constant
    # Where nothing is there and nothing predicted, the loss is its limit, 1.
    nothing = size == 0
    size = np.where(nothing, ONE, size)
    return p, 1 - p, t, np.where(nothing, ZERO, top / size), size


def _real_dtype(x: Any) -> Any:
    return np.asarray(x).dtype if np.asarray(x).dtype.kind == "f" else np.float64


def soft_dice_loss(x: Any, target: Any, *, smooth: float = 0.0) -> Exact:
    with EXACT.workdps(_digits(x)):
        values = 1 - _mask(x, target, smooth)[3][..., 0]
    return Exact(values, values, _real_dtype(x))


def soft_dice_loss_grad(x: Any, target: Any, *, smooth: float = 0.0) -> Exact:
    """The error is relative to the size of what is subtracted; for targets of 0 and 1 one of the two is 0."""
    with EXACT.workdps(_digits(x)):
        p, others, t, dice, size = _mask(x, target, smooth)
        values = p * others * (dice - 2 * t) / size
        scale = p * others * (np.abs(1 - 2 * t) * dice + 2 * t * (1 - dice)) / size
    return Exact(values, scale, _real_dtype(x))


def soft_dice_loss_hess(x: Any, target: Any, *, smooth: float = 0.0) -> Exact:
    """The error is relative to the terms of t + t' - D and, on the diagonal, to the two that are added."""
    with EXACT.workdps(_digits(x)):
        p, others, t, dice, size = _mask(x, target, smooth)
        part, both = p * others / size, t[..., :, None] + t[..., None, :]
        product = 2 * part[..., :, None] * part[..., None, :]
        diagonal = np.where(np.eye(p.shape[-1], dtype=bool), ONE, ZERO)
        values = product * (both - dice[..., None])
        values = values + diagonal * (part * (others - p) * (dice - 2 * t))[..., None]
        scale = product * (np.abs(both - 1) * dice[..., None] + both * (1 - dice[..., None]))
        pull = np.abs(1 - 2 * t) * dice + 2 * t * (1 - dice)
        scale = scale + diagonal * (part * np.abs(others - p) * pull)[..., None]
    return Exact(values, scale, _real_dtype(x))


# --- Distributions --------------------------------------------------------------------------------


def entropy(p: Any) -> Exact:
    return cross_entropy(p, p)


def perplexity(p: Any) -> Exact:
    values, _, dtype = entropy(p)
    return Exact(_exp(values), _exp(values), dtype)


def cross_entropy(p: Any, q: Any) -> Exact:
    values = _surprisal(_numbers(p), _log(_numbers(q))).sum(axis=-1)
    return Exact(values, values, np.result_type(np.asarray(p), np.asarray(q)))


def kl_divergence(p: Any, q: Any) -> Exact:
    """Of numbers that do not quite sum to 1, as rounded ones do not: sum p log(p / q) - p + q."""
    values = _excess(_numbers(p), _numbers(q)).sum(axis=-1)
    return Exact(values, values, np.result_type(np.asarray(p), np.asarray(q)))


# --- Calibration ----------------------------------------------------------------------------------


def _in_bins(forecasts: Any, outcomes: Any, bins: Any) -> tuple[list[list[tuple[Fraction, Fraction]]], int]:
    """Return the forecast and the outcome of each sample, as fractions, in one list for each bin."""
    q = np.asarray(forecasts)
    q = q if q.dtype.kind == "f" else q.astype(np.float64)
    edges = [Fraction(b, bins) for b in range(bins + 1)] if np.ndim(bins) == 0 else bins
    lower = [Fraction(float(q.dtype.type(float(edge)))) for edge in edges[:-1]]
    found: list[list[tuple[Fraction, Fraction]]] = [[] for _ in lower]
    for forecast, outcome in zip(q, outcomes, strict=True):
        exact = Fraction(float(forecast))
        found[max(b for b, edge in enumerate(lower) if edge <= exact)].append((exact, Fraction(int(outcome))))
    return found, len(q)


def _rational(values: Any, scale: Any = None) -> Exact:
    """Return fractions as the numbers of the other functions."""
    number = np.frompyfunc(lambda a: EXACT.mpf(a.numerator) / a.denominator, 1, 1)
    exact = np.asarray(number(np.array(values, object)), object)
    return Exact(exact, exact if scale is None else np.asarray(number(scale), object), np.float64)


def calibration_curve(forecasts: Any, outcomes: Any, bins: Any) -> tuple[Exact, Exact, Any]:
    """Of bins that are not empty."""
    found = [pairs for pairs in _in_bins(forecasts, outcomes, bins)[0] if pairs]
    means = [[sum(part) / Fraction(len(part)) for part in zip(*pairs, strict=True)] for pairs in found]
    forecast, frequency = zip(*means, strict=True)
    return _rational(forecast), _rational(frequency), [len(pairs) for pairs in found]


def _gaps(forecasts: Any, outcomes: Any, bins: Any) -> list[tuple[Fraction, Fraction]]:
    """Return the share of the samples and the mean error of each bin that is not empty."""
    found, total = _in_bins(forecasts, outcomes, bins)
    return [
        (Fraction(len(pairs), total), sum((q - y for q, y in pairs), Fraction(0)) / len(pairs))
        for pairs in found
        if pairs
    ]


def expected_calibration_error(forecasts: Any, outcomes: Any, bins: Any) -> Exact:
    return _rational(sum(share * abs(gap) for share, gap in _gaps(forecasts, outcomes, bins)))


def maximum_calibration_error(forecasts: Any, outcomes: Any, bins: Any) -> Exact:
    return _rational(max(abs(gap) for _, gap in _gaps(forecasts, outcomes, bins)))


def squared_calibration_error(forecasts: Any, outcomes: Any, bins: Any) -> Exact:
    return _rational(sum(share * gap**2 for share, gap in _gaps(forecasts, outcomes, bins)))


def debiased_squared_calibration_error(forecasts: Any, outcomes: Any, bins: Any) -> Exact:
    """The mean product of the errors of two samples of a bin; relative to what is subtracted too."""
    found, total = _in_bins(forecasts, outcomes, bins)
    value, scale = Fraction(0), Fraction(0)
    for pairs in found:
        errors = [q - y for q, y in pairs]
        if len(errors) < 2:
            continue
        products = [a * b for m, a in enumerate(errors) for n, b in enumerate(errors) if m != n]
        share = Fraction(1, (len(errors) - 1) * total)
        value += sum(products, Fraction(0)) * share
        scale += (sum(errors, Fraction(0)) ** 2 + sum((error**2 for error in errors), Fraction(0))) * share
    return _rational(value, scale)


# --- Means ----------------------------------------------------------------------------------------


def mean_cross_entropy_value_and_grad(
    z: Any,
    target: Any,
    *,
    sample_weight: Any = None,
    class_weight: Any = None,
    ignore_index: Any = None,
    label_smoothing: float = 0.0,
) -> tuple[Exact, Exact]:
    """The error of the gradient is relative to (p + y) times the weight, but for labels to itself.

    Without class weights the sums of distributions count as 1.
    """
    rows, target = _rows(z), np.asarray(target)
    count, classes = rows.p.shape
    v = _numbers(np.ones(count) if sample_weight is None else sample_weight)
    if target.ndim == 1:
        v = np.where(target == ignore_index, ZERO, v)
        target = np.where(target == ignore_index, 0, target)
    y = _distributions(target, classes)
    if label_smoothing:
        y = (1 - EXACT.mpf(label_smoothing)) * y + EXACT.mpf(label_smoothing) / classes
    y = y * v[:, None] * (1 if class_weight is None else _numbers(class_weight))
    weight = v.sum() if class_weight is None else y.sum()
    mass = y.sum(axis=-1, keepdims=True)
    loss = _surprisal(y, rows.log_p).sum() / weight
    gradient = (rows.p * (mass - y) - y * rows.others) / weight
    scale = gradient if target.ndim == 1 and not label_smoothing else (rows.p * mass + y) / weight
    return Exact(loss, loss, np.float64), Exact(gradient, scale, rows.dtype)


def mean_cross_entropy(z: Any, target: Any, **options: Any) -> Exact:
    return mean_cross_entropy_value_and_grad(z, target, **options)[0]


def fit_temperature(z: Any, target: Any) -> Exact:
    """The error is relative to 1 + S / V: what relative errors of the slope's terms do to the temperature."""
    z = np.asarray(z)
    z = _numbers(z.reshape(-1, z.shape[-1]))
    y = _distributions(np.asarray(target).reshape(-1, *z.shape[-1:][: np.ndim(target) - 1]), z.shape[-1])
    gaps = z - z.max(axis=-1, keepdims=True)
    possible, gaps = gaps > -EXACT.inf, np.where(gaps > -EXACT.inf, gaps, ZERO)
    mass, wanted = y.sum(axis=-1), (y * gaps).sum()

    def moments(beta: Any) -> tuple[Any, Any]:
        terms = np.where(possible, _exp(beta * gaps), ZERO)
        q = terms / terms.sum(axis=-1, keepdims=True)
        mean = (q * gaps).sum(axis=-1)
        return (mass * mean).sum(), (mass * ((q * gaps**2).sum(axis=-1) - mean**2)).sum()

    low = high = ONE
    while moments(low)[0] > wanted:
        low /= 16
    while moments(high)[0] < wanted:
        high *= 16
    for _ in range(12):
        middle = EXACT.sqrt(low * high)
        low, high = (middle, high) if moments(middle)[0] < wanted else (low, middle)
    beta = high
    for _ in range(60):  # Newton's method, kept within the bounds
        mean, variance = moments(beta)
        low, high = (beta, high) if mean < wanted else (low, beta)
        following = beta - (mean - wanted) / variance if variance else low
        following = following if low < following < high else (low + high) / 2
        beta, moved = following, abs(following - beta)
        if moved < beta * EXACT.mpf(10) ** -20:  # of which the square is left
            break
    mean, variance = moments(beta)
    return Exact(1 / beta, (1 - (mean + wanted) / (beta * variance)) / beta, np.float64)


# --- Inputs ---------------------------------------------------------------------------------------


def distributions(z: Any, dtype: Any = np.float64) -> Any:
    """Return softmax as the textbooks have it: what is under test must not make its own inputs."""
    terms = np.exp(z - np.max(z, axis=-1, keepdims=True))
    return (terms / terms.sum(axis=-1, keepdims=True)).astype(dtype)
