"""Verification in words: faults are named with what follows, and nobody is reassured too early."""

import pytest
from tests.report.synthetic import LIAR, ROUNDS, verification

from collegium.audit.findings import Finding
from collegium.audit.subjects import AboutLedger, AboutRound, AboutStudy
from collegium.report.evidence import evidence_of

BROKEN = Finding("round.model", "error", AboutRound("fever", 3), {"case": "model"})
INCOMPLETE = Finding("ledger.incomplete", "error", AboutLedger())


def test_a_sound_record_holds() -> None:
    found = evidence_of(verification())
    assert found.standing == "holds"
    assert found.summary == (
        f"The record is valid: 251 entries replayed, and {ROUNDS} of {ROUNDS} rounds recomputed "
        "from the recorded updates, bit for bit."
    )
    assert found.faults == ()


def test_a_liar_is_named_and_the_model_is_unharmed() -> None:
    found = evidence_of(verification(LIAR))
    assert found.standing == "holds"
    assert found.faults == (
        "brugge voted for another model than the one that the others recomputed (fever, round "
        "5). It was outvoted: the model is not affected.",
    )


def test_nobody_is_reassured_where_the_record_does_not_hold() -> None:
    found = evidence_of(verification(LIAR, BROKEN))
    assert found.standing == "broken"
    assert "Do not rely on anything on this page" in found.summary
    assert "unharmed" not in found.faults[0]
    assert found.errors == (
        "Recomputing the aggregate gives another model than the one that was voted"
        " (fever, round 3).",
    )


def test_a_fault_of_an_unknown_kind_brings_no_reassurance() -> None:
    strange = Finding("site.strange", "fault", AboutStudy("fever"), {"who": "dorpat"})
    assert evidence_of(verification(strange)).faults == ("site.strange: who dorpat (fever).",)


@pytest.mark.parametrize(
    "result",
    [
        verification(complete=False),  # as `--partial` has it
        verification(INCOMPLETE, complete=False),
    ],
)
def test_an_unfinished_record_holds_so_far(result: object) -> None:
    found = evidence_of(result)  # type: ignore[arg-type]
    assert found.standing == "incomplete"
    assert found.summary.startswith("The record is valid so far: ")
    assert found.summary.endswith("It is incomplete because the study is not closed.")


def test_rounds_that_only_votes_vouch_for_are_not_called_recomputed() -> None:
    found = evidence_of(verification(levels={"recomputed": 5, "certified_by_votes": 7}))
    assert "5 of 12 rounds recomputed" in found.summary
    assert [(name, rounds) for name, _, rounds in found.levels] == [
        ("recomputed", 5),
        ("certified by votes", 7),
    ]


@pytest.mark.parametrize("anchored", ["none", "genesis", "checkpoint"])
def test_the_way_that_this_page_was_made_is_marked(anchored: str) -> None:
    ways = evidence_of(verification(anchored=anchored)).ways
    assert [way.command for way in ways] == [
        "collegium verify .",
        f"collegium verify . --genesis {'cd' * 32}",
        "collegium verify . --policy policy.json",
    ]
    assert [way.this for way in ways] == [
        anchored == one for one in ("none", "genesis", "checkpoint")
    ]
