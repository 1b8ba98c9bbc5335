"""`collegium calc graph` says how many neighbours a secure sum needs."""

from __future__ import annotations

import json

from click.testing import CliRunner

from collegium.cli.commands import program


def test_degrees_thresholds_and_chances_are_printed() -> None:
    asked = ["calc", "graph", "100", "--corrupt", "0.2", "--degree", "20"]
    told = json.loads(CliRunner().invoke(program, [*asked, "--json"]).output)
    assert (told["members"], told["corrupt"], told["missing"]) == (100, 20, 10)
    rows = {row["for"]: row for row in told["rows"]}
    assert rows["malicious"] == {
        "for": "malicious", "degree": 54, "threshold": 37, "secrecy_bits": 40, "complete": False,
    }  # fmt: skip
    assert rows["asked"]["secrecy_bits"] == 10
    text = CliRunner().invoke(program, asked).output
    assert "degree   54, threshold   37" in text
    assert "2^-40" in text
