"""Whether a statement is proved: the way from its form to the algebra that decides it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import sympy as sp

from xentlib.proof._assumptions import smallest
from xentlib.proof.core.algebra import residual
from xentlib.proof.core.induction import why_not_by_induction
from xentlib.proof.core.kinks import why_no_derivative
from xentlib.proof.core.signs import is_nonnegative, is_positive
from xentlib.proof.core.subject import axes_of, places, symbols_of
from xentlib.proof.core.symbols import SIZE, Values
from xentlib.proof.core.unfold import Defined, definition, opened, substitute, unfold


class Key(NamedTuple):
    """What helps to prove a statement; each form of statement has one kind of key."""

    certificate: Any = None
    """Of an inequality: an expression equal to the greater side less the smaller."""
    increasing: Any = None
    """Of an Equivalent: the function that leads from one inequality to the other."""
    induction: Any = None
    """Of an equation: the size over which to prove it."""

    def only(self, name: str) -> bool:
        """Return whether no other key is given."""
        return self._replace(**{name: None}) == Key()

    def __str__(self) -> str:
        """Return the key as it was given to `prove`."""
        given = (f"{name}={value}" for name, value in self._asdict().items() if value is not None)
        return ", ".join(given) or "no key"


def _why_not(statement: Any, given: Sequence[Any], key: Key) -> str | None:
    """Return None if a statement is proved, else what stands in the way."""
    no_value = why_no_derivative(statement, _distinct(given)) or _why_no_value(statement, given)
    if no_value is not None:
        return no_value
    if isinstance(statement, sp.Eq) and key.induction is not None:
        return why_not_by_induction(statement.lhs, statement.rhs, key.induction, _equations(given))
    if isinstance(statement, sp.Eq):
        left = residual(statement.lhs - statement.rhs, _about_numbers(given))
        return None if left == 0 else f"left side - right side = {left}"
    if isinstance(statement, sp.Gt | sp.Lt | sp.Ge | sp.Le):
        return _why_not_ordered(statement, given, key.certificate)
    if isinstance(statement, sp.And):
        return next(filter(None, (_why_not(part, given, key) for part in statement.args)), None)
    return _why_not_equivalent(statement, key.increasing)


def _why_no_value(statement: Any, given: Sequence[Any]) -> str | None:
    """Return what has no real value for some size, None if nothing is seen to have none."""
    sizes = {size: size + smallest(size, given) - 1 for size in SIZE.values()}
    for part, further in _with_ranges(unfold(statement), sizes):
        if isinstance(part, sp.log | sp.Pow) and not _is_fine(part, further):
            return f"{part} is not shown to have a real value for every size that the assumptions allow"
        if isinstance(part, sp.Piecewise) and part.args[-1][1] != sp.true:
            return f"{part} has no value where none of its conditions holds: end it with (..., True)"
    return None


def _with_ranges(expr: Any, further: Mapping[sp.Symbol, sp.Expr]) -> Iterator[tuple[Any, Any]]:
    """Yield each part with what its sizes and indices are, written by numbers from 1 on."""
    yield expr, further
    if isinstance(expr, sp.Sum | sp.Product):
        # A sum takes its index through its whole range, so that there, too, each value is needed.
        term, index, first, last = opened(expr)
        start = index + first - 1 if first.is_Integer else index
        yield from _with_ranges(term, {**further, index: start})
        yield from _with_ranges(last, further)
    elif not isinstance(expr, sp.Indexed):
        for part in expr.args:
            yield from _with_ranges(part, further)


def _is_fine(part: sp.Expr, further: Mapping[sp.Symbol, sp.Expr]) -> bool:
    """Return whether a logarithm or a power has a value, as far as the factors made of sizes tell."""
    base = part.args[0]
    if not base.free_symbols & further.keys():
        return True
    factors = sp.Mul.make_args(sp.factor_terms(sp.factor(base) if base.is_polynomial() else base))
    own = [f for f in factors if f.free_symbols and f.free_symbols <= further.keys()]
    of_sizes = substitute(sp.expand(sp.Mul(*own)), further)
    if not own or (part.is_Pow and part.exp.is_nonnegative and part.exp.is_integer):
        return True
    if len(own) == sum(bool(f.free_symbols) for f in factors):
        # No other factor could make up for a sign.
        whole = substitute(sp.expand(base), further)
        return bool(whole.is_nonzero if part.is_Pow and part.exp.is_integer else whole.is_positive)
    others = sp.Mul(*(f for f in factors if f not in own))
    needs_sign = not (part.is_Pow and part.exp.is_integer) and others.is_nonnegative
    return bool(of_sizes.is_positive if needs_sign else of_sizes.is_nonzero)


def _equations(given: Sequence[Any]) -> list[Any]:
    return [a for a in given if isinstance(a, sp.Eq)]


def _about_numbers(given: Sequence[Any]) -> list[Any]:
    return [a for a in given if isinstance(a, sp.Eq | sp.Ne)]


def _distinct(given: Sequence[Any]) -> list[Any]:
    return [a.args for a in given if isinstance(a, sp.Ne)]


def _why_not_ordered(statement: Any, given: Sequence[Any], certificate: Any) -> str | None:
    """Show that the greater side exceeds the other by what has the wanted sign."""
    difference = statement.gts - statement.lts
    if certificate is not None:
        left = residual(difference - certificate, _about_numbers(given))
        if left != 0:
            return f"greater side - smaller side - ({certificate}) = {left}"
    excess = difference if certificate is None else certificate
    several = [size for size in SIZE.values() if smallest(size, given) >= 2]
    if isinstance(statement, sp.Ge | sp.Le):
        return None if is_nonnegative(excess, several=several) else f"no proof that {excess} is not negative"
    if is_positive(excess, several=several, distinct=_distinct(given)):
        return None
    return f"no proof that {excess} is positive"


def check_form(statement: Any, key: Key) -> None:
    """Raise unless a statement has a form that can be decided, with the key that fits it.

    Parameters
    ----------
    statement : Basic
        The statement.
    key : Key
        What helps to prove it.

    Raises
    ------
    TypeError
        If `prove` does not take such a statement, or not with this key.
    """
    for part in statement.args if isinstance(statement, sp.And) else (statement,):
        if isinstance(part, bool) or part in (sp.true, sp.false):
            continue
        if isinstance(part, sp.Eq):
            fits = key.only("induction") and key.induction in (None, *SIZE.values())
        elif isinstance(part, sp.Gt | sp.Lt | sp.Ge | sp.Le):
            fits = key.only("certificate") and isinstance(key.certificate, sp.Expr | None)
        else:
            fits = _is_equivalence(part) and key.only("increasing") and callable(key.increasing)
        if not fits:
            message = (
                "prove takes an equation (with induction=a size, if by induction), an inequality (with "
                "certificate=an expression equal to the difference), a list of these, or an "
                "Equivalent of two strict inequalities with increasing=an increasing function; this is a "
                f"{type(part).__name__} with {key}"
            )
            raise TypeError(message)


def _is_equivalence(statement: Any) -> bool:
    parts = statement.args if isinstance(statement, sp.Equivalent) else ()
    return len(parts) == 2 and all(isinstance(part, sp.Gt | sp.Lt) for part in parts)


def _why_not_equivalent(statement: sp.Equivalent, increasing: Callable[[Any], Any]) -> str | None:
    r"""Show a < b <=> c < d by (d - c) = factor * (g(b) - g(a)), g increasing, factor positive."""
    shown = False
    for one, other in (statement.args, statement.args[::-1]):
        x = sp.Dummy("x", positive=True) if all(map(is_positive, one.args)) else sp.Dummy("x", real=True)
        # Positive is also finite: where g has a pole, as tan has, its derivative is not shown positive.
        # Called once, so that it cannot be one function here and another there.
        function = sp.sympify(increasing(x))
        if not isinstance(function, sp.Expr):
            return f"{increasing} returns {function}, which is no expression"
        function = unfold(function)
        # What jumps may fall there, and grow everywhere else.
        jumps = function.atoms(sp.Function) - function.atoms(sp.exp, sp.log, sp.tanh, sp.erf)
        if jumps or not sp.diff(function, x).is_positive:
            continue
        shown = True
        greater, smaller = (substitute(function, {x: side}) for side in (one.gts, one.lts))
        factor = (other.gts - other.lts) / (greater - smaller)
        if is_positive(factor):
            return None
    if not shown:
        return f"{increasing} is not shown to be increasing"
    return f"neither side's gap is shown to be a positive multiple of the other's gap under {increasing}"


def shows_nothing(statement: Any, given: Sequence[Any]) -> str | None:
    """Return why a statement would be no achievement to prove, None if it would be one."""
    if isinstance(statement, bool) or statement in (sp.true, sp.false):
        return f"SymPy made it {statement} before it could be checked (evaluate=False prevents that)"
    if isinstance(statement, sp.And):
        return next(filter(None, (shows_nothing(part, given) for part in statement.args)), None)
    if _is_equivalence(statement):
        gaps = {_apart(part.gts - part.lts) for part in statement.args}
        return "it is a tautology, its sides are the same" if len(gaps) == 1 else None
    difference = _apart(statement.lhs - statement.rhs)
    rules = {_apart(known.lhs): _apart(known.rhs) for known in given if isinstance(known, sp.Eq)}
    if difference == 0:
        return "it is a tautology, its sides are the same"
    try:
        repeats = substitute(difference, rules) == 0
    except ValueError:
        return None  # derivatives are carried out before what is given is put in
    return "it only repeats what is given" if repeats else None


def same(one: Any, other: Any) -> bool:
    """Return whether two expressions are the same but for the names of quantities and of bound indices."""
    return bool(_apart(sp.sympify(one)) == _apart(sp.sympify(other)))


def _apart(expr: sp.Expr) -> sp.Expr:
    """Return an expression in which the names of quantities and of bound indices do not matter."""
    return unfold(_with_opaque_logarithms(expr))


_opaque = sp.Function("opaque_log", real=True)


def _with_opaque_logarithms(expr: Any) -> Any:
    """Unfold quantities, but keep exp(A) apart from what A is the logarithm of, which is a result."""
    if isinstance(expr, Defined):
        formula, stands_for = definition(expr)
        return substitute(unfold(_with_opaque_logarithms(formula)), stands_for)
    if not expr.args or isinstance(expr, sp.Indexed):
        return expr
    parts = [*map(_with_opaque_logarithms, expr.args)]
    if isinstance(expr, sp.log):
        return _opaque(*parts)
    return expr.func(*parts)


def check_meaning(statement: Any, given: Sequence[Any], sizes: Values) -> None:
    """Raise if a statement speaks of what there is not, for the algebra would not notice.

    Parameters
    ----------
    statement : Basic
        A statement.
    given : sequence of relations
        Assumptions.
    sizes : mapping
        Sizes that are fixed.

    Raises
    ------
    ValueError
        If a derivative is taken with respect to a whole number, such as a size or an index, or not a given
        number of times; if an array is used at a place, such as 3, that it does not have for every size.
    """
    slopes = [slope for part in (statement, *given) for slope in unfold(part).atoms(sp.Derivative)]
    for slope in slopes:
        if any(variable.is_integer or not count.is_Integer for variable, count in slope.variable_count):
            message = (
                f"a derivative is taken by real numbers, each a given number of times, not as in {slope}"
            )
            raise ValueError(message)
    for array, axes in axes_of(sp.Tuple(statement, *given)).items():
        for ends in axes:
            places = [end for end in ends if end.is_Integer]
            least = [(sizes.get(end, smallest(end, given)), end) for end in ends if end in SIZE.values()]
            if places and least and max(places) > min(least)[0]:
                shortest, size = min(least)
                message = (
                    f"{array} has no place {max(places)} where {size} = {shortest}; "
                    f"assume {size} >= {max(places)}, or fix {size} by sizes="
                )
                raise ValueError(message)


def reason_against(statement: Any, given: Sequence[Any], key: Key, sizes: Values) -> str | None:
    """Return None if a statement is proved, at each place of the indices where a size is fixed."""
    indices = sorted((s for s in symbols_of(statement) if SIZE.get(s) in sizes), key=str)
    for place in places(indices, sizes):
        numbers = {**sizes, **place}
        known = [a if isinstance(a, sp.Ge | sp.Le) else _fixed(a, numbers) for a in given]
        certificate = None if key.certificate is None else _fixed(key.certificate, numbers)
        reason = _why_not(_fixed(statement, numbers), known, key._replace(certificate=certificate))
        if reason is not None:
            return reason
    return None


def _fixed(statement: Any, numbers: Values) -> Any:
    """Put numbers for sizes and indices in a statement and inside its named quantities."""
    if not numbers:
        return statement
    if isinstance(statement, sp.Expr):
        return substitute(unfold(statement), {s: sp.Integer(number) for s, number in numbers.items()})
    return statement.func(*(_fixed(part, numbers) for part in statement.args), evaluate=False)
