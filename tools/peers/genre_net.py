"""The shipped networks: convolutional front, body, statistics pooling, classifier, as `nets.py` does it."""

from typing import List

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nets import Dense, Memory, Tcn, affine, body, extend, folded, keep, window_mask

LEAST_VARIANCE = 1e-3


class Front(nn.Module):
    """2-D convolution, strided in frequency and causal in time, and a dense layer; batch norms folded in."""

    def __init__(self, w, shape, block, memory, in_place):
        super().__init__()
        frames, height, maps = shape["kernel_frames"], shape["kernel_bands"], shape["maps"]
        factor, offset = affine(w, "front.norm_maps")  # (places · maps)
        self.kernel = nn.Parameter(w["front.kernel"].T.reshape(maps, 1, frames, height).contiguous())
        # (maps, 1, places): as the convolution lays its result out
        self.factor = nn.Parameter(factor.view(-1, maps).T[:, None, :].contiguous())
        self.offset = nn.Parameter(offset.view(-1, maps).T[:, None, :].contiguous())
        narrow = folded(w, "front.narrow", *affine(w, "front.norm_out"), before=False)
        places = factor.numel() // maps
        narrow["d.weight"] = narrow["d.weight"].view(places, maps, -1).transpose(0, 1).reshape(places * maps, -1)
        self.narrow = Dense(narrow, "d")
        self.stride, self.past = shape["stride_bands"], frames - 1
        self.block, self.in_place = block, in_place
        self.place = memory.add((shape["bands"],), 0, self.past)

    def forward(self, x: Tensor, state: List[Tensor], at: int) -> Tensor:
        both = extend(state, self.place, x, 0, self.past, at, self.in_place)
        maps = F.conv2d(both.unsqueeze(0).unsqueeze(0), self.kernel, stride=[1, self.stride])[0]
        maps = torch.relu(maps * self.factor + self.offset)  # (maps, n, places)
        return torch.relu(self.narrow(maps.transpose(0, 1).reshape(self.block, -1)))


class MomentPooling(nn.Module):
    """Exponential means of x and x²; `mix` (n, n) and `keep` (n, 1) say how much each frame and the past count."""

    def __init__(self, features, memory, in_place):
        super().__init__()
        self.in_place = in_place
        self.place = memory.add((1, 2 * features), -1, 0)
        self.features = features

    def forward(self, h: Tensor, x: Tensor, state: List[Tensor], at: int, extra: List[Tensor]) -> Tensor:
        both = torch.cat([x, x * x], 1)
        moments = torch.addmm(extra[1] * state[self.place], extra[0], both)
        keep(state, self.place, moments[-1:], self.in_place)
        mean, square = moments.split(self.features, 1)
        return torch.cat([mean, torch.sqrt(torch.relu(square - mean * mean) + LEAST_VARIANCE)], 1)


class AttentivePooling(nn.Module):
    def __init__(self, w, shape, features, block, memory, in_place):
        super().__init__()
        self.hidden, self.past, self.features = Dense(w, "pooling.hidden"), shape["context"] - 1, features
        self.score = nn.Parameter(w["pooling.score"])
        self.scores, self.frames = memory.add((), 0, self.past), memory.add((2 * features,), 0, self.past)
        self.register_buffer("mask", window_mask(block, self.past))
        self.in_place, self.single = in_place, block == 1

    def forward(self, h: Tensor, x: Tensor, state: List[Tensor], at: int, extra: List[Tensor]) -> Tensor:
        score = torch.mm(torch.tanh(self.hidden(h)), self.score).squeeze(1)
        scores = extend(state, self.scores, score, 0, self.past, at, self.in_place).unsqueeze(0)
        frames = extend(state, self.frames, torch.cat([x, x * x], 1), 0, self.past, at, self.in_place)
        if not self.single:
            scores = scores + self.mask
        moments = torch.mm(torch.softmax(scores, -1), frames)
        mean, square = moments.split(self.features, 1)
        return torch.cat([mean, torch.sqrt(torch.relu(square - mean * mean) + LEAST_VARIANCE)], 1)


class GenreNet(nn.Module):
    def __init__(self, w, shape, block, in_place, fused):
        super().__init__()
        self.memory = Memory()
        self.body = body(w, shape["body"], block, self.memory, in_place, fused, True)
        stem = shape.get("stem") or {"dilations": [], "taps": 1}
        self.stem = Tcn(w, stem, block, self.memory, in_place, "stem")
        self.front = Front(w, shape["front"], block, self.memory, in_place)
        features = w["head.norm.scale"].numel() // 2
        if shape["pooling"]["kind"] == "moments":
            self.pooling = MomentPooling(features, self.memory, in_place)
        else:
            self.pooling = AttentivePooling(w, shape["pooling"], features, block, self.memory, in_place)
        self.hidden = Dense(folded(w, "head.hidden", *affine(w, "head.norm"), before=True), "d")
        self.output = Dense(w, "head.output")

    def forward(self, x: Tensor, state: List[Tensor], at: int, extra: List[Tensor]) -> Tensor:
        front = self.front(x, state, at)
        features = [front] + self.stem(front, state, at, extra)
        features = features + self.body(features[-1], state, at, extra)
        heard = torch.cat(features, 1)
        pooled = self.pooling(heard, torch.cat([x, heard], 1), state, at, extra)
        return self.output(torch.relu(self.hidden(pooled)))
