"""A consortium of real processes on loopback: ``collegium run heart`` under the engine `log`.

A sequencer and one node a member, with TLS and client certificates; every update is sealed,
committed, revealed, recomputed by every member and voted on, and every block cosigned. Round
times are those of the owner's node, which runs on beside the others.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from datetime import datetime
from pathlib import Path
from statistics import median

from benchmarks.children import collegium, environment
from benchmarks.outcome import tell


def stamps_of(log: Path, event: str) -> list[float]:
    """Return when an event was logged, in seconds."""
    lines = (json.loads(line) for line in log.read_text().splitlines())
    return [
        datetime.fromisoformat(line["time"]).timestamp() for line in lines if line["event"] == event
    ]


def latency(log: Path) -> float:
    """Return the median time from a block's making to its finality, seconds."""
    blocks, finals = stamps_of(log, "block"), stamps_of(log, "final")
    return median(final - block for block, final in zip(blocks, finals, strict=False))


def main() -> None:
    """Run the job and print its outcome."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("members", type=int)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--warm", type=int, default=2)
    asked = parser.parse_args()
    preset = {4: "heart", 10: "heart10"}[asked.members]
    rounds = asked.rounds + asked.warm
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        done = subprocess.run(
            collegium(
                "run", preset, "--set", "consensus.engine=log", "--out", str(out), "--json",
                "--set", f"training.rounds={rounds}", "--set", "model.architecture=logistic",
            ),
            env=environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
        seconds = [sum(one["seconds"].values()) for one in lines if "round" in one]
        timed = seconds[asked.warm :]
        checked = subprocess.run(
            collegium("verify", str(out), "--json"), env=environment(), capture_output=True,
            text=True, check=True,
        )  # fmt: skip
        tell(
            round=sum(timed) / len(timed), slowest=max(timed),
            commit=latency(out / "sequencer" / "sequencer.log"),
            verified=json.loads(checked.stdout)["ok"],
        )  # fmt: skip


if __name__ == "__main__":
    main()
