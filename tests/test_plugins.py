"""Another package adds a part by an entry point, and cannot change what a known name means.

The package is tests/plugin_package: built as its author would build it, and put on the path of
a new process, since a process looks for installed packages once.
"""

import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from collegium import plugins
from collegium.errors import PluginError

PACKAGE = Path(__file__).parent / "plugin_package"

BEGIN = """
import numpy as np
from collegium import plugins
from collegium.errors import CollegiumError
from collegium.learning.aggregation.updates import Updates

def refusal(act, *arguments):
    try:
        act(*arguments)
    except CollegiumError as error:
        return error.diagnostics()
"""


@dataclass(frozen=True)
class Mean:
    """A part that has only a name."""

    name: str


MEAN_1, MEAN_2 = Mean("mean@1"), Mean("mean@2")


@pytest.fixture(scope="module")
def second(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the same parts in a package of another name and version."""
    folder = tmp_path_factory.mktemp("second")
    shutil.copy(installed / "their_parts.py", folder)
    (about,) = installed.glob("*.dist-info")
    shutil.copytree(about, folder / "other_parts-2.0.dist-info")
    metadata = folder / "other_parts-2.0.dist-info" / "METADATA"
    text = metadata.read_text().replace("Name: their-parts", "Name: other-parts")
    metadata.write_text(text.replace("Version: 1.0", "Version: 2.0"))
    return folder


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the package as an installer leaves it."""
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copytree(PACKAGE, folder / "source")
    subprocess.run(
        [sys.executable, "-c", "from flit_core import buildapi; buildapi.build_wheel('..')"],
        cwd=folder / "source",
        check=True,
    )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def printed(path: Path, *lines: str) -> list[str]:
    """What lines of Python print in a process that has one more folder on its path."""
    paths = [str(path), *filter(None, [os.environ.get("PYTHONPATH")])]
    process = subprocess.run(
        [sys.executable, "-c", "\n".join([BEGIN, *lines])],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.splitlines()


def test_a_rule_of_another_package_is_found_and_aggregates(installed: Path) -> None:
    assert printed(
        installed,
        "rule = plugins.find('rules', 'their_rule')",
        "values = np.array([[1, 8], [2, 9], [30000, -7]], np.int16)",
        "updates = Updates(values, (1, 1, 1), 12, ('a', 'b', 'c'), (b'', b'', b''))",
        "print(rule.name, rule.aggregate(updates, 1).total.tolist())",
        "print(refusal(rule.check, 4, 2).splitlines()[0])",
    ) == [
        "their_rule@2 [2, 8]",
        "error: 2 of 4 updates are not a minority [their-parts.tolerate]",
    ]


def test_a_stage_of_another_package_is_one_of_a_study_s(installed: Path, tmp_path: Path) -> None:
    """It stands between noise and the cut, is done to what sites send, and says what it does."""
    told, spread, steps = printed(
        installed,
        "from pathlib import Path",
        "from collegium.audit.verify import verify",
        "from collegium.learning.blobs import decode_update",
        "from collegium.simulation.execution import run",
        "from collegium.study.outbound import outbound",
        "from collegium.study.reading import read_study",
        "from collegium.federation.stages import stages_of",
        "changes = ('privacy.protection=their_stage', 'training.rounds=1')",
        "study = read_study('heart', changes).study",
        "sent = {one.kind: one for one in outbound(study, stages_of(study))}",
        "print(sent['update'].contents)",
        f"folder = Path({str(tmp_path / 'run')!r})",
        "run('heart', out=folder, changes=changes)",
        "blobs = [one.read_bytes() for one in (folder / 'blobs').iterdir()]",
        "updates = [decode_update(one)[0].values for one in blobs if b'/update/' in one[:32]]",
        "print(len(updates), max(abs(one).max() for one in updates) > 64)",
        "print({int(rest) for one in updates for rest in one % 64}, verify(folder).ok)",
    )
    assert "each parameter of the model, in steps of 64: one fixed-point number" in told
    assert spread == "4 True"
    assert steps == "{0} True"


def test_a_data_set_of_another_package_is_found_and_loads(installed: Path) -> None:
    assert printed(
        installed,
        "data = plugins.find('datasets', 'their_data')()",
        "print(data.name, [(site.name, site.x.shape) for site in data.sites])",
    ) == ["their_data [('north', (3, 1)), ('south', (3, 1))]"]


def test_its_names_are_listed_with_ours_once_each(installed: Path, tmp_path: Path) -> None:
    ask = "print(*plugins.names('rules'))"
    (ours,) = printed(tmp_path, ask)
    (all_,) = printed(installed, ask)
    assert all_.split() == sorted([*ours.split(), "their_broken_rule", "their_rule"])


def test_without_the_package_the_name_is_unknown(tmp_path: Path) -> None:
    first, *_ = printed(tmp_path, "print(refusal(plugins.find, 'rules', 'their_rule'))")
    assert first.endswith("[plugin.unknown]")


def test_a_part_that_does_not_load_says_which_and_why(installed: Path) -> None:
    what, why, _ = printed(installed, "print(refusal(plugins.find, 'rules', 'their_broken_rule'))")
    assert "'their_broken_rule' from their_parts:FORGOTTEN" in what
    assert what.endswith("[plugin.broken]")
    assert "AttributeError" in why
    assert "FORGOTTEN" in why


def test_a_recorded_name_means_its_version_for_ever(installed: Path) -> None:
    ask = (
        "def named(*names):",
        "    for name in names:",
        "        try:",
        "            part = plugins.find_versioned('rules', name)",
        "            print(name, type(part).__name__, part.name)",
        "        except CollegiumError as error:",
        "            print(name, error.code)",
    )
    asked = "named('their_rule@2', 'their_rule@1', 'their_rule@3', 'fedavg@1', 'fedavg@2')"
    assert printed(installed, *ask, asked) == [
        "their_rule@2 UpperMedian their_rule@2",
        "their_rule@1 LowerMedian their_rule@1",
        "their_rule@3 plugin.version",
        "fedavg@1 FedAvg fedavg@1",
        "fedavg@2 plugin.version",
    ]


def test_an_earlier_version_of_our_own_is_found_beside_the_present_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = "collegium.learning.aggregation.fedavg:FEDAVG"
    monkeypatch.setitem(plugins.BUILT_IN["rules"], "mean", now)
    with pytest.raises(PluginError, match="mean@1 is registered, and fedavg@1") as caught:
        plugins.find_versioned("rules", "mean@1")
    assert caught.value.code == "plugin.version"
    monkeypatch.setitem(plugins.BUILT_IN["rules"], "mean", f"{__name__}:MEAN_2")
    monkeypatch.setitem(plugins.BUILT_IN["rules"], "mean@1", f"{__name__}:MEAN_1")
    monkeypatch.setattr(plugins, "import_module", lambda _: sys.modules[__name__])
    assert plugins.find_versioned("rules", "mean@1") is MEAN_1
    assert plugins.find_versioned("rules", "mean@2") is MEAN_2
    assert "mean@1" not in plugins.names("rules")


def test_a_name_that_two_packages_bring_is_refused(installed: Path, second: Path) -> None:
    both = Path(f"{installed}{os.pathsep}{second}")
    ask = "print(refusal(plugins.find, 'rules', 'their_rule').splitlines()[0])"
    assert printed(both, ask, "print(plugins.find('rules', 'fedavg').name)") == [
        "error: 'their_rule' among rules comes from other-parts and from their-parts"
        " [plugin.ambiguous]",
        "fedavg@1",
    ]


def test_the_digest_of_the_code_tells_a_plug_in_and_its_version(
    installed: Path, second: Path, tmp_path: Path
) -> None:
    ask = (
        "from collegium.assembly.code import code_digest",
        "from collegium.study.reading import read_study",
        "print(code_digest(read_study('heart').study).hex())",
    )
    theirs = "print(code_digest(read_study('heart', ['aggregation.rule=their_rule']).study).hex())"
    (ours,) = printed(tmp_path, *ask)
    plain, first = printed(installed, *ask, theirs)
    assert plain == ours
    other_plain, other = printed(second, *ask, theirs)
    assert other_plain == ours
    assert len({ours, first, other}) == 3


def test_a_built_in_name_keeps_its_meaning(installed: Path) -> None:
    assert printed(installed, "print(plugins.find('rules', 'fedavg').name)") == ["fedavg@1"]


def test_an_unknown_name_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(PluginError) as caught:
        plugins.find("rules", "fedavgg")
    assert caught.value.code == "plugin.unknown"
    assert "'fedavg'" in caught.value.todo
