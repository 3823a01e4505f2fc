"""Mean cross-entropy of a batch and its gradient, fast, on NumPy."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from xentlib import _arrays, _checks, _kernel
from xentlib._arrays import Array
from xentlib._kernel import InvalidLogitsError

# --- What a batch is -------------------------------------------------------------------------------


class Batch(NamedTuple):
    """Logits as the kernel takes them, with a target for each row."""

    z: Array
    shape: tuple[int, ...]
    """That of the samples, of which each is a row."""
    labels: Array | None
    distributions: Array | None
    """One of the two is there."""
    row_weight: Array | None = None
    """Of float64; None is 1."""
    class_weight: Array | None = None
    label_smoothing: float = 0.0

    @property
    def soft(self) -> bool:
        """Whether the targets of more than one class may be positive."""
        return self.labels is None or self.label_smoothing > 0

    def soft_target(self, rows: slice) -> Array:
        """Return distributions, smoothed and times the class weights, in the dtype of the logits."""
        z, s = self.z[rows], self.label_smoothing
        if self.distributions is None:
            labels: Any = self.labels
            y = np.full(z.shape, s / z.shape[1], z.dtype)
            y[np.arange(len(z)), labels[rows]] += 1 - s
        else:
            y = self.distributions[rows].astype(z.dtype, copy=False)
            if s:
                y = (1 - s) * y + z.dtype.type(s / z.shape[1])
        return y if self.class_weight is None else y * self.class_weight.astype(z.dtype)


def read_batch(
    logits: Any, target: Any, class_weight: Any, sample_weight: Any, ignore_index: Any, label_smoothing: Any
) -> tuple[Batch, Array]:
    """Return what was given, checked, as a batch; and the logits as they came."""
    given = _arrays.on_numpy(logits, "logits")
    found = _arrays.rows(np, given, -1, "logits")
    z = found.matrix()
    if z is None:
        message = f"logits must be real numbers of at most 64 bits, but their dtype is {given.dtype}"
        raise TypeError(message)
    y = _arrays.on_numpy(target, "target")
    kept = None
    if ignore_index is not None:
        if y.dtype.kind not in "iu":
            message = "ignore_index needs labels: give distributions that do not count a sample weight of 0"
            raise ValueError(message)
        kept = y != _checks.integer(ignore_index, "ignore_index")
        y = np.where(kept, y, 0)
    y = _checks.check_target(found, y)
    are_labels = y.dtype.kind in "iu"
    weight = None
    if sample_weight is not None:
        weight = _checks.check_weights(sample_weight, found.batch, "sample_weight").reshape(-1)
    if kept is not None:
        weight = kept.reshape(-1) * (1.0 if weight is None else weight)
    batch = Batch(
        z,
        found.batch,
        y.astype(np.intp, copy=False).reshape(-1) if are_labels else None,
        None if are_labels else _arrays.as_matrix(y, np.promote_types(y.dtype, np.float32)),
        weight,
        None if class_weight is None else _checks.check_weights(class_weight, z.shape[1:], "class_weight"),
        _checks.share(label_smoothing, "label_smoothing"),
    )
    return batch, given


def weights(batch: Batch) -> tuple[Array, float]:
    """Return what the loss of each row counts in the sum, and what the sum is divided by."""
    z, w = batch.z, batch.class_weight
    ones = np.broadcast_to(1.0, len(z)) if batch.row_weight is None else batch.row_weight
    if w is None:
        return ones, float(len(z) if batch.row_weight is None else ones.sum())
    if batch.labels is None:
        parts = _kernel.blocks(z.shape, z.itemsize)
        inside = np.concatenate([_kernel.row_sums(batch.soft_target(rows)) for rows in parts] or [ones])
        return ones, float(ones @ inside)
    of_label = w[batch.labels]
    if batch.label_smoothing:
        inside = (1 - batch.label_smoothing) * of_label + batch.label_smoothing * w.mean()
        return ones, float(ones @ inside)
    return ones * of_label, float(ones @ of_label)


# --- Its mean --------------------------------------------------------------------------------------


def mean_of(batch: Batch, threads: int | None = None, gradient: Array | None = None) -> tuple[float, float]:
    """Return the mean and what was divided by, and write the gradient."""
    weight, total = weights(batch)
    if not total > 0:
        message = (
            "no mean over nothing: the batch is empty"
            if len(batch.z) == 0
            else "no mean over nothing: the weights of the samples that are not ignored sum to 0"
        )
        raise ValueError(message)
    of_rows = _soft_rows if batch.soft else _label_rows

    losses: list[float] = []

    def of_block(rows: slice, room: Array) -> None:
        out = None if gradient is None else gradient[rows]
        losses.append(of_rows(batch, rows, weight[rows] / total, room, out))

    try:
        _kernel.each_block(batch.z, of_block, gradient, threads)
    except InvalidLogitsError as error:
        raise error.within(batch.shape) from None
    return math.fsum(losses), total  # exact, so that the blocks may come in any order


def _label_rows(batch: Batch, rows: slice, share: Array, scratch: Array, gradient: Array | None) -> float:
    """Return the sum of the rows' losses times their shares, and write share * (p - y)."""
    labels: Any = batch.labels
    found = _kernel.label_losses(batch.z, labels, rows, scratch)
    if gradient is not None:
        total = found.own + found.rest
        _scale(found.terms, share, total, gradient)
        gradient.reshape(-1)[found.place] = 0 - share * (found.rest / total)
    return _weighted_sum(found.loss, share)


def _soft_rows(batch: Batch, rows: slice, share: Array, scratch: Array, gradient: Array | None) -> float:
    """Return the sum of the rows' losses times their shares, and write share * (p sum(y) - y)."""
    y = batch.soft_target(rows)
    found = _kernel.soft_losses(batch.z, y, rows, scratch)
    if gradient is not None:
        found.terms.reshape(-1)[found.place] = found.own
        _scale(found.terms, _kernel.row_sums(y) * share, found.own + found.rest, gradient)
        weighted = np.empty_like(y)
        _kernel.scale_rows(y, share, weighted)
        gradient -= weighted
    return _weighted_sum(found.loss, share)


def _scale(terms: Array, share: Array, total: Array, out: Array) -> None:
    scale = share / total
    if scale.min() >= np.finfo(out.dtype).tiny:
        _kernel.scale_rows(terms, scale, out)
    else:  # the share of a very small weight: the probability first, lest the quotient vanish
        _kernel.scale_rows(terms, 1 / total, out)
        _kernel.scale_rows(out, share, out)


def _weighted_sum(loss: Array, share: Array) -> float:
    terms = loss * share
    total = float(np.add.reduce(terms))
    # 0 times an infinite loss is 0: the sample does not count.
    return float(terms.sum(where=share > 0)) if math.isnan(total) else total


def mean_cross_entropy(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    class_weight: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    threads: int | None = None,
) -> float:
    r"""Return the mean cross-entropy of a batch.

    Parameters
    ----------
    logits : array_like
        Shape ``(..., K)``. This and the other parameters are as `xentlib` states.
    target : array_like
        Labels, shape ``(...)``, or distributions, shape ``(..., K)``.
    class_weight : array_like, optional
        Shape ``(K,)``, not negative, and not all 0.
    sample_weight : array_like, optional
        Shape ``(...)``, not negative, and not all 0.
    ignore_index : int, optional
        Samples with this label do not count.
    label_smoothing : float
        The share of the uniform distribution, from 0 to 1.
    threads : int, optional
        At most how many threads share the work, the calling one among them. By default as many as this
        process has cores, if the batch is large enough for that to gain.

    Returns
    -------
    float
        Nats. Each sample's loss is within 4 eps of its value (eps of the logits' dtype; 6 with weights or
        smoothing), and their mean is taken in float64. It is inf if a target gives weight to a masked
        class, as smoothing does to every class.

    Raises
    ------
    TypeError
        If an argument has another kind of dtype than `xentlib` states.
    ValueError
        If a logit is nan or +inf or a sample's are all -inf, a label is out of range, a distribution
        is negative or does not sum to 1, a weight is negative or of the wrong shape, or nothing is
        left to average. The message names the first place.

    Notes
    -----
    .. math:: \ell = \log \Bigl(1 + \sum_{k \ne y} e^{z_k} \Big/ e^{z_y}\Bigr)

    for a label y, with a shift where an exponential would leave the range of the dtype; for a distribution

    .. math:: \ell = \sum_j y_j \bigl((m - z_j) + \log(1 + r)\bigr)

    with m the largest logit and r the sum of :math:`e^{z_k - m}` over the other classes. No term is
    negative, so nothing cancels.

    References
    ----------
    The proofs are the claims ``loss-from-logits`` and ``loss-is-mean-cross-entropy`` of the book.

    Examples
    --------
    A confident prediction keeps its loss, where the textbook form rounds it to 0.

    >>> z = np.array([[40.0, 0.0]])
    >>> float(np.log(np.exp(z).sum()) - z[0, 0])
    0.0
    >>> print(f"{mean_cross_entropy(z, [0]):.12g}")
    4.24835425529e-18
    """
    batch, _ = read_batch(logits, target, class_weight, sample_weight, ignore_index, label_smoothing)
    return mean_of(batch, None if threads is None else _checks.count(threads, "threads"))[0]


def mean_cross_entropy_value_and_grad(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    class_weight: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    threads: int | None = None,
    out: Array | None = None,
) -> tuple[float, Array]:
    r"""Return the mean cross-entropy of a batch and its gradient with respect to the logits.

    Parameters
    ----------
    logits : array_like
        Shape ``(..., K)``. This and the other parameters are as `xentlib` states.
    target : array_like
        Labels, shape ``(...)``, or distributions, shape ``(..., K)``.
    class_weight : array_like, optional
        Shape ``(K,)``, not negative, and not all 0.
    sample_weight : array_like, optional
        Shape ``(...)``, not negative, and not all 0.
    ignore_index : int, optional
        Samples with this label do not count; their gradient is 0.
    label_smoothing : float
        The share of the uniform distribution, from 0 to 1.
    threads : int, optional
        At most how many threads share the work, the calling one among them. By default as many as this
        process has cores, if the batch is large enough for that to gain.
    out : ndarray, optional
        For the gradient: C-contiguous, in the shape and dtype of the logits. It may be the logits
        themselves; after an error its content is undefined.

    Returns
    -------
    loss : float
        As from `mean_cross_entropy`.
    gradient : ndarray
        In the shape and dtype of the logits, `out` if that was given. For labels each entry is
        within 4 eps of its value, also where p - 1 would cancel. For distributions and smoothed
        labels it is a difference, within 4 eps (p + y) times the weight.

    Raises
    ------
    TypeError
        As `mean_cross_entropy`, or if `out` is no array of the logits' dtype.
    ValueError
        As `mean_cross_entropy`, or if `out` has another shape, is not contiguous or writeable, or
        overlaps an input without being the logits.

    Notes
    -----
    .. math:: \frac{\partial L}{\partial z_{ij}} = v_i \frac{p_{ij} \sum_k w_k y_{ik} - w_j y_{ij}}
        {\sum_i v_i \sum_j w_j y_{ij}}, \qquad p_y - 1 = -\sum_{k \ne y} p_k

    References
    ----------
    The proofs are the claims ``batch-gradient`` and ``weighted-gradient`` of the book; the weighted
    mean divides as PyTorch's ``CrossEntropyLoss`` does for labels.

    Examples
    --------
    >>> loss, gradient = mean_cross_entropy_value_and_grad(np.array([[40.0, 0.0]]), [0])
    >>> gradient
    array([[-4.24835426e-18,  4.24835426e-18]])
    """
    batch, given = read_batch(logits, target, class_weight, sample_weight, ignore_index, label_smoothing)
    threads = None if threads is None else _checks.count(threads, "threads")
    dtype = given.dtype.newbyteorder("=") if given.dtype.kind == "f" else batch.z.dtype
    if out is None:
        result = np.empty(given.shape, dtype)
    else:
        result = _checked_out(out, given, dtype, (target, class_weight, sample_weight))
    if dtype == batch.z.dtype:
        loss, _ = mean_of(batch, threads, result.reshape(batch.z.shape))
    else:  # float16 is rounded once, from float32
        gradient = np.empty_like(batch.z)
        loss, _ = mean_of(batch, threads, gradient)
        result[...] = gradient.reshape(given.shape)
    return loss, result


def _checked_out(out: Any, logits: Array, dtype: np.dtype[Any], others: tuple[Any, ...]) -> Array:
    if not isinstance(out, np.ndarray) or out.dtype != dtype:
        message = f"out must be an array of {dtype}, but is of {getattr(out, 'dtype', type(out).__name__)}"
        raise TypeError(message)
    if out.shape != logits.shape or not out.flags.c_contiguous or not out.flags.writeable:
        message = (
            f"out must be C-contiguous and writeable, of shape {logits.shape}, but has shape {out.shape} "
            f"and strides {out.strides}, and is {'' if out.flags.writeable else 'not '}writeable"
        )
        raise ValueError(message)
    same = out.ctypes.data == logits.ctypes.data and out.strides == logits.strides
    if any(np.may_share_memory(out, a) for a in ([] if same else [logits]) + [np.asarray(b) for b in others]):
        message = "out must be the logits themselves or share no memory with an input, but overlaps one"
        raise ValueError(message)
    return out
