"""A quick run has the tests that a change reaches."""

from __future__ import annotations

import pytest
import quick


@pytest.mark.parametrize(
    ("changed", "reached"),
    [
        (["xentlib/proof/_signs.py"], ["xentlib/proof", "tests/proof"]),
        (["xentlib/_mean.py"], ["xentlib", "tests/numerics", "tests/test_oracle.py"]),
        (["tests/proof/test_signs.py"], ["tests/proof/test_signs.py"]),
        (["book/loss/softmax.ipynb"], ["book/loss/softmax.ipynb", "tests/book"]),
        (["book/_ext/ledger.py", "README.md", "_toc.yml"], ["tests/book"]),
        (["tests/peers/comparing.py", "tests/peers/test_jax.py"], []),
        ([], []),
    ],
)
def test_what_a_change_reaches(changed: list[str], reached: list[str]) -> None:
    assert quick.reached(changed) == reached


def test_every_path_is_there() -> None:
    paths = {path for wing in quick.WINGS.values() for path in wing}
    assert all((quick.ROOT / path).exists() for path in paths)
