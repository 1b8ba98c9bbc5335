"""A whole run, small enough to look at: three members, four parameters, two rounds.

It goes through the contract and the codecs alone, with updates made up, and has one change of a key
and one late vote in it. Every byte of it follows from this file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from collegium import canonical
from collegium.audit.bundle import bundle_digest
from collegium.audit.trust import policy_text
from collegium.canonical import from_text, to_text
from collegium.learning.aggregation.next_model import next_model, rule_named, server_named
from collegium.learning.aggregation.updates import Contribution
from collegium.learning.blobs import (
    TensorSpec,
    decode_model,
    encode_model,
    encode_update,
)
from collegium.learning.evaluation.statement import Statement, encode_statement
from collegium.learning.safetensors import released_bytes
from collegium.learning.server import AVERAGE, initial_state
from collegium.ledger.application import AcceptedTransaction, Application
from collegium.ledger.blobs import BlobFolder
from collegium.ledger.contract.events import Event, RoundClosed, RoundOpened
from collegium.ledger.contract.governance import rotation_message
from collegium.ledger.contract.results import ModelResult
from collegium.ledger.contract.transactions import (
    EvaluationPost,
    MemberPropose,
    MemberVote,
    ModelRelease,
    Rotate,
    RoundVote,
    StudyAccept,
    StudyClose,
    StudyRegister,
    Transaction,
    UpdateAvailable,
    UpdateCommit,
    UpdateReveal,
)
from collegium.ledger.contract.updates import commitment
from collegium.ledger.envelope import sign_envelope
from collegium.ledger.genesis import Genesis, Member, encode_genesis
from collegium.ledger.keys import SigningKey, signing_key
from collegium.ledger.opening import create_ledger
from collegium.study.canonical import document_bytes
from collegium.study.document import Data, Identity, Model, Study, Training

STUDY = Study(
    study=Identity(id="small", title="Small", question="Does it add up?"),
    data=Data(source="made_up"),
    model=Model(architecture="logistic"),
    training=Training(rounds=2, learning_rate=0.1),
)
SITES = ("ada", "bo")
WEIGHTS = {"ada": 3, "bo": 2}
PARAMETERS = 4
PROPOSAL = to_text(bytes(range(16)))


def digest(label: str) -> bytes:
    """Return a digest that a label stands for."""
    return sha256(label.encode()).digest()


def key_of(label: str) -> SigningKey:
    """Return the key pair that a label stands for."""
    return signing_key(digest(f"key of {label}"))


def small_genesis() -> Genesis:
    """Return the genesis: two sites that validate, one of them the owner, and a third validator."""
    members = (
        Member(
            id="ada", key=to_text(key_of("ada").public), name="Ada's Hospital", power=1,
            roles=("owner", "site", "validator"),
        ),
        Member(
            id="bo", key=to_text(key_of("bo").public), name="Bo (North) & Sons", power=1,
            roles=("site", "validator"),
        ),
        Member(
            id="cy", key=to_text(key_of("cy").public), name="Cy", power=2, roles=("validator",)
        ),
    )  # fmt: skip
    log = to_text(key_of("*log").public)
    return Genesis(
        chain="small", contract=2, format=1, keys="simulated", log=log, members=members,
        modules=("plain@1",),
    )  # fmt: skip


@dataclass(slots=True)
class SmallRun:
    """A run in the making: its folder, its ledger, everybody's keys, and what came of what."""

    folder: Path
    ledger: Application
    blobs: BlobFolder
    keys: dict[str, SigningKey]
    accepted: list[AcceptedTransaction] = field(default_factory=list)
    envelopes: list[bytes] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def say(self, *said: tuple[str, type[Transaction], dict[str, Any]]) -> list[Event]:
        """Sign and append transactions as one block; return what happened."""
        genesis = to_text(self.ledger.identity)
        envelopes = [
            sign_envelope(
                canonical.encode(kind(format=1, genesis=genesis, **fields)), self.keys[who]
            )
            for who, kind, fields in said
        ]
        outcomes = self.ledger.append(envelopes)
        for outcome in outcomes:
            if not isinstance(outcome, AcceptedTransaction):
                raise outcome
            self.accepted.append(outcome)
        self.envelopes += envelopes
        return [
            event
            for one in outcomes
            if isinstance(one, AcceptedTransaction)
            for event in one.events
        ]


def begin(folder: Path) -> SmallRun:
    """Return a run whose study is registered and whose first round is open."""
    folder.mkdir()
    keys = {name: key_of(name) for name in ("ada", "bo", "cy")}
    ledger = create_ledger(folder / "ledger.log", small_genesis())
    run = SmallRun(folder, ledger, BlobFolder(folder / "blobs"), keys)
    tensors = (TensorSpec("layer0.bias", (1,)), TensorSpec("layer0.weight", (3, 1)))
    start = np.zeros(4, np.float32)
    server = STUDY.aggregation.server
    model = run.blobs.put(encode_model(initial_state(tensors, start, AVERAGE, server)))
    document = run.blobs.put(document_bytes(STUDY))
    code = to_text(digest("code"))
    terms = {
        "study": "small", "attendance": "quorum", "code": code, "document": to_text(document),
        "exponent": 12, "max_attempts": 3, "min_sites": 2, "model": to_text(model),
        "modules": ("plain@1",), "parameters": PARAMETERS, "per_round": 2, "rounds": 2,
        "rule": "fedavg@1", "seed": 0, "server": "none@1", "sites": SITES, "weights": "rows",
    }  # fmt: skip
    run.say(("ada", StudyRegister, terms))
    for site in SITES:
        fields = {
            "study": "small", "code": code, "document": to_text(document),
            "snapshot": to_text(digest(f"snapshot of {site}")), "weight": WEIGHTS[site],
        }  # fmt: skip
        run.say((site, StudyAccept, fields))
    return run


def vectors_of(number: int) -> dict[str, np.ndarray[Any, np.dtype[np.int16]]]:
    """Return the sites' made-up updates of a round; one coordinate is saturated."""
    return {
        "ada": np.array([number, -5, 32767, 7], np.int16),
        "bo": np.array([-3, 11, -100, 13 * number], np.int16),
    }


def play_round(run: SmallRun, number: int, opened: RoundOpened) -> list[Event]:
    """Play one round to its end; return the events that closed it."""
    place = {"study": "small", "round": number, "attempt": 1}
    updates, commits, reveals = [], [], []
    for site, values in vectors_of(number).items():
        data = encode_update(values, opened.exponent)
        name, salt = run.blobs.put(data), digest(f"salt of {site} in {number}")
        bound = commitment(run.ledger.identity, "small", number, 1, site, name, salt)
        peak = int(np.abs(values.astype(int)).max())
        updates.append(Contribution(name, values))
        commits.append((site, UpdateCommit, {**place, "commitment": to_text(bound)}))
        told = {"digest": to_text(name), "salt": to_text(salt), "peak": peak}
        reveals.append((site, UpdateReveal, {**place, **told, "saturated": 0}))
    run.say(*commits)
    run.say(*reveals)
    run.say(*((who, UpdateAvailable, {**place, "bitmap": to_text(b"\xc0")}) for who in run.keys))
    start = run.blobs.get(from_text(opened.model, 32)) or b""
    model = next_model(
        decode_model(start), updates, tuple(WEIGHTS.values()), SITES, opened.exponent,
        rule_named("fedavg@1"), 0, server_named("none@1"), STUDY.aggregation.server,
    )  # fmt: skip
    result = ModelResult(model=to_text(run.blobs.put(encode_model(model))))
    vote = {**place, "result": result}
    run.notes.append(run.ledger.checkpoint(key_of("*log")))
    events = run.say(("ada", RoundVote, vote), ("cy", RoundVote, vote))
    return events + run.say(("bo", RoundVote, vote))


def rotate(run: SmallRun) -> None:
    """Propose and accept a new key for cy; it takes effect at once."""
    new = key_of("cy, later")
    text = to_text(new.public)
    message = rotation_message(to_text(run.ledger.identity), PROPOSAL, "cy", text)
    action = Rotate(key=text, member="cy", proof=to_text(new.sign(message)))
    run.say(("bo", MemberPropose, {"proposal": PROPOSAL, "action": action}))
    for who in ("ada", "cy"):
        run.say((who, MemberVote, {"proposal": PROPOSAL, "approve": True}))
    run.keys["cy"] = new


def finish(run: SmallRun, final: RoundClosed) -> None:
    """Post statements, release the model, close the study, and seal the ledger."""
    for rows, site in enumerate(SITES, start=1):
        statement = Statement(
            kind="federated", model=final.model, rows=rows, task="binary", values=(), withheld="all"
        )
        name = to_text(run.blobs.put(encode_statement(statement)))
        run.say((site, EvaluationPost, {"study": "small", "model": final.model, "federated": name}))
    model = decode_model(run.blobs.get(from_text(final.model, 32)) or b"")
    files = {"model.safetensors": released_bytes(model), "schema.json": b"{}"}
    (run.folder / "model").mkdir()
    for name, data in files.items():
        (run.folder / "model" / name).write_bytes(data)
    bundle = {"study": "small", "model": final.model, "bundle": to_text(bundle_digest(files))}
    run.say(("ada", ModelRelease, bundle))
    run.say(("bo", StudyClose, {"study": "small"}))
    run.notes.append(run.ledger.seal(key_of("*log")))
    genesis = encode_genesis(run.ledger.genesis)
    text = policy_text(genesis, key_of("*log").public, run.notes)
    (run.folder / "policy.json").write_text(text)


def small_run(folder: Path) -> SmallRun:
    """Make the whole run in a folder that is not there yet; its ledger stays open."""
    run = begin(folder)
    (opened,) = (e for one in run.accepted for e in one.events if isinstance(e, RoundOpened))
    rotate(run)
    events = play_round(run, 1, opened)
    (opened,) = (event for event in events if isinstance(event, RoundOpened))
    events = play_round(run, 2, opened)
    (final,) = (event for event in events if isinstance(event, RoundClosed))
    finish(run, final)
    return run
