"""Whether a study's scores go with the rest of it, and what of them is registered."""

from __future__ import annotations

from fractions import Fraction

import msgspec

from collegium.study.committee import capture, smallest
from collegium.study.document import Study
from collegium.study.english import Value
from collegium.study.notice import Notice
from collegium.study.refusal import contradiction
from collegium.study.score_terms import UNIT, ScoreTerms
from collegium.study.searching import held_out

_PLACE = ("aggregation", "scores")


def score_terms(study: Study) -> ScoreTerms | msgspec.UnsetType:
    """Return what a study registers about its scores, if it has any."""
    scores = study.aggregation.scores
    if scores is None:
        return msgspec.UNSET
    return ScoreTerms(
        by=scores.by, demote=round(scores.demote * UNIT), demotion=scores.demotion,
        threshold=round(scores.threshold * UNIT),
    )  # fmt: skip


def about_committee(study: Study, sites: int) -> tuple[Notice, ...]:
    """Warn where those who score could be captured by as many bad sites as the study states.

    That is `aggregation.tolerate`, or the attackers of a threat if these are more. Who validates is
    no secret, so a majority of bad ones among them is possible as soon as there are enough; by lot
    it is as likely as is told.
    """
    if study.aggregation.scores is None:
        return ()
    threat, bad = study.threat, study.aggregation.tolerate
    if threat is not None:
        named = threat.attackers
        bad = max(bad, named if isinstance(named, int) else len(named))
    bad, size = min(bad, sites), study.consensus.validators or sites
    # The lower median is decided from below by half of the power.
    decisive = -(-size // 2)
    if bad < decisive:
        return ()
    chance = float(capture(sites, bad, size, decisive))
    needed = smallest(sites, bad, Fraction(1, 1000))
    told: dict[str, Value] = {"bad": bad, "sites": sites, "size": size, "chance": chance}
    if 2 * bad + 1 <= sites:
        told |= {"case": "enough", "enough": 2 * bad + 1}
    else:
        told |= {"case": "none"} if needed is None else {"case": "lot", "enough": needed}
    return (Notice("warning", "study.capturable-committee", told),)


def check_scores(study: Study) -> None:
    """Refuse scores of updates that nobody sees, or that give away what is protected.

    Raises:
        Refusal: scores do not go with another part of the study.
    """
    scores = study.aggregation.scores
    if scores is None:
        return
    if study.privacy.secure_aggregation is not None:
        raise contradiction(
            _PLACE, "scores do not go with secure aggregation",
            "a score is of one update, and validators see nothing but the sum of all",
            "remove aggregation.scores and choose a rule without, or remove"
            " privacy.secure_aggregation",
        )  # fmt: skip
    if study.privacy.differential_privacy is not None:
        raise contradiction(
            _PLACE, "scores do not go with differential privacy",
            "a score is calculated from patients' rows without noise, so no budget would hold",
            "remove aggregation.scores and choose a rule without, or remove"
            " privacy.differential_privacy",
        )  # fmt: skip
    personal = study.personalization
    if personal is not None and personal.method in ("fedper", "fedbn"):
        raise contradiction(
            ("personalization", "method"), f"{personal.method} does not go with scores",
            "a validator would try what sites share without what they keep to themselves",
            "choose 'ditto' or 'fine_tuning', or remove aggregation.scores",
        )  # fmt: skip
    if held_out(study) is not None:
        key = "training.early_stopping" if study.search is None else "search"
        raise contradiction(
            tuple(key.split(".")), f"{key} does not go with scores",
            "what sites tell of their validation loss stands among an update's coordinates, and no"
            " validator can score that", f"remove {key}, or aggregation.scores",
        )  # fmt: skip
    if scores.by == "direction" and abs(scores.threshold) > 1:
        raise contradiction(
            (*_PLACE, "threshold"), f"no cosine is below {scores.threshold:g} and another above",
            "scores by direction lie between -1 and 1", "choose a threshold in between",
        )  # fmt: skip
