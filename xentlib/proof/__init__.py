"""Proofs by algebra for every number of classes, and the numbers that try to refute them.

The verbs that the chapters write with are `derive`, `prove`, `agree` and `refute`; `theorem` and `say` put
words around what is proved. Only this part of the package needs SymPy. The symbols, each printed by its name:

- ``K``, ``N`` and ``D``: the number of classes, of samples and of features;
- ``i, j, k, l`` run over the classes, ``m, n, o`` over the samples, ``d, e`` over the features; ``SIZE``
  says how far each runs;
- ``z``: the logits, of one sample ``z[k]`` or of several ``z[n, k]``; ``y``: a target; ``c[n]``: the label of
  sample n; ``x`` and ``W``: inputs and weights; ``v``: any vector; ``s`` and ``t``: real numbers;
- ``p[i]`` and ``p[n, i]``: softmax of the logits; ``lse``, printed A: their log-sum-exp, ``A[n]`` that of
  sample n;
- ``delta(i, j)``: 1 if i = j, else 0 (SymPy's `KroneckerDelta`).

For example:

>>> from sympy import Eq
>>> from xentlib.proof import k, p, prove, sum_over
>>> prove("softmax-sum", Eq(sum_over(k, p[k]), 1))
✓ softmax-sum: proved for every K
Eq(Sum(p[k], (k, 1, K)), 1)
"""

from xentlib.proof._agreement import agree
from xentlib.proof._claims import say, theorem
from xentlib.proof._entries import entries
from xentlib.proof._latex import to_latex
from xentlib.proof._quantities import A, Quantity, lse, named, p, softmax_of
from xentlib.proof._verbs import derive, prove, refute
from xentlib.proof.core.problem import VerificationError
from xentlib.proof.core.symbols import (
    SIZE,
    D,
    K,
    N,
    W,
    c,
    d,
    delta,
    e,
    i,
    j,
    k,
    l,
    m,
    n,
    o,
    product_over,
    s,
    sum_over,
    t,
    v,
    x,
    y,
    z,
)

__all__ = [
    "SIZE",
    "A",
    "D",
    "K",
    "N",
    "Quantity",
    "VerificationError",
    "W",
    "agree",
    "c",
    "d",
    "delta",
    "derive",
    "e",
    "entries",
    "i",
    "j",
    "k",
    "l",
    "lse",
    "m",
    "n",
    "named",
    "o",
    "p",
    "product_over",
    "prove",
    "refute",
    "s",
    "say",
    "softmax_of",
    "sum_over",
    "t",
    "theorem",
    "to_latex",
    "v",
    "x",
    "y",
    "z",
]
