"""Which blobs go once updates are retired: updates, and what no reveal names that is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.ledger.small_run import (
    PROPOSAL,
    SmallRun,
    begin,
    digest,
    finish,
    key_of,
    play_round,
    small_run,
)

from collegium.canonical import from_text, to_text
from collegium.ledger.contract.events import RoundClosed, RoundOpened, UpdatesRetired
from collegium.ledger.contract.governance import rotation_message
from collegium.ledger.contract.transactions import (
    BlobRetire,
    MemberPropose,
    MemberVote,
    Rotate,
    UpdateReveal,
)
from collegium.ledger.retirement import (
    Said,
    is_update,
    retired_here,
    retired_updates,
    reveals_and_retirements,
)

ALL = {"study": "small", "round": 0, "updates": "all"}
OWN = {"study": "small", "round": 0, "updates": "own"}


@pytest.fixture
def run(tmp_path: Path) -> Iterator[SmallRun]:
    made = small_run(tmp_path / "run")
    yield made
    made.ledger.close()


def file_of(run: SmallRun) -> bytes:
    return run.ledger.path.read_bytes()


def updates(run: SmallRun, who: str, *rounds: int) -> set[bytes]:
    """The digests of a site's updates in some rounds."""
    reveals = [(one.sender, one.transaction) for one in run.accepted]
    return {
        from_text(tx.digest, 32)
        for sender, tx in reveals
        if isinstance(tx, UpdateReveal) and sender == who and tx.round in rounds
    }


def test_nothing_is_retired_by_itself(run: SmallRun) -> None:
    assert retired_here(file_of(run), run.blobs) == []


def test_a_site_s_own_updates_go_by_round_or_all(run: SmallRun) -> None:
    run.say(("ada", BlobRetire, {**OWN, "round": 2}))
    assert set(retired_here(file_of(run), run.blobs)) == updates(run, "ada", 2)
    run.say(("ada", BlobRetire, OWN))
    assert set(retired_here(file_of(run), run.blobs)) == updates(run, "ada", 1, 2)


def test_everybodys_updates_go_by_a_quorum(run: SmallRun) -> None:
    run.say(("ada", BlobRetire, ALL))
    assert retired_here(file_of(run), run.blobs) == []
    run.say(("cy", BlobRetire, ALL))
    expected = updates(run, "ada", 1, 2) | updates(run, "bo", 1, 2)
    assert set(retired_here(file_of(run), run.blobs)) == expected
    run.blobs.delete(retired_here(file_of(run), run.blobs))
    assert retired_here(file_of(run), run.blobs) == []
    assert not any(is_update(path.read_bytes()) for path in run.blobs.path.iterdir())


def test_the_file_tells_the_same_as_the_replayed_entries(run: SmallRun) -> None:
    run.say(("bo", BlobRetire, {**OWN, "round": 1}))
    replayed = [(one.sender, one.transaction, one.events) for one in run.accepted]
    expected = retired_updates(replayed)
    assert expected == updates(run, "bo", 1)
    assert retired_updates(reveals_and_retirements(file_of(run))) == expected


def test_who_revealed_is_known_also_after_its_key_has_changed(tmp_path: Path) -> None:
    run = begin(tmp_path / "run")
    (opened,) = (e for one in run.accepted for e in one.events if isinstance(e, RoundOpened))
    events = play_round(run, 1, opened)
    new = key_of("ada, later")
    message = rotation_message(to_text(run.ledger.identity), PROPOSAL, "ada", to_text(new.public))
    rotation = Rotate(key=to_text(new.public), member="ada", proof=to_text(new.sign(message)))
    run.say(("bo", MemberPropose, {"proposal": PROPOSAL, "action": rotation}))
    for who in ("ada", "cy"):
        run.say((who, MemberVote, {"proposal": PROPOSAL, "approve": True}))
    run.keys["ada"] = new
    (opened,) = (event for event in events if isinstance(event, RoundOpened))
    (final,) = (e for e in play_round(run, 2, opened) if isinstance(e, RoundClosed))
    finish(run, final)
    run.say(("ada", BlobRetire, OWN))
    assert set(retired_here(file_of(run), run.blobs)) == updates(run, "ada", 1, 2)
    run.ledger.close()


def reveal(who: str, number: int, name: bytes, sealed: bytes | None = None) -> Said:
    more = {} if sealed is None else {"sealed": to_text(sealed)}
    tx = UpdateReveal(
        format=1, genesis="", study="small", round=number, attempt=1, digest=to_text(name),
        salt="", peak=0, saturated=0, **more,
    )  # fmt: skip
    return who, tx, ()


def retirement(number: int, *members: str, study: str = "small") -> Said:
    tx = BlobRetire(format=1, genesis="", study=study, round=number, updates="own")
    return members[0], tx, (UpdatesRetired(study=study, round=number, members=members),)


def test_a_sealed_blob_goes_with_its_update() -> None:
    said = [reveal("ada", 1, digest("a"), digest("sealed a")), reveal("bo", 1, digest("b"))]
    assert retired_updates([*said, retirement(1, "ada")]) == {digest("a"), digest("sealed a")}


def test_who_names_another_s_blob_cannot_take_it_away() -> None:
    said = [reveal("ada", 1, digest("a"), digest("sealed a"))]
    stolen = reveal("eve", 2, digest("a"), digest("sealed a"))
    assert retired_updates([*said, stolen, retirement(0, "eve")]) == frozenset()
    both = [*said, stolen, retirement(0, "eve"), retirement(1, "ada")]
    assert retired_updates(both) == {digest("a"), digest("sealed a")}


def test_retirement_is_of_one_study() -> None:
    assert retired_updates([reveal("ada", 1, digest("a")), retirement(0, "ada", study="b")]) == (
        frozenset()
    )


def test_a_model_or_a_statement_named_as_an_update_stays(
    run: SmallRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here every blob of the run is named by a retired reveal."""
    everything = frozenset(bytes.fromhex(path.name) for path in run.blobs.path.iterdir())
    monkeypatch.setattr("collegium.ledger.retirement.retired_updates", lambda _: everything)
    for name in retired_here(file_of(run), run.blobs):
        data = run.blobs.get(name)
        assert data is not None
        assert data.startswith(b"collegium/update/v1\0")
    assert len(retired_here(file_of(run), run.blobs)) == 4
