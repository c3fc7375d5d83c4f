"""``python -m attune.cluster``: the summary as JSON on stdout, what people want to know on stderr.

Exit code 0: every track has a result; 1: some have an error or no row; 2: wrong usage.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence

from ..errors import AttuneError
from .options import Options
from .output import Summary
from .run import run


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; the exit code."""
    typed = _parser().parse_args(arguments)
    try:
        summary = run(_options(typed))
    except AttuneError as error:
        print(f"attune.cluster: {error}", file=sys.stderr)
        return 1
    print(summary.document())
    for line in _for_people(summary):
        print(line, file=sys.stderr)
    return 0 if not summary.errors and not summary.missing else 1


def _parser() -> argparse.ArgumentParser:
    defaults = Options(manifest="", out="")
    parser = argparse.ArgumentParser(
        prog="python -m attune.cluster",
        description="Analyses every track of a manifest on a Ray cluster, and goes on where an earlier run ended.",
    )
    add = parser.add_argument
    add("--manifest", required=True, help="Parquet, CSV or NDJSON with columns uri and, if wanted, track_id")
    add("--out", required=True, help="folder or URI; all nodes can write to it")
    add("--address", help="of the Ray cluster (default: RAY_ADDRESS, or else this machine alone)")
    add("--actors", type=int, help="analyzers at once (default: one for each CPU of the cluster)")
    blocks = "tracks between two checkpoints (%(default)s)"
    add("--rows-per-block", type=int, default=defaults.rows_per_block, help=blocks)
    add(
        "--length-limit",
        type=float,
        default=defaults.length_limit_s,
        metavar="SECONDS",
        help="a longer track is an error; 0: no limit (%(default)g)",
    )
    add(
        "--time-limit",
        type=float,
        default=defaults.time_limit_s,
        metavar="SECONDS",
        help="a track that takes longer is an error; 0: no limit (%(default)g)",
    )
    add("--model", action="append", default=[], metavar="NAME.json", help="instead of the bundled models; repeatable")
    add("--sections", type=int, metavar="K", help="also list sections, each K steps after it began")
    add("--worker", metavar="COMMAND", help="what analyses, if not python -m attune.worker")
    return parser


def _options(typed: argparse.Namespace) -> Options:
    analyzer = {"models": typed.model, "sections": typed.sections}
    return Options(
        manifest=typed.manifest,
        out=typed.out,
        address=typed.address,
        actors=typed.actors,
        rows_per_block=typed.rows_per_block,
        length_limit_s=typed.length_limit or None,
        time_limit_s=typed.time_limit or None,
        analyzer={name: value for name, value in analyzer.items() if value},
        worker=tuple(shlex.split(typed.worker)) if typed.worker else None,
        progress=sys.stderr.isatty(),
    )


def _for_people(summary: Summary) -> list[str]:
    new = f"{summary.analyzed} of them new, in {summary.wall_s:.1f} s"
    lines = [f"{summary.rows} rows of {summary.tracks} tracks, {new}"]
    if summary.errors:
        lines.append("errors: " + ", ".join(f"{count} {kind}" for kind, count in summary.errors.items()))
    if summary.missing:
        lines.append(f"{summary.missing} tracks have no row: run the same command again")
    return lines


if __name__ == "__main__":
    sys.exit(main())
