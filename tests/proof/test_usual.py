"""What readers type: usual equalities and inequalities, proved or refused with a sentence that helps."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp
from sympy import Abs, Derivative, Eq, Max, Min, Ne, Piecewise, exp, log, sqrt, tanh
from sympy import Rational as Q

from xentlib.proof import (  # fmt: skip
    K,
    N,
    Quantity,
    VerificationError,
    c,
    delta,
    i,
    j,
    k,
    l,
    lse,
    n,
    p,
    prove,
    s,
    softmax_of,
    sum_over,
    v,
    y,
    z,
)

a, b = sp.symbols("a b", real=True)
T, u = sp.symbols("T u", positive=True)
g = sp.IndexedBase("g", real=True)
h, q, y_pos = (sp.IndexedBase(name, positive=True) for name in ("h", "q", "y"))
cold = Quantity("q", softmax_of(lambda i: z[i] / T))
ones = [Eq(sum_over(k, y_pos[k]), 1), Eq(sum_over(k, q[k]), 1)]


def eq(left: Any, right: Any) -> Any:
    return sp.Eq(left, right, evaluate=False)


def ge(left: Any, right: Any) -> Any:
    return sp.Ge(left, right, evaluate=False)


def le(left: Any, right: Any) -> Any:
    return sp.Le(left, right, evaluate=False)


def gt(left: Any, right: Any) -> Any:
    return sp.Gt(left, right, evaluate=False)


def lt(left: Any, right: Any) -> Any:
    return sp.Lt(left, right, evaluate=False)


def d(a: Any, b: Any) -> Any:
    """Return what the derivative of log p[a] in z[b] is."""
    return delta(a, b) - p[b]


third = p[i] * (
    d(i, j) * d(i, k) * d(i, l) - p[k] * d(k, l) * d(i, j) - p[j] * d(j, l) * d(i, k)
    - p[j] * d(j, k) * d(i, l) - p[j] * d(j, l) * d(j, k) + p[j] * p[k] * d(k, l)
)  # fmt: skip


def S(term: Any) -> Any:
    return sum_over(k, term)


def sigma(x: Any) -> Any:
    return 1 / (1 + exp(-x))


def softplus(x: Any) -> Any:
    return log(1 + exp(x))


PROVED: dict[str, tuple[Any, dict[str, Any]]] = {
    "KL>=0": (ge(S(y_pos[k] * log(y_pos[k] / q[k])), 0), {"given": ones}),
    "KL>=0 softmax": (ge(S(y_pos[k] * log(y_pos[k] / p[k])), 0), {"given": eq(S(y_pos[k]), 1)}),
    "CE>=H": (ge(-S(y_pos[k] * log(q[k])), -S(y_pos[k] * log(y_pos[k]))), {"given": ones}),
    "CE>=H softmax": (
        ge(-S(y_pos[k] * log(p[k])), -S(y_pos[k] * log(y_pos[k]))),
        {"given": eq(S(y_pos[k]), 1)},
    ),
    "H<=logK y": (le(-S(y_pos[k] * log(y_pos[k])), log(K)), {"given": eq(S(y_pos[k]), 1)}),
    "H<=logK p": (le(-S(p[k] * log(p[k])), log(K)), {}),
    "H>=0 p": (ge(-S(p[k] * log(p[k])), 0), {}),
    "var": (ge(S(p[k] * z[k] ** 2), S(p[k] * z[k]) ** 2), {}),
    "var centred": (ge(S(p[k] * (z[k] - sum_over(l, p[l] * z[l])) ** 2), 0), {}),
    "var v": (ge(S(p[k] * v[k] ** 2) - S(p[k] * v[k]) ** 2, 0), {}),
    "sum p2>=1/K": (ge(S(p[k] ** 2), 1 / K), {}),
    "sum p2<=1": (le(S(p[k] ** 2), 1), {}),
    "gini": (ge(1 - S(p[k] ** 2), 0), {}),
    "lse>=z": (ge(lse, z[i]), {}),
    "lse>z K2": (gt(lse, z[i]), {"given": K >= 2}),
    "nll>=0": (ge(-log(p[i]), 0), {}),
    "p<=1": (le(p[i], 1), {}),
    "p<1": (lt(p[i], 1), {"given": K >= 2}),
    "lse>=mean+logK": (ge(lse, S(z[k]) / K + log(K)), {}),
    "free energy": (ge(lse, S(q[k] * z[k]) - S(q[k] * log(q[k]))), {"given": eq(S(q[k]), 1)}),
    "Jensen": (ge(log(S(q[k] * h[k])), S(q[k] * log(h[k]))), {"given": eq(S(q[k]), 1)}),
    "AMGM": (ge(log(S(h[k]) / K), S(log(h[k])) / K), {}),
    "softplus>=0": (gt(softplus(a), 0), {}),
    "softplus>=max": (ge(softplus(a), Max(a, 0)), {}),
    "softplus>=x": (gt(softplus(a), a), {}),
    "softplus tangent": (ge(softplus(a), log(2) + a / 2), {}),
    "sigma<1": (lt(sigma(a**3), 1), {}),
    "sigma>0": (gt(sigma(a**3), 0), {}),
    "tanh<1": (lt(tanh(a), 1), {}),
    "tanh>-1": (gt(tanh(a), -1), {}),
    "tanh sigma": (eq(tanh(a), 2 * sigma(2 * a) - 1), {}),
    "D tanh": (eq(Derivative(tanh(s), s), 1 - tanh(s) ** 2), {}),
    "jac Ne": (eq(Derivative(p[i], z[j]), -p[i] * p[j]), {"given": Ne(i, j)}),
    "jac piecewise": (
        eq(Derivative(p[i], z[j]), Piecewise((p[i] * (1 - p[i]), Eq(i, j)), (-p[i] * p[j], True))),
        {},
    ),
    "jac 12": (eq(Derivative(p[1], z[2]), -p[1] * p[2]), {"given": K >= 2}),
    "jac 11": (eq(Derivative(p[1], z[1]), p[1] * (1 - p[1])), {}),
    "jac <0": (lt(Derivative(p[i], z[j]), 0), {"given": Ne(i, j)}),
    "jac >0": (gt(Derivative(p[i], z[i]), 0), {"given": K >= 2}),
    "jac bound": (le(p[i] * (1 - p[i]), Q(1, 4)), {}),
    "sum jac": (eq(sum_over(j, Derivative(p[i], z[j])), 0), {}),
    "hess psd": (ge(S(v[k] * p[k] * v[k]) - S(p[k] * v[k]) ** 2, 0), {}),
    "hess <= ": (le(S(p[k] * v[k] ** 2) - S(p[k] * v[k]) ** 2, S(p[k] * v[k] ** 2)), {}),
    "cauchy": (ge(S(v[k] ** 2) * S(g[k] ** 2), S(v[k] * g[k]) ** 2), {}),
    "cauchy K": (ge(K * S(v[k] ** 2), S(v[k]) ** 2), {}),
    "e^x>=1+x": (ge(exp(a), 1 + a), {}),
    "log<=t-1": (le(log(u), u - 1), {}),
    "x+1/x": (ge(u + 1 / u, 2), {}),
    "2ab": (ge(a**2 + b**2, 2 * a * b), {}),
    "quad": (ge(a**2 - 2 * a + 1, 0), {}),
    "quad2": (gt(a**2 + a + 1, 0), {}),
    "u-logu": (gt(u - log(u), 0), {}),
    "cosh": (ge(exp(a) + exp(-a), 2), {}),
    "brier>=0": (ge(S((p[k] - y_pos[k]) ** 2), 0), {}),
    "third derivatives": (eq(Derivative(p[i], z[j], z[k], z[l]), third), {}),
    "chained deltas": (
        eq(delta(i, j) * delta(j, k) * delta(k, l), delta(i, j) * delta(i, k) * delta(i, l)),
        {},
    ),
    "odds": (eq(p[i] / p[j], exp(z[i] - z[j])), {}),
    "shift": (eq(exp(z[i] + s) / S(exp(z[k] + s)), p[i]), {}),
    "two class": (eq(p[1], sigma(z[1] - z[2])), {"sizes": {K: 2}}),
    "grad CE": (eq(Derivative(-S(y[k] * log(p[k])), z[j]), p[j] * S(y[k]) - y[j]), {}),
    "grad nll": (eq(Derivative(-log(p[i]), z[j]), p[j] - delta(i, j)), {}),
    "hess nll": (eq(Derivative(-log(p[i]), z[j], z[k]), p[j] * (delta(j, k) - p[k])), {}),
    "temp grad": (eq(Derivative(-log(cold[i]), z[j]), (cold[j] - delta(i, j)) / T), {}),
    "H p": (eq(-S(p[k] * log(p[k])), lse - S(p[k] * z[k])), {}),
    "D lse": (eq(Derivative(lse, z[i]), p[i]), {}),
    "mean p": (eq(S(p[k]) / K, 1 / K), {}),
    "mean grad": (eq(sum_over(n, S(p[n, k])) / N, 1), {}),
    "kl split": (
        eq(-S(y_pos[k] * log(q[k])), -S(y_pos[k] * log(y_pos[k])) + S(y_pos[k] * log(y_pos[k] / q[k]))),
        {},
    ),
    "kl shift": (eq(S(p[k] * log(p[k] / q[k])), S(p[k] * z[k]) - lse - S(p[k] * log(q[k]))), {}),
    "batch >=0": (ge(-sum_over(n, log(p[n, c[n]])), 0), {}),
    "batch mean >=0": (ge(-sum_over(n, log(p[n, c[n]])) / N, 0), {}),
    "abs tri": (le(Abs(a + b), Abs(a) + Abs(b)), {}),
    "max lse2": (le(Max(a, b), log(exp(a) + exp(b))), {}),
    "lse2 <= max+log2": (le(log(exp(a) + exp(b)), Max(a, b) + log(2)), {}),
    "p>=0": (ge(p[i], 0), {}),
    "p order": (sp.Equivalent(lt(p[i], p[j]), lt(z[i], z[j])), {"increasing": exp}),
    "hinge<=": (ge(Max(0, 1 - a), 0), {}),
    "hinge ce": (ge(softplus(-a) / log(2), Piecewise((1, a <= 0), (0, True))), {}),
    "focal<=ce": (le(-((1 - p[i]) ** 2) * log(p[i]), -log(p[i])), {}),
    "minus log": (ge(-log(1 - u / (1 + u)), 0), {}),
    "bhatt": (le(S(sqrt(q[k] * y_pos[k])), 1), {"given": ones}),
    "log sum ineq": (ge(S(h[k] * log(h[k] / q[k])), S(h[k]) * log(S(h[k]) / S(q[k]))), {}),
    "rank": (ge(S(exp(z[k] - z[i])), 1), {}),
    "label smoothing": (
        eq(-S(((1 - s) * y[k] + s / K) * log(p[k])), -(1 - s) * S(y[k] * log(p[k])) - s * S(log(p[k])) / K),
        {},
    ),
    "mse": (ge(S((z[k] - y[k]) ** 2) / K, (S(z[k] - y[k]) / K) ** 2), {}),
    "min": (le(Min(a, b), (a + b) / 2), {}),
    "mean log>=": (ge(-S(log(p[k])) / K, log(K)), {}),
}


@pytest.mark.parametrize("name", PROVED)
def test_it_is_proved(name: str) -> None:
    statement, help_ = PROVED[name]
    prove("usual", statement, **help_)


# As a first user writes them, without evaluate=False, with SymPy's own operators.
TYPED: dict[str, tuple[Any, dict[str, Any]]] = {
    "probabilities sum to 1": (Eq(sum_over(i, p[i]), 1), {}),
    "greater than zero": (p[i] > 0, {}),
    "at most one": (p[i] <= 1, {}),
    "shift of all logits": (Eq(exp(z[i] + 5) / sum_over(j, exp(z[j] + 5)), p[i]), {}),
    "log softmax": (Eq(log(p[i]), z[i] - log(sum_over(k, exp(z[k])))), {}),
    "loss is not negative": (-log(p[i]) >= 0, {}),
    "gradient": (Eq(Derivative(-log(p[i]), z[j]), p[j] - delta(i, j)), {}),
    "gradient at the label": (Eq(Derivative(-log(p[i]), z[i]), p[i] - 1), {}),
    "gradient elsewhere": (Eq(Derivative(-log(p[i]), z[j]), p[j]), {"given": Ne(i, j)}),
    "gradients sum to 0": (Eq(sum_over(j, p[j] - delta(i, j)), 0), {}),
    "softmax of two": (Eq(p[1], 1 / (1 + exp(z[2] - z[1]))), {"sizes": {K: 2}}),
    "sigmoid symmetry": (eq(sigma(s) + sigma(-s), 1), {}),
    "sigmoid slope": (Eq(Derivative(sigma(s), s), sigma(s) * (1 - sigma(s))), {}),
    "sigmoid slope at most a quarter": (sigma(s) * (1 - sigma(s)) <= Q(1, 4), {}),
    "softplus slope": (Eq(Derivative(softplus(s), s), sigma(s)), {}),
    "entropy at most log K": (-sum_over(i, p[i] * log(p[i])) <= log(K), {}),
    "entropy is not negative": (-sum_over(i, p[i] * log(p[i])) >= 0, {}),
    "log-sum-exp above the mean": (log(sum_over(k, exp(z[k]))) >= sum_over(k, z[k]) / K, {}),
    "log-sum-exp above each": (log(sum_over(k, exp(z[k]))) >= z[i], {}),
    "cross-entropy of itself": (Eq(-sum_over(k, p[k] * log(p[k])), lse - sum_over(k, p[k] * z[k])), {}),
    "sum of squares": (sum_over(k, p[k] ** 2) <= 1, {}),
    "mean of a batch": (Eq(sum_over(n, sum_over(k, p[n, k])), N), {}),
    "bigger logit, bigger probability": (
        sp.Equivalent(p[i] > p[j], z[i] > z[j], evaluate=False), {"increasing": exp},
    ),
    "odds": (Eq(log(p[i] / p[j]), z[i] - z[j]), {}),
}  # fmt: skip


@pytest.mark.parametrize("name", TYPED)
def test_it_is_proved_as_it_is_typed(name: str) -> None:
    statement, help_ = TYPED[name]
    prove("typed", statement, **help_)


OUT_OF_REACH: dict[str, tuple[Any, str]] = {
    "renyi": (ge(log(K), -log(S(p[k] ** 2))), "certificate= takes an expression"),
    "perpl": (le(exp(-S(p[k] * log(p[k]))), K), "certificate= takes an expression"),
    "grad norm": (le(S((p[k] - delta(k, i)) ** 2), 2), "certificate= takes an expression"),
    "absolute values in a sum": (eq(S(Abs(p[k] - delta(k, i))), 2 * (1 - p[i])), "left side - right side"),
}


@pytest.mark.parametrize("name", OUT_OF_REACH)
def test_what_is_out_of_reach_says_what_to_do(name: str) -> None:
    statement, advice = OUT_OF_REACH[name]
    with pytest.raises(VerificationError, match=advice):
        prove("reach", statement)


@pytest.mark.parametrize(
    "statement",
    [
        ge(S(y_pos[k] * log(y_pos[k] / q[k])), Q(1, 100)),
        le(S(p[k] ** 2), Q(99, 100)),
        ge(S(p[k] * z[k] ** 2), S(p[k] * z[k]) ** 2 + Q(1, 10**6)),
        le(-S(p[k] * log(p[k])), log(K) - Q(1, 10**6)),
        ge(lse, z[i] + Q(1, 10**6)),
        ge(softplus(a), Max(a, 0) + Q(1, 10**6)),
        lt(tanh(a), Q(99, 100)),
        ge(u + 1 / u, Q(201, 100)),
        gt(a**2 + a + Q(1, 4), 0),
        le(log(exp(a) + exp(b)), Max(a, b) + log(2) - Q(1, 10**6)),
        le(Abs(a + b), Abs(a) + Abs(b) - Q(1, 10**6)),
        ge(log(S(q[k] * h[k])), S(q[k] * log(h[k]))),
        eq(Derivative(p[i], z[j]), -p[i] * p[j]),
        eq(delta(i, j) * delta(j, k), delta(i, j) * delta(i, l)),
    ],
    ids=str,
)
def test_what_is_slightly_wrong_is_not_proved(statement: Any) -> None:
    with pytest.raises(VerificationError, match="not proved"):
        prove("wrong", statement)
