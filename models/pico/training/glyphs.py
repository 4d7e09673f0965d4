"""Loads the rasterised pictograms as premultiplied mip levels, ready for the scene renderer."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

MIP_SIDES = (96, 64, 44, 30)
"""Sides kept of every glyph; drawing picks the smallest that is not smaller than the object."""

UNSEEN_STYLE = "twemoji"
"""The drawing style no training scene contains."""

SEEN_STYLES = (
    "noto",
    "noto-v1",
    "openmoji",
    "emojione",
    "emojione-v1",
    "fluent-emoji",
    "fluent-emoji-flat",
    "fxemoji",
)
STYLES = SEEN_STYLES + (UNSEEN_STYLE,)
MAX_VARIANTS = 3
"""Most drawings one style may have of one concept (flowers have three)."""


class Concepts:
    """The concept list: names, plurals and, for each style, which icons draw it."""

    def __init__(self, path):
        self.entries = json.loads(Path(path).read_text())
        self.names = [entry["name"] for entry in self.entries]
        self.plurals = [entry["plural"] for entry in self.entries]

    def __len__(self):
        return len(self.entries)


class Atlas:
    """Every glyph at every mip level, and the table (style, concept, variant) -> glyph."""

    def __init__(self, mips, variants, counts, mean_colour):
        self.mips = mips  # tuple of uint8 [glyph, side, side, 4], premultiplied
        self.variants = variants  # int32 [style, concept, MAX_VARIANTS]
        self.counts = counts  # int32 [style, concept]; 0 where the style lacks the concept
        self.mean_colour = mean_colour  # float32 [glyph, 3], over the opaque part


def build_atlas(glyphs_path, concepts, cache_path):
    """Downsamples the rasteriser's output to the mip levels and stores them uncompressed."""
    index = json.loads(Path(f"{glyphs_path}.json").read_text())
    side, glyphs = index["side"], index["glyphs"]
    raw = np.fromfile(glyphs_path, np.uint8).reshape(len(glyphs), side, side, 4)
    variants = np.zeros((len(STYLES), len(concepts), MAX_VARIANTS), np.int32)
    counts = np.zeros((len(STYLES), len(concepts)), np.int32)
    for number, glyph in enumerate(glyphs):
        style, concept = STYLES.index(glyph["style"]), concepts.names.index(glyph["concept"])
        variants[style, concept, counts[style, concept]] = number
        counts[style, concept] += 1
    straight = raw.astype(np.float32) / 255
    alpha = straight[..., 3:]
    mean_colour = (straight[..., :3] * alpha).sum((1, 2)) / alpha.sum((1, 2)) * 255
    premultiplied = raw.copy()
    premultiplied[..., :3] = np.round(raw[..., :3] * alpha)
    mips = [np.stack([_shrink(glyph, mip) for glyph in premultiplied]) for mip in MIP_SIDES]
    np.savez(cache_path, *mips, variants=variants, counts=counts, mean_colour=mean_colour.astype(np.float32))


def load_atlas(cache_path):
    """Reads what build_atlas stored."""
    stored = np.load(cache_path)
    mips = tuple(stored[f"arr_{level}"] for level in range(len(MIP_SIDES)))
    return Atlas(mips, stored["variants"], stored["counts"], stored["mean_colour"])


def _shrink(premultiplied, side):
    """Box-filters each premultiplied channel; PIL must not treat the fourth as alpha."""
    channels = [Image.fromarray(premultiplied[..., c]).resize((side, side), Image.Resampling.BOX) for c in range(4)]
    return np.stack([np.asarray(channel) for channel in channels], axis=-1)


if __name__ == "__main__":
    import sys

    concepts_path, glyphs_path, cache_path = sys.argv[1:]
    build_atlas(glyphs_path, Concepts(concepts_path), cache_path)
