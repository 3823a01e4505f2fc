"""Run the tests that a change reaches: `make quick`, which checks style, types and imports before.

The change is what differs from main, or on main from the last commit. A wing whose code changed has its whole
folder of tests and its doctests run; a test file or a notebook that changed is run itself.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# What a change below a folder reaches; the first that fits counts.
WINGS = {
    "xentlib/proof/": ["xentlib/proof", "tests/proof"],
    "xentlib/": ["xentlib", "tests/numerics", "tests/test_oracle.py"],
    "tests/oracle.py": ["tests/numerics", "tests/test_oracle.py"],
    "book/": ["tests/book"],
    "tools/": ["tests/book"],
}


def reached(changed: list[str]) -> list[str]:
    """Return what to give to pytest for files that changed, in no order and each once."""
    found: dict[str, None] = {}
    for file in changed:
        if file.startswith("tests/peers/"):
            continue  # of another environment
        if file.startswith("tests/") and Path(file).name.startswith("test_"):
            found[file] = None
        elif file.endswith(".ipynb"):
            found.update(dict.fromkeys([file, "tests/book"]))
        else:
            wing = next((paths for start, paths in WINGS.items() if file.startswith(start)), ["tests/book"])
            found.update(dict.fromkeys(wing))
    return list(found)


def git(*order: str) -> list[str]:
    """Return the lines that git prints."""
    return subprocess.run(
        ["git", *order], cwd=ROOT, check=True, capture_output=True, encoding="utf-8"
    ).stdout.splitlines()


def changed() -> list[str]:
    """Return the files that differ from where this branch left main, with those that are new."""
    has_main = "main" in git("branch", "--format=%(refname:short)")
    base = git("merge-base", "HEAD", "main")[0] if has_main else "HEAD"
    names = git("diff", "--name-only", base) + git("ls-files", "--others", "--exclude-standard")
    return [name for name in names if (ROOT / name).exists()]


def main() -> int:
    paths = reached(changed())
    if not paths:
        print("Nothing has changed that a test reaches.")
        return 0
    print(f"Testing {' '.join(paths)}")
    order = [sys.executable, "-m", "pytest", "-q", "--maxfail=10", *paths]  # one wrong sign fails hundreds
    code = subprocess.run(order, cwd=ROOT, check=False).returncode
    return 0 if code == pytest.ExitCode.NO_TESTS_COLLECTED else code  # those of a browser have other goals


if __name__ == "__main__":
    sys.exit(main())
