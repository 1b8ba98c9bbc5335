"""Reading a page back: its text, its tables, its elements, independently of what made it."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "br", "wbr", "line", "rect", "circle", "polyline", "path"}


class Page(HTMLParser):
    """A page's elements in order; `tables` as rows of cell texts, by caption."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.unclosed: list[str] = []
        self.words: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.sections: dict[str, str] = {}
        self._caption = ""
        self._rows: list[list[str]] = []
        self._section = "head"
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.elements.append((tag, given))
        if tag not in VOID:
            self.unclosed.append(tag)
        if tag == "table":
            self._rows, self._caption = [], ""
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append("")
        elif tag in ("section", "header", "footer"):
            self._section = given.get("id", tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.unclosed
        assert self.unclosed.pop() == tag
        if tag == "table":
            self.tables[self._caption.strip()] = self._rows

    def handle_data(self, data: str) -> None:
        if "style" in self.unclosed:
            return
        self.words.append(data)
        if "title" not in self.unclosed:
            self.sections[self._section] = self.sections.get(self._section, "") + data
        if "caption" in self.unclosed:
            self._caption += data
        elif "td" in self.unclosed or "th" in self.unclosed:
            self._rows[-1][-1] += data

    @property
    def text(self) -> str:
        return "".join(self.words)

    def table(self, caption: str) -> list[list[str]]:
        """The rows of the one table whose caption begins so."""
        [rows] = [rows for name, rows in self.tables.items() if name.startswith(caption)]
        return rows
