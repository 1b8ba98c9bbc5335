"""Quality against modelled seconds and joules: sums over rounds, and a band around them."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace
from tests.report.synthetic import inputs, round_line

from collegium.ledger.engines.simnet.figures import CommitSeconds, ConsensusFigures, Joules
from collegium.ledger.engines.simnet.virtual_time import PARTS
from collegium.report.content import ReportContent
from collegium.report.measurements import FinalLine, Line
from collegium.report.page import render
from collegium.study.reading import read_study

FIGURES = ConsensusFigures(
    protocol="pbft", network="wan", validators=4, commits=9, messages=216, other_messages=9,
    bytes=50_000, seconds_a_commit=CommitSeconds(0.1, 0.2), virtual_seconds=12.0, forks=0,
    view_changes=0, seconds_by_member={}, named={}, joules=Joules(60.0, 1440.0), co2e_g=0.1817,
)  # fmt: skip


def parts(*values: float) -> dict[str, float]:
    return dict(zip(PARTS, values, strict=True))


def simulated() -> ReportContent:
    """A report of three rounds, of which the second was not measured."""
    one = inputs()
    final = one.lines[-1]
    assert isinstance(final, FinalLine)
    lines: Sequence[Line] = (
        round_line("binary", 1, virtual=parts(1, 1, 2, 0, 4), joules=parts(3, 1, 4, 1, 1)),
        round_line("binary", 2, virtual=parts(0, 1, 1, 0, 0), joules=parts(3, 1, 4, 1, 1),
                   training_metrics={}),
        round_line("binary", 3, virtual=parts(0, 0, 2, 0, 0), joules=parts(5, 1, 2, 1, 1)),
        replace(final, consensus=FIGURES),
    )  # fmt: skip
    study = replace(
        one.study, consensus=read_study("heart", ["consensus.engine=simnet"]).study.consensus
    )
    return one.content(study=study, lines=tuple(lines))


def test_quality_is_told_by_what_was_spent_and_waiting_is_not_scaled() -> None:
    found = simulated().modelled
    assert found is not None
    assert found.measure == "auc"
    seconds, joules = found.spendings
    assert [point[:3] for point in seconds.points] == [(8, 4 + 2, 4 + 8), (12, 4 + 4, 4 + 16)]
    assert [point[:3] for point in joules.points] == [(10, 5, 20), (30, 15, 60)]
    assert {name: (s, j) for name, s, j in found.parts}["consensus"] == (5, 10)
    assert found.parts[0] == ("compute", 1, 11)


def test_the_section_says_that_it_is_modelled_and_by_which_assumptions() -> None:
    page = render(simulated())
    section = page[page.index('id="modelled"') :]
    section = section[: section.index("</section>")]
    assert section.count('class="band"') == 2
    for words in ("modelled", "60 J", "1,440 J", "0.182", "hospital_server", "Ember", "recalled"):
        assert words in section


def test_a_run_on_no_simulated_network_has_none_of_it() -> None:
    assert inputs().content().modelled is None
    assert 'id="modelled"' not in render(inputs().content())
