"""One period or market of a stream."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tfprompt.data.split import Split


@dataclass(frozen=True, eq=False)
class Stage(Split):
    """A `Split` whose requests are answered from a part of the catalog.

    Args:
        train: the stage's own training events.
        validation: requests to choose settings by.
        test: requests to report.
        name: of the stage.
        dropped: what was left out, by reason, as counts.
        candidates: bool `[N]`, the items that a request of this stage may be answered with,
            whatever the model has been trained on; None for all.
    """

    candidates: np.ndarray | None = None

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over catalog, events, requests and candidates."""
        digest = hashlib.sha256(super().fingerprint.encode())
        if self.candidates is not None:
            digest.update(np.packbits(self.candidates).tobytes())
        return digest.hexdigest()
