r"""Cross-entropy, derived and checked: the companion of the book *Why Cross-Entropy*.

The functions on arrays need NumPy and array-api-compat. ``xentlib.proof`` holds the verbs and symbols of
the chapters' proofs and needs SymPy; ``xentlib.figures`` draws for the book and needs Matplotlib.

>>> import xentlib as xl
>>> xl.softmax([0.0, 0.0])
array([0.5, 0.5])
>>> print(f"{xl.softmax_cross_entropy([40.0, 0.0], 0):.9g}")
4.24835426e-18

**Arrays.** All functions but the means of a batch take NumPy arrays, lists and numbers, and arrays of
any library that follows the Array API standard (PyTorch, JAX, Dask, CuPy, array-api-strict), which keep
their library, dtype and device and can be differentiated. Integers and booleans become the library's
default real dtype (float64 in NumPy). Values of NumPy arrays, lists and numbers are checked; of other
arrays, whose values may be unknown yet, dtype and shape alone, and what would be refused gives nan. No
input is ever modified. To a type checker, all results are NumPy's.

**Logits** have their classes along the last axis, or along ``axis``. A logit of -inf masks its class.
nan, +inf, and rows with every class masked are refused with `InvalidLogitsError`, which says where.

**Targets** of softmax are either labels, integers 0, ..., K - 1 in the shape of the batch, or
distributions, real numbers in the shape of the logits. Dtype and shape must both fit, so that neither
is taken for the other. The target of sigmoid is the probability of the answer yes.

**Distributions** are rows of numbers that are at least 0 and sum to 1 within the square root of eps of
their dtype (1.5e-8 in float64, 3.5e-4 in float32), for probabilities are rounded. A sum that is a
little off is used as it is. In entropies 0 log 0 counts as 0, and what an event of probability 0 under
q but not under p costs is infinite; the derivative with respect to a probability of 0 is that of the
other terms.

**Losses** are in nats, one for each row of logits (softmax) or for each logit (sigmoid). A target of 0
costs nothing, also where the logit is -inf; a positive one costs inf there. ``_grad`` and ``_hess`` are
with respect to the logits; ``_hvp`` is the Hessian times a vector and never forms the Hessian.

**Means** of a batch are on NumPy alone, with logits of shape ``(..., K)`` and at most 64 bits. They are
weighted: with sample weights v, class weights w, and targets y mixed with the uniform distribution by
``label_smoothing``,

.. math:: L = \frac{\sum_i v_i \sum_j w_j y_{ij} (A(z_i) - z_{ij})}{\sum_i v_i \sum_j w_j y_{ij}}

where A is log-sum-exp. A label equal to ``ignore_index`` has v = 0. For plain labels that is PyTorch's
mean; PyTorch divides smoothed losses by the weights of their labels instead, and those of distributions
by their number. Without class weights the sums of distributions count as 1. What has weight 0
contributes 0, also where its loss is infinite; but its logits are checked. Results do not depend on
``threads``, among which blocks of rows are shared; little is to be gained below a million logits.

**Accuracy** is stated in eps, the spacing of the dtype's numbers at 1, relative to the result; below
the normal numbers, relative to the smallest of them. It holds for gaps that are not floats too, and was
measured over offsets to 1e4, gaps to the underflow of exp, and up to 1e5 classes. Two things are the
libraries' own: XLA on CPU (JAX) makes subnormal numbers 0, also inside of sums, and a library that adds
up 1e5 terms one after another, as on some graphics processors, errs by its sum.
"""

from xentlib import differences
from xentlib._cross_entropy import (
    sigmoid_cross_entropy,
    sigmoid_cross_entropy_grad,
    sigmoid_cross_entropy_hess,
    sigmoid_cross_entropy_hvp,
    softmax_cross_entropy,
    softmax_cross_entropy_grad,
    softmax_cross_entropy_hess,
    softmax_cross_entropy_hvp,
    softmax_cross_entropy_value_and_grad,
)
from xentlib._information import cross_entropy, entropy, kl_divergence, perplexity
from xentlib._kernel import InvalidLogitsError
from xentlib._linear import linear_cross_entropy_value_and_grad
from xentlib._mean import mean_cross_entropy, mean_cross_entropy_value_and_grad
from xentlib._sigmoid import log_sigmoid, sigmoid, softplus
from xentlib._softmax import log_softmax, logsumexp, softmax, softmax_jacobian
from xentlib._streaming import LogSumExp, MeanCrossEntropy
from xentlib._targets import one_hot, smooth_labels

__all__ = [
    "InvalidLogitsError",
    "LogSumExp",
    "MeanCrossEntropy",
    "__version__",
    "cross_entropy",
    "differences",
    "entropy",
    "kl_divergence",
    "linear_cross_entropy_value_and_grad",
    "log_sigmoid",
    "log_softmax",
    "logsumexp",
    "mean_cross_entropy",
    "mean_cross_entropy_value_and_grad",
    "one_hot",
    "perplexity",
    "sigmoid",
    "sigmoid_cross_entropy",
    "sigmoid_cross_entropy_grad",
    "sigmoid_cross_entropy_hess",
    "sigmoid_cross_entropy_hvp",
    "smooth_labels",
    "softmax",
    "softmax_cross_entropy",
    "softmax_cross_entropy_grad",
    "softmax_cross_entropy_hess",
    "softmax_cross_entropy_hvp",
    "softmax_cross_entropy_value_and_grad",
    "softmax_jacobian",
    "softplus",
]

__version__ = "0.1.0"
