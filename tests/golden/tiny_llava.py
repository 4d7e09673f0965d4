"""Small random `llava` and `llava_next` checkpoints: each pair of tower and decoder in the form that hub checkpoints have."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tiny_checkpoints import CORPUS, randomise, write_json
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaNextConfig,
    LlavaNextForConditionalGeneration,
    PreTrainedTokenizerFast,
)

# Base vocabulary of the tokenizers, before the image token.
VOCABULARY = 360
# The embedding tables are longer than the vocabulary, as those of the hub are.
PADDED_VOCABULARY = 384
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]

# "USER: <image>\n... ASSISTANT:", as llava-1.5 writes it: the images of a turn before its text.
VICUNA_TEMPLATE = (
    "{% for message in messages %}{% if message['role'] != 'system' %}{{ message['role'].upper() + ': ' }}{% endif %}"
    "{% for part in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\\n' }}{% endfor %}"
    "{% if message['role'] != 'assistant' %}"
    "{% for part in message['content'] | selectattr('type', 'equalto', 'text') %}{{ part['text'] + ' ' }}{% endfor %}"
    "{% else %}{% for part in message['content'] | selectattr('type', 'equalto', 'text') %}"
    "{% generation %}{{ part['text'] + ' ' }}{% endgeneration %}{% endfor %}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)
# "[INST] <image>\n... [/INST]", as llava-v1.6-mistral writes it.
MISTRAL_TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'user' %}{{ '[INST] ' }}"
    "{% for part in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\\n' }}{% endfor %}"
    "{% for part in message['content'] | selectattr('type', 'equalto', 'text') %}{{ part['text'] }}{% endfor %}"
    "{{ ' [/INST]' }}{% elif message['role'] == 'assistant' %}"
    "{{ ' ' + message['content'][0]['text'] + '</s>' }}"
    "{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}"
)
# ChatML, as the llava-interleave models on Qwen2 write it.
CHATML_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + ' ' }}"
    "{% for part in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>' }}{% endfor %}"
    "{% for part in message['content'] | selectattr('type', 'equalto', 'text') %}{{ '\\n' + part['text'] }}{% endfor %}"
    "{{ '<|im_end|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant' }}{% endif %}"
)


@dataclass(frozen=True)
class LlavaVariant:
    """One checkpoint: its tower, its decoder, its weight files and its small files."""

    name: str
    family: str
    seed: int
    dtype: torch.dtype
    tower: str
    decoder: str
    vision: dict
    text: dict
    options: dict
    images: dict
    template: str
    names: str
    tied: bool = False
    shard_bytes: int | None = None


LLAVA_VARIANTS = [
    # llava-1.5: names and files of the hub, settings of CLIP, a decoder of which config.json says little.
    LlavaVariant(
        name="llava-clip-llama-float32",
        family="llava",
        seed=7,
        dtype=torch.float32,
        tower="clip_vision_model",
        decoder="llama",
        vision=dict(image_size=56, patch_size=14),
        text=dict(num_key_value_heads=4, max_position_embeddings=2048),
        options=dict(vision_feature_layer=-2, vision_feature_select_strategy="default"),
        images=dict(
            image_processor_type="CLIPImageProcessor",
            size={"shortest_edge": 56},
            crop_size={"height": 56, "width": 56},
        ),
        template=VICUNA_TEMPLATE,
        names="hub",
    ),
    # llava-interleave: SigLIP with a rest of pixels beyond its patches, two feature layers, a tied Qwen2, as saved now.
    LlavaVariant(
        name="llava-siglip-qwen2-bfloat16-tied",
        family="llava",
        seed=11,
        dtype=torch.bfloat16,
        tower="siglip_vision_model",
        decoder="qwen2",
        vision=dict(image_size=60, patch_size=14, vision_use_head=False),
        text=dict(num_key_value_heads=2, max_position_embeddings=1024, rope_parameters=dict(rope_type="default", rope_theta=1e6)),
        options=dict(vision_feature_layer=[-2, -1], vision_feature_select_strategy="full", multimodal_projector_bias=False),
        images=dict(image_processor_type="SiglipImageProcessor", size={"height": 60, "width": 60}),
        template=CHATML_TEMPLATE,
        names="saved",
        tied=True,
    ),
    # llava-v1.6: tiles, a window that is shorter than the prompts, shards, the names of a model in memory.
    LlavaVariant(
        name="llava-next-clip-mistral-float16-sharded",
        family="llava_next",
        seed=23,
        dtype=torch.float16,
        tower="clip_vision_model",
        decoder="mistral",
        vision=dict(image_size=56, patch_size=14),
        text=dict(num_key_value_heads=2, max_position_embeddings=1024, sliding_window=48),
        options=dict(
            vision_feature_layer=-2,
            vision_feature_select_strategy="default",
            image_grid_pinpoints=[[56, 112], [112, 56], [112, 112], [168, 56], [56, 168]],
        ),
        images=dict(
            image_processor_type="LlavaNextImageProcessor",
            size={"shortest_edge": 56},
            crop_size={"height": 56, "width": 56},
            image_grid_pinpoints=[[56, 112], [112, 56], [112, 112], [168, 56], [56, 168]],
        ),
        template=MISTRAL_TEMPLATE,
        names="memory",
        shard_bytes=150_000,
    ),
]


def make_llava_checkpoint(variant: LlavaVariant, folder: Path) -> None:
    """Writes a whole checkpoint folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    tokenizer = _byte_level_tokenizer() if variant.decoder == "qwen2" else llama_tokenizer()
    model = _build_model(variant, tokenizer).to(variant.dtype)
    options = {"max_shard_size": variant.shard_bytes} if variant.shard_bytes else {}
    model.save_pretrained(folder, **options)
    _rename_tensors(folder, RENAMES[variant.names])
    tokenizer.save_pretrained(folder)
    _declare_tokenizer(variant, folder)
    _save_processing(variant, folder)
    if variant.names != "saved":
        _rewrite_as_older_config(variant, folder)


def llama_tokenizer(image_tokens: tuple[str, ...] = ("<image>",)) -> PreTrainedTokenizerFast:
    """Llama's kind: spaces become U+2581, unknown letters become bytes, `<s>` begins every prompt."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    special = ["<unk>", "<s>", "</s>"]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=[*special, *BYTES], max_token_length=8, show_progress=False
    )
    plain = [text for text in CORPUS if text.isascii()]
    tokenizer.train_from_iterator(plain, trainer)
    tokenizer = _without_special_bytes(tokenizer, special)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))]
    )
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in image_tokens])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<unk>"
    )


def _without_special_bytes(tokenizer: Tokenizer, special: list[str]) -> Tokenizer:
    """The trainer knows bytes only as special tokens; in a vocabulary of Llama they are ordinary ones."""
    text = json.loads(tokenizer.to_str())
    text["added_tokens"] = [token for token in text["added_tokens"] if token["content"] in special]
    return Tokenizer.from_str(json.dumps(text))


def _byte_level_tokenizer() -> PreTrainedTokenizerFast:
    """Qwen2's kind: byte-level BPE, nothing before a prompt."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=special,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_special_tokens([AddedToken("<image>", special=True, normalized=False)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>", model_max_length=1024
    )


def _declare_tokenizer(variant: LlavaVariant, folder: Path) -> None:
    """The class that hub checkpoints name, which the reference passes over for these families."""
    path = folder / "tokenizer_config.json"
    declared = "Qwen2Tokenizer" if variant.decoder == "qwen2" else "LlamaTokenizer"
    write_json(path, json.loads(path.read_text()) | {"tokenizer_class": declared})


def _build_model(variant: LlavaVariant, tokenizer: PreTrainedTokenizerFast) -> torch.nn.Module:
    torch.manual_seed(variant.seed)
    config_class, model_class = {
        "llava": (LlavaConfig, LlavaForConditionalGeneration),
        "llava_next": (LlavaNextConfig, LlavaNextForConditionalGeneration),
    }[variant.family]
    model = model_class(config_class(**_config(variant, tokenizer)))
    for name, parameter in model.named_parameters():
        randomise(name, parameter)
    return model.eval()


def _config(variant: LlavaVariant, tokenizer: PreTrainedTokenizerFast) -> dict:
    text = dict(
        model_type=variant.decoder,
        vocab_size=PADDED_VOCABULARY,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        tie_word_embeddings=variant.tied,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=tokenizer.bos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    vision = dict(
        model_type=variant.tower,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=2,
    )
    return dict(
        text_config=text | variant.text,
        vision_config=vision | variant.vision,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_seq_length=_patches(variant),
        tie_word_embeddings=variant.tied,
        **variant.options,
    )


def _patches(variant: LlavaVariant) -> int:
    return (variant.vision["image_size"] // variant.vision["patch_size"]) ** 2


# How names become those of another generation, by their beginnings; the first that fits counts.
RENAMES = {
    "saved": [],
    "hub": [("vision_tower.", "vision_tower.vision_model.")],
    "memory": [
        ("language_model.lm_head.", "lm_head."),
        ("language_model.model.", "model.language_model."),
        ("vision_tower.", "model.vision_tower.vision_model."),
        ("multi_modal_projector.", "model.multi_modal_projector."),
        ("image_newline", "model.image_newline"),
    ],
}


def _rename_tensors(folder: Path, renames: list[tuple[str, str]]) -> None:
    for path in folder.glob("*.safetensors"):
        tensors = {_renamed(name, renames): tensor for name, tensor in load_file(path).items()}
        save_file(tensors, path, metadata={"format": "pt"})
    index = folder / "model.safetensors.index.json"
    if index.exists():
        content = json.loads(index.read_text())
        content["weight_map"] = {_renamed(name, renames): file for name, file in content["weight_map"].items()}
        write_json(index, content)


def _renamed(name: str, renames: list[tuple[str, str]]) -> str:
    for old, new in renames:
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name


def _save_processing(variant: LlavaVariant, folder: Path) -> None:
    """One file as it is saved now; apart from each other as the hub has them."""
    (folder / "chat_template.jinja").write_text(variant.template)
    processor = {
        "image_token": "<image>",
        "num_additional_image_tokens": 1 if variant.tower == "clip_vision_model" else 0,
        "patch_size": variant.vision["patch_size"],
        "processor_class": "LlavaProcessor" if variant.family == "llava" else "LlavaNextProcessor",
        "vision_feature_select_strategy": variant.options["vision_feature_select_strategy"],
    }
    if variant.names == "saved":
        processor["image_processor"] = variant.images
    else:
        write_json(folder / "preprocessor_config.json", variant.images)
    write_json(folder / "processor_config.json", processor)


def _rewrite_as_older_config(variant: LlavaVariant, folder: Path) -> None:
    """As releases before 5 wrote it: a decoder's fields only where they differ from its defaults, `rope_theta`."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["torch_dtype"] = config.pop("dtype")
    kept = {"model_type", "vocab_size", "pad_token_id", *_sizes(), *variant.text}
    text = config["text_config"]
    rope = text["rope_parameters"]
    config["text_config"] = {name: value for name, value in text.items() if name in kept - {"rope_parameters"}}
    config["text_config"]["rope_theta"] = rope["rope_theta"]
    write_json(path, config)


def _sizes() -> set[str]:
    return {"hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"}
