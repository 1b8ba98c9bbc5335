"""Keys and deals on the ledger: who dealt, to whom it is sound, who is barred, what stays fixed.

Bonawitz et al. 2017; docs/spec page 13, docs/decisions/0020 to 0023. The contract fixes who speaks
and for whom, so that everybody opens the same sum; what is in a deal it never sees.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import msgspec

from collegium.canonical import from_text, malformed
from collegium.ledger.contract import members, rounds
from collegium.ledger.contract.bitmaps import attested, read_bitmap
from collegium.ledger.contract.context import RoundAt
from collegium.ledger.contract.declared import (
    carrier,
    hides,
    may_be_open,
    opens_one_key,
    part_of,
    phase_of,
)
from collegium.ledger.contract.event import Event
from collegium.ledger.contract.preconditions import enter
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.results import Failure, ModelResult, Result
from collegium.ledger.contract.rules import Closing, Ending, Rules, each, without_record
from collegium.ledger.contract.tables import (
    StudyRecord,
    StudyStatus,
    attempt_key,
)
from collegium.ledger.contract.transactions import StudyRegister, UpdateCommit, UpdateReveal
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.keys import KEY_SIZE, sound_exchange_key
from collegium.ledger.state import State
from collegium.mechanisms.dealing.starts import begins, bound, note
from collegium.mechanisms.dealing.terms import (
    MECHANISM,
    DealerBarred,
    DealingTerms,
    Indicators,
    SecaggDeal,
    SecaggKeys,
    SoundDeals,
)
from collegium.study.graph_size import MOST_SHARES

SHARE_SIZE = 32

ALL = b"0"
"""In the table `opened`: the member's sum was of everybody, and of no group."""


def threshold_of(record: StudyRecord) -> int:
    """Return how many shares open a secret; 0 where there are none."""
    terms = part_of(record.terms, DealingTerms)
    return 0 if terms is None else terms.threshold


def check_holders(threshold: int, fewest: int, most: int) -> None:
    """Refuse a threshold at which two disjoint groups could open two secrets of one member.

    Args:
        threshold: shares that open a secret.
        fewest: the least number of members who hold shares of one secret.
        most: the largest.

    Raises:
        Rejected: more than a half of the holders is not needed, or there are too many of them.
    """
    if most > MOST_SHARES:
        raise Rejected("refused", f"at most {MOST_SHARES} members share a secret")
    if not most < 2 * threshold <= 2 * fewest:
        raise Rejected("refused", "holders / 2 < threshold <= holders does not hold")


def _register(tx: StudyRegister) -> None:
    """Refuse deals where nothing is hidden, and a threshold that does not protect secrets."""
    if not hides(tx.modules):
        raise Rejected("malformed", f"{carrier(tx.modules)} shares no secrets")
    terms = part_of(tx.terms, DealingTerms)
    if terms is not None:
        sizes = [holders(tx) for holders in each(tx.modules, lambda rules: rules.holders)]
        check_holders(terms.threshold, *(sizes[0] if sizes else (tx.per_round, tx.per_round)))


def advertise(state: State, sender: str, tx: SecaggKeys) -> list[Event]:
    """Record a participant's keys for one attempt.

    Raises:
        Rejected: a key has small order, or was advertised before in this round.
    """
    at = enter(state, tx, sender, "sa.keys")
    keys = [from_text(text, KEY_SIZE, "a key") for text in (tx.mask_key, tx.share_key)]
    if not all(map(sound_exchange_key, keys)):
        raise Rejected("malformed", "a key has small order")
    path = at.table("sa_keys")
    earlier = [state.get(path, attempt_key(number, sender)) for number in range(1, tx.attempt)]
    used = {pair[start : start + KEY_SIZE] for pair in earlier if pair for start in (0, KEY_SIZE)}
    if keys[0] == keys[1] or not used.isdisjoint(keys):
        raise Rejected("refused", "every key is for one use in one attempt")
    for check in each(at.record.modules, lambda rules: rules.advertises):
        check(at, sender, b"".join(keys))
    at.put("sa_keys", sender, b"".join(keys))
    return rounds.spoke(at)


def deal(state: State, sender: str, tx: SecaggDeal) -> list[Event]:
    """Record the blob in which a participant deals its shares.

    Raises:
        Rejected: it has advertised no keys.
    """
    at = enter(state, tx, sender, "sa.deal")
    if not at.has("sa_keys", sender):
        raise Rejected("refused", f"{sender} has advertised no keys in this attempt")
    at.put("sa_deals", sender, from_text(tx.digest, DIGEST_SIZE, "a deal's digest"))
    return rounds.spoke(at)


def _commits(at: RoundAt, tx: UpdateCommit, sender: str) -> None:
    """Record which deals are sound for a participant that commits to a hidden update.

    Raises:
        Rejected: it has dealt nothing, or the bitmap is missing or malformed.
    """
    dealers = at.names("sa_deals")
    holders = arranged(at)
    if sender not in dealers or (holders is not None and sender not in holders):
        raise Rejected("refused", f"{sender} has dealt nothing in this attempt")
    said = part_of(tx.parts, SoundDeals)
    if said is None:
        raise Rejected("malformed", "it does not say which deals are sound")
    if holders is not None:
        dealers = tuple(name for name in dealers if sender in holders.get(name, ()))
    at.put("sound", sender, read_bitmap(said.deals, at.members("participants"), dealers))


def _reveals(at: RoundAt, tx: UpdateReveal, sender: str) -> None:
    if tx.peak or tx.saturated or tx.sealed is not msgspec.UNSET:
        raise Rejected("malformed", "a masked update shows no indicators, and is not sealed")


def arranged(at: RoundAt) -> Mapping[str, tuple[str, ...]] | None:
    """Return who holds shares of each dealer's secrets; None where everybody does."""
    for arranges in each(at.record.modules, lambda rules: rules.arranges):
        if (found := arranges(at)) is not None:
            return found
    return None


def sound_dealers(at: RoundAt) -> dict[str, tuple[str, ...]]:
    """Return, by who has committed in an attempt, whose deals it called sound, in order."""
    participants = at.members("participants")
    return {name: attested(bitmap, participants) for name, bitmap in at.items("sound")}


def sound_for(at: RoundAt, member: str) -> tuple[str, ...]:
    """Return whose deals a member called sound in an attempt, in order."""
    bitmap = at.get("sound", member)
    return () if bitmap is None else attested(bitmap, at.members("participants"))


def shares_by_dealer(shares: bytes, dealers: tuple[str, ...]) -> dict[str, bytes]:
    """Return the shares in a `share.post`, by the dealers whose deals its sender called sound.

    Raises:
        FormatError: these are more or fewer shares.
    """
    if len(shares) != SHARE_SIZE * len(dealers):
        raise malformed("a list of shares", f"it does not hold {len(dealers)}")
    starts = range(0, len(shares), SHARE_SIZE)
    return {name: shares[at : at + SHARE_SIZE] for name, at in zip(dealers, starts, strict=True)}


def counted(at: RoundAt, voices: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[int, int]]:
    """Return of each dealer how many of its holders who speak call it sound, and how many speak."""
    holders, dealers = arranged(at), at.names("sa_deals")
    if holders is None:
        counts = Counter(dealer for voice in voices.values() for dealer in voice)
        return {name: (counts[name], len(voices)) for name in dealers}
    sound = {(holder, dealer) for holder, voice in voices.items() for dealer in voice}
    found = {}
    for name in dealers:
        if name in holders:
            there = [holder for holder in holders[name] if holder in voices]
            found[name] = sum((holder, name) in sound for holder in there), len(there)
    return found


def _phase_ends(at: RoundAt, ending: Ending) -> Ending:
    """Judge the deals once everybody has committed.

    To open one takes the threshold of holders for whom it is sound, among those who have
    committed. A dealer is barred whose deal more than half of them refuse; where fewer do, one
    side lies, and the deal is unsound. Nobody is barred so once a sum may be known: who keeps a
    deal's blob from its holders would choose whom the next sum lacks.
    """
    if at.current.phase == "vote" and members.contract_version(at.state) >= 2:
        return replace(ending, events=(*ending.events, *_undecided(at)))
    if at.current.phase != "commit":
        return ending
    sound = counted(at, sound_dealers(at))
    unsound = [name for name, (count, _) in sound.items() if count < threshold_of(at.record)]
    barred = [name for name in unsound if 2 * sound[name][0] < sound[name][1]]
    if members.contract_version(at.state) >= 2 and at.state.count(at.table("opened")):
        barred = []
    events = [bar(at, name, "refused") for name in barred]
    return replace(
        ending, events=(*ending.events, *events), unsound=tuple(unsound),
        failed="bad-deal" if barred else None,
    )  # fmt: skip


def bar(at: RoundAt, member: str, proof: Literal["opened", "refused"]) -> Event:
    """Let a member take part in a study no more."""
    at.state.put(at.course.table("barred"), member, b"%d" % at.number)
    at.state.put(at.table("participants"), member, None)
    return DealerBarred(**at.here, member=member, proof=proof)


def _attempt_fails(at: RoundAt) -> None:
    """Let only those go on with a round whose sum may be known, and need all of them.

    Sums of the same updates over two different sets would show their difference. A sum may be known
    once members were asked to open it: what opens it was sent to whoever orders, who may keep it.
    """
    if members.contract_version(at.state) >= 2:
        if not may_be_open(at.record.modules, at.current.phase):
            return
    else:
        phase = phase_of(at.record.modules, at.current.phase)
        if phase is None or not (phase.opens or phase.name == "vote") or not at.names("shares"):
            return
    included = at.names("included")
    for name in at.members("participants"):
        if name in included:
            at.state.put(at.table("opened"), name, ALL)
        else:
            at.state.put(at.table("participants"), name, None)
    note(at, at.course.status.model, dict.fromkeys(included, 0))


def _round_closes(at: RoundAt, result: ModelResult, before: StudyStatus) -> Closing:
    """Note of whom the round's sum is."""
    note(at, before.model, dict.fromkeys(at.names("included"), 0))
    return Closing()


def _needs_everybody(at: RoundAt) -> bool:
    """Return whether a sum of everybody in the open round may be known."""
    opened = at.state.items(at.table("opened"))
    if members.contract_version(at.state) < 2:
        return bool(opened)
    return any(group == ALL for _, group in opened)


def _votes(record: StudyRecord, result: ModelResult) -> None:
    if part_of(result.parts, Indicators) is None:
        raise Rejected("malformed", "a model made of hidden updates comes with their indicators")


def _counts(at: RoundAt, result: Result, power: int) -> None:
    """Note whom a vote blames.

    Raises:
        Rejected: nobody can know of that deal that it is false.
    """
    if isinstance(result, Failure) and isinstance(result.blames, str):
        if not at.has("sa_deals", result.blames):
            raise Rejected("malformed", f"{result.blames} has dealt nothing in this attempt")
        if opens_one_key(at.record.design) and members.contract_version(at.state) >= 2:
            raise Rejected("malformed", "no secret is ever opened that could show a deal")
        known = int(at.get("blames", result.blames) or b"0")
        at.put("blames", result.blames, b"%d" % (known + power))


def _is_proven(at: RoundAt, power: int) -> bool:
    """Return whether so much power blames a dealer that an honest validator does.

    Contract 2 asks for more than a third, as a quorum leaves out less than a third: those who
    keep a round from closing, exactly a third of the power, cannot bar a dealer by that.
    """
    total = at.current.total_power
    return 3 * power >= total if members.contract_version(at.state) < 2 else 3 * power > total


def _undecided(at: RoundAt) -> list[Event]:
    """Bar the dealers whom so much power blames that one of those at least is honest."""
    blamed = [name for name, power in at.items("blames") if _is_proven(at, int(power))]
    return [bar(at, name, "opened") for name in blamed]


def _waits(at: RoundAt, outstanding: int) -> bool:
    """Return whether validators who have not voted decide if a dealer is barred."""
    if members.contract_version(at.state) < 2:
        return False
    blamed = [int(power) for _, power in at.items("blames")]
    return any(not _is_proven(at, one) and _is_proven(at, one + outstanding) for one in blamed)


def _measured(at: RoundAt, result: ModelResult, included: tuple[str, ...]) -> tuple[int, int]:
    told = part_of(result.parts, Indicators)
    return (0, 0) if told is None else (told.saturated, told.small)


RULES = Rules(
    MECHANISM,
    handlers={SecaggKeys: without_record(advertise), SecaggDeal: without_record(deal)},
    registers=_register,
    fewest=threshold_of,
    fewest_openers=threshold_of,
    needs_everybody=_needs_everybody,
    commits=_commits,
    reveals=_reveals,
    phase_ends=_phase_ends,
    attempt_fails=_attempt_fails,
    votes=_votes,
    counts=_counts,
    undecided=_undecided,
    waits=_waits,
    bound=bound,
    round_opens=begins,
    round_closes=_round_closes,
    measured=_measured,
)
