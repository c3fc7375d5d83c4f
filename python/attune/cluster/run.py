"""A run: from a manifest to a table that is complete, in which each track has one row."""

from __future__ import annotations

import logging
import os
import time
from typing import Any

from ..analyzer import Analyzer
from ..errors import AttuneError
from .listen import Listen
from .manifest import read_manifest
from .options import Options
from .output import Output, Summary

_CPUS_OF_AN_ACTOR = 0.25
"""Logical CPUs of an actor, though it fills a core. If the pool took all, also after half of the nodes are lost, Ray's
own tasks, which write what the pool makes, would wait for it for ever (ray#44687)."""

_CPUS_OF_RAY = 2
"""Logical CPUs for Ray's own: the filter of rows that are written already keeps one, the tasks before and after the
pool share what is left."""

_LOST_STARTS = 10
"""Actors that may be lost in a row before one has started."""


def run(options: Options) -> Summary:
    """Analyses every track of the manifest that has no row yet. Raises `AttuneError`."""
    analyzer = Analyzer(**options.analyzer)
    manifest = read_manifest(options.manifest)
    output = Output(options.out)
    output.prepare(manifest, _settings(options, analyzer))
    before = output.count()
    ray = _connected(options)
    actors = _actors(options, ray.cluster_resources().get("CPU", 0))
    began = time.monotonic()
    _analyze(options, output, actors)
    wall_s = time.monotonic() - began
    removed = output.remove_duplicates()
    return output.summary(manifest, before=before, duplicates=removed, wall_s=wall_s, actors=actors)


def _settings(options: Options, analyzer: Analyzer) -> dict[str, Any]:
    """What rows depend on. Models count by their weights, wherever their files lie."""
    from .. import __version__

    return {
        "attune": __version__,
        "models": analyzer.digests,
        "smoothing": options.analyzer.get("smoothing"),
        "sections": options.analyzer.get("sections"),
        "length_limit_s": options.length_limit_s,
        "time_limit_s": options.time_limit_s,
    }


def _actors(options: Options, cpus: float) -> int:
    """How many actors; what they and Ray need at once must fit, or the run would wait for ever."""
    if _is_here(options):
        return options.actors or _cores()
    actors = options.actors or int(cpus)
    needed = _CPUS_OF_RAY + actors * _CPUS_OF_AN_ACTOR
    if cpus < needed:
        raise AttuneError(
            "settings",
            f"{actors} actors need {needed:g} logical CPUs, and the cluster has {cpus:g}",
            "Add nodes, start them with a higher --num-cpus, or ask for fewer --actors.",
        )
    return actors


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _is_here(options: Options) -> bool:
    return not (options.address or os.environ.get("RAY_ADDRESS"))


def _connected(options: Options) -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise AttuneError("missing", "Ray is not installed", "Install it: pip install attune[ray]") from error

    if not ray.is_initialized():
        here: dict[str, Any] = {}
        if _is_here(options):
            actors = options.actors or _cores()
            here = {"num_cpus": _CPUS_OF_RAY + actors, "include_dashboard": False}
        ray.init(address=options.address, logging_level=logging.WARNING, **here)
    return ray


def _analyze(options: Options, output: Output, actors: int) -> None:
    import ray.data
    from ray.data.checkpoint import CheckpointConfig

    logging.getLogger("ray.data").setLevel(logging.WARNING)
    context = ray.data.DataContext.get_current().copy()
    context.enable_progress_bars = options.progress
    # A node may be lost while an actor starts on it; by default that would end the run.
    context.max_consecutive_actor_init_deaths = _LOST_STARTS
    context.checkpoint_config = CheckpointConfig(
        id_column="track_id",
        checkpoint_path=output.checkpoints,
        override_filesystem=output.filesystem,
        delete_checkpoint_on_success=False,
    )
    worker: dict[str, Any] = {"options": dict(options.analyzer), "length_limit_s": options.length_limit_s}
    if options.worker is not None:
        worker["command"] = options.worker
    with ray.data.DataContext.current(context):
        tracks = ray.data.read_parquet(output.manifest, filesystem=output.filesystem)
        # Small files are read as one block, whatever number of blocks is asked for; one block is one actor's work.
        rows = tracks.repartition(target_num_rows_per_block=options.rows_per_block).map_batches(
            Listen,
            fn_constructor_args=(worker, options.time_limit_s),
            batch_size=None,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(
                min_size=1, max_size=actors, initial_size=actors, max_tasks_in_flight_per_actor=2
            ),
            num_cpus=_CPUS_OF_AN_ACTOR,
            udf_modifying_row_count=False,
        )
        rows.write_parquet(output.table, filesystem=output.filesystem)
