"""A network behind each peer's way to run it: `push` a block, or time a number of them."""

import io
import math
import time
import warnings
from typing import List

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from genre_net import GenreNet
from nets import ROOM, ROTARY_BASE, PlainNet

onnxruntime.set_default_logger_severity(3)
TABLE = 8192  # frames whose rotations are in the table; later ones begin anew, which costs the same


def build(w, shape, block, in_place, fused):
    kind = GenreNet if "front" in shape else PlainNet
    return kind(w, shape, block, in_place, fused).eval()


class Extra:
    """What a step needs besides frames and state: rotations by place, or weights of the moments."""

    def __init__(self, shape, block):
        self.block, self.frame, self.count = block, 0, 0.0
        self.rotary = shape["body"]["kind"] == "attention"
        pooling = shape.get("pooling", {"kind": "none"})
        self.retention = math.exp(-1.0 / pooling["time_constant"]) if pooling["kind"] == "moments" else None
        if self.rotary:
            d = shape["body"]["width"] // shape["body"]["heads"]
            speeds = ROTARY_BASE ** (-2.0 * torch.arange(d // 2, dtype=torch.float64) / d)
            angles = torch.arange(TABLE, dtype=torch.float64)[:, None] * speeds
            self.cos, self.sin = angles.cos().float(), angles.sin().float()

    def next(self, fixed=False):
        """Tensors for the next block; `fixed`: those of a stream that has run for long, where they no longer change."""
        n = self.block
        if self.rotary:
            first = self.frame % (TABLE - n)
            self.frame += n
            return [self.cos.narrow(0, first, n), self.sin.narrow(0, first, n)]
        if self.retention is None:
            return []
        if not fixed or not hasattr(self, "kept"):
            mix, keep = np.zeros((n, n)), np.zeros((n, 1))
            row, past = np.zeros(n), 1.0
            for i in range(n):
                self.count = self.count * self.retention + 1.0
                alpha = 1.0 / self.count
                row *= 1.0 - alpha
                row[i] = alpha
                past *= 1.0 - alpha
                mix[i], keep[i] = row, past
            self.kept = [torch.from_numpy(mix).float(), torch.from_numpy(keep).float()]
        return self.kept


class InPlace:
    """PyTorch, eager or scripted, with the past in buffers."""

    def __init__(self, w, shape, block, fused, scripted):
        net = build(w, shape, block, True, fused)
        self.pieces, self.block = net.memory.pieces, block
        if scripted:
            del net.memory
            net = torch.jit.freeze(torch.jit.script(net))
        self.net, self.extra, self.room = net, Extra(shape, block), max(ROOM // block, 1) * block
        self.state: List[Tensor] = []
        for size, dim, past in self.pieces:
            size = list(size)
            if dim >= 0:
                size.insert(dim, past + self.room)
            self.state.append(torch.zeros(size))
        self.at = 0

    def step(self, x, fixed=False):
        if self.at == self.room:
            for buffer, (_, dim, past) in zip(self.state, self.pieces):
                if dim >= 0:
                    moved = buffer.narrow(dim, self.room, past)
                    # Overlapping only where the past is longer than the room.
                    buffer.narrow(dim, 0, past).copy_(moved.clone() if past > self.room else moved)
            self.at = 0
        y = self.net(x, self.state, self.at, self.extra.next(fixed))
        self.at += self.block
        return y

    def push(self, x):
        with torch.inference_mode():
            return self.step(torch.from_numpy(x)).numpy()

    def time(self, x, runs):
        times, clock, x = [], time.perf_counter, torch.from_numpy(x)
        with torch.inference_mode():
            for _ in range(runs):
                start = clock()
                self.step(x, True)
                times.append(clock() - start)
        return times


class Flat(nn.Module):
    """State as plain arguments and results, for tracing and export."""

    def __init__(self, net, extras):
        super().__init__()
        self.net, self.extras = net, extras

    def forward(self, x, *rest):
        state = list(rest[self.extras :])
        y = self.net(x, state, 0, list(rest[: self.extras]))
        return (y, *state)


def functional(w, shape, block, fused):
    """The network with state handed in and out, and arguments of a step."""
    net = build(w, shape, block, False, fused)
    state = []
    for size, dim, past in net.memory.pieces:
        size = list(size)
        if dim >= 0:
            size.insert(dim, past)
        state.append(torch.zeros(size))
    extra = Extra(shape, block)
    del net.memory
    for module in net.modules():
        if isinstance(module, nn.LSTM):
            module.flatten_parameters()
    bands = shape["bands"] if "bands" in shape else shape["front"]["bands"]
    sample = (torch.zeros(block, bands), *extra.next(), *state)
    return Flat(net, len(extra.next())).eval(), sample, state, Extra(shape, block)


class Traced:
    """`torch.jit.trace`, frozen."""

    def __init__(self, net, sample, state, extra):
        self.extra = extra
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.net = torch.jit.freeze(torch.jit.trace(net, sample, check_trace=False))
        self.state = [piece.clone() for piece in state]

    def step(self, x, fixed=False):
        y, *self.state = self.net(x, *self.extra.next(fixed), *self.state)
        return y

    push, time = InPlace.push, InPlace.time


class Onnx:
    """ONNX Runtime, bound to two sets of state buffers that take turns as input and output: nothing is copied."""

    def __init__(self, net, sample, state, extra):
        self.extra = extra
        extras = len(sample) - 1 - len(state)
        inputs = ["x"] + [f"e{i}" for i in range(extras)] + [f"s{i}" for i in range(len(state))]
        outputs = ["y"] + [f"t{i}" for i in range(len(state))]
        model = io.BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                net, sample, model, dynamo=False, opset_version=17, input_names=inputs, output_names=outputs
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = 1, 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        self.session = onnxruntime.InferenceSession(
            model.getvalue(), options, providers=["CPUExecutionProvider"]
        )
        wanted = {argument.name for argument in self.session.get_inputs()}
        self.x = np.zeros(sample[0].shape, np.float32)
        self.args = [np.ascontiguousarray(piece.numpy()) for piece in sample[1 : 1 + extras]]
        turns = [[np.zeros(piece.shape, np.float32) for piece in state] for _ in range(2)]
        shape_y = self.session.get_outputs()[0].shape
        self.y = np.zeros(shape_y, np.float32)
        self.bindings, self.turns, self.turn = [], turns, 0
        for turn in range(2):
            binding = self.session.io_binding()

            def bind(side, name, array):
                if side == "in" and name in wanted:
                    binding.bind_input(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
                elif side == "out":
                    binding.bind_output(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)

            bind("in", "x", self.x)
            for number, array in enumerate(self.args):
                bind("in", f"e{number}", array)
            bind("out", "y", self.y)
            for number in range(len(state)):
                bind("in", f"s{number}", turns[turn][number])
                bind("out", f"t{number}", turns[1 - turn][number])
            self.bindings.append(binding)

    def step(self, x, fixed=False):
        np.copyto(self.x, x)
        for array, value in zip(self.args, self.extra.next(fixed)):
            np.copyto(array, value.numpy())
        self.session.run_with_iobinding(self.bindings[self.turn])
        self.turn = 1 - self.turn
        return self.y

    def push(self, x):
        return self.step(x).copy()

    def time(self, x, runs):
        times, clock = [], time.perf_counter
        for _ in range(runs):
            start = clock()
            self.step(x, True)
            times.append(clock() - start)
        return times


def forms(peer, w, shape, block):
    """The ways in which a peer can run this network; the fastest one counts."""
    kind = shape["body"]["kind"]
    has_two = kind == "attention" or (kind == "lstm" and block <= 4)
    fusions = [True, False] if has_two else [True]
    if peer == "torch_eager":
        return [InPlace(w, shape, block, fused, False) for fused in fusions]
    if peer == "torch_jit":
        return [InPlace(w, shape, block, fused, True) for fused in fusions] + [
            Traced(*functional(w, shape, block, fused)) for fused in fusions
        ]
    return [Onnx(*functional(w, shape, block, True))]
