"""Calibration: forecasts of yes beside how often yes came true, bin by bin, and what that errs by chance."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from xentlib import _arrays, _checks
from xentlib._arrays import Array

_AT_ONCE = 2**20
"""Outcomes that are drawn at a time."""


class CalibrationCurve(NamedTuple):
    """What `calibration_curve` returns: one number for each bin."""

    forecast: Array
    frequency: Array
    samples: Array


class _Bin(NamedTuple):
    """The samples of a bin that has some."""

    place: int
    """Which of the bins it is."""
    forecasts: list[float]
    yes: int
    errors: list[float]
    """Forecast minus outcome."""

    @property
    def gap(self) -> float:
        """The sum of the errors, rounded once: of the forecasts, and -1 for each yes."""
        return math.fsum([*self.forecasts, -self.yes])


def _read(forecasts: Any, bins: Any) -> tuple[Array, Array, Array, int]:
    """Return the forecasts and their bins, each sorted by bin, how to sort, and how many bins there are."""
    if isinstance(forecasts, tuple) and len(forecasts) == 2 and np.ndim(forecasts[0]) > 0:
        message = (
            "forecasts must be one array of one axis, but are a tuple of two: is it the pair of values and "
            "indices that PyTorch's max returns? Take the first"
        )
        raise ValueError(message)
    q = _arrays.real(np, _arrays.on_numpy(forecasts, "forecasts"), "forecasts")
    if q.ndim != 1:
        message = (
            f"forecasts must have one axis, one probability of yes for each sample, but have shape "
            f"{q.shape}: of several classes take one column at a time"
        )
        raise ValueError(message)
    if q.size == 0:
        message = "forecasts must have at least one sample: there is no mean over nothing"
        raise ValueError(message)
    _checks.check_between_0_and_1(q, "forecasts")
    edges = _edges(bins, q)
    # A bin holds its lower edge; the last one holds its upper edge as well.
    place = np.minimum(np.searchsorted(edges, q, side="right") - 1, len(edges) - 2)
    order = np.argsort(place, kind="stable")
    return q[order].astype(np.float64), place[order], order, len(edges) - 1


def _edges(bins: Any, q: Array) -> Array:
    """Return the edges in the dtype of the forecasts, so that 0.7 in float32 lies above the edge 0.7."""
    if np.ndim(bins) == 0:
        count = _checks.count(bins, "bins")
        edges = (np.arange(count + 1) / count).astype(q.dtype)  # each the number next to k/B
    else:
        edges = _arrays.real(np, _arrays.on_numpy(bins, "bins"), "bins").astype(q.dtype)
        if edges.ndim != 1 or len(edges) < 2:
            message = f"bins must be a number of bins or at least two edges, but have shape {edges.shape}"
            raise ValueError(message)
    if not (edges[1:] > edges[:-1]).all():
        message = f"the edges of the bins must increase in {q.dtype}, but are {edges.tolist()}"
        raise ValueError(message)
    if q.min() < edges[0] or q.max() > edges[-1]:
        message = (
            f"the bins must hold every forecast, but reach from {edges[0]} to {edges[-1]}, and the forecasts "
            f"from {q.min()} to {q.max()}"
        )
        raise ValueError(message)
    return edges


def _filled_bins(forecasts: Any, outcomes: Any, bins: Any) -> tuple[list[_Bin], int, int]:
    """Return the bins that have samples, the number of samples, and that of bins."""
    q, place, order, count = _read(forecasts, bins)
    y = _arrays.on_numpy(outcomes, "outcomes")
    if y.dtype.kind not in "biuf":
        message = f"outcomes must be 0 or 1, but their dtype is {y.dtype}"
        raise TypeError(message)
    if y.shape != q.shape:
        _arrays.refuse_shape("outcomes", y.shape, q.shape, "one outcome for each forecast")
    bad = ~((y == 0) | (y == 1))
    if bad.any():
        at = _checks.first_place(bad)
        message = f"outcomes must be 0 or 1, but the value at {at[0]} is {y[at]}"
        raise ValueError(message)
    y = y.astype(np.intp)[order]
    starts = np.flatnonzero(np.diff(place, prepend=-1))
    found = []
    for start, end in zip(starts, [*starts[1:], len(q)], strict=True):
        part, came = q[start:end], y[start:end]
        found.append(_Bin(int(place[start]), part.tolist(), int(came.sum()), (part - came).tolist()))
    return found, len(q), count


def calibration_curve(forecasts: ArrayLike, outcomes: ArrayLike, bins: int | ArrayLike) -> CalibrationCurve:
    r"""Return for each bin the mean forecast, the frequency of yes, and the number of samples.

    Parameters
    ----------
    forecasts : array_like
        Probabilities of yes, shape ``(N,)``. NumPy alone, as for means.
    outcomes : array_like
        What came true, 0 or 1 (False or True), shape ``(N,)``.
    bins : int or array_like
        So many bins of equal width from 0 to 1, or the edges of the bins, increasing. A bin holds its lower
        edge and not its upper one; the last holds both. Edges are rounded to the dtype of the forecasts.

    Returns
    -------
    forecast : ndarray
        The mean forecast of each bin, in float64; nan where a bin is empty.
    frequency : ndarray
        The share of its outcomes that are 1, in float64; nan where a bin is empty.
    samples : ndarray
        How many samples each bin has.

    Raises
    ------
    TypeError
        If the forecasts do not hold real numbers, or the outcomes neither numbers nor booleans.
    ValueError
        If a forecast is not between 0 and 1, an outcome is not 0 or 1, shapes do not fit, there is no
        sample, or the edges do not increase or leave a forecast outside.

    Notes
    -----
    For the samples n of bin b, of which there are :math:`N_b`,

    .. math:: \bar q_b = \frac{1}{N_b} \sum_{n \in b} q_n, \qquad \bar y_b = \frac{1}{N_b} \sum_{n \in b} y_n

    Both are within 1 eps: sums are exact. The curve is that of a reliability diagram. scikit-learn 1.9
    has arguments and results in the other order. It closes its bins above, and leaves out those that are
    empty. It returns no counts, so the plain mean of its distances is not the `expected_calibration_error`.

    References
    ----------
    A. Niculescu-Mizil and R. Caruana, Predicting good probabilities with supervised learning, ICML (2005),
    doi:10.1145/1102351.1102430.

    Examples
    --------
    >>> curve = calibration_curve([0.1, 0.2, 0.6, 0.8], [0, 1, 1, 1], bins=2)
    >>> curve.forecast, curve.frequency, curve.samples
    (array([0.15, 0.7 ]), array([0.5, 1. ]), array([2, 2]))
    """
    found, _, size = _filled_bins(forecasts, outcomes, bins)
    forecast, frequency, samples = np.full(size, np.nan), np.full(size, np.nan), np.zeros(size, np.intp)
    for one in found:
        samples[one.place] = len(one.forecasts)
        forecast[one.place] = math.fsum(one.forecasts) / len(one.forecasts)
        frequency[one.place] = one.yes / len(one.forecasts)
    return CalibrationCurve(forecast, frequency, samples)


def equal_mass_edges(forecasts: ArrayLike, bins: int) -> Array:
    r"""Return the edges of bins that hold equally many of the forecasts.

    Parameters
    ----------
    forecasts : array_like
        Probabilities of yes, shape ``(N,)``.
    bins : int
        How many bins; at most one for each forecast.

    Returns
    -------
    ndarray
        From 0 to 1, increasing, in float64: the edges that `calibration_curve` takes.

    Raises
    ------
    TypeError
        If the forecasts do not hold real numbers, or `bins` is no integer.
    ValueError
        If a forecast is not between 0 and 1, there is no sample, or there are more bins than samples.

    Notes
    -----
    Edge number b is the forecast number :math:`\lfloor N b / B \rfloor` in increasing order, counted from 0,
    for :math:`b = 1, \dots, B - 1`. If all forecasts differ, the numbers of samples differ by 1 at most.
    Equal forecasts stay in one bin, and edges that come out equal become one: then there are fewer bins.
    The outcomes are not looked at.

    References
    ----------
    R. Roelofs et al., Mitigating bias in calibration error estimation, AISTATS (2022), compare such bins
    with those of equal width.

    Examples
    --------
    >>> equal_mass_edges([0.9, 0.01, 0.02, 0.03], bins=2)
    array([0.  , 0.03, 1.  ])
    """
    size = _checks.count(bins, "bins")
    q = np.sort(_read(forecasts, 1)[0])
    if size > len(q):
        message = f"bins must be at most {len(q)}, the number of forecasts, but is {size}"
        raise ValueError(message)
    inner = q[len(q) * np.arange(1, size) // size]
    return np.unique(np.concatenate([[0.0], inner, [1.0]]))


def expected_calibration_error(forecasts: ArrayLike, outcomes: ArrayLike, bins: int | ArrayLike) -> float:
    r"""Return the expected calibration error: the mean distance of forecast and frequency over the bins.

    Parameters
    ----------
    forecasts : array_like
        Probabilities of yes, shape ``(N,)``. NumPy alone, as for means.
    outcomes : array_like
        What came true, 0 or 1 (False or True), shape ``(N,)``.
    bins : int or array_like
        The number of bins of equal width or their edges, as in `calibration_curve`.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    TypeError
        As `calibration_curve`.
    ValueError
        As `calibration_curve`.

    Notes
    -----
    With the mean forecast, frequency and number of each bin, as `calibration_curve` returns them,

    .. math:: \sum_{b=1}^{B} \frac{N_b}{N} |\bar q_b - \bar y_b|
        = \frac1N \sum_{b=1}^{B} \Bigl| \sum_{n \in b} (q_n - y_n) \Bigr|

    The sums of the second form are exact, so that nothing cancels: 2 eps. Of calibrated forecasts it is not
    0: `chance_calibration_error` says how much chance alone makes.

    For the top label of several classes, the forecasts are the largest probabilities, and the outcomes
    whether the answer is right. For one class, they are its column and whether it is the label.

    References
    ----------
    M. Pakdaman Naeini, G. F. Cooper and M. Hauskrecht, Obtaining well calibrated probabilities using
    Bayesian binning, AAAI (2015), doi:10.1609/aaai.v29i1.9602. C. Guo, G. Pleiss, Y. Sun and K. Q.
    Weinberger, On calibration of modern neural networks, ICML (2017). TorchMetrics 1.9 has this as its norm
    "l1", but for a forecast of 1, which it counts in a bin of its own.

    Examples
    --------
    >>> print(f"{expected_calibration_error([0.1, 0.2, 0.6, 0.8], [0, 1, 1, 1], bins=2):.3f}")
    0.325
    """
    found, total, _ = _filled_bins(forecasts, outcomes, bins)
    return math.fsum(abs(one.gap) for one in found) / total


def maximum_calibration_error(forecasts: ArrayLike, outcomes: ArrayLike, bins: int | ArrayLike) -> float:
    r"""Return the largest distance of forecast and frequency of any bin.

    Parameters
    ----------
    forecasts : array_like
        Probabilities of yes, shape ``(N,)``. NumPy alone, as for means.
    outcomes : array_like
        What came true, 0 or 1 (False or True), shape ``(N,)``.
    bins : int or array_like
        The number of bins of equal width or their edges, as in `calibration_curve`.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    TypeError
        As `calibration_curve`.
    ValueError
        As `calibration_curve`.

    Notes
    -----
    .. math:: \max_b |\bar q_b - \bar y_b|

    over the bins that are not empty: 2 eps. A bin with few samples may decide it.

    References
    ----------
    M. Pakdaman Naeini, G. F. Cooper and M. Hauskrecht, Obtaining well calibrated probabilities using
    Bayesian binning, AAAI (2015), doi:10.1609/aaai.v29i1.9602.

    Examples
    --------
    >>> print(f"{maximum_calibration_error([0.1, 0.2, 0.6, 0.8], [0, 1, 1, 1], bins=2):.3f}")
    0.350
    """
    found, _, _ = _filled_bins(forecasts, outcomes, bins)
    return max(abs(one.gap) / len(one.forecasts) for one in found)


def squared_calibration_error(forecasts: ArrayLike, outcomes: ArrayLike, bins: int | ArrayLike) -> float:
    r"""Return the mean squared distance of forecast and frequency over the bins.

    Parameters
    ----------
    forecasts : array_like
        Probabilities of yes, shape ``(N,)``. NumPy alone, as for means.
    outcomes : array_like
        What came true, 0 or 1 (False or True), shape ``(N,)``.
    bins : int or array_like
        The number of bins of equal width or their edges, as in `calibration_curve`.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    TypeError
        As `calibration_curve`.
    ValueError
        As `calibration_curve`.

    Notes
    -----
    .. math:: \sum_{b=1}^{B} \frac{N_b}{N} (\bar q_b - \bar y_b)^2

    4 eps. It is too large on average, by the variance of the means in the bins;
    `debiased_squared_calibration_error` subtracts that. Its root is what TorchMetrics calls the norm "l2".

    References
    ----------
    A. H. Murphy, A new vector partition of the probability score, Journal of Applied Meteorology 12 (1973),
    whose reliability it is; A. Kumar, P. Liang and T. Ma, Verified uncertainty calibration, NeurIPS (2019).

    Examples
    --------
    >>> print(f"{squared_calibration_error([0.1, 0.2, 0.6, 0.8], [0, 1, 1, 1], bins=2):.5f}")
    0.10625
    """
    found, total, _ = _filled_bins(forecasts, outcomes, bins)
    return math.fsum(one.gap**2 / len(one.forecasts) for one in found) / total


def debiased_squared_calibration_error(
    forecasts: ArrayLike, outcomes: ArrayLike, bins: int | ArrayLike
) -> float:
    r"""Return the squared calibration error without what chance adds to it on average.

    Parameters
    ----------
    forecasts : array_like
        Probabilities of yes, shape ``(N,)``. NumPy alone, as for means.
    outcomes : array_like
        What came true, 0 or 1 (False or True), shape ``(N,)``.
    bins : int or array_like
        The number of bins of equal width or their edges, as in `calibration_curve`.
        A bin with one sample counts as 0 whatever its gap, for one outcome says nothing of a square: with
        too many bins every forecaster seems calibrated.

    Returns
    -------
    float
        At most 1; below 0 where chance made less than it does on average.

    Raises
    ------
    TypeError
        As `calibration_curve`.
    ValueError
        As `calibration_curve`.

    Notes
    -----
    With the error :math:`e_n = q_n - y_n` of a sample and its mean :math:`\bar e_b = \bar q_b - \bar y_b`,
    the estimated variance of that mean is subtracted from its square:

    .. math::

       \sum_{b=1}^{B} \frac{N_b}{N} \left( \bar e_b^2
       - \frac{\sum_{n \in b} (e_n - \bar e_b)^2}{N_b (N_b - 1)} \right)
       = \sum_{b=1}^{B} \frac{N_b}{N}\,
       \frac{(\sum_{n \in b} e_n)^2 - \sum_{n \in b} e_n^2}{N_b (N_b - 1)}

    Given which bin each sample is in, the expectation of the second form is the mean squared expected error
    of the bins, if the samples are independent and those of a bin alike; and 0 if the forecasts are
    calibrated. The error is at most 8 eps times the sum of what is subtracted and what it is subtracted from.

    Kumar et al. subtract :math:`\bar y_b (1 - \bar y_b) / (N_b - 1)`, which is the same where the forecasts
    of a bin are equal, and more where the true probabilities differ within a bin as the forecasts do.

    References
    ----------
    J. Bröcker, Estimating reliability and resolution of probability forecasts through decomposition of the
    empirical score, Climate Dynamics 39 (2012), doi:10.1007/s00382-011-1191-1. C. A. T. Ferro and T. E.
    Fricker, A bias-corrected decomposition of the Brier score, Quarterly Journal of the Royal Meteorological
    Society 138 (2012), doi:10.1002/qj.1924. A. Kumar, P. Liang and T. Ma, Verified uncertainty calibration,
    NeurIPS (2019). The proof is the claim ``plug-in-bias`` of the book.

    Examples
    --------
    >>> print(f"{debiased_squared_calibration_error([0.1, 0.2, 0.6, 0.8], [0, 0, 0, 1], bins=2):.3f}")
    -0.050
    """
    found, total, _ = _filled_bins(forecasts, outcomes, bins)
    terms = []
    for one in found:
        count = len(one.errors)
        if count > 1:
            squares = math.fsum(error * error for error in one.errors)
            terms.append((one.gap**2 - squares) / (count - 1))
    return math.fsum(terms) / total


def chance_calibration_error(
    forecasts: ArrayLike, bins: int | ArrayLike, *, draws: int, rng: int | np.random.Generator
) -> Array:
    r"""Return what `expected_calibration_error` would be if the forecasts were calibrated, draw by draw.

    Parameters
    ----------
    forecasts : array_like
        Probabilities of yes, shape ``(N,)``. NumPy alone, as for means.
    bins : int or array_like
        The number of bins of equal width or their edges, as in `calibration_curve`.
    draws : int
        How often the outcomes are drawn.
    rng : int or Generator
        Where the random numbers come from: a seed, or a generator of NumPy.

    Returns
    -------
    ndarray
        Shape ``(draws,)``, in float64: one calibration error for each draw. Their mean is the chance level,
        and their quantiles say which error needs no explanation but chance.

    Raises
    ------
    TypeError
        If the forecasts do not hold real numbers, or `draws` is no integer.
    ValueError
        If a forecast is not between 0 and 1, there is no sample, `draws` is not positive, or the edges do
        not increase or leave a forecast outside.

    Notes
    -----
    Each outcome is drawn as 1 with the probability that was forecast, independently of the others; forecasts
    and bins stay as they are. Each value is within N eps of that for its outcomes. For the top label pass the
    largest probabilities, and the same bins as there.

    References
    ----------
    J. Bröcker and L. A. Smith, Increasing the reliability of reliability diagrams, Weather and Forecasting
    22 (2007), doi:10.1175/WAF993.1, draw outcomes so, and the forecasts too, for the bars of a diagram.

    Examples
    --------
    >>> errors = chance_calibration_error(np.full(100, 0.9), bins=10, draws=1000, rng=0)
    >>> print(f"{errors.mean():.3f} {np.sqrt(2 / np.pi * 0.9 * 0.1 / 100):.3f}")
    0.024 0.024
    """
    count = _checks.count(draws, "draws")
    q, place, _, _ = _read(forecasts, bins)
    starts = np.flatnonzero(np.diff(place, prepend=-1))
    sums = np.array([math.fsum(part.tolist()) for part in np.split(q, starts[1:])])
    generator = np.random.default_rng(rng)
    result = np.empty(count)
    step = max(1, _AT_ONCE // len(q))
    for first in range(0, count, step):
        rows = slice(first, min(first + step, count))
        yes = generator.random((rows.stop - first, len(q))) < q
        came = np.add.reduceat(yes, starts, axis=1, dtype=np.intp)
        result[rows] = np.abs(sums - came).sum(axis=1) / len(q)
    return result
