"""A site before the first round of a study of tables: it accepts, and says what set-up asks for.

What it says is in its outbox before it is announced, so that a restart says the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import msgspec

from collegium.canonical import to_text
from collegium.data.tabular.agreed_preparation import decode_agreed
from collegium.data.tabular.computing_statistics import site_statistics_of
from collegium.data.tabular.counting import counts_of, largest_counts
from collegium.data.tabular.site_statistics import encode_site_statistics
from collegium.data.tabular.study_rows import StudyRows
from collegium.errors import FormatError
from collegium.federation.identity import Identity
from collegium.federation.in_process_blobs import Blobs
from collegium.federation.outbox import OutboxKey, WriteOnce
from collegium.federation.snapshot import accepts_with, snapshot
from collegium.federation.speaking import Speaking
from collegium.federation.view import StudyView
from collegium.learning.blobs import digest
from collegium.learning.encoding import registered_weight
from collegium.learning.evaluation.tally import layout_of
from collegium.ledger.contract.series import step_of
from collegium.ledger.contract.transactions import StudyAccept
from collegium.ledger.registering import differing_terms
from collegium.mechanisms.statistics.terms import StatisticsPost
from collegium.mechanisms.statistics.voting import agreed_before, statistics_vote
from collegium.mechanisms.sums.counted import counted
from collegium.mechanisms.sums.design import sums_tables
from collegium.mechanisms.sums.speaking import Counting
from collegium.mechanisms.sums.terms import TABLE
from collegium.secrecy.masking import RingVector
from collegium.study.canonical import document_bytes
from collegium.study.design import Facts
from collegium.study.document import Study
from collegium.study.tables import most_categories_of, smallest_of, task_of


@dataclass(frozen=True, slots=True, eq=False)
class SiteTable:
    """A site's rows of a table: those it trains on, which alone are summed, and its test part."""

    train: StudyRows
    test: StudyRows


class SettingUp:
    """A member that holds rows of a table; it satisfies `Participant`. A `Site` takes over."""

    def __init__(
        self, identity: Identity, blobs: Blobs, outbox: WriteOnce, study: Study,
        table: SiteTable, code: bytes,
    ) -> None:  # fmt: skip
        self.name = f"{identity.member} (set-up)"
        self.blobs = blobs
        self._identity = identity
        self._outbox = outbox
        self._study = study
        self._table = table
        self._code = code
        self._counting = Counting(identity, outbox)
        self._document = to_text(digest(document_bytes(study)))

    def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
        """Return what is due from this site until the first round."""
        member = self._identity.member
        if view.is_summing and step_of(view.number) is not None:
            counts = partial(self._counts, view)
            return self._counting.due(view, self.blobs, counts, idle=idle)
        if view.phase not in ("setup", "statistics.post", "statistics.vote", "beginning"):
            return []
        if member in view.unaccepted:
            return self._accept(view)
        if view.acceptance(member) is None:
            return []
        if view.phase == "statistics.post" and member not in view.set_up.posted:
            return self._post(view)
        if view.phase == "statistics.vote" and member in view.set_up.posted:
            self._serve_again(view)
        return []

    def _accept(self, view: StudyView) -> list[bytes]:
        """Accept the study if it is the one this site was given, over the code it runs."""
        registration = view.registration
        if registration is None or registration.document != self._document:
            return []
        terms = {**msgspec.structs.asdict(registration), "study": view.study}
        layout = layout_of(task_of(self._study))
        if differing_terms(self._study, len(registration.sites), terms, Facts(layout)):
            return []
        rows = snapshot(self._identity, view.study, (self._table.train, self._table.test))
        if not accepts_with(self._outbox, self._identity.genesis, view.study, rows):
            return []
        return [
            self._identity.sign(
                StudyAccept, study=view.study, code=to_text(self._code),
                document=registration.document, snapshot=to_text(rows),
                weight=registered_weight(self._table.train.rows),
            )
        ]  # fmt: skip

    def _post(self, view: StudyView) -> list[bytes]:
        """Say what the step asks for; without the last step's agreement there is nothing to say."""
        step = view.set_up.step
        key = self._key(view, step)
        said = self._outbox.get(key)
        if said is None:
            before = None
            if view.set_up.agreement is not None:
                data = self.blobs.fetch(view.set_up.agreement)
                try:
                    before = None if data is None else decode_agreed(data)
                except FormatError:
                    before = None
                if before is None:
                    return []
            said = self._outbox.put(
                key,
                encode_site_statistics(
                    site_statistics_of(
                        self._table.train,
                        task_of(self._study),
                        before,
                        smallest_of(self._study),
                        coarse=sums_tables(self._study),
                        most=most_categories_of(self._study),
                    )
                ),
            )
        name = self.blobs.publish(said, sync=False)
        return [
            self._identity.sign(
                StatisticsPost, study=view.study, digest=to_text(name), step=step
            )
        ]  # fmt: skip

    def _counts(self, view: StudyView) -> RingVector | None:
        """Return what the step counts of the site's table, as it enters the sum."""
        before = agreed_before(view, self.blobs)
        if before is None:
            return None
        counts = counts_of(self._table.train, before, smallest_of(self._study))
        return counted(counts, largest_counts(before, TABLE))

    def _serve_again(self, view: StudyView) -> None:
        """Publish once more what was said where its blob is gone or damaged."""
        if self.blobs.fetch(view.set_up.posted[self._identity.member]) is None:
            said = self._outbox.get(self._key(view, view.set_up.step))
            if said is not None:
                self.blobs.publish(said, sync=False)

    def _key(self, view: StudyView, step: int) -> OutboxKey:
        return OutboxKey(self._identity.genesis, "statistics", view.study, what=(str(step),))


SPEAKING = Speaking(validators={"statistics.vote": statistics_vote})
