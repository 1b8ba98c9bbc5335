"""The log of a folder as files that any web server can hand out."""

from pathlib import Path

import pytest
from tests.audit.cosigned import Cosigned

from collegium.audit.export import export_tiles
from collegium.audit.log import read_log
from collegium.errors import RunError
from collegium.ledger.merkle import leaf_hash
from collegium.ledger.note import open_checkpoint
from collegium.ledger.tiles import parse_tile_path, split_bundle, subtrees_of_tiles, tiles_of


def test_a_monitor_reads_the_log_back_from_the_files(cosigned: Cosigned, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "www"
    checkpoint, count = export_tiles(cosigned.folder, out)
    log = read_log(cosigned.folder)
    note = (out / "checkpoint").read_text("utf-8")
    assert note == cosigned.note
    assert open_checkpoint(note, log.origin, log.log_key) == checkpoint
    names = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert names == {"checkpoint", *(place.path for place in tiles_of(checkpoint.size))}
    assert count == len(names) - 1
    root = subtrees_of_tiles(lambda place: (out / place.path).read_bytes(), checkpoint.size)
    assert root(0, checkpoint.size) == checkpoint.root
    entries = []
    for name in sorted(names - {"checkpoint"}):
        if parse_tile_path(name).level is None:
            entries += split_bundle((out / name).read_bytes())
    assert entries == log.entries
    assert [leaf_hash(entry) for entry in entries] == log.hashes


def test_nothing_is_overwritten(cosigned: Cosigned, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for out in (tmp_path, tmp_path / "file", cosigned.folder):
        with pytest.raises(RunError, match=r"output\.exists"):
            export_tiles(cosigned.folder, out)
    (tmp_path / "empty").mkdir()
    export_tiles(cosigned.folder, tmp_path / "empty")
