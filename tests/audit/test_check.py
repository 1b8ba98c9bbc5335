"""What a receipt proves, and to whom: under which policy, with whose cosignatures."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.audit.cosigned import TIME, Cosigned, lines, sealed, shorter
from tests.ledger.small_run import key_of
from tests.ledger.vectors import VECTORS

from collegium.audit.check import Policy, ReceiptCheck, check_receipt
from collegium.audit.issue import issue_policy
from collegium.audit.log import read_log
from collegium.audit.policy import parse_policy
from collegium.audit.receipt import (
    Receipt,
    decode_receipt,
    encode_extra,
    encode_receipt,
)
from collegium.audit.trust import TrustRoot, genesis_root, read_policy
from collegium.canonical import to_text
from collegium.ledger.envelope import decode_envelope, encode_envelope
from collegium.ledger.frames import decode_entry, encode_entry, entry_hash
from collegium.ledger.genesis import decode_genesis, genesis_digest
from collegium.ledger.keys import key_id
from collegium.ledger.merkle import tree_root
from collegium.ledger.note import (
    COSIGNATURE,
    Checkpoint,
    parse_verifier_key,
    sign_checkpoint,
    verifier_key,
)


def errors(checked: ReceiptCheck) -> list[str]:
    found = [one.code for one in checked.findings if one.severity == "error"]
    assert checked.ok == (not found)
    return found


def under(cosigned: Cosigned, note: str, wanted: str = "3") -> bytes:
    """A receipt with another note in it."""
    receipt = decode_receipt(cosigned.receipt(wanted))
    return encode_receipt(Receipt(receipt.index, receipt.proof, note, receipt.extra)).encode()


@pytest.fixture
def policy(cosigned: Cosigned) -> Policy:
    return parse_policy(cosigned.policy)


@pytest.mark.parametrize("vector", VECTORS["receipts"])
def test_the_worked_receipts_hold(vector: dict[str, str]) -> None:
    checked = check_receipt(vector["receipt"].encode(), parse_policy(vector["policy"].encode()))
    assert errors(checked) == []
    assert checked.entry is not None
    assert (checked.entry.kind, checked.entry.sender) == ("study.register", "ada")


def test_a_cosigned_receipt_says_what_is_proven(cosigned: Cosigned, policy: Policy) -> None:
    checked = check_receipt(cosigned.receipt("1"), policy)
    assert errors(checked) == []
    assert checked.findings == ()
    assert checked.cosigned == {"ada": TIME, "cy": TIME + 1}
    said = checked.entry
    assert said is not None
    assert (said.kind, said.sender) == ("study.accept", "ada")
    assert said.fields["study"] == "small"
    assert said.fields["weight"] == 3
    assert {"format", "genesis", "kind"} & set(said.fields) == set()
    assert "cosigned by ada, cy" in checked.claims
    assert any("verify" in text for text in checked.not_proven)


def test_events_are_told(cosigned: Cosigned, policy: Policy) -> None:
    log = read_log(cosigned.folder)
    last = check_receipt(cosigned.receipt(str(len(log.entries) - 1)), policy).entry
    assert last is not None
    assert [one["event"] for one in last.events] == ["study.closed"]


def test_every_entry_has_a_receipt_that_holds(cosigned: Cosigned, policy: Policy) -> None:
    for index in range(len(read_log(cosigned.folder).entries)):
        assert errors(check_receipt(cosigned.receipt(str(index)), policy)) == []


def test_every_character_counts(cosigned: Cosigned, policy: Policy) -> None:
    """No bit of a receipt that a bare quorum cosigned can be another one."""
    data = cosigned.receipt("3")
    assert check_receipt(data, policy).ok
    for index in range(len(data)):
        changed = bytearray(data)
        changed[index] ^= 1 << index % 8
        assert not check_receipt(bytes(changed), policy).ok, index


def test_every_cut_is_noticed(cosigned: Cosigned, policy: Policy) -> None:
    data = cosigned.receipt()
    for end in range(0, len(data) - 1, 7):
        assert not check_receipt(data[:end], policy).ok
    assert not check_receipt(data + b"x", policy).ok


@given(st.binary())
def test_any_bytes_have_a_verdict(data: bytes) -> None:
    checked = check_receipt(data, TrustRoot(bytes(32)))
    assert errors(checked) == ["receipt.malformed"]


def test_too_few_cosignatures_are_no_quorum(cosigned: Cosigned, policy: Policy) -> None:
    plain = sealed(cosigned.folder)
    for who in ([], ["ada"], ["ada", "bo"], ["cy"]):
        checked = check_receipt(under(cosigned, plain + lines(plain, *who)), policy)
        assert errors(checked) == ["receipt.quorum"]
        assert set(checked.cosigned) == set(who)
    both = check_receipt(under(cosigned, plain + lines(plain, "bo", "cy")), policy)
    assert errors(both) == []


def test_cosignatures_of_another_checkpoint_spoil_the_note(
    cosigned: Cosigned, policy: Policy
) -> None:
    foreign = lines(shorter(cosigned.folder, 9), "bo")
    checked = check_receipt(under(cosigned, cosigned.note + foreign), policy)
    assert errors(checked) == ["receipt.cosignature"]


def test_a_line_said_twice_counts_once(cosigned: Cosigned, policy: Policy) -> None:
    plain = sealed(cosigned.folder)
    checked = check_receipt(under(cosigned, plain + lines(plain, "ada", "ada", "ada")), policy)
    assert errors(checked) == ["receipt.quorum"]


def test_another_ledgers_policy_does_not_speak_of_it(cosigned: Cosigned) -> None:
    vector = VECTORS["receipts"][0]
    checked = check_receipt(cosigned.receipt(), parse_policy(vector["policy"].encode()))
    assert errors(checked) == ["receipt.ledger"]
    assert errors(check_receipt(cosigned.receipt(), genesis_root("ab" * 32))) == ["receipt.ledger"]


def test_another_key_under_the_logs_name_is_not_the_logs(cosigned: Cosigned) -> None:
    other = cosigned.policy.decode().split("\n")
    at = next(index for index, line in enumerate(other) if line.startswith("log "))
    witness = next(line.split()[2] for line in other if line.startswith("witness ada"))
    origin = other[at].split()[1].partition("+")[0]
    public = parse_verifier_key(witness, COSIGNATURE)[1]
    other[at] = f"log {verifier_key(origin, public)}"
    checked = check_receipt(cosigned.receipt(), parse_policy("\n".join(other).encode()))
    assert errors(checked) == ["receipt.checkpoint"]


def test_a_policy_without_cosigners_believes_the_log(cosigned: Cosigned) -> None:
    policy = parse_policy(issue_policy(cosigned.folder, log_only=True).encode())
    checked = check_receipt(under(cosigned, sealed(cosigned.folder)), policy)
    assert errors(checked) == []
    assert "signed by the log alone" in checked.claims


def kept(path: Path, cosigned: Cosigned, *notes: str) -> Policy:
    """Our JSON policy with these checkpoints in it."""
    fields = json.loads((cosigned.folder / "policy.json").read_text())
    path.write_text(json.dumps({**fields, "checkpoints": notes}))
    return read_policy(path)


def test_the_policy_that_a_run_hands_out_keeps_its_checkpoints(cosigned: Cosigned) -> None:
    policy = read_policy(cosigned.folder / "policy.json")
    checked = check_receipt(under(cosigned, sealed(cosigned.folder)), policy)
    assert errors(checked) == []
    assert "one that this policy has kept" in checked.claims


def test_by_the_genesiss_powers_an_old_key_counts_and_a_later_one_does_not(
    cosigned: Cosigned, tmp_path: Path
) -> None:
    policy, plain = kept(tmp_path / "p", cosigned), sealed(cosigned.folder)
    assert errors(check_receipt(cosigned.receipt(), policy)) == ["receipt.quorum"]
    before = {"ada": key_of("ada"), "cy": key_of("cy")}
    early = plain + lines(plain, "ada", "cy", keys=before)
    checked = check_receipt(under(cosigned, early), policy)
    assert errors(checked) == []
    assert "power 3 of 4" in checked.claims
    digest = genesis_root(read_log(cosigned.folder).identity.hex())
    assert errors(check_receipt(under(cosigned, early), digest)) == []
    assert errors(check_receipt(under(cosigned, plain), digest)) == ["receipt.quorum"]


def test_two_checkpoints_of_one_length_prove_that_the_log_lied(
    cosigned: Cosigned, tmp_path: Path
) -> None:
    size = len(read_log(cosigned.folder).entries)
    other = shorter(cosigned.folder, size, root=b"x" * 32)
    policy = kept(tmp_path / "p", cosigned, other, cosigned.note)
    assert errors(check_receipt(cosigned.receipt(), policy)) == ["receipt.contradicted"]


def test_a_policy_with_other_members_does_not_speak_of_the_ledger(
    cosigned: Cosigned, tmp_path: Path
) -> None:
    fields = json.loads((cosigned.folder / "policy.json").read_text())
    fields["members"]["ada"] = fields["members"]["bo"]
    (tmp_path / "p").write_text(json.dumps(fields))
    checked = check_receipt(cosigned.receipt(), read_policy(tmp_path / "p"))
    assert errors(checked) == ["anchor.keys"]


def rebuilt(cosigned: Cosigned, entry: bytes, genesis: bytes | None = None) -> bytes:
    """A receipt whose log consists of one entry of our choice, honestly signed and cosigned."""
    log = read_log(cosigned.folder)
    genesis = log.genesis_bytes if genesis is None else genesis
    origin = f"collegium/{genesis_digest(genesis).hex()}"
    root = tree_root([entry_hash(entry)])
    note = sign_checkpoint(Checkpoint(origin, 1, root, bytes(32)), key_of("*log"))
    note += lines(note, "ada", "cy")
    return encode_receipt(Receipt(0, (), note, encode_extra(genesis, entry))).encode()


def test_an_entry_that_its_sender_did_not_sign_is_told(cosigned: Cosigned, policy: Policy) -> None:
    data, events = decode_entry(read_log(cosigned.folder).entries[1])
    envelope = decode_envelope(data)
    forged = encode_envelope(type(envelope)(envelope.payload, envelope.key_id, b"\1" * 64))
    assert errors(check_receipt(rebuilt(cosigned, encode_entry(data, events)), policy)) == []
    checked = check_receipt(rebuilt(cosigned, encode_entry(forged, events)), policy)
    assert errors(checked) == ["receipt.signature"]


def test_a_sender_with_a_key_that_came_later_is_a_note(cosigned: Cosigned, policy: Policy) -> None:
    log = read_log(cosigned.folder)
    later = key_id(key_of("cy, later").public)
    keys = [decode_envelope(decode_entry(entry)[0]).key_id for entry in log.entries]
    index = keys.index(later)
    checked = check_receipt(cosigned.receipt(str(index)), policy)
    assert errors(checked) == []
    assert [one.code for one in checked.findings] == ["receipt.sender"]
    assert checked.entry is not None
    assert checked.entry.sender is None


@pytest.mark.parametrize(
    "entry", [b"", b"no entry", encode_entry(b"no envelope", b"[]"), encode_entry(b"", b"")]
)
def test_what_is_no_entry_is_refused_though_the_log_holds_it(
    cosigned: Cosigned, policy: Policy, entry: bytes
) -> None:
    assert errors(check_receipt(rebuilt(cosigned, entry), policy)) == ["receipt.extra"]


def test_an_entry_of_another_ledger_is_refused(cosigned: Cosigned, policy: Policy) -> None:
    foreign = bytes.fromhex(VECTORS["ledger"][0]["entry"])
    assert errors(check_receipt(rebuilt(cosigned, foreign), policy)) == ["receipt.extra"]


def test_another_genesis_is_refused(cosigned: Cosigned, policy: Policy) -> None:
    log = read_log(cosigned.folder)
    genesis = VECTORS["ledger"][0]["genesis"].encode()
    receipt = decode_receipt(cosigned.receipt())
    swapped = Receipt(3, receipt.proof, receipt.note, encode_extra(genesis, log.entries[3]))
    checked = check_receipt(encode_receipt(swapped).encode(), policy)
    assert errors(checked) == ["receipt.extra"]
    assert decode_genesis(genesis).log != to_text(log.log_key)


def test_an_entry_of_the_log_at_another_place_is_refused(
    cosigned: Cosigned, policy: Policy
) -> None:
    log = read_log(cosigned.folder)
    receipt = decode_receipt(cosigned.receipt())
    for index, entry in ((4, log.entries[3]), (3, log.entries[4])):
        moved = Receipt(index, receipt.proof, receipt.note, encode_extra(log.genesis_bytes, entry))
        checked = check_receipt(encode_receipt(moved).encode(), policy)
        assert errors(checked) == ["receipt.inclusion"]


def test_a_receipt_without_extra_data_is_of_nothing(cosigned: Cosigned, policy: Policy) -> None:
    receipt = decode_receipt(cosigned.receipt())
    bare = encode_receipt(Receipt(3, receipt.proof, receipt.note)).encode()
    assert errors(check_receipt(bare, policy)) == ["receipt.extra"]
