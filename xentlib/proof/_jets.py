"""Numbers that move: a value with its first derivatives, which sums, products and functions carry along.

A jet stands for a + b h + c h**2 + ... with a small h of its own. What the derivatives of an expression are
comes out of computing with its numbers, and owes nothing to the rules by which SymPy differentiates.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import factorial
from typing import Any


class Jet:
    """A number, or a jet of lower level, with the multiples of h, h**2, ... up to an order.

    Parameters
    ----------
    level : int
        Which h: a jet of a lower level is a constant beside one of a higher level.
    parts : sequence
        The number itself, then the multiples.
    """

    __slots__ = ("level", "parts")

    def __init__(self, level: int, parts: Sequence[Any]) -> None:
        self.level, self.parts = level, tuple(parts)

    @property
    def base(self) -> Any:
        """The number where h is 0."""
        return self.parts[0]

    def compose(self, terms: Sequence[Any]) -> Any:
        """Return a function of this number, from its Taylor series at the base."""
        rise = Jet(self.level, (0, *self.parts[1:]))
        total: Any = terms[-1]
        for term in reversed(terms[:-1]):
            total = add(times(rise, total), term)
        return total

    def __neg__(self) -> Jet:
        return Jet(self.level, [-part for part in self.parts])

    def __add__(self, other: Any) -> Any:
        if isinstance(other, Jet) and other.level > self.level:
            return other + self
        if isinstance(other, Jet) and other.level == self.level:
            return Jet(self.level, [add(a, b) for a, b in zip(self.parts, other.parts, strict=True)])
        return Jet(self.level, (add(self.base, other), *self.parts[1:]))

    __radd__ = __add__

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, Jet) and other.level > self.level:
            return other * self
        if not (isinstance(other, Jet) and other.level == self.level):
            return Jet(self.level, [times(part, other) for part in self.parts])
        products = []
        for order in range(len(self.parts)):
            pairs = ((self.parts[m], other.parts[order - m]) for m in range(order + 1))
            products.append(total([times(a, b) for a, b in pairs]))
        return Jet(self.level, products)

    __rmul__ = __mul__

    def __pow__(self, power: int) -> Any:
        product: Any = 1
        for _ in range(power):
            product = times(product, self)
        return product

    def __truediv__(self, number: int) -> Jet:
        return Jet(self.level, [over(part, number) for part in self.parts])


def add(a: Any, b: Any) -> Any:
    """Return a sum; intervals do not know that jets are there, so these come first."""
    if _is(a, 0):
        return b
    return b + a if isinstance(b, Jet) else a + b


def times(a: Any, b: Any) -> Any:
    """Return a product."""
    if _is(a, 0) or _is(b, 0):
        return 0
    return b * a if isinstance(b, Jet) else a * b


def over(a: Any, number: int) -> Any:
    """Return a quotient; of two whole numbers Python would make a float."""
    return 0 if _is(a, 0) else a if number == 1 else a / number


def _is(a: Any, number: int) -> bool:
    return type(a) is int and a == number


def total(numbers: Sequence[Any]) -> Any:
    """Return the sum of numbers."""
    found: Any = 0
    for number in numbers:
        found = add(found, number)
    return found


def product(numbers: Sequence[Any]) -> Any:
    """Return the product of numbers."""
    found: Any = 1
    for number in numbers:
        found = times(found, number)
    return found


def derivative(number: Any, level: int, order: int) -> Any:
    """Return the derivative of an order by the h of a level."""
    if isinstance(number, Jet) and number.level == level:
        return times(number.parts[order], factorial(order))
    return 0 if order else number
