"""Apply a released model of a table to a CSV file, without Collegium: NumPy and this file.

    python apply_model.py RUN/model patients.csv

It follows docs/spec/8-blobs.md (the bundle) and 15-statistics.md (preparation.json), and prints a
score for each row, or one for each class. It takes plain CSV with commas; `collegium predict`
refuses more that is wrong, and says why.
"""

from __future__ import annotations

import csv
import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def read_weights(path: Path) -> dict[str, Array]:
    """Return the tensors of a safetensors file by name."""
    data = path.read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    found = {}
    for name, about in json.loads(data[8:end]).items():
        if name != "__metadata__":
            first, last = about["data_offsets"]
            values = np.frombuffer(data[end + first : end + last], "<f4")
            found[name] = values.reshape(about["shape"]).astype(np.float64)
    return found


def number(cell: str) -> float:
    """Return a cell's number, NaN where there is none."""
    try:
        return float(cell)
    except ValueError:
        return float("nan")


def word(cell: str) -> str:
    """Return a cell as categories are compared: numbers in their shortest form."""
    value = number(cell)
    return cell if value != value else repr(value + 0.0).removesuffix(".0")


def days(cell: str) -> float:
    """Return the days from 1970-01-01 to an ISO date, NaN where there is none."""
    try:
        return float((date.fromisoformat(cell[:10]) - date(1970, 1, 1)).days)
    except ValueError:
        return float("nan")


def inputs_of(column: dict[str, Any], cells: list[str]) -> list[Array]:
    """Return the inputs that one agreed column makes."""
    blocks = []
    if column["kind"] == "categorical":
        words = [word(cell) for cell in cells]
        missing = np.array([not cell for cell in cells])
        known = np.zeros(len(cells), bool)
        for place, category in enumerate(column["categories"]):
            hit = np.array([one == category for one in words])
            known |= hit
            blocks += [hit.astype(float)] if place else []
        other = ~known & ~missing if column["missing"] else ~known
        blocks.append(other.astype(float))
    else:
        values = np.array([(days if column["kind"] == "date" else number)(one) for one in cells])
        missing = np.isnan(values)
        unit = 2.0 ** (column["exponent"] - 48)
        if column["scale"]:
            if "lowest" in column:
                values = np.clip(values, column["lowest"] * unit, column["highest"] * unit)
            filled = np.where(missing, column["median"] * unit, values)
            scaled = (filled - column["center"] * unit) / (column["scale"] * unit)
            blocks.append(np.clip(scaled, -8.0, 8.0))
    return [*blocks, missing.astype(float)] if column["missing"] else blocks


def scores(about: dict[str, Any], weights: dict[str, Array], x: Array, offset: Array) -> Array:
    """Return what the model says of each row, [rows, outputs]; of counts over exp(offset)."""
    values, layers = x.astype(np.float32).astype(np.float64), len(weights) // 2
    for layer in range(layers):
        values = np.maximum(values, 0.0) if layer else values
        values = values @ weights[f"layer{layer}.weight"] + weights[f"layer{layer}.bias"]
    if about["task"] in ("regression", "survival"):
        mean, spread = about.get("target_unit", (0.0, 1.0))
        return np.asarray(mean + spread * values)
    if about["task"] == "count":
        return np.asarray(np.exp(values + offset[:, None]))
    if values.shape[1] == 1:
        return np.asarray(1.0 / (1.0 + np.exp(-values)))
    shifted = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def main(model: Path, table: Path) -> None:
    """Print the scores of a table's rows."""
    about = json.loads((model / "model.json").read_text())
    prepared = json.loads((model / "preparation.json").read_text())
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    named = [{key.split(" [")[0].strip(): row[key].strip() for key in row} for row in rows]
    gaps = {"", "?", ".", "-", "NA", "N/A", "NaN", "nan", "NULL", "null"}
    blocks, absent = [], set(prepared.get("absent", []))
    for column in prepared["columns"]:
        cells = [row[column["name"]] for row in named]
        cells = ["" if cell in gaps or word(cell) in absent else cell for cell in cells]
        blocks += inputs_of(column, cells)
    exposure = prepared.get("exposure")
    offset = np.log([number(row[exposure]) if exposure else 1.0 for row in named])
    weights = read_weights(model / "model.safetensors")
    for row in scores(about, weights, np.stack(blocks, axis=1), offset.astype(np.float32)):
        print(",".join(f"{score:.9f}" for score in row))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
