"""What ``collegium sequencer check`` looks at: what could keep a sequencer from its work.

As with a member's home no lock is taken and nothing is written, and the sequencer may be running;
docs/decisions/0132.
"""

from __future__ import annotations

import shutil
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

import collegium
from collegium.errors import CollegiumError, RunError, reason_of
from collegium.ledger.application import Application
from collegium.ledger.engines.log.examining import Whose, examine_ledger
from collegium.ledger.examining import Diagnosis, HomeCheck, checked, sound, unchecked, wrong
from collegium.ledger.final import NAME as FINAL
from collegium.ledger.final import read_final
from collegium.ledger.genesis import Genesis, encode_genesis, genesis_digest
from collegium.ledger.keyfile import AskPassphrase, read_private, read_secret
from collegium.ledger.ordering import LEDGER
from collegium.ledger.validators import validator_set_of
from collegium.transport.authority import CA_CERTIFICATE, CA_KEY, SERVER_CERTIFICATE, SERVER_KEY
from collegium.transport.client import CLOCK_WARNS
from collegium.transport.examining import (
    CERTIFICATE,
    TlsFiles,
    certificates_in,
    in_words,
    tls_files,
)
from collegium.transport.home import (
    AUTHORITY,
    BLOBS,
    GENESIS,
    LOG,
    LOG_KEY,
    SETTINGS,
    TLS,
    Settings,
    read_ledger_identity,
    read_log_key,
    read_settings,
)
from collegium.transport.loopback_page import SERVED
from collegium.transport.machine import (
    Program,
    examine_file_system,
    examine_limits,
    examine_owner,
    examine_port,
    silent,
    taken,
)
from collegium.transport.sequencer_status import SequencerStatus, ask_sequencer

SEQUENCER = Program(
    "sequencer", SETTINGS, "sequencer.port", "sequencer.restart", "sequencer.not-running"
)

WRITTEN = (LEDGER, FINAL, BLOBS, LOG)

ITS_LEDGER = Whose(
    "none yet: it begins at the first start; where members have one, `sequencer start --from`",
    "start the sequencer: members give it the rest when they present themselves; look after the "
    "disk",
    "sequencer.disk",
    "make another home with `sequencer init --of` and start it `--from` a member's home",
    "error",
)  # fmt: skip

GIB = 1 << 30
FULL, FILLS = 1 << 28, 1 << 30
"""Bytes left of the disk below which the next block may be refused, and below which it is told."""

STALLED = 60.0
"""Seconds for which a block lacks cosignatures before it is told."""

RENEWED_WITHIN = 10.0
"""Seconds within which a sequencer has taken up a renewed certificate."""


def check_sequencer(home: Path, ask: AskPassphrase) -> HomeCheck:
    """Return everything that is to be said of a sequencer's home.

    Args:
        home: the sequencer's; it may be running.
        ask: asks for the passphrase of the log key, where it has one.

    Raises:
        RunError: it is no sequencer's home.
    """
    if not (home / SETTINGS).is_file():
        read_settings(home)
    status, about = _running(home)
    found = [*about, *examine_owner(home, SEQUENCER, WRITTEN)]
    settings: Settings | None = None
    try:
        settings = read_settings(home)
        found.append(sound("settings", f"{SETTINGS}: {settings.listen.host}"))
    except RunError as error:
        found.append(wrong("settings", error))
    genesis: Genesis | None = None
    try:
        genesis = read_ledger_identity(home)
        digest = genesis_digest(encode_genesis(genesis)).hex()
        found.append(sound("genesis", f"{len(genesis.members)} members, {digest}"))
    except RunError as error:
        found.append(wrong("genesis", error))
    found += _keys(home, genesis, ask)
    own, about = _certificate(home)
    found += about
    ledger: Application | None = None
    if genesis is None:
        found += [unchecked(one, f"{GENESIS} cannot be read") for one in ("ledger", "clock")]
    else:
        ledger, told = examine_ledger(home, genesis, ITS_LEDGER)
        found += [told, *_clock(home, ledger)]
    found += _disk(home)
    if settings is None:
        found += [unchecked(one, f"{SETTINGS} cannot be used") for one in ("address", "port")]
    else:
        found += _address(home, settings, status, own)
        found += examine_port(home, SEQUENCER, settings.status.port, runs=status is not None)
    found += examine_limits(SEQUENCER, None if status is None else status.pid)
    return checked(home, None, found)


def _running(home: Path) -> tuple[SequencerStatus | None, list[Diagnosis]]:
    part = "sequencer"
    try:
        status = ask_sequencer(home)
    except RunError as error:
        if (home / SERVED).exists():
            return None, [wrong(part, silent(home, SEQUENCER, error.why), "warning")]
        return None, [sound(part, "does not run")]
    found = []
    runs = f"it runs (pid {status.pid})"
    if status.disk:
        found.append(wrong(part, RunError(
            "sequencer.disk", f"{runs}, and its disk fails", status.disk,
            "make room, or move the sequencer; docs/operations/move-sequencer.md",
        )))  # fmt: skip
    if not status.ready:
        found.append(wrong(part, RunError(
            "sequencer.waits", f"{runs} and orders nothing yet",
            f"present are {', '.join(status.presented) or 'no members'}: not more than two thirds "
            "of the power",
            "ask the other members to start their nodes, and to look at `collegium node check`",
        ), "warning"))  # fmt: skip
    if status.refuses:
        found.append(wrong(part, RunError(
            "sequencer.refuses", f"{runs} and has just refused certificates of others",
            status.refuses,
            "see this machine's clock and tls/ca.pem below; else whoever it is must renew its own",
        ), "warning"))  # fmt: skip
    if status.ready and status.stalled > STALLED:
        found.append(wrong(part, RunError(
            "sequencer.waits", f"{runs}, and a block has lacked cosignatures for "
            f"{status.stalled:.0f} s", f"{', '.join(status.awaited)} have not cosigned it",
            "ask those members; a third of the power away stops everything",
        ), "warning"))  # fmt: skip
    if status.version != collegium.__version__:
        found.append(wrong("version", RunError(
            "sequencer.restart", f"{runs} as version {status.version or 'of before'}, and this "
            f"program is {collegium.__version__}", "another release was installed since its start",
            "start the sequencer again",
        ), "warning"))  # fmt: skip
    return status, found or [sound(part, f"{runs[3:]} and orders, version {status.version}")]


def _keys(home: Path, genesis: Genesis | None, ask: AskPassphrase) -> Iterator[Diagnosis]:
    part, faults = "keys", []
    try:
        if genesis is None:
            read_secret(home / LOG_KEY, ask)
        else:
            read_log_key(home, genesis, ask)
    except RunError as error:
        faults.append(wrong(part, error))
    signs = (home / AUTHORITY / CA_KEY).exists()
    if signs:
        try:
            read_private(home / AUTHORITY / CA_KEY)
        except RunError as error:
            faults.append(wrong(part, error))
    yield from faults
    if genesis is None:
        yield unchecked(part, f"{GENESIS} cannot be read: whether the log key is its")
    elif not faults:
        where = "is here, closed to others" if signs else "is not here: it can certify nobody"
        yield sound(part, f"the log key is the genesis's; the authority's key {where}")


def _certificate(home: Path) -> tuple[x509.Certificate | None, list[Diagnosis]]:
    tls = home / TLS
    own, found = tls_files(TlsFiles(
        tls / CA_CERTIFICATE, tls / SERVER_CERTIFICATE, tls / SERVER_KEY,
        "restore the folder, or have a new certificate made; docs/operations/certificates.md",
        "put the key there with which this certificate was made, or have both made anew",
    ))  # fmt: skip
    held, trusted = (
        certificates_in(folder / CA_CERTIFICATE, "") for folder in (home / AUTHORITY, tls)
    )
    if isinstance(held, list) and isinstance(trusted, list) and held[0] not in trusted:
        found.append(wrong(CERTIFICATE, RunError(
            "transport.other-authority",
            f"{tls / CA_CERTIFICATE} does not name the authority in {home / AUTHORITY}",
            "members whose certificates that one signs could not connect",
            "put its ca.pem there, beside the other one if both are in use",
        )))  # fmt: skip
    if found or own is None:
        return own, found
    told = f"{in_words(own, tls / SERVER_CERTIFICATE)}, for {', '.join(_hosts(own))}"
    return own, [sound(CERTIFICATE, told)]


def _hosts(own: x509.Certificate) -> list[str]:
    try:
        names = own.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    addresses = names.get_values_for_type(x509.IPAddress)
    return [*names.get_values_for_type(x509.DNSName), *map(str, addresses)]


def _clock(home: Path, ledger: Application | None) -> Iterator[Diagnosis]:
    """Yield whether members cosigned what is final here after it was written, by their clocks."""
    part = "clock"
    try:
        note, written = read_final(home), (home / FINAL).stat().st_mtime
    except (OSError, CollegiumError):
        note, written = None, 0.0
    if note is None or ledger is None:
        yield unchecked(part, "nothing is final here that members have cosigned, with the hour")
        return
    said = validator_set_of(ledger.state, ledger.identity).cosigners(note)
    here = min(written, time.time())
    ahead = sorted(member for member, at in said.items() if at > here + CLOCK_WARNS)
    if not ahead:
        yield sound(part, "no member's is ahead of it by a minute; `node check` compares both ways")
        return
    most = 2 * len(ahead) > len(said)
    by = max(said[member] for member in ahead) - here
    yield wrong(part, RunError(
        "transport.clock", f"this machine's clock is {by:.0f} s behind that of {', '.join(ahead)}",
        f"by it, {'most' if most else 'some'} who cosigned what is final here did so later",
        "set it by NTP (`timedatectl`)" if most else "tell those members; see this clock, too",
    ), "error" if most else "warning")  # fmt: skip


def _disk(home: Path) -> Iterator[Diagnosis]:
    left = shutil.disk_usage(home).free
    told = f"{left / GIB:.2f} GiB are left, for the ledger and members' blobs"
    if left < FILLS:
        full = left < FULL
        yield wrong("disk", RunError(
            "sequencer.disk" if full else "home.fills", "the disk is nearly full", told,
            "give it more room, lower relay.quota, or let updates go (blobs.retention)",
        ), "error" if full else "warning")  # fmt: skip
    else:
        yield sound("disk", told)
    yield from examine_file_system(home, SEQUENCER)


def _address(
    home: Path, settings: Settings, status: SequencerStatus | None, own: x509.Certificate | None
) -> Iterator[Diagnosis]:
    """Yield whether members find the sequencer: its names, its port, the certificate it shows."""
    part, faults, listen = "address", [], settings.listen
    for name in [] if own is None else _hosts(own):
        try:
            socket.getaddrinfo(name, None)
        except OSError as error:
            faults.append(wrong(part, RunError(
                "sequencer.unknown-name", f"nobody here knows the address of {name}",
                f"{reason_of(error)}; the certificate names it for members to ask",
                "see the DNS, or have a certificate made with another --host",
            ), "warning"))  # fmt: skip
    if status is None:
        try:
            why = taken(listen.host, listen.port)
        except OSError as error:
            why = reason_of(error)
        if why is not None:
            faults.append(wrong(part, RunError(
                "sequencer.port", f"nobody can listen on {listen.host}, port {listen.port}", why,
                f"choose another address or port in {SETTINGS}",
            )))  # fmt: skip
        yield from faults or [sound(part, f"{listen.host}:{listen.port} is free")]
        return
    port = urlsplit(status.url).port
    if listen.port not in (0, port):
        faults.append(wrong(part, RunError(
            "sequencer.restart", f"it listens on port {port}, and {SETTINGS} says {listen.port}",
            f"a sequencer reads {SETTINGS} when it starts", "start the sequencer again",
        ), "warning"))  # fmt: skip
    faults += _shown(home, status.url, own)
    yield from faults or [sound(part, f"{status.url} answers with the certificate in {TLS}/")]


def _shown(home: Path, url: str, own: x509.Certificate | None) -> Iterator[Diagnosis]:
    """Yield whether the running sequencer shows another certificate than the one in its home."""
    there = urlsplit(url)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        plain = socket.create_connection((there.hostname or "", there.port or 0), 5)
        with closing(plain), context.wrap_socket(plain) as line:
            shown = line.getpeercert(binary_form=True)
    except OSError as error:
        yield wrong("address", RunError(
            "transport.unreachable", f"{url} does not answer", reason_of(error),
            f"it runs, by {SERVED} in its home: see {LOG}, and what else listens there",
        ))  # fmt: skip
        return
    renewed = time.time() - (home / TLS / SERVER_CERTIFICATE).stat().st_mtime < RENEWED_WITHIN
    if own is not None and shown != own.public_bytes(Encoding.DER) and not renewed:
        yield wrong("address", RunError(
            "sequencer.restart", f"{url} shows another certificate than {TLS}/ has",
            "what is there does not belong together, or another program answers",
            f"see {LOG}; where it names no reason, start the sequencer again",
        ), "warning")  # fmt: skip
