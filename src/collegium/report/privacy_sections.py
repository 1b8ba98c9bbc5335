"""What protects patients, from whom and by how much: for a data-protection officer."""

from __future__ import annotations

from math import exp

from collegium.accounting.loss_distribution import NAME
from collegium.accounting.units import UNITS, Unit
from collegium.audit.findings import Spent, Total
from collegium.report.content import ReportContent
from collegium.report.markup import Child, Markup, element, facts, join, paragraph, table
from collegium.report.measurements import AttackLine
from collegium.report.protections import Secrecy
from collegium.report.wording import count, counted

_FALSE_ALARMS = 0.001


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
            "No attack was tried on this study's data and model. `collegium bench inversion`, "
            "`membership` and `canaries` try some, and with `--into` tell here what they found.",
            class_="note",
        )
    return join(
        table(
            "What attacks found on this study's data and model, by what protected the updates",
            ["Attack", "Protected by", "What it found", "What guessing finds"],
            [[one.attack, one.protection, one.found, one.guessing] for one in attacks],
        ),
        paragraph(
            "Attacks show what is possible, never what is not: a better one may find more. Only an "
            "epsilon bounds them all.",
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
            else f"of a site's {secrecy.degree} neighbours, drawn anew in every attempt,"
        )
        if secrecy.groups:
            whom = "of a group's sites"
        how = "masked"
        if secrecy.encrypted:
            how = "encrypted under a key of its own, which no two rounds share and no other holds,"
        return paragraph(
            "Patients' rows stayed at their sites. Each site's update, a model's change, was "
            f"{how} before it left ({secrecy.protocol}): validators and whoever has this ledger "
            f"see {_sums(secrecy)}. {secrecy.threshold} {whom} together could "
            f"open a single update; fewer learn nothing of it (trust model: {trust})."
            f"{_checks(secrecy)}{_counted(content)}"
        )
    if protection != "none":
        return paragraph(f"Updates are protected on their way by “{protection}”.")
    return paragraph(
        "Patients' rows stayed at their sites. Each site's update, a model's change, went to every "
        "validator as it is: secure aggregation was not used."
    )


def _counted(content: ReportContent) -> str:
    if content.summed is None:
        return ""
    return (
        " What sites counted of their test rows left them masked in the same way: the sum over "
        f"{len(content.summed.sites)} sites is known, and nothing of one of them but the number of "
        "its test rows, which it signed."
    )


def _sums(secrecy: Secrecy) -> str:
    if not secrecy.groups:
        return "sums of a round alone"
    smallest, largest = secrecy.sizes
    sizes = f"{smallest}" if smallest == largest else f"{smallest} to {largest}"
    bears = (
        f", and a rule that bears {counted(secrecy.tolerate, 'bad group')} reduced them"
        if secrecy.tolerate
        else ""
    )
    return (
        f"the sums of {secrecy.groups} groups of {sizes} sites alone, which lots put together anew "
        f"in every round{bears}: an update was hidden among those of its group"
    )


def _checks(secrecy: Secrecy) -> str:
    found = ""
    if secrecy.norm_bound is not None:
        found += (
            f" A group whose sum was longer than steps of {secrecy.norm_bound:g} add up to was "
            "refused; within that, a single bad update cannot be seen."
        )
    if secrecy.checked:
        found += (
            " Every sum was held against what its sites had committed to before they masked it: "
            "nobody could have made up or changed a sum. It does not show that what they committed "
            "to was honest."
        )
    return found


def _none(content: ReportContent) -> Markup:
    what = "a sum" if content.protections.secrecy is not None else "an update"
    return paragraph(
        f"Differential privacy was not used: {what}, and to a lesser extent the final model, can "
        "give away whether somebody's row was among those that it was trained on, and something of "
        "what it says. Nothing here bounds that.",
        class_="note",
    )


def _differential(content: ReportContent) -> Markup:
    spent = content.protections.privacy
    one = max(spent, key=lambda each: each.epsilon)
    unit = UNITS[one.unit]
    rate = (
        "none: every site that is drawn"
        if not unit.in_training
        else "all of them in every step"
        if one.sampling_rate == 1
        else f"Poisson samples: each is in a step with a chance of {one.sampling_rate:g}"
    )
    stated: list[tuple[str, Child]] = [
        ("Budget", f"epsilon {one.budget:g} at delta {one.delta:g}, accountant {one.accountant}"),
        ("Unit", f"{one.unit}: {unit.whose}, added or removed"),
        ("Sampling", rate),
        (
            "Mechanism",
            f"{one.mechanism}, {counted(one.steps_per_round, 'step')} a round, noise multiplier "
            f"{one.noise_multiplier:g}"
            if unit.in_training
            else f"{one.mechanism}: every update clipped and noised, noise multiplier "
            f"{one.noise_multiplier:g}",
        ),
    ]
    if one.tight is not None:
        stated.append(
            (
                "Tighter account",
                f"epsilon {max(each.tight or 0.0 for each in spent):.3g} at delta {one.delta:g} "
                f"per {one.unit}, by privacy loss distributions ({NAME}); the budget goes by "
                f"{one.accountant}, which is never less",
            )
        )
    if one.clips:
        stated.append(
            (
                "Clip",
                f"followed the updates' lengths, from {one.clips[0]:.3g} to {one.clips[-1]:.3g}; "
                "whether each was within it was told with noise, for a tenth of what was spent",
            )
        )
    return join(
        paragraph(_for_whom(one, unit.given)),
        facts(stated),
        paragraph(element("strong", "What that means. "), _meaning(one, unit.given)),
        table(
            f"What {unit.plural} of each site have lost, recomputed from the ledger and the study",
            ["Site", "Rounds charged", "Epsilon spent", "Left of the budget"],
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
                else "Nobody is in both parts. A patient who was treated at two sites loses at "
                "each of them: the epsilons add up. "
            )
            + (
                "In this simulation noise and keys follow from the study's public seed, and the "
                "page shows measurements of the run beside the sites' statements (curves, rows by "
                "site, baselines) that real members would not release: it shows what the budget "
                "does to the model, and protects nobody."
                if content.simulated
                else "This page is calculated from what the sites released alone."
            ),
            class_="note",
        ),
    )


def _in_all(totals: tuple[Total, ...]) -> Markup:
    """Return what all studies of the ledger cost together, where there is more than one."""
    if not totals:
        return join()
    return table(
        "What they have lost in all studies of this ledger together",
        ["Site", "Studies", "Epsilon spent in all", "Without differential privacy"],
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


def _for_whom(one: Spent, given: str) -> str:
    little = f"say little about {given}, whatever else a reader knows"
    if one.mechanism == "central_skellam@1":
        return (
            f"The sum of a round's updates has differential privacy: its noise makes it {little}. "
            "That holds for whoever sees sums and models. A single update has a part of the noise "
            "alone, so whoever sees one has to be trusted; under masks nobody does."
        )
    return (
        f"Each site's updates have differential privacy: noise makes them {little}. Whoever reads "
        "them, the final model or this ledger is bounded alike; no trust in anybody is needed but "
        "in the site itself."
    )


def _releases(one: Spent, unit: Unit) -> Markup:
    """Return everything that was calculated from rows and left a site."""
    if unit.withholds:
        return paragraph(
            "Nothing else that was calculated from rows left a site: it told neither its size nor "
            "how good the model is for it."
        )
    return table(
        "Everything that left a site and was calculated from its rows",
        ["Release", "Protection", "Whose loss"],
        [
            [
                "the number of its training units, once",
                "noise on the number",
                f"{unit.plural} of the training part, within the epsilon above",
            ],
            [
                "an update a round",
                "clipping and noise in every step",
                f"{unit.plural} of the training part, within the epsilon above",
            ],
            [
                "its statement about the final model",
                "noise on a table of counts, from which every signed measure is calculated",
                f"{unit.plural} of the test part: a pure epsilon of {one.evaluation:g}",
            ],
        ],
    )


def _meaning(one: Spent, given: str) -> str:
    """Return what an attacker can achieve at most, in plain words.

    A test at level a has power at most exp(epsilon) a + delta (Wasserman and Zhou, JASA 2010).
    """
    power = min(1.0, exp(one.epsilon) * _FALSE_ALARMS + one.delta)
    surest = exp(one.epsilon) / (1 + exp(one.epsilon))
    told = (
        f"would recognize at most {100 * power:.2g} of 100 that were there"
        if power < 1
        else "is not bounded by this budget at all: it bounds attackers who are more careful still"
    )
    return (
        f"Somebody who knows everything but whether {given} was among the rows, and who holds "
        f"it as likely as not, can become at most {100 * surest:.4g} % sure (save with the chance "
        f"delta, {one.delta:g}). Whoever accepts one "
        f"false alarm in 1,000 {told}. These are bounds for the worst case, whatever the attack; "
        "without noise there is no bound."
    )
