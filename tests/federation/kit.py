"""A small consortium to try single participants in: four hospitals, two rounds, one step a pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from collegium.assembly.preparation import prepare
from collegium.canonical import to_text
from collegium.federation.identity import Identity, identity
from collegium.federation.in_process_blobs import MemberBlobs
from collegium.federation.owner import Owner
from collegium.federation.participant import Participant
from collegium.federation.secrets import simulated_secret
from collegium.federation.site import Site
from collegium.federation.validator import Validator
from collegium.federation.view import StudyView
from collegium.ledger.contract.evidence import decode_transaction
from collegium.ledger.contract.governance import rotation_message
from collegium.ledger.contract.transactions import (
    Action,
    MemberPropose,
    MemberVote,
    Rotate,
    Transaction,
    kind_of,
)
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.keys import SigningKey, signing_key
from collegium.ledger.ordering import Answer, Ordered
from collegium.simulation.consortium import Consortium, build
from collegium.study.reading import read_study

MEMBERS = ("cleveland", "hungarian", "switzerland", "va")
CHANGES = ("training.rounds=2", "evaluation.bootstrap=0")


@contextmanager
def consortium(folder: Path, *changes: str) -> Iterator[Consortium]:
    """A consortium at its beginning, in a folder of its own."""
    found = build(prepare(read_study("heart", [*CHANGES, *changes])), folder, warn=print)
    try:
        yield found
    finally:
        found.close(complete=False)


def said(envelope: bytes) -> Transaction:
    """The transaction in an envelope."""
    return decode_transaction(decode_envelope(envelope).payload)


def kinds(envelopes: Sequence[bytes]) -> list[str]:
    """The kinds of what was said."""
    return [kind_of(said(envelope)) for envelope in envelopes]


def step(
    within: Consortium, *, idle: bool = False, without: Sequence[Participant] = ()
) -> list[Answer]:
    """Ask everybody but some once, and commit what they say."""
    view = within.view()
    due = [
        envelope
        for participant in within.participants
        if participant not in without
        for envelope in participant.reconcile(view, idle=idle)
    ]
    within.settle()
    return within.engine.submit(due)


def until(within: Consortium, phase: str, number: int = 0) -> StudyView:
    """Go on until a phase of a round begins (or one outside of rounds), and look."""
    for _ in range(100):
        view = within.view()
        if view.phase == phase and (not number or view.number == number):
            return view
        step(within)
    raise AssertionError(f"{phase} of round {number} never began")


def owner(within: Consortium) -> Owner:
    """The owner of the study."""
    return next(one for one in within.participants if isinstance(one, Owner))


def site(within: Consortium, name: str = "va") -> Site:
    """A site by its name."""
    return next(
        one for one in within.participants if isinstance(one, Site) and one.name == f"{name} (site)"
    )


def validator(within: Consortium, name: str = "va") -> Validator:
    """A validator by its name."""
    return next(one for one in within.validators if one.name == f"{name} (validator)")


def identity_of(within: Consortium, name: str) -> Identity:
    """A member's identity, which in a simulation anybody can derive."""
    seed = within.prepared.study.study.seed
    return identity(name, within.engine.application.identity, simulated_secret(seed, name))


def blobs_of(within: Consortium, name: str) -> MemberBlobs:
    """A member's view of the blobs."""
    return within.exchange.view(name)


def resigned(within: Consortium, name: str, envelope: bytes, **changes: Any) -> bytes:
    """The same transaction with some fields changed, signed by a member."""
    transaction = said(envelope)
    fields = msgspec.structs.asdict(transaction) | changes
    del fields["format"], fields["genesis"]
    return identity_of(within, name).sign(type(transaction), **fields)


def decide(within: Consortium, label: str, action: Action) -> None:
    """Let the members decide on a change of the membership."""
    proposal = to_text(sha256(label.encode()).digest()[:16])
    who = [identity_of(within, name) for name in MEMBERS[:3]]
    outcomes = within.engine.submit(
        [who[0].sign(MemberPropose, proposal=proposal, action=action)]
        + [one.sign(MemberVote, proposal=proposal, approve=True) for one in who]
    )
    assert all(isinstance(outcome, Ordered) for outcome in outcomes), outcomes


def rotate(within: Consortium, name: str) -> SigningKey:
    """Give a member another key."""
    new, label = signing_key(sha256(f"{name}, later".encode()).digest()), f"rotate {name}"
    proposal, key = to_text(sha256(label.encode()).digest()[:16]), to_text(new.public)
    message = rotation_message(to_text(within.engine.application.identity), proposal, name, key)
    decide(within, label, Rotate(key=key, member=name, proof=to_text(new.sign(message))))
    return new
