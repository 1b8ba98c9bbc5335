"""What the ledger fixed about an attempt with masked updates, as the protocol asks for it."""

from __future__ import annotations

from collegium.federation.view import StudyView
from collegium.ledger.contract.circle import shares_by_dealer
from collegium.ledger.contract.ring import ring_of
from collegium.ledger.contract.tables import RoundRecord, attested, threshold_of
from collegium.ledger.keys import KEY_SIZE
from collegium.secrecy.setting import Agreement, Circle, Place, PublicKeys


def circle_of(view: StudyView, genesis: bytes, number: int, attempt: int) -> Circle:
    """Return who may hold shares in an attempt."""
    keys = view.entries("sa_keys", number, attempt)
    return Circle(
        Place(genesis, view.study, number, attempt),
        threshold_of(view.registration) if view.registration else 0,
        {name: PublicKeys(pair[:KEY_SIZE], pair[KEY_SIZE:]) for name, pair in keys.items()},
    )


def agreement_of(
    view: StudyView, genesis: bytes, number: int, record: RoundRecord, model: bytes
) -> Agreement:
    """Return what masks depend on, once the deals of an attempt are fixed.

    Args:
        view: the ledger's word.
        genesis: the ledger's digest.
        number: the round.
        record: the round's; its attempt is meant.
        model: digest of the model that the round starts from.
    """
    return Agreement(
        circle_of(view, genesis, number, record.attempt), model, record.exponent,
        ring_of(view.weights(number).values()), view.entries("sa_deals", number, record.attempt),
    )  # fmt: skip


def posted_shares(view: StudyView, number: int, attempt: int) -> dict[str, dict[str, bytes]]:
    """Return the shares on the ledger, by holder and dealer."""
    names = tuple(view.weights(number))
    sound = view.entries("sound", number, attempt)
    return {
        holder: shares_by_dealer(shares, attested(sound[holder], names))
        for holder, shares in view.entries("shares", number, attempt).items()
    }
