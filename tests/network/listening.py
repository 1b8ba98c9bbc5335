"""What was said over a cable, as questions and answers of HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.network.cables import Cable

from collegium.ledger.engines.log.delivery import decode_envelopes
from collegium.ledger.ordering import Ordered
from collegium.transport.wire import decode_answers


@dataclass(frozen=True, slots=True)
class Message:
    """A message of HTTP/1.1: its first line's words, and its body."""

    start: tuple[str, str, str]
    body: bytes


def acknowledged(cables: Iterable[Cable]) -> dict[int, bytes]:
    """Return each transaction that members were told is in the log, by the index they were told.

    Asserts that nothing was acknowledged twice in two ways.
    """
    found: dict[int, bytes] = {}
    for question, answer in exchanges(cables):
        if question.start[:2] != ("POST", "/v1/transactions") or answer.start[1] != "200":
            continue
        envelopes = decode_envelopes(question.body)
        for envelope, told in zip(envelopes, decode_answers(answer.body), strict=True):
            if isinstance(told, Ordered):
                assert found.setdefault(told.index, envelope) == envelope
    return found


def exchanges(cables: Iterable[Cable]) -> Iterator[tuple[Message, Message]]:
    """Yield every question that was answered, with its answer."""
    for cable in cables:
        for talk in cable.talks:
            questions = list(_messages(bytes(talk.said), []))
            asked = [question.start[0] for question in questions]
            yield from zip(questions, _messages(bytes(talk.answered), asked), strict=False)


def _messages(data: bytes, methods: list[str]) -> Iterator[Message]:
    """Yield the whole messages of one direction; of answers, `methods` are what was asked."""
    number = 0
    while b"\r\n\r\n" in data:
        head, _, data = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        start, method, status = [*first.split(" ", 2), ""][:3]
        if start == "HTTP/1.1" and method.startswith("1"):
            continue  # a sign of life: the answer is still to come
        headers = {
            name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)
        }
        assert headers.get("transfer-encoding") is None, "every body has a length here"
        length = int(headers.get("content-length", "0"))
        bodiless = bool(methods) and (methods[number] == "HEAD" or method in ("204", "304"))
        body = b"" if bodiless else data[:length]
        if len(body) < length and not bodiless:
            return  # it was cut off
        data = data[len(body) :]
        number += 1
        yield Message((start, method, status), body)
        if start == "HTTP/1.1" and number >= len(methods):
            return
