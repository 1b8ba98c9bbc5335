"""A site decides for itself: what it accepts, trains, reveals, and what it never does."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.federation.kit import (
    blobs_of,
    consortium,
    identity_of,
    kinds,
    owner,
    resigned,
    rotate,
    said,
    site,
    step,
    until,
    validator,
)

from collegium.canonical import from_text, to_text
from collegium.federation import local_trainers as cohort_module
from collegium.federation.identity import Identity
from collegium.federation.local_trainers import LocalTrainers
from collegium.federation.outbox import MemberOutbox, Outbox, OutboxKey, WriteOnce
from collegium.federation.site import Site, SiteParts
from collegium.federation.view import StudyView
from collegium.learning.blobs import ModelState, decode_model, decode_update, digest, encode_model
from collegium.learning.evaluation.statement import decode_statement
from collegium.learning.model_choice import model_spec
from collegium.learning.models import initial_parameters, tensors
from collegium.learning.server import initial_state
from collegium.ledger.contract.transactions import (
    EvaluationPost,
    StudyAccept,
    UpdateCommit,
    UpdateReveal,
)
from collegium.ledger.contract.updates import commitment
from collegium.ledger.ordering import Ordered
from collegium.simulation.consortium import Consortium
from collegium.study.canonical import document_bytes
from collegium.study.document import Model
from collegium.study.reading import read_study


def other_model(within: Consortium) -> bytes:
    """A model of another architecture over the same inputs."""
    prepared = within.prepared
    spec = model_spec(Model(architecture="mlp", hidden=(3,)), prepared.dataset.schema)
    parameters = initial_parameters(spec, 1)
    server = prepared.study.aggregation.server
    return encode_model(initial_state(tensors(spec), parameters, prepared.parts.server, server))


def registered(within: Consortium, **changes: Any) -> None:
    """Register the study, with some fields changed by an owner who errs or lies."""
    (envelope,) = owner(within).reconcile(within.view(), idle=False)
    outcome = within.engine.submit([resigned(within, "cleveland", envelope, **changes)])
    assert isinstance(outcome[0], Ordered)


def test_it_accepts_the_study_that_it_was_given(tmp_path: Path) -> None:
    with consortium(tmp_path) as within:
        registered(within)
        (envelope,) = site(within).reconcile(within.view(), idle=False)
        accept = said(envelope)
        assert isinstance(accept, StudyAccept)
        document = document_bytes(within.prepared.study)
        assert blobs_of(within, "va").fetch(from_text(accept.document, 32)) == document
        rows = len(within.prepared.train["va"].y)
        assert accept.weight <= rows < accept.weight * 3 / 2


def test_a_withheld_acceptance_binds_the_rows_whatever_key_signs_the_next(tmp_path: Path) -> None:
    """Two acceptances over rows that changed would tell two sizes, each with its own noise."""
    with consortium(tmp_path) as within:
        registered(within)
        view = within.view()
        (withheld,) = site(within).reconcile(view, idle=False)
        later = replace(identity_of(within, "va"), key=rotate(within, "va"))
        outbox = MemberOutbox(within.outbox, "va")
        (again,) = remade(within, outbox, later).reconcile(within.view(), idle=False)
        first, second = said(withheld), said(again)
        assert isinstance(first, StudyAccept)
        assert isinstance(second, StudyAccept)
        assert (first.snapshot, first.weight) == (second.snapshot, second.weight)
        other = remade(within, outbox, later)
        train = within.prepared.train["va"]
        other._parts = replace(other._parts, train=replace(train, y=1 - train.y))
        assert other.reconcile(within.view(), idle=False) == []


def test_it_refuses_another_document(tmp_path: Path) -> None:
    with consortium(tmp_path) as within:
        document = document_bytes(read_study("heart", ["training.rounds=3"]).study)
        registered(within, document=to_text(blobs_of(within, "cleveland").publish(document)))
        assert site(within).reconcile(within.view(), idle=False) == []


@pytest.mark.parametrize(
    "term",
    [
        {"rounds": 3}, {"min_sites": 1}, {"min_sites": 2, "per_round": 3}, {"max_attempts": 4},
        {"attendance": "all"}, {"exponent": 11}, {"rule": "median@1"}, {"server": "adam@1"},
        {"seed": 44}, {"weights": "equal"},
    ],
    ids=str,
)  # fmt: skip
def test_it_refuses_terms_that_are_not_the_documents(tmp_path: Path, term: dict[str, Any]) -> None:
    with consortium(tmp_path) as within:
        registered(within, **term)
        assert within.view().registration is not None
        assert site(within).reconcile(within.view(), idle=False) == []


def test_it_refuses_a_model_of_another_architecture(tmp_path: Path) -> None:
    with consortium(tmp_path) as within:
        model = blobs_of(within, "cleveland").publish(other_model(within))
        registered(within, model=to_text(model))
        assert site(within).reconcile(within.view(), idle=False) == []


@pytest.mark.parametrize("model", [b"no model at all", None])
def test_it_refuses_a_model_that_is_none_or_is_not_there(
    tmp_path: Path, model: bytes | None
) -> None:
    with consortium(tmp_path) as within:
        name = bytes(32) if model is None else blobs_of(within, "cleveland").publish(model)
        registered(within, model=to_text(name))
        assert site(within).reconcile(within.view(), idle=False) == []


def test_it_commits_to_what_it_reveals_and_says_the_same_whenever_asked(tmp_path: Path) -> None:
    with consortium(tmp_path) as within:
        view = until(within, "commit", 1)
        committing = site(within).reconcile(view, idle=False)
        assert site(within).reconcile(view, idle=True) == committing
        view = until(within, "reveal", 1)
        revealing = site(within).reconcile(view, idle=False)
        assert site(within).reconcile(view, idle=True) == revealing
        commit, reveal = said(committing[0]), said(revealing[0])
        assert isinstance(commit, UpdateCommit)
        assert isinstance(reveal, UpdateReveal)
        digest, salt = from_text(reveal.digest, 32), from_text(reveal.salt, 32)
        genesis = within.engine.application.identity
        bound = commitment(genesis, view.study, 1, 1, "va", digest, salt)
        assert from_text(commit.commitment, 32) == bound
        blob = blobs_of(within, "cleveland").fetch(digest)
        assert blob is not None
        values, exponent = decode_update(blob)
        assert view.round is not None
        assert exponent == view.round.exponent
        assert reveal.peak == abs(values.units.astype(int)).max() > 0


def test_nothing_is_published_before_everybody_has_committed(tmp_path: Path) -> None:
    with consortium(tmp_path) as within:
        until(within, "commit", 1)
        before = within.exchange.published_bytes
        step(within)
        assert within.view().phase == "reveal"
        assert within.exchange.published_bytes == before


def update_key(genesis: bytes, view: StudyView) -> OutboxKey:
    """Where an outbox has the update of a round."""
    return OutboxKey(genesis, "update", view.study, view.number)


def remade(within: Consortium, outbox: WriteOnce, who: Identity | None = None) -> Site:
    """The site va, started again over another outbox, or with another key."""
    prepared = within.prepared
    train, test = prepared.train["va"], prepared.test["va"]
    parts = SiteParts(prepared.dataset.schema.task, train, test, bytes(32), prepared.parts.stages)
    identity, blobs = who or identity_of(within, "va"), blobs_of(within, "va")
    return Site(identity, blobs, outbox, within.trainers, parts)


def test_what_the_outbox_holds_is_sent_and_not_trained_again(tmp_path: Path) -> None:
    with consortium(tmp_path / "run") as within, closing(Outbox(tmp_path / "other")) as outbox:
        view = until(within, "commit", 2)
        first = site(within).reconcile(view, idle=False)
        key = update_key(within.engine.application.identity, view)
        kept = MemberOutbox(within.outbox, "va").get(key)
        assert kept is not None
        other = bytearray(kept)
        other[-1] ^= 1
        outbox.put(key, bytes(other))
        assert remade(within, outbox).reconcile(view, idle=False) != first


def test_rows_that_change_between_two_attempts_change_nothing_of_its_update(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two updates of one round would differ by what the changed rows are."""
    with consortium(tmp_path) as within:
        others = [site(within, name) for name in within.prepared.sites if name != "va"]
        view = until(within, "commit", 1)
        site(within).reconcile(view, idle=False)
        genesis, who = within.engine.application.identity, identity_of(within, "va")
        first = MemberOutbox(within.outbox, "va").get(update_key(genesis, view))
        assert first is not None
        while within.view().attempt == 1:
            step(within, idle=True, without=others)
        trainers = site(within)._cohort
        assert isinstance(trainers, LocalTrainers)
        rows = trainers.rows["va"]
        monkeypatch.setitem(trainers.rows, "va", replace(rows, y=1 - rows.y))
        monkeypatch.setattr(trainers, "_trained", ((0, b""), {}))  # as after a restart
        (envelope,) = site(within).reconcile(within.view(), idle=False)
        commit, place = said(envelope), (view.study, 1, 2)
        assert isinstance(commit, UpdateCommit)
        bound = commitment(genesis, *place, "va", digest(first), who.salt(*place))
        assert from_text(commit.commitment, 32) == bound


def test_without_its_outbox_it_does_not_reveal(tmp_path: Path) -> None:
    with consortium(tmp_path / "run") as within, closing(Outbox(tmp_path / "empty")) as empty:
        view = until(within, "reveal", 1)
        before = within.exchange.published_bytes
        assert remade(within, empty).reconcile(view, idle=True) == []
        assert within.exchange.published_bytes == before


def test_its_outbox_has_nothing_for_another_ledger(tmp_path: Path) -> None:
    with consortium(tmp_path) as within:
        view = until(within, "reveal", 1)
        genesis, outbox = within.engine.application.identity, MemberOutbox(within.outbox, "va")
        assert outbox.get(update_key(genesis, view)) is not None
        assert outbox.get(update_key(bytes(32), view)) is None


@pytest.mark.parametrize("phase", ["available", "vote"])
def test_it_serves_its_update_again_while_the_round_is_open(tmp_path: Path, phase: str) -> None:
    with consortium(tmp_path) as within:
        view = until(within, phase, 1)
        name = from_text(view.reveals["va"].digest, 32)
        path = within.exchange.folder.path / name.hex()
        whole = path.read_bytes()
        path.write_bytes(b"")
        assert site(within, "hungarian").reconcile(view, idle=False) == []
        assert path.read_bytes() == b""
        assert site(within).reconcile(view, idle=False) == []
        assert path.read_bytes() == whole


def test_it_joins_the_next_round_where_it_missed_the_set_up(tmp_path: Path) -> None:
    with consortium(tmp_path) as within:
        until(within, "setup")
        step(within, without=[site(within)])
        for name in within.prepared.validators[:3]:
            validator(within, name).reconcile(within.view(), idle=True)
        step(within, idle=True, without=[site(within)])
        view = within.view()
        assert (view.phase, "va" in view.participants) == ("commit", False)
        assert kinds(site(within).reconcile(view, idle=False)) == ["study.accept"]
        step(within)
        assert site(within).reconcile(within.view(), idle=False) == []
        assert "va" in until(within, "commit", 2).participants


def test_it_accepts_nothing_after_training_or_where_it_is_not_registered(tmp_path: Path) -> None:
    with consortium(tmp_path) as within:
        three = ("cleveland", "hungarian", "switzerland")
        registered(within, sites=three, per_round=3, min_sites=2)
        assert "va" not in within.view().unaccepted
        assert site(within).reconcile(within.view(), idle=False) == []
    with consortium(tmp_path / "other") as within:
        until(within, "setup")
        step(within, without=[site(within)])
        for _ in range(2):
            step(within, idle=True, without=[site(within)])
        while within.view().phase != "evaluation":
            step(within, without=[site(within)])
        assert site(within).reconcile(within.view(), idle=False) == []


def test_a_model_is_decoded_once_for_all_sites(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with consortium(tmp_path) as within:
        until(within, "setup")
        decoded: list[bytes] = []

        def counting(data: bytes) -> ModelState:
            decoded.append(data)
            return decode_model(data)

        monkeypatch.setattr(cohort_module, "decode_model", counting)
        step(within)
        step(within)
        assert within.view().phase == "reveal"
        assert len(decoded) == 1


def test_it_is_silent_in_a_round_that_it_has_no_part_in(tmp_path: Path) -> None:
    with consortium(tmp_path, "training.client_fraction=0.5") as within:
        view = until(within, "commit", 1)
        for name in within.prepared.sites:
            said_ = kinds(site(within, name).reconcile(view, idle=True))
            assert said_ == (["update.commit"] if name in view.participants else [])


PRIVATE = "privacy.differential_privacy={unit='patient', epsilon=4.0, delta=1e-5}"


@pytest.mark.parametrize("killed", [False, True])
def test_it_states_once_whatever_becomes_of_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    """A first statement is withheld, or lost with its node, and rows change before the second."""
    with consortium(tmp_path, PRIVATE) as within:
        view, here = until(within, "evaluation"), site(within)
        published = list[bytes]()

        def publish(data: bytes, **_: object) -> bytes:
            published.append(data)
            if killed and len(published) == 1:
                raise OSError("killed")
            return digest(data)

        monkeypatch.setattr(here.blobs, "publish", publish)
        if killed:
            with pytest.raises(OSError, match="killed"):
                here.reconcile(view, idle=False)
        else:
            here.reconcile(view, idle=False)
        test = here._parts.test
        changed = replace(test, y=1 - test.y)
        monkeypatch.setattr(here, "_parts", replace(here._parts, test=changed))
        (envelope,) = here.reconcile(view, idle=False)
        assert published[0] == published[1]
        post = said(envelope)
        assert isinstance(post, EvaluationPost)
        assert post.federated == to_text(digest(published[0]))


def test_its_test_part_is_opened_once_after_the_last_round(tmp_path: Path) -> None:
    with consortium(tmp_path) as within:
        view = until(within, "evaluation")
        (envelope,) = site(within).reconcile(view, idle=False)
        post = said(envelope)
        assert isinstance(post, EvaluationPost)
        for kind, name in (("federated", post.federated), ("local", post.local)):
            assert isinstance(name, str)
            data = blobs_of(within, "hungarian").fetch(from_text(name, 32))
            assert data is not None
            statement = decode_statement(data)
            assert statement.kind == kind
            assert (statement.model == post.model) == (kind == "federated")
        model = blobs_of(within, "va").fetch(view.model)
        assert model is not None
        assert decode_model(model).tensors == tensors(within.prepared.parts.spec)
        step(within)
        assert site(within).reconcile(within.view(), idle=True) == []
