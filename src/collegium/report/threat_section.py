"""The adversary that was planted: what it was granted, and what it did."""

from __future__ import annotations

from collections.abc import Sequence

from collegium.report.content import ReportContent
from collegium.report.markup import Child, Markup, badge, facts, join, paragraph, table
from collegium.report.measurements import AttackEffect, Backdoor
from collegium.report.seam import AnswerLine
from collegium.report.wording import change, count, number, title_of


def adversary(content: ReportContent) -> Markup:
    """Return what the planted adversary was granted and did."""
    threat = content.threatened
    if threat is None:
        return paragraph(
            "This run contains a planted adversary: ", content.threat,
            ". What it did was not measured.", class_="warning",
        )  # fmt: skip
    stated: list[tuple[str, Child]] = [
        ("Attack", f"{threat.attack}: {threat.about}"),
        ("Attackers", f"{', '.join(threat.attackers)}; {threat.share:.0%} of all training rows"),
        ("Rounds", ", ".join(map(str, threat.rounds)) if threat.rounds else "all"),
        *([("Strength", threat.strength)] if threat.strength else []),
        *threat.granted.items(),
    ]
    return join(
        paragraph("This run contains a planted adversary.", class_="warning"),
        ""
        if threat.adaptive
        else paragraph(
            badge("non-adaptive", "clinical"),
            " This attack does not adapt to the defence. A design that tolerates it may still "
            "fail against an adaptive attack.",
        ),
        facts(stated),
        _measured(threat),
        "" if threat.backdoor is None else _opened(threat.backdoor),
    )


def attack_line(content: ReportContent) -> str:
    """Return which attacks this run tells of, in a line."""
    tried = content.protections.attacks
    told = []
    if content.threat:
        told.append(f"An adversary was planted: {content.threat}.")
    told += [
        f"{one.attack}, protected by {one.protection}: {one.found} (by guessing: {one.guessing})."
        for one in tried[:2]
    ]
    if len(tried) > 2:
        told.append(f"{len(tried) - 2} more results are under Protection of patients.")
    return " ".join(told) or "None was planted, and none was tried on this study's data and model."


ATTACK = AnswerLine("Attack", attack_line, "adversary")


def _measured(threat: AttackEffect) -> Markup:
    if threat.attacked is None:
        return paragraph(
            ("The study has no model, so the effect of the attack was not measured."), class_="note"
        )
    clean, bare = threat.clean, threat.undefended
    heads = ["measure", "under attack"]
    heads += ["without the attack", "changed by the attack"] if clean is not None else []
    heads += ["under attack, without a defence"] if bare is not None else []
    rows: list[Sequence[Child]] = []
    for measure, value in threat.attacked.items():
        row = [title_of(measure), _number(measure, value)]
        if clean is not None:
            before = clean.get(measure)
            row.append(_number(measure, before))
            row.append("–" if before is None or value is None else change(measure, value - before))
        if bare is not None:
            row.append(_number(measure, bare.get(measure)))
        rows.append(row)
    return table(
        "Test rows of the honest sites only. “Without the attack”: the attackers behave "
        "honestly. “Without a defence”: the rule is FedAvg. This is one split of the data. For "
        "intervals and the worst of all attacks, run collegium bench robustness.",
        heads,
        rows,
        "figures",
    )


def _opened(backdoor: Backdoor) -> Markup:
    lasting = ""
    if backdoor.watched:
        lasting = (
            f" {count(backdoor.watched)} rounds after the attack, it still changed more than "
            "half of them."
            if backdoor.lasted is None
            else (
                f" From {count(backdoor.lasted)} rounds after the attack on, it changed "
                "less than half of them."
            )
        )
    return paragraph(
        f"The planted pattern changed {backdoor.success:.0%} of {count(backdoor.rows)} test rows "
        "of other classes to the target class. For the model without the attack it is "
        f"{backdoor.without:.0%}." + lasting
    )  # fmt: skip


def _number(measure: str, value: float | None) -> str:
    return "–" if value is None else number(measure, value)
