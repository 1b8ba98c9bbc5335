"""The English of findings: the one place where it is made, of code, subject and parameters.

A text is a template over the fields of a finding's subject and its parameters. Where a code says
several things, the parameter `case` chooses the text. What stands after a colon in a template says
how a value is written: a number's format, or one of `_WRITTEN`. For another language, translate
`TEXTS` and the functions beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec

from collegium.audit.subjects import (
    AboutAttempt,
    AboutAttempts,
    AboutEntry,
    AboutFile,
    AboutLedger,
    AboutMember,
    AboutReceipt,
    AboutRound,
    AboutStep,
    AboutStudy,
    At,
    RefusedSum,
    Subject,
    Value,
)
from collegium.ledger.contract.series import called, is_sum
from collegium.plugins import aspects
from collegium.secrecy.secure_sum import OF_THE_SUM
from collegium.study.english import written

_UNHEARD = ": nothing was said, or whoever orders kept it back, and nobody can tell which"
_SKIPPED = "of which the ledger has had nothing since the phase"

VERDICTS: Mapping[str, str] = {
    "not_verified": "NOT VERIFIED", "consistent": "CONSISTENT ONLY", "anchored": "ANCHORED",
}  # fmt: skip
"""A verification in a word, as `verify` begins."""

CHECKS: Mapping[str, str] = {
    "signatures": "signatures, each by the key that its sender had then",
    "entries": "entries, each executed again by the contract's rules",
    "blocks": "blocks, each application hash computed again",
    "rounds": "rounds; the levels below say what is proven of each",
    "votes": "votes on a round's result, compared with it",
    "blobs": "files, each hashed and compared with its name",
    "commits": "votes of validators on the block that follows the ledger, each signature",
    "statements": "statements of sites on the model's quality, for their form and counts",
}
"""What was checked, by kind, as it stands after the number."""


def checks_of(checked: Mapping[str, int]) -> list[str]:
    """Return what a verification checked, a line for each kind of which there was any."""
    known = {**CHECKS}
    for one in aspects("checking").values():
        known |= one.CHECKING.counted
    return [f"{count} {known.get(kind, kind)}" for kind, count in checked.items() if count]


TEXTS: dict[str, str] = {
    "anchor.checkpoint:ends": "a checkpoint that was kept over {size} entries does not fit: the "
    "history ends after {entries} entries; they part after entry {agreed}, that is from round "
    "{round} on",
    "anchor.checkpoint:other": "a checkpoint that was kept over {size} entries does not fit: the "
    "history is another one there; they part after entry {agreed}, that is from round {round} on",
    "anchor.genesis": "the genesis is {genesis}, not the one that you trust",
    "anchor.keys": "the policy names other keys than the genesis",
    "attempt.failed": "an attempt failed ({reason}); the model stayed as it was",
    "attempt.open:members": "the attempt is open and waits for {members}",
    "attempt.open:timers": "the attempt is open and waits for timers",
    "blob.altered": "its bytes are not those that its name stands for",
    "blob.folder": "there is no folder of blobs that can be read: {why}",
    "blob.hidden": "a hidden file, perhaps of an interrupted run; the ledger names no such blob",
    "blob.missing:agreement": "an agreement of set-up is missing",
    "blob.missing:agreement-before": "the agreement of set-up that it goes on from is missing",
    "blob.missing:document": "the study document is missing",
    "blob.missing:first-model": "the first model is missing",
    "blob.missing:model": "the model it led to is missing",
    "blob.missing:model-before": "the model it started from is missing",
    "blob.missing:statement": "the statement about the {model} model is missing",
    "blob.missing:statistics": "what {members} said of its table is missing",
    "blob.missing:sum": "what is told of the sum is missing",
    "blob.no-file": "it is no file, so no blob",
    "blob.retired": "{count} update(s) that were retired are still here",
    "blob.stray": "the ledger names {count} of the blobs nowhere",
    "blob.unreadable": "it cannot be read: {why}",
    "blob.withheld": "{count} update(s) are not here; the validators' votes stand",
    "block.app-hash": "its application hash is not that of its state root and of the log so far",
    "block.chain": "it does not follow the block before it",
    "block.entries": "it does not cover what stands before it",
    "block.proposer:no-validator": "{member} proposed it, who was no validator before it",
    "block.proposer:nobody": "it names nobody who proposed it",
    "block.malformed": "{why}",
    "block.state-root": "replaying its transactions leads to another state root",
    "bundle.altered": "the released files are not those that the owner registered",
    "bundle.extra": "it does not belong to what was released",
    "bundle.model": "{why}",
    "bundle.preparation": "the released preparation is not what the sites agreed on or the study's "
    "document describes",
    "bundle.unreadable": "the released files cannot be read: {why}",
    "bundle.unreleased": "a model lies here that the owner has not released",
    "bundle.weights": "the released weights are not those of the final model",
    "checkpoint.invalid:more": "it carries more than the log's signature",
    "checkpoint.invalid:note": "{why}",
    "checkpoint.mismatch": "it is signed over another log",
    "checkpoint.place": "it does not stand directly after a block",
    "code.differs": "{member} accepted the study over other code than the owner registered",
    "deal.barred:opened": "{member} dealt shares of no secret behind its deal, and was barred",
    "deal.barred:refused": "{member} dealt shares that most of their holders could not use, and "
    "was barred",
    "deal.barred:refused-or-kept": "most holders could not use the shares that {member} dealt, and "
    "it was barred: they are wrong, or whoever relays blobs kept its deal back, and nobody can "
    "tell which",
    "deal.barred:untold": "validators blamed {member}'s deal, and it was barred: the shares that "
    "would show who is right are not here",
    "deal.contested:kept": "{member} could not use {dealer}'s shares: one of them is wrong, or "
    "whoever relays blobs kept the deal back, and nobody can tell which",
    "deal.contested:never-opened": "{member} could not use {dealer}'s shares, and no single key is "
    "ever opened to tell who is right",
    "deal.contested:opened": "{member} could not use {dealer}'s shares, and what was opened is "
    "right",
    "deal.falsely-blamed:barred": "{members} blamed {dealer}'s deal, and it was barred; the shares "
    "on record open the secret behind it",
    "deal.falsely-blamed:never-opened": "{members} blamed {dealer}'s deal, and no secret is ever "
    "opened that could show it",
    "deal.falsely-blamed:voted": "{members} blamed {dealer}'s deal; the shares on record open the "
    "secret behind it",
    "deal.unsound:all": "{member} dealt shares that are of no secret behind its deal",
    "deal.unsound:one": "{member} dealt {holder} a share that is none of its secret",
    "entry.events": "the events recorded for a {transaction} of {sender} are not what the contract "
    "does",
    "entry.malformed:error": "{what}: {why}",
    "entry.malformed:refused": "the contract refuses it ({rejection}: {why})",
    "entry.refused": "the contract refuses it ({rejection}: {why})",
    "refusal.malformed": "{what}: {why}",
    "refusal.code": "a transaction is recorded as refused for '{recorded}', and it is: "
    "{rejection}: {why}",
    "refusal.accepted": "a transaction of {sender} is recorded as refused, and the contract accepts"
    " it",
    "certificate.invalid": "what shows blocks to be final does not hold: {why}",
    "certificate.unknown": "blocks name a certificate that cannot be checked here: {why}",
    "entry.signature": "the contract refuses it ({rejection}: {why})",
    "commit.absent": "there is no file commit: CometBFT's votes were not looked at",
    "commit.invalid": "{what} does not hold: {why}",
    "final.invalid": "{why}",
    "final.mismatch": "the log signed another history over {size} entries",
    "final.quorum:absent": "there is no file final with cosignatures",
    "final.quorum:few": "cosigned by power {power} of {total}: no quorum",
    "genesis.predecessor:none": "its genesis succeeds no ledger",
    "genesis.predecessor:other": "{folder} holds another ledger than the {ledger} which it says it "
    "succeeds",
    "genesis.predecessor:shorter": "the ledger in {folder} is another one after {size} entries, or "
    "shorter",
    "genesis.successor:all": "it goes on after {size} entries of the ledger in {folder}",
    "genesis.successor:later": "it goes on after {size} entries of the ledger in {folder}; {later} "
    "later entries there are not part of what it goes on from",
    "genesis.successor:unseen": "its founders say that it goes on after {size} entries of the "
    "ledger {ledger}; that ledger was not looked at (--predecessor)",
    "group.lost": "too few stayed with group {group} ({members}) in {phase}: the others went on",
    "group.refused": "the model is made without group {group}: its sum is none of honest updates, "
    "so one at least of {members} is bad",
    "ledger.frames:hidden": "the last {count} bytes hold whole blocks that a wrong length hides",
    "ledger.frames:malformed": "{why}",
    "ledger.genesis:malformed": "{what}: {why}",
    "ledger.genesis:none": "the file does not start with a genesis",
    "ledger.genesis:second": "a second genesis",
    "ledger.incomplete": "the history does not end in a closed study and a checkpoint (--partial "
    "allows it)",
    "ledger.torn-tail": "{count} bytes after the last block were never acknowledged",
    "ledger.unheard:site.absent": f"the ledger has no acceptance of {{members}}{_UNHEARD}",
    "ledger.unheard:site.no-shares": "the ledger has nothing of {members} that opens the sum"
    f"{_UNHEARD}",
    "ledger.unheard:site.no-statement": "the ledger has no statement about the final model of "
    f"{{members}}{_UNHEARD}",
    "ledger.unheard:site.no-statistics": "the ledger has no statistics that {members} was asked "
    f"for in set-up{_UNHEARD}",
    "ledger.unheard:site.silent": f"the ledger has no committed update of {{members}}{_UNHEARD}",
    "ledger.unheard:site.unavailable": "the ledger has too few validators' word that they could "
    "fetch the update of {members} and find it sound: it was not, or whoever orders or relays held "
    "something back, and nobody can tell which",
    "ledger.unheard:site.withheld": "the ledger has no reveal of the update that {members} "
    f"committed to{_UNHEARD}",
    "ledger.unheard:validator.did-not-attest": "the ledger has nothing of {members} about which "
    f"updates it holds{_UNHEARD}",
    "ledger.unheard:validator.silent": f"the ledger has no vote of {{members}}{_UNHEARD}",
    "ledger.unheard:validator.unscored": f"the ledger has no scores of {{members}}{_UNHEARD}",
    "ledger.unheard:validator.withheld-scores": "the ledger has no reveal of the scores that "
    f"{{members}} committed to{_UNHEARD}",
    "mask.reused": "{member} advertised a key that it had used in another attempt",
    "member.equivocated": "{member} signed two contradicting {transaction}, {count} time(s)",
    "model.malformed": "{what}: {why}",
    "privacy.exhausted": "no budget of {members} is left for round {round}",
    "privacy.impossible": "{what}: {why}",
    "privacy.overdrawn": "{member} took part in {count} rounds: epsilon {epsilon:.3f} for a "
    "{unit}, and the budget is {budget:g}",
    "privacy.spent:nothing": "the ledger notes nothing of what its participants lost by the "
    "document's mechanism",
    "privacy.spent:other": "the ledger notes other losses of its participants than the document's "
    "mechanism",
    "receipt.checkpoint": "{why}",
    "receipt.contradicted": "the policy keeps another checkpoint over as many entries, signed by "
    "the log as well",
    "receipt.cosignature": "{why}",
    "receipt.extra": "{what}: {why}",
    "receipt.inclusion": "its hashes do not lead from the entry at {index} to the root over {size}",
    "receipt.ledger": "{log} is no log of this policy",
    "receipt.malformed": "{why}",
    "receipt.quorum": "the checkpoint is {behind}, and that is no quorum",
    "receipt.sender": "its sender's key is none of the genesis, so a member's that changed or came "
    "later",
    "receipt.signature": "the signature is not {sender}'s",
    "release.missing": "the study was completed, and its owner has released no model",
    "round.ending": "another validation loss was voted than recomputing gives, or training ended, "
    "or went on, against the study's patience with it",
    "round.model:groups": "the voted model is made without other groups than sums refuse",
    "round.model:indicators": "the sum has other indicators than those that were voted",
    "round.model:model": "recomputing the aggregate gives another model than the one that was "
    "voted",
    "round.model:part": "recomputing gives another part of {module} than was voted",
    "round.model:within": "the updates have another share within the clip than was voted",
    "round.updates:error": "the aggregate cannot be recomputed: {what}: {why}",
    "round.updates:refused": "no model: {refused:sums}",
    "rule.missing": "{what}; the validators' votes stand",
    "share.forged": "{member} posted another share of {dealer:secret} than it was dealt",
    "share.missing": "the share of the key of the sum is not here of {members}",
    "site.absent": "{member} is a site of the study and never accepted it",
    "site.clipped": "{member}'s update reached farther than its round had room for in {rounds} "
    "round(s), and up to {coordinates} of its coordinates were cut off",
    "site.no-shares": "{member} posted no shares of the secrets that open the sum",
    "site.no-statement": "{member} took part and posted no statement about the final model",
    "site.no-statistics": "{member} took part and did not say what set-up asked of its table",
    "site.share-bounded": "{member} claims a weight of {claimed} and counts with at most "
    "{counted} in a round: no site has a larger share than the study's largest",
    "site.silent": "{member} committed no update",
    "site.silent:phase": "{member} said nothing in the phase {phase}, so committed no update",
    "site.skipped:round": f"{{count}} rounds opened without {{members}}, {_SKIPPED} {{phase}} of "
    f"round {{round}}{_UNHEARD}; it is waited for again once its node says that it is there",
    "site.skipped:set-up": f"{{count}} rounds opened without {{members}}, {_SKIPPED} {{phase}} of "
    f"set-up{_UNHEARD}; it is waited for again once its node says that it is there",
    "site.unavailable": "{member} revealed an update that too few validators could fetch and find "
    "sound",
    "site.unavailable:trap": "{member} revealed an update that too few validators could fetch and "
    "find sound: the study plants traps",
    "site.withheld": "{member} committed to an update and never revealed it",
    "statement.malformed": "{what}: {why}",
    "statement.mismatch": "the statement posted about the {model} model speaks of another one",
    "statistics.agreement": "recomputing what sites said gives another agreement than the one that "
    "was voted",
    "statistics.undecided": "{count} attempt(s) at a vote ended without a quorum",
    "study.altered": "study.toml is not the study that was registered",
    "study.failed": "the study failed ({reason}) and keeps its last good model",
    "study.first-model:other": "{member} registered a first model that is neither what the seed "
    "gives nor the one that the document names: it can be made so that sums of updates show rows",
    "study.first-model:own": "the first model is made by the user's own code, which is not run "
    "here: whether it follows from the seed was not checked",
    "study.malformed": "{what}: {why}",
    "study.unchecked": "the check of this study ended in {kind}: {why}. Other studies were checked",
    "study.registration:inputs": "the first model has {parameters} parameters, optimizer "
    "{optimizer}, inputs {inputs:list}",
    "study.registration:size": "the first model has {parameters} parameters and the optimizer "
    "{optimizer}",
    "study.registration:term": "{term} is registered as {registered}, and the document says "
    "{documented}",
    "study.unreadable": "{why}",
    "sum.given-up": "the study went on without the sum over test rows ({reason})",
    "sum.refused:error": "the sum cannot be recomputed: {what}: {why}",
    "sum.refused:refused": "{refused:sums}",
    "sum.rows": "the sites sign {signed} test rows and the sum is over {summed}: one of them at "
    "least counted other rows",
    "sum.total": "recomputing the sum of statistics gives another one than was voted",
    "update.contested": "{member}'s update was sound for the others, and {without} did not get it "
    "so",
    "update.left-out": "{member}'s update was sound for {having}, and {without} did not get it so",
    "update.sealed": "{count} update(s) are sealed to others; the validators' votes stand",
    "validator.attested-unsound": "{member} attested to an update that is none: it did not look",
    "validator.did-not-attest": "{member} did not say which updates it holds",
    "validator.gave-up": "{member} voted that there is no model where the others recomputed one",
    "validator.outvoted": "{member} voted for another model than the one that the others "
    "recomputed",
    "validator.silent": "{member} did not vote",
    "validator.statistics": "{members} did not vote for what follows from what sites said",
    "validator.unscored": "{member} did not score the updates",
    "validator.withheld-scores": "{member} committed to scores and never revealed them",
    "validator.wrong:model": "{members} did not vote for the model that recomputing gives",
    "validator.wrong:sum": "{members} did not vote for the sum that recomputing gives",
}
"""Every finding's text, by its code and, where it has several, its case."""


def text_of(code: str, subject: Subject, parameters: Mapping[str, Value]) -> str:
    """Return what a finding says; of a code that has no text here, the code and its parameters."""
    told = {**msgspec.structs.asdict(subject), **parameters}
    return written(_every_text(), code, parameters, told, _WRITTEN)


@cache
def _every_text() -> Mapping[str, str]:
    of_mechanisms = [one.CHECKING.texts for one in aspects("checking").values()]
    return {code: text for texts in (*of_mechanisms, TEXTS) for code, text in texts.items()}


def place_of(code: str, subject: Subject, parameters: Mapping[str, Value]) -> str:
    """Return where a finding is."""
    if code == "code.differs" and isinstance(subject, AboutMember):
        return f"{subject.study}, {subject.member}"
    place = _place(subject)
    names, count = parameters.get("names"), parameters.get("count")
    if code == "blob.stray" and isinstance(names, tuple) and isinstance(count, int):
        more = f" and {count - len(names)} more" if count > len(names) else ""
        return f"{', '.join(f'{place}{name}' for name in names)}{more}"
    return f"{place} and {parameters['more']} more" if "more" in parameters else place


def _place(subject: Subject) -> str:
    match subject:
        case AboutLedger("genesis"):
            return "genesis"
        case AboutLedger(byte=byte):
            if not byte:
                return "ledger.log" if byte is None else "byte 0"
            return f"byte {byte} of ledger.log"
        case AboutEntry(index=int(index)):
            return f"entry {index}"
        case AboutEntry(study=study, transaction=transaction, member=member):
            return f"{study}, {transaction}{f' of {member}' if member else ''}"
        case AboutStudy(study):
            return study
        case AboutStep(study, step):
            return f"{study}, step {step} of set-up"
        case AboutRound(study, number):
            return f"{study}, {called(number)}" if study else called(number)
        case AboutAttempt(study, number, attempt):
            return f"{study}, {called(number)}, attempt {attempt}"
        case AboutAttempts(study, attempts):
            return f"{study}, {_rounds(attempts)}" if attempts else study
        case AboutMember(member, study, rounds):
            if not study:
                return member
            return f"{study}, {_rounds(rounds)}" if rounds else study
        case AboutFile(path):
            return path
        case AboutReceipt(part):
            return part


def _rounds(places: Sequence[At]) -> str:
    told = [
        (called(at.round) if is_sum(at.round) else str(at.round))
        + (f" (attempt {at.attempt})" if at.attempt > 1 else "")
        for at in places
    ]
    shown = ", ".join(told[:10]) + (f" and {len(told) - 10} more" if len(told) > 10 else "")
    return f"round{'s' if len(told) > 1 else ''} {shown}"


def _secret(dealer: str) -> str:
    return "the key of the sum" if dealer == OF_THE_SUM else f"{dealer}'s secret"


_REFUSED = {
    "range": "is beyond what updates add up to",
    "norm": "is longer than what its sites may send together",
    "commitments": "is not the sum of what its sites committed to",
    "deal": "cannot be opened: the shares of {} are of no secret behind its deal",
    "shares": "cannot be opened: the shares of {} are too few to open it",
}


def _sums(refused: Sequence[RefusedSum]) -> str:
    """Return why sums are none of honest updates."""
    return "; ".join(
        f"the sum{f' of group {one.group}' if one.group else ''} "
        + _REFUSED[one.why].format(_secret(one.dealer))
        for one in refused
    )


_WRITTEN: dict[str, Callable[[Any], str]] = {
    "list": lambda values: str(list(values)), "secret": _secret, "sums": _sums,
}  # fmt: skip
