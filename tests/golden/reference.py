"""What `transformers` says about a checkpoint and a conversation: the numbers that Diptych must reproduce."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from reference_idefics2 import Idefics2Images
from reference_idefics3 import Idefics3Images
from reference_image import ProcessedImage, read_processing
from reference_llava import LlavaImages, LlavaNextImages
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForImageTextToText, AutoTokenizer

# What differs from family to family, by `model_type`.
FAMILIES = {
    "idefics2": Idefics2Images,
    "idefics3": Idefics3Images,
    "llava": LlavaImages,
    "llava_next": LlavaNextImages,
    "smolvlm": Idefics3Images,
}
GREEDY_TOKENS = 32
# Logits are kept for this many positions, spread over the prompt, the last one among them.
LOGIT_POSITIONS = 6


@dataclass(frozen=True)
class Case:
    """One conversation. `split` None leaves it to the checkpoint."""

    name: str
    images: tuple[str, ...]
    messages: list[dict]
    split: bool | None = None


def user(*parts: str | None) -> dict:
    """A user turn; None stands for an image."""
    return {"role": "user", "content": [_part(part) for part in parts]}


def assistant(text: str) -> dict:
    return {"role": "assistant", "content": [_part(text)]}


def _part(part: str | None) -> dict:
    return {"type": "image"} if part is None else {"type": "text", "text": part}


class Reference:
    """A checkpoint as `transformers` loads it: float32 on one thread, images through Pillow."""

    def __init__(self, folder: Path):
        torch.set_num_threads(1)
        torch.set_float32_matmul_precision("highest")
        self.config = AutoConfig.from_pretrained(folder)
        self.model = AutoModelForImageTextToText.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager"
        ).eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.images = FAMILIES[self.config.model_type](folder, self.config)
        self.template = _read_template(folder, self.tokenizer)

    @torch.no_grad()
    def write_case(self, case: Case, images_folder: Path, folder: Path) -> dict:
        """Writes `case.json`, `tensors.safetensors` and one `pixels-N.png` for each image; returns the record."""
        folder.mkdir(parents=True, exist_ok=True)
        sources = [ImageOps.exif_transpose(Image.open(images_folder / name)) for name in case.images]
        processed = self.images.process(sources, case.split)
        prompt = self.tokenizer.apply_chat_template(
            case.messages, chat_template=self.template, add_generation_prompt=True, tokenize=False
        )
        expanded = self.images.expand(prompt, processed)
        input_ids = self.tokenizer(expanded)["input_ids"]
        whole = self.images.whole_ids(self.tokenizer, prompt, sources, case.split)
        assert whole is None or whole == input_ids, "the parts and the family's processor disagree"
        features = self.images.features(self.model, sources, case.split)
        logits, greedy, margin = self._generate(input_ids, torch.cat([f.flatten(0, -2) for f in features]))
        positions = sorted({round(i * (len(input_ids) - 1) / (LOGIT_POSITIONS - 1)) for i in range(LOGIT_POSITIONS)})
        tensors = {f"image_features.{i}": f for i, f in enumerate(features)} | {"logits": logits[positions]}
        save_file({name: t.contiguous() for name, t in tensors.items()}, folder / "tensors.safetensors")
        for index, image in enumerate(processed):
            self._write_pixels(image.tiles, folder, index)
        record = {
            "name": case.name,
            "split": case.split,
            "messages": case.messages,
            "images": [
                _layout(name, source, image) for name, source, image in zip(case.images, sources, processed)
            ],
            "prompt": prompt,
            "expandedPrompt": expanded,
            "inputIds": input_ids,
            "logitPositions": positions,
            "greedyIds": greedy,
            "greedyMargin": margin,
        }
        (folder / "case.json").write_text(json.dumps(record, ensure_ascii=False) + "\n")
        return record

    def _generate(self, input_ids: list[int], features: torch.Tensor) -> tuple[torch.Tensor, list[int], float]:
        """Logits of the prompt, the greedy tokens, and the smallest lead of a chosen token over the runner-up."""
        ids = torch.tensor([input_ids])
        embeddings = self.model.get_input_embeddings()(ids)
        mask = (ids == self.config.image_token_id)[..., None]
        embeddings = embeddings.masked_scatter(mask, features)
        made = self.model(inputs_embeds=embeddings, use_cache=True)
        logits, greedy, margin = made.logits[0], [], float("inf")
        row = logits[-1]
        for _ in range(GREEDY_TOKENS):
            best = row.topk(2)
            margin = min(margin, float(best.values[0] - best.values[1]))
            greedy.append(int(best.indices[0]))
            made = self.model(
                input_ids=best.indices[:1][None], past_key_values=made.past_key_values, use_cache=True
            )
            row = made.logits[0, -1]
        return logits, greedy, margin

    def _write_pixels(self, tiles: list[torch.Tensor], folder: Path, index: int) -> None:
        """Tiles as RGB pictures: in one, one below the other, where all have one size, else each in its own."""
        for old in folder.glob(f"pixels-{index}*.png"):
            old.unlink()
        pictures = [self._to_bytes(tile) for tile in tiles]
        if len({picture.shape for picture in pictures}) == 1:
            pictures = [np.concatenate(pictures)]
        for number, picture in enumerate(pictures):
            name = f"pixels-{index}.png" if len(pictures) == 1 else f"pixels-{index}-{number}.png"
            Image.fromarray(picture, "RGB").save(folder / name, optimize=True)

    def _to_bytes(self, pixels: torch.Tensor) -> np.ndarray:
        """[height, width, 3] bytes: exact, because the processor rescales whole bytes."""
        processor = self.images.processor
        mean, std = (np.array(values, dtype=np.float32) for values in (processor.image_mean, processor.image_std))
        values = pixels.permute(1, 2, 0).numpy()
        whole = np.round((values * std + mean) * 255).astype(np.uint8)
        scaled = (whole.astype(np.float64) * processor.rescale_factor).astype(np.float32)
        assert np.array_equal((scaled - mean) / std, values), "pixels are not whole bytes"
        return whole


def _layout(name: str, source: Image.Image, image: ProcessedImage) -> dict:
    return {
        "file": name,
        "sourceWidth": source.width,
        "sourceHeight": source.height,
        "processedWidth": image.processed[0],
        "processedHeight": image.processed[1],
        "rows": image.rows,
        "columns": image.columns,
        "tileTokens": image.tokens,
    }


def _read_template(folder: Path, tokenizer) -> str:
    """In the order of ProcessorMixin: processor_config.json, then the files of their own, then the tokenizer's."""
    if (template := read_processing(folder).get("chat_template")) is not None:
        return template
    for name in ("chat_template.jinja", "chat_template.json"):
        if (folder / name).exists():
            text = (folder / name).read_text()
            return json.loads(text)["chat_template"] if name.endswith(".json") else text
    return tokenizer.chat_template
