"""What surrounds every page: one HTML file that loads nothing, in its reader's colour scheme."""

from __future__ import annotations

from collections.abc import Sequence

from collegium.report.markup import Child, Markup, element
from collegium.report.style import STYLE

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""The page asks its browser to load nothing, whatever it might be made to contain."""


def whole_page(
    title: str,
    opening: Sequence[Child],
    main: Sequence[Child],
    footer: Child,
    *,
    style: str = "",
    class_: str | None = None,
    policy: str = POLICY,
    script: str = "",
    live: int | None = None,
) -> str:
    """Return a page as a whole HTML file; the same parts give the same bytes.

    Args:
        title: of the browser's window.
        opening: what the page is; the one `h1` is in it.
        main: sections, each with an `h2`.
        footer: one paragraph.
        style: rules beside the style sheet of all pages.
        class_: of the body, for these rules.
        policy: what the browser may load and run.
        script: the one that `policy` allows.
        live: every how many seconds the script shall look for another state of the page.
    """
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", Markup(STYLE + style)),
    )
    body = element(
        "body",
        element("header", *opening),
        element("main", *main),
        element("footer", element("p", footer)),
        element("script", Markup(script)) if script else "",
        class_=class_,
        data_live=live,
    )
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en').source}\n"
