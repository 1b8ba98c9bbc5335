"""Real faults among real processes: each fires the alert that the docs have for it, and no fault
that an operator must learn of has none.

Timers run `SPEED` times as fast as by default, and bounds in seconds are divided by it.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from time import monotonic, sleep

import pytest
from tests.commands import collegium
from tests.full_disk import no_file_beyond
from tests.network.cables import change_settings
from tests.network.perturbing import begin, child_of, kill
from tests.network.test_equivocation import va as va_identity
from tests.network.test_lying_sequencer import ALL, evidence, lied_to
from tests.network.trials import MEMBERS, started, trial
from tests.operations.alert_rules import RULES, firing, scrape
from tests.operations.pages import trained

from collegium.ledger.contract.declared import admitted_modules
from collegium.ledger.contract.transactions import UpdateCommit
from collegium.network.plan import planned
from collegium.network.record import home_of
from collegium.node.config import Timers, order_of, read_config
from collegium.node.status_page import ask_status
from collegium.transport import authority
from collegium.transport import home as transport_home
from collegium.transport.authority import certify_server, sign_request
from collegium.transport.client import connect
from collegium.transport.log_engine import SEQUENCER
from collegium.transport.loopback_page import ask_page

SPEED = 30.0
QUICK = ("evaluation.bootstrap=0", "training.rounds=100000", "study.attendance=quorum")


def at(folder: Path, name: str) -> Path:
    return folder / SEQUENCER if name == SEQUENCER else home_of(folder, name)


def alerts(folder: Path, name: str) -> dict[str, list[str]]:
    """What the rules say of a process now."""
    return firing(scrape(at(folder, name)), SPEED)


def until_fires(folder: Path, name: str, alert: str, seconds: float = 60.0) -> str:
    """Wait until an alert is true of a process at several looks, and return what it tells."""
    end, seen = monotonic() + seconds, 0
    while True:
        told = alerts(folder, name)
        seen = seen + 1 if alert in told else 0
        if seen == 3:
            return told[alert][0]
        assert monotonic() < end, (alert, name, told, scrape(at(folder, name)))
        sleep(0.1)


def until_silent(folder: Path, *names: str, but: tuple[str, ...] = (), seconds: float = 60) -> None:
    """Wait until nothing is alerted any more, but what lasts."""
    end = monotonic() + seconds
    while True:
        told = {name: alerts(folder, name).keys() - {*but} for name in names}
        if not any(told.values()):
            return
        pages = [ask_page(at(folder, name), "/status", 5) for name in names if told[name]]
        assert monotonic() < end, f"{ {k: v for k, v in told.items() if v} }\n{pages}"
        sleep(0.2)


@contextmanager
def paused(folder: Path, *names: str) -> Iterator[None]:
    children = [child_of(folder, name) for name in names]
    for child in children:
        os.kill(child.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for child in children:
            os.kill(child.pid, signal.SIGCONT)


@contextmanager
def text_of(path: Path, text: str) -> Iterator[None]:
    """Give a file another text for a while."""
    before = path.read_text()
    path.write_text(text)
    try:
        yield
    finally:
        path.write_text(before)


@contextmanager
def consortium(
    folder: Path, changes: tuple[str, ...] = QUICK, before: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Four members that train, with the default timers sped up, and nothing alerted."""
    with trial(folder, changes):
        for name in MEMBERS:
            path = home_of(folder, name) / "node.toml"
            phase, patience = Timers().phase / SPEED, Timers().phase * 2 / SPEED
            text = re.sub(r"(?m)^phase = \S+", f"phase = {phase}", path.read_text())
            path.write_text(re.sub(r"(?m)^patience = \S+", f"patience = {patience}", text))
        before()
        started(folder)
        yield


@pytest.mark.long
def test_faults_of_one_node_and_of_a_disk_are_alerted(tmp_path: Path) -> None:
    folder = tmp_path / "trial"
    with consortium(folder):
        until_silent(folder, SEQUENCER, *MEMBERS)
        va = home_of(folder, "va")

        with text_of(va / "policy.toml", "no = [policy"):
            assert "va" in until_fires(folder, "va", "SomethingFails")
        until_silent(folder, "va")

        authority_days(folder, "va", 10.5)
        until_fires(folder, "va", "CertificateEnds")
        assert "days" in ask_status(va).errors["certificate"]
        authority_days(folder, "va", 825)
        until_silent(folder, "va")

        authority_days(folder, SEQUENCER, 29.5)
        until_fires(folder, SEQUENCER, "SequencerCertificateEnds")
        authority_days(folder, SEQUENCER, 825)
        until_silent(folder, SEQUENCER, *MEMBERS)

        with no_file_beyond(1000, child_of(folder, SEQUENCER).pid):
            until_fires(folder, SEQUENCER, "SequencerDisk")
            until_fires(folder, "va", "NothingBecomesFinal")
        until_silent(folder, SEQUENCER, *MEMBERS)

        with no_file_beyond(1000, child_of(folder, "va").pid):
            until_fires(folder, "va", "NodeDoesNotFollow")
            assert ask_status(va).state == "disk"
        until_silent(folder, SEQUENCER, *MEMBERS)

        with paused(folder, SEQUENCER):
            until_fires(folder, "va", "NodeDoesNotFollow")
            until_fires(folder, SEQUENCER, "ProcessDown")
        until_silent(folder, SEQUENCER, *MEMBERS)

        kill(folder, "hungarian")
        change_settings(folder, "hungarian", "quota = 64.0", "quota = 0.000001")
        begin(folder, "hungarian")
        until_fires(folder, "hungarian", "HomeFills")

        with closing(connect(va, order_of(read_config(va)))) as line:
            who = va_identity(folder)
            number = ask_status(va).studies[0].round - 1
            late = who.sign(
                UpdateCommit, study="heart", round=number, attempt=1, commitment="A" * 43
            )
            line.submit([late])
        until_fires(folder, "cleveland", "Equivocation")


def authority_days(folder: Path, name: str, days: float) -> None:
    """Give a process a certificate that ends in so many days, as its operator renews it."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(authority, "CERTIFICATE_DAYS", days)
        tls, signer = at(folder, name) / "tls", folder / SEQUENCER / "authority"
        if name == SEQUENCER:
            renewed = folder / f"renewed-{days}"
            certify_server(signer, renewed, ["127.0.0.1"])
            for file in ("server.key", "server.pem"):
                shutil.copy(renewed / file, tls / file)
        else:
            request = authority.request_client(tls, name)
            sign_request(signer, tls, name, request.read_bytes())


@pytest.mark.long
def test_members_that_are_away_are_alerted(tmp_path: Path) -> None:
    folder = tmp_path / "trial"
    with consortium(folder):
        until_silent(folder, SEQUENCER, *MEMBERS)
        with paused(folder, "va"):
            assert "waits in " in until_fires(folder, "cleveland", "MemberAwaited")
            assert until_fires(folder, "hungarian", "MemberAwaited").endswith(" for va")
            until_fires(folder, "va", "ProcessDown")
            until_fires(folder, "cleveland", "ValidatorSilent", 90)
            assert ask_status(home_of(folder, "cleveland")).missing == ("va",)
            assert "without va" in until_fires(folder, "cleveland", "MemberSkipped", 90)
            with paused(folder, "hungarian"):
                until_fires(folder, SEQUENCER, "SequencerAwaitsQuorum")
                until_fires(folder, "cleveland", "NothingBecomesFinal")
            kill(folder, SEQUENCER)
            with paused(folder, "hungarian"):
                begin(folder, SEQUENCER)
                until_fires(folder, SEQUENCER, "SequencerNotReady")
        until_silent(folder, SEQUENCER, *MEMBERS)


@pytest.mark.long
def test_a_study_that_waits_for_one_who_never_comes_is_alerted_as_failed(tmp_path: Path) -> None:
    folder = tmp_path / "trial"
    with consortium(folder, (*QUICK[:2], "study.attendance=all")):
        sleep(2)
        kill(folder, "va")
        until_fires(folder, "cleveland", "MemberAwaited")
        assert "heart" in until_fires(folder, "cleveland", "StudyFailed", 120)


@pytest.mark.long
def test_a_blob_that_nobody_has_any_more_is_alerted(tmp_path: Path) -> None:
    folder = tmp_path / "trial"
    with consortium(folder, (*QUICK, "training.rounds=4")):
        kill(folder, "va")
        others = [home_of(folder, name) for name in MEMBERS[:-1]]
        end = monotonic() + 120
        while not all(map(trained, map(ask_status, others))):
            assert monotonic() < end
            sleep(0.2)
        model = ask_status(others[0]).studies[0].model
        for home in (folder / SEQUENCER, *others):
            (home / "blobs" / model).unlink()
        begin(folder, "va")
        until_fires(folder, "va", "BlobsMissing")


@pytest.mark.long
def test_a_store_that_is_away_is_alerted(tmp_path: Path) -> None:
    folder = tmp_path / "trial"
    store = tmp_path / "store"
    store.mkdir()

    def shared() -> None:
        for name in MEMBERS:
            change_settings(folder, name, 'store = "relay"', f'store = "file://{store}"')

    with consortium(folder, before=shared):
        until_silent(folder, SEQUENCER, *MEMBERS)
        store.rename(tmp_path / "elsewhere")
        store.write_text("no folder")
        until_fires(folder, "va", "SomethingFails")
        assert "blob store" in ask_status(home_of(folder, "va")).errors


@pytest.mark.long
def test_what_the_contract_refuses_of_a_member_is_alerted_and_named(tmp_path: Path) -> None:
    folder = tmp_path / "trial"
    opened = ExitStack()
    with pytest.MonkeyPatch.context() as patched:
        modules = tuple(one for one in admitted_modules() if not one.startswith("secagg"))
        patched.setattr(transport_home, "admitted_modules", lambda: modules)
        founded = opened.enter_context(trial(folder, (*QUICK, "training.rounds=2")))
    with opened:
        started(folder)
        home = home_of(folder, "cleveland")
        hides = ("study.id=masked", 'privacy.secure_aggregation={protocol="secagg"}')
        text = planned("heart", None, hides).read.text
        (home / "studies" / "masked.toml").write_text(text)
        assert "cleveland" in until_fires(folder, "cleveland", "OwnTransactionsRefused")
        (refused,) = ask_status(home).rejected
        why = "this ledger does not admit the module secagg@1"
        assert (refused.kind, refused.study, refused.why) == ("study.register", "masked", why)
        said = collegium("node", "status", home, cwd=tmp_path).stdout
        assert "error     study.register of masked is refused (refused) since 20" in said
        assert f"times: {why}" in said
        (home / "studies" / "masked.toml").unlink()
        until_silent(folder, "cleveland")
        assert founded.members == MEMBERS


BROKEN = """
from collegium.data.table import SiteRows

def rows(study):
    return object.__new__(SiteRows)
"""


@pytest.mark.long
def test_what_fails_in_one_study_and_nobody_foresaw_is_alerted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "trial"
    (tmp_path / "broken_loader.py").write_text(BROKEN)
    monkeypatch.setenv("PYTHONPATH", f"{os.environ.get('PYTHONPATH', '')}:{tmp_path}")

    def loaded() -> None:
        path = home_of(folder, "va") / "node.toml"
        text = re.sub(r"(?m)^(csv|person) = .*\n", "", path.read_text())
        path.write_text(text.replace("[data]", '[data]\nloader = "broken_loader:rows"'))

    with consortium(folder, before=loaded):
        assert "va" in until_fires(folder, "va", "StudyStopped")
        assert "AttributeError" in (ask_status(home_of(folder, "va")).studies[0].stopped or "")


@pytest.mark.long
@pytest.mark.parametrize(
    ("lie", "victims", "kind", "alert"),
    [("replay", (), "block", "SequencerLied"), ("equivocate", ("va",), "fork", "EvidenceKept")],
)
def test_a_lying_sequencer_is_alerted(
    tmp_path: Path, lie: str, victims: tuple[str, ...], kind: str, alert: str
) -> None:
    folder = tmp_path / "trial"
    with lied_to(folder, lie, victims, ALL):
        found = evidence(folder, "va", kind)
        until_fires(folder, "va", alert)
        assert ask_status(home_of(folder, "va")).evidence == (found.name,)


def test_every_rule_is_fired_by_a_fault_here() -> None:
    text = Path(__file__).read_text()
    elsewhere = {"MemberSilenced"}  # what no member may order needs a sequencer that keeps it back
    assert {name for name in RULES if f'"{name}"' not in text} <= elsewhere
