"""The texts that `init` writes into a new home: settings and policy, each key explained."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from collegium.node.config import DEFAULT_ENGINE, DataSource, Timers
from collegium.plugins import find
from collegium.study.rendering import toml_value

_CONFIG = """\
# Settings of a member's node; docs/node.md explains them.

[node]
member = {member}
engine = {engine}                    # how members come to one order; its section comes next
log_level = "info"                # debug, info, warning or error

{order}

{data}

[blobs]
store = {store}                   # "relay": through the sequencer; or file:///…, s3://bucket/…
# retention = 30.0                # days after which updates of a closed study are retired

[home]
quota = 64.0                      # GiB that its blobs may take; full, the node takes no new study

[timers]
phase = {phase}                     # seconds until a phase is timed out
patience = {patience}                # seconds until a study that waits for everybody is given up

[status]
port = 0                          # of the status page on 127.0.0.1; 0: any that is free
"""

_SEQUENCER = """\
[sequencer]
url = {url}
# ca = "tls/ca.pem"               # the consortium's CA, and this member's certificate and key
# certificate = "tls/client.pem"
# key = "tls/client.key"
# proxy = "http://proxy:3128"     # or "none"; without it HTTPS_PROXY and NO_PROXY say which"""

_NO_DATA = """\
# [data]                          # whose rows this member brings; one of:
# csv = "rows.csv"                # a table with the columns of the study's data set
# person = "mrn"                  #   and the column that is equal in all rows of one person
# time = ["begins", "ends"]       #   and those of a row's first and last moment, if a study asks
# dataset = "uci_heart"           # a site of a registered data set
# site = "cleveland"
# loader = "module:function"      # a function that returns the rows"""

_POLICY = """\
# What this member's node may do. It wins over the ledger, and a change takes effect at once.
# What is not allowed is refused. Texts may be globs, such as "heart-*".

enabled = true                    # false: the member says nothing about any study
studies = {studies}                      # ids, or SHA-256 of study documents
models = ["*"]                    # architectures
owners = ["*"]                    # members that register studies
code = ["*"]                      # SHA-256 of the code that an owner registers with a study
minimum_rows = {rows}                 # training rows under which this site takes no part
plain_updates = {plain}             # true: updates may leave without protection
scores = {scores}                    # true: as a validator, it tries others' updates on its rows
# first_models = []               # SHA-256 of weights with which a study may begin
# repeated_starts = "refuse"      # or "warn": sums from one model over different members
# epsilon = 8.0                   # the most a study may spend; plain updates spend without bound
# epsilon_in_all = 20.0           # the most that all studies together may spend of one person
"""

_URL = "https://sequencer.example:4100"


def config_text(
    member: str,
    *,
    url: str | None = None,
    engine: str = DEFAULT_ENGINE,
    order: Mapping[str, Any] | None = None,
    data: DataSource | None = None,
    store: str = "relay",
    timers: Timers | None = None,
) -> str:
    """Return a node.toml with every key explained.

    Args:
        member: whose.
        url: of the sequencer, for the engine "log".
        engine: another one.
        order: what is to stand in its section, by key.
        data: where the rows are.
        store: of blobs.
        timers: how long it waits.
    """
    times = timers or Timers()
    section = _SEQUENCER.format(url=json.dumps(url or _URL))
    if engine != DEFAULT_ENGINE:
        lines = [f"{key} = {toml_value(value)}" for key, value in (order or {}).items()]
        section = "\n".join([f"[{find('engines', engine).section}]", *lines])
    return _CONFIG.format(
        member=json.dumps(member), engine=json.dumps(engine), order=section, data=_data(data),
        store=json.dumps(store), phase=times.phase, patience=times.patience,
    )  # fmt: skip


def policy_text(
    studies: Sequence[str] = (),
    *,
    minimum_rows: int = 20,
    plain_updates: bool = False,
    scores: bool = False,
) -> str:
    """Return a policy.toml with every key explained; without arguments it allows no study."""
    return _POLICY.format(
        studies=json.dumps(list(studies)), rows=minimum_rows,
        plain=json.dumps(plain_updates), scores=json.dumps(scores),
    )  # fmt: skip


def _data(data: DataSource | None) -> str:
    if data is None:
        return _NO_DATA
    given = ((key, getattr(data, key)) for key in DataSource.__struct_fields__)
    lines = [f"{key} = {json.dumps(value)}" for key, value in given if value is not None]
    return "\n".join(["[data]", *lines])
