"""A study with masked updates ends as with plain ones, and nobody can cheat in it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
from tests.cases import some_of

from collegium.audit.verify import verify
from collegium.federation.outbox import Outbox, OutboxKey
from collegium.federation.participant import Participant
from collegium.federation.view import StudyView
from collegium.ledger.hashing import tag
from collegium.simulation.execution import run
from collegium.threats.attack import AdversaryContext

MASKED = 'privacy.secure_aggregation={ protocol = "secagg" }'
GRAPH = 'privacy.secure_aggregation={ protocol = "secagg_plus", degree = 4 }'
RING = 'privacy.secure_aggregation={ protocol = "secagg_plus", degree = 2 }'
ENCRYPTED = 'privacy.secure_aggregation={ protocol = "threshold_he" }'
SHORT = ("training.rounds=3", "evaluation.bootstrap=0")


CURIOUS = ("training.client_fraction=0.5", "privacy.secure_aggregation.trust=honest_but_curious")
HIDDEN: dict[str, tuple[str, tuple[str, ...]]] = {
    "dropout": (MASKED, ("faults.dropout=0.2",)),
    "adam and a changing exponent":
        (MASKED, ("aggregation.exponent=16", "aggregation.server.optimizer=adam")),
    "saturated": (MASKED, ("aggregation.exponent=20", "training.learning_rate=1.0")),
    "half of the sites, curious": (MASKED, CURIOUS),
    "in a graph, dropout": (GRAPH, ("faults.dropout=0.1",)),
    "in a graph, equal weights":
        (GRAPH, ("aggregation.weights=equal", "aggregation.server.optimizer=yogi")),
    "encrypted, dropout": (ENCRYPTED, ("faults.dropout=0.2",)),
    "encrypted, half of the sites, curious": (ENCRYPTED, CURIOUS),
}  # fmt: skip


@pytest.mark.parametrize(
    "design",
    some_of(
        HIDDEN, "dropout", "adam and a changing exponent", "in a graph, dropout",
        "encrypted, half of the sites, curious",
    ),
)  # fmt: skip
def test_hidden_and_plain_updates_lead_to_one_model(
    tmp_path: Path, design: tuple[str, tuple[str, ...]]
) -> None:
    protocol, changes = design
    trust = [change for change in changes if "trust" in change]
    plain = run(
        "heart10", out=tmp_path / "plain", changes=(*SHORT, *set(changes).difference(trust))
    )
    masked = run("heart10", out=tmp_path / "masked", changes=(*SHORT, protocol, *changes))
    assert masked.outcome == "completed"
    assert masked.model == plain.model
    found = verify(masked.folder)
    assert found.ok
    assert found.levels == {"recomputed": 3}
    assert not [one for one in found.findings if one.code.startswith(("share", "deal", "mask"))]


class PowerCut(BaseException):
    """Nothing catches it."""


def cut_off(folder: Path, protocol: str, member: str, phase: str, *, after: bool) -> None:
    """Run until a site is asked for the second round's phase, and break off before or after that.

    What it says last is lost on its way in both cases.
    """

    @dataclass
    class Breaking:
        honest: Participant
        name: str

        def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
            here = (view.number, view.phase) == (2, phase)
            if here and not after:
                raise PowerCut
            due = self.honest.reconcile(view, idle=idle)
            if here and due:
                raise PowerCut
            return due

    def breaking(participant: Participant, place: AdversaryContext) -> Participant:
        asked = participant.name == f"{member} (site)"
        return Breaking(participant, participant.name) if asked else participant

    with pytest.raises(PowerCut):
        run("heart", out=folder, changes=(*SHORT, protocol), resume=True, substitute=breaking)


def masked_kept(folder: Path) -> dict[OutboxKey, bytes]:
    """The digest of each masked vector in the members' outboxes, by member and attempt."""
    with closing(Outbox(folder / "members" / "outbox")) as outbox:
        keys = [key for key in outbox._bodies if key.purpose == "masked"]
        return {key: sha256(outbox.get(key) or b"").digest() for key in keys}


def masked_that_left(folder: Path) -> set[bytes]:
    """The digests of all masked vectors that anybody can have seen."""
    blobs = (path.read_bytes() for path in (folder / "blobs").iterdir())
    tags = tag("masked"), tag("encrypted")
    return {sha256(data).digest() for data in blobs if data.startswith(tags)}


KILLED = {
    f"{kind}, {phase}, {'outbox lost as well' if lost else 'killed'}": (protocol, phase, lost)
    for kind, protocol, phases in (
        ("with all", MASKED, ("sa.keys", "sa.deal", "commit", "reveal", "share")),
        ("in a ring", RING, ("sa.deal", "commit", "share")),
        ("encrypted", ENCRYPTED, ("commit", "open")),
    )
    for phase in phases
    for lost in (False, True)
}


@pytest.mark.parametrize(
    "killed",
    some_of(
        KILLED, "with all, sa.deal, killed", "with all, commit, outbox lost as well",
        "with all, share, killed", "in a ring, share, killed", "encrypted, open, killed",
    ),
)  # fmt: skip
def test_a_killed_round_never_shows_two_vectors_under_one_mask_or_key(
    tmp_path: Path, killed: tuple[str, str, bool]
) -> None:
    protocol, phase, lost = killed
    folder = tmp_path / "run"
    kept: dict[OutboxKey, set[bytes]] = {}
    for after in (False, True):
        cut_off(folder, protocol, "hungarian", phase, after=after)
        for key, name in masked_kept(folder).items():
            kept.setdefault(key, set()).add(name)
        if lost:
            (folder / "members" / "outbox").unlink()
    result = run("heart", out=folder, changes=(*SHORT, protocol), resume=True)
    assert result.outcome == "completed"
    for key, name in masked_kept(folder).items():
        kept.setdefault(key, set()).add(name)
    left = masked_that_left(folder)
    assert left <= set().union(*kept.values())
    for key, names in kept.items():
        assert len(names & left) <= 1, key
    assert verify(folder).ok
    if not lost:
        whole = run("heart", out=tmp_path / "whole", changes=(*SHORT, protocol))
        assert (result.model, result.app_hash) == (whole.model, whole.app_hash)
        assert all(len(names) == 1 for names in kept.values())
