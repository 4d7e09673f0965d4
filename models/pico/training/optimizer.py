"""Muon for the hidden matrices, AdamW for everything else, both on one learning-rate scale."""

import torch
import torch.distributed as dist


class Muon(torch.optim.Optimizer):
    """Momentum whose update is orthogonalised by a Newton-Schulz iteration (Jordan et al., 2024)."""

    def __init__(self, parameters, lr, momentum=0.95, weight_decay=0.02):
        super().__init__(parameters, dict(lr=lr, momentum=momentum, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            pairs = []
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                buffer = self.state[parameter].setdefault("momentum", torch.zeros_like(parameter))
                buffer.lerp_(parameter.grad, 1 - group["momentum"])
                update = parameter.grad.lerp(buffer, group["momentum"])
                pairs.append((parameter, update))
            updates = self._orthogonalise_shared([update for _, update in pairs])
            for (parameter, _), update in zip(pairs, updates):
                scale = group["lr"] * max(1.0, parameter.shape[0] / parameter.shape[1]) ** 0.5
                parameter.mul_(1 - group["lr"] * group["weight_decay"]).add_(update, alpha=-scale)

    def _orthogonalise_shared(self, updates):
        """Every process does its share of the matrices and all receive all."""
        rank, world = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
        by_shape = {}
        for number, update in enumerate(updates):
            if number % world == rank:
                by_shape.setdefault(update.shape, []).append(number)
        done = [torch.zeros_like(update) for update in updates]
        for numbers in by_shape.values():
            for number, result in zip(numbers, orthogonalise(torch.stack([updates[n] for n in numbers]))):
                done[number] = result
        if world == 1:
            return done
        flat = torch.cat([update.flatten() for update in done])
        dist.all_reduce(flat)
        sizes = [update.numel() for update in done]
        return [part.view_as(update) for part, update in zip(flat.split(sizes), done)]


def orthogonalise(matrices, steps=5):
    """Nearest semi-orthogonal matrices, roughly; [many, rows, columns] at once in bfloat16."""
    x = matrices.to(torch.bfloat16)
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return (x.mT if tall else x).to(matrices.dtype)


def split_parameters(*modules):
    """(hidden matrices for Muon, the rest for AdamW)."""
    matrices, rest = [], []
    for module in modules:
        for name, parameter in module.named_parameters():
            hidden = parameter.ndim == 2 and (".layers." in name or "connector" in name)
            (matrices if hidden else rest).append(parameter)
    return matrices, rest
