"""Log-sum-exp over classes, and mean cross-entropy over samples, that come in pieces."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from xentlib import _arrays, _kernel
from xentlib._arrays import Array
from xentlib._kernel import InvalidLogitsError
from xentlib._mean import mean_of, read_batch, weights


class Total(NamedTuple):
    """Log-sum-exp of each row as two numbers, whose sum would lose one of them."""

    maximum: Array
    """The largest logit, of float64; -inf where none is finite."""
    rest: Array
    """The sum of the other terms, relative to the largest."""

    @property
    def value(self) -> Array:
        """Nats, of float64."""
        return np.asarray(self.maximum + np.log1p(self.rest))


def merged(first: Total, second: Total) -> Total:
    """Return the log-sum-exp of the classes of both."""
    swap = second.maximum > first.maximum
    high, low = (
        np.where(swap, *pair) for pair in ((second.maximum, first.maximum), (first.maximum, second.maximum))
    )
    rest_high, rest_low = (
        np.where(swap, *pair) for pair in ((second.rest, first.rest), (first.rest, second.rest))
    )
    with np.errstate(all="ignore"):
        gap = low - high
        lost = _kernel.lost_in_difference(low, high, gap)
        lost = np.where(np.isfinite(lost), lost, 0)
        term = np.exp(gap) * (1 + lost)
        # A row without a finite logit so far has nothing to add.
        return Total(high, rest_high + np.where(np.isneginf(low), 0.0, (1 + rest_low) * term))


class LogSumExp:
    r"""Log-sum-exp over classes that come in pieces.

    It holds the largest logit m and the sum r of the other terms relative to it, in float64: so
    :math:`m + \log(1 + r)` keeps the probability of all other classes, however small. NumPy alone; the
    classes are the last axis.

    Notes
    -----
    With :math:`m_1 \ge m_2`, two accumulators merge to
    :math:`m = m_1, r = r_1 + (1 + r_2) e^{m_2 - m_1}`; what :math:`m_2 - m_1` loses to rounding is put back,
    and where :math:`m_2` is -inf nothing is added. That is associative and commutative but for rounding: in
    what was measured, each merge added less than 2 eps of float64 to the relative error of r. The sums within
    a piece are as accurate as those of `xentlib.logsumexp` in the dtype of the piece.

    References
    ----------
    M. Milakov and N. Gimelshein, Online normalizer calculation for softmax, arXiv:1805.02867 (2018).

    Examples
    --------
    >>> stream = LogSumExp()
    >>> for piece in ([[0.0]], [[-40.0, -40.0]]):
    ...     stream.update(piece)
    >>> stream.value
    array([8.49670851e-18])
    """

    def __init__(self) -> None:
        self._total: Total | None = None

    def update(self, logits: ArrayLike, /) -> None:
        """Add classes.

        Parameters
        ----------
        logits : array_like
            Shape ``(..., k)`` with the same batch axes each time; -inf, or k = 0, adds nothing.

        Raises
        ------
        TypeError
            If the logits are not real numbers.
        ValueError
            If a logit is nan or +inf, or the batch axes differ from those before.
        """
        found = _arrays.rows(np, _arrays.on_numpy(logits, "logits"), -1, "logits", no_class=True)
        z = found.matrix()
        if z is None:
            message = (
                f"logits must be real numbers of at most 64 bits, but their dtype is {found.values.dtype}"
            )
            raise TypeError(message)
        if z.shape[1] == 0:
            self._add(Total(np.full(found.batch, -np.inf), np.zeros(found.batch)))
            return
        try:
            parts = _kernel.largest_and_rest(z)
        except InvalidLogitsError as error:
            raise error.within(found.batch) from None
        self._add(Total(*(part.reshape(found.batch) for part in parts)))

    def _add(self, other: Total) -> None:
        if self._total is not None and self._total.maximum.shape != other.maximum.shape:
            message = f"the batch axes must stay {self._total.maximum.shape}, but are {other.maximum.shape}"
            raise ValueError(message)
        self._total = other if self._total is None else merged(self._total, other)

    def merge(self, other: LogSumExp, /) -> LogSumExp:
        """Return an accumulator of the classes of both.

        Parameters
        ----------
        other : LogSumExp
            Of the same batch axes, or without classes yet.

        Returns
        -------
        LogSumExp
            New: neither operand changes.

        Raises
        ------
        ValueError
            If the batch axes differ.
        """
        result = LogSumExp()
        for part in (self._total, other._total):
            if part is not None:
                result._add(part)
        return result

    @property
    def value(self) -> Array:
        """The log-sum-exp so far.

        Returns
        -------
        ndarray
            Nats, of float64, in the shape of the batch axes; -inf where no logit was finite.
        """
        if self._total is None:
            message = "no logits yet, so that the shape of the result is unknown: update first"
            raise ValueError(message)
        return self._total.value


class MeanCrossEntropy:
    """Mean cross-entropy over batches that come one after the other, or on several machines.

    Parameters
    ----------
    class_weight : array_like, optional
        As in `mean_cross_entropy`, like the others.
    ignore_index : int, optional
        Samples with this label do not count.
    label_smoothing : float
        From 0 to 1.

    Notes
    -----
    It holds the two sums of the weighted mean, in float64. Merging is associative and
    commutative but for rounding, of 1 eps of float64 an update.

    References
    ----------
    T. F. Chan, G. H. Golub and R. J. LeVeque, Algorithms for computing the sample variance,
    The American Statistician 37 (1983), on sums that are merged.

    Examples
    --------
    >>> parts = MeanCrossEntropy(), MeanCrossEntropy()
    >>> parts[0].update([[0.0, 0.0]], [0])
    >>> parts[1].update([[40.0, 0.0], [0.0, 0.0]], [0, 1])
    >>> both = parts[0].merge(parts[1])
    >>> both.weight
    3.0
    >>> round(both.value / float(np.log(2)), 12)
    0.666666666667
    """

    def __init__(
        self,
        *,
        class_weight: ArrayLike | None = None,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
    ) -> None:
        self._settings = (class_weight, ignore_index, label_smoothing)
        self._loss = self._weight = 0.0

    def update(self, logits: ArrayLike, target: ArrayLike, *, sample_weight: ArrayLike | None = None) -> None:
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
        class_weight, ignore_index, label_smoothing = self._settings
        batch, _ = read_batch(logits, target, class_weight, sample_weight, ignore_index, label_smoothing)
        if weights(batch)[1] > 0:
            loss, weight = mean_of(batch)
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
        class_weight, ignore_index, label_smoothing = self._settings
        result = MeanCrossEntropy(
            class_weight=class_weight, ignore_index=ignore_index, label_smoothing=label_smoothing
        )
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
