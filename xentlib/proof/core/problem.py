"""The door: a statement with all that helps to prove it, read once and checked before anything is decided."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational

from xentlib.proof.core.subject import axes_of, symbols_of
from xentlib.proof.core.symbols import SIZE, Values, c, delta
from xentlib.proof.core.unfold import unfold

LARGEST = 50
"""The largest size at which a statement is tried."""

ORDERED = sp.Gt | sp.Lt | sp.Ge | sp.Le


class VerificationError(AssertionError):
    """A claim did not hold; the message gives the residual or the witness.

    References
    ----------
    I. Lakatos, Proofs and Refutations (1976), on what a counterexample is good for.
    """


@dataclass(frozen=True)
class Given:
    """What is assumed, sorted by kind.

    Attributes
    ----------
    relations : tuple
        All of it, as it came.
    """

    relations: tuple[Any, ...] = ()

    @cached_property
    def bounds(self) -> dict[sp.Symbol, int]:
        """What sizes are at least, where something is said of that."""
        found: dict[sp.Symbol, int] = {}
        for a in self.relations:
            if is_bound(a):
                found[a.gts] = max(found.get(a.gts, 1), int(a.lts))
        return found

    @cached_property
    def rules(self) -> tuple[sp.Eq, ...]:
        """Equations: what stands on the left is replaced by what stands on the right."""
        return tuple(a for a in self.relations if isinstance(a, sp.Eq))

    @cached_property
    def equations(self) -> tuple[sp.Eq, ...]:
        """Of the rules those that are about numbers."""
        return tuple(a for a in self.rules if not a.lhs.atoms(AppliedUndef))

    @cached_property
    def hypotheses(self) -> tuple[sp.Eq, ...]:
        """Of the rules those that are about undefined functions, so that no number satisfies them."""
        return tuple(a for a in self.rules if a.lhs.atoms(AppliedUndef))

    @cached_property
    def distinct(self) -> tuple[sp.Ne, ...]:
        """Pairs of numbers that differ."""
        return tuple(a for a in self.relations if isinstance(a, sp.Ne))

    def least(self, size: sp.Symbol) -> int:
        """Return the smallest value of a size."""
        return self.bounds.get(size, 1)

    @property
    def several(self) -> list[sp.Symbol]:
        """The sizes that are at least 2."""
        return [size for size in SIZE.values() if self.least(size) >= 2]


NOTHING = Given()
"""No assumptions."""


@dataclass(frozen=True)
class Key:
    """What helps to prove a statement; each form of statement has one kind of key."""

    certificate: Any = None
    """Of an inequality: an expression equal to the greater side less the smaller."""
    increasing: Any = None
    """Of an Equivalent: the function that leads from one inequality to the other."""
    induction: Any = None
    """Of an equation: the size over which to prove it."""

    def only(self, name: str) -> bool:
        """Return whether no other key is given."""
        return all(value is None for kind, value in vars(self).items() if kind != name)

    def __str__(self) -> str:
        """Return the key as it was given to `prove`."""
        given = (f"{name}={value}" for name, value in vars(self).items() if value is not None)
        return ", ".join(given) or "no key"


@dataclass(frozen=True)
class Problem:
    """A statement that can be decided: every check on what came has been made.

    Attributes
    ----------
    statement : Basic
        An equation, an inequality, an Equivalent, or an And of equations and inequalities.
    given : Given
        What is assumed.
    key : Key
        What helps to prove it.
    sizes : mapping
        Sizes that are fixed.
    """

    statement: Any
    given: Given = field(default_factory=Given)
    key: Key = field(default_factory=Key)
    sizes: Values = field(default_factory=dict)

    @property
    def parts(self) -> tuple[Any, ...]:
        """The single statements, all of which are claimed."""
        return parts_of(self.statement)

    def altered(self, statement: Any) -> Problem:
        """Return another statement with the same help."""
        return Problem(statement, self.given, self.key, self.sizes)


def parts_of(statement: Any) -> tuple[Any, ...]:
    """Return the members of a list of statements, or the one statement."""
    return tuple(statement.args) if isinstance(statement, sp.And) else (statement,)


def read(
    statement: Any,
    given: Any = (),
    *,
    key: Key | None = None,
    sizes: Values | None = None,
    provable: bool = True,
) -> Problem:
    """Read a statement with its assumptions and its key, and refuse what would not mean what it says.

    Parameters
    ----------
    statement : Basic or list
        A statement, or a list of statements which are all claimed; expressions in a Tuple for a derivation.
    given : relation or sequence of relations
        Assumptions.
    key : Key
        What helps to prove it.
    sizes : mapping
        Sizes to fix.
    provable : bool
        Whether the form must be one that can be proved.

    Returns
    -------
    Problem
        What the rest of the core decides.

    Raises
    ------
    VerificationError
        If SymPy has decided a member of a list already.
    TypeError
        If the statement, an assumption or the key has another form than those that are decided.
    ValueError
        If something in any of them is not exact, or speaks of what there is not: an entry that an array
        lacks, a derivative with respect to a whole number, an assumption that replaces a number.

    Examples
    --------
    >>> from xentlib.proof import K, k, p, sum_over
    >>> read(sp.Eq(sum_over(k, p[k]), 1), K >= 2).given.least(K)
    2
    """
    help_ = key or Key()
    if not isinstance(statement, sp.Basic | bool | list | tuple):
        message = f"a statement is an equation, an inequality or a list of these, not {statement!r}"
        raise TypeError(message)
    joined = _joined(statement)
    known = Given(_assumptions(given))
    if provable:
        _check_form(joined, help_)
    for part in (joined, *known.relations, *_expressions(help_)):
        _check_sides(part)
        _check_reach(part)
        check_exact(part)
        _check_symbols(part)
    fixed = _checked_sizes(sizes or {}, known)
    _check_meaning(sp.Tuple(joined, *known.relations, *_expressions(help_)), known, fixed)
    problem = Problem(joined, known, help_, fixed)
    count = math.prod(fixed[SIZE[index]] for index in indices_of(problem))
    if count > _MOST_PLACES:
        message = f"at {count} places of its indices nobody would wait for {joined}: fix smaller sizes"
        raise ValueError(message)
    return problem


# --- the statement ------------------------------------------------------------------------------------------


def _joined(statement: Any) -> Any:
    """Return several statements as one, of which no part is lost."""
    if isinstance(statement, sp.And):
        message = "And drops the parts that SymPy decides by itself; give a list of statements"
        raise TypeError(message)
    if not isinstance(statement, list | tuple):
        return statement
    for number, part in enumerate(statement, start=1):
        if is_decided(part):
            message = f"there is nothing to prove in part {number}: {decided(part)}"
            raise VerificationError(message)
        if not isinstance(part, Relational):
            message = f"part {number} of the list is no statement: {part}"
            raise TypeError(message)
    if len(set(statement)) < max(len(statement), 2):
        message = f"a list has at least two different statements, not {statement}"
        raise ValueError(message)
    return sp.And(*statement, evaluate=False)


def is_decided(statement: Any) -> bool:
    """Return whether SymPy has made a statement True or False."""
    return isinstance(statement, bool) or statement in (sp.true, sp.false)


def decided(statement: Any) -> str:
    """Return what to say of a statement that SymPy has decided."""
    return f"SymPy made it {statement} before it could be checked (evaluate=False prevents that)"


def is_equivalence(statement: Any) -> bool:
    """Return whether a statement says that two strict inequalities hold together."""
    parts = statement.args if isinstance(statement, sp.Equivalent) else ()
    return len(parts) == 2 and all(isinstance(part, sp.Gt | sp.Lt) for part in parts)


def _check_form(statement: Any, key: Key) -> None:
    for part in parts_of(statement):
        if is_decided(part):
            continue
        if isinstance(part, sp.Eq):
            fits = key.only("induction") and key.induction in (None, *SIZE.values())
        elif isinstance(part, ORDERED):
            fits = key.only("certificate") and isinstance(key.certificate, sp.Expr | None)
        elif isinstance(part, sp.Tuple):
            fits = key == Key()
        else:
            fits = is_equivalence(part) and key.only("increasing") and callable(key.increasing)
        if not fits:
            message = (
                "prove takes an equation (with induction=a size, if by induction), an inequality (with "
                "certificate=an expression equal to the difference), a list of these, or an "
                "Equivalent of two strict inequalities with increasing=an increasing function; this is a "
                f"{type(part).__name__} with {key}"
            )
            raise TypeError(message)


# --- what is exact ------------------------------------------------------------------------------------------


def _expressions(key: Key) -> Iterator[Any]:
    """Yield the expressions of a key, as what is put in a function that of a symbol."""
    if key.certificate is not None:
        yield key.certificate
    if callable(key.increasing):
        yield applied(key.increasing, sp.Dummy("x", real=True))


def applied(increasing: Callable[[Any], Any], to: sp.Expr) -> sp.Expr:
    """Return what a function that `increasing=` names makes of an expression.

    Raises
    ------
    TypeError
        If it is no expression.
    """
    found = increasing(to)
    made = sp.sympify(found) if not isinstance(found, str) else None
    if not isinstance(made, sp.Expr):
        message = f"increasing= is a function from a number to an expression, but it returns {found!r}"
        raise TypeError(message)
    return made


def check_exact(statement: Any) -> None:
    """Raise if a number in a statement is not exact.

    Parameters
    ----------
    statement : Basic
        A statement or an expression.

    Raises
    ------
    ValueError
        If there is a float in it, or in the formula of a quantity: what is printed would be rounded.
    """
    floats = unfold(statement).atoms(sp.Float) if isinstance(statement, sp.Basic) else ()
    if floats:
        message = f"a statement is exact, but {statement} has {sorted(floats)}: write a Rational"
        raise ValueError(message)


def _check_sides(part: Any) -> None:
    """Raise if something else than numbers is compared, such as sets, functions or statements."""
    for relation in part.atoms(Relational) if isinstance(part, sp.Basic) else ():
        for side in relation.args:
            if not isinstance(side, sp.Expr) or isinstance(side, sp.Lambda | sp.MatrixExpr):
                kind = type(side).__name__
                message = f"a statement compares numbers, not {side} of type {kind}, as in {relation}"
                raise TypeError(message)


FURTHEST = 1000
"""The largest number to which a sum runs, or of an entry, if it is written out."""

_DEEPEST = 5


_MOST_PLACES = 10_000
"""At so many places of the indices a statement with fixed sizes is decided, one by one."""


def _check_reach(part: Any) -> None:
    """Raise if something is so long or so deep that nobody would wait for it."""
    if not isinstance(part, sp.Basic):
        return
    # What is unfolded is built anew, which takes long if it is deep.
    plain = unfold(part) if _depth(part) <= _DEEPEST else part
    numbers = [index for e in plain.atoms(sp.Indexed) for index in e.indices]
    for total in plain.atoms(sp.Sum, sp.Product):
        numbers += [end for _, *ends in total.limits for end in ends]
    for number in numbers:
        if number.atoms(sp.Pow) or any(abs(n) > FURTHEST for n in number.atoms(sp.Integer)):
            message = (
                f"{number} is too far for a sum or an array of which all is computed: take a size, "
                f"or a number up to {FURTHEST}"
            )
            raise ValueError(message)
    if _depth(plain) > _DEEPEST:
        message = f"functions are nested more than {_DEEPEST} deep: put a symbol for a part of {part}"
        raise ValueError(message)


@cache
def _depth(expr: Any) -> int:
    """Return how deep functions are nested, such as exp(Max(a, b))."""
    below = max(map(_depth, expr.args), default=0)
    return below + isinstance(expr, sp.Function | sp.Max | sp.Min)


# --- the assumptions ----------------------------------------------------------------------------------------


def _assumptions(given: Any) -> tuple[Any, ...]:
    """Return assumptions as a tuple, after checking that each is of a kind that is respected."""
    assumptions = tuple(given) if isinstance(given, Sequence) else (given,)
    for a in assumptions:
        if is_bound(a) and a.lts > LARGEST:
            message = f"{a} leaves only sizes that are too large to try with numbers, up to {LARGEST} is fine"
            raise ValueError(message)
        if not isinstance(a, sp.Eq | sp.Ne) and not is_bound(a):
            message = f"an assumption is a bound such as K >= 2, an equation or Ne(a, b), not {a}"
            raise TypeError(message)
    equations = [a for a in assumptions if isinstance(a, sp.Eq)]
    for known in equations:
        others = [other.lhs for other in equations if other is not known]
        if known.lhs.is_number:
            message = f"the left side of {known} is to be replaced, so it cannot be a number"
            raise ValueError(message)
        if unfold(known.rhs).has(unfold(known.lhs)) or any(lhs.has(known.lhs) for lhs in others):
            message = f"{known} is circular, or what it replaces stands in another assumption: {equations}"
            raise ValueError(message)
        if known.lhs in SIZE.values():
            message = f"a size is fixed by sizes={{{known.lhs}: {known.rhs}}}, not by the assumption {known}"
            raise ValueError(message)
        functions = {a.func for a in known.lhs.atoms(AppliedUndef)}
        if functions and not _is_of_one_variable(known.lhs):
            # No number could satisfy it, and that it can be satisfied at all would be nobody's to say.
            message = (
                f"an equation about a function says what f(x), or a derivative of it, is, unlike {known}"
            )
            raise ValueError(message)
        if any(functions & {a.func for a in lhs.atoms(AppliedUndef)} for lhs in others):
            message = f"{known} and another assumption are about one function, and may contradict each other"
            raise ValueError(message)
    return assumptions


def _is_of_one_variable(of_function: Any) -> bool:
    """Return whether what is assumed of an undefined function is about f(x) or a derivative of it."""
    value = of_function.expr if isinstance(of_function, sp.Derivative) else of_function
    return isinstance(value, AppliedUndef) and len(value.args) == 1 and value.args[0].is_Symbol


def is_bound(assumption: Any) -> bool:
    """Return whether an assumption says how large a size is at least, such as K >= 2."""
    return (
        isinstance(assumption, sp.Ge | sp.Le)
        and assumption.gts in SIZE.values()
        and assumption.lts.is_Integer
    )


def _checked_sizes(sizes: Any, given: Given) -> Values:
    if not isinstance(sizes, Mapping):
        message = f"sizes= is a dict such as {{K: 2}}, not {sizes!r}"
        raise TypeError(message)
    for size, value in sizes.items():
        allowed = type(value) is int and given.least(size) <= value <= LARGEST
        if size not in SIZE.values() or not allowed:
            message = (
                f"sizes= fixes sizes, such as {{K: 2}}, as the assumptions allow, not {size} = {value!r} "
                f"(of more than {LARGEST} no numbers are tried)"
            )
            raise ValueError(message)
    return dict(sizes)


# --- what it speaks of --------------------------------------------------------------------------------------

SIGNS = {"positive": sp.Gt, "negative": sp.Lt, "nonnegative": sp.Ge, "nonpositive": sp.Le, "nonzero": sp.Ne}
"""What a symbol may be assumed to be, and how that is written."""

_HEEDED = ("real", "integer", *SIGNS)


def _check_symbols(part: Any) -> None:
    """Raise if a symbol is assumed to be what neither the numbers nor the line of the proof would heed."""
    if not isinstance(part, sp.Basic):
        return
    plain = unfold(part)
    labels = {array.label for array in plain.atoms(sp.IndexedBase)}
    symbols = plain.atoms(sp.Symbol, AppliedUndef) - labels - {*SIZE, *SIZE.values()}
    for symbol in sorted(symbols - plain.atoms(sp.Dummy), key=str) + sorted(
        plain.atoms(sp.IndexedBase) - {c}, key=str
    ):
        assumed = {kind: True for kind in _HEEDED if getattr(symbol, f"is_{kind}")}
        heeded = sp.Symbol("_", **assumed).assumptions0
        facts = getattr(symbol, "assumptions0", {})
        more = {kind for kind, known in facts.items() if heeded.get(kind) != known}
        if symbol.is_zero:
            more.add("zero")
        if more:
            message = (
                f"{symbol} is assumed to be {sorted(more)}, which the numbers that try a statement do not "
                f"heed: of {sorted(_HEEDED)} there is what is needed"
            )
            raise ValueError(message)


_FOREIGN = (sp.Limit, sp.Order, sp.MatrixExpr, sp.Integral, sp.floor, sp.ceiling, sp.Mod)


def _check_meaning(subject: Any, given: Given, sizes: Mapping[Any, Any]) -> None:
    """Raise if a statement speaks of what there is not, for the algebra would not notice."""
    plain = unfold(subject)
    foreign = plain.atoms(*_FOREIGN) | {d for d in plain.atoms(delta) if len(d.args) > 2}
    if foreign:
        message = (
            f"of {sorted(map(str, foreign))} neither the algebra nor the numbers know anything: a statement "
            "is made of sums, products, powers, exp, log, derivatives, maxima, Piecewise and delta(i, j)"
        )
        raise TypeError(message)
    for slope in plain.atoms(sp.Derivative):
        if any(variable.is_integer or not count.is_Integer for variable, count in slope.variable_count):
            message = (
                f"a derivative is taken by real numbers, each a given number of times, not as in {slope}"
            )
            raise ValueError(message)
        steps = [value for value in slope.atoms(AppliedUndef) if value.is_integer]
        if steps:
            message = (
                f"{steps[0]} is assumed to be whole, so that it jumps or stays: it has no slope as in {slope}"
            )
            raise ValueError(message)
        labels = {array.label for array in plain.atoms(sp.IndexedBase)}
        if labels & set(slope.variables):
            message = f"a derivative is taken by an entry of an array, not by the array, as in {slope}"
            raise ValueError(message)
        jumps = [d for d in slope.expr.atoms(delta) if d.free_symbols & {v for v, _ in slope.variable_count}]
        if jumps:
            message = f"{jumps[0]} jumps where {slope.variables[0]} moves, so that it has no derivative"
            raise ValueError(message)
    free = symbols_of(subject) - {*SIZE, *SIZE.values()}
    for element in plain.atoms(sp.Indexed):
        if free & set(element.indices):
            message = (
                f"{element} stands at an index of which nobody knows how far it runs: take one of "
                f"{', '.join(map(str, SIZE))}, a number, or a label such as c[n]"
            )
            raise ValueError(message)
    for array, axes in axes_of(subject).items():
        for ends in axes:
            numbers = [end for end in ends if end.is_number]
            for place in numbers:
                if not (place.is_Integer and place >= 1):
                    message = f"the entries of {array} are numbered 1, 2, ..., so there is no place {place}"
                    raise ValueError(message)
            least = [(sizes.get(end, given.least(end)), end) for end in ends if end in SIZE.values()]
            if numbers and least and max(numbers) > min(least)[0]:
                shortest, size = min(least)
                message = (
                    f"{array} has no place {max(numbers)} where {size} = {shortest}; "
                    f"assume {size} >= {max(numbers)}, or fix {size} by sizes="
                )
                raise ValueError(message)


def indices_of(problem: Problem) -> list[sp.Symbol]:
    """Return the free indices whose range is fixed, at each place of which a statement is decided."""
    return sorted((s for s in symbols_of(problem.statement) if SIZE.get(s) in problem.sizes), key=str)
