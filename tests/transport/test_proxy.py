"""A hospital's proxy: it carries TLS with both certificates, and reads and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
from tests.transport.kit import At, Port, served
from tests.transport.proxies import proxy

from collegium.errors import RunError
from collegium.ledger.engines.log.delivery import MemberPosition
from collegium.transport.authority import certify_server, create_authority, server_context
from collegium.transport.client import HttpsConnection, connect
from collegium.transport.proxy import proxy_fault, proxy_of, shown
from collegium.transport.relayed import RelayStore

VARIABLES = ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy")


@pytest.fixture
def port(tmp_path: Path) -> Iterator[Port]:
    """A sequencer whose certificate names a host that only a proxy finds."""
    create_authority(tmp_path / "authority", "test")
    certify_server(tmp_path / "authority", tmp_path / "tls", ["127.0.0.1", "sequencer.test"])
    with served(tmp_path) as found:
        yield found


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def through(port: Port, way: str | None, host: str = "sequencer.test") -> HttpsConnection:
    """Return a member's connection by a host's name."""
    port.connection("ada")
    url = f"https://{host}:{port.url.rpartition(':')[2]}"
    return connect(port.folder / "clients" / "authority-ada", At(url, proxy=way))


def test_a_member_speaks_through_a_proxy_that_sees_no_word_and_resolves_the_name(
    port: Port,
) -> None:
    with proxy() as way, closing(through(port, way.url)) as line:
        assert line.present(MemberPosition()) is None
        blob = b"the secret of one hospital" * 1000
        RelayStore(line).put(blob)
        assert RelayStore(line).get(sha256(blob).digest()) == blob
    assert {one.partition(":")[0] for one in way.asked} == {"sequencer.test"}
    assert len(way.passed) > 2 * len(blob)
    assert b"secret" not in way.passed
    assert b"urn:collegium:member" not in way.passed, "nor who it is"


def test_the_environment_names_the_proxy_and_whom_it_is_not_for(
    port: Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy() as way:
        monkeypatch.setenv("HTTPS_PROXY", way.url)
        with closing(through(port, None)) as line:
            line.present(MemberPosition())
        assert len(way.asked) == 1
        with closing(port.connection("ada")) as line:  # by 127.0.0.1: no proxy is for that
            line.present(MemberPosition())
        monkeypatch.setenv("NO_PROXY", ".test")
        with closing(through(port, None)) as line, pytest.raises(RunError, match="unreachable"):
            line.present(MemberPosition())
        monkeypatch.delenv("NO_PROXY")
        with closing(through(port, "none")) as line, pytest.raises(RunError, match="unreachable"):
            line.present(MemberPosition())
        assert len(way.asked) == 1


def test_a_proxy_that_asks_for_a_login_is_given_it_and_nobody_else(port: Port) -> None:
    with proxy(login="va:open sesame") as way:
        url = way.url.replace("http://", "http://va:open%20sesame@")
        with closing(through(port, url)) as line:
            line.present(MemberPosition())
        with closing(through(port, way.url)) as line, pytest.raises(RunError) as caught:
            line.present(MemberPosition())
    assert caught.value.code == "transport.proxy"
    assert "407" in caught.value.why
    assert shown(url) == way.url


def test_what_a_proxy_refuses_or_is_not_there_is_told_as_the_proxy_s(port: Port) -> None:
    with proxy() as way:
        way.allowed = False
        with closing(through(port, way.url)) as line, pytest.raises(RunError) as caught:
            line.present(MemberPosition())
        assert (caught.value.code, "403" in caught.value.why) == ("transport.proxy", True)
    with closing(through(port, way.url)) as line, pytest.raises(RunError) as caught:
        line.present(MemberPosition())
    assert caught.value.code == "transport.proxy"
    assert way.url in caught.value.what


def test_a_proxy_that_inspects_tls_is_not_believed(port: Port, tmp_path: Path) -> None:
    create_authority(tmp_path / "border", "border")
    own = tmp_path / "border-tls"
    certify_server(tmp_path / "border", own, ["sequencer.test"])
    context = server_context(own / "server.pem", own / "server.key", own / "ca.pem")
    with proxy(inspecting=context) as way, closing(through(port, way.url)) as line:
        with pytest.raises(RunError) as caught:
            line.present(MemberPosition())
        assert caught.value.code == "transport.untrusted"
    assert way.passed == b"", "nothing was said"


def test_a_name_that_the_certificate_has_not_is_told(port: Port) -> None:
    with proxy() as way, closing(through(port, way.url, "elsewhere.test")) as line:
        with pytest.raises(RunError) as caught:
            line.present(MemberPosition())
        assert caught.value.code == "transport.other-name"


@pytest.mark.parametrize("odd", ["", "proxy:3128", "socks5://proxy:1080", "http://", "http://[::1"])
def test_a_setting_that_is_no_proxy_is_a_mistake(odd: str) -> None:
    assert proxy_fault(odd) is not None
    assert proxy_fault("none") is None
    assert proxy_fault("http://proxy.hospital:3128") is None
    assert proxy_of("http://proxy.hospital:3128", "https://127.0.0.1:1") is not None
