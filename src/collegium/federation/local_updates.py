"""How a site's update comes to be: local work, what is carried on from it, encoding.

Whoever takes a site's place with updates of its own puts another author there; the stages after
encoding are the site's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from collegium.canonical import to_text
from collegium.federation.in_process_blobs import Blobs
from collegium.federation.local_trainers import Float32, LocalWork
from collegium.federation.outbox import OutboxKey, WriteOnce
from collegium.federation.view import StudyView
from collegium.learning.aggregation.counted import STEPS
from collegium.learning.aggregation.groups import norm_bound
from collegium.learning.aggregation.random_k import SentCoordinates, drawn_of
from collegium.learning.aggregation.stopping import VALIDATION
from collegium.learning.algorithms.local_round import LocalRound, kinds, model_measured, outcome
from collegium.learning.blobs import ModelState, decode_update
from collegium.learning.client_level_privacy import clipped
from collegium.learning.encoding import Units, encode_step
from collegium.ledger.contract.tables import RoundRecord
from collegium.resolving.attempt import update_of
from collegium.study.document import Study
from collegium.study.message import Outbound, Recipients
from collegium.study.searching import at_round, first_of_trial, held_out

Int16 = NDArray[np.int16]
Float64 = NDArray[np.float64]

R = TypeVar("R", bound=msgspec.Struct)


class Records(Protocol):
    """What a mechanism has written of a study's members."""

    def __call__(self, table: str, kind: type[R]) -> Mapping[str, R]:
        """Return a table by its name and the kind of its records."""
        ...


class Assignment(msgspec.Struct, frozen=True, eq=False):
    """What a round asks of its participants, as the ledger says it.

    Attributes:
        round: its number.
        exponent: e of its encoding.
        participants: who takes part, in order.
        weights: their registered aggregation weights.
        model: digest of the model that it starts from.
        start: float32 [D], that model's vector.
        sites: how many sites the study has.
        earlier: returns the parameters that the round before started from, float32 [d]; None in
            the first round, or where they cannot be had.
        revealed: returns the updates that went into the round before, by participant, as far as
            they can be had.
        records: returns a table of the study that is about members, as the round opened.
        fewest: how many updates a round has, at least.
        clip: k where the clip 2^(k/8) follows the updates.
        room: bits beyond 16 that an update may take.
    """

    round: int
    exponent: int
    participants: tuple[str, ...]
    weights: tuple[int, ...]
    model: bytes
    start: Float32
    sites: int
    earlier: Callable[[], Float32 | None]
    revealed: Callable[[], Mapping[str, Units]] = dict
    records: Records = lambda table, kind: {}
    fewest: int = 1
    clip: int | msgspec.UnsetType = msgspec.UNSET
    room: int = 0


def assignment_of(
    view: StudyView,
    opened: RoundRecord,
    model: ModelState,
    blobs: Blobs,
    fetch_model: Callable[[bytes], ModelState | None],
) -> Assignment:
    """Return what the open round asks.

    Args:
        view: the ledger's word; an attempt is open.
        opened: the round.
        model: the one that it starts from.
        blobs: to read earlier updates from; of sealed ones nothing can be read.
        fetch_model: returns the model of a digest, None if it cannot be had.
    """

    def earlier() -> Float32 | None:
        parent = view.parent(to_text(view.model))
        before = None if parent is None else fetch_model(parent)
        return None if before is None else before.parameters

    def revealed() -> dict[str, Units]:
        last = view.last
        if last is None:
            return {}
        names = last.included
        found = ((name, blobs.fetch(update_of(last.reveals[name]))) for name in names)
        return {name: decode_update(data)[0].units for name, data in found if data is not None}

    registered = view.registration
    if registered is None:
        raise LookupError(view.study)
    return Assignment(
        view.number, opened.exponent, tuple(view.participants), tuple(view.participants.values()),
        view.model, model.parameters, len(registered.sites), earlier, revealed,
        view.records, registered.min_sites, view.clip, view.room,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Encode:
    """The stage that makes integers of a step.

    Attributes:
        longest: how long it may be, in the model's units.
        exact: how many coordinates at the end are whole numbers of units.
    """

    longest: float | None
    exact: int = 0
    name: str = "encode@1"
    charge: tuple[int, ...] = ()

    def apply(self, what: Float64, at: Assignment, /) -> Units:
        """Return the encoded step, integers [d]; the step is spent."""
        encoded = encode_step(what, at.exponent, at.room, self.exact)
        if self.longest is None:
            return encoded
        return clipped(encoded, norm_bound(self.longest, at.exponent))

    def tell(self, message: Outbound, ways: Recipients, /) -> Outbound:
        """Return it as it is: it begins with the encoded step."""
        return message


def encoding_of(study: Study) -> Encode:
    """Return how a study's sites encode their steps."""
    secure = study.privacy.secure_aggregation
    exact = 0 if held_out(study) is None else VALIDATION.size
    exact += STEPS.size if study.training.algorithm == "fednova" else 0
    return Encode(None if secure is None else secure.norm_bound, exact)


class UpdateAuthor(Protocol):
    """Makes a site's updates."""

    def update(self, work: Assignment) -> Units:
        """Return the encoded update, integers [d] that the round has room for.

        Asked again about a round it returns the same.

        Raises:
            RunError: there is nothing that could be sent.
        """
        ...


class ClientState:
    """What a member carries from round to round in its outbox, by kind: vectors, float32.

    It is there before it is used, so a retry or a restart carries the same. Under another ledger
    or in another study nothing is carried on.
    """

    def __init__(self, outbox: WriteOnce, genesis: bytes, study: str) -> None:
        self._outbox = outbox
        self._genesis, self._study = genesis, study
        self._latest: dict[str, tuple[int, Float32]] = {}

    def before(self, kind: str, number: int, since: int = 1) -> Float32 | None:
        """Return what was kept in the last round before one that the member took part in.

        Nothing is carried on from rounds before `since`, the first one of a round's trial.
        """
        latest = self._latest.get(kind)
        if latest is not None and since <= latest[0] == number - 1:
            return latest[1]
        for earlier in range(number - 1, since - 1, -1):
            kept = self._outbox.get(self._key(kind, earlier))
            if kept is not None:
                return np.frombuffer(kept, "<f4").astype(np.float32)
        return None

    def by_kind(self, study: Study, number: int) -> dict[str, Float32 | None]:
        """Return what a study's algorithm has had the member keep before a round, by kind."""
        since = first_of_trial(study, number)
        return {kind: self.before(kind, number, since) for kind in kinds(study)}

    def keep(self, kind: str, number: int, values: Float32) -> None:
        """Keep a round's vector, unless one is kept already."""
        self._outbox.put(self._key(kind, number), values.astype("<f4").tobytes())
        self._latest[kind] = number, values

    def _key(self, kind: str, number: int) -> OutboxKey:
        return OutboxKey(self._genesis, "carried", self._study, number, what=(kind,))


class HonestUpdateAuthor:
    """Does a site's part of a round by its study's algorithm, and carries on what that keeps.

    With ``training.site_momentum`` β a site sends m_t = β m_(t-1) + (1 - β) u_t instead of its
    step u_t, where t counts the rounds that it takes part in (Karimireddy, He and Jaggi,
    "Learning from History for Byzantine Robust Optimization", ICML 2021, algorithm 2).

    Of a cut update it carries on what it has not sent, and adds it to its next step.

    Args:
        member: the site.
        trainers: does its training.
        outbox: keeps what is carried on.
        genesis: of the ledger.
    """

    def __init__(self, member: str, trainers: LocalWork, outbox: WriteOnce, genesis: bytes) -> None:
        self.member = member
        self.trainers = trainers
        self._carried, self._genesis = (
            ClientState(outbox, genesis, trainers.study.study.id),
            genesis,
        )
        self._encode = encoding_of(trainers.study)
        trainers.attend(member, self.kept)

    def kept(self, number: int) -> dict[str, Float32 | None]:
        """Return what the site has kept before a round, by kind."""
        return self._carried.by_kind(self.trainers.study, number)

    def update(self, work: Assignment) -> Units:
        """Return the encoded step, or the encoded momentum."""
        study, within = at_round(self.trainers.study, work.round)
        trained = self.trainers.trained(
            self.member, work.round, work.participants, work.model, work.start
        )
        spec, kept = self.trainers.spec, self.kept(work.round)
        turn = LocalRound(
            within, work.exponent, len(work.participants), work.sites,
            self.trainers.rows_of(self.member),
            lambda: self.trainers.validation_loss(
                self.member, model_measured(study, spec, work.start, kept)
            ),
        )  # fmt: skip
        done = outcome(study, spec, turn, work.start, kept, trained)
        step, beta = done.step, study.training.site_momentum
        mixed = len(step) - (0 if held_out(study) is None else VALIDATION.size)
        if beta:
            before = self._carried.before("momentum", work.round, work.round - within + 1)
            momentum = (1.0 - beta) * step[:mixed] + (0.0 if before is None else beta * before)
            step = np.concatenate([momentum.astype(np.float32), step[mixed:]])
        drawn = drawn_of(study, self._genesis, work.round, work.model, work.start.size)
        if drawn is not None and not drawn.scaled:
            return self._with_feedback(step, work, drawn)
        if not beta and not kinds(study):
            return self._encode.apply(step, work)
        encoded = self._encode.apply(step.copy(), work)
        if beta:
            self._carried.keep("momentum", work.round, step[:mixed].astype(np.float32))
        sent = np.ldexp(encoded.astype(np.float64), -work.exponent)
        for kind, values in done.keep(sent).items():
            self._carried.keep(kind, work.round, values)
        return encoded

    def _with_feedback(self, step: Float64, work: Assignment, drawn: SentCoordinates) -> Units:
        """Return an encoded step with what was not sent before, and keep what is not sent now."""
        before = self._carried.before("feedback", work.round)
        left = step if before is None else step + before
        encoded = self._encode.apply(left.copy(), work)
        sent = encoded[drawn.places].astype(np.float64)
        left[drawn.places] -= np.ldexp(sent, -work.exponent)
        self._carried.keep("feedback", work.round, left.astype(np.float32))
        return encoded
