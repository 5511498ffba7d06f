"""What a server tells about a version."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class VersionStatus:
    """What became of a version.

    Args:
        version: its number.
        state: "LOADING", "AVAILABLE", "UNLOADING" or "END", as GetModelStatus names them.
        code: gRPC status, other than "OK" where it failed to load.
        message: why it failed.
    """

    version: int
    state: str
    code: str = "OK"
    message: str = ""
