"""Claims: what the verbs record and show."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import mpmath
import sympy as sp
from sympy.core.function import AppliedUndef

from xentlib.proof._assumptions import with_hypotheses
from xentlib.proof._evaluation import evaluate
from xentlib.proof._latex import to_latex
from xentlib.proof._quantities import symbols_of, unfold
from xentlib.proof._sampling import digits_at
from xentlib.proof._symbols import Values


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
    points : int or None
        How many points an agreement was checked at.
    refuted : int or None
        How many altered statements a proof refuted.
    witness : str or None
        LaTeX: the values at which a refuted statement fails.
    error : float or None
        The largest error of an agreement in units of its tolerance; depends on the machine.
    """

    id: str
    kind: str
    level: str
    statement: str
    assumptions: list[str]
    tolerance: str | None = None
    points: int | None = None
    refuted: int | None = None
    witness: str | None = None
    error: float | None = None


def check_id(text: str) -> None:
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
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", text):
        message = f"a claim's ID is lower-case words and digits joined by hyphens, not {text!r}"
        raise ValueError(message)


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


def show(plain: str, markdown: str, metadata: dict[str, Any] | None = None) -> None:
    """Show a result where the cell stands; outside a notebook, print it.

    Parameters
    ----------
    plain : str
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
        print(plain)
        return
    if get_ipython() is None:
        print(plain)
    else:
        data = {"text/plain": plain, "text/markdown": markdown}
        display(data, raw=True, metadata=metadata or {})


def announce(claim: Claim, mark: str, verdict: str, statement: Any) -> None:
    """Show a claim with its record.

    Parameters
    ----------
    claim : Claim
        The record, for the output's metadata.
    mark : str
        ✓ or ✗.
    verdict : str
        What was found, with formulas between dollar signs.
    statement : Basic
        What the claim is about.
    """
    words = verdict.replace(r"\geq", "≥").replace("$", "").replace("\\", "")
    plain = f"{mark} {claim.id}: {words}\n{statement}"
    markdown = f"$$\n{claim.statement}\n$$\n\n{mark} `{claim.id}`: {verdict}"
    show(plain, markdown, {"claim": asdict(claim)})


def describe(statement: Any, values: Values, printer: Callable[[Any], str], given: Sequence[Any] = ()) -> str:
    """Return the values that a statement uses, and what its sides are there.

    Parameters
    ----------
    statement : Basic
        A statement.
    values : mapping
        The point.
    printer : callable
        ``str``, or `to_latex` for formulas between dollar signs.
    given : sequence of relations
        Assumptions that say what an undefined function's derivative is.

    Returns
    -------
    str
        Such as ``K = 1, z = (0), where the sides are 1 and 2``.
    """
    math = "${}$".format if printer is to_latex else str
    used = symbols_of(statement)
    names = [
        s
        for s in values
        if s in used or getattr(s, "label", None) in used or s in statement.atoms(AppliedUndef)
    ]
    parts = [math(f"{printer(s)} = {_number(values[s])}") for s in names]
    with mpmath.workdps(digits_at(values)):
        sides = [_number(evaluate(side, values)) for side in with_hypotheses(statement, given).args]
    return f"{', '.join(parts)}, where the sides are {math(sides[0])} and {math(sides[1])}"


def _number(value: Any) -> str:
    if isinstance(value, list):
        return f"({', '.join(map(_number, value))})"
    if isinstance(value, bool):
        return str(value).lower()
    with mpmath.workdps(15):
        # Unary plus rounds: Python refuses to write out an integer of 4300 digits.
        return str(mpmath.nstr(+mpmath.mpf(value), 5, strip_zeros=True)).removesuffix(".0")
