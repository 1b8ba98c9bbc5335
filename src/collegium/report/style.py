"""The page's style sheet: light and dark, wide and narrow, and on paper.

Colours of models and sites are those of Okabe and Ito (2008), which color-blind readers tell
apart, made lighter for the dark page; shapes and dashes say the same.
"""

from __future__ import annotations

_DARK = """
  --paper: #14171c; --ink: #e4e3de; --soft: #a3a7ae; --line: #333942; --panel: #1c2027;
  --accent: #7cc0e8; --good: #6fcf9f; --warn: #f0b95a; --bad: #ff8f80;
  --federated: #63b9ef; --local: #f2a65a; --pooled: #4fc79b;
  --s0: #e4e3de; --s1: #63b9ef; --s2: #f2a65a; --s3: #4fc79b; --s4: #e394bf; --s5: #f0e05a;
  --s6: #9fb4ff; --s7: #ff8f80;
"""


def _stacking(tables: str, narrow: str) -> str:
    """Return rules that show rows of a class of tables as blocks, with heads, on narrow screens.

    The heads of a table that can be sorted stay above the blocks, since they are what sorts it.
    """
    return f"""
@media screen and (max-width: {narrow}) {{ table.{tables} {{
  &, caption, tbody, tbody th, td {{ display: block; width: 100%; }}
  thead {{ position: absolute; width: 1px; height: 1px; overflow: hidden;
    clip-path: inset(50%); }}
  &.sortable thead {{ display: block; position: static; width: 100%; height: auto;
    overflow: visible; clip-path: none; }}
  &.sortable thead tr {{ display: flex; flex-wrap: wrap; gap: .1rem .9rem;
    padding-bottom: .5rem; }}
  &.sortable thead th {{ width: auto; padding: .25rem 0; }}
  tbody tr {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr));
    gap: 0 2rem; border-bottom: 1px solid var(--line); padding: .6rem 0; }}
  tbody th {{ grid-column: 1 / -1; }}
  tbody th, td, &.costs td:nth-child(2) {{ border: 0; padding: .1rem 0; width: 100%; }}
  td {{ display: grid; grid-template-columns: 8rem minmax(0, 1fr); gap: .8rem; }}
  td::before {{ content: attr(data-head); color: var(--soft); font-size: .9em; }}
}} }}
"""


STYLE = (
    """
:root { color-scheme: light dark;
  --paper: #fdfcfa; --ink: #20252d; --soft: #5c636e; --line: #dcd9d2; --panel: #f5f3ee;
  --accent: #0b5f8f; --good: #14694a; --warn: #8a5a00; --bad: #a8261a;
  --federated: #0072b2; --local: #c65102; --pooled: #00805f;
  --s0: #20252d; --s1: #0072b2; --s2: #c65102; --s3: #00805f; --s4: #b0558a; --s5: #8a7400;
  --s6: #4a55b8; --s7: #a8261a;
}
@media screen and (prefers-color-scheme: dark) { :root {"""
    + _DARK
    + """} }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body { margin: 0 auto; padding: 3.5rem 2rem 4rem; max-width: 62rem; background: var(--paper);
  color: var(--ink); font: 1.0625rem/1.6 system-ui, -apple-system, "Segoe UI", "Helvetica Neue",
  Arial, sans-serif; overflow-wrap: break-word; }
h1, h2, h3 { font-family: "Iowan Old Style", "Palatino Linotype", Palatino, "Book Antiqua",
  Georgia, serif; font-weight: 600; line-height: 1.25; text-wrap: balance; }
h1 { font-size: 2.4rem; margin: .2rem 0 1.2rem; unicode-bidi: isolate; }
h2 { font-size: 1.55rem; margin: 0 0 1rem; }
h3 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
p, ul, ol, dl { margin: 0 0 1rem; }
p, li { max-width: 44rem; }
ul, ol { padding-left: 1.3rem; }
li { margin-bottom: .35rem; }
a { color: var(--accent); text-underline-offset: .15em; }
section { margin-top: 3.5rem; }
code, pre { font-family: ui-monospace, "SFMono-Regular", Menlo, Consolas, monospace;
  font-size: .86em; }
code { overflow-wrap: anywhere; }
pre { margin: 0 0 .6rem; padding: .7rem .9rem; background: var(--panel);
  border: 1px solid var(--line); border-radius: 6px; }
pre code { white-space: pre-wrap; font-size: 1em; }
footer { margin-top: 4rem; padding-top: 1rem; border-top: 1px solid var(--line); }
footer, .note, figcaption, caption, .absent, .interval, .tick, .axis { color: var(--soft); }
footer, .note { font-size: .92rem; }
.kicker { color: var(--soft); font-size: .92rem; margin: 0; }
.question { font-size: 1.15rem; margin-bottom: .5rem; }
.warning { margin: 1.2rem 0; padding: .6rem .9rem; border-left: 3px solid var(--warn);
  background: var(--panel); border-radius: 0 6px 6px 0; max-width: none; }
.alarm { color: var(--bad); font-weight: 600; }
.faults { color: var(--ink); }

.answer { margin-top: 2rem; padding: 1.8rem 2rem 1.4rem; background: var(--panel);
  border: 1px solid var(--line); border-radius: 10px; }
.answer h2 { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center;
  justify-content: space-between; }
.answer > :last-child { margin-bottom: 0; }
.key { display: grid; grid-template-columns: repeat(auto-fit, minmax(7.6rem, 1fr));
  gap: 1.2rem 1.5rem; margin: 1.2rem 0; }
.key dt { font-size: .92rem; color: var(--soft); }
.key dd { margin: 0; }
.key .number { font-size: 2.1rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.key .interval, .key .absent { font-size: .92rem; }
.lead { font-size: 1.15rem; max-width: none; }
.answer > ul > li { max-width: none; }
p.verdict { padding: .6rem .9rem; border-left: 4px solid currentColor; max-width: none; }
.verdict.anchored { border-color: var(--good); }
.verdict.consistent { border-color: var(--warn); }
.verdict.broken { border-color: var(--bad); }
.verdict.anchored strong { color: var(--good); }
.verdict.consistent strong { color: var(--warn); }
.verdict.broken { color: var(--bad); }
.caught { margin-top: 1.4rem; padding-top: 1.1rem; border-top: 1px solid var(--line); }
.caught p { margin-bottom: .4rem; max-width: none; }
.caught strong { color: var(--warn); }

.badge { display: inline-block; padding: 0 .55em; border: 1px solid currentColor;
  border-radius: 1em; font: .8rem/1.6 system-ui, -apple-system, "Segoe UI", Arial, sans-serif; }
.badge.signed { color: var(--good); }
.badge.computed { color: var(--soft); }
.badge.clinical { color: var(--bad); font-weight: 600; font-size: .9rem; }

nav { margin-top: 2rem; }
nav h2 { font: 600 .92rem/1.6 system-ui, -apple-system, "Segoe UI", Arial, sans-serif;
  color: var(--soft); margin-bottom: .3rem; }
nav ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .2rem 1.3rem; }
nav li { margin: 0; }

table { width: 100%; border-collapse: collapse; margin: 1.2rem 0 1.4rem; font-size: .95rem;
  font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: .5rem; font-size: .92rem; overflow-wrap: anywhere; }
th, td { text-align: left; vertical-align: baseline; padding: .5rem 1rem .5rem 0;
  border-bottom: 1px solid var(--line); font-weight: 400; }
thead th { color: var(--soft); font-size: .88rem; border-bottom-color: var(--soft); }
tbody th { font-weight: 600; }
th:last-child, td:last-child { padding-right: 0; }
.fits :is(th, td), :is(.few, .wide) th { overflow-wrap: anywhere; }
.fits.words :is(th, td) { overflow-wrap: break-word; padding-right: .5rem; }
:is(.few, .wide) th { min-width: 5rem; }
:is(.few, .wide) tbody th { min-width: 8rem; }
.scroller { overflow-x: auto; margin: 0 0 1rem; }
.scroller tbody th { position: sticky; left: 0; background: var(--paper); }
.figures .value { margin-right: .3em; }
.interval { white-space: nowrap; font-size: .9em; }
.figures .interval, .figures .absent { display: block; }
.absent { font-size: .9em; }
td .verdict { display: block; font-size: .9em; color: var(--soft); }
.verdict.better { color: var(--good); }
.verdict.worse { color: var(--bad); }
.rounds { font-size: .85rem; }
.costs td:nth-child(2) { width: 40%; vertical-align: middle; }

dl > div { display: grid; grid-template-columns: 13rem 1fr; gap: 0 1.2rem; padding: .35rem 0; }
dl.key > div { display: grid; grid-template: subgrid / 1fr; grid-row: span 3; gap: 0; padding: 0; }
.key dt { align-self: end; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
details { margin: 1rem 0; border: 1px solid var(--line); border-radius: 6px;
  padding: .55rem .9rem; }
summary { cursor: pointer; font-weight: 600; font-size: .95rem; }
details[open] > summary { margin-bottom: .8rem; }
details > :last-child { margin-bottom: .3rem; }
.ways > li { margin-bottom: 1.4rem; max-width: none; }

figure { margin: 1.2rem 0; min-width: 0; }
figcaption { font-size: .95rem; margin-bottom: .6rem; }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr));
  gap: 0 3rem; }
.panels figcaption { color: var(--ink); font-weight: 600; }
.strip-row { display: grid; grid-template-columns: 6.5rem minmax(0, 1fr); gap: .8rem;
  align-items: center; font-size: .9rem; }
.strip-row > span:first-child { overflow-wrap: anywhere; line-height: 1.25; }
svg { display: block; overflow: visible; }
svg svg { display: inline; }
.strip { width: 100%; }
.overflowing { overflow: visible; }
.square { max-width: 27rem; }
.plot { display: grid; grid-template-columns: 3rem minmax(0, 1fr); gap: .4rem;
  padding-right: .5rem; }
.axis { text-align: center; font-size: .85rem; line-height: 1.3; }
.tick { font: .8rem system-ui, -apple-system, "Segoe UI", Arial, sans-serif; fill: var(--soft); }
.guide { stroke: var(--line); stroke-width: 1; }
.diagonal { stroke: var(--soft); stroke-width: 1.5; stroke-dasharray: 5 5; }
.whisker { stroke-width: 2; }
.whisker.federated { stroke: var(--federated); }
.whisker.local { stroke: var(--local); }
.whisker.pooled { stroke: var(--pooled); }
.marker { stroke-width: 2; }
.marker.federated { fill: var(--federated); }
.marker.local { fill: var(--paper); stroke: var(--local); }
.marker.pooled { fill: var(--pooled); }
.point { fill: var(--federated); stroke: var(--federated); stroke-width: 2; }
.point.few { fill: var(--paper); }
.bar { fill: var(--federated); opacity: .8; }
.curve { fill: none; stroke-width: 2; vector-effect: non-scaling-stroke; }
.band { fill: var(--s0); opacity: .18; }
.legend { list-style: none; padding: 0; margin: .6rem 0 1rem; display: flex; flex-wrap: wrap;
  gap: .1rem 1.2rem; font-size: .9rem; }
.legend li { display: flex; align-items: center; gap: .45rem; margin: 0; }
.curve.s0 { stroke: var(--s0); stroke-width: 3; }
.curve.s1 { stroke: var(--s1); }
.curve.s2 { stroke: var(--s2); stroke-dasharray: 7 3; }
.curve.s3 { stroke: var(--s3); stroke-dasharray: 2 3; }
.curve.s4 { stroke: var(--s4); stroke-dasharray: 9 3 2 3; }
.curve.s5 { stroke: var(--s5); stroke-dasharray: 12 4; }
.curve.s6 { stroke: var(--s6); stroke-dasharray: 4 2; }
.curve.s7 { stroke: var(--s7); stroke-dasharray: 1 4; }
.dot.s0 { fill: var(--s0); } .dot.s1 { fill: var(--s1); } .dot.s2 { fill: var(--s2); }
.dot.s3 { fill: var(--s3); } .dot.s4 { fill: var(--s4); } .dot.s5 { fill: var(--s5); }
.dot.s6 { fill: var(--s6); } .dot.s7 { fill: var(--s7); }

@media (max-width: 44rem) {
  body { padding: 1.6rem 1.1rem 3rem; font-size: 1rem; }
  h1 { font-size: 1.8rem; }
  h2 { font-size: 1.35rem; }
  section { margin-top: 2.6rem; }
  .answer { padding: 1.2rem 1.1rem 1rem; }
  .key { grid-template-columns: repeat(2, 1fr); gap: 1rem; }
  .key .number { font-size: 1.7rem; }
  dl > div { display: block; padding: .4rem 0; }
  .strip-row { grid-template-columns: 5.6rem minmax(0, 1fr); gap: .6rem; }
  .interval { white-space: normal; }
}
"""
    + _stacking("wide", "60rem")
    + _stacking("few", "44rem")
    + """
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(15rem, 100%), 1fr));
  gap: 0 1.5rem; }
.picture { width: 100%; shape-rendering: crispEdges; }
.pictures figcaption { margin: .4rem 0 0; }
.outline { fill: none; stroke-width: 2; vector-effect: non-scaling-stroke; }
.outline.reference { stroke: #ffd21f; }
.outline.outlined { stroke: #22c3ff; stroke-dasharray: 4 3; }
.error { fill-opacity: .5; }
.error.missed { fill: #ffd21f; }
.error.extra { fill: #22c3ff; }
.annex-title { display: none; }
@page { margin: 13mm 14mm; }
@media print {
  :root { --paper: #fff; --panel: #fff; font-size: 12px; }
  body { max-width: none; padding: 0; font-size: 9pt; line-height: 1.4; }
  h1 { font-size: 1.8rem; margin-bottom: .5rem; }
  h2 { font-size: 1.3rem; margin-bottom: .5rem; }
  p, li, .lead, .question { font-size: 1em; max-width: none; }
  p, ul, ol, dl { margin-bottom: .5rem; }
  nav, .more, .summary .values { display: none; }
  section { margin-top: 1.2rem; }
  .answer { padding: .8rem 1rem .4rem; margin-top: .8rem; }
  .answer .note { margin: 0 0 .4rem; }
  .warning, p.verdict { margin: .5rem 0; padding: .3rem .7rem; }
  .key { margin: .6rem 0; gap: .4rem .8rem;
    grid-template-columns: repeat(auto-fit, minmax(7rem, 1fr)); }
  .key .number { font-size: 1.7rem; }
  dl > div { grid-template-columns: 12rem 1fr; padding: .1rem 0; }
  th, td { padding: .2rem .7rem .2rem 0; }
  table { margin: .5rem 0; }
  figure { margin: .5rem 0; }
  .panels { grid-template-columns: 1fr 1fr; }
  .summary .panels { zoom: .7; }
  .pictures { grid-template-columns: repeat(3, 1fr); max-width: 15cm; }
  .picture, .legend { print-color-adjust: exact; }
  .annex-title { display: block; break-before: page; font: 600 1.8rem/1.25 Georgia, serif; }
  .summary, figure, tr, li, .key, dl > div { break-inside: avoid; }
  h2, h3, summary, caption { break-after: avoid; }
  details::details-content { content-visibility: visible; block-size: auto; }
  a { color: inherit; text-decoration: none; }
}
"""
)
