"""The theorems in Coq say what the chapters prove, to the letter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import coq
import formal
import ledger
import pytest

ROOT = Path(__file__).resolve().parents[2]
THEOREMS = formal.theorems(ROOT)
CLAIMS = ledger.collect(ROOT)


def fault(name: str, theorem: formal.Theorem, claims: Mapping[str, Any]) -> str | None:
    """Return in what a theorem differs from the claim whose name it has, None if in nothing."""
    claim = claims.get(name)
    if claim is None or claim["kind"] != "proof":
        return f"no chapter proves {name}"
    if theorem.why:
        return f"{name} can be printed" if claim["coq"] else None
    if claim["coq"] is None:
        return f"{name} cannot be printed, which wants a remark"
    if formal.plain(claim["coq"]) != formal.plain(theorem.statement):
        return f"{name} is stated otherwise; the chapter has\n{claim['coq']}"
    return None


@pytest.mark.parametrize("name", THEOREMS)
def test_a_theorem_says_what_its_chapter_proves(name: str) -> None:
    assert fault(name, THEOREMS[name], CLAIMS) is None


def test_every_theorem_is_found() -> None:
    written = sum(
        len(re.findall(r"^Theorem ", file.read_text(encoding="utf-8"), re.MULTILINE))
        for file in formal.files(ROOT)
    )
    assert len(THEOREMS) == written >= 80
    assert {file.name for file in formal.files(ROOT)} == {
        file.name for file in (ROOT / "book" / "formal").glob("*.v")
    }


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("softmax-shift", "z i + s", "z i - s"),  # a sign
        ("softmax-jacobian", "delta i j", "delta i i"),  # an index
        ("squared-hinge-parabola", "+ 4 * u", "+ 2 * u"),  # a factor
        ("gibbs-inequality", "    sum K (fun k => q k) = 1 ->\n", ""),  # an assumption less
        ("temperature-odds", "    0 < T ->\n", ""),
        ("softmax-range", "(1 <= i <= K)", "(1 <= i < K)"),  # an assumption more
        ("gibbs-strict", "0 < sum", "0 <= sum"),  # something weaker
        ("logsumexp-hessian", "(forall z, ex_partial (fun z => lse K z) z i) /\\\n    ", ""),
        ("softmax-two-classes", "K = 2%nat", "K = 1%nat"),
    ],
)
def test_a_theorem_that_says_something_else_is_seen(name: str, before: str, after: str) -> None:
    theorem = THEOREMS[name]
    assert before in theorem.statement
    changed = theorem._replace(statement=theorem.statement.replace(before, after))
    assert "stated otherwise" in str(fault(name, changed, CLAIMS))


def test_a_chapter_that_says_something_else_is_seen() -> None:
    claim = CLAIMS["softmax-sum"]
    other = {**claim, "coq": str(claim["coq"]).replace("= 1", "= 2")}
    assert "stated otherwise" in str(fault("softmax-sum", THEOREMS["softmax-sum"], {"softmax-sum": other}))


def test_a_theorem_has_a_chapter_and_a_statement() -> None:
    theorem = THEOREMS["softmax-sum"]
    assert "no chapter" in str(fault("softmax-product", theorem, CLAIMS))
    unprinted = {"softmax-sum": {**CLAIMS["softmax-sum"], "coq": None}}
    assert "wants a remark" in str(fault("softmax-sum", theorem, unprinted))
    remarked = theorem._replace(why="limits are not printed")
    assert "can be printed" in str(fault("softmax-sum", remarked, CLAIMS))
    assert fault("softmax-sum", remarked, unprinted) is None


def test_a_theorem_is_read_with_its_proof_and_its_remark(tmp_path: Path) -> None:
    folder = tmp_path / "book" / "formal"
    folder.mkdir(parents=True)
    (folder / "_CoqProject").write_text("-Q . Xent\nOne.v\n", encoding="utf-8")
    (folder / "One.v").write_text(
        "Lemma a : 1 = 1.\nProof.\n  reflexivity.\nQed.\n\n"
        "(* Not printed: it has no sums *)\nTheorem two_three :\n  2 =\n  2.\nProof.\n  reflexivity.\nQed.\n",
        encoding="utf-8",
    )
    (theorem,) = formal.theorems(tmp_path).values()
    assert theorem.why == "it has no sums"
    assert (theorem.file, theorem.name, formal.plain(theorem.statement)) == ("One.v", "two_three", "2 = 2")
    assert theorem.text.startswith("Theorem")
    assert theorem.text.endswith("Qed.")


def test_no_proof_is_left_open() -> None:
    text = "".join(file.read_text(encoding="utf-8") for file in formal.files(ROOT))
    assert not re.search(r"\b(Admitted|admit|Axiom|Parameter|Conjecture|Hypothesis|Variable)\b", text)


def test_axioms_are_read_and_others_than_those_of_the_reals_would_stand_out() -> None:
    printed = "Axioms:\nClassical_Prop.classic : forall P : Prop, P \\/ ~ P\nmine :\n  1 = 2\n"
    assert coq.used(printed) - coq.AXIOMS == {"mine"}
    assert coq.used("Closed under the global context\n") == set()
