"""What a run measured and nobody can prove: the lines of ``metrics.jsonl``.

Quality, time and bytes as the process saw them. None of it is in hashed state.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from collegium.data.tabular.left_out import RowsLeftOut
from collegium.errors import RunError
from collegium.ledger.engines.simnet.figures import ConsensusFigures


class Interval(msgspec.Struct, frozen=True):
    """A 95 % bootstrap interval."""

    low: float
    high: float


class Calibration(msgspec.Struct, frozen=True):
    """One bin of a reliability table: rows, mean predicted risk, observed share of events."""

    rows: int
    predicted: float
    observed: float


class Estimate(msgspec.Struct, frozen=True):
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


class Benefit(msgspec.Struct, frozen=True):
    """Net benefit a row at a risk threshold, of acting by the model and of acting on everybody."""

    threshold: float
    model: float
    everybody: float


class Risks(msgspec.Struct, frozen=True, kw_only=True):
    """What the predicted risks of a binary task are worth, over all sites.

    `slope` and `intercept` are those of a recalibration, None where there is none; `binned_auc`
    is the AUC from the sums of the sites' histograms of scores.
    """

    slope: Estimate | None
    intercept: Estimate | None
    benefit: tuple[Benefit, ...]
    binned_auc: float | None


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """Metrics by name on the test parts, over all sites and by site; None where undefined."""

    overall: dict[str, float | None]
    sites: dict[str, dict[str, float | None]]
    overall_intervals: dict[str, Interval | None]
    site_intervals: dict[str, dict[str, Interval | None]]
    calibration: tuple[Calibration, ...] = ()
    risks: Risks | None = None


class SiteDescription(msgspec.Struct, frozen=True, kw_only=True):
    """A site's rows in numbers; what it does not let out, and what is a few patients, is None.

    `classes` counts rows by class; of survival, those without and with the event. `missing` is the
    share of cells without a value, over the columns that the model has.
    """

    site: str
    rows: int | None
    persons: int | None = None
    classes: tuple[int, ...] | None = None
    missing: float | None = None


class SiteTable(msgspec.Struct, frozen=True):
    """The sites, and all of them together, as far as the study's design lets that out.

    `of` says which rows are counted: all of the study, or those of the test part.
    """

    of: Literal["all", "test"]
    sites: tuple[SiteDescription, ...]
    together: SiteDescription


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """A test picture of a data set that comes with the package, and what the model outlines in it.

    All are square, row by row, a character a pixel: `grey` a hexadecimal digit from black to white,
    `reference` and `outlined` 1 where a pixel belongs to what is sought.
    """

    site: str
    dice: float
    grey: str
    reference: str
    outlined: str


class CalledRows(msgspec.Struct, frozen=True, kw_only=True):
    """The test rows of all sites together, and how the study's model calls them.

    `persons` is None where nobody told how many there are. `confusion` counts rows, by true and
    then by predicted class, empty without classes. `values` are prevalence, ppv, npv and
    average_precision of a binary task, None where undefined. `roc` are points (1 - specificity,
    sensitivity), `precision` points (recall, precision).
    """

    rows: int
    persons: int | None = None
    confusion: tuple[tuple[int, ...], ...] = ()
    values: dict[str, float | None] = {}
    intervals: dict[str, Interval | None] = {}
    roc: tuple[tuple[float, float], ...] = ()
    precision: tuple[tuple[float, float], ...] = ()


class Subgroup(msgspec.Struct, frozen=True):
    """Quality of the study's model on the test rows of one group, over all sites.

    Nothing is told of a group that is too small, or gives one away: `rows` is None and `overall`
    empty then.
    """

    title: str
    feature: str
    rows: int | None
    overall: dict[str, float | None]
    intervals: dict[str, Interval | None]


class Importance(msgspec.Struct, frozen=True, kw_only=True):
    """What the model loses without a feature: its column shuffled among a site's test rows.

    `drop` is what the task's primary measure loses over all sites (positive: it gets worse), the
    mean of several shuffles, `spread` their standard deviation; None where it is undefined.
    `loss` is by how much the mean loss grows at each site. `effect` is the mean prediction over
    all rows if each had one value of the feature that occurs: (value as printed, mean prediction);
    `unit` is that of a number.
    """

    feature: str
    title: str
    drop: float | None
    spread: float
    loss: dict[str, float]
    effect: tuple[tuple[str, float], ...]
    unit: str = ""


class Explanation(msgspec.Struct, frozen=True):
    """Features from the most to the least important, and how alike the sites' orders are.

    `agreement` is Kendall's W over sites (1: the same order everywhere), None for one site or
    feature; `reason` says why there are no features here.
    """

    features: tuple[Importance, ...]
    agreement: float | None
    reason: str = ""


class HeldOutQuality(msgspec.Struct, frozen=True, kw_only=True):
    """Quality on rows that were kept apart: by an evaluator, or fold by fold.

    `rows` are those of each part that was tested on, `persons` are all of theirs. A quality's
    `sites` are these parts; but `local` on an evaluator's rows holds each site's own model there
    and, overall, their mean. Differences are federated minus the other, paired, by metric. The rest
    is as in `FinalLine`.
    """

    federated: Quality | None
    local: Quality | None
    pooled: Quality | None
    difference_to_pooled: dict[str, Interval | None]
    difference_to_local: dict[str, Interval | None]
    rows: dict[str, int]
    persons: int
    local_missing: tuple[str, ...] = ()
    federated_beside_local: Quality | None = None


class Backdoor(msgspec.Struct, frozen=True, kw_only=True):
    """How often a planted pattern decides, on the honest sites' test rows of other classes.

    `success` is the part of these `rows` that it turns into the target class, `without` the same
    by the model of a study without the attack. `lasted` is how many of the `watched` rounds after
    the attack it takes until less than half of such training rows are turned; None if no round.
    """

    success: float
    without: float
    rows: int
    watched: int
    lasted: int | None


class AttackEffect(msgspec.Struct, frozen=True, kw_only=True):
    """An attack: what it was granted, and what it did to the honest sites' test rows.

    `strength` says how hard it hits, empty for attacks that are not told so. `share` is the
    attackers' part of all training rows. `attacked` are measures by the study's
    model, `clean` by that of the same study without the attack, `undefended` by that of the same
    attack against FedAvg; None where it was not measured.
    """

    attack: str
    about: str
    attackers: tuple[str, ...]
    rounds: tuple[int, ...]
    strength: str
    share: float
    adaptive: bool
    granted: dict[str, str]
    attacked: dict[str, float | None] | None = None
    clean: dict[str, float | None] | None = None
    undefended: dict[str, float | None] | None = None
    backdoor: Backdoor | None = None


class Convergence(msgspec.Struct, frozen=True, kw_only=True):
    """Whether training came to rest, by the mean loss on all training rows.

    `first` is the loss of the model with which training began, `last` that of the last round.
    `gained` is how much of all that the loss fell the last tenth of the rounds brought, None where
    it rose.
    """

    verdict: Literal["converged", "still_falling", "unstable", "diverged"]
    first: float
    last: float
    gained: float | None


class RoundLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="round"):
    """One closed round.

    `seconds` are those of training, validators and others (sites, signatures, ledger, blobs);
    `bytes` those of blobs published and of the ledger. `training_metrics` is the new model on the
    training rows, by site and "overall", empty in rounds where it was not measured (long studies
    measure a hundred of their rounds). `virtual` are seconds of a simulated network since the round
    before, by what they went to, `joules` what machines took beyond waiting, likewise.
    """

    round: int
    attempt: int
    model: str
    included: tuple[str, ...]
    seconds: dict[str, float]
    bytes: dict[str, int]
    training_metrics: dict[str, dict[str, float | None]]
    entries: int
    app_hash: str
    virtual: dict[str, float] | None = None
    joules: dict[str, float] | None = None


class FinalLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="final"):
    """The end of a run.

    `seconds` and `bytes` are those after the last round, "comparison" being what the simulation
    spent on baselines and intervals. `local` is each site's own model on its own rows, `pooled`
    one model of all rows (simulation only; `pooled_reason` says why there is none otherwise).
    `difference` is federated minus pooled and federated minus local, paired on the same rows, by
    metric. `rejected` counts refused messages by participant and reason, `dropped` surplus ones
    by participant. `unseen` is measured on rows that no site holds, `out_of_fold` on all rows,
    each by models that never saw its person. `threat` is there where a study has an adversary.
    `subgroups` and `explanation` are of the study's model. `site_alone` is the main measure of
    knowing no more of a test row than its site: what an answer is worth that follows from the site.
    `local_missing` are the sites whose own training diverged: `local` is of the others, and
    `federated_beside_local` what the study's model measures at these, where some are missing.
    `left_out` counts rows of a table of the members' own that are no part of the study.
    `convergence` is None where the losses of rounds are not known, or do not tell.
    `one_machine` says that somebody ran every member as a process of one machine. `tested` is of
    the study's model, `site_table` of the rows; None where it cannot be told. `pictures` go from
    the worst outlined to the best. `consensus` is there where the network was simulated.
    """

    outcome: str
    model: str
    seconds: dict[str, float]
    bytes: dict[str, int]
    federated: Quality | None
    local: Quality | None
    pooled: Quality | None
    pooled_reason: str | None
    difference_to_pooled: dict[str, Interval | None]
    difference_to_local: dict[str, Interval | None]
    rows: dict[str, tuple[int, int]]
    rejected: dict[str, int]
    dropped: dict[str, int]
    unseen: HeldOutQuality | None = None
    out_of_fold: HeldOutQuality | None = None
    threat: AttackEffect | None = None
    subgroups: tuple[Subgroup, ...] = ()
    explanation: Explanation | None = None
    site_alone: float | None = None
    convergence: Convergence | None = None
    local_missing: tuple[str, ...] = ()
    federated_beside_local: Quality | None = None
    left_out: tuple[RowsLeftOut, ...] = ()
    one_machine: bool = False
    tested: CalledRows | None = None
    site_table: SiteTable | None = None
    pictures: tuple[Picture, ...] = ()
    consensus: ConsensusFigures | None = None


class AttackLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="attack"):
    """What an attack on a study with this run's data and model found, in words.

    `protection` is what protected the study that was attacked, which may be another one's than
    this run's; `guessing` is what would be found without looking at anything.
    """

    attack: str
    protection: str
    found: str
    guessing: str


Line = RoundLine | FinalLine | AttackLine
_DECODER = msgspec.json.Decoder(Line)


def append_line(path: Path, line: Line) -> None:
    """Write one more line."""
    with path.open("ab") as file:
        file.write(msgspec.json.encode(line) + b"\n")


def read_lines(path: Path) -> list[Line]:
    """Return the lines of a metrics file, without a torn last one; none where there is no file.

    Raises:
        RunError: a whole line cannot be read.
    """
    return parse_lines(path.read_bytes() if path.exists() else b"", path)


def parse_lines(data: bytes, path: Path | str) -> list[Line]:
    """Return the lines of a metrics file's content, without a torn last one.

    Raises:
        RunError: a whole line cannot be read; `path` is what the file is called.
    """
    lines: list[Line] = []
    for number, text in enumerate(data[: data.rfind(b"\n") + 1].splitlines(), 1):
        try:
            lines.append(_DECODER.decode(text))
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise RunError(
                "run.metrics", f"{path} line {number} cannot be read", str(error),
                "delete the file: quality is then missing from the report, the evidence is not",
            ) from error  # fmt: skip
    return lines
