"""Asking CometBFT on this machine: transactions go in, and how it stands comes out (JSON-RPC)."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import urllib3

from collegium.errors import RunError

ANSWERS_WITHIN = 10.0
"""Seconds; the node answers `CheckTx` between two pieces of other work."""


class _Failure(msgspec.Struct, frozen=True):
    message: str = ""
    data: str = ""


class _Answer(msgspec.Struct, frozen=True):
    result: Any = None
    error: _Failure | None = None


class Refusal(Exception):
    """CometBFT answered that it will not: its words."""


class Rpc:
    """The way to the CometBFT of this home; for several threads."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"
        timeout = urllib3.Timeout(connect=2.0, read=ANSWERS_WITHIN)
        self._pool = urllib3.PoolManager(maxsize=4, timeout=timeout, retries=False)

    def submit(self, transaction: bytes) -> tuple[int, str]:
        """Lay a transaction into the mempool; return the answer of `CheckTx`.

        Raises:
            Refusal: it cannot be there: the mempool is full, or holds it already.
            RunError: CometBFT does not answer.
        """
        encoded = base64.b64encode(transaction).decode()
        found = self._ask("broadcast_tx_sync", {"tx": encoded})
        return int(found.get("code", 0)), str(found.get("log", ""))

    def peers(self) -> list[str]:
        """Return the ids of the nodes that are connected.

        Raises:
            RunError: CometBFT does not answer.
        """
        found = self._ask("net_info", {})
        return [str(one["node_info"]["id"]) for one in found.get("peers") or []]

    def catching_up(self) -> bool:
        """Return whether CometBFT still fetches blocks that others have.

        Raises:
            RunError: CometBFT does not answer.
        """
        return bool(self._ask("status", {})["sync_info"]["catching_up"])

    def commit(self, height: int) -> bytes:
        """Return the header of a block and the votes for it, as CometBFT's JSON.

        Raises:
            Refusal: there is no such block yet.
            RunError: CometBFT does not answer.
        """
        found = self._ask("commit", {"height": str(height)})
        return msgspec.json.encode(found.get("signed_header"))

    def close(self) -> None:
        """Release connections."""
        self._pool.clear()

    def _ask(self, method: str, parameters: dict[str, str]) -> dict[str, Any]:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        try:
            answer = self._pool.request(
                "POST", self._url, body=msgspec.json.encode(body),
                headers={"Content-Type": "application/json"},
            )  # fmt: skip
            found = msgspec.json.decode(answer.data, type=_Answer)
        except (urllib3.exceptions.HTTPError, msgspec.MsgspecError) as error:
            raise RunError(
                "cometbft.away", "CometBFT does not answer", str(error)[:300],
                "wait: the node starts it again; see cometbft.log in the home",
            ) from error  # fmt: skip
        if found.error is not None:
            raise Refusal(f"{found.error.message}: {found.error.data}")
        return found.result if isinstance(found.result, dict) else {}
