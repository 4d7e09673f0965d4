"""What the reference's rules for images of `idefics2` do over many sizes: quarters and resizes."""

import json
from pathlib import Path
from unittest.mock import patch

import numpy as np
from rules import SOURCES
from transformers.image_processing_backends import PilBackend
from transformers.models.idefics2.image_processing_pil_idefics2 import Idefics2ImageProcessorPil

# Shortest edge, longest edge.
SETTINGS = [(378, 980), (40, 112), (28, 70), (378, 378), (980, 980), (500, 300)]


def write_idefics2_rules(folder: Path) -> None:
    """Writes `idefics2-sizes.json`."""
    rows = [_sizes(*setting, source) for setting in SETTINGS for source in SOURCES]
    (folder / "idefics2-sizes.json").write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n")


def _sizes(shortest: int, longest: int, source: tuple[int, int]) -> dict:
    """Views with and without splitting; a side of one pixel cannot be halved, and the reference fails."""
    processor = Idefics2ImageProcessorPil(size={"shortest_edge": shortest, "longest_edge": longest})
    return {
        "shortestEdge": shortest,
        "longestEdge": longest,
        "source": source,
        "split": _views(processor, source, split=True) if min(source) > 1 else None,
        "whole": _views(processor, source, split=False),
    }


def _views(processor: Idefics2ImageProcessorPil, source: tuple[int, int], split: bool) -> list[dict]:
    """For each view the box that is cut from the source, [left, top, width, height], and the size it is brought to."""
    views = []

    def record(self, image, size, **_):
        left, top = (int(image[axis, 0, 0]) for axis in (0, 1))
        views.append({"box": [left, top, image.shape[2], image.shape[1]], "size": [size.width, size.height]})
        return np.broadcast_to(np.uint8(0), (3, size.height, size.width))

    with patch.object(PilBackend, "resize", record):
        processor(_coordinates(*source), do_image_splitting=split, do_convert_rgb=False, input_data_format="channels_last")
    return views


def _coordinates(width: int, height: int) -> np.ndarray:
    """An image whose first two channels say where a pixel is."""
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([columns, rows, rows], axis=-1)
