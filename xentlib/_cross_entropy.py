"""Cross-entropy losses on logits, with their gradients, Hessians and Hessian-vector products."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from xentlib import _arrays, _checks
from xentlib._arrays import Array
from xentlib._kernel import label_rows, soft_rows
from xentlib._sigmoid import of_both_answers, small_exponential
from xentlib._softmax import Shifted, jacobian_of, shifted
from xentlib._targets import as_distributions

# --- Softmax ---------------------------------------------------------------------------------------


def _prepare(
    logits: Any, target: Any, axis: int, class_weight: Any, *vectors: Any
) -> tuple[_arrays.Rows, Any, list[Any]]:
    """Return the logits as rows, not yet checked; the class weights; and target and vectors, classes last."""
    weights = () if class_weight is None else (class_weight,)
    found, (target, *others) = _arrays.logit_rows(logits, target, *vectors, *weights, axis=axis)
    rest = [_checks.check_vector(found, vector) for vector in others[: len(vectors)]]
    checked = [_checks.check_target(found, target), *rest]
    if class_weight is None:
        return found, None, checked
    classes = tuple(found.values.shape[-1:])
    return found, _checks.check_loss_weight(found.xp, others[-1], classes, "class_weight"), checked


def _distributions(xp: Any, z: Any, target: Any, weight: Any) -> Any:
    """Return the target as distributions times the weights of the classes."""
    y = as_distributions(xp, target, z.shape[-1], z.dtype)
    if weight is None:
        return y
    return y * (weight if xp is np else xp.astype(weight, y.dtype, copy=False))


def _for_kernel(found: _arrays.Rows, target: Any) -> tuple[Array | None, Array | None]:
    """Return logits and labels as the kernel takes them; None for what it does not take."""
    z = found.matrix()
    if z is None or not _arrays.is_integral(np, target):
        return z, None
    return z, target.reshape(-1).astype(np.intp, copy=False)


def _by_labels(z: Array, labels: Array, weight: Any, gradient: Array | None = None) -> Array:
    """Return the kernel's losses times the weights of their labels, and write the gradients."""
    loss = label_rows(z, labels, gradient)
    if weight is None:
        return loss
    own = weight[labels]
    # 0 times an infinite loss is 0; what the dtype cannot hold is infinite.
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        if gradient is not None:
            np.multiply(gradient, own[:, None], out=gradient, casting="same_kind")
        return np.where(own == 0, 0.0, loss * own).astype(z.dtype)


def softmax_cross_entropy(
    logits: ArrayLike, target: ArrayLike, *, axis: int = -1, class_weight: ArrayLike | None = None
) -> Array:
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
    class_weight : array_like, optional
        One number for each class, shape ``(K,)``, not negative; see the conventions of `xentlib`.

    Returns
    -------
    array
        Nats, in the dtype of the logits, without the class axis; inf where a class that the target
        holds possible is masked.

    Raises
    ------
    TypeError
        If logits or weights are not real numbers, or the target's dtype does not fit its shape.
    ValueError
        If a logit is nan or +inf, all classes are masked, a shape does not fit, a label is out
        of range, a row of the target is not a distribution, or a weight is negative or not finite.

    Notes
    -----
    .. math:: \ell(z, y) = -\sum_{k=1}^K y_k \log p_k = \sum_{k=1}^K y_k \bigl((m - z_k) + \log(1 + r)\bigr)

    with m the largest logit and r the sum of :math:`e^{z_k - m}` over the other classes. All terms are at
    least 0: 4 eps, also for confident predictions, until the loss underflows. NumPy's distributions are
    rounded to the dtype of the logits first. For a label y,

    .. math:: \ell = \log \Bigl(1 + \sum_{k \ne y} e^{z_k} \Big/ e^{z_y}\Bigr)

    With class weights w, the target y is :math:`w_k y_k` in the first line and in all that is said of it;
    of a label, the weight multiplies the loss.

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

    A class weight is that of the label, not of the class that was predicted:

    >>> softmax_cross_entropy([[0.0, 0.0], [0.0, 0.0]], [0, 1], class_weight=[1.0, 9.0])
    array([0.69314718, 6.23832463])
    """
    found, weight, (checked,) = _prepare(logits, target, axis, class_weight)
    z, labels = _for_kernel(found, checked)
    if z is not None and labels is not None:
        return found.by_kernel(partial(_by_labels, weight=weight), z, labels)
    if z is not None and weight is None:
        return found.by_kernel(soft_rows, z, _arrays.as_matrix(checked, z.dtype))
    _checks.check_logits(found)
    return found.compute(partial(_loss, weight=weight), checked)


def _loss(xp: Any, z: Any, target: Any, weight: Any) -> Any:
    return loss_of(xp, shifted(xp, z), _distributions(xp, z, target, weight))


def loss_of(xp: Any, parts: Shifted, y: Any) -> Any:
    """Return the losses of shifted logits."""
    # 0 times a gap beyond the largest number is 0.
    gaps = xp.where((y == 0) & (parts.gaps == -math.inf), 0.0, parts.gaps)
    terms = y * (xp.log1p(parts.rest) - gaps)
    return xp.sum(xp.where(parts.masked & (y != 0), math.inf, terms), axis=-1)


def softmax_cross_entropy_grad(
    logits: ArrayLike, target: ArrayLike, *, axis: int = -1, class_weight: ArrayLike | None = None
) -> Array:
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
    class_weight : array_like, optional
        One number for each class, shape ``(K,)``, not negative; see the conventions of `xentlib`.

    Returns
    -------
    array
        In the shape and dtype of the logits.

    Raises
    ------
    TypeError
        If logits or weights are not real numbers, or the target's dtype does not fit its shape.
    ValueError
        If a logit is nan or +inf, all classes are masked, a shape does not fit, a label is out
        of range, a row of the target is not a distribution, or a weight is negative or not finite.

    Notes
    -----
    .. math::

       \frac{\partial \ell}{\partial z_i} = p_i \sum_{k=1}^K y_k - y_i
       = p_i \sum_{k \ne i} y_k - y_i \sum_{k \ne i} p_k

    The second form is computed. For labels one of its terms is 0: 4 eps for each entry, that of the
    label included, where p - 1 would cancel. Otherwise the terms, of which each is right to 6 eps,
    may cancel where :math:`p_i` nears :math:`y_i`: the error is at most
    :math:`6 \varepsilon (p_i \sum_{k \ne i} y_k + y_i \sum_{k \ne i} p_k)`. With class weights w,
    :math:`w_k y_k` stands for :math:`y_k` in all of this.

    References
    ----------
    The proof is the claim ``cross-entropy-gradient`` of the book's chapter on the gradient.

    Examples
    --------
    >>> softmax_cross_entropy_grad([40.0, 0.0], 0)
    array([-4.24835426e-18,  4.24835426e-18])
    >>> softmax_cross_entropy_grad([0.0, 0.0], 1, class_weight=[1.0, 9.0])
    array([ 4.5, -4.5])
    """
    found, weight, (checked,) = _prepare(logits, target, axis, class_weight)
    z, labels = _for_kernel(found, checked)
    if z is not None and labels is not None:
        return found.by_kernel(partial(_label_gradient, weight=weight), z, labels)
    _checks.check_logits(found)
    return found.compute(partial(_gradient, weight=weight), checked, keep=True)


def _label_gradient(z: Array, labels: Array, weight: Any) -> Array:
    gradient = np.empty_like(z)
    _by_labels(z, labels, weight, gradient)
    return gradient


def _gradient(xp: Any, z: Any, target: Any, weight: Any) -> Any:
    return gradient_of(xp, shifted(xp, z), _distributions(xp, z, target, weight))


def gradient_of(xp: Any, parts: Shifted, y: Any) -> Any:
    """Return the gradients with respect to shifted logits."""
    return (parts.terms * _others(xp, y) - y * parts.without_own(xp)) / (1 + parts.rest)


def _others(xp: Any, y: Any) -> Any:
    """Return, for each class, the sum over all others, without cancellation."""
    first = _arrays.one_hot_mask(xp, xp.argmax(y, axis=-1), y.shape[-1])
    rest, top = xp.sum(xp.where(first, 0.0, y), axis=-1, keepdims=True), _arrays.entry_at(xp, first, y)
    return xp.where(first, rest, top + (rest - y))


def softmax_cross_entropy_value_and_grad(
    logits: ArrayLike, target: ArrayLike, *, axis: int = -1, class_weight: ArrayLike | None = None
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
    class_weight : array_like, optional
        One number for each class, shape ``(K,)``, not negative; see the conventions of `xentlib`.

    Returns
    -------
    loss : array
        As from `softmax_cross_entropy`.
    gradient : array
        As from `softmax_cross_entropy_grad`.

    Raises
    ------
    TypeError
        If logits or weights are not real numbers, or the target's dtype does not fit its shape.
    ValueError
        If a logit is nan or +inf, all classes are masked, a shape does not fit, a label is out
        of range, a row of the target is not a distribution, or a weight is negative or not finite.

    Notes
    -----
    .. math:: \ell(z, y) = -\sum_{k=1}^K y_k \log p_k, \qquad
        \frac{\partial \ell}{\partial z_i} = p_i \sum_{k=1}^K y_k - y_i

    In NumPy with labels the exponentials are taken once for both. With class weights w,
    :math:`w_k y_k` stands for :math:`y_k`.

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
    found, weight, (checked,) = _prepare(logits, target, axis, class_weight)
    z, labels = _for_kernel(found, checked)
    if z is not None and labels is not None:
        gradient = np.empty_like(z)
        loss = found.by_kernel(partial(_by_labels, weight=weight, gradient=gradient), z, labels)
        return loss, found.restored(gradient)
    options: dict[str, Any] = {"axis": axis, "class_weight": class_weight}
    return softmax_cross_entropy(logits, target, **options), softmax_cross_entropy_grad(
        logits, target, **options
    )


def softmax_cross_entropy_hess(
    logits: ArrayLike, target: ArrayLike, *, axis: int = -1, class_weight: ArrayLike | None = None
) -> Array:
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
    class_weight : array_like, optional
        One number for each class, shape ``(K,)``, not negative; see the conventions of `xentlib`.

    Returns
    -------
    array
        In the dtype of the logits, shape ``(..., K, K)``: the batch axes in their order first.

    Raises
    ------
    TypeError
        If logits or weights are not real numbers, or the target's dtype does not fit its shape.
    ValueError
        If a logit is nan or +inf, all classes are masked, a shape does not fit, a label is out
        of range, a row of the target is not a distribution, or a weight is negative or not finite.

    Notes
    -----
    .. math:: \frac{\partial^2 \ell}{\partial z_i \, \partial z_j} = p_i (\delta_{ij} - p_j) \sum_{k=1}^K y_k

    It does not depend on where the label is, but with class weights w, of which :math:`w_k y_k` then
    stands for :math:`y_k`. Accuracy: that of `softmax_jacobian`, 8 eps.

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
    found, weight, others = _prepare(logits, target, axis, class_weight)
    _checks.check_logits(found)
    return found.compute(partial(_hessian, weight=weight), *others)


def _hessian(xp: Any, z: Any, target: Any, weight: Any) -> Any:
    return hessian_of(xp, shifted(xp, z), _distributions(xp, z, target, weight))


def hessian_of(xp: Any, parts: Shifted, y: Any) -> Any:
    """Return the Hessians with respect to shifted logits."""
    return jacobian_of(xp, parts) * xp.sum(y, axis=-1)[..., None, None]


def softmax_cross_entropy_hvp(
    logits: ArrayLike,
    target: ArrayLike,
    vector: ArrayLike,
    *,
    axis: int = -1,
    class_weight: ArrayLike | None = None,
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
    class_weight : array_like, optional
        One number for each class, shape ``(K,)``, not negative; see the conventions of `xentlib`.

    Returns
    -------
    array
        In the shape and dtype of the logits.

    Raises
    ------
    TypeError
        If logits, vector or weights are not real numbers, or the target's dtype does not fit its shape.
    ValueError
        If a logit is nan or +inf, all classes are masked, a shape does not fit, a label is out
        of range, a row of the target is not a distribution, the vector is not finite, or a weight is
        negative or not finite.

    Notes
    -----
    .. math:: (H v)_i = p_i \Bigl(u_i - \sum_{k=1}^K p_k u_k\Bigr) \sum_{k=1}^K y_k, \qquad u_k = v_k - v_a

    in time and memory proportional to K. A constant vector gives 0, so any reference may be subtracted;
    that at the class a of the largest logit has no weight left in the sum, and nothing cancels for
    confident predictions. The error is at most
    :math:`8 \varepsilon p_i (|u_i| + \sum_k p_k |u_k|) \sum_k y_k`. With class weights w,
    :math:`w_k y_k` stands for :math:`y_k`.

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
    found, weight, others = _prepare(logits, target, axis, class_weight, vector)
    _checks.check_logits(found)
    return found.compute(partial(_hessian_times, weight=weight), *others, keep=True)


def _hessian_times(xp: Any, z: Any, target: Any, vector: Any, weight: Any) -> Any:
    parts = shifted(xp, z)
    total = 1 + parts.rest
    w = vector - _arrays.entry_at(xp, parts.first, vector)
    mean = xp.sum(parts.terms * w, axis=-1, keepdims=True) / total
    mass = xp.sum(_distributions(xp, z, target, weight), axis=-1, keepdims=True)
    return parts.terms / total * (w - mean) * mass


# --- Sigmoid ---------------------------------------------------------------------------------------


def _sigmoid_loss(
    function: Callable[..., Any], logits: Any, target: Any, *vectors: Any, pos_weight: Any
) -> Array:
    """Return a function of the logits, the target, its weighted form and vectors, element by element."""
    weights = () if pos_weight is None else (pos_weight,)
    xp, (x, t, *rest) = _arrays.together(logits, target, *vectors, *weights)
    x, t = _checks.logits_and_probabilities(xp, x, t)
    weights = tuple(_pos_weight(xp, weight, x) for weight in rest[len(vectors) :])
    vectors = tuple(_checks.check_vector(_arrays.Rows(xp, x, -1), v) for v in rest[: len(vectors)])

    def of_parts(xp: Any, x: Any, t: Any, *others: Any) -> Any:
        if not weights:
            return function(xp, x, t, t, 1.0, *others)
        w = others[0] if xp is np else xp.astype(others[0], x.dtype, copy=False)
        u = t * w
        return function(xp, x, t, u, u + (1 - t), *others[1:])

    return _arrays.elementwise(xp, of_parts, x, xp.broadcast_to(t, x.shape), *weights, *vectors)


def _pos_weight(xp: Any, weight: Any, x: Any) -> Any:
    """Return the weight of the answer yes for each logit."""
    shape = () if weight.ndim == 0 else tuple(x.shape[-1:])
    return xp.broadcast_to(_checks.check_loss_weight(xp, weight, shape, "pos_weight"), x.shape)


def sigmoid_cross_entropy(
    logits: ArrayLike, target: ArrayLike, *, pos_weight: ArrayLike | None = None
) -> Array:
    r"""Return the cross-entropy of sigmoid of each logit under its target.

    Parameters
    ----------
    logits : array_like
        Real numbers of any shape, also -inf and inf.
    target : array_like
        Probabilities that the answer is yes, 0 to 1, in the shape of the logits, or one number;
        booleans and integers 0 and 1 too.
    pos_weight : array_like, optional
        What the answer yes counts, where no counts 1: a number, or one for each entry of the last axis;
        not negative. See the conventions of `xentlib`.

    Returns
    -------
    array
        Nats, in the shape and dtype of the logits.

    Raises
    ------
    TypeError
        If the logits, the target or the weights do not hold real numbers.
    ValueError
        If a logit is nan, a target is not between 0 and 1, a weight is negative or not finite, or a
        shape does not fit.

    Notes
    -----
    .. math::

       \ell(x, t) = -t \log \sigma(x) - (1 - t) \log(1 - \sigma(x))
       = \begin{cases} (1 - t) x & x \ge 0 \\ -t x & x < 0 \end{cases} + \log(1 + e^{-|x|})

    Both terms are at least 0: 4 eps, also for confident predictions. The usual
    :math:`\max(x, 0) - x t + \log(1 + e^{-|x|})` cancels where t is close to 1. With a positive weight w,

    .. math::

       \ell(x, t) = -w t \log \sigma(x) - (1 - t) \log(1 - \sigma(x))
       = \begin{cases} (1 - t) x & x \ge 0 \\ -w t x & x < 0 \end{cases}
       + (w t + 1 - t) \log(1 + e^{-|x|})

    References
    ----------
    D. R. Cox, The regression analysis of binary sequences, J. Royal Statistical Society B 20 (1958),
    doi:10.1111/j.2517-6161.1958.tb00292.x.

    Examples
    --------
    >>> sigmoid_cross_entropy([40.0, 0.0, -40.0], [1, 1, 1])
    array([4.24835426e-18, 6.93147181e-01, 4.00000000e+01])
    >>> sigmoid_cross_entropy([0.0, 0.0], [0, 1], pos_weight=9.0)
    array([0.69314718, 6.23832463])
    """
    return _sigmoid_loss(_binary_loss, logits, target, pos_weight=pos_weight)


def _binary_loss(xp: Any, x: Any, t: Any, u: Any, mass: Any) -> Any:
    weight = xp.where(x >= 0, 1 - t, -u)
    # 0 times inf is 0: the answer is sure, and right, or does not count.
    slope = weight * xp.where((weight == 0) & (xp.abs(x) == math.inf), 0.0, x)
    return slope + mass * xp.log1p(small_exponential(xp, x))


def sigmoid_cross_entropy_grad(
    logits: ArrayLike, target: ArrayLike, *, pos_weight: ArrayLike | None = None
) -> Array:
    r"""Return the derivative of `sigmoid_cross_entropy` with respect to each logit.

    Parameters
    ----------
    logits : array_like
        Real numbers of any shape, also -inf and inf.
    target : array_like
        As in `sigmoid_cross_entropy`.
    pos_weight : array_like, optional
        What the answer yes counts, where no counts 1: a number, or one for each entry of the last axis;
        not negative. See the conventions of `xentlib`.

    Returns
    -------
    array
        In the shape and dtype of the logits.

    Raises
    ------
    TypeError
        If the logits, the target or the weights do not hold real numbers.
    ValueError
        If a logit is nan, a target is not between 0 and 1, a weight is negative or not finite, or a
        shape does not fit.

    Notes
    -----
    .. math:: \frac{\partial \ell}{\partial x} = \sigma(x) - t = (1 - t) \sigma(x) - t \sigma(-x)

    The second form is computed. For a target of 0 or 1 one of its terms is 0: 4 eps. Otherwise they may
    cancel: the error is at most :math:`4 \varepsilon ((1 - t) \sigma(x) + t \sigma(-x))`. A positive
    weight w makes t in the last term, and in the error, w t.

    References
    ----------
    D. R. Cox, The regression analysis of binary sequences, J. Royal Statistical Society B 20 (1958),
    doi:10.1111/j.2517-6161.1958.tb00292.x.

    Examples
    --------
    >>> sigmoid_cross_entropy_grad([40.0, 0.0], 1.0)
    array([-4.24835426e-18, -5.00000000e-01])
    """
    return _sigmoid_loss(_binary_gradient, logits, target, pos_weight=pos_weight)


def _binary_gradient(xp: Any, x: Any, t: Any, u: Any, mass: Any) -> Any:
    yes, no, e = of_both_answers(xp, x)
    return ((1 - t) * yes - u * no) / (1 + e)


def sigmoid_cross_entropy_hess(
    logits: ArrayLike, target: ArrayLike, *, pos_weight: ArrayLike | None = None
) -> Array:
    r"""Return the second derivative of `sigmoid_cross_entropy` with respect to each logit.

    Parameters
    ----------
    logits : array_like
        Real numbers of any shape, also -inf and inf.
    target : array_like
        As in `sigmoid_cross_entropy`; the second derivative does not depend on it without a weight.
    pos_weight : array_like, optional
        What the answer yes counts, where no counts 1: a number, or one for each entry of the last axis;
        not negative. See the conventions of `xentlib`.

    Returns
    -------
    array
        In the shape and dtype of the logits: the diagonal of the Hessian, the rest of which is 0.

    Raises
    ------
    TypeError
        If the logits, the target or the weights do not hold real numbers.
    ValueError
        If a logit is nan, a target is not between 0 and 1, a weight is negative or not finite, or a
        shape does not fit.

    Notes
    -----
    .. math:: \frac{\partial^2 \ell}{\partial x^2} = \sigma(x) \sigma(-x) = \frac{e^{-|x|}}{(1 + e^{-|x|})^2}

    times :math:`w t + 1 - t` with a positive weight w. Accuracy: 4 eps, and 6 with a weight.

    References
    ----------
    D. R. Cox, The regression analysis of binary sequences, J. Royal Statistical Society B 20 (1958),
    doi:10.1111/j.2517-6161.1958.tb00292.x.

    Examples
    --------
    >>> sigmoid_cross_entropy_hess([0.0, 40.0], 1.0)
    array([2.50000000e-01, 4.24835426e-18])
    """
    return _sigmoid_loss(_binary_curvature, logits, target, pos_weight=pos_weight)


def _binary_curvature(xp: Any, x: Any, t: Any, u: Any, mass: Any) -> Any:
    e = small_exponential(xp, x)
    return mass * (e / ((1 + e) * (1 + e))) + 0 * t  # nan where the target is


def sigmoid_cross_entropy_hvp(
    logits: ArrayLike, target: ArrayLike, vector: ArrayLike, *, pos_weight: ArrayLike | None = None
) -> Array:
    r"""Return the Hessian of `sigmoid_cross_entropy`, which is diagonal, times a vector.

    Parameters
    ----------
    logits : array_like
        Real numbers of any shape, also -inf and inf.
    target : array_like
        As in `sigmoid_cross_entropy`; the Hessian does not depend on it without a weight.
    vector : array_like
        Real numbers in the shape of the logits.
    pos_weight : array_like, optional
        What the answer yes counts, where no counts 1: a number, or one for each entry of the last axis;
        not negative. See the conventions of `xentlib`.

    Returns
    -------
    array
        In the shape and dtype of the logits.

    Raises
    ------
    TypeError
        If the logits, the target, the vector or the weights do not hold real numbers.
    ValueError
        If a logit is nan, a target is not between 0 and 1, the vector is not finite, a weight is
        negative or not finite, or a shape does not fit.

    Notes
    -----
    .. math:: (H v)_n = \sigma(x_n) \sigma(-x_n) v_n

    times :math:`w t_n + 1 - t_n` with a positive weight w. Accuracy: 4 eps, and 6 with a weight.

    References
    ----------
    B. A. Pearlmutter, Fast exact multiplication by the Hessian, Neural Computation 6 (1994),
    doi:10.1162/neco.1994.6.1.147.

    Examples
    --------
    >>> sigmoid_cross_entropy_hvp([0.0, 0.0], 1.0, [1.0, -2.0])
    array([ 0.25, -0.5 ])
    """

    def product(xp: Any, x: Any, t: Any, u: Any, mass: Any, v: Any) -> Any:
        return _binary_curvature(xp, x, t, u, mass) * v

    return _sigmoid_loss(product, logits, target, vector, pos_weight=pos_weight)
