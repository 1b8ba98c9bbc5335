"""The pages: what a folder holds, one run, one comparison, one node, one network."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from collegium.node.status import NodeStatus
from collegium.report import charts, comparison_page
from collegium.report.convergence import unsettled
from collegium.report.forest import shown
from collegium.report.interactive import SCRIPT
from collegium.report.interactive import STYLE as INTERACTIVE
from collegium.report.markup import (
    Child,
    Markup,
    badge,
    bullets,
    code,
    data,
    element,
    facts,
    folded,
    join,
    paragraph,
    table,
)
from collegium.report.metrics import RunMetrics
from collegium.report.metrics_sections import learning_curve, quality_forest, quality_table
from collegium.report.run_comparison import RunComparison
from collegium.report.shell import whole_page
from collegium.report.style import STYLE
from collegium.report.wording import count, counted, seconds, size, title_of
from collegium.serving.finding import Found
from collegium.serving.health import NetworkHealth, complaints, sequencer_complaints
from collegium.serving.runs import RunState

_OWN_STYLE = """
.badge.well { color: var(--good); } .badge.going { color: var(--accent); }
.badge.stopped { color: var(--warn); } .badge.bad { color: var(--bad); font-weight: 600; }
.badge { white-space: nowrap; }
.path { font-size: .92rem; margin: 0; }
.progress { min-width: 7rem; }
#live { font-size: .92rem; color: var(--soft); margin: .6rem 0 1.2rem; }
#live:empty { display: none; }
#live input { margin: 0 .4em 0 0; }
"""

LIVE = 2
"""Seconds between two looks of a page at its state."""


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


POLICY = (
    f"default-src 'none'; style-src {_hash(STYLE + INTERACTIVE + _OWN_STYLE)};"
    f" script-src {_hash(SCRIPT)}; connect-src 'self'; base-uri 'none'; form-action 'none'"
)
"""A page may use its own style sheet and script, both within it, and ask its own server."""

_STATES = {"finished": "well", "running": "going", "unfinished": "stopped", "failed": "bad"}

_NOT_VERIFIED = (
    "These figures are the run's own measurements. Nothing is verified here: "
    "collegium verify does that."
)


def index(
    name: str,
    runs: Sequence[RunState],
    comparisons: Sequence[tuple[Found, RunComparison | str]],
    networks: Sequence[tuple[Found, NetworkHealth]],
    nodes: Sequence[tuple[Found, NodeStatus | None]],
    left_out: Sequence[str],
) -> str:
    """Return the first page: everything that was found, the newest first."""
    sections = [
        _listed("Runs", _runs_table(runs), _csv("runs as CSV", "/data/runs.csv")) if runs else "",
        _listed("Comparisons", _comparisons_table(comparisons)) if comparisons else "",
        _listed("Networks", _networks_table(networks)) if networks else "",
        _listed("Nodes", _nodes_table(nodes)) if nodes else "",
        _section("Left out", bullets(left_out)) if left_out else "",
    ]
    if not (runs or comparisons or networks or nodes):
        nothing = "There is no run, comparison, network or node here, two folders deep."
        sections.insert(0, _section("Nothing yet", paragraph(nothing)))
    return _page(
        name, [paragraph("Collegium", class_="kicker"), element("h1", name)],
        [bullets(_summary(runs, comparisons, networks, nodes), class_="lead"), *sections],
    )  # fmt: skip


def _summary(
    runs: Sequence[RunState],
    comparisons: Sequence[object],
    networks: Sequence[tuple[Found, NetworkHealth]],
    nodes: Sequence[tuple[Found, NodeStatus | None]],
) -> list[Child]:
    """Return a line for each kind of what is here, with what needs a look."""
    counts = [(sum(one.state == state for one in runs), state) for state in _STATES]
    told = ", ".join(f"{many} {state}" for many, state in counts if many)
    ill = [found.name for found, health in networks if _ill(health)]
    wrong = [one.name for one, status in nodes if status and next(complaints(status), None)]
    lines = (
        ("runs", counted(len(runs), "run"), told),
        ("comparisons", counted(len(comparisons), "comparison"), ""),
        ("networks", counted(len(networks), "network"), _attention(ill)),
        ("nodes", counted(len(nodes), "node"), _attention(wrong)),
    )
    return [
        join(element("a", words, href=f"#{place}"), f": {more}" if more else "")
        for place, words, more in lines
        if not words.startswith("0 ")
    ]


def _attention(names: Sequence[str]) -> str:
    return f"{', '.join(names)} {'needs' if len(names) == 1 else 'need'} attention" if names else ""


def run_page(one: RunState) -> str:
    """Return a run's page."""
    metrics = one.metrics
    return _page(
        one.title,
        [
            _path("Run", one.found),
            element("h1", one.title),
            paragraph(element("strong", "Question. "), one.study.study.question, class_="question")
            if one.study is not None else "",
        ],
        [
            element("section", element("h2", "State", _badge(one)), *_state(one), class_="answer"),
            _section(
                "Quality on the test rows", quality_forest(metrics), quality_table(metrics),
                paragraph(_NOT_VERIFIED, class_="note"),
                _csv("quality as CSV", f"/data/quality/{one.found.key}.csv"),
            ) if list(metrics.models()) else "",
            _section(
                "Learning curves", *_curves(metrics),
                paragraph(
                    "On training rows. Figures of single sites are in the report, which knows what"
                    " a site withholds.", class_="note",
                ),
            ) if metrics.curve("loss") else "",
            _section("Rounds", _rounds(one), _csv("rounds as CSV",
                     f"/data/rounds/{one.found.key}.csv")) if metrics.rounds else "",
            _section("Attacks on the study", _attacks(metrics)) if metrics.attacks else "",
        ],
    )  # fmt: skip


def _curves(metrics: RunMetrics) -> list[Markup]:
    """Return the loss and the primary measure, round by round."""
    names = ["loss", *([metrics.primary] if metrics.primary else [])]
    return [element("div", *(learning_curve(metrics, name) for name in names), class_="panels")]


def comparison(found: Found, compared: RunComparison) -> str:
    """Return a comparison's page, the same as `compare` writes, within this one's frame."""
    opening = comparison_page.opening(compared)
    urls = (f"/data/{name}/{found.key}.csv" for name in ("designs", "differences"))
    return _page(
        compared.title, [_path("Comparison", found), *opening[1:]],
        comparison_page.sections(compared, *urls),
    )  # fmt: skip


def node_page(found: Found, status: NodeStatus | None) -> str:
    """Return a node's page."""
    name = found.name if status is None else status.member
    return _page(name, [_path("Node", found), element("h1", name)], _node(status))


def network_page(found: Found, health: NetworkHealth) -> str:
    """Return a network's page: its sequencers, then its members, each with what is wrong."""
    rows: list[Sequence[Child]] = [
        (one.name, "sequencer", _health(None if one.status is None
                                        else list(sequencer_complaints(one.status))),
         "" if one.status is None else count(one.status.final), "",
         "" if one.status is None else join(*_lines(sequencer_complaints(one.status))))
        for one in health.sequencers
    ]  # fmt: skip
    rows += [
        (one.name, "member", _node_health(one.status),
         "" if one.status is None else data(one.status.final_size, count(one.status.final_size)),
         _studies_of(one.status),
         "" if one.status is None else join(*_lines(complaints(one.status))))
        for one in health.members
    ]  # fmt: skip
    furthest = health.furthest
    return _page(
        found.name,
        [_path("Network", found), element("h1", found.name)],
        [
            element(
                "section",
                element("h2", "Health", _network_badge(health)),
                paragraph(health.trouble or _network_words(health), class_="lead"),
                charts.bar(
                    furthest.closed_rounds / max(1, furthest.rounds),
                    f"{furthest.closed_rounds} of {furthest.rounds} rounds",
                ) if furthest is not None else "",
                class_="answer",
            ),
            _section(
                "Processes",
                table("What each says of itself",
                      ("process", "role", "health", "final entries", "studies", "what is wrong"),
                      rows, class_="sortable"),
            ) if rows else "",
        ],
    )  # fmt: skip


def problem(status: int, what: str) -> str:
    """Return a page that says why there is no other."""
    return _page(what, [element("h1", what)], [
        element("section", element("h2", f"Status {status}"),
                paragraph("Back to ", element("a", "everything that is here", href="/"), ".")),
    ], live=False)  # fmt: skip


def _page(title: str, opening: Sequence[Child], main: Sequence[Child], *, live: bool = True) -> str:
    return whole_page(
        f"{title} · Collegium",
        [*opening, element("p", id="live") if live else ""],
        main,
        "Read-only, by the files of a folder. Not for clinical use.",
        style=INTERACTIVE + _OWN_STYLE, policy=POLICY, script=SCRIPT,
        live=LIVE if live else None,
    )  # fmt: skip


def _section(title: str, *children: Child) -> Markup:
    return element("section", element("h2", title), *children)


def _listed(title: str, *children: Child) -> Markup:
    return element("section", element("h2", title), *children, id=title.lower())


def _path(kind: str, found: Found) -> Markup:
    back = element("a", "everything", href="/")
    return paragraph(back, " / ", kind, " ", element("strong", found.name), class_="kicker path")


def _csv(words: str, url: str) -> Markup:
    return paragraph(element("a", words, href=url), class_="files")


def _when(changed: float) -> Markup:
    """Return when something was last written, in UTC."""
    try:
        told = datetime.fromtimestamp(changed, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError, OSError):
        told = "at no time"
    return data(changed, f"{told} UTC")


def _badge(one: RunState) -> Markup:
    return badge(one.state, _STATES[one.state])


def _progress(one: RunState) -> Markup:
    if one.rounds is None:
        return data(one.closed, counted(one.closed, "round"))
    words = f"{one.closed} of {counted(one.rounds, 'round')}"
    part = one.closed / max(1, one.rounds)
    drawn = charts.bar(min(1.0, part), words)
    return element("div", data(part, words), drawn, class_="progress")


def _runs_table(runs: Sequence[RunState]) -> Markup:
    rows: list[Sequence[Child]] = [
        (
            element("a", one.found.name, href=f"/runs/{one.found.key}"), one.title, _badge(one),
            _progress(one), _main_figure(one.metrics), _when(one.found.changed),
        )
        for one in runs
    ]  # fmt: skip
    heads = ("run", "study", "state", "progress", "quality", "last written")
    return table("The runs, the newest first", heads, rows, class_="sortable")


def _main_figure(metrics: RunMetrics) -> Child:
    """Return the primary measure on test rows, or before the end on training rows."""
    primary = metrics.primary
    if primary is None:
        return data("", "not measured")
    for _, quality in metrics.models():
        value = quality.overall.get(primary)
        if value is not None:
            words = shown(primary, value, quality.overall_intervals.get(primary), difference=False)
            return data(value, f"{title_of(primary)} {words}")
        break
    curve = metrics.curve(primary)
    if not curve:
        return data("", "not measured")
    value = curve[-1][1]
    return data(value, f"{title_of(primary)} {value:.3f} on training rows")


def _state(one: RunState) -> list[Child]:
    """Return what is to know of a run first."""
    told: list[Child] = [_progress(one)]
    if one.state == "running" and one.rounds is not None and one.closed >= one.rounds:
        told.append(paragraph("All rounds are closed; the models are being compared."))
    if one.remaining:
        told.append(paragraph(f"About {seconds(one.remaining)} until the last round closes."))
    if one.state == "unfinished":
        told.append(paragraph("No process goes on with it. It goes on with --resume."))
    final = one.metrics.final
    if final is not None and (warning := unsettled(final.convergence)):
        told.append(paragraph(warning, class_="warning"))
    told += [paragraph(f"Cannot be read: {what}", class_="warning") for what in one.troubles]
    known: list[tuple[str, Child]] = [("Last written", _when(one.found.changed))]
    if one.folds is not None:
        known.append(("Folds", f"{one.folds[0]} of {one.folds[1]} have ended"))
    if one.study is not None:
        known.append(("Study", code(one.study.study.id)))
    if one.metrics.rounds:
        known.append(("Ledger", f"{count(one.metrics.rounds[-1].entries)} entries"))
        spent = sum(sum(line.seconds.values()) for line in one.metrics.rounds)
        known.append(("Time in rounds", seconds(spent)))
        weighed = sum(sum(line.bytes.values()) for line in one.metrics.rounds)
        known.append(("Written in rounds", size(weighed)))
    told.append(facts(known))
    if one.has_report:
        told.append(paragraph(element("a", "The report", href=f"/report/{one.found.key}")))
    return told


def _rounds(one: RunState) -> Markup:
    """Return the latest rounds; the CSV has all."""
    latest = one.metrics.rounds[:-21:-1]
    rows: list[Sequence[Child]] = [
        (
            data(line.round, str(line.round)),
            str(line.attempt),
            data(len(line.included), counted(len(line.included), "update")),
            data(took := sum(line.seconds.values()), seconds(took)),
            data(weighed := sum(line.bytes.values()), size(weighed)),
            code(line.model[:12]),
        )
        for line in latest
    ]
    heads = ("round", "attempt", "included", "time", "written", "model")
    caption = "The latest rounds" if len(one.metrics.rounds) > len(latest) else "The rounds"
    return table(caption, heads, rows, class_="sortable")


def _attacks(metrics: RunMetrics) -> Markup:
    rows = [(one.attack, one.protection, one.found, one.guessing) for one in metrics.attacks]
    heads = ("attack", "protected by", "found", "by guessing")
    return table("What attacks found", heads, rows, class_="sortable")


def _comparisons_table(comparisons: Sequence[tuple[Found, RunComparison | str]]) -> Markup:
    rows: list[Sequence[Child]] = []
    for found, compared in comparisons:
        if isinstance(compared, str):
            rows.append((found.name, f"cannot be read: {compared}", "", "", _when(found.changed)))
            continue
        link = element("a", found.name, href=f"/comparisons/{found.key}")
        designs = data(len(compared.designs), counted(len(compared.designs), "design"))
        said = comparison_page.sentences(compared)
        answer = join(*_lines(said)) if len(said) <= 3 else f"{len(said)} differences"
        rows.append((link, compared.title, designs, answer, _when(found.changed)))
    heads = ("comparison", "study", "designs", "answer", "last written")
    return table("The comparisons, the newest first", heads, rows, class_="sortable")


def _networks_table(networks: Sequence[tuple[Found, NetworkHealth]]) -> Markup:
    rows: list[Sequence[Child]] = [
        (element("a", found.name, href=f"/networks/{found.key}"), health.study,
         _network_badge(health), health.trouble or _network_words(health))
        for found, health in networks
    ]  # fmt: skip
    return table("The networks", ("network", "study", "health", "state"), rows, class_="sortable")


def _nodes_table(nodes: Sequence[tuple[Found, NodeStatus | None]]) -> Markup:
    rows: list[Sequence[Child]] = [
        (element("a", found.name, href=f"/nodes/{found.key}"),
         "" if status is None else status.member, _node_health(status),
         "" if status is None else join(*_lines(complaints(status))))
        for found, status in nodes
    ]  # fmt: skip
    heads = ("home", "member", "health", "what is wrong")
    return table("The nodes", heads, rows, class_="sortable")


def _network_words(health: NetworkHealth) -> str:
    answering = sum(one.status is not None for one in health.members)
    words = f"{answering} of {counted(len(health.members), 'member')} answer"
    furthest = health.furthest
    if furthest is None:
        return f"{words}."
    where = furthest.outcome if furthest.phase == "closed" else f"in {furthest.phase}"
    return f"{words}; {furthest.closed_rounds} of {furthest.rounds} rounds, {where}."


def _network_badge(health: NetworkHealth) -> Markup:
    answers = any(one.status for one in health.sequencers)
    if not answers and not any(one.status for one in health.members):
        return badge("down", "stopped")
    return badge("needs attention", "bad") if _ill(health) else badge("well", "well")


def _ill(health: NetworkHealth) -> bool:
    """Return whether some process of a network that runs does not answer, or says what is wrong."""
    nodes = [one.status for one in health.members]
    ordering = [one.status for one in health.sequencers]
    if not any(nodes) and not any(ordering):
        return False
    wrong = [next(complaints(one), None) for one in nodes if one is not None]
    wrong += [next(sequencer_complaints(one), None) for one in ordering if one is not None]
    return None in nodes or None in ordering or any(wrong)


def _node_health(status: NodeStatus | None) -> Markup:
    return _health(None if status is None else list(complaints(status)))


def _health(wrong: Sequence[str] | None) -> Markup:
    if wrong is None:
        return badge("no answer", "stopped")
    return badge("needs attention", "bad") if wrong else badge("well", "well")


def _studies_of(status: NodeStatus | None) -> Child:
    if status is None:
        return ""
    told = (
        f"{one.study}: {one.outcome if one.phase == 'closed' else one.phase},"
        f" {one.closed_rounds} of {one.rounds}"
        for one in status.studies
    )
    return join(*_lines(told))


def _lines(sentences: Iterable[str]) -> list[Markup]:
    return [element("div", one) for one in sentences]


def _node(status: NodeStatus | None) -> list[Child]:
    if status is None:
        return [element(
            "section", element("h2", "Health", _node_health(None)),
            paragraph("No node answers for this home. Start it with collegium node start."),
            class_="answer",
        )]  # fmt: skip
    wrong = list(complaints(status))
    final = f"{count(status.final_size)} of {count(status.size)} entries are final"
    known: list[tuple[str, Child]] = [
        ("State", f"{status.state}, version {status.version}"),
        ("Ledger", final),
        ("Last cosigned by", ", ".join(status.cosignatures) or "nobody"),
        ("Blobs", size(status.blob_bytes)),
        ("Room taken", f"{status.room_percent:.0f} %"),
        ("Genesis", code(status.genesis)),
    ]
    if status.certificate_days is not None:
        known.append(("Certificates end in", f"{status.certificate_days:.0f} days"))
    if status.silencing:
        known.append(("To know", status.silencing))
    for lost in status.lost:
        cap = "" if lost.cap is None else f" of {lost.cap:g}"
        words = f"epsilon {lost.epsilon:.3g}{cap} spent, delta {lost.delta:g}, unit {lost.unit}"
        known.append(("Privacy", words))
    return [
        element(
            "section", element("h2", "Health", _node_health(status)),
            bullets(wrong) if wrong else paragraph("Nothing is wrong.", class_="lead"),
            facts(known), class_="answer",
        ),
        _section("Studies", _node_studies(status)) if status.studies else "",
        folded("What this page leaves out", paragraph(
            "Of the home only this status is shown: no key, no row, no ledger and no model."
        )),
    ]  # fmt: skip


def _node_studies(status: NodeStatus) -> Markup:
    rows: list[Sequence[Child]] = [
        (
            one.study,
            one.outcome if one.phase == "closed" else one.phase,
            data(one.closed_rounds, f"{one.closed_rounds} of {one.rounds}"),
            ", ".join(one.awaited),
            code(one.model[:12]),
        )
        for one in status.studies
    ]
    heads = ("study", "phase", "rounds", "waits for", "model")
    return table("The studies, as this member's ledger has them", heads, rows, class_="sortable")
