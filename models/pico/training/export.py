"""Writes a training checkpoint as a Hugging Face `idefics3` folder.

    python export.py --checkpoint joint.pt --out ..
"""

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

from model import Shape
from tokenizer import END_OF_TEXT, END_OF_UTTERANCE, IMAGE, START


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--out", required=True, help="folder that holds the tokenizer's files already")
    arguments = parser.parse_args()
    out = Path(arguments.out)
    tokenizer = Tokenizer.from_file(str(out / "tokenizer.json"))
    export(torch.load(arguments.checkpoint)["model"], Shape(vocabulary=tokenizer.get_vocab_size()), tokenizer, out)


def export(parameters, shape, tokenizer, out):
    """Stores the weights as float16 and writes every configuration file."""
    weights = {name: tensor.to(torch.float16).contiguous() for name, tensor in parameters.items()}
    weights["lm_head.weight"] = weights["model.text_model.embed_tokens.weight"].clone()
    save_file(weights, out / "model.safetensors", metadata={"format": "pt"})
    (out / "model.safetensors").chmod(0o644)
    ids = {name: tokenizer.token_to_id(token) for name, token in _TOKENS.items()}
    _write(out / "config.json", _config(shape, ids))
    _write(
        out / "generation_config.json",
        {
            "bos_token_id": ids["start"],
            "eos_token_id": ids["end"],
            "pad_token_id": ids["padding"],
            "do_sample": False,
            "max_new_tokens": 64,
        },
    )
    _write(out / "preprocessor_config.json", _image_processor(shape))
    _write(out / "processor_config.json", {"processor_class": "Idefics3Processor", "image_seq_len": shape.image_tokens})


_TOKENS = {"start": START, "end": END_OF_UTTERANCE, "padding": END_OF_TEXT, "image": IMAGE}


def _config(shape, ids):
    return {
        "architectures": ["Idefics3ForConditionalGeneration"],
        "model_type": "idefics3",
        "dtype": "float16",
        "image_token_id": ids["image"],
        "pad_token_id": ids["padding"],
        "bos_token_id": ids["start"],
        "eos_token_id": ids["end"],
        "scale_factor": shape.shuffle,
        "tie_word_embeddings": True,
        "use_cache": True,
        "vision_config": {
            "model_type": "idefics3_vision",
            "hidden_size": shape.vision_width,
            "intermediate_size": shape.vision_mlp,
            "num_hidden_layers": shape.vision_layers,
            "num_attention_heads": shape.vision_heads,
            "num_channels": 3,
            "image_size": shape.image,
            "patch_size": shape.patch,
            "hidden_act": "gelu_pytorch_tanh",
            "layer_norm_eps": 1e-6,
            "attention_dropout": 0.0,
        },
        "text_config": {
            "model_type": "llama",
            "vocab_size": shape.vocabulary,
            "hidden_size": shape.width,
            "intermediate_size": shape.mlp,
            "num_hidden_layers": shape.layers,
            "num_attention_heads": shape.heads,
            "num_key_value_heads": shape.kv_heads,
            "head_dim": shape.head_dim,
            "hidden_act": "silu",
            "max_position_embeddings": shape.positions,
            "rms_norm_eps": 1e-5,
            "rope_parameters": {"rope_type": "default", "rope_theta": shape.rope_theta},
            "rope_theta": shape.rope_theta,
            "attention_bias": False,
            "mlp_bias": False,
            "tie_word_embeddings": True,
            "bos_token_id": ids["start"],
            "eos_token_id": ids["end"],
            "pad_token_id": ids["padding"],
        },
    }


def _image_processor(shape):
    side = {"longest_edge": shape.image}
    return {
        "image_processor_type": "Idefics3ImageProcessor",
        "processor_class": "Idefics3Processor",
        "do_convert_rgb": True,
        "do_resize": True,
        "size": side,
        "resample": 1,
        "do_image_splitting": False,
        "max_image_size": side,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "do_pad": True,
    }


def _write(path, content):
    path.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
