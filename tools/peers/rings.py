"""A TCN step of one frame whose past stays in rings outside the network, so that no call copies it.

The host picks the two old rows of every convolution, the network takes them with the new frame and hands back one new
row for each convolution. For other numbers of taps or frames see `nets.py`.
"""

import io
import time
import warnings

import numpy as np
import onnxruntime
import torch
from torch import nn

from nets import Dense, Memory, Tcn


class Step(nn.Module):
    """x (1, c) and the old taps (convolutions, 2·c) to an answer and the new rows (convolutions, c)."""

    def __init__(self, w, shape):
        super().__init__()
        convs = Tcn(w, shape["body"], 1, Memory(), False).convs
        self.weights = nn.ParameterList(conv.weight for conv in convs)
        self.biases = nn.ParameterList(conv.bias for conv in convs)
        self.output = Dense(w, "output")

    def forward(self, x, old):
        rows, y = [], x
        for number, past in enumerate(old.split(1)):
            rows.append(y)
            taps = torch.cat([past, y], 1)
            y = torch.relu(torch.addmm(self.biases[number], taps, self.weights[number]))
            if number % 2 == 1:
                x = torch.relu(x + y)
                y = x
        return self.output(x), torch.cat(rows)


class Rings:
    """The rings, as one array of rows."""

    def __init__(self, shape):
        dilations = [d for d in shape["body"]["dilations"] for _ in range(2)]
        self.d = np.array(dilations)
        self.base = np.concatenate([[0], np.cumsum(2 * self.d)[:-1]])
        width = shape["body"]["width"]
        self.rows = np.zeros((2 * self.d.sum(), width), np.float32)
        self.old = np.zeros((len(dilations), 2 * width), np.float32)
        self.picked = self.old.reshape(-1, width)
        self.index = np.zeros((len(dilations), 2), np.int64)
        self.phase, self.length = np.zeros(len(dilations), np.int64), 2 * self.d

    def pick(self):
        oldest, newer = self.index[:, 0], self.index[:, 1]
        np.add(self.base, self.phase, out=oldest)
        np.add(self.base, (self.phase + self.d) % self.length, out=newer)
        np.take(self.rows, self.index.reshape(-1), axis=0, out=self.picked, mode="clip")

    def put(self, rows):
        self.rows[self.index[:, 0]] = rows
        self.phase += 1
        self.phase[self.phase == self.length] = 0


class RingOnnx:
    def __init__(self, w, shape):
        self.rings, net = Rings(shape), Step(w, shape).eval()
        sample = (torch.zeros(1, shape["body"]["width"]), torch.from_numpy(self.rings.old))
        model = io.BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                net, sample, model, dynamo=False, opset_version=17, input_names=["x", "old"], output_names=["y", "rows"]
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = 1, 1
        self.session = onnxruntime.InferenceSession(model.getvalue(), options, providers=["CPUExecutionProvider"])
        self.x = np.zeros(sample[0].shape, np.float32)
        self.y = np.zeros((1, self.session.get_outputs()[0].shape[1]), np.float32)
        self.new = np.zeros((len(self.rings.d), self.x.shape[1]), np.float32)
        self.binding = self.session.io_binding()
        for name, array in [("x", self.x), ("old", self.rings.old)]:
            self.binding.bind_input(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
        for name, array in [("y", self.y), ("rows", self.new)]:
            self.binding.bind_output(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)

    def step(self, x, fixed=False):
        np.copyto(self.x, x)
        self.rings.pick()
        self.session.run_with_iobinding(self.binding)
        self.rings.put(self.new)
        return self.y

    def push(self, x):
        return self.step(x).copy()

    def time(self, x, runs):
        times, clock = [], time.perf_counter
        for _ in range(runs):
            start = clock()
            self.step(x)
            times.append(clock() - start)
        return times


class RingTraced:
    def __init__(self, w, shape):
        self.rings, net = Rings(shape), Step(w, shape).eval()
        self.old = torch.from_numpy(self.rings.old)
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sample = (torch.zeros(1, shape["body"]["width"]), self.old)
            self.net = torch.jit.freeze(torch.jit.trace(net, sample, check_trace=False))

    def step(self, x, fixed=False):
        self.rings.pick()
        y, rows = self.net(x, self.old)
        self.rings.put(rows.numpy())
        return y

    def push(self, x):
        with torch.inference_mode():
            return self.step(torch.from_numpy(x)).numpy()

    def time(self, x, runs):
        times, clock, x = [], time.perf_counter, torch.from_numpy(x)
        with torch.inference_mode():
            for _ in range(runs):
                start = clock()
                self.step(x)
                times.append(clock() - start)
        return times
