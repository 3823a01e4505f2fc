"""The pictures that no cell shows are still those of the mathematics."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import notebooks
import numpy as np
import pytest

ASSETS = Path(__file__).resolve().parents[2] / "book" / "_assets"


def curve(svg: str, name: str) -> np.ndarray:
    """Return the points of a path in the landing page's picture, in the picture's own units."""
    (path,) = re.findall(rf'<path class="{name}" d="M([^"]+)"', svg)
    across, up = np.array([point.split(",") for point in path.split()], dtype=float).T
    return np.stack([(across - 56) / 440, (282 - up) / 240])


@pytest.mark.parametrize(
    ("name", "push"),
    [("main", lambda p: 1 - p), ("other", lambda p: 2 * p * (1 - p) ** 2)],
    ids=["push-of-cross-entropy", "push-of-squared-error"],
)
def test_the_landing_page_draws_what_is_proved(name, push):
    p, drawn = curve((ASSETS / "push.svg").read_text(encoding="utf-8"), name)
    assert p[0] == 0
    assert p[-1] == 1
    np.testing.assert_allclose(drawn, push(p), rtol=0, atol=0.005, strict=True)  # a pixel


def test_the_readme_shows_the_figure_of_the_chapter():
    chapter = nbformat.read(notebooks.ROOT / "book/loss/question.ipynb", as_version=4)
    drawn = notebooks.figure(chapter, "fig-pipeline")
    assert (ASSETS / "pipeline.svg").read_text(encoding="utf-8") == drawn
