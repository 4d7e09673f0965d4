"""Makes the held-out evaluation set, with a seed no training run uses.

    python make_eval.py concepts.json atlas.npz ../eval
"""

import json
import math
import random
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from glyphs import SEEN_STYLES, STYLES, UNSEEN_STYLE, Concepts, load_atlas
from language import EXACT, KINDS, Scene, answer, choose_subject, phrase
from scenes import COLOURS, Recipe, draw_scenes, sample_scenes

SEED = 2_000_000_001
PER_GROUP = 300
CONVERSATIONS_PER_GROUP = 100
AREA = 208**2
"""Pixels of a scene; larger than pico's tile, so that evaluation includes the resize."""

JITTER = 0.25
"""Share of training's colour and shape jitter; this set is about pictograms as their makers drew them."""

HELD_OUT_SHARE = 0.3


def main(concepts_path, atlas_path, folder):
    folder = Path(folder)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    concepts, atlas = Concepts(concepts_path), load_atlas(atlas_path)
    chance = random.Random(SEED)
    lines, conversations = [], []
    for group, styles in (("seen", SEEN_STYLES), ("unseen", (UNSEEN_STYLE,))):
        recipe = Recipe(styles=tuple(map(STYLES.index, styles)), augment=JITTER, mixed=0.5 if len(styles) > 1 else 0.0)
        kept = []
        scenes = sample_scenes(atlas, recipe, 4 * PER_GROUP, SEED)
        for number in range(len(scenes.count)):
            scene = Scene(concepts, scenes, number, COLOURS)
            if len(kept) < PER_GROUP and choose_subject(chance, "where", scene) is not None:
                kept.append((scene, number))
        for place, (scene, number) in enumerate(kept):
            name = f"{group}-{place:03d}"
            image = _draw(atlas, scenes, number)
            image.save(folder / "images" / f"{name}.jpg", quality=chance.randint(60, 85))
            lines.append(_line(chance, name, group, scenes.style[number], scene, image))
        for _ in range(CONVERSATIONS_PER_GROUP):
            conversations.append(_conversation(chance, group, kept))
    _write_lines(folder / "scenes.jsonl", lines)
    _write_lines(folder / "second_image.jsonl", conversations)
    table = [{"name": name, "plural": plural} for name, plural in zip(concepts.names, concepts.plurals)]
    (folder / "concepts.json").write_text("[\n" + ",\n".join(map(json.dumps, table)) + "\n]\n")


def _draw(atlas, scenes, number):
    one = type(scenes)(*(field[number : number + 1] for field in scenes))
    width = round(math.sqrt(AREA * one.aspect[0]))
    image, _ = draw_scenes(atlas, one, width, round(AREA / width))
    return Image.fromarray(np.ascontiguousarray(image[0]))


def _line(chance, name, group, style, scene, image):
    return {
        "id": name,
        "image": f"images/{name}.jpg",
        "width": image.width,
        "height": image.height,
        "group": group,
        "style": STYLES[style] if style < len(STYLES) else "mixed",
        "objects": [{"concept": scene.concepts.names[c], "count": n} for c, n in scene.counts.items()],
        "background": scene.colour,
        "questions": [_question(chance, kind, scene) for kind in KINDS],
    }


def _question(chance, kind, scene):
    subject = choose_subject(chance, kind, scene) if kind not in ("what", "colour") else None
    held_out = chance.random() < HELD_OUT_SHARE
    return {
        "kind": kind,
        "question": phrase(chance, kind, scene.concepts, subject, held_out),
        "held_out_phrasing": held_out,
        **({} if subject is None else {"concept": scene.concepts.names[subject]}),
        "expected": {"text": answer(kind, scene, subject), **_key(kind, scene, subject)},
    }


def _key(kind, scene, subject):
    """The fact an answer is judged by."""
    names = scene.concepts.names
    return {
        "what": lambda: {"concepts": [names[c] for c in scene.counts]},
        "count": lambda: {"number": scene.counts.get(subject, 0)},
        "colour": lambda: {"colour": scene.colour},
        "where": lambda: {"place": scene.place(subject)},
        "present": lambda: {"present": subject in scene.counts},
    }[kind]()


def _conversation(chance, group, kept):
    """A turn about one image, then "and how about this image?" with another."""
    first, second = chance.sample(range(len(kept)), 2)
    scene = kept[second][0]
    kind = chance.choice(("what", "what", "colour", "count"))
    question = _question(chance, kind, kept[first][0])
    exact = chance.random() < 0.5
    held_out = not exact and chance.random() < HELD_OUT_SHARE
    return {
        "group": group,
        "first": f"{group}-{first:03d}",
        "first_question": question["question"],
        "first_answer": question["expected"]["text"],
        "second": f"{group}-{second:03d}",
        "second_question": EXACT["next"] if exact else phrase(chance, "next", held_out=held_out),
        "held_out_phrasing": held_out,
        "expected": {"text": answer("next", scene), **_key("what", scene, None)},
    }


def _write_lines(path, lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


if __name__ == "__main__":
    main(*sys.argv[1:])
