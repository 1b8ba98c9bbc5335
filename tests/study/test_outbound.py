"""What leaves a site is said in full, and says what is not protected."""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from typing import get_args

import msgspec
import pytest

from collegium.federation.local_updates import Int16
from collegium.federation.stages import InRound, OfUpdate, stages_of
from collegium.ledger.contract.transactions import AnyTransaction, StudyAccept
from collegium.plugins import BUILT_IN
from collegium.study.message import Outbound, Recipients
from collegium.study.outbound import outbound
from collegium.study.reading import read_study

TABLE = 'data.source={table="cohort.csv", target="died", site="hospital"}'
ENCRYPTED = 'privacy.secure_aggregation={ protocol = "threshold_he" }'
SCORED = "aggregation.scores={}"
MASKED = 'privacy.secure_aggregation={ protocol = "secagg" }'
GROUPED = 'privacy.secure_aggregation={ protocol = "secagg", groups = 3, sum_check = "pedersen" }'


@dataclass(frozen=True)
class Veil:
    """A stage of another package, as far as it speaks."""

    name: str = "veil@1"
    charge: tuple[int, ...] = ()

    def apply(self, what: Int16, at: InRound, /) -> Int16:
        return what

    def tell(self, message: Outbound, ways: Recipients, /) -> Outbound:
        return replace(message, protection="hidden by a 'veil'")


VEIL: OfUpdate = Veil()


def messages(*changes: str) -> dict[str, Outbound]:
    return {message.kind: message for message in listed("heart", *changes)}


def listed(preset: str, *changes: str) -> tuple[Outbound, ...]:
    study = read_study(preset, changes).study
    return outbound(study, stages_of(study))


def test_every_kind_of_message_is_listed_once() -> None:
    kinds = [message.kind for message in listed("heart")]
    assert kinds == [
        "acceptance", "commitment of an update", "reveal of an update", "update",
        "retirement of updates", "return to a study", "evaluation statement",
        "availability of updates", "vote", "time-out", "model", "end of a study",
        "evidence of equivocation",
        "change of the membership", "registration of the study", "released model",
    ]  # fmt: skip
    for message in messages().values():
        assert all(text for text in astuple(message)[:-2])


def test_every_kind_of_transaction_is_said_to_be_sent_once() -> None:
    every = sorted(kind.__struct_config__.tag for kind in get_args(AnyTransaction))
    plain = {kind for message in messages().values() for kind in message.transactions}
    listed = [
        kind for message in messages(TABLE, GROUPED).values() for kind in message.transactions
    ]
    scored = {kind for message in messages(SCORED).values() for kind in message.transactions}
    assert sorted(scored - plain) == ["score.commit", "score.reveal"]
    joined = {
        kind for one in messages("consensus.engine=log").values() for kind in one.transactions
    }
    assert sorted(joined - plain) == ["member.return"]
    assert sorted([*listed, *(scored - plain), "sum.open", "member.return"]) == every
    tabled = {kind for message in messages(TABLE).values() for kind in message.transactions}
    assert sorted(tabled - plain) == ["statistics.post", "statistics.vote", "study.begin"]
    masked = {kind for message in messages(MASKED).values() for kind in message.transactions}
    assert sorted(masked - plain) == ["sa.deal", "sa.keys", "share.post"]
    encrypted = {kind for message in messages(ENCRYPTED).values() for kind in message.transactions}
    assert sorted(encrypted - plain) == ["sa.deal", "sa.keys", "sum.open"]
    grouped = {kind for message in messages(GROUPED).values() for kind in message.transactions}
    assert sorted(grouped - masked) == ["sa.bind"]


def test_sums_of_groups_and_commitments_are_said_to_leave() -> None:
    whole, grouped = messages(MASKED)["update"], messages(GROUPED)["update"]
    assert "sum over the round's sites" in whole.protection
    assert "sum over the sites of a group" in grouped.protection
    assert "each of 3 groups" in grouped.protection
    assert "hides the site's commitment" in grouped.contents
    commitment = messages(GROUPED)["commitment of an update"]
    assert "Pedersen" in commitment.contents
    assert "Pedersen" not in messages(MASKED)["commitment of an update"].contents


def test_a_site_says_what_of_its_table_leaves_it() -> None:
    said = messages(TABLE)
    for step in ("columns", "moments", "quantiles"):
        message = said[f"statistics of a table: {step}"]
        assert message.from_rows
        assert "10 persons" in message.contents + message.protection
    assert "'died'" in said["statistics of a table: columns"].contents


def test_what_is_in_an_acceptance_is_what_its_transaction_has_room_for() -> None:
    fields = {"code", "document", "snapshot", "weight"}
    assert {field.name for field in msgspec.structs.fields(StudyAccept)} == fields | {
        "format", "genesis", "study",
    }  # fmt: skip
    contents = messages()["acceptance"].contents
    assert "the study document and of the code" in contents
    assert contents.count("commitment") == 1


def test_who_says_only_that_something_happened_tells_nothing_from_rows() -> None:
    clean = {kind for kind, message in messages().items() if not message.from_rows}
    assert clean == {
        "retirement of updates", "return to a study", "availability of updates", "time-out",
        "end of a study", "change of the membership", "registration of the study",
    }  # fmt: skip


def test_differential_privacy_is_said_with_all_that_makes_it_mean_something() -> None:
    found = messages("privacy.differential_privacy={unit='patient', epsilon=4.0, delta=1e-6}")
    update = found["update"].protection
    for words in ("epsilon 4", "delta 1e-06", "patient", "rate 0.1", "rdp@1"):
        assert words in update
    assert "training patients with noise" in found["acceptance"].contents
    assert "no exact count" in found["evaluation statement"].contents


def test_members_of_a_consortium_cosign_as_well() -> None:
    one = messages("consensus.engine=log")["cosignature"]
    assert "replayed the ledger" in one.contents
    assert (one.from_rows, one.transactions) == (False, ("member.return",))
    assert "cosignature" not in messages()


def test_a_plain_update_is_said_to_leak() -> None:
    update = messages()["update"]
    assert "can leak information about the rows" in update.protection
    assert update.to == "every validator, and whoever has the run folder"
    assert "up to 100" in update.contents
    assert "sealed" not in update.protection
    assert "retired" in update.kept


def test_between_members_an_update_is_sealed_and_what_that_is_worth_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(BUILT_IN["engines"], "elsewhere", "nowhere:ENGINE")
    found = messages("consensus.engine=elsewhere")
    update = found["update"]
    assert update.to == "each validator of the round; nobody else without the key of one"
    assert update.protection.startswith("sealed: encrypted to the keys of the round's validators")
    assert "to a validator it is plain" in update.protection
    assert "can leak information about the rows" in update.protection
    assert "stolen later" in update.protection
    assert "retired" in update.kept
    assert "the digest of the sealed update" in found["reveal of an update"].contents
    assert "TLS" in found["vote"].protection
    assert found["vote"].to == "every member, and everybody whom one gives the ledger"


def test_in_one_process_nothing_is_said_of_a_way_between_members() -> None:
    texts = [" ".join(map(str, astuple(message))) for message in messages().values()]
    assert not any("TLS" in text or "sealed" in text for text in texts)


def test_what_is_said_follows_the_study(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BUILT_IN["stages"], "veil", f"{__name__}:VEIL")
    monkeypatch.setitem(BUILT_IN["engines"], "elsewhere", "nowhere:ENGINE")
    assert "rounded down" in messages()["acceptance"].contents
    assert "weight (1)" in messages("aggregation.weights=equal")["acceptance"].contents
    veiled = messages("privacy.protection=veil")["update"]
    assert "leak" not in veiled.protection
    assert "'veil'" in veiled.protection
    hidden = messages("privacy.protection=veil", "consensus.engine=elsewhere")["update"]
    assert hidden.protection.startswith("sealed")
    assert "'veil'" in hidden.protection
    summed = messages("privacy.protection=veil", MASKED)["update"]
    assert "The sum is public: hidden by a 'veil'. A site opens one sum" in summed.protection
    assert "What remains: sums of later rounds" in summed.protection
    assert "leak" not in hidden.protection
    assert "by the 4 validators" in messages("consensus.validators=4")["vote"].contents


def test_a_masked_study_says_what_it_sends_besides_and_that_only_sums_are_seen() -> None:
    found, plain = messages(MASKED), messages()
    assert [kind for kind in found if kind not in plain] == [
        "keys for masks and shares", "deal of shares", "shares that open a sum",
        "counts of test rows",
    ]  # fmt: skip
    assert "only the sum over" in found["update"].protection
    assert "plain" not in found["update"].protection
    assert "largest absolute coordinate" not in found["reveal of an update"].contents
    assert "largest absolute coordinate" in plain["reveal of an update"].contents
    assert "never both" in found["shares that open a sum"].protection
    chosen = messages(MASKED, "privacy.secure_aggregation.threshold=4")
    assert "4 members of a round" in chosen["update"].protection


def test_what_is_counted_of_test_rows_is_told_unless_noise_makes_the_statement() -> None:
    found = messages(MASKED)
    assert "only the sum over" in found["counts of test rows"].protection
    assert "in a sum over all sites alone" in found["evaluation statement"].contents
    assert "in a sum" not in messages()["evaluation statement"].contents
    noised = "privacy.differential_privacy={ unit = 'patient', epsilon = 8.0, delta = 1e-5 }"
    assert "counts of test rows" not in messages(MASKED, noised)


def test_between_members_a_masked_update_is_not_sealed_besides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(BUILT_IN["engines"], "elsewhere", "nowhere:ENGINE")
    found = messages(MASKED, "consensus.engine=elsewhere")
    assert "sealed" not in found["update"].protection
    assert "sealed" not in found["reveal of an update"].contents


def test_an_update_of_an_autoencoder_says_how_odd_rows_held_out_are() -> None:
    found = listed("anomalies")
    (update,) = [message for message in found if message.kind == "update"]
    assert "normal rows held out" in update.contents


def test_each_stage_says_what_it_does_to_an_update_also_under_masks() -> None:
    cut = "aggregation.compression={keep=0.25}"
    for changes in ((), (MASKED,), (ENCRYPTED,)):
        update = messages(cut, *changes)["update"]
        assert "out of a share of 0.25, drawn anew in every round" in update.contents
        early = messages("training.early_stopping={patience=3}", *changes)["update"]
        assert "mean loss on rows held out" in early.contents
    following = (
        "privacy.differential_privacy={unit='client', mechanism='central', clipping='adaptive',"
        " epsilon=40.0, delta=1e-5, clip=0.25}",
        "aggregation.weights=equal", "study.max_attempts=1", "training.rounds=1",
    )  # fmt: skip
    for masks in ((), (MASKED,)):
        update = messages(*following, *masks)["update"]
        assert "within the clip, under the same noise" in update.contents
