"""Encrypted updates on the ledger: survivors open the key of their sum; docs/spec page 16."""

from __future__ import annotations

from dataclasses import replace

from collegium.canonical import from_text
from collegium.ledger.contract import rounds
from collegium.ledger.contract.context import RoundAt
from collegium.ledger.contract.event import Event
from collegium.ledger.contract.preconditions import enter
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.rules import Ending, Rules, without_record
from collegium.ledger.contract.transactions import StudyRegister
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.state import State
from collegium.mechanisms.dealing.rules import counted, sound_dealers, sound_for, threshold_of
from collegium.mechanisms.threshold_he.terms import LARGEST_ENCRYPTED, MECHANISM, SumOpen


def _register(tx: StudyRegister) -> None:
    if tx.per_round > LARGEST_ENCRYPTED:
        raise Rejected("refused", f"at most {LARGEST_ENCRYPTED} sites of a round encrypt")


def open_sum(state: State, sender: str, tx: SumOpen) -> list[Event]:
    """Record the blob of a survivor's share of the key of the survivors' sum.

    Raises:
        Rejected: its update is not in the sum, or it called a survivor's deal unsound.
    """
    at = enter(state, tx, sender, "open")
    included = at.names("included")
    if sender not in included:
        raise Rejected("not-a-participant", f"{sender}'s update is not in the sum")
    if not set(included).issubset(sound_for(at, sender)):
        raise Rejected("refused", f"{sender} was not dealt a part of every survivor's key")
    at.put("shares", sender, from_text(tx.digest, DIGEST_SIZE, "a share's digest"))
    return rounds.spoke(at)


def _phase_ends(at: RoundAt, ending: Ending) -> Ending:
    """Ask for a threshold of holders for whom every deal is sound: they open one key together."""
    if at.current.phase != "commit":
        return ending
    voices = sound_dealers(at)
    sound = counted(at, voices)
    if sum(len(voice) == len(sound) for voice in voices.values()) >= threshold_of(at.record):
        return ending
    unsound = tuple(name for name, (count, holders) in sound.items() if count < holders)
    return replace(ending, unsound=unsound)


RULES = Rules(
    MECHANISM, handlers={SumOpen: without_record(open_sum)}, registers=_register,
    phase_ends=_phase_ends,
)  # fmt: skip
