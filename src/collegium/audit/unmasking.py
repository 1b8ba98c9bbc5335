"""Masked updates: the sum that the shares open, and who dealt or posted what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from collegium.audit.evidence import Absence, Evidence
from collegium.audit.findings import Finding
from collegium.audit.studies import Attempt, Story
from collegium.canonical import from_text
from collegium.errors import CollegiumError
from collegium.ledger.contract.circle import shares_by_dealer
from collegium.ledger.contract.phases import is_masked
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.keys import KEY_SIZE
from collegium.secrecy.masked import Total
from collegium.secrecy.opening import secure_sum_named, unmasked
from collegium.secrecy.secure_sum import Flaw, Posted
from collegium.secrecy.setting import Agreement, Circle, Place, PublicKeys


def agreement_of(story: Story, attempt: Attempt, genesis: bytes) -> Agreement:
    """Return what the masks of an attempt depend on."""
    opened, threshold = attempt.opened, story.registration.threshold
    degree = story.registration.degree
    circle = Circle(
        Place(genesis, opened.study, opened.round, opened.attempt),
        threshold if isinstance(threshold, int) else 0,
        {
            name: PublicKeys(
                from_text(attempt.keys[name].mask_key, KEY_SIZE),
                from_text(attempt.keys[name].share_key, KEY_SIZE),
            )
            for name in sorted(attempt.keys)
        },
        opened.ring,
        degree if isinstance(degree, int) else None,
    )
    deals = {
        name: from_text(attempt.deals[name].digest, DIGEST_SIZE) for name in sorted(attempt.deals)
    }
    model = from_text(opened.model, DIGEST_SIZE)
    return Agreement(circle, model, opened.exponent, opened.ring, deals)


def total_of_masked(
    story: Story, attempt: Attempt, evidence: Evidence
) -> Total | Flaw | list[Absence]:
    """Return what an attempt's masked updates add up to, or which blobs are not to be had.

    Raises:
        CollegiumError: a blob is malformed, or the sum is of no honest updates.
    """
    found = {name: evidence.update(attempt, name) for name in attempt.included}
    deals = _deals(attempt, evidence)
    masked = {name: data for name, data in found.items() if isinstance(data, bytes)}
    absent: list[Absence] = [data for data in found.values() if not isinstance(data, bytes)]
    absent += ["missing"] * (len(attempt.deals) - len(deals))
    if absent:
        return absent
    weights = dict(zip(attempt.opened.participants, attempt.opened.weights, strict=True))
    return unmasked(
        secure_sum_named(attempt.opened.design), agreement_of(story, attempt, evidence.genesis),
        story.parameters, {name: weights[name] for name in attempt.included}, masked,
        deals, _posted(attempt),
    )  # fmt: skip


def check_masked(name: str, story: Story, evidence: Evidence) -> Iterator[Finding]:
    """Yield who dealt shares that are none, posted another share, or used a key twice."""
    used: dict[str, set[str]] = {}
    for attempt in story.attempts.values():
        where = f"{name}, round {attempt.opened.round}, attempt {attempt.opened.attempt}"
        if not is_masked(attempt.opened.design):
            return
        for member, keys in attempt.keys.items():
            fresh = {keys.mask_key, keys.share_key}
            if not fresh.isdisjoint(used.setdefault(member, set())):
                what = f"{member} advertised a key that it had used in another attempt"
                yield Finding("mask.reused", "fault", what, where)
            used[member] |= fresh
        yield from _barred(attempt, where)
        if attempt.shares:
            yield from _shares(story, attempt, evidence, where)


def _barred(attempt: Attempt, where: str) -> Iterator[Finding]:
    for event in attempt.barred:
        why = {
            "refused": "dealt shares that most of their holders could not use, and was barred",
            "opened": "dealt shares of no secret behind its deal, and was barred",
        }[event.proof]
        yield Finding("deal.barred", "fault", f"{event.member} {why}", where)


def _shares(story: Story, attempt: Attempt, evidence: Evidence, where: str) -> Iterator[Finding]:
    """Yield what the opened secrets and commitments tell about dealers and holders."""
    deals, posted = _deals(attempt, evidence), _posted(attempt)
    found = {name: evidence.update(attempt, name) for name in attempt.included}
    hidden = {name: data if isinstance(data, bytes) else b"" for name, data in found.items()}
    if len(deals) < len(attempt.deals):
        return
    agreement = agreement_of(story, attempt, evidence.genesis)
    survivors = frozenset(attempt.included)
    try:
        protocol = secure_sum_named(attempt.opened.design)
        forged = protocol.forged(agreement, story.parameters, hidden, deals, posted)
        cheated = protocol.cheated(agreement, deals, posted, survivors)
    except CollegiumError:
        return
    for holder, dealer in forged:
        what = f"{holder} posted another share of {dealer}'s secret than it was dealt"
        yield Finding("share.forged", "fault", what, where)
    everybody = {
        dealer
        for dealer in deals
        if {(dealer, one) for one in agreement.circle.holders(dealer)} <= {*cheated}
    }
    for dealer in sorted(everybody):
        what = f"{dealer} dealt shares that are of no secret behind its deal"
        yield Finding("deal.unsound", "fault", what, where)
    for dealer, holder in cheated:
        if dealer in everybody:
            continue
        what = f"{dealer} dealt {holder} a share that is none of its secret"
        yield Finding("deal.unsound", "fault", what, where)
    for holder, sound in attempt.sound.items():
        for dealer in deals:
            if holder not in agreement.circle.holders(dealer):
                continue
            if dealer not in sound and (dealer, holder) not in cheated:
                what = f"{holder} could not use {dealer}'s shares, and what was opened is right"
                yield Finding("deal.contested", "fault", what, where)


def _deals(attempt: Attempt, evidence: Evidence) -> Mapping[str, bytes]:
    found = {name: evidence.fetch(attempt.deals[name].digest) for name in sorted(attempt.deals)}
    return {name: data for name, data in found.items() if data is not None}


def _posted(attempt: Attempt) -> Posted:
    """Return the shares that were posted, by holder and dealer."""
    found = {}
    for holder, post in attempt.shares.items():
        dealers = attempt.sound[holder]
        found[holder] = shares_by_dealer(from_text(post.shares, 32 * len(dealers)), dealers)
    return found
