#!/usr/bin/env python3
"""Fills the unknown frames of log-mels that were put together from published pictures: they look more like real ones.

    pip install numpy scipy scikit-learn safetensors soundfile
    models/fill_mels.py --data FOLDER --out filled.safetensors
    attune train … --whole-mels filled.safetensors

About half of the frames of such a log-mel are known, the others a straight line in dB between them. A network learns
that the smooth form means the genres that exist in it only. Here a small network learns, on training clips that have
audio, what lies between known frames: audio is thinned in the same pattern, and two perceptrons predict mean and
deviation of what the straight line misses from the known cells around it. What is left is noise: it is taken from the
standardised residuals of another, random clip with audio, so that neighbouring cells are as correlated as in music.

FOLDER is a data set with clips.csv, train/CLIP.ogg and pictures/ (frames.safetensors, index.csv, expand.py).
The output has the form of mel3s.safetensors: an f16 tensor (128, frames) a clip, dB / 18.
"""

import argparse
import csv
import importlib.util
import zlib
from pathlib import Path

import numpy as np
import soundfile
from safetensors.numpy import load_file, save_file
from scipy.signal import resample_poly
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

BANDS, RATE, FFT, HOP, RANGE_DB = 128, 22_050, 2048, 512, 80.0
SEED = 1
CELLS_PER_CLIP = 4_000


def filter_bank():
    """Slaney's mel filters (BANDS, FFT / 2 + 1), each of area 1 (as librosa's default)."""
    to_mel = lambda hz: np.where(hz < 1000, hz * 3 / 200, 15 + 27 * np.log(np.maximum(hz, 1) / 1000) / np.log(6.4))
    to_hz = lambda mel: np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))
    edges = to_hz(np.linspace(0, to_mel(np.array(RATE / 2.0)), BANDS + 2))
    bins = np.linspace(0, RATE / 2, FFT // 2 + 1)
    rise = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    return np.maximum(0, np.minimum(rise, fall)) * (2 / (edges[2:] - edges[:-2]))[:, None]


def log_mel(path, bank):
    """dB below the loudest cell, (BANDS, frames), frames centred."""
    samples, rate = soundfile.read(path, always_2d=True)
    samples = samples.mean(1)
    if rate != RATE:
        divisor = np.gcd(rate, RATE)
        samples = resample_poly(samples, RATE // divisor, rate // divisor)
    padded = np.pad(samples, FFT // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT)[::HOP]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT) / FFT)
    power = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2
    levels = 10 * np.log10(np.maximum(bank @ power.T, 1e-10))
    return np.maximum(levels - levels.max(), -RANGE_DB).astype(np.float32)


def known_frames(n):
    """Frames of n that the two sets of pictures show."""
    first = np.minimum(np.floor((np.arange(387) + 0.5) * n / 387.5).astype(int), n - 1)
    second = np.minimum(np.floor((np.arange(334) + 2.0) * n / 334.8).astype(int), n - 1)
    return first, second


def known_cells(levels):
    """Which cells of complete or interpolated levels (BANDS, n) are known: the second set has nothing below −40 dB."""
    first, second = known_frames(levels.shape[1])
    known = np.zeros(levels.shape, bool)
    known[:-1, second] = levels[:-1, second] > -40
    known[:, first] = True
    return known


def neighbours(known):
    """For each cell the two known frames before and after it in its band, four arrays (BANDS, n), within the clip."""
    bands, n = known.shape
    frames = np.arange(n)
    before = np.maximum.accumulate(np.where(known, frames, -1), axis=1)
    after = np.minimum.accumulate(np.where(known, frames, n)[:, ::-1], axis=1)[:, ::-1]
    before, after = np.maximum(before, 0), np.minimum(after, n - 1)
    rows = np.arange(bands)[:, None]
    before2 = before[rows, np.maximum(before - 1, 0)]
    after2 = after[rows, np.minimum(after + 1, n - 1)]
    return before2, before, after, after2


def interpolate(levels, known):
    """A straight line between known cells."""
    frames = np.arange(levels.shape[1])
    return np.stack([np.interp(frames, frames[k], row[k]) for row, k in zip(levels, known)]).astype(np.float32)


def inputs(line, known, bands, frames):
    """What the perceptrons read of the cells (bands, frames), (cells, inputs)."""
    around = neighbours(known)
    here = line[bands, frames]
    columns = []
    for offset in (-2, -1, 0, 1, 2):
        rows = np.clip(bands + offset, 0, BANDS - 1)
        if offset:
            columns.append(line[rows, frames] - here)
        columns += [line[rows, at[bands, frames]] - here for at in around]
    columns = [np.clip(column, -30, 30) / 6 for column in columns]
    distances = [np.minimum(np.abs(at[bands, frames] - frames), 6) / 3 for at in around]
    return np.stack([*columns, *distances, bands / BANDS, here / 40 + 1], axis=1).astype(np.float32)


class Infill:
    """Mean and deviation of what a straight line misses, and residuals to draw from."""

    def __init__(self, clips, rng):
        xs, ys = [], []
        for levels in clips:
            known = known_cells(levels)
            line = interpolate(levels, known)
            bands, frames = np.nonzero(~known)
            drawn = rng.choice(len(bands), CELLS_PER_CLIP, replace=False)
            bands, frames = bands[drawn], frames[drawn]
            xs.append(inputs(line, known, bands, frames))
            ys.append((levels - line)[bands, frames])
        x, y = np.concatenate(xs), np.concatenate(ys)
        net = lambda: MLPRegressor(hidden_layer_sizes=(48, 48), batch_size=1024, max_iter=12, random_state=SEED)
        self.mean = net().fit(x, y)
        missed = y - self.mean.predict(x)
        # E ln|z| of a normal variable is −0.635: the deviation is estimated without being ruled by outliers.
        self.spread = net().fit(x, np.log(np.abs(missed) + 0.1))
        print(f"{len(y)} cells: the line misses {np.std(y):.2f} dB, the network {np.std(missed):.2f} dB")
        self.fields = [self.residuals(levels) for levels in clips[:: max(1, len(clips) // 60)]]

    def deviation(self, x):
        return np.exp(self.spread.predict(x) + 0.635)

    def residuals(self, levels):
        """Standardised residuals of a clip at its unknown cells; known ones NaN. f16 (BANDS, n)."""
        known = known_cells(levels)
        line = interpolate(levels, known)
        cells = np.nonzero(~known)
        x = inputs(line, known, *cells)
        field = np.full(levels.shape, np.nan, np.float16)
        field[cells] = ((levels - line)[cells] - self.mean.predict(x)) / self.deviation(x)
        return field

    def fill(self, line, known, rng):
        """The line with its unknown cells replaced by what might have been there."""
        cells = np.nonzero(~known)
        x = inputs(line, known, *cells)
        n = line.shape[1]
        z = np.full(line.shape, np.nan, np.float32)
        for place in rng.permutation(len(self.fields)):
            field = self.fields[place][:, :n]
            at = np.isnan(z[:, : field.shape[1]])
            z[:, : field.shape[1]][at] = field[at]
            if not np.isnan(z[cells]).any():
                break
        z = np.where(np.isnan(z), rng.standard_normal(z.shape), z)
        out = line.copy()
        out[cells] += self.mean.predict(x) + self.deviation(x) * z[cells]
        return np.clip(out, -RANGE_DB, 0)


def generator(clip):
    """Each clip has one of its own: the others do not matter."""
    return np.random.default_rng([SEED, zlib.crc32(clip.encode())])


def texture(levels):
    """Of each 3 s: levels, and steps between neighbouring cells, in 16 groups of bands. (excerpts, features)"""
    groups = lambda x: x[: len(x) // 8 * 8].reshape(-1, 8, x.shape[1])
    rows = []
    for start in range(130, levels.shape[1] - 130, 260):
        x = levels[:, start : start + 130].astype(np.float32)
        step, bend, across = np.diff(x, axis=1), np.diff(x, 2, axis=1), np.diff(np.diff(x, axis=0), axis=1)
        rms = lambda x: np.sqrt((groups(x) ** 2).mean((1, 2)))
        means = [groups(np.abs(step)).mean((1, 2)), groups(x).mean((1, 2)), groups(x).std(2).mean(1)]
        rows.append(np.concatenate([rms(step), rms(bend), rms(across), *means]))
    return rows


def separable(real, other):
    """How often a regression on texture tells the two forms, five folds by clip."""
    forms = [[(texture(levels[name]), form) for form, levels in enumerate((real, other))] for name in sorted(real)]
    order = np.random.default_rng(SEED).permutation(len(forms))
    right = []
    for fold in range(5):
        held_out = set(order[fold::5])
        rows = lambda keep: [(x, y) for i, pair in enumerate(forms) if keep(i) for xs, y in pair for x in xs]
        train, test = rows(lambda i: i not in held_out), rows(lambda i: i in held_out)
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
        model.fit(*map(np.array, zip(*train)))
        right.append(model.score(*map(np.array, zip(*test))))
    return np.mean(right)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data set")
    parser.add_argument("--out", type=Path, required=True, help="file to write")
    parser.add_argument("--check", action="store_true", help="report how often texture tells filled clips from real ones")
    arguments = parser.parse_args()
    rng = np.random.default_rng(SEED)
    bank = filter_bank()
    rows = list(csv.DictReader((arguments.data / "clips.csv").open()))
    real = {
        row["clip"]: log_mel(arguments.data / row["split"] / f"{row['clip']}.ogg", bank)
        for row in rows
        if row["audio"] == "yes" and row["split"] == "train"
    }
    infill = Infill(list(real.values()), rng)
    spec = importlib.util.spec_from_file_location("expand", arguments.data / "pictures" / "expand.py")
    expand = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(expand)
    excerpts = load_file(arguments.data / "mel3s.safetensors")
    filled = {}
    for i, row in enumerate(expand.rows):
        line, _ = expand.whole(i)
        levels = infill.fill(line, known_cells(line), generator(row["clip"]))
        if row["mel3s_r"] and float(row["mel3s_r"]) > 0.995:
            excerpt = excerpts[row["clip"]].astype(np.float32) * 18
            n = excerpt.shape[1]
            gain, offset = np.polyfit(excerpt.ravel(), line[:, :n].ravel(), 1)
            levels[:, :n] = gain * excerpt + offset
        filled[row["clip"]] = (levels / 18).astype(np.float16)
    save_file(filled, arguments.out)
    print(f"{len(filled)} clips in {arguments.out}")
    if arguments.check:
        lines = {name: interpolate(levels, known_cells(levels)) for name, levels in real.items()}
        print(f"interpolated or real: {separable(real, lines):.1%} of excerpts of 3 s, clips out of fold")
        thinned = {name: infill.fill(line, known_cells(real[name]), generator(name)) for name, line in lines.items()}
        print(f"filled or real: {separable(real, thinned):.1%}")


if __name__ == "__main__":
    main()
