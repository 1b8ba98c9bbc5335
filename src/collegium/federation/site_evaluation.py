"""What a site says about models on its test part."""

from __future__ import annotations

from typing import Literal

from collegium.canonical import to_text
from collegium.data.table import SiteRows, Task
from collegium.federation.local_trainers import Float32, LocalWork
from collegium.learning.evaluation.counts import largest
from collegium.learning.evaluation.disclosure import statement_of
from collegium.learning.evaluation.noised import noised_statement
from collegium.learning.evaluation.statement import Statement, encode_statement
from collegium.learning.evaluation.tally import tally
from collegium.learning.models import predict
from collegium.mechanisms.privacy.site import SitePrivacy
from collegium.mechanisms.sums.counted import counted
from collegium.secrecy.masking import RingVector
from collegium.study.privacy import evaluation_epsilon


def statement_bytes(
    work: LocalWork, task: Task, test: SiteRows, parameters: Float32, model: bytes,
    kind: Literal["federated", "local"], *, hides: bool = False,
) -> bytes:  # fmt: skip
    """Return the statement about a model, as it is signed.

    Args:
        work: knows the study and its model.
        task: what the model answers.
        test: the site's test part.
        parameters: float32 [d].
        model: the digest that names it.
        kind: the study's model, or the one that the site trained alone.
        hides: whether a sum over all sites tells of classes, so that the site must not.
    """
    study = work.study
    statement = statement_of(
        task, test.y, predict(work.spec, parameters, test.x),
        threshold=study.evaluation.threshold, replicates=study.evaluation.bootstrap,
        seed=study.study.seed, model=to_text(model), kind=kind, person=test.person,
        hides=hides,
    )  # fmt: skip
    return encode_statement(statement)


def test_counts(work: LocalWork, test: SiteRows, parameters: Float32) -> RingVector:
    """Return what a site counts of its test part for the sum over all sites.

    Args:
        work: knows the study and its model.
        test: the site's test part.
        parameters: of the model, float32 [d].
    """
    scores = predict(work.spec, parameters, test.x)
    return counted(tally(test.y, scores, work.study.evaluation.threshold), largest())


def noised_statement_bytes(
    work: LocalWork, task: Task, test: SiteRows, privacy: SitePrivacy, parameters: Float32,
    model: bytes,
) -> bytes:  # fmt: skip
    """Return what is told of the final model alone: no own model ever had any privacy."""
    study = work.study
    if privacy.terms.protects.withholds:  # all that a site could say would be about its one unit
        return encode_statement(
            Statement(
                kind="federated", model=to_text(model), rows=1, task=task, values=(), withheld="all"
            )
        )
    statement = noised_statement(
        task, test.y, predict(work.spec, parameters, test.x), privacy.units(test),
        epsilon=evaluation_epsilon(privacy.terms), stream=privacy.evaluation_stream(model, test),
        threshold=study.evaluation.threshold, replicates=study.evaluation.bootstrap,
        seed=study.study.seed, model=to_text(model),
    )  # fmt: skip
    return encode_statement(statement)
