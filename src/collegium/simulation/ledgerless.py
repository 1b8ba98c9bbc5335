"""A study's learning without its ledger: the same models bit for bit, for sweeps of many studies.

Sites train, attackers craft and the rule aggregates by the code that a run uses; draws and
exponents are the contract's. What is left out is what proves it: signatures, votes, blobs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from collegium.accounting.adaptive import grid_step
from collegium.accounting.terms import PrivacyTerms, affordable_rounds
from collegium.assembly.ownership import first_model
from collegium.assembly.preparation import Prepared
from collegium.canonical import from_text, to_text
from collegium.errors import RunError
from collegium.federation.identity import Identity, member_key
from collegium.federation.local_trainers import Float32, LocalTrainers
from collegium.federation.local_updates import Assignment, HonestUpdateAuthor, UpdateAuthor
from collegium.federation.outbox import OutboxKey
from collegium.federation.secrets import simulated_secret
from collegium.federation.speaking import reserve
from collegium.federation.stages import InRound
from collegium.learning.aggregation.adaptive_clip import within
from collegium.learning.aggregation.stopping import measured_loss
from collegium.learning.aggregation.updates import Contribution, contribution
from collegium.learning.algorithms.layout import model_part
from collegium.learning.blobs import ModelState, digest, encode_model, encode_update, shifted
from collegium.learning.encoding import Units, registered_weight
from collegium.learning.models import ModelSpec
from collegium.ledger.contract.declared import carrier, part_of
from collegium.ledger.contract.encoding import first_exponent, indicated, next_exponent
from collegium.ledger.contract.results import ModelResult
from collegium.ledger.contract.ring import ring_for, room_for
from collegium.ledger.contract.sampling import next_in_turn, sample_participants
from collegium.ledger.contract.shares import share_in_force, within_share
from collegium.ledger.contract.tables import StudyRecord
from collegium.ledger.genesis import CONTRACT_VERSION, encode_genesis, genesis_digest
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.registering import registered_terms
from collegium.mechanisms.privacy.clip import Clip, first_clip, next_clip
from collegium.mechanisms.privacy.site import SitePrivacy, site_privacy
from collegium.mechanisms.search.terms import Measured
from collegium.resolving.attempt import Attempt, with_fields
from collegium.resolving.plan import Plan
from collegium.resolving.resolve import resolve
from collegium.resolving.resolved import Resolved
from collegium.secrecy.masked import residues
from collegium.secrecy.masking import RingVector, ring_type
from collegium.secrecy.secure_sum import Posted
from collegium.secrecy.sum_setup import AttemptId, FixedDeals
from collegium.simulation.consortium import genesis_of, share_holders_of
from collegium.simulation.seam import Simulates, Simulation, every_simulated
from collegium.study.document import Study
from collegium.study.privacy import privacy_terms
from collegium.study.terms import largest_share
from collegium.threats.attack import lie_of
from collegium.threats.dropout import absent
from collegium.threats.poisoning import Poisoning
from collegium.threats.traps import trapping

Watch = Callable[[int, ModelState], None]
"""Is told each closed round's number and model."""


@dataclass(frozen=True, slots=True, eq=False)
class LedgerlessRun:
    """What a study's learning comes to: "completed", or "failed" with the last good model."""

    outcome: str
    model: ModelState
    spec: ModelSpec

    @property
    def parameters(self) -> Float32:
        """The final model's own part of its vector, float32 [d]."""
        return model_part(self.spec, self.model.parameters)

    @property
    def digest(self) -> bytes:
        """The final model's, as a ledger would name it."""
        return digest(encode_model(self.model))


def runs_without_ledger(prepared: Prepared) -> bool:
    """Return whether a study's learning is all there is to it: no search."""
    attack = prepared.attack
    if prepared.study.search is not None:
        return False
    return attack is None or isinstance(attack, Poisoning) or lie_of(attack) is not None


def run_without_ledger(
    prepared: Prepared,
    watch: Watch = lambda number, model: None,
    simulates: Sequence[Simulates] | None = None,
) -> LedgerlessRun:
    """Return what a study's learning comes to.

    Args:
        prepared: the study.
        watch: is told each closed round's number and model.
        simulates: what mechanisms do, in the place of what those of this installation do.

    Raises:
        RunError: ``rehearsal.refused``, its attack does more than send updates, or it searches:
            only a run can show that.
    """
    if not runs_without_ledger(prepared):
        raise RunError(
            "rehearsal.refused", f"{prepared.study.study.id} cannot be tried without a ledger",
            "its attack does more than send updates, or it searches among ways of training",
            "run it: `collegium run`",
        )  # fmt: skip
    study, parts = prepared.study, prepared.parts
    secrets = {name: simulated_secret(study.study.seed, name) for name in prepared.sites}
    keys = {name: member_key(secret) for name, secret in secrets.items()}
    genesis = genesis_digest(encode_genesis(genesis_of(prepared, keys)))
    members = {name: Identity(name, genesis, keys[name], one) for name, one in secrets.items()}
    private = _private(study, members)
    rows, reserved = reserve(
        study, parts.spec, parts.trainer, prepared.train, prepared.validators
    )  # fmt: skip
    authors = _authors(
        prepared, genesis, LocalTrainers(study, parts.spec, parts.trainer, rows, private)
    )
    made = every_simulated() if simulates is None else simulates
    asked = (one(Simulation(prepared, members, reserved)) for one in made)
    mechanisms = [one for one in asked if one is not None]
    sizes = {
        name: private[name].size(rows) if private else len(rows.y)
        for name, rows in prepared.train.items()
    }
    registered = {
        name: registered_weight(count) if study.aggregation.weights == "rows" else 1
        for name, count in sizes.items()
    }
    model, best, terms = first_model(parts), _Best(), privacy_terms(study)
    clip = first_clip(terms)
    share = share_in_force(largest_share(study) or msgspec.UNSET, CONTRACT_VERSION)
    exponent, name = study.aggregation.exponent, digest(encode_model(model))
    plan = Plan(study, _terms(prepared, model, name), _InClear())
    earlier: Float32 | None = None
    revealed: dict[str, Units] = {}
    for number in range(1, _rounds(prepared) + 1):
        weights: Mapping[str, int] = registered
        tables: dict[str, Mapping[str, Any]] = {}
        for one in mechanisms:
            tables |= one.records()
            weights = one.weighs(weights)
        names = sample_participants(
            to_text(genesis), study.study.id, study.study.seed, number, weights, prepared.per_round
        )
        if study.training.participation == "cyclic":
            names = next_in_turn(number, weights, prepared.per_round)
        bound = within_share({name: weights[name] for name in names}, share)
        room = room_for(plan.terms, bound.values(), CONTRACT_VERSION)
        if number == 1:
            exponent = first_exponent(exponent, room)
        work = Assignment(
            number, exponent, tuple(names), tuple(bound.values()),
            name, model.parameters, len(weights),
            lambda before=earlier: before,  # type: ignore[misc]
            lambda last=revealed: last,  # type: ignore[misc]
            lambda table, _, known=tables: known.get(table, {}),
            prepared.min_sites, grid_step(clip) if isinstance(clip, int) else clip,
            room,
        )  # fmt: skip
        sent = _updates(prepared, work, authors, members)
        if len(sent) < prepared.min_sites:
            return LedgerlessRun("failed", model, parts.spec)
        start, earlier = model, model.parameters
        revealed = {name: one.units for name, one in sent.items()}
        attempt = _attempt(work, genesis, plan, sent)
        for one in mechanisms:
            fixed = one.fixes(work, sent)
            if fixed is None:
                return LedgerlessRun("failed", model, parts.spec)
            attempt = with_fields(attempt, fixed)
        resolved = resolve(attempt, _Sent(model, sent), plan)
        if resolved.model is None or not isinstance(resolved.result, ModelResult):
            return _failed(resolved, model, parts.spec)
        model, name = resolved.model, from_text(resolved.result.model, DIGEST_SIZE)
        gone, groups = resolved.refused, attempt.groups
        behind = [sent[name] for name in attempt.included if groups.get(name) not in gone]
        exponent, clip = _next_encoding(study, terms, work, clip, behind)
        watch(number, model)
        best = best.after(start, model)
        measured = part_of(resolved.result.parts, Measured)
        if measured is not None and measured.ends == "early":
            break
    return LedgerlessRun("completed", best.model or model, parts.spec)


def _failed(resolved: Resolved, model: ModelState, spec: ModelSpec) -> LedgerlessRun:
    """Return the end of a study whose round came to nothing.

    Raises:
        CollegiumError: it came to nothing for another reason than its arithmetic.
    """
    if resolved.error is not None and not isinstance(resolved.error, RunError):
        raise resolved.error
    return LedgerlessRun("failed", model, spec)


def _terms(prepared: Prepared, model: ModelState, name: bytes) -> StudyRecord:
    """Return what the study would be registered with."""
    study, parts, sites = prepared.study, prepared.parts, prepared.sites
    fields: dict[str, Any] = {
        **registered_terms(study, len(sites)), "code": "", "document": "", "genesis": "",
        "initial": to_text(name), "owner": sites[0],
        "parameters": model.parameters.size, "rule": parts.rule.name, "server": parts.server.name,
        "sites": tuple(sites),
    }  # fmt: skip
    del fields["study"]
    fields["design"] = carrier(fields["modules"])
    return StudyRecord(**fields)


def _attempt(
    work: Assignment, genesis: bytes, plan: Plan, sent: Mapping[str, Contribution]
) -> Attempt:  # fmt: skip
    """Return a round's attempt as far as it matters for what it comes to."""
    weights = dict(zip(work.participants, work.weights, strict=True))
    ring = ring_for(plan.terms.design, work.weights, CONTRACT_VERSION)
    return Attempt(
        AttemptId(genesis, plan.document.study.id, work.round, 1), plan.terms, work.model,
        work.exponent, ring, work.room, weights, {}, included=tuple(sent),
    )  # fmt: skip


class _InClear:
    """Adds vectors that nothing hides; it satisfies `Adding`."""

    def total(
        self, agreement: FixedDeals, parameters: int, hidden: Mapping[str, bytes],
        deals: Mapping[str, bytes], posted: Posted,
    ) -> RingVector:  # fmt: skip
        """Return the sum of vectors."""
        kind = ring_type(agreement.ring)
        vectors = [np.frombuffer(data, kind) for data in hidden.values()]
        total: RingVector = np.sum(vectors, axis=0, dtype=kind)
        return total


@dataclass(frozen=True, slots=True)
class _Sent:
    """A round's model and updates; it satisfies `Blobs`."""

    start: ModelState
    sent: Mapping[str, Contribution]

    def model(self, name: bytes) -> ModelState:
        """Return the round's model."""
        return self.start

    def updates(self, attempt: Attempt) -> list[Contribution]:
        """Return the updates of those who have one."""
        return [self.sent[name] for name in attempt.included]

    def hidden(self, attempt: Attempt) -> tuple[dict[str, bytes], dict[str, bytes]]:
        """Return them as they would enter a sum."""
        vectors = {
            name: residues(
                self.sent[name].units, weight, attempt.ring, attempt.room, divisor=attempt.divisor
            ).tobytes()
            for name, weight in attempt.weights.items()
        }
        return vectors, {}

    def named(self, names: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return nothing: there are no blobs."""
        return {}


@dataclass(frozen=True, slots=True)
class _Best:
    """The model with the least loss on rows held out, as far as rounds have told one."""

    loss: int | None = None
    model: ModelState | None = None

    def after(self, start: ModelState, made: ModelState) -> _Best:
        """Return the same after a round that started from a model and told its loss."""
        loss = measured_loss(made)
        if loss is None or (self.loss is not None and loss >= self.loss):
            return self
        return _Best(loss, start)


def _next_encoding(
    study: Study, terms: PrivacyTerms | None, work: Assignment, clip: Clip, sent: list[Contribution]
) -> tuple[int, Clip]:
    """Return the next round's exponent and clip, as the contract does."""
    exponent, room = work.exponent, work.room
    if terms is not None and isinstance(terms.clip, int) and isinstance(clip, int):
        first = study.aggregation.exponent, terms.clip
        return next_clip(first, exponent, clip, len(sent), within(sent))
    if terms is not None and not terms.protects.in_training:
        return exponent, clip
    said = [indicated(CONTRACT_VERSION, room, one.told.peak, 0, one.values.size) for one in sent]
    coarser, finer = sum(one for one, _ in said), sum(one for _, one in said)
    return next_exponent(exponent, room, len(said), coarser, finer), clip


def _rounds(prepared: Prepared) -> int:
    """Return how many rounds there are: where every site is in each, a budget may end them."""
    terms, rounds = privacy_terms(prepared.study), prepared.study.training.rounds
    if terms is None or prepared.per_round < len(prepared.sites):
        return rounds
    return affordable_rounds(terms, rounds)


def _private(study: Study, members: Mapping[str, Identity]) -> dict[str, SitePrivacy]:
    """Return how each site keeps to differential privacy; nothing without."""
    whole = ((name, site_privacy(study, who)) for name, who in members.items())
    return {name: one for name, one in whole if one is not None}


def _authors(
    prepared: Prepared, genesis: bytes, trainers: LocalTrainers
) -> dict[str, UpdateAuthor]:
    """Return who makes each site's updates."""
    share_holders = share_holders_of(prepared)
    authors: dict[str, UpdateAuthor] = {}
    for name in prepared.sites:
        kept = _InMemory()
        authors[name] = HonestUpdateAuthor(name, trainers, kept, genesis)
        if share_holders is not None:
            share_holders.join(name, authors[name], kept, genesis)
    if share_holders is not None:
        authors |= {name: share_holders.attacker(name) for name in prepared.attackers}
    return authors


def _updates(
    prepared: Prepared,
    work: Assignment,
    authors: dict[str, UpdateAuthor],
    members: dict[str, Identity],
) -> dict[str, Contribution]:
    """Return the updates of those who have one to send, in order."""
    study, sent = prepared.study, {}
    silent = absent(study.faults.dropout, study.study.seed, work.round, 1, work.participants)
    trap = None
    if study.faults.traps:
        trap = trapping(study.faults.traps, study.study.seed, work.round, work.participants)
    for name in work.participants:
        if name in silent or name == trap:
            continue
        try:
            update = authors[name].update(work)
        except RunError:
            continue
        values = prepared.parts.stages.to_keep(update, InRound(work, members[name]))
        sent[name] = contribution(digest(encode_update(values, work.exponent)), shifted(values))
    return sent


class _InMemory(dict[OutboxKey, bytes]):
    """An outbox that nothing outlives; it satisfies `WriteOnce`."""

    def put(self, key: OutboxKey, value: bytes) -> bytes:
        return self.setdefault(key, value)
