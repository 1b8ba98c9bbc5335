"""Encrypted rounds are recomputed by an auditor, and whatever is changed in them is found."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from shutil import copytree

import pytest

from collegium.audit.findings import Verification
from collegium.audit.verify import verify
from collegium.ledger.hashing import tag
from collegium.ledger.retirement import is_update
from collegium.simulation.execution import run

KINDS = ("encrypted", "key-deal", "key-share")
ENCRYPTED = 'privacy.secure_aggregation={ protocol = "threshold_he" }'


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One round of four sites, three of whom open the sum."""
    changes = ("training.rounds=1", "evaluation.bootstrap=0", ENCRYPTED)
    return run("heart", out=tmp_path_factory.mktemp("encrypted") / "run", changes=changes).folder


def blobs(folder: Path, what: str) -> list[Path]:
    paths = sorted((folder / "blobs").iterdir())
    return [path for path in paths if path.read_bytes().startswith(tag(what))]


def without(whole: Path, copy: Path, what: str, count: int) -> Verification:
    """What verification says of a copy that lacks some blobs of a kind."""
    copytree(whole, copy)
    for path in blobs(copy, what)[:count]:
        path.unlink()
    return verify(copy)


def codes(found: Verification) -> set[tuple[str, str]]:
    return {(one.code, one.severity) for one in found.findings}


def test_a_whole_run_is_recomputed(whole: Path) -> None:
    found = verify(whole)
    assert found.ok
    assert found.levels == {"recomputed": 1}
    assert not codes(found)
    assert len(blobs(whole, "encrypted")) == len(blobs(whole, "key-deal")) == 4
    assert len(blobs(whole, "key-share")) == 4


def test_encrypted_updates_are_what_retirement_is_about(whole: Path) -> None:
    about = {what: {is_update(path.read_bytes()) for path in blobs(whole, what)} for what in KINDS}
    assert about == {"encrypted": {True}, "key-deal": {False}, "key-share": {False}}


def test_the_threshold_of_shares_is_enough_for_an_auditor(whole: Path, tmp_path: Path) -> None:
    found = without(whole, tmp_path / "copy", "key-share", 1)
    assert found.ok
    assert found.levels == {"recomputed": 1}
    assert codes(found) == {("share.missing", "note")}


def test_with_fewer_shares_the_votes_stand(whole: Path, tmp_path: Path) -> None:
    found = without(whole, tmp_path / "copy", "key-share", 2)
    assert found.levels == {"certified_by_votes": 1}
    assert codes(found) == {("share.missing", "note"), ("blob.withheld", "note")}


@pytest.mark.parametrize("what", ["encrypted", "key-deal"])
def test_without_an_update_or_a_deal_the_votes_stand(
    whole: Path, tmp_path: Path, what: str
) -> None:
    found = without(whole, tmp_path / "copy", what, 1)
    assert found.levels == {"certified_by_votes": 1}
    assert ("blob.withheld", "note") in codes(found)


@pytest.mark.parametrize("what", KINDS)
def test_a_changed_blob_is_found(whole: Path, tmp_path: Path, what: str) -> None:
    copy = tmp_path / "copy"
    copytree(whole, copy)
    path = blobs(copy, what)[0]
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    assert sha256(data).hexdigest() != path.name
    found = verify(copy)
    assert not found.ok
    assert {one.code for one in found.findings if one.severity == "error"} == {"blob.altered"}
