"""What the ledger fixed about an attempt with masked updates, as the protocol asks for it."""

from __future__ import annotations

from functools import lru_cache

from collegium.federation.view import StudyView
from collegium.ledger.contract.bitmaps import attested
from collegium.ledger.contract.circle import shares_by_dealer
from collegium.ledger.contract.ring import ring_of
from collegium.ledger.contract.tables import RoundRecord, degree_of, threshold_of
from collegium.ledger.keys import KEY_SIZE
from collegium.secrecy.setting import Agreement, Circle, Place, PublicKeys


def circle_of(view: StudyView, genesis: bytes, number: int, attempt: int) -> Circle:
    """Return who may hold shares in an attempt.

    Raises:
        LookupError: the study is not registered.
    """
    if view.registration is None:
        raise LookupError(view.study)
    place = Place(genesis, view.study, number, attempt)
    keys = view.entries("sa_keys", number, attempt)
    registration = view.registration
    return _circle(
        place, threshold_of(registration), degree_of(registration),
        ring_of(view.weights(number).values()), tuple(keys.items()),
    )  # fmt: skip


@lru_cache(maxsize=8)  # all members of a simulation ask for the same
def _circle(
    place: Place, threshold: int, degree: int | None, ring: int,
    keys: tuple[tuple[str, bytes], ...],
) -> Circle:  # fmt: skip
    found = {name: PublicKeys(pair[:KEY_SIZE], pair[KEY_SIZE:]) for name, pair in keys}
    return Circle(place, threshold, found, ring, degree)


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
    circle = circle_of(view, genesis, number, record.attempt)
    deals = view.entries("sa_deals", number, record.attempt)
    return Agreement(circle, model, record.exponent, circle.ring, deals)


def posted_shares(view: StudyView, number: int, attempt: int) -> dict[str, dict[str, bytes]]:
    """Return the shares on the ledger, by holder and dealer."""
    names = tuple(view.weights(number))
    sound = view.entries("sound", number, attempt)
    return {
        holder: shares_by_dealer(shares, attested(sound[holder], names))
        for holder, shares in view.entries("shares", number, attempt).items()
    }
