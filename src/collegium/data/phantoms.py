"""Phantoms: made-up pictures of something to be outlined, by scanners that each see otherwise.

No patient, no scanner and no institution is behind them. A picture is 32 by 32 pixels: a large
ellipse, in it at most one small one, which is what is sought, and a bar of the same brightness,
which is not. Every scanner has a gain, an offset and a noise of its own, and one shows bright
what is dark (as some X-ray systems do): so sites differ in intensity, and in nothing else.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from collegium.data.randomness import draws
from collegium.data.registered import DataSetRows, RegisteredDataSet, read_only
from collegium.data.table import Feature, Schema, SiteRows, encode

NAME = "phantoms"
SIDE = 32
PICTURES = 60
EMPTY = 10
"""Of so many pictures, one has nothing that is sought."""

SCANNERS = {
    "scanner-a": (1.0, 0.0, 0.05), "scanner-b": (1.6, -0.2, 0.08), "scanner-c": (0.6, 0.3, 0.05),
    "scanner-d": (1.0, 0.5, 0.12), "scanner-e": (-1.0, 1.0, 0.08), "scanner-f": (0.8, 0.1, 0.15),
}  # fmt: skip
"""Gain, offset, and the standard deviation of the noise."""

UNSEEN = {"scanner-g": (1.3, 0.2, 0.1)}

SCHEMA = Schema(
    features=tuple(
        Feature(
            f"pixel_{row:02d}_{column:02d}",
            f"brightness, row {row + 1} of {SIDE} from above, column {column + 1} from the left",
            "numeric", "share of white", 0.5, 0.5,
        )
        for row in range(SIDE)
        for column in range(SIDE)
    ),
    target="sought",
    task="segmentation",
)  # fmt: skip


@cache
def load() -> DataSetRows:
    """Return the pictures of six scanners, and those of a seventh that an evaluator keeps."""
    scanners = list((SCANNERS | UNSEEN).items())
    found = [_pictures(name, *of, place) for place, (name, of) in enumerate(scanners)]
    return DataSetRows(tuple(found[: len(SCANNERS)]), tuple(found[len(SCANNERS) :]))


def _pictures(name: str, gain: float, offset: float, noise: float, place: int) -> SiteRows:
    random = draws("phantoms", name)
    count = PICTURES
    middle = random.uniform(-0.15, 0.15, (2, count))
    large = _ellipse(middle, random.uniform(0.6, 0.9, (2, count)), random.uniform(0, np.pi, count))
    radii = random.uniform(0.12, 0.35, (2, count))
    radii[:, random.permutation(count) < count // EMPTY] = 0.0
    sought = _ellipse(
        middle + random.uniform(-0.35, 0.35, (2, count)), radii, random.uniform(0, np.pi, count)
    )
    bar = _ellipse(
        random.uniform(-0.5, 0.5, (2, count)), np.array([[1.2], [0.07]]).repeat(count, axis=1),
        random.uniform(0, np.pi, count),
    )  # fmt: skip
    brightness = random.uniform(0.25, 0.4, (count, 1, 1))
    seen = 0.15 + 0.3 * large + brightness * (sought | bar)
    seen = offset + gain * seen + noise * random.normal(size=seen.shape)
    pixels = seen.reshape(count, -1)
    x = encode(SCHEMA, {one.name: pixels[:, at] for at, one in enumerate(SCHEMA.features)})
    mask = sought.reshape(count, -1).astype(np.float32)
    return read_only(SiteRows(name, x, mask, np.arange(count) + 1000 * place))


def _ellipse(
    middle: NDArray[np.float64], radii: NDArray[np.float64], angle: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return the pixels within ellipses, bool [n, SIDE, SIDE]; middles and radii are [2, n]."""
    at = (np.arange(SIDE) + 0.5) * (2.0 / SIDE) - 1.0
    down, across = at[None, :, None] - middle[0, :, None, None], at - middle[1, :, None, None]
    cosine, sine = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    along, beside = cosine * down + sine * across, cosine * across - sine * down
    long, short = (np.maximum(one, 1e-9)[:, None, None] for one in radii)
    return np.asarray((along / long) ** 2 + (beside / short) ** 2 <= 1.0)


PHANTOMS = RegisteredDataSet(
    name=NAME,
    title="Made-up pictures with an ellipse to be outlined",
    schema=SCHEMA,
    license="Apache-2.0",
    citation="made by this package; no patient is behind them",
    url="",
    folder=NAME,
    files=(),
    sites=tuple((name, PICTURES) for name in SCANNERS),
    unseen=tuple((name, PICTURES) for name in UNSEEN),
    load=load,
    made_up="scanners that differ in gain, offset and noise",
)  # fmt: skip
"""As a study document names it: ``phantoms``."""
