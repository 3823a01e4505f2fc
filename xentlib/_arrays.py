"""What the array functions take: arrays of which library, of which dtype, and what is refused.

Each formula is written once, against the Python Array API standard, as a function ``f(xp, z, ...)``
with the class axis last. Here is what surrounds it:

- Lists, numbers and NumPy arrays are checked value by value. Arrays of other libraries may be
  traced or not yet computed, so that of them only dtype and shape are checked.
- NumPy arrays narrower than float64 are computed in float64 and rounded once, block by block of
  rows, so that no temporary array is as large as the input. Elsewhere float64 may be slow
  (graphics processors) or missing (JAX by default): there only half precision is computed wider.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any, NamedTuple, NoReturn

import array_api_compat
import numpy as np

BLOCK = 2**16
"""Elements in a block of rows: it and its temporaries stay in the second-level cache."""


def together(*values: Any) -> tuple[Any, list[Any]]:
    """Return the namespace of the arrays, and all of the values as arrays of it."""
    foreign = [v for v in values if not isinstance(v, np.ndarray) and array_api_compat.is_array_api_obj(v)]
    foreign = [v for v in foreign if not isinstance(v, np.generic)]
    if not foreign:
        return np, [np.asarray(value) for value in values]
    xp = array_api_compat.array_namespace(*foreign)
    device = array_api_compat.device(foreign[0])
    mine = [any(value is array for array in foreign) for value in values]
    return xp, [
        value if native else xp.asarray(np.asarray(value), device=device)
        for value, native in zip(values, mine, strict=True)
    ]


def is_real(xp: Any, array: Any) -> bool:
    """Say whether the dtype is a floating-point one."""
    if xp is np:
        return bool(array.dtype.kind == "f")
    return bool(xp.isdtype(array.dtype, "real floating"))


def real(xp: Any, array: Any, name: str) -> Any:
    """Return an array of real numbers, of the default dtype if it holds integers or booleans."""
    if is_real(xp, array):
        return array
    if not xp.isdtype(array.dtype, ("bool", "integral")):
        message = f"{name} must be real numbers, but their dtype is {array.dtype}"
        raise TypeError(message)
    return xp.astype(array, default_dtype(xp))


def default_dtype(xp: Any) -> Any:
    """Return the dtype of real numbers that the library takes by itself."""
    return xp.__array_namespace_info__().default_dtypes()["real floating"]


def result_dtype(xp: Any, array: Any) -> Any:
    """Return the dtype in which a function of this array answers."""
    return array.dtype.newbyteorder("=") if xp is np else array.dtype


def widened(xp: Any, array: Any) -> Any:
    """Return the array in the dtype that it is computed in."""
    if xp is np:
        return array.astype(np.promote_types(array.dtype, np.float64), copy=False)
    return xp.astype(array, xp.float32) if xp.finfo(array.dtype).bits < 32 else array


class Rows(NamedTuple):
    """Real numbers with the class axis last."""

    xp: Any
    values: Any
    axis: int
    name: str

    def compute(self, function: Callable[..., Any], *others: Any, keep: bool = False) -> Any:
        """Return the function of the rows, in their dtype; `keep` puts the class axis back."""
        xp, dtype = self.xp, result_dtype(self.xp, self.values)
        if xp is np:
            result = _by_blocks(function, dtype, self.values, *others)
        else:
            result = _whole(xp, function, dtype, self.values, *others)
        result = class_axis_to(xp, result, self.axis) if keep else result
        return result[()] if xp is np else result


def class_axis_last(xp: Any, array: Any, axis: int) -> Any:
    """Return the array with its class axis last."""
    # Moving an axis to where it is costs as much as the rest of a small call.
    return array if axis in (-1, array.ndim - 1) else xp.moveaxis(array, axis, -1)


def class_axis_to(xp: Any, array: Any, axis: int) -> Any:
    """Return the array with its last axis, that of the classes, where the caller has it."""
    return array if axis in (-1, array.ndim - 1) else xp.moveaxis(array, -1, axis)


def elementwise(xp: Any, function: Callable[..., Any], *arrays: Any) -> Any:
    """Return the function of arrays of one shape, in the dtype of the first."""
    dtype = result_dtype(xp, arrays[0])
    if xp is np:
        return _by_blocks(function, dtype, *(array[..., None] for array in arrays))[..., 0][()]
    return _whole(xp, function, dtype, *arrays)


def _whole(xp: Any, function: Callable[..., Any], dtype: Any, *arrays: Any) -> Any:
    wide = (widened(xp, a) if is_real(xp, a) else a for a in arrays)
    return xp.astype(function(xp, *wide), dtype, copy=False)


def _by_blocks(function: Callable[..., Any], dtype: Any, z: Any, *others: Any) -> Any:
    batch = z.shape[:-1]
    count = math.prod(batch)
    flat = [array.reshape((count, *array.shape[len(batch) :])) for array in (z, *others)]
    step = max(1, BLOCK // z.shape[-1])
    result: Any = None
    for start in range(0, max(count, 1), step):
        block = (array[start : start + step] for array in flat)
        with np.errstate(over="ignore", under="ignore"):  # -inf and 0 are the right answers there
            part = function(np, *(widened(np, a) if a.dtype.kind == "f" else a for a in block))
        if result is None:
            result = np.empty((count, *part.shape[1:]), dtype)
        result[start : start + step] = part
    return result.reshape((*batch, *result.shape[1:]))


def one_hot_mask(xp: Any, labels: Any, classes: int) -> Any:
    """Return where each label is, along a new last axis."""
    every = xp.arange(classes, device=array_api_compat.device(labels))
    return every == xp.astype(labels, every.dtype, copy=False)[..., None]


def rows(xp: Any, array: Any, axis: int, name: str) -> Rows:
    """Return real numbers as rows; refuse what has no class axis or no class."""
    array = real(xp, array, name)
    if array.ndim == 0:
        message = f"{name} must have a class axis, which the single number {array} has not: wrap it in a list"
        raise ValueError(message)
    if not -array.ndim <= axis < array.ndim:
        raise np.exceptions.AxisError(axis, array.ndim)
    if array.shape[axis] == 0:
        message = f"{name} must have at least one class, but the shape is {tuple(array.shape)}"
        raise ValueError(message)
    return Rows(xp, class_axis_last(xp, array, axis), axis, name)


def logit_rows(logits: Any, *others: Any, axis: int) -> tuple[Rows, list[Any]]:
    """Return the logits as rows, not yet checked, and the others as arrays of the same library."""
    xp, (array, *rest) = together(logits, *others)
    return rows(xp, array, axis, "logits"), rest


def place(bad: Any) -> tuple[int, ...]:
    """Return the first position at which something is true."""
    return tuple(int(index) for index in np.unravel_index(int(np.argmax(bad)), bad.shape))


def check_logits(found: Rows, *, all_masked: bool = False) -> None:
    """Refuse nan and +inf and, unless `all_masked`, rows of -inf, where the values are known."""
    z = found.values
    # Nothing else is looked at where all is finite: nan is both the largest and the smallest.
    if found.xp is not np or z.size == 0 or (np.isfinite(z.max()) and np.isfinite(z.min())):
        return
    bad = np.isnan(z) | np.isposinf(z)
    if bad.any():
        at = place(bad)
        message = (
            "logits must be finite, or -inf for a class that is ruled out, but the logit at "
            f"{at} (class axis last) is {z[at]}"
        )
        raise ValueError(message)
    ruled_out = np.isneginf(z).all(axis=-1)
    if ruled_out.any() and not all_masked:
        message = (
            f"every class of the row {place(ruled_out)} has the logit -inf, so no probabilities exist: "
            "leave at least one class finite"
        )
        raise ValueError(message)


def check_finite(array: Any, name: str) -> None:
    """Refuse what is not finite."""
    bad = ~np.isfinite(array)
    if bad.any():
        message = f"{name} must be finite, but is {array[place(bad)]} at {place(bad)}"
        raise ValueError(message)


def check_no_nan(array: Any, name: str) -> None:
    """Refuse nan."""
    bad = np.isnan(array)
    if bad.any():
        message = f"{name} must be numbers, but the one at {place(bad)} is nan"
        raise ValueError(message)


def check_between_0_and_1(array: Any, name: str) -> None:
    """Refuse what is no probability."""
    bad = ~((array >= 0) & (array <= 1))
    if bad.any():
        message = f"{name} must lie between 0 and 1, but is {array[place(bad)]} at {place(bad)}"
        raise ValueError(message)


def check_distributions(p: Any, name: str) -> None:
    """Refuse rows that are negative or do not sum to 1, within the square root of eps."""
    bad = ~((p >= 0) & (p < np.inf))
    if bad.any():
        message = (
            f"{name} must be distributions, finite and at least 0, but the entry at {place(bad)} "
            f"(class axis last) is {p[place(bad)]}"
        )
        raise ValueError(message)
    # A row of p in half precision must not be summed in it.
    total = p.sum(axis=-1, dtype=np.promote_types(p.dtype, np.float64))
    tolerance = float(np.finfo(p.dtype).eps) ** 0.5
    bad = np.abs(total - 1) > tolerance
    if bad.any():
        row = place(bad)
        message = (
            f"{name} must be distributions, each with sum 1 within {tolerance:.2g}, but the sum of the row "
            f"{row} is {total[row]}: divide it by its sum"
        )
        raise ValueError(message)


def check_labels(labels: Any, classes: int, name: str) -> None:
    """Refuse labels that are not one of 0, ..., K - 1: negative ones do not count from the end."""
    bad = (labels < 0) | (labels >= classes)
    if bad.any():
        where = f" at {place(bad)}" if bad.ndim else ""
        message = f"{name} must be labels from 0 to {classes - 1}, but is {labels[place(bad)]}{where}"
        raise ValueError(message)


def number(value: Any, name: str) -> float:
    """Return a real number; refuse arrays, for which there is another way."""
    if not isinstance(value, Real) or isinstance(value, bool | np.bool_):
        message = f"{name} must be one real number, but is {value!r} of type {type(value).__name__}"
        raise TypeError(message)
    return float(value)


def positive_number(value: Any, name: str, *, above: float = 0.0) -> float:
    """Return a finite real number above a bound; refuse all else."""
    result = number(value, name)
    if not above < result < math.inf:
        message = f"{name} must be finite and above {above:g}, but is {value}"
        raise ValueError(message)
    return result


def refuse_shape(name: str, shape: Sequence[int], expected: Sequence[int], why: str) -> NoReturn:
    """Refuse a shape: nothing is broadcast by chance."""
    message = f"{name} has shape {tuple(shape)}, but must have {tuple(expected)}, {why}"
    raise ValueError(message)
