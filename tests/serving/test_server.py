"""What the server answers, to whom, and what it never does."""

from __future__ import annotations

import asyncio
import base64
import csv
import hashlib
import html
import io
import re
import shutil
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import unquote

import msgspec
import pytest
from tests.serving.folder import HIDDEN, everything_in, network_in, run_in, served, status_of

from collegium.network.record import NetworkRecord
from collegium.node.status import NodeStatus
from collegium.serving.server import names_us
from collegium.transport.loopback_page import LoopbackPage, status_pages


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with served(everything_in(tmp_path_factory.mktemp("served") / "root")) as one:
        yield one


def ask(port: int, path: str, method: str = "GET", **headers: str) -> tuple[HTTPResponse, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.putrequest(method, path, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer, answer.read().decode()
    finally:
        connection.close()


def links(page: str) -> set[str]:
    return {html.unescape(one) for one in re.findall(r'(?:href|src)="([^"]*)"', page)}


def every_page(port: int) -> dict[str, tuple[HTTPResponse, str]]:
    """Everything that links lead to, from the first page on."""
    found: dict[str, tuple[HTTPResponse, str]] = {}
    waiting = ["/"]
    while waiting:
        path = waiting.pop()
        if path in found or path.startswith("#"):
            continue
        found[path] = ask(port, path)
        waiting += links(found[path][1]) if not path.startswith("/report") else ()
    return found


def test_every_link_leads_to_a_page_and_none_elsewhere(port: int) -> None:
    found = every_page(port)
    assert {path.split("/")[1] for path in found} == {"", "runs", "comparisons", "data", "report"}
    for path, (answer, _) in found.items():
        assert path.startswith("/")
        assert answer.status == 200, path


def test_no_page_holds_what_is_secret_or_outside(port: int) -> None:
    for path, (_, body) in every_page(port).items():
        assert HIDDEN not in body, path


def test_a_report_that_is_a_link_is_not_shown(port: int) -> None:
    assert ask(port, "/report/linked")[0].status == 404
    assert ask(port, "/report/runs/whole")[0].status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/runs/../../etc/passwd", "/runs/..%2f..%2fetc%2fpasswd", "/runs/%2e%2e/outside/private",
        "/runs/link", "/report/../outside/private", "/data/rounds/link.csv", "//etc/passwd",
        "/runs/runs/whole/members/va/ledger.pem", "/runs/runs/whole/policy.json", "/runs/%00",
        "/report/runs/half", "/nodes/runs/whole", "/favicon.ico", "/runs/" + "a" * 4000,
    ],
)  # fmt: skip
def test_no_path_leads_out_or_to_other_files(port: int, path: str) -> None:
    answer, body = ask(port, path)
    assert answer.status in (400, 404), path
    assert HIDDEN not in body
    assert "root:" not in body


def test_nothing_but_reading_is_answered(port: int) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
        assert ask(port, "/", method)[0].status == 405
    assert ask(port, "/", "HEAD")[0].status == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200), ("localhost:8420", 200), ("[::1]:8420", 200), ("LOCALHOST", 200),
        ("evil.example", 403), ("127.0.0.1.evil.example", 403), ("localhost.evil.example:80", 403),
        ("192.168.0.7", 403), ("", 403), ("localhost@evil.example", 403),
    ],
)  # fmt: skip
def test_a_name_that_somebody_else_gave_this_machine_is_refused(
    port: int, host: str, status: int
) -> None:
    answer, body = ask(port, "/", Host=host)
    assert answer.status == status
    assert ("Heart disease" in body) == (status == 200)


def test_bound_to_the_network_any_number_is_an_address_and_no_other_name() -> None:
    assert names_us("192.168.0.7:8420", "0.0.0.0")  # noqa: S104
    assert names_us("[fe80::1]:8420", "::")
    assert not names_us("hospital.example", "0.0.0.0")  # noqa: S104


def test_every_answer_forbids_what_it_does_not_need(port: int) -> None:
    paths = ("/", "/runs/runs/whole", "/data/runs.csv", "/nowhere", "/report/runs/whole")
    for path in paths:
        answer, _ = ask(port, path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert ("unsafe" in policy) == path.startswith("/report")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "aiohttp" not in answer.headers["Server"]
    report = ask(port, "/report/runs/whole")[0].headers["Content-Security-Policy"]
    assert report.startswith("sandbox;")
    assert "script-src" not in report


def test_the_policy_allows_the_page_s_style_and_script_by_their_digests(port: int) -> None:
    answer, page = ask(port, "/")
    policy = answer.headers["Content-Security-Policy"]
    for name in ("style", "script"):
        (content,) = re.findall(rf"<{name}>(.*?)</{name}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy
    assert not re.search(r'style="|onclick|javascript:', page)


def test_figures_come_as_csv(port: int) -> None:
    rows = list(csv.DictReader(io.StringIO(ask(port, "/data/runs.csv")[1])))
    by_name = {row["run"]: row for row in rows}
    assert by_name["runs/whole"]["state"] == "finished"
    assert by_name["runs/half"]["rounds_closed"] == "3"
    rounds = list(csv.DictReader(io.StringIO(ask(port, "/data/rounds/runs/whole.csv")[1])))
    assert [row["round"] for row in rounds] == [str(number) for number in range(1, 13)]


def test_a_folder_s_name_is_text(tmp_path: Path) -> None:
    run_in(tmp_path / "root" / "<img src=x onerror=alert(1)>")
    with served(tmp_path / "root") as port:
        for path, (answer, body) in every_page(port).items():
            assert answer.status == 200
            assert "<img" not in body or path.startswith(("/data", "/report")), path
        assert any("&lt;img" in body for _, body in every_page(port).values())


def test_a_run_is_shown_as_it_goes_on_and_until_it_is_deleted(tmp_path: Path) -> None:
    folder = run_in(tmp_path / "root" / "run", rounds=2)
    with served(tmp_path / "root") as port:
        assert "2 of 100 rounds" in ask(port, "/runs/run")[1]
        shutil.rmtree(folder)
        run_in(folder, rounds=5)
        waited = asyncio.run(_until(port, "/runs/run", "5 of 100 rounds"))
        assert waited == 200
        shutil.rmtree(folder)
        assert asyncio.run(_until(port, "/runs/run", "There is no such page")) == 404
        assert "Nothing yet" in ask(port, "/")[1]


async def _until(port: int, path: str, words: str) -> int:
    for _ in range(50):
        answer, body = await asyncio.to_thread(ask, port, path)
        if words in body:
            return answer.status
        await asyncio.sleep(0.1)
    raise AssertionError(f"{words!r} does not come")


def test_of_a_node_s_home_nothing_is_shown_but_its_health(tmp_path: Path) -> None:
    home = tmp_path / "root" / "va"
    run_in(home)
    (home / "node.toml").write_text(HIDDEN, "utf-8")
    with served(tmp_path / "root") as port:
        assert "No node answers for this home" in ask(port, "/nodes/va")[1]
        assert set(every_page(port)) == {"/", "/nodes/va"}
    page = LoopbackPage(home, 0, status_pages(lambda: status_of("va", "stuck disk"), lambda _: ()))
    try:
        with served(tmp_path / "root") as port:
            found = every_page(port)
            assert "stuck disk" in found["/nodes/va"][1]
            assert "needs attention" in found["/"][1]
            assert not any(HIDDEN in body for _, body in found.values())
    finally:
        page.close()


def test_a_network_shows_who_is_well_who_is_not_and_who_is_down(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    with network_in(tmp_path / "root" / "trial"), served(tmp_path / "root") as port:
        page = ask(port, "/networks/trial")[1]
    assert "2 of 3 members answer; 3 of 12 rounds, in commit" in page
    rows = {
        row[0]: row[1:]
        for found in re.findall(r"<tr role=\"row\">(<th scope=\"row\".*?)</tr>", page)
        if (row := [re.sub(r"<[^>]*>", " ", one).strip() for one in re.split(r"</t[hd]>", found)])
    }
    assert rows["va"][1] == "needs attention"
    assert "no space left" in rows["va"][4]
    assert rows["hungarian"][1] == "no answer"
    assert "waits for va for 90 s" in rows["cleveland"][4]


def test_a_network_s_record_leads_to_no_other_folder(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "trial" / "members" / "va").mkdir(parents=True)
    outside.mkdir()
    record = NetworkRecord(
        study="fever", document="", genesis="00", url="", engine="log",
        services={"../../outside": ()}, members=("va", "../../../outside", "linked"),
    )  # fmt: skip
    (root / "trial" / "members" / "linked").symlink_to(outside, target_is_directory=True)
    (root / "trial" / "network.json").write_bytes(msgspec.json.encode(record))
    asked: list[str] = []

    def look() -> NodeStatus:
        asked.append("asked")
        return status_of("outside", None)

    page = LoopbackPage(outside, 0, status_pages(look, lambda _: ()))
    try:
        with served(root) as port:
            body = ask(port, "/networks/trial")[1]
            assert "0 of 2 members answer" in body
            assert "outside" not in unquote(body)
            assert asked == []
    finally:
        page.close()
