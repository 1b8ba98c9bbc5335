"""Quality against modelled seconds and joules: sums over rounds, and a band around them."""

from __future__ import annotations

from tests.report.modelled_run import simulated
from tests.report.synthetic import inputs

from collegium.report.page import render


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
