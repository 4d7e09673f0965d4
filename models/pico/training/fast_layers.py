"""The layers of model.py with forward and backward written out over kernels.cpp.

Same parameters, same results up to bfloat16 rounding (check_fast_layers.py); about three times
the speed of PyTorch's own bfloat16 kernels on one AVX-512 / AMX thread. Activations are
[batch * length, width] rows; the residual stream is float32, everything else bfloat16.
"""

from pathlib import Path

import torch
from torch.utils.cpp_extension import load

kernels = load(
    "pico_kernels",
    [str(Path(__file__).with_name("kernels.cpp"))],
    extra_cflags=["-O3", "-march=native", "-ffast-math"],
)

_HALF = torch.bfloat16


def vision_layer(layer, x, length):
    """Runs model.VisionLayer on float rows [batch * length, width]."""
    attention, mlp = layer.self_attn, layer.mlp
    projections = (attention.q_proj, attention.k_proj, attention.v_proj)
    return _VisionLayer.apply(
        x,
        length,
        attention.heads,
        layer.layer_norm1.weight,
        layer.layer_norm1.bias,
        torch.cat([projection.weight for projection in projections]),
        torch.cat([projection.bias for projection in projections]),
        attention.out_proj.weight,
        attention.out_proj.bias,
        layer.layer_norm2.weight,
        layer.layer_norm2.bias,
        mlp.fc1.weight,
        mlp.fc1.bias,
        mlp.fc2.weight,
        mlp.fc2.bias,
    )


def text_layer(layer, x, length, cosine, sine):
    """Runs model.TextLayer on float rows; cosine and sine are [length, head_dim / 2]."""
    attention, mlp = layer.self_attn, layer.mlp
    projections = (attention.q_proj, attention.k_proj, attention.v_proj)
    return _TextLayer.apply(
        x,
        length,
        attention.shape,
        cosine,
        sine,
        layer.input_layernorm.weight,
        torch.cat([projection.weight for projection in projections]),
        attention.o_proj.weight,
        layer.post_attention_layernorm.weight,
        torch.cat((mlp.gate_proj.weight, mlp.up_proj.weight)),
        mlp.down_proj.weight,
    )


class _VisionLayer(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, length, heads, g1, b1, w_qkv, b_qkv, w_o, b_o, g2, b2, w1, c1, w2, c2):
        width = x.shape[1]
        batch, size = x.shape[0] // length, width // heads
        w_qkv, w_o, w1, w2 = (w.to(_HALF) for w in (w_qkv, w_o, w1, w2))
        h1, s1 = _norm(x, g1, b1, 1e-6)
        qkv = x.new_empty(batch, 3 * heads, length, size, dtype=_HALF)
        kernels.split_heads(h1 @ w_qkv.t(), qkv, b_qkv, None, None, 0)
        q, k, v = (part.contiguous().view(batch * heads, length, size) for part in qkv.split(heads, 1))
        weights = q @ k.mT
        kernels.softmax_forward(weights, size**-0.5, False, length)
        mixed = _join(weights @ v, batch, heads)
        middle = x.clone()
        kernels.add_residual(middle, mixed @ w_o.t(), b_o)
        h2, s2 = _norm(middle, g2, b2, 1e-6)
        inner = h2 @ w1.t()
        active = torch.empty_like(inner)
        kernels.bias_gelu_forward(inner, c1, active)
        out = middle.clone()
        kernels.add_residual(out, active @ w2.t(), c2)
        ctx.save_for_backward(x, g1, s1, h1, w_qkv, q, k, v, weights, mixed, w_o, middle, g2, s2, h2, w1, inner, active, w2)
        ctx.length, ctx.heads = length, heads
        return out

    @staticmethod
    def backward(ctx, gradient):
        x, g1, s1, h1, w_qkv, q, k, v, weights, mixed, w_o, middle, g2, s2, h2, w1, inner, active, w2 = ctx.saved_tensors
        width, heads, length = x.shape[1], ctx.heads, ctx.length
        batch, size = x.shape[0] // length, width // heads
        zeros = lambda count: x.new_zeros(count)  # noqa: E731
        total = gradient.clone()
        above, d_c2 = _round(gradient, zeros(width))
        d_w2 = _outer(above, active)
        d_inner, d_c1 = above @ w2, zeros(inner.shape[1])
        kernels.gelu_backward(inner, d_inner, d_c1)
        d_w1 = _outer(d_inner, h2)
        d_g2, d_b2 = zeros(width), zeros(width)
        kernels.norm_backward(d_inner @ w1, middle, s2, g2, total, d_g2, d_b2)
        above, d_b_o = _round(total, zeros(width))
        d_w_o = _outer(above, mixed)
        d_mixed = x.new_empty(batch, heads, length, size, dtype=_HALF)
        kernels.split_heads(above @ w_o, d_mixed, None, None, None, 0)
        d_mixed = d_mixed.view(batch * heads, length, size)
        d_scores = d_mixed @ v.mT
        kernels.softmax_backward(weights, d_scores, size**-0.5)
        parts = d_scores @ k, d_scores.mT @ q, weights.mT @ d_mixed
        d_qkv, d_b_qkv = x.new_empty(x.shape[0], 3 * width, dtype=_HALF), zeros(3 * width)
        for number, part in enumerate(parts):
            part = part.view(batch, heads, length, size)
            kernels.join_heads(part, d_qkv, number * heads, 3 * heads, d_b_qkv, None, None, False)
        d_w_qkv = _outer(d_qkv, h1)
        d_g1, d_b1 = zeros(width), zeros(width)
        kernels.norm_backward(d_qkv @ w_qkv, x, s1, g1, total, d_g1, d_b1)
        return total, None, None, d_g1, d_b1, d_w_qkv, d_b_qkv, d_w_o, d_b_o, d_g2, d_b2, d_w1, d_c1, d_w2, d_c2


class _TextLayer(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, length, shape, cosine, sine, g1, w_qkv, w_o, g2, w_in, w_out):
        heads, kv, size = shape.heads, shape.kv_heads, shape.head_dim
        batch, groups = x.shape[0] // length, heads // kv
        w_qkv, w_o, w_in, w_out = (w.to(_HALF) for w in (w_qkv, w_o, w_in, w_out))
        h1, s1 = _norm(x, g1, None, 1e-5)
        qkv = x.new_empty(batch, heads + 2 * kv, length, size, dtype=_HALF)
        kernels.split_heads(h1 @ w_qkv.t(), qkv, None, cosine, sine, heads + kv)
        q, k, v = (part.contiguous() for part in qkv.split((heads, kv, kv), 1))
        q = q.view(batch * kv, groups * length, size)
        k, v = k.view(batch * kv, length, size), v.view(batch * kv, length, size)
        weights = q @ k.mT
        kernels.softmax_forward(weights, size**-0.5, True, length)
        mixed = _join(weights @ v, batch, heads)
        middle = x.clone()
        kernels.add_residual(middle, mixed @ w_o.t(), None)
        h2, s2 = _norm(middle, g2, None, 1e-5)
        both = h2 @ w_in.t()
        active = torch.empty(both.shape[0], both.shape[1] // 2, dtype=_HALF)
        kernels.swiglu_forward(both, active)
        out = middle.clone()
        kernels.add_residual(out, active @ w_out.t(), None)
        ctx.save_for_backward(
            x, g1, s1, h1, w_qkv, q, k, v, weights, mixed, w_o, middle, g2, s2, h2, w_in, both, active, w_out, cosine, sine
        )
        ctx.length, ctx.shape = length, shape
        return out

    @staticmethod
    def backward(ctx, gradient):
        (
            x, g1, s1, h1, w_qkv, q, k, v, weights, mixed, w_o, middle, g2, s2, h2, w_in, both, active, w_out, cosine, sine
        ) = ctx.saved_tensors  # fmt: skip
        heads, kv, size, length = ctx.shape.heads, ctx.shape.kv_heads, ctx.shape.head_dim, ctx.length
        batch, width, groups = x.shape[0] // length, x.shape[1], heads // kv
        total = gradient.clone()
        above, _ = _round(gradient, None)
        d_w_out = _outer(above, active)
        kernels.swiglu_backward(above @ w_out, both)
        d_w_in = _outer(both, h2)
        d_g2 = x.new_zeros(width)
        kernels.norm_backward(both @ w_in, middle, s2, g2, total, d_g2, None)
        above, _ = _round(total, None)
        d_w_o = _outer(above, mixed)
        d_mixed = x.new_empty(batch, heads, length, size, dtype=_HALF)
        kernels.split_heads(above @ w_o, d_mixed, None, None, None, 0)
        d_mixed = d_mixed.view(batch * kv, groups * length, size)
        d_scores = d_mixed @ v.mT
        kernels.softmax_backward(weights, d_scores, size**-0.5)
        parts = (d_scores @ k, heads, True), (d_scores.mT @ q, kv, True), (weights.mT @ d_mixed, kv, False)
        d_qkv, first = x.new_empty(x.shape[0], (heads + 2 * kv) * size, dtype=_HALF), 0
        for part, count, rotated in parts:
            part = part.view(batch, count, length, size)
            kernels.join_heads(part, d_qkv, first, heads + 2 * kv, None, cosine, sine, rotated)
            first += count
        d_w_qkv = _outer(d_qkv, h1)
        d_g1 = x.new_zeros(width)
        kernels.norm_backward(d_qkv @ w_qkv, x, s1, g1, total, d_g1, None)
        return total, None, None, None, None, d_g1, d_w_qkv, d_w_o, d_g2, d_w_in, d_w_out


def _norm(x, weight, bias, epsilon):
    out, statistics = torch.empty_like(x, dtype=_HALF), x.new_empty(x.shape[0], 2)
    kernels.norm_forward(x, weight, bias, out, statistics, epsilon)
    return out, statistics


def _round(x, total):
    out = torch.empty_like(x, dtype=_HALF)
    kernels.round_rows(x, out, total)
    return out, total


def _join(mixed, batch, heads):
    """[batch * kv, groups * length, size] -> rows [batch * length, heads * size]."""
    mixed = mixed.view(batch, heads, -1, mixed.shape[-1])
    rows = mixed.new_empty(batch * mixed.shape[2], heads * mixed.shape[3])
    kernels.join_heads(mixed, rows, 0, heads, None, None, None, False)
    return rows


def _outer(gradient, x):
    """The weight's gradient, gradient^T x, transposing the narrower of the two by hand."""
    narrow = gradient if gradient.shape[1] <= x.shape[1] else x
    turned = narrow.new_empty(narrow.shape[1], narrow.shape[0])
    kernels.transpose(narrow, turned)
    product = turned @ x if narrow is gradient else (turned @ gradient).t()
    return product.float()
