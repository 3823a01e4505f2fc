"""Cross-entropy as training needs it: means over large batches with their gradients, on NumPy.

Conventions of this module:

- Logits have shape ``(..., K)``: any batch axes, then the classes. -inf rules a class out; a batch
  that holds nan or +inf, or a sample with all classes ruled out, is refused, also where its weight
  is 0. float16 is computed in float32 and rounded once, integers and booleans are float64.
- Targets are labels (integers from 0 to K - 1, shape ``(...)``) or distributions (floating point,
  shape ``(..., K)``, not negative, with sums within sqrt(eps) of 1; they are used as they are,
  in the dtype of the logits).
- Smoothing s turns a target y into (1 - s) y + s/K.
- The mean is weighted: with sample weights v and class weights w,

  .. math:: L = \\frac{\\sum_i v_i \\sum_j w_j y_{ij} (A(z_i) - z_{ij})}{\\sum_i v_i \\sum_j w_j y_{ij}}

  where A is log-sum-exp. An ignored label has v = 0. For plain labels that is PyTorch's mean;
  PyTorch divides smoothed losses by the weights of their labels instead, and those of
  distributions by their number. Without class weights the sums of distributions count as 1.
- A sample or class of weight 0 contributes 0, also where its loss is infinite.

Results do not depend on `threads`, a number of threads that share the blocks of rows; whether
they gain time depends on the machine, and little is to be gained below a million logits.
"""

from __future__ import annotations

import math
import operator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from xentlib import _kernel as kernel
from xentlib._kernel import BadRow

Array = np.ndarray[Any, np.dtype[Any]]


# A label's term below this is rare, and the quotient by it might overflow.
_SMALL = 1e-150


def _rows(value: Any, name: str) -> tuple[Array, Array]:
    """Return the value as rows that the kernel takes, and as the array it came as."""
    given = np.asarray(value)
    if given.dtype.kind not in "biuf" or given.dtype.itemsize > 8:
        message = f"{name} must be real numbers of at most 64 bits, but the dtype is {given.dtype}"
        raise TypeError(message)
    if given.ndim == 0 or given.shape[-1] == 0:
        message = f"{name} must have an axis of at least one class, but the shape is {given.shape}"
        raise ValueError(message)
    z = given.reshape(-1, given.shape[-1])
    return np.ascontiguousarray(z, _work_dtype(given.dtype)), given


def _work_dtype(dtype: np.dtype[Any]) -> type[np.floating[Any]]:
    return np.float32 if dtype.kind == "f" and dtype.itemsize <= 4 else np.float64


def _weights(value: Any, shape: tuple[int, ...], name: str) -> Array:
    weight = np.asarray(value)
    if weight.dtype.kind not in "biuf":
        message = f"{name} must be real numbers, but the dtype is {weight.dtype}"
        raise TypeError(message)
    if weight.shape != shape:
        message = f"{name} must have shape {shape}, but has {weight.shape}"
        raise ValueError(message)
    weight = weight.astype(np.float64)
    bad = ~((weight >= 0) & (weight < np.inf))
    if bad.any():
        place = _first(bad)
        message = f"{name} must be finite and not negative, but is {weight[place]} at {_show(place)}"
        raise ValueError(message)
    if not weight.any():
        message = f"{name} must not be all zero: there is no mean over nothing"
        raise ValueError(message)
    return weight.reshape(-1)


def _first(bad: Array) -> tuple[int, ...]:
    return tuple(map(int, np.argwhere(bad)[0]))


def _show(place: tuple[int, ...]) -> str:
    return str(place[0] if len(place) == 1 else place)


def _labels(target: Array, classes: int, ignored: int | None) -> tuple[Array, Array | None]:
    """Return the labels as indices, and which count (None: all)."""
    kept = None if ignored is None else target != ignored
    labels = target if kept is None else np.where(kept, target, 0)
    if labels.size and (labels.min() < 0 or labels.max() >= classes):
        place = _first((labels < 0) | (labels >= classes))
        message = (
            f"target: labels must be from 0 to {classes - 1}"
            f"{'' if ignored is None else f' or the ignored label {ignored}'}, "
            f"but the label at {_show(place)} is {labels[place]}"
        )
        raise ValueError(message)
    # Only now: a larger integer type could wrap.
    flat = labels.astype(np.intp, copy=False).reshape(-1)
    return flat, None if kept is None else kept.reshape(-1)


def _distributions(target: Array) -> Array:
    y = np.ascontiguousarray(target.reshape(-1, target.shape[-1]), _work_dtype(target.dtype))
    tolerance = math.sqrt(np.finfo(target.dtype).eps)
    for rows in kernel.blocks(y.shape, y.itemsize):
        if not y[rows].min() >= 0:
            row, column = _first(~(y[rows] >= 0))
            place = (*_place(row + rows.start, target.shape[:-1]), column)
            message = f"target: probabilities must not be negative, but the one at {place} is {target[place]}"
            raise ValueError(message)
        with np.errstate(over="ignore"):
            sums = kernel.row_sums(y[rows])
        off = ~(np.abs(sums - 1) <= tolerance)
        if off.any():
            (row,) = _first(off)
            place = _place(row + rows.start, target.shape[:-1])
            message = (
                f"target: distributions must sum to 1 (within {tolerance:.1e}), but the one at "
                f"{_show(place)} sums to {sums[row]}"
            )
            raise ValueError(message)
    return y


def _place(row: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(map(int, np.unravel_index(row, shape)))


class _Batch(NamedTuple):
    z: Array
    given: Array
    labels: Array | None
    distributions: Array | None
    weight: Array | None
    """Of each row, of float64: in the numerator, and in the denominator but for _total's; None is 1."""
    class_weight: Array | None
    smoothing: float

    @property
    def soft(self) -> bool:
        return self.labels is None or self.smoothing > 0


def _batch(
    logits: Any, target: Any, class_weight: Any, sample_weight: Any, ignore_label: Any, smoothing: float
) -> _Batch:
    z, given = _rows(logits, "logits")
    if not 0 <= smoothing <= 1:
        message = f"smoothing must be from 0 to 1, but is {smoothing}"
        raise ValueError(message)
    labels, y, kept = _target(target, given, ignore_label)
    weight = None if sample_weight is None else _weights(sample_weight, given.shape[:-1], "sample_weight")
    if kept is not None:
        weight = kept.astype(np.float64) if weight is None else weight * kept
    per_class = None if class_weight is None else _weights(class_weight, given.shape[-1:], "class_weight")
    return _Batch(z, given, labels, y, weight, per_class, float(smoothing))


def _target(target: Any, logits: Array, ignore_label: Any) -> tuple[Array | None, Array | None, Array | None]:
    t = np.asarray(target)
    batch = logits.shape[:-1]
    if t.dtype.kind in "iu" and t.shape == batch:
        ignored = None if ignore_label is None else operator.index(ignore_label)
        labels, kept = _labels(t, logits.shape[-1], ignored)
        return labels, None, kept
    if t.dtype.kind == "f" and t.shape == logits.shape and t.dtype.itemsize <= 8:
        if ignore_label is not None:
            message = "ignore_label needs labels: give distributions that do not count a sample weight of 0"
            raise ValueError(message)
        return None, _distributions(t), None
    message = (
        f"target must be labels (integers of shape {batch}) or distributions (floating point, of at most "
        f"64 bits, of shape {logits.shape}), but has dtype {t.dtype} and shape {t.shape}"
    )
    raise (ValueError if t.dtype.kind in "iuf" and t.shape not in (batch, logits.shape) else TypeError)(
        message
    )


def _row_weights(batch: _Batch) -> tuple[float | Array, float]:
    """Return what each row's loss counts in the sum, and the denominator."""
    z, w = batch.z, batch.class_weight
    weight: Array | None = batch.weight
    if w is None:
        return (1.0, float(len(z))) if weight is None else (weight, float(weight.sum()))
    ones = np.ones(len(z)) if weight is None else weight
    if batch.labels is not None:
        of_label = w[batch.labels]
        if not batch.smoothing:
            return ones * of_label, float(ones @ of_label)
        inside = (1 - batch.smoothing) * of_label + batch.smoothing * w.mean()
    else:
        parts = kernel.blocks(z.shape, z.itemsize)
        inside = np.concatenate([kernel.row_sums(_soft_target(batch, rows)) for rows in parts] or [ones])
    return ones, float(ones @ inside)


def _mean(batch: _Batch, threads: int, gradient: Array | None) -> tuple[float, float]:
    """Return the mean and its denominator, and write the gradient."""
    weight, total = _row_weights(batch)
    if not total > 0:
        message = (
            "no mean over nothing: the batch is empty"
            if len(batch.z) == 0
            else "no mean over nothing: the weights of the samples that are not ignored sum to 0"
        )
        raise ValueError(message)
    share = weight / total
    parts = kernel.blocks(batch.z.shape, batch.z.itemsize)
    of_rows = _soft_rows if batch.soft else _label_rows

    def work(part: list[slice]) -> list[float]:
        scratch = kernel.scratch_for(batch.z)
        with np.errstate(all="ignore"):
            return [
                of_rows(
                    batch,
                    rows,
                    share if isinstance(share, float) else share[rows],
                    scratch,
                    None if gradient is None else gradient[rows],
                )
                for rows in part
            ]

    try:
        if threads == 1 or len(parts) == 1:
            losses = work(parts)
        else:
            shares = [
                parts[k * len(parts) // threads : (k + 1) * len(parts) // threads] for k in range(threads)
            ]
            with ThreadPoolExecutor(threads) as pool:
                losses = [loss for done in pool.map(work, shares) for loss in done]
    except BadRow as error:
        if batch.given.ndim == 2:
            raise
        place = _place(operator.index(error.row), batch.given.shape[:-1])  # type: ignore[arg-type]
        raise BadRow(place, error.column, error.value) from None
    return math.fsum(losses), total


def _label_rows(
    batch: _Batch, rows: slice, share: float | Array, scratch: Array, gradient: Array | None
) -> float:
    """Return the sum of the losses log1p(rest / own), and write p - y, of which p_y - 1 is -rest / total."""
    labels: Any = batch.labels
    block = batch.z[rows]
    place = kernel.places(labels[rows], block.shape[1])
    terms, shift, own, rest = kernel.exponentials(batch.z, rows, scratch, place)
    total = own + rest
    loss = np.log1p(rest / own)
    if np.minimum.reduce(own) < _SMALL:
        far = own < _SMALL
        logit = block.reshape(-1).take(place[far])
        loss[far] = np.log(total[far]) + (0 if shift is None else shift[far]) - logit
    if gradient is not None:
        _scale(terms, share, total, gradient)
        gradient.reshape(-1)[place] = 0 - share * (rest / total)
    return _weighted_sum(loss, share)


def _scale(terms: Array, share: float | Array, total: Array, out: Array) -> None:
    scale = share / total
    if isinstance(share, float) or scale.min() >= np.finfo(out.dtype).tiny:
        kernel.scale_rows(terms, scale, out)
    else:  # the share of a very small weight: the probability first, lest the quotient vanish
        kernel.scale_rows(terms, 1 / total, out)
        kernel.scale_rows(out, share, out)


def _weighted_sum(loss: Array, share: float | Array) -> float:
    if isinstance(share, float):
        return float(np.add.reduce(loss)) * share
    return float((loss * share).sum(where=share > 0))  # 0 times an infinite loss is 0


def _soft_target(batch: _Batch, rows: slice) -> Array:
    """Return the rows' distributions, smoothed and times the class weights, in the dtype of the logits."""
    z, s = batch.z[rows], batch.smoothing
    if batch.distributions is None:
        labels: Any = batch.labels
        y = np.full(z.shape, s / z.shape[1], z.dtype)
        y[np.arange(len(z)), labels[rows]] += 1 - s
    else:
        y = batch.distributions[rows].astype(z.dtype, copy=False)
        if s:
            y = (1 - s) * y + z.dtype.type(s / z.shape[1])
    return y if batch.class_weight is None else y * batch.class_weight.astype(z.dtype)


def _soft_rows(
    batch: _Batch, rows: slice, share: float | Array, scratch: Array, gradient: Array | None
) -> float:
    """Return the sum of the rows' losses, with m the maximum: sum(y) log1p(rest / own) + sum(y (m - z))."""
    block, y = batch.z[rows], _soft_target(batch, rows)
    place = kernel.places(block.argmax(axis=1), block.shape[1])
    terms, _, own, rest = kernel.exponentials(batch.z, rows, scratch, place)
    mass = kernel.row_sums(y)
    gap = (block.reshape(-1).take(place)[:, None] - block) * y
    sums = kernel.row_sums(gap)
    if np.isnan(sums).any():
        gap[y == 0] = 0  # 0 times infinity: a class ruled out by both
        sums = kernel.row_sums(gap)
    loss = mass * np.log1p(rest / own) + sums
    if gradient is not None:
        terms.reshape(-1)[place] = own
        _scale(terms, mass * share, own + rest, gradient)
        kernel.scale_rows(y, np.broadcast_to(np.asarray(share), len(y)), gap)
        gradient -= gap
    return _weighted_sum(loss, share)


def _threads(threads: int) -> int:
    if operator.index(threads) < 1:
        message = f"threads must be at least 1, but is {threads}"
        raise ValueError(message)
    return threads


def mean_cross_entropy(
    logits: Any,
    target: Any,
    *,
    class_weight: Any = None,
    sample_weight: Any = None,
    ignore_label: int | None = None,
    smoothing: float = 0.0,
    threads: int = 1,
) -> float:
    r"""Return the mean cross-entropy of a batch.

    Parameters
    ----------
    logits : array_like
        Shape ``(..., K)``. This and the other parameters are as the module states.
    target : array_like
        Labels, shape ``(...)``, or distributions, shape ``(..., K)``.
    class_weight : array_like, optional
        Shape ``(K,)``, not negative.
    sample_weight : array_like, optional
        Shape ``(...)``, not negative.
    ignore_label : int, optional
        Samples with this label do not count.
    smoothing : float
        From 0 to 1.
    threads : int
        How many threads share the work.

    Returns
    -------
    float
        Nats. Each sample's loss is within 4 eps of its value (eps of the logits' dtype), and
        their mean is taken in float64; inf if a label's logit is -inf.

    Raises
    ------
    TypeError
        If an argument has another kind of dtype than the module states.
    ValueError
        If a logit is nan or +inf or a sample's are all -inf, a label is out of range, a distribution
        is negative or does not sum to 1, a weight is negative or of the wrong shape, or nothing is
        left to average. The message names the first place.

    Notes
    -----
    .. math:: \ell = \log \Bigl(1 + \sum_{k \ne y} e^{z_k} \Big/ e^{z_y}\Bigr)

    for a label y; for a distribution, with m the largest logit,
    :math:`\sum_j y_j (m - z_j) + \log \sum_k e^{z_k - m}`: all terms are positive, so nothing
    cancels. The proof is in the chapters on cross-entropy.

    Examples
    --------
    A confident prediction keeps its loss, where the textbook form rounds it to 0.

    >>> z = np.array([[40.0, 0.0]])
    >>> float(np.log(np.exp(z).sum()) - z[0, 0])
    0.0
    >>> print(f"{mean_cross_entropy(z, [0]):.12g}")
    4.24835425529e-18
    """
    batch = _batch(logits, target, class_weight, sample_weight, ignore_label, smoothing)
    return _mean(batch, _threads(threads), None)[0]


def mean_cross_entropy_value_and_grad(
    logits: Any,
    target: Any,
    *,
    class_weight: Any = None,
    sample_weight: Any = None,
    ignore_label: int | None = None,
    smoothing: float = 0.0,
    threads: int = 1,
    out: Array | None = None,
) -> tuple[float, Array]:
    r"""Return the mean cross-entropy of a batch and its gradient with respect to the logits.

    Parameters
    ----------
    logits : array_like
        Shape ``(..., K)``. This and the other parameters are as the module states.
    target : array_like
        Labels, shape ``(...)``, or distributions, shape ``(..., K)``.
    class_weight : array_like, optional
        Shape ``(K,)``, not negative.
    sample_weight : array_like, optional
        Shape ``(...)``, not negative.
    ignore_label : int, optional
        Samples with this label do not count; their gradient is 0.
    smoothing : float
        From 0 to 1.
    threads : int
        How many threads share the work.
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

    The proof is in the chapters on cross-entropy.

    Examples
    --------
    >>> loss, gradient = mean_cross_entropy_value_and_grad(np.array([[40.0, 0.0]]), [0])
    >>> gradient
    array([[-4.24835426e-18,  4.24835426e-18]])
    """
    batch = _batch(logits, target, class_weight, sample_weight, ignore_label, smoothing)
    given = batch.given
    dtype = given.dtype.newbyteorder("=") if given.dtype.kind == "f" else np.dtype(np.float64)
    if out is None:
        result = np.empty(given.shape, dtype)
    else:
        result = _checked_out(out, given, dtype, (target, class_weight, sample_weight))
    # float16 is rounded once, from float32.
    gradient = result.reshape(batch.z.shape) if result.dtype == batch.z.dtype else np.empty_like(batch.z)
    loss, _ = _mean(batch, _threads(threads), gradient)
    if result.dtype != batch.z.dtype:
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


class MeanCrossEntropy:
    """Mean cross-entropy over batches that come one after the other, or on several machines.

    Parameters
    ----------
    class_weight : array_like, optional
        As in `mean_cross_entropy`, like the others.
    ignore_label : int, optional
        Samples with this label do not count.
    smoothing : float
        From 0 to 1.

    Notes
    -----
    It holds the two sums of the weighted mean, in float64. Merging is associative and
    commutative but for rounding, of 1 eps of float64 an update.

    Examples
    --------
    >>> parts = MeanCrossEntropy(), MeanCrossEntropy()
    >>> parts[0].update([[0.0, 0.0]], [0])
    >>> parts[1].update([[40.0, 0.0], [0.0, 0.0]], [0, 1])
    >>> both = parts[0].merge(parts[1])
    >>> both.weight
    3.0
    >>> round(both.value / math.log(2), 12)
    0.666666666667
    """

    def __init__(
        self, *, class_weight: Any = None, ignore_label: int | None = None, smoothing: float = 0.0
    ) -> None:
        self._settings = (class_weight, ignore_label, smoothing)
        self._loss = self._weight = 0.0

    def update(self, logits: Any, target: Any, *, sample_weight: Any = None) -> None:
        """Add a batch, which may be empty or wholly ignored.

        Parameters
        ----------
        logits : array_like
            Shape ``(..., K)``.
        target : array_like
            Labels or distributions, as in `mean_cross_entropy`.
        sample_weight : array_like, optional
            Shape ``(...)``, not negative.

        Raises
        ------
        TypeError
            As `mean_cross_entropy`.
        ValueError
            As `mean_cross_entropy`, but for the mean over nothing.
        """
        class_weight, ignore_label, smoothing = self._settings
        batch = _batch(logits, target, class_weight, sample_weight, ignore_label, smoothing)
        if _row_weights(batch)[1] > 0:
            loss, weight = _mean(batch, 1, None)
            self._loss += loss * weight
            self._weight += weight

    def merge(self, other: MeanCrossEntropy, /) -> MeanCrossEntropy:
        """Return an accumulator of the batches of both.

        Parameters
        ----------
        other : MeanCrossEntropy
            Made with the same settings, which is not checked.

        Returns
        -------
        MeanCrossEntropy
            New: neither operand changes.
        """
        class_weight, ignore_label, smoothing = self._settings
        result = MeanCrossEntropy(class_weight=class_weight, ignore_label=ignore_label, smoothing=smoothing)
        result._loss = self._loss + other._loss
        result._weight = self._weight + other._weight
        return result

    @property
    def weight(self) -> float:
        """The denominator of the mean so far.

        Returns
        -------
        float
            The sum of the weights; without weights the number of samples.
        """
        return self._weight

    @property
    def value(self) -> float:
        """The mean so far.

        Returns
        -------
        float
            Nats.
        """
        if not self._weight > 0:
            message = "no mean over nothing: no sample of positive weight has come yet"
            raise ValueError(message)
        return self._loss / self._weight
