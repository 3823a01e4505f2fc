"""The proofs need no NumPy, so that they can run where there is none, as in a browser."""

import subprocess
import sys

PROOFS = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "numpy":
            raise ImportError(name)

sys.meta_path.insert(0, Blocked())
import sympy as sp
from xentlib.proof import K, N, delta, derive, i, j, k, n, p, prove, refute, s, sum_over, z

prove("sum", sp.Eq(sum_over(k, p[k]), 1))
prove("slope", sp.Eq(sp.Derivative(p[i], z[j]), p[i] * (delta(i, j) - p[j])))
prove("bound", sp.Ge((s - 1) ** 2, 0, evaluate=False))
derive(p[i] / p[j], sp.exp(z[i]) / sp.exp(z[j]))
refute("one", sp.Eq(p[i], 1))
refute("two", sp.Eq(p[n, i], 1), at={K: 2, N: 1, i: 1, n: 1, z: [[1, 2]]})
"""


def test_proofs_run_without_numpy() -> None:
    found = subprocess.run(
        [sys.executable, "-c", PROOFS], capture_output=True, text=True, check=False, timeout=120
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.count("✓") == 3
    assert found.stdout.count("✗") == 2
