"""Another machine in the place of this one: functions off by a last bit, sums in another order.

Python runs this file at its start where its folder is on ``PYTHONPATH`` and ``XENT_LAST_BIT`` is set, to a
seed. Exponentials, logarithms and powers are one of the two floats next to their values, the nearer one more
often. The terms of sums, of ``einsum`` and of matrix products are taken in another order, and linear algebra
is off by a last bit. Functions and products are changed in their inner loops, so that ``@`` and ``out=`` are
too. As on a real machine, the same computation gives the same result each time. It needs a ``longdouble``
that is wider than a double.
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


def hashed(bits: Any, seed: int) -> Any:
    """Return 32 random bits for each number, the same for the same."""
    mixed: Any = bits.astype(np.uint64) ^ np.uint64(seed * 0x9E3779B97F4A7C15 % 2**64)
    for _ in range(2):
        mixed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
    return mixed >> np.uint64(32)


def shake(values: Any, seed: int) -> None:
    """Change each float in place by -1, 0 or 1 in its last bit, as its own bits and the seed say.

    What ends in many zero bits, such as a power of 2, was hit exactly.
    """
    unsigned, shift, full = BITS[values.dtype]
    bits = np.atleast_1d(values).view(unsigned)
    exponent = (bits >> unsigned(shift)) & unsigned(full)
    ending = bits & unsigned((1 << shift * 3 // 4) - 1)
    step = (hashed(bits, seed) % np.uint64(3)).astype(unsigned)
    free = (exponent > 1) & (exponent < full - 1) & (ending > 0)
    bits[...] = bits + np.where(free, step, unsigned(1)) - unsigned(1)


def rounded(exact: Any, kind: Any, seed: int) -> Any:
    """Return one of the two floats next to each number, the nearest if it is tiny or a float."""
    near = exact.astype(kind)
    rest = exact - near
    other = np.nextafter(near, np.copysign(np.inf, rest).astype(kind))
    gap = other.astype(exact.dtype) - near
    luck = hashed(near.view(BITS[near.dtype][0]), seed) / exact.dtype.type(2**32)
    away = np.isfinite(gap) & (np.abs(rest) > luck * np.abs(gap)) & (np.abs(near) > np.finfo(kind).tiny)
    return np.where(away, other, near)


def order(count: int, seed: int) -> Any:
    """Return another order of so many terms."""
    return np.random.default_rng([seed, count]).permutation(count)


def seen(address: int, kind: Any, shape: tuple[int, ...], strides: tuple[int, ...]) -> Any:
    """Return the array that lies at an address."""
    low = sum(min(0, (n - 1) * step) for n, step in zip(shape, strides, strict=True))
    high = sum(max(0, (n - 1) * step) for n, step in zip(shape, strides, strict=True))
    memory = (ctypes.c_char * (high - low + np.dtype(kind).itemsize)).from_address(address + low)
    return np.ndarray(shape, kind, memory, -low, strides)


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
        if ufunc is np.matmul:
            outer, m, n, p = dims[:4]
            turned = order(n, seed)
            left = seen(args[0], kind, (outer, m, n), (steps[0], *steps[3:5]))[:, :, turned]
            right = seen(args[1], kind, (outer, n, p), (steps[1], *steps[5:7]))[:, turned]
            moved = (ctypes.c_void_p * 3)(left.ctypes.data, right.ctypes.data, args[2])
            strides = [
                left.strides[0],
                right.strides[0],
                steps[2],
                *left.strides[1:],
                *right.strides[1:],
                *steps[7:9],
            ]
            LOOP(before.value or 0)(moved, dims, (ctypes.c_ssize_t * 9)(*strides), data)
        else:
            if not dims[0]:
                return
            *given, result = (
                seen(args[place], kind, dims[:1], steps[place : place + 1]) for place in range(ufunc.nargs)
            )
            with np.errstate(all="ignore"):
                other = rounded(ufunc(*(a.astype(np.longdouble) for a in given)), kind, seed)
            # Last, for the errors that it meets; a copy of integers leaves them.
            LOOP(before.value or 0)(args, dims, steps, data)
            unsigned = BITS[result.dtype][0]
            result.view(unsigned)[...] = other.view(unsigned)

    new = LOOP(loop)
    signature = (ctypes.c_int * ufunc.nargs)(*[np.dtype(kind).num] * ufunc.nargs)
    KEPT.append((new, signature, before))
    if exchange(ufunc, ctypes.cast(new, ctypes.c_void_p), signature, ctypes.byref(before)):
        message = f"{ufunc} has no loop for {kind}"
        raise RuntimeError(message)


def sums(before: Any, seed: int) -> Any:
    """Return `np.add.reduce` with its terms in another order."""

    def reduce(array: Any, axis: Any = 0, *rest: Any, **named: Any) -> Any:
        array = np.asanyarray(array)
        if array.dtype in BITS and named.get("where", rest[4] if len(rest) > 4 else True) is True:
            axes = range(array.ndim) if axis is None else np.atleast_1d(axis)
            for along in axes:
                array = np.take(array, order(array.shape[along], seed), along)
        return before(array, axis, *rest, **named)

    return reduce


def products(before: Any, seed: int) -> Any:
    """Return `np.einsum` with its terms in another order."""

    def einsum(subscripts: Any, *operands: Any, **named: Any) -> Any:
        inputs, _, output = subscripts.partition("->")
        moved = list(map(np.asanyarray, operands))
        for place, letters in enumerate(inputs.split(",")):
            for along, letter in enumerate(letters):
                if letter.isalpha() and letter not in output and "." not in letters:
                    turned = order(moved[place].shape[along], seed)
                    moved[place] = np.take(moved[place], turned, along)
        return before(subscripts, *moved, **named)

    return einsum


def wrapped(function: Any, seed: int) -> Any:
    """Return a function whose result is off by a last bit."""

    @functools.wraps(function)
    def other(*args: Any, **named: Any) -> Any:
        result = function(*args, **named)
        if getattr(result, "dtype", None) not in BITS:
            return result
        array = np.array(result)
        shake(array, seed)
        return array[()]

    return other


def start(seed: int) -> None:
    """Change NumPy."""
    if np.finfo(np.longdouble).eps >= np.finfo(np.float64).eps:
        message = "XENT_LAST_BIT needs a longdouble that is wider than a double"
        raise RuntimeError(message)
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
    np.einsum = products(np.einsum, seed)
    for name in ("norm", "solve", "inv", "eigvalsh"):
        setattr(np.linalg, name, wrapped(getattr(np.linalg, name), seed))


if SEED:
    start(int(SEED))
