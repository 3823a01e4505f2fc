"""How pytest speaks of the cells of the chapters, and that it compares all of them.

nbval counts code cells and leaves those alone that have no execution count. Here a cell has the ID that is
stored with it, and counts are not stored: one more cell would change all that follow it.
"""

from __future__ import annotations

from typing import Any

import pytest
from nbval.plugin import IPyNbCell  # type: ignore[import-untyped]


class Cell(IPyNbCell):  # type: ignore[misc]
    """A cell of a chapter, which is called by its ID and is compared also where it showed nothing."""

    @classmethod
    def of(cls, item: Any) -> Cell:
        """Return the same cell of the same notebook as one of this class."""
        item.cell.execution_count = item.cell_num + 1
        return cls.from_parent(
            item.parent, name=item.cell.id, cell_num=item.cell_num, cell=item.cell, options=item.options
        )

    def where(self) -> str:
        return f"{self.parent.nodeid}, cell {self.cell.id}"

    def repr_failure(self, excinfo: Any) -> Any:
        text = super().repr_failure(excinfo)
        return (
            text.replace(f"Cell {self.cell_num}:", f"{self.where()}:", 1) if isinstance(text, str) else text
        )

    def reportinfo(self) -> tuple[Any, int, str]:
        return self.path, 0, self.where()


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Any:
    report = yield
    report.result = [Cell.of(item) if type(item) is IPyNbCell else item for item in report.result or []]
    return report
