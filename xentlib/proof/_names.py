"""What names may stand for: two things that print alike would make what is printed ambiguous."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.printing.latex import accepted_latex_functions, greek_letters_set

from xentlib.proof._latex import to_latex
from xentlib.proof._quantities import lse, p
from xentlib.proof.core.problem import Problem
from xentlib.proof.core.subject import symbols_of
from xentlib.proof.core.symbols import SIZE, K, W, c, delta, e, x, y, z
from xentlib.proof.core.unfold import Defined, opened, substitute, unfold

# What these mean, the page on notation says once for the whole book.
_OWN_ENTRIES = {r"\delta", "p", "A", *(str(array) for array in (z, y, c, x, W))}
_OWN_SYMBOLS = {str(symbol): symbol for symbol in (*SIZE, *SIZE.values())}
_OWN_NUMBERS = {"e": sp.E, r"\pi": sp.pi}


class _Name(NamedTuple):
    """A name as it is printed, without its subscripts and arguments."""

    latex: str
    kind: str
    """``plain``, ``indexed`` or ``applied``."""
    meaning: Any
    """What tells it from another of the same look."""
    seen: Any
    """What stands in the statement, for the message."""

    @property
    def look(self) -> str:
        """What is seen of it: no braces, no space, brackets of one size."""
        return re.sub(r"\\left|\\right|\\[,;: ]|[\s{}]", "", self.latex)

    @property
    def marked(self) -> bool:
        """Whether there is a subscript or a bracket in it."""
        return "_" in self.look or "(" in self.look


def check_names(problem: Problem) -> None:
    """Raise unless each name that a statement or its assumptions print can mean one thing only.

    Parameters
    ----------
    problem : Problem
        A statement and its assumptions.

    Raises
    ------
    ValueError
        If two different things print alike, such as a `Quantity` named like an array or symbols of one
        name with different assumptions; if a name looks like an entry (``z_1``), like a product (``ab``),
        a power or a number; or if what is printed like the book's own symbols (`K`, `i`, `delta`, `p`,
        `A`) is something else. A quantity p is a softmax, of whatever logits, and A a log-sum-exp.

    Notes
    -----
    Only what is printed counts: the formulas of named quantities may use any names.

    Examples
    --------
    >>> check_names(Problem(sp.Eq(p[1], z[1])))
    >>> check_names(Problem(sp.Eq(sp.Symbol("z_1"), z[1])))
    Traceback (most recent call last):
    ...
    ValueError: z_1 prints as z_{1}, like an entry of z
    """
    subject = sp.Tuple(problem.statement, *problem.given.relations)
    names = list(dict.fromkeys(_names(subject)))
    for name in names:
        _check_form(name)
        _check_own(name, subject)
    _check_apart(names)
    _check_marks(names)
    _check_shown(subject, frozenset())


def _names(expr: Any, *, subscript: bool = False) -> Iterator[_Name]:
    """Yield the names that an expression prints."""
    if isinstance(expr, Defined):
        indices = expr.args[expr.inputs :]
        latex = sp.latex(sp.Symbol(expr.func.__name__))
        yield _Name(latex, "indexed" if indices else "plain", _formula(expr), expr)
        yield from _all(indices, subscript=True)
    elif isinstance(expr, sp.Indexed):
        yield _Name(to_latex(expr.base), "indexed", expr.base, expr)
        yield from _all(expr.indices, subscript=True)
    elif isinstance(expr, delta):
        yield _Name(r"\delta", "indexed", delta, expr)
        yield from _all(expr.args, subscript=True)
    elif isinstance(expr, AppliedUndef):
        yield _Name(to_latex(expr).partition(r"{\left(")[0], "applied", expr.func, expr)
        yield from _all(expr.args)
    elif isinstance(expr, sp.Heaviside):
        yield _Name(r"\theta", "applied", sp.Heaviside, expr)
        yield from _all(expr.args)
    elif isinstance(expr, sp.Sum | sp.Product):
        yield from _all([limit for limits in expr.limits for limit in limits], subscript=True)
        yield from _names(expr.function)
    elif isinstance(expr, sp.Symbol):
        # A feature e is seen as such where a subscript stands, and as a number elsewhere.
        if not (subscript and expr == e):
            yield _Name(to_latex(expr), "plain", expr, expr)
    elif isinstance(expr, sp.NumberSymbol):
        yield _Name(to_latex(expr), "plain", expr, expr)
    elif isinstance(expr, sp.Basic):
        yield from _all(expr.args)


def _all(exprs: Any, *, subscript: bool = False) -> Iterator[_Name]:
    for expr in exprs:
        yield from _names(expr, subscript=subscript)


@cache
def _formula(entry: Defined) -> Any:
    """Return the formula of a quantity in a form that is the same for two of one meaning."""
    return unfold(entry.formula(*_stand_ins(entry)))


_STAND_INS = [sp.Dummy(f"at{number}", integer=True, positive=True) for number in range(9)]


def _stand_ins(entry: Defined) -> list[sp.Dummy]:
    return _STAND_INS[: len(entry.args) - entry.inputs]


# --- one name ---------------------------------------------------------------------------------------------

_ACCENT = r"\\(?:bar|hat|tilde|vec|dot|ddot|check|mathbf|mathrm|mathcal|operatorname)"
_MARK = r"(?:\^(?:[*+]|\\[a-z]+)|_(?:[A-Za-z0-9]|\\[a-z]+)+|'|\([^()]*\))*"
_FORM = re.compile(rf"(?:[A-Za-z]|\\[A-Za-z]+|{_ACCENT}(?:[A-Za-z]+|\\[A-Za-z]+)){_MARK}")
_UPRIGHT = r"\\(?:mathrm|mathbf|operatorname)"
_TYPE = r"\\(?:mathrm|mathbf|mathcal|operatorname)"
_LETTERS = {*greek_letters_set, *(letter.capitalize() for letter in greek_letters_set), "ell", "hbar"}
_LETTERS |= {f"var{letter}" for letter in greek_letters_set}
_MARKS = {"top", "prime", "circ", "star", "dagger"}
_ACCENTS = set(re.findall("[a-z]+", _ACCENT)) | {"left", "right"}
_WORDS = _LETTERS | _MARKS | _ACCENTS
_FUNCTIONS = {
    "erf", "sign", "sgn", "max", "min", "exp", "log", "ln", "abs", "floor", "if", "not", "and", "or",
    "otherwise", "for",
    *accepted_latex_functions,
}  # fmt: skip
_OPERATORS = {
    "softmax", "logsoftmax", "logsumexp", "lse", "relu", "softplus", "sigmoid", "var", "cov", "kl", "diag",
    "rank", "tr", "argmax", "argmin", "mean", "sum", "grad",
}  # fmt: skip


def _check_form(name: _Name) -> None:
    words = set(re.findall(r"\\([A-Za-z]+)", name.latex))
    if name.kind == "applied" and name.look.strip("\\") in accepted_latex_functions:
        _refuse(name, "like a function that has that name already")
    bare = re.split(r"[(_^']", name.look)[0]
    letter = re.sub(_TYPE, "", bare)
    if letter != bare or name.kind == "applied":
        word = letter.strip("\\").lower()
        if word in _FUNCTIONS or letter == "d" or (name.kind == "applied" and word in _OPERATORS):
            _refuse(name, "like a function or a word that has that name already")
        if letter != bare and letter in {*_OWN_SYMBOLS, *_OWN_NUMBERS, *_OWN_ENTRIES}:
            _refuse(name, f"like {letter} of the book in another type")
    if name.kind == "applied" and re.search(r"'|\\prime", name.look):
        _refuse(name, "like a derivative: take another letter, or Derivative")
    if not _is_balanced(name.latex):
        _refuse(name, "which is no whole formula")
    if re.search(rf"{_ACCENT}\{{[^{{}}]*(?:\\[,;:! ]|~|\s)", name.latex):
        _refuse(name, "which looks like two names")
    if isinstance(name.seen, sp.NumberSymbol) and name.seen not in _OWN_NUMBERS.values():
        _refuse(name, "which looks like a variable, but is a number")
    # Of all the words of TeX those that are letters, and those that change how a letter looks.
    raised = set(re.findall(r"\^\\([a-z]+)", name.look)) - _MARKS
    alone = re.search(r"\\(?:left|right)(?![()])", name.latex)
    if not _FORM.fullmatch(name.look) or words - _WORDS or raised or alone:
        _refuse(name, "which looks like more than one name: such as a product, a power or a number")
    if re.match(_UPRIGHT, bare) and "(" not in name.look and not re.fullmatch(r"\\mathbf[a-z]", bare):
        _refuse(
            name,
            f"like a function of what stands beside it: write what it is of, {name.latex}(a), or a letter",
        )


def _is_balanced(latex: str) -> bool:
    """Return whether braces close what they open, nothing is empty, and every accent has what it is on."""
    depth = 0
    for mark in re.findall("[{}]", latex):
        depth += 1 if mark == "{" else -1
        if depth < 0:
            return False
    alone = re.search(rf"{_ACCENT}(?!\{{[^}}])", latex)
    return depth == 0 and not alone and "{}" not in latex and "\n" not in latex


def _refuse(name: _Name, reason: str) -> None:
    message = f"{name.seen} prints as {to_latex(name.seen)}, {reason}"
    raise ValueError(message)


# --- the book's own names -----------------------------------------------------------------------------------


def _check_own(name: _Name, subject: Any) -> None:
    own = {**_OWN_SYMBOLS, **_OWN_NUMBERS}.get(name.look)
    if name.kind != "indexed" and own is not None and name.meaning != own:
        _refuse(name, "but is not what the book means by that")
    if name.look == r"\delta" and name.meaning is not delta:
        _refuse(name, "like Kronecker's delta")
    if name.look == "c" and name.kind == "indexed" and name.meaning != c:
        _refuse(name, "like the labels")
    if name.look in ("p", "A"):
        _check_softmax(name, subject)


def _check_softmax(name: _Name, subject: Any) -> None:
    """Refuse what is printed p or A but no softmax or log-sum-exp, or of other logits than those in sight."""
    word = "a softmax" if name.look == "p" else "a log-sum-exp"
    if not isinstance(name.seen, Defined):
        _refuse(name, f"but is not {word}")
    indices = _stand_ins(name.seen)
    own = type(p[1] if name.look == "p" else lse)
    if (indices or own is type(lse)) and name.meaning == _formula(own(z, *indices)):
        return
    score = _is_softmax(name.meaning, indices) if name.look == "p" else _is_logsumexp(name.meaning)
    if not score:
        _refuse(name, f"but is not {word}: {name.meaning}")
    varied = [variable for slope in subject.atoms(sp.Derivative) for variable, _ in slope.variable_count]
    if any(isinstance(variable, sp.Indexed) and variable.base == z for variable in varied):
        _refuse(name, f"but is not {word} of the z by which is derived: {name.meaning}")


def _is_softmax(formula: Any, indices: Sequence[sp.Symbol]) -> bool:
    """Return whether a formula is exp of something, divided by the sum of that over all classes."""
    factors = sp.Mul.make_args(formula)
    below = [
        factor for factor in factors if factor.is_Pow and factor.exp == -1 and _is_sum_of_exp(factor.base)
    ]
    if len(below) != 1 or not indices:
        return False
    above, total = sp.Mul(*(factor for factor in factors if factor is not below[0])), below[0].base
    term, index, _, _ = opened(total)
    return bool(above == substitute(term, {index: indices[-1]}))


def _is_logsumexp(formula: Any) -> bool:
    return isinstance(formula, sp.log) and _is_sum_of_exp(formula.args[0])


def _is_sum_of_exp(total: Any) -> bool:
    return (
        isinstance(total, sp.Sum)
        and [limits[1:] for limits in total.limits] == [(1, K)]
        and any(isinstance(factor, sp.exp) for factor in sp.Mul.make_args(total.function))
    )


# --- names beside each other --------------------------------------------------------------------------------


def _check_apart(names: Sequence[_Name]) -> None:
    """Refuse two things of one look, and what looks like an entry or a value of another."""
    meanings: dict[tuple[str, bool], _Name] = {}
    for name in names:
        other = meanings.setdefault((name.look, name.kind == "indexed"), name)
        if (other.kind, other.meaning) != (name.kind, name.meaning):
            both = f"{_described(other)} and {_described(name)}"
            message = f"{both} are two things, but both print {to_latex(name.seen)}"
            raise ValueError(message)
    for name in names:
        twin = next((other for other in names if _without_type(other) == _without_type(name)), name)
        if twin.look != name.look:
            _refuse(name, f"like {twin.seen} in another type")
        if "'" in name.look and any(o.kind == "applied" and o.look == name.look.rstrip("'") for o in names):
            _refuse(name, "like a derivative: take another letter, or Derivative")
        before, mark, _ = name.look.partition("_")
        if mark and (before in _OWN_ENTRIES or (before, True) in meanings):
            _refuse(name, f"like an entry of {before}")
        before, mark, _ = name.look.partition("(")
        if mark and (before, False) in meanings:
            _refuse(name, f"like {before} times what stands in brackets")


def _without_type(name: _Name) -> str:
    return re.sub(_TYPE, "", name.look)


def _check_marks(names: Sequence[_Name]) -> None:
    """Refuse a subscript or a bracket in a name that would be read as an index or an argument."""
    others = {name.look: name for name in names}
    for name in names:
        # A letter in another type, or under an accent, is that letter to who reads it.
        plain = name._replace(latex=re.sub(rf"{_ACCENT}\{{([A-Za-z]|\\[a-z]+)\}}", r"\1", name.latex)).look
        held = (
            re.findall(r"\\[A-Za-z]+|[A-Za-z]", re.split("[_(]", plain, maxsplit=1)[-1])
            if name.marked
            else ()
        )
        for letter in held:
            if letter in _INDICES:
                _refuse(name, f"as if it changed with the index {letter}: take an array or a Quantity")
            if letter in others and not (
                isinstance(name.seen, Defined) and _share(name.seen, others[letter].seen)
            ):
                _refuse(name, f"as if it changed with {letter}: take another letter, or a function")
        if isinstance(name.seen, sp.Symbol) and "(" in name.look:
            _refuse(name, "like the value of a function: take a function")


_INDICES = {str(index) for index in SIZE}


def _share(one: Any, other: Any) -> bool:
    """Return whether two quantities are made of a variable or an array that both have."""
    return bool((symbols_of(one) & symbols_of(other)) - {*SIZE, *SIZE.values()})


def _check_shown(expr: Any, bound: frozenset[Any]) -> None:
    """Refuse a name inside of a sum that hides that what it stands for changes with the index of the sum."""
    if isinstance(expr, Defined):
        hidden = symbols_of(expr) & bound - symbols_of(sp.Tuple(*expr.args[expr.inputs :]))
        if hidden:
            message = (
                f"{expr} changes with {', '.join(sorted(map(str, hidden)))}, over which is summed, and does "
                "not show it: take a Quantity with that index"
            )
            raise ValueError(message)
    elif isinstance(expr, sp.Sum | sp.Product):
        bound = bound | {index for index, _, _ in expr.limits}
    if isinstance(expr, sp.Basic) and not isinstance(expr, Defined):
        for part in expr.args:
            _check_shown(part, bound)


def _described(name: _Name) -> str:
    """Return a thing with what tells it from others of its name."""
    base = getattr(name.seen, "base", name.seen)
    symbol = getattr(base, "label", base)
    if isinstance(name.seen, Defined):
        return f"{name.seen}, which is {name.meaning}"
    assumed = ", ".join(
        fact for fact in ("integer", "positive", "real") if getattr(symbol, f"is_{fact}", None)
    )
    return f"{name.seen} ({type(base).__name__}{', ' if assumed else ''}{assumed})"
