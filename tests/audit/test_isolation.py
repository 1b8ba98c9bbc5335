"""An auditor installs nothing that trains and needs nobody's participants: verification stands."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ABSENT = (
    "collegium.assembly",
    "collegium.cli",
    "collegium.data.uci_heart",
    "collegium.federation",
    "collegium.learning.dense",
    "collegium.learning.models",
    "collegium.learning.trainer",
    "collegium.measuring",
    "collegium.release",
    "collegium.report",
    "collegium.simulation",
    "collegium.threats",
)

VERIFY = """
import json, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if any(name == one or name.startswith(one + ".") for one in sys.argv[3:]):
            raise ModuleNotFoundError(f"{name} is not installed here", name=name)

sys.meta_path.insert(0, Absent())
from collegium.audit.trust import policy_root
from collegium.audit.verify import verify
from pathlib import Path
told = verify(sys.argv[1], trust=policy_root(Path(sys.argv[2])))
print(json.dumps([told.ok, told.anchored, told.levels, [one.code for one in told.findings]]))
"""


def test_a_run_is_verified_without_trainers_participants_or_reports(honest: Path) -> None:
    policy = honest / "policy.json"
    done = subprocess.run(
        [sys.executable, "-c", VERIFY, str(honest), str(policy), *ABSENT],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [True, "checkpoint", {"recomputed": 3}, []]


def test_what_is_absent_could_not_have_been_used(honest: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", VERIFY, str(honest), str(honest), "collegium.learning.aggregation"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "collegium.learning.aggregation is not installed here" in done.stderr
