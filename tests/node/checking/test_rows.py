"""The rows of a home are held against what the studies in course want of them."""

from __future__ import annotations

from pathlib import Path

from tests.data.tabular.cohorts import write_study
from tests.ledger.engines.two_proposers import Shared
from tests.node.kit import OPEN, ROWS, Town, closed, document, town

from collegium.ledger.blobs import BlobFolder
from collegium.ledger.examining import Diagnosis
from collegium.network.plan import planned, tables_by_site
from collegium.node.checking.rows import examine_studies
from collegium.node.config import DataSource


def examined(within: Town, source: DataSource = ROWS, *, shared: bool = True) -> list[Diagnosis]:
    """What is said of the rows of `va`; documents are in the store, where it is shared."""
    acting = within.acting["va"]
    store = Shared(BlobFolder(within.folder / "blobs")) if shared else None
    return list(examine_studies(
        source, acting.home, "va", within.engine.application, OPEN, acting.identity, store
    ))  # fmt: skip


def test_a_study_in_course_finds_its_columns_and_its_rows(tmp_path: Path) -> None:
    with town(tmp_path) as within:
        assert examined(within) == [], "no study is in course"
        within.propose(document())
        within.until(lambda view: view.acceptance("va") is not None)
        (found,) = examined(within)
        assert found.severity == "sound"
        assert found.what == "for heart: 85 rows to train on, 45 to test on"
        (found,) = examined(within, shared=False)
        assert found.what == "not checked, because the document of heart is not in the home yet"
        table = within.home("va") / "rows.csv"
        text = table.read_text()
        table.write_text(text.replace("chol", "kolesterol"))
        (found,) = examined(within)
        assert (found.severity, found.code) == ("error", "data.unknown-column")
        table.write_text("\n".join(line.partition(",")[2] for line in text.splitlines()))
        (found,) = examined(within)
        assert (found.severity, found.code) == ("error", "data.missing-column")
        table.write_text("".join(text.splitlines(keepends=True)[:-1]))
        (found,) = examined(within)
        assert (found.severity, found.code) == ("error", "node.other-rows")
        (found,) = examined(within, DataSource(dataset="uci_heart", site="hospital 7"))
        assert (found.severity, found.code) == ("error", "node.data")
        table.write_text(text)
        within.until(closed)
        assert examined(within) == [], "nor is it any more"


def test_a_study_of_tables_finds_its_target(tmp_path: Path) -> None:
    prepared = planned(write_study(tmp_path / "study"), None, ())
    source = DataSource(csv="table.csv")
    with town(tmp_path, source=source) as within:
        for name, text in tables_by_site(prepared).items():
            (within.home(name) / "table.csv").write_text(text)
        within.propose(prepared.read.text)
        study = prepared.study.study.id
        within.until(lambda view: view.registration is not None, study=study)
        (found,) = examined(within, source)
        assert found.severity == "sound"
        assert found.what.startswith(f"for {study}: ")
        table = within.home("va") / "table.csv"
        target = prepared.dataset.schema.target
        table.write_text(table.read_text().replace(target, "other", 1))
        (found,) = examined(within, source)
        assert found.severity == "error"
        assert target in f"{found.what} {found.why}"
