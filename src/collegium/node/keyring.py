"""The ledger keys of a running node: those of its start, and those that were added since.

A key that replaces another is put into ``keys/`` while the node runs. The passphrase that opened
the keys at the start opens it as well: nobody is asked in the middle of the night.
"""

from __future__ import annotations

from pathlib import Path

from collegium.federation.identity import Identity
from collegium.ledger.keyfile import AskPassphrase
from collegium.ledger.keys import SigningKey
from collegium.node.home import key_files, read_keys


class KeyRing:
    """A home's keys, read again when a key is asked for that came later.

    Raises:
        CollegiumError: a file is missing, open to others, or its passphrase another one.
    """

    def __init__(self, home: Path, ask: AskPassphrase) -> None:
        self._home = home
        self._passphrase: str | None = None
        self._read = key_files(home)
        self._keys = read_keys(home, lambda: self._remember(ask()))

    def of(self, public: bytes) -> SigningKey | None:
        """Return the ledger key with that public half, or None.

        Raises:
            CollegiumError: a key was added that cannot be read.
        """
        found = self._keys.of(public)
        if found is None and (files := key_files(self._home)) != self._read:
            self._keys = read_keys(self._home, lambda: self._passphrase)
            self._read = files
            found = self._keys.of(public)
        return found

    def identity(self, member: str, genesis: bytes, public: bytes) -> Identity | None:
        """Return the member's identity under its present key, or None without that key.

        Raises:
            CollegiumError: a key was added that cannot be read.
        """
        return None if self.of(public) is None else self._keys.identity(member, genesis, public)

    def _remember(self, passphrase: str | None) -> str | None:
        self._passphrase = passphrase
        return passphrase
