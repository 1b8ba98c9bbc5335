"""What stands between a member and its sequencer: TLS files, the port behind them, and the clock.

Only what changes nothing is asked. Whoever is refused as a member may still read the checkpoint
and the hour.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from collegium.errors import CollegiumError, FormatError, RunError, reason_of
from collegium.ledger.application import Application
from collegium.ledger.examining import Diagnosis, sound, unchecked, wrong
from collegium.ledger.genesis import Genesis, encode_genesis, genesis_digest, required_log_key
from collegium.ledger.keyfile import read_private
from collegium.ledger.note import Checkpoint, open_checkpoint, origin_of, split_note
from collegium.ledger.proof import consistency_holds, consistency_proof
from collegium.ledger.tiles import Tile, subtrees_of_tiles
from collegium.transport.authority import MEMBER_URI
from collegium.transport.client import (
    CLOCK_WARNS,
    Address,
    HttpAnswer,
    HttpsConnection,
    ahead_of,
    differing,
)
from collegium.transport.proxy import proxy_of, shown
from collegium.transport.renewal import WARN_DAYS, days_left

FORBIDDEN, NOTHING_YET = 403, 404

CERTIFICATE = "certificate"

CLOCK_FAILS = 3600.0
"""Seconds between two clocks: certificates hold from an hour before they are made."""


class SequencerSays(msgspec.Struct, frozen=True):
    """Of ``/v1/status``, what is compared; a release of before does not name its genesis."""

    final: int
    ready: bool
    genesis: str = ""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The files with which one side shows who it is: the authority's, its own, and its key.

    Attributes:
        todo: what to do where a file cannot be used; `ask` where it is of another key.
    """

    ca: Path
    certificate: Path
    key: Path
    todo: str
    ask: str


def certificates(home: Path, address: Address, member: str) -> Iterator[Diagnosis]:
    """Yield what is to be said of a member's TLS files.

    Args:
        home: the member's.
        address: names the files.
        member: its id.
    """
    files = TlsFiles(
        home / address.ca, home / address.certificate, home / address.key,
        "ask the sequencer's operator for ca.pem and client.pem, as by `collegium node request`",
        "ask for a certificate of this key by `collegium node request`",
    )  # fmt: skip
    own, found = tls_files(files)
    if own is not None:
        named = _members_named(own)
        if named != [member]:
            found.append(wrong(CERTIFICATE, RunError(
                "transport.other-member", f"{files.certificate} is not {member}'s",
                f"it names {', '.join(named) or 'no member'}",
                "compare node.member with it, or ask the operator for the certificate of this one",
            )))  # fmt: skip
    yield from found or [sound(CERTIFICATE, in_words(own, files.certificate))]


def tls_files(files: TlsFiles) -> tuple[x509.Certificate | None, list[Diagnosis]]:
    """Return a side's own certificate, None where it cannot be read, and what is wrong."""
    found = []
    authorities = certificates_in(files.ca, files.todo)
    read = certificates_in(files.certificate, files.todo)
    public = _public_of(files.key, files.todo)
    for one in (authorities, read, public):
        if isinstance(one, CollegiumError):
            found.append(wrong(CERTIFICATE, one))
    own = None if isinstance(read, CollegiumError) else read[0]
    if own is not None:
        if not isinstance(public, CollegiumError) and own.public_key() != public:
            found.append(wrong(CERTIFICATE, RunError(
                "transport.other-key", f"{files.certificate} is not of the key {files.key}",
                "their public keys differ", files.ask,
            )))  # fmt: skip
        if not isinstance(authorities, CollegiumError) and not _signed_by_one(own, authorities):
            found.append(wrong(CERTIFICATE, RunError(
                "transport.other-authority", f"{files.certificate} is not signed by {files.ca}",
                f"it names {own.issuer.rfc4514_string()!r} as its authority",
                "put a certificate and the ca.pem of one consortium there",
            )))  # fmt: skip
        if own.not_valid_before_utc > datetime.now(UTC):
            found.append(wrong(CERTIFICATE, _ended(
                files.certificate, f"it begins at {own.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
            )))  # fmt: skip
    found += _ending(CERTIFICATE, {one: days_left(one) for one in (files.certificate, files.ca)})
    return own, found


def in_words(own: x509.Certificate | None, path: Path) -> str:
    """Return what is to be said of a certificate that is as it should be."""
    name = "" if own is None else own.issuer.rfc4514_string()
    return f"signed by {name}, of this home's key; it holds for {days_left(path) or 0:.0f} days"


def _ending(part: str, ends: dict[Path, float | None]) -> Iterator[Diagnosis]:
    """Yield what has ended, and what soon will."""
    for path, days in ends.items():
        if days is None or days >= WARN_DAYS:
            continue
        if days < 0:
            yield wrong(part, _ended(path, f"it ended {-days:.1f} days ago"))
            continue
        yield wrong(part, RunError(
            "transport.ends", f"{path} ends soon", f"it holds for {days:.1f} days",
            "renew it as docs/operations/certificates.md says",
        ), "warning")  # fmt: skip


def _ended(path: Path, why: str) -> RunError:
    return RunError(
        "transport.ended", f"{path} does not hold now", f"{why}, by this machine's clock",
        "see that the clock is right; then renew it as docs/operations/certificates.md says",
    )  # fmt: skip


def certificates_in(path: Path, todo: str) -> list[x509.Certificate] | RunError:
    """Return the certificates of a file, or what is wrong with it."""
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it holds no certificate"
        return _no_tls(path, why or reason_of(error), todo)


def _public_of(path: Path, todo: str) -> object:
    """Return the public half of a key, or what is wrong with its file."""
    try:
        return load_pem_private_key(read_private(path), None).public_key()
    except RunError as error:
        return error
    except (ValueError, TypeError):
        return _no_tls(path, "it holds no key that can be read without a passphrase", todo)


def _no_tls(path: Path, why: str, todo: str) -> RunError:
    return RunError("transport.tls", f"{path} cannot be used", why, todo)


def _signed_by_one(certificate: x509.Certificate, authorities: list[x509.Certificate]) -> bool:
    for one in authorities:
        try:
            certificate.verify_directly_issued_by(one)
        except (ValueError, TypeError, InvalidSignature):
            continue
        return True
    return False


def _members_named(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    return [one.removeprefix(MEMBER_URI) for one in uris if one.startswith(MEMBER_URI)]


def sequencer(
    connection: HttpsConnection, address: Address, genesis: Genesis | None,
    ledger: Application | None,
) -> Iterator[Diagnosis]:  # fmt: skip
    """Yield what the sequencer says, and how it agrees with a home.

    Args:
        connection: the member's.
        address: where it leads.
        genesis: the home's, None where it cannot be read.
        ledger: what is final in the home, None where nothing is known of it.
    """
    part = "sequencer"
    before = time.time()
    try:
        answer = connection.ask("GET", "/v1/status", expect=(FORBIDDEN,))
    except CollegiumError as error:
        yield wrong(part, error)
        yield unchecked("clock", "the sequencer did not answer")
        return
    yield from clock(answer, before, time.time())
    said: SequencerSays | None = None
    if answer.status == FORBIDDEN:
        yield wrong(part, RunError(
            "transport.refused", f"{address.url} does not serve this member",
            "the ledger names no present member of the id in its certificate",
            "compare node.member and tls/ with the members on the ledger; docs/operations/join.md",
        ))  # fmt: skip
    else:
        try:
            said = msgspec.json.decode(answer.data, type=SequencerSays)
        except msgspec.MsgspecError as error:
            yield wrong(part, RunError(
                "transport.nonsense", f"what {address.url} answers makes no sense", str(error),
                "see that the address is the sequencer's, and that its release fits this one",
            ))  # fmt: skip
            return
    try:
        faults = [] if genesis is None else list(_agreement(connection, said, genesis, ledger))
    except CollegiumError as error:
        faults = [wrong(part, error)]
    yield from faults
    if said is not None and not faults:
        yield sound(part, _reached(address, said, genesis is not None))
    if genesis is None:
        yield unchecked(part, "genesis.json cannot be read: whether both have the same ledger")


def _reached(address: Address, said: SequencerSays, compared: bool) -> str:
    proxy = proxy_of(address.proxy, address.url)
    way = f" through {shown(proxy)}" if proxy else ""
    stands = "ordering" if said.ready else "waiting for members"
    agrees = "; its ledger goes on from this home's" if compared else ""
    return f"{address.url}{way} serves this member, {stands}: {said.final} entries final{agrees}"


def clock(answer: HttpAnswer, before: float, after: float) -> Iterator[Diagnosis]:
    """Yield how this machine's clock differs from the one of whoever answered; see `ahead_of`."""
    ahead = ahead_of(answer, before, after)
    if ahead is None:
        yield unchecked("clock", "the sequencer's answer has no date")
        return
    if abs(ahead) < CLOCK_WARNS:
        yield sound("clock", "it agrees with the sequencer's to within a minute")
        return
    yield wrong("clock", RunError(
        "transport.clock", f"this machine's clock is {differing(ahead)} the sequencer's",
        "certificates, logs and cosignatures go by it",
        "set it by NTP (`timedatectl`), or tell the operator whose clock is wrong",
    ), "error" if abs(ahead) >= CLOCK_FAILS else "warning")  # fmt: skip


def _agreement(
    connection: HttpsConnection, said: SequencerSays | None, genesis: Genesis,
    ledger: Application | None,
) -> Iterator[Diagnosis]:  # fmt: skip
    """Yield where the sequencer's ledger is not the home's.

    Raises:
        CollegiumError: the sequencer does not answer, or what it answers does not hold.
    """
    part, identity = "sequencer", genesis_digest(encode_genesis(genesis))
    if said is not None and said.genesis not in ("", identity.hex()):
        yield wrong(part, _other_genesis(identity))
        return
    answer = connection.ask("GET", "/checkpoint", expect=(NOTHING_YET,))
    newest = None if answer.status == NOTHING_YET else _opened(answer.data, genesis, identity)
    here = None if ledger is None else ledger.head()
    if here is None or not here.size:
        return
    if newest is None or newest.size < here.size:
        size = 0 if newest is None else newest.size
        yield wrong(part, RunError(
            "sequencer.behind", "the sequencer has fewer final entries than this home",
            f"it has {size}, and {here.size} are final here: it has lost some",
            "tell its operator; members give it what it lacks when their nodes present themselves",
        ), "warning")  # fmt: skip
    elif not _continues(connection, here, newest):
        yield wrong(part, RunError(
            "sequencer.two-histories", "the sequencer has another history than this home",
            f"its {newest.size} entries do not begin with the {here.size} that are final here",
            "keep both; do not start the node, and compare with the other members",
        ))  # fmt: skip


def _opened(note: bytes, genesis: Genesis, identity: bytes) -> Checkpoint:
    """Return what a note says.

    Raises:
        RunError: it is of another ledger, or not signed by the log's key.
    """
    origin = origin_of(identity)
    try:
        if not split_note(note.decode())[0].startswith(f"{origin}\n"):
            raise _other_genesis(identity)
        return open_checkpoint(note.decode(), origin, required_log_key(genesis))
    except (FormatError, UnicodeDecodeError) as error:
        why = error.why if isinstance(error, FormatError) else "it is not text"
        raise RunError(
            "sequencer.signature", "the sequencer's checkpoint is not signed by the log's key", why,
            "compare genesis.json and sequencer.url with the other members",
        ) from error  # fmt: skip


def _other_genesis(identity: bytes) -> RunError:
    return RunError(
        "sequencer.other-genesis", "the sequencer orders another ledger than this home's",
        f"its genesis is another one than genesis.json, whose digest is {identity.hex()}",
        "compare the digest with the other members, and sequencer.url with the operator",
    )  # fmt: skip


def _continues(connection: HttpsConnection, old: Checkpoint, new: Checkpoint) -> bool:
    """Return whether the sequencer's log begins with a home's, by its tiles (RFC 9162, 2.1.4)."""
    if old.size == new.size:
        return old == new

    def fetch(tile: Tile) -> bytes:
        return connection.ask("GET", f"/{tile.path}").data

    subtree = subtrees_of_tiles(fetch, new.size)
    proof = consistency_proof(subtree, old.size, new.size)
    return consistency_holds(old.size, new.size, old.root, new.root, proof)
