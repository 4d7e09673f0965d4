"""How `transformers` turns images into features and placeholders for `llava` and `llava_next`."""

from pathlib import Path

import torch
from PIL import Image
from reference_image import ProcessedImage, image_arguments, read_processing, replace_each
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil
from transformers.models.llava.processing_llava import LlavaProcessor
from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil
from transformers.models.llava_next.modeling_llava_next import get_anyres_image_grid_shape, unpad_image
from transformers.models.llava_next.processing_llava_next import LlavaNextProcessor
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

PROCESSORS = {
    "CLIPImageProcessor": CLIPImageProcessorPil,
    "LlavaImageProcessor": LlavaImageProcessorPil,
    "LlavaNextImageProcessor": LlavaNextImageProcessorPil,
    "SiglipImageProcessor": SiglipImageProcessorPil,
}


class LlavaImages:
    """One tile for each image, which is never split."""

    family = LlavaProcessor

    def __init__(self, folder: Path, config):
        self.config = config
        settings = read_processing(folder)
        images = settings["image_processor"]
        self.processor = PROCESSORS[images["image_processor_type"]](**image_arguments(images))
        names = ("patch_size", "vision_feature_select_strategy", "num_additional_image_tokens")
        self.settings = {name: settings[name] for name in names}

    def process(self, sources: list[Image.Image], split: bool | None) -> list[ProcessedImage]:
        return [self._process(source, split) for source in sources]

    def expand(self, prompt: str, images: list[ProcessedImage]) -> str:
        return replace_each(prompt, "<image>", ["<image>" * sum(image.tokens) for image in images])

    def features(self, model: torch.nn.Module, sources: list[Image.Image], split: bool | None) -> list[torch.Tensor]:
        """For each image, its rows of features [rows, hidden]."""
        return [self._features(model, source, split) for source in sources]

    def whole_ids(self, tokenizer, prompt: str, sources: list[Image.Image], split: bool | None) -> list[int] | None:
        """The ids of the family's whole processor."""
        processor = self.family(self.processor, tokenizer, **self.settings)
        return list(processor(text=prompt, images=sources)["input_ids"][0])

    def _process(self, source: Image.Image, split: bool | None) -> ProcessedImage:
        pixels = self.processor(source, return_tensors="pt")["pixel_values"]
        tile = pixels.shape[-1]
        tokens = self._tower_rows() - (1 if self.settings["vision_feature_select_strategy"] == "default" else 0)
        return ProcessedImage(tiles=list(pixels), rows=0, columns=0, processed=(tile, tile), tokens=[tokens])

    def _tower_rows(self) -> int:
        vision = self.config.vision_config
        return (vision.image_size // vision.patch_size) ** 2 + self.settings["num_additional_image_tokens"]

    def _features(self, model: torch.nn.Module, source: Image.Image, split: bool | None) -> torch.Tensor:
        pixels = torch.stack(self._process(source, split).tiles)
        return torch.cat(list(model.model.get_image_features(pixels, return_dict=True).pooler_output))


class LlavaNextImages(LlavaImages):
    """The whole image, then its tiles at the size that suits it best; the whole alone where it is not to be split."""

    family = LlavaNextProcessor

    def whole_ids(self, tokenizer, prompt: str, sources: list[Image.Image], split: bool | None) -> list[int] | None:
        """The processor always splits, so it says nothing about images that are not split."""
        return None if split is False else super().whole_ids(tokenizer, prompt, sources, split)

    def _process(self, source: Image.Image, split: bool | None) -> ProcessedImage:
        pixels = self.processor(source, return_tensors="pt")["pixel_values"][0]
        tile, rows, columns = pixels.shape[-1], 0, 0
        if split is False:
            pixels = pixels[:1]
        else:
            rows, columns = self._grid(source)
        return ProcessedImage(
            tiles=list(pixels),
            rows=rows,
            columns=columns,
            processed=(max(columns, 1) * tile, max(rows, 1) * tile),
            tokens=self._tokens(source, rows, columns),
        )

    def _grid(self, source: Image.Image) -> tuple[int, int]:
        size = (source.height, source.width)
        return get_anyres_image_grid_shape(size, self.config.image_grid_pinpoints, self.config.vision_config.image_size)

    def _tokens(self, source: Image.Image, rows: int, columns: int) -> list[int]:
        """Rows that each tile brings; the newline at the end of a row counts as the last tile's of that row."""
        side = self.config.vision_config.image_size // self.config.vision_config.patch_size
        if rows == 0:
            return [side**2 + 1]
        down, across = torch.meshgrid(torch.arange(rows * side), torch.arange(columns * side), indexing="ij")
        tiles = down // side * columns + across // side
        kept = unpad_image(tiles[None], (source.height, source.width))[0]
        tokens = torch.bincount(kept.flatten(), minlength=rows * columns)
        first = (rows * side - len(kept)) // 2
        for row in range(first, first + len(kept)):
            tokens[row // side * columns + columns - 1] += 1
        return [side**2, *tokens.tolist()]

    def _features(self, model: torch.nn.Module, source: Image.Image, split: bool | None) -> torch.Tensor:
        pixels = torch.stack(self._process(source, split).tiles)
        sizes = torch.tensor([[source.height, source.width]])
        if split is not False:
            return torch.cat(list(model.model.get_image_features(pixels[None], sizes, return_dict=True).pooler_output))
        config, inner = self.config, model.model
        states = inner.vision_tower(pixels, output_hidden_states=True).hidden_states
        projected = inner.multi_modal_projector(states[config.vision_feature_layer][:, 1:])
        strategy = config.vision_feature_select_strategy
        return inner.pack_image_features([projected], sizes, strategy, image_newline=inner.image_newline)[0][0]
