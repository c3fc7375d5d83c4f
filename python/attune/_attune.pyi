"""The extension module; `attune` has what users call."""

import os
from typing import Any

import numpy as np
import numpy.typing as npt

__version__: str

_Limits = tuple[float | None, float | None]
_Columns = dict[str, Any]

class Engine:
    def __new__(cls, manifests: list[str], smoothing: str | None, sections: int | None) -> Engine: ...
    @property
    def genres(self) -> list[str]: ...
    @property
    def models(self) -> list[tuple[str, str]]: ...
    @property
    def has_gate(self) -> bool: ...
    @property
    def hop_s(self) -> float: ...
    def file(
        self, path: str | os.PathLike[str], name: str | None, limits: _Limits, with_hops: bool
    ) -> tuple[str, _Columns | None]: ...
    def samples(
        self,
        samples: npt.NDArray[np.float32],
        rate_hz: int,
        name: str,
        limits: _Limits,
        with_hops: bool,
    ) -> tuple[str, _Columns | None]: ...

class Stream:
    def __new__(cls, engine: Engine, rate_hz: int) -> Stream: ...
    def push(self, samples: npt.NDArray[np.float32]) -> _Columns: ...
    def finish(self) -> _Columns: ...
    def reset(self, at_s: float) -> None: ...
    @property
    def not_finite(self) -> int: ...
    @property
    def faults(self) -> list[str]: ...
