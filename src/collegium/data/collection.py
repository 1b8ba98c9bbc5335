"""Files that are no table of patients, known and checked like a data set's: name, source, digest.

A gateway is fed such files (FHIR bundles, signals of devices); no study is trained on them as they
are.
"""

from __future__ import annotations

from dataclasses import dataclass

from collegium.data.originals import read_original
from collegium.data.table import SourceFile
from collegium.errors import DataError


@dataclass(frozen=True, slots=True, eq=False)
class Collection:
    """Files as the package knows them; `read` gives one of them, whatever place it is in.

    Attributes:
        name: what `collegium list data` says.
        title: one line.
        license: a name that can be looked up, with what it forbids.
        citation: of the files.
        url: where they are described.
        folder: where they lie in a folder of data sets.
        files: each with its digest and its address; a name may be in a folder.
    """

    name: str
    title: str
    license: str
    citation: str
    url: str
    folder: str
    files: tuple[SourceFile, ...]

    def read(self, name: str) -> bytes:
        """Return a file's bytes, found and checked as a data set's originals are.

        Raises:
            DataError: there is no such file in the collection, or as `read_original`.
        """
        for file in self.files:
            if file.name == name:
                return read_original(self.name, self.folder, file)
        raise DataError(
            "data.no-such-file", f"{self.name} has no file {name[:80]!r}",
            f"it has {len(self.files)}: {self.files[0].name} and so on",
            f"choose one that `collegium fetch {self.name}` names",
        )  # fmt: skip
