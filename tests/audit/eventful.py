"""Small studies of the heart data whose ledgers hold what a ledger can hold.

`build_eventful` leaves a run folder with every kind of transaction but `study.abandon`, which is
in `build_abandoned`'s: members come, change their key and go, a validator signs two votes,
another falls silent, an attempt fails, a vote says `fail`, a site posts no statement, a site
retires its update of round 1, and a validator votes to retire everybody's of round 3.
`build_sealed` leaves one whose updates are sealed to the validators, `build_masked` one whose
updates are masked, `build_scored` one whose are scored, `build_set_up` one of tables.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from tests.data.tabular.cohorts import write_study

from collegium.assembly.folder import write_policy
from collegium.assembly.preparation import prepare
from collegium.canonical import to_text
from collegium.federation.identity import Identity, identity
from collegium.federation.loop import drive
from collegium.federation.participant import Participant
from collegium.federation.secrets import simulated_secret
from collegium.federation.view import StudyView
from collegium.ledger.contract.governance import rotation_message
from collegium.ledger.contract.results import Failure
from collegium.ledger.contract.transactions import (
    Admit,
    BlobRetire,
    EvaluationPost,
    Expel,
    MemberPropose,
    MemberReturn,
    MemberVote,
    Rotate,
    RoundVote,
    UpdateCommit,
)
from collegium.ledger.genesis import Member
from collegium.ledger.keys import SigningKey, signing_key
from collegium.ledger.ordering import Ordered
from collegium.ledger.retirement import retired_here
from collegium.mechanisms.statistics.terms import StatisticsVote
from collegium.plugins import BUILT_IN, find
from collegium.simulation.consortium import Consortium, build
from collegium.simulation.execution import run
from collegium.study.reading import read_study
from collegium.threats.attack import AdversaryContext, TamperingParticipant, Twist, said

SEED = 43
SHORT = ("training.rounds=3", "evaluation.bootstrap=0")
VALIDATORS = ("cleveland", "hungarian", "switzerland", "va")


def nobody_is_told(*_: object) -> None:
    """Take note of nothing."""


def key_of(label: str) -> SigningKey:
    """Return the key pair that a label stands for."""
    return signing_key(sha256(label.encode()).digest())


GUEST_KEYS = (key_of("guest"), key_of("guest, later"))


def build_honest(folder: Path, *changes: str) -> Path:
    """Run three rounds of `heart` without incident."""
    run("heart", out=folder, changes=[*SHORT, *changes])
    return folder


def build_abandoned(folder: Path) -> Path:
    """Run a study that waits for everybody, in vain."""
    changes = ["study.attendance=all", "threat.attack=silent_site", "threat.rounds=[2]"]
    run("heart", out=folder, changes=[*SHORT, *changes])
    return folder


def build_eventful(folder: Path) -> Path:
    """Run three rounds of `heart` in which all happens that can happen."""
    prepared = prepare(read_study("heart", list(SHORT)))
    folder.mkdir()
    (folder / "study.toml").write_text(prepared.read.text)
    consortium = build(prepared, folder, nobody_is_told, _incident)
    try:
        _govern(consortium)
        drive(consortium.engine, "heart", consortium.participants, nobody_is_told)
        _retire(consortium)
    finally:
        consortium.close(complete=True)
    write_policy(folder, consortium.genesis, consortium.log_key)
    return folder


def build_set_up(folder: Path) -> Path:
    """Run one round of a study of tables in whose set-up a validator finds nothing to vote for."""
    study = write_study(folder.parent / "tables")

    def incident(participant: Participant, place: AdversaryContext) -> Participant:
        named = participant.name == "cleveland (validator)"
        return TamperingParticipant(participant, place, _finds_nothing) if named else participant

    changes = ["training.rounds=1"]
    run(study, out=folder, changes=changes, substitute=incident)
    return folder


def _finds_nothing(place: AdversaryContext, view: StudyView, due: list[bytes]) -> list[bytes]:
    """Vote that nothing follows from what sites said in the first step of set-up."""
    if (view.phase, view.set_up.step) != ("statistics.vote", 1):
        return due
    fail = place.identity.sign(
        StatisticsVote, study=view.study, attempt=view.attempt, fail="unavailable"
    )
    return [fail if isinstance(said(one), StatisticsVote) else one for one in due]


def _incident(participant: Participant, place: AdversaryContext) -> Participant:
    """Put whoever misbehaves in an honest participant's place."""
    incidents: dict[str, Twist] = {
        "hungarian (site)": _late_twice,
        "switzerland (site)": _says_less,
        "va (site)": _late_twice,
        "cleveland (validator)": _has_none,
    }
    attacks = {
        "va (validator)": ("equivocating_validator", 1),
        "switzerland (validator)": ("silent_validator", 2),
    }
    if participant.name in attacks:
        attack, number = attacks[participant.name]
        acting = replace(place, rounds=frozenset({number}))
        taken: Participant = find("attacks", attack).take_over(participant, acting)
        return taken
    twist = incidents.get(participant.name)
    return participant if twist is None else TamperingParticipant(participant, place, twist)


def _late_twice(place: AdversaryContext, view: StudyView, due: list[bytes]) -> list[bytes]:
    """Say nothing in the first attempt at round 3; post no statement about the local model."""
    if (view.number, view.attempt) == (3, 1):
        return [one for one in due if not isinstance(said(one), UpdateCommit)]
    return due


def _says_less(place: AdversaryContext, view: StudyView, due: list[bytes]) -> list[bytes]:
    return [one for one in due if not isinstance(said(one), EvaluationPost)]


def _has_none(place: AdversaryContext, view: StudyView, due: list[bytes]) -> list[bytes]:
    """Vote that there is no model, in round 3."""
    return [
        _failing(place.identity, vote)
        if isinstance(vote := said(one), RoundVote) and view.number == 3 and vote.round == 3
        else one
        for one in due
    ]


def _failing(identity: Identity, vote: RoundVote) -> bytes:
    return identity.sign(
        RoundVote, study=vote.study, round=vote.round, attempt=vote.attempt,
        result=Failure(reason="unavailable"),
    )  # fmt: skip


def _govern(consortium: Consortium) -> None:
    """Admit a guest, rotate its key, let it propose another member in vain, and expel it."""
    genesis = consortium.engine.application.identity
    people = {name: identity(name, genesis, simulated_secret(SEED, name)) for name in VALIDATORS}
    first, later = (Identity("guest", genesis, key, b"") for key in GUEST_KEYS)
    guest = Member(
        id="guest", key=to_text(first.key.public), name="A Guest", power=0, roles=("owner",)
    )
    visitor = Member(
        id="visitor", key=to_text(key_of("visitor").public), name="Visitor", power=2,
        roles=("site", "validator"),
    )  # fmt: skip
    rotation = proposal("rotate")
    message = rotation_message(to_text(genesis), rotation, "guest", to_text(later.key.public))
    rotate = Rotate(
        key=to_text(later.key.public), member="guest", proof=to_text(later.key.sign(message))
    )
    for who, label, action, ballots in (
        (people["va"], "admit", Admit(member=guest), (False, True, True, True)),
        (first, "rotate", rotate, (True, True, True)),
        (later, "another", Admit(member=visitor), (False, True, False)),
        (people["hungarian"], "expel", Expel(member="guest"), (True, True, True)),
    ):
        propose = who.sign(MemberPropose, action=action, proposal=proposal(label))
        votes = [
            people[name].sign(MemberVote, approve=approve, proposal=proposal(label))
            for name, approve in zip(VALIDATORS, ballots, strict=False)
        ]
        outcomes = consortium.engine.submit([propose, *votes])
        assert all(isinstance(outcome, Ordered) for outcome in outcomes), outcomes


def _retire(consortium: Consortium) -> None:
    """Let a site retire its update of round 1, and delete it; a vote for more is one alone.

    Before that, a validator says that it does not know what it has cosigned.
    """
    genesis = consortium.engine.application.identity
    said = [("va", 1, "own"), ("cleveland", 3, "all")]
    returning = identity("va", genesis, simulated_secret(SEED, "va"))
    nonce = to_text(sha256(b"returns").digest())
    consortium.engine.submit([returning.sign(MemberReturn, nonce=nonce)])
    consortium.engine.submit([
        identity(name, genesis, simulated_secret(SEED, name)).sign(
            BlobRetire, study="heart", round=number, updates=whose
        )
        for name, number, whose in said
    ])  # fmt: skip
    blobs = consortium.exchange.folder
    blobs.delete(retired_here((blobs.path.parent / "ledger.log").read_bytes(), blobs))


def build_sealed(folder: Path) -> Path:
    """Run a round of `heart` under an engine that is not `solo` in name, so that sites seal."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(BUILT_IN["engines"], "elsewhere", BUILT_IN["engines"]["solo"])
        return build_honest(folder, "training.rounds=1", "consensus.engine=elsewhere")


def build_masked(folder: Path) -> Path:
    """Run a round of `heart` with masked updates, of which one is missing in the end."""
    masks = 'privacy.secure_aggregation={ protocol = "secagg" }'
    return build_honest(folder, "training.rounds=1", masks, "threat.attack=withheld_reveal")


def build_scored(folder: Path) -> Path:
    """Run two rounds of `heart` whose updates are scored, and a site loses weight by that."""
    scores = "aggregation.scores={ threshold = 0.05, demote = 0.4 }"
    rule = "aggregation.rule=reputation_weighted"
    return build_honest(folder, "training.rounds=2", rule, scores)


def build_encrypted(folder: Path) -> Path:
    """Run a round of `heart` with encrypted updates, of which one is missing in the end."""
    encrypts = 'privacy.secure_aggregation={ protocol = "threshold_he" }'
    return build_honest(folder, "training.rounds=1", encrypts, "threat.attack=withheld_reveal")


def proposal(label: str) -> str:
    """Return the id of a proposal that a label stands for."""
    return to_text(sha256(label.encode()).digest()[:16])
