"""Sums of updates from one model over different members are a linear system: none is formed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.node.kit import OPEN, PHASE, closed, document, town

from collegium.assembly.preparation import prepare
from collegium.audit.studies import StudyHistory
from collegium.audit.verify import examined
from collegium.canonical import from_text
from collegium.errors import StudyError
from collegium.federation.local_trainers import LocalTrainers
from collegium.federation.participant import Participant
from collegium.federation.site import Site
from collegium.federation.view import StudyView
from collegium.learning.blobs import decode_model
from collegium.learning.encoding import registered_weight
from collegium.learning.models import size
from collegium.ledger.blobs import read_blob
from collegium.mechanisms.groups.checking import Grouped
from collegium.node.policy import Policy
from collegium.simulation.execution import run
from collegium.study.reading import read_study
from collegium.study.searching import at_round
from collegium.threats.attack import AdversaryContext

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

CURIOUS = 'privacy.secure_aggregation={ protocol = "secagg", trust = "honest_but_curious" }'
SOME = (
    CURIOUS,
    "study.seed=7",
    "training.client_fraction=0.75",
    "study.min_sites=3",
    "evaluation.bootstrap=0",
)
RATES = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
SEARCH = (
    f"search={{ validation = 0.2, aggregation = {{ server = {{ learning_rate = {RATES} }} }} }}"
)
IN_GROUPS = (
    'privacy.secure_aggregation={ protocol = "secagg", groups = 3, trust = "honest_but_curious" }',
    "aggregation.rule=trimmed_mean", "aggregation.tolerate=1", "evaluation.bootstrap=0",
)  # fmt: skip


def ended(view: StudyView) -> bool:
    """Whether a study's training has ended."""
    return view.phase == "closing"


def sets_by_start(history: StudyHistory) -> dict[str, set[tuple[object, ...]]]:
    """Over which sets sums were formed, by the model that their updates start from."""
    found: dict[str, set[tuple[object, ...]]] = {}
    for record in history.closed_rounds:
        groups = sorted((name, number) for name, number in record.of(Grouped).groups.items())
        told: tuple[object, ...] = tuple(groups) or record.included
        found.setdefault(record.opened.model, set()).add(told)
    return found


def unmasked(folder: Path, *changes: str) -> dict[str, float]:
    """Whose updates follow from a masked run's ledger and models, with the error against the truth.

    All sums from the first model are equations; the attacker knows weights, which are registered.
    """
    prepared = prepare(read_study("heart", list(changes)))
    study, spec = prepared.study, prepared.parts.spec
    _, histories = examined(folder)
    (history,) = histories.values()
    work = LocalTrainers(study, spec, prepared.parts.trainer, prepared.train)
    weights = {name: registered_weight(len(rows.y)) for name, rows in prepared.train.items()}

    def model(name: str) -> Float64:
        data = read_blob(folder / "blobs", from_text(name, 32))
        return decode_model(data or b"").parameters[: size(spec)].astype(np.float64)

    first, rows, sums = model(history.first_model), [], []
    for record in history.closed_rounds:
        start, made = model(record.opened.model), record.closed
        if np.abs(start - first).max() > 1e-4 or made is None:
            continue
        rate = at_round(study, record.opened.round)[0].aggregation.server.learning_rate
        everybody = sum(weights[name] for name in record.included)
        rows.append([weights[one] * (one in record.included) for one in prepared.sites])
        sums.append((model(made.model) - start) / rate * everybody)
    equations = np.array(rows, np.float64)
    inverse = np.linalg.pinv(equations)
    known, solved = inverse @ equations, inverse @ np.array(sums)
    found = {}
    for place, name in enumerate(prepared.sites):
        if known[place, place] > 1 - 1e-9:
            begun: Float32 = first.astype(np.float32)
            (trained,) = work.trained(name, 1, prepared.sites, b"first", begun)
            truth = trained.astype(np.float64) - first
            found[name] = float(np.linalg.norm(solved[place] - truth) / np.linalg.norm(truth))
    return found


def test_trials_of_a_search_sum_updates_from_one_model_over_one_set(tmp_path: Path) -> None:
    changes = (*SOME, SEARCH, "training.rounds=1")
    done = run("heart", out=tmp_path / "run", changes=changes)
    found, histories = examined(done.folder)
    assert (done.outcome, found.ok) == ("completed", True)
    assert len(histories["heart"].closed_rounds) == len(RATES)
    assert unmasked(done.folder, *changes) == {}
    assert [len(sets) for sets in sets_by_start(histories["heart"]).values()] == [1]


class Leaving:
    """A site that says nothing any more from a round on."""

    def __init__(self, site: Participant, since: int) -> None:
        self.name, self._site, self._since = site.name, site, since

    def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
        gone = view.round is not None and view.number >= self._since
        return [] if gone else self._site.reconcile(view, idle=idle)


def test_a_search_whose_trials_lack_somebody_ends_with_those_that_were_run(tmp_path: Path) -> None:
    """Before, the next trial was summed without the site, and the difference was its update."""

    def substitute(honest: Participant, place: AdversaryContext) -> Participant:
        leaves = isinstance(honest, Site) and place.identity.member == "va"
        return Leaving(honest, since=3) if leaves else honest

    changes = (CURIOUS, SEARCH, "training.rounds=1", "evaluation.bootstrap=0", "study.min_sites=3")
    done = run("heart", out=tmp_path / "run", changes=changes, substitute=substitute)
    _, histories = examined(done.folder)
    history = histories["heart"]
    assert done.outcome == "completed"
    assert [one.opened.round for one in history.closed_rounds] == [1, 2]
    assert {one.included for one in history.closed_rounds} == {
        ("cleveland", "hungarian", "switzerland", "va")
    }
    assert len(history.trials) == len(RATES)
    assert history.chosen is not None
    assert history.chosen.trial <= 2


def test_trials_in_groups_keep_their_groups_as_long_as_they_start_alike(tmp_path: Path) -> None:
    changes = (*IN_GROUPS, SEARCH, "training.rounds=2")
    done = run("heart10", out=tmp_path / "run", changes=changes)
    found, histories = examined(done.folder)
    assert (done.outcome, found.ok) == ("completed", True)
    sets = sets_by_start(histories["heart"] if "heart" in histories else histories["heart10"])
    assert max(len(one) for one in sets.values()) == 1
    assert len(sets) > len(RATES) / 2, "second rounds start from models of their own"


def test_a_server_step_that_moves_nothing_is_refused(tmp_path: Path) -> None:
    for rate in ("1e-30", "1e-5"):
        with pytest.raises(StudyError, match="would not move the model"):
            read_study("heart", [CURIOUS, f"aggregation.server.learning_rate={rate}"])
    with pytest.raises(StudyError, match="would not move the model"):
        read_study("heart", [CURIOUS, SEARCH.replace("[0.2,", "[1e-30,")])
    read_study("heart", ["aggregation.server.learning_rate=1e-30"])


def test_a_model_that_hardly_moves_gets_no_second_sum_over_others(tmp_path: Path) -> None:
    """At a rate that `check` accepts: sites compare starts in the encoding."""
    changes = (
        *SOME,
        "training.rounds=6",
        "aggregation.server.learning_rate=0.0001",
        "training.batch_size=1000",
    )
    done = run("heart", out=tmp_path / "run", changes=changes)
    assert done.outcome == "failed"
    assert unmasked(done.folder, *changes) == {}
    _, histories = examined(done.folder)
    assert len({one.included for one in histories["heart"].closed_rounds}) == 1


def test_two_studies_of_one_seed_do_not_show_who_was_in_one_of_them_alone(tmp_path: Path) -> None:
    without = Policy(studies=("heart",))
    policies = dict.fromkeys(("cleveland", "hungarian", "switzerland"), OPEN)
    with town(tmp_path, {**policies, "va": without}) as within:
        within.propose(document(CURIOUS, "study.min_sites=3"))
        view = within.until(closed, seconds=3 * PHASE)
        assert view.status is not None
        assert view.status.outcome == "completed"
        within.propose(document(CURIOUS, "study.min_sites=3", "study.id=again"), name="again.toml")
        view = within.until(ended, seconds=12 * PHASE, study="again")
        assert view.status is not None
        assert (view.status.outcome, view.status.closed_rounds) == ("failed", 0)
        told = within.members["hungarian"].troubles["again"][1]
        assert "was opened over cleveland, hungarian, switzerland, va (heart, round 1" in told


def test_a_policy_may_warn_instead_and_then_the_difference_shows_a_hospital(tmp_path: Path) -> None:
    warned = Policy(studies=("*",), repeated_starts="warn")
    policies = dict.fromkeys(("cleveland", "hungarian", "switzerland"), warned)
    changes = (
        CURIOUS, "study.min_sites=3", "training.rounds=1", "aggregation.largest_share=1",
    )  # fmt: skip
    prepared = prepare(read_study("heart", list(changes)))
    work = LocalTrainers(
        prepared.study, prepared.parts.spec, prepared.parts.trainer, prepared.train
    )
    weights = {name: registered_weight(len(rows.y)) for name, rows in prepared.train.items()}
    sums: list[Float64] = []
    with town(tmp_path, {**policies, "va": Policy(studies=("heart",))}) as within:
        for study, sites in (("heart", prepared.sites), ("again", prepared.sites[:3])):
            within.propose(document(*changes, f"study.id={study}"), name=f"{study}.toml")
            view = within.until(closed, seconds=3 * PHASE, study=study)
            assert view.status is not None
            assert view.status.outcome == "completed"
            data = within.exchange.folder.get(view.model)
            mean = decode_model(data or b"").parameters.astype(np.float64)  # the first one is zero
            sums.append(mean * sum(weights[name] for name in sites))
    start = np.zeros(sums[0].size, np.float32)
    (truth,) = work.trained("va", 1, prepared.sites, b"first", start)
    difference = (sums[0] - sums[1]) / weights["va"]
    assert np.linalg.norm(difference - truth) < 0.01 * np.linalg.norm(truth)
