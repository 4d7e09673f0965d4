"""Stage 1: teaches the vision tower and the connector with dense labels, without language.

    OMP_NUM_THREADS=1 torchrun --nproc-per-node 2 train_vision.py --concepts concepts.json \
        --atlas atlas.npz --tokenizer ../tokenizer.json --out vision.pt --seconds 1800
"""

import argparse

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from glyphs import SEEN_STYLES, STYLES, Concepts, load_atlas
from language import places
from model import Pico, Shape, TrainingHeads, to_patches
from scenes import Recipe, draw_scenes, sample_scenes
from trainer import Trainer, add_common_arguments
from words import Words

PACKED = Recipe(min_objects=3, max_objects=9, max_copies=5)
"""Full scenes: more labels for each encoded image."""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_common_arguments(parser)
    arguments = parser.parse_args()
    concepts = Concepts(arguments.concepts)
    atlas = load_atlas(arguments.atlas)
    shape = Shape()
    torch.manual_seed(arguments.seed)
    words = Words(Tokenizer.from_file(arguments.tokenizer), concepts)
    model, heads = Pico(shape), TrainingHeads(shape, len(concepts))
    trained = (model.model.vision_model, model.model.connector, model.model.text_model.embed_tokens, heads)
    trainer = Trainer(arguments, model, heads, trained)
    recipe = PACKED._replace(augment=arguments.augment)
    while not trainer.finished:
        batch = dense_scenes(atlas, recipe, shape, arguments.batch, trainer.next_seed())
        with torch.autocast("cpu", torch.bfloat16):
            features, tokens = model.encode(batch["patches"])
            losses = dense_losses(model, heads, words, features, tokens, batch)
        trainer.step(losses, arguments.batch)
        if trainer.evaluation_due:
            for group, styles in (("seen", SEEN_STYLES), ("unseen", STYLES[-1:])):
                trainer.report(group, evaluate(model, heads, words, atlas, styles, shape))
    trainer.save()


def dense_scenes(atlas, recipe, shape, size, seed):
    """Scenes as patches with their dense labels."""
    scenes = sample_scenes(atlas, recipe, size, seed)
    images, covered = draw_scenes(atlas, scenes, shape.image, shape.image, shape.patch)
    return dense_batch(scenes, images, covered, shape)


def dense_batch(scenes, images, covered, shape):
    """Drawn scenes as tensors: patches, what covers each of them, and the labels of the image tokens."""
    return {
        "patches": to_patches(torch.from_numpy(images), shape.patch),
        "covered": torch.from_numpy(covered.astype(np.int64)).flatten(1),
        **{name: torch.from_numpy(labels).flatten(1) for name, labels in cell_labels(scenes, shape.cells).items()},
    }


def cell_labels(scenes, cells):
    """What each image token should tell, as [batch, cells, cells] arrays; -1 where nothing is asked.

    concept: 1 + the concept whose centre lies in the cell, or 0; number: how many objects of it the
    scene has; place: its side, where that is clear; colour: the background's.
    """
    shape = (len(scenes.count), cells, cells)
    concept, number, place = np.zeros(shape, np.int64), np.full(shape, -1), np.full(shape, -1)
    scene, which = np.nonzero(np.arange(scenes.concept.shape[1]) < scenes.count[:, None])
    kind, centre = scenes.concept[scene, which], scenes.centre[scene, which]
    column, row = (centre * cells).astype(np.int64).T
    valid = np.arange(scenes.concept.shape[1]) < scenes.count[scene, None]
    concept[scene, row, column] = 1 + kind
    number[scene, row, column] = ((scenes.concept[scene] == kind[:, None]) & valid).sum(1)
    place[scene, row, column] = places(centre)
    colour = np.broadcast_to(scenes.colour[:, None, None], shape).copy()
    return {"concept": concept, "number": number, "place": place, "colour": colour}


def dense_losses(model, heads, words, features, tokens, batch):
    """Cross entropies of the dense labels, and their weighted sum as "loss".

    An image token is read as the decoder's output is: by its product with word embeddings. So what
    it tells is already a word the decoder can look up by a question's words and copy out.
    """
    embeddings = model.model.text_model.embed_tokens.weight
    concepts = torch.cat((heads.nothing, embeddings[words.singular] + embeddings[words.plural]))
    told = F.rms_norm(tokens, tokens.shape[-1:])
    losses = {
        "patch": _cross_entropy(heads.patch(features), batch["covered"], background=0.3),
        "concept": _cross_entropy(told @ concepts.t(), batch["concept"], background=0.3),
        "number": _cross_entropy(told @ embeddings[words.numbers].t(), batch["number"]),
        "place": _cross_entropy(told @ embeddings[words.places].t(), batch["place"]),
        "colour": _cross_entropy(told @ embeddings[words.colours].t(), batch["colour"]),
    }
    losses["loss"] = sum(weight * losses[name] for name, weight in _WEIGHTS.items())
    return losses


_WEIGHTS = {"patch": 1.0, "concept": 1.0, "number": 0.3, "place": 0.1, "colour": 0.1}


def _cross_entropy(logits, labels, background=1.0):
    """Mean over labels that are not -1; label 0 weighs `background`."""
    labels = labels.flatten()
    weight = torch.where(labels == 0, background, 1.0) * (labels >= 0)
    each = F.cross_entropy(logits.float().flatten(0, 1), labels, reduction="none", ignore_index=-1)
    return (each * weight).sum() / weight.sum()


@torch.no_grad()
def evaluate(model, heads, words, atlas, styles, shape, size=256):
    """Accuracy of the dense answers over objects of fixed validation scenes."""
    recipe = Recipe(styles=tuple(STYLES.index(style) for style in styles), augment=0.0)
    batch = dense_scenes(atlas, recipe, shape, size, seed=12345)
    with torch.autocast("cpu", torch.bfloat16):
        features, tokens = model.encode(batch["patches"])
        embeddings = model.model.text_model.embed_tokens.weight
        concepts = torch.cat((heads.nothing, embeddings[words.singular] + embeddings[words.plural]))
        patch, concept = heads.patch(features).argmax(-1), (tokens @ concepts.t()).argmax(-1)
        number = (tokens @ embeddings[words.numbers].t()).argmax(-1)
    covered, centres = batch["covered"] > 0, batch["concept"] > 0
    return {
        "patch": (patch == batch["covered"])[covered].float().mean().item(),
        "concept": (concept == batch["concept"])[centres].float().mean().item(),
        "number": (number == batch["number"])[centres].float().mean().item(),
        "all cells": (concept == batch["concept"]).all(1).float().mean().item(),
    }


if __name__ == "__main__":
    main()
