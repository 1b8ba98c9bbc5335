"""The status of a node as values, and as metrics in Prometheus's text format."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from collegium.node.membership import Change


class RefusedTransaction(msgspec.Struct, frozen=True, kw_only=True):
    """What the contract refuses of this member and is still due.

    `since` is the time (UTC, ISO 8601) of the first refusal, `count` how many there were.
    """

    kind: str
    study: str
    code: str
    why: str
    since: str
    count: int


class UnorderedTransaction(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction that members have seen in letters and whoever orders has not ordered.

    `seen_by` are the validators that say so; `blocks` of how many blocks it was left out since a
    quorum had seen it, None before; `seconds` since this member has seen it.
    """

    transaction: str
    kind: str
    study: str
    author: str
    seen_by: tuple[str, ...]
    blocks: int | None
    seconds: float


class SilentMember(msgspec.Struct, frozen=True, kw_only=True):
    """A member that a study waits for no more: as what it was last silent, since when, how often.

    `rounds` are those that closed since; `speakers` who speaks together in the phase.
    """

    member: str
    speakers: str
    phase: str
    round: int
    rounds: int
    times: int


class ClippedRounds(msgspec.Struct, frozen=True, kw_only=True):
    """Rounds that had too little room for this site's update, since the node started.

    `coordinates` is how many were cut off in the worst of them.
    """

    rounds: tuple[int, ...]
    coordinates: int


class StudyStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Where a study stands, as this member's copy of the ledger says.

    `refused` are the reasons why this member's site takes no part; `stopped` is what failed here,
    since when this node computes nothing of the study; `waiting` are seconds since
    the study came to where it is, `awaited` the members who have not spoken in this phase,
    `missing_blobs` the blobs of the study that the ledger names and this home does not have yet.
    `silent` are the members who are waited for no more until they say that they are there.
    `clipped` are the rounds in which this member's update was cut off, None for none.
    `rows` tell what of this member's own file is not as the study's document says, by column and
    row.
    """

    study: str
    phase: str
    round: int
    closed_rounds: int
    rounds: int
    attempt: int
    outcome: str
    model: str
    waiting: float
    refused: tuple[str, ...]
    stopped: str | None = None
    awaited: tuple[str, ...] = ()
    silent: tuple[SilentMember, ...] = ()
    clipped: ClippedRounds | None = None
    rows: tuple[str, ...] = ()
    missing_blobs: int = 0


class PrivacySpentStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What one person of this member's site, or the site, has lost in all studies together.

    `delta` is the smallest of those studies', `cap` the policy's epsilon_in_all.
    """

    unit: str
    epsilon: float
    delta: float
    accountant: str
    studies: tuple[str, ...]
    cap: float | None = None


class LockedBlock(msgspec.Struct, frozen=True, kw_only=True):
    """A block that the member has cosigned and that is not final yet: its hash, its log's size."""

    block: str
    size: int


class NodeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What ``/status`` says.

    Attributes:
        member: whose node it is.
        state: "starting", "following", "away" (the sequencer cannot be reached), "disk" (the home's
            disk refuses what has to be written), "refused" (the sequencer does not serve this
            member, which is none yet or has another's certificate), "expelled" (this copy of the
            ledger says so) or "halted" (the sequencer lied); `trouble` says why.
        size: entries held; `final_size` of them are final.
        since_final: seconds since something became final, or since the start.
        stalled: seconds for which something has been handed over or held without anything having
            become final; 0 where nothing is to become final, however long that is.
        cosignatures: validators that cosigned the newest final note; `missing` those that have
            cosigned none for a minute.
        bound: what the member has cosigned after what is final here, or None.
        pending: transactions that were handed over and have no answer yet.
        unordered: what whoever orders was handed by this member, for another or itself, and keeps
            back; `silencing` is what there is to say where it can keep a member back unseen.
        changes: every change of the membership that was ever proposed.
        evidence: what the home keeps against whoever orders, until its operator moves it away.
        equivocations: what members said twice, as the ledger has it: who, and about what.
        refusals: transactions of this member that the contract refused, by code; `rejected` are
            those that it refuses now for another reason than that they were said before.
        lost: what this member's site has lost of its units' privacy in all studies.
        proposals: why studies of this member's home are not registered, by file name.
        errors: what fails now, by who.
        certificate_days: days until the first of the certificates ends on which the way to the
            others depends, or None.
        missing_blobs: blobs that the ledger names and this home does not have yet; `missing_for`
            are the seconds for which the first of them has been missing that is no failed study's,
            `fetching_blobs` are those that may come at once: for long in vain were others tried.
        room_percent: how much of the room for the home's blobs is taken; `room` is what there is to
            say of it from 80 percent on. A full home takes no new study.
    """

    member: str
    genesis: str
    version: str
    pid: int
    state: str
    trouble: str | None = None
    enabled: bool = True
    size: int = 0
    final_size: int = 0
    since_final: float = 0.0
    stalled: float = 0.0
    cosignatures: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    bound: LockedBlock | None = None
    pending: int = 0
    training: bool = False
    studies: tuple[StudyStatus, ...] = ()
    lost: tuple[PrivacySpentStatus, ...] = ()
    proposals: dict[str, str] = {}
    unordered: tuple[UnorderedTransaction, ...] = ()
    silencing: str | None = None
    changes: tuple[Change, ...] = ()
    evidence: tuple[str, ...] = ()
    equivocations: tuple[str, ...] = ()
    refusals: dict[str, int] = {}
    rejected: tuple[RefusedTransaction, ...] = ()
    errors: dict[str, str] = {}
    error_count: int = 0
    missing_blobs: int = 0
    missing_for: float = 0.0
    fetching_blobs: int = 0
    blob_bytes: int = 0
    room_percent: float = 0.0
    room: str | None = None
    outbox_entries: int = 0
    certificate_days: float | None = None


def metrics(status: NodeStatus) -> Iterator[str]:
    """Yield the lines of a status in Prometheus's text format (version 0.0.4)."""
    for name, kind, about, value in (
        ("following", "gauge", "1 while the node follows the sequencer",
         status.state == "following"),
        ("halted", "gauge", "1 after the sequencer was found lying", status.state == "halted"),
        ("enabled", "gauge", "0 while the policy has the member switched off", status.enabled),
        ("entries", "gauge", "Entries of the ledger that are held", status.size),
        ("final_entries", "gauge", "Entries of the ledger that are final", status.final_size),
        ("final_age_seconds", "gauge", "Time since something became final", status.since_final),
        ("stalled_seconds", "gauge", "Time for which what is due has not become final",
         status.stalled),
        ("cosignatures_missing", "gauge", "Validators that have cosigned nothing for a minute",
         len(status.missing)),
        ("rejected", "gauge", "Due transactions that the contract refuses", len(status.rejected)),
        ("failing", "gauge", "Things that fail now", len(status.errors)),
        ("unordered", "gauge", "Transactions that a quorum has seen and that are not ordered",
         sum(one.blocks is not None for one in status.unordered)),
        ("pending_transactions", "gauge", "Transactions without an answer", status.pending),
        ("training", "gauge", "1 while a site trains", status.training),
        ("refused_studies", "gauge", "Studies in which this member's site takes no part",
         sum(bool(one.refused) for one in status.studies)),
        ("stopped_studies", "gauge", "Studies that failed on this node, which left them",
         sum(one.stopped is not None for one in status.studies)),
        ("evidence", "gauge", "Findings against whoever orders that the home keeps",
         len(status.evidence)),
        ("equivocations", "gauge", "Times that a member said two things, as the ledger has it",
         len(status.equivocations)),
        ("missing_blobs", "gauge", "Blobs that the ledger names and the home lacks",
         status.missing_blobs),
        ("missing_blobs_seconds", "gauge", "Time for which the first of them has been missing",
         status.missing_for),
        ("blob_bytes", "gauge", "Bytes of blobs in the home", status.blob_bytes),
        ("room_percent", "gauge", "Percent of the room for the home's blobs that is taken",
         status.room_percent),
        ("outbox_entries", "gauge", "Records kept in the outbox", status.outbox_entries),
        ("errors_total", "counter", "Failures since the start", status.error_count),
    ):  # fmt: skip
        yield from _family(name, kind, about)
        yield f'collegium_node_{name}{{member="{status.member}"}} {float(value):.15g}'
    if status.certificate_days is not None:
        yield from _family("certificate_days", "gauge", "Days until the first certificate ends")
        days = f"{status.certificate_days:.15g}"
        yield f'collegium_node_certificate_days{{member="{status.member}"}} {days}'
    yield from _family("rejected_total", "counter", "Transactions that the contract refused")
    for code, count in status.refusals.items():
        yield f'collegium_node_rejected_total{{member="{status.member}",code="{code}"}} {count}'
    yield from _family("epsilon_in_all", "gauge", "Epsilon that all studies have spent of a unit")
    for lost in status.lost:
        labels = f'member="{status.member}",unit="{lost.unit}",delta="{lost.delta:g}"'
        labels += f',accountant="{lost.accountant}"'
        yield f"collegium_node_epsilon_in_all{{{labels}}} {lost.epsilon:.15g}"
    yield from _family("study_failed", "gauge", "1 where a study ended without its model")
    for one in status.studies:
        labels = f'member="{status.member}",study="{one.study}"'
        yield f"collegium_node_study_failed{{{labels}}} {int(one.outcome == 'failed')}"
    yield from _family("study_awaited_seconds", "gauge", "Time for which a member is waited for")
    for one in status.studies:
        for name in one.awaited:
            labels = f'member="{status.member}",study="{one.study}",phase="{one.phase}"'
            labels += f',awaited="{name}"'
            yield f"collegium_node_study_awaited_seconds{{{labels}}} {one.waiting:.15g}"
    yield from _family("study_silent_rounds", "gauge", "Rounds that closed without a silent member")
    for one in status.studies:
        for who in one.silent:
            labels = f'member="{status.member}",study="{one.study}",silent="{who.member}"'
            labels += f',speakers="{who.speakers}"'
            yield f"collegium_node_study_silent_rounds{{{labels}}} {who.rounds}"
    yield from _family("study_clipped_rounds", "gauge", "Rounds that cut off this site's update")
    for one in status.studies:
        labels = f'member="{status.member}",study="{one.study}"'
        rounds = 0 if one.clipped is None else len(one.clipped.rounds)
        yield f"collegium_node_study_clipped_rounds{{{labels}}} {rounds}"
    for name, about in (
        ("round", "The open round, or the last one"),
        ("closed_rounds", "Rounds that are closed"),
        ("waiting", "Seconds since the study came to the phase where it is"),
    ):
        yield from _family(f"study_{name}", "gauge", about)
        for one in status.studies:
            labels = f'member="{status.member}",study="{one.study}",phase="{one.phase}"'
            yield f"collegium_node_study_{name}{{{labels}}} {float(getattr(one, name)):.15g}"


def _family(name: str, kind: str, about: str) -> Iterator[str]:
    yield f"# HELP collegium_node_{name} {about}."
    yield f"# TYPE collegium_node_{name} {kind}"
