"""The same networks as a competent user of PyTorch would stream them: state in, state out, nothing computed twice.

One module in two ways to keep the past: `in_place` writes new rows into buffers with room to spare and moves the last
rows to the front once in `ROOM` frames (eager and scripted); otherwise the past is concatenated and handed back (traced
and exported to ONNX). Frames are rows: (frames, features).
"""

import math
from typing import List

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ROOM = 256  # frames between two moves of the past to the front of a buffer
ROTARY_BASE = 1000.0


def extend(state: List[Tensor], place: int, x: Tensor, dim: int, past: int, at: int, in_place: bool) -> Tensor:
    """The past followed by x, along `dim`."""
    n = x.size(dim)
    if in_place:
        state[place].narrow(dim, at + past, n).copy_(x)
        return state[place].narrow(dim, at, past + n)
    both = torch.cat([state[place], x], dim)
    state[place] = both.narrow(dim, n, past)
    return both


def keep(state: List[Tensor], place: int, value: Tensor, in_place: bool):
    """Replaces a piece of state. (A scripted module gets a copy of the list: only the tensors are the caller's.)"""
    if in_place:
        state[place].copy_(value)
    else:
        state[place] = value


class Dense(nn.Module):
    """x·W + b with W as it is in the file, (inputs, outputs)."""

    def __init__(self, w, name):
        super().__init__()
        self.weight = nn.Parameter(w[name + ".weight"].contiguous())
        self.bias = nn.Parameter(w[name + ".bias"])

    def forward(self, x: Tensor) -> Tensor:
        return torch.addmm(self.bias, x, self.weight)


def affine(w, name):
    """Factor and offset that batch norm is in inference."""
    factor = w[name + ".scale"] / torch.sqrt(w[name + ".variance"] + 1e-5)
    return factor, w[name + ".shift"] - w[name + ".mean"] * factor


def folded(w, dense, factor, offset, before):
    """A dense layer with an affine map before or after it folded in."""
    weight, bias = w[dense + ".weight"], w[dense + ".bias"]
    if before:
        return {"d.weight": factor[:, None] * weight, "d.bias": bias + offset @ weight}
    return {"d.weight": weight * factor, "d.bias": bias * factor + offset}


class Memory:
    """What a network remembers: (shape without the past, axis of frames, past) of each piece."""

    def __init__(self):
        self.pieces = []

    def add(self, shape, dim, past):
        self.pieces.append((shape, dim, past))
        return len(self.pieces) - 1


class Lstm(nn.Module):
    def __init__(self, w, shape, memory, in_place, every_tap):
        super().__init__()
        self.in_place = in_place
        hidden, layers = shape["hidden"], shape["layers"]
        stacks = [1] * layers if every_tap else [layers]
        self.stacks = nn.ModuleList()
        first = 0
        for depth in stacks:
            inputs = shape["inputs"] if first == 0 else hidden
            net = nn.LSTM(inputs, hidden, depth)
            for layer in range(depth):
                source = f"body.{first + layer}"
                bias = w[source + ".input.bias"].clone()
                bias[hidden : 2 * hidden] += 1.0  # the forget gate's own bias
                for name, value in [
                    ("weight_ih", w[source + ".input.weight"].T), ("weight_hh", w[source + ".recurrent"].T),
                    ("bias_ih", bias), ("bias_hh", torch.zeros_like(bias)),
                ]:
                    setattr(net, f"{name}_l{layer}", nn.Parameter(value.contiguous()))
            self.stacks.append(net)
            memory.add((depth, 1, hidden), -1, 0)
            memory.add((depth, 1, hidden), -1, 0)
            first += depth

    def forward(self, x: Tensor, state: List[Tensor], at: int, extra: List[Tensor]) -> List[Tensor]:
        taps: List[Tensor] = []
        x = x.unsqueeze(1)
        for number, net in enumerate(self.stacks):
            x, (hidden, cell) = net(x, (state[2 * number], state[2 * number + 1]))
            keep(state, 2 * number, hidden, self.in_place)
            keep(state, 2 * number + 1, cell, self.in_place)
            taps.append(x.squeeze(1))
        return taps


class LstmCells(nn.Module):
    """Cell by cell: oneDNN's sequence costs more to set up than a few frames take."""

    def __init__(self, w, shape, block, memory, in_place):
        super().__init__()
        self.in_place = in_place
        self.cells = nn.ModuleList()
        for layer, net in enumerate(Lstm(w, shape, memory, in_place, True).stacks):
            cell = nn.LSTMCell(net.input_size, net.hidden_size)
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                setattr(cell, name, getattr(net, name + "_l0"))
            self.cells.append(cell)
        self.block = block

    def forward(self, x: Tensor, state: List[Tensor], at: int, extra: List[Tensor]) -> List[Tensor]:
        taps: List[Tensor] = []
        for number, cell in enumerate(self.cells):
            hidden, memory = state[2 * number][0], state[2 * number + 1][0]
            rows: List[Tensor] = []
            for frame in range(self.block):
                hidden, memory = cell(x[frame : frame + 1], (hidden, memory))
                rows.append(hidden)
            keep(state, 2 * number, hidden.unsqueeze(0), self.in_place)
            keep(state, 2 * number + 1, memory.unsqueeze(0), self.in_place)
            x = rows[0] if self.block == 1 else torch.cat(rows)
            taps.append(x)
        return taps


class Conv(nn.Module):
    def __init__(self, w, name, dilation, taps, block, memory, in_place):
        super().__init__()
        direction = w[name + ".direction"]
        weight, bias = direction * (w[name + ".gain"] / direction.norm(dim=0)), w[name + ".bias"]
        if name + ".norm.scale" in w:  # batch norm, folded in
            factor, offset = affine(w, name + ".norm")
            weight, bias = weight * factor, bias * factor + offset
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)
        self.dilation, self.taps, self.width = dilation, taps, direction.shape[0] // taps
        self.past, self.block, self.in_place = (taps - 1) * dilation, block, in_place
        self.place = memory.add((self.width,), 0, self.past)

    def forward(self, x: Tensor, state: List[Tensor], at: int) -> Tensor:
        n, c = self.block, self.width
        both = extend(state, self.place, x, 0, self.past, at, self.in_place)
        if self.in_place:
            rows = both.as_strided([n, self.taps, c], [c, self.dilation * c, 1]).reshape(n, self.taps * c)
        else:
            rows = torch.cat([both.narrow(0, tap * self.dilation, n) for tap in range(self.taps)], 1)
        return torch.addmm(self.bias, rows, self.weight).relu_()


class Tcn(nn.Module):
    def __init__(self, w, shape, block, memory, in_place, name="body"):
        super().__init__()
        self.convs = nn.ModuleList(
            Conv(w, f"{name}.{number}.{which}", dilation, shape["taps"], block, memory, in_place)
            for number, dilation in enumerate(shape["dilations"])
            for which in ("first", "second")
        )

    def forward(self, x: Tensor, state: List[Tensor], at: int, extra: List[Tensor]) -> List[Tensor]:
        taps: List[Tensor] = []
        y = x
        for number, conv in enumerate(self.convs):
            y = conv(y, state, at)
            if number % 2 == 1:
                x = torch.relu_(x + y)
                y = x
                taps.append(x)
        return taps


def window_mask(n, past):
    """(n, past + n): 0 where a query sees a key, −∞ elsewhere."""
    behind = torch.arange(past, past + n)[:, None] - torch.arange(past + n)[None, :]
    return torch.where((behind >= 0) & (behind <= past), 0.0, -math.inf)


class EncoderLayer(nn.Module):
    def __init__(self, w, name, shape, block, memory, in_place, fused):
        super().__init__()
        self.heads, self.width = shape["heads"], shape["width"]
        self.d, self.past = self.width // self.heads, shape["context"] - 1
        self.project, self.output = Dense(w, name + ".attention.project"), Dense(w, name + ".attention.output")
        self.widen, self.narrow = Dense(w, name + ".widen"), Dense(w, name + ".narrow")
        for norm in ("norm_attention", "norm_feed"):
            for part in ("scale", "shift"):
                self.register_parameter(f"{norm}_{part}", nn.Parameter(w[f"{name}.{norm}.{part}"]))
        self.register_buffer("mask", window_mask(block, self.past))
        self.in_place, self.fused, self.block, self.single = in_place, fused, block, block == 1
        self.keys = memory.add((self.heads, self.d), 1, self.past)
        self.values = memory.add((self.heads, self.d), 1, self.past)

    def forward(self, x: Tensor, state: List[Tensor], at: int, cos: Tensor, sin: Tensor) -> Tensor:
        n = self.block
        h = F.layer_norm(x, [self.width], self.norm_attention_scale, self.norm_attention_shift)
        parts = self.project(h).view(n, 3, self.heads, self.d).permute(1, 2, 0, 3)
        a, b = parts[:2].chunk(2, -1)
        turned = torch.cat([a * cos - b * sin, b * cos + a * sin], -1)
        k = extend(state, self.keys, turned[1], 1, self.past, at, self.in_place)
        v = extend(state, self.values, parts[2], 1, self.past, at, self.in_place)
        if self.fused:
            mask = None if self.single else self.mask
            mixed = F.scaled_dot_product_attention(turned[:1], k.unsqueeze(0), v.unsqueeze(0), attn_mask=mask)[0]
        else:
            scores = torch.matmul(turned[0] * (self.d ** -0.5), k.transpose(1, 2))
            if not self.single:
                scores = scores + self.mask
            mixed = torch.matmul(torch.softmax(scores, -1), v)
        x = x + self.output(mixed.transpose(0, 1).reshape(n, self.width))
        h = F.layer_norm(x, [self.width], self.norm_feed_scale, self.norm_feed_shift)
        return x + self.narrow(F.gelu(self.widen(h)))


class Encoder(nn.Module):
    def __init__(self, w, shape, block, memory, in_place, fused):
        super().__init__()
        self.layers = nn.ModuleList(
            EncoderLayer(w, f"body.{layer}", shape, block, memory, in_place, fused)
            for layer in range(shape["layers"])
        )

    def forward(self, x: Tensor, state: List[Tensor], at: int, extra: List[Tensor]) -> List[Tensor]:
        taps: List[Tensor] = []
        for layer in self.layers:
            x = layer(x, state, at, extra[0], extra[1])
            taps.append(x)
        return taps


def body(w, shape, block, memory, in_place, fused, every_tap):
    if shape["kind"] == "lstm":
        if fused:
            return Lstm(w, shape, memory, in_place, every_tap)
        return LstmCells(w, shape, block, memory, in_place)
    if shape["kind"] == "tcn":
        return Tcn(w, shape, block, memory, in_place)
    return Encoder(w, shape, block, memory, in_place, fused)


class PlainNet(nn.Module):
    """(Linear,) body, linear: an answer for every frame."""

    def __init__(self, w, shape, block, in_place, fused):
        super().__init__()
        self.memory = Memory()
        self.input = Dense(w, "input") if "input.weight" in w else nn.Identity()
        self.body = body(w, shape["body"], block, self.memory, in_place, fused, False)
        self.output = Dense(w, "output")

    def forward(self, x: Tensor, state: List[Tensor], at: int, extra: List[Tensor]) -> Tensor:
        return self.output(self.body(self.input(x), state, at, extra)[-1])
