"""Charts as inline SVG that fill any width without scaling their text.

Positions along the width are percent, so shapes stretch and letters do not; a curve is drawn in
a stretched inner drawing whose lines keep their width. Colours are CSS variables (`style`), and
each series also has its own marker or dashes, for readers who do not tell the colours apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from collegium.report.markup import Child, Markup, element, join

HEIGHT = 220
SQUARE = 320
"""Of curves and of a reliability diagram, in CSS pixels; 24 more hold the labels below."""


_FEW_POINTS = 12
"""A curve of no more points has a dot on each, another one at its end alone."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A range with the ticks that are labelled; `log` where each step is a factor."""

    low: float
    high: float
    ticks: tuple[float, ...]
    log: bool = False

    def part(self, value: float) -> float:
        """Return where a value lies: 0 at the low end, 1 at the high end, never outside."""
        low, high = self.low, self.high
        if self.log:
            low, high, value = log10(low), log10(high), log10(max(value, low))
        return min(1.0, max(0.0, (value - low) / (high - low)))


@dataclass(frozen=True, slots=True)
class Series:
    """A line through points; `style` numbers its colour and dashes from 0."""

    name: str
    points: tuple[tuple[float, float], ...]
    style: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A value on a strip with its interval, if any; `style` is a model's CSS class."""

    value: float
    low: float | None
    high: float | None
    style: str


def axis_over(low: float, high: float, ticks: int = 5) -> Axis:
    """Return an axis with about so many round ticks that holds the range, some room for a point."""
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-3):
        low, high = low - max(abs(low), 1.0) * 0.05, high + max(abs(high), 1.0) * 0.05
    rough = (high - low) / ticks
    power = 10.0 ** floor(log10(rough))
    step = next((m * power for m in (1, 2, 2.5, 5) if m * power >= rough * 0.999), 10 * power)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    return Axis(first * step, last * step, tuple(i * step for i in range(first, last + 1)))


def log_axis(low: float, high: float) -> Axis:
    """Return an axis of whole powers of ten that holds the range; both ends are above 0."""
    first, last = floor(log10(low)), ceil(log10(high))
    powers = range(first, max(last, first + 1) + 1)
    return Axis(10.0 ** powers[0], 10.0 ** powers[-1], tuple(10.0**i for i in powers), log=True)


def whole_axis(low: int, high: int, ticks: int = 5) -> Axis:
    """Return an axis from one whole number to another, with at most so many whole ticks."""
    high = max(high, low + 1)
    step = max(1, ceil((high - low) / (ticks - 1)))
    inner = [i for i in range(low, high, step) if high - i > step / 2]
    return Axis(low, high, tuple(float(i) for i in (*inner, high)))


def strip(marks: Sequence[Mark], axis: Axis, title: str, *, zero: bool = False) -> Markup:
    """Return one row of a chart of values with intervals, as wide as its place, 14 px a mark.

    With `zero`, a stronger line marks 0.
    """
    height = 14 * max(1, len(marks)) + 6
    shapes: list[Markup] = [_guide(axis.part(tick), height) for tick in axis.ticks]
    if zero:
        shapes.append(_guide(axis.part(0.0), height, "guide zero"))
    for place, mark in enumerate(marks):
        middle = 10 + 14 * place
        if mark.low is not None and mark.high is not None:
            shapes.append(
                element(
                    "line",
                    x1=_percent(axis.part(mark.low)),
                    x2=_percent(axis.part(mark.high)),
                    y1=middle,
                    y2=middle,
                    class_=f"whisker {mark.style}",
                )
            )
        shapes.append(_marker(axis.part(mark.value), middle, mark.style))
    return _drawing(title, "", height, shapes)


def strip_axis(axis: Axis) -> Markup:
    """Return the labels below strips of an axis."""
    labels = [
        _tick_label(axis.part(tick), 14, _tick(tick))
        for tick in (axis.ticks if len(axis.ticks) <= 6 else axis.ticks[::2])
    ]
    return element("svg", *labels, class_="strip", height=20, aria_hidden="true")


def bar(part: float, title: str) -> Markup:
    """Return a bar over a part of its place."""
    shapes = [element("rect", x=0, y=3, width=_percent(part), height=10, rx=2, class_="bar")]
    return _drawing(title, "", 16, shapes)


def lines(
    title: str, description: str, series: Sequence[Series], x: Axis, y: Axis, x_title: str
) -> Markup:
    """Return a line chart with its legend; a single line is named by what stands above it."""
    drawn = [
        element(
            "polyline",
            points=" ".join(_at(x, y, *point) for point in one.points),
            class_=f"curve s{one.style % 8}",
        )
        for one in reversed(series)
    ]
    stretched = element(
        "svg",
        *drawn,
        width="100%",
        height=HEIGHT,
        viewBox=f"0 0 1000 {HEIGHT}",
        preserveAspectRatio="none",
    )
    single = [
        element(
            "circle",
            cx=_percent(x.part(one.points[0][0])),
            cy=HEIGHT * (1 - y.part(one.points[0][1])),
            r=3.5,
            class_=f"dot s{one.style % 8}",
        )
        for one in series
        if len(one.points) == 1
    ]
    legend = element(
        "ul",
        *(element("li", _sample(one.style), one.name) for one in series),
        class_="legend",
    )
    drawing = _plot(title, description, [stretched, *single], x, y, x_title, HEIGHT)
    return join(drawing, legend) if len(series) > 1 else drawing


def banded(
    title: str,
    description: str,
    curve: Sequence[tuple[float, float]],
    band: tuple[Sequence[tuple[float, float]], Sequence[tuple[float, float]]],
    x: Axis,
    y: Axis,
    x_title: str,
) -> Markup:
    """Return a curve within a band.

    Args:
        title: for those who do not see it.
        description: likewise, longer.
        curve: its points.
        band: the points of the two curves between which is shaded.
        x: what is along the width.
        y: what is along the height.
        x_title: of the width.
    """
    low, high = band
    around = [_at(x, y, *point) for point in (*low, *reversed(high))]
    shapes = [
        element("path", d=f"M{' '.join(around)}Z", class_="band"),
        element(
            "polyline", points=" ".join(_at(x, y, *point) for point in curve), class_="curve s0"
        ),
    ]
    stretched = element(
        "svg", *shapes, width="100%", height=HEIGHT, viewBox=f"0 0 1000 {HEIGHT}",
        preserveAspectRatio="none",
    )  # fmt: skip
    dots = [
        element(
            "circle", cx=_percent(x.part(at)), cy=HEIGHT * (1 - y.part(value)), r=3.5,
            class_="dot s0",
        )
        for at, value in (curve if len(curve) <= _FEW_POINTS else curve[-1:])
    ]  # fmt: skip
    return _plot(title, description, [stretched, *dots], x, y, x_title, HEIGHT)


def _at(x: Axis, y: Axis, place: float, value: float) -> str:
    return f"{1000 * x.part(place):.1f},{HEIGHT * (1 - y.part(value)):.1f}"


def square(
    title: str,
    description: str,
    curve: Sequence[tuple[float, float]],
    marked: tuple[float, float] | None,
    guess: tuple[tuple[float, float], tuple[float, float]],
    x_title: str,
) -> Markup:
    """Return a curve within 0 and 1.

    Args:
        title: for those who do not see it.
        description: likewise, longer.
        curve: its points.
        marked: a point that is shown on it.
        guess: the ends of the dashed line that guessing has.
        x_title: what is along the width.
    """
    unit = Axis(0.0, 1.0, (0.0, 0.25, 0.5, 0.75, 1.0))
    (x1, y1), (x2, y2) = guess
    shapes = [
        element(
            "line", x1=_percent(x1), y1=SQUARE * (1 - y1), x2=_percent(x2), y2=SQUARE * (1 - y2),
            class_="diagonal",
        ),
        element(
            "svg",
            element(
                "polyline",
                points=" ".join(f"{1000 * x:.1f},{SQUARE * (1 - y):.1f}" for x, y in curve),
                class_="curve s1",
            ),
            width="100%", height=SQUARE, viewBox=f"0 0 1000 {SQUARE}",
            preserveAspectRatio="none",
        ),
    ]  # fmt: skip
    if marked is not None:
        x, y = marked
        dot = element("circle", cx=_percent(x), cy=SQUARE * (1 - y), r=5, class_="point")
        shapes.append(dot)
    return _plot(title, description, shapes, unit, unit, x_title, SQUARE)


def reliability(
    title: str,
    description: str,
    bins: Sequence[tuple[float, float, float, float, bool]],
    x_title: str,
) -> Markup:
    """Return a reliability diagram: observed share against mean prediction, with intervals.

    Args:
        title: for those who do not see it.
        description: likewise, longer.
        bins: (predicted, observed, low, high, whether the bin holds enough rows to stand out).
        x_title: what the prediction is.
    """
    unit = Axis(0.0, 1.0, (0.0, 0.25, 0.5, 0.75, 1.0))
    shapes = [element("line", x1="0%", y1=SQUARE, x2="100%", y2=0, class_="diagonal")]
    for predicted, observed, low, high, solid in bins:
        at = _percent(predicted)
        shapes += [
            element(
                "line",
                x1=at,
                x2=at,
                y1=SQUARE * (1 - low),
                y2=SQUARE * (1 - high),
                class_="whisker federated",
            ),
            element(
                "circle",
                cx=at,
                cy=SQUARE * (1 - observed),
                r=5,
                class_="point" if solid else "point few",
            ),
        ]
    return _plot(title, description, shapes, unit, unit, x_title, SQUARE)


def _plot(
    title: str,
    description: str,
    shapes: Sequence[Child],
    x: Axis,
    y: Axis,
    x_title: str,
    height: int,
) -> Markup:
    """Return shapes within axes: labels of y at the left in a drawing of their own width."""
    left = element(
        "svg",
        *(
            element(
                "text",
                _tick(tick),
                x=44,
                y=8 + height * (1 - y.part(tick)) + 4,
                text_anchor="end",
                class_="tick",
            )
            for tick in y.ticks
        ),
        width=48,
        height=height + 32,
        aria_hidden="true",
    )
    guides = [
        element(
            "line",
            x1="0%",
            x2="100%",
            y1=height * (1 - y.part(tick)),
            y2=height * (1 - y.part(tick)),
            class_="guide",
        )
        for tick in y.ticks
    ]
    labels = [_tick_label(x.part(tick), height + 18, _tick(tick)) for tick in x.ticks]
    inner = element("svg", *guides, *shapes, *labels, y=8, class_="overflowing")
    right = _drawing(title, description, height + 32, [inner])
    return element(
        "div", left, element("div", right, element("div", x_title, class_="axis")), class_="plot"
    )


def _drawing(title: str, description: str, height: float, shapes: Sequence[Child]) -> Markup:
    """Return a drawing as wide as its place; readers of the page as text get title and words."""
    words = [element("desc", description)] if description else []
    return element(
        "svg",
        element("title", title),
        *words,
        *shapes,
        class_="strip",
        height=height,
        role="img",
        aria_label=f"{title}. {description}".strip() if description else title,
    )


def _guide(part: float, height: float, style: str = "guide") -> Markup:
    at = _percent(part)
    return element("line", x1=at, x2=at, y1=0, y2=height, class_=style)


def _tick(value: float) -> str:
    return f"{value:g}".replace("-", "−")


def _tick_label(part: float, y: float, words: str) -> Markup:
    """Return a label below an axis that does not run over its ends."""
    anchor = "start" if part < 0.02 else "end" if part > 0.98 else "middle"
    return element("text", words, x=_percent(part), y=y, text_anchor=anchor, class_="tick")


def _marker(part: float, y: float, style: str) -> Markup:
    """Return a model's marker: a disc, a hollow diamond or a square."""
    if style == "local":
        shape = element("path", d="M0 -5.5 5.5 0 0 5.5 -5.5 0Z", class_="marker local")
    elif style == "pooled":
        shape = element("rect", x=-4, y=-4, width=8, height=8, class_="marker pooled")
    else:
        shape = element("circle", r=4.5, class_=f"marker {style}")
    return element("svg", shape, x=_percent(part), y=y, class_="overflowing")


def sample_marker(style: str) -> Markup:
    """Return a model's marker for a legend."""
    return element(
        "svg", _marker(0.5, 8, style), width=16, height=16, class_="sample", aria_hidden="true"
    )


def _sample(style: int) -> Markup:
    line = element("line", x1=0, x2=26, y1=8, y2=8, class_=f"curve s{style % 8}")
    return element("svg", line, width=26, height=16, class_="sample", aria_hidden="true")


def _percent(part: float) -> str:
    return f"{100 * part:.2f}%"
