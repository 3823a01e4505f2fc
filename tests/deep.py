"""How deep tests dig that could go on for ever: a sample at hand, more in continuous integration."""

import os

DEEP = bool(os.environ.get("XENT_DEEP"))


def seeds(sample: int, deep: int) -> range:
    """Return seeds of a fuzz: as many as fit into a run at hand, or into one of continuous integration."""
    return range(deep if DEEP else sample)
