"""What becomes of a site's update between its training and those who receive it, stage by stage.

A study's stages stand in one order: encode; clip and noise, where the update is protected as a
whole; what another package brings; the cut to some coordinates; then mask or encrypt, seal, or
publish plainly. `stages_of` makes them from the document, `Stages` is all that a site, a simulation
and ``check --outbound`` know of them. docs/decisions/0119.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, Protocol, TypeVar

import msgspec
import numpy as np

from collegium.accounting.adaptive import bound_at
from collegium.accounting.orders import MICRO
from collegium.accounting.updates import LEAST_BOUND
from collegium.federation.identity import Identity
from collegium.federation.local_updates import Assignment, Float64, Int16, encoding_of
from collegium.federation.outbox import WriteOnce
from collegium.federation.sealing import sealed_update
from collegium.federation.view import StudyView
from collegium.learning.aggregation.random_k import drawn_of, picked
from collegium.learning.blobs import LIMIT, Shifted, decode_update, shifted
from collegium.learning.client_level_privacy import clipped, noised, told
from collegium.learning.encoding import Units
from collegium.learning.noise import SecretStream
from collegium.ledger.contract.encoding import aim_of, divisor_of
from collegium.ledger.hashing import u64
from collegium.mechanisms.dealing.speaking import Dealer
from collegium.plugins import find
from collegium.secrecy.masked import residues
from collegium.secrecy.masking import RingVector
from collegium.secrecy.secure_sum import SecureSum
from collegium.study.document import DifferentialPrivacy, Study
from collegium.study.message import Outbound, Recipients
from collegium.study.outbound_masked import hidden_update
from collegium.study.privacy import bounded, privacy_terms
from collegium.study.simulated import is_in_one_process

What = TypeVar("What", contravariant=True)
At = TypeVar("At", contravariant=True)
Then = TypeVar("Then", covariant=True)

Charge = tuple[int, ...]
"""What a round costs each of a participant's units, at `accounting.orders`; empty for nothing."""


class Stage(Protocol[What, At, Then]):
    """One thing that is done to every update of a study. It keeps no state and holds no secret."""

    @property
    def name(self) -> str:
        """Versioned name, such as ``random_k@1``."""
        ...

    @property
    def charge(self) -> Charge:
        """What it adds to the privacy account, as registered: its result is made once a round."""
        ...

    def apply(self, what: What, at: At, /) -> Then:
        """Return what it makes of an update. Its `at` is all that it may need.

        Asked again about the same it returns the same.
        """
        ...

    def tell(self, message: Outbound, ways: Recipients, /) -> Outbound:
        """Return what ``check --outbound`` says of an update, with this stage's words.

        Args:
            message: what the stages before it have said; no `protection` if none protects it.
            ways: how what a member says reaches others.
        """
        ...


@dataclass(frozen=True, slots=True)
class InRound:
    """Where an update is made: what the round asks, and of whom."""

    work: Assignment
    identity: Identity


@dataclass(frozen=True, slots=True)
class InAttempt:
    """Where an update leaves: an attempt by the ledger's word, whose it is, and its outbox."""

    view: StudyView
    identity: Identity
    outbox: WriteOnce


OfUpdate = Stage[Int16, InRound, Int16]
"""Another package's stage: it is given 16 bits a coordinate, in the exponent that it is told."""

OfUnits = Stage[Units, InRound, Units]
OfBlob = Stage[bytes, InAttempt, bytes]


@dataclass(frozen=True, slots=True)
class Stages:
    """A study's stages in order, in the groups in which a site comes to them.

    Attributes:
        encode: done by whoever makes updates, since what a site carries on goes by it.
        kept: done once a round; the outbox keeps the result, which serves all attempts.
        committed: done in each attempt before the site commits itself to the result.
        published: done in each attempt as the site reveals what it has committed to.
    """

    encode: Stage[Float64, Assignment, Units]
    kept: tuple[OfUnits, ...]
    committed: tuple[OfBlob, ...]
    published: tuple[OfBlob, ...]

    def __iter__(self) -> Iterator[Stage[Any, Any, Any]]:
        """Yield all stages in order."""
        yield self.encode
        yield from self.kept
        yield from self.committed
        yield from self.published

    @property
    def charges(self) -> bool:
        """Whether an update costs privacy, so that a round's other attempts must not make another.

        The charge would pay for one alone.
        """
        return any(stage.charge for stage in self)

    def to_keep(self, update: Units, at: InRound) -> Units:
        """Return what a site keeps and sends of an update, integers [k] of [d]."""
        return reduce(lambda update, stage: stage.apply(update, at), self.kept, update)

    def to_commit(self, blob: bytes, at: InAttempt) -> bytes:
        """Return what a site commits itself to, of a kept update's blob."""
        return reduce(lambda blob, stage: stage.apply(blob, at), self.committed, blob)

    def to_publish(self, blob: bytes, at: InAttempt) -> bytes:
        """Return what a site publishes of what it has committed itself to."""
        return reduce(lambda blob, stage: stage.apply(blob, at), self.published, blob)


def stages_of(study: Study) -> Stages:
    """Return the stages that a study asks for.

    Raises:
        PluginError: another package's stage or secure sum is not installed.
    """
    secure = study.privacy.secure_aggregation
    brought = _Brought(find("stages", study.privacy.protection))
    cut = () if study.aggregation.compression is None else (_RandomK(study),)
    kept = (*_private(study), brought, *cut)
    if secure is not None:
        masked = _Masked(study, find("secure_sums", secure.protocol))
        return Stages(encoding_of(study), kept, (masked,), ())
    open_ = _Plain() if is_in_one_process(study) else _Sealed()
    return Stages(encoding_of(study), kept, (), (open_,))


def _private(study: Study) -> tuple[OfUnits, ...]:
    wanted, terms = study.privacy.differential_privacy, privacy_terms(study)
    if wanted is None or terms is None:
        return ()
    account = terms.mechanism, terms.charge
    if wanted.protects.in_training:
        return (_TrainedPrivately(wanted, *account),)
    clip = _FollowingClip() if isinstance(terms.clip, int) else _FixedClip(wanted.clip)
    return (clip, _Noise(study.study.id, wanted, terms.noise / MICRO, clip, *account))


@dataclass(frozen=True, slots=True)
class _TrainedPrivately:
    """Every step of training was clipped and noised (DP-SGD): nothing is left to be done."""

    wanted: DifferentialPrivacy
    name: str
    charge: Charge

    def apply(self, what: Units, at: InRound, /) -> Units:
        return what

    def tell(self, message: Outbound, ways: Recipients, /) -> Outbound:
        return replace(message, protection=bounded(self.wanted))


@dataclass(frozen=True, slots=True)
class _FixedClip:
    """An update is no longer than `longest`, in the model's units."""

    longest: float
    name: str = "clip@1"
    charge: Charge = ()

    def bound(self, work: Assignment) -> int:
        return max(LEAST_BOUND, int(self.longest * 2.0**work.exponent))

    def apply(self, what: Units, at: InRound, /) -> Units:
        return clipped(what, self.bound(at.work))

    def tell(self, message: Outbound, ways: Recipients, /) -> Outbound:
        return message


@dataclass(frozen=True, slots=True)
class _FollowingClip:
    """An update is no longer than the round's clip; its last coordinate tells whether it was."""

    name: str = "following_clip@1"
    charge: Charge = ()

    def bound(self, work: Assignment) -> int:
        if not isinstance(work.clip, int):
            raise LookupError(work.round)
        return bound_at(work.clip, work.exponent)

    def apply(self, what: Units, at: InRound, /) -> Units:
        return told(what, self.bound(at.work))

    def tell(self, message: Outbound, ways: Recipients, /) -> Outbound:
        more = ", and whether the whole was within the clip, under the same noise"
        return replace(message, contents=message.contents + more)


@dataclass(frozen=True, slots=True)
class _Noise:
    """Skellam noise on a clipped update.

    Each update has enough of it by itself (local), or a part of what the sum of the fewest updates
    of a round needs, those of colluders not counted (central).
    """

    study: str
    wanted: DifferentialPrivacy
    multiplier: float
    clip: _FixedClip | _FollowingClip
    name: str
    charge: Charge

    def apply(self, what: Units, at: InRound, /) -> Units:
        work = at.work
        local = self.wanted.mechanism == "local"
        parts = 1 if local else work.fewest - self.wanted.colluders
        variance = (self.multiplier * self.clip.bound(work)) ** 2 / parts
        about = (u64(work.round), work.model, what.tobytes())
        seed = at.identity.randomness(self.study, "client", *about)
        return noised(what, variance, SecretStream(seed))

    def tell(self, message: Outbound, ways: Recipients, /) -> Outbound:
        return replace(message, protection=bounded(self.wanted))


@dataclass(frozen=True, slots=True)
class _Brought:
    """A stage of another package, in a round's encoding.

    What costs privacy is given the same exponent whatever the update is: its shift would tell of
    it.
    """

    stage: OfUpdate

    @property
    def name(self) -> str:
        return self.stage.name

    @property
    def charge(self) -> Charge:
        return self.stage.charge

    def apply(self, what: Units, at: InRound, /) -> Units:
        if self.stage == NONE:
            return what
        told = shifted(what)
        if self.charge:
            shift = aim_of(at.work.room)
            values = np.clip(np.rint(what / (1 << shift)), -LIMIT, LIMIT).astype(np.int16)
            told = Shifted(values, shift)
        exponent = at.work.exponent - told.shift
        at = replace(at, work=msgspec.structs.replace(at.work, exponent=exponent))
        return replace(told, values=self.stage.apply(told.values, at)).units

    def tell(self, message: Outbound, ways: Recipients, /) -> Outbound:
        return self.stage.tell(message, ways)


@dataclass(frozen=True, slots=True)
class Unchanged:
    """No stage of another package: validators receive the update itself, unless others hide it."""

    name: str = "none@1"
    charge: Charge = ()

    def apply(self, what: Int16, at: InRound, /) -> Int16:
        """Return the update as it is."""
        return what

    def tell(self, message: Outbound, ways: Recipients, /) -> Outbound:
        """Return it as it is."""
        return message


NONE = Unchanged()


@dataclass(frozen=True, slots=True)
class _RandomK:
    """All sites send the same share of coordinates, drawn anew in every round."""

    study: Study
    name: str = "random_k@1"
    charge: Charge = ()

    def apply(self, what: Units, at: InRound, /) -> Units:
        work = at.work
        drawn = drawn_of(
            self.study, at.identity.genesis, work.round, work.model, work.start.size
        )  # fmt: skip
        return picked(what, drawn)

    def tell(self, message: Outbound, ways: Recipients, /) -> Outbound:
        compression = self.study.aggregation.compression
        if compression is None:
            return message
        more = f" out of a share of {compression.keep:g}, drawn anew in every round"
        return replace(message, contents=message.contents + more)


@dataclass(frozen=True, slots=True)
class _Masked:
    """An update enters a secure sum: nobody sees more of it than the sum over several sites."""

    study: Study
    protocol: SecureSum
    charge: Charge = ()

    @property
    def name(self) -> str:
        return self.protocol.name

    def apply(self, what: bytes, at: InAttempt, /) -> bytes:
        dealer = Dealer(at.identity, at.outbox, self.protocol)
        return dealer.masked(at.view, weighted(what, at.view, at.identity.member))

    def tell(self, message: Outbound, ways: Recipients, /) -> Outbound:
        return hidden_update(self.study, ways, message)


def weighted(blob: bytes, view: StudyView, member: str) -> Callable[[int], RingVector]:
    """Return how a member's kept update becomes the vector in a ring that enters a sum."""
    weight = view.participants[member]
    units = decode_update(blob)[0].units
    divisor = divisor_of(view.participants.values(), view.room)
    return lambda ring: residues(units, weight, ring, view.room, view.contract, divisor)


_NUMBERS = ": one fixed-point number of 16 bits a parameter"
_LEAK = (
    "it is plain. A plain update can leak information about the rows behind it, such as whether a"
    " patient's row was among them. The risk is higher with few rows or many parameters"
)


@dataclass(frozen=True, slots=True)
class _Plain:
    """An update is published as it is."""

    name: str = "plain@1"
    charge: Charge = ()

    def apply(self, what: bytes, at: InAttempt, /) -> bytes:
        return what

    def tell(self, message: Outbound, ways: Recipients, /) -> Outbound:
        return replace(
            message, contents=message.contents + _NUMBERS,
            to="every validator, and whoever has the run folder",
            protection=message.protection or f"none: {_LEAK}",
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Sealed:
    """An update is encrypted to the keys of a round's validators; docs/spec page 9."""

    name: str = "sealed@1"
    charge: Charge = ()

    def apply(self, what: bytes, at: InAttempt, /) -> bytes:
        return sealed_update(at.identity, at.outbox, at.view, what)

    def tell(self, message: Outbound, ways: Recipients, /) -> Outbound:
        within = message.protection or f"to a validator {_LEAK}"
        return replace(
            message, contents=message.contents + _NUMBERS,
            to="each validator of the round; nobody else without the key of one",
            protection="sealed: encrypted to the keys of the round's validators (AES-256-GCM;"
            " X25519). The store and the other members see only its size and sender. A validator"
            f" key that is stolen later opens earlier copies. Inside: {within}",
        )  # fmt: skip
