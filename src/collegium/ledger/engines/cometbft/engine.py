"""The engine `cometbft` as nodes join it: CometBFT is a child of each node."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_bytes
from typing import Any

import msgspec

from collegium.canonical import to_text
from collegium.ledger.contract.declared import admitted_modules
from collegium.ledger.durability import write_whole
from collegium.ledger.engines.cometbft import binary
from collegium.ledger.engines.cometbft.child import Child
from collegium.ledger.engines.cometbft.commit import NAME as COMMIT
from collegium.ledger.engines.cometbft.cosigning import COSIGNED, NOBODYS, Cosigning, merged
from collegium.ledger.engines.cometbft.execution import Execution, node_ids
from collegium.ledger.engines.cometbft.height import NAME as HEIGHT
from collegium.ledger.engines.cometbft.home import (
    FOLDER,
    SOCKET,
    Cometbft,
    forget_chain,
    make_key,
    prepare,
)
from collegium.ledger.engines.cometbft.listening import Listener, require_short
from collegium.ledger.engines.cometbft.opening import open_home, put_aside
from collegium.ledger.engines.cometbft.ordering import CometOrdering
from collegium.ledger.engines.cometbft.rpc import Rpc
from collegium.ledger.final import NAME as FINAL
from collegium.ledger.final import read_final
from collegium.ledger.frames import CHECKPOINT, encode_frame
from collegium.ledger.genesis import (
    CONTRACT_VERSION,
    FORMAT_VERSION,
    Genesis,
    Member,
    encode_genesis,
)
from collegium.ledger.keys import SigningKey
from collegium.ledger.ordering import LEDGER, Ends, Joining
from collegium.ledger.validators import validator_set_of

HOST, SHARED = "127.0.0.1", "shared"


@dataclass(frozen=True, slots=True)
class CometDeployment:
    """Ports of a consortium on one machine; it satisfies `ledger.ordering.Deployment`."""

    folder: Path
    port: Callable[[str], int]
    listening: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """There is no one place where the order is reached."""
        return ""

    @property
    def services(self) -> Mapping[str, tuple[str, ...]]:
        """CometBFT is a child of each node: nothing else runs."""
        return {}

    @property
    def store(self) -> str:
        """A folder that all members share: they are on one machine."""
        return (self.folder / SHARED).resolve().as_uri()

    def settings_of(self, member: str) -> Mapping[str, Any]:
        """Return where a member's CometBFT listens, and those before it, whom it reaches."""
        before = dict(self.listening)
        self.listening[member] = f"{HOST}:{self.port(HOST)}"
        return {"listen": self.listening[member], "rpc": self.port(HOST), "peers": before}

    def found(self, chain: str, members: Sequence[Member]) -> bytes:
        """Return the genesis of the members."""
        return encode_genesis(
            Genesis(
                chain=chain, contract=CONTRACT_VERSION, format=FORMAT_VERSION, keys="held",
                log=to_text(NOBODYS.public),
                members=tuple(sorted(members, key=lambda one: one.id)), modules=admitted_modules(),
            )
        )  # fmt: skip

    def admit(self, member: str, home: Path) -> None:
        """Prepare the folder that members share; there are no certificates."""
        (self.folder / SHARED).mkdir(exist_ok=True)


@dataclass(frozen=True, slots=True)
class CometEngine:
    """The engine; it satisfies `ledger.ordering.Joins`."""

    about: str = "CometBFT orders: members vote, and up to a third of the power may lie"
    section: str = "cometbft"
    settings: type[Cometbft] = Cometbft
    files: tuple[str, ...] = (LEDGER, FINAL, COMMIT, COSIGNED, HEIGHT)
    evidence: tuple[str, ...] = (COMMIT,)

    def faults(self, settings: Cometbft) -> Sequence[tuple[str, str, str]]:
        """Return what is wrong with addresses and the port."""
        found = []
        if not is_address(settings.listen):
            found.append(("listen", "is no address", 'write HOST:PORT, such as "0.0.0.0:26656"'))
        for name, where in settings.peers.items():
            if not is_address(where):
                todo = f'write HOST:PORT for {name}, such as "node.example.org:26656"'
                found.append(("peers", f"has no address for {name}", todo))
        if not 0 < settings.rpc < 2**16:
            found.append(("rpc", "is no port", "write 1 to 65535"))
        return found

    def equip(self, home: Path, member: Member) -> Member:
        """Make the member's consensus key."""
        return msgspec.structs.replace(member, consensus=make_key(home, token_bytes(32)))

    def begin(self, home: Path) -> None:
        """Let CometBFT know of no chain."""
        forget_chain(home)

    def join(self, joining: Joining) -> tuple[CometOrdering, None]:
        """Open a member's ledger, and start CometBFT with the first step.

        Raises:
            CollegiumError: there is no CometBFT, or the files in the home cannot be used.
        """
        program = binary.find()
        home, settings = joining.home, joining.settings
        require_short(home / FOLDER / SOCKET)
        application, height = open_home(home, joining.genesis, joining.warn)
        try:
            if height.height and not (home / FOLDER / "data/blockstore.db").exists():
                joining.warn("CometBFT's blocks are lost; they are fetched from the others")
                application.close()
                put_aside(home)
                application, height = open_home(home, joining.genesis, joining.warn)
            ids = node_ids(application.state)
            prepare(home, joining.genesis, application.identity, settings, joining.member, ids)
            listener = Listener(home / FOLDER / SOCKET)
        except BaseException:
            application.close()
            raise
        execution = Execution(home, application, height)
        cosigning = Cosigning(home, application.identity, joining.member, joining.key_of)
        if application.size:
            judges = validator_set_of(application.state, application.identity)
            cosigning.committed(application.head(), judges)
        return CometOrdering(
            execution,
            cosigning,
            listener,
            Rpc(settings.rpc),
            Child(program, home),
            home,
            joining.member,
        ), None

    def ends(self, home: Path, genesis: Genesis, warn: Callable[[str], None]) -> Ends:
        """Return where the ledger of a home ends whose node is stopped: all of it is final."""
        application, _ = open_home(home, genesis, warn)
        with closing(application):
            head = application.head()
            return Ends(head if application.size else None, head)

    def export(self, home: Path, genesis: Genesis, path: Path, warn: Callable[[str], None]) -> str:
        """Write what is committed in a home as a run folder's ledger; return its certificate."""
        application, _ = open_home(home, genesis, warn)
        with closing(application):
            seal = encode_frame(CHECKPOINT, application.checkpoint(NOBODYS).encode())
            write_whole(path, (home / LEDGER).read_bytes() + seal)
        cosigned = home / COSIGNED
        return merged([read_final(home) or "", cosigned.read_text() if cosigned.exists() else ""])

    def merged(self, certificates: Sequence[str]) -> str:
        """Return a note with every cosignature of several over the largest ledger."""
        return merged(certificates)

    def deploy(self, folder: Path, name: str, port: Callable[[str], int]) -> CometDeployment:
        """Find ports for a consortium on this machine, if there is a CometBFT.

        Raises:
            RunError: there is none, or it is of a version that does not go.
        """
        binary.find()
        return CometDeployment(folder, port)

    def log_key(self, folder: Path) -> SigningKey:
        """Return nobody's key."""
        return NOBODYS


COMETBFT = CometEngine()


def is_address(text: str) -> bool:
    """Return whether a text is a host and a port."""
    host, _, port = text.rpartition(":")
    return bool(host) and " " not in host and port.isdigit() and 0 < int(port) < 2**16
