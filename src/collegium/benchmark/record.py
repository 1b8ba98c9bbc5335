"""The record of a benchmark: a line for each trial, so that one that broke off can go on."""

from __future__ import annotations

from pathlib import Path

import msgspec

from collegium.benchmark.grid import Job
from collegium.benchmark.trial import Line, Part
from collegium.errors import RunError


class Header(msgspec.Struct, frozen=True, kw_only=True, tag="bench"):
    """What a record is about: the study's digest, the part that counts, the code."""

    study: str
    part: Part
    placements: int
    code: str


_LINES = msgspec.json.Decoder(Header | Line)


class BenchmarkRecord:
    """The lines of a benchmark's folder; those of one job are written together or not at all."""

    def __init__(self, path: Path, header: Header) -> None:
        self.path = path
        self.lines: list[Line] = []
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(msgspec.json.encode(header) + b"\n")
            return
        data = path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        try:
            first, *rest = [_LINES.decode(line) for line in whole.splitlines()]
        except (msgspec.MsgspecError, ValueError):
            raise _other(path, "it holds something else than trials") from None
        if first != header:
            raise _other(path, "its trials are of another study, another part or other code")
        self.lines = [one for one in rest if not isinstance(one, Header)]
        path.write_bytes(whole)

    def done(self) -> set[Job]:
        """Return the jobs that need not be done again."""
        return {
            Job(one.rule, one.count, one.split, getattr(one, "attack", None)) for one in self.lines
        }

    def add(self, lines: list[Line]) -> None:
        """Keep what a job came to."""
        with self.path.open("ab") as file:
            file.write(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
        self.lines += lines


def _other(path: Path, why: str) -> RunError:
    return RunError(
        "bench.other", f"{path} is not this benchmark's record", why,
        "choose another --out, or remove the folder",
    )  # fmt: skip
