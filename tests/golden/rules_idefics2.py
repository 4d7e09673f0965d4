"""What the reference's rules of `idefics2` do: quarters and resizes over many sizes, placeholders in many prompts."""

import json
from pathlib import Path
from unittest.mock import patch

import numpy as np
from PIL import Image
from rules import SOURCES
from transformers import AutoTokenizer
from transformers.image_processing_backends import PilBackend
from transformers.models.idefics2.image_processing_pil_idefics2 import Idefics2ImageProcessorPil
from transformers.models.idefics2.processing_idefics2 import Idefics2Processor

# Shortest edge, longest edge.
SETTINGS = [(378, 980), (40, 112), (28, 70), (378, 378), (980, 980), (500, 300)]
# Images beside images, words, whitespace and markup.
PROMPTS = [
    "<image>", "<image><image>", "<image><image><image>What?", "What?<image>", "<image>What?", "<image> What?",
    "<image>\nWhat?", "<image>\u00a0What?", "<image>\u001cWhat?", "<image>\ufeffWhat?", "<image><image> and <image>.",
    "<image> <image>", "<image>, <image>", "<image>🐝", "<image><b>", "User:<image><end_of_utterance>\nAssistant:",
]  # fmt: skip


def write_idefics2_prompts(checkpoint: Path, path: Path) -> None:
    """Writes what the whole processor makes of prompts: their ids, with images that are split and that are not."""
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    image = Image.new("RGB", (60, 40))
    rows = []
    for split in (False, True):
        images = Idefics2ImageProcessorPil(size={"shortest_edge": 28, "longest_edge": 28}, do_image_splitting=split)
        processor = Idefics2Processor(images, tokenizer, image_seq_len=2)
        for prompt in PROMPTS:
            made = processor(text=prompt, images=[[image] * prompt.count("<image>")])
            rows.append({"split": split, "prompt": prompt, "ids": list(made["input_ids"][0])})
    path.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n")


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
