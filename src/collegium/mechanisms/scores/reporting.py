"""The section about what validators said of updates: scores, reputations, standings."""

from __future__ import annotations

from collegium.audit.findings import Scoring
from collegium.report import charts
from collegium.report.content import ReportContent
from collegium.report.markup import Markup, bullets, element, folded, join, paragraph, table
from collegium.report.seam import Section
from collegium.report.wording import counted, share

_SEVERAL = 8
"""Lines that a chart can hold and a reader still tell apart."""


def scores(content: ReportContent) -> Markup:
    """Return what validators said of each site's updates, and what came of it."""
    found = content.scoring
    if found is None or not found.rounds:
        return paragraph("No round was closed with scores.", class_="note")
    asked = (
        "the decrease of the mean loss on the validator's own rows"
        if found.by == "loss"
        else "the cosine between it and an update from the validator's own rows"
    )
    return join(
        paragraph(
            f"In {counted(len(found.rounds), 'round')}, each validator scored every update. The "
            f"score is {asked}. The median over validators counts. Scores themselves cannot be "
            "recomputed. With the recorded scores as input, every model was recomputed."
        ),
        _by_site(found),
        _course(found),
        _standings(found),
        folded("Every score", _every(found)),
    )


def _by_site(found: Scoring) -> Markup:
    rows = []
    for site in _sites(found):
        told = [one.scores[site] for one in found.rounds if site in one.scores]
        against = sum(score < found.threshold for score in told)
        last = next(one.reputations[site] for one in reversed(found.rounds) if site in one.scores)
        rows.append(
            [
                site,
                str(len(told)),
                _signed(sum(told) / len(told)),
                share(against / len(told)),
                f"{last:.2f}",
            ]
        )
    return table(
        f"Scores of each site's updates. A score below {_signed(found.threshold)} counts against "
        "the site. A reputation starts at 0.50 and is at most 0.88",
        ["Site", "Updates scored", "Mean score", "Counted against it", "Reputation at the end"],
        rows,
        "figures",
    )


def _course(found: Scoring) -> Markup:
    names = _sites(found)
    if len(names) > _SEVERAL:
        lowest = sorted(names, key=lambda name: min(_reputations(found, name)))[:_SEVERAL]
        names = sorted(lowest)
    series = [
        charts.Series(
            name,
            tuple(
                (one.round, one.reputations[name])
                for one in found.rounds
                if name in one.reputations
            ),
            style,
        )
        for style, name in enumerate(names)
    ]
    rounds = [one.round for one in found.rounds]
    which = "" if len(names) == len(_sites(found)) else f" of the {len(names)} lowest"
    return element(
        "figure",
        element("figcaption", f"Reputation by round{which}"),
        charts.lines(
            f"Reputation by round{which}",
            "; ".join(f"{one.name} {one.points[-1][1]:.2f} at the end" for one in series),
            series,
            charts.whole_axis(rounds[0], rounds[-1]),
            charts.axis_over(0.0, 1.0, 4),
            "round",
        ),
    )


def _standings(found: Scoring) -> Markup:
    if not found.demote:
        return paragraph("This study does not demote sites because of scores.", class_="note")
    lost = {
        "weight": "half of its weight",
        "scoring": "the right to score",
        None: "",
    }
    said = {
        "demoted": "{site} was demoted after round {round} at a reputation of {value}. It lost "
        "{lost}, and nothing else.",
        "reinstated": "{site} was reinstated after round {round} at a reputation of {value}.",
        "restored": "{site} was restored by a vote of the members after round {round}. Scores "
        "no longer demote it.",
    }
    told = [
        said[one.change].format(
            site=one.site, round=one.round, lost=lost[one.loses],
            value="" if one.reputation is None else f"{one.reputation:.2f}",
        )
        for one in found.standings
    ]  # fmt: skip
    return join(
        paragraph(
            f"A site is demoted when its reputation falls below {found.demote:g}, until it "
            "reaches 0.50 again. Demotion does not prove misconduct: scores cannot distinguish "
            "a site with rare patients from an attacker. Scores never exclude a site, and "
            "members can restore a site by vote."
        ),
        bullets(told) if told else paragraph("Nobody was demoted.", class_="note"),
    )


def _every(found: Scoring) -> Markup:
    names = _sites(found)
    return table(
        "The median score of each site's update in each round",
        ["Round", *names],
        [
            [
                str(one.round),
                *(_signed(one.scores[name]) if name in one.scores else "–" for name in names),
            ]
            for one in found.rounds
        ],
        "figures",
    )


def _reputations(found: Scoring, name: str) -> list[float]:
    return [one.reputations[name] for one in found.rounds if name in one.reputations]


def _sites(found: Scoring) -> list[str]:
    return sorted({name for one in found.rounds for name in one.scores})


def _signed(value: float) -> str:
    return f"{value:+.4f}".replace("-", "\u2212")


SECTIONS = (
    Section(
        "scores", "Scores and reputations", scores,
        after="participants", applies=lambda content: content.scoring is not None,
    ),
)  # fmt: skip
