#!/usr/bin/env python3
"""Makes tests/golden/data: what librosa, PyTorch and the scorers in medley.py answer, for our tests to compare with.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt && venv/bin/python make.py

Everything is seeded, so a second run writes the same bytes. All weights and inputs are f32 numbers; the references
compute with them in f64 and are rounded once at the end, so the files hold the true answer to f32 precision, and
what a test has to allow for is its own arithmetic only.
"""

from pathlib import Path

import librosa
import medley
import numpy as np
import torch
from safetensors.numpy import save_file

DATA = Path(__file__).parent / "data"
RATE = 22050


def write(name: str, tensors: dict[str, np.ndarray], **about: str) -> None:
    """Floats as f32, masks as u8."""
    plain = {
        key: np.ascontiguousarray(value, dtype=np.uint8 if value.dtype == bool else np.float32)
        for key, value in tensors.items()
    }
    # One entry only: the library writes several in an order that changes from run to run.
    said = "; ".join(f"{key}: {value}" for key, value in {"made by": "tests/golden/make.py", **about}.items())
    save_file(plain, DATA / name, metadata={"about": said})


def f32(values: np.ndarray) -> np.ndarray:
    """Values that f32 holds exactly, as f64."""
    return np.asarray(values, dtype=np.float32).astype(np.float64)


def log_mel() -> None:
    """librosa's log-mel of signals that reach far down, sweep over all bands, and fall silent."""
    rng = np.random.default_rng(1)
    t = np.arange(14_000) / RATE  # does not divide into hops
    chirp = 0.9 * np.sin(2 * np.pi * (50 * t + (10_500 - 50) / (2 * t[-1]) * t**2))
    tone = sum(0.3 / k * np.sin(2 * np.pi * 220 * k * t + k) for k in range(1, 9))
    tone[5_000:9_500] = 0.0
    signals = {
        "noise": 0.25 * rng.standard_normal(t.size),
        "chirp": chirp,
        "quiet": 2e-6 * rng.standard_normal(t.size),
        "tone_with_gap": tone,
    }
    tensors = {}
    for name, signal in signals.items():
        signal = f32(signal)
        power = librosa.feature.melspectrogram(
            y=signal, sr=RATE, n_fft=2048, hop_length=512, n_mels=128, center=False,
            fmin=0, fmax=11_025, power=2.0, dtype=np.float64,
        )
        tensors[f"{name}.samples"] = signal
        tensors[f"{name}.mel_db"] = librosa.power_to_db(power, ref=1.0, amin=1e-10, top_db=None).T  # (time, bands)
    tensors["edges_hz"] = librosa.mel_frequencies(n_mels=130, fmin=0, fmax=11_025)
    # Each triangle's sum over the bins, and where its centre of gravity lies: enough to pin a filterbank down.
    bank = librosa.filters.mel(sr=RATE, n_fft=2048, n_mels=128, fmin=0, fmax=11_025, dtype=np.float64)
    tensors["band_sums"] = bank.sum(axis=1)
    tensors["band_centroids"] = (bank * np.arange(1025)).sum(axis=1) / bank.sum(axis=1)
    write("log_mel.safetensors", tensors, librosa=librosa.__version__, rate_hz=str(RATE))


def randomise(module: torch.nn.Module, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Random values for all parameters (biases and norms too: their defaults would hide slips), and returns them."""
    values = {}
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            value = f32(rng.uniform(-0.6, 0.6, tuple(parameter.shape)))
            if "norm" in name and name.endswith("weight"):
                value = f32(1 + value)
            parameter.copy_(torch.from_numpy(value))
            values[name] = value
    return values


def recurrent(kind: type[torch.nn.Module], name: str) -> None:
    """Two layers with a non-zero initial state, batch first: x (2, 11, 5), hidden 7."""
    rng = np.random.default_rng(2)
    net = kind(input_size=5, hidden_size=7, num_layers=2, batch_first=True).double()
    tensors = randomise(net, rng)
    x = f32(rng.standard_normal((2, 11, 5)))
    state = [f32(rng.uniform(-0.8, 0.8, (2, 2, 7))) for _ in range(2)]
    tensors |= {"x": x, "h_0": state[0]}
    with torch.no_grad():
        if kind is torch.nn.LSTM:
            output, (h_n, c_n) = net(torch.from_numpy(x), tuple(map(torch.from_numpy, state)))
            tensors |= {"c_0": state[1], "c_n": c_n.numpy()}
        else:
            output, h_n = net(torch.from_numpy(x), torch.from_numpy(state[0]))
    tensors |= {"output": output.numpy(), "h_n": h_n.numpy()}
    write(f"{name}.safetensors", tensors, torch=torch.__version__, shape="x (b, t, c), states (layers, b, hidden)")


def transformer() -> None:
    """Encoder layers, norm first (gelu) and last (relu), and attention alone, all causal with six keys in reach."""
    torch.backends.mha.set_fastpath_enabled(False)  # the plain path is the reference
    rng = np.random.default_rng(3)
    frames, context = 13, 6
    x = f32(rng.standard_normal((2, frames, 16)))
    behind = np.arange(frames)[:, None] - np.arange(frames)[None, :]
    mask = ~((behind >= 0) & (behind < context))  # (query, key), true: blocked
    tensors = {"x": x, "mask": mask}
    inputs, blocked = torch.from_numpy(x), torch.from_numpy(mask)
    for prefix, norm_first, activation in [("norm_first", True, "gelu"), ("norm_last", False, "relu")]:
        layer = torch.nn.TransformerEncoderLayer(
            d_model=16, nhead=4, dim_feedforward=32, dropout=0.0, activation=activation,
            batch_first=True, norm_first=norm_first,
        ).double().eval()
        weights = randomise(layer, rng)
        tensors |= {f"{prefix}.{name}": value for name, value in weights.items()}
        with torch.no_grad():
            tensors[f"{prefix}.output"] = layer(inputs, src_mask=blocked).numpy()
    attention = torch.nn.MultiheadAttention(embed_dim=16, num_heads=4, batch_first=True).double().eval()
    weights = randomise(attention, rng)
    tensors |= {f"mha.{name}": value for name, value in weights.items()}
    with torch.no_grad():
        output, maps = attention(inputs, inputs, inputs, attn_mask=blocked, average_attn_weights=False)
    tensors |= {"mha.output": output.numpy(), "mha.attention": maps.numpy()}  # attention: (b, heads, query, key)
    write(
        "transformer.safetensors", tensors, torch=torch.__version__, heads="4", context=str(context),
        layer_norm_eps="1e-5", gelu="exact (erf)",
    )


def decoder() -> None:
    """A decoder layer, norm first, attention of queries over another sequence, and a 2-D convolution that sees no later row."""
    rng = np.random.default_rng(4)
    x, memory = f32(rng.standard_normal((2, 5, 16))), f32(rng.standard_normal((2, 9, 16)))
    tensors = {"x": x, "memory": memory}
    queries, source = torch.from_numpy(x), torch.from_numpy(memory)
    layer = torch.nn.TransformerDecoderLayer(
        d_model=16, nhead=4, dim_feedforward=32, dropout=0.0, activation="gelu", batch_first=True, norm_first=True,
    ).double().eval()
    weights = randomise(layer, rng)
    tensors |= {f"layer.{name}": value for name, value in weights.items()}
    later = torch.triu(torch.ones(5, 5, dtype=torch.bool), diagonal=1)
    with torch.no_grad():
        tensors["layer.output"] = layer(queries, source, tgt_mask=later).numpy()
    attention = torch.nn.MultiheadAttention(embed_dim=16, num_heads=4, batch_first=True).double().eval()
    weights = randomise(attention, rng)
    tensors |= {f"mha.{name}": value for name, value in weights.items()}
    with torch.no_grad():
        output, maps = attention(queries, source, source, average_attn_weights=False)
    tensors |= {"mha.output": output.numpy(), "mha.attention": maps.numpy()}
    # x + W·relu(conv(norm(x))), the kernel of 3 rows by 5 columns: no later row; columns on both sides, or before only.
    grid = f32(rng.standard_normal((2, 4, 7, 6)))  # (b, rows, columns, features)
    norm, conv, narrow = torch.nn.LayerNorm(6), torch.nn.Conv2d(6, 6, (3, 5)), torch.nn.Linear(6, 6)
    tensors["grid.x"] = grid
    for name, module in {"norm": norm, "conv": conv, "narrow": narrow}.items():
        weights = randomise(module.double(), rng)
        tensors |= {f"grid.{name}.{key}": value for key, value in weights.items()}
    with torch.no_grad():
        normed = norm(torch.from_numpy(grid)).permute(0, 3, 1, 2)
        for side, columns in {"both": (2, 2), "before": (4, 0)}.items():
            padded = torch.nn.functional.pad(normed, (*columns, 2, 0))
            hidden = torch.relu(conv(padded)).permute(0, 2, 3, 1)
            tensors[f"grid.{side}"] = grid + narrow(hidden).numpy()
    write("decoder.safetensors", tensors, torch=torch.__version__, heads="4", gelu="exact (erf)")


def gated_convolution() -> None:
    """A layer of WaveNet: gated dilated convolution with a condition, its residual and its skip; values and gradients."""
    rng = np.random.default_rng(23)
    residual, skip, dilation, streams, frames = 16, 16, 3, 2, 11

    def drawn(*shape: int, scale: float = 1.0) -> torch.Tensor:
        return torch.tensor(f32(scale * rng.standard_normal(shape)), requires_grad=True)

    u, h = drawn(streams, frames, residual + skip), drawn(streams, 2 * residual, scale=0.5)
    kernel, bias = drawn(2 * residual, 2 * residual, scale=0.2), drawn(2 * residual, scale=0.3)
    out, out_bias = drawn(residual, residual + skip, scale=0.3), drawn(residual + skip, scale=0.3)
    x = u[..., :residual].transpose(1, 2)
    # (taps · inputs, outputs) to (outputs, inputs, taps)
    weight = kernel.reshape(2, residual, 2 * residual).permute(2, 1, 0)
    sums = torch.nn.functional.conv1d(torch.nn.functional.pad(x, (dilation, 0)), weight, bias, dilation=dilation)
    filtered, gate = (sums + h[..., None]).chunk(2, dim=1)
    gated = (torch.tanh(filtered) * torch.sigmoid(gate)).transpose(1, 2)
    y = u + torch.nn.functional.linear(gated, out.T, out_bias)
    count = torch.tensor(f32(rng.standard_normal(y.shape)))
    (y * count).sum().backward()
    parts = {"u": u, "h": h, "kernel": kernel, "bias": bias, "out": out, "out_bias": out_bias}
    tensors = {name: part.detach().numpy() for name, part in parts.items()}
    tensors |= {f"grad.{name}": part.grad.numpy() for name, part in parts.items()}
    write("gated_conv.safetensors", tensors | {"y": y.detach().numpy(), "count": count.numpy()},
          torch=torch.__version__, dilation=str(dilation))


def conv2d() -> None:
    """Convolutions without a bias, stride 1 and 2, padded by (kernel - stride)/2; x (b, t, f, c)."""
    rng = np.random.default_rng(4)
    x = f32(rng.standard_normal((2, 10, 8, 3)))
    tensors = {"x": x}
    for name, kernel, stride in [("strided", (6, 4), (2, 2)), ("along_time", (4, 1), (2, 1)), ("even", (3, 3), (1, 1))]:
        padding = tuple((k - s) // 2 for k, s in zip(kernel, stride))
        layer = torch.nn.Conv2d(3, 5, kernel, stride=stride, padding=padding, bias=False).double()
        tensors[f"{name}.weight"] = randomise(layer, rng)["weight"]  # (out, in, frames, bands)
        with torch.no_grad():
            y = layer(torch.from_numpy(x).permute(0, 3, 1, 2))
        tensors[f"{name}.output"] = y.permute(0, 2, 3, 1).numpy()
    write("conv2d.safetensors", tensors, torch=torch.__version__, shape="x and output (b, t, f, c)")


def caption() -> None:
    """A decoder with additive attention and a gate on the context (Xu et al. 2015), three words of two captions."""
    rng = np.random.default_rng(5)
    tiles, width, embedding, words = 6, 5, 4, 7
    class Decoder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = torch.nn.Embedding(words + 1, embedding)
            self.of_query = torch.nn.Linear(width, width)
            self.of_key = torch.nn.Linear(width, width, bias=False)
            self.vector = torch.nn.Linear(width, 1, bias=False)
            self.gate = torch.nn.Linear(width, 1)
            self.lstm = torch.nn.LSTMCell(embedding + width, width)
            self.of_state = torch.nn.Linear(width, embedding)
            self.of_context = torch.nn.Linear(width, embedding)
            self.output = torch.nn.Linear(embedding, words)

        def forward(self, a: torch.Tensor, before: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            h = c = torch.zeros(a.shape[0], width, dtype=torch.float64)
            logits, maps = [], []
            for word in before.T:
                scores = self.vector(torch.tanh(self.of_query(h)[:, None] + self.of_key(a)))[..., 0]
                alpha = torch.softmax(scores, dim=1)
                context = torch.sigmoid(self.gate(h)) * (alpha[..., None] * a).sum(1)
                y = self.embedding(word)
                h, c = self.lstm(torch.cat([y, context], dim=1), (h, c))
                logits.append(self.output(y + self.of_state(h) + self.of_context(context)))
                maps.append(alpha)
            return torch.stack(logits, 1), torch.stack(maps, 1)

    net = Decoder().double()
    tensors = randomise(net, rng)
    a = f32(rng.standard_normal((2, tiles, width)))
    before = np.array([[words, 0, 3], [words, 5, 6]])
    with torch.no_grad():
        logits, maps = net(torch.from_numpy(a), torch.from_numpy(before))
    tensors |= {"tiles": a, "before": before.astype(np.float64), "logits": logits.numpy(), "alpha": maps.numpy()}
    write("caption.safetensors", tensors, torch=torch.__version__, shape="tiles (b, L, d), alpha (b, words, L)")


def main() -> None:
    DATA.mkdir(exist_ok=True)
    log_mel()
    recurrent(torch.nn.LSTM, "lstm")
    recurrent(torch.nn.RNN, "rnn")
    transformer()
    decoder()
    gated_convolution()
    conv2d()
    caption()
    medley.write()
    for path in sorted(DATA.iterdir()):
        print(f"{path.stat().st_size:>9,} {path.name}")


if __name__ == "__main__":
    main()
