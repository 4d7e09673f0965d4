"""The loop both stages share: two processes, averaged gradients, a schedule by the clock."""

import copy
import os
import time

import torch
import torch.distributed as dist
from safetensors.torch import load_file

from optimizer import Muon, split_parameters


def add_common_arguments(parser):
    parser.add_argument("--concepts", required=True)
    parser.add_argument("--atlas", required=True, help="what glyphs.py stored")
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--out", required=True, help="checkpoint to write")
    parser.add_argument("--init", help="checkpoint to start from, or an exported model.safetensors to go on from")
    parser.add_argument("--seconds", type=float, required=True, help="wall clock; the rate falls to 0 over it")
    parser.add_argument("--hold", type=float, default=0.5, help="share of the time at the full rate")
    parser.add_argument("--batch", type=int, default=24, help="scenes per process and step")
    parser.add_argument("--muon-rate", type=float, default=0.015)
    parser.add_argument("--adam-rate", type=float, default=1.2e-3)
    parser.add_argument("--augment", type=float, default=0.5, help="strength of colour and shape jitter")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--evaluate-every", type=float, default=180, help="seconds")


class Trainer:
    """Owns optimisers, schedule, averaged weights, logging and checkpoints.

    Every process computes gradients of its own scenes; they are averaged together with the clock,
    so that all processes apply the same update at the same rate.
    """

    def __init__(self, arguments, model, heads, trained):
        self.rank, self.world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        if self.world > 1:
            dist.init_process_group("gloo")
        self.arguments, self.model, self.heads = arguments, model, heads
        if arguments.init:
            _start_from(arguments.init, model, heads)
        self.parameters = [parameter for module in trained for parameter in module.parameters()]
        matrices, rest = split_parameters(*trained)
        self.muon = Muon(matrices, lr=arguments.muon_rate)
        self.adam = torch.optim.AdamW(rest, lr=arguments.adam_rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
        self.average = copy.deepcopy((model, heads))
        self.started = self.reported = self.evaluated = time.time()
        self.steps = self.samples = 0
        self.progress = 0.0
        self.totals = {}
        self.evaluation_due = False

    @property
    def finished(self):
        return self.progress >= 1

    def next_seed(self):
        """A seed no other step or process uses."""
        return (self.arguments.seed * 1_000_003 + self.steps) * self.world + self.rank

    def step(self, losses, samples):
        losses["loss"].backward()
        self._average_gradients()
        warm = min(1.0, (self.steps + 1) / 50)
        rate = warm * min(1.0, (1 - self.progress) / (1 - self.arguments.hold))
        for optimizer, base in ((self.muon, self.arguments.muon_rate), (self.adam, self.arguments.adam_rate)):
            for group in optimizer.param_groups:
                group["lr"] = base * max(rate, 1e-4)
            optimizer.step()
            optimizer.zero_grad()
        self.steps += 1
        self.samples += samples * self.world
        self._update_average()
        for name, loss in losses.items():
            self.totals[name] = self.totals.get(name, 0.0) + loss.detach().item()
        self._log()

    def _average_gradients(self):
        elapsed = torch.tensor([(time.time() - self.started) / self.arguments.seconds])
        if self.world > 1:
            gradients = [parameter.grad for parameter in self.parameters if parameter.grad is not None]
            flat = torch.cat([gradient.flatten() for gradient in gradients] + [elapsed])
            dist.all_reduce(flat)
            flat /= self.world
            offset = 0
            for gradient in gradients:
                gradient.copy_(flat[offset : offset + gradient.numel()].view_as(gradient))
                offset += gradient.numel()
            elapsed = flat[-1:]
        self.progress = elapsed.item()

    @torch.no_grad()
    def _update_average(self):
        """Exponential average over about the last 300 steps, fewer at the start."""
        keep = min(0.997, self.steps / (self.steps + 10))
        for averaged, module in zip(self.average, (self.model, self.heads)):
            torch._foreach_lerp_(list(averaged.parameters()), list(module.parameters()), 1 - keep)

    def _log(self):
        now = time.time()
        self.evaluation_due = False
        if self.rank != 0:
            return
        if self.steps % 50 == 0:
            means = " ".join(f"{name} {total / 50:.3f}" for name, total in self.totals.items())
            rate = 50 * self.arguments.batch * self.world / (now - self.reported)
            print(f"{now - self.started:.0f}s step {self.steps} samples {self.samples} {rate:.0f}/s {means}", flush=True)
            self.totals, self.reported = {}, now
        if now - self.evaluated > self.arguments.evaluate_every:
            self.evaluated, self.evaluation_due = now, True
            self.save()

    def report(self, group, scores):
        text = " ".join(f"{name} {score:.3f}" for name, score in scores.items())
        print(f"  eval {group}: {text}", flush=True)

    def save(self):
        """Writes the averaged weights beside the raw ones; the file is replaced in one move."""
        if self.rank != 0:
            return
        averaged_model, averaged_heads = self.average
        torch.save(
            {
                "model": averaged_model.state_dict(),
                "heads": averaged_heads.state_dict(),
                "raw_model": self.model.state_dict(),
                "samples": self.samples,
            },
            f"{self.arguments.out}.part",
        )
        os.replace(f"{self.arguments.out}.part", self.arguments.out)


def _start_from(path, model, heads):
    """Loads a training checkpoint, or exported weights, which lack the training heads: those start anew."""
    if path.endswith(".safetensors"):
        weights = load_file(path)
        del weights["lm_head.weight"]  # tied to the embeddings
        model.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
        return
    stored = torch.load(path)
    model.load_state_dict(stored["model"])
    heads.load_state_dict(stored["heads"])
