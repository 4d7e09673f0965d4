"""Small random `idefics2` checkpoints: one as the current library saves it, one in the form of the hub's idefics2-8b."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import torch
from tiny_checkpoints import build_tokenizer, randomise, write_json
from tiny_llava import llama_tokenizer
from transformers import Idefics2Config, Idefics2ForConditionalGeneration, PreTrainedTokenizerFast
from transformers.models.idefics2.image_processing_pil_idefics2 import Idefics2ImageProcessorPil

IMAGE_TOKENS = ("<fake_token_around_image>", "<image>", "<end_of_utterance>")
HIDDEN = 64

CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message['role'].capitalize() }}"
    "{% if message['content'][0]['type'] == 'image' %}{{ ':' }}{% else %}{{ ': ' }}{% endif %}"
    "{% for part in message['content'] %}{% if part['type'] == 'text' %}{{ part['text'] }}"
    "{% elif part['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>\n"
    "{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)


@dataclass(frozen=True)
class Idefics2Variant:
    """One checkpoint: its sizes, its weight files and the form of its small files."""

    name: str
    seed: int
    dtype: torch.dtype
    vision: dict
    perceiver: dict
    text: dict
    size: dict
    split: bool
    shard_bytes: int | None = None
    hub_files: bool = False
    images: dict = field(default_factory=dict)


IDEFICS2_VARIANTS = [
    # As it is saved now: quarters and the original, a window that is far shorter than the prompts, grouped heads.
    Idefics2Variant(
        name="idefics2-float32",
        seed=5,
        dtype=torch.float32,
        vision=dict(image_size=98, patch_size=14, num_attention_heads=2),
        perceiver=dict(
            hidden_size=HIDDEN,
            rms_norm_eps=1e-4,
            resampler_n_latents=8,
            resampler_depth=2,
            resampler_n_heads=4,
            resampler_head_dim=12,
            num_key_value_heads=2,
        ),
        text=dict(num_attention_heads=4, num_key_value_heads=2, sliding_window=24, max_position_embeddings=1024),
        size={"shortest_edge": 40, "longest_edge": 112},
        split=True,
    ),
    # As the hub has idefics2-8b: shards, a sparse config.json with leftovers, Llama's tokenizer, the template in
    # processor_config.json, whole images; one key-value head, another activation.
    Idefics2Variant(
        name="idefics2-bfloat16-sharded",
        seed=12,
        dtype=torch.bfloat16,
        vision=dict(image_size=64, patch_size=8, num_attention_heads=4, hidden_act="gelu"),
        perceiver=dict(
            resampler_n_latents=5,
            resampler_depth=1,
            resampler_n_heads=6,
            resampler_head_dim=20,
            num_key_value_heads=1,
            hidden_act="gelu_pytorch_tanh",
        ),
        text=dict(num_attention_heads=4, num_key_value_heads=1, head_dim=32, max_position_embeddings=2048),
        size={"shortest_edge": 30, "longest_edge": 100},
        split=False,
        shard_bytes=170_000,
        hub_files=True,
        images=dict(image_mean=[0.48, 0.46, 0.41], image_std=[0.27, 0.26, 0.28], resample=3),
    ),
]


def make_idefics2_checkpoint(variant: Idefics2Variant, folder: Path) -> None:
    """Writes a whole checkpoint folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    tokenizer = llama_tokenizer(IMAGE_TOKENS) if variant.hub_files else build_tokenizer()
    model = _build_model(variant, tokenizer).to(variant.dtype)
    options = {"max_shard_size": variant.shard_bytes} if variant.shard_bytes else {}
    model.save_pretrained(folder, **options)
    tokenizer.chat_template = None if variant.hub_files else CHAT_TEMPLATE
    tokenizer.save_pretrained(folder)
    _save_processing(variant, folder)
    if variant.hub_files:
        _rewrite_as_hub_files(folder)


def _build_model(variant: Idefics2Variant, tokenizer: PreTrainedTokenizerFast) -> torch.nn.Module:
    torch.manual_seed(variant.seed)
    model = Idefics2ForConditionalGeneration(Idefics2Config(**_config(variant, tokenizer)))
    for name, parameter in model.named_parameters():
        randomise(name, parameter)
    return model.eval()


def _config(variant: Idefics2Variant, tokenizer: PreTrainedTokenizerFast) -> dict:
    tokens = dict(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    text = dict(
        model_type="mistral",
        vocab_size=len(tokenizer),
        hidden_size=HIDDEN,
        intermediate_size=96,
        num_hidden_layers=2,
        rms_norm_eps=1e-5,
    )
    vision = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2)
    return dict(
        text_config=text | tokens | variant.text,
        vision_config=vision | variant.vision,
        perceiver_config=variant.perceiver,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        **tokens,
    )


def _save_processing(variant: Idefics2Variant, folder: Path) -> None:
    images = Idefics2ImageProcessorPil(size=variant.size, do_image_splitting=variant.split, **variant.images).to_dict()
    images["image_processor_type"] = "Idefics2ImageProcessor"
    processor = {
        "image_processor": images,
        "image_seq_len": variant.perceiver["resampler_n_latents"],
        "processor_class": "Idefics2Processor",
    }
    if variant.hub_files:
        write_json(folder / "preprocessor_config.json", processor.pop("image_processor"))
        processor["chat_template"] = CHAT_TEMPLATE
    write_json(folder / "processor_config.json", processor)


# What the hub's config.json leaves to the defaults, or to the decoder.
UNSAID = {
    "text_config": ["model_type", "hidden_act", "attention_dropout", "use_cache", "initializer_range"],
    "vision_config": ["layer_norm_eps", "num_channels", "attention_dropout", "initializer_range"],
    "perceiver_config": ["hidden_size", "rms_norm_eps", "attention_dropout", "initializer_range"],
}


def _rewrite_as_hub_files(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["torch_dtype"] = config.pop("dtype")
    config["additional_vocab_size"] = 3
    for name, fields in UNSAID.items():
        config[name] = {key: value for key, value in config[name].items() if key not in fields}
    for name in ("vision_config", "perceiver_config"):
        config[name]["model_type"] = "idefics2"
    config["text_config"]["rope_theta"] = config["text_config"].pop("rope_parameters")["rope_theta"]
    write_json(folder / "config.json", config)
    tokenizer = json.loads((folder / "tokenizer_config.json").read_text())
    extra = {"additional_special_tokens": list(IMAGE_TOKENS), "legacy": True, "add_bos_token": True, "add_eos_token": False}
    write_json(folder / "tokenizer_config.json", tokenizer | extra | {"tokenizer_class": "LlamaTokenizer"})
