"""A pytest plugin: xentlib's functions in the place of SciPy's, before SciPy's own tests import them.

What xentlib does not have is skipped, each with its name: weights, signs, complex numbers. nan, which
xentlib refuses in NumPy arrays where SciPy returns it, is returned here.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
import scipy.special
from scipy._lib._array_api import xp_capabilities_table

import xentlib


def serve(name):
    """Put xentlib's function of this name, with SciPy's arguments, into scipy.special."""
    theirs, ours = getattr(scipy.special, name), getattr(xentlib, name)

    @functools.wraps(theirs)
    def function(a, axis=None, b=None, keepdims=False, return_sign=False):
        if b is not None or return_sign:
            pytest.skip("xentlib has no weights within log-sum-exp, and no signs")
        if np.iscomplexobj(np.asarray(a)):
            pytest.skip("xentlib has no complex numbers")
        try:
            return ours(a, axis=axis, **({"keepdims": True} if keepdims else {}))
        except xentlib.InvalidLogitsError as error:
            if not math.isnan(error.value):
                raise
            return np.float64(math.nan)

    xp_capabilities_table[function] = xp_capabilities_table[theirs]
    setattr(scipy.special, name, function)


for each in ("logsumexp", "softmax", "log_softmax"):
    serve(each)
