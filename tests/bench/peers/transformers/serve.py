"""
`transformers` on PyTorch as a process that answers prompts: one JSON object a line in, one a line out.

    python serve.py MODEL_FOLDER float32|bfloat16

Answers are generated as the library's guide to streaming does it: `generate` on a thread with a TextIteratorStreamer,
read here. A token counts when the streamer is given it, which is before its text is whole.
"""

import json
import sys
import time
from threading import Thread

import torch
import transformers
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor, TextIteratorStreamer


class TimedStreamer(TextIteratorStreamer):
    """Notes when each token came."""

    def __init__(self, tokenizer, begin):
        super().__init__(tokenizer, skip_prompt=True)
        self.begin = begin
        self.times = []
        self.tokens = []

    def put(self, value):
        if not self.next_tokens_are_prompt:
            self.times.append((time.perf_counter() - self.begin) * 1000)
            self.tokens.extend(value.flatten().tolist())
        super().put(value)


def pixels(processor, command):
    size = {} if command["longestEdge"] is None else {"size": {"longest_edge": command["longestEdge"]}}
    inputs = processor.image_processor(
        [[Image.open(command["image"])]], do_image_splitting=command["split"], return_tensors="pt", **size
    )
    return {"pixel_values": inputs["pixel_values"], "pixel_attention_mask": inputs["pixel_attention_mask"]}


def answer(model, processor, command):
    begin = time.perf_counter()
    streamer = TimedStreamer(processor.tokenizer, begin)
    ids = torch.tensor([command["ids"]])
    images = {} if command["image"] is None else pixels(processor, command)
    if "pixel_values" in images:
        images["pixel_values"] = images["pixel_values"].to(model.dtype)
    options = dict(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        **images,
        max_new_tokens=command["tokens"],
        do_sample=False,
        eos_token_id=None,
        streamer=streamer,
    )
    thread = Thread(target=model.generate, kwargs=options)
    thread.start()
    for _ in streamer:
        pass
    thread.join()
    return {"times": streamer.times, "tokens": streamer.tokens}


def say(message):
    print(json.dumps(message), flush=True)


def main(folder, dtype):
    processor = AutoProcessor.from_pretrained(folder)
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=getattr(torch, dtype))
    model.eval()
    say({"ready": f"transformers {transformers.__version__}, PyTorch {torch.__version__}, {dtype}"})
    for line in sys.stdin:
        say(answer(model, processor, json.loads(line)))


main(*sys.argv[1:])
