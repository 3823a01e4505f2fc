"""What is refused: every check of logits, targets, weights and numbers, each with one wording.

Values are checked where they are known: those of NumPy arrays, lists and numbers. Of other libraries'
arrays, which may be traced or not yet computed, dtype and shape alone are checked.
"""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np

from xentlib._arrays import (
    Array,
    Rows,
    as_matrix,
    class_axis_last,
    is_integral,
    is_real,
    on_numpy,
    real,
    refuse_shape,
)
from xentlib._kernel import InvalidLogitsError, at_place, blocks, row_sums


def first_place(bad: Any) -> tuple[int, ...]:
    """Return the first position at which something is true."""
    return tuple(int(index) for index in np.unravel_index(int(np.argmax(bad)), bad.shape))


def check_logits(found: Rows, *, all_infinite: bool = False) -> None:
    """Refuse nan and, unless `all_infinite`, +inf and rows of -inf, of which log-sum-exp is infinite."""
    z = found.values
    # Nothing else is looked at where all is finite: nan is both the largest and the smallest.
    if found.xp is not np or z.size == 0 or (np.isfinite(z.max()) and np.isfinite(z.min())):
        return
    bad = np.isnan(z) if all_infinite else np.isnan(z) | np.isposinf(z)
    if bad.any():
        place = first_place(bad)
        raise InvalidLogitsError(place, float(z[place]))
    masked = np.isneginf(z).all(axis=-1)
    if masked.any() and not all_infinite:
        raise InvalidLogitsError(first_place(masked), -math.inf)


def check_finite(array: Any, name: str) -> None:
    """Refuse what is not finite."""
    _refuse(~np.isfinite(array), array, f"{name} must be finite")


def check_no_nan(array: Any, name: str) -> None:
    """Refuse nan."""
    _refuse(np.isnan(array), array, f"{name} must be numbers")


def check_between_0_and_1(array: Any, name: str) -> None:
    """Refuse what is no probability."""
    _refuse(~((array >= 0) & (array <= 1)), array, f"{name} must lie between 0 and 1")


def check_increasing(z: Any, name: str) -> None:
    """Refuse rows, the class axis last, of which a number is not above the one before."""
    bad = ~(z[..., 1:] > z[..., :-1])
    if bad.any():
        *row, column = first_place(bad)
        place = (*row, column + 1)
        message = (
            f"{name} must increase along the class axis, but the one{at_place(place)} (class axis last) "
            f"is {z[place]}, after {z[(*row, column)]}"
        )
        raise ValueError(message)


def _refuse(bad: Any, array: Any, rule: str) -> None:
    if bad.any():
        place = first_place(bad)
        message = f"{rule}, but the value{at_place(place)} is {np.asarray(array)[place]}"
        raise ValueError(message)


# --- Targets ---------------------------------------------------------------------------------------


def check_labels(labels: Any, num_classes: int, name: str) -> None:
    """Refuse labels that are not one of 0, ..., K - 1: negative ones do not count from the end."""
    if labels.size and (labels.min() < 0 or labels.max() >= num_classes):
        _refuse(
            (labels < 0) | (labels >= num_classes),
            labels,
            f"{name} must be from 0 to {num_classes - 1}",
        )


def check_row_labels(found: Rows, labels: Any, num_classes: int) -> None:
    """Refuse what is not one label for each row; there are no distributions here."""
    check_label_dtype(found.xp, labels, "labels")
    if tuple(labels.shape) != found.batch:
        refuse_shape("labels", labels.shape, found.batch, "one label for each row of logits")
    if found.xp is np:
        check_labels(labels, num_classes, "labels")


def check_label_dtype(xp: Any, labels: Any, name: str) -> None:
    """Refuse labels that are not integers."""
    if not is_integral(xp, labels):
        message = f"{name} must be integers, but their dtype is {labels.dtype}"
        raise TypeError(message)


def check_distributions(p: Any, name: str) -> None:
    """Refuse rows, the class axis last, that are negative or do not sum to 1 within sqrt(eps)."""
    tolerance = float(np.finfo(p.dtype).eps) ** 0.5
    # Sums of half precision must not be taken in it.
    flat = as_matrix(p, np.promote_types(p.dtype.newbyteorder("="), np.float32))
    for rows in blocks(flat.shape, flat.itemsize):
        part = flat[rows]
        # Written so that nan fails it.
        if not part.min() >= 0 or not part.max() < np.inf:
            row, column = first_place(~((part >= 0) & (part < np.inf)))
            place = (*np.unravel_index(rows.start + row, p.shape[:-1]), column)
            message = (
                f"{name} must be distributions, finite and at least 0, but the entry"
                f"{at_place(tuple(map(int, place)))} (class axis last) is {part[row, column]}"
            )
            raise ValueError(message)
        # The numbers are finite: what is invalid comes from lanes that a small product leaves unused.
        with np.errstate(over="ignore", invalid="ignore"):
            sums = row_sums(part)
        off = ~(np.abs(sums - 1) <= tolerance)
        if off.any():
            (row,) = first_place(off)
            place = tuple(map(int, np.unravel_index(rows.start + row, p.shape[:-1])))
            message = (
                f"{name} must be distributions, each with sum 1 within {tolerance:.2g}, but the row"
                f"{at_place(place)} sums to {sums[row]}: divide it by its sum"
            )
            raise ValueError(message)


def check_target(found: Rows, target: Any) -> Any:
    """Return a target of logits with its class axis last; refuse what is neither labels nor distributions."""
    xp = found.xp
    if is_integral(xp, target) and tuple(target.shape) == found.batch:
        if xp is np:
            check_labels(target, found.values.shape[-1], "labels in target")
        return target
    if is_real(xp, target) and tuple(target.shape) == found.shape:
        target = class_axis_last(xp, target, found.axis)
        if xp is np:
            check_distributions(target, "target")
        return target
    message = (
        f"target must be labels, integers of shape {found.batch}, or distributions, real numbers of "
        f"shape {found.shape}, but holds {target.dtype} in shape {tuple(target.shape)}"
    )
    dtype_is_wrong = tuple(target.shape) in (found.batch, found.shape)
    raise TypeError(message) if dtype_is_wrong else ValueError(message)


def logits_and_probabilities(xp: Any, logits: Any, target: Any, *, one: bool = True) -> tuple[Any, Any]:
    """Return single logits and the probabilities of yes, of which there may be `one` for all logits."""
    logits, target = real(xp, logits, "logits"), real(xp, target, "target")
    shape = tuple(logits.shape)
    if tuple(target.shape) not in ((shape, ()) if one else (shape,)):
        why = "the shape of the logits" + (", or be one number" if one else "")
        refuse_shape("target", target.shape, shape, why)
    if xp is np:
        check_no_nan(logits, "logits")
        check_between_0_and_1(target, "target")
    return logits, target


def check_vector(found: Rows, vector: Any) -> Any:
    """Return a vector in the shape of the logits, with its class axis last."""
    vector = real(found.xp, vector, "vector")
    if tuple(vector.shape) != found.shape:
        refuse_shape("vector", vector.shape, found.shape, "the shape of the logits")
    if found.xp is np:
        check_finite(vector, "vector")
    return class_axis_last(found.xp, vector, found.axis)


# --- Weights and other numbers ---------------------------------------------------------------------


def check_weights(weight: Any, shape: tuple[int, ...], name: str) -> Array:
    """Return weights of float64 in this shape; refuse negative ones, and nothing but zeros."""
    result: Array = check_loss_weight(np, on_numpy(weight, name), shape, name)
    if not result.any():
        message = f"{name} must not be all zero: there is no mean over nothing"
        raise ValueError(message)
    return result


def check_loss_weight(xp: Any, weight: Any, shape: tuple[int, ...], name: str) -> Any:
    """Return weights in this shape, NumPy's of float64; refuse negative ones."""
    weight = real(xp, weight, name)
    if tuple(weight.shape) != shape:
        refuse_shape(name, weight.shape, shape, "one weight each")
    if xp is not np:
        return weight
    result = weight.astype(np.float64)
    _refuse(~((result >= 0) & (result < np.inf)), result, f"{name} must be finite and not negative")
    return result


def number(value: Any, name: str) -> float:
    """Return a real number; refuse arrays, for which there is another way."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        message = (
            f"{name} must be one real number, but is {value!r} of type {type(value).__name__}: of an array "
            f"of one number pass float({name})"
        )
        raise TypeError(message)
    return float(value)


def positive_number(value: Any, name: str, *, above: float = 0.0) -> float:
    """Return a finite real number above a bound; refuse all else."""
    result = number(value, name)
    if not above < result < math.inf:
        message = f"{name} must be finite and above {above:g}, but is {value}"
        raise ValueError(message)
    return result


def number_from_0(value: Any, name: str) -> float:
    """Return a finite real number of at least 0; refuse all else."""
    result = number(value, name)
    if not 0 <= result < math.inf:
        message = f"{name} must be finite and at least 0, but is {value}"
        raise ValueError(message)
    return result


def share(value: Any, name: str) -> float:
    """Return a number from 0 to 1; refuse all else."""
    result = number(value, name)
    if not 0 <= result <= 1:
        message = f"{name} must lie between 0 and 1, but is {value}"
        raise ValueError(message)
    return result


def integer(value: Any, name: str) -> int:
    """Return an integer; refuse all else."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        message = f"{name} must be an integer, but is {value!r}"
        raise TypeError(message)
    return int(value)


def count(value: Any, name: str) -> int:
    """Return an integer of at least 1; refuse all else."""
    result = integer(value, name)
    if result < 1:
        message = f"{name} must be at least 1, but is {value}"
        raise ValueError(message)
    return result
