"""Two models in one round: a site that is shown another one than everybody else refuses it.

Whoever serves a model of its own making to one site could read what that site's update says about
it, secure aggregation or not (D. Pasquini, D. Francati and G. Ateniese, "Eluding Secure
Aggregation in Federated Learning via Model Inconsistency", CCS 2022). Here the ledger names the
round's model by its digest, and bytes that have another one are no model.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tests.threats.trial import attempt

from collegium.federation.participant import Participant
from collegium.federation.view import StudyView
from collegium.learning.blobs import ModelState, decode_model, encode_model
from collegium.threats.attack import AdversaryContext


@dataclass(slots=True)
class TwoFaced:
    """A validator that withholds nothing from the others and shows one site a crafted model."""

    honest: Participant
    place: AdversaryContext
    shown: set[bytes] = field(default_factory=set)

    @property
    def name(self) -> str:
        return self.honest.name

    def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
        if view.phase == "commit":
            data = self.place.exchange.folder.get(view.model)
            assert data is not None
            true = decode_model(data)
            crafted = ModelState(
                true.tensors, np.zeros_like(true.parameters), true.optimizer, true.step, true.slots
            )
            self.place.exchange.serve(view.model, encode_model(crafted), ["va"])
            self.shown.add(view.model)
        return self.honest.reconcile(view, idle=idle)


def test_a_crafted_model_for_one_site_changes_nothing(tmp_path: Path) -> None:
    planted: list[TwoFaced] = []

    def substitute(participant: Participant, place: AdversaryContext) -> Participant:
        if participant.name != "hungarian (validator)":
            return participant
        planted.append(TwoFaced(participant, place))
        return planted[-1]

    honest = attempt(tmp_path / "honest")
    tried = attempt(tmp_path / "run", also=substitute)
    assert len(planted[0].shown) == 3
    assert tried.verification.ok
    assert tried.verification.model == honest.verification.model
    assert tried.named() == {}
