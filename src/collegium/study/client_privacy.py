"""A whole site as the unit of privacy: what such a study must be like."""

from __future__ import annotations

from math import floor, log2, sqrt

from collegium.accounting.adaptive import GRID
from collegium.accounting.orders import MICRO
from collegium.accounting.terms import PrivacyTerms
from collegium.accounting.updates import LEAST_BOUND
from collegium.study.document import DifferentialPrivacy, Study
from collegium.study.notice import Notice
from collegium.study.privacy import privacy_terms
from collegium.study.refusal import DocumentPath, Refusal
from collegium.study.simulated import is_in_one_process
from collegium.study.terms import fewest_sites

FEW = 100
"""Sites under which noise for a whole site leaves little of what they learn together."""

_PATH: DocumentPath = ("privacy", "differential_privacy")
_LARGEST = 32767
_SIGMAS = 10.0
"""Standard deviations of noise that an update has room for; more has a chance below 1e-22."""


def check_units(study: Study) -> None:
    """Refuse a mechanism that does not go with its unit, and what a site's secret forbids.

    Raises:
        Refusal: ``study.combination``.
    """
    wanted = study.privacy.differential_privacy
    if wanted is None:
        return
    unit = wanted.protects
    if wanted.mechanism not in unit.mechanisms:
        raise _refused(
            (*_PATH, "mechanism"),
            f"{wanted.mechanism!r} does not protect the unit {wanted.unit!r}",
            "DP-SGD protects patients and rows; a whole site is protected by noise on its update",
            f'set mechanism = "{unit.mechanisms[0]}", or choose another unit',
        )
    if wanted.colluders and wanted.mechanism != "central":
        raise _refused(
            (*_PATH, "colluders"),
            "colluders go with central noise alone",
            "elsewhere every site's own noise protects it, whatever others tell",
            "remove colluders",
        )
    if wanted.clipping == "adaptive" and unit.in_training:
        raise _refused(
            (*_PATH, "clipping"),
            f"a clip of the unit {wanted.unit!r} does not follow what it clips",
            "a site that told how many of its units are within the clip would release that, in"
            " every step, beside the noised gradients that are accounted for",
            'set clipping = "fixed"; about a tenth of what is spent would go into finding a clip'
            " that one round without privacy on public data finds as well",
        )
    if unit.in_training:
        return
    if wanted.clipping == "adaptive" and study.aggregation.rule != "fedavg":
        raise _refused(
            ("aggregation", "rule"),
            f"a clip that follows the updates does not go with {study.aggregation.rule!r}",
            "the share of sites within it is a mean over all of them, noise and all",
            'set aggregation.rule = "fedavg", or clipping = "fixed"',
        )
    if wanted.sampling_rate is not None:
        raise _refused(
            (*_PATH, "sampling_rate"),
            "a client is not sampled in secret",
            "who takes part in a round is on the ledger, so that sampling hides nobody",
            "remove sampling_rate",
        )
    if study.aggregation.weights != "equal":
        raise _refused(
            ("aggregation", "weights"),
            "weights by rows tell a site's size",
            "where a whole site is the unit, its size is part of what is protected",
            'set aggregation.weights = "equal"',
        )
    secret = study.privacy.secure_aggregation is not None
    if wanted.mechanism == "central" and not is_in_one_process(study) and not secret:
        raise _refused(
            (*_PATH, "mechanism"),
            f"central noise does not go with {study.consensus.engine!r}",
            "validators who recompute see every update, each with a part of the noise alone",
            'set mechanism = "local", or privacy.secure_aggregation',
        )
    if wanted.mechanism == "central" and secret and study.study.max_attempts > 1:
        raise _refused(
            ("study", "max_attempts"),
            "a round with central noise has one attempt",
            "sums of two attempts over different sites would differ by single updates",
            "set study.max_attempts = 1",
        )
    if study.aggregation.rule != "fedavg" and wanted.mechanism == "central":
        raise _refused(
            ("aggregation", "rule"), f"central noise does not go with {study.aggregation.rule}",
            "it is calibrated to the sum of all updates, which this rule does not release alone",
            'set aggregation.rule = "fedavg", or mechanism = "local"',
        )  # fmt: skip


def check_room(study: Study, sites: int) -> None:
    """Refuse an exponent with which the clip is too coarse or the noise has no room.

    Raises:
        Refusal: ``study.combination``, with an exponent that would do.
    """
    wanted, terms = study.privacy.differential_privacy, privacy_terms(study)
    if wanted is None or terms is None or wanted.protects.in_training:
        return
    parts = noise_parts(study, sites)
    if parts < 2 and wanted.mechanism == "central":
        raise _refused(
            (*_PATH, "colluders"),
            f"noise of {parts} sites is left in the smallest round",
            "one site that adds all the noise could take it away again",
            "choose fewer colluders, or a higher study.min_sites",
        )
    exponent = study.aggregation.exponent
    low, high = _exponents(wanted, terms, parts)
    if low > high:
        raise _refused(
            (*_PATH, "noise_multiplier"),
            "so much noise has no room in an update of 16 bits",
            f"its noise multiplier is {terms.noise / MICRO:.1f}",
            "choose a larger epsilon, or fewer rounds",
        )
    if not low <= exponent <= high:
        raise _refused(
            ("aggregation", "exponent"), f"clip and noise do not fit the exponent {exponent}",
            f"with a clip of {wanted.clip:g} and a noise multiplier of {terms.noise / MICRO:.3g}"
            f" it must be from {low} to {high}",
            f"set aggregation.exponent = {min(max(exponent, low), high)}",
        )  # fmt: skip


def about_clients(study: Study, sites: int) -> tuple[Notice, ...]:
    """Return what the owner should know of noise that hides whole sites."""
    wanted, terms = study.privacy.differential_privacy, privacy_terms(study)
    if wanted is None or terms is None or wanted.protects.in_training or sites >= FEW:
        return ()
    share = noise_parts(study, sites) ** 0.5
    noise = terms.noise / MICRO * wanted.clip / share / sites**0.5
    told = {"sites": sites, "noise": noise, "clip": wanted.clip}
    return (Notice("warning", "privacy.unaffordable", told),)


def noise_parts(study: Study, sites: int) -> int:
    """Return how many sites' noise makes up a round's, at least."""
    wanted = study.privacy.differential_privacy
    if wanted is None or wanted.mechanism != "central":
        return 1
    return fewest_sites(study, sites) - wanted.colluders


def _exponents(wanted: DifferentialPrivacy, terms: PrivacyTerms, parts: int) -> tuple[int, int]:
    """Return the lowest and the highest exponent with which clip and noise fit an update."""
    spread = 1.0 + _SIGMAS * terms.noise / MICRO / sqrt(max(parts, 1))
    if isinstance(terms.clip, int):  # the clip is from 2^low to 2^(low + 7/8) steps, ever after
        octave = terms.clip // GRID
        room = floor(log2(_LARGEST / spread) - (GRID - 1) / GRID)
        return max(-8, int(log2(LEAST_BOUND)) - octave), min(30, room - octave)
    low = log2(LEAST_BOUND / wanted.clip)
    return max(-8, -floor(-low)), min(30, floor(log2(_LARGEST / (wanted.clip * spread))))


def _refused(path: DocumentPath, what: str, why: str, todo: str) -> Refusal:
    return Refusal(path, "study.combination", what, why, todo)
