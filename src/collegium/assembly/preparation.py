"""From a study document to everything it names: rows by site, model, trainer, rule, stages."""

from __future__ import annotations

from dataclasses import dataclass, replace

from collegium.assembly.cutting import about_data, about_persons, cut_of, learned_from
from collegium.assembly.largest_share import about_share
from collegium.assembly.parts import Parts, find_parts, load_dataset, parts_of_table, with_first
from collegium.assembly.privacy import about_evaluation, check_privacy
from collegium.assembly.rules import about_rule, check_rows, check_rule
from collegium.assembly.site_alone import about_site_alone
from collegium.assembly.stand_ins import about_stand_ins
from collegium.assembly.tables import CutTable, about_table, cut_table
from collegium.assembly.target_leakage import about_target_leakage
from collegium.data.checking import check_dataset
from collegium.data.partition import partition
from collegium.data.subgroups import subgroups
from collegium.data.table import DataSet, SiteRows
from collegium.errors import DataError, PluginError
from collegium.ledger.genesis import MEMBER_ID
from collegium.plugins import find
from collegium.study.checking import check_sites
from collegium.study.document import Study, TableSource, Threat
from collegium.study.first_layer import about_first_layer
from collegium.study.notice import Notice
from collegium.study.reading import ReadStudy
from collegium.study.refusal import Refusal, shown
from collegium.study.simulated import DEFAULT_PROTOCOL
from collegium.study.terms import fewest_sites, sites_per_round
from collegium.threats.attack import Attack, lie_of
from collegium.threats.orderers import OrdererAttack
from collegium.threats.poisoning import Poisoning
from collegium.threats.threat_model import ThreatModel
from collegium.threats.victim import Victim


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A study with everybody's rows and everything that it names, checked against each other.

    `train` and `test` hold the parts of each site's rows, sites in order of their names; `table`
    is the user's table that they come from, if they do.
    """

    read: ReadStudy
    parts: Parts
    train: dict[str, SiteRows]
    test: dict[str, SiteRows]
    attack: Attack | None
    notices: tuple[Notice, ...]
    table: CutTable | None = None

    @property
    def study(self) -> Study:
        """The study document."""
        return self.read.study

    @property
    def dataset(self) -> DataSet:
        """What the study's data are, with the rows of all natural sites."""
        return self.parts.dataset

    @property
    def victim(self) -> Victim:
        """The study as an attack on privacy looks at it."""
        return Victim(self.study, self.dataset.schema, self.parts.spec, self.train)

    @property
    def sites(self) -> list[str]:
        """The sites' names in order."""
        return list(self.train)

    @property
    def validators(self) -> list[str]:
        """The sites that validate: the first ones, all unless the study says how many."""
        return self.sites[: self.study.consensus.validators or len(self.sites)]

    @property
    def attackers(self) -> list[str]:
        """Whose place an adversary takes: those named, or as many as asked for from the end."""
        threat = self.study.threat
        if threat is None or self.attack is None:
            return []
        if isinstance(threat.attackers, tuple):
            return list(threat.attackers)
        candidates = self.sites if self.attack.role == "site" else self.validators
        return candidates[len(candidates) - threat.attackers :]

    @property
    def per_round(self) -> int:
        """How many sites take part in a round."""
        return sites_per_round(self.study, len(self.sites))

    @property
    def min_sites(self) -> int:
        """How many updates a round needs."""
        return fewest_sites(self.study, len(self.sites))


def printed_name(name: str) -> str:
    """Return a site's name as a member's is printed: ``long_beach`` becomes Long Beach."""
    return name.replace("_", " ").strip().title().strip("-")


def prepare(read: ReadStudy) -> Prepared:
    """Load the data, cut it into sites and parts, and find every part that the study names.

    Raises:
        CollegiumError: data, partition, model or a named part does not fit the study.
    """
    study = read.study
    if isinstance(study.data.source, TableSource):
        return _prepare_table(read, study.data.source)
    dataset = load_dataset(study.data.source)
    check_dataset(dataset)
    seed = study.study.seed
    with read.located():
        sites = sorted(partition(dataset, study.data.partition, seed), key=lambda rows: rows.name)
        for rows in sites:
            if not MEMBER_ID.fullmatch(rows.name):
                raise DataError(
                    "data.site-name",
                    f"{rows.name[:60]!r} cannot be a member's id",
                    "an id is 1 to 40 of a-z, 0-9, - and _, starting with a letter or digit",
                    "rename the site where the data set is loaded",
                )
        parted = cut_of(study, sites)
        notices = read.notices + check_sites(study, [rows.name for rows in sites])
        parts = with_first(find_parts(study, dataset), read.folder)
        prepared = Prepared(
            read=read,
            parts=parts,
            train={name: learned_from(study, train) for name, (train, _) in parted.items()},
            test={name: test for name, (_, test) in parted.items()},
            attack=_attack(study),
            notices=notices
            + about_rule(parts.rule, study)
            + about_share(parts.rule, study, {one: len(own.y) for one, (own, _) in parted.items()})
            + _about_lies(study)
            + about_evaluation(study, dataset.schema.task)
            + about_data(study, dataset, sites)
            + about_persons(study, parted)
            + about_site_alone(dataset.schema, {name: own for name, (own, _) in parted.items()})
            + about_first_layer(study, [len(own.y) for own, _ in parted.values()]),
        )
        _check(prepared)
    return prepared


def _attack(study: Study) -> Attack | None:
    """Return a study's attack; it must say what it is granted, for that is printed with results."""
    if study.threat is None:
        return None
    attack: Attack = find("attacks", study.threat.attack)
    if not isinstance(getattr(attack, "grant", None), ThreatModel):
        raise PluginError(
            "plugin.failed", f"the attack {study.threat.attack} cannot be used",
            "it does not say what it is granted: it has no Grant",
            "repair or reinstall its package",
        )  # fmt: skip
    return attack


def _prepare_table(read: ReadStudy, source: TableSource) -> Prepared:
    """Do the same with a user's table, whose sites agree on how it is prepared."""
    study = read.study
    with read.located():
        table = cut_table(source, study, read.folder)
        parts = with_first(parts_of_table(study, table.agreement), read.folder)
        train, test = table.encoded()
        check_dataset(replace(parts.dataset, sites=tuple(train.values())))
        notes = tuple(Notice("note", "study.table", {"text": text}) for text in table.notes)
        notices = read.notices + check_sites(study, list(train)) + notes
        prepared = Prepared(
            read=read,
            parts=parts,
            train={name: learned_from(study, own) for name, own in train.items()},
            test=test,
            attack=_attack(study),
            notices=notices + about_rule(parts.rule, study) + _about_lies(study)
            + about_share(parts.rule, study, {one: len(own.y) for one, own in train.items()})
            + about_evaluation(study, parts.dataset.schema.task)
            + about_data(study, parts.dataset, list(train.values())) + about_table(table)
            + about_persons(study, {one: (own, test[one]) for one, own in train.items()})
            + about_site_alone(parts.dataset.schema, train)
            + about_first_layer(study, [len(own.y) for own in train.values()])
            + about_target_leakage(table.agreement, train) + about_stand_ins(table),
            table=table,
        )  # fmt: skip
        _check(prepared)
    return prepared


def _check(prepared: Prepared) -> None:
    """Refuse what only the sites' names and the parts together can show to be impossible."""
    pairs = zip(prepared.train.values(), prepared.test.values(), strict=True)
    check_privacy(prepared.study, prepared.parts.spec, prepared.parts.trainer, pairs)
    asked = prepared.study.evaluation.subgroups or ()
    subgroups(prepared.dataset.schema, asked, prepared.parts.agreement)
    _check_attackers(prepared)
    _check_masks(prepared)
    _check_liars(prepared)
    _check_scale(prepared)
    _check_pattern(prepared)
    check_rule(prepared.parts.rule, prepared.study, prepared.min_sites, prepared.per_round)
    check_rows(prepared.study, prepared.train, prepared.validators)


def _check_scale(prepared: Prepared) -> None:
    """Refuse a scale of an attack that has none."""
    threat, attack = prepared.study.threat, prepared.attack
    if threat is None or threat.scale is None:
        return
    if not isinstance(attack, Poisoning) or attack.scale is None:
        raise Refusal(
            ("threat", "scale"), "study.combination", f"{threat.attack} takes no scale",
            "it is not told how hard to hit: it has one strength, or searches for the worst",
            "remove scale, or choose an attack with one, such as 'sign_flip'",
        )  # fmt: skip


def _check_pattern(prepared: Prepared) -> None:
    """Refuse a pattern that is to have one answer where a row has several."""
    attack, task = prepared.attack, prepared.dataset.schema.task
    if not isinstance(attack, Poisoning) or attack.pattern is None:
        return
    if task in ("survival", "segmentation"):
        raise Refusal(
            ("threat", "attack"), "study.combination",
            f"{attack.name} plants a pattern with a class or a number as its answer",
            f"that of a {task} is neither", "choose another attack, such as 'sign_flip'",
        )  # fmt: skip


def _check_masks(prepared: Prepared) -> None:
    """Refuse an attack on masks where there are none, or on updates that nobody sees."""
    attack, masks = prepared.attack, prepared.parts.secure_sum
    if attack is None:
        return
    if "shares" in attack.grant.capability and masks is None:
        raise Refusal(
            ("threat", "attack"), "study.combination", f"{attack.name} attacks secure aggregation",
            "updates are plain, and nobody deals shares",
            'set privacy.secure_aggregation = { protocol = "secagg" }, or choose another attack',
        )  # fmt: skip
    secure = prepared.study.privacy.secure_aggregation
    if "commitments" in attack.grant.capability and (secure is None or secure.sum_check is None):
        raise Refusal(
            ("threat", "attack"), "study.combination",
            f"{attack.name} commits to another vector than it masks",
            "the study asks nobody to commit to one",
            'set privacy.secure_aggregation.sum_check = "pedersen", or choose another attack',
        )  # fmt: skip
    if "others" in attack.grant.knowledge and prepared.study.aggregation.compression is not None:
        raise Refusal(
            ("threat", "attack"), "study.combination",
            f"{attack.name} looks at updates that others revealed",
            "random_k cuts them, and the next round sends other coordinates",
            "choose an attack that knows less, or remove aggregation.compression",
        )  # fmt: skip
    if "others" in attack.grant.knowledge and masks is not None:
        raise Refusal(
            ("threat", "attack"), "study.combination",
            f"{attack.name} looks at updates that others revealed",
            "under secure aggregation nobody reveals one",
            "choose an attack that knows less, or remove privacy.secure_aggregation",
        )  # fmt: skip


def _check_liars(prepared: Prepared) -> None:
    """Refuse lies in scores where nobody scores."""
    attack, scores = prepared.attack, prepared.study.aggregation.scores
    if attack is None:
        return
    if attack.role == "validator" and lie_of(attack) is not None and scores is None:
        raise Refusal(
            ("threat", "attack"), "study.combination", f"{attack.name} lies in scores",
            "in this study nobody scores updates",
            'set aggregation.rule = "zeno" and aggregation.scores = {}, or choose another attack',
        )  # fmt: skip


def _about_lies(study: Study) -> tuple[Notice, ...]:
    """Return what to know of attackers with updates whose lies in scores nobody hears."""
    attack = _attack(study)
    if study.aggregation.scores is not None or attack is None or lie_of(attack) is None:
        return ()
    return (Notice("note", "study.unheard-lies", {"attack": attack.name}),)


def _check_orderers(study: Study, attack: Attack, threat: Threat) -> None:
    """Refuse lies about the order where no protocol is simulated, or one they do not go with."""
    path, name = ("threat", "attack"), threat.attack
    if study.consensus.engine != "simnet":
        raise Refusal(
            path, "study.combination", f"{name} lies in a consensus protocol",
            f"the engine {study.consensus.engine!r} has none",
            'set consensus.engine = "simnet", or choose another attack',
        )  # fmt: skip
    protocol = study.consensus.protocol or DEFAULT_PROTOCOL
    only = attack.only if isinstance(attack, OrdererAttack) else None
    if only is not None and only.protocol != protocol:
        raise Refusal(
            path, "study.combination", f"{name} does not go with {protocol}", only.why,
            f'set consensus.protocol = "{only.protocol}", or choose another attack',
        )  # fmt: skip
    if find("protocols", protocol).faults != "byzantine":
        raise Refusal(
            path, "study.combination", f"{name} does not go with {protocol}",
            f"{protocol} bears validators that stop, and not a single one that lies",
            'set consensus.protocol = "pbft", or choose another attack',
        )  # fmt: skip
    if threat.rounds:
        raise Refusal(
            ("threat", "rounds"), "study.combination", f"{name} acts in all rounds",
            "a validator orders blocks and knows no rounds", "remove threat.rounds",
        )  # fmt: skip


def _check_attackers(prepared: Prepared) -> None:
    """Refuse attackers that have no place to take: only a validator can lie as one."""
    threat, validators = prepared.study.threat, prepared.validators
    if threat is None or prepared.attack is None or prepared.attack.role == "site":
        return
    if prepared.attack.role == "orderer":
        _check_orderers(prepared.study, prepared.attack, threat)
    what = None
    if isinstance(threat.attackers, int) and threat.attackers > len(validators):
        what = f"{threat.attackers} validators are to attack, and there are {len(validators)}"
    elif isinstance(threat.attackers, tuple):
        idle = [name for name in threat.attackers if name not in validators]
        what = f"{shown(idle[0])} is to attack as a validator, and is none" if idle else None
    if what is not None:
        raise Refusal(
            ("threat", "attackers"), "study.combination", what,
            f"{threat.attack} takes a validator's place", f"choose among {', '.join(validators)}",
        )  # fmt: skip
