"""Real nodes train a described table privately, each on a file of its own, some of it odd.

What is odd is told to the member whose file it is, by column and row; nobody else hears of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

import pytest
from tests.data.tabular.cohorts import SITES, trainers, write_study, write_table
from tests.data.tabular.test_described_columns import TEXT
from tests.network.cables import change_settings
from tests.network.trials import LONGEST, no_progress, started

from collegium.audit.trust import genesis_root
from collegium.audit.verify import verify
from collegium.network.founding import found
from collegium.network.plan import planned
from collegium.network.record import NetworkRecord, home_of, read_record
from collegium.network.trial import stop_all
from collegium.network.watch import statuses, study_of, wait_closed
from collegium.node.home import read_keys
from collegium.node.templates import policy_text

pytestmark = pytest.mark.long

CHANGES = ("consensus.engine=log", "study.min_sites=3", "training.rounds=2")
ODD = {
    "age [years]": "7654321.0987",
    "sex": "unheard-of",
    "admitted": "13/02/2023",
    "lactate": "lots",
}


@contextmanager
def members_with_own_files(folder: Path, files: dict[str, str]) -> Iterator[NetworkRecord]:
    """Members of a private study of a described table, each with a file, at work."""
    study = write_study(folder / "owner", text=TEXT)
    (folder / "trial").mkdir()
    found(folder / "trial", planned(study, None, CHANGES))
    for name in SITES:
        home = home_of(folder / "trial", name)
        (home / "rows.csv").write_text(files[name])
        policy = policy_text(["cohort"], minimum_rows=1) + "\nepsilon_in_all = 4.5\n"
        (home / "policy.toml").write_text(policy)
        change_settings(folder / "trial", name, "phase = 30.0", "phase = 3.0")
    watchdog = Timer(LONGEST, stop_all, [folder / "trial"])
    watchdog.daemon = True
    watchdog.start()
    try:
        yield started(folder / "trial")
    finally:
        watchdog.cancel()
        watchdog.join()
        stop_all(folder / "trial")


def own_files(folder: Path) -> dict[str, str]:
    """Each member's file: va's has odd cells, hungarian's lacks a column, switzerland's is cut."""
    files = {}
    for number, name in enumerate(SITES):
        cells = trainers(80, seed=number)
        del cells["hospital"], cells["device"], cells["mrn"]
        if name == "hungarian":
            del cells["lactate"]
        if name == "va":
            for row, (column, cell) in enumerate(ODD.items()):
                cells[column][10 + row] = cell
        files[name] = write_table(folder / f"{name}.csv", cells).read_text()
    files["switzerland"] += "P99999,61\n"  # what an export that broke off leaves
    return files


def test_members_learn_privately_from_files_of_their_own_some_of_them_odd(tmp_path: Path) -> None:
    folder, files = tmp_path / "trial", own_files(tmp_path)
    with members_with_own_files(tmp_path, files) as record:
        closed = wait_closed(folder, record, no_progress)
        seen = {name: study_of(one, "cohort") for name, one in statuses(folder, record).items()}
        lines = {name: one.rows for name, one in seen.items() if one is not None}
        refused = {name: one.refused for name, one in seen.items() if one is not None}
    assert closed.outcome == "completed"

    record = read_record(folder)
    for name in SITES:
        keys = read_keys(home_of(folder, name), lambda: None).ledger
        trust = genesis_root(record.genesis)
        told = verify(home_of(folder, name), trust=trust, partial=True, keys=keys)
        assert (told.ok, told.model) == (True, closed.model)
        assert told.levels == {"recomputed": 2}
        assert "statistics" not in told.checked
        assert [one.site for one in told.privacy] == ["cleveland", "hungarian", "va"]
        assert all(one.epsilon <= 4 for one in told.privacy)

    assert lines["cleveland"] == lines["switzerland"] == ()
    assert lines["hungarian"] == (
        "column 'lactate': the file does not have it, so it counts as missing in every row",
    )
    for line in (
        "column 'age': values beyond the range count as its nearer end: row 11",
        "column 'sex': categories that the study does not name count as any other: row 12",
        "column 'admitted': cells that are no number or date count as missing: row 13",
        "column 'lactate': cells that are no number or date count as missing: row 14",
    ):
        assert line in lines["va"]
        assert line in (home_of(folder, "va") / "node.log").read_text()
    (why,) = refused["switzerland"]
    assert "line 82" in why
    assert not any(refused[name] for name in SITES if name != "switzerland")

    secrets = {"va": [*ODD.values(), "beyond the range"], "hungarian": ["does not have it"],
               "switzerland": ["line 82", "P99999"]}  # fmt: skip
    for owner, texts in secrets.items():
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_relative_to(home_of(folder, owner)):
                data = path.read_bytes()
                assert not [text for text in texts if text.encode() in data], path
