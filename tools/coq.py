"""Check the proofs in Coq, and on what they rest: `make formal`; with the name of a claim, print its theorem.

They are compiled in `_build/formal`. Coq then names the axioms that they use, and its checker, which
shares only the kernel's rules with what compiled them, reads the result again.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import formal  # noqa: E402
import ledger  # noqa: E402

BUILD = ROOT / "_build" / "formal"

# Those of Coq's real numbers, and that equal values make equal functions.
AXIOMS = {
    "ClassicalDedekindReals.sig_not_dec",
    "ClassicalDedekindReals.sig_forall_dec",
    "FunctionalExtensionality.functional_extensionality_dep",
    "Classical_Prop.classic",
}

HOW = "Coq is not here. On Debian and Ubuntu: apt-get install --no-install-recommends coq libcoq-coquelicot"


def used(printed: str) -> set[str]:
    """Return the axioms that `Print Assumptions` names."""
    return set(re.findall(r"^([\w.]+)\s*:", printed.partition("Axioms:")[2], re.MULTILINE))


def run(*order: str) -> str:
    """Return what a command prints, or stop with it."""
    done = subprocess.run(order, cwd=BUILD, check=False, capture_output=True, encoding="utf-8")
    if done.returncode:
        sys.exit(f"{' '.join(order)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def stated(name: str) -> str:
    """Return the theorem of a claim, as it is to stand in a file."""
    claim = ledger.collect(ROOT).get(name)
    if claim is None or claim["kind"] != "proof":
        return f"No chapter proves {name}."
    if claim["coq"] is None:
        return f"The statement of {name} has something that xentlib.proof._coq cannot print."
    lines = [
        textwrap.wrap(line, 108, subsequent_indent=" " * 6, break_long_words=False, break_on_hyphens=False)
        for line in claim["coq"].split("\n")
    ]
    body = "\n".join(f"  {line}" for wrapped in lines for line in wrapped)
    return f"Theorem {name.replace('-', '_')} :\n{body}.\nProof."


def main(names: list[str]) -> int | str:
    if names:
        print("\n\n".join(map(stated, names)))
        return 0
    if not shutil.which("coqc"):
        return HOW
    shutil.rmtree(BUILD, ignore_errors=True)
    shutil.copytree(ROOT / "book" / "formal", BUILD)
    theorems = formal.theorems(ROOT)
    run("coq_makefile", "-f", "_CoqProject", "-o", "Makefile")
    made = subprocess.run(["make", "--no-print-directory", "-j", "2"], cwd=BUILD, check=False)
    if made.returncode:
        return "The proofs do not hold."
    modules = [file.stem for file in formal.files(ROOT)]
    (BUILD / "Axioms.v").write_text(
        f"From Xent Require Import {' '.join(modules)}.\n"
        f"Definition all := ({', '.join(theorem.name for theorem in theorems.values())}).\n"
        "Print Assumptions all.\n",
        encoding="utf-8",
    )
    axioms = used(run("coqc", "-Q", ".", "Xent", "Axioms.v"))
    if axioms - AXIOMS:
        return f"Something rests on {', '.join(sorted(axioms - AXIOMS))}, which nobody has proved."
    print("Reading what was compiled again with coqchk ...", flush=True)
    run("coqchk", "-silent", "-Q", ".", "Xent", *(f"Xent.{module}" for module in modules))
    print(f"{len(theorems)} theorems hold. They rest on {len(axioms)} axioms:")
    print("\n".join(f"  {name}" for name in sorted(axioms)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
