"""What timing a simulation comes to, as an object and as text."""

from __future__ import annotations

from typing import Any

import msgspec

from collegium.benchmark.timing.children import Span, table


class Standing(msgspec.Struct, frozen=True):
    """What a runner came to: spans of repeats, medians, and the versions of its libraries."""

    runner: str
    workload: str
    round_ms: Span
    first_ms: float
    setup_s: float
    accuracy: float
    peak_mb: float
    rounds: int
    versions: dict[str, str]


class Ratio(msgspec.Struct, frozen=True):
    """How many times faster a round of ours was than a peer's."""

    workload: str
    ours: str
    peer: str
    times: Span
    target: float
    reached: bool


class Simulation(msgspec.Struct, frozen=True):
    """The outcome: the machine, everybody's standing, ratios, and who was left out, with why."""

    machine: dict[str, Any]
    repeats: int
    standings: tuple[Standing, ...]
    ratios: tuple[Ratio, ...]
    left_out: dict[str, str]


def lines_of(found: Simulation) -> list[str]:
    """Return the outcome as Markdown that can be pasted."""
    machine = found.machine
    load = "" if machine["load"] is None else f", load {machine['load']:.1f} at the end"
    head = ("runner", "data", "ms a round", "first, ms", "set-up, s", "accuracy", "peak MB")
    rows = [
        (
            one.runner, one.workload, _figures(one.round_ms), f"{one.first_ms:.0f}",
            f"{one.setup_s:.2f}", f"{one.accuracy:.3f}", f"{one.peak_mb:.0f}",
        )
        for one in found.standings
    ]  # fmt: skip
    lines = [
        f"{machine['cores']} cores, {machine['system']}, Python {machine['python']}{load}; medians "
        f"of {found.repeats} interleaved repeats, with the least and the greatest.",
        "", *table(head, rows).splitlines(),
    ]  # fmt: skip
    if found.ratios:
        ratios = [
            (
                one.workload, one.ours, one.peer, one.times.text(".1f"), f"{one.target:g}",
                "reached" if one.reached else "missed",
            )
            for one in found.ratios
        ]  # fmt: skip
        named = ("data", "ours", "peer", "times faster", "target", "")
        lines += ["", *table(named, ratios).splitlines()]
    versions = [
        " ".join(f"{name} {text}" for name, text in one.versions.items()) for one in found.standings
    ]
    lines += ["", f"Versions: {'; '.join(dict.fromkeys(versions))}."]
    return lines + [f"Left out: {name} ({why})" for name, why in found.left_out.items()]


def _figures(one: Span) -> str:
    return one.text(".1f" if one.median < 100 else ".0f")
