"""Entropy and its relatives: accuracy as promised, the rules for 0, and what is refused.

Against exact values the bounds are those of the docstrings; two results that are each right to 4 eps
differ by 8.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import oracle
import pytest
from oracle import assert_within

from xentlib import cross_entropy, entropy, kl_divergence, log_softmax, one_hot, perplexity, softmax
from xentlib.differences import gradient

ONE: list[Any] = [entropy, perplexity]
TWO: list[Any] = [cross_entropy, kl_divergence]
P = softmax(np.random.default_rng(0).normal(size=(4, 3, 5), scale=2))
Q = softmax(np.random.default_rng(1).normal(size=(4, 3, 5), scale=2))


def call(function: Any, p: Any, **options: Any) -> Any:
    """Return the function of one distribution, or of it and itself."""
    return function(p, **options) if function in ONE else function(p, p, **options)


# --- Accuracy against mpmath --------------------------------------------------------------------


@pytest.mark.accuracy
@pytest.mark.parametrize("classes", [1, 2, 10, 1000])
@pytest.mark.parametrize("scale", [0.0, 0.1, 1.0, 10.0, 100.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_relative_error(dtype: Any, scale: float, classes: int) -> None:
    draw = np.random.default_rng(classes)
    p, q = (oracle.distributions(scale * draw.normal(size=classes), dtype) for _ in "pq")
    h = oracle.entropy(p)
    assert_within(entropy(p), h, eps=4)
    assert_within(perplexity(p), oracle.perplexity(p), eps=2 + 4 * float(h.values))
    assert_within(cross_entropy(p, q), oracle.cross_entropy(p, q), eps=4)
    assert_within(kl_divergence(p, q), oracle.kl_divergence(p, q), eps=8)


@pytest.mark.accuracy
@pytest.mark.parametrize("distance", [1e-12, 1e-8, 1e-4, 0.01, 0.1, 0.3, 0.6, 1.0, 3.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_divergence_of_distributions_that_nearly_agree(dtype: Any, distance: float) -> None:
    draw = np.random.default_rng(0)
    z = draw.normal(size=(40, 6))
    p, q = (oracle.distributions(a, dtype) for a in (z, z + distance * draw.normal(size=z.shape)))
    assert_within(kl_divergence(p, q), oracle.kl_divergence(p, q), eps=8)


@pytest.mark.accuracy
@pytest.mark.parametrize("ratio", [0.49, 0.5, 0.51, 1.99, 2.0, 2.01])
def test_divergence_on_both_sides_of_the_series(ratio: float) -> None:
    """|p - q| / (p + q) is 1/3 where one is twice the other."""
    p, q = np.array([0.3, 0.7]), np.array([0.3 * ratio, 1 - 0.3 * ratio])
    assert_within(kl_divergence(p, q), oracle.kl_divergence(p, q), eps=8)


@pytest.mark.accuracy
def test_the_tail_of_the_rarest_events_is_kept() -> None:
    p, q, other = [1 - 1e-300, 1e-300], [1.0, 1e-310], [1e-310, 1.0]
    assert_within(cross_entropy(p, q), oracle.cross_entropy(p, q), eps=8)
    assert_within(kl_divergence(p, q), oracle.kl_divergence(p, q), eps=8)
    assert_within(kl_divergence(q, other), oracle.kl_divergence(q, other), eps=8)


@pytest.mark.accuracy
def test_half_precision_is_one_rounding() -> None:
    p = np.array([0.5, 0.3, 0.2], np.float16)
    assert_within(entropy(p), oracle.entropy(p), eps=0.501)


def test_many_classes_in_half_precision_do_not_overflow() -> None:
    p = np.full(1024, 2.0**-10, np.float16)
    assert perplexity(p) == 1024


# --- Identities ---------------------------------------------------------------------------------


@pytest.mark.accuracy
def test_the_functions_agree_with_each_other() -> None:
    assert np.array_equal(cross_entropy(P, P), entropy(P))
    # The difference cancels: each is right to 4 eps of itself.
    total = cross_entropy(P, Q)
    assert_within(total - entropy(P), kl_divergence(P, Q), eps=8, scale=total)
    assert_within(perplexity(P), np.exp(entropy(P)), eps=8)
    labels = np.array([0, 2, 1])
    # Of a sure event, the cross-entropy is minus the logarithm of its probability.
    expected = -np.log(Q[0, [0, 1, 2], labels])
    assert_within(cross_entropy(one_hot(labels, 5), Q[0]), expected, eps=8)


@pytest.mark.accuracy
def test_known_values() -> None:
    assert_within(entropy([0.25] * 4, base=2), 2.0, eps=8)
    assert entropy([1.0]) == 0.0
    assert_within(perplexity([0.125] * 8), 8.0, eps=8)
    assert_within(kl_divergence([0.5, 0.5], [0.25, 0.75]), 0.5 * math.log(4 / 3), eps=8)
    digits = -0.5 * math.log10(0.25 * 0.75)
    assert_within(cross_entropy([0.5, 0.5], [0.25, 0.75], base=10), digits, eps=8)


@pytest.mark.accuracy
@pytest.mark.parametrize("base", [2, 10.0, math.e, np.float32(1.5)])
@pytest.mark.parametrize("function", [entropy, *TWO])
def test_base(function: Any, base: Any) -> None:
    arguments = (P,) if function is entropy else (P, Q)
    expected = function(*arguments) / math.log(base)
    assert_within(function(*arguments, base=base), expected, eps=8)


@pytest.mark.accuracy
@pytest.mark.parametrize("function", ONE + TWO)
@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
def test_axis(function: Any, axis: int) -> None:
    arguments = (P,) if function in ONE else (P, Q)
    moved = [np.moveaxis(array, -1, axis) for array in arguments]
    # Sums may be taken in another order.
    assert_within(function(*moved, axis=axis), function(*arguments), eps=8)


@pytest.mark.accuracy(eps=2**20)  # above the limit of a difference
def test_gradients() -> None:
    """The distributions must sum to 1, so that the differences are taken along softmax."""
    z, w = np.array([0.3, -1.0, 0.5]), np.array([1.0, 0.0, -0.5])
    p, q = softmax(z), softmax(w)
    limit = 1e-12 * 2**52  # in eps of 1: h^4/30 of fifth derivatives below 10, and rounding over h
    # dH/dz = -p (log p + H), d D(p||q)/dz = p (log(p/q) - D), d D(p||q)/dw = q - p.
    found = gradient(lambda a: entropy(softmax(a)), z)
    assert_within(found, -p * (log_softmax(z) + entropy(p)), limit, scale=1)
    found = gradient(lambda a: kl_divergence(softmax(a), q), z)
    assert_within(found, p * (np.log(p / q) - kl_divergence(p, q)), limit, scale=1)
    for function in TWO:
        found = gradient(lambda a, f=function: f(p, softmax(a)), w)  # type: ignore[misc]
        assert_within(found, q - p, limit, scale=1)


# --- The rules for 0 ----------------------------------------------------------------------------


@pytest.mark.accuracy
def test_what_never_happens_costs_nothing() -> None:
    assert entropy([0.5, 0.5, 0.0]) == entropy([0.5, 0.5])
    assert cross_entropy([0.0, 1.0], [0.0, 1.0]) == 0.0
    for function in TWO:
        assert_within(function([0.0, 1.0], [0.5, 0.5]), math.log(2), eps=8)


def test_what_was_ruled_out_and_happens_costs_infinitely_much() -> None:
    for function in TWO:
        found = function([[0.5, 0.5], [1.0, 0.0], [5e-324, 1.0]], [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        assert found.tolist() == [np.inf, 0.0, np.inf]


def test_no_result_is_minus_0() -> None:
    for sure in ([1.0], [0.0, 1.0], [0.0, 1.0, 0.0]):
        for result in (entropy(sure), cross_entropy(sure, sure), kl_divergence(sure, sure)):
            assert math.copysign(1.0, result) == 1.0


# --- What is accepted ---------------------------------------------------------------------------


@pytest.mark.parametrize("function", ONE + TWO)
def test_lists_and_odd_memory(function: Any) -> None:
    expected = call(function, P)
    for odd in (P.tolist(), P.astype(">f8"), np.repeat(P, 2, axis=-1)[..., ::2], np.asfortranarray(P)):
        assert np.array_equal(call(function, odd), expected)
    frozen = P.copy()
    frozen.flags.writeable = False
    assert np.array_equal(call(function, frozen), expected)
    assert np.array_equal(frozen, P)


@pytest.mark.parametrize("function", ONE + TWO)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble, bool, np.int64])
def test_dtypes(function: Any, dtype: Any) -> None:
    result = call(function, np.eye(3, dtype=dtype))
    assert result.dtype == (dtype if np.issubdtype(dtype, np.floating) else np.float64)
    assert result.tolist() == [float(function is perplexity)] * 3


@pytest.mark.accuracy
def test_two_dtypes_give_the_wider() -> None:
    p32, q32 = P.astype(np.float32), Q.astype(np.float32)
    for function in TWO:
        assert function(p32, Q).dtype == function(P, q32).dtype == np.float64
        expected = getattr(oracle, function.__name__)(p32, Q)
        assert_within(function(p32, Q), expected, eps=8)


@pytest.mark.parametrize("function", ONE + TWO)
def test_an_empty_batch(function: Any) -> None:
    assert call(function, np.zeros((0, 3))).shape == (0,)
    assert call(function, np.zeros((2, 0, 3))).shape == (2, 0)


# --- What is refused ----------------------------------------------------------------------------


BAD = [
    ([1.5, -0.5], ValueError, r"finite and at least 0, but the entry at 1 \(class axis last\) is -0.5"),
    ([[1.0, 0.0], [np.nan, 1.0]], ValueError, r"the entry at \(1, 0\) \(class axis last\) is nan"),
    ([np.inf, 0.0], ValueError, r"the entry at 0 \(class axis last\) is inf"),
    ([[0.5, 0.5], [0.5, 0.6]], ValueError, r"sum 1 within 1.5e-08, but the row at 1 sums to 1.1: "),
    (
        np.array([0.5, 0.5004], np.float32),
        ValueError,
        r"within 0.00035, but the row sums to 1.0004",
    ),
    ([0, 2], ValueError, r"the row sums to 2"),
    (0.5, ValueError, "have a class axis, which the single number 0.5 has not: wrap it in a list"),
    (np.zeros((2, 0)), ValueError, r"at least one class, but the shape is \(2, 0\)"),
    ([1j], TypeError, "be real numbers, but their dtype is complex128"),
    (["a"], TypeError, "be real numbers, but their dtype is <U1"),
]


@pytest.mark.parametrize("function", ONE + TWO)
@pytest.mark.parametrize(("p", "error", "message"), BAD, ids=str)
def test_what_is_refused(function: Any, p: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^p must .*{message}"):
        call(function, p)


@pytest.mark.parametrize("function", TWO)
@pytest.mark.parametrize(("q", "error", "message"), BAD[:1] + BAD[3:4], ids=str)
def test_what_is_refused_of_q(function: Any, q: Any, error: type[Exception], message: str) -> None:
    p = np.full(np.shape(q), 0.5)
    with pytest.raises(error, match=f"^q must .*{message}"):
        function(p, q)


@pytest.mark.parametrize("function", TWO)
def test_shapes_that_differ(function: Any) -> None:
    with pytest.raises(ValueError, match=r"q has shape \(3, 5\), but must have \(4, 3, 5\), the shape of p"):
        function(P, Q[0])
    with pytest.raises(ValueError, match=r"q has shape \(1, 2\), but must have \(2,\)"):
        function([0.5, 0.5], [[0.5, 0.5]])


@pytest.mark.parametrize("function", ONE + TWO)
def test_an_axis_that_does_not_exist(function: Any) -> None:
    with pytest.raises(np.exceptions.AxisError, match="axis 3 is out of bounds"):
        call(function, P, axis=3)


@pytest.mark.parametrize("function", [entropy, *TWO])
@pytest.mark.parametrize(
    ("base", "error", "message"),
    [
        (1, ValueError, "base must be finite and above 1, but is 1"),
        (0.5, ValueError, "base must be finite and above 1, but is 0.5"),
        (-2.0, ValueError, "base must be finite and above 1, but is -2.0"),
        (np.inf, ValueError, "base must be finite and above 1, but is inf"),
        (np.nan, ValueError, "base must be finite and above 1, but is nan"),
        ("2", TypeError, "base must be one real number, but is '2' of type str"),
        (True, TypeError, "base must be one real number, but is True of type bool"),
    ],
    ids=str,
)
def test_bases_that_are_refused(function: Any, base: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(function, P, base=base)
