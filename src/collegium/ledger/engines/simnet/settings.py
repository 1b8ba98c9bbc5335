"""A study's consensus and network, as the simulator takes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from collegium.consensus.machine import ConsensusProtocol, Delegates, Setting
from collegium.consensus.network import (
    DEFAULT,
    PRESETS,
    Crash,
    Links,
    Network,
    Partition,
    Weather,
)
from collegium.devices.cryptography import SECONDS
from collegium.devices.links import GRID, LINKS, OF_NETWORKS
from collegium.devices.machines import DEFAULT as DEFAULT_MACHINE
from collegium.devices.machines import MACHINES, Machine
from collegium.ledger.engines.simnet.energy import Fleet
from collegium.study.document import Devices, Study
from collegium.study.document import Network as NetworkSection

MICRO, MILLI, MEGA = 1_000_000, 1_000, 1_000_000
BLOCK_BYTES = 1 << 20
SYNC, VERIFY = 500, round(MICRO * SECONDS["verification"])
"""Microseconds until a write is durable on an SSD (etcd's documentation: below a millisecond), and
to verify an Ed25519 signature on a server's core."""

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
        verify=round(VERIFY / _machine(study).speed),
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


def fleet_of(study: Study, members: Iterable[str], validators: Iterable[str]) -> Fleet:
    """Return the machines of a study's members, its validators in order."""
    devices, (_, link, _, grid) = study.devices or Devices(), assumed(study)
    other = {name: MACHINES[one.machine] for one in devices.others for name in one.sites}
    machines = {name: other.get(name, _machine(study)) for name in members}
    return Fleet(machines, tuple(machines[name] for name in validators), LINKS[link], grid)


def assumed(study: Study) -> tuple[tuple[str, ...], str, str, float]:
    """Return what a study takes from tables: machines, link, network, and its grid's g a kWh."""
    devices, network = study.devices or Devices(), study.network or NetworkSection()
    preset = network.preset or DEFAULT
    machines = (devices.machine or DEFAULT_MACHINE, *(one.machine for one in devices.others))
    grid = GRID if devices.grid is None else devices.grid
    return tuple(dict.fromkeys(machines)), devices.link or OF_NETWORKS[preset], preset, grid


def _machine(study: Study) -> Machine:
    return MACHINES[assumed(study)[0][0]]


def setting_of(
    study: Study, protocol: ConsensusProtocol, powers: tuple[int, ...],
    worth: Mapping[int, tuple[int, ...]], validators: Mapping[str, int],
) -> Setting:  # fmt: skip
    """Return what validators' machines are made with; `validators` as of `network_of`."""
    wanted, links = study.consensus, links_of(study.network)
    options = dict(protocol.defaults)
    if wanted.confirmations is not None:
        options["confirmations"] = wanted.confirmations
    if isinstance(protocol, Delegates):
        for site, to in (wanted.delegations or {}).items():
            options[f"{protocol.delegation}{validators[site]}"] = validators[to]
    block_bytes = BLOCK_BYTES if wanted.block_bytes is None else wanted.block_bytes
    interval = 0 if wanted.block_interval is None else round(wanted.block_interval * MICRO)
    return Setting(
        0, powers, study.study.seed, timeout_of(links, block_bytes), interval, block_bytes, worth,
        options,
    )  # fmt: skip


def timeout_of(links: Links, block_bytes: int = BLOCK_BYTES) -> int:
    """Return how long validators wait before they suspect somebody, in microseconds."""
    carrying = 8 * MICRO * min(block_bytes, BLOCK_BYTES) // links.bandwidth
    return max(LEAST_TIMEOUT, SLOWEST * (links.high + 3 * links.jitter) + 2 * carrying)
