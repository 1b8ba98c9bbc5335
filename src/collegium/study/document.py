"""The study document as typed, frozen values; architecture section 5 of the design.

A document says everything that a run depends on. Decoding and line numbers are
`study.reading`, combinations that cannot work are `study.checking`, and what is hashed and
registered is `study.canonical`.
"""

from __future__ import annotations

from typing import Literal

from collegium.accounting.units import UNITS, Unit, UnitName
from collegium.study.scores import Scores as Scores
from collegium.study.search_section import Search as Search
from collegium.study.section import Section as Section
from collegium.study.training import Personalization as Personalization
from collegium.study.training import Training as Training

Architecture = Literal[
    "logistic", "multinomial", "ordinal", "linear", "poisson", "cox", "mlp", "cnn", "own",
    "autoencoder", "unet",
]  # fmt: skip


class Identity(Section, frozen=True, kw_only=True):
    """``[study]``: the question, the seed of everything public, and when a study gives up.

    `attendance` says whether a phase may time out ("quorum") or waits for everybody ("all").
    `min_sites` absent means: all sites drawn in a round for "all", else two thirds of them,
    rounded up.
    """

    id: str
    title: str
    question: str
    seed: int = 0
    min_sites: int | None = None
    max_attempts: int = 3
    attendance: Literal["quorum", "all"] = "quorum"


class Partition(Section, frozen=True, kw_only=True):
    """How rows fall to sites: the natural one, cut inside sites, or made up for research."""

    by: Literal["site", "split", "iid", "size", "dirichlet"] = "site"
    sites: int | None = None
    alpha: float | None = None


class Split(Section, frozen=True, kw_only=True):
    """The part of every site's rows that is opened once, after the last round.

    By "person", which is what is done where nothing is said, nobody is in both parts; by "time",
    each person's latest rows are tested on, of a table each site's; by "row", rows are drawn
    without regard to persons.
    """

    test: float = 0.34
    by: Literal["person", "time", "row", "published"] | None = None


Task = Literal["binary", "multiclass", "ordinal", "regression", "count", "survival"]


class TableSource(Section, frozen=True, kw_only=True):
    """``data.source = { table = "cohort.csv", … }``: a table of the user's own.

    `table` is a CSV or Parquet file, its path taken from the study's file; members of a
    consortium name theirs in node.toml. `target` is the column to be predicted, `site` the one
    that tells the institution, `person` the one that is equal in all rows of one person, `time` a
    date or a number whose latest rows are tested on (``split.by = "time"``); `drop` are columns
    that are not looked at. `task` follows from the architecture where that can only do one thing.
    `event` is, for survival, the column that tells what ended the time in `target`, `exposure`, for
    counts, that of what they were counted over, such as years.
    `classes` are the target's (or the event's) values, the positive one last; absent: those
    that occur, sorted. `groups` are values that count as one class, by its name:
    ``{ ill = ["1", "2"] }``. `categorical` and `numeric` say how columns are read
    whose cells would say otherwise. `missing` are numbers that stand for no value in any column,
    such as -9999. `most_categories` are kept of a column that has more, instead of leaving out a
    column of very many: those that most sites have among their own most frequent. `unknown` is
    what becomes of a category that was not agreed.
    `smallest` are the persons of a site that stand behind everything that it says of its table.
    """

    table: str
    target: str
    task: Task | None = None
    event: str | None = None
    exposure: str | None = None
    classes: tuple[str, ...] = ()
    groups: dict[str, tuple[str, ...]] | None = None
    site: str | None = None
    person: str | None = None
    time: str | None = None
    drop: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()
    missing: tuple[float, ...] | None = None
    most_categories: int | None = None
    unknown: Literal["other", "refuse"] = "other"
    smallest: int = 10

    def __hash__(self) -> int:
        """Return a hash without the groups, which are a dictionary."""
        return hash((self.table, self.target, self.site, self.person, self.drop))


class ColumnBounds(Section, frozen=True, kw_only=True):
    """``[data.columns.NAME]``: what is known of a table's column before anybody looks at a row.

    A number has a `range`, a date `dates` (the first and the last, ISO 8601), anything else
    `categories`. A number counts as the nearer end of its range beyond it, and as `typical` where
    it is missing, the middle of the range if absent; it enters as (value - typical) / `spread`, a
    quarter of the range's width if absent. With `missing`, its absence is one more input.
    """

    range: tuple[float, ...] | None = None
    dates: tuple[str, ...] | None = None
    categories: tuple[str, ...] | None = None
    typical: float | None = None
    spread: float | None = None
    unit: str | None = None
    missing: bool = False


class Data(Section, frozen=True, kw_only=True):
    """``[data]``: a registered data set by name or a table, its partition and its test part.

    With `columns`, a table is prepared by what the document says of them alone, and sites exchange
    no statistics; columns that are not named are not looked at.
    """

    source: str | TableSource
    columns: dict[str, ColumnBounds] | None = None
    partition: Partition = Partition()
    split: Split = Split()

    def __hash__(self) -> int:
        """Return a hash without the columns, which are a dictionary."""
        return hash((self.source, self.partition, self.split))


class FirstModel(Section, frozen=True, kw_only=True):
    """``model.first``: the parameters that round one starts from, where the seed does not say them.

    `weights` is a released model.safetensors, its path taken from the study's file; only the owner
    reads it. `digest` is its SHA-256, hex, by which everybody else knows it. `origin` says in words
    how it was made.
    """

    weights: str
    digest: str
    origin: str


class Model(Section, frozen=True, kw_only=True):
    """``[model]``: an architecture by name. `l2` is a ridge penalty on weights, not on biases.

    A cnn has the `shape` of a row (channels, then one or two lengths), the `channels` of its
    stages and its `kernel`, 5 if absent; `hidden` layers follow. A unet's `channels` are those of
    its levels, its `kernel` is 3 if absent. An
    autoencoder's `hidden` layers get narrower and wider again. An own model is `code`, a module or
    ``module:Class``, whose file has the SHA-256 `code_digest`. Without `first` the seed says where
    the model begins.
    """

    architecture: Architecture
    hidden: tuple[int, ...] = ()
    l2: float = 0.0
    shape: tuple[int, ...] | None = None
    channels: tuple[int, ...] | None = None
    kernel: int | None = None
    code: str | None = None
    code_digest: str | None = None
    first: FirstModel | None = None


class Server(Section, frozen=True, kw_only=True):
    """The server optimizer (Reddi et al. 2021) and its parameters; "none" adds the mean."""

    optimizer: str = "none"
    learning_rate: float = 1.0
    beta1: float = 0.9
    beta2: float = 0.99
    tau: float = 1e-3


class Compression(Section, frozen=True, kw_only=True):
    """Updates are cut to a share of `keep` of their coordinates, the same ones at every site.

    They are drawn anew in every round. With `feedback`, a site adds what it has not sent to its
    next step; without, the mean is scaled so that it is right on average.
    """

    method: Literal["random_k"] = "random_k"
    keep: float
    feedback: bool = False


class Aggregation(Section, frozen=True, kw_only=True):
    """``[aggregation]``: a rule by name, the number of bad updates it must bear, the server step.

    `weights`: "rows" is training rows rounded down to two significant binary digits, "equal"
    is 1. `exponent` is the first round's power of two in the fixed-point encoding. `scores`, which
    some rules need, are what validators say of each update. `largest_share` is how much of a
    round's weight one site has at most; absent means half. From three participants on.
    """

    rule: str = "fedavg"
    tolerate: int = 0
    weights: Literal["rows", "equal"] = "rows"
    largest_share: float | None = None
    exponent: int = 12
    scores: Scores | None = None
    compression: Compression | None = None
    server: Server = Server()


class DifferentialPrivacy(Section, frozen=True, kw_only=True):
    """Differential privacy: whose data are protected, up to which epsilon, and how.

    `unit` is what one may add or remove: all of a patient's rows at a site, one row, or all that a
    site (a client) has. `mechanism`: "dp_sgd" at the site protects patients and rows; of a client
    the update is clipped and gets noise, by itself ("local") or so that the sum of a round has
    enough ("central", which trusts whoever sees an update). `clip` bounds what a unit adds to a
    step, or an update, in the Euclidean norm; `sampling_rate` is the chance of a unit to be in a
    step of DP-SGD, 0.1 if absent. `colluders` are how many sites' noise does not count because
    they might tell it. `noise_multiplier` absent means: the least that keeps all rounds within
    `epsilon`. With less, the study ends when its budget is spent. With `clipping` "adaptive" `clip`
    is where a client's begins, and goes to the middle of the updates' lengths.
    """

    unit: UnitName
    epsilon: float
    delta: float
    mechanism: Literal["dp_sgd", "local", "central"] = "dp_sgd"
    clip: float = 1.0
    clipping: Literal["fixed", "adaptive"] = "fixed"
    sampling_rate: float | None = None
    noise_multiplier: float | None = None
    colluders: int = 0

    @property
    def protects(self) -> Unit:
        """What `unit` names."""
        return UNITS[self.unit]


class SecureAggregation(Section, frozen=True, kw_only=True):
    """Updates are masked, so that nobody sees more than their sum.

    `threshold` is how many members open what a missing one leaves in the sum, and how many
    together could open an update. Absent, it is the least that `trust` allows: more than half of a
    round's sites against members who are only curious, more than two thirds against members who
    may lie. Of "secagg_plus" a member's holders are its neighbours alone: `degree` many, drawn
    anew in every attempt. Absent or "auto", the degree is the lowest that is safe where a share
    of `corrupt` members act together and a share of `missing` ones drop out, 0.1 each if absent.

    With `groups`, sites are put by lot into so many in each round, a sum is opened of each, and a
    rule that bears bad updates reduces the groups' means; `fewest_groups` is how many a round
    needs, 2f + 1 if absent. `threshold` is then of a group. `norm_bound` is the longest step that a
    site sends, in the Euclidean norm: a group whose sum is longer than such steps can add up to is
    refused. `sum_check`: sites commit to what they mask, and a sum that is not of that is refused.
    """

    protocol: str = "secagg"
    trust: Literal["malicious", "honest_but_curious"] = "malicious"
    threshold: int | None = None
    degree: int | Literal["auto"] | None = None
    corrupt: float | None = None
    missing: float | None = None
    groups: int | None = None
    fewest_groups: int | None = None
    norm_bound: float | None = None
    sum_check: Literal["pedersen"] | None = None


class Privacy(Section, frozen=True, kw_only=True):
    """``[privacy]``: what protects an update on its way, and what bounds what it can tell.

    `protection` is a stage of another package, which changes an update before it leaves; with
    secure aggregation nobody sees more than sums; differential privacy bounds what anything that
    leaves can tell.
    """

    protection: str = "none"
    secure_aggregation: SecureAggregation | None = None
    differential_privacy: DifferentialPrivacy | None = None


class Consensus(Section, frozen=True, kw_only=True):
    """``[consensus]``: what puts transactions in order.

    The rest is of "simnet" alone. `protocol` is a consensus protocol, `block_interval` the seconds
    between blocks, `block_bytes` what a block's transactions may have together, `confirmations`
    how many blocks must follow one that luck could take back, `delegations` whose validator's stake
    counts at whose, where the protocol has stakes that are delegated. With `payload_on_chain`, what
    transactions name by digest travels in blocks, and is counted there.
    """

    engine: str = "solo"
    validators: int | None = None
    protocol: str | None = None
    block_interval: float | None = None
    block_bytes: int | None = None
    confirmations: int | None = None
    delegations: dict[str, str] | None = None
    payload_on_chain: bool | None = None


class NetworkPartition(Section, frozen=True, kw_only=True):
    """``[[network.partitions]]``: from `start` to `end`, `sites` hear nobody but each other."""

    start: float
    end: float
    sites: tuple[str, ...]


class NetworkCrash(Section, frozen=True, kw_only=True):
    """``[[network.crashes]]``: the validator of `site` is down until `end`, or for good."""

    site: str
    start: float
    end: float | None = None


class Network(Section, frozen=True, kw_only=True):
    """``[network]``: the simulated network between validators, of "simnet" alone.

    `preset` names links; `latency` in milliseconds one way and `bandwidth` in megabits a second
    take their place. `loss` and `duplicate` are shares of messages, `reorder` milliseconds by which
    they overtake each other, `skew` the share by which a timer is too fast or slow, at most.
    """

    preset: str | None = None
    latency: float | None = None
    bandwidth: float | None = None
    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    skew: float = 0.0
    partitions: tuple[NetworkPartition, ...] = ()
    crashes: tuple[NetworkCrash, ...] = ()


class OtherDevice(Section, frozen=True, kw_only=True):
    """``[[devices.others]]``: sites whose machines are another `machine` than the rest."""

    machine: str
    sites: tuple[str, ...]


class Devices(Section, frozen=True, kw_only=True):
    """``[devices]``: what members' machines and links are taken to be, of "simnet" alone.

    They decide virtual seconds and joules, and nothing else. `machine` is a class of machines
    (absent: a hospital's server), `link` what takes joules for bytes (absent: the network's),
    `grid` grams of CO2 equivalents a kWh.
    """

    machine: str | None = None
    link: str | None = None
    grid: float | None = None
    others: tuple[OtherDevice, ...] = ()


class Threat(Section, frozen=True, kw_only=True):
    """``[threat]``: adversaries that `run` puts in honest participants' places.

    `attackers` is a count (the last participants in order) or a list of their names;
    `rounds` are those in which they act, all if empty. `scale` is how hard an attack hits, in its
    own measure; absent, it takes its own default.
    """

    attack: str
    attackers: int | tuple[str, ...] = 1
    rounds: tuple[int, ...] = ()
    scale: float | None = None


class Faults(Section, frozen=True, kw_only=True):
    """``[faults]``: floor(dropout x participants) stay silent in an attempt, drawn by the seed.

    In a share `traps` of all rounds one site reveals what is no update, to see who vouches for it.
    """

    dropout: float = 0.0
    traps: float | None = None


class Evaluation(Section, frozen=True, kw_only=True):
    """``[evaluation]``: the decision threshold registered before the test part opens.

    With two `folds` or more, the study is trained once more for each fold of persons, who are then
    tested on (out of fold). `fold` is such a training: its test part is that fold, and not
    `data.split`. `subgroups` are looked at by themselves: ``"sex"``, ``"sex=f"``, ``"age>=60"``;
    sex and age where there is no key.
    """

    threshold: float = 0.5
    bootstrap: int = 1000
    folds: int | None = None
    fold: int | None = None
    subgroups: tuple[str, ...] | None = None


class Study(Section, frozen=True, kw_only=True):
    """A whole study document.

    `mechanisms` are tables of mechanisms that other packages bring, by name:
    ``[mechanisms.vouching]``. A number with a fraction is written as text there.
    """

    study: Identity
    data: Data
    model: Model
    training: Training
    personalization: Personalization | None = None
    aggregation: Aggregation = Aggregation()
    privacy: Privacy = Privacy()
    consensus: Consensus = Consensus()
    network: Network | None = None
    devices: Devices | None = None
    threat: Threat | None = None
    faults: Faults = Faults()
    evaluation: Evaluation = Evaluation()
    search: Search | None = None
    mechanisms: dict[str, dict[str, bool | int | str]] | None = None

    def __hash__(self) -> int:
        """Return a hash without the tables of mechanisms, which are dictionaries."""
        return hash((self.study, self.data, self.model, self.training, self.aggregation))
