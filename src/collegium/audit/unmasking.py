"""Masked updates: the sum that the shares open, and who dealt or posted what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from collegium.audit.evidence import Absence, Evidence
from collegium.audit.findings import Finding
from collegium.audit.statistics import agreed_before
from collegium.audit.studies import Attempt, Story
from collegium.audit.subjects import AboutAttempt, RefusedSum, Subject, Value
from collegium.canonical import from_text
from collegium.data.tabular.counting import largest_counts
from collegium.errors import CollegiumError
from collegium.learning.aggregation.groups import norm_bound
from collegium.learning.evaluation.counts import LENGTH
from collegium.ledger.contract.circle import shares_by_dealer
from collegium.ledger.contract.phases import is_masked, opens_one_key
from collegium.ledger.contract.summing import is_sum, step_of
from collegium.ledger.contract.transactions import SumOpen
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.keys import KEY_SIZE
from collegium.secrecy.opening import secure_sum_named
from collegium.secrecy.outcome import HiddenAttempt, agreement_within
from collegium.secrecy.pedersen import LIMBS
from collegium.secrecy.secure_sum import OF_THE_SUM, Flaw, Posted
from collegium.secrecy.setting import Agreement, Circle, Place, PublicKeys
from collegium.secrecy.sums import Sealed, Unfit
from collegium.study.document import Study


def agreement_of(story: Story, attempt: Attempt, genesis: bytes) -> Agreement:
    """Return what the masks of an attempt depend on."""
    opened = attempt.opened
    terms = story.registration.sums if is_sum(opened.round) else story.registration
    threshold, degree = (getattr(terms, name, None) for name in ("threshold", "degree"))
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


def hidden_of(
    story: Story, study: Study, attempt: Attempt, evidence: Evidence
) -> HiddenAttempt | list[Absence]:
    """Return an attempt's hidden updates with all about them, or which blobs are not to be had."""
    found = {name: evidence.update(attempt, name) for name in attempt.survivors}
    deals = _deals(attempt, evidence)
    hidden = {name: data for name, data in found.items() if isinstance(data, bytes)}
    absent: list[Absence] = [data for data in found.values() if not isinstance(data, bytes)]
    absent += ["missing"] * (len(attempt.deals) - len(deals))
    if absent:
        return absent
    opened, secure = attempt.opened, study.privacy.secure_aggregation
    secure = None if is_sum(opened.round) else secure
    weights = dict(zip(opened.participants, opened.weights, strict=True))
    longest = None if secure is None else secure.norm_bound
    sealed = Sealed(
        agreement_of(story, attempt, evidence.genesis),
        {name: weights[name] for name in attempt.survivors},
        hidden,
        deals,
        _posted(attempt, evidence),
        {name: attempt.points[name] for name in attempt.survivors if name in attempt.points},
        None if longest is None else norm_bound(longest, opened.exponent),
    )
    return HiddenAttempt(sealed, attempt.going_on)


def refused_sum(group: int, why: Flaw | Unfit) -> RefusedSum:
    """Return why the sum of a group, or of everybody (0), is none of honest updates."""
    return RefusedSum(group, why.why, why.dealer if isinstance(why, Flaw) else "")


def check_masked(name: str, story: Story, evidence: Evidence) -> Iterator[Finding]:
    """Yield who dealt shares that are none, posted another share, or used a key twice."""
    used: dict[str, set[str]] = {}
    for attempt in story.every_attempt:
        where = AboutAttempt(name, attempt.opened.round, attempt.opened.attempt)
        if not is_masked(attempt.opened.design):
            return
        for member, keys in attempt.keys.items():
            fresh = {keys.mask_key, keys.share_key}
            if not fresh.isdisjoint(used.setdefault(member, set())):
                yield Finding("mask.reused", "fault", where, {"member": member})
            used[member] |= fresh
        yield from _barred(attempt, where)
        yield from _groups(attempt, where)
        if attempt.shares:
            yield from _shares(story, attempt, evidence, where)
            if missing_shares(attempt, evidence):
                lacking = sorted(attempt.shares.keys() - _posted(attempt, evidence).keys())
                yield Finding("share.missing", "note", where, {"members": tuple(lacking)})


def _barred(attempt: Attempt, where: Subject) -> Iterator[Finding]:
    for event in attempt.barred:
        told: dict[str, Value] = {"case": event.proof, "member": event.member}
        yield Finding("deal.barred", "fault", where, told)


def _groups(attempt: Attempt, where: Subject) -> Iterator[Finding]:
    for number, phase in sorted(attempt.lost.items()):
        names = tuple(name for name, one in attempt.groups.items() if one == number)
        told: dict[str, Value] = {"group": number, "members": names, "phase": phase}
        yield Finding("group.lost", "note", where, told)
    for number in attempt.refused:
        names = tuple(name for name in attempt.survivors if attempt.groups[name] == number)
        yield Finding("group.refused", "fault", where, {"group": number, "members": names})


def _shares(
    story: Story, attempt: Attempt, evidence: Evidence, where: Subject
) -> Iterator[Finding]:
    """Yield what the opened secrets and commitments tell about dealers and holders."""
    deals, posted = _deals(attempt, evidence), _posted(attempt, evidence)
    if len(deals) < len(attempt.deals):
        return
    whole, going_on = agreement_of(story, attempt, evidence.genesis), attempt.going_on
    circles = [agreement_within(whole, going_on, one) for one in sorted({*going_on.values()})]
    found = {name: evidence.update(attempt, name) for name in attempt.survivors}
    blobs = {name: data if isinstance(data, bytes) else b"" for name, data in found.items()}
    size = _size(story, attempt, evidence)
    for agreement in circles if attempt.groups else [whole]:
        inside = {name: deals[name] for name in agreement.deals}
        hidden = {name: data for name, data in blobs.items() if name in agreement.circle.keys}
        yield from _of_circle(attempt, agreement, size, hidden, inside, posted, where)


def _size(story: Story, attempt: Attempt, evidence: Evidence) -> int:
    """Return how many coordinates a hidden vector of an attempt has beside its indicators."""
    number = attempt.opened.round
    if step_of(number) is not None:
        before = agreed_before(story, number, evidence.fetch)
        return 0 if before is None else largest_counts(before).size
    if is_sum(number):
        return LENGTH
    return story.sent + (LIMBS if attempt.points else 0)


def _of_circle(
    attempt: Attempt, agreement: Agreement, size: int, hidden: Mapping[str, bytes],
    deals: Mapping[str, bytes], posted: Posted, where: Subject,
) -> Iterator[Finding]:  # fmt: skip
    survivors = frozenset(hidden)
    try:
        protocol = secure_sum_named(attempt.opened.design)
        forged = protocol.forged(agreement, size, hidden, deals, posted)
        cheated = protocol.cheated(agreement, deals, posted, survivors)
    except CollegiumError:
        return
    for holder, dealer in forged:
        yield Finding("share.forged", "fault", where, {"member": holder, "dealer": dealer})
    everybody = {
        dealer
        for dealer in deals
        if {(dealer, one) for one in agreement.circle.holders(dealer)} <= {*cheated}
    }
    for dealer in sorted(everybody):
        yield Finding("deal.unsound", "fault", where, {"case": "all", "member": dealer})
    for dealer, holder in cheated:
        if dealer in everybody:
            continue
        one: dict[str, Value] = {"case": "one", "member": dealer, "holder": holder}
        yield Finding("deal.unsound", "fault", where, one)
    known = "never-opened" if opens_one_key(attempt.opened.design) else "opened"
    for holder, sound in attempt.sound.items():
        for dealer in deals:
            if holder not in agreement.circle.keys:
                continue
            if holder not in agreement.circle.holders(dealer):
                continue
            if dealer not in sound and (dealer, holder) not in cheated:
                told: dict[str, Value] = {"case": known, "member": holder, "dealer": dealer}
                yield Finding("deal.contested", "fault", where, told)


def _deals(attempt: Attempt, evidence: Evidence) -> Mapping[str, bytes]:
    found = {name: evidence.fetch(attempt.deals[name].digest) for name in sorted(attempt.deals)}
    return {name: data for name, data in found.items() if data is not None}


def missing_shares(attempt: Attempt, evidence: Evidence) -> list[Absence]:
    """Return an absence for each posted share whose blob is not to be had."""
    return ["missing"] * (len(attempt.shares) - len(_posted(attempt, evidence)))


def _posted(attempt: Attempt, evidence: Evidence) -> Posted:
    """Return the shares that were posted, by holder and dealer; without those that are missing."""
    found = {}
    for holder, post in attempt.shares.items():
        if isinstance(post, SumOpen):
            share = evidence.fetch(post.digest)
            if share is not None:
                found[holder] = {OF_THE_SUM: share}
            continue
        dealers = attempt.sound[holder]
        found[holder] = shares_by_dealer(from_text(post.shares, 32 * len(dealers)), dealers)
    return found
