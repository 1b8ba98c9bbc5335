"""The section about pictures: what the reference and the model outline, and where they differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from math import isqrt

from collegium.report.content import ReportContent
from collegium.report.markup import Markup, element, join, paragraph
from collegium.report.measurements import Picture
from collegium.report.quality_sections import computed
from collegium.report.wording import counted, number

_LEGEND = {
    "reference": "reference outline", "outlined": "the model’s outline", "missed": "missed",
    "extra": "outlined by mistake",
}  # fmt: skip


def pictures(content: ReportContent) -> Markup:
    """Return test pictures with both outlines and the errors."""
    shown = content.pictures
    return join(
        paragraph(
            f"{counted(len(shown), 'test picture')} from the lowest to the highest Dice, at equal "
            "steps of rank. They are of a data set that comes with the software. A hospital’s own "
            "pictures are never shown. ",
            computed(content),
        ),
        element("div", *map(_picture, shown), class_="pictures"),
        element(
            "ul",
            *(element("li", _sample(name), words) for name, words in _LEGEND.items()),
            class_="legend",
        ),
    )


def _picture(one: Picture) -> Markup:
    missed, extra = _differing(one, "10"), _differing(one, "01")
    words = (
        f"{one.site}: Dice {number('dice', one.dice)}, {counted(sum(missed), 'pixel')} missed, "
        f"{sum(extra)} outlined by mistake"
    )
    side = isqrt(len(one.grey))
    shapes = [
        element("path", d="".join(runs), fill=f"#{shade * 3}") for shade, runs in _shades(one, side)
    ]
    shapes += [
        element("path", d=_area(mask, side), class_=f"error {name}")
        for name, mask in (("missed", missed), ("extra", extra))
    ]
    shapes += [
        element("path", d=_outline([bit == "1" for bit in mask], side), class_=f"outline {name}")
        for name, mask in (("reference", one.reference), ("outlined", one.outlined))
    ]
    drawing = element(
        "svg", element("title", words), *shapes, viewBox=f"0 0 {side} {side}", class_="picture",
        role="img", aria_label=words,
    )  # fmt: skip
    return element("figure", drawing, element("figcaption", words))


def _differing(one: Picture, pair: str) -> list[bool]:
    """Return the pixels that reference and model have so."""
    return [a + b == pair for a, b in zip(one.reference, one.outlined, strict=True)]


def _shades(one: Picture, side: int) -> Iterator[tuple[str, list[str]]]:
    """Yield each shade that occurs, with its runs of pixels as parts of a path."""
    found: dict[str, list[str]] = {}
    for row in range(side):
        line, column = one.grey[row * side : (row + 1) * side], 0
        for shade, run in groupby(line):
            length = len(list(run))
            found.setdefault(shade, []).append(f"M{column} {row}h{length}v1h-{length}z")
            column += length
    yield from sorted(found.items())


def _area(mask: Sequence[bool], side: int) -> str:
    return "".join(f"M{at % side} {at // side}h1v1h-1z" for at, inside in enumerate(mask) if inside)


def _outline(mask: Sequence[bool], side: int) -> str:
    """Return the edges between pixels inside and outside of a mask, as a path."""
    inside = {(at % side, at // side) for at, one in enumerate(mask) if one}
    return "".join(
        f"M{start[0]} {start[1]}{step}1"
        for x, y in sorted(inside, key=lambda one: (one[1], one[0]))
        for other, start, step in (
            ((x, y - 1), (x, y), "h"), ((x, y + 1), (x, y + 1), "h"),
            ((x - 1, y), (x, y), "v"), ((x + 1, y), (x + 1, y), "v"),
        )
        if other not in inside
    )  # fmt: skip


def _sample(name: str) -> Markup:
    back = element("rect", x=0, y=0, width=26, height=16, fill="#777")
    shape = (
        element("path", d="M2 8h22", class_=f"outline {name}")
        if name in ("reference", "outlined")
        else element("path", d="M6 3h14v10h-14z", class_=f"error {name}")
    )
    return element("svg", back, shape, width=26, height=16, class_="sample", aria_hidden="true")
