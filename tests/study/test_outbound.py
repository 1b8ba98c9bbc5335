"""What leaves a site is said in full, and says what is not protected."""

from __future__ import annotations

from dataclasses import astuple

import pytest

from collegium.plugins import BUILT_IN
from collegium.study.outbound import Outbound, outbound
from collegium.study.reading import read_study


def messages(*changes: str) -> dict[str, Outbound]:
    return {message.kind: message for message in outbound(read_study("heart", changes).study)}


def test_every_kind_of_message_is_listed_once() -> None:
    kinds = [message.kind for message in outbound(read_study("heart").study)]
    assert kinds == [
        "acceptance", "commitment of an update", "reveal of an update", "update",
        "evaluation statement", "availability of updates", "vote", "time-out", "model",
    ]  # fmt: skip
    for message in messages().values():
        assert all(text for text in astuple(message)[:-1])


def test_only_a_bitmap_and_a_time_out_hold_nothing_from_rows() -> None:
    clean = {kind for kind, message in messages().items() if not message.from_rows}
    assert clean == {"availability of updates", "time-out"}


def test_a_plain_update_is_said_to_leak() -> None:
    update = messages()["update"]
    assert "can leak information about the rows" in update.protection
    assert update.to == "every validator, and whoever has the run folder"
    assert "up to 100" in update.contents
    assert "none" in update.kept


def test_what_is_said_follows_the_study(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BUILT_IN["protections"], "veil", "nowhere:VEIL")
    monkeypatch.setitem(BUILT_IN["engines"], "elsewhere", "nowhere:ENGINE")
    assert "rounded down" in messages()["acceptance"].contents
    assert "weight (1)" in messages("aggregation.weights=equal")["acceptance"].contents
    veiled = messages("privacy.protection=veil")["update"]
    assert "leak" not in veiled.protection
    assert "'veil'" in veiled.protection
    assert messages("consensus.engine=elsewhere")["update"].to == "every validator"
    assert "by the 4 validators" in messages("consensus.validators=4")["vote"].contents
