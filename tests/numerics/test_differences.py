"""Differences against derivatives in closed form: every entry, and errors of 1e-6 are seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from oracle import assert_within, error_in_eps

from xentlib import logsumexp, softmax, softmax_jacobian
from xentlib.differences import gradient, hessian, jacobian
from xentlib.proof import entries, i, p, z

EPS = np.finfo(np.float64).eps
# A difference errs by thousands of eps, and so must what it is compared with for the test to see it.
DIFFERENCE = pytest.mark.accuracy(eps=2**20)
POINTS = np.random.default_rng(0).uniform(-2, 2, size=(6, 4))


def cube_bound(step: float, size: float) -> float:
    """Return the bound, in eps of 1, for a polynomial of degree at most 4, where only rounding is left."""
    # Each of the four values is off by a few ulps of its size; 18/12 is the sum of the weights.
    return 4 * 18 / 12 * size / step


@DIFFERENCE
@pytest.mark.parametrize("point", POINTS)
def test_gradient_of_polynomials_up_to_degree_4(point: Any) -> None:
    for power in (1, 2, 3, 4):
        found = gradient(lambda v, n=power: (v**n).sum(), point)  # type: ignore[misc]
        bound = cube_bound(1e-3, 4 * 2.01**power)
        assert_within(found, power * point ** (power - 1), eps=bound, scale=1)


@DIFFERENCE
@pytest.mark.parametrize("point", POINTS)
def test_gradient_of_log_sum_exp_is_softmax(point: Any) -> None:
    # h^4 f'''''/30 with f''''' below 1, and rounding of values below 4.
    bound = 1e-12 / 30 / EPS + cube_bound(1e-3, 4)
    assert_within(gradient(logsumexp, point), entries(p[i], i, of=[z])(point), eps=bound, scale=1)


@DIFFERENCE
@pytest.mark.parametrize("point", POINTS)
def test_jacobian_of_softmax_in_every_entry(point: Any) -> None:
    bound = 1e-12 / 30 / EPS + cube_bound(1e-3, 1)
    assert_within(jacobian(softmax, point), softmax_jacobian(point), eps=bound, scale=1)


@pytest.mark.accuracy(eps=2**26)  # a second difference: above the bound times the largest entry
@pytest.mark.parametrize("point", POINTS)
def test_hessian_of_log_sum_exp_is_the_jacobian_of_softmax(point: Any) -> None:
    # The inner gradient is off by h^4/30 and by rounding, which the outer one divides by h again.
    bound = 2 * 1e-8 / 30 / EPS + cube_bound(1e-2, 4) * 18 / 12 / 1e-2
    assert_within(hessian(logsumexp, point), softmax_jacobian(point), eps=bound, scale=1)


@pytest.mark.accuracy(eps=np.inf)  # any smaller error is what it looks for
@pytest.mark.parametrize("wrong", [1 + 1e-6, 1 - 1e-6, 1.0005, -1.0, 2.0])
def test_a_wrong_derivative_is_seen(wrong: float) -> None:
    bound = 10 * (1e-12 / 30 / EPS + cube_bound(1e-3, 4))
    point = POINTS[0]
    assert bound < error_in_eps(jacobian(softmax, point), wrong * softmax_jacobian(point), scale=1) < np.inf
    assert bound < error_in_eps(gradient(logsumexp, point), wrong * softmax(point), scale=1) < np.inf


def test_one_wrong_entry_is_seen_also_where_the_sum_of_all_is_right() -> None:
    """The direction (1, ..., 1) is blind: softmax does not change along it."""
    wrong = softmax_jacobian(POINTS[0])
    wrong[0, 1] += 1e-7
    wrong[0, 2] -= 1e-7
    assert abs(wrong.sum()) < 1e-15
    assert np.abs(jacobian(softmax, POINTS[0]) - wrong).max() > 9e-8


def test_shapes() -> None:
    point = np.arange(6.0).reshape(2, 3)
    assert jacobian(lambda v: v @ np.ones((3, 4)), point).shape == (2, 4, 2, 3)
    assert jacobian(lambda v: v.sum(), point).shape == (2, 3)
    assert gradient(lambda v: v.sum(), point).shape == (2, 3)
    assert hessian(lambda v: (v**2).sum(), point).shape == (2, 3, 2, 3)
    assert gradient(lambda v: v**2, 3.0).shape == ()
    assert jacobian(lambda v: np.ones((2, 5)), np.zeros(0)).shape == (2, 5, 0)
    assert jacobian(lambda v: np.zeros((0, 2)), np.zeros(3)).shape == (0, 2, 3)


@DIFFERENCE
def test_entries_stand_where_the_docstring_says() -> None:
    matrix = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    found = jacobian(lambda v: matrix @ v, np.zeros(3))
    assert_within(found, matrix, eps=cube_bound(1e-3, 0.05), scale=1)  # values below 0.05 there
    found = hessian(lambda v: v[0] ** 2 * v[1], [1.0, 2.0])
    bound = cube_bound(1e-2, 4) * 18 / 12 / 1e-2
    assert_within(found, np.array([[4.0, 2.0], [2.0, 0.0]]), eps=bound, scale=1)


def test_the_step_can_be_chosen() -> None:
    seen: list[float] = []

    def same(v: Any) -> Any:
        seen.append(float(v[0]))
        return v

    jacobian(same, [10.0], step=0.5)
    assert seen == [9.0, 9.5, 10.5, 11.0]
    # A function that bends on a scale of 1e-4 needs a step below it.
    sharp = lambda v: np.sin(v / 1e-4).sum()  # noqa: E731
    assert abs(gradient(sharp, [0.0], step=1e-7)[0] - 1e4) < 1e-5
    assert abs(gradient(sharp, [0.0])[0] - 1e4) > 1


@DIFFERENCE
def test_the_point_is_not_changed_and_may_be_a_list_or_integers() -> None:
    point = np.array([1, 2])
    point.flags.writeable = False
    found = gradient(lambda v: (v**2).sum(), point)
    assert_within(found, np.array([2.0, 4.0]), eps=cube_bound(1e-3, 6), scale=1)
    assert np.array_equal(point, [1, 2])


@DIFFERENCE
def test_a_function_that_writes_into_its_argument_does_no_harm() -> None:
    def rude(v: Any) -> float:
        result = float((v**2).sum())
        v[:] = 0
        return result

    assert_within(gradient(rude, [1.0, 2.0]), np.array([2.0, 4.0]), eps=cube_bound(1e-3, 6), scale=1)


@DIFFERENCE
def test_a_function_that_returns_one_buffer_each_time() -> None:
    buffer = np.zeros(2)

    def square(v: Any) -> Any:
        np.multiply(v, v, out=buffer)
        return buffer

    assert_within(jacobian(square, [1.0, 2.0]), np.diag([2.0, 4.0]), eps=cube_bound(1e-3, 5), scale=1)


def test_complex_values_are_not_cut_to_their_real_part() -> None:
    with pytest.raises(TypeError, match="must be real"):
        jacobian(lambda v: v * 1j, [1.0])


def test_gradient_refuses_an_array() -> None:
    with pytest.raises(ValueError, match=r"one value, this one has shape \(1,\): use jacobian"):
        gradient(lambda v: v[:1], [1.0, 2.0])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_point_must_be_finite(bad: float) -> None:
    with pytest.raises(ValueError, match="the point must be finite"):
        jacobian(lambda v: v, [0.0, bad])


def test_values_near_the_point_must_be_finite() -> None:
    with pytest.raises(ValueError, match=r"not finite within 0\.002"), np.errstate(all="ignore"):
        gradient(lambda v: np.log(v).sum(), [1e-3])
