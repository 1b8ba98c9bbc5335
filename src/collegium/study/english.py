"""The English of notices: the one place where it is made, of code and parameters.

As in `audit.english`, a text is a template over parameters, and `case` chooses among several of one
code. What a data set, a table or a mechanism says of itself comes in the parameter `text`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any

from collegium.study.searching import held_out_words
from collegium.visible import visible

Value = str | int | float | tuple[str, ...]
"""What a notice tells besides its code."""

TEXTS: dict[str, str] = {
    "privacy.batch-size": "training.batch_size has no effect: sampling_rate determines the "
    "units in a step",
    "privacy.budget-ends": "the budget of epsilon {budget:g} is sufficient for {affordable} of "
    "{rounds} rounds. The study then ends with its current model",
    "privacy.described-columns": "the table is prepared by what the document says of its columns, "
    "which costs no epsilon. A range or category that was taken from the rows is itself a release, "
    "which nothing here accounts for or could detect",
    "privacy.epsilon": "{text}",
    "privacy.evaluation:classes": "with differential privacy a site tells of its test part how "
    "many answers are right, not every measure",
    "privacy.evaluation:other": "with differential privacy a site tells of its test part nothing, "
    "not every measure",
    "privacy.robust-rule": "noise makes honest updates differ, increasingly with the number of "
    "parameters. {rule} can distinguish them less well from bad ones",
    "privacy.second-opinion:alone": "by privacy loss distributions ({ours}) the size and the "
    "{rounds} updates come to epsilon {tight:.3g} at delta {delta:g} for a {unit}, at the same "
    "noise and sampling; the budget goes by {accountant}, which is never less",
    "privacy.second-opinion:another": "by privacy loss distributions ({ours}) the size and the "
    "{rounds} updates come to epsilon {tight:.3g} at delta {delta:g} for a {unit}, at the same "
    "noise and sampling; the budget goes by {accountant}, which is never less. {other}, makes the "
    "updates alone {opinion:.3g}",
    "privacy.simulated": "this run protects nobody: in a simulation, keys and noise follow from"
    " the study's public seed. The epsilon holds for members with their own secrets",
    "privacy.unaffordable": "client-level privacy is costly with {sites} sites: each coordinate"
    " of the mean update gets noise of standard deviation {noise:.3g} compared with clipped "
    "updates of norm {clip:g}. DP-SGD protects patients with a fraction of that noise",
    "study.capturable-committee:enough": "{bad} dishonest sites of {sites} can be half of the "
    "{size} validators and then decide every score (probability {chance:.2g} if validators are "
    "drawn at random); with {enough} validators, {bad} dishonest sites could not",
    "study.capturable-committee:lot": "{bad} dishonest sites of {sites} can be half of the "
    "{size} validators and then decide every score (probability {chance:.2g} if validators are "
    "drawn at random); if drawn at random, {enough} would be enough (probability 1 in 1000)",
    "study.capturable-committee:none": "{bad} dishonest sites of {sites} can be half of the "
    "{size} validators and then decide every score (probability {chance:.2g} if validators are "
    "drawn at random); no committee of {sites} sites tolerates {bad}",
    "study.complete-graph": "with {drawn} sites in a round the graph is complete; protocol = "
    '"secagg" does the same',
    "study.control-variates": "where a site's update is not included, scaffold's shared control "
    "variate is off by its part until the end; attendance = 'all' rules that out",
    "study.data-caution": "{text}",
    "study.early-stopping": "{held_out} are held out; training ends when the loss on them has not "
    "fallen for {patience} rounds, and the model with the least loss is final. Local-only and "
    "pooled training do all rounds, the latter with the rows held out",
    "study.few-validators": "with {validators} equal validators, none may fail: a quorum is "
    "more than two thirds. Four validators tolerate one failure",
    "study.giveaway:one": "{names} alone tells {target} ({measure} of {least:g} or more on "
    "training rows): if that is known only after the answer, drop it",
    "study.giveaway:several": "{names} alone tell {target} ({measure} of {least:g} or more on "
    "training rows): if that is known only after the answer, drop it",
    "study.graph": "each site masks with {degree} neighbours of {others}, {threshold} of whom "
    "open a secret",
    "study.groups-need-all": "a round needs all of its {groups} groups, and a group of "
    "{smallest} sites needs all of its members: a single dropout after the draw ends the "
    "attempt",
    "study.largest-share:lowered": "no site has more than {share:g} of a round's weight: "
    "{names:list} counts with {weight}, less than its rows would give",
    "study.largest-share:unweighted": "{rule} gives every update the same say: largest_share has "
    "no effect",
    "study.largest-share:within": "no site has more than {share:g} of a round's weight; with all "
    "sites in a round, this lowers nobody's",
    "study.left-out": "columns that no model sees: {columns:list}",
    "study.made-up-sites": "the sites are made up, {how}: no institution stands behind one",
    "study.many-attackers": "{attackers} of {sites} sites attack (a third or more). If they "
    "also lied as validators, the others could not reach a quorum",
    "study.no-probabilities": "an autoencoder is trained on normal rows alone, the first of the "
    "two classes; its scores say how odd a row is and are no probabilities: z standard deviations "
    "above what normal rows have are 1 / (1 + exp(-z)), .88 for two",
    "study.no-turns": "all sites take part in every round: participation = 'cyclic' has no effect",
    "study.personal-models:personal-layers": "{method}: each site is tested with its own model, "
    "which it keeps; what is released is the shared one, whose personal layers are as they were at "
    "the start",
    "study.personal-models:shared": "{method}: each site is tested with its own model, which it "
    "keeps; what is released is the shared one",
    "study.own-architecture": "the model is the user's own code: whoever wrote it can have made it "
    "so that updates show rows, under masks too. Read the file before a policy allows it",
    "study.row-number:one": "{names} looks like a number of rows or persons, counted over all "
    "sites: drop it, unless it is a measurement",
    "study.row-number:several": "{names} look like numbers of rows or persons, counted over all "
    "sites: drop them, unless they are measurements",
    "study.sequencer-may-silence": "every way to the ledger leads over the sequencer, which can "
    "keep a member's transactions from it, and nobody can tell that from silence, unless the "
    "members share a store that is not the sequencer's (blobs.store)",
    "study.plain-updates": "updates are sent in plain form: a validator can learn about the "
    "rows behind them (see `collegium check --outbound`)",
    "study.positive:class": "the model predicts that {column} is {value}",
    "study.positive:event": "the event is that {column} is {value}",
    "study.random-rows": "rows of one person are on both sides of the cut at {repeated} of {sites} "
    'sites (split.by = "row"): what is measured is how well known persons are known, not how a '
    "model does on new ones",
    "study.search": "{trials} trials of {rounds} rounds each: up to {most} rounds, {trials} "
    "times the cost of one. {held_out} are held out for the selection. The test part is opened "
    "only for the selected model",
    "study.seldom-drawn": "scaffold with a part of the sites a round: a site that is seldom drawn "
    "brings an old control variate; the algorithm is meant for sites that come back",
    "study.shared-persons:both": "{persons} persons have rows at several sites, {both} of whom are "
    "trained on at one and tested on at another: the figures flatter a model for new persons",
    "study.shared-persons:one-part": "{persons} persons have rows at several sites: nobody is "
    "trained on at one and tested on at another",
    "study.site-tells-answer": "site and answer are confounded: knowing a row's site alone gives "
    "an AUC of {auc:.2f}, so a model may learn to tell sites",
    "study.small-sums": "sites report sums over {smallest} persons or more "
    "(data.source.smallest): values of fewer than {safe} persons can be inferred from knowledge"
    " about the others",
    "study.stand-in:one": "{names} is frequent and far from all other values: if it stands for no "
    "value, list it in data.source.missing",
    "study.stand-in:several": "{names} are frequent and far from all other values of their "
    "columns: if they stand for no value, list them in data.source.missing",
    "study.table": "{text}",
    "study.tolerates-none": "{rule} is set to tolerate no bad update: see aggregation.tolerate",
    "study.two-answers": "{column} has two values alone, as an answer of yes or no has: "
    "model.architecture = 'logistic' predicts how probable each is",
    "study.uncompared-persons": "members compare no persons: whoever has rows at two of them "
    "may be trained on at one and tested on at the other, which nobody can see there",
    "study.unheard-lies": "nobody scores updates here: {attack} has nothing to lie about, and only "
    "attacks with updates",
    "study.untolerated-attackers": "{attackers} sites attack, but the rule tolerates only "
    "{tolerate}",
    "study.unweighted-rule": '{rule} gives every update the same say: weights = "rows" has no '
    "effect",
    "study.sums-over-many-sets:drawn": "{drawn} of {sites} sites are drawn anew for each sum. "
    "Between rounds a model moves little, so a few rounds' sums are equations for each site's "
    "update, nearly as it was. Let all sites take part, or add differential privacy",
    "study.sums-over-many-sets:groups": "{sites} sites are drawn anew into {groups} groups for "
    "each round. Between rounds a model moves little, so a few rounds' sums are equations for each "
    "site's update, nearly as it was. Differential privacy bounds what that shows",
    "study.weak-graph:chance": "with {degree} neighbours of {others}, {threshold} of whom open "
    "a secret. the probability is up to 2^-{bits} in each attempt that a coalition of {corrupt}"
    " of {drawn} sites sees more than the sum. A degree of {safe_degree} and a threshold of "
    "{safe_threshold} keep that probability below 2^-{safe_bits}",
    "study.weak-graph:nothing": "with {degree} neighbours of {others}, {threshold} of whom open"
    " a secret. nothing rules out in each attempt that a coalition of {corrupt} of {drawn} "
    "sites sees more than the sum. A degree of {safe_degree} and a threshold of "
    "{safe_threshold} keep that probability below 2^-{safe_bits}",
    "study.wide-first-layer:sum": "its first layer of {units} units is wide for sums over {rows} "
    "training rows: whoever steers the model, one member's updates can, could make one sum show "
    "about {alone} of them. Fewer than {fewer} units, or differential privacy, prevent that",
    "study.wide-first-layer:update": "its first layer of {units} units is wide for a site of {rows}"
    " training rows: whoever steers the model could make one update show about {alone} of them. "
    "Fewer than {fewer} units, or differential privacy, prevent that",
}
"""Every notice's text, by its code and, where it has several, its case."""


def text_of(code: str, parameters: Mapping[str, Value]) -> str:
    """Return what a notice says; of a code that has no text here, the code and its parameters."""
    told = dict(parameters)
    part, by = told.get("part"), told.get("by")
    if isinstance(part, float) and isinstance(by, str):
        told["held_out"] = held_out_words(part, by)
    return written(TEXTS, code, parameters, told, {"list": "; ".join})


def written(
    texts: Mapping[str, str],
    code: str,
    parameters: Mapping[str, object],
    told: Mapping[str, object],
    formats: Mapping[str, Callable[[Any], str]],
) -> str:
    """Return a code's text with its values; of a code without a text, the code and its parameters.

    Args:
        texts: templates by code and, where a code has several, case.
        code: which one.
        parameters: what came with it, `case` perhaps among them.
        told: what the template may name: these, and what else is known.
        formats: how a value is written where its template asks for it by name.
    """
    case = parameters.get("case")
    template = texts.get(code if case is None else f"{code}:{case}")
    if template is None:
        return f"{code}: {', '.join(f'{name} {value}' for name, value in parameters.items())}"
    return _Words(formats).vformat(template, (), told)


class _Words(Formatter):
    """Writes a template's values: several with commas, and some as `formats` say."""

    def __init__(self, formats: Mapping[str, Callable[[Any], str]]) -> None:
        self._formats = formats

    def format_field(self, value: Any, format_spec: str) -> str:
        """Return a value as its template asks for it."""
        if format_spec in self._formats:
            return self._formats[format_spec](value)
        if isinstance(value, tuple):
            return visible(", ".join(map(str, value)))
        if isinstance(value, str):
            return visible(format(value, format_spec))
        return format(value, format_spec)
