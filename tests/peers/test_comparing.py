"""The distance that all comparisons rest on sees what it is for, and a missing peer is told."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from comparing import CASES, DTYPES, distance, same_as_numpy


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_unit_is_eps(dtype):
    one = np.ones(1, dtype)
    assert distance(np.nextafter(one, dtype(2)), [1.0]) == 1
    assert distance(np.nextafter(one, dtype(2)), [1.0], scale=4) == 0.25
    smallest = np.nextafter(np.zeros(1, dtype), dtype(1))
    assert distance(3 * smallest, [0.0]) == 3


@pytest.mark.parametrize("pair", [(np.nan, 1), (1, np.nan), (np.inf, 1), (np.inf, -np.inf), (np.nan, np.nan)])
def test_no_bound_admits_nan_or_infinity(pair):
    assert not distance(*(np.array([value], np.float64) for value in pair)) <= 1e300


def test_infinities_may_be_equal():
    assert distance(np.array([np.inf, -np.inf, 1.0]), [np.inf, -np.inf, 1.0]) == 0


def test_shapes_must_be_equal():
    with pytest.raises(AssertionError):
        distance(np.ones((3, 1)), np.ones(3))


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_result_is_found(name):
    def wrong(function):
        return lambda *arguments: function(*arguments) * (1 + 2.0**-30)

    same_as_numpy(name, "plain", np.float64, np.copy, np.asarray)
    with pytest.raises(AssertionError):
        same_as_numpy(name, "plain", np.float64, np.copy, np.asarray, wrong)


HERE = Path(__file__).parent


@pytest.mark.parametrize(("ci", "code"), [("true", 1), ("", 0)])
def test_a_missing_peer_is_named_and_fails_in_ci(ci, code):
    pytest.importorskip("scipy", exc_type=ImportError)
    found = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", HERE / "pytest.ini", HERE / "test_scipy.py"],
        env=os.environ | {"CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == code
    assert re.search(r"(?m)^SciPy [\d.]+: \d+ passed$", found.stdout)
    assert re.search(r"(?m)^missing: .*PyTorch \(required in CI\).*TensorFlow", found.stdout)


def pins(path):
    found = re.findall(r"(?m)^([\w.-]+)==([\w.]+)", path.read_text(encoding="utf-8"))
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found}


def test_the_pins_are_those_of_the_project():
    ours, theirs = pins(HERE / "requirements.txt"), pins(HERE.parents[1] / "requirements.txt")
    assert {"numpy", "array-api-compat", "pytest"} <= ours.keys() & theirs.keys()
    assert {name: ours[name] for name in ours.keys() & theirs.keys()}.items() <= theirs.items()
