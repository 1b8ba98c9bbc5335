"""Any sequence of transactions, valid or not, leaves the contract in a state that makes sense.

Hypothesis plays a consortium: several studies at once, members that do what is due and members
that say anything, replays, mutations, strangers, changes of the membership in between. After
every transaction the invariants are computed anew; at the end of every history another instance
replays it, and timers alone must bring every study to its end.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.ledger.contract.duties import duty, phase_of, timer
from tests.ledger.contract.invariants import (
    attested_by_quorum,
    check_counters,
    check_no_statistics_exclude,
    check_nothing_waits,
    check_recipients,
    closed_rounds,
    medians_by_power,
    naive_root,
    place_of,
    record_of,
    retired_by_quorum,
    studies_of,
    table_at,
    voted_by_quorum,
)
from tests.ledger.contract.kit import World, digest, envelope, key_of, member, world_of
from tests.ledger.contract.moves import (
    SCORED,
    TERMS,
    for_model,
    here,
    present,
    proposal_id,
    reveal_fields,
    status_of,
    using,
)
from tests.ledger.contract.test_governance import rotation

from collegium.canonical import encode, from_text, to_text
from collegium.ledger.contract.apply import apply, initial_state
from collegium.ledger.contract.events import (
    Events,
    MembershipChanged,
    RoundClosed,
    RoundOpened,
    UpdatesIncluded,
    UpdatesRetired,
    encode_events,
)
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.tables import MemberRecord
from collegium.ledger.contract.transactions import (
    Action,
    Admit,
    BlobRetire,
    EvaluationPost,
    EvidenceConflict,
    Expel,
    MemberPropose,
    MemberVote,
    ModelRelease,
    PhaseTimeout,
    Rotate,
    RoundVote,
    StudyAbandon,
    StudyAccept,
    StudyClose,
    StudyRegister,
    Transaction,
    UpdateAvailable,
    UpdateCommit,
    UpdateReveal,
)
from collegium.ledger.envelope import (
    Envelope,
    decode_envelope,
    encode_envelope,
    sign_envelope,
)
from collegium.ledger.frames import application_hash, encode_entry, entry_hash
from collegium.ledger.keys import KEY_SIZE, key_id, signature_holds
from collegium.ledger.merkle import Frontier
from collegium.mechanisms.dealing.terms import DealingTerms, SecaggDeal, SecaggKeys
from collegium.mechanisms.groups.terms import GroupTerms, SecaggBind
from collegium.mechanisms.scores.terms import (
    Restore,
    ScoreCommit,
    ScoreReveal,
    ScoresCombined,
    ScoreTerms,
)
from collegium.mechanisms.secagg.terms import SharePost
from collegium.mechanisms.threshold_he.terms import SumOpen

PEOPLE = ("ada", "bo", "cy", "di", "eve", "fay", "gil", "hal")
ACTS = ("admit", "expel", "restore", "rotate")
LABELS = ("one", "two", "three")
WHOSE = ("own", "all")
STUDIES = ("heart", "lung", "a")
KINDS: tuple[type[Transaction], ...] = (
    StudyRegister, StudyAccept, UpdateCommit, UpdateReveal, UpdateAvailable, RoundVote,
    SecaggBind, SecaggKeys, SecaggDeal, SharePost, SumOpen, ScoreCommit, ScoreReveal, PhaseTimeout,
    StudyAbandon, EvaluationPost, ModelRelease, StudyClose, MemberPropose, MemberVote,
    EvidenceConflict, BlobRetire,
)  # fmt: skip

people = st.sampled_from(PEOPLE)
studies = st.sampled_from(STUDIES)
labels = st.sampled_from(LABELS)
terms = st.fixed_dictionaries(
    {
        "rounds": st.integers(1, 3), "max_attempts": st.integers(1, 3),
        "min_sites": st.integers(1, 3), "per_round": st.integers(2, 4),
        "attendance": st.sampled_from(("quorum", "quorum", "all")),
    }
)  # fmt: skip
masked = st.builds(
    lambda one, carrier: {
        **one, **using(carrier, DealingTerms(threshold=int(one["per_round"]) // 2 + 1)),
    },
    terms, st.sampled_from(("secagg", "threshold_he")),
)  # fmt: skip
scored = st.builds(
    lambda one, by: {
        **one, **SCORED,
        **using(ScoreTerms(by="loss", demote=400_000, demotion=by, threshold=0)),
    },
    terms, st.sampled_from(("scoring", "weight")),
)  # fmt: skip
grouped = st.builds(
    lambda one, groups: {
        **one, "per_round": 4,
        **using(
            "secagg", DealingTerms(threshold=4 // groups), GroupTerms(count=groups, fewest=1)
        ),
    },
    terms, st.integers(1, 2),
)  # fmt: skip
weird = ("", "a/b", "heart", "\u00e9", "*log", "ada", "commit", digest("x"), "A" * 22)
anything = st.one_of(
    st.sampled_from(weird), st.integers(-2, 3), st.just(2**60), st.booleans(),
    st.lists(people, max_size=3), st.text(max_size=5),
)  # fmt: skip


class ContractMachine(RuleBasedStateMachine):
    """A consortium and what is known of it from outside."""

    def __init__(self) -> None:
        super().__init__()
        self.world: World = world_of([member("ada")])
        self.frontier = Frontier()
        self.said: list[bytes] = []
        self.places: dict[str, tuple[int, ...]] = {}
        self.closed: dict[tuple[str, int], bytes] = {}
        self.retired: set[tuple[str, int, str]] = set()

    @initialize(
        powers=st.lists(st.integers(1, 4), min_size=4, max_size=7), silent=st.booleans(),
        terms=terms | masked | scored | grouped, ready=st.booleans(),
        contract=st.sampled_from((1, 2, 2, 2)),
    )  # fmt: skip
    def found(
        self, powers: list[int], silent: bool, terms: dict[str, Any], ready: bool, contract: int
    ) -> None:
        members = [member(name, power) for name, power in zip(PEOPLE, powers, strict=False)]
        if silent:
            members.append(member("hal", 0, ["owner", "site"]))
        self.world = world_of(members, contract=contract)
        self.register("ada", "heart", terms)
        if ready:
            self.all_do_what_is_due("heart", set(), set())

    def send(self, data: bytes) -> Events | None:
        """Apply an envelope and compare what happened with what may happen."""
        world = self.world
        before, entries = self.application_hash(), world.state.root()
        members = table_at(world.state, "members")
        self.said.append(data)
        try:
            transaction, sender, events = apply(world.state, world.identity, data)
        except Rejected:
            assert world.state.root() == entries
            assert self.application_hash() == before
            return None
        record = msgspec.json.decode(members[sender], type=MemberRecord)
        assert record.active
        said, key = decode_envelope(data), from_text(record.key, KEY_SIZE)
        assert said.key_id == key_id(key)
        assert signature_holds(key, said.signed_bytes, said.signature)
        world.accepted.append(data)
        self.frontier.append(entry_hash(encode_entry(data, encode_events(events))))
        assert self.application_hash() != before
        for event in events:
            self.check_event(event)
        if isinstance(transaction, BlobRetire):
            self.check_retirement(sender, transaction, events)
        return events

    def check_event(self, event: Any) -> None:
        """Check an event against the tables, and keep up with new keys."""
        if isinstance(event, RoundClosed):
            at = (event.study, event.round, event.attempt)
            assert voted_by_quorum(self.world, *at, event.model)
        elif isinstance(event, UpdatesIncluded):
            at = (event.study, event.round, event.attempt)
            assert list(event.members) == attested_by_quorum(self.world, *at)
            assert len(event.members) >= record_of(self.world, event.study).min_sites
        elif isinstance(event, ScoresCombined):
            at = (event.study, event.round, event.attempt)
            assert list(event.scores) == medians_by_power(self.world, *at)
        elif isinstance(event, RoundOpened) and event.attempt == 1:
            check_no_statistics_exclude(self.world, event)
        elif isinstance(event, MembershipChanged) and isinstance(event.action, Rotate):
            name = event.action.member
            renewed = [key_of(f"{name} {label}") for label in LABELS]
            (key,) = (key for key in renewed if to_text(key.public) == event.action.key)
            self.world.keys[name] = key

    def check_retirement(self, sender: str, tx: BlobRetire, events: Events) -> None:
        """Check that a site spoke for itself or a quorum for all, of a closed study, and once."""
        status = status_of(self.world, tx.study)
        assert status.phase == "closed"
        assert tx.round <= status.round
        sites = tuple(table_at(self.world.state, "studies", tx.study, "sites"))
        named = "*" if tx.updates == "all" else sender
        places = {(tx.study, number, who) for number in (0, tx.round) for who in ("*", named)}
        assert not self.retired & places
        if tx.updates == "own":
            expected = [UpdatesRetired(study=tx.study, round=tx.round, members=(sender,))]
            assert sender in sites
        elif retired_by_quorum(self.world, tx.study, tx.round):
            expected = [UpdatesRetired(study=tx.study, round=tx.round, members=sites)]
        else:
            expected = []
        assert list(events) == expected
        if events:
            self.retired.add((tx.study, tx.round, named))

    def say(self, who: str, kind: type[Transaction], **fields: Any) -> Events | None:
        return self.send(envelope(self.world, who, kind, **fields))

    def application_hash(self) -> bytes:
        root = self.world.state.root()
        return application_hash(root, self.frontier.size, self.frontier.root())

    def due(self, who: str, study: str, model: str, held: set[str]) -> None:
        """Let a member do what is due from it, holding only some of the blobs."""
        if study in studies_of(self.world):
            kind, fields = duty(self.world, who, study, model, held)
            self.say(who, kind, **fields)

    def timer(self, who: str, study: str) -> None:
        """Let a timer fire for whatever phase a study is in."""
        self.say(who, PhaseTimeout, **timer(self.world, study))

    @rule(who=people, study=studies, terms=terms)
    def register(self, who: str, study: str, terms: dict[str, Any]) -> None:
        sites = tuple(sorted(set(self.world.keys) & set(PEOPLE)))
        self.say(who, StudyRegister, **{**TERMS, "study": study, "sites": sites, **terms})

    @rule(who=people, study=studies, model=labels, held=st.sets(people))
    def one_does_what_is_due(self, who: str, study: str, model: str, held: set[str]) -> None:
        self.due(who, study, model, held)

    @rule(study=studies, silent=st.sets(people, max_size=2), blind=st.sets(people, max_size=1))
    def all_do_what_is_due(self, study: str, silent: set[str], blind: set[str]) -> None:
        for who in PEOPLE:
            if who not in silent:
                held = set(PEOPLE) if who not in blind else {"ada", "cy"}
                self.due(who, study, "one", held)

    @rule(study=studies)
    def a_round_goes_well(self, study: str) -> None:
        for _ in range(7):
            for who in PEOPLE:
                self.due(who, study, "two", set(PEOPLE))

    @rule(who=people, study=studies)
    def a_timer_fires(self, who: str, study: str) -> None:
        if study in studies_of(self.world):
            self.timer(who, study)

    @rule(who=people, study=studies)
    def abandon(self, who: str, study: str) -> None:
        if study in studies_of(self.world):
            self.say(who, StudyAbandon, **present(self.world, study))

    @rule(who=people, study=studies)
    def reveal_sealed(self, who: str, study: str) -> None:
        if study in studies_of(self.world) and phase_of(self.world, study) == "reveal":
            fields = reveal_fields(who, here(self.world, study))
            self.say(who, UpdateReveal, **fields, sealed=digest(f"sealed {who}"))

    @rule(who=people, study=studies, round_=st.integers(0, 4), whose=st.sampled_from(WHOSE))
    def retire(self, who: str, study: str, round_: int, whose: str) -> None:
        self.say(who, BlobRetire, study=study, round=round_, updates=whose)

    @rule(study=studies, round_=st.integers(0, 2), silent=st.sets(people, max_size=2))
    def end_and_retire(self, study: str, round_: int, silent: set[str]) -> None:
        if study not in studies_of(self.world):
            return
        self.end_by_timers(study)
        for who in PEOPLE:
            if who not in silent:
                self.say(who, BlobRetire, study=study, round=round_, updates="all")

    @rule(study=studies, models=st.lists(labels, min_size=3, max_size=8))
    def votes_differ(self, study: str, models: list[str]) -> None:
        for who, model in zip(PEOPLE, models, strict=False):
            self.due(who, study, model, set(PEOPLE))

    @rule(who=people, study=studies, later=st.integers(0, 1), attempt=st.integers(1, 2))
    def vote_for_the_last_round_or_this(
        self, who: str, study: str, later: int, attempt: int
    ) -> None:
        if study in studies_of(self.world):
            round_ = max(status_of(self.world, study).closed_rounds + later, 1)
            at = {"study": study, "round": round_, "attempt": attempt}
            self.say(who, RoundVote, **at, **for_model("one"))

    @rule(who=people, subject=people, act=st.sampled_from(ACTS), label=labels)
    def propose(self, who: str, subject: str, act: str, label: str) -> None:
        action: Action = Expel(subject)
        if act == "admit":
            action = Admit(member(subject, 2))
            self.world.keys.setdefault(subject, key_of(subject))
        elif act == "restore":
            action = Restore(member=subject, study="heart")
        elif act == "rotate":
            action = rotation(self.world, subject, f"{subject} {label}", label)
        self.say(who, MemberPropose, action=action, proposal=proposal_id(label))

    @rule(label=labels, approve=st.booleans(), silent=st.sets(people, max_size=3))
    def vote_on_a_proposal(self, label: str, approve: bool, silent: set[str]) -> None:
        for who in PEOPLE:
            if who not in silent:
                self.say(who, MemberVote, approve=approve, proposal=proposal_id(label))

    @rule(who=people, culprit=people, study=studies, models=st.tuples(labels, labels))
    def present_evidence(self, who: str, culprit: str, study: str, models: tuple[str, str]) -> None:
        at = {"study": study, "round": 1, "attempt": 1}
        votes = [envelope(self.world, culprit, RoundVote, **at, **for_model(m)) for m in models]
        first, second = sorted(votes, key=lambda data: decode_envelope(data).payload)
        self.say(who, EvidenceConflict, first=to_text(first), second=to_text(second))

    @precondition(lambda self: self.said)
    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        self.send(data.draw(st.sampled_from(self.said)))

    @precondition(lambda self: self.said)
    @rule(data=st.data(), byte=st.integers(0, 255))
    def mutate(self, data: st.DataObject, byte: int) -> None:
        raw = data.draw(st.sampled_from(self.said))
        cut = data.draw(st.integers(0, len(raw)))
        self.send(raw[:cut] + bytes((byte,)) + raw[cut + 1 :])

    @precondition(lambda self: self.world.accepted)
    @rule(data=st.data())
    def sign_what_another_said(self, data: st.DataObject) -> None:
        payload = decode_envelope(data.draw(st.sampled_from(self.world.accepted))).payload
        who = data.draw(st.sampled_from((*PEOPLE, "stranger", "*log")))
        self.send(sign_envelope(payload, self.world.keys.get(who) or key_of(who)))

    @rule(who=people, forger=people, study=studies)
    def forge(self, who: str, forger: str, study: str) -> None:
        said = decode_envelope(
            envelope(self.world, who, StudyAbandon, study=study, round=0, attempt=0, phase="setup")
        )
        key = self.world.keys.get(forger) or key_of(forger)
        signature = key.sign(said.signed_bytes)
        self.send(encode_envelope(Envelope(said.payload, said.key_id, signature)))

    @rule(who=people, kind=st.sampled_from(KINDS), data=st.data())
    def say_something_malformed(self, who: str, kind: Any, data: st.DataObject) -> None:
        fields: dict[str, Any] = {
            name: data.draw(anything) for name in kind.__struct_fields__ if data.draw(st.booleans())
        }
        fields |= {"kind": kind.__struct_config__.tag, "format": 1}
        fields["genesis"] = to_text(self.world.identity)
        key = self.world.keys.get(who) or key_of(who)
        self.send(sign_envelope(encode(fields), key))

    @rule(data=st.binary(max_size=200))
    def send_bytes(self, data: bytes) -> None:
        assert self.send(data) is None

    @invariant()
    def the_root_is_the_one_of_the_entries(self) -> None:
        assert self.world.state.root() == naive_root(self.world.state.top)

    @invariant()
    def counters_hold(self) -> None:
        check_counters(self.world)

    @invariant()
    def no_study_holds_back_what_members_decided(self) -> None:
        check_nothing_waits(self.world)

    @invariant()
    def who_reads_sealed_updates_is_fixed(self) -> None:
        check_recipients(self.world)

    @invariant()
    def nothing_goes_back(self) -> None:
        for study in studies_of(self.world):
            place = place_of(self.world, study)
            assert place >= self.places.get(study, place)
            self.places[study] = place

    @invariant()
    def what_is_closed_stays(self) -> None:
        for place, root in closed_rounds(self.world):
            assert self.closed.setdefault(place, root) == root

    def teardown(self) -> None:
        state = initial_state(self.world.genesis)
        for data in self.world.accepted:
            apply(state, self.world.identity, data)
        assert state.root() == self.world.state.root()
        for study in studies_of(self.world):
            self.end_by_timers(study)
        check_counters(self.world)

    def end_by_timers(self, study: str) -> None:
        """Let nothing but timers fire (where all are waited for: votes to abandon) to the end."""
        record = record_of(self.world, study)
        for _ in range(3 + 4 * record.rounds * record.max_attempts):
            for who in PEOPLE:
                if record.attendance == "all":
                    self.say(who, StudyAbandon, **present(self.world, study))
                else:
                    self.timer(who, study)
        for who in PEOPLE:
            self.say(who, StudyClose, study=study)
        assert status_of(self.world, study).phase == "closed"


SETTINGS = settings(
    deadline=None, max_examples=60, stateful_step_count=50,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)  # fmt: skip

TestContract = ContractMachine.TestCase
TestContract.settings = SETTINGS


class LongContractMachine(ContractMachine):
    """The same, for longer."""


TestContractForLong = pytest.mark.long(LongContractMachine.TestCase)
TestContractForLong.settings = settings(SETTINGS, max_examples=300, stateful_step_count=80)
