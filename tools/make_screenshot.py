"""Make docs/report.png, the picture of a report in the README: needs Chromium.

python tools/make_screenshot.py
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from collegium.measuring.reporting import report_on
from collegium.simulation.execution import run

PICTURE = Path(__file__).parents[1] / "docs" / "report.png"


def main() -> None:
    """Run the preset `heart`, and take a picture of the first screen of its report."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))))
    with tempfile.TemporaryDirectory() as scratch:
        report = report_on(run("heart", out=Path(scratch) / "heart").folder)
        subprocess.run(  # noqa: S603
            [browser, "--headless", "--no-sandbox", "--hide-scrollbars", "--window-size=1000,1000",
             f"--screenshot={PICTURE}", report.as_uri()],
            check=True, capture_output=True,
        )  # fmt: skip


if __name__ == "__main__":
    main()
