"""What lets a page's tables be sorted, and keeps a served page up to date: one small script.

Without it every page shows the same. A page that stands alone names the script's hash to its
browser, which runs no other.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

SCRIPT = Path(__file__).with_name("interactive.js").read_text(encoding="utf-8")

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-"
    f"{base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()}'"
)
"""For a page that has the script within; base-uri and form-action keep what it links its own."""

STYLE = """
.guide.zero { stroke: var(--soft); stroke-width: 1.5; }
.forest-row { display: grid; grid-template-columns: minmax(8rem, 17rem) 1fr minmax(13rem, auto);
  gap: .2rem 1.2rem; align-items: center; font-size: .92rem; padding: .3rem 0;
  border-top: 1px solid var(--line); }
.forest-row.scale { border: 0; padding-top: 0; }
.forest-name { overflow-wrap: anywhere; line-height: 1.3; }
.forest-value { font-variant-numeric: tabular-nums; }
.forest-verdict { display: block; color: var(--soft); font-size: .92em; }
.sortable thead button { all: unset; cursor: pointer; }
.sortable thead button:hover { color: var(--ink); text-decoration: underline; }
.sortable thead button:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.sortable thead button::after { content: "\\2009\\2195"; }
.sortable th[aria-sort] button::after { content: "\\2009\\2191"; color: var(--accent); }
.sortable th[aria-sort="descending"] button::after { content: "\\2009\\2193"; }
.files { font-size: .92rem; }
@media screen and (max-width: 60rem) {
  .forest-row { grid-template-columns: 1fr auto; }
  .forest-row > :nth-child(2) { grid-area: 2 / 1 / 2 / -1; }
  .forest-row.scale > span { display: none; }
}
@media print { .sortable thead button::after { content: none; } }
"""
