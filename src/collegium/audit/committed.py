"""What shows a ledger of the engine `cometbft` to be final: cosignatures, and CometBFT's own votes.

Both are by the contract's validators: the note in `final` by their keys of transactions, the votes
in the file `commit` by their consensus keys.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from collegium.audit.finality import cosigned_size
from collegium.audit.findings import Finding, of_error
from collegium.audit.history import History
from collegium.audit.membership import members_after
from collegium.audit.subjects import AboutFile
from collegium.audit.trust import TrustRoot
from collegium.canonical import from_text, malformed
from collegium.errors import FormatError, reason_of
from collegium.ledger.contract.events import Event
from collegium.ledger.engines.cometbft.commit import LARGEST, NAME, check_commit, decode_commit
from collegium.ledger.engines.cometbft.home import chain_id
from collegium.ledger.genesis import Genesis
from collegium.ledger.keys import KEY_SIZE

KIND = "cometbft"
"""What blocks of such a ledger name as their certificate."""


def committed_size(
    folder: Path, note: str | FormatError | None, history: History, trust: TrustRoot
) -> int | None:
    """Return how many entries are shown to be final; note in the history what is wrong.

    A commit is of the whole ledger; one of a node that runs may be of another block, and is then
    said to be invalid: stop the node, or look again.
    """
    cosigned = cosigned_size(folder, note, history, trust)
    if history.genesis is None:
        return cosigned
    try:
        data = _read(folder / NAME)
        if data is None:
            history.findings.append(Finding("commit.absent", "note", AboutFile(NAME), {}))
            return cosigned
        sets = _validators(history.genesis, history)
        history.commits += check_commit(
            decode_commit(data), chain_id(history.identity), history.app_hash, sets
        )
    except FormatError as error:
        found = Finding("commit.invalid", "error", AboutFile(NAME), of_error(error))
        history.findings.append(found)
        return cosigned
    return max(history.roots, default=0) or cosigned


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise malformed("the commit", reason_of(error)) from error
    if len(data) > LARGEST:
        raise malformed("the commit", "it is larger than a header and its votes may be")
    return data


def _validators(genesis: Genesis, history: History) -> list[dict[bytes, int]]:
    """Return the validators' powers by consensus key before the ledger's last block, and after."""
    last = max(history.roots, default=0)
    before = max((size for size in history.roots if size < last), default=0)
    return [
        _powers(
            genesis, (event for one in history.said if one.index < size for event in one.events)
        )
        for size in (before, last)
    ]


def _powers(genesis: Genesis, events: Iterable[Event]) -> dict[bytes, int]:
    return {
        from_text(one.consensus, KEY_SIZE): one.power
        for one in members_after(genesis, events).values()
        if one.power and isinstance(one.consensus, str)
    }
