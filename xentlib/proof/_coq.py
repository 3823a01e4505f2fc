"""A statement in Coq: what was proved here, said again for a proof assistant that knows nothing of SymPy.

The words that it uses, such as `sum` and `is_partial`, are defined in `book/formal/Definitions.v`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from xentlib.proof._assumptions import indices_of
from xentlib.proof._latex import equivalents, fraction, in_order, place_of_factor, sign_and_size
from xentlib.proof._quantities import A, p
from xentlib.proof.core.problem import SIGNS, Given, is_bound, parts_of
from xentlib.proof.core.subject import axes_of, functions_of, symbols_of
from xentlib.proof.core.symbols import SIZE, K, Values, c, outermost
from xentlib.proof.core.unfold import Defined, definition, substitute, unfold

Names = Mapping[Any, str]
"""What each symbol in scope is called."""

_TAKEN = frozenset(
    re.findall(
        r"\w+",
        """R S O I nat exp ln sqrt sum prod delta softmax lse upd upd2 tanh PI INR Rmax Rmin Rabs Rpower
        Derive is_partial is_partial2 ex_partial ex_partial2 partial partial2 is_derive ex_derive
        fun let in if then else match end exists forall as at by for return where with using Set Prop Type""",
    )
)
"""What means something else in Coq than a letter."""

_SIGNS = {sp.Eq: "=", sp.Ne: "<>", sp.Lt: "<", sp.Le: "<="}
_FUNCTIONS = {sp.log: "ln", sp.tanh: "tanh", sp.Abs: "Rabs"}

# How loosely Coq binds: parentheses stand around what binds more loosely than its place allows.
_ATOM, _CALL, _POWER, _MINUS, _PRODUCT, _SUM, _ALL = 0, 10, 30, 35, 40, 50, 100


class UnprintableError(ValueError):
    """A statement has no counterpart in Coq; the message says what has none."""


def to_coq(statement: Any, given: Given, sizes: Values) -> str:
    """Return a statement with all that it assumes as a proposition of Coq.

    Parameters
    ----------
    statement : Basic
        A statement.
    given : Given
        Its assumptions.
    sizes : mapping
        Sizes that are fixed.

    Returns
    -------
    str
        One line for the letters, one for each assumption, one for each part of the statement. A slope that
        the statement speaks of is said to exist, before anything is said of its value.

    Raises
    ------
    UnprintableError
        If something in it has no counterpart.

    Examples
    --------
    >>> from xentlib.proof import i, j, p, z
    >>> print(to_coq(sp.Eq(sp.Derivative(p[i], z[j]), -p[i] * p[j]), Given((sp.Ne(i, j),)), {}))
    forall (K : nat) (z : nat -> R) (i j : nat),
      (1 <= K)%nat ->
      (1 <= i <= K)%nat ->
      (1 <= j <= K)%nat ->
      i <> j ->
      is_partial (fun z => softmax K z i) z j (- (softmax K z i * softmax K z j))
    """
    subject = sp.Tuple(statement, *given.relations)
    arrays = axes_of(subject)
    used = symbols_of(subject) - {array.label for array in arrays}
    indices = [index for index in SIZE if index in used]
    ends = {end for axes in arrays.values() for axis in axes for end in axis}
    needed = used | ends | {SIZE[index] for index in indices} | ({K} if c in arrays else set())
    counts = [size for size in dict.fromkeys(SIZE.values()) if size in needed]
    scalars = sorted(used - {*SIZE, *SIZE.values()}, key=str)
    functions = sorted({f.func for f in functions_of(subject)}, key=str)
    names: dict[Any, str] = {}
    for thing in (*counts, *functions, *arrays, *scalars, *indices):
        names[thing] = _fresh(str(thing), names)
    binders = [
        *(("nat", [names[count]]) for count in counts),
        *(("R -> R", [names[function]]) for function in functions),
        *((_kind_of(array, axes), [names[array]]) for array, axes in arrays.items()),
        ("R", [names[scalar] for scalar in scalars]),
        ("nat", [names[index] for index in indices]),
    ]
    lines = [
        *(_about_size(count, given, sizes, names) for count in counts),
        *(f"(1 <= {names[index]} <= {names[SIZE[index]]})%nat" for index in indices),
        *(line for array, axes in arrays.items() for line in _about_array(array, axes, names)),
        *(line for scalar in scalars for line in _about_scalar(scalar, names)),
        *(line for relation in given.relations if not is_bound(relation) for line in _given(relation, names)),
    ]
    claimed = " /\\\n  ".join(line for part in parts_of(statement) for line in _proposition(part, names))
    letters = " ".join(f"({' '.join(group)} : {kind})" for kind, group in binders if group)
    return f"forall {letters},\n  " + " ->\n  ".join([*lines, claimed])


def _fresh(wish: str, names: Names) -> str:
    """Return a name that is not in use, of an index rather another letter of the same range."""
    plain = re.sub(r"\W+", "_", wish).strip("_") or "x"
    like = [
        str(other) for index in SIZE if str(index) == wish for other in SIZE if SIZE[other] == SIZE[index]
    ]
    taken = {*names.values(), *_TAKEN}
    return next(name for name in (plain, *like, *(f"{plain}{n}" for n in range(1, 100))) if name not in taken)


# --- what is assumed ----------------------------------------------------------------------------------------


def _kind_of(array: sp.IndexedBase, axes: list[Any]) -> str:
    return " -> ".join(["nat"] * len(axes) + ["nat" if array == c else "R"])


def _about_size(size: sp.Symbol, given: Given, sizes: Values, names: Names) -> str:
    if size in sizes:
        return f"{names[size]} = {sizes[size]}%nat"
    return f"({given.least(size)} <= {names[size]})%nat"


def _about_array(array: sp.IndexedBase, axes: list[set[sp.Expr]], names: Names) -> list[str]:
    """Return what the entries of an array are, at every place that it has."""
    places: dict[str, str] = {}
    for ends, index in zip(axes, indices_of(axes), strict=True):
        size = next((end for end in ends if end in SIZE.values()), None)
        if size is None:
            message = f"how far {array} reaches"
            raise UnprintableError(message)
        places[_fresh(index.name, {**names, **{place: place for place in places}})] = names[size]
    entry = " ".join([names[array], *places])
    first = array[(sp.S.One,) * len(axes)]
    said = [f"(1 <= {entry} <= {names[K]})%nat"] if array == c else _sign(first, entry)
    bounds = "".join(f"(1 <= {index} <= {size})%nat -> " for index, size in places.items())
    return [f"(forall {' '.join(places)}, {bounds}{line})" for line in said]


def _about_scalar(scalar: sp.Symbol, names: Names) -> list[str]:
    if scalar.is_integer or not scalar.is_real:
        message = f"{scalar}, which is neither a real number nor an index"
        raise UnprintableError(message)
    return _sign(scalar, names[scalar])


def _sign(symbol: Any, name: str) -> list[str]:
    return [_relation(SIGNS[kind], name, "0") for kind in SIGNS if getattr(symbol, f"is_{kind}")][:1]


def _given(relation: Any, names: Names) -> list[str]:
    if relation.lhs.atoms(AppliedUndef):
        message = "what is assumed of a function at every place"
        raise UnprintableError(message)
    if isinstance(relation, sp.Ne) and all(side in SIZE for side in relation.args):
        return [f"{names[relation.lhs]} <> {names[relation.rhs]}"]
    return _proposition(relation, names)


# --- what is claimed ----------------------------------------------------------------------------------------


def _proposition(part: Any, names: Names) -> list[str]:
    """Return a statement as propositions that hold together: its slopes exist, and it holds."""
    if isinstance(part, sp.Equivalent):
        sides = (" /\\ ".join(_proposition(side, names)) for side in equivalents(part))
        return [" <-> ".join(f"({side})" for side in sides)]
    lhs, rhs = map(_known, part.args)
    if isinstance(part, sp.Eq) and isinstance(lhs, sp.Derivative):
        exist, head = _slope(lhs, names)
        return [*exist, *_existence(rhs, names), f"is{head} {_term(rhs, names, _ATOM)}"]
    exist = [line for side in (lhs, rhs) for line in _existence(side, names)]
    return [*dict.fromkeys(exist), _relation(part.func, _term(lhs, names), _term(rhs, names))]


def _relation(kind: Any, lhs: str, rhs: str) -> str:
    """Return a relation with the smaller side first, as Coq's own lemmas have it."""
    if kind in (sp.Gt, sp.Ge):
        kind, lhs, rhs = (sp.Lt if kind is sp.Gt else sp.Le), rhs, lhs
    return f"{lhs} {_SIGNS[kind]} {rhs}"


def _slope(derivative: sp.Derivative, names: Names) -> tuple[list[str], str]:
    """Return that all lower slopes exist, and of what the slope is taken, by what, and where."""
    *lower, variable = (v for v, times in derivative.variable_count for _ in range(times))
    body = sp.Derivative(derivative.expr, *lower) if lower else derivative.expr
    kind, letter, at = _mover(variable, names)
    exist = _existence(body, names)
    if lower:
        # Not only at the point, for there its own slope is taken.
        exist[-1] = f"(forall {letter}, {exist[-1]})"
    return exist, f"_{kind} (fun {letter} => {_term(body, names)}) {at}"


def _mover(variable: Any, names: Names) -> tuple[str, str, str]:
    """Return what kind of slope is taken by a variable, the letter that moves, and where it is taken."""
    if not isinstance(variable, sp.Indexed):
        return "derive", names[variable], names[variable]
    letter, axes = names[variable.base], len(variable.indices)
    at = " ".join([letter, *(_index(index, names) for index in variable.indices)])
    return "partial" if axes == 1 else f"partial{axes}", letter, at


def _moves(expr: Any) -> bool:
    """Return whether there is a derivative in an expression."""
    expr = _known(expr)
    return isinstance(expr, sp.Derivative) or any(map(_moves, expr.args))


def _existence(expr: Any, names: Names) -> list[str]:
    """Return that each derivative in an expression exists, at every index of the sums around it."""
    expr = _known(expr)
    if not _moves(expr):
        return []
    if isinstance(expr, sp.Derivative):
        exist, head = _slope(expr, names)
        return [*exist, f"ex{head}"]
    if isinstance(expr, sp.Sum | sp.Product):
        term, index, last, inner = _inside(expr, names)
        range_ = f"(1 <= {inner[index]} <= {_index(last, names)})%nat"
        return [f"(forall {inner[index]}, {range_} -> {line})" for line in _existence(term, inner)]
    if isinstance(expr, sp.Subs):
        message = "a slope at a place that is put in later"
        raise UnprintableError(message)
    return list(dict.fromkeys(line for part in expr.args for line in _existence(part, names)))


# --- terms --------------------------------------------------------------------------------------------------


_NAMED = (type(p[sp.S.One]), type(A[()]))
"""The heads of the probabilities and of the log-sum-exp."""


def _known(expr: Any) -> Any:
    """Return what a named quantity stands for, but for those that Coq knows by name."""
    while isinstance(expr, Defined) and type(expr) not in _NAMED and _score(expr) is None:
        formula, stands_for = definition(expr)
        expr = substitute(formula, stands_for)
    return expr


def _score(entry: Defined) -> tuple[sp.Expr, sp.Symbol] | None:
    """Return the score of which a quantity is the softmax, and the class in it, or None."""
    formula, stands_for = definition(entry)
    above = [factor.args[0] for factor in sp.Mul.make_args(formula) if isinstance(factor, sp.exp)]
    if not stands_for or len(above) != 1:
        return None
    *outer, own = stands_for
    index = sp.Dummy("k", integer=True, positive=True)
    score = substitute(above[0], {own: index})
    if unfold(formula) != unfold(sp.exp(above[0]) / sp.Sum(sp.exp(score), (index, 1, K))):
        return None
    return substitute(score, {place: stands_for[place] for place in outer}), index


def _inside(total: Any, names: Names) -> tuple[Any, Any, Any, dict[Any, str]]:
    """Return the term of a sum, its index, its end, and what is called how inside."""
    term, (index, first, last) = outermost(total)
    if first != 1:
        message = f"a sum from {first}"
        raise UnprintableError(message)
    around = {symbol: name for symbol, name in names.items() if symbol != index}
    return term, index, last, {**around, index: _fresh(index.name, around)}


def _index(index: Any, names: Names) -> str:
    """Return a whole number: an index, a size, a number or a label."""
    if isinstance(index, sp.Indexed):
        return f"({' '.join([names[index.base], *(_index(at, names) for at in index.indices)])})"
    if index in names:
        return names[index]
    if index.is_Integer:
        return f"{index}%nat"
    message = f"the index {index}"
    raise UnprintableError(message)


def _term(expr: Any, names: Names, allowed: int = _ALL) -> str:
    """Return an expression, in parentheses if it binds more loosely than is allowed."""
    text, binds = _bound(_known(expr), names)
    return f"({text})" if binds > allowed else text


def _bound(expr: Any, names: Names) -> tuple[str, int]:
    """Return an expression and how loosely it binds."""
    if isinstance(expr, Defined):
        return _quantity(expr, names), _CALL
    if isinstance(expr, sp.Symbol):
        return (f"INR {names[expr]}", _CALL) if expr.is_integer else (names[expr], _ATOM)
    if isinstance(expr, sp.Indexed):
        entry = " ".join([names[expr.base], *(_index(at, names) for at in expr.indices)])
        return (f"INR ({entry})" if expr.base == c else entry), _CALL
    if isinstance(expr, sp.Sum | sp.Product):
        term, index, last, inner = _inside(expr, names)
        head = "sum" if isinstance(expr, sp.Sum) else "prod"
        return f"{head} {_index(last, names)} (fun {inner[index]} => {_term(term, inner)})", _CALL
    if isinstance(expr, sp.Derivative):
        _, head = _slope(expr, names)
        return head.removeprefix("_").replace("derive ", "Derive ", 1), _CALL
    if isinstance(expr, sp.Subs) and len(expr.variables) == 1:
        (variable,), (at,) = expr.variables, expr.point
        inner = {**names, variable: _fresh(variable.name, names)}
        return f"let {inner[variable]} := {_term(at, names)} in {_term(expr.expr, inner)}", _ALL
    if isinstance(expr, sp.Rational):
        return _rational(expr)
    if expr.is_Add:
        return _added(expr, names), _SUM
    if expr.is_Mul or (expr.is_Pow and expr.exp.is_Rational and expr.exp.is_negative):
        return _multiplied(expr, names)
    if expr.is_Pow:
        return _power(expr, names)
    return _applied(expr, names)


def _quantity(entry: Defined, names: Names) -> str:
    """Return a probability or a log-sum-exp, of one sample or of many."""
    indices = [_index(index, names) for index in entry.args[entry.inputs :]]
    score = None if type(entry) in _NAMED else _score(entry)
    if score is not None:
        inner = {**names, score[1]: _fresh("k", names)}
        return f"softmax {names[K]} (fun {inner[score[1]]} => {_term(score[0], inner)}) {indices[-1]}"
    head, own = ("softmax", [indices.pop()]) if type(entry) is _NAMED[0] else ("lse", [])
    (array,) = entry.of
    logits = f"({' '.join([names[array], *indices])})" if indices else names[array]
    return " ".join([head, names[K], logits, *own])


def _applied(expr: Any, names: Names) -> tuple[str, int]:
    """Return the value of a function."""
    if expr in (sp.pi, sp.E):
        return ("PI", _ATOM) if expr is sp.pi else ("exp 1", _CALL)
    if isinstance(expr, sp.KroneckerDelta):
        return f"delta {' '.join(_index(at, names) for at in expr.args)}", _CALL
    heads = {**_FUNCTIONS, sp.exp: "exp"}
    if expr.func in heads or (isinstance(expr, AppliedUndef) and len(expr.args) == 1):
        return f"{heads.get(expr.func) or names[expr.func]} {_term(expr.args[0], names, _ATOM)}", _CALL
    if isinstance(expr, sp.Max | sp.Min) and len(expr.args) == 2:
        sides = sorted(expr.args, key=lambda side: (not side.is_number, sp.default_sort_key(side)))
        head = "Rmax" if isinstance(expr, sp.Max) else "Rmin"
        return " ".join([head, *(_term(side, names, _ATOM) for side in sides)]), _CALL
    message = f"the function {expr.func.__name__}"
    raise UnprintableError(message)


def _rational(number: sp.Rational) -> tuple[str, int]:
    if number < 0:
        return f"- {_rational(-number)[0]}" if number.q == 1 else f"- ({_rational(-number)[0]})", _MINUS
    return (str(number.p), _ATOM) if number.q == 1 else (f"{number.p} / {number.q}", _PRODUCT)


def _added(expr: sp.Expr, names: Names) -> str:
    (negative, size), *others = in_order(expr)
    text = f"- {_term(size, names, _POWER)}" if negative else _term(size, names, _SUM)
    for negative, size in others:
        text += f" {'-' if negative else '+'} {_term(size, names, _PRODUCT)}"
    return text


def _multiplied(expr: sp.Expr, names: Names) -> tuple[str, int]:
    negative, size = sign_and_size(expr)
    if negative:
        return f"- {_term(size, names, _POWER)}", _MINUS
    above, below = fraction(expr)
    over = _product(above, names)
    if not below:
        return over, _PRODUCT
    under = _product(below, names)
    return f"{over} / {under if len(below) == 1 else f'({under})'}", _PRODUCT


def _product(factors: list[sp.Expr], names: Names) -> str:
    numbers = [factor for factor in factors if factor.is_Rational]
    others = sorted((factor for factor in factors if not factor.is_Rational), key=place_of_factor)
    return " * ".join(_term(factor, names, _POWER) for factor in (*numbers, *others)) or "1"


def _power(expr: sp.Pow, names: Names) -> tuple[str, int]:
    base, exponent = expr.args
    if exponent == sp.S.Half:
        return f"sqrt {_term(base, names, _ATOM)}", _CALL
    if exponent.is_Integer:
        return f"{_term(base, names, _CALL)} ^ {exponent}", _POWER
    return f"Rpower {_term(base, names, _ATOM)} {_term(exponent, names, _ATOM)}", _CALL
