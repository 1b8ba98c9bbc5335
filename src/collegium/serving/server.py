"""The server of the page: it answers GET to names of this machine, and forbids the rest."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from collegium.errors import RunError, reason_of
from collegium.report.shell import POLICY as LOADS_NOTHING
from collegium.serving.pages import POLICY, problem
from collegium.serving.view import FolderView
from collegium.signals import heeded

LOOPBACK = "127.0.0.1"
DEFAULT_PORT = 8420

KEY = r"{key:[A-Za-z0-9_~][A-Za-z0-9._/-]*}"

SANDBOX = f"sandbox; {LOADS_NOTHING}; img-src data:; base-uri 'none'; form-action 'none'"
"""For a report, which is a file that anybody may have written: it runs no script."""

_FRAMES = "; frame-ancestors 'none'"

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Server": "collegium",
}


def application(folder: Path, address: str = LOOPBACK) -> web.Application:
    """Return the application that serves a folder at an address of this machine."""
    view = FolderView(folder)
    pool = ThreadPoolExecutor(8, thread_name_prefix="serve")

    def answers(
        look: Callable[[str], str | bytes | None], kind: str = "text/html", policy: str = POLICY
    ) -> Handler:
        async def handler(request: web.Request) -> web.Response:
            key = request.match_info.get("key", "")
            loop = asyncio.get_running_loop()
            found = await loop.run_in_executor(pool, look, key)
            if found is None:
                raise web.HTTPNotFound
            body = found if isinstance(found, bytes) else found.encode("utf-8", "replace")
            response = web.Response(body=body, content_type=kind, charset="utf-8")
            response.headers["Content-Security-Policy"] = policy + _FRAMES
            return response

        return handler

    served = web.Application(middlewares=[_guard(address)])
    served.add_routes([
        web.get("/", answers(lambda key: view.index())),
        web.get(f"/runs/{KEY}", answers(view.run)),
        web.get(f"/comparisons/{KEY}", answers(view.comparison)),
        web.get(f"/nodes/{KEY}", answers(view.node)),
        web.get(f"/networks/{KEY}", answers(view.network)),
        web.get(f"/report/{KEY}", answers(view.report, policy=SANDBOX)),
        web.get("/data/runs.csv", answers(lambda key: view.runs_csv(), "text/csv")),
        web.get(f"/data/rounds/{KEY}.csv", answers(view.rounds_csv, "text/csv")),
        web.get(f"/data/quality/{KEY}.csv", answers(view.quality_csv, "text/csv")),
        web.get(f"/data/designs/{KEY}.csv", answers(view.designs_csv, "text/csv")),
        web.get(f"/data/differences/{KEY}.csv", answers(view.differences_csv, "text/csv")),
    ])  # fmt: skip

    async def finish(_: web.Application) -> None:
        pool.shutdown(wait=False, cancel_futures=True)

    async def head(_: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(_HEADERS)
        response.headers.setdefault("Content-Security-Policy", POLICY + _FRAMES)

    served.on_cleanup.append(finish)
    served.on_response_prepare.append(head)
    return served


def _guard(address: str) -> Middleware:
    """Return what refuses other names of this machine than its own, and tells faults as pages."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not names_us(request.headers.get("Host", ""), address):
            return _told(403, "This page answers to addresses of this machine only")
        try:
            return await handler(request)
        except web.HTTPNotFound:
            return _told(404, "There is no such page, or no longer")
        except web.HTTPMethodNotAllowed:
            return _told(405, "This page can only be read")

    return guard


def _told(status: int, what: str) -> web.Response:
    return web.Response(
        status=status, text=problem(status, what), content_type="text/html", charset="utf-8"
    )


def names_us(host: str, address: str) -> bool:
    """Return whether a Host header names this machine in a way that nobody else can let lead here.

    A web page elsewhere may have its own name resolved to this machine (DNS rebinding) and would
    then read what is served here. A number cannot be resolved to another, and browsers take
    localhost for this machine. On loopback only loopback's own names are accepted.
    """
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    name = name.removeprefix("[").removesuffix("]").lower()
    if name == "localhost":
        return True
    try:
        found = ipaddress.ip_address(name)
    except ValueError:
        return False
    return found.is_loopback or not ipaddress.ip_address(address).is_loopback


def serve(folder: Path, port: int, address: str, tell: Callable[[str], None]) -> None:
    """Serve a folder until the process is told to stop.

    Args:
        folder: what is served.
        port: 0 lets the system choose.
        address: of this machine; of all its addresses, where it is 0.0.0.0.
        tell: is told the page's URL once it can be read.

    Raises:
        RunError: the folder is none, or nobody can listen there.
    """
    if not folder.is_dir():
        raise RunError(
            "serve.folder", f"{folder} cannot be served",
            "it is no folder" if folder.exists() else "there is no such folder",
            "name a folder that holds runs, or one run",
        )  # fmt: skip
    asyncio.run(_serve(folder, port, address, tell))


async def _serve(folder: Path, port: int, address: str, tell: Callable[[str], None]) -> None:
    runner = web.AppRunner(application(folder, address), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    stop = asyncio.Event()
    try:
        site = web.TCPSite(runner, address, port)
        try:
            await site.start()
        except (OSError, OverflowError) as error:
            raise RunError(
                "serve.port", f"nobody can listen on {address}, port {port}", reason_of(error),
                "choose another --port, or 0 for any that is free",
            ) from error  # fmt: skip
        loop = asyncio.get_running_loop()
        for number in heeded("SIGINT", "SIGTERM"):
            loop.add_signal_handler(number, stop.set)
        listening = runner.addresses[0][1]
        shown = f"[{address}]" if ":" in address else address
        tell(f"http://{shown}:{listening}/")
        await stop.wait()
    finally:
        await runner.cleanup()
