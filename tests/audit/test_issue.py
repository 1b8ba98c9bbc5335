"""Receipts and policies made from what lies in a folder."""

import json
import shutil
from pathlib import Path

import pytest
from tests.audit.cosigned import Cosigned, lines, sealed, shorter
from tests.ledger.small_run import begin, key_of, small_run

from collegium.audit.issue import issue_kept_policy, issue_policy, issue_receipt
from collegium.audit.log import find_entry, newest_checkpoint, read_log
from collegium.audit.policy import parse_policy
from collegium.audit.receipt import decode_extra, decode_receipt
from collegium.canonical import from_text
from collegium.errors import CollegiumError
from collegium.ledger.final import NAME, read_final, write_final
from collegium.ledger.frames import ENTRY, encode_frame, entry_hash
from collegium.ledger.proof import inclusion_holds


@pytest.fixture
def copy(cosigned: Cosigned, tmp_path: Path) -> Path:
    """A copy of the run that a test may change."""
    return Path(shutil.copytree(cosigned.folder, tmp_path / "copy"))


def code_of(folder: Path, wanted: str = "3") -> str:
    with pytest.raises(CollegiumError) as caught:
        issue_receipt(folder, wanted)
    return caught.value.code


def test_a_receipt_of_every_entry(cosigned: Cosigned) -> None:
    log = read_log(cosigned.folder)
    _, checkpoint = newest_checkpoint(log)
    assert checkpoint.size == len(log.entries) > 20
    for index, entry in enumerate(log.entries):
        issued = issue_receipt(cosigned.folder, str(index))
        receipt = decode_receipt(issued.text.encode())
        assert decode_extra(receipt.extra) == (log.genesis_bytes, entry)
        assert receipt.note == cosigned.note
        assert receipt.index == index == issued.index
        leaf, root = entry_hash(entry), checkpoint.root
        assert inclusion_holds(leaf, index, checkpoint.size, receipt.proof, root)


def test_an_entry_is_named_by_its_index_or_its_transactions_id(cosigned: Cosigned) -> None:
    log = read_log(cosigned.folder)
    for index in (0, 7, len(log.entries) - 1):
        told = issue_receipt(cosigned.folder, str(index)).said
        assert find_entry(log, told.id) == find_entry(log, told.id.upper()) == index
    assert issue_receipt(cosigned.folder, "0").said.kind == "study.register"


def test_who_cosigned_is_weighed_by_the_powers_after_the_last_entry(cosigned: Cosigned) -> None:
    backing = issue_receipt(cosigned.folder, "3").backing
    assert list(backing.cosigners) == ["ada", "cy"]
    assert (backing.power, backing.total, backing.quorum) == (3, 4, True)


def test_a_sender_whose_key_has_changed_is_named_before_and_after(cosigned: Cosigned) -> None:
    log = read_log(cosigned.folder)
    senders = {issue_receipt(cosigned.folder, str(index)).said.sender for index in range(20)}
    assert senders == {"ada", "bo", "cy"}
    assert len({one.key for one in log.known_members() if one.id == "cy"}) == 2


def test_without_final_the_sealed_checkpoint_is_taken(copy: Path) -> None:
    (copy / NAME).unlink()
    issued = issue_receipt(copy, "3")
    assert decode_receipt(issued.text.encode()).note == sealed(copy)
    assert not issued.backing.cosigners


def test_a_run_that_goes_on_has_receipts_of_what_is_final(tmp_path: Path) -> None:
    run = begin(tmp_path / "run")
    assert code_of(run.folder, "0") == "receipt.no-checkpoint"
    note = shorter(run.folder, 2)
    write_final(run.folder, note + lines(note, "ada", "cy", keys=run.keys))
    assert issue_receipt(run.folder, "1").backing.quorum
    assert code_of(run.folder, "2") == "receipt.not-final"
    run.ledger.close()


def test_what_no_block_covers_is_not_there_yet(copy: Path) -> None:
    size = len(read_log(copy).entries)
    with (copy / "ledger.log").open("ab") as file:
        file.write(encode_frame(ENTRY, b"half a block"))
    assert len(read_log(copy).entries) == size
    assert code_of(copy, str(size)) == "receipt.no-entry"


@pytest.mark.parametrize("wanted", ["99999", "9" * 19, "9" * 5000, "ab" * 32, "", "-1", "x", "٣"])
def test_no_receipt_of_what_is_not_there(cosigned: Cosigned, wanted: str) -> None:
    assert code_of(cosigned.folder, wanted) == "receipt.no-entry"


def test_no_receipt_under_a_checkpoint_of_another_history(copy: Path) -> None:
    size = len(read_log(copy).entries)
    write_final(copy, shorter(copy, size, root=b"x" * 32))
    assert code_of(copy) == "receipt.other-log"
    write_final(copy, shorter(copy, size + 1))
    assert code_of(copy) == "receipt.other-log"


@pytest.mark.parametrize("data", [b"", b"\xff", b"nothing\n\nof ours\n", bytes(10**7)])
def test_no_receipt_under_a_final_that_is_none(copy: Path, data: bytes) -> None:
    (copy / NAME).write_bytes(data)
    assert code_of(copy) == "format.malformed"


def test_no_receipt_where_a_cosignature_does_not_hold(copy: Path) -> None:
    other = lines(shorter(copy, 3), "ada")
    write_final(copy, sealed(copy) + other)
    assert code_of(copy) == "format.malformed"


@pytest.mark.parametrize("data", [b"", b"\0", b"\1\0\0\0\0", b"\3\0\0\0\0", b"nothing of ours"])
def test_no_receipt_of_what_is_no_ledger(tmp_path: Path, data: bytes) -> None:
    assert code_of(tmp_path) == "run.unreadable"
    (tmp_path / "ledger.log").write_bytes(data)
    assert code_of(tmp_path) == "format.malformed"


def test_final_is_replaced_whole(tmp_path: Path) -> None:
    assert read_final(tmp_path) is None
    write_final(tmp_path, "one — note\n")
    write_final(tmp_path, "another\n")
    assert read_final(tmp_path) == "another\n"
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_the_policy_names_the_validators_with_their_latest_keys(cosigned: Cosigned) -> None:
    policy = parse_policy(cosigned.policy)
    log = read_log(cosigned.folder)
    assert policy.logs == [(log.origin, key_of("*log").public)]
    assert policy.witnesses == {
        "ada": (f"{log.origin}/ada", key_of("ada").public),
        "bo": (f"{log.origin}/bo", key_of("bo").public),
        "cy": (f"{log.origin}/cy", key_of("cy, later").public),
    }
    assert policy.satisfied_by({"ada", "cy"})
    assert policy.satisfied_by({"bo", "cy"})
    assert not policy.satisfied_by({"ada", "bo"})
    assert not policy.satisfied_by({"cy"})
    assert b"a later change needs a new policy" in cosigned.policy


def test_a_policy_that_trusts_the_log_alone_says_so(cosigned: Cosigned) -> None:
    text = issue_policy(cosigned.folder, log_only=True)
    policy = parse_policy(text.encode())
    assert policy.satisfied_by(set())
    assert "whoever holds the log's key is trusted" in text


def test_a_policy_before_the_first_entry_is_that_of_the_genesis(tmp_path: Path) -> None:
    run = small_run(tmp_path / "run")
    run.ledger.close()
    whole = (tmp_path / "run" / "ledger.log").read_bytes()
    end = 5 + int.from_bytes(whole[1:5], "big")
    (tmp_path / "run" / "ledger.log").write_bytes(whole[:end])
    text = issue_policy(tmp_path / "run", log_only=False)
    assert "Members are those of the genesis." in text
    keys = {name: public for name, (_, public) in parse_policy(text.encode()).witnesses.items()}
    genesis = read_log(tmp_path / "run").genesis
    assert keys == {member.id: from_text(member.key, 32) for member in genesis.members}


def test_the_json_policy_keeps_the_newest_checkpoint(cosigned: Cosigned) -> None:
    policy = json.loads(issue_kept_policy(cosigned.folder))
    assert policy["checkpoints"] == [cosigned.note]
    assert policy["format"] == "collegium-policy/v1"
