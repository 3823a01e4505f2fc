"""The loss of a linear layer, never holding all logits."""

from __future__ import annotations

import math
import operator
from typing import Any, NamedTuple

import numpy as np

from xentlib import _kernel as kernel
from xentlib._kernel import BadRow
from xentlib._mean import _Batch, _labels, _mean, _work_dtype
from xentlib._streaming import LogSumExp, _merged

Array = np.ndarray[Any, np.dtype[Any]]


def linear_cross_entropy_value_and_grad(
    inputs: Any, weight: Any, target: Any, bias: Any = None, *, memory: int = 2**27
) -> tuple[float, tuple[Array, Array, Array | None]]:
    r"""Return the mean cross-entropy of a linear classifier and its gradients, never holding all logits.

    Parameters
    ----------
    inputs : array_like
        Shape ``(N, D)``.
    weight : array_like
        Shape ``(K, D)``.
    target : array_like
        Labels, integers of shape ``(N,)``.
    bias : array_like, optional
        Shape ``(K,)``.
    memory : int
        Bytes to work in, beside inputs, results and what the linear-algebra library takes for
        itself. If 512 rows of logits fit (or all), the rows go through in chunks, in three matrix
        products; else the classes do, in two passes and four products: then what is needed does
        not grow with K.

    Returns
    -------
    loss : float
        Nats.
    gradients : tuple of ndarray
        With respect to inputs, weight and bias (None without one), in their shapes, in float64
        if any of these is, or float32.

    Raises
    ------
    TypeError
        If a dtype is not of real numbers, or the labels are not integers.
    ValueError
        If shapes do not fit, a label is out of range, a logit comes out as nan or +inf, there is
        no sample, or the memory is too small (the message says for what).

    Notes
    -----
    .. math:: Z = X W^T + b, \quad G = \frac{P - Y}{N}, \quad
        \nabla_X L = G W, \quad \nabla_W L = G^T X, \quad \nabla_b L = G^T 1

    The logits carry the errors of a matrix product, about eps :math:`\sum_d |x_d w_d|` each, and
    the loss and P - Y follow them; for the logits as computed the label's entry of P - Y keeps
    its relative accuracy. Source: E. Wijmans et al., Cut your losses in large-vocabulary
    language models, arXiv:2411.09009 (2024), for the two passes; Liger-Kernel for chunks of rows.

    Examples
    --------
    >>> x, w = np.eye(2), 40 * np.eye(2)
    >>> loss, (d_inputs, d_weight, d_bias) = linear_cross_entropy_value_and_grad(x, w, [0, 1])
    >>> print(f"{loss:.12g}")
    4.24835425529e-18
    >>> d_inputs
    array([[-8.49670851e-17,  8.49670851e-17],
           [ 8.49670851e-17, -8.49670851e-17]])
    """
    head = _head(inputs, weight, target, bias)
    with np.errstate(all="ignore"):  # what overflows is refused
        return _linear(head, memory)


def _linear(head: _Head, memory: int) -> tuple[float, tuple[Array, Array, Array | None]]:
    (rows, features), classes, item = head.x.shape, len(head.w), head.x.itemsize
    # Chunks of rows: their logits, the kernel's scratch and a slab of the gradient of the weights.
    fixed = 3 * kernel.BLOCK + _SLAB * item
    chunk = (memory - fixed) // (classes * item)
    if chunk >= min(rows, _ROWS):
        return _by_rows(head, min(rows, chunk))
    # Chunks of classes: their logits, and a term of the gradient of the inputs.
    chunk = (memory - 3 * kernel.BLOCK - rows * features * item) // (rows * item)
    if chunk < 1:
        least = 3 * kernel.BLOCK + rows * (features + 1) * item
        message = f"memory must be at least {least} bytes for {rows} rows of {features}, but is {memory}"
        raise ValueError(message)
    return _by_classes(head, min(classes, chunk))


class _Head(NamedTuple):
    x: Array
    w: Array
    labels: Array
    b: Array | None


_ROWS = 512
"""With fewer rows at a time, adding up the gradient of the weights costs as much as a fourth product."""


_SLAB = 2**20
"""Entries of the gradient of the weights that are added at a time."""


def _head(inputs: Any, weight: Any, target: Any, bias: Any) -> _Head:
    given = [np.asarray(a) for a in (inputs, weight, *(() if bias is None else (bias,)))]
    names = ("inputs", "weight", "bias")
    for name, a in zip(names, given, strict=False):
        if a.dtype.kind not in "biuf" or a.dtype.itemsize > 8:
            message = f"{name} must be real numbers of at most 64 bits, but the dtype is {a.dtype}"
            raise TypeError(message)
    narrow = all(_work_dtype(a.dtype) is np.float32 for a in given)
    x, w, *b = (np.ascontiguousarray(a, np.float32 if narrow else np.float64) for a in given)
    fits = x.ndim == w.ndim == 2 and x.shape[1] == w.shape[1] > 0 and len(w) > 0
    if not fits or (b and b[0].shape != (len(w),)):
        shapes = ", ".join(f"{name} {a.shape}" for name, a in zip(names, given, strict=False))
        message = f"inputs must have shape (N, D), weight (K, D) and bias (K,), but the shapes are {shapes}"
        raise ValueError(message)
    if len(x) == 0:
        message = "no mean over nothing: the inputs have no row"
        raise ValueError(message)
    t = np.asarray(target)
    if t.dtype.kind not in "iu":
        message = f"target must be labels, integers of shape ({len(x)},), but the dtype is {t.dtype}"
        raise TypeError(message)
    if t.shape != (len(x),):
        message = f"target must have shape ({len(x)},), but has {t.shape}"
        raise ValueError(message)
    return _Head(x, w, _labels(t, len(w), None)[0], b[0] if b else None)


def _logits(head: _Head, rows: slice, classes: slice, buffer: Array) -> Array:
    x, w = head.x[rows], head.w[classes]
    z = buffer[: len(x) * len(w)].reshape(len(x), len(w))
    np.matmul(x, w.T, out=z)
    if head.b is not None:
        z += head.b[classes]
    return z


def _cut(count: int, step: int) -> list[slice]:
    """Cut a range into nearly equal slices of at most `step`."""
    parts = -(-count // step)
    return [slice(k * count // parts, (k + 1) * count // parts) for k in range(parts)]


def _by_rows(head: _Head, chunk: int) -> tuple[float, tuple[Array, Array, Array | None]]:
    """Three products: logits, their gradient written over them, and from it those of the operands."""
    x, w, labels, b = head
    d_x, d_w, d_b = np.empty_like(x), np.empty_like(w), None if b is None else np.zeros(len(w))
    buffer = np.empty(chunk * len(w), x.dtype)
    slabs = _cut(len(w), max(1, _SLAB // x.shape[1]))
    term = np.empty((slabs[0].stop + 1, x.shape[1]), x.dtype)
    losses = []
    for rows in _cut(len(x), chunk):
        z = _logits(head, rows, slice(None), buffer)
        batch = _Batch(z, z, labels[rows], None, None, None, 0.0)
        try:
            loss, count = _mean(batch, 1, z)
        except BadRow as error:
            raise _in_head(error, rows.start, 0) from None
        z *= z.dtype.type(count / len(x))
        losses.append(loss * count / len(x))
        np.matmul(z, w, out=d_x[rows])
        if rows.start == 0:
            np.matmul(z.T, x[rows], out=d_w)
        else:
            for part in slabs:
                d_w[part] += np.matmul(z[:, part].T, x[rows], out=term[: part.stop - part.start])
        if d_b is not None:
            d_b += z.sum(axis=0, dtype=np.float64)
    return math.fsum(losses), (d_x, d_w, None if d_b is None else d_b.astype(x.dtype))


def _in_head(error: BadRow, row: int, column: int) -> BadRow:
    return BadRow(
        operator.index(error.row) + row,  # type: ignore[arg-type]
        None if error.column is None else error.column + column,
        error.value,
    )


def _by_classes(head: _Head, chunk: int) -> tuple[float, tuple[Array, Array, Array | None]]:
    """Four products: the logits are computed again once their log-sum-exp is known."""
    x, w, labels, b = head
    buffer = np.empty(len(x) * chunk, x.dtype)
    everything, parts = slice(0, len(x)), _cut(len(w), chunk)
    others, own = LogSumExp(), np.empty(len(x))
    for classes in parts:
        z = _logits(head, everything, classes, buffer)
        here = _here(labels, classes)
        own[here[0]] = z[here]
        # The label's logit is not one of the others; but what is to be refused stays.
        z[here] = np.where(own[here[0]] < np.inf, -np.inf, own[here[0]])
        try:
            others.update(z)
        except BadRow as error:
            raise _in_head(error, 0, classes.start) from None
    top, rest = _merged(others._state, (own, np.zeros(len(x))))
    if np.isneginf(top).any():
        raise BadRow(int(np.argmin(top)), None, -math.inf)
    total = top + np.log1p(rest)
    losses = (top - own) + np.log1p(rest)  # nothing cancels
    residual = -np.expm1(-losses) / len(x)
    d_x, d_w, d_b = np.zeros_like(x), np.empty_like(w), None if b is None else np.empty(len(w), x.dtype)
    term = np.empty_like(x)
    for classes in parts:
        z = _logits(head, everything, classes, buffer)
        for rows in kernel.blocks(z.shape, z.itemsize):
            gap = np.subtract(z[rows], total[rows, None])  # in float64
            np.multiply(np.exp(gap, out=gap), 1 / len(x), out=z[rows], casting="same_kind")
        here = _here(labels, classes)
        z[here] = -residual[here[0]]
        d_x += np.matmul(z, w[classes], out=term)
        np.matmul(z.T, x, out=d_w[classes])
        if d_b is not None:
            d_b[classes] = z.sum(axis=0, dtype=np.float64)
    return float(losses.mean()), (d_x, d_w, d_b)


def _here(labels: Array, classes: slice) -> tuple[Array, Array]:
    """Return the rows whose label is among the classes, and its column there."""
    rows = np.flatnonzero((labels >= classes.start) & (labels < classes.stop))
    return rows, labels[rows] - classes.start
