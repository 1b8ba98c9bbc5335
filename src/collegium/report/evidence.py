"""What verification says, in words: does the record hold, who failed, what each check is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from collegium.audit.findings import Finding, Level, Verification
from collegium.report.wording import counted

RecordState = Literal["holds", "incomplete", "broken"]


@dataclass(frozen=True, slots=True)
class Trust:
    """A way to verify: the command, what it is worth, and whether this page was made with it."""

    command: str
    worth: str
    this: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """Verification in words.

    `summary` is one line for the answer, `faults` a sentence for each participant that failed
    or lied and was caught, `errors` what does not hold, `notes` the rest of the findings;
    `levels` rounds by what was proven about each, `checked` counts by kind.
    """

    standing: RecordState
    anchored: bool
    summary: str
    faults: tuple[str, ...]
    errors: tuple[str, ...]
    notes: tuple[str, ...]
    levels: tuple[tuple[str, str, int], ...]
    checked: tuple[tuple[str, int], ...]
    claims: str
    ways: tuple[Trust, ...]
    not_proven: tuple[str, ...]
    genesis: str
    app_hash: str
    entries: int
    model: str | None


LEVELS: dict[Level, tuple[str, str]] = {
    "recomputed": (
        "recomputed",
        "the new model was recomputed from the recorded updates, bit for bit",
    ),
    "recomputed_given_scores": (
        "recomputed given scores",
        "recomputed, taking the scores that members signed as input",
    ),
    "attested": ("attested", "a member reports it; only format and range can be checked"),
    "certified_by_votes": (
        "certified by votes",
        (
            "the updates are not available; more than two thirds of the validators' voting "
            "power signed the result"
        ),
    ),
}

_UNHARMED = "the model is not affected"
_WITHOUT = "The affected rounds continued without that update."
_CONSEQUENCES = {
    "validator.outvoted": f"It was outvoted: {_UNHARMED}.",
    "validator.gave-up": f"The other votes were sufficient: {_UNHARMED}.",
    "validator.silent": f"The other votes were sufficient: {_UNHARMED}.",
    "validator.unscored": "The median of the other validators' scores was used.",
    "validator.withheld-scores": "The median of the other validators' scores was used.",
    "validator.did-not-attest": f"The other attestations were sufficient: {_UNHARMED}.",
    "site.silent": _WITHOUT,
    "site.withheld": _WITHOUT,
    "site.unavailable": _WITHOUT,
    "update.left-out": _WITHOUT,
    "group.refused": "The affected rounds continued without that group.",
    "statement.malformed": "Its figures are not reliable.",
    "statement.mismatch": "Its figures are not reliable.",
    "member.equivocated": ("Both signatures are recorded as proof. Only the first one counted."),
}
"""What follows from a fault, by its code. A code that is not here gets no reassurance."""

_WORTH = {
    "none": (
        "Shows that the record is self-consistent: signatures, rules and every recomputed "
        "model. It does not show whose record it is, because the keys come from the record."
    ),
    "genesis": (
        "Shows that the record belongs to the members you know, if one of them gave you this "
        "digest. A digest taken from this page or folder proves nothing more. Somebody who "
        "holds all their keys could still have produced a different history."
    ),
    "checkpoint": (
        "Also shows that the record matches the checkpoints that somebody kept outside. Even "
        "all members together could not have rewritten anything before the last of these. Use "
        "the policy file that you received at that time, not the one in this folder."
    ),
}


def evidence_of(verification: Verification) -> Evidence:
    """Return a verification in words."""
    ok, simulated = verification.ok, verification.simulated
    by_severity = {
        severity: [one for one in verification.findings if one.severity == severity]
        for severity in ("error", "fault", "note")
    }
    standing: RecordState = (
        "broken"
        if by_severity["error"] and not _only_incomplete(by_severity["error"])
        else "holds"
        if ok and verification.complete
        else "incomplete"
    )
    commands = {
        "none": "collegium verify .",
        "genesis": f"collegium verify . --genesis {verification.genesis}",
        "checkpoint": "collegium verify . --policy policy.json",
    }
    return Evidence(
        standing=standing,
        anchored=verification.anchored != "none",
        summary=_summary(verification, standing),
        faults=tuple(_fault(one, unharmed=ok) for one in by_severity["fault"]),
        errors=tuple(map(_sentence, by_severity["error"])),
        notes=tuple(map(_sentence, by_severity["note"])),
        levels=tuple((*LEVELS[level], rounds) for level, rounds in verification.levels.items()),
        checked=tuple(verification.checked.items()),
        claims=verification.claims,
        ways=tuple(
            Trust(command, _WORTH[anchor] + _simulated(anchor, simulated=simulated), this)
            for anchor, command in commands.items()
            for this in (anchor == verification.anchored,)
        ),
        not_proven=verification.not_proven,
        genesis=verification.genesis,
        app_hash=verification.app_hash,
        entries=verification.entries,
        model=verification.model,
    )


def _only_incomplete(errors: list[Finding]) -> bool:
    return all(one.code == "ledger.incomplete" for one in errors)


def _summary(verification: Verification, standing: RecordState) -> str:
    rounds = sum(verification.levels.values())
    if standing == "broken":
        return (
            "Verification failed with errors. Do not rely on anything on this page until they "
            "are explained."
        )
    proven = verification.levels.get("recomputed", 0)
    vouched = verification.levels.get("certified_by_votes", 0)
    whole = counted(rounds, "round")
    done = [f"{counted(verification.entries, 'entry', 'entries')} replayed"]
    if proven or not vouched:
        again = f"{proven} of {whole} recomputed from the recorded updates, bit for bit"
        done.append(again)
    if vouched:
        why = "whose updates are not available to this check"
        done.append(f"{vouched} of {whole}, {why}, certified by the validators' votes")
    begin = "The record is valid: " if standing == "holds" else "The record is valid so far: "
    text = f"{begin}{', '.join(done[:-1])}, and {done[-1]}."
    return (
        text
        if standing == "holds"
        else (f"{text} It is incomplete because the study is not closed.")
    )


def _sentence(finding: Finding) -> str:
    return f"{finding.what[:1].upper()}{finding.what[1:]} ({finding.where})."


def _fault(finding: Finding, *, unharmed: bool) -> str:
    """Return a fault with what follows from it; nobody is reassured where errors were found."""
    consequence = _CONSEQUENCES.get(finding.code, "")
    if _UNHARMED in consequence and not unharmed:
        consequence = ""
    # A member's id opens the sentence and keeps its spelling.
    return f"{finding.what} ({finding.where}). {consequence}".strip()


def _simulated(anchor: str, *, simulated: bool) -> str:
    if simulated and anchor == "genesis":
        return " In a simulation, the process that ran it holds all keys."
    return ""
