"""A member's node that is killed with something on its disk and nothing of it sent, as a process.

``python -m tests.network.dying HOME PURPOSE [SUMS]`` is the member's node until its outbox has put
a thing of that purpose, of a sum of statistics if so told. Then it is killed by SIGKILL, from
within, so that nothing else happens in between.

It is a test's: nothing of it is in the package.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from collegium.federation.outbox import Outbox, OutboxKey
from collegium.ledger.contract.series import is_sum
from collegium.node.start import run_node


def main(home: str, purpose: str, *sums: str) -> None:
    """Run the node of a home until it dies."""
    put = Outbox.put

    def put_and_die(self: Outbox, key: OutboxKey, value: bytes) -> bytes:
        kept = put(self, key, value)
        if key.purpose == purpose and (not sums or (key.round is not None and is_sum(key.round))):
            os.kill(os.getpid(), signal.SIGKILL)
        return kept

    Outbox.put = put_and_die  # type: ignore[method-assign]
    run_node(Path(home), lambda: None)


if __name__ == "__main__":
    main(*sys.argv[1:])
