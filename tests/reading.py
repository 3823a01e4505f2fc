r"""A reader of the book's LaTeX: it turns what is printed back into numbers.

It follows the conventions of mathematics and the book's page on notation, and nothing of the printer:

- a sum or a product, \sum or \prod, takes the whole product to its right and ends at + or -;
- \log and \frac{\partial}{\partial z_{j}} take the one factor that follows, or the sum, logarithm or
  derivative that does; whatever stands after that factor in the same product is ambiguous;
- a sign stands first in a sum, after \sum or \prod, or between two terms: "2 -3" is not a product;
- two numbers side by side need \cdot;
- subscripts run together, ij or nc_{n}, unless a comma parts them;
- brackets with "t=a" at their foot take what stands in them at the place a.

What people could read in two ways raises `Ambiguous`; what is no mathematics, `Unreadable`.

The parsers that exist do not serve: that of SymPy, with Lark, knows no p_{nc_{n}}, \substack, 0 < p < 1 or
partial derivative of an entry; latex2sympy2_extended reads \log to the base 10, N as n, and \log a b as the
logarithm of ab. Both decide silently what is ambiguous here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from typing import Any, NamedTuple

import mpmath
import sympy as sp
from sympy.core.function import AppliedUndef

from xentlib.proof._evaluation import evaluate
from xentlib.proof.core.unfold import Defined

Values = Mapping[Any, Any]
Function = Callable[[Values], Any]
"""From a point to a number."""


class Unreadable(ValueError):
    """The text is not what the grammar knows."""


class Ambiguous(Unreadable):
    """People could read the text in more than one way."""


TOKEN = re.compile(
    r"(?P<space>\s+|\\[,;:!]|\\q?quad)|\\left(?P<open>[(|])|\\right(?P<close>\)|\|)"
    r"|(?P<d>\\mathrm\{d\})|(?P<word>\\[A-Za-z]+|\\.|[0-9]+|.)",
    re.DOTALL,
)


def tokens(latex: str) -> list[str]:
    r"""Return the signs of a text: "|(" and "|)" for bars, "\d" for an upright d, no space."""
    found = []
    for match in TOKEN.finditer(latex):
        bar = {"(": "(", "|": "|(", ")": ")"}
        if match["open"]:
            found.append(bar[match["open"]])
        elif match["close"]:
            found.append({")": ")", "|": "|)"}[match["close"]])
        elif match["d"]:
            found.append(r"\d")
        elif match["word"]:
            found.append(match["word"])
    return found


class Entry(NamedTuple):
    """What a name stands for: with how many subscripts, and its value at these."""

    kind: str
    """"plain", "indexed" or "applied"."""
    value: Callable[[Values, Sequence[Any]], Any]
    meaning: Any
    """What tells it from others of the same name."""


class Lexicon:
    """The names of a statement and what they stand for."""

    def __init__(self, functions: Mapping[str, Callable[..., Any]] | None = None) -> None:
        self.names: dict[tuple[str, ...], dict[str, Entry]] = {}
        self.functions = functions or {}

    def add(self, name: str, entry: Entry) -> None:
        """Enter a name, which no other meaning may have."""
        kinds = self.names.setdefault(tuple(tokens(name)), {})
        if kinds.setdefault(entry.kind, entry).meaning != entry.meaning:
            message = f"{name} stands for two things"
            raise Ambiguous(message)

    def learn(self, expr: Any) -> Lexicon:
        """Enter every name that is printed when an expression is."""
        if isinstance(expr, Defined):
            self._learn_quantity(expr)
        elif isinstance(expr, sp.Indexed):
            base = expr.base
            self.add(_headed(base.label), Entry("indexed", lambda at, where: _element(at[base], where), base))
            for index in expr.indices:
                self.learn(index)
        elif isinstance(expr, sp.Symbol):
            self.add(sp.latex(expr), Entry("plain", lambda at, where: at[expr], expr))
        elif isinstance(expr, AppliedUndef):
            function = self.functions[expr.func.__name__]
            name = sp.latex(sp.Symbol(expr.func.__name__))
            self.add(name, Entry("applied", lambda at, where: function(*where), expr.func))
            self.learn(sp.Tuple(*expr.args))
        elif isinstance(expr, sp.Basic):
            for part in expr.args:
                self.learn(part)
        return self

    def _learn_quantity(self, expr: Any) -> None:
        indices = expr.args[expr.inputs :]
        stand_ins = tuple(sp.Dummy(integer=True, positive=True) for _ in indices)
        entry = expr.func(*expr.args[: expr.inputs], *stand_ins)

        def value(at: Values, where: Sequence[Any]) -> Any:
            if len(where) != len(stand_ins):
                message = f"{expr} has {len(stand_ins)} indices, not {len(where)}"
                raise Unreadable(message)
            return evaluate(entry, {**at, **dict(zip(stand_ins, where, strict=True))})

        symbol = sp.Symbol(expr.func.__name__)
        name = _headed(symbol) if indices else sp.latex(symbol)
        self.add(name, Entry("indexed" if indices else "plain", value, expr.func))
        for index in indices:
            self.learn(index)


def _headed(symbol: sp.Symbol) -> str:
    """Return how a name is written before its subscripts: in braces if it has one already."""
    name = sp.latex(symbol)
    return f"{{{name}}}" if "_" in name else name


def _element(array: Any, where: Sequence[Any]) -> Any:
    for place in where:
        if not isinstance(array, list):
            message = "more subscripts than the array has axes"
            raise Unreadable(message)
        if place not in range(1, len(array) + 1):
            raise IndexError(place)
        array = array[int(place) - 1]
    if isinstance(array, list):
        message = "fewer subscripts than the array has axes"
        raise Unreadable(message)
    return array


class Relation(NamedTuple):
    """Two sides and the sign between them."""

    left: Function
    sign: str
    right: Function


class Statement(NamedTuple):
    """Relations joined by "and" or "equivalent", or one expression under "value"."""

    joined: str
    parts: list[Any]


SIGNS = {"=": "=", r"\neq": "!=", "<": "<", ">": ">", r"\leq": "<=", r"\geq": ">="}


def read(latex: str, lexicon: Lexicon) -> Statement:
    """Read an expression or a statement.

    Parameters
    ----------
    latex : str
        What was printed.
    lexicon : Lexicon
        Its names.

    Returns
    -------
    Statement
        Of functions from a point to a number.
    """
    sides = latex.split(r"\quad\Longleftrightarrow\quad")
    if len(sides) > 1:
        return Statement("equivalent", [_relation(side, lexicon) for side in sides])
    parts = [part for text in latex.split(r",\qquad ") for part in _chain(text, lexicon)]
    if isinstance(parts[0], Relation):
        return Statement("and" if len(parts) > 1 else "relation", parts)
    return Statement("value", parts)


def _relation(text: str, lexicon: Lexicon) -> Relation:
    (relation,) = _chain(text, lexicon)
    if not isinstance(relation, Relation):
        message = f"no relation: {text}"
        raise Unreadable(message)
    return relation


def _chain(text: str, lexicon: Lexicon) -> list[Any]:
    reader = Reader(tokens(text), lexicon)
    sides, signs = [reader.sum()], []
    while reader.next in SIGNS:
        signs.append(SIGNS[reader.take()])
        sides.append(reader.sum())
    if reader.next:
        message = f"cannot go on at {' '.join(reader.tokens[reader.place :])!r} of {text}"
        raise Unreadable(message)
    if not signs:
        return sides
    return [Relation(*parts) for parts in zip(sides, signs, sides[1:], strict=False)]


class Reader:
    """Recursive descent: one method for each form, from a sum down to an atom."""

    def __init__(self, signs: list[str], lexicon: Lexicon) -> None:
        self.tokens = signs
        self.place = 0
        self.lexicon = lexicon

    @property
    def next(self) -> str:
        """The sign at which the reader stands, empty at the end."""
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self, *expected: str) -> str:
        """Go past a sign, or past several that must stand here."""
        for sign in expected or (self.next,):
            if not sign or self.next != sign:
                there = " ".join(self.tokens[self.place :])
                message = f"expected {sign!r}, not {there!r}"
                raise Unreadable(message)
            self.place += 1
        return self.tokens[self.place - 1]

    def sum(self) -> Function:
        """Read terms joined by + and -, the first of which may have a sign."""
        terms = [self.signed()]
        while self.next in ("+", "-"):
            minus = self.take() == "-"
            term = self.product()
            terms.append(_negative(term) if minus else term)
        return _folded(mpmath.fadd, terms)

    def signed(self) -> Function:
        """Read a product that may have a minus before it."""
        if self.next == "-":
            self.take()
            return _negative(self.product())
        return self.product()

    def product(self) -> Function:
        """Read factors side by side or joined by a dot."""
        factors: list[Function] = []
        dot, before = False, ""
        while dot or not factors or self.starts_a_factor():
            if not dot and factors and self.next[0].isdigit():
                message = f"the number {self.next} needs a dot before it, after {before}"
                raise Ambiguous(message)
            if dot and self.next == "-":
                message = "a sign after a dot"
                raise Ambiguous(message)
            start = self.place
            function, ended = self.factor()
            factors.append(function)
            before = " ".join(self.tokens[start : self.place])
            dot = self.next == r"\cdot"
            if dot:
                self.take()
            if ended and (dot or self.starts_a_factor()):
                message = f"what {before} takes does not clearly end before {self.next}"
                raise Ambiguous(message)
        return _folded(mpmath.fmul, factors)

    def starts_a_factor(self) -> bool:
        """Return whether the next sign goes on with a product."""
        closing = {"", ")", "|)", "}", "]", r"\right"}
        between = {"+", "-", ",", "^", "_", "&", r"\\", r"\cdot", r"\in", *SIGNS}
        return self.next not in closing | between

    def factor(self) -> tuple[Function, bool]:
        """Read a factor, and tell whether it takes what stands to its right."""
        if self.next in (r"\sum", r"\prod"):
            return self.total(), True
        if self.next == r"\log" and self.known() is None:
            return self.logarithm(), True
        if self.next == r"\frac" and self.tokens[self.place + 2] in (r"\partial", r"\d"):
            return self.derivative()
        return self.power(), False

    def argument(self) -> Function:
        """Read what a logarithm or the sign of a derivative takes."""
        if self.next == "-":
            message = "a sign where a factor should stand"
            raise Ambiguous(message)
        bracketed = self.next == "("
        start = self.place
        function, _ = self.factor()
        if bracketed and self.tokens[start:][_closing(self.tokens[start:]) + 1 :][:1] == ["^"]:
            message = "a power after brackets: of these, or of all?"
            raise Ambiguous(message)
        return function

    def logarithm(self) -> Function:
        """Read a logarithm, which may have an exponent before what it takes."""
        self.take(r"\log")
        exponent = self.exponent()
        inside = self.argument()
        return _powered(lambda at: _log(inside(at)), exponent)

    def exponent(self) -> Function | None:
        """Read an exponent, None if there is none."""
        if self.next != "^":
            return None
        self.take("^", "{")
        return self.until("}")

    def until(self, end: str) -> Function:
        """Read a sum and the bracket that closes it."""
        function = self.sum()
        self.take(end)
        return function

    def total(self) -> Function:
        """Read a sum or a product over indices, and what it takes."""
        whole = mpmath.fsum if self.take() == r"\sum" else _product
        limits = list(self.limits())
        names = [name for name, _, _ in limits]
        if len(set(names)) < len(names):
            message = f"two indices of the same name: {names}"
            raise Ambiguous(message)
        part = self.signed()

        def value(at: Values) -> Any:
            return whole([part(inner) for inner in _places(limits, at)])

        return value

    def limits(self) -> Iterator[tuple[Any, Function, Function]]:
        r"""Read k=1 below and K above, or below all a \leq k \leq b."""
        self.take("_", "{")
        if self.next == r"\substack":
            self.take(r"\substack", "{")
            found, after = [], ""
            while after != "}":
                first = self.sum()
                self.take(r"\leq")
                name = self.name()
                self.take(r"\leq")
                found.append((name, first, self.sum()))
                after = self.take()
                if after not in (r"\\", "}"):
                    message = f"not a list of limits: {after}"
                    raise Unreadable(message)
            self.take("}")
            yield from _ordered(found)
        else:
            name = self.name()
            self.take("=")
            first = self.until("}")
            self.take("^", "{")
            yield name, first, self.until("}")

    def name(self) -> Any:
        """Read the index that is bound here, and return what it means."""
        found = self.known()
        if found is None or found[1].kind != "plain":
            message = f"not an index: {self.next}"
            raise Unreadable(message)
        self.place += found[0]
        return found[1].meaning

    def derivative(self) -> tuple[Function, bool]:
        """Read a derivative: what is derived stands in the numerator or after it."""
        self.take(r"\frac", "{")
        d = self.take()
        order = self.whole_exponent()
        inside = None if self.next == "}" else self.sum()
        self.take("}", "{")
        variables = []
        while self.next == d:
            self.take()
            variables.append((self.variable(), self.whole_exponent()))
        self.take("}")
        if order != sum(count for _, count in variables):
            message = "the order of the derivative is not that of its variables"
            raise Unreadable(message)
        ended = inside is None
        function = self.argument() if inside is None else inside
        for variable, count in variables:
            for _ in range(count):
                function = _slope(function, variable)
        return function, ended

    def whole_exponent(self) -> int:
        """Read the order of a derivative, 1 if none is written."""
        exponent = self.exponent()
        return 1 if exponent is None else int(exponent({}))

    def variable(self) -> tuple[Any, list[Function]]:
        """Read a variable to derive by: its name's meaning and its subscripts."""
        found = self.known()
        if found is None or found[1].kind == "applied":
            message = f"not a variable: {self.next}"
            raise Unreadable(message)
        self.place += found[0]
        entry = found[1]
        return entry.meaning, self.subscripts() if entry.kind == "indexed" else []

    def power(self) -> Function:
        """Read an atom with its exponent."""
        if self.next == "e" and self.tokens[self.place + 1 : self.place + 2] == ["^"]:
            if self.known() is not None:
                message = "e is an index here, and the base of a power"
                raise Ambiguous(message)
            self.take("e")
            return _powered(lambda at: +mpmath.e, self.exponent())
        plain_number = self.next.isdigit()
        fraction = self.next == r"\frac"
        base = self.atom()
        exponent = self.exponent()
        if exponent is not None and fraction and not plain_number:
            message = "a power of a fraction without brackets"
            raise Ambiguous(message)
        if self.next == "^":
            message = "two exponents"
            raise Unreadable(message)
        return _powered(base, exponent)

    def atom(self) -> Function:
        """Read what cannot be taken apart by a product."""
        known = self.known()
        if known is not None:
            return self.named(*known)
        sign = self.next
        if sign.isdigit():
            number = mpmath.mpf(self.take())
            return lambda at: number
        forms = {
            "(": self.bracket,
            "{": self.braces,
            "|(": self.bars,
            r"\frac": self.fraction,
            r"\left": self.at_place,
            r"\sqrt": self.root,
            r"\delta": self.kronecker,
            r"\max": self.maximum,
            r"\tanh": self.applied,
            r"\operatorname": self.applied,
        }
        if sign in forms:
            return forms[sign]()
        if sign in (r"\pi", "e"):
            self.take()
            return (lambda at: +mpmath.pi) if sign == r"\pi" else (lambda at: +mpmath.e)
        message = f"unknown: {' '.join(self.tokens[self.place :])!r}"
        raise Unreadable(message)

    def known(self) -> tuple[int, Entry] | None:
        """Return the name that stands here, and how long it is."""
        found = []
        for name, kinds in self.lexicon.names.items():
            end = self.place + len(name)
            if tuple(self.tokens[self.place : end]) == name:
                found += [(len(name), entry) for entry in kinds.values() if self.fits(entry.kind, end)]
        if len(found) > 1:
            message = f"{self.next} may be one of {[entry.meaning for _, entry in found]}"
            raise Ambiguous(message)
        return found[0] if found else None

    def fits(self, kind: str, end: int) -> bool:
        """Return whether what follows a name is right for its kind."""
        after = [*self.tokens[end : end + 2], "", ""][:2]
        if kind == "indexed":
            return after[0] == "_"
        if kind == "applied":
            return after[0] == "^" or after == ["{", "("]
        return after[0] != "_"

    def named(self, length: int, entry: Entry) -> Function:
        """Read a name with its subscripts, or with what it is applied to."""
        self.place += length
        if entry.kind == "applied":
            exponent = self.exponent()
            arguments = self.arguments()
            return _powered(lambda at: entry.value(at, [a(at) for a in arguments]), exponent)
        where = self.subscripts() if entry.kind == "indexed" else []
        return lambda at: entry.value(at, [index(at) for index in where])

    def arguments(self) -> list[Function]:
        """Read the arguments of a function, in brackets."""
        self.take("{", "(")
        found = [self.sum()]
        while self.next == ",":
            self.take()
            found.append(self.sum())
        self.take(")", "}")
        return found

    def subscripts(self) -> list[Function]:
        """Read subscripts: symbols and labels run together, anything else with commas."""
        self.take("_", "{")
        start, found = self.place, []
        while (known := self.known()) is not None:
            found.append(self.named(*known))
            if self.next == "}":
                self.take()
                return found
        self.place = start
        found = [self.sum()]
        while self.next == ",":
            self.take()
            found.append(self.sum())
        self.take("}")
        return found

    def bracket(self) -> Function:
        """Read what stands in brackets."""
        self.take("(")
        return self.until(")")

    def braces(self) -> Function:
        """Read what TeX keeps together, and nobody sees: a name that has a subscript already."""
        self.take("{")
        return self.until("}")

    def bars(self) -> Function:
        """Read an absolute value."""
        self.take("|(", "{")
        inside = self.until("}")
        self.take("|)")
        return lambda at: abs(inside(at))

    def at_place(self) -> Function:
        """Read a value at a place: what stands in brackets, with numbers for the variables at their foot."""
        self.take(r"\left", "[")
        inside = self.sum()
        self.take(r"\right", "]", "_", "{")
        places, after = [], ""
        while after != "}":
            name = self.name()
            self.take("=")
            places.append((name, self.sum()))
            after = self.take()
            if after not in (",", "}"):
                message = f"not a list of places: {after}"
                raise Unreadable(message)
        return lambda at: inside({**at, **{name: place(at) for name, place in places}})

    def fraction(self) -> Function:
        """Read a fraction."""
        self.take(r"\frac", "{")
        above = self.until("}")
        self.take("{")
        below = self.until("}")
        return lambda at: above(at) * _power(below(at), -1)

    def root(self) -> Function:
        """Read a root."""
        self.take(r"\sqrt")
        degree = mpmath.mpf(2)
        if self.next == "[":
            self.take("[")
            degree = mpmath.mpf(self.take())
            self.take("]")
        self.take("{")
        inside = self.until("}")
        return lambda at: _power(inside(at), 1 / degree)

    def kronecker(self) -> Function:
        """Read a Kronecker delta."""
        self.take(r"\delta")
        a, b = self.subscripts()
        return lambda at: mpmath.mpf(a(at) == b(at))

    def maximum(self) -> Function:
        """Read the largest of some numbers."""
        self.take(r"\max", "(")
        numbers = [self.sum()]
        while self.next == ",":
            self.take()
            numbers.append(self.sum())
        self.take(")")
        return lambda at: max(number(at) for number in numbers)

    def applied(self) -> Function:
        """Read a function that has a name of its own."""
        name = self.take()
        if name == r"\operatorname":
            start = self.place
            self.take("{")
            while self.next != "}":
                self.take()
            self.take()
            name = "".join(self.tokens[start + 1 : self.place - 1])
        functions = {r"\tanh": mpmath.tanh, "erf": mpmath.erf, "sign": mpmath.sign}
        if name not in functions:
            message = f"unknown function {name}"
            raise Unreadable(message)
        exponent = self.exponent()
        (argument,) = self.arguments()
        return _powered(lambda at: functions[name](argument(at)), exponent)


def _closing(signs: Sequence[str]) -> int:
    depth = 0
    for place, sign in enumerate(signs):
        depth += (sign in ("(", "|(")) - (sign in (")", "|)"))
        if depth == 0:
            return place
    message = "a bracket is not closed"
    raise Unreadable(message)


def _ordered(limits: list[Any]) -> list[Any]:
    """Return limits so that each needs only those before it."""
    waiting, found = list(limits), []
    while waiting:
        for limit in waiting:
            if not any(_needs(limit, other[0]) for other in waiting if other is not limit):
                break
        else:
            message = f"each limit needs another: {[name for name, _, _ in limits]}"
            raise Ambiguous(message)
        waiting.remove(limit)
        found.append(limit)
    return found


def _needs(limit: Any, name: Any) -> bool:
    used: set[Any] = set()

    class Spy(dict[Any, Any]):
        def __getitem__(self, key: Any) -> Any:
            used.add(key)
            return mpmath.mpf(1)

    for bound in limit[1:]:
        bound(Spy())
    return name in used


def _places(limits: Sequence[Any], at: Values) -> Iterator[Values]:
    if not limits:
        yield at
        return
    (name, first, last), *others = limits
    start, end = first(at), last(at)
    if not (mpmath.isint(start) and mpmath.isint(end)):
        message = f"a sum from {start} to {end}"
        raise Unreadable(message)
    for number in range(int(start), int(end) + 1):
        yield from _places(others, {**at, name: number})


def _folded(combine: Callable[[Any, Any], Any], functions: Sequence[Function]) -> Function:
    if len(functions) == 1:
        return functions[0]
    return lambda at: reduce(combine, [function(at) for function in functions])


def _negative(function: Function) -> Function:
    return lambda at: -function(at)


def _product(numbers: Sequence[Any]) -> Any:
    return reduce(mpmath.fmul, numbers, mpmath.mpf(1))


def _powered(base: Function, exponent: Function | None) -> Function:
    return base if exponent is None else lambda at: _power(base(at), exponent(at))


def _power(base: Any, exponent: Any) -> Any:
    if (exponent < 0 and abs(base) < mpmath.mpf(10) ** -25) or (base <= 0 and not mpmath.isint(exponent)):
        message = f"{base} to the power {exponent}"
        raise ArithmeticError(message)
    return mpmath.power(base, exponent)


def _log(number: Any) -> Any:
    if not number > 0:
        message = f"the logarithm of {number}"
        raise ArithmeticError(message)
    return mpmath.log(number)


STEP = mpmath.mpf(10) ** -12


def _slope(function: Function, variable: tuple[Any, list[Function]]) -> Function:
    """Return the derivative by a difference over a short step, good to 24 digits."""
    meaning, subscripts = variable

    def value(at: Values) -> Any:
        where = [int(index(at)) - 1 for index in subscripts]
        ends = [function({**at, meaning: _moved(at[meaning], where, step)}) for step in (STEP, -STEP)]
        return (ends[0] - ends[1]) / (2 * STEP)

    return value


def _moved(array: Any, where: Sequence[int], step: Any) -> Any:
    if not where:
        return array + step
    first, *others = where
    return [*array[:first], _moved(array[first], others, step), *array[first + 1 :]]
