"""Too few digests end the attempt, and no vote counts with one that nobody said."""

from __future__ import annotations

from dataclasses import replace

from tests.mechanism_package.their_digests.terms import MECHANISM, Digested, DigestSay, DigestTerms

from collegium.canonical import from_text
from collegium.ledger.contract import rounds
from collegium.ledger.contract.context import RoundAt
from collegium.ledger.contract.declared import part_of
from collegium.ledger.contract.events import Event
from collegium.ledger.contract.preconditions import enter
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.results import ModelResult, Result
from collegium.ledger.contract.rules import Ending, Rules, without_record
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.state import State


def _say(state: State, sender: str, tx: DigestSay) -> list[Event]:
    at = enter(state, tx, sender, "digest")
    at.put("digests", sender, from_text(tx.digest, DIGEST_SIZE, "a digest"))
    return rounds.spoke(at)


def _phase_ends(at: RoundAt, ending: Ending) -> Ending:
    terms = at.terms(DigestTerms)
    if at.current.phase == "digest" and terms is not None and len(ending.there) < terms.fewest:
        return replace(ending, failed="undigested")
    return ending


def _counts(at: RoundAt, result: Result, power: int) -> None:
    if isinstance(result, ModelResult):
        told = part_of(result.parts, Digested)
        if told is None:
            raise Rejected("malformed", "a vote for a model tells the digest")
        digest = from_text(told.digest, DIGEST_SIZE, "a digest")
        if digest not in {said for _, said in at.items("digests")}:
            raise Rejected("refused", "nobody said this digest")


RULES = Rules(
    MECHANISM, handlers={DigestSay: without_record(_say)}, phase_ends=_phase_ends, counts=_counts
)
