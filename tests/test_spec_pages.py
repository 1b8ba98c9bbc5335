"""The specification's generated parts are those that the code makes."""

import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from collegium.ledger.contract.apply import apply, initial_state
from collegium.ledger.contract.mechanism import Mechanism
from collegium.ledger.frames import ENTRY, decode_entry, read_frames
from collegium.ledger.genesis import decode_genesis, genesis_digest
from collegium.ledger.state_tree import BranchNode, Node, TableNode
from collegium.plugins import BUILT_IN

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("tool", ["make_spec_pages.py", "make_vectors.py"])
def test_what_is_generated_is_up_to_date(tool: str) -> None:
    made = subprocess.run(
        [sys.executable, str(ROOT / "tools" / tool), "--check"], check=False, capture_output=True
    )
    assert made.returncode == 0, f"run tools/{tool} and look at what changed: {made.stderr!r}"


def test_the_second_verifier_is_short_and_shares_no_code() -> None:
    text = (ROOT / "examples" / "second_verifier.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 550
    assert "import collegium" not in text
    assert "from collegium" not in text


@pytest.mark.parametrize("package", sorted(BUILT_IN["mechanisms"].values()))
def test_the_pages_list_all_that_a_mechanism_declares(package: str) -> None:
    declared: Mechanism = import_module(f"{package}.terms").MECHANISM
    said, done = (
        (ROOT / "docs" / "spec" / name).read_text(encoding="utf-8").partition("## In every")[2]
        for name in ("6-transactions.md", "7-events.md")
    )
    own = said.partition(f"\n## `{declared.versioned}`\n")[2].partition("\n## ")[0]
    events = done.partition(f"\n## `{declared.versioned}`\n")[2].partition("\n## ")[0]
    for kind in declared.transactions:
        assert f"\n### `{kind.__struct_config__.tag}`\n" in said
        assert f"`{kind.__struct_config__.tag}`" in own
    for action in declared.actions:
        assert f"\n### {action.__name__}\n" in own
    for event in declared.events:
        assert f"\n### `{event.__struct_config__.tag}`\n" in events
    for where in declared.parts:
        assert f"\n### `{declared.field}` in " in (events if where == "opened" else own)
    for phase in declared.phases:
        assert f"\n| `{phase.name}` | {phase.rank} |" in own


@pytest.mark.parametrize("archive", sorted((ROOT / "tests" / "golden").glob("*.tar.xz")))
def test_the_page_on_the_state_names_every_table_of_the_golden_ledgers(archive: Path) -> None:
    page = (ROOT / "docs" / "spec" / "4-ledger.md").read_text(encoding="utf-8")
    with tarfile.open(archive) as opened:
        file = opened.extractfile("ledger.log")
        assert file is not None
        frames = list(read_frames(file.read()))
    identity, state = genesis_digest(frames[0].body), initial_state(decode_genesis(frames[0].body))
    found: set[str] = set()
    for frame in frames:
        if frame.kind == ENTRY:
            apply(state, identity, decode_entry(frame.body)[0])
            found |= set(tables(state.top, ""))
    assert {name for name in found if f"`{name}`" not in page} == set()
    assert found >= {"members", "modules", "studies/ID/models", "…/participants"}


def tables(node: Node, path: str) -> Iterator[str]:
    """Yield the tables of a state by the names that the page has for them."""
    if isinstance(node, TableNode):
        parts = path.split("/")
        in_round = len(parts) > 3 and parts[2] == "rounds"
        yield f"…/{parts[-1]}" if in_round else re.sub("^studies/[^/]*/", "studies/ID/", path)
    elif isinstance(node, BranchNode):
        for name, child in node.children.items():
            yield from tables(child, f"{path}/{name}".lstrip("/"))
