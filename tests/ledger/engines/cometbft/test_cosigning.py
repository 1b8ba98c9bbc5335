"""Members cosign what is committed, and find each other's words in letters."""

from __future__ import annotations

from pathlib import Path

from tests.ledger.contract.kit import World, key_of
from tests.ledger.engines.cometbft.kit import NAMES, begin, decide, opened, proposal, world

from collegium.ledger.engines.cometbft.cosigning import COSIGNED, NOBODYS, Cosigning, merged
from collegium.ledger.engines.cometbft.execution import Execution
from collegium.ledger.final import read_final
from collegium.ledger.keys import SigningKey
from collegium.ledger.note import open_checkpoint, origin_of
from collegium.ledger.ordering import Letter


def member(folder: Path, of: World, name: str, *labels: str) -> tuple[Execution, Cosigning]:
    """Return a member that has executed a block for each label."""
    home = folder / name
    home.mkdir()
    execution = opened(home, of)
    execution.answer(begin(of))

    def own(public: bytes) -> SigningKey | None:
        return key_of(name) if public == key_of(name).public else None

    cosigning = Cosigning(home, of.identity, name, own)
    for height, label in enumerate(labels, 1):
        decide(execution, height, proposal(of, "ada", label))
        cosigning.committed(*execution.commits.pop())
    return execution, cosigning


def letters(people: dict[str, Cosigning]) -> dict[str, Letter]:
    return {name: Letter(cosigned=one.letter()) for name, one in people.items()}


def test_a_quorum_of_cosignatures_is_final_and_two_thirds_are_not(tmp_path: Path) -> None:
    of = world()
    people = {name: member(tmp_path, of, name, "one", "two")[1] for name in NAMES}
    said = letters(people)
    ada = people["ada"]
    ada.take({"bo": said["bo"]})
    assert read_final(tmp_path / "ada") is None
    ada.take({"cy": said["cy"]})
    assert ada.final is not None
    assert ada.final.size == 2
    assert ada.cosigners() == ("ada", "bo", "cy")
    note = read_final(tmp_path / "ada")
    assert note is not None
    assert open_checkpoint(note, origin_of(of.identity), NOBODYS.public) == ada.final
    ada.take({"di": said["di"]})
    assert ada.cosigners() == NAMES, "later ones are taken up as well"


def test_who_is_ahead_and_who_lags_meet_at_what_both_have(tmp_path: Path) -> None:
    of = world()
    ahead = {name: member(tmp_path, of, name, "one", "two", "three")[1] for name in ("ada", "bo")}
    _, behind = member(tmp_path, of, "cy", "one", "two")
    behind.take(letters(ahead))
    assert behind.final is not None
    assert behind.final.size == 2
    ahead["ada"].take({"cy": Letter(cosigned=behind.letter()), **letters(ahead)})
    assert ahead["ada"].final == behind.final


def test_a_member_with_another_history_is_named_and_does_not_count(tmp_path: Path) -> None:
    of = world()
    people = {name: member(tmp_path, of, name, "one")[1] for name in ("ada", "bo")}
    _, apart = member(tmp_path, of, "cy", "another one")
    people["ada"].take({**letters(people), "cy": Letter(cosigned=apart.letter())})
    assert people["ada"].apart == {"cy": 1}
    assert people["ada"].final is None


def test_words_of_nobody_and_nonsense_are_passed_over(tmp_path: Path) -> None:
    of = world()
    _, ada = member(tmp_path, of, "ada", "one")
    _, bo = member(tmp_path, of, "bo", "one")
    ada.take({"cy": Letter(cosigned=("nonsense", "", *bo.letter()))})
    assert ada.final is None
    assert ada.cosigners() == ()


def test_notes_are_merged_over_the_largest_ledger(tmp_path: Path) -> None:
    of = world()
    people = {name: member(tmp_path, of, name, "one")[1] for name in NAMES}
    notes = [(tmp_path / name / COSIGNED).read_text() for name in people]
    whole = merged(["", *notes])
    assert whole.count("\n— ") == 1 + len(NAMES)
    assert merged([]) == ""
    _, longer = member(tmp_path / "ada", of, "bo", "one", "two")
    assert merged([*notes, longer.letter()[-1]]).split("\n")[1] == "2"
