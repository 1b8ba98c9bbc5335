"""Any order of deliveries, kills, moves, damage and lies: members agree, and nothing final is lost.

Hypothesis plays the network, the machines and a sequencer that may have two faces. When the faults
stop, what was acknowledged is there and the consortium goes on, after its operators have released
what a lie has split.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.ledger.contract.kit import key_of
from tests.ledger.engines.log.kit import LOG_KEY, MEMBERS, Consortium, Down, consortium
from tests.ledger.engines.log.lies import crafted

from collegium.canonical import encode
from collegium.ledger.contract.apply import apply, initial_state
from collegium.ledger.cosignature import cosign, cosigner_name
from collegium.ledger.engines.log.connection import CosignatureRefused, PresentFirst
from collegium.ledger.engines.log.evidence import SequencerMisbehaved
from collegium.ledger.engines.log.sequencer import Sequencer
from collegium.ledger.frames import ENTRY, decode_entry, read_frames
from collegium.ledger.note import origin_of, sign_checkpoint
from collegium.ledger.ordering import Ordered

members = st.sampled_from(MEMBERS)
groups = st.sets(members, min_size=1, max_size=3).map(sorted)


def envelopes(blocks: bytes) -> list[bytes]:
    """Return the transactions of consecutive blocks."""
    return [decode_entry(one.body)[0] for one in read_frames(blocks) if one.kind == ENTRY]


class LogMachine(RuleBasedStateMachine):
    """Four members and one sequencer, honest in `self.sequencer`, lying beside it."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="collegium-log-"))
        self.us: Consortium = consortium(self.folder / "us")
        self.sequencer: Sequencer = self.us.sequencers[0]
        self.home = "sequencer"
        self.number = 0
        self.acknowledged: set[bytes] = set()
        self.finals = dict.fromkeys(MEMBERS, b"")
        self.submitted: list[bytes] = []
        self.two_faced = False
        self.said: dict[tuple[str, int], str] = {}

    @rule(who=members, count=st.integers(1, 3))
    def submit(self, who: str, count: int) -> None:
        """A member hands transactions over to whatever is at its other end."""
        batch = []
        for _ in range(count):
            self.number += 1
            batch.append(self.us.registration(f"study{self.number}", who))
        self.submitted += batch
        self.hand_over(who, batch)

    @precondition(lambda self: self.submitted)
    @rule(who=members, data=st.data())
    def submit_again(self, who: str, data: st.DataObject) -> None:
        """The same bytes once more, by their author or anybody else."""
        self.hand_over(who, [data.draw(st.sampled_from(self.submitted))])

    def hand_over(self, who: str, batch: Sequence[bytes]) -> None:
        wire = self.us.wires[who]
        try:
            answers = wire.submit(batch)
        except Down:
            return
        if wire.sequencer is self.sequencer and not self.two_faced:
            self.acknowledged |= {
                one for one, answer in zip(batch, answers, strict=True)
                if isinstance(answer, Ordered)
            }  # fmt: skip

    @rule(who=members, times=st.integers(1, 3))
    def step(self, who: str, times: int) -> None:
        """A member takes a step or more."""
        for _ in range(times):
            try:
                self.us.told[who] += self.us.replicas[who].step(0)
            except (SequencerMisbehaved, Down):
                return
            finally:
                self.keep_word(who)

    def keep_word(self, who: str) -> None:
        """Check that a member has not cosigned two blocks after the same final one."""
        last = self.us.replicas[who].witness._file.last
        if last is not None and not last.released:
            said = self.said.setdefault((who, last.first), last.block)
            assert said == last.block, f"{who} cosigned two blocks after entry {last.first}"

    @rule(times=st.integers(1, 2))
    def all_step(self, times: int) -> None:
        """Everybody takes a step."""
        for who in MEMBERS:
            self.step(who, times)

    @rule(who=members)
    def kill_member(self, who: str) -> None:
        """A member's process is killed and started again."""
        self.us.start(who)

    @rule(who=members)
    def restore_member(self, who: str) -> None:
        """A member's home comes from a backup: it does not know what it has cosigned."""
        others = (one for name, one in self.us.replicas.items() if name != who)
        if all(one.witness.known for one in others):  # two of four would be no quorum
            (self.us.home(who) / "cosigned").unlink(missing_ok=True)
            self.us.start(who)

    @rule(who=members)
    def say_it_is_back(self, who: str) -> None:
        """A member whose word is lost hands over what brings it back."""
        replica = self.us.replicas[who]
        if replica.settled:
            self.hand_over(who, replica.witness.returning())

    @rule()
    def kill_sequencer(self) -> None:
        """The sequencer's process is killed and started again on its home."""
        self.restart_on(self.home)

    @rule(who=members)
    def move_sequencer(self, who: str) -> None:
        """The sequencer's machine is lost; another one starts from a member's copy."""
        self.number += 1
        home = self.us.home(f"moved{self.number}")
        for name in ("ledger.log", "final"):
            if (self.us.home(who) / name).exists():
                shutil.copy(self.us.home(who) / name, home / name)
        self.only_final_is_owed()
        self.restart_on(home.name)

    def restart_on(self, home: str) -> None:
        before, self.home = self.sequencer, home
        before.copy.close()
        self.us.sequencers.remove(before)
        self.sequencer = self.us.sequencer(home)
        for wire in self.us.wires.values():
            if wire.sequencer is before:
                wire.sequencer = self.sequencer

    @rule(who=members)
    def cut_off(self, who: str) -> None:
        """A member's network fails."""
        self.us.connect(None, [who])

    @rule(who=members)
    def connect(self, who: str) -> None:
        """It works again, and leads to the honest one."""
        self.us.connect(self.sequencer, [who])

    @rule(some=groups)
    def two_faces(self, some: list[str]) -> None:
        """The sequencer shows some members another face from here on."""
        self.number += 1
        name = f"evil{self.number}"
        self.only_final_is_owed()
        self.two_faced = True  # from here on its word is worth nothing
        shutil.copytree(self.us.folder / self.home, self.us.folder / name)
        evil = self.us.sequencer(name)
        evil._recovery.presented |= set(MEMBERS)  # a liar needs not hear anybody
        evil._recovery.ready = evil.copy.expected is None
        self.us.connect(evil, some)

    @rule(some=groups)
    def two_blocks(self, some: list[str]) -> None:
        """Two faces make two blocks after the same one, and each gets what cosignatures it can."""
        self.connect_all()
        self.two_faces(some)
        others = [who for who in MEMBERS if who not in some]
        for group in (some, others):
            self.submit(group[0], 1 + len(group) % 2)
        for who in MEMBERS:
            self.step(who, 1)

    def connect_all(self) -> None:
        self.us.connect(self.sequencer)

    @rule(who=members)
    def bluff(self, who: str) -> None:
        """A member is told that its last block is final, with all cosignatures that there are."""
        us, replica = self.us, self.us.replicas[who]
        head = replica.ledger.head()
        lines = [
            last.line
            for one in us.replicas.values()
            if (last := one.witness._file.last) is not None and last.is_of(head)
        ]
        note = sign_checkpoint(head, LOG_KEY) + "".join(lines)
        with suppress(SequencerMisbehaved, Down):
            us.told[who] += us.lie_once(who, on_final=lambda _: note)

    @rule(who=members, some=groups)
    def forgetful(self, who: str, some: list[str]) -> None:
        """A member loses what it has just cosigned, and is shown another block in its place."""
        self.two_blocks(some)
        self.damage(who, 1595, heals=True)
        for face in [self.us.wires[other].sequencer for other in MEMBERS]:
            self.us.connect(face, [who])
            self.step(who, 3)

    @rule(who=members, kind=st.integers(0, 4))
    def lie(self, who: str, kind: int) -> None:
        """A member gets one thing that cannot be, and then is connected as before."""
        us, replica = self.us, self.us.replicas[who]
        ledger = replica.ledger
        envelope = us.registration(f"lie{self.number}")
        lies = [
            crafted(ledger, [(envelope, encode([]))], ledger.state.root()),
            crafted(ledger, [(envelope, encode([]))], ledger.state.root(), key=key_of("eve")),
            b"\xff" * 40,
            None,
        ]
        head = ledger.head()
        name = cosigner_name(origin_of(replica.identity), who)
        note = sign_checkpoint(head, LOG_KEY) + cosign(head, name, key_of(who), 1)
        hooks: dict[str, Any] = {"on_final": lambda _: note if kind == 4 else None}
        if kind < 4:
            hooks["on_blocks"] = lambda _: lies[kind]
        with suppress(SequencerMisbehaved, Down):
            us.told[who] += us.lie_once(who, **hooks)

    @rule(who=members, whose=members, size=st.integers(0, 3))
    def forge_cosignature(self, who: str, whose: str, size: int) -> None:
        """A member hands over a cosignature that is another's, or by a key that is nobody's."""
        sequencer = self.us.wires[who].sequencer
        if sequencer is None:
            return
        head = sequencer.copy.ledger.head()
        name = cosigner_name(origin_of(self.us.world.identity), whose)
        line = cosign(head, name, key_of("eve"), 1)
        before = sequencer.copy.final_size
        with suppress(CosignatureRefused, PresentFirst):
            sequencer.cosign(who, line, head.size)
        assert sequencer.copy.final_size == before
        assert line not in (sequencer.copy.final_note or "")

    @rule(who=members, at=st.integers(0, 10_000), heals=st.booleans())
    def damage(self, who: str, at: int, heals: bool) -> None:
        """A byte of a member's file changes; it is noticed at its start, or by its own check.

        One home at a time: what nobody holds any more cannot be healed from anybody.
        """
        if not all(self.whole(other) for other in MEMBERS if other != who):
            return
        path = self.us.home(who) / "ledger.log"
        data = bytearray(path.read_bytes())
        if not self.us.replicas[who].size and not heals:
            return  # a genesis alone, damaged, is another consortium's as far as anybody can tell
        data[at % len(data)] ^= 1
        path.write_bytes(bytes(data))
        if heals:
            assert not self.us.replicas[who].check()
        else:
            self.us.start(who)

    def whole(self, who: str) -> bool:
        """Return whether a member holds all that was final there, and what it has cosigned."""
        replica = self.us.replicas[who]
        bound = replica.witness.bound
        return len(self.us.final_bytes(who)) >= len(self.finals[who]) and (
            bound is None or bound.is_of(replica.ledger.head())
        )

    @invariant()
    def agreement(self) -> None:
        """Members' final logs are prefixes of each other, and none ever loses a final entry."""
        for who in MEMBERS:
            replica = self.us.replicas[who]
            if replica.copy.expected is not None:
                continue  # it is being healed: it holds less, and says so
            final = self.us.final_bytes(who)
            assert final.startswith(self.finals[who]), f"{who} lost what was final"
            self.finals[who] = final
        logs = sorted(self.finals.values(), key=len)
        for shorter, longer in pairwise(logs):
            assert longer.startswith(shorter), "two members hold different final histories"

    def final_nowhere(self, first: int) -> bool:
        """Return whether no member knows anything final after so many entries."""
        return all(one.copy.known_final <= first for one in self.us.replicas.values())

    @invariant()
    def told_once(self) -> None:
        """A member is told of each entry once, in order."""
        for who, told in self.us.told.items():
            indices = [one.index for one in told]
            assert indices == sorted(set(indices)), f"{who} was told {indices}"

    def only_final_is_owed(self) -> None:
        """After a lie or a lost machine, only what is final anywhere is owed to its author."""
        final = set(envelopes(max(self.finals.values(), key=len)))
        self.acknowledged &= final

    def teardown(self) -> None:
        """Faults stop: what was acknowledged is there, and a new transaction becomes final."""
        if not hasattr(self, "us"):
            return
        try:
            self.recover()
        finally:
            self.us.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def recover(self) -> None:
        us = self.us
        us.connect(self.sequencer)
        self.restart_on(self.home)  # it hears anew what everybody holds
        for who in MEMBERS:
            us.start(who)
        us.step(rounds=6)
        going_on = self.sequencer.copy.ledger.head()
        for who in MEMBERS:  # what operators do when a lie has split the members
            bound = us.replicas[who].witness.bound
            if bound is not None and not bound.is_of(going_on):
                assert self.final_nowhere(bound.first), "operators would release what is final"
                us.replicas[who].release()
        us.step(rounds=6)
        for who, replica in us.replicas.items():
            if not replica.witness.known:
                if replica.settled:
                    us.wires[who].submit(replica.witness.returning())
                    us.step(rounds=6)
                else:  # what the others have cosigned needs it, and an operator looks at all
                    replica.release()
                    us.start(who)
                    us.step(rounds=6)
                assert us.replicas[who].witness.known
        answers = us.wires["ada"].submit([us.registration("last")])
        assert all(isinstance(answer, Ordered) for answer in answers), answers
        us.step(rounds=6)
        self.agreement()
        size = self.sequencer.copy.size
        assert us.sizes() == dict.fromkeys(MEMBERS, (size, size))
        there = envelopes(us.final_bytes("ada"))
        assert self.acknowledged <= set(there)
        state = initial_state(us.world.genesis)
        for envelope in there:
            apply(state, us.world.identity, envelope)
        assert {one.state.root() for one in us.replicas.values()} == {state.root()}
        us.require_agreement()


SETTINGS = settings(
    deadline=None, report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip


def test_short_histories_of_faults_and_lies() -> None:
    run_state_machine_as_test(
        LogMachine, settings=settings(SETTINGS, max_examples=8, stateful_step_count=15)
    )


@pytest.mark.long
def test_long_histories_of_faults_and_lies() -> None:
    run_state_machine_as_test(
        LogMachine, settings=settings(SETTINGS, max_examples=100, stateful_step_count=40)
    )
