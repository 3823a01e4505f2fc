"""The accuracy table: the worst error of each function, dtype and regime, beside other libraries.

    PYTHONPATH=tests python tools/accuracy.py

prints it, writes it to book/data/accuracy.json, and ends with 1 if xentlib is beyond its bounds. Errors
are relative, in units of the dtype's eps: 0.5 is a rounding, 100 % a result without a right digit. Below
the normal numbers they are relative to the smallest of these. The exact values and the rule are those of
the tests. Of the other libraries, those that are installed are measured.
"""

from __future__ import annotations

import importlib.metadata
import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import oracle
from array_api_compat import array_namespace

import xentlib

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "book" / "data" / "accuracy.json"
BOUNDS = {
    "softmax_cross_entropy_hess": 8.0,
    "softmax_cross_entropy_hess weighted": 8.0,
    "softmax_focal_loss": 12.0,
    "softmax_focal_loss_grad": 16.0,
    "softmax_focal_loss_hess": 20.0,
    "sigmoid_focal_loss": 12.0,
    "sigmoid_focal_loss_grad": 16.0,
    "sigmoid_focal_loss_hess": 20.0,
    "generalized_cross_entropy_grad": 8.0,
    "generalized_cross_entropy_hess": 12.0,
    "forward_corrected_cross_entropy": 6.0,
    "forward_corrected_cross_entropy_grad": 12.0,
    "forward_corrected_cross_entropy_hess": 12.0,
    "logit_adjusted_cross_entropy": 8.0,
    "logit_adjusted_cross_entropy_grad": 8.0,
    "logit_adjusted_cross_entropy_hess": 16.0,
    "soft_dice_loss_grad": 8.0,
    "soft_dice_loss_hess": 16.0,
    "softmax_brier_loss": 8.0,
    "softmax_brier_loss_grad": 8.0,
    "softmax_brier_loss_hess": 12.0,
    "softmax_spherical_loss": 8.0,
    "softmax_spherical_loss_grad": 8.0,
    "softmax_spherical_loss_hess": 12.0,
}
"""In eps, where it is not 4."""
BOUND = 4.0


# --- Inputs -------------------------------------------------------------------------------------


def regimes(dtype: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield a name, rows of logits, and labels: of the largest logit in half of the rows."""
    draw = np.random.default_rng(0)

    def labelled(name: str, z: Any) -> tuple[str, Any, Any]:
        z = np.asarray(z).astype(dtype)
        labels = draw.integers(z.shape[1], size=len(z))
        labels[::2] = z[::2].argmax(axis=1)
        return name, z, labels

    yield labelled("normal", draw.normal(size=(200, 10)))
    yield labelled("offset 1e4", draw.normal(size=(100, 10)) + 1e4)
    yield labelled("offset -1e4", draw.normal(size=(100, 10)) - 1e4)
    for gap in (10, 20, 40, 100, 700):
        z = draw.uniform(-0.5, 0.5, size=(60, 10))
        z[:, 3] += gap
        yield labelled(f"gap {gap}", z)
    yield labelled("spread 1e3", draw.uniform(-1e3, 0, size=(60, 10)))
    yield labelled("ties", np.repeat(draw.normal(size=(60, 2)), 3, axis=1))
    # Two large terms, and each of the others so small that it may be lost where it is added to one of them.
    z = draw.uniform(-2, 2, size=(8, 1000)) + np.log(np.finfo(dtype).eps)
    z[:, [3, 700]] = 0
    yield labelled("ties, K = 1000", z)
    yield labelled("near A = 0", draw.normal(size=(100, 10), scale=0.1) - np.log(10))
    for classes, count in ((1, 20), (2, 200), (1000, 4), (100_000, 1)):
        yield labelled(f"K = {classes}", draw.normal(size=(count, classes)))


# --- What is measured ---------------------------------------------------------------------------


def weights(z: Any) -> Any:
    """Return class weights in the dtype of the logits, as NumPy's: from 0.3 to 10."""
    dtype = np.float32 if "float32" in str(z.dtype) else np.float64
    return np.geomspace(0.3, 10, z.shape[-1], dtype=dtype)


def noise(z: Any) -> Any:
    """Return the noise that gives four of ten labels to any class, for logits of any library."""
    classes = z.shape[1]
    return np.full((classes, classes), 0.4 / classes) + 0.6 * np.eye(classes)


def long_tail(classes: int) -> Any:
    """Return frequencies like 1, 1/2, 1/3 and so on, which all dtypes measured hold exactly."""
    frequencies = 1 / np.arange(1, classes + 1)
    return (frequencies / frequencies.sum()).astype(np.float32)


def ladder(z: Any) -> Any:
    """Return three cumulative logits from each number on: classes narrow and wide."""
    return array_namespace(z).stack([z, z + 1, z + 40], axis=-1)


ROWWISE: dict[str, Callable[..., Any]] = {
    "logsumexp": lambda x, z, y: x.logsumexp(z),
    "softmax": lambda x, z, y: x.softmax(z),
    "log_softmax": lambda x, z, y: x.log_softmax(z),
    "softmax_cross_entropy": lambda x, z, y: x.softmax_cross_entropy(z, y),
    "softmax_cross_entropy_grad": lambda x, z, y: x.softmax_cross_entropy_grad(z, y),
    "softmax_cross_entropy_hess": lambda x, z, y: x.softmax_cross_entropy_hess(z, y),
    "softmax_cross_entropy weighted": lambda x, z, y: x.softmax_cross_entropy(z, y, class_weight=weights(z)),
    "softmax_cross_entropy_grad weighted": lambda x, z, y: x.softmax_cross_entropy_grad(
        z, y, class_weight=weights(z)
    ),
    "softmax_cross_entropy_hess weighted": lambda x, z, y: x.softmax_cross_entropy_hess(
        z, y, class_weight=weights(z)
    ),
    "softmax_focal_loss": lambda x, z, y: x.softmax_focal_loss(z, y, gamma=2.0),
    "softmax_focal_loss_grad": lambda x, z, y: x.softmax_focal_loss_grad(z, y, gamma=2.0),
    "softmax_focal_loss_hess": lambda x, z, y: x.softmax_focal_loss_hess(z, y, gamma=2.0),
    "generalized_cross_entropy": lambda x, z, y: x.generalized_cross_entropy(z, y, q=0.75),
    "generalized_cross_entropy_grad": lambda x, z, y: x.generalized_cross_entropy_grad(z, y, q=0.75),
    "generalized_cross_entropy_hess": lambda x, z, y: x.generalized_cross_entropy_hess(z, y, q=0.75),
    "forward_corrected_cross_entropy": lambda x, z, y: x.forward_corrected_cross_entropy(z, y, noise(z)),
    "forward_corrected_cross_entropy_grad": lambda x, z, y: x.forward_corrected_cross_entropy_grad(
        z, y, noise(z)
    ),
    "forward_corrected_cross_entropy_hess": lambda x, z, y: x.forward_corrected_cross_entropy_hess(
        z, y, noise(z)
    ),
    "logit_adjusted_cross_entropy": lambda x, z, y: x.logit_adjusted_cross_entropy(
        z, y, long_tail(z.shape[-1])
    ),
    "logit_adjusted_cross_entropy_grad": lambda x, z, y: x.logit_adjusted_cross_entropy_grad(
        z, y, long_tail(z.shape[-1])
    ),
    "logit_adjusted_cross_entropy_hess": lambda x, z, y: x.logit_adjusted_cross_entropy_hess(
        z, y, long_tail(z.shape[-1])
    ),
    "sparsemax": lambda x, z, y: x.sparsemax(z),
    "sparsemax_loss": lambda x, z, y: x.sparsemax_loss(z, y),
    "sparsemax_loss_grad": lambda x, z, y: x.sparsemax_loss_grad(z, y),
    "sparsemax_loss_hess": lambda x, z, y: x.sparsemax_loss_hess(z, y),
    "entmax": lambda x, z, y: x.entmax(z, alpha=1.5),
    "entmax_loss": lambda x, z, y: x.entmax_loss(z, y, alpha=1.5),
    "entmax_loss_grad": lambda x, z, y: x.entmax_loss_grad(z, y, alpha=1.5),
    "entmax_loss_hess": lambda x, z, y: x.entmax_loss_hess(z, y, alpha=1.5),
    "multiclass_hinge_loss": lambda x, z, y: x.multiclass_hinge_loss(z, y),
    "multiclass_hinge_loss_grad": lambda x, z, y: x.multiclass_hinge_loss_grad(z, y),
    "soft_dice_loss": lambda x, z, y: x.soft_dice_loss(z, xentlib.one_hot(y, z.shape[-1])),
    "soft_dice_loss_grad": lambda x, z, y: x.soft_dice_loss_grad(z, xentlib.one_hot(y, z.shape[-1])),
    "soft_dice_loss_hess": lambda x, z, y: x.soft_dice_loss_hess(z, xentlib.one_hot(y, z.shape[-1])),
    "softmax_brier_loss": lambda x, z, y: x.softmax_brier_loss(z, y),
    "softmax_brier_loss_grad": lambda x, z, y: x.softmax_brier_loss_grad(z, y),
    "softmax_brier_loss_hess": lambda x, z, y: x.softmax_brier_loss_hess(z, y),
    "softmax_spherical_loss": lambda x, z, y: x.softmax_spherical_loss(z, y),
    "softmax_spherical_loss_grad": lambda x, z, y: x.softmax_spherical_loss_grad(z, y),
    "softmax_spherical_loss_hess": lambda x, z, y: x.softmax_spherical_loss_hess(z, y),
}
"""How xentlib, or the oracle, is called with rows of logits and with labels."""
BINARY: dict[str, Callable[..., Any]] = {
    "sigmoid": lambda x, z, t: x.sigmoid(z),
    "log_sigmoid": lambda x, z, t: x.log_sigmoid(z),
    "softplus": lambda x, z, t: x.softplus(z),
    "sigmoid_cross_entropy": lambda x, z, t: x.sigmoid_cross_entropy(z, t),
    "sigmoid_cross_entropy_grad": lambda x, z, t: x.sigmoid_cross_entropy_grad(z, t),
    "sigmoid_cross_entropy_hess": lambda x, z, t: x.sigmoid_cross_entropy_hess(z, t),
    "sigmoid_cross_entropy weighted": lambda x, z, t: x.sigmoid_cross_entropy(z, t, pos_weight=9.1),
    "sigmoid_cross_entropy_grad weighted": lambda x, z, t: x.sigmoid_cross_entropy_grad(z, t, pos_weight=9.1),
    "sigmoid_cross_entropy_hess weighted": lambda x, z, t: x.sigmoid_cross_entropy_hess(z, t, pos_weight=9.1),
    "sigmoid_focal_loss": lambda x, z, t: x.sigmoid_focal_loss(z, t, gamma=2.0, alpha=0.25),
    "sigmoid_focal_loss_grad": lambda x, z, t: x.sigmoid_focal_loss_grad(z, t, gamma=2.0, alpha=0.25),
    "sigmoid_focal_loss_hess": lambda x, z, t: x.sigmoid_focal_loss_hess(z, t, gamma=2.0, alpha=0.25),
    "hinge_loss": lambda x, z, t: x.hinge_loss(z, t),
    "hinge_loss_grad": lambda x, z, t: x.hinge_loss_grad(z, t),
    "squared_hinge_loss": lambda x, z, t: x.squared_hinge_loss(z, t),
    "squared_hinge_loss_grad": lambda x, z, t: x.squared_hinge_loss_grad(z, t),
    "squared_hinge_loss_hess": lambda x, z, t: x.squared_hinge_loss_hess(z, t),
    "exponential_loss": lambda x, z, t: x.exponential_loss(z, t),
    "exponential_loss_grad": lambda x, z, t: x.exponential_loss_grad(z, t),
    "exponential_loss_hess": lambda x, z, t: x.exponential_loss_hess(z, t),
    "ordinal_cross_entropy": lambda x, z, t: x.ordinal_cross_entropy(ladder(z), t + 1),
    "ordinal_cross_entropy_grad": lambda x, z, t: x.ordinal_cross_entropy_grad(ladder(z), t + 1),
    "ordinal_cross_entropy_hess": lambda x, z, t: x.ordinal_cross_entropy_hess(ladder(z), t + 1),
}
"""The same with single logits and targets of 0 and 1."""
Library = dict[str, Callable[..., Any]]


def measure_rows(z: Any, labels: Any, libraries: dict[str, Library]) -> dict[str, dict[str, float]]:
    """Return the worst error of each function of rows and library; of many classes, some are compared."""
    step = max(1, z.shape[1] // 2000)
    # A matrix of classes is too large for some.
    most = {name: 10 if "hess" in name else 1000 if "corrected" in name else math.inf for name in ROWWISE}
    names = (name for name in ROWWISE if z.shape[1] <= most[name])
    return {name: _errors(name, z, labels, libraries, step) for name in names}


def measure_binary(gap: float, dtype: Any, libraries: dict[str, Library]) -> dict[str, dict[str, float]]:
    """Return the worst error of each function of single logits and library, at about the gap."""
    draw = np.random.default_rng(1)
    x = (draw.uniform(-1, 1, size=200) + gap * draw.choice([-1, 1], size=200)).astype(dtype)
    target = draw.integers(2, size=200)
    return {function: _errors(function, x, target, libraries) for function in BINARY}


def _errors(name: str, z: Any, target: Any, libraries: dict[str, Library], step: int = 1) -> dict[str, float]:
    expected = functions_of(oracle)[name](z, target)
    some = (slice(None), slice(None, None, step))[: expected.values.ndim]
    errors = {}
    for library, functions in libraries.items():
        if name in functions:
            found = np.asarray(functions[name](z, target))[some]
            # Another library may answer in another dtype; the eps is that of the logits.
            dtype = z.dtype if library.startswith("xentlib") else found.dtype
            errors[library] = oracle.error_in_eps(found, expected.at(some), dtype=dtype, of=z.dtype)
    return errors


# --- Libraries ----------------------------------------------------------------------------------


def functions_of(module: Any, to: Callable[[Any], Any] = np.asarray) -> Library:
    """Return the functions of xentlib, or of the oracle, on the arrays of a library."""

    def on(call: Callable[..., Any]) -> Callable[..., Any]:
        return lambda z, target: call(module, to(z), to(target))

    return {name: on(call) for name, call in (ROWWISE | BINARY).items()}


def scipy_functions() -> Library:
    """Return SciPy's, and the loss and gradient as one writes them with it."""
    from scipy import special

    def gradient(z: Any, labels: Any) -> Any:
        p = special.softmax(z, axis=-1)
        p[np.arange(len(z)), labels] -= 1
        return p

    return {
        "logsumexp": lambda z, _: special.logsumexp(z, axis=-1),
        "softmax": lambda z, _: special.softmax(z, axis=-1),
        "log_softmax": lambda z, _: special.log_softmax(z, axis=-1),
        "softmax_cross_entropy": lambda z, y: -special.log_softmax(z, axis=-1)[np.arange(len(z)), y],
        "softmax_cross_entropy_grad": gradient,
        "sigmoid": lambda x, _: special.expit(x),
        "log_sigmoid": lambda x, _: special.log_expit(x),
        "softplus": lambda x, _: special.softplus(x) if hasattr(special, "softplus") else np.logaddexp(0, x),
        "sigmoid_cross_entropy": lambda x, t: -special.log_expit(np.where(t == 1, x, -x)),
        "sigmoid_cross_entropy_grad": lambda x, t: special.expit(x) - t.astype(x.dtype),
    }


def torch_functions() -> Library:
    """Return PyTorch's functions, its losses and their gradients by automatic differentiation."""
    import torch
    from torch.nn import functional

    def gradient(loss: Callable[..., Any], z: Any, target: Any) -> Any:
        leaf = torch.tensor(z, requires_grad=True)
        loss(leaf, target).sum().backward()
        return leaf.grad.numpy()

    def softmax_loss(z: Any, labels: Any) -> Any:
        return functional.cross_entropy(z, torch.tensor(labels), reduction="none")

    def sigmoid_loss(x: Any, target: Any) -> Any:
        target = torch.tensor(target, dtype=x.dtype)
        return functional.binary_cross_entropy_with_logits(x, target, reduction="none")

    return {
        "logsumexp": lambda z, _: torch.logsumexp(torch.tensor(z), -1),
        "softmax": lambda z, _: torch.softmax(torch.tensor(z), -1),
        "log_softmax": lambda z, _: torch.log_softmax(torch.tensor(z), -1),
        "softmax_cross_entropy": lambda z, y: softmax_loss(torch.tensor(z), y),
        "softmax_cross_entropy_grad": lambda z, y: gradient(softmax_loss, z, y),
        "sigmoid": lambda x, _: torch.sigmoid(torch.tensor(x)),
        "log_sigmoid": lambda x, _: functional.logsigmoid(torch.tensor(x)),
        "softplus": lambda x, _: functional.softplus(torch.tensor(x)),
        "sigmoid_cross_entropy": lambda x, t: sigmoid_loss(torch.tensor(x), t),
        "sigmoid_cross_entropy_grad": lambda x, t: gradient(sigmoid_loss, x, t),
    }


def jax_functions() -> Library:
    """Return JAX's functions, and the loss by its log_softmax with its gradient."""
    import jax
    import jax.numpy as jnp

    def loss(z: Any, labels: Any) -> Any:
        return -jnp.take_along_axis(jax.nn.log_softmax(z), jnp.asarray(labels)[:, None], axis=-1)[:, 0]

    def sigmoid_loss(x: Any, target: Any) -> Any:
        return -jax.nn.log_sigmoid(jnp.where(jnp.asarray(target) == 1, x, -x))

    def gradient(function: Callable[..., Any], z: Any, target: Any) -> Any:
        return jax.grad(lambda a: function(a, target).sum())(jnp.asarray(z))

    return {
        "logsumexp": lambda z, _: jax.nn.logsumexp(jnp.asarray(z), axis=-1),
        "softmax": lambda z, _: jax.nn.softmax(jnp.asarray(z)),
        "log_softmax": lambda z, _: jax.nn.log_softmax(jnp.asarray(z)),
        "softmax_cross_entropy": lambda z, y: loss(jnp.asarray(z), y),
        "softmax_cross_entropy_grad": lambda z, y: gradient(loss, z, y),
        "sigmoid": lambda x, _: jax.nn.sigmoid(jnp.asarray(x)),
        "log_sigmoid": lambda x, _: jax.nn.log_sigmoid(jnp.asarray(x)),
        "softplus": lambda x, _: jax.nn.softplus(jnp.asarray(x)),
        "sigmoid_cross_entropy": lambda x, t: sigmoid_loss(jnp.asarray(x), t),
        "sigmoid_cross_entropy_grad": lambda x, t: gradient(sigmoid_loss, x, t),
    }


def sklearn_functions() -> Library:
    """Return the losses that scikit-learn's estimators minimise."""
    from sklearn._loss import HalfBinomialLoss, HalfMultinomialLoss

    def multinomial(z: Any, labels: Any) -> tuple[Any, Any]:
        return HalfMultinomialLoss(n_classes=z.shape[1]).loss_gradient(
            labels.astype(z.dtype), np.ascontiguousarray(z)
        )

    def binomial(x: Any, target: Any) -> tuple[Any, Any]:
        return HalfBinomialLoss().loss_gradient(target.astype(x.dtype), x)

    return {
        "softmax_cross_entropy": lambda z, y: multinomial(z, y)[0],
        "softmax_cross_entropy_grad": lambda z, y: multinomial(z, y)[1],
        "sigmoid_cross_entropy": lambda x, t: binomial(x, t)[0],
        "sigmoid_cross_entropy_grad": lambda x, t: binomial(x, t)[1],
    }


def installed() -> tuple[dict[str, Library], dict[str, str]]:
    """Return what can be measured here, and the versions."""
    libraries, versions = {"xentlib": functions_of(xentlib)}, {"numpy": np.__version__}
    others = (("scipy", scipy_functions), ("torch", torch_functions), ("jax", jax_functions))
    for package, functions in (*others, ("scikit-learn", sklearn_functions)):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            print(f"{package} is not installed: not measured")
            continue
        libraries[package] = functions()
    if "torch" in libraries:
        import torch

        libraries["xentlib on torch"] = functions_of(xentlib, torch.tensor)
    if "jax" in libraries:
        import jax

        jax.config.update("jax_enable_x64", True)
        libraries["xentlib on jax"] = functions_of(xentlib, jax.numpy.asarray)
    return libraries, versions


def measure(libraries: dict[str, Library]) -> list[dict[str, Any]]:
    """Return a record for each function, dtype and regime."""
    records = []
    for dtype in (np.float32, np.float64):
        for regime, z, labels in regimes(dtype):
            # scikit-learn's loss is for three classes and more.
            able = {n: f for n, f in libraries.items() if n != "scikit-learn" or z.shape[1] > 2}
            records += _records(measure_rows(z, labels, able), dtype, regime)
        for gap in (0, 10, 20, 40, 100, 700):
            records += _records(measure_binary(gap, dtype, libraries), dtype, f"gap {gap}")
    return sorted(records, key=lambda record: [*ROWWISE, *BINARY].index(record["function"]))


def _records(worst: dict[str, dict[str, float]], dtype: Any, regime: str) -> list[dict[str, Any]]:
    return [
        {
            "function": function,
            "dtype": np.dtype(dtype).name,
            "regime": regime,
            "error": {name: _rounded(error) for name, error in errors.items()},
        }
        for function, errors in worst.items()
    ]


def _rounded(error: float) -> float:
    return float(f"{error:.2g}") if error >= 0.01 else 0.0


def table(records: list[dict[str, Any]], libraries: Sequence[str]) -> str:
    """Return the records as a table; a dash where a library lacks the function."""
    lines = [("function", "dtype", "regime", *libraries)]
    for record in records:
        cells = (_cell(record["error"].get(name), record["dtype"]) for name in libraries)
        lines.append((record["function"], record["dtype"], record["regime"], *cells))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def _cell(error: float | None, dtype: str) -> str:
    if error is None:
        return "-"
    return "100 %" if error * np.finfo(dtype).eps > 0.99 else f"{error:.2g}"


def main() -> int:
    """Print and write the table; return 1 if a bound does not hold."""
    libraries, versions = installed()
    records = measure(libraries)
    print(table(records, list(libraries)))
    DATA.parent.mkdir(exist_ok=True)
    content = {"unit": "eps", "versions": versions, "records": records}
    DATA.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    # Elsewhere subnormal numbers may be 0 (see `xentlib`, Accuracy).
    beyond = [r for r in records if not r["error"]["xentlib"] <= BOUNDS.get(r["function"], BOUND)]
    for record in beyond:
        print(f"beyond the bound: {record}")
    return bool(beyond)


if __name__ == "__main__":
    sys.exit(main())
