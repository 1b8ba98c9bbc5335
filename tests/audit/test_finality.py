"""`verify` and the file `final`: held against the history, and worth an anchor when cosigned."""

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tests.audit.cosigned import KEYS, Cosigned, build_cosigned, lines, sealed, shorter
from tests.ledger import small_run

from collegium.audit.findings import Verification
from collegium.audit.issue import issue_policy, issue_receipt
from collegium.audit.log import read_log
from collegium.audit.trust import TrustRoot, genesis_root, policy_root
from collegium.audit.verify import verify
from collegium.errors import FormatError
from collegium.ledger.final import NAME, write_final
from collegium.ledger.genesis import Genesis
from collegium.ledger.note import verifier_key


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Cosigned:
    """The cosigned run, of members that hold their own keys."""
    made: Callable[[], Genesis] = small_run.small_genesis
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            small_run, "small_genesis", lambda: msgspec.structs.replace(made(), keys="held")
        )
        return build_cosigned(tmp_path_factory.mktemp("held") / "run")


@pytest.fixture
def copy(held: Cosigned, tmp_path: Path) -> Path:
    """A copy of the run that a test may change."""
    return Path(shutil.copytree(held.folder, tmp_path / "copy"))


def genesis_of(folder: Path) -> TrustRoot:
    return genesis_root(read_log(folder).identity.hex())


def policy_of(folder: Path, path: Path, *, log_only: bool = False) -> TrustRoot:
    path.write_text(issue_policy(folder, log_only=log_only))
    return policy_root(path)


def codes(verification: Verification) -> list[str]:
    return [one.code for one in verification.findings if one.severity == "error"]


def test_a_quorums_cosignatures_anchor_a_history(held: Cosigned, tmp_path: Path) -> None:
    for trust in (genesis_of(held.folder), policy_of(held.folder, tmp_path / "policy")):
        found = verify(held.folder, trust=trust)
        assert (found.ok, found.anchored) == (True, "checkpoint")
        assert "a quorum replayed and cosigned it" in found.claims
    assert verify(held.folder).anchored == "none"


def test_a_policy_that_kept_checkpoints_says_both(held: Cosigned) -> None:
    found = verify(held.folder, trust=policy_root(held.folder / "policy.json"))
    assert found.anchored == "checkpoint"
    assert "checkpoint(s) kept outside" in found.claims
    assert "a quorum replayed and cosigned it" in found.claims


def test_where_one_process_held_all_keys_cosignatures_add_nothing(cosigned: Cosigned) -> None:
    found = verify(cosigned.folder, trust=genesis_of(cosigned.folder))
    assert (found.ok, found.anchored) == (True, "genesis")


def test_a_block_is_judged_by_the_members_before_it(copy: Path) -> None:
    """cy's key changes with entry 5: the block that says so is for the first key to judge."""
    log = read_log(copy)
    change = next(size for size in range(99) if log.members(size) != log.members(0))
    assert change in log.blocks
    after = log.blocks[log.blocks.index(change) + 1]
    old = {name: small_run.key_of(name) for name in ("ada", "cy")}
    for size, keys, other in ((1, old, KEYS), (change, old, KEYS), (after, KEYS, old)):
        note = shorter(copy, size)
        write_final(copy, note + lines(note, "ada", "cy", keys=keys))
        found = verify(copy, trust=genesis_of(copy))
        assert found.anchored == "checkpoint", size
        assert f"its first {size} of 30 entries" in found.claims
        assert issue_receipt(copy, "0").backing.quorum
        write_final(copy, note + lines(note, "ada", "cy", keys=other))
        assert verify(copy, trust=genesis_of(copy)).anchored == "genesis"
        assert not issue_receipt(copy, "0").backing.quorum


def test_too_few_cosignatures_anchor_nothing(copy: Path, tmp_path: Path) -> None:
    plain = sealed(copy)
    trust = policy_of(copy, tmp_path / "policy")
    for who in ([], ["ada", "bo"], ["cy"]):
        write_final(copy, plain + lines(plain, *who))
        found = verify(copy, trust=genesis_of(copy))
        assert (found.ok, found.anchored) == (True, "genesis")
        asked = verify(copy, trust=trust)
        assert codes(asked) == ["final.quorum"]
        assert "quorum that your policy asks for" in asked.claims


def test_a_policy_that_asks_for_cosignatures_is_not_met_without_final(
    copy: Path, tmp_path: Path
) -> None:
    trust = policy_of(copy, tmp_path / "policy")
    (copy / NAME).unlink()
    assert codes(verify(copy, trust=trust)) == ["final.quorum"]
    assert verify(copy, trust=genesis_of(copy)).anchored == "genesis"


def test_a_policy_that_believes_the_log_anchors_at_the_genesis(copy: Path, tmp_path: Path) -> None:
    trust = policy_of(copy, tmp_path / "policy", log_only=True)
    assert verify(copy, trust=trust).anchored == "genesis"
    (copy / NAME).unlink()
    assert verify(copy, trust=trust).ok


def test_a_final_over_another_history_is_an_error_whatever_is_trusted(copy: Path) -> None:
    size = len(read_log(copy).entries)
    for note in (shorter(copy, size, root=b"x" * 32), shorter(copy, size + 1, root=b"x" * 32)):
        write_final(copy, note + lines(note, "ada", "cy"))
        assert codes(verify(copy)) == ["final.mismatch"]
        found = verify(copy, trust=genesis_of(copy))
        assert (found.ok, found.anchored) == (False, "genesis")


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"\0" * 10**6, b"a\n\nb\n"])
def test_a_final_that_is_no_note_is_an_error(copy: Path, data: bytes) -> None:
    (copy / NAME).write_bytes(data)
    assert codes(verify(copy)) == ["final.invalid"]


def test_a_cosignature_that_does_not_hold_is_an_error(copy: Path) -> None:
    other = lines(shorter(copy, 3), "ada")
    write_final(copy, sealed(copy) + other)
    assert codes(verify(copy)) == ["final.invalid"]


def test_a_text_policy_speaks_of_one_ledger(held: Cosigned, tmp_path: Path) -> None:
    text = held.policy.decode()
    other = genesis_root("ab" * 32)
    assert other.cosigning is None
    log = next(line for line in text.split("\n") if line.startswith("log "))
    (tmp_path / "none").write_text(text.replace(log, ""))
    foreign = "log PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    (tmp_path / "other").write_text(text.replace(log, foreign))
    (tmp_path / "both").write_text(text.replace(log, f"{log}\n{foreign}"))
    key = verifier_key(f"collegium/{'ab' * 32}", small_run.key_of("another log").public)
    (tmp_path / "two").write_text(text.replace(log, f"{log}\nlog {key}"))
    for name in ("none", "other", "two"):
        with pytest.raises(FormatError, match=r"policy\.malformed"):
            policy_root(tmp_path / name)
    assert verify(held.folder, trust=policy_root(tmp_path / "both")).anchored == "checkpoint"
