"""Cross-entropy losses on logits, with their gradients, Hessians and Hessian-vector products.

Conventions of all functions here, besides those of `xentlib.softmax`:

- No loss is reduced: there is one for each row of logits (softmax) or for each logit (sigmoid).
  For means over large batches, fast, see `xentlib.batch`.
- A target of softmax is either **labels**, integers 0, ..., K - 1 in the shape of the batch, or
  **distributions**, real numbers in the shape of the logits. Dtype and shape must both fit, so
  that neither is taken for the other.
- Values of lists, numbers and NumPy arrays are checked: labels for their range, distributions for
  sums of 1 within the square root of eps of their dtype. In arrays of other libraries, labels out of
  range give nan, and distributions are taken as they are: the gradient is p times their sum, less y.
- A target of 0 costs nothing, also where the logit is -inf; a positive one costs inf there, and
  gradient and Hessian are what their formulas say.
- ``_grad`` and ``_hess`` are with respect to the logits; ``_hvp`` is the product of the Hessian
  with a vector and never forms the Hessian.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from xentlib import _arrays
from xentlib._kernel import log_softmax_rows, softmax_rows
from xentlib._sigmoid import _small_exponential
from xentlib._softmax import _jacobian_of_rows, _shift
from xentlib._targets import distributions


def _prepare(logits: Any, target: Any, axis: int, *vectors: Any) -> tuple[_arrays.Rows, list[Any]]:
    """Return the logits as rows, then the target and the vectors with the class axis last."""
    found, (labels, *others) = _arrays.logit_rows(logits, target, *vectors, axis=axis)
    _arrays.check_logits(found)
    shape = _arrays.class_axis_to(found.xp, found.values, axis).shape
    return found, [_target(found, labels, shape), *(_vector(found, other, shape) for other in others)]


def _target(found: _arrays.Rows, target: Any, shape: tuple[int, ...]) -> Any:
    xp, batch = found.xp, found.values.shape[:-1]
    are_labels = xp.isdtype(target.dtype, "integral")
    if are_labels and target.shape == batch:
        if xp is np:
            _arrays.check_labels(target, found.values.shape[-1], "target")
        return target
    if _arrays.is_real(xp, target) and target.shape == shape:
        target = _arrays.class_axis_last(xp, target, found.axis)
        if xp is np:
            _arrays.check_distributions(target, "target")
        return target
    message = (
        f"target must be labels, integers of shape {tuple(batch)}, or distributions, real numbers of "
        f"shape {tuple(shape)}, but holds {target.dtype} in shape {tuple(target.shape)}"
    )
    kind_is_wrong = target.shape in (batch, shape)
    raise TypeError(message) if kind_is_wrong else ValueError(message)


def _vector(found: _arrays.Rows, vector: Any, shape: tuple[int, ...]) -> Any:
    vector = _arrays.real(found.xp, vector, "vector")
    if vector.shape != shape:
        _arrays.refuse_shape("vector", vector.shape, shape, "the shape of the logits")
    if found.xp is np:
        _arrays.check_finite(vector, "vector")
    return _arrays.class_axis_last(found.xp, vector, found.axis)


def softmax_cross_entropy(logits: Any, target: Any, /, *, axis: int = -1) -> Any:
    r"""Return the cross-entropy of softmax of the logits under the target, row by row.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf rules a class out.
    target : array_like
        Labels, integers of shape ``(...)``, or distributions, real numbers of shape ``(..., K)``; see
        the conventions of `xentlib.losses`.
    axis : int
        The class axis.

    Returns
    -------
    array
        Nats, in the dtype of the logits, without the class axis.

    Raises
    ------
    TypeError
        If the logits are not real numbers, or the target's dtype does not fit its shape.
    ValueError
        If a logit is nan or +inf, all classes are ruled out, a shape does not fit, a label is out
        of range, or a row of the target is not a distribution.

    Notes
    -----
    .. math:: \ell(z, y) = -\sum_{k=1}^K y_k \log p_k = \sum_{k=1}^K y_k \bigl((m - z_k) + \log(1 + r)\bigr)

    with m and r as in `logsumexp`. All terms are at least 0: 4 eps, also for confident predictions,
    until the loss underflows. For labels, :math:`\ell = -\log p_y`. The proof is in the chapter on
    the loss.

    Examples
    --------
    The logarithm of a probability that rounds to 1 is 0; the loss is exp(-40):

    >>> z = [[40.0, 0.0], [0.0, 0.0]]
    >>> softmax_cross_entropy(z, [0, 1])
    array([4.24835426e-18, 6.93147181e-01])
    >>> softmax_cross_entropy(z, [[1.0, 0.0], [0.5, 0.5]])
    array([4.24835426e-18, 6.93147181e-01])
    """
    found, others = _prepare(logits, target, axis)
    return found.compute(_loss, *others)


def _loss(xp: Any, z: Any, target: Any) -> Any:
    if xp is np and z.dtype == np.float64:
        return _loss_by_kernel(z, target)
    y, parts = distributions(xp, z, target), _shift(xp, z)
    # 0 times a gap beyond the largest number is 0.
    gaps = xp.where((y == 0) & (parts.gaps == -math.inf), 0.0, parts.gaps)
    terms = y * (xp.log1p(parts.rest) - gaps)
    return xp.sum(xp.where(parts.ruled_out & (y != 0), math.inf, terms), axis=-1)


def _loss_by_kernel(z: Any, target: Any) -> Any:
    logs = log_softmax_rows(np.ascontiguousarray(z))
    # Subtracted from 0, since the minus sign alone would make -0 of the loss of a sure answer.
    if target.dtype.kind in "iu":
        return 0.0 - np.take_along_axis(logs, target[:, None], axis=-1)[:, 0]
    # 0 times inf is 0: the class that is ruled out does not occur.
    return 0.0 - np.multiply(target, logs, where=target > 0, out=np.zeros_like(logs)).sum(axis=-1)


def softmax_cross_entropy_grad(logits: Any, target: Any, /, *, axis: int = -1) -> Any:
    r"""Return the gradient of `softmax_cross_entropy` with respect to the logits.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf rules a class out.
    target : array_like
        Labels, integers of shape ``(...)``, or distributions, real numbers of shape ``(..., K)``; see
        the conventions of `xentlib.losses`.
    axis : int
        The class axis.

    Returns
    -------
    array
        In the shape and dtype of the logits.

    Raises
    ------
    TypeError
        If the logits are not real numbers, or the target's dtype does not fit its shape.
    ValueError
        If a logit is nan or +inf, all classes are ruled out, a shape does not fit, a label is out
        of range, or a row of the target is not a distribution.

    Notes
    -----
    .. math::

       \frac{\partial \ell}{\partial z_i} = p_i \sum_{k=1}^K y_k - y_i
       = p_i \sum_{k \ne i} y_k - y_i \sum_{k \ne i} p_k

    The second form is computed. For labels one of its terms is 0: 4 eps for each entry, that of the
    label included, where p - 1 would cancel. Otherwise the terms, of which each is right to 6 eps,
    may cancel where :math:`p_i` nears :math:`y_i`: the error is at most
    :math:`6 \varepsilon (p_i \sum_{k \ne i} y_k + y_i \sum_{k \ne i} p_k)`.

    Examples
    --------
    >>> softmax_cross_entropy_grad([40.0, 0.0], 0)
    array([-4.24835426e-18,  4.24835426e-18])
    """
    found, others = _prepare(logits, target, axis)
    return found.compute(_gradient, *others, keep=True)


def _gradient(xp: Any, z: Any, target: Any) -> Any:
    if xp is np and z.dtype == np.float64 and target.dtype.kind in "iu":
        p = softmax_rows(np.ascontiguousarray(z))
        # p - 1 would cancel: it is expm1 of log p.
        np.put_along_axis(p, target[:, None], np.expm1(-_loss_by_kernel(z, target))[:, None], axis=-1)
        return p
    y, parts = distributions(xp, z, target), _shift(xp, z)
    return (parts.terms * _others(xp, y) - y * parts.without_own(xp)) / (1 + parts.rest)


def _others(xp: Any, y: Any) -> Any:
    """Return, for each class, the sum over all others, without cancellation."""
    first = _arrays.one_hot_mask(xp, xp.argmax(y, axis=-1), y.shape[-1])
    rest = xp.sum(xp.where(first, 0.0, y), axis=-1, keepdims=True)
    top = xp.sum(xp.where(first, y, 0.0), axis=-1, keepdims=True)
    return xp.where(first, rest, top + (rest - y))


def softmax_cross_entropy_hess(logits: Any, target: Any, /, *, axis: int = -1) -> Any:
    r"""Return the Hessian of `softmax_cross_entropy` with respect to the logits, row by row.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf rules a class out.
    target : array_like
        Labels, integers of shape ``(...)``, or distributions, real numbers of shape ``(..., K)``; see
        the conventions of `xentlib.losses`.
    axis : int
        The class axis.

    Returns
    -------
    array
        In the dtype of the logits, shape ``(..., K, K)``: the batch axes in their order first.

    Raises
    ------
    TypeError
        If the logits are not real numbers, or the target's dtype does not fit its shape.
    ValueError
        If a logit is nan or +inf, all classes are ruled out, a shape does not fit, a label is out
        of range, or a row of the target is not a distribution.

    Notes
    -----
    .. math:: \frac{\partial^2 \ell}{\partial z_i \, \partial z_j} = p_i (\delta_{ij} - p_j) \sum_{k=1}^K y_k

    It does not depend on where the label is. Accuracy: that of `softmax_jacobian`, 8 eps.

    Examples
    --------
    >>> softmax_cross_entropy_hess([0.0, np.log(3.0)], 1)
    array([[ 0.1875, -0.1875],
           [-0.1875,  0.1875]])
    """
    found, others = _prepare(logits, target, axis)
    return found.compute(_hessian, *others)


def _hessian(xp: Any, z: Any, target: Any) -> Any:
    total = xp.sum(distributions(xp, z, target), axis=-1)
    return _jacobian_of_rows(xp, z) * total[..., None, None]


def softmax_cross_entropy_hvp(logits: Any, target: Any, vector: Any, /, *, axis: int = -1) -> Any:
    r"""Return the Hessian of `softmax_cross_entropy` times a vector, row by row.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf rules a class out.
    target : array_like
        Labels, integers of shape ``(...)``, or distributions, real numbers of shape ``(..., K)``; see
        the conventions of `xentlib.losses`.
    vector : array_like
        Real numbers in the shape of the logits.
    axis : int
        The class axis.

    Returns
    -------
    array
        In the shape and dtype of the logits.

    Raises
    ------
    TypeError
        If logits or vector are not real numbers, or the target's dtype does not fit its shape.
    ValueError
        If a logit is nan or +inf, all classes are ruled out, a shape does not fit, a label is out
        of range, a row of the target is not a distribution, or the vector is not finite.

    Notes
    -----
    .. math:: (H v)_i = p_i \Bigl(w_i - \sum_{k=1}^K p_k w_k\Bigr) \sum_{k=1}^K y_k, \qquad w_k = v_k - v_a

    in time and memory proportional to K. A constant vector gives 0, so any reference may be subtracted;
    that at the class a of the largest logit has no weight left in the sum, and nothing cancels for
    confident predictions. The error is at most
    :math:`8 \varepsilon p_i (|w_i| + \sum_k p_k |w_k|)`. Source: B. A. Pearlmutter, Fast exact
    multiplication by the Hessian, Neural Computation 6 (1994).

    Examples
    --------
    >>> softmax_cross_entropy_hvp([0.0, np.log(3.0)], 1, [1.0, 0.0])
    array([ 0.1875, -0.1875])
    """
    found, others = _prepare(logits, target, axis, vector)
    return found.compute(_hessian_times, *others, keep=True)


def _hessian_times(xp: Any, z: Any, target: Any, vector: Any) -> Any:
    parts = _shift(xp, z)
    total = 1 + parts.rest
    w = vector - xp.sum(xp.where(parts.first, vector, 0.0), axis=-1, keepdims=True)
    mean = xp.sum(parts.terms * w, axis=-1, keepdims=True) / total
    weight = xp.sum(distributions(xp, z, target), axis=-1, keepdims=True)
    return parts.terms / total * (w - mean) * weight


def _sigmoid_loss(function: Callable[..., Any], logits: Any, target: Any, *vectors: Any) -> Any:
    """Return a function of the logits, the target and vectors, element by element."""
    xp, (x, t, *rest) = _arrays.together(logits, target, *vectors)
    x, t = _arrays.real(xp, x, "logits"), _arrays.real(xp, t, "target")
    if t.shape not in (x.shape, ()):
        _arrays.refuse_shape("target", t.shape, x.shape, "the shape of the logits, or be one number")
    vectors = tuple(_arrays.real(xp, vector, "vector") for vector in rest)
    for vector in vectors:
        if vector.shape != x.shape:
            _arrays.refuse_shape("vector", vector.shape, x.shape, "the shape of the logits")
    if xp is np:
        _arrays.check_no_nan(x, "logits")
        _arrays.check_between_0_and_1(t, "target")
        for vector in vectors:
            _arrays.check_finite(vector, "vector")
    return _arrays.elementwise(xp, function, x, xp.broadcast_to(t, x.shape), *vectors)


def sigmoid_cross_entropy(logits: Any, target: Any, /) -> Any:
    r"""Return the cross-entropy of sigmoid of each logit under its target.

    Parameters
    ----------
    logits : array_like
        Real numbers of any shape, also -inf and inf.
    target : array_like
        Probabilities that the answer is yes, 0 to 1, in the shape of the logits, or one number;
        booleans and integers 0 and 1 too.

    Returns
    -------
    array
        Nats, in the shape and dtype of the logits.

    Raises
    ------
    TypeError
        If the logits or the target do not hold real numbers.
    ValueError
        If a logit is nan, a target is not between 0 and 1, or the shapes differ.

    Notes
    -----
    .. math::

       \ell(x, t) = -t \log \sigma(x) - (1 - t) \log(1 - \sigma(x))
       = \begin{cases} (1 - t) x & x \ge 0 \\ -t x & x < 0 \end{cases} + \log(1 + e^{-|x|})

    Both terms are at least 0: 4 eps, also for confident predictions. The usual
    :math:`\max(x, 0) - x t + \log(1 + e^{-|x|})` cancels where t is close to 1.

    Examples
    --------
    >>> sigmoid_cross_entropy([40.0, 0.0, -40.0], [1, 1, 1])
    array([4.24835426e-18, 6.93147181e-01, 4.00000000e+01])
    """
    return _sigmoid_loss(_binary_loss, logits, target)


def _binary_loss(xp: Any, x: Any, t: Any) -> Any:
    weight = xp.where(x >= 0, 1 - t, -t)
    # 0 times inf is 0: the answer is sure, and right.
    slope = weight * xp.where((weight == 0) & (xp.abs(x) == math.inf), 0.0, x)
    return slope + xp.log1p(_small_exponential(xp, x))


def sigmoid_cross_entropy_grad(logits: Any, target: Any, /) -> Any:
    r"""Return the derivative of `sigmoid_cross_entropy` with respect to each logit.

    Parameters
    ----------
    logits : array_like
        Real numbers of any shape, also -inf and inf.
    target : array_like
        As in `sigmoid_cross_entropy`.

    Returns
    -------
    array
        In the shape and dtype of the logits.

    Raises
    ------
    TypeError
        If the logits or the target do not hold real numbers.
    ValueError
        If a logit is nan, a target is not between 0 and 1, or the shapes differ.

    Notes
    -----
    .. math:: \frac{\partial \ell}{\partial x} = \sigma(x) - t = (1 - t) \sigma(x) - t \sigma(-x)

    The second form is computed. For a target of 0 or 1 one of its terms is 0: 4 eps. Otherwise they may
    cancel: the error is at most :math:`4 \varepsilon ((1 - t) \sigma(x) + t \sigma(-x))`.

    Examples
    --------
    >>> sigmoid_cross_entropy_grad([40.0, 0.0], 1.0)
    array([-4.24835426e-18, -5.00000000e-01])
    """
    return _sigmoid_loss(_binary_gradient, logits, target)


def _binary_gradient(xp: Any, x: Any, t: Any) -> Any:
    e = _small_exponential(xp, x)
    yes, no = xp.where(x >= 0, 1.0, e), xp.where(x >= 0, e, 1.0)
    return ((1 - t) * yes - t * no) / (1 + e)


def sigmoid_cross_entropy_hess(logits: Any, target: Any, /) -> Any:
    r"""Return the second derivative of `sigmoid_cross_entropy` with respect to each logit.

    Parameters
    ----------
    logits : array_like
        Real numbers of any shape, also -inf and inf.
    target : array_like
        As in `sigmoid_cross_entropy`; the second derivative does not depend on it.

    Returns
    -------
    array
        In the shape and dtype of the logits: the diagonal of the Hessian, the rest of which is 0.

    Raises
    ------
    TypeError
        If the logits or the target do not hold real numbers.
    ValueError
        If a logit is nan, a target is not between 0 and 1, or the shapes differ.

    Notes
    -----
    .. math:: \frac{\partial^2 \ell}{\partial x^2} = \sigma(x) \sigma(-x) = \frac{e^{-|x|}}{(1 + e^{-|x|})^2}

    Accuracy: 4 eps.

    Examples
    --------
    >>> sigmoid_cross_entropy_hess([0.0, 40.0], 1.0)
    array([2.50000000e-01, 4.24835426e-18])
    """
    return _sigmoid_loss(_binary_curvature, logits, target)


def _binary_curvature(xp: Any, x: Any, t: Any) -> Any:
    e = _small_exponential(xp, x)
    return e / ((1 + e) * (1 + e)) + 0 * t  # nan where the target is


def sigmoid_cross_entropy_hvp(logits: Any, target: Any, vector: Any, /) -> Any:
    r"""Return the Hessian of `sigmoid_cross_entropy`, which is diagonal, times a vector.

    Parameters
    ----------
    logits : array_like
        Real numbers of any shape, also -inf and inf.
    target : array_like
        As in `sigmoid_cross_entropy`; the Hessian does not depend on it.
    vector : array_like
        Real numbers in the shape of the logits.

    Returns
    -------
    array
        In the shape and dtype of the logits.

    Raises
    ------
    TypeError
        If the logits, the target or the vector do not hold real numbers.
    ValueError
        If a logit is nan, a target is not between 0 and 1, the vector is not finite, or the shapes
        differ.

    Notes
    -----
    .. math:: (H v)_n = \sigma(x_n) \sigma(-x_n) v_n

    Accuracy: 4 eps.

    Examples
    --------
    >>> sigmoid_cross_entropy_hvp([0.0, 0.0], 1.0, [1.0, -2.0])
    array([ 0.25, -0.5 ])
    """
    return _sigmoid_loss(lambda xp, x, t, v: _binary_curvature(xp, x, t) * v, logits, target, vector)
