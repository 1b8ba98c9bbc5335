"""A short study of the heart data under attack, and what verification says of it afterwards."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from collegium.audit.findings import Verification
from collegium.audit.trust import policy_root
from collegium.audit.verify import verify
from collegium.errors import RunError
from collegium.federation.participant import Participant
from collegium.federation.view import StudyView
from collegium.measuring.result import RunResult
from collegium.simulation.consortium import Substitute
from collegium.simulation.execution import run
from collegium.threats.attack import AdversaryContext

SHORT = ("training.rounds=3", "evaluation.bootstrap=0")
MEMBERS = ("cleveland", "hungarian", "switzerland", "va")
MOST_PASSES = 100


@dataclass(frozen=True, slots=True)
class Trial:
    """How a run under attack ended; `stopped` is the code of the error that ended it, if one."""

    result: RunResult | None
    stopped: str | None
    verification: Verification

    def named(self) -> dict[str, set[str]]:
        """Return who is named by faults, and for what."""
        found: dict[str, set[str]] = {}
        for one in self.verification.findings:
            if one.severity == "fault":
                for member in MEMBERS:
                    if member in one.what.replace(",", "").split():
                        found.setdefault(member, set()).add(one.code)
        return found

    def codes(self) -> Counter[str]:
        """Return how often each finding occurs."""
        return Counter(one.code for one in self.verification.findings)


@dataclass(slots=True)
class Counted:
    """An honest participant that stops a run which does not end by itself."""

    honest: Participant
    passes: int = 0

    @property
    def name(self) -> str:
        return self.honest.name

    def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
        self.passes += 1
        assert self.passes < MOST_PASSES, "the run does not end"
        return self.honest.reconcile(view, idle=idle)


def attempt(folder: Path, *changes: str, also: Substitute | None = None) -> Trial:
    """Run three rounds with changes, in a bounded number of passes, and verify what is left.

    `also` puts further adversaries in honest participants' places.
    """

    def substitute(participant: Participant, place: AdversaryContext) -> Participant:
        if participant.name == f"{MEMBERS[0]} (site)":
            return Counted(participant)
        return also(participant, place) if also is not None else participant

    result, stopped = None, None
    try:
        result = run("heart", out=folder, changes=[*SHORT, *changes], substitute=substitute)
    except RunError as error:
        stopped = error.code
    if result is None:
        return Trial(None, stopped, verify(folder, partial=True))
    return Trial(result, None, verify(folder, trust=policy_root(folder / "policy.json")))
