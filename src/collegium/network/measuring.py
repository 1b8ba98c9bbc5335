"""What a consortium's run measured: rounds by the clock, and quality as the sites signed it.

Nobody holds everybody's rows, so what needs them is absent with its reason (architecture 3.8).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from collegium.audit.gathering import gather
from collegium.audit.history import read_history
from collegium.canonical import from_text
from collegium.errors import FormatError
from collegium.learning.evaluation.counts import UNIT
from collegium.learning.evaluation.statement import UNITS
from collegium.learning.evaluation.summed import EvaluationSum, measures
from collegium.ledger.contract.events import (
    RoundClosed,
    StudyRegistered,
    UpdatesIncluded,
    decode_events,
)
from collegium.ledger.contract.evidence import decode_transaction
from collegium.ledger.contract.transactions import UpdateReveal
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.frames import BLOCK, ENTRY, decode_block, decode_entry, read_frames
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.measuring.calls import calls_of_statements, calls_of_sum, interval_of, rates
from collegium.measuring.site_table import signed_site_table
from collegium.mechanisms.privacy.checking import charged_rounds
from collegium.report.figures import PostedStatement, signed_accuracy
from collegium.report.measurements import (
    Calibration,
    CalledRows,
    FinalLine,
    Interval,
    Quality,
    RoundLine,
)

NO_POOLED = "members hold their own rows; one model of all rows would need them in one place"
FAILED = "the study failed, so no test part was opened"


def round_lines(folder: Path, study: str, times: Mapping[int, float]) -> Iterator[RoundLine]:
    """Yield a line for each closed round of a study, from a run folder's ledger and blobs.

    Args:
        folder: with ledger.log and blobs/.
        study: its id.
        times: when each round was closed, in seconds; round 0 is the registration.
    """
    start = 0
    blobs: list[str] = []
    included: tuple[str, ...] = ()
    closed: list[RoundClosed] = []
    entries = 0
    for frame in read_frames((folder / "ledger.log").read_bytes()):
        if frame.kind == ENTRY:
            entries += 1
            envelope, recorded = decode_entry(frame.body)
            said = decode_transaction(decode_envelope(envelope).payload)
            if isinstance(said, UpdateReveal) and said.study == study:
                sealed = said.sealed  # an update that is sealed lies under another name
                blobs.append(said.digest if isinstance(sealed, msgspec.UnsetType) else sealed)
            for event in decode_events(recorded):
                if isinstance(event, UpdatesIncluded) and event.study == study:
                    included = event.members
                if isinstance(event, RoundClosed) and event.study == study:
                    closed.append(event)
        elif frame.kind == BLOCK:
            for event in closed:
                blobs.append(event.model)
                yield RoundLine(
                    round=event.round, attempt=event.attempt,
                    model=from_text(event.model, DIGEST_SIZE).hex(), included=included,
                    seconds=_elapsed(times, event.round),
                    bytes={
                        "blobs": sum(_size(folder, name) for name in blobs),
                        "ledger": frame.end - start,
                    },
                    training_metrics={}, entries=entries,
                    app_hash=decode_block(frame.body).app_hash.hex(),
                )  # fmt: skip
                start, blobs = frame.end, []
            closed = []


def end_of(folder: Path) -> tuple[int, bytes]:
    """Return how many entries a run folder's ledger has, and its application hash."""
    entries, app_hash = 0, b""
    for frame in read_frames((folder / "ledger.log").read_bytes()):
        if frame.kind == ENTRY:
            entries += 1
        elif frame.kind == BLOCK:
            app_hash = decode_block(frame.body).app_hash
    return entries, app_hash


def charged(folder: Path, study: str) -> Mapping[str, int]:
    """Return for how many rounds each site of a study was charged, by a run folder's ledger."""
    study_histories, _ = gather(read_history((folder / "ledger.log").read_bytes()).said)
    return charged_rounds(study_histories[study])


def final_line(
    outcome: str, model: str, posted: Sequence[PostedStatement], sites: Sequence[str],
    rejected: Mapping[str, int], summed: EvaluationSum | None = None, *, noised: bool = False,
) -> FinalLine:  # fmt: skip
    """Return the last line: how it ended, and the quality that the sites signed.

    Args:
        outcome: "completed" or "failed".
        model: the final model's SHA-256, hex.
        posted: the sites' statements.
        sites: the study's.
        rejected: refused transactions by member and code.
        summed: what the secure sum over test rows tells, if there is one.
        noised: whether what sites signed is noised, so that counts alone give no interval.
    """
    about = [
        one for one in posted
        if one.statement.kind == "local" or _hex(one.statement.model) == model
    ]  # fmt: skip
    complete = outcome == "completed"
    federated = signed_quality(about, "federated", sites, summed, noised=noised)
    return FinalLine(
        outcome=outcome, model=model, seconds={}, bytes={},
        federated=federated if complete else None,
        local=signed_quality(about, "local", sites, noised=noised) if complete else None,
        pooled=None, pooled_reason=NO_POOLED if complete else FAILED,
        difference_to_pooled={}, difference_to_local={}, rows={}, rejected=dict(rejected),
        dropped={}, tested=_tested(about, sites, summed, noised=noised) if complete else None,
        site_table=signed_site_table(
            [(one.site, one.statement) for one in about if one.statement.kind == "federated"],
            summed.classes if summed is not None and summed.sites == len(sites) else msgspec.UNSET,
        ),
    )  # fmt: skip


def _tested(
    posted: Sequence[PostedStatement],
    sites: Sequence[str],
    summed: EvaluationSum | None,
    *,
    noised: bool,
) -> CalledRows | None:
    if summed is not None and summed.sites == len(sites):
        return calls_of_sum(summed)
    own = [one.statement for one in posted if one.statement.kind == "federated"]
    return calls_of_statements(own, len(sites), noised=noised)


def signed_quality(
    posted: Sequence[PostedStatement], kind: Literal["federated", "local"], sites: Sequence[str],
    summed: EvaluationSum | None = None, *, noised: bool = False,
) -> Quality | None:  # fmt: skip
    """Return what sites signed about a kind of model, by site; over all of them, what adds up.

    Accuracy follows from counts that they sign, and so do sensitivity and specificity where no site
    withholds its classes; every other measure comes from a secure sum over all sites.
    """
    own = [one for one in posted if one.statement.kind == kind]
    if not own:
        return None
    counts = signed_accuracy(
        [
            PostedStatement(one.site, msgspec.structs.replace(one.statement, kind="federated"))
            for one in own
        ],
        len(sites),
    )
    shares: dict[str, tuple[int, int]] = {}
    if counts is not None:
        shares["accuracy"] = counts
    called = calls_of_statements([one.statement for one in own], len(sites))
    if called is not None and called.confusion:
        shares |= rates(called.confusion)
    whole = summed if summed is not None and summed.sites == len(sites) else None
    if whole is not None and isinstance(whole.correct, int):
        shares["accuracy"] = (whole.correct, whole.rows)
    if whole is not None and isinstance(whole.calls, tuple):
        rejected, alarms, missed, hits = whole.calls
        shares |= rates(((rejected, alarms), (missed, hits)))
    overall: dict[str, float | None] = {
        name: part / rows if rows else None for name, (part, rows) in shares.items()
    }
    return Quality(
        overall=overall if whole is None else {**measures(whole), **overall},
        calibration=()
        if whole is None
        else tuple(
            Calibration(one.rows, one.scores / UNIT / one.rows, one.hits / one.rows)
            for one in whole.table
            if one.scores is not msgspec.UNSET
        ),
        sites={
            one.site: {value.name: value.value / UNITS for value in one.statement.values}
            for one in own
        },
        overall_intervals={}
        if noised
        else {name: interval_of(*share) for name, share in shares.items()},
        site_intervals={
            one.site: {
                value.name: Interval(value.low / UNITS, value.high / UNITS)
                for value in one.statement.values
                if not (value.low is msgspec.UNSET or value.high is msgspec.UNSET)
            }
            for one in own
        },
    )


def closing_times(log: Path, study: str) -> dict[int, float]:
    """Return when a node saw a study registered (0) and its rounds closed, from its node.log."""
    names = {str(RoundClosed.__struct_config__.tag), str(StudyRegistered.__struct_config__.tag)}
    found: dict[int, float] = {}
    for line in log.read_bytes().splitlines():
        try:
            told = msgspec.json.decode(line)
        except msgspec.MsgspecError:
            continue
        if isinstance(told, dict) and told.get("event") in names and told.get("study") == study:
            at = datetime.fromisoformat(told["time"]).timestamp()
            found.setdefault(told.get("round", 0), at)
    return found


def _elapsed(times: Mapping[int, float], number: int) -> dict[str, float]:
    if number not in times or number - 1 not in times:
        return {}
    return {"clock": max(0.0, times[number] - times[number - 1])}


def _size(folder: Path, name: str) -> int:
    try:
        return (folder / "blobs" / _hex(name)).stat().st_size
    except OSError:
        return 0


def _hex(name: str) -> str:
    try:
        return from_text(name, DIGEST_SIZE).hex()
    except FormatError:
        return ""
