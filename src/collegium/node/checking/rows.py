"""A member's rows: the source can be read, and is what the studies in course want of it."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from importlib import import_module
from pathlib import Path

from collegium.assembly.cutting import learned_from
from collegium.assembly.parts import described, load_dataset, parts_of_table
from collegium.canonical import from_text, to_text
from collegium.data.table import SiteRows
from collegium.data.tabular.reading import read_table_file
from collegium.data.tabular.study_rows import StudyRows
from collegium.errors import CollegiumError, NodeError
from collegium.federation.identity import Identity
from collegium.federation.snapshot import snapshot
from collegium.federation.view import StudyView
from collegium.ledger.application import Application
from collegium.ledger.examining import Diagnosis, sound, unchecked, wrong
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.node.config import DataSource
from collegium.node.home import BLOBS
from collegium.node.ledger_queries import registered_studies
from collegium.node.policy import Policy, runs
from collegium.node.site_rows import own_described_rows, own_rows, own_site_table
from collegium.storage.store import BlobStore
from collegium.study.canonical import study_from_document
from collegium.study.document import Study
from collegium.study.terms import agrees_by_statistics

PART = "data"

LARGEST_DOCUMENT = 2**24

OwnParts = tuple[SiteRows, SiteRows] | tuple[StudyRows, StudyRows]


def examine_source(source: DataSource, home: Path) -> Iterator[Diagnosis]:
    """Yield whether a source of rows can be read, whatever a study wants of it."""
    try:
        yield sound(PART, _read(source, home))
    except CollegiumError as error:
        yield wrong(PART, error)


def _read(source: DataSource, home: Path) -> str:
    """Return what there is, in words.

    Raises:
        CollegiumError: it cannot be read, or a column is missing that node.toml names.
    """
    if source.csv is not None:
        table = read_table_file(home / source.csv)
        named = [source.person, source.published, *(source.time or ())]
        for column in named:
            if column is not None and column not in table.columns:
                raise NodeError(
                    "data.missing-column", f"{source.csv} has no column {column!r}",
                    "[data] of node.toml names it", "correct the name there, or add the column",
                )  # fmt: skip
        return f"{source.csv} has {table.rows} rows and {len(table.columns)} columns"
    if source.dataset is not None:
        load_dataset(source.dataset)
        return f"the data set {source.dataset} is installed"
    loader = source.loader or ""
    module, _, function = loader.partition(":")
    try:
        there = callable(getattr(import_module(module), function))
    except Exception as error:
        raise _no_loader(loader, f"{type(error).__name__}: {error}") from error
    if not there:
        raise _no_loader(loader, "it cannot be called")
    return f"the loader {loader} is there"


def _no_loader(loader: str, why: str) -> NodeError:
    return NodeError(
        "node.loader", f"the loader {loader} cannot be used", why, "repair it, or name another one"
    )


def examine_studies(
    source: DataSource, home: Path, member: str, ledger: Application, policy: Policy,
    identity: Identity | None, store: BlobStore | None,
) -> Iterator[Diagnosis]:  # fmt: skip
    """Yield, for each study in course of which a member is a site, whether its rows fit.

    Args:
        source: where the rows are.
        home: the member's.
        member: its id.
        ledger: what is final in the home.
        policy: says whose code may run here.
        identity: the member's; without it rows are not compared with those of before.
        store: where documents are that the home does not have yet, None where it cannot be asked.
    """
    for name in registered_studies(ledger.state):
        view = StudyView(ledger.state, name)
        registration = view.registration
        if registration is None or view.phase == "closed" or member not in registration.sites:
            continue
        data = _document(home, from_text(registration.document, DIGEST_SIZE), store)
        if data is None:
            yield unchecked(PART, f"the document of {name} is not in the home yet")
            continue
        try:
            study = study_from_document(data)
            if not runs(policy, study):
                why = f"own_code in policy.toml does not allow the code of {name}"
                yield unchecked(PART, why)
                continue
            train, test = _parts(source, home, study, member)
            accepted = view.acceptance(member)
            if identity is not None and accepted is not None:
                told = to_text(snapshot(identity, name, (train, test)))
                if told != accepted.snapshot:
                    raise NodeError(
                        "node.other-rows", f"the rows are not those with which {name} was accepted",
                        "their source has changed since, and the site takes no further part",
                        "restore what it was",
                    )  # fmt: skip
        except CollegiumError as error:
            yield wrong(PART, error)
            continue
        except Exception as error:  # a document may be anybody's, and the rest is to be told
            yield unchecked(PART, f"{name} fails: {type(error).__name__}: {error}")
            continue
        counts = f"{_count(train)} rows to train on, {_count(test)} to test on"
        yield sound(PART, f"for {name}: {counts}")


def _document(home: Path, digest: bytes, store: BlobStore | None) -> bytes | None:
    try:
        data = (home / BLOBS / digest.hex()).read_bytes()
        if sha256(data).digest() == digest:
            return data
    except OSError:
        pass
    try:
        return None if store is None else store.get(digest, LARGEST_DOCUMENT)
    except CollegiumError:
        return None


def _parts(source: DataSource, home: Path, study: Study, member: str) -> OwnParts:
    """Return the training and the test part with which a site accepts a study."""
    if isinstance(study.data.source, str):
        rows = own_rows(source, home, study, described(study.data.source), member)
    elif agrees_by_statistics(study):
        table = own_site_table(source, home, study, member)
        return table.train, table.test
    else:
        rows = own_described_rows(source, home, study, parts_of_table(study, None), member)
    return learned_from(study, rows.train), rows.test


def _count(part: SiteRows | StudyRows) -> int:
    return part.rows if isinstance(part, StudyRows) else len(part.y)
