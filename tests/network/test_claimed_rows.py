"""A member whose file holds each row ten times has half of the weight, and everybody says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.audit.second import second_verdict
from tests.commands import collegium
from tests.network.trials import MEMBERS, trial
from tests.report.reading import Page

from collegium.audit.history import read_history
from collegium.audit.trust import policy_root
from collegium.audit.verify import verify
from collegium.ledger.contract.transactions import StudyAccept
from collegium.network.plan import planned
from collegium.network.record import home_of
from collegium.node.home import read_keys

pytestmark = pytest.mark.long

CHANGES = ("training.rounds=2", "evaluation.bootstrap=0", "study.attendance=all")
MASKED = 'privacy.secure_aggregation={ protocol = "secagg" }'


@pytest.mark.parametrize("more", [(), (MASKED,)], ids=["plain", "masked"])
def test_ten_times_its_rows_are_half_of_the_weight_to_every_node_and_reader(
    tmp_path: Path, more: tuple[str, ...]
) -> None:
    folder = tmp_path / "run"
    changes = (*CHANGES, *more, "consensus.engine=log")
    with trial(folder, changes):
        path = home_of(folder, "va") / "rows.csv"
        header, *rows = path.read_text().splitlines(keepends=True)
        path.write_text(header + "".join(rows * 10))
        (folder / "study.toml").write_text(planned("heart", None, changes).read.text)
    asked = [part for one in changes for part in ("--set", one)]
    done = collegium("run", "heart", *asked, "--out", "run", "--resume", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)

    said = read_history((folder / "ledger.log").read_bytes()).said
    accepts = ((one.sender, one.transaction) for one in said)
    claimed = {name: one.weight for name, one in accepts if isinstance(one, StudyAccept)}
    others = sum(weight for name, weight in claimed.items() if name != "va")
    assert claimed["va"] > others, "it would own the mean"
    used = claimed | {"va": others}
    for name in MEMBERS:
        share = used[name] / (2 * others)
        assert told["shares"][name] == {
            "claimed": claimed[name], "weight": used[name], "least": share, "most": share,
        }  # fmt: skip
    assert told["shares"]["va"]["most"] == 0.5

    root = policy_root(folder / "policy.json")
    for name in MEMBERS:
        keys = read_keys(home_of(folder, name), lambda: None).ledger
        found = verify(home_of(folder, name), trust=root, partial=True, keys=keys)
        assert (found.ok, found.model) == (True, told["model"])
        assert found.levels == {"recomputed": 2}, "from what each node holds"
    found = verify(folder, trust=root)
    assert found.ok
    (finding,) = (one for one in found.findings if one.code == "site.share-bounded")
    assert (finding.parameters["claimed"], finding.parameters["counted"]) == (claimed["va"], others)
    assert second_verdict(folder) == []

    page = Page((folder / "report.html").read_text())
    header_cells, *cells = page.table("Sites, their rows, and the rounds")
    for row in cells:
        one = dict(zip(header_cells, row, strict=True))
        assert one["Weight claimed"].replace(",", "") == str(claimed[one["Site"]])
        assert one["Weight used"].replace(",", "") == str(used[one["Site"]])
        share = 100 * used[one["Site"]] / sum(used.values())
        assert one["Share of the weight"] == f"{share:.1f} %"
    assert "Weights below what was claimed: va." in page.sections["participants"]
