"""Threads: they change no bit, fail as one does, and stand forks, other threads and the end of Python."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import xentlib as xl
from xentlib import _kernel as kernel
from xentlib import _threads
from xentlib._threads import share

DTYPES = [np.float32, np.float64]
FUNCTIONS: dict[str, Any] = {
    "softmax": lambda z, y: xl.softmax(z),
    "log_softmax": lambda z, y: xl.log_softmax(z),
    "logsumexp": lambda z, y: xl.logsumexp(z),
    "softmax_cross_entropy": xl.softmax_cross_entropy,
    "softmax_cross_entropy_grad": xl.softmax_cross_entropy_grad,
    "of distributions": lambda z, y: xl.softmax_cross_entropy(z, xl.one_hot(y, z.shape[1])),
    "mean_cross_entropy": xl.mean_cross_entropy,
    "mean_cross_entropy_value_and_grad": xl.mean_cross_entropy_value_and_grad,
}


@pytest.fixture
def many_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "BLOCK", 2**13)
    monkeypatch.setattr(kernel, "_WORTH_THREADS", 2**13)


def example(shape: tuple[int, int], dtype: Any) -> tuple[Any, Any]:
    rng = np.random.default_rng(5)
    z = rng.normal(scale=3, size=shape).astype(dtype)
    z[::9] += 1000  # rows that need a shift
    return z, rng.integers(0, shape[1], shape[0])


# --- Bits and messages -----------------------------------------------------------------------------


@pytest.mark.usefixtures("many_blocks")
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1000, 5), (40, 300), (6, 9000)])
def test_cores_change_no_bit(
    name: str, dtype: Any, shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    z, y = example(shape, dtype)
    monkeypatch.setattr(_threads, "cores", lambda: 1)
    one = FUNCTIONS[name](z, y)
    monkeypatch.setattr(_threads, "cores", lambda: 3)
    several = FUNCTIONS[name](z, y)
    for a, b in zip(*((r if isinstance(r, tuple) else (r,)) for r in (one, several)), strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("function", [xl.mean_cross_entropy, xl.mean_cross_entropy_value_and_grad])
def test_the_default_of_a_large_batch_is_that_of_one_thread(function: Any, dtype: Any) -> None:
    z, y = example((3 * kernel.BLOCK // 400 // np.dtype(dtype).itemsize, 400), dtype)
    one, default = (function(z, y, **options) for options in ({"threads": 1}, {}))
    for a, b in zip(*((r if isinstance(r, tuple) else (r,)) for r in (one, default)), strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("threads", [0, -1])
def test_no_thread_is_refused(threads: int) -> None:
    with pytest.raises(ValueError, match=f"threads must be at least 1, but is {threads}$"):
        xl.mean_cross_entropy_value_and_grad([[0.0, 1.0]], [0], threads=threads)


@pytest.mark.parametrize("threads", [1.5, "2", True])
def test_no_number_of_threads_is_refused(threads: Any) -> None:
    with pytest.raises(TypeError, match="threads must be an integer, but is"):
        xl.mean_cross_entropy_value_and_grad([[0.0, 1.0]], [0], threads=threads)


@pytest.mark.usefixtures("many_blocks")
def test_the_first_bad_logit_is_named() -> None:
    z, y = example((5000, 5), np.float64)
    z[4000, 3] = z[1000, 2] = z[4999, 0] = np.nan
    for _ in range(20):
        with pytest.raises(xl.InvalidLogitsError, match=r"at \(1000, 2\)"):
            xl.mean_cross_entropy(z, y, threads=4)


# --- Sharing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2, 3, 100])
@pytest.mark.parametrize("count", [0, 1, 2, 50])
def test_each_part_is_taken_once(count: int, threads: int) -> None:
    taken: list[int] = []
    share(lambda parts: taken.extend(parts), range(count), threads)
    assert sorted(taken) == list(range(count))


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_error_of_the_first_part_is_raised(threads: int) -> None:
    def work(parts: Iterator[int]) -> None:
        for part in parts:
            if part % 10 >= 7:
                raise ValueError(part)

    for _ in range(20):
        with pytest.raises(ValueError, match=r"^7$"):
            share(work, range(50), threads)


def test_several_threads_work_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(3, timeout=30)

    def work(parts: Iterator[int]) -> None:
        for _ in parts:
            together.wait()

    with ThreadPoolExecutor(2) as pool:
        monkeypatch.setattr(_threads, "_pool", lambda: pool)
        share(work, range(3), 3)


def test_threads_that_do_not_start_are_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    monkeypatch.setattr(_threads, "_pool", lambda: pool)
    taken: list[int] = []
    share(lambda parts: taken.extend(parts), range(9), 2)
    assert taken == list(range(9))


@pytest.mark.usefixtures("many_blocks")
def test_callers_in_threads_do_not_wait_for_each_other() -> None:
    z, y = example((2000, 5), np.float32)
    expected = xl.mean_cross_entropy_value_and_grad(z, y, threads=1)
    with ThreadPoolExecutor(8) as callers:
        calls = [callers.submit(xl.mean_cross_entropy_value_and_grad, z, y, threads=4) for _ in range(100)]
        for call in calls:
            loss, gradient = call.result(timeout=60)
            assert loss == expected[0]
            assert np.array_equal(gradient, expected[1])


# --- Forks, and the end ----------------------------------------------------------------------------

SCRIPT = """
import atexit, os, signal
import numpy as np
from xentlib import _kernel, mean_cross_entropy
_kernel.BLOCK = 2**13
z = np.random.default_rng(0).normal(size=(5000, 5))
expected = mean_cross_entropy(z, np.zeros(5000, int), threads=1)
def call():
    assert mean_cross_entropy(z, np.zeros(5000, int), threads=2) == expected
"""


def run(script: str) -> str:
    """Return what a Python of its own prints."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT + script],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_has_threads_of_its_own() -> None:
    script = """
call()
if os.fork() == 0:
    signal.alarm(60)
    call()
    os._exit(0)
assert os.wait()[1] == 0
call()
"""
    run(script)


def test_calls_while_python_ends() -> None:
    assert run("call(); atexit.register(lambda: (call(), print('called')))") == "called\n"
