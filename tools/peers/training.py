"""One training step in PyTorch: forward, mean cross-entropy over every frame, backward, clipping, AdamW."""

import time

import torch
import torch.nn.functional as F
from torch import nn

from nets import Dense, Lstm, Memory, ROTARY_BASE


class TrainLstm(nn.Module):
    def __init__(self, w, shape):
        super().__init__()
        self.net = Lstm(w, shape, Memory(), False, False).stacks[0]
        for name, parameter in self.net.named_parameters():
            # One bias for each gate, as ours has it.
            parameter.requires_grad_(not name.startswith("bias_hh"))

    def forward(self, x):
        return self.net(x.transpose(0, 1))[0].transpose(0, 1)


class TrainTcn(nn.Module):
    def __init__(self, w, shape):
        super().__init__()
        self.taps, self.dilations = shape["taps"], shape["dilations"]
        self.directions, self.gains, self.biases = nn.ParameterList(), nn.ParameterList(), nn.ParameterList()
        for block in range(len(self.dilations)):
            for which in ("first", "second"):
                v = w[f"body.{block}.{which}.direction"]  # (taps · in, out)
                v = v.view(self.taps, -1, v.shape[1]).permute(2, 1, 0)
                self.directions.append(nn.Parameter(v.contiguous()))  # (out, in, taps)
                self.gains.append(nn.Parameter(w[f"body.{block}.{which}.gain"].view(-1, 1, 1).clone()))
                self.biases.append(nn.Parameter(w[f"body.{block}.{which}.bias"].clone()))

    def conv(self, x, number):
        dilation = self.dilations[number // 2]
        kernel = torch._weight_norm(self.directions[number], self.gains[number], 0)
        x = F.pad(x, ((self.taps - 1) * dilation, 0))
        return F.relu(F.conv1d(x, kernel, self.biases[number], dilation=dilation))

    def forward(self, x):
        x = x.transpose(1, 2)
        for block in range(len(self.dilations)):
            x = F.relu(x + self.conv(self.conv(x, 2 * block), 2 * block + 1))
        return x.transpose(1, 2)


class TrainAttention(nn.Module):
    def __init__(self, w, shape):
        super().__init__()
        self.heads, self.width, self.layers = shape["heads"], shape["width"], nn.ModuleList()
        for number in range(shape["layers"]):
            name, layer = f"body.{number}", nn.Module()
            for part in ("attention.project", "attention.output", "widen", "narrow"):
                layer.add_module(part.split(".")[-1], Dense(w, f"{name}.{part}"))
            for part in ("norm_attention", "norm_feed"):
                norm = nn.LayerNorm(self.width)
                norm.weight = nn.Parameter(w[f"{name}.{part}.scale"].clone())
                norm.bias = nn.Parameter(w[f"{name}.{part}.shift"].clone())
                layer.add_module(part, norm)
            self.layers.append(layer)
        self.context = shape["context"]
        d = self.width // self.heads
        speeds = ROTARY_BASE ** (-2.0 * torch.arange(d // 2, dtype=torch.float64) / d)
        angles = torch.arange(self.context, dtype=torch.float64)[:, None] * speeds
        self.register_buffer("cos", angles.cos().float())
        self.register_buffer("sin", angles.sin().float())

    def turned(self, x):
        a, b = x.chunk(2, -1)
        cos, sin = self.cos[: x.shape[-2]], self.sin[: x.shape[-2]]
        return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)

    def forward(self, x):
        b, t, _ = x.shape
        assert t <= self.context, "a causal mask alone would let old keys in"
        dense = lambda layer, x: F.linear(x, layer.weight.T, layer.bias)
        for layer in self.layers:
            parts = dense(layer.project, layer.norm_attention(x)).view(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
            mixed = F.scaled_dot_product_attention(
                self.turned(parts[0]), self.turned(parts[1]), parts[2], is_causal=True
            )
            x = x + dense(layer.output, mixed.transpose(1, 2).reshape(b, t, self.width))
            x = x + dense(layer.narrow, F.gelu(dense(layer.widen, layer.norm_feed(x))))
        return x


class Training:
    """A net in training. `recipe`: rate, weight_decay, clip, betas."""

    def __init__(self, w, shape, batch, recipe):
        kind = {"lstm": TrainLstm, "tcn": TrainTcn, "attention": TrainAttention}[shape["body"]["kind"]]
        self.input = Dense(w, "input") if "input.weight" in w else None
        self.body, self.output = kind(w, shape["body"]), Dense(w, "output")
        modules = [module for module in (self.input, self.body, self.output) if module is not None]
        self.parameters = [p for module in modules for p in module.parameters() if p.requires_grad]
        # Gains, biases and norms do not decay; a gain is (out, 1, 1).
        matrices = [p for p in self.parameters if p.squeeze().dim() > 1]
        others = [p for p in self.parameters if p.squeeze().dim() <= 1]
        groups = [
            {"params": matrices, "weight_decay": recipe["weight_decay"]}, {"params": others, "weight_decay": 0.0}
        ]
        self.optimizer = torch.optim.AdamW(
            groups, lr=recipe["rate"], betas=tuple(recipe["betas"]), eps=1e-8, fused=True
        )
        self.x, self.labels, self.clip = batch["x"], batch["labels"].long().view(-1), recipe["clip"]

    def step(self):
        x = self.x if self.input is None else F.linear(self.x, self.input.weight.T, self.input.bias)
        logits = F.linear(self.body(x), self.output.weight.T, self.output.bias)
        loss = F.cross_entropy(logits.reshape(self.labels.numel(), -1), self.labels)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, self.clip)
        self.optimizer.step()
        return loss.item()

    def time(self, runs, threads):
        torch.set_num_threads(threads)
        times, losses = [], []
        for _ in range(runs):
            start = time.perf_counter()
            losses.append(self.step())
            times.append(time.perf_counter() - start)
        torch.set_num_threads(1)
        return times, losses
