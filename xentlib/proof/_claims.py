"""Claims: what the verbs record and show."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from copy import copy
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

import mpmath
import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.printing.latex import greek_letters_set

from xentlib.proof._assumptions import after_differentiation, of_symbols
from xentlib.proof._evaluation import Arbitrary, digits_at, evaluate
from xentlib.proof._latex import to_latex
from xentlib.proof.core.problem import Given, Problem, is_bound
from xentlib.proof.core.subject import sizes_of, symbols_of
from xentlib.proof.core.symbols import SIZE, Values, c
from xentlib.proof.core.unfold import unfold


@dataclass(frozen=True)
class Claim:
    """A record of the ledger, as it is stored in the metadata of a notebook's output.

    Attributes
    ----------
    id : str
        The permanent name: lower case, digits and hyphens.
    kind : str
        ``proof``, ``agreement`` or ``refutation``.
    level : str
        ``every K``, ``fixed K`` (or N), ``exact`` (no size plays a role) or ``numeric``.
    statement : str
        LaTeX, printed from the object that was checked.
    assumptions : list of str
        LaTeX.
    tolerance : str or None
        Of an agreement.
    points : int
        At how many different points it was checked.
    digits : int or None
        To how many digits at least what is equal agreed at the points of a proof.
    refuted : int or None
        How many altered statements a proof refuted.
    witness : str or None
        LaTeX: the values at which a refuted statement fails.
    error : float or None
        The largest error of an agreement in units of its tolerance; depends on the machine.
    coq : str or None
        Of a proof: the statement with its assumptions in Coq, if it has a counterpart there.
    """

    id: str
    kind: str
    level: str
    statement: str
    assumptions: list[str]
    points: int
    digits: int | None = None
    tolerance: str | None = None
    refuted: int | None = None
    witness: str | None = None
    error: float | None = None
    coq: str | None = None


def check_id(text: Any) -> None:
    """Raise unless a text has the form of a claim's ID.

    Parameters
    ----------
    text : str
        Words and digits in lower case, joined by hyphens.

    Raises
    ------
    ValueError
        If it has another form.
    """
    if not (isinstance(text, str) and re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", text)):
        message = f"a claim's ID is lower-case words and digits joined by hyphens, not {text!r}"
        raise ValueError(message)


def show(text: str, markdown: str, metadata: dict[str, Any] | None = None) -> None:
    """Show a result where the cell stands; outside a notebook, print it.

    Parameters
    ----------
    text : str
        For a terminal.
    markdown : str
        For a notebook.
    metadata : dict, optional
        For the notebook's output.
    """
    try:
        from IPython.core.getipython import get_ipython
        from IPython.display import display
    except ImportError:
        print(text)
        return
    if get_ipython() is None:
        print(text)
    else:
        data = {"text/plain": text, "text/markdown": markdown}
        display(data, raw=True, metadata=metadata or {})


def theorem(name: str, title: str, words: str) -> None:
    """Show the head of a theorem, at the start of the cell that proves it.

    Parameters
    ----------
    name : str
        The permanent name: lower case and hyphens. Links have ``thm-`` before it.
    title : str
        Markdown, without a full stop.
    words : str
        Markdown: what the theorem is about and what it assumes, up to its first statement.

    Raises
    ------
    ValueError
        If the name has another form, if the title has several lines, or if the words look like what was
        checked: a check mark, a displayed formula, HTML.

    Notes
    -----
    The statements follow from the calls of `prove` in the same cell, with `say` for the words between them.

    References
    ----------
    D. E. Knuth, Literate programming, The Computer Journal 27 (1984), doi:10.1093/comjnl/27.2.97.

    Examples
    --------
    >>> theorem("shift", "Shifts", "For every $K$ and all logits the probabilities stay the same:")
    Theorem: Shifts. For every $K$ and all logits the probabilities stay the same:
    """
    check_id(name)
    _check_words(title, words)
    if not title.strip() or "*" in title or "__" in title:
        message = f"a title is one line, and not emphasised, for it is already, unlike {title!r}"
        raise ValueError(message)
    record = {"id": name, "title": title, "words": words}
    show(f"Theorem: {title}. {words}", f"**Theorem: {title}.** {words}", {"theorem": record})


def say(words: str) -> None:
    """Show words between or after the statements of a theorem.

    Parameters
    ----------
    words : str
        Markdown.

    Raises
    ------
    ValueError
        If they look like what was checked: a check mark, a displayed formula, HTML.

    References
    ----------
    D. E. Knuth, Literate programming, The Computer Journal 27 (1984), doi:10.1093/comjnl/27.2.97.

    Examples
    --------
    >>> say("The two are equal only for $K = 1$.")
    The two are equal only for $K = 1$.
    """
    _check_words(words)
    show(words, words, {"words": True})


# Of what a text is made that looks like nothing but text: a list of what is not would have no end.
_LETTERS = re.compile("LATIN (?:SMALL|CAPITAL) LETTER")
_STOPS = set("–—‘’“”…")  # noqa: RUF001
_TEX = {
    "sum", "prod", "log", "ln", "exp", "max", "min", "tanh", "frac", "tfrac", "ge", "le", "geq", "leq", "ne",
    "neq", "in", "to", "pm", "cdot", "dots", "ldots", "cdots", "infty", "partial", "nabla", "bar", "tilde",
    "operatorname", "mathbb", "lVert", "rVert", "lvert", "rvert", "left", "right", "big", "bigl", "bigr",
    "ell", *",;|{}",
    *greek_letters_set, *(letter.capitalize() for letter in greek_letters_set),
    *(f"var{letter}" for letter in greek_letters_set),
}  # fmt: skip
_BLOCKS = re.compile(
    r"""[\n\r]                                # one paragraph
    | ^\s | ^[#>|=+:~%-] | ^\d+[.)]\s       # no heading, quotation, table, list, code or remark
    | ^\[[^\]]*\]: | \([\w-]+\)=            # no target
    | \{[\w:.-]+\}` | \{\{                  # no role, no placeholder
    | &\w*[\w#]    | <\S                    # no entity, no HTML
    | !\[ | \[[x\ ]\] | ```| ~~~ | \$\$
    | `[\W_]{0,9}:                          # no name of a claim
    | ^\W*theorem\b
    | \\operatorname(?!\{[A-Za-z]+\})""",
    re.IGNORECASE | re.VERBOSE,
)


def _check_words(*words: str) -> None:
    """Raise if words look like the line of a claim, or like more than words."""
    for text in words:
        block = _BLOCKS.search(text)
        strange = (a for a in text if not (a.isascii() and a.isprintable()) and not _is_letter(a))
        commands = (f"\\{word}" for word in re.findall(r"\\([A-Za-z]+|.)", text) if word not in _TEX)
        # Outside of code and mathematics a word may be stressed, and no more.
        bare = re.sub(r"`[^`]*`|\$[^$]*\$|\*\*[a-z]+\*\*", "", text)
        outside = (a for a in bare if a in "\\$*_")
        mark = block[0] if block else next(chain(strange, commands, outside), None)
        if mark is not None:
            message = f"{mark!r} could be taken for what was checked, so words do without it: {text!r}"
            raise ValueError(message)


def _is_letter(character: str) -> bool:
    return character in _STOPS or bool(_LETTERS.match(unicodedata.name(character, "")))


# What was proved in this session, by what it means.
_proved: dict[Any, Problem] = {}
# Which claim displayed a statement first: an agreement need not display it again.
_displayed: dict[Any, str] = {}


def remember(problem: Problem) -> None:
    """Note that a statement is proved, and each part of a list with it, but if less was assumed before."""
    for statement in (problem.statement, *problem.parts):
        other = _proved.setdefault(unfold(statement), problem)
        if not (
            set(other.given.relations) <= set(problem.given.relations)
            and other.sizes.items() <= problem.sizes.items()
        ):
            _proved[unfold(statement)] = problem


def proved(statement: Any) -> Problem | None:
    """Return with what assumptions and sizes a statement was proved in this session, None if it was not."""
    known = _proved.get(unfold(statement))
    return known and known.altered(statement)


def announce(claim: Claim, mark: str, verdict: Callable[[Printer], str], statement: Any) -> None:
    """Show a claim with its record.

    An agreement about a statement that another claim has displayed names that claim instead.

    Parameters
    ----------
    claim : Claim
        The record, for the output's metadata.
    mark : str
        ✓ or ✗.
    verdict : callable
        From a printer of mathematics to what was found, in words and formulas.
    statement : Basic
        What the claim is about.
    """
    first = _displayed.setdefault((claim.statement, unfold(statement), *claim.assumptions), claim.id)
    line = f"{mark} `{claim.id}`: {verdict(in_dollars)}"
    if claim.kind == "agreement" and first != claim.id:
        markdown = f"{line}; the statement is that of `{first}`"
    else:
        markdown = f"$$\n{claim.statement}\n$$\n\n{line}"
    show(f"{mark} {claim.id}: {verdict(plain)}\n{statement}", markdown, {"claim": asdict(claim)})


Printer = Callable[[Any], str]
"""`plain` for a terminal, `in_dollars` for a notebook."""


def plain(expr: Any) -> str:
    """Return an expression as Python writes it, an equation or inequality as people do."""
    signs = {sp.Eq: "=", sp.Ne: "≠", sp.Ge: "≥", sp.Le: "≤"}
    return f"{expr.lhs} {signs[expr.func]} {expr.rhs}" if expr.func in signs else str(expr)


def in_dollars(expr: Any) -> str:
    """Return an expression as LaTeX between dollar signs."""
    return f"${to_latex(expr)}$"


def assumed(statement: Any, given: Given, printer: Printer, before: str, *, bounds: bool = False) -> str:
    """Return what a statement assumes, but for the ranges of indices and sizes, after a few words.

    Parameters
    ----------
    statement : Basic
        A statement.
    given : Given
        Its assumptions.
    printer : callable
        How formulas are written.
    before : str
        The words.
    bounds : bool
        Whether to say what sizes are at least, where nothing else says it.

    Returns
    -------
    str
        Empty if nothing is assumed.

    Examples
    --------
    >>> t = sp.Symbol("t", positive=True)
    >>> assumed(sp.Eq(t, 1), Given((sp.Ne(t, 2),)), plain, ", where ")
    ', where t > 0 and t ≠ 2'
    """
    facts = [printer(a) for a in of_symbols(statement, given)]
    late = after_differentiation(statement, given)
    facts += [
        printer(a) + (" (at the point, after differentiation)" if a in late else "")
        for a in given.relations
        if bounds or not is_bound(a) or a.gts not in sizes_of(statement)
    ]
    *first, last = facts or [""]
    return f"{before}{', '.join(first)}{' and ' if first else ''}{last}" if facts else ""


def assumptions(statement: Any, given: Given, sizes: Values) -> list[str]:
    """Return all that a statement assumes as LaTeX, for the ledger.

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
    list of str
        The ranges of the indices, what sizes are, what symbols are, and what is given.
    """
    symbols = symbols_of(statement)
    ranges: dict[sp.Symbol, list[sp.Symbol]] = {}
    for index in SIZE:
        if index in symbols:
            ranges.setdefault(SIZE[index], []).append(index)
    result = [
        rf"{', '.join(map(to_latex, indices))} \in \{{1, \dots, {to_latex(size)}\}}"
        for size, indices in ranges.items()
    ]
    if c.label in symbols:
        result.append(r"c_{n} \in \{1, \dots, K\}")
    result += [f"{to_latex(size)} = {value}" for size, value in sizes.items()]
    result += [to_latex(a) for a in of_symbols(statement, given)]
    late = after_differentiation(statement, given)
    return result + [
        to_latex(a) + (r" \text{ after differentiation}" if a in late else "") for a in given.relations
    ]


def describe(statement: Any, values: Values, printer: Printer) -> str:
    """Return the values that a statement uses, and what its sides are there.

    Parameters
    ----------
    statement : Basic
        A statement.
    values : mapping
        The point.
    printer : callable
        How formulas are written.

    Returns
    -------
    str
        Such as ``K = 1, z = (0), where the sides are 1 and 2``.
    """
    math = "${}$".format if printer is in_dollars else str
    equals = ("=", r"\approx") if printer is in_dollars else ("=", "≈")
    name = to_latex if printer is in_dollars else str
    used = symbols_of(statement)
    names = [
        s
        for s in values
        if s in used or getattr(s, "label", None) in used or s in statement.atoms(AppliedUndef)
    ]
    parts = [math(f"{name(s)} {_equals(values[s], equals)}") for s in names]
    # What was asked for so far may be of other statements.
    fresh = {s: copy(v) if isinstance(v, Arbitrary) else v for s, v in values.items()}
    with mpmath.workdps(digits_at(values)):
        small = mpmath.mpf(10) ** -(digits_at(values) // 2)
        numbers_ = [evaluate(side, fresh) for side in statement.args]
        sides = _told_apart([_without_noise(number, small) for number in numbers_])
    for function, numbers in fresh.items():
        if isinstance(numbers, Arbitrary):
            parts += [
                math(
                    f"{name(sp.Symbol(function.__name__))}({', '.join(map(_number, at))}) "
                    f"{_equals(number, equals)}"
                )
                for at, number in numbers.found.items()
            ]
    return f"{', '.join(parts)}, where the sides are {math(sides[0])} and {math(sides[1])}"


def _without_noise(number: Any, small: Any) -> Any:
    return 0 if not isinstance(number, bool) and abs(number) <= small else number


def _equals(value: Any, signs: tuple[str, str]) -> str:
    """Return a value of a point with the sign before it: equal to what is written, or about equal."""
    return f"{signs[not _is_short(value)]} {_number(value)}"


def _is_short(value: Any) -> bool:
    """Return whether a number can be written out in the digits that are."""
    if isinstance(value, list):
        return all(map(_is_short, value))
    return isinstance(value, bool | Arbitrary) or _is_written(value, _EXACTLY)


_FEW, _EXACTLY = 5, 15
"""How many digits are written of a number, and how many where fewer would not be all."""


def _is_written(value: Any, digits: int) -> bool:
    with mpmath.workdps(60):
        value = mpmath.mpf(value)
        written = mpmath.mpf(mpmath.nstr(value, digits))
        return bool(abs(written - value) <= mpmath.mpf(10) ** -25 * abs(written))


def _told_apart(sides: list[Any]) -> list[str]:
    """Return numbers in so many digits that those which differ can be told apart."""
    for digits in range(_FEW, _EXACTLY):
        written = [_number(side, digits) for side in sides]
        if len(set(written)) == len(set(sides)):
            break
    return written


def _number(value: Any, digits: int | None = None) -> str:
    if isinstance(value, list):
        return f"({', '.join(map(_number, value))})"
    if isinstance(value, bool):
        return str(value).lower()
    # Before anything rounds it.
    exactly = digits is None and _is_written(value, _EXACTLY)
    with mpmath.workdps(_EXACTLY):
        # Unary plus rounds: Python refuses to write out an integer of 4300 digits.
        short = mpmath.nstr(+mpmath.mpf(value), _EXACTLY if exactly else digits or _FEW, strip_zeros=True)
        return str(short).removesuffix(".0")
