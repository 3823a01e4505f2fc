"""InfoNCE: cross-entropy whose classes are the keys of a batch, with the gradients of its operands."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import array_api_compat
import numpy as np
from numpy.typing import ArrayLike

from xentlib import _arrays, _checks
from xentlib._arrays import Array
from xentlib._cross_entropy import softmax_cross_entropy, softmax_cross_entropy_grad


class _Batch(NamedTuple):
    """Queries and keys in the dtype that is computed in, and what they are as logits and labels."""

    xp: Any
    queries: Any
    keys: Any
    logits: Any
    labels: Any
    dtype: Any
    """Of the results."""

    def rounded(self, result: Any) -> Array:
        """Return a result in the dtype of the operands."""
        with np.errstate(over="ignore", under="ignore"):
            return cast(Array, _in_dtype(self.xp, result, self.dtype))


def _in_dtype(xp: Any, array: Any, dtype: Any) -> Any:
    return array.astype(dtype, copy=False) if xp is np else xp.astype(array, dtype, copy=False)


def _batch(queries: Any, keys: Any, heat: float) -> _Batch:
    xp, (q, k) = _arrays.together(queries, keys)
    q, k = _arrays.real(xp, q, "queries"), _arrays.real(xp, k, "keys")
    fits = q.ndim == k.ndim == 2 and q.shape[1] == k.shape[1] > 0 and k.shape[0] >= q.shape[0] > 0
    if not fits:
        message = (
            "queries must have shape (N, D) and keys (M, D), with M >= N > 0 and D > 0, but the shapes are "
            f"{tuple(q.shape)} and {tuple(k.shape)}"
        )
        raise ValueError(message)
    if xp is np:
        _checks.check_finite(q, "queries")
        _checks.check_finite(k, "keys")
        dtype = np.result_type(q, k).newbyteorder("=")
    else:
        dtype = xp.result_type(q, k)
    wide = _arrays.wide_dtype(xp, dtype)
    q, k = _in_dtype(xp, q, wide), _in_dtype(xp, k, wide)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):  # what overflows is refused
        logits = xp.matmul(q, k.T) / heat
    labels = xp.arange(q.shape[0], device=array_api_compat.device(logits))
    return _Batch(xp, q, k, logits, labels, dtype)


def info_nce_loss(queries: ArrayLike, keys: ArrayLike, *, temperature: float = 1.0) -> Array:
    r"""Return the InfoNCE loss of each query: cross-entropy over all keys, of which its own is the label.

    Parameters
    ----------
    queries : array_like
        Real numbers, shape ``(N, D)``.
    keys : array_like
        Shape ``(M, D)`` with M at least N: the key of query i is row i, and all others are negatives,
        those from row N on for every query.
    temperature : float
        Divides the similarities.

    Returns
    -------
    array
        Nats, shape ``(N,)``, in the dtype that holds both operands.

    Raises
    ------
    TypeError
        If queries or keys are not real numbers, or the temperature is not a number.
    ValueError
        If the shapes do not fit, a number is not finite, a similarity overflows, or the temperature is
        not positive.

    Notes
    -----
    .. math:: \ell_i = -\log \frac{e^{s_{ii}}}{\sum_{j=1}^M e^{s_{ij}}},
        \qquad s_{ij} = \frac{1}{T} \sum_{d=1}^D q_{id} k_{jd}

    The vectors are used as they come. For cosine similarities divide each by its length first,
    ``x / np.linalg.norm(x, axis=1, keepdims=True)``, and let the gradient pass through that. With cosines
    and T = 1 one query's loss cannot fall below log(1 + (M - 1) e^-2), 3.57 for 256 keys, and the mean of
    256 pairs not below 4.55; values near 0.1 are usual for T. The symmetric loss of CLIP is the mean of this
    one and of that with queries and keys exchanged. NT-Xent (SimCLR) takes the N queries as keys, too, each
    without itself: it is `softmax_cross_entropy` of similarities in which the diagonal is -inf. The Hessian
    with respect to the :math:`s_{ij}` is that of cross-entropy, `softmax_cross_entropy_hess`.

    The products carry rounding of their own, as those of a linear layer do; for the similarities as they
    come out the loss is right to 4 eps. With :math:`S_i`, the largest :math:`\sum_d |q_{id} k_{jd}|` of the
    query, the relative error is at most :math:`(4 + (D + 2) S_i / T)` eps, as long as this is small beside
    1. NumPy's float32 is multiplied in float64: 1 eps.

    All N times M similarities are held. On NumPy `linear_cross_entropy_value_and_grad`, with the keys over T
    as the weight, returns the mean loss and its gradients without holding them.

    References
    ----------
    A. van den Oord, Y. Li and O. Vinyals, Representation learning with contrastive predictive coding,
    arXiv:1807.03748 (2018); K. Sohn, Improved deep metric learning with multi-class N-pair loss objective,
    NeurIPS 29 (2016). The proof is the claim ``info-nce-cross-entropy`` of the book.

    Examples
    --------
    Two queries; the second is as near to the first key as to its own:

    >>> info_nce_loss([[1.0, 0.0], [1.0, 1.0]], [[40.0, 0.0], [0.0, 40.0]])
    array([4.24835426e-18, 6.93147181e-01])
    """
    batch = _batch(queries, keys, _checks.positive_number(temperature, "temperature"))
    return batch.rounded(softmax_cross_entropy(batch.logits, batch.labels))


def info_nce_loss_grad(
    queries: ArrayLike, keys: ArrayLike, *, temperature: float = 1.0
) -> tuple[Array, Array]:
    r"""Return the gradients of the sum of `info_nce_loss` with respect to queries and keys.

    Parameters
    ----------
    queries : array_like
        Real numbers, shape ``(N, D)``.
    keys : array_like
        Shape ``(M, D)`` with M at least N, as in `info_nce_loss`.
    temperature : float
        Divides the similarities.

    Returns
    -------
    queries : array
        In the shape of the queries, in the dtype that holds both operands. A query is in one loss, so row i
        is the gradient of loss i. Of the mean loss: divided by N.
    keys : array
        The same for the keys, of which each is in all losses.

    Raises
    ------
    TypeError
        If queries or keys are not real numbers, or the temperature is not a number.
    ValueError
        If the shapes do not fit, a number is not finite, a similarity overflows, or the temperature is
        not positive.

    Notes
    -----
    With :math:`p_{ij}`, the softmax of the similarities of query i over T,

    .. math:: \nabla_{q_i} \sum_n \ell_n = \frac{1}{T} \sum_{j=1}^M (p_{ij} - \delta_{ij}) k_j, \qquad
        \nabla_{k_j} \sum_n \ell_n = \frac{1}{T} \sum_{i=1}^N (p_{ij} - \delta_{ij}) q_i

    The factors :math:`p_{ii} - 1` do not cancel, also for confident predictions. An entry errs by at most
    :math:`(6 + M / 2 + (D + 2) S / T)` eps of the sum of its absolute terms (N in the place of M for a key),
    with the largest :math:`S_i` of `info_nce_loss` as S. NumPy's float32 is computed in float64: 1 eps.

    References
    ----------
    The proof is the claim ``info-nce-query-gradient`` of the book, with ``info-nce-key-gradient``.

    Examples
    --------
    The query is pulled to its key, and pushed from the mean of all keys under p:

    >>> queries, keys = info_nce_loss_grad([[0.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]], temperature=0.5)
    >>> queries
    array([[-1.,  1.]])
    """
    heat = _checks.positive_number(temperature, "temperature")
    batch = _batch(queries, keys, heat)
    slopes = softmax_cross_entropy_grad(batch.logits, batch.labels)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        slopes = slopes / heat
        of_queries, of_keys = slopes @ batch.keys, slopes.T @ batch.queries
    return batch.rounded(of_queries), batch.rounded(of_keys)
