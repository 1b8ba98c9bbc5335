"""The rules of docs/operations/alerts.yml, evaluated over what real pages say, as Prometheus would.

Of PromQL here is what the rules use: one metric, with or without labels, compared with a number.
Anything else, in a rule or on a page, is refused and not guessed.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import msgspec

from collegium.transport.loopback_page import ask_page

RULES_FILE = Path(__file__).parents[2] / "docs" / "operations" / "alerts.yml"

_HEAD = "groups:\n  - name: collegium\n    rules:\n"
_RULE = re.compile(
    r"      - alert: (?P<name>\w+)\n"
    r"        expr: (?P<metric>\w+)(?:\{(?P<labels>[^}]*)\})? (?P<compared>==|>|<) (?P<bound>\d+)\n"
    r"        for: (?P<minutes>\d+)m\n"
    r"        annotations:\n"
    r'          summary: "(?P<summary>[^"\n]+)"\n'
)
_SAMPLE = re.compile(r"(?P<metric>\w+)(?:\{(?P<labels>[^}]*)\})? (?P<value>\S+)")
_LABEL = re.compile(r'(\w+)="([^"\\]*)"')
_SHOWN = re.compile(r"\{\{ \$labels\.(\w+) \}\}")
_COMPARED = {"==": operator.eq, ">": operator.gt, "<": operator.lt}


@dataclass(frozen=True, slots=True)
class Sample:
    """A value of a metric, with its labels."""

    metric: str
    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Rule:
    """An alert: what has to be true of one sample, and what is told then."""

    name: str
    metric: str
    labels: Mapping[str, str]
    compared: str
    bound: float
    summary: str

    def told(self, samples: Iterable[Sample], speed: float = 1.0) -> list[str]:
        """Return what is told of samples, as if each had lasted for the rule's `for`.

        Args:
            samples: of one or several pages.
            speed: by how much faster the processes' timers are set than by default; bounds in
                seconds are divided by it.

        Raises:
            KeyError: the summary shows a label that a sample does not have.
        """
        bound = self.bound / speed if self.metric.endswith("_seconds") else self.bound
        return [
            _SHOWN.sub(lambda shown: one.labels[shown[1]], self.summary)  # noqa: B023
            for one in samples
            if one.metric == self.metric
            and self.labels.items() <= one.labels.items()
            and _COMPARED[self.compared](one.value, bound)
        ]


def read_rules(text: str) -> dict[str, Rule]:
    """Return rules by name.

    Raises:
        ValueError: there is something that is not evaluated here.
    """
    found, end = dict[str, Rule](), len(_HEAD)
    if not text.startswith(_HEAD):
        raise ValueError(f"not one group: {text[:80]!r}")
    while end < len(text):
        match = _RULE.match(text, end)
        if match is None or match["name"] in found:
            raise ValueError(f"not evaluated here, or twice: {text[end : end + 120]!r}")
        found[match["name"]] = Rule(
            match["name"], match["metric"], _labels(match["labels"]), match["compared"],
            float(match["bound"]), match["summary"],
        )  # fmt: skip
        end = match.end()
    return found


def read_page(lines: Iterable[str]) -> Iterator[Sample]:
    """Yield the samples of a page in Prometheus's text format.

    Raises:
        ValueError: a line is none.
    """
    for line in lines:
        if line.startswith(("# HELP ", "# TYPE ")):
            continue
        match = _SAMPLE.fullmatch(line)
        if match is None:
            raise ValueError(f"no sample: {line!r}")
        yield Sample(match["metric"], _labels(match["labels"]), float(match["value"]))


def _labels(text: str | None) -> dict[str, str]:
    parts = _LABEL.findall(text or "")
    if ",".join(f'{name}="{value}"' for name, value in parts) != (text or ""):
        raise ValueError(f"no labels: {text!r}")
    return dict(parts)


def scrape(home: Path) -> list[Sample]:
    """Return what the page of a home's process says now, and `up`, which Prometheus adds."""
    at = {"job": "collegium", "instance": str(home)}
    try:
        text = ask_page(home, "/metrics", 5).decode()
    except (OSError, HTTPException, msgspec.MsgspecError):
        return [Sample("up", at, 0.0)]
    return [Sample("up", at, 1.0), *read_page(text.splitlines())]


RULES = read_rules(RULES_FILE.read_text("utf-8"))


def firing(samples: Iterable[Sample], speed: float = 1.0) -> dict[str, list[str]]:
    """Return what the rules tell of samples, by the alert's name."""
    seen = list(samples)
    told = {name: rule.told(seen, speed) for name, rule in RULES.items()}
    return {name: found for name, found in told.items() if found}
