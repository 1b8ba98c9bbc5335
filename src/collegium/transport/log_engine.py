"""The engine `log` as nodes join it: one sequencer orders, every member replays and cosigns.

docs/decisions/0012. What orders and what follows is in `ledger.engines.log`; here are the way
between them over HTTPS, what a home has of it, and what a consortium on one machine needs of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from collegium.errors import NodeError, RunError
from collegium.ledger.application import Application
from collegium.ledger.engines.log.copying_out import export
from collegium.ledger.engines.log.examining import examine_copy
from collegium.ledger.engines.log.log_copy import open_log_copy
from collegium.ledger.engines.log.replica import Replica, open_replica
from collegium.ledger.engines.log.witness import COSIGNED, Cosigned, begin_cosigning
from collegium.ledger.examining import unchecked, wrong
from collegium.ledger.final import NAME as FINAL
from collegium.ledger.genesis import Genesis
from collegium.ledger.genesis import Member as GenesisMember
from collegium.ledger.keyfile import read_secret
from collegium.ledger.keys import SigningKey, signing_key
from collegium.ledger.note import split_note, with_lines
from collegium.ledger.ordering import LEDGER, Ends, Examined, Joining
from collegium.transport.authority import request_client, sign_request
from collegium.transport.client import connect
from collegium.transport.examining import certificates, sequencer
from collegium.transport.home import AUTHORITY, GENESIS, LOG_KEY, found_ledger, make_home
from collegium.transport.member import Member
from collegium.transport.proxy import proxy_fault
from collegium.transport.relayed import RelayStore

SEQUENCER, HOST, TLS = "sequencer", "127.0.0.1", "tls"


class SequencerAddress(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[sequencer]``: its address, the TLS files of this member, by paths from the home, a proxy.

    Without `proxy` the environment says which one it is, if any (`proxy_of`).
    """

    url: str
    ca: str = "tls/ca.pem"
    certificate: str = "tls/client.pem"
    key: str = "tls/client.key"
    proxy: str | None = None


@dataclass(frozen=True, slots=True)
class LogDeployment:
    """A sequencer's home in a folder; it satisfies `ledger.ordering.Deployment`."""

    home: Path
    url: str
    log_key: bytes

    @property
    def services(self) -> Mapping[str, tuple[str, ...]]:
        """The sequencer, started in its home."""
        return {SEQUENCER: ("sequencer", "start")}

    @property
    def store(self) -> str:
        """The sequencer's relay."""
        return "relay"

    def settings_of(self, member: str) -> Mapping[str, str]:
        """Return the sequencer's address."""
        return {"url": self.url}

    def found(self, chain: str, members: Sequence[GenesisMember]) -> bytes:
        """Put the genesis into the sequencer's home; return it."""
        found_ledger(self.home, chain, members, self.log_key)
        return (self.home / GENESIS).read_bytes()

    def admit(self, member: str, home: Path) -> None:
        """Let a member make its key, and sign its request for a certificate."""
        request = request_client(home / TLS, member)
        sign_request(self.home / AUTHORITY, home / TLS, member, request.read_bytes())


@dataclass(frozen=True, slots=True)
class Log:
    """The engine; it satisfies `ledger.ordering.Joins`, `Binds` and `Examines`."""

    about: str = "one sequencer orders, every member replays and cosigns; processes of their own"
    section: str = "sequencer"
    settings: type[SequencerAddress] = SequencerAddress
    files: tuple[str, ...] = (LEDGER, FINAL, COSIGNED)
    evidence: tuple[str, ...] = ()

    def faults(self, settings: SequencerAddress) -> Sequence[tuple[str, str, str]]:
        """Return what is wrong with an address and a proxy."""
        found = []
        if not settings.url.startswith("https://"):
            found.append((
                "url", "does not begin with https://",
                "write the address that the sequencer's operator gives, such as https://host:4100",
            ))  # fmt: skip
        proxy = proxy_fault(settings.proxy)
        return found if proxy is None else [*found, ("proxy", *proxy)]

    def equip(self, home: Path, member: GenesisMember) -> GenesisMember:
        """Return the member: its one key cosigns as well."""
        return member

    def begin(self, home: Path) -> None:
        """Say in a home that its key has cosigned nothing yet."""
        begin_cosigning(home)

    def join(self, joining: Joining) -> tuple[Member, RelayStore]:
        """Open a member's replica over HTTPS, and the sequencer's relay of blobs."""
        connection = connect(joining.home, joining.settings)
        try:
            replica = open_replica(
                joining.home, joining.genesis, joining.member, joining.key_of, connection,
                joining.warn,
            )  # fmt: skip
        except BaseException:
            connection.close()
            raise
        tls = (joining.settings.certificate, joining.settings.ca)
        certificates = tuple(joining.home / one for one in tls)
        member = Member(
            replica, connection, connection.close, certificates=certificates,
            clock_trouble=lambda: connection.clock_trouble,
        )  # fmt: skip
        return member, RelayStore(connection)

    @contextmanager
    def examine(
        self, home: Path, genesis: Genesis | None, member: str, settings: SequencerAddress
    ) -> Iterator[Examined]:
        """Look at the TLS files, at what the home holds, and at what the sequencer says."""
        said = list(certificates(home, settings, member))
        usable = all(one.severity != "error" for one in said)
        ledger: Application | None = None
        if genesis is None:
            said.append(unchecked("ledger", "genesis.json cannot be read"))
        else:
            ledger, about = examine_copy(home, genesis)
            said += about
        if not usable:
            because = "the TLS files cannot be used"
            said += [unchecked(one, because) for one in ("sequencer", "clock")]
            yield Examined(tuple(said), ledger)
            return
        try:
            connection = connect(home, settings)
        except RunError as error:
            yield Examined((*said, wrong("sequencer", error)), ledger)
            return
        with closing(connection):
            asked = tuple(sequencer(connection, settings, genesis, ledger))
            reached = not any(one.part == "sequencer" and one.severity == "error" for one in asked)
            store = RelayStore(connection) if reached else None
            yield Examined((*said, *asked), ledger, store)

    def ends(self, home: Path, genesis: Genesis, warn: Callable[[str], None]) -> Ends:
        """Return where the ledger of a home ends whose node is stopped."""
        with closing(open_log_copy(home, genesis, warn)) as copy:
            note = copy.final_note
            return Ends(None if note is None else copy.open_note(note), copy.ledger.head())

    def export(self, home: Path, genesis: Genesis, path: Path, warn: Callable[[str], None]) -> str:
        """Write what is final in a home, sealed by the log's note; return the final note."""
        with closing(open_log_copy(home, genesis, warn)) as copy:
            export(copy, path)
            return copy.final_note or ""

    def merged(self, certificates: Sequence[str]) -> str:
        """Return a note with every cosignature line of several, each once and in order."""
        lines = [split_note(note)[1].splitlines(keepends=True)[1:] for note in certificates]
        return with_lines(certificates[0], sorted({line for some in lines for line in some}))

    def deploy(self, folder: Path, name: str, port: Callable[[str], int]) -> LogDeployment:
        """Make a sequencer's home."""
        number = port(HOST)
        log_key = make_home(folder / SEQUENCER, [HOST], number, name=name)
        return LogDeployment(folder / SEQUENCER, f"https://{HOST}:{number}", log_key)

    def log_key(self, folder: Path) -> SigningKey:
        """Return the log key, which the sequencer's home keeps."""
        return signing_key(read_secret(folder / SEQUENCER / LOG_KEY, lambda: None))

    def bound(self, joining: Joining) -> Cosigned:
        """Return what the member of a home has cosigned after what is final there.

        Where that is not known, the final block itself stands for all that may follow it.
        """
        with _alone(joining) as replica:
            return _bound(replica)

    def release(self, joining: Joining, block: str) -> Cosigned:
        """Give it up, if it is the block with that hash; the evidence keeps it."""
        with _alone(joining) as replica:
            bound = _bound(replica)
            if bound.block != block:
                raise RunError(
                    "cosigned.other", "this member has cosigned another block",
                    f"it is {bound.block}, of {bound.size} entries",
                    "compare what `collegium node status` says of every member",
                )  # fmt: skip
            replica.release()
            return bound


LOG = Log()


def _bound(replica: Replica) -> Cosigned:
    if replica.copy.expected is not None:
        raise NodeError(
            "node.copy", "the home's copy of the ledger lacks what was final here",
            "what the member is bound to cannot be told from it",
            "start the node, which fetches it anew, and look again",
        )  # fmt: skip
    if not replica.witness.known:
        return replica.witness.here
    bound = replica.witness.bound
    if bound is None:
        raise RunError(
            "cosigned.nothing", "this member is not bound to any block",
            "it has cosigned nothing after what is final here",
            "nothing needs to be given up; start its node",
        )  # fmt: skip
    return bound


@contextmanager
def _alone(joining: Joining) -> Iterator[Replica]:
    """Yield a replica that asks nobody anything and signs nothing."""
    with closing(connect(joining.home, joining.settings)) as connection:
        replica = open_replica(
            joining.home, joining.genesis, joining.member, lambda _: None, connection, joining.warn
        )
        try:
            yield replica
        finally:
            replica.close()
