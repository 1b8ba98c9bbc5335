"""Rounds whose updates are sealed or retired: votes stand for them, and a member can recompute."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest
from examples import second_verifier
from tests.audit.eventful import SEED, VALIDATORS, build_honest
from tests.audit.second import second_verdict

from collegium.assembly.preparation import prepare
from collegium.audit.findings import Verification
from collegium.audit.history import read_history
from collegium.audit.trust import policy_root
from collegium.audit.verify import verify
from collegium.canonical import from_text
from collegium.federation.identity import identity, member_key
from collegium.federation.secrets import simulated_secret
from collegium.ledger.application import AcceptedTransaction
from collegium.ledger.blobs import BlobFolder
from collegium.ledger.contract.transactions import BlobRetire, UpdateReveal
from collegium.ledger.frames import read_frames
from collegium.ledger.keys import SigningKey, signing_key
from collegium.ledger.opening import open_ledger
from collegium.ledger.retirement import retired_here
from collegium.ledger.sealing import Context, unseal
from collegium.plugins import BUILT_IN
from collegium.simulation.consortium import log_key_of
from collegium.study.reading import read_study


def key_of(name: str) -> SigningKey:
    return member_key(simulated_secret(SEED, name))


def codes(told: Verification) -> list[str]:
    return [finding.code for finding in told.findings]


def copied(run: Path, tmp_path: Path) -> Path:
    """What is handed on of a run."""
    return copytree(run, tmp_path / "handed on", ignore=ignore_patterns("members"))


def reveals(run: Path) -> dict[tuple[str, int], UpdateReveal]:
    """What was revealed in a run, by author and round."""
    history = read_history((run / "ledger.log").read_bytes())
    return {
        (one.sender, one.transaction.round): one.transaction
        for one in history.said
        if isinstance(one.transaction, UpdateReveal)
    }


def path_of(run: Path, name: object) -> Path:
    assert isinstance(name, str)
    return run / "blobs" / from_text(name, 32).hex()


def test_an_outsider_takes_the_votes_for_rounds_of_sealed_updates(
    sealed: Path, tmp_path: Path
) -> None:
    run = copied(sealed, tmp_path)
    told = verify(run, trust=policy_root(run / "policy.json"))
    assert told.ok
    assert told.levels == {"certified_by_votes": 1}
    assert codes(told) == ["update.sealed"]
    assert second_verdict(run, run / "policy.json") == []


@pytest.mark.parametrize("name", VALIDATORS)
def test_every_validator_recomputes_them(sealed: Path, name: str) -> None:
    told = verify(sealed, keys=[key_of(name)])
    assert told.ok
    assert told.levels == {"recomputed": 1}
    assert codes(told) == []


def test_a_former_key_beside_the_present_one_opens_too(sealed: Path) -> None:
    keys = [signing_key(b"present" + bytes(25)), key_of("va")]
    assert verify(sealed, keys=keys).levels == {"recomputed": 1}
    assert verify(sealed, keys=keys[:1]).levels == {"certified_by_votes": 1}


def test_many_sealed_rounds_are_told_of_once(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(BUILT_IN["engines"], "elsewhere", BUILT_IN["engines"]["solo"])
        run = build_honest(tmp_path / "run", "consensus.engine=elsewhere")
    told = verify(run)
    assert told.levels == {"certified_by_votes": 3}
    assert codes(told) == ["update.sealed"]
    assert told.findings[0].where == "heart, round 1 and 2 more"


def test_a_sealed_blob_that_is_missing_is_told_of(sealed: Path, tmp_path: Path) -> None:
    run = copied(sealed, tmp_path)
    path_of(run, reveals(run)["va", 1].sealed).unlink()
    for keys in ([], [key_of("va")]):
        told = verify(run, keys=keys)
        assert told.ok
        assert told.levels == {"certified_by_votes": 1}
        assert codes(told) == ["blob.withheld"]


def test_whoever_is_handed_the_updates_themselves_recomputes_without_a_key(
    sealed: Path, tmp_path: Path
) -> None:
    run = copied(sealed, tmp_path)
    genesis = read_history((run / "ledger.log").read_bytes()).identity
    key = key_of("va")
    for (author, number), reveal in reveals(run).items():
        context = Context(genesis, "heart", number, 1, author, from_text(reveal.digest, 32))
        data = path_of(run, reveal.sealed).read_bytes()
        update = unseal(data, context, {key.public: key}.get)
        assert update is not None
        path_of(run, reveal.digest).write_bytes(update)
    told = verify(run)
    assert told.levels == {"recomputed": 1}
    assert codes(told) == []


def retire(run: Path, *said: tuple[str, int, str]) -> None:
    """Retire updates of a closed study, and delete what is retired."""
    ledger = open_ledger(run / "ledger.log", warn=print)
    outcomes = ledger.append([
        identity(name, ledger.identity, simulated_secret(SEED, name)).sign(
            BlobRetire, study="heart", round=number, updates=whose
        )
        for name, number, whose in said
    ])  # fmt: skip
    assert all(isinstance(outcome, AcceptedTransaction) for outcome in outcomes), outcomes
    log_key = log_key_of(prepare(read_study("heart")))
    assert log_key is not None
    ledger.seal(log_key)
    ledger.close()
    blobs = BlobFolder(run / "blobs")
    blobs.delete(retired_here((run / "ledger.log").read_bytes(), blobs))


@pytest.mark.parametrize("kind", ["honest", "sealed"])
def test_retired_updates_may_be_gone_and_nothing_is_found(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    run = copied(request.getfixturevalue(kind), tmp_path)
    rounds = sum(verify(run).levels.values())
    retire(run, *((name, 0, "all") for name in VALIDATORS[:3]))
    told = verify(run, trust=policy_root(run / "policy.json"), keys=[key_of("va")])
    assert told.ok
    assert told.complete
    assert told.levels == {"certified_by_votes": rounds}
    assert codes(told) == []
    assert second_verdict(run, run / "policy.json") == []


def test_one_site_s_retirement_reaches_the_rounds_that_it_names(
    honest: Path, tmp_path: Path
) -> None:
    run = copied(honest, tmp_path)
    retire(run, ("va", 2, "own"))
    told = verify(run)
    assert told.levels == {"recomputed": 2, "certified_by_votes": 1}
    assert codes(told) == []
    assert second_verdict(run) == []


def test_an_update_that_is_missing_and_was_not_retired_is_told_of(
    honest: Path, tmp_path: Path
) -> None:
    run = copied(honest, tmp_path)
    retire(run, ("va", 2, "own"))
    path_of(run, reveals(run)["hungarian", 2].digest).unlink()
    told = verify(run)
    assert codes(told) == ["blob.withheld"]
    assert told.findings[0].what.startswith("1 update(s)")


def test_a_retired_update_that_is_still_here_is_told_of_and_counts(
    honest: Path, tmp_path: Path
) -> None:
    run = copied(honest, tmp_path)
    kept = {path: path.read_bytes() for path in (run / "blobs").iterdir()}
    retire(run, ("va", 0, "own"))
    for path, data in kept.items():
        path.write_bytes(data)
    told = verify(run)
    assert told.levels == {"recomputed": 3}
    assert codes(told) == ["blob.retired"]
    assert told.findings[0].what.startswith("3 update(s)")


def test_models_and_statements_must_be_there_whatever_is_retired(
    honest: Path, tmp_path: Path
) -> None:
    run = copied(honest, tmp_path)
    retire(run, *((name, 0, "all") for name in VALIDATORS[:3]))
    for path in sorted((run / "blobs").iterdir()):
        data = path.read_bytes()
        path.unlink()
        assert "blob.missing" in codes(verify(run)), data[:30]
        path.write_bytes(data)


def test_a_policy_kept_before_the_retirement_still_holds(honest: Path, tmp_path: Path) -> None:
    run = copied(honest, tmp_path)
    kept = tmp_path / "policy.json"
    kept.write_bytes((run / "policy.json").read_bytes())
    retire(run, ("va", 0, "own"))
    told = verify(run, trust=policy_root(kept))
    assert (told.ok, told.anchored) == (True, "checkpoint")


CLOSED = ("study.closed", "heart", None, None)


@pytest.mark.parametrize(
    ("said", "members", "right"),
    [
        ([CLOSED, ("blob.retire", "va", "heart", 2, "own")], ["va"], True),
        ([CLOSED, *(("blob.retire", name, "heart", 2, "all") for name in VALIDATORS[:3])],
         [*VALIDATORS], True),
        ([CLOSED], ["va"], False),
        ([("blob.retire", "va", "heart", 2, "own")], ["va"], False),
        ([CLOSED, ("blob.retire", "va", "heart", 2, "own")], ["hungarian"], False),
        ([CLOSED, ("blob.retire", "va", "heart", 2, "own")], [*VALIDATORS], False),
        ([CLOSED, ("blob.retire", "va", "heart", 1, "own")], ["va"], False),
        ([CLOSED, ("blob.retire", "va", "lung", 2, "own")], ["va"], False),
        ([CLOSED, *(("blob.retire", name, "heart", 2, "all") for name in VALIDATORS[:2])],
         [*VALIDATORS], False),
    ],
)  # fmt: skip
def test_the_second_verifier_knows_who_may_retire_what(
    honest: Path, said: list[tuple[object, ...]], members: list[str], right: bool
) -> None:
    first = next(read_frames((honest / "ledger.log").read_bytes()))
    history = second_verifier.read_genesis(first.body)
    history.said |= dict.fromkeys(said, True)
    event = {"event": "updates.retired", "study": "heart", "round": 2, "members": members}
    if right:
        second_verifier.follow(history, event)
        return
    with pytest.raises(ValueError, match="retire"):
        second_verifier.follow(history, event)
