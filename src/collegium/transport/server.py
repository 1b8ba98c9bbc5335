"""The one port: an HTTPS application over a sequencer and the members' blobs.

Who asks is told by the client certificate. Members ask everything; whoever else the authority has
certified, such as an auditor, reads what monitors may: the final checkpoint and tiles.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from collegium.errors import CollegiumError, FormatError, RunError
from collegium.ledger.engines.log.connection import CosignatureRefused, NotInTheLog, PresentFirst
from collegium.ledger.engines.log.delivery import (
    decode_envelopes,
    decode_position,
    encode_envelopes,
)
from collegium.transport.authority import member_of
from collegium.transport.monitoring import MonitoredLog, monitored_tile
from collegium.transport.relay import Relay
from collegium.transport.service import Service
from collegium.transport.wire import (
    COSIGNATURE_REFUSED,
    LARGEST_BLOCKS,
    LARGEST_LINE,
    LARGEST_SUBMISSION,
    LENGTH,
    LONGEST_WAIT,
    NOT_IN_THE_LOG,
    OFFSET,
    PRESENT_FIRST,
    Missing,
    Problem,
    encode_answers,
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

OPEN_TO_ALL = ("/checkpoint", "/tile/")
SERVICE, RELAY, MONITORED = (
    web.AppKey("service", Service),
    web.AppKey("relay", Relay),
    web.AppKey("monitored", MonitoredLog),
)
_MEMBER = web.RequestKey("member", str)
_OPEN: web.AppKey[Counter[str]] = web.AppKey("open", Counter)
_SHA256 = re.compile("[0-9a-f]{64}")
AT_ONCE = 64
"""Questions of one member that are open at once; another one is told to come again (429)."""

_SLOWEST = 64 * 1024
_GRACE = 30.0
"""A body arrives within so many seconds, and one more for each `_SLOWEST` bytes of it."""


def application(service: Service, relay: Relay, monitored: MonitoredLog) -> web.Application:
    """Return the application; TLS with client certificates is around it."""
    app = web.Application(middlewares=[_problems, _members], client_max_size=LARGEST_BLOCKS)
    app[SERVICE], app[RELAY], app[MONITORED] = service, relay, monitored
    app[_OPEN] = Counter()
    app.add_routes(
        [
            web.post("/v1/transactions", _transactions),
            web.get("/v1/blocks", _blocks),
            web.post("/v1/blocks", _restore),
            web.post("/v1/cosignatures", _cosignatures),
            web.get("/v1/final", _final),
            web.get("/v1/conflicts", _conflicts),
            web.post("/v1/standing", _standing),
            web.get("/v1/status", _status),
            web.get("/checkpoint", _checkpoint),
            web.get("/tile/{path:.+}", _tile),
            web.head("/v1/blobs/{name}", _blob_offset),
            web.get("/v1/blobs/{name}", _blob, allow_head=False),
            web.put("/v1/blobs/{name}", _upload),
            web.delete("/v1/blobs/{name}", _delete),
        ]
    )
    return app


@web.middleware
async def _problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what is refused with its status and a `Problem`."""
    try:
        return await handler(request)
    except PresentFirst:
        return _problem(PRESENT_FIRST, Problem("present-first"))
    except NotInTheLog:
        return _problem(NOT_IN_THE_LOG, Problem("not-in-the-log"))
    except CosignatureRefused:
        return _problem(COSIGNATURE_REFUSED, Problem("cosignature-refused"))
    except CollegiumError as error:
        status = 400 if isinstance(error, FormatError) else 409
        return _problem(status, Problem(error.code, error.what, error.why, error.todo))
    except web.HTTPException as error:
        return _problem(error.status, Problem(f"http.{error.status}", error.reason or ""))


@web.middleware
async def _members(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let members ask everything, and others what monitors may."""
    transport = request.transport
    certificate = None if transport is None else transport.get_extra_info("peercert")
    member = member_of(certificate)
    if member is not None and request.app[SERVICE].serves(member):
        request[_MEMBER] = member
        return await _counted(request, handler, member)
    if certificate is None or not request.path.startswith(OPEN_TO_ALL):
        raise web.HTTPForbidden(reason="the certificate is none of a present member's")
    return await handler(request)


async def _counted(request: web.Request, handler: Handler, member: str) -> web.StreamResponse:
    """Answer a member that has not too many questions open already."""
    open_now = request.app[_OPEN]
    if open_now[member] >= AT_ONCE:
        raise web.HTTPTooManyRequests(reason=f"{AT_ONCE} questions of {member} are open")
    open_now[member] += 1
    try:
        return await handler(request)
    finally:
        open_now[member] -= 1


async def _transactions(request: web.Request) -> web.Response:
    data = await _body(request, LARGEST_SUBMISSION)
    answers = await request.app[SERVICE].submit(request[_MEMBER], decode_envelopes(data))
    return web.Response(body=encode_answers(answers), content_type="application/json")


async def _blocks(request: web.Request) -> web.Response:
    size, wait = _size(request), _wait(request)
    return _bytes(await request.app[SERVICE].blocks(request[_MEMBER], size, wait))


async def _restore(request: web.Request) -> web.Response:
    data = await _body(request, LARGEST_BLOCKS)
    return _missing(await request.app[SERVICE].restore(request[_MEMBER], _size(request), data))


async def _cosignatures(request: web.Request) -> web.Response:
    line = _text(await _body(request, LARGEST_LINE))
    await request.app[SERVICE].cosign(request[_MEMBER], line, _size(request))
    return web.Response(status=204)


async def _final(request: web.Request) -> web.Response:
    size, wait = _size(request), _wait(request)
    note = await request.app[SERVICE].final(request[_MEMBER], size, wait)
    return _bytes(None if note is None else note.encode())


async def _conflicts(request: web.Request) -> web.Response:
    pairs = await request.app[SERVICE].conflicts(request[_MEMBER])
    return _bytes(encode_envelopes([envelope for pair in pairs for envelope in pair]) or None)


async def _standing(request: web.Request) -> web.Response:
    standing = decode_position(await _body(request, LARGEST_BLOCKS))
    return _missing(await request.app[SERVICE].present(request[_MEMBER], standing))


async def _status(request: web.Request) -> web.Response:
    status = await request.app[SERVICE].status()
    return web.Response(body=msgspec.json.encode(status), content_type="application/json")


async def _checkpoint(request: web.Request) -> web.Response:
    note = await request.app[SERVICE].read(lambda sequencer: sequencer.copy.final_note)
    if note is None:
        raise web.HTTPNotFound(reason="nothing is final yet")
    return web.Response(text=note)


async def _tile(request: web.Request) -> web.Response:
    path, monitored = f"tile/{request.match_info['path']}", request.app[MONITORED]
    data = await request.app[SERVICE].read(lambda _: monitored_tile(monitored, path))
    if data is None:
        raise web.HTTPNotFound(reason="the log does not fill such a tile")
    return web.Response(body=data, content_type="application/octet-stream")


async def _blob_offset(request: web.Request) -> web.Response:
    name, relay = _name(request), request.app[RELAY]
    path = await asyncio.to_thread(relay.path, name)
    if path is not None:
        return web.Response(headers={LENGTH: str(path.stat().st_size)})
    offset = relay.offset(request[_MEMBER], name)
    return web.Response(status=404, headers={OFFSET: str(offset)})


async def _blob(request: web.Request) -> web.StreamResponse:
    path = await asyncio.to_thread(request.app[RELAY].path, _name(request))
    if path is None:
        raise web.HTTPNotFound(reason="there is no such blob")
    return web.FileResponse(path)


async def _upload(request: web.Request) -> web.Response:
    name, relay = _name(request), request.app[RELAY]
    if await asyncio.to_thread(relay.path, name) is not None:
        return web.Response(status=204)
    data = await _body(request, LARGEST_BLOCKS)
    offset, length = _number(request.headers.get(OFFSET)), _number(request.headers.get(LENGTH))
    await asyncio.to_thread(relay.append, request[_MEMBER], name, offset, data, length)
    return web.Response(status=204)


async def _delete(request: web.Request) -> web.Response:
    name, monitored = _name(request), request.app[MONITORED]
    retired = await request.app[SERVICE].read(lambda _: monitored.retired())
    if bytes.fromhex(name) not in retired:
        raise RunError(
            "relay.kept", "a blob is not deleted", "the ledger does not say that it is retired",
            "retire the updates of a closed study first",
        )  # fmt: skip
    request.app[RELAY].delete(name)
    return web.Response(status=204)


async def _body(request: web.Request, most: int) -> bytes:
    """Return a request's body, refusing one that is too large or too slow before it is read."""
    if request.content_length is None or request.content_length > most:
        raise web.HTTPRequestEntityTooLarge(most, request.content_length or 0)
    try:
        return await asyncio.wait_for(request.read(), _GRACE + request.content_length / _SLOWEST)
    except TimeoutError:
        raise web.HTTPRequestTimeout(reason="the body comes too slowly") from None


def _size(request: web.Request) -> int:
    return _number(request.query.get("size"))


def _wait(request: web.Request) -> float:
    text = request.query.get("wait", "0")
    try:
        return min(max(float(text), 0.0), LONGEST_WAIT)
    except ValueError:
        raise web.HTTPBadRequest(reason="wait is no number of seconds") from None


def _number(text: str | None) -> int:
    if text is None or not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise web.HTTPBadRequest(reason="a number is missing or malformed")
    return int(text)


def _name(request: web.Request) -> str:
    name = request.match_info["name"]
    if not _SHA256.fullmatch(name):
        raise web.HTTPBadRequest(reason="a blob is called by its SHA-256 in lower-case hex")
    return name


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise web.HTTPBadRequest(reason="the body is not text") from None


def _bytes(data: bytes | None) -> web.Response:
    if data is None:
        return web.Response(status=204)
    return web.Response(body=data, content_type="application/octet-stream")


def _missing(size: int | None) -> web.Response:
    return web.Response(body=msgspec.json.encode(Missing(size)), content_type="application/json")


def _problem(status: int, problem: Problem) -> web.Response:
    body = msgspec.json.encode(problem)
    return web.Response(status=status, body=body, content_type="application/json")
