"""`entries`: a symbolic array as a function from arrays to an array."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import mpmath
import sympy as sp

from xentlib.proof._arithmetic import ROUNDED
from xentlib.proof._evaluation import Point, digits, function_of
from xentlib.proof.core.subject import axes_of
from xentlib.proof.core.symbols import SIZE, z

if TYPE_CHECKING:
    import numpy as np


def entries(expr: Any, *indices: sp.Symbol, of: Sequence[sp.IndexedBase] = (z,)) -> Entries:
    """Return a function that computes every entry of a symbolic array in many digits.

    Parameters
    ----------
    expr : Expr
        The entry at the given indices, such as ``p[i]``.
    *indices : Symbol
        One for each axis of the result; none for a scalar.
    of : sequence of IndexedBase
        The arrays that the function takes, in this order. Their axes have the sizes of the indices
        with which the expression uses them: of ``x[n, d]`` the first is N, the second D.

    Returns
    -------
    callable
        From arrays of numbers to a float64 array; each entry is rounded once (see `digits`).

    Raises
    ------
    TypeError
        If `of` is one array and not a sequence of them.
    ValueError
        If `of` names an array twice, or not all that the expression is made of.

    References
    ----------
    F. Johansson et al., mpmath: a Python library for arbitrary-precision floating-point arithmetic,
    https://mpmath.org.

    Examples
    --------
    >>> from xentlib.proof import i, p
    >>> entries(p[i], i)([0.0, 0.0])
    array([0.5, 0.5])
    """
    if isinstance(of, sp.IndexedBase):
        message = f"of= names the arrays in a sequence, such as of=[{of}], not {of} alone"
        raise TypeError(message)
    if len(set(of)) < len(of):
        message = f"of= names each array once, not as in {of}"
        raise ValueError(message)
    return Entries(sp.sympify(expr), indices, tuple(of))


class Entries:
    """From arrays of numbers to the entries of a symbolic array."""

    def __init__(self, expr: sp.Expr, indices: Sequence[sp.Symbol], of: Sequence[sp.IndexedBase]) -> None:
        self.expr = expr
        self._indices, self._of = indices, of
        self._axes, self._number = axes_of(expr), function_of(expr, ROUNDED)
        unknown = sorted(map(str, self._axes.keys() - set(of)))
        if unknown:
            message = f"{expr} is made of {unknown}, too, which of= does not name"
            raise ValueError(message)

    def __call__(self, *arrays: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
        # NumPy is needed here alone, so that proofs do without it.
        import numpy as np

        values = self.at(*arrays)
        inputs = [values[array] for array in self._of]
        shape = [values[SIZE[index]] for index in self._indices]
        result = np.empty(shape)
        with mpmath.workdps(digits(inputs)):
            found: dict[Any, Any] = {}
            for place in product(*map(range, shape)):
                at = {index: m + 1 for index, m in zip(self._indices, place, strict=True)}
                result[place] = float(self._number(Point({**values, **at}, found)))
        return result

    def at(self, *arrays: Any) -> dict[Any, Any]:
        """Return the point that arrays are, with the sizes that they have."""
        import numpy as np

        if len(arrays) != len(self._of):
            message = f"of= names {len(self._of)} arrays, {self._of}, but {len(arrays)} came"
            raise TypeError(message)
        inputs = [np.asarray(array, dtype=np.float64) for array in arrays]
        return {**dict(zip(self._of, inputs, strict=True)), **self._sizes(inputs)}

    def _sizes(self, inputs: Sequence[Any]) -> dict[Any, int]:
        """Return the sizes that arrays have, after checking that all have the same."""
        found: dict[Any, int] = {}
        for array, numbers in zip(self._of, inputs, strict=True):
            axes = self._axes.get(array, [])
            if array in self._axes and len(axes) != numbers.ndim:
                message = f"{array} has {len(axes)} indices in {self.expr}, but the shape {numbers.shape}"
                raise ValueError(message)
            for ends, length in zip(axes, numbers.shape, strict=False):
                for end in ends:
                    if end in SIZE.values() and found.setdefault(end, length) != length:
                        message = f"{array} came with {length} entries where {end} = {found[end]}"
                        raise ValueError(message)
                    if end.is_Integer and end > length:
                        message = f"{array} came with {length} entries, but {self.expr} uses number {end}"
                        raise ValueError(message)
        return found
