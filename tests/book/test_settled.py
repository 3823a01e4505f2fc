"""Pictures are stored without what hangs on the last bits of their coordinates."""

from __future__ import annotations

import re
from typing import Any
from unittest import mock

import numpy as np
import pytest

from xentlib import figures as fig

X = np.linspace(0.01, 3, 50)


def drawn(y: Any) -> str:
    """Return the SVG of a line with markers, an area, and dots of several sizes."""
    figure, axes = fig.canvas()
    axes.plot(X, y, marker="o")
    axes.fill_between(X, y, hatch="//", alpha=0.3)
    axes.scatter(X, y, s=10 + 20 * np.abs(y))
    with mock.patch("IPython.display.display") as display:
        fig.show(figure)
    return str(display.call_args.args[0]["image/svg+xml"])


@pytest.mark.parametrize("seed", range(5))
def test_last_bits_change_nothing(seed: int) -> None:
    y = np.log(X)
    other = y * (1 + 2e-16 * np.random.default_rng(seed).integers(-4, 5, y.shape))
    assert not np.array_equal(y, other)
    assert drawn(other) == drawn(y)


def test_what_can_be_seen_changes_the_picture() -> None:
    y = np.log(X)
    other = np.where(np.arange(50) == 25, y + 1e-3, y)
    assert drawn(other) != drawn(y)


def test_every_reference_has_its_one_name() -> None:
    svg = drawn(np.log(X))
    names = re.findall(r' id="([^"]+)"', svg)
    assert len(names) == len(set(names))
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg)) <= set(names)


def test_halves_of_hundredths_and_minus_zero_do_not_turn_over() -> None:
    def path(*numbers: float) -> str:
        return fig._settled('<path d="M {:.6f} {:.6f}"/>'.format(*numbers))

    assert path(12.345, -0.0) == path(12.345 - 1e-12, 1e-12) == '<path d="M 12.35 0"/>'
    assert path(-0.0049, 7) == '<path d="M 0 7"/>'
    # Scales are small and have their digits.
    assert fig._settled("translate(1.23456 -0) scale(0.015625)") == "translate(1.23 0) scale(0.015625)"
