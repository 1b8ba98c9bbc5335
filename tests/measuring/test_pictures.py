"""Pictures in a report: public ones alone, worst to best, with every pixel where it belongs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from collegium.assembly.preparation import Prepared, prepare
from collegium.measuring import pictures
from collegium.measuring.pictures import SHOWN, pictures_of
from collegium.measuring.quality import Scores
from collegium.study.reading import read_study


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    return prepare(read_study("phantoms"))


def scores(prepared: Prepared) -> Scores:
    """Reference masks of which a growing part of the pixels is turned."""
    random = np.random.default_rng(4)
    return {
        name: np.where(
            random.random(rows.y.shape) < random.random((len(rows.y), 1)) * 0.2, 1 - rows.y, rows.y
        ) * 0.8 + 0.1
        for name, rows in prepared.test.items()
    }  # fmt: skip


def test_they_go_from_the_worst_dice_to_the_best(prepared: Prepared) -> None:
    said = scores(prepared)
    found = pictures_of(prepared, said)
    assert len(found) == SHOWN
    every = []
    for name, rows in prepared.test.items():
        for y, score in zip(rows.y, said[name], strict=True):
            called, both = score >= 0.5, y.sum() + (score >= 0.5).sum()
            every.append(2 * (called & (y == 1)).sum() / both if both else 1.0)
    assert found[0].dice == pytest.approx(min(every))
    assert found[-1].dice == pytest.approx(max(every))
    assert [one.dice for one in found] == sorted(one.dice for one in found)


def test_every_pixel_is_told_as_it_is(prepared: Prepared) -> None:
    said = scores(prepared)
    for one in pictures_of(prepared, said):
        rows = prepared.test[one.site]
        masks = ["".join(str(int(pixel)) for pixel in y) for y in rows.y]
        places = [place for place, mask in enumerate(masks) if mask == one.reference]
        called = ["".join(str(int(p >= 0.5)) for p in said[one.site][place]) for place in places]
        assert one.outlined in called
        place = places[called.index(one.outlined)]
        shade = np.array([int(digit, 16) for digit in one.grey])
        assert np.corrcoef(shade, rows.x[place])[0, 1] > 0.97
        both = sum(a == b == "1" for a, b in zip(one.reference, one.outlined, strict=True))
        total = one.reference.count("1") + one.outlined.count("1")
        assert one.dice == pytest.approx(2 * both / total if total else 1.0)


def test_pictures_of_others_are_not_told(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = scores(prepared)
    assert pictures_of(prepared, None) == ()
    monkeypatch.setattr(pictures, "BUILT_IN", {"datasets": {}})
    assert pictures_of(prepared, said) == ()


def test_other_tasks_have_none() -> None:
    heart = prepare(read_study("heart"))
    said = {name: np.full((len(rows.y), 1), 0.5) for name, rows in heart.test.items()}
    assert pictures_of(replace(heart), said) == ()
