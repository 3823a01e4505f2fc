"""Log-sum-exp over classes that come in pieces."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from xentlib import _kernel as kernel
from xentlib._kernel import BadRow
from xentlib._mean import _place, _rows

Array = np.ndarray[Any, np.dtype[Any]]


class LogSumExp:
    r"""Log-sum-exp over classes that come in pieces.

    It holds the largest logit m and the sum r of the other terms relative to it, in float64: so
    :math:`m + \log(1 + r)` keeps what `xentlib.logsumexp` keeps.

    Notes
    -----
    With :math:`m_1 \ge m_2`, two accumulators merge to
    :math:`m = m_1, r = r_1 + (1 + r_2) e^{m_2 - m_1}`. That is associative and commutative but for
    rounding: each merge adds less than 2 eps to the relative error of r. Source: M. Milakov and
    N. Gimelshein, Online normalizer calculation for softmax, arXiv:1805.02867 (2018).

    Examples
    --------
    >>> stream = LogSumExp()
    >>> for piece in ([[0.0]], [[-40.0, -40.0]]):
    ...     stream.update(piece)
    >>> stream.value
    array([8.49670851e-18])
    """

    def __init__(self) -> None:
        self._state: tuple[Array, Array] | None = None

    def update(self, logits: Any, /) -> None:
        """Add classes.

        Parameters
        ----------
        logits : array_like
            Shape ``(..., k)`` with the same batch axes each time; -inf adds nothing.

        Raises
        ------
        TypeError
            If the logits are not real numbers.
        ValueError
            If a logit is nan or +inf, or the batch axes differ from those before.
        """
        z, given = _rows(logits, "logits")
        try:
            found = kernel.largest_and_rest(z)
        except BadRow as error:
            if given.ndim == 2:
                raise
            place = _place(operator.index(error.row), given.shape[:-1])  # type: ignore[arg-type]
            raise BadRow(place, error.column, error.value) from None
        maximum, rest = (part.reshape(given.shape[:-1]) for part in found)
        self._state = _merged(self._state, (maximum, rest))

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
        result._state = self._state if other._state is None else _merged(self._state, other._state)
        return result

    @property
    def value(self) -> Array:
        """The log-sum-exp so far.

        Returns
        -------
        ndarray
            Nats, of float64, in the shape of the batch axes; -inf where no logit was finite.
        """
        if self._state is None:
            message = "no logits yet, so that the shape of the result is unknown: update first"
            raise ValueError(message)
        maximum, rest = self._state
        return np.asarray(maximum + np.log1p(rest))


def _merged(first: tuple[Array, Array] | None, second: tuple[Array, Array]) -> tuple[Array, Array]:
    if first is None:
        return second
    if first[0].shape != second[0].shape:
        message = f"the batch axes must stay {first[0].shape}, but are {second[0].shape}"
        raise ValueError(message)
    swap = second[0] > first[0]
    high, low = np.where(swap, second[0], first[0]), np.where(swap, first[0], second[0])
    rest_high, rest_low = np.where(swap, second[1], first[1]), np.where(swap, first[1], second[1])
    with np.errstate(all="ignore"):
        gap = low - high
        back = gap - low
        lost = (low - (gap - back)) - (high + back)  # as in the kernel
        lost[~np.isfinite(lost)] = 0
        term = np.exp(gap) * (1 + lost)
        # A batch entry without a finite logit so far has nothing to add.
        return high, rest_high + np.where(np.isneginf(low), 0.0, (1 + rest_low) * term)
