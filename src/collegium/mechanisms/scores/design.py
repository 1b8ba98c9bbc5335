"""What a study's document says of scores: what is registered, refused, warned of and sent."""

from __future__ import annotations

from fractions import Fraction

from collegium.accounting.committee import capture, smallest
from collegium.mechanisms.scores.terms import UNIT, ScoreTerms
from collegium.study.compression import require_whole
from collegium.study.design import Design, Facts
from collegium.study.document import Study
from collegium.study.english import Value
from collegium.study.limit import Limit
from collegium.study.message import LEDGER, Outbound, Recipients
from collegium.study.notice import Notice
from collegium.study.refusal import contradiction
from collegium.study.searching import held_out

PLACE = ("aggregation", "scores")


def _uses(study: Study, facts: Facts) -> bool:
    return study.aggregation.scores is not None


def score_terms(study: Study) -> ScoreTerms | None:
    """Return what a study registers about its scores, if it has any."""
    scores = study.aggregation.scores
    if scores is None:
        return None
    return ScoreTerms(
        by=scores.by, demote=round(scores.demote * UNIT), demotion=scores.demotion,
        threshold=round(scores.threshold * UNIT),
    )  # fmt: skip


def _terms(study: Study, sites: int, facts: Facts) -> ScoreTerms | None:
    return score_terms(study)


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
    require_whole(
        study, PLACE, "scores", "a validator scores what an update makes of the whole model"
    )
    if study.privacy.secure_aggregation is not None:
        raise contradiction(
            PLACE, "scores do not go with secure aggregation",
            "a score is of one update, and validators see nothing but the sum of all",
            "remove aggregation.scores and choose a rule without, or remove"
            " privacy.secure_aggregation",
        )  # fmt: skip
    if study.privacy.differential_privacy is not None:
        raise contradiction(
            PLACE, "scores do not go with differential privacy",
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
            (*PLACE, "threshold"), f"no cosine is below {scores.threshold:g} and another above",
            "scores by direction lie between -1 and 1", "choose a threshold in between",
        )  # fmt: skip


def _messages(study: Study, ways: Recipients, sender: str) -> tuple[Outbound, ...]:
    """Return what a validator says of others' updates, from rows of its own."""
    scores = study.aggregation.scores
    if scores is None:
        return ()
    what, leak = {
        "loss": (
            "for each update of a round, by how much it lowers the mean loss on the rows that the"
            " site keeps for that",
            "one number per update, to a millionth. Over many rounds these are many "
            "measurements of a few patients' rows, and anyone who can send updates can choose "
            "what is measured",
        ),
        "direction": (
            "for each update of a round, the cosine of its angle to an update that the site makes"
            " of the rows it keeps for that; and the length of its own",
            "one number per update, to a millionth. Over many rounds they reveal the gradient "
            "direction of the rows, as an update from a few patients' rows would",
        ),
    }[scores.by]
    return (
        Outbound(
            "commitment to scores",
            f"a hash of the scores of a round's updates and a random salt{sender}",
            ways.everybody,
            f"{ways.signed}. The salt keeps the scores unknown until they are revealed",
            LEDGER,
            from_rows=True,
            transactions=("score.commit",),
        ),
        Outbound(
            "scores of updates",
            f"{what}{sender}",
            ways.everybody,
            f"{ways.signed}. Nothing is added: {leak}",
            LEDGER,
            from_rows=True,
            transactions=("score.reveal",),
        ),
    )


DESIGN = Design(
    _uses,
    _terms,
    check=check_scores,
    notices=about_committee,
    messages=_messages,
    limits=(
        Limit((*PLACE, "root"), 0, 0.9, open_low=True),
        Limit((*PLACE, "penalty"), 0, 1_000_000),
        Limit((*PLACE, "threshold"), -1000, 1000),
        Limit((*PLACE, "demote"), 0, 0.5),
    ),
)
