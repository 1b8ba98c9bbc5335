"""Asking for a passphrase: from the environment, else from whoever sits at the terminal."""

from __future__ import annotations

import sys
from getpass import getpass

from collegium.errors import NodeError
from collegium.ledger.keyfile import PASSPHRASE_VARIABLE, passphrase_of_environment


def passphrase() -> str | None:
    """Return the passphrase of keys that are there, or None where nobody can be asked."""
    given = passphrase_of_environment()
    if given is None and sys.stdin.isatty():
        given = getpass("passphrase: ")
    return given


def new_passphrase() -> str:
    """Return a passphrase for new keys; at a terminal it is typed twice.

    Raises:
        NodeError: there is none, or it was typed in two ways.
    """
    given = passphrase_of_environment()
    if given is None and sys.stdin.isatty():
        given = getpass("new passphrase: ")
        if getpass("again: ") != given:
            raise NodeError(
                "home.passphrase", "the two passphrases differ", "one of them was mistyped",
                "try again",
            )  # fmt: skip
    if not given:
        raise NodeError(
            "home.passphrase", "no passphrase was given", "--encrypt needs one",
            f"set {PASSPHRASE_VARIABLE}, or type one at a terminal",
        )  # fmt: skip
    return given
