"""What shows a ledger of the engine `cometbft` to be final: cosignatures, and CometBFT's own votes.

Both are by the contract's validators: the note in `final` by their keys of transactions, the votes
in the file `commit` by their consensus keys.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from collegium.audit.finality import COMMIT, LARGEST_COMMIT, Beside, cosigned_size
from collegium.audit.findings import Finding, of_error
from collegium.audit.history import History
from collegium.audit.membership import members_after
from collegium.audit.subjects import AboutFile
from collegium.audit.trust import TrustRoot
from collegium.canonical import from_text, malformed
from collegium.errors import FormatError
from collegium.ledger.contract.events import Event
from collegium.ledger.engines.cometbft.commit import check_commit, decode_commit
from collegium.ledger.engines.cometbft.home import chain_id
from collegium.ledger.genesis import Genesis
from collegium.ledger.keys import KEY_SIZE

KIND = "cometbft"
"""What blocks of such a ledger name as their certificate."""


def committed_size(folder: Path, beside: Beside, history: History, trust: TrustRoot) -> int | None:
    """Return how many entries are shown to be final; note in the history what is wrong.

    Votes are for the block after one of the ledger's; a node that runs may have written more since.
    """
    cosigned = cosigned_size(folder, beside, history, trust)
    if history.genesis is None:
        return cosigned
    try:
        data = beside.commit
        if data is None:
            history.findings.append(Finding("commit.absent", "note", AboutFile(COMMIT), {}))
            return cosigned
        if isinstance(data, FormatError):
            raise data
        if len(data) > LARGEST_COMMIT:
            raise malformed("the commit", "it is larger than a header and its votes may be")
        said = decode_commit(data)
        root = bytes.fromhex(said.header.app_hash)
        size = history.app_hashes.get(root)
        if size is None:
            raise malformed("the commit", "its header names no application hash of this ledger")
        sets = _validators(history.genesis, history, size)
        history.commits += check_commit(said, chain_id(history.identity), root, sets)
    except FormatError as error:
        found = Finding("commit.invalid", "error", AboutFile(COMMIT), of_error(error))
        history.findings.append(found)
        return cosigned
    return max(size, cosigned or 0)


def _validators(genesis: Genesis, history: History, size: int) -> list[dict[bytes, int]]:
    """Return validators' powers by consensus key before the block that ends there, and after."""
    said = history.said
    before = max((one for one in history.roots if one < size), default=0)
    return [
        _powers(genesis, [event for one in said if one.index < end for event in one.events])
        for end in (before, size)
    ]


def _powers(genesis: Genesis, events: Iterable[Event]) -> dict[bytes, int]:
    return {
        from_text(one.consensus, KEY_SIZE): one.power
        for one in members_after(genesis, events).values()
        if one.power and isinstance(one.consensus, str)
    }
