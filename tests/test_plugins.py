"""Another package adds a part by an entry point, and cannot change what a known name means.

The package is tests/plugin_package: built as its author would build it, and put on the path of
a new process, since a process looks for installed packages once.
"""

import os
import shutil
import subprocess
import sys
import zipfile
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
        "print(rule.name, rule.aggregate(updates).total.tolist())",
        "print(refusal(rule.check, 4, 2).splitlines()[0])",
    ) == [
        "their_rule@1 [2, 8]",
        "error: 2 of 4 updates are not a minority [their-parts.tolerate]",
    ]


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


def test_a_built_in_name_keeps_its_meaning(installed: Path) -> None:
    assert printed(installed, "print(plugins.find('rules', 'fedavg').name)") == ["fedavg@1"]


def test_an_unknown_name_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(PluginError) as caught:
        plugins.find("rules", "fedavgg")
    assert caught.value.code == "plugin.unknown"
    assert "'fedavg'" in caught.value.todo
