"""Dask: arrays in chunks of samples or of classes, computed only when asked for."""

from __future__ import annotations

import numpy as np
import pytest
from comparing import CASES, DTYPES, distance, inputs, same_as_numpy

import xentlib

dask = pytest.importorskip("dask", exc_type=ImportError)
da = pytest.importorskip("dask.array", exc_type=ImportError)

CHUNKS = {"of samples": (2, -1), "of classes": (-1, 2), "of both": (4, 3)}
# The graph of entmax has a thousand tasks, seconds for each of its tests: one kind of chunks is enough.
CASES_IN_CHUNKS = [
    (name, kind) for name in CASES for kind in CHUNKS if "entmax" not in name or kind == "of both"
]


@pytest.mark.parametrize("regime", ["confident", "ties", "masked"])  # the chunks themselves are NumPy's
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "chunks"), CASES_IN_CHUNKS)
def test_same_as_numpy(name, dtype, regime, chunks):
    def make(array):
        return da.from_array(array, chunks=CHUNKS[chunks][: array.ndim])

    with dask.config.set(scheduler="synchronous"):  # threads gain nothing on arrays this small
        result, _ = same_as_numpy(name, regime, dtype, make, np.asarray)
    assert isinstance(result, da.Array)


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_computed_before_it_is_asked_for(name):
    def refuse(*_, **__):
        raise AssertionError

    given = inputs("plain", np.float64)
    with dask.config.set(scheduler=refuse):
        case = CASES[name]
        result = case.function(*(da.from_array(given[a], chunks=2) for a in case.arguments.split()))
        with pytest.raises(AssertionError):
            result.compute()


@pytest.mark.parametrize("name", ["softmax", "loss of labels", "gradient for labels"])
def test_chunks_of_samples_stay_apart(name):
    # So that a chunk fits in memory where the whole does not.
    given = inputs("plain", np.float64)
    case = CASES[name]
    arrays = [given[a] for a in case.arguments.split()]
    result = case.function(*(da.from_array(a, chunks=(2, -1)[: a.ndim]) for a in arrays))
    assert result.chunks[0] == (2, 2, 2)


def test_a_numpy_target_goes_with_dask_logits():
    given = inputs("plain", np.float64)
    z, y = given["z"], given["labels"]
    result = xentlib.softmax_cross_entropy(da.from_array(z, chunks=2), y)
    assert isinstance(result, da.Array)
    assert distance(result, xentlib.softmax_cross_entropy(z, y)) <= 8
