"""Installing a package of this folder, as far as a process that looks for packages can tell."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def path_with(folder: Path, package: str, mechanism: str) -> str:
    """Return a PYTHONPATH for processes that find one of these packages as a mechanism.

    Args:
        folder: where to say what an installer says.
        package: its name below this folder.
        mechanism: the name of its entry point.
    """
    about = folder / f"{package}-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        f"[collegium.mechanisms]\n{mechanism} = tests.mechanism_package.{package}\n"
    )
    before = os.environ.get("PYTHONPATH")
    return os.pathsep.join([str(folder), str(ROOT), *([before] if before else [])])
