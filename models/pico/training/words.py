"""Which vocabulary entries stand for what an image token should tell."""

import torch

from language import NUMBERS, PLACES
from scenes import COLOURS


class Words:
    """Token ids of the word that names each concept, colour, number and place inside an answer."""

    def __init__(self, tokenizer, concepts):
        def identify(word):
            return tokenizer.encode(f" {word}", add_special_tokens=False).ids[0]

        self.singular = torch.tensor([identify(key_word(name)) for name in concepts.names])
        self.plural = torch.tensor([identify(key_word(name)) for name in concepts.plurals])
        self.concept_ids = torch.cat((self.singular, self.plural)).numpy()
        self.colours = torch.tensor([identify(colour) for colour in COLOURS])
        self.numbers = torch.tensor([identify(number) for number in NUMBERS])
        self.places = torch.tensor([identify(place) for place in PLACES])

    def spell(self, random, concepts):
        """One token for each concept, in the singular or the plural."""
        return [int(random.choice((self.singular, self.plural))[concept]) for concept in concepts]


def key_word(name):
    """The word that tells a concept from all others: "pine" of "pine tree", "grapes" of "bunch of grapes"."""
    return name.split(" of ")[-1].split(" ")[0]
