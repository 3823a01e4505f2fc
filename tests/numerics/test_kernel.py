"""The fast core: its bounds against exact values, what it refuses, and that blocks do not matter."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
import oracle
import pytest
from oracle import assert_within

from xentlib import _kernel as kernel
from xentlib._kernel import (
    InvalidLogitsError,
    label_rows,
    log_softmax_rows,
    logsumexp_rows,
    row_sums,
    softmax_rows,
)

DTYPES = [np.float32, np.float64]


def logits(classes: int, gap: float, offset: float, dtype: Any) -> Any:
    """Return rows between the offset and the gap below: spread, confident, nearly tied, and tied."""
    rng = np.random.default_rng(classes)
    spread = rng.uniform(size=classes)
    spread[-1], spread[0] = 1, 0
    confident = np.append(0.0, rng.uniform(0.99, 1.0, size=classes - 1))
    tied = rng.integers(0, 2, size=classes)
    z = offset - gap * np.stack([spread, confident, 1e-3 * spread, tied])
    return rng.permuted(z, axis=1).astype(dtype)


CASES = [
    *((np.float64, c, g, 0.0) for c in (2, 10, 1000) for g in (0.0, 0.5, 5.0, 17.0, 40.0)),
    *((np.float64, c, g, 0.0) for c in (2, 10) for g in (100.0, 400.0, 700.0, 760.0, 1e4)),
    *(
        (np.float64, c, g, o)
        for c in (3, 63, 64)
        for g in (3.0, 60.0, 600.0)
        for o in (-1e4, -3.0, 60.0, 1e4)
    ),
    *((np.float32, c, g, 0.0) for c in (2, 10, 1000) for g in (0.0, 0.5, 5.0, 10.0, 17.0)),
    *((np.float32, c, g, 0.0) for c in (2, 10) for g in (40.0, 80.0, 90.0, 110.0, 1e3)),
    *((np.float32, c, g, o) for c in (3, 63, 64) for g in (3.0, 20.0, 80.0) for o in (-1e4, -3.0, 60.0, 1e4)),
]


@pytest.mark.accuracy
@pytest.mark.parametrize(("dtype", "classes", "gap", "offset"), CASES)
def test_errors_stay_within_their_bounds(dtype: Any, classes: int, gap: float, offset: float) -> None:
    z = logits(classes, gap, offset, dtype)
    total, logs = oracle.logsumexp(z), oracle.log_softmax(z)
    # Half an eps of A for its rounding, and 4 of log(1 + r).
    scale = np.abs(total.values) / 8 - logs.values.max(axis=-1)
    assert_within(logsumexp_rows(z), total, eps=4, scale=scale)
    assert_within(softmax_rows(z), oracle.softmax(z), eps=4)
    assert_within(log_softmax_rows(z), logs, eps=4)


@pytest.mark.accuracy
@pytest.mark.parametrize("dtype", DTYPES)
def test_errors_with_very_many_classes(dtype: Any) -> None:
    z = np.random.default_rng(5).normal(scale=3, size=(2, 100_000))
    z = (np.round(256 * z) / 256).astype(dtype)  # of equal logits the oracle takes one exponential
    z[1, 7] = 40
    some = np.ix_([0, 1], [0, 7, 255, 256, 99_999, *z.argmin(axis=1), *z.argmax(axis=1)])
    assert_within(logsumexp_rows(z), oracle.logsumexp(z), eps=4)
    assert_within(softmax_rows(z)[some], oracle.softmax(z).at(some), eps=4)
    assert_within(log_softmax_rows(z)[some], oracle.log_softmax(z).at(some), eps=4)


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_class(dtype: Any) -> None:
    z = np.array([[0.0], [1e4], [-1e4], [3e38]], dtype)
    assert np.array_equal(logsumexp_rows(z), z[:, 0])
    assert np.array_equal(softmax_rows(z), np.ones((4, 1)))
    assert np.array_equal(log_softmax_rows(z), np.zeros((4, 1)))


@pytest.mark.parametrize(("dtype", "least", "most"), [(np.float32, 18, 43), (np.float64, 38, 350)])
def test_a_class_that_is_certain_has_probability_one(dtype: Any, least: float, most: float) -> None:
    gaps = np.linspace(least, most, 2000).astype(dtype)  # without a shift
    assert (softmax_rows(np.stack([gaps, np.zeros_like(gaps)], axis=1))[:, 0] == 1).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("classes", [1, 10, 1000])
def test_no_rows(dtype: Any, classes: int) -> None:
    z = np.empty((0, classes), dtype)
    assert logsumexp_rows(z).shape == (0,)
    assert softmax_rows(z).shape == log_softmax_rows(z).shape == (0, classes)


@pytest.mark.accuracy
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_a_class_ruled_out_is_as_if_it_were_not_there(dtype: Any, offset: float) -> None:
    z = (np.random.default_rng(0).normal(size=(5, 7)) + offset).astype(dtype)
    masked = np.insert(z, 3, -np.inf, axis=1)
    for function, ruled_out in ((softmax_rows, 0.0), (log_softmax_rows, -np.inf)):
        found = function(masked)
        assert (found[:, 3] == ruled_out).all()
        # Sums may be taken in another order.
        assert_within(np.delete(found, 3, axis=1), function(z), eps=4)
    assert_within(logsumexp_rows(masked), logsumexp_rows(z), eps=4)


@pytest.mark.accuracy
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_row_ruled_out(dtype: Any) -> None:
    z = np.zeros((400, 3), dtype)
    z[300] = -np.inf
    found = logsumexp_rows(z)
    assert found[300] == -np.inf
    assert_within(np.delete(found, 300), np.full(399, math.log(3)), eps=4, dtype=dtype)
    for function in (softmax_rows, log_softmax_rows):
        with pytest.raises(InvalidLogitsError, match="every class of the row at 300 is masked") as caught:
            function(z)
        assert (caught.value.place, caught.value.value) == ((300,), -np.inf)


@pytest.mark.parametrize("function", [logsumexp_rows, softmax_rows, log_softmax_rows])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("classes", [3, 100, 70_000])
def test_nan_and_infinity_are_refused(function: Any, dtype: Any, bad: float, classes: int) -> None:
    z = np.zeros((9, classes), dtype)
    z[7, 2] = bad
    z[8] = -np.inf
    with pytest.raises(InvalidLogitsError, match=rf"the logit at \(7, 2\) .* is {bad}") as caught:
        function(z)
    assert caught.value.place == (7, 2)


@pytest.mark.parametrize("function", [softmax_rows, log_softmax_rows])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("offset", [0.0, 1e4])
@pytest.mark.parametrize("shape", [(300, 10), (9, 100), (2, 9000)])
def test_in_place_and_into_an_array(
    function: Any, dtype: Any, offset: float, shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel, "BLOCK", 2**13)
    z = (np.random.default_rng(1).normal(size=shape) + offset).astype(dtype)
    kept = z.copy()
    expected = function(z)
    assert np.array_equal(z, kept)
    out = np.full_like(z, np.nan)
    assert function(z, out) is out
    assert np.array_equal(out, expected)
    assert function(z, z) is z
    assert np.array_equal(z, expected)


@pytest.mark.accuracy
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1000, 10), (100, 63), (100, 64), (50, 1000), (3, 30_000)])
def test_blocks_do_not_matter(dtype: Any, shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    z = np.random.default_rng(2).normal(scale=3, size=shape).astype(dtype)
    z[::7] += 2000  # rows that need a shift, and with them their blocks
    whole = logsumexp_rows(z), softmax_rows(z), log_softmax_rows(z)
    monkeypatch.setattr(kernel, "BLOCK", 2**12)
    for function, expected in zip((logsumexp_rows, softmax_rows, log_softmax_rows), whole, strict=True):
        # Sums may be taken in another order, which costs half of what two bounds of 4 eps allow.
        assert_within(function(z), expected, eps=4)


def test_blocks_cover_all_rows_once() -> None:
    for rows in (0, 1, 127, 128, 129, 5000):
        for classes in (1, 10, 1000, 10**6):
            parts = kernel.blocks((rows, classes), 4)
            assert [i for part in parts for i in range(rows)[part]] == list(range(rows))
            assert all(part.stop > part.start for part in parts)


@pytest.mark.accuracy
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("classes", [1, 9, 63, 64, 255, 256, 257, 1000, 5000])
@pytest.mark.parametrize("rows", [1, 128, 300])
def test_sums(dtype: Any, classes: int, rows: int) -> None:
    terms = np.random.default_rng(3).exponential(size=(rows, classes)).astype(dtype)
    exact = np.array([math.fsum(row) for row in terms.tolist()])
    assert_within(row_sums(terms), exact, eps=1.5, of=dtype)


@pytest.mark.accuracy
@pytest.mark.parametrize("classes", [9, 16, 17, 24, 63, 64, 255, 1000, 5000])
@pytest.mark.parametrize("dtype", DTYPES)
def test_small_terms_beside_two_large_ones(dtype: Any, classes: int) -> None:
    """Each small term may be lost where it is added to a large one: so few are added to any one."""
    smallest = -math.log(np.finfo(dtype).eps)
    rows = 25 if classes < 256 else 5
    z = -np.linspace(smallest - 4, smallest + 2, rows)[:, None] * np.ones(classes)
    z[:, [3, classes // 2]] = 0.0
    z = z.astype(dtype)
    total = oracle.logsumexp(z)
    assert_within(softmax_rows(z), oracle.softmax(z), eps=4)
    assert_within(logsumexp_rows(z), total, eps=4)
    gradient = np.empty_like(z)
    labels = np.full(len(z), 3)
    assert_within(label_rows(z, labels, gradient), oracle.softmax_cross_entropy(z, labels), eps=4)
    assert_within(gradient, oracle.softmax_cross_entropy_grad(z, labels), eps=4)


def test_the_size_of_buffers_is_put_back() -> None:
    before = np.getbufsize()
    softmax_rows(np.zeros((3, 100)))
    assert np.getbufsize() == before


def test_warnings_turned_into_errors_change_nothing() -> None:
    z = np.array([[1e4, 0.0, -1e4], [0.0, -np.inf, -745.0]])
    with np.errstate(all="raise"):
        found = softmax_rows(z), log_softmax_rows(z), logsumexp_rows(z)
    assert np.isfinite(found[0]).all()
    assert np.isfinite(found[2]).all()


def test_threads_do_not_share_scratch() -> None:
    z = np.random.default_rng(4).normal(size=(2000, 50))
    expected = softmax_rows(z)
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(softmax_rows(z))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(np.array_equal(a, expected) for a in found)
