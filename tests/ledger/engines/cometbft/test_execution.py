"""The application behind CometBFT: the traps of ABCI 2.0, one test each, without CometBFT."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.ledger.engines.cometbft.kit import (
    NAMES,
    begin,
    block,
    consensus_key,
    decide,
    opened,
    proposal,
    vote,
    world,
)

from collegium.errors import FormatError
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.engines.cometbft import abci
from collegium.ledger.engines.cometbft.execution import ID_FILTER, MOST_BEFORE, Unanswerable
from collegium.ledger.engines.cometbft.height import NAME as HEIGHT
from collegium.ledger.engines.cometbft.height import read_height
from collegium.ledger.engines.cometbft.home import address
from collegium.ledger.engines.cometbft.protobuf import (
    all_in,
    number,
    number_in,
    octets,
    octets_in,
    read,
    repeated,
    text,
)
from collegium.ledger.engines.cometbft.refusals import CODES, NUMBERS, OTHER, number_of
from collegium.ledger.frames import BLOCK, decode_block, read_frames
from collegium.ledger.ordering import LEDGER


def info(answer: abci.Response) -> tuple[int, bytes]:
    fields = read(answer.body)
    return number_in(fields, 4), octets_in(fields, 5)


def codes(answer: abci.Response) -> list[int]:
    return [number_in(read(one), 1) for one in all_in(read(answer.body), 2)]


def updates(answer: abci.Response) -> dict[bytes, int]:
    found = [read(one) for one in all_in(read(answer.body), 3)]
    return {octets_in(read(octets_in(one, 1)), 1): number_in(one, 2) for one in found}


def root(answer: abci.Response) -> bytes:
    return octets_in(read(answer.body), 5)


def test_a_chain_begins_with_the_ledger_it_is_of_and_no_other(tmp_path: Path) -> None:
    of = world()
    execution = opened(tmp_path, of)
    assert info(execution.answer(abci.Info("0.38.25"))) == (0, b"")
    answer = execution.answer(begin(of))
    assert octets_in(read(answer.body), 3) == execution.application.application_hash()
    for wrong in (
        abci.InitChain("collegium-0", begin(of).validators, 1),
        abci.InitChain(begin(of).chain, {consensus_key("ada").public: 1}, 1),
    ):
        with pytest.raises(Unanswerable):
            execution.answer(wrong)


def test_an_empty_block_changes_neither_the_application_hash_nor_the_ledger(tmp_path: Path) -> None:
    """Otherwise every block would call for another one (trap 1)."""
    of = world()
    execution = opened(tmp_path, of)
    first = execution.answer(begin(of))
    before = (tmp_path / LEDGER).read_bytes()
    answers = [decide(execution, height) for height in (1, 2, 3)]
    assert {root(one) for one in answers} == {octets_in(read(first.body), 3)}
    assert (tmp_path / LEDGER).read_bytes() == before
    assert info(execution.answer(abci.Info(""))) == (3, root(answers[0]))


def test_nothing_is_written_before_commit_and_info_says_what_was_committed(tmp_path: Path) -> None:
    """Traps 3 and 4."""
    of = world()
    execution = opened(tmp_path, of)
    execution.answer(begin(of))
    decide(execution, 1, proposal(of, "ada", "first"))
    written = (tmp_path / LEDGER).read_bytes()
    told = info(execution.answer(abci.Info("")))
    execution.answer(block(2, [proposal(of, "bo", "second")]))
    assert (tmp_path / LEDGER).read_bytes() == written
    assert execution.busy
    assert info(execution.answer(abci.Info(""))) == told
    assert info(opened(tmp_path, of).answer(abci.Info(""))) == told


def test_a_block_that_is_decided_again_gives_the_same_bytes(tmp_path: Path) -> None:
    of = world()
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    blocks = [
        (proposal(of, "ada", "one"), vote(of, "ada", "one")), (vote(of, "bo", "one"),), (),
        (vote(of, "cy", "one"), vote(of, "cy", "one")),
    ]  # fmt: skip
    for folder in (whole, killed):
        folder.mkdir()
    execution = opened(whole, of)
    execution.answer(begin(of))
    for height, transactions in enumerate(blocks, 1):
        decide(execution, height, *transactions)
    for height, transactions in enumerate(blocks, 1):
        for before_commit in (True, False):  # killed after execution, and after the ledger's write
            again = opened(killed, of)
            assert again.height.height == height - 1
            again.answer(block(height, transactions))
            if not before_commit:
                kept = (killed / HEIGHT).read_bytes()
                again.answer(abci.Commit())
                (killed / HEIGHT).write_bytes(kept)
        decide(opened(killed, of), height, *transactions)
    assert (killed / LEDGER).read_bytes() == (whole / LEDGER).read_bytes()
    assert read_height(killed) == read_height(whole)


def test_a_block_whose_commit_never_comes_is_taken_back(tmp_path: Path) -> None:
    of = world()
    execution = opened(tmp_path, of)
    execution.answer(begin(of))
    before = execution.application.application_hash()
    execution.answer(block(1, [proposal(of, "ada", "first")]))
    execution.give_up()
    assert execution.application.application_hash() == before
    with pytest.raises(Unanswerable):
        execution.answer(abci.Commit())
    decide(execution, 1, proposal(of, "ada", "first"))
    assert execution.application.size == 1


def test_a_gap_is_refused(tmp_path: Path) -> None:
    of = world()
    execution = opened(tmp_path, of)
    execution.answer(begin(of))
    with pytest.raises(Unanswerable):
        execution.answer(block(2))


def test_refusals_are_fixed_numbers_and_stay_in_the_block(tmp_path: Path) -> None:
    """Codes enter the next header, texts do not (trap 6)."""
    of = world()
    execution = opened(tmp_path, of)
    execution.answer(begin(of))
    first = proposal(of, "ada", "first")
    answer = decide(execution, 1, first, first, b"nonsense")
    assert codes(answer) == [0, NUMBERS["already"], NUMBERS["malformed"]]
    header = decode_block([*read_frames((tmp_path / LEDGER).read_bytes())][-1].body)
    assert (header.count, header.proposer, header.certificate) == (1, "bo", "cometbft")
    assert len(set(NUMBERS.values())) == len(NUMBERS)
    assert OTHER not in CODES
    assert number_of(Rejected("of a later release", "")) == OTHER


def test_every_code_of_the_contract_has_its_number() -> None:
    import re

    source = Path(__file__).parents[4] / "src/collegium"
    files = [
        *(source / "ledger").rglob("*.py"), *(source / "mechanisms").rglob("*.py"),
    ]  # fmt: skip
    found = {
        code for path in files for code in re.findall(r'Rejected\(\s*"([a-z-]+)"', path.read_text())
    }
    assert found <= NUMBERS.keys()


def test_powers_follow_the_contract_and_are_never_none(tmp_path: Path) -> None:
    """Trap 7."""
    of = world()
    execution = opened(tmp_path, of)
    execution.answer(begin(of))
    decide(execution, 1, proposal(of, "ada", "out"))
    answer = decide(execution, 2, *(vote(of, name, "out") for name in ("ada", "bo", "cy")))
    assert updates(answer) == {consensus_key("di").public: 0}
    assert updates(decide(execution, 3)) == {}
    # Who was expelled is a validator for two more blocks: such a block names nobody.
    decide(execution, 4, proposal(of, "ada", "later", "cy"), proposer="di")
    blocks = [one for one in read_frames((tmp_path / LEDGER).read_bytes()) if one.kind == BLOCK]
    assert decode_block(blocks[-1].body).proposer == ""


def test_what_waits_is_checked_after_what_its_sender_has_waiting(tmp_path: Path) -> None:
    of = world()
    execution = opened(tmp_path, of)
    execution.answer(begin(of))

    def check(transaction: bytes, *, again: bool = False) -> int:
        return number_in(read(execution.answer(abci.CheckTx(transaction, again)).body), 1)

    assert check(vote(of, "ada", "first")) == NUMBERS["refused"]
    assert check(proposal(of, "ada", "first")) == 0
    assert check(vote(of, "ada", "first")) == 0
    assert check(vote(of, "bo", "first")) == NUMBERS["refused"], "that of others may not come"
    assert check(b"nonsense") == NUMBERS["malformed"]
    decide(execution, 1, proposal(of, "ada", "first"))
    assert check(vote(of, "ada", "first"), again=True) == 0
    assert check(proposal(of, "ada", "first"), again=True) == NUMBERS["already"]
    assert MOST_BEFORE > 2


def test_proposals_fit_and_only_what_cannot_be_a_transaction_is_voted_down(tmp_path: Path) -> None:
    """A rule that rejects too much would halt every chain at once (trap 5)."""
    of = world()
    execution = opened(tmp_path, of)
    execution.answer(begin(of))
    first, second = proposal(of, "ada", "first"), proposal(of, "bo", "second")
    answer = execution.answer(abci.PrepareProposal(len(first) + 8, (first, second)))
    assert all_in(read(answer.body), 1) == (first,)
    for transactions, status in (((b"nonsense", first), 1), ((b"x" * 17_000,), 2)):
        judged = execution.answer(abci.ProcessProposal(transactions))
        assert number_in(read(judged.body), 1) == status


def test_nodes_of_members_are_let_in_and_no_others(tmp_path: Path) -> None:
    execution = opened(tmp_path, world())

    def may(path: str) -> bool:
        return number_in(read(execution.answer(abci.Query(path)).body), 1) == 0

    ids = [address(consensus_key(name).public).hex() for name in NAMES]
    assert all(may(f"{ID_FILTER}{one}") for one in ids)
    assert not may(f"{ID_FILTER}{'0' * 40}")
    assert not may(ID_FILTER)
    assert may("/p2p/filter/addr/10.0.0.1:4000")
    assert not may("/store")


def test_requests_are_read_and_what_is_unknown_is_refused() -> None:
    def asked(kind: int, body: bytes) -> abci.Request:
        return abci.decode_request(abci.Response(kind, body).encode())

    assert asked(1, text(1, "ho")) == abci.Echo("ho")
    assert asked(8, octets(1, b"tx") + number(2, 1)) == abci.CheckTx(b"tx", again=True)
    assert asked(20, repeated(1, [b"a", b""]) + number(5, 7)) == abci.FinalizeBlock(
        7, (b"a", b""), (), b"", b""
    )
    for wrong in (b"", b"\x08\x01", abci.Response(99, b"").encode()):
        with pytest.raises(FormatError):
            abci.decode_request(wrong)


@pytest.mark.parametrize("damage", ["cut", "flipped", "of another height"])
def test_a_damaged_ledger_is_put_aside_and_built_anew(tmp_path: Path, damage: str) -> None:
    of = world()
    execution = opened(tmp_path, of)
    execution.answer(begin(of))
    decide(execution, 1, proposal(of, "ada", "first"))
    execution.application.close()
    path, data = tmp_path / LEDGER, (tmp_path / LEDGER).read_bytes()
    changed = bytearray(data)
    changed[-300] ^= 1
    if damage == "of another height":
        (tmp_path / HEIGHT).write_bytes(
            (tmp_path / HEIGHT).read_bytes().replace(b'"app_hash":"', b'"app_hash":"00')
        )
    else:
        path.write_bytes(data[:-10] if damage == "cut" else bytes(changed))
    again = opened(tmp_path, of)
    assert info(again.answer(abci.Info(""))) == (0, b"")
    again.answer(begin(of))
    decide(again, 1, proposal(of, "ada", "first"))
    assert path.read_bytes() == data
    assert len([*(tmp_path / "damaged").iterdir()]) == 1
