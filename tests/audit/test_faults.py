"""Who left a closed study without something is named, and nobody else is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

import pytest
from tests.federation.kit import consortium, said

from collegium.audit.findings import Finding
from collegium.audit.verify import verify
from collegium.federation.loop import drive
from collegium.federation.participant import Participant
from collegium.federation.view import StudyView
from collegium.ledger.contract.transactions import (
    EvaluationPost,
    ModelRelease,
    StudyAccept,
    Transaction,
    UpdateCommit,
)


@dataclass(frozen=True, slots=True)
class Dropping:
    """A participant whose messages of some kind get lost."""

    inner: Participant
    kind: type[Transaction]

    @property
    def name(self) -> str:
        return self.inner.name

    def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
        due = self.inner.reconcile(view, idle=idle)
        return [envelope for envelope in due if not isinstance(said(envelope), self.kind)]


def findings(
    folder: Path, lost: type[Transaction], members: Sequence[str], *changes: str
) -> list[Finding]:
    """What verification finds where some members' messages of a kind get lost."""
    with consortium(folder, *changes) as within:
        participants = [
            Dropping(one, lost) if one.name.split()[0] in members else one
            for one in within.participants
        ]
        drive(within.engine, "heart", participants, lambda _: None)
        within.engine.close(complete=True)
        if lost is ModelRelease:
            rmtree(folder / "model")  # the owner has made it and has not said so
        told = verify(folder)
        assert told.ok, told.findings
        assert told.complete
    return [one for one in told.findings if one.code != "blob.stray"]


def told(found: Sequence[Finding]) -> list[tuple[str, str, str]]:
    """Code, severity and the first word, which is who it is about."""
    return [(one.code, one.severity, one.what.split()[0]) for one in found]


def test_nobody_is_named_where_nothing_gets_lost(tmp_path: Path) -> None:
    assert findings(tmp_path, EvaluationPost, ()) == []


def test_a_site_that_posts_no_statement_is_named(tmp_path: Path) -> None:
    found = findings(tmp_path, EvaluationPost, ["hungarian", "va"])
    assert told(found) == [
        ("site.no-statement", "fault", "hungarian"),
        ("site.no-statement", "fault", "va"),
    ]


def test_a_site_that_never_accepts_is_named_for_that_alone(tmp_path: Path) -> None:
    found = findings(tmp_path, StudyAccept, ["va"])
    assert told(found) == [
        ("site.absent", "fault", "va"),
        ("site.share-bounded", "note", "cleveland"),  # of three it has more than half of the rows
    ]


def test_a_model_that_is_not_released_is_told(tmp_path: Path) -> None:
    found = findings(tmp_path, ModelRelease, ["cleveland"])
    assert told(found) == [("release.missing", "note", "the")]


@pytest.mark.parametrize("lost", [UpdateCommit, StudyAccept])
def test_a_study_that_failed_misses_neither_statements_nor_release(
    tmp_path: Path, lost: type[Transaction]
) -> None:
    found = findings(tmp_path, lost, ["hungarian", "va"], "study.min_sites=3")
    codes = {one.code for one in found}
    assert "study.failed" in codes
    assert not codes & {"site.no-statement", "release.missing"}
    assert ("site.absent" in codes) == (lost is StudyAccept)


def test_nobody_is_late_before_the_study_is_closed(tmp_path: Path) -> None:
    with consortium(tmp_path) as within:
        view = within.view()
        for _ in range(3):
            view = within.view()
            within.engine.submit(
                [one for who in within.participants for one in who.reconcile(view, idle=False)]
            )
    assert verify(tmp_path, partial=True).ok
    codes = {one.code for one in verify(tmp_path, partial=True).findings}
    assert codes == {"attempt.open"}
