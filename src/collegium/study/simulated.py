"""Engines of simulations, and whether what a study says of the simulated network can be."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from collegium.consensus.machine import Delegates
from collegium.consensus.network import PRESETS
from collegium.devices.links import LINKS
from collegium.devices.machines import MACHINES
from collegium.plugins import find
from collegium.study.document import (
    Devices,
    Network,
    NetworkCrash,
    NetworkPartition,
    Study,
)
from collegium.study.refusal import (
    DocumentPath,
    Refusal,
    contradiction,
    dotted,
    nearest,
    shown,
)

SIMULATED = ("solo", "simnet")
"""Engines of simulations, in which adversaries and faults can be planted."""

LONGEST = 10**9
"""Virtual seconds that no run takes."""

DEFAULT_PROTOCOL = "pbft"

_OF_SIMNET = ("protocol", "block_interval", "block_bytes", "confirmations", "delegations",
            "payload_on_chain")  # fmt: skip


def is_in_one_process(study: Study) -> bool:
    """Return whether one process plays all members, so that nothing need be sealed."""
    return study.consensus.engine in SIMULATED


def check_simulated_network(study: Study) -> None:
    """Refuse settings of a simulated network elsewhere, and those that make no sense.

    Raises:
        Refusal: ``study.combination`` or ``study.range``.
    """
    if study.consensus.engine != "simnet":
        for key in _OF_SIMNET:
            if getattr(study.consensus, key):
                raise _of_simnet(study, ("consensus", key))
        for section in ("network", "devices"):
            if getattr(study, section) is not None:
                raise _of_simnet(study, (section,))
        return
    _check_devices(study)
    protocol = study.consensus.protocol or DEFAULT_PROTOCOL
    if study.consensus.delegations and not isinstance(find("protocols", protocol), Delegates):
        raise contradiction(
            ("consensus", "delegations"), "stakes that cannot be delegated",
            f"under {protocol} each validator votes with its own power",
            "choose the protocol pos, or remove the delegations",
        )  # fmt: skip
    if study.network is not None:
        preset = study.network.preset
        if preset is not None and preset not in PRESETS:
            raise Refusal(
                ("network", "preset"), "study.unknown-name",
                f"no network is called {shown(preset)}",
                "presets name links between validators", nearest(preset, PRESETS),
            )  # fmt: skip
        for at, one in enumerate(study.network.partitions):
            if not one.sites:
                raise contradiction(
                    ("network", "partitions", at), "a partition of nobody",
                    "it names no site, so nobody is cut off",
                    "name the sites that hear nobody else, or remove the partition",
                )  # fmt: skip
            _check_times(("network", "partitions", at), one)
        for at, crash in enumerate(study.network.crashes):
            _check_times(("network", "crashes", at), crash)


def _check_devices(study: Study) -> None:
    """Refuse machines and links that no table has."""
    devices = study.devices
    if devices is None:
        return
    named: list[tuple[DocumentPath, str | None, Collection[str]]] = [
        (("devices", "machine"), devices.machine, MACHINES),
        (("devices", "link"), devices.link, LINKS),
        *(
            (("devices", "others", at, "machine"), one.machine, MACHINES)
            for at, one in enumerate(devices.others)
        ),
    ]
    for path, name, known in named:
        if name is not None and name not in known:
            raise Refusal(
                path, "study.unknown-name", f"no {path[-1]} is called {shown(name)}",
                "its speed and its watts are in a table", nearest(name, known),
            )  # fmt: skip


def check_network_sites(study: Study, sites: Sequence[str]) -> None:
    """Refuse faults of the network, machines and delegations that name no site of the study.

    Raises:
        Refusal: ``study.unknown-site``, or ``study.combination`` where a stake is delegated by a
            site without a validator, or to one.
    """
    network, devices = study.network or Network(), study.devices or Devices()
    named: list[tuple[DocumentPath, str]] = [
        (("network", "partitions", at, "sites"), name)
        for at, one in enumerate(network.partitions) for name in one.sites
    ]  # fmt: skip
    named += [
        (("network", "crashes", at, "site"), one.site) for at, one in enumerate(network.crashes)
    ]
    named += [
        (("devices", "others", at, "sites"), name)
        for at, one in enumerate(devices.others) for name in one.sites
    ]  # fmt: skip
    named += [
        (("consensus", "delegations", site), name)
        for site, to in (study.consensus.delegations or {}).items() for name in (site, to)
    ]  # fmt: skip
    for path, name in named:
        if name not in sites:
            raise Refusal(
                path, "study.unknown-site", f"no site is called {shown(name)}",
                "faults of the network and machines are those of the study's sites",
                nearest(name, sites),
            )  # fmt: skip
    for site, to in (study.consensus.delegations or {}).items():
        for name in (site, to):
            if name not in sites[: study.consensus.validators]:
                raise contradiction(
                    ("consensus", "delegations", site), f"{shown(name)} has no validator",
                    f"the first {study.consensus.validators} sites validate, and stakes are theirs",
                    "delegate between these, or raise consensus.validators",
                )  # fmt: skip


def _check_times(path: DocumentPath, one: NetworkPartition | NetworkCrash) -> None:
    end = LONGEST if one.end is None else one.end
    if not 0 <= one.start < end <= LONGEST:  # NaN is in no range
        raise Refusal(
            path, "study.range", f"{dotted(path)} is from {one.start} to {one.end} seconds",
            f"it must begin at 0 or later, and end after it begins, within {LONGEST:,} seconds",
            "choose other times",
        )  # fmt: skip


def _of_simnet(study: Study, path: DocumentPath) -> Refusal:
    return contradiction(
        path, f"{dotted(path)} does not go with the engine {study.consensus.engine!r}",
        "protocols and networks are simulated by one engine alone",
        f'set consensus.engine = "simnet", or remove {dotted(path)}',
    )  # fmt: skip
