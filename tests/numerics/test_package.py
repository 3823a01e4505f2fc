"""What the package hands out: one public name each, in the reference, and no SymPy for the numbers."""

from __future__ import annotations

import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import FunctionType, ModuleType

import pytest
from numpydoc.validate import validate

import xentlib
import xentlib.figures
import xentlib.proof

ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / "book" / "api.md").read_text(encoding="utf-8")
WINGS = [xentlib, xentlib.proof]
DOCUMENTED = [
    f"{module.__name__}.{name}"
    for module in [*WINGS, xentlib.figures]
    for name, member in ((name, getattr(module, name)) for name in module.__all__)
    if isinstance(member, ModuleType | FunctionType | type) and member.__name__ != "KroneckerDelta"  # SymPy's
]


@pytest.mark.parametrize("wing", WINGS, ids=lambda wing: wing.__name__)
def test_what_is_public_is_exported_and_nothing_else(wing: ModuleType) -> None:
    modules = {module.name for module in pkgutil.iter_modules(wing.__path__)}
    public = {name for name in dir(wing) if not name.startswith("_")} - {"proof", "figures", "core"}
    assert public == {name for name in wing.__all__ if not name.startswith("_")}
    assert {name for name in modules if not name.startswith("_")} <= {
        "differences",
        "figures",
        "proof",
        "core",
    }


def test_what_draws_is_exported_and_so_are_the_colours() -> None:
    own = {
        name
        for name, member in vars(xentlib.figures).items()
        if isinstance(member, str) or getattr(member, "__module__", None) == "xentlib.figures"
    }
    assert {name for name in own if not name.startswith("_")} == set(xentlib.figures.__all__)


def test_no_module_has_the_name_of_a_function() -> None:
    for wing in WINGS:
        modules = {module.name for module in pkgutil.iter_modules(wing.__path__)}
        functions = {name for name in wing.__all__ if not isinstance(getattr(wing, name), ModuleType)}
        assert not modules & functions


@pytest.mark.parametrize("name", DOCUMENTED)
def test_what_is_public_stands_in_the_reference(name: str) -> None:
    assert re.search(rf"^\.\. auto\w+:: {re.escape(name)}$", REFERENCE, re.M)


# Of numpydoc's checks those that ask for more than a reader needs.
NOT_ASKED = {
    "ES01": "a summary that says it all needs no second paragraph",
    "SA01": "the chapters say what belongs together",
    "GL08": "modules are shown by their members",
}


@pytest.mark.parametrize("name", [name for name in DOCUMENTED if name != "xentlib.differences"])
def test_docstrings_are_complete(name: str) -> None:
    faults = [f"{code}: {text}" for code, text in validate(name)["errors"] if code not in NOT_ASKED]
    if name.endswith(("Error", ".show")):  # one is raised, one shows in a notebook
        faults = [fault for fault in faults if not fault.startswith("EX01")]
    if isinstance(pkgutil.resolve_name(name), FunctionType | type):
        assert "References" in (pkgutil.resolve_name(name).__doc__ or "")
    assert not faults


def test_the_reference_lists_nothing_else() -> None:
    listed = re.findall(r"^\.\. auto\w+:: ([\w.]+)$", REFERENCE, re.M)
    assert len(listed) == len(set(listed))
    assert set(listed) <= {*DOCUMENTED, "xentlib", "xentlib.proof", "xentlib.figures"}


@pytest.mark.parametrize("library", ["sympy", "matplotlib", "IPython"])
def test_the_numbers_need_no_other_library(library: str) -> None:
    source = f"import sys, xentlib; print({library!r} in sys.modules)"
    found = subprocess.run([sys.executable, "-c", source], capture_output=True, check=True, text=True)
    assert found.stdout == "False\n"


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert xentlib.__version__ == project["project"]["version"]
