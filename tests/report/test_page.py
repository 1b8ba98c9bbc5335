"""The page: numbers are the inputs', nothing is loaded, nothing foreign becomes markup."""

import re
from dataclasses import replace as with_fields
from typing import get_args

import pytest
from msgspec.structs import replace
from tests.report.reading import Page
from tests.report.synthetic import LIAR, ROUNDS, SITES, inputs, provenance, verification

from collegium.audit.findings import Finding
from collegium.audit.subjects import AboutMember, AboutRound
from collegium.data.table import Task
from collegium.learning.evaluation.statement import MEASURES
from collegium.report import charts
from collegium.report.content import ReportContent
from collegium.report.measurements import FinalLine
from collegium.report.page import ONE_MACHINE, SIMULATED, render
from collegium.study.document import Personalization

TASKS: list[Task] = list(get_args(Task))
HOSTILE = "</title><script>alert(1)</script><img src=x onerror=y>'\"&\u202e"
SCALE: dict[str, str] = {"mae": ".4g", "rmse": ".4g"}


def page(content: ReportContent) -> Page:
    return Page(render(content))


def printed(name: str, value: float) -> str:
    return format(value, SCALE.get(name, ".3f")).replace("-", "−")


def shown(name: str, value: float | None, low: float, high: float) -> str:
    assert value is not None
    return f"{printed(name, value)} {printed(name, low)} to {printed(name, high)}"


@pytest.mark.parametrize("task", TASKS)
def test_a_site_row_prints_what_the_site_signed(task: Task) -> None:
    one = inputs(task)
    heads, _, *rows = page(one.content()).table("The study's model")
    names = [name for name in MEASURES[task] if name not in ("sensitivity", "specificity")]
    assert len(heads) == 2 + len(names)
    assert [row[0] for row in rows] == list(SITES)
    statements = {p.site: p.statement for p in one.posted if p.statement.kind == "federated"}
    for site, test_rows, *cells in rows:
        statement = statements[site]
        assert test_rows == str(statement.rows)
        told = {value.name: value for value in statement.values}
        for name, cell in zip(names, cells, strict=True):
            if name not in told:
                assert cell.startswith(("withheld: ", "undefined ")), cell
                continue
            value = told[name]
            if isinstance(value.low, int) and isinstance(value.high, int):
                bounds = (value.value / 1e9, value.low / 1e9, value.high / 1e9)
                assert cell == shown(name, *bounds)
            else:
                assert cell.startswith(f"{printed(name, value.value / 1e9)} no interval")


@pytest.mark.parametrize("task", TASKS)
def test_figures_over_all_sites_and_differences_are_those_measured(task: Task) -> None:
    one = inputs(task)
    final = one.lines[-1]
    assert isinstance(final, FinalLine)
    assert final.federated is not None
    assert final.local is not None
    assert final.pooled is not None
    _, *rows = page(one.content()).table("Three ways to train")
    differences = (
        (final.local, final.difference_to_local),
        (final.pooled, final.difference_to_pooled),
    )
    for name, row in zip(MEASURES[task], rows, strict=True):
        for quality, cell in zip(
            (final.federated, final.local, final.pooled), row[1:4], strict=True
        ):
            interval = quality.overall_intervals[name]
            assert interval is not None
            assert cell == shown(name, quality.overall[name], interval.low, interval.high)
        for (other, intervals), cell in zip(differences, row[4:], strict=True):
            interval = intervals[name]
            assert interval is not None
            value = (final.federated.overall[name] or 0) - (other.overall[name] or 0)
            numbers = [float(n.replace("−", "-")) for n in re.findall(r"[−+]?\d[\d.e]*", cell)]
            assert numbers == pytest.approx(
                [value, interval.low, interval.high], rel=1e-3, abs=6e-4
            )
            assert ("favor" in cell or "against" in cell) is not (
                interval.low <= 0 <= interval.high
            )


def test_sensitivity_and_specificity_stand_with_the_counts_behind_them() -> None:
    rows = page(inputs().content()).table("Sites: signed by the site")
    by_name = {row[0]: row for row in rows}
    assert by_name["cagliari"][1:] == [
        "not reported",
        "withheld: a class has fewer than 5 test rows",
        "withheld: a class has fewer than 5 test rows",
    ]
    statement = inputs().posted[0].statement
    negatives, positives = statement.classes  # type: ignore[misc]
    assert by_name["aachen"][1] == f"{positives} with, {negatives} without"


def test_guessing_is_the_diagonal_of_one_curve_and_the_prevalence_of_the_other() -> None:
    content = inputs().content()
    read, prevalence = page(content), content.predictive["prevalence"].value
    assert prevalence is not None
    ends = [
        (float(given["y1"]), float(given["y2"]))
        for name, given in read.elements
        if name == "line" and given.get("class") == "diagonal"
    ]
    height = charts.SQUARE
    assert list(ends[0]) == [height, 0.0]
    assert ends[1] == pytest.approx((height * (1 - prevalence),) * 2, rel=1e-3)


def test_the_key_figures_are_those_measured() -> None:
    final = inputs().lines[-1]
    assert isinstance(final, FinalLine)
    assert final.federated is not None
    answer = page(inputs().content()).sections["answer"]
    assert final.tested is not None
    told = final.federated.overall | final.tested.values
    for name in ("auc", "sensitivity", "specificity", "ppv", "npv"):
        value = told[name]
        assert value is not None
        assert f"{value:.3f}" in answer


@pytest.mark.parametrize("task", TASKS)
def test_the_page_is_well_formed_and_loads_nothing(task: Task) -> None:
    source = render(inputs(task).content(verification=verification(LIAR)))
    read = Page(source)
    assert read.unclosed == []
    ids = [given["id"] for _, given in read.elements if "id" in given]
    assert len(ids) == len(set(ids))
    for name, given in read.elements:
        assert name not in {"script", "link", "img", "iframe", "object", "embed", "base", "use"}
        assert not {"src", "srcset", "data", "action", "style"} & set(given)
        assert not [one for one in given if one.startswith("on")]
        if "href" in given and not given["href"].startswith("#"):
            assert (name, given["href"]) == ("a", "https://example.org/patients")
        if given.get("href", "").startswith("#"):
            assert given["href"][1:] in ids
    style = source.partition("<style>")[2].partition("</style>")[0]
    assert not re.search(r"url\(|@import|@font-face|https?:|//", style)
    assert "default-src 'none'" in read.elements[3][1]["content"]


def test_hostile_text_stays_text() -> None:
    one = inputs()
    identity = replace(one.study.study, title=HOSTILE, question=HOSTILE, id=HOSTILE)
    bad = Finding(
        "member.equivocated", "fault", AboutMember(HOSTILE), {"transaction": "x", "count": 1}
    )
    data = with_fields(
        provenance("binary"), title=HOSTILE, citation=HOSTILE, license=HOSTILE, url="javascript:x"
    )
    schema = with_fields(data.schema, positive=HOSTILE, target=HOSTILE)
    content = one.content(
        study=replace(one.study, study=identity),
        verification=verification(bad, genesis=HOSTILE, claims=HOSTILE),
        data=with_fields(data, schema=schema),
        versions={HOSTILE: HOSTILE},
    )
    source = render(content)
    assert "<script" not in source
    assert "<img" not in source
    assert "\u202e" not in source
    assert 'href="javascript' not in source
    assert Page(source).text.count("<script>alert(1)</script>") >= 12


def test_the_same_content_gives_the_same_bytes() -> None:
    assert render(inputs().content()) == render(inputs().content())


def test_what_matters_most_stands_first() -> None:
    read = page(inputs().content(verification=verification(LIAR)))
    text = read.text
    order = [
        "Fever in four towns",
        "Who has it?",
        SIMULATED,
        "Not for clinical use",
        "Consistent only.",
        "Given one case with the outcome",
        "brugge voted for another model than the one that the others recomputed (fever, round "
        "5). It was outvoted: the model is not affected.",
    ]
    places = [text.index(words) for words in order]
    assert places == sorted(places)
    assert list(read.sections)[2:] == [
        "answer", "sites", "calls", "quality", "comparison", "calibration", "decision",
        "threshold", "curves", "participants", "privacy", "record", "cost", "verify", "not-proven",
        "study", "data", "versions", "footer",
    ]  # fmt: skip


def test_a_run_of_real_members_is_not_called_a_simulation() -> None:
    text = page(inputs().content(verification=verification(simulated=False))).text
    assert "simulation" not in text.replace("no identity stands behind one", "")
    assert "summed from what the sites signed" in text


def test_a_run_whose_members_were_processes_of_one_machine_is_called_a_simulation() -> None:
    one = inputs()
    final = replace(one.lines[-1], one_machine=True)
    content = one.content(
        lines=(*one.lines[:-1], final), verification=verification(simulated=False)
    )
    assert ONE_MACHINE in page(content).sections["header"]
    assert ONE_MACHINE not in page(one.content()).text


def test_a_record_that_does_not_hold_is_said_where_the_answer_is() -> None:
    broken = Finding("round.model", "error", AboutRound("fever", 3), {"case": "model"})
    answer = page(inputs().content(verification=verification(broken))).sections["answer"]
    assert "Not verified." in answer
    assert not any(letter.isdigit() for letter in answer), "no figure is told"
    assert "Do not rely on anything on this page" in answer
    assert "✓" not in answer


def test_figures_that_contradict_the_signed_ones_raise_an_alarm() -> None:
    one = inputs()
    final = one.lines[-1]
    assert isinstance(final, FinalLine)
    assert final.federated is not None
    lying = replace(final.federated, overall={**final.federated.overall, "accuracy": 0.999})
    content = one.content(lines=(*one.lines[:-1], replace(final, federated=lying)))
    assert "Warning: the accuracy over all sites differs from that" in page(content).text


def test_the_ledgers_digests_and_the_commands_are_printed() -> None:
    read = page(inputs().content())
    assert "cd" * 32 in read.sections["record"]
    assert "ef" * 32 in read.sections["record"]
    assert "ab" * 32 in read.sections["record"]
    assert f"collegium verify . --genesis {'cd' * 32}" in read.sections["verify"]
    _, *rounds = read.table("Closed rounds")
    assert [row[0] for row in rounds] == [str(number) for number in range(1, ROUNDS + 1)]
    assert rounds[4][4] == "05" * 32


def test_what_is_not_proven_is_said() -> None:
    told = page(inputs().content()).sections["not-proven"]
    assert all(words[1:] in told for words in verification().not_proven)


def test_costs_are_the_sums_of_what_was_measured() -> None:
    _, *rows = page(inputs().content()).table("Time by phase: 5.43 s")
    assert [row[0] for row in rows] == [
        "Training at the sites",
        "Validators: recomputation and votes",
        "Baselines and intervals",
    ]
    assert [row[2:] for row in rows] == [["2.45 s", "100 ms"], ["980 ms", "40 ms"], ["2 s", "–"]]


def test_a_regression_is_not_asked_for_calibration_or_a_threshold() -> None:
    read = page(inputs("regression").content())
    assert "threshold" not in read.sections
    assert "not probabilities" in read.sections["calibration"]
    assert "Mean absolute error" in read.sections["answer"]


@pytest.mark.parametrize("task", TASKS)
def test_an_empty_run_still_makes_a_page(task: Task) -> None:
    nothing = verification(model=None, complete=False, levels={}, entries=0, app_hash="")
    content = inputs(task).content(lines=(), posted=(), verification=nothing)
    read = page(content)
    assert "preliminary" in read.sections["answer"]
    assert read.unclosed == []


def test_a_page_of_many_sites_and_rounds_stays_small() -> None:
    one = inputs()
    lines = [replace(line, round=number) for number in range(1, 1001) for line in one.lines[:1]]
    content = one.content(lines=(*lines, one.lines[-1]))
    assert len(render(content).encode()) < 300_000


def test_figures_of_personal_models_are_called_so() -> None:
    plain = inputs("binary")
    assert "Models are personal" not in page(plain.content()).sections["quality"]
    study = replace(plain.study, personalization=Personalization(method="fine_tuning"))
    said = page(plain.content(study=study)).sections["quality"]
    assert (
        "Each site is tested with its own model, derived from the shared model by fine-tuning"
    ) in said
