"""pico's network, with the parameter names and arithmetic of transformers' Idefics3.

Only what training needs: no cache, no generation. `export.py` writes the parameters as they are.
Matrices are stored apart for q, k and v, as Hugging Face does, and multiplied together here.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from fast_layers import text_layer, vision_layer


@dataclass(frozen=True)
class Shape:
    """Sizes of the network."""

    image: int = 160
    patch: int = 16
    vision_width: int = 160
    vision_layers: int = 5
    vision_heads: int = 2
    vision_mlp: int = 640
    shuffle: int = 2
    width: int = 160
    layers: int = 4
    heads: int = 4
    kv_heads: int = 2
    head_dim: int = 64
    mlp: int = 448
    vocabulary: int = 1280
    rope_theta: float = 10000.0
    positions: int = 1024

    @property
    def grid(self):
        return self.image // self.patch

    @property
    def cells(self):
        return self.grid // self.shuffle

    @property
    def image_tokens(self):
        return self.cells**2


def to_patches(images, patch):
    """uint8 [batch, side, side, 3] -> bfloat16 [batch, patches, 3 * patch * patch] in [-1, 1]."""
    batch, height, width, _ = images.shape
    split = images.view(batch, height // patch, patch, width // patch, patch, 3)
    flat = split.permute(0, 1, 3, 5, 2, 4).reshape(batch, -1, 3 * patch * patch)
    return flat.to(torch.bfloat16) / 127.5 - 1


class VisionAttention(nn.Module):
    def __init__(self, shape):
        super().__init__()
        width = shape.vision_width
        self.heads = shape.vision_heads
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)

    def forward(self, x):
        batch, length, width = x.shape
        weight = torch.cat((self.q_proj.weight, self.k_proj.weight, self.v_proj.weight))
        bias = torch.cat((self.q_proj.bias, self.k_proj.bias, self.v_proj.bias))
        qkv = F.linear(x, weight, bias).view(batch, length, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
        mixed = scores.softmax(-1).to(v.dtype) @ v
        return self.out_proj(mixed.transpose(1, 2).reshape(batch, length, width))


class VisionMlp(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.fc1 = nn.Linear(shape.vision_width, shape.vision_mlp)
        self.fc2 = nn.Linear(shape.vision_mlp, shape.vision_width)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))


class VisionLayer(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.self_attn = VisionAttention(shape)
        self.layer_norm1 = nn.LayerNorm(shape.vision_width, eps=1e-6)
        self.mlp = VisionMlp(shape)
        self.layer_norm2 = nn.LayerNorm(shape.vision_width, eps=1e-6)

    def forward(self, x):
        x = x + self.self_attn(self.layer_norm1(x))
        return x + self.mlp(self.layer_norm2(x))


class VisionEmbeddings(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.patch_embedding = nn.Conv2d(3, shape.vision_width, shape.patch, shape.patch)
        self.position_embedding = nn.Embedding(shape.grid**2, shape.vision_width)

    def forward(self, patches):
        weight = self.patch_embedding.weight.flatten(1)
        return F.linear(patches, weight, self.patch_embedding.bias) + self.position_embedding.weight


class VisionEncoder(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.layers = nn.ModuleList(VisionLayer(shape) for _ in range(shape.vision_layers))


class VisionModel(nn.Module):
    """SigLIP's tower: patches [batch, patches, pixels] -> [batch, patches, width]."""

    def __init__(self, shape):
        super().__init__()
        self.embeddings = VisionEmbeddings(shape)
        self.encoder = VisionEncoder(shape)
        self.post_layernorm = nn.LayerNorm(shape.vision_width, eps=1e-6)

    def forward(self, patches):
        x = self.embeddings(patches)
        batch, length, width = x.shape
        rows = x.float().reshape(-1, width)
        for layer in self.encoder.layers:
            rows = vision_layer(layer, rows, length)
        return self.post_layernorm(rows).view(batch, length, width)


class ModalityProjection(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.proj = nn.Linear(shape.vision_width * shape.shuffle**2, shape.width, bias=False)


class Connector(nn.Module):
    """Pixel shuffle and one linear layer: patches -> image tokens of the decoder's width."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.modality_projection = ModalityProjection(shape)

    def forward(self, x):
        batch, _, width = x.shape
        cells, scale = self.shape.cells, self.shape.shuffle
        x = x.view(batch, cells, scale, cells, scale, width).transpose(2, 3)
        return self.modality_projection.proj(x.reshape(batch, cells * cells, scale * scale * width))


class RmsNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return F.rms_norm(x, x.shape[-1:], self.weight, 1e-5)


class TextAttention(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.q_proj = nn.Linear(shape.width, shape.heads * shape.head_dim, bias=False)
        self.k_proj = nn.Linear(shape.width, shape.kv_heads * shape.head_dim, bias=False)
        self.v_proj = nn.Linear(shape.width, shape.kv_heads * shape.head_dim, bias=False)
        self.o_proj = nn.Linear(shape.heads * shape.head_dim, shape.width, bias=False)

    def forward(self, x, cos, sin, mask):
        batch, length, _ = x.shape
        heads, kv_heads, head_dim = self.shape.heads, self.shape.kv_heads, self.shape.head_dim
        weight = torch.cat((self.q_proj.weight, self.k_proj.weight, self.v_proj.weight))
        qkv = F.linear(x, weight).view(batch, length, heads + 2 * kv_heads, head_dim).transpose(1, 2)
        q, k, v = qkv.split((heads, kv_heads, kv_heads), dim=1)
        q, k = _rotate(q, cos, sin), _rotate(k, cos, sin)
        groups = heads // kv_heads
        q = (q * head_dim**-0.5).reshape(batch * kv_heads, groups * length, head_dim)
        scores = q @ k.reshape(batch * kv_heads, length, head_dim).transpose(-1, -2)
        scores = scores.view(batch * kv_heads, groups, length, length) + mask
        mixed = scores.softmax(-1).to(v.dtype).view(batch * kv_heads, groups * length, length)
        mixed = mixed @ v.reshape(batch * kv_heads, length, head_dim)
        mixed = mixed.view(batch, heads, length, head_dim).transpose(1, 2)
        return self.o_proj(mixed.reshape(batch, length, heads * head_dim))


def _rotate(x, cos, sin):
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin


class TextMlp(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.gate_proj = nn.Linear(shape.width, shape.mlp, bias=False)
        self.up_proj = nn.Linear(shape.width, shape.mlp, bias=False)
        self.down_proj = nn.Linear(shape.mlp, shape.width, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class TextLayer(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.self_attn = TextAttention(shape)
        self.mlp = TextMlp(shape)
        self.input_layernorm = RmsNorm(shape.width)
        self.post_attention_layernorm = RmsNorm(shape.width)

    def forward(self, x, cos, sin, mask):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, mask)
        return x + self.mlp(self.post_attention_layernorm(x))


class TextModel(nn.Module):
    """Llama's decoder over embedded tokens [batch, length, width].

    Returns its output and, for the dense supervision, the residual stream half-way up.
    """

    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.embed_tokens = nn.Embedding(shape.vocabulary, shape.width)
        self.layers = nn.ModuleList(TextLayer(shape) for _ in range(shape.layers))
        self.norm = RmsNorm(shape.width)

    def forward(self, x):
        batch, length, width = x.shape
        half = self.shape.head_dim // 2
        frequencies = self.shape.rope_theta ** (-torch.arange(half) / half)
        angles = torch.arange(length)[:, None] * frequencies
        rows = x.float().reshape(-1, width)
        for number, layer in enumerate(self.layers):
            rows = text_layer(layer, rows, length, angles.cos(), angles.sin())
            if number + 1 == len(self.layers) // 2:
                halfway = rows
        return self.norm(rows).view(batch, length, width), halfway.view(batch, length, width)


class Idefics3Model(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.vision_model = VisionModel(shape)
        self.connector = Connector(shape)
        self.text_model = TextModel(shape)


class Pico(nn.Module):
    """Idefics3ForConditionalGeneration with tied input and output embeddings."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.model = Idefics3Model(shape)
        self.apply(_initialise)

    def encode(self, patches):
        """Patches -> (tower output, image tokens)."""
        features = self.model.vision_model(patches)
        return features, self.model.connector(features)

    def hidden(self, tokens, image_slots, image_tokens):
        """(final hidden states, those half-way). `image_slots` are the flat places of image tokens in `tokens`."""
        embedded = self.model.text_model.embed_tokens(tokens)
        flat = embedded.flatten(0, 1)
        flat = flat.index_copy(0, image_slots, image_tokens.flatten(0, 1).to(flat.dtype))
        return self.model.text_model(flat.view_as(embedded))

    def logits(self, hidden):
        return F.linear(hidden, self.model.text_model.embed_tokens.weight)


class TrainingHeads(nn.Module):
    """Parameters of the dense supervision, dropped at export.

    Patches have a classifier of their own. Image tokens are read with the decoder's word
    embeddings, so only the answer "no object's centre is here" needs a parameter.
    """

    def __init__(self, shape, concepts):
        super().__init__()
        self.patch = nn.Linear(shape.vision_width, 1 + concepts)
        self.nothing = nn.Parameter(torch.zeros(1, shape.width))
        self.apply(_initialise)


def _initialise(module):
    if isinstance(module, (nn.Linear, nn.Conv2d)):
        nn.init.normal_(module.weight, std=0.02 if module.weight[0].numel() > 600 else 0.04)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, std=0.04)
