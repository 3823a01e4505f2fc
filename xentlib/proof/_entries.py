"""`entries`: a symbolic array as a function from arrays to an array."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from typing import TYPE_CHECKING, Any

import mpmath
import sympy as sp

from xentlib.proof._arithmetic import ROUNDED
from xentlib.proof._evaluation import MOST_DIGITS, Point, digits, function_of
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
    entry = sp.sympify(expr) if not isinstance(expr, str) else None
    if not isinstance(entry, sp.Expr):
        message = f"the entries of an expression are computed, such as p[i], not of {expr!r}"
        raise TypeError(message)
    for names, what in (
        (of, "of= names each array"),
        (indices, "an index stands for one axis, so it is named"),
    ):
        if len(set(names)) < len(names):
            message = f"{what} once, not as in {names}"
            raise ValueError(message)
    unknown = [index for index in indices if index not in SIZE]
    if unknown:
        message = f"the axes of the entries run over indices, {', '.join(map(str, SIZE))}, not over {unknown}"
        raise ValueError(message)
    return Entries(entry, indices, tuple(of))


_computed: list[list[Entries]] = []


@contextmanager
def computed_entries() -> Iterator[list[Entries]]:
    """Note which entries are computed meanwhile, also inside of other functions."""
    _computed.append([])
    try:
        yield _computed[-1]
    finally:
        _computed.pop()


class Entries:
    """From arrays of numbers to the entries of a symbolic array."""

    def __init__(self, expr: sp.Expr, indices: Sequence[sp.Symbol], of: Sequence[sp.IndexedBase]) -> None:
        self.expr = expr
        self._indices, self.of = indices, of
        self._number = function_of(expr, ROUNDED)
        unknown = sorted(map(str, axes_of(expr).keys() - set(of)))
        if unknown:
            message = f"{expr} is made of {unknown}, too, which of= does not name"
            raise ValueError(message)

    def __call__(self, *arrays: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
        # NumPy is needed here alone, so that proofs do without it.
        import numpy as np

        for noted in _computed:
            noted.append(self)
        values = self.at(arrays, self.expr)
        inputs = [values[array] for array in self.of]
        unknown = [index for index in self._indices if SIZE[index] not in values]
        if unknown:
            message = f"no array of {self.of} tells how far {unknown} run in {self.expr}"
            raise ValueError(message)
        shape = [values[SIZE[index]] for index in self._indices]
        result = np.empty(shape)
        if digits(inputs) > MOST_DIGITS:
            message = (
                f"it would take {digits(inputs)} digits to compute {self.expr} there: take smaller numbers"
            )
            raise ValueError(message)
        with mpmath.workdps(digits(inputs)):
            found: dict[Any, Any] = {}
            for place in product(*map(range, shape)):
                at = {index: m + 1 for index, m in zip(self._indices, place, strict=True)}
                try:
                    result[place] = float(self._number(Point({**values, **at}, found)))
                except ArithmeticError as error:
                    message = f"{self.expr} has no value at entry {place}: {error}"
                    raise ValueError(message) from error
        return result

    def at(self, arrays: Sequence[Any], said: sp.Basic) -> dict[Any, Any]:
        """Return the point that arrays are, with the sizes that they have as they stand in what is said."""
        import numpy as np

        if len(arrays) != len(self.of):
            message = f"of= names {len(self.of)} arrays, {self.of}, but {len(arrays)} came"
            raise TypeError(message)
        inputs = [np.asarray(array, dtype=np.float64) for array in arrays]
        return {**dict(zip(self.of, inputs, strict=True)), **self._sizes(inputs, said)}

    def _sizes(self, inputs: Sequence[Any], said: sp.Basic) -> dict[Any, int]:
        """Return the sizes that arrays have, after checking that all have the same."""
        found: dict[Any, int] = {}
        known = axes_of(said)
        for array, numbers in zip(self.of, inputs, strict=True):
            axes = known.get(array, [])
            if array in known and len(axes) != numbers.ndim:
                message = f"{array} has {len(axes)} indices in {said}, but the shape {numbers.shape}"
                raise ValueError(message)
            for ends, length in zip(axes, numbers.shape, strict=False):
                for end in ends:
                    if end in SIZE.values() and found.setdefault(end, length) != length:
                        message = f"{array} came with {length} entries where {end} = {found[end]}"
                        raise ValueError(message)
                    if end.is_Integer and end > length:
                        message = f"{array} came with {length} entries, but number {end} stands in {said}"
                        raise ValueError(message)
        return found
