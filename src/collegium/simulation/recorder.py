"""Writing down what a run measures while it runs: a line in metrics.jsonl for each closed round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter

from collegium.canonical import from_text
from collegium.learning.algorithms.layout import model_part
from collegium.learning.blobs import decode_model
from collegium.ledger.application import AcceptedTransaction
from collegium.ledger.contract.events import RoundClosed
from collegium.ledger.engines.simnet.energy import MICRO, JoulesSpent
from collegium.ledger.engines.simnet.figures import Simulated
from collegium.ledger.engines.simnet.virtual_time import PARTS, TimeSpent
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.measuring.quality import training_metrics
from collegium.measuring.result import Progress
from collegium.report.measurements import AttackLine, RoundLine, append_line, read_lines
from collegium.simulation.consortium import Consortium
from collegium.study.searching import trials_of

CURVE_POINTS = 100
"""Rounds of a long study whose training metrics are measured; a short one's are measured all."""


class Recorder:
    """Watches the blocks of a run; it continues the metrics file of a run that was interrupted."""

    def __init__(self, consortium: Consortium, folder: Path, progress: Progress) -> None:
        self.path = folder / "metrics.jsonl"
        self._consortium = consortium
        self._folder = folder
        self._progress = progress
        self._began = perf_counter()
        self._measuring = 0.0
        self._mark = self._spent(), self._weights()
        self._keep_lines()
        lines = read_lines(self.path)
        self._clock = TimeSpent(**_up_to_now([one.virtual for one in _rounds(lines)]))
        self._joules = JoulesSpent(**_up_to_now([one.joules for one in _rounds(lines)]))

    def __call__(self, accepted: Sequence[AcceptedTransaction]) -> None:
        """Take note of what a block brought."""
        for one in accepted:
            for event in one.events:
                if isinstance(event, RoundClosed):
                    self._close_round(event)

    def _close_round(self, event: RoundClosed) -> None:
        prepared = self._consortium.prepared
        rounds = trials_of(prepared.study) * prepared.study.training.rounds
        seconds, weights = self.since_last_round()
        began = perf_counter()
        last = self._consortium.view().last
        measured = {}
        if event.round % max(1, rounds // CURVE_POINTS) == 0 or event.round == rounds:
            data = self._consortium.exchange.folder.get(from_text(event.model, DIGEST_SIZE))
            if data is not None:
                vector = decode_model(data).parameters
                measured = training_metrics(prepared, model_part(prepared.parts.spec, vector))
        line = RoundLine(
            round=event.round,
            attempt=event.attempt,
            model=from_text(event.model, DIGEST_SIZE).hex(),
            included=() if last is None else last.included,
            seconds=seconds,
            bytes=weights,
            training_metrics=measured,
            entries=self._consortium.engine.application.size,
            app_hash=self._consortium.engine.application.application_hash().hex(),
            virtual=self._virtual(),
            joules=self._joules_spent(),
        )
        append_line(self.path, line)
        self._measuring += perf_counter() - began
        self._mark = self._spent(), self._weights()
        self._progress(event.round, rounds)

    def _virtual(self) -> dict[str, float] | None:
        """Return virtual seconds since the last round, where the network is simulated."""
        engine = self._consortium.engine
        if not isinstance(engine, Simulated):
            return None
        before, self._clock = self._clock, engine.spent
        return _parted(before, self._clock)

    def _joules_spent(self) -> dict[str, float] | None:
        """Return joules beyond waiting since the last round, where machines are simulated."""
        engine = self._consortium.engine
        if not isinstance(engine, Simulated):
            return None
        before, self._joules = self._joules, engine.joules
        return _parted(before, self._joules)

    def since_last_round(self) -> tuple[dict[str, float], dict[str, int]]:
        """Return seconds and bytes by phase since the last round closed."""
        seconds, weights = self._mark
        return (
            {name: now - seconds[name] for name, now in self._spent().items()},
            {name: now - weights[name] for name, now in self._weights().items()},
        )

    def _spent(self) -> dict[str, float]:
        training = self._consortium.trainers.training_seconds
        validating = sum(validator.seconds for validator in self._consortium.validators)
        total = perf_counter() - self._began - self._measuring
        return {
            "training": training,
            "validators": validating,
            "others": max(0.0, total - training - validating),
        }

    def _weights(self) -> dict[str, int]:
        ledger = self._folder / "ledger.log"
        return {
            "blobs": self._consortium.exchange.published_bytes,
            "ledger": ledger.stat().st_size if ledger.exists() else 0,
        }

    def _keep_lines(self) -> None:
        """Keep the whole lines about rounds that the ledger has closed; drop the rest."""
        status = self._consortium.view().status
        closed = status.closed_rounds if status is not None else 0
        kept = [
            line
            for line in read_lines(self.path)
            if isinstance(line, AttackLine)
            or (isinstance(line, RoundLine) and line.round <= closed)
        ]
        partial = self.path.with_name(".metrics.jsonl")
        partial.write_bytes(b"")
        for line in kept:
            append_line(partial, line)
        partial.replace(self.path)


def _rounds(lines: Sequence[object]) -> list[RoundLine]:
    return [line for line in lines if isinstance(line, RoundLine)]


def _parted(before: TimeSpent | JoulesSpent, now: TimeSpent | JoulesSpent) -> dict[str, float]:
    return {name: (getattr(now, name) - getattr(before, name)) / MICRO for name in PARTS}


def _up_to_now(told: Sequence[Mapping[str, float] | None]) -> dict[str, int]:
    """Return the sums up to the last closed round of a run that goes on, in millionths."""
    return {name: round(MICRO * sum(one[name] for one in told if one)) for name in PARTS}
