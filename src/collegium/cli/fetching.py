"""``collegium fetch``: a data set's files, all of them here and the originals."""

from __future__ import annotations

import difflib
from pathlib import Path

import click

from collegium.cli.completing import parts
from collegium.cli.help import example
from collegium.cli.output import JSON, say, say_json


@click.command(epilog=example("collegium fetch breast_cancer --to data"))
@click.argument("name", shell_complete=parts("datasets", "collections"))
@click.option(
    "--to", type=click.Path(path_type=Path, file_okay=False),
    help="A folder to write them to as well; it serves as COLLEGIUM_DATA where there is no net.",
)  # fmt: skip
@JSON
def fetch(name: str, to: Path | None, as_json: bool) -> None:
    """Find or download the files of the data set NAME.

    They are looked for in $COLLEGIUM_DATA, then in the cache, then at their addresses, and checked.
    By downloading a data set you accept its licence.
    """
    from collegium.data.collection import Collection
    from collegium.data.fetching import fetch as fetched
    from collegium.data.registered import RegisteredDataSet
    from collegium.errors import PluginError
    from collegium.plugins import find, names

    known = [*names("datasets"), *names("collections")]
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
        raise PluginError(
            "plugin.unknown", f"there is no data set {name[:60]!r}",
            f"known are: {', '.join(known)}", f"try `collegium fetch {near[0]}`",
        )  # fmt: skip
    wanted = find("datasets" if name in names("datasets") else "collections", name)
    files = fetched(wanted, to) if isinstance(wanted, RegisteredDataSet | Collection) else ()
    if as_json:
        said = {"name": name, "to": None if to is None else str(to), "files": files}
        say_json(said | {"license": getattr(wanted, "license", "")})
        return
    for one in files:
        say(f"{one.sha256}  {one.name}")
    if not files:
        say(f"{name} needs no file: the package brings it")
        return
    where = "" if to is None else f"; written to {to / wanted.folder}"
    count = "1 file" if len(files) == 1 else f"{len(files)} files"
    say(f"{name}: {count}, each as registered; licence: {wanted.license}{where}")
