"""Members with tables of their own come to the model that one file with a column of sites gives."""

import csv
from pathlib import Path

import pytest
from tests.data.tabular.cohorts import STUDY, trainers, write_study

from collegium.assembly.preparation import prepare
from collegium.assembly.tables import agreed_by_all
from collegium.audit.verify import verify
from collegium.network.plan import planned, tables_by_site
from collegium.node.config import DataSource
from collegium.node.site_rows import encoded_rows, own_site_table
from collegium.simulation.execution import run
from collegium.study.document import TableSource
from collegium.study.reading import read_study


def test_a_member_s_own_file_gives_its_rows_of_the_whole_one(tmp_path: Path) -> None:
    cells = trainers()
    cells["age [years]"][7] = "about 60"  # a slip at one site, and at no other
    cells["score"] = [f"{n}" if site != "va" else f"grade {n % 3}"
                      for n, site in enumerate(cells["hospital"])]  # fmt: skip
    study = write_study(tmp_path, cells)
    whole = prepare(read_study(study))
    prepared = planned(study, None, ())
    source = prepared.study.data.source
    assert whole.table is not None
    assert isinstance(source, TableSource)
    parts = {}
    for name, text in tables_by_site(prepared).items():
        (tmp_path / f"{name}.csv").write_text(text)
        assert "hospital" not in next(csv.reader(text.splitlines()))
        own = DataSource(csv=f"{name}.csv")
        parts[name] = own_site_table(own, tmp_path, prepared.study, name)
    assert agreed_by_all(source, prepared.study, parts, 3) == whole.table.blob
    for name, table in parts.items():
        rows = encoded_rows(whole.table.agreement, table, name)
        for mine, theirs in ((rows.train, whole.train[name]), (rows.test, whole.test[name])):
            assert mine.x.tobytes() == theirs.x.tobytes()
            assert mine.y.tobytes() == theirs.y.tobytes()


@pytest.mark.long
def test_processes_with_files_of_their_own_end_in_the_model_of_a_simulation(
    tmp_path: Path,
) -> None:
    study = write_study(tmp_path, text=STUDY)
    alone = run(study, out=tmp_path / "solo")
    among = run(study, out=tmp_path / "log", changes=["consensus.engine=log"])
    assert among.model == alone.model
    verification = verify(among.folder)
    assert verification.ok
    assert verification.checked["statistics"] == 3


@pytest.mark.long
def test_processes_that_mask_the_sums_of_their_files_end_in_the_model_of_a_simulation(
    tmp_path: Path,
) -> None:
    study = write_study(tmp_path, text=STUDY)
    masked = 'privacy.secure_aggregation={ protocol = "secagg" }'
    alone = run(study, out=tmp_path / "solo", changes=[masked])
    among = run(study, out=tmp_path / "log", changes=[masked, "consensus.engine=log"])
    assert among.model == alone.model
    verification = verify(among.folder)
    assert verification.ok
    assert (verification.checked["statistics"], verification.checked["sums"]) == (1, 3)
