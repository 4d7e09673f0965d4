"""What the reference's image rules do over many sizes: resizes, tile counts and position ids."""

import json
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from transformers import Idefics3VisionConfig
from transformers.image_processing_backends import PilBackend
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.idefics3.modeling_idefics3 import Idefics3VisionEmbeddings

SOURCES = [
    (1, 1), (1, 3), (3, 1), (2, 2), (30, 100), (100, 30), (63, 64), (64, 63), (64, 64), (65, 64), (127, 129),
    (200, 200), (256, 171), (333, 500), (500, 333), (640, 480), (1023, 767), (1920, 1080), (1080, 1920), (1, 20000),
    (20000, 1), (4097, 4096), (5000, 3), (7, 5000), (997, 991), (1365, 2048),
]  # fmt: skip
# Longest edge, tile.
SETTINGS = [(256, 64), (64, 64), (224, 56), (2048, 512), (1456, 364), (1536, 384), (300, 64), (48, 64), (5000, 512)]
MOST_POSITIONS = 80
# Patches a side, positions a side: tiles that are not of the size that the tower was trained on.
OTHER_SIDES = [(26, 16), (16, 26), (32, 24), (24, 32), (7, 4), (5, 9), (37, 70)]


def write_rules(folder: Path) -> None:
    """Writes `image-sizes.json` and `position-ids.json`."""
    sizes = [_sizes(*setting, source) for setting in SETTINGS for source in SOURCES]
    (folder / "image-sizes.json").write_text("[\n" + ",\n".join(map(json.dumps, sizes)) + "\n]\n")
    sides = [(side, side) for side in range(1, MOST_POSITIONS + 1)] + OTHER_SIDES
    buckets = [_buckets(patches, positions) for patches, positions in sides]
    (folder / "position-ids.json").write_text("[\n" + ",\n".join(map(json.dumps, buckets)) + "\n]\n")


def _sizes(longest_edge: int, tile: int, source: tuple[int, int]) -> dict:
    """Every resize of one source image, as [width, height], with and without splitting."""
    processor = Idefics3ImageProcessorPil(size={"longest_edge": longest_edge}, max_image_size={"longest_edge": tile})
    row = {"longestEdge": longest_edge, "tile": tile, "source": source}
    for name, split in (("split", True), ("whole", False)):
        resizes = []

        def record(self, image, size, **_):
            resizes.append([size.width, size.height])
            return np.broadcast_to(np.uint8(0), (3, size.height, size.width))

        image = np.broadcast_to(np.uint8(0), (source[1], source[0], 3))
        with patch.object(PilBackend, "resize", record):
            made = processor(
                image, do_image_splitting=split, return_row_col_info=True, input_data_format="channels_last"
            )
        row[name] = {"resizes": resizes, "rows": made["rows"][0][0], "columns": made["cols"][0][0]}
    return row


def _buckets(patches: int, positions: int) -> dict:
    """Position bucket of each patch along one side of a full tile, from the reference's own embedding layer."""
    config = Idefics3VisionConfig(hidden_size=1, image_size=positions, patch_size=1, num_channels=1)
    layer = Idefics3VisionEmbeddings(config)
    with torch.no_grad():
        layer.patch_embedding.weight.zero_()
        layer.patch_embedding.bias.zero_()
        layer.position_embedding.weight.copy_(torch.arange(positions**2)[:, None])
        mask = torch.ones((1, patches, patches), dtype=torch.bool)
        ids = layer(torch.zeros(1, 1, patches, patches), mask)[0, :, 0].to(torch.int64).tolist()
    row = ids[:patches]
    assert ids == [positions * down + across for down in row for across in row]
    return {"patches": patches, "positions": positions, "buckets": row}
