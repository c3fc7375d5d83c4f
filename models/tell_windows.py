#!/usr/bin/env python3
"""Teacher targets for `attune train --windowed-targets`: the output of a network trained on 200,000 tagged tracks.

The network is MSD_musicnn (Pons & Serra 2019, "musicnn: pre-trained convolutional neural networks for music audio
tagging"), whose weights are in the Python package of that name (ISC licence):

    pip install tensorflow librosa safetensors
    pip download musicnn --no-deps && unzip musicnn-*.whl 'musicnn/MSD_musicnn/*'
    models/tell_windows.py --weights musicnn/MSD_musicnn/ --data gtzan --music FOLDER --out windows.safetensors \
        --whole-mels filled.safetensors

For each window of 187 frames (2.99 s; 16 kHz, FFT of 512, hop of 256, 96 mels), one per second, the file holds the 200
features before the network's last layer and the probabilities of its 50 tags. Only training clips are included.

Excerpts that exist only as log-mel features (`mel3s.safetensors`: 128 mels up to 11,025 Hz, without their loudness) are
mapped to the network's input by a linear regression, per frame with both neighbours, fitted on the training clips that
have both. The output for them is then scaled to the mean and deviation of the output for the audio of those clips. The same holds for
whole log-mels (`--whole-mels`, made by models/fill_mels.py) of clips without audio; their targets go to the clip's
resynthesis, which `attune train --resynthesis` takes for its audio.
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
        """Maximum over mels of a normalised map; as a norm keeps or reverses the order, it can follow the maximum."""
        y = tf.nn.conv2d(x, self.weight("conv2d", number, "kernel"), 1, padding)
        bias = self.weight("conv2d", number, "bias")
        reversed_order = self.weight("batch_normalization", number + 1, "gamma") < 0
        extreme = tf.where(reversed_order, tf.reduce_min(y, 2), tf.reduce_max(y, 2))
        return self.norm(tf.nn.relu(extreme + bias), number + 1)

    def dense(self, x, number):
        return x @ self.weight("dense", number, "kernel") + self.weight("dense", number, "bias")

    def output_for(self, levels):
        """(windows, FRAMES, MELS) to (windows, 250)."""
        out = [self.output_for_batch(levels[at : at + BATCH]) for at in range(0, len(levels), BATCH)]
        # Row-major: safetensors writes the bytes as they are in memory.
        return np.ascontiguousarray(np.concatenate(out), dtype=np.float16)

    def output_for_batch(self, levels):
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
    """The network's input for a file: (frames, MELS)."""
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
    """(mels, frames) of an excerpt to (FRAMES, 3 × mels + 1), interpolated in time, with both neighbouring frames."""
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


def outputs_for_excerpts(net, excerpts, audio):
    """`excerpts`: features of training clips by name; `audio`: the first window of those that have audio."""
    both = [name for name in audio if name in excerpts]
    width = neighbours(next(iter(excerpts.values()))).shape[1]
    square, product = 10 * np.eye(width), np.zeros((width, MELS))
    for name in both:
        x = neighbours(excerpts[name])
        square += x.T @ x
        product += x.T @ audio[name]
    mapping = np.linalg.solve(square, product).astype(np.float32)
    targets = {name: net.output_for(np.maximum(neighbours(x) @ mapping, 0)[None])[0] for name, x in excerpts.items()}
    audio_outputs = {name: net.output_for(audio[name][None])[0] for name in both}
    a = np.stack([audio_outputs[name] for name in both]).astype(np.float64)
    b = np.stack([targets[name] for name in both]).astype(np.float64)
    slope = np.where(b.std(0) > 1e-6, a.std(0) / np.maximum(b.std(0), 1e-6), 0)
    shift = a.mean(0) - slope * b.mean(0)
    scaled = lambda x: (x * slope + shift).astype(np.float16)
    outputs = {name: audio_outputs.get(name, scaled(x)) for name, x in targets.items()}

    def of_whole(levels):
        """Of (mels, frames) of a whole clip, in dB up to a factor: one row a second, as of audio."""
        z = levels.astype(np.float32)
        z = (z - z.mean()) / z.std()
        length = int(np.ceil(WINDOW_SECONDS / EXCERPT_HOP_SECONDS)) + 1
        last = int((z.shape[1] * EXCERPT_HOP_SECONDS - WINDOW_SECONDS) / HOP_SECONDS)
        starts = [round(n * HOP_SECONDS / EXCERPT_HOP_SECONDS) for n in range(last + 1)]
        windows = [np.maximum(neighbours(z[:, start : start + length]) @ mapping, 0) for start in starts]
        return np.ascontiguousarray(scaled(net.output_for(np.stack(windows))))

    return outputs, of_whole


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", required=True, help="folder of the checkpoint, with a trailing /")
    parser.add_argument("--data", type=Path, required=True, help="folder with clips.csv, as for attune train")
    parser.add_argument("--music", type=Path, action="append", default=[], help="folder of unlabelled music")
    parser.add_argument("--whole-mels", type=Path, help="whole log-mels of clips without audio")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    net = MusicNN(options.weights)
    rows = csv.DictReader((options.data / "clips.csv").open())
    names = [row["clip"] for row in rows if row["split"] == "train"]
    targets, first = {}, {}
    for name in names:
        path = options.data / "train" / f"{name}.ogg"
        if path.exists():
            windows = windows_of(levels_of(path))
            targets[digest(path)] = net.output_for(windows)
            first[name] = windows[0]
    excerpts = safetensors.numpy.load_file(options.data / "mel3s.safetensors")
    excerpts = {name: excerpts[name] for name in names if name in excerpts}
    outputs, of_whole = outputs_for_excerpts(net, excerpts, first)
    for name, features in outputs.items():
        targets[f"excerpt/{name}"] = features[None]
    if options.whole_mels:
        for name, levels in safetensors.numpy.load_file(options.whole_mels).items():
            resynthesis = options.data / "resynth" / f"{name}.ogg"
            if name in names and name not in first and resynthesis.exists():
                targets[digest(resynthesis)] = of_whole(levels)
    print(f"{len(targets)} sounds of {options.data}", flush=True)
    for folder in options.music:
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        for number, path in enumerate(paths):
            try:
                levels = levels_of(path)
            except Exception as error:  # attune may not be able to read it either
                print(f"left out: {path}: {error}", flush=True)
                continue
            if len(levels) >= FRAMES:
                targets[digest(path)] = net.output_for(windows_of(levels))
            if number % 100 == 99:
                print(f"{number + 1} of {len(paths)} in {folder}", flush=True)
    metadata = {"hop_seconds": str(HOP_SECONDS), "window_seconds": str(WINDOW_SECONDS), "teacher": "MSD_musicnn"}
    partial = options.out.with_suffix(".partial")
    assert all(rows.flags.c_contiguous for rows in targets.values())
    safetensors.numpy.save_file(targets, partial, metadata=metadata)
    partial.replace(options.out)


if __name__ == "__main__":
    main()
