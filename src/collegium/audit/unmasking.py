"""Masked updates: the sum that the shares open, and who dealt or posted what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from collegium.audit.findings import Finding
from collegium.audit.studies import AttemptRecord, Story
from collegium.errors import CollegiumError, FormatError
from collegium.ledger.contract.declared import is_masked, opens_one_key
from collegium.ledger.contract.series import called
from collegium.mechanisms.groups.rules import count_of
from collegium.resolving.attempt import Attempt, blob_of
from collegium.resolving.blobs import StoredBlobs
from collegium.resolving.hidden import posted_shares, size_of
from collegium.secrecy.opening import secure_sum_named
from collegium.secrecy.outcome import agreement_within
from collegium.secrecy.secure_sum import OF_THE_SUM, Flaw, Posted, secret_of
from collegium.secrecy.setting import Agreement
from collegium.secrecy.sums import Unfit


def whose_sum(number: int) -> str:
    """Return a sum's name: of a group, or of everybody (0)."""
    return f"the sum of group {number}" if number else "the sum"


def why_refused(why: Flaw | Unfit) -> str:
    """Return in words why a sum is none of honest updates."""
    if isinstance(why, Unfit):
        return {
            "range": "is beyond what updates add up to",
            "norm": "is longer than what its sites may send together",
            "commitments": "is not the sum of what its sites committed to",
        }[why.why]
    shares = {"deal": "are of no secret behind its deal", "shares": "are too few to open it"}
    return f"cannot be opened: the shares of {secret_of(why.dealer)} {shares[why.why]}"


def check_masked(name: str, story: Story, evidence: StoredBlobs) -> Iterator[Finding]:
    """Yield who dealt shares that are none, posted another share, or used a key twice."""
    used: dict[str, set[bytes]] = {}
    for record in story.every_attempt:
        where = f"{name}, {called(record.opened.round)}, attempt {record.opened.attempt}"
        if not is_masked(record.opened.design):
            return
        for member, keys in record.keys.items():
            fresh = {keys.mask, keys.share}
            if not fresh.isdisjoint(used.setdefault(member, set())):
                what = f"{member} advertised a key that it had used in another attempt"
                yield Finding("mask.reused", "fault", what, where)
            used[member] |= fresh
        yield from _barred(record, where)
        yield from _groups(record, where)
        if record.shares:
            attempt = story.frozen(record)
            posted = posted_shares(attempt, evidence)
            yield from _shares(attempt, posted, evidence, where)
            if lacking := sorted(record.shares.keys() - posted.keys()):
                what = f"the share of {secret_of(OF_THE_SUM)} is not here of {', '.join(lacking)}"
                yield Finding("share.missing", "note", what, where)


def _barred(attempt: AttemptRecord, where: str) -> Iterator[Finding]:
    for event in attempt.barred:
        why = {
            "refused": "dealt shares that most of their holders could not use, and was barred",
            "opened": "dealt shares of no secret behind its deal, and was barred",
        }[event.proof]
        yield Finding("deal.barred", "fault", f"{event.member} {why}", where)


def _groups(attempt: AttemptRecord, where: str) -> Iterator[Finding]:
    for number, phase in sorted(attempt.lost.items()):
        names = ", ".join(name for name, one in attempt.groups.items() if one == number)
        what = f"too few stayed with group {number} ({names}) in {phase}: the others went on"
        yield Finding("group.lost", "note", what, where)
    for number in attempt.refused:
        names = ", ".join(name for name in attempt.survivors if attempt.groups[name] == number)
        what = (
            f"the model is made without group {number}: its sum is none of honest updates, so one"
            f" at least of {names} is bad"
        )
        yield Finding("group.refused", "fault", what, where)


def _shares(
    attempt: Attempt, posted: Posted, evidence: StoredBlobs, where: str
) -> Iterator[Finding]:
    """Yield what the opened secrets and commitments tell about dealers and holders."""
    deals = evidence.named(attempt.deals)
    if len(deals) < len(attempt.deals):
        return
    whole, groups = attempt.agreement, attempt.groups
    circles = [agreement_within(whole, groups, one) for one in sorted({*groups.values()})]
    vectors = evidence.named({name: blob_of(attempt.reveals[name]) for name in attempt.included})
    blobs = {name: vectors.get(name, b"") for name in attempt.included}
    try:
        size = size_of(attempt, evidence) or 0
    except FormatError:
        size = 0
    for agreement in circles if count_of(attempt.terms) else [whole]:
        inside = {name: deals[name] for name in agreement.deals}
        hidden = {name: data for name, data in blobs.items() if name in agreement.circle.keys}
        yield from _of_circle(attempt, agreement, size, hidden, inside, posted, where)


def _of_circle(
    attempt: Attempt, agreement: Agreement, size: int, hidden: Mapping[str, bytes],
    deals: Mapping[str, bytes], posted: Posted, where: str,
) -> Iterator[Finding]:  # fmt: skip
    survivors = frozenset(hidden)
    try:
        protocol = secure_sum_named(attempt.terms.design)
        forged = protocol.forged(agreement, size, hidden, deals, posted)
        cheated = protocol.cheated(agreement, deals, posted, survivors)
    except CollegiumError:
        return
    for holder, dealer in forged:
        what = f"{holder} posted another share of {secret_of(dealer)} than it was dealt"
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
    known = (
        "no single key is ever opened to tell who is right"
        if opens_one_key(attempt.terms.design)
        else "what was opened is right"
    )
    for holder, sound in attempt.sound.items():
        for dealer in deals:
            if holder not in agreement.circle.keys:
                continue
            if holder not in agreement.circle.holders(dealer):
                continue
            if dealer not in sound and (dealer, holder) not in cheated:
                what = f"{holder} could not use {dealer}'s shares, and {known}"
                yield Finding("deal.contested", "fault", what, where)
