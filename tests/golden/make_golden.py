"""Makes the golden fixtures: small random checkpoints and what `transformers` says about them.

    python make_golden.py                                       all tiny checkpoints, into fixtures/
    python make_golden.py --checkpoint ../../models/pico --out pico --images a.png b.jpg c.png
                                                                reference numbers of any checkpoint folder

With `--images`, the first is used for the single-image case, the second for the split one, and the first and the
third for the two turns. Needs the packages of requirements.txt. Everything is a function of seeds; only the last
bits of floating-point numbers depend on the processor.
"""

import argparse
import platform
from pathlib import Path

import torch
import transformers
from reference import Case, Reference, assistant, user
from rules import write_rules
from sample_images import draw_images
from tiny_checkpoints import VARIANTS, make_checkpoint, write_json

HERE = Path(__file__).parent


def main() -> None:
    arguments = _parse()
    if arguments.checkpoint:
        names = tuple(path.name for path in arguments.images)
        _write_fixture(arguments.checkpoint, arguments.images[0].parent, _cases(names), arguments.out)
        return
    draw_images(HERE / "fixtures" / "images")
    write_rules(HERE / "fixtures")
    for variant in VARIANTS:
        folder = HERE / "fixtures" / variant.name
        make_checkpoint(variant, folder / "checkpoint")
        cases = _cases(("small.png", "large.jpg", "tall.png", "see-through.png"))
        _write_fixture(folder / "checkpoint", HERE / "fixtures" / "images", cases, folder)


def _cases(images: tuple[str, ...]) -> list[Case]:
    first, large, second = images[0], images[1], images[-1]
    before = images[2] if len(images) > 3 else first
    question = "What do we see in this image?"
    return [
        Case("one-image", (first,), [user(None, question)], split=False),
        Case("large-image-split", (large,), [user("Wie viele Bienen 🐝 in 2026?\n\n", None, " café")], split=True),
        Case(
            "two-images-two-turns",
            (before, second),
            [
                user(None, question),
                assistant("In this image, we can see two cats on the nets."),
                user(None, "And how about this image?"),
            ],
        ),
    ]


def _write_fixture(checkpoint: Path, images: Path, cases: list[Case], out: Path) -> None:
    reference = Reference(checkpoint)
    for case in cases:
        record = reference.write_case(case, images, out / case.name)
        tiles = sum(len(image["tileTokens"]) for image in record["images"])
        varied = len(set(record["greedyIds"]))
        print(
            f"{out.name} {case.name}: {tiles} tiles, {len(record['inputIds'])} ids, "
            f"{varied} distinct greedy ids, margin {record['greedyMargin']:.4f}"
        )
    made_with = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "imageProcessor": f"{type(reference.images).__name__} ({reference.images.backend})",
        "attention": "eager, float32, one thread",
        "cases": [case.name for case in cases],
    }
    write_json(out / "fixture.json", made_with)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, help="folder of a checkpoint to describe")
    parser.add_argument("--out", type=Path, help="folder for its reference numbers")
    parser.add_argument("--images", type=Path, nargs="+", help="three or four images, all in one folder")
    arguments = parser.parse_args()
    if arguments.checkpoint and not (arguments.out and arguments.images and len(arguments.images) >= 3):
        parser.error("--checkpoint needs --out and at least three --images")
    return arguments


if __name__ == "__main__":
    main()
