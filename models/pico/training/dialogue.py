"""Conversations about scenes as token sequences, exactly as Idefics3Processor renders them."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from language import EXACT, KINDS, Scene, answer, choose_subject
from tokenizer import END_OF_TEXT, END_OF_UTTERANCE, FAKE, GLOBAL, IMAGE, START
from wordings import reword


WHAT_FIRST = 0.75
"""Share of scenes whose first question asks for everything: the hardest kind, and the last to be learnt."""


class Turn(NamedTuple):
    image: bool  # whether the question brings a new image
    image_first: bool
    question: str
    answer: str
    scene: Scene | None = None
    subject: int | None = None  # the concept asked about


class Renderer:
    """Turns -> tokens and the mask of those the decoder is trained to say."""

    def __init__(self, tokenizer, image_tokens):
        self.encode = lru_cache(50_000)(lambda text: tokenizer.encode(text, add_special_tokens=False).ids)
        image = (*self.encode(FAKE), *self.encode(GLOBAL), *self.encode(IMAGE) * image_tokens, *self.encode(FAKE))
        self.image, self.image_id = list(image), self.encode(IMAGE)[0]
        self.start, self.end = self.encode(START), self.encode(END_OF_UTTERANCE)
        self.padding = self.encode(END_OF_TEXT)[0]

    def render(self, turns):
        """(token ids, same-length list of 1 where the token is the assistant's)."""
        tokens, spoken = list(self.start), [0] * len(self.start)
        for number, turn in enumerate(turns):
            opening = "User:" if number == 0 else "\nUser:"
            if not turn.image:
                question = self.encode(f"{opening} {turn.question}")
            elif turn.image_first:
                question = [*self.encode(opening), *self.image, *self.encode(turn.question)]
            else:
                question = [*self.encode(f"{opening} {turn.question}"), *self.image]
            prompt = [*question, *self.end, *self.encode("\nAssistant:")]
            reply = [*self.encode(f" {turn.answer}"), *self.end]
            tokens += prompt + reply
            spoken += [0] * len(prompt) + [1] * len(reply)
        return tokens, spoken

    def batch(self, conversations, probes=None):
        """Padded arrays: inputs, targets (-1 where not trained) and the flat places of image tokens.

        `probes` are token ids for each conversation that are appended to it untrained.
        """
        rendered = [self.render(turns) for turns in conversations]
        if probes is not None:
            opening = list(self.encode("\nUser:"))
            rendered = [
                (tokens + opening + probe + list(self.end), spoken + [0] * (len(opening + probe) + 1))
                for (tokens, spoken), probe in zip(rendered, probes)
            ]
        length = max(len(tokens) for tokens, _ in rendered) - 1
        inputs = np.full((len(rendered), length), self.padding, np.int64)
        targets = np.full((len(rendered), length), -1, np.int64)
        for row, (tokens, spoken) in enumerate(rendered):
            inputs[row, : len(tokens) - 1] = tokens[:-1]
            targets[row, : len(tokens) - 1] = np.where(spoken[1:], tokens[1:], -1)
        return inputs, targets, np.flatnonzero(inputs == self.image_id)


def converse(random, scenes, turns):
    """A conversation of about `turns` turns over one or two scenes, in the order they are shown.

    The first question about the first scene is of any kind; the first about the second is usually
    a "how about this one", which asks for the scene as "what" does.
    """
    conversation = []
    split = turns if len(scenes) == 1 else random.randint(1, turns - 1)
    for number, (scene, share) in enumerate(zip(scenes, (split, turns - split))):
        kinds = random.sample(KINDS, len(KINDS)) if random.random() < 0.7 else random.choices(KINDS, k=len(KINDS))
        if number == 1 and random.random() < 0.6:
            kinds.insert(0, "next")
        elif random.random() < WHAT_FIRST:
            kinds.insert(0, "what")
        asked = 0
        for kind in (*kinds, "what"):  # the last for a scene that has no clear place to ask about
            if asked == share:
                break
            subject = choose_subject(random, kind, scene) if kind not in ("what", "colour", "next") else None
            if kind == "where" and subject is None:
                continue
            conversation.append(
                Turn(
                    asked == 0,
                    random.random() < 0.8,
                    ask(random, kind, scene.concepts, subject),
                    answer(kind, scene, subject),
                    scene,
                    subject,
                )
            )
            asked += 1
    return conversation


def ask(random, kind, concepts, subject):
    """A question in any of training's wordings; those that the documentation shows more often than the rest."""
    if kind in EXACT and random.random() < 0.12:
        return EXACT[kind]
    return reword(random, kind, concepts, subject)
