"""Cross-entropy losses on logits, with their gradients, Hessians and Hessian-vector products."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from xentlib import _arrays, _checks
from xentlib._arrays import Array
from xentlib._kernel import label_rows, soft_rows
from xentlib._sigmoid import small_exponential
from xentlib._softmax import Shifted, jacobian_of, shifted
from xentlib._targets import as_distributions

# --- Softmax ---------------------------------------------------------------------------------------


def _prepare(logits: Any, target: Any, axis: int, *vectors: Any) -> tuple[_arrays.Rows, list[Any]]:
    """Return the logits as rows, not yet checked, then the target and the vectors, the class axis last."""
    found, (target, *others) = _arrays.logit_rows(logits, target, *vectors, axis=axis)
    return found, [_checks.check_target(found, target), *(_checks.check_vector(found, v) for v in others)]


def _for_kernel(found: _arrays.Rows, target: Any) -> tuple[Array | None, Array | None]:
    """Return logits and labels as the kernel takes them; None for what it does not take."""
    z = found.matrix()
    if z is None or not _arrays.is_integral(np, target):
        return z, None
    return z, target.reshape(-1).astype(np.intp, copy=False)


def softmax_cross_entropy(logits: ArrayLike, target: ArrayLike, *, axis: int = -1) -> Array:
    r"""Return the cross-entropy of softmax of the logits under the target, row by row.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf masks a class.
    target : array_like
        Labels, integers of shape ``(...)``, or distributions, real numbers of shape ``(..., K)``; see
        the conventions of `xentlib`.
    axis : int
        The class axis.

    Returns
    -------
    array
        Nats, in the dtype of the logits, without the class axis; inf where a class that the target
        holds possible is masked.

    Raises
    ------
    TypeError
        If the logits are not real numbers, or the target's dtype does not fit its shape.
    ValueError
        If a logit is nan or +inf, all classes are masked, a shape does not fit, a label is out
        of range, or a row of the target is not a distribution.

    Notes
    -----
    .. math:: \ell(z, y) = -\sum_{k=1}^K y_k \log p_k = \sum_{k=1}^K y_k \bigl((m - z_k) + \log(1 + r)\bigr)

    with m the largest logit and r the sum of :math:`e^{z_k - m}` over the other classes. All terms are at
    least 0: 4 eps, also for confident predictions, until the loss underflows. NumPy's distributions are
    rounded to the dtype of the logits first. For a label y,

    .. math:: \ell = \log \Bigl(1 + \sum_{k \ne y} e^{z_k} \Big/ e^{z_y}\Bigr)

    References
    ----------
    The proofs are the claims ``loss-from-logits`` and ``optimal-logits`` of the book. As a score
    of forecasts: I. J. Good, Rational decisions, J. Royal Statistical Society B 14 (1952),
    doi:10.1111/j.2517-6161.1952.tb00104.x.

    Examples
    --------
    The logarithm of a probability that rounds to 1 is 0; the loss is exp(-40):

    >>> z = [[40.0, 0.0], [0.0, 0.0]]
    >>> softmax_cross_entropy(z, [0, 1])
    array([4.24835426e-18, 6.93147181e-01])
    >>> softmax_cross_entropy(z, [[1.0, 0.0], [0.5, 0.5]])
    array([4.24835426e-18, 6.93147181e-01])
    """
    found, (checked,) = _prepare(logits, target, axis)
    z, labels = _for_kernel(found, checked)
    if z is not None and labels is not None:
        return found.by_kernel(label_rows, z, labels)
    if z is not None:
        return found.by_kernel(soft_rows, z, _arrays.as_matrix(checked, z.dtype))
    _checks.check_logits(found)
    return found.compute(_loss, checked)


def _loss(xp: Any, z: Any, target: Any) -> Any:
    return loss_of(xp, shifted(xp, z), as_distributions(xp, target, z.shape[-1], z.dtype))


def loss_of(xp: Any, parts: Shifted, y: Any) -> Any:
    """Return the losses of shifted logits."""
    # 0 times a gap beyond the largest number is 0.
    gaps = xp.where((y == 0) & (parts.gaps == -math.inf), 0.0, parts.gaps)
    terms = y * (xp.log1p(parts.rest) - gaps)
    return xp.sum(xp.where(parts.masked & (y != 0), math.inf, terms), axis=-1)


def softmax_cross_entropy_grad(logits: ArrayLike, target: ArrayLike, *, axis: int = -1) -> Array:
    r"""Return the gradient of `softmax_cross_entropy` with respect to the logits.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf masks a class.
    target : array_like
        Labels, integers of shape ``(...)``, or distributions, real numbers of shape ``(..., K)``; see
        the conventions of `xentlib`.
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
        If a logit is nan or +inf, all classes are masked, a shape does not fit, a label is out
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

    References
    ----------
    The proof is the claim ``cross-entropy-gradient`` of the book's chapter on the gradient.

    Examples
    --------
    >>> softmax_cross_entropy_grad([40.0, 0.0], 0)
    array([-4.24835426e-18,  4.24835426e-18])
    """
    found, (checked,) = _prepare(logits, target, axis)
    z, labels = _for_kernel(found, checked)
    if z is not None and labels is not None:
        return found.by_kernel(_label_gradient, z, labels)
    _checks.check_logits(found)
    return found.compute(_gradient, checked, keep=True)


def _label_gradient(z: Array, labels: Array) -> Array:
    gradient = np.empty_like(z)
    label_rows(z, labels, gradient)
    return gradient


def _gradient(xp: Any, z: Any, target: Any) -> Any:
    return gradient_of(xp, shifted(xp, z), as_distributions(xp, target, z.shape[-1], z.dtype))


def gradient_of(xp: Any, parts: Shifted, y: Any) -> Any:
    """Return the gradients with respect to shifted logits."""
    return (parts.terms * _others(xp, y) - y * parts.without_own(xp)) / (1 + parts.rest)


def _others(xp: Any, y: Any) -> Any:
    """Return, for each class, the sum over all others, without cancellation."""
    first = _arrays.one_hot_mask(xp, xp.argmax(y, axis=-1), y.shape[-1])
    rest = xp.sum(xp.where(first, 0.0, y), axis=-1, keepdims=True)
    top = xp.sum(xp.where(first, y, 0.0), axis=-1, keepdims=True)
    return xp.where(first, rest, top + (rest - y))


def softmax_cross_entropy_value_and_grad(
    logits: ArrayLike, target: ArrayLike, *, axis: int = -1
) -> tuple[Array, Array]:
    r"""Return the losses of `softmax_cross_entropy` and their gradients, for labels in one pass.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf masks a class.
    target : array_like
        Labels, integers of shape ``(...)``, or distributions, real numbers of shape ``(..., K)``; see
        the conventions of `xentlib`.
    axis : int
        The class axis.

    Returns
    -------
    loss : array
        As from `softmax_cross_entropy`.
    gradient : array
        As from `softmax_cross_entropy_grad`.

    Raises
    ------
    TypeError
        If the logits are not real numbers, or the target's dtype does not fit its shape.
    ValueError
        If a logit is nan or +inf, all classes are masked, a shape does not fit, a label is out
        of range, or a row of the target is not a distribution.

    Notes
    -----
    .. math:: \ell(z, y) = -\sum_{k=1}^K y_k \log p_k, \qquad
        \frac{\partial \ell}{\partial z_i} = p_i \sum_{k=1}^K y_k - y_i

    In NumPy with labels the exponentials are taken once for both.

    References
    ----------
    The proofs are the claims ``loss-from-logits`` and ``cross-entropy-gradient`` of the book.

    Examples
    --------
    >>> loss, gradient = softmax_cross_entropy_value_and_grad([[40.0, 0.0]], [0])
    >>> loss
    array([4.24835426e-18])
    >>> gradient
    array([[-4.24835426e-18,  4.24835426e-18]])
    """
    found, (checked,) = _prepare(logits, target, axis)
    z, labels = _for_kernel(found, checked)
    if z is not None and labels is not None:
        gradient = np.empty_like(z)
        loss = found.by_kernel(label_rows, z, labels, gradient)
        return loss, found.restored(gradient)
    return softmax_cross_entropy(logits, target, axis=axis), softmax_cross_entropy_grad(
        logits, target, axis=axis
    )


def softmax_cross_entropy_hess(logits: ArrayLike, target: ArrayLike, *, axis: int = -1) -> Array:
    r"""Return the Hessian of `softmax_cross_entropy` with respect to the logits, row by row.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf masks a class.
    target : array_like
        Labels, integers of shape ``(...)``, or distributions, real numbers of shape ``(..., K)``; see
        the conventions of `xentlib`.
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
        If a logit is nan or +inf, all classes are masked, a shape does not fit, a label is out
        of range, or a row of the target is not a distribution.

    Notes
    -----
    .. math:: \frac{\partial^2 \ell}{\partial z_i \, \partial z_j} = p_i (\delta_{ij} - p_j) \sum_{k=1}^K y_k

    It does not depend on where the label is. Accuracy: that of `softmax_jacobian`, 8 eps.

    References
    ----------
    The proof is the claim ``cross-entropy-hessian`` of the book's chapter on curvature. D. Boehning,
    Multinomial logistic regression algorithm, Annals of the Institute of Statistical Mathematics 44
    (1992), doi:10.1007/BF00048682.

    Examples
    --------
    >>> softmax_cross_entropy_hess([0.0, np.log(3.0)], 1)
    array([[ 0.1875, -0.1875],
           [-0.1875,  0.1875]])
    """
    found, others = _prepare(logits, target, axis)
    _checks.check_logits(found)
    return found.compute(_hessian, *others)


def _hessian(xp: Any, z: Any, target: Any) -> Any:
    return hessian_of(xp, shifted(xp, z), as_distributions(xp, target, z.shape[-1], z.dtype))


def hessian_of(xp: Any, parts: Shifted, y: Any) -> Any:
    """Return the Hessians with respect to shifted logits."""
    return jacobian_of(xp, parts) * xp.sum(y, axis=-1)[..., None, None]


def softmax_cross_entropy_hvp(
    logits: ArrayLike, target: ArrayLike, vector: ArrayLike, *, axis: int = -1
) -> Array:
    r"""Return the Hessian of `softmax_cross_entropy` times a vector, row by row.

    Parameters
    ----------
    logits : array_like
        Real numbers, shape ``(..., K)``; -inf masks a class.
    target : array_like
        Labels, integers of shape ``(...)``, or distributions, real numbers of shape ``(..., K)``; see
        the conventions of `xentlib`.
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
        If a logit is nan or +inf, all classes are masked, a shape does not fit, a label is out
        of range, a row of the target is not a distribution, or the vector is not finite.

    Notes
    -----
    .. math:: (H v)_i = p_i \Bigl(w_i - \sum_{k=1}^K p_k w_k\Bigr) \sum_{k=1}^K y_k, \qquad w_k = v_k - v_a

    in time and memory proportional to K. A constant vector gives 0, so any reference may be subtracted;
    that at the class a of the largest logit has no weight left in the sum, and nothing cancels for
    confident predictions. The error is at most
    :math:`8 \varepsilon p_i (|w_i| + \sum_k p_k |w_k|)`.

    References
    ----------
    The proof is the claim ``hessian-times-vector`` of the book's chapter on curvature, with
    ``cross-entropy-hessian`` for targets. B. A. Pearlmutter, Fast exact multiplication by the Hessian, Neural
    Computation 6 (1994), doi:10.1162/neco.1994.6.1.147.

    Examples
    --------
    >>> softmax_cross_entropy_hvp([0.0, np.log(3.0)], 1, [1.0, 0.0])
    array([ 0.1875, -0.1875])
    """
    found, others = _prepare(logits, target, axis, vector)
    _checks.check_logits(found)
    return found.compute(_hessian_times, *others, keep=True)


def _hessian_times(xp: Any, z: Any, target: Any, vector: Any) -> Any:
    parts = shifted(xp, z)
    total = 1 + parts.rest
    w = vector - xp.sum(xp.where(parts.first, vector, 0.0), axis=-1, keepdims=True)
    mean = xp.sum(parts.terms * w, axis=-1, keepdims=True) / total
    weight = xp.sum(as_distributions(xp, target, z.shape[-1], z.dtype), axis=-1, keepdims=True)
    return parts.terms / total * (w - mean) * weight


# --- Sigmoid ---------------------------------------------------------------------------------------


def _sigmoid_loss(function: Callable[..., Any], logits: Any, target: Any, *vectors: Any) -> Array:
    """Return a function of the logits, the target and vectors, element by element."""
    xp, (x, t, *rest) = _arrays.together(logits, target, *vectors)
    x, t = _arrays.real(xp, x, "logits"), _arrays.real(xp, t, "target")
    if t.shape not in (x.shape, ()):
        _arrays.refuse_shape("target", t.shape, x.shape, "the shape of the logits, or be one number")
    vectors = tuple(_checks.check_vector(_arrays.Rows(xp, x, -1), vector) for vector in rest)
    if xp is np:
        _checks.check_no_nan(x, "logits")
        _checks.check_between_0_and_1(t, "target")
    return _arrays.elementwise(xp, function, x, xp.broadcast_to(t, x.shape), *vectors)


def sigmoid_cross_entropy(logits: ArrayLike, target: ArrayLike) -> Array:
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

    References
    ----------
    D. R. Cox, The regression analysis of binary sequences, J. Royal Statistical Society B 20 (1958),
    doi:10.1111/j.2517-6161.1958.tb00292.x.

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
    return slope + xp.log1p(small_exponential(xp, x))


def sigmoid_cross_entropy_grad(logits: ArrayLike, target: ArrayLike) -> Array:
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

    References
    ----------
    D. R. Cox, The regression analysis of binary sequences, J. Royal Statistical Society B 20 (1958),
    doi:10.1111/j.2517-6161.1958.tb00292.x.

    Examples
    --------
    >>> sigmoid_cross_entropy_grad([40.0, 0.0], 1.0)
    array([-4.24835426e-18, -5.00000000e-01])
    """
    return _sigmoid_loss(_binary_gradient, logits, target)


def _binary_gradient(xp: Any, x: Any, t: Any) -> Any:
    e = small_exponential(xp, x)
    yes, no = xp.where(x >= 0, 1.0, e), xp.where(x >= 0, e, 1.0)
    return ((1 - t) * yes - t * no) / (1 + e)


def sigmoid_cross_entropy_hess(logits: ArrayLike, target: ArrayLike) -> Array:
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

    References
    ----------
    D. R. Cox, The regression analysis of binary sequences, J. Royal Statistical Society B 20 (1958),
    doi:10.1111/j.2517-6161.1958.tb00292.x.

    Examples
    --------
    >>> sigmoid_cross_entropy_hess([0.0, 40.0], 1.0)
    array([2.50000000e-01, 4.24835426e-18])
    """
    return _sigmoid_loss(_binary_curvature, logits, target)


def _binary_curvature(xp: Any, x: Any, t: Any) -> Any:
    e = small_exponential(xp, x)
    return e / ((1 + e) * (1 + e)) + 0 * t  # nan where the target is


def sigmoid_cross_entropy_hvp(logits: ArrayLike, target: ArrayLike, vector: ArrayLike) -> Array:
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

    References
    ----------
    B. A. Pearlmutter, Fast exact multiplication by the Hessian, Neural Computation 6 (1994),
    doi:10.1162/neco.1994.6.1.147.

    Examples
    --------
    >>> sigmoid_cross_entropy_hvp([0.0, 0.0], 1.0, [1.0, -2.0])
    array([ 0.25, -0.5 ])
    """
    return _sigmoid_loss(lambda xp, x, t, v: _binary_curvature(xp, x, t) * v, logits, target, vector)
