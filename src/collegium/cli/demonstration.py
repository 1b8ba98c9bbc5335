"""The demonstration: three acts on the data of four hospitals, and what none of them proves."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from collegium.audit.english import VERDICTS
from collegium.audit.trust import genesis_root, policy_root
from collegium.audit.verify import verify
from collegium.cli.summaries import quality_lines
from collegium.cli.verdicts import verification_json
from collegium.federation.participant import Participant
from collegium.federation.site import Site
from collegium.measuring.reporting import report_on
from collegium.measuring.result import RunResult
from collegium.simulation.execution import run
from collegium.threats.attack import AdversaryContext
from collegium.threats.insider import RewritingAuthor

STUDY = "heart"
LIAR, LIE_ROUND = "va", 40
REWRITTEN_SITE, REWRITTEN_FROM = "cleveland", 60

Say = Callable[[str], None]


def demonstrate(out: Path | None, say: Say) -> dict[str, Any]:
    """Play the three acts and return what came of each.

    Args:
        out: a folder for the three runs; a new temporary one if not given.
        say: takes each line for the audience.
    """
    folder = Path(tempfile.mkdtemp(prefix="collegium-demo-")) if out is None else out
    honest = _first_act(folder / "1-four-hospitals", say)
    lied = _second_act(folder / "2-a-liar", honest, say)
    rewritten = _third_act(folder / "3-history-rewritten", honest, say)
    report = report_on(honest.folder)
    report_on(folder / "2-a-liar")
    say("")
    say("Not proven by any of this:")
    for text in verify(honest.folder).not_proven:
        say(f"  - {text}")
    say("")
    say(f"Open the report: {report}")
    outcomes = [found["ok"] for found in rewritten["verifications"].values()]
    return {
        "folder": str(folder),
        "report": str(report),
        "as_expected": honest.outcome == "completed"
        and lied["unharmed"]
        and lied["verification"]["ok"]
        and outcomes == [True, True, False],
        "acts": [{"model": honest.model}, lied, rewritten],
    }


def _first_act(folder: Path, say: Say) -> RunResult:
    say("1. Four hospitals train a model together. Patient rows stay in the hospitals.")
    result = run(STUDY, out=folder)
    for line in quality_lines(result.measured):
        say(f" {line}")
    say(
        "   (95 % intervals. Over many splits, local training is as good on these data; see "
        "the README)"
    )
    found = verify(folder, trust=genesis_root(result.genesis))
    counts = found.checked
    say(
        f"   verify: {VERDICTS[found.verdict]}. {counts['signatures']} signatures, "
        f"{counts['rounds']} rounds recomputed bit for bit, {counts['votes']} votes, "
        f"{counts['blobs']} blobs."
    )
    return result


def _second_act(folder: Path, honest: RunResult, say: Say) -> dict[str, Any]:
    say("")
    say(f"2. The validator of {LIAR} serves and votes for a different model in round {LIE_ROUND}.")
    changes = [
        "threat.attack=lying_validator",
        f'threat.attackers=["{LIAR}"]',
        f"threat.rounds=[{LIE_ROUND}]",
    ]
    result = run(STUDY, out=folder, changes=changes)
    found = verify(folder, trust=genesis_root(result.genesis))
    say(f"   verify: {VERDICTS[found.verdict]}. It names the member:")
    for finding in found.findings:
        say(f"   {finding.severity}: {finding.what} ({finding.where})")
    same = result.model == honest.model
    say(f"   The model is {'the same as before, bit for bit' if same else 'DIFFERENT'}.")
    return {"model": result.model, "unharmed": same, "verification": verification_json(found)}


def _third_act(folder: Path, honest: RunResult, say: Say) -> dict[str, Any]:
    say("")
    say(
        "3. The operator of the simulation holds every key and rewrites the history from round "
        f"{REWRITTEN_FROM} on."
    )
    result = run(STUDY, out=folder, substitute=_operator)
    kept = honest.folder / "policy.json"
    tries = {
        "without a trust root": verify(folder),
        "with the genesis only": verify(folder, trust=genesis_root(result.genesis)),
        "with checkpoints kept outside": verify(folder, trust=policy_root(kept)),
    }
    for how, found in tries.items():
        say(f"   verify {how}: {VERDICTS[found.verdict]}.")
        say(f"     {found.claims}")
        for finding in found.findings:
            if finding.severity == "error":
                say(f"     {finding.severity}: {finding.what}")
    return {
        "model": result.model,
        "verifications": {how: verification_json(found) for how, found in tries.items()},
    }


def _operator(honest: Participant, place: AdversaryContext) -> Participant:
    if isinstance(honest, Site) and honest.name == f"{REWRITTEN_SITE} (site)":
        honest.author = RewritingAuthor(honest.author, REWRITTEN_FROM)
    return honest
