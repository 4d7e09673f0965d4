"""What `transformers` says about a checkpoint and a conversation: the numbers that Diptych must reproduce."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForImageTextToText, PreTrainedTokenizerFast
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.idefics3.processing_idefics3 import Idefics3Processor
from transformers.models.smolvlm.processing_smolvlm import get_image_prompt_string

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
        self.tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
        settings = _read_processing(folder)
        self.image_seq_len = settings["image_seq_len"]
        self.image_settings = settings["image_processor"]
        self.images = Idefics3ImageProcessorPil(**_image_arguments(self.image_settings))
        self.template = _read_template(folder, self.tokenizer)

    @torch.no_grad()
    def write_case(self, case: Case, images_folder: Path, folder: Path) -> dict:
        """Writes `case.json`, `tensors.safetensors` and one `pixels-N.png` for each image; returns the record."""
        folder.mkdir(parents=True, exist_ok=True)
        split = {} if case.split is None else {"do_image_splitting": case.split}
        sources = [ImageOps.exif_transpose(Image.open(images_folder / name)) for name in case.images]
        processed = [self._process(source, split) for source in sources]
        prompt = self.tokenizer.apply_chat_template(
            case.messages, chat_template=self.template, add_generation_prompt=True, tokenize=False
        )
        expansions = [self._expand(rows, columns) for _, rows, columns in processed]
        expanded = _replace_each(prompt, "<image>", expansions)
        input_ids = self.tokenizer(expanded)["input_ids"]
        if self.config.model_type == "idefics3":
            self._check_with_processor(input_ids, prompt, sources, split)
        features = [self._features(pixels) for pixels, _, _ in processed]
        logits, greedy, margin = self._generate(input_ids, torch.cat([f.flatten(0, 1) for f in features]))
        positions = sorted({round(i * (len(input_ids) - 1) / (LOGIT_POSITIONS - 1)) for i in range(LOGIT_POSITIONS)})
        tensors = {f"image_features.{i}": f for i, f in enumerate(features)} | {"logits": logits[positions]}
        save_file({name: t.contiguous() for name, t in tensors.items()}, folder / "tensors.safetensors")
        for index, (pixels, _, _) in enumerate(processed):
            self._write_pixels(pixels, folder / f"pixels-{index}.png")
        record = {
            "name": case.name,
            "split": case.split,
            "messages": case.messages,
            "images": [
                self._layout(name, source, rows, columns, pixels)
                for name, source, (pixels, rows, columns) in zip(case.images, sources, processed)
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

    def _process(self, image: Image.Image, split: dict) -> tuple[torch.Tensor, int, int]:
        made = self.images(image, return_row_col_info=True, return_tensors="pt", **split)
        return made["pixel_values"][0], made["rows"][0][0], made["cols"][0][0]

    def _layout(self, name: str, source: Image.Image, rows: int, columns: int, pixels: torch.Tensor) -> dict:
        tile = pixels.shape[-1]
        return {
            "file": name,
            "sourceWidth": source.width,
            "sourceHeight": source.height,
            "processedWidth": max(columns, 1) * tile,
            "processedHeight": max(rows, 1) * tile,
            "rows": rows,
            "columns": columns,
            "tileTokens": [self.image_seq_len] * pixels.shape[0],
        }

    def _expand(self, rows: int, columns: int) -> str:
        return get_image_prompt_string(
            rows, columns, self.image_seq_len, "<fake_token_around_image>", "<image>", "<global-img>"
        )

    def _check_with_processor(self, input_ids: list[int], prompt: str, sources: list, split: dict) -> None:
        """The ids must be those of the family's whole processor, not only of its parts."""
        processor = Idefics3Processor(self.images, self.tokenizer, image_seq_len=self.image_seq_len)
        made = processor(text=prompt, images=[sources], **split)
        assert list(made["input_ids"][0]) == input_ids, "the parts and the processor disagree"

    def _features(self, pixels: torch.Tensor) -> torch.Tensor:
        made = self.model.model.get_image_features(pixels[None], return_dict=True)
        return torch.cat(list(made.pooler_output)).view(pixels.shape[0], self.image_seq_len, -1)

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

    def _write_pixels(self, pixels: torch.Tensor, path: Path) -> None:
        """Tiles one below the other as an RGB picture: exact, because the processor rescales whole bytes."""
        mean, std = (np.array(self.image_settings[key], dtype=np.float32) for key in ("image_mean", "image_std"))
        values = pixels.permute(0, 2, 3, 1).numpy()
        whole = np.round((values * std + mean) * 255).astype(np.uint8)
        scaled = (whole.astype(np.float64) * self.image_settings["rescale_factor"]).astype(np.float32)
        assert np.array_equal((scaled - mean) / std, values), "pixels are not whole bytes"
        Image.fromarray(whole.reshape(-1, whole.shape[2], 3), "RGB").save(path, optimize=True)


def _read_processing(folder: Path) -> dict:
    settings = json.loads((folder / "processor_config.json").read_text())
    if "image_processor" not in settings:
        settings["image_processor"] = json.loads((folder / "preprocessor_config.json").read_text())
    return settings


def _image_arguments(settings: dict) -> dict:
    return {key: value for key, value in settings.items() if not key.endswith(("_type", "_class"))}


def _read_template(folder: Path, tokenizer: PreTrainedTokenizerFast) -> str:
    for name in ("chat_template.jinja", "chat_template.json"):
        if (folder / name).exists():
            text = (folder / name).read_text()
            return json.loads(text)["chat_template"] if name.endswith(".json") else text
    return tokenizer.chat_template


def _replace_each(text: str, marker: str, replacements: list[str]) -> str:
    first, *others = text.split(marker)
    assert len(others) == len(replacements), "one marker for each image"
    return first + "".join(replacement + other for replacement, other in zip(replacements, others))
