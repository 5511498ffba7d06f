"""Which model a request means."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Target:
    """Which model a request means.

    Args:
        name: of the model.
        version: None for the highest.
        label: "" for none; not together with a version.
    """

    name: str
    version: int | None = None
    label: str = ""
