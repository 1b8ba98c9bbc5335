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
    decode_promised,
    encode_envelopes,
    encode_promised,
)
from collegium.transport.door import Line, certificate_of
from collegium.transport.monitoring import MonitoredLog, monitored_tile
from collegium.transport.relay import Relay
from collegium.transport.service import Service
from collegium.transport.wire import (
    COSIGNATURE_REFUSED,
    LARGEST_BLOB,
    LARGEST_BLOCKS,
    LARGEST_LINE,
    LARGEST_SIZE,
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
_BODIES: web.AppKey[Counter[str]] = web.AppKey("bodies", Counter)
_SHA256 = re.compile("[0-9a-f]{64}")
_DIGITS, _SECONDS = re.compile("[0-9]{1,16}"), re.compile(r"[0-9]{1,3}(\.[0-9]{1,6})?")
AT_ONCE, OTHERS_AT_ONCE = 64, 4
"""Questions of one member, and of one auditor's certificate, that are open at once; another one is
told to come again (429)."""

BODIES_AT_ONCE = 2 * LARGEST_BLOCKS
"""Bytes of one member's bodies that are received at once."""

_SLOWEST = 64 * 1024
_GRACE = 10.0
"""A body arrives within so many seconds, and one more for each `_SLOWEST` bytes of it."""

BEAT = 1.0
"""Seconds between two signs of life while an answer is being found: ``100 Continue``, which HTTP
lets precede any answer. So a line that is silent for some of them is dead (`client`)."""
_SIGN_OF_LIFE = b"HTTP/1.1 100 Continue\r\n\r\n"


def application(service: Service, relay: Relay, monitored: MonitoredLog) -> web.Application:
    """Return the application; TLS with client certificates is around it."""
    app = web.Application(
        middlewares=[_watched, _problems, _members], client_max_size=LARGEST_BLOCKS
    )
    app[SERVICE], app[RELAY], app[MONITORED] = service, relay, monitored
    app[_OPEN], app[_BODIES] = Counter(), Counter()
    app.add_routes(
        [
            web.post("/v1/transactions", _transactions),
            web.get("/v1/blocks", _blocks),
            web.post("/v1/blocks", _restore),
            web.post("/v1/cosignatures", _cosignatures),
            web.get("/v1/final", _final),
            web.get("/v1/conflicts", _conflicts),
            web.post("/v1/demands", _demands),
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
async def _watched(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Tell the door where a question stands, and whoever asks that somebody is there."""
    loop, transport = asyncio.get_running_loop(), request.transport
    line = None if transport is None else transport.get_protocol()
    if isinstance(line, Line):
        line.busy()

    timers: list[asyncio.TimerHandle] = []

    def beat() -> None:
        if transport is not None and not transport.is_closing():
            transport.write(_SIGN_OF_LIFE)
            timers[:] = [loop.call_later(BEAT, beat)]

    timers.append(loop.call_later(BEAT, beat))
    try:
        return await handler(request)
    finally:
        timers[0].cancel()
        if isinstance(line, Line):
            line.answered()


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
    member = request.app[SERVICE].member(certificate)
    if member is not None:
        request[_MEMBER] = member
        return await _counted(request, handler, member, AT_ONCE)
    if transport is None or certificate is None or not request.path.startswith(OPEN_TO_ALL):
        raise web.HTTPForbidden(reason="the certificate is none of a present member's")
    return await _counted(request, handler, certificate_of(transport), OTHERS_AT_ONCE)


async def _counted(
    request: web.Request, handler: Handler, who: str, most: int
) -> web.StreamResponse:
    """Answer somebody who has not too many questions open already."""
    open_now = request.app[_OPEN]
    if open_now[who] >= most:
        raise web.HTTPTooManyRequests(reason=f"{most} questions of {who} are open")
    open_now[who] += 1
    try:
        return await handler(request)
    finally:
        open_now[who] -= 1
        if not open_now[who]:
            del open_now[who]


async def _transactions(request: web.Request) -> web.Response:
    data = await _body(request, LARGEST_SUBMISSION)
    answers = await request.app[SERVICE].submit(request[_MEMBER], decode_envelopes(data))
    return web.Response(body=encode_answers(answers), content_type="application/json")


async def _blocks(request: web.Request) -> web.Response:
    query = _query(request, "size", "wait")
    size, wait = _size(query), _wait(query)
    return _bytes(await request.app[SERVICE].blocks(request[_MEMBER], size, wait))


async def _restore(request: web.Request) -> web.Response:
    size = _size(_query(request, "size"))
    data = await _body(request, LARGEST_BLOCKS)
    return _missing(await request.app[SERVICE].restore(request[_MEMBER], size, data))


async def _cosignatures(request: web.Request) -> web.Response:
    size = _size(_query(request, "size"))
    line = _text(await _body(request, LARGEST_LINE))
    await request.app[SERVICE].cosign(request[_MEMBER], line, size)
    return web.Response(status=204)


async def _final(request: web.Request) -> web.Response:
    query = _query(request, "size", "wait")
    size, wait = _size(query), _wait(query)
    note = await request.app[SERVICE].final(request[_MEMBER], size, wait)
    return _bytes(None if note is None else note.encode())


async def _conflicts(request: web.Request) -> web.Response:
    pairs = await request.app[SERVICE].conflicts(request[_MEMBER])
    return _bytes(encode_envelopes([envelope for pair in pairs for envelope in pair]) or None)


async def _demands(request: web.Request) -> web.Response:
    demanded = decode_promised(await _body(request, LARGEST_SUBMISSION))
    promised = await request.app[SERVICE].demand(request[_MEMBER], demanded)
    return web.Response(body=encode_promised(promised), content_type="application/octet-stream")


async def _standing(request: web.Request) -> web.Response:
    standing = decode_position(await _body(request, LARGEST_BLOCKS))
    return _missing(await request.app[SERVICE].present(request[_MEMBER], standing))


async def _status(request: web.Request) -> web.Response:
    status = await request.app[SERVICE].status(request[_MEMBER])
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
    offset, length = (_number(request.headers.get(name), LARGEST_BLOB) for name in (OFFSET, LENGTH))
    data = await _body(request, LARGEST_BLOCKS)
    await asyncio.to_thread(relay.append, request[_MEMBER], name, offset, data, length)
    return web.Response(status=204)


async def _delete(request: web.Request) -> web.Response:
    name, monitored = _name(request), request.app[MONITORED]
    retired = await request.app[SERVICE].read(lambda _: monitored.retired(), request[_MEMBER])
    if bytes.fromhex(name) not in retired:
        raise RunError(
            "relay.kept", "a blob is not deleted", "the ledger does not say that it is retired",
            "retire the updates of a closed study first",
        )  # fmt: skip
    request.app[RELAY].delete(name)
    return web.Response(status=204)


async def _body(request: web.Request, most: int) -> bytes:
    """Return a request's body, refusing one that is too large or too slow before it is read."""
    length = request.content_length
    if length is None or length > most:
        raise web.HTTPRequestEntityTooLarge(most, length or 0)
    bodies, member = request.app[_BODIES], request[_MEMBER]
    if bodies[member] + length > BODIES_AT_ONCE:
        raise web.HTTPTooManyRequests(reason=f"{member} sends too much at once")
    bodies[member] += length
    try:
        return await asyncio.wait_for(request.read(), _GRACE + length / _SLOWEST)
    except TimeoutError:
        raise web.HTTPRequestTimeout(reason="the body comes too slowly") from None
    finally:
        bodies[member] -= length


def _query(request: web.Request, *names: str) -> dict[str, str]:
    """Return a query's parameters, each at most once and none that the question has not."""
    found = dict(request.query)
    if len(found) != len(request.query) or not found.keys() <= set(names):
        raise web.HTTPBadRequest(reason=f"the query may have {' and '.join(names) or 'nothing'}")
    return found


def _size(query: dict[str, str]) -> int:
    return _number(query.get("size"), LARGEST_SIZE)


def _wait(query: dict[str, str]) -> float:
    text = query.get("wait", "0")
    if not _SECONDS.fullmatch(text) or float(text) > LONGEST_WAIT:
        raise web.HTTPBadRequest(reason=f"wait is seconds, 0 to {LONGEST_WAIT:g}")
    return float(text)


def _number(text: str | None, most: int) -> int:
    if text is None or not _DIGITS.fullmatch(text) or int(text) > most:
        raise web.HTTPBadRequest(reason=f"a number is missing, or is none from 0 to {most}")
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
