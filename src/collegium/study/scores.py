"""``aggregation.scores``: what validators say of each update before a rule looks at it."""

from __future__ import annotations

from typing import Literal

from collegium.study.section import Section


class Scores(Section, frozen=True, kw_only=True):
    """Validators score updates on rows of their own, for a rule that needs it.

    `root` is the share of a validating site's training persons whose rows are kept for that; it
    does not train on them. A score is by how much an update lowers the "loss" there, or the
    cosine with the update that the validator makes of these rows ("direction"). `penalty` is what
    the rule zeno takes off per squared length of an update. An update whose score is below
    `threshold` speaks against its site, and committee_median leaves it out. Sites whose
    reputation falls below `demote` lose half of their "weight", or, as validators, that their own
    scores count ("scoring"); 0: nobody does. No scores exclude a site.
    """

    by: Literal["loss", "direction"] = "loss"
    root: float = 0.2
    penalty: float = 0.0005
    threshold: float = -0.02
    demote: float = 0.0
    demotion: Literal["weight", "scoring"] = "weight"
