"""What a segmentation model marks, as pictures that any program shows."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from collegium.errors import RunError, reason_of
from collegium.release.prediction import Predictions

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def marked(found: Predictions) -> NDArray[np.bool_]:
    """Return which pixels a model marks, bool [rows, height, width].

    Raises:
        RunError: ``model.no-masks``, it is no segmentation model.
    """
    network = found.about.network
    if found.schema.task != "segmentation" or network is msgspec.UNSET or network.shape is None:
        raise RunError(
            "model.no-masks", "this model marks no pixels", f"its task is {found.schema.task}",
            "leave --masks out",
        )  # fmt: skip
    height, width = network.shape[1:]
    called = found.scores >= found.about.threshold
    return np.asarray(called.reshape(len(called), height, width))


def write_masks(found: Predictions, folder: Path) -> list[Path]:
    """Write a gray PNG for each row, 255 in marked pixels, and return their paths.

    Raises:
        RunError: ``model.no-masks``, or the folder cannot be written.
    """
    masks = marked(found)
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, mask in enumerate(masks, start=1):
            path = folder / f"mask-{number:05d}.png"
            path.write_bytes(png(mask.astype(np.uint8) * np.uint8(255)))
            written.append(path)
    except OSError as error:
        raise RunError(
            "model.no-masks", f"the masks cannot be written to {folder}",
            reason_of(error), "name a folder that can be written",
        ) from error  # fmt: skip
    return written


def png(gray: NDArray[np.uint8]) -> bytes:
    """Return a picture [height, width] as PNG (ISO/IEC 15948), eight bits a pixel."""
    height, width = gray.shape
    lines = np.concatenate([np.zeros((height, 1), np.uint8), gray], axis=1)  # 0: no filter
    return (
        _SIGNATURE
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        + _chunk(b"IDAT", zlib.compress(lines.tobytes(), 9))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
