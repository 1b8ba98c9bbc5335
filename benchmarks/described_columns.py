"""What described columns cost against exact statistics, and what noised statistics would gain.

Three real tables as a user would bring them (gaps left empty), each cut anew by every seed:

* `heart`: the original files of the four hospitals (920 rows, 13 columns);
* `eicu`: the first day in intensive care (2,179 stays, five regions);
* `glioma`: the mutations of 840 tumors, dealt to four sites.

A logistic model is trained for 30 rounds on inputs that were prepared in one of these ways:

* `statistics`: the sites exchange exact sums, as without differential privacy;
* `exact`: ranges are described, and `typical` and `spread` are the rows' own mean and standard
  deviation: what no noised statistics could surpass;
* `noised`: the same of sums with central normal noise, for a tenth of the epsilon, clipped to the
  ranges (a vector of a count, a value and its square for each column; none where nothing else is
  noised);
* `described`: ranges, with `typical` and `spread` from textbooks (`BOUNDS`);
* `ranges`: ranges alone, so that their middle and a quarter of their width stand in;
* `wide`: ranges alone, four times as wide.

Without noise and with DP-SGD at an epsilon of 4 (record, delta 1e-5, rate 0.1). Each way has the
best of four learning rates. Printed are the mean AUC on test parts over seeds and the paired
difference to `exact` with its 95 % interval, corrected for the rows that splits share.

    COLLEGIUM_DATA=... .venv/bin/python -m benchmarks.described_columns [--seeds 20] [heart ...]
"""

from __future__ import annotations

import argparse
import csv
import io
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import log, sqrt
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from collegium.assembly.parts import load_dataset
from collegium.assembly.preparation import prepare
from collegium.data.site_table import site_table
from collegium.learning.evaluation.metrics import measure
from collegium.learning.evaluation.replication import mean_interval
from collegium.learning.models import predict
from collegium.simulation.ledgerless import run_without_ledger
from collegium.study.reading import read_study

Cells = dict[str, list[str]]
EPSILON, DELTA, SHARE = 4.0, 1e-5, 0.1
RATES = (0.05, 0.2, 0.8, 3.2)
TEST = 0.34

HEART = ("age", "sex", "cp", "trestbps", "chol", "fbs", "restecg", "thalach", "exang", "oldpeak",
         "slope", "ca", "thal", "num")  # fmt: skip

BOUNDS: Mapping[str, tuple[float, float, float, float]] = {
    "age": (18, 100, 60, 15), "trestbps": (60, 250, 130, 20), "chol": (80, 600, 210, 45),
    "thalach": (50, 220, 140, 25), "oldpeak": (-3, 7, 1, 1), "ca": (0, 3, 0, 1),
    "eyes": (1, 4, 4, 1), "motor": (1, 6, 6, 1.5), "verbal": (1, 5, 5, 1.5),
    "urine": (0, 10000, 2000, 1500), "wbc": (0, 60, 9, 6), "temperature": (28, 43, 37, 1),
    "respiratoryrate": (0, 70, 20, 10), "sodium": (100, 180, 139, 6), "heartrate": (0, 250, 90, 30),
    "meanbp": (20, 220, 85, 30), "ph": (6.8, 7.8, 7.4, 0.1), "hematocrit": (10, 65, 36, 7),
    "creatinine": (0.1, 15, 1, 1.5), "albumin": (1, 6, 3.5, 0.7), "pao2": (20, 600, 100, 60),
    "pco2": (10, 120, 40, 12), "bun": (1, 180, 20, 20), "glucose": (20, 800, 130, 80),
    "bilirubin": (0, 40, 0.8, 2), "fio2": (21, 100, 40, 25), "Age_at_diagnosis": (0, 100, 55, 15),
}  # fmt: skip
"""By column: range, a typical value and a usual spread, from textbooks and not from the rows."""


@dataclass(frozen=True)
class Source:
    """A table: its cells, columns of categories, target, classes and how it is partitioned."""

    cells: Cells
    categories: Mapping[str, tuple[str, ...]]
    target: str
    classes: tuple[str, str]
    site: str | None = "site"


def heart() -> Source:
    """Return the four hospitals' original rows."""
    cells: Cells = {name: [] for name in ("site", *HEART)}
    folder = Path(os.environ["COLLEGIUM_DATA"]) / "uci_heart_4hospitals"
    for site in ("cleveland", "hungarian", "switzerland", "va"):
        for row in csv.reader((folder / f"processed.{site}.data").read_text().splitlines()):
            for name, cell in zip(HEART, row, strict=True):
                cells[name].append("" if cell == "?" else f"{float(cell):g}")
            cells["site"].append(site)
    cells["sick"] = ["yes" if cell != "0" else "no" for cell in cells.pop("num")]
    cells["chol"] = ["" if cell == "0" else cell for cell in cells["chol"]]  # not measured
    words = {"sex": "01", "cp": "1234", "fbs": "01", "restecg": "012", "exang": "01",
             "slope": "123", "thal": "367"}  # fmt: skip
    return Source(cells, {name: tuple(told) for name, told in words.items()}, "sick", ("no", "yes"))


def registered(name: str, target: str, classes: tuple[str, str], site: str | None) -> Source:
    """Return a registered data set's rows as a table; what was not measured is empty."""
    dataset = load_dataset(name)
    cells: Cells = {}
    for rows in dataset.sites:
        found = list(csv.DictReader(io.StringIO(site_table(dataset.schema, rows))))
        for key in found[0]:
            cells.setdefault(key, []).extend(row[key] for row in found)
        cells.setdefault("site", []).extend([rows.name] * len(found))
    del cells["person"]
    for key in [one for one in cells if one.endswith("_measured")]:
        seen, column = cells.pop(key), key.removesuffix("_measured")
        if column in cells:
            cells[column] = [cell if one == "1" else ""
                             for cell, one in zip(cells[column], seen, strict=True)]  # fmt: skip
    words = {one.name: tuple(category.code for category in one.categories)
             if one.kind == "categorical" else ("0", "1")
             for one in dataset.schema.features
             if one.name in cells and one.kind != "numeric"}  # fmt: skip
    return Source(cells, words, target, classes, site)


SOURCES: Mapping[str, Callable[[], Source]] = {
    "heart": heart,
    "eicu": lambda: registered("eicu_demo", "hospital_mortality", ("alive", "expired"), "site"),
    "glioma": lambda: registered("tcga_glioma", "Grade", ("LGG", "GBM"), None),
}


def described(source: Source, how: str, seed: int, *, private: bool) -> Iterator[str]:
    """Yield the lines that describe a table's columns in one of the ways."""
    numbers = [name for name in source.cells if name in BOUNDS]
    values = {name: np.array([float(one or "nan") for one in source.cells[name]])
              for name in numbers}  # fmt: skip
    draws = np.random.default_rng(seed)
    sigma = 0.0
    if how == "noised" and private:
        sigma = sqrt(3 * len(numbers)) * sqrt(2 * log(1.25 / DELTA)) / (SHARE * EPSILON)
    for name in numbers:
        low, high, typical, spread = BOUNDS[name]
        middle, half = (low + high) / 2, (high - low) / 2
        if how == "wide":
            low, high = middle - 4 * half, middle + 4 * half
        yield f"[data.columns.{name}]\nrange = [{low}, {high}]\nmissing = true"
        if how in ("exact", "noised"):
            here = values[name][~np.isnan(values[name])].clip(low, high)
            told = (here - middle) / half
            sums = np.array([len(told), told.sum(), (told**2).sum()]) + draws.normal(0, sigma, 3)
            mean = float(np.clip(sums[1] / max(sums[0], 1), -1, 1))
            variance = sums[2] / max(sums[0], 1) - mean**2
            typical, spread = middle + half * mean, half * sqrt(max(variance, 0.01**2))
        if how in ("exact", "noised", "described"):
            yield f"typical = {typical}\nspread = {min(spread, high - low)}"
    for name, words in source.categories.items():
        yield f"[data.columns.{name}]\ncategories = {list(words)}\nmissing = true"


def document(source: Source, how: str, seed: int, rate: float, *, private: bool) -> str:
    """Return a study's document."""
    place = 'partition = { by = "iid", sites = 4 }' if source.site is None else ""
    site = "" if source.site is None else f'site = "{source.site}", '
    dropped = "" if source.site else ', drop = ["site"]'
    words = "" if how != "statistics" else f"categorical = {list(source.categories)}, "
    lines = [
        '[study]\nid = "t"\ntitle = "t"\nquestion = "t"', f"seed = {seed}", "[data]",
        f'source = {{ table = "t.csv", target = "{source.target}", {site}{words}'
        f"classes = {list(source.classes)}{dropped} }}",
        place, f'split = {{ test = {TEST}, by = "person" }}',
        '[model]\narchitecture = "logistic"\n[training]\nrounds = 30',
        f"learning_rate = {rate}", "[evaluation]\nbootstrap = 0",
    ]  # fmt: skip
    if private:
        epsilon = EPSILON * (1 - SHARE) if how == "noised" else EPSILON
        lines.append(
            "[privacy]\ndifferential_privacy = "
            f'{{ unit = "record", epsilon = {epsilon}, delta = {DELTA} }}'
        )
    if how != "statistics":
        lines += described(source, how, seed, private=private)
    return "\n".join(lines) + "\n"


def auc(folder: Path, text: str) -> float:
    """Return a study's AUC on the test rows of all sites."""
    (folder / "t.toml").write_text(text)
    prepared = prepare(read_study(folder / "t.toml"))
    model = run_without_ledger(prepared).parameters
    parts = prepared.test.values()
    scores = np.concatenate([predict(prepared.parts.spec, model, rows.x) for rows in parts])
    found = measure("binary", np.concatenate([rows.y for rows in parts]), scores)["auc"]
    return float("nan") if found is None else found


def main() -> None:
    """Print a table for each source."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", nargs="*", default=[*SOURCES])
    parser.add_argument("--seeds", type=int, default=20)
    given = parser.parse_args()
    for name in given.sources:
        source = SOURCES[name]()
        rows = len(source.cells[source.target])
        print(f"\n{name}, {rows} rows\n\n| inputs | noise | rate | AUC | less `exact` |")
        print("|---|---|---|---|---|")
        for private in (False, True):
            found: dict[str, tuple[float, Any]] = {}
            ways = ("exact", "statistics", "noised", "described", "ranges", "wide")
            for how in ways:
                if how == ("statistics" if private else "noised"):
                    continue
                tried = {rate: aucs(source, how, rate, given.seeds, private=private)
                         for rate in RATES}  # fmt: skip
                found[how] = max(tried.items(), key=lambda one: float(np.mean(one[1])))
                rate, values = found[how]
                ratio = TEST / (1 - TEST)
                less = mean_interval(list(values - found["exact"][1]), ratio)
                told = "" if less is None else f" ({less.low:+.3f} to {less.high:+.3f})"
                noise = f"epsilon {EPSILON:g}" if private else "none"
                mean = np.mean(values - found["exact"][1])
                print(
                    f"| {how} | {noise} | {rate:g} | {np.mean(values):.3f} | {mean:+.3f}{told} |",
                    flush=True,
                )


def aucs(source: Source, how: str, rate: float, seeds: int, *, private: bool) -> Any:
    """Return the AUC of each seed, float64 [seeds]."""
    with TemporaryDirectory() as place:
        folder = Path(place)
        with (folder / "t.csv").open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(source.cells)
            table.writerows(zip(*source.cells.values(), strict=True))
        told = [document(source, how, seed, rate, private=private) for seed in range(1, seeds + 1)]
        return np.array([auc(folder, text) for text in told])


if __name__ == "__main__":
    main()
