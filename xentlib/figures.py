"""How the book draws: one look, colours that colour-blind readers tell apart, the same bytes each time.

The colours are ``BLUE``, ``RED``, ``GREEN``, ``ORANGE`` and ``SKY``, and ``GREY`` for what is not data. This
module needs Matplotlib and IPython, the extra ``figures`` of the package.
"""

from __future__ import annotations

import hashlib
import io
import re
from typing import Any

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.figure import Figure

__all__ = [
    "BLUE",
    "GREEN",
    "GREY",
    "ORANGE",
    "RED",
    "SKY",
    "canvas",
    "draw_simplex",
    "on_simplex",
    "show",
    "simplex_grid",
]

# Okabe and Ito's colours, which stay distinct for the common kinds of colour blindness.
BLUE, RED, GREEN, ORANGE, SKY = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#56B4E9"
GREY = "#666666"

_STYLE: Any = {
    "axes.edgecolor": GREY,
    "axes.labelsize": 11,
    "axes.prop_cycle": cycler(color=[BLUE, RED, GREEN, ORANGE, SKY]),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "font.family": "STIXGeneral",
    "font.size": 11,
    "legend.fontsize": 10,
    "legend.frameon": False,
    "lines.linewidth": 2,
    "mathtext.fontset": "stix",
    "svg.fonttype": "path",
    "svg.hashsalt": "xentlib",
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
}


def canvas(
    rows: int = 1, columns: int = 1, *, width: float = 4.6, height: float = 3.0, **options: Any
) -> tuple[Figure, Any]:
    """Return a figure in the book's style and its axes.

    Parameters
    ----------
    rows, columns : int
        How many axes.
    width, height : float
        Inches. At the default width the lettering is legible on a telephone.
    **options
        Passed to `matplotlib.figure.Figure.subplots`.

    Returns
    -------
    figure : Figure
        A figure that belongs to no window.
    axes : Axes or ndarray of Axes
        As `matplotlib.figure.Figure.subplots` returns them.

    References
    ----------
    M. Okabe and K. Ito, Color universal design (2008), https://jfly.uni-koeln.de/color/.

    Examples
    --------
    >>> figure, axes = canvas(1, 2, height=2.5)
    >>> axes.shape
    (2,)
    """
    # Not in a context: lettering that a chapter adds later must look the same.
    mpl.rcParams.update(_STYLE)
    figure = Figure(figsize=(width, height))
    return figure, figure.subplots(rows, columns, **options)


def show(figure: Figure) -> None:
    """Show a figure in a notebook as an SVG that is the same to the byte on each run and each machine.

    Parameters
    ----------
    figure : Figure
        From `canvas`.

    References
    ----------
    Scalable Vector Graphics (SVG) 2, W3C, https://www.w3.org/TR/SVG2/.
    """
    from IPython.display import display

    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    display({"image/svg+xml": _settled(buffer.getvalue()), "text/plain": "<figure>"}, raw=True)


# What has coordinates: paths, the places and sizes of elements, and shifts, in which scales are left alone.
_PLACED = re.compile(r'(?<=[ \n])(?:d|x|y|width|height|x1|x2|y1|y2)="[^"]*"|translate\([^)]*\)')
_NUMBER = re.compile(r"-?\d+\.\d+|-0(?![\d.])")
# What Matplotlib names after a hash, with all that stands in it.
_NAMED = re.compile(
    r'\s*<(?P<kind>clipPath|pattern|path) id="(?P<start>\w*?)(?P<hash>[0-9a-f]{10})"'
    r"(?P<content>[^>]*(?:/>|>.*?</(?P=kind)>))",
    re.DOTALL,
)


def _settled(svg: str) -> str:
    """Return a picture without what hangs on the last bits of its coordinates.

    They are rounded to hundredths of a point, and what was named after the unrounded ones is named after
    those that are left.
    """

    def rounded(match: re.Match[str]) -> str:
        # A little is added first, for drawn lines often lie halfway between two hundredths.
        text = f"{float(match[0]) + 3e-6:.2f}".rstrip("0").rstrip(".")
        return "0" if text == "-0" else text

    svg = _PLACED.sub(lambda match: _NUMBER.sub(rounded, match[0]), svg)
    names, written = {}, set()
    for found in _NAMED.finditer(svg):
        content = hashlib.sha256(found["content"].encode()).hexdigest()
        names[found["hash"]] = content[: len(found["hash"])]

    def once(match: re.Match[str]) -> str:
        known = match[0] in written
        written.add(match[0])
        return "" if known else match[0]

    svg = re.sub("|".join(names) or "$^", lambda match: names[match[0]], svg)
    return re.sub(r"\s*<defs>\s*</defs>", "", _NAMED.sub(once, svg))


def on_simplex(p: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the place of distributions over three classes in the triangle of the page.

    Parameters
    ----------
    p : array_like
        Probabilities, shape ``(..., 3)``.

    Returns
    -------
    ndarray
        Shape ``(2, ...)``: across and up, in twelve decimals. Class 1 lies lower left, 2 right, 3 on top.

    References
    ----------
    A. F. Moebius, Der barycentrische Calcul (1827), for coordinates in a triangle.

    Examples
    --------
    >>> on_simplex([0.0, 1.0, 0.0])
    array([1., 0.])
    """
    corners: Any = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(0.75)]])
    # Triangles between the points of a grid must not hang on the last bits.
    return np.moveaxis((np.asarray(p) @ corners).round(12), -1, 0)


def simplex_grid(steps: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the distributions over three classes whose probabilities are multiples of 1 / steps.

    Parameters
    ----------
    steps : int
        How many steps lead from one corner of the triangle to the next.

    Returns
    -------
    ndarray
        Shape ``((steps + 1) * (steps + 2) / 2, 3)``, the edges and the corners of the triangle included.

    References
    ----------
    H. Scheffe, Experiments with mixtures, J. Royal Statistical Society B 20 (1958), for the lattice.

    Examples
    --------
    >>> simplex_grid(2)
    array([[0. , 0. , 1. ],
           [0. , 0.5, 0.5],
           [0. , 1. , 0. ],
           [0.5, 0. , 0.5],
           [0.5, 0.5, 0. ],
           [1. , 0. , 0. ]])
    """
    counts = [(a, b, steps - a - b) for a in range(steps + 1) for b in range(steps + 1 - a)]
    return np.array(counts) / steps


def draw_simplex(axes: Any, names: tuple[str, str, str] = ("class 1", "class 2", "class 3")) -> None:
    """Draw the triangle of all distributions over three classes.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    names : tuple of str
        What to write at the corners.

    References
    ----------
    A. F. Moebius, Der barycentrische Calcul (1827), for coordinates in a triangle.

    Examples
    --------
    >>> figure, axes = canvas()
    >>> draw_simplex(axes)
    >>> [corner.get_text() for corner in axes.texts]
    ['class 1', 'class 2', 'class 3']
    """
    axes.plot(*on_simplex(np.eye(3)[[0, 1, 2, 0]]), color=GREY, linewidth=1)
    for (across, up), name in zip(on_simplex(np.eye(3)).T, names, strict=True):
        below = up == 0
        axes.text(across, up + (-0.05 if below else 0.03), name, ha="center", va="top" if below else "bottom")
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.margins(0.08)
