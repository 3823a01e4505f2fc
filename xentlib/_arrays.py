"""What the array functions take: arrays of which library, of which dtype, in which shape.

Each formula is written once, against the Python Array API standard, as a function ``f(xp, z, ...)``
with the class axis last; `Rows.compute` surrounds it. In which dtype it is computed:

- NumPy's float32 and float64 in the kernel are computed as they are, but for what a row has one of,
  which is float64 (`kernel_dtype`; float16 becomes float32);
- elsewhere NumPy's arrays narrower than float64 are computed in float64, block by block of rows, so that
  no temporary array is as large as the input;
- other libraries' arrays are computed as they are, for float64 may be slow (graphics processors) or
  missing (JAX by default), but half precision becomes float32.

The result is rounded once to the dtype of the input. Integers and booleans become the library's default
real dtype, float64 in NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn, cast

import array_api_compat
import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from xentlib._kernel import InvalidLogitsError, blocks

Array = np.ndarray[Any, np.dtype[Any]]
"""What is returned, as types tell it; other libraries' arrays keep their own type."""


# --- Libraries and dtypes --------------------------------------------------------------------------


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


def on_numpy(value: Any, name: str) -> Array:
    """Return NumPy's array of what NumPy can read; say what to do with a tensor that it cannot."""
    try:
        return np.asarray(value)
    except (TypeError, RuntimeError) as error:  # of PyTorch: bfloat16, another device, a gradient
        message = (
            f"{name} must be what NumPy can read, for this is on NumPy alone: of PyTorch pass "
            f"{name}.detach().cpu().numpy(), and of bfloat16 {name}.detach().float().cpu().numpy()"
        )
        raise TypeError(message) from error


def is_real(xp: Any, array: Any) -> bool:
    """Say whether the dtype is a floating-point one."""
    if xp is np:
        return bool(array.dtype.kind == "f")
    return bool(xp.isdtype(array.dtype, "real floating"))


def is_integral(xp: Any, array: Any) -> bool:
    """Say whether the dtype is one of integers, as labels have."""
    return bool(array.dtype.kind in "iu" if xp is np else xp.isdtype(array.dtype, "integral"))


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


def wide_dtype(xp: Any, dtype: Any) -> Any:
    """Return the dtype in which a formula of the array API is computed."""
    if xp is np:
        return np.promote_types(dtype, np.float64)
    return xp.float32 if xp.finfo(dtype).bits < 32 else dtype


def widened(xp: Any, array: Any) -> Any:
    """Return the array in that dtype."""
    dtype = wide_dtype(xp, array.dtype)
    return array.astype(dtype, copy=False) if xp is np else xp.astype(array, dtype, copy=False)


def kernel_dtype(dtype: np.dtype[Any]) -> np.dtype[Any] | None:
    """Return the dtype in which the kernel computes with a NumPy array, None if it does not."""
    if dtype.kind == "f":
        return None if dtype.itemsize > 8 else np.promote_types(dtype.newbyteorder("="), np.float32)
    return np.dtype(np.float64) if dtype.kind in "biu" else None


# --- Rows ------------------------------------------------------------------------------------------


class Rows(NamedTuple):
    """Real numbers with the class axis last."""

    xp: Any
    values: Any
    axis: int

    @property
    def batch(self) -> tuple[int, ...]:
        """The shape without the class axis."""
        return tuple(self.values.shape[:-1])

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape with the class axis where the caller has it."""
        return tuple(class_axis_to(self.xp, self.values, self.axis).shape)

    def copy(self) -> Array:
        """Return the numbers in a new array, with the class axis where the caller has it."""
        return cast(Array, class_axis_to(self.xp, self.xp.astype(self.values, self.values.dtype), self.axis))

    def compute(self, function: Callable[..., Any], *others: Any, keep: bool = False) -> Array:
        """Return the function of the rows, in their dtype; `keep` puts the class axis back."""
        xp, dtype = self.xp, result_dtype(self.xp, self.values)
        if xp is np:
            result = _by_blocks(function, dtype, self.values, *others)
        else:
            result = _whole(xp, function, dtype, self.values, *others)
        result = class_axis_to(xp, result, self.axis) if keep else result
        return cast(Array, result[()] if xp is np else result)

    def matrix(self) -> Array | None:
        """Return the rows as the kernel takes them, None if it does not."""
        dtype = kernel_dtype(self.values.dtype) if self.xp is np else None
        return None if dtype is None else as_matrix(self.values, dtype)

    def by_kernel(self, kernel: Callable[..., Array], *arrays: Array) -> Array:
        """Return what the kernel makes of matrices, in the caller's dtype and shape."""
        try:
            result = kernel(*arrays)
        except InvalidLogitsError as error:
            raise error.within(self.batch) from None
        return self.restored(result)

    def restored(self, result: Array) -> Array:
        """Return rows, or one number a row, from the kernel in the caller's dtype and shape."""
        result = result.astype(result_dtype(np, self.values), copy=False)
        if result.ndim == 1:
            return cast(Array, result.reshape(self.batch)[()])
        return cast(Array, class_axis_to(np, result.reshape(self.values.shape), self.axis))


def as_matrix(values: Array, dtype: np.dtype[Any]) -> Array:
    """Return NumPy's numbers as C-contiguous rows of this dtype."""
    rows = math.prod(values.shape[:-1])  # not -1, which an empty array does not determine
    return np.ascontiguousarray(values.reshape((rows, values.shape[-1])), dtype)


def class_axis_last(xp: Any, array: Any, axis: int) -> Any:
    """Return the array with its class axis last."""
    # Moving an axis to where it is costs as much as the rest of a small call.
    return array if axis in (-1, array.ndim - 1) else xp.moveaxis(array, axis, -1)


def class_axis_to(xp: Any, array: Any, axis: int) -> Any:
    """Return the array with its last axis, that of the classes, where the caller has it."""
    return array if axis in (-1, array.ndim - 1) else xp.moveaxis(array, -1, axis)


def elementwise(xp: Any, function: Callable[..., Any], *arrays: Any) -> Array:
    """Return the function of arrays of one shape, in the dtype of the first."""
    dtype = result_dtype(xp, arrays[0])
    if xp is np:
        return cast(Array, _by_blocks(function, dtype, *(array[..., None] for array in arrays))[..., 0][()])
    return cast(Array, _whole(xp, function, dtype, *arrays))


def _whole(xp: Any, function: Callable[..., Any], dtype: Any, *arrays: Any) -> Any:
    wide = (widened(xp, a) if is_real(xp, a) else a for a in arrays)
    return xp.astype(function(xp, *wide), dtype, copy=False)


def _by_blocks(function: Callable[..., Any], dtype: Any, z: Any, *others: Any) -> Any:
    batch = z.shape[:-1]
    count = math.prod(batch)
    flat = [array.reshape((count, *array.shape[len(batch) :])) for array in (z, *others)]
    result: Any = None
    # Without a row there is still one part, which has the shape of the result.
    for rows in blocks((count, z.shape[-1]), np.dtype(np.float64).itemsize) or [slice(0)]:
        part = (array[rows] for array in flat)
        with np.errstate(over="ignore", under="ignore"):  # infinity and 0 are the right answers there
            found = function(np, *(widened(np, a) if a.dtype.kind == "f" else a for a in part))
            if result is None:
                result = np.empty((count, *found.shape[1:]), dtype)
            result[rows] = found
    return result.reshape((*batch, *result.shape[1:]))


def one_hot_mask(xp: Any, labels: Any, num_classes: int) -> Any:
    """Return where each label is, along a new last axis."""
    every = xp.arange(num_classes, device=array_api_compat.device(labels))
    return every == xp.astype(labels, every.dtype, copy=False)[..., None]


def entry_at(xp: Any, mask: Any, values: Any) -> Any:
    """Return the entry of each row that the mask has, on a last axis of length 1; 0 if it has none."""
    return xp.sum(xp.where(mask, values, 0.0), axis=-1, keepdims=True)


def rows(xp: Any, array: Any, axis: int, name: str, *, no_class: bool = False) -> Rows:
    """Return real numbers as rows; refuse what has no class axis and, unless `no_class`, no class."""
    array = real(xp, array, name)
    if array.ndim == 0:
        message = f"{name} must have a class axis, which the single number {array} has not: wrap it in a list"
        raise ValueError(message)
    if not -array.ndim <= axis < array.ndim:
        raise np.exceptions.AxisError(axis, array.ndim)
    if array.shape[axis] == 0 and not no_class:
        message = f"{name} must have at least one class, but the shape is {tuple(array.shape)}"
        raise ValueError(message)
    return Rows(xp, class_axis_last(xp, array, axis), axis)


def logit_rows(logits: Any, *others: Any, axis: int = -1, no_class: bool = False) -> tuple[Rows, list[Any]]:
    """Return the logits as rows, not yet checked, and the others as arrays of the same library."""
    xp, (array, *rest) = together(logits, *others)
    return rows(xp, array, axis, "logits", no_class=no_class), rest


def over_axes(function: Callable[[Any], Any], array: Any, axis: tuple[int, ...] | None) -> Any:
    """Return a function of classes that lie along several axes (None: all): the last axis of what it gets."""
    xp, (array,) = together(array)
    axes = normalize_axis_tuple(range(array.ndim) if axis is None else axis, array.ndim, "axis")
    order = (*(n for n in range(array.ndim) if n not in axes), *axes)
    moved = xp.permute_dims(array, order)
    batch = moved.shape[: array.ndim - len(axes)]
    result = function(xp.reshape(moved, (*batch, math.prod(moved.shape[len(batch) :]))))
    if result.ndim == len(batch):
        return result  # one number for all the classes
    back = [order.index(n) for n in range(array.ndim)]
    whole = xp.permute_dims(xp.reshape(result, moved.shape), tuple(back))
    return whole[()] if xp is np else whole


def kept_dims(result: Any, array: Any, axis: int | tuple[int, ...] | None) -> Any:
    """Return a result with axes of length 1 where those of the array were summed over."""
    xp, (array,) = together(array)
    for n in sorted(normalize_axis_tuple(range(array.ndim) if axis is None else axis, array.ndim, "axis")):
        result = xp.expand_dims(result, axis=n)
    return result


def refuse_shape(name: str, shape: Sequence[int], expected: Sequence[int], why: str) -> NoReturn:
    """Refuse a shape: nothing is broadcast by chance."""
    message = f"{name} has shape {tuple(shape)}, but must have {tuple(expected)}, {why}"
    raise ValueError(message)
