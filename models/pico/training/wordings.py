"""Wordings put together from parts, so that pico learns what a question means rather than a list of sentences."""

from language import HELD_OUT, PHRASINGS, fill

COMPOSED = 0.45
"""Share of training questions that are put together here; the rest are `language.PHRASINGS` as they stand."""

FRAMED = 0.2
"""Share of questions with a word before or after them, as people write."""

UNPUNCTUATED = 0.06

_TAILS = ("", "", " here", " in this {picture}", " in the {picture}", " in it", " there", " anywhere")
_PARTS = {
    "what": (
        (
            "What do you see", "What do we see", "What can you see", "What is", "What's", "What is there to see",
            "Which objects are", "Which objects do you see", "What things are", "What can you find", "What is visible",
            "What objects can be seen", "Describe what is", "Say what you see", "List what you see", "Name the objects",
        ),
        ("", " here", " in this {picture}", " in the {picture}", " in it", " on this {picture}"),
    ),
    "count": (
        tuple(
            f"How many {{many}}{verb}"
            for verb in ("", " are", " are there", " do you see", " do we see", " can you see", " can be seen", " are shown", " are visible", " can you find")
        )
        + ("Count the {many}", "Count all {many}", "What number of {many} is", "Give me the number of {many}", "Say how many {many} are", "The number of {many}"),
        _TAILS,
    ),
    "colour": (
        (
            "What color is the background", "What colour is the background", "What is the background color", "Which color is behind everything",
            "Name the background colour", "The color of the background", "Say the color of the background", "Which colour does the background have",
        ),
        ("", " here", " in this {picture}", " of this {picture}", " of the {picture}"),
    ),
    "where": (
        (
            "Where is the {one}", "Where's the {one}", "Where do you see the {one}", "Where do we see the {one}", "Where can we find the {one}",
            "Where can I see the {one}", "Find the {one}", "Say where the {one} is", "Show me where the {one} is", "On what side do you see the {one}",
            "What is the place of the {one}", "The {one} is where", "In what part do you find the {one}",
        ),
        ("", "", " here", " in this {picture}", " in the {picture}"),
    ),
    "present": (
        (
            "Is there {a}", "Is there any {one}", "Are there any {many}", "Are there {many}", "Are {many}", "Is {a}", "Do you see {a}", "Do you see any {many}",
            "Do you see {many}", "Do we see {a}", "Do we see any {many}", "Do we see {many}", "Can you see {a}", "Can you see any {many}", "Can you find {a}",
            "Can you find any {many}", "Can I see {a}", "Could there be {a}", "Do you find {a}", "Can one see {a}", "Is it true that there is {a}",
            "Have we got {a}", "Did you see {a}", "Say if there is {a}", "Tell me if there is {a}", "Tell me whether there are {many}",
        ),
        _TAILS,
    ),
    "next": (
        (
            "And", "And now", "Now", "How about", "And how about", "What about", "And what about", "And in", "What is in", "And what is in",
            "What do we see in", "And what do you see in", "Describe", "Now describe", "And what is shown in", "The same for",
        ),
        (" this {picture}", " this {picture}", " this one", " the next one", " the second {picture}", " the other {picture}", " the new {picture}"),
    ),
}  # fmt: skip
_BEFORE = ("Hello. ", "Hi! ", "OK. ", "Thanks. ", "Look closely. ", "Next question: ", "So, ", "Now, ", "Well, ", "Please, ", "Quick question: ")
_AFTER = (" Thanks.", " Thank you!", " Please answer.", " Answer in one sentence.", " Look again.")
_NEVER = {wording.lower() for wordings in HELD_OUT.values() for wording in wordings}


def reword(random, kind, concepts=None, concept=None):
    """A question as training asks it: never a wording of `HELD_OUT`."""
    if random.random() >= COMPOSED:
        wording = random.choice(PHRASINGS[kind])
    else:
        wording = _compose(random, kind)
    question = fill(random, wording, concepts, concept)
    if random.random() < FRAMED:
        question = random.choice(_BEFORE) + question if random.random() < 0.6 else question + random.choice(_AFTER)
    if random.random() < UNPUNCTUATED:
        question = question.rstrip("?.").lower()
    return question


def _compose(random, kind):
    heads, tails = _PARTS[kind]
    while True:
        wording = random.choice(heads) + random.choice(tails) + "?"
        if wording.lower() not in _NEVER and wording.lower().replace("?", ".") not in _NEVER:
            return wording
