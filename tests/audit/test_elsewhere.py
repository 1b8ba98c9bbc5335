"""Evidence is verified where other parts are installed than where it was made, or other ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from shutil import copytree

import pytest
from tests.audit.eventful import build_honest
from tests.audit.test_tampering import Run, codes

from collegium import plugins
from collegium.audit.verify import verify
from collegium.errors import RunError
from collegium.learning.aggregation.fedavg import FEDAVG
from collegium.learning.aggregation.rule import Aggregate, Kind
from collegium.learning.aggregation.updates import Updates
from collegium.plugins import BUILT_IN


@dataclass(frozen=True, slots=True)
class Refusing:
    """A rule that never finds an aggregate."""

    name: str = "refusing@1"
    kind: Kind = "recomputed"

    def check(self, participants: int, tolerate: int) -> None:
        """Accept any numbers."""

    def aggregate(self, updates: Updates, tolerate: int) -> Aggregate:
        raise RunError("test.refused", "no aggregate", "there never is one", "nothing")


@dataclass(frozen=True, slots=True)
class Telling:
    """The mean, which takes note of how many bad updates it is told to bear."""

    told: list[int]
    name: str = "telling@1"
    kind: Kind = "recomputed"

    def check(self, participants: int, tolerate: int) -> None:
        """Accept any numbers."""

    def aggregate(self, updates: Updates, tolerate: int) -> Aggregate:
        self.told.append(tolerate)
        return FEDAVG.aggregate(updates, tolerate)


REFUSING, TELLING = Refusing(), Telling([])


@pytest.fixture
def _more_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("refusing", "telling"):
        monkeypatch.setitem(BUILT_IN["rules"], name, f"{__name__}:{name.upper()}")


@pytest.mark.parametrize("kind", ["datasets", "trainers", "engines", "stages", "attacks"])
def test_an_auditor_without_a_part_that_only_the_run_needed(
    honest: Path, monkeypatch: pytest.MonkeyPatch, kind: plugins.Kind
) -> None:
    monkeypatch.setitem(BUILT_IN, kind, {})
    told = verify(honest)
    assert (told.ok, told.findings, told.levels) == (True, (), {"recomputed": 3})


def test_an_auditor_without_the_rule_believes_the_votes_and_says_so(
    honest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("rules", "server_optimizers"):
        with monkeypatch.context() as without:
            without.setitem(BUILT_IN, kind, {})
            told = verify(honest)
        assert (told.ok, told.levels) == (True, {"certified_by_votes": 3})
        assert {one.code for one in told.findings} == {"rule.missing"}


@pytest.mark.parametrize(
    "added", [b'"attendance":"quorum",', b'"faults":{"dropout":"0.0"},', b'"protection":"none"']
)
def test_a_ledger_from_before_a_key_was_added_still_verifies(
    tmp_path: Path, honest: Path, added: bytes
) -> None:
    run = Run(copytree(honest, tmp_path / "run"))
    toml = run.folder / "study.toml"
    name = str(run.said("study.register")[0][1]["document"])
    data = run.blob(name).read_bytes()
    assert added in data
    run.rename(name, run.put(data.replace(added, b"")))
    assert verify(run.folder).ok
    toml.write_text(toml.read_text().replace("rounds = 3", "rounds = 4"))
    assert codes(verify(run.folder)) == ["study.altered"]


@pytest.mark.usefixtures("_more_rules")
def test_that_there_is_no_model_is_no_error_where_every_vote_says_so(tmp_path: Path) -> None:
    build_honest(tmp_path / "run", "aggregation.rule=refusing")
    run = Run(tmp_path / "run")
    told = verify(run.folder)
    assert told.ok
    assert codes(told, "note").count("round.updates") == 3
    index, vote = run.said("round.vote")[0]
    model = run.said("study.register")[0][1]["model"]
    run.resay(index, {**vote, "result": {"of": "model", "model": model}})
    assert "round.updates" in codes(verify(run.folder))


@pytest.mark.usefixtures("_more_rules")
def test_a_rule_is_told_how_many_bad_updates_to_bear_by_validators_and_auditors(
    tmp_path: Path,
) -> None:
    TELLING.told.clear()
    build_honest(tmp_path / "run", "aggregation.rule=telling", "aggregation.tolerate=1")
    assert TELLING.told == [1] * len(TELLING.told) != []
    TELLING.told.clear()
    assert verify(tmp_path / "run").levels == {"recomputed": 3}
    assert TELLING.told == [1, 1, 1]
