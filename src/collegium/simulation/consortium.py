"""A whole consortium in one process: members, their homes and keys, and everybody's participants.

The keys derive from the study's public seed, and the genesis says so: such a run claims neither
privacy nor authenticity (architecture 3.3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

from msgspec import UNSET

from collegium.assembly.accepted_rows import require_accepted_rows
from collegium.assembly.code import code_digest
from collegium.assembly.ownership import beginning_of, model_writer, registration_of, releaser
from collegium.assembly.preparation import Prepared, printed_name
from collegium.canonical import to_text
from collegium.consensus.simulator import Liar
from collegium.federation.identity import identity, member_key
from collegium.federation.in_process_blobs import InProcessBlobs
from collegium.federation.local_trainers import LocalTrainers
from collegium.federation.outbox import MemberOutbox, Outbox
from collegium.federation.owner import Owner
from collegium.federation.participant import Participant
from collegium.federation.secrets import keep_secret, simulated_secret
from collegium.federation.site import Site, SiteParts
from collegium.federation.speaking import reserve
from collegium.federation.validator import Validator
from collegium.federation.view import StudyView
from collegium.learning.parallel.pool import Pool
from collegium.ledger.blobs import BlobFolder
from collegium.ledger.contract.declared import admitted_modules
from collegium.ledger.contract.tables import Acceptance
from collegium.ledger.frames import ENTRY, decode_entry, read_frames
from collegium.ledger.genesis import (
    CONTRACT_VERSION,
    FORMAT_VERSION,
    Genesis,
    Member,
    Role,
    encode_genesis,
    genesis_digest,
)
from collegium.ledger.keys import SigningKey
from collegium.ledger.ordering import LEDGER, LOG_KEY, Ordering, Simulates, Simulating
from collegium.ledger.state import State
from collegium.mechanisms.privacy.site import site_privacy
from collegium.mechanisms.statistics.speaking import SettingUp
from collegium.plugins import find
from collegium.resolving.blobs import DecodedUpdates
from collegium.simulation.timing import take_time
from collegium.study.terms import agrees_by_statistics
from collegium.threats.adversary_view import Defence
from collegium.threats.attack import AdversaryContext, lie_of
from collegium.threats.dropout import DroppingOut
from collegium.threats.orderers import OrdererAttack, OrderersContext
from collegium.threats.poisoning import Poisoning, PoisoningCoalition, Target
from collegium.threats.traps import TrapSite

Substitute = Callable[[Participant, AdversaryContext], Participant]
"""Puts somebody else in a participant's place; the demonstration's insider uses it."""


@dataclass(slots=True)
class Consortium:
    """Everything that a run drives."""

    prepared: Prepared
    engine: Ordering
    exchange: InProcessBlobs
    trainers: LocalTrainers
    participants: list[Participant]
    sites: list[Site]
    validators: list[Validator]
    log_key: SigningKey | None
    genesis: bytes
    outbox: Outbox

    def view(self) -> StudyView:
        """Return what the ledger says about the study now."""
        return StudyView(self.engine.application.state, self.prepared.study.study.id)

    def settle(self) -> None:
        """Return when what the participants keep and publish is on the disk."""
        self.outbox.sync()
        self.exchange.settle()

    def close(self, *, complete: bool) -> None:
        """Release everything; a complete ledger is sealed."""
        with ExitStack() as held:
            held.callback(self.outbox.close)
            held.callback(self.exchange.close)
            self.engine.close(complete=complete)


def log_key_of(prepared: Prepared) -> SigningKey | None:
    """Return the simulated log key; its name is no member's id, so no member has it.

    None under an engine that has none.
    """
    engine = find("engines", prepared.study.consensus.engine)
    if isinstance(engine, Simulates) and not engine.has_log_key:
        return None
    return member_key(simulated_secret(prepared.study.study.seed, LOG_KEY))


def genesis_of(prepared: Prepared, keys: dict[str, SigningKey]) -> Genesis:
    """Return the genesis of a simulated consortium: the first sites validate, one owns studies."""
    members, log_key = [], log_key_of(prepared)
    for name in prepared.sites:
        roles: list[Role] = ["owner", "site"] if name == prepared.sites[0] else ["site"]
        if name in prepared.validators:
            roles.append("validator")
        power = 1 if "validator" in roles else 0
        members.append(
            Member(
                id=name, key=to_text(keys[name].public), name=printed_name(name), power=power,
                roles=tuple(roles),
            )
        )  # fmt: skip
    return Genesis(
        chain=prepared.study.study.id, contract=CONTRACT_VERSION, format=FORMAT_VERSION,
        keys="simulated", members=tuple(members), modules=admitted_modules(),
        log=UNSET if log_key is None else to_text(log_key.public),
    )  # fmt: skip


def build(
    prepared: Prepared,
    folder: Path,
    warn: Callable[[str], None],
    substitute: Substitute | None = None,
    pool: Pool | None = None,
) -> Consortium:
    """Return the consortium of a study in a run folder, new or as it was left.

    Args:
        prepared: the study and its parts.
        folder: the run folder; homes lie under members/.
        warn: is told what a reader should know, such as a torn tail that was cut.
        substitute: see `Substitute`.
        pool: processes that train beside this one.

    Raises:
        CollegiumError: the folder holds another ledger, or one that does not hold together.
    """
    study = prepared.study
    secrets = {
        name: keep_secret(folder / "members" / name, simulated_secret(study.study.seed, name))
        for name in prepared.sites
    }
    keys = {name: member_key(secret) for name, secret in secrets.items()}
    engines: Simulates = find("engines", study.consensus.engine)
    log_key = log_key_of(prepared)
    genesis = genesis_of(prepared, keys)
    genesis_bytes = encode_genesis(genesis)
    digest = genesis_digest(genesis_bytes)
    signing = keys if log_key is None else {**keys, LOG_KEY: log_key}
    authors: dict[bytes, str] = {}
    with ExitStack() as opened:
        engine = engines.simulate(
            Simulating(
                folder / LEDGER,
                genesis,
                signing,
                study,
                warn,
                orderers_of(prepared, authors),
                authors,
            )
        )
        opened.callback(engine.close, complete=False)
        outbox = opened.enter_context(closing(Outbox(folder / "members" / "outbox", shared=True)))
        exchange = opened.enter_context(closing(InProcessBlobs(BlobFolder(folder / "blobs"))))
        identities = {name: identity(name, digest, secret) for name, secret in secrets.items()}
        private = {name: site_privacy(study, who) for name, who in identities.items()}
        spec, trainer = prepared.parts.spec, prepared.parts.trainer
        rows, reserved = reserve(study, spec, trainer, prepared.train, prepared.validators)
        trainers = LocalTrainers(
            study, spec, trainer, rows,
            {name: one for name, one in private.items() if one is not None}, pool,
        )  # fmt: skip
        take_time(prepared, engine, exchange.folder, trainers, reserved)
        code = code_digest(study)
        owner = Owner(
            identities[prepared.sites[0]], exchange.view(prepared.sites[0]), study,
            registration_of(prepared.parts, prepared.sites, code),
            releaser(
                prepared.parts, lambda: StudyView(engine.application.state, study.study.id),
                exchange.folder.get, folder / "model",
            ),
            beginning_of(prepared.parts),
        )  # fmt: skip
        share_holders = share_holders_of(prepared)
        places = {
            name: AdversaryContext(
                who,
                exchange,
                tuple(prepared.validators),
                frozenset(),
                share_holders,
                lambda: envelopes_in(folder / LEDGER),
                frozenset(prepared.attackers),
            )
            for name, who in identities.items()
        }
        participants: list[Participant] = [owner]
        sites: list[Site] = []
        require_accepted_rows(
            prepared, digest, _accepted(prepared, engine.application.state),
            " and resume, or choose another --out",
        )  # fmt: skip
        for name in prepared.sites:
            parts = SiteParts(
                prepared.dataset.schema.task, prepared.train[name], prepared.test[name], code,
                prepared.parts.stages,
                keep_model=model_writer(prepared.parts, folder / "members" / name / "model"),
                secure_sum=prepared.parts.secure_sum,
            )  # fmt: skip
            kept = MemberOutbox(outbox, name)
            if prepared.table is not None and agrees_by_statistics(study):
                participants.append(
                    SettingUp(
                        identities[name], exchange.view(name), kept, study,
                        prepared.table.parts[name], code,
                    )
                )  # fmt: skip
            site = Site(identities[name], exchange.view(name), kept, trainers, parts)
            if share_holders is not None:
                share_holders.join(name, site.author, kept, digest)
            sites.append(site)
            participants.append(_replaced(prepared, site, places[name], substitute))
        readings = DecodedUpdates()
        validators = [
            Validator(
                identities[name],
                exchange.view(name),
                MemberOutbox(outbox, name),
                study,
                readings=readings,
                reserved=reserved,
            )
            for name in prepared.validators
        ]
        for validator, name in zip(validators, prepared.validators, strict=True):
            participants.append(_replaced(prepared, validator, places[name], substitute))
        _tell_of_other_code(
            StudyView(engine.application.state, study.study.id), prepared.sites, code, warn
        )
        opened.pop_all()
    return Consortium(
        prepared, engine, exchange, trainers, participants, sites, validators, log_key,
        genesis_bytes, outbox,
    )  # fmt: skip


def orderers_of(prepared: Prepared, authors: Mapping[bytes, str]) -> dict[str, Liar]:
    """Return what takes the places of those who lie in consensus, by member.

    Args:
        prepared: the study.
        authors: see `Simulating`; it is filled while the study runs.
    """
    attack = prepared.attack
    if not isinstance(attack, OrdererAttack):
        return {}
    names = sorted(prepared.validators)
    numbers = {name: names.index(name) for name in prepared.attackers}
    seed = prepared.study.study.seed
    lies = attack.lies(
        OrderersContext(tuple(numbers.values()), len(names), authors, prepared.train, seed)
    )
    return {name: lies[number] for name, number in numbers.items()}


def envelopes_in(ledger: Path) -> list[bytes]:
    """Return the envelopes of all entries in a ledger's file, in order."""
    frames = read_frames(ledger.read_bytes())
    return [decode_entry(frame.body)[0] for frame in frames if frame.kind == ENTRY]


def share_holders_of(prepared: Prepared) -> PoisoningCoalition | None:
    """Return what a study's attackers share, if they attack with updates."""
    attack, parts = prepared.attack, prepared.parts
    if not isinstance(attack, Poisoning):
        return None
    defence = Defence(parts.rule, prepared.study.aggregation.tolerate)
    target = Target(
        prepared.study, parts.spec, parts.trainer, defence, prepared.train,
        tuple(prepared.attackers), tuple(prepared.validators),
    )  # fmt: skip
    return PoisoningCoalition(target, attack)


def _accepted(prepared: Prepared, state: State) -> dict[str, Acceptance]:
    view = StudyView(state, prepared.study.study.id)
    found = {name: view.acceptance(name) for name in prepared.sites}
    return {name: one for name, one in found.items() if one is not None}


def _replaced(
    prepared: Prepared,
    honest: Site | Validator,
    place: AdversaryContext,
    substitute: Substitute | None,
) -> Participant:
    """Return the honest participant, or whoever the study or the insider puts in its place."""
    study, member = prepared.study, place.identity.member
    participant: Participant = honest
    role = "site" if isinstance(honest, Site) else "validator"
    attack = prepared.attack
    threat = study.threat
    if threat and attack and member in prepared.attackers:
        acting, lie = replace(place, rounds=frozenset(threat.rounds)), lie_of(attack)
        if attack.role == role:
            participant = attack.take_over(participant, acting)
        elif role == "validator" and lie is not None:
            participant = lie.take_over(participant, acting)
    if substitute is not None:
        participant = substitute(participant, place)
    if role == "site" and study.faults.traps:
        participant = TrapSite(participant, place, study.faults.traps, study.study.seed)
    if role == "site" and study.faults.dropout:
        participant = DroppingOut(participant, member, study.faults.dropout, study.study.seed)
    return participant


def _tell_of_other_code(
    view: StudyView, sites: list[str], code: bytes, warn: Callable[[str], None]
) -> None:
    """Warn where a study that goes on was accepted over other code than runs now."""
    accepted = {name: view.acceptance(name) for name in sites}
    others = [name for name, one in accepted.items() if one and one.code != to_text(code)]
    if others and view.phase != "closed":
        warn(
            f"the code has changed since {', '.join(others)} accepted the study: what follows "
            "is not done by the code that the ledger names"
        )
