"""Seven hospitals under everything at once: the undisturbed model, or who prevented it by name.

While updates are masked and summed, processes are killed, paused, restarted and cut off, lines
lose what they carry, one member registers studies made to stop everybody and publishes what is
too large, somebody with an auditor's certificate holds the port's connections, and a site was
restored from a copy of its home. In the second drill the sequencer lies besides.
"""

from __future__ import annotations

import shutil
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from random import Random
from threading import Event, Thread
from time import sleep
from urllib.parse import urlsplit

import pytest
from tests.network.cables import Cable, cables
from tests.network.hostility import register_hostile_studies
from tests.network.liar import put_liar
from tests.network.perturbing import Perturber, begin, kill, seeded
from tests.network.trials import no_progress, started, trial
from tests.node.hostile import documents
from tests.transport.kit import certify_member

from collegium.ledger.engines.log.evidence import read_fork
from collegium.ledger.ordering import LEDGER
from collegium.network.record import NetworkRecord, home_of, read_record
from collegium.network.trial import stop_all, verify_members
from collegium.network.watch import statuses, wait_closed
from collegium.simulation.execution import run
from collegium.transport.log_engine import SEQUENCER

ROUNDS = 12
SEVEN = (
    "data.partition={ by='iid', sites=7 }", f"training.rounds={ROUNDS}", "evaluation.bootstrap=0",
    "study.attendance=all", "privacy.secure_aggregation={ protocol='secagg' }",
)  # fmt: skip
HOLDING = 24
"""Connections that the outsider keeps open, and tries to open again when they are closed."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The model that the simulation comes to, which nobody disturbs."""
    return run("heart", out=tmp_path_factory.mktemp("solo") / "run", changes=SEVEN).model


@contextmanager
def an_outsider_holds_the_port(folder: Path, record: NetworkRecord) -> Iterator[list[int]]:
    """Keep connections open with an auditor's certificate, each with a header that never ends.

    Yields how many connections were opened, as its only element.
    """
    tls = folder / "outsider"
    certify_member(folder / SEQUENCER / "authority", tls, "outsider")
    context = ssl.create_default_context(cafile=tls / "ca.pem")
    context.load_cert_chain(tls / "client.pem", tls / "client.key")
    host, port = urlsplit(record.url).hostname, urlsplit(record.url).port
    assert host is not None
    over, opened = Event(), [0]
    held: list[ssl.SSLSocket] = []

    def dribble() -> None:
        while not over.wait(0.1):
            for one in list(held):
                try:
                    one.sendall(b"X")
                except OSError:
                    held.remove(one)
                    one.close()
            with suppress(OSError):  # it is away, or takes no more
                while len(held) < HOLDING:
                    with socket.create_connection((host, port or 0), timeout=1) as plain:
                        held.append(context.wrap_socket(plain, server_hostname=host))
                    held[-1].sendall(b"GET /checkpoint HTTP/1.1\r\nHost: here\r\nA: ")
                    opened[0] += 1

    thread = Thread(target=dribble, name="outsider", daemon=True)
    thread.start()
    try:
        yield opened
    finally:
        over.set()
        thread.join(10)
        for one in held:
            one.close()


def backed_up(folder: Path, member: str) -> Path:
    """Stop a member, copy its home, and start it again."""
    kill(folder, member)
    copy = folder / f"backup-{member}"
    shutil.copytree(home_of(folder, member), copy)
    begin(folder, member)
    return copy


def restored(folder: Path, member: str, copy: Path) -> None:
    """Put a member's home back as it was when it was copied, as after a broken disk."""
    kill(folder, member)
    shutil.rmtree(home_of(folder, member))
    copy.rename(home_of(folder, member))
    begin(folder, member)


@contextmanager
def disturbed(
    folder: Path, random: Random, lie: tuple[str, ...] = ()
) -> Iterator[tuple[NetworkRecord, dict[str, Cable]]]:
    """Seven that train while everything is done to them; at the end all of them are well."""
    with ExitStack() as all_of_it:
        record = all_of_it.enter_context(trial(folder, SEVEN))
        ways = dict(all_of_it.enter_context(cables(folder, record)))
        if lie:
            put_liar(folder, *lie)
        record = started(folder)
        owner, lossy, broken, *_ = record.members
        while min(one.final_size for one in statuses(folder, record).values() if one) < 40:
            sleep(0.1)
        copy = backed_up(folder, broken)
        opened = all_of_it.enter_context(an_outsider_holds_the_port(folder, record))
        register_hostile_studies(folder, owner)
        ways[lossy].lose()
        Perturber(folder, ways, random, spared=(SEQUENCER,) if lie else ()).perturb(8.0)
        ways[lossy].mend()
        restored(folder, broken, copy)
        assert opened[0] >= HOLDING, "the outsider was there"
        yield read_record(folder), ways


def require_nothing_wrong_but_the_hostile_studies(folder: Path, record: NetworkRecord) -> None:
    """Check that everybody's verification recomputes the study, and accuses nobody."""
    for found in verify_members(folder, record).values():
        assert found.checked["rounds"] == ROUNDS
        about = {getattr(one.subject, "study", "") for one in found.findings}
        assert about <= set(documents()), found.findings


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_seven_under_all_of_it_end_in_the_undisturbed_model(
    tmp_path: Path, model: str, seed: int
) -> None:
    folder = tmp_path / "trial"
    with seeded(seed) as random, disturbed(folder, random) as (record, _):
        closed = wait_closed(folder, record, no_progress)
        assert closed.outcome == "completed"
        assert closed.model == model
        refused = {
            one.study for status in statuses(folder, record).values() if status
            for one in status.studies if one.refused
        }  # fmt: skip
        assert refused == set(documents()) - {"absent"}
        require_nothing_wrong_but_the_hostile_studies(folder, record)
        stop_all(folder)
        ledgers = [(home_of(folder, name) / LEDGER).read_bytes() for name in record.members]
        for shorter, longer in pairwise(sorted(ledgers, key=len)):
            assert longer.startswith(shorter), "hostile studies still time out while they stop"


@pytest.mark.long
def test_a_sequencer_that_lies_to_one_of_them_besides_is_named_and_no_member_is(
    tmp_path: Path, model: str
) -> None:
    folder = tmp_path / "trial"
    victim = "site-7"
    lie = ("equivocate", "60", victim)
    with seeded(7) as random, disturbed(folder, random, lie) as (record, _):
        closed = wait_closed(folder, record, no_progress)
        assert closed.outcome == "completed"
        assert closed.model == model, "the victim follows what a quorum has cosigned"
        (found,) = (home_of(folder, victim) / "evidence").glob("fork-*")
        fork = read_fork(found, bytes.fromhex(record.genesis))
        assert fork is not None
        require_nothing_wrong_but_the_hostile_studies(folder, record)
