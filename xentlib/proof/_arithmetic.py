"""Two ways to compute: with rounded numbers, and with intervals that surely hold the number.

Rounded numbers are quick, and serve to look for a point at which a statement is false. Whether it is false
there the intervals decide: they say yes, no, or that they cannot tell, and then it is no witness.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from math import factorial
from typing import Any

import mpmath
from mpmath import iv

from xentlib.proof._jets import Jet, add, over, times, total

HUGE = 10**12
"""An exponential of a larger number costs more time and memory than there is."""


class UndecidedError(ArithmeticError):
    """The intervals are too wide to tell."""


class Arithmetic(ABC):
    """What numbers of one kind can do, by the same rules for jets of them."""

    @abstractmethod
    def number(self, value: Any) -> Any:
        """Return a value of a point as a number of this kind."""

    @abstractmethod
    def rational(self, above: int, below: int) -> Any:
        """Return a fraction."""

    @abstractmethod
    def constant(self, symbol: Any) -> Any:
        """Return the value of a constant of SymPy's, such as pi."""

    @abstractmethod
    def whole(self, number: Any) -> int | None:
        """Return a whole number as an int, None if a number is none."""

    @abstractmethod
    def direction(self, number: Any) -> int:
        """Return 1, 0 or -1 as a number is above, at or below 0."""

    @abstractmethod
    def is_close(self, a: Any, b: Any) -> bool:
        """Return whether two numbers count as equal."""

    @abstractmethod
    def plain(self, name: str, number: Any) -> Any:
        """Return a function of a number that is no jet: exp, log, tanh, erf, abs, inverse or bell."""

    @abstractmethod
    def plain_power(self, base: Any, exponent: Any) -> Any:
        """Return a power of a number that is no jet."""

    def exp(self, x: Any) -> Any:
        """Return the exponential."""
        if not isinstance(x, Jet):
            return self.plain("exp", x)
        value = self.exp(x.base)
        return x.compose([over(value, factorial(m)) for m in range(len(x.parts))])

    def log(self, x: Any) -> Any:
        """Return the logarithm."""
        if not isinstance(x, Jet):
            return self.plain("log", x)
        inverse = self.inverse(x.base)
        rest = [over(inverse**m * (-1) ** (m + 1), m) for m in range(1, len(x.parts))]
        return x.compose([self.log(x.base), *rest])

    def inverse(self, x: Any) -> Any:
        """Return 1/x."""
        if not isinstance(x, Jet):
            return self.plain("inverse", x)
        inverse = self.inverse(x.base)
        return x.compose([inverse ** (m + 1) * (-1) ** m for m in range(len(x.parts))])

    def power(self, base: Any, exponent: Any) -> Any:
        """Return a power: of what need not be positive where the exponent is a whole number."""
        if not isinstance(base, Jet) and not isinstance(exponent, Jet):
            return self.plain_power(base, exponent)
        count = None if isinstance(exponent, Jet) else self.whole(exponent)
        if count is None:
            return self.exp(times(exponent, self.log(base)))
        return base**count if count >= 0 else self.inverse(base) ** -count

    def tanh(self, x: Any) -> Any:
        """Return the hyperbolic tangent."""
        if not isinstance(x, Jet):
            return self.plain("tanh", x)
        value = self.tanh(x.base)
        # Each derivative is a polynomial in tanh, whose own derivative is 1 - tanh**2.
        polynomial, terms = [0, 1], []
        for m in range(len(x.parts)):
            value_ = total([times(value**n, a) for n, a in enumerate(polynomial)])
            terms.append(over(value_, factorial(m)))
            slope = [n * a for n, a in enumerate(polynomial)][1:]
            polynomial = [a - b for a, b in zip([*slope, 0, 0], [0, 0, *slope], strict=True)]
        return x.compose(terms)

    def erf(self, x: Any) -> Any:
        """Return the error function."""
        if not isinstance(x, Jet):
            return self.plain("erf", x)
        base = x.base
        bell = times(self.exp(-(base * base)), self.plain("bell", 0))
        # The derivatives of exp(-x**2) are Hermite's polynomials times it.
        hermite: list[Any] = [1, base * 2]
        for m in range(1, len(x.parts)):
            hermite.append(add(times(base * 2, hermite[m]), times(hermite[m - 1], -2 * m)))
        orders = range(1, len(x.parts))
        rest = [over(times(bell, hermite[m - 1]) * (-1) ** (m - 1), factorial(m)) for m in orders]
        return x.compose([self.erf(base), *rest])

    def sign(self, x: Any) -> int:
        """Return the sign of a number; where it is 0 nothing that bends there has a derivative."""
        if not isinstance(x, Jet):
            return self.direction(x)
        base = x.base
        if not isinstance(base, Jet) and self.is_close(base, 0):
            message = "a derivative has no value where its function bends or jumps"
            raise ArithmeticError(message)
        return self.sign(base)

    def absolute(self, x: Any) -> Any:
        """Return the absolute value."""
        return times(x, self.sign(x)) if isinstance(x, Jet) else self.plain("abs", x)

    def largest(self, *numbers: Any) -> Any:
        """Return the maximum."""
        found = numbers[0]
        for number in numbers[1:]:
            found = number if self.sign(add(number, -found)) > 0 else found
        return found

    def smallest(self, *numbers: Any) -> Any:
        """Return the minimum."""
        return -self.largest(*(-number for number in numbers))

    def step(self, x: Any, at_zero: Any) -> Any:
        """Return Heaviside's step."""
        found = self.sign(x)
        return at_zero if found == 0 else int(found > 0)

    def picks(self, a: Any, b: Any) -> int:
        """Return Kronecker's delta."""
        return int(self.sign(add(a, -b)) == 0)

    def is_less(self, a: Any, b: Any) -> bool:
        """Return whether a < b."""
        return self.sign(add(b, -a)) > 0

    def is_at_most(self, a: Any, b: Any) -> bool:
        """Return whether a <= b."""
        return self.sign(add(b, -a)) >= 0


@cache
def _tolerance(digits: int) -> Any:
    """Return what is small beside 1 in half of the digits."""
    return mpmath.mpf(10) ** -(digits // 2)


def _check_size(exponent: Any) -> None:
    if abs(exponent) > HUGE:
        message = f"the exponential of {mpmath.nstr(exponent, 5)} is too large to compute"
        raise ArithmeticError(message)


# Where one element of an array moves, for a derivative, the exponentials of the others stay.
@lru_cache(maxsize=10_000)
def _exp(number: Any, precision: int) -> Any:
    _check_size(number)
    return mpmath.exp(number)


class Rounded(Arithmetic):
    """Numbers of mpmath, in as many digits as are set there; two count as equal if half of these agree."""

    def number(self, value: Any) -> Any:
        return value

    def rational(self, above: int, below: int) -> Any:
        return mpmath.mpf(above) / below

    def constant(self, symbol: Any) -> Any:
        return symbol._to_mpmath(mpmath.mp.prec)

    def whole(self, number: Any) -> int | None:
        return int(number) if mpmath.isint(number) else None

    def direction(self, number: Any) -> int:
        return int(mpmath.sign(number))

    def is_close(self, a: Any, b: Any) -> bool:
        half = _tolerance(mpmath.mp.dps)
        return bool(mpmath.almosteq(a, b, rel_eps=half, abs_eps=half))

    def is_at_most(self, a: Any, b: Any) -> bool:
        return bool(a <= b) or self.is_close(a, b)

    def plain(self, name: str, number: Any) -> Any:
        if name == "exp":
            return _exp(number, mpmath.mp.prec)
        if name == "log" and not number > 0:
            message = f"the logarithm of {number} is not a real number"
            raise ArithmeticError(message)
        if name == "inverse":
            # What counts as 0 has no inverse: rounding would make 1/(a - a) some large number.
            if abs(number) <= _tolerance(mpmath.mp.dps):
                message = f"{number} to the power -1.0 is not a real number"
                raise ArithmeticError(message)
            return 1 / mpmath.mpf(number)
        if name == "bell":
            return 2 / mpmath.sqrt(mpmath.pi)
        return abs(number) if name == "abs" else getattr(mpmath, name)(number)

    def plain_power(self, base: Any, exponent: Any) -> Any:
        _check_size(exponent * (abs(mpmath.mag(base)) + 1) if base else exponent)
        vanishes = exponent < 0 and abs(base) <= _tolerance(mpmath.mp.dps)
        if vanishes or (base <= 0 and not mpmath.isint(exponent)):
            message = f"{base} to the power {exponent} is not a real number"
            raise ArithmeticError(message)
        return mpmath.power(base, exponent)


class Intervals(Arithmetic):
    """Intervals of mpmath, which surely hold the number; what they cannot tell is undecided."""

    def number(self, value: Any) -> Any:
        return value if isinstance(value, int) else iv.mpf(value)

    def rational(self, above: int, below: int) -> Any:
        return iv.mpf(above) / below

    def constant(self, symbol: Any) -> Any:
        near = symbol._to_mpmath(iv.prec + 10)
        return iv.mpf(near) * iv.mpf([1 - mpmath.ldexp(1, 5 - iv.prec), 1 + mpmath.ldexp(1, 5 - iv.prec)])

    def whole(self, number: Any) -> int | None:
        if isinstance(number, int):
            return number
        low, high = ends(number)
        if low == high:
            return int(low) if mpmath.isint(low) else None
        if mpmath.ceil(low) > mpmath.floor(high):
            return None
        raise UndecidedError(_cannot_tell(number))

    def direction(self, number: Any) -> int:
        if isinstance(number, int):
            return (number > 0) - (number < 0)
        low, high = ends(number)
        if low > 0 or high < 0 or low == high:
            return int(mpmath.sign(low))
        raise UndecidedError(_cannot_tell(number))

    def middle(self, number: Any) -> Any:
        """Return the one number that an interval is in 12 digits."""
        low, high = ends(number)
        if mpmath.nstr(low, 12) != mpmath.nstr(high, 12):
            raise UndecidedError(_cannot_tell(number))
        return low

    def is_close(self, a: Any, b: Any) -> bool:
        return self.direction(iv.mpf(0) + a - b) == 0

    def largest(self, *numbers: Any) -> Any:
        if any(isinstance(number, Jet) for number in numbers):
            return super().largest(*numbers)
        pairs = [ends(number) for number in numbers]
        return iv.mpf([max(low for low, _ in pairs), max(high for _, high in pairs)])

    def plain(self, name: str, number: Any) -> Any:
        x = iv.mpf(number) if isinstance(number, int) else number
        low, high = ends(x)
        if name == "exp":
            _check_size(low)
            _check_size(high)
        if name == "log" and not low > 0:
            self.direction(x)
            message = f"the logarithm of {x} is not a real number"
            raise ArithmeticError(message)
        if name == "inverse":
            if self.direction(x) == 0:
                message = "0 has no inverse"
                raise ArithmeticError(message)
            return 1 / x
        if name == "bell":
            return 2 / iv.sqrt(iv.pi)
        if name in ("tanh", "erf"):
            return _rising(getattr(mpmath, name), low, high)
        return abs(x) if name == "abs" else getattr(iv, name)(x)

    def plain_power(self, base: Any, exponent: Any) -> Any:
        count = self.whole(exponent)
        if count is None:
            return self.plain("exp", exponent * self.plain("log", base))
        low, high = ends(base)
        if low <= 0 <= high and count < 0:
            self.plain("inverse", base)
        if abs(count) * max(1, abs(mpmath.mag(low)), abs(mpmath.mag(high))) > HUGE:
            message = f"the power {count} is too large to compute"
            raise ArithmeticError(message)
        whole = iv.mpf(base) if isinstance(base, int) else base
        return whole**count if count >= 0 else 1 / whole**-count


def ends(interval: Any) -> tuple[Any, Any]:
    """Return the ends of an interval as numbers of mpmath, exactly."""
    if isinstance(interval, int):
        return mpmath.mpf(interval), mpmath.mpf(interval)
    low, high = interval._mpi_
    return mpmath.make_mpf(low), mpmath.make_mpf(high)


def _rising(function: Any, low: Any, high: Any) -> Any:
    """Return an interval for a function that rises and of which mpmath is right but for its last digits."""
    with mpmath.workprec(iv.prec + 10):
        small = mpmath.ldexp(1, -iv.prec)
        return iv.mpf([function(low) - small, function(high) + small])


def _cannot_tell(number: Any) -> str:
    return f"in these digits it cannot be told what {number} is"


@contextmanager
def interval_digits(digits: int) -> Iterator[None]:
    """Compute with intervals of so many digits."""
    before = iv.prec
    iv.dps = digits
    try:
        yield
    finally:
        iv.prec = before


ROUNDED, INTERVALS = Rounded(), Intervals()
