"""Makes the golden fixtures: small random checkpoints and what `transformers` says about them.

    python make_golden.py                                       all tiny checkpoints, into fixtures/
    python make_golden.py --only idefics2-float32               some of them
    python make_golden.py --checkpoint ../../models/pico --out pico
                                                                reference numbers of any checkpoint folder

Needs the packages of requirements.txt. Everything is a function of seeds; only the last bits of floating-point
numbers depend on the processor.
"""

import argparse
import platform
from functools import partial
from hashlib import sha256
from pathlib import Path

import torch
import transformers
from reference import Case, Reference, assistant, user
from rules import write_rules
from rules_idefics2 import write_idefics2_prompts, write_idefics2_rules
from rules_llava import write_llava_rules
from sample_images import draw_images
from tiny_checkpoints import VARIANTS, make_checkpoint, write_json
from tiny_idefics2 import IDEFICS2_VARIANTS, make_idefics2_checkpoint
from tiny_llava import LLAVA_VARIANTS, make_llava_checkpoint

HERE = Path(__file__).parent
IMAGES = HERE / "fixtures" / "images"
# How each tiny checkpoint is made, by name.
TINY = {
    variant.name: partial(make, variant)
    for make, variants in (
        (make_checkpoint, VARIANTS),
        (make_idefics2_checkpoint, IDEFICS2_VARIANTS),
        (make_llava_checkpoint, LLAVA_VARIANTS),
    )
    for variant in variants
}


def main() -> None:
    arguments = _parse()
    if arguments.checkpoint:
        _write_fixture(arguments.checkpoint, arguments.out)
        return
    draw_images(IMAGES)
    write_rules(HERE / "fixtures")
    write_idefics2_rules(HERE / "fixtures")
    write_llava_rules(HERE / "fixtures")
    for name, make in TINY.items():
        if arguments.only and name not in arguments.only:
            continue
        folder = HERE / "fixtures" / name
        make(folder / "checkpoint")
        _write_fixture(folder / "checkpoint", folder)
    hub = HERE / "fixtures" / "idefics2-bfloat16-sharded" / "checkpoint"
    write_idefics2_prompts(hub, HERE / "fixtures" / "idefics2-prompts.json")


def _cases() -> list[Case]:
    question = "What do we see in this image?"
    return [
        Case("one-image", ("small.png",), [user(None, question)], split=False),
        Case("large-image-split", ("large.jpg",), [user("Wie viele Bienen 🐝 in 2026?\n\n", None, " café")], split=True),
        Case(
            "two-images-two-turns",
            ("tall.png", "see-through.png"),
            [
                user(None, question),
                assistant("In this image, we can see two cats on the nets."),
                user(None, "And how about this image?"),
            ],
        ),
    ]


def _write_fixture(checkpoint: Path, out: Path) -> None:
    reference = Reference(checkpoint)
    for case in _cases():
        record = reference.write_case(case, IMAGES, out / case.name)
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
        "imageProcessor": f"{type(reference.images.processor).__name__} ({reference.images.processor.backend})",
        "attention": "eager, float32, one thread",
        "weights": {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(checkpoint.glob("*.safetensors"))},
    }
    write_json(out / "fixture.json", made_with)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=TINY, help="names of the tiny checkpoints to make")
    parser.add_argument("--checkpoint", type=Path, help="folder of a checkpoint to describe")
    parser.add_argument("--out", type=Path, help="folder for its reference numbers")
    arguments = parser.parse_args()
    if arguments.checkpoint and not arguments.out:
        parser.error("--checkpoint needs --out")
    return arguments


if __name__ == "__main__":
    main()
