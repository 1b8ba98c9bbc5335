"""A node's status as lines for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgspec

from collegium.ledger.contract.rules import every_proposed
from collegium.ledger.contract.series import called
from collegium.ledger.contract.transactions import Action, Admit, Adopt, Expel, Rotate
from collegium.ledger.examining import HomeCheck
from collegium.node.membership import Change
from collegium.node.status import NodeStatus, SilentMember, StudyStatus
from collegium.visible import visible

BLOBS_TOLD_AFTER = 60.0
"""Seconds for which a blob is missing before `node status` speaks of it."""


def status_lines(status: NodeStatus) -> Iterator[str]:
    """Yield what ``node status`` prints."""
    age = f"{status.since_final:.0f} s ago"
    yield f"{status.member}: {status.state}{'' if status.enabled else ', switched off'}"
    if status.trouble:
        yield f"  why       {status.trouble}"
    yield f"  ledger    {status.final_size} of {status.size} entries are final, the last {age}"
    if status.missing:
        yield f"  missing   cosignatures of {', '.join(status.missing)}, for a minute or more"
    if status.bound:
        yield f"  cosigned  {status.bound.block}, of {status.bound.size} entries; not final yet"
    if status.stalled > 60:
        yield f"  stalled   nothing that is due has become final for {status.stalled:.0f} s"
    if status.pending:
        yield f"  pending   {status.pending} transactions"
    for waits in status.unordered:
        about = f" of {waits.study}" if waits.study else ""
        seen = ", ".join(waits.seen_by) or "nobody else yet"
        left = "" if waits.blocks is None else f"; {waits.blocks} blocks are without it"
        yield (
            f"  unordered {waits.kind}{about} by {waits.author}, kept back for "
            f"{waits.seconds:.0f} s; seen by {seen}{left}"
        )
    if status.silencing:
        yield f"  notice    {status.silencing}"
    if status.missing_for > BLOBS_TOLD_AFTER:
        yield (
            f"  blobs     {status.missing_blobs} that the ledger names are missing, the first for "
            f"{status.missing_for:.0f} s"
        )
    if status.room:
        yield f"  room      {status.room}"
    for study in status.studies:
        yield from _study_lines(study)
    for lost in status.lost:
        cap = "" if lost.cap is None else f" of {lost.cap:g}"
        yield (
            f"  privacy   epsilon {lost.epsilon:.3g}{cap} spent in {', '.join(lost.studies)}, "
            f"delta {lost.delta:g}, unit {lost.unit}, accountant {lost.accountant}"
        )
    waiting = [one for one in status.changes if one.status in ("open", "accepted")]
    if waiting:
        yield (f"  proposals {len(waiting)} waiting for a decision; see `collegium node proposals`")
    for name in status.evidence:
        yield f"  evidence  against the sequencer: evidence/{name}; send the others a copy"
    for name in status.equivocations:
        member, _, about = name.partition("/")
        yield (f"  evidence  {member} signed two conflicting messages: {about.replace('/', ' ')}")
    for name, why in status.proposals.items():
        yield f"  proposal  {name} is not registered: {why}"
    for one in status.rejected:
        about = f" of {one.study}" if one.study else ""
        yield (
            f"  error     {one.kind}{about} is refused ({one.code}) since {one.since}, "
            f"{one.count} times: {one.why}"
        )
    for who, why in status.errors.items():
        yield f"  error     {who}: {why}"
    yield f"  genesis   {status.genesis}"


def _study_lines(study: StudyStatus) -> Iterator[str]:
    where = f"{study.phase}, {study.closed_rounds} of {study.rounds} rounds"
    if study.phase == "closed":
        where = f"{study.outcome}, {study.closed_rounds} rounds, model {study.model}"
    yield f"  study     {study.study}: {where}"
    if study.awaited:
        yield f"    awaits  {', '.join(study.awaited)}, for {study.waiting:.0f} s"
    for one in study.silent:
        yield (
            f"    skips   {one.member} among {one.speakers} since {_since(one)}: "
            f"{one.rounds} rounds closed since; silent {one.times} times"
        )
    if study.clipped is not None:
        rounds = study.clipped.rounds
        yield (
            f"    clipped this site's update in {len(rounds)} rounds, the last {rounds[-1]}: up to "
            f"{study.clipped.coordinates} coordinates reached farther than the round had room for"
        )
    if study.stopped:
        yield f"    stopped {study.stopped}; nothing of it is computed until the node restarts"
    for why in study.refused:
        yield f"    refused {why}"
    for what in study.rows:
        yield f"    rows    {what}"


def _since(one: SilentMember) -> str:
    return f"{called(one.round)}, {one.phase}" if one.round else one.phase


def check_lines(check: HomeCheck) -> Iterator[str]:
    """Yield what a check of a home prints: one line for each thing, what is wrong with its code."""
    counts = Counter(one.severity for one in check.findings)
    told = [
        f"{counts[one]} {one}{'s' if counts[one] > 1 else ''}"
        for one in ("error", "warning") if counts[one]
    ]  # fmt: skip
    yield f"{check.member or check.home}: {', '.join(told) or 'sound'}"
    for one in check.findings:
        line = one.what if not one.code else f"{one.what}: {one.why}; {one.todo} [{one.code}]"
        yield f"  {one.severity:<9} {one.part:<11} {visible(line)}"


def change_lines(change: Change) -> Iterator[str]:
    """Yield what ``node proposals`` prints of one."""
    yield f"{change.proposal}  {_what(change.action)}"
    yield f"  {change.status}, proposed by {change.proposer}"
    yield f"  yes {', '.join(change.yes) or '-'}"
    yield f"  no  {', '.join(change.no) or '-'}"


def _what(action: Action) -> str:
    """Return a change in words, with what a voter compares with what the member says itself."""
    if isinstance(action, Admit):
        one = action.member
        return (
            f"admit {one.id} ({one.name}), {', '.join(one.roles)}, power {one.power}, key {one.key}"
        )
    if isinstance(action, Rotate):
        return f"rotate the key of {action.member} to {action.key}"
    if isinstance(action, Adopt):
        return f"adopt the module {action.module}: studies may use it"
    if isinstance(action, Expel):
        return f"expel {action.member}"
    if (proposed := every_proposed().get(type(action))) is not None:
        return proposed.words.format_map(msgspec.structs.asdict(action))
    raise TypeError(action)
