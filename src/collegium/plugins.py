"""Parts found by name: our own, and those that other packages bring through entry points.

A kind is one seam of the system. Another package adds to it by an entry point in the group
``collegium.<kind>`` whose name is what a study document says and whose object is what the
seam's Protocol describes. Built-in names win: a package cannot replace what a recorded name
means. A ledger records versioned names: the part that a name now stands for is found by it, and
an earlier version lives on under a name of its own, such as ``fedavg@1``, which no study
document can ask for anew.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Literal

from collegium.errors import PluginError

Kind = Literal[
    "engines", "launchers", "certificates", "rules", "pre_aggregations", "server_optimizers",
    "stages", "secure_sums", "trainers", "datasets", "collections", "incentives", "attacks",
    "mechanisms", "protocols",
]  # fmt: skip

BUILT_IN: dict[Kind, dict[str, str]] = {
    "engines": {
        "cometbft": "collegium.ledger.engines.cometbft.engine:COMETBFT",
        "log": "collegium.transport.log_engine:LOG",
        "simnet": "collegium.ledger.engines.simnet.engine:SIMNET",
        "solo": "collegium.ledger.engines.solo:SOLO",
    },
    "launchers": {"processes": "collegium.network.launch:PROCESSES"},
    "certificates": {
        "cometbft": "collegium.audit.committed:committed_size",
        "cosigned": "collegium.audit.finality:cosigned_size",
    },
    "rules": {
        "bulyan": "collegium.learning.aggregation.bulyan:BULYAN",
        "caf": "collegium.learning.aggregation.covariance_filter:CAF",
        "centered_clipping": "collegium.learning.aggregation.centered_clipping:CENTERED_CLIPPING",
        "committee_median": "collegium.learning.aggregation.committee:COMMITTEE_MEDIAN",
        "dnc": "collegium.learning.aggregation.divide_and_conquer:DNC",
        "fedavg": "collegium.learning.aggregation.fedavg:FEDAVG",
        "flame": "collegium.learning.aggregation.flame:FLAME",
        "fltrust": "collegium.learning.aggregation.trust_bootstrapping:FLTRUST",
        "foolsgold": "collegium.learning.aggregation.foolsgold:FOOLSGOLD",
        "geometric_median": "collegium.learning.aggregation.geometric_median:GEOMETRIC_MEDIAN",
        "krum": "collegium.learning.aggregation.krum:KRUM",
        "mda": "collegium.learning.aggregation.minimum_diameter:MDA",
        "meamed": "collegium.learning.aggregation.coordinates:MEAMED",
        "median": "collegium.learning.aggregation.coordinates:MEDIAN",
        "monna": "collegium.learning.aggregation.monna:MONNA",
        "multi_krum": "collegium.learning.aggregation.krum:MULTI_KRUM",
        "reputation_weighted": "collegium.learning.aggregation.committee:REPUTATION_WEIGHTED",
        "smea": "collegium.learning.aggregation.smallest_eigenvalue:SMEA",
        "trimmed_mean": "collegium.learning.aggregation.coordinates:TRIMMED_MEAN",
        "zeno": "collegium.learning.aggregation.zeno:ZENO",
    },
    "pre_aggregations": {
        "arc": "collegium.learning.aggregation.clipping:ARC",
        "bucketing": "collegium.learning.aggregation.bucketing:BUCKETING",
        "nnm": "collegium.learning.aggregation.mixing:NNM",
        "norm_clipping": "collegium.learning.aggregation.clipping:NORM_CLIPPING",
    },
    "server_optimizers": {
        "none": "collegium.learning.server:AVERAGE",
        "momentum": "collegium.learning.server:MOMENTUM",
        "adagrad": "collegium.learning.server:ADAGRAD",
        "adam": "collegium.learning.server:ADAM",
        "yogi": "collegium.learning.server:YOGI",
        "scaffold": "collegium.learning.server:SCAFFOLD",
        "fednova": "collegium.learning.server:FEDNOVA",
    },
    "stages": {"none": "collegium.federation.stages:NONE"},
    "secure_sums": {
        "secagg": "collegium.mechanisms.secagg.protocol:SECAGG",
        "secagg_plus": "collegium.mechanisms.secagg.protocol:SECAGG_PLUS",
        "threshold_he": "collegium.mechanisms.threshold_he.protocol:THRESHOLD_HE",
    },
    "trainers": {
        "dense": "collegium.learning.dense:DENSE",
        "jax": "collegium.learning.jax_trainer:JAX",
        "torch": "collegium.learning.torch_trainer:TORCH",
    },
    "datasets": {
        "breast_cancer": "collegium.data.breast_cancer:BREAST_CANCER",
        "covid_italy": "collegium.data.covid_italy:COVID_ITALY",
        "covid_xray": "collegium.data.covid_xray:COVID_XRAY",
        "covid_xray_images": "collegium.data.covid_xray:COVID_XRAY_IMAGES",
        "eicu_demo": "collegium.data.eicu:EICU",
        "fcon1000": "collegium.data.fcon1000:FCON1000",
        "flusight": "collegium.data.flusight:FLUSIGHT",
        "nsl_kdd": "collegium.data.nsl_kdd:NSL_KDD",
        "parkinsons_telemonitoring": "collegium.data.parkinsons:PARKINSONS",
        "phantoms": "collegium.data.phantoms:PHANTOMS",
        "tcga_brca": "collegium.data.tcga_brca:TCGA_BRCA",
        "tcga_glioma": "collegium.data.tcga_glioma:TCGA_GLIOMA",
        "uci_hapt": "collegium.data.activity:ACTIVITY",
        "uci_hapt_signals": "collegium.data.activity:SIGNALS",
        "uci_heart": "collegium.data.uci_heart:load",
    },
    "collections": {"fhir_samples": "collegium.data.fhir_samples:FHIR_SAMPLES"},
    "incentives": {},
    "mechanisms": {
        "compression": "collegium.mechanisms.compression",
        "dealing": "collegium.mechanisms.dealing",
        "groups": "collegium.mechanisms.groups",
        "plain": "collegium.mechanisms.plain",
        "privacy": "collegium.mechanisms.privacy",
        "scores": "collegium.mechanisms.scores",
        "search": "collegium.mechanisms.search",
        "secagg": "collegium.mechanisms.secagg",
        "secagg_plus": "collegium.mechanisms.secagg_plus",
        "statistics": "collegium.mechanisms.statistics",
        "sum_check": "collegium.mechanisms.sum_check",
        "sums": "collegium.mechanisms.sums",
        "threshold_he": "collegium.mechanisms.threshold_he",
    },
    "protocols": {
        "eov": "collegium.consensus.protocols.eov:EOV",
        "hotstuff": "collegium.consensus.protocols.hotstuff:HOTSTUFF",
        "pbft": "collegium.consensus.protocols.pbft:PBFT",
        "pbft_pos": "collegium.consensus.protocols.pbft_pos:PBFT_POS",
        "poa": "collegium.consensus.protocols.poa:POA",
        "pos": "collegium.consensus.protocols.pos:POS",
        "pow": "collegium.consensus.protocols.pow:POW",
        "pos_vote": "collegium.consensus.protocols.pos_vote:POS_VOTE",
        "poq": "collegium.consensus.protocols.poq:POQ",
        "posap": "collegium.consensus.protocols.posap:POSAP",
        "ppcc": "collegium.consensus.protocols.ppcc:PPCC",
        "signed_log": "collegium.consensus.protocols.signed_log:SIGNED_LOG",
        "raft": "collegium.consensus.protocols.raft:RAFT",
        "tendermint": "collegium.consensus.protocols.tendermint:TENDERMINT",
    },
    "attacks": {
        "alie": "collegium.threats.colluding:ALIE",
        "badmouthing_validator": "collegium.mechanisms.scores.threats:BADMOUTHING",
        "ballot_stuffing": "collegium.mechanisms.scores.threats:BALLOT_STUFFING",
        "censoring_orderer": "collegium.threats.orderers:CENSORING",
        "censoring_validator": "collegium.threats.negligent:CENSORING",
        "constrain_and_scale": "collegium.threats.backdoor:CONSTRAIN_AND_SCALE",
        "copycat": "collegium.threats.history:COPYCAT",
        "dealless_site": "collegium.mechanisms.dealing.threats:DEALLESS",
        "delaying_orderer": "collegium.threats.orderers:DELAYING",
        "equivocating_orderer": "collegium.threats.orderers:EQUIVOCATING",
        "equivocating_validator": "collegium.threats.validators:EQUIVOCATING",
        "erasing_site": "collegium.threats.ordering:ERASING",
        "free_rider": "collegium.threats.history:FREE_RIDER",
        "front_running_site": "collegium.threats.ordering:FRONT_RUNNING",
        "gaussian": "collegium.threats.flipping:GAUSSIAN",
        "grinding_leader": "collegium.threats.chain_orderers:GRINDING",
        "hasty_validator": "collegium.threats.negligent:HASTY",
        "history_aware": "collegium.threats.history:HISTORY_AWARE",
        "huge_update": "collegium.threats.flipping:HUGE",
        "ipm": "collegium.threats.colluding:IPM",
        "keyless_site": "collegium.mechanisms.dealing.threats:KEYLESS",
        "label_flip": "collegium.threats.flipping:LABEL_FLIP",
        "lazy_validator": "collegium.threats.negligent:LAZY",
        "lying_committer": "collegium.mechanisms.dealing.threats:LYING_COMMITTER",
        "lying_dealer": "collegium.mechanisms.dealing.threats:LYING_DEALER",
        "lying_holder": "collegium.mechanisms.dealing.threats:LYING_HOLDER",
        "lying_validator": "collegium.threats.validators:LYING",
        "mimic": "collegium.threats.colluding:MIMIC",
        "min_max": "collegium.threats.bounded:MIN_MAX",
        "min_sum": "collegium.threats.bounded:MIN_SUM",
        "misshaped_update": "collegium.threats.malformed:MISSHAPED",
        "model_replacement": "collegium.threats.backdoor:MODEL_REPLACEMENT",
        "non_finite_update": "collegium.threats.malformed:NON_FINITE",
        "opt_alie": "collegium.threats.searching:OPT_ALIE",
        "opt_ipm": "collegium.threats.searching:OPT_IPM",
        "out_of_range_update": "collegium.threats.malformed:OUT_OF_RANGE",
        "partly_served_update": "collegium.threats.sites:PARTLY_SERVING",
        "replaying_site": "collegium.threats.ordering:REPLAYING",
        "secretless_dealer": "collegium.mechanisms.dealing.threats:SECRETLESS_DEALER",
        "selfish_miner": "collegium.threats.chain_orderers:SELFISH",
        "shareless_site": "collegium.mechanisms.dealing.threats:SHARELESS",
        "sign_flip": "collegium.threats.flipping:SIGN_FLIP",
        "silent_site": "collegium.threats.sites:SILENT",
        "silent_validator": "collegium.threats.validators:SILENT",
        "spammer": "collegium.threats.sites:FLOODING",
        "sybil": "collegium.threats.history:SYBIL",
        "tailored": "collegium.threats.searching:TAILORED",
        "tailored_ballot_stuffing": "collegium.mechanisms.scores.threats:TAILORED_BALLOT_STUFFING",
        "two_faced_site": "collegium.threats.sites:TWO_FACED",
        "withheld_reveal": "collegium.threats.sites:WITHHOLDING",
        "withholding_orderer": "collegium.threats.orderers:WITHHOLDING",
    },
}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a part comes from that is not built in: its entry point, and who brings it."""

    target: str
    package: str
    version: str


@cache
def _installed(kind: Kind) -> dict[str, tuple[EntryPoint, ...]]:
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for point in entry_points(group=f"collegium.{kind}"):
        found[point.name] = (*found.get(point.name, ()), point)
    return found


def names(kind: Kind) -> list[str]:
    """Return every name that a study may use, sorted: built in or brought by a package."""
    return sorted(name for name in {*BUILT_IN[kind], *_installed(kind)} if "@" not in name)


def find(kind: Kind, name: str) -> Any:
    """Return the object behind a name.

    Raises:
        PluginError: nothing has that name (the nearest one is given), two packages bring it, or
            it fails to load.
    """
    target = BUILT_IN[kind].get(name)
    if target is not None:
        module, _, attribute = target.partition(":")
        part = import_module(module)
        return getattr(part, attribute) if attribute else part
    point = _entry_point(kind, name)
    if point is None:
        near = difflib.get_close_matches(name, names(kind), n=1, cutoff=0.0)
        raise PluginError(
            "plugin.unknown",
            f"there is no {name!r} among {kind.replace('_', ' ')}",
            f"known are: {', '.join(names(kind)) or 'none'}",
            f"use {near[0]!r}, or install the package that brings {name!r}"
            if near
            else f"install a package with an entry point {name!r} in collegium.{kind}",
        )
    try:
        return point.load()
    except Exception as error:
        raise PluginError(
            "plugin.broken",
            f"{name!r} from {point.value} could not be loaded",
            f"{type(error).__name__}: {error}",
            "repair or reinstall the package that brings it",
        ) from error


@cache
def aspects(aspect: str) -> dict[str, ModuleType]:
    """Return that file of every mechanism which has one, such as all their ``rules``, by name.

    A mechanism is a package, whose files are read where they are needed: a ledger reads terms and
    rules, and nothing that a trainer or a report needs.

    Raises:
        PluginError: a mechanism fails to load.
    """
    found = {}
    for name in sorted({*BUILT_IN["mechanisms"], *_installed("mechanisms")}):
        package: ModuleType = find("mechanisms", name)
        if find_spec(f"{package.__name__}.{aspect}") is not None:
            found[name] = import_module(f"{package.__name__}.{aspect}")
    return found


def find_versioned(kind: Kind, versioned: str) -> Any:
    """Return the object that a recorded name such as ``fedavg@1`` means, now and for ever.

    A part under that very name comes first, but for what a built-in name stands for now.

    Raises:
        PluginError: as `find`, or only another version is installed.
    """
    bare = versioned.partition("@")[0]
    built_in = BUILT_IN[kind]
    if versioned not in built_in and bare in built_in:
        part = find(kind, bare)
        if part.name == versioned:
            return part
    exact = versioned in built_in or versioned in _installed(kind)
    part = find(kind, versioned if exact else bare)
    if part.name != versioned:
        raise PluginError(
            "plugin.version",
            f"{versioned} is registered, and {part.name} is installed",
            "a versioned name never changes its meaning, so another version cannot stand in",
            "install the release that has it",
        )
    return part


def origin(kind: Kind, name: str) -> Origin | None:
    """Return where a part comes from; None where it is built in, or nothing has that name.

    Raises:
        PluginError: two packages bring it.
    """
    point = None if name in BUILT_IN[kind] else _entry_point(kind, name)
    if point is None:
        return None
    package = point.dist
    return Origin(point.value, package.name if package else "", package.version if package else "")


def _entry_point(kind: Kind, name: str) -> EntryPoint | None:
    points = _installed(kind).get(name, ())
    if len(points) > 1:
        packages = sorted(point.dist.name if point.dist else point.value for point in points)
        raise PluginError(
            "plugin.ambiguous",
            f"{name!r} among {kind.replace('_', ' ')} comes from {' and from '.join(packages)}",
            "which of them is meant would depend on the order of installation",
            "uninstall all of them but one",
        )
    return points[0] if points else None
