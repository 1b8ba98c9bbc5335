"""A sequencer's home: the folder that holds everything it needs to order and to listen.

===============  =================================================================================
sequencer.toml   where it listens
keys/log.pem     the log key, of mode 0600 or under a passphrase
authority/       the consortium's certificate authority; it may be kept elsewhere
tls/             the server's certificate and key, and the authority's certificate
genesis.json     the consortium's genesis, made of the members' cards and the log key
ledger.log       the ledger, with `final` beside it
blobs/           what members share through it
sequencer.log    what it did, one JSON object a line
address          where the running sequencer listens, as a URL
===============  =================================================================================
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from secrets import token_bytes

import msgspec

from collegium.canonical import to_text
from collegium.errors import CollegiumError, RunError, reason_of
from collegium.ledger.contract.declared import admitted_modules
from collegium.ledger.genesis import (
    CONTRACT_VERSION,
    FORMAT_VERSION,
    ORDERED_WITHIN,
    Genesis,
    Member,
    Predecessor,
    decode_genesis,
    encode_genesis,
    genesis_digest,
)
from collegium.ledger.keyfile import (
    AskPassphrase,
    read_private,
    read_secret,
    write_private,
    write_secret,
)
from collegium.ledger.keys import SigningKey, signing_key
from collegium.transport.authority import (
    CA_CERTIFICATE,
    CA_KEY,
    certify_server,
    create_authority,
)
from collegium.transport.relay import QUOTA

SETTINGS, LOG_KEY, GENESIS = "sequencer.toml", "keys/log.pem", "genesis.json"
AUTHORITY, TLS, BLOBS, LOG, ADDRESS = "authority", "tls", "blobs", "sequencer.log", "address"
DEFAULT_PORT = 4100


class Listen(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[listen]``: the address and port; port 0 lets the system choose."""

    host: str
    port: int = DEFAULT_PORT


class RelaySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[relay]``: bytes of one member's blobs that may lie on the sequencer's disk."""

    quota: int = QUOTA


class StatusSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[status]``: the port of the status page on 127.0.0.1; 0 lets the system choose."""

    port: int = 0


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole ``sequencer.toml``."""

    listen: Listen
    relay: RelaySettings = RelaySettings()
    status: StatusSettings = StatusSettings()


def make_home(
    home: Path, hosts: Sequence[str], port: int = DEFAULT_PORT, *, listen: str | None = None,
    name: str = "consortium", passphrase: str | None = None,
) -> bytes:  # fmt: skip
    """Make a sequencer's home without a genesis; return the public half of its new log key.

    Args:
        home: a folder that does not exist, or is empty.
        hosts: names and addresses under which members reach it; the certificate names them.
        port: where it listens.
        listen: the address that it listens on, the first of `hosts` if None.
        name: the consortium's, for certificates.
        passphrase: encrypts the log key; None leaves it to the file's mode.

    Raises:
        RunError: something is in the folder.
    """
    _begin(home)
    seed = token_bytes(32)
    write_secret(home / LOG_KEY, seed, passphrase)
    create_authority(home / AUTHORITY, name)
    _listen(home, hosts, port, listen)
    return signing_key(seed).public


def move_home(
    home: Path, old: Path, hosts: Sequence[str], port: int = DEFAULT_PORT, *,
    listen: str | None = None,
) -> None:  # fmt: skip
    """Make a sequencer's home elsewhere, with the log key, authority and genesis of another one.

    The ledger is not taken along: `start --from` takes a member's, which is newer or the same.

    Args:
        home: a folder that does not exist, or is empty.
        old: the home that was, or its backup.
        hosts: as of `make_home`.
        port: where it listens.
        listen: as of `make_home`.

    Raises:
        RunError: something is in the folder, or the old home lacks something.
    """
    private = (LOG_KEY, f"{AUTHORITY}/{CA_KEY}")
    secrets = {name: read_private(old / name) for name in private}
    genesis = encode_genesis(read_ledger_identity(old))
    _begin(home)
    (home / AUTHORITY).mkdir()
    for name, data in secrets.items():
        write_private(home / name, data)
    (home / AUTHORITY / CA_CERTIFICATE).write_bytes((old / AUTHORITY / CA_CERTIFICATE).read_bytes())
    (home / GENESIS).write_bytes(genesis)
    _listen(home, hosts, port, listen)


def _begin(home: Path) -> None:
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise RunError(
            "sequencer.home", f"{home} is not empty", "keys that are there are never overwritten",
            "choose another folder",
        )  # fmt: skip
    (home / "keys").mkdir(parents=True)


def _listen(home: Path, hosts: Sequence[str], port: int, listen: str | None) -> None:
    certify_server(home / AUTHORITY, home / TLS, hosts)
    address = msgspec.json.encode(listen or hosts[0]).decode()
    (home / SETTINGS).write_text(f"[listen]\nhost = {address}\nport = {port}\n", "utf-8")


def found_ledger(
    home: Path, chain: str, members: Sequence[Member], log_key: bytes,
    succeeds: Predecessor | None = None,
) -> bytes:  # fmt: skip
    """Write the genesis of real members into a home; return its digest.

    Args:
        home: a sequencer's.
        chain: the ledger's short name.
        members: their cards.
        log_key: the public half of the log key.
        succeeds: where an old ledger ended that this one goes on from.

    Raises:
        FormatError: the members make no sense together.
        RunError: there is a genesis.
    """
    path = home / GENESIS
    if path.exists():
        raise RunError(
            "sequencer.genesis", f"{path} exists", "a ledger has one genesis for ever",
            "found another consortium in another home",
        )  # fmt: skip
    genesis = Genesis(
        chain=chain, contract=CONTRACT_VERSION, format=FORMAT_VERSION, keys="held",
        log=to_text(log_key), members=tuple(sorted(members, key=lambda one: one.id)),
        modules=admitted_modules(), ordered_within=ORDERED_WITHIN,
        succeeds=succeeds or msgspec.UNSET,
    )  # fmt: skip
    data = encode_genesis(genesis)
    path.write_bytes(data)
    return genesis_digest(data)


def read_settings(home: Path) -> Settings:
    """Return where a sequencer is to listen.

    Raises:
        RunError: there are no settings, or they make no sense.
    """
    path = home / SETTINGS
    try:
        settings = msgspec.convert(tomllib.loads(path.read_text("utf-8")), Settings)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.MsgspecError) as error:
        raise RunError(
            "sequencer.settings", f"{path} cannot be used", reason_of(error),
            "name a home that `collegium sequencer init` made, or repair the file",
        ) from error  # fmt: skip
    for name, port in (("listen", settings.listen.port), ("status", settings.status.port)):
        if not 0 <= port < 2**16:
            raise RunError(
                "sequencer.settings", f"{path} cannot be used", f"{name}.port is no port",
                "write 0 to 65535",
            )  # fmt: skip
    if settings.relay.quota < 0:
        raise RunError(
            "sequencer.settings", f"{path} cannot be used", "relay.quota is negative",
            "write bytes, such as 68719476736 for 64 GiB",
        )  # fmt: skip
    return settings


def read_ledger_identity(home: Path) -> Genesis:
    """Return the genesis of a home.

    Raises:
        RunError: there is none yet, or it is malformed.
    """
    path = home / GENESIS
    try:
        return decode_genesis(path.read_bytes())
    except (OSError, CollegiumError) as error:
        why = error.why if isinstance(error, CollegiumError) else reason_of(error)
        raise RunError(
            "sequencer.genesis", f"{path} is no genesis", why,
            "make it of the members' cards with `collegium sequencer found`",
        ) from error  # fmt: skip


def read_log_key(home: Path, genesis: Genesis, ask: AskPassphrase) -> SigningKey:
    """Return the log key of a home.

    Raises:
        RunError: it cannot be read, or is not the one that the genesis names.
    """
    key = signing_key(read_secret(home / LOG_KEY, ask))
    if to_text(key.public) != genesis.log:
        raise RunError(
            "sequencer.log-key", f"{home / LOG_KEY} is not the log key of the genesis",
            "members would believe nothing that it signs",
            "bring the log key of this consortium, or found a successor",
        )  # fmt: skip
    return key
