"""How `transformers` turns images into features and placeholders for `idefics3` and `smolvlm`."""

from pathlib import Path

import torch
from PIL import Image
from reference_image import ProcessedImage, image_arguments, read_processing, replace_each
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.idefics3.processing_idefics3 import Idefics3Processor
from transformers.models.smolvlm.processing_smolvlm import get_image_prompt_string


class Idefics3Images:
    """Tiles of one size, announced by row and column, then the view of the whole image."""

    def __init__(self, folder: Path, config):
        self.model_type = config.model_type
        settings = read_processing(folder)
        self.image_seq_len = settings["image_seq_len"]
        self.processor = Idefics3ImageProcessorPil(**image_arguments(settings["image_processor"]))

    def process(self, sources: list[Image.Image], split: bool | None) -> list[ProcessedImage]:
        return [self._process(source, split) for source in sources]

    def _process(self, source: Image.Image, split: bool | None) -> ProcessedImage:
        options = {} if split is None else {"do_image_splitting": split}
        made = self.processor(source, return_row_col_info=True, return_tensors="pt", **options)
        pixels, rows, columns = made["pixel_values"][0], made["rows"][0][0], made["cols"][0][0]
        tile = pixels.shape[-1]
        return ProcessedImage(
            tiles=list(pixels),
            rows=rows,
            columns=columns,
            processed=(max(columns, 1) * tile, max(rows, 1) * tile),
            tokens=[self.image_seq_len] * len(pixels),
        )

    def expand(self, prompt: str, images: list[ProcessedImage]) -> str:
        return replace_each(prompt, "<image>", [self._expand(image) for image in images])

    def _expand(self, image: ProcessedImage) -> str:
        return get_image_prompt_string(
            image.rows, image.columns, self.image_seq_len, "<fake_token_around_image>", "<image>", "<global-img>"
        )

    def features(self, model: torch.nn.Module, sources: list[Image.Image], split: bool | None) -> list[torch.Tensor]:
        """For each image, its features [tiles, rows of each, hidden]."""
        return [self._features(model, torch.stack(image.tiles)) for image in self.process(sources, split)]

    def _features(self, model: torch.nn.Module, pixels: torch.Tensor) -> torch.Tensor:
        made = model.model.get_image_features(pixels[None], return_dict=True)
        return torch.cat(list(made.pooler_output)).view(len(pixels), self.image_seq_len, -1)

    def whole_ids(self, tokenizer, prompt: str, sources: list[Image.Image], split: bool | None) -> list[int] | None:
        """The ids of the family's whole processor; none for SmolVLM, whose processor wants packages for videos."""
        if self.model_type != "idefics3":
            return None
        options = {} if split is None else {"do_image_splitting": split}
        processor = Idefics3Processor(self.processor, tokenizer, image_seq_len=self.image_seq_len)
        return list(processor(text=prompt, images=[sources], **options)["input_ids"][0])
