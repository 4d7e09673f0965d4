"""What the families' references have in common: an image as the tower sees it, and the processor's settings."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch


@dataclass(frozen=True)
class ProcessedImage:
    """One image: tiles [3, height, width] of normalised pixels, each without what its mask leaves out."""

    tiles: list[torch.Tensor]
    rows: int
    columns: int
    # Width and height of the resized image that is cut into tiles.
    processed: tuple[int, int]
    # Placeholders of each tile.
    tokens: list[int]


def read_processing(folder: Path) -> dict:
    path = folder / "processor_config.json"
    settings = json.loads(path.read_text()) if path.exists() else {}
    if "image_processor" not in settings:
        settings["image_processor"] = json.loads((folder / "preprocessor_config.json").read_text())
    return settings


def image_arguments(settings: dict) -> dict:
    return {key: value for key, value in settings.items() if not key.endswith(("_type", "_class"))}


def replace_each(text: str, marker: str, replacements: list[str]) -> str:
    first, *others = text.split(marker)
    assert len(others) == len(replacements), "one marker for each image"
    return first + "".join(replacement + other for replacement, other in zip(replacements, others))
