"""Every rule gives the same bits with one thread and two, on other kernels and processors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.learning.aggregation.golden import digests, fixed_updates

from collegium.learning.aggregation.composition import rule_called
from collegium.plugins import names

GOLDEN: dict[str, str] = json.loads((Path(__file__).parent / "golden.json").read_text())
ROOT = Path(__file__).parents[3]


def elsewhere(**variables: str) -> dict[str, str]:
    """Return the digests that another process comes to with some variables set."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS")}
    plain.pop("NPY_DISABLE_CPU_FEATURES", None)
    shown = subprocess.run(
        [sys.executable, "-m", "tests.learning.aggregation.golden"],
        env={**plain, **variables}, cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, str] = json.loads(shown.stdout)
    return found


def test_every_rule_gives_the_golden_bits() -> None:
    assert digests() == GOLDEN
    assert {name.partition("@")[0] for name in GOLDEN} >= set(names("rules"))
    assert {part for name in GOLDEN for part in name.partition("@")[0].split("+")} >= set(
        names("pre_aggregations")
    )


@pytest.mark.parametrize("threads", ["1", "2"])
def test_whatever_the_threads(threads: str) -> None:
    assert elsewhere(OPENBLAS_NUM_THREADS=threads, OMP_NUM_THREADS=threads) == GOLDEN


@pytest.mark.parametrize("kernel", ["Prescott", "Haswell", "SkylakeX"])
def test_whatever_the_kernel_of_blas(kernel: str) -> None:
    if kernel == "SkylakeX" and "AVX512_SKX" not in np.show_config(mode="dicts").get(
        "SIMD Extensions", {}
    ).get("found", []):
        pytest.skip("this processor lacks what the kernel needs")
    assert elsewhere(OPENBLAS_CORETYPE=kernel) == GOLDEN


def test_whatever_the_processor_offers() -> None:
    features = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    if not features:
        pytest.skip("NumPy uses no optional feature of this processor")
    assert elsewhere(NPY_DISABLE_CPU_FEATURES=" ".join(features)) == GOLDEN


@pytest.mark.parametrize("cores", [1, 2, 5])
def test_whatever_the_cores(cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collegium.cores.cores", lambda: cores)
    assert digests() == GOLDEN


def test_a_larger_model_in_many_blocks_on_many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    given = fixed_updates(20, 200_001)
    for name in ("nnm+trimmed_mean", "median", "krum", "geometric_median", "norm_clipping+median"):
        totals = []
        for cores in (1, 3):
            monkeypatch.setattr("collegium.cores.cores", lambda cores=cores: cores)
            totals.append(rule_called(name).aggregate(given, 4).total)
        assert (totals[0] == totals[1]).all()
