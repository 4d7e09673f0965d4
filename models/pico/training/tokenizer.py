"""Builds pico's byte-level BPE tokenizer from its own questions and answers.

    python tokenizer.py concepts.json atlas.npz ../
"""

import json
import random
import sys
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from glyphs import Concepts, load_atlas
from language import HELD_OUT, KINDS, PHRASINGS, Scene, answer, choose_subject, phrase
from scenes import COLOURS, Recipe, sample_scenes

END_OF_TEXT, START, END_OF_UTTERANCE = "<|endoftext|>", "<|im_start|>", "<end_of_utterance>"
FAKE, IMAGE, GLOBAL = "<fake_token_around_image>", "<image>", "<global-img>"
SPECIAL = (
    END_OF_TEXT,
    START,
    "<|im_end|>",
    FAKE,
    IMAGE,
    GLOBAL,
    END_OF_UTTERANCE,
    *(f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)),
)
VOCABULARY = 1280
"""Room for all bytes, the special tokens and every word of the corpus as one token."""

CHAT_TEMPLATE = (
    "<|im_start|>{% for message in messages %}{{message['role'] | capitalize}}"
    "{% if message['content'][0]['type'] == 'image' %}{{':'}}{% else %}{{': '}}{% endif %}"
    "{% for line in message['content'] %}{% if line['type'] == 'text' %}{{line['text']}}"
    "{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>\n"
    "{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)


def build(concepts, atlas):
    """Trains the tokenizer on generated conversations; deterministic."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in SPECIAL],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_corpus(concepts, atlas), trainer)
    return tokenizer


def _corpus(concepts, atlas, size=20_000):
    chance = random.Random(3)
    scenes = sample_scenes(atlas, Recipe(), size, seed=3)
    for number in range(size):
        scene = Scene(concepts, scenes, number, COLOURS)
        for kind in KINDS:
            subject = choose_subject(chance, kind, scene)
            if kind == "where" and subject is None:
                continue
            yield phrase(chance, kind, concepts, subject)
            yield f"\nAssistant: {answer(kind, scene, subject)}\nUser: {phrase(chance, kind, concepts, subject)}"
    for wordings in (*PHRASINGS.values(), *HELD_OUT.values()):
        yield from wordings
    for name, plural in zip(concepts.names, concepts.plurals):
        yield from (f"{form}\n {form}\n {form}" for form in (name, plural))


def save(tokenizer, folder):
    """Writes tokenizer.json and its Hugging Face companions."""
    folder = Path(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    extra = [FAKE, IMAGE, END_OF_UTTERANCE]
    _write(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "processor_class": "Idefics3Processor",
            "bos_token": START,
            "eos_token": END_OF_UTTERANCE,
            "pad_token": END_OF_TEXT,
            "unk_token": END_OF_TEXT,
            "fake_image_token": FAKE,
            "image_token": IMAGE,
            "global_image_token": GLOBAL,
            "end_of_utterance_token": END_OF_UTTERANCE,
            "additional_special_tokens": extra,
            "clean_up_tokenization_spaces": False,
            "model_max_length": 1024,
        },
    )
    _write(
        folder / "special_tokens_map.json",
        {
            "bos_token": START,
            "eos_token": END_OF_UTTERANCE,
            "pad_token": END_OF_TEXT,
            "unk_token": END_OF_TEXT,
            "additional_special_tokens": extra,
        },
    )
    (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE)


def _write(path, content):
    path.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    concepts_path, atlas_path, folder = sys.argv[1:]
    save(build(Concepts(concepts_path), load_atlas(atlas_path)), folder)
