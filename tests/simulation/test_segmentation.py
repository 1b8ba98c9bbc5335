"""A segmentation, all the way: trained, verified, reported, released, and its masks written."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from tests.commands import collegium

from collegium.assembly.preparation import prepare
from collegium.audit.verify import verify
from collegium.cli.summaries import quality_lines
from collegium.data.phantoms import PHANTOMS, SIDE
from collegium.data.site_table import site_table
from collegium.data.table import take
from collegium.errors import RunError, StudyError
from collegium.learning.model_choice import model_spec
from collegium.measuring.reporting import report_on
from collegium.release.masks import png
from collegium.release.prediction import predict
from collegium.simulation.execution import run
from collegium.study.reading import read_study
from collegium.threats.flipping import flipped

CHANGES = ["training.rounds=3", "evaluation.bootstrap=100", "model.channels=[4, 8]"]


def decoded(data: bytes) -> np.ndarray:
    """Read a gray PNG by the standard's own description."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    place, found, shape = 8, b"", (0, 0)
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        kind, body = data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        (check,) = struct.unpack(">I", data[place + 8 + length : place + 12 + length])
        assert check == zlib.crc32(kind + body)
        if kind == b"IHDR":
            width, height = struct.unpack(">II", body[:8])
            assert body[8:] == bytes([8, 0, 0, 0, 0])
            shape = (height, width)
        found += body if kind == b"IDAT" else b""
        place += 12 + length
    lines = np.frombuffer(zlib.decompress(found), np.uint8).reshape(shape[0], shape[1] + 1)
    assert not lines[:, 0].any()
    return lines[:, 1:]


def test_a_picture_is_a_png() -> None:
    gray = np.random.default_rng(0).integers(0, 256, (5, 9)).astype(np.uint8)
    assert np.array_equal(decoded(png(gray)), gray)


def test_from_pictures_to_masks(tmp_path: Path) -> None:
    pytest.importorskip("jax", reason="the extra jax is not installed")
    result = run("phantoms", out=tmp_path / "run", changes=CHANGES)
    found = verify(result.folder)
    assert (found.ok, found.findings) == (True, ())
    quality = result.measured.federated
    assert quality is not None
    assert set(quality.overall) == {"dice", "iou"}
    assert 0 < (quality.overall["iou"] or 0) < (quality.overall["dice"] or 0) < 1
    assert quality.overall_intervals["dice"] is not None
    page = report_on(result.folder).read_text("utf-8")
    assert "on average over images (Dice)" in page
    assert "The sites are artificial" in page
    assert any("dice 0." in line for line in quality_lines(result.measured))
    rows = take(PHANTOMS().unseen[0], np.arange(4))
    table, masks = tmp_path / "table.csv", tmp_path / "masks"
    lines = site_table(PHANTOMS.schema, rows).splitlines()
    table.write_text("\n".join(line.rpartition(",")[0] for line in lines))  # without the persons
    said = collegium("predict", result.folder, table, "--masks", masks, cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    scores = predict(result.folder, table).scores
    assert sorted(one.name for one in masks.iterdir()) == [f"mask-0000{n}.png" for n in range(1, 5)]
    for number in range(4):
        seen = decoded((masks / f"mask-0000{number + 1}.png").read_bytes())
        assert np.array_equal(seen == 255, scores[number].reshape(SIDE, SIDE) >= 0.5)
        assert f"{number + 1},{(scores[number] >= 0.5).sum()},1024" in said.stdout
    with pytest.raises(RunError) as caught:
        predict(result.folder, table, explain=True)
    assert caught.value.code == "model.no-explanation"


@pytest.mark.parametrize("attack", ["model_replacement", "constrain_and_scale"])
def test_a_pattern_with_one_answer_is_not_planted_in_pictures_with_masks(attack: str) -> None:
    pytest.importorskip("jax", reason="the extra jax is not installed")
    with pytest.raises(StudyError) as caught:
        prepare(read_study("phantoms", [f"threat.attack={attack}"]))
    assert "neither" in caught.value.why


def test_labels_of_pixels_are_turned_round_as_classes_are() -> None:
    rows = take(PHANTOMS().sites[0], np.arange(2))
    spec = model_spec(read_study("phantoms").study.model, PHANTOMS.schema)
    assert np.array_equal(flipped(rows, spec).y, 1 - rows.y)


def test_masks_of_a_model_that_marks_nothing_are_refused(tmp_path: Path) -> None:
    result = run("heart", out=tmp_path / "run", changes=["training.rounds=1", CHANGES[1]])
    table = tmp_path / "table.csv"
    names = "age,sex,cp,trestbps,chol,fbs,restecg,thalach,exang,oldpeak"
    table.write_text(names + "\n63,1,1,145,233,1,2,150,0,2.3\n")
    masks = tmp_path / "masks"
    said = collegium("predict", result.folder, table, "--masks", masks, cwd=tmp_path)
    assert said.returncode == 2
    assert "this model marks no pixels" in said.stderr
    assert not masks.exists()
