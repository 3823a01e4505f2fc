"""Compares what is printed with what was checked: the LaTeX, read back, and the object, at random numbers."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import mpmath
import sympy as sp
from reading import Lexicon, Relation, Statement, Unreadable, Values, read
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational

from xentlib.proof import SIZE, K
from xentlib.proof import c as labels
from xentlib.proof._evaluation import evaluate
from xentlib.proof.core.subject import axes_of, sizes_of, symbols_of

DIGITS = 60
# Derivatives by differences, one inside the other, keep more digits than this.
CLOSE = mpmath.mpf(10) ** -9
POINTS, ENOUGH, TRIES = 6, 3, 60

# What undefined functions such as f(x) stand for while they are read: something with derivatives.
FUNCTIONS = {
    "f": lambda x: x**3 + 2 * x + 5,
    "g": lambda x: x**2 / 3 - x + 7,
    "varphi": lambda x: x**4 - 3 * x**2 + x + 2,
}


def fault(expr: Any, latex: str) -> str:
    """Return in which way a text does not say what an object is, nothing if it does.

    Parameters
    ----------
    expr : Basic
        An expression or a statement.
    latex : str
        What is printed for it.

    Returns
    -------
    str
        What is wrong.
    """
    try:
        said = read(latex, Lexicon(FUNCTIONS).learn(expr))
    except Unreadable as error:
        return f"{type(error).__name__}: {error}: {latex}"
    meant = parts_of(_concrete(expr))
    if (said.joined, len(said.parts)) != (meant.joined, len(meant.parts)):
        return f"read as {said.joined} of {len(said.parts)}: {latex}"
    defined = 0
    with mpmath.workdps(DIGITS):
        for number, at in enumerate(points(expr)):
            if number == TRIES or defined == POINTS:
                break
            try:
                sides = [_key(part, at) for part in meant.parts]
            except (ArithmeticError, IndexError):
                continue
            try:
                read_back = [_key(part, at) for part in said.parts]
            except (ArithmeticError, IndexError, Unreadable) as error:
                return f"{error!r} where the object is {sides}: {latex}"
            if not _same(sides, read_back):
                return f"read as {read_back}, but it is {sides}: {latex}"
            defined += 1
    return "" if defined >= ENOUGH else f"no numbers were found at which {expr} has a value"


def parts_of(expr: Any) -> Statement:
    """Return an object in the form of what is read."""
    if isinstance(expr, sp.And | sp.Equivalent):
        return Statement(
            "and" if isinstance(expr, sp.And) else "equivalent", [_relation(part) for part in expr.args]
        )
    if isinstance(expr, Relational):
        return Statement("relation", [_relation(expr)])
    return Statement("value", [lambda at: evaluate(expr, at)])


def _relation(expr: Any) -> Relation:
    left, right = expr.args
    sign = {"==": "=", "!=": "!="}.get(expr.rel_op, expr.rel_op)
    return Relation(lambda at: evaluate(left, at), sign, lambda at: evaluate(right, at))


def _key(part: Any, at: Values) -> tuple[Any, ...]:
    """Return the numbers of a part, and the sign between them, the smaller side first."""
    if not isinstance(part, Relation):
        return (part(at),)
    left, sign, right = part.left(at), part.sign, part.right(at)
    if sign in (">", ">="):
        left, sign, right = right, sign.replace(">", "<"), left
    return left, sign, right


def _same(meant: list[Any], said: list[Any]) -> bool:
    """Return whether two lists of parts are equal, in any order."""
    left = list(said)
    for part in meant:
        match = next((other for other in left if _close(part, other)), None)
        if match is None:
            return False
        left.remove(match)
    return not left


def _close(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return len(one) == len(other) and all(
        a == b if isinstance(a, str) or isinstance(b, str) else mpmath.almosteq(a, b, CLOSE, CLOSE)
        for a, b in zip(one, other, strict=True)
    )


def _concrete(expr: Any) -> Any:
    """Put the numbers of `FUNCTIONS` in the place of undefined functions, and simplify nothing."""
    if not expr.atoms(AppliedUndef):
        return expr
    parts = list(map(_concrete, expr.args))
    if isinstance(expr, AppliedUndef):
        return FUNCTIONS[expr.func.__name__](*parts)
    if isinstance(expr, sp.Derivative | sp.Subs | sp.Sum | sp.Product | sp.Tuple):
        return expr.func(*parts)
    return expr.func(*parts, evaluate=False)


def points(expr: Any, seed: int = 0) -> Iterator[dict[Any, Any]]:
    """Yield numbers for everything that an object needs, at sizes from 2 to 5."""
    draw = random.Random(f"{expr} {seed}")
    axes, symbols = axes_of(expr), symbols_of(expr)
    literal = max(
        [int(end) for ends in axes.values() for axis in ends for end in axis if end.is_Integer] + [1]
    )
    sizes = {*sizes_of(expr), *SIZE.values()}
    while True:
        at: dict[Any, Any] = {
            size: max(literal, draw.randint(2, 5 if size == K else 3)) for size in sorted(sizes, key=str)
        }
        at |= {index: draw.randint(1, at[size]) for index, size in SIZE.items()}
        for symbol in sorted(symbols - at.keys(), key=str):
            at[symbol] = _number(symbol, draw)
        for array, reach in axes.items():
            at[array] = _array(array, [max(_length(end, at) for end in axis) for axis in reach], at, draw)
        yield at


def _length(end: Any, at: Values) -> int:
    return int(end.subs({s: at[s] for s in end.free_symbols})) if end.free_symbols <= at.keys() else 6


def _array(array: Any, shape: list[int], at: Values, draw: random.Random) -> Any:
    if shape:
        return [_array(array, shape[1:], at, draw) for _ in range(shape[0])]
    return draw.randint(1, at[K]) if array == labels else _number(array, draw)


def _number(symbol: Any, draw: random.Random) -> Any:
    if symbol.is_integer:
        return mpmath.mpf(draw.randint(1, 3))
    low = 100 if symbol.is_nonnegative else -1500
    return mpmath.mpf(draw.randint(low, 1500)) / 1000
