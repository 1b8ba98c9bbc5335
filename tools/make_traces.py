"""Write the golden traces of consensus protocols anew: all, or those that are named.

A trace that changes means another version of its protocol: raise `version`.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.consensus.scenarios import trace

from collegium.plugins import find, names

TRACES = Path(__file__).parent.parent / "tests" / "consensus" / "traces"


def main() -> None:
    """Write the traces that the command line names."""
    for name in sys.argv[1:] or names("protocols"):
        (TRACES / f"{name}.txt").write_text(trace(name, find("protocols", name)))


if __name__ == "__main__":
    main()
