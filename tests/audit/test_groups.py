"""What a forger with all keys changes about groups and commitments is found by verification."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copytree
from typing import Any

import msgspec
import pytest
from tests.audit.forging import (
    Keys,
    Transcript,
    forged,
    read_transcript,
    rebuilt,
    simulated_keys,
)

from collegium.audit.history import read_history
from collegium.audit.verify import verify
from collegium.canonical import to_text
from collegium.ledger.contract.events import decode_events, encode_events
from collegium.ledger.contract.members import public_key as raw_key
from collegium.ledger.genesis import decode_genesis
from collegium.ledger.keys import key_id, signing_key
from collegium.mechanisms.groups.terms import GroupsDrawn
from collegium.simulation.execution import run

MASKS = 'privacy.secure_aggregation={ protocol = "secagg", groups = 3, sum_check = "pedersen" }'
ANOTHER_POINT = to_text(signing_key(bytes(32)).public)
LIAR = "va-2"
ANOTHER_DIGEST = to_text(bytes(31) + b"\1")


@dataclass(frozen=True, slots=True)
class Forgery:
    """A run whose history a forger may rewrite."""

    folder: Path
    transcript: Transcript
    keys: Keys

    def of(self, kind: str) -> list[int]:
        """Where a kind of transaction stands."""
        payloads = enumerate(self.transcript.entries)
        return [index for index, entry in payloads if entry.payload["kind"] == kind]

    def deals_with(self, member: str) -> set[str]:
        """Who was in a member's groups, as the bitmaps of deals in its commitments say it."""
        genesis = decode_genesis(self.transcript.genesis)
        (key,) = [key_id(raw_key(one.key)) for one in genesis.members if one.id == member]
        entries = [self.transcript.entries[index] for index in self.of("update.commit")]
        return {one.payload["parts"]["dealing"]["deals"] for one in entries if one.signer == key}

    def codes(self, index: int, **changes: object) -> list[str]:
        """What is wrong with a history in which one transaction says something else.

        A name with dots is that of a field within a field; None takes a field out.
        """
        payload = deepcopy(self.transcript.entries[index].payload)
        for name, value in changes.items():
            *above, last = name.split(".")
            place: dict[str, Any] = payload
            for one in above:
                place = place.setdefault(one, {})
            place.pop(last, None)
            if value is not None:
                place[last] = value
        data = forged(self.transcript, index, payload, self.keys)
        found = list(read_history(data).findings)
        if not found:
            (self.folder / "ledger.log").write_bytes(data)
            found = list(verify(self.folder).findings)
        return [one.code for one in found if one.severity == "error"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("groups") / "run"
    rule = ("aggregation.rule=median", "aggregation.tolerate=1", "evaluation.bootstrap=0")
    changes = ("training.rounds=1", MASKS, *rule, "threat.attack=lying_committer")
    run("heart10", out=folder, changes=changes)
    return folder


@pytest.fixture
def forgery(whole: Path, tmp_path: Path) -> Forgery:
    folder = tmp_path / "copy"
    copytree(whole, folder)
    transcript = read_transcript((folder / "ledger.log").read_bytes())
    return Forgery(folder, transcript, simulated_keys(transcript, 43))


def test_the_run_itself_is_right_and_names_the_group_of_who_lied(whole: Path) -> None:
    found = verify(whole)
    assert found.ok
    (refused,) = [one for one in found.findings if one.severity == "fault"]
    assert refused.code == "group.refused"
    assert LIAR in refused.what


@pytest.mark.parametrize(
    ("kind", "changes", "code"),
    [
        ("sa.bind", {"commitment": ANOTHER_DIGEST}, "entry.refused"),
        ("sa.keys", {"mask_key": ANOTHER_POINT}, "entry.refused"),
        ("update.commit", {"parts.sum_check": None}, "entry.malformed"),
        ("study.register", {"terms.groups.count": 2}, "entry.refused"),
        ("study.register", {"terms.groups.count": None}, "entry.malformed"),
        ("study.register", {"terms.groups.fewest": 2}, "study.registration"),
        ("study.register", {"modules": None}, "entry.malformed"),
        ("round.vote", {"result.parts.groups.groups": [9, 1]}, "entry.malformed"),
    ],
)
def test_a_changed_field_is_found(
    forgery: Forgery, kind: str, changes: dict[str, object], code: str
) -> None:
    assert code in forgery.codes(forgery.of(kind)[0], **changes)


def test_a_commitment_to_another_vector_is_found_wherever_the_model_depends_on_it(
    forgery: Forgery,
) -> None:
    """In a group that is refused anyway nothing depends on it."""
    refused = forgery.deals_with(LIAR)
    for index in forgery.of("update.commit"):
        parts = forgery.transcript.entries[index].payload["parts"]
        if "sum_check" not in parts or parts["dealing"]["deals"] in refused:
            continue
        codes = forgery.codes(index, **{"parts.sum_check.point": ANOTHER_POINT})
        assert {"round.model", "round.updates"} & {*codes}


def test_votes_for_a_model_with_the_bad_group_are_found(forgery: Forgery) -> None:
    """All validators together claim that no group was refused: recomputing says otherwise."""
    transcript, votes = forgery.transcript, forgery.of("round.vote")
    for index in votes:
        payload = {**transcript.entries[index].payload}
        given = payload["result"].get("parts", {})
        parts = {name: one for name, one in given.items() if name != "groups"}
        result = {name: one for name, one in payload["result"].items() if name != "parts"}
        payload["result"] = {**result, **({"parts": parts} if parts else {})}
        data = forged(transcript, index, payload, forgery.keys)
        transcript = read_transcript(data)
    (forgery.folder / "ledger.log").write_bytes(data)
    assert "round.model" in [one.code for one in verify(forgery.folder).findings]


def test_a_forged_assignment_of_groups_is_found(forgery: Forgery) -> None:
    """The lots follow from keys on the ledger: whoever replays it draws them again."""
    entries = forgery.transcript.entries
    (index,) = (at for at, entry in enumerate(entries) if b"groups.drawn" in entry.events)
    events = decode_events(entries[index].events)
    swapped = tuple(
        msgspec.structs.replace(event, groups=event.groups[::-1])
        if isinstance(event, GroupsDrawn)
        else event
        for event in events
    )
    assert swapped != events
    entry = replace(entries[index], events=encode_events(swapped))
    data = rebuilt(forgery.transcript.with_entry(index, entry), forgery.keys.log)
    assert next(one.code for one in read_history(data).findings) == "entry.events"
