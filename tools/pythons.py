"""Run the tests of `xentlib` on each other Python of this machine: `make pythons`.

The versions are those that the package names; which of them the machine has, uv finds. Each gets the pinned
packages in an environment of its own, made anew.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UV = ".venv/uv/bin/uv"
TESTS = ("xentlib", "tests/numerics", "tests/proof")


def versions() -> list[str]:
    """Return the versions of Python that the package names, such as 3.11."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        classifiers = tomllib.load(file)["project"]["classifiers"]
    prefix = "Programming Language :: Python :: "
    return [line.removeprefix(prefix) for line in classifiers if line.startswith(prefix)]


def found(version: str) -> str | None:
    """Return where a Python of this version is, if there is one."""
    done = subprocess.run(
        [UV, "python", "find", "--system", "--no-python-downloads", version],
        cwd=ROOT, check=False, capture_output=True, encoding="utf-8",
    )  # fmt: skip
    return done.stdout.strip() if done.returncode == 0 else None


def run(version: str, python: str) -> int:
    """Return what pytest does in a new environment of this Python."""
    own = f".venv-{version}"
    install = [UV, "pip", "install", "--quiet", "--no-deps", "--python", own]
    for command in (
        [UV, "venv", "--quiet", "--clear", "--python", python, own],
        [*install, "-r", "requirements.txt"],
        [*install, "--no-build-isolation", "--editable", "."],
    ):
        subprocess.run(command, cwd=ROOT, check=True)
    return subprocess.run([f"{own}/bin/pytest", *TESTS], cwd=ROOT, check=False).returncode


def main() -> int | str:
    red = []
    for version in versions():
        if version == f"{sys.version_info.major}.{sys.version_info.minor}":
            continue
        python = found(version)
        print(f"== Python {version}: {python or 'not on this machine'}", flush=True)
        if python and run(version, python):
            red.append(version)
    return f"The tests fail on Python {', '.join(red)}." if red else 0


if __name__ == "__main__":
    sys.exit(main())
