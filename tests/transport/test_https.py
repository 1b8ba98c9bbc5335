"""Members and a sequencer over real TLS: who is heard, what is held open, what is refused."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic

import msgspec
import pytest
import urllib3
from tests.ledger.contract.kit import envelope
from tests.ledger.contract.moves import TERMS
from tests.ledger.engines.log.kit import LOG_KEY, MEMBERS
from tests.transport.kit import At, Port, certify_member, served

from collegium.errors import CollegiumError, RunError
from collegium.ledger.contract.transactions import StudyRegister
from collegium.ledger.engines.log.connection import CosignatureRefused, NotInTheLog, PresentFirst
from collegium.ledger.engines.log.delivery import MemberPosition
from collegium.ledger.engines.log.inclusion_promise import open_inclusion_promise
from collegium.ledger.ordering import Ordered, Refused
from collegium.ledger.tiles import Tile
from collegium.transport.authority import create_authority
from collegium.transport.client import HttpsConnection, connect
from collegium.transport.wire import LARGEST_SUBMISSION, Problem


@pytest.fixture
def port(tmp_path: Path) -> Iterator[Port]:
    with served(tmp_path) as found:
        yield found


@pytest.fixture(scope="module")
def everybody_s(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Port]:
    """A port where everybody has presented itself, and of which only ada asks."""
    with served(tmp_path_factory.mktemp("asked")) as found:
        begun(found)
        yield found


def begun(port: Port) -> dict[str, HttpsConnection]:
    """Connect everybody, and let them present themselves and take the first block."""
    connections = {name: port.connection(name) for name in MEMBERS}
    for name, connection in connections.items():
        port.us.start(name, connection)
    for _ in range(2):
        port.us.step(rounds=1)
    return connections


def test_members_order_replay_and_cosign_over_the_port(port: Port) -> None:
    connections = begun(port)
    (answer,) = connections["ada"].submit([port.us.registration("heart")])
    assert answer == Ordered(0)
    port.us.step()
    assert port.us.sizes() == dict.fromkeys(MEMBERS, (1, 1))
    port.us.require_agreement()
    (again,) = connections["ada"].submit([port.us.registration("heart")])
    assert again == Ordered(0)
    (refused,) = connections["bo"].submit([b"no envelope"])
    assert isinstance(refused, Refused)
    assert refused.code == "malformed"


def test_a_question_that_is_held_open_is_answered_at_once_when_there_is_news(port: Port) -> None:
    connections = begun(port)
    found: list[bytes | None] = []
    waiting = threading.Thread(target=lambda: found.append(connections["bo"].blocks(0, 30.0)))
    began = monotonic()
    waiting.start()
    connections["ada"].submit([port.us.registration("heart")])
    waiting.join(30)
    assert monotonic() - began < 15
    assert found
    assert found[0] is not None


def test_equivocations_are_told_over_the_port(port: Port) -> None:
    connections = begun(port)
    assert connections["bo"].conflicts() == []
    connections["ada"].submit([port.us.registration("heart")])
    port.us.step()
    terms = {**TERMS, "study": "heart", "rounds": 9}
    other = envelope(port.us.world, "ada", StudyRegister, **terms)
    connections["ada"].submit([other])
    (conflict,) = connections["bo"].conflicts()
    assert set(conflict) == {port.us.registration("heart"), other}


def test_the_next_place_is_promised_over_the_port_and_kept(port: Port) -> None:
    connections = begun(port)
    kept = port.us.registration("lung")
    connections["ada"].submit([port.us.registration("heart")])
    ((envelope, promise),) = connections["bo"].demand([(kept, "")])
    assert envelope == kept
    us = port.us.world
    assert open_inclusion_promise(promise, us.identity, LOG_KEY.public).index == 1
    assert connections["cy"].demand([]) == [(kept, promise)]
    port.us.step()
    assert connections["bo"].submit([kept]) == [Ordered(1)]


def test_a_question_without_news_comes_back_empty(port: Port) -> None:
    connections = begun(port)
    assert connections["ada"].blocks(0, 0.1) is None
    assert connections["ada"].final(1, 0.1) is None


def test_who_has_not_presented_itself_is_asked_to(port: Port) -> None:
    connection = port.connection("ada")
    with pytest.raises(PresentFirst):
        connection.blocks(0, 0)
    with pytest.raises(PresentFirst):
        connection.final(0, 0)
    assert connection.present(MemberPosition()) is None


def test_what_cannot_be_is_refused_by_its_name(port: Port) -> None:
    connections = begun(port)
    two = [port.us.registration("heart"), port.us.registration("lung")]
    connections["ada"].submit(two)
    port.us.step()
    with pytest.raises(NotInTheLog):
        connections["ada"].blocks(1, 0)
    with pytest.raises(PresentFirst):
        connections["ada"].blocks(17, 0)
    connections["ada"].submit([port.us.registration("kidney")])
    with pytest.raises(CosignatureRefused):
        connections["ada"].cosign("— nobody AAAA\n", 3)
    with pytest.raises(PresentFirst):
        connections["ada"].restore(0, b"blocks that nobody has asked for")


def test_whoever_is_no_member_is_served_nothing_but_the_monitors_part(port: Port) -> None:
    connections = begun(port)
    stranger = port.connection("eve")
    for ask in (
        lambda: stranger.submit([b""]), lambda: stranger.blocks(0, 0), lambda: stranger.final(0, 0),
        lambda: stranger.present(MemberPosition()), lambda: stranger.ask("GET", "/v1/status"),
        lambda: stranger.ask("HEAD", f"/v1/blobs/{'0' * 64}"),
    ):  # fmt: skip
        with pytest.raises(CollegiumError):
            ask()
    connections["ada"].submit([port.us.registration("heart")])
    port.us.step()
    note = stranger.ask("GET", "/checkpoint").data.decode()
    assert note == port.us.replicas["ada"].final_note
    hashes = stranger.ask("GET", f"/{Tile(0, 0, 1).path}").data
    assert len(hashes) == 32
    assert stranger.ask("GET", f"/{Tile(None, 0, 1).path}").data
    for odd in (Tile(0, 0, 2).path, Tile(1, 0).path, "tile/0/0", "tile/x"):
        with pytest.raises(CollegiumError):
            stranger.ask("GET", f"/{odd}")


def test_without_a_certificate_of_the_authority_nobody_is_heard(port: Port, tmp_path: Path) -> None:
    create_authority(tmp_path / "other", "other")
    with closing(port.connection("ada", "other")) as stranger, pytest.raises(RunError) as caught:
        stranger.blocks(0, 0)
    assert caught.value.code == "transport.untrusted"
    trusting = ssl.create_default_context(cafile=tmp_path / "authority" / "ca.pem")
    with (
        urllib3.PoolManager(ssl_context=trusting, retries=False) as bare,
        pytest.raises((urllib3.exceptions.HTTPError, ssl.SSLError, OSError)),
    ):
        bare.request("GET", f"{port.url}/checkpoint")


def test_a_sequencer_of_another_authority_is_not_believed(port: Port, tmp_path: Path) -> None:
    create_authority(tmp_path / "other", "other")
    certify_member(tmp_path / "other", tmp_path / "mine", "ada")
    with (
        closing(connect(tmp_path / "mine", At(port.url))) as mine,
        pytest.raises(RunError) as caught,
    ):
        mine.blocks(0, 0)
    assert caught.value.code == "transport.untrusted"
    assert "certificate" in caught.value.why


def test_nobody_at_the_port_is_told_after_a_few_tries(port: Port) -> None:
    with (
        closing(connect(_tls(port), At("https://127.0.0.1:9"))) as nobody,
        pytest.raises(RunError) as caught,
    ):
        nobody.blocks(0, 0)
    assert caught.value.code == "transport.unreachable"


def _tls(port: Port) -> Path:
    port.connection("ada")
    return port.folder / "clients" / "authority-ada"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/blocks", None),
        ("GET", "/v1/blocks?size=-1", None),
        ("GET", "/v1/blocks?size=1e3", None),
        ("GET", "/v1/blocks?size=0&wait=soon", None),
        ("GET", "/v1/blocks?size=0&wait=nan", None),
        ("GET", "/v1/blocks?size=0&wait=inf", None),
        ("GET", "/v1/blocks?size=0&wait=-1", None),
        ("GET", "/v1/blocks?size=0&wait=1e1", None),
        ("GET", "/v1/blocks?size=0&wait=61", None),
        ("GET", "/v1/blocks?size=0&size=0", None),
        ("GET", "/v1/blocks?size=0&weight=0", None),
        ("GET", "/v1/blocks?size=9007199254740992", None),
        ("GET", "/v1/final?size=0&wait=nan", None),
        ("POST", "/v1/transactions", b"\0\0\0\xff"),
        ("POST", "/v1/standing", b"x"),
        ("POST", "/v1/demands", b"\0\0\0\1x"),
        ("POST", "/v1/demands", b"\0\0\0\1x\0\0\0\1\xff"),
        ("POST", "/v1/cosignatures?size=0", b"\xff\xfe"),
        ("GET", "/v1/blobs/../../keys/log.pem", None),
        ("GET", "/v1/blobs/ABCDEF", None),
        ("PUT", f"/v1/blobs/{'0' * 64}", b"without its headers"),
        ("PATCH", "/v1/blocks", None),
        ("GET", "/nowhere", None),
    ],
)
def test_nonsense_is_refused_with_a_problem(
    everybody_s: Port, method: str, path: str, body: bytes | None
) -> None:
    connection = everybody_s.opened[0]
    answer = connection._pool.request(method, everybody_s.url + path, body=body, redirect=False)
    assert 400 <= answer.status < 500
    assert msgspec.json.decode(answer.data, type=Problem).code
    assert connection.blocks(0, 0) is None  # and the port goes on


def test_a_body_is_bounded_before_it_is_read(port: Port) -> None:
    connection = begun(port)["ada"]
    with pytest.raises(CollegiumError) as caught:
        connection.ask("POST", "/v1/transactions", bytes(LARGEST_SUBMISSION + 1))
    assert caught.value.code in ("http.413", "transport.unreachable")


def test_a_body_that_comes_too_slowly_is_given_up(
    port: Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(port)
    monkeypatch.setattr("collegium.transport.server._GRACE", 0.2)
    tls = _tls(port)
    context = ssl.create_default_context(cafile=tls / "ca.pem")
    context.load_cert_chain(tls / "client.pem", tls / "client.key")
    host, number = port.url.removeprefix("https://").split(":")
    began = monotonic()
    with (
        socket.create_connection((host, int(number)), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname=host) as line,
    ):
        line.sendall(
            b"POST /v1/transactions HTTP/1.1\r\nHost: here\r\nContent-Length: 1000\r\n\r\nslow"
        )
        assert line.recv(100).startswith(b"HTTP/1.1 408")
    assert monotonic() - began < 10


def test_a_member_with_too_many_open_questions_is_told_to_come_again(
    port: Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections = begun(port)
    monkeypatch.setattr("collegium.transport.server.AT_ONCE", 1)
    held = threading.Thread(target=connections["ada"].blocks, args=(0, 3.0))
    held.start()
    wait_until(lambda: asked(port, "ada", "/v1/status") == 429)
    assert asked(port, "bo", "/v1/status") == 200, "the others are served"
    held.join()
    wait_until(lambda: asked(port, "ada", "/v1/status") == 200)


def asked(port: Port, member: str, path: str) -> int:
    """Return the status of one question, asked once."""
    connection = port.connection(member)
    return connection._pool.request("GET", port.url + path, retries=False).status


def wait_until(true: Callable[[], bool]) -> None:
    deadline = monotonic() + 10
    while not true():
        assert monotonic() < deadline
