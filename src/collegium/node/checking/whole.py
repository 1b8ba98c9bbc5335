"""A whole home, examined: everything that is wrong with it at once.

It may be done while the node runs: no lock is taken, nothing is written into the home, and nothing
is said for the member. What depends on something that is wrong is not looked at, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from collegium.errors import CollegiumError, NodeError
from collegium.ledger.examining import Diagnosis, HomeCheck, checked, sound, unchecked, wrong
from collegium.ledger.genesis import Genesis, encode_genesis, genesis_digest
from collegium.ledger.keyfile import AskPassphrase
from collegium.ledger.opening import look_into_ledger, require_genesis
from collegium.ledger.ordering import LEDGER, Examined, Examines
from collegium.node.checking.keys import (
    examine_keys,
    examine_outbox,
    find_keys,
    identity_of,
    standing_of,
)
from collegium.node.checking.machine import (
    NODE,
    WRITTEN,
    examine_disk,
    running,
)
from collegium.node.checking.rows import examine_source, examine_studies
from collegium.node.checking.stores import examine_store
from collegium.node.config import CONFIG, Config, engine_of, examine_config, order_of
from collegium.node.home import no_home, read_genesis
from collegium.node.policy import SWITCHED_OFF, Policy, examine_policy
from collegium.node.status import NodeStatus
from collegium.transport.machine import examine_limits, examine_owner, examine_port


def check_home(home: Path, ask: AskPassphrase) -> HomeCheck:
    """Return everything that is to be said of a home.

    Args:
        home: the member's; its node may be running.
        ask: asks for the passphrase of its keys, where they have one.

    Raises:
        NodeError: it is no member's home.
    """
    if not (home / CONFIG).is_file():
        raise no_home(home)
    status, about = running(home)
    found = [about, *examine_owner(home, NODE, WRITTEN)]
    try:
        config, mistakes = examine_config(home)
    except NodeError as error:
        found.append(wrong("settings", error))
        found += _without_settings(home, ask)
        return checked(home, None, found)
    found += [wrong("settings", one.error) for one in mistakes]
    if not mistakes:
        found.append(sound("settings", f"{CONFIG}: {config.node.member}, by {config.node.engine}"))
    faulty = {str(one.key[0]) for one in mistakes if one.key[:1] != ("node",)}
    if any(one.key in (("node",), ("node", "member")) for one in mistakes):
        faulty.add("node")
    found += _with_settings(home, ask, config, faulty, status)
    return checked(home, None if "node" in faulty else config.node.member, found)


def _without_settings(home: Path, ask: AskPassphrase) -> Iterator[Diagnosis]:
    """Yield what can be said of a home whose node.toml cannot be read."""
    yield from _policy(home)[1]
    yield from _genesis(home)[1]
    yield from find_keys(home, ask).faults
    yield from examine_outbox(home)
    for part in ("ledger", "certificate", "sequencer", "clock", "data", "store", "disk", "port"):
        yield unchecked(part, f"{CONFIG} cannot be read")
    yield from examine_limits(NODE, None)


def _with_settings(
    home: Path, ask: AskPassphrase, config: Config, faulty: set[str], status: NodeStatus | None
) -> Iterator[Diagnosis]:
    """Yield what can be said with the settings; `faulty` are sections that cannot be relied on."""
    policy, about = _policy(home)
    yield from about
    genesis, about = _genesis(home)
    yield from about
    keys, member = find_keys(home, ask), config.node.member
    yield from examine_outbox(home)
    because = "node.toml has a mistake in [{}]"
    engine = engine_of(config)
    way = {"node", engine.section} & faulty
    looking: AbstractContextManager[Examined] = nullcontext(Examined())
    if way:
        for part in ("certificate", "ledger", "sequencer", "clock"):
            yield unchecked(part, because.format(min(way)))
    elif isinstance(engine, Examines):
        looking = engine.examine(home, genesis, member, order_of(config))
    elif genesis is not None:
        looking = nullcontext(_other_engine(home, genesis))
    with looking as seen:
        yield from seen.said
        standing = standing_of(member, genesis, seen.ledger)
        if "node" in faulty:
            yield from keys.faults or [unchecked("keys", because.format("node") + ": whose")]
        else:
            yield from examine_keys(keys, member, standing)
        if {"node", "data"} & faulty:
            yield unchecked("data", because.format(min({"node", "data"} & faulty)))
        elif config.data is None:
            yield _without_rows(standing.record is not None and "site" in standing.record.roles)
        else:
            read = list(examine_source(config.data, home))
            yield from read
            if seen.ledger is not None and read[0].severity == "sound":
                identity = identity_of(keys, member, genesis, standing)
                yield from examine_studies(
                    config.data, home, member, seen.ledger, policy, identity, seen.store
                )
        if "blobs" in faulty:
            yield unchecked("store", because.format("blobs"))
        else:
            yield from examine_store(config.blobs.store, seen.store)
    if "home" in faulty:
        yield unchecked("disk", because.format("home"))
    else:
        yield from examine_disk(home, config.home.quota)
    if "status" in faulty:
        yield unchecked("port", because.format("status"))
    else:
        yield from examine_port(home, NODE, config.status.port, runs=status is not None)
    yield from examine_limits(NODE, None if status is None else status.pid)


def _policy(home: Path) -> tuple[Policy, list[Diagnosis]]:
    """Return a home's policy, and what is to be said of it; a mistake in it switches off."""
    try:
        policy, mistakes = examine_policy(home)
    except NodeError as error:
        return SWITCHED_OFF, [wrong("policy", error)]
    if mistakes:
        return SWITCHED_OFF, [wrong("policy", one) for one in mistakes]
    allows = ", ".join(policy.studies) or "no study"
    told = f"it allows {allows}" if policy.enabled else "the member is switched off"
    return policy, [sound("policy", told)]


def _genesis(home: Path) -> tuple[Genesis | None, list[Diagnosis]]:
    try:
        genesis, _ = read_genesis(home)
    except CollegiumError as error:
        return None, [wrong("genesis", error)]
    digest = genesis_digest(encode_genesis(genesis)).hex()
    return genesis, [sound("genesis", f"{len(genesis.members)} members, {digest}")]


def _other_engine(home: Path, genesis: Genesis) -> Examined:
    """Return what any engine's home has: a ledger that follows its genesis."""
    if not (home / LEDGER).exists():
        return Examined((sound("ledger", "none yet: the node fetches it"),))
    try:
        ledger, _ = look_into_ledger(home / LEDGER)
        require_genesis(ledger, genesis)
    except CollegiumError as error:
        return Examined((wrong("ledger", error),))
    return Examined((sound("ledger", f"follows the genesis: {ledger.size} entries"),), ledger)


def _without_rows(is_site: bool) -> Diagnosis:
    if not is_site:
        return sound("data", "none: the member is no site")
    return wrong("data", NodeError(
        "node.data", "this member is a site, and node.toml names no rows",
        "it has no [data], so the site takes part in no study", "name its source of rows there",
    ), "warning")  # fmt: skip
