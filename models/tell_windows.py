#!/usr/bin/env python3
"""What a network trained on 200,000 tagged tracks makes of every three seconds of music: targets for `attune train --windows`.

The network is MSD_musicnn (Pons & Serra 2019, "musicnn: pre-trained convolutional neural networks for music audio
tagging"), whose weights are in the Python package of that name (ISC licence):

    pip install tensorflow librosa safetensors
    pip download musicnn --no-deps && unzip musicnn-*.whl 'musicnn/MSD_musicnn/*'
    models/tell_windows.py --weights musicnn/MSD_musicnn/ --data gtzan --music FOLDER --out windows.safetensors

Of each window of 187 frames (2.99 s; 16 kHz, FFT of 512, hop of 256, 96 mels), one each second: the 200 features before
its last layer and the probabilities of its 50 tags. Only training clips are told of.

Excerpts that came as log-mel features (`mel3s.safetensors`: 128 mels up to 11,025 Hz, without their loudness) are led to
its input by a linear regression, frame by frame and with both neighbours, over the training clips that have both; and
what it makes of them is brought to mean and deviation of what it makes of the audio of those clips.
"""

import argparse
import csv
import hashlib
from pathlib import Path

import librosa
import numpy as np
import safetensors.numpy
import tensorflow as tf

RATE, FFT, HOP, MELS, FRAMES = 16_000, 512, 256, 96, 187
WINDOW_SECONDS, HOP_SECONDS = FRAMES * HOP / RATE, 1.0
EXCERPT_HOP_SECONDS = 512 / 22_050
BATCH = 8


class MusicNN:
    """The network as its authors define it (musicnn/models.py), from its checkpoint."""

    def __init__(self, prefix):
        reader = tf.compat.v1.train.NewCheckpointReader(prefix)
        names = [name for name in reader.get_variable_to_shape_map() if "Adam" not in name]
        self.weights = {name: reader.get_tensor(name) for name in names}

    def weight(self, kind, number, name):
        return self.weights[f"{kind}_{number}/{name}" if number else f"{kind}/{name}"]

    def norm(self, x, number):
        get = lambda name: self.weight("batch_normalization", number, name)
        scale = get("gamma") / np.sqrt(get("moving_variance") + 1e-3)
        return (x - get("moving_mean")) * scale + get("beta")

    def conv(self, x, number, padding):
        y = tf.nn.conv2d(x, self.weight("conv2d", number, "kernel"), 1, padding)
        return tf.nn.relu(y + self.weight("conv2d", number, "bias"))

    def front(self, x, number, padding):
        """Greatest over mels of a normed map. A norm keeps the order or turns it, so it can come last, on one number of many."""
        y = tf.nn.conv2d(x, self.weight("conv2d", number, "kernel"), 1, padding)
        bias, turned = self.weight("conv2d", number, "bias"), self.weight("batch_normalization", number + 1, "gamma") < 0
        greatest = tf.where(turned, tf.reduce_min(y, 2), tf.reduce_max(y, 2))
        return self.norm(tf.nn.relu(greatest + bias), number + 1)

    def dense(self, x, number):
        return x @ self.weight("dense", number, "kernel") + self.weight("dense", number, "bias")

    def tell(self, levels):
        """(windows, FRAMES, MELS) to (windows, 250)."""
        out = [self.tell_some(levels[at : at + BATCH]) for at in range(0, len(levels), BATCH)]
        # In the order of rows: safetensors writes the bytes as they lie.
        return np.ascontiguousarray(np.concatenate(out), dtype=np.float16)

    def tell_some(self, levels):
        pad = lambda z: tf.pad(z, [[0, 0], [3, 3], [0, 0], [0, 0]])
        x = self.norm(tf.constant(levels, tf.float32)[..., None], 0)
        maps = [self.front(pad(x), number, "VALID") for number in (0, 1)]
        maps += [self.front(x, number, "SAME") for number in (2, 3, 4)]
        layers = [tf.concat(maps, 2)]
        for number in (5, 6, 7):
            y = self.norm(self.conv(pad(layers[-1][..., None]), number, "VALID"), number + 1)[:, :, 0, :]
            layers.append(y if number == 5 else y + layers[-1])
        features = tf.concat(layers, 2)
        pooled = tf.stack([tf.reduce_max(features, 1), tf.reduce_mean(features, 1)], 2)
        pooled = tf.reshape(pooled, [len(levels), -1])
        last = self.norm(tf.nn.relu(self.dense(self.norm(pooled, 9), 0)), 10)
        return np.concatenate([last, tf.sigmoid(self.dense(last, 1))], 1)


def levels_of(path):
    """The network's input of a file: (frames, MELS)."""
    samples, _ = librosa.load(path, sr=RATE)
    power = librosa.feature.melspectrogram(y=samples, sr=RATE, n_fft=FFT, hop_length=HOP, n_mels=MELS)
    return np.log10(10_000 * power.T.astype(np.float32) + 1)


def windows_of(levels):
    last = int((len(levels) - FRAMES) / (HOP_SECONDS * RATE / HOP))
    starts = [int(n * HOP_SECONDS * RATE / HOP) for n in range(last + 1)]
    return np.stack([levels[start : start + FRAMES] for start in starts])


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()[:32]


def neighbours(excerpt):
    """(mels, frames) of an excerpt to (FRAMES, 3 × mels + 1): interpolated in time, with the frame before and after."""
    frames = excerpt.astype(np.float32).T
    at = np.arange(FRAMES) * (HOP / RATE / EXCERPT_HOP_SECONDS)
    columns = []
    for shift in (-1, 0, 1):
        place = np.clip(at + shift, 0, len(frames) - 1)
        left = place.astype(int)
        right = np.minimum(left + 1, len(frames) - 1)
        share = (place - left)[:, None]
        columns.append(frames[left] * (1 - share) + frames[right] * share)
    return np.concatenate([*columns, np.ones((FRAMES, 1), np.float32)], 1)


def tell_excerpts(net, excerpts, audio):
    """`excerpts`: features of training clips by name; `audio`: the first window of those that have audio."""
    both = [name for name in audio if name in excerpts]
    width = neighbours(next(iter(excerpts.values()))).shape[1]
    square, product = 10 * np.eye(width), np.zeros((width, MELS))
    for name in both:
        x = neighbours(excerpts[name])
        square += x.T @ x
        product += x.T @ audio[name]
    lead = np.linalg.solve(square, product).astype(np.float32)
    told = {name: net.tell(np.maximum(neighbours(x) @ lead, 0)[None])[0] for name, x in excerpts.items()}
    heard = {name: net.tell(audio[name][None])[0] for name in both}
    a = np.stack([heard[name] for name in both]).astype(np.float64)
    b = np.stack([told[name] for name in both]).astype(np.float64)
    slope = np.where(b.std(0) > 1e-6, a.std(0) / np.maximum(b.std(0), 1e-6), 0)
    shift = a.mean(0) - slope * b.mean(0)
    return {name: heard.get(name, (x * slope + shift).astype(np.float16)) for name, x in told.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", required=True, help="folder of the checkpoint, with / at its end")
    parser.add_argument("--data", type=Path, required=True, help="folder with clips.csv, as attune train has it")
    parser.add_argument("--music", type=Path, action="append", default=[], help="folder of music without labels")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    net = MusicNN(options.weights)
    rows = csv.DictReader((options.data / "clips.csv").open())
    names = [row["clip"] for row in rows if row["split"] == "train"]
    told, first = {}, {}
    for name in names:
        path = options.data / "train" / f"{name}.ogg"
        if path.exists():
            windows = windows_of(levels_of(path))
            told[digest(path)] = net.tell(windows)
            first[name] = windows[0]
    excerpts = safetensors.numpy.load_file(options.data / "mel3s.safetensors")
    excerpts = {name: excerpts[name] for name in names if name in excerpts}
    for name, features in tell_excerpts(net, excerpts, first).items():
        told[f"excerpt/{name}"] = features[None]
    print(f"{len(told)} sounds of {options.data}", flush=True)
    for folder in options.music:
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        for number, path in enumerate(paths):
            try:
                levels = levels_of(path)
            except Exception as error:  # what librosa cannot read, attune may not read either
                print(f"left out: {path}: {error}", flush=True)
                continue
            if len(levels) >= FRAMES:
                told[digest(path)] = net.tell(windows_of(levels))
            if number % 100 == 99:
                print(f"{number + 1} of {len(paths)} in {folder}", flush=True)
    metadata = {"hop_seconds": str(HOP_SECONDS), "window_seconds": str(WINDOW_SECONDS), "teacher": "MSD_musicnn"}
    partial = options.out.with_suffix(".partial")
    assert all(rows.flags.c_contiguous for rows in told.values())
    safetensors.numpy.save_file(told, partial, metadata=metadata)
    partial.replace(options.out)


if __name__ == "__main__":
    main()
