"""Whether a study can work: values, names and combinations, before anything runs.

`check_study` needs the document alone; `check_sites` what only the data tell, the sites' names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from collegium.plugins import names
from collegium.study.client_privacy import about_clients, check_room, check_units
from collegium.study.decoding import retyped
from collegium.study.design import check_sections, designs, designs_of
from collegium.study.document import Study
from collegium.study.faults import check_faults, check_faults_of_round
from collegium.study.fold_checks import check_folds
from collegium.study.limits import check_limits
from collegium.study.local_work import check_local_work
from collegium.study.networks import about_network, check_network
from collegium.study.notice import Notice
from collegium.study.partitioning import check_partition
from collegium.study.parts import named_parts
from collegium.study.privacy import about_privacy, privacy_terms
from collegium.study.refusal import Refusal, contradiction, dotted, nearest, shown
from collegium.study.search_checks import check_search
from collegium.study.secagg_checks import check_rule_takes_sums, check_secagg
from collegium.study.simulated import (
    SIMULATED,
    check_network_sites,
    check_simulated_network,
)
from collegium.study.tables import about_tables, check_table
from collegium.study.terms import SITES_LIMIT, fewest_updates, largest_share, sites_per_round
from collegium.study.texts import check_text

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def check_study(study: Study) -> tuple[Notice, ...]:
    """Return what the owner of a study should know before it runs.

    Raises:
        Refusal: a value is out of range, a name is not known, or a combination cannot work.
    """
    retyped(study)
    check_limits(study)
    _check_identity(study)
    _check_names(study)
    check_partition(study)
    check_table(study)
    check_network(study)
    _check_combinations(study)
    check_rule_takes_sums(study)
    check_sections(study)
    for design in designs().values():
        if design.check is not None:
            design.check(study)
    _check_threat(study)
    check_folds(study, SIMULATED)
    about_work = check_local_work(study) + about_tables(study) + about_network(study)
    check_units(study)
    about_work += check_search(study, check_study)
    sites = study.data.partition.sites
    notices = () if sites is None else _counted(study, sites)
    if study.consensus.engine == "log":
        notices += (Notice("note", "study.sequencer-may-silence"),)
    terms = privacy_terms(study)
    if terms is not None:
        return notices + about_work + about_privacy(study, terms)
    if study.privacy.protection == "none" and study.privacy.secure_aggregation is None:
        notices += (Notice("note", "study.plain-updates"),)
    return notices + about_work


def check_sites(study: Study, sites: Sequence[str]) -> tuple[Notice, ...]:
    """Return what else there is to know once the data have told the sites' names.

    What `check_study` said, because the partition fixes the number of sites, is not repeated.

    Raises:
        Refusal: more sites, validators or attackers are asked for than there are, an attacker
            is none of the sites, there are more sites than a registration can name, or a round
            could never have as many updates as it needs.
    """
    if study.threat is not None and isinstance(study.threat.attackers, tuple):
        for index, name in enumerate(study.threat.attackers):
            if name not in sites:
                raise Refusal(
                    ("threat", "attackers", index), "study.unknown-site",
                    f"no site is called {shown(name)}", "an attacker takes a site's place",
                    nearest(name, sites),
                )  # fmt: skip
    check_network_sites(study, sites)
    return _counted(study, len(sites)) if study.data.partition.sites is None else ()


def _check_identity(study: Study) -> None:
    if not _ID.fullmatch(study.study.id):
        raise Refusal(
            ("study", "id"), "study.text", f"study.id is {shown(study.study.id)}",
            "it names folders: 1 to 40 of a-z, 0-9 and -, not beginning with -",
            "choose a short name such as 'heart'",
        )  # fmt: skip
    check_text(("study", "title"), study.study.title, 120)
    check_text(("study", "question"), study.study.question, 500)


def _check_names(study: Study) -> None:
    _check_order(study.aggregation.rule)
    for part in named_parts(study):
        kind, path, name = part.kind, part.path, part.name
        known = names(kind)
        if name in known:
            continue
        if kind == "datasets" and name in names("collections"):
            raise Refusal(
                path, "study.unknown-name", f"{dotted(path)} is {shown(name)}",
                "these are files to feed a gateway, and no table that a model is trained on",
                f"choose one of: {', '.join(known)}",
            )  # fmt: skip
        if kind == "stages" and name in names("secure_sums"):
            raise Refusal(
                path, "study.unknown-name", f"{dotted(path)} is {shown(name)}",
                "secure aggregation is no stage of one vector and has a key of its own",
                f"write privacy.secure_aggregation = {{ protocol = {name!r} }}",
            )  # fmt: skip
        raise Refusal(
            path,
            "study.unknown-name",
            f"{dotted(path)} is {shown(name)}, which nothing here provides",
            f"{kind.replace('_', ' ')} that are installed: {', '.join(known) or 'none'}",
            nearest(name, known),
        )


def _check_order(name: str) -> None:
    """Refuse a composed rule whose parts are known and stand where they do not belong."""
    parts = name.split("+")
    stages, known = names("pre_aggregations"), names("rules")
    before = [part for part in parts if part in stages]
    rules = [part for part in parts if part in known]
    if name in known or len(before) + len(rules) < len(parts):
        return
    if len(rules) > 1:
        raise contradiction(
            ("aggregation", "rule"), f"{shown(name)} names {len(rules)} rules",
            f"only pre-aggregations stand before a rule: {', '.join(stages)}",
            f"keep one: {' or '.join(repr('+'.join([*before, rule])) for rule in rules)}",
        )  # fmt: skip
    right = "+".join([*before, *(rules or ["trimmed_mean"])])
    if name != right:
        raise contradiction(
            ("aggregation", "rule"), f"{shown(name)} ends with {parts[-1]}, which is no rule",
            "a pre-aggregation stands before a rule", f"write {right!r}",
        )  # fmt: skip


def _check_combinations(study: Study) -> None:
    if study.aggregation.rule.split("+")[-1] == "fedavg" and study.aggregation.tolerate > 0:
        raise contradiction(
            ("aggregation", "tolerate"), "fedavg cannot tolerate any bad update",
            "a mean follows each of its parts, however far one lies",
            'set tolerate = 0, or choose a robust rule such as "nnm+trimmed_mean"',
        )  # fmt: skip
    check_faults(study)
    check_simulated_network(study)


def _check_threat(study: Study) -> None:
    threat = study.threat
    if threat is None:
        return
    if study.consensus.engine not in SIMULATED:
        raise contradiction(
            ("threat",), f"a threat cannot run on the engine {study.consensus.engine!r}",
            "adversaries act in simulations only, never in a consortium's own network",
            'set consensus.engine = "solo", or remove [threat]',
        )  # fmt: skip
    for key, values in (("attackers", threat.attackers), ("rounds", threat.rounds)):
        if isinstance(values, tuple) and len(set(values)) < len(values):
            raise contradiction(
                ("threat", key), f"threat.{key} names one twice", "each acts once",
                "remove the repetition",
            )  # fmt: skip
    if threat.attackers == ():
        raise contradiction(
            ("threat", "attackers"), "threat.attackers is empty", "an attack needs somebody",
            "name a site, or remove [threat]",
        )  # fmt: skip
    if threat.rounds and max(threat.rounds) > study.training.rounds:
        raise contradiction(
            ("threat", "rounds"), f"threat.rounds names round {max(threat.rounds)}",
            f"the study has {study.training.rounds} rounds", "name rounds that take place",
        )  # fmt: skip


def _counted(study: Study, sites: int) -> tuple[Notice, ...]:
    if sites > SITES_LIMIT:
        raise contradiction(
            ("data", "partition"), f"there are {sites} sites",
            f"a registration names every site, and has room for {SITES_LIMIT}",
            f"choose a partition with at most {SITES_LIMIT} sites",
        )  # fmt: skip
    attackers = 0
    if study.threat is not None:
        named = study.threat.attackers
        attackers = named if isinstance(named, int) else len(named)
    tolerate = study.aggregation.tolerate
    for path, count, words in (
        (("study", "min_sites"), study.study.min_sites or 0, "sites are required"),
        (("consensus", "validators"), study.consensus.validators or 0, "validators are asked for"),
        (("threat", "attackers"), attackers, "attackers are asked for"),
    ):
        if count > sites:
            raise contradiction(
                path, f"{count} {words}, and there are {sites} sites",
                "validators and attackers are sites", f"choose at most {sites}",
            )  # fmt: skip
    check_secagg(study, sites)
    for design in designs().values():
        if design.check_sites is not None:
            design.check_sites(study, sites)
    _check_round(study, sites)
    if tolerate * 2 >= sites and tolerate > 0 and study.aggregation.scores is None:
        raise contradiction(
            ("aggregation", "tolerate"), f"{tolerate} bad updates of {sites} are to be tolerated",
            "no rule can tell which half is good", f"choose at most {(sites - 1) // 2}",
        )  # fmt: skip
    check_room(study, sites)
    notices: list[Notice] = [
        *about_clients(study, sites),
        *(
            notice
            for design in designs_of(study).values()
            if design.notices is not None
            for notice in design.notices(study, sites)
        ),
    ]  # fmt: skip
    validators = study.consensus.validators or sites
    if validators < 4:
        notices.append(Notice("warning", "study.few-validators", {"validators": validators}))
    if attackers * 3 >= sites and attackers > 0:
        many = {"attackers": attackers, "sites": sites}
        notices.append(Notice("warning", "study.many-attackers", many))
    if attackers > tolerate:
        borne = {"attackers": attackers, "tolerate": tolerate}
        notices.append(Notice("note", "study.untolerated-attackers", borne))
    return tuple(notices)


def _check_round(study: Study, sites: int) -> None:
    """Refuse a round that could never have as many updates as it needs."""
    drawn, needed = sites_per_round(study, sites), fewest_updates(study, sites)
    if needed > drawn:
        raise contradiction(
            ("study", "min_sites"), f"{needed} sites are required of a round of {drawn}",
            f"training.client_fraction draws {drawn} of {sites} sites", f"choose at most {drawn}",
        )  # fmt: skip
    share = largest_share(study)
    if share is not None and drawn > 2 and share * drawn < 1000:
        raise contradiction(
            ("aggregation", "largest_share"), f"no site is to have more than {share / 1000:g}",
            f"of {drawn} sites in a round some have at least {1 / drawn:.3g} of the weight",
            "choose a larger share, or let more sites take part",
        )  # fmt: skip
    check_faults_of_round(study, drawn, needed)
