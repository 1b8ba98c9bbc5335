"""What `from collegium import …` gives, in whatever order modules are loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.commands import environment

import collegium


def printed(*lines: str, cwd: Path | None = None) -> list[str]:
    """What a program prints in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], cwd=cwd, env=environment(),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_every_public_name_is_there() -> None:
    assert dir(collegium) == sorted(collegium.__all__)
    for name in collegium.__all__:
        assert getattr(collegium, name) is not None


def test_another_name_is_not() -> None:
    with pytest.raises(AttributeError, match="'runn'"):
        _ = collegium.runn


def test_names_mean_functions_even_after_modules_of_the_same_names_were_loaded() -> None:
    assert printed(
        "import collegium.audit.verify, collegium.release.prediction",
        "import collegium.simulation.execution",
        "import collegium.study.document, collegium.cli.commands",
        "from collegium import Study, predict, read_study, run, verify",
        "print(*[one.__name__ for one in (run, verify, predict, read_study, Study)])",
    ) == ["run verify predict read_study Study"]


def test_an_auditor_loads_no_trainer_and_a_plain_import_almost_nothing() -> None:
    (loaded,) = printed("import sys, collegium", "print(*[m for m in sys.modules if 'numpy' in m])")
    assert loaded == ""
    (trainers,) = printed(
        "import sys", "from collegium import verify",
        "print(*[m for m in sys.modules if m.startswith('collegium.learning.dense')])",
    )  # fmt: skip
    assert trainers == ""


def test_a_study_is_run_verified_and_applied_from_python(tmp_path: Path) -> None:
    model, ok, rows = printed(
        "import collegium.cli",
        "from collegium import predict, read_study, run, verify",
        "study = read_study('heart', ['training.rounds=2', 'evaluation.bootstrap=0']).study",
        "result = run(study, out='mine')",
        "print(result.model)",
        "print(verify('mine').ok, verify(result.folder).model == result.model)",
        "from collegium.plugins import find",
        "features = find('datasets', 'uci_heart')().schema.features",
        "cells = [f.categories[0].code if f.categories else '1' for f in features]",
        "text = ','.join(f.name for f in features) + '\\n' + ','.join(cells)",
        "open('table.csv', 'w').write(text)",
        "print(predict('mine', 'table.csv').scores.shape)",
        cwd=tmp_path,
    )
    assert len(model) == 64
    assert (ok, rows) == ("True True", "(1, 1)")
