"""A member's seat in a registered study: who acts for it there, or why its site does not.

The document is fetched by the digest that is registered and read strictly. A site takes its seat
only in a study that fits and that the policy allows, and its rows are read only after that. A
validator takes it in any: its work reads no rows, and without validators no history ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from collegium.assembly.code import code_digest
from collegium.assembly.cutting import learned_from
from collegium.assembly.ownership import beginning_of, model_writer, registration_of, releaser
from collegium.assembly.parts import Parts, described, find_parts, parts_of_table, with_first
from collegium.assembly.privacy import check_privacy
from collegium.canonical import from_text, to_text
from collegium.data.tabular.agreed_preparation import AgreedPreparation, decode_agreed
from collegium.errors import CollegiumError
from collegium.federation.beginning import beginning_is
from collegium.federation.identity import Identity
from collegium.federation.in_process_blobs import Blobs
from collegium.federation.local_trainers import LocalTrainers
from collegium.federation.outbox import Outbox
from collegium.federation.owner import Owner
from collegium.federation.participant import Participant
from collegium.federation.site import Site, SiteParts
from collegium.federation.snapshot import first_snapshot, snapshot
from collegium.federation.speaking import ReservedRows, reserve
from collegium.federation.timekeeper import Timekeeper
from collegium.federation.validator import Validator
from collegium.federation.view import StudyView
from collegium.learning.models import initial_parameters
from collegium.ledger.contract.members import active_member
from collegium.ledger.contract.tables import StudyRecord
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.sealing import KeyOf
from collegium.ledger.state import State
from collegium.mechanisms.privacy.site import site_privacy
from collegium.mechanisms.statistics.speaking import SettingUp, SiteTable
from collegium.node.config import DEFAULT_ENGINE, DataSource
from collegium.node.double_sign_guard import signed_acceptance
from collegium.node.home import RELEASED, STUDIES
from collegium.node.policy import Policy, StudyRequest, objections, runs
from collegium.node.privacy_spent import lost_elsewhere
from collegium.node.registration_checks import in_a_line, unacceptable_terms
from collegium.node.site_rows import (
    OwnSiteRows,
    encoded_rows,
    own_described_rows,
    own_rows,
    own_site_table,
)
from collegium.node.training import BackgroundTraining
from collegium.study.bounds import check_bounds
from collegium.study.canonical import study_from_document
from collegium.study.document import Study
from collegium.study.terms import agrees_by_statistics


@dataclass(frozen=True, slots=True)
class MemberContext:
    """What a member's participants act with.

    `blobs` returns the member's as a study may use them, `no_room` why a study of that document is
    not taken, where the home is full. `state` returns the ledger's, as of now; `key_of` the
    member's keys, old ones too. `retention` are the seconds after which updates of a closed study
    are retired, None: never. `engine` is by which the members order.
    """

    identity: Identity
    home: Path
    source: DataSource | None
    blobs: Callable[[str], Blobs]
    outbox: Outbox
    state: Callable[[], State]
    key_of: KeyOf
    retention: float | None = None
    engine: str = DEFAULT_ENGINE
    no_room: Callable[[bytes], str | None] = lambda _: None


@dataclass(slots=True)
class Enrolment:
    """Who acts for the member in a study.

    `objections` say why its site takes no part; `notes` what of its rows is not as the study's
    document says, which nobody else is told. `reserved` are rows on which its site does not
    train, for its validator. `other_code` says that the site accepted
    the study over other code than it runs now. `unprepared` says that the seat was taken before
    the sites had agreed on the preparation of their tables. `absences` counts how often the
    document was not to be had.
    """

    participants: list[Participant] = field(default_factory=list)
    objections: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    site: Site | None = None
    training: BackgroundTraining | None = None
    reserved: Mapping[str, ReservedRows] = field(default_factory=dict)
    other_code: bool = False
    unprepared: bool = False
    absences: int = 0


def enrol(acting: MemberContext, view: StudyView, policy: Policy) -> Enrolment | None:
    """Return the member's seat in a registered study, or None until its document can be had.

    Raises:
        CollegiumError: the shared store cannot be asked.
    """
    registration, member = view.registration, acting.identity.member
    record = active_member(acting.state(), member)
    if registration is None or record is None:
        return None
    if not policy.enabled:
        return Enrolment(objections=("the member is switched off (enabled = false)",))
    document = from_text(registration.document, DIGEST_SIZE)
    full = acting.no_room(document)
    if full is not None:
        return Enrolment(watching(acting), objections=(full,))
    blobs = acting.blobs(view.study)
    data = blobs.fetch(document)
    if data is None:
        return None
    try:
        study = study_from_document(data)
        check_bounds(study)
    except CollegiumError as error:
        return Enrolment(watching(acting), objections=(in_a_line(error),))
    enrolment = Enrolment()
    if registration.owner == member and runs(policy, study):
        # Where a part is no longer installed, the site's objections say which.
        with suppress(CollegiumError):
            enrolment.participants.append(_owner(acting, study, registration))
    validates = "validator" in record.roles
    if member in registration.sites:
        _enrol_site(enrolment, acting, study, view, policy, validates=validates)
    if validates:
        validator = Validator(
            acting.identity,
            blobs,
            acting.outbox,
            study,
            acting.key_of,
            reserved=enrolment.reserved,
        )
        enrolment.participants.append(validator)
    return enrolment


def watching(acting: MemberContext) -> list[Participant]:
    """Return who keeps the time of a study of which this member computes nothing."""
    record = active_member(acting.state(), acting.identity.member)
    validates = record is not None and "validator" in record.roles
    return [Timekeeper(acting.identity)] if validates else []


def _owner(acting: MemberContext, study: Study, registration: StudyRecord) -> Owner:
    """Return the owner of a study that is registered: it looks after it, and releases its model.

    Raises:
        CollegiumError: a part that the study names is no longer installed.
    """
    study_id = study.study.id
    source = study.data.source
    parts = (
        find_parts(study, described(source))
        if isinstance(source, str)
        else parts_of_table(study, _agreement(acting, StudyView(acting.state(), study_id)))
    )
    if isinstance(source, str) or parts.agreement is not None:
        parts = with_first(parts, acting.home / STUDIES)
    blobs = acting.blobs(study_id)
    release = releaser(
        parts, lambda: StudyView(acting.state(), study_id), blobs.fetch,
        acting.home / RELEASED / study_id,
    )  # fmt: skip
    terms = registration_of(parts, registration.sites, from_text(registration.code, DIGEST_SIZE))
    return Owner(acting.identity, blobs, study, terms, release, beginning_of(parts))


def _agreement(acting: MemberContext, view: StudyView) -> AgreedPreparation | None:
    """Return what the sites of a study of tables agreed on, if they have and it can be had."""
    set_up = view.set_up
    if not (set_up.is_over and set_up.agreement):
        return None
    data = acting.blobs(view.study).fetch(set_up.agreement)
    return None if data is None else decode_agreed(data)


def _beginning(acting: MemberContext, view: StudyView, parts: Parts) -> tuple[str, ...]:
    """Return what there is to say against the model that a study begins with."""
    study, registration = parts.study, view.registration
    if registration is None:
        return ()
    verdict = beginning_is(
        study, registration, acting.blobs(view.study).fetch, begun=view.is_training,
        own=lambda: initial_parameters(parts.spec, study.study.seed),
    )  # fmt: skip
    if verdict in ("documented", None):
        return ()
    return ("the first model is neither what the seed gives nor one that the document names",)


def _enrol_site(
    enrolment: Enrolment,
    acting: MemberContext,
    study: Study,
    view: StudyView,
    policy: Policy,
    *,
    validates: bool,
) -> None:
    """Let the member's site take part, or note everything that stands against it."""
    registration = view.registration
    if registration is None:
        return
    asked = StudyRequest(
        study=study,
        document=from_text(registration.document, DIGEST_SIZE).hex(),
        owner=registration.owner,
        code=from_text(registration.code, DIGEST_SIZE).hex(),
        rows=None,
        lost=lost_elsewhere(acting.state(), acting.identity.member, view.study),
        validates=validates,
    )
    enrolment.objections = unacceptable_terms(
        study, registration, view.study, acting.engine
    ) + objections(policy, asked)
    if enrolment.objections:
        return
    if acting.source is None:
        enrolment.objections = ("node.toml has no [data]",)
        return
    member, blobs = acting.identity.member, acting.blobs(view.study)
    table: SiteTable | None = None
    rows: OwnSiteRows | None = None
    try:
        if isinstance(study.data.source, str):
            dataset = described(study.data.source)
            parts = find_parts(study, dataset)
            rows = own_rows(acting.source, acting.home, study, dataset, member)
            count = len(rows.train.y)
        elif not agrees_by_statistics(study):
            parts = parts_of_table(study, None)
            rows = own_described_rows(acting.source, acting.home, study, parts, member)
            enrolment.notes = rows.notes
            count = len(rows.train.y)
        else:
            agreement = _agreement(acting, view)
            table = own_site_table(acting.source, acting.home, study, member)
            parts = parts_of_table(study, agreement)
            rows = None if agreement is None else encoded_rows(agreement, table, member)
            count = table.train.rows
        if rows is not None:
            rows = replace(rows, train=learned_from(study, rows.train))
            check_privacy(study, parts.spec, parts.trainer, [(rows.train, rows.test)])
    except CollegiumError as error:
        enrolment.objections = (in_a_line(error),)
        return
    enrolment.objections = (
        *objections(policy, replace(asked, rows=count)), *_beginning(acting, view, parts)
    )  # fmt: skip
    if enrolment.objections:
        return
    code = code_digest(study)
    accepted = view.acceptance(member)
    own = rows if table is None else table
    if accepted is not None:
        first: bytes | None = from_text(accepted.snapshot, DIGEST_SIZE)
    else:  # it may be on its way, signed by this key or by one that has been replaced since
        first = first_snapshot(acting.outbox, acting.identity.genesis, view.study)
    if (
        own is not None
        and first is not None
        and first != snapshot(acting.identity, view.study, (own.train, own.test))
    ):
        enrolment.objections = (
            "these are not the rows with which the site accepted the study: its source of rows has"
            " changed since; restore it",
        )
        return
    signed = accepted or signed_acceptance(acting.outbox, acting.identity, view.study)
    enrolment.other_code = signed is not None and signed.code != to_text(code)
    if table is not None:
        enrolment.participants.append(
            SettingUp(acting.identity, blobs, acting.outbox, study, table, code)
        )
    if rows is None:
        enrolment.unprepared = True
        return
    private = site_privacy(study, acting.identity)
    training, enrolment.reserved = reserve(
        study, parts.spec, parts.trainer, {member: rows.train}, [member] if validates else []
    )
    trainers = LocalTrainers(
        study, parts.spec, parts.trainer, training, None if private is None else {member: private}
    )
    enrolment.training = BackgroundTraining(trainers)
    made_of = SiteParts(
        parts.dataset.schema.task, rows.train, rows.test, code, parts.stages,
        keep_model=model_writer(parts, acting.home / RELEASED / study.study.id / "own"),
        secure_sum=parts.secure_sum, repeats=policy.repeated_starts,
    )  # fmt: skip
    enrolment.site = Site(acting.identity, blobs, acting.outbox, enrolment.training, made_of)
    enrolment.participants.append(enrolment.site)
