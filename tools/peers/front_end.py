"""Log-mel spectra: librosa's, and torch.stft with a matrix of triangles."""

import time

import librosa
import numpy as np
import torch


class Librosa:
    def __init__(self, spec):
        self.spec = spec

    def run(self, samples):
        spec = self.spec
        power = librosa.feature.melspectrogram(
            y=samples, sr=spec["rate"], n_fft=spec["window"], hop_length=spec["hop"], n_mels=spec["bands"],
            center=False, fmin=spec["low_hz"], fmax=spec["high_hz"], power=2.0,
        )
        return librosa.power_to_db(power, ref=1.0, amin=1e-10, top_db=None).T


class TorchStft:
    def __init__(self, spec):
        self.spec, self.window = spec, torch.hann_window(spec["window"])
        self.bank = torch.from_numpy(librosa.filters.mel(
            sr=spec["rate"], n_fft=spec["window"], n_mels=spec["bands"], fmin=spec["low_hz"], fmax=spec["high_hz"],
        ))

    def run(self, samples):
        with torch.inference_mode():
            spectrum = torch.stft(
                torch.from_numpy(samples), self.spec["window"], self.spec["hop"], window=self.window, center=False,
                return_complex=True,
            )
            power = spectrum.real.square() + spectrum.imag.square()
            return (10.0 * torch.log10(torch.clamp_min(self.bank @ power, 1e-10))).T.numpy()


def timed(front_end, samples, runs):
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        front_end.run(samples)
        times.append(time.perf_counter() - start)
    return times


FRONT_ENDS = {"librosa": Librosa, "torch_stft": TorchStft}
