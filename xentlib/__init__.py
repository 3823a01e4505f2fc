"""Cross-entropy, derived and checked: the companion of the book *Why Cross-Entropy*.

The functions on arrays are imported from here; the rest stands in its own module, so that SymPy is
not needed to use them:

- `xentlib.softmax`: softmax and its relatives, accurate also for confident predictions;
- `xentlib.information`: entropy, cross-entropy and divergence of distributions;
- `xentlib.losses`: cross-entropy losses on logits, with gradients and Hessians;
- `xentlib.numeric`: gradients, Jacobians and Hessians by differences;
- `xentlib.symbolic`: sums over a symbolic number of classes, and algebra that holds for each;
- `xentlib.evaluation`: the numbers behind the symbols, in as many digits as needed;
- `xentlib.printing`: LaTeX of both;
- `xentlib.verify`: ``derive``, ``prove``, ``agree`` and ``refute``, the verbs of the chapters,
  which rest on `xentlib.witnesses`, `xentlib.alterations` and `xentlib.claims`.

Examples
--------
>>> import xentlib
>>> xentlib.sigmoid([0.0])
array([0.5])
>>> print(f"{xentlib.softmax_cross_entropy([40.0, 0.0], 0):.9g}")
4.24835426e-18
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
)
from xentlib._information import cross_entropy, entropy, kl_divergence, perplexity
from xentlib._linear import linear_cross_entropy_value_and_grad
from xentlib._mean import MeanCrossEntropy, mean_cross_entropy, mean_cross_entropy_value_and_grad
from xentlib._sigmoid import log_sigmoid, sigmoid, softplus
from xentlib._softmax import log_softmax, logsumexp, softmax, softmax_jacobian
from xentlib._streaming import LogSumExp
from xentlib._targets import one_hot, smooth_labels

__all__ = [
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
    "softmax_jacobian",
    "softplus",
]

__version__ = "0.1.0"
