"""Whether a study's algorithm, personal part and schedule go together, and with its aggregation."""

from __future__ import annotations

from collegium.study.document import Study
from collegium.study.english import Value
from collegium.study.notice import Notice
from collegium.study.refusal import DocumentPath, Refusal
from collegium.study.searching import held_out, held_out_by
from collegium.study.terms import OWN_SERVER


def check_local_work(study: Study) -> tuple[Notice, ...]:
    """Return what the owner should know of what sites do in a round.

    Raises:
        Refusal: parts of it cannot work together.
    """
    _check_algorithm(study)
    _check_privacy(study)
    _check_personalization(study)
    _check_schedule(study)
    _check_stopping(study)
    return tuple(_notices(study))


def _check_algorithm(study: Study) -> None:
    training, name = study.training, study.training.algorithm
    server = study.aggregation.server.optimizer
    if name not in OWN_SERVER:
        if server in OWN_SERVER:
            raise _combination(
                ("aggregation", "server", "optimizer"), f"{server} is no server step by itself",
                "the sites' local work belongs to it",
                f"set training.algorithm = {server!r}, and leave the server's optimizer out",
            )  # fmt: skip
        return
    if server != "none":
        raise _combination(
            ("aggregation", "server", "optimizer"), f"{name} does not go with {server!r}",
            f"{name} has a server step of its own",
            f"leave it out, or set training.algorithm = {'fedavg'!r}",
        )  # fmt: skip
    if study.aggregation.rule != "fedavg":
        raise _combination(
            ("aggregation", "rule"), f"{name} does not go with {study.aggregation.rule!r}",
            f"{name} is about means: what its sites share besides the model must be averaged too",
            "set aggregation.rule = 'fedavg', or training.algorithm = 'fedavg'",
        )  # fmt: skip
    if name == "scaffold" and study.aggregation.weights != "equal":
        raise _combination(
            ("aggregation", "weights"), "scaffold does not go with weights = 'rows'",
            "its control variates cancel in the plain mean of the sites",
            "set aggregation.weights = 'equal'",
        )  # fmt: skip
    if training.site_momentum:
        raise _combination(
            ("training", "site_momentum"), f"{name} does not go with site_momentum",
            "a site that sends a mixture of its steps no longer sends what it counted",
            "remove site_momentum, or set training.algorithm = 'fedavg'",
        )  # fmt: skip
    asked = [key for key in ("momentum", "fedprox_mu") if getattr(training, key)]
    if asked and (name == "scaffold" or len(asked) > 1):
        raise _combination(
            ("training", asked[0]), f"{name} does not go with {' and '.join(asked)}",
            "what its sites share is worked out from plain steps"
            if name == "scaffold"
            else "its weights are known for one of them at a time",
            f"set training.{asked[0]} = 0.0",
        )  # fmt: skip


def _check_privacy(study: Study) -> None:
    """Refuse what differential privacy does not cover."""
    if study.privacy.differential_privacy is None:
        return
    path: DocumentPath = ("training", "algorithm")
    what: str | None = study.training.algorithm
    if what not in OWN_SERVER:
        if study.personalization is None:
            return
        path, what = ("personalization",), study.personalization.method
    raise _combination(
        path, f"{what} does not go with differential privacy",
        "what is shared, or tested, besides the plain steps would be released without noise",
        "remove it, or privacy.differential_privacy",
    )  # fmt: skip


def _check_personalization(study: Study) -> None:
    personal = study.personalization
    if personal is None:
        return
    path = ("personalization",)
    takes = {"fedper": "layers", "ditto": "strength", "fine_tuning": "epochs"}
    for key in ("layers", "strength", "epochs"):
        if getattr(personal, key) is not None and takes.get(personal.method) != key:
            raise _combination(
                (*path, key), f"{personal.method} takes no {key}",
                f"it takes {takes.get(personal.method, 'nothing')}", f"remove {key}",
            )  # fmt: skip
    if personal.method == "ditto" and personal.strength is None:
        raise _combination(
            (*path, "strength"), "ditto needs its strength",
            "it says how far a site's own model is drawn to the shared one",
            "add strength = 0.1, or from 0.01 to 10 as validation says",
        )  # fmt: skip
    if personal.method in ("fedper", "fedbn") and study.training.algorithm in OWN_SERVER:
        raise _combination(
            (*path, "method"), f"{personal.method} does not go with {study.training.algorithm}",
            "a part of the model stays at its site, and the algorithm counts on all of it",
            "set training.algorithm = 'fedavg', or personalization.method = 'ditto'",
        )  # fmt: skip


def _check_schedule(study: Study) -> None:
    schedule = study.training.schedule
    if schedule is None:
        return
    if schedule.warmup >= study.training.rounds:
        raise _combination(
            ("training", "schedule", "warmup"), f"{schedule.warmup} rounds are for warming up",
            f"the study has {study.training.rounds}",
            f"choose at most {study.training.rounds - 1}",
        )  # fmt: skip
    if schedule.kind != "step" and schedule.every != 1:
        raise _combination(
            ("training", "schedule", "every"), f"a {schedule.kind} schedule takes no every",
            "it changes with every round", "remove every, or choose kind = 'step'",
        )  # fmt: skip


def _check_stopping(study: Study) -> None:
    """Refuse losses on rows held out where to share them would be in the way, or leak."""
    if held_out(study) is None:
        return
    path: DocumentPath = ("training", "early_stopping")
    what, todo = "early stopping", "remove early_stopping, or"
    if study.search is not None:
        path, what, todo = ("search",), "a search", "remove [search], or"
    if study.privacy.differential_privacy is not None:
        raise _combination(
            path, f"{what} does not go with differential privacy",
            "the losses on held-out rows would be released without noise"
            + ("" if study.search is None else ", and every trial would spend the budget again"),
            f"{todo} privacy.differential_privacy"
            + ("" if study.search is None else ": search on public or made-up rows, then set the"
               " values found"),
        )  # fmt: skip


def _notices(study: Study) -> list[Notice]:
    training, personal = study.training, study.personalization
    found = []
    if training.algorithm == "scaffold" and training.client_fraction < 1:
        found.append(Notice("warning", "study.seldom-drawn"))
    if training.algorithm == "scaffold" and study.study.attendance == "quorum":
        found.append(Notice("note", "study.control-variates"))
    if training.participation == "cyclic" and training.client_fraction == 1:
        found.append(Notice("note", "study.no-turns"))
    stopping = training.early_stopping
    if stopping is not None:
        told: dict[str, Value] = {
            "part": stopping.validation,
            "by": held_out_by(study),
            "patience": stopping.patience,
        }
        found.append(Notice("note", "study.early-stopping", told))
    if personal is not None:
        case = "personal-layers" if personal.method in ("fedper", "fedbn") else "shared"
        told = {"case": case, "method": personal.method}
        found.append(Notice("note", "study.personal-models", told))
    return found


def _combination(path: DocumentPath, what: str, why: str, todo: str) -> Refusal:
    return Refusal(path, "study.combination", what, why, todo)
