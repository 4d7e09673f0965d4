"""Compares fast_layers.py with the plain layers of model.py: outputs and every gradient.

    python check_fast_layers.py
"""

import torch

from fast_layers import text_layer, vision_layer
from model import Shape, TextLayer, VisionLayer

BATCH, LENGTH = 4, 100
TOLERANCE = 0.03
"""Relative error allowed; bfloat16 keeps eight bits, and a gradient passes several roundings."""


def main():
    torch.manual_seed(0)
    shape = Shape()
    half = shape.head_dim // 2
    angles = torch.arange(LENGTH)[:, None] * shape.rope_theta ** (-torch.arange(half) / half)
    cosine, sine = angles.cos(), angles.sin()
    mask = torch.full((LENGTH, LENGTH), -1e4).triu(1)
    compare(
        VisionLayer(shape),
        shape.vision_width,
        lambda layer, x: layer(x),
        lambda layer, rows: vision_layer(layer, rows, LENGTH),
    )
    compare(
        TextLayer(shape),
        shape.width,
        lambda layer, x: layer(x, cosine.repeat(1, 2), sine.repeat(1, 2), mask),
        lambda layer, rows: text_layer(layer, rows, LENGTH, cosine, sine),
    )


def compare(layer, width, plain, fast):
    for parameter in layer.parameters():
        parameter.data += torch.randn_like(parameter) * (0.08 if parameter.ndim == 2 else 0.3)
    x, gradient = torch.randn(2, BATCH, LENGTH, width)
    expected = run(layer, x, gradient, plain)
    actual = run(layer, x, gradient, lambda layer, x: fast(layer, x.reshape(-1, width)).view_as(x))
    for name, reference in expected.items():
        if name.endswith("k_proj.bias"):
            continue  # a key's bias shifts all scores of a query alike: its gradient is rounding noise
        error = ((actual[name] - reference).norm() / reference.norm()).item()
        print(f"{type(layer).__name__} {name}: {error:.4f}")
        assert error < TOLERANCE, name


def run(layer, x, gradient, forward):
    """Output, input gradient and parameter gradients by name."""
    x = x.clone().requires_grad_()
    layer.zero_grad()
    out = forward(layer, x)
    (out * gradient).sum().backward()
    gradients = {name: parameter.grad.clone() for name, parameter in layer.named_parameters()}
    return {"output": out.detach(), "input": x.grad, **gradients}


if __name__ == "__main__":
    main()
