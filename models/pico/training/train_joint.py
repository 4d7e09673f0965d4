"""Stage 2: the whole model on conversations, with stage 1's dense losses kept on.

    OMP_NUM_THREADS=1 torchrun --nproc-per-node 2 train_joint.py --concepts concepts.json \
        --atlas atlas.npz --tokenizer ../tokenizer.json --init vision.pt --out joint.pt --seconds 3600
"""

import argparse
import io
import random

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from tokenizers import Tokenizer

from dialogue import Renderer, Turn, converse
from glyphs import SEEN_STYLES, STYLES, Concepts, load_atlas
from language import KINDS, PLACES, Scene, answer, choose_subject, phrase
from model import Pico, Shape, TrainingHeads, to_patches
from scenes import COLOURS, Recipe, draw_scenes, sample_scenes
from train_vision import PACKED, dense_batch, dense_losses, dense_scenes
from trainer import Trainer, add_common_arguments
from words import Words

PAIRS = 0.2
"""Share of conversations that show two images."""

JPEG_SHARE = 0.15

PROBES = 10
"""Concept words appended to each conversation, half of them in its last scene: dense supervision of
the decoder. Looking up a word of the question in the image is what it is slowest to learn."""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_common_arguments(parser)
    parser.add_argument("--dense", type=float, default=0.3, help="weight of the dense losses")
    parser.add_argument("--turns", type=int, default=3, help="turns of a conversation")
    parser.add_argument("--max-objects", type=int, default=6)
    parser.add_argument("--packed", type=int, default=12, help="full scenes of each step that nobody talks about")
    parser.add_argument("--freeze-tower", action="store_true", help="the tower stays as stage 1 left it")
    arguments = parser.parse_args()
    concepts, atlas = Concepts(arguments.concepts), load_atlas(arguments.atlas)
    tokenizer = Tokenizer.from_file(arguments.tokenizer)
    shape = Shape()
    renderer, words = Renderer(tokenizer, shape.image_tokens), Words(tokenizer, concepts)
    torch.manual_seed(arguments.seed)
    model, heads = Pico(shape), TrainingHeads(shape, len(concepts))
    model.model.vision_model.requires_grad_(not arguments.freeze_tower)
    trainer = Trainer(arguments, model, heads, (model, heads))
    recipe = Recipe(max_objects=arguments.max_objects, augment=arguments.augment)
    validation = {
        group: make_questions(concepts, atlas, renderer, shape, styles)
        for group, styles in (("seen", SEEN_STYLES), ("unseen", STYLES[-1:]))
    }
    while not trainer.finished:
        batch = make_batch(concepts, atlas, renderer, words, recipe, shape, arguments, trainer.next_seed())
        with torch.autocast("cpu", torch.bfloat16):
            features, tokens = model.encode(batch["patches"])
            losses = dense_losses(model, heads, words, features, tokens, batch)
            hidden, halfway = model.hidden(batch["inputs"], batch["image_slots"], tokens[: arguments.batch])
            logits, targets = answer_logits(model, hidden, batch)
            losses["text"] = F.cross_entropy(logits.float(), targets)
            losses["probe number"], losses["probe place"] = probe_losses(model, words, halfway, batch)
        losses["loss"] = (
            losses["text"] + losses["probe number"] + 0.3 * losses["probe place"] + arguments.dense * losses["loss"]
        )
        trainer.step(losses, arguments.batch)
        if trainer.evaluation_due:
            for group, questions in validation.items():
                trainer.report(group, evaluate(trainer.average[0], questions))
    trainer.save()


def make_batch(concepts, atlas, renderer, words, recipe, shape, arguments, seed):
    """Scenes with dense labels, and conversations that show each of them once.

    Packed scenes as in stage 1 come after those: they keep the tower learning at little cost, because the
    decoder does not read them.
    """
    chance = random.Random(seed)
    scenes = sample_scenes(atlas, recipe, arguments.batch, seed)
    images, covered = draw_scenes(atlas, scenes, shape.image, shape.image, shape.patch)
    for number in range(len(images)):
        if chance.random() < JPEG_SHARE:
            images[number] = _compress(images[number], chance.randint(35, 95))
    truths = [Scene(concepts, scenes, number, COLOURS) for number in range(len(images))]
    conversations, last_scenes, shown = [], [], 0
    while shown < len(truths):
        together = truths[shown : shown + (2 if chance.random() < PAIRS else 1)]
        conversations.append(converse(chance, together, max(arguments.turns, len(together))))
        last_scenes.append(together[-1])
        shown += len(together)
    probes = [[chance.randrange(len(concepts)) for _ in range(PROBES // 2)] + chance.choices(list(scene.counts), k=PROBES // 2)
              for scene in last_scenes]  # fmt: skip
    for probe in probes:
        chance.shuffle(probe)
    arrays = renderer.batch(conversations, [words.spell(chance, probe) for probe in probes])
    dense = dense_batch(scenes, images, covered, shape)
    if arguments.packed:
        packed = dense_scenes(atlas, PACKED._replace(augment=arguments.augment), shape, arguments.packed, seed + 500_000_000)
        dense = {name: torch.cat((values, packed[name])) for name, values in dense.items()}
    return {
        **dense,
        **_tensors(arrays),
        "probes": probe_labels(words, arrays, conversations, probes, last_scenes),
    }


def probe_labels(words, arrays, conversations, probes, scenes):
    """(flat places of the concept words that are asked about, number of each in its scene, place or -1).

    The words are those of the questions, one for each turn that has a subject, then the probes.
    """
    inputs, targets, _ = arrays
    found = []
    for row, (conversation, probe, scene) in enumerate(zip(conversations, probes, scenes)):
        spoken = np.concatenate(([False], targets[row, :-1] >= 0))
        positions = np.flatnonzero(np.isin(inputs[row], words.concept_ids) & ~spoken)
        asked = [(turn.scene, turn.subject) for turn in conversation if turn.subject is not None]
        asked += [(scene, concept) for concept in probe]
        if len(positions) != len(asked):  # a wording used a concept's word for something else
            positions, asked = positions[-len(probe) :], asked[-len(probe) :]
        for position, (about, concept) in zip(positions, asked):
            side = about.place(concept)
            number = about.counts.get(concept, 0)
            found.append((row * inputs.shape[1] + position, number, list(PLACES).index(side) if side else -1))
    return torch.tensor(found).unbind(1)


def probe_losses(model, words, halfway, batch):
    """Half-way up, a concept's word must have looked up how many there are, and where."""
    flat, numbers, sides = batch["probes"]
    told = F.rms_norm(halfway.flatten(0, 1)[flat], halfway.shape[-1:])
    embeddings = model.model.text_model.embed_tokens.weight
    number = F.cross_entropy((told @ embeddings[words.numbers].t()).float(), numbers)
    return number, F.cross_entropy((told @ embeddings[words.places].t()).float(), sides, ignore_index=-1)


def _compress(image, quality):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def _tensors(arrays):
    return dict(zip(("inputs", "targets", "image_slots"), map(torch.from_numpy, arrays)))


def answer_logits(model, hidden, batch):
    """(logits, targets) at the places where the assistant's next token is trained."""
    hidden = hidden.flatten(0, 1)
    targets = batch["targets"].flatten()
    places = (targets >= 0).nonzero().squeeze(1)
    return model.logits(hidden[places]), targets[places]


def make_questions(concepts, atlas, renderer, shape, styles, size=192, seed=54321):
    """One first-turn question of every kind about each of `size` fixed validation scenes."""
    chance = random.Random(seed)
    recipe = Recipe(styles=tuple(STYLES.index(style) for style in styles), augment=0.25)
    scenes = sample_scenes(atlas, recipe, size, seed)
    images, _ = draw_scenes(atlas, scenes, shape.image, shape.image, shape.patch)
    patches = to_patches(torch.from_numpy(images), shape.patch)
    questions = {}
    for kind in KINDS:
        asked, conversations = [], []
        for number in range(size):
            scene = Scene(concepts, scenes, number, COLOURS)
            subject = choose_subject(chance, kind, scene) if kind not in ("what", "colour") else None
            if kind == "where" and subject is None:
                continue
            asked.append(number)
            conversations.append([Turn(True, True, phrase(chance, kind, concepts, subject), answer(kind, scene, subject))])
        questions[kind] = {"patches": patches[asked], **_tensors(renderer.batch(conversations))}
    return questions


@torch.no_grad()
def evaluate(model, questions):
    """Share of answers right to the last token; of yes or no alone for "present".

    Greedy decoding says the expected answer exactly when every token, given those before it, is
    the likeliest, so one pass over the expected answers is enough.
    """
    scores = {}
    for kind, batch in questions.items():
        with torch.autocast("cpu", torch.bfloat16):
            _, tokens = model.encode(batch["patches"])
            hidden, _ = model.hidden(batch["inputs"], batch["image_slots"], tokens)
            logits, targets = answer_logits(model, hidden, batch)
        right = torch.ones_like(batch["targets"], dtype=torch.bool)
        asked = batch["targets"] >= 0
        right[asked] = logits.argmax(-1) == targets
        if kind == "present":
            right = right.gather(1, asked.int().argmax(1, keepdim=True))
        scores[kind] = right.all(1).float().mean().item()
    return scores


if __name__ == "__main__":
    main()
