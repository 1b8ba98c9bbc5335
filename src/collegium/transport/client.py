"""A member's way to the sequencer over HTTPS; it satisfies `ledger.engines.log.Connection`.

Every question may be asked again: answers do not depend on how often. So what fails on the way is
tried again a few times, with longer and random waits, before whoever asked is told.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from threading import Event
from typing import Protocol, TypeVar

import msgspec
import urllib3

from collegium.errors import CollegiumError, FormatError, RunError, reason_of
from collegium.ledger.engines.log.connection import (
    CosignatureRefused,
    NotInTheLog,
    PresentFirst,
)
from collegium.ledger.engines.log.delivery import (
    MemberPosition,
    Promised,
    decode_envelopes,
    decode_promised,
    encode_envelopes,
    encode_position,
    encode_promised,
)
from collegium.ledger.equivocation import Conflict
from collegium.ledger.ordering import Answer
from collegium.storage.backoff import Backoff
from collegium.transport.proxy import proxy_headers, proxy_of
from collegium.transport.renewal import renewing
from collegium.transport.unreached import is_final, is_silence, unreached
from collegium.transport.wire import (
    COSIGNATURE_REFUSED,
    LARGEST_BLOCKS,
    NOT_IN_THE_LOG,
    PRESENT_FIRST,
    Missing,
    Problem,
    decode_answers,
)

CLOCK_WARNS = 60.0
"""Seconds between two clocks from which on they are told to differ."""

T = TypeVar("T")

CONNECT_WITHIN, ANSWER_WITHIN = 4.0, 4.0
"""Seconds for reaching the port, and without a sign of life while an answer is being found.

The sequencer gives one every second (`server.BEAT`), so that a dead line is told from a long
answer: what was lost on the way is asked for again within seconds."""
TRIES = Backoff(first=0.2, most=2.0, tries=3)
SILENT_TRIES = 2
"""The same where nothing came at all: once on the line that was there, once on a new one."""
_BUSY = frozenset({429, 502, 503, 504})
_CHUNK = 2**16


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer that was read whole, within its limit."""

    status: int
    headers: Mapping[str, str]
    data: bytes


class Address(Protocol):
    """Where a sequencer is reached, and with which TLS files; paths are from the home on."""

    @property
    def url(self) -> str:
        """Such as ``https://host:4100``."""
        ...

    @property
    def ca(self) -> str:
        """The authority's certificate."""
        ...

    @property
    def certificate(self) -> str:
        """The member's certificate."""
        ...

    @property
    def key(self) -> str:
        """The certificate's key."""
        ...

    @property
    def proxy(self) -> str | None:
        """The way out: as of `proxy_of`."""
        ...


class HttpsConnection:
    """A connection for several threads. Make it by `connect`."""

    def __init__(
        self, url: str, context: ssl.SSLContext,
        renew: Callable[[], ssl.SSLContext | None] = lambda: None, proxy: str | None = None,
    ) -> None:  # fmt: skip
        self._renew, self._proxy = renew, proxy
        self._url = url.rstrip("/")
        self._closed = Event()
        self._pool = _pool(context, proxy)
        self._ahead = 0.0

    def submit(self, envelopes: Sequence[bytes]) -> list[Answer]:
        """Hand transactions over and wait a while until they are decided; one answer for each."""
        data = self.ask("POST", "/v1/transactions", encode_envelopes(envelopes)).data
        answers = _read(lambda: decode_answers(data))
        if len(answers) != len(envelopes):
            raise _nonsense(f"{len(answers)} answers to {len(envelopes)} transactions")
        return answers

    def blocks(self, size: int, wait: float) -> bytes | None:
        """Return what follows the first `size` entries, or None after `wait` seconds."""
        answer = self.ask("GET", f"/v1/blocks?size={size}&wait={wait:.3f}")
        return None if answer.status == 204 else answer.data

    def cosign(self, line: str, size: int) -> None:
        """Hand over the cosignature line of the checkpoint of that size."""
        self.ask("POST", f"/v1/cosignatures?size={size}", line.encode())

    def final(self, size: int, wait: float) -> str | None:
        """Return the newest final note if it is at least `size` long; None after `wait` seconds."""
        answer = self.ask("GET", f"/v1/final?size={size}&wait={wait:.3f}")
        return None if answer.status == 204 else _read(lambda: answer.data.decode())

    def conflicts(self) -> list[Conflict]:
        """Return equivocations of members that are not on record."""
        data = self.ask("GET", "/v1/conflicts").data
        envelopes = _read(lambda: decode_envelopes(data))
        if len(envelopes) % 2:
            raise _nonsense(f"{len(envelopes)} envelopes, which are no pairs")
        return list(zip(envelopes[::2], envelopes[1::2], strict=True))

    def demand(self, demanded: Sequence[Promised]) -> list[Promised]:
        """Ask for the log's word that transactions come first in the next block."""
        data = self.ask("POST", "/v1/demands", encode_promised(demanded)).data
        return _read(lambda: decode_promised(data))

    def present(self, standing: MemberPosition) -> int | None:
        """Tell a sequencer that has started what this member holds."""
        return _missing(self.ask("POST", "/v1/standing", encode_position(standing)).data)

    def restore(self, size: int, blocks: bytes) -> int | None:
        """Hand over blocks that are final here, from a size on."""
        return _missing(self.ask("POST", f"/v1/blocks?size={size}", blocks).data)

    @property
    def clock_trouble(self) -> str | None:
        """What there is to say of this machine's clock and the sequencer's, by its last answer."""
        return (
            None
            if abs(self._ahead) < CLOCK_WARNS
            else (
                f"this machine's clock is {differing(self._ahead)} the sequencer's: set it by NTP "
                "(`timedatectl`), or tell the operator whose clock is wrong"
            )
        )

    def ask(
        self, method: str, path: str, body: bytes | None = None, *,
        headers: Mapping[str, str] | None = None, expect: Sequence[int] = (),
        most: int = LARGEST_BLOCKS,
    ) -> HttpAnswer:  # fmt: skip
        """Ask one question and return its answer, trying again where it is lost on the way.

        Args:
            method: of HTTP.
            path: and query.
            body: what is sent.
            headers: besides the usual ones.
            expect: statuses beyond 2xx that are answers and no refusals.
            most: bytes of an answer; no more is read, and nothing is decompressed.

        Raises:
            RunError: `transport.unreachable`, or the answer makes no sense.
            CollegiumError: the sequencer refuses; PresentFirst, NotInTheLog, CosignatureRefused.
        """
        timeout = urllib3.Timeout(connect=CONNECT_WITHIN, read=ANSWER_WITHIN)
        failures = 0
        renewed = self._renew()
        if renewed is not None:
            before, self._pool = self._pool, _pool(renewed, self._proxy)
            before.clear()
        while True:
            asked = time.time()
            try:
                answer = _received(
                    self._pool.request(
                        method, self._url + path, body=body, headers=dict(headers or {}),
                        timeout=timeout, redirect=False, preload_content=False,
                        decode_content=False,
                    ),
                    most, bodiless=method == "HEAD",
                )  # fmt: skip
            except (urllib3.exceptions.HTTPError, OSError) as error:
                failures += 1
                tries = SILENT_TRIES if is_silence(error) else TRIES.tries
                if failures >= tries or is_final(error):
                    raise unreached(self._url, error, self._proxy) from error
            else:
                self._ahead = ahead_of(answer, asked, time.time()) or 0.0
                if answer.status not in _BUSY:
                    return _checked(answer, expect)
                failures += 1
                if failures >= TRIES.tries:
                    raise unreached(self._url, RuntimeError(f"status {answer.status}"))
            if self._closed.wait(TRIES.wait(failures)):
                raise unreached(self._url, RuntimeError("the connection is closed"))

    def close(self) -> None:
        """Release the connection, and end what waits to be tried again."""
        self._closed.set()
        self._pool.clear()


def ahead_of(answer: HttpAnswer, before: float, after: float) -> float | None:
    """Return how many seconds this machine's clock is ahead of whoever's has answered.

    Args:
        answer: its header `Date` has whole seconds (RFC 9110, section 6.6.1).
        before: this machine's time when it was asked.
        after: this machine's time when the answer was there.

    Returns:
        The least difference that explains the three; None where there is no date.
    """
    try:
        there = parsedate_to_datetime(answer.headers.get("Date", "")).timestamp()
    except (TypeError, ValueError):
        return None
    return max(0.0, before - there - 1.0) - max(0.0, there - after)


def differing(ahead: float) -> str:
    """Return how a clock differs from another, in words that the other's name follows."""
    return f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'}"


def connect(home: Path, address: Address) -> HttpsConnection:
    """Return a member's connection; nothing is asked yet.

    Raises:
        RunError: the TLS files cannot be used.
    """
    paths = [home / one for one in (address.ca, address.certificate, address.key)]
    make = partial(_client_context, home, address)
    renew = renewing(make, *paths)
    return HttpsConnection(address.url, make(), renew, proxy_of(address.proxy, address.url))


def _client_context(home: Path, address: Address) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_verify_locations(home / address.ca)
        context.load_cert_chain(home / address.certificate, home / address.key)
    except (OSError, ssl.SSLError) as error:
        raise RunError(
            "transport.tls", f"{home} has no usable TLS files", reason_of(error),
            f"put {address.ca}, {address.certificate} and {address.key} of the consortium there",
        ) from error  # fmt: skip
    return context


def _pool(context: ssl.SSLContext, proxy: str | None) -> urllib3.PoolManager:
    timeout = urllib3.Timeout(connect=CONNECT_WITHIN, read=ANSWER_WITHIN)
    if proxy is None:
        return urllib3.PoolManager(maxsize=8, ssl_context=context, retries=False, timeout=timeout)
    return urllib3.ProxyManager(
        proxy, proxy_headers=proxy_headers(proxy), maxsize=8, ssl_context=context, retries=False,
        timeout=timeout,
    )  # fmt: skip


def _received(answer: urllib3.BaseHTTPResponse, most: int, *, bodiless: bool) -> HttpAnswer:
    """Read an answer up to its limit; what announces or sends more is given up there."""
    data = bytearray()
    try:
        if not bodiless:
            if answer.headers.get("Content-Encoding", "identity") != "identity":
                raise _nonsense("a compressed answer, and none was asked for")
            announced = answer.headers.get("Content-Length", "")
            if announced.isascii() and announced.isdigit():
                # Compared as text of digits first: Python refuses to read very long numbers.
                digits = announced.lstrip("0")
                if len(digits) > len(str(most)) or int(digits or "0") > most:
                    raise _nonsense(f"an answer of more than {most} bytes")
            for chunk in answer.stream(_CHUNK, decode_content=False):
                data += chunk
                if len(data) > most:
                    raise _nonsense(f"an answer of more than {most} bytes")
    except BaseException:
        answer.close()
        raise
    answer.release_conn()
    return HttpAnswer(answer.status, answer.headers, bytes(data))


def _checked(answer: HttpAnswer, expect: Sequence[int]) -> HttpAnswer:
    """Return an answer, or raise what it refuses with."""
    if 200 <= answer.status < 300 or answer.status in expect:
        return answer
    try:
        problem = msgspec.json.decode(answer.data, type=Problem)
    except msgspec.MsgspecError as error:
        raise _nonsense(f"status {answer.status}: {error}") from error
    if (answer.status, problem.code) == (PRESENT_FIRST, "present-first"):
        raise PresentFirst
    if (answer.status, problem.code) == (NOT_IN_THE_LOG, "not-in-the-log"):
        raise NotInTheLog
    if (answer.status, problem.code) == (COSIGNATURE_REFUSED, "cosignature-refused"):
        raise CosignatureRefused
    if answer.status == 403:
        raise RunError(
            "transport.refused", "the sequencer does not serve this member", problem.what,
            "compare the certificate in tls/ with the members on the ledger",
        )  # fmt: skip
    raise CollegiumError(problem.code, problem.what, problem.why, problem.todo)


def _missing(data: bytes) -> int | None:
    return _read(lambda: msgspec.json.decode(data, type=Missing)).missing


def _read(decode: Callable[[], T]) -> T:
    try:
        return decode()
    except (msgspec.MsgspecError, UnicodeDecodeError, FormatError) as error:
        raise _nonsense(str(error)) from error


def _nonsense(why: str) -> RunError:
    return RunError(
        "transport.nonsense", "the sequencer's answer makes no sense", why,
        "see that the address is the sequencer's, and that its release fits this one",
    )  # fmt: skip
