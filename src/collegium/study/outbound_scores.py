"""What a validator says of others' updates, from rows of its own."""

from __future__ import annotations

from collegium.study.message import LEDGER, Outbound, Ways
from collegium.study.scores import Scores


def score_messages(scores: Scores, ways: Ways, sender: str) -> tuple[Outbound, ...]:
    """Return what is said of scores; `sender` says who sends them."""
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
