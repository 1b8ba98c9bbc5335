"""Cut updates: one model plain and masked, as an independent reference has it, and fewer bytes."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from collegium.assembly.preparation import prepare
from collegium.audit.history import read_history
from collegium.audit.verify import verify
from collegium.canonical import from_text, to_text
from collegium.errors import StudyError
from collegium.federation.local_trainers import LocalTrainers
from collegium.federation.participant import Participant
from collegium.federation.view import StudyView
from collegium.learning.blobs import decode_model, decode_update
from collegium.learning.encoding import encode_step
from collegium.ledger.contract.events import RoundClosed, RoundOpened
from collegium.ledger.contract.transactions import UpdateReveal
from collegium.measuring.reporting import report_on
from collegium.simulation.execution import run
from collegium.simulation.ledgerless import run_without_ledger
from collegium.study.reading import read_study

Places = NDArray[np.int64]

SHORT = ("training.rounds=3", "evaluation.bootstrap=0")
MASKED = 'privacy.secure_aggregation={ protocol = "secagg" }'
GRAPH = 'privacy.secure_aggregation={ protocol = "secagg_plus", degree = 4 }'


def cut(*, keep: float = 0.3, feedback: bool) -> str:
    told = str(feedback).lower()
    return f"aggregation.compression={{ method = 'random_k', keep = {keep}, feedback = {told} }}"


@pytest.mark.parametrize("feedback", [True, False])
@pytest.mark.parametrize("protocol", [MASKED, GRAPH], ids=["all", "graph"])
def test_plain_and_masked_cut_updates_lead_to_one_model(
    tmp_path: Path, feedback: bool, protocol: str
) -> None:
    changes = (*SHORT, cut(feedback=feedback), "faults.dropout=0.1")
    plain = run("heart10", out=tmp_path / "plain", changes=changes)
    masked = run("heart10", out=tmp_path / "masked", changes=(*changes, protocol))
    assert masked.model == plain.model
    for one in (plain, masked):
        found = verify(one.folder)
        assert found.ok
        assert found.levels == {"recomputed": 3}
    rehearsed = run_without_ledger(prepare(read_study("heart10", changes)))
    assert rehearsed.digest.hex() == plain.model


def test_encrypted_cut_updates_lead_to_the_plain_model(tmp_path: Path) -> None:
    encrypted = 'privacy.secure_aggregation={ protocol = "threshold_he" }'
    changes = ("training.rounds=2", "evaluation.bootstrap=0", cut(feedback=True))
    plain = run("heart", out=tmp_path / "plain", changes=changes)
    hidden = run("heart", out=tmp_path / "hidden", changes=(*changes, encrypted))
    assert hidden.model == plain.model
    assert verify(hidden.folder).levels == {"recomputed": 2}


def reference_places(folder: Path, number: int, model: bytes, parameters: int, kept: int) -> Places:
    """The draw of a round, as spec page 8 words it."""
    genesis = from_text(genesis_text(folder), 32)
    name = b"heart10"
    seed = sha256(
        b"collegium/random-k/v1\0" + genesis + len(name).to_bytes(4, "big") + name
        + number.to_bytes(8, "big") + model
    ).digest()  # fmt: skip
    stream = Cipher(algorithms.AES(seed), modes.CTR(bytes(16))).encryptor()
    lots = [int.from_bytes(stream.update(bytes(8)), "little") for _ in range(parameters)]
    lowest = sorted(range(parameters), key=lambda place: (lots[place], place))[:kept]
    return np.array(sorted(lowest))


def genesis_text(folder: Path) -> str:
    return to_text(read_history((folder / "ledger.log").read_bytes()).identity)


@pytest.mark.parametrize("feedback", [True, False])
def test_three_rounds_are_those_of_an_independent_reference(tmp_path: Path, feedback: bool) -> None:
    """Sites' steps are trained anew; draw, feedback, encoding, mean and step are written out."""
    changes = (*SHORT, cut(feedback=feedback), "aggregation.weights=rows")
    folder = run("heart10", out=tmp_path / "run", changes=changes).folder
    history = read_history((folder / "ledger.log").read_bytes())
    events = [event for one in history.said for event in one.events]
    opened = [one for one in events if isinstance(one, RoundOpened)]
    closed = {one.round: one.model for one in events if isinstance(one, RoundClosed)}
    reveals = {
        (one.transaction.round, one.sender): one.transaction.digest
        for one in history.said
        if isinstance(one.transaction, UpdateReveal)
    }

    def blob(name: str) -> bytes:
        return (folder / "blobs" / from_text(name, 32).hex()).read_bytes()

    prepared = prepare(read_study("heart10", changes))
    parts = prepared.parts
    trainers = LocalTrainers(prepared.study, parts.spec, parts.trainer, prepared.train)
    left: dict[str, NDArray[np.float64]] = {}
    for at in opened:
        start = decode_model(blob(at.model)).parameters
        model, d = from_text(at.model, 32), start.size
        places = reference_places(folder, at.round, model, d, -(-3 * d // 10))
        total, weights = [0] * d, dict(zip(at.participants, at.weights, strict=True))
        for site in at.participants:
            trained = trainers.trained(site, at.round, at.participants, model, start)[0]
            step = trained.astype(np.float64) - start.astype(np.float64)
            if feedback and site in left:
                step = step + left[site]
            whole = encode_step(step.copy(), at.exponent, at.room or 0)
            sent = decode_update(blob(reveals[at.round, site]))[0].units
            assert sent.tolist() == whole[places].tolist(), (at.round, site)
            rest = step.copy()
            rest[places] -= whole[places] / 2.0**at.exponent
            left[site] = rest.astype(np.float32).astype(np.float64)
            for place in places.tolist():
                total[place] += weights[site] * int(whole[place])
        scale = Fraction(1) if feedback else Fraction(d, len(places))
        mean = [
            float(Fraction(value) * scale / (sum(weights.values()) * Fraction(2) ** at.exponent))
            for value in total
        ]
        after = (start.astype(np.float64) + np.array(mean)).astype(np.float32)
        found = decode_model(blob(closed[at.round])).parameters
        assert np.abs(after - found).max() <= np.spacing(np.abs(found).max())
        assert (after == found).mean() > 0.99


def test_a_killed_and_resumed_site_carries_on_what_it_had_not_sent(tmp_path: Path) -> None:
    changes = (*SHORT, cut(feedback=True))
    whole = run("heart", out=tmp_path / "whole", changes=changes)
    with pytest.raises(PowerCut):
        run(
            "heart", out=tmp_path / "cut", changes=changes,
            substitute=lambda participant, place: Breaking(participant),
        )  # fmt: skip
    again = run("heart", out=tmp_path / "cut", changes=changes, resume=True)
    assert (again.model, again.app_hash) == (whole.model, whole.app_hash)


class PowerCut(BaseException):
    """Nothing catches it."""


@dataclass
class Breaking:
    """A participant that breaks off when the second round is to be revealed."""

    honest: Participant

    @property
    def name(self) -> str:
        return self.honest.name

    def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
        if (view.number, view.phase) == (2, "reveal"):
            raise PowerCut
        return self.honest.reconcile(view, idle=idle)


def test_updates_take_their_share_of_the_bytes(tmp_path: Path) -> None:
    size = {}
    for keep in (None, 0.1):
        changes = SHORT if keep is None else (*SHORT, cut(keep=keep, feedback=True))
        folder = run(
            "heart10", out=tmp_path / str(keep), changes=(*changes, "model.architecture=mlp",
            "model.hidden=[64]"),
        ).folder  # fmt: skip
        blobs = (path.read_bytes() for path in (folder / "blobs").iterdir())
        size[keep] = sum(len(data) for data in blobs if data.startswith(b"collegium/update/"))
        page = report_on(folder).read_text(encoding="utf-8")
        assert ("10 % of the model" in page) == (keep is not None)
    assert size[0.1] < 0.12 * size[None]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (("aggregation.rule=median",), "compares updates"),
        (("training.algorithm=scaffold", "aggregation.weights=equal"), "arrive whole"),
        (("training.early_stopping={patience=2, validation=0.2}",), "losses"),
        (("personalization={method='ditto', strength=0.1}",), "personal"),
        (("aggregation.scores={by='loss'}", "aggregation.rule=fedavg"), "whole model"),
        (("training.site_momentum=0.5",), "twice"),
        (
            ("privacy.differential_privacy={unit='client', epsilon=8.0, delta=1e-5,"
             " mechanism='local'}", "aggregation.weights=equal"),
            "all coordinates",
        ),
        (("threat.attack=copycat",), "revealed"),
        ((MASKED, "privacy.secure_aggregation.groups=3"), "groups"),
        ((MASKED, "privacy.secure_aggregation.norm_bound=1.0"), "length"),
        ((MASKED, "privacy.secure_aggregation.sum_check=pedersen"), "every coordinate"),
    ],
)  # fmt: skip
def test_what_needs_whole_updates_is_refused_with_the_reason(
    tmp_path: Path, changes: tuple[str, ...], why: str
) -> None:
    with pytest.raises(StudyError) as caught:
        run("heart10", out=tmp_path / "run", changes=(*SHORT, cut(feedback=True), *changes))
    told = caught.value
    assert "random_k" in told.what + told.why
    assert why in told.what + told.why
