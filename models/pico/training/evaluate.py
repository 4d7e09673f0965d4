"""Scores an exported folder on the committed evaluation set with transformers, by eval/README.md's rules.

    python evaluate.py .. ../eval
"""

import json
import re
import sys
from collections import defaultdict
from pathlib import Path

import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

BATCH = 40
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
COUNT_WORDS = {**{word: n for n, word in enumerate(NUMBERS)}, "no": 0, "none": 0, "a": 1, "an": 1}
COLOURS = ("white", "black", "gray", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown")
COLOUR_WORDS = {**{colour: colour for colour in COLOURS}, "grey": "gray"}
PLACE_WORDS = {place: place for place in ("left", "right", "top", "bottom", "middle")} | {
    "center": "middle",
    "centre": "middle",
}


def main(model_folder, eval_folder):
    folder = Path(eval_folder)
    model = AutoModelForImageTextToText.from_pretrained(model_folder, dtype=torch.float32).eval()
    processor = AutoProcessor.from_pretrained(model_folder)
    processor.tokenizer.padding_side = "left"
    concepts = ConceptFinder(json.loads((folder / "concepts.json").read_text()))
    tally, wrong = defaultdict(list), []
    items = [*_scene_items(folder), *_second_image_items(folder)]
    items.sort(key=lambda item: (item["kind"], len(item["messages"])))
    for start in range(0, len(items), BATCH):
        batch = items[start : start + BATCH]
        for item, reply in zip(batch, _generate(model, processor, batch)):
            kinds = {item["kind"]: is_right(item, reply, concepts)}
            if item["kind"] == "what":
                kinds["what_exact"] = normalise(reply) == normalise(item["expected"]["text"])
            for kind, right in kinds.items():
                tally[kind, item["group"]].append(right)
                tally[kind, item["group"], item["held_out"]].append(right)
            if not all(kinds.values()):
                wrong.append({"group": item["group"], "kind": item["kind"], "question": item["question"],
                              "expected": item["expected"]["text"], "reply": reply})  # fmt: skip
    for kind in ("what", "what_exact", "count", "colour", "where", "present", "second_image"):
        cells = [f"{100 * sum(t) / len(t):.1f}" for t in (tally[kind, "seen"], tally[kind, "unseen"])]
        held = [f"{100 * sum(t) / max(1, len(t)):.1f}" for t in (tally[kind, "seen", True], tally[kind, "unseen", True])]
        print(f"| {kind} | {cells[0]} | {cells[1]} | {held[0]} | {held[1]} |")
    return wrong


def _scene_items(folder):
    for line in (folder / "scenes.jsonl").read_text().splitlines():
        scene = json.loads(line)
        for question in scene["questions"]:
            yield {
                **question,
                "group": scene["group"],
                "held_out": question["held_out_phrasing"],
                "images": [folder / scene["image"]],
                "messages": [_user(question["question"], image=True)],
            }


def _second_image_items(folder):
    for line in (folder / "second_image.jsonl").read_text().splitlines():
        talk = json.loads(line)
        yield {
            **talk,
            "kind": "second_image",
            "question": talk["second_question"],
            "held_out": talk["held_out_phrasing"],
            "images": [folder / "images" / f"{talk[which]}.jpg" for which in ("first", "second")],
            "messages": [
                _user(talk["first_question"], image=True),
                {"role": "assistant", "content": [{"type": "text", "text": talk["first_answer"]}]},
                _user(talk["second_question"], image=True),
            ],
        }


def _user(text, image):
    return {"role": "user", "content": [{"type": "image"}] * image + [{"type": "text", "text": text}]}


@torch.no_grad()
def _generate(model, processor, items):
    """Greedy replies."""
    text = [processor.apply_chat_template(item["messages"], add_generation_prompt=True) for item in items]
    images = [[Image.open(path).convert("RGB") for path in item["images"]] for item in items]
    inputs = processor(text=text, images=images, return_tensors="pt", padding=True)
    output = model.generate(**inputs, max_new_tokens=64, do_sample=False)
    replies = processor.batch_decode(output[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return [reply.strip() for reply in replies]


def normalise(text):
    return " ".join(re.sub("[^a-z0-9 ]", " ", text.lower()).split())


class ConceptFinder:
    """Finds concept names in text: whole words, leftmost and longest first."""

    def __init__(self, table):
        self.names = {normalise(form): entry["name"] for entry in table for form in (entry["name"], entry["plural"])}
        forms = sorted(self.names, key=len, reverse=True)
        self.pattern = re.compile(rf"\b({'|'.join(forms)})\b")

    def find(self, text):
        return {self.names[found] for found in self.pattern.findall(normalise(text))}

    def remove(self, text, concept):
        forms = [form for form, name in self.names.items() if name == concept]
        return re.sub(rf"\b({'|'.join(sorted(forms, key=len, reverse=True))})\b", " ", normalise(text))


def is_right(item, reply, concepts):
    """Whether a reply states the expected fact."""
    kind, expected = item["kind"], item["expected"]
    if kind in ("what", "second_image"):
        return concepts.find(reply) == set(expected["concepts"])
    words = concepts.remove(reply, item["concept"]).split() if kind in ("count", "where") else normalise(reply).split()
    if kind == "present":
        return words[:1] == ["yes" if expected["present"] else "no"]
    table, key = {
        "count": (COUNT_WORDS | {str(n): n for n in range(10)}, "number"),
        "colour": (COLOUR_WORDS, "colour"),
        "where": (PLACE_WORDS, "place"),
    }[kind]
    return next((table[word] for word in words if word in table), None) == expected[key]


if __name__ == "__main__":
    for line in main(*sys.argv[1:3])[: int(sys.argv[3]) if len(sys.argv) > 3 else 0]:
        print(json.dumps(line))
