"""Streams: any block size, any rate, the same hops to the bit; nothing is kept of those that are gone."""

from __future__ import annotations

import gc
import resource
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import attune
from conftest import music


def in_blocks(stream: attune.Stream, samples: np.ndarray, sizes: list[int]) -> attune.Hops:  # type: ignore[type-arg]
    parts, at, i = [], 0, 0
    while at < len(samples):
        parts.append(stream.push(samples[at : at + sizes[i % len(sizes)]]))
        at += sizes[i % len(sizes)]
        i += 1
    return attune.Hops.joined([*parts, stream.finish()])


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 44_100, 47_999, 192_000])
def test_the_size_of_blocks_changes_nothing(analyzer: attune.Analyzer, rate_hz: int) -> None:
    samples = music(4, rate_hz, channels=2)
    whole = analyzer.samples(samples, rate_hz, hops=True).hops
    assert whole is not None and len(whole) > 150 and len({*whole.state}) > 1
    for sizes in ([65_536], [512], [1, 65_536, 3], [7919, 2, 4096], list(range(1, 2000, 37))):
        assert in_blocks(analyzer.stream(rate_hz), samples, sizes) == whole, sizes


def test_every_block_size_up_to_65536_gives_the_same(analyzer: attune.Analyzer) -> None:
    samples = music(0.5, 22_050)
    whole = analyzer.samples(samples, 22_050, hops=True).hops
    assert whole is not None and len(whole) > 15
    assert in_blocks(analyzer.stream(22_050), samples, [1]) == whole
    random = np.random.default_rng(1)
    sizes = {2 ** power + near for power in range(1, 17) for near in (-1, 0, 1)} | {*random.integers(1, 65_537, 40).tolist()}
    for size in sorted(size for size in sizes if size <= 65_536):
        assert in_blocks(analyzer.stream(22_050), samples, [size]) == whole, size


def test_streams_do_not_disturb_each_other_and_a_reset_forgets(analyzer: attune.Analyzer) -> None:
    a, b = music(3, 22_050, seed=1), music(3, 22_050, seed=2)
    alone = in_blocks(analyzer.stream(22_050), a, [1000])
    one, other = analyzer.stream(22_050), analyzer.stream(22_050)
    parts = []
    for at in range(0, len(a), 1000):
        parts.append(one.push(a[at : at + 1000]))
        other.push(b[at : at + 1000])
    mixed = attune.Hops.joined([*parts, one.finish()])
    assert mixed == alone
    with pytest.raises(attune.AttuneError, match="begin a new stream"):
        one.push(a)
    one.reset()
    assert in_blocks(one, a, [1000]) == alone
    assert in_blocks(other, a, [1000]) != alone, "the other one remembers what it heard"
    one.reset(at_s=100.0)
    later = in_blocks(one, a, [1000])
    assert later.t_s[0] == pytest.approx(100 + alone.t_s[0]) and np.array_equal(later.ensemble, alone.ensemble)


def test_a_hop_is_a_row_of_the_arrays(analyzer: attune.Analyzer, demo: Path) -> None:
    hops = analyzer.file(demo, hops=True).hops
    assert hops is not None
    assert hops.ensemble.shape == (len(hops), 10) and hops.kinds.shape == (len(hops), 3)
    hop = hops[-1]
    assert list(hop.probabilities) == list(analyzer.genres)
    assert list(hop.probabilities.values()) == hops.ensemble[-1].tolist()
    assert list(hop.models) == list(analyzer.models) and sum(hop.kinds.values()) == pytest.approx(1, abs=1e-5)
    assert hop.t_s == hops.t_s[-1] and hop.state == hops.state[-1]
    assert hops[2:4] == (hops[2], hops[3]) and len(list(hops)) == len(hops)
    assert hops.changes and all(0 <= change.since_s < hops.t_s[change.hop] for change in hops.changes)
    with pytest.raises(ValueError, match="read-only"):
        hops.ensemble[0, 0] = 1
    with pytest.raises(IndexError):
        hops[len(hops)]


def test_threads_compute_at_once(analyzer: attune.Analyzer) -> None:
    """While one thread pushes, another one runs Python: it could not, if the interpreter were held."""
    samples = music(20, 22_050)
    stream = analyzer.stream(22_050)
    took = []

    def push() -> None:
        began = time.perf_counter()
        stream.push(samples)
        took.append(time.perf_counter() - began)

    thread = threading.Thread(target=push)
    longest, last = 0.0, time.perf_counter()
    thread.start()
    while thread.is_alive():
        time.sleep(0.001)
        longest, last = max(longest, time.perf_counter() - last), time.perf_counter()
    # Held, the pause would be all of it. Half is far above what a busy machine adds to a millisecond.
    assert took[0] > 0.05 and longest < took[0] / 2, (took, longest)


def test_threads_share_an_analyzer(analyzer: attune.Analyzer) -> None:
    samples = [music(3, 22_050, seed=seed) for seed in range(4)]
    alone = [analyzer.samples(sound, 22_050, hops=True) for sound in samples]
    found: dict[int, attune.Report] = {}

    def listen(i: int) -> None:
        found[i] = analyzer.samples(samples[i], 22_050, hops=True)

    threads = [threading.Thread(target=listen, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[i] for i in range(4)] == alone


def resident_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def test_streams_that_are_gone_take_no_memory(analyzer: attune.Analyzer) -> None:
    """The small form of 100,000 streams: one that leaked would keep some 100 kB of state."""
    sound = music(0.2, 22_050)

    def open_and_drop(count: int) -> None:
        for _ in range(count):
            stream = analyzer.stream(22_050)
            stream.push(sound)

    open_and_drop(200)
    gc.collect()
    before = resident_bytes()
    open_and_drop(1000)
    gc.collect()
    grown = resident_bytes() - before
    assert grown < 8 << 20, f"{grown} bytes more after 1,000 streams"
