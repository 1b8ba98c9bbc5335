"""Studies that this member owns and has not registered yet: the documents in its home's studies/.

A document that is put there while the node runs is registered as well. The sites are all members
that have the role.
"""

from __future__ import annotations

from pathlib import Path

from collegium.assembly.code import code_digest
from collegium.assembly.ownership import registration_of, releaser
from collegium.assembly.parts import described, find_parts, parts_of_table, with_first
from collegium.assembly.rules import check_rule
from collegium.canonical import to_text
from collegium.errors import CollegiumError, NodeError
from collegium.federation.owner import Owner
from collegium.federation.view import StudyView
from collegium.node.enrolment import MemberContext
from collegium.node.home import RELEASED, STUDIES
from collegium.node.ledger_queries import members_with
from collegium.node.registration_checks import in_a_line, simulated_only
from collegium.study.canonical import digest
from collegium.study.checking import check_sites
from collegium.study.reading import ReadStudy, read_study
from collegium.study.terms import agrees_by_statistics, fewest_sites, sites_per_round

_Stamp = tuple[int, int]


class Proposals:
    """The study documents in a home, read again where a file has changed.

    `faults` says by file name why a document is not registered.
    """

    def __init__(self, home: Path) -> None:
        self.faults: dict[str, str] = {}
        self._folder = home / STUDIES
        self._read: dict[Path, tuple[_Stamp, ReadStudy | None]] = {}

    def due(self, acting: MemberContext) -> list[bytes]:
        """Return the registrations that are due from a member that owns studies."""
        found: list[bytes] = []
        for path in sorted(self._folder.glob("*.toml")):
            read = self._document(path)
            if read is None:
                continue
            view = StudyView(acting.state(), read.study.study.id)
            try:
                if view.registration is None:
                    found += self._register(acting, read, view)
                elif view.registration.document != to_text(bytes.fromhex(digest(read.study))):
                    raise _refused("a study of its id is registered", "its document is another one")
                self.faults.pop(path.name, None)
            except CollegiumError as error:
                self.faults[path.name] = in_a_line(error)
        return found

    def _register(self, acting: MemberContext, read: ReadStudy, view: StudyView) -> list[bytes]:
        study = read.study
        faults = simulated_only(study, acting.engine)
        if faults:
            raise _refused("the study cannot be registered", "; ".join(faults))
        sites = members_with(acting.state(), "site")
        with read.located():
            check_sites(study, sites)
        asked = study.data.partition.sites
        if asked not in (None, len(sites)):
            raise _refused(
                f"the study is for {asked} sites", f"{len(sites)} members have the role site"
            )
        with read.located():
            source = study.data.source
            parts = (
                find_parts(study, described(source))
                if isinstance(source, str)
                else parts_of_table(study, None)
            )
            if not agrees_by_statistics(study):
                parts = with_first(parts, read.folder)
            terms = registration_of(parts, sites, code_digest(study))
            check_rule(
                parts.rule,
                study,
                fewest_sites(study, len(sites)),
                sites_per_round(study, len(sites)),
            )
        blobs = acting.blobs(study.study.id)
        release = releaser(
            parts, lambda: view, blobs.fetch, acting.home / RELEASED / study.study.id
        )
        owner = Owner(acting.identity, blobs, study, terms, release)
        return owner.reconcile(view, idle=False)

    def _document(self, path: Path) -> ReadStudy | None:
        """Return the study in a file, or None where it is none; what is wrong is noted."""
        try:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
        except OSError:
            return None
        known = self._read.get(path)
        if known is None or known[0] != stamp:
            try:
                known = stamp, read_study(path)
            except CollegiumError as error:
                known = stamp, None
                self.faults[path.name] = in_a_line(error)
            self._read[path] = known
        return known[1]


def _refused(what: str, why: str) -> NodeError:
    return NodeError("node.study", what, why, "change the document in studies/")
