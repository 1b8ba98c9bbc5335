"""A home's files: what is damaged is noticed, what is final is kept, what is torn is cut."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.ledger.contract.kit import member, world_of
from tests.ledger.engines.log.kit import MEMBERS, Consortium

from collegium.errors import RunError
from collegium.ledger.engines.log.log_copy import open_log_copy
from collegium.ledger.engines.log.witness import open_cosigned


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at % len(data)] ^= 1
    path.write_bytes(bytes(data))


def test_a_flipped_byte_anywhere_is_noticed_by_the_check_and_healed(us: Consortium) -> None:
    us.settle("one", "two")
    path = us.home("ada") / "ledger.log"
    size = len(path.read_bytes())
    for at in [*range(0, size, 97), size - 1]:
        assert us.replicas["ada"].check()
        flip(path, at)
        assert not us.replicas["ada"].check(), f"byte {at}"
        assert not us.replicas["ada"].settled
        us.step()
        assert us.sizes() == dict.fromkeys(MEMBERS, (2, 2))
    assert [one.index for one in us.told["ada"]] == [0, 1], "healing tells nothing again"


def test_a_damaged_name_of_a_module_is_damage_and_no_missing_plugin(us: Consortium) -> None:
    us.settle("one", "two")
    us.replicas["ada"].copy.close()
    path = us.home("ada") / "ledger.log"
    flip(path, path.read_bytes().index(b"scores@1"))
    us.start("ada")
    assert not us.replicas["ada"].settled
    us.step()
    assert us.sizes() == dict.fromkeys(MEMBERS, (2, 2))


@pytest.mark.parametrize("cut", [1, 50, 2000])
def test_a_file_that_lost_its_end_is_fetched_again(us: Consortium, cut: int) -> None:
    us.settle("one", "two")
    us.replicas["ada"].copy.close()
    path = us.home("ada") / "ledger.log"
    path.write_bytes(path.read_bytes()[:-cut])
    us.start("ada")
    assert not us.replicas["ada"].settled
    us.step()
    assert us.sizes() == dict.fromkeys(MEMBERS, (2, 2))
    assert [one.index for one in us.told["ada"]] == [0, 1]


def test_what_a_crash_tore_off_is_cut(us: Consortium) -> None:
    us.settle("one")
    us.replicas["ada"].copy.close()
    with (us.home("ada") / "ledger.log").open("ab") as file:
        file.write(b"\x02\0\0\x01\0half an entry")
    us.start("ada")
    us.settle("two")
    assert us.sizes() == dict.fromkeys(MEMBERS, (2, 2))


def test_a_damaged_final_note_is_had_again(us: Consortium) -> None:
    us.settle("one")
    for content in (b"", b"\xff\xff", b"no note", b"a\n\n"):
        us.replicas["ada"].copy.close()
        (us.home("ada") / "final").write_bytes(content)
        us.start("ada")
        assert not us.replicas["ada"].settled
        us.step()
        assert us.sizes() == dict.fromkeys(MEMBERS, (1, 1))


def test_a_healed_file_must_lead_to_what_was_final(us: Consortium) -> None:
    us.settle("one", "two")
    note = us.replicas["ada"].final_note
    flip(us.home("ada") / "ledger.log", 1000)
    us.replicas["ada"].check()
    assert us.replicas["ada"].copy.expected == note
    assert us.replicas["ada"].copy.known_final == 2
    us.start("ada")
    assert us.replicas["ada"].copy.expected == note, "also after another kill"


def test_the_home_of_another_consortium_is_refused(us: Consortium) -> None:
    us.settle("one")
    other = world_of([member("ada"), member("bo")])
    with pytest.raises(RunError, match=r"ledger\.other"):
        open_log_copy(us.home("ada"), other.genesis, us.warnings.append)


def test_a_damaged_record_of_cosignatures_is_not_believed(us: Consortium) -> None:
    us.settle("one")
    path = us.home("ada") / "cosigned"
    assert open_cosigned(us.home("ada")).known
    for at in (0, 70, 100):
        flip(path, at)
        assert not open_cosigned(us.home("ada")).known
        flip(path, at)
    path.write_bytes(b"")
    assert not open_cosigned(us.home("ada")).known


def test_a_block_that_was_replayed_and_not_written_does_not_count(
    us: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    us.settle("one")
    us.wires["ada"].submit([us.registration("two")])

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("collegium.ledger.application.Application.commit", full)
        with pytest.raises(OSError, match="No space"):
            us.replicas["bo"].step(0)
    assert us.sizes()["bo"] == (1, 1)
    us.step()
    assert us.sizes() == dict.fromkeys(MEMBERS, (2, 2))
