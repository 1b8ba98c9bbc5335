"""What verification says, in words: does the record hold, who failed, what each check is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from collegium.audit.findings import Finding, Level, Verification
from collegium.report.wording import counted

Standing = Literal["holds", "incomplete", "broken"]


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

    standing: Standing
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
        "the new model was computed again from the recorded updates, to the last bit",
    ),
    "recomputed_given_scores": (
        "recomputed given scores",
        "computed again, taking the scores that members signed as given",
    ),
    "attested": ("attested", "a member claims it; only form and range can be checked"),
    "certified_by_votes": (
        "certified by votes",
        "the updates are not at hand; more than two thirds of the validators' power vouch for it",
    ),
}

_UNHARMED = "the model is unharmed"
_WITHOUT = "The rounds concerned went on without that update."
_CONSEQUENCES = {
    "validator.outvoted": f"It was outvoted: {_UNHARMED}.",
    "validator.gave-up": f"The other votes were enough: {_UNHARMED}.",
    "validator.silent": f"The other votes were enough: {_UNHARMED}.",
    "validator.unscored": "The median over the other validators' scores was taken.",
    "validator.withheld-scores": "The median over the other validators' scores was taken.",
    "validator.did-not-attest": f"The others' word was enough: {_UNHARMED}.",
    "site.silent": _WITHOUT,
    "site.withheld": _WITHOUT,
    "site.unavailable": _WITHOUT,
    "update.left-out": _WITHOUT,
    "group.refused": "The rounds concerned went on without that group.",
    "statement.malformed": "Its figures cannot be relied on.",
    "statement.mismatch": "Its figures cannot be relied on.",
    "member.equivocated": "Both signatures are on record, as proof; only the first one counted.",
}
"""What follows from a fault, by its code. A code that is not here gets no reassurance."""

_WORTH = {
    "none": (
        "Shows that the record agrees with itself: signatures, rules and every recomputed model. "
        "It does not show whose record it is, for the keys come from the record."
    ),
    "genesis": (
        "Shows that the record is that of the members you know, if one of them gave you that "
        "digest: taken from this page or this folder it proves nothing more. Whoever holds all "
        "their keys could still have written another history."
    ),
    "checkpoint": (
        "Shows that the record is also the one that was kept outside while it grew: not even all "
        "members together could have rewritten what lies before the last checkpoint kept. Use the "
        "policy file that was handed to you then, not the one in this folder."
    ),
}


def evidence_of(verification: Verification) -> Evidence:
    """Return a verification in words."""
    ok, simulated = verification.ok, verification.simulated
    by_severity = {
        severity: [one for one in verification.findings if one.severity == severity]
        for severity in ("error", "fault", "note")
    }
    standing: Standing = (
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


def _summary(verification: Verification, standing: Standing) -> str:
    rounds = sum(verification.levels.values())
    if standing == "broken":
        return (
            "The record does not hold: verification found errors. "
            "Rely on nothing on this page until they are explained."
        )
    proven = verification.levels.get("recomputed", 0)
    vouched = verification.levels.get("certified_by_votes", 0)
    whole = counted(rounds, "round")
    done = [f"{counted(verification.entries, 'entry', 'entries')} replayed"]
    if proven or not vouched:
        again = f"{proven} of {whole} computed again from the recorded updates, to the last bit"
        done.append(again)
    if vouched:
        why = "whose updates are not open to this check"
        done.append(f"{vouched} of {whole}, {why}, certified by the validators' votes")
    begin = "The record holds: " if standing == "holds" else "The record holds so far: "
    text = f"{begin}{', '.join(done[:-1])}, and {done[-1]}."
    return text if standing == "holds" else f"{text} It is incomplete: the study is not closed."


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
        return " In a simulation that is the one process that ran it."
    return ""
