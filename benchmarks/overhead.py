"""What ledger, validation and reports cost: ``python -m benchmarks.overhead``.

- T_off is local training and a weighted mean, T_on the whole federation, on a study of four
  hospitals, all of them validators, with at least half a second of training a round.
- `run heart`, `verify` and `demo` are timed as whole processes.
- The size of an installation is that of a new environment's site-packages, pip left out.

Figures are printed, never asserted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.children import Timed, collegium, outcome, span, table, timed

ROOT = Path(__file__).parent.parent

ENTRIES_A_SECOND = 12_000
"""The pace at which `verify` may replay the ledger."""


def cost_of_the_ledger(repeats: int) -> None:
    """Print what a round costs with and without a ledger."""
    pairs = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(repeats):
            off = outcome(sys.executable, "benchmarks.ours.trainer", "hospitals")
            on = outcome(
                sys.executable,
                "benchmarks.ours.ledger",
                "hospitals",
                "--under",
                folder,
            )
            pairs.append((off, on))
    for off, on in pairs:
        if off["data"] != on["data"] or abs(off["accuracy"] - on["accuracy"]) > 0.02:
            raise AssertionError("with and without a ledger the results differ")
    relative = [100 * (on["round"] - off["round"]) / off["round"] for off, on in pairs]
    within = [100 * (on["round"] / on["round_training"] - 1) for _, on in pairs]
    bounds = [on["training"] / 10 + on["entries"] / ENTRIES_A_SECOND + 1 for _, on in pairs]
    rows = [
        ("T_off, ms a round", span([1000 * off["round"] for off, _ in pairs]).text(".0f"), ""),
        ("T_on, ms a round", span([1000 * on["round"] for _, on in pairs]).text(".0f"), ""),
        ("(T_on - T_off) / T_off, %", span(relative).text(".1f"), "at most 5"),
        ("the same with T_off as measured inside T_on, %", span(within).text(".1f"), "at most 5"),
        (
            "all validators together, ms a round",
            span([1000 * on["validating"] / on["rounds"] for _, on in pairs]).text(".1f"), "",
        ),
        (
            "verify, s", span([on["verify"] for _, on in pairs]).text(),
            f"at most {median(bounds):.2f}",
        ),
        ("peak MB without a ledger", span([off["peak_mb"] for off, _ in pairs]).text(".0f"), ""),
        ("peak MB with it", span([on["peak_mb"] for _, on in pairs]).text(".0f"), ""),
    ]  # fmt: skip
    print(
        table(("four hospitals, MLP 64-256-128-10", "median (least to greatest)", "target"), rows)
    )
    print()


def commands(repeats: int) -> None:
    """Print how long the commands take from process start, and where heart's rounds spend it."""
    runs: list[Timed] = []
    checks: list[Timed] = []
    demos: list[Timed] = []
    with tempfile.TemporaryDirectory() as folder:
        for repeat in range(repeats):
            out = str(Path(folder, f"heart{repeat}"))
            runs.append(timed(collegium("run", "heart", "--out", out)))
            checks.append(timed(collegium("verify", out)))
            demos.append(timed(collegium("demo", "--out", str(Path(folder, f"demo{repeat}")))))
        text = Path(folder, "heart0", "metrics.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    rounds = [line for line in lines if line["kind"] == "round"]
    parts = {
        name: 1000 * median(line["seconds"][name] for line in rounds)
        for name in rounds[0]["seconds"]
    }
    training = sum(line["seconds"]["training"] for line in lines)
    bound = training / 10 + rounds[-1]["entries"] / ENTRIES_A_SECOND + 1
    rows = [
        (name, span([one.seconds for one in times]).text(), target,
         f"{max(one.peak_mb for one in times):.0f}")
        for name, times, target in (
            ("run heart", runs, "about 3"),
            ("verify of it", checks, f"at most {bound:.2f}"),
            ("demo", demos, "about 20"),
        )
    ]  # fmt: skip
    print(table(("whole process", "seconds", "target", "peak MB"), rows))
    print()
    cells = [(name, f"{value:.1f}") for name, value in parts.items()]
    cells.append(("all but training", f"{sum(parts.values()) - parts['training']:.1f}"))
    print(table(("heart, a round", "ms, median of its rounds"), cells))
    print()


def size_of_an_installation() -> None:
    """Print how many megabytes a base installation takes."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        python = str(Path(folder, "bin", "python"))
        subprocess.run(
            [sys.executable, "-m", "pip", "--quiet", "--python", python, "install", ROOT],
            check=True,
        )
        (packages,) = Path(folder).glob("lib/python*/site-packages")
        sizes = {
            entry.name: sum(file.stat().st_size for file in entry.rglob("*") if file.is_file())
            if entry.is_dir()
            else entry.stat().st_size
            for entry in packages.iterdir()
        }
    largest = sorted(sizes, key=sizes.__getitem__, reverse=True)[:6]
    rows = [(name, f"{sizes[name] / 1e6:.1f}") for name in largest]
    rows.append(("all of site-packages", f"{sum(sizes.values()) / 1e6:.1f}"))
    print(table(("base installation", "MB"), rows))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--size", action="store_true", help="also make an installation, with pip")
    asked = parser.parse_args()
    cost_of_the_ledger(asked.repeats)
    commands(asked.repeats)
    if asked.size:
        size_of_an_installation()


if __name__ == "__main__":
    main()
