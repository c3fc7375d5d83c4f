"""A collection of tracks on a Ray cluster: one row of Parquet for each track, kept as it is made.

Ray Data schedules: it keeps a pool of processes (`listen.Listen`), streams keys through them (never audio), starts what
was lost again, and remembers which rows are written. What runs here is the same analyzer as everywhere else.

``python -m attune.cluster --manifest tracks.parquet --out results`` is the command. Needs ``pip install attune[ray]``.
"""

from .options import Options
from .output import Summary, read
from .run import run

__all__ = ["Options", "Summary", "read", "run"]
