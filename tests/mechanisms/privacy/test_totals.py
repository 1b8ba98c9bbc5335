"""What a site's units lose over all studies of a ledger: the audit's figure and the node's."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace as Namespace

import msgspec
from tests.ledger.contract.kit import World, four_equals
from tests.ledger.contract.moves import drive_round, evaluate, start, using

from collegium.accounting.conversion import added, micro_epsilon, times
from collegium.accounting.orders import MICRO
from collegium.cli.node_lines import status_lines
from collegium.cli.verdicts import total_line
from collegium.mechanisms.privacy.rules import LOSSES, CumulativePrivacy, cumulative_privacy_key
from collegium.mechanisms.privacy.totals import totals
from collegium.node.privacy_spent import privacy_spent
from collegium.node.status import NodeStatus, metrics
from collegium.study.document import Study
from collegium.study.privacy import privacy_terms
from collegium.study.reading import read_study


def document(epsilon: float, delta: float) -> Study:
    dp = f"privacy.differential_privacy={{unit='patient', epsilon={epsilon}, delta={delta}}}"
    return read_study("heart", [dp, "training.rounds=2"]).study


STUDIES = {"heart": document(4.0, 1e-5), "lungs": document(2.0, 1e-6)}


def two_studies() -> World:
    """Return a ledger with two private studies of two rounds each, evaluated by one site."""
    world = four_equals()
    for name, study in STUDIES.items():
        terms = privacy_terms(study)
        assert terms is not None
        start(world, name, **using(terms))
        for _ in range(2):
            drive_round(world, name)
        evaluate(world, "ada", name)
    return world


def study_history(study: Study, *, evaluated: bool) -> Namespace:
    """Return what a ledger tells of a study of two rounds in which ada took part."""
    opened = [Namespace(attempt=1, round=k, participants=("ada",)) for k in (1, 2)]
    return Namespace(
        accepted={"ada": None}, statements={"ada": None} if evaluated else {},
        attempts={(one.round, 1): Namespace(opened=one) for one in opened},
    )  # fmt: skip


def told(**more: Study) -> Iterator[object]:
    documents = {**STUDIES, **more}
    study_histories = {
        name: study_history(study, evaluated=True) for name, study in documents.items()
    }
    return totals(study_histories, documents)  # type: ignore[arg-type]


def test_the_contract_the_audit_and_the_node_agree_on_what_two_studies_cost() -> None:
    world = two_studies()
    kept = world.state.record(LOSSES, cumulative_privacy_key("ada", "patient"), CumulativePrivacy)
    assert kept is not None
    terms = [privacy_terms(one) for one in STUDIES.values()]
    parts = []
    for one in terms:
        assert one is not None
        parts.append((added(one.setup, times(one.charge, 2)), one.evaluation))
    first, second = parts
    worst = [tuple(max(pair) for pair in zip(*part, strict=True)) for part in parts]
    assert kept.charge == added(*worst), "the ledger keeps a bound for every part at once"
    strictest = terms[1]
    assert strictest is not None
    expected = max(
        micro_epsilon(added(one, other), strictest.conversion) / MICRO
        for one in first
        for other in second
    )
    (total,) = told()
    (lost,) = privacy_spent(world.state, "ada", 9.0)
    assert total.epsilon == lost.epsilon == expected  # type: ignore[attr-defined]
    assert total.delta == lost.delta == 1e-6  # type: ignore[attr-defined]
    assert total.studies == lost.studies == ("heart", "lungs")  # type: ignore[attr-defined]
    assert 4.0 < expected < micro_epsilon(kept.charge, strictest.conversion) / MICRO
    assert expected < 7.0  # the budgets add up to 6 at delta 1e-5 and 1e-6; this is at 1e-6


def test_who_took_part_in_neither_has_lost_nothing() -> None:
    world = two_studies()
    assert privacy_spent(world.state, "nobody", None) == ()


def test_studies_without_differential_privacy_are_named_as_unbounded() -> None:
    (total,) = told(bare=read_study("heart").study)
    assert total.unbounded == ("bare",)  # type: ignore[attr-defined]
    line = total_line(total)  # type: ignore[arg-type]
    assert "in total over heart, lungs, delta 1e-06, unit patient, accountant rdp@1" in line
    assert "without any bound in bare" in line


def test_a_node_tells_it_with_the_policy_s_cap() -> None:
    lost = privacy_spent(two_studies().state, "ada", 9.0)
    status = NodeStatus(
        member="ada", genesis="00", version="1", pid=1, state="following", lost=lost
    )
    (line,) = [one for one in status_lines(status) if "privacy" in one]
    assert f"epsilon {lost[0].epsilon:.3g} of 9 spent in heart, lungs, delta 1e-06" in line
    assert "unit patient, accountant rdp@1" in line
    assert any(one.startswith("collegium_node_epsilon_in_all{") for one in metrics(status))
    assert msgspec.json.decode(msgspec.json.encode(status), type=NodeStatus) == status
