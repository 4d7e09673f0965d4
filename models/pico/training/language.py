"""Questions and answers about scenes, in many phrasings, as pico hears and says them.

Every kind has phrasings that train and a few that only the evaluation set uses (`HELD_OUT`).
"""

import re

import numpy as np

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
PLACES = {
    "left": "on the left",
    "right": "on the right",
    "top": "at the top",
    "bottom": "at the bottom",
    "middle": "in the middle",
}
KINDS = ("what", "count", "colour", "where", "present")

_CLEARLY_MIDDLE, _CLEARLY_OFF, _CLEARLY_ONE_AXIS = 0.10, 0.18, 0.08

_PICTURES = ("image", "picture", "scene")

# {picture}: image, picture or scene. {a}: "a cat". {one}: "cat". {many}: "cats".
PHRASINGS = {
    "what": (
        "What do we see in this {picture}?",
        "What do you see in this {picture}?",
        "What do you see?",
        "What is in this {picture}?",
        "What's in the {picture}?",
        "What is this?",
        "What can be seen here?",
        "What does this {picture} show?",
        "What is shown in the {picture}?",
        "Describe this {picture}.",
        "Describe the {picture}, please.",
        "Can you describe this {picture}?",
        "Please describe what you see.",
        "Tell me what is in the {picture}.",
        "Which objects are in this {picture}?",
        "Which things do you see here?",
        "What objects do you see in the {picture}?",
        "List the objects in this {picture}.",
        "Name everything in the {picture}.",
        "What is depicted here?",
        "What are we looking at?",
        "Give a short description of this {picture}.",
        "Caption this {picture}.",
    ),
    "count": (
        "How many {many} are there?",
        "How many {many} are in this {picture}?",
        "How many {many} are there in the {picture}?",
        "How many {many} do you see?",
        "How many {many} do we see here?",
        "How many {many} can you see in this {picture}?",
        "How many {many} can you count?",
        "How many {many} does the {picture} show?",
        "How many {many}?",
        "Count the {many}.",
        "Count the {many} in this {picture}, please.",
        "Please count the {many}.",
        "Can you count the {many}?",
        "What is the number of {many}?",
        "Tell me how many {many} there are.",
        "Tell me the number of {many} in the {picture}.",
    ),
    "colour": (
        "What color is the background?",
        "What colour is the background?",
        "What is the background color?",
        "What is the background colour of this {picture}?",
        "What is the color of the background?",
        "What is the colour of the background in this {picture}?",
        "Which color does the background have?",
        "Which colour is the background?",
        "Tell me the background color.",
        "Name the color of the background.",
        "What color is behind the objects?",
        "What colour do you see behind the objects?",
        "Can you name the background color of the {picture}?",
        "The background is what color?",
    ),
    "where": (
        "Where is the {one}?",
        "Where is the {one} in this {picture}?",
        "Where's the {one}?",
        "Where do you see the {one}?",
        "Where do we see the {one}?",
        "Where can I find the {one}?",
        "Where in the {picture} is the {one}?",
        "Where can the {one} be seen?",
        "In which part of the {picture} is the {one}?",
        "On which side is the {one}?",
        "Tell me where the {one} is.",
        "Please locate the {one}.",
        "Can you find the {one}?",
        "What is the position of the {one}?",
    ),
    "present": (
        "Is there {a}?",
        "Is there {a} in this {picture}?",
        "Is there {a} in the {picture}?",
        "Is there any {one} here?",
        "Are there any {many}?",
        "Are there {many} in this {picture}?",
        "Are there any {many} in the {picture}?",
        "Do you see {a}?",
        "Do you see any {many} in this {picture}?",
        "Do we see {a} here?",
        "Can you see {a}?",
        "Does this {picture} show {a}?",
        "Does the {picture} contain {a}?",
        "Is {a} in the {picture}?",
    ),
    "next": (
        "And how about this image?",
        "And how about this {picture}?",
        "How about this {picture}?",
        "And this {picture}?",
        "And this one?",
        "What about this {picture}?",
        "What about this one?",
        "And what about this one?",
        "And what do we see in this {picture}?",
        "What do you see in this one?",
        "And here?",
        "Now this {picture}?",
        "Now describe this one.",
        "And what is in this {picture}?",
    ),
}
HELD_OUT = {
    "what": ("What can we see in this {picture}?", "What objects are shown here?", "Please tell me what is in this {picture}."),
    "count": ("How many {many} can we see?", "Please tell me how many {many} are in the {picture}."),
    "colour": ("Which color is the background of this {picture}?", "Please name the background color."),
    "where": ("Where can you see the {one}?", "Tell me the position of the {one}."),
    "present": ("Can we see {a} in this {picture}?", "Are there any {many} here?"),
    "next": ("And what can we see in this one?", "How about this one?"),
}
EXACT = {"what": "What do we see in this image?", "next": "And how about this image?"}
"""Phrasings the documentation shows; trained on more often than the rest."""


class Scene:
    """The truth about one scene, ready to be asked about."""

    def __init__(self, concepts, scenes, number, colours):
        self.colour = colours[scenes.colour[number]]
        self.places = {}
        for concept, centre in zip(scenes.concept[number], scenes.centre[number][: scenes.count[number]]):
            self.places.setdefault(int(concept), []).append(centre)
        self.counts = {concept: len(self.places[concept]) for concept in sorted(self.places)}
        self.concepts = concepts

    def place(self, concept):
        """Where a lone object is, or None if it has copies or stands between two places."""
        if self.counts.get(concept) != 1:
            return None
        place = places(self.places[concept][0][None])[0]
        return None if place < 0 else list(PLACES)[place]


def places(centres):
    """Index into PLACES of each centre [many, 2] in canvas fractions; -1 between two places.

    Middle: at most 0.10 from the canvas's centre on both axes. Else the axis that is farther off
    decides, if it is at least 0.18 off and 0.08 farther than the other.
    """
    offset = centres - 0.5
    distance = np.abs(offset)
    far, near = distance.max(1), distance.min(1)
    horizontal = distance[:, 0] > distance[:, 1]
    side = np.where(horizontal, np.where(offset[:, 0] < 0, 0, 1), np.where(offset[:, 1] < 0, 2, 3))
    clear = (far >= _CLEARLY_OFF) & (far - near >= _CLEARLY_ONE_AXIS)
    return np.where(far <= _CLEARLY_MIDDLE, 4, np.where(clear, side, -1))


def phrase(random, kind, concepts=None, concept=None, held_out=False):
    """A random wording of a question."""
    if kind in EXACT and not held_out and random.random() < 0.12:
        return EXACT[kind]
    return fill(random, random.choice((HELD_OUT if held_out else PHRASINGS)[kind]), concepts, concept)


def fill(random, wording, concepts=None, concept=None):
    """A wording with its blanks filled in."""
    words = {"picture": random.choice(_PICTURES)}
    if concept is not None:
        words |= {"one": concepts.names[concept], "many": concepts.plurals[concept], "a": with_article(concepts.names[concept])}
    return wording.format(**words)


def answer(kind, scene, concept=None):
    """The one right answer, as pico words it."""
    names, plurals = scene.concepts.names, scene.concepts.plurals
    if kind in ("what", "next"):
        return _sentence(_listing([_amount(names[c], plurals[c], n) for c, n in scene.counts.items()]))
    if kind == "colour":
        return f"The background is {scene.colour}."
    count = scene.counts.get(concept, 0)
    if kind == "count":
        return f"There is one {names[concept]}." if count == 1 else f"There are {NUMBERS[count]} {plurals[concept]}."
    if kind == "where":
        return f"The {names[concept]} is {PLACES[scene.place(concept)]}."
    if count == 0:
        return f"No, there is no {names[concept]}."
    return f"Yes, there {'is' if count == 1 else 'are'} {_amount(names[concept], plurals[concept], count)}."


def choose_subject(random, kind, scene):
    """A concept to ask about, or None where the scene has no lone object in a clear place."""
    present = list(scene.counts)
    if kind == "where":
        placed = [concept for concept in present if scene.place(concept)]
        return random.choice(placed) if placed else None
    absent = random.random() < (0.5 if kind == "present" else 0.2)
    return _absent(random, scene, present) if absent else random.choice(present)


def _absent(random, scene, present):
    """A concept that is not there; half the time one listed near a present one, which look or mean alike."""
    total = len(scene.concepts)
    while True:
        near = random.choice(present) + random.randint(-4, 4)
        concept = near % total if random.random() < 0.5 else random.randrange(total)
        if concept not in scene.counts:
            return concept


def with_article(name):
    return f"{'an' if re.match('[aeiou]|hour', name) else 'a'} {name}"


def _amount(name, plural, count):
    return with_article(name) if count == 1 else f"{NUMBERS[count]} {plural}"


def _listing(parts):
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _sentence(text):
    return f"{text[0].upper()}{text[1:]}."
