"""What the ledger fixed about an attempt with masked updates, as the protocol asks for it."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from collegium.federation.exchange import Blobs
from collegium.federation.view import StudyView
from collegium.ledger.contract.bitmaps import attested
from collegium.ledger.contract.phases import opens_one_key
from collegium.ledger.contract.ring import ring_in
from collegium.ledger.contract.tables import RoundRecord
from collegium.ledger.keys import KEY_SIZE
from collegium.mechanisms.dealing.rules import shares_by_dealer, threshold_of
from collegium.mechanisms.groups.rules import of_one_group
from collegium.mechanisms.secagg_plus.rules import degree_of
from collegium.secrecy.outcome import agreement_within
from collegium.secrecy.secure_sum import OF_THE_SUM
from collegium.secrecy.setting import Agreement, Circle, Place, PublicKeys


def groups_in(view: StudyView, number: int, attempt: int) -> dict[str, int]:
    """Return who is in which group of an attempt that goes on; empty where there are no groups."""
    return {name: int(value) for name, value in view.entries("groups", number, attempt).items()}


def circle_of(view: StudyView, genesis: bytes, number: int, attempt: int) -> Circle:
    """Return who may hold shares in an attempt, in all groups together where there are some.

    Raises:
        LookupError: the study is not registered.
    """
    terms = view.terms(number)
    place = Place(genesis, view.study, number, attempt)
    keys = view.entries("sa_keys", number, attempt)
    return _circle(
        place, threshold_of(terms), degree_of(terms),
        ring_in(number, view.weights(number).values()), tuple(keys.items()),
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


def agreement_for(
    view: StudyView, genesis: bytes, number: int, record: RoundRecord, model: bytes, member: str
) -> Agreement:
    """Return a member's own agreement: its group's, where there are groups."""
    agreement = agreement_of(view, genesis, number, record, model)
    groups = groups_in(view, number, record.attempt)
    return agreement_within(agreement, groups, groups[member]) if groups else agreement


def circle_for(view: StudyView, genesis: bytes, number: int, attempt: int, member: str) -> Circle:
    """Return who holds shares of a member's secrets: its group, where there are groups."""
    circle = circle_of(view, genesis, number, attempt)
    groups = groups_in(view, number, attempt)
    if not groups:
        return circle
    inside = of_one_group(groups, member, tuple(circle.keys))
    return replace(circle, keys={name: circle.keys[name] for name in inside})


def posted_shares(
    view: StudyView, blobs: Blobs, number: int, attempt: int
) -> dict[str, dict[str, bytes]]:
    """Return the posted shares by holder and dealer; those whose blob cannot be had are left out.

    Raises:
        LookupError: the study is not registered.
    """
    if opens_one_key(view.terms(number).design):
        posted = view.entries("shares", number, attempt)
        found = {holder: blobs.fetch(digest) for holder, digest in posted.items()}
        return {holder: {OF_THE_SUM: data} for holder, data in found.items() if data is not None}
    names = tuple(view.weights(number))
    sound = view.entries("sound", number, attempt)
    return {
        holder: shares_by_dealer(shares, attested(sound[holder], names))
        for holder, shares in view.entries("shares", number, attempt).items()
    }
