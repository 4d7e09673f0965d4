"""What the reference's image rules for `llava` and `llava_next` do over many sizes: steps, tile counts and packing."""

import json
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
import torch
from transformers.image_processing_backends import PilBackend
from transformers.image_processing_utils import get_patch_output_size, select_best_resolution
from transformers.image_utils import ChannelDimension
from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil
from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil
from transformers.models.llava_next.modeling_llava_next import LlavaNextModel
from transformers.models.llava_next.processing_llava_next import LlavaNextProcessor

SOURCES = [
    (1, 1), (1, 3), (3, 1), (30, 100), (100, 30), (55, 57), (56, 56), (57, 55), (127, 129), (200, 200), (256, 171),
    (333, 500), (500, 333), (640, 480), (1023, 767), (1920, 1080), (1080, 1920), (997, 991), (1365, 2048), (40, 41),
]  # fmt: skip
SETTINGS = [
    dict(size={"shortest_edge": 56}, crop_size={"height": 56, "width": 56}),
    dict(size={"shortest_edge": 224}, crop_size={"height": 224, "width": 224}),
    dict(size={"shortest_edge": 31}, crop_size={"height": 56, "width": 56}),
    dict(size={"height": 48, "width": 75}, crop_size={"height": 56, "width": 56}),
    dict(do_resize=False, crop_size={"height": 57, "width": 57}),
    dict(size={"height": 384, "width": 384}, do_center_crop=False),
    dict(do_pad=True, size={"shortest_edge": 56}, crop_size={"height": 56, "width": 56}),
    dict(do_pad=True, size={"height": 60, "width": 60}, do_center_crop=False),
]
# Long and narrow ones are cheap here, because nothing is padded; with the last four, rounding to seven decimals counts.
NEXT_SOURCES = [
    *SOURCES, (2, 2), (1, 20000), (20000, 1), (4097, 4096), (7, 5000), (5000, 3), (672, 336), (671, 336), (337, 1008),
    (1000, 1), (14, 600), (600, 25), (3024, 4032), (1170, 2532), (1, 700), (350, 1),
    (861, 328), (924, 352), (328, 861), (376, 987),
]  # fmt: skip
# Of the released checkpoints, and one whose largest grid comes first, so that what an image leaves unused decides.
GRIDS = [
    dict(image=336, patch=14, pinpoints=[[336, 672], [672, 336], [672, 672], [1008, 336], [336, 1008]]),
    dict(image=384, patch=14, pinpoints=[[384 * rows, 384 * columns] for rows in range(1, 7) for columns in range(1, 7)]),
    dict(image=336, patch=14, pinpoints=[[1008, 1008], [672, 672], [336, 1008], [672, 336], [336, 336]]),
]
# Small enough that the whole packing is written down.
PACKED_GRID = dict(image=42, patch=14, pinpoints=[[42, 84], [84, 42], [84, 84], [126, 42], [42, 126]])


def write_llava_rules(folder: Path) -> None:
    """Writes `llava-steps.json`, `llava-next-sizes.json` and `llava-next-packing.json`."""
    _write(folder / "llava-steps.json", [_steps(setting, source) for setting in SETTINGS for source in SOURCES])
    _write(folder / "llava-next-sizes.json", [_sizes(grid, source) for grid in GRIDS for source in NEXT_SOURCES])
    _write(folder / "llava-next-packing.json", [_packing(PACKED_GRID, source) for source in NEXT_SOURCES])


def _write(path: Path, rows: list[dict]) -> None:
    path.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n")


def _steps(setting: dict, source: tuple[int, int]) -> dict:
    """Every step of one image, found by what the real steps do to the coordinates of its pixels."""
    processor = LlavaImageProcessorPil(**setting)
    image, steps = _coordinates(*source), []
    if processor.do_pad:
        image = _record(steps, image, processor.pad_to_square(image, background_color=(-1, -1, -1)))
    if processor.do_resize:
        sizes = []
        with patch("transformers.image_processing_backends.np_resize", lambda image, size, **_: sizes.append(size)):
            PilBackend.resize(processor, image, processor.size)
        height, width = sizes[0]
        steps.append({"kind": "resize", "width": width, "height": height})
        image = _coordinates(width, height)
    if processor.do_center_crop:
        # Shifted by one, so that the black around an image is no coordinate.
        made = processor.center_crop(image + 1, processor.crop_size) - 1
        _record(steps, image, made)
    return {"settings": setting, "source": source, "steps": steps}


def _coordinates(width: int, height: int) -> np.ndarray:
    """Channels hold column, row and zero of each pixel."""
    down, across = np.mgrid[0:height, 0:width]
    return np.stack([across, down, np.zeros_like(down)])


def _record(steps: list[dict], before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Adds the crop and the pad that lead from one image to the other."""
    rows, columns = np.nonzero(after[0] >= 0)
    top, left, bottom, right = rows.min(), columns.min(), rows.max() + 1, columns.max() + 1
    kept = after[:, top:bottom, left:right]
    if kept.shape != before.shape:
        steps.append(_box("crop", kept[0, 0, 0], kept[1, 0, 0], kept.shape))
    if after.shape != kept.shape:
        steps.append(_box("pad", left, top, after.shape))
    return _coordinates(after.shape[2], after.shape[1])


def _box(kind: str, left: int, top: int, shape: tuple[int, ...]) -> dict:
    return {"kind": kind, "left": int(left), "top": int(top), "width": shape[2], "height": shape[1]}


def _sizes(grid: dict, source: tuple[int, int]) -> dict:
    """The grid, the resize and the padding of one image, and the placeholders that its processor writes."""
    width, height = source
    processor = LlavaNextImageProcessorPil(image_grid_pinpoints=grid["pinpoints"])
    best = select_best_resolution((height, width), grid["pinpoints"])
    image = np.broadcast_to(np.uint8(0), (3, height, width))
    resized = get_patch_output_size(image, best, ChannelDimension.FIRST)
    (top, _), (left, _) = processor._get_padding_size(resized, best)
    return {
        **grid,
        "source": source,
        "processed": [best[1], best[0]],
        "resized": [resized[1], resized[0]],
        "left": left,
        "top": top,
        "tokens": _tokens(processor, grid, source),
    }


def _tokens(processor: LlavaNextImageProcessorPil, grid: dict, source: tuple[int, int]) -> int:
    settings = SimpleNamespace(
        image_processor=processor, patch_size=grid["patch"], num_additional_image_tokens=0
    )
    settings._get_unpadded_features = lambda *sizes: LlavaNextProcessor._get_unpadded_features(settings, *sizes)
    edge = grid["image"]
    return LlavaNextProcessor._get_number_of_features(settings, source[1], source[0], edge, edge)


def _packing(grid: dict, source: tuple[int, int]) -> dict:
    """Tile and patch of each row of features in their packed order; -1 stands for a newline."""
    side = grid["image"] // grid["patch"]
    vision = SimpleNamespace(image_size=grid["image"], patch_size=grid["patch"])
    model = SimpleNamespace(config=SimpleNamespace(vision_config=vision, image_grid_pinpoints=grid["pinpoints"]))
    best = select_best_resolution((source[1], source[0]), grid["pinpoints"])
    tiles = 1 + best[0] * best[1] // grid["image"] ** 2
    rows = torch.arange(tiles * side**2).view(tiles, side**2, 1)
    size = [source[1], source[0]]
    packed = LlavaNextModel.pack_image_features(model, [rows], [size], "default", torch.tensor([-1]))[0][0]
    return {**grid, "source": source, "processed": [best[1], best[0]], "rows": packed.flatten().tolist()}
