"""What others wrote is shown without anything that moves a cursor or turns a line around."""

from __future__ import annotations

import json
import logging
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.cli.node_lines import status_lines
from collegium.cli.output import fail, say, say_json
from collegium.errors import FormatError
from collegium.node.registration_checks import in_a_line
from collegium.node.status import NodeStatus, StudyStatus
from collegium.node.structured_log import JsonLines
from collegium.study.english import text_of
from collegium.visible import visible, visible_json, visible_lines

EVIL = "\x1b[2J\x1b[31mok\x07 \u202egnidaelsim\u202c \u2066x\u2069 \x9b1A \x7f \u2028 \u200b\r\nok"
HIDDEN = set(EVIL) - {one for one in EVIL if one.isprintable()}


def is_shown(text: str, keep: str = "\n") -> bool:
    """Whether a terminal shows nothing but what stands there."""
    return all(one in keep or unicodedata.category(one)[0] != "C" for one in text)


@given(st.text())
def test_nothing_hidden_is_left_and_nothing_else_changes(text: str) -> None:
    assert is_shown(visible(text), keep="")
    assert visible_lines(text).count("\n") == text.count("\n")
    if is_shown(text, keep="") and not {"\u2028", "\u2029"} & set(text):
        assert visible(text) == text


@given(st.text())
def test_json_keeps_its_value(text: str) -> None:
    shown = visible_json(json.dumps({"x": text}, ensure_ascii=False))
    assert is_shown(shown)
    assert json.loads(shown) == {"x": text}


def test_the_command_line_shows_no_hidden_character(capsys: pytest.CaptureFixture[str]) -> None:
    study = StudyStatus(
        study="heart", phase="setup", round=0, closed_rounds=0, rounds=1, attempt=0,
        outcome="open", model="", waiting=0.0, refused=(EVIL,), stopped=EVIL,
    )  # fmt: skip
    status = NodeStatus(
        member="va", genesis="", version="", pid=1, state="following", studies=(study,),
        trouble=EVIL, errors={"x": EVIL}, proposals={EVIL: EVIL},
    )  # fmt: skip
    for line in status_lines(status):
        say(line)
    say_json(status)
    fail(FormatError("format.study", EVIL, EVIL, EVIL), as_json=True)
    for told in capsys.readouterr():
        assert told
        assert not HIDDEN - {"\n"} & set(told)


def test_logs_findings_and_reasons_are_one_line_each() -> None:
    record = logging.LogRecord("collegium", logging.INFO, "", 0, "study refused", None, None)
    record.why = [EVIL]
    line = JsonLines().format(record)
    assert not HIDDEN & set(line)
    assert json.loads(line)["why"] == [EVIL]
    assert is_shown(in_a_line(FormatError("format.study", EVIL, EVIL, EVIL)), keep="")
    assert is_shown(text_of("study.table", {"text": EVIL}), keep="")
