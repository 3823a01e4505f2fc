"""Classes along several axes, along all, along none; and what log-sum-exp of infinity is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import oracle
import pytest
from oracle import assert_within

from xentlib import InvalidLogitsError, log_softmax, logsumexp, softmax, softmax_jacobian

Z = np.random.default_rng(0).normal(size=(2, 3, 4))

AXES: list[tuple[Any, tuple[int, ...]]] = [
    (None, (0, 1, 2)),
    ((0, 2), (0, 2)),
    ((2, 0), (2, 0)),
    ((-2,), (1,)),
    ((1, -1), (1, 2)),
    (1, (1,)),
]


@pytest.mark.accuracy
@pytest.mark.parametrize("temperature", [1.0, 2.0])
@pytest.mark.parametrize(("axis", "axes"), AXES, ids=str)
def test_several_axes_are_as_one(axis: Any, axes: tuple[int, ...], temperature: float) -> None:
    others = [n for n in range(3) if n not in axes]
    moved = Z.transpose(*others, *axes)
    flat = moved.reshape((*(Z.shape[n] for n in others), -1))
    total = logsumexp(Z, axis=axis, temperature=temperature)
    assert_within(total, oracle.logsumexp(flat, temperature=temperature), eps=4)
    for function, exact in ((softmax, oracle.softmax), (log_softmax, oracle.log_softmax)):
        found = function(Z, axis=axis, temperature=temperature).transpose(*others, *axes).reshape(flat.shape)
        assert_within(found, exact(flat, temperature=temperature), eps=4)
    kept = logsumexp(Z, axis=axis, temperature=temperature, keepdims=True)
    assert kept.shape == tuple(1 if n in axes else size for n, size in enumerate(Z.shape))
    assert kept.tolist() == np.expand_dims(total, tuple(axes)).tolist()


def test_a_number_has_one_class_along_all_its_axes() -> None:
    found = (logsumexp(7.0, axis=None), softmax(7.0, axis=None), log_softmax(7.0, axis=None))
    assert [*map(float, found)] == [7.0, 1.0, 0.0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_class_at_all(dtype: Any) -> None:
    nothing = np.zeros((2, 0, 3), dtype)
    total = logsumexp(nothing, axis=1)
    assert (total.tolist(), total.dtype) == ([[-np.inf] * 3] * 2, dtype)
    for function in (softmax, log_softmax):
        for axis in (1, (1,), (1, 2)):
            found = function(nothing, axis=axis)
            assert (found.shape, found.dtype) == (nothing.shape, dtype)
    with pytest.raises(ValueError, match=r"at least one class, but the shape is \(2, 0\)"):
        softmax_jacobian(np.zeros((2, 0)))


@pytest.mark.parametrize("temperature", [1.0, 3.0])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_log_sum_exp_is_infinite_where_a_logit_is(dtype: Any, temperature: float) -> None:
    z = np.array([[0.0, np.inf], [np.inf, np.inf], [-np.inf, np.inf], [-np.inf, -np.inf]], dtype)
    found = logsumexp(z, temperature=temperature)
    assert (found.tolist(), found.dtype) == ([np.inf, np.inf, np.inf, -np.inf], dtype)


@pytest.mark.accuracy
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_infinity_leaves_other_rows_alone(dtype: Any) -> None:
    z = np.array([[0.0, np.inf], [1.0, 2.0]], dtype)
    assert_within(logsumexp(z)[1], oracle.logsumexp(z[1]), eps=4)


@pytest.mark.parametrize("function", [softmax, log_softmax])
def test_probabilities_of_infinity_are_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(
        InvalidLogitsError, match=r"the logit at \(1, 0\) \(class axis last\) is inf"
    ) as caught:
        function([[0.0, 0.0], [np.inf, 0.0]])
    assert caught.value.place == (1, 0)
    with pytest.raises(InvalidLogitsError, match=r"the logit at \(0, 1\) \(class axis last\) is nan"):
        logsumexp([[np.inf, np.nan]])


@pytest.mark.parametrize("axis", [3, (0, 3), (0, 0), (0, -3)])
def test_axes_that_are_not_there_or_named_twice(axis: Any) -> None:
    for function in (logsumexp, softmax, log_softmax):
        with pytest.raises(ValueError, match="axis"):
            function(Z, axis=axis)
