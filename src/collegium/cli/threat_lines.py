"""What an attack was granted and did, as `run` tells it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from collegium.report.measurements import AttackEffect


def threat_json(threat: AttackEffect | None) -> dict[str, Any]:
    """Return what an attack was granted and did, on the honest sites' test rows."""
    if threat is None:
        return {}
    return {
        "granted": threat.granted,
        "adaptive": threat.adaptive,
        "share": threat.share,
        "honest_sites": {
            "attacked": threat.attacked,
            "clean": threat.clean,
            "undefended": threat.undefended,
        },
        "backdoor": threat.backdoor,
    }


def threat_lines(threat: AttackEffect | None) -> Iterator[str]:
    """Yield what an attack did, in a line or two."""
    if threat is None:
        return
    attacked, clean, bare = threat.attacked, threat.clean, threat.undefended
    if attacked:
        metric = next(iter(attacked))
        told = f"{metric} {_shown(attacked[metric])} under {threat.attack}"
        told += "" if clean is None else f", {_shown(clean[metric])} without it"
        told += "" if bare is None else f", {_shown(bare[metric])} under it without a defence"
        yield f"  honest sites: {told}"
    if threat.backdoor is not None:
        one = threat.backdoor
        yield (
            f"  backdoor: the pattern changes the class of {one.success:.0%} of {one.rows} rows "
            f"({one.without:.0%} without the attack)"
        )


def _shown(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"
