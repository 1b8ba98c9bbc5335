"""The course of a run: participants, rounds, curves and costs as the measurements have them."""

from tests.report.synthetic import SITES, inputs, round_line

from collegium.report.process import Cost, costs, curves, participants, round_rows

LINES = [
    round_line("binary", 1),
    round_line("binary", 2, included=SITES[:3], attempt=2),
    round_line("binary", 3, training_metrics={}),
]


def test_a_participant_has_its_rows_and_the_rounds_that_include_it() -> None:
    final = inputs().lines[-1]
    found = participants(SITES, LINES, final, {})  # type: ignore[arg-type]
    assert [(one.name, one.rounds, one.of) for one in found] == [
        ("aachen", 3, 3),
        ("brugge", 3, 3),
        ("cagliari", 3, 3),
        ("dorpat", 2, 3),
    ]
    assert (found[0].training_rows, found[0].test_rows) == (180, 90)
    told = participants(SITES, LINES, None, {SITES[0]: 12})
    assert (told[0].training_rows, told[0].test_rows) == (None, 12), "a statement tells test rows"
    assert told[1].test_rows is None


def test_a_round_names_who_is_missing() -> None:
    rows = round_rows(SITES, LINES)
    assert [(one.round, one.attempt, one.missing) for one in rows] == [
        (1, 1, ()),
        (2, 2, ("dorpat",)),
        (3, 1, ()),
    ]


def test_curves_are_of_sites_that_withhold_nothing_and_rounds_that_were_measured() -> None:
    found = curves("binary", ["aachen"], LINES)
    assert [one.measure for one in found] == ["auc", "log_loss"]
    assert [curve.name for curve in found[0].sites] == ["aachen"]
    assert [number for number, _ in found[0].overall.points] == [1, 2]
    assert found[0].overall.points[0][1] == LINES[0].training_metrics["overall"]["auc"]


def test_nothing_measured_is_no_curve() -> None:
    assert curves("binary", SITES, [LINES[2]]) == ()


def test_a_phase_costs_its_rounds_and_what_came_after() -> None:
    rounds = [{"training": 1.0, "ledger": 2.0}, {"training": 3.0}, {"training": 8.0}]
    assert costs(rounds, {"training": 0.5, "comparison": 7.0}) == (
        Cost("training", 12.5, 3.0),
        Cost("ledger", 2.0, 2.0),
        Cost("comparison", 7.0, None),
    )
    assert costs([], {}) == ()
