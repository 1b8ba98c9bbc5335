"""What sums among members take: keys, deals on their way, and masks where updates are masked."""

from __future__ import annotations

from collegium.canonical import to_text
from collegium.devices.work import Work
from collegium.ledger.contract.declared import opens_one_key, phase_of
from collegium.ledger.contract.results import ModelResult
from collegium.ledger.contract.transactions import RoundVote, Transaction, UpdateCommit
from collegium.mechanisms.dealing.terms import SecaggDeal, SecaggKeys
from collegium.resolving.attempt import Attempt
from collegium.simulation.counted_work import Case, Counts


def _counts(case: Case, transaction: Transaction) -> Work | None:
    """Return a dealer's work for its keys and its deal, its mask and its shares."""
    here = case.view.here
    if isinstance(transaction, SecaggKeys):
        return Work(operations={"agreement": 2})
    if here is None:
        return None
    if isinstance(transaction, SecaggDeal):
        holders = here.agreement_of(case.member).share_holders.holders(case.member)
        return Work(operations={"agreement": len(holders)})
    if isinstance(transaction, UpdateCommit):
        return _looks(case, here) + _masks(case, here)
    phase = phase_of(here.terms.modules, case.view.phase)
    if phase is not None and phase.opens:
        return Work(operations={"agreement": len(here.sound.get(case.member, ()))})
    if isinstance(transaction, RoundVote) and isinstance(transaction.result, ModelResult):
        return _unmasks(case, here)
    return None


def _looks(case: Case, here: Attempt) -> Work:
    """Return the work of fetching what others have dealt, and opening one's own share of it."""
    holders = here.agreement_of(case.member).share_holders.holders(case.member)
    others = [name for name in holders if name != case.member and name in here.deals]
    down = sum(case.fetched(to_text(here.deals[name])) for name in others)
    return Work(down=down, operations={"agreement": len(others), "hashed_byte": down})


def _masks(case: Case, here: Attempt) -> Work:
    if opens_one_key(here.terms.design):
        return Work()
    partners = _partners(here, case.member)
    masked = (partners + 1) * case.parameters * here.ring // 8
    return Work(operations={"agreement": partners, "masked_byte": masked})


def _unmasks(case: Case, here: Attempt) -> Work | None:
    """Return a validator's work: every survivor's own mask, and those shared with who is gone."""
    if opens_one_key(here.terms.design):
        return None
    gone = [name for name in here.deals if name not in here.included]
    masks = len(here.included) + sum(_partners(here, name) for name in gone)
    return Work(operations={"masked_byte": masks * case.parameters * here.ring // 8})


def _partners(here: Attempt, member: str) -> int:
    agreement = here.agreement_of(member)
    return sum(one in agreement.deals for one in agreement.share_holders.partners(member))


COUNTS: Counts = _counts
