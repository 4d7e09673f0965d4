"""Samples and draws pictogram scenes, with the truth about each.

A scene is sampled in canvas fractions, so the same scene can be drawn at any size. The two
kernels are compiled with numba; a 160 pixel training scene takes well under a millisecond.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from glyphs import MIP_SIDES, SEEN_STYLES, STYLES

MAX_OBJECTS = 9
MIXED = len(STYLES)
"""Style number of a scene that draws each object in a style of its own."""

COLOURS = ("white", "black", "gray", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown")

_HSV_RANGES = np.array(
    [  # hue degrees, saturation, value: low and high of each
        (0, 360, 0.00, 0.04, 0.94, 1.00),
        (0, 360, 0.00, 0.40, 0.00, 0.12),
        (0, 360, 0.00, 0.05, 0.42, 0.68),
        (-8, 6, 0.78, 1.00, 0.70, 1.00),
        (22, 36, 0.82, 1.00, 0.88, 1.00),
        (50, 60, 0.60, 1.00, 0.88, 1.00),
        (95, 150, 0.40, 1.00, 0.40, 0.92),
        (200, 235, 0.40, 1.00, 0.55, 1.00),
        (266, 290, 0.45, 0.90, 0.45, 0.90),
        (325, 345, 0.25, 0.58, 0.90, 1.00),
        (18, 28, 0.55, 0.82, 0.30, 0.50),
    ]
)

_MIN_CONTRAST = 70.0
"""Least RGB distance between the background and each object's mean colour, if one can be found."""

_SIZE_RANGE = np.array(
    [  # object side as a fraction of the canvas side, by number of objects
        (0.0, 0.0), (0.26, 0.60), (0.25, 0.45), (0.23, 0.40), (0.22, 0.35), (0.21, 0.32),
        (0.20, 0.29), (0.20, 0.27), (0.20, 0.26), (0.20, 0.25),
    ]
)  # fmt: skip

_NOISE = np.random.default_rng(7).normal(0, 1, 1 << 17).astype(np.float32)


class Recipe(NamedTuple):
    """What a batch of scenes is drawn from."""

    min_objects: int = 1
    max_objects: int = 5
    max_copies: int = 5
    styles: tuple = tuple(range(len(SEEN_STYLES)))
    mixed: float = 0.5  # share of scenes that mix styles
    augment: float = 1.0  # strength of colour and shape jitter of each object


class Scenes(NamedTuple):
    """A batch of sampled scenes; arrays [batch, MAX_OBJECTS, ...] hold `count` valid objects each."""

    count: np.ndarray
    style: np.ndarray
    colour: np.ndarray
    aspect: np.ndarray  # width / height the scene is meant for
    concept: np.ndarray
    glyph: np.ndarray
    centre: np.ndarray  # [.., 2] in canvas fractions
    shape: np.ndarray  # [.., 2, 2] glyph square -> canvas fractions
    tint: np.ndarray  # [.., 3, 4] colour matrix and offset
    mip_bias: np.ndarray
    background: np.ndarray  # [batch, 9]: two RGB ends, direction x and y, noise amplitude


def sample_scenes(atlas, recipe, batch, seed):
    """Draws `batch` random scenes; equal arguments give equal scenes."""
    return Scenes(
        *_sample(
            seed,
            batch,
            atlas.variants,
            atlas.counts,
            atlas.mean_colour,
            np.array(recipe.styles, np.int64),
            recipe.mixed,
            recipe.min_objects,
            recipe.max_objects,
            recipe.max_copies,
            recipe.augment,
            _HSV_RANGES,
            _SIZE_RANGE,
        )
    )


def draw_scenes(atlas, scenes, width, height, patch=16):
    """Renders scenes to uint8 [batch, height, width, 3].

    Also returns int16 [batch, height // patch, width // patch]: 1 + the concept that covers each
    patch most, or 0 for background.
    """
    return _draw(*scenes, *atlas.mips, width, height, patch, _NOISE)


@njit(cache=True)
def _hsv_to_rgb(hue, saturation, value):
    sector = (hue % 360.0) / 60.0
    out = np.empty(3)
    for channel in range(3):
        k = (sector + (5.0, 3.0, 1.0)[channel]) % 6.0
        out[channel] = 255.0 * (value - value * saturation * max(0.0, min(k, 4.0 - k, 1.0)))
    return out


@njit(cache=True)
def _random_colour(ranges, name):
    low_h, high_h, low_s, high_s, low_v, high_v = ranges[name]
    return _hsv_to_rgb(
        np.random.uniform(low_h, high_h), np.random.uniform(low_s, high_s), np.random.uniform(low_v, high_v)
    )


@njit(cache=True)
def _random_tint(strength):
    """A hue rotation with saturation and brightness jitter; rarely gray, rarely any hue at all."""
    tint = np.zeros((3, 4))
    angle, saturation, gain, offset = 0.0, 1.0, 1.0, 0.0
    if np.random.random() < 0.7 * strength:
        angle = np.random.normal(0.0, 0.25)
        if np.random.random() < 0.12:
            angle = np.random.uniform(-np.pi, np.pi)
        saturation = np.random.uniform(0.5, 1.4)
        gain = np.random.uniform(0.7, 1.25)
        offset = np.random.uniform(-25.0, 25.0)
        if np.random.random() < 0.08:
            saturation = 0.0
    cos, sin = np.cos(angle), np.sin(angle)
    third, root = 1.0 / 3.0, np.sqrt(1.0 / 3.0)
    for row in range(3):
        for column in range(3):
            if row == column:
                rotation = cos + third * (1.0 - cos)
            else:
                sign = 1.0 if (column - row) % 3 == 2 else -1.0
                rotation = third * (1.0 - cos) + sign * root * sin
            tint[row, column] = gain * (saturation * rotation + (1.0 - saturation) * third)
        tint[row, 3] = offset
    return tint


@njit(cache=True)
def _sample(seed, batch, variants, variant_counts, mean_colour, styles, mixed, min_objects, max_objects, max_copies, augment, hsv, sizes):
    np.random.seed(seed)
    concepts = variants.shape[1]
    count = np.zeros(batch, np.int64)
    style = np.zeros(batch, np.int64)
    colour = np.zeros(batch, np.int64)
    aspect = np.ones(batch)
    concept = np.zeros((batch, MAX_OBJECTS), np.int64)
    glyph = np.zeros((batch, MAX_OBJECTS), np.int64)
    centre = np.zeros((batch, MAX_OBJECTS, 2))
    shape = np.zeros((batch, MAX_OBJECTS, 2, 2))
    tint = np.zeros((batch, MAX_OBJECTS, 3, 4))
    mip_bias = np.zeros((batch, MAX_OBJECTS))
    background = np.zeros((batch, 9))
    half = np.zeros((MAX_OBJECTS, 2))
    for scene in range(batch):
        wanted = np.random.randint(min_objects, max_objects + 1)
        if np.random.random() < 0.35:
            aspect[scene] = np.exp(np.random.uniform(-0.4, 0.4))
        is_mixed = np.random.random() < mixed
        one_style = styles[np.random.randint(len(styles))]
        style[scene] = MIXED if is_mixed else one_style
        copy_rate = (0.0, 0.35, 0.75)[np.random.randint(3)]
        placed = 0
        for number in range(wanted):
            drawn_style = styles[np.random.randint(len(styles))] if is_mixed else one_style
            what, which = -1, -1
            if placed > 0 and np.random.random() < copy_rate:
                source = np.random.randint(placed)
                copies = 0
                for other in range(placed):
                    copies += concept[scene, other] == concept[scene, source]
                if copies < max_copies:
                    what = concept[scene, source]
                    if np.random.random() < 0.6 or variant_counts[drawn_style, what] == 0:
                        which = glyph[scene, source]
            if what < 0:
                what = np.random.randint(concepts)
                while variant_counts[drawn_style, what] == 0:
                    what = np.random.randint(concepts)
            if which < 0:
                which = variants[drawn_style, what, np.random.randint(variant_counts[drawn_style, what])]
            root = np.sqrt(aspect[scene])
            for attempt in range(60):
                shrink = 1.0 if attempt < 30 else 0.85
                size = shrink * np.random.uniform(sizes[wanted, 0], sizes[wanted, 1])
                stretch = np.exp(np.random.uniform(-0.14, 0.14) * augment)
                turn = np.random.uniform(-0.26, 0.26) * augment
                flip = -1.0 if np.random.random() < 0.5 * augment else 1.0
                a = size / root * np.cos(turn) * stretch * flip
                b = -size / root * np.sin(turn) / stretch
                c = size * root * np.sin(turn) * stretch * flip
                d = size * root * np.cos(turn) / stretch
                half_x, half_y = 0.46 * (abs(a) + abs(b)), 0.46 * (abs(c) + abs(d))
                if half_x > 0.49 or half_y > 0.49:
                    continue
                x = np.random.uniform(half_x, 1.0 - half_x)
                y = np.random.uniform(half_y, 1.0 - half_y)
                free = True
                for other in range(placed):
                    over_x = half_x + half[other, 0] - abs(x - centre[scene, other, 0])
                    over_y = half_y + half[other, 1] - abs(y - centre[scene, other, 1])
                    smaller = min(half_x * half_y, half[other, 0] * half[other, 1]) * 4.0
                    if over_x > 0 and over_y > 0 and over_x * over_y > 0.10 * smaller:
                        free = False
                        break
                if not free:
                    continue
                concept[scene, placed] = what
                glyph[scene, placed] = which
                centre[scene, placed, 0], centre[scene, placed, 1] = x, y
                shape[scene, placed, 0, 0], shape[scene, placed, 0, 1] = a, b
                shape[scene, placed, 1, 0], shape[scene, placed, 1, 1] = c, d
                half[placed, 0], half[placed, 1] = half_x, half_y
                tint[scene, placed] = _random_tint(augment)
                mip_bias[scene, placed] = 0.6 if np.random.random() < 0.2 * augment else 1.0
                placed += 1
                break
        count[scene] = placed
        for attempt in range(8):
            colour[scene] = np.random.randint(len(hsv))
            first = _random_colour(hsv, colour[scene])
            second = _random_colour(hsv, colour[scene])
            middle = 0.5 * (first + second)
            nearest = 1e9
            for number in range(placed):
                distance = 0.0
                for channel in range(3):
                    moved = tint[scene, number, channel, 3]
                    for source in range(3):
                        moved += tint[scene, number, channel, source] * mean_colour[glyph[scene, number], source]
                    distance += (min(255.0, max(0.0, moved)) - middle[channel]) ** 2
                nearest = min(nearest, np.sqrt(distance))
            if nearest > _MIN_CONTRAST:
                break
        if np.random.random() < 0.45:
            second = first
        background[scene, :3], background[scene, 3:6] = first, second
        direction = np.random.uniform(0.0, 2.0 * np.pi)
        background[scene, 6], background[scene, 7] = np.cos(direction), np.sin(direction)
        background[scene, 8] = np.random.uniform(2.0, 14.0) if np.random.random() < 0.35 else 0.0
    return count, style, colour, aspect, concept, glyph, centre, shape, tint, mip_bias, background


@njit(cache=True, fastmath=True)
def _draw(
    count, style, colour, aspect, concept, glyph, centre, shape, tint, mip_bias, background,
    mip0, mip1, mip2, mip3, width, height, patch, noise,
):  # fmt: skip
    batch = len(count)
    rows, columns = height // patch, width // patch
    images = np.empty((batch, height, width, 3), np.uint8)
    labels = np.zeros((batch, rows, columns), np.int16)
    canvas = np.empty((height, width, 3), np.float32)
    owner = np.empty((height, width), np.int8)
    covered = np.empty(MAX_OBJECTS, np.int64)
    for scene in range(batch):
        end = background[scene]
        graded = end[0] != end[3] or end[1] != end[4] or end[2] != end[5]
        for y in range(height):
            for x in range(width):
                if not graded:
                    for channel in range(3):
                        canvas[y, x, channel] = end[channel]
                    continue
                along = 0.5 + 0.5 * (end[6] * (2.0 * x / width - 1.0) + end[7] * (2.0 * y / height - 1.0))
                along = min(1.0, max(0.0, along))
                for channel in range(3):
                    canvas[y, x, channel] = end[channel] + along * (end[3 + channel] - end[channel])
        owner[:] = -1
        for number in range(count[scene]):
            _draw_object(
                canvas, owner, number, glyph[scene, number], centre[scene, number], shape[scene, number],
                tint[scene, number], mip_bias[scene, number], mip0, mip1, mip2, mip3,
            )  # fmt: skip
        offset = (scene * 7919 + int(end[6] * 1e6)) & 0xFFFF
        for y in range(height):
            for x in range(width):
                shake = 0.5
                if end[8] > 0:
                    shake += end[8] * noise[(offset + (y * width + x)) & 0x1FFFF]
                for channel in range(3):
                    images[scene, y, x, channel] = np.uint8(min(255.0, max(0.0, canvas[y, x, channel] + shake)))
        for row in range(rows):
            for column in range(columns):
                covered[:] = 0
                for y in range(row * patch, (row + 1) * patch):
                    for x in range(column * patch, (column + 1) * patch):
                        if owner[y, x] >= 0:
                            covered[owner[y, x]] += 1
                best = covered.argmax()
                if covered[best] * 8 >= patch * patch:
                    labels[scene, row, column] = 1 + concept[scene, best]
    return images, labels


@njit(cache=True, fastmath=True)
def _draw_object(canvas, owner, number, glyph, centre, shape, tint, bias, mip0, mip1, mip2, mip3):
    height, width = owner.shape
    a, b = shape[0, 0] * width, shape[0, 1] * width
    c, d = shape[1, 0] * height, shape[1, 1] * height
    determinant = a * d - b * c
    size = np.sqrt(abs(determinant)) * bias
    if size > 0.9 * MIP_SIDES[1]:
        level = mip0
    elif size > 0.9 * MIP_SIDES[2]:
        level = mip1
    elif size > 0.9 * MIP_SIDES[3]:
        level = mip2
    else:
        level = mip3
    side = level.shape[1]
    middle_x, middle_y = centre[0] * width, centre[1] * height
    reach_x, reach_y = 0.5 * (abs(a) + abs(b)), 0.5 * (abs(c) + abs(d))
    sample = np.empty(4)
    for y in range(max(0, int(middle_y - reach_y)), min(height, int(middle_y + reach_y) + 2)):
        for x in range(max(0, int(middle_x - reach_x)), min(width, int(middle_x + reach_x) + 2)):
            px, py = x + 0.5 - middle_x, y + 0.5 - middle_y
            u = ((d * px - b * py) / determinant + 0.5) * side - 0.5
            v = ((a * py - c * px) / determinant + 0.5) * side - 0.5
            if u <= -1 or v <= -1 or u >= side or v >= side:
                continue
            left, top = int(np.floor(u)), int(np.floor(v))
            right_part, bottom_part = u - left, v - top
            sample[:] = 0.0
            for dy in range(2):
                row = top + dy
                if row < 0 or row >= side:
                    continue
                weight_y = bottom_part if dy else 1.0 - bottom_part
                for dx in range(2):
                    column = left + dx
                    if column < 0 or column >= side:
                        continue
                    weight = weight_y * (right_part if dx else 1.0 - right_part)
                    for channel in range(4):
                        sample[channel] += weight * level[glyph, row, column, channel]
            alpha = sample[3] / 255.0
            if alpha < 0.004:
                continue
            for channel in range(3):
                moved = (
                    tint[channel, 0] * sample[0] + tint[channel, 1] * sample[1] + tint[channel, 2] * sample[2]
                    + tint[channel, 3] * alpha
                )  # fmt: skip
                moved = min(255.0 * alpha, max(0.0, moved))
                canvas[y, x, channel] = canvas[y, x, channel] * (1.0 - alpha) + moved
            if alpha > 0.5:
                owner[y, x] = number
