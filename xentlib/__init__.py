r"""Cross-entropy, derived and checked: the companion of the book *Why Cross-Entropy*.

The functions on arrays need NumPy and array-api-compat. ``xentlib.proof`` holds the verbs and symbols of
the chapters' proofs and needs SymPy; ``xentlib.figures`` draws for the book and needs Matplotlib.

>>> import xentlib as xl
>>> xl.softmax([0.0, 0.0])
array([0.5, 0.5])
>>> print(f"{xl.softmax_cross_entropy([40.0, 0.0], 0):.9g}")
4.24835426e-18

**Arrays.** The functions of rows and of single numbers take NumPy arrays, lists and numbers, and arrays
of any library that follows the Array API standard (PyTorch, JAX, Dask, CuPy, array-api-strict), which
keep their library, dtype and device and can be differentiated. Means, `LogSumExp`, the linear layer,
calibration and `fit_temperature` are on NumPy alone. Integers and booleans become the library's default
real dtype (float64 in NumPy). Values of NumPy arrays, lists and numbers are checked. Of other arrays, whose
values may be unknown yet, dtype and shape alone are: bad logits and labels give nan there, and distributions
are taken as they are. No input is modified, unless it is given as ``out`` as well. To a type checker, all
results are NumPy's.

**Precision.** NumPy's float32 and float64 are computed as they are, but for what a row has one of (a
sum, a logarithm), which is float64; float16 is computed in float32. Second derivatives, temperatures
and gradients under distributions are computed in float64. Other libraries compute in their own dtype,
half precision in float32. The result is rounded once.

**Logits** have their classes along the last axis, or along ``axis``. A logit of -inf masks its class.
Probabilities and losses refuse nan, +inf, and rows with every class masked with `InvalidLogitsError`,
which says where; log-sum-exp is infinite there, and nan alone is refused. Sigmoid and its losses take
-inf and +inf.

**Targets** of softmax are either labels, integers 0, ..., K - 1 in the shape of the batch, or
distributions, real numbers in the shape of the logits. Dtype and shape must both fit, so that neither
is taken for the other. The target of sigmoid is the probability of the answer yes.

**Distributions** are rows of numbers that are at least 0 and sum to 1 within the square root of eps of
their dtype (1.5e-8 in float64, 3.5e-4 in float32), for probabilities are rounded. A sum that is a
little off is used as it is. In entropies 0 log 0 counts as 0, and what an event of probability 0 under
q but not under p costs is infinite; to differentiation, a term with a probability of 0 is a constant.

**Losses** are in nats, one for each row of logits (softmax) or for each logit (sigmoid). A target of 0
costs nothing, also where the logit is -inf; a positive one costs inf there.
Ordered classes have one logit less than classes, and labels alone as targets. ``_grad`` and ``_hess`` are
with respect to the logits; ``_hvp`` is the Hessian times a vector and never forms the Hessian.

**Weights.** ``class_weight`` has one number for each class, and the target y of softmax then counts
:math:`w_k y_k`; a label's loss and all of its derivatives are multiplied by the weight of the label.
``pos_weight``, one number or one for each entry of the last axis of the logits, multiplies what the
answer yes costs. Weights are finite and not negative. Nothing is divided by them: only means are. A
weight of 0 times an infinite loss is 0. What is below the normal numbers without a weight errs by the
weight times as much. On NumPy weights are float64; elsewhere they are rounded to what is computed in.

**Means** of a batch take logits of shape ``(..., K)`` and at most 64 bits. They are weighted: with
sample weights v, class weights w, and targets y mixed with the uniform distribution by
``label_smoothing``,

.. math:: L = \frac{\sum_i v_i \sum_j w_j y_{ij} (A(z_i) - z_{ij})}{\sum_i v_i \sum_j w_j y_{ij}}

where A is log-sum-exp. Without class weights the sums of distributions count as 1 in the denominator. A
label equal to ``ignore_index``, if one is given, has v = 0. What has weight 0 contributes 0, also where
its loss is infinite; but its logits are checked. A mean over nothing is refused. For plain labels that
is PyTorch's mean; PyTorch divides smoothed losses by the weights of their labels instead, and those of
distributions by their number.

**Threads.** Means, softmax, its logarithm, log-sum-exp and the losses of rows on NumPy share blocks of
rows among the cores that this process may use, if the logits take 2 MiB or more: below, to wake a
thread costs what it gains. Results do not depend on it, to the last bit. The threads are kept for the
next call; a forked child starts its own. Means take ``threads``, the most that share the work, the
calling one included: 1 leaves the other cores alone.

**Accuracy** is stated in eps, the spacing of the dtype's numbers at 1, relative to the result unless a
function says otherwise; below the normal numbers, relative to the smallest subnormal number. It was
measured, over offsets to 1e4, gaps to the underflow of exp, also those that z - max rounds, and up to
1e5 classes; ``make accuracy`` measures again. Two things are the libraries' own: XLA on CPU (JAX) makes
subnormal numbers 0, also inside of sums, and a library that adds up 1e5 terms one after another, as on
some graphics processors, errs by its sum.
"""

# Each module is loaded when one of its names is first asked for (Scientific Python's SPEC 1), so that the
# proofs, a package inside of this one, need no NumPy. The names stand in __init__.pyi.
import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__version__ = "0.1.0"
