"""The specification's generated parts are those that the code makes."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("tool", ["make_spec_pages.py", "make_vectors.py"])
def test_what_is_generated_is_up_to_date(tool: str) -> None:
    made = subprocess.run(
        [sys.executable, str(ROOT / "tools" / tool), "--check"], check=False, capture_output=True
    )
    assert made.returncode == 0, f"run tools/{tool} and look at what changed: {made.stderr!r}"


def test_the_second_verifier_is_short_and_shares_no_code() -> None:
    text = (ROOT / "examples" / "second_verifier.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 430
    assert "import collegium" not in text
    assert "from collegium" not in text
