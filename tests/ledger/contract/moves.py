"""What members do in a study, step by step.

The short functions know the usual fields, and which round, attempt and phase a study is in, so
that a test names only what it is about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from nacl.bindings import crypto_scalarmult_base
from tests.ledger.contract.kit import World, digest, raw_digest, say

from collegium.canonical import from_text, to_text
from collegium.ledger.contract.context import RoundAt, StudyAt
from collegium.ledger.contract.declared import hides, mechanisms, owners, together
from collegium.ledger.contract.events import Events
from collegium.ledger.contract.mechanism import Where
from collegium.ledger.contract.preconditions import OPEN, open_round_of, study_of
from collegium.ledger.contract.results import Failure, ModelResult, SumResult
from collegium.ledger.contract.tables import (
    GOVERNANCE,
    THE_ONE,
    Governance,
    RoundRecord,
    StudyStatus,
)
from collegium.ledger.contract.transactions import (
    EvaluationPost,
    MemberPropose,
    MemberVote,
    ModelRelease,
    PhaseTimeout,
    RoundVote,
    StudyAbandon,
    StudyAccept,
    StudyClose,
    StudyRegister,
    UpdateAvailable,
    UpdateCommit,
    UpdateReveal,
)
from collegium.ledger.contract.updates import commitment
from collegium.mechanisms.dealing.rules import arranged
from collegium.mechanisms.dealing.terms import Indicators, SecaggDeal, SecaggKeys, SoundDeals
from collegium.mechanisms.groups.rules import groups_of, keys_commitment
from collegium.mechanisms.groups.terms import SecaggBind
from collegium.mechanisms.scores import score_medians
from collegium.mechanisms.scores.score_medians import ScoreRecord
from collegium.mechanisms.scores.terms import UNIT, ScoreCommit, ScoreReveal, ScoreTerms
from collegium.mechanisms.secagg.terms import SharePost
from collegium.mechanisms.secagg_plus.rules import graph_of
from collegium.mechanisms.threshold_he.terms import SumOpen

TERMS: Mapping[str, Any] = {
    "attendance": "quorum", "code": digest("code"), "document": digest("document"),
    "exponent": 12, "max_attempts": 3, "min_sites": 2, "model": digest("model 0"),
    "modules": ("plain@1",), "parameters": 1000, "per_round": 4, "rounds": 2, "rule": "fedavg@1",
    "seed": 7, "server": "mean@1", "sites": ("ada", "bo", "cy", "di"),
    "study": "heart", "weights": "rows",
}  # fmt: skip


def using(*uses: str | msgspec.Struct) -> dict[str, Any]:
    """Return the fields with which a registration uses mechanisms.

    They are named, or found by what is said of them; updates are plain where nothing else is.
    """
    said = [one for one in uses if not isinstance(one, str)]
    modules = {f"{one}@1" for one in uses if isinstance(one, str)}
    modules.update(name for one in said for name in owners()[type(one)])
    if not any(mechanisms()[name].carries for name in modules):
        modules.add("plain@1")
    return {"modules": tuple(sorted(modules)), "terms": together("terms", said)}


LOSSES = ScoreTerms(by="loss", demote=3 * UNIT // 10, demotion="weight", threshold=0)

SCORED: Mapping[str, Any] = {**using(LOSSES), "rule": "zeno@1"}
"""What else is registered of a study in which updates are scored."""


def register(world: World, owner: str = "ada", **terms: Any) -> Events:
    """Register a study; what is not named is as in `TERMS`."""
    return say(world, owner, StudyRegister, **{**TERMS, **terms})


def acceptance(study: str = "heart", weight: int = 64, **fields: Any) -> dict[str, Any]:
    """Return the fields of an acceptance."""
    usual = {
        "code": digest("code"), "document": digest("document"), "snapshot": digest("snapshot"),
        "study": study, "weight": weight,
    }  # fmt: skip
    return {**usual, **fields}


def accept(world: World, who: str, study: str = "heart", weight: int = 64) -> Events:
    """Let a site accept a study."""
    return say(world, who, StudyAccept, **acceptance(study, weight))


def start(world: World, study: str = "heart", owner: str = "ada", **terms: Any) -> Events:
    """Register a study and let all its sites accept, which opens round 1."""
    register(world, owner, study=study, **terms)
    events: Events = ()
    for site in terms.get("sites", TERMS["sites"]):
        events = accept(world, site, study)
    return events


def course_of(world: World, study: str = "heart") -> StudyAt:
    """Return a study where it stands."""
    return study_of(world.state, study)


def round_of(world: World, study: str = "heart") -> RoundAt:
    """Return the open round of a study where it stands."""
    return open_round_of(course_of(world, study))


def status_of(world: World, study: str = "heart") -> StudyStatus:
    """Return where a study stands."""
    return course_of(world, study).status


def current(world: World, study: str = "heart") -> RoundRecord:
    """Return where the open round stands."""
    return round_of(world, study).current


def open_rounds(world: World) -> int:
    """Return how many rounds are open; where changes wait for them, the contract counts as many."""
    found = sum(status_of(world, study).phase in OPEN for study in world.state.branches("studies"))
    governance = world.state.record(GOVERNANCE, THE_ONE, Governance)
    assert (governance is None) == (world.genesis.contract >= 2)
    assert governance is None or governance.open_rounds == found
    return found


def participants(world: World, study: str = "heart") -> list[str]:
    """Return who takes part in the open round."""
    return list(round_of(world, study).members("participants"))


def voters(world: World, study: str = "heart") -> list[str]:
    """Return who validates the open round."""
    return list(round_of(world, study).members("validators"))


def here(world: World, study: str = "heart") -> dict[str, Any]:
    """Return study, round and attempt as they are now, as fields of a transaction."""
    round_ = status_of(world, study).round
    return {"study": study, "round": round_, "attempt": current(world, study).attempt}


def update_of(who: str, at: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """Return digest and salt of a member's update in an attempt."""
    label = f"{who} {at['study']} {at['round']} {at['attempt']}"
    return raw_digest(f"update {label}"), raw_digest(f"salt {label}")


def commit_fields(world: World, who: str, at: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a member's commitment in an attempt."""
    value = commitment(
        world.identity, at["study"], at["round"], at["attempt"], who, *update_of(who, at)
    )
    return {**at, "commitment": to_text(value)}


def reveal_fields(
    who: str, at: Mapping[str, Any], peak: int = 20000, saturated: int = 0
) -> dict[str, Any]:
    """Return the fields of a member's reveal in an attempt."""
    update, salt = update_of(who, at)
    opening = {"digest": to_text(update), "salt": to_text(salt)}
    return {**at, **opening, "peak": peak, "saturated": saturated}


def bitmap(everybody: Sequence[str], held: Iterable[str]) -> str:
    """Return a bitmap over a participant list, the first member in the highest bit."""
    raw = bytearray((len(everybody) + 7) // 8)
    for name in held:
        index = everybody.index(name)
        raw[index >> 3] |= 0x80 >> (index & 7)
    return to_text(bytes(raw))


def commit(world: World, who: str, study: str = "heart") -> Events:
    """Commit to an update in the open attempt."""
    return say(world, who, UpdateCommit, **commit_fields(world, who, here(world, study)))


def reveal(
    world: World, who: str, study: str = "heart", peak: int = 20000, saturated: int = 0
) -> Events:
    """Reveal what was committed in the open attempt."""
    fields = reveal_fields(who, here(world, study), peak, saturated)
    return say(world, who, UpdateReveal, **fields)


def is_masked_now(world: World, study: str = "heart") -> bool:
    """Return whether a study's updates are hidden."""
    return hides(course_of(world, study).record.modules)


def keys_fields(who: str, at: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a member's fresh keys in an attempt."""
    label = f"{who} {at['study']} {at['round']} {at['attempt']}"
    mask, share_key = (
        crypto_scalarmult_base(raw_digest(f"{use} {label}")) for use in ("mask", "share")
    )
    return {**at, "mask_key": to_text(mask), "share_key": to_text(share_key)}


def bind(world: World, who: str, study: str = "heart") -> Events:
    """Bind a member to the keys that it advertises next."""
    at = here(world, study)
    return say(world, who, SecaggBind, **bind_fields(world, who, at))


def bind_fields(world: World, who: str, at: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a member's commitment to its keys in an attempt."""
    keys = keys_fields(who, at)
    raw = b"".join(from_text(keys[name], 32) for name in ("mask_key", "share_key"))
    place = (world.identity, at["study"], at["round"], at["attempt"])
    return {**at, "commitment": to_text(keys_commitment(*place, who, raw))}


def group_of(world: World, study: str = "heart") -> dict[str, int]:
    """Return who is in which group of the open attempt that goes on."""
    at = here(world, study)
    return groups_of(world.state, study, at["round"], at["attempt"])


def fellows(world: World, who: str, study: str = "heart") -> list[str]:
    """Return who has dealt to a participant: everybody, its neighbours, or who is in its group."""
    at = round_of(world, study)
    holders = arranged(at)
    return [
        name
        for name in at.names("sa_deals")
        if holders is None or who in holders.get(name, ())
    ]  # fmt: skip


def advertise(world: World, who: str, study: str = "heart") -> Events:
    """Advertise fresh keys in the open attempt."""
    return say(world, who, SecaggKeys, **keys_fields(who, here(world, study)))


def deal(world: World, who: str, study: str = "heart") -> Events:
    """Deal shares in the open attempt."""
    at = here(world, study)
    return say(world, who, SecaggDeal, **at, digest=digest(f"deal of {who} {at}"))


def sound_deals(world: World, sound: Iterable[str], study: str = "heart") -> dict[str, Any]:
    """Return the part of a commitment that says whose deals are sound."""
    return parts("commit", SoundDeals(deals=bitmap(participants(world, study), sound)))


def parts(where: Where, *added: msgspec.Struct) -> dict[str, Any]:
    """Return what mechanisms add to a transaction or an event, as its field."""
    return {"parts": together(where, added)}


def commit_masked(world: World, who: str, sound: Iterable[str], study: str = "heart") -> Events:
    """Commit to a masked update, having found some deals sound."""
    fields = commit_fields(world, who, here(world, study))
    return say(world, who, UpdateCommit, **fields, **sound_deals(world, sound, study))


def dealers_to(world: World, who: str, study: str = "heart") -> list[str]:
    """Return who deals to a participant where all of them have: everybody, or its neighbours."""
    found = graph_of(round_of(world, study))
    return participants(world, study) if found is None else sorted(found[who])


def share(world: World, who: str, count: int = 4, study: str = "heart") -> Events:
    """Post so many shares in the open attempt."""
    return say(world, who, SharePost, **here(world, study), shares=to_text(bytes(32 * count)))


def open_sum(world: World, who: str, study: str = "heart") -> Events:
    """Post a share of the key of the sum in the open attempt."""
    return say(world, who, SumOpen, **here(world, study), digest=digest(f"share of {who}"))


def attest(world: World, who: str, held: Iterable[str], study: str = "heart") -> Events:
    """Say as a validator whose updates one holds."""
    bits = bitmap(participants(world, study), held)
    return say(world, who, UpdateAvailable, **here(world, study), bitmap=bits)


def included(world: World, study: str = "heart") -> tuple[str, ...]:
    """Return whose updates are included in the open attempt."""
    return round_of(world, study).names("included")


def score_fields(
    world: World, who: str, scores: Sequence[int], at: Mapping[str, Any], norm: int | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the fields of a validator's commitment to scores, and of its reveal."""
    salt = raw_digest(f"score salt {who} {at}")
    told: dict[str, Any] = {"scores": tuple(scores)}
    if norm is not None:
        told["norm"] = norm
    value = score_medians.commitment(
        world.identity, at["study"], at["round"], at["attempt"], who, ScoreRecord(**told), salt
    )
    return {**at, "commitment": to_text(value)}, {**at, **told, "salt": to_text(salt)}


def score_commit(
    world: World, who: str, scores: Sequence[int], study: str = "heart", norm: int | None = None
) -> Events:
    """Commit to scores in the open attempt."""
    fields, _ = score_fields(world, who, scores, here(world, study), norm)
    return say(world, who, ScoreCommit, **fields)


def score_reveal(
    world: World, who: str, scores: Sequence[int], study: str = "heart", norm: int | None = None
) -> Events:
    """Reveal scores in the open attempt."""
    _, fields = score_fields(world, who, scores, here(world, study), norm)
    return say(world, who, ScoreReveal, **fields)


def score_all(
    world: World, scores: Mapping[str, Sequence[int]], study: str = "heart"
) -> Events:  # fmt: skip
    """Let validators commit to scores and reveal them; return what the last reveal did."""
    for name, told in scores.items():
        score_commit(world, name, told, study)
    events: Events = ()
    for name, told in scores.items():
        events = score_reveal(world, name, told, study)
    return events


def for_model(model: str, *told: msgspec.Struct) -> dict[str, Any]:
    """Return the field of a vote for a model by its label, with what mechanisms tell of it."""
    return {"result": ModelResult(model=digest(model), **parts("result", *told))}


def for_total(label: str) -> dict[str, Any]:
    """Return the field of a vote for a sum by its label."""
    return {"result": SumResult(total=digest(label))}


def for_nothing(reason: Any, blames: str | msgspec.UnsetType = msgspec.UNSET) -> dict[str, Any]:
    """Return the field of a vote that nothing follows, and why."""
    return {"result": Failure(blames=blames, reason=reason)}


def vote(world: World, who: str, model: str, *told: msgspec.Struct, study: str = "heart") -> Events:
    """Vote for a model by its label."""
    return say(world, who, RoundVote, **here(world, study), **for_model(model, *told))


def fail(world: World, who: str, reason: str = "unavailable", study: str = "heart") -> Events:
    """Vote that there is no model, and why."""
    return say(world, who, RoundVote, **here(world, study), **for_nothing(reason))


def time_out(world: World, who: str, study: str = "heart") -> Events:
    """Let a validator's timer fire for whatever phase the study is in."""
    return say(world, who, PhaseTimeout, **present(world, study))


def present(world: World, study: str = "heart") -> dict[str, Any]:
    """Return study, round, attempt and phase of where a study stands."""
    status = status_of(world, study)
    if status.phase not in OPEN:
        return {"study": study, "round": 0, "attempt": 0, "phase": status.phase}
    return {**here(world, study), "phase": current(world, study).phase}


def quorum_times_out(world: World, study: str = "heart") -> Events:
    """Let timers fire in order of the validators' ids until the phase ends."""
    was = _place(world, study)
    for name in world.keys:
        events = time_out(world, name, study)
        if _place(world, study) != was:
            return events
    raise AssertionError("all timers fired and the phase goes on")


def _place(world: World, study: str) -> tuple[Any, ...]:
    status = status_of(world, study)
    if status.phase not in OPEN:
        return (status.phase,)
    now = current(world, study)
    return (status.phase, status.round, now.attempt, now.phase)


def walk_to(world: World, phase: str, study: str = "heart") -> Events:
    """Let everybody do what is due until the open attempt is in a phase."""
    events: Events = ()
    while current(world, study).phase != phase:
        match current(world, study).phase:
            case "sa.bind":
                for name in participants(world, study):
                    events = bind(world, name, study)
            case "sa.keys":
                for name in participants(world, study):
                    events = advertise(world, name, study)
            case "sa.deal":
                for name in participants(world, study):
                    events = deal(world, name, study)
            case "commit" if is_masked_now(world, study):
                for name in participants(world, study):
                    events = commit_masked(world, name, fellows(world, name, study), study)
            case "reveal" if is_masked_now(world, study):
                for name in participants(world, study):
                    events = reveal(world, name, study, peak=0)
            case "share":
                for name in participants(world, study):
                    events = share(world, name, len(fellows(world, name, study)), study)
            case "open":
                for name in participants(world, study):
                    events = open_sum(world, name, study)
            case "commit":
                for name in participants(world, study):
                    events = commit(world, name, study)
            case "reveal":
                for name in participants(world, study):
                    events = reveal(world, name, study)
            case "available":
                everybody = participants(world, study)
                for name in voters(world, study):
                    if current(world, study).phase == "available":  # silent ones are not awaited
                        events = attest(world, name, everybody, study)
            case "score.commit":
                for name in voters(world, study):
                    events = score_commit(world, name, [0] * len(included(world, study)), study)
            case "score.reveal":
                for name in voters(world, study):
                    events = score_reveal(world, name, [0] * len(included(world, study)), study)
            case other:
                raise AssertionError(f"{phase} does not come after {other}")
    return events


def come_to(world: World, phase: str, **terms: Any) -> World:
    """Return a consortium whose first round is in a phase of a study with some terms."""
    start(world, **terms)
    walk_to(world, phase)
    return world


def drive_round(world: World, study: str = "heart", model: str | None = None) -> Events:
    """Let everybody do what is due until the open round closes, and return what closed it."""
    number = status_of(world, study).round
    label = model or f"model {number}"
    told = [Indicators(saturated=0, small=0)] if is_masked_now(world, study) else []
    walk_to(world, "vote", study)
    for name in voters(world, study):
        events = vote(world, name, label, *told, study=study)
        if status_of(world, study).closed_rounds == number:
            return events
    raise AssertionError("everybody voted and the round is open")


def train(world: World, study: str = "heart", **terms: Any) -> None:
    """Carry a study out up to its evaluation."""
    start(world, study, **terms)
    while status_of(world, study).phase == "rounds":
        drive_round(world, study)


def model_now(world: World, study: str = "heart") -> str:
    """Return the digest of the model a study stands at."""
    return status_of(world, study).model


def evaluate(world: World, who: str, study: str = "heart") -> Events:
    """Post a site's statement about the final model."""
    return say(
        world, who, EvaluationPost, study=study, model=model_now(world, study),
        federated=digest(f"statement of {who}"),
    )  # fmt: skip


def release(world: World, who: str = "ada", study: str = "heart") -> Events:
    """Release the final model."""
    fields = {"study": study, "model": model_now(world, study), "bundle": digest("bundle")}
    return say(world, who, ModelRelease, **fields)


def close(world: World, who: str = "ada", study: str = "heart") -> Events:
    """Close a study."""
    return say(world, who, StudyClose, study=study)


def abandon(world: World, who: str, study: str = "heart") -> Events:
    """Vote to abandon a study."""
    return say(world, who, StudyAbandon, **present(world, study))


def proposal_id(label: str) -> str:
    """Return the id of a proposal that a label stands for."""
    return to_text(raw_digest(label)[:16])


def propose(world: World, who: str, action: msgspec.Struct, label: str = "change") -> Events:
    """Propose a change of the membership."""
    return say(world, who, MemberPropose, action=action, proposal=proposal_id(label))


def ballot(world: World, who: str, label: str = "change", *, approve: bool = True) -> Events:
    """Vote on a proposal."""
    return say(world, who, MemberVote, approve=approve, proposal=proposal_id(label))


def carry(world: World, action: msgspec.Struct, by: Sequence[str], label: str = "change") -> Events:
    """Propose a change and let members approve it in order; return what the last vote did."""
    propose(world, by[0], action, label)
    events: Events = ()
    for name in by:
        events = ballot(world, name, label)
    return events
