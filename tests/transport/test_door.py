"""The door over raw sockets: nobody without a certificate, no auditor and no member crowds another
member out, and no stage of a connection lasts for ever."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any, cast

import pytest
from tests.transport.kit import Port, served

from collegium.transport.door import AN_AUDITOR, AUDITORS, Pool
from collegium.transport.notifier import Notifier
from collegium.transport.relayed import RelayStore
from collegium.transport.service import Service

DOOR = "collegium.transport.door"
QUESTION = b"GET /checkpoint HTTP/1.1\r\nHost: here\r\n\r\n"


@pytest.fixture
def port(tmp_path: Path) -> Iterator[Port]:
    with served(tmp_path) as found:
        yield found


def plain(port: Port) -> socket.socket:
    """Return a TCP connection that has said nothing."""
    host, number = port.url.removeprefix("https://").split(":")
    return socket.create_connection((host, int(number)), timeout=20)


def line(port: Port, who: str) -> ssl.SSLSocket:
    """Return a connection with somebody's certificate on which nothing was asked."""
    port.connection(who)
    tls = port.folder / "clients" / f"authority-{who}"
    context = ssl.create_default_context(cafile=tls / "ca.pem")
    context.load_cert_chain(tls / "client.pem", tls / "client.key")
    found = context.wrap_socket(plain(port), server_hostname="127.0.0.1")
    found.settimeout(20)
    return found


def is_open(there: socket.socket, seconds: float = 0.05) -> bool:
    """Whether the other side has not closed a connection on which nothing is to come."""
    there.settimeout(seconds)
    try:
        return there.recv(1) != b""
    except TimeoutError:
        return True
    except OSError:
        return False


def closed_after(there: socket.socket) -> float:
    """Wait until the other side closes; return after how many seconds it did."""
    began = monotonic()
    there.settimeout(20)
    try:
        while there.recv(65536):
            pass
    except TimeoutError:
        raise AssertionError("it stays open") from None
    except OSError:
        pass
    return monotonic() - began


def status_of(there: ssl.SSLSocket) -> int:
    """Return the status of an answer, past the signs of life before it."""
    said = b""
    while True:
        said += there.recv(4096)
        said = said.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
        if len(said) > 12 and not said.startswith(b"HTTP/1.1 100"):
            return int(said[9:12])


def member_is_served(port: Port) -> bool:
    answer = port.connection("ada").ask("GET", "/v1/status")
    return answer.status == 200


def test_one_auditors_certificate_cannot_hold_all_connections(port: Port) -> None:
    with ExitStack() as kept:
        member = kept.enter_context(line(port, "ada"))
        held = [kept.enter_context(line(port, "eve")) for _ in range(3 * AN_AUDITOR)]
        sleep(0.2)
        assert sum(map(is_open, held)) == AN_AUDITOR
        assert is_open(member)
        other = kept.enter_context(line(port, "another"))
        other.sendall(QUESTION)
        assert other.recv(20).startswith(b"HTTP/1.1 404"), "another auditor is answered"
        assert member_is_served(port)


def test_all_auditors_together_leave_members_their_connections(
    port: Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert AUDITORS >= 2 * AN_AUDITOR
    monkeypatch.setattr(f"{DOOR}.AUDITORS", 6)
    port.door._auditors = Pool(AN_AUDITOR, 6)
    with ExitStack() as kept:
        member = kept.enter_context(line(port, "ada"))
        held = [kept.enter_context(line(port, f"a{n % 4}")) for n in range(12)]
        sleep(0.2)
        assert sum(map(is_open, held)) == 6
        assert is_open(member)
        assert member_is_served(port)


def test_a_members_connections_crowd_out_its_own_alone(port: Port) -> None:
    port.door._members = Pool(3, None)
    with ExitStack() as kept:
        ada = kept.enter_context(line(port, "ada"))
        held = [kept.enter_context(line(port, "bo")) for _ in range(8)]
        sleep(0.2)
        assert [is_open(one) for one in held] == [False] * 5 + [True] * 3
        assert is_open(ada)


def test_whoever_shows_no_certificate_keeps_nobody_out(
    port: Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{DOOR}.HANDSHAKE_WITHIN", 30.0)
    port.door._shaking = Pool(None, 8)
    with ExitStack() as kept:
        held = [kept.enter_context(plain(port)) for _ in range(40)]
        assert member_is_served(port)
        sleep(0.2)
        assert sum(map(is_open, held)) <= 8


def test_every_stage_of_a_connection_ends(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    for stage in ("HANDSHAKE", "HEADER", "IDLE"):
        monkeypatch.setattr(f"{DOOR}.{stage}_WITHIN", 0.5)
    with plain(port) as shaking:
        assert closed_after(shaking) < 5
    with line(port, "ada") as idle:
        assert closed_after(idle) < 5
    with line(port, "ada") as answered:
        answered.sendall(QUESTION)
        assert closed_after(answered) < 5


def test_a_header_that_dribbles_is_given_up(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{DOOR}.HEADER_WITHIN", 0.6)
    began = monotonic()
    with line(port, "ada") as dribbling:
        dribbling.sendall(b"GET /checkpoint HTTP/1.1\r\nHost: here\r\n")
        while monotonic() < began + 10 and is_open(dribbling):
            with suppress(OSError):
                dribbling.sendall(b"x: y\r\n")
    assert monotonic() - began < 5


def test_whoever_does_not_take_what_it_asked_for_is_given_up(
    port: Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{DOOR}.WRITE_WITHIN", 0.5)
    relay = RelayStore(port.connection("ada"))
    digest = relay.put(bytes(8 * 2**20))
    question = f"GET /v1/blobs/{digest.hex()} HTTP/1.1\r\nHost: here\r\n\r\n".encode()
    with line(port, "bo") as deaf:
        until = monotonic() + 20
        while any(one.who == "bo" for one in port.door._members):
            assert monotonic() < until, "it may leave any amount untaken"
            with suppress(OSError):
                deaf.sendall(question)
            sleep(0.05)
    assert relay.has(digest), "whoever takes what it asked for is served"


def test_auditors_questions_keep_a_members_waiting_for_one_of_them(tmp_path: Path) -> None:
    class Slow:
        """A sequencer whose every answer takes a while."""

        def status(self) -> dict[str, object]:
            return {}

    service = Service(cast(Any, Slow()), Notifier())
    done: list[str] = []

    def slow(_: object) -> None:
        sleep(0.05)
        done.append("auditor")

    async def all_at_once() -> None:
        auditors = [asyncio.create_task(service.read(slow)) for _ in range(20)]
        await asyncio.sleep(0.01)
        await service.status("ada")
        done.append("ada")
        await asyncio.gather(*auditors)

    asyncio.run(all_at_once())
    service._thread.shutdown()
    assert done.index("ada") <= 2


def test_a_member_cannot_have_the_sequencer_keep_more_than_its_share(
    port: Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collegium.transport.server.BODIES_AT_ONCE", 1500)
    with line(port, "ada") as first, line(port, "ada") as second, line(port, "bo") as other:
        head = b"POST /v1/transactions HTTP/1.1\r\nHost: here\r\nContent-Length: 1000\r\n\r\n"
        first.sendall(head)
        sleep(0.2)
        second.sendall(head)
        assert status_of(second) == 429
        other.sendall(head + b"\xff" * 1000)
        assert status_of(other) == 400, "another member's is read"


def test_a_long_answer_is_preceded_by_signs_of_life(
    port: Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collegium.transport.server.BEAT", 0.1)
    monkeypatch.setattr("collegium.transport.client.ANSWER_WITHIN", 0.5)
    connection = port.connection("ada")
    began = monotonic()
    assert connection.ask("GET", "/v1/status").status == 200
    held = threading.Event()
    port.slow_down(held)
    threading.Timer(1.5, held.set).start()
    assert connection.ask("GET", "/v1/status").status == 200
    assert monotonic() - began > 1.4, "it was waited for, beyond the time for a dead line"
