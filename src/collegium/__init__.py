"""Federated learning for hospital consortia, with a ledger that anybody can verify.

The public interface is what `__all__` lists. It loads on first use, so that an auditor who
imports `verify` loads no trainer.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = [
    "Study", "__version__", "compare", "predict", "read_metrics", "read_study", "run", "verify",
]  # fmt: skip

if TYPE_CHECKING:
    from collegium.audit.verify import verify
    from collegium.measuring.comparing import compare
    from collegium.release.prediction import predict
    from collegium.report.metrics import read_metrics
    from collegium.simulation.execution import run
    from collegium.study.document import Study
    from collegium.study.reading import read_study

_HOMES = {
    "Study": "collegium.study.document",
    "compare": "collegium.measuring.comparing",
    "predict": "collegium.release.prediction",
    "read_metrics": "collegium.report.metrics",
    "read_study": "collegium.study.reading",
    "run": "collegium.simulation.execution",
    "verify": "collegium.audit.verify",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'collegium' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
