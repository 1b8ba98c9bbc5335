"""Who is a member after some entries, by the log's own events: as the contract has it."""

from itertools import pairwise
from pathlib import Path

from msgspec import structs
from tests.audit.cosigned import Cosigned

from collegium.audit.log import read_log
from collegium.audit.membership import backing
from collegium.canonical import from_text
from collegium.ledger.contract.members import active_member, validator_powers
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.frames import decode_entry
from collegium.ledger.keys import key_id
from collegium.ledger.opening import open_ledger


def agree(folder: Path) -> int:
    """Compare members after the log with the contract's state; return how often they change."""
    log = read_log(folder)
    ledger = open_ledger(folder / "ledger.log", lambda _: None)
    members = log.members(len(log.entries))
    powers = {name: member.power for name, member in members.items() if member.power}
    assert powers == validator_powers(ledger.state)
    for name, member in members.items():
        record = active_member(ledger.state, name)
        assert record is not None
        assert (record.key, record.power, record.roles) == (member.key, member.power, member.roles)
    ledger.close()
    senders = {decode_envelope(decode_entry(entry)[0]).key_id for entry in log.entries}
    known = {key_id(from_text(member.key, 32)) for member in log.known_members()}
    assert senders <= known
    changes = [log.members(size) for size in range(len(log.entries) + 1)]
    return sum(one != other for one, other in pairwise(changes))


def test_a_key_that_changes(cosigned: Cosigned, tmp_path: Path) -> None:
    (tmp_path / "ledger.log").write_bytes((cosigned.folder / "ledger.log").read_bytes())
    assert agree(tmp_path) == 1


def test_members_that_come_change_their_key_and_go(eventful: Path, tmp_path: Path) -> None:
    (tmp_path / "ledger.log").write_bytes((eventful / "ledger.log").read_bytes())
    assert agree(tmp_path) >= 3


def test_only_who_validates_stands_behind_a_checkpoint(cosigned: Cosigned) -> None:
    log = read_log(cosigned.folder)
    members = log.members(len(log.entries))
    members["ada"] = structs.replace(members["ada"], power=0, roles=("site",))
    found = backing(cosigned.note, log.origin, members)
    assert set(found.cosigners) == {"cy"}
    assert (found.power, found.total, found.quorum) == (2, 3, False)
