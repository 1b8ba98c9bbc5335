"""What a served folder looks like now: read when somebody asks, and at most once a second."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import TypeVar

import msgspec

from collegium.errors import reason_of
from collegium.report.comparison_page import designs_csv, differences_csv
from collegium.report.csv_cells import Cell, csv_text
from collegium.report.metrics import bounds
from collegium.report.run_comparison import RunComparison
from collegium.report.write import COMPARISON
from collegium.serving import pages
from collegium.serving.files import read_ordinary
from collegium.serving.finding import Found, Listing, listing
from collegium.serving.health import network_health, node_health
from collegium.serving.runs import LARGEST_REPORT, REPORT, RunState, run_state

FRESH = 1.0
"""Seconds for which an answer serves others who ask the same."""

LARGEST_COMPARISON = 16 * 2**20

_MOST_KEPT = 1024

T = TypeVar("T")


class FolderView:
    """A folder, by page; what is not there, or no longer, is None."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._kept: OrderedDict[tuple[str, str], tuple[float, object]] = OrderedDict()
        self._lock = Lock()

    def index(self) -> str:
        """Return the first page."""
        there = self._listing()
        return pages.index(
            self.root.name or "/",
            list(map(self._run, there.of("runs"))),
            [(one, self._comparison(one)) for one in there.of("comparisons")],
            [(one, self._once("network", one, network_health)) for one in there.of("networks")],
            [(one, self._once("node", one, node_health)) for one in there.of("nodes")],
            there.left_out,
        )

    def run(self, key: str) -> str | None:
        """Return a run's page."""
        found = self._listing().get("runs", key)
        return None if found is None else pages.run_page(self._run(found))

    def comparison(self, key: str) -> str | None:
        """Return a comparison's page."""
        compared = self._compared(key)
        return None if compared is None else pages.comparison(*compared)

    def node(self, key: str) -> str | None:
        """Return a node's page."""
        found = self._listing().get("nodes", key)
        if found is None:
            return None
        return pages.node_page(found, self._once("node", found, node_health))

    def network(self, key: str) -> str | None:
        """Return a network's page."""
        found = self._listing().get("networks", key)
        if found is None:
            return None
        return pages.network_page(found, self._once("network", found, network_health))

    def report(self, key: str) -> bytes | None:
        """Return the report that lies in a run's folder."""
        found = self._listing().get("runs", key)
        try:
            return None if found is None else read_ordinary(found.folder / REPORT, LARGEST_REPORT)
        except OSError:
            return None

    def runs_csv(self) -> str:
        """Return the runs as CSV."""
        heads = ("run", "study", "state", "rounds_closed", "rounds", "measure", "value", "low",
                 "high", "last_written")  # fmt: skip
        return csv_text(heads, map(_run_row, map(self._run, self._listing().of("runs"))))

    def rounds_csv(self, key: str) -> str | None:
        """Return a run's rounds as CSV."""
        found = self._listing().get("runs", key)
        return None if found is None else self._run(found).metrics.rounds_csv()

    def quality_csv(self, key: str) -> str | None:
        """Return a run's quality on test rows as CSV."""
        found = self._listing().get("runs", key)
        return None if found is None else self._run(found).metrics.quality_csv()

    def designs_csv(self, key: str) -> str | None:
        """Return a comparison's designs as CSV."""
        compared = self._compared(key)
        return None if compared is None else designs_csv(compared[1])

    def differences_csv(self, key: str) -> str | None:
        """Return a comparison's differences as CSV."""
        compared = self._compared(key)
        return None if compared is None else differences_csv(compared[1])

    def _listing(self) -> Listing:
        return self._fresh(("listing", ""), lambda: listing(self.root))

    def _run(self, found: Found) -> RunState:
        return self._once("run", found, lambda folder: run_state(found))

    def _compared(self, key: str) -> tuple[Found, RunComparison] | None:
        found = self._listing().get("comparisons", key)
        compared = None if found is None else self._comparison(found)
        return (
            None if found is None or not isinstance(compared, RunComparison) else (found, compared)
        )

    def _comparison(self, found: Found) -> RunComparison | str:
        return self._once("comparison", found, _read_comparison)

    def _once(self, kind: str, found: Found, look: Callable[[Path], T]) -> T:
        return self._fresh((kind, found.key), lambda: look(found.folder))

    def _fresh(self, key: tuple[str, str], look: Callable[[], T]) -> T:
        """Return what was seen a moment ago, or look again."""
        now = monotonic()
        with self._lock:
            seen = self._kept.get(key)
        if seen is not None and now - seen[0] < FRESH:
            return seen[1]  # type: ignore[return-value]
        found = look()
        with self._lock:
            self._kept[key] = (monotonic(), found)
            self._kept.move_to_end(key)
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return found


def _read_comparison(folder: Path) -> RunComparison | str:
    """Return a comparison, or why it cannot be read."""
    try:
        data = read_ordinary(folder / COMPARISON, LARGEST_COMPARISON)
        found = msgspec.json.decode(data, type=RunComparison)
    except OSError as error:
        return reason_of(error)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return "it is none of this version"
    return found if found.designs else "it compares nothing"


def _run_row(one: RunState) -> list[Cell]:
    """Return a run's cells."""
    primary = one.metrics.primary
    quality = next((quality for _, quality in one.metrics.models()), None)
    figures: tuple[Cell, ...] = (None, None, None)
    if quality is not None and primary is not None:
        figures = (quality.overall.get(primary), *bounds(quality, primary))
    return [
        one.found.name, one.title, one.state, one.closed, one.rounds, primary, *figures,
        one.found.changed,
    ]  # fmt: skip
