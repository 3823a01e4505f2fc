"""The oracle refuses what is wrong, and its exact values are those that are known from elsewhere."""

from __future__ import annotations

import ast
import functools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import oracle
import pytest
from oracle import EXACT, Exact, assert_within, error_in_eps

import xentlib

DTYPES = [np.float16, np.float32, np.float64]


def one(dtype: Any = np.float64) -> Exact:
    """Return thirds, which no dtype holds, once more and once negative."""
    values = np.array([EXACT.mpf(1) / 3, EXACT.mpf(1), -EXACT.mpf(2) / 3], object)
    return Exact(values, values, dtype)


def rounded(exact: Exact) -> Any:
    return exact.values.astype(np.float64).astype(exact.dtype)


# --- The rule of comparison -----------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_exact_or_rounded_passes(dtype: Any) -> None:
    assert error_in_eps(np.ones(3, dtype), np.ones(3, dtype)) == 0
    assert 0 < error_in_eps(rounded(one(dtype)), one(dtype)) <= 0.5
    assert_within(rounded(one(dtype)), one(dtype), eps=0.5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_never_pass(dtype: Any, place: int, bad: float) -> None:
    found = rounded(one(dtype))
    found[place] = bad
    assert error_in_eps(found, one(dtype)) == math.inf
    assert error_in_eps(found, rounded(one(dtype))) == math.inf
    assert error_in_eps(found[place], one(dtype).at(place)) == math.inf
    with pytest.raises(AssertionError, match=rf"inf eps at \({place},\), where 1e\+300 are allowed"):
        assert_within(found, one(dtype), eps=1e300)


@pytest.mark.parametrize("pair", [(np.nan, np.nan), (1.0, np.nan), (1.0, np.inf), (np.inf, -np.inf)])
def test_nor_do_they_where_they_are_expected(pair: tuple[float, float]) -> None:
    found, expected = pair
    assert error_in_eps(found, expected) == math.inf
    assert error_in_eps(found, np.array(EXACT.mpf(expected), object)) == math.inf


@pytest.mark.parametrize("infinity", [np.inf, -np.inf])
def test_infinity_matches_itself(infinity: float) -> None:
    assert error_in_eps(np.array([infinity, 1.0]), np.array([infinity, 1.0])) == 0
    assert error_in_eps(np.array([infinity]), np.array([EXACT.mpf(infinity)], object)) == 0


@pytest.mark.parametrize("scale", [np.nan, [1.0, 1.0, np.nan], np.array([EXACT.mpf("nan")] * 3, object)])
def test_a_scale_of_nan_admits_nothing_but_what_is_equal(scale: Any) -> None:
    assert error_in_eps(rounded(one()), one(), scale=scale) == math.inf
    assert error_in_eps(np.ones(3), np.ones(3), scale=scale) == 0


@pytest.mark.parametrize("found", [np.ones((3, 1)), np.ones((1, 3)), np.ones(1), np.ones(()), np.ones(4)])
def test_another_shape_is_refused(found: Any) -> None:
    for expected in (np.ones(3), Exact(np.ones(3), np.ones(3), np.float64)):
        with pytest.raises(AssertionError, match=r"the shape is .* instead of \(3,\)"):
            error_in_eps(found, expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.longdouble, np.int64, bool, complex, ">f8"])
def test_another_dtype_is_refused(dtype: Any) -> None:
    if np.dtype(dtype) == np.float64:
        pytest.skip("here the widest float is float64")
    for expected in (1.0, np.ones(3), one()):
        with pytest.raises(AssertionError, match=r"the dtype is .* instead of float64"):
            error_in_eps(np.ones(np.shape(getattr(expected, "values", expected)), dtype), expected)
    with pytest.raises(AssertionError, match="the dtype is float64 instead of float32"):
        error_in_eps(np.ones(3), np.ones(3), dtype=np.float32)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("exact", [True, False])
def test_5_eps_are_refused_where_4_are_allowed(dtype: Any, exact: bool) -> None:
    eps = np.finfo(dtype).eps
    expected: Any = np.array([3.0, 1.0, 2.0], dtype)
    found = expected * np.array([1, 1 + 5 * eps, 1], dtype)
    if exact:
        expected = Exact(expected.astype(object) * EXACT.mpf(1), expected, dtype)
    assert error_in_eps(found, expected) == 5
    assert_within(found, expected, eps=5)
    with pytest.raises(AssertionError, match=r"^5 eps at \(1,\), where 4 are allowed: .* instead of 1.0$"):
        assert_within(found, expected, eps=4)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_wrong_sign_is_refused(dtype: Any) -> None:
    assert error_in_eps(-rounded(one(dtype)), one(dtype)) >= 1.9 / float(np.finfo(dtype).eps)
    assert error_in_eps(np.array(-5e-324), 5e-324) == 2


@pytest.mark.parametrize("dtype", DTYPES)
def test_below_the_normal_numbers_the_unit_is_the_smallest_number(dtype: Any) -> None:
    smallest = np.finfo(dtype).smallest_subnormal
    found = np.array([3 * smallest, 0.0], dtype)
    assert error_in_eps(found, np.zeros(2, dtype)) == 3
    assert error_in_eps(found, Exact(np.array([EXACT.mpf(0)] * 2, object), np.zeros(2), dtype)) == 3


def test_scale_dtype_and_of() -> None:
    found = np.array([1 + 8 * 2.0**-52, -4.0])
    assert error_in_eps(found, np.array([1.0, -4.0])) == 8
    assert error_in_eps(found, np.array([1.0, -4.0]), scale=4.0) == 2
    assert error_in_eps(found, np.array([1.0, -4.0]), scale=np.array([-2.0, 1.0])) == 4
    assert error_in_eps(found, Exact(np.array([1.0, -4.0]), np.array([8.0, 8.0]), np.float64)) == 1
    assert error_in_eps(found, np.array([1.0, -4.0]), of=np.float32) == 8 * 2.0**-29
    # float32 instead of float64: the error is not rounded to the dtype of the result.
    third = np.array([np.float32(1 / 3)])
    assert 0 < error_in_eps(third, np.array([1 / 3]), dtype=np.float32) <= 0.5


def test_no_entry_has_no_error() -> None:
    assert error_in_eps(np.zeros((0, 3)), np.zeros((0, 3))) == 0
    assert_within(np.zeros((0, 3)), Exact(np.zeros((0, 3), object), np.zeros((0, 3)), np.float64), eps=0)


TOLERANCES = {"approx": {"rel", "abs"}, "assert_allclose": {"rtol", "atol", "strict"}}
ROOT = Path(__file__).parents[1]
SOURCES = [path for folder in ("tests", "tools") for path in (ROOT / folder).rglob("*.py")]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_every_comparison_states_its_tolerances(path: Path) -> None:
    """NumPy's and pytest's own add 1e-8 and 1e-12 of anything where nothing else is said."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).rpartition(".")[2]
            stated = {keyword.arg for keyword in node.keywords}
            assert name not in {"allclose", "isclose"}, f"line {node.lineno}: take assert_within"
            assert TOLERANCES.get(name, set()) <= stated, f"line {node.lineno}"


# --- Exact values ---------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _more_digits() -> Iterator[None]:
    """What is known from elsewhere is computed in mpmath's own context, not in the oracle's."""
    with mpmath.workdps(500):
        yield


def same(found: Any, expected: Any) -> None:
    """Refuse what differs in the 45th digit."""
    for a, b in zip(np.ravel(found), np.ravel(np.asarray(expected, object)), strict=True):
        assert a == b or abs(a - b) <= abs(b) * mpmath.mpf(10) ** -45, (a, b)


GAPS = pytest.mark.parametrize("gap", [0.0, 0.3, 5.0, 37.0, 100.1, 700.0])


@GAPS
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_two_classes(gap: float, offset: float) -> None:
    """The forms that lose nothing, which the oracle does without."""
    z = [offset + gap, offset]
    g = mpmath.mpf(z[0]) - mpmath.mpf(z[1])
    rest = mpmath.log1p(mpmath.exp(-g))
    total = 1 + mpmath.exp(-g)
    p = [1 / total, mpmath.exp(-g) / total]
    product = mpmath.exp(-g) / total**2
    losses = [rest, g + rest]
    same(oracle.logsumexp(z).values, mpmath.mpf(z[0]) + rest)
    same(oracle.log_softmax(z).values, [-losses[0], -losses[1]])
    same(oracle.softmax(z).values, p)
    same(oracle.softmax_jacobian(z).values, [product, -product, -product, product])
    same(oracle.softmax_cross_entropy([z, z], [0, 1]).values, losses)
    same(oracle.softmax_cross_entropy_grad([z, z], [0, 1]).values, [-p[1], p[1], p[0], -p[0]])
    same(oracle.softmax_cross_entropy_hess(z, np.int64(0)).values, [product, -product, -product, product])
    same(oracle.softmax_cross_entropy_hvp(z, np.int64(1), [1.0, 0.0]).values, [product, -product])
    same(oracle.logsumexp(z).scale, max(mpmath.mpf(z[0]) + rest, rest))


@GAPS
def test_single_logits(gap: float) -> None:
    x = np.array([gap, -gap])
    g = mpmath.mpf(gap)
    up, down = 1 / (1 + mpmath.exp(-g)), mpmath.exp(-g) / (1 + mpmath.exp(-g))
    near, far = mpmath.log1p(mpmath.exp(-g)), g + mpmath.log1p(mpmath.exp(-g))
    quarter = [mpmath.mpf(0.25) * up - mpmath.mpf(0.75) * down, mpmath.mpf(0.25) * down - 0.75 * up]
    both = [mpmath.mpf(0.25) * up + mpmath.mpf(0.75) * down, mpmath.mpf(0.25) * down + 0.75 * up]
    mixed = [0.75 * near + 0.25 * far, 0.75 * far + 0.25 * near]
    product = up * down
    same(oracle.sigmoid(x).values, [up, down])
    same(oracle.log_sigmoid(x).values, [-near, -far])
    same(oracle.softplus(x).values, [far, near])
    same(oracle.sigmoid_cross_entropy(x, [1, 1]).values, [near, far])
    same(oracle.sigmoid_cross_entropy(x, 0.75).values, mixed)
    same(oracle.sigmoid_cross_entropy_grad(x, [1, 0]).values, [-down, down])
    grad = oracle.sigmoid_cross_entropy_grad(x, 0.75)
    same(grad.values, quarter)
    same(grad.scale, both)
    same(
        oracle.sigmoid_cross_entropy(x, 0.75, pos_weight=4.0).values, [3 * near + far / 4, 3 * far + near / 4]
    )
    weighted = oracle.sigmoid_cross_entropy_grad(x, 0.75, pos_weight=[1.0, 4.0])
    same(weighted.values, [quarter[0], mpmath.mpf(0.25) * down - 3 * up])
    same(weighted.scale, [both[0], mpmath.mpf(0.25) * down + 3 * up])
    same(oracle.sigmoid_cross_entropy_hess(x, 0.75, pos_weight=4.0).values, [product * 13 / 4] * 2)
    same(
        oracle.sigmoid_cross_entropy_hvp(x, [1, 0], [2.0, -3.0], pos_weight=4.0).values,
        [8 * product, -3 * product],
    )
    same(oracle.sigmoid_cross_entropy_hess(x, 1.0).values, [product, product])
    same(oracle.sigmoid_cross_entropy_hvp(x, 1.0, [2.0, -3.0]).values, [2 * product, -3 * product])


@GAPS
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_loss_of_a_single_logit(gap: float, gamma: float) -> None:
    x, g = np.array([gap, -gap]), mpmath.mpf(gamma)
    e = mpmath.exp(-mpmath.mpf(gap))
    near, far = mpmath.log1p(e), mpmath.mpf(gap) + mpmath.log1p(e)
    up, down = 1 / (1 + e), e / (1 + e)
    sizes = [(up, down, near), (down, up, far)]
    losses = [q**g * loss for _, q, loss in sizes]
    slopes = [-(q**g) * (q + g * p * loss) for p, q, loss in sizes]
    curves = [
        p * q**g * (q * (1 + 2 * g) + g * (g * p - q) * loss) if gap or g else p * q for p, q, loss in sizes
    ]
    same(oracle.sigmoid_focal_loss(x, 1, gamma=gamma).values, losses)
    same(oracle.sigmoid_focal_loss_grad(x, 1, gamma=gamma).values, slopes)
    same(oracle.sigmoid_focal_loss_hess(x, 1, gamma=gamma).values, curves)
    mixed = oracle.sigmoid_focal_loss(x, 0.25, gamma=gamma, alpha=0.75).values
    same(mixed, [3 * (a + b) / 16 for a, b in zip(losses, losses[::-1], strict=True)])
    mixed_slopes = oracle.sigmoid_focal_loss_grad(x, 0, gamma=gamma, alpha=0.75)
    same(mixed_slopes.values, [-a / 4 for a in slopes[::-1]])
    two = oracle.softmax_focal_loss([[gap, 0.0]] * 2, [0, 1], gamma=gamma).values
    same(two, losses)


def test_focal_gradients_are_the_derivatives() -> None:
    def row(*z: Any) -> Any:
        p = mpmath.exp(z[1]) / sum(mpmath.exp(a) for a in z)
        return -((1 - p) ** mpmath.mpf(1.5)) * mpmath.log(p)

    point, places = tuple(map(float, Z[0])), np.eye(4, dtype=int)
    gradient = oracle.softmax_focal_loss_grad(Z[0], np.int64(1), gamma=1.5).values
    hessian = oracle.softmax_focal_loss_hess(Z[0], np.int64(1), gamma=1.5).values
    for a, slope, curves in zip(places, gradient, hessian, strict=True):
        assert abs(mpmath.diff(row, point, tuple(map(int, a))) - slope) <= 1e-20
        for b, curve in zip(places, curves, strict=True):
            assert abs(mpmath.diff(row, point, tuple(map(int, a + b))) - curve) <= 1e-20


def test_focal_loss_of_one_class_and_of_a_class_that_is_ruled_out() -> None:
    one = np.array([[3.0]]), np.array([0])
    assert oracle.softmax_focal_loss(*one).values == 0
    assert oracle.softmax_focal_loss_grad(*one).values == 0
    assert oracle.softmax_focal_loss_hess(*one).values == 0
    ruled_out = np.array([1.0, -np.inf, 1.0]), np.int64(1)
    assert oracle.softmax_focal_loss(*ruled_out).values == np.inf
    assert oracle.softmax_focal_loss_grad(*ruled_out).values.tolist() == [0.5, -1, 0.5]
    quarter = [[0.25, 0, -0.25], [0, 0, 0], [-0.25, 0, 0.25]]
    assert oracle.softmax_focal_loss_hess(*ruled_out).values.tolist() == quarter


@GAPS
def test_ordered_classes(gap: float) -> None:
    """The forms that lose nothing, about 0 and far above it."""
    near = 0.5 if gap == 0 else gap
    for low in (-0.25, 700.0):
        z = [low, low + near]
        a, b = mpmath.mpf(z[1]), mpmath.mpf(z[0])
        odds = 1 / mpmath.expm1(a - b)
        up, down = 1 / (1 + mpmath.exp(a)) + odds, 1 / (1 + mpmath.exp(-b)) + odds
        loss = mpmath.log1p(mpmath.exp(-a)) + mpmath.log1p(mpmath.exp(b)) - mpmath.log1p(-mpmath.exp(b - a))
        shared = odds * (1 + odds)
        of_a, of_b = (mpmath.exp(-c) / (1 + mpmath.exp(-c)) ** 2 for c in (a, b))
        rows = np.array([z] * 3)
        same(
            oracle.ordinal_cross_entropy(rows, [0, 1, 2]).values,
            [mpmath.log1p(mpmath.exp(-b)), loss, mpmath.log1p(mpmath.exp(a))],
        )
        outer = [-1 / (1 + mpmath.exp(b)), 0], [down, -up], [0, 1 / (1 + mpmath.exp(-a))]
        same(oracle.ordinal_cross_entropy_grad(rows, [0, 1, 2]).values, outer)
        hess = oracle.ordinal_cross_entropy_hess(rows, [0, 1, 2]).values
        same(hess[1], [of_b + shared, -shared, -shared, of_a + shared])
        same(hess[0], [of_b, 0, 0, 0])
        same(hess[2], [0, 0, 0, of_a])


@GAPS
def test_scores_of_two_classes(gap: float) -> None:
    """The forms that lose nothing."""
    e, two = mpmath.exp(-mpmath.mpf(gap)), [[gap, 0.0]] * 2
    up, down = 1 / (1 + e), e / (1 + e)
    same(oracle.softmax_brier_loss(two, [0, 1]).values, [2 * down**2, 2 * up**2])
    near, far = 4 * up * down**2, 4 * up**2 * down
    same(oracle.softmax_brier_loss_grad(two, [0, 1]).values, [-near, near, far, -far])
    curve = -4 * up * down**2 * (down - 2 * up), -4 * up**2 * down * (up - 2 * down)
    signs = [1, -1, -1, 1]
    same(oracle.softmax_brier_loss_hess(two, [0, 1]).values, [c * s for c in curve for s in signs])
    if gap > 400:
        return  # the doubled logits have more digits than anybody asks for
    norm = mpmath.sqrt(1 + e * e)
    same(oracle.softmax_spherical_loss(two, [0, 1]).values, [e * e / (norm * (1 + norm)), 1 - e / norm])
    near, far = e * e / norm**3, e / norm**3
    same(oracle.softmax_spherical_loss_grad(two, [0, 1]).values, [-near, near, far, -far])
    curve = e * e * (2 - e * e) / norm**5, e * (2 * e * e - 1) / norm**5
    same(oracle.softmax_spherical_loss_hess(two, [0, 1]).values, [c * s for c in curve for s in signs])


def test_gradients_of_scores_are_the_derivatives() -> None:
    def terms(z: Any) -> Any:
        return [mpmath.exp(a) / sum(mpmath.exp(b) for b in z) for a in z]

    def brier(*z: Any) -> Any:
        return sum((a - (k == 1)) ** 2 for k, a in enumerate(terms(z)))

    def spherical(*z: Any) -> Any:
        return 1 - terms(z)[1] / mpmath.sqrt(sum(a * a for a in terms(z)))

    point, places = tuple(map(float, Z[0])), np.eye(4, dtype=int)
    for name, row in (("brier", brier), ("spherical", spherical)):
        label = np.int64(1)
        assert abs(getattr(oracle, f"softmax_{name}_loss")(Z[0], label).values - row(*point)) <= 1e-40
        gradient = getattr(oracle, f"softmax_{name}_loss_grad")(Z[0], label).values
        hessian = getattr(oracle, f"softmax_{name}_loss_hess")(Z[0], label).values
        for a, slope, curves in zip(places, gradient, hessian, strict=True):
            assert abs(mpmath.diff(row, point, tuple(map(int, a))) - slope) <= 1e-20
            for b, curve in zip(places, curves, strict=True):
                assert abs(mpmath.diff(row, point, tuple(map(int, a + b))) - curve) <= 1e-20


@GAPS
def test_two_pixels(gap: float) -> None:
    """One found and one left alone, in the forms that lose nothing."""
    x, g = np.array([gap, -gap]), mpmath.mpf(gap)
    up, down = 1 / (1 + mpmath.exp(-g)), mpmath.exp(-g) / (1 + mpmath.exp(-g))
    same(oracle.soft_dice_loss(x, [1, 0]).values, down)
    same(oracle.soft_dice_loss(x, [0, 1]).values, up)
    same(oracle.soft_dice_loss(x, [0, 0], smooth=1.0).values, mpmath.mpf(1) / 2)
    same(oracle.soft_dice_loss(x, [0, 0]).values, 1)
    product = up * down
    grad = oracle.soft_dice_loss_grad(x, [1, 0])
    same(grad.values, [-product * (1 + down) / 2, product * up / 2])
    same(grad.scale, [product * (1 + down) / 2, product * up / 2])
    hess = oracle.soft_dice_loss_hess(x, [1, 0]).values
    bend = product * (down - up)
    same(hess[0, 1], product**2 * down / 2)
    same(hess[1, 0], product**2 * down / 2)
    same(hess[0, 0], product**2 * (1 + down) / 2 - bend * (1 + down) / 2)
    same(hess[1, 1], -(product**2) * up / 2 - bend * up / 2)


@pytest.mark.parametrize("classes", [1, 2, 7])
def test_equal_logits(classes: int) -> None:
    z, k = np.full((2, classes), 3.5), mpmath.mpf(classes)
    log_k, even, pair = mpmath.log(k), 1 / k, 1 / k**2
    half = mpmath.mpf(3.5) / 2 + log_k
    same(oracle.logsumexp(z, temperature=2.0).values, [half] * 2)
    same(oracle.log_softmax(z).values, [-log_k] * 2 * classes)
    same(oracle.softmax(z).values, [even] * 2 * classes)
    same(oracle.softmax_jacobian(z[0]).values, even * np.eye(classes, dtype=int) - pair)
    y = np.full((2, classes), 0.5)  # of any mass
    same(oracle.softmax_cross_entropy(z, y).values, [log_k * k / 2] * 2)
    grad = oracle.softmax_cross_entropy_grad(z, y)
    assert (np.abs(grad.values) <= 1e-50).all()
    same(grad.scale, [(1 - even)] * 2 * classes)
    uniform = np.full(classes, 0.5)
    same(oracle.cross_entropy(uniform, uniform).values, k * mpmath.log(2) / 2)


def test_class_weights_by_hand() -> None:
    z, log_2 = np.zeros((2, 2)), mpmath.log(2)
    w = [0.5, 8.0]
    same(oracle.softmax_cross_entropy(z, [0, 1], class_weight=w).values, [log_2 / 2, 8 * log_2])
    same(oracle.softmax_cross_entropy_grad(z, [0, 1], class_weight=w).values, [-0.25, 0.25, 4, -4])
    y = np.array([[0.5, 0.5], [0.25, 0.75]])
    same(oracle.softmax_cross_entropy(z, y, class_weight=w).values, [4.25 * log_2, 6.125 * log_2])
    grad = oracle.softmax_cross_entropy_grad(z, y, class_weight=w)
    same(grad.values, [2.125 - 0.25, 2.125 - 4, 3.0625 - 0.125, 3.0625 - 6])
    same(grad.scale, [2.125, 2.125, 3.0625, 3.0625])
    quarter = np.array([[1, -1], [-1, 1]]) / 4
    hess = oracle.softmax_cross_entropy_hess(z, y, class_weight=w)
    same(hess.values, [4.25 * quarter, 6.125 * quarter])
    product = oracle.softmax_cross_entropy_hvp(z, y, [[1.0, 0.0]] * 2, class_weight=w)
    same(product.values, [4.25 * quarter[0], 6.125 * quarter[0]])
    nothing = oracle.softmax_cross_entropy(np.array([[0.0, -np.inf]]), [1], class_weight=[1, 0])
    assert nothing.values == 0
    # Of a loss below the normal numbers the weight multiplies the error, too.
    far = oracle.softmax_cross_entropy(np.array([[740.0, 0.0]]), [0], class_weight=[8.0, 1.0])
    assert far.scale == 8 * np.finfo(np.float64).tiny


def test_classes_that_are_ruled_out() -> None:
    z = [1.0, -np.inf, 1.0]
    assert oracle.softmax(z).values.tolist() == [0.5, 0.0, 0.5]
    assert oracle.log_softmax(z).values[1] == -np.inf
    found = oracle.softmax_cross_entropy([z] * 2, [[0.5, 0, 0.5], [0.5, 0.5, 0]]).values
    same(found[0], mpmath.log(2))
    assert found[1] == np.inf
    assert oracle.log_softmax([3.0, -np.inf]).values.tolist() == [0.0, -np.inf]


def test_temperature() -> None:
    z = np.array([0.3, -0.2, 5.0])
    same(oracle.log_softmax(z, temperature=0.25).values, oracle.log_softmax(4 * z).values)


Z = np.random.default_rng(0).normal(size=(3, 4))
Y = oracle.distributions(np.random.default_rng(1).normal(size=(3, 4)))


@pytest.mark.parametrize("target", [np.array([0, 3, 1]), Y], ids=["labels", "distributions"])
def test_gradients_are_the_derivatives(target: Any) -> None:
    """By mpmath's differences, in the definition with its sums written out."""
    row = functools.partial(loss_by_hand, Y[0] if target.ndim == 2 else np.eye(4)[target[0]])
    gradient = oracle.softmax_cross_entropy_grad(Z, target).values[0]
    hessian = oracle.softmax_cross_entropy_hess(Z, target).values[0]
    vector = np.array([0.5, -1.0, 2.0, 0.25])
    product = oracle.softmax_cross_entropy_hvp(Z, target, np.stack([vector] * 3)).values[0]
    places = np.eye(4, dtype=int)
    first = [mpmath.diff(row, tuple(map(float, Z[0])), tuple(map(int, a))) for a in places]
    second = [
        [mpmath.diff(row, tuple(map(float, Z[0])), tuple(map(int, a + b))) for b in places] for a in places
    ]
    # A difference has half of the digits, a second one a third.
    for found, expected in ((gradient, first), (hessian, second), (product, np.array(second) @ vector)):
        for a, b in zip(np.ravel(found), np.ravel(expected), strict=True):
            assert abs(a - b) <= 1e-20


def loss_by_hand(y: Any, *z: Any) -> Any:
    total = mpmath.log(sum(mpmath.exp(a) for a in z))
    return sum(mpmath.mpf(float(b)) * (total - a) for a, b in zip(z, y, strict=True))


def test_losses_for_noisy_labels() -> None:
    """The definitions, in the probabilities of three classes."""
    z, noise = np.log([[1.0, 2.0, 5.0]]), [[0.5, 0.25, 0.25], [0.125, 0.75, 0.125], [0.0, 0.0, 1.0]]
    a = [mpmath.exp(mpmath.mpf(v)) for v in z[0]]
    p = [v / sum(a) for v in a]
    q = mpmath.mpf(0.75)
    for label in range(3):
        share = [mpmath.mpf(row[label]) for row in noise]
        whole = sum(u * v for u, v in zip(share, p, strict=True))
        r = [u * v / whole for u, v in zip(share, p, strict=True)]
        slope = [v - (n == label) for n, v in enumerate(p)]
        y, weight = np.array([label]), p[label] ** q
        same(oracle.generalized_cross_entropy(z, y, q=0.75).values, (1 - weight) / q)
        same(oracle.generalized_cross_entropy_grad(z, y, q=0.75).values, [weight * v for v in slope])
        same(oracle.forward_corrected_cross_entropy(z, y, noise).values, -mpmath.log(whole))
        grad = oracle.forward_corrected_cross_entropy_grad(z, y, noise)
        same(grad.values, [u - v for u, v in zip(p, r, strict=True)])
        assert (np.abs(grad.values) <= grad.scale).all()
        bounded = oracle.generalized_cross_entropy_hess(z, y, q=0.75)
        corrected = oracle.forward_corrected_cross_entropy_hess(z, y, noise)
        for m, n in np.ndindex(3, 3):
            of_p, of_r = p[m] * ((m == n) - p[n]), r[m] * ((m == n) - r[n])
            size = q * abs(slope[m] * slope[n])
            same(bounded.values[0, m, n], weight * (of_p - q * slope[m] * slope[n]))
            same(bounded.scale[0, m, n], weight * (abs(of_p) + size))
            same(corrected.values[0, m, n], of_p - of_r)
            same(corrected.scale[0, m, n], abs(of_p) + abs(of_r))


def test_scales() -> None:
    """What cancels in the gradient and in the Hessian's product: twice the smaller term at least."""
    grad = oracle.softmax_cross_entropy_grad(Z, Y)
    p, y = oracle.softmax(Z).values, Y.astype(object) + mpmath.mpf(0)
    same(grad.scale, p * (y.sum(-1, keepdims=True) - y) + y * (1 - p))
    product = oracle.softmax_cross_entropy_hvp(Z, Y, Z)
    assert (np.abs(product.values) <= product.scale).all()
    far = oracle.softmax_cross_entropy_hvp([[50.0, 0.0]], [0], [[1.0, 2.0]])
    same(far.scale[0, 0], -far.values[0, 0])  # no 1 is left in it


def test_distributions_of_known_entropy() -> None:
    log_2, log_3 = mpmath.log(2), mpmath.log(3)
    entropy = 2 * log_2 - 0.75 * log_3
    p, q = [0.25, 0.75], [0.5, 0.5]
    same(oracle.entropy(p).values, entropy)
    same(oracle.cross_entropy(p, q).values, log_2)
    same(oracle.kl_divergence(p, q).values, log_2 - entropy)
    same(oracle.kl_divergence(q, p).values, log_2 - log_3 / 2)
    same(oracle.perplexity([[0.125] * 8, [1.0] + [0.0] * 7]).values, [8, 1])
    assert oracle.entropy([0.0, 1.0]).values == 0
    assert oracle.cross_entropy([0.5, 0.5], [1.0, 0.0]).values == np.inf
    assert oracle.kl_divergence([[0.5, 0.5], [1.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]]).values.tolist() == [
        np.inf,
        0,
    ]
    assert oracle.kl_divergence(np.ones(1), np.ones(1, np.float32)).dtype == np.float64


def test_divergence_next_to_0() -> None:
    tiny = 2.0**-50
    found = oracle.kl_divergence([0.5, 0.5], [0.5 + tiny, 0.5 - tiny]).values
    # - log(1 - 4 tiny^2) / 2, and below the rounding of what is equal.
    assert abs(found / (2 * EXACT.mpf(tiny) ** 2) - 1) <= 1e-25
    small = [1e-300, 1.0], [2e-300, 1.0]
    assert abs(oracle.kl_divergence(*small).values / 1e-300 - (1 - EXACT.log(2))) <= 1e-12


def test_calibration_by_hand() -> None:
    q, y = np.array([0.125, 0.25, 0.5, 1.0]), [0, 1, 1, 0]
    forecast, frequency, count = oracle.calibration_curve(q, y, 2)
    same(forecast.values, [EXACT.mpf(3) / 16, EXACT.mpf(3) / 4])
    same(frequency.values, [EXACT.mpf(1) / 2, EXACT.mpf(1) / 2])
    assert count == [2, 2]
    same(oracle.expected_calibration_error(q, y, 2).values, EXACT.mpf(9) / 32)
    same(oracle.maximum_calibration_error(q, y, [0.0, 0.5, 1.0]).values, EXACT.mpf(5) / 16)
    same(oracle.squared_calibration_error(q, y, 2).values, EXACT.mpf(25 + 16) / 512)
    # The products of two errors of a bin: 1/8 times -3/4, and -1/2 times 1.
    debiased = oracle.debiased_squared_calibration_error(q, y, 2)
    same(debiased.values, (-EXACT.mpf(3) / 32 - EXACT.mpf(1) / 2) / 2)
    same(debiased.scale, (EXACT.mpf(25 + 1 + 36) / 64 + EXACT.mpf(1) / 4 + EXACT.mpf(5) / 4) / 4)
    same(oracle.debiased_squared_calibration_error(q[:1], y[:1], 1).values, 0)
    # Each bin holds its lower edge: 0.3 is in the fourth of ten, in float32 too.
    for dtype in (np.float32, np.float64):
        assert oracle.calibration_curve(np.array([0.3, 0.35], dtype), [0, 1], 10)[2] == [2]


def test_means_by_hand() -> None:
    z, log_2 = np.zeros((3, 2)), EXACT.log(2)
    z[2] = -50.0, 0.0
    far = 50 + mpmath.log1p(mpmath.exp(-50))
    near = far - 50
    p = mpmath.exp(-50) / (1 + mpmath.exp(-50))
    mean = oracle.mean_cross_entropy
    same(mean(z, [0, 1, 0]).values, (2 * log_2 + far) / 3)
    same(mean(z, [0, 1, 0], sample_weight=[1, 2, 4]).values, (3 * log_2 + 4 * far) / 7)
    same(mean(z, [0, 1, 1], class_weight=[3, 1]).values, (4 * log_2 + near) / 5)
    same(mean(z, [0, -100, 1], ignore_index=-100).values, (log_2 + near) / 2)
    same(mean(z, [0, 1, 1], label_smoothing=0.5).values, (2 * log_2 + 0.75 * near + 0.25 * far) / 3)
    same(mean(z, [[1.0, 0], [0.5, 0.5], [0.25, 0.75]]).values, (2 * log_2 + 0.25 * far + 0.75 * near) / 3)
    halves = np.array([[0.5, 0.0], [0.0, 0.5], [0.0, 0.5]])
    same(mean(z, halves).values, (log_2 + near / 2) / 3)
    same(mean(z, halves, class_weight=[1, 3]).values, (2 * log_2 + 1.5 * near) / 3.5)
    gradient = oracle.mean_cross_entropy_value_and_grad(z, [0, 1, 1], sample_weight=[1, 0, 3])[1]
    same(gradient.values, np.array([[-0.125, 0.125], [0, 0], [0.75 * p, -0.75 * p]], object))
    same(gradient.scale, gradient.values)
    gradient = oracle.mean_cross_entropy_value_and_grad(z, [0, 1, 1], label_smoothing=0.5)[1]
    same(gradient.values[0], [-EXACT.mpf(1) / 12, EXACT.mpf(1) / 12])
    same(gradient.scale[0], [EXACT.mpf(5) / 12, EXACT.mpf(1) / 4])


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_dtype_of_what_should_come(dtype: Any) -> None:
    z, y = np.zeros((2, 3), dtype), np.full((2, 3), 1 / 3)
    assert oracle.softmax(z).dtype == oracle.softmax_cross_entropy_hess(z, y).dtype == dtype
    assert oracle.sigmoid_cross_entropy(z, 1.0).dtype == dtype
    loss, gradient = oracle.mean_cross_entropy_value_and_grad(z, y)
    assert (loss.dtype, gradient.dtype) == (np.float64, dtype)
    assert oracle.softmax([0, 1]).dtype == oracle.softplus(3).dtype == np.float64


def test_the_precision_of_mpmath_is_left_alone() -> None:
    before = mpmath.mp.dps
    with mpmath.workdps(5):
        same(oracle.logsumexp([0.0, 0.0]).values, EXACT.log(2))
    assert mpmath.mp.dps == before
    assert EXACT.dps == 60


def test_inputs_are_distributions() -> None:
    p = oracle.distributions(np.array([[0.0, 0.0], [1000.0, 0.0]]), np.float32)
    assert p.tolist() == [[0.5, 0.5], [1.0, 0.0]]
    assert p.dtype == np.float32


def test_info_nce_of_two_pairs() -> None:
    # Similarities 2 and 0 over the temperature 2, and 4 and 6 over it: gaps of 1 both ways.
    queries, keys = [[2.0, 0.0], [4.0, 6.0]], [[1.0, 0.0], [0.0, 1.0]]
    e = EXACT.exp(-1)
    loss = oracle.info_nce_loss(queries, keys, temperature=2.0)
    same(loss.values, [EXACT.log(1 + e)] * 2)
    # Two products of one size, and the other of 0.
    same(loss.scale, loss.values * (4 + 4 * np.array([1, 3])))
    of_queries, of_keys = oracle.info_nce_loss_grad(queries, keys, temperature=2.0)
    g = e / (1 + e) / 2
    same(of_queries.values, np.array([[-g, g], [g, -g]], object))
    same(of_keys.values, np.array([[2 * g, 6 * g], [-2 * g, -6 * g]], object))
    same(of_queries.scale, np.full((2, 2), g * (6 + 1 + 12), object))
    assert oracle.info_nce_loss(np.array(queries, np.float32), np.array(keys, np.float32)).dtype == np.float32


OTHERWISE = {
    "InvalidLogitsError": "is no number",
    "LogSumExp": "is compared with logsumexp of the whole",
    "MeanCrossEntropy": "is compared with the mean of the whole",
    "chance_calibration_error": "is compared with the calibration error of outcomes drawn again",
    "equal_mass_edges": "is compared with what is written down",
    "linear_cross_entropy_value_and_grad": "is compared with the mean of its logits",
    "one_hot": "is compared with what is written down",
    "smooth_labels": "is compared with what is written down",
    "softmax_cross_entropy_value_and_grad": "is compared part by part",
}


def test_every_public_function_is_there_or_compared_otherwise() -> None:
    functions = {name for name in xentlib.__all__ if callable(getattr(xentlib, name))}
    assert {name for name in functions if not hasattr(oracle, name)} == OTHERWISE.keys()
