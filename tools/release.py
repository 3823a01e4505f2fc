"""Build the wheel and the source distribution, and try each where nothing else is: `make dist`.

With a tag, say first whether version, changelog and citation are those of the tag.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
UV = ROOT / ".venv" / "uv" / "bin" / "uv"  # where the Makefile puts it

# What a user would miss, and what a wheel has no business to hold.
WHEEL = ["xentlib/py.typed", "xentlib/proof/__init__.py", "xentlib/_softmax.py"]
SOURCE = ["pyproject.toml", "tests/proof/test_verbs.py", "tests/numerics/test_softmax.py", *WHEEL]

# Run in an empty folder by a Python that has the package and what it needs: every example of every module.
TRIAL = """
import doctest, importlib, pkgutil, sys
from importlib.metadata import version
from pathlib import Path

import xentlib, xentlib.proof

assert "site-packages" in xentlib.__file__, xentlib.__file__
assert Path(xentlib.__file__).with_name("py.typed").exists()
assert version("xentlib") == xentlib.__version__ == sys.argv[1], (version("xentlib"), xentlib.__version__)
names = [module.name for module in pkgutil.walk_packages(xentlib.__path__, "xentlib.")]
modules = [importlib.import_module(name) for name in names if name != "xentlib.figures"]  # needs Matplotlib
failed, tried = map(sum, zip(*map(doctest.testmod, [xentlib, *modules])))
assert tried > 50, tried
print(f"{tried} examples in {len(modules)} modules, {failed} failed")
sys.exit(failed > 0)
"""


def version() -> str:
    """Return the version that `pyproject.toml` has."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: str = project["project"]["version"]
    return found


def faults_of_tag(tag: str, changelog: str, citation: str) -> list[str]:
    """Return what has to be mended before the tag may be released."""
    faults = []
    if tag != f"v{version()}":
        faults.append(f"the tag is {tag}, but pyproject.toml has version {version()}")
    dated = re.search(rf"(?m)^## \[{re.escape(tag[1:])}\] - (\d{{4}}-\d\d-\d\d)$", changelog)
    if not dated:
        faults.append(f"CHANGELOG.md has no dated heading for {tag[1:]}")
    elif f"\ndate-released: {dated[1]}\n" not in citation or f"\nversion: {tag[1:]}\n" not in citation:
        faults.append(f"CITATION.cff does not have version {tag[1:]} of {dated[1]}")
    return faults


def build() -> tuple[Path, Path]:
    """Return a new wheel and a new source distribution, the first built from the second."""
    for old in DIST.glob("xentlib-*"):
        old.unlink()
    subprocess.run(
        [UV, "build", "--quiet", "--python", sys.executable, "--build-constraints", "requirements.txt"],
        cwd=ROOT,
        check=True,
    )
    (wheel,), (source,) = DIST.glob("*.whl"), DIST.glob("*.tar.gz")
    return wheel, source


def faults_of_files(wheel: list[str], source: list[str]) -> list[str]:
    """Return what the two lists of files lack, or have too much."""
    source = [name.partition("/")[2] for name in source]
    faults = [f"the wheel lacks {name}" for name in WHEEL if name not in wheel]
    faults += [f"the source distribution lacks {name}" for name in SOURCE if name not in source]
    return faults + [
        f"the wheel has {name}"
        for name in wheel
        if not re.match(r"xentlib/|xentlib-[\w.]+\.dist-info/", name)
    ]


def trial(file: Path) -> None:
    """Install the file into a new environment, away from here, and run every example."""
    pins = str(ROOT / "requirements.txt")
    pinned = ["--constraint", pins, "--build-constraints", pins]
    with TemporaryDirectory() as folder:
        env, python = str(Path(folder, "env")), str(Path(folder, "env", "bin", "python"))
        for command in (
            [str(UV), "venv", "--quiet", "--python", sys.executable, env],
            [str(UV), "pip", "install", "--quiet", "--python", python, *pinned, str(file)],
            [python, "-I", "-X", "utf8", "-c", TRIAL, version()],
        ):
            subprocess.run(command, cwd=folder, check=True)


def main(arguments: list[str]) -> str | None:
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in ("CHANGELOG.md", "CITATION.cff")]
    if faults := [fault for tag in arguments for fault in faults_of_tag(tag, *texts)]:
        return "\n".join(faults)
    wheel, source = build()
    with zipfile.ZipFile(wheel) as one, tarfile.open(source) as other:
        faults = faults_of_files(one.namelist(), other.getnames())
    if faults:
        return "\n".join(faults)
    for file in (wheel, source):
        print(f"{file.name}: ", end="", flush=True)
        trial(file)
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
