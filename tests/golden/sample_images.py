"""Source images of the golden cases: smooth colours with some edges, drawn from formulas alone."""

from pathlib import Path

import numpy as np
from PIL import Image


def draw_images(folder: Path) -> None:
    """Writes every source image once; their bytes are what the cases are made from."""
    folder.mkdir(parents=True, exist_ok=True)
    _picture(96, 72, seed=1).save(folder / "small.png")
    _picture(330, 210, seed=2).save(folder / "large.jpg", quality=92, subsampling=0)
    _picture(60, 110, seed=3).save(folder / "tall.png")
    _with_alpha(_picture(121, 80, seed=4)).save(folder / "see-through.png")


def _picture(width: int, height: int, seed: int) -> Image.Image:
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    channels = [_wave(x, y, random) for _ in range(3)]
    pixels = np.stack(channels, axis=-1)
    for _ in range(4):
        pixels = _paste_disc(pixels, x, y, random)
    return Image.fromarray(np.clip(np.round(pixels * 255), 0, 255).astype(np.uint8), "RGB")


def _wave(x: np.ndarray, y: np.ndarray, random: np.random.Generator) -> np.ndarray:
    fx, fy, phase = random.uniform(1, 5), random.uniform(1, 5), random.uniform(0, 6)
    return 0.5 + 0.4 * np.sin(fx * x + fy * y + phase)


def _paste_disc(pixels: np.ndarray, x: np.ndarray, y: np.ndarray, random: np.random.Generator) -> np.ndarray:
    centre = random.uniform(0.1, 0.9), random.uniform(0.1, 0.9) * y.max()
    inside = np.hypot(x - centre[0], y - centre[1]) < random.uniform(0.06, 0.16)
    return np.where(inside[..., None], random.uniform(0, 1, 3), pixels)


def _with_alpha(image: Image.Image) -> Image.Image:
    width, height = image.size
    ramp = np.tile(np.linspace(60, 255, width).astype(np.uint8), (height, 1))
    image.putalpha(Image.fromarray(ramp, "L"))
    return image
