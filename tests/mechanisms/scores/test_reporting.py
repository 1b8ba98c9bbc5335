"""What a report says of validators' scores: every site, every demotion with its reason."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.report.reading import Page
from tests.report.synthetic import inputs

from collegium.audit.findings import ReputationChange, ScoredRound, Scoring
from collegium.mechanisms.scores.reporting import scores
from collegium.report.page import render

NAMES = ("aachen", "brugge")


def scoring(count: int = 3, names: tuple[str, ...] = NAMES, demote: float = 0.3) -> Scoring:
    rounds = tuple(
        ScoredRound(
            round=number, scorers=names,
            scores={name: 0.01 * place - 0.01 for place, name in enumerate(names)},
            reputations={name: 0.2 + 0.5 * (place > 0) for place, name in enumerate(names)},
        )
        for number in range(1, count + 1)
    )  # fmt: skip
    changes = (
        ReputationChange(round=1, site="aachen", change="demoted", loses="weight", reputation=0.2),
        ReputationChange(round=2, site="aachen", change="restored", loses=None, reputation=None),
    )
    return Scoring(
        study="fever", by="loss", threshold=-0.005, demote=demote, rounds=rounds,
        standings=changes if demote else (),
    )  # fmt: skip


def section(found: Scoring | None) -> Page:
    """Return the section of a study, read back."""
    return Page(scores(replace(inputs().content(), scoring=found)).source)


def test_each_site_is_told_with_its_scores_and_reputation() -> None:
    _, *rows = section(scoring()).table("Scores of each site's updates")
    assert rows == [
        ["aachen", "3", "\u22120.0100", "100.0\u00a0%", "0.20"],
        ["brugge", "3", "+0.0000", "0.0\u00a0%", "0.70"],
    ]


def test_every_score_is_there() -> None:
    heads, *rows = section(scoring()).table("The median score of each site's update")
    assert heads == ["Round", "aachen", "brugge"]
    assert rows[1] == ["2", "\u22120.0100", "+0.0000"]


def test_a_demotion_is_told_with_its_reason_and_what_it_took() -> None:
    told = section(scoring()).text
    assert (
        "aachen was demoted after round 1 at a reputation of 0.20. It lost half of its weight, "
        "and nothing else."
    ) in told
    assert (
        "aachen was restored by a vote of the members after round 2. Scores no longer demote it."
        in told
    )
    assert "Scores never exclude a site" in told


def test_a_study_that_demotes_nobody_says_so() -> None:
    told = section(scoring(demote=0.0)).text
    assert "This study does not demote sites because of scores." in told
    assert "was demoted" not in told


def test_of_many_sites_the_chart_shows_the_lowest_and_the_table_all() -> None:
    found = section(scoring(names=tuple(f"site-{place:02}" for place in range(12))))
    assert "Reputation by round of the 8 lowest" in found.text
    assert len(found.table("Scores of each site's updates")) == 13


@pytest.mark.parametrize("scored", [True, False])
def test_only_a_scored_study_has_the_section(scored: bool) -> None:
    content = replace(inputs().content(), scoring=scoring() if scored else None)
    assert ("scores" in Page(render(content)).sections) is scored


def test_without_a_closed_round_there_is_nothing_to_say() -> None:
    assert section(scoring(count=0)).text == "No round was closed with scores."
