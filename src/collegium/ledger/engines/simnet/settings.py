"""A study's consensus and network, as the simulator takes them."""

from __future__ import annotations

from collections.abc import Mapping

from collegium.consensus.machine import ConsensusProtocol, Setting
from collegium.consensus.network import (
    DEFAULT,
    PRESETS,
    Crash,
    Links,
    Network,
    Partition,
    Weather,
)
from collegium.study.document import Network as NetworkSection
from collegium.study.document import Study

MICRO, MILLI, MEGA = 1_000_000, 1_000, 1_000_000
BLOCK_BYTES = 1 << 20
SYNC, VERIFY = 500, 100
"""Microseconds until a write is durable on an SSD (etcd's documentation: below a millisecond), and
to verify an Ed25519 signature (some 10,000 a second on one core)."""

SLOWEST = 20
"""How many of the slowest ways a timer is, at least."""

LEAST_TIMEOUT = 200_000


def links_of(section: NetworkSection | None) -> Links:
    """Return the links that a study names, or those of its own."""
    section = section or NetworkSection()
    links = PRESETS[section.preset or DEFAULT]
    low, high, jitter = links.low, links.high, links.jitter
    if section.latency is not None:
        low = high = round(section.latency * MILLI)
        jitter = 0
    bandwidth = links.bandwidth
    if section.bandwidth is not None:
        bandwidth = round(section.bandwidth * MEGA)
    return Links(low, high, jitter, bandwidth)


def network_of(study: Study, validators: Mapping[str, int]) -> Network:
    """Return the network of a study; who has no validator of its own is behind another one's.

    Args:
        study: the document.
        validators: the number of the validator behind which each member is.
    """
    section = study.network or NetworkSection()
    weather = Weather(
        loss=round(1_000 * section.loss),
        duplicate=round(1_000 * section.duplicate),
        reorder=round(section.reorder * MILLI),
        skew=round(1_000 * section.skew),
        sync=SYNC,
        verify=VERIFY,
        partitions=tuple(
            Partition(
                round(one.start * MICRO), round(one.end * MICRO),
                (tuple(sorted({validators[name] for name in one.sites})),),
            )
            for one in section.partitions
        ),
        crashes=tuple(
            Crash(
                validators[one.site], round(one.start * MICRO),
                None if one.end is None else round(one.end * MICRO),
            )
            for one in section.crashes
        ),
    )  # fmt: skip
    return Network(links_of(section), weather)


def setting_of(
    study: Study, protocol: ConsensusProtocol, powers: tuple[int, ...],
    scores: Mapping[int, tuple[int, ...]],
) -> Setting:  # fmt: skip
    """Return what validators' machines are made with."""
    wanted, links = study.consensus, links_of(study.network)
    options = dict(protocol.defaults)
    if wanted.confirmations is not None:
        options["confirmations"] = wanted.confirmations
    block_bytes = BLOCK_BYTES if wanted.block_bytes is None else wanted.block_bytes
    interval = 0 if wanted.block_interval is None else round(wanted.block_interval * MICRO)
    return Setting(
        0, powers, study.study.seed, timeout_of(links, block_bytes), interval, block_bytes, scores,
        options,
    )  # fmt: skip


def timeout_of(links: Links, block_bytes: int = BLOCK_BYTES) -> int:
    """Return how long validators wait before they suspect somebody, in microseconds."""
    carrying = 8 * MICRO * min(block_bytes, BLOCK_BYTES) // links.bandwidth
    return max(LEAST_TIMEOUT, SLOWEST * (links.high + 3 * links.jitter) + 2 * carrying)
