"""Small random `idefics3` and `smolvlm` checkpoints, each in another of the forms that such checkpoints take."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    PreTrainedTokenizerFast,
    SmolVLMConfig,
    SmolVLMForConditionalGeneration,
)
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

MAX_ROWS = 6
LEADING_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
IMAGE_TOKENS = [
    "<global-img>",
    *(f"<row_{row}_col_{column}>" for row in range(1, MAX_ROWS + 1) for column in range(1, MAX_ROWS + 1)),
    "<fake_token_around_image>",
    "<image>",
    "<end_of_utterance>",
]
# Enough text for a few dozen merges: words of the cases, a line break that merges, and letters beyond ASCII.
CORPUS = [
    "What do we see in this image?",
    "And how about this image?",
    "User: Assistant: In this image, we can see two cats on the nets, and a bee on the flowers.",
    "There are three bees; the bee is in the middle of the image, the cats are left of it.",
    "\n\n",
    "line\n\nline\n",
    "Wie viele Bienen sieht man? café naïve 🐝🐝",
] * 3

CHAT_TEMPLATE = (
    "<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}"
    "{% if message['content'][0]['type'] == 'image' %}{{ ':' }}{% else %}{{ ': ' }}{% endif %}"
    "{% for part in message['content'] %}{% if part['type'] == 'text' %}{{ part['text'] }}"
    "{% elif part['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>\n"
    "{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)


@dataclass(frozen=True)
class Variant:
    """One checkpoint: its sizes, its weight files and the layout of its small files."""

    name: str
    family: str
    seed: int
    dtype: torch.dtype
    tile: int
    patch: int
    scale: int
    longest_edge: int
    split: bool
    text: dict = field(default_factory=dict)
    vision: dict = field(default_factory=dict)
    tied: bool = False
    shard_bytes: int | None = None
    legacy_files: bool = False


VARIANTS = [
    # As the current library saves it: one processor_config.json, rope_parameters, grouped heads.
    Variant(
        name="idefics3-float32",
        family="idefics3",
        seed=18,
        dtype=torch.float32,
        tile=64,
        patch=8,
        scale=2,
        longest_edge=256,
        split=True,
        text=dict(num_attention_heads=4, num_key_value_heads=2, rope_parameters=dict(rope_type="default", rope_theta=10000.0)),
        vision=dict(num_attention_heads=2),
    ),
    # As older checkpoints are: shards, rope_theta and rope_scaling, a head size of its own, preprocessor_config.json.
    Variant(
        name="idefics3-bfloat16-sharded",
        family="idefics3",
        seed=25,
        dtype=torch.bfloat16,
        tile=56,
        patch=14,
        scale=2,
        longest_edge=224,
        split=False,
        text=dict(
            num_attention_heads=4,
            num_key_value_heads=1,
            head_dim=32,
            rope_parameters=dict(
                rope_type="llama3",
                rope_theta=500000.0,
                factor=8.0,
                low_freq_factor=1.0,
                high_freq_factor=4.0,
                original_max_position_embeddings=128,
            ),
        ),
        vision=dict(num_attention_heads=4, layer_norm_eps=1e-5),
        shard_bytes=150_000,
        legacy_files=True,
    ),
    # The alias family: tied embeddings, biases, as many key as query heads, exact GELU, three-fold pixel shuffle.
    Variant(
        name="smolvlm-float16-tied",
        family="smolvlm",
        seed=41,
        dtype=torch.float16,
        tile=48,
        patch=8,
        scale=3,
        longest_edge=192,
        split=True,
        text=dict(
            num_attention_heads=4,
            num_key_value_heads=4,
            attention_bias=True,
            mlp_bias=True,
            rope_parameters=dict(rope_type="linear", rope_theta=20000.0, factor=2.0),
        ),
        vision=dict(num_attention_heads=2, hidden_act="gelu"),
        tied=True,
    ),
]


def make_checkpoint(variant: Variant, folder: Path) -> None:
    """Writes a whole checkpoint folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    tokenizer = build_tokenizer()
    model = build_model(variant, tokenizer).to(variant.dtype)
    options = {"max_shard_size": variant.shard_bytes} if variant.shard_bytes else {}
    model.save_pretrained(folder, **options)
    _save_processing(variant, tokenizer, folder)
    if variant.legacy_files:
        _rewrite_as_older_files(folder)


def build_tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer in the manner of SmolVLM: digits apart, GPT-2's pattern, image tokens last."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=len(LEADING_TOKENS) + 256 + 60,
        special_tokens=LEADING_TOKENS,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in IMAGE_TOKENS])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<|im_start|>",
        eos_token="<end_of_utterance>",
        pad_token="<|im_end|>",
        unk_token="<|endoftext|>",
        model_max_length=1024,
        clean_up_tokenization_spaces=False,
    )


def build_model(variant: Variant, tokenizer: PreTrainedTokenizerFast) -> torch.nn.Module:
    """A model with random weights, large enough that what it says depends on all that it sees."""
    torch.manual_seed(variant.seed)
    config_class, model_class = {
        "idefics3": (Idefics3Config, Idefics3ForConditionalGeneration),
        "smolvlm": (SmolVLMConfig, SmolVLMForConditionalGeneration),
    }[variant.family]
    model = model_class(config_class(**_config(variant, tokenizer)))
    for name, parameter in model.named_parameters():
        randomise(name, parameter)
    return model.eval()


def _config(variant: Variant, tokenizer: PreTrainedTokenizerFast) -> dict:
    special = tokenizer.convert_tokens_to_ids
    tokens = dict(
        bos_token_id=special("<|im_start|>"),
        eos_token_id=special("<end_of_utterance>"),
        pad_token_id=special("<|im_end|>"),
    )
    text = dict(
        model_type="llama",
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        max_position_embeddings=1024,
        rms_norm_eps=1e-5,
        tie_word_embeddings=variant.tied,
    )
    vision = dict(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        image_size=variant.tile,
        patch_size=variant.patch,
    )
    return dict(
        text_config=text | tokens | variant.text,
        vision_config=vision | variant.vision,
        image_token_id=special("<image>"),
        scale_factor=variant.scale,
        tie_word_embeddings=variant.tied,
        **tokens,
    )


def randomise(name: str, parameter: torch.nn.Parameter) -> None:
    with torch.no_grad():
        if "norm" in name and name.endswith("weight"):
            parameter.normal_(1.0, 0.1)
        elif parameter.dim() == 1:
            parameter.normal_(0.0, 0.05)
        elif "embed" in name and parameter.dim() == 2:
            parameter.normal_(0.0, 0.2)
        else:
            parameter.normal_(0.0, 1.4 / parameter[0].numel() ** 0.5)


def _save_processing(variant: Variant, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    images = Idefics3ImageProcessorPil(
        size={"longest_edge": variant.longest_edge},
        max_image_size={"longest_edge": variant.tile},
        do_image_splitting=variant.split,
    ).to_dict()
    prefix = "SmolVLM" if variant.family == "smolvlm" else "Idefics3"
    images["image_processor_type"] = f"{prefix}ImageProcessor"
    processor = {
        "image_processor": images,
        "image_seq_len": (variant.tile // variant.patch // variant.scale) ** 2,
        "processor_class": f"{prefix}Processor",
    }
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.save_pretrained(folder)
    write_json(folder / "processor_config.json", processor)


def _rewrite_as_older_files(folder: Path) -> None:
    """The layout of checkpoints saved by releases before 5: separate files, `rope_theta`, `torch_dtype`."""
    processor = json.loads((folder / "processor_config.json").read_text())
    write_json(folder / "preprocessor_config.json", processor.pop("image_processor"))
    write_json(folder / "processor_config.json", processor)
    template = folder / "chat_template.jinja"
    write_json(folder / "chat_template.json", {"chat_template": template.read_text()})
    template.unlink()
    config = json.loads((folder / "config.json").read_text())
    config["torch_dtype"] = config.pop("dtype")
    text = config["text_config"]
    rope = text.pop("rope_parameters")
    text["rope_theta"] = rope.pop("rope_theta")
    text["rope_scaling"] = rope
    write_json(folder / "config.json", config)


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
