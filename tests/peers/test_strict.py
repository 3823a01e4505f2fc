"""array-api-strict: nothing but the standard is used, and the device is kept."""

from __future__ import annotations

import numpy as np
import pytest
from comparing import CASES, DTYPES, OTHERS, REGIMES, ROWWISE, distance, logits, same_as_numpy

import xentlib

strict = pytest.importorskip("array_api_strict", exc_type=ImportError)


def read(array):
    return np.asarray(array.to_device(strict.Device("CPU_DEVICE")))


@pytest.mark.parametrize("device", ["CPU_DEVICE", "device1"])
@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CASES)
def test_same_as_numpy(name, dtype, regime, device):
    device = strict.Device(device)
    result, given = same_as_numpy(name, regime, dtype, lambda a: strict.asarray(a, device=device), read)
    assert type(result) is type(given)
    assert result.device == device


@pytest.mark.parametrize("shape", OTHERS)
@pytest.mark.parametrize("name", ROWWISE)
def test_other_shapes(name, shape):
    same_as_numpy(name, "plain", np.float64, strict.asarray, read, shape=shape)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "uint64"])
def test_labels_of_any_integer_dtype(dtype):
    z, target = logits((2, 300), np.float64), np.array([0, 100], dtype)
    for function in (xentlib.softmax_cross_entropy, xentlib.softmax_cross_entropy_grad):
        assert distance(read(function(strict.asarray(z), strict.asarray(target))), function(z, target)) <= 8


def test_one_hot_is_of_the_default_dtype():
    result = xentlib.one_hot(strict.asarray([0, 2]), 3)
    assert result.dtype == strict.float64
    np.testing.assert_array_equal(read(result), [[1, 0, 0], [0, 0, 1]])


def test_integer_logits_become_the_default_dtype():
    result = xentlib.softmax(strict.asarray([1, 3], dtype=strict.uint8))
    assert result.dtype == strict.float64
    assert distance(read(result), xentlib.softmax([1, 3])) <= 8
