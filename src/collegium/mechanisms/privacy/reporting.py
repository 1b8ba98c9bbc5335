"""What protects patients, from whom and by how much: for a data-protection officer."""

from __future__ import annotations

from math import exp

from collegium.accounting.loss_distribution import NAME
from collegium.accounting.orders import MICRO
from collegium.accounting.units import UNITS, Unit
from collegium.audit.findings import LedgerPrivacySpent, StudyPrivacySpent
from collegium.report.content import ReportContent
from collegium.report.markup import Child, Markup, code, element, facts, join, paragraph, table
from collegium.report.measurements import AttackLine
from collegium.report.protections import SecureAggregationShown
from collegium.report.seam import AnswerLine, Section
from collegium.report.wording import count, counted
from collegium.study.privacy import exchanged_epsilon

_FALSE_ALARMS = 0.001
_CHANGES = {
    "dp_sgd@1": "added or removed",
    "local_skellam@1": "exchanged for any others",
    "central_skellam@1": "counted or left out",
}


_COUNTED = "It counts towards what one person loses in all studies (`epsilon_in_all` of a policy)"


def privacy(content: ReportContent) -> Markup:
    """Return who sees what of a patient, and what differential privacy was spent."""
    return join(
        _on_the_way(content),
        _differential(content) if content.protections.privacy else _none(content),
        _attacks(content.protections.attacks),
    )


def _attacks(attacks: tuple[AttackLine, ...]) -> Markup:
    """Return what attacks on this study's data and model found, with and without protection."""
    if not attacks:
        return paragraph(
            "No attack was tried on this study's data and model. ",
            code("collegium bench inversion"),
            ", ",
            code("membership"),
            " and ",
            code("canaries"),
            " run attacks. With ",
            code("--into"),
            ", this report shows their results.",
            class_="note",
        )
    return join(
        table(
            "Results of attacks on this study's data and model, by protection of the updates",
            ["Attack", "Protected by", "Result", "Result of guessing"],
            [[one.attack, one.protection, one.found, one.guessing] for one in attacks],
        ),
        paragraph(
            "Attacks show only what is possible. A better attack may find more. Only an epsilon "
            "bounds all attacks.",
            class_="note",
        ),
    )


def _on_the_way(content: ReportContent) -> Markup:
    protection, secrecy = content.protections.protection, content.protections.secrecy
    if secrecy is not None:
        trust = secrecy.trust.replace("_", " ")
        whom = (
            "of a round's sites"
            if secrecy.degree is None
            else f"of a site's {secrecy.degree} neighbours, drawn again in every attempt,"
        )
        if secrecy.groups:
            whom = "of a group's sites"
        how = "masked"
        if secrecy.encrypted:
            how = "encrypted under a new key in every round, which no member holds,"
        return paragraph(
            "Patient data stayed at their sites. Each site's update (a change of the model) was "
            f"{how} before it left ({secrecy.protocol}). Validators and readers of this ledger "
            f"see {_sums(secrecy)}. {secrecy.threshold} {whom} together could open a single "
            "update. Fewer learn nothing about it (trust model: "
            f"{trust}).{_checks(secrecy)}{_counted(content)}"
        )
    if protection != "none":
        return paragraph(f"Updates are protected in transit by “{protection}”.")
    return paragraph(
        "Secure aggregation was not used. Patient data stayed at their sites, but every "
        "validator saw each site's update (a change of the model) in plain form."
    )


def _counted(content: ReportContent) -> str:
    if content.summed is None:
        return ""
    return (
        " Counts of test rows were masked in the same way. Only the sum over "
        f"{len(content.summed.sites)} sites is known, and the number of test rows that each site "
        "signed."
    )


def _sums(secrecy: SecureAggregationShown) -> str:
    if not secrecy.groups:
        return "only the sum of each round"
    smallest, largest = secrecy.sizes
    sizes = f"{smallest}" if smallest == largest else f"{smallest} to {largest}"
    tolerates = (
        f", combined by a rule that tolerates {counted(secrecy.tolerate, 'bad group')}"
        if secrecy.tolerate
        else ""
    )
    return (
        f"only the sums of {secrecy.groups} groups of {sizes} sites, drawn at random in every "
        f"round{tolerates}. An update is hidden among those of its group"
    )


def _checks(secrecy: SecureAggregationShown) -> str:
    found = ""
    if secrecy.norm_bound is not None:
        found += (
            " A group was rejected if the norm of its sum exceeded what updates of norm "
            f"{secrecy.norm_bound:g} can reach. Below this bound, a single bad update cannot be "
            "detected."
        )
    if secrecy.checked:
        found += (
            " Every sum was checked against commitments that its sites made before masking. "
            "Nobody could have invented or changed a sum. This does not show that the committed "
            "updates were honest."
        )
    return found


def _none(content: ReportContent) -> Markup:
    what = "A sum" if content.protections.secrecy is not None else "An update"
    return paragraph(
        f"Differential privacy was not used. {what}, and to a lesser extent the final model, can "
        "reveal whether somebody's data were used for training, and part of their content. "
        "Nothing here bounds this.",
        class_="note",
    )


def _differential(content: ReportContent) -> Markup:
    spent = content.protections.privacy
    one = max(spent, key=lambda each: each.epsilon)
    unit = UNITS[one.unit]
    rate = (
        "none: every selected site takes part"
        if not unit.in_training
        else "all units in every step"
        if one.sampling_rate == 1
        else (f"Poisson sampling: each unit is in a step with probability {one.sampling_rate:g}")
    )
    stated: list[tuple[str, Child]] = [
        ("Budget", f"epsilon {one.budget:g} at delta {one.delta:g}, accountant {one.accountant}"),
        ("Unit", f"{one.unit}: {unit.whose}, {_CHANGES[one.mechanism]}"),
        ("Sampling", rate),
        (
            "Mechanism",
            f"{one.mechanism}, {counted(one.steps_per_round, 'step')} per round, noise "
            f"multiplier {one.noise_multiplier:g}"
            if unit.in_training
            else f"{one.mechanism}: every update is clipped and noise is added, noise multiplier "
            f"{one.noise_multiplier:g}",
        ),
    ]
    if one.mechanism == "local_skellam@1":
        stated.append(
            (
                "One person of a site",
                f"at most the same epsilon {one.epsilon:.4g} at delta {one.delta:g}. {_COUNTED}",
            )
        )
    if one.mechanism == "central_skellam@1":
        other = exchanged_epsilon(
            round(one.noise_multiplier * MICRO), round(one.delta * 10**15), one.rounds,
            followed=bool(one.clips),
        )  # fmt: skip
        stated.append(
            (
                "Rows exchanged",
                f"epsilon {other:.4g} at delta {one.delta:g}, where a site's rows are exchanged "
                f"for any others. That is also what one person of it loses at most. {_COUNTED}",
            )
        )
    if one.tight is not None:
        stated.append(
            (
                "Tighter bound",
                f"epsilon {max(each.tight or 0.0 for each in spent):.3g} at delta "
                f"{one.delta:g} per {one.unit}, by privacy loss distributions ({NAME}). The "
                f"budget uses {one.accountant}, which is never lower",
            )
        )
    if one.clips:
        stated.append(
            (
                "Clip",
                f"adaptive: it followed the norms of the updates, from {one.clips[0]:.3g} to "
                f"{one.clips[-1]:.3g}. Sites reported with noise whether their update was "
                "clipped. This used a tenth of the budget spent",
            )
        )
    return join(
        paragraph(_for_whom(one, unit.given)),
        facts(stated),
        paragraph(element("strong", "Meaning. "), _meaning(one, unit.given)),
        table(
            (
                f"Privacy spent by the {unit.plural} of each site, recomputed from the ledger and "
                "the study"
            ),
            ["Site", "Rounds charged", "Epsilon spent", "Remaining budget"],
            [
                [
                    each.site,
                    count(each.rounds),
                    f"{each.epsilon:.3f} (delta {each.delta:g}, per {each.unit})",
                    f"{max(0.0, each.budget - each.epsilon):.3f}",
                ]
                for each in spent
            ],
            class_="figures",
        ),
        _in_all(content.protections.totals),
        _releases(one, unit),
        paragraph(
            (
                ""
                if unit.withholds
                else "No unit is in both the training and the test part. For a patient who was "
                "treated at two sites, the two epsilons add up. "
            )
            + (
                "This simulation shows the effect of the budget on the model. It protects "
                "nobody: noise and keys follow from the study's public seed, and the page shows "
                "measurements that real members would not release (curves, rows by site, "
                "baselines)."
                if content.simulated
                else "This page is computed only from what the sites released."
            ),
            class_="note",
        ),
    )


def _in_all(totals: tuple[LedgerPrivacySpent, ...]) -> Markup:
    """Return what all studies of the ledger cost together, where there is more than one."""
    if not totals:
        return join()
    told = table(
        "Privacy spent in all studies of this ledger",
        ["Site", "Studies", "Total epsilon spent", "Without a bound"],
        [
            [
                each.site,
                ", ".join(each.studies),
                f"{each.epsilon:.3f} (delta {each.delta:g}, per {each.unit}, {each.accountant})",
                f"{', '.join(each.unbounded)}: no bound" if each.unbounded else "none",
            ]
            for each in totals
        ],
        class_="figures",
    )
    if not any(each.unit == "client" for each in totals):
        return told
    return join(
        told,
        paragraph(
            "Studies that protect whole sites count towards a person with what rows lose that are "
            "exchanged. Studies that protect persons bound nothing of a whole site.",
            class_="note",
        ),
    )


def _for_whom(one: StudyPrivacySpent, given: str) -> str:
    little = f"reveal little about {given}, whatever else a reader knows"
    if one.mechanism == "central_skellam@1":
        return (
            "The sum of a round's updates is differentially private: its noise makes it "
            f"{little}. This holds for anyone who sees sums and models. A single update contains "
            "only part of the noise, so anyone who sees one must be trusted. With secure "
            "aggregation nobody sees one."
        )
    return (
        f"Each site's updates are differentially private: noise makes them {little}. The same "
        "bound holds for anyone who sees the updates, the final model or the ledger. You need "
        "to trust only the hospital that holds the data."
    )


def _releases(one: StudyPrivacySpent, unit: Unit) -> Markup:
    """Return everything that was calculated from rows and left a site."""
    if unit.withholds:
        return paragraph(
            "No other result computed from rows left a site. Sites reported neither their size "
            "nor the model's performance."
        )
    return table(
        "Everything computed from rows that left a site",
        ["Release", "Protection", "Charged to"],
        [
            [
                "the number of its training units, once",
                "noise added to the number",
                f"{unit.plural} of the training part, within the epsilon above",
            ],
            [
                "one update per round",
                "clipping and noise in every step",
                f"{unit.plural} of the training part, within the epsilon above",
            ],
            [
                "its statement about the final model",
                ("noise added to a table of counts, from which every signed measure is computed"),
                f"{unit.plural} of the test part: a pure epsilon of {one.evaluation:g}",
            ],
        ],
    )


def _meaning(one: StudyPrivacySpent, given: str) -> str:
    """Return what an attacker can achieve at most, in plain words.

    A test at level a has power at most exp(epsilon) a + delta (Wasserman and Zhou, JASA 2010).
    """
    power = min(1.0, exp(one.epsilon) * _FALSE_ALARMS + one.delta)
    surest = exp(one.epsilon) / (1 + exp(one.epsilon))
    told = (
        f"would recognize at most {100 * power:.2g} of 100 participants"
        if power < 1
        else ("is not bounded by this budget, which bounds only attackers with fewer false alarms")
    )
    return (
        f"An attacker who starts at 50:50 on whether {given} took part can reach at most "
        f"{100 * surest:.4g} % certainty, except with probability delta ({one.delta:g}). An "
        f"attacker who accepts one false alarm in 1,000 {told}. These are worst-case bounds for "
        "any attack. Without noise there is no bound."
    )


def privacy_line(content: ReportContent) -> str:
    """Return what of a patient others saw, and by how much that is bounded, in a line."""
    shown = content.protections
    if shown.secrecy is not None:
        how = "encrypted" if shown.secrecy.encrypted else "masked"
        seen = f"Updates were {how}: others see {_sums(shown.secrecy)}."
    elif shown.protection != "none":
        seen = f"Updates are protected in transit by “{shown.protection}”."
    else:
        seen = "Every validator saw each site's update in plain form."
    if not shown.privacy:
        what = "a sum" if shown.secrecy is not None else "an update"
        return f"{seen} No differential privacy bounds what {what} reveals of a patient."
    one = max(shown.privacy, key=lambda each: each.epsilon)
    return (
        f"{seen} Differential privacy: epsilon {one.epsilon:.3f} at delta {one.delta:g} per "
        f"{one.unit}, of a budget of {one.budget:g}."
    )


LINES = (AnswerLine("Privacy", privacy_line, "privacy"),)

SECTIONS = (Section("privacy", "Protection of patients", privacy, after="adversary"),)
