"""Draws the pictures of samples/ from a rasterisation of 256 pixels a glyph or more.

    node rasterize.mjs concepts.json large.bin 256
    python make_samples.py large.bin ../../../samples
"""

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

# file -> (size, background, [(style, icon, centre in fractions, side in pixels)])
SAMPLES = {
    "two-cats.png": (
        (512, 512),
        "#3b7fd6",
        [("noto", "cat-face", (0.28, 0.42), 190), ("noto", "cat-face", (0.72, 0.60), 170)],
    ),
    "bee-and-flowers.png": (
        (512, 512),
        "#fbfbf8",
        [("noto", "honeybee", (0.50, 0.22), 150), ("noto", "hibiscus", (0.24, 0.72), 150), ("noto", "blossom", (0.76, 0.72), 150)],
    ),
    "dog-and-soccer-ball.png": (
        (512, 512),
        "#3fa34d",
        [("fluent-emoji-flat", "dog", (0.33, 0.45), 230), ("fluent-emoji-flat", "soccer-ball", (0.76, 0.72), 140)],
    ),
    "apple-and-banana.png": (
        (640, 480),
        "#9a5fc9",
        [("fluent-emoji", "red-apple", (0.25, 0.40), 180), ("fluent-emoji", "banana", (0.70, 0.60), 190)],
    ),
    "rocket-and-stars.jpg": (
        (600, 600),
        "#141414",
        [
            ("twemoji", "rocket", (0.50, 0.52), 220),
            ("twemoji", "star", (0.18, 0.22), 120),
            ("twemoji", "star", (0.82, 0.20), 120),
            ("twemoji", "star", (0.20, 0.80), 120),
        ],
    ),
}


def main(glyphs_path, folder):
    index = json.loads(Path(f"{glyphs_path}.json").read_text())
    side = index["side"]
    pixels = np.fromfile(glyphs_path, np.uint8).reshape(-1, side, side, 4)
    glyphs = {(glyph["style"], glyph["icon"]): Image.fromarray(raw) for glyph, raw in zip(index["glyphs"], pixels)}
    for name, (size, background, objects) in SAMPLES.items():
        canvas = Image.new("RGB", size, background)
        for style, icon, (x, y), width in objects:
            drawn = glyphs[style, icon].resize((width, width), Image.Resampling.LANCZOS)
            canvas.paste(drawn, (round(x * size[0] - width / 2), round(y * size[1] - width / 2)), drawn)
        canvas.save(Path(folder) / name, **({"quality": 90} if name.endswith(".jpg") else {}))


if __name__ == "__main__":
    main(*sys.argv[1:])
