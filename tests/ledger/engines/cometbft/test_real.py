"""Real CometBFT behind the engine: a study over processes, and what a kill at any moment leaves.

Where there is no CometBFT these tests are skipped, and say how to get one.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.ledger.engines.cometbft.kit import has_cometbft

import collegium
from collegium.audit.findings import Verification
from collegium.audit.trust import TrustRoot
from collegium.ledger.engines.cometbft.commit import NAME as COMMIT
from collegium.ledger.ordering import LEDGER
from collegium.measuring.result import RunResult

MISSING = has_cometbft()
pytestmark = pytest.mark.skipif(MISSING is not None, reason=MISSING or "")

CHANGES = ["training.rounds=2"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    folder = tmp_path_factory.mktemp("c") / "r"  # a socket's path is short
    return collegium.run("heart", out=folder, changes=[*CHANGES, "consensus.engine=cometbft"])


def verified(folder: Path, run: RunResult) -> Verification:
    return collegium.verify(folder, trust=TrustRoot(genesis=bytes.fromhex(run.genesis)))


def test_a_study_ends_in_the_model_that_solo_gives(run: RunResult, tmp_path: Path) -> None:
    assert run.model == collegium.run("heart", out=tmp_path / "solo", changes=CHANGES).model


def test_every_member_holds_the_same_bytes(run: RunResult) -> None:
    homes = sorted((run.folder / "members").iterdir())
    assert len({(home / LEDGER).read_bytes() for home in homes}) == 1
    assert len(homes) == 4


def test_anybody_verifies_it_with_the_votes_of_its_validators(run: RunResult) -> None:
    found = verified(run.folder, run)
    assert found.ok
    assert found.verdict == "anchored"
    assert found.checked["commits"] >= 3


def test_votes_on_another_ledger_are_an_error(run: RunResult, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(run.folder, copy, ignore=shutil.ignore_patterns("members"))
    data = (copy / COMMIT).read_bytes()
    (copy / COMMIT).write_bytes(data.replace(b'"round":0', b'"round":1'))
    found = verified(copy, run)
    assert not found.ok
    assert "commit.invalid" in {one.code for one in found.findings}
    (copy / COMMIT).unlink()
    absent = verified(copy, run)
    assert absent.ok
    assert "commit.absent" in {one.code for one in absent.findings}
