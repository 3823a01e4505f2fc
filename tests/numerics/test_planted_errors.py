"""Every accuracy test notices nan, and an error of 64 eps, in each result that it calls for.

Those of one module are tried, of another one each day, or of all where XENT_DEEP is set.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from deep import sample

TESTS = Path(__file__).parents[1]
MARKED = sorted(
    path
    for path in (TESTS / "numerics").glob("test_*.py")
    if "pytest.mark.accuracy" in path.read_text(encoding="utf-8") and path != Path(__file__)
)

# The first forgets what Python's max does with nan, the second is loose, the third is neither.
SLOPPY = """
import numpy as np
import pytest
from oracle import assert_within
from xentlib import softmax

EXPECTED = softmax([0.0, 1.0, 2.0])

@pytest.mark.accuracy
def test_largest():
    assert max(abs(softmax([0.0, 1.0, 2.0]) - EXPECTED) / EXPECTED) <= 4 * 2.0**-52

@pytest.mark.accuracy
def test_loose():
    np.testing.assert_allclose(softmax([0.0, 1.0, 2.0]), EXPECTED, rtol=1e-9, atol=0)

@pytest.mark.accuracy
def test_strict():
    assert_within(softmax([0.0, 1.0, 2.0]), EXPECTED, eps=4)

@pytest.mark.accuracy
def test_nothing():
    assert_within(EXPECTED, EXPECTED, eps=4)
"""


def plant(*paths: Path) -> subprocess.CompletedProcess[str]:
    """Run the tests there with the plugin, in a process of its own: it wraps what they import."""
    command = [sys.executable, "-m", "pytest", "-p", "planting", "-p", "no:cacheprovider", "-q", "-n", "0"]
    settings = ["-c", "pyproject.toml", "-o", "addopts=--import-mode=importlib", "-m", "accuracy"]
    modules = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [*command, *settings, *paths],
        cwd=TESTS.parent,
        env=os.environ | {"PYTHONPATH": modules},
        capture_output=True,
        check=False,
        text=True,
    )


def test_every_accuracy_test_notices_what_is_planted() -> None:
    found = plant(*sample(MARKED, len(MARKED)))
    passed = re.findall(r"passes in spite of .*|^FAILED .*", found.stdout, re.M)
    assert found.returncode == 0, "\n".join(passed) or found.stdout + found.stderr
    count = re.search(r"^planted \d+ errors in (\d+) tests$", found.stdout, re.M)
    assert count
    assert re.search(rf"^{count[1]} passed\b", found.stdout, re.M)


def test_a_test_that_notices_nothing_is_found(tmp_path: Path) -> None:
    sloppy = tmp_path / "test_sloppy.py"
    sloppy.write_text(SLOPPY, encoding="utf-8")
    found = plant(sloppy)
    assert re.findall(r"^E +AssertionError: (.*)", found.stdout, re.M) == [
        "passes in spite of nan in softmax",
        "passes in spite of error in softmax",
        "no function of xentlib is called",
    ]
    assert "3 failed, 1 passed" in found.stdout
    sloppy.write_text(SLOPPY.replace("@pytest.mark.accuracy\n", ""), encoding="utf-8")
    assert "test_loose compares numbers: mark it with accuracy" in plant(sloppy).stderr
