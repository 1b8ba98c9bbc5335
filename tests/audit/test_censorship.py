"""What a member keeps of a block that leaves out what a quorum has seen convinces a third party."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.ledger.contract.kit import four_equals, key_of
from tests.ledger.engines.log.kit import Consortium, consortium
from tests.ledger.engines.log.test_demands import WITHIN, no_promise, seen, word

from collegium.audit.censorship import OverdueBlock, check_censorship
from collegium.cli.commands import program
from collegium.errors import CollegiumError
from collegium.ledger.engines.log.delivery import decode_delivery, encode_delivery
from collegium.ledger.engines.log.evidence import ENVELOPE, RECEIVED, SEEN
from collegium.ledger.engines.log.seen import Seen, sign_seen
from collegium.ledger.envelope import decode_envelope


@pytest.fixture
def us(tmp_path: Path) -> Iterator[Consortium]:
    """Members of whom one was silenced for so many blocks; another joined its words too late."""
    made = consortium(tmp_path, world=four_equals(ordered_within=WITHIN))
    made.settle("before")
    seen(made, made.registration("kept", "bo"))
    no_promise(made)
    made.settle("one", "two", "three")
    yield made
    made.close()


@pytest.fixture
def evidence(us: Consortium) -> Path:
    (found,) = (us.home("di") / "evidence").glob("censored-*")
    return found


def judged(us: Consortium, evidence: Path) -> OverdueBlock:
    """What is found with the ledger of another member."""
    return check_censorship(evidence, us.home("cy"), us.world.identity)


def test_it_is_proven_with_anybody_s_ledger(us: Consortium, evidence: Path) -> None:
    found = judged(us, evidence)
    assert found.proven
    assert (found.first, found.author, found.blocks) == (3, "bo", WITHIN)
    assert found.seen == dict.fromkeys(("ada", "bo", "cy", "di"), 1)
    command = ["censorship", str(evidence), str(us.home("cy")), "--genesis"]
    told = CliRunner().invoke(program, ["audit", *command, us.world.identity.hex(), "--json"])
    assert (told.exit_code, json.loads(told.stdout)["proven"]) == (0, True)
    told = CliRunner().invoke(program, ["audit", *command, us.world.identity.hex()])
    assert "PROVEN" in told.stdout
    assert found.transaction in told.stdout


def test_it_is_not_proven_by_fewer_words_than_a_quorum(us: Consortium, evidence: Path) -> None:
    (evidence / f"{SEEN}ada.note").unlink()
    assert judged(us, evidence).proven
    (evidence / f"{SEEN}cy.note").unlink()
    found = judged(us, evidence)
    assert not found.proven
    assert "quorum" in found.why
    command = ["censorship", str(evidence), str(us.home("cy")), "--genesis"]
    told = CliRunner().invoke(program, ["audit", *command, us.world.identity.hex()])
    assert (told.exit_code, "NOT PROVEN" in told.stdout) == (1, True)


@pytest.mark.parametrize("spoiled", ["another's key", "another transaction", "later", "garbage"])
def test_words_that_do_not_hold_prove_nothing(us: Consortium, evidence: Path, spoiled: str) -> None:
    (evidence / f"{SEEN}ada.note").unlink()
    kept = (evidence / ENVELOPE).read_bytes()
    size = 2 if spoiled == "later" else 1
    said = Seen(us.world.identity, size, decode_envelope(kept).transaction_id)
    note = {
        "another's key": sign_seen(said, "cy", key_of("bo")),
        "another transaction": word(us, "cy", us.registration("other", "bo"), 1),
        "later": sign_seen(said, "cy", key_of("cy")),
        "garbage": "garbage",
    }[spoiled]
    (evidence / f"{SEEN}cy.note").write_text(note)
    assert not judged(us, evidence).proven


def test_blocks_before_which_the_contract_would_have_refused_it_do_not_count(
    us: Consortium, evidence: Path
) -> None:
    """Two words on a transaction that was impossible: even a quorum's lie proves nothing."""
    other = us.registration("two", "bo")  # refused from the second block on
    (evidence / ENVELOPE).write_bytes(other)
    for who in ("ada", "bo", "cy", "di"):
        (evidence / f"{SEEN}{who}.note").write_text(word(us, who, other, 1))
    found = judged(us, evidence)
    assert not found.proven
    assert found.blocks == 0


def test_a_block_that_has_it_or_that_the_log_did_not_sign_proves_nothing(
    us: Consortium, evidence: Path
) -> None:
    three = us.registration("three")
    true = (evidence / RECEIVED).read_bytes()
    (evidence / ENVELOPE).write_bytes(three)
    assert "has the transaction" in judged(us, evidence).why
    delivery = decode_delivery(true)
    (evidence / RECEIVED).write_bytes(encode_delivery(delivery.blocks[0], None))
    assert not judged(us, evidence).proven


def test_it_is_about_the_ledger_that_its_reader_trusts(us: Consortium, evidence: Path) -> None:
    for identity in (bytes(32), us.world.identity):
        (evidence / "genesis.json").write_bytes(b"{}")
        with pytest.raises(CollegiumError):
            check_censorship(evidence, us.home("cy"), identity)
    shutil.rmtree(evidence)
    evidence.mkdir()
    with pytest.raises(CollegiumError, match="does not hold"):
        judged(us, evidence)
