"""HTML that cannot be broken by what it shows: text is escaped unless it is already markup."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from collegium.visible import visible_lines

_VOID = frozenset({"meta", "br", "wbr", "line", "rect", "circle", "polyline", "path"})


@dataclass(frozen=True, slots=True)
class Markup:
    """A piece of HTML or SVG. Only this module's functions make one of foreign text."""

    source: str


Child = Markup | str


def text(value: str) -> Markup:
    """Return text as markup: escaped, without hidden characters."""
    return Markup(escape(visible_lines(value)))


def element(name: str, /, *children: Child, **attributes: str | float | None) -> Markup:
    """Return an element; text among the children is escaped, and so are attributes.

    In an attribute's name a trailing underscore is dropped (`class_`) and others are hyphens.
    An attribute that is None is left out.
    """
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(_plain(value)).source}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{shown}>" if name in ("meta", "br", "wbr") else f"<{name}{shown}/>")
    return Markup(f"<{name}{shown}>{join(*children).source}</{name}>")


def join(*children: Child) -> Markup:
    """Return the children one after another."""
    return Markup("".join((text(one) if isinstance(one, str) else one).source for one in children))


def paragraph(*children: Child, class_: str | None = None) -> Markup:
    """Return a paragraph."""
    return element("p", *children, class_=class_)


def bullets(items: Sequence[Child], class_: str | None = None) -> Markup:
    """Return a list, nothing without items."""
    if not items:
        return Markup("")
    return element("ul", *(element("li", item) for item in items), class_=class_)


def code(value: str) -> Markup:
    """Return a digest, a name or a command in its own type, which may break anywhere."""
    return element("code", value)


def badge(value: str, kind: str) -> Markup:
    """Return a small label; `kind` is a CSS class."""
    return element("span", value, class_=f"badge {kind}")


def folded(title: str, *children: Child) -> Markup:
    """Return what opens on a click, and is printed open."""
    return element("details", element("summary", title), *children)


def data(value: str | float, shown: Child) -> Markup:
    """Return what is shown with the value by which a table is sorted."""
    return element("data", shown, value=value if isinstance(value, str) else repr(float(value)))


def table(
    caption: Child,
    heads: Sequence[Child],
    rows: Sequence[Sequence[Child]],
    class_: str | None = None,
) -> Markup:
    """Return a table whose first column names the row.

    Screens that are narrow for its columns show each row as a block; what has more columns than the
    page has room for scrolls by itself. The class `numbers` says that its cells are short: two
    columns more have room then.

    The roles are said although they are a table's own: a browser forgets them in the blocks.
    """
    needed = len(heads) - (2 if class_ is not None and "numbers" in class_ else 0)
    width = "fits" if needed <= 2 else "few" if needed <= 4 else "wide"
    names = [head if isinstance(head, str) else "" for head in heads]
    head = element(
        "tr",
        *(element("th", one, scope="col", role="columnheader") for one in heads),
        role="row",
    )
    body = [
        element(
            "tr",
            element("th", row[0], scope="row", role="rowheader"),
            *(
                element("td", element("div", cell), role="cell", data_head=name)
                for name, cell in zip(names[1:], row[1:], strict=True)
            ),
            role="row",
        )
        for row in rows
    ]
    whole = element(
        "table",
        element("caption", caption),
        element("thead", head, role="rowgroup"),
        element("tbody", *body, role="rowgroup"),
        role="table",
        class_=width if class_ is None else f"{class_} {width}",
    )
    return whole if len(heads) <= _ROOM else scroller(whole)


def scroller(*children: Child, title: str | None = None) -> Markup:
    """Return what scrolls sideways by itself where it is too wide, by keys too."""
    return element(
        "div", *children, class_="scroller", tabindex="0", role="group", aria_label=title
    )


_ROOM = 8
"""Columns of figures for which the page is wide enough."""


def facts(stated: Sequence[tuple[str, Child]]) -> Markup:
    """Return names with their values."""
    return element(
        "dl",
        *(element("div", element("dt", name), element("dd", value)) for name, value in stated),
    )


def _plain(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"
