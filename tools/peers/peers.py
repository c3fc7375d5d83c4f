"""The other side of `tools/bench_peers.sh`: JSON lines in, JSON lines out.

open    {name, block, shape, weights}           → {forms: {peer: [name, …]}, failed: {peer: why}}
push    {peer, form, input, keep}               → {rows: the last `keep` rows of logits, all blocks pushed}
time    {peer, form, runs}                      → {seconds: […]}, each a block that was pushed before
train   {shape, weights, batch, recipe, runs, threads, fresh}  → {seconds, losses}
mel     {peer, spec, input, keep}               → {rows}, and mel_time {peer, runs} → {seconds}
A reply {error: …} instead of any.
"""

import json
import os
import platform
import sys

# Libraries may print: stdout belongs to the answers.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def say(document):
    answers.write(json.dumps(document) + "\n")
    answers.flush()


import warnings

warnings.simplefilter("ignore")
import librosa
import numpy as np
import onnxruntime
import torch
from safetensors.torch import load_file

from front_end import FRONT_ENDS, timed
from rings import RingOnnx, RingTraced
from streams import forms
from training import Training

onnxruntime.disable_telemetry_events()
torch.set_num_threads(1)
torch.set_num_interop_threads(1)


class Session:
    def __init__(self):
        self.forms, self.block, self.last, self.training, self.mel = {}, 1, None, None, {}

    def open(self, shape, weights, block, name):
        weights, self.block = load_file(weights), block
        self.forms, failed = {}, {}
        for peer in ("torch_eager", "torch_jit", "onnxruntime"):
            try:
                self.forms[peer] = forms(peer, weights, shape, block)
                if block == 1 and shape["body"]["kind"] == "tcn" and "front" not in shape:
                    ring = {"torch_jit": RingTraced, "onnxruntime": RingOnnx}.get(peer)
                    self.forms[peer] += [ring(weights, shape)] if ring else []
            except Exception as error:
                self.forms.pop(peer, None)
                failed[peer] = f"{type(error).__name__}: {error}"[:500]
        return {"forms": {peer: [type(f).__name__ for f in fs] for peer, fs in self.forms.items()}, "failed": failed}

    def push(self, peer, form, input, keep):
        x = load_file(input)["x"].numpy()
        stream, rows = self.forms[peer][form], []
        for start in range(0, len(x) - self.block + 1, self.block):
            self.last = np.ascontiguousarray(x[start : start + self.block])
            rows.append(stream.push(self.last))
        return {"rows": np.concatenate(rows)[-keep:].tolist()}

    def time(self, peer, form, runs):
        return {"seconds": self.forms[peer][form].time(self.last, runs)}

    def train(self, runs, threads, fresh, shape=None, weights=None, batch=None, recipe=None):
        if fresh:
            self.training = Training(load_file(weights), shape, load_file(batch), recipe)
        times, losses = self.training.time(runs, threads)
        return {"seconds": times, "losses": losses}

    def mel_open(self, peer, spec, input, keep):
        front_end, samples = FRONT_ENDS[peer](spec), load_file(input)["x"].numpy()
        self.mel[peer] = (front_end, samples)
        return {"rows": front_end.run(samples)[-keep:].tolist()}

    def mel_time(self, peer, runs):
        return {"seconds": timed(*self.mel[peer], runs)}


say({
    "python": platform.python_version(), "torch": torch.__version__, "onnxruntime": onnxruntime.__version__,
    "librosa": librosa.__version__, "numpy": np.__version__,
})
session = Session()
for line in sys.stdin:
    request = json.loads(line)
    try:
        say(getattr(session, request.pop("op"))(**request))
    except Exception as error:
        say({"error": f"{type(error).__name__}: {error}"})
