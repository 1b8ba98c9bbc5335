"""Folders to serve: a small run whose figures never were, and what may be wrong with one."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from threading import Thread

import msgspec
from aiohttp import web
from msgspec.structs import replace
from tests.comparisons import compared
from tests.report.synthetic import inputs

from collegium.network.record import NetworkRecord
from collegium.node.status import NodeStatus, StudyStatus
from collegium.report.measurements import FinalLine, append_line
from collegium.report.write import write_comparison
from collegium.serving.server import application
from collegium.study.presets import preset_text
from collegium.transport.loopback_page import LoopbackPage, status_pages

HIDDEN = "the private key of a member"


def run_in(folder: Path, *, rounds: int | None = None) -> Path:
    """A run's folder, finished or after so many rounds, with what must not be shown beside it."""
    folder.mkdir(parents=True)
    (folder / "study.toml").write_text(preset_text("heart"), "utf-8")
    (folder / "ledger.log").write_bytes(HIDDEN.encode())
    (folder / ".lock").touch()
    for name in ("members/va/ledger.pem", "keys/node.pem", "policy.json"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HIDDEN, "utf-8")
    for place, line in enumerate(inputs().lines):
        if rounds is None or (place < rounds and not isinstance(line, FinalLine)):
            append_line(folder / "metrics.jsonl", line)
    if rounds is None:
        (folder / "report.html").write_text("<script>alert(1)</script>", "utf-8")
    return folder


def everything_in(root: Path) -> Path:
    """A folder with runs, a comparison, and what must not be followed or shown."""
    run_in(root / "runs" / "whole")
    run_in(root / "runs" / "half", rounds=3)
    write_comparison(root / "runs", replace(compared(), title="Compared"))
    outside = root.parent / "outside"
    run_in(outside / "private")
    (root / "link").symlink_to(outside / "private", target_is_directory=True)
    linked = run_in(root / "linked")
    for name in ("report.html", "metrics.jsonl"):
        (linked / name).unlink()
        (linked / name).symlink_to(outside / "private" / "members/va/ledger.pem")
    shutil.rmtree(linked / "members")
    (linked / "members").symlink_to(outside, target_is_directory=True)
    return root


@contextmanager
def served(folder: Path) -> Iterator[int]:
    """A server of a folder, by its port."""
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(application(folder), access_log=None)
    loop.run_until_complete(runner.setup())
    loop.run_until_complete(web.TCPSite(runner, "127.0.0.1", 0).start())
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        yield runner.addresses[0][1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(runner.cleanup())
        loop.close()


def status_of(member: str, trouble: str | None) -> NodeStatus:
    """What a node says that follows, or whose disk fails."""
    study = StudyStatus(
        study="fever", phase="commit", round=4, closed_rounds=3, rounds=12, attempt=1, outcome="",
        model="ab" * 32, waiting=90.0, refused=(), awaited=("va",),
    )  # fmt: skip
    return NodeStatus(
        member=member, genesis="cd" * 32, version="0.1.0", pid=1, trouble=trouble, size=61,
        state="following" if trouble is None else "disk", final_size=59, studies=(study,),
        cosignatures=("va", "cleveland"), blob_bytes=123456, certificate_days=300.0,
    )  # fmt: skip


@contextmanager
def network_in(folder: Path) -> Iterator[None]:
    """A network of which one member is well, one is not and one is down; a home beside it."""
    record = NetworkRecord(
        study="fever", document="", genesis="cd" * 32, url="", engine="log",
        services={"sequencer": ()}, members=("cleveland", "va", "hungarian"),
    )  # fmt: skip
    homes = {"cleveland": None, "va": "no space left"}
    for name in record.members:
        (folder / "members" / name).mkdir(parents=True)
    alone = folder.parent / "va"
    alone.mkdir()
    (alone / "node.toml").write_text(HIDDEN, "utf-8")
    (folder / "network.json").write_bytes(msgspec.json.encode(record))
    with ExitStack() as stack:
        for home, trouble in (
            *((folder / "members" / name, why) for name, why in homes.items()), (alone, "stuck"),
        ):  # fmt: skip
            look = partial(status_of, home.name, trouble)
            page = LoopbackPage(home, 0, status_pages(look, lambda _: ()))
            stack.callback(page.close)
        yield
