"""Masked updates: the sum that the shares open, and who dealt or posted what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from collegium.audit.findings import Finding
from collegium.audit.gathering import frozen
from collegium.audit.seam import Audited, Checked, Checking
from collegium.audit.studies import AttemptRecord, StudyHistory
from collegium.audit.subjects import AboutAttempt, RefusedSum, Subject, Value
from collegium.errors import CollegiumError, FormatError
from collegium.ledger.contract.declared import is_masked, opens_one_key
from collegium.ledger.contract.results import Failure
from collegium.mechanisms.dealing.opened_deals import shown
from collegium.mechanisms.dealing.terms import Indicators
from collegium.resolving.attempt import Attempt, blob_of
from collegium.resolving.blobs import StoredBlobs
from collegium.resolving.hidden import posted_shares, size_of
from collegium.secrecy.opening import secure_sum_named
from collegium.secrecy.outcome import agreement_within
from collegium.secrecy.secure_sum import Posted, SumFailure
from collegium.secrecy.sum_setup import FixedDeals
from collegium.secrecy.sums import InconsistentSum


def refused_sum(group: int, why: SumFailure | InconsistentSum) -> RefusedSum:
    """Return why the sum of a group, or of everybody (0), is none of honest updates."""
    return RefusedSum(group, why.why, why.dealer if isinstance(why, SumFailure) else "")


def _findings(audited: Audited) -> Iterator[Finding]:
    """Yield who dealt shares that are none, posted another share, or used a key twice."""
    name, study_history, evidence = audited.name, audited.history, audited.evidence
    used: dict[str, set[bytes]] = {}
    for record in study_history.every_attempt:
        where = AboutAttempt(name, record.opened.round, record.opened.attempt)
        if not is_masked(record.opened.design):
            return
        for member, keys in record.keys.items():
            fresh = {keys.mask, keys.share}
            if not fresh.isdisjoint(used.setdefault(member, set())):
                yield Finding("mask.reused", "fault", where, {"member": member})
            used[member] |= fresh
        yield from _barred(record, where, can_silence=study_history.can_silence)
        yield from _blamed(study_history, record, evidence, where)
        if record.shares:
            attempt = frozen(study_history, record)
            posted = posted_shares(attempt, evidence)
            kept = study_history.can_silence
            yield from _shares(attempt, posted, evidence, where, can_silence=kept)
            if lacking := sorted(record.shares.keys() - posted.keys()):
                yield Finding("share.missing", "note", where, {"members": tuple(lacking)})


def _barred(attempt: AttemptRecord, where: Subject, *, can_silence: bool) -> Iterator[Finding]:
    """Yield whom holders had barred; a deal can be kept from them where blobs go over one party."""
    for event in attempt.barred:
        if event.proof == "opened":
            continue
        told: dict[str, Value] = {
            "case": "refused-or-kept" if can_silence else "refused", "member": event.member,
        }  # fmt: skip
        yield Finding("deal.barred", "note" if can_silence else "fault", where, told)


def _blamed(
    study_history: StudyHistory, record: AttemptRecord, evidence: StoredBlobs, where: Subject
) -> Iterator[Finding]:
    """Yield who lies where validators blame a dealer, as its deal and the posted shares show."""
    blaming: dict[str, list[str]] = {}
    for name, vote in record.votes.items():
        if isinstance(vote, Failure) and isinstance(vote.blames, str):
            blaming.setdefault(vote.blames, []).append(name)
    barred = {event.member for event in record.barred if event.proof == "opened"}
    for dealer, members in sorted(blaming.items()):
        attempt = frozen(study_history, record)
        deal = evidence.named({dealer: attempt.deals[dealer]}).get(dealer)
        found = shown(secure_sum_named(attempt.terms.design), attempt, dealer, deal)
        of_dealer: dict[str, Value] = {"case": "opened", "member": dealer}
        lied: dict[str, Value] = {
            "case": "barred" if dealer in barred else "voted", "members": tuple(sorted(members)),
            "dealer": dealer,
        }  # fmt: skip
        if opens_one_key(attempt.terms.design):
            yield Finding("deal.falsely-blamed", "fault", where, {**lied, "case": "never-opened"})
        elif found == "holds":
            yield Finding("deal.falsely-blamed", "fault", where, lied)
        elif dealer in barred:
            if found == "cheated":
                yield Finding("deal.barred", "fault", where, of_dealer)
            else:
                yield Finding("deal.barred", "note", where, {**of_dealer, "case": "untold"})


def _shares(
    attempt: Attempt, posted: Posted, evidence: StoredBlobs, where: Subject, *, can_silence: bool
) -> Iterator[Finding]:
    """Yield what the opened secrets and commitments tell about dealers and holders."""
    deals = evidence.named(attempt.deals)
    if len(deals) < len(attempt.deals) or not attempt.included:
        return
    whole, groups = attempt.agreement, attempt.groups
    circles = [agreement_within(whole, groups, one) for one in sorted({*groups.values()})]
    vectors = evidence.named({name: blob_of(attempt.reveals[name]) for name in attempt.included})
    blobs = {name: vectors.get(name, b"") for name in attempt.included}
    try:
        size = size_of(attempt, evidence) or 0
    except FormatError:
        size = 0
    for agreement in circles or [whole]:
        inside = {name: deals[name] for name in agreement.deals}
        hidden = {
            name: data for name, data in blobs.items() if name in agreement.share_holders.keys
        }
        yield from _of_circle(
            attempt, agreement, size, hidden, inside, posted, where, can_silence=can_silence
        )


def _of_circle(
    attempt: Attempt, agreement: FixedDeals, size: int, hidden: Mapping[str, bytes],
    deals: Mapping[str, bytes], posted: Posted, where: Subject, *, can_silence: bool,
) -> Iterator[Finding]:  # fmt: skip
    survivors = frozenset(hidden)
    try:
        protocol = secure_sum_named(attempt.terms.design)
        forged = protocol.forged(agreement, size, hidden, deals, posted)
        cheated = protocol.cheated(agreement, deals, posted, survivors)
    except CollegiumError:
        return
    for holder, dealer in forged:
        yield Finding("share.forged", "fault", where, {"member": holder, "dealer": dealer})
    everybody = {
        dealer
        for dealer in deals
        if {(dealer, one) for one in agreement.share_holders.holders(dealer)} <= {*cheated}
    }
    for dealer in sorted(everybody):
        yield Finding("deal.unsound", "fault", where, {"case": "all", "member": dealer})
    for dealer, holder in cheated:
        if dealer in everybody:
            continue
        one: dict[str, Value] = {"case": "one", "member": dealer, "holder": holder}
        yield Finding("deal.unsound", "fault", where, one)
    known = "never-opened" if opens_one_key(attempt.terms.design) else "opened"
    known = "kept" if can_silence else known
    for holder, sound in attempt.sound.items():
        for dealer in deals:
            if holder not in agreement.share_holders.keys:
                continue
            if holder not in agreement.share_holders.holders(dealer):
                continue
            if dealer not in sound and (dealer, holder) not in cheated:
                told: dict[str, Value] = {"case": known, "member": holder, "dealer": dealer}
                yield Finding("deal.contested", "note" if can_silence else "fault", where, told)


CHECKING = Checking(
    differs={
        Indicators: lambda where: Finding("round.model", "error", where, {"case": "indicators"})
    },
    checks=lambda audited: Checked([*_findings(audited)]),
)
