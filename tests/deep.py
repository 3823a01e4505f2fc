"""How deep tests dig that could go on for ever: a sample, another each day, or all where XENT_DEEP is set."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar

Item = TypeVar("Item")

DEEP = bool(os.environ.get("XENT_DEEP"))
# The processes of one run must draw the same sample, so it does not change within a day.
TURN = datetime.now(UTC).toordinal()


def seeds(few: int, many: int) -> Sequence[int]:
    """Return seeds of a fuzz: a few of many, or all of them."""
    start = TURN * few % many
    return range(many) if DEEP else [seed % many for seed in range(start, start + few)]


def sample(items: Sequence[Item], share: int = 4) -> Sequence[Item]:
    """Return one of so many items, or all of them."""
    return items if DEEP else items[TURN % share :: share]
