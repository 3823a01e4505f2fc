"""Each test is a session of its own."""

from __future__ import annotations

import pytest

from xentlib.proof import _claims


@pytest.fixture(autouse=True)
def _a_new_session() -> None:
    """Forget what was proved: an agreement about the same statement would take over what that assumed."""
    _claims._proved.clear()
    _claims._displayed.clear()
