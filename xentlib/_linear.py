"""Mean cross-entropy of a linear classifier and its gradients, without ever holding all logits."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from xentlib import _arrays, _checks, _kernel
from xentlib._arrays import Array
from xentlib._kernel import InvalidLogitsError
from xentlib._mean import Batch, mean_of
from xentlib._streaming import Total, merged

_ROWS = 512
"""With fewer rows at a time, adding up the gradient of the weights can take as long as a fourth product."""

_THREADS = 1
"""More gain nothing beside the products, and each needs memory to work in."""

_SLAB = 2**20
"""Entries of the gradient of the weights that are added at a time."""

Gradients = tuple[Array, Array, Array | None]
"""With respect to the inputs, the weights and the bias."""


def linear_cross_entropy_value_and_grad(
    inputs: ArrayLike,
    weight: ArrayLike,
    target: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    memory: int = 2**27,
) -> tuple[float, Gradients]:
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
    its relative accuracy.

    References
    ----------
    E. Wijmans et al., Cut your losses in large-vocabulary language models, arXiv:2411.09009 (2024), for
    the two passes; P.-L. Hsu et al., Liger Kernel: efficient Triton kernels for LLM training,
    arXiv:2410.10989 (2024), for chunks of rows.

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
        return _in_memory(head, _checks.count(memory, "memory"))


class _Head(NamedTuple):
    """The operands, of one dtype."""

    x: Array
    w: Array
    labels: Array
    b: Array | None

    def logits(self, rows: slice, classes: slice, buffer: Array) -> Array:
        """Write the logits of some rows and classes into the buffer."""
        x, w = self.x[rows], self.w[classes]
        z = buffer[: len(x) * len(w)].reshape(len(x), len(w))
        np.matmul(x, w.T, out=z)
        if self.b is not None:
            z += self.b[classes]
        return z

    def here(self, classes: slice) -> tuple[Array, Array]:
        """Return the rows whose label is among the classes, and its column there."""
        rows = np.flatnonzero((self.labels >= classes.start) & (self.labels < classes.stop))
        return rows, self.labels[rows] - classes.start


def _head(inputs: Any, weight: Any, target: Any, bias: Any) -> _Head:
    given = {"inputs": inputs, "weight": weight} | ({} if bias is None else {"bias": bias})
    given = {name: _arrays.on_numpy(value, name) for name, value in given.items()}
    dtypes = {name: _arrays.kernel_dtype(a.dtype) for name, a in given.items()}
    for name, dtype in dtypes.items():
        if dtype is None:
            message = (
                f"{name} must be real numbers of at most 64 bits, but their dtype is {given[name].dtype}"
            )
            raise TypeError(message)
    x, w, *b = (np.ascontiguousarray(a, np.result_type(*dtypes.values())) for a in given.values())
    fits = x.ndim == w.ndim == 2 and x.shape[1] == w.shape[1] > 0 and len(w) > 0
    if not fits or (b and b[0].shape != (len(w),)):
        shapes = ", ".join(f"{name} {a.shape}" for name, a in given.items())
        message = f"inputs must have shape (N, D), weight (K, D) and bias (K,), but the shapes are {shapes}"
        raise ValueError(message)
    if len(x) == 0:
        message = "no mean over nothing: the inputs have no row"
        raise ValueError(message)
    t = _arrays.on_numpy(target, "target")
    if t.dtype.kind not in "iu":
        message = f"target must be labels, integers of shape ({len(x)},), but its dtype is {t.dtype}"
        raise TypeError(message)
    if t.shape != (len(x),):
        _arrays.refuse_shape("target", t.shape, (len(x),), "one label for each row of the inputs")
    _checks.check_labels(t, len(w), "labels in target")
    return _Head(x, w, t.astype(np.intp, copy=False), b[0] if b else None)


def _in_memory(head: _Head, memory: int) -> tuple[float, Gradients]:
    (rows, features), classes, item = head.x.shape, len(head.w), head.x.itemsize
    # Chunks of rows: their logits, the kernel's scratch and a slab of the gradient of the weights.
    fixed = 3 * _kernel.BLOCK + _SLAB * item
    chunk = (memory - fixed) // (classes * item)
    if chunk >= min(rows, _ROWS):
        return _by_rows(head, min(rows, chunk))
    # Chunks of classes: their logits, and a term of the gradient of the inputs.
    chunk = (memory - 3 * _kernel.BLOCK - rows * features * item) // (rows * item)
    if chunk < 1:
        least = 3 * _kernel.BLOCK + rows * (features + 1) * item
        message = f"memory must be at least {least} bytes for {rows} rows of {features}, but is {memory}"
        raise ValueError(message)
    return _by_classes(head, min(classes, chunk))


def _cut(length: int, step: int) -> list[slice]:
    """Cut a range into nearly equal slices of at most `step`."""
    parts = -(-length // step)
    return [slice(k * length // parts, (k + 1) * length // parts) for k in range(parts)]


# --- Chunks of rows --------------------------------------------------------------------------------


def _by_rows(head: _Head, chunk: int) -> tuple[float, Gradients]:
    """Three products: logits, their gradient written over them, and from it those of the operands."""
    x, w, labels, b = head
    d_x, d_w, d_b = np.empty_like(x), np.empty_like(w), None if b is None else np.zeros(len(w))
    buffer = np.empty(chunk * len(w), x.dtype)
    slabs = _cut(len(w), max(1, _SLAB // x.shape[1]))
    term = np.empty((slabs[0].stop + 1, x.shape[1]), x.dtype)
    losses = []
    for rows in _cut(len(x), chunk):
        z = head.logits(rows, slice(None), buffer)
        try:
            loss, count = mean_of(Batch(z, z.shape[:1], labels[rows], None), _THREADS, z)
        except InvalidLogitsError as error:
            raise error.within(labels.shape, row=rows.start) from None
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


# --- Chunks of classes -----------------------------------------------------------------------------


def _by_classes(head: _Head, chunk: int) -> tuple[float, Gradients]:
    """Four products: the logits are computed again once their log-sum-exp is known."""
    buffer = np.empty(len(head.x) * chunk, head.x.dtype)
    parts = _cut(len(head.w), chunk)
    own, total = _totals(head, parts, buffer)
    losses = (total.maximum - own) + np.log1p(total.rest)  # nothing cancels
    return float(losses.mean()), _gradients(head, parts, buffer, total.value, np.expm1(-losses))


def _totals(head: _Head, parts: list[slice], buffer: Array) -> tuple[Array, Total]:
    """Return the logit of each label, and the log-sum-exp of all classes."""
    own = np.empty(len(head.x))
    # The label's logit is taken out of its chunk and comes last, so that the others keep their sum.
    total = Total(np.full(len(own), -np.inf), np.zeros(len(own)))
    for classes in parts:
        z = head.logits(slice(None), classes, buffer)
        here = head.here(classes)
        own[here[0]] = z[here]
        z[here] = np.where(own[here[0]] < np.inf, -np.inf, own[here[0]])  # nan and inf stay, to be refused
        try:
            total = merged(total, Total(*_kernel.largest_and_rest(z, _THREADS)))
        except InvalidLogitsError as error:
            raise error.within(own.shape, column=classes.start) from None
    total = merged(total, Total(own, np.zeros(len(own))))
    masked = np.isneginf(total.maximum)
    if masked.any():
        raise InvalidLogitsError(_checks.first_place(masked), -math.inf)
    return own, total


def _gradients(head: _Head, parts: list[slice], buffer: Array, total: Array, own: Array) -> Gradients:
    """Return the gradients from log-sum-exp and, of each row, the label's probability less 1."""
    x, w, _, b = head
    d_x, d_w, d_b = np.zeros_like(x), np.empty_like(w), None if b is None else np.empty(len(w), x.dtype)
    term = np.empty_like(x)
    for classes in parts:
        z = head.logits(slice(None), classes, buffer)
        for rows in _kernel.blocks(z.shape, z.itemsize):
            gap = np.subtract(z[rows], total[rows, None])  # in float64
            np.multiply(np.exp(gap, out=gap), 1 / len(x), out=z[rows], casting="same_kind")
        here = head.here(classes)
        z[here] = own[here[0]] / len(x)
        d_x += np.matmul(z, w[classes], out=term)
        np.matmul(z.T, x, out=d_w[classes])
        if d_b is not None:
            d_b[classes] = z.sum(axis=0, dtype=np.float64)
    return d_x, d_w, d_b
