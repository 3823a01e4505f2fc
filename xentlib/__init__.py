"""Cross-entropy, derived and checked: the companion of the book *Why Cross-Entropy*.

The functions on arrays are imported from here; the rest stands in its own module, so that
NumPy alone is needed to use them:

- `xentlib.softmax`: softmax and its relatives, accurate also for confident predictions;
- `xentlib.numeric`: gradients, Jacobians and Hessians by differences;
- `xentlib.symbolic`: sums over a symbolic number of classes, and algebra that holds for each;
- `xentlib.evaluation`: the numbers behind the symbols, in as many digits as needed;
- `xentlib.printing`: LaTeX of both;
- `xentlib.verify`: ``derive``, ``prove``, ``agree`` and ``refute``, the verbs of the chapters,
  which rest on `xentlib.witnesses`, `xentlib.alterations` and `xentlib.claims`.

Examples
--------
>>> import xentlib
>>> xentlib.softmax([0.0, 0.0])
array([0.5, 0.5])
"""

from xentlib.softmax import log_softmax, logsumexp, softmax, softmax_jacobian

__all__ = ["__version__", "log_softmax", "logsumexp", "softmax", "softmax_jacobian"]

__version__ = "0.1.0"
