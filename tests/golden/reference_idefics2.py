"""How `transformers` turns images into features and placeholders for `idefics2`."""

import re
from pathlib import Path

import torch
from PIL import Image
from reference_image import ProcessedImage, image_arguments, read_processing
from transformers.models.idefics2.image_processing_pil_idefics2 import Idefics2ImageProcessorPil
from transformers.models.idefics2.processing_idefics2 import Idefics2Processor


class Idefics2Images:
    """Images at their native aspect ratio, each as it is or as its four quarters and itself."""

    def __init__(self, folder: Path, config):
        settings = read_processing(folder)
        self.image_seq_len = settings.get("image_seq_len", 64)
        self.processor = Idefics2ImageProcessorPil(**image_arguments(settings["image_processor"]))
        self.patch = config.vision_config.patch_size

    def process(self, sources: list[Image.Image], split: bool | None) -> list[ProcessedImage]:
        pixels, masks = self._run(sources, split)
        tiles = [self._whole_patches(*pair) for pair in zip(pixels, masks)]
        each = len(tiles) // len(sources)
        return [self._image(tiles[start : start + each]) for start in range(0, len(tiles), each)]

    def expand(self, prompt: str, images: list[ProcessedImage]) -> str:
        """The rules of Idefics2Processor.__call__ in order: expand, join neighbours, keep words apart."""
        fake = "<fake_token_around_image>"
        counts = images[0].tokens
        text = prompt.replace("<image>", "".join(f"{fake}{'<image>' * count}{fake}" for count in counts))
        return re.sub(rf"{fake}(?=[^\s<])", f"{fake} ", text.replace(fake * 2, fake))

    def features(self, model: torch.nn.Module, sources: list[Image.Image], split: bool | None) -> list[torch.Tensor]:
        """For each image, its rows of features [rows, hidden], of all images padded to one size."""
        pixels, masks = self._run(sources, split)
        together = self._features(model, pixels, masks)
        alone = torch.cat([self._features(model, tile[None]) for image in self.process(sources, split) for tile in image.tiles])
        assert torch.allclose(together, alone, atol=1e-5), "padding is not without effect"
        return list(together.chunk(len(sources)))

    def whole_ids(self, tokenizer, prompt: str, sources: list[Image.Image], split: bool | None) -> list[int]:
        """The ids of the family's whole processor. Its text follows the processor's own setting, never the call's."""
        processor = Idefics2Processor(self._with_split(split), tokenizer, image_seq_len=self.image_seq_len)
        return list(processor(text=prompt, images=[sources])["input_ids"][0])

    def _run(self, sources: list[Image.Image], split: bool | None) -> tuple[torch.Tensor, torch.Tensor]:
        made = self._with_split(split)([sources], return_tensors="pt")
        return made["pixel_values"][0], made["pixel_attention_mask"][0]

    def _with_split(self, split: bool | None) -> Idefics2ImageProcessorPil:
        settings = self.processor.to_dict() | ({} if split is None else {"do_image_splitting": split})
        return Idefics2ImageProcessorPil(**image_arguments(settings))

    def _features(self, model: torch.nn.Module, pixels: torch.Tensor, masks: torch.Tensor | None = None) -> torch.Tensor:
        made = model.model.get_image_features(pixels[None], None if masks is None else masks[None], return_dict=True)
        return torch.cat(list(made.pooler_output)).flatten(0, -2)

    def _whole_patches(self, pixels: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        height, width = (int(mask.any(dim=axis).sum()) // self.patch * self.patch for axis in (1, 0))
        return pixels[:, :height, :width]

    def _image(self, tiles: list[torch.Tensor]) -> ProcessedImage:
        side = 0 if len(tiles) == 1 else 2
        return ProcessedImage(
            tiles=tiles,
            rows=side,
            columns=side,
            processed=(tiles[-1].shape[2], tiles[-1].shape[1]),
            tokens=[self.image_seq_len] * len(tiles),
        )
