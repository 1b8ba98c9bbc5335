"""Make a golden run: a small run folder that every later release must verify.

Usage: python tools/make_golden.py NAME [CHANGE ...]. It runs the study `heart` with the changes
(`training.rounds=3` where none are given) and keeps below tests/golden/ what evidence consists of,
with the result of verifying it. A golden run is kept for ever, so an existing one is not replaced:
a new format gets a new name.
"""

from __future__ import annotations

import sys
from hashlib import sha256
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory

import msgspec
import numpy as np

from collegium.audit.trust import policy_root
from collegium.audit.verify import verify
from collegium.simulation.execution import run

GOLDEN = Path(__file__).parents[1] / "tests" / "golden"
KEPT = {"blobs", "ledger.log", "model", "policy.json", "study.toml"}
"""What a golden run keeps: no rows, no secrets, nothing that is measured."""


def products_digest() -> str:
    """Return a digest of matrix products, sums and exponentials as this machine rounds them.

    Training a golden run again gives its model only where these are the same bits.
    """
    steps = np.arange(4 * 64 * 16, dtype=np.int64) * 2654435761 % 2**16
    x = (steps / 2**15 - 1).astype(np.float32).reshape(4, 64, 16)
    scores = np.matmul(x, x[:, :1].transpose(0, 2, 1))
    found = (scores, np.matmul(x.transpose(0, 2, 1), scores), np.exp(scores), x.sum(axis=1))
    return sha256(b"".join(part.tobytes() for part in found)).hexdigest()


def main(name: str, changes: list[str]) -> None:
    """Run, keep what belongs to the evidence, and write down what verification says."""
    target = GOLDEN / name
    if target.exists():
        sys.exit(f"error: {target} exists, and a golden run is kept for ever")
    with TemporaryDirectory() as folder:
        made = Path(folder) / "run"
        run("heart", out=made, changes=[*changes, "evaluation.bootstrap=100"])
        left_out = [path.name for path in made.iterdir() if path.name not in KEPT]
        copytree(made, target, ignore=lambda _, names: set(left_out) & set(names))
    told = verify(target, trust=policy_root(target / "policy.json"))
    expected = {"products": products_digest(), "verification": told}
    data: bytes = msgspec.json.format(msgspec.json.encode(expected), indent=1)
    target.with_suffix(".json").write_bytes(data + b"\n")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2:] or ["training.rounds=3"])
