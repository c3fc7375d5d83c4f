"""What goes wrong: one exception with a kind for scripts, and a message and a remedy for people."""

from __future__ import annotations

import json


class AttuneError(Exception):
    """A sound that cannot be analysed, a model that cannot be loaded, a setting that cannot be.

    `kind` is one of those that ``attune analyze --json`` writes (``not_found``, ``permission_denied``, ``not_a_file``,
    ``empty``, ``unreadable``, ``unsupported``, ``no_audio``, ``truncated``, ``model``), or ``settings``, ``too_long``,
    ``time_limit``, ``crashed`` (a worker's process ended), ``internal`` (a fault of Attune's), ``missing`` (a package).
    """

    kind: str
    message: str
    remedy: str

    def __init__(self, kind: str, message: str, remedy: str) -> None:
        # All three are arguments, so that the exception survives pickling.
        super().__init__(kind, message, remedy)
        self.kind = kind
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  {self.remedy}" if self.remedy else self.message

    def document(self, path: str) -> str:
        """The document that ``attune analyze --json`` writes for a file that failed."""
        error = {"kind": self.kind, "message": self.message, "remedy": self.remedy}
        return json.dumps(
            {"source": {"path": path}, "error": error}, ensure_ascii=False, separators=(",", ":")
        )
