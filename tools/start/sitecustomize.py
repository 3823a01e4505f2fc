"""Another machine in the place of this one: NumPy's inexact functions are off by a last bit.

Python runs this file at its start where its folder is on ``PYTHONPATH`` and ``XENT_LAST_BIT`` is set, to a
seed. Exponentials, logarithms, powers and matrix products are changed in their inner loops, so that ``@`` and
``out=`` are too; sums, ``einsum`` and linear algebra where they are called. As on a real machine, the same
computation gives the same result each time, and what every machine computes exactly stays: sums of few terms,
of whole numbers or of simple binary fractions, and values such as 0 and 1.
"""

from __future__ import annotations

import ctypes
import functools
import os
from typing import Any

import numpy as np
from numpy._core import _methods, _multiarray_umath, fromnumeric  # type: ignore[attr-defined]

SEED = os.environ.get("XENT_LAST_BIT")

# Unsigned integers of the same size, and the bits in which an exponent stands.
BITS: dict[Any, tuple[Any, int, int]] = {
    np.dtype(np.float32): (np.uint32, 23, 0xFF),
    np.dtype(np.float64): (np.uint64, 52, 0x7FF),
}
UFUNCS = (np.exp, np.exp2, np.expm1, np.log, np.log2, np.log10, np.log1p, np.tanh, np.power, np.logaddexp)
LOOP = ctypes.CFUNCTYPE(
    None, ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ctypes.c_ssize_t), ctypes.POINTER(ctypes.c_ssize_t),
    ctypes.c_void_p,
)  # fmt: skip
REPLACE = 30
"""The place of ``PyUFunc_ReplaceLoopBySignature`` in NumPy's table of functions for C."""

KEPT: list[Any] = []
"""What C calls must not be collected."""


def shake(values: Any, seed: int, exact: Any = False) -> None:
    """Change each float in place by -1, 0 or 1 in its last bit, as its own bits and the seed say.

    Only integers are computed with, so that no error of floats is raised here.
    """
    unsigned, shift, full = BITS[values.dtype]
    bits = np.atleast_1d(values).view(unsigned)
    exponent = (bits >> unsigned(shift)) & unsigned(full)
    one = unsigned(full >> 1) << unsigned(shift)
    magnitude = bits & ~(unsigned(1) << unsigned(8 * values.itemsize - 1))
    free = (exponent > 1) & (exponent < full - 1) & (magnitude != one) & ~np.asarray(exact)
    mixed: Any = bits.astype(np.uint64) ^ np.uint64(seed * 0x9E3779B97F4A7C15 % 2**64)
    for _ in range(2):
        mixed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
    step = ((mixed >> np.uint64(33)) % np.uint64(3)).astype(unsigned)
    bits[...] = bits + np.where(free, step, unsigned(1)) - unsigned(1)


def simple(*arrays: Any) -> bool:
    """Return whether sums and products of these entries are exact: multiples of 1/1024 that are not large."""
    with np.errstate(all="ignore"):
        return all(np.all((np.abs(a) < 2**16) & (a * 1024 == np.rint(a * 1024))) for a in arrays)


def seen(address: int, kind: Any, shape: tuple[int, ...], strides: tuple[int, ...]) -> Any:
    """Return the array that lies at an address."""
    low = sum(min(0, (n - 1) * step) for n, step in zip(shape, strides, strict=True))
    high = sum(max(0, (n - 1) * step) for n, step in zip(shape, strides, strict=True))
    memory = (ctypes.c_char * (high - low + np.dtype(kind).itemsize)).from_address(address + low)
    return np.ndarray(shape, kind, memory, -low, strides)


def picked(left: Any, right: Any) -> Any:
    """Return in which entries of a matrix product all products but one are 0 whatever the other matrix is."""
    rows = np.count_nonzero(left, axis=-1) <= 1
    columns = np.count_nonzero(right, axis=-2) <= 1
    return rows[..., :, np.newaxis] | columns[..., np.newaxis, :]


def replace(ufunc: Any, kind: Any, seed: int) -> None:
    """Put a loop before the one that a function has for one kind of floats."""
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    table = ctypes.cast(
        pointer(_multiarray_umath._UFUNC_API, None),
        ctypes.POINTER(ctypes.c_void_p),
    )
    exchange = ctypes.PYFUNCTYPE(
        ctypes.c_int, ctypes.py_object, ctypes.c_void_p, ctypes.POINTER(ctypes.c_int),
        ctypes.POINTER(ctypes.c_void_p),
    )(table[REPLACE])  # fmt: skip
    before = ctypes.c_void_p()

    def loop(args: Any, dims: Any, steps: Any, data: Any) -> None:
        places = args[: ufunc.nargs]  # a loop may move the pointers on
        LOOP(before.value or 0)(args, dims, steps, data)
        if not dims[0]:
            return
        if ufunc is np.matmul:
            outer, m, n, p = dims[:4]
            if not (m and n and p):
                return
            left, right, out = (
                seen(places[i], kind, (outer, *ends), (steps[i], *steps[3 + 2 * i : 5 + 2 * i]))
                for i, ends in enumerate([(m, n), (n, p), (m, p)])
            )
            if not simple(left, right):
                shake(out, seed, picked(left, right))
        else:
            out = seen(places[ufunc.nin], kind, dims[:1], steps[ufunc.nin : ufunc.nin + 1])
            # What ends in many zero bits, such as a power of 2, was hit exactly.
            unsigned, shift, _ = BITS[out.dtype]
            ending = unsigned((1 << shift * 3 // 4) - 1)
            shake(out, seed, out.view(unsigned) & ending == 0)

    new = LOOP(loop)
    signature = (ctypes.c_int * ufunc.nargs)(*[np.dtype(kind).num] * ufunc.nargs)
    KEPT.append((new, signature, before))
    if exchange(ufunc, ctypes.cast(new, ctypes.c_void_p), signature, ctypes.byref(before)):
        message = f"{ufunc} has no loop for {kind}"
        raise RuntimeError(message)


def shaken(result: Any, seed: int, exact: Any = False) -> Any:
    """Return a result after `shake`, whatever is no array of floats as it is."""
    if getattr(result, "dtype", None) not in BITS:
        return result
    array = result if isinstance(result, np.ndarray) else np.array(result)
    shake(array, seed, exact)
    return array if isinstance(result, np.ndarray) else array[()]


def sums(before: Any, seed: int) -> Any:
    """Return a sum along axes, as `np.add.reduce`, that is off by a last bit."""

    def reduce(
        array: Any, axis: Any = 0, dtype: Any = None, out: Any = None, *more: Any, **named: Any
    ) -> Any:
        array = np.asanyarray(array)
        if array.dtype in BITS and not simple(array):
            keep = bool(more[0] if more else named.get("keepdims", False))
            few = np.count_nonzero(array, axis, keepdims=keep) <= 2
        else:
            few = np.True_
        return shaken(before(array, axis, dtype, out, *more, **named), seed, few)

    return reduce


def wrapped(function: Any, seed: int) -> Any:
    """Return a function whose result is off by a last bit."""

    @functools.wraps(function)
    def other(*args: Any, **named: Any) -> Any:
        floats = [arg for arg in args if isinstance(arg, np.ndarray) and arg.dtype in BITS]
        return shaken(function(*args, **named), seed, simple(*floats))

    return other


def start(seed: int) -> None:
    """Change NumPy."""
    for ufunc in (*UFUNCS, np.matmul):
        for kind in BITS:
            replace(ufunc, kind, seed)
    reduce = sums(np.add.reduce, seed)
    _methods.umr_sum = reduce
    once = fromnumeric._wrapreduction  # type: ignore[attr-defined]

    def reduction(array: Any, ufunc: Any, *rest: Any, **named: Any) -> Any:
        if ufunc is np.add and type(array) is np.ndarray:
            _, axis, dtype, out = rest
            given = {key: value for key, value in named.items() if value is not np._NoValue}
            return reduce(array, axis, dtype, out, **given)
        return once(array, ufunc, *rest, **named)

    fromnumeric._wrapreduction = reduction  # type: ignore[attr-defined]
    for module, names in [
        (np, ["einsum", "dot", "inner"]),
        (np.linalg, ["norm", "solve", "inv", "eigvalsh"]),
    ]:
        for name in names:
            setattr(module, name, wrapped(getattr(module, name), seed))


if SEED:
    start(int(SEED))
