"""Findings are values: every code has a text, and no English is made of them anywhere else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import msgspec
import pytest

from collegium.audit.english import TEXTS
from collegium.audit.findings import Finding, findings_json
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
from collegium.ledger.contract.series import EVALUATION, SET_UP

ROOT = Path(__file__).resolve().parents[2]
AUDIT = ROOT / "src" / "collegium" / "audit"
MECHANISMS = ROOT / "src" / "collegium" / "mechanisms"
SPEAKING = {AUDIT / "english.py"}

MAKERS = {"Finding", "_error", "_Failed", "_stop", "_wrong"}
"""What makes a finding, by the name that is called."""

ERRORS = re.compile(r"\w*Error|malformed|Rejected")
"""What makes an error: it has words of its own."""

CLAIMS = {"_claims", "_support", "_by_groups", "_by_power", "check_receipt"}
"""Functions that say what a root of trust or a receipt is worth, which is no finding."""

OF_ENGINES = {"certificate.invalid"}
"""Codes for the certificates of engines that other packages bring."""

CODES = {key.partition(":")[0] for key in TEXTS}


def modules() -> Iterator[tuple[Path, ast.Module]]:
    """The modules that make findings."""
    for path in sorted([*AUDIT.rglob("*.py"), *MECHANISMS.rglob("*.py")]):
        text = path.read_text("utf-8")
        if path not in SPEAKING and "Finding" in text:
            yield path, ast.parse(text)


def called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Name):
        return node.func.id
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def making() -> Iterator[tuple[str, ast.Call]]:
    """Every call that makes a finding, with where it stands."""
    for path, module in modules():
        for node in ast.walk(module):
            if isinstance(node, ast.Call) and called(node) in MAKERS:
                yield f"{path.name}:{node.lineno}", node


def documented() -> set[str]:
    page = (ROOT / "docs" / "errors.md").read_text("utf-8")
    parts = page.split("\n## ")
    tables = [part for part in parts if part.startswith("Findings of")]
    assert len(tables) == 2
    return {code for part in tables for code in re.findall(r"^\| `([\w.-]+)` \|", part, re.M)}


def test_every_code_of_a_finding_has_a_text_and_a_row_in_the_docs() -> None:
    assert documented() == CODES
    literal = {
        node.value
        for _, module in modules()
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert CODES - literal == OF_ENGINES, "texts of codes that nothing finds"
    made = [
        (place, argument.value)
        for place, node in making()
        for argument in node.args
        if isinstance(argument, ast.Constant) and "." in str(argument.value)
    ]
    assert len(made) > 80
    assert [(place, code) for place, code in made if code not in CODES] == []


def test_no_english_of_a_finding_is_made_outside_of_its_one_place() -> None:
    spoken = [
        f"{path.name}:{line}: {text}"
        for path, module in modules()
        for line, text in sentences(module)
    ]
    assert spoken == []


CLAIMED_TEXTS = ("CHECKS", "DESCRIBED", "NOT_PROVEN", "_NOT_PROVEN", "SIMULATED", "VERDICTS")


def sentences(module: ast.Module) -> Iterator[tuple[int, str]]:
    """Texts with spaces that are no documentation, no error and no claim."""

    def look(node: ast.AST) -> Iterator[tuple[int, str]]:
        if isinstance(node, ast.Call) and ERRORS.fullmatch(called(node)):
            return
        if isinstance(node, ast.FunctionDef) and node.name in CLAIMS:
            return
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return
        if isinstance(node, ast.keyword) and node.arg in ("counted", "texts"):
            return  # a mechanism's own part of the one place
        if isinstance(node, ast.Subscript | ast.arg):  # types that are not evaluated
            return
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        if any(isinstance(one, ast.Name) and one.id in CLAIMED_TEXTS for one in targets):
            return
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, node.value
        for child in ast.iter_child_nodes(node):
            yield from look(child)

    yield from look(module)


def test_the_search_for_english_finds_some() -> None:
    bad = 'def f(who):\n    """Say it."""\n    return Finding("a.b", "note", f"{who} lied to us")\n'
    assert [text for _, text in sentences(ast.parse(bad))] == [" lied to us"]


def test_what_a_finding_is_made_with_is_what_its_text_asks_for() -> None:
    subjects = {"study", "round", "attempt", "member", "step", "index", "path"}
    told = 0
    for place, node in making():
        given = next((one for one in node.args if isinstance(one, ast.Dict)), None)
        code = next((one for one in node.args if isinstance(one, ast.Constant)), None)
        if given is None or code is None:
            continue
        values = {
            str(key.value): value
            for key, value in zip(given.keys, given.values, strict=True)
            if isinstance(key, ast.Constant)
        }
        if len(values) < len(given.keys):
            continue  # something is unpacked into it
        case = values.pop("case", None)
        if case is not None and not isinstance(case, ast.Constant):
            continue
        template = TEXTS[f"{code.value!s}:{case.value!s}" if case is not None else str(code.value)]
        asked = {name for _, name, _, _ in Formatter().parse(template) if name}
        assert asked - subjects <= values.keys(), place
        assert values.keys() <= asked, place
        told += 1
    assert told > 20


def test_a_text_needs_nothing_but_names_and_known_ways_to_write_them() -> None:
    formats = {"", ".3f", "g", "list", "secret", "sums"}
    for key, template in TEXTS.items():
        for _, name, form, conversion in Formatter().parse(template):
            assert name is None or (name.isidentifier() and form in formats and not conversion), key


def test_a_case_is_told_only_where_there_are_several() -> None:
    for code in CODES - {"site.silent", "site.unavailable"}:  # one thing each, and where or why
        cases = [key for key in TEXTS if key.partition(":")[0] == code]
        assert cases == [code] or (len(cases) > 1 and code not in cases), code


@pytest.mark.parametrize(
    ("subject", "words", "value"),
    [
        (AboutLedger(), "ledger.log", {"kind": "ledger"}),
        (AboutLedger("genesis"), "genesis", {"kind": "ledger", "part": "genesis"}),
        (AboutLedger(byte=0), "byte 0", {"kind": "ledger", "byte": 0}),
        (AboutLedger(byte=7), "byte 7 of ledger.log", {"kind": "ledger", "byte": 7}),
        (AboutEntry(3), "entry 3", {"kind": "entry", "index": 3}),
        (
            AboutEntry(None, "heart", "evaluation.post", "va"), "heart, evaluation.post of va",
            {"kind": "entry", "study": "heart", "transaction": "evaluation.post", "member": "va"},
        ),
        (AboutStudy("heart"), "heart", {"kind": "study", "study": "heart"}),
        (
            AboutStep("heart", 2), "heart, step 2 of set-up",
            {"kind": "step", "study": "heart", "step": 2},
        ),
        (AboutRound("", 4), "round 4", {"kind": "round", "study": "", "round": 4}),
        (
            AboutRound("heart", EVALUATION), "heart, the sum over test rows",
            {"kind": "round", "study": "heart", "round": EVALUATION},
        ),
        (
            AboutAttempt("heart", 4, 2), "heart, round 4, attempt 2",
            {"kind": "attempt", "study": "heart", "round": 4, "attempt": 2},
        ),
        (
            AboutAttempts("heart", (At(4, 2),)), "heart, round 4 (attempt 2)",
            {"kind": "attempts", "study": "heart", "attempts": [{"round": 4, "attempt": 2}]},
        ),
        (AboutMember("va"), "va", {"kind": "member", "member": "va"}),
        (AboutMember("va", "heart"), "heart", {"kind": "member", "member": "va", "study": "heart"}),
        (
            AboutMember("va", "heart", (At(1), At(2, 3))), "heart, rounds 1, 2 (attempt 3)",
            {
                "kind": "member", "member": "va", "study": "heart",
                "rounds": [{"round": 1}, {"round": 2, "attempt": 3}],
            },
        ),
        (AboutFile("model/"), "model/", {"kind": "file", "path": "model/"}),
        (AboutReceipt("proof"), "proof", {"kind": "receipt", "part": "proof"}),
    ],
)  # fmt: skip
def test_a_subject_is_a_value_and_a_place_in_words(
    subject: Subject, words: str, value: dict[str, object]
) -> None:
    assert Finding("blob.altered", "error", subject).where == words
    assert msgspec.json.decode(msgspec.json.encode(subject)) == value


def test_many_rounds_are_told_in_part() -> None:
    rounds = tuple(At(number) for number in range(1, 13))
    found = Finding("site.silent", "fault", AboutMember("va", "heart", (*rounds, At(SET_UP + 2))))
    assert found.where == "heart, rounds 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 3 more"


def test_sums_that_are_refused_are_told_by_group_and_reason() -> None:
    refused = (RefusedSum(0, "norm"), RefusedSum(2, "deal", "va"), RefusedSum(3, "shares"))
    told: dict[str, Value] = {"case": "refused", "refused": refused}
    assert Finding("round.updates", "error", AboutRound("heart", 1), told).what == (
        "no model: the sum is longer than what its sites may send together; the sum of group 2"
        " cannot be opened: the shares of va's secret are of no secret behind its deal; the sum of"
        " group 3 cannot be opened: the shares of the key of the sum are too few to open it"
    )


def test_json_has_the_values_beside_their_english() -> None:
    told: dict[str, Value] = {"transaction": "round.vote", "count": 2}
    found = Finding("member.equivocated", "fault", AboutMember("va"), told)
    assert findings_json((found,)) == [
        {
            "code": "member.equivocated", "severity": "fault",
            "what": "va signed two contradicting round.vote, 2 time(s)", "where": "va",
            "subject": {"kind": "member", "member": "va"}, "parameters": told,
        }
    ]  # fmt: skip


def test_a_code_of_another_package_is_told_by_its_parameters() -> None:
    found = Finding("their.finding", "note", AboutStudy("heart"), {"who": "va", "count": 2})
    assert found.what == "their.finding: who va, count 2"
